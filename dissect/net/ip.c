/* IPv4 (RFC 791), IPv6 (RFC 8200) and what they carry. Checksums are not looked at: offloading leaves them wrong. */
#include "dissect/net/layers.h"

enum { IP_PROTO_HOP_BY_HOP = 0, IP_PROTO_ROUTING = 43, IP_PROTO_FRAGMENT = 44, IP_PROTO_DEST_OPTIONS = 60,
       IP_PROTO_MOBILITY = 135, IP_PROTO_HIP = 139, IP_PROTO_SHIM6 = 140 };
enum { UDP_HEADER = 8, TCP_HEADER = 20 };

static void set_v4(struct endpoint *e, const uint8_t *address)
{
    *e = (struct endpoint){.address.family = FAMILY_IPV4};
    memcpy(e->address.bytes, address, 4);
}

void ip_v4(struct walk *w)
{
    size_t available = w->wire;
    struct span h, options;
    if (!walk_deeper(w) || !walk_take(w, 20, &h))
        return;
    const uint8_t *b = h.data;
    size_t header = (size_t)(b[0] & 15) * 4, total = load_be16(b + 2);
    if (total == 0)
        total = available; /* segmentation offload: the length was not filled in yet */
    if (b[0] >> 4 != 4 || header < 20 || total < header) {
        walk_malformed(w);
        return;
    }
    set_v4(&w->p.src, b + 12);
    set_v4(&w->p.dst, b + 16);
    w->p.ttl = b[8];
    w->ip_id = load_be16(b + 4);
    walk_limit(w, total - 20);
    if (header > 20 && !walk_take(w, header - 20, &options))
        return;
    unsigned fragment = load_be16(b + 6);
    bool more = (fragment & 0x2000) != 0;
    uint32_t offset = (fragment & 0x1fff) * 8;
    if (more || offset > 0)
        fragments_add(w, b[9], false, offset, more);
    else
        ip_payload(w, b[9]);
}

/* One extension header of n bytes of which the first says what comes next. */
static bool take_extension(struct walk *w, size_t n, uint8_t *next)
{
    struct span h;
    if (!walk_take(w, n, &h))
        return false;
    *next = h.data[0];
    return true;
}

static size_t extension_length(const struct walk *w, unsigned unit, unsigned plus)
{
    return w->at.len < 2 ? 8 : ((size_t)w->at.data[1] + plus) * unit;
}

/* True for an "atomic" fragment (RFC 6946), which is whole: *proto follows. The caller goes on, because any number of
 * such headers may follow each other. */
static bool v6_fragment(struct walk *w, uint8_t *proto)
{
    struct span h;
    if (!walk_take(w, 8, &h))
        return false;
    uint16_t field = load_be16(h.data + 2);
    uint32_t offset = field & 0xfff8u;
    bool more = field & 1;
    w->ip_id = load_be32(h.data + 4);
    *proto = h.data[0];
    if (!more && offset == 0)
        return true;
    fragments_add(w, *proto, true, offset, more);
    return false;
}

void ip_v6(struct walk *w)
{
    struct span h;
    if (!walk_deeper(w) || !walk_take(w, 40, &h))
        return;
    const uint8_t *b = h.data;
    if (b[0] >> 4 != 6) {
        walk_malformed(w);
        return;
    }
    w->p.src = (struct endpoint){.address = address_ipv6(b + 8)};
    w->p.dst = (struct endpoint){.address = address_ipv6(b + 24)};
    w->p.ttl = b[7];
    w->ip_id = 0;
    size_t length = load_be16(b + 4);
    if (length > 0) /* 0: a jumbogram (RFC 2675) or offloading; both reach to the end */
        walk_limit(w, length);
    ip_payload(w, b[6]);
}

void ip_raw(struct walk *w)
{
    unsigned version = w->at.len > 0 ? w->at.data[0] >> 4 : 4;
    if (version == 6)
        ip_v6(w);
    else
        ip_v4(w);
}

static void udp(struct walk *w)
{
    struct span h;
    if (!walk_take(w, UDP_HEADER, &h))
        return;
    w->p.src.port = load_be16(h.data);
    w->p.dst.port = load_be16(h.data + 2);
    size_t length = load_be16(h.data + 4);
    if (length > 0 && length < UDP_HEADER) {
        walk_malformed(w);
        return;
    }
    if (length > 0 && length - UDP_HEADER < w->wire) /* 0: jumbogram or offloading */
        walk_limit(w, length - UDP_HEADER);
    if (!tunnel_in_udp(w, w->p.dst.port))
        walk_deliver(w, PACKET_UDP);
}

/* Options that the snap length cut are given as far as they go: sequence numbers are worth more than options. */
static void tcp(struct walk *w)
{
    struct span h;
    if (!walk_take(w, TCP_HEADER, &h))
        return;
    size_t header = (size_t)(h.data[12] >> 4) * 4;
    if (header < TCP_HEADER || header - TCP_HEADER > w->wire) {
        walk_malformed(w);
        return;
    }
    w->p.src.port = load_be16(h.data);
    w->p.dst.port = load_be16(h.data + 2);
    w->p.tcp_seq = load_be32(h.data + 4);
    w->p.tcp_ack = load_be32(h.data + 8);
    w->p.tcp_flags = h.data[13];
    w->p.tcp_window = load_be16(h.data + 14);
    size_t options = header - TCP_HEADER;
    size_t captured = options < w->at.len ? options : w->at.len;
    w->wire -= options;
    if (take_span(&w->at, captured, &w->p.tcp_options))
        walk_deliver(w, PACKET_TCP);
}

/* Steps over extension headers and AH. False when the walk ended: what is left is not a payload of protocol *proto. */
static bool skip_extensions(struct walk *w, uint8_t *proto)
{
    bool ipv6 = w->p.src.address.family == FAMILY_IPV6;
    for (;;) {
        switch (*proto) {
        case IP_PROTO_HOP_BY_HOP:
        case IP_PROTO_ROUTING:
        case IP_PROTO_DEST_OPTIONS:
        case IP_PROTO_MOBILITY:
        case IP_PROTO_HIP:
        case IP_PROTO_SHIM6:
            if (!ipv6)
                return true;
            if (!take_extension(w, extension_length(w, 8, 1), proto))
                return false;
            break;
        case IP_PROTO_AH: /* RFC 4302 section 2.2: in 32-bit words, minus 2 */
            if (!take_extension(w, extension_length(w, 4, 2), proto))
                return false;
            break;
        case IP_PROTO_FRAGMENT:
            if (!ipv6)
                return true;
            if (!v6_fragment(w, proto))
                return false;
            break;
        default:
            return true;
        }
    }
}

/* IP in IP (RFC 2003, RFC 4213): true when the version nibble agrees and the walk went on. */
static bool ip_in_ip(struct walk *w, uint8_t proto)
{
    unsigned version = proto == IP_PROTO_IPIP ? 4 : 6;
    if (w->at.len == 0 || w->at.data[0] >> 4 != version)
        return false;
    walk_enter_tunnel(w, proto, 0);
    if (version == 4)
        ip_v4(w);
    else
        ip_v6(w);
    return true;
}

void ip_payload(struct walk *w, uint8_t proto)
{
    if (!skip_extensions(w, &proto))
        return;
    w->p.ip_proto = proto;
    switch (proto) {
    case IP_PROTO_UDP:
        udp(w);
        return;
    case IP_PROTO_TCP:
        tcp(w);
        return;
    case IP_PROTO_ICMP:
    case IP_PROTO_ICMPV6:
        walk_deliver(w, PACKET_ICMP);
        return;
    case IP_PROTO_IPIP:
    case IP_PROTO_IPV6:
        if (ip_in_ip(w, proto))
            return;
        break;
    case IP_PROTO_GRE:
        if (tunnel_gre(w))
            return;
        break;
    default:
        break;
    }
    walk_deliver(w, PACKET_IP);
}
