/* Asks for memory that will be needed soon, so that nobody waits for it then. Any address will do. */
#ifndef VS_WIRE_NEAR_H
#define VS_WIRE_NEAR_H

#include <stddef.h>
#include <stdint.h>

enum { NEAR_LINE = 64 };

/* The line that holds it. */
static inline void near_line(const void *at)
{
#if defined(__GNUC__)
    __builtin_prefetch(at, 1);
#else
    (void)at;
#endif
}

/* The same for what is far off and only read: as near as the second-level cache. */
static inline void near_to_read(const void *at)
{
#if defined(__GNUC__)
    __builtin_prefetch(at, 0, 2);
#else
    (void)at;
#endif
}

/* All lines of so many bytes, but perhaps the last one of what is not aligned. */
static inline void near_bytes(const void *at, size_t len)
{
    for (size_t i = 0; i < len; i += NEAR_LINE)
        near_line((const uint8_t *)at + i);
}

#endif
