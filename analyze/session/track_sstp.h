/* For the files track_sstp.c and track.c only: the events of an SSTP connection, or of PPP in L2TP and PPTP, become its facts. */
#ifndef VS_ANALYZE_TRACK_SSTP_H
#define VS_ANALYZE_TRACK_SSTP_H

#include "analyze/session/track.h"

void track_sstp(const struct track_parts *t, struct live *l, const struct event *e);

/* What is known at the end: before the exchange is judged. */
void track_sstp_closed(struct exchange *x, const struct event *e);

#endif
