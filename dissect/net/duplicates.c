/*
 * Packets that a mirror port, a second capture point or the next hop shows again. Two are the same when their
 * addresses, IP identification, lengths and a sample of their bytes are; TTL, TOS, checksums and link headers differ
 * between copies. The table is small and fixed: it has to hold what comes in ten milliseconds.
 */
#include <stdlib.h>

#include "dissect/net/layers.h"
#include "capture/wire/hash.h"
#include "capture/wire/rarely.h"

enum { BUCKETS = 2048, WAYS = 4, SAMPLE_HEAD = 64, SAMPLE_TAIL = 16,
       SAMPLED_LEAST = SAMPLE_HEAD + 2 * SAMPLE_TAIL + 1 };

/* pktmon logs a packet at each component it passes; on its slowest way that takes longer than a mirror does. */
#define PACKET_ID_WINDOW_NS (1000 * INT64_C(1000000))

/* Hashes together, as most are looked at in vain; a hash of 0: none. The way after the newest is given up first. */
struct bucket {
    uint64_t hash[WAYS];
    int64_t time_ns[WAYS];
};

struct sightings {
    struct bucket buckets[BUCKETS];
    uint8_t next[BUCKETS]; /* way to be given up */
};

struct duplicates {
    struct sightings bytes, ids;
};

struct duplicates *duplicates_new(void)
{
    return calloc(1, sizeof(struct duplicates));
}

void duplicates_free(struct duplicates *t)
{
    free(t);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* The way of a bucket that holds the hash; WAYS when none does. */
static inline size_t find(const struct bucket *b, uint64_t hash)
{
    const uint64_t *h = b->hash;
    return h[0] == hash ? 0 : h[1] == hash ? 1 : h[2] == hash ? 2 : h[3] == hash ? 3 : WAYS;
}

/* True when the hash was seen within the window; else remembers it. */
static inline bool seen(struct sightings *t, uint64_t hash, int64_t time_ns, int64_t window)
{
    size_t at = hash % BUCKETS;
    struct bucket *b = &t->buckets[at];
    size_t way = find(b, hash);
    if (way == WAYS)
        way = t->next[at]++ % WAYS;
    else if (distance(b->time_ns[way], time_ns) <= (uint64_t)window)
        return true;
    b->hash[way] = hash;
    b->time_ns[way] = time_ns;
    return false;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

enum { WORD = 8, STRIDE = 4 * WORD };

/* Four lanes, so that the multiplications overlap; only ever compared within this run. */
struct lanes {
    uint64_t a, b, c, d;
};

static inline uint64_t lane_add(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * 0xbf58476d1ce4e5b9u;
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
    return hash + (hash == 0);
}

RARELY_CALLED static uint64_t hash_long_addresses(const struct address *src, const struct address *dst)
{
    struct lanes l = {src->family, dst->family, 3, 4};
    return lanes_value(lanes_add(l, load_u64(src->bytes), load_u64(src->bytes + WORD), load_u64(dst->bytes),
                                 load_u64(dst->bytes + WORD)));
}

static inline uint64_t addresses_word(const struct address *src, const struct address *dst)
{
    if (src->family != FAMILY_IPV4)
        return hash_long_addresses(src, dst);
    return (uint64_t)load_be32(src->bytes) << 32 | load_be32(dst->bytes);
}

/* Whose packet it is: where it was seen, protocol, addresses, ports, identification, length. */
static inline struct lanes hash_headers(const struct packet *p, uint64_t addresses, uint32_t id, uint32_t fragment)
{
    uint64_t protocol = (uint64_t)p->kind << 24 | (uint64_t)(p->kind == PACKET_LINK ? p->ethertype : 0) << 8 | p->ip_proto;
    struct lanes l = {addresses, protocol << 32 | (uint64_t)p->src.port << 16 | p->dst.port,
                      (uint64_t)p->frame->capture << 32 | p->tunnel, (uint64_t)id << 32 | fragment};
    l = lanes_add(l, 1, 2, 3, 4);
    l.a += (uint64_t)p->payload_wire_len << 32 | p->tcp_seq;
    return l;
}

static inline struct lanes add_stride(struct lanes l, const uint8_t *p)
{
    return lanes_add(l, load_u64(p), load_u64(p + WORD), load_u64(p + 2 * WORD), load_u64(p + 3 * WORD));
}

static inline struct lanes hash_sample(struct lanes l, struct span s)
{
    const uint8_t *head = s.data, *middle = s.data + s.len / 2, *tail = s.data + s.len - SAMPLE_TAIL;
    l = add_stride(add_stride(l, head), head + STRIDE);
    return lanes_add(l, load_u64(middle), load_u64(middle + WORD), load_u64(tail), load_u64(tail + WORD));
}

/* The identity of the bytes: offloaded checksums are left out, as one copy may have them and the other not. */
static inline uint64_t hash_packet(const struct packet *p, uint32_t id, uint32_t fragment)
{
    struct lanes l = hash_headers(p, addresses_word(&p->src.address, &p->dst.address), id, fragment);
    if (p->kind == PACKET_TCP)
        l.c += (uint64_t)p->tcp_ack << 32 | (uint64_t)p->tcp_window << 8 | p->tcp_flags;
    if (p->payload.len >= SAMPLED_LEAST)
        l = hash_sample(l, p->payload);
    else
        l.d ^= hash_bytes(p->payload.data, p->payload.len, l.a);
    return lanes_value(l);
}

/* pktmon's group id, for what the components may have changed on the way (checksums, IP identification). */
static bool packet_id_seen(struct duplicates *t, const struct packet *p, uint32_t fragment)
{
    struct lanes l = hash_headers(p, addresses_word(&p->src.address, &p->dst.address), 0, fragment);
    l = lanes_add(l, p->frame->packet_id, p->tcp_flags, 0, 0);
    return seen(&t->ids, lanes_value(l), p->frame->time_ns, PACKET_ID_WINDOW_NS);
}

/* Receivers repeat acknowledgments at once and on purpose, and where there is no identification nothing tells such a
 * repetition from a copy: counting it would see duplicates in every capture. It has no bytes that could count twice. */
static inline bool bare_acknowledgment(const struct packet *p, uint32_t id)
{
    return p->kind == PACKET_TCP && p->payload_wire_len == 0 && id == 0;
}

RARELY_CALLED static bool seen_any(struct duplicates *t, const struct packet *p, uint32_t id, uint32_t fragment)
{
    const struct frame *f = p->frame;
    if ((f->flags & FRAME_HAS_PACKET_ID) && packet_id_seen(t, p, fragment))
        return true;
    bool timeless = f->time_ns == 0; /* nothing says that it is not a retransmission */
    if (timeless || bare_acknowledgment(p, id))
        return false;
    return seen(&t->bytes, hash_packet(p, id, fragment), f->time_ns, NET_DUPLICATE_WINDOW_NS);
}

bool duplicates_seen(struct duplicates *t, const struct packet *p, uint32_t id, uint32_t fragment)
{
    const struct frame *f = p->frame;
    bool usual = p->kind == PACKET_UDP && p->src.address.family == FAMILY_IPV4 && p->payload.len >= SAMPLED_LEAST &&
                 f->time_ns != 0 && (f->flags & FRAME_HAS_PACKET_ID) == 0;
    if (!usual) /* the same in the end, with more to look at */
        return seen_any(t, p, id, fragment);
    struct lanes l = hash_headers(p, addresses_word(&p->src.address, &p->dst.address), id, fragment);
    uint64_t hash = lanes_value(hash_sample(l, p->payload));
    return seen(&t->bytes, hash, f->time_ns, NET_DUPLICATE_WINDOW_NS);
}
