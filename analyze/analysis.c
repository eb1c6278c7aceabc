#include "analyze/analysis.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/nat/nat_feed.h"
#include "analyze/nic/dns_answers.h"
#include "analyze/nic/nic.h"
#include "analyze/session/attempts.h"
#include "analyze/session/link.h"
#include "analyze/finding/chain_counts.h"
#include "analyze/finding/uneventful.h"
#include "analyze/session/probes.h"
#include "analyze/session/services.h"
#include "analyze/session/session_binding.h"
#include "analyze/session/sessions.h"
#include "analyze/session/tls_sights.h"
#include "analyze/finding/verdict.h"

enum { PROTOCOLS_MAX = 256, PROTOCOL_NAME = 48, CAPTURES_MAX = 4096, JUDGE_BUDGET = 512 };

/* The first sessions of one kind, by the id of their first exchange. */
struct listing {
    uint32_t ids[SESSIONS_LISTED], numbers[SESSIONS_LISTED];
    size_t count;
};

struct analysis {
    struct analysis_options options;
    struct chains *chains;
    struct servers *servers;
    struct track *track;
    struct links *links;
    struct spool *spool;
    struct findings *findings;
    struct uneventful_logins *uneventful;
    struct chain_counts *counts;
    struct tls_sights *sights; /* NULL with one capture */
    struct digests *digests;
    struct nat *nat;
    struct nat_feed *nat_feed;
    struct services *services; /* whose TCP connections are sessions */
    struct probes *probes;
    struct balance *balance;
    bool balancing; /* sessions read are told to it */
    struct dns_answers *dns;
    struct nic *nic;
    struct capture_report *captures;
    size_t capture_count;
    struct protocol_count protocols[PROTOCOLS_MAX];
    char protocol_names[PROTOCOLS_MAX][PROTOCOL_NAME]; /* own copies: the dissector's go with it */
    size_t protocol_count;
    struct dissect_counters counters;
    struct analysis_totals totals;
    struct rule_input input;
    struct listing failed, others;
    char verdict[VERDICT_MAX];
    ended_fn *ended; /* NULL: nobody listens */
    void *ended_ctx;
    bool losing;
    bool tunnels, logins; /* that attempts.h may join were seen */
    bool linked; /* a session has several exchanges, or copies of one */
};

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

static void settle_shown(void *ctx, const struct services_shown *shown, bool counts)
{
    struct analysis *a = ctx;
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

static void exchange_done(void *ctx, struct exchange *x, struct server *server)
{
    struct analysis *a = ctx;
    if (!is_kept(a, x))
        return;
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
    if (a->ended != NULL)
        a->ended(a->ended_ctx, x);
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
        for (size_t i = 0; i < options->nat.vip_count; i++)
            services_name(a->services, &options->nat.vips[i]);
        for (size_t i = 0; i < options->nat.backend_count; i++)
            services_name(a->services, &options->nat.backends[i]);
        return a;
    }
    analysis_free(a);
    return NULL;
}

static void capture_free(struct capture_report *c)
{
    free((char *)(uintptr_t)c->info.path);
    free((char *)(uintptr_t)c->info.format);
    free((char *)(uintptr_t)c->info.compression);
    free((char *)(uintptr_t)c->info.damage);
    free((char *)(uintptr_t)c->info.hardware);
    free((char *)(uintptr_t)c->info.os);
    free((char *)(uintptr_t)c->info.application);
    for (size_t i = 0; i < c->info.interface_count; i++) {
        free((char *)(uintptr_t)c->info.interfaces[i].name);
        free((char *)(uintptr_t)c->info.interfaces[i].description);
    }
    free((struct source_interface *)(uintptr_t)c->info.interfaces);
}

void analysis_free(struct analysis *a)
{
    if (a == NULL)
        return;
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
    for (size_t i = 0; i < a->capture_count; i++)
        capture_free(&a->captures[i]);
    free(a->captures);
    free(a);
}

void analysis_event(void *ctx, const struct event *e)
{
    struct analysis *a = ctx;
    if (e->kind == EVENT_DNS) {
        dns_answers_add(a->dns, e->u.dns, e->place);
        return;
    }
    /* Accounting is of no conversation. */
    if (e->conv == NULL && e->kind == EVENT_RADIUS && e->u.radius->code == RADIUS_ACCOUNTING_REQUEST) {
        a->totals.accounting_requests += e->u.radius->role == RADIUS_NEW_REQUEST;
        a->totals.accounting_unanswered += accounting_in_vain(e->u.radius);
        balance_account(a->balance, e->u.radius);
    }
    if (e->kind == EVENT_IKE && e->u.ike->message != NULL) {
        a->totals.ike_clear += e->u.ike->message->exchange == IKE_SA_INIT;
        a->totals.ike_encrypted += e->u.ike->message->encrypted;
    }
    track_event(a->track, e);
}

static char *copy(const char *text)
{
    if (text == NULL)
        return NULL;
    size_t n = strlen(text) + 1;
    char *out = malloc(n);
    if (out != NULL)
        memcpy(out, text, n);
    return out;
}

static void copy_interfaces(struct capture_report *c, const struct source_info *info)
{
    struct source_interface *rows = calloc(info->interface_count > 0 ? info->interface_count : 1, sizeof *rows);
    c->info.interfaces = rows;
    c->info.interface_count = rows != NULL ? info->interface_count : 0;
    for (size_t i = 0; i < c->info.interface_count; i++) {
        rows[i] = info->interfaces[i];
        rows[i].name = copy(info->interfaces[i].name);
        rows[i].description = copy(info->interfaces[i].description);
        c->has_lost = c->has_lost || rows[i].has_drops;
        c->lost += rows[i].has_drops ? rows[i].drops : 0;
    }
}

static void add_flooded(struct analysis_totals *t, const struct ike_flooded *f)
{
    uint8_t at = 0;
    while (at < t->flooded_count && !address_equal(&t->flooded[at].responder, &f->responder))
        at++;
    if (f->requests == 0 || at == IKE_FLOODED_MAX)
        return;
    if (at == t->flooded_count) {
        t->flooded[t->flooded_count++] = *f;
        return;
    }
    t->flooded[at].requests += f->requests;
    t->flooded[at].last = f->last;
}

static void add_unlisted(struct analysis_totals *t, const struct ike_layer_counters *c)
{
    t->half_open_unlisted += c->unlisted;
    for (uint8_t i = 0; i < c->flooded_count; i++)
        add_flooded(t, &c->flooded[i]);
}

static void add_counters(struct dissect_counters *sum, const struct dissect_counters *c)
{
    sum->net.frames += c->net.frames;
    sum->net.duplicates += c->net.duplicates;
    sum->net.dropped_by_host += c->net.dropped_by_host;
    sum->flows += c->flows;
    sum->flows_evicted += c->flows_evicted;
    sum->conversations_evicted += c->conversations_evicted;
    sum->one_sided_flows += c->one_sided_flows;
    sum->judged_flows += c->judged_flows;
    sum->one_sided_radius += c->one_sided_radius;
    sum->judged_radius += c->judged_radius;
    if (c->state_bytes_peak > sum->state_bytes_peak)
        sum->state_bytes_peak = c->state_bytes_peak;
}

void analysis_add_capture(struct analysis *a, const struct source_info *info, const struct dissect_counters *counters)
{
    add_counters(&a->counters, counters);
    add_unlisted(&a->totals, &counters->ike);
    a->totals.tcp_unlisted += counters->sstp.unlisted;
    a->totals.packets += info->packets;
    a->totals.bytes += info->bytes;
    if (a->capture_count == CAPTURES_MAX)
        return;
    struct capture_report *c = &a->captures[a->capture_count++];
    c->info = *info;
    c->info.path = copy(info->path);
    c->info.format = copy(info->format);
    c->info.compression = copy(info->compression);
    c->info.damage = copy(info->damage);
    c->info.hardware = copy(info->hardware);
    c->info.os = copy(info->os);
    c->info.application = copy(info->application);
    c->duplicates = counters->net.duplicates;
    copy_interfaces(c, info);
}

void analysis_add_protocols(struct analysis *a, const struct protocol_count *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < a->protocol_count && strncmp(a->protocols[k].name, rows[i].name, PROTOCOL_NAME - 1) != 0)
            k++;
        if (k == PROTOCOLS_MAX)
            continue;
        if (k == a->protocol_count) {
            snprintf(a->protocol_names[k], PROTOCOL_NAME, "%s", rows[i].name);
            a->protocols[a->protocol_count++].name = a->protocol_names[k];
        }
        a->protocols[k].flows += rows[i].flows;
        a->protocols[k].packets += rows[i].packets;
        a->protocols[k].bytes += rows[i].bytes;
    }
}

void analysis_add_hosts(struct analysis *a, const struct host_deed *deeds, size_t count)
{
    nic_add(a->nic, deeds, count);
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

typedef bool build_fn(struct analysis *a, struct session *s, void *ctx);

/* What the captures as a whole show of a connection that by itself is unsure. */
static bool counts(const struct analysis *a, struct session_build *b)
{
    for (size_t i = 0; i < b->owned_count; i++)
        if (probes_has(a->probes, b->owned[i]))
            b->owned[i]->sstp.kind = SSTP_KIND_PROBE;
    if (session_is_probes(&b->session))
        b->session.outcome = OUTCOME_INCOMPLETE; /* nobody was refused a tunnel; its exchanges tell how they went */
    return services_counts(a->services, b->session.main);
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
        if (good && counts(a, &b))
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

/* Reads a session and, when it is one, calls each for it as number *number + 1; the rules run first, so that its findings
 * are known. */
static bool pass(struct analysis *a, uint32_t id, uint32_t *number, build_fn *each, void *ctx, bool *go_on)
{
    struct session_build b;
    if (!session_read(a->spool, id, *number + 1, &b))
        return false;
    if (counts(a, &b)) {
        session_check_binding(&b.session, a->digests, a->chains);
        findings_session(a->findings, ++*number);
        rules_session(a->findings, &a->input, &b.session);
        if (a->balancing)
            balance_session(a->balance, &b.session, b.owned, b.owned_count);
        *go_on = each(a, &b.session, ctx);
    }
    session_release(&b);
    return true;
}

static bool walk(struct analysis *a, build_fn *each, void *ctx)
{
    uint32_t number = 0;
    bool go_on = true;
    for (uint32_t id = 1; id <= spool_last(a->spool) && go_on; id++)
        if (spool_is_head(a->spool, id) && !pass(a, id, &number, each, ctx, &go_on))
            return false;
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
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
        } else if (!pass(a, id, &number, count_and_list, NULL, &go_on)) {
            return false;
        }
    }
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
}

/* The probes of a series are one session. */
static void link_probes(struct analysis *a)
{
    size_t count;
    probes_settle(a->probes);
    const struct probe_series *all = probes_all(a->probes, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 1; k < all[i].listed_count; k++)
            spool_link(a->spool, all[i].listed[0], all[i].listed[k]);
        if (all[i].sure && all[i].period_ns > 0)
            nat_add_probes(a->nat, &all[i].source, &all[i].target.address, all[i].count);
    }
}

/* What rules may look at, as it is now. */
static void fill_input(struct analysis *a)
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

void analysis_watch(struct analysis *a, ended_fn *ended, void *ctx)
{
    a->ended = ended;
    a->ended_ctx = ctx;
}

static void preview_chains(struct chains *c, const struct exchange *x)
{
    const struct { uint32_t serial, role; } shown[] = {
        {exchange_is_ike(x) ? x->ike.server_chain : 0, ROLE_IKEV2},
        {exchange_is_ike(x) ? x->ike.client_chain : 0, ROLE_CLIENT},
        {x->type == CONVERSATION_SSTP ? x->sstp.tls.server_chain : 0, ROLE_SSTP},
        {x->eap.tls.server_chain, ROLE_NPS},
        {x->eap.tls.client_chain, ROLE_CLIENT},
        {x->has_inner ? x->inner.tls.server_chain : 0, ROLE_NPS},
        {x->has_inner ? x->inner.tls.client_chain : 0, ROLE_CLIENT}};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].serial != 0)
            (void)chains_preview(c, shown[i].serial, shown[i].role);
}

bool analysis_preview(struct analysis *a, const struct exchange *x, bool judge, struct findings *out, struct session *s)
{
    session_of_one(x, s);
    if (session_is_probes(s) || !services_counts(a->services, x))
        return false;
    if (out == NULL)
        return true;
    if (judge)
        preview_chains(a->chains, x);
    fill_input(a);
    a->input.sights = NULL; /* they are compared in the end */
    session_check_binding(s, a->digests, a->chains);
    /* A chain that is only held until it is known whose it is counts as SSTP's meanwhile. */
    struct chain *held = x->type == CONVERSATION_SSTP ? chains_get(a->chains, x->sstp.tls.server_chain) : NULL;
    uint32_t roles = held != NULL ? held->roles : 0;
    if (held != NULL && held->count > 0)
        held->roles |= ROLE_SSTP;
    rules_session(out, &a->input, s);
    if (held != NULL)
        held->roles = roles;
    if (a->losing)
        rules_losses(out);
    return true;
}

void analysis_losing(struct analysis *a, bool losing)
{
    a->losing = losing;
}

uint64_t analysis_unkept(const struct analysis *a)
{
    return spool_dropped(a->spool);
}

bool analysis_finish(struct analysis *a)
{
    link_probes(a);
    services_each_shown(a->services, settle_shown, a);
    chains_judge(a->chains, JUDGE_BUDGET);
    a->totals.flows = a->counters.flows;
    a->totals.evicted = a->counters.flows_evicted + a->counters.conversations_evicted;
    a->totals.state_bytes_peak = a->counters.state_bytes_peak + track_peak_bytes(a->track);
    fill_input(a);
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
            if (!pass(a, lists[k]->ids[i], &before, visit, &v, &go_on))
                return false;
        }
    findings_session(a->findings, 0);
    return !spool_failed(a->spool);
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
