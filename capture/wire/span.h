/* Borrowed bytes. A span owns nothing; how long its bytes live is said by whoever hands it out. */
#ifndef VS_WIRE_SPAN_H
#define VS_WIRE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data; /* may be NULL when len is 0 */
    size_t len;
};

/* The span of a whole byte array or string literal's bytes (without the NUL). */
static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){(const uint8_t *)data, len};
}

/* True when both hold the same bytes. */
static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

#endif
