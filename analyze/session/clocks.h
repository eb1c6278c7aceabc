/*
 * How far the clocks of several captures are apart, estimated from what was seen in two of them: of each pair the median of
 * its samples, along a chain of pairs their sum. Bounded: of many pairs and samples the first are kept.
 */
#ifndef VS_ANALYZE_CLOCKS_H
#define VS_ANALYZE_CLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLOCK_PAIRS_MAX = 256, CLOCK_SAMPLES_MAX = 63 };

struct clocks;

struct clocks *clocks_new(void); /* NULL when memory is short */
void clocks_free(struct clocks *c);

/* When b's clock showed ahead_ns more than a's, as far as one exchange tells. Nothing for a == b. */
void clocks_sample(struct clocks *c, uint32_t a, uint32_t b, int64_t ahead_ns);

/*
 * The same exchange in two captures: one message of either direction by both clocks. What it takes on the way from one
 * vantage point to the other cancels out, as far as both directions take the same time.
 */
void clocks_round_trip(struct clocks *c, uint32_t a, int64_t there_a, int64_t back_a, uint32_t b, int64_t there_b,
                       int64_t back_b);

/* By how much b's clock is ahead of a's; false when nothing relates the two. 0 for a == b. Sees all samples so far. */
bool clocks_between(struct clocks *c, uint32_t a, uint32_t b, int64_t *ahead_ns);

/* What to take off this capture's times for a common one of all captures that are related to it; *root: the first of these. */
int64_t clocks_ahead(struct clocks *c, uint32_t capture, uint32_t *root);

/* By how much this capture's clock is ahead of the first capture's; false when unknown, and when no other is related to it. */
bool clocks_offset(struct clocks *c, uint32_t capture, int64_t *ahead_ns);

#endif
