/* Packets are read as the options say, from files or from interfaces; who wants to hear of what they show is told meanwhile. */
#ifndef VS_ANALYZE_READING_H
#define VS_ANALYZE_READING_H

#include "analyze/analysis.h"
#include "analyze/options.h"
#include "analyze/report/events.h"
#include "analyze/run.h"

/* Who speaks to people. Sentences as run_hooks'; text in findings is from strangers. */
struct reading_hooks {
    void (*complaint)(void *ctx, const char *sentence);
    void (*progress)(void *ctx, const char *path, uint64_t bytes);
    void (*finding)(void *ctx, const struct finding *f);           /* while sniffing, when it is first raised; may be NULL */
    void (*status)(void *ctx, const struct events_status *status); /* while sniffing, each second; may be NULL */
    void (*turn)(void *ctx);                                       /* while sniffing, many times a second; must not wait */
    void *ctx;
};

/*
 * Reads all into the analysis; sniffing gives up rights before the first packet. Events go to out or, with --output, to *log,
 * which the caller frees when the summary is in it (NULL: none). RUN_NOTHING after complaints: there is nothing to report.
 */
enum run_result reading_run(const struct options *o, struct analysis *a, const struct balance_settings *balance,
                            const struct reading_hooks *hooks, struct output *out, struct log_file **log);

#endif
