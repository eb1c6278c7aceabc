#include "analyze/report/report_json.h"

#include "dissect/crypto/digest.h"

#include <stdio.h>

static json_t *alerts_value(const struct tls_facts *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->alert_count && i < TLS_FACTS_ALERTS; i++) {
        const struct alert_fact *a = &t->alerts[i];
        char name[TLS_NAME_TEXT];
        json_t *o = json_object();
        json_put(o, "from", json_string(a->from_client ? "client" : "server"));
        json_put(o, "level", json_string(tls_alert_is_fatal(a) ? "fatal" : "warning"));
        json_put(o, "code", json_integer(a->code));
        json_put(o, "name", json_string(tls_alert_text(name, a->code)));
        if (a->place.frame != 0)
            json_put(o, "frame", json_count(a->place.frame));
        json_array_append_new(list, o);
    }
    return list;
}

static void hash_chain(const struct report *r, const struct chain *chain, json_t *list)
{
    uint8_t hash[DIGEST_MAX];
    for (size_t i = 0; chain != NULL && i < chain->count; i++)
        if (digest_compute(r->digests, DIGEST_SHA256, &chain->der[i], 1, hash))
            json_array_append_new(list, json_hex(hash, digest_size(DIGEST_SHA256)));
}

static json_t *chain_value(const struct report *r, uint32_t serial)
{
    json_t *list = json_array();
    const struct certificate *c;
    if (r->certificates == NULL) {
        hash_chain(r, chains_get(analysis_chains(r->analysis), serial), list);
        return list;
    }
    for (size_t i = 0; (c = certificates_of_chain(r->certificates, serial, i)) != NULL; i++)
        json_array_append_new(list, json_string(c->sha256));
    return list;
}

/* "h2,http/1.1" as sent in one list. */
static json_t *alpn_value(const struct exchange *x, struct text alpn)
{
    json_t *list = json_array();
    struct span rest = exchange_text(x, alpn);
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;
        json_array_append_new(list, json_text(span_of(rest.data, len)));
        len += comma != NULL;
        rest = span_of(rest.data + len, rest.len - len);
    }
    return list;
}

static json_t *tls_value(const struct report *r, const struct exchange *x, const struct tls_facts *t)
{
    if (!t->seen)
        return json_null();
    char suite[TLS_NAME_TEXT];
    const char *version = t->version != 0 ? tls_version_name(t->version) : NULL;
    json_t *o = json_object(), *hidden = json_array();
    json_put(o, "version", json_c_text(version));
    json_put(o, "cipher", t->server_hello ? json_string(tls_suite_text(suite, t->cipher_suite)) : json_null());
    json_put(o, "sni", json_text_or_null(x, t->sni));
    json_put(o, "alpn", alpn_value(x, t->alpn));
    json_put(o, "ja3", t->ja3[0] != '\0' ? json_c_text(t->ja3) : json_null());
    json_put(o, "ja4", t->ja4[0] != '\0' ? json_c_text(t->ja4) : json_null());
    json_put(o, "client_random", t->client_hello ? json_hex(t->random, sizeof t->random) : json_null());
    json_put(o, "resumed", json_boolean(t->resumed));
    json_put(o, "decrypted", json_boolean(t->decrypted));
    json_put(o, "server_certificates", chain_value(r, t->server_chain));
    json_put(o, "client_certificates", chain_value(r, t->client_chain));
    json_put(o, "alerts", alerts_value(t));
    if (t->client_encrypted_alert)
        json_array_append_new(hidden, json_string("client"));
    if (t->server_encrypted_alert)
        json_array_append_new(hidden, json_string("server"));
    json_put(o, "encrypted_alerts_from", hidden);
    return o;
}

static json_t *eap_value(const struct report *r, const struct exchange *x, const struct eap_facts *e)
{
    static const char *const results[] = {
        [EAP_RESULT_NONE] = "none", [EAP_RESULT_SUCCESS] = "success", [EAP_RESULT_FAILURE] = "failure"};
    char name[METHOD_TEXT];
    json_t *o = json_object(), *methods = json_array(), *nak = json_array();
    json_put(o, "identity", json_text_or_null(x, e->identity));
    for (size_t i = 0; i < e->method_count && i < EXCHANGE_METHODS_MAX; i++)
        json_array_append_new(methods, json_string(eap_type_text(name, e->methods[i])));
    json_put(o, "methods", methods);
    eap_facts_method(name, e);
    json_put(o, "method", name[0] != '\0' ? json_string(name) : json_null());
    for (size_t i = 0; i < e->nak_count && i < EAP_NAK_MAX; i++)
        json_array_append_new(nak, json_string(e->nak[i] == 0 ? "none" : eap_type_text(name, e->nak[i])));
    json_put(o, "nak", nak);
    json_put(o, "result", json_string(results[e->result]));
    json_put(o, "fragments", json_count(e->fragments));
    json_put(o, "tls", tls_value(r, x, &e->tls));
    json_put(o, "inner", json_null());
    json_put(o, "error", json_text_or_null(x, e->error));
    return o;
}

static json_t *radius_value(const struct exchange *x)
{
    static const char *const checks[] = {[RADIUS_CHECK_ABSENT] = "absent",
                                         [RADIUS_CHECK_UNCHECKED] = "unchecked",
                                         [RADIUS_CHECK_VALID] = "valid",
                                         [RADIUS_CHECK_INVALID] = "invalid"};
    const struct radius_facts *f = &x->radius;
    char number[32], address[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "nas_address",
             f->nas_address.family != FAMILY_NONE ? json_string(address_text(address, &f->nas_address)) : json_null());
    json_put(o, "nas_identifier", json_text_or_null(x, f->nas_identifier));
    json_put(o, "calling_station", json_text_or_null(x, f->calling_station));
    json_put(o, "called_station", json_text_or_null(x, f->called_station));
    json_put(o, "user", json_text_or_null(x, f->user));
    const char *tunnel = f->tunnel_type != UINT32_MAX ? radius_tunnel_type_name(f->tunnel_type) : NULL;
    if (tunnel == NULL)
        snprintf(number, sizeof number, "%u", (unsigned)f->tunnel_type);
    json_put(o, "tunnel_type",
             f->tunnel_type == UINT32_MAX ? json_null() : json_c_text(tunnel != NULL ? tunnel : number));
    json_put(o, "tunnel_client_endpoint", json_text_or_null(x, f->tunnel_client_endpoint));
    json_put(o, "requests", json_count(f->requests));
    json_put(o, "challenges", json_count(f->challenges));
    json_put(o, "retransmissions", json_count(f->retransmissions));
    json_put(o, "final", f->final != 0 ? json_c_text(radius_code_name(f->final)) : json_null());
    json_put(o, "response_ms", f->responses > 0 ? json_milliseconds(f->response_max_ns) : json_null());
    json_put(o, "response_mean_ms",
             f->responses > 0 ? json_milliseconds(f->response_sum_ns / f->responses) : json_null());
    json_put(o, "login_ms", json_milliseconds(f->final_ns));
    json_put(o, "message_authenticator", json_string(checks[f->message_authenticator]));
    json_put(o, "reply_message", json_text_or_null(x, f->reply_message));
    return o;
}

static json_t *ladder_value(const struct report *r, const struct exchange *x)
{
    json_t *list = json_array();
    struct ladder_entry entry;
    struct span what;
    for (size_t i = 0; exchange_ladder(x, i, &entry, &what); i++) {
        json_t *o = json_object();
        json_put(o, "capture", json_integer(entry.place.capture));
        json_put(o, "frame", json_count(entry.place.frame));
        json_put(o, "time", json_time(r, entry.place.time_ns, entry.place.capture));
        json_put(o, "from", json_string(entry.dir == TO_SERVER ? "client" : "server"));
        json_put(o, "what", json_text(what));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *json_exchange(const struct report *r, const struct session *s, const struct exchange *x, bool with_ladder)
{
    json_t *o = json_object(), *seen = json_array();
    json_put(o, "id", json_integer(x->id));
    json_put(o, "type", json_string(exchange_type_name(x)));
    for (size_t i = 0; i < x->capture_count && i < EXCHANGE_CAPTURES_MAX; i++)
        json_array_append_new(seen, json_integer(x->captures[i]));
    json_put(o, "seen_in", seen);
    json_put(o, "first_frame", json_count(x->first.frame));
    json_put(o, "last_frame", json_count(x->last.frame));
    json_put(o, "packets", json_count(x->packets));
    json_put(o, "started", json_time(r, x->first.time_ns, x->first.capture));
    json_put(o, "ended", json_time(r, x->last.time_ns, x->last.capture));
    char community[32];
    json_put(o, "client", json_endpoint(&x->client));
    json_put(o, "community_id",
             exchange_has_community_id(x) ? json_string(exchange_community_id(community, x)) : json_null());
    json_put(o, "server", json_endpoint(&x->server));
    json_put(o, "outcome", json_string(outcome_name(x->outcome)));
    json_put(o, "tls", x->type == CONVERSATION_SSTP ? tls_value(r, x, &x->sstp.tls) : json_null());
    json_t *eap = x->eap.seen ? eap_value(r, x, &x->eap) : json_null();
    if (x->eap.seen && x->has_inner)
        json_put(eap, "inner", eap_value(r, x, &x->inner));
    json_put(o, "eap", eap);
    json_put(o, "radius", x->type == CONVERSATION_RADIUS ? radius_value(x) : json_null());
    json_put(o, "ike", exchange_is_ike(x) ? json_ike(r, x) : json_null());
    json_put(o, "sstp", x->type == CONVERSATION_SSTP && x->sstp.kind != SSTP_KIND_OTHER ? json_sstp(s, x) : json_null());
    if (exchange_is_ppp(x))
        json_put(o, "ppp", x->sstp.has_ppp ? json_ppp(x) : json_null());
    if (x->type == CONVERSATION_SSTP)
        json_put(o, "tcp", json_tcp(x));
    if (with_ladder)
        json_put(o, "ladder", ladder_value(r, x));
    return o;
}

/* Address and port of who connects; a Calling-Station-Id may be something else than an address. */
static json_t *client_value(const struct session *s)
{
    char room[ENDPOINT_TEXT];
    json_t *o = json_object();
    json_put(o, "address", json_text(session_client(s, room)));
    json_put(o, "port", json_null());
    return o;
}

json_t *json_session(const struct report *r, const struct session *s)
{
    struct span user = session_user(s);
    struct place first = session_first(s), last = session_last(s);
    const struct exchange *nearest = s->exchanges[0];
    struct address backend;
    char address[ADDRESS_TEXT];
    json_t *o = json_object(), *exchanges = json_array(), *findings = json_array();
    json_put(o, "id", json_integer(s->number));
    json_put(o, "protocol", json_string(exchange_protocol_name(nearest)));
    json_put(o, "user", user.len > 0 ? json_text(user) : json_null());
    json_put(o, "client", client_value(s));
    json_put(o, "backend", session_backend(s, &backend) ? json_string(address_text(address, &backend)) : json_null());
    json_put(o, "started", json_time(r, first.time_ns, first.capture));
    json_put(o, "ended", json_time(r, last.time_ns, last.capture));
    json_put(o, "outcome", json_string(outcome_name(s->outcome)));
    json_t *error = json_null();
    if (s->client_error != 0) {
        error = json_object();
        json_put(error, "code", json_integer(s->client_error));
        json_put(error, "confidence", json_string(confidence_name(s->client_error_confidence)));
    }
    json_put(o, "client_error", error);
    for (size_t i = 0; i < s->exchange_count; i++)
        json_array_append_new(exchanges, json_exchange(r, s, s->exchanges[i], r->session != 0));
    json_put(o, "exchanges", exchanges);
    for (size_t i = 0; i < s->finding_count; i++)
        json_array_append_new(findings, json_integer(s->findings[i]));
    json_put(o, "findings", findings);
    return o;
}
