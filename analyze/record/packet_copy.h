/* Frames that are marked, copied out of their captures into one pcapng file, in the order of their times. */
#ifndef VS_ANALYZE_RECORD_PACKET_COPY_H
#define VS_ANALYZE_RECORD_PACKET_COPY_H

#include "analyze/session/overview.h"
#include "capture/frame.h"
#include "dissect/tls/session.h"

enum { PACKET_COPY_ERROR = 640 };

/* Which frames of which captures: a bit each. */
struct packet_marks;
struct packet_marks *packet_marks_new(uint64_t memory_bytes); /* NULL when memory is short */
void packet_marks_free(struct packet_marks *m);
/* Marks a frame by its capture and number. False when that takes more memory than may be had. */
bool packet_marks_add(struct packet_marks *m, const struct frame *f);

/* The lines of embedded TLS key logs that are for wanted sessions, and for no others. */
struct key_lines;
enum { KEY_LINES_RANDOM = 32, KEY_LINES_MOST = 64 };
/* Of one log, for one session: lines, and bytes of each. More than TLS has, and all together fit into a block. */
enum { KEY_LINES_EACH = 32, KEY_LINE_BYTES = 512 };
struct key_lines *key_lines_new(void);
void key_lines_free(struct key_lines *k);
void key_lines_want(struct key_lines *k, const uint8_t client_random[static KEY_LINES_RANDOM]);
/* Copies the wanted lines of a key log (NSS format) to out, which has room for all of it; returns their length. */
size_t key_lines_sift(const struct key_lines *k, struct span log, uint8_t *out);

struct packet_copy {
    const struct packet_marks *marks;
    const struct key_lines *keys;
    const struct capture_report *captures; size_t capture_count; /* by their index in frames */
    const char *filter; /* as when they were read, or NULL */
    const char *path;   /* replaced in the end */
};

/* *packets: so many were written. False with a sentence. */
bool packet_copy_write(const struct packet_copy *c, uint64_t *packets, char error[static PACKET_COPY_ERROR]);

#endif
