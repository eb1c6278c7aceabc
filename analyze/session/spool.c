#include "analyze/session/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/session/pack.h"
#include "capture/platform.h"

enum { WINDOW = 1 << 15, FAR = 1 << 10, WRITTEN = 1 << 16, BLOCK = 1 << 13, BLOCKS = 512, SPARES = 4 };

/* Of a view. */
enum { PIECE = 1 << 16, PIECES_AT_ONCE = 64 };

/* What goes before each record. */
struct record {
    uint16_t packed; /* bytes of the exchange that follow */
    uint16_t parts;
    uint32_t ladder; /* bytes of its ladder, behind them */
};
enum { RECORD_MAX = sizeof(struct record) + PACK_MAX };
static_assert(PACK_MAX <= UINT16_MAX, "a record's length fits its header");

/* Where an exchange lies. offset is the record's place plus one, so that zeroed entries mean "never put". */
struct entry {
    uint64_t offset;
    uint32_t next;   /* of the same session */
    uint16_t linked; /* 1: it is not the first of its session */
    uint16_t tag;
};

/* ids close about in the order they open, so a sliding window over the index takes nearly all accesses; the rest seek.
 */
struct spool {
    FILE *records, *index;
    uint8_t *buffer; /* WRITTEN bytes gathered for one write, and what the last record has more */
    size_t used;     /* of it */
    uint64_t end;    /* bytes in records, and in the buffer */
    bool has_model;
    struct pack_model model; /* of the first one put */
    bool reading;
    struct platform_view view; /* read back through it; where the system has none, through blocks */
    uint64_t held[BLOCKS];     /* number of the piece or block that has been brought, in slot n % BLOCKS, plus one; 0 none */
    size_t pieces;             /* brought */
    uint64_t position;         /* of the file when reading blocks */
    uint8_t *blocks;           /* block n of the file in slot n % BLOCKS */
    uint32_t held_len[BLOCKS];
    uint32_t base; /* first id in the window */
    uint32_t last;
    bool failed;       /* reading */
    bool full;         /* nothing more is taken */
    bool broken;       /* the disk took a part only: what was gathered is lost */
    uint64_t limit;    /* of end and the index; 0 none */
    uint64_t dropped;
    uint64_t waiting;  /* records that are not on disk to their end */
    uint64_t on_disk;  /* bytes of records that were written */
    uint64_t whole;    /* records that begin before this are on disk to their end */
    uint64_t begun;    /* where the last record begins */
    struct entry window[WINDOW];
    struct entry far[FAR]; /* entries before the window, read for a look-up */
    uint32_t far_base, far_count;
    struct exchange *spare[SPARES]; /* given back, for the next ones read */
    size_t spares;
};

struct spool *spool_new(void)
{
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base = 1;
    s->records = tmpfile();
    s->index = tmpfile();
    s->buffer = malloc(WRITTEN + RECORD_MAX);
    if (s->records == NULL || s->index == NULL || s->buffer == NULL) {
        spool_free(s);
        return NULL;
    }
    setvbuf(s->records, NULL, _IONBF, 0); /* it is written and read in blocks of our own */
    return s;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
    platform_view_close(&s->view);
    if (s->records != NULL)
        fclose(s->records);
    if (s->index != NULL)
        fclose(s->index);
    while (s->spares > 0)
        free(s->spare[--s->spares]);
    free(s->buffer);
    free(s->blocks);
    free(s);
}

static bool seek(FILE *f, uint64_t offset)
{
    /* fseek takes a long; in steps it reaches beyond 2 GiB everywhere. */
    for (int from = SEEK_SET;; from = SEEK_CUR) {
        uint64_t step = offset < 0x40000000u ? offset : 0x40000000u;
        if (fseek(f, (int)step, from) != 0)
            return false;
        offset -= step;
        if (offset == 0)
            return true;
    }
}

/* What never reached the disk was never put. */
static void forget_unwritten(const struct spool *s, struct entry *e)
{
    if (s->broken && s->reading && e->offset > s->whole)
        e->offset = 0;
}

static bool index_read(struct spool *s, uint32_t id, struct entry *out)
{
    memset(out, 0, sizeof *out);
    if (id >= s->base && id < s->base + WINDOW) {
        *out = s->window[id - s->base];
        forget_unwritten(s, out);
        return true;
    }
    if (id > s->last)
        return false;
    if (id < s->far_base || id >= s->far_base + FAR || s->far_count == 0) {
        s->far_base = id - id % FAR;
        if (!seek(s->index, (uint64_t)s->far_base * sizeof *out))
            return false;
        s->far_count = (uint32_t)fread(s->far, sizeof *out, FAR, s->index);
        clearerr(s->index);
    }
    if (id - s->far_base < s->far_count)
        *out = s->far[id - s->far_base]; /* else never written: an id that did not close */
    forget_unwritten(s, out);
    return true;
}

static bool index_write_far(struct spool *s, uint32_t id, const struct entry *e, size_t count)
{
    s->far_count = 0;
    if (!seek(s->index, (uint64_t)id * sizeof *e) || fwrite(e, sizeof *e, count, s->index) != count) {
        s->full = true;
        return false;
    }
    return true;
}

static bool index_write(struct spool *s, uint32_t id, const struct entry *e)
{
    while (id >= s->base + WINDOW) {
        if (!index_write_far(s, s->base, s->window, WINDOW / 2))
            return false;
        memmove(s->window, s->window + WINDOW / 2, sizeof s->window / 2);
        memset(s->window + WINDOW / 2, 0, sizeof s->window / 2);
        s->base += WINDOW / 2;
    }
    if (id < s->base)
        return index_write_far(s, id, e, 1);
    s->window[id - s->base] = *e;
    return true;
}

static void break_off(struct spool *s)
{
    if (!s->broken)
        s->dropped += s->waiting;
    s->full = s->broken = true;
}

/* Writes whole blocks of what is gathered, in the end all of it. */
static bool write_out(struct spool *s, bool all)
{
    size_t n = all ? s->used : s->used - s->used % WRITTEN;
    if (n == 0)
        return true;
    if (s->broken || fwrite(s->buffer, n, 1, s->records) != 1) {
        break_off(s);
        return false;
    }
    s->on_disk += n;
    s->used -= n;
    s->whole = s->used > 0 ? s->begun : s->on_disk;
    s->waiting = s->used > 0;
    memmove(s->buffer, s->buffer + n, s->used);
    return true;
}

static bool write_ladder(struct spool *s, struct span ladder)
{
    if (!write_out(s, true))
        return false;
    if (fwrite(ladder.data, ladder.len, 1, s->records) != 1) {
        s->whole = s->begun;
        s->waiting = 1;
        break_off(s);
        return false;
    }
    s->end += ladder.len;
    s->on_disk += ladder.len;
    s->whole = s->on_disk;
    return true;
}

/* The entry for writing: in the window, or in room, where one starts empty or as it was written. */
static struct entry *entry_for(struct spool *s, uint32_t id, struct entry *room)
{
    if (id >= s->base && id - s->base < WINDOW)
        return &s->window[id - s->base];
    if (!index_read(s, id, room))
        memset(room, 0, sizeof *room);
    return room;
}

bool spool_put(struct spool *s, const struct exchange *x, uint16_t tag)
{
    assert(!s->reading);
    if (x->id == 0)
        return false;
    uint64_t indexed = (uint64_t)s->last * sizeof(struct entry);
    s->full = s->full || (s->limit > 0 && s->end + indexed >= s->limit);
    if (s->full) {
        s->dropped++;
        return false;
    }
    struct record head = {.ladder = (uint32_t)x->ladder.len};
    if (!s->has_model) {
        pack_model_of(x, &s->model);
        s->has_model = true;
    }
    struct entry room, *e = entry_for(s, x->id, &room);
    uint8_t *begin = s->buffer + s->used, *end = exchange_pack(x, &s->model, begin + sizeof head, &head.parts);
    head.packed = (uint16_t)((size_t)(end - begin) - sizeof head);
    memcpy(begin, &head, sizeof head);
    s->begun = s->end;
    s->waiting++;
    e->offset = s->end + 1;
    e->tag = tag;
    s->used += (size_t)(end - begin);
    s->end += (size_t)(end - begin);
    s->last = x->id > s->last ? x->id : s->last;
    if (head.ladder > 0 && !write_ladder(s, x->ladder))
        return false;
    if (s->used >= WRITTEN && !write_out(s, false))
        return false;
    return e != &room || index_write(s, x->id, e);
}

bool spool_link(struct spool *s, uint32_t head, uint32_t id)
{
    struct entry e;
    if (head == id || id == 0 || !index_read(s, id, &e) || e.linked)
        return false;
    uint32_t at = head;
    for (int hops = 0;; hops++) {
        struct entry tail;
        if (hops > 64 || at == id || !index_read(s, at, &tail))
            return false;
        if (tail.next == 0) {
            tail.next = id;
            if (!index_write(s, at, &tail))
                return false;
            break;
        }
        at = tail.next;
    }
    if (!index_read(s, id, &e))
        return false;
    e.linked = 1;
    return index_write(s, id, &e);
}

uint32_t spool_last(const struct spool *s)
{
    return s->last;
}

bool spool_is_head(struct spool *s, uint32_t id)
{
    struct entry e;
    return index_read(s, id, &e) && e.offset != 0 && !e.linked;
}

bool spool_is_head_tagged(struct spool *s, uint32_t id, uint16_t *tag)
{
    struct entry e;
    if (!index_read(s, id, &e) || e.offset == 0 || e.linked)
        return false;
    *tag = e.next == 0 ? e.tag : 0;
    return true;
}

uint32_t spool_next(struct spool *s, uint32_t id)
{
    struct entry e;
    return index_read(s, id, &e) ? e.next : 0;
}

/* The slot that holds a block of the file; BLOCKS when it cannot be read. */
static size_t read_block(struct spool *s, uint64_t number)
{
    size_t slot = (size_t)(number % BLOCKS);
    if (s->held[slot] == number + 1)
        return slot;
    s->held[slot] = 0;
    if (s->position != number * BLOCK && !seek(s->records, number * BLOCK))
        return BLOCKS;
    s->held_len[slot] = (uint32_t)fread(s->blocks + slot * BLOCK, 1, BLOCK, s->records);
    s->held[slot] = number + 1;
    s->position = number * BLOCK + s->held_len[slot];
    return slot;
}

static bool begin_reading(struct spool *s)
{
    if (s->reading)
        return true;
    (void)write_out(s, true); /* what does not fit any more was never put */
    if (fflush(s->records) != 0)
        return false;
    s->reading = platform_view_open_file(&s->view, s->records) || (s->blocks = malloc((size_t)BLOCKS * BLOCK)) != NULL;
    s->position = s->end;
    return s->reading;
}

/* Brings the pieces of the view in which these bytes lie. Of a large file only so many stay in this process's memory. */
static const uint8_t *view_at(struct spool *s, uint64_t offset, size_t len)
{
    if (offset > s->view.len || len > s->view.len - offset)
        return NULL;
    for (uint64_t piece = offset / PIECE; piece * PIECE < offset + len; piece++) {
        uint64_t *held = &s->held[piece % BLOCKS];
        if (*held == piece + 1)
            continue;
        if (s->pieces == PIECES_AT_ONCE) {
            platform_view_forget(&s->view, 0, s->view.len);
            memset(s->held, 0, sizeof s->held);
            s->pieces = 0;
        }
        size_t from = (size_t)piece * PIECE, rest = s->view.len - from;
        platform_view_bring(&s->view, from, rest < PIECE ? rest : PIECE);
        *held = piece + 1;
        s->pieces++;
    }
    return s->view.bytes + offset;
}

/*
 * Bytes of the file, where they lie in a block or, gathered from several, in room; NULL when they cannot be read.
 * Records lie nearly in the order of their ids: the blocks held serve nearly all of them. Good until the next call.
 */
static const uint8_t *bytes_at(struct spool *s, uint64_t offset, size_t len, uint8_t *room)
{
    if (s->view.bytes != NULL)
        return view_at(s, offset, len);
    for (size_t have = 0;;) {
        size_t slot = read_block(s, offset / BLOCK), at = (size_t)(offset % BLOCK);
        if (slot == BLOCKS || at > s->held_len[slot])
            return NULL;
        const uint8_t *from = s->blocks + slot * BLOCK + at;
        size_t there = s->held_len[slot] - at, step = there < len - have ? there : len - have;
        if (step == len)
            return from;
        if (step == 0)
            return NULL;
        memcpy(room + have, from, step);
        have += step;
        offset += step;
        if (have == len)
            return room;
    }
}

static struct exchange *take_exchange(struct spool *s, size_t ladder)
{
    if (ladder == 0 && s->spares > 0)
        return s->spare[--s->spares];
    return malloc(sizeof(struct exchange) + ladder);
}

struct exchange *spool_get(struct spool *s, uint32_t id)
{
    struct entry e;
    struct record head;
    uint8_t room[PACK_MAX];
    const uint8_t *from;
    if (!index_read(s, id, &e) || e.offset == 0)
        return NULL;
    uint64_t at = e.offset - 1;
    if (!begin_reading(s) || (from = bytes_at(s, at, sizeof head, room)) == NULL)
        goto unreadable;
    memcpy(&head, from, sizeof head);
    if (head.packed > PACK_MAX || head.ladder > EXCHANGE_LADDER_MAX ||
        (from = bytes_at(s, at + sizeof head, head.packed, room)) == NULL)
        goto unreadable;
    struct exchange *x = take_exchange(s, head.ladder);
    if (x == NULL)
        return NULL;
    uint8_t *ladder = (uint8_t *)(x + 1);
    if (!exchange_unpack(span_of(from, head.packed), &s->model, head.parts, x) ||
        (head.ladder > 0 && (from = bytes_at(s, at + sizeof head + head.packed, head.ladder, ladder)) == NULL)) {
        free(x);
        goto unreadable;
    }
    if (head.ladder > 0)
        memmove(ladder, from, head.ladder);
    x->ladder = span_of(ladder, head.ladder);
    if (platform_view_lost(&s->view)) {
        free(x);
        goto unreadable;
    }
    return x;
unreadable:
    s->failed = true;
    return NULL;
}

void spool_release(struct spool *s, struct exchange *x)
{
    if (x != NULL && x->ladder.len == 0 && s->spares < SPARES)
        s->spare[s->spares++] = x;
    else
        free(x);
}

void spool_limit(struct spool *s, uint64_t bytes)
{
    s->limit = bytes;
}

uint64_t spool_dropped(const struct spool *s)
{
    return s->dropped;
}

bool spool_failed(const struct spool *s)
{
    return s->failed;
}
