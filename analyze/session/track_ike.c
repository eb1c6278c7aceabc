/* What the messages of an IKE association tell: the clear ones of IKE_SA_INIT. Those inside SK: track_ike_inside.c. */
#include "analyze/session/track_ike.h"

#include "analyze/session/ike_lengths.h"
#include "capture/wire/cursor.h"

static inline void count_u16(uint16_t *n)
{
    *n = *n < UINT16_MAX ? (uint16_t)(*n + 1) : *n;
}

static uint16_t saturated(uint64_t n)
{
    return n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
}

static void begin(struct ike_facts *f, const struct ike_message *m)
{
    f->version = m->version;
    memcpy(f->initiator_spi, m->initiator_spi, sizeof f->initiator_spi);
}

static void note_port(struct ike_facts *f, const struct ike_event *ev, bool from_initiator)
{
    uint16_t port = from_initiator ? ev->destination.port : ev->source.port;
    f->floated = f->floated || ev->marker;
    for (unsigned i = 0; i < f->port_count; i++)
        if (f->ports[i] == port)
            return;
    if (f->port_count < IKE_FACTS_PORTS)
        f->ports[f->port_count++] = port;
}

static void keep_vendor_id(struct ike_facts *f, struct span id, bool from_initiator)
{
    if (f->vendor_id_count == IKE_FACTS_VENDOR_IDS || id.len == 0)
        return;
    size_t len = id.len < IKE_FACTS_VENDOR_BYTES ? id.len : IKE_FACTS_VENDOR_BYTES;
    for (unsigned i = 0; i < f->vendor_id_count; i++)
        if (f->vendor_ids[i].from_initiator == from_initiator && f->vendor_ids[i].len == len &&
            memcmp(f->vendor_ids[i].bytes, id.data, len) == 0)
            return;
    f->vendor_ids[f->vendor_id_count].len = (uint8_t)len;
    f->vendor_ids[f->vendor_id_count].from_initiator = from_initiator;
    memcpy(f->vendor_ids[f->vendor_id_count++].bytes, id.data, len);
}

static void vendor_ids(struct ike_facts *f, const struct ike_payloads *p, bool from_initiator)
{
    for (unsigned i = 0; i < p->vendor_id_count; i++) {
        const char *text;
        uint32_t number;
        keep_vendor_id(f, p->vendor_ids[i], from_initiator);
        switch (ike_vendor_of(p->vendor_ids[i], &text, &number)) {
        case IKE_VENDOR_MS_NT5:
            *(from_initiator ? &f->windows_initiator : &f->windows_responder) = true;
            f->windows_version = from_initiator ? number : f->windows_version;
            break;
        case IKE_VENDOR_STRONGSWAN:
            *(from_initiator ? &f->strongswan_initiator : &f->strongswan_responder) = true;
            break;
        case IKE_VENDOR_XBOX:
            f->xbox = true;
            break;
        case IKE_VENDOR_NLBS_PRESENT:
            f->nlb_responder = f->nlb_responder || !from_initiator;
            break;
        default:
            break;
        }
    }
}

static int offered_kind(uint8_t transform_type)
{
    return transform_type >= IKE_ENCR && transform_type <= IKE_DH ? transform_type - IKE_ENCR : -1;
}

static void keep_offered(struct ike_facts *f, const struct ike_transform *t)
{
    int kind = offered_kind(t->type);
    if (kind < 0 || f->offered_count[kind] == IKE_FACTS_OFFERED)
        return;
    for (unsigned i = 0; i < f->offered_count[kind]; i++)
        if (f->offered[kind][i].id == t->id && f->offered[kind][i].key_bits == t->key_bits)
            return;
    f->offered[kind][f->offered_count[kind]++] = *t;
}

static void keep_suite(struct ike_suite *to, const struct ike_proposal *p)
{
    for (unsigned i = 0; i < p->transform_count; i++) {
        const struct ike_transform *t = &p->transforms[i];
        struct ike_transform *fields[] = {NULL, &to->encr, &to->prf, &to->integ, &to->dh};
        if (t->type >= IKE_ENCR && t->type <= IKE_DH && fields[t->type]->type == 0)
            *fields[t->type] = *t;
    }
}

static void offer(struct ike_facts *f, const struct ike_payloads *p, bool version1)
{
    struct ike_proposals all;
    if (p->sa.len == 0)
        return;
    ike_read_proposals(p->sa, version1, &all);
    f->offer_seen = all.count > 0;
    f->offer_proposals = all.count;
    for (unsigned i = 0; i < all.count; i++)
        for (unsigned k = 0; k < all.proposals[i].transform_count; k++)
            keep_offered(f, &all.proposals[i].transforms[k]);
}

static void choice(struct ike_facts *f, const struct ike_payloads *p, bool version1, struct place place)
{
    struct ike_proposals all;
    if (p->sa.len == 0 || f->chosen_seen)
        return;
    ike_read_proposals(p->sa, version1, &all);
    f->chosen_seen = all.count > 0;
    if (all.count == 0)
        return;
    keep_suite(&f->chosen, &all.proposals[0]);
    f->auth_method = all.proposals[0].auth_method;
    f->chosen_place = place;
}

static void keep_hash(uint8_t to[static IKE_NAT_HASH], const struct ike_notify *n)
{
    memcpy(to, n->data.data, IKE_NAT_HASH);
}

/* RFC 7296 section 2.23: the hashes of the first message of a direction that has them; retries repeat the question. */
static void nat_hashes(struct ike_nat_fact *to, const struct event *e, const struct ike_payloads *p)
{
    const struct ike_event *ev = e->u.ike;
    if (to->present)
        return;
    for (unsigned i = 0; i < p->notify_count; i++) {
        const struct ike_notify *n = &p->notifies[i];
        if (n->data.len != IKE_NAT_HASH)
            continue;
        if (n->type == IKE_N_NAT_DETECTION_SOURCE_IP && to->source_count < IKE_FACTS_SOURCES) {
            keep_hash(to->source[to->source_count++], n);
        } else if (n->type == IKE_N_NAT_DETECTION_DESTINATION_IP && !to->has_destination) {
            keep_hash(to->destination, n);
            to->has_destination = true;
        }
    }
    to->present = to->source_count > 0 || to->has_destination;
    if (!to->present)
        return;
    memcpy(to->responder_spi, ev->message->responder_spi, sizeof to->responder_spi);
    to->from = ev->source;
    to->to = ev->destination;
    to->ttl = ev->ttl;
    to->place = e->place;
}

/* A message that is sent anew repeats its offers; errors count each time. */
static bool noted(const struct ike_facts *f, uint16_t type, bool from_initiator, bool inside)
{
    for (unsigned i = 0; i < f->notify_count; i++)
        if (f->notifies[i].type == type && f->notifies[i].from_initiator == from_initiator &&
            f->notifies[i].inside == inside)
            return true;
    return false;
}

void track_ike_notify(struct ike_facts *f, const struct ike_notify *n, bool from_initiator, bool inside,
                      struct place place)
{
    if (n->type > IKE_N_ERROR_LAST && noted(f, n->type, from_initiator, inside))
        return;
    if (f->notify_count == IKE_FACTS_NOTIFIES) {
        f->notifies_more++;
        return;
    }
    struct ike_notify_fact *to = &f->notifies[f->notify_count++];
    to->type = n->type;
    to->from_initiator = from_initiator;
    to->inside = inside;
    to->data_len = (uint8_t)(n->data.len < UINT8_MAX ? n->data.len : UINT8_MAX);
    for (size_t i = 0; i < n->data.len && i < IKE_FACTS_NOTIFY_DATA; i++)
        to->data[i] = n->data.data[i];
    to->place = place;
}

static void redirect(struct exchange *x, struct ike_facts *f, const struct ike_notify *n, struct place place)
{
    struct cursor c = cursor_of(n->data);
    struct span gateway;
    uint8_t type, len;
    char text[ADDRESS_TEXT];
    if (!take_u8(&c, &type) || !take_u8(&c, &len) || !take_span(&c, len, &gateway)) /* RFC 5685 section 3 */
        return;
    f->redirected = true;
    f->redirect_place = place;
    if (type == 1 && len == 4) {
        struct address a = address_ipv4(gateway.data);
        gateway = span_of(address_text(text, &a), strlen(text));
    } else if (type == 2 && len == 16) {
        struct address a = address_ipv6(gateway.data);
        gateway = span_of(address_text(text, &a), strlen(text));
    }
    if (gateway.len > 0 && !text_present(f->redirect_target))
        f->redirect_target = exchange_put(x, gateway);
}

static void invalid_ke(struct ike_facts *f, const struct ike_notify *n, struct place place)
{
    struct cursor c = cursor_of(n->data);
    uint16_t group;
    if (f->invalid_ke == 0)
        f->invalid_ke_place = place;
    count_u16(&f->invalid_ke);
    if (!take_be16(&c, &group))
        return;
    f->wanted_group = group;
    f->wanted_first = f->wanted_first != 0 ? f->wanted_first : group;
}

/* Notifies that anybody can read, and that nothing protects: they are what the receiver may, not must, believe. */
static void clear_notify(struct exchange *x, struct ike_facts *f, const struct ike_notify *n, bool from_initiator,
                         struct place place)
{
    bool error = n->type <= IKE_N_ERROR_LAST && !from_initiator; /* what an initiator complains about is no refusal */
    switch (n->type) {
    case IKE_N_NO_PROPOSAL_CHOSEN:
        if (!error)
            break;
        f->refused_place = f->refused_proposal ? f->refused_place : place;
        f->refused_proposal = true;
        break;
    case IKE_N_INVALID_KE_PAYLOAD:
        if (error)
            invalid_ke(f, n, place);
        break;
    case IKE_N_COOKIE:
        if (from_initiator) {
            f->cookie_returned = true;
            break;
        }
        f->cookie_place = f->cookies == 0 ? place : f->cookie_place;
        count_u16(&f->cookies);
        break;
    case IKE_N_FRAGMENTATION_SUPPORTED:
        *(from_initiator ? &f->fragmentation_initiator : &f->fragmentation_responder) = true;
        break;
    case IKE_N_REDIRECT_SUPPORTED:
        f->redirect_supported = true;
        break;
    case IKE_N_REDIRECT:
        redirect(x, f, n, place);
        break;
    default:
        if (error && f->init_error == 0) {
            f->init_error = n->type;
            f->init_error_place = place;
        }
        break;
    }
    track_ike_notify(f, n, from_initiator, false, place);
}

/* VPN clients send NAT detection, or in IKEv1 the vendor ids that stand for it; what only knocks does not. */
static bool is_bare(const struct ike_event *ev)
{
    const struct ike_payloads *p = ev->clear;
    bool whole = !ev->message->cut && !ev->message->malformed && !p->malformed && p->notify_count < IKE_NOTIFIES_MAX;
    return whole && p->vendor_id_count == 0 && ike_notify_of(p, IKE_N_NAT_DETECTION_SOURCE_IP) == NULL &&
           ike_notify_of(p, IKE_N_NAT_DETECTION_DESTINATION_IP) == NULL;
}

static void init_request(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_payloads *p = ev->clear;
    if (f->init_requests++ == 0) {
        f->init_bare = is_bare(ev);
        f->init_request = e->place;
        f->init_initiator = ev->source;
        f->init_responder = ev->destination;
        f->init_length = saturated(ev->message->length);
        f->nonce_length = (uint8_t)(p->nonce.len < UINT8_MAX ? p->nonce.len : UINT8_MAX);
        f->offered_group = p->ke_group;
        offer(f, p, false);
    }
    f->init_request_last = e->place;
    if (f->invalid_ke > 0 && p->ke_group != 0 && p->ke_group == f->wanted_group)
        f->retried_with_wanted_group = true;
    nat_hashes(&f->nat_request, e, p);
}

static void init_response(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    if (f->init_responses++ == 0)
        f->init_response = e->place;
    f->init_response_last = e->place;
    f->certreq_in_clear = f->certreq_in_clear || ev->clear->certreq_count > 0;
    choice(f, ev->clear, false, e->place);
    nat_hashes(&f->nat_response, e, ev->clear);
}

static struct ike_exchange_fact *exchange_of(struct ike_facts *f, const struct ike_message *m, bool asked_by_initiator)
{
    for (unsigned i = f->exchange_count; i-- > 0;) {
        struct ike_exchange_fact *x = &f->exchanges[i];
        if (x->message_id == m->message_id && x->type == m->exchange && x->from_initiator == asked_by_initiator)
            return x;
    }
    if (f->exchange_count == IKE_FACTS_EXCHANGES) {
        f->exchanges_more += !m->response;
        return NULL;
    }
    struct ike_exchange_fact *x = &f->exchanges[f->exchange_count++];
    x->type = m->exchange;
    x->message_id = m->message_id;
    x->from_initiator = asked_by_initiator;
    return x;
}

static void count_packet(struct ike_facts *f, const struct ike_event *ev, bool from_initiator)
{
    const struct ike_message *m = ev->message;
    bool asked =
        f->version >> 4 == 1 || (m->response ? !from_initiator : from_initiator); /* IKEv1 does not say who asks */
    struct ike_exchange_fact *x = exchange_of(f, m, asked);
    if (x == NULL)
        return;
    count_u16(from_initiator ? &x->initiator_packets : &x->responder_packets);
    x->answered = x->answered || (m->response && (m->encrypted || m->exchange == IKE_SA_INIT));
    x->fragments = saturated(x->fragments + (uint64_t)(m->fragments > 0));
    x->ip_fragments = saturated(x->ip_fragments + (uint64_t)ev->ip_fragments);
}

static void keep_length(struct ike_facts *f, const struct ike_event *ev, bool from_initiator)
{
    const struct ike_message *m = ev->message;
    if (!m->encrypted || f->length_count == IKE_FACTS_LENGTHS || m->cut)
        return;
    f->lengths[f->length_count++] = (struct ike_length_fact){
        .length = saturated(ev->sk_length),
        .message_id = (uint8_t)(m->message_id < UINT8_MAX ? m->message_id : UINT8_MAX),
        .exchange = m->exchange,
        .first = m->sk_next,
        .from_initiator = from_initiator,
        .response = m->response,
        .fragments = (uint8_t)(m->fragments <= 1          ? 0
                               : m->fragments < UINT8_MAX ? m->fragments
                                                          : UINT8_MAX),
    };
}

static void auth_message(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    f->auth_last_id = m->message_id > f->auth_last_id ? m->message_id : f->auth_last_id;
    f->auth_ip_fragments += ev->ip_fragments;
    if (m->response) {
        if (f->auth_responses++ == 0) {
            f->auth_response = e->place;
            f->auth_response_length = saturated(ev->sk_length);
        }
        f->auth_response_last = e->place;
    } else {
        if (f->auth_requests++ == 0) {
            f->auth_request = e->place;
            f->auth_initiator = ev->source;
            f->auth_responder = ev->destination;
            f->auth_request_length = saturated(ev->sk_length);
        }
        f->auth_request_last = e->place;
    }
}

static void note_sk(struct ike_facts *f, const struct ike_event *ev)
{
    f->encrypted_seen |= ev->message->encrypted;
    f->decrypted |= ev->sk == IKE_SK_OPENED;
    f->wrong_key |= ev->sk == IKE_SK_WRONG_KEY;
    f->unreadable |= ev->sk == IKE_SK_UNREADABLE;
    f->skf_messages += ev->message->fragments > 1;
}

/* Keys or a tunnel that are to be made anew, and are not; whoever asks may try again with what the other wants. */
static void child_answer(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    if (!ike_tells_refusal(&f->chosen, ev->message->sk_next, ev->sk_length)) {
        f->later_error = 0;
        f->child_refusals = 0;
        return;
    }
    if (f->child_refusals == 0) {
        f->child_refusal_place = e->place;
        f->child_refused_by_initiator = e->dir == TO_SERVER;
    }
    count_u16(&f->child_refusals);
}

static void whole_message(const struct track_parts *t, struct live *l, struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    bool from_initiator = e->dir == TO_SERVER;
    note_sk(f, ev);
    keep_length(f, ev, from_initiator);
    if (ev->clear != NULL) {
        if (ev->clear->vendor_id_count > 0)
            vendor_ids(f, ev->clear, from_initiator);
        for (unsigned i = 0; i < ev->clear->notify_count; i++)
            clear_notify(&l->x, f, &ev->clear->notifies[i], from_initiator, e->place);
        if (m->exchange == IKE_SA_INIT)
            (m->response ? init_response : init_request)(f, e);
        l->x.begun_before = l->x.begun_before && f->init_requests == 0;
    }
    if (!m->encrypted) { /* an error in the clear, which anybody can send, is no step of the exchange */
        return;
    } else if (m->exchange == IKE_AUTH) {
        auth_message(f, e);
    } else if (m->exchange == IKE_INFORMATIONAL) {
        if (!f->informational_seen)
            f->first_informational = e->place;
        f->informational_seen = true;
    } else if (m->exchange == CREATE_CHILD_SA) {
        f->child_seen = true;
        f->child_exchanges += !m->response;
        if (m->response)
            child_answer(f, e);
    }
    if (ev->inside != NULL)
        track_ike_inside(t, l, f, e);
}

/* A fragment of IKEv1, which Windows, Cisco and strongSwan know: payload 132, then identifier, number, and 1 for the last. What
 * is cut is an encrypted message, as certificates make it long. */
static bool is_piece(const struct ike_message *m)
{
    enum { FRAGMENT = 132 };
    return !m->encrypted && m->next_payload == FRAGMENT;
}

/* It is encrypted, and whole or the last piece. */
static bool closes_step(const struct ike_message *m)
{
    enum { FLAGS_AT = 7, LAST = 1 };
    return m->encrypted || (is_piece(m) && m->payloads.len > FLAGS_AT && (m->payloads.data[FLAGS_AT] & LAST) != 0);
}

/* Of what is encrypted in IKEv1 only the order tells. */
static struct ike1_step *step_of(struct ike_facts *f, uint8_t exchange)
{
    switch (exchange) {
    case IKE1_MAIN:
    case IKE1_AGGRESSIVE:
        return &f->phase1;
    case IKE1_QUICK:
        return &f->phase2;
    case IKE1_INFORMATIONAL:
        return &f->notices;
    default:
        return NULL;
    }
}

static void step1(struct ike_facts *f, const struct event *e)
{
    struct ike1_step *s = step_of(f, e->u.ike->message->exchange);
    if (s == NULL)
        return;
    if (e->dir == TO_SERVER) {
        s->asked = s->by_initiator == 0 ? e->place : s->asked;
        s->asked_last = e->place;
        count_u16(&s->by_initiator);
    } else {
        s->told = s->by_responder == 0 ? e->place : s->told;
        count_u16(&s->by_responder);
    }
}

static void clear_notify1(struct ike_facts *f, const struct ike_notify *n, bool from_initiator, struct place place)
{
    bool error = n->type <= IKE_N_ERROR_LAST && !from_initiator;
    track_ike_notify(f, n, from_initiator, false, place);
    if (!error)
        return;
    if (n->type == IKE_N_NO_PROPOSAL_CHOSEN && !f->refused_proposal) {
        f->refused_proposal = true;
        f->refused_place = place;
    } else if (n->type != IKE_N_NO_PROPOSAL_CHOSEN && f->init_error == 0) {
        f->init_error = n->type;
        f->init_error_place = place;
    }
}

/* IKEv1: what its first messages say in the clear. */
static void whole_message1(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    bool from_initiator = e->dir == TO_SERVER;
    note_sk(f, ev);
    f->encrypted_seen = f->encrypted_seen || is_piece(ev->message);
    if (closes_step(ev->message))
        step1(f, e);
    if (ev->clear == NULL || ev->message->encrypted || is_piece(ev->message))
        return;
    vendor_ids(f, ev->clear, from_initiator);
    for (unsigned i = 0; i < ev->clear->notify_count; i++)
        clear_notify1(f, &ev->clear->notifies[i], from_initiator, e->place);
    if (from_initiator && f->init_requests++ == 0) {
        f->init_request = e->place;
        f->init_bare = is_bare(ev);
        offer(f, ev->clear, true);
    } else if (!from_initiator) {
        if (f->init_responses++ == 0)
            f->init_response = e->place;
        choice(f, ev->clear, true, e->place);
    }
}

static void repeated1(struct ike_facts *f, const struct event *e)
{
    const struct ike_message *m = e->u.ike->message;
    static const uint8_t none[IKE_SPI];
    struct ike1_step *s = closes_step(m) ? step_of(f, m->exchange) : NULL;
    if (e->dir != TO_SERVER)
        return;
    if (memcmp(m->responder_spi, none, IKE_SPI) == 0) {
        f->init_request_retransmissions++;
        f->init_request_last = e->place;
    } else if (s != NULL) {
        count_u16(&s->repeated);
        s->asked_last = e->place;
    }
}

static void retransmission(struct ike_facts *f, const struct event *e)
{
    const struct ike_message *m = e->u.ike->message;
    if (m->version >> 4 == 1) {
        repeated1(f, e);
    } else if (m->exchange == IKE_SA_INIT) {
        *(m->response ? &f->init_response_retransmissions : &f->init_request_retransmissions) += 1;
        *(m->response ? &f->init_response_last : &f->init_request_last) = e->place;
    } else if (m->exchange == IKE_AUTH && !m->response && m->fragment <= 1) { /* a message counts once, not each SKF */
        const struct ike_exchange_fact *x = exchange_of(f, m, e->dir == TO_SERVER);
        f->auth_request_retransmissions++;
        f->auth_repeated_although_answered += x != NULL && x->answered;
        f->auth_request_last = e->place;
    }
}

/*
 * Both sides of a translator. Of the first requests only: a client that looks for another path (MOBIKE) sends the same
 * later message from several of its addresses.
 */
static void translated(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    bool init = m->exchange == IKE_SA_INIT && f->init_requests > 0,
         auth = m->exchange == IKE_AUTH && f->auth_requests == 1;
    if (e->dir != TO_SERVER || m->response || (!init && !auth) || f->translated++ > 0)
        return;
    f->sides_initiator[0] = init ? f->init_initiator : f->auth_initiator;
    f->sides_responder[0] = init ? f->init_responder : f->auth_responder;
    f->sides_place[0] = init ? f->init_request : f->auth_request;
    f->sides_initiator[1] = ev->source;
    f->sides_responder[1] = ev->destination;
    f->sides_place[1] = e->place;
}

static void unreachable(struct ike_facts *f, const struct event *e)
{
    if (f->unreachable++ > 0)
        return;
    f->unreachable_place = e->place;
    f->unreachable_by = e->u.ike->source.address;
}

static void note_packet(struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    static const uint8_t none[IKE_SPI];
    bool from_initiator = e->dir == TO_SERVER;
    if (f->version == 0)
        begin(f, m);
    if (memcmp(f->responder_spi, none, IKE_SPI) == 0)
        memcpy(f->responder_spi, m->responder_spi, IKE_SPI);
    if (m->malformed && !f->malformed) {
        f->malformed = true;
        f->malformed_place = e->place;
    }
    note_port(f, ev, from_initiator);
    if (m->version >> 4 == f->version >> 4) /* else a refusal of this version of IKE, in the other one */
        count_packet(f, ev, from_initiator);
    if (ev->moved && from_initiator && f->floated && ev->marker && f->encrypted_seen) {
        f->moves++;
        f->moved_to = ev->source;
        f->moved_place = e->place;
    }
}

void track_ike(const struct track_parts *t, struct live *l, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    struct ike_facts *f = &l->x.ike;
    if (ev->kind == IKE_EVENT_UNREACHABLE) {
        unreachable(f, e);
        return;
    }
    if (ev->kind == IKE_EVENT_TRANSLATED) {
        translated(f, e);
        if (f->translated == 0) /* a client that tries its other paths (MOBIKE) */
            count_packet(f, ev, e->dir == TO_SERVER);
        return;
    }
    note_packet(f, e);
    if (ev->kind == IKE_EVENT_RETRANSMISSION)
        retransmission(f, e);
    else if (ev->kind == IKE_EVENT_FRAGMENT)
        note_sk(f, ev);
    else if (l->x.type == CONVERSATION_IKE1)
        whole_message1(f, e);
    else
        whole_message(t, l, f, e);
}
