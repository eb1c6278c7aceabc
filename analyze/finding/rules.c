#include "analyze/finding/rules.h"

#include "analyze/finding/rules_ike.h"
#include "analyze/finding/rules_sstp.h"

/* The association itself, also where the RADIUS login behind it decides what the session came to. */
static void rules_ike(struct findings *out, const struct rule_input *in, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        if (!exchange_is_ike(x))
            continue;
        struct ike_judgement j = judge_ike(x);
        bool told =
            session_reason_behind(s, x) != NULL &&
            (j.end == IKE_END_EAP_CLIENT_REFUSED || j.end == IKE_END_EAP_FAILED || j.end == IKE_END_EAP_STALLED);
        rules_ike_init(out, in, x, j);
        rules_ike_auth(out, in, x, j);
        rules_ike1(out, x, j);
        if (!told) /* the login behind it says more of its EAP than lengths do */
            rules_ike_end(out, in, x, j);
    }
}

/* The connection itself, likewise. What is a probe, or no SSTP at all, is nobody's attempt. */
static void rules_sstp(struct findings *out, const struct rule_input *in, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        bool sstp = x->type == CONVERSATION_SSTP;
        if (!exchange_is_ppp(x) || (sstp && (x->sstp.kind == SSTP_KIND_PROBE || x->sstp.kind == SSTP_KIND_OTHER)))
            continue;
        if (sstp && rule_sstp_elsewhere(in, x))
            continue;
        struct sstp_judgement j = judge_sstp(x);
        bool told = session_reason_behind(s, x) != NULL &&
                    (j.end == SSTP_END_PPP_AUTHENTICATION || j.end == SSTP_END_PPP_SILENT || j.end == SSTP_END_LEFT);
        if (sstp && rules_sstp_lost(out, in, x, j))
            continue;
        if (sstp) {
            rules_sstp_connect(out, in, x, j);
            rules_sstp_tls(out, in, x, j);
            rules_sstp_call(out, in, x, j);
            rules_sstp_binding(out, in, s, x, j);
        }
        if (told) /* by the login behind it */
            continue;
        if (sstp)
            rules_sstp_lengths(out, in, x, j);
        rules_ppp(out, in, x, j);
    }
}

void rules_session(struct findings *out, const struct rule_input *in, const struct session *s)
{
    rules_certificate(out, in, s);
    rules_vpn_certificate(out, in, s);
    rules_sstp_intercepted(out, in, s);
    rules_sstp_certificate(out, in, s);
    rules_certificate_unseen(out, in, s);
    rules_client_answer(out, in, s);
    rules_eap(out, in, s);
    rules_radius(out, in, s);
    rules_ike(out, in, s);
    rules_sstp(out, in, s);
}

/* An established login whose outer handshake is known from its beginning, as far as any rule asks. */
enum uneventful rules_uneventful(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (x->type != CONVERSATION_RADIUS || x->outcome != OUTCOME_ESTABLISHED || x->has_inner || x->begun_before ||
        !rules_radius_uneventful(x))
        return EVENTFUL;
    if (!x->eap.seen)
        return UNEVENTFUL;
    if (!t->server_hello || t->certificate_too_many || t->certificate_truncated || x->eap.fragment_gap ||
        !rules_eap_uneventful(x))
        return EVENTFUL;
    if (t->server_chain != 0)
        return UNEVENTFUL_BUT_CERTIFICATE;
    return t->resumed ? UNEVENTFUL_BUT_UNSEEN : EVENTFUL;
}
