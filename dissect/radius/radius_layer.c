#include "dissect/radius/radius_layer.h"

#include "dissect/crypto/digest.h"
#include "dissect/crypto/secrets.h"
#include "dissect/radius/radius_state.h"
#include "capture/wire/cursor.h"
#include "capture/wire/near.h"
#include "capture/wire/rarely.h"

enum { ATTRIBUTE_HEADER = 2, ATTRIBUTE_STATE = 24 };
enum { ROOM_MIN = 16, ROOM_MAX = 1 << 20, EAP_BYTES = 1024 }; /* EAP_BYTES: an EAP conversation with its TLS session, without buffers */

static uint32_t bounded_room(uint32_t wanted)
{
    return wanted < ROOM_MIN ? ROOM_MIN : wanted > ROOM_MAX ? ROOM_MAX : wanted;
}

struct radius_layer *radius_layer_new(const struct radius_layer_options *options)
{
    struct radius_layer *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->secrets = options->secrets;
    r->secret_count = secrets_radius_counter(options->secrets);
    r->tls = options->tls;
    r->sink = options->sink;
    r->now_ns = r->began_ns = INT64_MIN;
    r->digests = digests_new();
    bool made = requests_init(r, bounded_room(options->requests));
    made = logins_init(r, bounded_room(options->conversations)) && made;
    if (made && r->digests != NULL)
        return r;
    radius_layer_free(r);
    return NULL;
}

void radius_layer_free(struct radius_layer *r)
{
    if (r == NULL)
        return;
    logins_free(r);
    requests_free(r);
    digests_free(r->digests);
    free(r);
}

size_t radius_layer_request_bytes(void)
{
    return sizeof(struct request) + sizeof(struct asked) + sizeof(struct links) + INDEX_ITEM_BYTES;
}

size_t radius_layer_conversation_bytes(void)
{
    return sizeof(struct login) + sizeof(struct radius_stretch) + EAP_BYTES + (size_t)(LOGIN_KEYS + 1) * INDEX_ITEM_BYTES;
}

uint64_t radius_layer_bytes(const struct radius_layer *r)
{
    return (uint64_t)r->requests_used * radius_layer_request_bytes() +
           (uint64_t)r->logins_open * radius_layer_conversation_bytes();
}

void radius_layer_get_counters(const struct radius_layer *r, struct radius_layer_counters *out)
{
    *out = r->counters;
}

static void open_keys(struct radius_layer *r, struct radius_event *about, const uint8_t *request_authenticator,
                      struct span secret)
{
    const struct radius_packet *rp = about->packet;
    const uint64_t both = RADIUS_FIELD_BIT(RADIUS_MS_MPPE_RECV_KEY) | RADIUS_FIELD_BIT(RADIUS_MS_MPPE_SEND_KEY);
    if ((rp->seen & both) == 0 || request_authenticator == NULL || about->authenticator == RADIUS_CHECK_INVALID)
        return;
    r->keys.recv_len = (uint8_t)radius_open_key(r->digests, radius_span(rp, RADIUS_MS_MPPE_RECV_KEY), request_authenticator,
                                                secret, r->keys.recv);
    r->keys.send_len = (uint8_t)radius_open_key(r->digests, radius_span(rp, RADIUS_MS_MPPE_SEND_KEY), request_authenticator,
                                                secret, r->keys.send);
    if (r->keys.recv_len > 0 || r->keys.send_len > 0)
        about->keys = &r->keys;
}

/* With the secret for the NAS, the side that is changed by CoA and Disconnect. */
static RARELY_CALLED void check_with_secret(struct radius_layer *r, struct radius_event *about, const struct packet *p,
                                            const uint8_t *request_authenticator)
{
    const struct radius_packet *rp = about->packet;
    bool change = rp->code >= RADIUS_DISCONNECT_REQUEST && rp->code <= RADIUS_COA_NAK;
    struct span secret = secrets_radius(r->secrets, change ? &about->server->address : &about->client->address);
    if (secret.len == 0)
        return;
    about->message_authenticator =
        radius_check_message_authenticator(r->digests, p->payload, rp, request_authenticator, secret);
    about->authenticator = radius_check_authenticator(r->digests, p->payload, rp, request_authenticator, secret);
    if (rp->code == RADIUS_ACCESS_ACCEPT)
        open_keys(r, about, request_authenticator, secret);
}

/* Fills in what the secret proves, when there is one. */
static inline void check(struct radius_layer *r, struct radius_event *about, const struct packet *p,
                         const uint8_t *request_authenticator)
{
    about->message_authenticator = radius_message_authenticator_there(about->packet);
    about->authenticator = radius_authenticator_there(about->packet);
    if (*r->secret_count > 0)
        check_with_secret(r, about, p, request_authenticator);
}

/* Field by field, because clearing the whole for each packet costs more than all that is put in. The two places are the
 * caller's to set. */
static inline void begin_event(struct radius_event *about, const struct radius_packet *rp, const struct packet *p,
                               bool request)
{
    about->role = RADIUS_NEW_REQUEST;
    about->code = rp->code;
    about->request_code = 0;
    about->capture_ended = about->icmp_unreachable = about->other_server = about->state_unknown = false;
    about->transmissions = 0;
    about->fragments = p->fragments;
    about->packet = rp;
    about->client = request ? &p->src : &p->dst;
    about->server = request ? &p->dst : &p->src;
    about->source = &p->src;
    about->elapsed_ns = 0;
    about->keys = NULL;
}

RARELY_CALLED void tell_radius_to_sink(const struct radius_layer *r, enum direction dir, const struct place *place,
                                       struct login *l, const struct radius_event *about)
{
    event_emit(&r->sink, &(struct event){.kind = EVENT_RADIUS, .dir = dir, .place = *place,
                                         .conv = l != NULL ? &l->pub : NULL, .u.radius = about});
}

static inline void tell(struct radius_layer *r, const struct radius_event *about, enum direction dir, struct login *login)
{
    tell_radius(r, dir, &r->place, login, about);
}

/* The EAP header of a packet that continues an exchange by its identifier. */
static bool eap_header(const struct radius_packet *rp, uint8_t *code, uint8_t *identifier, uint8_t *type)
{
    if (rp->eap_pieces == 0 || rp->eap[0].len < 5)
        return false;
    *code = rp->eap[0].data[0];
    *identifier = rp->eap[0].data[1];
    *type = rp->eap[0].data[4];
    return true;
}

/*
 * The login that a request continues although its State is unknown or cut off, because the capture lost or cut the
 * challenge or has one side only: one of the same user whose last State resembles it, or whose EAP identifier is next.
 */
static struct login *login_by_user(const struct radius_layer *r, const struct radius_event *about, const struct packet *p,
                                   bool peer_seen)
{
    const struct radius_packet *rp = about->packet;
    uint8_t code, identifier, type;
    bool eap = eap_header(rp, &code, &identifier, &type) && code == EAP_RESPONSE;
    unsigned probe = 0;
    struct login *found = NULL;
    for (struct login *l; (l = login_next_of_user(r, about->client, about->server, p->tunnel, rp, &probe)) != NULL;) {
        bool comparable = peer_seen && rp->state.len > 0 && login_has_state(l);
        bool next = eap && l->expects && l->expected == identifier;
        bool fits = login_state_resembles(l, rp->state) || (!comparable && next);
        if (fits && (found == NULL || l->last.time_ns >= found->last.time_ns))
            found = l;
    }
    return found;
}

/*
 * The login that a new Access-Request begins or continues. A cut or malformed one without a State can be either: unless
 * it is an EAP Identity it is not taken for a beginning.
 */
static struct login *login_for_request(struct radius_layer *r, struct radius_event *about, const struct packet *p,
                                       bool peer_seen, const struct ahead *ahead)
{
    const struct radius_packet *rp = about->packet;
    const struct endpoint *client = about->client, *server = about->server;
    uint8_t code = 0, identifier = 0, type = 0;
    bool eap = eap_header(rp, &code, &identifier, &type);
    bool first = rp->state.data == NULL && (!rp->cut || (eap && type == EAP_TYPE_IDENTITY));
    if (first)
        return rp->malformed ? NULL : login_open(r, client, server, p->tunnel, false);
    const struct address *issuer = ahead->issuer;
    struct login *l = ahead->login;
    if (ahead->state.data != rp->state.data || rp->state.data == NULL)
        l = login_find(r, rp->state, &client->address, &server->address, p->tunnel, &issuer);
    if (l != NULL) {
        if (issuer != NULL) {
            about->other_server = true;
            about->state_server = (struct endpoint){*issuer, server->port};
        }
        login_expect_nothing(r, l);
        return l;
    }
    about->state_unknown = rp->state.data != NULL;
    l = login_by_user(r, about, p, peer_seen);
    if (l == NULL && !rp->malformed && about->state_unknown)
        l = login_open(r, client, server, p->tunnel, true);
    if (l != NULL)
        login_remember(r, l, rp->state, &server->address);
    return l;
}

/* What the client's further requests will have where, and those of this login over again. */
static RARELY_CALLED void note_places(struct radius_layer *r, const struct login *l, const struct radius_packet *rp,
                                      struct pair *pair)
{
    radius_stretch_of(rp, &r->stretches[login_item(r, l)]);
    if (rp->state.data == NULL || rp->malformed)
        return;
    ptrdiff_t at = rp->state.data - ATTRIBUTE_HEADER - (rp->attributes.data - RADIUS_HEADER);
    bool behind_eap = rp->eap_pieces > 0 && rp->eap[0].data < rp->state.data;
    pair->state_at = (int16_t)(behind_eap ? at - rp->length : at);
}

/* What is to be seen next of this login, should its State be unknown then. */
static void note_request(struct radius_layer *r, struct login *l, const struct radius_packet *rp, struct pair *pair)
{
    uint8_t code, identifier, type;
    if (rp->repeated == 0 && pair != NULL)
        note_places(r, l, rp, pair);
    l->expects = eap_header(rp, &code, &identifier, &type);
    l->expected = l->expects ? (uint8_t)(identifier + 1) : 0;
    l->identifier = rp->identifier;
    if (!l->named)
        login_name(r, l, rp);
}

/* The key of the request that this packet, of at least a header's size, is or answers. */
static inline struct request_key key_of_packet(const struct packet *p, bool request)
{
    return request_key_of(request ? &p->src : &p->dst, request ? &p->dst : &p->src, p->tunnel, p->payload.data[1]);
}

static RARELY_CALLED void retransmission(struct radius_layer *r, struct request *q, struct radius_event *about, const struct packet *p)
{
    struct login *l = login_of_request(r, q);
    request_asked(r, q)->last = r->place;
    q->transmissions += q->transmissions != UINT32_MAX;
    request_touch(r, q, r->active_ns, !q->answered && !q->told);
    if (l != NULL)
        login_touch(r, l);
    about->role = RADIUS_RETRANSMISSION;
    about->request = &q->first;
    about->request_last = request_last(r, q);
    about->transmissions = q->transmissions;
    check(r, about, p, NULL);
    tell(r, about, TO_SERVER, l);
}

static RARELY_CALLED struct request *new_request(struct radius_layer *r, const struct packet *p)
{
    struct request_key key = key_of_packet(p, true);
    return request_new(r, &key, r->active_ns);
}

static inline struct request *enter_request(struct radius_layer *r, struct request *q, const struct radius_event *about,
                                            const struct packet *p)
{
    if (q == NULL) {
        q = new_request(r, p);
    } else {
        if (q->waiting && !q->told)
            request_tell_unanswered(r, q, r->place.time_ns, NULL, false);
        request_touch(r, q, r->active_ns, true);
    }
    q->code = about->code;
    q->answered = q->told = false;
    q->transmissions = 1;
    q->first = r->place;
    q->login = q->login_id = 0;
    memcpy(q->authenticator, about->packet->authenticator.data, sizeof q->authenticator);
    return q;
}

static inline void on_request(struct radius_layer *r, struct request *q, const struct radius_packet *rp,
                              const struct packet *p, bool peer_seen, const struct ahead *ahead)
{
    struct radius_event about;
    begin_event(&about, rp, p, true);
    if (q != NULL && q->code == rp->code && memcmp(q->authenticator, rp->authenticator.data, sizeof q->authenticator) == 0) {
        retransmission(r, q, &about, p);
        return;
    }
    q = enter_request(r, q, &about, p);
    struct login *l = rp->code == RADIUS_ACCESS_REQUEST ? login_for_request(r, &about, p, peer_seen, ahead) : NULL;
    about.request = about.request_last = &q->first;
    about.transmissions = 1;
    if (l != NULL) {
        q->login = login_item(r, l);
        q->login_id = l->pub.id;
        login_touch(r, l);
        note_request(r, l, rp, ahead->pair);
    }
    check(r, &about, p, NULL);
    tell(r, &about, TO_SERVER, l);
    if (l != NULL && !rp->malformed)
        login_feed(r, l, TO_SERVER, rp);
}

/* What follows from an answer once it was told: its State, its EAP, the end. */
static inline void apply_answer(struct radius_layer *r, struct login *l, const struct radius_event *about)
{
    const struct radius_packet *rp = about->packet;
    uint8_t code, identifier, type;
    login_touch(r, l);
    login_remember(r, l, rp->state, &about->server->address);
    login_feed(r, l, TO_CLIENT, rp);
    if (rp->code == RADIUS_ACCESS_ACCEPT || rp->code == RADIUS_ACCESS_REJECT)
        login_close(r, l, CLOSE_FINAL, r->place);
    else if (eap_header(rp, &code, &identifier, &type)) {
        l->expects = true;
        l->expected = identifier;
    }
}

static inline void about_request(const struct radius_layer *r, struct radius_event *about, const struct request *q,
                                 const struct packet *p)
{
    int64_t elapsed = elapsed_ns(p->frame->time_ns, q->first.time_ns);
    about->request = &q->first;
    about->request_last = request_last(r, q);
    about->transmissions = q->transmissions;
    about->request_code = q->code;
    about->elapsed_ns = elapsed > 0 ? elapsed : 0;
}

/* An answer to a request that was seen. A malformed one does not count: its receiver has to discard it. Returns the login that
 * it is to be applied to, NULL for none. */
static inline struct login *on_answer(struct radius_layer *r, struct request *q, struct radius_event *about,
                                      const struct packet *p)
{
    struct login *l = login_of_request(r, q);
    bool counts = !q->answered && !about->packet->malformed;
    about->role = q->answered ? RADIUS_REPEATED_RESPONSE : RADIUS_RESPONSE;
    about_request(r, about, q, p);
    check(r, about, p, q->authenticator);
    if (counts) {
        q->answered = true;
        request_touch(r, q, r->active_ns, false);
    }
    tell(r, about, TO_CLIENT, l);
    return counts ? l : NULL;
}

/*
 * Whether an answer from elsewhere is one to this request, and not to one of the same identifier that was sent to its source
 * before the capture began: so long ago nobody is answered now, the request was repeated as of a NAS that passed the answer
 * over, or the secret proves it.
 */
static bool is_surely_of(const struct radius_layer *r, const struct request *q, const struct radius_event *answer)
{
    return q->transmissions > 1 || elapsed_ns(r->active_ns, r->began_ns) >= RADIUS_ANSWER_NS ||
           answer->authenticator == RADIUS_CHECK_VALID;
}

/* An answer to no request that was seen. */
static void tell_unmatched(struct radius_layer *r, struct radius_event *about, const struct packet *p, struct login *l)
{
    static const struct place nowhere;
    about->role = RADIUS_UNMATCHED_RESPONSE;
    about->request = about->request_last = &nowhere;
    check(r, about, p, NULL);
    tell(r, about, TO_CLIENT, l);
}

/* An answer from where nobody was asked. RRAS passes it over; so its EAP is not fed, but its State may still come back. One that
 * may be another's is told as an answer to nothing, and begins nothing. */
static RARELY_CALLED bool on_wrong_source(struct radius_layer *r, const struct radius_event *about, const struct packet *p)
{
    struct request_key key = key_of_packet(p, false);
    struct request *q = request_find_elsewhere(r, &key, about->code);
    if (q == NULL)
        return false;
    struct radius_event wrong = *about, unmatched = *about;
    about_request(r, &wrong, q, p);
    wrong.client = &request_asked(r, q)->client;
    wrong.server = &request_asked(r, q)->server;
    check(r, &wrong, p, q->authenticator);
    if (wrong.authenticator == RADIUS_CHECK_INVALID)
        return false;
    if (!is_surely_of(r, q, &wrong)) {
        tell_unmatched(r, &unmatched, p, NULL);
        return true;
    }
    struct login *l = login_of_request(r, q);
    wrong.role = RADIUS_WRONG_SOURCE;
    tell(r, &wrong, TO_CLIENT, l);
    if (l != NULL && !wrong.packet->malformed)
        login_remember(r, l, wrong.packet->state, &wrong.server->address);
    return true;
}

/*
 * Where answers alone were captured: the login whose next EAP identifier this is. Many logins may be under way between
 * the same ports, so a challenge's State must resemble the one before, and an end must bear the next RADIUS identifier.
 */
static struct login *login_by_answers(struct radius_layer *r, const struct radius_event *about, const struct packet *p)
{
    const struct radius_packet *rp = about->packet;
    const struct endpoint *client = about->client, *server = about->server;
    if (rp->eap_pieces == 0 || rp->eap[0].len < 4)
        return NULL;
    uint8_t identifier = rp->eap[0].data[1];
    struct login *l = login_find_expected(r, client, server, p->tunnel, identifier);
    if (rp->code == RADIUS_ACCESS_CHALLENGE)
        return l != NULL && login_state_resembles(l, rp->state) ? l : NULL;
    if (l == NULL) /* RFC 3748 section 4.2: Success and Failure repeat the identifier of the last round */
        l = login_find_expected(r, client, server, p->tunnel, (uint8_t)(identifier + 1));
    return l != NULL && rp->identifier == (uint8_t)(l->identifier + 1) ? l : NULL;
}

/*
 * Where the capture lost a request, or has it behind its answer: the one login between the same ports whose State a
 * challenge's resembles and whose EAP identifier it follows. Of the latest only, as there are few that lack one.
 */
static RARELY_CALLED struct login *login_skipped(const struct radius_layer *r, const struct radius_event *about,
                                                 const struct packet *p)
{
    enum { LOOKED_AT = 64 };
    const struct radius_packet *rp = about->packet;
    uint8_t code, identifier, type;
    struct login *found = NULL;
    if (rp->code != RADIUS_ACCESS_CHALLENGE || !eap_header(rp, &code, &identifier, &type) || code != EAP_REQUEST)
        return NULL;
    uint32_t item = r->open.tail;
    for (unsigned i = 0; i < LOOKED_AT && item != 0; i++, item = r->logins[item].links.prev) {
        struct login *l = &r->logins[item];
        if (!l->expects || (uint8_t)(l->expected + 1) != identifier || l->tunnel != p->tunnel ||
            !endpoint_equal(&l->pub.client, about->client) || !endpoint_equal(&l->pub.server, about->server) ||
            !login_state_resembles(l, rp->state))
            continue;
        if (found != NULL)
            return NULL; /* two logins that it fits are both left alone */
        found = l;
    }
    return found;
}

/* The login of an answer whose request was not seen: by a State that stays the same, else by its EAP identifier; else a
 * challenge begins one in its middle. */
static struct login *login_for_unmatched(struct radius_layer *r, const struct radius_event *about, const struct packet *p,
                                         bool peer_seen)
{
    const struct radius_packet *rp = about->packet;
    const struct endpoint *client = about->client, *server = about->server;
    const struct address *issuer;
    if (rp->malformed || rp->eap_pieces == 0)
        return NULL;
    struct login *l = login_find(r, rp->state, &client->address, &server->address, p->tunnel, &issuer);
    if (l != NULL)
        return issuer == NULL ? l : NULL;
    l = peer_seen ? login_skipped(r, about, p) : login_by_answers(r, about, p);
    if (l != NULL || rp->code != RADIUS_ACCESS_CHALLENGE || rp->state.len == 0)
        return l;
    return login_open(r, client, server, p->tunnel, true);
}

static struct login *on_unmatched(struct radius_layer *r, struct radius_event *about, const struct packet *p, bool peer_seen)
{
    const struct radius_packet *rp = about->packet;
    struct login *l = login_for_unmatched(r, about, p, peer_seen);
    uint8_t code, identifier, type;
    tell_unmatched(r, about, p, l);
    if (l == NULL)
        return NULL;
    l->identifier = rp->identifier;
    if (!peer_seen && rp->code == RADIUS_ACCESS_CHALLENGE && eap_header(rp, &code, &identifier, &type))
        login_expect(r, l, (uint8_t)(identifier + 1));
    return l;
}

static RARELY_CALLED struct login *on_other_response(struct radius_layer *r, struct radius_event *about,
                                                     const struct packet *p, bool peer_seen)
{
    bool elsewhere = !peer_seen && on_wrong_source(r, about, p);
    return elsewhere ? NULL : on_unmatched(r, about, p, peer_seen);
}

static inline void on_response(struct radius_layer *r, struct request *q, const struct radius_packet *rp,
                               const struct packet *p, bool peer_seen)
{
    struct radius_event about;
    begin_event(&about, rp, p, false);
    bool answers = q != NULL && request_accepts(q->code, rp->code);
    struct login *l = answers ? on_answer(r, q, &about, p) : on_other_response(r, &about, p, peer_seen);
    if (l != NULL)
        apply_answer(r, l, &about);
}

/* The value of the State that stands where this client had it last; data NULL: none does. */
static inline struct span state_expected(const struct pair *pair, struct span bytes)
{
    size_t at = pair->state_at < 0 ? bytes.len + (size_t)pair->state_at : (size_t)pair->state_at;
    struct cursor c = cursor_of(bytes);
    struct span header, value;
    bool there = pair->state_at != 0 && take_skip(&c, at) && take_span(&c, ATTRIBUTE_HEADER, &header) &&
                 header.data[0] == ATTRIBUTE_STATE && header.data[1] >= ATTRIBUTE_HEADER &&
                 take_span(&c, header.data[1] - (size_t)ATTRIBUTE_HEADER, &value);
    return there ? value : (struct span){0};
}

/* Most of a request repeats what the one before in its login said; so it is good to know the login before it is read. */
static inline const struct radius_stretch *look_ahead(const struct radius_layer *r, const struct packet *p,
                                                      struct ahead *ahead)
{
    ahead->state.data = NULL;
    ahead->login = NULL;
    ahead->issuer = NULL;
    if (ahead->pair == NULL)
        return NULL;
    ahead->state = state_expected(ahead->pair, p->payload);
    if (ahead->state.data == NULL)
        return NULL;
    ahead->login = login_find(r, ahead->state, &p->src.address, &p->dst.address, p->tunnel, &ahead->issuer);
    return ahead->login != NULL ? &r->stretches[login_item(r, ahead->login)] : NULL;
}

static RARELY_CALLED struct request *sought_in_index(const struct radius_layer *r, const struct packet *p, bool request)
{
    struct request_key key = key_of_packet(p, request);
    return request_find(r, &key);
}

/* The request that a packet is or answers; `noted`: its item, or 0 when the index must know it. */
static inline struct request *request_at_hand(const struct radius_layer *r, const struct packet *p, uint32_t noted, bool request)
{
    return noted != 0 ? &r->requests[noted] : sought_in_index(r, p, request);
}

static inline uint32_t noted_in(const struct radius_layer *r, const struct pair *pair, const struct packet *p)
{
    uint32_t noted = pair != NULL ? pair->items[p->payload.data[1]] : 0;
    near_bytes(&r->requests[noted], sizeof *r->requests);
    return noted;
}

static RARELY_CALLED void request_packet(struct radius_layer *r, const struct packet *p, bool peer_seen)
{
    struct radius_packet rp;
    struct ahead ahead;
    ahead.pair = pair_of(r, &p->ends, p->ends.from_low);
    uint32_t noted = noted_in(r, ahead.pair, p);
    const struct radius_stretch *known = look_ahead(r, p, &ahead);
    if (!radius_parse_again(p->payload, p->payload_wire_len, known, &rp)) {
        r->counters.malformed++;
        return;
    }
    r->counters.malformed += rp.malformed;
    on_request(r, request_at_hand(r, p, noted, true), &rp, p, peer_seen, &ahead);
}

static RARELY_CALLED void response_packet(struct radius_layer *r, const struct packet *p, bool peer_seen)
{
    struct radius_packet rp;
    uint32_t noted = noted_in(r, pair_of(r, &p->ends, !p->ends.from_low), p);
    if (!radius_parse(p->payload, p->payload_wire_len, &rp)) {
        r->counters.malformed++;
        return;
    }
    r->counters.malformed += rp.malformed;
    on_response(r, request_at_hand(r, p, noted, false), &rp, p, peer_seen);
}

void radius_layer_packet(struct radius_layer *r, const struct packet *p, bool peer_seen)
{
    bool in_full = p->payload_wire_len == p->payload.len;
    if (p->payload.len < RADIUS_HEADER) {
        r->counters.malformed += in_full; /* a cut header is the capture's fault */
        return;
    }
    memcpy(&r->place, p->frame, sizeof r->place); /* as frame_place() */
    r->active_ns = p->frame->time_ns < r->now_ns ? r->now_ns : p->frame->time_ns;
    if (radius_is_request(p->payload.data[0]))
        request_packet(r, p, peer_seen);
    else
        response_packet(r, p, peer_seen);
}

bool radius_layer_expects(const struct radius_layer *r, const struct packet *p)
{
    if (!radius_recognise(p->payload, p->payload_wire_len) || radius_is_request(p->payload.data[0]))
        return false;
    struct request_key key = key_of_packet(p, false);
    const struct request *q = request_find(r, &key);
    if (q != NULL)
        return request_accepts(q->code, p->payload.data[0]);
    return request_find_elsewhere(r, &key, p->payload.data[0]) != NULL;
}

/* Nobody falls silent at once with everybody else: not even repetitions came, so it is the capture that stood still. */
static RARELY_CALLED bool many_were_under_way(const struct radius_layer *r)
{
    enum { MANY = 8, LATELY_NS = 1000000000 };
    uint32_t item = r->open.tail;
    unsigned count = 0;
    for (; item != 0 && count < MANY && elapsed_ns(r->now_ns, r->logins[item].since_ns) < LATELY_NS; count++)
        item = r->logins[item].links.prev;
    return count == MANY;
}

void radius_layer_time(struct radius_layer *r, int64_t now_ns)
{
    r->now_ns = now_ns;
    if (r->began_ns == INT64_MIN)
        r->began_ns = now_ns;
    requests_time(r, now_ns);
    logins_time(r, now_ns);
}

void radius_layer_hole(struct radius_layer *r)
{
    if (many_were_under_way(r))
        radius_layer_finish(r, r->now_ns);
}

void radius_layer_finish(struct radius_layer *r, int64_t end_ns)
{
    requests_finish(r, end_ns);
    logins_finish(r);
}
