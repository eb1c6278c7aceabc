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
static struct finding *hint(struct findings *out, const struct exchange *x, enum finding_id id, struct place place,
                            const char *what)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, id, x, BY_LENGTHS + 1, &fresh);
    if (f == NULL)
        return NULL;
    finding_evidence(out, f, place.frame != 0 ? place : x->last, "%s", what);
    if (!fresh)
        return NULL;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_HINT;
    return f;
}

static void left(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    struct finding *f = hint(out, x, FINDING_PPP_AUTHENTICATION_FAILED, j.place,
                             "the tunnel ends before CALL_CONNECTED, whose length gives it away");
    if (f == NULL)
        return;
    finding_title(f, "SSTP tunnels do not get as far as an authenticated user; why is encrypted");
    finding_explain(f, "By the lengths of its records the connection is SSTP; no message of the size of CALL_CONNECTED "
                       "passed, which clients send once they are authenticated: credentials, policy, methods that do "
                       "not fit, the NPS certificate, or an abort by SSTP itself.");
    finding_fix(f, BETTER_PLACE ".");
    finding_fix(f, NPS_EVENTS ".");
}

static void answered(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    struct finding *f =
        hint(out, x, FINDING_SSTP_HTTP_ERROR, j.place, "the connection ends after one answer of the server");
    if (f == NULL)
        return;
    finding_title(f, "SSTP connections end after the server's first answer, as after an HTTP error");
    finding_explain(f, "A request as large as SSTP's was answered once, and nothing of SSTP followed. An HTTP status "
                       "other than 200 looks like this (RRAS stopped, no free port, another site); so does a client "
                       "that changes its mind. The status itself is encrypted.");
    finding_fix(f,
                "Ask the server yourself: curl -I https://NAME/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ gives 401 "
                "when RRAS answers.");
}

static void not_taken(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    struct finding *f = hint(out, x, FINDING_SSTP_CALL_NAK, j.place,
                             "the answer to CALL_CONNECT_REQUEST is not as large as CALL_CONNECT_ACK");
    if (f == NULL)
        return;
    finding_title(f, "the answer to SSTP's call has not the length of a consent");
    finding_explain(f, "A request of 14 octets, as CALL_CONNECT_REQUEST, was answered by something that is not the 48 "
                       "octets of CALL_CONNECT_ACK, and the connection ended: the server may have refused "
                       "(CALL_CONNECT_NAK) or aborted.");
    finding_fix(f, "Look at the server's event log (System, sources RasSstp and RemoteAccess), or give --keylog.");
}

static void aborted(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    struct finding *f = hint(out, x, FINDING_SSTP_CALL_ABORT, j.place,
                             "after CALL_CONNECTED the server's last word is as large as CALL_ABORT");
    if (f == NULL)
        return;
    finding_title(f, "SSTP tunnels end right after CALL_CONNECTED, as after an abort by the server");
    finding_explain(f, "By its length CALL_CONNECTED passed, so the user is authenticated; the server's last word came "
                       "next and is as large as CALL_ABORT. So does a server that refuses the crypto binding: TLS that "
                       "ends at a load balancer or is read on the way.");
    finding_fix(f, "Which certificate do clients see, which does RRAS believe in? " SSTP_BINDING_PATH ".");
    finding_fix(f, "Or give the TLS secrets of the connection with --keylog.");
}

void rules_sstp_lengths(struct findings *out, const struct exchange *x, struct sstp_judgement j)
{
    if (j.read || x->sstp.has_link || x->sstp.kind != SSTP_KIND_TUNNEL)
        return;
    struct sstp_reading r = sstp_reading_of(&x->sstp);
    switch (j.end) {
    case SSTP_END_HTTP_ERROR:
        answered(out, x, j);
        break;
    case SSTP_END_CALL_NAK:
        not_taken(out, x, j);
        break;
    case SSTP_END_CALL_ABORT:
        aborted(out, x, j);
        break;
    case SSTP_END_PPP_AUTHENTICATION:
        if (r.flight == SSTP_FLIGHT_REFUSED)
            client_refused(out, x, &r);
        else
            eap_failed(out, x, j);
        break;
    case SSTP_END_PPP_SILENT:
    case SSTP_END_LEFT:
        left(out, x, j);
        break;
    default:
        break;
    }
}
