/* How the client answered the server's certificate. wire-facts 1.1 E1 to E3, 5.6. */
#include <stdio.h>

#include "analyze/finding/rules.h"

enum { CERTIFICATE_EXPIRED = 45, BAD_CERTIFICATE_STATUS_RESPONSE = 113 };

/* The client found fault with what was stapled to the certificate, not with the certificate (RFC 6066 section 8). */
static void say_stapled(struct finding *f, const struct chain *c, struct place shown)
{
    const struct chain_ocsp *o = &c->ocsp_facts;
    char at[32];
    if (!o->read)
        finding_explain(f, "It wants an OCSP response with the certificate, and the server staples none.");
    else if (o->refusal > 0)
        finding_explain(f, "What the server stapled is no OCSP response but a responder's refusal (OCSPResponseStatus %d).",
                        o->refusal);
    else if (o->status == CHAIN_OCSP_NONE)
        finding_explain(f, "The OCSP response that the server stapled is not about this certificate.");
    else if (o->signature == CHECK_FAIL)
        finding_explain(f, "Neither the certificate's issuer nor a responder of its signed the OCSP response that the server "
                           "stapled.");
    else if (o->next_update != 0 && o->next_update < shown.time_ns / INT64_C(1000000000))
        finding_explain(f, "The OCSP response that the server stapled is outdated: it was good until %s.",
                        describe_time(at, o->next_update));
    else if (o->this_update > shown.time_ns / INT64_C(1000000000) + RULE_CLOCK_SKEW_S)
        finding_explain(f, "The OCSP response that the server stapled is of a time to come, %s: clocks differ.",
                        describe_time(at, o->this_update));
    else
        finding_explain(f, "The OCSP response that the server stapled says \"%s\".", chain_ocsp_name(o->status));
    finding_fix(f, "Have the server fetch and staple a current OCSP response, or none; clients that demand one (wpa_supplicant: "
                   "ocsp=2) need the former.");
}

static const struct chain_checks *checks_of(const struct rule_input *in, const struct tls_facts *t, bool inner)
{
    const struct chain *c = rule_chain(in, t->server_chain);
    if (c == NULL || !c->parsed[0])
        return NULL;
    return inner && c->inner_checks != NULL ? c->inner_checks : &c->checks;
}

static void say_why(struct finding *f, const struct rule_input *in, const struct tls_facts *t, bool inner)
{
    if (rule_chain(in, t->server_chain) == NULL) {
        finding_explain(f, "The certificate itself is not readable in this capture (see cert-unseen).");
        return;
    }
    bool roots = expect_has_roots(in->expect), names = expect_has_names(in->expect);
    const struct chain_checks *k = checks_of(in, t, inner);
    if (rule_certificate_fault(in, t, inner))
        finding_explain(f, "The certificate has a fault that explains it: see the cert-* findings.");
    else if (k != NULL && k->chain == CHECK_UNKNOWN && k->chain_error == CHAIN_OTHER)
        finding_explain(f, "The certificate passes every check that could be made, but: %s", k->chain_text);
    else if (roots && names)
        finding_explain(
            f, "The certificate passes every check against the roots and names given, so the fault is on the client: "
               "its root store, its VPN profile or its clock.");
    else
        finding_explain(
            f, "What this client trusts and expects was not given, so its check could not be repeated: give %s.",
            !roots && !names ? "--trusted-root and --server-name, or --eap-config"
            : !roots         ? "--trusted-root or --eap-config"
                             : "--server-name or --eap-config");
}

static void fix_client_refusal(struct finding *f, const struct rule_input *in, const struct exchange *x, bool inner,
                               uint32_t error)
{
    const struct tls_facts *t = inner ? &x->inner.tls : &x->eap.tls;
    const struct chain *c = rule_chain(in, t->server_chain);
    if (rule_certificate_fault(in, t, inner)) {
        finding_fix(f, "Mend the certificate first, as the cert-* findings say.");
        return;
    }
    const char *root = c != NULL && c->parsed[0] ? c->checks.root_subject : NULL;
    if (error == 864 || error == 0)
        finding_fix(f,
                    "On a failing client: is the root%s%s%s in Trusted Root Certification Authorities of the computer "
                    "store, and "
                    "ticked in the EAP settings of the VPN profile?",
                    root != NULL ? " \"" : "", root != NULL ? root : "", root != NULL ? "\"" : "");
    if (error == 857)
        finding_fix(f, "On a failing client: is its clock right? A certificate that is not valid yet is refused like that.");
    finding_fix(f, "Does the name in the profile (\"Connect to these servers\") fit the certificate's?");
    if (x->eap.method == EAP_TYPE_PEAP || x->eap.method == EAP_TYPE_TLS)
        finding_fix(
            f,
            "Which certificate is selected? NPS console > Policies > Network Policies > your VPN policy > Properties > "
            "Constraints > Authentication Methods > %s > Edit.",
            x->eap.method == EAP_TYPE_TLS ? "Microsoft: Smart Card or other certificate"
                                          : "Microsoft: Protected EAP (PEAP)");
}

static void title_rejected(struct finding *f, const struct exchange *x, const char *name,
                           const struct alert_fact *alert)
{
    const char *alert_name = alert != NULL ? tls_alert_name(alert->code) : NULL;
    const char *quote = name[0] != '\0' ? "\"" : "", *space = name[0] != '\0' ? " " : "";
    if (alert != NULL)
        finding_title(f, "the client refuses the %s%s%s%s%s with the TLS alert %s (%u)", rule_certificate_owner(x),
                      space, quote, name, quote, alert_name != NULL ? alert_name : "unknown", alert->code);
    else
        finding_title(f, "the client refuses the %s%s%s%s%s with an encrypted TLS alert", rule_certificate_owner(x),
                      space, quote, name, quote);
}

static bool chain_invalid(const struct chain_checks *k)
{
    return k != NULL && k->chain == CHECK_FAIL &&
           (k->chain_error == CHAIN_BAD_SIGNATURE || k->chain_error == CHAIN_INVALID_CA || k->chain_error == CHAIN_OTHER);
}

/* The alert's number is hidden or names no reason: the error is that of the certificate's fault, 864 where that is a matter of
 * trust or name. */
static uint32_t fault_error(const struct rule_input *in, const struct tls_facts *t, const struct chain_checks *k)
{
    const struct chain *c = rule_chain(in, t->server_chain);
    int64_t now = t->certificate_last.time_ns / INT64_C(1000000000);
    bool pin = k != NULL && (k->pin == PIN_ISSUING_CA || k->pin == PIN_LEAF || k->pin == PIN_NOT_IN_CHAIN);
    if (k == NULL || pin || (k->chain == CHECK_FAIL && !chain_invalid(k)) || k->intermediate_given ||
        k->name == CHECK_FAIL || k->server_auth_eku == CHECK_FAIL)
        return 864;
    if (rule_dates_wrong(k, t->certificate_last))
        return k->path_not_after < now ? 858 : 857;
    if (c->ocsp_revoked)
        return 859;
    if (k->subject_empty)
        return 866;
    bool weak = k->key_strength == CHECK_FAIL || k->signature_strength == CHECK_FAIL;
    return weak || chain_invalid(k) || rule_key_usage_wrong(k, t) ? 857 : 864;
}

/* unknown_ca is also how clients refuse a chain whose links are not valid: another error of Windows' than a missing root. */
static uint32_t refusal_error(const struct rule_input *in, const struct tls_facts *t, bool inner,
                              const struct alert_fact *alert)
{
    const struct chain_checks *k = checks_of(in, t, inner);
    if (alert == NULL)
        return fault_error(in, t, k);
    bool names_no_reason = alert->code == 42 || alert->code == 43 || alert->code == 46; /* bad, unsupported, unknown */
    if (names_no_reason && rule_certificate_fault(in, t, inner))
        return fault_error(in, t, k);
    return alert->code == 48 && chain_invalid(k) ? 857 : judge_alert_error(alert->code);
}

static void explain_rejected(struct finding *f, const struct exchange *x, bool inner, const struct alert_fact *alert)
{
    char user[DESCRIBE_MAX], server[DESCRIBE_MAX];
    describe_server(server, x);
    describe_user(user, x);
    if (alert != NULL)
        finding_explain(f,
                        "Shown the certificate of %s, the client of %s answered with this %salert and ended the login.",
                        server, user, alert->decrypted ? "(decrypted) " : "");
    else
        finding_explain(
            f,
            "Where the client of %s should have acknowledged the handshake of %s it sent an alert. Its number is "
            "encrypted, but its place tells: Windows checks the certificate when the handshake is complete, and "
            "refuses there.",
            user, server);
    if (inner)
        finding_explain(
            f, "This is the certificate of the inner method; the outer one was accepted. Either NPS has another "
               "certificate selected for the inner \"Smart Card or other certificate\" than for PEAP itself, or the "
               "inner settings of the VPN profile differ from the outer ones.");
    if (alert != NULL && alert->code == 48 && f->client_error != 864)
        finding_explain(f, "unknown_ca: the client found no valid chain to a root that it trusts.");
    else if (alert != NULL && alert->code == 48)
        finding_explain(
            f, "unknown_ca: the chain does not end in a root that this client trusts. Windows shows error 864.");
    else if (alert != NULL && alert->code == 49)
        finding_explain(
            f,
            "access_denied, from Windows: the root is trusted but not ticked in the profile, or the server's name is "
            "not in it.");
    else if (alert != NULL && alert->code == 80)
        finding_explain(f,
                        "internal_error is what wpa_supplicant sends when the server's name is not the expected one.");
}

/* certificate_expired, of certificates that are valid: it means one that is not sent, or the client's clock. */
static void say_expired(struct finding *f)
{
    finding_explain(f, "certificate_expired: but what the server sent is valid by the capture's clock. Either a CA certificate "
                       "that this client has of itself is over, or its clock is wrong.");
    finding_fix(f, "On a failing client: is its clock right? Are the root and the intermediate CAs of this certificate in its "
                   "stores still valid (certlm.msc)?");
}

/* The client refused: with a readable alert, or with one that its position gives away. */
static void rejected(struct findings *out, const struct rule_input *in, const struct exchange *x, bool inner,
                     const struct alert_fact *alert)
{
    const struct tls_facts *t = inner ? &x->inner.tls : &x->eap.tls;
    const struct chain *c = rule_chain(in, t->server_chain);
    char name[DESCRIBE_MAX] = "", sha256[65] = "";
    bool fresh;
    if (c != NULL) {
        describe_certificate(name, c, 0);
        describe_sha256(sha256, c);
    }
    uint64_t variant = (alert != NULL ? alert->code : 1000u) * 2 + inner;
    struct finding *f = findings_raise(out, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, sha256, variant, &fresh);
    if (f == NULL)
        return;
    if (alert != NULL)
        finding_evidence(out, f, alert->place, "the client's TLS alert");
    else
        finding_evidence(out, f, t->encrypted_alert, "the client's encrypted TLS alert");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = alert != NULL ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = refusal_error(in, t, inner, alert);
    title_rejected(f, x, name, alert);
    explain_rejected(f, x, inner, alert);
    const struct chain_checks *k = checks_of(in, t, inner);
    uint8_t code = k != NULL && alert != NULL ? alert->code : 0;
    bool stapled = code == BAD_CERTIFICATE_STATUS_RESPONSE && !c->ocsp_revoked;
    bool expired = code == CERTIFICATE_EXPIRED && !rule_dates_wrong(k, t->certificate_last);
    if (stapled)
        say_stapled(f, c, t->certificate_last);
    else if (expired)
        say_expired(f);
    else
        say_why(f, in, t, inner);
    if (x->outcome == OUTCOME_REJECTED)
        finding_explain(f, "The %s that follows is only the consequence.",
                        rule_in_tunnel(x) ? "EAP-Failure" : "reject");
    if (!stapled && !expired)
        fix_client_refusal(f, in, x, inner, f->client_error);
}

static void silent(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = s->main;
    const struct tls_facts *t = &x->eap.tls;
    const struct chain *c = rule_chain(in, t->server_chain);
    char name[DESCRIBE_MAX] = "", sha256[65] = "", user[DESCRIBE_MAX];
    bool fresh;
    if (c != NULL) {
        describe_certificate(name, c, 0);
        describe_sha256(sha256, c);
    }
    struct finding *f = findings_raise(out, FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE, sha256, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last, "last message: the server's, never answered");
    if (!fresh)
        return;
    /* The NAS still talks to the server: the path between them is alive. */
    struct server *server = servers_of(in->servers, &x->server);
    bool alive = server != NULL && server->last_ns > x->last.time_ns + JUDGE_SILENT_NS;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = alive || rule_certificate_fault(in, t, false) ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    f->client_error = rule_certificate_fault(in, t, false) ? fault_error(in, t, checks_of(in, t, false)) : 0;
    finding_title(f, "the client falls silent after the %s%s%s%s", rule_certificate_owner(x), name[0] ? " \"" : "",
                  name, name[0] ? "\"" : "");
    finding_explain(
        f,
        "The whole certificate flight went to the client of %s, then nothing came for the %.0f s that the capture "
        "went on.",
        describe_user(user, x), (double)judge_quiet_ns(x) / 1e9);
    finding_explain(
        f,
        "Either a window on the client asks about the certificate and nobody answers, or its check hangs (revocation "
        "list not reachable), or the packets to it are lost.");
    say_why(f, in, t, false);
    finding_fix(f, "On the client: is a window open that asks about the server's certificate? Look at the RasClient "
                   "events 20221 to "
                   "20227 of that time.");
    finding_fix(f, "Capture at the client%s at the same time, to see whether the flight reaches it.",
                rule_in_tunnel(x) ? "" : " or on the RRAS external NIC");
}

void rules_client_answer(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct alert_fact *alert;
    enum client_answer answer = judge_client_answer(s->main, &alert);
    if (answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        rejected(out, in, s->main, false, alert);
    else if (answer == ANSWER_SILENT)
        silent(out, in, s);
    answer = judge_inner_answer(s->main, &alert);
    if (answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        rejected(out, in, s->main, true, alert);
}
