/* Faults of IKE_SA_INIT, whose messages anybody can read. wire-facts 1.1 K1, K2, K7 to K9, 3.6, 3.9. */
#include "analyze/finding/rules_ike.h"

#include <stdio.h>

#define SET_CLIENT "on the client Set-VpnConnectionIPsecConfiguration"
#define SET_SERVER "on RRAS Set-VpnServerConfiguration -CustomPolicy"
#define KNOCK "they carry neither NAT detection nor a vendor id, as every VPN client's do, and nothing follows them."

struct finding *rule_ike_raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                               bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &x->server.address), variant, fresh);
}

const char *describe_ike_offer(char out[static IKE_TEXT], const struct ike_facts *f, enum ike_transform_type type)
{
    size_t at = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < f->offered_count[type - IKE_ENCR]; i++) {
        char name[IKE_TRANSFORM_NAME];
        int n = snprintf(out + at, IKE_TEXT - at, "%s%s", i > 0 ? ", " : "",
                         ike_transform_name(name, &f->offered[type - IKE_ENCR][i]));
        if (n < 0 || (size_t)n >= IKE_TEXT - at || i == IKE_FACTS_OFFERED - 1) {
            snprintf(out + at, IKE_TEXT - at, " ...");
            break;
        }
        at += (size_t)n;
    }
    if (at == 0)
        snprintf(out, IKE_TEXT, "none");
    return out;
}

const char *describe_ike_suite(char out[static IKE_TEXT], const struct ike_suite *s)
{
    const struct ike_transform *const all[] = {&s->encr, &s->integ, &s->prf, &s->dh};
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[IKE_TRANSFORM_NAME];
        if (all[i]->type == 0)
            continue;
        int n = snprintf(out + at, IKE_TEXT - at, "%s%s", at > 0 ? " / " : "", ike_transform_name(name, all[i]));
        if (n < 0 || (size_t)n >= IKE_TEXT - at)
            break;
        at += (size_t)n;
    }
    return out;
}

const char *describe_ike_group(char out[static 64], uint16_t group)
{
    char name[IKE_TRANSFORM_NAME];
    snprintf(out, 64, "%s (group %u)", ike_transform_name(name, &(struct ike_transform){IKE_DH, group, 0}), group);
    return out;
}

static const char *first_request(const struct exchange *x)
{
    return x->type == CONVERSATION_IKE ? "IKE_SA_INIT request" : "first request of IKEv1";
}

/* Of a server that answers others: what is wrong is not its service as a whole. */
static void explain_some_unanswered(struct finding *f, const struct exchange *x)
{
    char server[ENDPOINT_TEXT], client[ADDRESS_TEXT];
    finding_title(f, "the VPN server %s does not answer some IKE requests", endpoint_text(server, &x->server));
    finding_explain(f,
                    "The %s of %s was repeated byte for byte and never answered, though the same address "
                    "answers others in these captures.",
                    first_request(x), address_text(client, &x->client.address));
    finding_explain(
        f, "At a load balancer's address this means that one of the servers behind it is down. Else the answers to "
           "some clients get lost, the server was not up all the time, or it drops the request: Windows silently "
           "drops further requests of an address from which more than 35 negotiations are half open, which happens "
           "when SNAT gives many clients one address.");
    finding_fix(
        f,
        "Behind a load balancer look at each server: does it run RemoteAccess and IKEEXT, do health checks take it out "
        "when it does not?");
    finding_fix(f, "Compare the clients that fail: one address, one network, one time of day?");
    finding_fix(f, "Capture on the servers' external NICs at the same time: it shows which of them gets the request.");
}

static void explain_no_answer(struct finding *f, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    char server[ENDPOINT_TEXT], client[ADDRESS_TEXT], by[ADDRESS_TEXT];
    address_text(client, &x->client.address);
    finding_title(f, "the VPN server %s does not answer IKE%s", endpoint_text(server, &x->server),
                  k->unreachable > 0 ? ": ICMP says it is unreachable" : "");
    finding_explain(f, "The %s of %s was repeated byte for byte and never answered.", first_request(x), client);
    if (k->unreachable > 0)
        finding_explain(f,
                        "ICMP \"unreachable\" came back from %s: the request arrives there, but nothing listens, or a "
                        "firewall refuses it.",
                        address_text(by, &k->unreachable_by));
    finding_explain(
        f,
        "Taken at the client this means that UDP port %u is blocked on the way, that the address belongs to a "
        "server that is down, or that the answer gets lost. Taken at the server it means that the IKE "
        "service does not answer, or drops the request: Windows silently drops further requests of an address "
        "from which more than 35 negotiations are half open, which happens when SNAT gives many clients one "
        "address.",
        x->server.port);
    finding_fix(
        f, "Does the server run the services RemoteAccess and IKEEXT, with IKEv2 ports configured (Routing and Remote "
           "Access > server > Ports > Properties)?");
    finding_fix(f, "Let every firewall and load balancer pass UDP 500 and 4500 to that address, in both directions.");
    finding_fix(f, "Capture on the server's external NIC at the same time: it shows whether the request arrives.");
}

static void no_answer(struct findings *out, const struct rule_input *in, const struct exchange *x,
                      struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, answers = in->services != NULL && services_answers_ike(in->services, &x->server.address);
    bool some = k->unreachable == 0 && answers; /* requests are answered, others not */
    if (k->init_request_retransmissions < 2 && k->unreachable == 0)
        return; /* one request without an answer is what scanners send, too */
    struct finding *f =
        rule_ike_raise(out, FINDING_IKE_NO_ANSWER, x, (k->unreachable > 0) | (unsigned)some << 1, &fresh);
    if (f == NULL)
        return;
    if (k->init_responses > 0 && k->state.request_waiting) {
        if (k->invalid_ke > 0)
            finding_evidence(out, f, k->invalid_ke_place, "INVALID_KE_PAYLOAD: group %u wanted", k->wanted_first);
        else
            finding_evidence(out, f, k->cookie_place, "COOKIE: the request is to come again with it");
        finding_evidence(out, f, k->state.waiting_first, "IKE_SA_INIT with that %s, sent %u times, never answered",
                         k->invalid_ke > 0 ? "group" : "cookie", k->state.waiting_transmissions);
    } else {
        finding_evidence(out, f, k->init_request, "%s, sent %u times, never answered", first_request(x),
                         k->init_request_retransmissions + 1);
    }
    if (k->unreachable > 0)
        finding_evidence(out, f, k->unreachable_place, "ICMP unreachable");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = k->unreachable > 0 ? CONFIDENCE_CERTAIN : j.confidence;
    f->client_error = x->type == CONVERSATION_IKE ? 809 : 0;
    if (some)
        explain_some_unanswered(f, x);
    else
        explain_no_answer(f, x);
}

static void explain_offer(struct finding *f, const struct ike_facts *k)
{
    char encr[IKE_TEXT], integ[IKE_TEXT], prf[IKE_TEXT], dh[IKE_TEXT];
    const char *s = k->offer_proposals == 1 ? "" : "s";
    describe_ike_offer(encr, k, IKE_ENCR);
    describe_ike_offer(prf, k, IKE_PRF);
    describe_ike_offer(dh, k, IKE_DH);
    if (k->version >> 4 == 1) /* one hash for both (RFC 2409 section 4) */
        finding_explain(f, "The client offers %u proposal%s: encryption %s; hash %s; group %s.", k->offer_proposals, s,
                        encr, prf, dh);
    else
        finding_explain(f, "The client offers %u proposal%s: encryption %s; integrity %s; PRF %s; group %s.",
                        k->offer_proposals, s, encr, describe_ike_offer(integ, k, IKE_INTEG), prf, dh);
}

static bool offers_only_group2(const struct ike_facts *k)
{
    return k->offered_count[IKE_DH - IKE_ENCR] == 1 && k->offered[IKE_DH - IKE_ENCR][0].id == 2;
}

static void no_proposal(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool fresh, knock = judge_ike_knock(x), version1 = x->type == CONVERSATION_IKE1;
    uint64_t variant = (knock ? 0x10000u : 0) | (version1 ? 0x20000u : 0);
    struct finding *f = rule_ike_raise(out, FINDING_IKE_NO_PROPOSAL_CHOSEN, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->init_request, "%s with the client's proposals", version1 ? "SA" : "IKE_SA_INIT");
    finding_evidence(out, f, k->refused_place, "NO_PROPOSAL_CHOSEN");
    if (!fresh)
        return;
    f->severity = knock ? SEVERITY_INFO : SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = knock ? 0 : version1 ? 788 : 13868;
    finding_title(f,
                  knock ? "the VPN server refuses IKEv%u requests that look like a scanner's"
                        : "client and server have no IKEv%u proposal in common",
                  version1 ? 1 : 2);
    if (k->offer_seen)
        explain_offer(f, k);
    if (knock) {
        finding_explain(f, "NO_PROPOSAL_CHOSEN is the right answer to what looks like a scanner's requests: " KNOCK);
        return;
    }
    finding_explain(
        f, "The server answered NO_PROPOSAL_CHOSEN: it accepts none of these. What it would accept is not said.");
    if (k->windows_initiator && offers_only_group2(k))
        finding_explain(
            f,
            "This is what Windows offers by default (1024-bit MODP only); a server with a custom policy refuses it.");
    if (version1) {
        finding_fix(
            f, "Give the server a phase 1 proposal that the clients offer, or let them use IKEv2 instead of L2TP.");
        return;
    }
    finding_fix(f, "Give both sides the same custom policy: " SET_CLIENT ", " SET_SERVER ".");
    finding_fix(f, "A client that cannot be changed by profile: registry NegotiateDH2048_AES256 = 1 under "
                   "HKLM\\SYSTEM\\CurrentControlSet\\Services\\RasMan\\Parameters adds AES-256 with 2048-bit MODP.");
}

/* Asked for another group once and going on is ordinary; only when nothing comes of it is it a fault. */
static void wrong_group(struct findings *out, const struct exchange *x, bool in_vain)
{
    const struct ike_facts *k = &x->ike;
    char guessed[64], wanted[64], offered[IKE_TEXT];
    bool fresh;
    uint64_t variant = (uint64_t)in_vain << 32 | (uint64_t)k->offered_group << 16 | k->wanted_group;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_INVALID_KE, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->init_request, "IKE_SA_INIT with a KE payload of group %u", k->offered_group);
    finding_evidence(out, f, k->invalid_ke_place, "INVALID_KE_PAYLOAD: group %u wanted", k->wanted_first);
    if (!fresh)
        return;
    describe_ike_group(guessed, k->offered_group);
    describe_ike_group(wanted, k->wanted_first);
    f->severity = in_vain ? SEVERITY_CRITICAL : SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = in_vain ? 13868 : 0;
    finding_title(f, in_vain ? "client and server do not come to the same Diffie-Hellman group"
                             : "clients guess another Diffie-Hellman group than the server wants");
    finding_explain(f, "The client began with %s and offers %s. The server wants %s.", guessed,
                    describe_ike_offer(offered, k, IKE_DH), wanted);
    if (k->wanted_group != k->wanted_first)
        finding_explain(f, "Asked again it wants %s: it does not know itself, or two servers answer.",
                        describe_ike_group(guessed, k->wanted_group));
    if (in_vain)
        finding_explain(f, "%s",
                        k->retried_with_wanted_group
                            ? "The client tried again with that group, and still nothing came of it."
                            : "The client never tried that group.");
    else
        finding_explain(f, "It tries again with the right one, which costs a round trip and nothing else.");
    finding_fix(f, "Use the same group on both sides: " SET_CLIENT " -DHGroup, " SET_SERVER ".");
}

static const char *after_cookie(enum ike_end end)
{
    return end == IKE_END_COOKIE            ? "; this one never got further"
           : end == IKE_END_INIT_UNANSWERED ? "; this one got no answer to that"
                                            : " and goes on, one round trip later";
}

static void cookie(struct findings *out, const struct exchange *x, enum ike_end end)
{
    bool in_vain = end == IKE_END_COOKIE;
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_COOKIE_CHALLENGE, x, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->cookie_place, "COOKIE instead of an answer");
    if (in_vain) {
        rule_worsen(f, SEVERITY_CRITICAL);
        f->client_error = 13890;
    }
    if (!fresh)
        return;
    f->severity = in_vain ? SEVERITY_CRITICAL : SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the VPN server asks clients for a cookie: it sees too many half-open negotiations");
    finding_explain(
        f,
        "A server does so to protect itself when many clients begin and few go on. On Windows that is above 500 "
        "half-open negotiations, until there are less than 100. A client repeats its request with the cookie%s.",
        after_cookie(end));
    finding_fix(
        f, "Find out why so many negotiations stay half open: answers that do not reach the clients, UDP 4500 blocked, "
           "lost fragments, or a flood from few addresses.");
}

static void init_error(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    const char *name = ike_notify_name(k->version, k->init_error);
    bool fresh, knock = judge_ike_knock(x);
    struct finding *f =
        rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, (knock ? 0x90000u : 0x10000u) | k->init_error, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->init_error_place, "%s in the clear", name != NULL ? name : "an error notify");
    if (!fresh)
        return;
    f->severity = knock ? SEVERITY_INFO : SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = !knock && k->init_error == IKE_N_AUTHENTICATION_FAILED ? 13801 : 0;
    finding_title(f, "the VPN server refuses the negotiation with the error %s (%u)", name != NULL ? name : "unknown",
                  k->init_error);
    if (knock) {
        finding_explain(f, "The requests look like a scanner's: " KNOCK " No client is refused.");
        return;
    }
    finding_explain(
        f, "The answer to the %s is an error, in the clear and before anybody authenticated. Nothing protects "
           "such an answer, so a box on the way can have sent it.", first_request(x));
    if (k->init_error == IKE_N_INVALID_MAJOR_VERSION)
        finding_explain(f, "It means that the server does not speak IKEv%u.", x->type == CONVERSATION_IKE ? 2u : 1u);
    finding_fix(
        f, "Look into the server's IKE log (RRAS: event log System, source RemoteAccess; strongSwan: charon's log).");
}

/* The weakest that was really agreed upon counts, not what was merely offered. */
static void weak_proposal(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    const struct ike_transform *const all[] = {&k->chosen.encr, &k->chosen.integ, &k->chosen.prf, &k->chosen.dh};
    char suite[IKE_TEXT], why[IKE_TEXT] = "";
    uint64_t variant = 0;
    size_t at = 0;
    bool fresh, knock = judge_ike_knock(x);
    for (size_t i = 0; k->chosen_seen && i < sizeof all / sizeof *all; i++) {
        char name[IKE_TRANSFORM_NAME];
        const char *weakness = all[i]->type != 0 ? ike_transform_weakness(all[i]) : NULL;
        variant = variant << 16 | (weakness != NULL ? all[i]->id : 0);
        if (weakness == NULL)
            continue;
        int n = snprintf(why + at, sizeof why - at, "%s%s (%s)", at > 0 ? "; " : "", ike_transform_name(name, all[i]),
                         weakness);
        at += n > 0 && (size_t)n < sizeof why - at ? (size_t)n : 0;
    }
    if (at == 0)
        return;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_WEAK_PROPOSAL, x, variant ^ (knock ? UINT64_MAX : 0), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->chosen_place, "the proposal that the server chose");
    if (!fresh)
        return;
    f->severity = knock ? SEVERITY_INFO : SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f,
                  knock ? "the VPN server would take weak cryptography for IKEv2: %s"
                        : "IKEv2 tunnels use weak cryptography: %s",
                  why);
    if (knock)
        finding_explain(f, "It chose %s for requests that look like a scanner's: " KNOCK " No tunnel came of it.",
                        describe_ike_suite(suite, &k->chosen));
    else
        finding_explain(f, "Client and server agreed on %s.", describe_ike_suite(suite, &k->chosen));
    if (k->windows_initiator && offers_only_group2(k))
        finding_explain(
            f, "That is the default of Windows clients, which offer nothing better unless the profile says so.");
    finding_fix(f, "Set a custom policy on both sides, together: " SET_CLIENT " (for example -EncryptionMethod AES256 "
                   "-IntegrityCheckMethod SHA256 -DHGroup Group14), " SET_SERVER ". One side alone gives error 13868.");
}

static void redirected(struct findings *out, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    if (!k->redirected || (!k->windows_initiator && x->outcome != OUTCOME_ABORTED))
        return;
    struct finding *f = rule_ike_raise(out, FINDING_IKE_AUTH_FAILED, x, 0x20000u, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->redirect_place, "REDIRECT");
    if (!fresh)
        return;
    struct span to = exchange_text(x, k->redirect_target);
    f->severity = k->windows_initiator ? SEVERITY_CRITICAL : SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = k->windows_initiator ? 809 : 0;
    finding_title(f, "the VPN server redirects clients to %.*s", (int)(to.len < 100 ? to.len : 100),
                  to.len > 0 ? (const char *)to.data : "");
    finding_explain(f, "RFC 5685: the client is to begin anew there. Windows clients do not know it and fail.");
    finding_fix(f, "Balance Windows clients by other means than IKE redirection.");
}

void rules_ike_init(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    if (j.end == IKE_END_INIT_UNANSWERED)
        no_answer(out, in, x, j);
    if (j.end == IKE_END_NO_PROPOSAL)
        no_proposal(out, x);
    if (j.end == IKE_END_INIT_ERROR)
        init_error(out, x);
    if (x->type != CONVERSATION_IKE)
        return;
    /* Of the answer alone nothing follows for the client; who was to come again with another group and does not,
     * knocks. */
    if (k->invalid_ke > 0 && k->offer_seen && (!judge_ike_knock(x) || k->retried_with_wanted_group))
        wrong_group(out, x, j.end == IKE_END_INVALID_KE);
    if (k->cookies > 0)
        cookie(out, x, j.end);
    redirected(out, x);
    weak_proposal(out, x);
}
