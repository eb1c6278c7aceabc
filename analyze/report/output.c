#include "analyze/report/output.h"

#include <stdarg.h>
#include <stdlib.h>

#include "analyze/report/escape.h"

void output_begin(struct output *o, FILE *file)
{
    o->file = file;
    o->failed = false;
    o->used = 0;
}

static void flush(struct output *o)
{
    if (!o->failed && o->used > 0 && fwrite(o->buffer, 1, o->used, o->file) != o->used)
        o->failed = true;
    o->used = 0;
}

void output_bytes(struct output *o, const void *bytes, size_t len)
{
    const char *from = bytes;
    if (len < sizeof o->buffer - o->used && !o->failed) { /* nearly always */
        memcpy(o->buffer + o->used, from, len);
        o->used += len;
        return;
    }
    while (len > 0 && !o->failed) {
        size_t part = sizeof o->buffer - o->used;
        if (part > len)
            part = len;
        memcpy(o->buffer + o->used, from, part);
        o->used += part;
        from += part;
        len -= part;
        if (o->used == sizeof o->buffer)
            flush(o);
    }
}

void output_string(struct output *o, const char *text)
{
    output_bytes(o, text, strlen(text));
}

void output_spaces(struct output *o, size_t count)
{
    while (count-- > 0)
        output_bytes(o, " ", 1);
}

void output_format(struct output *o, const char *format, ...)
{
    char text[OUTPUT_FORMAT_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        output_bytes(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void output_escaped(struct output *o, struct span text)
{
    char *safe = escape_new(text);
    if (safe == NULL) {
        o->failed = true; /* memory is short: say so at the end rather than leave the text out */
        return;
    }
    output_string(o, safe);
    free(safe);
}

bool output_end(struct output *o)
{
    flush(o);
    if (fflush(o->file) != 0)
        o->failed = true;
    return !o->failed;
}
