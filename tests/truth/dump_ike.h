/* One line for an IKE message, for dump_events. */
#ifndef VS_TRUTH_DUMP_IKE_H
#define VS_TRUTH_DUMP_IKE_H

#include "capture/frame.h"
#include "dissect/crypto/digest.h"
#include "dissect/ike/ike_event.h"

/* Prints header fields, payload types, notifies, authentication methods, vendor ids, and whether its NAT_DETECTION hashes are
 * those of the packet's own endpoints (RFC 7296 section 2.23). */
void dump_ike(struct digests *digests, struct place place, const struct ike_event *e);

#endif
