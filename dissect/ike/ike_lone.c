/*
 * First requests that nothing follows: scanners and floods send them by the million, and one of them shows nothing. Once
 * there were many, further ones wait in a ring of bytes instead of becoming associations. What comes next with the same SPI
 * brings them back as if they had never waited; what leaves the ring has only been counted.
 */
#include <stdlib.h>

#include "capture/wire/rarely.h"
#include "dissect/ike/ike_state.h"

enum { UNIT = 64, UNITS_MAX = 1 << 20, UNITS_MIN = 1 << 10, SHARE = 8 /* of the ring, that one message may take */,
       NO_ROW = IKE_FLOODED_MAX };

/* A request that waits; its bytes follow. */
struct waiting {
    uint64_t hash;         /* of its initiator's SPI; 0: it is no longer waited for */
    uint32_t units;        /* it takes in the ring */
    uint32_t len, wire_len;
    uint8_t spi[IKE_SPI];
    struct endpoint src, dst;
    uint32_t tunnel, fragments;
    uint8_t ttl, row;
    bool marker;
    struct place place;
};

bool lone_init(struct ike_layer *l, uint64_t bytes)
{
    uint64_t units = bytes / UNIT;
    units = units < UNITS_MIN ? UNITS_MIN : units > UNITS_MAX ? UNITS_MAX : units;
    l->ring.units = (uint32_t)units;
    return index_init(&l->ring.index, l->ring.units / (uint32_t)((sizeof(struct waiting) + IKE_HEADER) / UNIT + 1));
}

void lone_free(struct ike_layer *l)
{
    free(l->ring.bytes);
    index_free(&l->ring.index);
}

uint64_t lone_bytes(const struct ike_layer *l)
{
    uint64_t ring = l->ring.bytes != NULL ? (uint64_t)l->ring.units * UNIT : 0;
    return ring + (uint64_t)l->ring.index.used * INDEX_ITEM_BYTES;
}

static struct waiting *waiting_at(const struct ike_layer *l, uint32_t unit)
{
    return (struct waiting *)(void *)(l->ring.bytes + (size_t)unit * UNIT);
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    return waiting_at(owner, item - 1)->hash;
}

/* Items are units from 1. */
static inline void forget(struct ike_layer *l, uint32_t item)
{
    struct waiting *w = waiting_at(l, item - 1);
    index_remove(&l->ring.index, w->hash, item);
    w->hash = 0;
}

static void drop_oldest(struct ike_layer *l)
{
    struct lone_ring *r = &l->ring;
    const struct waiting *w = waiting_at(l, r->tail);
    if (w->hash != 0)
        forget(l, r->tail + 1);
    r->used -= w->units;
    r->tail = r->tail + w->units == r->units ? 0 : r->tail + w->units;
}

/* Room for so many units in a row at the head; the oldest make way. */
static struct waiting *make_room(struct ike_layer *l, uint32_t units)
{
    struct lone_ring *r = &l->ring;
    uint32_t behind = r->units - r->head, skipped = behind < units ? behind : 0;
    while (r->units - r->used < units + skipped)
        drop_oldest(l);
    if (skipped > 0) {
        struct waiting *gap = waiting_at(l, r->head);
        gap->hash = 0;
        gap->units = skipped;
        r->head = 0;
    }
    r->used += units + skipped;
    return waiting_at(l, r->head);
}

/* A row for who is asked: the first ones have their own. */
static uint8_t row_of(struct ike_layer *l, const struct packet *p)
{
    struct ike_layer_counters *c = &l->counters;
    for (uint8_t i = 0; i < c->flooded_count; i++)
        if (address_equal(&c->flooded[i].responder, &p->dst.address))
            return i;
    if (c->flooded_count == IKE_FLOODED_MAX)
        return NO_ROW;
    c->flooded[c->flooded_count] = (struct ike_flooded){.responder = p->dst.address};
    return c->flooded_count++;
}

static uint8_t count(struct ike_layer *l, const struct packet *p)
{
    uint8_t row = row_of(l, p);
    l->counters.unlisted++;
    if (row == NO_ROW)
        return row;
    struct ike_flooded *f = &l->counters.flooded[row];
    if (f->requests++ == 0)
        f->first = l->place;
    f->last = l->place;
    return row;
}

static void keep(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len, bool marker, uint64_t hash)
{
    struct lone_ring *r = &l->ring;
    uint32_t units = (uint32_t)((sizeof(struct waiting) + bytes.len + UNIT - 1) / UNIT), victim;
    struct waiting *w = make_room(l, units);
    *w = (struct waiting){.hash = hash, .units = units, .len = (uint32_t)bytes.len, .wire_len = wire_len, .src = p->src,
                          .dst = p->dst, .tunnel = p->tunnel, .fragments = p->fragments, .ttl = p->ttl,
                          .marker = marker, .place = l->place};
    memcpy(w->spi, bytes.data, IKE_SPI);
    memcpy(w + 1, bytes.data, bytes.len);
    w->row = count(l, p);
    index_make_room(&r->index, hash_of_item, l);
    while ((victim = index_put(&r->index, hash, r->head + 1)) != 0) /* one SPI again and again, or chance */
        forget(l, victim);
    r->head = r->head + units == r->units ? 0 : r->head + units;
}

static struct waiting *find(const struct ike_layer *l, const uint8_t spi[static IKE_SPI], uint64_t hash, uint32_t *item)
{
    unsigned probe = 0;
    while ((*item = index_next(&l->ring.index, hash, &probe)) != 0) {
        struct waiting *w = waiting_at(l, *item - 1);
        if (memcmp(w->spi, spi, IKE_SPI) == 0)
            return w;
    }
    return NULL;
}

/* It waits no longer: it becomes an association as of then. */
static RARELY_CALLED void bring_back(struct ike_layer *l, uint32_t item)
{
    struct waiting *w = waiting_at(l, item - 1);
    struct frame frame = {.number = w->place.frame, .time_ns = w->place.time_ns, .capture = w->place.capture};
    struct packet p = {.frame = &frame, .kind = PACKET_UDP, .src = w->src, .dst = w->dst, .tunnel = w->tunnel,
                       .fragments = w->fragments, .ttl = w->ttl, .ip_proto = IP_PROTO_UDP};
    struct place now = l->place;
    forget(l, item);
    l->counters.unlisted--;
    if (w->row != NO_ROW)
        l->counters.flooded[w->row].requests--;
    l->place = w->place;
    ike_layer_take(l, &p, span_of((const uint8_t *)(w + 1), w->len), w->wire_len, w->marker);
    l->place = now;
}

static bool too_old(const struct ike_layer *l, const struct waiting *w)
{
    return elapsed_ns(l->active_ns, w->place.time_ns) >= CONVERSATION_IDLE_NS;
}

/* A message that can be the first of an association, and shows nothing but that somebody asked. */
static bool begins_alone(const struct ike_message *m)
{
    if (m->malformed || m->encrypted || !spi_is_zero(m->responder_spi) || spi_is_zero(m->initiator_spi))
        return false;
    if (m->version >> 4 == 1)
        return m->exchange == IKE1_MAIN || m->exchange == IKE1_AGGRESSIVE;
    return (m->exchange == IKE_SA_INIT || m->exchange == IKE_SESSION_RESUME) && m->from_initiator && !m->response;
}

void lone_mark(struct ike_layer *l, struct association *a, const struct ike_message *m)
{
    a->lone = begins_alone(m);
    l->lone += a->lone;
}

/* An association has an initiator's SPI of this hash. */
static bool is_begun(const struct ike_layer *l, uint64_t hash)
{
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->spi_index, hash, &probe)) != 0;)
        if (l->associations[item / PAIRS].pairs[item % PAIRS].hash == hash)
            return true;
    return false;
}

static bool has_room(const struct ike_layer *l, struct span bytes)
{
    return bytes.len <= (size_t)l->ring.units / SHARE * UNIT;
}

bool lone_take(struct ike_layer *l, const struct ike_arrival *in, struct span bytes, uint32_t wire_len)
{
    uint64_t hash = spi_hash(in->m.initiator_spi);
    uint32_t item;
    const struct waiting *w = l->ring.index.used > 0 ? find(l, in->m.initiator_spi, hash, &item) : NULL;
    if (w != NULL && !too_old(l, w)) {
        bring_back(l, item);
        return false;
    }
    if (w != NULL)
        forget(l, item);
    if (l->lone < l->lone_listed || !begins_alone(&in->m) || is_begun(l, hash) || !has_room(l, bytes))
        return false;
    if (l->ring.bytes == NULL && (l->ring.bytes = malloc((size_t)l->ring.units * UNIT)) == NULL)
        return false;
    keep(l, in->p, bytes, wire_len, in->marker, hash);
    return true;
}

/* A whole IKE_SA_INIT of who begins, whose chain of payloads, in the clear, comes to its end. */
static bool is_first_request(struct span bytes, uint32_t wire_len)
{
    enum { FIRST_AT = 16, VERSION_AT = 17, EXCHANGE_AT = 18, FLAGS_AT = 19, LENGTH_AT = 24, VERSION_2 = 0x20, GENERIC_HEADER = 4 };
    const uint8_t *at = bytes.data;
    if (bytes.len < IKE_HEADER || bytes.len != wire_len || be32_of(at + LENGTH_AT) != wire_len || spi_is_zero(at) ||
        !spi_is_zero(at + IKE_SPI) || at[VERSION_AT] != VERSION_2 || at[EXCHANGE_AT] != IKE_SA_INIT || at[FLAGS_AT] != IKE_FLAG_INITIATOR)
        return false;
    const uint8_t *end = at + bytes.len;
    uint8_t next = at[FIRST_AT];
    at += IKE_HEADER;
    while (next != IKE_NO_PAYLOAD) {
        size_t left = (size_t)(end - at);
        if (left < GENERIC_HEADER || (next >= IKE_SK && next <= IKE_SKF)) /* nor does any between them come first */
            return false;
        size_t length = (size_t)at[2] << 8 | at[3];
        if (length < GENERIC_HEADER || length > left)
            return false;
        next = at[0];
        at += length;
    }
    return true;
}

bool lone_waits(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len, bool marker)
{
    if (l->lone < l->lone_listed || l->ring.bytes == NULL || !is_first_request(bytes, wire_len) || !has_room(l, bytes))
        return false;
    uint64_t hash = spi_hash(bytes.data);
    if (index_may_have(&l->ring.index, hash) || index_may_have(&l->spi_index, hash))
        return false;
    ike_layer_at(l, p->frame);
    keep(l, p, bytes, wire_len, marker, hash);
    return true;
}

void lone_quoted(struct ike_layer *l, const struct frame *f, struct span quoted)
{
    static const uint8_t marker[IKE_NON_ESP_MARKER];
    uint32_t item;
    if (quoted.len >= sizeof marker && memcmp(quoted.data, marker, sizeof marker) == 0)
        quoted = span_of(quoted.data + sizeof marker, quoted.len - sizeof marker);
    if (l->ring.index.used == 0 || quoted.len < IKE_SPI)
        return;
    const struct waiting *w = find(l, quoted.data, spi_hash(quoted.data), &item);
    ike_layer_at(l, f);
    if (w != NULL && !too_old(l, w))
        bring_back(l, item);
}
