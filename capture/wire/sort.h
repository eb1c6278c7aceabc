/* Sorting of many items whose order is mostly a number's. */
#ifndef VS_WIRE_SORT_H
#define VS_WIRE_SORT_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t sort_key_fn(const void *item);
typedef int sort_compare_fn(const void *a, const void *b);

/*
 * The same as qsort(items, count, size, compare), without a comparison for most pairs: what has the smaller key comes first,
 * only items with the same key are compared. So where keys differ, compare has to say the same as they. Memory is taken for
 * the keys; when it is short, it is qsort.
 */
void sort_by_key(void *items, size_t count, size_t size, sort_key_fn *key, sort_compare_fn *compare);

#endif
