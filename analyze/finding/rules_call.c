/* L2TP and PPTP before there is PPP: tunnels that are silent or refused, and GRE that does not pass. wire-facts 1.2 (806, 809). */
#include "analyze/finding/rules_sstp.h"

#include "analyze/session/call_words.h"
#include "dissect/l2tp/l2tp.h"

enum { SILENT_TUNNEL = 0x10001, REFUSED_TUNNEL = 0x10002, SILENT_GRE = 0x10003, REFUSED_BY_CLIENT = 0x10004 };
enum { TRANSMISSIONS_TO_COUNT = 3 /* less is what scanners send, too */, ERROR_GRE = 806, ERROR_TIMEOUT = 809 };

static void explain_silence(struct finding *f, const struct exchange *x)
{
    char server[ENDPOINT_TEXT];
    bool l2tp = x->type == CONVERSATION_L2TP;
    const char *name = l2tp ? "L2TP" : "PPTP";
    finding_title(f, "the VPN server %s does not answer %s", endpoint_text(server, &x->server), name);
    finding_explain(f, "The client's %s was sent %u time%s and never answered.", call_waits_for(x), x->sstp.call.transmissions,
                    x->sstp.call.transmissions == 1 ? "" : "s");
    if (l2tp)
        finding_explain(f, "This is L2TP in the open. Windows' server takes L2TP out of IPsec only, and drops any other: the "
                           "client's IPsec was not set up, or the capture was taken where IPsec is taken off already.");
    rule_sstp_side(f, l2tp ? "client's IPsec, then at the server" : "server");
    finding_fix(f, l2tp ? "On the client: does the L2TP profile have its pre-shared key or certificate, and is "
                          "ProhibitIpSec (HKLM\\SYSTEM\\CurrentControlSet\\Services\\RasMan\\Parameters) not set to 1?"
                        : "Does the server run RemoteAccess, with PPTP ports (Routing and Remote Access > server > Ports)?");
}

static void silent_tunnel(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    bool fresh, l2tp = x->type == CONVERSATION_L2TP;
    if (j.client_silent || (l2tp && x->sstp.call.transmissions < TRANSMISSIONS_TO_COUNT))
        return;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x, SILENT_TUNNEL + (l2tp ? 0 : 0x100), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place, "the request that was not answered");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = ERROR_TIMEOUT;
    explain_silence(f, x);
}

/* A client that hangs up for a reason, instead of having done or changed its mind (RFC 2661 section 4.4.2). */
static bool complains(const struct exchange *x)
{
    enum { DONE = 1, ADMINISTRATIVE = 3, SHUTTING_DOWN = 6 };
    const struct ppp_call_state *c = &x->sstp.call;
    bool ordinary = c->result == DONE || c->result == (c->end_message == L2TP_STOPCCN ? SHUTTING_DOWN : ADMINISTRATIVE);
    return x->type == CONVERSATION_L2TP && c->has_result && !ordinary;
}

static void client_refuses(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct ppp_call_state *c = &x->sstp.call;
    char words[CALL_WORDS];
    bool fresh;
    uint64_t variant = REFUSED_BY_CLIENT | (uint64_t)c->end_message << 48 | (uint64_t)c->result << 32;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place, "the client's message");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    finding_title(f, "clients end L2TP before PPP begins: %s", call_end_words(words, x));
    finding_explain(f, "The server answered, and it is the client that does not go on. Where the two authenticate the tunnel itself, a "
                       "secret that one of them does not have, or another one, ends like this; it is neither IPsec's pre-shared key "
                       "nor the user's password.");
    rule_sstp_side(f, "client's L2TP settings, then at the server's");
    finding_fix(f, "Give both sides the same secret for the tunnel, or none: Windows does not authenticate the tunnel; xl2tpd has "
                   "\"challenge\" and l2tp-secrets.");
}

static void refused_tunnel(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct ppp_call_state *c = &x->sstp.call;
    char words[CALL_WORDS];
    bool fresh;
    if (j.by_client && complains(x))
        client_refuses(out, x, j);
    if (j.by_client)
        return;
    uint64_t variant = REFUSED_TUNNEL | (uint64_t)c->end_message << 48 | (uint64_t)c->result << 32;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x, variant, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place, "the refusal");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    finding_title(f, "the VPN server refuses %s before PPP begins", x->type == CONVERSATION_L2TP ? "L2TP" : "PPTP");
    finding_explain(f, "It said: %s.", call_end_words(words, x));
    rule_sstp_side(f, "RRAS configuration");
    finding_fix(f, "Routing and Remote Access > server > Ports > Properties: are there ports of this kind left, and are they "
                   "for remote access?");
}

/* Error 806: TCP 1723 passes both ways, GRE one way only. */
static bool silent_gre(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct ppp_call_state *c = &x->sstp.call;
    bool fresh;
    if (x->type != CONVERSATION_PPTP || c->stage != PPP_CALL_CONNECTED || c->packets[TO_SERVER] < TRANSMISSIONS_TO_COUNT ||
        c->packets[TO_CLIENT] > 0)
        return false;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x, SILENT_GRE, &fresh);
    if (f == NULL)
        return true;
    finding_evidence(out, f, x->sstp.ppp.first, "the first GRE packet of the client");
    finding_evidence(out, f, j.place, "the last message of the call");
    if (!fresh)
        return true;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = ERROR_GRE;
    finding_title(f, "PPTP: the server's GRE does not come");
    finding_explain(f, "The control connection (TCP 1723) opened and the call was connected; the client sent %llu GRE packets, "
                       "and none came back.",
                    (unsigned long long)c->packets[TO_SERVER]);
    rule_sstp_side(f, "firewalls and NAT on the way");
    finding_fix(f, "Let every firewall between client and server pass GRE (IP protocol 47) both ways; a NAT needs its PPTP "
                   "helper.");
    return true;
}

bool rules_call(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    switch (j.end) {
    case SSTP_END_TUNNEL_SILENT:
        silent_tunnel(out, x, j);
        return true;
    case SSTP_END_TUNNEL_REFUSED:
        refused_tunnel(out, x, j);
        return true;
    case SSTP_END_PPP_LCP:
        return silent_gre(out, x, j);
    default:
        return false;
    }
}
