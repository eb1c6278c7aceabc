/* One datagram or segment, decoded from a frame down to its transport payload (link, tunnels, IP, fragments done). */
#ifndef VS_NET_PACKET_H
#define VS_NET_PACKET_H

#include "capture/frame.h"
#include "capture/wire/address.h"

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
    uint64_t addresses; /* source and destination */
    uint64_t ports;     /* IP protocol, ports of source and destination; 0: not such a packet, nothing is filled in */
};

/* Lent during the packet callback. */
struct packet {
    const struct frame *frame;  /* the frame that completed it */
    enum packet_kind kind;
    struct endpoint src, dst;   /* innermost addresses; ports for UDP and TCP */
    struct packet_ends ends;    /* UDP and TCP: the same in two words, when they are of IPv4 and in no tunnel */
    struct span payload;        /* captured payload bytes */
    uint32_t payload_wire_len;  /* length that the headers announce; greater than payload.len when the capture was cut */
    uint32_t tunnel;            /* 0, or a hash of the outer tunnel (VNI, GRE key, outer addresses): same addresses in
                                   different tunnels are different hosts. VLAN ids do not count. */
    uint32_t fragments;         /* IP fragments that it was joined from; 0: was not fragmented */
    uint64_t first_frame;       /* frame of its first fragment; else frame->number */
    uint64_t datagram;          /* fragments > 0: serial of the datagram, as net_handler.piece had it */
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

/* Made from the other fields; for who makes packets. */
static inline struct packet_ends packet_ends_of(const struct packet *p)
{
    struct packet_ends ends = {0, 0};
    uint8_t *addresses = (uint8_t *)&ends.addresses;
    if ((p->kind != PACKET_UDP && p->kind != PACKET_TCP) || p->tunnel != 0 || p->src.address.family != FAMILY_IPV4 ||
        p->dst.address.family != FAMILY_IPV4)
        return ends;
    memcpy(addresses, p->src.address.bytes, 4);
    memcpy(addresses + 4, p->dst.address.bytes, 4);
    ends.ports = (uint64_t)p->ip_proto << 32 | (uint64_t)p->src.port << 16 | p->dst.port;
    return ends;
}

#endif
