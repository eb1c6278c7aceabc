/*
 * What SSTP shows of translation: what proxies write about their clients, several computers at once behind an address of the
 * site, TCP that contradicts the TLS in it. wire-facts 9.1, 9.2, 7.1. A public address with many clients is an office or a
 * carrier: nothing is said of it.
 */
#include "analyze/nat/nat_internal.h"

#include <stdlib.h>

enum { MANY_COMPUTERS = 3, MANY_USERS = 3, MANY_TUNNELS = 3, FAR_HOPS = 2, JA4_CIPHERS = 11, JA4_PART = 12 };

bool nat_is_schannel(const char *ja4)
{
    /*
     * Cipher suites of Schannel's defaults: with DHE (Windows 10 up to 1709, Server 2016), without it (since), without 3DES
     * (Windows 11), and the last two with TLS 1.3. Their sets are in Microsoft's "Cipher Suites in TLS/SSL".
     */
    static const char *const ciphers[] = {"76e208dd3e22", "d83cc789557e", "4b22cbed5bed", "231e334592e8", "2b729b4bf6f3"};
    if (strlen(ja4) < JA4_CIPHERS + JA4_PART)
        return false;
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
        if (memcmp(ja4 + JA4_CIPHERS, ciphers[i], JA4_PART) == 0)
            return true;
    return false;
}

uint8_t nat_hops(uint8_t ttl)
{
    return (uint8_t)((ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl);
}

void nat_tunnels_free(struct nat_tunnels *t)
{
    if (t == NULL)
        return;
    free(t->users.list);
    free(t->computers.list);
    free(t);
}

/* A direct neighbour; of IPv6 whoever is in the server's /64. */
static bool is_beside(const struct nat_server *s, const struct nat_source *f)
{
    bool neighbour6 = f->address.family == FAMILY_IPV6 && s->address.family == FAMILY_IPV6 &&
                      address_in(&f->address, &s->address, 64) && !address_equal(&f->address, &s->address);
    return nat_is_neighbour(s, f) || (f->link == NAT_LINK_UNKNOWN && neighbour6);
}

/* Most tunnels, and most computers, that lived at one time, of the last NAT_INTERVALS: not more than there were. */
static void add_interval(struct nat_tunnels *t, const struct nat_named_interval *now)
{
    if (t->interval_count < NAT_INTERVALS) {
        t->intervals[t->interval_count++] = *now;
    } else {
        size_t oldest = 0;
        for (size_t i = 1; i < NAT_INTERVALS; i++)
            if (t->intervals[i].last < t->intervals[oldest].last)
                oldest = i;
        t->intervals[oldest] = *now;
    }
    for (size_t i = 0; i < t->interval_count; i++) {
        uint64_t names[NAT_INTERVALS];
        uint32_t alive = 0, named = 0; /* at the moment that interval i begins */
        for (size_t k = 0; k < t->interval_count; k++) {
            const struct nat_named_interval *v = &t->intervals[k];
            if (v->first > t->intervals[i].first || t->intervals[i].first >= v->last)
                continue;
            alive++;
            bool known = v->computer == 0;
            for (uint32_t m = 0; m < named && !known; m++)
                known = names[m] == v->computer;
            if (!known)
                names[named++] = v->computer;
        }
        t->concurrent = alive > t->concurrent ? alive : t->concurrent;
        t->computers_at_once = named > t->computers_at_once ? named : t->computers_at_once;
    }
}

static void add_attempt(struct nat_tunnels *t, const struct nat_sstp_observation *o)
{
    t->attempts++;
    nat_keep_place(&t->first, &o->place);
    if (o->clear) {
        t->clear++;
        nat_keep_place(&t->clear_place, &o->place);
    }
    if (o->schannel && o->linux_stack) {
        t->contradictions++;
        nat_keep_place(&t->contradiction, &o->place);
    }
    if (o->ttl != 0 && (!t->has_ttl || nat_hops(o->ttl) < nat_hops(t->near_ttl)))
        t->near_ttl = o->ttl;
    if (o->ttl != 0 && (!t->has_ttl || nat_hops(o->ttl) > nat_hops(t->far_ttl)))
        t->far_ttl = o->ttl;
    t->has_ttl = t->has_ttl || o->ttl != 0;
    if (o->computer != 0 || o->user != 0)
        nat_keep_place(&t->name, &o->place);
    nat_keep_name(&t->computers, o->computer);
    nat_keep_name(&t->users, o->user);
    if (o->established) {
        const struct nat_named_interval life = {o->first_ns, o->last_ns, o->computer};
        t->established++;
        add_interval(t, &life);
    }
}

/* Whom clients call, as a PROXY protocol header has it. */
static void add_called(struct nat_server *s, const struct nat_sstp_observation *o)
{
    const struct nat_hidden vip = {
        .seen = o->server, .real = o->proxied_to, .place = o->proxied_place, .about = NAT_BY_PROXY, .sessions = 1};
    if (o->proxied_to.address.family != FAMILY_NONE && !address_equal(&o->proxied_to.address, &o->server.address))
        nat_list_hide(s->vips, &s->vip_count, NAT_VIPS, &vip);
}

static void add_client(struct nat *n, struct nat_source *f, const struct nat_sstp_observation *o, enum nat_about about)
{
    struct nat_tunnels *t = f->tunnels;
    bool proxy = about == NAT_BY_PROXY;
    const struct nat_hidden h = {.seen = o->client,
                                 .real = proxy ? o->proxied : o->forwarded,
                                 .place = proxy ? o->proxied_place : o->forwarded_place,
                                 .about = about,
                                 .sessions = 1};
    bool same = address_equal(&h.real.address, &f->address);
    uint64_t *count = proxy ? (same ? &t->proxied_same : &t->proxied) : same ? &t->forwarded_same : &t->forwarded;
    ++*count;
    nat_keep_place(proxy ? &t->proxied_place : &t->forwarded_place, &h.place);
    if (!same)
        nat_source_hide(n, f, &h);
    if (!same && proxy)
        nat_add_load_balancer(n, &f->address);
}

/* What proxies say of their clients. From the Internet anybody may send such words: then only a server that took them in and
 * went on with a tunnel vouches for them. */
static void add_words(struct nat *n, struct nat_server *s, struct nat_source *f, const struct nat_sstp_observation *o)
{
    bool inside = nat_is_private(&f->address) || nat_is_balancer(n, &f->address) || is_beside(s, f);
    if (!inside && !o->established)
        return;
    if (o->proxied.address.family != FAMILY_NONE) {
        add_called(s, o);
        add_client(n, f, o, NAT_BY_PROXY);
    }
    if (o->forwarded.address.family != FAMILY_NONE)
        add_client(n, f, o, NAT_BY_FORWARDED);
}

/* The Internet knocks on every door. */
static bool is_inside(const struct address *from, const struct address *server)
{
    return nat_is_private(from) ||
           (from->family == FAMILY_IPV6 && server->family == FAMILY_IPV6 && address_in(from, server, 64));
}

void nat_add_sstp(struct nat *n, const struct nat_sstp_observation *o)
{
    nat_take_logins(n);
    if (o->balancer && is_inside(&o->client.address, &o->server.address))
        nat_add_load_balancer(n, &o->client.address);
    if (!o->attempt && o->proxied.address.family == FAMILY_NONE)
        return;
    struct nat_server *s = nat_server_of(n, &o->server.address, o->layer, o->established);
    if (s == NULL)
        return;
    s->tunnels++;
    nat_keep_place(&s->first, &o->place);
    struct nat_source *f = nat_source_of(n, s, &o->client.address, o->established);
    if (f == NULL)
        return;
    nat_keep_place(&f->first, &o->place);
    if (f->tunnels == NULL)
        f->tunnels = calloc(1, sizeof *f->tunnels);
    if (f->tunnels == NULL)
        return;
    if (o->attempt)
        add_attempt(f->tunnels, o);
    add_words(n, s, f, o);
}

void nat_add_probes(struct nat *n, const struct address *from, const struct address *server, uint64_t count)
{
    if (!is_inside(from, server))
        return;
    for (size_t i = 0; i < n->prober_count; i++)
        if (address_equal(&n->probers[i].address, from)) {
            n->probers[i].probes += count;
            return;
        }
    if (n->prober_count < NAT_PROBERS_MAX)
        n->probers[n->prober_count++] = (struct nat_prober){*from, count};
}

void nat_forget_probes(struct nat *n)
{
    n->prober_count = 0;
}

uint64_t nat_probes_of(const struct nat *n, const struct address *a)
{
    for (size_t i = 0; i < n->prober_count; i++)
        if (address_equal(&n->probers[i].address, a))
            return n->probers[i].probes;
    return 0;
}

void nat_judge_proxied(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v)
{
    (void)n, (void)s;
    const struct nat_tunnels *t = f->tunnels;
    v->about = NAT_BY_PROXY;
    v->place = t->proxied_place;
    v->sessions = t->proxied > 0 ? t->proxied : t->proxied_same;
    if (t->proxied > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN,
                     "is a load balancer's own address, which tells its clients' in PROXY protocol headers");
    else if (t->proxied_same > 0)
        nat_view_set(v, nat_is_private(&f->address) ? NAT_SOURCE_INTERNAL : NAT_SOURCE_CLEAN, CONFIDENCE_CERTAIN,
                     "is the client's own, as PROXY protocol headers say");
}

void nat_judge_forwarded(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v)
{
    const struct nat_tunnels *t = f->tunnels;
    bool site = is_beside(s, f) || nat_is_balancer(n, &f->address), inside = site || nat_is_private(&f->address);
    struct nat_behind b = nat_look_behind(f, NAT_BY_FORWARDED);
    v->about = NAT_BY_FORWARDED;
    v->place = t->forwarded_place;
    v->sessions = t->forwarded > 0 ? t->forwarded : t->forwarded_same;
    if (t->forwarded > 0 && b.publics == 0 && !site && (!inside || nat_at_client(s, f)))
        nat_view_set(v, NAT_SOURCE_CLIENT, CONFIDENCE_STRONG,
                     "is a proxy's of the client's own side, which tells the client's address in its HTTP requests");
    else if (t->forwarded > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, inside || t->clear > 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG,
                     "is a proxy's own address, which tells its clients' in the HTTP requests that it passes on");
    else if (t->forwarded_same > 0)
        nat_view_set(v, nat_is_private(&f->address) ? NAT_SOURCE_INTERNAL : NAT_SOURCE_CLEAN, CONFIDENCE_STRONG,
                     "is the client's own, as X-Forwarded-For says");
}

/* An address beside the server, or the load balancer's. */
static void judge_site(const struct nat *n, const struct nat_source *f, struct nat_view *v)
{
    const struct nat_tunnels *t = f->tunnels;
    if (nat_is_balancer(n, &f->address))
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN, "is a load balancer's own address, and tunnels come from it");
    else if (t->computers_at_once > 1 || t->computers.count >= MANY_COMPUTERS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_CERTAIN,
                     "stands beside the server, and the tunnels of several computers come from it");
    else if (t->users.count >= MANY_USERS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                     "stands beside the server, and the tunnels of many users come from it");
    else if (t->concurrent >= MANY_TUNNELS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG, "stands beside the server, and holds many tunnels at once");
    else if (t->contradictions > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                     "stands beside the server, and has Windows' TLS in connections of a Linux kernel: it is a proxy");
    else if (t->has_ttl && nat_hops(t->far_ttl) >= FAR_HOPS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                     "seems to stand beside the server, yet what it sends has passed several routers");
    else if (nat_probes_of(n, &f->address) > 0 && t->established > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, t->established > 1 ? CONFIDENCE_STRONG : CONFIDENCE_HINT,
                     "probes the server as load balancers do, and tunnels come from it");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                     "stands beside the server: a client of the site, or the load balancer with few clients");
}

/* A private address somewhere else in the site. */
static void judge_private(const struct nat *n, const struct nat_source *f, struct nat_view *v)
{
    const struct nat_tunnels *t = f->tunnels;
    bool declared = nat_is_internal(n, &f->address);
    if (t->computers_at_once > 1)
        nat_view_set(v, NAT_SOURCE_SNAT, declared ? CONFIDENCE_STRONG : CONFIDENCE_CERTAIN,
                     "is private, and the tunnels of several computers come from it at once");
    else if (t->computers.count >= MANY_COMPUTERS)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG, "is private, and the tunnels of many computers come from it");
    else if (t->concurrent >= MANY_TUNNELS || t->contradictions > 0)
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_HINT,
                     t->contradictions > 0 ? "is private, and has Windows' TLS in connections of a Linux kernel"
                                           : "is private and holds many tunnels at once");
    else
        nat_view_set(v, NAT_SOURCE_UNDECIDED, CONFIDENCE_HINT,
                     "is private: an internal client, or a translator with few clients");
}

void nat_judge_tunnels(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v)
{
    const struct nat_tunnels *t = f->tunnels;
    bool site = is_beside(s, f) || nat_is_balancer(n, &f->address);
    v->about = NAT_BY_TRANSLATION;
    v->sessions = t->attempts;
    v->place = t->contradictions > 0 ? t->contradiction : t->computers.count > 1 ? t->name : t->first;
    bool own = t->proxied_same + t->forwarded_same > 0 && t->proxied + t->forwarded == 0;
    if (t->attempts == 0 || own || (!site && !nat_is_private(&f->address)))
        return;
    if (t->clear > 0) {
        v->place = t->clear_place;
        nat_view_set(v, NAT_SOURCE_SNAT, CONFIDENCE_STRONG,
                     "is where TLS was taken off: no client speaks SSTP without, so a proxy stands in for them");
    } else if (site) {
        judge_site(n, f, v);
    } else if (!nat_at_client(s, f)) {
        judge_private(n, f, v);
    }
}
