/* For the tests of captures: fields as byte lists in either order, and a reader that keeps copies of all frames. */
#ifndef VS_TESTS_CAPTURE_BYTES_H
#define VS_TESTS_CAPTURE_BYTES_H

#include <stdio.h>

#include "capture/source_memory.h"

#define BYTE(x, n) (uint8_t)((uint64_t)(x) >> (8 * (n)))
#define LE16(x) BYTE(x, 0), BYTE(x, 1)
#define BE16(x) BYTE(x, 1), BYTE(x, 0)
#define LE32(x) LE16(x), BYTE(x, 2), BYTE(x, 3)
#define BE32(x) BYTE(x, 3), BYTE(x, 2), BE16(x)
#define LE64(x) LE32(x), BYTE(x, 4), BYTE(x, 5), BYTE(x, 6), BYTE(x, 7)
#define BE64(x) BYTE(x, 7), BYTE(x, 6), BYTE(x, 5), BYTE(x, 4), BE32(x)

enum { KEPT_FRAMES = 32, KEPT_BYTES = 64, KEPT_TEXT = 512, TEST_BUFFER = 4096 };

struct kept {
    struct frame frames[KEPT_FRAMES]; /* bytes and comment point into the arrays below */
    uint8_t bytes[KEPT_FRAMES][KEPT_BYTES];
    uint8_t comments[KEPT_FRAMES][KEPT_BYTES];
    size_t count;  /* of all frames, also those beyond the arrays */
    bool opened;
    char text[KEPT_TEXT]; /* why it could not be opened, or the damage, or "" */
};

static inline struct span keep_span(uint8_t room[static KEPT_BYTES], const uint8_t *bytes, size_t len)
{
    if (bytes == NULL)
        return (struct span){NULL, 0};
    size_t kept = len < KEPT_BYTES ? len : KEPT_BYTES;
    if (kept > 0)
        memcpy(room, bytes, kept);
    return (struct span){room, len};
}

/* Reads to the end in batches of the given size. */
static inline void keep_all(struct source *s, size_t batch, struct kept *k)
{
    struct frame frames[SOURCE_BATCH];
    for (size_t n; (n = source_next(s, frames, batch)) > 0;) {
        for (size_t i = 0; i < n; i++, k->count++) {
            if (k->count >= KEPT_FRAMES)
                continue;
            struct frame *f = &k->frames[k->count];
            *f = frames[i];
            f->bytes = keep_span(k->bytes[k->count], frames[i].bytes, frames[i].len).data;
            f->comment = keep_span(k->comments[k->count], frames[i].comment.data, frames[i].comment.len);
        }
    }
    if (source_info(s)->damage != NULL)
        snprintf(k->text, sizeof k->text, "%s", source_info(s)->damage);
}

/* The source stays open for its info when it could be opened; NULL otherwise. */
static inline struct source *keep_open(struct span capture, size_t buffer, const struct source_options *options,
                                       struct kept *k)
{
    char error[SOURCE_ERROR];
    memset(k, 0, sizeof *k);
    struct source *s = source_open_memory(capture, buffer, options, error);
    k->opened = s != NULL;
    if (s == NULL)
        snprintf(k->text, sizeof k->text, "%s", error);
    else
        keep_all(s, SOURCE_BATCH, k);
    return s;
}

static inline void keep(struct span capture, struct kept *k)
{
    source_close(keep_open(capture, TEST_BUFFER, &(struct source_options){0}, k));
}

/* A little-endian pcap file header of link type 1 in front of records. */
#define PCAP_HEADER                                                                                                    \
    LE32(0xa1b2c3d4), /* magic: microseconds */                                                                        \
        LE16(2), LE16(4), /* version */                                                                                \
        LE32(0), LE32(0), /* zone, accuracy */                                                                         \
        LE32(65535),      /* snaplen */                                                                                \
        LE32(1)           /* link type: Ethernet */

#endif
