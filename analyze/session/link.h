/*
 * Which exchanges belong to one user's attempt, by what relays and vantage points do not change: the TLS client random, the
 * Request Authenticator (same hop seen elsewhere), the first EAP response with its caller (a proxy's next hop, the NAS's next
 * server). A bounded memory: the oldest exchanges are forgotten first.
 */
#ifndef VS_ANALYZE_LINK_H
#define VS_ANALYZE_LINK_H

#include "analyze/session/exchange.h"

struct links;

/* several_captures: room for half a million exchanges instead of 32 k. NULL when memory is short. */
struct links *links_new(bool several_captures);
void links_free(struct links *l);

/* links_find will be called for x: its memory may be fetched in the meantime. */
void links_soon(const struct links *l, const struct exchange *x);

/*
 * The first exchange of the session that x belongs to, 0 when x begins one; remembers x's keys for those to come.
 */
uint32_t links_find(struct links *l, const struct exchange *x);

#endif
