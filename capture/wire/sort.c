#include "capture/wire/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 64, DIGIT_BITS = 11, DIGITS = 3, BUCKETS = 1 << DIGIT_BITS };

/* part: the 32 highest of the bits in which keys differ. Whom it does not tell apart compare does. */
struct keyed {
    uint32_t part, item;
};

static size_t digit_of(uint32_t part, unsigned digit)
{
    return part >> digit * DIGIT_BITS & (BUCKETS - 1);
}

/* How many parts have which digit. */
struct counts {
    uint32_t of[DIGITS][BUCKETS];
};

/* How far keys are to be shifted for their parts. */
static unsigned shift_of(const uint8_t *items, size_t count, size_t size, sort_key_fn *key)
{
    uint64_t first = key(items), differ = 0;
    unsigned shift = 0;
    for (size_t i = 1; i < count; i++)
        differ |= key(items + i * size) ^ first;
    while (differ >> shift > UINT32_MAX)
        shift++;
    return shift;
}

/* From counts to where each digit's items begin. False: all have the same one, nothing is to be moved. */
static bool make_places(uint32_t *counts, size_t count)
{
    uint32_t at = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        uint32_t n = counts[i];
        if (n == count)
            return false;
        counts[i] = at;
        at += n;
    }
    return true;
}

/* Digit by digit from the lowest on, each time leaving equals in their order. Returns which of the two has the result. */
static struct keyed *order(struct keyed *from, struct keyed *to, size_t count, struct counts *counts)
{
    memset(counts, 0, sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (unsigned d = 0; d < DIGITS; d++)
            counts->of[d][digit_of(from[i].part, d)]++;
    for (unsigned d = 0; d < DIGITS; d++) {
        if (!make_places(counts->of[d], count))
            continue;
        for (size_t i = 0; i < count; i++)
            to[counts->of[d][digit_of(from[i].part, d)]++] = from[i];
        struct keyed *swapped = from;
        from = to;
        to = swapped;
    }
    return from;
}

static bool is_sorted(const uint8_t *items, size_t count, size_t size, sort_compare_fn *compare)
{
    for (size_t i = 1; i < count; i++)
        if (compare(items + (i - 1) * size, items + i * size) > 0)
            return false;
    return true;
}

/* Puts each item where it belongs, along the rings of items that take each other's places; `spare` is for one of them. sorted
 * then says of each place that its own item is there. */
static void move(uint8_t *items, struct keyed *sorted, size_t count, size_t size, uint8_t *spare)
{
    for (size_t i = 0; i < count; i++) {
        size_t to = i, from = sorted[i].item;
        if (from == i)
            continue;
        memcpy(spare, items + i * size, size);
        for (; from != i; to = from, from = sorted[to].item) {
            memcpy(items + to * size, items + from * size, size);
            sorted[to].item = (uint32_t)to;
        }
        memcpy(items + to * size, spare, size);
        sorted[to].item = (uint32_t)to;
    }
}

static void sort_ties(uint8_t *items, const struct keyed *sorted, size_t count, size_t size, sort_compare_fn *compare)
{
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && sorted[end].part == sorted[begin].part;)
            end++;
        if (end - begin > 1 && !is_sorted(items + begin * size, end - begin, size, compare))
            qsort(items + begin * size, end - begin, size, compare);
    }
}

void sort_by_key(void *items, size_t count, size_t size, sort_key_fn *key, sort_compare_fn *compare)
{
    uint8_t *bytes = items;
    if (count < 2 || is_sorted(bytes, count, size, compare))
        return;
    bool many = count >= FEW && count <= UINT32_MAX && count <= SIZE_MAX / 2 / sizeof(struct keyed);
    struct keyed *keyed = many ? malloc(2 * count * sizeof *keyed) : NULL;
    struct counts *counts = many ? malloc(sizeof *counts) : NULL;
    uint8_t *spare = many ? malloc(size) : NULL;
    if (keyed != NULL && counts != NULL && spare != NULL) {
        unsigned shift = shift_of(bytes, count, size, key);
        for (size_t i = 0; i < count; i++)
            keyed[i] = (struct keyed){(uint32_t)(key(bytes + i * size) >> shift), (uint32_t)i};
        struct keyed *sorted = order(keyed, keyed + count, count, counts);
        move(bytes, sorted, count, size, spare);
        sort_ties(bytes, sorted, count, size, compare);
    } else {
        qsort(bytes, count, size, compare);
    }
    free(spare);
    free(counts);
    free(keyed);
}
