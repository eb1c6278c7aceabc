/* What happens, told while it happens: sessions when they begin and end, findings when they are certain, windows of time, statistics. */
#ifndef VS_ANALYZE_EVENTS_H
#define VS_ANALYZE_EVENTS_H

#include "analyze/report/line_queue.h"
#include "analyze/report/log_file.h"
#include "analyze/report/report.h"
#include "analyze/report/standing.h"
#include "analyze/report/windows.h"

/* How it stands. What belongs to one session (a tunnel, the login behind it) is counted apart until the end. */
struct events_status {
    int64_t time_ns; /* of the latest packet, 0 none */
    uint64_t packets, bytes, lost;
    uint64_t evicted;             /* conversations and flows given up to stay within the memory */
    uint64_t state_bytes;         /* of conversations in progress, with what waits in them, and of packets that are held */
    /* Filled in here: */
    uint64_t open;                /* conversations in progress */
    uint64_t established, failed; /* known to be; the established ones may be open still */
    uint64_t incomplete;          /* ended otherwise */
    uint64_t unkept;              /* ended when the room on disk was full: not in the report */
    uint64_t untold;              /* ended, and not looked at at once: too many of them in one second. The report has them */
    const struct window_backend *backends; size_t backend_count; /* established ever, by server: of tunnels, else of logins; lent */
};

typedef void events_finding_fn(void *ctx, const struct finding *f);
typedef void events_judged_fn(void *ctx, const struct exchange *x, bool failed);

/* A part of an attempt that ended, as analysis_preview makes it: lent for the call. */
typedef void events_session_fn(void *ctx, const struct session *s);

/* A window of time that is over: lent for the call. */
typedef void events_window_fn(void *ctx, const struct window *w);

/* The interface or file that is capture so-and-so; NULL unknown. */
typedef const char *events_name_fn(void *ctx, uint32_t capture);

/* Fills in what is not known here. */
typedef void events_measure_fn(void *ctx, struct events_status *status);

struct events_options {
    struct output *out;         /* takes one JSON object a line, each handed to the system at once; or */
    struct log_file *log;       /* does; or */
    struct line_queue *queue;   /* does, when its reader takes it; all NULL: none */
    events_finding_fn *finding; /* called for each finding when it is first raised; may be NULL */
    events_session_fn *session; /* called for each part that ended, also where it is not looked at; may be NULL */
    events_window_fn *window;   /* may be NULL */
    events_judged_fn *judged;   /* called for each part that ended, when it is known whether it failed; may be NULL */
    events_name_fn *name;       /* may be NULL */
    size_t (*sights)(void *ctx, struct so_far_sight out[static STANDING_SIGHTS_MAX]); /* as in standing.h; may be NULL */
    events_measure_fn *measure; /* not NULL: statistics are told each minute of capture time, and not by events_tick */
    void *ctx;
    const struct balance_settings *balance; /* names and windows; what it points to is lent */
    bool live;                  /* the work for a second is limited, lest a flood keep us from reading */
};

struct events;

/* From now on it listens to the analysis (lent). NULL when memory is short. Freed before the analysis. */
struct events *events_new(struct analysis *a, const struct events_options *options);
void events_free(struct events *e);

/* Once in a while: fills in what is counted here, and tells the statistics when a minute has passed (now_ns is monotonic). */
void events_tick(struct events *e, struct events_status *status, int64_t now_ns);

/* No more packets come: tells of the window at hand. */
void events_finish(struct events *e);

/* The last line: verdict, findings and statistics of the finished report. True, as nothing is read back for it. */
bool events_summary(const struct report *r, struct output *out, struct log_file *log);

#endif
