/* Sniffing: devices in one loop, through dissectors, into one analysis, until it is asked to end. */
#ifndef VS_ANALYZE_LIVE_H
#define VS_ANALYZE_LIVE_H

#include "analyze/analysis.h"
#include "analyze/options.h"
#include "analyze/record/recorder.h"
#include "analyze/report/events.h"
#include "analyze/run.h"
#include "analyze/so_far.h"

/* What sniffing tells while it works; sentences as run_hooks'. */
struct live_hooks {
    void (*complaint)(void *ctx, const char *sentence);
    /* Once a second; what events_tick fills in is not there yet. False: there is no use in going on. */
    bool (*status)(void *ctx, struct events_status *status);
    /* Many times a second, and once when no packets are read any more (over): then it may take its time. */
    void (*turn)(void *ctx, bool over);
    void *ctx;
};

struct live;

/* Who has something to do in the same loop. It never waits. */
struct live_guest {
    int waiter;               /* waited for, besides the interfaces, until it is readable; -1 none */
    void (*serve)(void *ctx, int64_t now_ns); /* called now and then, at once where the waiter is readable; monotonic time */
    void *ctx;
};

/* An interface, in numbers since the beginning. */
struct live_interface {
    const char *name;         /* as the options give it */
    uint64_t packets, bytes, lost;
    int64_t last_ns;          /* of its latest packet, 0 none */
    bool sniffed;             /* neither down nor gone */
};

/* How sniffing stands now. */
struct live_state {
    struct live_interface interfaces[OPTIONS_INTERFACES_MAX]; size_t count;
    uint64_t flows_evicted, conversations_evicted;
    uint64_t state_bytes;     /* of what is in progress, with packets that are recorded, as held against the budget */
    uint64_t state_bytes_peak; /* the most that it came to */
};

/* What of --memory is for packets that are held until their session has ended. */
uint64_t live_recorder_bytes(const struct options *o);

/*
 * Opens the interfaces of the options, before rights are given up. NULL after complaints when one cannot be opened or
 * memory is short. The caller frees it with live_free.
 */
struct live *live_open(const struct options *o, const struct live_hooks *hooks);

/* The sockets that are sniffed through, for platform_lockdown; lent. */
const int *live_sockets(const struct live *l, size_t *count);

/* Describes the interfaces, in the order of the options; lent. Returns their number. */
size_t live_interfaces(const struct live *l, struct source_interface out[static OPTIONS_INTERFACES_MAX]);

/*
 * Sniffs into the analysis until the process is asked to end (platform_stop_asked), options->duration_s is over, the
 * status hook says so or no interface is left (complained). Each interface is a capture of the analysis afterwards.
 * An interface that goes down or is removed is waited for (complained); the others go on.
 * RUN_PARTIAL: an interface is gone at the end; RUN_NOTHING: memory was short.
 * recorder: takes the packets, may be NULL.
 */
enum run_result live_run(struct live *l, struct analysis *a, struct recorder *recorder);

/* Before live_run: lends it a guest. */
void live_invite(struct live *l, const struct live_guest *guest);

/* While live_run works, for guests. */
void live_look(struct live *l, struct live_state *out);

/* While live_run works: each interface as a capture, so far; lent until the next packet. Their number. */
size_t live_sights(struct live *l, struct so_far_sight out[static OPTIONS_INTERFACES_MAX]);

void live_free(struct live *l);

#endif
