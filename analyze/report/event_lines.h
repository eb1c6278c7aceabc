/* The lines of --jsonl, one function for each event. For events.c only. */
#ifndef VS_ANALYZE_EVENT_LINES_H
#define VS_ANALYZE_EVENT_LINES_H

#include "analyze/report/events.h"
#include "analyze/report/windows.h"

/* Where they go, and what the writers need. */
struct event_lines {
    struct output *out;          /* or */
    struct log_file *log;        /* or */
    struct line_queue *queue;
    const struct report *report; /* of nothing yet */
    events_name_fn *name;        /* may be NULL */
    void *ctx;
};

void event_line_started(const struct event_lines *l, const struct exchange *x);
/* x NULL: it is about the captures as a whole. */
void event_line_finding(const struct event_lines *l, const struct finding *f, const struct exchange *x, int64_t time_ns);
/* Sets the session's client error from its findings. */
void event_line_ended(const struct event_lines *l, struct session *s, const struct finding *all, size_t count);
void event_line_window(const struct event_lines *l, const struct window *w);
void event_line_statistics(const struct event_lines *l, const struct events_status *s);

#endif
