#include "analyze/finding/chain_counts.h"

#include "analyze/session/judge_ike.h"
#include "analyze/session/judge_sstp.h"

static void count(struct chain_stats *s, enum client_answer answer, struct place shown, bool back)
{
    uint64_t one = back ? UINT64_MAX : 1; /* less one, modulo 2^64 */
    if (shown.time_ns > s->last_ns)
        s->last_ns = shown.time_ns;
    s->accepted += answer == ANSWER_ACCEPTED ? one : 0;
    s->refused += answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT || answer == ANSWER_LEFT ? one : 0;
    s->silent += answer == ANSWER_SILENT ? one : 0;
}

/* Inside of PEAP or TTLS. */
static void count_inner(struct chain_counts *c, const struct exchange *x, bool back)
{
    const struct alert_fact *alert;
    uint32_t serial = x->has_inner ? x->inner.tls.server_chain : 0;
    enum client_answer said = serial != 0 && serial < CHAIN_COUNTS ? judge_inner_answer(x, &alert) : ANSWER_SILENT;
    if (said != ANSWER_SILENT)
        count(&c->nps[serial], said, x->inner.tls.certificate_last, back);
}

void chain_counts_login(struct chain_counts *c, struct servers *servers, const struct exchange *x, struct server *server,
                        bool again)
{
    uint32_t serial = x->eap.tls.server_chain;
    const struct alert_fact *alert;
    enum client_answer answer = judge_client_answer(x, &alert);
    bool refused = answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT;
    if (!again)
        count_inner(c, x, false);
    if (server == NULL && (serial != 0 || x->eap.tls.resumed))
        server = servers_of(servers, &x->server);
    if (server != NULL && x->eap.tls.resumed && x->outcome == OUTCOME_ESTABLISHED && x->first.time_ns > server->resumed_ns)
        server->resumed_ns = x->first.time_ns;
    if (serial == 0)
        return;
    if (server != NULL)
        server_add_chain(server, serial, answer == ANSWER_ACCEPTED, refused, x->eap.tls.certificate_last, x->id);
    if (!again && serial < CHAIN_COUNTS)
        count(&c->nps[serial], answer, x->eap.tls.certificate_last, false);
}

static void count_vpn(struct chain_counts *c, const struct exchange *x, bool again, bool back)
{
    const struct alert_fact *alert;
    struct place refusal;
    if (exchange_is_ike(x) && !again && x->ike.server_chain != 0 && x->ike.server_chain < CHAIN_COUNTS)
        count(&c->ike[x->ike.server_chain], judge_ike_server_certificate(x, &refusal),
              x->ike.server_certificate_place, back);
    if (x->type == CONVERSATION_SSTP && x->sstp.kind != SSTP_KIND_PROBE && x->sstp.kind != SSTP_KIND_OTHER &&
        x->sstp.tls.server_chain != 0 && x->sstp.tls.server_chain < CHAIN_COUNTS)
        count(&c->sstp[x->sstp.tls.server_chain], judge_sstp_server_certificate(x, &alert),
              x->sstp.tls.certificate_last, back);
}

void chain_counts_vpn(struct chain_counts *c, const struct exchange *x, bool again)
{
    count_vpn(c, x, again, false);
}

void chain_counts_try(struct chain_counts *c, const struct exchange *x, bool back)
{
    const struct alert_fact *alert;
    uint32_t serial = x->eap.tls.server_chain;
    count_vpn(c, x, false, back);
    count_inner(c, x, back);
    if (serial != 0 && serial < CHAIN_COUNTS)
        count(&c->nps[serial], judge_client_answer(x, &alert), x->eap.tls.certificate_last, back);
}

/* Of several sights of one association the first that shows the certificate counts. */
static bool first_of_vpn(const struct session *s, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (exchange_is_ike(s->exchanges[i]) && s->exchanges[i]->ike.server_chain != 0)
            return false;
    return true;
}

void chain_counts_session(struct chain_counts *c, struct servers *servers, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        chain_counts_login(c, servers, x, NULL, x != s->main);
        chain_counts_vpn(c, x, !first_of_vpn(s, i));
    }
}
