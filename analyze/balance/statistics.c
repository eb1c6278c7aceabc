#include "analyze/balance/statistics.h"

#include <math.h>
#include <stdlib.h>

enum {
    ITERATIONS = 2000,
    LEAST_EXPECTED = 5,        /* of every backend, for chi-square to be valid */
    OUTCOMES_ALWAYS = 20000,   /* so few are counted out in any case */
    OUTCOMES_MOST = 200000,    /* ... where chi-square is not valid */
    DRAWS = 19999,
};
#define PRECISION 1e-14
#define SEED UINT64_C(0x76706e73636f7065) /* any will do; fixed, so that the same captures give the same report */

struct evenness evenness_of(const uint64_t *counts, const double *weights, size_t n)
{
    struct evenness e = {.jain = 1, .max_over_mean = 1};
    double sorted[STATISTICS_MAX], sum = 0, squares = 0, ranked = 0;
    if (n > STATISTICS_MAX)
        n = STATISTICS_MAX;
    for (size_t i = 0; i < n; i++) {
        double x = (double)counts[i] / weights[i];
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > x; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = x;
        sum += x;
        squares += x * x;
    }
    if (n == 0 || sum <= 0)
        return e;
    double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    for (size_t i = 0; i < n; i++)
        ranked += (2.0 * (double)(i + 1) - (double)n - 1) * sorted[i];
    e.valid = true;
    e.jain = sum * sum / ((double)n * squares);
    e.variation = variance > 0 ? sqrt(variance) / mean : 0;
    e.max_over_mean = sorted[n - 1] / mean;
    e.gini = ranked / ((double)n * sum);
    return e;
}

static double total_of(const double *weights, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    return total;
}

static uint64_t sum_of(const uint64_t *counts, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += counts[i];
    return sum;
}

double chi_square(const uint64_t *counts, const double *weights, size_t n)
{
    double total = total_of(weights, n), sum = (double)sum_of(counts, n), statistic = 0;
    for (size_t i = 0; i < n && sum > 0; i++) {
        double expected = sum * weights[i] / total, off = (double)counts[i] - expected;
        statistic += off * off / expected;
    }
    return statistic;
}

/* Stirling's series, of an argument made large enough for it. */
double log_gamma(double x)
{
    double shift = 0;
    for (; x < 12; x++)
        shift += log(x);
    double r = 1 / (x * x);
    double series = (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r / 1188)))) / x;
    return (x - 0.5) * log(x) - x + 0.91893853320467274178 /* log(2 pi) / 2 */ + series - shift;
}

/* By its power series, where that converges fast. */
static double lower_series(double a, double x)
{
    double term = 1 / a, sum = term;
    for (double k = 1; k < ITERATIONS + 10 * sqrt(a) && term > sum * PRECISION; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum * exp(a * log(x) - x - log_gamma(a));
}

/* By its continued fraction, evaluated from the front. */
static double upper_fraction(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (double k = 1; k < ITERATIONS + 10 * sqrt(a); k++) {
        double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        c = b + an / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        double factor = d * c;
        h *= factor;
        if (fabs(factor - 1) < PRECISION)
            break;
    }
    return h * exp(a * log(x) - x - log_gamma(a));
}

double gamma_upper(double a, double x)
{
    if (x <= 0)
        return 1;
    return x < a + 1 ? 1 - lower_series(a, x) : upper_fraction(a, x);
}

double chi_square_tail(double x, double df)
{
    return gamma_upper(df / 2, x / 2);
}

double chi_square_critical(double p, double df)
{
    double low = 0, high = df + 10;
    while (chi_square_tail(high, df) > p)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (chi_square_tail(middle, df) > p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* A mixture of central ones with 2j more degrees of freedom, j drawn by Poisson. */
double noncentral_tail(double x, double df, double noncentrality)
{
    double mean = noncentrality / 2, spread = 9 * sqrt(mean) + 30, tail = 0, weight_left = 1;
    double first = mean > spread ? floor(mean - spread) : 0;
    for (double j = first; j < mean + spread; j++) {
        double weight = mean > 0 ? exp(j * log(mean) - mean - log_gamma(j + 1)) : j <= 0;
        tail += weight * chi_square_tail(x, df + 2 * j);
        weight_left -= weight;
    }
    tail += weight_left > 0 ? weight_left : 0; /* beyond: their tails are all but certain */
    return tail > 1 ? 1 : tail;
}

uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

double dice_unit(struct dice *d)
{
    return (double)(dice_next(d) >> 11) / 9007199254740992.0; /* 2^53 */
}

const char *fit_method_name(enum fit_method m)
{
    static const char *const names[] = {"none", "exact", "chi-square", "monte-carlo"};
    return names[m];
}

/* How many ways there are to spread `sum` over n: (sum + n - 1) over (n - 1); cut off above most. */
static double outcomes(uint64_t sum, size_t n, double most)
{
    double ways = 1;
    for (size_t i = 1; i < n && ways <= most; i++)
        ways = ways * (double)(sum + i) / (double)i;
    return ways;
}

struct walk {
    const double *shares; /* of the weights, 1 in all */
    const double *log_factorials;
    size_t n;
    uint64_t sum;
    double least; /* statistic from which an outcome counts */
    double tail;
};

/* Spreads what is left over backends i and on; log_p and statistic are of those before it. */
static void spread(struct walk *w, size_t i, uint64_t left, double log_p, double statistic)
{
    double expected = (double)w->sum * w->shares[i], log_share = log(w->shares[i]);
    bool last = i + 1 == w->n;
    for (uint64_t x = last ? left : 0; x <= left; x++) {
        double off = (double)x - expected;
        double log_here = log_p + (double)x * log_share - w->log_factorials[x];
        double here = statistic + off * off / expected;
        if (!last)
            spread(w, i + 1, left - x, log_here, here);
        else if (here >= w->least)
            w->tail += exp(log_here);
    }
}

static double count_out(const double *shares, size_t n, uint64_t sum, double statistic)
{
    double *log_factorials = calloc((size_t)sum + 1, sizeof *log_factorials);
    if (log_factorials == NULL)
        return -1;
    for (uint64_t i = 2; i <= sum; i++)
        log_factorials[i] = log_factorials[i - 1] + log((double)i);
    struct walk w = {shares, log_factorials, n, sum, statistic * (1 - 1e-9) - 1e-9, 0};
    spread(&w, 0, sum, log_factorials[sum], 0);
    free(log_factorials);
    return w.tail > 1 ? 1 : w.tail;
}

static double draw(const double *shares, size_t n, uint64_t sum, double statistic)
{
    struct dice d = {SEED};
    unsigned reached = 0;
    for (int k = 0; k < DRAWS; k++) {
        double counts[STATISTICS_MAX] = {0}, here = 0;
        for (uint64_t c = 0; c < sum; c++) {
            double at = dice_unit(&d);
            size_t i = 0;
            while (i + 1 < n && at >= shares[i])
                at -= shares[i++];
            counts[i]++;
        }
        for (size_t i = 0; i < n; i++) {
            double expected = (double)sum * shares[i];
            here += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        reached += here >= statistic * (1 - 1e-9) - 1e-9;
    }
    return (reached + 1.0) / (DRAWS + 1.0);
}

double goodness_of_fit(const uint64_t *counts, const double *weights, size_t n, enum fit_method *method)
{
    uint64_t sum = sum_of(counts, n);
    double shares[STATISTICS_MAX], total = total_of(weights, n), least = INFINITY, p = -1;
    *method = FIT_NONE;
    if (n < 2 || n > STATISTICS_MAX || sum == 0)
        return 1;
    for (size_t i = 0; i < n; i++) {
        shares[i] = weights[i] / total;
        least = fmin(least, (double)sum * shares[i]);
    }
    double statistic = chi_square(counts, weights, n);
    double ways = outcomes(sum, n, OUTCOMES_MOST);
    if (ways <= OUTCOMES_ALWAYS || (least < LEAST_EXPECTED && ways <= OUTCOMES_MOST))
        p = count_out(shares, n, sum, statistic);
    *method = FIT_EXACT;
    if (p >= 0)
        return p;
    *method = least >= LEAST_EXPECTED || sum > UINT32_MAX ? FIT_CHI_SQUARE : FIT_MONTE_CARLO;
    if (*method == FIT_MONTE_CARLO && sum > (uint64_t)LEAST_EXPECTED * 1000 * n)
        *method = FIT_CHI_SQUARE; /* one weight of next to nothing among large ones */
    return *method == FIT_CHI_SQUARE ? chi_square_tail(statistic, (double)(n - 1)) : draw(shares, n, sum, statistic);
}
