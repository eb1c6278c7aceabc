#include "analyze/spool.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { WINDOW = 1 << 15, RECORD_BUFFER = 1 << 18, READ_BEHIND = 1 << 16 };

/* Where an exchange lies. offset is the record's place plus one, so that zeroed entries mean "never put". */
struct entry {
    uint64_t offset;
    uint32_t next;   /* of the same session */
    uint32_t linked; /* 1: it is not the first of its session */
};

/* ids close about in the order they open, so a sliding window over the index takes nearly all accesses; the rest seek. */
struct spool {
    FILE *records, *index;
    char *buffer;     /* stdio's, for writing */
    uint8_t *window_bytes; /* read back through this, see read_record */
    uint64_t end;     /* bytes in records */
    uint64_t read_at; /* place of the read window's first byte */
    size_t read_len;
    bool reading;
    uint32_t base;    /* first id in the window */
    uint32_t last;
    bool failed;
    struct entry window[WINDOW];
};

struct spool *spool_new(void)
{
    struct spool *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base = 1;
    s->records = tmpfile();
    s->index = tmpfile();
    s->buffer = malloc(RECORD_BUFFER);
    s->window_bytes = malloc(RECORD_BUFFER);
    if (s->records == NULL || s->index == NULL || s->buffer == NULL || s->window_bytes == NULL) {
        spool_free(s);
        return NULL;
    }
    setvbuf(s->records, s->buffer, _IOFBF, RECORD_BUFFER);
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
    free(s->window_bytes);
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
    if (id > s->last || !seek(s->index, (uint64_t)id * sizeof *out))
        return false;
    if (fread(out, sizeof *out, 1, s->index) != 1) {
        memset(out, 0, sizeof *out); /* never written: an id that did not close */
        clearerr(s->index);
    }
    return true;
}

static bool index_write_far(struct spool *s, uint32_t id, const struct entry *e, size_t count)
{
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

bool spool_put(struct spool *s, const struct exchange *x)
{
    assert(!s->reading);
    if (s->failed || x->id == 0)
        return false;
    size_t fixed = offsetof(struct exchange, text) + x->text_used;
    uint64_t head[2] = {fixed, x->ladder.len};
    if (fwrite(head, sizeof head, 1, s->records) != 1 || fwrite(x, fixed, 1, s->records) != 1 ||
        (x->ladder.len > 0 && fwrite(x->ladder.data, x->ladder.len, 1, s->records) != 1)) {
        s->failed = true;
        return false;
    }
    struct entry e;
    if (x->id > s->last)
        s->last = x->id;
    if (!index_read(s, x->id, &e))
        memset(&e, 0, sizeof e);
    e.offset = s->end + 1;
    s->end += sizeof head + fixed + x->ladder.len;
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

/* Records lie nearly in the order of their ids: one window read serves many of them, also those just before. */
static bool read_record(struct spool *s, uint64_t offset, size_t len, void *out)
{
    if (!s->reading) {
        if (fflush(s->records) != 0)
            return false;
        s->reading = true;
    }
    uint8_t *to = out;
    while (len > 0) {
        if (offset < s->read_at || offset >= s->read_at + s->read_len) {
            s->read_at = offset > READ_BEHIND ? offset - READ_BEHIND : 0;
            s->read_len = 0;
            if (!seek(s->records, s->read_at))
                return false;
            s->read_len = fread(s->window_bytes, 1, RECORD_BUFFER, s->records);
            if (offset >= s->read_at + s->read_len)
                return false;
        }
        size_t there = (size_t)(s->read_at + s->read_len - offset);
        size_t step = there < len ? there : len;
        memcpy(to, s->window_bytes + (offset - s->read_at), step);
        to += step;
        offset += step;
        len -= step;
    }
    return true;
}

struct exchange *spool_get(struct spool *s, uint32_t id)
{
    struct entry e;
    uint64_t head[2];
    if (!index_read(s, id, &e) || e.offset == 0)
        return NULL;
    uint64_t at = e.offset - 1;
    if (!read_record(s, at, sizeof head, head))
        goto unreadable;
    struct exchange *x = head[1] <= EXCHANGE_LADDER_MAX ? malloc(sizeof *x + head[1]) : NULL;
    if (x == NULL)
        return NULL;
    uint8_t *ladder = (uint8_t *)(x + 1);
    if (head[0] > sizeof *x || !read_record(s, at + sizeof head, head[0], x) ||
        !read_record(s, at + sizeof head + head[0], head[1], ladder)) {
        free(x);
        goto unreadable;
    }
    x->ladder = span_of(ladder, head[1]);
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
