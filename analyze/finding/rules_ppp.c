/* PPP inside SSTP, L2TP or PPTP: options that are not agreed, users that are refused, no address. wire-facts 1.2, 2.6a.
 * EAP inside PPP is judged by the rules that serve RADIUS, too. */
#include "analyze/finding/rules_sstp.h"

#include <stdio.h>

#define NPS_EVENTS                                                                                                     \
    "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event 6273 "  \
    "names the reason; on RRAS event 20271 the user"
#define RADIUS_CAPTURE "Capture between RRAS and NPS (UDP 1812) and analyse that: are requests answered there?"
#define RRAS_METHODS                                                                                                   \
    "Routing and Remote Access > server > Properties > Security > Authentication Methods (and the same in the NPS "    \
    "network policy: Constraints > Authentication Methods)"

#define WAITED_NS (5 * INT64_C(1000000000)) /* who answers that late has waited for somebody else */

enum negotiation { METHOD_REFUSED = 1, LCP_SILENT, LCP_LEFT, LCP_LOOP, NO_NETWORK };

static const struct ppp_authentication *demanded(const struct exchange *x)
{
    return &x->sstp.ppp.authentication[TO_CLIENT];
}

static const char *method_name(struct ppp_method m)
{
    const char *name = ppp_authentication_name(m.protocol, m.algorithm);
    return name != NULL ? name : "an unknown method";
}

/* "EAP, MS-CHAPv2"; the name of one side's wishes. */
static const char *methods(char out[static DESCRIBE_MAX], const struct ppp_method *list, uint8_t count)
{
    size_t at = 0;
    snprintf(out, DESCRIBE_MAX, "nothing");
    for (uint8_t i = 0; i < count && i < PPP_OFFERS_MAX; i++) {
        int n = snprintf(out + at, DESCRIBE_MAX - at, "%s%s", i > 0 ? ", " : "", method_name(list[i]));
        if (n < 0 || (size_t)n >= DESCRIBE_MAX - at)
            break;
        at += (size_t)n;
    }
    return out;
}

static bool is_ras_error(uint32_t error)
{
    return error >= 600 && error < 1000;
}

/* How long the server took for its verdict. */
static int64_t waited_ns(const struct ppp_authentication *a)
{
    return a->began.frame != 0 && a->ended.frame != 0 ? a->ended.time_ns - a->began.time_ns : 0;
}

/* What the account lacks, by MS-CHAP's error. */
static void fix_account(struct finding *f, uint32_t error)
{
    switch (error) {
    case 646:
        finding_fix(f, "Active Directory Users and Computers > user > Account > Logon Hours; in the NPS network policy the "
                       "condition or constraint Day and Time Restrictions.");
        break;
    case 647:
        finding_fix(f, "Active Directory Users and Computers > user > Account: is it disabled, locked or expired?");
        break;
    case 648:
        finding_fix(f, "Let the user change the password inside, or let the client ask for a new one: NPS network policy > "
                       "Constraints > Authentication Methods > MS-CHAP-v2 > \"User can change password after it has "
                       "expired\".");
        break;
    case 649:
        finding_fix(f, "Active Directory Users and Computers > user > Dial-in > Network Access Permission: \"Control "
                       "access through NPS Network Policy\".");
        break;
    default:
        break;
    }
}

static void explain_refused(struct finding *f, const struct exchange *x)
{
    const struct ppp_authentication *a = demanded(x);
    const char *name = mschap_error_name(a->error);
    char user[DESCRIBE_MAX];
    bool late = waited_ns(a) >= WAITED_NS;
    if (a->error != 0)
        finding_title(f, "the VPN server refuses the user: %s error E=%u%s%s%s", method_name(a->chosen), a->error,
                      name != NULL ? " (" : "", name != NULL ? name : "", name != NULL ? ")" : "");
    else
        finding_title(f, "the VPN server refuses the user after %s", method_name(a->chosen));
    finding_explain(f, "The client of %s answered and the server refused (%u attempt%s).", describe_user(user, x),
                    a->attempts, a->attempts == 1 ? "" : "s");
    rule_say_ms_chap_error(f, a->error);
    if (late)
        finding_explain(f,
                        "That took %.1f s: a server that has its verdict from RADIUS at once does not wait so long, "
                        "so most likely its RADIUS server is silent.",
                        (double)waited_ns(a) / 1e9);
    rule_sstp_side(f, late                               ? "RADIUS path"
                      : a->error == 691 || a->error == 0 ? "credentials, then at the NPS policy"
                                                         : "account of the user");
    if (late)
        finding_fix(f, RADIUS_CAPTURE);
    finding_fix(f, NPS_EVENTS ".");
    if (!late)
        fix_account(f, a->error);
}

/* The user was refused by PAP, CHAP or EAP without a word of why. */
static void refused(struct findings *out, const struct exchange *x)
{
    const struct ppp_authentication *a = demanded(x);
    bool eap = x->eap.seen, fresh;
    if (eap && (x->eap.tls.seen || x->eap.method != 0 || x->eap.nak_seen))
        return; /* the rules about EAP know better */
    bool late = waited_ns(a) >= WAITED_NS;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_AUTHENTICATION_FAILED, x,
                                        (uint64_t)late << 40 | (uint64_t)a->chosen.algorithm << 32 | a->error, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, a->ended, a->error != 0 ? "the server's failure message" : "the server's refusal");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = is_ras_error(a->error) ? a->error : eap ? 812 : 691;
    if (!eap) {
        explain_refused(f, x);
        return;
    }
    finding_title(f, "the VPN server refuses the user before any EAP method began");
    finding_explain(f, "EAP-Failure came right after the identity: no policy fits, or the user is not known.");
    rule_sstp_side(f, "NPS policy");
    finding_fix(f, NPS_EVENTS ".");
}

/* Somebody stops in the middle of authenticating. */
static void silent(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct alert_fact *alert;
    bool client = j.client_silent, fresh;
    enum client_answer answer = x->eap.seen ? judge_client_answer(x, &alert) : ANSWER_NO_CERTIFICATE;
    if (answer == ANSWER_SILENT || answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT)
        return; /* rules_client.c tells */
    struct finding *f =
        rule_sstp_raise(out, client && x->eap.seen ? FINDING_EAP_UNFINISHED : FINDING_PPP_AUTHENTICATION_FAILED, x,
                        client ? 0x20001 : 0x20000, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place.frame != 0 ? j.place : x->last, "the last message, never answered");
    if (!fresh)
        return;
    f->severity = client ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = client ? 0 : 718;
    if (client) {
        finding_title(f, "clients stop in the middle of user authentication inside the tunnel");
        finding_explain(f, "The server's last message was not answered: a prompt that nobody answers, a client without "
                           "a fitting certificate, or one that refuses the server's certificate without a word.");
        rule_sstp_side(f, "client");
        finding_fix(f, "On the client: is a window open? Look at the RasClient events 20221 to 20227 of that time.");
        return;
    }
    finding_title(f, "the VPN server stops in the middle of user authentication");
    finding_explain(f, "The client's answer got no reply, although the server spoke before: most likely it got none "
                       "from its RADIUS server.");
    rule_sstp_side(f, "RADIUS path");
    finding_fix(f, RADIUS_CAPTURE);
    finding_fix(f, "Routing and Remote Access > server > Properties > Security > Authentication provider: RADIUS > "
                   "Configure: is there a second server, and does the first one run?");
}

/* No method that both take. */
static bool method_refused(const struct ppp_authentication *a)
{
    return a->chosen.protocol == 0 && a->offered_count > 0 && (a->wanted_count > 0 || a->rejected);
}

static void explain_method(struct finding *f, const struct ppp_authentication *a, bool by_server)
{
    char offered[DESCRIBE_MAX], wanted[DESCRIBE_MAX];
    const char *one = by_server ? "server" : "client", *other = by_server ? "client" : "server";
    methods(offered, a->offered, a->offered_count);
    methods(wanted, a->wanted, a->wanted_count);
    finding_title(f, "client and server agree on no way to authenticate: the %s demands %s, the %s wants %s", one,
                  offered, other, a->rejected && a->wanted_count == 0 ? "none at all" : wanted);
    finding_explain(f, "In LCP the %s demanded %s and the %s refused it.", one, offered, other);
    if (by_server)
        finding_explain(f, "The user was never asked, and no RADIUS server was. Windows shows 919, or 812 when it is "
                           "RRAS that refuses what the client wants.");
    else
        finding_explain(f, "A VPN server does not authenticate itself in PPP: the profile asks for too much.");
    rule_sstp_side(f, "authentication methods of RRAS and of the client's profile");
    finding_fix(f, "Make both the same. " RRAS_METHODS ".");
    finding_fix(f, "On the client: Get-VpnConnection shows AuthenticationMethod; Set-VpnConnection "
                   "-AuthenticationMethod sets it.");
}

static const char *who(uint8_t direction)
{
    return direction == TO_SERVER ? "client" : "server";
}

static void explain_lcp(struct finding *f, const struct exchange *x, struct sstp_judgement j, enum negotiation what)
{
    const struct ppp_state *p = &x->sstp.ppp;
    switch (what) {
    case LCP_SILENT:
        finding_title(f, "the %s does not answer PPP (LCP)", j.client_silent ? "client" : "VPN server");
        finding_explain(f, "The other side's Configure-Requests got no answer; the tunnel's first messages were.");
        break;
    case LCP_LEFT:
        finding_title(f, "the %s ends PPP before LCP is agreed", who(p->lcp.ended_by));
        finding_explain(f, "It sent Terminate-Request%s.", p->has_terminate_error ? " with an error of its own" : "");
        break;
    default:
        finding_title(f, "client and server do not agree on the options of PPP (LCP)");
        finding_explain(f, "They refused each other's options %u and %u times.", p->lcp.naks[0] + p->lcp.rejects[0],
                        p->lcp.naks[1] + p->lcp.rejects[1]);
        break;
    }
    rule_sstp_side(f, "RRAS configuration");
    finding_fix(f, "Routing and Remote Access > server > Properties > PPP: the default is LCP extensions and software "
                   "compression ticked, multilink as the clients have it.");
}

static uint32_t lcp_error(const struct ppp_state *p, enum negotiation what)
{
    if (p->has_terminate_error && is_ras_error(p->terminate_error))
        return p->terminate_error;
    return what == METHOD_REFUSED ? 919 : what == LCP_SILENT ? 721 : 734;
}

static void lcp_failed(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct ppp_state *p = &x->sstp.ppp;
    bool by_server = method_refused(demanded(x)), by_client = method_refused(&p->authentication[TO_SERVER]), fresh;
    enum negotiation what = by_server || by_client ? METHOD_REFUSED
                            : p->terminated        ? LCP_LEFT
                            : p->lcp.refused_in_row[0] >= PPP_LOOP || p->lcp.refused_in_row[1] >= PPP_LOOP ? LCP_LOOP
                                                                                                           : LCP_SILENT;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x,
                                        (uint64_t)what << 8 | (uint64_t)(by_server * 2 + j.client_silent), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, p->lcp.began, "the first Configure-Request of LCP");
    finding_evidence(out, f, p->lcp.ended.frame != 0 ? p->lcp.ended : j.place, "the end of it");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = what == LCP_SILENT ? j.confidence : CONFIDENCE_CERTAIN;
    f->client_error = lcp_error(p, what);
    if (what == METHOD_REFUSED)
        explain_method(f, by_server ? demanded(x) : &p->authentication[TO_SERVER], by_server);
    else
        explain_lcp(f, x, j, what);
}

static void explain_network(struct finding *f, const struct exchange *x, enum ppp_network why)
{
    const struct ppp_state *p = &x->sstp.ppp;
    const uint32_t a = p->address_asked;
    switch (why) {
    case PPP_NETWORK_NO_ADDRESS:
        finding_title(f, "the VPN server has no address for the client");
        finding_explain(f,
                        "The user is authenticated; asked for an IPv4 address, the server %s. Its pool is used up, "
                        "or DHCP gave it none.",
                        p->address_rejected ? "rejected the option" : "offered 0.0.0.0");
        break;
    case PPP_NETWORK_ADDRESS_REFUSED:
        finding_title(f, "the VPN server refuses the address that the client insists on");
        finding_explain(f,
                        "The client asks for %u.%u.%u.%u, set in its profile or its account, and the server does not "
                        "give it.",
                        a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
        break;
    case PPP_NETWORK_PROTOCOL_REJECTED:
        finding_title(f, "client and server have no network protocol in common");
        finding_explain(f,
                        "The user is authenticated; what was asked for (IPCP for IPv4, IPV6CP for IPv6) was answered "
                        "by Protocol-Reject: it is not configured there.");
        break;
    case PPP_NETWORK_LOOP:
        finding_title(f, "client and server do not agree on the tunnel's addresses (IPCP)");
        finding_explain(f, "The user is authenticated; then one refuses what the other asks for, again and again.");
        break;
    default:
        finding_title(f, "the tunnel gets no address: IPCP ends before it is open");
        finding_explain(f, "The user is authenticated, and the link ends before IPv4 or IPv6 is agreed.");
        break;
    }
    rule_sstp_side(f, "RRAS configuration (address assignment)");
    finding_fix(f,
                "Routing and Remote Access > server > Properties > IPv4 (and IPv6): is the static pool large enough; "
                "does DHCP answer RRAS, which takes addresses in blocks of ten; is forwarding enabled?");
    if (why == PPP_NETWORK_ADDRESS_REFUSED)
        finding_fix(f, "Active Directory Users and Computers > user > Dial-in > Assign Static IP Addresses must lie in "
                       "the server's range; take a fixed address out of the client's connection.");
}

static void no_network(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct ppp_state *p = &x->sstp.ppp;
    enum ppp_network why = ppp_network_outcome(p);
    uint32_t error = ppp_network_error(why);
    bool fresh;
    struct finding *f =
        rule_sstp_raise(out, FINDING_PPP_NEGOTIATION_FAILED, x, (uint64_t)NO_NETWORK << 8 | why, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, p->ipcp.began.frame != 0 ? p->ipcp.began : p->ipv6cp.began, "the request for an address");
    finding_evidence(out, f, p->ipcp.ended.frame != 0 ? p->ipcp.ended : j.place, "the end of it");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = why > PPP_NETWORK_UP && why < PPP_NETWORK_CLOSED ? CONFIDENCE_CERTAIN : j.confidence;
    f->client_error = error != 0                                                   ? error
                      : p->has_terminate_error && is_ras_error(p->terminate_error) ? p->terminate_error
                                                                                   : 0;
    explain_network(f, x, why);
}

void rules_ppp(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j)
{
    (void)in;
    if ((x->type != CONVERSATION_SSTP && rules_call(out, x, j)) || !x->sstp.has_ppp)
        return;
    switch (j.end) {
    case SSTP_END_PPP_LCP:
        lcp_failed(out, x, j);
        break;
    case SSTP_END_PPP_AUTHENTICATION:
        refused(out, x);
        break;
    case SSTP_END_PPP_SILENT:
        silent(out, x, j);
        break;
    case SSTP_END_PPP_NETWORK:
        no_network(out, x, j);
        break;
    default:
        break;
    }
}
