/* A fast 64-bit hash for tables, not for security; tables compare the full key. Seeded per process run is not needed:
 * tables are bounded in probes, and the report must be the same for the same input. */
#ifndef VS_WIRE_HASH_H
#define VS_WIRE_HASH_H

#include "capture/wire/span.h"

/* Hash of len bytes, any alignment; the same on every machine. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

/* Mixes two 64-bit values into one. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    x ^= b + (x >> 29);
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 32);
}

/* A hash for where 0 says that there is none. */
static inline uint64_t hash_not_zero(uint64_t hash)
{
    return hash | UINT64_C(1) << 63;
}

#endif
