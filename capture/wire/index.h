/*
 * A set-associative index of (tag, item) pairs: every key has two buckets of eight slots, one cache line each, neighbours.
 * Sixteen slots are the most that a look-up ever reads, whatever a stranger puts in; removal leaves no tombstones. It begins
 * small and doubles with its use: a few logins at a time should not be strewn over memory that the cache does not hold.
 * A quarter of it is used at most, since a pair of buckets that is full loses a key: with four keys to a pair on average
 * that is chance once in millions, with eight once in hundreds.
 */
#ifndef VS_WIRE_INDEX_H
#define VS_WIRE_INDEX_H

#include <stdlib.h>

#include "capture/wire/span.h"

enum { INDEX_WAYS = 8, INDEX_PROBES = 2 * INDEX_WAYS, INDEX_FIRST = 64 /* buckets, a power of two */, INDEX_SPARE = 4 };

struct index_slot {
    uint32_t tag;
    uint32_t item; /* 0: free */
};

struct index {
    struct index_slot *slots;
    uint32_t mask; /* buckets - 1, a power of two */
    uint32_t mask_max;
    uint32_t used; /* slots */
};

/* Will grow to room for INDEX_SPARE times `items`; false when memory is short. Freed by index_free. */
static inline bool index_init(struct index *x, uint32_t items)
{
    uint32_t buckets = 2;
    while (buckets < UINT32_C(1) << 24 && (uint64_t)buckets * INDEX_WAYS < (uint64_t)items * INDEX_SPARE)
        buckets *= 2;
    x->mask_max = buckets - 1;
    x->mask = x->mask_max < INDEX_FIRST - 1 ? x->mask_max : INDEX_FIRST - 1;
    x->used = 0;
    x->slots = calloc(((size_t)x->mask + 1) * INDEX_WAYS, sizeof *x->slots);
    return x->slots != NULL;
}

static inline void index_free(struct index *x)
{
    free(x->slots);
    x->slots = NULL;
}

/* The first slot of a hash's bucket. Flipping the bits of a probe, 0 .. INDEX_PROBES - 1, into its number gives the others:
 * the second bucket is the first one's neighbour. */
static inline size_t index_home(const struct index *x, uint64_t hash)
{
    return (size_t)((uint32_t)hash & x->mask) * INDEX_WAYS;
}

static inline uint32_t index_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The next item with this hash's tag from *probe on, 0 when there is none; the caller compares the full key. */
static inline uint32_t index_next(const struct index *x, uint64_t hash, unsigned *probe)
{
    size_t home = index_home(x, hash);
    uint32_t tag = index_tag(hash);
    while (*probe < INDEX_PROBES) {
        const struct index_slot *s = &x->slots[home ^ (*probe)++];
        if (s->tag == tag && s->item != 0)
            return s->item;
    }
    return 0;
}

/* Puts an item (not 0) in. Returns 0 when done; else one item that has to be removed to make room, nothing was put. */
static inline uint32_t index_put(struct index *x, uint64_t hash, uint32_t item)
{
    size_t home = index_home(x, hash);
    for (size_t i = 0; i < INDEX_PROBES; i++) {
        struct index_slot *s = &x->slots[home ^ i];
        if (s->item == 0) {
            *s = (struct index_slot){index_tag(hash), item};
            x->used++;
            return 0;
        }
    }
    return x->slots[home ^ ((hash >> 29) % INDEX_PROBES)].item;
}

static inline void index_remove(struct index *x, uint64_t hash, uint32_t item)
{
    size_t home = index_home(x, hash);
    for (size_t i = 0; i < INDEX_PROBES; i++) {
        struct index_slot *s = &x->slots[home ^ i];
        if (s->item == item) {
            s->item = 0;
            x->used--;
            return;
        }
    }
}

/* The whole hash of an item that is in the index. */
typedef uint64_t index_hash_fn(const void *owner, uint32_t item);

/*
 * Before a put: doubles an index that is full enough. When memory is short it stays as it is for good, and puts go on to
 * ask for room. No bucket of the doubled one can overflow: each old pair is dealt out to two.
 */
static inline void index_make_room(struct index *x, index_hash_fn *hash_of, const void *owner)
{
    size_t slots = ((size_t)x->mask + 1) * INDEX_WAYS;
    if (x->used < slots / INDEX_SPARE || x->mask >= x->mask_max)
        return;
    struct index grown = {calloc(slots * 2, sizeof *x->slots), x->mask * 2 + 1, x->mask_max, 0};
    bool kept = grown.slots != NULL;
    for (size_t i = 0; kept && i < slots; i++)
        if (x->slots[i].item != 0)
            kept = index_put(&grown, hash_of(owner, x->slots[i].item), x->slots[i].item) == 0;
    if (!kept) {
        index_free(&grown);
        x->mask_max = x->mask;
        return;
    }
    index_free(x);
    *x = grown;
}

#endif
