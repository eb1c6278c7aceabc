/* Within dissect/tcp: what tcp_table.c holds and tcp_stream.c works on. */
#ifndef VS_TCP_STREAM_STATE_H
#define VS_TCP_STREAM_STATE_H

#include "dissect/tcp/tcp_stream.h"

enum {
    SIDES = 2,
    LINE = 64, /* cache line */
    NONE = 0, /* slots and chunks are counted from 1 */
    CHUNK = 2048,
    CHUNKS_A_SLAB = 64,
    CHUNKS_A_CONNECTION = TCP_STREAM_WAITING_MAX / CHUNK,
    REACH = 1 << 30, /* the greatest window (RFC 7323 section 2.2) */
};
#define ALL UINT64_MAX /* positions */

/* A run of bytes that wait; without bytes when they need not be kept, or were not captured. */
struct chunk_head {
    uint64_t from;
    uint32_t len;   /* bytes on the wire */
    uint32_t next;  /* in its list, ascending and apart; or the next free one */
    bool kept;      /* the bytes are there */
    struct place place;
};

struct chunk {
    struct chunk_head h;
    uint8_t bytes[CHUNK - sizeof(struct chunk_head)];
};
_Static_assert(sizeof(struct chunk) == CHUNK, "a chunk is padded");

/* Bytes that were told. */
struct piece {
    uint64_t from, hash;
    uint32_t len; /* 0: none */
};

/* What every segment needs, in a cache line for both directions. Positions count from the stream's first known byte; no
 * stream gets to 2^64. */
struct half {
    uint64_t next;     /* position of the next byte to tell */
    uint64_t skip_to;  /* bytes before are not wanted; ALL: done */
    uint32_t base;     /* sequence number of position 0 */
    uint32_t segments;
};

enum { SLOW_WAITS = 1, SLOW_AWAITS_ACKED = 2, SLOW_FIN = 4 };

struct tcp_stream {
    struct half half[SIDES];
    uint32_t owner;
    uint32_t stamp;       /* the table's tick at the last move to the list's young end */
    uint8_t start[SIDES]; /* enum tcp_start */
    uint8_t slow[SIDES];  /* why its segments need a closer look: bytes wait, the peer has bytes that we have not, FIN is known */
    bool open;
};
_Static_assert(sizeof(struct tcp_stream) <= LINE, "more than a cache line");

struct rest {
    uint64_t acked;     /* the peer has it up to here, when that is beyond next */
    uint64_t fin;       /* position of FIN, ALL when unknown */
    uint32_t first, last; /* chunks that wait */
    uint64_t hole_to;   /* where acked was when the wait for what is missing before began */
    uint32_t hole_mark; /* the connection's segments then */
    int64_t hole_ns;
    bool ended;
    uint8_t piece;      /* the oldest of pieces */
    uint64_t told;      /* bytes */
    struct piece pieces[TCP_STREAM_REMEMBERED];
    struct tcp_stream_counts counts;
};

/* The rest of a connection. */
struct tcp_more {
    uint32_t older, newer;   /* list by age; newer also links free ones */
    uint32_t before, behind; /* list of connections in which bytes wait, by its beginning */
    uint32_t chunks;
    void *user;
    struct rest rest[SIDES];
};

struct tcp_stream_table {
    struct tcp_stream *slots; /* slots[0] and more[0] are not used */
    struct tcp_more *more;
    void *slots_block;        /* slots begin at a cache line in it */
    uint32_t room, made;
    uint32_t oldest, newest, free;
    uint32_t waits_first, waits_last;
    uint32_t tick;
    uint32_t lazy;            /* ticks in which a connection is not moved in the list again */
    struct chunk **slabs;
    uint32_t slab_count, slabs_max;
    uint32_t free_chunk, chunks_used;
    bool uncompared;
    tcp_stream_fn *event;
    void *ctx;
    struct tcp_stream_table_counters counters;
};

static inline uint32_t slot_of(const struct tcp_stream_table *t, const struct tcp_stream *s)
{
    return (uint32_t)(s - t->slots);
}

static inline struct tcp_more *more_of(const struct tcp_stream_table *t, const struct tcp_stream *s)
{
    return &t->more[slot_of(t, s)];
}

static inline struct rest *rest_of(const struct tcp_stream_table *t, const struct tcp_stream *s, unsigned side)
{
    return &t->more[slot_of(t, s)].rest[side];
}

static inline struct chunk *chunk_of(const struct tcp_stream_table *t, uint32_t chunk)
{
    return &t->slabs[(chunk - 1) / CHUNKS_A_SLAB][(chunk - 1) % CHUNKS_A_SLAB];
}

/* Moves a connection to the young end of the list by age. */
void tcp_age_renew(struct tcp_stream_table *t, struct tcp_stream *s);

/* The slot of a connection that was told to be closed is free; nothing waits in it. */
void tcp_slot_release(struct tcp_stream_table *t, struct tcp_stream *s);

/* A chunk for a connection, NONE when the pool is used up; and back. */
uint32_t tcp_chunk_take(struct tcp_stream_table *t, struct tcp_stream *s);
void tcp_chunk_give(struct tcp_stream_table *t, struct tcp_stream *s, uint32_t chunk);

#endif
