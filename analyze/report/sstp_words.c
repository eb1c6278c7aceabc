#include "analyze/report/sstp_words.h"

#include <stdio.h>
#include <string.h>

static const char *const end_names[] = {
    [SSTP_END_UNKNOWN] = "unknown",
    [SSTP_END_NO_ANSWER] = "no-answer",
    [SSTP_END_UNREACHABLE] = "unreachable",
    [SSTP_END_REFUSED] = "refused",
    [SSTP_END_ANSWER_UNHEARD] = "answer-unheard",
    [SSTP_END_NOTHING_ASKED] = "nothing-asked",
    [SSTP_END_HELLO_SILENT] = "hello-unanswered",
    [SSTP_END_HELLO_HUNG_UP] = "hello-hung-up",
    [SSTP_END_SERVER_ALERT] = "server-alert",
    [SSTP_END_CLIENT_REFUSED] = "client-refused-certificate",
    [SSTP_END_HANDSHAKE_STALLED] = "handshake-stalled",
    [SSTP_END_NOTHING_SAID] = "nothing-said",
    [SSTP_END_HTTP_SILENT] = "http-unanswered",
    [SSTP_END_HTTP_ERROR] = "http-error",
    [SSTP_END_CALL_SILENT] = "call-unanswered",
    [SSTP_END_CALL_NAK] = "call-nak",
    [SSTP_END_TUNNEL_SILENT] = "tunnel-unanswered",
    [SSTP_END_TUNNEL_REFUSED] = "tunnel-refused",
    [SSTP_END_PPP_LCP] = "lcp-failed",
    [SSTP_END_PPP_AUTHENTICATION] = "authentication-refused",
    [SSTP_END_PPP_SILENT] = "authentication-stalled",
    [SSTP_END_BINDING] = "crypto-binding",
    [SSTP_END_CALL_ABORT] = "call-abort",
    [SSTP_END_PPP_NETWORK] = "no-network",
    [SSTP_END_LEFT] = "left",
    [SSTP_END_ESTABLISHED] = "established",
};

/* Sentences; "%s" is who did it. */
static const char *const end_words[] = {
    [SSTP_END_UNKNOWN] = "the capture does not show how it ended",
    [SSTP_END_NO_ANSWER] = "nobody answered the client's SYN",
    [SSTP_END_UNREACHABLE] = "the SYN was answered by an ICMP error only",
    [SSTP_END_REFUSED] = "the TCP connection was refused: the SYN was answered by RST",
    [SSTP_END_ANSWER_UNHEARD] = "the server repeats its SYN, ACK, and the client's ACK never comes",
    [SSTP_END_NOTHING_ASKED] = "TCP opened, and ended without a byte of data",
    [SSTP_END_HELLO_SILENT] = "the server did not answer the TLS ClientHello",
    [SSTP_END_HELLO_HUNG_UP] = "the server ended the connection when it got the TLS ClientHello",
    [SSTP_END_SERVER_ALERT] = "the server ended the TLS handshake by an alert",
    [SSTP_END_CLIENT_REFUSED] = "the client ended the TLS handshake once it had the server's certificate",
    [SSTP_END_HANDSHAKE_STALLED] = "the TLS handshake stopped half-way",
    [SSTP_END_NOTHING_SAID] = "TLS was agreed, and then nothing was asked",
    [SSTP_END_HTTP_SILENT] = "the HTTP request was not answered",
    [SSTP_END_HTTP_ERROR] = "the HTTP request was answered by an error",
    [SSTP_END_CALL_SILENT] = "HTTP went well, and then CALL_CONNECT_REQUEST did not come or was not answered",
    [SSTP_END_CALL_NAK] = "the server refused the call (CALL_CONNECT_NAK)",
    [SSTP_END_TUNNEL_SILENT] = "the control connection of the tunnel was asked for, and nobody answered",
    [SSTP_END_TUNNEL_REFUSED] = "%s ended the call before PPP began",
    [SSTP_END_PPP_LCP] = "PPP's LCP was not agreed",
    [SSTP_END_PPP_AUTHENTICATION] = "the authentication inside PPP was refused",
    [SSTP_END_PPP_SILENT] = "the authentication inside PPP stopped half-way: %s fell silent",
    [SSTP_END_BINDING] = "%s aborted the call because of the crypto binding",
    [SSTP_END_CALL_ABORT] = "%s aborted the call (CALL_ABORT) before the network was up",
    [SSTP_END_PPP_NETWORK] = "authenticated, but neither IPCP nor IPv6CP opened: no address",
    [SSTP_END_LEFT] = "the tunnel ended before anything of the size of CALL_CONNECTED passed: not authenticated",
    [SSTP_END_ESTABLISHED] = "the tunnel was up",
};

/* In a table, behind the carrier's name. */
static const char *const end_short[] = {
    [SSTP_END_UNKNOWN] = NULL,
    [SSTP_END_NO_ANSWER] = "SYN unanswered",
    [SSTP_END_UNREACHABLE] = "ICMP unreachable",
    [SSTP_END_REFUSED] = "TCP refused",
    [SSTP_END_ANSWER_UNHEARD] = "answer not heard",
    [SSTP_END_NOTHING_ASKED] = NULL,
    [SSTP_END_HELLO_SILENT] = "TLS unanswered",
    [SSTP_END_HELLO_HUNG_UP] = "TLS hung up",
    [SSTP_END_SERVER_ALERT] = "TLS refused",
    [SSTP_END_CLIENT_REFUSED] = "certificate refused",
    [SSTP_END_HANDSHAKE_STALLED] = "TLS stopped",
    [SSTP_END_NOTHING_SAID] = "silent after TLS",
    [SSTP_END_HTTP_SILENT] = "HTTP unanswered",
    [SSTP_END_HTTP_ERROR] = "HTTP",
    [SSTP_END_CALL_SILENT] = "call unanswered",
    [SSTP_END_CALL_NAK] = "call refused",
    [SSTP_END_TUNNEL_SILENT] = "unanswered",
    [SSTP_END_TUNNEL_REFUSED] = "refused",
    [SSTP_END_PPP_LCP] = "LCP failed",
    [SSTP_END_PPP_AUTHENTICATION] = "refused",
    [SSTP_END_PPP_SILENT] = "silent",
    [SSTP_END_BINDING] = "crypto binding",
    [SSTP_END_CALL_ABORT] = "aborted",
    [SSTP_END_PPP_NETWORK] = "no address",
    [SSTP_END_LEFT] = "left before login",
    [SSTP_END_ESTABLISHED] = NULL,
};

const char *sstp_end_name(enum sstp_end end)
{
    return end_names[end];
}

const char *sstp_end_words(char out[static SSTP_WORDS], const struct exchange *x, const struct sstp_judgement *j)
{
    bool client = j->end == SSTP_END_PPP_SILENT ? j->client_silent : j->by_client;
    const char *words = end_words[j->end], *gap = strstr(words, "%s");
    if (gap != NULL)
        snprintf(out, SSTP_WORDS, "%.*s%s%s", (int)(gap - words), words, client ? "the client" : "the server", gap + 2);
    else if (j->end == SSTP_END_HTTP_ERROR && x->sstp.http_status != 0)
        snprintf(out, SSTP_WORDS, "%s: %u", words, x->sstp.http_status);
    else
        snprintf(out, SSTP_WORDS, "%s", words);
    return out;
}

const char *ppp_carrier_name(const struct exchange *x)
{
    return x->type == CONVERSATION_L2TP ? "L2TP" : x->type == CONVERSATION_PPTP ? "PPTP" : "SSTP";
}

const char *ppp_method(char out[static SSTP_METHOD], const struct exchange *x)
{
    const struct ppp_method *chosen = &x->sstp.ppp.authentication[TO_CLIENT].chosen;
    const char *name = NULL;
    if (chosen->protocol != 0)
        name = ppp_authentication_name(chosen->protocol, chosen->algorithm);
    if (x->eap.method != 0 && eap_type_name(x->eap.method) != NULL)
        name = eap_type_name(x->eap.method);
    else if (name == NULL && x->eap.seen)
        name = "EAP";
    if (name == NULL && chosen->protocol != 0)
        snprintf(out, SSTP_METHOD, "0x%04x", chosen->protocol);
    else
        snprintf(out, SSTP_METHOD, "%s", name != NULL ? name : "");
    return out;
}

const char *sstp_where(char out[static SSTP_WHERE], const struct exchange *x, const char *method)
{
    char stopped[40] = "";
    bool of_method = false; /* the words tell what became of the method */
    if (x->outcome != OUTCOME_ESTABLISHED && x->sstp.kind != SSTP_KIND_PROBE && x->sstp.kind != SSTP_KIND_OTHER) {
        struct sstp_judgement j = judge_sstp(x);
        of_method = j.end == SSTP_END_PPP_AUTHENTICATION || j.end == SSTP_END_PPP_SILENT;
        if (j.end == SSTP_END_HTTP_ERROR && x->sstp.http_status != 0)
            snprintf(stopped, sizeof stopped, "HTTP %u", x->sstp.http_status);
        else
            snprintf(stopped, sizeof stopped, "%s", end_short[j.end] != NULL ? end_short[j.end] : "");
    }
    if (x->sstp.kind == SSTP_KIND_PROBE)
        snprintf(out, SSTP_WHERE, "probe");
    else
        snprintf(out, SSTP_WHERE, "%s%s%.40s%s%s", ppp_carrier_name(x), method[0] != '\0' ? ", " : "", method,
                 stopped[0] == '\0' ? "" : method[0] != '\0' && of_method ? " " : ", ", stopped);
    return out;
}

const char *sstp_correlation_text(char out[static SSTP_CORRELATION], const uint8_t id[static HTTP_CORRELATION])
{
    size_t at = 0;
    for (size_t i = 0; i < HTTP_CORRELATION; i++)
        at += (size_t)snprintf(out + at, SSTP_CORRELATION - at, "%s%02X",
                               i == 0 ? "{" : i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    snprintf(out + at, SSTP_CORRELATION - at, "}");
    return out;
}

const struct endpoint *sstp_hidden_client(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (x->type != CONVERSATION_SSTP)
        return NULL;
    if (f->proxy_seen && !f->proxy_local && f->proxy_source.address.family != FAMILY_NONE)
        return &f->proxy_source;
    return f->forwarded_seen && f->forwarded_client.address.family != FAMILY_NONE ? &f->forwarded_client : NULL;
}

const struct exchange *session_ppp(const struct session *s)
{
    return s->tunnel != NULL && exchange_is_ppp(s->tunnel) ? s->tunnel : NULL;
}

const char *sstp_verdict_name(enum sstp_verdict v)
{
    return v == SSTP_VALID ? "valid" : v == SSTP_INVALID ? "invalid" : "unchecked";
}
