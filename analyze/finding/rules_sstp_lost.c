/* Large packets that a link on the way swallows: nothing comes of what they were to bring. wire-facts 1.1. */
#include "analyze/finding/rules_sstp.h"

#include "analyze/session/sstp_lost.h"
#include "capture/wire/elapsed.h"

enum { LARGE_LOST = 0x100 };

#define REPEATED_NS (INT64_C(1000000000)) /* RFC 6298 section 2: what is not acknowledged is repeated within that, at first */

/* Of what the connection waited in vain: the packets with the server's certificate, or something later. */
static bool in_handshake(struct sstp_judgement j)
{
    return j.end == SSTP_END_HELLO_SILENT || j.end == SSTP_END_HANDSHAKE_STALLED;
}

/* Not even the first packet of the server was acknowledged, whether it was seen to be repeated or not. */
static bool first_flight_lost(const struct exchange *x, struct sstp_judgement j, struct sstp_lost *lost)
{
    const struct tcp_sent *client = &x->sstp.tcp.sent[TCP_CLIENT], *server = &x->sstp.tcp.sent[TCP_SERVER];
    if (!in_handshake(j) || server->data_packets == 0 || server->data_acked ||
        elapsed_ns(x->last.time_ns, server->first_data.time_ns) < REPEATED_NS)
        return false;
    lost->other_is_there = elapsed_ns(client->last.time_ns, server->first_data.time_ns) > 0;
    return true;
}

/* In the order of time. */
static void evidence(struct findings *out, struct finding *f, const struct exchange *x, const struct sstp_lost *lost)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    struct place too_big = t->icmp.kind == TCP_ICMP_TOO_BIG ? t->icmp_place : (struct place){0};
    bool told = lost->kind != SSTP_LOST_NOTHING && too_big.frame != 0 && elapsed_ns(lost->first.time_ns, too_big.time_ns) > 0;
    if (told)
        finding_evidence(out, f, too_big, "ICMP error: too big");
    switch (lost->kind) {
    case SSTP_LOST_NOTHING:
        finding_evidence(out, f, x->sstp.tcp.sent[TCP_SERVER].first_data, "the server's first bytes, never acknowledged");
        break;
    case SSTP_LOST_REPEATED:
        finding_evidence(out, f, lost->first, "%u octets, sent again %u times, never acknowledged", lost->octets, lost->times);
        finding_evidence(out, f, lost->last, "the last time");
        break;
    case SSTP_LOST_UNSEEN:
        finding_evidence(out, f, lost->first, "its number shows that %u octets had been sent before it, which never came",
                         lost->octets);
        break;
    }
    if (!told)
        finding_evidence(out, f, too_big, "ICMP error: too big");
}

static void explain(struct finding *f, const struct exchange *x, const struct sstp_lost *lost, bool handshake)
{
    const struct tcp_connection *t = &x->sstp.tcp;
    const char *who = lost->from_client ? "client" : "server";
    char by[ADDRESS_TEXT];
    if (lost->from_client)
        finding_title(f, "large packets from SSTP clients are lost on the way to the VPN server");
    else
        finding_title(f, "large packets from the VPN server are lost on the way: %s",
                      handshake ? "its certificate never arrives" : "the tunnel stops at the first of them");
    if (lost->kind == SSTP_LOST_UNSEEN)
        finding_explain(f, "Small packets come through; the numbers of the %s's later ones show that it had sent %u octets more, "
                           "which did not come as far as this capture, and which the other side never acknowledged.", who, lost->octets);
    else if (lost->kind == SSTP_LOST_REPEATED && !handshake)
        finding_explain(f, "Small packets come through; one of the %s's with %u octets was never acknowledged, however often it "
                           "was repeated.", who, lost->octets);
    else
        finding_explain(f, "The TCP handshake, whose packets are small, went through; the %s's first packets of full size were "
                           "never acknowledged, however often they were repeated.", who);
    if (t->icmp.kind == TCP_ICMP_TOO_BIG)
        finding_explain(f, "%s says that they are too big for the next hop (MTU %u).", address_text(by, &t->icmp_from), t->icmp.mtu);
    else
        finding_explain(f, "A link on the way has a smaller MTU, and the ICMP message that says so is filtered; or a "
                           "firewall drops them.");
    if (!lost->other_is_there)
        finding_explain(f, "Nothing at all came from the other side since then: it may as well have gone.");
    rule_sstp_side(f, "path between server and client: MTU, and firewalls that drop ICMP");
    finding_fix(f, "Let ICMP \"fragmentation needed\" (type 3, code 4) and ICMPv6 \"packet too big\" pass to the %s, or clamp the MSS "
                   "on the router in front of it.", who);
    finding_fix(f, lost->from_client ? "Find the limit: ping -f -l 1472 from the client to the server, then with smaller sizes."
                                     : "Find the limit: ping -f -l 1472 from the server to the client's side, then with smaller sizes.");
}

static bool waits_for_more(struct sstp_judgement j)
{
    return in_handshake(j) || j.end == SSTP_END_NOTHING_SAID || j.end == SSTP_END_HTTP_SILENT || j.end == SSTP_END_CALL_SILENT ||
           j.end == SSTP_END_PPP_SILENT || j.end == SSTP_END_LEFT;
}

bool rules_sstp_lost(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j)
{
    struct sstp_lost lost = sstp_large_lost(x);
    bool handshake = in_handshake(j), fresh;
    if (!waits_for_more(j) || (lost.kind == SSTP_LOST_NOTHING && !first_flight_lost(x, j, &lost)))
        return false;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_NO_ANSWER, x,
                                        LARGE_LOST | (uint64_t)lost.other_is_there << 2 | (uint64_t)lost.from_client << 1 | handshake,
                                        &fresh);
    if (f == NULL)
        return true;
    evidence(out, f, x, &lost);
    if (!fresh)
        return true;
    f->severity = lost.other_is_there ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    f->confidence = lost.other_is_there ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
    f->client_error = handshake ? SSTP_ERROR_TIMED_OUT : 0;
    explain(f, x, &lost, handshake);
    rule_sstp_say_assumed(f, in, x);
    return true;
}
