/*
 * nDPI behind one header: a name for flows that our own recognisers leave. A hint, never a verdict. State is made at a
 * flow's first payload packet, freed at the verdict or after HINT_PACKETS, and bounded in number.
 */
#ifndef VS_NET_HINT_H
#define VS_NET_HINT_H

#include "dissect/net/flow.h"

enum { HINT_PACKETS = 8, HINT_FLOWS_MAX = 2048 };

struct hint;

/* NULL when nDPI cannot be set up. Nothing is read from the system's configuration. */
struct hint *hint_new(void);

/* Shows a payload packet of an undecided flow; sets flow->protocol when nDPI decides, and releases the state then. */
void hint_packet(struct hint *h, struct flow *f, const struct packet *p, bool from_low);

/* Called when a flow that holds state is dropped by the table or settled by others. */
void hint_release(struct hint *h, struct flow *f);

/* Counters by protocol name for the report: flows, packets and bytes are counted by the caller with hint_name. */
const char *hint_name(const struct hint *h, uint16_t protocol); /* "DNS"; "Unknown" for 0 */
void hint_free(struct hint *h);

/* Databases, remote control, monitoring, file transfer and what else nobody wants between a VPN server and the Internet. */
bool hint_matters(uint16_t protocol);

#endif
