#include "capture/source.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/filter.h"
#include "capture/not_a_capture.h"
#include "capture/platform.h"
#include "capture/reader.h"
#include "capture/source_memory.h"

enum { PATH_IN_ERROR = 200 };

struct source {
    struct reader reader;
    const struct backend *backend;
    void *state;
    struct filter *filter;
    char *path;
    uint32_t capture;
    bool any_time;
    bool has_peeked;
    struct frame peeked; /* taken by source_first_time; its bytes are lent until the backend is called again */
};

/* The path in front, without what could break a line or a terminal. */
static void name_path(char error[static SOURCE_ERROR], const char *path, const char *reason)
{
    snprintf(error, SOURCE_ERROR, "%.*s: %s", (int)PATH_IN_ERROR, strcmp(path, "-") == 0 ? "standard input" : path,
             reason);
    for (char *c = error; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

static const struct backend *choose_backend(struct source *s, char reason[static SOURCE_ERROR])
{
    const struct stream *stream = &s->reader.stream;
    struct span window = {stream->at, stream->left};
    if (pcap_file_recognise(window))
        return &pcap_file_backend;
    if (pcapng_file_recognise(window))
        return &pcapng_file_backend;
    if (stream->fault != NULL)
        snprintf(reason, SOURCE_ERROR, "%s", stream->fault);
    else if (window.len == 0)
        snprintf(reason, SOURCE_ERROR, "empty");
    else if (stream->compression == NULL && stream->fd >= 0 && strcmp(s->path, "-") != 0)
        return &foreign_file_backend;
    else
        snprintf(reason, SOURCE_ERROR, "%s", not_a_capture(window, s->path));
    return NULL;
}

static bool start(struct source *s, int fd, struct span memory, size_t buffer, const char *filter,
                  char reason[static SOURCE_ERROR])
{
    struct reader *r = &s->reader;
    enum { MAGIC = 8 };
    if (!stream_open(&r->stream, fd, memory, buffer)) {
        snprintf(reason, SOURCE_ERROR, "out of memory");
        return false;
    }
    (void)stream_fill(&r->stream, MAGIC); /* less is told apart below */
    r->info.compression = r->stream.compression;
    s->backend = choose_backend(s, reason);
    s->state = s->backend != NULL ? s->backend->open(r, s->path, reason) : NULL;
    if (s->state == NULL)
        return false;
    if (filter == NULL)
        return true;
    int link_type = r->info.interface_count > 0 ? r->interfaces[0].link_type : -1;
    s->filter = filter_new(filter, link_type, reason);
    return s->filter != NULL;
}

/* With the path and nothing to read yet; NULL when memory is short. */
static struct source *source_new(const char *path)
{
    size_t size = strlen(path) + 1;
    struct source *s = calloc(1, sizeof *s);
    char *own = malloc(size);
    if (s == NULL || own == NULL) {
        free(s);
        free(own);
        return NULL;
    }
    memcpy(own, path, size);
    s->reader.stream.fd = -1;
    s->reader.info.path = s->path = own;
    return s;
}

static struct source *open_source(const char *path, int fd, struct span memory, size_t buffer,
                                  const struct source_options *options, char error[static SOURCE_ERROR])
{
    char reason[SOURCE_ERROR] = "out of memory";
    struct source *s = source_new(path);
    if (s == NULL) {
        if (fd >= 0)
            platform_read_close(fd);
        name_path(error, path, reason);
        return NULL;
    }
    s->reader.secrets = options->secrets;
    s->reader.secrets_ctx = options->secrets_ctx;
    s->capture = options->capture;
    if (start(s, fd, memory, buffer, options->filter, reason))
        return s;
    name_path(error, path, reason);
    source_close(s);
    return NULL;
}

struct source *source_open(const char *path, const struct source_options *options, char error[static SOURCE_ERROR])
{
    char reason[PLATFORM_ERROR];
    int fd = platform_read_open(path, reason);
    if (fd < 0) {
        name_path(error, path, reason);
        return NULL;
    }
    return open_source(path, fd, (struct span){NULL, 0}, STREAM_BUFFER, options, error);
}

struct source *source_open_memory(struct span bytes, size_t buffer, const struct source_options *options,
                                  char error[static SOURCE_ERROR])
{
    return open_source("memory", -1, bytes, buffer, options, error);
}

struct source *source_open_device(const char *name, const struct device_options *options, char error[static SOURCE_ERROR])
{
    char reason[SOURCE_ERROR] = "out of memory";
    struct source *s = source_new(name);
    if (s != NULL) {
        s->capture = options->capture;
        s->backend = &live_backend;
        s->reader.device_filter = options->filter;
        s->reader.ring_mib = options->ring_mib;
        s->state = live_backend.open(&s->reader, s->path, reason);
        s->reader.device_filter = NULL;
        if (s->state != NULL)
            return s;
    }
    name_path(error, name, reason);
    source_close(s);
    return NULL;
}

void source_set_capture(struct source *s, uint32_t capture)
{
    s->capture = s->peeked.capture = capture;
}

bool source_ended(const struct source *s)
{
    return s->reader.finished;
}

int source_handle(const struct source *s)
{
    return s->backend->handle != NULL ? s->backend->handle(s->state) : -1;
}

enum source_link source_link(const struct source *s)
{
    return s->backend->link != NULL ? s->backend->link(s->state) : SOURCE_LINK_UP;
}

void source_refresh(struct source *s)
{
    if (s->backend->refresh != NULL)
        s->backend->refresh(s->state);
}

/* Linux cooked captures say in their header which way a packet went: 0 to 2 to this host, 4 from it. */
static uint16_t cooked_direction(const struct frame *f)
{
    enum { SLL_TYPE = 1, SLL2_TYPE = 10, TO_US = 2, FROM_US = 4 };
    struct cursor c = cursor_of(span_of(f->bytes, f->len));
    uint8_t type;
    if (!take_skip(&c, f->link_type == LINKTYPE_LINUX_SLL ? SLL_TYPE : SLL2_TYPE) || !take_u8(&c, &type))
        return 0;
    return type <= TO_US ? FRAME_INBOUND : type == FROM_US ? FRAME_OUTBOUND : 0;
}

static void note_lengths(struct source_info *info, struct frame *f)
{
    if (f->wire_len > f->len) {
        info->cut_packets++;
    } else { /* conversions of Windows traces do that: the bytes are there */
        info->wrong_lengths++;
        f->wire_len = f->len;
    }
}

/* Sums are kept out of the loop: most frames change nothing else. */
static void account(struct source *s, struct frame *frames, size_t count)
{
    struct source_info *info = &s->reader.info;
    int64_t first_ns = s->any_time ? info->first_ns : INT64_MAX, last_ns = s->any_time ? info->last_ns : INT64_MIN;
    uint64_t bytes = 0;
    for (struct frame *f = frames; f < frames + count; f++) {
        f->capture = s->capture;
        bytes += f->len;
        if (f->wire_len != f->len)
            note_lengths(info, f);
        if (f->time_ns != 0) {
            first_ns = f->time_ns < first_ns ? f->time_ns : first_ns;
            last_ns = f->time_ns > last_ns ? f->time_ns : last_ns;
        }
        if (f->link_type == LINKTYPE_LINUX_SLL || f->link_type == LINKTYPE_LINUX_SLL2)
            f->flags |= cooked_direction(f);
    }
    info->packets += count;
    info->bytes += bytes;
    if (first_ns <= last_ns) {
        s->any_time = true;
        info->first_ns = first_ns;
        info->last_ns = last_ns;
    }
}

/* Drops what the filter does not want; the rest moves up. */
static size_t sift(struct source *s, struct frame *frames, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (filter_match(s->filter, &frames[i]))
            frames[kept++] = frames[i];
    s->reader.info.filtered += count - kept;
    return kept;
}

static size_t take_frames(struct source *s, struct frame *frames, size_t max)
{
    for (;;) {
        size_t count = s->backend->next(s->state, frames, max);
        account(s, frames, count);
        if (count == 0 || s->filter == NULL)
            return count;
        size_t kept = sift(s, frames, count);
        if (kept > 0)
            return kept;
    }
}

size_t source_next(struct source *s, struct frame *frames, size_t max)
{
    if (max == 0)
        return 0;
    if (s->has_peeked) {
        s->has_peeked = false;
        frames[0] = s->peeked;
        return 1;
    }
    return take_frames(s, frames, max);
}

bool source_first_time(struct source *s, int64_t *time_ns)
{
    if (!s->has_peeked && take_frames(s, &s->peeked, 1) == 0)
        return false;
    s->has_peeked = true;
    *time_ns = s->peeked.time_ns;
    return true;
}

const struct source_info *source_info(const struct source *s)
{
    return &s->reader.info;
}

void source_close(struct source *s)
{
    if (s == NULL)
        return;
    if (s->state != NULL)
        s->backend->close(s->state);
    filter_free(s->filter);
    reader_free(&s->reader);
    free(s->path);
    free(s);
}
