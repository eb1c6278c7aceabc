#include "analyze/report/report_json.h"

void json_put_fact(struct json_writer *w, const char *key, const struct exchange *x, struct text t)
{
    if (t.len > 0)
        json_put_text(w, key, exchange_text(x, t));
    else
        json_put_null(w, key);
}

void json_put_time(struct json_writer *w, const char *key, const struct report *r, int64_t ns, uint32_t capture)
{
    char text[TIME_TEXT];
    json_put_string(w, key, time_rfc3339(text, ns, report_digits(r, capture)));
}

void json_put_milliseconds(struct json_writer *w, const char *key, int64_t ns)
{
    if (ns >= 0)
        json_put_decimal(w, key, ns, 6);
    else
        json_put_null(w, key);
}

static void put_interfaces(struct json_writer *w, const struct source_info *info)
{
    json_put_array(w, "link_types");
    for (size_t i = 0; i < info->interface_count; i++) {
        const struct source_interface *n = &info->interfaces[i];
        bool known = false;
        for (size_t j = 0; j < i && !known; j++)
            known = info->interfaces[j].link_type == n->link_type;
        char number[16];
        const char *type = source_link_type_name(n->link_type);
        snprintf(number, sizeof number, "%u", n->link_type);
        if (!known)
            json_put_string(w, NULL, type != NULL ? type : number);
    }
    json_end_array(w);
    json_put_array(w, "interfaces");
    for (size_t i = 0; i < info->interface_count; i++) {
        const struct source_interface *n = &info->interfaces[i];
        if (n->name != NULL || n->description != NULL)
            json_put_string(w, NULL, n->name != NULL ? n->name : n->description);
    }
    json_end_array(w);
}

static void put_capture(struct json_writer *w, const struct report *r, uint32_t index)
{
    const struct capture_report *c = &r->captures[index];
    const struct source_info *info = &c->info;
    json_put_object(w, NULL);
    json_put_string(w, "file", info->path);
    json_put_string(w, "format", info->format);
    json_put_string(w, "compression", info->compression);
    put_interfaces(w, info);
    json_put_count(w, "packets", info->packets);
    json_put_count(w, "bytes", info->bytes);
    json_put_count(w, "filtered", info->filtered);
    if (info->first_ns != 0 || info->last_ns != 0) {
        json_put_time(w, "first", r, info->first_ns, index);
        json_put_time(w, "last", r, info->last_ns, index);
    } else {
        json_put_null(w, "first");
        json_put_null(w, "last");
    }
    json_put_count(w, "truncated_packets", info->cut_packets);
    json_put_count(w, "duplicates", c->duplicates);
    if (c->has_lost)
        json_put_count(w, "lost", c->lost);
    else
        json_put_null(w, "lost");
    json_put_null(w, "clock_offset_ms");
    json_put_string(w, "damage", info->damage);
    json_end_object(w);
}

static void put_evidence(struct json_writer *w, const struct report *r, const struct evidence *e)
{
    json_put_object(w, NULL);
    json_put_integer(w, "capture", e->place.capture);
    json_put_count(w, "frame", e->place.frame);
    json_put_time(w, "time", r, e->place.time_ns, e->place.capture);
    json_put_string(w, "what", e->what);
    json_end_object(w);
}

static void put_finding(struct json_writer *w, const struct report *r, const struct finding *f)
{
    json_put_object(w, NULL);
    json_put_string(w, "id", finding_name(f->id));
    json_put_string(w, "severity", severity_name(f->severity));
    json_put_string(w, "confidence", confidence_name(f->confidence));
    json_put_string(w, "title", f->title);
    json_put_string(w, "explanation", f->explanation);
    json_put_array(w, "fix");
    for (size_t i = 0; i < f->fix_count; i++)
        json_put_string(w, NULL, f->fix[i]);
    json_end_array(w);
    if (f->client_error != 0)
        json_put_integer(w, "client_error", f->client_error);
    else
        json_put_null(w, "client_error");
    json_put_string(w, "subject", f->subject[0] != '\0' ? f->subject : NULL);
    json_put_array(w, "sessions");
    for (size_t i = 0; i < f->session_count; i++)
        json_put_integer(w, NULL, f->sessions[i]);
    json_end_array(w);
    json_put_count(w, "session_total", f->session_total);
    json_put_array(w, "evidence");
    for (size_t i = 0; i < f->evidence_count; i++)
        put_evidence(w, r, &f->evidence[i]);
    json_end_array(w);
    json_end_object(w);
}

static void put_statistics(struct json_writer *w, const struct report *r)
{
    struct analysis_totals t;
    int64_t first = 0, last = 0;
    analysis_get_totals(r->analysis, &t);
    json_put_object(w, "statistics");
    json_put_count(w, "packets", t.packets);
    json_put_count(w, "bytes", t.bytes);
    json_put_count(w, "flows", t.flows);
    /* of the captures, not of our work: the same input gives the same document */
    json_put_decimal(w, "elapsed_s", report_span(r, &first, &last) ? last - first : 0, 9);
    json_put_count(w, "peak_state_bytes", t.state_bytes_peak);
    json_put_count(w, "evicted", t.evicted);
    json_put_count(w, "sessions", t.sessions);
    json_put_count(w, "exchanges", t.exchanges);
    json_put_count(w, "accounting_requests", t.accounting_requests);
    json_put_count(w, "accounting_unanswered", t.accounting_unanswered);
    json_end_object(w);
}

static void put_protocols(struct json_writer *w, const struct report *r)
{
    size_t count = 0;
    const struct protocol_count *rows = analysis_protocols(r->analysis, &count);
    json_put_array(w, "protocols");
    for (size_t i = 0; i < count; i++) {
        json_put_object(w, NULL);
        json_put_string(w, "name", rows[i].name);
        json_put_count(w, "flows", rows[i].flows);
        json_put_count(w, "packets", rows[i].packets);
        json_put_count(w, "bytes", rows[i].bytes);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_certificates(struct json_writer *w, const struct report *r)
{
    json_put_array(w, "certificates");
    for (size_t i = 0; i < certificates_count(r->certificates); i++)
        json_put_certificate(w, r, certificates_at(r->certificates, i));
    json_end_array(w);
}

struct sessions_writer {
    struct json_writer *json;
    const struct report *report;
};

static bool put_session(void *ctx, const struct session *s)
{
    const struct sessions_writer *w = ctx;
    if (w->report->session == 0 || w->report->session == s->number)
        json_put_session(w->json, w->report, s);
    return !w->json->out->failed && w->report->session != s->number;
}

bool report_json(const struct report *r, struct output *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_put_object(&w, NULL);
    json_put_string(&w, "schema", "vpnscope/1");
    json_put_string(&w, "tool_version", VPNSCOPE_VERSION);
    json_put_string(&w, "verdict", analysis_verdict(r->analysis));
    json_put_array(&w, "captures");
    for (size_t i = 0; i < r->capture_count; i++)
        put_capture(&w, r, (uint32_t)i);
    json_end_array(&w);
    json_put_array(&w, "sessions");
    bool good = analysis_each_session(r->analysis, put_session, &(struct sessions_writer){&w, r});
    json_end_array(&w);
    put_certificates(&w, r);
    json_put_array(&w, "translation");
    json_end_array(&w);
    json_put_array(&w, "balance");
    json_end_array(&w);
    json_put_array(&w, "findings");
    for (size_t i = 0; i < r->finding_count; i++)
        put_finding(&w, r, &r->findings[i]);
    json_end_array(&w);
    put_protocols(&w, r);
    put_statistics(&w, r);
    json_end_object(&w);
    json_finish(&w); /* the output keeps what went wrong */
    return good;
}
