/* ICMP errors that quote IKE: the answer that will not come. */
#include "dissect/ike/ike_state.h"
#include "dissect/net/icmp.h"

enum { LATEST_LOOKED_AT = 64, SPI_WORD = 8 };

static bool goes_along(const struct association *a, const struct icmp_quote *q, uint32_t tunnel, bool *by_initiator)
{
    for (unsigned i = 0; i < a->path_count; i++) {
        const struct ike_path *path = &a->paths[i];
        *by_initiator = endpoint_equal(&path->initiator, &q->src) && endpoint_equal(&path->responder, &q->dst);
        bool back = endpoint_equal(&path->initiator, &q->dst) && endpoint_equal(&path->responder, &q->src);
        if (path->tunnel == tunnel && (*by_initiator || back))
            return true;
    }
    return false;
}

/* The initiator's SPI, when so much is quoted that it can be compared. */
static bool is_other(const struct association *a, struct span quoted)
{
    static const uint8_t marker[IKE_NON_ESP_MARKER];
    if (quoted.len >= IKE_NON_ESP_MARKER && memcmp(quoted.data, marker, sizeof marker) == 0)
        quoted = span_of(quoted.data + IKE_NON_ESP_MARKER, quoted.len - IKE_NON_ESP_MARKER);
    if (quoted.len < SPI_WORD)
        return false;
    for (unsigned i = 0; i < PAIRS; i++)
        if (a->pairs[i].hash != 0 && memcmp(a->pairs[i].initiator, quoted.data, IKE_SPI) == 0)
            return false;
    return true;
}

/* Established ones are found by their path; half-open ones are not in that index, but the error comes at once. */
static struct association *quoted_association(const struct ike_layer *l, const struct icmp_quote *q, uint32_t tunnel,
                                              bool *by_initiator)
{
    unsigned which;
    struct association *a = path_find(l, &q->src, &q->dst, tunnel, &which, by_initiator);
    if (a != NULL && !is_other(a, q->payload))
        return a;
    uint32_t item = l->half_open.tail;
    for (unsigned i = 0; i < LATEST_LOOKED_AT && item != 0; i++, item = l->associations[item].prev) {
        a = &l->associations[item];
        if (goes_along(a, q, tunnel, by_initiator) && !is_other(a, q->payload))
            return a;
    }
    return NULL;
}

/* ESP that cannot be delivered is not an IKE message: only who waits for an answer is told. */
void ike_layer_icmp(struct ike_layer *l, const struct packet *p)
{
    struct icmp_quote quote;
    bool by_initiator;
    if ((l->open == 0 && l->ring.index.used == 0) || !icmp_read_unreachable(p, &quote))
        return;
    lone_quoted(l, p->frame, quote.payload);
    struct association *a = quoted_association(l, &quote, p->tunnel, &by_initiator);
    if (a == NULL)
        return;
    unsigned side = by_initiator ? 0 : 1;
    const struct asked *q = a->asked_count[side] > 0 ? &a->asked[side][a->asked_newest[side]] : NULL;
    if (a->pub.type == CONVERSATION_IKE && (q == NULL || q->answered))
        return;
    struct ike_event about = {.kind = IKE_EVENT_UNREACHABLE, .source = p->src, .destination = p->dst, .ttl = p->ttl};
    if (q != NULL)
        about.request = q->first;
    event_emit(&l->sink, &(struct event){.kind = EVENT_IKE, .dir = by_initiator ? TO_SERVER : TO_CLIENT,
                                         .place = frame_place(p->frame), .conv = &a->pub, .u.ike = &about});
}
