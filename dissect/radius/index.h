/*
 * A set-associative index of (tag, item) pairs: every key has two buckets of eight slots, one cache line each. Sixteen
 * slots are the most that a look-up ever reads, whatever a stranger puts in; removal leaves no tombstones.
 */
#ifndef VS_RADIUS_INDEX_H
#define VS_RADIUS_INDEX_H

#include <stdlib.h>

#include "dissect/wire/span.h"

enum { INDEX_WAYS = 8, INDEX_PROBES = 2 * INDEX_WAYS };

struct index_slot {
    uint32_t tag;
    uint32_t item; /* 0: free */
};

struct index {
    struct index_slot *slots;
    uint32_t mask; /* buckets - 1, a power of two */
};

/* Room for at least twice `items`; false when memory is short. Freed by index_free. */
static inline bool index_init(struct index *x, uint32_t items)
{
    uint32_t buckets = 2;
    while (buckets < UINT32_C(1) << 24 && (uint64_t)buckets * INDEX_WAYS < (uint64_t)items * 2)
        buckets *= 2;
    x->mask = buckets - 1;
    x->slots = calloc((size_t)buckets * INDEX_WAYS, sizeof *x->slots);
    return x->slots != NULL;
}

static inline void index_free(struct index *x)
{
    free(x->slots);
    x->slots = NULL;
}

/* The probe-th slot of a hash, 0 .. INDEX_PROBES - 1. */
static inline struct index_slot *index_at(const struct index *x, uint64_t hash, unsigned probe)
{
    uint32_t home = (uint32_t)hash & x->mask;
    uint32_t bucket = probe < INDEX_WAYS ? home : home ^ 1u;
    return &x->slots[(size_t)bucket * INDEX_WAYS + probe % INDEX_WAYS];
}

static inline uint32_t index_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The next item with this hash's tag from *probe on, 0 when there is none; the caller compares the full key. */
static inline uint32_t index_next(const struct index *x, uint64_t hash, unsigned *probe)
{
    while (*probe < INDEX_PROBES) {
        const struct index_slot *s = index_at(x, hash, (*probe)++);
        if (s->item != 0 && s->tag == index_tag(hash))
            return s->item;
    }
    return 0;
}

/* Puts an item (not 0) in. Returns 0 when done; else one item that has to be removed to make room, nothing was put. */
static inline uint32_t index_put(struct index *x, uint64_t hash, uint32_t item)
{
    for (unsigned i = 0; i < INDEX_PROBES; i++) {
        struct index_slot *s = index_at(x, hash, i);
        if (s->item == 0) {
            *s = (struct index_slot){index_tag(hash), item};
            return 0;
        }
    }
    return index_at(x, hash, (unsigned)(hash >> 29) % INDEX_PROBES)->item;
}

static inline void index_remove(struct index *x, uint64_t hash, uint32_t item)
{
    for (unsigned i = 0; i < INDEX_PROBES; i++) {
        struct index_slot *s = index_at(x, hash, i);
        if (s->item == item && s->tag == index_tag(hash)) {
            s->item = 0;
            return;
        }
    }
}

#endif
