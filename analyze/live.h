/* Sniffing: devices in one loop, through dissectors, into one analysis, until it is asked to end. */
#ifndef VS_ANALYZE_LIVE_H
#define VS_ANALYZE_LIVE_H

#include "analyze/analysis.h"
#include "analyze/options.h"
#include "analyze/report/events.h"
#include "analyze/run.h"

/* What sniffing tells while it works; sentences as run_hooks'. */
struct live_hooks {
    void (*complaint)(void *ctx, const char *sentence);
    /* Once a second; what events_tick fills in is not there yet. False: there is no use in going on. */
    bool (*status)(void *ctx, struct events_status *status);
    void *ctx;
};

struct live;

/*
 * Opens the interfaces of the options, before rights are given up. NULL after complaints when one cannot be opened or
 * memory is short. The caller frees it with live_free.
 */
struct live *live_open(const struct options *o, const struct live_hooks *hooks);

/* The sockets that are sniffed through, for platform_lockdown; lent. */
const int *live_sockets(const struct live *l, size_t *count);

/*
 * Sniffs into the analysis until the process is asked to end (platform_stop_asked), options->duration_s is over, the
 * status hook says so or no interface is left (complained). Each interface is a capture of the analysis afterwards.
 * An interface that goes down or is removed is waited for (complained); the others go on.
 * RUN_PARTIAL: an interface is gone at the end; RUN_NOTHING: memory was short.
 */
enum run_result live_run(struct live *l, struct analysis *a);

void live_free(struct live *l);

#endif
