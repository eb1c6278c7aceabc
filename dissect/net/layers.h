/*
 * The way of one frame down through its layers: internal to dissect/net. Each layer takes its header from the walk,
 * narrows it to the length that the header announces, and calls the next one; the last one delivers.
 */
#ifndef VS_NET_LAYERS_H
#define VS_NET_LAYERS_H

#include "dissect/net/net.h"
#include "capture/wire/cursor.h"

/* Link and IP headers inside one another in a frame; a VXLAN packet has four. */
enum { NET_NESTING_MAX = 12 };

enum { ETHERTYPE_TRANSPARENT_BRIDGING = 0x6558, ETHERTYPE_PPP = 0x880b, ETHERTYPE_PPPOE_DISCOVERY = 0x8863 };

/* UDP: RFC 7348, and what Linux took before it; draft-ietf-nvo3-vxlan-gpe; RFC 8926; sniffers of MikroTik and Aruba. */
enum { PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472, PORT_VXLAN_GPE = 4790, PORT_GENEVE = 6081, PORT_TZSP = 37008 };

struct fragments;
struct duplicates;
struct bucket;

/* A frame that was looked at before its turn. p is kept filled in by plain.c, so that each frame writes only what differs. */
struct ahead {
    struct packet p;  /* p.frame: which frame */
    enum { AHEAD_OTHER, AHEAD_PLAIN, AHEAD_READY } found; /* something for the walk, it is the packet p, and what follows is known */
    uint32_t ip_id;   /* known with AHEAD_PLAIN, too */
    uint64_t hash;    /* its identity for duplicates */
    struct bucket *bucket; /* where that would be */
};

struct net {
    struct net_handler handler;
    struct net_counters counters;
    /* Capture time for time-outs, not led astray by one wrong time stamp: what ends now is measured to the smaller of
     * the last two frames' times, what begins now from the greater. */
    int64_t time_ns, previous_ns;
    bool fragments_wait; /* perhaps: fragments_expire has to look */
    struct fragments *fragments;
    struct duplicates *duplicates;
    struct ahead ahead[NET_AHEAD]; /* of the frames that net_look had */
};

struct walk {
    struct net *net;
    struct packet p;
    struct cursor at;      /* captured bytes of the current layer that are not dissected yet */
    size_t wire;           /* bytes of it that the headers announce; never less than at.len */
    const uint8_t *src_mac, *dst_mac; /* in the innermost link header; NULL when it has none */
    bool carried;          /* they are of a frame within another one */
    uint32_t ip_id;        /* identification of the innermost IPv4 header, or of an IPv6 fragment header */
    uint32_t ip_fragment;  /* offset in bytes, plus one when more follow; only while a fragment is looked at */
    unsigned nesting;
};

/* Takes a header of n bytes; when it is not there, counts the frame as cut or malformed and returns false. */
MUST_CHECK bool walk_take(struct walk *w, size_t n, struct span *header);

/* Says that the current layer's rest is n bytes long: padding goes, what is missing was cut. */
void walk_limit(struct walk *w, size_t n);

/* Steps one header deeper; false (and counted) when there are too many. */
MUST_CHECK bool walk_deeper(struct walk *w);

/* Enters a tunnel: its identity is that of both outer endpoints in either direction, the kind and the key. */
void walk_enter_tunnel(struct walk *w, uint8_t kind, uint32_t key);

/* Hands the walk's packet, with all that is left as payload, to the handler unless it repeats another one. */
void walk_deliver(struct walk *w, enum packet_kind kind);

static inline void walk_malformed(struct walk *w)
{
    w->net->counters.malformed++;
}

static inline uint16_t load_be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* plain.c: net_look and net_take, and the short way of the usual frame, a UDP datagram or TCP segment in IPv4 without
 * options in Ethernet without tags, straight to the handler. The walk, which takes all, would hand over the very same packet. */
void plain_init(struct net *n);

/* net.c: the walk of any other. */
void walk_frame(struct net *n, const struct frame *f);

/* link_capture.c: the outermost header by LINKTYPE_. */
void link_frame(struct walk *w, uint32_t link_type);

/* link.c: an Ethernet header; what follows an EtherType; an LLC header; labels of MPLS. */
void link_ethernet(struct walk *w);
void link_ethertype(struct walk *w, uint16_t type);
void link_llc(struct walk *w);
void link_mpls(struct walk *w);

/* link_tags.c: takes tags until an EtherType that is no tag's; false when the walk ended. */
bool link_take_tags(struct walk *w, uint16_t *type);

/* Remembers where a link header has its addresses (each may be NULL). */
void link_addresses(struct walk *w, const uint8_t *src, const uint8_t *dst);

/* link_ppp.c: PPP from its address or protocol field on; PPPoE from its version on. */
void ppp_frame(struct walk *w);
void ppp_hdlc_frame(struct walk *w);
void pppoe_frame(struct walk *w);

/* link_wlan.c: 802.11 from the frame control on, and the headers that monitors put before it. */
void wlan_frame(struct walk *w, bool padded);
void wlan_radiotap_frame(struct walk *w);
void wlan_prism_frame(struct walk *w);

/* ip.c */
void ip_v4(struct walk *w);
void ip_v6(struct walk *w);
void ip_raw(struct walk *w); /* the version nibble tells */
void ip_payload(struct walk *w, uint8_t proto);

/* True for UDP ports behind which tunnel_in_udp looks. Asked of each datagram: their last six bits rule nearly all others out. */
static inline bool tunnel_is_udp_port(uint16_t port)
{
#define PORT_BIT(port) (UINT64_C(1) << ((port) % 64u))
    const uint64_t last_bits = PORT_BIT(PORT_VXLAN) | PORT_BIT(PORT_VXLAN_LINUX) | PORT_BIT(PORT_VXLAN_GPE) | PORT_BIT(PORT_GENEVE) | PORT_BIT(PORT_TZSP);
    if ((last_bits & PORT_BIT(port)) == 0)
        return false;
#undef PORT_BIT
    return port == PORT_VXLAN || port == PORT_VXLAN_LINUX || port == PORT_VXLAN_GPE || port == PORT_GENEVE || port == PORT_TZSP;
}

/* tunnels.c: true when the walk went on inside (or ended there); false when it is not such a tunnel, nothing changed. */
bool tunnel_in_udp(struct walk *w, uint16_t port);
bool tunnel_gre(struct walk *w);
void tunnel_service_header(struct walk *w);

/* ip_fragments.c */
struct fragments *fragments_new(void);
void fragments_free(struct fragments *t);
/* Takes the walk's rest as a piece of a datagram, and goes on with the datagram once it is whole. */
void fragments_add(struct walk *w, uint8_t proto, bool ipv6, uint32_t offset, bool more);
/* Reports what has waited too long. */
void fragments_expire(struct net *n, const struct frame *f);
/* Reports all that still waits. */
void fragments_finish(struct net *n);

/* duplicates.c */
struct duplicates *duplicates_new(void);
void duplicates_free(struct duplicates *t);
/* True when a packet repeats one of the last NET_DUPLICATE_WINDOW_NS; else remembers it. id and fragment as in a walk. */
bool duplicates_seen(struct duplicates *t, const struct packet *p, uint32_t id, uint32_t fragment);

#endif
