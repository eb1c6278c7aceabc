/*
 * A renewed IKE SA without keys. Its new SPIs travel inside SK, so it comes back as a stranger; but order, path and the first
 * payload of each message, whose type stands in the clear, tell it from a login that the capture missed (RFC 7296 sections
 * 1.3.2 and 2.18): a CREATE_CHILD_SA that begins with SA and is answered so, then the old one's Delete, then message ids from 0
 * with the initiator flag of who had asked. Who logs in spends its message id 0 on IKE_SA_INIT.
 */
#include "dissect/ike/ike_state.h"

/* N(REKEY_SA) comes first where a tunnel inside is renewed. Another tunnel may begin like a renewal, but then the old SPIs
 * live on. */
static void note_child(struct ike_layer *l, const struct ike_arrival *in)
{
    struct renewal *r = &in->a->renewal;
    const struct ike_message *m = &in->m;
    bool seen = asked_find(in->a, !in->from_initiator, in->pair, m->message_id) != NULL;
    bool answered = r->asked && r->pair == in->pair && r->message_id == m->message_id && r->by_initiator != in->from_initiator;
    if (!m->response)
        *r = (struct renewal){.asked = m->sk_next == IKE_SA, .by_initiator = in->from_initiator, .pair = in->pair,
                              .message_id = m->message_id};
    else if (answered || !seen) /* the capture may begin with the answer */
        *r = (struct renewal){.made = m->sk_next == IKE_SA, .by_initiator = !in->from_initiator, .pair = in->pair,
                              .time_ns = l->place.time_ns};
}

void renewal_note(struct ike_layer *l, const struct ike_arrival *in)
{
    struct renewal *r = &in->a->renewal;
    if (in->m.exchange == CREATE_CHILD_SA)
        note_child(l, in);
    else if (in->m.exchange == IKE_INFORMATIONAL && in->m.sk_next == IKE_DELETE && in->pair == r->pair)
        r->old_deleted = r->old_deleted || r->made;
}

/* Who asked for its new SPIs is their initiator. */
static bool fits(const struct association *a, const struct ike_arrival *in, bool proved)
{
    bool by_initiator = address_equal(&a->paths[0].initiator.address, &in->p->src.address) == in->m.from_initiator;
    return a->renewal.made && (proved || a->renewal.old_deleted) && a->renewal.by_initiator == by_initiator &&
           a->pub.type == CONVERSATION_IKE;
}

struct association *renewal_find(struct ike_layer *l, const struct ike_arrival *in, uint8_t *pair)
{
    const struct ike_message *m = &in->m;
    unsigned which;
    bool from_initiator, proved = m->from_initiator != m->response; /* the SA's initiator asks or is answered */
    if (m->malformed || !m->encrypted || m->message_id != 0 || spi_is_zero(m->responder_spi) || spi_is_zero(m->initiator_spi) ||
        (m->exchange != CREATE_CHILD_SA && m->exchange != IKE_INFORMATIONAL))
        return NULL;
    struct association *found = NULL, *a = path_find(l, &in->p->src, &in->p->dst, in->p->tunnel, &which, &from_initiator);
    for (unsigned i = 0; a != NULL && i < SHARERS; a = path_sharer(l, a), i++)
        if (fits(a, in, proved) && (found == NULL || found->renewal.time_ns < a->renewal.time_ns))
            found = a;
    if (found == NULL)
        return NULL;
    struct spi_pair renewed = {.responder_known = true, .swapped = !found->renewal.by_initiator};
    memcpy(renewed.initiator, m->initiator_spi, IKE_SPI);
    memcpy(renewed.responder, m->responder_spi, IKE_SPI);
    memset(&found->renewal, 0, sizeof found->renewal);
    *pair = association_add_pair(l, found, &renewed);
    return found;
}
