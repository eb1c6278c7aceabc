#include "analyze/report/report_json.h"

static void put_alerts(struct json_writer *w, const char *key, const struct tls_facts *t)
{
    json_put_array(w, key);
    for (size_t i = 0; i < t->alert_count && i < EXCHANGE_ALERTS_MAX; i++) {
        const struct alert_fact *a = &t->alerts[i];
        char name[TLS_NAME_TEXT];
        json_put_object(w, NULL);
        json_put_string(w, "from", a->from_client ? "client" : "server");
        json_put_string(w, "level", tls_alert_is_fatal(a) ? "fatal" : "warning");
        json_put_integer(w, "code", a->code);
        json_put_string(w, "name", tls_alert_text(name, a->code));
        if (a->place.frame != 0)
            json_put_count(w, "frame", a->place.frame);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_chain(struct json_writer *w, const char *key, const struct report *r, uint32_t serial)
{
    const struct certificate *c;
    json_put_array(w, key);
    for (size_t i = 0; (c = certificates_of_chain(r->certificates, serial, i)) != NULL; i++)
        json_put_string(w, NULL, c->sha256);
    json_end_array(w);
}

/* "h2,http/1.1" as sent in one list. */
static void put_alpn(struct json_writer *w, const char *key, const struct exchange *x, struct text alpn)
{
    struct span rest = exchange_text(x, alpn);
    json_put_array(w, key);
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;
        json_put_text(w, NULL, span_of(rest.data, len));
        len += comma != NULL;
        rest = span_of(rest.data + len, rest.len - len);
    }
    json_end_array(w);
}

static void put_tls(struct json_writer *w, const char *key, const struct report *r, const struct exchange *x,
                    const struct tls_facts *t)
{
    char suite[TLS_NAME_TEXT];
    if (!t->seen) {
        json_put_null(w, key);
        return;
    }
    json_put_object(w, key);
    json_put_string(w, "version", t->version != 0 ? tls_version_name(t->version) : NULL);
    json_put_string(w, "cipher", t->server_hello ? tls_suite_text(suite, t->cipher_suite) : NULL);
    json_put_fact(w, "sni", x, t->sni);
    put_alpn(w, "alpn", x, t->alpn);
    json_put_string(w, "ja3", t->ja3[0] != '\0' ? t->ja3 : NULL);
    json_put_string(w, "ja4", t->ja4[0] != '\0' ? t->ja4 : NULL);
    if (t->client_hello)
        json_put_hex(w, "client_random", t->random, sizeof t->random);
    else
        json_put_null(w, "client_random");
    json_put_flag(w, "resumed", t->resumed);
    json_put_flag(w, "decrypted", t->decrypted);
    put_chain(w, "server_certificates", r, t->server_chain);
    put_chain(w, "client_certificates", r, t->client_chain);
    put_alerts(w, "alerts", t);
    json_put_array(w, "encrypted_alerts_from");
    if (t->client_encrypted_alert)
        json_put_string(w, NULL, "client");
    if (t->server_encrypted_alert)
        json_put_string(w, NULL, "server");
    json_end_array(w);
    json_end_object(w);
}

/* inner: what runs inside e's tunnel, NULL without. */
static void put_eap(struct json_writer *w, const char *key, const struct report *r, const struct exchange *x,
                    const struct eap_facts *e, const struct eap_facts *inner)
{
    static const char *const results[] = {
        [EAP_RESULT_NONE] = "none", [EAP_RESULT_SUCCESS] = "success", [EAP_RESULT_FAILURE] = "failure"};
    char name[METHOD_TEXT];
    json_put_object(w, key);
    json_put_fact(w, "identity", x, e->identity);
    json_put_array(w, "methods");
    for (size_t i = 0; i < e->method_count && i < EXCHANGE_METHODS_MAX; i++)
        json_put_string(w, NULL, eap_type_text(name, e->methods[i]));
    json_end_array(w);
    eap_facts_method(name, e);
    json_put_string(w, "method", name[0] != '\0' ? name : NULL);
    json_put_array(w, "nak");
    for (size_t i = 0; i < e->nak_count && i < EAP_NAK_MAX; i++)
        json_put_string(w, NULL, e->nak[i] == 0 ? "none" : eap_type_text(name, e->nak[i]));
    json_end_array(w);
    json_put_string(w, "result", results[e->result]);
    json_put_count(w, "fragments", e->fragments);
    put_tls(w, "tls", r, x, &e->tls);
    if (inner != NULL)
        put_eap(w, "inner", r, x, inner, NULL);
    else
        json_put_null(w, "inner");
    json_put_fact(w, "error", x, e->error);
    json_end_object(w);
}

static void put_tunnel_type(struct json_writer *w, const char *key, uint32_t type)
{
    char number[16];
    const char *name = type != UINT32_MAX ? radius_tunnel_type_name(type) : NULL;
    snprintf(number, sizeof number, "%u", (unsigned)type);
    json_put_string(w, key, type == UINT32_MAX ? NULL : name != NULL ? name : number);
}

static void put_radius(struct json_writer *w, const char *key, const struct exchange *x)
{
    static const char *const checks[] = {[RADIUS_CHECK_ABSENT] = "absent",
                                         [RADIUS_CHECK_UNCHECKED] = "unchecked",
                                         [RADIUS_CHECK_VALID] = "valid",
                                         [RADIUS_CHECK_INVALID] = "invalid"};
    const struct radius_facts *f = &x->radius;
    bool answered = f->responses > 0;
    char nas[ADDRESS_TEXT];
    json_put_object(w, key);
    json_put_string(w, "nas_address", f->nas_address.family != FAMILY_NONE ? address_text(nas, &f->nas_address) : NULL);
    json_put_fact(w, "nas_identifier", x, f->nas_identifier);
    json_put_fact(w, "calling_station", x, f->calling_station);
    json_put_fact(w, "called_station", x, f->called_station);
    json_put_fact(w, "user", x, f->user);
    put_tunnel_type(w, "tunnel_type", f->tunnel_type);
    json_put_fact(w, "tunnel_client_endpoint", x, f->tunnel_client_endpoint);
    json_put_count(w, "requests", f->requests);
    json_put_count(w, "challenges", f->challenges);
    json_put_count(w, "retransmissions", f->retransmissions);
    json_put_string(w, "final", f->final != 0 ? radius_code_name(f->final) : NULL);
    json_put_milliseconds(w, "response_ms", answered ? f->response_max_ns : -1);
    json_put_milliseconds(w, "response_mean_ms", answered ? f->response_sum_ns / f->responses : -1);
    json_put_milliseconds(w, "login_ms", f->final_ns);
    json_put_string(w, "message_authenticator", checks[f->message_authenticator]);
    json_put_fact(w, "reply_message", x, f->reply_message);
    json_end_object(w);
}

static void put_ladder(struct json_writer *w, const char *key, const struct report *r, const struct exchange *x)
{
    struct ladder_entry entry;
    struct span what;
    json_put_array(w, key);
    for (size_t i = 0; exchange_ladder(x, i, &entry, &what); i++) {
        json_put_object(w, NULL);
        json_put_integer(w, "capture", entry.place.capture);
        json_put_count(w, "frame", entry.place.frame);
        json_put_time(w, "time", r, entry.place.time_ns, entry.place.capture);
        json_put_string(w, "from", entry.dir == TO_SERVER ? "client" : "server");
        json_put_text(w, "what", what);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_endpoint(struct json_writer *w, const char *key, const struct endpoint *e)
{
    char text[ADDRESS_TEXT];
    json_put_object(w, key);
    json_put_string(w, "address", address_text(text, &e->address));
    if (e->port != 0)
        json_put_integer(w, "port", e->port);
    else
        json_put_null(w, "port");
    json_end_object(w);
}

void json_put_exchange(struct json_writer *w, const struct report *r, const struct exchange *x, bool with_ladder)
{
    json_put_object(w, NULL);
    json_put_integer(w, "id", x->id);
    json_put_string(w, "type", exchange_type_name(x));
    json_put_array(w, "seen_in");
    for (size_t i = 0; i < x->capture_count && i < EXCHANGE_CAPTURES_MAX; i++)
        json_put_integer(w, NULL, x->captures[i]);
    json_end_array(w);
    json_put_count(w, "first_frame", x->first.frame);
    json_put_count(w, "last_frame", x->last.frame);
    json_put_count(w, "packets", x->packets);
    json_put_time(w, "started", r, x->first.time_ns, x->first.capture);
    json_put_time(w, "ended", r, x->last.time_ns, x->last.capture);
    put_endpoint(w, "client", &x->client);
    put_endpoint(w, "server", &x->server);
    json_put_string(w, "outcome", outcome_name(x->outcome));
    json_put_null(w, "tls"); /* of the exchange itself; EAP's stands under eap */
    if (x->eap.seen)
        put_eap(w, "eap", r, x, &x->eap, x->has_inner ? &x->inner : NULL);
    else
        json_put_null(w, "eap");
    if (x->type == CONVERSATION_RADIUS)
        put_radius(w, "radius", x);
    else
        json_put_null(w, "radius");
    json_put_null(w, "ike");
    json_put_null(w, "sstp");
    if (with_ladder)
        put_ladder(w, "ladder", r, x);
    json_end_object(w);
}

/* Address and port of who connects; a Calling-Station-Id may be something else than an address. */
static void put_client(struct json_writer *w, const char *key, const struct session *s)
{
    char room[ENDPOINT_TEXT];
    json_put_object(w, key);
    json_put_text(w, "address", session_client(s, room));
    json_put_null(w, "port");
    json_end_object(w);
}

static void put_client_error(struct json_writer *w, const char *key, const struct session *s)
{
    if (s->client_error == 0) {
        json_put_null(w, key);
        return;
    }
    json_put_object(w, key);
    json_put_integer(w, "code", s->client_error);
    json_put_string(w, "confidence", confidence_name(s->client_error_confidence));
    json_end_object(w);
}

void json_put_session(struct json_writer *w, const struct report *r, const struct session *s)
{
    struct span user = session_user(s);
    struct place first = session_first(s), last = session_last(s);
    const struct exchange *nearest = s->exchanges[0];
    char address[ADDRESS_TEXT];
    json_put_object(w, NULL);
    json_put_integer(w, "id", s->number);
    json_put_string(w, "protocol", exchange_type_name(nearest));
    if (user.len > 0)
        json_put_text(w, "user", user);
    else
        json_put_null(w, "user");
    put_client(w, "client", s);
    json_put_string(w, "backend",
                    nearest->type == CONVERSATION_RADIUS ? address_text(address, &nearest->client.address) : NULL);
    json_put_time(w, "started", r, first.time_ns, first.capture);
    json_put_time(w, "ended", r, last.time_ns, last.capture);
    json_put_string(w, "outcome", outcome_name(s->outcome));
    put_client_error(w, "client_error", s);
    json_put_array(w, "exchanges");
    for (size_t i = 0; i < s->exchange_count; i++)
        json_put_exchange(w, r, s->exchanges[i], r->session != 0);
    json_end_array(w);
    json_put_array(w, "findings");
    for (size_t i = 0; i < s->finding_count; i++)
        json_put_integer(w, NULL, s->findings[i]);
    json_end_array(w);
    json_end_object(w);
}
