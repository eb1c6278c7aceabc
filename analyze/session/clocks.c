#include "analyze/session/clocks.h"

#include <stdlib.h>

#define SAME_EXCHANGE_NS                                                                                               \
    (10 * INT64_C(1000000000)) /* an answer that took longer at one point than at the other by more                    \
                                  than this answers another copy of the request */

#define AHEAD_MOST_NS (INT64_C(1) << 61) /* 73 years: a clock that was never set begins in 1970 */

struct pair {
    uint32_t a, b; /* a < b */
    uint8_t count;
    int64_t samples[CLOCK_SAMPLES_MAX];
};

/* A capture that some pair names. root: the first of those related to it; ahead_ns: of the root's clock. */
struct member {
    uint32_t capture, root;
    int64_t ahead_ns;
};

struct clocks {
    struct pair pairs[CLOCK_PAIRS_MAX];
    size_t pair_count;
    struct member members[2 * CLOCK_PAIRS_MAX];
    size_t member_count;
    bool settled;
};

struct clocks *clocks_new(void)
{
    return calloc(1, sizeof(struct clocks));
}

void clocks_free(struct clocks *c)
{
    free(c);
}

void clocks_sample(struct clocks *c, uint32_t a, uint32_t b, int64_t ahead_ns)
{
    if (a == b || ahead_ns > AHEAD_MOST_NS || ahead_ns < -AHEAD_MOST_NS)
        return;
    uint32_t low = a < b ? a : b, high = a < b ? b : a;
    size_t i = 0;
    while (i < c->pair_count && (c->pairs[i].a != low || c->pairs[i].b != high))
        i++;
    if (i == CLOCK_PAIRS_MAX)
        return;
    struct pair *p = &c->pairs[i];
    if (i == c->pair_count) {
        c->pair_count++;
        p->a = low;
        p->b = high;
    }
    if (p->count == CLOCK_SAMPLES_MAX)
        return;
    p->samples[p->count++] = a < b ? ahead_ns : -ahead_ns;
    c->settled = false;
}

void clocks_round_trip(struct clocks *c, uint32_t a, int64_t there_a, int64_t back_a, uint32_t b, int64_t there_b,
                       int64_t back_b)
{
    int64_t there = there_b - there_a, back = back_b - back_a;
    int64_t differ = there > back ? there - back : back - there;
    if (differ <= SAME_EXCHANGE_NS)
        clocks_sample(c, a, b, back + (there - back) / 2);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t median(struct pair *p)
{
    qsort(p->samples, p->count, sizeof *p->samples, by_value);
    int64_t low = p->samples[(p->count - 1) / 2], high = p->samples[p->count / 2];
    return low + (high - low) / 2;
}

static struct member *member_of(struct clocks *c, uint32_t capture)
{
    for (size_t i = 0; i < c->member_count; i++)
        if (c->members[i].capture == capture)
            return &c->members[i];
    return NULL;
}

static struct member *take_member(struct clocks *c, uint32_t capture)
{
    struct member *m = member_of(c, capture);
    if (m == NULL) {
        m = &c->members[c->member_count++];
        *m = (struct member){.capture = capture, .root = capture};
    }
    return m;
}

/* Hostile times may add up to anything. */
static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Of two groups that a pair relates the one with the later root goes over to the other. */
static void relate(struct clocks *c, const struct member *a, const struct member *b, int64_t b_ahead_ns)
{
    if (a->root == b->root)
        return;
    const struct member *stays = a->root < b->root ? a : b, *goes = stays == a ? b : a;
    uint32_t from = goes->root, to = stays->root;
    int64_t goes_ahead = stays == a ? b_ahead_ns : -b_ahead_ns;
    int64_t shift = sum(sum(stays->ahead_ns, goes_ahead), -goes->ahead_ns);
    for (size_t i = 0; i < c->member_count; i++)
        if (c->members[i].root == from) {
            c->members[i].root = to;
            c->members[i].ahead_ns = sum(c->members[i].ahead_ns, shift);
        }
}

static int by_samples(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

/* Pairs with many samples come first: what they say of two captures holds, whatever longer ways say. */
static void settle(struct clocks *c)
{
    if (c->settled)
        return;
    c->settled = true;
    c->member_count = 0;
    qsort(c->pairs, c->pair_count, sizeof *c->pairs, by_samples);
    for (size_t i = 0; i < c->pair_count; i++) {
        struct pair *p = &c->pairs[i];
        take_member(c, p->a);
        struct member *b = take_member(c, p->b);
        relate(c, member_of(c, p->a), b, median(p));
    }
}

bool clocks_between(struct clocks *c, uint32_t a, uint32_t b, int64_t *ahead_ns)
{
    *ahead_ns = 0;
    if (a == b)
        return true;
    settle(c);
    const struct member *x = member_of(c, a), *y = member_of(c, b);
    if (x == NULL || y == NULL || x->root != y->root)
        return false;
    *ahead_ns = sum(y->ahead_ns, -x->ahead_ns);
    return true;
}

int64_t clocks_ahead(struct clocks *c, uint32_t capture, uint32_t *root)
{
    settle(c);
    const struct member *m = member_of(c, capture);
    *root = m != NULL ? m->root : capture;
    return m != NULL ? m->ahead_ns : 0;
}

bool clocks_offset(struct clocks *c, uint32_t capture, int64_t *ahead_ns)
{
    *ahead_ns = 0;
    settle(c);
    const struct member *m = member_of(c, capture);
    if (m == NULL || m->root != 0)
        return false;
    *ahead_ns = m->ahead_ns;
    return true;
}
