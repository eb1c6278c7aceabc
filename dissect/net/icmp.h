/* ICMP and ICMPv6 errors, and the UDP datagram that they quote. */
#ifndef VS_NET_ICMP_H
#define VS_NET_ICMP_H

#include "dissect/net/packet.h"

struct icmp_quote {
    struct endpoint src, dst; /* of the datagram that could not be delivered */
    struct span payload;      /* as much of its payload as is quoted; an error need not quote any (RFC 792) */
};

/* Reads a "destination unreachable" (not "fragmentation needed") about UDP; p is a PACKET_ICMP. False for anything else. */
bool icmp_read_unreachable(const struct packet *p, struct icmp_quote *out);

/* Between whom the packet went that an error quotes, of whatever kind both are, and its protocol (of IPv6 the first header's);
 * p is a PACKET_ICMP. False for no error. */
bool icmp_quoted_ends(const struct packet *p, struct address *src, struct address *dst, uint8_t *ip_proto);

#endif
