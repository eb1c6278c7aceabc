#include "analyze/report/status_line.h"

#include <stdio.h>

#include "analyze/report/escape.h"

enum { ITEM_MAX = 200, MORE_MAX = 32 };

/* ": vpn1 7" or ", vpn2 5" */
static size_t item_of(char item[static ITEM_MAX], const struct window_backend *b, bool first)
{
    char address[ADDRESS_TEXT], name[ITEM_MAX / 2];
    const char *text = b->name != NULL ? b->name : address_text(address, &b->address);
    escape_text(name, sizeof name, span_of(text, strlen(text)));
    int n = snprintf(item, ITEM_MAX, "%s%s %llu", first ? ": " : ", ", name, (unsigned long long)b->established_ever);
    return n > 0 ? (size_t)n : 0;
}

static size_t more_of(char more[static MORE_MAX], size_t count, bool first)
{
    more[0] = '\0';
    int n = count == 0 ? 0
            : first    ? snprintf(more, MORE_MAX, " at %zu server%s", count, count == 1 ? "" : "s")
                       : snprintf(more, MORE_MAX, ", +%zu more", count);
    return n > 0 ? (size_t)n : 0;
}

const char *status_line(char out[static STATUS_LINE_MAX], const struct events_status *s, unsigned columns)
{
    char item[ITEM_MAX], more[MORE_MAX];
    size_t room = columns > 1 ? columns - 1 : 0;
    room = room < STATUS_LINE_MAX / 4 ? room : STATUS_LINE_MAX / 4;
    int n = snprintf(out, STATUS_LINE_MAX, "%llu packets, %llu lost; %llu sessions open; %llu failed, %llu established",
                     (unsigned long long)s->packets, (unsigned long long)s->lost, (unsigned long long)s->open,
                     (unsigned long long)s->failed, (unsigned long long)s->established);
    size_t used = n > 0 ? (size_t)n : 0, len = used;
    if (used > room) {
        out[room] = '\0';
        return out;
    }
    for (size_t i = 0; i < s->backend_count; i++) {
        size_t bytes = item_of(item, &s->backends[i], i == 0), left = s->backend_count - i;
        size_t rest = more_of(more, left - 1, false);
        bool fits = used + escape_columns(item) + rest <= room && len + bytes + MORE_MAX < STATUS_LINE_MAX;
        if (!fits) {
            if (used + more_of(more, left, i == 0) <= room)
                memcpy(out + len, more, strlen(more) + 1);
            return out;
        }
        memcpy(out + len, item, bytes + 1);
        used += escape_columns(item);
        len += bytes;
    }
    return out;
}
