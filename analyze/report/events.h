/* What happens, told while it happens: findings when they are first raised, sessions when they end, statistics. */
#ifndef VS_ANALYZE_EVENTS_H
#define VS_ANALYZE_EVENTS_H

#include "analyze/report/report.h"

/* How it stands. What belongs to one session (a tunnel, the login behind it) is counted apart until the end. */
struct events_status {
    int64_t time_ns; /* of the latest packet, 0 none */
    uint64_t packets, bytes, lost;
    uint64_t open;                /* conversations in progress */
    uint64_t established, failed; /* that ended like this */
    uint64_t incomplete;          /* that ended otherwise */
    uint64_t unkept;              /* that ended when the room on disk was full: not in the report */
    uint64_t untold;              /* ended, and not looked at at once: too many of them in one second. The report has them */
};

typedef void events_finding_fn(void *ctx, const struct finding *f);

/* A part of an attempt that ended, as analysis_preview makes it: lent for the call. */
typedef void events_session_fn(void *ctx, const struct session *s);

struct events_options {
    struct output *out;         /* takes one JSON object a line, each handed to the system at once; NULL: none */
    events_finding_fn *finding; /* called for each finding when it is first raised; may be NULL */
    events_session_fn *session; /* called for each part that ended, also where it is not looked at; may be NULL */
    void *ctx;
    bool live;                  /* the work for a second is limited, lest a flood keep us from reading */
};

struct events;

/* From now on it listens to the analysis (lent). NULL when memory is short. Freed before the analysis. */
struct events *events_new(struct analysis *a, const struct events_options *options);
void events_free(struct events *e);

/* Once in a while: fills in what is counted here, and tells the statistics when a minute has passed (now_ns is monotonic). */
void events_tick(struct events *e, struct events_status *status, int64_t now_ns);

/* The last line: verdict, findings and statistics of the finished report. True, as nothing is read back for it. */
bool events_summary(const struct report *r, struct output *out);

#endif
