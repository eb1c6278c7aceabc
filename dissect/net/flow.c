/*
 * Flows lie in an arena in the order of their beginning, so that those of the moment are neighbours, one to a cache line. Beside
 * it an index in open addressing with linear probing: of each flow its number, a few bits of its hash, and how far it stands
 * from its home, all in four bytes. At most half of the index is used; it doubles. A full table lets a hand go round the arena
 * and takes the stalest of a few; where too many hashes collide, a new flow takes the place of one of them.
 */
#include "dissect/net/flow.h"

#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/large.h"
#include "capture/wire/rarely.h"

/* Of a slot. PROBES_MAX: chance alone makes no row of that length but once in hundreds of thousands where half is free. */
enum { ENTRY_BITS = 20, FAR_BITS = 6, PROBES_MAX = 1 << FAR_BITS, ROOM_MAX = (1 << ENTRY_BITS) - 1 };
enum { FIRST_HOMES = 2048, EVICTION_SAMPLE = 8, MEASURED_EVERY = 64, FLOWS_SOON = 8 };

/* Ends that are too long for a word each. */
struct long_ends {
    struct endpoint low, high;
    uint32_t next_free, tunnel;
    uint8_t ip_proto;
};

struct flow_table {
    uint32_t *index;  /* slots: entry, distance, tag; 0: free */
    struct flow *flows; /* the first and the last one are not used */
    uint32_t homes;   /* where probes begin; PROBES_MAX more slots follow, so that none has to wrap */
    uint32_t room, used;
    uint32_t hand, next_id;
    uint32_t likely;  /* the entry that the next new flow probably takes; may be the last one */
    uint64_t made, evicted;
    flow_fn *drop;
    void *drop_ctx;
    void *index_memory, *flows_memory;
    struct long_ends *ends; /* numbered from 1 */
    uint32_t ends_used, ends_room, ends_free;
    int64_t stale_ns; /* since when flows are about as stale as is usual, a while ago */
    uint32_t evictions;
};

static uint32_t *index_new(uint32_t homes, void **memory)
{
    return large_new(((size_t)homes + PROBES_MAX) * sizeof(uint32_t), memory);
}

struct flow_table *flow_table_new(uint32_t room)
{
    struct flow_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->room = room == 0 ? 1 : room > ROOM_MAX ? ROOM_MAX : room;
    t->homes = FIRST_HOMES;
    t->index = index_new(t->homes, &t->index_memory);
    t->hand = t->likely = 1;
    t->flows = filling_new(((size_t)t->room + 2) * sizeof *t->flows, &t->flows_memory);
    if (t->index == NULL || t->flows == NULL) {
        flow_table_free(t);
        return NULL;
    }
    return t;
}

void flow_table_free(struct flow_table *t)
{
    if (t == NULL)
        return;
    free(t->index_memory);
    free(t->flows_memory);
    free(t->ends);
    free(t);
}

/* What is looked for: the two ends in canonical order, each in a word with the IP protocol. */
struct key {
    uint64_t low, high;
    uint32_t hash;
    bool low_first;
};

/* Set in a word that is only a hash of an end that is too long for it; then the flow's ends say which ones these are. */
#define WORD_IS_HASH (UINT64_C(1) << 63)
/* Set in the lower word of ends of IPv4 that are in a tunnel; then the flow's ends say in which one. */
#define IN_TUNNEL (UINT64_C(1) << 62)

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* Words of IPv4 are in the order of endpoint_compare, and nothing else has the same. */
static inline uint64_t ipv4_word(const struct endpoint *e, uint8_t ip_proto)
{
    const uint8_t *b = e->address.bytes;
    return packet_end_word(ip_proto, (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3], e->port);
}

static uint64_t hashed_word(const struct endpoint *e, uint8_t ip_proto, uint32_t tunnel)
{
    uint64_t hash = hash_mix((uint64_t)tunnel << 32 | (uint32_t)ip_proto << 16 | e->port, load_u64(e->address.bytes));
    return hash_mix(hash ^ e->address.family, load_u64(e->address.bytes + 8)) | WORD_IS_HASH;
}

static inline uint32_t home_among(uint32_t homes, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * homes >> 32);
}

static inline uint32_t home_of(const struct flow_table *t, uint32_t hash)
{
    return home_among(t->homes, hash);
}

/* The bits of a slot: which entry; how far from its home it stands; the low bits of the hash, which tell most others apart. */
static inline uint32_t slot_of(uint32_t entry, uint32_t hash, uint32_t far)
{
    return entry | far << ENTRY_BITS | hash << (ENTRY_BITS + FAR_BITS);
}

static inline uint32_t entry_in(uint32_t slot)
{
    return slot & ROOM_MAX;
}

static inline bool has_tag(uint32_t slot, uint32_t hash)
{
    return (slot ^ hash << (ENTRY_BITS + FAR_BITS)) >> (ENTRY_BITS + FAR_BITS) == 0;
}

static inline uint32_t far_of(uint32_t slot)
{
    return slot >> ENTRY_BITS & (PROBES_MAX - 1);
}

static bool are_long_ends(const struct long_ends *e, const struct key *k, const struct endpoint *a, const struct endpoint *b,
                          uint8_t ip_proto, uint32_t tunnel)
{
    return e->ip_proto == ip_proto && e->tunnel == tunnel && endpoint_equal(&e->low, k->low_first ? a : b) &&
           endpoint_equal(&e->high, k->low_first ? b : a);
}

static inline bool is_flow_of(const struct flow_table *t, const struct flow *f, const struct key *k, const struct endpoint *a,
                              const struct endpoint *b, uint8_t ip_proto, uint32_t tunnel)
{
    if (f->key[0] != k->low || f->key[1] != k->high)
        return false;
    if ((k->low & WORD_IS_HASH) == 0)
        return f->ends == tunnel;
    return f->ends == 0 || are_long_ends(&t->ends[f->ends - 1], k, a, b, ip_proto, tunnel);
}

static struct key key_of(const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto, uint32_t tunnel)
{
    bool ipv4 = a->address.family == FAMILY_IPV4 && b->address.family == FAMILY_IPV4;
    uint64_t first = ipv4 ? ipv4_word(a, ip_proto) : hashed_word(a, ip_proto, tunnel);
    uint64_t second = ipv4 ? ipv4_word(b, ip_proto) : hashed_word(b, ip_proto, tunnel);
    bool low_first = ipv4 ? first <= second : endpoint_compare(a, b) <= 0;
    uint64_t low = low_first ? first : second, high = low_first ? second : first;
    uint64_t hash = hash_mix(low, high + ((uint64_t)tunnel << 32));
    return (struct key){ipv4 && tunnel != 0 ? low | IN_TUNNEL : low, high, (uint32_t)hash, low_first};
}

/* As key_of has it where there is no tunnel. */
static inline uint32_t hash_of_ends(const struct packet_ends *e)
{
    return (uint32_t)e->hash;
}

/* How far from its home the slot of a flow is, or the free one where it would go; PROBES_MAX when there is neither. */
static inline uint32_t probe(const struct flow_table *t, const struct key *k, const struct endpoint *a, const struct endpoint *b,
                             uint8_t ip_proto, uint32_t tunnel)
{
    const uint32_t *row = &t->index[home_of(t, k->hash)];
    uint32_t far = 0;
    while (far < PROBES_MAX && row[far] != 0 &&
           (!has_tag(row[far], k->hash) || !is_flow_of(t, &t->flows[entry_in(row[far])], k, a, b, ip_proto, tunnel)))
        far++;
    return far;
}

/* The same for a flow that is not there. */
static inline uint32_t probe_free(const struct flow_table *t, uint32_t hash)
{
    const uint32_t *row = &t->index[home_of(t, hash)];
    uint32_t far = 0;
    while (far < PROBES_MAX && row[far] != 0)
        far++;
    return far;
}

/* Doubles the index; when memory is short, or a row of it would be too long, the old one stays. */
RARELY_CALLED static void grow(struct flow_table *t)
{
    uint32_t *old = t->index, homes = t->homes;
    void *memory, *old_memory = t->index_memory;
    uint32_t *grown = index_new(2 * homes, &memory);
    bool kept = grown != NULL;
    t->index = grown;
    t->homes = 2 * homes;
    for (uint32_t i = 1; kept && i <= t->used; i++) {
        uint32_t hash = t->flows[i].hash, far = probe_free(t, hash);
        kept = far < PROBES_MAX;
        if (kept)
            grown[home_of(t, hash) + far] = slot_of(i, hash, far);
    }
    if (!kept) {
        t->index = old;
        t->homes = homes;
    }
    t->index_memory = kept ? memory : old_memory;
    free(kept ? old_memory : memory);
}

static inline void give_up(struct flow_table *t, struct flow *f, int64_t now_ns)
{
    if (now_ns < f->last_ns || (uint64_t)now_ns - (uint64_t)f->last_ns < (uint64_t)FLOW_YOUNG_NS)
        t->evicted++;
    if (t->drop != NULL)
        t->drop(t->drop_ctx, f);
    if (f->ends != 0 && (f->key[0] & WORD_IS_HASH) != 0) {
        t->ends[f->ends - 1].next_free = t->ends_free;
        t->ends_free = f->ends;
    }
}

/* For ends that are no words; 0 when memory is short, then the hashes have to tell. */
static uint32_t take_ends(struct flow_table *t)
{
    uint32_t item = t->ends_free;
    if (item != 0) {
        t->ends_free = t->ends[item - 1].next_free;
        return item;
    }
    if (t->ends_used == t->ends_room) {
        uint32_t more = t->ends_room == 0 ? 64 : t->ends_room * 2;
        struct long_ends *ends = realloc(t->ends, (size_t)more * sizeof *ends);
        if (ends == NULL)
            return 0;
        t->ends = ends;
        t->ends_room = more;
    }
    return ++t->ends_used;
}

static inline void prefetch(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p, 1);
#else
    (void)p;
#endif
}

/* Empties the slot of a flow and moves back what was displaced by it, so that no probe ends too early. Returns which slot is
 * free now. */
static inline uint32_t index_remove(struct flow_table *t, uint32_t entry)
{
    uint32_t hole = home_of(t, t->flows[entry].hash), *index = t->index, end = t->homes + PROBES_MAX, slot;
    while (entry_in(index[hole]) != entry)
        hole++;
    for (uint32_t i = hole + 1; i < end && (slot = index[i]) != 0; i++) {
        if (far_of(slot) < i - hole)
            continue;
        index[hole] = slot - ((i - hole) << ENTRY_BITS);
        hole = i;
    }
    index[hole] = 0;
    return hole;
}

static inline uint32_t next_entry(const struct flow_table *t, uint32_t at)
{
    return at < t->used ? at + 1 : 1;
}

/* Where both ends spoke, it counts as used a while longer: what floods has one end only. */
static inline int64_t stale_since(const struct flow *f)
{
    bool talk = f->packets[0] > 0 && f->packets[1] > 0;
    return f->last_ns + (talk ? FLOW_YOUNG_NS : 0);
}

/* How stale those are that the hand will look at next, on average, and an eighth of that time more. */
RARELY_CALLED static int64_t usually_stale_since(const struct flow_table *t, int64_t now_ns)
{
    int64_t usual = 0;
    for (uint32_t i = 0, at = t->hand; i < EVICTION_SAMPLE; i++, at = next_entry(t, at))
        usual += stale_since(&t->flows[at]) / EVICTION_SAMPLE;
    int64_t ago = elapsed_ns(now_ns, usual), more = ago < 0 ? -(ago / 8) : ago / 8;
    return usual < INT64_MAX - more ? usual + more : INT64_MAX;
}

/* Brings near what an eviction will look at when the hand has come so far: a slot, and the flow of a later one. */
static inline void prefetch_beyond(const struct flow_table *t, uint32_t at)
{
    uint32_t soon = at + FLOWS_SOON <= t->used ? at + FLOWS_SOON : 1;
    prefetch(&t->flows[soon + FLOWS_SOON <= t->used ? soon + FLOWS_SOON : 1]);
    prefetch(&t->index[home_of(t, t->flows[soon].hash)]);
}

/*
 * Makes an entry free by giving up the stalest of a few, or the first that is about as stale as is usual: where nearly all are,
 * as in a flood, one is looked at. Returns its number. *slot: of the index, that is free now.
 */
static inline uint32_t evict(struct flow_table *t, int64_t now_ns, uint32_t *slot)
{
    if (t->evictions++ % MEASURED_EVERY == 0)
        t->stale_ns = usually_stale_since(t, now_ns);
    uint32_t victim = t->hand, at = next_entry(t, victim), steps = 1;
    for (int64_t stalest = stale_since(&t->flows[victim]); stalest > t->stale_ns && steps < EVICTION_SAMPLE; steps++) {
        int64_t since = stale_since(&t->flows[at]);
        victim = since < stalest ? at : victim;
        stalest = since < stalest ? since : stalest;
        prefetch_beyond(t, at);
        at = next_entry(t, at);
    }
    prefetch_beyond(t, t->hand);
    t->hand = at;
    give_up(t, &t->flows[victim], now_ns);
    *slot = index_remove(t, victim);
    return victim;
}

/* Gives up the stalest of a few flows that stand where a new one with this hash would have to; returns its number. *far: of its
 * slot, which is the new one's. */
RARELY_CALLED static uint32_t displace(struct flow_table *t, uint32_t hash, int64_t now_ns, uint32_t *far)
{
    const uint32_t *row = &t->index[home_of(t, hash)];
    uint32_t first = t->next_id * EVICTION_SAMPLE % PROBES_MAX;
    *far = first;
    for (uint32_t i = first + 1; i < first + EVICTION_SAMPLE; i++)
        if (stale_since(&t->flows[entry_in(row[i])]) < stale_since(&t->flows[entry_in(row[*far])]))
            *far = i;
    give_up(t, &t->flows[entry_in(row[*far])], now_ns);
    return entry_in(row[*far]);
}

/* A number for a new flow of this hash; *far: how far from its home a free slot is, PROBES_MAX without one, and where its slot
 * will be. */
static inline uint32_t take_entry(struct flow_table *t, uint32_t hash, int64_t now_ns, uint32_t *far)
{
    bool full = t->used == t->room;
    if (!full && t->used >= t->homes / 2) {
        grow(t);
        *far = probe_free(t, hash);
    }
    if (*far == PROBES_MAX)
        return displace(t, hash, now_ns, far);
    if (!full && t->used < t->homes - t->homes / 8 /* else it could not grow */) {
        prefetch(&t->flows[t->used + FLOWS_SOON < t->room ? t->used + FLOWS_SOON : 0]);
        return ++t->used;
    }
    uint32_t slot, entry = evict(t, now_ns, &slot), nearer = slot - home_of(t, hash);
    *far = nearer < *far ? nearer : *far; /* an earlier one of this row, where all were taken */
    return entry;
}

static inline struct flow *make(struct flow_table *t, const struct packet *p, const struct key *k, uint32_t far)
{
    uint32_t entry = take_entry(t, k->hash, p->frame->time_ns, &far);
    struct flow *f = &t->flows[entry];
    t->index[home_of(t, k->hash) + far] = slot_of(entry, k->hash, far);
    *f = (struct flow){.key = {k->low, k->high}, .hash = k->hash, .low_is_client = k->low_first,
                       .is_tcp = p->ip_proto == IP_PROTO_TCP, .id = ++t->next_id};
    t->likely = entry + 1;
    t->made++;
    return f;
}

/* Three slots are looked at, whatever is in them: at which one the search ends nobody could foresee, and a branch about it would
 * be taken wrongly often. A new flow's next packets may find it made. */
static inline uint32_t likely_entry(const uint32_t *row, uint32_t hash, uint32_t otherwise)
{
    uint32_t first = row[0], second = row[1], third = row[2], slot = otherwise;
    slot = has_tag(third, hash) ? third : slot;
    slot = has_tag(second, hash) ? second : slot;
    slot = has_tag(first, hash) ? first : slot;
    return entry_in(slot);
}

void flow_look(const struct flow_table *t, const struct packet_ends *const *ends, size_t count, struct flow_ahead *ahead)
{
    const uint32_t *index = t->index, homes = t->homes, next = t->likely;
    struct flow *flows = t->flows;
    for (size_t i = 0; i < count; i++) {
        ahead[i].ends = ends[i];
        if (ends[i] == NULL)
            continue;
        ahead[i].home = home_among(homes, hash_of_ends(ends[i]));
        prefetch(&index[ahead[i].home]);
    }
    for (size_t i = 0; i < count; i++) {
        if (ends[i] == NULL)
            continue;
        ahead[i].flow = &flows[likely_entry(&index[ahead[i].home], hash_of_ends(ends[i]), next)];
        prefetch(ahead[i].flow);
    }
}

/* Where a flow is, or where it is not yet. */
struct found {
    struct key key;
    uint32_t far;      /* when there is none, of the slot for it */
    struct flow *flow; /* NULL: there is none */
};

/* Where both ends are words, the words are all that tells flows apart. */
static inline struct found find_words(const struct flow_table *t, const struct packet_ends *e)
{
    struct found found = {.key = {e->low, e->high, hash_of_ends(e), e->from_low}};
    const uint32_t *row = &t->index[home_of(t, found.key.hash)];
    for (uint32_t slot; found.far < PROBES_MAX && (slot = row[found.far]) != 0; found.far++) {
        struct flow *f = &t->flows[entry_in(slot)];
        if (has_tag(slot, found.key.hash) && f->key[0] == e->low && f->key[1] == e->high) {
            found.flow = f;
            break;
        }
    }
    return found;
}

RARELY_CALLED static struct found find_any(const struct flow_table *t, const struct endpoint *a, const struct endpoint *b,
                                           uint8_t ip_proto, uint32_t tunnel)
{
    struct found found = {.key = key_of(a, b, ip_proto, tunnel)};
    found.far = probe(t, &found.key, a, b, ip_proto, tunnel);
    uint32_t slot = found.far < PROBES_MAX ? t->index[home_of(t, found.key.hash) + found.far] : 0;
    found.flow = slot != 0 ? &t->flows[entry_in(slot)] : NULL;
    return found;
}

/* Of a flow of which the words do not say all. */
RARELY_CALLED static void keep_ends(struct flow_table *t, struct flow *f, const struct packet *p)
{
    bool in_words = (f->key[0] & WORD_IS_HASH) == 0;
    f->ends = in_words ? p->tunnel : take_ends(t);
    if (!in_words && f->ends != 0)
        t->ends[f->ends - 1] = (struct long_ends){.low = f->low_is_client ? p->src : p->dst, .tunnel = p->tunnel,
                                                  .high = f->low_is_client ? p->dst : p->src, .ip_proto = p->ip_proto};
}

struct flow *flow_of(struct flow_table *t, const struct packet *p, const struct flow_ahead *a, bool *from_low, bool *fresh)
{
    struct found found;
    if (a != NULL && a->ends != NULL)
        found = find_words(t, a->ends);
    else
        found = find_any(t, &p->src, &p->dst, p->ip_proto, p->tunnel);
    struct flow *f = found.flow;
    *from_low = found.key.low_first;
    *fresh = f == NULL;
    if (f == NULL)
        f = make(t, p, &found.key, found.far);
    if (*fresh && (f->key[0] & (WORD_IS_HASH | IN_TUNNEL)) != 0)
        keep_ends(t, f, p);
    flow_add(f, p, *from_low);
    return f;
}

struct flow *flow_find(struct flow_table *t, const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto,
                       uint32_t tunnel)
{
    return find_any(t, a, b, ip_proto, tunnel).flow;
}

void flow_on_drop(struct flow_table *t, flow_fn *drop, void *ctx)
{
    t->drop = drop;
    t->drop_ctx = ctx;
}

void flow_each(struct flow_table *t, flow_fn *each, void *ctx)
{
    for (uint32_t i = 1; i <= t->used; i++)
        each(ctx, &t->flows[i]);
}

uint64_t flow_count(const struct flow_table *t)
{
    return t->made;
}

uint64_t flow_evicted(const struct flow_table *t)
{
    return t->evicted;
}
