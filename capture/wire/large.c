#include "capture/wire/large.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { CACHE_LINE = 64 };

static void *aligned_new(size_t size, size_t align, void **memory)
{
    uint8_t *bytes = size <= SIZE_MAX - align ? calloc(1, size + align) : NULL;
    *memory = bytes;
    return bytes != NULL ? bytes + (align - (uintptr_t)bytes % align) : NULL;
}

void *large_new(size_t size, void **memory)
{
    bool large = size >= LARGE_PAGE;
    void *bytes = aligned_new(size, large ? LARGE_PAGE : CACHE_LINE, memory);
    if (bytes != NULL && large)
        platform_advise_huge(bytes, size);
    return bytes;
}

void *zeroed_new(size_t size, void **memory)
{
    return aligned_new(size, CACHE_LINE, memory);
}

void *filling_new(size_t size, void **memory)
{
    if (size <= FILLING_SMALL || size > SIZE_MAX - 2 * LARGE_PAGE)
        return zeroed_new(size, memory);
    size_t behind = (size - FILLING_SMALL + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE; /* on whole pages */
    uint8_t *bytes = aligned_new(LARGE_PAGE + behind, LARGE_PAGE, memory);
    if (bytes == NULL)
        return NULL;
    platform_advise_huge(bytes + LARGE_PAGE, behind);
    return bytes + LARGE_PAGE - FILLING_SMALL;
}
