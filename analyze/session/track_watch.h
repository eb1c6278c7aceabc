/* Exchanges that will be looked at while they last: a queue by time. For the files track*.c only. */
#ifndef VS_ANALYZE_TRACK_WATCH_H
#define VS_ANALYZE_TRACK_WATCH_H

#include "analyze/session/track.h"

/* What follows a packet at once, an answer to it or the end of TCP, belongs to what is looked at. */
#define WATCH_NS (INT64_C(100) * 1000000)

struct track_watch {
    exchange_seen_fn *began, *going;
    void *ctx;
    struct exchange copy; /* that is shown */
    uint32_t head, count;
    struct watch_look { struct conversation *conv; int64_t due_ns; } *looks; /* a ring; conv NULL: it ended meanwhile */
};

struct track_watch *watch_new(exchange_seen_fn *began, exchange_seen_fn *going, void *ctx); /* NULL when memory is short */
void watch_free(struct track_watch *w);

/* Something happened at now_ns: it is looked at a moment later. Does nothing where it will be anyway, or nobody watches. */
void watch_stir(struct live *l, int64_t now_ns);
/* It ended, or its memory goes elsewhere. */
void watch_forget(struct live *l);
/* An event of it at now_ns is about to be told: when it should have been looked at before, it is now. */
void watch_before(struct live *l, int64_t now_ns);
/* Looks at those that are due: their conversations tell EVENT_STATE. */
void watch_time(struct track_watch *w, int64_t now_ns);

#endif
