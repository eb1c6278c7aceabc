/*
 * What the captures as a whole show while packets still come: translation, probes, RADIUS servers, losses, what hosts do on the NIC,
 * and backends that do not answer. Keeps an account of its own, of parts of attempts as soon as it is known what they come to;
 * the analysis hears of them when they are over, of tunnels hours later.
 */
#ifndef VS_ANALYZE_SO_FAR_H
#define VS_ANALYZE_SO_FAR_H

#include "analyze/analysis.h"

enum { SO_FAR_RECENT_MAX = 8192 /* sessions of late that are looked at for backends that do not answer */ };

struct so_far;

/* Both are lent. NULL when memory is short. */
struct so_far *so_far_new(struct analysis *a, const struct balance_settings *balance);
void so_far_free(struct so_far *f);

/* A part of an attempt, as analysis_preview makes it; once, when it has come to something or is over. */
void so_far_add(struct so_far *f, const struct session *s);

/* A capture that is being read; lent. */
struct so_far_sight {
    uint32_t capture;               /* its number */
    const struct source_info *info; /* as far as it was read */
    struct dissect_counters counters;
    const struct host_deed *deeds; size_t deed_count;
};
/* Lends info and what is the dissector's, until its next packet. */
struct so_far_sight so_far_see(uint32_t capture, const struct source_info *info, struct dissector *d);

/*
 * Raises in `out` what there is to say by now. It may change yet: hashes that need long searches are not looked for, nor is it known
 * which tunnel and which login are one. How even the backends' shares are is not judged: whoever asks that again and again, finds
 * chance uneven in the end. False when memory is short.
 */
bool so_far_look(struct so_far *f, const struct so_far_sight *sights, size_t count, struct findings *out);

#endif
