/*
 * Packets that a mirror port, a second capture point or the next hop shows again. Two are the same when their
 * addresses, IP identification, lengths and a sample of their bytes are; TTL, TOS, checksums and link headers differ
 * between copies. The table is small and fixed: it has to hold what comes in ten milliseconds.
 */
#include <stdlib.h>

#include "dissect/net/layers.h"
#include "capture/wire/hash.h"

enum { BUCKETS = 2048, WAYS = 4, SAMPLE_HEAD = 64, SAMPLE_TAIL = 16 };

/* pktmon logs a packet at each component it passes; on its slowest way that takes longer than a mirror does. */
#define PACKET_ID_WINDOW_NS (1000 * INT64_C(1000000))

struct sighting {
    uint64_t hash; /* 0: none */
    int64_t time_ns;
};

struct duplicates {
    struct sighting bytes[BUCKETS][WAYS];
    struct sighting ids[BUCKETS][WAYS];
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

/* Finds the hash in its bucket within the window; else puts it in place of the one farthest away in time. */
static bool seen(struct sighting bucket[static WAYS], uint64_t hash, int64_t time_ns, int64_t window)
{
    struct sighting *victim = &bucket[0];
    uint64_t farthest = 0;
    for (size_t i = 0; i < WAYS; i++) {
        struct sighting *s = &bucket[i];
        uint64_t away = s->hash == 0 ? UINT64_MAX : distance(s->time_ns, time_ns);
        if (s->hash == hash) {
            bool within = away <= (uint64_t)window;
            if (!within)
                s->time_ns = time_ns;
            return within;
        }
        if (away > farthest) {
            farthest = away;
            victim = s;
        }
    }
    *victim = (struct sighting){hash, time_ns};
    return false;
}

static uint64_t hash_addresses(const struct walk *w, enum packet_kind kind)
{
    const struct packet *p = &w->p;
    uint64_t seed = hash_mix((uint64_t)p->frame->capture << 32 | p->tunnel,
                             (uint64_t)kind << 32 | (uint64_t)(kind == PACKET_LINK ? p->ethertype : 0) << 16 |
                                 p->ip_proto);
    seed = hash_mix(seed, (uint64_t)p->src.port << 16 | p->dst.port);
    if (p->src.address.family != FAMILY_IPV4)
        return hash_bytes(&p->src.address, sizeof p->src.address,
                          hash_bytes(&p->dst.address, sizeof p->dst.address, seed));
    return hash_mix(seed, (uint64_t)load_be32(p->src.address.bytes) << 32 | load_be32(p->dst.address.bytes));
}

static uint64_t load_u64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* Four lanes, so that the multiplications overlap; only ever compared within this run. */
static uint64_t hash_sample(struct span s, uint64_t seed)
{
    enum { LANES = 4, WORD = 8, STRIDE = LANES * WORD };
    uint64_t lane[LANES] = {seed, seed ^ 1, seed ^ 2, seed ^ 3};
    for (size_t at = 0; at < SAMPLE_HEAD; at += STRIDE)
        for (size_t i = 0; i < LANES; i++) {
            lane[i] = (lane[i] ^ load_u64(s.data + at + i * WORD)) * 0xbf58476d1ce4e5b9u;
            lane[i] ^= lane[i] >> 32;
        }
    const uint8_t *middle = s.data + s.len / 2, *tail = s.data + s.len - SAMPLE_TAIL;
    lane[0] ^= load_u64(middle);
    lane[1] ^= load_u64(middle + WORD);
    lane[2] ^= load_u64(tail);
    lane[3] ^= load_u64(tail + WORD);
    return hash_mix(hash_mix(lane[0], lane[1]), hash_mix(lane[2], lane[3]));
}

/* The identity of the bytes: offloaded checksums are left out, as one copy may have them and the other not. */
static uint64_t hash_packet(const struct walk *w)
{
    const struct packet *p = &w->p;
    uint64_t hash = hash_addresses(w, p->kind);
    hash = hash_mix(hash, (uint64_t)w->ip_id << 32 | w->ip_fragment);
    hash = hash_mix(hash, (uint64_t)p->payload_wire_len << 32 | p->tcp_seq);
    if (p->kind == PACKET_TCP)
        hash = hash_mix(hash, (uint64_t)p->tcp_ack << 32 | (uint64_t)p->tcp_window << 8 | p->tcp_flags);
    if (p->payload.len <= SAMPLE_HEAD + 2 * SAMPLE_TAIL)
        return hash_bytes(p->payload.data, p->payload.len, hash);
    return hash_sample(p->payload, hash);
}

/* pktmon's group id, for what the components may have changed on the way (checksums, IP identification). */
static bool packet_id_seen(const struct walk *w)
{
    const struct packet *p = &w->p;
    uint64_t hash = hash_mix(hash_addresses(w, p->kind), p->frame->packet_id);
    hash = hash_mix(hash, (uint64_t)p->payload_wire_len << 32 | p->tcp_seq);
    hash = hash_mix(hash, (uint64_t)p->tcp_flags << 32 | w->ip_fragment);
    hash += hash == 0;
    return seen(w->net->duplicates->ids[hash % BUCKETS], hash, p->frame->time_ns, PACKET_ID_WINDOW_NS);
}

/* Receivers repeat acknowledgments at once and on purpose, and where there is no identification nothing tells such a
 * repetition from a copy: counting it would see duplicates in every capture. It has no bytes that could count twice. */
static bool bare_acknowledgment(const struct walk *w)
{
    return w->p.kind == PACKET_TCP && w->p.payload_wire_len == 0 && w->ip_id == 0;
}

bool duplicates_seen(const struct walk *w)
{
    const struct frame *f = w->p.frame;
    bool by_id = (f->flags & FRAME_HAS_PACKET_ID) && packet_id_seen(w);
    bool timeless = f->time_ns == 0; /* nothing says that it is not a retransmission */
    if (by_id || timeless || bare_acknowledgment(w))
        return by_id;
    uint64_t hash = hash_packet(w);
    hash += hash == 0;
    return seen(w->net->duplicates->bytes[hash % BUCKETS], hash, f->time_ns, NET_DUPLICATE_WINDOW_NS);
}
