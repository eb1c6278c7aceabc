/*
 * How evenly counts are spread, and whether chance alone explains it. Pure functions; everything is held against weights: what
 * backend i got is counts[i] / weights[i]. Weights are greater than zero; at most STATISTICS_MAX backends.
 */
#ifndef VS_ANALYZE_STATISTICS_H
#define VS_ANALYZE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATISTICS_MAX = 256 };

/* Measures of unevenness. Without any count, or backend, all are those of an even spread and valid is false. */
struct evenness {
    bool valid;
    double jain;          /* (sum x)^2 / (n sum x^2): 1 even, 1/n all at one */
    double variation;     /* standard deviation / mean (of the population) */
    double max_over_mean; /* 1..n */
    double gini;          /* 0 even .. (n - 1) / n */
};
struct evenness evenness_of(const uint64_t *counts, const double *weights, size_t n);

/* Pearson's statistic against the weights; 0 without counts. */
double chi_square(const uint64_t *counts, const double *weights, size_t n);
/* P(X >= x) for X chi-square distributed; df > 0. */
double chi_square_tail(double x, double df);
/* The x that is reached with probability p, 0 < p < 1. */
double chi_square_critical(double p, double df);
/* The same tail of the noncentral distribution: of Pearson's statistic when the truth is not even. */
double noncentral_tail(double x, double df, double noncentrality);
/* Regularised upper incomplete gamma function Q(a, x); a > 0, x >= 0. Log of gamma(x), x > 0. */
double gamma_upper(double a, double x);
double log_gamma(double x);

/* A seeded source of numbers: the same everywhere, no global state (splitmix64). */
struct dice { uint64_t state; };
uint64_t dice_next(struct dice *d);
double dice_unit(struct dice *d); /* in [0, 1) */

/* How a probability was computed. */
enum fit_method { FIT_NONE, FIT_EXACT, FIT_CHI_SQUARE, FIT_MONTE_CARLO };
const char *fit_method_name(enum fit_method m); /* "none", "exact", "chi-square", "monte-carlo" */

/*
 * The probability that independent draws by the weights are at least as uneven (by Pearson's statistic): all outcomes counted
 * where they are few, chi-square where 5 or more are expected everywhere, else as many seeded draws. 1 and FIT_NONE where there
 * is nothing to compare.
 */
double goodness_of_fit(const uint64_t *counts, const double *weights, size_t n, enum fit_method *method);

#endif
