#include "analyze/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/vantage.h"
#include "capture/platform.h"

enum { WAIT_MS = 100, BATCHES_IN_TURN = 64, COMPLAINT_MAX = 1024 };

#define SECOND_NS INT64_C(1000000000)
#define STEP_NS (SECOND_NS / 2)             /* of the system's clock: less is its being adjusted */
#define SERVE_NS (SECOND_NS / 50)           /* while packets come, guests have their turn so often */
#define SILENT_NS (3 * SECOND_NS / 10)      /* without a frame for so long, the clock tells the time */
#define LOSING_NS (120 * SECOND_NS)         /* what was lost then may be missed now: conversations end by silence */
#define BEHIND_NS (SECOND_NS / 5)           /* frames may wait in the ring for so long: less than SILENT_NS */
#define DRAIN_NS (INT64_C(2) * WAIT_MS * 1000000) /* what came before the end is still read */

struct device {
    const char *name;
    struct source *source;
    struct dissector *dissector;
    int64_t frame_ns;   /* time of its latest frame, 0 none */
    int64_t arrived_ns; /* when we had it, on the monotonic clock */
    enum source_link link; /* as it was told last */
    bool ended;         /* complained */
};

struct live {
    const struct options *options;
    const struct live_hooks *hooks;
    struct device devices[OPTIONS_INTERFACES_MAX];
    int handles[OPTIONS_INTERFACES_MAX + 1]; /* and the guest's */
    size_t count, left;
    uint32_t next_conversation;
    struct analysis *analysis;
    struct recorder *recorder; /* NULL: none */
    uint64_t lost;
    int64_t lost_ns; /* when packets were lost last, 0 never */
    int64_t clock_ns; /* how far the system's clock is ahead of the monotonic one */
    struct live_guest guest;
    int64_t served_ns;
    uint64_t state_peak;
};

struct live *live_open(const struct options *o, const struct live_hooks *hooks)
{
    struct live *l = calloc(1, sizeof *l);
    if (l == NULL) {
        hooks->complaint(hooks->ctx, "out of memory");
        return NULL;
    }
    l->options = o;
    l->hooks = hooks;
    l->guest.waiter = -1;
    for (size_t i = 0; i < o->interface_count; i++) {
        char error[SOURCE_ERROR];
        struct device_options options = {.capture = (uint32_t)i, .filter = o->filter, .ring_mib = (uint32_t)o->ring_mib};
        struct source *s = source_open_device(o->interfaces[i], &options, error);
        if (s == NULL) {
            hooks->complaint(hooks->ctx, error);
            live_free(l);
            return NULL;
        }
        l->devices[l->count] = (struct device){.name = o->interfaces[i], .source = s};
        l->handles[l->count++] = source_handle(s);
    }
    return l;
}

void live_free(struct live *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++) {
        source_close(l->devices[i].source);
        dissect_free(l->devices[i].dissector);
    }
    free(l);
}

const int *live_sockets(const struct live *l, size_t *count)
{
    *count = l->count;
    return l->handles;
}

size_t live_interfaces(const struct live *l, struct source_interface out[static OPTIONS_INTERFACES_MAX])
{
    for (size_t i = 0; i < l->count; i++)
        out[i] = source_info(l->devices[i].source)->interfaces[0];
    return l->count;
}

uint64_t live_recorder_bytes(const struct options *o)
{
    enum { SHARE = 4 };
    return o->write != NULL ? (o->memory_mib << 20) / SHARE : 0;
}

/* While packets are recorded. */
static void on_event(void *ctx, const struct event *e)
{
    struct live *l = ctx;
    analysis_event(l->analysis, e);
    if (e->kind == EVENT_OPENED)
        recorder_opened(l->recorder, e);
    else if (e->kind == EVENT_CLOSED)
        recorder_ended(l->recorder, e->conv);
}

static bool make_dissectors(struct live *l, struct analysis *a)
{
    struct dissect_options options = {.secrets = l->options->secrets,
                                      .memory_bytes = (options_dissect_bytes(l->options) - live_recorder_bytes(l->options) / 2) / l->count,
                                      .on_frame = l->recorder != NULL ? recorder_frame : NULL,
                                      .frame_ctx = l->recorder,
                                      .next_conversation = &l->next_conversation,
                                      .on_event = l->recorder != NULL ? on_event : analysis_event,
                                      .ctx = l->recorder != NULL ? (void *)l : a};
    l->analysis = a;
    for (size_t i = 0; i < l->count; i++) {
        options.side = (uint32_t)i;
        l->devices[i].dissector = dissect_new(&options);
        if (l->devices[i].dissector == NULL)
            return false;
    }
    l->left = l->count;
    return true;
}

static void device_ended(struct live *l, struct device *d)
{
    char text[COMPLAINT_MAX];
    const char *damage = source_info(d->source)->damage;
    snprintf(text, sizeof text, "%.400s: %.600s", d->name, damage != NULL ? damage : "sniffing ended");
    l->hooks->complaint(l->hooks->ctx, text);
    l->handles[d - l->devices] = -1;
    d->ended = true;
    l->left--;
}

/* One line for each change. */
static void tell_link(struct live *l, struct device *d)
{
    static const char *const words[] = {
        [SOURCE_LINK_UP] = "the interface is up again",
        [SOURCE_LINK_DOWN] = "the interface is down; it is waited for",
        [SOURCE_LINK_GONE] = "the interface was removed; one of this name is waited for",
        [SOURCE_LINK_BACK] = "the interface is back",
    };
    char text[COMPLAINT_MAX];
    enum source_link now = source_link(d->source), before = d->link;
    d->link = now;
    if (now == before || (now == SOURCE_LINK_UP && before == SOURCE_LINK_BACK))
        return;
    if (now == SOURCE_LINK_BACK && before != SOURCE_LINK_GONE) { /* gone for less than the time between two looks */
        snprintf(text, sizeof text, "%.400s: %s", d->name, words[SOURCE_LINK_GONE]);
        l->hooks->complaint(l->hooks->ctx, text);
    }
    snprintf(text, sizeof text, "%.400s: %s", d->name, words[now]);
    l->hooks->complaint(l->hooks->ctx, text);
}

/* What waits in a device's ring, but only so much that the others have their turn. */
static bool read_device(struct live *l, struct device *d)
{
    struct frame frames[SOURCE_BATCH];
    size_t n = 0, batches = 0;
    while (batches < BATCHES_IN_TURN && (n = source_next(d->source, frames, SOURCE_BATCH)) > 0) {
        dissect_frames(d->dissector, frames, n);
        d->frame_ns = frames[n - 1].time_ns;
        batches++;
    }
    if (batches > 0)
        d->arrived_ns = platform_monotonic_ns();
    if (n == 0 && source_ended(d->source))
        device_ended(l, d);
    else
        tell_link(l, d);
    return batches > 0;
}

/* Time goes on where nothing comes; the steps of the wall clock do not matter to it. */
static void pass_time(struct device *d, int64_t now_ns)
{
    if (d->frame_ns != 0 && now_ns - d->arrived_ns >= SILENT_NS)
        dissect_silence(d->dissector, d->frame_ns + (now_ns - d->arrived_ns) - BEHIND_NS);
}

/* Packets have the system's time. Whoever set it makes what is in progress look slow or silent. */
static bool clock_stepped(struct live *l, int64_t now_ns)
{
    char text[COMPLAINT_MAX];
    int64_t ahead_ns = platform_wall_ns() - now_ns, step_ns = ahead_ns - l->clock_ns;
    if (platform_monotonic_ns() - now_ns > STEP_NS / 2) /* we had to wait in between */
        return false;
    l->clock_ns = ahead_ns;
    if (step_ns < STEP_NS && step_ns > -STEP_NS)
        return false;
    int64_t ms = (step_ns < 0 ? -step_ns : step_ns) / 1000000;
    snprintf(text, sizeof text, "the clock was set %s by %" PRId64 ".%03" PRId64 " s: sessions in progress may look %s",
             step_ns < 0 ? "back" : "forward", ms / 1000, ms % 1000, step_ns < 0 ? "short" : "slow or unanswered");
    l->hooks->complaint(l->hooks->ctx, text);
    return true;
}

void live_invite(struct live *l, const struct live_guest *guest)
{
    l->guest = *guest;
}

/* Of all that is held against the budget but what the analysis keeps. */
static uint64_t measure_state(struct live *l)
{
    uint64_t held = l->recorder != NULL ? recorder_bytes(l->recorder) : 0;
    for (size_t i = 0; i < l->count; i++)
        held += dissect_state_bytes(l->devices[i].dissector);
    l->state_peak = held > l->state_peak ? held : l->state_peak;
    return held;
}

void live_look(struct live *l, struct live_state *out)
{
    *out = (struct live_state){.count = l->count, .state_bytes = measure_state(l), .state_bytes_peak = l->state_peak};
    for (size_t i = 0; i < l->count; i++) {
        struct device *d = &l->devices[i];
        struct dissect_counters c;
        if (!d->ended)
            source_refresh(d->source);
        const struct source_info *info = source_info(d->source);
        out->interfaces[i] = (struct live_interface){.name = d->name,
                                                     .packets = info->packets,
                                                     .bytes = info->bytes,
                                                     .lost = info->interface_count > 0 ? info->interfaces[0].drops : 0,
                                                     .last_ns = info->last_ns,
                                                     .sniffed = !d->ended && (d->link == SOURCE_LINK_UP || d->link == SOURCE_LINK_BACK)};
        dissect_get_counters(d->dissector, &c);
        out->flows_evicted += c.flows_evicted;
        out->conversations_evicted += c.conversations_evicted;
        out->state_bytes_peak = c.state_bytes_peak > out->state_bytes_peak ? c.state_bytes_peak : out->state_bytes_peak;
    }
}

size_t live_sights(struct live *l, struct so_far_sight out[static OPTIONS_INTERFACES_MAX])
{
    for (size_t i = 0; i < l->count; i++) {
        struct device *d = &l->devices[i];
        if (!d->ended)
            source_refresh(d->source);
        out[i] = so_far_see((uint32_t)i, source_info(d->source), d->dissector);
    }
    return l->count;
}

/* Whoever asks must not keep us from reading. */
static void serve_guest(struct live *l, bool busy, int64_t now_ns)
{
    if (l->guest.serve == NULL || (busy && now_ns - l->served_ns < SERVE_NS))
        return;
    l->served_ns = now_ns;
    l->guest.serve(l->guest.ctx, now_ns);
}

static bool each_second(struct live *l)
{
    struct events_status s = {.time_ns = 0};
    struct live_state state;
    bool away = false;
    live_look(l, &state);
    for (size_t i = 0; i < l->count; i++) {
        const struct device *d = &l->devices[i];
        away = away || d->ended || d->link != SOURCE_LINK_UP;
        s.packets += state.interfaces[i].packets;
        s.bytes += state.interfaces[i].bytes;
        s.lost += state.interfaces[i].lost;
        s.time_ns = d->frame_ns > s.time_ns ? d->frame_ns : s.time_ns;
    }
    s.evicted = state.flows_evicted + state.conversations_evicted;
    s.state_bytes = state.state_bytes;
    int64_t now = platform_monotonic_ns();
    bool stepped = clock_stepped(l, now);
    if (s.lost != l->lost || away || stepped)
        l->lost_ns = now;
    l->lost = s.lost;
    analysis_losing(l->analysis, l->lost_ns != 0 && now - l->lost_ns < LOSING_NS);
    return l->hooks->status(l->hooks->ctx, &s);
}

/* One turn over all devices; true when something came. */
static bool turn(struct live *l)
{
    bool any = false;
    for (size_t i = 0; i < l->count; i++)
        if (!l->devices[i].ended)
            any = read_device(l, &l->devices[i]) || any;
    if (any)
        (void)measure_state(l);
    return any;
}

static void sniff(struct live *l)
{
    int64_t begin = platform_monotonic_ns(), second = begin, end = INT64_MAX, now;
    uint64_t duration = l->options->duration_s;
    l->clock_ns = platform_wall_ns() - begin;
    l->handles[l->count] = l->guest.waiter;
    if (duration > 0)
        end = begin + (int64_t)duration * SECOND_NS;
    while ((now = platform_monotonic_ns()) < end && l->left > 0) {
        if (platform_stop_asked() && end > now + DRAIN_NS)
            end = now + DRAIN_NS;
        bool busy = turn(l);
        if (!busy)
            (void)platform_wait(l->handles, l->count + 1, WAIT_MS);
        serve_guest(l, busy, now);
        l->hooks->turn(l->hooks->ctx, false);
        for (size_t i = 0; i < l->count; i++)
            pass_time(&l->devices[i], now);
        if (now - second >= SECOND_NS) {
            second = now;
            if (!each_second(l))
                return;
        }
    }
}

/* Counters are told once, at the end. */
static void finish(struct live *l, struct analysis *a)
{
    for (size_t i = 0; i < l->count; i++) {
        struct dissector *d = l->devices[i].dissector;
        dissect_finish(d);
    }
    for (size_t i = 0; i < l->count; i++) {
        struct dissector *d = l->devices[i].dissector;
        struct dissect_counters counters;
        dissect_get_counters(d, &counters);
        counters.state_bytes_peak = counters.state_bytes_peak > l->state_peak ? counters.state_bytes_peak : l->state_peak;
        vantage_tell(a, d);
        source_refresh(l->devices[i].source);
        analysis_add_capture(a, source_info(l->devices[i].source), &counters);
    }
}

enum run_result live_run(struct live *l, struct analysis *a, struct recorder *recorder)
{
    l->recorder = recorder;
    if (!make_dissectors(l, a)) {
        l->hooks->complaint(l->hooks->ctx, "out of memory");
        return RUN_NOTHING;
    }
    sniff(l);
    l->hooks->turn(l->hooks->ctx, true);
    finish(l, a);
    bool whole = true;
    for (size_t i = 0; i < l->count; i++)
        whole = whole && !l->devices[i].ended && l->devices[i].link != SOURCE_LINK_GONE;
    return whole ? RUN_COMPLETE : RUN_PARTIAL;
}
