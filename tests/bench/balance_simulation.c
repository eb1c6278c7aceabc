/*
 * How often the verdict on balance is wrong: draws the connections of thousands of captures, and asks the program's own
 * judgement of each. balance_simulation [CAPTURES [SEED]]: exit status 1 when even balancing is called uneven in 1 of 100
 * captures or more of any kind, or when 200 connections of which two of four servers get twice as many as the other two are
 * called uneven in 95 of 100 or less. With few captures chance itself is allowed for: three standard errors. Sources of several
 * connections are drawn a tenth as often.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/balance/choices.h"

enum { CAPTURES = 100000, SLOWER = 10, BACKENDS_MOST = 8, CONNECTIONS_MOST = 4096, SURE_FROM = 10000 };

struct kind {
    const char *name;
    double truth[BACKENDS_MOST], weights[BACKENDS_MOST]; /* how the balancer spreads; how the administrator says it does */
    size_t backends, connections;
    unsigned a_source;      /* a source makes 1 to so many connections; 1: each its own */
    bool sticks;            /* all of a source's go where its first went */
    enum { SHALL_NOT, SHALL, SHOWN } aim;
};

static const struct kind kinds[] = {
    {"2 servers, 20 connections", {1, 1}, {1, 1}, 2, 20, 1, false, SHALL_NOT},
    {"2 servers, 100 connections", {1, 1}, {1, 1}, 2, 100, 1, false, SHALL_NOT},
    {"3 servers, 90 connections", {1, 1, 1}, {1, 1, 1}, 3, 90, 1, false, SHALL_NOT},
    {"4 servers, 20 connections", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 20, 1, false, SHALL_NOT},
    {"4 servers, 40 connections", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 40, 1, false, SHALL_NOT},
    {"4 servers, 100 connections", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 100, 1, false, SHALL_NOT},
    {"4 servers, 200 connections", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 200, 1, false, SHALL_NOT},
    {"4 servers, 1000 connections", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 1000, 1, false, SHALL_NOT},
    {"8 servers, 200 connections", {1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1}, 8, 200, 1, false, SHALL_NOT},
    {"4 servers by weights 3:1:1:1, 200 connections", {3, 1, 1, 1}, {3, 1, 1, 1}, 4, 200, 1, false, SHALL_NOT},
    {"4 servers, 200 connections, 1 to 8 a source, sent anew", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 200, 8, false, SHALL_NOT},
    {"4 servers, 200 connections, 1 to 3 a source that sticks", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 200, 3, true, SHALL_NOT},
    {"4 servers, 200 connections, 1 to 30 a source that sticks", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 200, 30, true, SHALL_NOT},
    {"4 servers, 1000 connections, 1 to 100 a source that sticks", {1, 1, 1, 1}, {1, 1, 1, 1}, 4, 1000, 100, true, SHALL_NOT},
    {"2:1, two servers of four twice as busy, 200 connections", {2, 2, 1, 1}, {1, 1, 1, 1}, 4, 200, 1, false, SHALL},
    {"one server of four twice as busy, 200 connections", {2, 1, 1, 1}, {1, 1, 1, 1}, 4, 200, 1, false, SHOWN},
    {"one server of four twice as busy, 250 connections", {2, 1, 1, 1}, {1, 1, 1, 1}, 4, 250, 1, false, SHOWN},
    {"one server of four half as busy, 400 connections", {2, 2, 2, 1}, {1, 1, 1, 1}, 4, 400, 1, false, SHOWN},
    {"55:25:15:5, 60 connections", {55, 25, 15, 5}, {1, 1, 1, 1}, 4, 60, 1, false, SHOWN},
    {"one server of four gets nothing, 40 connections", {1, 1, 1, 0}, {1, 1, 1, 1}, 4, 40, 1, false, SHOWN},
};

static uint32_t throw_at(struct dice *d, const struct kind *k)
{
    double total = 0;
    uint32_t b = 0;
    for (size_t i = 0; i < k->backends; i++)
        total += k->truth[i];
    double at = dice_unit(d) * total;
    while (b + 1 < k->backends && at >= k->truth[b])
        at -= k->truth[b++];
    return b;
}

static enum balance_verdict capture(struct dice *d, const struct kind *k)
{
    struct choice all[CONNECTIONS_MOST];
    uint64_t source = 0;
    for (size_t i = 0; i < k->connections;) {
        size_t size = 1 + (k->a_source > 1 ? (size_t)(dice_unit(d) * k->a_source) : 0);
        uint32_t home = throw_at(d, k);
        for (size_t c = 0; c < size && i < k->connections; c++, i++)
            all[i] = (struct choice){source, c == 0 || k->sticks ? home : throw_at(d, k)};
        source++;
    }
    return choices_judge(all, k->connections, k->weights, k->backends, CHOICES_LEVEL).verdict;
}

int main(int argc, char **argv)
{
    long captures = argc > 1 ? strtol(argv[1], NULL, 10) : CAPTURES;
    struct dice d = {argc > 2 ? strtoull(argv[2], NULL, 10) : 1};
    bool missed = false;
    if (captures < 1000) {
        fprintf(stderr, "usage: balance_simulation [CAPTURES (from 1000) [SEED]]\n");
        return 2;
    }
    printf("%-68s %8s %8s %8s\n", "of so many captures are called", "uneven", "even", "too few");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        long verdicts[4] = {0};
        if (i == 0 || kinds[i].aim != kinds[i - 1].aim)
            printf("%s\n", kinds[i].aim == SHALL_NOT ? "truly even:" : kinds[i].aim == SHALL ? "truly uneven:" : "other unevenness:");
        long draws = kinds[i].a_source > 1 ? captures / SLOWER : captures; /* each of these is itself judged by drawing */
        for (long c = 0; c < draws; c++)
            verdicts[capture(&d, &kinds[i])]++;
        double uneven = (double)verdicts[BALANCE_UNEVEN] / (double)draws;
        double error = draws < SURE_FROM ? 3 * sqrt(uneven * (1 - uneven) / (double)draws) + 0.0005 : 0;
        printf("  %-66s %6.2f %% %6.2f %% %6.2f %%\n", kinds[i].name, 100 * uneven,
               100 * (double)verdicts[BALANCE_EVEN] / (double)draws, 100 * (double)verdicts[BALANCE_TOO_FEW] / (double)draws);
        missed |= kinds[i].aim == SHALL_NOT && uneven - error >= 0.01;
        missed |= kinds[i].aim == SHALL && uneven + error <= 0.95;
    }
    printf(missed ? "MISSED\n" : "even balancing is called uneven in less than 1 %%, 2:1 found in more than 95 %%\n");
    return missed;
}
