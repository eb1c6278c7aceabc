#include "analyze/reading.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/live.h"
#include "analyze/monitor/monitor.h"
#include "analyze/record/recorder.h"
#include "capture/platform.h"

struct telling {
    const struct options *options;
    const struct reading_hooks *hooks;
    const char **names; /* of captures, by number; live: NULL */
    struct run_meter meter;
    struct output *out;
    struct log_file *log; /* NULL: events go to out, or, while we sniff, to who may be slow to read */
    struct line_queue *queue;
    int handle;           /* of its reader */
    struct events *events;
    struct recorder *recorder; /* NULL: none */
    struct live *live;       /* NULL: files are read */
    struct monitor *monitor; /* NULL without --metrics */
    bool findings;           /* told to who speaks */
    bool full;               /* complained */
};

static void tell_complaint(void *ctx, const char *sentence)
{
    const struct telling *t = ctx;
    t->hooks->complaint(t->hooks->ctx, sentence);
}

static void tell_progress(void *ctx, const char *path, uint64_t bytes)
{
    const struct telling *t = ctx;
    t->hooks->progress(t->hooks->ctx, path, bytes);
}

static void tell_reading(void *ctx, uint32_t capture, const char *path)
{
    struct telling *t = ctx;
    if (t->names != NULL)
        t->names[capture] = strcmp(path, "-") == 0 ? "standard input" : path;
}

static const char *name_of(void *ctx, uint32_t capture)
{
    const struct telling *t = ctx;
    if (t->options->interface_count > 0)
        return capture < t->options->interface_count ? t->options->interfaces[capture] : NULL;
    return t->names != NULL && capture < t->options->capture_count ? t->names[capture] : NULL;
}

static void measure(void *ctx, struct events_status *s)
{
    const struct telling *t = ctx;
    s->packets = t->meter.packets;
    s->bytes = t->meter.bytes;
    s->lost = t->meter.lost;
    s->evicted = t->meter.evicted;
    s->state_bytes = t->meter.state_bytes;
}

static size_t sights(void *ctx, struct so_far_sight out[static STANDING_SIGHTS_MAX])
{
    const struct telling *t = ctx;
    if (t->live != NULL)
        return live_sights(t->live, out);
    if (t->meter.info == NULL)
        return 0;
    out[0] = so_far_see(t->meter.capture, t->meter.info, t->meter.dissector);
    return 1;
}

static void tell_finding(void *ctx, const struct finding *f)
{
    const struct telling *t = ctx;
    if (t->monitor != NULL)
        monitor_finding(t->monitor, f);
    if (t->findings)
        t->hooks->finding(t->hooks->ctx, f);
}

static void tell_session(void *ctx, const struct session *s)
{
    struct telling *t = ctx;
    monitor_session(t->monitor, s);
}

static void tell_window(void *ctx, const struct window *w)
{
    struct telling *t = ctx;
    monitor_window(t->monitor, w);
}

static bool tell_status(void *ctx, struct events_status *s)
{
    struct telling *t = ctx;
    if (t->log != NULL && platform_hangup_asked())
        log_file_reopen(t->log);
    events_tick(t->events, s, platform_monotonic_ns());
    if (t->monitor != NULL)
        monitor_status(t->monitor, s);
    if (t->hooks->status != NULL)
        t->hooks->status(t->hooks->ctx, s);
    if (s->unkept > 0 && !t->full) {
        t->full = true;
        tell_complaint(t, "the room for finished sessions is full: those that end from now on are not in the report");
    }
    if (t->queue != NULL && line_queue_failed(t->queue))
        t->out->failed = true;
    return !t->out->failed; /* nobody reads any more, or nothing fits any more */
}

static void tell_turn(void *ctx, bool over)
{
    const struct telling *t = ctx;
    t->hooks->turn(t->hooks->ctx);
    if (t->queue == NULL)
        return;
    if (over)
        line_queue_wait(t->queue);
    else
        line_queue_push(t->queue);
}

static void tell_judged(void *ctx, const struct exchange *x, bool failed)
{
    const struct telling *t = ctx;
    if (t->recorder != NULL)
        recorder_judged(t->recorder, x, failed);
}

/* The interfaces are described in each file. */
static struct recorder *make_recorder(const struct options *o, const struct source_interface *interfaces, size_t count,
                                      struct telling *t)
{
    char error[RING_FILES_ERROR];
    const struct recorder_options options = {.memory_bytes = live_recorder_bytes(o),
                                             .files = {.path = o->write,
                                                       .file_bytes = o->write_mib << 20,
                                                       .files = (uint32_t)o->write_files,
                                                       .interfaces = interfaces,
                                                       .interface_count = count,
                                                       .say = tell_complaint,
                                                       .ctx = t}};
    struct recorder *r = recorder_new(&options, error);
    if (r == NULL)
        tell_complaint(t, error);
    return r;
}

/* By who will make the next ones, too. False after a complaint. */
static bool open_log(struct telling *t)
{
    char error[LOG_FILE_ERROR];
    if (t->log == NULL)
        return true;
    platform_catch_hangup();
    if (log_file_open(t->log, error))
        return true;
    tell_complaint(t, error);
    return false;
}

/* Rights are given up; then packets are read. */
static enum run_result sniff_without_rights(const struct options *o, struct live *l, struct analysis *a, struct telling *t)
{
    char error[PLATFORM_ERROR], sentence[RING_FILES_ERROR];
    char *folder = o->write != NULL ? ring_files_folder(o->write) : NULL;
    char *log_folder = o->output != NULL ? ring_files_folder(o->output) : NULL;
    struct platform_lockdown lockdown = {.user = o->user, .folders = {o->certs_dir, folder, log_folder}};
    lockdown.sockets = live_sockets(l, &lockdown.socket_count);
    if (t->monitor != NULL) {
        lockdown.serving = monitor_serving(t->monitor);
        monitor_attend(t->monitor, l);
    }
    enum run_result result = RUN_NOTHING;
    bool locked = platform_lockdown(&lockdown, tell_complaint, t, error);
    free(folder);
    free(log_folder);
    if (!locked)
        tell_complaint(t, error);
    else if (!open_log(t))
        result = RUN_NOTHING;
    else if (t->recorder != NULL && !recorder_begin(t->recorder, sentence))
        tell_complaint(t, sentence);
    else
        result = live_run(l, a, t->recorder);
    if (t->recorder != NULL && recorder_shortage(t->recorder, sentence)) {
        tell_complaint(t, sentence);
        result = result == RUN_COMPLETE && recorder_lost(t->recorder) ? RUN_PARTIAL : result;
    }
    return result;
}

/* Devices are opened with rights, and packets read without. */
static enum run_result sniff(const struct options *o, struct analysis *a, struct telling *t)
{
    const struct live_hooks hooks = {tell_complaint, tell_status, tell_turn, t};
    struct source_interface interfaces[OPTIONS_INTERFACES_MAX];
    enum run_result result = RUN_NOTHING;
    platform_catch_stop();
    struct live *l = live_open(o, &hooks);
    if (l == NULL)
        return RUN_NOTHING;
    t->live = l;
    if (o->write != NULL)
        t->recorder = make_recorder(o, interfaces, live_interfaces(l, interfaces), t);
    if (o->write == NULL || t->recorder != NULL)
        result = sniff_without_rights(o, l, a, t);
    recorder_free(t->recorder);
    t->recorder = NULL;
    t->live = NULL;
    live_free(l);
    return result;
}

static bool listen(const struct options *o, struct analysis *a, const struct balance_settings *balance, struct telling *t)
{
    bool live = o->interface_count > 0, counted = t->monitor != NULL;
    t->findings = live && t->hooks->finding != NULL && !o->jsonl;
    const struct events_options wanted = {.out = o->jsonl && t->log == NULL && t->queue == NULL ? t->out : NULL,
                                          .log = t->log,
                                          .queue = t->queue,
                                          .finding = t->findings || counted ? tell_finding : NULL,
                                          .judged = live && o->write != NULL ? tell_judged : NULL,
                                          .session = counted ? tell_session : NULL,
                                          .window = counted ? tell_window : NULL,
                                          .name = name_of,
                                          .sights = sights,
                                          .measure = live ? NULL : measure,
                                          .ctx = t,
                                          .balance = balance,
                                          .live = live};
    t->names = live ? NULL : calloc(o->capture_count + 1, sizeof *t->names);
    t->events = t->names != NULL || live ? events_new(a, &wanted) : NULL;
    if (t->events == NULL)
        tell_complaint(t, "out of memory");
    return t->events != NULL;
}

/* Sniffing, it is opened when rights are given up. */
static bool make_log(const struct options *o, struct telling *t, bool live)
{
    const struct log_file_options options = {.path = o->output,
                                             .file_bytes = o->rotate_mib << 20,
                                             .files = (uint32_t)o->rotate_files,
                                             .say = tell_complaint,
                                             .ctx = t};
    t->log = log_file_new(&options);
    if (t->log == NULL)
        tell_complaint(t, "out of memory");
    return t->log != NULL && (live || open_log(t));
}

/* A reader who stalls must not keep us from reading: of a pipe that we read from, whoever sends waits; of an interface nobody does. */
static bool make_queue(struct telling *t)
{
    t->handle = platform_output_open(stdout);
    t->queue = line_queue_new(&(struct line_queue_options){t->handle, "standard output", tell_complaint, t});
    if (t->queue != NULL)
        return true;
    platform_output_close(t->handle);
    tell_complaint(t, "out of memory");
    return false;
}

/* What waited is written. */
static enum run_result end_queue(struct telling *t, enum run_result result)
{
    if (t->queue == NULL)
        return result;
    line_queue_wait(t->queue);
    t->out->failed = t->out->failed || line_queue_failed(t->queue);
    bool missed = line_queue_missed(t->queue) > 0;
    line_queue_free(t->queue);
    platform_output_close(t->handle);
    return missed && result == RUN_COMPLETE ? RUN_PARTIAL : result;
}

/* Reads what the options say. Events are told where somebody wants them. */
static enum run_result read_them(const struct options *o, struct analysis *a, const struct balance_settings *balance,
                                 struct telling *t)
{
    bool live = o->interface_count > 0;
    const struct run_hooks hooks = {tell_complaint, tell_progress, tell_reading, o->jsonl ? &t->meter : NULL, t};
    if (o->output != NULL && !make_log(o, t, live))
        return RUN_NOTHING;
    if (live && o->jsonl && o->output == NULL && !make_queue(t))
        return RUN_NOTHING;
    for (size_t i = 0; i < o->capture_count; i++)
        if (strcmp(o->captures[i], "-") == 0)
            platform_catch_stop(); /* Ctrl-C ends who sends, too: what came is reported */
    if ((live || o->jsonl) && !listen(o, a, balance, t))
        return RUN_NOTHING;
    return live ? sniff(o, a, t) : run_captures(o, a, &hooks);
}

enum run_result reading_run(const struct options *o, struct analysis *a, const struct balance_settings *balance,
                            const struct reading_hooks *hooks, struct output *out, struct log_file **log)
{
    struct telling t = {.options = o, .hooks = hooks, .out = out};
    enum run_result result = RUN_NOTHING;
    char error[MONITOR_ERROR];
    if (o->metrics_at.port != 0 && (t.monitor = monitor_new(o, a, balance, error)) == NULL)
        tell_complaint(&t, error);
    else
        result = read_them(o, a, balance, &t);
    if (t.events != NULL)
        events_finish(t.events);
    events_free(t.events);
    result = end_queue(&t, result);
    free(t.names);
    monitor_free(t.monitor);
    *log = t.log;
    return result;
}
