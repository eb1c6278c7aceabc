/* What was sent: messages by their bytes, for their copies, and requests by their ids, for their answers. */
#include "dissect/ike/ike_state.h"

bool sent_init(struct ike_layer *l, uint32_t room)
{
    l->sent_room = room;
    l->sent = calloc((size_t)room + 1, sizeof *l->sent);
    return index_init(&l->sent_index, room) && l->sent != NULL;
}

void sent_free(struct ike_layer *l)
{
    free(l->sent);
    index_free(&l->sent_index);
}

/* No two messages under one key have the same IV and ICV, so that the ends of an encrypted one are enough. */
uint64_t sent_hash(const struct ike_message *m)
{
    enum { ENDS = 64 };
    struct span s = m->whole;
    if (m->encrypted && !m->cut && s.len > 2 * ENDS)
        return hash_bytes(s.data + s.len - ENDS, ENDS, hash_bytes(s.data, ENDS, s.len)) | 1;
    return hash_bytes(s.data, s.len, m->length) | 1;
}

struct sent *sent_find(const struct ike_layer *l, const struct ike_arrival *in)
{
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->sent_index, in->hash, &probe)) != 0;) {
        struct sent *s = &l->sent[item];
        const struct association *a = &l->associations[s->item];
        if (s->hash == in->hash && s->length == in->m.length && a->used && a->pub.id == s->id)
            return s;
    }
    return NULL;
}

static uint64_t hash_of_sent(const void *owner, uint32_t item)
{
    const struct ike_layer *l = owner;
    return l->sent[item].hash;
}

static void forget(struct ike_layer *l, uint32_t item)
{
    if (l->sent[item].hash != 0)
        index_remove(&l->sent_index, l->sent[item].hash, item);
    l->sent[item].hash = 0;
}

void sent_remember(struct ike_layer *l, const struct ike_arrival *in)
{
    uint32_t item = l->sent_next % l->sent_room + 1, victim;
    l->sent_next = item;
    l->sent_used = item > l->sent_used ? item : l->sent_used;
    forget(l, item);
    index_make_room(&l->sent_index, hash_of_sent, l);
    while ((victim = index_put(&l->sent_index, in->hash, item)) != 0)
        forget(l, victim);
    l->sent[item] = (struct sent){.hash = in->hash, .length = in->m.length, .item = association_item(l, in->a),
                                  .id = in->a->pub.id, .transmissions = 1, .tunnel = in->p->tunnel, .source = in->p->src,
                                  .destination = in->p->dst, .last_ns = l->place.time_ns};
}

struct asked *asked_find(struct association *a, bool by_initiator, uint8_t pair, uint32_t message_id)
{
    unsigned side = by_initiator ? 0 : 1;
    for (unsigned i = 0; i < a->asked_count[side]; i++) {
        struct asked *q = &a->asked[side][(a->asked_newest[side] + ASKED - i) % ASKED];
        if (q->message_id == message_id && q->pair == pair)
            return q;
    }
    return NULL;
}

void asked_begin(struct ike_layer *l, const struct ike_arrival *in)
{
    struct association *a = in->a;
    unsigned side = in->from_initiator ? 0 : 1;
    struct asked *q = asked_find(a, in->from_initiator, in->pair, in->m.message_id);
    if (q != NULL && in->m.fragments > 0) { /* a further fragment of it */
        q->last = l->place;
        return;
    }
    if (q == NULL) {
        a->asked_newest[side] = (uint8_t)((a->asked_newest[side] + 1) % ASKED);
        a->asked_count[side] = (uint8_t)(a->asked_count[side] + (a->asked_count[side] < ASKED));
        q = &a->asked[side][a->asked_newest[side]];
    }
    *q = (struct asked){.first = l->place, .last = l->place, .message_id = in->m.message_id, .transmissions = 1,
                        .exchange = in->m.exchange, .pair = in->pair};
}

void asked_tell(struct association *a, struct ike_state *state)
{
    const struct asked *found = NULL;
    for (unsigned side = 0; side < 2; side++) {
        const struct asked *q = &a->asked[side][a->asked_newest[side]];
        if (a->asked_count[side] == 0 || q->answered || (found != NULL && found->last.time_ns >= q->last.time_ns))
            continue;
        found = q;
        state->waiting_from_initiator = side == 0;
    }
    state->request_waiting = found != NULL;
    if (found == NULL)
        return;
    state->waiting_exchange = found->exchange;
    state->waiting_message_id = found->message_id;
    state->waiting_transmissions = found->transmissions;
    state->waiting_first = found->first;
    state->waiting_last = found->last;
}
