/* Monitoring while we sniff: what ended is counted, and Prometheus asks for the counts over HTTP (--metrics). */
#ifndef VS_ANALYZE_MONITOR_H
#define VS_ANALYZE_MONITOR_H

#include "analyze/analysis.h"
#include "analyze/live.h"
#include "analyze/options.h"
#include "analyze/report/events.h"
#include "capture/platform.h"

enum { MONITOR_ERROR = 320 };

struct monitor;

/*
 * Listens at o->metrics_at, before rights are given up. Options, analysis and what the settings point to are lent. NULL with a sentence: the address is in use,
 * memory is short ... The caller frees it, before the analysis.
 */
struct monitor *monitor_new(const struct options *o, struct analysis *a, const struct balance_settings *balance,
                            char error[static MONITOR_ERROR]);
void monitor_free(struct monitor *m);

/* The part of it that platform_lockdown must know; lent. */
const struct platform_serving *monitor_serving(const struct monitor *m);
/* From live_run's beginning on it answers. */
void monitor_attend(struct monitor *m, struct live *l);

/* What is counted, told as it happens. */
void monitor_session(struct monitor *m, const struct session *s);
void monitor_finding(struct monitor *m, const struct finding *f);
void monitor_window(struct monitor *m, const struct window *w);
void monitor_status(struct monitor *m, const struct events_status *s);

#endif
