/*
 * Tunnels that are up at a time, as RADIUS accounting tells it (RFC 2866): per NAS the sessions that were started, or heard of,
 * and not yet stopped. Bounded; a lower bound where sessions began before the capture and never spoke again.
 */
#ifndef VS_ANALYZE_ACCOUNTING_H
#define VS_ANALYZE_ACCOUNTING_H

#include "capture/wire/address.h"

enum { ACCOUNTING_NAS_MAX = 256, ACCOUNTING_OPEN_MAX = 1 << 16 };

enum accounting_status { ACCOUNTING_START = 1, ACCOUNTING_STOP = 2, ACCOUNTING_INTERIM = 3 }; /* Acct-Status-Type */

struct accounting;

struct accounting *accounting_new(void); /* NULL when memory is short */
void accounting_free(struct accounting *a);

/* One Accounting-Request, in order of time; session: Acct-Session-Id. The same one again changes nothing. */
void accounting_add(struct accounting *a, const struct address *nas, struct span session, uint32_t status);

/* The most sessions of that NAS that were up at a time; false when it told of none. */
bool accounting_peak(const struct accounting *a, const struct address *nas, uint64_t *peak);

#endif
