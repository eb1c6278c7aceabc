/*
 * One analysis: events become exchanges, exchanges sessions, sessions findings. State follows the logins in progress;
 * finished exchanges go to a spool on disk and are read back for the report.
 */
#ifndef VS_ANALYZE_ANALYSIS_H
#define VS_ANALYZE_ANALYSIS_H

#include "analyze/balance/balance.h"
#include "analyze/certificate/chains.h"
#include "analyze/finding/findings.h"
#include "analyze/nat/nat.h"
#include "analyze/session/overview.h"
#include "analyze/session/session.h"

struct analysis_options {
    uint64_t spool_bytes;           /* room on disk for finished exchanges; 0: what the disk has */
    const struct expect *expect;
    bool ladder;                    /* keep message ladders */
    bool several_captures;          /* the same exchange may be seen at several vantage points */
    bool has_keylog, has_radius_secret;
    struct nat_settings nat;        /* its arrays are lent and outlive the analysis */
    struct balance_settings balance; /* likewise */
};

struct analysis;

/* NULL with a sentence when the spool cannot be made. `chains` judges against options->expect, which outlives it. */
struct analysis *analysis_new(const struct analysis_options *options, char error[static 256]);
void analysis_free(struct analysis *a);

/* The receiver of dissection's events: ctx is the analysis. */
void analysis_event(void *ctx, const struct event *e);

/*
 * Who wants to hear of exchanges while the analysis goes on: of those that may be sessions, or parts of one; which belong together
 * is known in the end only. All members but ctx may be NULL. x is lent for the call; what is written into x->told stays with it.
 * began: parties and time are known; not of TCP, which may be anything yet. going: now and then while it lasts, as it would be if
 * the capture ended now. ended: once. time: capture time goes on; a few times a second, and it may go back.
 */
typedef void watched_fn(void *ctx, struct exchange *x);
struct analysis_watcher {
    watched_fn *began, *going, *ended;
    void (*time)(void *ctx, int64_t now_ns);
    void *ctx;
};
/* NULL: nobody does any more. False when memory is short. */
bool analysis_watch(struct analysis *a, const struct analysis_watcher *w);
/* Conversations that are going on. */
uint64_t analysis_open(const struct analysis *a);
/* Bytes of state that they have here; dissection has its own. */
uint64_t analysis_state_bytes(const struct analysis *a);
/*
 * For watchers: what the rules say of this exchange alone, by what is known now, raised in `out`; *s is a session of it,
 * which lends x. judge: its certificates, too, which costs; out NULL: no
 * rules. False: nobody's attempt to connect, as far as is known now.
 */
bool analysis_preview(struct analysis *a, const struct exchange *x, bool judge, struct findings *out, struct session *s);

/* While sniffing: packets are being lost, or no longer; what rests on absence is told with less certainty meanwhile. */
void analysis_losing(struct analysis *a, bool losing);
/* The most that the state of its own came to so far; the dissectors' comes to it. */
uint64_t analysis_peak_bytes(const struct analysis *a);
/* Exchanges that ended so far and could not be kept: the room for them is full. */
uint64_t analysis_unkept(const struct analysis *a);

/* A capture was read to its end; info is copied. `counters` are the deltas of this capture's dissector since the last call. */
void analysis_add_capture(struct analysis *a, const struct source_info *info, const struct dissect_counters *counters);
void analysis_add_protocols(struct analysis *a, const struct protocol_count *rows, size_t count);
void analysis_add_hosts(struct analysis *a, const struct host_deed *deeds, size_t count);

/* No more events: judges the chains, raises and ranks the findings. False when the spool cannot be read back. */
bool analysis_finish(struct analysis *a);

/* Afterwards: */
const char *analysis_verdict(const struct analysis *a);        /* the first line of the report */
const struct finding *analysis_findings(const struct analysis *a, size_t *count); /* worst first */
const struct chains *analysis_chains(const struct analysis *a);
const struct nat *analysis_nat(const struct analysis *a);       /* verdicts on address translation */
const struct balance *analysis_balance(const struct analysis *a); /* how connections are spread over servers */
/* What balance_look wants to know, as it is known now. */
struct balance_others analysis_balance_others(const struct analysis *a);
const struct probes *analysis_probes(const struct analysis *a);
const struct capture_report *analysis_captures(const struct analysis *a, size_t *count);
const struct protocol_count *analysis_protocols(const struct analysis *a, size_t *count);
void analysis_get_totals(const struct analysis *a, struct analysis_totals *out);
bool analysis_has_problems(const struct analysis *a);          /* a critical or warning finding: exit status 1 */

/* Calls each for every session in order of number; false from it stops. False when the spool cannot be read. */
typedef bool session_fn(void *ctx, const struct session *s);
bool analysis_each_session(struct analysis *a, session_fn *each, void *ctx);

/* The exchanges of one session, all copies of them, by their facts; lent for the call. False when they cannot be read. */
typedef void exchange_fn(void *ctx, const struct exchange *x);
bool analysis_exchanges(struct analysis *a, uint32_t session, exchange_fn *each, void *ctx);

/* The same for a short list, whatever their number in all: the first SESSIONS_LISTED that failed, then as many others. */
enum { SESSIONS_LISTED = 32 };
bool analysis_first_sessions(struct analysis *a, session_fn *each, void *ctx);

#endif
