/* SSTP connections that nobody answers, or that are refused. wire-facts 1.1 T1 to T3, 2.5. */
#include "analyze/finding/rules_sstp.h"

#include <stdio.h>

#include "analyze/session/services.h"
#include "analyze/session/sstp_lengths.h"

enum { OTHER_REQUEST = 0x200 };
enum { SYNS_TO_COUNT = 3 /* less is what scanners send, too */, PATHS_DIFFER = 1 };

struct finding *rule_sstp_raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                                bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &x->server.address), variant, fresh);
}

bool rule_sstp_assumed(const struct rule_input *in, const struct exchange *x)
{
    return x->sstp.kind == SSTP_KIND_UNSURE && in->services != NULL &&
           !services_is_sstp(in->services, &x->server.address);
}

bool rule_sstp_elsewhere(const struct rule_input *in, const struct exchange *x)
{
    enum { HTTPS = 443 };
    return x->server.port != HTTPS && rule_sstp_assumed(in, x);
}

bool rule_sstp_unsure_request(const struct rule_input *in, const struct exchange *x)
{
    return !x->sstp.request_seen && sstp_reading_of(&x->sstp).request != SSTP_REQUEST_FITS && rule_sstp_assumed(in, x);
}

bool rule_sstp_other_request(const struct exchange *x, struct sstp_judgement j)
{
    return !j.read && (j.end == SSTP_END_HTTP_SILENT || j.end == SSTP_END_CALL_SILENT) &&
           sstp_reading_of(&x->sstp).request == SSTP_REQUEST_OTHER;
}

bool rule_sstp_nobody(const struct rule_input *in, const struct exchange *x)
{
    return rule_sstp_assumed(in, x) && x->sstp.tls.client_hello && !judge_sstp_dials_name(x);
}

void rule_sstp_say_assumed(struct finding *f, const struct rule_input *in, const struct exchange *x)
{
    if (!rule_sstp_assumed(in, x))
        return;
    finding_explain(f, "That this server is a VPN's is assumed: no tunnel of it was seen in the capture, nor "
                       "anything that speaks against it.");
    if (f->confidence == CONFIDENCE_CERTAIN)
        f->confidence = CONFIDENCE_STRONG;
    if (!rule_sstp_nobody(in, x))
        return;
    finding_explain(f, "The client did not name the server (no SNI), as those do who scan the internet.");
    f->confidence = CONFIDENCE_HINT;
    f->severity = SEVERITY_INFO;
}

void rule_sstp_side(struct finding *f, const char *side)
{
    finding_explain(f, "Look first at the %s.", side);
}

struct place rule_sstp_ended(const struct exchange *x, enum tcp_side side)
{
    const struct tcp_sent *sent = &x->sstp.tcp.sent[side];
    return sent->fin.frame != 0 ? sent->fin : sent->reset;
}

bool rule_sstp_hung_up(const struct exchange *x, struct sstp_judgement j)
{
    return !j.by_client && rule_sstp_ended(x, TCP_SERVER).frame != 0;
}

bool rule_sstp_forged_reset(const struct rule_input *in, const struct exchange *x, uint8_t *usual)
{
    const struct tcp_sent *server = &x->sstp.tcp.sent[TCP_SERVER];
    uint8_t min = server->ttl_min, max = server->ttl_max;
    bool here = min <= max;
    if (server->reset.frame == 0)
        return false;
    if (!here &&
        (in->services == NULL || !services_ttl(in->services, &x->server.address, x->first.capture, &min, &max)))
        return false;
    unsigned room = here ? 0 : PATHS_DIFFER; /* other connections may take another path */
    *usual = max;
    return server->reset_ttl + room < min || server->reset_ttl > max + room;
}

void rule_sstp_say_forged(struct finding *f, const struct exchange *x, uint8_t usual)
{
    finding_explain(f,
                    "The reset has TTL %u, the server's other packets have %u: it was not made by the server but by a "
                    "firewall or another box on the way.",
                    x->sstp.tcp.sent[TCP_SERVER].reset_ttl, usual);
}

enum silence {
    SILENT_SYN,
    SILENT_UNREACHABLE,
    SILENT_UNHEARD,
    SILENT_HELLO,
    SILENT_HANDSHAKE,
    SILENT_HTTP,
    SILENT_CALL,
    SILENT_CLIENT
};

#define CAPTURE_BOTH "Capture on the server's external NIC and at the client at the same time: it shows what gets lost."
#define SERVICE_RUNS                                                                                                   \
    "Does the server run RemoteAccess and SstpSvc (Get-Service RemoteAccess, SstpSvc), and listen "                    \
    "(Get-NetTCPConnection "                                                                                           \
    "-LocalPort 443 -State Listen)?"

static void explain_syn(struct finding *f, const struct exchange *x)
{
    char server[ENDPOINT_TEXT], client[ADDRESS_TEXT];
    finding_title(f, "the VPN server %s does not answer SSTP connections", endpoint_text(server, &x->server));
    finding_explain(f, "The TCP SYN of %s was sent %u times and never answered.",
                    address_text(client, &x->client.address), x->sstp.tcp.sent[TCP_CLIENT].syns);
    finding_explain(f,
                    "Taken at the client this means that TCP port %u is blocked on the way, that the name points to "
                    "the address of a server that is down, or that the answer gets lost. Taken at the server it means "
                    "that its own firewall drops the request.",
                    x->server.port);
    rule_sstp_side(f, "firewalls, NAT and load balancer on the way, then at the server");
    finding_fix(f,
                "Let every firewall and load balancer pass TCP port %u to that address, and check that DNS names "
                "only servers that run.",
                x->server.port);
    finding_fix(f, SERVICE_RUNS);
    finding_fix(f, CAPTURE_BOTH);
}

static void explain_unreachable(struct finding *f, const struct exchange *x)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    char server[ENDPOINT_TEXT], by[ADDRESS_TEXT];
    bool itself = address_equal(&t->icmp_from, &x->server.address);
    finding_title(f, "the VPN server %s cannot be reached: ICMP says so", endpoint_text(server, &x->server));
    finding_explain(f, "The TCP SYN was answered by an ICMP error of %s (type %u, code %u): %s.",
                    address_text(by, &t->icmp_from), t->icmp.type, t->icmp.code,
                    t->icmp.kind == TCP_ICMP_TIME_EXCEEDED ? "the packet went round in circles until its TTL ran out"
                    : itself ? "it arrives there, and a packet filter on the server refuses it"
                             : "a router or firewall on the way does not let it pass, or knows no way");
    rule_sstp_side(f, itself ? "packet filter of the server" : "router or firewall that sent the ICMP error");
    finding_fix(f, "At %s: let TCP port %u pass to %s, and give it a route there.", by, x->server.port, server);
}

static void explain_unheard(struct finding *f, const struct exchange *x)
{
    char server[ADDRESS_TEXT], client[ADDRESS_TEXT];
    finding_title(f, "the answers of the VPN server %s do not reach its SSTP clients",
                  address_text(server, &x->server.address));
    finding_explain(f,
                    "%s asks for a connection, the server answers (SYN/ACK, sent %u times), and the client never "
                    "hears it: it goes on asking.",
                    address_text(client, &x->client.address), x->sstp.tcp.sent[TCP_SERVER].syns);
    finding_explain(f, "The way back is broken: the answer leaves through another network card or gateway than the "
                       "request came by, or the load balancer, which has to translate it back, does not see it.");
    rule_sstp_side(f, "routes of the server, then at the load balancer or NAT in front");
    finding_fix(f, "On the server: the only default gateway belongs on the external NIC (Get-NetRoute "
                   "-DestinationPrefix 0.0.0.0/0), static routes for the internal networks on the other.");
    finding_fix(f, "A load balancer that keeps the clients' addresses must be the server's gateway for the answers, or "
                   "return them directly.");
}

static void explain_hello(struct finding *f, const struct exchange *x)
{
    bool arrived = x->sstp.tcp.sent[TCP_CLIENT].data_acked;
    char server[ENDPOINT_TEXT];
    finding_title(f, "the VPN server %s takes the connection and never answers the ClientHello",
                  endpoint_text(server, &x->server));
    if (arrived)
        finding_explain(f, "It acknowledged the ClientHello. Taken at the server this means that the program behind the port hangs: "
                           "http.sys or, at a load balancer, the server that it passes connections to. Taken at the client it may "
                           "as well be the answer that is lost on the way: the packets with the certificate are the first large "
                           "ones.");
    else
        finding_explain(f, "It did not even acknowledge it: a filter on the way lets the TCP handshake pass and drops "
                           "what follows, or the large packet is lost.");
    rule_sstp_side(f, arrived ? "server, or load balancer in front" : "firewall on the way");
    if (!arrived) {
        finding_fix(f, "Look into the log of the firewalls on the way for what they drop after the TCP handshake, and find the limit "
                       "of packets' size: ping -f -l 1472 from the client to the server, then with smaller sizes.");
        finding_fix(f, CAPTURE_BOTH);
        return;
    }
    finding_fix(f, SERVICE_RUNS " netsh http show servicestate names who is registered for the port.");
    finding_fix(f, "A load balancer in front: which of its servers does it send the connection to, and is it up?");
    finding_fix(f, CAPTURE_BOTH);
}

static void explain_later(struct finding *f, const struct exchange *x, enum silence kind, bool hung_up)
{
    char server[ENDPOINT_TEXT];
    const char *how = hung_up ? "hangs up instead of answering" : "never answers";
    endpoint_text(server, &x->server);
    switch (kind) {
    case SILENT_HTTP:
        finding_title(f, "the VPN server %s %s the request for SSTP (SSTP_DUPLEX_POST)", server, how);
        finding_explain(f, "TLS is up and the HTTP request was sent; the client waits 60 s for an answer to it. The "
                           "service behind http.sys hangs, or a proxy in front waits for the end of a request that "
                           "has none: SSTP's Content-Length is 2^64-1.");
        break;
    case SILENT_CALL:
        finding_title(f, "the VPN server %s %s CALL_CONNECT_REQUEST", server, how);
        finding_explain(f,
                        "TLS and HTTP are up (status 200), then the server %s: the SSTP service fails, or a proxy in "
                        "front does not let through what the client sends.",
                        hung_up ? "ends the connection" : "says nothing more");
        break;
    default:
        finding_title(f, "the VPN server %s stops in the middle of the TLS handshake", server);
        finding_explain(f, "%s",
                        hung_up ? "It ended the connection instead of answering the client's last message."
                                : "The client's last message of the handshake was never answered.");
        break;
    }
    rule_sstp_side(f, "RRAS service, or proxy or load balancer in front");
    finding_fix(f, "Restart SstpSvc and RemoteAccess on the server and look at the event log (System, source "
                   "RasSstp).");
    finding_fix(f, "A proxy in front must pass the request on at once, unbuffered, and without a limit for its "
                   "length.");
}

static void explain_client(struct finding *f)
{
    finding_title(f, "SSTP clients stop after the server's HTTP answer");
    finding_explain(f, "The server answered the request with 200 and the client never sent CALL_CONNECT_REQUEST: it "
                       "was cancelled, or it does not get the answer.");
    finding_fix(f, "Look at the client's event log (Application, sources RasClient and RasSstp).");
}

static void explain_silence(struct finding *f, const struct exchange *x, enum silence kind, bool hung_up)
{
    switch (kind) {
    case SILENT_SYN:
        explain_syn(f, x);
        break;
    case SILENT_UNREACHABLE:
        explain_unreachable(f, x);
        break;
    case SILENT_UNHEARD:
        explain_unheard(f, x);
        break;
    case SILENT_HELLO:
        explain_hello(f, x);
        break;
    case SILENT_CLIENT:
        explain_client(f);
        break;
    default:
        explain_later(f, x, kind, hung_up);
        break;
    }
}

static void silence_evidence(struct findings *out, struct finding *f, const struct exchange *x, enum silence kind,
                             struct place place)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    const struct tcp_sent *client = &t->sent[TCP_CLIENT], *server = &t->sent[TCP_SERVER];
    switch (kind) {
    case SILENT_SYN:
        finding_evidence(out, f, client->first_syn, "SYN, sent %u times, never answered", client->syns);
        finding_evidence(out, f, client->last_syn, "the last one");
        break;
    case SILENT_UNREACHABLE:
        finding_evidence(out, f, client->first_syn, "SYN");
        finding_evidence(out, f, t->icmp_place, "ICMP error about it");
        break;
    case SILENT_UNHEARD:
        finding_evidence(out, f, server->first_syn, "SYN/ACK, sent %u times, never acknowledged", server->syns);
        finding_evidence(out, f, server->last_syn, "the last one");
        break;
    case SILENT_HELLO:
        finding_evidence(out, f, client->first_data, "the client's first bytes, never answered");
        break;
    case SILENT_HTTP:
        finding_evidence(out, f, x->sstp.request_place.frame != 0 ? x->sstp.request_place : place,
                         "HTTP request%s, never answered", x->sstp.request_place.frame != 0 ? "" : ", by its length");
        break;
    case SILENT_CALL:
        finding_evidence(out, f, x->sstp.link.first[SSTP_CALL_CONNECT_REQUEST], "CALL_CONNECT_REQUEST, never answered");
        break;
    default:
        finding_evidence(out, f, place.frame != 0 ? place : x->last, "the last message");
        break;
    }
}

static void no_answer(struct findings *out, const struct rule_input *in, const struct exchange *x,
                      struct sstp_judgement j, enum silence kind)
{
    bool fresh, client = kind == SILENT_CLIENT;
    bool hung_up = (kind == SILENT_CALL || kind == SILENT_HANDSHAKE) && rule_sstp_hung_up(x, j);
    bool guess = (kind == SILENT_HANDSHAKE && rule_sstp_assumed(in, x)) || (kind == SILENT_HTTP && rule_sstp_unsure_request(in, x));
    uint64_t variant = (uint64_t)kind << 2 | (uint64_t)guess << 1 | (uint64_t)hung_up;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_NO_ANSWER, x, variant, &fresh);
    if (f == NULL)
        return;
    silence_evidence(out, f, x, kind, j.place);
    if (!fresh)
        return;
    f->severity = client || guess ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = kind == SILENT_UNREACHABLE ? CONFIDENCE_CERTAIN : guess ? CONFIDENCE_HINT : j.confidence;
    f->client_error = client ? 0 : hung_up ? SSTP_ERROR_HUNG_UP : SSTP_ERROR_TIMED_OUT;
    explain_silence(f, x, kind, hung_up);
    rule_sstp_say_assumed(f, in, x);
}

/* By its length it is of no client that is known: another service's, where the server is known for SSTP; else it may be an unknown
 * client's. */
static void other_request(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j)
{
    char server[ENDPOINT_TEXT];
    bool fresh;
    struct finding *f = rule_sstp_assumed(in, x) ? rule_sstp_raise(out, FINDING_SSTP_NO_ANSWER, x, OTHER_REQUEST, &fresh) : NULL;
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place.frame != 0 ? j.place : x->last, "the end of the connection");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_HINT;
    finding_title(f, "requests inside of TLS to %s are not answered, and have not the length of SSTP's", endpoint_text(server, &x->server));
    finding_explain(f, "Most likely another service was asked. If the client did want a tunnel, the service behind the port hangs, or a "
                       "proxy in front waits for the end of a request that has none.");
    finding_fix(f, "If it was a VPN client: give the TLS secrets of the connection with --keylog, and what was asked can be read.");
}

/* It was on its way when the client reset the connection; whether it came is not known. */
static bool flight_cut(const struct exchange *x)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    return t->sent[TCP_SERVER].data_packets > 0 && !t->sent[TCP_SERVER].data_acked && t->reset != TCP_RESET_NONE &&
           t->reset_by == TCP_CLIENT;
}

static void refused(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    char server[ENDPOINT_TEXT], client[ADDRESS_TEXT];
    uint8_t usual = 0;
    bool fresh, forged = rule_sstp_forged_reset(in, x, &usual);
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_REFUSED, x, forged, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, t->sent[TCP_CLIENT].first_syn, "SYN");
    finding_evidence(out, f, t->sent[TCP_SERVER].reset, "RST in answer, TTL %u", t->sent[TCP_SERVER].reset_ttl);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = SSTP_ERROR_REFUSED;
    finding_title(f, "the VPN server %s refuses SSTP connections: %s", endpoint_text(server, &x->server),
                  forged ? "a firewall answers in its place" : "nothing listens there");
    finding_explain(f, "The TCP SYN of %s was answered by a reset.", address_text(client, &x->client.address));
    if (forged)
        rule_sstp_say_forged(f, x, usual);
    else
        finding_explain(f,
                        "It has TTL %u. If other packets of that server arrive with another TTL, a firewall answers in "
                        "its place; else the service does not run, or the SSTP ports of RRAS are switched off.",
                        t->sent[TCP_SERVER].reset_ttl);
    rule_sstp_say_assumed(f, in, x);
    rule_sstp_side(f, forged ? "firewall on the way" : "RRAS configuration of that server");
    finding_fix(f, SERVICE_RUNS);
    finding_fix(f, "Routing and Remote Access > server > Ports > Properties > WAN Miniport (SSTP) > Configure: remote "
                   "access connections are ticked and there is more than one port.");
    finding_fix(f, "Take a server that is down out of DNS and out of the load balancer; its health check should ask "
                   "for SSTP's URI, not only for the port.");
}

void rules_sstp_connect(struct findings *out, const struct rule_input *in, const struct exchange *x,
                        struct sstp_judgement j)
{
    switch (j.end) {
    case SSTP_END_NO_ANSWER:
        if (x->sstp.tcp.sent[TCP_CLIENT].syns >= SYNS_TO_COUNT)
            no_answer(out, in, x, j, SILENT_SYN);
        break;
    case SSTP_END_UNREACHABLE:
        no_answer(out, in, x, j, SILENT_UNREACHABLE);
        break;
    case SSTP_END_ANSWER_UNHEARD:
        no_answer(out, in, x, j, SILENT_UNHEARD);
        break;
    case SSTP_END_REFUSED:
        refused(out, in, x);
        break;
    case SSTP_END_HELLO_SILENT:
        no_answer(out, in, x, j, SILENT_HELLO);
        break;
    case SSTP_END_HANDSHAKE_STALLED:
        if (!j.client_silent && !flight_cut(x))
            no_answer(out, in, x, j, SILENT_HANDSHAKE);
        break;
    case SSTP_END_HTTP_SILENT:
        if (rule_sstp_other_request(x, j))
            other_request(out, in, x, j);
        else if (!rule_sstp_hung_up(x, j))
            no_answer(out, in, x, j, SILENT_HTTP);
        break;
    case SSTP_END_CALL_SILENT:
        if (rule_sstp_other_request(x, j))
            other_request(out, in, x, j);
        else
            no_answer(out, in, x, j, j.client_silent ? SILENT_CLIENT : SILENT_CALL);
        break;
    default:
        break;
    }
}
