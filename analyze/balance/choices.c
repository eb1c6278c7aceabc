#include "analyze/balance/choices.h"

#include <math.h>
#include <stdlib.h>

#include "capture/wire/sort.h"

enum { CLUSTERS = 1024, DRAWS = 4999, LEAST_EXPECTED = 5, NEVER = 1 << 30, STEADY_PERCENT = 5 };
#define SEED UINT64_C(0x62616c616e6365)
/* Jain's index 0.9, which is what it is when half of the backends get twice as much as the other half: as squared variation. */
#define EFFECT (1.0 / 9)
#define EFFECT_MAX 1.5
#define POWER 0.95
#define CERTAINLY_LESS 0.025 /* chance that something as uneven as EFFECT shows so little */
#define CLEARLY_EVEN 0.05
#define ALMOST_ALL_AT_ONE 0.95
#define NEARLY 0.999
#define ESTIMATED 0.8 /* how far sources stick is itself estimated: part of the level that is left */

const char *balance_verdict_name(enum balance_verdict v)
{
    static const char *const names[] = {"even", "uneven", "too-few", "single-backend"};
    return names[v];
}

static int by_source(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    return (x->source > y->source) - (x->source < y->source);
}

static uint64_t source_of(const void *choice)
{
    return ((const struct choice *)choice)->source;
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

/* The largest clusters, descending. */
struct clusters {
    double sizes[CLUSTERS];
    size_t count;
    double rest_squares; /* of smaller ones */
};

static void keep_cluster(struct clusters *c, double size)
{
    if (c->count == CLUSTERS && size <= c->sizes[CLUSTERS - 1]) {
        c->rest_squares += size * size;
        return;
    }
    if (c->count == CLUSTERS) {
        c->rest_squares += c->sizes[CLUSTERS - 1] * c->sizes[CLUSTERS - 1];
        c->count--;
    }
    size_t at = c->count++;
    for (; at > 0 && c->sizes[at - 1] < size; at--)
        c->sizes[at] = c->sizes[at - 1];
    c->sizes[at] = size;
}

/* Two connections of one source are at the same backend more often than two of different sources: by that much they stick. */
static double correlate(double same_within, double pairs_within, double same_all, double pairs_all)
{
    double pairs_between = pairs_all - pairs_within, within = same_within / pairs_within;
    double between = (same_all - same_within) / pairs_between;
    if (between > ALMOST_ALL_AT_ONE) /* everybody went to the same: nothing tells */
        return 1;
    double r = (within - between) / (1 - between);
    return r < 0 ? 0 : r;
}

static struct stickiness stick(const struct choice *choices, size_t count, const uint64_t *counts, size_t n,
                               struct clusters *clusters)
{
    struct stickiness s = {.connections = count, .effective = (double)count};
    double same_within = 0, pairs_within = 0, same_all = 0;
    uint32_t at[STATISTICS_MAX] = {0}; /* of a source's choices, how many at which backend */
    for (size_t i = 0; i < count;) {
        size_t end = i;
        for (; end < count && choices[end].source == choices[i].source; end++)
            at[choices[end].backend]++;
        for (size_t k = i; k < end; k++) {
            same_within += pairs((double)at[choices[k].backend]);
            at[choices[k].backend] = 0;
        }
        double size = (double)(end - i);
        pairs_within += pairs(size);
        s.squares += size * size;
        s.largest = fmax(s.largest, size);
        s.sources++;
        keep_cluster(clusters, size);
        i = end;
    }
    for (size_t i = 0; i < n; i++)
        same_all += pairs((double)counts[i]);
    s.known = pairs_within > 0 && s.sources > 1;
    if (s.known)
        s.correlation = correlate(same_within, pairs_within, same_all, pairs((double)count));
    else if (pairs_within > 0) /* one source alone */
        s.correlation = 1;
    if (count > 0)
        s.effective = (double)count / (1 + s.correlation * (s.squares / (double)count - 1));
    return s;
}

/* One source alone: the next connection is at the same backend more often than any other of its connections. */
static double correlate_next(const struct choice *choices, size_t count)
{
    uint64_t counts[STATISTICS_MAX] = {0};
    double same_next = 0, same_all = 0;
    for (size_t i = 0; i < count; i++) {
        counts[choices[i].backend]++;
        same_next += i > 0 && choices[i].backend == choices[i - 1].backend;
    }
    for (size_t i = 0; i < STATISTICS_MAX; i++)
        same_all += pairs((double)counts[i]);
    double next = same_next / (double)(count - 1), all = same_all / pairs((double)count);
    if (all > ALMOST_ALL_AT_ONE)
        return 1;
    double r = (next - all) / (1 - all);
    return r < 2 / sqrt((double)count) ? 0 : r; /* so much is chance */
}

static bool is_one_source(const struct choice *choices, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (choices[i].source != choices[0].source)
            return false;
    return count > 1;
}

static void take_one_source(struct stickiness *s, double correlation)
{
    s->correlation = correlation;
    s->known = correlation < 1;
    s->effective = fmax(1, (double)s->connections * (1 - correlation) / (1 + correlation));
}

/* A normal variate, by the polar form of Box and Muller. */
static double normal(struct dice *d)
{
    double u, v, s;
    do {
        u = 2 * dice_unit(d) - 1;
        v = 2 * dice_unit(d) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s <= 0);
    return u * sqrt(-2 * log(s) / s);
}

/* What is not drawn one by one: as the normal distribution that many small draws come to. */
static void add_rest(struct dice *d, double *x, const double *shares, size_t n, double variance)
{
    double z[STATISTICS_MAX], sum = 0;
    for (size_t i = 0; i < n; i++) {
        z[i] = normal(d) * sqrt(shares[i]);
        sum += z[i];
    }
    for (size_t i = 0; i < n; i++)
        x[i] += sqrt(variance) * (z[i] - shares[i] * sum);
}

/*
 * The probability of a statistic at least as large if every source has a backend of its own, drawn by the weights, to which a
 * part `home` of its connections go, and the others anywhere: two of its connections then correlate by home^2.
 */
static double draw_clusters(const struct clusters *c, const struct stickiness *s, const double *shares, size_t n,
                            double statistic)
{
    struct dice d = {SEED};
    double home = sqrt(s->correlation), total = (double)s->connections, listed = 0;
    for (size_t i = 0; i < c->count; i++)
        listed += home * c->sizes[i];
    double variance = home * home * c->rest_squares + (1 - home) * total;
    unsigned reached = 0;
    for (int k = 0; k < DRAWS; k++) {
        double x[STATISTICS_MAX], here = 0;
        for (size_t i = 0; i < n; i++)
            x[i] = (total - listed) * shares[i];
        for (size_t i = 0; i < c->count; i++) {
            double at = dice_unit(&d);
            size_t b = 0;
            while (b + 1 < n && at >= shares[b])
                at -= shares[b++];
            x[b] += home * c->sizes[i];
        }
        if (variance > 0)
            add_rest(&d, x, shares, n, variance);
        for (size_t i = 0; i < n; i++)
            here += (x[i] - total * shares[i]) * (x[i] - total * shares[i]) / (total * shares[i]);
        reached += here >= statistic * (1 - 1e-9);
    }
    return (reached + 1.0) / (DRAWS + 1.0);
}

/* The probability for sources that stick: first as if the sources were alike; where that looks odd, drawn. */
static double fit_clusters(const struct clusters *c, const struct stickiness *s, const double *weights, size_t n,
                           double statistic, enum fit_method *method)
{
    enum { LOOKS_ODD_PERCENT = 20 };
    double shares[STATISTICS_MAX], total = 0;
    double p = chi_square_tail(statistic * s->effective / (double)s->connections, (double)(n - 1));
    *method = FIT_CHI_SQUARE;
    if (p > LOOKS_ODD_PERCENT / 100.0)
        return p;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    for (size_t i = 0; i < n; i++)
        shares[i] = weights[i] / total;
    *method = FIT_MONTE_CARLO;
    return draw_clusters(c, s, shares, n, statistic);
}

/* Independent choices that show with probability POWER that half of the backends get twice as much as the others. */
static double needed_choices(size_t n, double level)
{
    double df = (double)(n - 1), critical = chi_square_critical(level, df), low = 1, high = 64;
    while (high < NEVER && noncentral_tail(critical, df, high * EFFECT) < POWER)
        high *= 2;
    while (high - low > 0.5) {
        double middle = (low + high) / 2;
        if (noncentral_tail(critical, df, middle * EFFECT) < POWER)
            low = middle;
        else
            high = middle;
    }
    return ceil(high);
}

/* It is as uneven as what matters, or chance may hide that it is. */
static bool matters(const struct choice_judgement *j, double statistic, const uint64_t *counts, const double *weights, size_t n)
{
    double total = 0, effective = j->sticky.effective, connections = (double)j->sticky.connections;
    double scaled = statistic * effective / connections;
    if (1 - noncentral_tail(scaled, (double)(n - 1), effective * EFFECT) > CERTAINLY_LESS)
        return true;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    for (size_t i = 0; i < n; i++) {
        double share = (double)counts[i] / connections, fair = weights[i] / total;
        if (share + 2 * sqrt(share * (1 - share) / effective) >= EFFECT_MAX * fair && share > fair &&
            share / fair > 1 + (EFFECT_MAX - 1) / 2)
            return true;
    }
    return false;
}

static enum balance_verdict decide(struct choice_judgement *j, double statistic, const uint64_t *counts,
                                   const double *weights, size_t n, double level)
{
    double effective = j->sticky.effective, connections = (double)j->sticky.connections, total = 0, least = INFINITY;
    bool sticks = effective < connections * NEARLY;
    if (j->p < (sticks ? ESTIMATED * level : level) && matters(j, statistic, counts, weights, n))
        return BALANCE_UNEVEN;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    for (size_t i = 0; i < n; i++)
        least = fmin(least, effective * weights[i] / total);
    double needed = needed_choices(n, level);
    if (effective >= needed)
        return BALANCE_EVEN;
    double scaled = statistic * effective / connections;
    if (least >= LEAST_EXPECTED && 1 - noncentral_tail(scaled, (double)(n - 1), effective * EFFECT) < CLEARLY_EVEN)
        return BALANCE_EVEN;
    j->needed = (uint64_t)ceil(needed * connections / effective);
    return BALANCE_TOO_FEW;
}

struct choice_judgement choices_judge(struct choice *choices, size_t count, const double *weights, size_t n, double level)
{
    struct choice_judgement j = {.verdict = BALANCE_TOO_FEW, .p = 1, .p_connections = 1};
    uint64_t counts[STATISTICS_MAX] = {0};
    if (n > STATISTICS_MAX)
        n = STATISTICS_MAX;
    for (size_t i = 0; i < count; i++)
        if (choices[i].backend < n)
            counts[choices[i].backend]++;
    j.evenness = evenness_of(counts, weights, n);
    struct clusters *clusters = calloc(1, sizeof *clusters);
    if (clusters == NULL)
        return j;
    double next = is_one_source(choices, count) ? correlate_next(choices, count) : -1;
    sort_by_key(choices, count, sizeof *choices, source_of, by_source);
    j.sticky = stick(choices, count, counts, n, clusters);
    if (next >= 0)
        take_one_source(&j.sticky, next);
    if (n < 2) {
        j.verdict = BALANCE_SINGLE;
    } else if (count == 0) {
        j.needed = (uint64_t)needed_choices(n, level);
    } else {
        double statistic = chi_square(counts, weights, n);
        j.p = j.p_connections = goodness_of_fit(counts, weights, n, &j.method);
        if (next > 0)
            j.p = chi_square_tail(statistic * j.sticky.effective / (double)count, (double)(n - 1));
        else if (j.sticky.effective < (double)count * NEARLY)
            j.p = fit_clusters(clusters, &j.sticky, weights, n, statistic, &j.method);
        j.verdict = decide(&j, statistic, counts, weights, n, level);
    }
    free(clusters);
    return j;
}

static bool is_uneven_by_itself(const uint64_t *counts, const double *weights, size_t n)
{
    return n > 1 && chi_square_tail(chi_square(counts, weights, n), (double)(n - 1)) <= STEADY_PERCENT / 100.0;
}

bool choices_steady(const uint64_t *before, const uint64_t *after, const double *weights, size_t n)
{
    double sums[2] = {0, 0}, statistic = 0, df = -1;
    for (size_t i = 0; i < n; i++) {
        sums[0] += (double)before[i];
        sums[1] += (double)after[i];
    }
    if (sums[0] <= 0 || sums[1] <= 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        double both = (double)before[i] + (double)after[i];
        if (both <= 0)
            continue;
        df++;
        double e0 = both * sums[0] / (sums[0] + sums[1]), e1 = both - e0;
        statistic += ((double)before[i] - e0) * ((double)before[i] - e0) / e0;
        statistic += ((double)after[i] - e1) * ((double)after[i] - e1) / e1;
    }
    return df > 0 && chi_square_tail(statistic, df) > STEADY_PERCENT / 100.0 && is_uneven_by_itself(before, weights, n) &&
           is_uneven_by_itself(after, weights, n);
}
