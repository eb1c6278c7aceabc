/* Vantage points: a dissector each, kept while a later capture may still continue it, within one budget of memory. */
#ifndef VS_ANALYZE_VANTAGE_H
#define VS_ANALYZE_VANTAGE_H

#include "analyze/analysis.h"

enum { VANTAGES_MAX = 64 };

/* A rotated file goes on within this; after a longer silence nobody knows whether the capture was running, unless the names tell. */
#define VANTAGE_GAP_NS (5 * INT64_C(1000000000))
/* Packets of several queues come out of order, across the end of a file as well. */
#define VANTAGE_OVERLAP_NS INT64_C(1000000)

struct vantage {
    struct dissector *dissector; /* NULL: free slot */
    uint64_t memory_bytes;       /* of the budget */
    int64_t last_ns;
    int64_t end_ns;              /* until when nothing more came, 0 unknown */
    uint16_t link_type;           /* of its first interface */
    const char *path;             /* of its last capture */
    size_t input;                 /* its last capture; what is counted late is counted there */
    bool awaited;                 /* the next file of its ring will come */
    struct dissect_counters told; /* so far handed on */
};

/* Called when a dissector has nothing more to tell to its capture: counters since the last call for this vantage. */
typedef void vantage_counted_fn(void *ctx, size_t input, const struct dissect_counters *delta);

/* Who looks at events and frames instead of an analysis. */
struct vantage_watch {
    event_fn *event;
    frame_fn *frame;
    void *ctx;
};

struct vantages {
    struct vantage items[VANTAGES_MAX];
    uint64_t memory_left;
    uint32_t next_conversation;
    const struct secrets *secrets;
    struct analysis *analysis;      /* takes the events; NULL: watch does */
    const struct vantage_watch *watch; /* NULL: nobody */
    uint32_t sides;                 /* dissectors made */
    vantage_counted_fn *counted;
    void *ctx;
};

/* How a capture begins. */
struct vantage_beginning {
    const char *path;
    bool has_time;
    int64_t first_ns;   /* with has_time */
    uint16_t link_type; /* of its first interface, which a pcapng file names only before its first packet; 0 it has none */
    bool numbered;      /* in a ring of files (ring_name.h): it goes on with the one before and no other */
    bool has_before;    /* ... which is among the captures: */
    size_t before;
    bool awaited;       /* the next one is */
};

/*
 * The vantage for a capture that begins so: one that it continues, or a new one. `alone`: no other capture follows, all memory
 * is its own. NULL when memory is short.
 */
struct vantage *vantage_for(struct vantages *all, const struct vantage_beginning *b, bool alone);

/* The capture `input`, which began so, was read to its end. */
void vantage_read(struct vantages *all, struct vantage *v, size_t input, const struct vantage_beginning *b, const struct source_info *info);

/* Tells what is still open as closed and forgets all of them. */
void vantages_finish(struct vantages *all);

/* What a dissector counted apart from events: protocols, and what hosts send and answer. Once, when it is finished. */
void vantage_tell(struct analysis *a, struct dissector *d);

#endif
