/* What dump_events prints of L2TP, PPTP and the PPP in their calls. */
#ifndef VS_TEST_DUMP_CALL_H
#define VS_TEST_DUMP_CALL_H

#include "dissect/event.h"

/* One control message: `l2tp FRAME type=1` or `pptp FRAME type=1`, with `again` when it is repeated. */
void dump_call_message(const struct event *e);
/* One packet of LCP, of a network protocol, of PAP or CHAP: `ppp FRAME protocol=c021 code=1`. */
void dump_call_ppp(const struct event *e);
/* A call that is over: `call FRAME L2TP to_server=TUNNEL/CALL to_client=... client=... server=... user=... auth=... network=...
 * datagrams=N/N`. */
void dump_call_closed(const struct event *e);

#endif
