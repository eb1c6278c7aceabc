/* HTTP and SSTP's own messages: errors, CALL_CONNECT_NAK, CALL_ABORT. wire-facts 1.1 T7 and T8, 2.2 to 2.5, 12.3. */
#include "analyze/finding/rules_sstp.h"

#include <stdio.h>

#define FREE_PORTS                                                                                                     \
    "Routing and Remote Access > server > Ports > Properties > WAN Miniport (SSTP) > Configure: is the number of "     \
    "ports "                                                                                                           \
    "larger than that of the users? (128 at most unless it was raised)"
#define SERVICES                                                                                                       \
    "On the server: Get-Service RemoteAccess, SstpSvc; Get-RemoteAccess; netsh http show servicestate must list "      \
    "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"

/* Printable octets of a text, at most as many as there is room for. */
static const char *words(char out[static DESCRIBE_MAX], const struct exchange *x, struct text t)
{
    struct span s = exchange_text(x, t);
    size_t n = s.len < DESCRIBE_MAX - 1 ? s.len : DESCRIBE_MAX - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = s.data[i] != 0 ? (char)s.data[i] : '?';
    out[n] = '\0';
    return out;
}

static void explain_status(struct finding *f, uint16_t status)
{
    switch (status) {
    case 401:
        finding_explain(f, "RRAS answers 401 to a monitor that asks for SSTP's URI by GET or HEAD, never to a client; "
                           "here somebody in front asks for a password, which no SSTP client has.");
        break;
    case 403:
        finding_explain(f, "403: a web application firewall, an access rule or an authentication portal in front does "
                           "not let the request pass; RRAS itself refuses so when SSTP is switched off.");
        break;
    case 404:
        finding_explain(f, "404: another site answers. Nobody is registered for SSTP's URI there: RRAS is not running, "
                           "the load balancer has no rule for the path, or the name points to another server.");
        break;
    case 405:
    case 501:
        finding_explain(f, "The one who answers does not know the method SSTP_DUPLEX_POST: a proxy or another site.");
        break;
    case 407:
        finding_explain(f, "407: a web proxy on the client's side asks for a password, which SSTP cannot give.");
        break;
    case 411:
    case 413:
        finding_explain(f, "The one who answers does not take the length of the request, 2^64-1: a proxy that reads "
                           "requests whole before it passes them on.");
        break;
    case 500:
    case 502:
    case 504:
        finding_explain(f,
                        "A proxy or load balancer in front says that the server behind it fails or does not answer.");
        break;
    case 503:
        finding_explain(f, "503: http.sys runs and the service behind it does not (RemoteAccess or SstpSvc stopped, or "
                           "just starting), no SSTP port is free, or a load balancer has no server left.");
        break;
    default:
        finding_explain(f, "An SSTP server answers 200; whoever answers otherwise wants no tunnel.");
        break;
    }
}

static bool by_proxy(uint16_t status)
{
    return status == 401 || status == 403 || status == 404 || status == 405 || status == 407 || status == 411 ||
           status == 413 || status == 500 || status == 501 || status == 502 || status == 504;
}

static void explain_http_error(struct finding *f, const struct exchange *x)
{
    const struct sstp_facts *s = &x->sstp;
    char server[DESCRIBE_MAX], reason[DESCRIBE_MAX], host[DESCRIBE_MAX];
    bool microsoft = s->http_server.len == 0 || strstr(words(server, x, s->http_server), "Microsoft") != NULL;
    finding_title(f, "the VPN server answers the request for SSTP with HTTP %u%s%s", s->http_status,
                  s->http_reason.len > 0 ? " " : "", words(reason, x, s->http_reason));
    finding_explain(f, "The client sent %s to \"%s\" and got %u instead of 200.", words(reason, x, s->method),
                    words(host, x, s->host), s->http_status);
    explain_status(f, s->http_status);
    if (!microsoft)
        finding_explain(f, "It was answered by \"%s\", which is not RRAS (Microsoft-HTTPAPI).", server);
    if (s->via.len > 0)
        finding_explain(f, "A proxy names itself: Via: %s.", words(host, x, s->via));
    finding_explain(f, "Windows may show error 0x800704C9 for it, as for a server that refuses the connection.");
    rule_sstp_side(f, !microsoft || by_proxy(s->http_status) ? "proxy or load balancer in front of RRAS, then at RRAS"
                                                             : "RRAS configuration");
    finding_fix(f, SERVICES ".");
    if (s->http_status == 503)
        finding_fix(f, FREE_PORTS ".");
    finding_fix(f, "A load balancer or proxy in front: let it pass method, path and endless body unchanged, and check "
                   "its health by HEAD of that path (401 is healthy).");
}

/* It is not the VPN server that was asked. */
static void explain_proxy(struct finding *f, const struct exchange *x)
{
    enum { PROXY_AUTHENTICATION = 407 };
    const struct sstp_facts *s = &x->sstp;
    char proxy[ENDPOINT_TEXT], reason[DESCRIBE_MAX], host[DESCRIBE_MAX];
    finding_title(f, "the web proxy %s does not let SSTP clients through: HTTP %u%s%s", endpoint_text(proxy, &x->server), s->http_status,
                  s->http_reason.len > 0 ? " " : "", words(reason, x, s->http_reason));
    finding_explain(f, "The client asked it for a connection (CONNECT) to \"%s\"%s.", words(host, x, s->target),
                    s->http_status == PROXY_AUTHENTICATION ? ", and it wants to know the user first: SSTP cannot log in to a proxy" : "");
    rule_sstp_side(f, "web proxy of the client's network, then at the client's proxy settings");
    finding_fix(f, "At the proxy: let CONNECT to the VPN server's name and port 443 pass%s. Or let the clients reach that port without "
                   "the proxy.",
                s->http_status == PROXY_AUTHENTICATION ? " without authentication" : "");
}

static void http_error(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    const struct sstp_facts *s = &x->sstp;
    bool fresh, proxy = s->sstp_connect && !s->sstp_request;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_HTTP_ERROR, x, s->http_status | (uint64_t)proxy << 16, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, s->request_place, "the HTTP request");
    finding_evidence(out, f, s->answer_place, "HTTP status %u", s->http_status);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.read ? CONFIDENCE_CERTAIN : j.confidence;
    if (proxy)
        explain_proxy(f, x);
    else
        explain_http_error(f, x);
}

/* What the status says when it stands with that attribute (wire-facts 2.4). */
static const char *meaning(struct sstp_status_info s)
{
    switch (s.status) {
    case SSTP_STATUS_NO_ERROR:
        return "no error is named; somebody wanted the end";
    case SSTP_STATUS_DUPLICATE_ATTRIBUTE:
        return "an attribute came twice";
    case SSTP_STATUS_UNRECOGNIZED_ATTRIBUTE:
        return "an attribute is not known to the other side";
    case SSTP_STATUS_INVALID_ATTRIB_VALUE_LENGTH:
        return "an attribute has a wrong length";
    case SSTP_STATUS_VALUE_NOT_SUPPORTED:
        return s.attribute == SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID
                   ? "another protocol than PPP was asked for, or PPP is not wanted"
                   : "the value of an attribute is not taken";
    case SSTP_STATUS_UNACCEPTED_FRAME_RECEIVED:
        return "a message came that has no place at this point, or a user's data before the tunnel was open";
    case SSTP_STATUS_RETRY_COUNT_EXCEEDED:
        return "the client asked more often than the three times that are allowed";
    case SSTP_STATUS_INVALID_FRAME_RECEIVED:
        return "a message was malformed";
    case SSTP_STATUS_NEGOTIATION_TIMEOUT:
        return "authentication was not through within 60 s: a prompt that nobody answers, or a RADIUS server that is "
               "silent";
    case SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG:
        return s.attribute == SSTP_ATTRIB_STATUS_INFO ? "the crypto binding is missing or has a wrong length"
                                                      : "an attribute stands in a message where it does not belong";
    case SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING:
        return s.attribute == SSTP_ATTRIB_CRYPTO_BINDING || s.attribute == SSTP_ATTRIB_CRYPTO_BINDING_REQ
                   ? "the crypto binding is missing"
                   : "an attribute that must be there is missing";
    case SSTP_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG:
        return "a status stands where it does not belong";
    default:
        return "the number is unknown to MS-SSTP";
    }
}

/* "VALUE_NOT_SUPPORTED (4) of ENCAPSULATED_PROTOCOL_ID" */
static const char *describe_status(char out[static DESCRIBE_MAX], struct sstp_status_info s)
{
    const char *status = sstp_status_name(s.status), *attribute = sstp_attribute_name(s.attribute);
    bool of = attribute != NULL && s.attribute != SSTP_ATTRIB_NO_ERROR;
    snprintf(out, DESCRIBE_MAX, "%s (%u)%s%s", status != NULL ? status : "unknown status", (unsigned)s.status,
             of ? " of " : "", of ? attribute : "");
    return out;
}

static struct sstp_status_info first_status(const struct sstp_refusal *r)
{
    return r->count > 0 ? r->info[0] : (struct sstp_status_info){0};
}

/* The statuses that came with it, each with what it means. */
static void explain_statuses(struct finding *f, const struct sstp_refusal *r)
{
    char text[DESCRIBE_MAX];
    if (r->count == 0)
        finding_explain(f, "No status came with it.");
    for (uint8_t i = 0; i < r->count; i++)
        finding_explain(f, "%s means: %s.", describe_status(text, r->info[i]), meaning(r->info[i]));
}

static uint64_t variant_of(const struct sstp_refusal *r, bool by_client)
{
    struct sstp_status_info s = first_status(r);
    return (uint64_t)by_client << 48 | (uint64_t)s.attribute << 32 | s.status;
}

static void nak(struct findings *out, const struct exchange *x)
{
    const struct sstp_state *link = &x->sstp.link;
    char text[DESCRIBE_MAX];
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_CALL_NAK, x, variant_of(&link->nak, false), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, link->first[SSTP_CALL_CONNECT_REQUEST], "CALL_CONNECT_REQUEST");
    finding_evidence(out, f, link->first[SSTP_CALL_CONNECT_NAK], "CALL_CONNECT_NAK");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the VPN server refuses the SSTP call: CALL_CONNECT_NAK, %s",
                  describe_status(text, first_status(&link->nak)));
    finding_explain(f,
                    "TLS and HTTP are up; the server does not take what the client asks for (protocol %u, PPP is "
                    "1).",
                    link->protocol);
    explain_statuses(f, &link->nak);
    if (link->retries_exceeded)
        finding_explain(f, "The client went on asking, more often than it may.");
    rule_sstp_side(f, "RRAS configuration, or at a client that is not Windows'");
    finding_fix(f, FREE_PORTS ".");
    finding_fix(f, "Restart SstpSvc and RemoteAccess on the server, and look at the event log (System, sources RasSstp "
                   "and RemoteAccess).");
}

/* Why somebody aborts who names no reason: what PPP came to before. */
static void explain_ppp_before(struct finding *f, const struct exchange *x)
{
    const struct ppp_state *p = &x->sstp.ppp;
    if (!x->sstp.has_ppp)
        finding_explain(f, "PPP had not even begun.");
    else if (p->lcp.outcome != PPP_OPENED)
        finding_explain(f, "Of PPP only LCP had been spoken, and it was not agreed.");
    else if (p->authentication[TO_CLIENT].result == PPP_AUTH_SUCCEEDED)
        finding_explain(f, "The user was authenticated.");
    else
        finding_explain(f, "PPP was at authenticating the user.");
}

static void fix_abort(struct finding *f, const struct exchange *x, struct sstp_status_info s, bool by_client)
{
    (void)x;
    if (s.status == SSTP_STATUS_NEGOTIATION_TIMEOUT) {
        finding_fix(f, "Capture between RRAS and NPS (UDP 1812): are requests answered there, and within seconds?");
        finding_fix(f, "On the client: does a window wait for a password, a PIN or a second factor? All of it must be "
                       "done in 60 s.");
    }
    finding_fix(f, by_client
                       ? "Look at the client's event log (Application, sources RasClient and RasSstp) at that time."
                       : "Look at the server's event log (System, sources RasSstp and RemoteAccess) at that time; "
                         "then restart SstpSvc and RemoteAccess.");
}

static void aborted(struct findings *out, const struct exchange *x, bool by_client)
{
    const struct sstp_state *link = &x->sstp.link;
    struct sstp_status_info s = first_status(&link->abort);
    char text[DESCRIBE_MAX];
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_CALL_ABORT, x, variant_of(&link->abort, by_client), &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, link->first[SSTP_CALL_ABORT], "CALL_ABORT from the %s", by_client ? "client" : "server");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    f->client_error = s.status == SSTP_STATUS_NEGOTIATION_TIMEOUT ? 718 : 0;
    finding_title(f, "the %s aborts the SSTP call: %s", by_client ? "client" : "VPN server", describe_status(text, s));
    explain_statuses(f, &link->abort);
    explain_ppp_before(f, x);
    rule_sstp_side(f, s.status == SSTP_STATUS_NEGOTIATION_TIMEOUT ? "RADIUS path, then at the client"
                      : by_client                                 ? "client"
                                                                  : "RRAS configuration");
    fix_abort(f, x, s, by_client);
}

void rules_sstp_call(struct findings *out, const struct rule_input *in, const struct exchange *x,
                     struct sstp_judgement j)
{
    (void)in;
    switch (j.end) {
    case SSTP_END_HTTP_ERROR:
        if (x->sstp.answer_seen)
            http_error(out, x, j);
        break;
    case SSTP_END_CALL_NAK:
        if (x->sstp.has_link)
            nak(out, x);
        break;
    case SSTP_END_CALL_ABORT:
        if (x->sstp.has_link)
            aborted(out, x, j.by_client);
        break;
    default:
        break;
    }
}
