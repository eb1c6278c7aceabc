/* The parts of --session, one a file, and the labelled lines that they are made of. For report_session*.c only. */
#ifndef VS_ANALYZE_REPORT_SESSION_H
#define VS_ANALYZE_REPORT_SESSION_H

#include "analyze/report/report.h"

enum { SESSION_LINE = 512 };

/* "  Label       text"; nothing when the text is empty. */
void session_line(const struct layout *l, const char *label, const char *text);
void session_line_span(const struct layout *l, const char *label, struct span text);
/* The subject and thumbprint of a chain's own certificate; false when it is not known. */
bool session_line_certificate(const struct report *r, const struct layout *l, const char *label, uint32_t serial);

/* A list that grows in a line; what does not fit is cut. */
void session_append(char out[static SESSION_LINE], const char *between, const char *text);

void report_session_tls(const struct report *r, const struct layout *l, const struct exchange *x,
                        const struct tls_facts *t);
/* An SSTP connection, or the PPP link in L2TP or PPTP. */
void report_session_sstp(const struct report *r, const struct layout *l, const struct session *s,
                         const struct exchange *x);
/* What of it is of the tunnel of L2TP or PPTP. */
void report_session_call(const struct layout *l, const struct exchange *x);
void report_session_ike(const struct report *r, const struct layout *l, const struct exchange *x);

#endif
