#include "analyze/nic/dns_answers.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { FIRST_ROOM = 16 };

struct dns_answers {
    struct dns_told *items;           /* a ring: the oldest gives way */
    uint64_t hashes[DNS_ANSWERS_MAX]; /* of what each says to whom and where: looking through the items takes too long */
    size_t room, count, next;
};

struct dns_answers *dns_answers_new(void)
{
    return calloc(1, sizeof(struct dns_answers));
}

void dns_answers_free(struct dns_answers *t)
{
    if (t != NULL)
        free(t->items);
    free(t);
}

static bool says_the_same(const struct dns_answer *a, const struct dns_answer *b)
{
    if (a->count != b->count || !address_equal(&a->client, &b->client) || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!address_equal(&a->addresses[i], &b->addresses[i]))
            return false;
    return true;
}

static uint64_t hash_of(const struct dns_answer *a, struct place place)
{
    uint64_t hash = hash_bytes(a->name, strlen(a->name), place.capture);
    hash = hash_bytes(&a->client, sizeof a->client, hash);
    return hash_bytes(a->addresses, a->count * sizeof a->addresses[0], hash);
}

/* The place for a new one; NULL when memory is short and there is none at all. */
static struct dns_told *take(struct dns_answers *t)
{
    if (t->count == t->room && t->room < DNS_ANSWERS_MAX) {
        size_t room = t->room == 0 ? FIRST_ROOM : t->room * 2;
        struct dns_told *items = realloc(t->items, room * sizeof *items);
        if (items != NULL) {
            t->items = items;
            t->room = room;
        }
    }
    if (t->count < t->room)
        return &t->items[t->count++];
    if (t->room == 0)
        return NULL;
    t->next = (t->next + 1) % t->room;
    return &t->items[t->next];
}

void dns_answers_add(struct dns_answers *t, const struct dns_answer *a, struct place place)
{
    uint64_t hash = hash_of(a, place);
    for (size_t i = 0; i < t->count; i++) {
        struct dns_told *known = &t->items[i];
        if (t->hashes[i] == hash && known->place.capture == place.capture && says_the_same(&known->answer, a)) {
            known->place = place;
            known->times++;
            return;
        }
    }
    struct dns_told *fresh = take(t);
    if (fresh == NULL)
        return;
    *fresh = (struct dns_told){.answer = *a, .place = place, .first = place, .times = 1};
    t->hashes[fresh - t->items] = hash;
}

static bool has_address(const struct dns_answer *a, const struct address *address)
{
    for (size_t i = 0; i < a->count; i++)
        if (address_equal(&a->addresses[i], address))
            return true;
    return false;
}

const struct dns_told *dns_answers_find(const struct dns_answers *t, const struct address *client, const struct address *address,
                                        int64_t by_ns)
{
    const struct dns_told *best = NULL;
    int64_t best_ns = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct dns_told *told = &t->items[i];
        int64_t ns = told->place.time_ns <= by_ns ? told->place.time_ns : told->first.time_ns;
        if (ns > by_ns || !has_address(&told->answer, address) || (client != NULL && !address_equal(&told->answer.client, client)))
            continue;
        if (best == NULL || ns > best_ns) {
            best = told;
            best_ns = ns;
        }
    }
    return best;
}

static int by_address(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct address));
}

size_t dns_answers_of_name(const struct dns_answers *t, const char *name, struct address *out, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct dns_answer *a = &t->items[i].answer;
        if (strcmp(a->name, name) != 0)
            continue;
        for (size_t k = 0; k < a->count; k++) {
            size_t at = 0;
            while (at < count && !address_equal(&out[at], &a->addresses[k]))
                at++;
            if (at == count && count < room)
                out[count++] = a->addresses[k];
        }
    }
    qsort(out, count, sizeof *out, by_address);
    return count;
}
