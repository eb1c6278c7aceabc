#include "analyze/report/report_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/escape.h"

enum { REAL_DIGITS = 15 };

json_t *json_text(struct span text)
{
    /* Escaped, it is UTF-8 without a NUL: jansson need not look again. */
    char room[256], *safe = text.len < sizeof room / ESCAPE_GROWTH ? room : escape_new(text);
    if (safe == NULL)
        return NULL;
    size_t len = safe == room ? escape_text(room, sizeof room, text) : strlen(safe);
    json_t *value = json_stringn_nocheck(safe, len);
    if (safe != room)
        free(safe);
    return value;
}

json_t *json_c_text(const char *text)
{
    return text != NULL ? json_text(span_of(text, strlen(text))) : json_null();
}

json_t *json_text_or_null(const struct exchange *x, struct text t)
{
    return t.len > 0 ? json_text(exchange_text(x, t)) : json_null();
}

json_t *json_hex(const uint8_t *bytes, size_t len)
{
    enum { HEX_MAX = 32 };
    static const char digits[] = "0123456789abcdef";
    char out[2 * HEX_MAX];
    size_t n = len < HEX_MAX ? len : HEX_MAX;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return json_stringn_nocheck(out, 2 * n);
}

json_t *json_count(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *json_time(const struct report *r, int64_t ns, uint32_t capture)
{
    char text[TIME_TEXT];
    return json_string_nocheck(time_rfc3339(text, ns, report_digits(r, capture)));
}

json_t *json_endpoint(const struct endpoint *e)
{
    char text[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "address", json_string_nocheck(address_text(text, &e->address)));
    json_put(o, "port", e->port != 0 ? json_integer(e->port) : json_null());
    return o;
}

json_t *json_milliseconds(int64_t ns)
{
    return ns >= 0 ? json_real((double)ns / 1e6) : json_null();
}

void json_put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new_nocheck(object, key, value != NULL ? value : json_null());
}

/* The document's top level, written as it goes; its members are jansson's. */
struct writer {
    const struct report *report;
    struct output *out;
    bool first_member, first_element;
};

static void member(struct writer *w, const char *key)
{
    output_format(w->out, "%s \"%s\": ", w->first_member ? "{\n" : ",\n", key);
    w->first_member = false;
}

static int to_output(const char *bytes, size_t len, void *ctx)
{
    output_bytes(ctx, bytes, len);
    return 0;
}

static size_t flags(void)
{
    return JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS);
}

void json_write(struct output *out, json_t *value)
{
    if (value == NULL || json_dump_callback(value, to_output, out, flags()) != 0)
        out->failed = true;
    json_decref(value);
}

char *json_line(json_t *value, size_t *len)
{
    char *text = NULL;
    *len = value != NULL ? json_dumpb(value, NULL, 0, flags()) : 0;
    if (*len > 0 && (text = malloc(*len + 1)) != NULL && json_dumpb(value, text, *len, flags()) == *len)
        text[(*len)++] = '\n';
    json_decref(value);
    return text;
}

static void write_value(struct writer *w, json_t *value)
{
    json_write(w->out, value);
}

static void begin_array(struct writer *w, const char *key)
{
    member(w, key);
    output_string(w->out, "[");
    w->first_element = true;
}

static void element(struct writer *w, json_t *value)
{
    output_string(w->out, w->first_element ? "\n  " : ",\n  ");
    w->first_element = false;
    write_value(w, value);
}

static void end_array(struct writer *w)
{
    output_string(w->out, w->first_element ? "]" : "\n ]");
}

static void put_interfaces(json_t *o, const struct source_info *info)
{
    json_t *names = json_array(), *types = json_array();
    for (size_t i = 0; i < info->interface_count; i++) {
        const struct source_interface *n = &info->interfaces[i];
        if (n->name != NULL || n->description != NULL)
            json_array_append_new(names, json_c_text(n->name != NULL ? n->name : n->description));
        bool known = false;
        for (size_t j = 0; j < i && !known; j++)
            known = info->interfaces[j].link_type == n->link_type;
        char number[16];
        const char *type = source_link_type_name(n->link_type);
        snprintf(number, sizeof number, "%u", n->link_type);
        if (!known)
            json_array_append_new(types, json_string(type != NULL ? type : number));
    }
    json_put(o, "link_types", types);
    json_put(o, "interfaces", names);
}

/* The first ones; the number of all. */
static void put_comments(json_t *o, const struct source_info *info)
{
    json_t *list = json_array();
    for (size_t i = 0; i < info->comment_count; i++) {
        const struct source_comment *c = &info->comments[i];
        json_t *one = json_object();
        json_put(one, "frame", c->frame > 0 ? json_count(c->frame) : json_null());
        json_put(one, "text", json_c_text(c->text));
        json_array_append_new(list, one);
    }
    json_put(o, "comments", list);
    json_put(o, "comment_total", json_count(info->comments_seen));
}

json_t *json_capture(const struct report *r, uint32_t index)
{
    const struct capture_report *c = &r->captures[index];
    const struct source_info *info = &c->info;
    bool times = info->first_ns != 0 || info->last_ns != 0;
    json_t *o = json_object();
    json_put(o, "file", json_c_text(info->path));
    json_put(o, "format", json_c_text(info->format));
    json_put(o, "compression", json_c_text(info->compression));
    put_interfaces(o, info);
    json_put(o, "packets", json_count(info->packets));
    json_put(o, "bytes", json_count(info->bytes));
    json_put(o, "filtered", json_count(info->filtered));
    json_put(o, "first", times ? json_time(r, info->first_ns, index) : json_null());
    json_put(o, "last", times ? json_time(r, info->last_ns, index) : json_null());
    json_put(o, "truncated_packets", json_count(info->cut_packets));
    json_put(o, "duplicates", json_count(c->duplicates));
    json_put(o, "lost", c->has_lost ? json_count(c->lost) : json_null());
    json_put(o, "clock_offset_ms", c->has_clock_ahead ? json_real((double)c->clock_ahead_ns / 1e6) : json_null());
    json_put(o, "damage", json_c_text(info->damage));
    if (info->comments_seen > 0)
        put_comments(o, info);
    return o;
}

json_t *json_finding(const struct report *r, const struct finding *f)
{
    json_t *o = json_object(), *fixes = json_array(), *sessions = json_array(), *evidence = json_array();
    json_put(o, "id", json_string(finding_name(f->id)));
    json_put(o, "severity", json_string(severity_name(f->severity)));
    json_put(o, "confidence", json_string(confidence_name(f->confidence)));
    json_put(o, "title", json_c_text(f->title));
    json_put(o, "explanation", json_c_text(f->explanation));
    for (size_t i = 0; i < f->fix_count; i++)
        json_array_append_new(fixes, json_c_text(f->fix[i]));
    json_put(o, "fix", fixes);
    json_put(o, "client_error", f->client_error != 0 ? json_integer(f->client_error) : json_null());
    json_put(o, "subject", f->subject[0] != '\0' ? json_c_text(f->subject) : json_null());
    for (size_t i = 0; i < f->session_count; i++)
        json_array_append_new(sessions, json_integer(f->sessions[i]));
    json_put(o, "sessions", sessions);
    json_put(o, "session_total", json_count(f->session_total));
    for (size_t i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        json_t *v = json_object();
        json_put(v, "capture", json_integer(e->place.capture));
        json_put(v, "frame", json_count(e->place.frame));
        json_put(v, "time", json_time(r, e->place.time_ns, e->place.capture));
        json_put(v, "what", json_c_text(e->what));
        json_array_append_new(evidence, v);
    }
    json_put(o, "evidence", evidence);
    return o;
}

static json_t *flooded_value(const struct report *r, const struct ike_flooded *f)
{
    char text[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "responder", json_c_text(address_text(text, &f->responder)));
    json_put(o, "requests", json_count(f->requests));
    json_put(o, "first", json_time(r, f->first.time_ns, f->first.capture));
    json_put(o, "last", json_time(r, f->last.time_ns, f->last.capture));
    return o;
}

/* Only where there are any: of a flood. */
static void put_unlisted(const struct report *r, json_t *o, const struct analysis_totals *t)
{
    json_t *responders = json_array();
    if (t->tcp_unlisted > 0)
        json_put(o, "tcp_unlisted", json_count(t->tcp_unlisted));
    if (t->half_open_unlisted == 0) {
        json_decref(responders);
        return;
    }
    for (uint8_t i = 0; i < t->flooded_count; i++)
        json_array_append_new(responders, flooded_value(r, &t->flooded[i]));
    json_put(o, "half_open_unlisted", json_count(t->half_open_unlisted));
    json_put(o, "half_open_unlisted_responders", responders);
}

json_t *json_statistics(const struct report *r)
{
    struct analysis_totals t;
    int64_t first = 0, last = 0;
    analysis_get_totals(r->analysis, &t);
    json_t *o = json_object();
    json_put(o, "packets", json_count(t.packets));
    json_put(o, "bytes", json_count(t.bytes));
    json_put(o, "flows", json_count(t.flows));
    /* of the captures, not of our work: the same input gives the same document */
    json_put(o, "elapsed_s", json_real(report_span(r, &first, &last) ? (double)(last - first) / 1e9 : 0.0));
    json_put(o, "peak_state_bytes", json_count(t.state_bytes_peak));
    json_put(o, "evicted", json_count(t.evicted));
    put_unlisted(r, o, &t);
    if (t.unkept > 0)
        json_put(o, "unkept", json_count(t.unkept));
    json_put(o, "sessions", json_count(t.sessions));
    json_put(o, "exchanges", json_count(t.exchanges));
    json_put(o, "accounting_requests", json_count(t.accounting_requests));
    json_put(o, "accounting_unanswered", json_count(t.accounting_unanswered));
    return o;
}

static void write_protocols(struct writer *w)
{
    size_t count = 0;
    const struct protocol_count *rows = analysis_protocols(w->report->analysis, &count);
    begin_array(w, "protocols");
    for (size_t i = 0; i < count; i++) {
        json_t *o = json_object();
        json_put(o, "name", json_c_text(rows[i].name));
        json_put(o, "flows", json_count(rows[i].flows));
        json_put(o, "packets", json_count(rows[i].packets));
        json_put(o, "bytes", json_count(rows[i].bytes));
        element(w, o);
    }
    end_array(w);
}

static void write_certificates(struct writer *w)
{
    const struct certificates *all = w->report->certificates;
    begin_array(w, "certificates");
    for (size_t i = 0; i < certificates_count(all); i++) {
        json_t *c = json_certificate(w->report, certificates_at(all, i));
        if (c != NULL)
            element(w, c);
    }
    end_array(w);
}

static bool write_session(void *ctx, const struct session *s)
{
    struct writer *w = ctx;
    if (w->report->session == 0 || w->report->session == s->number)
        element(w, json_session(w->report, s));
    return !w->out->failed && w->report->session != s->number;
}

bool report_json(const struct report *r, struct output *out)
{
    struct writer w = {.report = r, .out = out, .first_member = true};
    member(&w, "schema");
    write_value(&w, json_string("vpnscope/1"));
    member(&w, "tool_version");
    write_value(&w, json_string(VPNSCOPE_VERSION));
    member(&w, "verdict");
    write_value(&w, json_c_text(analysis_verdict(r->analysis)));
    begin_array(&w, "captures");
    for (size_t i = 0; i < r->capture_count; i++)
        element(&w, json_capture(r, (uint32_t)i));
    end_array(&w);
    begin_array(&w, "sessions");
    bool good = analysis_each_session(r->analysis, write_session, &w);
    end_array(&w);
    write_certificates(&w);
    member(&w, "translation");
    write_value(&w, json_translation(r));
    member(&w, "translation_table");
    write_value(&w, json_translation_table(r));
    member(&w, "balance");
    write_value(&w, json_balance(r));
    begin_array(&w, "findings");
    for (size_t i = 0; i < r->finding_count; i++)
        element(&w, json_finding(r, &r->findings[i]));
    end_array(&w);
    write_protocols(&w);
    member(&w, "statistics");
    write_value(&w, json_statistics(r));
    output_string(out, "\n}\n");
    return good;
}
