#include <stdio.h>
#include <stdlib.h>

#include "analyze/record/packet_marks_internal.h"
#include "capture/block_file.h"
#include "capture/pcapng_writer.h"

enum { PATH_MOST = 4096, NO_INTERFACE = UINT32_MAX };

/* A capture with marked frames. */
struct input {
    const struct packet_copy *copy;
    struct source *source; /* open while it has marked frames to come */
    uint32_t index;
    bool begun, over;
    struct frame next;     /* marked; lent until its source is read on */
    uint32_t *interfaces;  /* of the file, by those of the capture */
    size_t interface_count;
    struct output_file *out;
};

struct output_file {
    struct block_file file;
    struct pcapng_writer writer;
    uint64_t packets;
};

static void complain(char error[static PACKET_COPY_ERROR], const char *path, const char *reason)
{
    snprintf(error, PACKET_COPY_ERROR, "%.300s: %.300s", path, reason);
}

/* Secrets that a capture carries, as far as they are the session's. What cannot be written shows with the next packet. */
static void on_secrets(void *ctx, uint32_t type, struct span secrets)
{
    const struct input *in = ctx;
    uint8_t *lines = type == SECRETS_TLS_KEY_LOG && secrets.len > 0 ? malloc(secrets.len) : NULL;
    if (lines == NULL)
        return;
    size_t len = key_lines_sift(in->copy->keys, secrets, lines);
    if (len > 0 && pcapng_secrets(&in->out->writer, type, span_of(lines, len)))
        block_file_end(&in->out->file);
    free(lines);
}

/* Reads on to the next marked frame. */
static void advance(struct input *in)
{
    const struct capture_marks *m = &in->copy->marks->captures[in->index];
    while (in->next.number < m->last && source_next(in->source, &in->next, 1) == 1) {
        in->next.capture = in->index;
        if (packet_marks_has(in->copy->marks, &in->next))
            return;
    }
    source_close(in->source);
    in->source = NULL;
    in->over = true;
}

static bool begin(struct input *in, char error[static PACKET_COPY_ERROR])
{
    char reason[SOURCE_ERROR];
    const struct source_options options = {
        .capture = in->index, .filter = in->copy->filter, .secrets = on_secrets, .secrets_ctx = in};
    in->begun = true;
    in->source = source_open(in->copy->captures[in->index].info.path, &options, reason);
    if (in->source == NULL) {
        snprintf(error, PACKET_COPY_ERROR, "%.500s", reason);
        return false;
    }
    advance(in);
    return true;
}

/* The input whose frame comes next; captures are opened when their time has come. NULL at the end. */
static struct input *next_input(struct input *inputs, size_t count, bool *good, char error[static PACKET_COPY_ERROR])
{
    for (;;) {
        struct input *best = NULL;
        int64_t best_ns = 0;
        for (size_t i = 0; i < count; i++) {
            struct input *in = &inputs[i];
            int64_t ns = in->begun ? in->next.time_ns : in->copy->marks->captures[in->index].first_ns;
            if (in->over || (best != NULL && best_ns <= ns))
                continue;
            best = in;
            best_ns = ns;
        }
        if (best == NULL || best->begun)
            return best;
        if (!begin(best, error)) {
            *good = false;
            return NULL;
        }
    }
}

/* The file's interface for that of the frame, described at its first packet; a capture without a name for it is named. */
static bool interface_of(struct input *in, uint32_t *interface)
{
    const struct source_info *info = source_info(in->source);
    uint32_t wanted = in->next.interface;
    if (wanted >= in->interface_count) {
        uint32_t *bigger = realloc(in->interfaces, ((size_t)wanted + 1) * sizeof *bigger);
        if (bigger == NULL)
            return false;
        for (size_t i = in->interface_count; i <= wanted; i++)
            bigger[i] = NO_INTERFACE;
        in->interfaces = bigger;
        in->interface_count = (size_t)wanted + 1;
    }
    if (in->interfaces[wanted] == NO_INTERFACE) {
        struct source_interface described = info->interfaces[wanted];
        described.description = described.description != NULL ? described.description : info->path;
        in->interfaces[wanted] = in->out->writer.interfaces;
        if (!pcapng_interface(&in->out->writer, &described))
            return false;
        block_file_end(&in->out->file);
    }
    *interface = in->interfaces[wanted];
    return true;
}

static bool copy_packet(struct input *in)
{
    uint32_t interface;
    if (!interface_of(in, &interface) || !pcapng_packet(&in->out->writer, &in->next, interface, NULL))
        return false;
    block_file_end(&in->out->file);
    in->out->packets++;
    advance(in);
    return true;
}

/* How long each interface was sniffed: what rests on silence after the last packet rests on that. */
static bool write_ends(const struct input *in)
{
    const struct source_info *info = &in->copy->captures[in->index].info;
    int64_t last_ns = info->end_ns > info->last_ns ? info->end_ns : info->last_ns;
    bool good = true;
    for (size_t i = 0; i < in->interface_count && i < info->interface_count && good; i++) {
        const struct source_interface *from = &info->interfaces[i];
        if (in->interfaces[i] == NO_INTERFACE)
            continue;
        good = pcapng_statistics(&in->out->writer, in->interfaces[i], info->first_ns, last_ns, from->has_drops ? &from->drops : NULL);
        block_file_end(&in->out->file);
    }
    return good;
}

static bool copy_all(struct output_file *out, struct input *inputs, size_t count, const char *path,
                     char error[static PACKET_COPY_ERROR])
{
    bool good = pcapng_begin(&out->writer, "vpnscope " VPNSCOPE_VERSION);
    struct input *in;
    block_file_end(&out->file);
    while (good && (in = next_input(inputs, count, &good, error)) != NULL) {
        if (copy_packet(in))
            continue;
        complain(error, path, out->file.failed ? out->file.error : "out of memory");
        return false;
    }
    for (size_t i = 0; i < count && good; i++)
        if (!write_ends(&inputs[i]))
            break; /* flushing tells */
    if (good && !block_file_flush(&out->file)) {
        complain(error, path, out->file.error);
        return false;
    }
    return good;
}

static bool copy_inputs(const struct packet_copy *c, struct output_file *out, char error[static PACKET_COPY_ERROR])
{
    size_t count = 0;
    struct input *inputs = calloc(c->marks->count + 1, sizeof *inputs);
    if (inputs == NULL) {
        snprintf(error, PACKET_COPY_ERROR, "out of memory");
        return false;
    }
    for (size_t i = 0; i < c->marks->count && i < c->capture_count; i++)
        if (c->marks->captures[i].packets > 0)
            inputs[count++] = (struct input){.copy = c, .index = (uint32_t)i, .out = out};
    bool good = copy_all(out, inputs, count, c->path, error);
    for (size_t i = 0; i < count; i++) {
        source_close(inputs[i].source);
        free(inputs[i].interfaces);
    }
    free(inputs);
    return good;
}

/* A file that is there may be one of the captures: it is replaced when all is read. What is no file is written to. */
bool packet_copy_write(const struct packet_copy *c, uint64_t *packets, char error[static PACKET_COPY_ERROR])
{
    char part[PATH_MOST], reason[PLATFORM_ERROR];
    struct output_file out = {.packets = 0};
    enum platform_kind kind = platform_kind(c->path);
    bool beside = kind == PLATFORM_FILE || kind == PLATFORM_MISSING;
    int len = snprintf(part, sizeof part, "%s%s", c->path, beside ? ".part" : "");
    if (!block_file_init(&out.file)) {
        snprintf(error, PACKET_COPY_ERROR, "out of memory");
        return false;
    }
    out.writer = (struct pcapng_writer){.put = block_file_put, .ctx = &out.file};
    bool good = len > 0 && (size_t)len < sizeof part && block_file_open(&out.file, part, false);
    if (!good) {
        complain(error, c->path, out.file.error[0] != '\0' ? out.file.error : "the path is too long");
        block_file_free(&out.file);
        return false;
    }
    good = copy_inputs(c, &out, error);
    block_file_free(&out.file);
    if (good && beside && !platform_replace(part, c->path, reason)) {
        complain(error, c->path, reason);
        good = false;
    }
    if (!good && beside)
        (void)platform_remove(part, reason);
    *packets = out.packets;
    return good;
}
