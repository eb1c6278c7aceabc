/* The line on a terminal while packets are sniffed: counts, and established connections of each VPN server as far as it is wide. */
#ifndef VS_ANALYZE_STATUS_LINE_H
#define VS_ANALYZE_STATUS_LINE_H

#include "analyze/report/events.h"

enum { STATUS_LINE_MAX = 1024 };

/*
 * "1200 packets, 0 lost; 3 sessions open; 5 failed, 12 established: vpn1 7, 10.0.0.12 4, +2 more": at most `columns` columns, the
 * last of which stays free, lest the terminal go to another line; servers in their order, as many as fit. Returns out.
 */
const char *status_line(char out[static STATUS_LINE_MAX], const struct events_status *s, unsigned columns);

#endif
