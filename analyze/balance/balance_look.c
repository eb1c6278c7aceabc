/* How it stands while sessions still come: attempts by backend, and how even they are, without the verdicts, which cost more; and
 * backends that do not answer. */
#include <stdlib.h>

#include "analyze/balance/balance_internal.h"

/* Of one protocol at one server. */
struct count {
    uint64_t attempts;
    bool seen;
};

struct look {
    struct balance copy;   /* grouped; its records are its own */
    struct count counts[2][BALANCE_OTHER + 1][BALANCE_BACKENDS_MAX]; /* by class: tunnels, RADIUS; by protocol, all of them first */
    struct balance_backend backends[BALANCE_BACKENDS_MAX];
};

static void count_one(struct count *c, const struct record *r)
{
    c->seen = true;
    c->attempts += record_is_attempt(r);
}

static void count_all(struct look *l)
{
    for (size_t i = 0; i < l->copy.count; i++) {
        const struct record *r = &l->copy.records[i];
        int class = record_is_radius(r);
        count_one(&l->counts[class][r->protocol][r->backend], r);
        if (class == 0)
            count_one(&l->counts[class][BALANCE_ALL][r->backend], r);
    }
}

/* Puts the group's backends into their places; true when the protocol was seen at any of them. */
static bool gather(struct look *l, size_t group, int class, enum balance_protocol protocol, struct balance_result *r)
{
    const struct balance *b = &l->copy;
    bool seen = false;
    *r = (struct balance_result){.protocol = protocol, .radius = class == 1, .backends = l->backends};
    for (size_t i = 0; i < b->server_count; i++) {
        const struct balance_server *s = &b->servers[i];
        const struct count *c = &l->counts[class][protocol][i];
        if (s->group[class] != group || s->place[class] >= BALANCE_BACKENDS_MAX)
            continue;
        const struct balance_named *named = s->named != BALANCE_GROUP_NONE ? &b->settings.named[s->named] : NULL;
        l->backends[s->place[class]] = (struct balance_backend){.address = s->address,
                                                                .name = named != NULL && named->name[0] != '\0' ? named->name : NULL,
                                                                .weight = named != NULL ? named->weight : 1,
                                                                .attempts = c->attempts};
        r->connections += c->attempts;
        r->backend_count = s->place[class] + 1u > r->backend_count ? s->place[class] + 1u : r->backend_count;
        seen = seen || c->seen;
    }
    return seen;
}

static void tell(struct look *l, size_t group, int class, enum balance_protocol protocol, balance_look_fn *each, void *ctx)
{
    uint64_t attempts[BALANCE_BACKENDS_MAX];
    double weights[BALANCE_BACKENDS_MAX];
    struct balance_result r;
    bool seen = gather(l, group, class, protocol, &r);
    if (r.backend_count == 0 || (!seen && protocol != BALANCE_ALL))
        return;
    for (size_t i = 0; i < r.backend_count; i++) {
        attempts[i] = r.backends[i].attempts;
        weights[i] = r.backends[i].weight;
    }
    r.judgement.evenness = evenness_of(attempts, weights, r.backend_count);
    each(ctx, &r);
}

/* Records are sorted, and those that come back are marked: on a copy. NULL when memory is short. */
static struct look *look_new(const struct balance *b, const struct balance_others *others)
{
    struct look *l = calloc(1, sizeof *l);
    struct record *records = malloc((b->count + 1) * sizeof *records);
    if (l == NULL || records == NULL) {
        free(records);
        free(l);
        return NULL;
    }
    l->copy = *b;
    l->copy.records = records;
    l->copy.by_client = NULL;
    l->copy.others = *others;
    if (b->count > 0)
        memcpy(records, b->records, b->count * sizeof *records);
    return l;
}

static void look_free(struct look *l)
{
    free(l->copy.records);
    free(l->copy.by_client);
    free(l);
}

bool balance_look(const struct balance *b, const struct balance_others *others, balance_look_fn *each, void *ctx)
{
    struct look *l = look_new(b, others);
    if (l == NULL)
        return false;
    size_t groups = balance_group(&l->copy);
    count_all(l);
    for (size_t g = 0; g < groups; g++)
        for (int p = BALANCE_ALL; p <= BALANCE_IKEV2; p++)
            tell(l, g, 0, (enum balance_protocol)p, each, ctx);
    for (size_t g = 0; g < groups; g++)
        tell(l, g, 1, BALANCE_RADIUS, each, ctx);
    look_free(l);
    return true;
}

bool balance_look_outages(const struct balance *b, const struct balance_others *others, balance_outages_fn *look, void *ctx)
{
    struct look *l = look_new(b, others);
    if (l == NULL)
        return false;
    (void)balance_group(&l->copy);
    balance_find_outages(&l->copy);
    look(ctx, &l->copy);
    look_free(l);
    return true;
}
