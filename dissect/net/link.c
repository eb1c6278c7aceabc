/* Link layers down to an EtherType: Ethernet, VLAN tags, LLC, "cooked", loopback and raw captures, MPLS. */
#include "dissect/net/layers.h"

/* LINKTYPE_ values beyond those of capture/frame.h; 12 and 14 are what DLT_RAW was on some systems. */
enum { LINKTYPE_RAW_BSD = 12, LINKTYPE_RAW_OPENBSD = 14, LINKTYPE_CISCO_HDLC = 104, LINKTYPE_IEEE802_11_AVS = 163,
       LINKTYPE_PPI = 192, LINKTYPE_NFLOG = 239 };

enum { ETHERTYPE_MIN = 0x0600, ETHERTYPE_QINQ = 0x88a8, ETHERTYPE_QINQ_OLD = 0x9100, ETHERTYPE_VN_TAG = 0x8926,
       ETHERTYPE_E_TAG = 0x893f, ETHERTYPE_CISCO_METADATA = 0x8909, ETHERTYPE_MPLS = 0x8847, ETHERTYPE_MPLS_MULTICAST = 0x8848,
       ETHERTYPE_PPPOE_SESSION = 0x8864 };

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

/* RFC 3032: labels up to the bottom of the stack; what follows is told by its first nibble (RFC 4928, RFC 4385). */
static void mpls(struct walk *w)
{
    struct span h;
    do {
        if (!walk_take(w, 4, &h))
            return;
    } while ((h.data[2] & 1) == 0);
    uint8_t first = w->at.len > 0 ? w->at.data[0] : 0;
    if (first >> 4 == 4 && (first & 15) >= 5) {
        ip_v4(w);
    } else if (first >> 4 == 6) {
        ip_v6(w);
    } else if (first >> 4 != 0 || walk_take(w, 4, &h)) {
        link_ethernet(w);
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

/* Takes tags until a real EtherType. */
static bool take_tags(struct walk *w, uint16_t *type)
{
    for (bool first = true;; first = false) {
        struct span h;
        switch (*type) {
        case ETHERTYPE_VLAN:
        case ETHERTYPE_QINQ:
        case ETHERTYPE_QINQ_OLD:
            if (!walk_take(w, 4, &h))
                return false;
            if (first && w->p.vlan == 0)
                w->p.vlan = load_be16(h.data) & 0x0fff;
            break;
        case ETHERTYPE_VN_TAG:
            if (!walk_take(w, 6, &h))
                return false;
            break;
        case ETHERTYPE_E_TAG:
        case ETHERTYPE_CISCO_METADATA: /* TrustSec: a security group tag */
            if (!walk_take(w, 8, &h))
                return false;
            break;
        default:
            return true;
        }
        *type = load_be16(h.data + h.len - 2);
    }
}

void link_ethertype(struct walk *w, uint16_t type)
{
    if (!take_tags(w, &type))
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
        mpls(w);
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
    default:
        if (type >= ETHERTYPE_MIN)
            walk_deliver(w, PACKET_LINK);
    }
}

/* The version nibble tells. */
static void raw_ip(struct walk *w)
{
    unsigned version = w->at.len > 0 ? w->at.data[0] >> 4 : 4;
    if (version == 6)
        ip_v6(w);
    else
        ip_v4(w);
}

/* The address family in the byte order of the capturing machine (NULL) or of the network (LOOP); no family needs
 * more than 16 bits, so both orders can be told apart. IPv6 is 10 on Linux, 23 on Windows, 24, 28 and 30 on the BSDs. */
static void loopback(struct walk *w)
{
    struct span h;
    if (!walk_take(w, 4, &h))
        return;
    uint32_t family = load_be32(h.data);
    if (family > 0xffff)
        family = (uint32_t)h.data[1] << 8 | h.data[0];
    if (family == 2) {
        ip_v4(w);
    } else if (family == 10 || family == 23 || family == 24 || family == 28 || family == 30) {
        ip_v6(w);
    } else {
        w->net->counters.unknown_link++;
    }
}

/* ARPHRD_ values decide whether the protocol is an EtherType: netlink and radio captures have something else there. */
static void cooked(struct walk *w, uint16_t hardware, uint16_t address_len, const uint8_t *address, uint16_t protocol)
{
    enum { ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };
    if (hardware == ARPHRD_RADIOTAP) {
        wlan_radiotap_frame(w);
        return;
    }
    if (hardware == ARPHRD_NETLINK)
        return;
    if (address_len == 6)
        link_addresses(w, address, NULL);
    if (protocol == 4) /* ETH_P_802_2 */
        link_llc(w);
    else
        link_ethertype(w, protocol);
}

static void linux_sll(struct walk *w)
{
    struct span h;
    if (walk_take(w, 16, &h))
        cooked(w, load_be16(h.data + 2), load_be16(h.data + 4), h.data + 6, load_be16(h.data + 14));
}

static void linux_sll2(struct walk *w)
{
    struct span h;
    if (walk_take(w, 20, &h))
        cooked(w, load_be16(h.data + 8), h.data[11], h.data + 12, load_be16(h.data));
}

/* Per-Packet Information: a little-endian header with its length and the link type behind it. */
static void ppi(struct walk *w)
{
    struct span h;
    if (!walk_take(w, 8, &h))
        return;
    size_t length = (size_t)h.data[3] << 8 | h.data[2];
    uint32_t inner = (uint32_t)h.data[7] << 24 | (uint32_t)h.data[6] << 16 | (uint32_t)h.data[5] << 8 | h.data[4];
    if (length < 8) {
        walk_malformed(w);
        return;
    }
    if (walk_deeper(w) && walk_take(w, length - 8, &h))
        link_frame(w, inner);
}

/* Attributes in the byte order of the capturing machine; number 9 is the packet, in practice the last one. */
static void nflog(struct walk *w)
{
    struct span h;
    if (!walk_take(w, 4, &h))
        return;
    uint8_t family = h.data[0];
    for (;;) {
        if (!walk_take(w, 4, &h))
            return;
        bool little = h.data[2] != 0;
        unsigned length = little ? (unsigned)h.data[1] << 8 | h.data[0] : load_be16(h.data);
        unsigned type = little ? h.data[2] : h.data[3];
        if (length < 4) {
            walk_malformed(w);
            return;
        }
        length -= 4;
        if (type == 9) {
            if (length <= w->wire)
                walk_limit(w, length);
            if (family == 2)
                ip_v4(w);
            else if (family == 10)
                ip_v6(w);
            return;
        }
        if (!walk_take(w, (length + 3u) & ~3u, &h))
            return;
    }
}

void link_frame(struct walk *w, uint32_t link_type)
{
    switch (link_type) {
    case LINKTYPE_ETHERNET: link_ethernet(w); break;
    case LINKTYPE_LINUX_SLL: linux_sll(w); break;
    case LINKTYPE_LINUX_SLL2: linux_sll2(w); break;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP: loopback(w); break;
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_BSD:
    case LINKTYPE_RAW_OPENBSD: raw_ip(w); break;
    case LINKTYPE_IPV4: ip_v4(w); break;
    case LINKTYPE_IPV6: ip_v6(w); break;
    case LINKTYPE_PPP: ppp_frame(w); break;
    case LINKTYPE_PPP_HDLC:
    case LINKTYPE_CISCO_HDLC: ppp_hdlc_frame(w); break;
    case LINKTYPE_PPP_ETHER: pppoe_frame(w); break;
    case LINKTYPE_PPP_WITH_DIR: {
        struct span direction;
        if (walk_take(w, 1, &direction))
            ppp_frame(w);
        break;
    }
    case LINKTYPE_IEEE802_11: wlan_frame(w, false); break;
    case LINKTYPE_IEEE802_11_RADIOTAP: wlan_radiotap_frame(w); break;
    case LINKTYPE_IEEE802_11_PRISM:
    case LINKTYPE_IEEE802_11_AVS: wlan_prism_frame(w); break;
    case LINKTYPE_PPI: ppi(w); break;
    case LINKTYPE_NFLOG: nflog(w); break;
    default: w->net->counters.unknown_link++;
    }
}
