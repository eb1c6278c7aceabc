#include "analyze/session/judge_sstp.h"

enum sstp_kind judge_sstp_kind(const struct exchange *x)
{
    if (x->sstp.sstp_request || x->sstp.has_link)
        return SSTP_KIND_TUNNEL;
    return tcp_connection_outcome(&x->sstp.tcp) == TCP_OUTCOME_PROBE ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
}

/* As far as octets that were read tell. */
enum outcome judge_sstp_outcome(const struct exchange *x)
{
    if (x->sstp.link.first[SSTP_CALL_CONNECTED].frame != 0)
        return OUTCOME_ESTABLISHED;
    return x->sstp.link.first[SSTP_CALL_ABORT].frame != 0 ? OUTCOME_REJECTED : OUTCOME_INCOMPLETE;
}
