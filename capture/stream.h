/*
 * Bytes of a file, a pipe or a memory block in one large buffer, decompressed on the way when they are gzip (several
 * members) or zstd (several frames). Whoever reads sees a window of unread bytes; records lie in it in one piece.
 */
#ifndef VS_CAPTURE_STREAM_H
#define VS_CAPTURE_STREAM_H

#include "capture/ahead.h"
#include "capture/platform.h"

enum {
    STREAM_BUFFER = 1 << 17,      /* bytes read at once: they stay in the second-level cache */
    STREAM_MAX_RECORD = 16 << 20, /* the buffer grows up to this for one record */
    STREAM_VIEW = 1 << 20,        /* the window on a file that is not copied */
    STREAM_LARGE_RECORD = 512,    /* of records that are longer on average most bytes are looked at by nobody */
};

struct unpacker;

struct stream {
    const uint8_t *at; /* the window: unread bytes, valid until stream_fill or stream_skip */
    size_t left;
    uint64_t offset;         /* of at[0] in the (decompressed) stream */
    const char *fault;       /* why the stream ended before its end ("the gzip data are cut off"), or NULL */
    const char *compression; /* "gzip", "zstd" or NULL */
    /* the rest belongs to stream.c */
    bool ended;
    int fd; /* -1: memory */
    struct span memory;
    uint8_t *buffer;
    size_t capacity;
    struct unpacker *unpacker;
    bool may_be_viewed; /* it is a file of which the first byte is at[0] when offset is 0 */
    struct platform_view view;
    uint64_t forgotten; /* bytes of the view */
    uint64_t records, records_at; /* taken when the window was last filled, and where that was */
    bool viewed;        /* the window is in the view */
    struct ahead_places *places; /* of the records there; NULL before the first */
    bool is_run;        /* and its records are short: all of it will be looked at (FRAME_IN_A_RUN) */
};

/*
 * Starts on an open file (owned and closed by the stream when fd is not -1) or on borrowed memory. buffer is the
 * window's size in bytes, at least 64; STREAM_BUFFER for all but tests. False when memory is short; stream_close is due
 * anyway.
 */
bool stream_open(struct stream *s, int fd, struct span memory, size_t buffer);

/*
 * Makes the window at least need bytes long (at most STREAM_MAX_RECORD); everything lent before is lost. False when the
 * stream ends first (the window keeps what there is; fault says whether that is an error) or memory is short.
 */
bool stream_fill(struct stream *s, size_t need);

/*
 * The same for who reads records of that form, of which so many have been taken: behind the first ones the window is the file
 * itself, as far as it has one (uncompressed, on a disk). Where records are long, their beginnings are brought near; else the
 * window is a run. What somebody cuts off such a file meanwhile reads as zeros; stream_is_sound tells.
 */
bool stream_fill_records(struct stream *s, size_t need, enum record_form form, uint64_t taken);

/* False, with the fault noted and the rest given up, when what was lent last may not have been what stood in the file. */
bool stream_is_sound(struct stream *s);

/* Steps over n bytes, also more than the window holds; false when the stream ends first. */
bool stream_skip(struct stream *s, uint64_t n);

/* Consumes n bytes of the window; they stay lent. */
static inline void stream_take(struct stream *s, size_t n)
{
    s->at += n;
    s->left -= n;
    s->offset += n;
}

void stream_close(struct stream *s);

#endif
