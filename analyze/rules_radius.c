/* Faults of the RADIUS path and plain rejects. wire-facts 1.1 R1 to R7, 4. */
#include <stdio.h>

#include "analyze/rules.h"

static struct finding *raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant, bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &x->server.address), variant, fresh);
}

/* That nothing came back is only proven when the server's direction is captured, or the NAS itself sent again, or ICMP says it. */
static bool silence_proven(const struct rule_input *in, const struct exchange *x, bool *certain)
{
    const struct radius_facts *r = &x->radius;
    struct server *server = servers_of(in->servers, &x->server);
    bool answers = server != NULL && server->responses > 0;
    *certain = r->icmp_seen || (r->unanswered_transmissions > 1 && (answers || r->unanswered_transmissions > 2));
    if (server != NULL && !answers && server->state_unknown > 0)
        return false; /* one-sided: later requests show that answers came */
    return r->icmp_seen || r->unanswered_transmissions > 1 || answers;
}

static void no_answer(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh, certain;
    if (x->outcome != OUTCOME_UNANSWERED || (r->unanswered_capture_ended && !r->icmp_seen && r->unanswered_transmissions < 3))
        return;
    if (!silence_proven(in, x, &certain) || r->wrong_source > 0)
        return;
    struct finding *f = raise(out, FINDING_RADIUS_NO_ANSWER, x, r->icmp_seen, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, r->unanswered_place, "%s, sent %u time%s, never answered", radius_code_name(r->unanswered_code) != NULL ? radius_code_name(r->unanswered_code) : "request",
                     r->unanswered_transmissions, r->unanswered_transmissions == 1 ? "" : "s");
    if (!fresh)
        return;
    char client[ADDRESS_TEXT], server_text[ENDPOINT_TEXT];
    struct server *server = servers_of(in->servers, &x->server);
    f->severity = SEVERITY_CRITICAL;
    f->confidence = certain ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    f->client_error = 930;
    finding_title(f, "the RADIUS server %s does not answer%s", endpoint_text(server_text, &x->server), r->icmp_seen ? ": ICMP says the port is closed" : "");
    address_text(client, &x->client.address);
    finding_explain(f, "The request of %s %s.", client,
                    r->unanswered_transmissions > 1 ? "was repeated and never answered" : "was never answered");
    if (r->icmp_seen)
        finding_explain(f, "ICMP \"unreachable\" came back: the request arrives, but no RADIUS service listens there, or a firewall "
                           "refuses it.");
    else
        finding_explain(f, "A server that does not know the NAS, or has another shared secret for it, discards its requests without "
                           "a word; so a wrong secret looks like a server that is down.");
    if (server != NULL && server->responses > 0)
        finding_explain(f, "The server did answer other requests in this capture (%llu), so it runs.",
                        (unsigned long long)server->responses);
    else
        finding_explain(f, "The server answered nothing in this capture.");
    if (r->bad_authenticator > 0)
        finding_explain(f, "With the secret given, the request's own Message-Authenticator does not verify: see radius-bad-authenticator.");
    if (server == NULL || server->responses == 0)
        finding_fix(f, "Does the service run (\"Network Policy Server\", IAS), and does every firewall let UDP port %u from %s pass?",
                    x->server.port, client);
    finding_fix(f, "NPS console > RADIUS Clients and Servers > RADIUS Clients: is %s there, with the secret that RRAS has? System log, "
                   "source NPS: event 13 is an unknown client, 18 a wrong secret.", client);
    if (!in->has_radius_secret)
        finding_fix(f, "Repeat the analysis with --radius-secret to have the secret checked.");
}

static void wrong_source(struct findings *out, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh;
    if (r->wrong_source == 0 || x->outcome == OUTCOME_ESTABLISHED)
        return;
    struct finding *f = raise(out, FINDING_RADIUS_NO_ANSWER, x, 2, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, r->wrong_source_place, "answer from another address than asked");
    if (!fresh)
        return;
    char asked[ENDPOINT_TEXT], came[ENDPOINT_TEXT];
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = 930;
    endpoint_text(asked, &x->server);
    endpoint_text(came, &r->wrong_source_address);
    finding_title(f, "RADIUS answers come from %s although %s was asked", came, asked);
    finding_explain(f, "A NAS ignores answers from an address that it did not ask, so for it the server is silent. The server has "
                       "several addresses, or a load balancer translates in one direction only.");
    finding_fix(f, "Let the server answer from the address that is asked (one address on the NPS server, or that address in the list of "
                   "RRAS), or make the load balancer translate the answers back.");
}

static void rejected(struct findings *out, const struct exchange *x)
{
    bool fresh;
    if (x->outcome != OUTCOME_REJECTED || x->type != CONVERSATION_RADIUS || rule_failure_explained(x))
        return;
    bool at_once = x->radius.challenges == 0 && !x->begun_before;
    bool password = at_once && !x->eap.seen && (x->radius.pap || x->radius.chap || x->radius.mschap);
    struct finding *f = raise(out, FINDING_RADIUS_REJECTED, x, at_once + 2u * password, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->radius.final_place, "Access-Reject");
    if (!fresh)
        return;
    char user[DESCRIBE_MAX];
    describe_user(user, x);
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = password ? 691 : x->begun_before ? 0 : 812;
    if (password)
        finding_title(f, "the RADIUS server rejects the password of %s", user);
    else if (at_once)
        finding_title(f, "the RADIUS server rejects logins at once, before any authentication");
    else
        finding_title(f, "the RADIUS server rejects logins");
    if (password)
        finding_explain(f, "The request carried the password itself (no EAP) and was answered with Access-Reject.");
    else if (at_once)
        finding_explain(f, "The first Access-Request of %s was answered with Access-Reject: no policy fits, or the account is not "
                           "allowed. No certificate was exchanged, so that is not the cause.", user);
    else if (x->begun_before)
        finding_explain(f, "The login of %s began before the capture or is not whole in it, so it does not show why.", user);
    else if (judge_tunnel_up(x))
        finding_explain(f, "In the login of %s both sides accepted each other's certificates, then came the reject: a policy or the "
                           "account forbids it.", user);
    else
        finding_explain(f, "What came before in the login of %s does not show why.", user);
    if (x->radius.reply_message.len > 0) {
        struct span reply = exchange_text(x, x->radius.reply_message);
        finding_explain(f, "The server says: \"%.*s\".", (int)(reply.len < 200 ? reply.len : 200), (const char *)reply.data);
    }
    finding_fix(f, "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event 6273 names "
                   "the reason: 48 or 49 no policy fits (groups, NAS-Port-Type, Tunnel-Type), 65 dial-in permission, 16 password, 22 EAP "
                   "type.");
}

static void authenticators(struct findings *out, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh;
    if (r->bad_authenticator > 0) {
        struct finding *f = raise(out, FINDING_RADIUS_BAD_AUTHENTICATOR, x, 0, &fresh);
        if (f != NULL)
            finding_evidence(out, f, r->bad_authenticator_place, "authenticator does not verify with the secret given");
        if (f != NULL && fresh) {
            char client[ADDRESS_TEXT], server[ADDRESS_TEXT];
            f->severity = SEVERITY_CRITICAL;
            f->confidence = CONFIDENCE_CERTAIN;
            f->client_error = 930;
            finding_title(f, "the shared secret is wrong on one side: packets between %s and %s do not verify", address_text(client, &x->client.address),
                          address_text(server, &x->server.address));
            finding_explain(f, "The authenticator of the packet, recomputed with the secret given, differs. The receiver discards such "
                               "packets without a word, so for the client the server is silent. If logins do succeed, it is the secret "
                               "given here that is wrong.");
            finding_fix(f, "Set the same secret on both sides. RRAS: Routing and Remote Access > server > Properties > Security > "
                           "Authentication provider: RADIUS > Configure > Edit > Shared secret. NPS console > RADIUS Clients and "
                           "Servers > RADIUS Clients > %s > Properties.", client);
        }
    }
    if (r->missing_message_authenticator_eap || r->missing_message_authenticator) {
        bool eap = r->missing_message_authenticator_eap;
        struct finding *f = raise(out, FINDING_RADIUS_MISSING_MESSAGE_AUTHENTICATOR, x, eap, &fresh);
        if (f != NULL)
            finding_evidence(out, f, r->missing_place, "no Message-Authenticator");
        if (f != NULL && fresh) {
            f->severity = eap ? SEVERITY_CRITICAL : SEVERITY_WARNING;
            f->confidence = CONFIDENCE_CERTAIN;
            finding_title(f, eap ? "RADIUS packets with EAP lack the Message-Authenticator" : "Access-Requests lack the Message-Authenticator (Blast-RADIUS)");
            finding_explain(f, "%s", eap ? "RFC 3579 demands it with EAP: the receiver discards such packets without a word."
                                         : "Answers to such requests can be forged on the path (CVE-2024-3596). A server that is set to "
                                           "demand it discards them (NPS: event 17).");
            finding_fix(f, "RRAS: Routing and Remote Access > server > Properties > Security > Authentication provider: RADIUS > Configure "
                           "> Edit > Always use message authenticator.");
            if (!eap)
                finding_fix(f, "Then demand it: NPS console > RADIUS Clients and Servers > RADIUS Clients > (client) > Properties > Advanced "
                               "> Access-Request messages must contain the Message-Authenticator attribute.");
        }
    }
}

static void affinity(struct findings *out, const struct exchange *x)
{
    bool fresh;
    if (!x->radius.other_server)
        return;
    struct finding *f = raise(out, FINDING_AFFINITY_BROKEN, x, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->radius.other_server_place, "State of another server");
    if (!fresh)
        return;
    char one[ADDRESS_TEXT], other[ADDRESS_TEXT];
    f->severity = x->outcome == OUTCOME_ESTABLISHED ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "one login is split over two RADIUS servers: State issued by %s goes to %s", address_text(one, &x->radius.state_server.address),
                  address_text(other, &x->radius.asked_server.address));
    finding_explain(f, "The second server does not know the login that the first one began and refuses or ignores it (NPS reason codes "
                       "96 and 97).");
    finding_fix(f, "Make the load balancer in front of the RADIUS servers keep each NAS (source address) on one server.");
}

void rules_radius(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = s->main;
    if (x->type != CONVERSATION_RADIUS)
        return;
    no_answer(out, in, x);
    wrong_source(out, x);
    authenticators(out, x);
    affinity(out, x);
    rejected(out, x);
    /* A server that was tried before the one that answered. */
    for (size_t i = 0; i < s->exchange_count; i++)
        if (s->exchanges[i] != x && s->exchanges[i]->type == CONVERSATION_RADIUS) {
            no_answer(out, in, s->exchanges[i]);
            authenticators(out, s->exchanges[i]);
        }
}
