/* The table of tunnels: by the ids that their packets have, listed by their silence. */
#include "dissect/l2tp/l2tp_state.h"

#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"

enum { KEYS = 2 };

bool tunnels_init(struct l2tp_layer *l, uint32_t room)
{
    l->room = room;
    l->tunnels = calloc((size_t)room + 1, sizeof *l->tunnels);
    return index_init(&l->index, room * KEYS) && l->tunnels != NULL;
}

void tunnels_free(struct l2tp_layer *l)
{
    index_free(&l->index);
    free(l->tunnels);
}

static uint64_t hash_of(const struct ppp_call_key *key)
{
    uint64_t receiver = hash_bytes(key->receiver.address.bytes, sizeof key->receiver.address.bytes, key->outer);
    uint64_t sender = hash_bytes(key->sender.bytes, sizeof key->sender.bytes, key->receiver.port);
    return hash_mix(hash_mix(receiver, sender), key->tunnel) | 1;
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    const struct l2tp_layer *l = owner;
    return l->tunnels[item / KEYS].hash[item % KEYS];
}

struct l2tp_tunnel *tunnel_find(const struct l2tp_layer *l, const struct ppp_call_key *key, enum direction *dir)
{
    uint64_t hash = hash_of(key);
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->index, hash, &probe)) != 0;) {
        struct l2tp_tunnel *t = &l->tunnels[item / KEYS];
        const struct ppp_call_key *own = &t->key[item % KEYS];
        if (own->tunnel != key->tunnel || own->outer != key->outer || !endpoint_equal(&own->receiver, &key->receiver) ||
            !address_equal(&own->sender, &key->sender))
            continue;
        *dir = (enum direction)(item % KEYS);
        return t;
    }
    return NULL;
}

static void list_remove(struct l2tp_layer *l, struct l2tp_tunnel *t)
{
    *(t->older != 0 ? &l->tunnels[t->older].newer : &l->oldest) = t->newer;
    *(t->newer != 0 ? &l->tunnels[t->newer].older : &l->newest) = t->older;
}

static void list_append(struct l2tp_layer *l, struct l2tp_tunnel *t)
{
    t->heard_ns = l->active_ns;
    t->older = l->newest;
    t->newer = 0;
    *(l->newest != 0 ? &l->tunnels[l->newest].newer : &l->oldest) = tunnel_number(l, t);
    l->newest = tunnel_number(l, t);
}

void tunnel_touch(struct l2tp_layer *l, struct l2tp_tunnel *t)
{
    list_remove(l, t);
    list_append(l, t);
}

static void drop_key(struct l2tp_layer *l, struct l2tp_tunnel *t, unsigned which)
{
    if (t->hash[which] != 0)
        index_remove(&l->index, t->hash[which], tunnel_number(l, t) * KEYS + which);
    t->hash[which] = 0;
}

/* Its calls go on by themselves. */
void tunnel_drop(struct l2tp_layer *l, struct l2tp_tunnel *t)
{
    drop_key(l, t, TO_SERVER);
    drop_key(l, t, TO_CLIENT);
    list_remove(l, t);
    t->used = false;
    t->newer = l->free;
    l->free = tunnel_number(l, t);
    l->count--;
}

struct l2tp_tunnel *tunnel_add(struct l2tp_layer *l)
{
    if (l->free == 0 && l->used == l->room)
        tunnel_drop(l, &l->tunnels[l->oldest]);
    uint32_t item = l->free != 0 ? l->free : ++l->used;
    struct l2tp_tunnel *t = &l->tunnels[item];
    if (l->free == item)
        l->free = t->newer;
    memset(t, 0, sizeof *t);
    t->used = true;
    t->serial = ++l->serial;
    l->count++;
    list_append(l, t);
    return t;
}

void tunnel_set_key(struct l2tp_layer *l, struct l2tp_tunnel *t, enum direction dir, const struct ppp_call_key *key)
{
    uint32_t item = tunnel_number(l, t) * KEYS + dir, victim;
    enum direction way;
    struct l2tp_tunnel *other = tunnel_find(l, key, &way);
    if (other != NULL && other != t)
        tunnel_drop(l, other);
    drop_key(l, t, dir);
    t->key[dir] = *key;
    uint64_t hash = hash_of(key);
    index_make_room(&l->index, hash_of_item, l);
    while ((victim = index_put(&l->index, hash, item)) != 0) {
        other = &l->tunnels[victim / KEYS];
        if (other == t)
            drop_key(l, t, victim % KEYS);
        else
            tunnel_drop(l, other);
    }
    t->hash[dir] = hash;
}

void tunnels_expire(struct l2tp_layer *l)
{
    while (l->oldest != 0 && elapsed_ns(l->now_ns, l->tunnels[l->oldest].heard_ns) > PPP_CALL_OPEN_NS)
        tunnel_drop(l, &l->tunnels[l->oldest]);
}
