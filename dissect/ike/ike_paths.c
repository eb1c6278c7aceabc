/* The ways of an association's packets: told when they change, and by them its ESP is found (ike_esp.c). */
#include "dissect/ike/ike_state.h"

static struct ike_path path_of(const struct packet *p, bool from_initiator)
{
    return from_initiator ? (struct ike_path){p->src, p->dst, p->tunnel} : (struct ike_path){p->dst, p->src, p->tunnel};
}

/* Whether a packet between these ends goes along the path, and from which side. */
static inline bool along(const struct ike_path *path, const struct endpoint *from, const struct endpoint *to, uint32_t tunnel,
                         bool *from_initiator)
{
    *from_initiator = endpoint_equal(&path->initiator, from) && endpoint_equal(&path->responder, to);
    return path->tunnel == tunnel &&
           (*from_initiator || (endpoint_equal(&path->initiator, to) && endpoint_equal(&path->responder, from)));
}

static bool same_path(const struct ike_path *a, const struct ike_path *b)
{
    return a->tunnel == b->tunnel && endpoint_equal(&a->initiator, &b->initiator) &&
           endpoint_equal(&a->responder, &b->responder);
}

static bool holds(const struct association *a, const struct ike_path *path)
{
    for (unsigned i = 0; i < a->path_count; i++)
        if (same_path(&a->paths[i], path))
            return true;
    return false;
}

uint64_t path_hash(const struct endpoint *a, const struct endpoint *b, uint32_t tunnel)
{
    uint64_t words[2][2];
    memcpy(words[0], a->address.bytes, sizeof words[0]);
    memcpy(words[1], b->address.bytes, sizeof words[1]);
    uint64_t first = hash_mix(words[0][0] ^ (uint64_t)a->port << 48, words[0][1]);
    uint64_t second = hash_mix(words[1][0] ^ (uint64_t)b->port << 48, words[1][1]);
    return hash_mix(first + second, tunnel) | 1;
}

static uint64_t hash_of_key(const void *owner, uint32_t item)
{
    const struct ike_layer *l = owner;
    return l->associations[item / PATH_KEYS].path_hashes[item % PATH_KEYS];
}

static void leave(struct ike_layer *l, struct association *a, unsigned key)
{
    if (a->path_hashes[key] != 0)
        index_remove(&l->path_index, a->path_hashes[key], association_item(l, a) * PATH_KEYS + key);
    a->path_hashes[key] = 0;
}

/* Where there is no room, an older association loses its way: its ESP is then counted for none. */
static void enter(struct ike_layer *l, struct association *a, unsigned key, uint64_t hash)
{
    uint32_t item = association_item(l, a) * PATH_KEYS + key, victim;
    leave(l, a, key);
    index_make_room(&l->path_index, hash_of_key, l);
    while ((victim = index_put(&l->path_index, hash, item)) != 0)
        leave(l, &l->associations[victim / PATH_KEYS], victim % PATH_KEYS);
    a->path_hashes[key] = hash;
}

static void leave_all(struct ike_layer *l, struct association *a)
{
    for (unsigned i = 0; i < PATH_KEYS; i++)
        leave(l, a, i);
    a->keyed = false;
    way_of(l, a)->flow = 0;
}

struct association *path_sharer(const struct ike_layer *l, const struct association *a)
{
    struct association *other = &l->associations[a->sharer.item];
    return a->sharer.item != 0 && other->used && other->pub.id == a->sharer.id ? other : NULL;
}

/* Takes it out from among those that share a path, the newest of which is given. */
static void unshare(const struct ike_layer *l, struct association *newest, const struct association *a)
{
    for (unsigned i = 0; newest != NULL && i < SHARERS; newest = path_sharer(l, newest), i++)
        if (path_sharer(l, newest) == a)
            newest->sharer = a->sharer;
}

/* An association that went along this path before is no longer the first whose ESP goes there. */
static void displace(struct ike_layer *l, struct association *a, const struct ike_path *path)
{
    unsigned which;
    bool from_initiator;
    struct association *other = path_find(l, &path->initiator, &path->responder, path->tunnel, &which, &from_initiator);
    if (other == NULL || other == a)
        return;
    leave_all(l, other);
    unshare(l, other, a);
    a->sharer.item = association_item(l, other);
    a->sharer.id = other->pub.id;
}

static void enter_path(struct ike_layer *l, struct association *a, unsigned which)
{
    const struct ike_path *path = &a->paths[which];
    displace(l, a, path);
    enter(l, a, which, path_hash(&path->initiator, &path->responder, path->tunnel));
    if (which > 0)
        return;
    struct endpoint initiator = {path->initiator.address, 0}, responder = {path->responder.address, 0};
    enter(l, a, PATHS, path_hash(&initiator, &responder, path->tunnel));
}

void paths_enter(struct ike_layer *l, struct association *a)
{
    if (a->keyed)
        return;
    a->keyed = true;
    for (unsigned i = 0; i < a->path_count; i++)
        enter_path(l, a, i);
}

void paths_leave(struct ike_layer *l, struct association *a)
{
    struct association *before = path_sharer(l, a);
    bool first = a->keyed;
    leave_all(l, a);
    a->sharer.item = before != NULL && !first ? a->sharer.item : 0;
    if (before == NULL)
        return;
    if (first) {
        paths_enter(l, before);
        return;
    }
    unsigned which;
    bool from_initiator;
    const struct ike_path *path = &a->paths[0];
    unshare(l, path_find(l, &path->initiator, &path->responder, path->tunnel, &which, &from_initiator), a);
    a->sharer.item = 0;
}

bool path_known(const struct association *a, const struct packet *p, bool from_initiator)
{
    struct ike_path path = path_of(p, from_initiator);
    return holds(a, &path);
}

bool path_note(struct ike_layer *l, struct association *a, const struct packet *p, bool from_initiator)
{
    struct ike_path path = path_of(p, from_initiator);
    if (holds(a, &path))
        return false;
    bool keyed = a->keyed;
    paths_leave(l, a);
    a->paths[0] = path;
    a->path_count = 1;
    if (keyed)
        paths_enter(l, a);
    return true;
}

void path_note_other(struct ike_layer *l, struct association *a, const struct packet *p, bool from_initiator)
{
    struct ike_path path = path_of(p, from_initiator);
    if (holds(a, &path))
        return;
    unsigned which = a->path_count < PATHS ? a->path_count++ : PATHS - 1;
    a->paths[which] = path;
    if (a->keyed)
        enter_path(l, a, which);
}

struct association *path_find(const struct ike_layer *l, const struct endpoint *from, const struct endpoint *to,
                              uint32_t tunnel, unsigned *which, bool *from_initiator)
{
    uint64_t hash = path_hash(from, to, tunnel);
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->path_index, hash, &probe)) != 0;) {
        struct association *a = &l->associations[item / PATH_KEYS];
        *which = item % PATH_KEYS;
        if (*which < PATHS && along(&a->paths[*which], from, to, tunnel, from_initiator))
            return a;
    }
    return NULL;
}

void path_keepalive(struct ike_layer *l, const struct packet *p)
{
    unsigned which;
    bool from_initiator;
    struct association *a = path_find(l, &p->src, &p->dst, p->tunnel, &which, &from_initiator);
    l->counters.keepalives++;
    if (a != NULL)
        event_tie(&l->sink, &a->pub, true);
    if (a != NULL && which == 0)
        a->state.keepalives++;
}
