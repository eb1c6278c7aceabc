#include "analyze/report/line_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { SENTENCE = 160, PIECES_AT_ONCE = 64 /* more wait for the next push, lest they hold up who calls */ };

struct line_queue {
    struct line_queue_options options;
    uint8_t *bytes;        /* a ring of LINE_QUEUE_BYTES */
    size_t first, used;
    uint64_t missed, missed_now; /* in all; since lines are left out */
    bool full;             /* said that they are */
    bool waiting, failed;
};

struct line_queue *line_queue_new(const struct line_queue_options *options)
{
    struct line_queue *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->options = *options;
    q->bytes = malloc(LINE_QUEUE_BYTES);
    if (q->bytes != NULL)
        return q;
    line_queue_free(q);
    return NULL;
}

void line_queue_free(struct line_queue *q)
{
    if (q == NULL)
        return;
    free(q->bytes);
    free(q);
}

/* What is handed on next: lines that are whole as far as there is room for one, as others may write to the same pipe. */
static size_t next_piece(const struct line_queue *q, uint8_t piece[static PLATFORM_OUTPUT_AT_ONCE])
{
    size_t len = q->used < PLATFORM_OUTPUT_AT_ONCE ? q->used : PLATFORM_OUTPUT_AT_ONCE;
    size_t before_end = LINE_QUEUE_BYTES - q->first, part = len < before_end ? len : before_end, whole = len;
    memcpy(piece, q->bytes + q->first, part);
    memcpy(piece + part, q->bytes, len - part);
    while (whole > 0 && piece[whole - 1] != '\n')
        whole--;
    return whole > 0 ? whole : len;
}

/* False when nothing more is taken now. */
static bool push_piece(struct line_queue *q)
{
    uint8_t piece[PLATFORM_OUTPUT_AT_ONCE];
    size_t len = next_piece(q, piece);
    int64_t taken = platform_output_some(q->options.handle, piece, len);
    if (taken < 0) {
        q->failed = true;
        q->used = 0;
        return false;
    }
    q->first = (q->first + (size_t)taken) % LINE_QUEUE_BYTES;
    q->used -= (size_t)taken;
    return taken > 0;
}

static void goes_on(struct line_queue *q)
{
    char text[SENTENCE];
    if (!q->full || q->used > LINE_QUEUE_BYTES / 2)
        return;
    snprintf(text, sizeof text, "%s: lines are written again; left out: %llu", q->options.name, (unsigned long long)q->missed_now);
    q->full = false;
    q->missed_now = 0;
    q->options.say(q->options.ctx, text);
}

void line_queue_push(struct line_queue *q)
{
    for (unsigned i = 0; i < PIECES_AT_ONCE && q->used > 0 && push_piece(q); i++)
        ;
    goes_on(q);
}

static void push_all(struct line_queue *q)
{
    while (q->used > 0 && (push_piece(q) || (!q->failed && platform_output_wait(q->options.handle))))
        ;
    goes_on(q);
}

void line_queue_wait(struct line_queue *q)
{
    q->waiting = true;
    push_all(q);
}

static void miss(struct line_queue *q)
{
    char text[SENTENCE];
    q->missed++;
    q->missed_now++;
    if (q->full)
        return;
    q->full = true;
    snprintf(text, sizeof text, "%s: who reads it is too slow; lines are left out as long as this lasts", q->options.name);
    q->options.say(q->options.ctx, text);
}

void line_queue_line(struct line_queue *q, struct span line)
{
    if (q->failed || line.len == 0)
        return;
    if (q->full || line.len > LINE_QUEUE_BYTES - q->used) {
        miss(q);
        return;
    }
    size_t at = (q->first + q->used) % LINE_QUEUE_BYTES, before_end = LINE_QUEUE_BYTES - at;
    size_t part = line.len < before_end ? line.len : before_end;
    memcpy(q->bytes + at, line.data, part);
    memcpy(q->bytes, line.data + part, line.len - part);
    q->used += line.len;
    if (q->waiting)
        push_all(q);
    else
        line_queue_push(q);
}

bool line_queue_is_empty(const struct line_queue *q)
{
    return q->used == 0;
}

bool line_queue_failed(const struct line_queue *q)
{
    return q->failed;
}

uint64_t line_queue_missed(const struct line_queue *q)
{
    return q->missed;
}
