#include "analyze/so_far.h"

#include "analyze/analysis_internal.h"

#include <stdlib.h>

struct so_far {
    struct analysis *analysis;
    struct balance *recent;
    struct nat *nat;
    struct nat_feed *feed;
    struct services *services;
};

struct so_far *so_far_new(struct analysis *a, const struct balance_settings *balance)
{
    struct so_far *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->analysis = a;
    f->recent = balance_new(balance);
    f->services = services_new();
    f->nat = nat_new(&a->options.nat);
    f->feed = f->nat != NULL ? nat_feed_new(f->nat, a->options.several_captures) : NULL;
    if (f->recent == NULL || f->services == NULL || f->feed == NULL) {
        so_far_free(f);
        return NULL;
    }
    analysis_name_services(a, f->services);
    return f;
}

void so_far_free(struct so_far *f)
{
    if (f == NULL)
        return;
    balance_free(f->recent);
    services_free(f->services);
    nat_feed_free(f->feed);
    nat_free(f->nat);
    free(f);
}

void so_far_add(struct so_far *f, const struct session *s)
{
    struct exchange x = *s->exchanges[0], *part = &x; /* hashes are compared in it */
    (void)services_add(f->services, &x);
    nat_feed_exchange(f->feed, &x, s->head != x.id);
    if (s->tunnel == NULL || s->head != x.id)
        return;
    if (balance_kept(f->recent) >= SO_FAR_RECENT_MAX)
        balance_forget(f->recent, SO_FAR_RECENT_MAX / 2);
    balance_session(f->recent, s, &part, 1);
}

struct so_far_sight so_far_see(uint32_t capture, const struct source_info *info, struct dissector *d)
{
    struct so_far_sight s = {.capture = capture, .info = info};
    dissect_get_counters(d, &s.counters);
    s.deed_count = dissect_hosts(d, &s.deeds);
    return s;
}

/* The parts that a look makes for itself. */
struct look {
    struct capture_report *captures; /* by number; texts and interfaces lent */
    size_t capture_count;
    struct dissect_counters counters;
    struct analysis_totals totals;
    struct nic *nic;
    struct probes *probes;
};

static void add_sight(struct look *l, const struct so_far_sight *s)
{
    if (s->capture >= l->capture_count)
        return;
    struct capture_report *c = &l->captures[s->capture];
    c->info = *s->info;
    c->duplicates = s->counters.net.duplicates;
    analysis_count_lost(c);
    analysis_add_counters(&l->counters, &s->counters);
    nic_add(l->nic, s->deeds, s->deed_count);
}

static void release(struct look *l)
{
    free(l->captures);
    nic_free(l->nic);
    probes_free(l->probes);
}

static bool make(struct look *l, const struct analysis *a, const struct so_far_sight *sights, size_t count)
{
    *l = (struct look){.totals = a->totals};
    for (size_t i = 0; i < count; i++)
        if (sights[i].capture < CAPTURES_MAX && sights[i].capture >= l->capture_count)
            l->capture_count = sights[i].capture + 1;
    l->captures = calloc(l->capture_count + 1, sizeof *l->captures);
    l->nic = nic_new(&a->options.nat);
    l->probes = probes_so_far(a->probes, a->services);
    if (l->captures == NULL || l->nic == NULL || l->probes == NULL) {
        release(l);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        add_sight(l, &sights[i]);
    l->totals.sessions = spool_last(a->spool); /* whether there are any */
    return true;
}

struct outages {
    struct findings *out;
    struct rule_input *input;
};

static void raise_outages(void *ctx, const struct balance *b)
{
    struct outages *o = ctx;
    o->input->balance = b;
    rules_outages(o->out, o->input);
    o->input->balance = NULL;
}

bool so_far_look(struct so_far *f, const struct so_far_sight *sights, size_t count, struct findings *out)
{
    struct analysis *a = f->analysis;
    struct look l;
    if (!make(&l, a, sights, count))
        return false;
    analysis_fill_input(a);
    struct rule_input input = a->input;
    input.captures = l.captures;
    input.capture_count = l.capture_count;
    input.counters = &l.counters;
    input.totals = &l.totals;
    input.nat = f->nat;
    input.services = f->services;
    input.nic = l.nic;
    input.probes = l.probes;
    input.balance = NULL;
    nat_forget_probes(f->nat);
    analysis_tell_probers(l.probes, f->nat);
    (void)nat_verdicts_so_far(f->nat);
    rules_servers(out, &input);
    rules_capture(out, &input);
    rules_nat(out, &input);
    rules_probes(out, &input);
    rules_nic(out, &input);
    const struct balance_others others = {f->nat, l.probes, f->services, a->dns};
    (void)balance_look_outages(f->recent, &others, raise_outages, &(struct outages){out, &input});
    bool lossy = a->losing;
    for (size_t i = 0; i < l.capture_count; i++)
        lossy = lossy || rules_lossy(&l.captures[i]);
    if (lossy)
        rules_losses(out);
    findings_finish(out);
    release(&l);
    return true;
}
