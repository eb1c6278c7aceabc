#include "analyze/report/log_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { NUMBER_TEXT = 12 };
#define AGAIN_NS (10 * INT64_C(1000000000)) /* where one line found no room shorter ones may: that is no room again */

struct log_file {
    struct log_file_options options;
    int fd;             /* -1: not open */
    uint64_t length;
    uint64_t limit;     /* from which length on the next file is begun */
    uint64_t missed, missed_now; /* in all; since lines are not written */
    bool stopped;       /* said that they are not */
    size_t refused;     /* length of the line that was not written first */
    int64_t refused_ns; /* when one was tried in vain last */
    bool stuck;         /* said that it cannot be renamed */
    char *from, *to;    /* room for names */
    size_t room;
};

struct log_file *log_file_new(const struct log_file_options *options)
{
    struct log_file *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->options = *options;
    l->fd = -1;
    l->limit = options->file_bytes;
    l->room = strlen(options->path) + NUMBER_TEXT;
    l->from = malloc(l->room);
    l->to = malloc(l->room);
    if (l->from != NULL && l->to != NULL)
        return l;
    log_file_free(l);
    return NULL;
}

static void close_file(struct log_file *l)
{
    if (l->fd >= 0)
        platform_write_close(l->fd);
    l->fd = -1;
}

void log_file_free(struct log_file *l)
{
    if (l == NULL)
        return;
    close_file(l);
    free(l->from);
    free(l->to);
    free(l);
}

static bool open_file(struct log_file *l, char reason[static PLATFORM_ERROR])
{
    close_file(l);
    l->fd = platform_append_open(l->options.path, &l->length, reason);
    l->limit = l->options.file_bytes;
    return l->fd >= 0;
}

bool log_file_open(struct log_file *l, char error[static LOG_FILE_ERROR])
{
    char reason[PLATFORM_ERROR];
    if (open_file(l, reason))
        return true;
    snprintf(error, LOG_FILE_ERROR, "--output: %.300s: %s", l->options.path, reason);
    return false;
}

void log_file_reopen(struct log_file *l)
{
    char reason[PLATFORM_ERROR];
    (void)open_file(l, reason); /* trouble is told with the next line, which tries again */
}

static void say(const struct log_file *l, const char *what, const char *reason)
{
    char text[LOG_FILE_ERROR];
    snprintf(text, sizeof text, "%.300s: %s%s", l->options.path, what, reason);
    l->options.say(l->options.ctx, text);
}

/* "FILE.3"; 0 is the file itself. */
static const char *name_of(const struct log_file *l, char *room, uint32_t number)
{
    if (number == 0)
        snprintf(room, l->room, "%s", l->options.path);
    else
        snprintf(room, l->room, "%s.%u", l->options.path, (unsigned)number);
    return room;
}

/* Each takes the name of the one before it. When the file itself cannot be renamed it goes on growing, lest a line be lost. */
static void rotate(struct log_file *l)
{
    char reason[PLATFORM_ERROR];
    bool moved = true;
    for (uint32_t i = l->options.files - 1; i > 0; i--)
        moved = platform_replace(name_of(l, l->from, i - 1), name_of(l, l->to, i), reason);
    if (moved) {
        l->stuck = false;
        (void)open_file(l, reason);
        return;
    }
    if (!l->stuck)
        say(l, "it cannot be renamed, and grows on: ", reason);
    l->stuck = true;
    l->limit = l->length + l->options.file_bytes;
}

static void miss(struct log_file *l, size_t len, const char *reason)
{
    l->missed++;
    l->missed_now++;
    l->refused_ns = platform_monotonic_ns();
    if (l->stopped)
        return;
    say(l, "events are not written as long as this lasts: ", reason);
    l->refused = len;
    l->stopped = true;
}

static bool waits(const struct log_file *l, size_t len)
{
    return l->stopped && len < l->refused && platform_monotonic_ns() - l->refused_ns < AGAIN_NS;
}

static void goes_on(struct log_file *l)
{
    char text[64];
    snprintf(text, sizeof text, "%llu", (unsigned long long)l->missed_now);
    say(l, "events are written again; left out: ", text);
    l->stopped = false;
    l->missed_now = 0;
}

void log_file_line(struct log_file *l, struct span line)
{
    char reason[PLATFORM_ERROR] = "";
    if (platform_hangup_asked())
        log_file_reopen(l);
    if (waits(l, line.len)) {
        l->missed++;
        l->missed_now++;
        return;
    }
    if (l->fd >= 0)
        l->length = platform_write_length(l->fd); /* whoever copies it away may have cut it */
    if (l->limit > 0 && l->fd >= 0 && l->length > 0 && l->length + line.len > l->limit)
        rotate(l);
    if (l->fd < 0 && !open_file(l, reason)) {
        miss(l, line.len, reason);
        return;
    }
    if (!platform_write(l->fd, line.data, line.len, reason)) {
        (void)platform_write_cut(l->fd, l->length); /* what was taken of it */
        miss(l, line.len, reason);
        return;
    }
    l->length += line.len;
    if (l->stopped)
        goes_on(l);
}

uint64_t log_file_missed(const struct log_file *l)
{
    return l->missed;
}
