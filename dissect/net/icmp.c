#include "dissect/net/icmp.h"

#include "capture/wire/cursor.h"

static bool take_ipv4(struct cursor *c, struct icmp_quote *q)
{
    struct cursor at = *c;
    uint8_t first, protocol;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 4 || (first & 15) < 5 || !take_skip(c, 8) || !take_u8(c, &protocol) ||
        protocol != IP_PROTO_UDP || !take_skip(c, 2) || !take_span(c, 8, &addresses))
        return false;
    q->src.address = address_ipv4(addresses.data);
    q->dst.address = address_ipv4(addresses.data + 4);
    *c = at;
    return take_skip(c, (first & 15u) * 4u);
}

/* A datagram that was fragmented has a fragment header (44); other extension headers do not occur before UDP. */
static bool take_ipv6(struct cursor *c, struct icmp_quote *q)
{
    uint8_t first, next;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 6 || !take_skip(c, 5) || !take_u8(c, &next) || !take_skip(c, 1) ||
        !take_span(c, 32, &addresses))
        return false;
    if (next == 44 && (!take_u8(c, &next) || !take_skip(c, 7)))
        return false;
    q->src.address = address_ipv6(addresses.data);
    q->dst.address = address_ipv6(addresses.data + 16);
    return next == IP_PROTO_UDP;
}

/* Destination unreachable: type 3 except "fragmentation needed", in ICMPv6 type 1; then eight octets of header. */
static bool take_unreachable(struct cursor *c, uint8_t ip_proto)
{
    uint8_t type, code;
    if (!take_u8(c, &type) || !take_u8(c, &code) || !take_skip(c, 6))
        return false;
    return ip_proto == IP_PROTO_ICMPV6 ? type == 1 : type == 3 && code != 4;
}

bool icmp_read_unreachable(const struct packet *p, struct icmp_quote *out)
{
    struct cursor c = cursor_of(p->payload);
    *out = (struct icmp_quote){0};
    if (!take_unreachable(&c, p->ip_proto) ||
        !(p->ip_proto == IP_PROTO_ICMPV6 ? take_ipv6(&c, out) : take_ipv4(&c, out)) || !take_be16(&c, &out->src.port) ||
        !take_be16(&c, &out->dst.port) || !take_skip(&c, 4))
        return false;
    out->payload = cursor_rest(&c);
    return true;
}

static bool is_error(uint8_t type, bool six)
{
    return six ? type >= 1 && type <= 4 : type == 3 || type == 4 || type == 11 || type == 12;
}

bool icmp_quoted_ends(const struct packet *p, struct address *src, struct address *dst, uint8_t *ip_proto)
{
    enum { ICMP_REST = 7, IPV4_TO_PROTOCOL = 9, IPV4_CHECKSUM = 2, IPV6_TO_NEXT = 6, IPV6_HOPS = 1, FRAGMENT_HEADER = 44 };
    struct cursor c = cursor_of(p->payload);
    struct span addresses;
    uint8_t type;
    bool six = p->ip_proto == IP_PROTO_ICMPV6;
    if (!take_u8(&c, &type) || !is_error(type, six) || !take_skip(&c, ICMP_REST) ||
        !take_skip(&c, six ? IPV6_TO_NEXT : IPV4_TO_PROTOCOL) || !take_u8(&c, ip_proto) ||
        !take_skip(&c, six ? IPV6_HOPS : IPV4_CHECKSUM) || !take_span(&c, six ? 32 : 8, &addresses))
        return false;
    if (six && *ip_proto == FRAGMENT_HEADER && !take_u8(&c, ip_proto))
        return false;
    *src = six ? address_ipv6(addresses.data) : address_ipv4(addresses.data);
    *dst = six ? address_ipv6(addresses.data + 16) : address_ipv4(addresses.data + 4);
    return true;
}
