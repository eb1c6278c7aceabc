#include "analyze/session/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/wire/cursor.h"

enum { WINDOW = 1 << 15, FAR = 1 << 10, WRITTEN = 1 << 16, BLOCK = 1 << 13, BLOCKS = 512, SPARES = 4 };

/*
 * An exchange is written in parts: of what any login has, the words that are not those of the first one put, for most
 * say the same in all logins; then, each only when it is not all zero, what some have that lies before and behind that;
 * its inner EAP when there is; of the facts of IKE or SSTP the words that are not zero; the used part of its texts.
 */
enum {
    WORD = sizeof(uint64_t),
    WORDS = (EXCHANGE_USUAL_END - EXCHANGE_USUAL + WORD - 1) / WORD,
    USUAL = WORDS * WORD,
    BEFORE = EXCHANGE_USUAL,
    BEHIND = offsetof(struct exchange, text) - EXCHANGE_USUAL - USUAL,
    INNER = sizeof(struct eap_facts),
    OWN = offsetof(struct exchange, ike), /* the facts of IKE, or of SSTP */
    OWN_WORDS = (sizeof(struct exchange) - OWN) / WORD,
    PACKED_MAX = BEFORE + USUAL + 2 * (WORDS / 2 + 1) + BEHIND + INNER + OWN_WORDS * WORD + 2 * (OWN_WORDS / 2 + 1) +
                 EXCHANGE_TEXT_MAX,
};
enum { HAS_BEFORE = 1, HAS_BEHIND = 2, HAS_INNER = 4, HAS_OWN = 8 };

/* What goes before each record. */
struct record {
    uint16_t packed; /* bytes of the exchange that follow */
    uint16_t parts;
    uint32_t ladder; /* bytes of its ladder, behind them */
};
enum { RECORD_MAX = sizeof(struct record) + PACKED_MAX };
static_assert(OWN % WORD == 0 && sizeof(struct exchange) % WORD == 0, "the facts of IKE and SSTP are whole words");
static_assert(PACKED_MAX <= UINT16_MAX, "a record's length fits its header");

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
    uint64_t model[WORDS]; /* what any login has, of the first one put */
    bool reading;
    uint64_t position;     /* of the file when reading */
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

static bool all_zero(const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[BEFORE > BEHIND ? BEFORE : BEHIND];
    return memcmp(bytes, zeros, len) == 0;
}

static uint8_t *append(uint8_t *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

static inline uint64_t word_at(const uint8_t *bytes, size_t i)
{
    uint64_t word;
    memcpy(&word, bytes + i * WORD, WORD);
    return word;
}

static inline uint64_t model_word(const uint64_t *model, size_t i)
{
    return model != NULL ? model[i] : 0;
}

/* Runs by turns: how many words are the model's (zero without one), how many are not, and these. */
static uint8_t *append_words(uint8_t *to, const uint8_t *from, size_t words, const uint64_t *model)
{
    for (size_t i = 0; i < words;) {
        uint8_t *lengths = to;
        size_t begin = i;
        to += 2;
        while (i < words && i - begin < UINT8_MAX && word_at(from, i) == model_word(model, i))
            i++;
        lengths[0] = (uint8_t)(i - begin);
        begin = i;
        for (uint64_t word; i < words && i - begin < UINT8_MAX && (word = word_at(from, i)) != model_word(model, i);
             i++)
            to = append(to, &word, WORD);
        lengths[1] = (uint8_t)(i - begin);
    }
    return to;
}

static bool take_words(struct cursor *c, uint8_t *to, size_t words, const uint64_t *model)
{
    for (size_t i = 0; i < words;) {
        uint8_t same, own;
        if (!take_u8(c, &same) || !take_u8(c, &own) || same + own == 0 || (size_t)same + own > words - i)
            return false;
        if (model != NULL)
            memcpy(to + i * WORD, model + i, (size_t)same * WORD);
        else
            memset(to + i * WORD, 0, (size_t)same * WORD);
        i += same;
        if (!take_bytes(c, (size_t)own * WORD, to + i * WORD))
            return false;
        i += own;
    }
    return true;
}

/* Returns the end of what it wrote, at most PACKED_MAX bytes; *parts tells which there are. */
static uint8_t *pack(const struct exchange *x, const uint64_t model[static WORDS], uint8_t *to, uint16_t *parts)
{
    const uint8_t *from = (const uint8_t *)x;
    unsigned has = (x->has_inner ? HAS_INNER : 0u) | (exchange_has_own(x) ? HAS_OWN : 0u);
    to = append_words(to, from + EXCHANGE_USUAL, WORDS, model);
    if (!all_zero(from, BEFORE)) {
        to = append(to, from, BEFORE);
        has |= HAS_BEFORE;
    }
    if (!all_zero(from + EXCHANGE_USUAL + USUAL, BEHIND)) {
        to = append(to, from + EXCHANGE_USUAL + USUAL, BEHIND);
        has |= HAS_BEHIND;
    }
    if (x->has_inner)
        to = append(to, &x->inner, INNER);
    if (exchange_has_own(x))
        to = append_words(to, (const uint8_t *)x + OWN, OWN_WORDS, NULL);
    *parts = (uint16_t)has;
    return append(to, x->text, x->text_used);
}

/* Takes a part when it is there, else it is all zero. */
static bool take_part(struct cursor *c, bool there, void *to, size_t len)
{
    if (there)
        return take_bytes(c, len, to);
    memset(to, 0, len);
    return true;
}

static bool take_own(struct cursor *c, bool there, struct exchange *x)
{
    uint8_t *to = (uint8_t *)x + OWN;
    if (there)
        return take_words(c, to, OWN_WORDS, NULL);
    memset(to, 0, sizeof *x - OWN);
    return true;
}

/* False when the bytes cannot have come from pack. */
static bool unpack(struct span from, const uint64_t model[static WORDS], uint16_t parts, struct exchange *x)
{
    struct cursor c = cursor_of(from);
    uint8_t *to = (uint8_t *)x;
    if (!take_words(&c, to + EXCHANGE_USUAL, WORDS, model) || !take_part(&c, (parts & HAS_BEFORE) != 0, to, BEFORE) ||
        !take_part(&c, (parts & HAS_BEHIND) != 0, to + EXCHANGE_USUAL + USUAL, BEHIND) ||
        !take_part(&c, (parts & HAS_INNER) != 0, &x->inner, INNER) || !take_own(&c, (parts & HAS_OWN) != 0, x))
        return false;
    return x->text_used <= EXCHANGE_TEXT_MAX && c.len == x->text_used && take_bytes(&c, c.len, x->text);
}

/* Writes whole blocks of what is gathered, in the end all of it. */
static bool write_out(struct spool *s, bool all)
{
    size_t n = all ? s->used : s->used - s->used % WRITTEN;
    if (n > 0 && fwrite(s->buffer, n, 1, s->records) != 1)
        s->failed = true;
    s->used -= n;
    memmove(s->buffer, s->buffer + n, s->used);
    return !s->failed;
}

static bool write_ladder(struct spool *s, struct span ladder)
{
    if (write_out(s, true) && fwrite(ladder.data, ladder.len, 1, s->records) != 1)
        s->failed = true;
    s->end += ladder.len;
    return !s->failed;
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
    if (s->failed || x->id == 0)
        return false;
    struct record head = {.ladder = (uint32_t)x->ladder.len};
    if (!s->has_model) {
        memcpy(s->model, (const uint8_t *)x + EXCHANGE_USUAL, USUAL);
        s->has_model = true;
    }
    struct entry room, *e = entry_for(s, x->id, &room);
    uint8_t *begin = s->buffer + s->used, *end = pack(x, s->model, begin + sizeof head, &head.parts);
    head.packed = (uint16_t)((size_t)(end - begin) - sizeof head);
    memcpy(begin, &head, sizeof head);
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
    s->blocks = malloc((size_t)BLOCKS * BLOCK);
    s->reading = s->blocks != NULL && write_out(s, true) && fflush(s->records) == 0;
    s->position = s->end;
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
    if (!unpack(span_of(from, head.packed), s->model, head.parts, x) ||
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
