/* RADIUS with a memory: what belongs together, what was asked again, what stayed without an answer. */
#include "addresses_by_hand.h"
#include "radius_bytes.h"

#include <stdio.h>
#include <stdlib.h>

#include "dissect/radius/radius_layer.h"

#define SECOND INT64_C(1000000000)
enum { EVENTS_MAX = 4096 };

struct seen {
    enum event_kind kind;
    enum radius_role role;
    enum direction dir;
    uint32_t conv;
    bool begun_before;
    struct radius_event radius; /* its pointers are not to be followed */
    struct endpoint server, source; /* what four of them pointed to */
    struct place request, request_last;
    struct eap_packet eap;
    enum close_reason reason;
    bool closed_with_eap;
    struct place place;
};

struct bench {
    struct secrets *secrets;
    struct tls_context *tls;
    struct radius_layer *layer;
    uint32_t serial;
    uint64_t frame;
    int64_t now;
    bool one_sided; /* peers are told as not seen */
    bool straight;  /* EAP events are asked for without the sink */
    unsigned came_straight;
    size_t count;
    struct seen events[EVENTS_MAX];
};

static void on_eap(void *user, const struct eap_event *e)
{
    struct bench *b = user;
    b->came_straight += e->kind == EAP_EVENT_PACKET;
}

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    if (e->kind == EVENT_OPENED && b->straight) {
        assert_null(e->conv->user);
        assert_null(e->conv->on_eap);
        e->conv->user = b;
        e->conv->on_eap = on_eap;
    }
    if (e->kind == EVENT_EAP && e->u.eap->kind != EAP_EVENT_PACKET)
        return;
    assert_true(b->count < EVENTS_MAX);
    struct seen *s = &b->events[b->count++];
    *s = (struct seen){.kind = e->kind, .dir = e->dir, .place = e->place};
    if (e->conv != NULL) {
        s->conv = e->conv->id;
        s->begun_before = e->conv->begun_before;
    }
    if (e->kind == EVENT_RADIUS) {
        s->radius = *e->u.radius;
        s->role = e->u.radius->role;
        s->server = *e->u.radius->server;
        s->request = *e->u.radius->request;
        s->request_last = *e->u.radius->request_last;
        if (e->u.radius->source != NULL)
            s->source = *e->u.radius->source;
    } else if (e->kind == EVENT_EAP) {
        s->eap = *e->u.eap->u.packet;
    } else if (e->kind == EVENT_CLOSED) {
        s->reason = e->u.closed.reason;
        s->closed_with_eap = e->u.closed.eap != NULL;
    }
}

static struct bench *bench_of(uint32_t requests, uint32_t conversations)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->secrets = secrets_new();
    b->tls = tls_context_new(b->secrets, 1 << 20);
    b->now = 1700000000 * SECOND;
    b->layer = radius_layer_new(&(struct radius_layer_options){.secrets = b->secrets, .tls = b->tls,
                                                               .sink = {on_event, b, &b->serial, NULL}, .requests = requests,
                                                               .conversations = conversations});
    assert_non_null(b->layer);
    return b;
}

static void bench_free(struct bench *b)
{
    radius_layer_free(b->layer);
    tls_context_free(b->tls);
    secrets_free(b->secrets);
    free(b);
}

static void pass(struct bench *b, int64_t ns)
{
    b->now += ns;
    radius_layer_time(b->layer, b->now);
}

/* One datagram, a millisecond after the one before; what it caused is in events[0 .. count). */
static void send_packet(struct bench *b, struct endpoint from, struct endpoint to, const struct bytes *bytes, uint32_t tunnel)
{
    pass(b, 1000000);
    struct frame frame = {.number = ++b->frame, .time_ns = b->now};
    struct packet p = {.frame = &frame, .kind = PACKET_UDP, .src = from, .dst = to, .payload = bytes_span(bytes),
                       .payload_wire_len = (uint32_t)bytes->len, .tunnel = tunnel, .ip_proto = IP_PROTO_UDP};
    b->count = 0;
    p.ends = packet_ends_of(&p);
    radius_layer_packet(b->layer, &p, !b->one_sided);
}

#define NAS at("10.0.0.1", 50000)
#define NPS at("10.0.1.1", 1812)

static struct bytes request_bytes(uint8_t identifier, uint8_t mark, const char *state, uint8_t eap_identifier, uint8_t eap_type)
{
    struct bytes r = radius_packet_of(RADIUS_ACCESS_REQUEST, identifier, mark);
    add_text(&r, 1, "alice");
    if (state != NULL)
        add_text(&r, 24, state);
    add_eap(&r, EAP_RESPONSE, eap_identifier, eap_type, 3);
    return r;
}

static void ask(struct bench *b, uint8_t identifier, uint8_t mark, const char *state)
{
    struct bytes r = request_bytes(identifier, mark, state, (uint8_t)(mark + 1), state != NULL ? EAP_TYPE_PEAP : EAP_TYPE_IDENTITY);
    send_packet(b, NAS, NPS, &r, 0);
}

static void challenge(struct bench *b, struct endpoint from, uint8_t identifier, const char *state)
{
    struct bytes r = radius_packet_of(RADIUS_ACCESS_CHALLENGE, identifier, 0xcc);
    add_text(&r, 24, state);
    add_eap(&r, EAP_REQUEST, (uint8_t)(identifier + 100), EAP_TYPE_PEAP, 1);
    send_packet(b, from, NAS, &r, 0);
}

static void finish_with(struct bench *b, uint8_t code, uint8_t identifier)
{
    struct bytes r = radius_packet_of(code, identifier, 0xaa);
    add_attribute(&r, 79, code == RADIUS_ACCESS_ACCEPT ? "\x03\x09\x00\x04" : "\x04\x09\x00\x04", 4);
    send_packet(b, NPS, NAS, &r, 0);
}

static const struct seen *first_of(const struct bench *b, enum event_kind kind)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->events[i].kind == kind)
            return &b->events[i];
    return NULL;
}

/* The one RADIUS event of the last packet. */
static const struct seen *told(const struct bench *b)
{
    const struct seen *s = first_of(b, EVENT_RADIUS);
    assert_non_null(s);
    return s;
}

static const struct seen *unanswered(const struct bench *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->events[i].kind == EVENT_RADIUS && b->events[i].role == RADIUS_UNANSWERED)
            return &b->events[i];
    return NULL;
}

static void a_login_is_told_from_open_to_close_in_order(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[0].kind, EVENT_OPENED);
    assert_int_equal(b->events[1].kind, EVENT_RADIUS);
    assert_int_equal(b->events[1].role, RADIUS_NEW_REQUEST);
    assert_int_equal(b->events[2].kind, EVENT_EAP);
    assert_int_equal(b->events[2].eap.type, EAP_TYPE_IDENTITY);
    challenge(b, NPS, 1, "s1");
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    assert_int_equal(told(b)->conv, 1);
    assert_int_equal(told(b)->radius.elapsed_ns, 1000000);
    assert_int_equal(told(b)->request.frame, 1);
    assert_int_equal(told(b)->radius.request_code, RADIUS_ACCESS_REQUEST);
    assert_non_null(first_of(b, EVENT_EAP));
    ask(b, 2, 2, "s1");
    assert_int_equal(told(b)->conv, 1);
    assert_null(first_of(b, EVENT_OPENED));
    finish_with(b, RADIUS_ACCESS_REJECT, 2);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[0].kind, EVENT_RADIUS);
    assert_int_equal(b->events[1].kind, EVENT_EAP);
    assert_int_equal(b->events[1].eap.code, EAP_FAILURE);
    assert_int_equal(b->events[2].kind, EVENT_CLOSED);
    assert_int_equal(b->events[2].reason, CLOSE_FINAL);
    assert_true(b->events[2].closed_with_eap);
    b->count = 0;
    radius_layer_finish(b->layer, b->now);
    assert_int_equal(b->count, 0);
    bench_free(b);
}

/* More logins than identifiers, all on one socket: each round of each must find its own. */
static void interleaved_logins_on_one_socket_never_mix(void **state)
{
    (void)state;
    enum { LOGINS = 60, ROUNDS = 12 };
    struct bench *b = bench_of(1024, 256);
    uint32_t conv[LOGINS];
    uint8_t identifier[LOGINS];
    unsigned asked = 0;
    char name[32];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned l = 0; l < LOGINS; l++) {
            snprintf(name, sizeof name, "login %u round %u", l, round - 1);
            identifier[l] = (uint8_t)asked++;
            ask(b, identifier[l], (uint8_t)(asked + asked / 256), round > 0 ? name : NULL); /* no pair comes twice */
            assert_int_equal(told(b)->role, RADIUS_NEW_REQUEST);
            if (round == 0)
                conv[l] = told(b)->conv;
            assert_int_equal(told(b)->conv, conv[l]);
            assert_false(told(b)->radius.state_unknown);
        }
        for (unsigned l = LOGINS; l-- > 0;) {
            snprintf(name, sizeof name, "login %u round %u", l, round);
            if (round + 1 < ROUNDS)
                challenge(b, NPS, identifier[l], name);
            else
                finish_with(b, RADIUS_ACCESS_ACCEPT, identifier[l]);
            assert_int_equal(told(b)->role, RADIUS_RESPONSE);
            assert_int_equal(told(b)->conv, conv[l]);
        }
    }
    assert_int_equal(b->serial, LOGINS);
    bench_free(b);
}

static void one_state_for_all_rounds_and_any_port_continues(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "the same");
    struct bytes r = request_bytes(77, 9, "the same", 5, EAP_TYPE_PEAP);
    send_packet(b, at("10.0.0.1", 50001), NPS, &r, 0);
    assert_int_equal(told(b)->conv, 1);
    assert_false(told(b)->radius.other_server);
    struct bytes c = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 77, 3);
    add_text(&c, 24, "the same");
    send_packet(b, NPS, at("10.0.0.1", 50001), &c, 0);
    assert_int_equal(told(b)->conv, 1);
    ask(b, 3, 3, "the same");
    assert_int_equal(told(b)->conv, 1);
    bench_free(b);
}

static void a_retransmission_is_counted_and_its_eap_not_fed_again(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    pass(b, 2 * SECOND);
    ask(b, 1, 1, NULL);
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->role, RADIUS_RETRANSMISSION);
    assert_int_equal(told(b)->radius.transmissions, 2);
    assert_int_equal(told(b)->request.frame, 1);
    assert_int_equal(told(b)->request_last.frame, 2);
    challenge(b, NPS, 1, "s");
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    assert_true(told(b)->radius.elapsed_ns > 2 * SECOND);
    challenge(b, NPS, 1, "s");
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->role, RADIUS_REPEATED_RESPONSE);
    assert_int_equal(told(b)->conv, 1);
    ask(b, 1, 1, NULL);
    assert_int_equal(told(b)->role, RADIUS_RETRANSMISSION);
    pass(b, 2 * RADIUS_ANSWER_NS);
    assert_null(unanswered(b));
    bench_free(b);
}

static void silence_is_told_once_after_its_time(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    pass(b, 20 * SECOND);
    ask(b, 1, 1, NULL);
    b->count = 0;
    pass(b, RADIUS_ANSWER_NS - 1);
    assert_int_equal(b->count, 0);
    pass(b, 1);
    const struct seen *s = unanswered(b);
    assert_non_null(s);
    assert_int_equal(s->radius.transmissions, 2);
    assert_int_equal(s->radius.code, RADIUS_ACCESS_REQUEST);
    assert_int_equal(s->conv, 1);
    assert_int_equal(s->place.frame, 2);
    assert_false(s->radius.capture_ended);
    assert_false(s->radius.icmp_unreachable);
    assert_null(s->radius.packet);
    b->count = 0;
    ask(b, 1, 1, NULL);
    assert_int_equal(told(b)->radius.transmissions, 3);
    pass(b, RADIUS_ANSWER_NS);
    assert_null(unanswered(b));
    challenge(b, NPS, 1, "late");
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    bench_free(b);
}

static void a_request_replaced_or_cut_off_by_the_end_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    ask(b, 1, 2, NULL);
    assert_int_equal(b->events[0].role, RADIUS_UNANSWERED);
    assert_int_equal(b->events[0].conv, 1);
    assert_int_equal(b->events[0].request.frame, 1);
    assert_int_equal(first_of(b, EVENT_OPENED)->conv, 2);
    b->count = 0;
    radius_layer_finish(b->layer, b->now + 5 * SECOND);
    assert_non_null(unanswered(b));
    assert_true(unanswered(b)->radius.capture_ended);
    assert_int_equal(first_of(b, EVENT_CLOSED)->reason, CLOSE_END);
    bench_free(b);
}

static void an_old_silence_at_the_end_is_not_the_end_s_fault(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    b->count = 0;
    radius_layer_finish(b->layer, b->now + RADIUS_ANSWER_NS);
    assert_non_null(unanswered(b));
    assert_false(unanswered(b)->radius.capture_ended);
    bench_free(b);
}

/* Eight logins under way fall silent at once: it is the capture that stood still. Of seven, nobody can say. */
static void many_logins_end_with_the_capture_before_a_hole(void **state)
{
    (void)state;
    for (unsigned logins = 7; logins <= 8; logins++) {
        struct bench *b = bench_of(64, 64);
        for (unsigned i = 0; i < logins; i++)
            ask(b, (uint8_t)i, (uint8_t)(i + 1), NULL);
        b->count = 0;
        radius_layer_hole(b->layer);
        size_t closed = 0;
        for (size_t i = 0; i < b->count; i++) {
            closed += b->events[i].kind == EVENT_CLOSED && b->events[i].reason == CLOSE_END;
            assert_true(b->events[i].kind != EVENT_RADIUS || b->events[i].radius.capture_ended);
        }
        assert_int_equal(closed, logins == 8 ? 8 : 0);
        pass(b, SECOND + SECOND / 2); /* logins of long ago say nothing about now */
        b->count = 0;
        radius_layer_hole(b->layer);
        assert_int_equal(b->count, 0);
        bench_free(b);
    }
}

static void an_answer_from_elsewhere_is_a_wrong_source(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    pass(b, 0);
    pass(b, RADIUS_ANSWER_NS); /* whom it asked before the capture began gave up by now */
    ask(b, 1, 1, NULL);
    b->one_sided = true; /* that is: the NAS never asked 10.0.1.9 */
    challenge(b, at("10.0.1.9", 1812), 1, "s");
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->role, RADIUS_WRONG_SOURCE);
    assert_int_equal(told(b)->conv, 1);
    struct endpoint asked = NPS, source = at("10.0.1.9", 1812);
    assert_true(endpoint_equal(&told(b)->server, &asked));
    assert_true(endpoint_equal(&told(b)->source, &source));
    challenge(b, at("10.0.1.1", 1899), 1, "s");
    assert_int_equal(told(b)->role, RADIUS_WRONG_SOURCE);
    pass(b, RADIUS_ANSWER_NS);
    assert_non_null(unanswered(b));
    bench_free(b);
}

/* A NAS that asks two servers from one port: the request to the other may have gone before the capture began. */
static void an_early_answer_from_elsewhere_may_be_to_what_came_before(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    b->one_sided = true;
    challenge(b, at("10.0.1.9", 1812), 1, "theirs");
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    assert_int_equal(told(b)->conv, 0);
    struct endpoint source = at("10.0.1.9", 1812);
    assert_true(endpoint_equal(&told(b)->server, &source));
    struct bytes goes_on = request_bytes(2, 2, "theirs", 5, EAP_TYPE_PEAP);
    send_packet(b, NAS, source, &goes_on, 0); /* and so it was */
    assert_int_equal(told(b)->conv, 2);
    assert_false(told(b)->radius.other_server);
    b->one_sided = false;
    challenge(b, NPS, 1, "ours");
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    assert_int_equal(told(b)->conv, 1);
    bench_free(b);
}

static void a_repeated_request_was_not_answered_by_whom_it_asked(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    b->one_sided = true;
    challenge(b, at("10.0.1.9", 1812), 1, "s");
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    ask(b, 1, 1, NULL);
    assert_int_equal(told(b)->role, RADIUS_RETRANSMISSION);
    challenge(b, at("10.0.1.9", 1812), 1, "s");
    assert_int_equal(told(b)->role, RADIUS_WRONG_SOURCE);
    assert_int_equal(told(b)->conv, 1);
    bench_free(b);
}

static void an_answer_from_a_server_that_was_asked_too_is_not_wrong(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, at("10.0.1.9", 1812), 1, "s");
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    bench_free(b);
}

/* The vector's challenge from another address proves itself; with another secret it proves nothing and is not told as R5. */
static void the_secret_decides_about_a_wrong_source(void **state)
{
    (void)state;
    for (int right = 0; right < 2; right++) {
        struct bench *b = bench_of(64, 64);
        struct bytes request = from_hex(REQUEST_HEX), answer = from_hex(CHALLENGE_HEX);
        const char *secret = right ? TEST_SECRET : "other";
        struct address nas = NAS.address;
        assert_true(secrets_add_radius(b->secrets, &nas, 32, span_of(secret, strlen(secret))));
        send_packet(b, NAS, NPS, &request, 0);
        assert_int_equal(told(b)->radius.message_authenticator, right ? RADIUS_CHECK_VALID : RADIUS_CHECK_INVALID);
        b->one_sided = true;
        send_packet(b, at("10.0.1.9", 1812), NAS, &answer, 0);
        assert_int_equal(told(b)->role, right ? RADIUS_WRONG_SOURCE : RADIUS_UNMATCHED_RESPONSE);
        if (right)
            assert_int_equal(told(b)->radius.authenticator, RADIUS_CHECK_VALID);
        bench_free(b);
    }
}

static void a_state_taken_to_another_server_continues_and_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "from one");
    struct bytes r = request_bytes(2, 2, "from one", 5, EAP_TYPE_PEAP);
    send_packet(b, NAS, at("10.0.1.2", 1812), &r, 0);
    assert_int_equal(told(b)->conv, 1);
    assert_true(told(b)->radius.other_server);
    struct address issuer = NPS.address;
    assert_true(address_equal(&told(b)->radius.state_server.address, &issuer));
    bench_free(b);
}

/* The proxy passes the home server's State on unchanged: two hops, two conversations. */
static void both_hops_of_a_proxy_stay_apart(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    struct endpoint proxy = at("10.0.2.1", 1812), out = at("10.0.2.1", 60000);
    struct bytes first = request_bytes(1, 1, NULL, 1, EAP_TYPE_IDENTITY), forwarded = request_bytes(9, 2, NULL, 1, EAP_TYPE_IDENTITY);
    send_packet(b, NAS, proxy, &first, 0);
    send_packet(b, out, NPS, &forwarded, 0);
    assert_int_equal(told(b)->conv, 2);
    struct bytes c = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 9, 3);
    add_text(&c, 24, "home's state");
    send_packet(b, NPS, out, &c, 0);
    assert_int_equal(told(b)->conv, 2);
    c.data[1] = 1;
    send_packet(b, proxy, NAS, &c, 0);
    assert_int_equal(told(b)->conv, 1);
    struct bytes second = request_bytes(2, 3, "home's state", 2, EAP_TYPE_PEAP), second_out = request_bytes(10, 4, "home's state", 2, EAP_TYPE_PEAP);
    send_packet(b, NAS, proxy, &second, 0);
    assert_int_equal(told(b)->conv, 1);
    assert_false(told(b)->radius.other_server);
    send_packet(b, out, NPS, &second_out, 0);
    assert_int_equal(told(b)->conv, 2);
    assert_false(told(b)->radius.other_server);
    bench_free(b);
}

static void the_same_addresses_in_two_tunnels_are_two_hosts(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    struct bytes r = request_bytes(1, 1, NULL, 1, EAP_TYPE_IDENTITY), c = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 3);
    add_text(&c, 24, "s");
    send_packet(b, NAS, NPS, &r, 11);
    send_packet(b, NAS, NPS, &r, 22);
    assert_int_equal(told(b)->role, RADIUS_NEW_REQUEST);
    assert_int_equal(told(b)->conv, 2);
    send_packet(b, NPS, NAS, &c, 11);
    assert_int_equal(told(b)->conv, 1);
    struct bytes next = request_bytes(2, 2, "s", 2, EAP_TYPE_PEAP);
    send_packet(b, NAS, NPS, &next, 22);
    assert_true(told(b)->radius.state_unknown);
    bench_free(b);
}

static void ipv6_is_followed_likewise(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    struct endpoint nas = at("2001:db8::1", 50000), nps = at("2001:db8:1::1", 1812), alike = at("2001:db8::2", 50000);
    struct bytes r = request_bytes(1, 1, NULL, 1, EAP_TYPE_IDENTITY), c = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 3);
    add_text(&c, 24, "s");
    send_packet(b, nas, nps, &r, 0);
    send_packet(b, alike, nps, &r, 0);
    assert_int_equal(told(b)->conv, 2);
    send_packet(b, nps, nas, &c, 0);
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    assert_int_equal(told(b)->conv, 1);
    bench_free(b);
}

static void an_unknown_state_begins_before_the_capture(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, "never seen");
    assert_int_equal(b->events[0].kind, EVENT_OPENED);
    assert_true(b->events[0].begun_before);
    assert_true(told(b)->radius.state_unknown);
    challenge(b, NPS, 1, "known now");
    ask(b, 2, 2, "known now");
    assert_int_equal(told(b)->conv, 1);
    assert_false(told(b)->radius.state_unknown);
    ask(b, 3, 3, "never seen"); /* the client did not get the answer and asks anew */
    assert_int_equal(told(b)->conv, 1);
    bench_free(b);
}

static void a_challenge_without_its_request_begins_one(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    challenge(b, NPS, 1, "s");
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    assert_true(b->events[0].begun_before);
    ask(b, 2, 2, "s");
    assert_int_equal(told(b)->conv, 1);
    assert_false(told(b)->radius.state_unknown);
    finish_with(b, RADIUS_ACCESS_ACCEPT, 99);
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    assert_int_equal(told(b)->conv, 0);
    bench_free(b);
}

/* States as FreeRADIUS makes them: a few bytes change from round to round. */
static void a_lost_challenge_does_not_split_a_login(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "22bac2cc22c1dbb285");
    ask(b, 2, 2, NULL);
    challenge(b, NPS, 2, "91e0ffd122c1700412");
    ask(b, 5, 5, "22bac2cc2538dbb285");
    assert_int_equal(told(b)->conv, 1);
    assert_true(told(b)->radius.state_unknown);
    ask(b, 6, 6, "aaaaaaaaaaaaaaaaaa");
    assert_int_equal(told(b)->conv, 3);
    bench_free(b);
}

/* The capture lacks a request, or has it behind its answer: the challenge continues the one login that it fits. */
static void a_lost_request_does_not_split_a_login(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "22bac2cc22c1dbb285");
    challenge(b, NPS, 2, "22bac2cc2538dbb285");
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    assert_int_equal(told(b)->conv, 1);
    ask(b, 3, 3, "22bac2cc2538dbb285");
    assert_int_equal(told(b)->conv, 1);
    assert_false(told(b)->radius.state_unknown);
    challenge(b, NPS, 3, "22bac2cc26aadbb285");
    challenge(b, NPS, 5, "22bac2cc2777dbb285"); /* two rounds further: whose, nobody knows */
    assert_int_equal(told(b)->conv, 2);
    ask(b, 3, 9, NULL); /* two that it fits, and one with another State */
    challenge(b, NPS, 3, "22bac2cc26ccdbb285");
    challenge(b, NPS, 4, "22bac2cc28aadbb285");
    assert_int_equal(told(b)->conv, 4);
    bench_free(b);
    b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "22bac2cc22c1dbb285");
    challenge(b, NPS, 2, "91e0ffd122c1700412");
    assert_int_equal(told(b)->conv, 2);
    bench_free(b);
}

static void requests_alone_are_followed_by_their_eap_identifiers(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    b->one_sided = true;
    struct bytes r[] = {request_bytes(1, 1, NULL, 40, EAP_TYPE_IDENTITY), request_bytes(2, 2, "one", 41, EAP_TYPE_PEAP),
                        request_bytes(3, 3, "another", 42, EAP_TYPE_PEAP), request_bytes(4, 4, "third", 90, EAP_TYPE_PEAP)};
    static const uint32_t conv[] = {1, 1, 1, 2};
    for (size_t i = 0; i < sizeof r / sizeof *r; i++) {
        send_packet(b, NAS, NPS, &r[i], 0);
        assert_int_equal(told(b)->conv, conv[i]);
    }
    bench_free(b);
}

/* An ICMP error, the code given, that quotes `quoted` bytes of the UDP datagram. */
static void send_icmp(struct bench *b, uint8_t type, uint8_t code, const struct bytes *datagram, size_t quoted)
{
    uint8_t m[8 + 20 + 8 + 128] = {type, code, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0,
                                   10, 0, 0, 1, 10, 0, 1, 1, 50000 >> 8, 50000 & 255, 1812 >> 8, 1812 & 255, 0, 0, 0, 0};
    assert_true(quoted <= 128);
    memcpy(m + 36, datagram->data, quoted);
    pass(b, 1000000);
    struct frame frame = {.number = ++b->frame, .time_ns = b->now};
    struct packet p = {.frame = &frame, .kind = PACKET_ICMP, .src = at("10.0.1.1", 0), .dst = at("10.0.0.1", 0),
                       .payload = span_of(m, 36 + quoted), .payload_wire_len = (uint32_t)(36 + quoted),
                       .ip_proto = IP_PROTO_ICMP};
    b->count = 0;
    radius_layer_icmp(b->layer, &p);
}

static void an_icmp_error_is_told_at_once_and_once(void **state)
{
    (void)state;
    static const size_t quoted[] = {0, 2, 20, 40};
    for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
        struct bench *b = bench_of(64, 64);
        struct bytes r = request_bytes(1, 1, NULL, 1, EAP_TYPE_IDENTITY), other = request_bytes(1, 2, NULL, 1, EAP_TYPE_IDENTITY);
        send_packet(b, NAS, NPS, &r, 0);
        send_icmp(b, 3, 4, &r, quoted[i]);
        assert_int_equal(b->count, 0);
        send_icmp(b, 3, 3, &other, 40);
        assert_int_equal(b->count, 0);
        send_icmp(b, 3, 3, &r, quoted[i]);
        assert_non_null(unanswered(b));
        assert_true(unanswered(b)->radius.icmp_unreachable);
        assert_int_equal(unanswered(b)->place.frame, b->frame);
        assert_int_equal(unanswered(b)->conv, 1);
        send_packet(b, NAS, NPS, &r, 0);
        assert_int_equal(told(b)->radius.transmissions, 2);
        send_icmp(b, 3, 3, &r, quoted[i]);
        pass(b, RADIUS_ANSWER_NS);
        assert_null(unanswered(b));
        bench_free(b);
    }
}

static void accounting_has_no_conversation(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    struct bytes r = radius_packet_of(RADIUS_ACCOUNTING_REQUEST, 1, 1), a = radius_packet_of(RADIUS_ACCOUNTING_RESPONSE, 1, 1);
    add_u32(&r, 40, 1);
    send_packet(b, NAS, at("10.0.1.1", 1813), &r, 0);
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->conv, 0);
    send_packet(b, at("10.0.1.1", 1813), NAS, &a, 0);
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    a.data[0] = RADIUS_ACCESS_ACCEPT;
    send_packet(b, at("10.0.1.1", 1813), NAS, &a, 0);
    assert_int_equal(told(b)->role, RADIUS_UNMATCHED_RESPONSE);
    bench_free(b);
}

static void malformed_answers_do_not_count(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    struct radius_layer_counters counters;
    ask(b, 1, 1, NULL);
    struct bytes r = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 1);
    add_eap(&r, EAP_REQUEST, 2, EAP_TYPE_PEAP, 1);
    add_text(&r, 24, "state");
    r.data[r.len - 6] = 60;
    send_packet(b, NPS, NAS, &r, 0);
    assert_int_equal(b->count, 1);
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    radius_layer_get_counters(b->layer, &counters);
    assert_int_equal(counters.malformed, 1);
    pass(b, RADIUS_ANSWER_NS);
    assert_non_null(unanswered(b));
    bench_free(b);
}

static void idle_logins_are_closed(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "s");
    b->count = 0;
    pass(b, CONVERSATION_IDLE_NS - 1);
    assert_int_equal(b->count, 0);
    pass(b, 1);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->events[0].kind, EVENT_CLOSED);
    assert_int_equal(b->events[0].reason, CLOSE_IDLE);
    assert_int_equal(b->events[0].place.frame, 2);
    ask(b, 2, 2, "s");
    assert_int_equal(told(b)->conv, 2);
    assert_true(told(b)->radius.state_unknown);
    bench_free(b);
}

static void a_tiny_budget_evicts_the_longest_idle(void **state)
{
    (void)state;
    struct bench *b = bench_of(1, 1); /* sixteen of each are the least */
    struct radius_layer_counters counters;
    for (unsigned i = 0; i < 40; i++) {
        ask(b, (uint8_t)i, (uint8_t)i, NULL);
        const struct seen *closed = first_of(b, EVENT_CLOSED);
        if (i < 16) {
            assert_null(closed);
        } else {
            assert_non_null(closed);
            assert_int_equal(closed->reason, CLOSE_EVICTED);
            assert_int_equal(closed->conv, i - 15);
        }
    }
    radius_layer_get_counters(b->layer, &counters);
    assert_int_equal(counters.conversations, 40);
    assert_int_equal(counters.conversations_evicted, 24);
    assert_int_equal(counters.requests_evicted, 24);
    bench_free(b);
}

/* Requests of any number, answered or not, leave a login in peace whose client heard what the server said. */
static void a_flood_evicts_who_has_not_come_so_far(void **state)
{
    (void)state;
    for (unsigned answered = 0; answered < 2; answered++) {
        struct bench *b = bench_of(1, 1);
        struct radius_layer_counters counters;
        ask(b, 1, 1, NULL);
        challenge(b, NPS, 1, "talks-1");
        ask(b, 2, 2, "talks-1");
        challenge(b, NPS, 2, "talks-2");
        for (unsigned i = 0; i < 200; i++) {
            char flood[16];
            snprintf(flood, sizeof flood, "flood-%u", i);
            ask(b, (uint8_t)(i % 100 + 100), (uint8_t)i, NULL);
            if (answered)
                challenge(b, NPS, (uint8_t)(i % 100 + 100), flood);
        }
        ask(b, 3, 3, "talks-2");
        assert_int_equal(told(b)->conv, 1);
        assert_false(told(b)->radius.state_unknown);
        radius_layer_get_counters(b->layer, &counters);
        assert_int_equal(counters.conversations, 201);
        assert_int_equal(counters.conversations_evicted, 201 - 16);
        bench_free(b);
    }
}

/* Capture time that leaps to both ends of its range and back: nothing is told too early afterwards, nothing overflows. */
static void leaping_time_is_survived(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    static const int64_t leaps[] = {INT64_MAX, INT64_MIN, 0, INT64_MAX, 1700000000 * SECOND};
    for (size_t i = 0; i < sizeof leaps / sizeof *leaps; i++) {
        ask(b, (uint8_t)i, (uint8_t)i, NULL);
        b->now = leaps[i] == INT64_MAX ? leaps[i] - 2000000 : leaps[i];
        radius_layer_time(b->layer, b->now);
    }
    ask(b, 99, 99, NULL);
    challenge(b, NPS, 99, "s");
    assert_int_equal(told(b)->role, RADIUS_RESPONSE);
    ask(b, 100, 100, NULL);
    b->count = 0;
    pass(b, RADIUS_ANSWER_NS);
    assert_non_null(unanswered(b));
    radius_layer_finish(b->layer, INT64_MIN);
    bench_free(b);
}

static void states_of_all_lengths_are_told_apart(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    char one[RADIUS_STATE_MAX + 1], two[RADIUS_STATE_MAX + 1];
    memset(one, 'a', RADIUS_STATE_MAX);
    memset(two, 'a', RADIUS_STATE_MAX);
    one[RADIUS_STATE_MAX] = two[RADIUS_STATE_MAX] = '\0';
    two[RADIUS_STATE_MAX - 1] = 'b';
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, one);
    ask(b, 2, 2, NULL);
    challenge(b, NPS, 2, two);
    ask(b, 3, 3, one);
    assert_int_equal(told(b)->conv, 1);
    ask(b, 4, 4, two);
    assert_int_equal(told(b)->conv, 2);
    bench_free(b);
}

/* However full the table of States gets while it grows, none is lost. */
static void hundreds_of_logins_at_once_keep_their_states(void **state)
{
    (void)state;
    enum { LOGINS = 1500, ROUNDS = 4 };
    struct bench *b = bench_of(LOGINS, LOGINS);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < LOGINS; i++) {
            char last[32], next[32];
            snprintf(last, sizeof last, "of %u in round %u", i, round - 1);
            snprintf(next, sizeof next, "of %u in round %u", i, round);
            struct endpoint nas = at("10.0.0.1", (uint16_t)(20000 + i));
            struct bytes request = request_bytes((uint8_t)i, (uint8_t)round, round > 0 ? last : NULL, (uint8_t)(round + 1),
                                                 round > 0 ? EAP_TYPE_PEAP : EAP_TYPE_IDENTITY);
            send_packet(b, nas, NPS, &request, 0);
            assert_int_equal(told(b)->conv, i + 1);
            assert_false(told(b)->begun_before);
            assert_false(told(b)->radius.state_unknown);
            struct bytes answer = radius_packet_of(RADIUS_ACCESS_CHALLENGE, (uint8_t)i, 0xcc);
            add_text(&answer, 24, next);
            add_eap(&answer, EAP_REQUEST, (uint8_t)(round + 2), EAP_TYPE_PEAP, 1);
            send_packet(b, NPS, nas, &answer, 0);
            assert_int_equal(told(b)->conv, i + 1);
        }
    }
    bench_free(b);
}

static void eap_goes_straight_to_who_asks_for_it_but_malformed(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    b->straight = true;
    ask(b, 1, 1, NULL);
    assert_null(first_of(b, EVENT_EAP));
    assert_int_equal(b->came_straight, 1);
    challenge(b, NPS, 1, "s1");
    assert_null(first_of(b, EVENT_EAP));
    assert_int_equal(b->came_straight, 2);
    struct bytes r = radius_packet_of(RADIUS_ACCESS_REQUEST, 2, 2);
    add_text(&r, 24, "s1");
    add_attribute(&r, 79, "\x02\x65\x00\x40\x19\x00", 6); /* says that it is longer */
    send_packet(b, NAS, NPS, &r, 0);
    assert_non_null(first_of(b, EVENT_EAP));
    assert_true(first_of(b, EVENT_EAP)->eap.malformed);
    assert_int_equal(b->came_straight, 2);
    bench_free(b);
}

/* The memory of a login is used again; what it was is not. */
static void a_login_without_eap_after_one_with_it(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 64);
    ask(b, 1, 1, NULL);
    challenge(b, NPS, 1, "s1");
    ask(b, 2, 2, "s1");
    finish_with(b, RADIUS_ACCESS_ACCEPT, 2);
    assert_true(first_of(b, EVENT_CLOSED)->closed_with_eap);
    struct bytes r = radius_packet_of(RADIUS_ACCESS_REQUEST, 3, 3);
    add_text(&r, 1, "bob");
    add_text(&r, 2, "0123456789abcdef");
    send_packet(b, NAS, NPS, &r, 0);
    assert_non_null(first_of(b, EVENT_OPENED));
    r = radius_packet_of(RADIUS_ACCESS_REJECT, 3, 0xaa);
    send_packet(b, NPS, NAS, &r, 0);
    assert_false(first_of(b, EVENT_CLOSED)->closed_with_eap);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundreds_of_logins_at_once_keep_their_states),
        cmocka_unit_test(a_login_is_told_from_open_to_close_in_order),
        cmocka_unit_test(interleaved_logins_on_one_socket_never_mix),
        cmocka_unit_test(one_state_for_all_rounds_and_any_port_continues),
        cmocka_unit_test(a_retransmission_is_counted_and_its_eap_not_fed_again),
        cmocka_unit_test(silence_is_told_once_after_its_time),
        cmocka_unit_test(a_request_replaced_or_cut_off_by_the_end_is_told),
        cmocka_unit_test(an_old_silence_at_the_end_is_not_the_end_s_fault),
        cmocka_unit_test(many_logins_end_with_the_capture_before_a_hole),
        cmocka_unit_test(an_answer_from_elsewhere_is_a_wrong_source),
        cmocka_unit_test(an_early_answer_from_elsewhere_may_be_to_what_came_before),
        cmocka_unit_test(a_repeated_request_was_not_answered_by_whom_it_asked),
        cmocka_unit_test(an_answer_from_a_server_that_was_asked_too_is_not_wrong),
        cmocka_unit_test(the_secret_decides_about_a_wrong_source),
        cmocka_unit_test(a_state_taken_to_another_server_continues_and_is_told),
        cmocka_unit_test(both_hops_of_a_proxy_stay_apart),
        cmocka_unit_test(the_same_addresses_in_two_tunnels_are_two_hosts),
        cmocka_unit_test(ipv6_is_followed_likewise),
        cmocka_unit_test(an_unknown_state_begins_before_the_capture),
        cmocka_unit_test(a_challenge_without_its_request_begins_one),
        cmocka_unit_test(a_lost_challenge_does_not_split_a_login),
        cmocka_unit_test(a_lost_request_does_not_split_a_login),
        cmocka_unit_test(requests_alone_are_followed_by_their_eap_identifiers),
        cmocka_unit_test(an_icmp_error_is_told_at_once_and_once),
        cmocka_unit_test(accounting_has_no_conversation),
        cmocka_unit_test(malformed_answers_do_not_count),
        cmocka_unit_test(idle_logins_are_closed),
        cmocka_unit_test(a_tiny_budget_evicts_the_longest_idle),
        cmocka_unit_test(a_flood_evicts_who_has_not_come_so_far),
        cmocka_unit_test(leaping_time_is_survived),
        cmocka_unit_test(states_of_all_lengths_are_told_apart),
        cmocka_unit_test(eap_goes_straight_to_who_asks_for_it_but_malformed),
        cmocka_unit_test(a_login_without_eap_after_one_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
