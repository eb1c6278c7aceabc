/* How those that were shown a chain answered it, by the role that it was shown in. */
#ifndef VS_FINDING_CHAIN_COUNTS_H
#define VS_FINDING_CHAIN_COUNTS_H

#include "analyze/finding/rules.h"

enum { CHAIN_COUNTS = CHAINS_MAX + 1 }; /* by serial */

struct chain_counts {
    struct chain_stats nps[CHAIN_COUNTS], ike[CHAIN_COUNTS], sstp[CHAIN_COUNTS];
};

/*
 * One exchange, whose session may have others: again, of EAP's and IKEv2's they counted already, as they are one login at
 * several hops. server: the entry of x's RADIUS server, looked up in servers when it is NULL.
 */
void chain_counts_login(struct chain_counts *c, struct servers *servers, const struct exchange *x, struct server *server,
                        bool again);
void chain_counts_vpn(struct chain_counts *c, const struct exchange *x, bool again);

/* While rules look at an exchange that goes on: counts it, and (back) takes it back. */
void chain_counts_try(struct chain_counts *c, const struct exchange *x, bool back);

/* The same from a whole session, of which each association and connection counts once. */
void chain_counts_session(struct chain_counts *c, struct servers *servers, const struct session *s);

#endif
