/*
 * One line for Nagios and its like (monitoring plugins): state, a sentence, a bar and numbers; the exit status is the state.
 */
#ifndef VS_ANALYZE_CHECK_H
#define VS_ANALYZE_CHECK_H

#include "analyze/finding/finding.h"
#include "analyze/report/output.h"
#include "analyze/session/overview.h"

/* The plugins' states, which are their exit statuses. */
enum plugin_state { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };

struct check_input {
    const char *verdict;
    const struct finding *findings; size_t finding_count; /* worst first */
    const struct analysis_totals *totals;
    bool has_lost; uint64_t lost;  /* packets that were not captured */
    const char *complaint;         /* what could not be read or kept, NULL nothing */
};

/*
 * CRITICAL and WARNING as the worst finding is. Else UNKNOWN, when there was something to complain of, or when no session was seen
 * to its end: nothing was judged, or not all. Else OK.
 */
enum plugin_state check_judge(const struct check_input *in);

/* The line; returns check_judge's state. */
enum plugin_state check_write(struct output *out, const struct check_input *in);

/* The line when there is nothing but a complaint: UNKNOWN. */
void check_write_unknown(struct output *out, const char *complaint);

#endif
