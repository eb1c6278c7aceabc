#include "analyze/report/json_writer.h"

#include <stdlib.h>

#include "analyze/report/escape.h"

enum { DIGITS_MAX = 20, DECIMALS_MAX = 18 };

void json_begin(struct json_writer *w, struct output *out)
{
    w->out = out;
    w->depth = 0;
    w->open[0] = (struct json_level){JSON_KIND_DOCUMENT, false};
}

bool json_finish(struct json_writer *w)
{
    if (w->depth != 0 || !w->open[0].some)
        w->out->failed = true;
    output_bytes(w->out, "\n", 1);
    return !w->out->failed;
}

/* Members of the document and elements of its arrays stand on lines of their own, all else runs on. */
static bool on_lines(const struct json_writer *w)
{
    return w->depth == 1 || (w->depth == 2 && w->open[2].kind == JSON_KIND_ARRAY);
}

static void line(struct json_writer *w, size_t indent)
{
    output_bytes(w->out, "\n  ", 1 + indent);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Any bytes as a string's inside: what JSON gives a meaning is written as an escape sequence (RFC 8259 section 7). */
static void escaped(struct json_writer *w, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        const char control[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, sign[] = {'\\', (char)c};
        output_bytes(w->out, text + from, i - from);
        output_bytes(w->out, c < 0x20 ? control : sign, c < 0x20 ? sizeof control : sizeof sign);
        from = i + 1;
    }
    output_bytes(w->out, text + from, len - from);
}

static void quoted(struct json_writer *w, struct span text)
{
    size_t plain = 0;
    while (plain < text.len && is_plain(text.data[plain]))
        plain++;
    output_bytes(w->out, "\"", 1);
    if (plain == text.len) {
        output_bytes(w->out, text.data, text.len);
    } else {
        char *safe = escape_new(text);
        if (safe != NULL)
            escaped(w, safe, strlen(safe));
        else
            w->out->failed = true; /* memory is short: never a document that looks whole */
        free(safe);
    }
    output_bytes(w->out, "\"", 1);
}

/* What goes before a value; false when none may stand here. */
static bool before(struct json_writer *w, const char *key)
{
    struct json_level *l = &w->open[w->depth];
    if ((key != NULL) != (l->kind == JSON_KIND_OBJECT) || (l->kind == JSON_KIND_DOCUMENT && l->some))
        w->out->failed = true;
    if (w->out->failed)
        return false;
    if (l->some)
        output_bytes(w->out, ",", 1);
    l->some = true;
    if (on_lines(w))
        line(w, w->depth);
    if (key != NULL) {
        quoted(w, span_of(key, strlen(key)));
        output_bytes(w->out, ": ", w->depth == 1 ? 2 : 1);
    }
    return true;
}

static void put(struct json_writer *w, const char *key, const char *literal, size_t len)
{
    if (before(w, key))
        output_bytes(w->out, literal, len);
}

static void push(struct json_writer *w, const char *key, enum json_kind kind)
{
    if (w->depth == JSON_DEPTH_MAX)
        w->out->failed = true;
    if (!before(w, key))
        return;
    output_bytes(w->out, kind == JSON_KIND_OBJECT ? "{" : "[", 1);
    w->open[++w->depth] = (struct json_level){kind, false};
}

static void pop(struct json_writer *w, enum json_kind kind)
{
    if (w->depth == 0 || w->open[w->depth].kind != kind)
        w->out->failed = true;
    if (w->out->failed)
        return;
    if (w->open[w->depth].some && on_lines(w))
        line(w, w->depth - 1);
    w->depth--;
    output_bytes(w->out, kind == JSON_KIND_OBJECT ? "}" : "]", 1);
}

void json_put_object(struct json_writer *w, const char *key)
{
    push(w, key, JSON_KIND_OBJECT);
}

void json_end_object(struct json_writer *w)
{
    pop(w, JSON_KIND_OBJECT);
}

void json_put_array(struct json_writer *w, const char *key)
{
    push(w, key, JSON_KIND_ARRAY);
}

void json_end_array(struct json_writer *w)
{
    pop(w, JSON_KIND_ARRAY);
}

void json_put_null(struct json_writer *w, const char *key)
{
    put(w, key, "null", 4);
}

void json_put_flag(struct json_writer *w, const char *key, bool value)
{
    put(w, key, value ? "true" : "false", value ? 4 : 5);
}

/* Writes the digits so that they end before `end`, at least `width` of them; returns the first. */
static char *digits_before(char *end, uint64_t value, unsigned width)
{
    char *p = end;
    for (; value > 0 || width > 0; value /= 10, width -= width > 0)
        *--p = (char)('0' + value % 10);
    return p;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
}

void json_put_integer(struct json_writer *w, const char *key, int64_t value)
{
    char room[1 + DIGITS_MAX], *end = room + sizeof room, *p = digits_before(end, magnitude(value), 1);
    if (value < 0)
        *--p = '-';
    put(w, key, p, (size_t)(end - p));
}

void json_put_count(struct json_writer *w, const char *key, uint64_t value)
{
    json_put_integer(w, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void json_put_decimal(struct json_writer *w, const char *key, int64_t value, unsigned decimals)
{
    char room[1 + DIGITS_MAX + 1 + DECIMALS_MAX], *end = room + sizeof room;
    uint64_t unit = 1, whole = magnitude(value);
    if (decimals > DECIMALS_MAX) {
        w->out->failed = true;
        return;
    }
    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    char *p = digits_before(end, whole % unit, decimals);
    while (end - p > 1 && end[-1] == '0')
        end--; /* one digit stays: the number has decimals, whatever its value */
    if (decimals > 0)
        *--p = '.';
    p = digits_before(p, whole / unit, 1);
    if (value < 0)
        *--p = '-';
    put(w, key, p, (size_t)(end - p));
}

void json_put_text(struct json_writer *w, const char *key, struct span text)
{
    if (before(w, key))
        quoted(w, text);
}

void json_put_string(struct json_writer *w, const char *key, const char *text)
{
    if (text != NULL)
        json_put_text(w, key, span_of(text, strlen(text)));
    else
        json_put_null(w, key);
}

void json_put_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    if (!before(w, key))
        return;
    output_bytes(w->out, "\"", 1);
    for (size_t i = 0; i < len; i++)
        output_bytes(w->out, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
    output_bytes(w->out, "\"", 1);
}
