/*
 * Whose ESP it is. Its SPI stands in the clear, and what it belongs to is known by its path; but several tunnels can share one:
 * a device's and a user's from one computer, or the old and the new one of who connects again. An SPI that was seen before
 * stays with its tunnel; a new one is of the association that spoke last, for it is made by a message.
 */
#include "dissect/ike/ike_state.h"

static bool has_spi(const struct association *a, unsigned direction, uint32_t spi)
{
    for (unsigned i = 0; i < a->esp_spi_count[direction]; i++)
        if (a->esp_spis[direction][i] == spi)
            return true;
    return false;
}

/* 0: from the initiator's side. */
static unsigned direction_of(const struct association *a, const struct packet *p)
{
    const struct ike_path *path = &a->paths[0];
    bool same = address_equal(&path->initiator.address, &path->responder.address);
    return same ? path->initiator.port != p->src.port : !address_equal(&path->initiator.address, &p->src.address);
}

/* Of those along one path, the newest of which is given. */
static struct association *owner_among(const struct ike_layer *l, struct association *newest, const struct packet *p, uint32_t spi)
{
    for (unsigned i = 0; newest != NULL && i < SHARERS; newest = path_sharer(l, newest), i++)
        if (has_spi(newest, direction_of(newest, p), spi))
            return newest;
    return NULL;
}

static struct stray *stray_of(struct ike_layer *l, uint64_t path)
{
    return &l->strays[path % STRAYS];
}

static void remember_stray(struct ike_layer *l, uint64_t path, bool from_low, uint32_t spi)
{
    struct stray *s = stray_of(l, path);
    if (s->hash != path)
        *s = (struct stray){.hash = path};
    s->spis[from_low] = spi;
}

/* It went along that path before there was this association. */
static bool is_stray(struct ike_layer *l, const struct association *a, uint64_t path, uint32_t spi)
{
    const struct stray *s = stray_of(l, path);
    return !a->pub.begun_before && s->hash == path && (s->spis[0] == spi || s->spis[1] == spi);
}

static void count_new(struct ike_layer *l, struct association *a, const struct packet *p, unsigned direction, uint32_t spi)
{
    struct esp_way *w = way_of(l, a);
    if (!has_spi(a, direction, spi)) {
        uint8_t *next = &a->esp_spi_next[direction], *count = &a->esp_spi_count[direction];
        a->esp_spis[direction][*next] = spi;
        *next = (uint8_t)((*next + 1) % ESP_SPIS);
        *count = (uint8_t)(*count + (*count < ESP_SPIS));
    }
    w->spi[direction] = spi;
    bool first = w->packets[direction] == 0;
    esp_count_next(w, p, direction);
    if (!first)
        return;
    a->state.esp_first_ns[direction] = p->frame->time_ns;
    if (w->packets[direction ^ 1u] > 0)
        association_establish(l, a);
}

/* Beyond a translator the same packets go by again: they belong to the association, and are counted already. The flow is
 * remembered as long as the association keeps its first path. */
void esp_packet(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    unsigned which;
    bool from_initiator;
    uint32_t spi = be32_of(p->payload.data);
    struct association *newest = path_find(l, &p->src, &p->dst, p->tunnel, &which, &from_initiator);
    struct association *a = newest != NULL && which == 0 ? owner_among(l, newest, p, spi) : newest;
    l->counters.esp_packets++;
    l->counters.esp_bytes += p->payload_wire_len;
    f->ike = 0;
    if (a == NULL) {
        uint64_t path = path_hash(&p->src, &p->dst, p->tunnel);
        if (newest == NULL)
            remember_stray(l, path, from_low, spi);
        else if (!is_stray(l, newest, path, spi))
            a = newest;
    }
    l->counters.esp_unattributed += a == NULL;
    if (a == NULL)
        return;
    event_tie(&l->sink, &a->pub, true);
    if (which > 0)
        return;
    struct esp_way *w = way_of(l, a);
    unsigned direction = direction_of(a, p);
    f->ike = association_item(l, a);
    w->flow = f->id;
    w->low_initiates = from_low == (direction == 0);
    count_new(l, a, p, direction, spi);
}

/* Bare ESP has no ports: of the associations between two addresses it belongs to the one that spoke last, unless its SPI says
 * that it is another's. */
static struct association *find_by_addresses(struct ike_layer *l, const struct packet *p, uint32_t spi)
{
    struct endpoint from = {p->src.address, 0}, to = {p->dst.address, 0};
    uint64_t hash = path_hash(&from, &to, p->tunnel);
    struct association *newest = NULL;
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->path_index, hash, &probe)) != 0;) {
        struct association *a = &l->associations[item / PATH_KEYS];
        const struct ike_path *path = &a->paths[0];
        if (item % PATH_KEYS != PATHS || path->tunnel != p->tunnel)
            continue;
        bool forth = address_equal(&path->initiator.address, &from.address) &&
                     address_equal(&path->responder.address, &to.address);
        bool back = address_equal(&path->initiator.address, &to.address) &&
                    address_equal(&path->responder.address, &from.address);
        if (!forth && !back)
            continue;
        struct association *owner = spi != 0 ? owner_among(l, a, p, spi) : NULL;
        if (owner != NULL)
            return owner;
        newest = newest == NULL || newest->since_ns <= a->since_ns ? a : newest;
    }
    if (newest == NULL && spi != 0)
        remember_stray(l, hash, endpoint_compare(&p->src, &p->dst) < 0, spi);
    return newest != NULL && spi != 0 && is_stray(l, newest, hash, spi) ? NULL : newest;
}

void ike_layer_esp(struct ike_layer *l, const struct packet *p)
{
    uint32_t spi = p->payload.len >= sizeof spi ? be32_of(p->payload.data) : 0;
    struct association *a = find_by_addresses(l, p, spi);
    l->counters.esp_packets++;
    l->counters.esp_bytes += p->payload_wire_len;
    l->counters.esp_unattributed += a == NULL;
    if (a == NULL)
        return;
    event_tie(&l->sink, &a->pub, true);
    a->state.esp_bare = true;
    count_new(l, a, p, direction_of(a, p), spi);
}
