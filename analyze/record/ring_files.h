/*
 * A ring of pcapng files: when one is full the next is begun, and when there are too many the oldest goes. Those of an earlier
 * run belong to it, too. What a full disk does not take is said once, and tried again with what comes next.
 */
#ifndef VS_ANALYZE_RECORD_RING_FILES_H
#define VS_ANALYZE_RECORD_RING_FILES_H

#include "capture/pcapng_writer.h"

enum { RING_FILES_MOST = 10000, RING_FILES_ERROR = 640 };

struct ring_files_options {
    const char *path;                        /* "rec.pcapng": the files are rec-00001.pcapng and so on; lent */
    uint64_t file_bytes;                     /* most bytes of one */
    uint32_t files;                          /* most of them, 1 .. RING_FILES_MOST */
    const struct source_interface *interfaces; /* of every file; lent */
    size_t interface_count;
    void (*say)(void *ctx, const char *sentence); /* that it stops, or goes on */
    void *ctx;
};

struct ring_files;

/* Looks which files there are; makes none. NULL with a sentence: a folder that cannot be read, no memory. */
struct ring_files *ring_files_new(const struct ring_files_options *options, char error[static RING_FILES_ERROR]);
void ring_files_free(struct ring_files *r);

/* The folder of a path, "." without one; the caller frees, NULL when memory is short. */
char *ring_files_folder(const char *path);

/* Begins the first file; false with a sentence. */
bool ring_files_begin(struct ring_files *r, char error[static RING_FILES_ERROR]);

/*
 * What belongs together, about so many bytes of it, comes now: it goes into one file, when it fits into one. False: nothing
 * can be written now (said); ring_files_packet is not to be called.
 */
bool ring_files_start(struct ring_files *r, uint64_t bytes);
bool ring_files_packet(struct ring_files *r, const struct frame *f, uint32_t interface, const char *note);
/* Of the interface, until now_ns nothing more of it came. */
void ring_files_end(struct ring_files *r, uint32_t interface, int64_t now_ns);
/* It is all there, and handed to the system. False: not, or not all of it. */
bool ring_files_finish(struct ring_files *r);

#endif
