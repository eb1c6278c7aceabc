/* Zeroed memory for tables that are looked up all over. */
#ifndef VS_WIRE_LARGE_H
#define VS_WIRE_LARGE_H

#include <stddef.h>

enum { LARGE_PAGE = 1 << 21, FILLING_SMALL = 1 << 18 };

/*
 * Begins on a cache line. From LARGE_PAGE bytes on it lies on huge pages where the system has them: then it comes, zeroed, in
 * steps of LARGE_PAGE bytes as it is touched. NULL when memory is short. Freed by free(*memory).
 */
void *large_new(size_t size, void **memory);

/* The same without huge pages. */
void *zeroed_new(size_t size, void **memory);

/* The same for what fills from its beginning, and mostly only a little: the first FILLING_SMALL bytes are on small pages. */
void *filling_new(size_t size, void **memory);

#endif
