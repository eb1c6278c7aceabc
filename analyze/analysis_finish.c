/* The end of an analysis: exchanges are joined, sessions counted, findings raised. */
#include "analyze/analysis_internal.h"

#include <stdlib.h>

#include "analyze/session/attempts.h"
#include "analyze/session/judge_ike.h"

enum { JUDGE_BUDGET = 512 };

/* The monitors among those who were shown it: they were counted as clients that refuse it. */
static uint64_t refused_by_monitors(const struct probes *p, const struct services_shown *shown)
{
    uint64_t refusals = 0;
    size_t count;
    const struct probe_series *all = probes_all(p, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].looks && all[i].chain == shown->chain && endpoint_equal(&all[i].target, &shown->server))
            refusals += all[i].refusals;
    return refusals;
}

/* What was said to a certificate by those whose connections do not count, was counted while they might. */
static void forget_answers(struct analysis *a, const struct services_shown *shown, bool counts)
{
    struct chain_stats *s = &a->counts->sstp[shown->chain];
    uint64_t refused = counts ? refused_by_monitors(a->probes, shown) : shown->refused;
    s->refused -= refused < s->refused ? refused : s->refused;
    s->accepted -= counts ? 0 : shown->accepted;
    s->silent -= counts ? 0 : shown->silent;
}

static void settle_shown(void *ctx, const struct services_shown *shown, bool counts)
{
    struct analysis *a = ctx;
    if (shown->chain < CHAIN_COUNTS)
        forget_answers(a, shown, counts);
    for (uint32_t i = 0; i < shown->connections; i++) {
        if (counts)
            chains_claim(a->chains, shown->chain, ROLE_SSTP, &shown->server, shown->exchange);
        else
            chains_release(a->chains, shown->chain);
    }
    if (counts)
        chain_dialled(chains_get(a->chains, shown->chain),
                      span_of((const uint8_t *)shown->dialled, shown->dialled_len));
}

static void count_session(struct analysis_totals *t, const struct session *s)
{
    if (session_is_probes(s)) {
        t->probe_series++;
        return;
    }
    t->sessions++;
    t->exchanges += s->exchange_count;
    switch (s->outcome) {
    case OUTCOME_ESTABLISHED:
        t->established++;
        break;
    case OUTCOME_REJECTED:
        t->rejected++;
        break;
    case OUTCOME_ABORTED:
        t->aborted++;
        break;
    case OUTCOME_UNANSWERED:
        t->unanswered++;
        break;
    case OUTCOME_INCOMPLETE:
        t->incomplete++;
        t->knocks += exchange_is_ike(s->main) && judge_ike_knock(s->main);
        break;
    }
}

static void present_again(struct analysis *a, bool *known, uint32_t serial, const struct exchange *x)
{
    struct chain *c = serial != 0 ? chains_get(a->chains, serial) : NULL;
    if (c == NULL)
        return;
    if (!known[serial])
        c->presented = c->exchange_count = 0;
    known[serial] = true;
    chain_presented(c, x->id);
}

/*
 * What was counted as it came counts copies of one exchange more than once, and of two copies the one that ended first,
 * which may show less. So where exchanges were linked, counts are taken anew from the sessions.
 */
static bool recount(struct analysis *a)
{
    bool *known = calloc(CHAINS_MAX + 1, sizeof *known);
    struct session_build b;
    if (known == NULL)
        return true;
    memset(a->counts, 0, sizeof *a->counts);
    for (size_t i = 0; i < servers_count(a->servers); i++)
        server_forget_chains(servers_at(a->servers, i));
    for (uint32_t id = 1; id <= spool_last(a->spool); id++) {
        if (!spool_is_head(a->spool, id))
            continue;
        if (!session_read(a->spool, id, id, &b))
            break;
        if (analysis_counts(a, &b))
            chain_counts_session(a->counts, a->servers, &b.session);
        for (size_t i = 0; i < b.session.exchange_count; i++) {
            const struct exchange *x = b.session.exchanges[i];
            if (exchange_is_ike(x)) {
                present_again(a, known, x->ike.server_chain, x);
                present_again(a, known, x->ike.client_chain, x);
            }
            present_again(a, known, x->type == CONVERSATION_SSTP ? x->sstp.tls.server_chain : 0, x);
            present_again(a, known, x->eap.tls.server_chain, x);
            present_again(a, known, x->eap.tls.client_chain, x);
            present_again(a, known, x->has_inner ? x->inner.tls.server_chain : 0, x);
            present_again(a, known, x->has_inner ? x->inner.tls.client_chain : 0, x);
        }
        session_release(&b);
    }
    free(known);
    return !spool_failed(a->spool);
}

static void join_heads(void *ctx, uint32_t tunnel_head, uint32_t login_head)
{
    struct analysis *a = ctx;
    bool tunnel_first = tunnel_head < login_head;
    a->linked |= spool_link(a->spool, tunnel_first ? tunnel_head : login_head, tunnel_first ? login_head : tunnel_head);
}

/* How far the captures' clocks are apart, for the report. */
static void keep_clocks(struct analysis *a, struct clocks *clocks)
{
    for (size_t i = 0; i < a->capture_count; i++)
        a->captures[i].has_clock_ahead =
            clocks_offset(clocks, (uint32_t)i, &a->captures[i].clock_ahead_ns);
}

/* Joins tunnels and the logins behind them, and compares the captures' clocks; needs all sessions. */
static bool join_attempts(struct analysis *a)
{
    bool layers = a->tunnels && a->logins;
    if (!layers && !(a->options.several_captures && a->linked))
        return true;
    struct clocks *clocks = clocks_new();
    struct attempts *attempts = clocks != NULL ? attempts_new(clocks) : NULL;
    bool good = attempts != NULL;
    for (uint32_t id = 1; good && id <= spool_last(a->spool); id++) {
        struct session_build b;
        if (!spool_is_head(a->spool, id))
            continue;
        good = session_read(a->spool, id, id, &b);
        if (good && analysis_counts(a, &b))
            attempts_add(attempts, id, b.owned, b.owned_count);
        session_release(&b);
    }
    if (good)
        attempts_join(attempts, join_heads, a);
    if (clocks != NULL)
        keep_clocks(a, clocks);
    attempts_free(attempts);
    clocks_free(clocks);
    return good;
}

/* The TLS sessions of several captures; their clocks are known by now. */
static void compare_sides(struct analysis *a)
{
    if (a->sights == NULL)
        return;
    for (size_t i = 0; i < a->capture_count; i++)
        if (a->captures[i].has_clock_ahead)
            tls_sights_clock(a->sights, (uint32_t)i, a->captures[i].clock_ahead_ns);
    tls_sights_settle(a->sights, a->chains);
}

static void list_session(struct listing *list, uint32_t id, uint32_t number)
{
    if (list->count < SESSIONS_LISTED) {
        list->ids[list->count] = id;
        list->numbers[list->count++] = number;
    }
}

static bool count_and_list(struct analysis *a, struct session *s, void *ctx)
{
    (void)ctx;
    count_session(&a->totals, s);
    nic_session(a->nic, s);
    if (!session_is_probes(s))
        list_session(session_failed(s) ? &a->failed : &a->others, s->head, s->number);
    return true;
}

/* Counts the sessions and raises what there is to say of them. Uneventful logins are not read: their tag tells it all. */
static bool first_pass(struct analysis *a)
{
    uint32_t number = 0;
    bool go_on;
    for (uint32_t id = 1; id <= spool_last(a->spool); id++) {
        uint16_t tag;
        if (!spool_is_head_tagged(a->spool, id, &tag))
            continue;
        if (uneventful_still(a->uneventful, &a->input, tag)) {
            a->totals.sessions++;
            a->totals.exchanges++;
            a->totals.established++;
            list_session(&a->others, id, ++number);
            balance_noted(a->balance, id);
        } else if (!analysis_pass(a, id, &number, count_and_list, NULL, &go_on)) {
            return false;
        }
    }
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
}

void analysis_tell_probers(const struct probes *p, struct nat *n)
{
    size_t count;
    const struct probe_series *all = probes_all(p, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].sure && all[i].period_ns > 0)
            nat_add_probes(n, &all[i].source, &all[i].target.address, all[i].count);
}

/* The probes of a series are one session. */
static void link_probes(struct analysis *a)
{
    size_t count;
    probes_settle(a->probes, a->services);
    const struct probe_series *all = probes_all(a->probes, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 1; k < all[i].listed_count; k++)
            spool_link(a->spool, all[i].listed[0], all[i].listed[k]);
    analysis_tell_probers(a->probes, a->nat);
}

/* The sessions will be read back: who was told apart, and what was live, is needed no more. */
static void give_back(struct analysis *a)
{
    track_end(a->track);
    links_free(a->links);
    a->links = NULL;
}

bool analysis_finish(struct analysis *a)
{
    give_back(a);
    link_probes(a);
    services_each_shown(a->services, settle_shown, a);
    chains_judge(a->chains, JUDGE_BUDGET);
    a->totals.flows = a->counters.flows;
    a->totals.evicted = a->counters.flows_evicted + a->counters.conversations_evicted;
    a->totals.state_bytes_peak = a->counters.state_bytes_peak + track_peak_bytes(a->track);
    analysis_fill_input(a);
    bool ok = join_attempts(a);
    compare_sides(a);
    ok = (!a->linked || recount(a)) && ok;
    (void)nat_verdicts(a->nat);
    balance_open(a->balance, &(struct balance_others){a->nat, a->probes, a->services, a->dns});
    a->balancing = true;
    ok = first_pass(a) && ok;
    a->balancing = false;
    balance_settle(a->balance);
    a->totals.unkept = spool_dropped(a->spool);
    rules_servers(a->findings, &a->input);
    rules_capture(a->findings, &a->input);
    rules_nat(a->findings, &a->input);
    rules_probes(a->findings, &a->input);
    rules_balance(a->findings, &a->input);
    rules_nic(a->findings, &a->input);
    bool lossy = false;
    for (size_t i = 0; i < a->capture_count; i++)
        lossy = lossy || rules_lossy(&a->captures[i]);
    if (lossy)
        rules_losses(a->findings);
    findings_finish(a->findings);
    size_t count;
    const struct finding *all = findings_all(a->findings, &count);
    verdict_write(a->verdict, &(struct verdict_input){all, count, &a->totals, a->protocols, a->protocol_count});
    return ok;
}
