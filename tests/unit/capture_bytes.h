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

enum { KEPT_FRAMES = 32, KEPT_BYTES = 64, KEPT_TEXT = 512, TEST_BUFFER = 4096, BUILD_ROOM = 8192 };

struct kept {
    struct frame frames[KEPT_FRAMES]; /* bytes and comment point into the arrays below */
    uint8_t bytes[KEPT_FRAMES][KEPT_BYTES];
    uint8_t comments[KEPT_FRAMES][KEPT_BYTES];
    size_t count; /* of all frames, also those beyond the arrays */
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

/* A pcapng being written block by block, in the byte order that `big` says. */
struct build {
    uint8_t bytes[BUILD_ROOM];
    size_t len;
    size_t block; /* where the block begun last begins */
    bool big;
};

static inline void put(struct build *b, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        b->bytes[b->len++] = BYTE(value, b->big ? size - 1 - i : i);
}

/* Padded to four bytes, as all of pcapng is. */
static inline void put_padded(struct build *b, const void *bytes, size_t len)
{
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
    put(b, 0, (4 - len % 4) % 4);
}

static inline void put_option(struct build *b, uint16_t code, const void *value, size_t len)
{
    put(b, code, 2);
    put(b, len, 2);
    put_padded(b, value, len);
}

static inline void put_text(struct build *b, uint16_t code, const char *text)
{
    put_option(b, code, text, strlen(text));
}

static inline void put_number(struct build *b, uint16_t code, uint64_t value, size_t size)
{
    put(b, code, 2);
    put(b, size, 2);
    put(b, value, size);
    put(b, 0, (4 - size % 4) % 4);
}

static inline void begin_block(struct build *b, uint32_t type)
{
    b->block = b->len;
    put(b, type, 4);
    put(b, 0, 4);
}

static inline void end_block(struct build *b)
{
    size_t end = b->len, total = end + 4 - b->block;
    b->len = b->block + 4;
    put(b, total, 4);
    b->len = end;
    put(b, total, 4);
}

static inline void put_section(struct build *b)
{
    begin_block(b, 0x0a0d0d0a);
    put(b, 0x1a2b3c4d, 4); /* byte order mark */
    put(b, 1, 2);          /* version */
    put(b, 0, 2);
    put(b, UINT64_MAX, 8); /* length not said */
    end_block(b);
}

static inline void begin_interface(struct build *b, uint16_t link_type, uint32_t snaplen)
{
    begin_block(b, 1);
    put(b, link_type, 2);
    put(b, 0, 2);
    put(b, snaplen, 4);
}

static inline void put_interface(struct build *b, uint16_t link_type)
{
    begin_interface(b, link_type, 0);
    end_block(b);
}

static inline void begin_packet(struct build *b, uint32_t interface, uint64_t time, const void *bytes, uint32_t len,
                                uint32_t wire_len)
{
    begin_block(b, 6);
    put(b, interface, 4);
    put(b, time >> 32, 4);
    put(b, time & UINT32_MAX, 4);
    put(b, len, 4);
    put(b, wire_len, 4);
    put_padded(b, bytes, len);
}

static inline void put_packet(struct build *b, uint32_t interface, uint64_t time, const void *bytes, uint32_t len)
{
    begin_packet(b, interface, time, bytes, len, len);
    end_block(b);
}

static inline struct span built(const struct build *b)
{
    return span_of(b->bytes, b->len);
}

/* A little-endian pcap file header of link type 1 in front of records. */
#define PCAP_HEADER                                                                                                    \
    LE32(0xa1b2c3d4),     /* magic: microseconds */                                                                    \
        LE16(2), LE16(4), /* version */                                                                                \
        LE32(0), LE32(0), /* zone, accuracy */                                                                         \
        LE32(65535),      /* snaplen */                                                                                \
        LE32(1)           /* link type: Ethernet */

#endif
