/*
 * The only way to read wire bytes: a bounded, non-owning reader. Every getter stands on one bounds check (take_span);
 * a getter that fails changes nothing and returns false. Copying a cursor is a bookmark. Network byte order unless
 * the name says le.
 */
#ifndef VS_WIRE_CURSOR_H
#define VS_WIRE_CURSOR_H

#include "capture/wire/span.h"

#if defined(__GNUC__)
#define MUST_CHECK __attribute__((warn_unused_result))
#else
#define MUST_CHECK
#endif

struct cursor {
    const uint8_t *data; /* next unread byte */
    size_t len;          /* bytes left */
    size_t offset;       /* of data[0] in the message that the first cursor was made for */
};

static inline struct cursor cursor_of(struct span s)
{
    return (struct cursor){s.data, s.len, 0};
}

/* The unread rest, without consuming it. */
static inline struct span cursor_rest(const struct cursor *c)
{
    return (struct span){c->data, c->len};
}

/* Takes n bytes as a borrowed span. */
MUST_CHECK static inline bool take_span(struct cursor *c, size_t n, struct span *out)
{
    if (n > c->len)
        return false;
    *out = (struct span){c->data, n};
    if (n > 0)
        c->data += n;
    c->len -= n;
    c->offset += n;
    return true;
}

/* Steps over n bytes. */
MUST_CHECK static inline bool take_skip(struct cursor *c, size_t n)
{
    struct span ignored;
    return take_span(c, n, &ignored);
}

/* Copies n bytes to out, which must have room for them. */
MUST_CHECK static inline bool take_bytes(struct cursor *c, size_t n, void *out)
{
    struct span s;
    if (!take_span(c, n, &s))
        return false;
    if (n > 0)
        memcpy(out, s.data, n);
    return true;
}

MUST_CHECK static inline bool take_u8(struct cursor *c, uint8_t *out)
{
    struct span s;
    if (!take_span(c, 1, &s))
        return false;
    *out = s.data[0];
    return true;
}

MUST_CHECK static inline bool take_be16(struct cursor *c, uint16_t *out)
{
    struct span s;
    if (!take_span(c, 2, &s))
        return false;
    *out = (uint16_t)((unsigned)s.data[0] << 8 | s.data[1]);
    return true;
}

MUST_CHECK static inline bool take_be24(struct cursor *c, uint32_t *out)
{
    struct span s;
    if (!take_span(c, 3, &s))
        return false;
    *out = (uint32_t)s.data[0] << 16 | (uint32_t)s.data[1] << 8 | s.data[2];
    return true;
}

MUST_CHECK static inline bool take_be32(struct cursor *c, uint32_t *out)
{
    struct span s;
    if (!take_span(c, 4, &s))
        return false;
    *out = (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 | (uint32_t)s.data[2] << 8 | s.data[3];
    return true;
}

MUST_CHECK static inline bool take_be64(struct cursor *c, uint64_t *out)
{
    struct cursor at = *c;
    uint32_t high, low;
    if (!take_be32(&at, &high) || !take_be32(&at, &low))
        return false;
    *c = at;
    *out = (uint64_t)high << 32 | low;
    return true;
}

MUST_CHECK static inline bool take_le16(struct cursor *c, uint16_t *out)
{
    struct span s;
    if (!take_span(c, 2, &s))
        return false;
    *out = (uint16_t)((unsigned)s.data[1] << 8 | s.data[0]);
    return true;
}

MUST_CHECK static inline bool take_le32(struct cursor *c, uint32_t *out)
{
    struct span s;
    if (!take_span(c, 4, &s))
        return false;
    *out = (uint32_t)s.data[3] << 24 | (uint32_t)s.data[2] << 16 | (uint32_t)s.data[1] << 8 | s.data[0];
    return true;
}

/* Takes n bytes as a child cursor that cannot read past them; offsets go on counting in the same message. */
MUST_CHECK static inline bool take_sub(struct cursor *c, size_t n, struct cursor *out)
{
    size_t offset = c->offset;
    struct span s;
    if (!take_span(c, n, &s))
        return false;
    *out = (struct cursor){s.data, s.len, offset};
    return true;
}

/* A child prefixed by its length in one, two or three bytes. */
MUST_CHECK static inline bool take_sub_u8(struct cursor *c, struct cursor *out)
{
    struct cursor at = *c;
    uint8_t n;
    if (!take_u8(&at, &n) || !take_sub(&at, n, out))
        return false;
    *c = at;
    return true;
}

MUST_CHECK static inline bool take_sub_be16(struct cursor *c, struct cursor *out)
{
    struct cursor at = *c;
    uint16_t n;
    if (!take_be16(&at, &n) || !take_sub(&at, n, out))
        return false;
    *c = at;
    return true;
}

MUST_CHECK static inline bool take_sub_be24(struct cursor *c, struct cursor *out)
{
    struct cursor at = *c;
    uint32_t n;
    if (!take_be24(&at, &n) || !take_sub(&at, n, out))
        return false;
    *c = at;
    return true;
}

#endif
