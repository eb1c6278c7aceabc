#include "analyze/nat/nat_internal.h"

#include "capture/wire/near.h"

#include <stdlib.h>

enum { FIRST_SOURCES = 64, FIRST_HIDDEN = 2, LOOKED_AT = 32 };

static uint32_t bucket(uint32_t server, const struct address *a)
{
    return (uint32_t)(address_hash(a, server) % NAT_TABLE);
}

struct nat *nat_new(const struct nat_settings *settings)
{
    struct nat *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->settings = *settings;
    n->budget = settings->budget != 0 ? settings->budget : NAT_BUDGET_TOTAL;
    n->half_open = settings->half_open_budget != 0 ? settings->half_open_budget : NAT_BUDGET_HALF_OPEN;
    if (n->settings.question_budget == 0)
        n->settings.question_budget = NAT_BUDGET_QUESTION;
    memset(n->table, 0xff, sizeof n->table);
    n->digests = digests_new();
    n->servers = calloc(NAT_SERVERS_MAX, sizeof *n->servers);
    n->proven = calloc(NAT_TRANSLATIONS_MAX, sizeof *n->proven);
    if (n->digests == NULL || n->servers == NULL || n->proven == NULL) {
        nat_free(n);
        return NULL;
    }
    return n;
}

static void release(struct nat_source *f)
{
    free(f->hidden);
    free(f->pending);
    free(f->intervals);
    free(f->users.list);
    free(f->computers.list);
    nat_tunnels_free(f->tunnels);
}

void nat_free(struct nat *n)
{
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < n->source_count; i++)
        release(&n->sources[i]);
    free(n->sources);
    free(n->servers);
    free(n->proven);
    digests_free(n->digests);
    free(n);
}

/* Takes the source out of the table and of its server's list. */
void nat_source_forget(struct nat *n, uint32_t index)
{
    struct nat_source *f = &n->sources[index];
    uint32_t *link = &n->table[bucket(f->server, &f->address)];
    while (*link != index)
        link = &n->sources[*link].next_hash;
    *link = f->next_hash;
    struct nat_server *s = &n->servers[f->server];
    if (f->previous != NAT_NOBODY)
        n->sources[f->previous].next = f->next;
    else
        s->first_source = f->next;
    if (f->next != NAT_NOBODY)
        n->sources[f->next].previous = f->previous;
    else
        s->last_source = f->previous;
    n->hidden_total -= f->hidden_room;
    n->spared = 0;
    release(f);
    *f = (struct nat_source){.used = false};
}

static void fold(struct nat *n, struct nat_server *s, const struct address *a, uint64_t sessions)
{
    s->folded_sources++;
    s->folded_sessions += sessions;
    if (!nat_is_private(a))
        s->folded_public++;
    n->counters.sources_dropped++;
}

/* How much would be lost with it: private sources and what was established stay. */
static int worth(const struct nat *n, const struct address *a, bool established)
{
    return (nat_is_private(a) || nat_is_balancer(n, a) ? 2 : 0) + (established ? 1 : 0);
}

/*
 * Whether the hand need not look: it went all the way round and found none worth less. That stays so while none goes and
 * none comes, since the worth of a source only grows.
 */
static bool all_are_worth(const struct nat *n, int worth)
{
    return n->spared >= NAT_SOURCES_MAX && n->least_worth >= worth;
}

/* A place for a source; NAT_NOBODY when none is worth less. */
static uint32_t source_place(struct nat *n, const struct address *a, bool established)
{
    if (n->source_count < NAT_SOURCES_MAX) {
        if (n->source_count == n->source_room) {
            uint32_t room = n->source_room == 0 ? FIRST_SOURCES : n->source_room * 2;
            struct nat_source *more = realloc(n->sources, room * sizeof *more);
            if (more == NULL)
                return NAT_NOBODY;
            n->sources = more;
            n->source_room = room;
        }
        return n->source_count++;
    }
    int own = worth(n, a, established);
    if (all_are_worth(n, own)) {
        n->hand = (n->hand + LOOKED_AT) % NAT_SOURCES_MAX;
        return NAT_NOBODY;
    }
    for (int i = 0; i < LOOKED_AT; i++) {
        uint32_t at = n->hand;
        n->hand = (n->hand + 1) % NAT_SOURCES_MAX;
        struct nat_source *f = &n->sources[at];
        if (!f->used)
            return at;
        int its = worth(n, &f->address, f->established + f->logins > 0 || (f->tunnels != NULL && f->tunnels->established > 0));
        if (its < own) {
            fold(n, &n->servers[f->server], &f->address, f->sessions + (f->tunnels != NULL ? f->tunnels->attempts : 0));
            nat_source_forget(n, at);
            return at;
        }
        n->least_worth = n->spared == 0 || its < n->least_worth ? its : n->least_worth;
        n->spared += n->spared < NAT_SOURCES_MAX;
    }
    return NAT_NOBODY;
}

struct nat_source *nat_source_of(struct nat *n, struct nat_server *s, const struct address *a, bool established)
{
    uint32_t server = (uint32_t)(s - n->servers), b = bucket(server, a);
    for (uint32_t i = n->table[b]; i != NAT_NOBODY; i = n->sources[i].next_hash)
        if (n->sources[i].server == server && address_equal(&n->sources[i].address, a))
            return &n->sources[i];
    uint32_t at = source_place(n, a, established);
    if (at == NAT_NOBODY) {
        fold(n, s, a, 1);
        return NULL;
    }
    n->spared = 0;
    struct nat_source *f = &n->sources[at];
    *f = (struct nat_source){.address = *a,
                             .server = server,
                             .used = true,
                             .next_hash = n->table[b],
                             .previous = s->last_source,
                             .next = NAT_NOBODY};
    n->table[b] = at;
    if (s->last_source != NAT_NOBODY)
        n->sources[s->last_source].next = at;
    else
        s->first_source = at;
    s->last_source = at;
    return f;
}

static uint32_t server_place(struct nat *n, bool answered)
{
    if (n->server_count < NAT_SERVERS_MAX)
        return n->server_count++;
    for (int i = 0; i < LOOKED_AT && answered; i++) {
        uint32_t at = n->server_hand;
        n->server_hand = (n->server_hand + 1) % NAT_SERVERS_MAX;
        if (n->servers[at].answered)
            continue;
        while (n->servers[at].first_source != NAT_NOBODY)
            nat_source_forget(n, n->servers[at].first_source);
        n->counters.servers_dropped++;
        return at;
    }
    return NAT_NOBODY;
}

static bool is_server(const struct nat_server *s, const struct address *a, uint32_t tunnel)
{
    return s->tunnel == tunnel && address_equal(&s->address, a);
}

uint32_t nat_bucket_soon(const struct nat *n, const struct address *server, const struct address *a)
{
    uint32_t at = n->hints[address_hash(server, 0) % NAT_HINTS];
    if (at >= n->server_count || !is_server(&n->servers[at], server, 0))
        return NAT_NOBODY;
    uint32_t b = bucket(at, a);
    near_line(&n->table[b]);
    return b;
}

struct nat_server *nat_server_of(struct nat *n, const struct address *a, uint32_t tunnel, bool answered)
{
    uint16_t *hint = &n->hints[address_hash(a, tunnel) % NAT_HINTS];
    uint32_t at = *hint;
    if (at >= n->server_count || !is_server(&n->servers[at], a, tunnel))
        for (at = 0; at < n->server_count && !is_server(&n->servers[at], a, tunnel);)
            at++;
    if (at < n->server_count) {
        *hint = (uint16_t)at;
        n->servers[at].answered |= answered;
        return &n->servers[at];
    }
    at = server_place(n, answered);
    if (at == NAT_NOBODY) {
        n->counters.servers_dropped++;
        return NULL;
    }
    n->servers[at] = (struct nat_server){.address = *a,
                                         .tunnel = tunnel,
                                         .used = true,
                                         .answered = answered,
                                         .first_source = NAT_NOBODY,
                                         .last_source = NAT_NOBODY};
    return &n->servers[at];
}

/* The same computer: ports change with every association behind a translator, so addresses alone are compared. */
static bool same_hidden(const struct nat_hidden *a, const struct nat_hidden *b)
{
    return a->about == b->about && address_equal(&a->real.address, &b->real.address);
}

bool nat_list_hide(struct nat_hidden *list, uint8_t *count, size_t room, const struct nat_hidden *h)
{
    for (size_t i = 0; i < *count; i++)
        if (same_hidden(&list[i], h)) {
            list[i].sessions += h->sessions;
            return false;
        }
    if (*count < room)
        list[(*count)++] = *h;
    return true;
}

bool nat_source_hide(struct nat *n, struct nat_source *s, const struct nat_hidden *h)
{
    for (uint32_t i = 0; i < s->hidden_count; i++)
        if (same_hidden(&s->hidden[i], h)) {
            s->hidden[i].sessions += h->sessions;
            return false;
        }
    if (s->hidden_count == s->hidden_room) {
        uint32_t room = s->hidden_room == 0 ? FIRST_HIDDEN : s->hidden_room * 2, more = room - s->hidden_room;
        struct nat_hidden *list = NULL;
        if (room <= NAT_HIDDEN_MAX && n->hidden_total + more <= NAT_HIDDEN_TOTAL)
            list = realloc(s->hidden, room * sizeof *list);
        if (list == NULL) {
            s->hidden_more += h->sessions;
            return true;
        }
        s->hidden = list;
        s->hidden_room = room;
        n->hidden_total += more;
    }
    s->hidden[s->hidden_count++] = *h;
    return true;
}

void nat_add_load_balancer(struct nat *n, const struct address *a)
{
    nat_take_logins(n);
    if (!nat_is_balancer(n, a) && n->balancer_count < NAT_LOAD_BALANCERS_MAX)
        n->balancers[n->balancer_count++] = *a;
}

size_t nat_proven_count(const struct nat *n)
{
    return n->proven_count;
}

const struct nat_proven *nat_proven_at(const struct nat *n, size_t i)
{
    return i < n->proven_count ? &n->proven[i] : NULL;
}

void nat_get_counters(const struct nat *n, struct nat_counters *out)
{
    *out = n->counters;
}
