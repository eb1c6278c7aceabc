/* What one address at one server is: the decision table of wire-facts 9.1, and 9.4 for what the server saw of it. */
#include "analyze/nat/nat_internal.h"

enum { POOL_COMPUTERS = 10, MANY_USERS = 3, POOL_BITS = 28, UNRELATED_HOMES = 3, POOL_MAX = 512 };

bool nat_is_one_of(const struct address *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&list[i], a))
            return true;
    return false;
}

bool nat_is_balancer(const struct nat *n, const struct address *a)
{
    return nat_is_one_of(n->settings.load_balancers, n->settings.load_balancer_count, a) ||
           nat_is_one_of(n->settings.vips, n->settings.vip_count, a) ||
           nat_is_one_of(n->balancers, n->balancer_count, a);
}

bool nat_is_internal(const struct nat *n, const struct address *a)
{
    for (size_t i = 0; i < n->settings.internal_count; i++)
        if (address_in(a, &n->settings.internal[i].address, n->settings.internal[i].bits))
            return true;
    return false;
}

bool nat_same_24(const struct address *a, const struct address *b)
{
    return a->family == FAMILY_IPV4 && address_in(a, b, 24);
}

bool nat_is_neighbour(const struct nat_server *s, const struct nat_source *f)
{
    if (f->link != NAT_LINK_UNKNOWN)
        return f->link == NAT_LINK_ON;
    return nat_is_private(&f->address) && !address_equal(&f->address, &s->address) &&
           nat_same_24(&f->address, &s->address);
}

/* Which of the two other private blocks, or 192.168/16. */
static unsigned block_of(const struct address *a)
{
    return a->bytes[0] == 192 ? 1 : a->bytes[0] == 172 ? 2 : 4;
}

/* Distinct networks of a list of recovered private addresses: never of one site. */
struct spread {
    struct address nets[UNRELATED_HOMES];
    size_t nets_count;
    unsigned blocks;
    size_t homes;
};

static void spread_add(struct spread *d, const struct address *a)
{
    if (!nat_is_rfc1918(a))
        return;
    for (size_t i = 0; i < d->nets_count; i++)
        if (nat_same_24(a, &d->nets[i]))
            return;
    d->blocks |= block_of(a);
    d->homes += nat_is_home_network(a);
    if (d->nets_count < UNRELATED_HOMES)
        d->nets[d->nets_count++] = *a;
}

static bool spread_unrelated(const struct spread *d)
{
    return d->nets_count >= UNRELATED_HOMES && (d->homes >= UNRELATED_HOMES || (d->blocks & (d->blocks - 1)) != 0);
}

/* What was recovered behind a source. */
struct behind {
    uint64_t privates, publics, guests, site;
    struct spread spread;
    struct place place;
};

static void look_behind(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                        enum nat_about about, struct behind *b)
{
    *b = (struct behind){0};
    for (uint32_t i = 0; i < f->hidden_count; i++) {
        const struct nat_hidden *h = &f->hidden[i];
        if (h->about != about)
            continue;
        bool private = nat_is_private(&h->real.address);
        b->privates += private;
        b->publics += !private;
        b->guests += nat_is_guest_network(&h->real.address);
        b->site += nat_is_internal(n, &h->real.address) ||
                   (nat_is_private(&s->address) && nat_same_24(&h->real.address, &s->address));
        spread_add(&b->spread, &h->real.address);
        if (b->place.frame == 0)
            b->place = h->place;
    }
}

struct nat_behind nat_look_behind(const struct nat_source *f, enum nat_about about)
{
    struct nat_behind b = {0};
    for (uint32_t i = 0; i < f->hidden_count; i++) {
        const struct nat_hidden *h = &f->hidden[i];
        if (h->about != about)
            continue;
        if (nat_is_private(&h->real.address))
            b.privates++;
        else
            b.publics++;
        nat_keep_place(&b.place, &h->place);
    }
    return b;
}

void nat_view_set(struct nat_view *v, enum nat_source_kind kind, enum confidence sure, const char *why)
{
    v->kind = kind;
    v->confidence = sure;
    v->why = why;
}

static void hides_site(struct nat_view *v, const char *why)
{
    nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT, why);
    v->site = true;
}

/* The source is the load balancer's or stands beside the server: every translation is the site's own. */
static void judge_neighbour(const struct nat_source *f, const struct behind *b, bool declared, bool proven,
                            struct nat_view *v)
{
    bool itself = (f->matches > 0 || b->guests == b->privates) && f->target_differs == 0;
    if (b->site > 0 && b->site == b->privates + b->publics)
        hides_site(v, "hides clients of the site itself only (they call the public address from inside)");
    else if (!declared && b->privates == 1 && b->publics == 0 && itself)
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_STRONG,
                 "is a computer with one guest (container, virtual machine) behind it");
    else if (proven && (declared || b->privates + b->publics > 0 || f->link == NAT_LINK_ON))
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN,
                 "stands beside the server and is not the address that the client has");
    else if (proven)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "stands beside the server, and a Windows client has another address");
    else if (f->target_differs > 0 && f->established > 0)
        /* Were it the client itself, answers would reach it past the translator and be refused. */
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "stands beside the server, yet what it sent had come through a translator of the destination");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                 "sends a hash of another address, which may be wrong on purpose");
}

/* A private address somewhere else in the site. */
static void judge_private(const struct nat_source *f, const struct behind *b, struct nat_view *v)
{
    if (b->site > 0 && b->site == b->privates + b->publics)
        hides_site(v, "hides clients of the site itself only");
    else if (spread_unrelated(&b->spread))
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN,
                 "is private and hides networks that have nothing to do with each other");
    else if (b->privates == 1 && b->guests == 1)
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_STRONG,
                 "is a computer with one guest (container, virtual machine) behind it");
    else if (b->privates > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "is private and hides another address (or is a site's own translator)");
    else if (f->mismatches_windows > 0 && f->matches == 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG, "is private, and a Windows client has another address");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                 "sends a hash of another address, which may be wrong on purpose");
}

static void judge_public(const struct nat_source *f, const struct behind *b, const struct nat_crowd *crowd,
                         struct nat_view *v)
{
    bool pool = crowd->one_pool && crowd->pool_unrelated;
    if (b->privates > 0 && pool && crowd->pool_computers >= POOL_COMPUTERS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "is where all Internet clients come from, though their networks have nothing to do with each other");
    else if (b->privates > 0)
        nat_view_set(v, NAT_SOURCE_CLIENT, pool ? CONFIDENCE_STRONG : CONFIDENCE_CERTAIN,
                 "is public and hides private addresses");
    else if (f->mismatches_windows > 0)
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_HINT,
                 "is public, and a Windows client has another address that was not found");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                 "sends a hash of another address, which may be wrong on purpose");
}

bool nat_at_client(const struct nat_server *s, const struct nat_source *f)
{
    return nat_is_private(&f->address) && !nat_is_private(&s->address) && f->link != NAT_LINK_ON && f->seen_same == 0;
}

/* No answer tells whether the public address that is called is the server's own, so translators may yet follow. */
static bool perhaps_before_balancer(const struct nat_server *s, const struct nat_source *f)
{
    return !nat_is_private(&s->address) && s->self_same == 0 && f->seen_same + f->seen_other == 0;
}

/* By the client's own hash: translators between the client and this point. */
static void judge_upstream(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                           const struct nat_crowd *crowd, struct nat_view *v)
{
    struct behind b;
    look_behind(n, s, f, NAT_CLIENT_SELF, &b);
    uint64_t differs = f->mismatches_windows + f->mismatches_other;
    bool proven = f->mismatches_windows > 0 || b.privates + b.publics > 0, declared = nat_is_balancer(n, &f->address);
    v->about = NAT_CLIENT_SELF;
    v->sessions = differs > 0 ? differs : f->matches;
    v->place = b.place.frame != 0 ? b.place : differs > 0 ? f->mismatch : f->match;
    if (differs == 0 && (f->matches == 0 || nat_at_client(s, f) || perhaps_before_balancer(s, f)))
        return;
    if (!crowd->sound) {
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT, "sends hashes that fit nothing");
        return;
    }
    if (differs == 0 && nat_is_private(&f->address))
        nat_view_set(v, NAT_SOURCE_INTERNAL, CONFIDENCE_CERTAIN, "is private and the client's own");
    else if (differs == 0)
        nat_view_set(v, NAT_SOURCE_CLEAN, CONFIDENCE_CERTAIN, "is the client's own");
    else if (!declared && nat_at_client(s, f))
        nat_view_set(v, proven ? NAT_SOURCE_CLIENT : NAT_SOURCE_UNDECIDED,
                 b.privates > 0 ? CONFIDENCE_CERTAIN
                 : proven       ? CONFIDENCE_STRONG
                                : CONFIDENCE_HINT,
                 "is still on the client's side of the way");
    else if (declared || nat_is_neighbour(s, f))
        judge_neighbour(f, &b, declared, proven, v);
    else if (b.publics > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "is not the public address that the client has on the Internet");
    else if (nat_is_private(&f->address))
        judge_private(f, &b, v);
    else
        judge_public(f, &b, crowd, v);
    if (v->kind == NAT_SOURCE_CLIENT && v->confidence == CONFIDENCE_CERTAIN && perhaps_before_balancer(s, f))
        v->confidence = CONFIDENCE_STRONG;
}

/* By what the server saw of the client: translators between this point and the server. */
static void judge_downstream(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                             const struct nat_crowd *crowd, struct nat_view *v)
{
    v->about = NAT_CLIENT_SEEN;
    v->sessions = f->seen_other > 0 ? f->seen_other : f->seen_same;
    v->place = f->seen_other > 0 ? f->seen_other_place : f->seen_same_place;
    if (f->seen_other == 0) {
        /* Behind a load balancer the server sees what is seen here; only requests tell what came before. */
        bool before_balancer = s->backend_count > 0 || s->self_other_windows > 0;
        if (f->seen_same > 0 && (f->matches > 0 || before_balancer))
            nat_view_set(v, nat_is_private(&f->address) ? NAT_SOURCE_INTERNAL : NAT_SOURCE_CLEAN, CONFIDENCE_CERTAIN,
                     "is what the server saw");
        return;
    }
    if (!crowd->sound) {
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT, "is answered with hashes that fit nothing");
        return;
    }
    bool public_way = !nat_is_private(&s->address) || !nat_is_private(&f->address), known = false;
    for (uint32_t i = 0; i < f->hidden_count; i++) {
        const struct nat_hidden *h = &f->hidden[i];
        const struct address *saw = &h->real.address;
        if (h->about != NAT_CLIENT_SEEN)
            continue;
        known = true;
        v->place = h->place;
        if (nat_is_one_of(n->settings.publics, n->settings.public_count, saw)) {
            nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_CERTAIN, "reached the server as the client's public address");
            continue;
        }
        bool near = s->backend_count > 0 && nat_same_24(saw, &s->backends[0].real.address);
        bool sure = nat_is_balancer(n, saw) || near || (nat_is_rfc1918(saw) && public_way);
        if (nat_is_private(saw) || sure || !nat_is_private(&f->address)) {
            nat_view_set(v, NAT_SOURCE_SNAT, sure ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG,
                     "reached the server as another address");
            return;
        }
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_STRONG, "reached the server as a public address");
    }
    if (known)
        return;
    if (!nat_is_private(&f->address) && f->address.family == FAMILY_IPV4)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                 "is public, and the server saw another address that was not found");
    else if (nat_at_client(s, f))
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_STRONG,
                 "is private, and the server saw an address that is not a usual private one");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                 "was not what the server saw, and what it saw was not found");
}

/* By RADIUS: one address with many people behind it. */
static void judge_logins(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                         struct nat_view *v)
{
    v->about = NAT_BY_TRANSLATION;
    v->sessions = f->logins;
    v->place = f->login;
    if (f->logins == 0)
        return;
    bool site = nat_is_balancer(n, &f->address) || nat_is_neighbour(s, f);
    uint8_t many = f->computers.count > 0 ? f->computers.count : f->users.count;
    if (many >= MANY_USERS && site)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN, "stands beside the server and many users log in from it");
    else if (many >= MANY_USERS && nat_is_private(&f->address) &&
             (f->computers.count >= MANY_USERS || !nat_is_internal(n, &f->address)))
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG, "is private and many users log in from it");
    else if ((nat_is_private(&f->address) || site) && f->sessions > 0)
        return; /* IKE says more */
    else if (f->tunnels != NULL && f->sessions == 0)
        return; /* SSTP came from there too: the server's word adds nothing to what is seen */
    else if (nat_is_private(&f->address) || site)
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                 "is private: an internal client, or the load balancer with few users");
    else
        nat_view_set(v, NAT_SOURCE_CLEAN, CONFIDENCE_STRONG, "is the public address that the server logs");
}

static void judge_translated(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                             struct nat_view *v)
{
    struct behind b;
    look_behind(n, s, f, NAT_BY_TRANSLATION, &b);
    v->about = NAT_BY_TRANSLATION;
    v->sessions = f->translated;
    v->place = b.place.frame != 0 ? b.place : f->first;
    if (f->translated_snat)
        nat_view_set(v, NAT_SOURCE_SNAT, f->translated_as, "was another address before the translator");
    else if (f->translated_client)
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_CERTAIN, "was a private address before the client's translator");
    else if (f->translated > 0)
        nat_view_set(v, nat_is_private(&f->address) ? NAT_SOURCE_INTERNAL : NAT_SOURCE_CLEAN, CONFIDENCE_STRONG,
                 "was the same on both sides of the translator");
}

/* A translation that is proven counts for more than a side that looks clean: that proves its own side only. */
static int weight(const struct nat_view *v)
{
    static const int of_kind[] = {[NAT_SOURCE_SILENT] = 0,    [NAT_SOURCE_CLEAN] = 1,  [NAT_SOURCE_INTERNAL] = 1,
                                  [NAT_SOURCE_UNDECIDED] = 2, [NAT_SOURCE_CLIENT] = 3, [NAT_SOURCE_SNAT] = 4};
    return of_kind[v->kind] * 4 + (CONFIDENCE_HINT - (int)v->confidence);
}

void nat_judge_source(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                      const struct nat_crowd *crowd, struct nat_view *out)
{
    struct nat_view views[7] = {{0}};
    judge_upstream(n, s, f, crowd, &views[0]);
    judge_downstream(n, s, f, crowd, &views[1]);
    judge_translated(n, s, f, &views[2]);
    judge_logins(n, s, f, &views[3]);
    if (f->tunnels != NULL) {
        nat_judge_proxied(n, s, f, &views[4]);
        nat_judge_forwarded(n, s, f, &views[5]);
        nat_judge_tunnels(n, s, f, &views[6]);
    }
    *out = views[0];
    for (size_t i = 1; i < sizeof views / sizeof views[0]; i++)
        if (weight(&views[i]) > weight(out))
            *out = views[i];
}

/* What proxies say has nothing to do with hashes. */
static bool by_hash(const struct nat_hidden *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].about < NAT_BY_PROXY)
            return true;
    return false;
}

static uint64_t distinct(struct address *list, uint64_t count, const struct address *a)
{
    if (count < POOL_MAX && !nat_is_one_of(list, count, a))
        list[count++] = *a;
    return count;
}

void nat_look_around(const struct nat *n, const struct nat_server *s, struct nat_crowd *out)
{
    struct address first = {0}, computers[POOL_MAX];
    struct spread spread = {0};
    *out = (struct nat_crowd){.one_pool = s->folded_public == 0,
                              .sound = s->target_same + s->self_same + s->backend_count > 0 || by_hash(s->vips, s->vip_count)};
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next) {
        const struct nat_source *f = &n->sources[i];
        out->sound = out->sound || f->matches + f->seen_same + f->port_only > 0 || by_hash(f->hidden, f->hidden_count);
        if (nat_is_private(&f->address) || f->sessions == 0)
            continue;
        if (out->public_sources++ == 0)
            first = f->address;
        out->one_pool = out->one_pool && f->matches == 0 && f->address.family == FAMILY_IPV4 &&
                        address_in(&f->address, &first, POOL_BITS);
        for (uint32_t k = 0; k < f->hidden_count; k++)
            if (f->hidden[k].about == NAT_CLIENT_SELF) {
                out->pool_computers = distinct(computers, out->pool_computers, &f->hidden[k].real.address);
                spread_add(&spread, &f->hidden[k].real.address);
            }
    }
    out->pool_unrelated = spread_unrelated(&spread);
}
