/* What was sent: messages by their bytes, for their copies, and requests by their ids, for their answers. */
#include "dissect/ike/ike_state.h"

#include "capture/wire/large.h"

/* A table of buckets; a new message takes the place of the oldest one of its bucket. */
bool sent_init(struct ike_layer *l, uint32_t room)
{
    uint32_t buckets = 1;
    while (buckets < room / SENT_WAYS)
        buckets *= 2;
    l->sent_mask = buckets - 1;
    l->sent_buckets = zeroed_new((size_t)buckets * sizeof *l->sent_buckets, &l->sent_memory);
    l->sent = calloc((size_t)buckets * SENT_WAYS, sizeof *l->sent);
    return l->sent != NULL && l->sent_buckets != NULL;
}

void sent_free(struct ike_layer *l)
{
    free(l->sent_memory);
    free(l->sent);
}

static inline uint32_t number_of_bucket(const struct ike_layer *l, uint64_t hash)
{
    return (uint32_t)(hash >> 16) & l->sent_mask;
}

static inline uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* No two messages under one key have the same message id, IV and ICV, so that the words where these stand are enough of an
 * encrypted one. */
uint64_t sent_hash(const struct ike_message *m)
{
    enum { LEAST = 64, FLAGS = 16 /* and message id */, BODY = 32 };
    struct span s = m->whole;
    if (!m->encrypted || m->cut || s.len < LEAST)
        return hash_bytes(s.data, s.len, m->length) | 1;
    const uint8_t *last = s.data + s.len - 2 * sizeof(uint64_t);
    uint64_t head = hash_mix(word_at(s.data) + m->length, word_at(s.data + FLAGS));
    uint64_t body = hash_mix(word_at(s.data + BODY), word_at(s.data + BODY + 8));
    return hash_mix(hash_mix(head, body), hash_mix(word_at(last), word_at(last + 8))) | 1;
}

void sent_prefetch(const struct ike_layer *l, uint64_t hash)
{
#if defined(__GNUC__)
    __builtin_prefetch(&l->sent_buckets[number_of_bucket(l, hash)]);
#else
    (void)l, (void)hash;
#endif
}

uint32_t sent_way(const struct packet *p)
{
    if (p->ends.hash != 0)
        return (uint32_t)(p->ends.hash >> 32) ^ p->ends.from_low;
    uint64_t words[4];
    memcpy(words, p->src.address.bytes, 16);
    memcpy(words + 2, p->dst.address.bytes, 16);
    uint64_t ports = (uint64_t)p->src.port << 48 | (uint64_t)p->dst.port << 32 | p->tunnel;
    return (uint32_t)(hash_mix(hash_mix(words[0], words[1]), hash_mix(words[2], words[3]) ^ ports) >> 32);
}

struct sent *sent_find(const struct ike_layer *l, const struct ike_arrival *in)
{
    uint32_t number = number_of_bucket(l, in->hash);
    const struct sent_bucket *bucket = &l->sent_buckets[number];
    for (unsigned i = 0; i < SENT_WAYS; i++) {
        if (bucket->hash[i] != in->hash)
            continue;
        struct sent *s = &l->sent[(size_t)number * SENT_WAYS + i];
        const struct association *a = &l->associations[s->item];
        if (a->used && a->pub.id == s->id)
            return s;
    }
    return NULL;
}

int64_t *sent_last(const struct ike_layer *l, const struct sent *s)
{
    size_t at = (size_t)(s - l->sent);
    return &l->sent_buckets[at / SENT_WAYS].last_ns[at % SENT_WAYS];
}

void sent_remember(struct ike_layer *l, const struct ike_arrival *in)
{
    uint32_t number = number_of_bucket(l, in->hash);
    struct sent_bucket *bucket = &l->sent_buckets[number];
    unsigned oldest = 0;
    for (unsigned i = 1; i < SENT_WAYS && bucket->hash[oldest] != 0; i++)
        if (bucket->hash[i] == 0 || bucket->last_ns[i] < bucket->last_ns[oldest])
            oldest = i;
    l->sent_used += bucket->hash[oldest] == 0;
    bucket->hash[oldest] = in->hash;
    bucket->last_ns[oldest] = l->place.time_ns;
    l->sent[(size_t)number * SENT_WAYS + oldest] =
        (struct sent){.item = association_item(l, in->a), .id = in->a->pub.id, .transmissions = 1, .way = sent_way(in->p)};
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
                        .exchange = in->m.exchange, .pair = in->pair, .deletes = in->m.sk_next == IKE_DELETE};
}

void asked_tell(const struct association *a, struct ike_state *state)
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
    unsigned other = state->waiting_from_initiator ? 1 : 0;
    state->waiting_deletes = found->deletes;
    state->other_deletes = a->asked_count[other] > 0 && a->asked[other][a->asked_newest[other]].deletes;
}
