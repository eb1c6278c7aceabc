/* The table of connections: slots by age, and the pool of chunks for bytes that wait. */
#include <stdlib.h>

#include "dissect/tcp/tcp_stream_state.h"

enum {
    SMALL = 64,      /* connections: order by age is exact in tables with less room */
    LAZY_ROUNDS = 8, /* in others it is exact to so many segments a connection: one move in the list in as many segments */
};

struct tcp_stream_table *tcp_stream_table_new(const struct tcp_stream_table_options *options)
{
    struct tcp_stream_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    uint32_t room = options->connections;
    room = room == 0 ? 1 : room > UINT32_MAX / 2 ? UINT32_MAX / 2 : room;
    size_t slabs = options->waiting_bytes / (sizeof(struct chunk) * CHUNKS_A_SLAB);
    if (slabs == 0 && options->waiting_bytes > 0)
        slabs = 1;
    t->slabs_max = slabs > UINT16_MAX ? UINT16_MAX : (uint32_t)slabs;
    t->slots_block = calloc((size_t)room + 2, sizeof *t->slots);
    t->more = calloc((size_t)room + 1, sizeof *t->more);
    t->slabs = calloc((size_t)t->slabs_max + 1, sizeof *t->slabs);
    t->room = room;
    t->lazy = room < SMALL ? 0 : room < UINT32_MAX / LAZY_ROUNDS / 2 ? room * LAZY_ROUNDS : UINT32_MAX / 2;
    t->uncompared = options->uncompared;
    t->event = options->event;
    t->ctx = options->ctx;
    if (t->slots_block == NULL || t->more == NULL || t->slabs == NULL) {
        tcp_stream_table_free(t);
        return NULL;
    }
    size_t beyond = (uintptr_t)t->slots_block % LINE;
    t->slots = (struct tcp_stream *)(void *)((uint8_t *)t->slots_block + (beyond > 0 ? LINE - beyond : 0));
    return t;
}

void tcp_stream_table_free(struct tcp_stream_table *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 0; i < t->slab_count; i++)
        free(t->slabs[i]);
    free(t->slabs);
    free(t->slots_block);
    free(t->more);
    free(t);
}

/* The list of connections by age. */

static void age_detach(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    *(m->older == NONE ? &t->oldest : &t->more[m->older].newer) = m->newer;
    *(m->newer == NONE ? &t->newest : &t->more[m->newer].older) = m->older;
}

static void age_append(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    uint32_t self = slot_of(t, s);
    m->older = t->newest;
    m->newer = NONE;
    *(t->newest == NONE ? &t->oldest : &t->more[t->newest].newer) = self;
    t->newest = self;
    s->stamp = t->tick;
}

void tcp_age_renew(struct tcp_stream_table *t, struct tcp_stream *s)
{
    age_detach(t, s);
    age_append(t, s);
}

/* Chunks: taken from and given back to the pool, and the list of who has some. */

static void waits_append(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    m->before = t->waits_last;
    m->behind = NONE;
    *(t->waits_last == NONE ? &t->waits_first : &t->more[t->waits_last].behind) = slot_of(t, s);
    t->waits_last = slot_of(t, s);
}

static void waits_detach(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    *(m->before == NONE ? &t->waits_first : &t->more[m->before].behind) = m->behind;
    *(m->behind == NONE ? &t->waits_last : &t->more[m->behind].before) = m->before;
}

static bool pool_grow(struct tcp_stream_table *t)
{
    if (t->slab_count == t->slabs_max)
        return false;
    struct chunk *slab = malloc(sizeof *slab * CHUNKS_A_SLAB);
    if (slab == NULL)
        return false;
    t->slabs[t->slab_count] = slab;
    for (uint32_t i = CHUNKS_A_SLAB; i-- > 0;) {
        slab[i].h.next = t->free_chunk;
        t->free_chunk = t->slab_count * CHUNKS_A_SLAB + i + 1;
    }
    t->slab_count++;
    return true;
}

/* NONE when the pool is used up. */
uint32_t tcp_chunk_take(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    if (t->free_chunk == NONE && !pool_grow(t))
        return NONE;
    uint32_t chunk = t->free_chunk;
    t->free_chunk = chunk_of(t, chunk)->h.next;
    t->chunks_used++;
    if (m->chunks++ == 0)
        waits_append(t, s);
    return chunk;
}

void tcp_chunk_give(struct tcp_stream_table *t, struct tcp_stream *s, uint32_t chunk)
{
    struct tcp_more *m = more_of(t, s);
    chunk_of(t, chunk)->h.next = t->free_chunk;
    t->free_chunk = chunk;
    t->chunks_used--;
    if (--m->chunks == 0)
        waits_detach(t, s);
}

uint32_t tcp_stream_open(struct tcp_stream_table *t, uint32_t owner, void *user)
{
    if (t->free == NONE && t->made == t->room) {
        struct tcp_stream *oldest = &t->slots[t->oldest];
        t->counters.evicted++;
        oldest->open = false; /* tells tcp_stream_close why */
        tcp_stream_close(t, oldest);
    }
    uint32_t self = t->free;
    if (self != NONE)
        t->free = t->more[self].newer;
    else
        self = ++t->made;
    struct tcp_stream *s = &t->slots[self];
    *s = (struct tcp_stream){.owner = owner, .open = true};
    t->more[self] = (struct tcp_more){.user = user, .rest = {{.fin = ALL}, {.fin = ALL}}};
    age_append(t, s);
    t->counters.opened++;
    return self;
}

struct tcp_stream *tcp_stream_of(const struct tcp_stream_table *t, uint32_t slot, uint32_t owner)
{
    if (slot == NONE || slot > t->made)
        return NULL;
    struct tcp_stream *s = &t->slots[slot];
    return s->open && s->owner == owner ? s : NULL;
}

void tcp_slot_release(struct tcp_stream_table *t, struct tcp_stream *s)
{
    struct tcp_more *m = more_of(t, s);
    age_detach(t, s);
    s->open = false;
    m->newer = t->free;
    t->free = slot_of(t, s);
}

void tcp_stream_table_finish(struct tcp_stream_table *t)
{
    while (t->oldest != NONE)
        tcp_stream_close(t, &t->slots[t->oldest]);
}

void tcp_stream_table_get_counters(const struct tcp_stream_table *t, struct tcp_stream_table_counters *out)
{
    *out = t->counters;
    out->waiting_bytes = (uint64_t)t->chunks_used * sizeof(struct chunk);
    out->pool_bytes = (uint64_t)t->slab_count * CHUNKS_A_SLAB * sizeof(struct chunk);
}
