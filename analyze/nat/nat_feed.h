/* Tells the accumulator of translations what finished exchanges show; the only place that knows both. */
#ifndef VS_ANALYZE_NAT_FEED_H
#define VS_ANALYZE_NAT_FEED_H

#include "analyze/nat/nat.h"
#include "analyze/session/exchange.h"

struct nat_feed;

/* several_captures: the same association may come again from another vantage point. NULL when memory is short; nat is lent. */
struct nat_feed *nat_feed_new(struct nat *nat, bool several_captures);
void nat_feed_free(struct nat_feed *f);

/* A finished exchange of IKE, SSTP or RADIUS, before it is spooled: its hashes are compared (ike.nat_*.*_result), and what it proves
 * is added. `again`: it was linked to an exchange told before. */
void nat_feed_exchange(struct nat_feed *f, struct exchange *x, bool again);

#endif
