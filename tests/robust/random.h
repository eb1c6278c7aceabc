/* Numbers that are the same on every machine (splitmix64), so that a seed names a test. */
#ifndef VS_ROBUST_RANDOM_H
#define VS_ROBUST_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0..below-1; 0 for below 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t below)
{
    return below > 0 ? random_next(state) % below : 0;
}

#endif
