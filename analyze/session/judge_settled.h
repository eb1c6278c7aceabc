/*
 * Whether what an exchange came to stays so, whatever follows: asked while it lasts, to tell of it at once. What rests on
 * silence (no answer, a step that does not come) is never settled before the exchange is closed, nor is what its parties may
 * still try again: another group, a cookie, another password. Pure.
 */
#ifndef VS_ANALYZE_JUDGE_SETTLED_H
#define VS_ANALYZE_JUDGE_SETTLED_H

#include "analyze/session/exchange.h"

/* Who asks again does so at once. */
#define SETTLED_AGAIN_NS (INT64_C(200) * 1000000)

/* x as it would be if the capture ended now (capture_last_ns is now). True of one that is established, as well. */
bool judge_settled(const struct exchange *x);

#endif
