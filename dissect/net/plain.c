/*
 * Which way a frame takes, and the short way of the usual one. One bounds check covers the three headers, which have fixed lengths here; whatever
 * is unusual about one of them (tags, options, fragments, lengths that contradict each other, tunnels) takes the walk.
 */
#include "capture/wire/near.h"
#include "capture/wire/rarely.h"
#include "dissect/net/duplicates.h"

enum { IP_AT = 14, TRANSPORT_AT = IP_AT + 20, PAYLOAD_AT = TRANSPORT_AT + 8, IP_LEAST = PAYLOAD_AT - IP_AT,
       TCP_HEADER = 20, TCP_LEAST = TRANSPORT_AT + TCP_HEADER, PREFETCH_BYTES = 128, LOOK_AHEAD = 6 /* frames */ };

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
    return load_be32(b + IP_AT - 2) >> 8 == ETHERTYPE_AND_VERSION && ((ip[6] & MORE_OR_OFFSET >> 8) | ip[7]) == 0 &&
           load_be16(ip + 2) >= IP_LEAST;
}

/* What cannot be decided without more is left to duplicates.c. */
static inline bool identify(struct duplicates *t, struct ahead *a)
{
    const struct packet *p = &a->p;
    bool bare = p->payload_wire_len == 0 && a->ip_id == 0;
    if (bare || p->frame->time_ns == 0 || (p->frame->flags & (FRAME_HAS_PACKET_ID | FRAME_DROPPED)) != 0)
        return false;
    a->hash = identity_of(p, p->ends.hash + p->ends.from_low, p->frame->capture, a->ip_id);
    a->bucket = bucket_of_hash(t->bytes, a->hash);
    near_line(a->bucket);
    return true;
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

static inline void set_ends(struct packet *p, const uint8_t *ip, const uint8_t *transport)
{
    uint32_t ports = load_be32(transport);
    memcpy(p->src.address.bytes, ip + 12, 4);
    memcpy(p->dst.address.bytes, ip + 16, 4);
    p->src.port = (uint16_t)(ports >> 16);
    p->dst.port = (uint16_t)ports;
    p->ends = packet_ends_between(packet_end_word(ip[9], load_be32(ip + 12), (uint16_t)(ports >> 16)),
                                  packet_end_word(ip[9], load_be32(ip + 16), (uint16_t)ports));
}

/* Into *a. */
static inline void look(struct duplicates *t, struct ahead *a, const struct frame *f)
{
    const uint8_t *b = f->bytes, *ip = b + IP_AT;
    struct packet *p = &a->p;
    p->frame = f;
    a->found = AHEAD_OTHER;
    if (f->len < PAYLOAD_AT || f->link_type != LINKTYPE_ETHERNET || !is_plain_ip(b))
        return;
    uint32_t total = load_be16(ip + 2);
    bool plain = ip[9] == IP_PROTO_UDP ? look_at_udp(p, f, total) : ip[9] == IP_PROTO_TCP && look_at_tcp(p, f, total);
    if (!plain)
        return;
    a->ip_id = load_be16(ip + 4);
    p->first_frame = f->number;
    p->ttl = ip[8];
    set_ends(p, ip, b + TRANSPORT_AT);
    a->found = identify(t, a) ? AHEAD_READY : AHEAD_PLAIN;
}

static inline const struct packet *unless_repeated(struct net *n, const struct packet *p, bool repeats)
{
    if (repeats) {
        n->counters.duplicates++;
        return NULL;
    }
    n->counters.packets++;
    return p;
}

void net_look(struct net *n, const struct frame *frames, size_t count, const struct packet_ends **ends)
{
    for (size_t i = 0; i < LOOK_AHEAD && i < count; i++)
        near_bytes(frames[i].bytes, PREFETCH_BYTES);
    struct ahead *a = n->ahead;
    for (size_t i = 0; i < count; i++, a++) {
        if (i + LOOK_AHEAD < count)
            near_bytes(frames[i + LOOK_AHEAD].bytes, PREFETCH_BYTES);
        look(n->duplicates, a, &frames[i]);
        ends[i] = a->found != AHEAD_OTHER ? &a->p.ends : NULL;
    }
    n->counters.frames += count;
}

/* Whose identity is not known yet, or who has to go for the walk, or while fragments wait. */
RARELY_CALLED static const struct packet *take_other(struct net *n, struct ahead *a)
{
    const struct frame *f = a->p.frame;
    if ((f->flags & FRAME_DROPPED) != 0)
        n->counters.dropped_by_host++;
    if (n->fragments_wait)
        fragments_expire(n, f);
    if (a->found == AHEAD_OTHER) {
        walk_frame(n, f);
        return NULL;
    }
    if (a->found == AHEAD_PLAIN)
        return unless_repeated(n, &a->p, duplicates_seen(n->duplicates, &a->p, a->ip_id, 0));
    return unless_repeated(n, &a->p, bucket_seen(a->bucket, a->hash, f->time_ns, NET_DUPLICATE_WINDOW_NS));
}

const struct packet *net_take(struct net *n, size_t i)
{
    struct ahead *a = &n->ahead[i];
    int64_t time_ns = a->p.frame->time_ns;
    n->previous_ns = n->time_ns;
    n->time_ns = time_ns;
    if (a->found != AHEAD_READY || n->fragments_wait)
        return take_other(n, a);
    return unless_repeated(n, &a->p, bucket_seen(a->bucket, a->hash, time_ns, NET_DUPLICATE_WINDOW_NS));
}

void net_frame(struct net *n, const struct frame *f)
{
    const struct packet_ends *ends;
    net_look(n, f, 1, &ends);
    const struct packet *p = net_take(n, 0);
    if (p != NULL)
        n->handler.packet(n->handler.ctx, p);
}
