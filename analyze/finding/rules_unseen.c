/* Certificates that could not be seen, why, and where they can. wire-facts 5.4, 5.5, 2.8. */
#include "analyze/finding/rules.h"
#include "analyze/session/ike_lengths.h"
#include "analyze/session/judge_ike.h"
#include "analyze/session/sstp_lengths.h"

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
    UNSEEN_SSTP_KEY_WRONG,
    UNSEEN_SSTP_OWN,
    UNSEEN_SSTP_OWN_RESUMED,
    UNSEEN_KEY_PART
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
    if (sstp_reading_of(f).flight == SSTP_FLIGHT_NONE) /* another method than EAP with TLS, or resumed */
        return 0;
    return f->tls.decryption_failed ? UNSEEN_SSTP_KEY_WRONG : UNSEEN_IN_SSTP;
}

/* Without the server's handshake secret the rest of a key log opens all but the certificate; RFC 8879 packs it. */
static enum unseen why_unseen_in_tls13(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    bool passed = t->data_from_client || x->outcome == OUTCOME_ESTABLISHED || judge_client_refused(x);
    if (t->decryption_failed)
        return UNSEEN_KEY_WRONG;
    if (!t->decrypted)
        return UNSEEN_TLS13;
    return !t->certificate_seen && passed ? UNSEEN_KEY_PART : 0;
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
        return why_unseen_in_tls13(x);
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

static void explain_in_sstp(struct finding *f, const struct rule_input *in, enum unseen why)
{
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
            f, "A resumed session (PEAP fast reconnect) sends no certificate, and no full handshake that could be "
               "read is in this capture of that server.");
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
    case UNSEEN_KEY_PART:
        finding_explain(f, "The TLS secrets given open later records of these logins, but not the message with the certificate: "
                           "SERVER_HANDSHAKE_TRAFFIC_SECRET is not among them, or the server compresses it (RFC 8879).");
        finding_fix(f, "Give the whole key log of the logins, as the library wrote it.");
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
        explain_in_sstp(f, in, why);
        break;
    default:
        break;
    }
}

/* Where the certificate would be, or from where on it is hidden. */
static struct place where_unseen(const struct exchange *x)
{
    if (x->eap.tls.hello.frame != 0)
        return x->eap.tls.hello;
    if (exchange_is_ike(x) && x->ike.auth_response.frame != 0)
        return x->ike.auth_response;
    if (x->type == CONVERSATION_SSTP && x->sstp.tls.finished.frame != 0)
        return x->sstp.tls.finished;
    if (x->type == CONVERSATION_SSTP && x->sstp.tls.server_hello)
        return x->sstp.tls.server_hello_place;
    return x->first;
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
        [UNSEEN_KEY_PART] = "the TLS secrets given do not open it",
    };
    enum unseen why = why_unseen(in, x);
    bool fresh;
    if (why == 0 || known_anyway(in, x, why))
        return;
    struct finding *f = findings_raise(out, FINDING_CERT_UNSEEN, "", why, &fresh);
    if (f == NULL)
        return;
    bool in_ike = why == UNSEEN_IN_IKE || why == UNSEEN_IKE_KEY_WRONG;
    bool in_sstp = why == UNSEEN_IN_SSTP || why == UNSEEN_SSTP_KEY_WRONG;
    finding_evidence(out, f, where_unseen(x), in_sstp ? "what follows is inside of TLS: login whose certificate is not readable"
                                                      : "login whose certificate is not readable");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "%s: %s",
                  in_ike    ? "the servers' certificates could not be read in some VPN connections"
                  : in_sstp ? "the certificate of NPS could not be read in some SSTP connections"
                            : "the server's certificate could not be read in some logins",
                  reason[why]);
    explain_unseen(f, in, why);
}

/* Shown by that server as SSTP's own. */
static bool own_seen(const struct rule_input *in, const struct exchange *x)
{
    for (size_t i = 0; i < chains_count(in->chains); i++) {
        const struct chain *c = chains_at(in->chains, i);
        for (size_t k = 0; (c->roles & ROLE_SSTP) != 0 && k < c->presenter_count; k++)
            if (address_equal(&c->presenters[k].server.address, &x->server.address))
                return true;
    }
    return false;
}

/* The certificate of SSTP itself, which TLS 1.3 encrypts and a resumed session does not repeat. */
static void own_unseen(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct tls_facts *t = &x->sstp.tls;
    bool tls13 = t->version == 0x0304 && !t->resumed, fresh;
    if (x->sstp.kind != SSTP_KIND_TUNNEL || !t->server_hello || t->server_chain != 0 || t->certificate_too_many ||
        !(t->resumed || (tls13 && !t->decrypted)) || own_seen(in, x))
        return;
    struct finding *f =
        findings_raise(out, FINDING_CERT_UNSEEN, "", tls13 ? UNSEEN_SSTP_OWN : UNSEEN_SSTP_OWN_RESUMED, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, t->server_hello_place, tls13 ? "ServerHello; what follows is encrypted, the certificate first of all"
                                                          : "ServerHello of a resumed session, which has no certificate");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the VPN server's own certificate could not be read in some SSTP connections: %s",
                  tls13 ? "TLS 1.3 encrypts it" : "the TLS sessions were resumed");
    finding_explain(f, "So it was not checked here; what a client thinks of it shows all the same, by an alert or by "
                       "hanging up.");
    finding_fix(f, "Look at it from outside: openssl s_client -connect SERVER:443 -servername NAME -showcerts.");
    finding_fix(f, tls13 ? "Or give the TLS secrets of the connections with --keylog."
                         : "Or capture longer: a client's first connection is a full handshake.");
}

/* The login that tells of NPS' certificate; a closed association before it, which hides its own; SSTP's own. */
void rules_certificate_unseen(struct findings *out, const struct rule_input *in, const struct session *s)
{
    unseen(out, in, s->main);
    for (size_t i = 0; i < s->exchange_count; i++) {
        if (s->exchanges[i] != s->main && exchange_is_ike(s->exchanges[i]))
            unseen(out, in, s->exchanges[i]);
        if (s->exchanges[i]->type == CONVERSATION_SSTP)
            own_unseen(out, in, s->exchanges[i]);
    }
}

bool rules_resumed_uneventful(const struct server *server)
{
    return server->chain_count > 0;
}
