#include "analyze/monitor/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/escape.h"

enum { ROOM_AT_FIRST = 16384, NUMBER_TEXT = 32 };

void exposition_begin(struct exposition *e)
{
    e->len = 0;
    e->failed = false;
    e->family = NULL;
}

void exposition_free(struct exposition *e)
{
    free(e->text);
    *e = (struct exposition){0};
}

static bool make_room(struct exposition *e, size_t more)
{
    size_t room = e->room > 0 ? e->room : ROOM_AT_FIRST;
    if (e->failed || more > EXPOSITION_MAX - e->len) {
        e->failed = true;
        return false;
    }
    while (room < e->len + more)
        room *= 2;
    if (room == e->room)
        return true;
    char *text = realloc(e->text, room);
    e->failed = text == NULL;
    if (e->failed)
        return false;
    e->text = text;
    e->room = room;
    return true;
}

static void put(struct exposition *e, const char *text, size_t len)
{
    if (!make_room(e, len))
        return;
    memcpy(e->text + e->len, text, len);
    e->len += len;
}

static void put_text(struct exposition *e, const char *text)
{
    put(e, text, strlen(text));
}

/* Of a safe text: the characters that mean something to the format. */
static void put_safe(struct exposition *e, const char *text, bool quotes)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\')
            put_text(e, "\\\\");
        else if (*c == '"' && quotes)
            put_text(e, "\\\"");
        else
            put(e, c, 1);
    }
}

void exposition_label_value(struct exposition *e, struct span value)
{
    char safe[EXPOSITION_VALUE_MAX * ESCAPE_GROWTH + 1];
    struct span rest = span_of(value.data, value.len < EXPOSITION_VALUE_MAX ? value.len : EXPOSITION_VALUE_MAX);
    for (;;) {
        const uint8_t *feed = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;
        size_t len = feed != NULL ? (size_t)(feed - rest.data) : rest.len;
        escape_text(safe, sizeof safe, span_of(rest.data, len));
        put_safe(e, safe, true);
        if (feed == NULL)
            return;
        put_text(e, "\\n");
        rest = span_of(rest.data + len + 1, rest.len - len - 1);
    }
}

void exposition_family(struct exposition *e, const char *name, enum exposition_type type, const char *help)
{
    e->family = name;
    put_text(e, "# HELP ");
    put_text(e, name);
    put_text(e, " ");
    put_safe(e, help, false);
    put_text(e, "\n# TYPE ");
    put_text(e, name);
    put_text(e, type == EXPOSITION_COUNTER ? " counter\n" : " gauge\n");
}

static void sample(struct exposition *e, const struct exposition_label *labels, size_t count, const char *value)
{
    put_text(e, e->family);
    for (size_t i = 0; i < count; i++) {
        const char *text = labels[i].value != NULL ? labels[i].value : "";
        put_text(e, i == 0 ? "{" : ",");
        put_text(e, labels[i].name);
        put_text(e, "=\"");
        exposition_label_value(e, span_of(text, strlen(text)));
        put_text(e, "\"");
    }
    put_text(e, count > 0 ? "} " : " ");
    put_text(e, value);
    put_text(e, "\n");
}

void exposition_count(struct exposition *e, const struct exposition_label *labels, size_t count, uint64_t value)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    sample(e, labels, count, text);
}

void exposition_real(struct exposition *e, const struct exposition_label *labels, size_t count, double value)
{
    char text[NUMBER_TEXT];
    if (isnan(value))
        snprintf(text, sizeof text, "NaN");
    else if (isinf(value))
        snprintf(text, sizeof text, value > 0 ? "+Inf" : "-Inf");
    else
        snprintf(text, sizeof text, "%.17g", value);
    sample(e, labels, count, text);
}

void exposition_append(struct exposition *e, const struct exposition *other)
{
    if (other->len > 0)
        put(e, other->text, other->len);
    e->failed = e->failed || other->failed;
}
