#include <stdlib.h>

#include "analyze/record/packet_marks_internal.h"

enum { WORD_BITS = 64, WORDS_FIRST = 1024 };

struct packet_marks *packet_marks_new(uint64_t memory_bytes)
{
    struct packet_marks *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->words_left = memory_bytes / sizeof(uint64_t);
    return m;
}

void packet_marks_free(struct packet_marks *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++)
        free(m->captures[i].words);
    free(m->captures);
    free(m);
}

static bool reach_capture(struct packet_marks *m, uint32_t capture)
{
    if (capture < m->count)
        return true;
    struct capture_marks *bigger = realloc(m->captures, ((size_t)capture + 1) * sizeof *bigger);
    if (bigger == NULL)
        return false;
    memset(bigger + m->count, 0, ((size_t)capture + 1 - m->count) * sizeof *bigger);
    m->captures = bigger;
    m->count = (size_t)capture + 1;
    return true;
}

static bool reach_word(struct packet_marks *m, struct capture_marks *c, uint64_t word)
{
    uint64_t room = c->room > 0 ? c->room : WORDS_FIRST;
    if (word < c->room)
        return true;
    while (room <= word)
        room *= 2;
    if (room - c->room > m->words_left)
        return false;
    uint64_t *bigger = realloc(c->words, (size_t)room * sizeof *bigger);
    if (bigger == NULL)
        return false;
    memset(bigger + c->room, 0, (size_t)(room - c->room) * sizeof *bigger);
    m->words_left -= room - c->room;
    c->words = bigger;
    c->room = room;
    return true;
}

bool packet_marks_add(struct packet_marks *m, const struct frame *f)
{
    if (!reach_capture(m, f->capture))
        return false;
    struct capture_marks *c = &m->captures[f->capture];
    if (!reach_word(m, c, f->number / WORD_BITS))
        return false;
    uint64_t bit = UINT64_C(1) << f->number % WORD_BITS, *word = &c->words[f->number / WORD_BITS];
    if ((*word & bit) != 0)
        return true;
    *word |= bit;
    if (c->packets++ == 0 || f->time_ns < c->first_ns)
        c->first_ns = f->time_ns;
    c->last = f->number > c->last ? f->number : c->last;
    return true;
}

bool packet_marks_has(const struct packet_marks *m, const struct frame *f)
{
    if (f->capture >= m->count || f->number / WORD_BITS >= m->captures[f->capture].room)
        return false;
    return (m->captures[f->capture].words[f->number / WORD_BITS] >> f->number % WORD_BITS & 1) != 0;
}
