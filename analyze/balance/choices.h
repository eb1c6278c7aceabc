/*
 * From counts to a verdict. Balancers that keep a source at one backend make one choice a source, not one a connection: how
 * many independent choices there were decides how much chance explains. Pure. wire-facts 7.3.
 */
#ifndef VS_ANALYZE_CHOICES_H
#define VS_ANALYZE_CHOICES_H

#include "analyze/balance/statistics.h"

/* One connection: who made it, and the backend that got it (index into counts). */
struct choice {
    uint64_t source;
    uint32_t backend;
};

/* How much the connections of one source keep together. */
struct stickiness {
    uint64_t connections, sources;
    double largest;      /* connections of the busiest source */
    double squares;      /* sum over sources of connections^2 */
    bool known;          /* a source made several connections, and went to several backends */
    double correlation;  /* 0: every connection is a choice of its own; 1: a source always goes to its backend */
    double effective;    /* independent choices: connections / (1 + correlation (squares / connections - 1)); with correlation 1
                            (sum w)^2 / sum w^2 over the sources. One source alone, as a load balancer
                            shows that puts its own address in place of clients': by how far it goes on with the same backend,
                            connections (1 - correlation) / (1 + correlation) */
};

enum balance_verdict { BALANCE_EVEN, BALANCE_UNEVEN, BALANCE_TOO_FEW, BALANCE_SINGLE };
const char *balance_verdict_name(enum balance_verdict v); /* "even", "uneven", "too-few", "single-backend" */

struct choice_judgement {
    enum balance_verdict verdict;
    enum fit_method method;
    double p;                 /* probability that even balancing of that many independent choices is as uneven; 1 unknown */
    double p_connections;     /* the same if every connection were a choice of its own */
    struct evenness evenness; /* of the connections */
    struct stickiness sticky;
    uint64_t needed;          /* connections from which a verdict can be had, if they come as these do; 0: enough, or never */
};

/*
 * Significant from this on (wire-facts: p < 0.01). A little less than 0.01, as chi-square's tail is a few percent off where it
 * is just valid: even balancing must be called uneven in less than 1 of 100 captures.
 */
#define CHOICES_LEVEL 0.0095

/* The choices, in order of time; sorts them by source, and judges them. level: CHOICES_LEVEL, or a share of it where several judgements are made of
 * the same connections. Every choice's backend is below n. */
struct choice_judgement choices_judge(struct choice *choices, size_t count, const double *weights, size_t n, double level);

/* Whether the shares of two halves of the time are the same but for chance, and uneven in each of them alone: then something
 * fixed makes them uneven. Few choices always look the same, but not uneven twice. */
bool choices_steady(const uint64_t *before, const uint64_t *after, const double *weights, size_t n);

#endif
