/* One datagram or segment, decoded from a frame down to its transport payload (link, tunnels, IP, fragments done). */
#ifndef VS_NET_PACKET_H
#define VS_NET_PACKET_H

#include "capture/frame.h"
#include "capture/wire/address.h"
#include "capture/wire/hash.h"

enum { IP_PROTO_ICMP = 1, IP_PROTO_IPIP = 4, IP_PROTO_TCP = 6, IP_PROTO_UDP = 17, IP_PROTO_IPV6 = 41, IP_PROTO_GRE = 47,
       IP_PROTO_ESP = 50, IP_PROTO_AH = 51, IP_PROTO_ICMPV6 = 58 };
enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_VLAN = 0x8100, ETHERTYPE_IPV6 = 0x86dd,
       ETHERTYPE_EAPOL = 0x888e, ETHERTYPE_LLDP = 0x88cc };

enum packet_kind {
    PACKET_UDP,
    PACKET_TCP,
    PACKET_ICMP,   /* ICMP or ICMPv6; payload starts at its type octet */
    PACKET_IP,     /* any other IP protocol: payload follows the IP headers */
    PACKET_EAPOL,  /* IEEE 802.1X: payload is the EAPOL PDU; the addresses are FAMILY_MAC */
    PACKET_LINK,   /* another EtherType; payload follows it */
};

/* What tells flows of IPv4 outside of tunnels apart, and their directions: for tables, the same within a run only. */
struct packet_ends {
    uint64_t low, high; /* IP protocol, address and port of either end in a word; in the order of endpoint_compare */
    uint64_t hash;      /* of both; 0: not such a packet, nothing is filled in */
    bool from_low;
};

/* Lent during the packet callback. */
struct packet {
    const struct frame *frame;  /* the frame that completed it */
    enum packet_kind kind;
    struct endpoint src, dst;   /* innermost addresses; ports for UDP and TCP */
    struct packet_ends ends;    /* UDP and TCP: the same in words, when they are of IPv4 and in no tunnel */
    struct span payload;        /* captured payload bytes */
    uint32_t payload_wire_len;  /* length that the headers announce; greater than payload.len when the capture was cut */
    uint32_t tunnel;            /* 0, or a hash of the outer tunnel (VNI, GRE key, outer addresses): same addresses in
                                   different tunnels are different hosts. VLAN ids do not count. */
    uint32_t fragments;         /* IP fragments that it was joined from; 0: was not fragmented */
    uint64_t first_frame;       /* frame of its first fragment; else frame->number */
    uint64_t datagram;          /* fragments > 0: serial of the datagram, as net_handler.piece had it */
    const uint8_t *inner_mac;   /* 6 bytes: the source in the link header inside of the innermost tunnel or of another frame; NULL without any */
    uint16_t ethertype;         /* PACKET_LINK */
    uint16_t vlan;              /* outermost VLAN id, 0 without */
    uint8_t ip_proto;           /* PACKET_IP: the protocol; else that of the transport */
    uint8_t ttl;                /* TTL or hop limit, innermost */
    uint8_t depth;              /* tunnels peeled */
    uint8_t tcp_flags;          /* FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
    uint32_t tcp_seq, tcp_ack;
    struct span tcp_options;
    uint16_t tcp_window;
};

/* address: the first byte is the highest. */
static inline uint64_t packet_end_word(uint8_t ip_proto, uint32_t address, uint16_t port)
{
    return (uint64_t)ip_proto << 48 | (uint64_t)address << 16 | port;
}

static inline struct packet_ends packet_ends_between(uint64_t src, uint64_t dst)
{
    bool from_low = src <= dst;
    uint64_t low = from_low ? src : dst, high = from_low ? dst : src, hash = hash_mix(low, high);
    return (struct packet_ends){low, high, hash_not_zero(hash), from_low};
}

/* Between two of IPv4. */
static inline struct packet_ends packet_ends_ipv4(uint8_t ip_proto, const struct endpoint *src, const struct endpoint *dst)
{
    const uint8_t *s = src->address.bytes, *d = dst->address.bytes;
    uint32_t from = (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
    uint32_t to = (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
    return packet_ends_between(packet_end_word(ip_proto, from, src->port), packet_end_word(ip_proto, to, dst->port));
}

/* Made from the other fields; for who makes packets. */
static inline struct packet_ends packet_ends_of(const struct packet *p)
{
    if ((p->kind != PACKET_UDP && p->kind != PACKET_TCP) || p->tunnel != 0 || p->src.address.family != FAMILY_IPV4 ||
        p->dst.address.family != FAMILY_IPV4)
        return (struct packet_ends){0, 0, 0, false};
    return packet_ends_ipv4(p->ip_proto, &p->src, &p->dst);
}

#endif
