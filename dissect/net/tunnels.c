/* Tunnels that mirror ports, clouds and overlays put around packets: VXLAN, Geneve, service headers, TZSP, GRE with ERSPAN. */
#include "dissect/net/layers.h"

enum { ETHERTYPE_ERSPAN_2 = 0x88be, ETHERTYPE_ERSPAN_3 = 0x22eb, ETHERTYPE_MPLS_UNICAST = 0x8847,
       ETHERTYPE_CISCO_METADATA = 0x8909 };
enum { ETHERNET_HEADER = 14 };
/* Kinds beside the IP protocol numbers, for the tunnel's hash. */
enum { TUNNEL_TZSP = 256 - 3, TUNNEL_VXLAN = 256 - 2, TUNNEL_GENEVE = 256 - 1 };
/* What follows a service header or one of VXLAN-GPE (RFC 8300 section 2.2). */
enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETHERNET = 3, NEXT_SERVICE_HEADER = 4, NEXT_MPLS = 5 };

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

static void next_protocol(struct walk *w, uint8_t next)
{
    switch (next) {
    case NEXT_IPV4: ip_v4(w); break;
    case NEXT_IPV6: ip_v6(w); break;
    case NEXT_ETHERNET: link_ethernet(w); break;
    case NEXT_SERVICE_HEADER: tunnel_service_header(w); break;
    case NEXT_MPLS: link_mpls(w); break;
    default: walk_deliver(w, PACKET_LINK);
    }
}

/* RFC 8300 section 2: its length counts words of four bytes; one within another is a header deeper. */
void tunnel_service_header(struct walk *w)
{
    enum { BASE_AND_PATH = 8 };
    struct span h, context;
    if (!walk_deeper(w) || !walk_take(w, BASE_AND_PATH, &h))
        return;
    size_t length = (size_t)(h.data[1] & 0x3f) * 4;
    if (h.data[0] >> 6 != 0 || length < BASE_AND_PATH)
        walk_malformed(w);
    else if (walk_take(w, length - BASE_AND_PATH, &context))
        next_protocol(w, h.data[3]);
}

/* draft-ietf-nvo3-vxlan-gpe section 3: as VXLAN, but it says what follows. */
static bool vxlan_gpe(struct walk *w)
{
    enum { INSTANCE_AND_NEXT = 0x0c };
    struct span h;
    if (w->wire < 8 + ETHERNET_HEADER || w->at.len < 8)
        return false;
    const uint8_t *b = w->at.data;
    bool known = b[3] >= NEXT_IPV4 && b[3] <= NEXT_MPLS;
    if ((b[0] & INSTANCE_AND_NEXT) != INSTANCE_AND_NEXT || !known || b[7] != 0 || !take_span(&w->at, 8, &h))
        return false;
    w->wire -= 8;
    walk_enter_tunnel(w, TUNNEL_VXLAN, load_be32(h.data + 4) >> 8);
    next_protocol(w, h.data[3]);
    return true;
}

/* TaZmen Sniffer Protocol: version 1, a received Ethernet frame behind tags, of which the last one is number 1. */
static bool tzsp(struct walk *w)
{
    enum { ETHERNET_FRAME = 1, TAG_PADDING = 0, TAG_END = 1 };
    struct span h;
    const uint8_t *b = w->at.data;
    if (w->at.len < 5 || b[0] != 1 || b[1] != 0 || load_be16(b + 2) != ETHERNET_FRAME || !take_span(&w->at, 4, &h))
        return false;
    w->wire -= 4;
    for (;;) {
        if (!walk_take(w, 1, &h))
            return true;
        if (h.data[0] == TAG_END)
            break;
        if (h.data[0] != TAG_PADDING && (!walk_take(w, 1, &h) || !walk_take(w, h.data[0], &h)))
            return true;
    }
    walk_enter_tunnel(w, TUNNEL_TZSP, 0);
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
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX: return vxlan(w);
    case PORT_VXLAN_GPE: return vxlan_gpe(w);
    case PORT_TZSP: return tzsp(w);
    case PORT_GENEVE: return geneve(w);
    default: return false;
    }
}

/* Type II has 8 bytes and a GRE sequence number, type I neither; type III 12, 8 more when its O bit says so, and may hold an
 * IP packet (draft-foschiano-erspan). The session id tells mirrors apart. */
static void erspan(struct walk *w, uint16_t type, bool sequenced)
{
    enum { FRAME_TYPE = 0x7c, FRAME_TYPE_IP = 2 << 2 };
    struct span h, more;
    uint32_t session = 0;
    bool ip = false;
    if (type == ETHERTYPE_ERSPAN_3 || sequenced) {
        if (!walk_take(w, type == ETHERTYPE_ERSPAN_3 ? 12 : 8, &h))
            return;
        session = load_be16(h.data + 2) & 0x03ff;
        ip = h.len == 12 && (h.data[10] & FRAME_TYPE) == FRAME_TYPE_IP;
        if (h.len == 12 && (h.data[11] & 1) && !walk_take(w, 8, &more))
            return;
    }
    walk_enter_tunnel(w, IP_PROTO_GRE, session);
    if (ip)
        ip_raw(w);
    else
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
