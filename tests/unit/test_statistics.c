/*
 * Measures of unevenness and goodness of fit. Expected numbers are SciPy 1.10's (special.gammaincc, special.gammaln, stats.chi2,
 * stats.ncx2, stats.chisquare, stats.binomtest, stats.multinomial.pmf summed over all outcomes), or worked out by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/balance/choices.h"

#define near(got, expected, relative) assert_true(fabs((got) - (expected)) <= fabs(expected) * (relative))

static const double alike[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static void special_functions(void **state)
{
    (void)state;
    near(gamma_upper(0.5, 0.5), 0.31731050786291115, 1e-12);
    near(gamma_upper(1.5, 5.67), 0.010022517616912462, 1e-12);
    near(gamma_upper(10, 3), 0.9988975118698845, 1e-12);
    near(gamma_upper(100, 120), 0.027863739890520652, 1e-11);
    near(gamma_upper(2.5, 40), 8.391825114831597e-16, 1e-11);
    near(log_gamma(0.5), 0.5723649429247, 1e-12);
    near(log_gamma(3), 0.6931471805599453, 1e-12);
    near(log_gamma(17.25), 31.37462231367769, 1e-12);
    near(log_gamma(1e5), 1051287.7089736569, 1e-12);
    near(gamma_upper(3, 0), 1.0, 1e-15);
}

static void chi_square_distribution(void **state)
{
    (void)state;
    near(chi_square_tail(11.345, 3), 0.009999384083287103, 1e-11);
    near(chi_square_tail(3.84, 1), 0.05004352124870519, 1e-11);
    near(chi_square_tail(30, 15), 0.011921495938159686, 1e-11);
    near(chi_square_critical(0.01, 3), 11.344866730144368, 1e-9);
    near(noncentral_tail(11.345, 3, 24), 0.9623180180889566, 1e-8);
    near(noncentral_tail(6.63, 1, 0.5), 0.031412333594582086, 1e-8);
    near(noncentral_tail(150, 7, 120), 0.1506056123912353, 1e-8);
    near(noncentral_tail(9, 3, 0), 0.02929088653488826, 1e-10);
    near(noncentral_tail(2000, 3, 2000), 0.5089206205807641, 1e-7);
}

static void measures(void **state)
{
    (void)state;
    struct evenness e = evenness_of((uint64_t[]){120, 60, 40, 20}, alike, 4);
    near(e.jain, 0.72, 1e-12);
    near(e.variation, 0.6236095644623236, 1e-12);
    near(e.max_over_mean, 2.0, 1e-12);
    near(e.gini, 1.0 / 3, 1e-12);
    e = evenness_of((uint64_t[]){120, 60, 40, 20}, (double[]){3, 1, 1, 1}, 4); /* 40, 60, 40, 20 a unit of weight */
    near(e.jain, 8.0 / 9, 1e-12);
    near(e.variation, 0.3535533905932738, 1e-12);
    near(e.max_over_mean, 1.5, 1e-12);
    near(e.gini, 0.1875, 1e-12);
    e = evenness_of((uint64_t[]){7, 7, 7}, alike, 3);
    near(e.jain, 1.0, 1e-12);
    assert_true(e.valid && e.variation < 1e-7 && fabs(e.gini) < 1e-12);
    e = evenness_of((uint64_t[]){0, 0, 9}, alike, 3);
    near(e.jain, 1.0 / 3, 1e-12);
    near(e.gini, 2.0 / 3, 1e-12);
    assert_false(evenness_of((uint64_t[]){0, 0}, alike, 2).valid);
    assert_false(evenness_of(NULL, NULL, 0).valid);
}

static void fits(void **state)
{
    (void)state;
    enum fit_method how;
    near(goodness_of_fit((uint64_t[]){57, 48, 43, 52}, alike, 4, &how), 0.5478772359562469, 1e-10);
    assert_int_equal(how, FIT_CHI_SQUARE);
    near(goodness_of_fit((uint64_t[]){40, 30, 50}, (double[]){1, 1, 2}, 3, &how), 0.0820849986238988, 0.05);
    assert_int_equal(how, FIT_EXACT);
    near(goodness_of_fit((uint64_t[]){17, 43}, alike, 2, &how), 0.0010657657791434353, 1e-9);
    assert_int_equal(how, FIT_EXACT);
    near(goodness_of_fit((uint64_t[]){7, 1, 2, 2}, alike, 4, &how), 0.06527233123779301, 1e-9);
    near(goodness_of_fit((uint64_t[]){8, 1, 3}, (double[]){2, 1, 1}, 3, &how), 0.3949337005615232, 1e-9);
    near(goodness_of_fit((uint64_t[]){12, 0, 0, 0}, alike, 4, &how), 2.3841857910156287e-07, 1e-9);
    assert_int_equal(how, FIT_EXACT);
    /* 12 backends and 30 connections: 2000000 draws of numpy's generator gave 0.00381 */
    uint64_t many[12] = {9, 1, 1, 2, 0, 3, 2, 1, 0, 4, 5, 2};
    double p = goodness_of_fit(many, alike, 12, &how);
    assert_int_equal(how, FIT_MONTE_CARLO);
    assert_true(fabs(p - 0.00381) < 0.0015);
    assert_true(goodness_of_fit(many, alike, 12, &how) == p); /* the same again, to the bit */
    near(goodness_of_fit((uint64_t[]){5}, alike, 1, &how), 1.0, 1e-15);
    assert_int_equal(how, FIT_NONE);
}

/* count connections: source i makes `each`, to backend to(i, k). */
struct plan {
    struct choice all[4096];
    size_t count;
} plan;

static void add(uint64_t source, uint32_t backend, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        plan.all[plan.count++] = (struct choice){source, backend};
}

static struct choice_judgement judge(size_t n)
{
    return choices_judge(plan.all, plan.count, alike, n, CHOICES_LEVEL);
}

static int fresh(void **state)
{
    (void)state;
    plan.count = 0;
    return 0;
}

static void few_connections_say_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        add(i, i % 2, 1); /* five sessions on four servers */
    struct choice_judgement j = judge(4);
    assert_int_equal(j.verdict, BALANCE_TOO_FEW);
    assert_int_equal(j.needed, 206); /* stats.ncx2: power 0.95 at noncentrality n/9, level 0.0095, 3 degrees of freedom */
    assert_int_equal(judge(1).verdict, BALANCE_SINGLE);
    plan.count = 0;
    assert_int_equal(judge(2).verdict, BALANCE_TOO_FEW);
    assert_int_equal(judge(2).needed, 162);
    assert_int_equal(judge(8).needed, 256);
}

static void verdicts_of_connections_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 400; i++)
        add(i, i % 4, 1);
    struct choice_judgement j = judge(4);
    assert_int_equal(j.verdict, BALANCE_EVEN);
    assert_int_equal(j.sticky.sources, 400);
    near(j.sticky.effective, 400.0, 1e-12);
    plan.count = 0;
    for (unsigned i = 0; i < 60; i++) /* round robin: evener than chance, so that fewer are enough */
        add(i, i % 4, 1);
    assert_int_equal(judge(4).verdict, BALANCE_EVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 200; i++) /* 55 25 15 5 */
        add(i, i % 20 < 11 ? 0 : i % 20 < 16 ? 1 : i % 20 < 19 ? 2 : 3, 1);
    j = judge(4);
    assert_int_equal(j.verdict, BALANCE_UNEVEN);
    assert_true(j.p < 1e-9 && j.evenness.jain < 0.7);
    /* ... which is even for a balancer with these weights */
    assert_int_equal(choices_judge(plan.all, plan.count, (double[]){11, 5, 3, 1}, 4, CHOICES_LEVEL).verdict, BALANCE_EVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 4000; i++) /* significant, and of no matter: 28 24 24 24 */
        add(i, i % 25 < 7 ? 0 : 1 + i % 25 % 3, 1);
    j = judge(4);
    assert_true(j.p < CHOICES_LEVEL);
    assert_int_equal(j.verdict, BALANCE_EVEN);
}

/* Four sources of fifty connections each, every one at its own backend but two that share: nothing but persistence. */
static void sources_that_stick(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        add(i, i == 3 ? 0 : i, 50);
    struct choice_judgement j = judge(4);
    near(j.sticky.correlation, 1.0, 1e-12);
    near(j.sticky.effective, 4.0, 1e-12); /* (sum w)^2 / sum w^2 */
    assert_int_equal(j.verdict, BALANCE_TOO_FEW);
    assert_true(j.p > 0.2 && j.p_connections < 1e-6);
    assert_int_equal(j.needed, 206 * 50);
    plan.count = 0;
    for (unsigned i = 0; i < 4; i++) /* as few sources, but each connection is sent anew, unevenly */
        for (uint32_t b = 0; b < 4; b++)
            add(i, b, b == 0 ? 32 : 6);
    j = judge(4);
    assert_true(j.sticky.correlation < 0.05 && j.sticky.effective > 60);
    assert_int_equal(j.verdict, BALANCE_UNEVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 80; i++) /* many sources that stick, most of them to one backend */
        add(i, i % 4 == 0 ? i / 4 % 4 : 0, 1 + i % 3);
    j = judge(4);
    assert_int_equal(j.verdict, BALANCE_UNEVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 120; i++) /* a load balancer's own address, behind which it sends each anew: 55 25 15 5 */
        add(7, i * 7 % 20 < 11 ? 0 : i * 7 % 20 < 16 ? 1 : i * 7 % 20 < 19 ? 2 : 3, 1);
    assert_int_equal(judge(4).verdict, BALANCE_UNEVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 40; i++)
        add(7, i % 4, 1);
    assert_int_equal(judge(4).verdict, BALANCE_EVEN);
    plan.count = 0;
    for (unsigned i = 0; i < 120; i++) /* ... and one that changes its mind three times only */
        add(7, i < 66 ? 0 : i < 96 ? 1 : i < 114 ? 2 : 3, 1);
    assert_int_equal(judge(4).verdict, BALANCE_TOO_FEW);
    plan.count = 0;
    add(7, 0, 300); /* one source, all at one backend */
    near(judge(4).sticky.effective, 1.0, 1e-12);
    assert_int_equal(judge(4).verdict, BALANCE_TOO_FEW);
}

static void halves_of_time(void **state)
{
    (void)state;
    const double even[8] = {1, 1, 1, 1, 1, 1, 1, 1}, meant[3] = {5, 3, 1};
    assert_true(choices_steady((uint64_t[]){50, 30, 10}, (uint64_t[]){55, 28, 12}, even, 3));
    assert_false(choices_steady((uint64_t[]){50, 30, 10}, (uint64_t[]){30, 30, 60}, even, 3));
    assert_false(choices_steady((uint64_t[]){0, 0, 0}, (uint64_t[]){30, 30, 60}, even, 3));
    assert_false(choices_steady((uint64_t[]){50, 30, 10}, (uint64_t[]){55, 28, 12}, meant, 3)); /* nor are these uneven */
    assert_false(choices_steady((uint64_t[]){3, 1, 0, 0, 0, 0, 0, 0}, (uint64_t[]){2, 0, 1, 0, 0, 0, 0, 0}, even, 8)); /* seven in all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_functions),
        cmocka_unit_test(chi_square_distribution),
        cmocka_unit_test(measures),
        cmocka_unit_test(fits),
        cmocka_unit_test_setup(few_connections_say_nothing, fresh),
        cmocka_unit_test_setup(verdicts_of_connections_alone, fresh),
        cmocka_unit_test_setup(sources_that_stick, fresh),
        cmocka_unit_test(halves_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
