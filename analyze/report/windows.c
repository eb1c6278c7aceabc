#include "analyze/report/windows.h"

#include <stdlib.h>

struct table {
    struct window_backend rows[WINDOWS_BACKENDS_MAX];
    size_t count;
    uint64_t elsewhere, events;
};

struct windows {
    struct table tables[WINDOW_BASES];
    bool named, begun;
    int64_t length_ns, start_ns;
    window_fn *tell;
    void *ctx;
};

const char *window_basis_name(enum window_basis b)
{
    return b == WINDOW_RADIUS ? "radius" : "tunnels";
}

struct windows *windows_new(const struct balance_settings *settings, window_fn *tell, void *ctx)
{
    struct windows *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->length_ns = settings->window_ns > 0 ? settings->window_ns : WINDOWS_USUAL_NS;
    w->named = settings->named_count > 0;
    w->tell = tell;
    w->ctx = ctx;
    for (size_t b = 0; b < WINDOW_BASES; b++)
        for (size_t i = 0; i < settings->named_count && i < WINDOWS_BACKENDS_MAX; i++) {
            const struct balance_named *n = &settings->named[i];
            w->tables[b].rows[w->tables[b].count++] = (struct window_backend){
                .address = n->address, .name = n->name[0] != '\0' ? n->name : NULL, .weight = n->weight};
        }
    return w;
}

void windows_free(struct windows *w)
{
    free(w);
}

static struct window_backend *row_of(struct windows *w, enum window_basis basis, const struct address *server)
{
    struct table *t = &w->tables[basis];
    for (size_t i = 0; i < t->count; i++)
        if (address_equal(&t->rows[i].address, server))
            return &t->rows[i];
    if (w->named || t->count == WINDOWS_BACKENDS_MAX)
        return NULL;
    t->rows[t->count] = (struct window_backend){.address = *server, .weight = 1};
    return &t->rows[t->count++];
}

void windows_began(struct windows *w, enum window_basis basis, const struct address *server)
{
    struct window_backend *row = w->begun ? row_of(w, basis, server) : NULL;
    if (!w->begun)
        return;
    w->tables[basis].events++;
    if (row != NULL)
        row->attempts++;
    else
        w->tables[basis].elsewhere++;
}

void windows_ended(struct windows *w, enum window_basis basis, const struct address *server, bool established)
{
    struct window_backend *row = w->begun ? row_of(w, basis, server) : NULL;
    if (row == NULL)
        return;
    w->tables[basis].events++;
    row->established += established;
    row->established_ever += established;
    row->failed += !established;
}

static void tell(struct windows *w, enum window_basis basis, bool whole)
{
    struct table *t = &w->tables[basis];
    uint64_t attempts[WINDOWS_BACKENDS_MAX];
    double weights[WINDOWS_BACKENDS_MAX];
    if (t->events == 0)
        return;
    struct window told = {.basis = basis, .start_ns = w->start_ns, .length_ns = w->length_ns, .whole = whole,
                          .backends = t->rows, .backend_count = t->count, .elsewhere = t->elsewhere};
    for (size_t i = 0; i < t->count; i++) {
        attempts[i] = t->rows[i].attempts;
        weights[i] = t->rows[i].weight;
        told.attempts += attempts[i];
    }
    told.evenness = evenness_of(attempts, weights, t->count);
    w->tell(w->ctx, &told);
    t->elsewhere = t->events = 0;
    for (size_t i = 0; i < t->count; i++)
        t->rows[i].attempts = t->rows[i].established = t->rows[i].failed = 0;
}

void windows_time(struct windows *w, int64_t now_ns)
{
    int64_t into = (now_ns % w->length_ns + w->length_ns) % w->length_ns; /* windows begin on the clock's round times */
    int64_t start = now_ns < INT64_MIN + into ? now_ns : now_ns - into;
    if (w->begun && start == w->start_ns)
        return;
    for (int b = 0; b < WINDOW_BASES && w->begun; b++)
        tell(w, (enum window_basis)b, true);
    w->begun = true;
    w->start_ns = start;
}

void windows_finish(struct windows *w)
{
    for (int b = 0; b < WINDOW_BASES && w->begun; b++)
        tell(w, (enum window_basis)b, false);
}

const struct window_backend *windows_backends(const struct windows *w, enum window_basis basis, size_t *count)
{
    *count = w->tables[basis].count;
    return w->tables[basis].rows;
}
