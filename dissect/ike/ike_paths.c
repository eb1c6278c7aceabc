/* The ways of an association's packets: told when they change, and by them its ESP is found. */
#include "dissect/ike/ike_state.h"
#include "capture/wire/rarely.h"

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

/* The same for either direction. */
static uint64_t hash_of_ends(const struct endpoint *a, const struct endpoint *b, uint32_t tunnel)
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

/* An association that went along this path before is no longer the one whose ESP goes there. */
static void displace(struct ike_layer *l, const struct association *a, const struct ike_path *path)
{
    unsigned which;
    bool from_initiator;
    struct association *other = path_find(l, &path->initiator, &path->responder, path->tunnel, &which, &from_initiator);
    if (other != NULL && other != a)
        paths_leave(l, other);
}

static void enter_path(struct ike_layer *l, struct association *a, unsigned which)
{
    const struct ike_path *path = &a->paths[which];
    displace(l, a, path);
    enter(l, a, which, hash_of_ends(&path->initiator, &path->responder, path->tunnel));
    if (which > 0)
        return;
    struct endpoint initiator = {path->initiator.address, 0}, responder = {path->responder.address, 0};
    enter(l, a, PATHS, hash_of_ends(&initiator, &responder, path->tunnel));
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
    for (unsigned i = 0; i < PATH_KEYS; i++)
        leave(l, a, i);
    a->keyed = false;
    way_of(l, a)->flow = 0;
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
    uint64_t hash = hash_of_ends(from, to, tunnel);
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->path_index, hash, &probe)) != 0;) {
        struct association *a = &l->associations[item / PATH_KEYS];
        *which = item % PATH_KEYS;
        if (*which < PATHS && along(&a->paths[*which], from, to, tunnel, from_initiator))
            return a;
    }
    return NULL;
}

/* Bare ESP has no ports: of the associations between two addresses it belongs to the one that spoke last. */
static struct association *find_by_addresses(const struct ike_layer *l, const struct packet *p, bool *from_initiator)
{
    struct endpoint from = {p->src.address, 0}, to = {p->dst.address, 0};
    uint64_t hash = hash_of_ends(&from, &to, p->tunnel);
    struct association *found = NULL;
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->path_index, hash, &probe)) != 0;) {
        struct association *a = &l->associations[item / PATH_KEYS];
        const struct ike_path *path = &a->paths[0];
        if (item % PATH_KEYS != PATHS || path->tunnel != p->tunnel || (found != NULL && found->since_ns > a->since_ns))
            continue;
        bool forth = address_equal(&path->initiator.address, &from.address) &&
                     address_equal(&path->responder.address, &to.address);
        bool back = address_equal(&path->initiator.address, &to.address) &&
                    address_equal(&path->responder.address, &from.address);
        if (!forth && !back)
            continue;
        found = a;
        *from_initiator = forth;
    }
    return found;
}

void path_first_esp(struct ike_layer *l, struct association *a, unsigned direction, int64_t time_ns)
{
    a->state.esp_first_ns[direction] = time_ns;
    if (way_of(l, a)->packets[direction ^ 1u] > 0)
        association_establish(l, a);
}

/* Beyond a translator the same packets go by again: they belong to the association, and are counted already. The flow is
 * remembered as long as the association keeps its first path. */
void path_esp(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    unsigned which;
    bool from_initiator;
    struct association *a = path_find(l, &p->src, &p->dst, p->tunnel, &which, &from_initiator);
    l->counters.esp_packets++;
    l->counters.esp_bytes += p->payload_wire_len;
    l->counters.esp_unattributed += a == NULL;
    f->ike = 0;
    if (a == NULL)
        return;
    event_tie(&l->sink, &a->pub, true);
    if (which > 0)
        return;
    struct esp_way *w = way_of(l, a);
    f->ike = association_item(l, a);
    w->flow = f->id;
    w->low_initiates = from_low == from_initiator;
    path_count(l, f->ike, p, from_initiator);
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

void ike_layer_esp(struct ike_layer *l, const struct packet *p)
{
    bool from_initiator;
    struct association *a = find_by_addresses(l, p, &from_initiator);
    l->counters.esp_packets++;
    l->counters.esp_bytes += p->payload_wire_len;
    l->counters.esp_unattributed += a == NULL;
    if (a == NULL)
        return;
    event_tie(&l->sink, &a->pub, true);
    a->state.esp_bare = true;
    path_count(l, association_item(l, a), p, from_initiator);
}
