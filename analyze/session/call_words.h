/* Words for the control connection of a call in L2TP or PPTP. */
#ifndef VS_ANALYZE_CALL_WORDS_H
#define VS_ANALYZE_CALL_WORDS_H

#include "analyze/session/exchange.h"

enum { CALL_WORDS = 240 };

/* "StopCCN: not authorized to open a control connection (text of the peer)"; "the TCP connection ended"; "" without an end. The
 * peer's text is as it was sent: to be escaped. Returns out. */
const char *call_end_words(char out[static CALL_WORDS], const struct exchange *x);

/* "SCCRQ", "Outgoing-Call-Request" ...: what waits for an answer. */
const char *call_waits_for(const struct exchange *x);

#endif
