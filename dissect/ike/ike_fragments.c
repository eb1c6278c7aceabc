/* SKF fragments (RFC 7383 section 2.6): counted, and with keys opened one by one and joined. One message of each direction
 * at a time; what is given up stays told as fragments that went by. */
#include "dissect/ike/ike_state.h"

enum { BYTES_FIRST = 4096 };

static size_t size_of(unsigned total)
{
    return sizeof(struct skf) + total * sizeof(((struct skf *)NULL)->pieces[0]);
}

void fragments_drop(struct ike_layer *l, struct association *a, unsigned direction)
{
    struct skf *f = a->skf[direction];
    if (f == NULL)
        return;
    l->buffer_used -= size_of(f->total) + f->bytes_room;
    free(f->bytes);
    free(f);
    a->skf[direction] = NULL;
}

static bool same_message(const struct skf *f, const struct ike_arrival *in)
{
    return f->message_id == in->m.message_id && f->pair == in->pair && f->response == in->m.response &&
           f->exchange == in->m.exchange;
}

/* The message that a fragment is of. A greater total means that all of it is sent anew in smaller pieces, a lesser one that
 * this is a late piece of the first try (section 2.5.2). */
static struct skf *message_of(struct ike_layer *l, const struct ike_arrival *in, unsigned direction)
{
    struct association *a = in->a;
    struct skf *f = a->skf[direction];
    if (in->m.fragment == 0 || in->m.fragment > in->m.fragments || in->m.fragments > FRAGMENTS_MAX)
        return NULL;
    if (f != NULL && same_message(f, in) && f->total >= in->m.fragments)
        return f->total == in->m.fragments ? f : NULL;
    fragments_drop(l, a, direction);
    size_t size = size_of(in->m.fragments);
    if (l->buffer_used + size > l->buffer_room || (f = calloc(1, size)) == NULL)
        return NULL;
    l->buffer_used += size;
    *f = (struct skf){.message_id = in->m.message_id, .total = in->m.fragments, .pair = in->pair,
                      .exchange = in->m.exchange, .response = in->m.response, .first = l->place};
    return a->skf[direction] = f;
}

static bool make_room(struct ike_layer *l, struct skf *f, size_t more)
{
    size_t wanted = f->bytes_used + more, room = f->bytes_room > 0 ? f->bytes_room : BYTES_FIRST;
    if (wanted > IKE_MESSAGE_MAX)
        return false;
    while (room < wanted)
        room *= 2;
    if (room <= f->bytes_room)
        return true;
    if (l->buffer_used + room - f->bytes_room > l->buffer_room)
        return false;
    uint8_t *grown = realloc(f->bytes, room);
    if (grown == NULL)
        return false;
    l->buffer_used += room - f->bytes_room;
    f->bytes = grown;
    f->bytes_room = (uint32_t)room;
    return true;
}

/* Keeps a fragment; one that its key opens takes the place of a forged one. */
static void keep(struct ike_layer *l, struct skf *f, struct ike_arrival *in, enum ike_sk_state *sk)
{
    unsigned number = in->m.fragment - 1u;
    struct span plain;
    *sk = inside_open(l, in, &plain);
    bool opened = *sk == IKE_SK_OPENED && make_room(l, f, plain.len);
    if (*sk == IKE_SK_OPENED && !opened)
        *sk = IKE_SK_UNREADABLE;
    if (f->pieces[number].seen && !(f->pieces[number].bad && opened))
        return;
    if (!f->pieces[number].seen) {
        f->seen++;
        f->sk_length += in->m.length + IKE_NON_ESP_MARKER;
        f->ip_fragments += in->p->fragments;
    }
    f->pieces[number].seen = true;
    f->pieces[number].bad = !opened;
    if (number == 0) {
        f->sk_next = in->m.sk_next;
        f->first_length = in->m.length;
    }
    if (!opened) {
        f->sk = *sk;
        return;
    }
    f->pieces[number].at = f->bytes_used;
    f->pieces[number].len = (uint32_t)plain.len;
    if (plain.len > 0)
        memcpy(f->bytes + f->bytes_used, plain.data, plain.len);
    f->bytes_used += (uint32_t)plain.len;
}

/* Puts the opened fragments in order; false when one of them was not opened. */
static bool join(struct ike_layer *l, const struct skf *f, struct span *plain)
{
    size_t len = 0;
    for (unsigned i = 0; i < f->total; i++)
        if (f->pieces[i].bad)
            return false;
    for (unsigned i = 0; i < f->total; i++) {
        if (f->pieces[i].len > 0)
            memcpy(l->plain + len, f->bytes + f->pieces[i].at, f->pieces[i].len);
        len += f->pieces[i].len;
    }
    *plain = span_of(l->plain, len);
    return true;
}

bool fragment_take(struct ike_layer *l, struct ike_arrival *in, struct ike_event *e, struct span *plain)
{
    unsigned direction = in->from_initiator ? 0 : 1;
    struct skf *f = message_of(l, in, direction);
    if (f == NULL) {
        e->sk = IKE_SK_UNREADABLE;
        return false;
    }
    keep(l, f, in, &e->sk);
    if (f->seen < f->total)
        return false;
    e->sk = join(l, f, plain) ? IKE_SK_OPENED : f->sk;
    e->first_fragment = f->first;
    e->sk_length = f->sk_length;
    e->ip_fragments = f->ip_fragments;
    in->m.sk_next = f->sk_next;
    in->m.length = f->first_length;
    fragments_drop(l, in->a, direction);
    return true;
}
