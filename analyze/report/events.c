#include "analyze/report/events.h"

#include <stdlib.h>

#include "analyze/report/event_lines.h"
#include "analyze/session/judge_settled.h"
#include "capture/platform.h"
#include "dissect/crypto/digest.h"

enum { STARTS_A_SECOND = 1000, LOOKS_A_SECOND = 200, JUDGEMENTS_A_SECOND = 20 };

/* exchange.told: what is done with only once. */
enum { TOLD_STARTED = 1, TOLD_ESTABLISHED = 2, TOLD_FAILED = 4, COUNTED = 8, SEEN_UP = 16, SHOWN = 32 };

#define SECOND_NS INT64_C(1000000000)
#define STATISTICS_NS (60 * SECOND_NS)

struct events {
    struct events_options options;
    struct analysis *analysis;
    struct report report;    /* of nothing yet: for the writers */
    struct event_lines lines;
    struct windows *windows;
    struct standing *standing; /* NULL: findings are not told */
    struct findings *told;   /* one entry for each finding that was told */
    uint64_t established, failed, incomplete, untold;
    int64_t now_ns;          /* capture time, 0 before the first */
    int64_t second_ns, statistics_ns;
    unsigned starts, looks, judgements; /* in this second */
};

/* Lines are written. */
static bool writes(const struct events *e)
{
    return e->options.out != NULL || e->options.log != NULL || e->options.queue != NULL;
}

static bool wanted(const struct events *e)
{
    return writes(e) || e->options.finding != NULL;
}

static bool is_new(struct events *e, const struct finding *f)
{
    bool fresh;
    struct finding *seen = findings_raise(e->told, f->id, f->subject, f->variant, &fresh);
    return seen != NULL && fresh;
}

static void new_second(struct events *e)
{
    int64_t now = platform_monotonic_ns();
    if (now - e->second_ns < SECOND_NS)
        return;
    e->second_ns = now;
    e->starts = e->looks = e->judgements = 0;
}

/* A flood must not keep us from reading: what is not looked at now is in the report. */
static bool may_look(struct events *e, bool *judge)
{
    *judge = true;
    if (!e->options.live)
        return true;
    new_second(e);
    *judge = e->judgements++ < JUDGEMENTS_A_SECOND;
    return e->looks++ < LOOKS_A_SECOND;
}

static bool may_start(struct events *e)
{
    if (!e->options.live)
        return true;
    new_second(e);
    return e->starts++ < STARTS_A_SECOND;
}

/* What its user saw as an error, though it did not come to an end that shows. */
static bool explains_error(const struct session *s, const struct finding *all, size_t count)
{
    for (size_t i = 0; i < count && s->outcome != OUTCOME_ESTABLISHED; i++)
        if (all[i].client_error != 0 && all[i].severity != SEVERITY_INFO && all[i].confidence != CONFIDENCE_HINT)
            return true;
    return false;
}

static void start(struct events *e, struct exchange *x)
{
    if ((x->told & TOLD_STARTED) != 0)
        return;
    if (writes(e) && !may_start(e))
        return;
    x->told |= TOLD_STARTED;
    if (writes(e))
        event_line_started(&e->lines, x);
}

/* Of a login nothing is known when it begins: it counts when it is over. */
static bool is_vpn_login(const struct exchange *x)
{
    return x->type == CONVERSATION_RADIUS && balance_is_vpn_login(x);
}

static void attempt(struct events *e, const struct session *s, struct exchange *x)
{
    struct address server;
    bool tunnel = s->tunnel != NULL, counted = (x->told & COUNTED) != 0;
    x->told |= COUNTED;
    if (!counted && (tunnel || is_vpn_login(x)) && session_backend(s, &server))
        windows_began(e->windows, tunnel ? WINDOW_TUNNELS : WINDOW_RADIUS, &server);
}

static void fate(struct events *e, const struct session *s, struct exchange *x, bool established)
{
    struct address server;
    x->told |= established ? TOLD_ESTABLISHED : TOLD_FAILED;
    if ((s->tunnel != NULL || is_vpn_login(x)) && session_backend(s, &server))
        windows_ended(e->windows, s->tunnel != NULL ? WINDOW_TUNNELS : WINDOW_RADIUS, &server, established);
}

/* To who looks at all of them. */
static void show(struct events *e, const struct session *s, struct exchange *x)
{
    if (e->standing == NULL || (x->told & SHOWN) != 0)
        return;
    x->told |= SHOWN;
    standing_session(e->standing, s);
}

/* True when that is news. */
static bool count(struct events *e, const struct session *s, struct exchange *x)
{
    if (s->outcome == OUTCOME_ESTABLISHED && (x->told & TOLD_ESTABLISHED) == 0) {
        e->established++;
        e->failed -= (x->told & TOLD_FAILED) != 0; /* after all */
        fate(e, s, x, true);
        return true;
    }
    if (!session_failed(s) || (x->told & (TOLD_ESTABLISHED | TOLD_FAILED)) != 0)
        return false;
    e->failed++;
    fate(e, s, x, false);
    return true;
}

/* What could not be read of one session may be read of another meanwhile. */
static bool is_early(const struct finding *f)
{
    return f->id != FINDING_CERT_UNSEEN;
}

/* What the rules say; NULL when there is no time for it, or memory is short. s is made anew. */
static struct findings *look(struct events *e, const struct exchange *x, bool over, struct session *s)
{
    bool judge;
    if (!may_look(e, &judge))
        return NULL;
    struct findings *set = findings_new();
    if (set == NULL)
        return NULL;
    (void)analysis_preview(e->analysis, x, judge, set, s); /* nobody's attempt: nothing is said of it */
    size_t found;
    findings_finish(set);
    const struct finding *all = findings_all(set, &found);
    for (size_t i = 0; i < found; i++) {
        if ((!over && !is_early(&all[i])) || !is_new(e, &all[i]))
            continue;
        if (e->options.finding != NULL)
            e->options.finding(e->options.ctx, &all[i]);
        if (writes(e))
            event_line_finding(&e->lines, &all[i], x, x->last.time_ns);
    }
    return set;
}

/* What the captures as a whole show. */
static void tell_standing(void *ctx, const struct finding *f)
{
    struct events *e = ctx;
    if (!is_new(e, f) && !standing_comes_and_goes(f->id))
        return;
    if (e->options.finding != NULL)
        e->options.finding(e->options.ctx, f);
    if (writes(e))
        event_line_finding(&e->lines, f, NULL, e->now_ns);
}

static void began(void *ctx, struct exchange *x)
{
    struct events *e = ctx;
    struct session s;
    if (!analysis_preview(e->analysis, x, false, NULL, &s))
        return;
    if (x->type != CONVERSATION_RADIUS)
        attempt(e, &s, x);
    start(e, x);
}

/*
 * While it lasts: what is known of it is told when it came to something. A connection that may still be anything is none of ours
 * until then.
 */
static void going(void *ctx, struct exchange *x)
{
    struct events *e = ctx;
    struct session s;
    if (!analysis_preview(e->analysis, x, false, NULL, &s))
        return;
    bool settled = judge_settled(x), failed = settled && session_failed(&s);
    if (x->type == CONVERSATION_SSTP && x->sstp.kind != SSTP_KIND_TUNNEL && !failed)
        return;
    if (x->type == CONVERSATION_SSTP)
        attempt(e, &s, x);
    if (wanted(e))
        start(e, x);
    bool fresh = s.outcome == OUTCOME_ESTABLISHED && (x->told & SEEN_UP) == 0; /* it may be taken down at once */
    x->told |= s.outcome == OUTCOME_ESTABLISHED ? SEEN_UP : 0;
    if (!settled || fresh)
        return;
    show(e, &s, x);
    if ((count(e, &s, x) || failed) && wanted(e))
        findings_free(look(e, x, false, &s));
}

/* True when a finding says that it failed. */
static bool tell_ended(struct events *e, const struct exchange *x, struct session *s)
{
    struct findings *set = look(e, x, true, s);
    size_t found;
    if (set == NULL) {
        e->untold++;
        return false;
    }
    const struct finding *all = findings_all(set, &found);
    bool failed = explains_error(s, all, found);
    if (writes(e))
        event_line_ended(&e->lines, s, all, found);
    findings_free(set);
    return failed;
}

static void ended(void *ctx, struct exchange *x)
{
    struct events *e = ctx;
    struct session s;
    bool ours = analysis_preview(e->analysis, x, false, NULL, &s);
    if (!ours && (x->told & TOLD_STARTED) == 0)
        return;
    attempt(e, &s, x);
    (void)count(e, &s, x);
    e->incomplete += (x->told & (TOLD_ESTABLISHED | TOLD_FAILED)) == 0;
    if (ours)
        show(e, &s, x);
    if (ours && e->options.session != NULL)
        e->options.session(e->options.ctx, &s);
    bool failed = session_failed(&s), unsure = e->options.judged != NULL && s.outcome == OUTCOME_INCOMPLETE;
    if (wanted(e))
        start(e, x);
    if (wanted(e) || unsure)
        failed = tell_ended(e, x, &s) || failed;
    if (e->options.judged != NULL)
        e->options.judged(e->options.ctx, x, failed);
}

static void fill_in(const struct events *e, struct events_status *s)
{
    s->open = analysis_open(e->analysis);
    s->state_bytes += analysis_state_bytes(e->analysis);
    s->established = e->established;
    s->failed = e->failed;
    s->incomplete = e->incomplete;
    s->untold = e->untold;
    s->unkept = analysis_unkept(e->analysis);
    s->backends = windows_backends(e->windows, WINDOW_TUNNELS, &s->backend_count);
    uint64_t tunnels = 0;
    for (size_t i = 0; i < s->backend_count; i++)
        tunnels += s->backends[i].established_ever;
    if (tunnels == 0)
        s->backends = windows_backends(e->windows, WINDOW_RADIUS, &s->backend_count);
}

static void passed(void *ctx, int64_t now_ns)
{
    struct events *e = ctx;
    windows_time(e->windows, now_ns);
    e->now_ns = now_ns;
    if (e->standing != NULL)
        standing_time(e->standing, now_ns);
    if (e->options.measure == NULL || !writes(e))
        return;
    if (e->statistics_ns == 0 || now_ns < e->statistics_ns - STATISTICS_NS)
        e->statistics_ns = now_ns + STATISTICS_NS;
    if (now_ns < e->statistics_ns)
        return;
    e->statistics_ns = now_ns + STATISTICS_NS;
    struct events_status s = {.time_ns = now_ns};
    e->options.measure(e->options.ctx, &s);
    fill_in(e, &s);
    event_line_statistics(&e->lines, &s);
}

static void window_over(void *ctx, const struct window *w)
{
    struct events *e = ctx;
    if (e->options.window != NULL)
        e->options.window(e->options.ctx, w);
    if (writes(e))
        event_line_window(&e->lines, w);
}

struct events *events_new(struct analysis *a, const struct events_options *options)
{
    struct events *e = calloc(1, sizeof *e);
    const struct analysis_watcher watcher = {.began = began, .going = going, .ended = ended, .time = passed, .ctx = e};
    if (e == NULL)
        return NULL;
    e->options = *options;
    e->analysis = a;
    e->report.analysis = a;
    e->lines = (struct event_lines){options->out, options->log, options->queue, &e->report, options->name, options->ctx};
    e->told = findings_new();
    e->report.digests = digests_new();
    e->windows = windows_new(options->balance, window_over, e);
    const struct standing_options standing = {options->sights, tell_standing, options->ctx, e, options->balance};
    e->standing = wanted(e) ? standing_new(a, &standing) : NULL;
    bool made = e->told != NULL && e->report.digests != NULL && e->windows != NULL && (!wanted(e) || e->standing != NULL);
    if (!made || !analysis_watch(a, &watcher)) {
        events_free(e);
        return NULL;
    }
    return e;
}

void events_free(struct events *e)
{
    if (e == NULL)
        return;
    (void)analysis_watch(e->analysis, NULL);
    findings_free(e->told);
    digests_free(e->report.digests);
    windows_free(e->windows);
    standing_free(e->standing);
    free(e);
}

void events_tick(struct events *e, struct events_status *status, int64_t now_ns)
{
    fill_in(e, status);
    if (e->statistics_ns == 0)
        e->statistics_ns = now_ns;
    if (!writes(e) || e->options.measure != NULL || now_ns - e->statistics_ns < STATISTICS_NS)
        return;
    e->statistics_ns = now_ns;
    event_line_statistics(&e->lines, status);
}

void events_finish(struct events *e)
{
    windows_finish(e->windows);
}
