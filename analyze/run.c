#include "analyze/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/ring_name.h"
#include "analyze/vantage.h"
#include "capture/platform.h"
#include "capture/same_file.h"

enum { PROGRESS_FRAMES = 1 << 14, COMPLAINT_MAX = 1024 };

/* One capture of the command line. */
struct input {
    const char *path;
    struct source *source; /* open; NULL: unreadable, or to be opened again */
    bool readable;
    struct vantage_beginning begins;
    struct ring_name name;
    uint32_t index;          /* among the readable ones, in the order of by_time */
    struct source_info info; /* own copy, when read */
    struct dissect_counters counters;
};

struct run {
    const struct options *options;
    const struct run_hooks *hooks;
    struct input *inputs;
    size_t count, readable;
    struct vantages vantages;
    uint64_t bytes_before, packets_before, lost_before; /* of captures already read */
    uint64_t evicted; /* as far as counted */
    const char *reading;
    bool partial;
};

static void complain(struct run *r, const char *path, const char *sentence)
{
    char text[COMPLAINT_MAX];
    if (strcmp(path, "-") == 0)
        path = "standard input";
    snprintf(text, sizeof text, "%.400s: %.600s", path, sentence);
    r->hooks->complaint(r->hooks->ctx, text);
    r->partial = true;
}

/* The source could not be opened: its sentence names the file. */
static void complain_unopened(struct run *r, const char *sentence)
{
    r->hooks->complaint(r->hooks->ctx, sentence);
    r->partial = true;
}

/* Secrets that a capture carries are good for whatever follows, in this capture and in later ones. */
static void embedded_secrets(void *ctx, uint32_t type, struct span bytes)
{
    struct run *r = ctx;
    char message[SECRETS_MESSAGE], text[COMPLAINT_MAX];
    if (type != SECRETS_TLS_KEY_LOG || secrets_add_key_log(r->options->secrets, bytes, message))
        return;
    snprintf(text, sizeof text, "embedded TLS secrets: %s", message);
    complain(r, r->reading, text);
}

static struct source *open_input(struct run *r, const struct input *in, char error[static SOURCE_ERROR])
{
    struct source_options options = {
        .capture = in->index, .filter = r->options->filter, .secrets = embedded_secrets, .secrets_ctx = r};
    r->reading = in->path;
    return source_open(in->path, &options, error);
}

/* Finds out when a capture begins. What can be opened only once (standard input, a pipe) stays open. */
static void probe(struct run *r, struct input *in)
{
    char error[SOURCE_ERROR];
    in->source = open_input(r, in, error);
    if (in->source == NULL) {
        complain_unopened(r, error);
        return;
    }
    in->readable = true;
    r->readable++;
    in->begins.has_time = source_first_time(in->source, &in->begins.first_ns);
    const struct source_info *info = source_info(in->source);
    in->begins.link_type = info->interface_count > 0 ? info->interfaces[0].link_type : 0;
    if (r->count > 1 && strcmp(in->path, "-") != 0 && platform_kind(in->path) == PLATFORM_FILE) {
        source_close(in->source);
        in->source = NULL;
    }
}

/* Captures have an order of their own, so that the same ones give the same report in whatever order they are named. */
static int by_time(const void *left, const void *right)
{
    const struct input *a = left, *b = right;
    if (a->readable != b->readable)
        return a->readable ? -1 : 1;
    if (a->begins.has_time != b->begins.has_time)
        return a->begins.has_time ? -1 : 1;
    if (a->begins.has_time && a->begins.first_ns != b->begins.first_ns)
        return a->begins.first_ns < b->begins.first_ns ? -1 : 1;
    return strcmp(a->path, b->path);
}

/* The same file by another name, or its copy: it is no further vantage point, and nothing in it happened twice. */
static bool is_copy(const struct input *a, const struct input *b)
{
    return a->readable && a->begins.has_time && b->begins.has_time && a->begins.first_ns == b->begins.first_ns &&
           platform_kind(a->path) == PLATFORM_FILE && platform_kind(b->path) == PLATFORM_FILE && same_file(a->path, b->path);
}

/* NULL: of none that comes before it. */
static const struct input *copied_from(const struct run *r, const struct input *in)
{
    for (const struct input *other = in; other > r->inputs && other[-1].begins.first_ns == in->begins.first_ns;)
        if (is_copy(--other, in))
            return other;
    return NULL;
}

static void pass_copies_over(struct run *r)
{
    for (size_t i = 1, given = r->readable; i < given; i++) {
        struct input *in = &r->inputs[i];
        const struct input *other = copied_from(r, in);
        if (other == NULL)
            continue;
        char text[COMPLAINT_MAX];
        snprintf(text, sizeof text, "%.400s: it holds the same as %.400s and is passed over", in->path, other->path);
        r->hooks->complaint(r->hooks->ctx, text);
        in->readable = false;
        r->readable--;
    }
    qsort(r->inputs, r->count, sizeof *r->inputs, by_time);
}

static int by_ring(const void *left, const void *right)
{
    const struct ring_name *a = &(*(struct input *const *)left)->name, *b = &(*(struct input *const *)right)->name;
    if (a->ring != b->ring)
        return a->ring < b->ring ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Which one each goes on with: the one before, or the last one before it that has packets. False when memory is short. */
static bool find_rings(struct run *r)
{
    struct input **order = calloc(r->readable + 1, sizeof *order);
    if (order == NULL)
        return false;
    for (size_t i = 0; i < r->readable; i++) {
        order[i] = &r->inputs[i];
        r->inputs[i].name = ring_name_of(r->inputs[i].path);
        r->inputs[i].begins.numbered = r->inputs[i].name.numbered;
    }
    qsort(order, r->readable, sizeof *order, by_ring);
    for (size_t i = 1; i < r->readable; i++) {
        struct input *a = order[i - 1], *b = order[i];
        if (a->name.ring == 0 || a->name.ring != b->name.ring || b->name.number != a->name.number + 1)
            continue;
        b->begins.has_before = a->begins.has_time || a->begins.has_before;
        b->begins.before = a->begins.has_time ? (size_t)(a - r->inputs) : a->begins.before;
        if (b->begins.has_before && b->begins.has_time)
            r->inputs[b->begins.before].begins.awaited = true;
    }
    free(order);
    return true;
}

static void counted(void *ctx, size_t input, const struct dissect_counters *delta)
{
    struct run *r = ctx;
    enum { FIELDS = sizeof(struct dissect_counters) / sizeof(uint64_t) };
    r->evicted += delta->flows_evicted + delta->conversations_evicted;
    struct dissect_counters *sum = &r->inputs[input].counters;
    uint64_t peak = delta->state_bytes_peak > sum->state_bytes_peak ? delta->state_bytes_peak : sum->state_bytes_peak;
    uint64_t fields[FIELDS], more[FIELDS];
    memcpy(fields, sum, sizeof *sum);
    memcpy(more, delta, sizeof *delta);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] += more[i];
    memcpy(sum, fields, sizeof *sum);
    sum->state_bytes_peak = peak;
}

static void measure(const struct run *r, const struct input *in, const struct vantage *v)
{
    struct run_meter *m = r->hooks->meter;
    const struct source_info *info = source_info(in->source);
    struct dissect_counters c;
    dissect_get_counters(v->dissector, &c);
    *m = (struct run_meter){.packets = r->packets_before + info->packets,
                            .bytes = r->bytes_before + info->bytes,
                            .lost = r->lost_before,
                            .evicted = r->evicted + c.flows_evicted - v->told.flows_evicted + c.conversations_evicted -
                                       v->told.conversations_evicted,
                            .state_bytes = dissect_state_bytes(v->dissector),
                            .capture = in->index,
                            .info = info,
                            .dissector = v->dissector};
    for (size_t i = 0; i < info->interface_count; i++)
        m->lost += info->interfaces[i].has_drops ? info->interfaces[i].drops : 0;
}

static void read_frames(struct run *r, struct input *in, const struct vantage *v)
{
    struct frame frames[SOURCE_BATCH];
    size_t n, since = 0;
    source_set_capture(in->source, in->index); /* not yet known when a pipe was opened */
    while (!platform_stop_asked() && (n = source_next(in->source, frames, SOURCE_BATCH)) > 0) {
        dissect_frames(v->dissector, frames, n);
        if (r->hooks->meter != NULL)
            measure(r, in, v);
        since += n;
        if (since >= PROGRESS_FRAMES) {
            r->hooks->progress(r->hooks->ctx, in->path, r->bytes_before + source_info(in->source)->bytes);
            since = 0;
        }
    }
}

/* False when memory is short. */
static bool read_input(struct run *r, struct input *in, bool last)
{
    char error[SOURCE_ERROR];
    if (in->source == NULL)
        in->source = open_input(r, in, error);
    if (in->source == NULL) { /* it was readable a moment ago; its index is given away */
        complain_unopened(r, error);
        source_info_copy(&in->info, &(struct source_info){.path = in->path, .format = "pcap", .damage = error});
        return true;
    }
    r->reading = in->path;
    if (r->hooks->reading != NULL)
        r->hooks->reading(r->hooks->ctx, in->index, in->path);
    struct vantage *v = vantage_for(&r->vantages, &in->begins, last);
    if (v == NULL)
        return false;
    read_frames(r, in, v);
    if (r->hooks->meter != NULL)
        r->hooks->meter->info = NULL;
    const struct source_info *info = source_info(in->source);
    source_info_copy(&in->info, info);
    vantage_read(&r->vantages, v, (size_t)(in - r->inputs), &in->begins, &in->info);
    r->bytes_before += info->bytes;
    r->packets_before += info->packets;
    for (size_t i = 0; i < info->interface_count; i++)
        r->lost_before += info->interfaces[i].has_drops ? info->interfaces[i].drops : 0;
    if (info->damage != NULL)
        complain(r, in->path, info->damage);
    source_close(in->source);
    in->source = NULL;
    return true;
}

static bool read_all(struct run *r)
{
    qsort(r->inputs, r->count, sizeof *r->inputs, by_time);
    pass_copies_over(r);
    bool good = find_rings(r);
    for (size_t i = 0; i < r->readable; i++)
        r->inputs[i].index = (uint32_t)i;
    for (size_t i = 0; i < r->readable && good; i++)
        good = read_input(r, &r->inputs[i], i + 1 == r->readable);
    vantages_finish(&r->vantages);
    return good;
}

static enum run_result run(const struct options *o, struct analysis *a, const struct vantage_watch *watch,
                           const struct run_hooks *hooks)
{
    struct run r = {.options = o, .hooks = hooks, .count = o->capture_count};
    r.vantages.analysis = a;
    r.vantages.watch = watch;
    r.vantages.secrets = o->secrets;
    r.vantages.memory_left = options_dissect_bytes(o);
    r.vantages.counted = counted;
    r.vantages.ctx = &r;
    r.inputs = calloc(r.count + 1, sizeof *r.inputs);
    bool good = r.inputs != NULL;
    for (size_t i = 0; i < r.count && good; i++) {
        r.inputs[i].path = r.inputs[i].begins.path = o->captures[i];
        probe(&r, &r.inputs[i]);
    }
    good = good && read_all(&r);
    for (size_t i = 0; i < r.count && r.inputs != NULL; i++) {
        struct input *in = &r.inputs[i];
        if (in->readable && good && a != NULL)
            analysis_add_capture(a, &in->info, &in->counters);
        if (in->info.path != NULL)
            source_info_free(&in->info);
        if (in->source != NULL)
            source_close(in->source);
    }
    free(r.inputs);
    if (!good)
        hooks->complaint(hooks->ctx, "out of memory");
    return !good || r.readable == 0 ? RUN_NOTHING : r.partial ? RUN_PARTIAL : RUN_COMPLETE;
}

enum run_result run_captures(const struct options *o, struct analysis *a, const struct run_hooks *hooks)
{
    return run(o, a, NULL, hooks);
}

static void pass_over(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence;
}

static void show_nothing(void *ctx, const char *path, uint64_t bytes)
{
    (void)ctx;
    (void)path;
    (void)bytes;
}

enum run_result run_again(const struct options *o, const struct vantage_watch *watch)
{
    const struct run_hooks hooks = {.complaint = pass_over, .progress = show_nothing};
    return run(o, NULL, watch, &hooks);
}
