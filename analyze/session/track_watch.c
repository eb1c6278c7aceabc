#include "analyze/session/track_watch.h"

#include <stdlib.h>

/* A conversation that goes on and on, as a tunnel does, is looked at often in its first seconds and then no more. */
enum { ROOM = 4096, LOOKS_EACH = 60 };

struct track_watch *watch_new(exchange_seen_fn *began, exchange_seen_fn *going, void *ctx)
{
    struct track_watch *w = calloc(1, sizeof *w);
    if (w == NULL || (w->looks = calloc(ROOM, sizeof *w->looks)) == NULL) {
        free(w);
        return NULL;
    }
    w->began = began;
    w->going = going;
    w->ctx = ctx;
    return w;
}

void watch_free(struct track_watch *w)
{
    if (w != NULL)
        free(w->looks);
    free(w);
}

void watch_stir(struct live *l, int64_t now_ns)
{
    struct track_watch *w = l->parts->watch;
    if (w == NULL || l->look != 0 || l->conv->tell_state == NULL || l->looks == LOOKS_EACH || w->count == ROOM)
        return;
    uint32_t at = (w->head + w->count++) % ROOM;
    w->looks[at] = (struct watch_look){l->conv, now_ns < INT64_MAX - WATCH_NS ? now_ns + WATCH_NS : now_ns};
    l->look = at + 1;
    l->looks++;
}

void watch_forget(struct live *l)
{
    if (l->look != 0)
        l->parts->watch->looks[l->look - 1].conv = NULL;
    l->look = 0;
}

static void look_at(struct track_watch *w, uint32_t at)
{
    struct conversation *conv = w->looks[at].conv;
    w->looks[at].conv = NULL;
    ((struct live *)conv->user)->look = 0; /* who waits here is not parked */
    conv->tell_state(conv);
}

/* Later than that it cannot be due: the clock was set back. */
static bool is_due(const struct watch_look *k, int64_t now_ns)
{
    return now_ns >= k->due_ns || k->due_ns - WATCH_NS > now_ns;
}

void watch_before(struct live *l, int64_t now_ns)
{
    if (l->look != 0 && now_ns > l->parts->watch->looks[l->look - 1].due_ns)
        look_at(l->parts->watch, l->look - 1);
}

void watch_time(struct track_watch *w, int64_t now_ns)
{
    while (w->count > 0 && (w->looks[w->head].conv == NULL || is_due(&w->looks[w->head], now_ns))) {
        uint32_t at = w->head;
        w->head = (w->head + 1) % ROOM;
        w->count--;
        if (w->looks[at].conv != NULL)
            look_at(w, at);
    }
}
