/* The table of protocols: flows, packets and bytes by name. A flow counts for one name, also with its earlier packets. */
#ifndef VS_DISSECT_PROTOCOLS_H
#define VS_DISSECT_PROTOCOLS_H

#include "dissect/dissect.h"
#include "dissect/net/hint.h"

/* Rows beside those of nDPI's numbers, which follow from PROTOCOL_OWN on. */
enum protocol_row { PROTOCOL_UNKNOWN, PROTOCOL_RADIUS, PROTOCOL_EAPOL, PROTOCOL_IKE, PROTOCOL_ESP, PROTOCOL_TLS, PROTOCOL_ICMP,
                    PROTOCOL_ICMPV6, PROTOCOL_ARP, PROTOCOL_LLDP, PROTOCOL_OWN };
enum { PROTOCOL_ROWS = 1024 };

struct protocols {
    struct { uint64_t flows, packets, bytes; } rows[PROTOCOL_ROWS];
    struct protocol_count sorted[PROTOCOL_ROWS];
};

/* The row of a flow by what is known of it now. */
unsigned protocols_row_of_flow(const struct flow *f);
/* The row of a packet that belongs to no flow. */
unsigned protocols_row_of_packet(const struct packet *p);

/* Counts a packet, and a flow when it is fresh. */
void protocols_count(struct protocols *t, unsigned row, uint32_t bytes, bool fresh);
/* A flow has changed its row: its packets so far move with it. */
void protocols_move(struct protocols *t, unsigned from, unsigned to, uint64_t packets, uint64_t bytes);

/* Sorted by bytes, greatest first, then by name; without empty rows. hint may be NULL. */
size_t protocols_sort(struct protocols *t, const struct hint *hint);

#endif
