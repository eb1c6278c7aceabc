#include "dissect/hosts_table.h"

#include <stdlib.h>

#include "capture/wire/hash.h"
#include "capture/wire/index.h"

enum { SERVED_OFTEN = 8, FIRST_ROOM = 64, RECENT = 64, SPARED_BITS = 4096, TRIES = 64, TRIES_OTHERS = 4, SERVING = 16 };

struct hosts {
    struct host_deed *deeds;
    bool *stirred;               /* since the hand passed */
    uint32_t count, room, hand;
    struct index index;          /* of numbers in deeds, plus one */
    uint32_t recent[RECENT];     /* numbers plus one, by hash: who serves is met with every flow */
    struct address serving[SERVING]; /* who serves and needs no further frame to show it */
    uint8_t spared[SPARED_BITS / 8]; /* by hash of address: hosts that serve keep their deeds before others */
};

struct hosts *hosts_new(void)
{
    struct hosts *h = calloc(1, sizeof *h);
    if (h != NULL && index_init(&h->index, HOST_DEEDS_MAX))
        return h;
    hosts_free(h);
    return NULL;
}

void hosts_free(struct hosts *h)
{
    if (h == NULL)
        return;
    index_free(&h->index);
    free(h->deeds);
    free(h->stirred);
    free(h);
}

static inline uint64_t load(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static inline uint64_t hash_of_address(const struct address *a)
{
    return hash_mix(load(a->bytes) + a->family, load(a->bytes + 8));
}

static inline uint64_t hash_of(const struct address *host, unsigned kind, const struct address *peer, uint16_t hint)
{
    uint64_t hash = hash_of_address(host) + ((uint64_t)hint << 8 | kind);
    return peer->family != FAMILY_NONE ? hash_mix(hash, hash_of_address(peer)) : hash_mix(hash, 0);
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    const struct hosts *h = owner;
    const struct host_deed *d = &h->deeds[item - 1];
    return hash_of(&d->host, d->kind, &d->peer, d->hint);
}

static bool is_deed(const struct host_deed *d, const struct address *host, unsigned kind, const struct address *peer, uint16_t hint)
{
    return d->kind == kind && d->hint == hint && address_equal(&d->host, host) && address_equal(&d->peer, peer);
}

static struct host_deed *find(struct hosts *h, uint64_t hash, const struct address *host, unsigned kind,
                              const struct address *peer, uint16_t hint)
{
    uint32_t *recent = &h->recent[hash >> 40 & (RECENT - 1)], item;
    if (*recent != 0 && is_deed(&h->deeds[*recent - 1], host, kind, peer, hint))
        return &h->deeds[*recent - 1];
    for (unsigned probe = 0; (item = index_next(&h->index, hash, &probe)) != 0;)
        if (is_deed(&h->deeds[item - 1], host, kind, peer, hint)) {
            *recent = item;
            return &h->deeds[item - 1];
        }
    return NULL;
}

struct host_deed *hosts_find(struct hosts *h, const struct address *host, enum host_kind kind, const struct address *peer,
                             uint16_t hint)
{
    return find(h, hash_of(host, kind, peer, hint), host, kind, peer, hint);
}

static bool grow(struct hosts *h)
{
    uint32_t room = h->room == 0 ? FIRST_ROOM : h->room * 2;
    struct host_deed *deeds = realloc(h->deeds, room * sizeof *deeds);
    if (deeds != NULL)
        h->deeds = deeds;
    bool *stirred = deeds != NULL ? realloc(h->stirred, room * sizeof *stirred) : NULL;
    if (stirred == NULL)
        return false;
    h->stirred = stirred;
    h->room = room;
    return true;
}

static bool is_spared(const struct hosts *h, const struct address *a)
{
    uint32_t bit = (uint32_t)(hash_of_address(a) >> 20) % SPARED_BITS;
    return (h->spared[bit / 8] >> bit % 8 & 1) != 0;
}

static void spare(struct hosts *h, const struct address *a)
{
    uint32_t bit = (uint32_t)(hash_of_address(a) >> 20) % SPARED_BITS;
    h->spared[bit / 8] = (uint8_t)(h->spared[bit / 8] | 1u << bit % 8);
}

/* The hand goes round: what was stirred since is passed over, and surely what hosts that serve did, within limits. */
static uint32_t victim(struct hosts *h)
{
    uint32_t chosen = h->hand;
    for (unsigned i = 0, others = 0; i < TRIES && others < TRIES_OTHERS; i++) {
        uint32_t at = h->hand;
        bool stirred = h->stirred[at], spared = is_spared(h, &h->deeds[at].host);
        h->hand = (h->hand + 1) % h->count;
        h->stirred[at] = false;
        if (spared)
            continue;
        chosen = at;
        others++;
        if (!stirred)
            break;
    }
    return chosen;
}

/* The number of a free deed; HOST_DEEDS_MAX: none, as memory is short. */
static uint32_t take(struct hosts *h)
{
    if (h->count < h->room || (h->room < HOST_DEEDS_MAX && grow(h)))
        return h->count++;
    if (h->count == 0)
        return HOST_DEEDS_MAX;
    uint32_t at = victim(h);
    index_remove(&h->index, hash_of_item(h, at + 1), at + 1);
    return at;
}

bool hosts_source_mac(const struct packet *p, uint8_t mac[static 6])
{
    const struct frame *f = p->frame;
    size_t at, length_at = 0; /* cooked headers say how long the address is */
    if (p->depth > 0 || p->inner_mac != NULL) {
        if (p->inner_mac != NULL)
            memcpy(mac, p->inner_mac, 6);
        return p->inner_mac != NULL;
    }
    switch (f->link_type) {
    case LINKTYPE_ETHERNET: at = 6; break;
    case LINKTYPE_LINUX_SLL: at = 6; length_at = 5; break;
    case LINKTYPE_LINUX_SLL2: at = 12; length_at = 11; break;
    default: return false;
    }
    if (f->len < at + 6 || (length_at != 0 && f->bytes[length_at] != 6))
        return false;
    memcpy(mac, f->bytes + at, 6);
    return true;
}

/* A TTL that hosts begin with, or a destination on the link: no router passed it on. */
static bool is_from_here(const struct packet *p)
{
    bool group = p->dst.address.family == FAMILY_IPV4 ? p->dst.address.bytes[0] >= 224 : p->dst.address.bytes[0] == 0xff;
    return p->kind == PACKET_LINK || group || p->ttl == 64 || p->ttl == 128 || p->ttl == 255;
}

static void count(struct host_deed *d, const struct packet *p)
{
    struct place where = frame_place(p->frame);
    if (d->count < HOST_PLACES)
        d->places[d->count] = where;
    d->count += d->count != UINT32_MAX;
    d->last = where;
    if (!d->has_mac && is_from_here(p))
        d->has_mac = hosts_source_mac(p, d->mac);
}

struct host_deed *hosts_deed(struct hosts *h, struct address host, enum host_kind kind, struct address peer, uint16_t hint,
                             const struct packet *p)
{
    uint64_t hash = hash_of(&host, kind, &peer, hint);
    struct host_deed *d = find(h, hash, &host, kind, &peer, hint);
    if (d == NULL) {
        uint32_t at = take(h);
        if (at == HOST_DEEDS_MAX)
            return NULL;
        d = &h->deeds[at];
        *d = (struct host_deed){.host = host, .peer = peer, .kind = (uint8_t)kind, .hint = hint, .asked_low = UINT32_MAX};
        index_make_room(&h->index, hash_of_item, h);
        uint32_t displaced = index_put(&h->index, hash, at + 1);
        if (displaced != 0) { /* not found any more, but kept for the end; its place is reused in its turn */
            index_remove(&h->index, hash_of_item(h, displaced), displaced);
            (void)index_put(&h->index, hash, at + 1);
        }
        if (kind == HOST_SERVES)
            spare(h, &host);
    }
    h->stirred[d - h->deeds] = true;
    count(d, p);
    return d;
}

static inline size_t seat_of(const struct address *a)
{
    return (size_t)(a->bytes[3] ^ a->bytes[15]) % SERVING;
}

bool hosts_serves(const struct hosts *h, const struct address *a)
{
    return address_equal(&h->serving[seat_of(a)], a);
}

void hosts_is_serving(struct hosts *h, const struct host_deed *d)
{
    if (d->count >= SERVED_OFTEN && d->answered > 0)
        h->serving[seat_of(&d->host)] = d->host;
}

void hosts_name_hints(struct hosts *h, const char *(*name)(const void *ctx, uint16_t hint), const void *ctx)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->deeds[i].hint != 0)
            h->deeds[i].hint_name = name(ctx, h->deeds[i].hint);
}

const struct host_deed *hosts_all(const struct hosts *h, size_t *count_out)
{
    *count_out = h->count;
    return h->deeds;
}
