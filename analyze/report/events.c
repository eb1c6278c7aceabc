#include "analyze/report/events.h"

#include <stdlib.h>

#include "analyze/report/report_json.h"
#include "capture/platform.h"
#include "capture/wire/hash.h"
#include "dissect/crypto/digest.h"

enum { LOOKS_A_SECOND = 200, JUDGEMENTS_A_SECOND = 20 };

#define SECOND_NS INT64_C(1000000000)
#define STATISTICS_NS (60 * SECOND_NS)

struct events {
    struct events_options options;
    struct analysis *analysis;
    struct report report;    /* of nothing yet: for the writers */
    struct findings *told;   /* one entry for each finding that was told */
    uint64_t established, failed, incomplete, untold;
    int64_t second_ns, statistics_ns;
    unsigned looks, judgements; /* in this second */
};

/* The members of an object follow the event's name and time. */
static json_t *event(const struct events *e, const char *name, int64_t time_ns)
{
    json_t *o = json_object();
    json_put(o, "event", json_string(name));
    json_put(o, "time", time_ns != 0 ? json_time(&e->report, time_ns, 0) : json_null());
    return o;
}

static void write_line(struct output *out, json_t *line)
{
    json_write(out, line);
    output_string(out, "\n");
    (void)output_end(out); /* what could not be written sticks */
}

static bool is_new(struct events *e, const struct finding *f)
{
    bool fresh;
    struct finding *seen =
        findings_raise(e->told, f->id, f->subject, hash_bytes(f->title, strlen(f->title), 0), &fresh);
    return seen != NULL && fresh;
}

static void tell_finding(struct events *e, const struct finding *f, const struct exchange *x)
{
    if (e->options.finding != NULL)
        e->options.finding(e->options.ctx, f);
    if (e->options.out == NULL)
        return;
    json_t *line = event(e, "finding", x->last.time_ns), *value = json_finding(&e->report, f);
    json_object_del(value, "sessions"); /* they are numbered in the end */
    json_object_del(value, "session_total");
    json_put(line, "exchange", json_integer(x->id));
    json_object_update(line, value);
    json_decref(value);
    write_line(e->options.out, line);
}

static void tell_session(struct events *e, struct session *s, const struct finding *all, size_t count)
{
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(names, json_string(finding_name(all[i].id)));
        if (s->client_error != 0 || all[i].client_error == 0 || all[i].severity == SEVERITY_INFO ||
            s->outcome == OUTCOME_ESTABLISHED)
            continue;
        s->client_error = all[i].client_error;
        s->client_error_confidence = all[i].confidence;
    }
    if (e->options.out == NULL) {
        json_decref(names);
        return;
    }
    json_t *line = event(e, "session", session_last(s).time_ns), *value = json_session(&e->report, s);
    json_object_del(value, "id"); /* its exchange has one */
    json_object_update(line, value);
    json_put(line, "findings", names);
    json_decref(value);
    write_line(e->options.out, line);
}

/* A flood must not keep us from reading: what is not looked at now is in the report. */
static bool may_look(struct events *e, bool *judge)
{
    *judge = true;
    if (!e->options.live)
        return true;
    int64_t now = platform_monotonic_ns();
    if (now - e->second_ns >= SECOND_NS) {
        e->second_ns = now;
        e->looks = e->judgements = 0;
    }
    *judge = e->judgements++ < JUDGEMENTS_A_SECOND;
    return e->looks++ < LOOKS_A_SECOND;
}

static void count(struct events *e, const struct session *s)
{
    if (session_failed(s))
        e->failed++;
    else if (s->outcome == OUTCOME_ESTABLISHED)
        e->established++;
    else
        e->incomplete++;
}

static void look(struct events *e, const struct exchange *x)
{
    struct session s;
    bool judge;
    if (!may_look(e, &judge)) {
        e->untold++;
        return;
    }
    struct findings *set = findings_new();
    if (set != NULL && analysis_preview(e->analysis, x, judge, set, &s)) {
        size_t found;
        findings_finish(set);
        const struct finding *all = findings_all(set, &found);
        for (size_t i = 0; i < found; i++)
            if (is_new(e, &all[i]))
                tell_finding(e, &all[i], x);
        tell_session(e, &s, all, found);
    }
    findings_free(set);
}

static void ended(void *ctx, const struct exchange *x)
{
    struct events *e = ctx;
    struct session s;
    if (!analysis_preview(e->analysis, x, false, NULL, &s))
        return;
    count(e, &s);
    if (e->options.session != NULL)
        e->options.session(e->options.ctx, &s);
    if (e->options.out != NULL || e->options.finding != NULL)
        look(e, x);
}

struct events *events_new(struct analysis *a, const struct events_options *options)
{
    struct events *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->options = *options;
    e->analysis = a;
    e->report.analysis = a;
    e->told = findings_new();
    e->report.digests = digests_new();
    if (e->told == NULL || e->report.digests == NULL) {
        events_free(e);
        return NULL;
    }
    analysis_watch(a, ended, e);
    return e;
}

void events_free(struct events *e)
{
    if (e == NULL)
        return;
    analysis_watch(e->analysis, NULL, NULL);
    findings_free(e->told);
    digests_free(e->report.digests);
    free(e);
}

static void tell_statistics(const struct events *e, const struct events_status *s)
{
    json_t *line = event(e, "statistics", s->time_ns);
    json_put(line, "packets", json_count(s->packets));
    json_put(line, "bytes", json_count(s->bytes));
    json_put(line, "lost", json_count(s->lost));
    json_put(line, "open", json_count(s->open));
    json_put(line, "established", json_count(s->established));
    json_put(line, "failed", json_count(s->failed));
    json_put(line, "incomplete", json_count(s->incomplete));
    json_put(line, "untold", json_count(s->untold));
    json_put(line, "unkept", json_count(s->unkept));
    write_line(e->options.out, line);
}

void events_tick(struct events *e, struct events_status *status, int64_t now_ns)
{
    status->established = e->established;
    status->failed = e->failed;
    status->incomplete = e->incomplete;
    status->untold = e->untold;
    status->unkept = analysis_unkept(e->analysis);
    if (e->statistics_ns == 0)
        e->statistics_ns = now_ns;
    if (e->options.out == NULL || now_ns - e->statistics_ns < STATISTICS_NS)
        return;
    e->statistics_ns = now_ns;
    tell_statistics(e, status);
}

bool events_summary(const struct report *r, struct output *out)
{
    json_t *line = json_object(), *captures = json_array(), *findings = json_array();
    json_put(line, "event", json_string("summary"));
    json_put(line, "schema", json_string("vpnscope/1"));
    json_put(line, "tool_version", json_string(VPNSCOPE_VERSION));
    json_put(line, "verdict", json_c_text(analysis_verdict(r->analysis)));
    for (size_t i = 0; i < r->capture_count; i++)
        json_array_append_new(captures, json_capture(r, (uint32_t)i));
    json_put(line, "captures", captures);
    for (size_t i = 0; i < r->finding_count; i++)
        json_array_append_new(findings, json_finding(r, &r->findings[i]));
    json_put(line, "findings", findings);
    json_put(line, "statistics", json_statistics(r));
    write_line(out, line);
    return true;
}
