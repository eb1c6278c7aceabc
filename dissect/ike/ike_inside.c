/* What keys show: payloads inside SK, EAP in IKE_AUTH, new SPIs of a rekeyed IKE SA (RFC 7296 section 1.3.2), its deletion
 * (section 1.4.1). */
#include "dissect/ike/ike_state.h"
#include "capture/wire/rarely.h"

static const struct ike_keys *keys_of(struct ike_layer *l, struct association *a, unsigned which)
{
    struct spi_pair *pair = &a->pairs[which];
    if (!pair->keys_sought && pair->responder_known) {
        pair->keys_sought = true;
        pair->keys = secrets_ike(l->secrets, pair->initiator, pair->responder);
    }
    return pair->keys;
}

enum ike_sk_state inside_open(struct ike_layer *l, struct ike_arrival *in, struct span *plain)
{
    const struct ike_keys *keys = keys_of(l, in->a, in->pair);
    *plain = (struct span){NULL, 0};
    if (keys == NULL)
        return IKE_SK_NO_KEY;
    if (l->plain == NULL)
        l->plain = malloc(IKE_MESSAGE_MAX);
    if (l->plain == NULL || in->m.cut || in->m.malformed || in->m.sk.len > IKE_MESSAGE_MAX)
        return IKE_SK_UNREADABLE;
    switch (ike_open(l->ciphers, l->digests, keys, &in->m, l->plain, plain)) {
    case IKE_OPENED: return IKE_SK_OPENED;
    case IKE_OPEN_WRONG_KEY: l->counters.wrong_keys++; return IKE_SK_WRONG_KEY;
    case IKE_OPEN_MALFORMED:
    case IKE_OPEN_UNSUPPORTED: break;
    }
    return IKE_SK_UNREADABLE;
}

static void on_eap(void *ctx, const struct eap_event *eap)
{
    struct association *a = ctx;
    event_emit_eap(&a->layer->sink, &a->pub, eap);
}

static void feed_eap(struct ike_layer *l, const struct ike_arrival *in, struct span eap)
{
    struct association *a = in->a;
    if (a->eap == NULL && (a->eap = eap_new(l->tls, on_eap, a)) == NULL)
        return;
    eap_feed(a->eap, in->from_initiator ? TO_SERVER : TO_CLIENT, eap, false, &l->place);
}

/* The SPI that one side proposes for a new IKE SA; false when the SA payload is about something else. */
static bool new_spi(const struct ike_payloads *p, uint8_t out[static IKE_SPI])
{
    enum { PROTOCOL_IKE = 1 };
    struct ike_proposals all;
    if (p->sa.len == 0)
        return false;
    ike_read_proposals(p->sa, false, &all);
    if (all.count == 0 || all.proposals[0].protocol != PROTOCOL_IKE || all.proposals[0].spi.len != IKE_SPI)
        return false;
    memcpy(out, all.proposals[0].spi.data, IKE_SPI);
    return !spi_is_zero(out);
}

static void follow_rekey(struct ike_layer *l, const struct ike_arrival *in, const struct ike_payloads *inside)
{
    struct association *a = in->a;
    uint8_t spi[IKE_SPI];
    if (!new_spi(inside, spi))
        return;
    if (!in->m.response) {
        a->rekey.waiting = true;
        a->rekey.by_initiator = in->from_initiator;
        a->rekey.pair = in->pair;
        a->rekey.message_id = in->m.message_id;
        memcpy(a->rekey.spi, spi, IKE_SPI);
        return;
    }
    if (!a->rekey.waiting || a->rekey.by_initiator == in->from_initiator || a->rekey.pair != in->pair ||
        a->rekey.message_id != in->m.message_id)
        return;
    a->rekey.waiting = false;
    struct spi_pair pair = {.responder_known = true, .swapped = !a->rekey.by_initiator};
    memcpy(pair.initiator, a->rekey.spi, IKE_SPI);
    memcpy(pair.responder, spi, IKE_SPI);
    association_add_pair(l, a, &pair);
}

static void follow_deletion(struct association *a, const struct ike_arrival *in, const struct ike_payloads *inside)
{
    enum { PROTOCOL_IKE = 1 };
    for (unsigned i = 0; i < inside->delete_count; i++) {
        if (inside->deletes[i].protocol != PROTOCOL_IKE || in->m.response)
            continue;
        a->deletion.waiting = true;
        a->deletion.by_initiator = in->from_initiator;
        a->deletion.pair = in->pair;
        a->deletion.message_id = in->m.message_id;
    }
}

/* The answer to a deletion: the pair of SPIs is gone, and the association with its last one. */
static bool deletion_answered(struct ike_layer *l, const struct ike_arrival *in)
{
    struct association *a = in->a;
    if (!a->deletion.waiting || !in->m.response || a->deletion.by_initiator == in->from_initiator ||
        a->deletion.pair != in->pair || a->deletion.message_id != in->m.message_id)
        return false;
    a->deletion.waiting = false;
    if (a->pairs[in->pair ^ 1u].hash == 0)
        return true;
    association_drop_pair(l, a, in->pair);
    return false;
}

bool inside_apply(struct ike_layer *l, const struct ike_arrival *in, const struct ike_payloads *inside)
{
    if (inside != NULL && !inside->malformed) {
        if (in->m.exchange == IKE_AUTH && inside->eap.len > 0)
            feed_eap(l, in, inside->eap);
        if (in->m.exchange == CREATE_CHILD_SA)
            follow_rekey(l, in, inside);
        if (in->m.exchange == IKE_INFORMATIONAL)
            follow_deletion(in->a, in, inside);
    }
    return deletion_answered(l, in);
}
