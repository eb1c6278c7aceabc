/*
 * A file that takes whole lines, each handed to the system at once. It grows at its end, also over restarts. When a line would make
 * it longer than it may be, FILE becomes FILE.1, FILE.1 becomes FILE.2 and so on, and the oldest goes; when somebody else has
 * renamed it (logrotate), it is asked to be made anew. No line is torn or in two files; what a full disk does not take is said
 * once, counted, and tried again with what comes next.
 */
#ifndef VS_ANALYZE_LOG_FILE_H
#define VS_ANALYZE_LOG_FILE_H

#include "capture/wire/span.h"

enum { LOG_FILES_MOST = 10000, LOG_FILE_ERROR = 640 };

struct log_file_options {
    const char *path;    /* lent */
    uint64_t file_bytes; /* most bytes of one, but for a line that is longer; 0: no matter how many */
    uint32_t files;      /* most of them, with the one that is written, 2 .. LOG_FILES_MOST; with file_bytes only */
    void (*say)(void *ctx, const char *sentence); /* that lines are not written, or are again */
    void *ctx;
};

struct log_file;

/* Opens nothing. NULL when memory is short. */
struct log_file *log_file_new(const struct log_file_options *options);
void log_file_free(struct log_file *l); /* closes it */

/* Opens or makes the file; false with a sentence. */
bool log_file_open(struct log_file *l, char error[static LOG_FILE_ERROR]);

/* The name belongs to another file by now, or to none: goes on in a new one. Before the next line, or at once. */
void log_file_reopen(struct log_file *l);

/* One line, with its line feed. Makes the file anew before, when SIGHUP has asked for it (platform_catch_hangup). */
void log_file_line(struct log_file *l, struct span line);

/* Lines that could not be written so far. */
uint64_t log_file_missed(const struct log_file *l);

#endif
