/* Logins that die for another reason than the server's certificate, and weak methods. wire-facts 1.1 E4 to E7, 5. */
#include <stdio.h>

#include "analyze/finding/rules.h"
#include "analyze/session/judge_ike.h"

#define EVENTS_PATH                                                                                                    \
    "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event 6273"

/* A VPN connection may fail for what is not EAP's, before it or after. */
static bool went_well(const struct exchange *x)
{
    return x->outcome == OUTCOME_ESTABLISHED || (rule_in_tunnel(x) && x->eap.result == EAP_RESULT_SUCCESS);
}

static bool was_rejected(const struct exchange *x)
{
    return x->outcome == OUTCOME_REJECTED &&
           (!rule_in_tunnel(x) || x->eap.result == EAP_RESULT_FAILURE ||
            (exchange_is_ike(x) && judge_ike(x).end == IKE_END_EAP_FAILED));
}

static const char *end_name(const struct exchange *x)
{
    return rule_in_tunnel(x) ? "EAP-Failure" : "reject";
}

static struct finding *raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                             bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &x->server.address), variant, fresh);
}

static const char *method_name(uint8_t type)
{
    const char *name = eap_type_name(type);
    return name != NULL ? name : "an unknown method";
}

/* A Nak that leads to another method is ordinary negotiation. */
static bool naked(const struct eap_facts *e)
{
    return e->nak_seen && e->method == 0;
}

static void method_refused(struct findings *out, const struct exchange *x, bool inner)
{
    const struct eap_facts *e = inner ? &x->inner : &x->eap;
    bool fresh;
    if (!naked(e) || went_well(x))
        return;
    uint8_t offered = e->method_count > 0 ? e->methods[e->method_count - 1] : 0;
    uint64_t variant = (uint64_t)inner << 16 | (uint64_t)offered << 8 | (e->nak_count > 0 ? e->nak[0] : 0);
    struct finding *f = raise(out, FINDING_EAP_METHOD_REFUSED, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, e->nak_place, "the client's EAP Nak");
    if (!fresh)
        return;
    char user[DESCRIBE_MAX];
    bool none = e->nak_count == 0 || e->nak[0] == 0;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = 812;
    finding_title(f, "client and server agree on no EAP method%s: the server offers %s, the client wants %s",
                  inner ? " inside the tunnel" : "", offered != 0 ? method_name(offered) : "another one",
                  none ? "nothing of the kind" : method_name(e->nak[0]));
    finding_explain(f,
                    "The client of %s refused %s with a Nak, and the server has nothing else to offer that it wants.",
                    describe_user(user, x), offered != 0 ? method_name(offered) : "the offer");
    finding_fix(
        f,
        "Make the EAP type of the VPN profile and that of the NPS policy the same: NPS console > Policies > Network "
        "Policies > your VPN policy > Properties > Constraints > Authentication Methods > EAP Types%s.",
        inner ? " > Microsoft: Protected EAP (PEAP) > Edit" : "");
}

static void fix_client_certificate(struct finding *f, bool empty)
{
    if (empty)
        finding_fix(f, "On the client: is there a certificate with the Client Authentication EKU and its private key "
                       "in the store that "
                       "the profile uses (user or computer), from an issuer that the server asks for?");
    finding_fix(f, EVENTS_PATH
                " gives the reason code (258, 259: revocation list not reachable; 265: issuer not trusted; 295: issuer "
                "not in the NTAuth store; 16: no account fits).");
    finding_fix(
        f, "Check the client certificate's validity, its Client Authentication EKU and the account that it names.");
}

static void server_refused_client(struct findings *out, const struct exchange *x, const struct tls_facts *t,
                                  const struct alert_fact *alert)
{
    bool fresh;
    struct place end = x->radius.final_place.frame != 0 ? x->radius.final_place : x->eap.result_place;
    struct finding *f =
        raise(out, FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, x, alert != NULL ? alert->code : 1000, &fresh);
    if (f == NULL)
        return;
    if (alert != NULL)
        finding_evidence(out, f, alert->place, "the server's TLS alert");
    else
        finding_evidence(out, f, end, "%s right after the client's certificate", end_name(x));
    if (!fresh)
        return;
    char user[DESCRIBE_MAX];
    const char *name = alert != NULL ? tls_alert_name(alert->code) : NULL;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = alert != NULL ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = t->client_certificate_empty ? 798 : 853;
    if (t->client_certificate_empty)
        finding_title(f, "the client has no certificate to show, and the server refuses it");
    else if (alert != NULL)
        finding_title(f, "the server refuses the client's certificate with the TLS alert %s (%u)",
                      name != NULL ? name : "unknown", alert->code);
    else
        finding_title(f, "the server refuses the client's certificate");
    finding_explain(f, "The client of %s %s, then the server ended the login%s%s.", describe_user(user, x),
                    t->client_certificate_empty ? "sent an empty certificate list"
                    : t->client_certificate     ? "sent its certificate"
                                                : "sent its (encrypted) certificate",
                    alert != NULL ? "" : " with ",
                    alert != NULL       ? ""
                    : rule_in_tunnel(x) ? "EAP-Failure"
                                        : "a reject");
    fix_client_certificate(f, t->client_certificate_empty);
}

static void handshake_failed(struct findings *out, const struct exchange *x, const struct alert_fact *alert)
{
    const struct tls_facts *t = &x->eap.tls;
    bool fresh;
    struct finding *f = raise(out, FINDING_EAP_TLS_HANDSHAKE_FAILED, x,
                              alert != NULL ? alert->code + (alert->from_client ? 256u : 0u) : 1000, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, t->hello, "ClientHello");
    finding_evidence(out, f, alert != NULL ? alert->place : x->last,
                     alert != NULL ? "TLS alert" : "the server ends the login");
    if (!fresh)
        return;
    const char *offer = tls_version_name(t->max_version);
    f->severity = SEVERITY_CRITICAL;
    f->confidence = alert != NULL ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    if (alert != NULL)
        finding_title(f, "the TLS handshake fails: the %s sends %s (%u)", alert->from_client ? "client" : "server",
                      tls_alert_name(alert->code) != NULL ? tls_alert_name(alert->code) : "an unknown alert",
                      alert->code);
    else
        finding_title(f, "the TLS handshake fails: the server rejects the login right after the ClientHello");
    if (!t->server_hello)
        finding_explain(
            f,
            "The client offered up to %s; no ServerHello and no certificate followed. Usual causes: no TLS version or "
            "cipher suite in common, or the server cannot use its own certificate (expired, key not readable). NPS "
            "logs that with reason code 23 or 269.",
            offer != NULL ? offer : "an unknown version");
    else
        finding_explain(
            f, "The ServerHello came, but the handshake was broken off before it was complete: damaged messages, a "
               "parameter that one side does not take, or a middlebox in between.");
    finding_fix(f, "Compare the TLS versions and cipher suites enabled on both sides (Windows: SCHANNEL registry keys, "
                   "group policy).");
    finding_fix(f, "Is a valid certificate selected in NPS? See the System log of the server, source Schannel.");
}

/* In TLS 1.3 the client's certificate is encrypted: EAP-TLS always sends one, and nothing else follows its Finished. */
static bool hidden_client_certificate(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    bool closed = !t->decrypted || t->client_records > 0; /* a key log may hold the server's secrets alone */
    return x->eap.method == EAP_TYPE_TLS && t->version == 0x0304 && closed && !t->resumed && t->client_finished &&
           !t->server_committed;
}

/*
 * The ClientHello was the client's last word. A login that went on got a ServerHello which the capture lacks; one that
 * was begun elsewhere may be rejected for its State alone.
 */
static bool hello_unanswered(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (!t->client_hello || t->server_hello || x->eap.last_response.frame > t->hello.frame || rule_has_gaps(x))
        return false;
    return !(x->begun_before && x->radius.challenges == 0);
}

/* Alerts of a server that can only be about the client's certificate. */
static bool about_client_certificate(const struct alert_fact *a)
{
    return a != NULL && (a->code == 48 || a->code == 49 || (a->code >= 42 && a->code <= 46));
}

static void without_server_hello(struct findings *out, const struct exchange *x, bool rejected)
{
    const struct tls_facts *t = &x->eap.tls;
    const struct alert_fact *alert = judge_server_alert(t);
    if (about_client_certificate(alert)) {
        server_refused_client(out, x, t, alert);
        return;
    }
    if (alert == NULL && t->alert_count > 0 && t->alerts[0].level == 2 && !rule_has_gaps(x))
        alert = &t->alerts[0]; /* the client's; else it may answer a ServerHello that the capture lacks */
    if (alert != NULL || (rejected && hello_unanswered(x)))
        handshake_failed(out, x, alert);
}

/*
 * The server went on after the client's certificate; in TLS 1.3 its Finished comes before that. What it sends then in
 * EAP-TLS 1.3 is a commitment, or the alert that refuses: what nobody could read is as good as either.
 */
static bool server_settled(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (t->version != 0x0304)
        return t->data_from_server || t->server_finished;
    return x->eap.method == EAP_TYPE_TLS ? t->server_committed : t->data_from_server;
}

/* Which part of the handshake the login died in; certificates refused by the client are rules_client's. */
static void handshake_rules(struct findings *out, const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (went_well(x) || !t->seen || judge_client_refused(x))
        return;
    const struct alert_fact *alert = judge_server_alert(t);
    /* a server that never issued the State rejects because of that, whatever the handshake says */
    bool failed = (was_rejected(x) && !x->radius.other_server) || alert != NULL;
    if (!t->server_hello) {
        without_server_hello(out, x, failed);
        return;
    }
    bool client_flight = t->client_certificate || t->client_certificate_empty || about_client_certificate(alert);
    if (failed && ((client_flight && !server_settled(x)) || hidden_client_certificate(x))) {
        server_refused_client(out, x, t, alert);
        return;
    }
    if (alert == NULL && t->alert_count > 0 && t->alerts[t->alert_count - 1].level == 2)
        alert = &t->alerts[t->alert_count - 1];
    if (alert != NULL && !judge_tunnel_up(x))
        handshake_failed(out, x, alert);
}

/* The same inside the tunnel, where it is readable. */
static const struct alert_fact *inner_server_alert(const struct exchange *x)
{
    bool shown = x->has_inner && (x->inner.tls.client_certificate || x->inner.tls.client_certificate_empty);
    return shown && !went_well(x) ? judge_server_alert(&x->inner.tls) : NULL;
}

static bool password_method(uint8_t type)
{
    return type == EAP_TYPE_MSCHAPV2 || type == EAP_TYPE_MD5 || type == EAP_TYPE_GTC || type == EAP_TYPE_LEAP;
}

/* The user got as far as proving who he is, and nothing else explains the reject. */
static bool credentials_tried(const struct exchange *x)
{
    const struct alert_fact *alert;
    enum client_answer inner = judge_inner_answer(x, &alert);
    if (inner == ANSWER_ALERT || inner == ANSWER_ENCRYPTED_ALERT || inner_server_alert(x) != NULL)
        return false;
    if (!x->eap.tls.seen)
        return password_method(x->eap.method);
    return x->eap.method != EAP_TYPE_TLS && judge_tunnel_up(x) && x->eap.tls.data_from_client &&
           !(x->has_inner && naked(&x->inner));
}

static void explain_credentials(struct finding *f, const struct exchange *x, uint32_t error)
{
    char user[DESCRIBE_MAX];
    describe_user(user, x);
    if (error != 0)
        finding_title(f, "the server rejects the user's credentials: MS-CHAPv2 error E=%u", error);
    else if (x->eap.tls.seen)
        finding_title(
            f, "the server rejects the login inside the TLS tunnel: password or policy, not the server's certificate");
    else
        finding_title(f, "the server rejects the login after %s: password or policy", method_name(x->eap.method));
    if (x->eap.tls.seen)
        finding_explain(
            f,
            "The client of %s accepted the server's certificate and authenticated inside the tunnel; then the server "
            "refused.",
            user);
    else
        finding_explain(f, "The client of %s answered the challenge and the server refused.", user);
    rule_say_ms_chap_error(f, error);
    if (error == 0 && x->eap.tls.seen && !x->has_inner)
        finding_explain(
            f, "Which step failed is encrypted, and an inner certificate that one side refuses looks the same from "
               "outside; the TLS secrets (--keylog) make it readable.");
}

static void credentials(struct findings *out, const struct exchange *x)
{
    const struct eap_facts *inner = x->has_inner ? &x->inner : &x->eap;
    uint32_t error = inner->mschapv2_error != 0 ? inner->mschapv2_error : x->radius.ms_chap_error;
    bool fresh;
    if (went_well(x) || (error == 0 && (!was_rejected(x) || !credentials_tried(x))))
        return;
    struct finding *f = raise(out, FINDING_EAP_CREDENTIALS_REJECTED, x, error, &fresh);
    if (f == NULL)
        return;
    struct place end = x->radius.final_place.frame != 0 ? x->radius.final_place : x->eap.result_place;
    finding_evidence(out, f, inner->error_place.frame != 0 ? inner->error_place : end, "%s",
                     error != 0 ? "MS-CHAPv2 failure" : end_name(x));
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = error != 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = error != 0 && error <= 1000 ? error : 691;
    explain_credentials(f, x, error);
    finding_fix(f, EVENTS_PATH
                " of this user. Reason 16 is the password, 48 or 66 the policy, 65 the dial-in permission of the "
                "account.");
}

/*
 * EAP is lock-step: whoever goes on has got what came before, so a gap that the login went on after is the capture's
 * own. A login that dies within a flight, or right at the gap, has lost its fragments on the way.
 */
static bool stalled_in_flight(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (!x->eap_state.server_flight_partial || t->certificate_seen || x->eap.fragment_gap || judge_client_refused(x))
        return false;
    /* A NAS that waits for the next fragment repeats its request. */
    return x->last_from_client ? x->radius.unanswered_transmissions > 1 : judge_quiet_ns(x) >= JUDGE_SILENT_NS;
}

static bool died_at_gap(const struct exchange *x)
{
    const struct eap_facts *e = &x->eap;
    return e->fragment_gap && x->last.frame <= e->gap_place.frame && judge_quiet_ns(x) >= JUDGE_SILENT_NS;
}

/* Packets of this server are missing in the capture elsewhere: those that look lost here may be among them. */
static bool capture_has_holes(const struct rule_input *in, const struct exchange *x)
{
    const struct server *s = x->type == CONVERSATION_RADIUS ? servers_of(in->servers, &x->server) : NULL;
    return s != NULL && s->unmatched + s->state_unknown > 0;
}

/* It answered nobody any more, not even a request that begins a login, which is small: then it was not for its size. */
static bool server_went(const struct rule_input *in, const struct exchange *x)
{
    const struct server *s = x->type == CONVERSATION_RADIUS ? servers_of(in->servers, &x->server) : NULL;
    return s != NULL && s->silent_first > 0 && x->last.time_ns > s->last_answer_ns;
}

static void fragments_lost(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct eap_facts *e = &x->eap;
    bool fresh, stalled = stalled_in_flight(x);
    if (went_well(x) || was_rejected(x) || x->begun_before || x->close_reason == CLOSE_EVICTED ||
        (!stalled && !died_at_gap(x)) || (stalled && server_went(in, x)))
        return;
    struct finding *f = raise(out, FINDING_EAP_FRAGMENTS_LOST, x, stalled, &fresh);
    if (f == NULL)
        return;
    uint32_t present = stalled ? x->eap_state.present : e->gap_present;
    uint32_t announced = stalled ? x->eap_state.announced : e->gap_announced;
    if (announced > 0)
        finding_evidence(out, f, stalled ? x->last_from_server : e->gap_place, "%u of %u bytes of the TLS flight present",
                         present, announced);
    else
        finding_evidence(out, f, stalled ? x->last_from_server : e->gap_place, "%u bytes of the TLS flight present", present);
    if (!fresh)
        return;
    bool sure = stalled && !capture_has_holes(in, x);
    f->severity = sure ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = sure ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    finding_title(f, "logins stop in the middle of the server's certificates: EAP fragments are lost");
    const char *then = x->last_from_client ? "the server's next fragment did not" : "the client said nothing more";
    if (announced > 0)
        finding_explain(f, "Of a flight of %u bytes only %u came, then %s.", announced, present, then);
    else
        finding_explain(f, "%u bytes of a flight came, then %s.", present, then);
    finding_explain(f, "Large packets, and those with certificates are, get lost first where the MTU is small or a "
                       "firewall drops IP fragments; without its certificates the login cannot go on.");
    finding_fix(f, "Let IP fragments pass on the whole way: RADIUS server, RRAS, client.");
    finding_fix(f,
                "Or avoid them: NPS console > Policies > Network Policies > your VPN policy > Properties > Settings > "
                "RADIUS Attributes > Standard > Add: Framed-MTU 1344.");
}

static void unfinished(struct findings *out, const struct exchange *x)
{
    const struct alert_fact *alert;
    bool fresh;
    if ((x->outcome != OUTCOME_ABORTED && x->outcome != OUTCOME_INCOMPLETE) || x->close_reason == CLOSE_EVICTED ||
        !x->eap.seen || x->first_from_server.frame == 0 || x->begun_before)
        return;
    if (judge_quiet_ns(x) < 60 * INT64_C(1000000000) || x->eap.fragment_gap || stalled_in_flight(x) ||
        x->radius.unanswered_place.frame != 0)
        return;
    enum client_answer answer = judge_client_answer(x, &alert);
    if (answer == ANSWER_SILENT || answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        return;
    struct finding *f = raise(out, FINDING_EAP_UNFINISHED, x, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last, "last message of the login");
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_STRONG;
    finding_title(f, "logins stop in the middle, without success or failure");
    finding_explain(f,
                    "The %s did not go on although the capture does. The user may have cancelled, the device "
                    "gone to sleep, or packets get lost on the way to this capture point.",
                    x->last_from_client ? "server" : "client");
    finding_fix(f,
                "Capture on the RRAS external NIC at the same time to see whether the client's packets arrive there.");
}

static bool old_version(const struct tls_facts *t)
{
    return t->version != 0 && t->version < 0x0303;
}

static bool bad_suite(const struct tls_facts *t)
{
    enum tls_suite_weakness weak = tls_cipher_suite_weakness(t->cipher_suite);
    return weak != TLS_SUITE_OK && weak != TLS_SUITE_UNKNOWN;
}

static void weak_tls(struct findings *out, const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    char negotiated[DESCRIBE_MAX];
    if (!t->server_hello)
        return;
    bool old = old_version(t), bad = bad_suite(t), fresh;
    if (!old && !bad)
        return;
    struct finding *f =
        raise(out, FINDING_EAP_WEAK_TLS, x, (uint64_t)t->version << 16 | (bad ? t->cipher_suite : 0), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, t->server_hello_place, "ServerHello");
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "logins use weak TLS: %s", describe_tls(negotiated, t));
    if (old)
        finding_explain(f,
                        "Current systems no longer speak TLS before 1.2: when one side is updated, these logins fail.");
    if (bad)
        finding_explain(f, "The cipher suite is broken or too weak to protect passwords.");
    finding_fix(f, "Enable TLS 1.2 with AES-GCM suites on both sides (Windows: SCHANNEL registry keys, group policy), "
                   "then switch the old "
                   "versions and suites off.");
}

/* RADIUS of a VPN server: IKEv2's, SSTP's or IPsec's encryption goes around what its client says, PPTP's only begins after it. */
static bool of_encrypted_vpn(const struct exchange *x)
{
    enum { VIRTUAL = 5, PPTP = 1 };
    const struct radius_facts *r = &x->radius;
    return x->type == CONVERSATION_RADIUS && r->tunnel_type != PPTP &&
           (r->tunnel_type != UINT32_MAX || r->nas_port_type == VIRTUAL || r->tunnel_client_endpoint.len > 0);
}

static void weak_method(struct findings *out, const struct exchange *x)
{
    uint8_t type = x->eap.method;
    bool fresh;
    if (!password_method(type) || (type == EAP_TYPE_MSCHAPV2 && of_encrypted_vpn(x)))
        return;
    struct finding *f = raise(out, FINDING_EAP_WEAK_METHOD, x, type, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->eap.last_response, "%s in clear", method_name(type));
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "logins use %s without a protecting tunnel", method_name(type));
    finding_explain(f, "%s, and the client does not check which server it talks to.",
                    type == EAP_TYPE_GTC ? "Who reads the exchange reads the password"
                                         : "Who reads the exchange can try passwords offline");
    finding_fix(f, "Use PEAP or EAP-TLS, with validation of the server's certificate.");
}

bool rule_has_gaps(const struct exchange *x)
{
    if (x->type == CONVERSATION_EAPOL)
        return x->eap.seen && (!x->eap.client_answered || x->eap.responses > x->eap.requests);
    return x->type == CONVERSATION_RADIUS && (x->radius.requests != x->radius.challenges + 1 || x->eap.fragment_gap);
}

bool rule_failure_explained(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    if (judge_client_refused(x) || naked(&x->eap) || x->radius.ms_chap_error != 0 || x->eap.mschapv2_error != 0)
        return true;
    if (!t->seen)
        return password_method(x->eap.method);
    if (t->client_certificate_empty || judge_server_alert(t) != NULL || hidden_client_certificate(x))
        return true;
    if (!t->server_hello)
        return hello_unanswered(x);
    if (t->client_certificate && !server_settled(x))
        return true;
    return judge_tunnel_up(x) ? credentials_tried(x) || x->has_inner : t->client_certificate;
}

void rules_eap(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = s->main;
    if (x->eap.seen) {
        method_refused(out, x, false);
        handshake_rules(out, x);
        if (x->has_inner)
            method_refused(out, x, true);
        if (inner_server_alert(x) != NULL)
            server_refused_client(out, x, &x->inner.tls, inner_server_alert(x));
        weak_tls(out, x);
        if (!rule_in_tunnel(x)) { /* where that stops is IKE's or PPP's to tell */
            fragments_lost(out, in, x);
            unfinished(out, x);
        }
        const struct exchange *around = s->tunnel != NULL ? s->tunnel : x;
        if (!exchange_is_ike(around) && around->type != CONVERSATION_SSTP) /* their encryption goes around every method */
            weak_method(out, x);
    }
    credentials(out, x);
}

bool rule_weak_tls(const struct tls_facts *t)
{
    return old_version(t) || bad_suite(t);
}

/* The others are about logins that were not established, about weak TLS, or about what is inside the tunnel. */
bool rules_eap_uneventful(const struct exchange *x)
{
    return x->outcome == OUTCOME_ESTABLISHED && !x->has_inner && !password_method(x->eap.method);
}
