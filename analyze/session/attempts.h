/*
 * One user's attempt across layers: which tunnel (IKE, SSTP, L2TP, PPTP) a RADIUS login stands behind, where neither
 * shows the other's octets. wire-facts 12.1 and 4.4. Nothing is guessed: of two that fit none is taken. Fed with all
 * sessions when the captures are over; links.h has joined what the same random values prove.
 */
#ifndef VS_ANALYZE_ATTEMPTS_H
#define VS_ANALYZE_ATTEMPTS_H

#include "analyze/session/clocks.h"
#include "analyze/session/exchange.h"

enum { ATTEMPTS_MAX = 1 << 17 }; /* tunnels, and logins, that are remembered: of more the first */

struct attempts;

/* The clocks are lent, and get what is learnt of them. NULL when memory is short. */
struct attempts *attempts_new(struct clocks *clocks);
void attempts_free(struct attempts *a);

/* It can stand in front of a RADIUS login, or be one behind a tunnel. */
bool attempts_is_tunnel(const struct exchange *x);
bool attempts_is_login(const struct exchange *x);

/* The VPN client of a login, as its NAS has it (port 0: not said); false when it does not say. */
bool attempts_login_client(const struct exchange *x, struct endpoint *client);

/* The exchanges of one session, with all copies of one; head is its key. Nothing of them is kept. */
void attempts_add(struct attempts *a, uint32_t head, struct exchange *const *exchanges, size_t count);

/* What belongs together: called once for each two sessions that are one, by their heads. */
typedef void attempts_join_fn(void *ctx, uint32_t tunnel_head, uint32_t login_head);
void attempts_join(struct attempts *a, attempts_join_fn *join, void *ctx);

#endif
