/* What capturing systems put in front of a frame, by LINKTYPE_: "cooked", loopback and raw captures, switches, firewalls' logs. */
#include "dissect/net/layers.h"

/* LINKTYPE_ values beyond those of capture/frame.h; 12 and 14 are what DLT_RAW was on some systems. */
enum { LINKTYPE_RAW_BSD = 12, LINKTYPE_RAW_OPENBSD = 14, LINKTYPE_ATM_RFC1483 = 100, LINKTYPE_CISCO_HDLC = 104, LINKTYPE_ENC = 109,
       LINKTYPE_PFLOG = 117, LINKTYPE_IEEE802_11_AVS = 163, LINKTYPE_JUNIPER_ETHER = 178, LINKTYPE_PPI = 192, LINKTYPE_NFLOG = 239,
       LINKTYPE_PKTAP = 258, LINKTYPE_DSA_TAG_BRCM = 281, LINKTYPE_DSA_TAG_BRCM_PREPEND = 282, LINKTYPE_DSA_TAG_DSA = 284,
       LINKTYPE_DSA_TAG_EDSA = 285 };

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

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Takes the rest of a header that is so long in all, of which some has been taken, and goes on with a frame of another link type. */
static void behind_header(struct walk *w, size_t length, size_t taken, uint32_t inner)
{
    struct span h;
    if (length < taken)
        walk_malformed(w);
    else if (walk_deeper(w) && walk_take(w, length - taken, &h))
        link_frame(w, inner);
}

/* Per-Packet Information: a little-endian header with its length and the link type behind it. */
static void ppi(struct walk *w)
{
    struct span h;
    if (walk_take(w, 8, &h))
        behind_header(w, (size_t)h.data[3] << 8 | h.data[2], 8, load_le32(h.data + 4));
}

/* macOS, of several interfaces at once: little-endian, its length, a kind, the link type behind it. */
static void pktap(struct walk *w)
{
    struct span h;
    if (walk_take(w, 12, &h))
        behind_header(w, load_le32(h.data), 12, load_le32(h.data + 8));
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

/* pf's log of the BSDs: its own length, which leaves out the padding to four bytes. */
static void pflog(struct walk *w)
{
    struct span h;
    size_t length = w->at.len > 0 ? (w->at.data[0] + 3u) & ~3u : 4;
    if (length < 4)
        walk_malformed(w);
    else if (walk_take(w, length, &h))
        ip_raw(w);
}

/* enc(4) of the BSDs: IPsec's packets as they are inside, behind family, SPI and flags. */
static void enc(struct walk *w)
{
    struct span h;
    if (walk_take(w, 12, &h))
        ip_raw(w);
}

/* Junos: "MGC", flags, extensions with their length. */
static void juniper_ethernet(struct walk *w)
{
    enum { NO_LINK_HEADER = 0x02, EXTENSIONS = 0x80 };
    struct span h, extensions;
    if (!walk_take(w, 4, &h))
        return;
    uint8_t flags = h.data[3];
    if (h.data[0] != 'M' || h.data[1] != 'G' || h.data[2] != 'C') {
        walk_malformed(w);
        return;
    }
    if ((flags & EXTENSIONS) && (!walk_take(w, 2, &h) || !walk_take(w, load_be16(h.data), &extensions)))
        return;
    if (flags & NO_LINK_HEADER)
        ip_raw(w);
    else
        link_ethernet(w);
}

/* The port of a switch chip, as a tag of four bytes behind the addresses, where no EtherType tells that it is one. */
static void tagged_by_chip(struct walk *w)
{
    struct span h;
    if (!walk_deeper(w) || !walk_take(w, 18, &h))
        return;
    link_addresses(w, h.data + 6, h.data);
    link_ethertype(w, load_be16(h.data + 16));
}

static void behind_tag_of_chip(struct walk *w)
{
    struct span h;
    if (walk_take(w, 4, &h))
        link_ethernet(w);
}

static void ppp_with_direction(struct walk *w)
{
    struct span direction;
    if (walk_take(w, 1, &direction))
        ppp_frame(w);
}

static void wlan_bare(struct walk *w)
{
    wlan_frame(w, false);
}

typedef void link_fn(struct walk *w);

/* NULL: nobody knows it. */
static link_fn *header_of(uint32_t link_type)
{
    switch (link_type) {
    case LINKTYPE_ETHERNET:
    case LINKTYPE_DSA_TAG_EDSA: return link_ethernet; /* that tag has an EtherType */
    case LINKTYPE_LINUX_SLL: return linux_sll;
    case LINKTYPE_LINUX_SLL2: return linux_sll2;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP: return loopback;
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_BSD:
    case LINKTYPE_RAW_OPENBSD: return ip_raw;
    case LINKTYPE_IPV4: return ip_v4;
    case LINKTYPE_IPV6: return ip_v6;
    case LINKTYPE_PPP: return ppp_frame;
    case LINKTYPE_PPP_HDLC:
    case LINKTYPE_CISCO_HDLC: return ppp_hdlc_frame;
    case LINKTYPE_PPP_ETHER: return pppoe_frame;
    case LINKTYPE_PPP_WITH_DIR: return ppp_with_direction;
    case LINKTYPE_IEEE802_11: return wlan_bare;
    case LINKTYPE_IEEE802_11_RADIOTAP: return wlan_radiotap_frame;
    case LINKTYPE_IEEE802_11_PRISM:
    case LINKTYPE_IEEE802_11_AVS: return wlan_prism_frame;
    case LINKTYPE_PPI: return ppi;
    case LINKTYPE_PKTAP: return pktap;
    case LINKTYPE_NFLOG: return nflog;
    case LINKTYPE_PFLOG: return pflog;
    case LINKTYPE_ENC: return enc;
    case LINKTYPE_ATM_RFC1483: return link_llc;
    case LINKTYPE_JUNIPER_ETHER: return juniper_ethernet;
    case LINKTYPE_DSA_TAG_BRCM:
    case LINKTYPE_DSA_TAG_DSA: return tagged_by_chip;
    case LINKTYPE_DSA_TAG_BRCM_PREPEND: return behind_tag_of_chip;
    default: return NULL;
    }
}

bool net_reads_link(uint32_t link_type)
{
    return header_of(link_type) != NULL;
}

void link_frame(struct walk *w, uint32_t link_type)
{
    link_fn *header = header_of(link_type);
    if (header != NULL)
        header(w);
    else
        w->net->counters.unknown_link++;
}
