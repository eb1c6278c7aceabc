/* Which records are reconnects, and which servers stand in for one another. */
#include <stdlib.h>

#include "analyze/balance/balance_internal.h"
#include "capture/wire/elapsed.h"
#include "capture/wire/sort.h"

#define RECONNECT_NS (60 * INT64_C(1000000000))
#define AT_ONCE_NS (10 * INT64_C(1000000000)) /* where an address alone says that it is the same client */

static int by_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return x->id != y->id ? (x->id > y->id) - (x->id < y->id) : (x->protocol > y->protocol) - (x->protocol < y->protocol);
}

/* Negative times come first. */
static uint64_t time_of(const void *record)
{
    return (uint64_t)((const struct record *)record)->start_ns ^ UINT64_C(1) << 63;
}

static int by_client(const void *a, const void *b)
{
    const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;
    uint64_t cx = record_client(x), cy = record_client(y);
    if (cx != cy)
        return cx < cy ? -1 : 1;
    if (x->protocol != y->protocol)
        return x->protocol < y->protocol ? -1 : 1;
    if (x->backend != y->backend)
        return x->backend < y->backend ? -1 : 1;
    return x < y ? -1 : 1; /* by time: they are sorted */
}

static uint64_t client_of(const void *record)
{
    return record_client(*(struct record *const *)record);
}

/* The client tries again, or comes back: one connection, which ended as its last part did. */
static bool comes_back(const struct record *before, const struct record *r)
{
    bool same = before->protocol == r->protocol && before->backend == r->backend && record_client(before) == record_client(r);
    int64_t apart = elapsed_ns(r->start_ns, before->end_ns);
    bool sure = r->person != 0 || (before->outcome != OUTCOME_ESTABLISHED && before->outcome != OUTCOME_INCOMPLETE);
    return same && apart >= 0 && apart <= (sure ? RECONNECT_NS : AT_ONCE_NS) && (r->flags & RECORD_CARRIED) == 0;
}

static void mark_reconnects(struct balance *b)
{
    struct record **order = calloc(b->count + 1, sizeof *order), *head = NULL;
    if (order == NULL)
        return;
    for (size_t i = 0; i < b->count; i++)
        order[i] = &b->records[i];
    sort_by_key(order, b->count, sizeof *order, client_of, by_client);
    b->by_client = order;
    for (size_t i = 0; i < b->count; i++) {
        if (i == 0 || !comes_back(order[i - 1], order[i])) {
            head = order[i];
            continue;
        }
        order[i]->flags |= RECORD_RECONNECT;
        order[i - 1]->flags &= (uint8_t)~RECORD_OPEN; /* where it was, it is no more */
        if (head->outcome != OUTCOME_ESTABLISHED)
            head->outcome = order[i]->outcome;
        head->flags |= order[i]->flags & RECORD_REACHED;
    }
}

static void keep_counted(struct balance *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++)
        if ((b->records[i].flags & RECORD_COUNTED) != 0)
            b->records[kept++] = b->records[i];
    b->count = kept;
    sort_by_key(b->records, kept, sizeof *b->records, time_of, by_time);
}

/* What the records show of each server, by class: tunnels, RADIUS. */
struct sight {
    bool seen[2], reached[2];
};

bool balance_same_name(const struct balance *b, const struct address *one, const struct address *other)
{
    enum { ADDRESSES = 16 };
    struct address all[ADDRESSES];
    const struct dns_told *told = b->others.dns != NULL ? dns_answers_find(b->others.dns, NULL, one, INT64_MAX) : NULL;
    size_t n = told != NULL ? dns_answers_of_name(b->others.dns, told->answer.name, all, ADDRESSES) : 0;
    for (size_t i = 0; i < n; i++)
        if (address_equal(&all[i], other))
            return true;
    return false;
}

/* The translation of an IKE server's address showed it. */
static bool is_behind(const struct balance *b, const struct address *a)
{
    for (size_t i = 0; i < b->behind_count; i++)
        if (address_equal(&b->behind[i].address, a))
            return true;
    return false;
}

/* Servers of a farm stand in one small network (as in services.c); or behind one virtual address, or one name. */
static bool beside(const struct balance *b, const struct address *one, const struct address *other)
{
    unsigned bits = one->family != FAMILY_IPV4 ? 64 : nat_is_private(one) ? 24 : 28;
    return (one->family == other->family && address_in(one, other, bits)) || (is_behind(b, one) && is_behind(b, other)) ||
           balance_same_name(b, one, other);
}

static uint16_t root_of(const uint16_t *parents, uint16_t i)
{
    while (parents[i] != i)
        i = parents[i];
    return i;
}

/* A virtual address stands for a backend only where no backend behind it is known. */
static bool stands(const struct balance *b, const struct sight *sights, size_t i, int class)
{
    if (!sights[i].seen[class])
        return false;
    for (size_t k = 0; k < b->server_count && b->servers[i].vip; k++)
        if (!b->servers[k].vip && sights[k].reached[class])
            return false;
    return true;
}

/* One of them is a VPN server for sure. */
static bool known_for_vpn(const struct balance *b, const struct sight *sights, const uint16_t *parents, size_t root, int class)
{
    for (size_t i = 0; i < b->server_count; i++)
        if (parents[i] < b->server_count && root_of(parents, (uint16_t)i) == root &&
            sights[i].reached[class] && (class == 1 || is_behind(b, &b->servers[i].address) ||
                                         services_is_vpn(b->others.services, &b->servers[i].address)))
            return true;
    return false;
}

static size_t find_groups(struct balance *b, const struct sight *sights, const uint16_t *order, int class, size_t next)
{
    uint16_t parents[BALANCE_BACKENDS_MAX], numbers[BALANCE_BACKENDS_MAX], places[BALANCE_BACKENDS_MAX] = {0};
    size_t n = b->server_count;
    for (size_t i = 0; i < n; i++) {
        parents[i] = stands(b, sights, i, class) ? (uint16_t)i : BALANCE_GROUP_NONE;
        numbers[i] = BALANCE_GROUP_NONE;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i && parents[i] != BALANCE_GROUP_NONE; k++)
            if (parents[k] != BALANCE_GROUP_NONE && beside(b, &b->servers[i].address, &b->servers[k].address))
                parents[root_of(parents, (uint16_t)i)] = root_of(parents, (uint16_t)k);
    for (size_t k = 0; k < n; k++) {
        struct balance_server *s = &b->servers[order[k]];
        if (parents[order[k]] == BALANCE_GROUP_NONE)
            continue;
        uint16_t root = root_of(parents, order[k]);
        if (numbers[root] == BALANCE_GROUP_NONE && known_for_vpn(b, sights, parents, root, class))
            numbers[root] = (uint16_t)next++;
        s->group[class] = numbers[root];
        s->place[class] = places[root]++;
    }
    return next;
}

/* The named ones are one group, and the only one; of NASes, when RADIUS shows any of them. */
static bool named_group(struct balance *b, const struct sight *sights, const uint16_t *order, int class)
{
    bool any = class == 0 && b->settings.named_count > 0;
    uint16_t place = 0;
    for (size_t i = 0; i < b->server_count; i++)
        any |= b->servers[i].named != BALANCE_GROUP_NONE && sights[i].seen[class];
    for (size_t k = 0; k < b->server_count && any; k++) {
        struct balance_server *s = &b->servers[order[k]];
        if (s->named == BALANCE_GROUP_NONE)
            continue;
        s->group[class] = 0;
        s->place[class] = place++;
    }
    return any;
}

static void order_servers(const struct balance *b, uint16_t *order)
{
    for (size_t i = 0; i < b->server_count; i++) {
        size_t at = i;
        struct endpoint mine = {.address = b->servers[i].address};
        for (; at > 0; at--) {
            struct endpoint other = {.address = b->servers[order[at - 1]].address};
            if (endpoint_compare(&other, &mine) <= 0)
                break;
            order[at] = order[at - 1];
        }
        order[at] = (uint16_t)i;
    }
}

size_t balance_group(struct balance *b)
{
    struct sight sights[BALANCE_BACKENDS_MAX] = {0};
    uint16_t order[BALANCE_BACKENDS_MAX];
    size_t groups = 0;
    keep_counted(b);
    mark_reconnects(b);
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        struct sight *s = &sights[r->backend];
        s->seen[record_is_radius(r)] = true;
        s->reached[record_is_radius(r)] |= (r->flags & RECORD_REACHED) != 0;
    }
    order_servers(b, order);
    for (size_t i = 0; i < b->server_count; i++)
        b->servers[i].group[0] = b->servers[i].group[1] = BALANCE_GROUP_NONE;
    for (int class = 0; class < 2; class++) {
        bool named = named_group(b, sights, order, class);
        size_t next = b->settings.named_count > 0 || groups > 0 ? (groups > 0 ? groups : 1) : 0;
        groups = named ? (groups > 0 ? groups : 1) : find_groups(b, sights, order, class, next);
    }
    return groups;
}
