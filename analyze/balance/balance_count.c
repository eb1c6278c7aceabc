/* From the records of a group of backends to what is reported of it. */
#include <stdlib.h>

#include "analyze/balance/balance_internal.h"
#include "capture/wire/elapsed.h"

#define STUCK 0.5            /* correlation from which sources stick */
#define LATE 0.25            /* of the time; a backend that was there got a connection by then */

/* Where the balancer sent it counts, whether it was answered or not; a lone first packet may be anybody's. */
static bool is_judged(const struct record *r)
{
    return (r->flags & (RECORD_REACHED | RECORD_SILENT | RECORD_HUNG)) != 0;
}

static void count_outcome(struct balance_backend *e, const struct record *r)
{
    e->attempts++;
    switch ((enum outcome)r->outcome) {
    case OUTCOME_ESTABLISHED:
        e->established++;
        break;
    case OUTCOME_REJECTED:
    case OUTCOME_ABORTED:
        e->failed++;
        break;
    case OUTCOME_UNANSWERED:
        e->unanswered++;
        break;
    case OUTCOME_INCOMPLETE:
        break;
    }
}

static void count_records(struct tally *t)
{
    for (size_t i = 0; i < t->b->count; i++) {
        const struct record *r = &t->b->records[i];
        size_t at;
        if (!tally_has(t, r, &at))
            continue;
        struct balance_backend *e = &t->backends[at];
        e->bytes += r->bytes;
        e->carried += (r->flags & RECORD_CARRIED) != 0;
        e->reconnects += (r->flags & RECORD_RECONNECT) != 0;
        if ((r->flags & RECORD_REACHED) != 0 && e->alive == BALANCE_UNKNOWN)
            e->alive = BALANCE_ALIVE;
        if (!record_is_attempt(r))
            continue;
        if (t->result->connections++ == 0) {
            t->result->first = (struct place){.frame = r->frame, .time_ns = r->start_ns, .capture = r->capture};
            t->first_ns = r->start_ns;
        }
        t->last_ns = r->start_ns;
        if (e->attempts == 0)
            t->begun[at] = r->start_ns;
        count_outcome(e, r);
        t->result->hidden += (r->flags & RECORD_HIDDEN) != 0;
        e->nameless += record_is_nameless(r);
        if (!is_judged(r))
            continue;
        e->judged++;
        t->choices[t->choice_count++] = (struct choice){r->source, (uint32_t)at};
    }
}

/* Judged again without the dead: is it even then? */
static bool dead_explain(const struct tally *t, const double *weights, double level)
{
    double living[STATISTICS_MAX];
    uint32_t places[STATISTICS_MAX];
    size_t n = 0, count = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool dead = t->backends[i].alive == BALANCE_DEAD;
        places[i] = dead ? UINT32_MAX : (uint32_t)n;
        if (!dead)
            living[n++] = weights[i];
    }
    struct choice *some = n < t->n ? calloc(t->choice_count + 1, sizeof *some) : NULL;
    for (size_t i = 0; some != NULL && i < t->choice_count; i++)
        if (places[t->choices[i].backend] != UINT32_MAX)
            some[count++] = (struct choice){t->choices[i].source, places[t->choices[i].backend]};
    bool explains = some != NULL && choices_judge(some, count, living, n, level).verdict != BALANCE_UNEVEN;
    free(some);
    return explains;
}

static bool probes_fail(const struct tally *t)
{
    size_t count;
    const struct probe_series *all = probes_all(t->b->others.probes, &count);
    double total = 0;
    for (size_t i = 0; i < t->n; i++)
        total += t->backends[i].weight;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < t->n; k++)
            if (address_equal(&all[i].target.address, &t->backends[k].address) && all[i].count >= PROBE_SAMPLES &&
                all[i].failed * 4 >= all[i].count && t->backends[k].share < t->backends[k].weight / total)
                return true;
    return false;
}

static bool by_dns(const struct tally *t)
{
    for (size_t i = 1; i < t->n; i++)
        if (balance_same_name(t->b, &t->backends[0].address, &t->backends[i].address))
            return true;
    return false;
}

static bool is_steady(const struct tally *t, const double *weights)
{
    uint64_t halves[2][STATISTICS_MAX] = {{0}};
    uint64_t n = 0, half = (t->choice_count + 1) / 2;
    for (size_t i = 0; i < t->b->count; i++) {
        size_t at;
        if (tally_has(t, &t->b->records[i], &at) && record_is_attempt(&t->b->records[i]) && is_judged(&t->b->records[i]))
            halves[n++ >= half][at]++;
    }
    return choices_steady(halves[0], halves[1], weights, t->n);
}

static bool is_late(const struct tally *t)
{
    double span = (double)elapsed_ns(t->last_ns, t->first_ns);
    for (size_t i = 0; i < t->n; i++)
        if (t->backends[i].attempts > 0 && (double)elapsed_ns(t->begun[i], t->first_ns) > LATE * span &&
            t->backends[i].attempts * t->n < t->result->connections)
            return true;
    return false;
}

static void explain(struct tally *t, const double *weights, double level)
{
    struct balance_result *r = t->result;
    const struct choice_judgement *j = &r->judgement;
    bool stuck = j->sticky.known && j->sticky.correlation >= STUCK && j->sticky.effective * 2 <= (double)j->sticky.connections;
    if (stuck && j->p_connections < level)
        r->why |= BALANCE_WHY_STICKY;
    if (r->why != 0 || j->verdict == BALANCE_UNEVEN)
        r->why |= by_dns(t) ? BALANCE_WHY_DNS : 0u;
    if (j->verdict != BALANCE_UNEVEN)
        return;
    bool dead = dead_explain(t, weights, level), late = is_late(t);
    r->why |= (dead ? BALANCE_WHY_DEAD : 0u) | (late ? BALANCE_WHY_LATE : 0u) | (probes_fail(t) ? BALANCE_WHY_PROBES : 0u);
    if (!dead && !late && is_steady(t, weights))
        r->why |= BALANCE_WHY_STEADY;
}

static void name_backends(struct tally *t)
{
    const struct balance *b = t->b;
    for (size_t i = 0; i < b->server_count; i++) {
        const struct balance_server *s = &b->servers[i];
        if (s->group[t->class] != t->group || s->place[t->class] >= t->n)
            continue;
        struct balance_backend *e = &t->backends[s->place[t->class]];
        const struct balance_named *named = s->named != BALANCE_GROUP_NONE ? &b->settings.named[s->named] : NULL;
        e->address = s->address;
        e->name = named != NULL && named->name[0] != '\0' ? named->name : NULL;
        e->weight = named != NULL ? named->weight : 1;
        e->alive = s->dead && t->class == 0 ? BALANCE_DEAD : BALANCE_UNKNOWN;
    }
}

/* Attempts at servers that are no backends: at virtual addresses, when the backends behind them are known, or at others. */
static uint64_t beside_backends(const struct tally *t, bool vips)
{
    uint64_t n = 0;
    for (size_t i = 0; i < t->b->count; i++) {
        const struct record *r = &t->b->records[i];
        const struct balance_server *s = &t->b->servers[r->backend];
        n += s->vip == vips && s->group[t->class] == BALANCE_GROUP_NONE && record_is_radius(r) == (t->class == 1) &&
             record_is_attempt(r) && (t->protocol == BALANCE_ALL || r->protocol == t->protocol);
    }
    return n;
}

static bool fill(struct tally *t, double level)
{
    struct balance_result *r = t->result;
    double weights[STATISTICS_MAX];
    uint64_t attempts[STATISTICS_MAX];
    int64_t *room = t->class == 0 ? calloc(t->b->count + 1, sizeof *room) : NULL;
    if (t->b->by_client == NULL || (room == NULL && t->class == 0))
        return false;
    name_backends(t);
    count_records(t);
    if (!tally_windows(t)) {
        free(room);
        return false;
    }
    for (size_t i = 0; i < t->n; i++) {
        struct balance_backend *e = &t->backends[i];
        weights[i] = e->weight;
        attempts[i] = e->attempts;
        e->share = r->connections > 0 ? (double)e->attempts / (double)r->connections : 0;
        e->has_peak = t->class == 0 || accounting_peak(t->b->accounting, &e->address, &e->peak_concurrent);
        if (t->class == 0)
            e->peak_concurrent = tally_peaks(t, i, room);
    }
    free(room);
    r->unattributed = t->group == 0 ? beside_backends(t, true) : 0;
    r->unnamed = t->group == 0 && t->b->settings.named_count > 0 ? beside_backends(t, false) : 0;
    r->judgement = choices_judge(t->choices, t->choice_count, weights, t->n, level);
    r->judgement.evenness = evenness_of(attempts, weights, t->n);
    explain(t, weights, level);
    return true;
}

static void make_result(struct balance *b, uint16_t group, int class, enum balance_protocol protocol, size_t n, double level)
{
    if (b->result_count == BALANCE_RESULTS_MAX)
        return;
    struct balance_result *r = &b->results[b->result_count];
    struct balance_backend *backends = calloc(n, sizeof *backends);
    struct tally t = {.b = b, .result = r, .backends = backends, .n = n, .group = group, .class = class, .protocol = protocol};
    t.choices = calloc(b->count + 1, sizeof *t.choices);
    *r = (struct balance_result){.protocol = protocol, .radius = class == 1, .backends = backends, .backend_count = n};
    if (backends != NULL && t.choices != NULL && fill(&t, level)) {
        b->result_count++;
    } else {
        free(backends);
        *r = (struct balance_result){0};
    }
    free(t.choices);
}

void balance_count_group(struct balance *b, uint16_t group, bool radius)
{
    bool seen[BALANCE_OTHER + 1] = {false};
    size_t n = 0, protocols = 0;
    for (size_t i = 0; i < b->server_count; i++)
        if (b->servers[i].group[radius] == group && b->servers[i].place[radius] + 1u > n)
            n = b->servers[i].place[radius] + 1u;
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        if (b->servers[r->backend].group[radius] == group && record_is_radius(r) == radius)
            seen[r->protocol] = true;
    }
    for (int p = 0; p <= BALANCE_OTHER; p++)
        protocols += seen[p];
    if (n == 0 || (protocols == 0 && radius))
        return;
    if (radius) {
        make_result(b, group, 1, BALANCE_RADIUS, n, CHOICES_LEVEL);
        return;
    }
    /* The same connections are judged once in all and once by protocol: none may raise a false alarm more often for that. */
    double level = protocols > 1 ? CHOICES_LEVEL / (double)(protocols + 1) : CHOICES_LEVEL;
    make_result(b, group, 0, BALANCE_ALL, n, level);
    for (enum balance_protocol p = BALANCE_SSTP; p <= BALANCE_IKEV2; p++)
        if (seen[p])
            make_result(b, group, 0, p, n, level);
}
