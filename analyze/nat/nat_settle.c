/* Where to look for what a hash stands for, and what the answer means. */
#include "analyze/nat/nat_internal.h"

#include "capture/wire/hash.h"

enum { EXACT_MAX = 512, ANY_PORT_MAX = 4 };

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
        if (round != NAT_ROUND_QUICK) {
            add_learned(l, n, s);
            add_any_port(l, &p->seen.address, 1);
        }
        if (round == NAT_ROUND_OTHER_PORTS)
            look_near_backends(l, n, s, space);
        break;
    case NAT_CLIENT_SELF:
    case NAT_BY_TRANSLATION:
        add_exact(l, given->publics, given->public_count);
        if (nat_is_private(&s->address)) /* clients of the site itself */
            l->near = (struct nat_network){s->address, 24}, space->first_network = &l->near;
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
    if (asked && (a->found || a->round >= round)) {
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
        nat_search(n->digests, &p->question, &space, round == NAT_ROUND_QUICK ? NAT_QUICK : NAT_DEEP, &budget, real);
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

/* Asks question i of a list in this round; what is answered is taken out. */
static void settle_one(struct nat *n, struct nat_server *s, struct nat_source *f, struct nat_pending *list,
                       uint8_t *count, uint8_t i, enum nat_round round)
{
    if (i >= *count)
        return;
    struct endpoint real;
    const struct nat_pending p = list[i];
    enum nat_search_result result = nat_ask(n, &p, s, round, &real);
    if (f != NULL)
        f->cut += result == NAT_BUDGET;
    if (result == NAT_NOT_FOUND && round != NAT_ROUND_OTHER_PORTS)
        return;
    memmove(&list[i], &list[i + 1], (size_t)(*count - i - 1) * sizeof list[i]);
    --*count;
    if (result == NAT_FOUND)
        nat_learn(n, s, f, &p, &real);
}

/* From the last question to the first, so that taking one out moves none that is still to be asked. */
static void settle_round(struct nat *n, enum nat_round round, bool established)
{
    for (uint32_t k = 0; k < n->server_count; k++)
        for (int i = NAT_SERVER_PENDING - 1; i >= 0; i--) {
            struct nat_server *s = &n->servers[k];
            if (i < s->pending_count && s->pending[i].established == established)
                settle_one(n, s, NULL, s->pending, &s->pending_count, (uint8_t)i, round);
        }
    for (int i = NAT_PENDING - 1; i >= 0; i--)
        for (uint32_t k = 0; k < n->source_count; k++) {
            struct nat_source *f = &n->sources[k];
            if (f->used && i < f->pending_count && f->pending[i].established == established)
                settle_one(n, &n->servers[f->server], f, f->pending, &f->pending_count, (uint8_t)i, round);
        }
}

void nat_settle(struct nat *n)
{
    for (int round = NAT_ROUND_FIRST_PORT; round <= NAT_ROUND_OTHER_PORTS; round++) {
        settle_round(n, (enum nat_round)round, true);
        settle_round(n, (enum nat_round)round, false);
    }
}
