#include "analyze/report/report.h"

#include "analyze/report/sstp_words.h"
#include "analyze/session/ike_lengths.h"

#include <stdio.h>

#include "dissect/net/flow.h"

enum { DIGITS_DEFAULT = 6, YEAR_LENGTH = 5 /* "2026-" */ };
#define DAY_NS (INT64_C(86400) * 1000000000)

bool report_begin(struct report *r, struct analysis *a)
{
    *r = (struct report){.analysis = a, .columns = LAYOUT_COLUMNS};
    r->captures = analysis_captures(a, &r->capture_count);
    r->findings = analysis_findings(a, &r->finding_count);
    r->certificates = certificates_new(analysis_chains(a));
    int64_t first = 0, last = 0;
    r->dates = report_span(r, &first, &last) && first / DAY_NS != last / DAY_NS;
    return r->certificates != NULL;
}

void report_end(struct report *r)
{
    struct certificates *own = (struct certificates *)(uintptr_t)r->certificates;
    certificates_free(own);
    r->certificates = NULL;
}

unsigned report_digits(const struct report *r, uint32_t capture)
{
    unsigned digits = 0;
    if (capture >= r->capture_count)
        return DIGITS_DEFAULT;
    const struct source_info *info = &r->captures[capture].info;
    for (size_t i = 0; i < info->interface_count; i++)
        if (info->interfaces[i].time_digits > digits)
            digits = info->interfaces[i].time_digits;
    return info->interface_count == 0 ? DIGITS_DEFAULT : digits;
}

const char *report_file(const struct report *r, uint32_t capture)
{
    const char *path = capture < r->capture_count ? r->captures[capture].info.path : "?";
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static bool has_times(const struct source_info *info)
{
    return info->packets > info->filtered && (info->first_ns != 0 || info->last_ns != 0);
}

bool report_span(const struct report *r, int64_t *first_ns, int64_t *last_ns)
{
    bool any = false;
    for (size_t i = 0; i < r->capture_count; i++) {
        const struct source_info *info = &r->captures[i].info;
        if (!has_times(info))
            continue;
        if (!any || info->first_ns < *first_ns)
            *first_ns = info->first_ns;
        if (!any || info->last_ns > *last_ns)
            *last_ns = info->last_ns;
        any = true;
    }
    return any;
}

const char *report_clock(const struct report *r, char out[static TIME_TEXT], struct place p, unsigned digits)
{
    char whole[TIME_TEXT];
    if (p.time_ns == 0)
        snprintf(out, TIME_TEXT, "no time");
    else if (r->dates)
        snprintf(out, TIME_TEXT, "%s", time_readable(whole, p.time_ns, digits) + YEAR_LENGTH);
    else
        time_of_day(out, p.time_ns, digits);
    return out;
}

struct place session_first(const struct session *s)
{
    struct place first = s->exchanges[0]->first;
    for (size_t i = 1; i < s->exchange_count; i++)
        if (s->exchanges[i]->first.time_ns < first.time_ns)
            first = s->exchanges[i]->first;
    return first;
}

struct place session_last(const struct session *s)
{
    struct place last = s->exchanges[0]->last;
    for (size_t i = 1; i < s->exchange_count; i++)
        if (s->exchanges[i]->last.time_ns > last.time_ns)
            last = s->exchanges[i]->last;
    return last;
}

static struct span exchange_user(const struct exchange *x)
{
    if (x->has_inner && x->inner.identity.len > 0)
        return exchange_text(x, x->inner.identity);
    if (x->radius.user.len > 0)
        return exchange_text(x, x->radius.user);
    if (x->eap.identity.len > 0)
        return exchange_text(x, x->eap.identity);
    if (exchange_is_ppp(x))
        return span_of(x->sstp.ppp.user, x->sstp.ppp.user_len);
    return exchange_is_ike(x) ? exchange_text(x, x->ike.initiator_id) : span_of(NULL, 0);
}

struct span session_user(const struct session *s)
{
    struct span user = exchange_user(s->main);
    for (size_t i = 0; user.len == 0 && i < s->exchange_count; i++)
        user = exchange_user(s->exchanges[i]);
    return user;
}

struct span session_client(const struct session *s, char room[static ENDPOINT_TEXT])
{
    const struct exchange *x = s->exchanges[0];
    if (x->radius.tunnel_client_endpoint.len > 0)
        return exchange_text(x, x->radius.tunnel_client_endpoint);
    if (x->radius.calling_station.len > 0)
        return exchange_text(x, x->radius.calling_station);
    /* A PROXY header is the load balancer's word; a line inside TLS may be anybody's. */
    const struct endpoint *hidden = sstp_hidden_client(x);
    bool trusted = hidden != NULL && (x->sstp.proxy_seen || x->sstp.carrier == SSTP_CARRIER_CLEAR);
    address_text(room, trusted ? &hidden->address : &x->client.address);
    return span_of(room, strlen(room));
}

bool session_backend(const struct session *s, struct address *out)
{
    const struct exchange *nearest = s->exchanges[0];
    if (s->tunnel != NULL)
        *out = s->tunnel->server.address;
    else if (nearest->type == CONVERSATION_RADIUS)
        *out = nearest->client.address;
    else
        return false;
    return true;
}

const char *eap_type_text(char out[static METHOD_TEXT], uint8_t type)
{
    const char *name = eap_type_name(type);
    if (name != NULL)
        snprintf(out, METHOD_TEXT, "%s", name);
    else
        snprintf(out, METHOD_TEXT, "EAP type %u", type);
    return out;
}

const char *eap_facts_method(char out[static METHOD_TEXT], const struct eap_facts *e)
{
    static const char *const ttls[] = {[TTLS_PAP] = "PAP",
                                       [TTLS_CHAP] = "CHAP",
                                       [TTLS_MSCHAP] = "MS-CHAP",
                                       [TTLS_MSCHAPV2] = "MS-CHAPv2",
                                       [TTLS_MSCHAPV2_RESULT] = "MS-CHAPv2"};
    out[0] = '\0';
    if (e->method != 0)
        eap_type_text(out, e->method);
    else if (e->ttls_method > 0 && e->ttls_method <= sizeof ttls / sizeof ttls[0])
        snprintf(out, METHOD_TEXT, "%s", ttls[e->ttls_method - 1]);
    return out;
}

/* What the shape of an association tells where its EAP is not read. */
static const char *ike_method(const struct exchange *x)
{
    if (x->type == CONVERSATION_IKE1)
        return "IKEv1";
    switch (ike_tunnel_of(&x->ike)) {
    case IKE_TUNNEL_USER:
        return "IKEv2, EAP";
    case IKE_TUNNEL_DEVICE:
        return "IKEv2, no EAP";
    case IKE_TUNNEL_UNKNOWN:
        break;
    }
    return "IKEv2";
}

/* "SSTP, PEAP, EAP-MSCHAPv2", and where it stopped. What the tunnel hides, the RADIUS login behind it may tell. */
static const char *ppp_session_method(char out[static METHOD_TEXT], const struct session *s, const struct exchange *x)
{
    char where[SSTP_WHERE], method[SSTP_METHOD], inner[METHOD_TEXT] = "", all[SSTP_METHOD];
    const struct exchange *told = x->has_inner || s->main->eap.method == 0 ? x : s->main;
    ppp_method(method, x);
    if (method[0] == '\0' && told != x)
        eap_facts_method(method, &told->eap);
    if (told->has_inner)
        eap_facts_method(inner, &told->inner);
    snprintf(all, sizeof all, "%.40s%s%.40s", method, inner[0] != '\0' ? ", " : "", inner);
    snprintf(out, METHOD_TEXT, "%s", sstp_where(where, x, all));
    return out;
}

const char *session_method(char out[static METHOD_TEXT], const struct session *s)
{
    char outer[METHOD_TEXT], inner[METHOD_TEXT] = "";
    const struct exchange *x = s->main;
    if (session_ppp(s) != NULL)
        return ppp_session_method(out, s, session_ppp(s));
    eap_facts_method(outer, &x->eap);
    if (outer[0] == '\0' && exchange_is_ike(x))
        snprintf(outer, sizeof outer, "%s", ike_method(x));
    if (x->has_inner)
        eap_facts_method(inner, &x->inner);
    if (outer[0] == '\0' && !x->eap.seen)
        snprintf(outer, sizeof outer, "%s",
                 x->radius.pap        ? "PAP"
                 : x->radius.mschapv2 ? "MS-CHAPv2"
                 : x->radius.mschap   ? "MS-CHAP"
                 : x->radius.chap     ? "CHAP"
                                      : "");
    snprintf(out, METHOD_TEXT, "%.40s%s%.40s", outer, inner[0] != '\0' ? ", " : "", inner);
    return out;
}

const char *tls_suite_text(char out[static TLS_NAME_TEXT], uint16_t suite)
{
    const char *name = tls_cipher_suite_name(suite);
    if (name != NULL)
        snprintf(out, TLS_NAME_TEXT, "%s", name);
    else
        snprintf(out, TLS_NAME_TEXT, "0x%04x", suite);
    return out;
}

const char *tls_alert_text(char out[static TLS_NAME_TEXT], uint8_t code)
{
    const char *name = tls_alert_name(code);
    if (name != NULL)
        snprintf(out, TLS_NAME_TEXT, "%s", name);
    else
        snprintf(out, TLS_NAME_TEXT, "alert %u", code);
    return out;
}

bool tls_alert_is_fatal(const struct alert_fact *a)
{
    enum { WARNING = 1, FATAL = 2, CLOSE_NOTIFY = 0, USER_CANCELED = 90, NO_RENEGOTIATION = 100 };
    if (a->level == WARNING || a->level == FATAL)
        return a->level == FATAL;
    return a->code != CLOSE_NOTIFY && a->code != USER_CANCELED && a->code != NO_RENEGOTIATION;
}

const char *exchange_protocol_name(const struct exchange *x)
{
    static const char *const names[] = {
        [CONVERSATION_RADIUS] = "radius", [CONVERSATION_EAPOL] = "eapol", [CONVERSATION_IKE] = "ikev2",
        [CONVERSATION_IKE1] = "ikev1",    [CONVERSATION_SSTP] = "sstp",   [CONVERSATION_L2TP] = "l2tp",
        [CONVERSATION_PPTP] = "pptp"};
    return names[x->type];
}

const char *exchange_type_name(const struct exchange *x)
{
    if (x->type == CONVERSATION_SSTP && x->sstp.kind == SSTP_KIND_PROBE)
        return "probe";
    return x->type == CONVERSATION_SSTP && x->sstp.kind == SSTP_KIND_OTHER ? "tls" : exchange_protocol_name(x);
}

bool exchange_has_community_id(const struct exchange *x)
{
    return x->type != CONVERSATION_EAPOL && x->type != CONVERSATION_PPTP;
}

const char *exchange_community_id(char out[static 32], const struct exchange *x)
{
    return flow_community_id(out, &x->client, &x->server, x->type == CONVERSATION_SSTP ? IP_PROTO_TCP : IP_PROTO_UDP);
}
