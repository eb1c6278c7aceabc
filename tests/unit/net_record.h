/* What the net handed over, copied, and frames made from header macros with one field per line. */
#ifndef VS_TEST_NET_RECORD_H
#define VS_TEST_NET_RECORD_H

#include "bytes_by_hand.h"
#include "dissect/net/net.h"

#define BE16(x) (uint8_t)((unsigned)(x) >> 8), (uint8_t)(x)
#define BE32(x) BE16((uint32_t)(x) >> 16), BE16((uint32_t)(x) & 0xffff)

#define MAC_A 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a
#define MAC_B 0x02, 0x00, 0x00, 0x00, 0x00, 0x0b
#define IP_A 192, 0, 2, 1
#define IP_B 198, 51, 100, 2
#define IP6_A 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a
#define IP6_B 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b

#define ETHERNET(type)                                                                                                 \
    MAC_B,    /* destination */                                                                                        \
    MAC_A,    /* source */                                                                                             \
    BE16(type)

#define IPV4_FULL(total, id, fragment, ttl, proto, src, dst)                                                           \
    0x45,           /* version 4, header of 5 words */                                                                 \
    0x00,           /* type of service */                                                                              \
    BE16(total),    /* total length */                                                                                 \
    BE16(id),       /* identification */                                                                               \
    BE16(fragment), /* flags and fragment offset */                                                                    \
    ttl,            /* time to live */                                                                                 \
    proto,          /* protocol */                                                                                     \
    BE16(0),        /* header checksum: not looked at */                                                               \
    src,            /* source */                                                                                       \
    dst             /* destination */

#define IPV4(payload, proto) IPV4_FULL(20 + (payload), 0x1234, 0, 64, proto, LIST(IP_A), LIST(IP_B))
#define LIST(...) __VA_ARGS__

#define IPV6(payload, next)                                                                                            \
    0x60, 0x00, 0x00, 0x00, /* version, traffic class, flow label */                                                   \
    BE16(payload),          /* payload length */                                                                       \
    next,                   /* next header */                                                                          \
    61,                     /* hop limit */                                                                            \
    IP6_A,                  /* source */                                                                               \
    IP6_B                   /* destination */

#define UDP(sport, dport, payload)                                                                                     \
    BE16(sport),         /* source port */                                                                             \
    BE16(dport),         /* destination port */                                                                        \
    BE16(8 + (payload)), /* length */                                                                                  \
    BE16(0)              /* checksum */

struct record {
    unsigned packets;
    struct packet last;      /* its spans point into the copies below */
    uint8_t inner_mac[6];
    uint8_t payload[65536];
    uint8_t options[64];
    unsigned losses;
    struct net_lost_fragments lost;
    uint8_t lost_payload[65536];
};

static inline void record_packet(void *ctx, const struct packet *p)
{
    struct record *r = ctx;
    r->packets++;
    r->last = *p;
    assert_true(p->payload.len <= sizeof r->payload);
    assert_true(p->payload_wire_len >= p->payload.len);
    if (p->payload.len > 0)
        memcpy(r->payload, p->payload.data, p->payload.len);
    if (p->tcp_options.len > 0)
        memcpy(r->options, p->tcp_options.data, p->tcp_options.len);
    if (p->inner_mac != NULL)
        memcpy(r->inner_mac, p->inner_mac, sizeof r->inner_mac);
    r->last.inner_mac = p->inner_mac != NULL ? r->inner_mac : NULL;
    r->last.payload.data = r->payload;
    r->last.tcp_options.data = r->options;
}

static inline void record_lost(void *ctx, const struct net_lost_fragments *lost)
{
    struct record *r = ctx;
    r->losses++;
    r->lost = *lost;
    if (lost->payload.len > 0)
        memcpy(r->lost_payload, lost->payload.data, lost->payload.len);
    r->lost.payload.data = r->lost_payload;
}

static inline struct net *record_new(struct record *r)
{
    memset(r, 0, sizeof *r);
    struct net *n = net_new(&(struct net_handler){record_packet, record_lost, r, NULL});
    assert_non_null(n);
    return n;
}

/* The frame's bytes sit in a block of exactly their size, so that a one-byte overread is seen by the sanitizer. */
static inline void feed_frame(struct net *n, struct frame f, const void *bytes, size_t len)
{
    uint8_t *copy = exact_copy(bytes, len);
    f.bytes = copy;
    f.len = (uint32_t)len;
    if (f.wire_len < f.len)
        f.wire_len = f.len;
    net_frame(n, &f);
    free(copy);
}

/* Decodes one frame alone: what came of it is in *r, the counters are returned. */
static inline struct net_counters decode(struct record *r, uint16_t link_type, const void *bytes, size_t len,
                                         size_t wire_len)
{
    struct net *n = record_new(r);
    feed_frame(n, (struct frame){.number = 1, .time_ns = 1, .link_type = link_type, .wire_len = (uint32_t)wire_len},
               bytes, len);
    struct net_counters c = *net_counters(n);
    net_free(n);
    return c;
}

/* Every prefix of a good frame: cut by a snap length it is never called malformed; short on the wire it does no harm. */
static inline void every_prefix(uint16_t link_type, const uint8_t *bytes, size_t len)
{
    static struct record r;
    for (size_t n = 0; n < len; n++) {
        struct net_counters c = decode(&r, link_type, bytes, n, len);
        assert_int_equal(c.malformed, 0);
        assert_int_equal(c.unknown_link, 0);
        assert_true(c.packets + c.cut <= 1);
        c = decode(&r, link_type, bytes, n, n);
        assert_true(c.packets + c.cut + c.malformed <= 1);
    }
}

#endif
