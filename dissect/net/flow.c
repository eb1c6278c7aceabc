/*
 * An index of (hash, entry number) pairs, open addressing with linear probing, beside an arena of entries in chunks
 * that never move: a probe touches one cache line of the index and then the entry it is looking for. The index
 * doubles from the hashes it holds. A full table lets a hand go round the arena and takes the stalest of a few; where
 * too many hashes collide, a new flow takes the place of one of them.
 */
#include "dissect/net/flow.h"

#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/large.h"
#include "capture/wire/rarely.h"

/* PROBES_MAX: chance alone, at five eighths of the index, makes no row of that length. */
enum { CHUNK = 1024, CACHE_LINE = 64, SINGLE_CHUNKS = 16, GROUP = 64 /* chunks */, INDEX_MIN = 2048, EVICTION_SAMPLE = 8, MEASURED_EVERY = 16, SLOTS_LOOKED_AT = 8, PROBES_MAX = 256, RECENT_BITS = 7, RECENT = 1 << RECENT_BITS };

struct slot {
    uint32_t hash;
    uint32_t entry; /* number + 1; 0: empty */
};

/* The flow that the latest packet of these ends, in this direction, belonged to: most packets follow one like them. */
struct recent {
    struct packet_ends ends; /* ports 0: none */
    struct flow *flow;
    uint32_t id; /* the flow's; its entry may have been given to another since */
    bool from_low;
};

struct flow_table {
    struct slot *index;
    void *index_memory;
    uint32_t index_mask;
    uint32_t used;   /* entries in use; they are numbered from 0 without gaps */
    uint32_t room;
    uint32_t hand;
    uint32_t next_id;
    uint64_t made, evicted;
    flow_fn *drop;
    void *drop_ctx;
    struct flow **chunks; /* each on a cache line */
    void **memory;        /* where each lies */
    int64_t idle_ns;      /* usual_idle, a while ago */
    uint32_t evictions;
    struct recent recent[RECENT];
};

/* The first ones come one by one, further ones in groups. */
static bool make_chunk(struct flow_table *t, uint32_t number)
{
    bool single = number < SINGLE_CHUNKS;
    uint32_t left = t->room / CHUNK + 1 - number, count = single ? 1 : left < GROUP ? left : GROUP;
    struct flow *flows = large_new((size_t)count * CHUNK * sizeof *flows, &t->memory[number]);
    if (flows == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        t->chunks[number + i] = flows + (size_t)i * CHUNK;
    return true;
}

struct flow_table *flow_table_new(uint32_t room)
{
    struct flow_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->room = room == 0 ? 1 : room > UINT32_MAX / 4 ? UINT32_MAX / 4 : room;
    t->index_mask = INDEX_MIN - 1;
    t->index = large_new(INDEX_MIN * sizeof *t->index, &t->index_memory);
    t->chunks = calloc((size_t)t->room / CHUNK + 1, sizeof *t->chunks);
    t->memory = calloc((size_t)t->room / CHUNK + 1, sizeof *t->memory);
    if (t->index == NULL || t->chunks == NULL || t->memory == NULL || !make_chunk(t, 0)) {
        flow_table_free(t);
        return NULL;
    }
    return t;
}

void flow_table_free(struct flow_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; t->memory != NULL && i <= t->room / CHUNK; i++)
        free(t->memory[i]);
    free(t->memory);
    free(t->chunks);
    free(t->index_memory);
    free(t);
}

static struct flow *entry_at(const struct flow_table *t, uint32_t number)
{
    return &t->chunks[number / CHUNK][number % CHUNK];
}

/* What is looked for: the two ends in canonical order, each in a word with the IP protocol. */
struct key {
    uint64_t low, high;
    uint32_t hash;
    bool low_first;
};

/* Set in a word that is only a hash of an end that is too long for it. */
#define WORD_IS_HASH (UINT64_C(1) << 63)

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
    uint32_t address = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return (uint64_t)ip_proto << 48 | (uint64_t)address << 16 | e->port;
}

static uint64_t hashed_word(const struct endpoint *e, uint8_t ip_proto)
{
    uint64_t hash = hash_mix((uint64_t)ip_proto << 32 | e->port, load_u64(e->address.bytes));
    return hash_mix(hash ^ e->address.family, load_u64(e->address.bytes + 8)) | WORD_IS_HASH;
}

static inline uint32_t hash_of(uint64_t low, uint64_t high, uint32_t tunnel)
{
    return (uint32_t)hash_mix(low, high + ((uint64_t)tunnel << 32));
}

static bool is_flow_of(const struct flow *f, const struct key *k, const struct endpoint *a, const struct endpoint *b,
                       uint8_t ip_proto, uint32_t tunnel)
{
    if (f->key[0] != k->low || f->key[1] != k->high || f->tunnel != tunnel)
        return false;
    return (k->low & WORD_IS_HASH) == 0 ||
           (f->ip_proto == ip_proto && endpoint_equal(&f->low, k->low_first ? a : b) &&
            endpoint_equal(&f->high, k->low_first ? b : a));
}

static inline struct key key_of_words(uint64_t first, uint64_t second, bool low_first, uint32_t tunnel)
{
    uint64_t low = low_first ? first : second, high = low_first ? second : first;
    return (struct key){low, high, hash_of(low, high, tunnel), low_first};
}

static struct key key_of(const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto, uint32_t tunnel)
{
    bool ipv4 = a->address.family == FAMILY_IPV4 && b->address.family == FAMILY_IPV4;
    uint64_t first = ipv4 ? ipv4_word(a, ip_proto) : hashed_word(a, ip_proto);
    uint64_t second = ipv4 ? ipv4_word(b, ip_proto) : hashed_word(b, ip_proto);
    return key_of_words(first, second, ipv4 ? first <= second : endpoint_compare(a, b) <= 0, tunnel);
}

/* The same for IPv4 in no tunnel. */
static inline struct key key_of_ends(struct packet_ends e)
{
    const uint8_t *b = (const uint8_t *)&e.addresses;
    uint32_t from = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    uint32_t to = (uint32_t)b[4] << 24 | (uint32_t)b[5] << 16 | (uint32_t)b[6] << 8 | b[7];
    uint64_t proto = e.ports >> 32 << 48;
    uint64_t first = proto | (uint64_t)from << 16 | (e.ports >> 16 & 0xffff), second = proto | (uint64_t)to << 16 | (e.ports & 0xffff);
    return key_of_words(first, second, first <= second, 0);
}

/* The index slot of a flow, or the empty one where it would go; NULL when there is neither near enough to its place. */
static inline struct slot *probe(const struct flow_table *t, const struct key *k, const struct endpoint *a,
                                 const struct endpoint *b, uint8_t ip_proto, uint32_t tunnel)
{
    for (uint32_t i = 0; i < PROBES_MAX; i++) {
        struct slot *s = &t->index[(k->hash + i) & t->index_mask];
        if (s->entry == 0 || (s->hash == k->hash && is_flow_of(entry_at(t, s->entry - 1), k, a, b, ip_proto, tunnel)))
            return s;
    }
    return NULL;
}

/* The slot of an entry that is held, or, for none (0), the first empty one: there is one. */
static struct slot *slot_with(const struct flow_table *t, uint32_t hash, uint32_t entry)
{
    uint32_t at = hash & t->index_mask;
    while (t->index[at].entry != entry)
        at = (at + 1) & t->index_mask;
    return &t->index[at];
}

/* Doubles the index; when memory is short the old one stays, and serves as long as it has an empty slot. Taken in their
 * order from behind an empty slot on, none comes to lie further from its place than before. */
static void grow_index(struct flow_table *t)
{
    uint32_t mask = t->index_mask * 2 + 1;
    void *memory;
    struct slot *grown = large_new(((size_t)mask + 1) * sizeof *grown, &memory);
    if (grown == NULL)
        return;
    uint32_t empty = 0;
    while (t->index[empty].entry != 0)
        empty++;
    for (uint32_t i = 1; i <= t->index_mask; i++) {
        struct slot moved = t->index[(empty + i) & t->index_mask];
        if (moved.entry == 0)
            continue;
        uint32_t at = moved.hash & mask;
        while (grown[at].entry != 0)
            at = (at + 1) & mask;
        grown[at] = moved;
    }
    free(t->index_memory);
    t->index = grown;
    t->index_memory = memory;
    t->index_mask = mask;
}

/* Empties a slot and moves back what was displaced by it, so that no probe ends too early. */
static void index_remove(struct flow_table *t, struct slot *s)
{
    uint32_t hole = (uint32_t)(s - t->index);
    for (uint32_t i = (hole + 1) & t->index_mask; t->index[i].entry != 0; i = (i + 1) & t->index_mask) {
        uint32_t home = t->index[i].hash & t->index_mask;
        bool reachable = ((i - home) & t->index_mask) >= ((i - hole) & t->index_mask);
        if (!reachable)
            continue;
        t->index[hole] = t->index[i];
        hole = i;
    }
    t->index[hole].entry = 0;
}

static void give_up(struct flow_table *t, struct flow *f, int64_t now_ns)
{
    if (now_ns < f->last_ns || (uint64_t)now_ns - (uint64_t)f->last_ns < (uint64_t)FLOW_YOUNG_NS)
        t->evicted++;
    if (t->drop != NULL)
        t->drop(t->drop_ctx, f);
}

static inline void prefetch(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p, 1);
#else
    (void)p;
#endif
}

static inline void step_hand(struct flow_table *t)
{
    t->hand = t->hand + 1 < t->used ? t->hand + 1 : 0;
}

static uint32_t hash_of_flow(const struct flow *f)
{
    return hash_of(f->key[0], f->key[1], f->tunnel);
}

/* What the next evictions will look at. */
static void prefetch_next(const struct flow_table *t)
{
    uint32_t after = t->hand + 1 < t->used ? t->hand + 1 : 0;
    const struct flow *soon = entry_at(t, after);
    prefetch(soon);
    prefetch((const uint8_t *)soon + CACHE_LINE);
    prefetch(&t->index[hash_of_flow(entry_at(t, t->hand)) & t->index_mask]);
}

static int64_t idle_of(const struct flow *f, int64_t now_ns)
{
    return now_ns > f->last_ns ? elapsed_ns(now_ns, f->last_ns) : 0;
}

/* How long those that the hand will look at next have been silent, on average. */
static int64_t usual_idle(const struct flow_table *t, int64_t now_ns)
{
    int64_t sum = 0;
    for (uint32_t i = 0, at = t->hand; i < EVICTION_SAMPLE; i++) {
        sum += idle_of(entry_at(t, at), now_ns) / EVICTION_SAMPLE;
        at = at + 1 < t->used ? at + 1 : 0;
    }
    return sum;
}

/*
 * Makes an entry free by giving up the stalest of a few, or the first that has been silent about as long as is usual: where
 * nearly all are stale, as in a flood, one is looked at. Returns its number.
 */
static uint32_t evict(struct flow_table *t, int64_t now_ns)
{
    uint32_t victim = t->hand;
    if (t->evictions++ % MEASURED_EVERY == 0)
        t->idle_ns = usual_idle(t, now_ns);
    int64_t enough = t->idle_ns - t->idle_ns / 8;
    for (uint32_t i = 0; i < EVICTION_SAMPLE; i++) {
        if (entry_at(t, t->hand)->last_ns < entry_at(t, victim)->last_ns)
            victim = t->hand;
        step_hand(t);
        if (enough > 0 && idle_of(entry_at(t, victim), now_ns) >= enough)
            break;
    }
    struct flow *f = entry_at(t, victim);
    give_up(t, f, now_ns);
    index_remove(t, slot_with(t, hash_of_flow(f), victim + 1));
    prefetch_next(t);
    return victim;
}

/* A number for a new entry: a fresh one while there is room and memory. */
static uint32_t take_entry(struct flow_table *t, int64_t now_ns)
{
    if (t->used >= t->room)
        return evict(t, now_ns);
    if (t->used > t->index_mask / 8 * 5)
        grow_index(t);
    bool index_full = t->used >= t->index_mask - t->index_mask / 16;
    struct flow **chunk = &t->chunks[t->used / CHUNK];
    if (index_full || (*chunk == NULL && !make_chunk(t, t->used / CHUNK)))
        return evict(t, now_ns);
    return t->used++;
}

/* The slot of the stalest of a few flows that stand where a new one with this hash would have to; it is given up. */
static struct slot *displace(struct flow_table *t, uint32_t hash, int64_t now_ns)
{
    struct slot *victim = NULL;
    for (uint32_t i = 0; i < EVICTION_SAMPLE; i++) {
        uint32_t at = (t->next_id * EVICTION_SAMPLE + i) % PROBES_MAX;
        struct slot *s = &t->index[(hash + at) & t->index_mask];
        if (victim == NULL || entry_at(t, s->entry - 1)->last_ns < entry_at(t, victim->entry - 1)->last_ns)
            victim = s;
    }
    give_up(t, entry_at(t, victim->entry - 1), now_ns);
    return victim;
}

/* s: where it belongs in the index; NULL: too many others stand there. */
static struct flow *make(struct flow_table *t, const struct packet *p, const struct key *k, struct slot *s)
{
    int64_t now_ns = p->frame->time_ns;
    uint32_t number;
    if (s == NULL) {
        s = displace(t, k->hash, now_ns);
        number = s->entry - 1;
    } else {
        number = take_entry(t, now_ns);
        s = slot_with(t, k->hash, 0); /* the index may have changed */
    }
    *s = (struct slot){k->hash, number + 1};
    struct flow *f = entry_at(t, number);
    *f = (struct flow){.key = {k->low, k->high}, .low = k->low_first ? p->src : p->dst, .high = k->low_first ? p->dst : p->src,
                       .tunnel = p->tunnel, .ip_proto = p->ip_proto, .low_is_client = k->low_first, .id = ++t->next_id};
    t->made++;
    return f;
}

static inline size_t recent_slot(struct packet_ends e)
{
    return (size_t)((e.addresses ^ e.ports << 16) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - RECENT_BITS));
}

RARELY_CALLED static struct flow *find_and_remember(struct flow_table *t, const struct packet *p, struct recent *r,
                                                    bool *from_low, bool *fresh)
{
    bool plain = p->ends.ports != 0;
    struct key k = plain ? key_of_ends(p->ends) : key_of(&p->src, &p->dst, p->ip_proto, p->tunnel);
    struct slot *s = probe(t, &k, &p->src, &p->dst, p->ip_proto, p->tunnel);
    *from_low = k.low_first;
    *fresh = s == NULL || s->entry == 0;
    struct flow *f = *fresh ? make(t, p, &k, s) : entry_at(t, s->entry - 1);
    if (plain)
        *r = (struct recent){p->ends, f, f->id, *from_low};
    return f;
}

uint32_t flow_ahead(const struct flow_table *t, struct packet_ends ends)
{
    const struct recent *r = &t->recent[recent_slot(ends)];
    if (r->ends.ports == ends.ports && r->ends.addresses == ends.addresses)
        return 0;
    uint32_t hash = key_of_ends(ends).hash;
    prefetch(&t->index[hash & t->index_mask]);
    return hash;
}

void flow_soon(const struct flow_table *t, uint32_t ahead)
{
    for (uint32_t i = 0; i < SLOTS_LOOKED_AT; i++) {
        const struct slot *s = &t->index[(ahead + i) & t->index_mask];
        if (s->entry == 0)
            return;
        if (s->hash == ahead) {
            prefetch(entry_at(t, s->entry - 1));
            return;
        }
    }
}

struct flow *flow_of(struct flow_table *t, const struct packet *p, bool *from_low, bool *fresh)
{
    struct recent *r = &t->recent[recent_slot(p->ends)];
    struct flow *f = r->flow;
    *fresh = false;
    if (p->ends.ports != 0 && r->ends.ports == p->ends.ports && r->ends.addresses == p->ends.addresses && f->id == r->id)
        *from_low = r->from_low;
    else
        f = find_and_remember(t, p, r, from_low, fresh);
    f->packets[*from_low ? 0 : 1]++;
    f->bytes += p->payload_wire_len;
    f->last_ns = p->frame->time_ns;
    return f;
}

struct flow *flow_find(struct flow_table *t, const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto,
                       uint32_t tunnel)
{
    struct key k = key_of(a, b, ip_proto, tunnel);
    const struct slot *s = probe(t, &k, a, b, ip_proto, tunnel);
    return s == NULL || s->entry == 0 ? NULL : entry_at(t, s->entry - 1);
}

void flow_on_drop(struct flow_table *t, flow_fn *drop, void *ctx)
{
    t->drop = drop;
    t->drop_ctx = ctx;
}

void flow_each(struct flow_table *t, flow_fn *each, void *ctx)
{
    for (uint32_t i = 0; i < t->used; i++)
        each(ctx, entry_at(t, i));
}

uint64_t flow_count(const struct flow_table *t)
{
    return t->made;
}

uint64_t flow_evicted(const struct flow_table *t)
{
    return t->evicted;
}
