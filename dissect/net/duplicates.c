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

RARELY_CALLED static uint64_t hash_long_addresses(const struct address *src, const struct address *dst)
{
    struct lanes l = {src->family, dst->family, 3, 4};
    return lanes_value(lanes_add(l, load_u64(src->bytes), load_u64(src->bytes + WORD), load_u64(dst->bytes),
                                 load_u64(dst->bytes + WORD)));
}

/* Those of IPv4 as they lie in its header, one behind the other. */
static inline uint64_t addresses_word(const struct address *src, const struct address *dst)
{
    uint8_t both[WORD];
    if (src->family != FAMILY_IPV4)
        return hash_long_addresses(src, dst);
    memcpy(both, src->bytes, WORD / 2);
    memcpy(both + WORD / 2, dst->bytes, WORD / 2);
    return load_u64(both);
}

static struct lanes hash_headers(const struct packet *p, uint32_t id, uint32_t fragment)
{
    uint64_t protocol = (uint64_t)p->kind << 24 | (uint64_t)(p->kind == PACKET_LINK ? p->ethertype : 0) << 8 | p->ip_proto;
    struct lanes l = lanes_of_headers(addresses_word(&p->src.address, &p->dst.address),
                                      protocol << 32 | (uint64_t)p->src.port << 16 | p->dst.port,
                                      (uint64_t)p->frame->capture << 32 | p->tunnel,
                                      (uint64_t)id << 32 | p->payload_wire_len);
    l.a += ((uint64_t)fragment << 32) * LANE_FACTOR;
    return l;
}

/* The identity of the bytes: offloaded checksums are left out, as one copy may have them and the other not. */
static uint64_t hash_packet(const struct packet *p, uint32_t id, uint32_t fragment)
{
    struct lanes l = hash_headers(p, id, fragment);
    if (p->kind == PACKET_TCP)
        l = add_tcp(l, p);
    return lanes_value(add_payload(l, p));
}

static bool seen(struct sightings *t, uint64_t hash, int64_t time_ns, int64_t window)
{
    return bucket_seen(bucket_of_hash(t, hash), hash, time_ns, window);
}

/* pktmon's group id, for what the components may have changed on the way (checksums, IP identification). */
static bool packet_id_seen(struct duplicates *t, const struct packet *p, uint32_t fragment)
{
    struct lanes l = hash_headers(p, 0, fragment);
    l.a += p->kind == PACKET_TCP ? p->tcp_seq * LANE_FACTOR : 0;
    l = lanes_add(l, p->frame->packet_id, p->tcp_flags, 0, 0);
    return seen(t->ids, lanes_value(l), p->frame->time_ns, PACKET_ID_WINDOW_NS);
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
    return seen(t->bytes, hash_packet(p, id, fragment), f->time_ns, NET_DUPLICATE_WINDOW_NS);
}
