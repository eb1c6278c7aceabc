/* An attempt at a tunnel through SSTP, or at a PPP link in L2TP or PPTP, in words. */
#ifndef VS_ANALYZE_SSTP_WORDS_H
#define VS_ANALYZE_SSTP_WORDS_H

#include "analyze/session/judge_sstp.h"
#include "analyze/session/session.h"

enum { SSTP_WORDS = 240, SSTP_WHERE = 96, SSTP_METHOD = 96, SSTP_CORRELATION = 39 };

/* How far it came, as a sentence without its full stop. Returns out. */
const char *sstp_end_words(char out[static SSTP_WORDS], const struct exchange *x, const struct sstp_judgement *j);

/* "no-answer", "http-error" ... "established": enum sstp_end for programs. */
const char *sstp_end_name(enum sstp_end end);

/* For a table: "SSTP, MS-CHAPv2", "SSTP, certificate refused", "SSTP, PAP refused". method: as far as known, else "".
 * Returns out. */
const char *sstp_where(char out[static SSTP_WHERE], const struct exchange *x, const char *method);

/* "SSTP", "L2TP", "PPTP". */
const char *ppp_carrier_name(const struct exchange *x);

/* The authentication of the client: "MS-CHAPv2", "PAP", EAP's method ("EAP" before one was agreed); "" when none was seen.
 * Returns out. */
const char *ppp_method(char out[static SSTP_METHOD], const struct exchange *x);

/* {6055C90B-...} as Windows writes it. Returns out. */
const char *sstp_correlation_text(char out[static SSTP_CORRELATION], const uint8_t id[static HTTP_CORRELATION]);

/* The client behind a load balancer, by its PROXY header or what it put into the HTTP request; NULL when none tells. */
const struct endpoint *sstp_hidden_client(const struct exchange *x);

/* The session's tunnel when it carries PPP, or may; NULL without. */
const struct exchange *session_ppp(const struct session *s);

/* "valid", "invalid", "unchecked". */
const char *sstp_verdict_name(enum sstp_verdict v);

#endif
