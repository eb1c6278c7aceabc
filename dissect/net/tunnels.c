/* Tunnels that mirror ports, clouds and overlays put around packets: VXLAN, Geneve, GRE with ERSPAN. */
#include "dissect/net/layers.h"

enum { ETHERTYPE_ERSPAN_2 = 0x88be, ETHERTYPE_ERSPAN_3 = 0x22eb, ETHERTYPE_MPLS_UNICAST = 0x8847,
       ETHERTYPE_CISCO_METADATA = 0x8909 };
enum { ETHERNET_HEADER = 14 };
/* Kinds beside the IP protocol numbers, for the tunnel's hash. */
enum { TUNNEL_VXLAN = 256 - 2, TUNNEL_GENEVE = 256 - 1 };

/* RFC 7348 section 5. The port is no proof: the VNI must be flagged, the last octet zero, and a frame must follow. */
static bool vxlan(struct walk *w)
{
    struct span h;
    if (w->wire < 8 + ETHERNET_HEADER || w->at.len < 8)
        return false;
    const uint8_t *b = w->at.data;
    if ((b[0] & 0x08) == 0 || b[7] != 0 || !take_span(&w->at, 8, &h))
        return false;
    w->wire -= 8;
    walk_enter_tunnel(w, TUNNEL_VXLAN, load_be32(h.data + 4) >> 8);
    link_ethernet(w);
    return true;
}

/* RFC 8926 section 3.4: version 0, options in 32-bit words, an EtherType that we know. */
static bool geneve(struct walk *w)
{
    struct span h;
    if (w->at.len < 8)
        return false;
    const uint8_t *b = w->at.data;
    size_t header = 8 + (size_t)(b[0] & 0x3f) * 4;
    uint16_t type = load_be16(b + 2);
    bool bridged = type == ETHERTYPE_TRANSPARENT_BRIDGING;
    bool known = bridged || type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
    size_t least = header + (bridged ? ETHERNET_HEADER : 0);
    if (b[0] >> 6 != 0 || b[7] != 0 || !known || least > w->wire || !take_span(&w->at, 8, &h))
        return false;
    w->wire -= 8;
    uint32_t vni = load_be32(h.data + 4) >> 8;
    struct span options;
    if (!walk_take(w, header - 8, &options))
        return true;
    walk_enter_tunnel(w, TUNNEL_GENEVE, vni);
    link_ethertype(w, type);
    return true;
}

bool tunnel_in_udp(struct walk *w, uint16_t port)
{
    switch (port) {
    case PORT_VXLAN: return vxlan(w);
    case PORT_GENEVE: return geneve(w);
    default: return false;
    }
}

/* Type II has 8 bytes and a GRE sequence number, type I neither; type III 12, and 8 more when its O bit says so
 * (draft-foschiano-erspan). The session id tells mirrors apart. */
static void erspan(struct walk *w, uint16_t type, bool sequenced)
{
    struct span h, more;
    uint32_t session = 0;
    if (type == ETHERTYPE_ERSPAN_3 || sequenced) {
        if (!walk_take(w, type == ETHERTYPE_ERSPAN_3 ? 12 : 8, &h))
            return;
        session = load_be16(h.data + 2) & 0x03ff;
        if (h.len == 12 && (h.data[11] & 1) && !walk_take(w, 8, &more))
            return;
    }
    walk_enter_tunnel(w, IP_PROTO_GRE, session);
    link_ethernet(w);
}

static bool carries(uint16_t type)
{
    switch (type) {
    case ETHERTYPE_IPV4:
    case ETHERTYPE_IPV6:
    case ETHERTYPE_MPLS_UNICAST:
    case ETHERTYPE_TRANSPARENT_BRIDGING:
    case ETHERTYPE_PPP:
    case ETHERTYPE_CISCO_METADATA:
    case ETHERTYPE_ERSPAN_2:
    case ETHERTYPE_ERSPAN_3:
        return true;
    default:
        return false;
    }
}

/* RFC 2784, RFC 2890. Version 1 is PPTP's; source routes (RFC 1701) are not followed: both stay as they are. */
bool tunnel_gre(struct walk *w)
{
    enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, VERSION = 0x0007 };
    struct span h;
    if (w->at.len < 4)
        return false;
    unsigned flags = load_be16(w->at.data);
    uint16_t type = load_be16(w->at.data + 2);
    size_t header = 4 + (flags & CHECKSUM ? 4u : 0u) + (flags & KEY ? 4u : 0u) + (flags & SEQUENCE ? 4u : 0u);
    bool is_erspan = type == ETHERTYPE_ERSPAN_2 || type == ETHERTYPE_ERSPAN_3;
    if ((flags & (ROUTING | VERSION)) != 0 || !carries(type) || header > w->wire)
        return false;
    if (!walk_take(w, header, &h))
        return true;
    if (is_erspan) {
        erspan(w, type, flags & SEQUENCE);
        return true;
    }
    uint32_t key = flags & KEY ? load_be32(h.data + (flags & CHECKSUM ? 8 : 4)) : 0;
    walk_enter_tunnel(w, IP_PROTO_GRE, key);
    link_ethertype(w, type);
    return true;
}
