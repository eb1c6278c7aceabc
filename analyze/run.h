/* Reading: captures in the order of their time, through dissectors, into one analysis. */
#ifndef VS_ANALYZE_RUN_H
#define VS_ANALYZE_RUN_H

#include "analyze/analysis.h"
#include "analyze/options.h"
#include "analyze/vantage.h"

/* How much was read, and what is being read. */
struct run_meter {
    uint64_t packets, bytes, lost, evicted, state_bytes;
    uint32_t capture;               /* its index */
    const struct source_info *info; /* NULL: none is being read now. Lent */
    struct dissector *dissector;    /* likewise */
};

/* What a run tells while it works; texts are one sentence without a newline, may hold bytes from strangers. */
struct run_hooks {
    void (*complaint)(void *ctx, const char *sentence); /* an input could not be read, wholly or in part */
    void (*progress)(void *ctx, const char *path, uint64_t bytes_read); /* now and then; over all captures */
    void (*reading)(void *ctx, uint32_t capture, const char *path); /* from now on that one is read; may be NULL */
    struct run_meter *meter; /* NULL, or kept up to date while captures are read */
    void *ctx;
};

enum run_result {
    RUN_COMPLETE,
    RUN_PARTIAL, /* something could not be read: complained; the rest is in the analysis */
    RUN_NOTHING, /* nothing could be read, or memory was short: complained */
};

/*
 * Reads all captures of the options into the analysis, which then knows them in the order of the options (those that
 * could not be opened are left out, so frames carry the index among the others). A capture that begins where another
 * one ended is taken for its continuation (rotated files); others are vantage points of their own.
 */
enum run_result run_captures(const struct options *o, struct analysis *a, const struct run_hooks *hooks);

/*
 * Reads them once more, in the same way: the same conversations have the same ids. Events and frames go to who watches;
 * captures have the indexes that they had. Nothing is complained of a second time.
 */
enum run_result run_again(const struct options *o, const struct vantage_watch *watch);

#endif
