/* TLS of SSTP connections: alerts, hanging up, certificates that clients refuse, weak versions. wire-facts 1.1 T4 to
 * T6, 1.4, 2.9, 12.4. What is wrong with a certificate is told by the cert-* rules. */
#include "analyze/finding/rules_sstp.h"

#include <stdio.h>

#include "analyze/session/sstp_lengths.h"
#include "analyze/session/sstp_lost.h"

#define SLOW_NS INT64_C(1000000000) /* longer than any way there and back */

enum variant {
    HUNG_UP = 0x100,
    HUNG_UP_FORGED,
    HUNG_UP_BEFORE,
    HUNG_UP_LATE,
    CLIENT_LEFT,
    CLIENT_LEFT_UNSURE,
    CLIENT_WAITS,
    SERVER_CLOSED,
    SERVER_CLOSED_ASKED,
    CERTIFICATE_DEMANDED,
    CLIENT_ALERT = 0x200
};

static const char *sni(char out[static DESCRIBE_MAX], const struct exchange *x)
{
    struct span name = exchange_text(x, x->sstp.tls.sni);
    size_t at = 0;
    if (name.len == 0) {
        snprintf(out, DESCRIBE_MAX, "no server name (SNI)");
        return out;
    }
    at = (size_t)snprintf(out, DESCRIBE_MAX, "the server name \"");
    for (size_t i = 0; i < name.len && at + 2 < DESCRIBE_MAX; i++)
        out[at++] = name.data[i] != 0 ? (char)name.data[i] : '?';
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

static void fix_binding(struct finding *f)
{
    finding_fix(f, "Which certificate is bound? " SSTP_BINDING_PATH ". Without an entry, or with one whose "
                   "certificate is gone, http.sys hangs up: select the certificate there and restart SstpSvc and "
                   "RemoteAccess.");
    finding_fix(f, "Is the private key there and readable? certlm.msc > Personal > Certificates on the RRAS server; "
                   "event log System, source Schannel, event 36870 says when it is not.");
}

/* A Windows server waits for the ClientHello and then hangs up without delay. Negative: before it. */
static int64_t hung_up_after_ns(const struct exchange *x)
{
    const struct tcp_sent *client = &x->sstp.tcp.sent[TCP_CLIENT];
    struct place end = rule_sstp_ended(x, TCP_SERVER);
    return end.frame != 0 && client->first_data.frame != 0 ? end.time_ns - client->first_data.time_ns : 0;
}

static void explain_passed_on(struct finding *f, const struct exchange *x, int64_t after_ns)
{
    char address[ENDPOINT_TEXT];
    endpoint_text(address, &x->server);
    if (after_ns < 0) {
        finding_title(f, "the VPN server %s takes connections and closes them at once, before the ClientHello", address);
        finding_explain(f, "A Windows server waits for the ClientHello, whether it has a certificate or not. Who closes "
                           "before it came is a load balancer or proxy that ends TCP and knows of no server behind it "
                           "that lives, or a rule that does not let this client in.");
    } else {
        finding_title(f, "the VPN server %s hangs up %.1f s after the ClientHello, without a word of TLS", address,
                      (double)after_ns / 1e9);
        finding_explain(f, "A Windows server that cannot use its certificate hangs up at once. Who takes that long is a "
                           "load balancer or proxy that ends TCP, tries to reach a server behind it, and gives up.");
    }
    rule_sstp_side(f, "load balancer or proxy in front, and at the servers behind it");
    finding_fix(f, "At the load balancer: which servers of the pool does it take for healthy, and are they? Ask each of "
                   "them straight: Test-NetConnection SERVER -Port 443, from the load balancer's network.");
    finding_fix(f, "On the servers: Get-Service RemoteAccess, SstpSvc; Get-NetTCPConnection -LocalPort 443 -State Listen.");
}

static void explain_hung_up(struct finding *f, const struct exchange *x, bool reset, bool forged, uint8_t usual)
{
    char name[DESCRIBE_MAX], address[ENDPOINT_TEXT];
    finding_title(f, "the VPN server %s hangs up after the ClientHello, without a word of TLS",
                  endpoint_text(address, &x->server));
    finding_explain(f, "The client asked for %s; the connection was %s instead of an answer.", sni(name, x),
                    reset ? "reset" : "closed");
    if (forged)
        rule_sstp_say_forged(f, x, usual);
    else
        finding_explain(f, "So does a Windows server when no certificate is bound to the port in http.sys, or when the "
                           "bound one cannot be used (no private key, no Server Authentication EKU); so does a load "
                           "balancer that passes TCP on and has no server to pass it to, or a filter on the way that "
                           "dislikes the server name.");
    rule_sstp_side(f, forged ? "firewall or IPS on the way"
                             : "SSL binding of RRAS, then at a load balancer in front and filters on the way");
    if (forged)
        finding_fix(f, "Look into the log of the firewall between the capture and the server, and let TLS to that "
                       "name pass.");
    fix_binding(f);
}

static void hung_up_evidence(struct findings *out, struct finding *f, const struct tcp_sent *server, bool reset, const char *when)
{
    if (reset)
        finding_evidence(out, f, server->reset, "RST %s, TTL %u", when, server->reset_ttl);
    else
        finding_evidence(out, f, server->fin, "FIN %s", when);
}

/* T4: the server, or something on the way, ends it after the ClientHello. */
static void hung_up(struct findings *out, const struct rule_input *in, const struct exchange *x,
                    struct sstp_judgement j)
{
    const struct tcp_sent *server = &x->sstp.tcp.sent[TCP_SERVER];
    char name[DESCRIBE_MAX];
    uint8_t usual = 0;
    int64_t after_ns = hung_up_after_ns(x);
    bool reset = server->reset.frame != 0 && server->fin.frame == 0, fresh;
    bool forged = reset && rule_sstp_forged_reset(in, x, &usual);
    bool passed_on = !forged && (after_ns < 0 || after_ns >= SLOW_NS);
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x,
                                        forged         ? HUNG_UP_FORGED
                                        : !passed_on   ? HUNG_UP
                                        : after_ns < 0 ? HUNG_UP_BEFORE
                                                       : HUNG_UP_LATE,
                                        &fresh);
    if (f == NULL)
        return;
    if (after_ns < 0) /* evidence stands in the order of time */
        hung_up_evidence(out, f, server, reset, "before the ClientHello");
    finding_evidence(out, f, x->sstp.tls.hello, "ClientHello with %s", sni(name, x));
    if (after_ns >= 0)
        hung_up_evidence(out, f, server, reset, "instead of a ServerHello");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = reset ? SSTP_ERROR_RESET : SSTP_ERROR_HUNG_UP;
    if (passed_on)
        explain_passed_on(f, x, after_ns);
    else
        explain_hung_up(f, x, reset, forged, usual);
    rule_sstp_say_assumed(f, in, x);
}

struct alert_words {
    uint8_t code;
    uint32_t error; /* what Schannel gives its caller for it */
    const char *meaning, *side;
};

static const struct alert_words server_alerts[] = {
    {40, UINT32_C(0x80090326), "client and server have no cipher suite or other parameter in common", "TLS settings"},
    {70, UINT32_C(0x80090302), "client and server have no TLS version in common", "TLS settings"},
    {71, UINT32_C(0x80090331), "the server demands stronger cipher suites than the client offers", "TLS settings"},
    {80, UINT32_C(0x80090304), "the server fails by itself: most likely it cannot use its certificate's private key",
     "certificate and private key of RRAS"},
    {112, UINT32_C(0x80090326), "the server does not serve the name that the client asked for",
     "SSL binding of RRAS, or load balancer"},
};

/* Version and suite had been chosen before. */
static const struct alert_words refused_later = {
    40, UINT32_C(0x80090326),
    "the server had chosen version and cipher suite already; what the client said next it does not take, most often that it has no "
    "certificate where the server demands one",
    "TLS settings of the load balancer or proxy in front (client authentication)"};

static const struct alert_words *words_of(const struct tls_facts *t, uint8_t code)
{
    if (code == refused_later.code && t->server_hello)
        return &refused_later;
    for (size_t i = 0; i < sizeof server_alerts / sizeof *server_alerts; i++)
        if (server_alerts[i].code == code)
            return &server_alerts[i];
    return NULL;
}

static void explain_server_alert(struct finding *f, const struct exchange *x, const struct alert_fact *alert,
                                 const struct alert_words *words)
{
    const struct tls_facts *t = &x->sstp.tls;
    const char *name = tls_alert_name(alert->code), *offer = tls_version_name(t->max_version);
    char asked[DESCRIBE_MAX];
    finding_title(f, "the VPN server ends the TLS handshake with the alert %s (%u)", name != NULL ? name : "unknown",
                  alert->code);
    finding_explain(f, "The client offered up to %s and asked for %s.", offer != NULL ? offer : "an unknown version",
                    sni(asked, x));
    if (words != NULL)
        finding_explain(f, "The alert means: %s.", words->meaning);
    rule_sstp_side(f, words != NULL ? words->side : "VPN server's TLS");
    if (words == &refused_later)
        finding_fix(f, "At the load balancer or proxy: client authentication (mutual TLS) off for the address of SSTP. On the server: netsh "
                       "http show sslcert ipport=0.0.0.0:443 must say \"Negotiate Client Certificate: Disabled\".");
    else if (alert->code == 40 || alert->code == 70 || alert->code == 71)
        finding_fix(f, "Compare the TLS versions and cipher suites of both sides: HKLM\\SYSTEM\\CurrentControlSet\\"
                       "Control\\SecurityProviders\\SCHANNEL\\Protocols, Get-TlsCipherSuite, group policy \"SSL Cipher "
                       "Suite Order\"; at a load balancer its TLS profile. An ECDSA certificate needs ECDSA suites.");
    else
        fix_binding(f);
    finding_fix(f, "On the server: event log System, source Schannel, events 36874 and 36888 at that time.");
}

/* Whom the server asked for a certificate, and who has none, as SSTP's clients; most servers only ask. */
static bool has_no_certificate(const struct exchange *x)
{
    const struct tls_facts *t = &x->sstp.tls;
    return (t->certificate_request && t->client_certificate_empty) || sstp_reading_of(&x->sstp).no_certificate;
}

/* ... and that is why it ends the connection. */
static void certificate_demanded(struct findings *out, const struct rule_input *in, const struct exchange *x,
                                 const struct alert_fact *alert, enum confidence confidence)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x, CERTIFICATE_DEMANDED, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.tls.server_hello_place, "ServerHello; with it comes the request for a certificate of the client");
    if (alert != NULL)
        finding_evidence(out, f, alert->place, "the server's TLS alert");
    else
        finding_evidence(out, f, rule_sstp_ended(x, TCP_SERVER), "the server ends the connection");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = confidence;
    f->client_error = alert != NULL ? UINT32_C(0x80090326) : SSTP_ERROR_HUNG_UP;
    finding_title(f, "the VPN server demands a certificate of the client in TLS; SSTP clients have none to show");
    finding_explain(f, "It asked for one, the client answered that it has none, and the server ended the connection. SSTP authenticates "
                       "users inside of the tunnel, by PPP; in TLS only the server shows a certificate.");
    rule_sstp_say_assumed(f, in, x);
    rule_sstp_side(f, "TLS settings of the load balancer or proxy in front, then at http.sys");
    finding_fix(f, "At the load balancer or proxy: client authentication (mutual TLS) off for the address of SSTP.");
    finding_fix(f, "On the server: netsh http show sslcert ipport=0.0.0.0:443 must say \"Negotiate Client Certificate: Disabled\", and "
                   "another site on the same port must not require one.");
}

/* T5 */
static void server_alert(struct findings *out, const struct rule_input *in, const struct exchange *x,
                         struct sstp_judgement j)
{
    const struct alert_fact *alert = judge_server_alert(&x->sstp.tls);
    bool fresh;
    if (alert != NULL && has_no_certificate(x))
        certificate_demanded(out, in, x, alert, j.confidence);
    if (alert == NULL || has_no_certificate(x))
        return;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x, alert->code, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.tls.hello, "ClientHello");
    finding_evidence(out, f, alert->place, "the server's TLS alert");
    if (!fresh)
        return;
    const struct alert_words *words = words_of(&x->sstp.tls, alert->code);
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = words != NULL ? words->error : 0;
    explain_server_alert(f, x, alert, words);
    rule_sstp_say_assumed(f, in, x);
}

/* What the client's alert alone says of the certificate. */
static uint32_t error_of_alert(const struct alert_fact *alert)
{
    if (alert == NULL)
        return 0;
    return alert->code == 48   ? SSTP_ERROR_UNTRUSTED
           : alert->code == 45 ? SSTP_ERROR_EXPIRED
           : alert->code == 44 ? SSTP_ERROR_REVOKED
                               : 0;
}

static void what_to_check(struct finding *f, const struct rule_input *in, const struct exchange *x)
{
    const struct chain *c = rule_chain(in, x->sstp.tls.server_chain);
    char name[DESCRIBE_MAX];
    if (c == NULL) {
        finding_explain(f, "The certificate itself is not readable here%s.",
                        x->sstp.tls.version == 0x0304 ? ": TLS 1.3 encrypts it" : "");
        finding_fix(f, "Look at it: openssl s_client -connect SERVER:443 -servername NAME -showcerts; or give "
                       "--keylog.");
    } else if (!expect_has_roots(in->expect))
        finding_explain(f,
                        "Nothing is wrong with \"%s\" as far as it can be seen; give --trusted-root to have its "
                        "chain checked.",
                        describe_certificate(name, c, 0));
    else
        finding_explain(f,
                        "\"%s\" passes every check against the roots given, so what the client has, or cannot "
                        "reach, decides: its machine's root store, its clock, and above all the revocation list, "
                        "which SSTP demands.",
                        describe_certificate(name, c, 0));
    finding_fix(f, "On the client: the error of RasClient event 20227 tells which check failed: 0x800B0109 the root is "
                   "not in the machine's Trusted Root Certification Authorities, 0x800B010F the name, 0x800B0101 a "
                   "date, 0x800B010A an intermediate CA, 0x80092013 or 0x80092012 the revocation list.");
    finding_fix(f, "Is the CRL or OCSP address of the certificate reachable from the internet by http (ldap: is not)? "
                   "certutil -urlfetch -verify CERTIFICATE on the client tells.");
}

static void explain_refusal(struct finding *f, const struct rule_input *in, const struct exchange *x,
                            const struct certificate_fault *fault, const struct alert_fact *alert)
{
    const char *name = alert != NULL ? tls_alert_name(alert->code) : NULL;
    char client[ADDRESS_TEXT], text[CLIENT_ERROR_TEXT];
    address_text(client, &x->client.address);
    if (alert != NULL)
        finding_title(f, "clients refuse the SSTP certificate with the TLS alert %s (%u)",
                      name != NULL ? name : "unknown", alert->code);
    else
        finding_title(f, "clients hang up once they have seen the SSTP certificate");
    finding_explain(f, "Shown the VPN server's certificate, the client %s %s.", client,
                    alert != NULL ? "answered with this alert and ended the connection"
                                  : "ended the connection and asked for nothing");
    if (alert == NULL)
        finding_explain(f, "Windows completes the handshake, then checks the certificate and its revocation, and hangs "
                           "up when a check fails.");
    if (fault == NULL) {
        what_to_check(f, in, x);
        rule_sstp_side(f, alert != NULL && alert->code == 48 ? "chain of the SSTP certificate, then at the root store "
                                                               "of the client's machine"
                          : alert != NULL && alert->code == 45
                              ? "dates of the SSTP certificate, then at the client's clock"
                              : "client, and at where the revocation list of the certificate lies");
        return;
    }
    finding_explain(f, "The certificate has a fault that explains it: %s.", fault->words);
    if (fault->error != 0)
        finding_explain(f, "Windows shows %s for it.", client_error_text(text, fault->error));
    rule_sstp_side(f, "SSTP certificate on RRAS");
    finding_fix(f, "%s, then select it: " SSTP_BINDING_PATH ".",
                fault->id != FINDING_IDS ? "Mend the certificate as the cert-* findings say"
                                         : "Issue a certificate with a CRL or OCSP address that clients on the "
                                           "internet reach by http");
}

/* T6 */
static void client_refused(struct findings *out, const struct rule_input *in, const struct exchange *x,
                           struct sstp_judgement j)
{
    const struct alert_fact *alert = judge_certificate_alert(&x->sstp.tls);
    bool fresh;
    struct certificate_fault fault;
    bool known = rule_sstp_certificate_fault(in, x, &fault);
    bool assumed = rule_sstp_assumed(in, x);
    /* Web servers that ask for a certificate, and those whose own names no CRL, are many; nobody refuses them for it. */
    bool doubt = assumed && alert == NULL && (x->sstp.tls.certificate_request || (known && fault.id == FINDING_IDS));
    bool sure = !doubt && (alert != NULL || known || (j.end == SSTP_END_CLIENT_REFUSED && !assumed));
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x,
                                        alert != NULL ? CLIENT_ALERT + alert->code
                                        : sure        ? CLIENT_LEFT
                                                      : CLIENT_LEFT_UNSURE,
                                        &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.tls.certificate_last, "the server's certificate");
    if (alert != NULL)
        finding_evidence(out, f, alert->place, "the client's TLS alert");
    else
        finding_evidence(out, f, rule_sstp_ended(x, TCP_CLIENT), "the client ends the connection");
    if (!fresh)
        return;
    f->severity = sure ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = sure ? j.confidence : CONFIDENCE_HINT;
    if (sure && alert == NULL && known && f->confidence == CONFIDENCE_HINT)
        f->confidence = CONFIDENCE_STRONG;
    f->client_error = known && fault.error != 0 ? fault.error : error_of_alert(alert);
    explain_refusal(f, in, x, known ? &fault : NULL, alert);
    rule_sstp_say_assumed(f, in, x);
}

/* The handshake is whole, and then the server closes. asked: the client had sent a request. */
static void server_closed(struct findings *out, const struct rule_input *in, const struct exchange *x, bool asked)
{
    bool fresh;
    if (has_no_certificate(x)) {
        certificate_demanded(out, in, x, judge_server_alert(&x->sstp.tls), CONFIDENCE_STRONG);
        return;
    }
    struct finding *f =
        rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x, asked ? SERVER_CLOSED_ASKED : SERVER_CLOSED, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.request_place, "the HTTP request");
    finding_evidence(out, f, rule_sstp_ended(x, TCP_SERVER), "the server ends the connection");
    if (!fresh)
        return;
    bool ours = asked && !rule_sstp_unsure_request(in, x);
    f->severity = ours ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = ours ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    f->client_error = SSTP_ERROR_HUNG_UP;
    finding_title(f, "the VPN server closes connections as soon as TLS is up");
    finding_explain(f,
                    "The handshake was complete; the server ended the connection %s. So does a load balancer whose "
                    "server behind is down, or a server that is shutting down or has a certificate that does not "
                    "fit (without Server Authentication).",
                    asked ? "instead of answering the client's request" : "before anything was asked");
    rule_sstp_say_assumed(f, in, x);
    rule_sstp_side(f, "load balancer in front, then at the service SstpSvc");
    finding_fix(f, "Is the server behind the load balancer up? " SSTP_BINDING_PATH ".");
    finding_fix(f, "Restart SstpSvc and RemoteAccess, and look at the event log (System, source RasSstp).");
}

/* The certificate came whole and the client neither goes on nor leaves. */
static void client_waits(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_ALERT, x, CLIENT_WAITS, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last, "last message: the server's, never answered");
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_HINT;
    finding_title(f, "clients fall silent in the middle of the TLS handshake");
    finding_explain(f, "The server's flight with its certificate was received (acknowledged), and the client says "
                       "nothing more: its check of the revocation list hangs, or it has gone away.");
    rule_sstp_say_assumed(f, in, x);
    rule_sstp_side(f, "client, and at where the revocation list lies");
    finding_fix(f,
                "Is the CRL or OCSP address of the certificate reachable from the client? certutil -urlfetch -verify "
                "CERTIFICATE tells.");
}

static void weak_tls(struct findings *out, const struct exchange *x)
{
    const struct tls_facts *t = &x->sstp.tls;
    bool weak = rule_weak_tls(t), old = t->version < 0x0303, fresh;
    bool rsa = !weak && t->version < 0x0304 && tls_cipher_suite_static_rsa(t->cipher_suite);
    char negotiated[DESCRIBE_MAX];
    if (!t->server_hello || t->version == 0 || (!weak && !rsa))
        return;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_WEAK_TLS, x,
                                        (uint64_t)t->version << 16 | (old ? 0 : t->cipher_suite), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, t->server_hello_place, "ServerHello");
    if (!fresh)
        return;
    f->severity = weak ? SEVERITY_WARNING : SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "SSTP tunnels use %s TLS: %s", weak ? "weak" : "old-fashioned", describe_tls(negotiated, t));
    if (old)
        finding_explain(f, "Current systems no longer speak TLS before 1.2: when one side is updated, these tunnels "
                           "fail.");
    else if (weak)
        finding_explain(f, "The cipher suite is broken, or too weak to protect what is in the tunnel.");
    else
        finding_explain(f, "The key exchange is that of RSA alone: who gets the server's private key later can read "
                           "tunnels that were recorded.");
    finding_fix(f, "Enable TLS 1.2 or 1.3 with ECDHE and AES-GCM on the server and at a load balancer in front of it "
                   "(SCHANNEL registry keys, Enable-TlsCipherSuite, group policy), then switch the old versions and "
                   "suites off.");
}

void rules_sstp_tls(struct findings *out, const struct rule_input *in, const struct exchange *x,
                    struct sstp_judgement j)
{
    switch (j.end) {
    case SSTP_END_HELLO_HUNG_UP:
        hung_up(out, in, x, j);
        break;
    case SSTP_END_SERVER_ALERT:
        server_alert(out, in, x, j);
        break;
    case SSTP_END_CLIENT_REFUSED:
        client_refused(out, in, x, j);
        break;
    case SSTP_END_NOTHING_SAID:
        if (j.by_client && rule_sstp_ended(x, TCP_CLIENT).frame != 0)
            client_refused(out, in, x, j);
        else if (!j.by_client && rule_sstp_ended(x, TCP_SERVER).frame != 0)
            server_closed(out, in, x, false);
        break;
    case SSTP_END_HTTP_SILENT:
        if (rule_sstp_hung_up(x, j) && (has_no_certificate(x) || !rule_sstp_other_request(x, j)))
            server_closed(out, in, x, true);
        break;
    case SSTP_END_HANDSHAKE_STALLED:
        if (j.client_silent && x->sstp.tcp.sent[TCP_SERVER].data_acked && sstp_all_arrived(x, TO_CLIENT))
            client_waits(out, in, x);
        break;
    default:
        break;
    }
    if (x->sstp.kind == SSTP_KIND_TUNNEL)
        weak_tls(out, x);
}
