#include "capture/wire/large.h"

#include <stdint.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { CACHE_LINE = 64 };

void *large_new(size_t size, void **memory)
{
    size_t align = size >= LARGE_PAGE ? LARGE_PAGE : CACHE_LINE;
    uint8_t *bytes = size <= SIZE_MAX - align ? calloc(1, size + align) : NULL;
    *memory = bytes;
    if (bytes == NULL)
        return NULL;
    bytes += align - (uintptr_t)bytes % align;
    if (align == LARGE_PAGE)
        platform_advise_huge(bytes, size);
    return bytes;
}
