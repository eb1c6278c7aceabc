/* For the fuzz targets: a conversation is opened once, told about only between, and closed once. */
#ifndef VS_FUZZ_CONVERSATIONS_H
#define VS_FUZZ_CONVERSATIONS_H

#include <stdlib.h>

#include "dissect/event.h"

struct conversations {
    uint32_t opened, closed;
};

/* Aborts when the event contradicts that. */
static inline void conversations_check(struct conversations *t, const struct event *e)
{
    if (e->kind == EVENT_OPENED) {
        if (e->conv->user != NULL)
            abort();
        e->conv->user = t;
        t->opened++;
    } else if (e->conv != NULL && e->conv->user != t) {
        abort();
    }
    if (e->kind == EVENT_CLOSED) {
        e->conv->user = NULL;
        t->closed++;
    }
}

#endif
