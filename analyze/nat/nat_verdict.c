/* One verdict a server from the views of its sources. */
#include "analyze/nat/nat_internal.h"

#include <stdlib.h>

#include "analyze/nat/nat_words.h"

enum { UNION_MAX = 1024 };

/* Sessions and sources of one kind. */
struct share {
    uint64_t sources, sessions, largest;
    enum confidence best;
    const struct nat_source *leader; /* with most sessions */
    struct nat_view view;            /* the leader's */
};

struct tally {
    struct share of[NAT_SOURCE_UNDECIDED + 1];
    /* By hash; seen before the translator; by proxies: all three may mean the same computers, a client behind its router. */
    struct address hidden[UNION_MAX], seen[UNION_MAX], told[UNION_MAX];
    size_t hidden_count, seen_count, told_count;
    uint32_t concurrent, people; /* most of any hiding source */
    uint64_t behind_answer;      /* sources that the server saw as another address */
    uint64_t undecided_site;     /* undecided ones whose hidden addresses are known, and of the site */
};

static void add_once(struct address list[static UNION_MAX], size_t *count, const struct address *a)
{
    if (*count < UNION_MAX && !nat_is_one_of(list, *count, a))
        list[(*count)++] = *a;
}

static void tally_people(struct tally *t, const struct nat_names *computers, const struct nat_names *users,
                         uint32_t concurrent)
{
    uint32_t people = computers->count > 0 ? computers->count : users->count;
    t->concurrent = concurrent > t->concurrent ? concurrent : t->concurrent;
    t->people = people > t->people ? people : t->people;
}

static void tally_source(struct tally *t, const struct nat_source *f, const struct nat_view *v)
{
    struct share *h = &t->of[v->kind];
    if (h->sources++ == 0 || v->confidence < h->best)
        h->best = v->confidence;
    h->sessions += v->sessions;
    if (h->leader == NULL || v->sessions > h->largest) {
        h->leader = f;
        h->largest = v->sessions;
        h->view = *v;
    }
    t->undecided_site += v->kind == NAT_SOURCE_UNDECIDED && v->site;
    if (v->kind != NAT_SOURCE_SNAT)
        return;
    if (v->about == NAT_CLIENT_SEEN) {
        t->behind_answer++;
        return;
    }
    for (uint32_t i = 0; i < f->hidden_count; i++) {
        if (f->hidden[i].about >= NAT_BY_PROXY)
            add_once(t->told, &t->told_count, &f->hidden[i].real.address);
        else if (f->hidden[i].about == NAT_BY_TRANSLATION)
            add_once(t->seen, &t->seen_count, &f->hidden[i].real.address);
        else if (f->hidden[i].about != NAT_CLIENT_SEEN)
            add_once(t->hidden, &t->hidden_count, &f->hidden[i].real.address);
    }
    tally_people(t, &f->computers, &f->users, f->concurrent);
    if (f->tunnels != NULL)
        tally_people(t, &f->tunnels->computers, &f->tunnels->users, f->tunnels->concurrent);
}

/* Whether and how surely the destination is translated, on either side of this point. */
static bool destination_view(const struct nat *n, const struct nat_server *s, bool sound, enum confidence *sure)
{
    *sure = CONFIDENCE_CERTAIN;
    for (uint8_t i = 0; i < s->vip_count; i++)
        if (nat_is_one_of(n->settings.vips, n->settings.vip_count, &s->vips[i].real.address) ||
            s->vips[i].about == NAT_BY_TRANSLATION || s->vips[i].about == NAT_BY_PROXY)
            return true;
    if (s->backend_count > 0)
        return true;
    for (size_t i = 0; i < n->proven_count; i++)
        if (n->proven[i].destination_changed && n->proven[i].first.tunnel[0] == s->tunnel &&
            address_equal(&n->proven[i].first.destination[0].address, &s->address))
            return true;
    *sure = CONFIDENCE_STRONG;
    /* Nobody is known to send a wrong DESTINATION hash; a wrong SOURCE hash some servers do, Windows never. */
    return s->vip_count > 0 || (sound && (s->target_other > 0 || s->self_other_windows > 0));
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* At the outer address of a service: a capture behind it proved that the source is translated on the way, to an address
 * of the site. */
static bool hides_behind(const struct nat *n, const struct nat_server *s, const struct nat_proven *p)
{
    const struct nat_translation *t = &p->first;
    return p->source_changed && t->tunnel[0] == s->tunnel && address_equal(&t->destination[0].address, &s->address) &&
           nat_is_private(&t->source[1].address) && nat_is_private(&t->destination[1].address) &&
           !nat_is_private(&s->address) && !nat_is_internal(n, &t->source[0].address);
}

/* The verdict of such a capture; with what was judged here already, it only makes it surer. */
static bool set_proven(const struct nat *n, const struct nat_server *s, struct nat_verdict *out)
{
    uint64_t sessions = 0, clients = 0;
    for (size_t i = 0; i < n->proven_count; i++) {
        const struct nat_translation *t = &n->proven[i].first;
        if (!hides_behind(n, s, &n->proven[i]))
            continue;
        if (out->source.family == FAMILY_NONE)
            out->source = t->source[1].address;
        bool known = false; /* the same client at another backend */
        for (size_t k = 0; k < i && !known; k++)
            known = hides_behind(n, s, &n->proven[k]) &&
                    address_equal(&n->proven[k].first.source[0].address, &t->source[0].address);
        clients += !known;
        sessions += n->proven[i].count;
    }
    if (clients == 0)
        return false;
    out->kind = NAT_SNAT;
    out->confidence = CONFIDENCE_CERTAIN;
    out->sources = out->sources > 0 ? out->sources : 1;
    out->sessions = most(out->sessions, sessions);
    out->hidden_clients = most(out->hidden_clients, clients);
    return true;
}

/* What the server saw most of the sessions as. */
static struct address seen_as(const struct nat *n, const struct nat_server *s, const struct tally *t)
{
    const struct share *h = &t->of[NAT_SOURCE_SNAT];
    if (h->view.about != NAT_CLIENT_SEEN)
        return h->leader->address;
    const struct nat_hidden *best = NULL;
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next)
        for (uint32_t k = 0; k < n->sources[i].hidden_count; k++) {
            const struct nat_hidden *x = &n->sources[i].hidden[k];
            if (x->about == NAT_CLIENT_SEEN && (best == NULL || x->sessions > best->sessions))
                best = x;
        }
    return best != NULL ? best->real.address : (struct address){0};
}

static enum confidence weaker(enum confidence a, enum confidence b)
{
    return a > b ? a : b;
}

static void set_snat(const struct nat *n, const struct nat_server *s, const struct tally *t, struct nat_verdict *out)
{
    const struct share *h = &t->of[NAT_SOURCE_SNAT];
    out->kind = NAT_SNAT;
    out->confidence = h->best;
    out->sessions = h->sessions;
    out->sources = (uint32_t)h->sources;
    out->source = seen_as(n, s, t);
    out->proxied = h->view.about == NAT_BY_PROXY || h->view.about == NAT_BY_FORWARDED;
    out->hidden_clients = most(most(most(t->hidden_count, t->seen_count), most(t->told_count, 1)),
                               most(t->behind_answer, most(t->concurrent, t->people)));
}

static void choose(const struct nat *n, const struct nat_server *s, const struct nat_crowd *crowd,
                   const struct tally *t, struct nat_verdict *out)
{
    const struct share *clean = &t->of[NAT_SOURCE_CLEAN], *internal = &t->of[NAT_SOURCE_INTERNAL],
                       *client = &t->of[NAT_SOURCE_CLIENT];
    enum confidence sure;
    bool destination = destination_view(n, s, crowd->sound, &sure);
    enum confidence source = clean->sources > 0 ? clean->best : internal->best;
    bool known = clean->sources + internal->sources > 0;
    out->destination_translated = destination;
    out->destination_confidence = sure;
    if (t->of[NAT_SOURCE_SNAT].sources > 0) {
        set_snat(n, s, t, out);
        set_proven(n, s, out);
    } else if (set_proven(n, s, out)) {
        return;
    } else if (destination && known) {
        out->kind = NAT_DNAT_ONLY;
        out->confidence = weaker(sure, source);
        out->sessions = most(out->destination_sessions, 1);
    } else if (client->sources > 0) {
        out->kind = NAT_CLIENT_SIDE;
        out->confidence = client->best;
        out->sessions = client->sessions;
    } else if (known && t->of[NAT_SOURCE_UNDECIDED].sources == 0) {
        out->kind = NAT_NONE;
        out->confidence = source;
        out->sessions = clean->sessions + internal->sessions;
    } else if (known) {
        /* Some come as they are: there is no translator that all must pass. */
        out->kind = NAT_NONE;
        out->confidence = CONFIDENCE_STRONG;
        out->sessions = clean->sessions + internal->sessions;
    } else {
        out->kind = NAT_UNKNOWN;
        out->confidence = CONFIDENCE_HINT;
        out->sessions = out->sessions_all;
    }
}

static void recover(struct nat_verdict *out, const struct nat_hidden *h)
{
    out->recovered_total++;
    if (out->recovered_count == NAT_RECOVERED_MAX)
        return;
    struct nat_recovered *r = &out->recovered[out->recovered_count++];
    *r = (struct nat_recovered){.seen = h->seen, .real = h->real, .how = nat_how(h->about), .place = h->place,
                                .backend = h->about == NAT_SERVER_SELF};
    if (h->about == NAT_CLIENT_SEEN) { /* the hash tells what was seen, the packet who it was */
        r->seen = h->real;
        r->real = h->seen;
    }
}

static void recover_all(const struct nat *n, const struct nat_server *s, struct nat_verdict *out)
{
    for (uint8_t i = 0; i < s->vip_count; i++)
        recover(out, &s->vips[i]);
    for (uint8_t i = 0; i < s->backend_count; i++)
        recover(out, &s->backends[i]);
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next) {
        for (uint32_t k = 0; k < n->sources[i].hidden_count; k++)
            recover(out, &n->sources[i].hidden[k]);
        out->recovered_total += n->sources[i].hidden_more;
    }
}

static int by_address(const void *a, const void *b)
{
    const struct nat_server *const *x = a, *const *y = b;
    const struct endpoint ex = {.address = (*x)->address}, ey = {.address = (*y)->address};
    int order = endpoint_compare(&ex, &ey);
    return order != 0 ? order : ((*x)->tunnel > (*y)->tunnel) - ((*x)->tunnel < (*y)->tunnel);
}

size_t nat_verdicts_so_far(struct nat *n)
{
    const struct nat_server *list[NAT_SERVERS_MAX];
    nat_take_logins(n);
    n->order_count = 0;
    for (uint32_t i = 0; i < n->server_count; i++)
        list[n->order_count++] = &n->servers[i];
    qsort(list, n->order_count, sizeof list[0], by_address);
    for (size_t i = 0; i < n->order_count; i++)
        n->order[i] = (uint32_t)(list[i] - n->servers);
    return n->order_count;
}

size_t nat_verdicts(struct nat *n)
{
    nat_take_logins(n);
    nat_settle(n);
    return nat_verdicts_so_far(n);
}

bool nat_verdict_at(const struct nat *n, size_t i, struct nat_verdict *out)
{
    if (i >= n->order_count)
        return false;
    const struct nat_server *s = &n->servers[n->order[i]];
    struct nat_crowd crowd;
    nat_look_around(n, s, &crowd);
    *out =
        (struct nat_verdict){.server = s->address, .tunnel = s->tunnel, .tunnels = s->tunnels,
                               .sstp_only = s->tunnels > 0 && s->sessions + s->logins == 0,
                               .sessions_all = most(s->sessions + s->tunnels, s->logins)};
    out->destination_sessions =
        most(s->target_other, s->self_other_windows + (s->backend_count > 0 ? s->self_other : 0));
    struct tally t = {0};
    uint64_t translated = 0;
    for (uint32_t k = s->first_source; k != NAT_NOBODY; k = n->sources[k].next) {
        struct nat_view v;
        nat_judge_source(n, s, &n->sources[k], &crowd, &v);
        tally_source(&t, &n->sources[k], &v);
        translated += n->sources[k].translated;
    }
    out->sessions_all = most(out->sessions_all, translated);
    out->client_sessions = t.of[NAT_SOURCE_CLIENT].sessions;
    out->undecided_sessions = t.of[NAT_SOURCE_UNDECIDED].sessions;
    out->undecided_site = t.of[NAT_SOURCE_UNDECIDED].sources > 0 && t.undecided_site == t.of[NAT_SOURCE_UNDECIDED].sources;
    choose(n, s, &crowd, &t, out);
    recover_all(n, s, out);
    for (uint32_t k = 0; k <= NAT_SOURCE_UNDECIDED; k++)
        if (t.of[k].leader != NULL && k != NAT_SOURCE_SILENT)
            nat_say_source(n, s, t.of[k].leader, &t.of[k].view, t.of[k].sources, out);
    nat_say_server(n, s, out);
    nat_say_reason(n, s, crowd.sound, out);
    return true;
}

const char *nat_kind_name(enum nat_kind kind)
{
    static const char *const names[] = {"snat", "dnat-only", "client-side-nat", "none", "unknown"};
    return names[kind];
}
