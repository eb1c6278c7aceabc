#include "analyze/session/judge.h"

int64_t judge_quiet_ns(const struct exchange *x)
{
    return x->capture_last_ns > x->last.time_ns ? x->capture_last_ns - x->last.time_ns : 0;
}

/* Alerts of a client that can only be about the handshake's parameters, not about the certificate. */
static bool is_parameter_alert(uint8_t code)
{
    return code == 0 || code == 10 || code == 20 || code == 22 || code == 40 || code == 41 || code == 47 ||
           code == 50 || code == 70 || code == 71 || code == 86 || code == 90 || code == 100 || code == 109 ||
           code == 110 || code == 120;
}

static bool went_on(const struct tls_facts *t)
{
    return t->client_key_exchange || t->client_finished || t->data_from_client || t->client_certificate;
}

/* Before TLS 1.3 a client may warn and go on all the same. */
const struct alert_fact *judge_certificate_alert(const struct tls_facts *t)
{
    for (size_t i = 0; i < t->alert_count; i++) {
        const struct alert_fact *a = &t->alerts[i];
        bool refuses = a->level == 2 || t->version == 0x0304 || !went_on(t);
        if (a->from_client && refuses && !is_parameter_alert(a->code))
            return a;
    }
    return NULL;
}

const struct alert_fact *judge_server_alert(const struct tls_facts *t)
{
    for (size_t i = t->alert_count; i-- > 0;)
        if (!t->alerts[i].from_client && t->alerts[i].level == 2)
            return &t->alerts[i];
    return NULL;
}

/* The server's certificate must have been in what was seen, readable or not. */
static bool certificate_passed(const struct tls_facts *t)
{
    if (t->certificate_seen)
        return true;
    return t->server_hello && !t->resumed && t->version == 0x0304;
}

enum client_answer judge_client_answer(const struct exchange *x, const struct alert_fact **alert)
{
    const struct tls_facts *t = &x->eap.tls;
    *alert = NULL;
    if (x->outcome == OUTCOME_ESTABLISHED)
        return certificate_passed(t) ? ANSWER_ACCEPTED : ANSWER_NO_CERTIFICATE;
    if ((*alert = judge_certificate_alert(t)) != NULL && (t->server_hello || judge_alert_error((*alert)->code) != 0))
        return ANSWER_ALERT;
    *alert = NULL;
    /* A resumed session showed no certificate that could be refused. */
    if (t->resumed && !t->certificate_seen)
        return ANSWER_NO_CERTIFICATE;
    /* After the tunnel carried data of the client, an alert is no answer to the outer certificate any more. */
    if (t->client_encrypted_alert && !t->data_from_client)
        return ANSWER_ENCRYPTED_ALERT;
    if (!certificate_passed(t))
        return ANSWER_NO_CERTIFICATE;
    if (went_on(t))
        return ANSWER_ACCEPTED;
    bool whole = t->server_hello_done || (t->version == 0x0304 && !x->eap_state.server_flight_partial);
    if (whole && !x->last_from_client && x->close_reason != CLOSE_EVICTED && judge_quiet_ns(x) >= JUDGE_SILENT_NS)
        return ANSWER_SILENT;
    return ANSWER_UNKNOWN;
}

enum client_answer judge_inner_answer(const struct exchange *x, const struct alert_fact **alert)
{
    const struct tls_facts *t = &x->inner.tls;
    *alert = NULL;
    if (!x->has_inner || !t->certificate_seen)
        return ANSWER_NO_CERTIFICATE;
    if (x->outcome == OUTCOME_ESTABLISHED)
        return ANSWER_ACCEPTED;
    if ((*alert = judge_certificate_alert(t)) != NULL)
        return ANSWER_ALERT;
    if (t->client_encrypted_alert && !t->data_from_client)
        return ANSWER_ENCRYPTED_ALERT;
    return went_on(t) ? ANSWER_ACCEPTED : ANSWER_UNKNOWN;
}

bool judge_client_refused(const struct exchange *x)
{
    const struct alert_fact *alert;
    enum client_answer answer = judge_client_answer(x, &alert);
    return answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT;
}

bool judge_tunnel_up(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (!t->server_hello || judge_client_refused(x))
        return false;
    if (t->client_finished && t->server_finished)
        return true;
    return t->data_from_client && t->data_from_server;
}

uint32_t judge_alert_error(uint8_t code)
{
    switch (code) {
    case 48: /* unknown_ca */
    case 49: /* access_denied: root not pinned, or name not in ServerNames */
        return 864;
    case 44: /* certificate_revoked */
        return 859;
    case 45: /* certificate_expired */
        return 858;
    case 42: /* bad_certificate */
    case 43: /* unsupported_certificate */
    case 46: /* certificate_unknown */
        return 857;
    default:
        return 0;
    }
}
