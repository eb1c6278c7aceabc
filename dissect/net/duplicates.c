/*
 * Packets that a mirror port, a second capture point or the next hop shows again. Two are the same when their
 * addresses, IP identification, lengths and a sample of their bytes are; TTL, TOS, checksums and link headers differ
 * between copies. The table is small and fixed: it has to hold what comes in ten milliseconds.
 */
#include <stdlib.h>

#include "dissect/net/duplicates.h"
#include "capture/wire/rarely.h"

enum { CACHE_LINE = 64 };

/* pktmon logs a packet at each component it passes; on its slowest way that takes longer than a mirror does. */
#define PACKET_ID_WINDOW_NS (1000 * INT64_C(1000000))

/* Buckets lie in one cache line each. */
struct duplicates *duplicates_new(void)
{
    struct duplicates *t = calloc(1, sizeof *t);
    uint8_t *memory = calloc(1, 2 * sizeof(struct sightings) + CACHE_LINE);
    if (t == NULL || memory == NULL) {
        free(t);
        free(memory);
        return NULL;
    }
    t->memory = memory;
    void *aligned = memory + (CACHE_LINE - (uintptr_t)memory % CACHE_LINE);
    t->bytes = aligned;
    t->ids = t->bytes + 1;
    return t;
}

void duplicates_free(struct duplicates *t)
{
    if (t != NULL)
        free(t->memory);
    free(t);
}

/* Whose packet it is, for any packet. */
static uint64_t hash_of_ends(const struct packet *p)
{
    const struct address *src = &p->src.address, *dst = &p->dst.address;
    if (p->ends.hash != 0)
        return p->ends.hash + p->ends.from_low;
    uint64_t protocol = (uint64_t)p->kind << 24 | (uint64_t)(p->kind == PACKET_LINK ? p->ethertype : 0) << 8 | p->ip_proto;
    struct lanes l = {protocol << 32 | (uint64_t)p->src.port << 16 | p->dst.port, (uint64_t)src->family << 8 | dst->family, p->tunnel, 4};
    return lanes_value(lanes_add(l, load_u64(src->bytes), load_u64(src->bytes + WORD), load_u64(dst->bytes),
                                 load_u64(dst->bytes + WORD)));
}

static bool seen(struct sightings *t, uint64_t hash, int64_t time_ns, int64_t window)
{
    return bucket_seen(bucket_of_hash(t, hash), hash, time_ns, window);
}

/* pktmon's group id, for what the components may have changed on the way (checksums, IP identification). */
static bool packet_id_seen(struct duplicates *t, const struct packet *p, uint32_t fragment)
{
    uint64_t seen_at = (uint64_t)fragment << 32 | p->frame->capture;
    uint64_t numbers = p->kind == PACKET_TCP ? (uint64_t)p->tcp_seq << 32 | p->tcp_flags : 0;
    uint64_t hash = hash_mix(hash_mix(hash_of_ends(p) + seen_at, p->payload_wire_len), hash_mix(p->frame->packet_id, numbers));
    return seen(t->ids, hash_not_zero(hash), p->frame->time_ns, PACKET_ID_WINDOW_NS);
}

/* Receivers repeat acknowledgments at once and on purpose, and where there is no identification nothing tells such a
 * repetition from a copy: counting it would see duplicates in every capture. It has no bytes that could count twice. */
static inline bool bare_acknowledgment(const struct packet *p, uint32_t id)
{
    return p->kind == PACKET_TCP && p->payload_wire_len == 0 && id == 0;
}

bool duplicates_seen(struct duplicates *t, const struct packet *p, uint32_t id, uint32_t fragment)
{
    const struct frame *f = p->frame;
    if ((f->flags & FRAME_HAS_PACKET_ID) && packet_id_seen(t, p, fragment))
        return true;
    bool timeless = f->time_ns == 0; /* nothing says that it is not a retransmission */
    if (timeless || bare_acknowledgment(p, id))
        return false;
    uint64_t seen_at = (uint64_t)fragment << 32 | f->capture;
    return seen(t->bytes, identity_of(p, hash_of_ends(p), seen_at, id), f->time_ns, NET_DUPLICATE_WINDOW_NS);
}
