/*
 * A set-associative index of (hash, item) pairs: every key has two buckets of twelve slots, one cache line each, neighbours.
 * Twenty-four slots are the most that a look-up ever reads, whatever a stranger puts in; removal leaves no tombstones. It
 * begins small and doubles with its use: a few logins at a time should not be strewn over memory that the cache does not
 * hold. A third of it is used at most, since a pair of buckets that is full loses a key: with eight keys to a pair on
 * average that is chance once in millions, with twelve once in thousands.
 *
 * Of a hash a slot holds one byte, a tag; those of a bucket lie in two words and are compared all at once: where in its
 * bucket a key stands cannot be foreseen, and each branch about it would be taken wrongly half of the time.
 */
#ifndef VS_WIRE_INDEX_H
#define VS_WIRE_INDEX_H

#include <stdlib.h>

#include "capture/wire/large.h"
#include "capture/wire/near.h"
#include "capture/wire/span.h"

enum { INDEX_WAYS = 12, INDEX_PROBES = 2 * 64 /* places in the tags of a pair */, INDEX_FIRST = 64 /* buckets, a power of two */,
       INDEX_SPARE = 3, INDEX_ITEM_BYTES = 32 /* of memory for each item, at most */ };

struct index_bucket {
    uint64_t tags[2]; /* slot i in byte i; 0: free. Of the second word the lower half is used */
    uint32_t items[INDEX_WAYS];
};

struct index {
    struct index_bucket *buckets;
    void *memory;  /* where they lie */
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
    x->buckets = zeroed_new(((size_t)x->mask + 1) * sizeof *x->buckets, &x->memory);
    return x->buckets != NULL;
}

static inline void index_free(struct index *x)
{
    free(x->memory);
    x->buckets = NULL;
    x->memory = NULL;
}

/* A hash's first bucket; the second is its neighbour. */
static inline size_t index_home(const struct index *x, uint64_t hash)
{
    return (uint32_t)hash & x->mask;
}

/* Its first bucket (0), and the second (1): for who looks at all items of both without index_next. */
static inline const struct index_bucket *index_bucket_of(const struct index *x, uint64_t hash, unsigned which)
{
    return &x->buckets[index_home(x, hash) ^ which];
}

/* Asks for the memory that a look-up of this hash will read. */
static inline void index_near(const struct index *x, uint64_t hash)
{
    near_line(&x->buckets[index_home(x, hash)]);
}

static inline uint64_t index_tag(uint64_t hash)
{
    uint64_t tag = hash >> 56;
    return tag + (tag == 0);
}

/* The highest bit of each byte that is zero. */
static inline uint64_t index_zeros(uint64_t bytes)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
    return ~(((bytes & low) + low) | bytes | low);
}

/* Where the tag stands: bit 8 * i for slot i, and 8 * i + 1 for slot i + 8. */
static inline uint64_t index_places(const struct index_bucket *b, uint64_t tag)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), lower_half = UINT32_MAX;
    return index_zeros(b->tags[0] ^ tag * ones) >> 7 | (index_zeros(b->tags[1] ^ tag * ones) & lower_half) >> 6;
}

/* The lowest bit that is set, of one of them at least. */
static inline unsigned index_lowest(uint64_t bits)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(bits);
#else
    unsigned lowest = 0;
    while ((bits >> lowest & 1) == 0)
        lowest++;
    return lowest;
#endif
}

static inline unsigned index_slot(unsigned place)
{
    return place / 8 + place % 8 * 8;
}

/* Whether there is any item with this hash's tag: mostly not, where the key is not there. */
static inline bool index_may_have(const struct index *x, uint64_t hash)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7, sought = index_tag(hash) * ones;
    const struct index_bucket *first = &x->buckets[index_home(x, hash)], *second = &x->buckets[index_home(x, hash) ^ 1];
    uint64_t a = first->tags[0] ^ sought, b = first->tags[1] ^ sought, c = second->tags[0] ^ sought, d = second->tags[1] ^ sought;
    return ((((a - ones) & ~a) | ((b - ones) & ~b) | ((c - ones) & ~c) | ((d - ones) & ~d)) & highs) != 0; /* a byte of 0 */
}

/* The next item with this hash's tag from *probe (0 at first) on, 0 when there is none; the caller compares the full key. */
static inline uint32_t index_next(const struct index *x, uint64_t hash, unsigned *probe)
{
    size_t home = index_home(x, hash);
    while (*probe < INDEX_PROBES) {
        const struct index_bucket *b = &x->buckets[home ^ *probe / 64];
        uint64_t places = index_places(b, index_tag(hash)) >> *probe % 64 << *probe % 64;
        if (places != 0) {
            unsigned place = index_lowest(places);
            *probe = *probe / 64 * 64 + place + 1;
            return b->items[index_slot(place)];
        }
        *probe = (*probe / 64 + 1) * 64;
    }
    return 0;
}

static inline void index_set_tag(struct index_bucket *b, unsigned slot, uint64_t tag)
{
    unsigned shift = slot % 8 * 8;
    b->tags[slot / 8] = (b->tags[slot / 8] & ~(UINT64_C(0xff) << shift)) | tag << shift;
}

/* Puts an item (not 0) in. Returns 0 when done; else one item that has to be removed to make room, nothing was put. */
static inline uint32_t index_put(struct index *x, uint64_t hash, uint32_t item)
{
    size_t home = index_home(x, hash);
    for (size_t i = 0; i < 2; i++) {
        struct index_bucket *b = &x->buckets[home ^ i];
        uint64_t free_places = index_places(b, 0);
        if (free_places != 0) {
            unsigned slot = index_slot(index_lowest(free_places));
            index_set_tag(b, slot, index_tag(hash));
            b->items[slot] = item;
            x->used++;
            return 0;
        }
    }
    return x->buckets[home ^ (hash >> 40 & 1)].items[(hash >> 29) % INDEX_WAYS];
}

static inline void index_remove(struct index *x, uint64_t hash, uint32_t item)
{
    size_t home = index_home(x, hash);
    for (size_t i = 0; i < 2; i++) {
        struct index_bucket *b = &x->buckets[home ^ i];
        for (uint64_t places = index_places(b, index_tag(hash)); places != 0; places &= places - 1) {
            unsigned slot = index_slot(index_lowest(places));
            if (b->items[slot] == item) {
                index_set_tag(b, slot, 0);
                x->used--;
                return;
            }
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
    size_t buckets = (size_t)x->mask + 1;
    if (x->used < buckets * INDEX_WAYS / INDEX_SPARE || x->mask >= x->mask_max)
        return;
    struct index grown = {NULL, NULL, x->mask * 2 + 1, x->mask_max, 0};
    grown.buckets = zeroed_new(buckets * 2 * sizeof *grown.buckets, &grown.memory);
    bool kept = grown.buckets != NULL;
    for (size_t i = 0; kept && i < buckets * INDEX_WAYS; i++) {
        const struct index_bucket *b = &x->buckets[i / INDEX_WAYS];
        unsigned slot = (unsigned)(i % INDEX_WAYS);
        if ((b->tags[slot / 8] >> slot % 8 * 8 & 0xff) != 0)
            kept = index_put(&grown, hash_of(owner, b->items[slot]), b->items[slot]) == 0;
    }
    if (!kept) {
        index_free(&grown);
        x->mask_max = x->mask;
        return;
    }
    index_free(x);
    *x = grown;
}

#endif
