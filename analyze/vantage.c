#include "analyze/vantage.h"

#include <assert.h>

#include "capture/wire/elapsed.h"

enum { DISSECTOR_LEAST = 4 << 20 }; /* what a dissector takes at least */

/* Counters are 64-bit numbers throughout; all but the peak are differences. */
static void count(struct vantages *all, struct vantage *v)
{
    enum { FIELDS = sizeof(struct dissect_counters) / sizeof(uint64_t) };
    static_assert(sizeof(struct dissect_counters) == FIELDS * sizeof(uint64_t), "a counter of another width");
    struct dissect_counters now;
    uint64_t fields[FIELDS], told[FIELDS];
    dissect_get_counters(v->dissector, &now);
    memcpy(fields, &now, sizeof now);
    memcpy(told, &v->told, sizeof v->told);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] -= told[i];
    struct dissect_counters delta;
    memcpy(&delta, fields, sizeof delta);
    delta.state_bytes_peak = now.state_bytes_peak;
    v->told = now;
    all->counted(all->ctx, v->input, &delta);
}

void vantage_tell(struct analysis *a, struct dissector *d)
{
    const struct protocol_count *rows = NULL;
    const struct host_deed *deeds;
    size_t rows_count = dissect_protocols(d, &rows);
    analysis_add_protocols(a, rows, rows_count);
    size_t deeds_count = dissect_hosts(d, &deeds);
    analysis_add_hosts(a, deeds, deeds_count);
}

static void finish(struct vantages *all, struct vantage *v)
{
    if (v->end_ns > v->last_ns)
        dissect_silence(v->dissector, v->end_ns);
    dissect_finish(v->dissector);
    count(all, v);
    if (all->analysis != NULL)
        vantage_tell(all->analysis, v->dissector);
    dissect_free(v->dissector);
    all->memory_left += v->memory_bytes;
    *v = (struct vantage){0};
}

void vantages_finish(struct vantages *all)
{
    for (size_t i = 0; i < VANTAGES_MAX; i++)
        if (all->items[i].dissector != NULL)
            finish(all, &all->items[i]);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Rotated files of one capture have names that differ in their numbers only (a counter, the time). */
static bool differ_in_numbers_only(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (is_digit(*a))
            a++;
        while (is_digit(*b))
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
    }
}

/* Whether b, which begins so long after the last packet of v, goes on with it. */
static bool goes_on(const struct vantage *v, const struct vantage_beginning *b, int64_t gap_ns)
{
    if (gap_ns < -VANTAGE_OVERLAP_NS || b->link_type != v->link_type)
        return false;
    if (b->has_before)
        return v->input == b->before;
    return !b->numbered && gap_ns <= VANTAGE_GAP_NS && differ_in_numbers_only(b->path, v->path);
}

static struct vantage *continued(struct vantages *all, const struct vantage_beginning *b)
{
    struct vantage *best = NULL;
    for (size_t i = 0; i < VANTAGES_MAX; i++) {
        struct vantage *v = &all->items[i];
        if (v->dissector == NULL)
            continue;
        int64_t gap_ns = elapsed_ns(b->first_ns, v->last_ns);
        if (goes_on(v, b, gap_ns)) {
            best = best == NULL || v->last_ns > best->last_ns ? v : best;
        } else if (gap_ns > VANTAGE_GAP_NS && !v->awaited) { /* nor will any later capture */
            finish(all, v);
        }
    }
    return best;
}

/* A free slot and at least a dissector's memory: what ended first goes. */
static struct vantage *make_room(struct vantages *all)
{
    for (;;) {
        struct vantage *slot = NULL, *oldest = NULL;
        for (size_t i = 0; i < VANTAGES_MAX; i++) {
            struct vantage *v = &all->items[i];
            if (v->dissector == NULL)
                slot = slot == NULL ? v : slot;
            else if (oldest == NULL || v->last_ns < oldest->last_ns)
                oldest = v;
        }
        if ((slot != NULL && all->memory_left >= DISSECTOR_LEAST) || oldest == NULL)
            return slot;
        finish(all, oldest);
    }
}

struct vantage *vantage_for(struct vantages *all, const struct vantage_beginning *b, bool alone)
{
    struct vantage *v = b->has_time ? continued(all, b) : NULL;
    if (v != NULL)
        return v;
    v = make_room(all);
    assert(v != NULL);
    uint64_t share = alone ? all->memory_left : all->memory_left / 2;
    if (share < DISSECTOR_LEAST)
        share = DISSECTOR_LEAST;
    struct dissect_options options = {.secrets = all->secrets,
                                      .memory_bytes = share,
                                      .next_conversation = &all->next_conversation,
                                      .on_event = analysis_event,
                                      .ctx = all->analysis,
                                      .side = all->sides++};
    if (all->analysis == NULL) {
        options.on_event = all->watch->event;
        options.on_frame = all->watch->frame;
        options.ctx = options.frame_ctx = all->watch->ctx;
    }
    struct dissector *d = dissect_new(&options);
    if (d == NULL)
        return NULL;
    all->memory_left -= share < all->memory_left ? share : all->memory_left;
    *v = (struct vantage){.dissector = d, .memory_bytes = share};
    return v;
}

void vantage_read(struct vantages *all, struct vantage *v, size_t input, const struct vantage_beginning *b, const struct source_info *info)
{
    v->input = input;
    v->awaited = b->awaited;
    v->path = info->path;
    v->last_ns = info->last_ns;
    v->end_ns = info->end_ns;
    if (info->interface_count > 0)
        v->link_type = info->interfaces[0].link_type;
    count(all, v);
}
