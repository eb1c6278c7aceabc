/* The member "balance": one element for each protocol of each group of backends. */
#include "analyze/report/report_json.h"

static json_t *alive_value(enum balance_alive alive)
{
    return alive == BALANCE_UNKNOWN ? json_null() : json_boolean(alive == BALANCE_ALIVE);
}

static json_t *backend_value(const struct balance_backend *e, bool radius)
{
    char text[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "address", json_string(address_text(text, &e->address)));
    json_put(o, "name", e->name != NULL ? json_c_text(e->name) : json_null());
    json_put(o, "weight", json_real(e->weight));
    json_put(o, "attempts", json_count(e->attempts));
    json_put(o, "established", json_count(e->established));
    json_put(o, "failed", json_count(e->failed));
    json_put(o, "unanswered", json_count(e->unanswered));
    json_put(o, "judged", json_count(e->judged));
    json_put(o, "reconnects", json_count(e->reconnects));
    json_put(o, "begun_before", json_count(e->carried));
    if (e->nameless == 0) /* else nobody knows */
        json_put(o, "clients", json_count(e->clients));
    if (e->has_peak)
        json_put(o, "peak_concurrent", json_count(e->peak_concurrent));
    if (!radius) /* logins do not tell what passed */
        json_put(o, "bytes", json_count(e->bytes));
    json_put(o, "share", json_real(e->share));
    json_put(o, "alive", alive_value(e->alive));
    return o;
}

/* A member of a window: a number for each backend, null where nobody knows it. */
static void put_row(json_t *o, const char *name, const struct balance_result *b, size_t window, size_t member)
{
    json_t *row = json_array();
    for (size_t i = 0; i < b->backend_count; i++) {
        uint32_t n;
        memcpy(&n, (const unsigned char *)&b->windows[window * b->backend_count + i] + member, sizeof n);
        bool unknown = member == offsetof(struct balance_cell, clients) && b->backends[i].nameless > 0;
        json_array_append_new(row, unknown ? json_null() : json_integer(n));
    }
    json_put(o, name, row);
}

static json_t *windows_value(const struct report *r, const struct balance_result *b)
{
    json_t *list = json_array();
    for (size_t w = 0; w < b->window_count; w++) {
        json_t *o = json_object();
        json_put(o, "start", json_time(r, b->window_start_ns + (int64_t)w * b->window_ns, b->first.capture));
        json_put(o, "seconds", json_real((double)b->window_ns / 1e9));
        put_row(o, "connections", b, w, offsetof(struct balance_cell, attempts));
        put_row(o, "established", b, w, offsetof(struct balance_cell, established));
        put_row(o, "failed", b, w, offsetof(struct balance_cell, failed));
        put_row(o, "unanswered", b, w, offsetof(struct balance_cell, unanswered));
        put_row(o, "clients", b, w, offsetof(struct balance_cell, clients));
        if (!b->radius)
            put_row(o, "peak_concurrent", b, w, offsetof(struct balance_cell, peak));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *series_value(const struct probe_series *s)
{
    char text[ENDPOINT_TEXT];
    json_t *o = json_object();
    json_put(o, "source", json_string(address_text(text, &s->source)));
    json_put(o, "target", json_string(endpoint_text(text, &s->target)));
    json_put(o, "kind", json_string(probe_kind_name(s->kind)));
    json_put(o, "count", json_count(s->count));
    json_put(o, "period_s", s->period_ns > 0 ? json_real((double)s->period_ns / 1e9) : json_null());
    json_put(o, "failed", json_count(s->failed));
    return o;
}

/* Of these backends; b NULL: all that there are. */
static json_t *probes_value(const struct report *r, const struct balance_result *b)
{
    size_t count;
    const struct probe_series *all = probes_all(analysis_probes(r->analysis), &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        bool ours = b == NULL;
        for (size_t k = 0; !ours && k < b->backend_count; k++)
            ours = address_equal(&b->backends[k].address, &all[i].target.address);
        if (ours)
            json_array_append_new(list, series_value(&all[i]));
    }
    return list;
}

static json_t *why_value(unsigned why)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < BALANCE_WHYS; i++)
        if ((why & 1u << i) != 0)
            json_array_append_new(list, json_string(balance_why_name((enum balance_why)(1u << i))));
    return list;
}

static json_t *measure(const struct evenness *e, double value)
{
    return e->valid ? json_real(value) : json_null();
}

static void put_judgement(json_t *o, const struct choice_judgement *j)
{
    const struct evenness *e = &j->evenness;
    json_put(o, "jain", measure(e, e->jain));
    json_put(o, "coefficient_of_variation", measure(e, e->variation));
    json_put(o, "max_over_mean", measure(e, e->max_over_mean));
    json_put(o, "gini", measure(e, e->gini));
    json_put(o, "p_value", j->method != FIT_NONE ? json_real(j->p) : json_null());
    json_put(o, "test", json_string(fit_method_name(j->method)));
    json_put(o, "judged", json_count(j->sticky.connections));
    json_put(o, "sources", json_count(j->sticky.sources));
    json_put(o, "effective_sample_size", json_real(j->sticky.effective));
    json_put(o, "stickiness", j->sticky.known ? json_real(j->sticky.correlation) : json_null());
    json_put(o, "needed", j->needed > 0 ? json_count(j->needed) : json_null());
    json_put(o, "verdict", json_string(balance_verdict_name(j->verdict)));
}

static json_t *result_value(const struct report *r, const struct balance_result *b)
{
    json_t *o = json_object(), *backends = json_array();
    for (size_t i = 0; i < b->backend_count; i++)
        json_array_append_new(backends, backend_value(&b->backends[i], b->radius));
    json_put(o, "protocol", json_string(balance_protocol_name(b->protocol)));
    json_put(o, "basis", json_string(b->radius ? "radius" : "tunnels"));
    json_put(o, "connections", json_count(b->connections));
    json_put(o, "hidden_sources", json_count(b->hidden));
    json_put(o, "unattributed", json_count(b->unattributed));
    json_put(o, "unnamed", json_count(b->unnamed));
    json_put(o, "backends", backends);
    put_judgement(o, &b->judgement);
    json_put(o, "why", why_value(b->why));
    json_put(o, "windows", windows_value(r, b));
    json_put(o, "probes", b->radius ? json_array() : probes_value(r, b));
    return o;
}

/* Nobody but probes came: there is nothing to judge, but the probes are told. */
static json_t *probes_alone(const struct report *r)
{
    json_t *probes = probes_value(r, NULL), *list = json_array();
    if (json_array_size(probes) == 0) {
        json_decref(probes);
        return list;
    }
    json_t *o = json_object();
    json_put(o, "protocol", json_string(balance_protocol_name(BALANCE_ALL)));
    json_put(o, "basis", json_string("tunnels"));
    json_put(o, "connections", json_count(0));
    json_put(o, "backends", json_array());
    json_put(o, "verdict", json_string(balance_verdict_name(BALANCE_TOO_FEW)));
    json_put(o, "probes", probes);
    json_array_append_new(list, o);
    return list;
}

json_t *json_balance(const struct report *r)
{
    size_t count;
    const struct balance_result *all = balance_results(analysis_balance(r->analysis), &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, result_value(r, &all[i]));
    if (count > 0)
        return list;
    json_decref(list);
    return probes_alone(r);
}
