/* The table of calls: found by what their packets have, listed by their silence. */
#include "dissect/ppp/ppp_calls_internal.h"

#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/rarely.h"

enum { ROOM_LEAST = 16, HALF = 2, REBASES_PER_CALL = 8, LINK_BYTES = 3 * 1024 };
#define LIST_GRAIN_NS INT64_C(250000000)

struct ppp_calls *ppp_calls_new(const struct ppp_calls_options *options)
{
    struct ppp_calls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->type = options->type;
    t->tls = options->tls;
    t->sink = options->sink;
    t->gone = options->gone;
    t->ctx = options->ctx;
    t->room = options->room < ROOM_LEAST ? ROOM_LEAST : options->room;
    t->calls = calloc((size_t)t->room + 1, sizeof *t->calls);
    t->carried = calloc((size_t)t->room + 2, sizeof *t->carried);
    if (t->calls != NULL && t->carried != NULL && index_init(&t->index, t->room * PPP_CALL_KEYS))
        return t;
    ppp_calls_free(t);
    return NULL;
}

void ppp_calls_free(struct ppp_calls *t)
{
    if (t == NULL)
        return;
    for (uint32_t i = 1; i <= t->used; i++)
        ppp_link_free(t->calls[i].link);
    index_free(&t->index);
    free(t->carried);
    free(t->calls);
    free(t);
}

void ppp_calls_get_counters(const struct ppp_calls *t, struct ppp_calls_counters *out)
{
    *out = t->counters;
}

uint64_t ppp_calls_call_bytes(void)
{
    return sizeof(struct ppp_call) + sizeof(uint32_t) + LINK_BYTES + PPP_CALL_KEYS * INDEX_ITEM_BYTES;
}

uint64_t ppp_calls_bytes(const struct ppp_calls *t)
{
    return t->count * sizeof(struct ppp_call) + t->links * LINK_BYTES;
}

static uint32_t item_of(const struct ppp_calls *t, const struct ppp_call *call)
{
    return (uint32_t)(call - t->calls);
}

static void list_remove(struct ppp_calls *t, struct ppp_call *call)
{
    struct ppp_call_list *list = &t->lists[call->list];
    *(call->older != 0 ? &t->calls[call->older].newer : &list->oldest) = call->newer;
    *(call->newer != 0 ? &t->calls[call->newer].older : &list->newest) = call->older;
}

static void list_append(struct ppp_calls *t, struct ppp_call *call, unsigned which)
{
    struct ppp_call_list *list = &t->lists[which];
    uint32_t item = item_of(t, call);
    call->list = (uint8_t)which;
    call->listed_ns = t->active_ns;
    call->older = list->newest;
    call->newer = 0;
    *(list->newest != 0 ? &t->calls[list->newest].newer : &list->oldest) = item;
    list->newest = item;
}

static unsigned list_for(const struct ppp_call *call)
{
    const struct ppp_state *ppp = call->link != NULL ? ppp_link_state(call->link) : NULL;
    if (call->state.end != PPP_CALL_NOT_ENDED || (ppp != NULL && ppp->terminated))
        return LIST_ENDED;
    bool open = ppp != NULL && (ppp->datagrams[TO_CLIENT] > 0 || ppp_network_outcome(ppp) == PPP_NETWORK_UP);
    return open ? LIST_OPEN : LIST_SETUP;
}

void ppp_call_touch(struct ppp_call *call)
{
    struct ppp_calls *t = call->calls;
    unsigned list = list_for(call);
    if (list == call->list && (uint64_t)t->active_ns - (uint64_t)call->listed_ns < (uint64_t)LIST_GRAIN_NS)
        return;
    list_remove(t, call);
    list_append(t, call, list);
}

static uint64_t hash_of_key(const struct ppp_call_key *key)
{
    uint64_t receiver = hash_bytes(key->receiver.address.bytes, sizeof key->receiver.address.bytes, key->outer);
    uint64_t sender = hash_bytes(key->sender.bytes, sizeof key->sender.bytes, key->receiver.port);
    return hash_mix(hash_mix(receiver, sender), (uint64_t)key->tunnel << 16 | key->call) | 1;
}

/* The same for either direction. */
static uint64_t hash_of_half(const struct ppp_call_key *key)
{
    uint64_t one = hash_bytes(key->receiver.address.bytes, sizeof key->receiver.address.bytes, key->outer);
    uint64_t other = hash_bytes(key->sender.bytes, sizeof key->sender.bytes, key->outer);
    return hash_mix(one ^ other, HALF) | 1;
}

static bool key_equal(const struct ppp_call_key *a, const struct ppp_call_key *b)
{
    return a->call == b->call && a->tunnel == b->tunnel && a->outer == b->outer && endpoint_equal(&a->receiver, &b->receiver) &&
           address_equal(&a->sender, &b->sender);
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    const struct ppp_calls *t = owner;
    return t->calls[item / PPP_CALL_KEYS].hash[item % PPP_CALL_KEYS];
}

static void drop_key(struct ppp_call *call, unsigned which)
{
    struct ppp_calls *t = call->calls;
    if (call->hash[which] != 0)
        index_remove(&t->index, call->hash[which], item_of(t, call) * PPP_CALL_KEYS + which);
    call->hash[which] = 0;
}

static void put_key(struct ppp_call *call, unsigned which, uint64_t hash)
{
    struct ppp_calls *t = call->calls;
    uint32_t item = item_of(t, call) * PPP_CALL_KEYS + which, victim;
    drop_key(call, which);
    index_make_room(&t->index, hash_of_item, t);
    while ((victim = index_put(&t->index, hash, item)) != 0) {
        struct ppp_call *other = &t->calls[victim / PPP_CALL_KEYS];
        if (other == call || victim % PPP_CALL_KEYS == HALF)
            drop_key(other, victim % PPP_CALL_KEYS);
        else
            ppp_call_close(other, CLOSE_EVICTED);
    }
    call->hash[which] = hash;
}

void ppp_call_clear_keys(struct ppp_call *call)
{
    for (unsigned i = 0; i < PPP_CALL_KEYS; i++)
        drop_key(call, i);
}

struct ppp_call *ppp_calls_find(const struct ppp_calls *t, const struct ppp_call_key *key, enum direction *dir)
{
    uint64_t hash = hash_of_key(key);
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&t->index, hash, &probe)) != 0;) {
        struct ppp_call *call = &t->calls[item / PPP_CALL_KEYS];
        unsigned which = item % PPP_CALL_KEYS;
        if (which == HALF || !key_equal(&call->key[which], key))
            continue;
        *dir = (enum direction)which;
        return call;
    }
    return NULL;
}

struct ppp_call *ppp_calls_find_half(const struct ppp_calls *t, const struct ppp_call_key *key, enum direction *dir)
{
    uint64_t hash = hash_of_half(key);
    struct ppp_call *found = NULL;
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&t->index, hash, &probe)) != 0;) {
        struct ppp_call *call = &t->calls[item / PPP_CALL_KEYS];
        if (item % PPP_CALL_KEYS != HALF)
            continue;
        unsigned known = call->hash[TO_SERVER] != 0 ? TO_SERVER : TO_CLIENT, missing = 1 - known;
        const struct ppp_call_key *theirs = &call->key[known];
        uint16_t tunnel = call->state.tunnel[missing];
        if (theirs->outer != key->outer || !address_equal(&theirs->sender, &key->receiver.address) ||
            !address_equal(&theirs->receiver.address, &key->sender) || (tunnel != 0 && tunnel != key->tunnel))
            continue;
        const struct endpoint *receiver = missing == TO_CLIENT ? &call->conv.client : &call->conv.server;
        if (key->receiver.port != 0 && receiver->port != key->receiver.port)
            continue;
        if (found != NULL)
            return NULL;
        found = call;
        *dir = (enum direction)missing;
    }
    return found;
}

void ppp_call_set_key(struct ppp_call *call, enum direction dir, const struct ppp_call_key *key)
{
    enum direction way;
    struct ppp_call *other = ppp_calls_find(call->calls, key, &way);
    if (other != NULL && other != call)
        ppp_call_close(other, other->state.end != PPP_CALL_NOT_ENDED ? CLOSE_FINAL : CLOSE_REPLACED);
    call->key[dir] = *key;
    call->state.tunnel[dir] = key->tunnel;
    call->state.call[dir] = key->call;
    put_key(call, dir, hash_of_key(key));
    bool whole = call->hash[TO_SERVER] != 0 && call->hash[TO_CLIENT] != 0;
    if (whole)
        drop_key(call, HALF);
    else
        put_key(call, HALF, hash_of_half(key));
}

static struct ppp_call *oldest(struct ppp_calls *t)
{
    for (unsigned i = 0; i < LISTS; i++)
        if (t->lists[i].oldest != 0)
            return &t->calls[t->lists[i].oldest];
    return NULL;
}

static void tell_how_it_stands(struct ppp_call *call, enum event_kind kind, enum close_reason reason)
{
    struct ppp_calls *t = call->calls;
    struct eap_state eap;
    bool has_eap = call->link != NULL && ppp_link_eap_state(call->link, &eap);
    const struct place *last = call->state.last;
    event_emit(&t->sink, &(struct event){
        .kind = kind, .dir = TO_SERVER, .conv = &call->conv, .now_ns = t->now_ns,
        .place = last[0].time_ns > last[1].time_ns || last[1].frame == 0 ? last[0] : last[1],
        .u.closed = {.reason = reason, .eap = has_eap ? &eap : NULL, .call = &call->state,
                     .ppp = call->link != NULL ? ppp_link_state(call->link) : NULL}});
}

/* conv is the first member of a call. */
static void tell_state(struct conversation *conv)
{
    struct ppp_call *call = (struct ppp_call *)(void *)conv;
    tell_how_it_stands(call, EVENT_STATE, call->list == LIST_ENDED ? CLOSE_FINAL : CLOSE_END);
}

struct ppp_call *ppp_call_open(struct ppp_calls *t, const struct endpoint *client, const struct endpoint *server,
                               bool begun_before, enum direction dir, const struct place *place)
{
    if (t->free == 0 && t->used == t->room)
        ppp_call_close(oldest(t), CLOSE_EVICTED);
    uint32_t item = t->free != 0 ? t->free : ++t->used;
    struct ppp_call *call = &t->calls[item];
    if (t->free == item)
        t->free = call->newer;
    memset(call, 0, sizeof *call);
    call->conv = (struct conversation){.id = ++*t->sink.next_conversation, .type = t->type, .client = *client,
                                       .server = *server, .begun_before = begun_before, .tell_state = tell_state};
    call->calls = t;
    call->used = true;
    t->count++;
    t->counters.opened++;
    list_append(t, call, LIST_SETUP);
    event_emit(&t->sink, &(struct event){.kind = EVENT_OPENED, .dir = dir, .place = *place, .conv = &call->conv});
    return call;
}

void ppp_call_close(struct ppp_call *call, enum close_reason reason)
{
    struct ppp_calls *t = call->calls;
    if (t->gone != NULL)
        t->gone(t->ctx, call);
    t->counters.evicted += reason == CLOSE_EVICTED;
    tell_how_it_stands(call, EVENT_CLOSED, reason);
    t->links -= call->link != NULL;
    ppp_link_free(call->link);
    call->link = NULL;
    ppp_call_clear_keys(call);
    ppp_call_leave_carrier(call);
    list_remove(t, call);
    call->used = false;
    call->newer = t->free;
    t->free = item_of(t, call);
    t->count--;
}

/* A former one with the same number is over, its calls go on by themselves. */
void ppp_call_carried_by(struct ppp_call *call, uint64_t carrier)
{
    struct ppp_calls *t = call->calls;
    uint32_t *head = &t->carried[(uint32_t)carrier];
    call->carrier = carrier;
    call->carried = true;
    call->next = *head != 0 && t->calls[*head].carrier == carrier ? *head : 0;
    call->previous = 0;
    if (call->next != 0)
        t->calls[call->next].previous = item_of(t, call);
    *head = item_of(t, call);
}

void ppp_call_leave_carrier(struct ppp_call *call)
{
    struct ppp_calls *t = call->calls;
    if (!call->carried)
        return;
    uint32_t *head = &t->carried[(uint32_t)call->carrier];
    if (call->previous != 0)
        t->calls[call->previous].next = call->next;
    else if (*head == item_of(t, call))
        *head = call->next;
    if (call->next != 0)
        t->calls[call->next].previous = call->previous;
    call->carried = false;
}

void ppp_calls_of_carrier(struct ppp_calls *t, uint64_t carrier, ppp_call_gone_fn *each, void *ctx)
{
    for (uint32_t item = t->carried[(uint32_t)carrier], next; item != 0 && t->calls[item].carrier == carrier; item = next) {
        next = t->calls[item].next;
        each(ctx, &t->calls[item]);
    }
}

/* Silence as capture time counts it; a clock that was set back lets it begin anew. */
static void expire(struct ppp_calls *t, unsigned which, int64_t limit_ns)
{
    unsigned rebased = 0;
    for (uint32_t item; (item = t->lists[which].oldest) != 0;) {
        struct ppp_call *call = &t->calls[item];
        int64_t silent = elapsed_ns(t->now_ns, call->listed_ns);
        if (silent >= limit_ns) {
            ppp_call_close(call, which == LIST_ENDED ? CLOSE_FINAL : CLOSE_IDLE);
        } else if (silent <= -limit_ns && rebased++ < REBASES_PER_CALL) {
            list_remove(t, call);
            list_append(t, call, which);
        } else {
            return;
        }
    }
}

int64_t ppp_calls_at(struct ppp_calls *t, const struct frame *f)
{
    return t->active_ns = f->time_ns < t->now_ns ? t->now_ns : f->time_ns;
}

void ppp_calls_time(struct ppp_calls *t, int64_t now_ns)
{
    t->now_ns = t->active_ns = now_ns;
    expire(t, LIST_ENDED, PPP_CALL_ENDED_NS);
    expire(t, LIST_SETUP, CONVERSATION_IDLE_NS);
    expire(t, LIST_OPEN, PPP_CALL_OPEN_NS);
}

void ppp_calls_finish(struct ppp_calls *t)
{
    for (struct ppp_call *call; (call = oldest(t)) != NULL;)
        ppp_call_close(call, call->list == LIST_ENDED ? CLOSE_FINAL : CLOSE_END);
}
