/* How the client answered the server's certificate, and certificates that could not be seen. wire-facts 1.1 E1 to E3, 5.4 to 5.6. */
#include <stdio.h>

#include "analyze/rules.h"

/* Faults of the certificate itself are reported by rules_certificate; here it matters only whether there is one. */
static bool certificate_has_fault(const struct rule_input *in, const struct tls_facts *t)
{
    const struct chain *c = rule_chain(in, t->server_chain);
    if (c == NULL || !c->parsed[0])
        return false;
    const struct chain_checks *k = &c->checks;
    int64_t now = t->certificate_last.time_ns / INT64_C(1000000000);
    return k->chain == CHECK_FAIL || k->name == CHECK_FAIL || k->server_auth_eku == CHECK_FAIL || k->subject_empty ||
           k->pin == PIN_ISSUING_CA || k->pin == PIN_LEAF || k->pin == PIN_NOT_IN_CHAIN || now > k->path_not_after ||
           now < k->path_not_before || k->key_strength == CHECK_FAIL || k->signature_strength == CHECK_FAIL || c->ocsp_revoked;
}

static void say_why(struct finding *f, const struct rule_input *in, const struct tls_facts *t, const struct chain *c)
{
    if (c == NULL) {
        finding_explain(f, "The certificate itself is not readable in this capture (see cert-unseen).");
        return;
    }
    bool fault = certificate_has_fault(in, t);
    bool roots = expect_has_roots(in->expect), names = expect_has_names(in->expect);
    if (fault)
        finding_explain(f, "The certificate has a fault that explains it: see the cert-* finding.");
    else if (roots && names)
        finding_explain(f, "The certificate passes every check against the roots and names given, so look at the client: its root store, its "
                           "VPN profile, its clock.");
    else
        finding_explain(f, "Without %s this report cannot check what the client checks: give %s.",
                        !roots && !names ? "the clients' roots and the expected server name" : !roots ? "the clients' roots" : "the expected server name",
                        !roots && !names ? "--trusted-root and --server-name, or --eap-config" : !roots ? "--trusted-root or --eap-config" : "--server-name or --eap-config");
}

static void fix_client_refusal(struct finding *f, const struct chain *c, int32_t error)
{
    const char *issuer = c != NULL && c->parsed[0] ? c->checks.root_subject : NULL;
    if (error == 864 || error == 0)
        finding_fix(f, "On a failing client, look whether the root%s%s%s is in Trusted Root Certification Authorities of the computer store "
                       "and ticked in the EAP settings of the VPN profile.", issuer != NULL ? " \"" : "", issuer != NULL ? issuer : "", issuer != NULL ? "\"" : "");
    finding_fix(f, "Compare the name in the profile (\"Connect to these servers\") with the certificate's.");
    finding_fix(f, "See which certificate the NPS policy selects: NPS console > Policies > Network Policies > (policy) > Constraints > "
                   "Authentication Methods > Microsoft: Protected EAP (PEAP) > Edit.");
}

/* Grammar of "the client refused": readable alert, or known by its position only. */
static void rejected(struct findings *out, const struct rule_input *in, const struct exchange *x, bool inner, enum client_answer answer,
                     const struct alert_fact *alert)
{
    const struct tls_facts *t = inner ? &x->inner.tls : &x->eap.tls;
    const struct chain *c = rule_chain(in, t->server_chain);
    char name[DESCRIBE_MAX] = "", sha256[65] = "", user[DESCRIBE_MAX], server[DESCRIBE_MAX];
    bool fresh, readable = answer == ANSWER_ALERT;
    if (c != NULL) {
        describe_certificate(name, c, 0);
        describe_sha256(sha256, c);
    }
    struct finding *f = findings_raise(out, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, sha256, (readable ? alert->code : 1000u) * 2 + inner, &fresh);
    if (f == NULL)
        return;
    const char *alert_name = readable ? tls_alert_name(alert->code) : NULL;
    finding_evidence(out, f, readable ? alert->place : t->encrypted_alert, readable ? "the client's TLS alert%s" : "the client's encrypted TLS alert%s", "");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = readable ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = readable ? judge_alert_error(alert->code) : 864;
    describe_server(server, x);
    describe_user(user, x);
    if (readable)
        finding_title(f, "the client refuses the NPS certificate%s%s%s with the TLS alert %s (%u)", name[0] ? " \"" : "", name, name[0] ? "\"" : "",
                      alert_name != NULL ? alert_name : "unknown", alert->code);
    else
        finding_title(f, "the client refuses the NPS certificate%s%s%s with an encrypted TLS alert", name[0] ? " \"" : "", name, name[0] ? "\"" : "");
    if (readable)
        finding_explain(f, "After the certificate of %s the client of \"%s\" sent the alert %s%s and ended the login.", server, user,
                        alert_name != NULL ? alert_name : "(unknown)", alert->decrypted ? " (decrypted)" : "");
    else
        finding_explain(f, "Where the client of \"%s\" should have acknowledged the handshake of %s it sent an alert. Its number is encrypted, but "
                           "its place says it: Windows checks the certificate after the handshake and refuses there.", user, server);
    if (inner)
        finding_explain(f, "This is the certificate of the inner method, inside the tunnel; the outer one was accepted. NPS has another certificate selected for "
                           "the inner \"Smart Card or other certificate\" than for PEAP itself, or the profile's inner settings differ.");
    if (readable && alert->code == 48)
        finding_explain(f, "unknown_ca: the chain does not end in a root that this client trusts; Windows shows error 864.");
    else if (readable && alert->code == 49)
        finding_explain(f, "access_denied from Windows: the root is trusted but not ticked in the profile, or the server's name is not in it.");
    else if (readable && alert->code == 80)
        finding_explain(f, "internal_error is what wpa_supplicant sends when the server's name is not the expected one.");
    say_why(f, in, t, c);
    finding_explain(f, "The reject that follows is its consequence.");
    fix_client_refusal(f, c, f->client_error);
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
    f->confidence = alive || certificate_has_fault(in, t) ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    f->client_error = certificate_has_fault(in, t) ? 864 : 0;
    finding_title(f, "the client falls silent after the NPS certificate%s%s%s", name[0] ? " \"" : "", name, name[0] ? "\"" : "");
    finding_explain(f, "The whole certificate flight went to the client of \"%s\", then nothing came for %.0f s of capture.", describe_user(user, x),
                    (double)judge_quiet_ns(x) / 1e9);
    finding_explain(f, "Either the client shows a prompt about the certificate that nobody answers, or its check hangs (revocation list not "
                       "reachable), or the packets to it are lost.");
    say_why(f, in, t, c);
    finding_fix(f, "On the client: RasClient events 20221 to 20227, and whether a window asks about the server's certificate.");
    finding_fix(f, "Capture at the client or on the RRAS external NIC to see whether the flight reaches it.");
}

void rules_client_answer(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct alert_fact *alert;
    enum client_answer answer = judge_client_answer(s->main, &alert);
    if (answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        rejected(out, in, s->main, false, answer, alert);
    else if (answer == ANSWER_SILENT)
        silent(out, in, s);
    answer = judge_inner_answer(s->main, &alert);
    if (answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        rejected(out, in, s->main, true, answer, alert);
}

enum unseen { UNSEEN_TLS13 = 1, UNSEEN_RESUMED, UNSEEN_TRUNCATED, UNSEEN_BEGUN_BEFORE, UNSEEN_TOO_MANY, UNSEEN_KEY_WRONG, UNSEEN_ONE_SIDED };

static enum unseen why_unseen(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (t->server_chain != 0 || !x->eap.seen)
        return 0;
    if (t->certificate_too_many)
        return UNSEEN_TOO_MANY;
    if (t->server_hello && t->version == 0x0304 && !t->resumed)
        return t->decryption_failed ? UNSEEN_KEY_WRONG : t->decrypted ? 0 : UNSEEN_TLS13;
    if (t->resumed)
        return UNSEEN_RESUMED;
    if (t->certificate_truncated || x->eap.fragment_gap)
        return UNSEEN_TRUNCATED;
    bool tls_method = x->eap.method == EAP_TYPE_PEAP || x->eap.method == EAP_TYPE_TLS || x->eap.method == EAP_TYPE_TTLS ||
                      x->eap.method == EAP_TYPE_TEAP || x->eap.method == EAP_TYPE_FAST;
    if (x->begun_before && tls_method && !t->server_hello)
        return UNSEEN_BEGUN_BEFORE;
    if (t->client_hello && !t->server_hello && x->first_from_server.frame == 0)
        return UNSEEN_ONE_SIDED;
    return 0;
}

/* A resumed session hides nothing when the same server's certificate was read elsewhere in the capture. */
static bool known_anyway(const struct rule_input *in, const struct exchange *x, enum unseen why)
{
    struct server *server = servers_of(in->servers, &x->server);
    return why == UNSEEN_RESUMED && server != NULL && server->chain_count > 0;
}

void rules_certificate_unseen(struct findings *out, const struct rule_input *in, const struct session *s)
{
    static const char *const reason[] = {
        [UNSEEN_TLS13] = "TLS 1.3 encrypts it",
        [UNSEEN_RESUMED] = "the TLS sessions were resumed",
        [UNSEEN_TRUNCATED] = "the handshake is not whole in the capture",
        [UNSEEN_BEGUN_BEFORE] = "the capture began in the middle of the login",
        [UNSEEN_TOO_MANY] = "too many different chains",
        [UNSEEN_KEY_WRONG] = "the TLS secrets given do not fit",
        [UNSEEN_ONE_SIDED] = "the server's packets are not in the capture",
    };
    const struct exchange *x = s->main;
    enum unseen why = why_unseen(x);
    bool fresh;
    if (why == 0 || known_anyway(in, x, why))
        return;
    struct finding *f = findings_raise(out, FINDING_CERT_UNSEEN, "", why, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->eap.tls.hello.frame != 0 ? x->eap.tls.hello : x->first, "login whose server certificate is not readable");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the server's certificate is not readable in some logins: %s", reason[why]);
    switch (why) {
    case UNSEEN_TLS13:
        finding_explain(f, "From TLS 1.3 on the certificate travels encrypted, so it was not checked.");
        finding_fix(f, "Give the TLS secrets with --keylog (FreeRADIUS writes them when SSLKEYLOGFILE is in its environment), or embed them in "
                       "the pcapng.");
        finding_fix(f, "Or capture a client that offers TLS 1.2 at most: there the certificate is readable between RRAS and NPS.");
        break;
    case UNSEEN_RESUMED:
        finding_explain(f, "A resumed session (PEAP fast reconnect) sends no certificate, and this capture holds no full handshake of that server.");
        finding_fix(f, "Capture longer, or make one client connect anew (restart it, or its RasMan service): its first login is a full handshake.");
        break;
    case UNSEEN_TRUNCATED:
        finding_explain(f, "Bytes of the server's flight are missing: packets were cut by the snap length, lost, or the capture ended.");
        finding_fix(f, "Capture with full packets (tcpdump -s 0; pktmon --pkt-size 0) between RRAS and NPS, from before the login on.");
        break;
    case UNSEEN_BEGUN_BEFORE:
        finding_explain(f, "Its first packets were not captured.");
        finding_fix(f, "Start the capture before the client connects.");
        break;
    case UNSEEN_TOO_MANY:
        finding_explain(f, "Only %d different certificate chains are kept in memory.", CHAINS_MAX);
        break;
    case UNSEEN_KEY_WRONG:
        finding_explain(f, "There are secrets for this client random, but the records do not decrypt with them: wrong secrets, or damaged packets.");
        break;
    case UNSEEN_ONE_SIDED:
        finding_explain(f, "Only the client's direction was captured.");
        finding_fix(f, "Capture both directions, between RRAS and NPS.");
        break;
    }
}
