/*
 * Open addressing with linear probing: an array of tags, sixteen to a cache line, and at the same places an array of flows,
 * one to a cache line. A probe reads tags and then the one flow that it is looking for. At most half of the places are used;
 * their use begins small and doubles. Homes follow from the upper bits of the hashes, so that they double in place. A full table lets a hand go round and takes the stalest of a few; where too many hashes collide,
 * a new flow takes the place of one of them.
 */
#include "dissect/net/flow.h"

#include <stdlib.h>

#include "capture/platform.h"
#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/large.h"
#include "capture/wire/rarely.h"

/* PROBES_MAX: chance alone makes no row of that length where half is free. */
enum { FIRST_HOMES = 2048, EVICTION_SAMPLE = 8, MEASURED_EVERY = 16, PROBES_SOON = 12, PROBES_MAX = 256, LINES_AHEAD = 3 };

/* Ends that are too long for a word each. */
struct long_ends {
    struct endpoint low, high;
    uint32_t next_free;
    uint8_t ip_proto;
};

struct flow_table {
    uint32_t *tags;     /* hash of the flow at that place; 0: none */
    struct flow *flows;
    uint32_t homes;     /* where probes begin; PROBES_MAX more places follow, so that none has to wrap */
    uint32_t homes_max, room, used;
    uint32_t hand, next_id;
    uint64_t made, evicted;
    flow_fn *drop;
    void *drop_ctx;
    void *tags_memory, *flows_memory;
    struct long_ends *ends; /* numbered from 1 */
    uint32_t ends_used, ends_room, ends_free;
    int64_t idle_ns; /* usual_idle, a while ago */
    uint32_t evictions;
};

static inline uint32_t places_of(uint32_t homes)
{
    return homes + PROBES_MAX;
}

struct flow_table *flow_table_new(uint32_t room)
{
    struct flow_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->room = room == 0 ? 1 : room > UINT32_MAX / 4 ? UINT32_MAX / 4 : room;
    t->homes_max = 2 * t->room;
    t->homes = t->homes_max;
    while (t->homes > FIRST_HOMES)
        t->homes = (t->homes + 1) / 2;
    t->tags = zeroed_new(places_of(t->homes_max) * sizeof *t->tags, &t->tags_memory);
    t->flows = zeroed_new(places_of(t->homes_max) * sizeof *t->flows, &t->flows_memory);
    if (t->tags != NULL && t->flows != NULL)
        return t;
    flow_table_free(t);
    return NULL;
}

void flow_table_free(struct flow_table *t)
{
    if (t == NULL)
        return;
    free(t->tags_memory);
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

/* Never 0. */
static inline uint32_t hash_of(uint64_t low, uint64_t high, uint32_t tunnel)
{
    return (uint32_t)hash_mix(low, high + ((uint64_t)tunnel << 32)) | 1;
}

static inline uint32_t home_of(const struct flow_table *t, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * t->homes >> 32);
}

static bool are_long_ends(const struct long_ends *e, const struct key *k, const struct endpoint *a, const struct endpoint *b,
                          uint8_t ip_proto)
{
    return e->ip_proto == ip_proto && endpoint_equal(&e->low, k->low_first ? a : b) &&
           endpoint_equal(&e->high, k->low_first ? b : a);
}

static inline bool is_flow_of(const struct flow_table *t, const struct flow *f, const struct key *k, const struct endpoint *a,
                              const struct endpoint *b, uint8_t ip_proto, uint32_t tunnel)
{
    if (f->key[0] != k->low || f->key[1] != k->high || f->tunnel != tunnel)
        return false;
    return f->ends == 0 || are_long_ends(&t->ends[f->ends - 1], k, a, b, ip_proto);
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

/* The place of a flow, or the free one where it would go; the end of the row when there is neither near enough. */
static inline uint32_t probe(const struct flow_table *t, const struct key *k, const struct endpoint *a, const struct endpoint *b,
                             uint8_t ip_proto, uint32_t tunnel)
{
    uint32_t at = home_of(t, k->hash), end = at + PROBES_MAX;
    while (at < end && t->tags[at] != 0 &&
           (t->tags[at] != k->hash || !is_flow_of(t, &t->flows[at], k, a, b, ip_proto, tunnel)))
        at++;
    return at;
}

/* The first free place for a hash, or the end of its row. */
static inline uint32_t free_place(const struct flow_table *t, uint32_t hash)
{
    uint32_t at = home_of(t, hash), end = at + PROBES_MAX;
    while (at < end && t->tags[at] != 0)
        at++;
    return at;
}

static void give_up(struct flow_table *t, struct flow *f, int64_t now_ns)
{
    if (now_ns < f->last_ns || (uint64_t)now_ns - (uint64_t)f->last_ns < (uint64_t)FLOW_YOUNG_NS)
        t->evicted++;
    if (t->drop != NULL)
        t->drop(t->drop_ctx, f);
    if (f->ends != 0) {
        t->ends[f->ends - 1].next_free = t->ends_free;
        t->ends_free = f->ends;
    }
}

/* Puts a flow that was taken out where it belongs now; false when its row is full. */
static bool put(struct flow_table *t, uint32_t tag, const struct flow *f)
{
    uint32_t at = free_place(t, tag);
    if (at == home_of(t, tag) + PROBES_MAX)
        return false;
    t->tags[at] = tag;
    t->flows[at] = *f;
    return true;
}

static uint32_t take_out(struct flow_table *t, uint32_t at, struct flow *f)
{
    uint32_t tag = t->tags[at];
    *f = t->flows[at];
    t->tags[at] = 0;
    t->flows[at].key[0] = t->flows[at].key[1] = 0;
    return tag;
}

/* Large tables lie on huge pages from a certain size on, since what is looked for is all over them. */
static void advise(const struct flow_table *t, uint32_t before, uint32_t now)
{
    size_t from = places_of(before) * sizeof *t->flows, to = places_of(now) * sizeof *t->flows;
    if (to - from >= LARGE_PAGE)
        platform_advise_huge((uint8_t *)t->flows + from, to - from);
}

/*
 * Doubles the homes in place, from the last flow to the first: none comes to lie before its old place, but for the first few,
 * which are taken out meanwhile. The flows that chance leaves no place in their row are given up.
 */
RARELY_CALLED static void grow(struct flow_table *t, int64_t now_ns)
{
    enum { FIRST = 2 * PROBES_MAX };
    struct flow first[FIRST], f;
    uint32_t tags[FIRST], before = t->homes, count = 0;
    for (uint32_t i = 0; i < FIRST && i < places_of(before); i++)
        if (t->tags[i] != 0) {
            tags[count] = take_out(t, i, &first[count]);
            count++;
        }
    t->homes = before < t->homes_max / 2 ? before * 2 : t->homes_max;
    advise(t, before, t->homes);
    for (uint32_t i = places_of(before); i-- > FIRST;) {
        uint32_t tag = t->tags[i];
        if (tag != 0 && !put(t, take_out(t, i, &f), &f)) {
            give_up(t, &f, now_ns);
            t->used--;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (!put(t, tags[i], &first[i])) {
            give_up(t, &first[i], now_ns);
            t->used--;
        }
    t->hand = 0;
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

/* Moves back what was displaced by the flow at a place, so that no probe ends too early. */
static void remove_at(struct flow_table *t, uint32_t hole)
{
    for (uint32_t i = hole + 1; i < places_of(t->homes) && t->tags[i] != 0; i++) {
        if (home_of(t, t->tags[i]) > hole)
            continue;
        t->tags[hole] = t->tags[i];
        t->flows[hole] = t->flows[i];
        hole = i;
    }
    t->tags[hole] = 0;
    t->flows[hole].key[0] = t->flows[hole].key[1] = 0;
    t->used--;
}

/* The next place in use from `at` on; there is one. */
static inline uint32_t used_from(const struct flow_table *t, uint32_t at)
{
    while (at == places_of(t->homes) || t->tags[at] == 0)
        at = at < places_of(t->homes) ? at + 1 : 0;
    return at;
}

static int64_t idle_of(const struct flow *f, int64_t now_ns)
{
    return now_ns > f->last_ns ? elapsed_ns(now_ns, f->last_ns) : 0;
}

/* How long those that the hand will look at next have been silent, on average. */
static int64_t usual_idle(const struct flow_table *t, int64_t now_ns)
{
    int64_t sum = 0;
    for (uint32_t i = 0, at = t->hand; i < EVICTION_SAMPLE; i++, at++) {
        at = used_from(t, at);
        sum += idle_of(&t->flows[at], now_ns) / EVICTION_SAMPLE;
    }
    return sum;
}

/*
 * Gives up the stalest of a few flows, or the first that has been silent about as long as is usual: where nearly all are
 * stale, as in a flood, one is looked at.
 */
static void evict(struct flow_table *t, int64_t now_ns)
{
    if (t->evictions++ % MEASURED_EVERY == 0)
        t->idle_ns = usual_idle(t, now_ns);
    int64_t enough = t->idle_ns - t->idle_ns / 8;
    uint32_t at = used_from(t, t->hand), victim = at;
    for (uint32_t i = 0; i < EVICTION_SAMPLE; i++) {
        at = used_from(t, at);
        if (t->flows[at].last_ns < t->flows[victim].last_ns)
            victim = at;
        at++;
        if (enough > 0 && idle_of(&t->flows[victim], now_ns) >= enough)
            break;
    }
    t->hand = at;
    prefetch(&t->flows[at + LINES_AHEAD < places_of(t->homes) ? at + LINES_AHEAD : 0]);
    give_up(t, &t->flows[victim], now_ns);
    remove_at(t, victim);
}

/* Gives up the stalest of a few flows that stand where a new one with this hash would have to; returns its place. */
static uint32_t displace(struct flow_table *t, uint32_t hash, int64_t now_ns)
{
    uint32_t home = home_of(t, hash), victim = home + t->next_id * EVICTION_SAMPLE % PROBES_MAX;
    for (uint32_t i = 1, first = victim; i < EVICTION_SAMPLE; i++)
        if (t->flows[first + i].last_ns < t->flows[victim].last_ns)
            victim = first + i;
    give_up(t, &t->flows[victim], now_ns);
    t->used--;
    return victim;
}

static struct flow *make(struct flow_table *t, const struct packet *p, const struct key *k)
{
    int64_t now_ns = p->frame->time_ns;
    if (t->used >= t->room)
        evict(t, now_ns);
    else if (t->used >= t->homes / 2 && t->homes < t->homes_max)
        grow(t, now_ns);
    uint32_t at = free_place(t, k->hash);
    if (at == home_of(t, k->hash) + PROBES_MAX)
        at = displace(t, k->hash, now_ns);
    struct flow *f = &t->flows[at];
    t->tags[at] = k->hash;
    *f = (struct flow){.key = {k->low, k->high}, .tunnel = p->tunnel, .low_is_client = k->low_first,
                       .is_tcp = p->ip_proto == IP_PROTO_TCP, .id = ++t->next_id};
    if ((k->low & WORD_IS_HASH) != 0 && (f->ends = take_ends(t)) != 0)
        t->ends[f->ends - 1] = (struct long_ends){.low = k->low_first ? p->src : p->dst, .high = k->low_first ? p->dst : p->src,
                                                  .ip_proto = p->ip_proto};
    t->used++;
    t->made++;
    return f;
}

void flow_ahead(const struct flow_table *t, struct packet_ends ends, struct flow_ahead *a)
{
    struct key k = key_of_ends(ends);
    *a = (struct flow_ahead){{k.low, k.high}, k.hash, home_of(t, k.hash), k.low_first};
    prefetch(&t->tags[a->place]);
}

void flow_soon(const struct flow_table *t, struct flow_ahead *a)
{
    uint32_t end = a->place + PROBES_SOON;
    if (end > places_of(t->homes)) /* it has been another table since */
        return;
    while (a->place < end && t->tags[a->place] != 0 && t->tags[a->place] != a->hash)
        a->place++;
    prefetch(&t->flows[a->place]);
}

RARELY_CALLED static struct flow *find_or_make(struct flow_table *t, const struct packet *p, const struct flow_ahead *a,
                                               bool *from_low, bool *fresh)
{
    struct key k = a != NULL && a->hash != 0 ? (struct key){a->key[0], a->key[1], a->hash, a->from_low}
                                             : key_of(&p->src, &p->dst, p->ip_proto, p->tunnel);
    uint32_t at = probe(t, &k, &p->src, &p->dst, p->ip_proto, p->tunnel);
    *from_low = k.low_first;
    *fresh = at == home_of(t, k.hash) + PROBES_MAX || t->tags[at] == 0;
    return *fresh ? make(t, p, &k) : &t->flows[at];
}

struct flow *flow_of(struct flow_table *t, const struct packet *p, const struct flow_ahead *a, bool *from_low, bool *fresh)
{
    struct flow *f = NULL;
    if (a != NULL && a->hash != 0 && a->place < places_of(t->homes))
        f = &t->flows[a->place];
    if (f != NULL && f->key[0] == a->key[0] && f->key[1] == a->key[1] && f->tunnel == 0) {
        *from_low = a->from_low;
        *fresh = false;
    } else {
        f = find_or_make(t, p, a, from_low, fresh);
    }
    uint32_t *packets = &f->packets[*from_low ? 0 : 1];
    *packets += *packets != UINT32_MAX;
    f->bytes += p->payload_wire_len;
    f->last_ns = p->frame->time_ns;
    return f;
}

struct flow *flow_find(struct flow_table *t, const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto,
                       uint32_t tunnel)
{
    struct key k = key_of(a, b, ip_proto, tunnel);
    uint32_t at = probe(t, &k, a, b, ip_proto, tunnel);
    return at == home_of(t, k.hash) + PROBES_MAX || t->tags[at] == 0 ? NULL : &t->flows[at];
}

void flow_on_drop(struct flow_table *t, flow_fn *drop, void *ctx)
{
    t->drop = drop;
    t->drop_ctx = ctx;
}

void flow_each(struct flow_table *t, flow_fn *each, void *ctx)
{
    for (uint32_t i = 0; i < places_of(t->homes); i++)
        if (t->tags[i] != 0)
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
