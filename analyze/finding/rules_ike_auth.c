/* IKE_AUTH that is lost, split or refused. wire-facts 1.1 K3 to K6, K10 to K12, 3.7. */
#include "analyze/finding/rules_ike.h"

#include <stdio.h>

enum { UDP_PAYLOAD_MTU = 1472 };  /* what fits one IPv4 packet of 1,500 bytes */
enum { IKE_AUTH_SHARED_KEY = 2 }; /* RFC 7296 section 3.8 */
#define BEGINNING_NS (30 * INT64_C(1000000000)) /* a client that gets no answer repeats itself about as long */

#define SERVER_FRAGMENTATION                                                                                           \
    "On RRAS (Windows Server 1803 or later) create "                                                                   \
    "HKLM\\SYSTEM\\CurrentControlSet\\Services\\RemoteAccess\\Parameters\\Ikev2 "                                      \
    "> EnableServerFragmentation (DWORD) = 1 and restart RemoteAccess; strongSwan: fragmentation = yes"

static bool lost_is_ike(const struct net_lost_fragments *l)
{
    return l->src.port == 4500 || l->dst.port == 4500 || l->src.port == 500 || l->dst.port == 500;
}

/* The entry of lost IP fragments between the two parties; NULL. */
static const struct lost_pair *lost_between(const struct rule_input *in, const struct exchange *x, bool *from_client)
{
    for (size_t i = 0; i < in->lost_count; i++) {
        const struct lost_pair *p = &in->lost[i];
        if (rule_lost_in(p, x, from_client) && (p->first_only == 0 || lost_is_ike(&p->example)))
            return p;
    }
    return NULL;
}

static void explain_fragmentation(struct finding *f, const struct ike_facts *k)
{
    if (k->fragmentation_initiator && !k->fragmentation_responder)
        finding_explain(
            f, "The client offers IKE's own fragmentation (RFC 7383), which avoids this; the server does not.");
    else if (!k->fragmentation_initiator && k->fragmentation_responder)
        finding_explain(
            f, "The server offers IKE's own fragmentation (RFC 7383), which avoids this; the client does not (Windows "
               "10 before 1803, or a profile with DisableIKEv2Fragmentation).");
    else if (!k->fragmentation_initiator && k->init_requests > 0)
        finding_explain(f, "Neither side offers IKE's own fragmentation (RFC 7383), which avoids this.");
}

static void fix_fragments(struct finding *f, const struct ike_facts *k)
{
    if (!k->fragmentation_responder || !k->fragmentation_initiator)
        finding_fix(f, SERVER_FRAGMENTATION ".");
    finding_fix(f, "Let firewalls, NAT devices and load balancers on the way pass IP fragments, to the same server as "
                   "the rest of the session.");
}

/* The message of which parts are missing here arrived whole where it was to go: the other side answered it, or went on.
 */
static bool went_on_all_the_same(const struct ike_facts *k, bool from_client)
{
    bool after = k->informational_seen || k->child_seen || k->state.esp_packets[0] > 0;
    bool asked_again = k->auth_request_retransmissions > 0;
    return from_client ? k->auth_responses > 0 && !k->state.request_waiting : after && !asked_again;
}

static bool ip_fragments_lost(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool from_client, fresh;
    const struct lost_pair *p = lost_between(in, x, &from_client);
    if (p == NULL || went_on_all_the_same(k, from_client))
        return false;
    /* A message that matters is sent again; one part may be missing in the capture only. */
    bool again = p->datagrams > 1;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_FRAGMENTS_LOST, x, from_client ? 1 : 2, &fresh);
    if (f == NULL)
        return true;
    if (!fresh && again) {
        rule_worsen(f, SEVERITY_CRITICAL);
        f->confidence = CONFIDENCE_CERTAIN;
    }
    finding_evidence(out, f, p->example.first,
                     p->example.first_seen ? "first IP fragment, the rest never came"
                                           : "later IP fragments, the first never came");
    if (!fresh)
        return true;
    f->severity = again ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = again ? CONFIDENCE_CERTAIN : CONFIDENCE_HINT;
    f->client_error = 809;
    finding_title(f, "IP fragments of IKE_AUTH messages are lost %s",
                  from_client ? "on the way to the VPN server" : "on the way to the client");
    finding_explain(
        f,
        "Of %llu datagram%s only a part arrived here. IKE_AUTH carries certificates and a list of authorities, so it "
        "is larger than a packet and is cut into IP fragments; the message counts only when all of them come.",
        (unsigned long long)p->datagrams, p->datagrams == 1 ? "" : "s");
    explain_fragmentation(f, k);
    fix_fragments(f, k);
    return true;
}

static bool skf_fragments_lost(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    const struct ike_state *s = &k->state;
    bool fresh;
    if (s->fragments_waiting == 0 || s->fragments_announced == 0 || !judge_ike_fragments_in_vain(x))
        return false;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_FRAGMENTS_LOST, x, s->fragments_from_initiator ? 3 : 4, &fresh);
    if (f == NULL)
        return true;
    finding_evidence(out, f, s->waiting_last.frame != 0 ? s->waiting_last : x->last,
                     "message %u: %u of %u IKE fragments", s->fragments_message_id, s->fragments_waiting,
                     s->fragments_announced);
    if (!fresh)
        return true;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = 809;
    finding_title(f, "fragments of an IKE message are missing");
    finding_explain(
        f,
        "The message was sent as %u IKE fragments (RFC 7383) and only %u of them %s in the capture, repetitions "
        "included. Each is a datagram of its own, so single ones are dropped on the way.",
        s->fragments_announced, s->fragments_waiting, s->fragments_waiting == 1 ? "is" : "are");
    finding_fix(f, "Look for what drops some UDP 4500 datagrams: rate limits, a firewall that inspects IKE, a smaller "
                   "MTU on the way.");
    return true;
}

/* In how many IKE fragments (RFC 7383) the first message of IKE_AUTH of one side came; 0: in one piece. */
static unsigned ike_fragments(const struct ike_facts *k, bool response)
{
    for (unsigned i = 0; i < k->length_count; i++)
        if (k->lengths[i].exchange == IKE_AUTH && k->lengths[i].response == response)
            return k->lengths[i].fragments;
    return 0;
}

/* Larger than a packet, and cut by IP: IKE's own fragments are datagrams that fit. */
static bool is_cut_by_ip(const struct ike_facts *k, uint32_t length, bool response)
{
    return k->auth_ip_fragments > 0 || (length > UDP_PAYLOAD_MTU && ike_fragments(k, response) == 0);
}

static void unanswered(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    unsigned pieces = ike_fragments(k, false);
    bool fresh, large = is_cut_by_ip(k, k->auth_request_length, false);
    if (k->auth_request_retransmissions == 0 && k->unreachable == 0)
        return;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_UNANSWERED, x, large, &fresh);
    if (f == NULL)
        return;
    if (k->init_response.frame != 0)
        finding_evidence(out, f, k->init_response, "IKE_SA_INIT is answered");
    finding_evidence(out, f, k->auth_request, "IKE_AUTH, %u bytes, sent %u times, never answered",
                     k->auth_request_length, k->auth_request_retransmissions + 1);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = 809;
    finding_title(f, "the VPN server answers IKE_SA_INIT, but never IKE_AUTH%s",
                  large ? ", whose messages are larger than a packet" : "");
    finding_explain(f, "The client repeats the same IKE_AUTH request%s and gets nothing back.",
                    k->floated ? " on UDP 4500" : "");
    if (large) {
        finding_explain(
            f,
            "It is too large for one packet of 1,500 bytes, so it travels as IP fragments, which many firewalls, NAT "
            "devices and load balancers drop.");
        explain_fragmentation(f, k);
        fix_fragments(f, k);
    } else if (pieces > 0) {
        finding_explain(
            f,
            "It comes as %u IKE fragments (RFC 7383), each of which fits one packet, so IP fragments are "
            "not the cause: UDP 4500 is blocked, single datagrams are dropped (the larger ones, by a smaller "
            "MTU on the way), or a load balancer sends port 4500 to another server than port 500.",
            pieces);
    } else {
        finding_explain(
            f, "It fits one packet, so lost fragments are not the cause: UDP 4500 is blocked, or a load balancer sends "
               "port 4500 to another server than port 500.");
    }
    finding_fix(f, "Let UDP 4500 pass wherever UDP 500 does, and make the load balancer keep both ports of a client on "
                   "one server.");
    finding_fix(f, "Capture on the server's external NIC: does the request arrive there, whole?");
}

/* Seen at the server: it answers, and the client does not hear it. */
static void answer_lost(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, large = is_cut_by_ip(k, k->auth_response_length, true);
    struct finding *f =
        rule_ike_raise(out, large ? FINDING_IKE_FRAGMENTS_LOST : FINDING_IKE_AUTH_UNANSWERED, x, 5, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->auth_response, "IKE_AUTH answered, %u bytes", k->auth_response_length);
    finding_evidence(out, f, k->auth_request_last, "the same request again, %u times after the answer",
                     k->auth_repeated_although_answered);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = 809;
    finding_title(f, large ? "IKE_AUTH answers, which are larger than a packet, do not reach the client"
                           : "IKE_AUTH answers do not reach the client");
    finding_explain(
        f, "The server answers, and the client goes on repeating the same request, so it does not hear the answer.");
    if (large) {
        finding_explain(
            f, "The answer carries the server's certificates and travels as IP fragments, which many firewalls and NAT "
               "devices drop.");
        explain_fragmentation(f, k);
        fix_fragments(f, k);
    } else {
        finding_fix(f, "Follow the way back to the client: default gateway of the server on its external NIC, "
                       "firewall, load balancer.");
    }
}

/* K5 and K6: only the second half arrives here; the server says so; or both halves are in the capture. */
enum split { SPLIT_HALF, SPLIT_TOLD, SPLIT_SEEN };

/* The first half may just not be in the captures: filtered out, or before their beginning. */
static bool first_half_hidden(const struct rule_input *in, const struct exchange *x)
{
    if (in->totals == NULL || in->totals->ike_clear == 0)
        return true;
    for (size_t i = 0; i < in->capture_count; i++) {
        int64_t since = x->first.time_ns - in->captures[i].info.first_ns;
        if (since >= 0 && since < BEGINNING_NS)
            return true;
    }
    return false;
}

static void explain_split(struct finding *f, const struct exchange *x, enum split how)
{
    char one[ADDRESS_TEXT], other[ADDRESS_TEXT];
    switch (how) {
    case SPLIT_HALF:
        finding_explain(
            f, "IKE_AUTH requests arrive on UDP 4500 whose IKE_SA_INIT was never seen here. The load balancer chooses "
               "a server for each port anew.");
        break;
    case SPLIT_TOLD:
        finding_explain(f, "The server answers that it does not know the association (INVALID_IKE_SPI): %s.",
                        x->ike.auth_responses > 0
                            ? "it knew it before, so the load balancer changed servers in the middle of the login, "
                              "or this one was restarted"
                            : "it was begun with another server, or this one was restarted");
        break;
    case SPLIT_SEEN:
        finding_explain(
            f,
            "In the first such login, IKE_SA_INIT (UDP 500) went to %s, IKE_AUTH (UDP 4500) of the same association to "
            "%s, which does not know it and is silent.",
            address_text(one, &x->ike.init_responder.address), address_text(other, &x->ike.auth_responder.address));
        break;
    }
}

static void split(struct findings *out, const struct rule_input *in, const struct exchange *x, enum split how)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, hidden = how == SPLIT_HALF && first_half_hidden(in, x);
    if (how == SPLIT_HALF && k->auth_request_retransmissions == 0)
        return; /* sent once, so it was answered, or its client gave up */
    uint64_t variant = (uint64_t)hidden << 8 | how;
    /* Seen whole it is the load balancer's fault, whichever two servers it was. */
    struct finding *f = how == SPLIT_SEEN ? findings_raise(out, FINDING_IKE_BACKEND_SPLIT, "", variant, &fresh)
                                          : rule_ike_raise(out, FINDING_IKE_BACKEND_SPLIT, x, variant, &fresh);
    if (f == NULL)
        return;
    if (how == SPLIT_SEEN)
        finding_evidence(out, f, k->init_request, "IKE_SA_INIT to one server");
    finding_evidence(out, f, k->auth_request.frame != 0 ? k->auth_request : x->first,
                     how == SPLIT_SEEN ? "IKE_AUTH to another"
                                       : "message of an association that this server never began");
    if (!fresh)
        return;
    f->severity = hidden ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = hidden ? CONFIDENCE_HINT : how == SPLIT_SEEN ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = 809;
    finding_title(f, hidden ? "IKE_AUTH is not answered; ports 500 and 4500 of one client may reach different servers"
                            : "ports 500 and 4500 of one client reach different VPN servers");
    explain_split(f, x, how);
    if (hidden)
        finding_explain(f, "But the capture holds no IKE_SA_INIT at all, or begins only shortly before: its first half "
                           "may have been filtered out or missed. Capture UDP 500 and 4500, from before the client "
                           "dials.");
    finding_fix(
        f,
        "Set the load balancer's affinity to the client's address alone, over both ports (Azure Load Balancer: session "
        "persistence \"Client IP\" does not join UDP 500 and 4500 of one rule set reliably; better use SSTP behind "
        "it).");
}

static void refused_by_server(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    const char *name = k->auth_error != 0 ? ike_notify_name(0x20, k->auth_error) : NULL;
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, 0x30000u | k->auth_error, &fresh);
    if (f == NULL)
        return;
    struct place place = k->auth_error != 0  ? k->auth_error_place
                         : k->ms_status != 0 ? k->ms_status_place
                                             : k->auth_response;
    if (j.read)
        finding_evidence(out, f, place, "%s inside IKE_AUTH", name != NULL ? name : "an error");
    else
        finding_evidence(out, f, place, "the first IKE_AUTH response has %u bytes: too small for anything but an error",
                         k->auth_response_length);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = k->ms_status > 0 && k->ms_status < 65536 ? k->ms_status : 13801;
    finding_title(f, "the VPN server refuses clients in its first IKE_AUTH answer");
    finding_explain(
        f, "Instead of its certificate the server sends an error%s%s: it does not accept the client's identity, %s.",
        name != NULL ? ", " : "", name != NULL ? name : "",
        k->initiator_auth == IKE_AUTH_SHARED_KEY ? "or its pre-shared key is another one" : "certificate or signature");
    if (k->ms_status != 0)
        finding_explain(f, "Windows' own error code inside is %u.", k->ms_status);
    if (k->initiator_auth == IKE_AUTH_SHARED_KEY) {
        finding_fix(f, "Compare the pre-shared key of both sides, and for which identities the server has it.");
        return;
    }
    finding_fix(
        f, "Machine certificates (device tunnel): does the certificate chain to a root that RRAS is told to accept "
           "(Set-VpnAuthProtocol -RootCertificateNameToAccept), has it the Client Authentication EKU, is it valid and "
           "not revoked?");
    finding_fix(f, "User tunnels: is EAP allowed on RRAS (server > Properties > Security > Authentication Methods > "
                   "EAP and, for device "
                   "tunnels, machine certificate authentication for IKEv2)?");
}

static void fix_refused_certificate(struct finding *f, const struct rule_input *in, const struct exchange *x)
{
    const struct chain *c = rule_chain(in, x->ike.server_chain);
    if (!x->ike.decrypted)
        finding_explain(f, "The certificate itself is encrypted: give --ike-keys to have it checked.");
    if (rule_vpn_certificate_fault(in, x)) {
        finding_explain(f, "The certificate has a fault that explains it: see the cert-* findings.");
        finding_fix(f, "Mend the certificate first, as the cert-* findings say.");
        return;
    }
    if (c != NULL && chain_checks_of(c, ROLE_IKEV2)->chain == CHECK_UNKNOWN)
        finding_explain(f,
                        "Which roots the clients trust was not given: give --trusted-root to have its chain checked.");
    else if (c != NULL)
        finding_explain(f, "The certificate passes every check against the roots given, so look at the client: its "
                           "machine store, its clock, and whether the name that it dials is in the certificate.");
    finding_fix(f, "The IKEv2 certificate of RRAS needs the name that clients dial (as DNS name in the SAN; an address "
                   "there, too, must be "
                   "a DNS name), the Server Authentication EKU, and a chain to a root in the clients' machine store.");
    finding_fix(f, "certlm.msc on RRAS: of several such certificates RRAS prefers the one that also has the EKU IP "
                   "security IKE intermediate.");
}

static void refused_by_client(struct findings *out, const struct rule_input *in, const struct exchange *x,
                              struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, 0x40000u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->auth_response, "the server's first IKE_AUTH answer, %u bytes: its certificate",
                     k->auth_response_length);
    if (j.read)
        finding_evidence(out, f, k->auth_error_place, "the client's error notify");
    else
        finding_evidence(out, f, k->first_informational, "the client ends the association");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = 13801;
    finding_title(f, "clients refuse the VPN server's certificate");
    finding_explain(f, "The server's first IKE_AUTH answer carries its certificate; the client %s instead of going on.",
                    j.read ? "answers with an error" : "ends the association at once");
    fix_refused_certificate(f, in, x);
}

/* As a filter for UDP 500 leaves it. */
static bool only_first_port(const struct rule_input *in)
{
    const struct analysis_totals *t = in->totals;
    return t != NULL && t->packets > 0 && t->ike_encrypted == 0 &&
           t->ike_clear + in->counters->net.duplicates >= t->packets;
}

/* A client that has no certificate never gets to IKE_AUTH (13806); at the server a blocked port 4500 looks the same. */
static void never_goes_on(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, filtered = only_first_port(in);
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, filtered ? 0x50001u : 0x50000u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->init_response, "IKE_SA_INIT is answered, and nothing follows");
    if (!fresh)
        return;
    f->severity = filtered ? SEVERITY_INFO : SEVERITY_WARNING;
    f->confidence = CONFIDENCE_HINT;
    f->client_error = filtered ? 0 : 13806;
    finding_title(f, "clients begin IKE and never go on after the server's answer");
    if (filtered)
        finding_explain(f, "The capture holds nothing but IKE_SA_INIT, as a filter for UDP 500 leaves it: what follows "
                           "on UDP 4500 cannot be in it. Capture both ports to know.");
    finding_explain(f, "Taken at the client: it has no usable certificate for IKEv2 (13806). Taken at the server: the "
                       "same, or the client "
                       "does not get the answer, or its IKE_AUTH on UDP 4500 does not arrive (809).");
    if (k->init_response_retransmissions > 0 || k->init_request_retransmissions > 0)
        finding_explain(f, "The client repeats its request although it was answered: the answer does not reach it.");
    finding_fix(f, "On the client look for a certificate with private key and the Client Authentication EKU in the "
                   "machine store.");
    finding_fix(f, "Capture on the client at the same time: does the answer come, does it send IKE_AUTH?");
}

void rules_ike_auth(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    if (x->type != CONVERSATION_IKE || j.end == IKE_END_ESTABLISHED)
        return;
    bool lost = x->outcome != OUTCOME_REJECTED && (ip_fragments_lost(out, in, x) || skf_fragments_lost(out, x));
    if (j.end == IKE_END_UNKNOWN_SPI)
        split(out, in, x, SPLIT_TOLD);
    else if (j.end == IKE_END_SPLIT)
        split(out, in, x, SPLIT_SEEN);
    else if (j.end == IKE_END_AUTH_UNANSWERED && x->begun_before && k->init_requests == 0 && k->init_responses == 0 &&
             k->auth_requests > 0)
        split(out, in, x, SPLIT_HALF);
    else if (j.end == IKE_END_AUTH_UNANSWERED && !lost)
        unanswered(out, x, j);
    else if (j.end == IKE_END_ANSWER_LOST && !lost)
        answer_lost(out, x, j);
    else if (j.end == IKE_END_AUTH_REFUSED)
        refused_by_server(out, x, j);
    else if (j.end == IKE_END_CLIENT_REFUSED)
        refused_by_client(out, in, x, j);
    else if (j.end == IKE_END_NO_AUTH && !lost)
        never_goes_on(out, in, x);
}
