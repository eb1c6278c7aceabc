#include "analyze/session/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* stdio's buffer is a block, too: reads of whole blocks pass it by. */
enum { WINDOW = 1 << 15, FAR = 1 << 10, BLOCK = 1 << 16, BLOCKS = 64, GROUP = 64 };
enum {
    WORD = sizeof(uint64_t),
    EXCHANGE_WORDS = sizeof(struct exchange) / WORD,
    PACKED_MAX = (EXCHANGE_WORDS + (EXCHANGE_WORDS + GROUP - 1) / GROUP) * WORD
};

/* What goes before each record. */
struct record {
    uint32_t packed, ladder; /* bytes that follow: the exchange packed, and its ladder */
};

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
    char *buffer; /* stdio's, for writing */
    uint64_t end; /* bytes in records */
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
    setvbuf(s->records, s->buffer, _IOFBF, BLOCK);
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

/* Most of an exchange is zero: of each GROUP words a mask says which are not, and only these follow. */
static size_t pack(const struct exchange *x, uint8_t out[static PACKED_MAX + WORD])
{
    const uint8_t *from = (const uint8_t *)x;
    size_t words = (offsetof(struct exchange, text) + x->text_used + WORD - 1) / WORD, used = 0;
    for (size_t first = 0; first < words; first += GROUP) {
        uint64_t mask = 0;
        size_t mask_at = used;
        used += WORD;
        size_t here = words - first < GROUP ? words - first : GROUP;
        for (size_t i = 0; i < here; i++) {
            uint64_t word;
            memcpy(&word, from + (first + i) * WORD, WORD);
            if (word == 0)
                continue;
            memcpy(out + used, &word, WORD);
            used += WORD;
            mask |= UINT64_C(1) << i;
        }
        memcpy(out + mask_at, &mask, WORD);
    }
    return used;
}

static unsigned lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(word);
#else
    unsigned bit = 0;
    while ((word >> bit & 1) == 0)
        bit++;
    return bit;
#endif
}

/* False when the bytes cannot have come from pack. */
static bool unpack(const uint8_t *from, size_t len, struct exchange *x)
{
    uint8_t *out = (uint8_t *)x;
    size_t at = 0, word = 0;
    while (at < len) {
        uint64_t mask;
        if (len - at < WORD)
            return false;
        memcpy(&mask, from + at, WORD);
        at += WORD;
        if (word >= EXCHANGE_WORDS)
            return false;
        memset(out + word * WORD, 0, (EXCHANGE_WORDS - word < GROUP ? EXCHANGE_WORDS - word : GROUP) * WORD);
        for (; mask != 0; mask &= mask - 1, at += WORD) {
            size_t to = (word + lowest_bit(mask)) * WORD;
            if (to >= EXCHANGE_WORDS * WORD || len - at < WORD)
                return false;
            memcpy(out + to, from + at, WORD);
        }
        word += GROUP;
    }
    return word * WORD >= offsetof(struct exchange, text);
}

bool spool_put(struct spool *s, const struct exchange *x)
{
    uint8_t packed[PACKED_MAX + WORD];
    assert(!s->reading);
    if (s->failed || x->id == 0)
        return false;
    struct record head = {(uint32_t)pack(x, packed), (uint32_t)x->ladder.len};
    if (fwrite(&head, sizeof head, 1, s->records) != 1 || fwrite(packed, head.packed, 1, s->records) != 1 ||
        (head.ladder > 0 && fwrite(x->ladder.data, head.ladder, 1, s->records) != 1)) {
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

/* Records lie nearly in the order of their ids: the blocks held serve nearly all of them. */
static bool read_record(struct spool *s, uint64_t offset, size_t len, void *out)
{
    if (!s->reading) {
        s->blocks = malloc((size_t)BLOCKS * BLOCK);
        if (s->blocks == NULL || fflush(s->records) != 0)
            return false;
        s->reading = true;
    }
    uint8_t *to = out;
    while (len > 0) {
        size_t slot = read_block(s, offset / BLOCK), at = (size_t)(offset % BLOCK);
        if (slot == BLOCKS || at >= s->held_len[slot])
            return false;
        size_t there = s->held_len[slot] - at, step = there < len ? there : len;
        memcpy(to, s->blocks + slot * BLOCK + at, step);
        to += step;
        offset += step;
        len -= step;
    }
    return true;
}

struct exchange *spool_get(struct spool *s, uint32_t id)
{
    struct entry e;
    struct record head;
    uint8_t packed[PACKED_MAX];
    if (!index_read(s, id, &e) || e.offset == 0)
        return NULL;
    uint64_t at = e.offset - 1;
    if (!read_record(s, at, sizeof head, &head) || head.packed > sizeof packed || head.ladder > EXCHANGE_LADDER_MAX ||
        !read_record(s, at + sizeof head, head.packed, packed))
        goto unreadable;
    struct exchange *x = malloc(sizeof *x + head.ladder);
    if (x == NULL)
        return NULL;
    uint8_t *ladder = (uint8_t *)(x + 1);
    if (!unpack(packed, head.packed, x) || !read_record(s, at + sizeof head + head.packed, head.ladder, ladder)) {
        free(x);
        goto unreadable;
    }
    x->ladder = span_of(ladder, head.ladder);
    return x;
unreadable:
    s->failed = true;
    return NULL;
}

void spool_release(struct exchange *x)
{
    free(x);
}

bool spool_failed(const struct spool *s)
{
    return s->failed;
}
