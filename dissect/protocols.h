/* The table of protocols: flows, packets and bytes by name. A flow counts for one name, also with its earlier packets: so its
 * packets are counted in the flow, and the flows by their names at the end. */
#ifndef VS_DISSECT_PROTOCOLS_H
#define VS_DISSECT_PROTOCOLS_H

#include "dissect/dissect.h"
#include "dissect/net/flow.h"
#include "dissect/net/hint.h"

/* Rows beside those of nDPI's numbers, which follow from PROTOCOL_OWN on. */
enum protocol_row { PROTOCOL_UNKNOWN, PROTOCOL_RADIUS, PROTOCOL_EAPOL, PROTOCOL_IKE, PROTOCOL_ESP, PROTOCOL_TLS, PROTOCOL_L2TP,
                    PROTOCOL_PPTP, PROTOCOL_GRE, PROTOCOL_SSTP, PROTOCOL_DNS, PROTOCOL_ICMP, PROTOCOL_ICMPV6,
                    PROTOCOL_ARP, PROTOCOL_LLDP, PROTOCOL_OWN };
enum { PROTOCOL_ROWS = 1024 };

struct protocol_sum { uint64_t flows, packets, bytes; };
struct protocols {
    struct protocol_sum past[PROTOCOL_ROWS]; /* packets without flows, and flows that were given up */
    struct protocol_sum all[PROTOCOL_ROWS];  /* with those that are still held */
    struct protocol_count sorted[PROTOCOL_ROWS];
};

/* The row of a flow by what is known of it now. */
static inline unsigned protocols_row_of_flow(const struct flow *f)
{
    static const uint8_t own[] = {[FLOW_RADIUS] = PROTOCOL_RADIUS, [FLOW_EAPOL] = PROTOCOL_EAPOL, [FLOW_IKE] = PROTOCOL_IKE,
                                  [FLOW_ESP] = PROTOCOL_ESP, [FLOW_TLS] = PROTOCOL_TLS, [FLOW_L2TP] = PROTOCOL_L2TP,
                                  [FLOW_SSTP] = PROTOCOL_SSTP, [FLOW_PPTP] = PROTOCOL_PPTP, [FLOW_DNS] = PROTOCOL_DNS,
                                  [FLOW_OTHER] = PROTOCOL_UNKNOWN};
    if (f->class == FLOW_IKE && f->carries_esp)
        return PROTOCOL_ESP;
    if (f->class < sizeof own && own[f->class] != PROTOCOL_UNKNOWN)
        return own[f->class];
    return f->protocol != 0 && f->protocol < PROTOCOL_ROWS - PROTOCOL_OWN ? PROTOCOL_OWN + (unsigned)f->protocol
                                                                         : (unsigned)PROTOCOL_UNKNOWN;
}

/* The row of a packet that belongs to no flow. */
unsigned protocols_row_of_packet(const struct packet *p);

/* Counts a packet of no flow. */
static inline void protocols_count(struct protocols *t, unsigned row, uint32_t bytes)
{
    t->past[row].packets++;
    t->past[row].bytes += bytes;
}

static inline void protocols_add_flow(struct protocol_sum *rows, const struct flow *f)
{
    struct protocol_sum *row = &rows[protocols_row_of_flow(f)];
    row->flows++;
    row->packets += f->packets[0] + f->packets[1];
    row->bytes += f->bytes;
}

/* Counts a flow that is given up, with all its packets. */
static inline void protocols_drop_flow(struct protocols *t, const struct flow *f)
{
    protocols_add_flow(t->past, f);
}

/* Sorted by bytes, greatest first, then by name; without empty rows, with the flows held. hint may be NULL. */
size_t protocols_sort(struct protocols *t, struct flow_table *flows, const struct hint *hint);

#endif
