/*
 * What a monitoring system wants to know while we sniff: counts of what ended, by names of which there is a bounded number,
 * and how we are ourselves.
 */
#ifndef VS_ANALYZE_METRICS_H
#define VS_ANALYZE_METRICS_H

#include "analyze/live.h"
#include "analyze/monitor/exposition.h"
#include "analyze/options.h"
#include "analyze/session/session.h"

/* Backends beyond that are counted together, as "other"; those of --backend and --vip have their place from the beginning. */
enum { METRICS_BACKENDS_MAX = 512, METRICS_CERTIFICATES_MAX = 64 };

struct metrics;

/* site and what the settings point to are lent and outlive it. NULL when memory is short. */
struct metrics *metrics_new(const struct site *site, const struct balance_settings *balance);
void metrics_free(struct metrics *m);

/*
 * A part of an attempt that ended. Counted once, by the protocol and server of its own; what continues a part that was counted
 * (a copy at another interface, the same login one hop further: s->head tells) is not counted again.
 */
void metrics_session(struct metrics *m, const struct session *s);

/* A cause that is raised for the first time. */
void metrics_finding(struct metrics *m, const struct finding *f);

/* A window of time is over. */
void metrics_window(struct metrics *m, const struct window *w);

/* Brings up to date how attempts are spread over servers, which costs as much as sorting them. */
void metrics_balance(struct metrics *m, const struct balance_others *others);

/* Takes account of servers' certificates that were looked at by now; of them, the first METRICS_CERTIFICATES_MAX are told. */
void metrics_certificates(struct metrics *m, const struct chains *chains);

/* How it stands now. */
struct metrics_now {
    const struct live_state *live;
    uint64_t open;               /* conversations in progress */
    uint64_t unlooked;           /* parts that ended and were not looked at for findings at once */
    uint64_t unkept;             /* parts that ended and did not fit on disk */
    uint64_t state_bytes;        /* of what is in progress */
    uint64_t state_bytes_peak;   /* as the report's */
    uint64_t state_budget;
    uint64_t process_peak_bytes; /* 0: unknown */
    double uptime_s;
};

/* Everything; e->failed when it does not fit. */
void metrics_write(const struct metrics *m, const struct metrics_now *now, struct exposition *e);

#endif
