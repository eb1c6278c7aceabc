#include "analyze/report/event_lines.h"

#include <stdlib.h>

#include "analyze/report/report_json.h"

/* The members of an object follow the event's name and time. */
static json_t *event(const struct event_lines *l, const char *name, int64_t time_ns, uint32_t capture)
{
    json_t *o = json_object();
    json_put(o, "event", json_string(name));
    json_put(o, "time", time_ns != 0 ? json_time(l->report, time_ns, capture) : json_null());
    return o;
}

static void write_line(const struct event_lines *l, json_t *line)
{
    if (l->out != NULL) {
        json_write(l->out, line);
        output_string(l->out, "\n");
        (void)output_end(l->out); /* what could not be written sticks */
        return;
    }
    size_t len;
    char *text = json_line(line, &len);
    struct span whole = span_of(text, text != NULL ? len : 0);
    if (l->log != NULL)
        log_file_line(l->log, whole);
    else
        line_queue_line(l->queue, whole);
    free(text);
}

/* Lines that nobody got. */
static uint64_t missed(const struct event_lines *l)
{
    return l->log != NULL ? log_file_missed(l->log) : l->queue != NULL ? line_queue_missed(l->queue) : 0;
}

/* The members of another object, which is given up. */
static void take_over(json_t *line, json_t *value)
{
    json_object_update(line, value);
    json_decref(value);
}

void event_line_started(const struct event_lines *l, const struct exchange *x)
{
    const char *name = l->name != NULL ? l->name(l->ctx, x->first.capture) : NULL;
    json_t *line = event(l, "session_started", x->first.time_ns, x->first.capture);
    json_put(line, "exchange", json_integer(x->id));
    json_put(line, "protocol", json_string(exchange_protocol_name(x)));
    json_put(line, "client", x->client.address.family != FAMILY_NONE ? json_endpoint(&x->client) : json_null());
    json_put(line, "server", x->server.address.family != FAMILY_NONE ? json_endpoint(&x->server) : json_null());
    json_put(line, "capture", name != NULL ? json_c_text(name) : json_null());
    json_put(line, "begun_before", json_boolean(x->begun_before));
    write_line(l, line);
}

void event_line_finding(const struct event_lines *l, const struct finding *f, const struct exchange *x, int64_t time_ns)
{
    uint32_t capture = x != NULL ? x->last.capture : f->evidence_count > 0 ? f->evidence[0].place.capture : 0;
    json_t *line = event(l, "finding", time_ns, capture), *value = json_finding(l->report, f);
    json_object_del(value, "sessions"); /* they are numbered in the end */
    json_object_del(value, "session_total");
    json_put(line, "exchange", x != NULL ? json_integer(x->id) : json_null());
    take_over(line, value);
    write_line(l, line);
}

void event_line_ended(const struct event_lines *l, struct session *s, const struct finding *all, size_t count)
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
    struct place last = session_last(s);
    json_t *line = event(l, "session_ended", last.time_ns, last.capture), *value = json_session(l->report, s);
    json_object_del(value, "id"); /* its exchange has one */
    take_over(line, value);
    json_put(line, "findings", names);
    write_line(l, line);
}

static json_t *backend_value(const struct window_backend *b)
{
    char text[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "address", json_string(address_text(text, &b->address)));
    json_put(o, "name", b->name != NULL ? json_c_text(b->name) : json_null());
    json_put(o, "weight", json_real(b->weight));
    json_put(o, "attempts", json_count(b->attempts));
    json_put(o, "established", json_count(b->established));
    json_put(o, "failed", json_count(b->failed));
    return o;
}

void event_line_window(const struct event_lines *l, const struct window *w)
{
    json_t *line = event(l, "balance_window", w->start_ns + w->length_ns, 0), *backends = json_array();
    for (size_t i = 0; i < w->backend_count; i++)
        json_array_append_new(backends, backend_value(&w->backends[i]));
    json_put(line, "basis", json_string(window_basis_name(w->basis)));
    json_put(line, "start", json_time(l->report, w->start_ns, 0));
    json_put(line, "seconds", json_real((double)w->length_ns / 1e9));
    json_put(line, "whole", json_boolean(w->whole));
    json_put(line, "attempts", json_count(w->attempts));
    json_put(line, "elsewhere", json_count(w->elsewhere));
    json_put(line, "backends", backends);
    json_put(line, "jain", w->evenness.valid ? json_real(w->evenness.jain) : json_null());
    write_line(l, line);
}

void event_line_statistics(const struct event_lines *l, const struct events_status *s)
{
    json_t *line = event(l, "statistics", s->time_ns, 0);
    json_put(line, "packets", json_count(s->packets));
    json_put(line, "bytes", json_count(s->bytes));
    json_put(line, "lost", json_count(s->lost));
    json_put(line, "open", json_count(s->open));
    json_put(line, "evicted", json_count(s->evicted));
    json_put(line, "state_bytes", json_count(s->state_bytes));
    json_put(line, "established", json_count(s->established));
    json_put(line, "failed", json_count(s->failed));
    json_put(line, "incomplete", json_count(s->incomplete));
    json_put(line, "untold", json_count(s->untold));
    json_put(line, "unkept", json_count(s->unkept));
    json_put(line, "unwritten", json_count(missed(l)));
    write_line(l, line);
}

bool events_summary(const struct report *r, struct output *out, struct log_file *log)
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
    write_line(&(struct event_lines){.out = log == NULL ? out : NULL, .log = log}, line);
    return true;
}
