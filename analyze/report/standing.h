/*
 * What the captures as a whole show, told while packets still come: looked at now and then, and told when it is certain, or has
 * stood for so long that what comes later is not likely to change it.
 */
#ifndef VS_ANALYZE_STANDING_H
#define VS_ANALYZE_STANDING_H

#include "analyze/so_far.h"

enum { STANDING_SIGHTS_MAX = 64 };

#define STANDING_LOOK_NS (10 * INT64_C(1000000000))    /* of capture time between two looks, at least */
#define STANDING_STRONG_NS (600 * INT64_C(1000000000)) /* what is not certain has to stand */

struct standing_options {
    /* The captures that are being read, as they are now; their number. May be NULL: none of what needs them is told. */
    size_t (*sights)(void *sights_ctx, struct so_far_sight out[static STANDING_SIGHTS_MAX]);
    /* Called for a warning, or worse, when it is told first; again only for what comes and goes, when that has changed. */
    void (*tell)(void *ctx, const struct finding *f);
    void *sights_ctx, *ctx;
    const struct balance_settings *balance; /* what it points to is lent */
};

struct standing;

/* A backend that does not answer: whoever watches wants to know each time. */
bool standing_comes_and_goes(enum finding_id id);

/* The analysis is lent. NULL when memory is short. */
struct standing *standing_new(struct analysis *a, const struct standing_options *options);
void standing_free(struct standing *s);

/* As so_far_add. */
void standing_session(struct standing *s, const struct session *session);

/* Capture time goes on. Looks take a twentieth of the time that passes here at the most. */
void standing_time(struct standing *s, int64_t now_ns);

#endif
