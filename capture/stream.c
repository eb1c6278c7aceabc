#include "capture/stream.h"

#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "capture/frame.h"
#include "capture/platform.h"

enum { PACKED_BUFFER = 1 << 17, GZIP_WINDOW_BITS = 15 + 16 };

struct unpacker {
    bool gzip;
    bool inside; /* a gzip member or zstd frame has begun and not ended */
    bool flush;  /* the output was full: more may come without further input */
    z_stream z;
    ZSTD_DStream *zstd;
    struct span in; /* compressed bytes not yet consumed */
    uint8_t packed[PACKED_BUFFER];
};

static void stop(struct stream *s, const char *fault)
{
    s->ended = true;
    s->fault = fault;
}

/* Bytes as they stand in the file: 0 at the end or on an error, which is noted. */
static size_t read_raw(struct stream *s, uint8_t *out, size_t room)
{
    if (s->fd < 0) {
        size_t n = s->memory.len < room ? s->memory.len : room;
        if (n == 0) {
            stop(s, NULL);
            return 0;
        }
        memcpy(out, s->memory.data, n);
        s->memory.data += n;
        s->memory.len -= n;
        return n;
    }
    int64_t n = platform_read(s->fd, out, room);
    if (n > 0)
        return (size_t)n;
    stop(s, n < 0 ? "the file cannot be read any further (an input error)" : NULL);
    return 0;
}

/* False when the compressed bytes are at their end, which is noted. */
static bool refill_packed(struct stream *s)
{
    struct unpacker *u = s->unpacker;
    size_t n = read_raw(s, u->packed, sizeof u->packed);
    u->in = span_of(u->packed, n);
    if (n > 0)
        return true;
    if (u->inside && s->fault == NULL)
        s->fault = u->gzip ? "the gzip data are cut off" : "the zstd data are cut off";
    return false;
}

static void inflate_once(struct stream *s, struct span *out)
{
    struct unpacker *u = s->unpacker;
    if (!u->inside) {
        if (u->in.data[0] == 0) { /* padding after a member (tapes, disk images) */
            u->in.data++;
            u->in.len--;
            return;
        }
        inflateReset(&u->z);
        u->inside = true;
    }
    u->z.next_in = u->in.data;
    u->z.avail_in = (uInt)u->in.len;
    int result = inflate(&u->z, Z_NO_FLUSH);
    u->in = span_of(u->z.next_in, u->z.avail_in);
    out->len = u->z.avail_out;
    u->flush = u->z.avail_out == 0;
    if (result == Z_STREAM_END)
        u->inside = u->flush = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        stop(s, "the gzip data are damaged");
}

static size_t unpack_gzip(struct stream *s, uint8_t *to, size_t room)
{
    struct unpacker *u = s->unpacker;
    struct span out = {to, room};
    u->z.next_out = to;
    u->z.avail_out = (uInt)room;
    while (out.len == room && !s->ended) {
        if (u->in.len == 0 && !u->flush && !refill_packed(s))
            break;
        inflate_once(s, &out);
    }
    return room - out.len;
}

static size_t unpack_zstd(struct stream *s, uint8_t *to, size_t room)
{
    struct unpacker *u = s->unpacker;
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0 && !s->ended) {
        if (u->in.len == 0 && !u->flush && !refill_packed(s))
            break;
        ZSTD_inBuffer in = {u->in.data, u->in.len, 0};
        size_t result = ZSTD_decompressStream(u->zstd, &out, &in);
        u->in = span_of(u->in.data + in.pos, u->in.len - in.pos);
        u->inside = result != 0;
        u->flush = u->inside && out.pos == out.size;
        if (ZSTD_isError(result))
            stop(s, "the zstd data are damaged");
    }
    return out.pos;
}

static size_t produce(struct stream *s, uint8_t *to, size_t room)
{
    if (s->unpacker == NULL)
        return read_raw(s, to, room);
    return s->unpacker->gzip ? unpack_gzip(s, to, room) : unpack_zstd(s, to, room);
}

/* Moves the unread rest to the front and makes room for need bytes in all. */
static bool make_room(struct stream *s, size_t need)
{
    if (s->left > 0 && s->at != s->buffer)
        memmove(s->buffer, s->at, s->left);
    s->at = s->buffer;
    if (need <= s->capacity)
        return true;
    if (need > STREAM_MAX_RECORD)
        return false;
    uint8_t *bigger = realloc(s->buffer, need);
    if (bigger == NULL)
        return false;
    s->at = s->buffer = bigger;
    s->capacity = need;
    return true;
}

/* What has been taken of the view, but for the piece of it in which the window begins: that goes with the next ones. */
static void forget_taken(struct stream *s)
{
    enum { PIECE = 1 << 16 };
    uint64_t taken = s->offset / PIECE * PIECE;
    if (taken > s->forgotten)
        platform_view_forget(&s->view, s->forgotten, taken - s->forgotten);
    s->forgotten = taken;
}

/* Back to copies, from the first byte that was not taken on; what has come to the file's end since then is read, too. */
static void leave_view(struct stream *s)
{
    forget_taken(s);
    s->viewed = s->is_run = false;
    if (s->places != NULL)
        s->places->count = 0;
    s->at = s->buffer;
    s->left = 0;
    if (!platform_read_from(s->fd, s->offset))
        stop(s, "the file cannot be read any further (an input error)");
}

bool stream_fill(struct stream *s, size_t need)
{
    if (s->left >= need)
        return true;
    if (s->viewed)
        leave_view(s);
    if (!make_room(s, need)) {
        stop(s, "memory is too short");
        return false;
    }
    while (s->left < need && !s->ended)
        s->left += produce(s, s->buffer + s->left, s->capacity - s->left);
    return s->left >= need;
}

static bool fill_from_view(struct stream *s, size_t need, enum record_form form, bool large)
{
    if (s->view.bytes == NULL)
        s->may_be_viewed = platform_view_open(&s->view, s->fd);
    if (s->offset >= s->view.len)
        return false;
    size_t from = (size_t)s->offset, rest = s->view.len - from, window = rest < STREAM_VIEW ? rest : STREAM_VIEW;
    if (window < need)
        return false;
    forget_taken(s);
    platform_view_bring(&s->view, from, rest - window < FRAME_AHEAD ? rest : window + FRAME_AHEAD);
    s->viewed = true;
    s->at = s->view.bytes + from;
    s->left = window;
    s->is_run = !large;
    if (large && s->places == NULL)
        s->places = malloc(sizeof *s->places);
    if (s->places != NULL)
        s->places->count = 0;
    if (large && s->places != NULL)
        ahead_records(span_of(s->at, s->left), form, s->places);
    return true;
}

bool stream_fill_records(struct stream *s, size_t need, enum record_form form, uint64_t taken)
{
    uint64_t records = taken - s->records, bytes = s->offset - s->records_at;
    bool large = records > 0 && bytes / records >= STREAM_LARGE_RECORD;
    if (s->left >= need)
        return true;
    s->records = taken;
    s->records_at = s->offset;
    if (records > 0 && s->may_be_viewed && fill_from_view(s, need, form, large))
        return true;
    return stream_fill(s, need);
}

bool stream_is_sound(struct stream *s)
{
    if (!s->viewed || !platform_view_lost(&s->view))
        return true;
    stop(s, "the file was cut while it was read, or cannot be read any further");
    s->left = 0;
    return false;
}

bool stream_skip(struct stream *s, uint64_t n)
{
    while (n > s->left) {
        n -= s->left;
        stream_take(s, s->left);
        if (!stream_fill(s, 1))
            return false;
    }
    stream_take(s, (size_t)n);
    return true;
}

/* The first bytes, already in the window, are the beginning of the compressed data. */
static bool start_unpacker(struct stream *s, bool gzip)
{
    struct unpacker *u = calloc(1, sizeof *u);
    if (u == NULL)
        return false;
    s->unpacker = u;
    s->may_be_viewed = false;
    s->compression = gzip ? "gzip" : "zstd";
    u->gzip = gzip;
    memcpy(u->packed, s->at, s->left);
    u->in = span_of(u->packed, s->left);
    s->left = 0;
    s->at = s->buffer;
    if (gzip)
        return inflateInit2(&u->z, GZIP_WINDOW_BITS) == Z_OK;
    u->zstd = ZSTD_createDStream();
    return u->zstd != NULL;
}

bool stream_open(struct stream *s, int fd, struct span memory, size_t buffer)
{
    static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    *s = (struct stream){.fd = fd, .memory = memory, .buffer = malloc(buffer), .capacity = buffer};
    if (s->buffer == NULL)
        return false;
    s->at = s->buffer;
    s->may_be_viewed = fd >= 0 && platform_read_at_begin(fd);
    while (s->left < sizeof zstd && !s->ended) /* the rest waits until it is known where it belongs */
        s->left += read_raw(s, s->buffer + s->left, sizeof zstd - s->left);
    if (s->left >= sizeof gzip && memcmp(s->at, gzip, sizeof gzip) == 0)
        return start_unpacker(s, true);
    if (s->left == sizeof zstd && memcmp(s->at, zstd, sizeof zstd) == 0)
        return start_unpacker(s, false);
    return true;
}

void stream_close(struct stream *s)
{
    if (s->unpacker != NULL) {
        if (s->unpacker->gzip)
            inflateEnd(&s->unpacker->z);
        ZSTD_freeDStream(s->unpacker->zstd);
        free(s->unpacker);
    }
    free(s->buffer);
    free(s->places);
    platform_view_close(&s->view);
    if (s->fd >= 0)
        platform_read_close(s->fd);
    *s = (struct stream){.fd = -1};
}
