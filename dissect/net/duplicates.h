/*
 * What makes two packets the same, and the table of those seen lately: what plain.c and duplicates.c have in common.
 * Here stands what is done for nearly every packet, so that it is compiled into its caller.
 */
#ifndef VS_NET_DUPLICATES_H
#define VS_NET_DUPLICATES_H

#include "capture/wire/hash.h"
#include "dissect/net/layers.h"

enum { BUCKETS = 2048, WAYS = 4, SAMPLE_HEAD = 64, SAMPLE_TAIL = 16,
       SAMPLED_LEAST = SAMPLE_HEAD + 2 * SAMPLE_TAIL + 1 };

/* One cache line: hashes together, as most are looked at in vain; a hash of 0: none. The newest is the first. */
struct bucket {
    uint64_t hash[WAYS];
    int64_t time_ns[WAYS];
};

struct sightings {
    struct bucket buckets[BUCKETS];
};

struct duplicates {
    struct sightings *bytes, *ids;
    void *memory; /* both, not aligned */
};

static inline struct bucket *bucket_of_hash(struct sightings *t, uint64_t hash)
{
    return &t->buckets[hash % BUCKETS];
}

static inline uint64_t time_between(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Puts a hash first; the one that came in before all others goes. Not in loops, which become calls of memmove. */
static inline void bucket_put(struct bucket *b, uint64_t hash, int64_t time_ns)
{
    *b = (struct bucket){{hash, b->hash[0], b->hash[1], b->hash[2]}, {time_ns, b->time_ns[0], b->time_ns[1], b->time_ns[2]}};
}

/* True when the hash was seen within the window; else remembers it. */
static inline bool bucket_seen(struct bucket *b, uint64_t hash, int64_t time_ns, int64_t window)
{
    const uint64_t *h = b->hash;
    size_t way = h[0] == hash ? 0 : h[1] == hash ? 1 : h[2] == hash ? 2 : h[3] == hash ? 3 : WAYS;
    if (way == WAYS) {
        bucket_put(b, hash, time_ns);
        return false;
    }
    bool within = time_between(b->time_ns[way], time_ns) <= (uint64_t)window;
    if (!within)
        b->time_ns[way] = time_ns;
    return within;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

enum { WORD = 8, STRIDE = 4 * WORD };
#define LANE_FACTOR UINT64_C(0xbf58476d1ce4e5b9)

/* Four lanes, so that the multiplications overlap; only ever compared within this run. */
struct lanes {
    uint64_t a, b, c, d;
};

static inline uint64_t lane_add(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * LANE_FACTOR;
    return lane << 29 | lane >> 35;
}

static inline struct lanes lanes_add(struct lanes l, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return (struct lanes){lane_add(l.a, a), lane_add(l.b, b), lane_add(l.c, c), lane_add(l.d, d)};
}

/* One value of all, never 0. The lanes are turned against each other: the same word in another lane is another hash. */
static inline uint64_t lanes_value(struct lanes l)
{
    uint64_t hash = hash_mix(l.a ^ (l.b << 17 | l.b >> 47), l.c ^ (l.d << 41 | l.d >> 23));
    return hash_not_zero(hash);
}

static inline struct lanes add_stride(struct lanes l, const uint8_t *p)
{
    return lanes_add(l, load_u64(p), load_u64(p + WORD), load_u64(p + 2 * WORD), load_u64(p + 3 * WORD));
}

/*
 * Whether few bytes identify a packet whose addresses, ports and lengths are known: ESP by its SPI and sequence number
 * (RFC 4303 section 2.2: never the same twice); TCP by the numbers, which have gone into the hash.
 */
static inline bool is_known_by_head(const struct packet *p)
{
    enum { PORT_NAT_T = 4500, RESERVED_SPIS = 256 };
    return p->kind == PACKET_TCP ||
           (p->kind == PACKET_UDP && (p->src.port == PORT_NAT_T || p->dst.port == PORT_NAT_T) &&
            load_be32(p->payload.data) >= RESERVED_SPIS);
}

/* Of at least SAMPLED_LEAST bytes. */
static inline uint64_t sample(struct span s)
{
    const uint8_t *middle = s.data + s.len / 2, *tail = s.data + s.len - SAMPLE_TAIL;
    struct lanes l = add_stride(add_stride((struct lanes){1, 2, 3, 4}, s.data), s.data + STRIDE);
    return lanes_value(lanes_add(l, load_u64(middle), load_u64(middle + WORD), load_u64(tail), load_u64(tail + WORD)));
}

/* Of at least one byte. */
static inline uint64_t payload_value(const struct packet *p)
{
    struct span s = p->payload;
    if (s.len >= WORD && is_known_by_head(p)) /* nor would the end be near */
        return load_u64(s.data) * LANE_FACTOR;
    return s.len >= SAMPLED_LEAST ? sample(s) : hash_bytes(s.data, s.len, 0);
}

/*
 * The identity of a packet, never 0. who: a hash of its ends, in their order; seen_at: of what else tells it from others;
 * id: of IP. Offloaded checksums are left out, as one copy may have them and the other not.
 */
static inline uint64_t identity_of(const struct packet *p, uint64_t who, uint64_t seen_at, uint32_t id)
{
    uint64_t what = p->payload.len > 0 ? payload_value(p) : 0;
    if (p->kind == PACKET_TCP)
        what += ((uint64_t)p->tcp_seq << 32 | p->tcp_ack) + ((uint32_t)p->tcp_window << 8 | p->tcp_flags) * LANE_FACTOR;
    uint64_t hash = hash_mix(who + seen_at + ((uint64_t)id << 32 | p->payload_wire_len) * LANE_FACTOR, what);
    return hash_not_zero(hash);
}

#endif
