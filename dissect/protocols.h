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
static inline unsigned protocols_row_of_flow(const struct flow *f)
{
    static const uint8_t own[] = {[FLOW_RADIUS] = PROTOCOL_RADIUS, [FLOW_EAPOL] = PROTOCOL_EAPOL, [FLOW_IKE] = PROTOCOL_IKE,
                                  [FLOW_ESP] = PROTOCOL_ESP, [FLOW_TLS] = PROTOCOL_TLS, [FLOW_OTHER] = PROTOCOL_UNKNOWN};
    if (f->class < sizeof own && own[f->class] != PROTOCOL_UNKNOWN)
        return own[f->class];
    return f->protocol != 0 && f->protocol < PROTOCOL_ROWS - PROTOCOL_OWN ? PROTOCOL_OWN + (unsigned)f->protocol
                                                                         : (unsigned)PROTOCOL_UNKNOWN;
}

/* The row of a packet that belongs to no flow. */
unsigned protocols_row_of_packet(const struct packet *p);

/* Counts a packet. */
static inline void protocols_count(struct protocols *t, unsigned row, uint32_t bytes)
{
    t->rows[row].packets++;
    t->rows[row].bytes += bytes;
}

/* Counts a flow. */
static inline void protocols_add_flow(struct protocols *t, unsigned row)
{
    t->rows[row].flows++;
}

/* A flow has changed its row: its packets so far move with it. */
void protocols_move(struct protocols *t, unsigned from, unsigned to, uint64_t packets, uint64_t bytes);

/* Sorted by bytes, greatest first, then by name; without empty rows. hint may be NULL. */
size_t protocols_sort(struct protocols *t, const struct hint *hint);

#endif
