/* How it stands while sessions still come: attempts by backend, and how even they are; without the verdicts, which cost more. */
#include <stdlib.h>

#include "analyze/balance/balance_internal.h"

/* One protocol over one group. */
struct look {
    const struct balance *b; /* grouped */
    size_t group;
    int class;
    enum balance_protocol protocol;
};

static bool is_of(const struct look *l, const struct balance_server *s)
{
    return s->group[l->class] == l->group && s->place[l->class] < BALANCE_BACKENDS_MAX;
}

static size_t name_all(const struct look *l, struct balance_backend *backends)
{
    const struct balance *b = l->b;
    size_t n = 0;
    for (size_t i = 0; i < b->server_count; i++) {
        const struct balance_server *s = &b->servers[i];
        if (!is_of(l, s))
            continue;
        const struct balance_named *named = s->named != BALANCE_GROUP_NONE ? &b->settings.named[s->named] : NULL;
        backends[s->place[l->class]] =
            (struct balance_backend){.address = s->address,
                                     .name = named != NULL && named->name[0] != '\0' ? named->name : NULL,
                                     .weight = named != NULL ? named->weight : 1};
        n = s->place[l->class] + 1u > n ? s->place[l->class] + 1u : n;
    }
    return n;
}

static bool count_all(const struct look *l, struct balance_backend *backends, struct balance_result *r)
{
    bool any = false;
    for (size_t i = 0; i < l->b->count; i++) {
        const struct record *c = &l->b->records[i];
        const struct balance_server *s = &l->b->servers[c->backend];
        if (!is_of(l, s) || record_is_radius(c) != (l->class == 1) ||
            (l->protocol != BALANCE_ALL && c->protocol != (uint8_t)l->protocol))
            continue;
        any = true;
        if (!record_is_attempt(c))
            continue;
        backends[s->place[l->class]].attempts++;
        r->connections++;
    }
    return any;
}

static void tell(const struct look *l, struct balance_backend *backends, balance_look_fn *each, void *ctx)
{
    uint64_t attempts[BALANCE_BACKENDS_MAX];
    double weights[BALANCE_BACKENDS_MAX];
    struct balance_result r = {.protocol = l->protocol, .radius = l->class == 1, .backends = backends};
    r.backend_count = name_all(l, backends);
    if (r.backend_count == 0 || (!count_all(l, backends, &r) && (l->class == 1 || l->protocol != BALANCE_ALL)))
        return;
    for (size_t i = 0; i < r.backend_count; i++) {
        attempts[i] = backends[i].attempts;
        weights[i] = backends[i].weight;
    }
    r.judgement.evenness = evenness_of(attempts, weights, r.backend_count);
    each(ctx, &r);
}

/* It is sorted, and what comes back is marked: on a copy. */
bool balance_look(const struct balance *b, const struct balance_others *others, balance_look_fn *each, void *ctx)
{
    struct balance *copy = malloc(sizeof *copy);
    struct record *records = malloc((b->count + 1) * sizeof *records);
    struct balance_backend *backends = malloc(BALANCE_BACKENDS_MAX * sizeof *backends);
    bool good = copy != NULL && records != NULL && backends != NULL;
    if (good) {
        *copy = *b;
        copy->records = records;
        copy->others = *others;
        if (b->count > 0)
            memcpy(records, b->records, b->count * sizeof *records);
        struct look l = {.b = copy};
        size_t groups = balance_group(copy);
        for (l.group = 0; l.group < groups; l.group++) {
            for (int p = BALANCE_ALL; p <= BALANCE_IKEV2; p++) {
                l.protocol = (enum balance_protocol)p;
                tell(&l, backends, each, ctx);
            }
        }
        l.class = 1;
        l.protocol = BALANCE_RADIUS;
        for (l.group = 0; l.group < groups; l.group++)
            tell(&l, backends, each, ctx);
    }
    free(backends);
    free(records);
    free(copy);
    return good;
}
