/* What RADIUS packets tell of a login, and of the server that answers. */
#include "analyze/session/track.h"
#include "capture/wire/hash.h"

#define SLOW_NS (5 * INT64_C(1000000000)) /* RRAS asks the next server after this time by default */
#define BELIEVED_NS (300 * INT64_C(1000000000)) /* no NAS waits longer: then the clock was set, or the computer slept */

/* A fact that was learnt: its later attributes change nothing any more, since the first value of each is kept. */
static inline void know(struct live *l, enum radius_field field, bool known)
{
    l->radius_known |= known ? RADIUS_FIELD_BIT(field) : 0;
}

static inline void keep(struct live *l, struct text *to, enum radius_field field, struct span bytes)
{
    if (bytes.len > 0 && !text_present(*to))
        *to = exchange_put(&l->x, bytes);
    know(l, field, text_present(*to));
}

/* Strings sent with a NUL at the end (Windows computer names) lose it. */
static inline void keep_string(struct live *l, struct text *to, enum radius_field field, struct span bytes)
{
    while (bytes.len > 0 && bytes.data[bytes.len - 1] == 0)
        bytes.len--;
    keep(l, to, field, bytes);
}

static void keep_address(struct live *l, struct address *to, const struct radius_packet *p)
{
    struct span ipv4 = radius_span(p, RADIUS_NAS_IP_ADDRESS), ipv6 = radius_span(p, RADIUS_NAS_IPV6_ADDRESS);
    if (to->family == FAMILY_NONE && ipv4.len == 4)
        *to = address_ipv4(ipv4.data);
    else if (to->family == FAMILY_NONE && ipv6.len == 16)
        *to = address_ipv6(ipv6.data);
    know(l, RADIUS_NAS_IP_ADDRESS, to->family != FAMILY_NONE);
    know(l, RADIUS_NAS_IPV6_ADDRESS, to->family != FAMILY_NONE);
}

static inline void keep_number(struct live *l, uint32_t *to, enum radius_field field, uint32_t value)
{
    if (*to == UINT32_MAX)
        *to = value;
    know(l, field, *to != UINT32_MAX);
}

static inline void keep_sign(struct live *l, bool *to, const struct radius_packet *p, enum radius_field field)
{
    *to |= radius_span(p, field).len > 0;
    know(l, field, *to);
}

/* The fields that request_attributes reads. */
static const uint64_t REQUEST_FIELDS =
    RADIUS_FIELD_BIT(RADIUS_USER_NAME) | RADIUS_FIELD_BIT(RADIUS_NAS_IP_ADDRESS) | RADIUS_FIELD_BIT(RADIUS_NAS_IPV6_ADDRESS) |
    RADIUS_FIELD_BIT(RADIUS_NAS_IDENTIFIER) | RADIUS_FIELD_BIT(RADIUS_CALLING_STATION_ID) |
    RADIUS_FIELD_BIT(RADIUS_CALLED_STATION_ID) | RADIUS_FIELD_BIT(RADIUS_TUNNEL_CLIENT_ENDPOINT) |
    RADIUS_FIELD_BIT(RADIUS_MS_RAS_CLIENT_NAME) | RADIUS_FIELD_BIT(RADIUS_MS_RAS_CORRELATION_ID) |
    RADIUS_FIELD_BIT(RADIUS_MS_MACHINE_NAME) | RADIUS_FIELD_BIT(RADIUS_TUNNEL_TYPE) | RADIUS_FIELD_BIT(RADIUS_NAS_PORT_TYPE) |
    RADIUS_FIELD_BIT(RADIUS_SERVICE_TYPE) | RADIUS_FIELD_BIT(RADIUS_USER_PASSWORD) | RADIUS_FIELD_BIT(RADIUS_CHAP_PASSWORD) |
    RADIUS_FIELD_BIT(RADIUS_MS_CHAP_RESPONSE) | RADIUS_FIELD_BIT(RADIUS_MS_CHAP2_RESPONSE);

/* CHAP-Password: an identifier, then the response; MS-CHAP2-Response: identifier and flags before (RFC 2548 section 2.3.2). */
static RARELY_CALLED void note_response(struct exchange *x, const struct radius_packet *p)
{
    struct span chap = radius_span(p, RADIUS_CHAP_PASSWORD), mschapv2 = radius_span(p, RADIUS_MS_CHAP2_RESPONSE);
    if (x->response_hash != 0)
        return;
    if (mschapv2.len == 50)
        x->response_hash = exchange_mschapv2_response(mschapv2.data + 2, mschapv2.data + 26);
    else if (chap.len == 17)
        x->response_hash = exchange_chap_response(chap.data + 1);
}

static RARELY_CALLED void request_attributes(struct live *l, const struct radius_packet *p)
{
    enum { CALL_CHECK = 10 };
    struct radius_facts *r = &l->x.radius;
    uint32_t service_type = radius_number(p, RADIUS_SERVICE_TYPE);
    r->call_check = r->call_check || service_type == CALL_CHECK;
    know(l, RADIUS_SERVICE_TYPE, service_type != UINT32_MAX);
    keep(l, &r->user, RADIUS_USER_NAME, radius_span(p, RADIUS_USER_NAME));
    keep_address(l, &r->nas_address, p);
    keep(l, &r->nas_identifier, RADIUS_NAS_IDENTIFIER, radius_span(p, RADIUS_NAS_IDENTIFIER));
    keep(l, &r->calling_station, RADIUS_CALLING_STATION_ID, radius_span(p, RADIUS_CALLING_STATION_ID));
    keep(l, &r->called_station, RADIUS_CALLED_STATION_ID, radius_span(p, RADIUS_CALLED_STATION_ID));
    keep(l, &r->tunnel_client_endpoint, RADIUS_TUNNEL_CLIENT_ENDPOINT, radius_untagged(p, RADIUS_TUNNEL_CLIENT_ENDPOINT));
    keep_string(l, &r->client_name, RADIUS_MS_RAS_CLIENT_NAME, radius_span(p, RADIUS_MS_RAS_CLIENT_NAME));
    keep_string(l, &r->correlation_id, RADIUS_MS_RAS_CORRELATION_ID, radius_span(p, RADIUS_MS_RAS_CORRELATION_ID));
    keep_string(l, &r->machine_name, RADIUS_MS_MACHINE_NAME, radius_span(p, RADIUS_MS_MACHINE_NAME));
    keep_number(l, &r->tunnel_type, RADIUS_TUNNEL_TYPE, radius_tunnel_type(p));
    keep_number(l, &r->nas_port_type, RADIUS_NAS_PORT_TYPE, radius_number(p, RADIUS_NAS_PORT_TYPE));
    keep_sign(l, &r->pap, p, RADIUS_USER_PASSWORD);
    keep_sign(l, &r->chap, p, RADIUS_CHAP_PASSWORD);
    keep_sign(l, &r->mschap, p, RADIUS_MS_CHAP_RESPONSE);
    keep_sign(l, &r->mschap, p, RADIUS_MS_CHAP2_RESPONSE);
    keep_sign(l, &r->mschapv2, p, RADIUS_MS_CHAP2_RESPONSE);
    if (r->chap || r->mschap)
        note_response(&l->x, p);
}

static void missing_message_authenticator(struct exchange *x, const struct place *place, const struct radius_event *ev)
{
    const struct radius_packet *p = ev->packet;
    if (radius_has_message_authenticator(p) || p->cut || p->malformed)
        return;
    if (p->eap_pieces > 0)
        x->radius.missing_message_authenticator_eap = true;
    else if (p->code == RADIUS_ACCESS_REQUEST)
        x->radius.missing_message_authenticator = true;
    else
        return;
    if (x->radius.missing_place.frame == 0)
        x->radius.missing_place = *place;
}

static inline void new_request(struct live *l, const struct place *place, const struct radius_event *ev)
{
    const struct radius_packet *p = ev->packet;
    struct exchange *x = &l->x;
    struct radius_facts *r = &x->radius;
    if (r->requests++ == 0) {
        struct span station = radius_span(p, RADIUS_CALLING_STATION_ID);
        l->radius_known = 0;
        r->first_request = *place;
        x->authenticator_hash = hash_bytes(p->authenticator.data, p->authenticator.len, p->identifier);
        if (p->eap_pieces > 0)
            x->eap_hash = hash_bytes(p->eap[0].data, p->eap[0].len,
                                     hash_bytes(station.data, station.len, 0));
    }
    if ((p->seen & REQUEST_FIELDS & ~l->radius_known) != 0)
        request_attributes(l, p);
    r->proxy_states = p->proxy_states > r->proxy_states ? p->proxy_states : r->proxy_states;
    missing_message_authenticator(x, place, ev);
    /* An earlier silence is over when the same login goes on. */
    if (r->unanswered_place.frame != 0)
        r->unanswered_place = (struct place){0};
    if (ev->other_server && !r->other_server) {
        r->other_server = true;
        r->state_server = ev->state_server;
        r->asked_server = *ev->server;
        r->other_server_place = *place;
    }
}

/* E=691 R=1 ... in the clear text of an MS-CHAP-Error attribute (an identifier octet comes first). RFC 2548
 * section 2.1.5 */
static uint32_t ms_chap_error(struct span s)
{
    for (size_t i = 0; i + 3 < s.len; i++) {
        if (s.data[i] != 'E' || s.data[i + 1] != '=')
            continue;
        uint32_t value = 0;
        for (i += 2; i < s.len && s.data[i] >= '0' && s.data[i] <= '9' && value < 100000; i++)
            value = value * 10 + (uint32_t)(s.data[i] - '0');
        return value;
    }
    return 0;
}

static RARELY_CALLED void final_response(struct exchange *x, const struct place *place, const struct radius_event *ev)
{
    const struct radius_packet *p = ev->packet;
    struct radius_facts *r = &x->radius;
    r->final = p->code;
    r->final_place = *place;
    r->final_ns = r->first_request.frame != 0 ? place->time_ns - r->first_request.time_ns : -1;
    r->ms_chap_error = ms_chap_error(radius_span(p, RADIUS_MS_CHAP_ERROR));
    struct span said = radius_span(p, RADIUS_REPLY_MESSAGE);
    if (said.len > 0 && !text_present(r->reply_message))
        r->reply_message = exchange_put(x, said);
    if (ev->keys != NULL) {
        r->has_keys = true;
        sstp_hlak_from_mppe(span_of(ev->keys->recv, ev->keys->recv_len), span_of(ev->keys->send, ev->keys->send_len),
                            r->keys);
    }
}

static inline void response(struct exchange *x, const struct place *place, const struct radius_event *ev)
{
    const struct radius_packet *p = ev->packet;
    struct radius_facts *r = &x->radius;
    r->challenges += p->code == RADIUS_ACCESS_CHALLENGE;
    if (ev->role == RADIUS_RESPONSE) {
        r->responses++;
        r->response_sum_ns += ev->elapsed_ns;
        if (ev->elapsed_ns > r->response_max_ns)
            r->response_max_ns = ev->elapsed_ns;
    }
    if (p->code == RADIUS_ACCESS_ACCEPT || p->code == RADIUS_ACCESS_REJECT)
        final_response(x, place, ev);
    if (p->eap_pieces > 0)
        missing_message_authenticator(x, place, ev);
}

static inline void checks(struct exchange *x, const struct place *place, const struct radius_event *ev)
{
    struct radius_facts *r = &x->radius;
    /* The worst of the login counts: invalid, then absent where present otherwise, then unchecked. */
    static const uint8_t badness[] = {
        [RADIUS_CHECK_VALID] = 0, [RADIUS_CHECK_UNCHECKED] = 1, [RADIUS_CHECK_ABSENT] = 2, [RADIUS_CHECK_INVALID] = 3};
    if (ev->message_authenticator != r->message_authenticator &&
        (r->requests + r->responses <= 1 || badness[ev->message_authenticator] > badness[r->message_authenticator]))
        r->message_authenticator = ev->message_authenticator;
    if (ev->message_authenticator == RADIUS_CHECK_INVALID || ev->authenticator == RADIUS_CHECK_INVALID) {
        if (r->bad_authenticator++ == 0)
            r->bad_authenticator_place = *place;
    }
}

static RARELY_CALLED void unanswered(struct exchange *x, const struct radius_event *ev)
{
    struct radius_facts *r = &x->radius;
    r->unanswered++;
    r->unanswered_place = *ev->request;
    r->unanswered_transmissions = ev->transmissions;
    r->unanswered_capture_ended = ev->capture_ended;
    r->unanswered_code = ev->code;
    if (ev->icmp_unreachable) {
        r->icmp_unreachable++;
        r->icmp_seen = true;
    }
}

static inline void time_answer(struct server *s, const struct place *place, const struct radius_event *ev)
{
    server_add_time(s, ev->elapsed_ns);
    s->slow += ev->elapsed_ns > SLOW_NS;
    if (ev->elapsed_ns > s->slowest_ns) {
        s->slowest_ns = ev->elapsed_ns;
        s->slowest = *place;
        s->slowest_request = *ev->request;
    }
}

static inline void count_answer(struct server *s, const struct place *place, const struct radius_event *ev)
{
    if (ev->elapsed_ns <= BELIEVED_NS)
        time_answer(s, place, ev);
    server_answers(s, &ev->client->address, place->time_ns);
}

static RARELY_CALLED void count_other(struct server *s, const struct place *place, const struct radius_event *ev)
{
    switch (ev->role) {
    case RADIUS_REPEATED_RESPONSE:
    case RADIUS_UNMATCHED_RESPONSE:
        s->unmatched += ev->role == RADIUS_UNMATCHED_RESPONSE;
        server_answers(s, &ev->client->address, place->time_ns);
        break;
    case RADIUS_UNANSWERED:
        s->unanswered++;
        if (accounting_in_vain(ev)) {
            if (s->accounting_unanswered++ == 0)
                s->first_unanswered_accounting = *ev->request;
            s->last_unanswered_accounting = *ev->request_last;
            s->accounting_transmissions += ev->transmissions;
        }
        break;
    default:
        break;
    }
}

static RARELY_CALLED void continued(struct server *s, const struct place *place)
{
    s->state_unknown++;
    s->continued_ns = place->time_ns;
    s->silent = s->silent_first = 0;
}

static inline void count_server(struct server *s, const struct place *place, const struct radius_event *ev)
{
    if (s->first_ns == 0 || place->time_ns < s->first_ns)
        s->first_ns = place->time_ns;
    if (place->time_ns > s->last_ns)
        s->last_ns = place->time_ns;
    if (ev->role == RADIUS_NEW_REQUEST) {
        s->requests++;
        s->accounting_requests += ev->code == RADIUS_ACCOUNTING_REQUEST;
        if (ev->state_unknown)
            continued(s, place);
    } else if (ev->role == RADIUS_RESPONSE) {
        count_answer(s, place, ev);
    } else {
        count_other(s, place, ev);
    }
}

static RARELY_CALLED void other_role(struct exchange *x, const struct place *place, const struct radius_event *ev)
{
    switch (ev->role) {
    case RADIUS_RETRANSMISSION:
        x->radius.retransmissions++;
        break;
    case RADIUS_UNMATCHED_RESPONSE:
        response(x, place, ev);
        break;
    case RADIUS_REPEATED_RESPONSE:
        x->radius.repeated_responses++;
        break;
    case RADIUS_WRONG_SOURCE:
        if (x->radius.wrong_source++ == 0) {
            x->radius.wrong_source_place = *place;
            x->radius.wrong_source_address = *ev->source;
        }
        x->radius.responses_then = x->radius.responses;
        break;
    case RADIUS_UNANSWERED:
        unanswered(x, ev);
        break;
    default:
        break;
    }
}

static inline void tell_login(struct live *l, const struct place *place, const struct radius_event *ev)
{
    struct exchange *x = &l->x;
    if (ev->role == RADIUS_NEW_REQUEST)
        new_request(l, place, ev);
    else if (ev->role == RADIUS_RESPONSE)
        response(x, place, ev);
    else
        other_role(x, place, ev);
    if (ev->role != RADIUS_UNANSWERED)
        checks(x, place, ev);
}

void track_radius(void *live, enum direction dir, const struct place *place, const struct radius_event *ev)
{
    struct live *l = live;
    if (ev->packet != NULL)
        saw_place(&l->x, dir, place);
    if (l->server == NULL || !endpoint_equal(&l->server->endpoint, ev->server)) /* it stays the same, nearly always */
        l->server = servers_of(l->parts->servers, ev->server);
    if (l->server != NULL)
        count_server(l->server, place, ev);
    if (l->server != NULL && ev->role == RADIUS_UNANSWERED)
        server_add_silence(l->server, ev, l->x.radius.challenges == 0 && !l->x.begun_before);
    tell_login(l, place, ev);
}

void track_other_radius(const struct track_parts *t, const struct place *place, const struct radius_event *ev)
{
    struct server *s = servers_of(t->servers, ev->server);
    if (s != NULL)
        count_server(s, place, ev);
}
