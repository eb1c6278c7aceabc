/* What is observed becomes counts, first examples, and questions. */
#include "analyze/nat/nat_internal.h"

#include "capture/wire/hash.h"

#include <stdlib.h>

enum { SEARCHES = 64, HALF_OPEN_SEARCHES = 4, SELF_SEARCHES = 8, FIRST_NAMES = 2, FOUND_TRIED = 4 };

/* Whether a message's SOURCE or DESTINATION hashes fit an endpoint; UNSAID when they prove neither. */
enum fit { UNSAID, FITS, DIFFERS };

static struct nat_question question_of(const struct nat_ike_observation *o, const struct nat_message *m,
                                       const uint8_t *hash)
{
    struct nat_question q;
    memcpy(q.initiator_spi, o->initiator_spi, NAT_SPI);
    memcpy(q.responder_spi, m->responder_spi, NAT_SPI);
    memcpy(q.hash, hash, NAT_HASH);
    return q;
}

static enum fit source_fit(struct nat *n, const struct nat_ike_observation *o, const struct nat_message *m)
{
    uint8_t hash[NAT_HASH];
    if (m->source_fit != NAT_FIT_NOT_COMPARED)
        return m->source_fit == NAT_FIT ? FITS : m->source_more ? UNSAID : DIFFERS;
    if (!m->seen || m->source_count == 0 || !nat_hash(n->digests, o->initiator_spi, m->responder_spi, &m->source, hash))
        return UNSAID;
    uint8_t count = m->source_count < NAT_SOURCE_HASHES_MAX ? m->source_count : NAT_SOURCE_HASHES_MAX;
    for (uint8_t i = 0; i < count; i++)
        if (memcmp(hash, m->sources[i], NAT_HASH) == 0)
            return FITS;
    return m->source_more ? UNSAID : DIFFERS; /* the right one may be among those not kept */
}

static enum fit destination_fit(struct nat *n, const struct nat_ike_observation *o, const struct nat_message *m)
{
    uint8_t hash[NAT_HASH];
    if (m->destination_fit != NAT_FIT_NOT_COMPARED)
        return m->destination_fit == NAT_FIT ? FITS : DIFFERS;
    if (!m->seen || !m->has_destination ||
        !nat_hash(n->digests, o->initiator_spi, m->responder_spi, &m->destination, hash))
        return UNSAID;
    return memcmp(hash, m->destination_hash, NAT_HASH) == 0 ? FITS : DIFFERS;
}

void nat_keep_place(struct place *at, const struct place *p)
{
    if (at->frame == 0)
        *at = *p;
}

/* Established associations push out those that were not. */
static void wait_for_search(struct nat_pending *list, uint8_t *count, size_t room, const struct nat_pending *p)
{
    if (*count < room) {
        list[(*count)++] = *p;
        return;
    }
    for (size_t i = 0; i < room && p->established; i++)
        if (!list[i].established) {
            list[i] = *p;
            return;
        }
}

/* Behind a source it is mostly one of the computers that were found there lately, on its port: a hash or two instead of a
 * search through networks. */
static bool is_one_found(struct nat *n, const struct nat_source *f, const struct nat_pending *p, struct endpoint *real)
{
    uint32_t last = f->hidden_count, least = last > FOUND_TRIED ? last - FOUND_TRIED : 0;
    for (uint32_t i = last; i > least; i--)
        if (f->hidden[i - 1].about == p->about && nat_hash_matches(n->digests, &p->question, &f->hidden[i - 1].real)) {
            *real = f->hidden[i - 1].real;
            return true;
        }
    return false;
}

/* True when the answer is found; else the question waits, if it is one of those that may. */
static bool ask_about_source(struct nat *n, struct nat_server *s, struct nat_source *f, const struct nat_pending *p)
{
    uint32_t *searches = p->established ? &f->searches : &f->half_open_searches;
    if (*searches >= (p->established ? SEARCHES : HALF_OPEN_SEARCHES))
        return false;
    ++*searches;
    struct endpoint real;
    enum nat_search_result result =
        is_one_found(n, f, p, &real) ? NAT_FOUND : nat_ask(n, p, s, NAT_ROUND_QUICK, &real);
    if (result != NAT_FOUND && f->pending == NULL)
        f->pending = calloc(NAT_PENDING, sizeof *f->pending);
    if (result == NAT_FOUND)
        nat_learn(n, s, f, p, &real);
    else if (f->pending != NULL)
        wait_for_search(f->pending, &f->pending_count, NAT_PENDING, p);
    f->cut += result == NAT_BUDGET;
    return result == NAT_FOUND;
}

static void ask_about_server(struct nat *n, struct nat_server *s, const struct nat_pending *p)
{
    struct endpoint real;
    /* Backends and virtual addresses that are known cost a few hashes only; the search proper is made for a few. */
    bool search = s->self_searches < SELF_SEARCHES && p->about == NAT_SERVER_SELF;
    enum nat_search_result result = NAT_NOT_FOUND;
    for (uint8_t i = 0; i < s->backend_count && p->about == NAT_SERVER_SELF; i++)
        if (nat_hash_matches(n->digests, &p->question, &s->backends[i].real)) {
            nat_learn(n, s, NULL, p, &s->backends[i].real);
            return;
        }
    for (uint8_t i = 0; i < s->vip_count && p->about == NAT_SERVER_TARGET; i++)
        if (nat_hash_matches(n->digests, &p->question, &s->vips[i].real)) {
            nat_learn(n, s, NULL, p, &s->vips[i].real);
            return;
        }
    if (search || (p->about == NAT_SERVER_TARGET && s->target_searches < SELF_SEARCHES))
        result = nat_ask(n, p, s, NAT_ROUND_QUICK, &real);
    /* Once in depth: where one backend is, the others are found at little cost. */
    if (result == NAT_NOT_FOUND && search && s->self_searches == 0 && p->established)
        result = nat_ask(n, p, s, NAT_ROUND_FIRST_PORT, &real);
    s->self_searches += search && result != NAT_FOUND;
    s->target_searches += p->about == NAT_SERVER_TARGET && result != NAT_FOUND;
    if (result == NAT_FOUND)
        nat_learn(n, s, NULL, p, &real);
    else
        wait_for_search(s->pending, &s->pending_count, NAT_SERVER_PENDING, p);
}

static void add_request(struct nat *n, struct nat_server *s, struct nat_source *f, const struct nat_ike_observation *o)
{
    const struct nat_message *m = &o->request;
    enum fit self = source_fit(n, o, m), target = destination_fit(n, o, m);
    struct nat_pending p = {.place = m->place, .established = o->established};
    if (target == FITS) {
        s->target_same++;
        nat_keep_place(&s->target_same_place, &m->place);
    } else if (target == DIFFERS) {
        s->target_other++;
        nat_keep_place(&s->target_other_place, &m->place);
        p.question = question_of(o, m, m->destination_hash);
        p.seen = m->destination, p.other = m->source, p.about = NAT_SERVER_TARGET;
        ask_about_server(n, s, &p);
    }
    if (f == NULL)
        return;
    if (self == FITS) {
        f->matches++;
        nat_keep_place(&f->match, &m->place);
    } else if (self == DIFFERS) {
        /* Windows does no NAT traversal over IPv6: such a hash proves nothing by itself. */
        if (m->maker == NAT_MAKER_WINDOWS && m->source.address.family == FAMILY_IPV4)
            f->mismatches_windows++;
        else
            f->mismatches_other++;
        f->target_differs += target == DIFFERS;
        nat_keep_place(&f->mismatch, &m->place);
        p.seen = m->source, p.other = m->destination, p.about = NAT_CLIENT_SELF;
        for (uint8_t i = 0; i < m->source_count && i < NAT_SOURCE_HASHES_MAX; i++) {
            p.question = question_of(o, m, m->sources[i]);
            if (ask_about_source(n, s, f, &p))
                break;
        }
    }
}

static void add_response(struct nat *n, struct nat_server *s, struct nat_source *f, const struct nat_ike_observation *o)
{
    const struct nat_message *m = &o->response;
    enum fit self = source_fit(n, o, m), target = destination_fit(n, o, m);
    struct nat_pending p = {.place = m->place, .established = o->established};
    if (self == FITS) {
        s->self_same++;
    } else if (self == DIFFERS) {
        if (m->maker == NAT_MAKER_WINDOWS && m->source.address.family == FAMILY_IPV4)
            s->self_other_windows++;
        else
            s->self_other++;
        nat_keep_place(&s->self_other_place, &m->place);
        p.question = question_of(o, m, m->sources[0]);
        p.seen = m->source, p.other = m->destination, p.about = NAT_SERVER_SELF;
        ask_about_server(n, s, &p);
    }
    if (f == NULL || target == UNSAID)
        return;
    if (target == FITS) {
        f->seen_same++;
        nat_keep_place(&f->seen_same_place, &m->place);
        return;
    }
    f->seen_other++;
    nat_keep_place(&f->seen_other_place, &m->place);
    p.question = question_of(o, m, m->destination_hash);
    p.seen = m->destination, p.other = m->source, p.about = NAT_CLIENT_SEEN;
    ask_about_source(n, s, f, &p);
}

/* At the same time one port is one client's: it has a device's and a user's tunnel, or makes a new one before it breaks the old. */
static bool of_same_client(const struct nat_interval *a, const struct nat_interval *b)
{
    return a->port != 0 && a->port == b->port && a->first <= b->last && b->first <= a->last;
}

/* Most clients that were there at one time, by the last NAT_INTERVALS associations: not more than there were. */
static void add_interval(struct nat_source *f, struct nat_interval now)
{
    if (f->intervals == NULL)
        f->intervals = calloc(NAT_INTERVALS, sizeof *f->intervals);
    if (f->intervals == NULL)
        return;
    for (size_t i = 0; i < f->interval_count; i++) {
        struct nat_interval *known = &f->intervals[i];
        if (of_same_client(known, &now)) {
            now.first = known->first < now.first ? known->first : now.first;
            now.last = known->last > now.last ? known->last : now.last;
            *known = f->intervals[--f->interval_count];
            i--;
        }
    }
    if (f->interval_count < NAT_INTERVALS) {
        f->intervals[f->interval_count++] = now;
    } else {
        size_t oldest = 0;
        for (size_t i = 1; i < NAT_INTERVALS; i++)
            if (f->intervals[i].last < f->intervals[oldest].last)
                oldest = i;
        f->intervals[oldest] = now;
    }
    for (size_t i = 0; i < f->interval_count; i++) {
        uint32_t alive = 0; /* at the moment that interval i begins */
        for (size_t k = 0; k < f->interval_count; k++)
            alive += f->intervals[k].first <= f->intervals[i].first && f->intervals[i].first < f->intervals[k].last;
        if (alive > f->concurrent)
            f->concurrent = alive;
    }
}

static void add_sight(struct nat_source *f, const struct nat_ike_observation *o)
{
    f->sessions++;
    nat_keep_place(&f->first, o->request.seen ? &o->request.place : &o->response.place);
    if (o->link != NAT_LINK_UNKNOWN && f->link != NAT_LINK_ON)
        f->link = o->link;
    if (o->ttl != 0 && (f->ttl_least == 0 || o->ttl < f->ttl_least))
        f->ttl_least = o->ttl;
    if (o->ttl > f->ttl_most)
        f->ttl_most = o->ttl;
    if (o->has_mac) {
        f->has_mac = true;
        memcpy(f->mac, o->mac, NAT_MAC);
    }
    if (o->established) {
        f->established++;
        add_interval(f, (struct nat_interval){o->first_ns, o->last_ns, o->client_port});
    }
}

void nat_add_ike(struct nat *n, const struct nat_ike_observation *o)
{
    nat_take_logins(n);
    if (!o->request.seen && !o->response.seen)
        return;
    const struct address *server = o->request.seen ? &o->request.destination.address : &o->response.source.address;
    const struct address *client = o->request.seen ? &o->request.source.address : &o->response.destination.address;
    struct nat_server *s = nat_server_of(n, server, o->tunnel, o->response.seen || o->established);
    if (s == NULL)
        return;
    s->sessions++;
    nat_keep_place(&s->first, o->request.seen ? &o->request.place : &o->response.place);
    bool asks = o->request.seen && (o->request.source_count > 0 || o->request.has_destination);
    bool answers = o->response.seen && (o->response.source_count > 0 || o->response.has_destination);
    s->no_hashes += !asks && !answers;
    s->no_request += !asks && answers;
    s->no_response += asks && !answers;
    struct nat_source *f = nat_source_of(n, s, client, o->established);
    if (f != NULL)
        add_sight(f, o);
    /* The server's own hash first: a backend that it betrays shows where to look for what it saw of the client. */
    add_response(n, s, f, o);
    add_request(n, s, f, o);
}

void nat_keep_name(struct nat_names *names, uint64_t name)
{
    if (name == 0)
        return;
    for (uint8_t i = 0; i < names->count; i++)
        if (names->list[i] == name)
            return;
    if (names->count == names->room) {
        uint8_t room = names->room == 0 ? FIRST_NAMES : (uint8_t)(names->room * 2);
        uint64_t *list = room <= NAT_USERS ? realloc(names->list, room * sizeof *list) : NULL;
        if (list == NULL)
            return;
        names->list = list;
        names->room = room;
    }
    names->list[names->count++] = name;
}

/* 0 the client's own network, 1 between the two edges, 2 behind a destination NAT, 3 where both ends are private. */
static int depth_of(const struct nat_translation *t, int i)
{
    bool source = nat_is_private(&t->source[i].address), destination = nat_is_private(&t->destination[i].address);
    return destination ? (source ? 3 : 2) : (source ? 0 : 1);
}

static void swap_sides(struct nat_translation *t)
{
    const struct nat_translation was = *t;
    for (int i = 0; i < 2; i++) {
        t->source[i] = was.source[1 - i];
        t->destination[i] = was.destination[1 - i];
        t->place[i] = was.place[1 - i];
        t->tunnel[i] = was.tunnel[1 - i];
    }
}

/* Puts the client's side first; false when neither the addresses nor the clock tell which it is. */
static bool order_sides(struct nat_translation *t)
{
    int near = depth_of(t, 0), far = depth_of(t, 1);
    if (near > far)
        swap_sides(t);
    return near != far || t->ordered;
}

/* What a change of the source proves about the side that is nearer to the server. */
static void judge_translation(struct nat *n, struct nat_source *f, const struct nat_server *s,
                              const struct nat_translation *t)
{
    bool was_private = nat_is_private(&t->source[0].address), is_private = nat_is_private(&t->source[1].address);
    bool to_public = !nat_is_private(&t->destination[0].address);
    enum confidence sure = CONFIDENCE_STRONG;
    if (nat_is_internal(n, &t->source[0].address) && to_public)
        return; /* a client of the site that calls the public address from inside */
    if (was_private && !is_private && !nat_is_balancer(n, &f->address)) {
        f->translated_client = true;
        return;
    }
    if (was_private && to_public && !nat_is_private(&t->destination[1].address) && is_private) {
        f->translated_client = true; /* one private network behind the other, on the client's side */
        return;
    }
    if ((is_private && (!was_private || to_public)) || nat_is_balancer(n, &f->address) || nat_is_neighbour(s, f))
        sure = CONFIDENCE_CERTAIN;
    if (!f->translated_snat || sure < f->translated_as)
        f->translated_as = sure;
    f->translated_snat = true;
}

static bool same_addresses(const struct nat_translation *a, const struct nat_translation *b)
{
    bool same = true;
    for (int k = 0; k < 2; k++)
        same = same && a->tunnel[k] == b->tunnel[k] && address_equal(&a->source[k].address, &b->source[k].address) &&
               address_equal(&a->destination[k].address, &b->destination[k].address);
    return same;
}

static struct nat_proven *proven_of(struct nat *n, const struct nat_translation *t)
{
    uint64_t hash = 0;
    for (int k = 0; k < 2; k++)
        hash = hash_mix(hash, hash_bytes(&t->source[k].address, sizeof(struct address), t->tunnel[k]) ^
                                  hash_bytes(&t->destination[k].address, sizeof(struct address), 1));
    size_t slot = hash % NAT_PROVEN_TABLE;
    for (; n->proven_table[slot] != 0; slot = (slot + 1) % NAT_PROVEN_TABLE)
        if (same_addresses(&n->proven[n->proven_table[slot] - 1].first, t))
            return &n->proven[n->proven_table[slot] - 1];
    if (n->proven_count == NAT_TRANSLATIONS_MAX) {
        n->counters.translations_dropped++;
        return NULL;
    }
    struct nat_proven *p = &n->proven[n->proven_count++];
    n->proven_table[slot] = (uint16_t)n->proven_count;
    *p = (struct nat_proven){.first = *t,
                             .source_changed = !address_equal(&t->source[0].address, &t->source[1].address),
                             .destination_changed =
                                 !address_equal(&t->destination[0].address, &t->destination[1].address)};
    return p;
}

void nat_add_translation(struct nat *n, const struct nat_translation *given)
{
    nat_take_logins(n);
    struct nat_translation t = *given;
    bool known = order_sides(&t);
    struct nat_proven *p = proven_of(n, &t);
    if (p == NULL)
        return;
    p->count++;
    if (!known || (!p->source_changed && !p->destination_changed))
        return;
    struct nat_server *s = nat_server_of(n, &t.destination[1].address, t.tunnel[1], true);
    if (s == NULL)
        return;
    nat_keep_place(&s->first, &t.place[1]);
    if (p->destination_changed) {
        struct nat_hidden h = {.seen = t.destination[1],
                               .real = t.destination[0],
                               .place = t.place[1],
                               .about = NAT_BY_TRANSLATION,
                               .sessions = 1};
        nat_list_hide(s->vips, &s->vip_count, NAT_VIPS, &h);
    }
    struct nat_source *f = nat_source_of(n, s, &t.source[1].address, true);
    if (f == NULL)
        return;
    f->translated++;
    nat_keep_place(&f->first, &t.place[1]);
    if (p->source_changed) {
        struct nat_hidden h = {
            .seen = t.source[1], .real = t.source[0], .place = t.place[1], .about = NAT_BY_TRANSLATION, .sessions = 1};
        nat_source_hide(n, f, &h);
        judge_translation(n, f, s, &t);
    }
}
