/* How IKEv2 ends after the servers' certificate: EAP as lengths show it, and child associations that are refused.
 * wire-facts 3.8, 1.2. What keys opened of EAP itself is judged by the rules that serve RADIUS, too. */
#include "analyze/finding/rules_ike.h"

#include "analyze/session/ike_lengths.h"

#define NPS_EVENTS                                                                                                     \
    "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event 6273 "  \
    "names the reason"
#define BETTER_PLACE                                                                                                   \
    "Capture between RRAS and NPS (UDP 1812) and analyse that: there the certificate is readable; or give --ike-keys " \
    "with --keylog"

static void client_refused_eap_server(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    struct ike_eap_reading r = ike_read_lengths(k);
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, x, 0x1ce, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->auth_request_last,
                     "a request of the size of a TLS alert, where an acknowledgment belongs");
    finding_evidence(out, f, k->auth_response_last, "an answer of the size of EAP-Failure, and nothing after it");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = 864;
    finding_title(f, "the lengths inside IKE show that clients refuse the certificate of the EAP server (NPS)");
    finding_explain(
        f,
        "Nothing here is readable, but the order of lengths is that of a refusal: after the server's large flight (%u "
        "full message%s, its certificates) the client sends a message of the size of a TLS alert instead of an empty "
        "acknowledgment, the server answers with EAP-Failure, and the client stops.",
        r.large_flight, r.large_flight == 1 ? "" : "s");
    finding_explain(f, "Which certificate it was, and what is wrong with it, cannot be seen here.");
    finding_fix(f, BETTER_PLACE ".");
    finding_fix(f, "NPS console > Policies > Network Policies > your VPN policy > Properties > Constraints > "
                   "Authentication Methods > "
                   "Microsoft: Protected EAP (PEAP) > Edit: is the certificate selected there the one whose root and "
                   "name the clients expect?");
}

static void eap_failed(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, whole = ike_lengths_are_whole(k);
    /* No method ran: there was but the identity. */
    bool early = j.read ? x->eap.method == 0 : whole && k->auth_last_id <= 2;
    uint64_t variant = (early ? 0xa0000u : whole || j.read ? 0x60000u : 0xc0000u) | k->auth_error;
    if (j.read && (x->eap.tls.seen || x->eap.method != 0))
        return; /* the rules about EAP know better */
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->auth_response_last,
                     j.read ? "the server's error after EAP"
                            : "an answer of the size of EAP-Failure, and nothing after it");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.read ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = k->ms_status > 0 && k->ms_status < 65536 ? k->ms_status : j.read || early || !whole ? 0 : 691;
    finding_title(f, "user authentication (EAP) fails inside IKE_AUTH");
    finding_explain(
        f, "The VPN server and its certificate were accepted, EAP ran for %u round%s, and then came a failure.",
        k->auth_last_id, k->auth_last_id == 1 ? "" : "s");
    if (early)
        finding_explain(
            f,
            "It came right after the client's first answer, where %s no password or certificate %s: the server "
            "or a policy refuses this user or his way of connecting (Windows then says 812), or RADIUS was "
            "not reached.",
            j.read ? "" : "with most methods", j.read ? "was asked for" : "was asked for yet");
    else if (!j.read && !whole)
        finding_explain(f,
                        "EAP is encrypted here and some of its messages are not in the capture, so that a client that "
                        "refuses the certificate of the EAP server (864) cannot be told from a wrong password (691).");
    else if (!j.read)
        finding_explain(f, "EAP is encrypted here: password, policy or client certificate, this capture cannot tell.");
    finding_fix(f, NPS_EVENTS ".");
    if (!j.read)
        finding_fix(f, BETTER_PLACE ".");
}

/* Tunnels are renewed within hours; what both sides have in common for that is not tried before. */
static void renewal_refused(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_NO_PROPOSAL_CHOSEN, x, 0xb0000u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->later_error_place, "NO_PROPOSAL_CHOSEN in the answer to CREATE_CHILD_SA");
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "tunnels come up, but their keys cannot be renewed: no proposal in common");
    finding_explain(
        f,
        "The %s refuses the other side's CREATE_CHILD_SA. A tunnel's first keys come with IKE_AUTH, where no "
        "Diffie-Hellman group is agreed upon, so that a mismatch of groups (PFS) shows only here; the tunnel "
        "ends when its keys do.",
        k->later_error_from_initiator ? "client" : "VPN server");
    finding_fix(
        f, "Use the same -PfsGroup (strongSwan: the group in esp_proposals) and the same algorithms on both sides.");
}

/* The same without keys: that it is refused shows, not why. Once may be a collision of two renewals (RFC 7296 section 2.25). */
static void renewal_refused_unread(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, again = k->child_refusals > 1;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_NO_PROPOSAL_CHOSEN, x, again ? 0xb0001u : 0xb0002u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->child_refusal_place, "an answer to CREATE_CHILD_SA that holds an error only; %u in a row",
                     k->child_refusals);
    if (!fresh)
        return;
    f->severity = again ? SEVERITY_WARNING : SEVERITY_INFO;
    f->confidence = again ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    finding_title(f, again ? "tunnels come up, but the %s refuses again and again to renew their keys"
                           : "the %s refuses to renew a tunnel's keys",
                  k->child_refused_by_initiator ? "client" : "VPN server");
    finding_explain(f, "The error itself is encrypted. Most often both sides have no Diffie-Hellman group in common for the keys "
                       "that follow a tunnel's first ones (PFS), which shows only here, hours after the login: the tunnel ends when "
                       "its keys do.%s", again ? "" : " Two renewals at the same time are refused likewise, and tried again.");
    finding_fix(f, "Use the same -PfsGroup (strongSwan: the group in esp_proposals) and the same algorithms on both sides.");
}

static void eap_stalled(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    if (j.read && x->eap.seen)
        return;
    struct finding *f = rule_ike_raise(out, FINDING_EAP_UNFINISHED, x, j.client_silent ? 0x1ce0 : 0x1ce1, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last,
                     j.client_silent ? "the client's last chance to answer" : "a request that is not answered");
    if (!fresh)
        return;
    f->severity = j.client_silent ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = j.client_silent ? 0 : 930;
    if (j.client_silent) {
        finding_title(f, "clients stop in the middle of user authentication (EAP inside IKE_AUTH)");
        finding_explain(
            f,
            "After %u round%s the client did not go on: a prompt that nobody answers, a password that was refused, a "
            "client without a fitting certificate, or one that refuses the server's certificate without a word.",
            k->auth_responses, k->auth_responses == 1 ? "" : "s");
        finding_fix(f, BETTER_PLACE ".");
    } else {
        finding_title(f, "the VPN server stops in the middle of user authentication (EAP inside IKE_AUTH)");
        finding_explain(
            f,
            "After %u round%s the client's request was repeated and not answered, although the server answered before: "
            "most likely it got no answer from its RADIUS server.",
            k->auth_responses, k->auth_responses == 1 ? "" : "s");
        finding_fix(f, "Capture between RRAS and NPS (UDP 1812): are requests answered there?");
    }
}

/* Without keys the size of the final answer tells that there is no tunnel, not why. */
static void no_child(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_TS_UNACCEPTABLE, x, 0x70000u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->auth_response_last,
                     "a final IKE_AUTH answer that is too small for a child association");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    finding_title(f, "the VPN server accepts the user and then makes no tunnel");
    finding_explain(
        f,
        "Authentication went through: the server's final answer proves itself, but is too small to hold the tunnel's "
        "association. It refuses the proposal for the data, the traffic selectors, or has no address for the client; "
        "which of them is encrypted.");
    finding_fix(f, "Routing and Remote Access > server > Properties > IPv4: is the address pool large enough, does "
                   "DHCP answer RRAS?");
    finding_fix(
        f,
        "Compare the custom IPsec policies of both sides (-CipherTransformConstants, -PfsGroup); or give --ike-keys.");
}

static void child_refused(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    const char *name = ike_notify_name(0x20, k->child_error);
    bool proposal = k->child_error == IKE_N_NO_PROPOSAL_CHOSEN, fresh;
    bool address = k->child_error == IKE_N_INTERNAL_ADDRESS_FAILURE || k->child_error == IKE_N_FAILED_CP_REQUIRED;
    struct finding *f = rule_ike_raise(out, proposal ? FINDING_IKE_NO_PROPOSAL_CHOSEN : FINDING_IKE_TS_UNACCEPTABLE, x,
                                       0x70000u | k->child_error, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->child_error_place, "%s inside IKE_AUTH", name != NULL ? name : "an error notify");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = proposal ? 13868 : address ? 720 : 0;
    if (proposal) {
        finding_title(f, "client and server agree on no encryption for the tunnel's data (ESP)");
        finding_explain(f, "IKE itself came up and both sides authenticated; the child association was refused with "
                           "NO_PROPOSAL_CHOSEN.");
        finding_fix(f, "Use the same custom policy on both sides: -CipherTransformConstants, "
                       "-AuthenticationTransformConstants and -PfsGroup.");
    } else if (address) {
        finding_title(f, "the VPN server has no address for the client");
        finding_explain(
            f, "Both sides authenticated; then the server answered %s: its pool is used up, or DHCP gave it none.",
            name != NULL ? name : "an error");
        finding_fix(f, "Routing and Remote Access > server > Properties > IPv4: is the static pool large enough; does "
                       "the DHCP server "
                       "answer RRAS, which takes addresses in blocks of ten?");
    } else {
        finding_title(f, "the VPN server refuses the tunnel's traffic selectors (%s)", name != NULL ? name : "unknown");
        finding_explain(f, "Both sides authenticated, but what the client wants to send through the tunnel is not what "
                           "the server allows.");
        finding_fix(f, "Compare the address ranges on both sides (strongSwan: local_ts and remote_ts; Windows always "
                       "asks for everything).");
    }
}

/* Who deletes a tunnel may be gone before its goodbye is answered, and owes none to the other's. */
static bool dies(const struct exchange *x)
{
    enum { SENT = 3 };
    const struct ike_facts *k = &x->ike;
    const struct ike_state *s = &k->state;
    bool inside = s->waiting_exchange == IKE_INFORMATIONAL || s->waiting_exchange == CREATE_CHILD_SA;
    return s->request_waiting && inside && s->waiting_transmissions >= SENT && !s->waiting_deletes && !s->other_deletes &&
           k->auth_responses > 0 && x->close_reason != CLOSE_EVICTED;
}

/* A laptop that is shut is no fault; a server that falls silent is one, wherever. */
static void stops_answering(struct findings *out, const struct exchange *x)
{
    const struct ike_state *s = &x->ike.state;
    char server[ENDPOINT_TEXT];
    bool fresh, client_asks = s->waiting_from_initiator;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_NO_ANSWER, x, client_asks ? 0x100 : 0x101, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, s->waiting_first, "%s inside the tunnel's association, sent %u times, never answered",
                     ike_exchange_name(x->ike.version, s->waiting_exchange), s->waiting_transmissions);
    if (!fresh)
        return;
    f->severity = client_asks ? SEVERITY_WARNING : SEVERITY_INFO;
    f->confidence = CONFIDENCE_STRONG;
    endpoint_text(server, &x->server);
    if (client_asks)
        finding_title(f, "the VPN server %s stops answering clients whose tunnel stands", server);
    else
        finding_title(f, "clients of the VPN server %s go away without a goodbye", server);
    finding_explain(f, "The tunnel was up; then the %s repeated a request byte for byte and nothing came back. Unless the client went "
                       "on from another network (MOBIKE), the tunnel is dead.",
                    client_asks ? "client" : "server");
    finding_explain(f, client_asks ? "The server died or no longer knows the tunnel (a restart, another server behind a load balancer), "
                                     "or the way is gone: the client's own network, or a NAT or firewall that forgot the connection "
                                     "while it was idle."
                                   : "A client that sleeps, is switched off or changes networks does so, which is normal. When tunnels "
                                     "die while they are idle, a NAT or firewall forgot the connection.");
    if (client_asks)
        finding_fix(f, "Do all clients of this server fall silent at the same time (the server, its uplink), or single ones (theirs)?");
    finding_fix(f, "Tunnels that die when they are idle: raise the UDP timeout of firewalls and load balancers before the server above "
                   "the interval of keepalives (20 seconds for Windows).");
}

void rules_ike_end(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j)
{
    (void)in;
    if (x->type != CONVERSATION_IKE)
        return;
    if (x->ike.later_error == IKE_N_NO_PROPOSAL_CHOSEN)
        renewal_refused(out, x);
    else if (x->ike.child_refusals > 0 && x->ike.later_error == 0)
        renewal_refused_unread(out, x);
    switch (j.end) {
    case IKE_END_ESTABLISHED:
        if (dies(x))
            stops_answering(out, x);
        break;
    case IKE_END_EAP_CLIENT_REFUSED:
        if (!j.read)
            client_refused_eap_server(out, x);
        break;
    case IKE_END_EAP_FAILED:
        eap_failed(out, x, j);
        break;
    case IKE_END_EAP_STALLED:
        eap_stalled(out, x, j);
        break;
    case IKE_END_CHILD_REFUSED:
        if (j.read)
            child_refused(out, x);
        else
            no_child(out, x, j);
        break;
    default:
        break;
    }
}
