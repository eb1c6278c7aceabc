#include "analyze/session/judge_settled.h"

#include "analyze/session/judge_ike.h"
#include "analyze/session/judge_sstp.h"

/* MS-CHAPv2 said no, and EAP not yet: the user may be asked for another password (RFC 2759 section 6, R=1). */
static bool may_ask_again(const struct exchange *x)
{
    return (x->eap.mschapv2_error != 0 || x->inner.mschapv2_error != 0) && x->eap.result == EAP_RESULT_NONE;
}

static bool ike_settled(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    switch (judge_ike(x).end) {
    case IKE_END_ESTABLISHED:
    case IKE_END_NO_PROPOSAL:
    case IKE_END_INIT_ERROR:
    case IKE_END_AUTH_REFUSED:
    case IKE_END_CLIENT_REFUSED:
    case IKE_END_CHILD_REFUSED:
    case IKE_END_EAP_CLIENT_REFUSED:
        return true;
    case IKE_END_EAP_FAILED:
        return !may_ask_again(x) || f->auth_error != 0 || f->ms_status != 0 || f->informational_seen;
    default:
        return false;
    }
}

/* The link is up, and nobody has said goodbye. */
static bool ppp_goes_on(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    bool ended = x->type != CONVERSATION_SSTP && f->call.end != PPP_CALL_NOT_ENDED;
    return !f->ppp.terminated && f->link.stage < SSTP_STAGE_ABORTED && !ended;
}

static bool ppp_settled(const struct exchange *x)
{
    enum { UNAUTHORIZED = 401, PROXY_WANTS = 407 };
    const struct sstp_facts *f = &x->sstp;
    const struct ppp_authentication *a = &f->ppp.authentication[TO_CLIENT];
    struct sstp_judgement j = judge_sstp(x);
    switch (j.end) {
    case SSTP_END_ESTABLISHED: /* authenticated is not enough while it lasts */
        return !j.read || !f->has_ppp || f->link.midway || ppp_network_outcome(&f->ppp) == PPP_NETWORK_UP;
    case SSTP_END_CALL_ABORT:
    case SSTP_END_BINDING:
        return true;
    case SSTP_END_SERVER_ALERT:
    case SSTP_END_CLIENT_REFUSED:
        return j.read || f->tls.client_encrypted_alert;
    case SSTP_END_HTTP_ERROR:
        return j.read && f->http_status != UNAUTHORIZED && f->http_status != PROXY_WANTS;
    case SSTP_END_CALL_NAK:
        return j.read && (f->link.retries_exceeded || x->capture_last_ns - f->link.since.time_ns >= SETTLED_AGAIN_NS);
    case SSTP_END_PPP_AUTHENTICATION:
        return !ppp_goes_on(x) || (j.read && !a->retry_allowed && !may_ask_again(x));
    case SSTP_END_TUNNEL_REFUSED:
    case SSTP_END_PPP_LCP:
    case SSTP_END_PPP_NETWORK:
        return !ppp_goes_on(x);
    default:
        return false;
    }
}

bool judge_settled(const struct exchange *x)
{
    if (x->close_reason == CLOSE_FINAL) /* TCP is over */
        return true;
    if (exchange_is_ike(x))
        return ike_settled(x);
    if (exchange_is_ppp(x))
        return ppp_settled(x);
    return x->outcome != OUTCOME_UNANSWERED;
}
