/* Faults of the RADIUS path and plain rejects. wire-facts 1.1 R1 to R7, 4. */
#include <stdio.h>

#include "analyze/finding/rules.h"

static struct finding *raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                             bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &x->server.address), variant, fresh);
}

/* An EAP login goes on when it is answered, unless it is rejected at once: none of several did, of a server whose answers are
 * in no capture. */
static bool never_went_on(const struct server *server, const struct exchange *x)
{
    return x->eap.seen && server != NULL && server->responses == 0 && server_gone(server, x->radius.unanswered_place.time_ns);
}

/* That nothing came back is only proven when the server's direction is captured, or the NAS itself sent again, or ICMP
 * says it. */
static bool silence_proven(const struct rule_input *in, const struct exchange *x, bool *certain)
{
    const struct radius_facts *r = &x->radius;
    struct server *server = servers_of(in->servers, &x->server);
    bool answers = server != NULL && server->responses > 0;
    *certain = r->icmp_seen || (r->unanswered_transmissions > 1 && (answers || r->unanswered_transmissions > 2));
    if (server != NULL && !answers && server->state_unknown > 0)
        return false; /* one-sided: later requests show that answers came */
    if (server != NULL && r->unanswered_transmissions <= 1 && !r->icmp_seen &&
        (server->unmatched > 0 || server->continued_ns >= r->unanswered_place.time_ns))
        return false; /* answers without a request, or requests that continue an answer nobody saw: the capture is not whole */
    return r->icmp_seen || r->unanswered_transmissions > 1 || answers || never_went_on(server, x);
}

/* The server answered this login before, and others after it was asked in vain. */
static bool dropped_midway(const struct rule_input *in, const struct exchange *x)
{
    const struct server *server = servers_of(in->servers, &x->server);
    return x->radius.challenges > 0 && x->radius.unanswered_transmissions > 1 && !x->radius.icmp_seen &&
           server != NULL && server->last_answer_ns > x->last.time_ns;
}

static void explain_dropped(struct finding *f, const struct exchange *x)
{
    char client[ADDRESS_TEXT], server_text[ENDPOINT_TEXT], user[DESCRIBE_MAX];
    address_text(client, &x->client.address);
    finding_title(f, "the RADIUS server %s stops answering in the middle of a login",
                  endpoint_text(server_text, &x->server));
    finding_explain(f,
                    "It answered the login of %s before (%u challenge%s), so it knows %s and shares its secret. The next "
                    "request was repeated and never answered; other requests it answered afterwards, so it runs.",
                    describe_user(user, x), x->radius.challenges, x->radius.challenges == 1 ? "" : "s", client);
    finding_explain(f, "NPS discards a request without a word when it cannot decide, for example without a domain "
                       "controller; or this request, or its answers, are lost on the way.");
    finding_fix(f, "On the NPS server, at that time: Security log, event 6274 (discarded, with the reason); System log, "
                   "source NPS, events 4400 to 4402 (domain controller).");
    finding_fix(f, "Nothing there: capture at the NPS server at the same time, to see whether the request arrives.");
}

/* When it was asked: for good, or for a while. */
static bool was_down(const struct server *server, int64_t request_ns)
{
    return server_gone(server, request_ns) || server_was_gone(server, request_ns) != NULL;
}

static void explain_answers(struct finding *f, const struct exchange *x, const struct server *server)
{
    char at[32], until[32], nas[ADDRESS_TEXT];
    unsigned long long count = server != NULL ? server->responses : 0;
    const struct server_outage *outage = count > 0 ? server_was_gone(server, x->radius.unanswered_place.time_ns) : NULL;
    if (count == 0)
        finding_explain(f, "The server answered nothing in this capture.");
    else if (outage != NULL)
        finding_explain(f,
                        "The server did answer other requests in this capture (%llu), but none from %s to %s: the %llu of this NAS in "
                        "between were all in vain; it, or the path to it, was down meanwhile.",
                        count, describe_time(at, outage->from_ns / INT64_C(1000000000)),
                        describe_time(until, outage->until_ns / INT64_C(1000000000)), (unsigned long long)outage->requests);
    else if (server_gone(server, x->radius.unanswered_place.time_ns))
        finding_explain(f,
                        "The server did answer other requests in this capture (%llu), the last one at %s, of %s, whose next "
                        "%llu were all in vain: it, or the path to it, went down then.",
                        count, describe_time(at, server->last_answer_ns / INT64_C(1000000000)),
                        address_text(nas, &server->answered), (unsigned long long)server->silent);
    else if (server->last_answer_ns > 0 && server->last_answer_ns < x->radius.unanswered_place.time_ns)
        finding_explain(f,
                        "The server did answer other requests in this capture (%llu), but none any more since %s: it, or "
                        "the path to it, may have gone down then.",
                        count, describe_time(at, server->last_answer_ns / INT64_C(1000000000)));
    else
        finding_explain(f, "The server did answer other requests in this capture (%llu), so it runs.", count);
}

static void explain_no_answer(struct finding *f, const struct rule_input *in, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    char client[ADDRESS_TEXT], server_text[ENDPOINT_TEXT];
    struct server *server = servers_of(in->servers, &x->server);
    bool answers = server != NULL && server->responses > 0;
    bool went = answers && was_down(server, r->unanswered_place.time_ns);
    address_text(client, &x->client.address);
    finding_title(f, "the RADIUS server %s does not answer%s", endpoint_text(server_text, &x->server),
                  r->icmp_seen ? ": ICMP says the port is closed" : "");
    finding_explain(f, "The request of %s %s.", client,
                    r->unanswered_transmissions > 1 ? "was repeated and never answered" : "was never answered");
    if (r->icmp_seen)
        finding_explain(f, "ICMP \"unreachable\" came back: the request arrives, but no RADIUS service listens there, "
                           "or a firewall refuses it.");
    else if (!went)
        finding_explain(f, "A server that does not know the NAS, or has another shared secret for it, discards its "
                           "requests without a word; so a wrong secret looks like a server that is down.");
    explain_answers(f, x, server);
    if (r->bad_authenticator > 0)
        finding_explain(f, "With the secret given, the request's own Message-Authenticator does not verify: see "
                           "radius-bad-authenticator.");
    if (went) {
        finding_fix(f, "What happened to the server or on the way to it at that time? Does the service still run (\"Network "
                       "Policy Server\", IAS), has its address stayed, does every firewall still let UDP port %u pass?",
                    x->server.port);
        finding_fix(f, "System log of the server, source NPS, from that time on: 4400 to 4402 are about the domain "
                       "controller, without which it answers nobody.");
        return;
    }
    if (!answers)
        finding_fix(f,
                    "Does the service run (\"Network Policy Server\", IAS), and does every firewall let UDP port %u "
                    "from %s pass?",
                    x->server.port, client);
    finding_fix(
        f,
        "NPS console > RADIUS Clients and Servers > RADIUS Clients: is %s there, with the secret that RRAS has? "
        "System log, source NPS: event 13 is an unknown client, 18 a wrong secret.",
        client);
    if (!in->has_radius_secret)
        finding_fix(f, "Repeat the analysis with --radius-secret to have the secret checked.");
}

/* A request sent once shows no silence by itself (track.c), but when its NAS goes on to another server, it does. */
static bool asked_elsewhere(const struct session *s, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool elsewhere = false;
    if (x->outcome != OUTCOME_INCOMPLETE || r->unanswered_place.frame == 0 || r->unanswered_capture_ended ||
        r->unanswered_transmissions != 1)
        return false;
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *other = s->exchanges[i];
        elsewhere = elsewhere || (other->type == CONVERSATION_RADIUS && !endpoint_equal(&other->server, &x->server) &&
                                  address_equal(&other->client.address, &x->client.address) &&
                                  other->last.time_ns > r->unanswered_place.time_ns);
    }
    return elsewhere;
}

/*
 * The NAS was answered, but not by whom it asked. Not where that one answered later in this login; nor, on a single answer, where the
 * other one is asked in this capture as well: then it may have answered what the capture lacks.
 */
static bool answered_from_elsewhere(const struct rule_input *in, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    if (r->wrong_source == 0 || x->outcome == OUTCOME_ESTABLISHED || r->responses > r->responses_then)
        return false;
    bool asked = false;
    for (size_t i = 0; i < servers_count(in->servers) && !asked; i++) {
        const struct server *s = servers_at(in->servers, i);
        asked = s->requests > 0 && endpoint_equal(&s->endpoint, &r->wrong_source_address);
    }
    return !asked || r->wrong_source > 1;
}

/* Its NAS may never repeat a request, yet one after the other was in vain from then on. */
static bool server_went(const struct rule_input *in, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    const struct server *server = servers_of(in->servers, &x->server);
    bool open = x->outcome == OUTCOME_UNANSWERED || x->outcome == OUTCOME_INCOMPLETE;
    return open && r->unanswered_place.frame != 0 && !r->unanswered_capture_ended && server != NULL &&
           server->responses > 0 && was_down(server, r->unanswered_place.time_ns);
}

/* helped: another server answered in its place, so the login itself did not fail. */
static void no_answer(struct findings *out, const struct rule_input *in, const struct session *s,
                      const struct exchange *x, bool helped)
{
    const struct radius_facts *r = &x->radius;
    /* A NAS that has no answer repeats its request: of one sent once the answer may be what the capture lacks. */
    bool went = server_went(in, x), once = r->unanswered_transmissions <= 1 && !r->icmp_seen && !went;
    enum severity severity = helped || once ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    bool fresh, certain;
    if ((x->outcome != OUTCOME_UNANSWERED && !went && !asked_elsewhere(s, x)) ||
        (r->unanswered_capture_ended && !r->icmp_seen && r->unanswered_transmissions < 3))
        return;
    if (!silence_proven(in, x, &certain) || answered_from_elsewhere(in, x))
        return;
    bool midway = dropped_midway(in, x);
    struct finding *f = raise(out, FINDING_RADIUS_NO_ANSWER, x, midway ? 3 : r->icmp_seen, &fresh);
    if (f == NULL)
        return;
    const char *code = radius_code_name(r->unanswered_code);
    finding_evidence(out, f, r->unanswered_place, "%s, sent %u time%s, never answered", code != NULL ? code : "request",
                     r->unanswered_transmissions, r->unanswered_transmissions == 1 ? "" : "s");
    rule_worsen(f, severity);
    if (certain)
        f->confidence = CONFIDENCE_CERTAIN;
    if (!fresh)
        return;
    f->severity = severity;
    f->client_error = 930;
    if (!certain)
        f->confidence = once ? CONFIDENCE_HINT : CONFIDENCE_STRONG;
    if (midway)
        explain_dropped(f, x);
    else
        explain_no_answer(f, in, x);
    if (in->counters->net.dropped_by_host > 0)
        finding_explain(f,
                        "The capture says that the capturing host itself dropped %llu packets (pktmon's drop verdict): "
                        "look at its firewall and filters first.",
                        (unsigned long long)in->counters->net.dropped_by_host);
}

/*
 * On an 802.1X port: an authenticator that asks for the identity anew, under another identifier, has the answer to the request
 * before, and nothing to pass on. Repetitions of one request would be answers that do not arrive.
 */
static void silent_behind_port(struct findings *out, const struct exchange *x)
{
    const struct eap_facts *e = &x->eap;
    const int64_t server_time_ns = 10 * INT64_C(1000000000);
    bool fresh, open = x->outcome != OUTCOME_ESTABLISHED && x->outcome != OUTCOME_REJECTED;
    bool only_identity = e->identity_seen && e->method_count == 0 && e->method == 0 && !e->nak_seen && e->retransmissions == 0;
    if (x->type != CONVERSATION_EAPOL || !open || !only_identity || e->responses < 2 || x->first_from_server.frame == 0 ||
        x->begun_before || x->last.time_ns - x->first.time_ns < server_time_ns)
        return;
    struct finding *f = raise(out, FINDING_RADIUS_NO_ANSWER, x, 4, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last, "the client has answered %u requests for its identity", e->responses);
    bool often = e->responses > 2;
    rule_worsen(f, often ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    if (often)
        f->confidence = CONFIDENCE_STRONG;
    if (!fresh)
        return;
    char port[ADDRESS_TEXT], user[DESCRIBE_MAX];
    f->severity = often ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = often ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    finding_title(f, "the RADIUS server behind the authenticator %s does not answer", address_text(port, &x->server.address));
    finding_explain(f, "The client of %s gave its identity; the authenticator offered no method, but asked for the identity again "
                       "after a while. That is what it does when its RADIUS server is silent.",
                    describe_user(user, x));
    finding_fix(f, "Capture between the authenticator and its RADIUS server (UDP 1812): are there requests, and answers? Look at "
                   "the server's address and secret in the settings of the switch or access point.");
}

static void wrong_source(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh;
    if (!answered_from_elsewhere(in, x))
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
    finding_explain(
        f, "A NAS ignores answers from an address that it did not ask, so for it the server is silent. The server has "
           "several addresses, or a load balancer translates in one direction only.");
    finding_fix(f, "Let the server answer from the address that is asked (one address on the NPS server, or that "
                   "address in the list of "
                   "RRAS), or make the load balancer translate the answers back.");
}

/* The logins that died where datagrams of their two parties were lost. */
static void lost_fragments(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    if (x->outcome == OUTCOME_ESTABLISHED || x->outcome == OUTCOME_REJECTED)
        return;
    for (size_t i = 0; i < in->lost_count; i++) {
        bool from_client;
        if (in->lost[i].radius && rule_lost_in(&in->lost[i], x, &from_client))
            rule_lost_fragments(out, in, i, SEVERITY_CRITICAL);
    }
}

/* Both sides went on with packets that do not verify: they share a secret, another one than that given. */
static bool given_secret_is_wrong(const struct exchange *x)
{
    return x->outcome == OUTCOME_ESTABLISHED || (x->eap.seen && x->radius.challenges > 1);
}

enum reject { REJECT_LATER, REJECT_AT_ONCE, REJECT_PASSWORD, REJECT_DEVICE, REJECT_AFTER_TUNNEL, REJECT_UNCLEAR };

static enum reject kind_of_reject(const struct exchange *x)
{
    if (x->begun_before || (rule_has_gaps(x) && !judge_tunnel_up(x)))
        return REJECT_UNCLEAR;
    if (x->type == CONVERSATION_RADIUS && x->radius.challenges == 0 && x->radius.call_check && !x->eap.seen)
        return REJECT_DEVICE;
    if (x->type == CONVERSATION_RADIUS && x->radius.challenges == 0)
        return !x->eap.seen && (x->radius.pap || x->radius.chap || x->radius.mschap) ? REJECT_PASSWORD : REJECT_AT_ONCE;
    if (x->type == CONVERSATION_EAPOL && x->eap.method_count == 0)
        return REJECT_AT_ONCE;
    return judge_tunnel_up(x) ? REJECT_AFTER_TUNNEL : REJECT_LATER;
}

static void explain_reject(struct finding *f, const struct exchange *x, enum reject kind)
{
    char user[DESCRIBE_MAX];
    describe_user(user, x);
    switch (kind) {
    case REJECT_PASSWORD:
        finding_title(f, "the RADIUS server rejects the password of %s", user);
        finding_explain(
            f,
            "The request carried the password itself, or a proof of it (no EAP), and was answered with Access-Reject.");
        break;
    case REJECT_DEVICE:
        finding_title(f, "the RADIUS server does not admit the device %s", user);
        finding_explain(
            f,
            "A switch or an access point asks by the device's MAC address (Service-Type Call Check), as it does when the device "
            "does not speak 802.1X in time. Nobody's password was tried.");
        break;
    case REJECT_AT_ONCE:
        finding_title(f, "the RADIUS server rejects logins at once, before any authentication");
        finding_explain(
            f,
            "The first request of %s was answered with a reject: no policy fits, or the account is not allowed. No "
            "certificate was exchanged, so that is not the cause.",
            user);
        break;
    case REJECT_AFTER_TUNNEL:
        finding_title(f, "the RADIUS server rejects logins after a complete TLS handshake");
        finding_explain(
            f,
            "In the login of %s both sides accepted the certificates, then came the reject: a policy or the account "
            "forbids it.",
            user);
        break;
    case REJECT_UNCLEAR:
        finding_title(f, "the RADIUS server rejects logins; why is not in the capture");
        finding_explain(f, "The login of %s is not whole in the capture.", user);
        break;
    case REJECT_LATER:
        finding_title(f, "the RADIUS server rejects logins");
        finding_explain(f, "What came before in the login of %s does not show why.", user);
        break;
    }
    if (x->radius.reply_message.len > 0) {
        struct span reply = exchange_text(x, x->radius.reply_message);
        finding_explain(f, "The server says: \"%.*s\".", (int)(reply.len < 200 ? reply.len : 200),
                        (const char *)reply.data);
    }
}

static void rejected(struct findings *out, const struct exchange *x)
{
    bool fresh;
    if (x->outcome != OUTCOME_REJECTED || x->radius.other_server || rule_failure_explained(x))
        return;
    /* With a wrong secret the server reads another password than was sent, and the NAS discards the reject. */
    if (x->radius.bad_authenticator > 0 && !given_secret_is_wrong(x))
        return;
    /* Switches send a Failure when a port comes up: without an identity nobody was rejected. */
    if (x->type == CONVERSATION_EAPOL && !x->eap.identity_seen)
        return;
    enum reject kind = kind_of_reject(x);
    struct finding *f = raise(out, FINDING_RADIUS_REJECTED, x, kind, &fresh);
    if (f == NULL)
        return;
    if (x->type == CONVERSATION_EAPOL)
        finding_evidence(out, f, x->eap.result_place, "EAP Failure");
    else
        finding_evidence(out, f, x->radius.final_place, "Access-Reject");
    if (!fresh)
        return;
    f->severity = kind == REJECT_DEVICE ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = kind == REJECT_PASSWORD ? 691 : kind == REJECT_UNCLEAR || kind == REJECT_DEVICE ? 0 : 812;
    explain_reject(f, x, kind);
    if (kind == REJECT_DEVICE) {
        finding_fix(f, "If the device may have the network, give it an account of its MAC address, or set up 802.1X on it; if not, "
                       "nothing is wrong.");
        return;
    }
    finding_fix(
        f, "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event "
           "6273 "
           "names the reason: 48 or 49 no policy fits (groups, NAS-Port-Type, Tunnel-Type), 65 dial-in permission, 16 "
           "password, 22 EAP type.");
}

#define RRAS_RADIUS                                                                                                    \
    "Routing and Remote Access > server > Properties > Security > Authentication provider: RADIUS > Configure > Edit"
#define NPS_CLIENTS "NPS console > RADIUS Clients and Servers > RADIUS Clients"

static void bad_authenticator(struct findings *out, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh, given = given_secret_is_wrong(x);
    if (r->bad_authenticator == 0)
        return;
    struct finding *f = raise(out, FINDING_RADIUS_BAD_AUTHENTICATOR, x, given, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, r->bad_authenticator_place, "authenticator does not verify with the secret given");
    if (!fresh)
        return;
    char client[ADDRESS_TEXT], server[ADDRESS_TEXT];
    address_text(client, &x->client.address);
    address_text(server, &x->server.address);
    f->confidence = given ? CONFIDENCE_STRONG : CONFIDENCE_CERTAIN;
    f->severity = given ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    if (given) {
        finding_title(f, "the secret given does not fit the packets between %s and %s", client, server);
        finding_explain(f, "NAS and server went on with each other, so they do share a secret: another one than that "
                           "of --radius-secret.");
        finding_fix(f, "Give the secret of this NAS: --radius-secret %s=FILE.", client);
        return;
    }
    f->client_error = 930;
    finding_title(f, "the shared secret is wrong on one side: packets between %s and %s do not verify", client, server);
    finding_explain(f, "The authenticator of the packet, recomputed with the secret given, differs. The receiver "
                       "discards such packets "
                       "without a word, so for the client the server is silent.");
    finding_fix(f,
                "Set the same secret on both sides. RRAS: " RRAS_RADIUS " > Shared secret. " NPS_CLIENTS
                " > %s > Properties.",
                client);
}

static void no_message_authenticator(struct findings *out, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool fresh, eap = r->missing_message_authenticator_eap;
    if (!eap && !r->missing_message_authenticator)
        return;
    struct finding *f = raise(out, FINDING_RADIUS_MISSING_MESSAGE_AUTHENTICATOR, x, eap, &fresh);
    if (f == NULL)
        return;
    enum severity severity = eap && x->outcome != OUTCOME_ESTABLISHED ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    finding_evidence(out, f, r->missing_place, "no Message-Authenticator");
    rule_worsen(f, severity);
    if (!fresh)
        return;
    f->severity = severity;
    f->confidence = CONFIDENCE_CERTAIN;
    if (eap) {
        finding_title(f, "RADIUS packets with EAP lack the Message-Authenticator");
        finding_explain(
            f, "RFC 3579 demands it with EAP: a receiver must discard such packets, and does so without a word.");
    } else {
        finding_title(f, "Access-Requests lack the Message-Authenticator (Blast-RADIUS)");
        finding_explain(
            f, "Answers to such requests can be forged on the path (CVE-2024-3596). A server that is set to demand it "
               "discards them (NPS: event 17).");
    }
    finding_fix(f, "RRAS: " RRAS_RADIUS " > Always use message authenticator.");
    if (!eap)
        finding_fix(f, "Then demand it: " NPS_CLIENTS
                       " > (client) > Properties > Advanced > Access-Request messages must contain the "
                       "Message-Authenticator attribute.");
}

static void affinity(struct findings *out, const struct exchange *x)
{
    bool fresh;
    if (!x->radius.other_server)
        return;
    struct finding *f = raise(out, FINDING_AFFINITY_BROKEN, x, 0, &fresh);
    if (f == NULL)
        return;
    enum severity severity = x->outcome == OUTCOME_ESTABLISHED ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    finding_evidence(out, f, x->radius.other_server_place, "State of another server");
    rule_worsen(f, severity);
    if (!fresh)
        return;
    char one[ADDRESS_TEXT], other[ADDRESS_TEXT];
    f->severity = severity;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "one login is split over two RADIUS servers: State issued by %s goes to %s",
                  address_text(one, &x->radius.state_server.address),
                  address_text(other, &x->radius.asked_server.address));
    finding_explain(f, "The second server does not know the login that the first one began and refuses or ignores it "
                       "(NPS reason codes "
                       "96 and 97).");
    finding_fix(f,
                "Make the load balancer in front of the RADIUS servers keep each NAS (source address) on one server.");
}

void rules_radius(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = rule_in_tunnel(s->main) ? s->login : s->main;
    if (x == NULL)
        return;
    rejected(out, x);
    silent_behind_port(out, x);
    if (x->type != CONVERSATION_RADIUS)
        return;
    no_answer(out, in, s, x, false);
    wrong_source(out, in, x);
    bad_authenticator(out, x);
    no_message_authenticator(out, x);
    affinity(out, x);
    lost_fragments(out, in, x);
    /* A server that was tried before the one that answered. */
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *other = s->exchanges[i];
        if (other == x || other->type != CONVERSATION_RADIUS)
            continue;
        no_answer(out, in, s, other, s->outcome == OUTCOME_ESTABLISHED);
        bad_authenticator(out, other);
        no_message_authenticator(out, other);
    }
}

/* The others are about logins that were not established. */
bool rules_radius_uneventful(const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    return x->outcome == OUTCOME_ESTABLISHED && r->bad_authenticator == 0 && !r->missing_message_authenticator_eap &&
           !r->missing_message_authenticator && !r->other_server;
}
