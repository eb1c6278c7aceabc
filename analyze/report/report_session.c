#include "analyze/report/report_session.h"

#include <stdio.h>

enum { INDENT = 2, LABEL = 12, ALERT_CLOSE_NOTIFY = 0 };

void session_line_span(const struct layout *l, const char *label, struct span text)
{
    if (text.len > 0)
        layout_labelled(l, INDENT, label, LABEL, text);
}

void session_line(const struct layout *l, const char *label, const char *text)
{
    session_line_span(l, label, span_of(text, strlen(text)));
}

void session_append(char out[static SESSION_LINE], const char *between, const char *text)
{
    size_t used = strlen(out);
    snprintf(out + used, SESSION_LINE - used, "%s%s", used > 0 ? between : "", text);
}

bool session_line_certificate(const struct report *r, const struct layout *l, const char *label, uint32_t serial)
{
    const struct certificate *leaf = certificates_of_chain(r->certificates, serial, 0);
    char text[SESSION_LINE];
    if (leaf == NULL)
        return false;
    const char *subject = leaf->facts != NULL ? leaf->facts->subject : NULL;
    snprintf(text, sizeof text, "%.300s (SHA-1 %s)", subject != NULL && subject[0] != '\0' ? subject : "(no subject)",
             leaf->sha1);
    session_line(l, label, text);
    return true;
}

static void print_summary(const struct report *r, const struct layout *l, const struct session *s)
{
    char text[SESSION_LINE], room[ENDPOINT_TEXT], from[TIME_TEXT], lasted[TIME_TEXT];
    struct place first = session_first(s), last = session_last(s);
    session_line_span(l, "User", session_user(s));
    session_line_span(l, "Client", session_client(s, room));
    session_method(text, s);
    session_line(l, "Method", text);
    snprintf(text, sizeof text, "%s UTC, %s", time_readable(from, first.time_ns, report_digits(r, first.capture)),
             duration_text(lasted, last.time_ns - first.time_ns));
    session_line(l, "Time", text);
}

static void print_radius(const struct layout *l, const struct exchange *x)
{
    const struct radius_facts *f = &x->radius;
    char text[SESSION_LINE], time[TIME_TEXT];
    const char *tunnel = f->tunnel_type != UINT32_MAX ? radius_tunnel_type_name(f->tunnel_type) : NULL;
    session_line_span(l, "User-Name", exchange_text(x, f->user));
    session_line_span(l, "NAS", exchange_text(x, f->nas_identifier));
    if (f->nas_address.family != FAMILY_NONE) {
        char address[ADDRESS_TEXT];
        address_text(address, &f->nas_address);
        session_line_span(l, "NAS address", span_of(address, strlen(address)));
    }
    session_line_span(l, "Calling", exchange_text(x, f->calling_station));
    session_line_span(l, "Called", exchange_text(x, f->called_station));
    session_line_span(l, "Endpoint", exchange_text(x, f->tunnel_client_endpoint));
    session_line_span(l, "Machine", exchange_text(x, f->machine_name));
    session_line_span(l, "Correlation", exchange_text(x, f->correlation_id));
    session_line(l, "Tunnel", tunnel != NULL ? tunnel : "");
    snprintf(text, sizeof text, "%u requests, %u challenges, %u retransmissions, %s", (unsigned)f->requests,
             (unsigned)f->challenges, (unsigned)f->retransmissions,
             f->final != 0 && radius_code_name(f->final) != NULL ? radius_code_name(f->final) : "no final answer");
    session_line(l, "RADIUS", text);
    if (f->responses > 0) {
        snprintf(text, sizeof text, "slowest answer %s", duration_text(time, f->response_max_ns));
        if (f->final_ns >= 0)
            snprintf(text + strlen(text), sizeof text - strlen(text), ", the whole login %s",
                     duration_text(time, f->final_ns));
        session_line(l, "Speed", text);
    }
    session_line_span(l, "Reply", exchange_text(x, f->reply_message));
}

/* The certificates of a TLS session, or why there are none. */
static void print_chain(const struct report *r, const struct layout *l, const struct tls_facts *t)
{
    const char *missing = t->certificate_too_many    ? "seen, but not examined: too many distinct chains"
                          : t->certificate_truncated ? "begun, but not whole in the capture"
                          : t->resumed               ? "none: the session is resumed"
                          : t->server_hello && t->version >= 0x0304 && !t->decrypted
                              ? "encrypted (TLS 1.3): --keylog makes it readable"
                              : "not seen";
    if (!session_line_certificate(r, l, "Certificate", t->server_chain))
        session_line(l, "Certificate", missing);
    if (!session_line_certificate(r, l, "Client cert.", t->client_chain) && t->client_certificate_empty)
        session_line(l, "Client cert.", "asked for, and the client has none");
}

void report_session_tls(const struct report *r, const struct layout *l, const struct exchange *x,
                        const struct tls_facts *t)
{
    char text[SESSION_LINE] = "", name[TLS_NAME_TEXT];
    if (!t->seen)
        return;
    const char *version = t->version != 0 ? tls_version_name(t->version) : NULL;
    session_append(text, ", ", version != NULL ? version : t->server_hello ? "unknown version" : "no ServerHello");
    if (t->server_hello)
        session_append(text, ", ", tls_suite_text(name, t->cipher_suite));
    if (t->resumed)
        session_append(text, ", ", "resumed");
    if (t->decrypted)
        session_append(text, ", ", "decrypted");
    session_line(l, "TLS", text);
    session_line_span(l, "SNI", exchange_text(x, t->sni));
    print_chain(r, l, t);
    for (size_t i = 0; i < t->alert_count && i < TLS_FACTS_ALERTS; i++) {
        const struct alert_fact *a = &t->alerts[i];
        if (a->code == ALERT_CLOSE_NOTIFY)
            continue; /* that is how TLS ends */
        snprintf(text, sizeof text, "%s (%u, %s) from the %s in frame %llu", tls_alert_text(name, a->code), a->code,
                 tls_alert_is_fatal(a) ? "fatal" : "warning", a->from_client ? "client" : "server",
                 (unsigned long long)a->place.frame);
        session_line(l, "Alert", text);
    }
    if (t->client_encrypted_alert || t->server_encrypted_alert) {
        snprintf(text, sizeof text, "an encrypted alert from the %s in frame %llu",
                 t->client_encrypted_alert ? "client" : "server", (unsigned long long)t->encrypted_alert.frame);
        session_line(l, "Alert", text);
    }
}

static void print_eap(const struct report *r, const struct layout *l, const struct exchange *x,
                      const struct eap_facts *e, bool inner)
{
    static const char *const results[] = {
        [EAP_RESULT_NONE] = "no result", [EAP_RESULT_SUCCESS] = "success", [EAP_RESULT_FAILURE] = "failure"};
    char text[SESSION_LINE] = "", name[METHOD_TEXT], count[64];
    if (!e->seen)
        return;
    session_line_span(l, inner ? "Inner name" : "Identity", exchange_text(x, e->identity));
    eap_facts_method(name, e);
    session_append(text, ", ", name[0] != '\0' ? name : "no method carried on with");
    for (size_t i = 0; i < e->method_count && i < EXCHANGE_METHODS_MAX; i++)
        session_append(text, i == 0 ? "; offered " : ", ", eap_type_text(name, e->methods[i]));
    for (size_t i = 0; i < e->nak_count && i < EAP_NAK_MAX; i++)
        session_append(text, i == 0 ? "; the client wants " : ", ",
                       e->nak[i] == 0 ? "none" : eap_type_text(name, e->nak[i]));
    session_append(text, "; ", results[e->result]);
    if (e->fragments > 0) {
        snprintf(count, sizeof count, "%u fragment%s", (unsigned)e->fragments, e->fragments == 1 ? "" : "s");
        session_append(text, "; ", count);
    }
    session_line(l, inner ? "Inner EAP" : "EAP", text);
    session_line_span(l, "Error", exchange_text(x, e->error));
    report_session_tls(r, l, x, &e->tls);
}

/* What somebody noted in the file of that frame; a program's notes on every packet are none. */
static void print_comments(const struct report *r, const struct layout *l, struct place place, size_t indent)
{
    const struct source_info *info = place.capture < r->capture_count ? &r->captures[place.capture].info : NULL;
    for (size_t i = 0; info != NULL && info->comments_seen <= SOURCE_COMMENTS && i < info->comment_count; i++)
        if (info->comments[i].frame == place.frame)
            layout_labelled_string(l, indent, "comment:", 9, info->comments[i].text);
}

static void print_ladder(const struct report *r, const struct layout *l, const struct session *s, const struct exchange *x)
{
    struct ladder_entry entry;
    struct span what;
    int64_t start = session_first(s).time_ns;
    struct place last = {0};
    bool several = false;
    for (size_t i = 0; exchange_ladder(x, i, &entry, &what); i++)
        several = several || entry.place.capture != x->first.capture;
    for (size_t i = 0; exchange_ladder(x, i, &entry, &what); i++) {
        char head[100], frame[40];
        if (i == 0)
            output_format(l->out, "\n  %12s  %*s\n", "seconds", several ? 10 : 7, several ? "file:frame" : "frame");
        if (several)
            snprintf(frame, sizeof frame, "%u:%llu", (unsigned)entry.place.capture + 1,
                     (unsigned long long)entry.place.frame);
        else
            snprintf(frame, sizeof frame, "%llu", (unsigned long long)entry.place.frame);
        const char *arrow = entry.dir == TO_SERVER ? "-->" : "<--";
        bool same =
            i > 0 && entry.place.frame == last.frame && entry.place.capture == last.capture; /* a layer within it */
        int n = same ? snprintf(head, sizeof head, "  %12s  %*s       ", "", several ? 10 : 7, "")
                     : snprintf(head, sizeof head, "  %12.6f  %*s  %s ", (double)(entry.place.time_ns - start) / 1e9,
                                several ? 10 : 7, frame, arrow);
        last = entry.place;
        output_string(l->out, head);
        layout_words(l, (size_t)n, (size_t)n, what);
        if (!same)
            print_comments(r, l, entry.place, (size_t)n + 1);
    }
    if (x->ladder_full)
        output_string(l->out, "  … the ladder is longer than is kept\n");
}

static void print_exchange(const struct report *r, const struct layout *l, const struct session *s,
                           const struct exchange *x)
{
    char title[SESSION_LINE], client[ENDPOINT_TEXT], server[ENDPOINT_TEXT];
    static const char *const types[] = {[CONVERSATION_RADIUS] = "RADIUS", [CONVERSATION_EAPOL] = "EAPOL",
                                        [CONVERSATION_IKE] = "IKEv2", [CONVERSATION_IKE1] = "IKEv1",
                                        [CONVERSATION_SSTP] = "SSTP", [CONVERSATION_L2TP] = "L2TP",
                                        [CONVERSATION_PPTP] = "PPTP"};
    const char *kind = exchange_type_name(x);
    bool probe = strcmp(kind, "probe") == 0;
    kind = probe ? "Probe of SSTP," : strcmp(kind, "tls") == 0 ? "TLS" : types[x->type];
    snprintf(title, sizeof title, "%s exchange %u%s%s", kind, (unsigned)x->id, probe ? "" : ": ",
             probe ? "" : outcome_name(x->outcome));
    layout_heading(l, title);
    session_line(l, "Client", endpoint_text(client, &x->client));
    session_line(l, "Server", endpoint_text(server, &x->server));
    snprintf(title, sizeof title, "%u packet%s, frames %llu to %llu of %.200s", (unsigned)x->packets,
             x->packets == 1 ? "" : "s", (unsigned long long)x->first.frame, (unsigned long long)x->last.frame, report_file(r, x->first.capture));
    session_line(l, "Seen", title);
    char community[32];
    if (exchange_has_community_id(x))
        session_line(l, "Community", exchange_community_id(community, x));
    if (x->begun_before)
        session_line(l, "", "the capture began in its middle");
    if (x->type == CONVERSATION_RADIUS)
        print_radius(l, x);
    if (exchange_is_ike(x))
        report_session_ike(r, l, x);
    if (exchange_is_ppp(x))
        report_session_sstp(r, l, s, x);
    print_eap(r, l, x, &x->eap, false);
    if (x->has_inner)
        print_eap(r, l, x, &x->inner, true);
    print_ladder(r, l, s, x);
}

static void print_session(const struct report *r, const struct layout *l, const struct session *s)
{
    char title[SESSION_LINE], error[CLIENT_ERROR_TEXT];
    if (s->client_error != 0)
        snprintf(title, sizeof title, "Session %u: %s, client error %s (%s)", (unsigned)s->number,
                 outcome_name(s->outcome), client_error_text(error, s->client_error),
                 confidence_name(s->client_error_confidence));
    else
        snprintf(title, sizeof title, "Session %u: %s", (unsigned)s->number,
                 session_is_probes(s) ? "health probes" : outcome_name(s->outcome));
    layout_styled(l, s->outcome == OUTCOME_ESTABLISHED || session_is_probes(s) ? STYLE_GREEN : STYLE_RED, title);
    output_string(l->out, "\n");
    print_summary(r, l, s);
    for (size_t i = 0; i < s->exchange_count; i++)
        print_exchange(r, l, s, s->exchanges[i]);
    if (s->finding_count > 0)
        layout_heading(l, "FINDINGS");
    for (size_t i = 0; i < s->finding_count; i++) {
        if (i > 0)
            output_string(l->out, "\n");
        if (s->findings[i] < r->finding_count)
            report_finding_text(r, l, s->findings[i]);
    }
}

struct search {
    const struct report *report;
    struct output *out;
    bool found;
};

static bool visit(void *ctx, const struct session *s)
{
    struct search *search = ctx;
    const struct report *r = search->report;
    if (s->number != r->session)
        return true;
    search->found = true;
    struct layout l = {.out = search->out, .columns = r->columns, .colour = r->colour};
    print_session(r, &l, s);
    return false;
}

bool report_session(const struct report *r, struct output *out, bool *found)
{
    struct search search = {.report = r, .out = out};
    bool good = analysis_each_session(r->analysis, visit, &search);
    *found = search.found;
    return good;
}
