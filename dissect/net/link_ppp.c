/* PPP (RFC 1661, RFC 1662), Cisco HDLC, and PPPoE (RFC 2516). */
#include "dissect/net/layers.h"

enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, ETHERTYPE_MPLS_UNICAST = 0x8847 };

/* The protocol field is one octet when its low bit is set (RFC 1661 section 2, protocol field compression). */
static void ppp_protocol(struct walk *w)
{
    struct walk whole = *w;
    struct span h;
    if (!walk_take(w, 1, &h))
        return;
    unsigned protocol = h.data[0];
    if ((protocol & 1) == 0) {
        if (!walk_take(w, 1, &h))
            return;
        protocol = protocol << 8 | h.data[0];
    }
    switch (protocol) {
    case PPP_IPV4:
        ip_v4(w);
        break;
    case PPP_IPV6:
        ip_v6(w);
        break;
    case PPP_MPLS:
        link_ethertype(w, ETHERTYPE_MPLS_UNICAST);
        break;
    default: /* LCP, EAP, CHAP ...: for the PPP dissector, from the protocol field on */
        w->at = whole.at;
        w->wire = whole.wire;
        w->p.ethertype = ETHERTYPE_PPP;
        walk_deliver(w, PACKET_LINK);
    }
}

void ppp_frame(struct walk *w)
{
    struct span h;
    bool address_and_control = w->at.len > 0 && w->at.data[0] == 0xff; /* 0x00ff is no protocol */
    if (address_and_control && !walk_take(w, 2, &h))
        return;
    ppp_protocol(w);
}

/* The first octet is 0xff for PPP, 0x0f (unicast) or 0x8f (broadcast) for Cisco HDLC, which has an EtherType. */
void ppp_hdlc_frame(struct walk *w)
{
    struct span h;
    bool cisco = w->at.len > 0 && (w->at.data[0] == 0x0f || w->at.data[0] == 0x8f);
    if (!cisco)
        ppp_frame(w);
    else if (walk_take(w, 4, &h))
        link_ethertype(w, load_be16(h.data + 2));
}

void pppoe_frame(struct walk *w)
{
    struct span h;
    if (!walk_take(w, 6, &h))
        return;
    uint8_t version_type = h.data[0], code = h.data[1];
    uint16_t length = load_be16(h.data + 4);
    if (version_type != 0x11 || length > w->wire) {
        walk_malformed(w);
        return;
    }
    walk_limit(w, length);
    if (code == 0) {
        ppp_frame(w);
        return;
    }
    w->p.ethertype = ETHERTYPE_PPPOE_DISCOVERY;
    walk_deliver(w, PACKET_LINK);
}
