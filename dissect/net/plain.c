/*
 * Which way a frame takes, and the short way of the usual one. One bounds check covers the three headers, which have fixed lengths here; whatever
 * is unusual about one of them (tags, options, fragments, lengths that contradict each other, tunnels) takes the walk.
 */
#include "capture/wire/rarely.h"
#include "dissect/net/duplicates.h"

enum { IP_AT = 14, TRANSPORT_AT = IP_AT + 20, PAYLOAD_AT = TRANSPORT_AT + 8, IP_LEAST = PAYLOAD_AT - IP_AT,
       TCP_HEADER = 20, TCP_LEAST = TRANSPORT_AT + TCP_HEADER };

void plain_init(struct net *n)
{
    struct packet plain = {.kind = PACKET_UDP, .ethertype = ETHERTYPE_IPV4, .ip_proto = IP_PROTO_UDP};
    plain.src.address.family = plain.dst.address.family = FAMILY_IPV4;
    for (size_t i = 0; i < NET_AHEAD; i++)
        n->ahead[i].p = plain;
}

/* From EtherType to the fragment's offset; a total length of 0 (offloading) is not plain. */
static inline bool is_plain_ip(const uint8_t *b)
{
    enum { ETHERTYPE_AND_VERSION = ETHERTYPE_IPV4 << 8 | 0x45, MORE_OR_OFFSET = 0x3fff };
    const uint8_t *ip = b + IP_AT;
    return load_be32(b + IP_AT - 2) >> 8 == ETHERTYPE_AND_VERSION && (load_be16(ip + 6) & MORE_OR_OFFSET) == 0 &&
           load_be16(ip + 2) >= IP_LEAST;
}

/* The same hash as in duplicates.c, from the words that are at hand. */
static inline uint64_t identity(const struct packet *p, uint32_t id)
{
    uint64_t protocol = (uint64_t)p->kind << 56; /* it is in ports already */
    struct lanes l = lanes_of_headers(p->ends.addresses, p->ends.ports | protocol, (uint64_t)p->frame->capture << 32,
                                      (uint64_t)id << 32 | p->payload_wire_len);
    if (p->kind == PACKET_TCP)
        l = add_tcp(l, p);
    return lanes_value(add_payload(l, p));
}

static inline void prefetch(const void *address)
{
#if defined(__GNUC__)
    __builtin_prefetch(address, 1);
#else
    (void)address;
#endif
}

/* Only what cannot be decided without more is left to duplicates.c. */
static inline void identify(struct duplicates *t, struct ahead *a)
{
    const struct packet *p = &a->p;
    bool bare = p->payload_wire_len == 0 && a->ip_id == 0;
    a->hash = 0;
    if (bare || p->frame->time_ns == 0 || (p->frame->flags & FRAME_HAS_PACKET_ID) != 0)
        return;
    a->hash = identity(p, a->ip_id);
    a->bucket = bucket_of_hash(t->bytes, a->hash);
    prefetch(a->bucket);
}

/* Payload of so many bytes on the wire, from `at` on in a frame that reaches there. */
static inline void set_payload(struct packet *p, const struct frame *f, uint32_t at, uint32_t wire_len)
{
    uint32_t captured = f->len - at;
    p->payload_wire_len = wire_len;
    p->payload = (struct span){f->bytes + at, captured < wire_len ? captured : wire_len};
}

/* total: of IP's length. */
static inline bool look_at_udp(struct packet *p, const struct frame *f, uint32_t total)
{
    const uint8_t *udp = f->bytes + TRANSPORT_AT;
    uint32_t length = load_be16(udp + 4);
    if (length < PAYLOAD_AT - TRANSPORT_AT || length > total - (TRANSPORT_AT - IP_AT) || tunnel_is_udp_port(load_be16(udp + 2)))
        return false;
    set_payload(p, f, PAYLOAD_AT, length - (PAYLOAD_AT - TRANSPORT_AT));
    if (p->kind == PACKET_UDP)
        return true;
    p->kind = PACKET_UDP;
    p->ip_proto = IP_PROTO_UDP;
    p->tcp_seq = p->tcp_ack = 0;
    p->tcp_flags = 0;
    p->tcp_window = 0;
    p->tcp_options = (struct span){NULL, 0};
    return true;
}

static inline bool look_at_tcp(struct packet *p, const struct frame *f, uint32_t total)
{
    if (f->len < TCP_LEAST)
        return false;
    const uint8_t *tcp = f->bytes + TRANSPORT_AT;
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
    if (header < TCP_HEADER || header > total - (TRANSPORT_AT - IP_AT) || f->len < TRANSPORT_AT + header)
        return false;
    p->kind = PACKET_TCP;
    p->ip_proto = IP_PROTO_TCP;
    p->tcp_seq = load_be32(tcp + 4);
    p->tcp_ack = load_be32(tcp + 8);
    p->tcp_flags = tcp[13];
    p->tcp_window = load_be16(tcp + 14);
    p->tcp_options = (struct span){tcp + TCP_HEADER, header - TCP_HEADER};
    set_payload(p, f, TRANSPORT_AT + header, total - (TRANSPORT_AT - IP_AT) - header);
    return true;
}

/* Into *a. Once in the program: net_frame seldom has to do it. */
RARELY_CALLED static void look(struct net *n, struct ahead *a, const struct frame *f)
{
    const uint8_t *b = f->bytes, *ip = b + IP_AT, *transport = b + TRANSPORT_AT;
    struct packet *p = &a->p;
    p->frame = f;
    a->found = AHEAD_OTHER;
    if (f->len < PAYLOAD_AT || f->link_type != LINKTYPE_ETHERNET || !is_plain_ip(b))
        return;
    uint32_t total = load_be16(ip + 2);
    bool plain = ip[9] == IP_PROTO_UDP ? look_at_udp(p, f, total) : ip[9] == IP_PROTO_TCP && look_at_tcp(p, f, total);
    if (!plain)
        return;
    a->found = AHEAD_PLAIN;
    a->ip_id = load_be16(ip + 4);
    p->first_frame = f->number;
    memcpy(p->src.address.bytes, ip + 12, 4);
    memcpy(p->dst.address.bytes, ip + 16, 4);
    p->src.port = load_be16(transport);
    p->dst.port = load_be16(transport + 2);
    p->ends.addresses = load_u64(ip + 12);
    p->ends.ports = (uint64_t)ip[9] << 32 | (uint64_t)p->src.port << 16 | p->dst.port;
    p->ttl = ip[8];
    identify(n->duplicates, a);
}

static inline void deliver(struct net *n, const struct packet *p, bool repeats)
{
    if (repeats) {
        n->counters.duplicates++;
        return;
    }
    n->counters.packets++;
    n->handler.packet(n->handler.ctx, p);
}

static inline void count(struct net *n, const struct frame *f)
{
    n->previous_ns = n->time_ns;
    n->time_ns = f->time_ns;
    n->counters.frames++;
    if ((f->flags & FRAME_DROPPED) != 0)
        n->counters.dropped_by_host++;
}

static inline struct ahead *ahead_of(struct net *n, const struct frame *f)
{
    return &n->ahead[f->number % NET_AHEAD];
}

struct packet_ends net_ahead(struct net *n, const struct frame *f)
{
    struct ahead *a = ahead_of(n, f);
    look(n, a, f);
    return a->found == AHEAD_PLAIN ? a->p.ends : (struct packet_ends){0, 0};
}

/* Any frame, at any time. */
RARELY_CALLED static void take_frame(struct net *n, const struct frame *f)
{
    struct ahead *a = ahead_of(n, f);
    if (a->found == AHEAD_NONE || a->p.frame != f)
        look(n, a, f);
    bool plain = a->found == AHEAD_PLAIN;
    a->found = AHEAD_NONE;
    count(n, f);
    if (n->fragments_wait)
        fragments_expire(n);
    if (!plain)
        walk_frame(n, f);
    else if (a->hash == 0)
        deliver(n, &a->p, duplicates_seen(n->duplicates, &a->p, a->ip_id, 0));
    else
        deliver(n, &a->p, bucket_seen(a->bucket, a->hash, f->time_ns, NET_DUPLICATE_WINDOW_NS));
}

void net_frame(struct net *n, const struct frame *f)
{
    struct ahead *a = ahead_of(n, f);
    if (a->found != AHEAD_PLAIN || a->p.frame != f || a->hash == 0 || n->fragments_wait) {
        take_frame(n, f);
        return;
    }
    a->found = AHEAD_NONE;
    count(n, f);
    deliver(n, &a->p, bucket_seen(a->bucket, a->hash, f->time_ns, NET_DUPLICATE_WINDOW_NS));
}
