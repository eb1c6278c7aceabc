/* How the client answered the server's certificate, and certificates that could not be seen. wire-facts 1.1 E1 to
 * E3, 5.4 to 5.6. */
#include <stdio.h>

#include "analyze/finding/rules.h"
#include "analyze/session/ike_lengths.h"
#include "analyze/session/judge_ike.h"
#include "analyze/session/sstp_lengths.h"

static void say_why(struct finding *f, const struct rule_input *in, const struct tls_facts *t, bool inner)
{
    if (rule_chain(in, t->server_chain) == NULL) {
        finding_explain(f, "The certificate itself is not readable in this capture (see cert-unseen).");
        return;
    }
    bool roots = expect_has_roots(in->expect), names = expect_has_names(in->expect);
    if (rule_certificate_fault(in, t, inner))
        finding_explain(f, "The certificate has a fault that explains it: see the cert-* findings.");
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
    if (alert != NULL && alert->code == 48)
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
    f->client_error = alert != NULL ? judge_alert_error(alert->code) : 864;
    title_rejected(f, x, name, alert);
    explain_rejected(f, x, inner, alert);
    say_why(f, in, t, inner);
    if (x->outcome == OUTCOME_REJECTED)
        finding_explain(f, "The %s that follows is only the consequence.",
                        rule_in_tunnel(x) ? "EAP-Failure" : "reject");
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
    f->client_error = rule_certificate_fault(in, t, false) ? 864 : 0;
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

enum unseen {
    UNSEEN_TLS13 = 1,
    UNSEEN_RESUMED,
    UNSEEN_TRUNCATED,
    UNSEEN_BEGUN_BEFORE,
    UNSEEN_TOO_MANY,
    UNSEEN_KEY_WRONG,
    UNSEEN_ONE_SIDED,
    UNSEEN_IN_IKE,
    UNSEEN_IKE_KEY_WRONG,
    UNSEEN_IN_SSTP,
    UNSEEN_SSTP_KEY_WRONG
};

/*
 * An association that keys did not open, and that got so far that the VPN server's certificate, or the one of the EAP
 * server behind it, must have passed.
 */
static enum unseen why_unseen_in_ike(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (f->decrypted)
        return f->certificate_too_many ? UNSEEN_TOO_MANY : 0;
    if (!judge_ike_closed(x) || f->auth_responses == 0)
        return 0;
    enum ike_eap_shape shape = ike_read_lengths(f).shape;
    bool eap = shape == IKE_EAP_SUCCESS || shape == IKE_EAP_CLIENT_ALERT || shape == IKE_EAP_FAILURE ||
               shape == IKE_EAP_STALLED;
    if (!eap && judge_ike(x).end != IKE_END_CLIENT_REFUSED)
        return 0;
    return f->wrong_key ? UNSEEN_IKE_KEY_WRONG : UNSEEN_IN_IKE;
}

/* A tunnel that keys did not open, and in which certificates must have passed. */
static enum unseen why_unseen_in_sstp(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (f->carrier != SSTP_CARRIER_TLS || f->kind != SSTP_KIND_TUNNEL || f->has_ppp)
        return 0;
    if (sstp_read_lengths(f).flight == SSTP_FLIGHT_NONE) /* another method than EAP with TLS, or resumed */
        return 0;
    return f->tls.decryption_failed ? UNSEEN_SSTP_KEY_WRONG : UNSEEN_IN_SSTP;
}

static enum unseen why_unseen(const struct rule_input *in, const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    enum unseen inside = x->type == CONVERSATION_IKE    ? why_unseen_in_ike(x)
                         : x->type == CONVERSATION_SSTP ? why_unseen_in_sstp(x)
                                                        : 0;
    if (inside != 0)
        return inside;
    if (t->server_chain != 0)
        return rule_chain(in, t->server_chain) == NULL ? UNSEEN_TOO_MANY : 0;
    if (!x->eap.seen)
        return 0;
    if (t->certificate_too_many)
        return UNSEEN_TOO_MANY;
    if (t->server_hello && t->version == 0x0304 && !t->resumed)
        return t->decryption_failed ? UNSEEN_KEY_WRONG : t->decrypted ? 0 : UNSEEN_TLS13;
    if (t->resumed)
        return UNSEEN_RESUMED;
    if (t->certificate_truncated || x->eap.fragment_gap)
        return UNSEEN_TRUNCATED;
    bool tls_method = x->eap.method == EAP_TYPE_PEAP || x->eap.method == EAP_TYPE_TLS ||
                      x->eap.method == EAP_TYPE_TTLS || x->eap.method == EAP_TYPE_TEAP ||
                      x->eap.method == EAP_TYPE_FAST;
    if (x->begun_before && tls_method && !t->server_hello)
        return UNSEEN_BEGUN_BEFORE;
    if (t->client_hello && !t->server_hello && x->first_from_server.frame == 0)
        return UNSEEN_ONE_SIDED;
    return 0;
}

static bool chain_of_nps_seen(const struct rule_input *in)
{
    for (size_t i = 0; i < chains_count(in->chains); i++)
        if ((chains_at(in->chains, i)->roles & ROLE_NPS) != 0)
            return true;
    return false;
}

/* Shown by an EAP server through the VPN server with that address. */
static bool presented_behind(const struct chain *c, const struct address *vpn)
{
    for (size_t i = 0; (c->roles & ROLE_NPS) != 0 && i < c->presenter_count; i++)
        if (address_equal(&c->presenters[i].server.address, vpn))
            return true;
    return false;
}

/* A resumed session hides nothing when the same server's certificate was read elsewhere in the capture. */
static bool known_anyway(const struct rule_input *in, const struct exchange *x, enum unseen why)
{
    if (why != UNSEEN_RESUMED)
        return false;
    for (size_t i = 0; rule_in_tunnel(x) && i < chains_count(in->chains); i++)
        if (presented_behind(chains_at(in->chains, i), &x->server.address))
            return true;
    struct server *server = servers_of(in->servers, &x->server);
    return server != NULL && server->chain_count > 0;
}

static void explain_unseen(struct finding *f, const struct rule_input *in, enum unseen why)
{
    switch (why) {
    case UNSEEN_TLS13:
        finding_explain(f, "In TLS 1.3 the certificate travels encrypted, so it was not checked.%s",
                        in->has_keylog ? " The TLS secrets given hold none for these logins." : "");
        finding_fix(f, "Give the TLS secrets with --keylog (FreeRADIUS writes them when SSLKEYLOGFILE is in its "
                       "environment), or embed "
                       "them in the pcapng.");
        finding_fix(
            f,
            "Or capture a client that offers TLS 1.2 at most: there the certificate is readable between RRAS and NPS.");
        break;
    case UNSEEN_RESUMED:
        finding_explain(
            f, "A resumed session (PEAP fast reconnect) sends no certificate, and this capture holds no full handshake "
               "of that server.");
        finding_fix(f, "Capture longer, or restart one client: its first login is a full handshake.");
        break;
    case UNSEEN_TRUNCATED:
        finding_explain(
            f, "Bytes of the server's flight are missing: packets were cut by the snap length or lost, or the capture "
               "began or ended within it.");
        finding_fix(f, "Capture whole packets (tcpdump -s 0; pktmon --pkt-size 0) between RRAS and NPS, from before "
                       "the login to its "
                       "end.");
        break;
    case UNSEEN_BEGUN_BEFORE:
        finding_explain(f, "The first packets of the login were not captured.");
        finding_fix(f, "Start the capture before the client connects.");
        break;
    case UNSEEN_TOO_MANY:
        finding_explain(f,
                        "So many different chains were presented that only those seen most often were examined (at "
                        "most %d are kept).",
                        CHAINS_MAX);
        finding_fix(f, "Analyse a part of the capture: fewer servers, or a shorter time.");
        break;
    case UNSEEN_KEY_WRONG:
        finding_explain(
            f, "There are secrets for this login, but its records do not decrypt with them: the secrets are wrong, or "
               "packets are damaged or missing.");
        finding_fix(f, "Give the secrets that were written during this very capture.");
        break;
    case UNSEEN_ONE_SIDED:
        finding_explain(f, "Only the client's direction was captured.");
        finding_fix(f, "Capture both directions, between RRAS and NPS.");
        break;
    case UNSEEN_IN_IKE:
    case UNSEEN_IKE_KEY_WRONG:
        finding_explain(
            f, "IKE_AUTH carries the certificate of the VPN server and, with EAP, that of the server behind it "
               "(NPS) inside its encrypted payload, so neither was checked.");
        if (why == UNSEEN_IKE_KEY_WRONG)
            finding_explain(f, "There are keys for these associations, but they do not open their messages.");
        if (chain_of_nps_seen(in))
            finding_explain(f, "Other logins of this analysis do show a certificate of NPS, and that one was checked.");
        else
            finding_fix(f, "For the NPS certificate: capture between RRAS and NPS (UDP 1812); there it is readable up "
                           "to TLS 1.2.");
        finding_fix(f, "For the VPN server's own: look at it in certlm.msc > Personal on the RRAS server.");
        finding_fix(f, "Or give the keys of the associations with --ike-keys, which opens both (strongSwan's plugin "
                       "save-keys writes them in Wireshark's format; Windows does not give them out).");
        break;
    case UNSEEN_IN_SSTP:
    case UNSEEN_SSTP_KEY_WRONG:
        finding_explain(
            f, "SSTP carries the login inside its TLS connection, and with it the certificate of the server behind it "
               "(NPS), which was not checked: by the lengths of the records there is one. The VPN server's own "
               "certificate is another one.");
        if (why == UNSEEN_SSTP_KEY_WRONG)
            finding_explain(f, "There are TLS secrets for these connections, but they do not open their records.");
        if (chain_of_nps_seen(in))
            finding_explain(f, "Other logins of this analysis do show a certificate of NPS, and that one was checked.");
        else
            finding_fix(f, "Capture between RRAS and NPS (UDP 1812); there it is readable up to TLS 1.2.");
        finding_fix(f, "Or capture behind a load balancer that offloads TLS, or give the TLS secrets with --keylog "
                       "(Windows does not give them out).");
        break;
    }
}

static void unseen(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    static const char *const reason[] = {
        [UNSEEN_TLS13] = "TLS 1.3 encrypts it",
        [UNSEEN_RESUMED] = "the TLS sessions were resumed",
        [UNSEEN_TRUNCATED] = "the handshake is not whole in the capture",
        [UNSEEN_BEGUN_BEFORE] = "the capture began in the middle of the login",
        [UNSEEN_TOO_MANY] = "too many different chains",
        [UNSEEN_KEY_WRONG] = "the TLS secrets given do not fit",
        [UNSEEN_ONE_SIDED] = "the server's packets are not in the capture",
        [UNSEEN_IN_IKE] = "they are inside IKE's encrypted payloads",
        [UNSEEN_IKE_KEY_WRONG] = "the IKE keys given do not fit",
        [UNSEEN_IN_SSTP] = "it is inside of TLS",
        [UNSEEN_SSTP_KEY_WRONG] = "the TLS secrets given do not fit",
    };
    enum unseen why = why_unseen(in, x);
    bool fresh;
    if (why == 0 || known_anyway(in, x, why))
        return;
    struct finding *f = findings_raise(out, FINDING_CERT_UNSEEN, "", why, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f,
                     x->eap.tls.hello.frame != 0                             ? x->eap.tls.hello
                     : exchange_is_ike(x) && x->ike.auth_response.frame != 0 ? x->ike.auth_response
                                                                             : x->first,
                     "login whose certificate is not readable");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    bool in_ike = why == UNSEEN_IN_IKE || why == UNSEEN_IKE_KEY_WRONG;
    bool in_sstp = why == UNSEEN_IN_SSTP || why == UNSEEN_SSTP_KEY_WRONG;
    finding_title(f, "%s: %s",
                  in_ike    ? "the servers' certificates could not be read in some VPN connections"
                  : in_sstp ? "the certificate of NPS could not be read in some SSTP connections"
                            : "the server's certificate could not be read in some logins",
                  reason[why]);
    explain_unseen(f, in, why);
}

/* The login that tells of NPS' certificate; and a closed tunnel before it, which hides its own. */
void rules_certificate_unseen(struct findings *out, const struct rule_input *in, const struct session *s)
{
    unseen(out, in, s->main);
    for (size_t i = 0; i < s->exchange_count; i++)
        if (s->exchanges[i] != s->main && exchange_is_ike(s->exchanges[i]))
            unseen(out, in, s->exchanges[i]);
}

bool rules_resumed_uneventful(const struct server *server)
{
    return server->chain_count > 0;
}
