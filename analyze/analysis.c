#include "analyze/analysis_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/session/attempts.h"
#include "analyze/session/session_binding.h"

/* Other services of the web, and of a series of probes those beyond the first ones, are no exchanges of a report. */
static bool is_kept(struct analysis *a, struct exchange *x)
{
    bool told_later = services_add(a->services, x);
    if (x->type != CONVERSATION_SSTP)
        return true;
    bool kept = x->sstp.kind != SSTP_KIND_OTHER && probes_add(a->probes, x);
    if (!told_later)
        track_sstp_chain(a->chains, x, kept);
    return kept;
}

static void exchange_done(void *ctx, struct exchange *x, struct server *server)
{
    struct analysis *a = ctx;
    if (!is_kept(a, x)) {
        if (x->told != 0) /* who was told of its beginning hears of its end */
            analysis_exchange_ended(a, x);
        return;
    }
    links_soon(a->links, x);
    uint16_t tag = uneventful_tag(a->uneventful, x, server);
    uint32_t head = links_find(a->links, x);
    a->linked = a->linked || head != 0;
    chain_counts_login(a->counts, a->servers, x, server, head != 0);
    chain_counts_vpn(a->counts, x, head != 0);
    if (a->sights != NULL)
        tls_sights_add(a->sights, x);
    if (tag != 0)
        balance_note(a->balance, x);
    nat_feed_exchange(a->nat_feed, x, head != 0);
    a->tunnels = a->tunnels || attempts_is_tunnel(x);
    a->logins = a->logins || attempts_is_login(x);
    if (spool_put(a->spool, x, tag) && head != 0)
        spool_link(a->spool, head, x->id);
    a->ended_id = x->id;
    a->ended_head = head != 0 ? head : x->id;
    analysis_exchange_ended(a, x);
}

void analysis_name_services(const struct analysis *a, struct services *s)
{
    for (size_t i = 0; i < a->options.nat.vip_count; i++)
        services_name(s, &a->options.nat.vips[i]);
    for (size_t i = 0; i < a->options.nat.backend_count; i++)
        services_name(s, &a->options.nat.backends[i]);
}

struct analysis *analysis_new(const struct analysis_options *options, char error[static 256])
{
    struct analysis *a = calloc(1, sizeof *a);
    if (a == NULL) {
        snprintf(error, 256, "not enough memory");
        return NULL;
    }
    a->options = *options;
    a->chains = chains_new(options->expect);
    a->servers = servers_new();
    a->links = links_new(options->several_captures);
    a->findings = findings_new();
    a->uneventful = uneventful_new();
    a->counts = calloc(1, sizeof *a->counts);
    a->sights = options->several_captures ? tls_sights_new() : NULL;
    a->captures = calloc(CAPTURES_MAX, sizeof *a->captures);
    a->digests = digests_new();
    a->spool = spool_new();
    a->services = services_new();
    a->probes = probes_new();
    a->balance = balance_new(&options->balance);
    a->dns = dns_answers_new();
    a->nic = nic_new(&a->options.nat);
    a->nat = nat_new(&a->options.nat);
    if (a->nat != NULL)
        a->nat_feed = nat_feed_new(a->nat, options->several_captures);
    if (a->chains != NULL && a->servers != NULL)
        a->track = track_new(a->chains, a->servers, options->ladder, exchange_done, a);
    if (a->track != NULL)
        track_count(a->track, &a->totals);
    if (a->spool != NULL)
        spool_limit(a->spool, options->spool_bytes);
    if (a->spool == NULL) {
        snprintf(error, 256,
                 "cannot make a temporary file for finished logins (is the folder for temporary files writable?)");
    } else if (a->track == NULL || a->links == NULL || a->findings == NULL || a->uneventful == NULL ||
               a->counts == NULL || a->captures == NULL || a->digests == NULL || a->nat_feed == NULL || a->services == NULL ||
               a->probes == NULL || a->balance == NULL || a->dns == NULL || a->nic == NULL) {
        snprintf(error, 256, "not enough memory");
    } else {
        analysis_name_services(a, a->services);
        return a;
    }
    analysis_free(a);
    return NULL;
}

void analysis_free(struct analysis *a)
{
    if (a == NULL)
        return;
    if (a->track != NULL)
        (void)analysis_watch(a, NULL);
    track_free(a->track);
    chains_free(a->chains);
    servers_free(a->servers);
    links_free(a->links);
    spool_free(a->spool);
    findings_free(a->findings);
    services_free(a->services);
    probes_free(a->probes);
    balance_free(a->balance);
    dns_answers_free(a->dns);
    nic_free(a->nic);
    digests_free(a->digests);
    nat_feed_free(a->nat_feed);
    nat_free(a->nat);
    uneventful_free(a->uneventful);
    free(a->counts);
    tls_sights_free(a->sights);
    analysis_free_captures(a);
    free(a);
}

void analysis_event(void *ctx, const struct event *e)
{
    struct analysis *a = ctx;
    if (e->kind == EVENT_DNS) {
        dns_answers_add(a->dns, e->u.dns, e->place);
        return;
    }
    a->open += e->kind == EVENT_OPENED;
    a->open -= e->kind == EVENT_CLOSED && a->open > 0;
    if (e->kind == EVENT_TIME && a->watcher.time != NULL)
        a->watcher.time(a->watcher.ctx, e->now_ns);
    /* Accounting is of no conversation. */
    if (e->conv == NULL && e->kind == EVENT_RADIUS && e->u.radius->code == RADIUS_ACCOUNTING_REQUEST) {
        a->totals.accounting_requests += e->u.radius->role == RADIUS_NEW_REQUEST;
        a->totals.accounting_unanswered += accounting_in_vain(e->u.radius);
        balance_account(a->balance, e->u.radius);
    }
    track_event(a->track, e);
}

void analysis_fill_input(struct analysis *a)
{
    size_t lost_count;
    a->input = (struct rule_input){
        .chains = a->chains,
        .stats = a->counts->nps,
        .ike_stats = a->counts->ike,
        .sstp_stats = a->counts->sstp,
        .sights = a->sights,
        .stats_count = CHAIN_COUNTS,
        .servers = a->servers,
        .expect = a->options.expect,
        .has_keylog = a->options.has_keylog,
        .has_radius_secret = a->options.has_radius_secret,
        .lost = track_lost(a->track, &lost_count),
        .captures = a->captures,
        .capture_count = a->capture_count,
        .counters = &a->counters,
        .totals = &a->totals,
        .nat = a->nat,
        .services = a->services,
        .probes = a->probes,
        .balance = a->balance,
        .dns = a->dns,
        .nic = a->nic,
    };
    a->input.lost_count = lost_count;
}

void analysis_losing(struct analysis *a, bool losing)
{
    a->losing = losing;
}

uint64_t analysis_peak_bytes(const struct analysis *a)
{
    return track_peak_bytes(a->track);
}

uint64_t analysis_unkept(const struct analysis *a)
{
    return spool_dropped(a->spool);
}

const char *analysis_verdict(const struct analysis *a)
{
    return a->verdict;
}

const struct finding *analysis_findings(const struct analysis *a, size_t *count)
{
    return findings_all(a->findings, count);
}

const struct nat *analysis_nat(const struct analysis *a)
{
    return a->nat;
}

const struct balance *analysis_balance(const struct analysis *a)
{
    return a->balance;
}

struct balance_others analysis_balance_others(const struct analysis *a)
{
    return (struct balance_others){a->nat, a->probes, a->services, a->dns};
}

const struct probes *analysis_probes(const struct analysis *a)
{
    return a->probes;
}

const struct chains *analysis_chains(const struct analysis *a)
{
    return a->chains;
}

const struct capture_report *analysis_captures(const struct analysis *a, size_t *count)
{
    *count = a->capture_count;
    return a->captures;
}

const struct protocol_count *analysis_protocols(const struct analysis *a, size_t *count)
{
    *count = a->protocol_count;
    return a->protocols;
}

void analysis_get_totals(const struct analysis *a, struct analysis_totals *out)
{
    *out = a->totals;
}

bool analysis_has_problems(const struct analysis *a)
{
    size_t count;
    const struct finding *all = findings_all(a->findings, &count);
    return count > 0 && all[0].severity != SEVERITY_INFO;
}
