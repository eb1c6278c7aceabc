/*
 * The bytes of TCP connections in order (RFC 9293 section 3.4), both directions, bounded. In-order bytes are lent from the
 * segment itself; only what came too early is copied, into pooled chunks. What a consumer does not want is counted by the
 * headers alone. The first copy of a byte wins.
 */
#ifndef VS_TCP_STREAM_H
#define VS_TCP_STREAM_H

#include "capture/frame.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

/* The two directions of a connection. Who the client is, the caller knows; the streams treat both alike. */
enum tcp_side { TCP_CLIENT = 0, TCP_SERVER = 1 };

enum {
    TCP_STREAM_WAITING_MAX = 256 * 1024, /* memory of bytes that wait in one connection; headers included */
    TCP_STREAM_REMEMBERED = 4,           /* pieces a direction that later copies are compared with */
    TCP_STREAM_LAG_SEGMENTS = 32,        /* an acknowledged hole is waited for as long: captures mix up their order */
};
#define TCP_STREAM_LAG_NS INT64_C(1000000000) /* ... or so long */

/* One segment as captured. All of it is lent for the call. */
struct tcp_segment {
    struct span payload;   /* captured bytes */
    uint32_t wire_len;     /* payload's length on the wire; more than payload.len when the snap length cut it */
    uint32_t seq, ack;
    uint8_t flags;
    uint8_t side;          /* enum tcp_side: who sent it */
    struct place place;
};

enum tcp_stream_event_kind {
    TCP_STREAM_BYTES,        /* the next bytes in order */
    TCP_STREAM_GAP,          /* the next `length` bytes will never be told */
    TCP_STREAM_END,          /* FIN: all bytes before it have been told, as bytes or gaps; once for each side */
    TCP_STREAM_DIFFERS,      /* bytes came again with other values. Compared are bytes that still wait, and the last
                                TCP_STREAM_REMEMBERED pieces told as bytes. offset, length, bytes: of the second copy */
    TCP_STREAM_BEFORE_START, /* bytes from before where a stream that was joined in the middle began; out of order */
    TCP_STREAM_CLOSED,       /* the last event of a connection; `side` says nothing */
};

enum tcp_gap {
    TCP_GAP_CUT,     /* passed by, but the snap length cut them off */
    TCP_GAP_LOST,    /* never captured, though their receiver acknowledged them: the capture lost them */
    TCP_GAP_MISSING, /* never captured and not acknowledged as far as seen */
};

struct tcp_stream; /* one connection, both directions; held by its table */

/* Lent for the callback. */
struct tcp_stream_event {
    enum tcp_stream_event_kind kind;
    enum tcp_side side;       /* who sent the bytes */
    enum tcp_gap gap;         /* TCP_STREAM_GAP */
    bool skipped;             /* TCP_STREAM_GAP: these bytes would have been skipped anyway */
    bool evicted;             /* TCP_STREAM_CLOSED: to stay in bounds */
    uint64_t offset;          /* in the direction's stream; 0 is the first byte after SYN, or the first byte known.
                                 TCP_STREAM_BEFORE_START: how far before 0 */
    uint64_t length;
    struct span bytes;        /* BYTES, DIFFERS, BEFORE_START */
    struct place place;       /* the segment that brought it, or that made it certain */
    struct tcp_stream *stream;
    void *user;               /* as given to tcp_stream_open */
};

/* Told of everything. May call tcp_stream_skip, tcp_stream_done and the getters, nothing else of this header. */
typedef void tcp_stream_fn(void *ctx, const struct tcp_stream_event *e);

struct tcp_stream_table; /* the table of connections and the pool of what waits */

struct tcp_stream_table_options {
    uint32_t connections;  /* at most at a time, 1 or more; then the longest idle is given up */
    size_t waiting_bytes;  /* memory for bytes that wait, all together, taken 128 KiB at a time; 0: never waits */
    bool uncompared;       /* bytes that were told and come again are not compared: no TCP_STREAM_DIFFERS for them */
    tcp_stream_fn *event;
    void *ctx;
};

struct tcp_stream_table_counters {
    uint64_t opened, evicted;
    uint64_t gave_up;       /* holes that were no longer waited for, to stay in bounds */
    uint64_t waiting_bytes; /* memory taken by bytes that wait now */
    uint64_t pool_bytes;    /* memory of the pool, used or not */
};

/* One direction, so far. */
struct tcp_stream_counts {
    uint64_t bytes;           /* stream length reached: told as bytes or gaps, or skipped */
    uint64_t skipped_bytes;   /* that passed by unwanted */
    uint64_t cut_bytes, lost_bytes, missing_bytes; /* by enum tcp_gap, wanted or not */
    uint32_t segments;        /* with or without payload */
    uint32_t retransmissions; /* nothing new in them */
    uint32_t overlaps;        /* something new and something old */
    uint32_t out_of_order;    /* came too early */
    uint32_t keep_alives;     /* RFC 9293 section 3.8.4 */
    uint32_t before_start;
    uint32_t outside;         /* more than 2^30 off, or behind FIN: not of this stream */
    uint32_t differing;
};

enum tcp_start {
    TCP_START_NONE,   /* no byte's place is known */
    TCP_START_SYN,    /* from the first byte on */
    TCP_START_MIDDLE, /* the capture began later: from the first bytes seen on */
};

/* NULL when memory is short. */
struct tcp_stream_table *tcp_stream_table_new(const struct tcp_stream_table_options *options);

/* Begins a connection; may close the longest idle one. owner (such as a flow's id, never reused) and the returned slot
 * number, never 0, find it again. user is the consumer's own. */
uint32_t tcp_stream_open(struct tcp_stream_table *t, uint32_t owner, void *user);

/* The connection in a slot, NULL when it has been closed since. Valid until the next open, close or finish. */
struct tcp_stream *tcp_stream_of(const struct tcp_stream_table *t, uint32_t slot, uint32_t owner);

/* Takes the next segment. RST is for others to judge: it has no bytes and ends nothing here. */
void tcp_stream_segment(struct tcp_stream_table *t, struct tcp_stream *s, const struct tcp_segment *g);

/* A segment of `side` with this number, and acknowledgment when it has one, neither SYN nor FIN nor RST, that whole would be told
 * as the next bytes and bring about nothing else. tcp_stream_take_next then takes it, of len bytes on the wire and all
 * captured, without telling them: whoever asked has read them. */
bool tcp_stream_is_next(const struct tcp_stream *s, enum tcp_side side, uint32_t seq, bool has_ack, uint32_t ack);
void tcp_stream_take_next(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side, uint32_t len);

/* As long as its segments are simply the next ones (tcp_stream_is_next), the sequence numbers that they have to have: false
 * when that cannot be said. tcp_stream_passed then takes many at once. */
bool tcp_stream_expects(const struct tcp_stream *s, uint32_t next[static 2]);
void tcp_stream_passed(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side, uint32_t segments, uint64_t bytes);

/* The n bytes after what was told last are not wanted: they are only counted. */
void tcp_stream_skip(struct tcp_stream *s, enum tcp_side side, uint64_t n);

/* Nothing of this direction is wanted any more: no bytes, gaps nor differences are told, nothing waits, and what comes too
 * early counts as what came. END still is told. */
void tcp_stream_done(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side);

/* Tells what waits, with the gaps before it, then CLOSED; the slot is free. Not to be called from the callback. */
void tcp_stream_close(struct tcp_stream_table *t, struct tcp_stream *s);

/* Closes all, the longest idle first. */
void tcp_stream_table_finish(struct tcp_stream_table *t);

enum tcp_start tcp_stream_start(const struct tcp_stream *s, enum tcp_side side);
void tcp_stream_get_counts(const struct tcp_stream_table *t, const struct tcp_stream *s, enum tcp_side side,
                           struct tcp_stream_counts *out);
void tcp_stream_table_get_counters(const struct tcp_stream_table *t, struct tcp_stream_table_counters *out);

/* Frees without telling; NULL is allowed. */
void tcp_stream_table_free(struct tcp_stream_table *t);

#endif
