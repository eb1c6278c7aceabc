/* ICMP and ICMPv6 errors (RFC 792, RFC 4443) about TCP segments. */
#ifndef VS_TCP_ICMP_H
#define VS_TCP_ICMP_H

#include "dissect/net/packet.h"

enum tcp_icmp_kind {
    TCP_ICMP_NONE,
    TCP_ICMP_UNREACHABLE,   /* destination unreachable, whatever the code but the next */
    TCP_ICMP_TOO_BIG,       /* fragmentation needed, packet too big */
    TCP_ICMP_TIME_EXCEEDED, /* TTL or hop limit ran out */
};

struct tcp_icmp {
    enum tcp_icmp_kind kind;
    uint8_t type, code;       /* as on the wire */
    uint32_t mtu;             /* TCP_ICMP_TOO_BIG: of the next hop; 0: not told */
    struct endpoint src, dst; /* of the segment that could not be delivered */
    uint32_t seq;             /* its sequence number */
};

/* p is a PACKET_ICMP. False when it is not an error about a TCP segment, or quotes less than eight octets of it. */
bool tcp_icmp_read(const struct packet *p, struct tcp_icmp *out);

#endif
