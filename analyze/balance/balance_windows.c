/* The windows of time of a result, and how many tunnels are up at a time. */
#include <stdlib.h>

#include "analyze/balance/balance_internal.h"
#include "capture/wire/elapsed.h"

enum { CELLS_MAX = 1 << 15 };
#define SECOND_NS INT64_C(1000000000)
/* A tunnel whose end is not seen is taken to stand for as long after its last packet: idle times of five minutes are common. */
#define STANDS_NS (300 * SECOND_NS)

bool tally_has(const struct tally *t, const struct record *r, size_t *at)
{
    const struct balance_server *s = &t->b->servers[r->backend];
    if (s->group[t->class] != t->group || record_is_radius(r) != (t->class == 1) ||
        (t->protocol != BALANCE_ALL && r->protocol != t->protocol))
        return false;
    *at = s->place[t->class];
    return *at < t->n;
}

/* A length that people use, and not too many of them. */
static int64_t usual_window(int64_t span_ns)
{
    static const int64_t seconds[] = {1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 604800};
    size_t i = 0;
    while (i + 1 < sizeof seconds / sizeof seconds[0] && span_ns / (seconds[i] * SECOND_NS) >= BALANCE_WINDOWS_USUAL)
        i++;
    return seconds[i] * SECOND_NS;
}

/* The window of a time; what is before the first, or after the last, is in that one. */
static size_t window_at(const struct balance_result *r, int64_t ns)
{
    if (ns <= r->window_start_ns)
        return 0;
    size_t w = (size_t)(elapsed_ns(ns, r->window_start_ns) / r->window_ns);
    return w < r->window_count ? w : r->window_count - 1;
}

static void count_end(struct balance_cell *cell, const struct record *r)
{
    cell->attempts++;
    cell->established += r->outcome == OUTCOME_ESTABLISHED;
    cell->failed += r->outcome == OUTCOME_REJECTED || r->outcome == OUTCOME_ABORTED;
    cell->unanswered += r->outcome == OUTCOME_UNANSWERED;
}

/* Clients come one after the other: whom a backend, or a cell of it, has seen last tells whether the next one is another. last:
 * who that was, of each cell. */
static void count_cells(struct tally *t, struct balance_cell *cells, uint64_t *last)
{
    uint64_t latest[BALANCE_BACKENDS_MAX];
    for (size_t i = 0; i < t->b->count; i++) {
        const struct record *r = t->b->by_client[i];
        size_t at;
        if (!tally_has(t, r, &at) || !record_is_attempt(r))
            continue;
        size_t cell = window_at(t->result, r->start_ns) * t->n + at;
        count_end(&cells[cell], r);
        if (record_is_nameless(r))
            continue;
        uint64_t client = record_client(r);
        struct balance_backend *e = &t->backends[at];
        cells[cell].clients += cells[cell].clients == 0 || last[cell] != client;
        e->clients += e->clients == 0 || latest[at] != client;
        last[cell] = latest[at] = client;
    }
}

bool tally_windows(struct tally *t)
{
    struct balance_result *r = t->result;
    int64_t span = elapsed_ns(t->last_ns, t->first_ns), length = t->b->settings.window_ns;
    if (r->connections == 0)
        return true;
    if (length <= 0)
        length = usual_window(span);
    while (span / length + 2 > BALANCE_WINDOWS_MAX || (span / length + 2) * (int64_t)t->n > CELLS_MAX)
        length *= 2;
    r->window_ns = length;
    int64_t into = (t->first_ns % length + length) % length; /* windows begin on the clock's round times */
    r->window_start_ns = t->first_ns < INT64_MIN + into ? t->first_ns : t->first_ns - into;
    r->window_count = (size_t)(elapsed_ns(t->last_ns, r->window_start_ns) / length) + 1;
    struct balance_cell *cells = calloc(r->window_count * t->n, sizeof *cells);
    uint64_t *last = calloc(r->window_count * t->n, sizeof *last);
    if (cells != NULL && last != NULL)
        count_cells(t, cells, last);
    else
        r->window_count = 0;
    free(last);
    t->cells = cells;
    r->windows = cells;
    return r->window_count > 0;
}

static int by_moment(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_tunnel_of(const struct tally *t, const struct record *r, size_t backend)
{
    size_t at;
    bool tunnel = r->outcome == OUTCOME_ESTABLISHED || (r->flags & RECORD_CARRIED) != 0;
    return tunnel && tally_has(t, r, &at) && at == backend;
}

/* Time goes on over the tunnels of one backend. */
struct sweep {
    struct tally *t;
    size_t backend, window;
    int64_t *ends;
    size_t n, ended;
    uint64_t up, peak;
};

static void sweep_to(struct sweep *s, int64_t ns)
{
    for (; s->ended < s->n && s->ends[s->ended] < ns; s->ended++)
        s->up--;
}

static void note_up(struct sweep *s)
{
    struct balance_cell *cell = s->window < s->t->result->window_count ? &s->t->cells[s->window * s->t->n + s->backend] : NULL;
    s->peak = s->up > s->peak ? s->up : s->peak;
    if (cell != NULL && s->up > cell->peak)
        cell->peak = (uint32_t)s->up;
}

/* The windows up to that one begin with what is up by then. */
static void enter_window(struct sweep *s, size_t window)
{
    const struct balance_result *r = s->t->result;
    while (s->window < window) {
        s->window++;
        sweep_to(s, r->window_start_ns + (int64_t)s->window * r->window_ns);
        note_up(s);
    }
}

uint64_t tally_peaks(struct tally *t, size_t backend, int64_t *room)
{
    struct sweep s = {.t = t, .backend = backend, .ends = room};
    const struct balance *b = t->b;
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        bool open = (r->flags & RECORD_OPEN) != 0 && r->end_ns < INT64_MAX - STANDS_NS;
        if (is_tunnel_of(t, r, backend))
            s.ends[s.n++] = open ? r->end_ns + STANDS_NS : r->end_ns;
    }
    if (s.n > 1)
        qsort(s.ends, s.n, sizeof *s.ends, by_moment);
    for (size_t i = 0; i < b->count; i++) { /* they are in order of time */
        const struct record *r = &b->records[i];
        if (!is_tunnel_of(t, r, backend))
            continue;
        if (t->result->window_count > 0)
            enter_window(&s, window_at(t->result, r->start_ns));
        sweep_to(&s, r->start_ns);
        s.up++;
        note_up(&s);
    }
    if (t->result->window_count > 0)
        enter_window(&s, t->result->window_count - 1);
    return s.peak;
}
