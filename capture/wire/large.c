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
