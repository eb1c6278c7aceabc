/* Which parts a tunnel's exchange is packed in. Internal to pack.c. */
#ifndef VS_ANALYZE_PACK_OWN_H
#define VS_ANALYZE_PACK_OWN_H

#include "analyze/session/exchange.h"

enum section_kind {
    SECTION_ALWAYS, /* is written as it is */
    SECTION_SOME,   /* ... when it is not all zero */
    SECTION_LIST    /* ... as far as its count says; what is behind is zero */
};

/* In bytes of struct exchange. A list's count is one byte at count_at or two; it stands in a part before. */
struct section {
    uint8_t kind;             /* enum section_kind */
    uint8_t count_size;       /* 1 or 2 */
    uint16_t at, len;         /* of a list: of one of it */
    uint16_t count_at, count_max;
};

struct sections {
    const struct section *list;
    size_t count;
};

enum { SECTIONS_MAX = 32, SECTION_SOME_MAX = 12 };

/* Together these hold all of an exchange with facts of its own carrier (exchange_has_own) but radius, ladder, text and inner. */
struct sections sections_of(const struct exchange *x);

/* How many a list has. */
static inline size_t section_count(const struct section *s, const struct exchange *x)
{
    const uint8_t *at = (const uint8_t *)x + s->count_at;
    uint16_t n = *at;
    if (s->count_size > 1)
        memcpy(&n, at, sizeof n);
    return n < s->count_max ? n : s->count_max;
}

#endif
