/* Associations by their SPIs: opened, found again, idle, evicted. */
#include "dissect/ike/ike_state.h"

#include "capture/wire/large.h"

enum { REBASES_PER_CALL = 8, ROTATIONS = 8 };
#define LIST_GRAIN_NS INT64_C(250000000) /* of the lists' order */

bool associations_init(struct ike_layer *l, uint32_t room)
{
    l->room = room;
    l->associations = large_new(((size_t)room + 1) * sizeof *l->associations, &l->associations_memory);
    l->ways = large_new(((size_t)room + 1) * sizeof *l->ways, &l->ways_memory);
    bool made = index_init(&l->spi_index, room * PAIRS);
    return index_init(&l->path_index, room * PATH_KEYS) && made && l->associations != NULL && l->ways != NULL;
}

void associations_free(struct ike_layer *l)
{
    for (uint32_t i = 1; l->associations != NULL && i <= l->used; i++) {
        struct association *a = &l->associations[i];
        if (!a->used)
            continue;
        eap_free(a->eap);
        fragments_drop(l, a, 0);
        fragments_drop(l, a, 1);
    }
    free(l->associations_memory);
    free(l->ways_memory);
    index_free(&l->spi_index);
    index_free(&l->path_index);
}

static struct ike_list *list_of(struct ike_layer *l, const struct association *a)
{
    return a->established ? &l->established : &l->half_open;
}

static void unlink_association(struct ike_layer *l, struct association *a)
{
    struct ike_list *list = list_of(l, a);
    *(a->prev != 0 ? &l->associations[a->prev].next : &list->head) = a->next;
    *(a->next != 0 ? &l->associations[a->next].prev : &list->tail) = a->prev;
}

static void append_association(struct ike_layer *l, struct association *a, int64_t now_ns)
{
    struct ike_list *list = list_of(l, a);
    uint32_t item = association_item(l, a);
    a->listed_ns = now_ns;
    a->prev = list->tail;
    a->next = 0;
    *(list->tail != 0 ? &l->associations[list->tail].next : &list->head) = item;
    list->tail = item;
}

void association_touch(struct ike_layer *l, struct association *a)
{
    a->last = l->place;
    a->since_ns = l->active_ns;
    if ((uint64_t)l->active_ns - (uint64_t)a->listed_ns < (uint64_t)LIST_GRAIN_NS)
        return;
    unlink_association(l, a);
    append_association(l, a, l->active_ns);
}

void association_establish(struct ike_layer *l, struct association *a)
{
    if (a->established)
        return;
    unlink_association(l, a);
    a->established = true;
    append_association(l, a, a->since_ns);
}

static uint64_t hash_of_pair(const void *owner, uint32_t item)
{
    const struct ike_layer *l = owner;
    return l->associations[item / PAIRS].pairs[item % PAIRS].hash;
}

void association_drop_pair(struct ike_layer *l, struct association *a, unsigned which)
{
    struct spi_pair *pair = &a->pairs[which];
    if (pair->hash != 0)
        index_remove(&l->spi_index, pair->hash, association_item(l, a) * PAIRS + which);
    pair->hash = 0;
}

/* Strangers who use one SPI again and again displace each other. */
static void put_pair(struct ike_layer *l, struct association *a, unsigned which)
{
    uint32_t item = association_item(l, a) * PAIRS + which, victim;
    index_make_room(&l->spi_index, hash_of_pair, l);
    while ((victim = index_put(&l->spi_index, a->pairs[which].hash, item)) != 0) {
        struct association *other = &l->associations[victim / PAIRS];
        if (other == a)
            association_drop_pair(l, a, victim % PAIRS);
        else
            association_close(l, other, CLOSE_EVICTED);
    }
}

uint8_t association_add_pair(struct ike_layer *l, struct association *a, const struct spi_pair *pair)
{
    uint8_t which = a->pairs[1].hash == 0 ? 1 : 0;
    if (a->pairs[0].hash != 0 && a->pairs[1].hash != 0) { /* two rekeys without a deletion between: the older goes */
        association_drop_pair(l, a, 0);
        association_drop_pair(l, a, 1);
        a->pairs[0] = a->pairs[1];
        put_pair(l, a, 0);
        which = 1;
    }
    a->pairs[which] = *pair;
    a->pairs[which].hash = spi_hash(pair->initiator);
    put_pair(l, a, which);
    return which;
}

void associations_prefetch(const struct ike_layer *l, const struct ike_message *m)
{
#if defined(__GNUC__)
    index_near(&l->spi_index, spi_hash(m->initiator_spi));
    uint32_t next = l->free != 0 ? l->free : l->used == l->room ? l->half_open.head : l->used + 1;
    const char *a = (const char *)&l->associations[next];
    for (size_t at = 0; m->exchange == IKE_SA_INIT && at < sizeof *l->associations; at += 64)
        __builtin_prefetch(a + at);
#else
    (void)l, (void)m;
#endif
}

static bool begins(const struct ike_message *m)
{
    return m->exchange == IKE_SA_INIT || m->exchange == IKE_SESSION_RESUME;
}

/* One of the ends is one of the association's. */
static bool related(const struct association *a, const struct packet *p)
{
    for (unsigned i = 0; i < a->path_count; i++) {
        const struct address *initiator = &a->paths[i].initiator.address, *responder = &a->paths[i].responder.address;
        if (address_equal(initiator, &p->src.address) || address_equal(initiator, &p->dst.address) ||
            address_equal(responder, &p->src.address) || address_equal(responder, &p->dst.address))
            return true;
    }
    return false;
}

/* Whether a message with the pair's initiator SPI is one of the association. A request that begins anew, after others had
 * followed already, is not. */
static bool fits(const struct association *a, const struct spi_pair *pair, const struct ike_message *m, const struct packet *p)
{
    bool zero = spi_is_zero(m->responder_spi);
    if (pair->responder_known && memcmp(m->responder_spi, pair->responder, IKE_SPI) == 0)
        return true;
    if (a->other_known && memcmp(m->responder_spi, a->other_responder, IKE_SPI) == 0)
        return true;
    if (a->pub.type == CONVERSATION_IKE1)
        return zero ? !a->encrypted[0] && !a->encrypted[1] && related(a, p) : !pair->responder_known;
    if (begins(m)) {
        /* A file may not be in order: the request of one begun before is then still to come. */
        bool late = a->pub.begun_before && !address_equal(&a->paths[0].responder.address, &p->src.address);
        return (m->response || (zero && (late || (!a->encrypted[0] && !a->encrypted[1])))) && related(a, p);
    }
    return !zero && !pair->responder_known;
}

struct association *association_find(const struct ike_layer *l, const struct ike_message *m, const struct packet *p,
                                     uint8_t *pair)
{
    uint64_t hash = spi_hash(m->initiator_spi);
    enum conversation_type type = m->version >> 4 == 1 ? CONVERSATION_IKE1 : CONVERSATION_IKE;
    struct association *found = NULL;
    for (unsigned half = 0; half < 2; half++) {
        const struct index_bucket *b = index_bucket_of(&l->spi_index, hash, half);
        for (uint64_t places = index_places(b, index_tag(hash)); places != 0; places &= places - 1) {
            uint32_t item = b->items[index_slot(index_lowest(places))];
            struct association *a = &l->associations[item / PAIRS];
            const struct spi_pair *each = &a->pairs[item % PAIRS];
            if (a->pub.type != type || memcmp(each->initiator, m->initiator_spi, IKE_SPI) != 0 || !fits(a, each, m, p) ||
                (found != NULL && found->since_ns > a->since_ns))
                continue;
            found = a;
            *pair = (uint8_t)(item % PAIRS);
        }
    }
    return found;
}

struct association *association_refused(const struct ike_layer *l, const struct ike_message *m, const struct packet *p,
                                        uint8_t *pair)
{
    enum conversation_type other = m->version >> 4 == 1 ? CONVERSATION_IKE : CONVERSATION_IKE1;
    unsigned probe = 0;
    if (m->malformed || m->encrypted || (m->exchange != IKE1_INFORMATIONAL && m->exchange != IKE_INFORMATIONAL))
        return NULL;
    uint64_t hash = spi_hash(m->initiator_spi);
    for (uint32_t item; (item = index_next(&l->spi_index, hash, &probe)) != 0;) {
        struct association *a = &l->associations[item / PAIRS];
        const struct spi_pair *each = &a->pairs[item % PAIRS];
        bool answers = address_equal(&a->paths[0].responder.address, &p->src.address) &&
                       address_equal(&a->paths[0].initiator.address, &p->dst.address);
        *pair = (uint8_t)(item % PAIRS);
        if (a->pub.type == other && memcmp(each->initiator, m->initiator_spi, IKE_SPI) == 0 && answers && !a->encrypted[0])
            return a;
    }
    return NULL;
}

/* When it was last alive. */
static int64_t alive_ns(const struct association *a)
{
    const struct esp_way *w = way_of(a->layer, a);
    int64_t latest = a->since_ns;
    for (unsigned i = 0; i < 2; i++)
        if (w->packets[i] > 0 && w->last_ns[i] > latest)
            latest = w->last_ns[i];
    return latest;
}

/* How far it came: a request, an exchange, or more, which only an initiator sends that heard the responder. */
static unsigned advance_of(const struct association *a)
{
    return a->lone ? 0 : a->encrypted[0] ? 2 : 1;
}

/* A flood of first requests must not drive out those that two talk in. */
static struct association *half_open_victim(struct ike_layer *l)
{
    struct association *victim = NULL;
    for (unsigned i = 0; i < ROTATIONS; i++) {
        struct association *a = &l->associations[l->half_open.head];
        if (victim == NULL || advance_of(a) < advance_of(victim))
            victim = a;
        if (advance_of(a) == 0)
            break;
        unlink_association(l, a);
        append_association(l, a, l->active_ns);
    }
    return victim;
}

/* ESP moves nothing in the lists: it is looked at only when an association seems to be the oldest. */
static struct association *oldest(struct ike_layer *l)
{
    if (l->half_open.head != 0)
        return half_open_victim(l);
    struct association *a = &l->associations[l->established.head];
    for (unsigned i = 0; i < ROTATIONS && alive_ns(a) > a->listed_ns; i++) {
        unlink_association(l, a);
        append_association(l, a, alive_ns(a));
        a = &l->associations[l->established.head];
    }
    return a;
}

static void tell_how_it_stands(const struct association *a, enum event_kind kind, enum close_reason reason)
{
    struct eap_state eap;
    struct ike_state state = a->state;
    const struct esp_way *w = way_of(a->layer, a);
    struct event e = {.kind = kind, .dir = TO_CLIENT, .place = a->last, .conv = (struct conversation *)(uintptr_t)&a->pub};
    e.u.closed.reason = reason;
    if (a->eap != NULL) {
        eap_get_state(a->eap, &eap);
        e.u.closed.eap = &eap;
    }
    for (unsigned i = 0; i < 2; i++) {
        state.esp_packets[i] = w->packets[i];
        state.esp_bytes[i] = w->bytes[i];
        state.esp_last_ns[i] = w->last_ns[i];
        const struct skf *waiting = a->skf[i];
        if (waiting == NULL)
            continue;
        state.fragments_waiting = waiting->seen;
        state.fragments_announced = waiting->total;
        state.fragments_message_id = waiting->message_id;
        state.fragments_from_initiator = i == 0;
    }
    asked_tell(a, &state);
    e.u.closed.ike = &state;
    event_emit(&a->layer->sink, &e);
}

/* pub is the first member of an association. */
static void tell_state(struct conversation *conv)
{
    tell_how_it_stands((const struct association *)(void *)conv, EVENT_STATE, CLOSE_END);
}

struct association *association_open(struct ike_layer *l, const struct ike_message *m, const struct ike_path *path,
                                     bool begun_before)
{
    if (l->free == 0 && l->used == l->room)
        association_close(l, oldest(l), CLOSE_EVICTED);
    uint32_t item = l->free != 0 ? l->free : ++l->used;
    struct association *a = &l->associations[item];
    if (l->free == item)
        l->free = a->next;
    memset(a, 0, offsetof(struct association, paths));
    a->pub = (struct conversation){.id = ++*l->sink.next_conversation,
                                   .type = m->version >> 4 == 1 ? CONVERSATION_IKE1 : CONVERSATION_IKE,
                                   .client = path->initiator, .server = path->responder, .begun_before = begun_before,
                                   .tell_state = tell_state};
    a->layer = l;
    a->used = true;
    l->ways[item] = (struct esp_way){.flow = 0};
    a->last = l->place;
    a->since_ns = l->active_ns;
    a->paths[0] = *path;
    a->path_count = 1;
    append_association(l, a, l->active_ns);
    l->counters.associations++;
    l->open++;
    memcpy(a->pairs[0].initiator, m->initiator_spi, IKE_SPI);
    a->pairs[0].hash = spi_hash(m->initiator_spi);
    put_pair(l, a, 0);
    event_emit(&l->sink, &(struct event){.kind = EVENT_OPENED, .dir = TO_SERVER, .place = l->place, .conv = &a->pub});
    return a;
}

void association_close(struct ike_layer *l, struct association *a, enum close_reason reason)
{
    tell_how_it_stands(a, EVENT_CLOSED, reason);
    l->counters.associations_evicted += reason == CLOSE_EVICTED;
    eap_free(a->eap);
    a->eap = NULL;
    for (unsigned i = 0; i < PAIRS; i++)
        association_drop_pair(l, a, i);
    paths_leave(l, a);
    for (unsigned i = 0; i < 2; i++)
        fragments_drop(l, a, i);
    unlink_association(l, a);
    a->used = false;
    l->open--;
    a->next = l->free;
    l->free = association_item(l, a);
}

static void expire(struct ike_layer *l, struct ike_list *list, int64_t now_ns, int64_t limit_ns)
{
    for (unsigned rebases = 0; list->head != 0;) {
        struct association *a = &l->associations[list->head];
        int64_t listed = elapsed_ns(now_ns, a->listed_ns), idle = elapsed_ns(now_ns, alive_ns(a));
        if (idle < -limit_ns && rebases++ < REBASES_PER_CALL) { /* the clock was set back */
            a->since_ns = now_ns;
            struct esp_way *w = way_of(l, a);
            for (unsigned i = 0; i < 2; i++)
                w->last_ns[i] = w->last_ns[i] > now_ns ? now_ns : w->last_ns[i];
        } else if (listed < limit_ns) {
            return;
        } else if (idle >= limit_ns) {
            association_close(l, a, CLOSE_IDLE);
            continue;
        }
        unlink_association(l, a);
        append_association(l, a, alive_ns(a));
    }
}

void associations_time(struct ike_layer *l, int64_t now_ns)
{
    expire(l, &l->half_open, now_ns, CONVERSATION_IDLE_NS);
    expire(l, &l->established, now_ns, ESTABLISHED_IDLE_NS);
}

void associations_finish(struct ike_layer *l)
{
    while (l->half_open.head != 0)
        association_close(l, &l->associations[l->half_open.head], CLOSE_END);
    while (l->established.head != 0)
        association_close(l, &l->associations[l->established.head], CLOSE_END);
}
