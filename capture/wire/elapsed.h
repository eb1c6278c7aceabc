/* Spans of time between stamps that strangers wrote. */
#ifndef VS_WIRE_ELAPSED_H
#define VS_WIRE_ELAPSED_H

#include <stdint.h>

/* now - then without overflow. */
static inline int64_t elapsed_ns(int64_t now, int64_t then)
{
    if (now >= then)
        return (uint64_t)now - (uint64_t)then > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)((uint64_t)now - (uint64_t)then);
    return (uint64_t)then - (uint64_t)now > (uint64_t)INT64_MAX ? INT64_MIN + 1 : -(int64_t)((uint64_t)then - (uint64_t)now);
}

#endif
