/* Ethernet, LLC, MPLS, and what an EtherType says that follows. */
#include "dissect/net/layers.h"

enum { ETHERTYPE_MIN = 0x0600, ETHERTYPE_MPLS = 0x8847, ETHERTYPE_MPLS_MULTICAST = 0x8848, ETHERTYPE_PPPOE_SESSION = 0x8864,
       ETHERTYPE_BACKBONE = 0x88e7, ETHERTYPE_SERVICE_HEADER = 0x894f };

void link_addresses(struct walk *w, const uint8_t *src, const uint8_t *dst)
{
    w->src_mac = src;
    w->dst_mac = dst;
}

/* IEEE 802.3 section 3.2.6: below 0x600 the field is a length. */
static void ethertype_or_length(struct walk *w, uint16_t value)
{
    if (value >= ETHERTYPE_MIN) {
        link_ethertype(w, value);
        return;
    }
    if (value < 3) /* no LLC header: loop tests of switches and the like */
        return;
    if (value <= w->wire)
        walk_limit(w, value);
    link_llc(w);
}

void link_ethernet(struct walk *w)
{
    struct span h;
    if (!walk_deeper(w) || !walk_take(w, 14, &h))
        return;
    w->carried = w->carried || w->src_mac != NULL;
    link_addresses(w, h.data + 6, h.data);
    ethertype_or_length(w, load_be16(h.data + 12));
}

/* IEEE 802.2, with the SNAP extension (RFC 1042). What has no EtherType is of no interest. */
void link_llc(struct walk *w)
{
    struct span h;
    if (!walk_take(w, 3, &h))
        return;
    if (h.data[0] == 0x06 && h.data[1] == 0x06) {
        ip_v4(w);
        return;
    }
    if (h.data[0] != 0xaa || h.data[1] != 0xaa || h.data[2] != 0x03 || !walk_take(w, 5, &h))
        return;
    bool encapsulated_ethernet = h.data[0] == 0 && h.data[1] == 0 && (h.data[2] == 0 || h.data[2] == 0xf8);
    if (encapsulated_ethernet)
        link_ethertype(w, load_be16(h.data + 3));
}

/* An EtherType at its place, and behind it what it says, as far as a look tells. */
static bool begins_ethernet(const struct walk *w, size_t skipped)
{
    enum { TYPE_AT = 12, HEADER = 14, LEAST = HEADER + 4 };
    if (w->at.len < skipped + LEAST)
        return false;
    const uint8_t *b = w->at.data + skipped;
    switch (load_be16(b + TYPE_AT)) {
    case ETHERTYPE_IPV4:
        return b[HEADER] >> 4 == 4 && (b[HEADER] & 15) >= 5 && skipped + HEADER + load_be16(b + HEADER + 2) <= w->wire;
    case ETHERTYPE_IPV6:
        return b[HEADER] >> 4 == 6;
    case ETHERTYPE_VLAN:
    case ETHERTYPE_ARP:
    case ETHERTYPE_EAPOL:
    case ETHERTYPE_LLDP:
    case ETHERTYPE_PPPOE_SESSION:
        return true;
    default:
        return false;
    }
}

/* 0: no IP packet. The address of a card may begin with the same four bits. */
static unsigned ip_version(const struct walk *w)
{
    unsigned version = w->at.len > 0 ? w->at.data[0] >> 4 : 0;
    bool ip = (version == 4 && (w->at.data[0] & 15) >= 5) || version == 6;
    return ip && !begins_ethernet(w, 0) ? version : 0;
}

/* RFC 4448: a control word, which begins with four zero bits, stands before the frame or not. Many cards' addresses begin so, too. */
static void pseudowire(struct walk *w)
{
    enum { CONTROL_WORD = 4 };
    struct span h;
    bool bare = begins_ethernet(w, 0) && !begins_ethernet(w, CONTROL_WORD);
    bool controlled = !bare && w->at.len > 0 && w->at.data[0] >> 4 == 0;
    if (!controlled || walk_take(w, CONTROL_WORD, &h))
        link_ethernet(w);
}

/* RFC 3032: labels up to the bottom of the stack; what follows is told by its first nibble (RFC 4928, RFC 4385). */
void link_mpls(struct walk *w)
{
    struct span h;
    do {
        if (!walk_take(w, 4, &h))
            return;
    } while ((h.data[2] & 1) == 0);
    switch (ip_version(w)) {
    case 4: ip_v4(w); break;
    case 6: ip_v6(w); break;
    default: pseudowire(w);
    }
}

/* IEEE 802.1X section 11.3: the PDU says its own length; behind it may be padding or a frame check sequence. */
static void eapol(struct walk *w)
{
    if (w->at.len >= 4) {
        size_t length = 4u + load_be16(w->at.data + 2);
        if (length < w->wire)
            walk_limit(w, length);
    }
    walk_deliver(w, PACKET_EAPOL);
}

void link_ethertype(struct walk *w, uint16_t type)
{
    struct span h;
    if (!link_take_tags(w, &type))
        return;
    w->p.ethertype = type;
    switch (type) {
    case ETHERTYPE_IPV4:
        ip_v4(w);
        break;
    case ETHERTYPE_IPV6:
        ip_v6(w);
        break;
    case ETHERTYPE_EAPOL:
        eapol(w);
        break;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        link_mpls(w);
        break;
    case ETHERTYPE_PPPOE_SESSION:
        pppoe_frame(w);
        break;
    case ETHERTYPE_PPP:
        ppp_frame(w);
        break;
    case ETHERTYPE_TRANSPARENT_BRIDGING:
        link_ethernet(w);
        break;
    case ETHERTYPE_BACKBONE: /* IEEE 802.1Q clause 9.7: priority and the service's number, then the customer's frame */
        if (walk_take(w, 4, &h))
            link_ethernet(w);
        break;
    case ETHERTYPE_SERVICE_HEADER:
        tunnel_service_header(w);
        break;
    default:
        if (type >= ETHERTYPE_MIN)
            walk_deliver(w, PACKET_LINK);
    }
}
