#include "dissect/tcp/tcp_icmp.h"

#include "capture/wire/cursor.h"

static enum tcp_icmp_kind kind_of(uint8_t ip_proto, uint8_t type, uint8_t code)
{
    if (ip_proto == IP_PROTO_ICMPV6)
        return type == 1   ? TCP_ICMP_UNREACHABLE
               : type == 2 ? TCP_ICMP_TOO_BIG
               : type == 3 ? TCP_ICMP_TIME_EXCEEDED
                           : TCP_ICMP_NONE;
    if (type == 3)
        return code == 4 ? TCP_ICMP_TOO_BIG : TCP_ICMP_UNREACHABLE;
    return type == 11 ? TCP_ICMP_TIME_EXCEEDED : TCP_ICMP_NONE;
}

/* The quoted header; c then stands at the segment. A fragment other than the first has no ports to quote. */
static bool take_ipv4(struct cursor *c, struct tcp_icmp *q)
{
    struct cursor at = *c;
    uint8_t first, protocol;
    uint16_t fragment;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 4 || (first & 15) < 5 || !take_skip(c, 5) || !take_be16(c, &fragment) ||
        (fragment & 0x1fff) != 0 || !take_skip(c, 1) || !take_u8(c, &protocol) || protocol != IP_PROTO_TCP ||
        !take_skip(c, 2) || !take_span(c, 8, &addresses))
        return false;
    q->src.address = address_ipv4(addresses.data);
    q->dst.address = address_ipv4(addresses.data + 4);
    *c = at;
    return take_skip(c, (first & 15u) * 4u);
}

static bool take_ipv6(struct cursor *c, struct tcp_icmp *q)
{
    uint8_t first, next;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 6 || !take_skip(c, 5) || !take_u8(c, &next) || !take_skip(c, 1) ||
        !take_span(c, 32, &addresses))
        return false;
    q->src.address = address_ipv6(addresses.data);
    q->dst.address = address_ipv6(addresses.data + 16);
    return next == IP_PROTO_TCP; /* extension headers do not occur before TCP in what a stack sends */
}

bool tcp_icmp_read(const struct packet *p, struct tcp_icmp *out)
{
    struct cursor c = cursor_of(p->payload);
    uint32_t word;
    *out = (struct tcp_icmp){0};
    if (!take_u8(&c, &out->type) || !take_u8(&c, &out->code) || !take_skip(&c, 2) || !take_be32(&c, &word))
        return false;
    out->kind = kind_of(p->ip_proto, out->type, out->code);
    if (out->kind == TCP_ICMP_TOO_BIG)
        out->mtu = p->ip_proto == IP_PROTO_ICMPV6 ? word : word & 0xffff; /* RFC 1191 section 4 */
    return out->kind != TCP_ICMP_NONE && (p->ip_proto == IP_PROTO_ICMPV6 ? take_ipv6(&c, out) : take_ipv4(&c, out)) &&
           take_be16(&c, &out->src.port) && take_be16(&c, &out->dst.port) && take_be32(&c, &out->seq);
}
