#include "analyze/report/escape.h"

#include <stdio.h>
#include <stdlib.h>

enum { ESCAPED_MAX = 16 };

struct range {
    uint32_t from, to;
};

/* Characters that are never shown as they are, besides C0 and DEL. Ascending. */
static const struct range hidden[] = {
    {0x80, 0x9f},       /* C1 controls */
    {0xad, 0xad},       /* soft hyphen */
    {0x34f, 0x34f},     /* combining grapheme joiner */
    {0x61c, 0x61c},     /* Arabic letter mark */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* invisible Khmer vowels */
    {0x180b, 0x180f},   /* Mongolian selectors and vowel separator */
    {0x200b, 0x200f},   /* zero width, direction marks */
    {0x2028, 0x202e},   /* separators, bidirectional embedding and override */
    {0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xffa0, 0xffa0},   /* half-width Hangul filler */
    {0xfff0, 0xfffb},   /* unassigned, interlinear annotation */
    {0xfffe, 0xffff},   /* not characters */
    {0xe0000, 0xe0fff}, /* tags, variation selectors */
};

static const struct range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static const struct range combining[] = {
    {0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f}};

static bool in_ranges(uint32_t c, const struct range *rows, size_t count)
{
    for (size_t i = 0; i < count && c >= rows[i].from; i++)
        if (c <= rows[i].to)
            return true;
    return false;
}

#define IN(c, rows) in_ranges((c), (rows), sizeof(rows) / sizeof(rows)[0])

/* Decodes the character at p (RFC 3629: shortest form, no surrogates); returns its bytes, 0 when it is none. */
static size_t decode(const uint8_t *p, size_t len, uint32_t *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (size == 0 || size > len)
        return 0;
    *c = size == 1 ? p[0] : p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (p[i] & 0x3fu);
    }
    return *c < least[size] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : size;
}

size_t escape_text(char *out, size_t room, struct span text)
{
    size_t used = 0;
    for (size_t i = 0; i < text.len;) {
        char shown[ESCAPED_MAX];
        uint32_t c = 0;
        size_t size = decode(text.data + i, text.len - i, &c), len = size;
        if (size == 0 || c < 0x20 || c == 0x7f) {
            len = (size_t)snprintf(shown, sizeof shown, "\\x%02x", (unsigned)text.data[i]);
            size = 1;
        } else if (IN(c, hidden)) {
            len = (size_t)snprintf(shown, sizeof shown, "\\u{%x}", (unsigned)c);
        } else {
            memcpy(shown, text.data + i, size);
        }
        if (len >= room - used)
            break;
        memcpy(out + used, shown, len);
        used += len;
        i += size;
    }
    out[used] = '\0';
    return used;
}

char *escape_new(struct span text)
{
    if (text.len > (SIZE_MAX - 1) / ESCAPE_GROWTH)
        return NULL;
    size_t room = text.len * ESCAPE_GROWTH + 1;
    char *out = malloc(room);
    if (out != NULL)
        escape_text(out, room, text);
    return out;
}

/* Columns of the character at p and its bytes; a byte that is no UTF-8 counts as one column. */
static size_t columns_of(const char *p, size_t len, size_t *size)
{
    uint32_t c = 0;
    uint8_t bytes[4];
    size_t have = len < sizeof bytes ? len : sizeof bytes;
    memcpy(bytes, p, have);
    *size = decode(bytes, have, &c);
    if (*size == 0) {
        *size = 1;
        return 1;
    }
    return IN(c, combining) ? 0 : IN(c, wide) ? 2 : 1;
}

size_t escape_prefix(const char *text, size_t columns)
{
    size_t at = 0, len = strlen(text);
    while (at < len) {
        size_t size, need = columns_of(text + at, len - at, &size);
        if (need > columns)
            break;
        columns -= need;
        at += size;
    }
    return at;
}

size_t escape_columns(const char *text)
{
    size_t columns = 0, len = strlen(text);
    for (size_t at = 0, size; at < len; at += size)
        columns += columns_of(text + at, len - at, &size);
    return columns;
}
