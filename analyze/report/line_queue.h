/*
 * Lines for a reader who may be slow: a pipe, a terminal, a socket. Until it is told to wait nothing here does: what is not taken
 * now stays in a queue of a fixed size. When that is full whole lines are left out, said once and counted, until half of it is
 * free again. None is torn, or in another order.
 */
#ifndef VS_ANALYZE_LINE_QUEUE_H
#define VS_ANALYZE_LINE_QUEUE_H

#include "capture/wire/span.h"

/* Of lines that wait; beside --memory, and used only as far as there are any. */
enum { LINE_QUEUE_BYTES = 4 << 20 };

struct line_queue_options {
    int handle;       /* platform_output_open's; not closed here */
    const char *name; /* of what it writes to, for sentences; lent */
    void (*say)(void *ctx, const char *sentence); /* that lines are left out, or are not any more; may be one of its lines */
    void *ctx;
};

struct line_queue;

/* NULL when memory is short. */
struct line_queue *line_queue_new(const struct line_queue_options *options);
void line_queue_free(struct line_queue *q); /* what waits is lost */

/* One line, with its line feed. */
void line_queue_line(struct line_queue *q, struct span line);

/* Nothing waits. */
bool line_queue_is_empty(const struct line_queue *q);

/* Hands on what is taken at once; to be called now and then. */
void line_queue_push(struct line_queue *q);

/* From now on each line is handed on before this, or line_queue_line, returns, however long it takes. */
void line_queue_wait(struct line_queue *q);

/* Nobody reads any more, or nothing can be written: all is lost from now on. */
bool line_queue_failed(const struct line_queue *q);

/* Lines that were left out so far. */
uint64_t line_queue_missed(const struct line_queue *q);

#endif
