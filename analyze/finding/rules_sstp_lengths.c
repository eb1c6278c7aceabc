/* SSTP inside TLS that nobody opened: what the order and lengths of its records tell. wire-facts 2.8. Only what lengths
 * prove is a fault; the rest is said for information, with where to look. */
#include "analyze/finding/rules_sstp.h"

#include "analyze/session/sstp_lengths.h"

enum { BY_LENGTHS = 0x10000 };

#define NPS_EVENTS                                                                                                     \
    "On the NPS server: Event Viewer > Custom Views > Server Roles > Network Policy and Access Services, event 6273 "  \
    "names the reason"
#define BETTER_PLACE                                                                                                   \
    "Capture between RRAS and NPS (UDP 1812) and analyse that: there the login and the NPS certificate are readable; " \
    "or give the TLS secrets of the connection with --keylog"

static void client_refused(struct findings *out, const struct exchange *x, const struct sstp_reading *r)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, x, BY_LENGTHS, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->last,
                     "end of a tunnel in which frame %u holds a record of the size of a TLS alert inside EAP, where an "
                     "acknowledgment belongs",
                     r->refusal_frame);
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = 864;
    finding_title(f, "the lengths inside SSTP show that clients refuse the certificate of the EAP server (NPS)");
    finding_explain(f,
                    "Nothing here is readable, but the order of lengths is that of a refusal: after the server's "
                    "certificates (%u large record%s, acknowledged one by one) the client sends as much as a TLS alert "
                    "inside EAP instead of an empty acknowledgment, the server answers with EAP-Failure, and the "
                    "tunnel ends.",
                    r->flight_records, r->flight_records == 1 ? "" : "s");
    finding_explain(f, "Which certificate it was, and what is wrong with it, cannot be seen here.");
    rule_sstp_side(f, "NPS certificate, then at the client's profile and root store");
    finding_fix(f, BETTER_PLACE ".");
    finding_fix(f, "NPS console > Policies > Network Policies > your VPN policy > Properties > Constraints > "
                   "Authentication Methods > Microsoft: Protected EAP (PEAP) > Edit: is the certificate selected there "
                   "the one whose root and name the clients expect?");
}

static void eap_failed(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_PPP_AUTHENTICATION_FAILED, x, BY_LENGTHS, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place.frame != 0 ? j.place : x->last,
                     "the tunnel ends after a record of the size of "
                     "EAP-Failure");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = 691;
    finding_title(f, "user authentication (EAP) fails inside the SSTP tunnel");
    finding_explain(f, "By the lengths of its records the tunnel's EAP ran and ended with a failure: CALL_CONNECTED, "
                       "which clients send once they are authenticated, never came. Password, policy or client "
                       "certificate, this capture cannot tell.");
    rule_sstp_side(f, "credentials, then at the NPS policy");
    finding_fix(f, NPS_EVENTS ".");
    finding_fix(f, BETTER_PLACE ".");
}

/* Nothing that anybody could be blamed for, but where to look. */
struct hint {
    enum finding_id id;
    const char *evidence, *title, *explanation, *fixes[2];
};

static const struct hint left = {
    FINDING_PPP_AUTHENTICATION_FAILED,
    "the tunnel ends before CALL_CONNECTED, whose length gives it away",
    "SSTP tunnels do not get as far as an authenticated user; why is encrypted",
    "By the lengths of its records the connection is SSTP; no message of the size of CALL_CONNECTED passed, which "
    "clients send once they are authenticated: credentials, policy, methods that do not fit, the NPS certificate, or "
    "an abort by SSTP itself.",
    {BETTER_PLACE ".", NPS_EVENTS "."}};

static const struct hint answered = {
    FINDING_SSTP_HTTP_ERROR,
    "the connection ends after one answer of the server",
    "SSTP connections end after the server's first answer, as after an HTTP error",
    "A request that has to the octet the length of SSTP's (SSTP_DUPLEX_POST for the name that was dialled) was answered once, and "
    "nothing of SSTP followed. An HTTP status other than 200 looks like this (RRAS stopped, no free port, another site, a load "
    "balancer without a server behind it); so does a client that changes its mind. The status itself is encrypted; in TLS 1.3 the "
    "answer may have been no more than session tickets.",
    {"Ask the server yourself: curl -g -I https://NAME/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ gives 401 when RRAS answers, 503 "
     "when a load balancer or http.sys has nobody to hand it to."}};

static const struct hint not_taken = {
    FINDING_SSTP_CALL_NAK,
    "the answer to CALL_CONNECT_REQUEST is not as large as CALL_CONNECT_ACK",
    "the answer to SSTP's call has not the length of a consent",
    "A request of 14 octets, as CALL_CONNECT_REQUEST, was answered by something that is not the 48 octets of "
    "CALL_CONNECT_ACK, and the connection ended: the server may have refused (CALL_CONNECT_NAK) or aborted.",
    {"Look at the server's event log (System, sources RasSstp and RemoteAccess), or give --keylog."}};

static const struct hint aborted = {
    FINDING_SSTP_CALL_ABORT,
    "after CALL_CONNECTED the server's last word is as large as CALL_ABORT",
    "SSTP tunnels end right after CALL_CONNECTED, as after an abort by the server",
    "By its length CALL_CONNECTED passed, so the user is authenticated; the server's last word came next and is as "
    "large as CALL_ABORT. So does a server that refuses the crypto binding: TLS that ends at a load balancer or is read "
    "on the way.",
    {"Which certificate do clients see, which does RRAS believe in? " SSTP_BINDING_PATH ".",
     "Or give the TLS secrets of the connection with --keylog."}};

static void give(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j,
                 const struct hint *h)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, h->id, x, BY_LENGTHS + 1, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, j.place.frame != 0 ? j.place : x->last, "%s", h->evidence);
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_HINT;
    finding_title(f, "%s", h->title);
    finding_explain(f, "%s", h->explanation);
    rule_sstp_say_assumed(f, in, x);
    for (size_t i = 0; i < 2 && h->fixes[i] != NULL; i++)
        finding_fix(f, "%s", h->fixes[i]);
}

void rules_sstp_lengths(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j)
{
    struct sstp_reading r = sstp_reading_of(&x->sstp);
    bool meant = x->sstp.kind == SSTP_KIND_TUNNEL || (j.end == SSTP_END_HTTP_ERROR && r.request == SSTP_REQUEST_FITS);
    if (j.read || x->sstp.has_link || !meant)
        return;
    switch (j.end) {
    case SSTP_END_HTTP_ERROR:
        give(out, in, x, j, &answered);
        break;
    case SSTP_END_CALL_NAK:
        give(out, in, x, j, &not_taken);
        break;
    case SSTP_END_CALL_ABORT:
        give(out, in, x, j, &aborted);
        break;
    case SSTP_END_PPP_AUTHENTICATION:
        if (r.flight == SSTP_FLIGHT_REFUSED)
            client_refused(out, x, &r);
        else
            eap_failed(out, x, j);
        break;
    case SSTP_END_PPP_SILENT:
    case SSTP_END_LEFT:
        give(out, in, x, j, &left);
        break;
    default:
        break;
    }
}
