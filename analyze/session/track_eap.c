/* What EAP packets tell of a login. */
#include "analyze/session/track_watch.h"

static RARELY_CALLED struct eap_facts *inner_facts(struct exchange *x, uint8_t depth)
{
    if (depth > x->depth_reached)
        x->depth_reached = depth;
    x->has_inner = true;
    return &x->inner;
}

static RARELY_CALLED void propose(struct eap_facts *f, uint8_t type)
{
    for (unsigned i = 0; i < f->method_count; i++)
        if (f->methods[i] == type)
            return;
    if (f->method_count < EXCHANGE_METHODS_MAX)
        f->methods[f->method_count++] = type;
}

static inline void request(struct eap_facts *f, const struct eap_packet *p)
{
    f->requests++;
    f->client_answered = false;
    if (p->type >= EAP_TYPE_MD5 && (f->method_count == 0 || f->methods[f->method_count - 1] != p->type))
        propose(f, p->type);
}

static inline void response(struct eap_facts *f, const struct eap_event *e)
{
    f->responses++;
    f->last_response = e->place;
    f->client_answered = true;
}

/* Outside of a TLS tunnel, where relays hand it on as it is. */
static RARELY_CALLED void note_response(struct exchange *x, const struct eap_packet *p)
{
    enum { SIZE = 4, VALUE = 49, MD5_RESPONSE = 16 }; /* opcode, identifier and length come before the size */
    if (x->response_hash != 0)
        return;
    if (p->type == EAP_TYPE_MSCHAPV2 && p->mschapv2_opcode == 2 && p->data.len > SIZE + VALUE &&
        p->data.data[SIZE] == VALUE)
        x->response_hash = exchange_mschapv2_response(p->data.data + SIZE + 1, p->data.data + SIZE + 25);
    else if (p->type == EAP_TYPE_MD5 && p->data.len > MD5_RESPONSE && p->data.data[0] == MD5_RESPONSE)
        x->response_hash = exchange_chap_response(p->data.data + 1);
}

static void other_response(struct exchange *x, struct eap_facts *f, const struct eap_event *e,
                           const struct eap_packet *p)
{
    response(f, e);
    if (p->type == EAP_TYPE_IDENTITY) {
        f->identity_seen = true;
        if (!text_present(f->identity))
            f->identity = exchange_put(x, p->identity);
    } else if (p->type == EAP_TYPE_NAK ||
               (p->type == EAP_TYPE_EXPANDED && p->vendor == 0 && p->vendor_type == EAP_TYPE_NAK)) {
        f->nak_seen = true;
        f->nak_place = e->place;
        f->nak_count = p->nak_count;
        memcpy(f->nak, p->nak, sizeof f->nak);
        f->method = 0;
    } else if (p->type >= EAP_TYPE_MD5 && p->type != EAP_TYPE_TLV) {
        f->method = p->type;
        if (e->depth == 0)
            note_response(x, p);
    }
}

static RARELY_CALLED void mschapv2(struct exchange *x, struct eap_facts *f, const struct eap_event *e,
                                   const struct eap_packet *p)
{
    f->mschapv2_opcode = p->mschapv2_opcode;
    if (p->mschapv2_error != 0) {
        f->mschapv2_error = p->mschapv2_error;
        f->error_place = e->place;
        if (!text_present(f->error))
            f->error = exchange_put(x, p->mschapv2_text);
    }
}

static RARELY_CALLED void result(struct eap_facts *f, const struct eap_event *e, uint8_t code)
{
    f->result = code == EAP_SUCCESS ? EAP_RESULT_SUCCESS : EAP_RESULT_FAILURE;
    f->result_place = e->place;
}

/* Of no TLS-based method. */
static RARELY_CALLED void other_packet(struct exchange *x, struct eap_facts *f, const struct eap_event *e)
{
    const struct eap_packet *p = e->u.packet;
    if (p->code == EAP_REQUEST)
        request(f, p);
    else if (p->code == EAP_RESPONSE)
        other_response(x, f, e, p);
    else if (p->code == EAP_SUCCESS || p->code == EAP_FAILURE)
        result(f, e, p->code);
    if (p->mschapv2_opcode != 0)
        mschapv2(x, f, e, p);
    if (p->tlv_result != 0)
        f->tlv_result = p->tlv_result;
    f->tlv_crypto_binding |= p->tlv_crypto_binding;
}

static RARELY_CALLED void packet(struct exchange *x, struct eap_facts *f, const struct eap_event *e)
{
    const struct eap_packet *p = e->u.packet;
    f->seen = true;
    f->malformed += p->malformed;
    if (p->retransmission) {
        f->retransmissions++;
        return;
    }
    if (!p->tls_based) {
        other_packet(x, f, e);
        return;
    }
    if (p->code == EAP_REQUEST) {
        if (p->type == EAP_TYPE_PEAP)
            f->peap_version = p->version;
        request(f, p);
    } else {
        response(f, e);
        f->method = p->type;
    }
    if (p->closed_record != 0)
        track_closed_record(&f->tls, e->dir, p->closed_record, &e->place);
    else if (p->tls_bytes.len > 0 && ((p->flags & EAP_TLS_MORE) != 0 || p->tls_length > p->tls_bytes.len))
        f->fragments++;
}

static RARELY_CALLED void ttls_avps(struct exchange *x, const struct eap_event *e)
{
    struct eap_facts *f = inner_facts(x, 1);
    const struct ttls_avps *a = e->u.avps;
    f->seen = true;
    f->ttls_method = (uint8_t)(a->method + 1);
    if (a->user_name.len > 0 && !text_present(f->identity))
        f->identity = exchange_put(x, a->user_name);
    if (a->error != 0) {
        f->mschapv2_error = a->error;
        f->error_place = e->place;
        if (!text_present(f->error))
            f->error = exchange_put(x, a->error_text);
    }
}

static RARELY_CALLED void fragment_gap(struct exchange *x, struct eap_facts *f, const struct eap_event *ev)
{
    if (ev->u.gap.cut) {
        f->tls.certificate_truncated = f->tls.certificate_truncated || !f->tls.certificate_seen;
        return;
    }
    f->fragment_gap = true;
    f->gap_place = ev->place;
    f->gap_present = ev->u.gap.present;
    f->gap_announced = ev->u.gap.announced;
    if (ev->u.gap.reason != NULL && !text_present(f->gap_reason))
        f->gap_reason = exchange_put(x, span_of(ev->u.gap.reason, strlen(ev->u.gap.reason)));
}

/* It may come in a packet that nothing else is told of. */
static RARELY_CALLED void watch(struct live *l, const struct eap_event *ev)
{
    bool ends = ev->kind == EAP_EVENT_TLS ? ev->u.tls->kind == TLS_EVENT_ALERT || ev->u.tls->kind == TLS_EVENT_ENCRYPTED_ALERT
                                          : ev->kind == EAP_EVENT_PACKET && !ev->u.packet->tls_based;
    if (ends)
        watch_stir(l, ev->place.time_ns);
}

static inline void tell(struct live *l, const struct eap_event *ev)
{
    struct exchange *x = &l->x;
    struct eap_facts *f = ev->depth == 0 ? &x->eap : inner_facts(x, ev->depth);
    if (ev->kind == EAP_EVENT_PACKET)
        packet(x, f, ev);
    else if (ev->kind == EAP_EVENT_TLS)
        track_tls(l->parts, x, &f->tls, ROLE_NPS, ev->u.tls);
    else if (ev->kind == EAP_EVENT_TTLS_AVPS)
        ttls_avps(x, ev);
    else if (ev->kind == EAP_EVENT_FRAGMENT_GAP)
        fragment_gap(x, f, ev);
}

static RARELY_CALLED void tell_watched(struct live *l, const struct eap_event *ev)
{
    tell(l, ev);
    watch(l, ev);
}

/* Nothing is left to do behind what is told last: so no call has to come back here. */
void track_eap(void *live, const struct eap_event *ev)
{
    struct live *l = live;
    if (l->parts->watch != NULL)
        tell_watched(l, ev);
    else
        tell(l, ev);
}
