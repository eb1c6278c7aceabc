#include "analyze/session/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/wire/cursor.h"

enum { WINDOW = 1 << 15, FAR = 1 << 10, BLOCK = 1 << 16, BLOCKS = 64, SPARES = 4 };

/*
 * An exchange is written in three parts: all before its inner EAP, that when there is one, the used part of its texts.
 * Most words of the first part are zero: a mask tells which are not, and only these are written, which halves the file.
 */
enum {
    HEAD = offsetof(struct exchange, inner),
    HEAD_WORDS = HEAD / 8,
    HEAD_MASKS = (HEAD_WORDS + 63) / 64,
    INNER = sizeof(struct eap_facts),
    PACKED_MAX = 8 * HEAD_MASKS + HEAD + INNER + EXCHANGE_TEXT_MAX,
};
static_assert(HEAD % 8 == 0, "the first part is whole words");

/* What goes before each record. */
struct record {
    uint32_t packed, ladder; /* bytes that follow: the exchange packed, and its ladder */
};
enum { RECORD_MAX = sizeof(struct record) + PACKED_MAX };

/* Where an exchange lies. offset is the record's place plus one, so that zeroed entries mean "never put". */
struct entry {
    uint64_t offset;
    uint32_t next;   /* of the same session */
    uint32_t linked; /* 1: it is not the first of its session */
};

/* ids close about in the order they open, so a sliding window over the index takes nearly all accesses; the rest seek.
 */
struct spool {
    FILE *records, *index;
    uint8_t *buffer; /* BLOCK bytes, gathered for one write */
    size_t used;     /* of it */
    uint64_t end;    /* bytes in records, and in the buffer */
    bool reading;
    uint8_t *blocks;       /* read back through these: block n of the file in slot n % BLOCKS; made at the first read */
    uint64_t held[BLOCKS]; /* number of the block in each slot, plus one; 0 none */
    uint32_t held_len[BLOCKS];
    uint32_t base; /* first id in the window */
    uint32_t last;
    bool failed;
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
    s->buffer = malloc(BLOCK);
    if (s->records == NULL || s->index == NULL || s->buffer == NULL) {
        spool_free(s);
        return NULL;
    }
    return s;
}

void spool_free(struct spool *s)
{
    if (s == NULL)
        return;
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
    if (fseek(f, 0, SEEK_SET) != 0)
        return false;
    while (offset > 0) {
        uint64_t step = offset < 0x40000000u ? offset : 0x40000000u;
        if (fseek(f, (int)step, SEEK_CUR) != 0)
            return false;
        offset -= step;
    }
    return true;
}

static bool index_read(struct spool *s, uint32_t id, struct entry *out)
{
    memset(out, 0, sizeof *out);
    if (id >= s->base && id < s->base + WINDOW) {
        *out = s->window[id - s->base];
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
    return true;
}

static bool index_write_far(struct spool *s, uint32_t id, const struct entry *e, size_t count)
{
    s->far_count = 0;
    if (!seek(s->index, (uint64_t)id * sizeof *e) || fwrite(e, sizeof *e, count, s->index) != count) {
        s->failed = true;
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

/* Writes the masks and the words that are not zero; returns the bytes written. */
static size_t squeeze(const struct exchange *x, uint8_t *out)
{
    const uint8_t *from = (const uint8_t *)x;
    uint64_t masks[HEAD_MASKS] = {0};
    uint8_t *to = out + sizeof masks;
    for (size_t i = 0; i < HEAD_WORDS; i++) {
        uint64_t word;
        memcpy(&word, from + 8 * i, sizeof word);
        memcpy(to, &word, sizeof word); /* written over by the next one when zero */
        masks[i / 64] |= (uint64_t)(word != 0) << (i % 64);
        to += word != 0 ? sizeof word : 0;
    }
    memcpy(out, masks, sizeof masks);
    return (size_t)(to - out);
}

/* The reverse; the rest of `from` is what follows. False when the bytes end too early. */
static bool expand(struct cursor *from, struct exchange *x)
{
    uint8_t *to = (uint8_t *)x;
    uint64_t masks[HEAD_MASKS];
    if (!take_bytes(from, sizeof masks, masks))
        return false;
    memset(x, 0, HEAD);
    for (size_t i = 0; i < HEAD_WORDS; i++)
        if ((masks[i / 64] >> (i % 64) & 1) != 0 && !take_bytes(from, 8, to + 8 * i))
            return false;
    return true;
}

static size_t pack(const struct exchange *x, uint8_t out[static PACKED_MAX])
{
    uint8_t *to = out + squeeze(x, out);
    if (x->has_inner) {
        memcpy(to, &x->inner, INNER);
        to += INNER;
    }
    memcpy(to, x->text, x->text_used);
    return (size_t)(to - out) + x->text_used;
}

/* False when the bytes cannot have come from pack. */
static bool unpack(struct span from, struct exchange *x)
{
    struct cursor c = cursor_of(from);
    if (!expand(&c, x))
        return false;
    size_t inner = x->has_inner ? INNER : 0, text = x->text_used;
    memset(&x->inner, 0, INNER);
    if (text > EXCHANGE_TEXT_MAX || c.len != inner + text)
        return false;
    return take_bytes(&c, inner, &x->inner) && take_bytes(&c, text, x->text);
}

static bool write_out(struct spool *s)
{
    if (s->used > 0 && fwrite(s->buffer, s->used, 1, s->records) != 1)
        s->failed = true;
    s->used = 0;
    return !s->failed;
}

bool spool_put(struct spool *s, const struct exchange *x)
{
    assert(!s->reading);
    if (s->failed || x->id == 0 || (BLOCK - s->used < RECORD_MAX && !write_out(s)))
        return false;
    uint8_t *to = s->buffer + s->used;
    struct record head = {(uint32_t)pack(x, to + sizeof head), (uint32_t)x->ladder.len};
    memcpy(to, &head, sizeof head);
    s->used += sizeof head + head.packed;
    if (head.ladder > 0 && (!write_out(s) || fwrite(x->ladder.data, head.ladder, 1, s->records) != 1)) {
        s->failed = true;
        return false;
    }
    struct entry e;
    if (x->id > s->last)
        s->last = x->id;
    if (!index_read(s, x->id, &e))
        memset(&e, 0, sizeof e);
    e.offset = s->end + 1;
    s->end += sizeof head + head.packed + head.ladder;
    return index_write(s, x->id, &e);
}

bool spool_link(struct spool *s, uint32_t head, uint32_t id)
{
    struct entry e;
    if (head == id || id == 0 || !index_read(s, id, &e) || e.linked || e.next != 0)
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
    if (!seek(s->records, number * BLOCK))
        return BLOCKS;
    s->held_len[slot] = (uint32_t)fread(s->blocks + slot * BLOCK, 1, BLOCK, s->records);
    s->held[slot] = number + 1;
    return slot;
}

static bool begin_reading(struct spool *s)
{
    if (s->reading)
        return true;
    s->blocks = malloc((size_t)BLOCKS * BLOCK);
    s->reading = s->blocks != NULL && write_out(s) && fflush(s->records) == 0;
    return s->reading;
}

/*
 * Bytes of the file, where they lie in a block or, gathered from several, in room; NULL when they cannot be read.
 * Records lie nearly in the order of their ids: the blocks held serve nearly all of them. Good until the next call.
 */
static const uint8_t *bytes_at(struct spool *s, uint64_t offset, size_t len, uint8_t *room)
{
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
    uint8_t room[PACKED_MAX];
    const uint8_t *from;
    if (!index_read(s, id, &e) || e.offset == 0)
        return NULL;
    uint64_t at = e.offset - 1;
    if (!begin_reading(s) || (from = bytes_at(s, at, sizeof head, room)) == NULL)
        goto unreadable;
    memcpy(&head, from, sizeof head);
    if (head.packed > PACKED_MAX || head.ladder > EXCHANGE_LADDER_MAX ||
        (from = bytes_at(s, at + sizeof head, head.packed, room)) == NULL)
        goto unreadable;
    struct exchange *x = take_exchange(s, head.ladder);
    if (x == NULL)
        return NULL;
    uint8_t *ladder = (uint8_t *)(x + 1);
    if (!unpack(span_of(from, head.packed), x) ||
        (head.ladder > 0 && (from = bytes_at(s, at + sizeof head + head.packed, head.ladder, ladder)) == NULL)) {
        free(x);
        goto unreadable;
    }
    if (head.ladder > 0)
        memmove(ladder, from, head.ladder);
    x->ladder = span_of(ladder, head.ladder);
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

bool spool_failed(const struct spool *s)
{
    return s->failed;
}
