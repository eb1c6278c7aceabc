/* What RADIUS packets tell of a login, and of the server that answers. */
#include "analyze/session/track.h"
#include "capture/wire/hash.h"

#define SLOW_NS (5 * INT64_C(1000000000)) /* RRAS asks the next server after this time by default */

static inline void keep(struct exchange *x, struct text *to, struct span bytes)
{
    if (bytes.len > 0 && !text_present(*to))
        *to = exchange_put(x, bytes);
}

/* Strings sent with a NUL at the end (Windows computer names) lose it. */
static inline void keep_string(struct exchange *x, struct text *to, struct span bytes)
{
    if (bytes.len == 0 || text_present(*to))
        return;
    while (bytes.len > 0 && bytes.data[bytes.len - 1] == 0)
        bytes.len--;
    keep(x, to, bytes);
}

static void keep_address(struct address *to, const struct radius_packet *p)
{
    struct address given = {.family = FAMILY_NONE};
    if (p->nas_ip_address.len == 4)
        given = address_ipv4(p->nas_ip_address.data);
    else if (p->nas_ipv6_address.len == 16)
        given = address_ipv6(p->nas_ipv6_address.data);
    if (given.family != FAMILY_NONE)
        *to = given;
}

static inline void keep_number(uint32_t *to, uint32_t value)
{
    if (*to == UINT32_MAX)
        *to = value;
}

static void request_attributes(struct exchange *x, const struct radius_packet *p)
{
    struct radius_facts *r = &x->radius;
    keep(x, &r->user, p->user_name);
    if (r->nas_address.family == FAMILY_NONE)
        keep_address(&r->nas_address, p);
    keep(x, &r->nas_identifier, p->nas_identifier);
    keep(x, &r->calling_station, p->calling_station_id);
    keep(x, &r->called_station, p->called_station_id);
    keep(x, &r->tunnel_client_endpoint, p->tunnel_client_endpoint);
    keep_string(x, &r->client_name, p->ms_ras_client_name);
    keep_string(x, &r->correlation_id, p->ms_ras_correlation_id);
    keep_string(x, &r->machine_name, p->ms_machine_name);
    keep_number(&r->tunnel_type, p->tunnel_type);
    keep_number(&r->nas_port_type, p->nas_port_type);
    keep_number(&r->framed_mtu, p->framed_mtu);
    r->proxy_states = p->proxy_states > r->proxy_states ? p->proxy_states : r->proxy_states;
    r->pap |= p->user_password.len > 0;
    r->chap |= p->chap_password.len > 0;
    r->mschap |= (p->ms_chap_response.len | p->ms_chap2_response.len) > 0;
}

static void missing_message_authenticator(struct exchange *x, const struct event *e, const struct radius_packet *p)
{
    if (p->message_authenticator.len > 0 || p->cut || p->malformed)
        return;
    if (p->eap_pieces > 0)
        x->radius.missing_message_authenticator_eap = true;
    else if (p->code == RADIUS_ACCESS_REQUEST)
        x->radius.missing_message_authenticator = true;
    else
        return;
    if (x->radius.missing_place.frame == 0)
        x->radius.missing_place = e->place;
}

static inline void new_request(struct exchange *x, const struct event *e, const struct radius_packet *p)
{
    struct radius_facts *r = &x->radius;
    if (r->requests++ == 0) {
        r->first_request = e->place;
        x->authenticator_hash = hash_bytes(p->authenticator.data, p->authenticator.len, p->identifier);
        if (p->eap_pieces > 0)
            x->eap_hash = hash_bytes(p->eap[0].data, p->eap[0].len,
                                     hash_bytes(p->calling_station_id.data, p->calling_station_id.len, 0));
    }
    request_attributes(x, p);
    missing_message_authenticator(x, e, p);
    /* An earlier silence is over when the same login goes on. */
    if (r->unanswered_place.frame != 0)
        r->unanswered_place = (struct place){0};
    if (e->u.radius->other_server && !r->other_server) {
        r->other_server = true;
        r->state_server = e->u.radius->state_server;
        r->asked_server = e->u.radius->server;
        r->other_server_place = e->place;
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

static inline void response(struct exchange *x, const struct event *e, const struct radius_packet *p)
{
    const struct radius_event *ev = e->u.radius;
    struct radius_facts *r = &x->radius;
    r->challenges += p->code == RADIUS_ACCESS_CHALLENGE;
    if (ev->role == RADIUS_RESPONSE) {
        r->responses++;
        r->response_sum_ns += ev->elapsed_ns;
        if (ev->elapsed_ns > r->response_max_ns) {
            r->response_max_ns = ev->elapsed_ns;
            r->slow_place = e->place;
        }
    }
    if (p->code == RADIUS_ACCESS_ACCEPT || p->code == RADIUS_ACCESS_REJECT) {
        r->final = p->code;
        r->final_place = e->place;
        r->final_ns = r->first_request.frame != 0 ? e->place.time_ns - r->first_request.time_ns : -1;
        r->ms_chap_error = ms_chap_error(p->ms_chap_error);
        keep(x, &r->reply_message, p->reply_message);
    }
    if (p->eap_pieces > 0)
        missing_message_authenticator(x, e, p);
}

static void checks(struct exchange *x, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    struct radius_facts *r = &x->radius;
    /* The worst of the login counts: invalid, then absent where present otherwise, then unchecked. */
    static const uint8_t badness[] = {
        [RADIUS_CHECK_VALID] = 0, [RADIUS_CHECK_UNCHECKED] = 1, [RADIUS_CHECK_ABSENT] = 2, [RADIUS_CHECK_INVALID] = 3};
    if (ev->message_authenticator != r->message_authenticator &&
        (r->requests + r->responses <= 1 || badness[ev->message_authenticator] > badness[r->message_authenticator]))
        r->message_authenticator = ev->message_authenticator;
    if (ev->message_authenticator == RADIUS_CHECK_INVALID || ev->authenticator == RADIUS_CHECK_INVALID) {
        if (r->bad_authenticator++ == 0)
            r->bad_authenticator_place = e->place;
    }
}

static RARELY_CALLED void unanswered(struct exchange *x, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    struct radius_facts *r = &x->radius;
    r->unanswered++;
    r->unanswered_place = ev->request;
    r->unanswered_last = ev->request_last;
    r->unanswered_transmissions = ev->transmissions;
    r->unanswered_waited_ns = ev->elapsed_ns;
    r->unanswered_capture_ended = ev->capture_ended;
    r->unanswered_code = ev->code;
    if (ev->icmp_unreachable) {
        r->icmp_unreachable++;
        r->icmp_seen = true;
    }
}

static void count_answer(struct server *s, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    server_add_time(s, ev->elapsed_ns);
    s->slow += ev->elapsed_ns > SLOW_NS;
    if (ev->elapsed_ns > s->slowest_ns) {
        s->slowest_ns = ev->elapsed_ns;
        s->slowest = e->place;
        s->slowest_request = ev->request;
    }
    s->responses++;
    s->last_answer_ns = e->place.time_ns;
}

static RARELY_CALLED void count_other(struct server *s, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    switch (ev->role) {
    case RADIUS_REPEATED_RESPONSE:
    case RADIUS_UNMATCHED_RESPONSE:
        s->unmatched += ev->role == RADIUS_UNMATCHED_RESPONSE;
        s->responses++;
        s->last_answer_ns = e->place.time_ns;
        break;
    case RADIUS_UNANSWERED:
        s->unanswered++;
        if (accounting_in_vain(ev)) {
            if (s->accounting_unanswered++ == 0)
                s->first_unanswered_accounting = ev->request;
            s->last_unanswered_accounting = ev->request_last;
            s->accounting_transmissions += ev->transmissions;
        }
        break;
    default:
        break;
    }
}

static void count_server(struct server *s, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    if (s->first_ns == 0 || e->place.time_ns < s->first_ns)
        s->first_ns = e->place.time_ns;
    if (e->place.time_ns > s->last_ns)
        s->last_ns = e->place.time_ns;
    if (ev->role == RADIUS_NEW_REQUEST) {
        s->requests++;
        s->accounting_requests += ev->code == RADIUS_ACCOUNTING_REQUEST;
        s->state_unknown += ev->state_unknown;
    } else if (ev->role == RADIUS_RESPONSE) {
        count_answer(s, e);
    } else {
        count_other(s, e);
    }
}

/* A login stays with its server, nearly always. */
static struct server *server_of(const struct track_parts *t, struct live *l, const struct endpoint *e)
{
    if (l == NULL)
        return servers_of(t->servers, e);
    if (l->server == NULL || !endpoint_equal(&l->server->endpoint, e))
        l->server = servers_of(t->servers, e);
    return l->server;
}

static RARELY_CALLED void other_role(struct exchange *x, const struct event *e)
{
    switch (e->u.radius->role) {
    case RADIUS_RETRANSMISSION:
        x->radius.retransmissions++;
        break;
    case RADIUS_UNMATCHED_RESPONSE:
        response(x, e, e->u.radius->packet);
        break;
    case RADIUS_REPEATED_RESPONSE:
        x->radius.repeated_responses++;
        break;
    case RADIUS_WRONG_SOURCE:
        if (x->radius.wrong_source++ == 0) {
            x->radius.wrong_source_place = e->place;
            x->radius.wrong_source_address = e->u.radius->source;
        }
        break;
    case RADIUS_UNANSWERED:
        unanswered(x, e);
        break;
    default:
        break;
    }
}

void track_radius(const struct track_parts *t, struct live *l, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    struct server *s = server_of(t, l, &ev->server);
    if (s != NULL)
        count_server(s, e);
    if (l == NULL)
        return;
    struct exchange *x = &l->x;
    x->radius.joined_datagrams += ev->fragments > 0;
    if (ev->role == RADIUS_NEW_REQUEST)
        new_request(x, e, ev->packet);
    else if (ev->role == RADIUS_RESPONSE)
        response(x, e, ev->packet);
    else
        other_role(x, e);
    if (ev->role != RADIUS_UNANSWERED)
        checks(x, e);
}
