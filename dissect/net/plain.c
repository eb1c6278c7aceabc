/*
 * The short way of the usual frame. One bounds check covers the three headers, which have fixed lengths here; whatever
 * is unusual about one of them (tags, options, fragments, lengths that contradict each other, tunnels) takes the walk.
 */
#include "dissect/net/layers.h"

enum { IP_AT = 14, UDP_AT = IP_AT + 20, PAYLOAD_AT = UDP_AT + 8, IP_LEAST = PAYLOAD_AT - IP_AT };

void plain_init(struct net *n)
{
    n->plain = (struct packet){.kind = PACKET_UDP, .ethertype = ETHERTYPE_IPV4, .ip_proto = IP_PROTO_UDP};
    n->plain.src.address.family = n->plain.dst.address.family = FAMILY_IPV4;
}

/* From EtherType to the protocol; a total length of 0 (offloading) is not plain. */
static inline bool is_plain_ip(const uint8_t *b)
{
    enum { ETHERTYPE_AND_VERSION = ETHERTYPE_IPV4 << 8 | 0x45, MORE_OR_OFFSET = 0x3fff };
    const uint8_t *ip = b + IP_AT;
    return load_be32(b + IP_AT - 2) >> 8 == ETHERTYPE_AND_VERSION && (load_be16(ip + 6) & MORE_OR_OFFSET) == 0 &&
           ip[9] == IP_PROTO_UDP && load_be16(ip + 2) >= IP_LEAST;
}

bool plain_frame(struct net *n, const struct frame *f)
{
    const uint8_t *b = f->bytes;
    if (f->len < PAYLOAD_AT || f->link_type != LINKTYPE_ETHERNET || !is_plain_ip(b))
        return false;
    const uint8_t *ip = b + IP_AT, *udp = b + UDP_AT;
    uint32_t total = load_be16(ip + 2), length = load_be16(udp + 4), captured = f->len - PAYLOAD_AT;
    uint16_t port = load_be16(udp + 2);
    if (length < PAYLOAD_AT - UDP_AT || length > total - (UDP_AT - IP_AT) || tunnel_is_udp_port(port))
        return false;
    struct packet *p = &n->plain;
    p->frame = f;
    p->first_frame = f->number;
    memcpy(p->dst_mac, b, sizeof p->dst_mac);
    memcpy(p->src_mac, b + sizeof p->dst_mac, sizeof p->src_mac);
    memcpy(p->src.address.bytes, ip + 12, 4);
    memcpy(p->dst.address.bytes, ip + 16, 4);
    p->src.port = load_be16(udp);
    p->dst.port = port;
    p->ttl = ip[8];
    p->ip = (struct span){ip, f->len - IP_AT < total ? f->len - IP_AT : total};
    p->payload_wire_len = length - (PAYLOAD_AT - UDP_AT);
    p->payload = (struct span){b + PAYLOAD_AT, captured < p->payload_wire_len ? captured : p->payload_wire_len};
    if (duplicates_seen(n->duplicates, p, load_be16(ip + 4), 0)) {
        n->counters.duplicates++;
        return true;
    }
    n->counters.packets++;
    n->handler.packet(n->handler.ctx, p);
    return true;
}
