/* Finished sessions, read back from the spool for the rules and for the report. */
#include "analyze/analysis_internal.h"

#include "analyze/session/judge_ike.h"
#include "analyze/session/judge_sstp.h"
#include "analyze/session/session_binding.h"

/* Nobody wanted a tunnel, so nobody was refused one; the exchanges tell how they went. */
static bool is_no_attempt(const struct session *s)
{
    return session_is_probes(s) || (exchange_is_ike(s->main) && judge_ike_knock(s->main));
}

bool analysis_counts(const struct analysis *a, struct session_build *b)
{
    bool listed = false;
    for (size_t i = 0; i < b->owned_count; i++) {
        if (!probes_has(a->probes, b->owned[i]))
            continue;
        listed = listed || probes_lists(a->probes, b->owned[i]);
        b->owned[i]->sstp.kind = SSTP_KIND_PROBE;
    }
    if (session_is_probes(&b->session) && !listed)
        return false; /* its series is a session already */
    if (is_no_attempt(&b->session))
        b->session.outcome = OUTCOME_INCOMPLETE;
    /* A login counts, whatever stands in front of it. */
    return b->session.login != NULL || services_counts(a->services, b->session.main);
}

/* Of a connection that failed nobody knows whether it was meant for a VPN; the administrator may. */
static void leave_out(struct analysis_totals *t, const struct session *s)
{
    enum { HTTPS = 443 };
    const struct exchange *x = s->main;
    if (x->type != CONVERSATION_SSTP || x->sstp.kind != SSTP_KIND_UNSURE || x->server.port != HTTPS || !session_failed(s) ||
        (x->sstp.tls.client_hello && !judge_sstp_dials_name(x)))
        return;
    if (t->left_out++ == 0)
        t->left_out_server = x->server.address;
}

bool analysis_pass(struct analysis *a, uint32_t id, uint32_t *number, build_fn *each, void *ctx, bool *go_on)
{
    struct session_build b;
    if (!session_read(a->spool, id, *number + 1, &b))
        return false;
    if (analysis_counts(a, &b)) {
        session_check_binding(&b.session, a->digests, a->chains);
        findings_session(a->findings, ++*number);
        rules_session(a->findings, &a->input, &b.session);
        if (a->balancing)
            balance_session(a->balance, &b.session, b.owned, b.owned_count);
        *go_on = each(a, &b.session, ctx);
    } else if (a->balancing) { /* the pass that counts */
        leave_out(&a->totals, &b.session);
    }
    session_release(&b);
    return true;
}

static bool walk(struct analysis *a, build_fn *each, void *ctx)
{
    uint32_t number = 0;
    bool go_on = true;
    for (uint32_t id = 1; id <= spool_last(a->spool) && go_on; id++)
        if (spool_is_head(a->spool, id) && !analysis_pass(a, id, &number, each, ctx, &go_on))
            return false;
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
}

struct visitor {
    session_fn *each;
    void *ctx;
};

/* The worst finding of a failed session that names a client error tells what its user saw. */
static bool visit(struct analysis *a, struct session *s, void *ctx)
{
    const struct visitor *v = ctx;
    size_t count;
    const struct finding *all = findings_all(a->findings, &count);
    s->findings = findings_noted(a->findings, &s->finding_count);
    for (size_t i = 0; i < s->finding_count && s->client_error == 0 && s->outcome != OUTCOME_ESTABLISHED; i++) {
        const struct finding *f = &all[s->findings[i]];
        if (f->client_error == 0 || f->severity == SEVERITY_INFO)
            continue;
        s->client_error = f->client_error;
        s->client_error_confidence = f->confidence;
    }
    return v->each(v->ctx, s);
}

bool analysis_each_session(struct analysis *a, session_fn *each, void *ctx)
{
    struct visitor v = {each, ctx};
    return walk(a, visit, &v);
}

bool analysis_first_sessions(struct analysis *a, session_fn *each, void *ctx)
{
    struct visitor v = {each, ctx};
    const struct listing *lists[] = {&a->failed, &a->others};
    bool go_on = true;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->count && go_on; i++) {
            uint32_t before = lists[k]->numbers[i] - 1;
            if (!analysis_pass(a, lists[k]->ids[i], &before, visit, &v, &go_on))
                return false;
        }
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
}

bool analysis_exchanges(struct analysis *a, uint32_t session, exchange_fn *each, void *ctx)
{
    uint32_t number = 0;
    for (uint32_t id = 1; id <= spool_last(a->spool) && number < session; id++) {
        struct session_build b;
        if (!spool_is_head(a->spool, id))
            continue;
        if (!session_read(a->spool, id, number + 1, &b))
            return false;
        bool counts = analysis_counts(a, &b);
        number += counts;
        for (size_t i = 0; i < b.owned_count && counts && number == session; i++)
            each(ctx, b.owned[i]);
        session_release(&b);
    }
    return number == session;
}
