/* Where to look for what a hash stands for, and what the answer means. */
#include "analyze/nat/nat_internal.h"

#include "capture/wire/hash.h"

enum { EXACT_MAX = 512, ANY_PORT_MAX = 4, VAIN_SEARCHES = 2 };

struct lists {
    struct address exact[EXACT_MAX];
    size_t exact_count;
    struct address any_port[ANY_PORT_MAX];
    size_t any_port_count;
    struct nat_network near;
};

static void add(struct address *list, size_t *count, size_t room, const struct address *a)
{
    if (*count < room && a->family != FAMILY_NONE && !nat_is_one_of(list, *count, a))
        list[(*count)++] = *a;
}

static void add_exact(struct lists *l, const struct address *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(l->exact, &l->exact_count, EXACT_MAX, &list[i]);
}

static void add_any_port(struct lists *l, const struct address *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].family == FAMILY_IPV4)
            add(l->any_port, &l->any_port_count, ANY_PORT_MAX, &list[i]);
}

static void add_servers(struct lists *l, const struct nat *n)
{
    for (uint32_t i = 0; i < n->server_count && i < EXACT_MAX / 2; i++)
        add_exact(l, &n->servers[i].address, 1);
}

/* Public addresses that were seen as a source anywhere: perhaps before a translator. */
static void add_sources(struct lists *l, const struct nat *n)
{
    for (uint32_t i = 0; i < n->source_count && l->exact_count < EXACT_MAX; i++)
        if (n->sources[i].used && !nat_is_private(&n->sources[i].address))
            l->exact[l->exact_count++] = n->sources[i].address; /* a repeat costs less than looking for it */
}

/* What the server saw of the client is a load balancer's address, if a private one: it stands near the backends, with
 * whatever port. */
static void look_near_backends(struct lists *l, const struct nat *n, const struct nat_server *s,
                               struct nat_space *space)
{
    for (size_t i = 0; i < n->settings.internal_count && s->backend_count == 0; i++)
        if (n->settings.internal[i].bits >= 24 && n->settings.internal[i].address.family == FAMILY_IPV4) {
            space->any_port_network = &n->settings.internal[i];
            return;
        }
    const struct address *backend = s->backend_count > 0            ? &s->backends[0].real.address
                                    : nat_is_private(&s->address)   ? &s->address
                                    : n->settings.backend_count > 0 ? &n->settings.backends[0]
                                                                    : NULL;
    if (backend == NULL || backend->family != FAMILY_IPV4)
        return;
    l->near = (struct nat_network){*backend, 24};
    space->any_port_network = &l->near;
}

/* What this server was found to see of other clients: with other ports, it is the same translator. */
static void add_learned(struct lists *l, const struct nat *n, const struct nat_server *s)
{
    for (uint32_t i = s->first_source; i != NAT_NOBODY && l->any_port_count < ANY_PORT_MAX; i = n->sources[i].next)
        for (uint32_t k = 0; k < n->sources[i].hidden_count; k++)
            if (n->sources[i].hidden[k].about == NAT_CLIENT_SEEN)
                add_any_port(l, &n->sources[i].hidden[k].real.address, 1);
}

static void set_ports(struct nat_space *space, const struct nat_pending *p, enum nat_round round)
{
    bool floated =
        p->about == NAT_CLIENT_SELF || p->about == NAT_CLIENT_SEEN ? p->other.port == 4500 : p->seen.port == 4500;
    const uint16_t first = floated ? 4500 : 500, second = floated ? 500 : 4500;
    if (round != NAT_ROUND_OTHER_PORTS)
        space->ports[space->port_count++] = first;
    if (round != NAT_ROUND_FIRST_PORT) {
        if (round == NAT_ROUND_OTHER_PORTS || p->about == NAT_SERVER_TARGET)
            space->ports[space->port_count++] = second;
        if (p->seen.port != first && p->seen.port != second)
            space->ports[space->port_count++] = p->seen.port;
    }
    if (round == NAT_ROUND_OTHER_PORTS && (p->about == NAT_CLIENT_SELF || p->about == NAT_CLIENT_SEEN))
        space->near_port = p->seen.port;
}

/* Where one was found the others are; else clients of the site itself; else where the last client was, whose ever. */
static const struct address *likely_near(const struct nat *n, const struct nat_pending *p, const struct nat_server *s)
{
    return p->near.family != FAMILY_NONE ? &p->near : nat_is_private(&s->address) ? &s->address : &n->found_last;
}

static void set_addresses(struct lists *l, const struct nat *n, const struct nat_pending *p, const struct nat_server *s,
                          enum nat_round round, struct nat_space *space)
{
    const struct nat_settings *given = &n->settings;
    switch (p->about) {
    case NAT_SERVER_TARGET:
        add_exact(l, given->vips, given->vip_count);
        add_servers(l, n);
        space->given_only = true;
        return;
    case NAT_SERVER_SELF:
        add_exact(l, given->backends, given->backend_count);
        if (s->backend_count > 0) /* backends stand together */
            l->near = (struct nat_network){s->backends[0].real.address, 24}, space->first_network = &l->near;
        if (round != NAT_ROUND_QUICK)
            add_servers(l, n);
        break;
    case NAT_CLIENT_SEEN:
        add_exact(l, given->publics, given->public_count);
        add_any_port(l, given->load_balancers, given->load_balancer_count);
        add_any_port(l, n->balancers, n->balancer_count);
        if (round != NAT_ROUND_QUICK)
            add_learned(l, n, s);
        if (round > NAT_ROUND_NEAR)
            add_any_port(l, &p->seen.address, 1);
        if (round == NAT_ROUND_OTHER_PORTS)
            look_near_backends(l, n, s, space);
        break;
    case NAT_CLIENT_SELF:
    case NAT_BY_TRANSLATION:
    case NAT_BY_PROXY:
    case NAT_BY_FORWARDED:
        add_exact(l, given->publics, given->public_count);
        l->near = (struct nat_network){*likely_near(n, p, s), 24};
        if (l->near.address.family != FAMILY_NONE)
            space->first_network = &l->near;
        if (round != NAT_ROUND_QUICK)
            add_sources(l, n);
        if (round == NAT_ROUND_OTHER_PORTS)
            add_any_port(l, &p->seen.address, 1);
        break;
    }
    space->networks = given->internal;
    space->network_count = given->internal_count;
}

enum nat_search_result nat_ask(struct nat *n, const struct nat_pending *p, const struct nat_server *s,
                               enum nat_round round, struct endpoint *real)
{
    struct nat_answer *a = &n->answers[hash_bytes(&p->question, sizeof p->question, 0) % NAT_ANSWERS];
    bool asked = a->used && memcmp(&a->question, &p->question, sizeof a->question) == 0;
    if (asked && (a->found || (a->round >= round && round != NAT_ROUND_NEAR))) {
        *real = a->real;
        return a->found ? NAT_FOUND : NAT_NOT_FOUND;
    }
    uint64_t room = p->established || n->half_open > n->budget ? n->budget : n->half_open;
    if (room == 0) {
        n->counters.searches_cut++;
        return NAT_BUDGET;
    }
    struct nat_budget budget = {.left = room < n->settings.question_budget ? room : n->settings.question_budget};
    struct lists l;
    l.exact_count = l.any_port_count = 0;
    struct nat_space space = {0};
    set_addresses(&l, n, p, s, round, &space);
    set_ports(&space, p, round);
    space.exact = l.exact, space.exact_count = l.exact_count;
    space.any_port = l.any_port, space.any_port_count = l.any_port_count;
    enum nat_search_result result =
        nat_search(n->digests, &p->question, &space, round <= NAT_ROUND_NEAR ? NAT_QUICK : NAT_DEEP, &budget, real);
    n->budget -= budget.spent;
    if (!p->established)
        n->half_open -= budget.spent < n->half_open ? budget.spent : n->half_open;
    n->counters.searches++;
    n->counters.candidates += budget.spent;
    n->counters.found += result == NAT_FOUND;
    n->counters.searches_cut += result == NAT_BUDGET;
    *a = (struct nat_answer){
        .question = p->question, .used = result != NAT_BUDGET, .found = result == NAT_FOUND, .round = (uint8_t)round};
    if (result == NAT_FOUND)
        a->real = *real;
    if (result == NAT_FOUND && p->about == NAT_CLIENT_SELF && nat_is_private(&real->address))
        n->found_last = real->address;
    return result;
}

void nat_learn(struct nat *n, struct nat_server *s, struct nat_source *from, const struct nat_pending *p,
               const struct endpoint *real)
{
    const struct nat_hidden h = {.seen = p->seen, .real = *real, .place = p->place, .about = p->about, .sessions = 1};
    bool port_only = address_equal(&p->seen.address, &real->address);
    if (p->about == NAT_SERVER_SELF && !port_only)
        nat_list_hide(s->backends, &s->backend_count, NAT_BACKENDS_MAX, &h);
    else if (p->about == NAT_SERVER_TARGET && !port_only)
        nat_list_hide(s->vips, &s->vip_count, NAT_VIPS, &h);
    if (from == NULL)
        return;
    if (!port_only) {
        nat_source_hide(n, from, &h);
        return;
    }
    /* Another port of the same address hides nobody. */
    from->port_only++;
    if (p->about == NAT_CLIENT_SEEN) {
        from->seen_other -= from->seen_other > 0;
        from->seen_same++;
        if (from->seen_same_place.frame == 0)
            from->seen_same_place = p->place;
    } else {
        uint64_t *count = from->mismatches_windows > 0 ? &from->mismatches_windows : &from->mismatches_other;
        *count -= *count > 0; /* of several hashes of one message more than one may be answered */
        from->matches++;
        if (from->match.frame == 0)
            from->match = p->place;
    }
}

/* The last address that was recovered behind a source. */
static struct address found_behind(const struct nat_source *f, enum nat_about about)
{
    for (uint32_t i = f->hidden_count; i > 0; i--)
        if (f->hidden[i - 1].about == about)
            return f->hidden[i - 1].real.address;
    return (struct address){0};
}

/* Asks question i of a list in this round. What is answered, and what was asked in the last round, is taken out. */
static void settle_one(struct nat *n, struct nat_server *s, struct nat_source *f, struct nat_pending *list,
                       uint8_t *count, uint8_t i, enum nat_round round, enum nat_round last)
{
    struct endpoint real;
    const struct nat_pending p = list[i];
    enum nat_search_result result = nat_ask(n, &p, s, round, &real);
    if (f != NULL) {
        f->cut += result == NAT_BUDGET;
        f->vain += result == NAT_NOT_FOUND && round == NAT_ROUND_FIRST_PORT && f->vain < VAIN_SEARCHES;
    }
    if (result == NAT_NOT_FOUND && last != NAT_ROUND_OTHER_PORTS)
        return;
    memmove(&list[i], &list[i + 1], (size_t)(*count - i - 1) * sizeof list[i]);
    --*count;
    if (result == NAT_FOUND)
        nat_learn(n, s, f, &p, &real);
}

static void settle_server(struct nat *n, struct nat_server *s, enum nat_round round, bool established)
{
    for (uint8_t i = 0; i < s->pending_count;) {
        uint8_t before = s->pending_count;
        if (s->pending[i].established == established)
            settle_one(n, s, NULL, s->pending, &s->pending_count, i, round, round);
        i = (uint8_t)(i + (s->pending_count == before));
    }
}

/* A source whose hashes twice were not found is asked in depth once more, and then only near what was found behind it.
 */
static void settle_source(struct nat *n, struct nat_source *f, enum nat_round round, bool established)
{
    bool first = true;
    for (uint8_t i = 0; i < f->pending_count;) {
        uint8_t before = f->pending_count;
        if (f->pending[i].established == established) {
            bool deep = f->vain < VAIN_SEARCHES || (first && round == NAT_ROUND_OTHER_PORTS);
            f->pending[i].near = found_behind(f, f->pending[i].about);
            settle_one(n, &n->servers[f->server], f, f->pending, &f->pending_count, i, deep ? round : NAT_ROUND_NEAR,
                       round);
            first = false;
        }
        i = (uint8_t)(i + (f->pending_count == before));
    }
}

static void settle_round(struct nat *n, enum nat_round round, bool established)
{
    for (uint32_t k = 0; k < n->server_count; k++)
        settle_server(n, &n->servers[k], round, established);
    for (uint32_t k = 0; k < n->source_count; k++)
        if (n->sources[k].used)
            settle_source(n, &n->sources[k], round, established);
}

void nat_settle(struct nat *n)
{
    for (int round = NAT_ROUND_FIRST_PORT; round <= NAT_ROUND_OTHER_PORTS; round++) {
        settle_round(n, (enum nat_round)round, true);
        settle_round(n, (enum nat_round)round, false);
    }
}
