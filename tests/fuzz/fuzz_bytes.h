/* For the fuzz targets: pieces of the input, and a look at what is lent. */
#ifndef VS_FUZZ_BYTES_H
#define VS_FUZZ_BYTES_H

#include <stdlib.h>

#include "capture/wire/cursor.h"

/* Bytes in a block of exactly their size, so that a one-byte overread is seen by the sanitizer. */
struct piece {
    uint8_t *bytes; /* to be freed */
    size_t len;
};

static inline struct piece piece_of(struct span s)
{
    struct piece p = {malloc(s.len > 0 ? s.len : 1), s.len};
    if (p.bytes == NULL)
        abort();
    if (s.len > 0)
        memcpy(p.bytes, s.data, s.len);
    return p;
}

/* The next bytes of the input; fewer where it ends. */
static inline struct piece take_piece(struct cursor *c, size_t len)
{
    struct span s;
    if (!take_span(c, len < c->len ? len : c->len, &s))
        abort();
    return piece_of(s);
}

/* Everything lent must be readable. */
static inline void touch(struct span s)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum ^= s.data[i];
    volatile uint8_t kept = sum;
    (void)kept;
}

static inline void touch_all(const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        touch(spans[i]);
}

#endif
