/*
 * What RADIUS shows of clients. Each login is of a source among thousands: it waits until a few others have come, and step by
 * step what it will be counted in is brought near meanwhile.
 */
#include <stddef.h>

#include "analyze/nat/nat_internal.h"
#include "capture/wire/near.h"

/* Of a source, what a login touches. */
enum { TOUCHED = offsetof(struct nat_source, link) };

static void take(struct nat *n, const struct nat_radius_observation *o)
{
    struct nat_server *s = nat_server_of(n, &o->server, 0, true);
    if (s == NULL)
        return;
    s->logins++;
    nat_keep_place(&s->first, &o->place);
    if (o->client.family != FAMILY_IPV4 && o->client.family != FAMILY_IPV6) {
        s->logins_without_address++;
        return;
    }
    struct nat_source *f = nat_source_of(n, s, &o->client, true);
    if (f == NULL)
        return;
    f->logins++;
    nat_keep_place(&f->login, &o->place);
    nat_keep_name(&f->users, o->user);
    nat_keep_name(&f->computers, o->computer);
}

static inline struct nat_login *login_at(struct nat *n, uint32_t number)
{
    return &n->logins[number % NAT_LOGINS_WAITING];
}

static inline void bring_source(const struct nat *n, struct nat_login *l)
{
    l->source = l->bucket != NAT_NOBODY ? n->table[l->bucket] : NAT_NOBODY;
    if (l->source != NAT_NOBODY)
        near_bytes(&n->sources[l->source], TOUCHED);
}

static inline void bring_names(const struct nat *n, const struct nat_login *l)
{
    if (l->source == NAT_NOBODY)
        return;
    near_line(n->sources[l->source].users.list);
    near_line(n->sources[l->source].computers.list);
}

void nat_add_radius(struct nat *n, const struct nat_radius_observation *o)
{
    if (n->logins_in - n->logins_out == NAT_LOGINS_WAITING)
        take(n, &login_at(n, n->logins_out++)->o);
    uint32_t in = n->logins_in++, waiting = in - n->logins_out;
    *login_at(n, in) = (struct nat_login){*o, nat_bucket_soon(n, &o->server, &o->client), NAT_NOBODY};
    if (waiting >= 1)
        bring_source(n, login_at(n, in - 1));
    if (waiting >= 2)
        bring_names(n, login_at(n, in - 2));
}

void nat_take_logins(struct nat *n)
{
    while (n->logins_out != n->logins_in)
        take(n, &login_at(n, n->logins_out++)->o);
}
