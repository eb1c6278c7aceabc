/* A flood of first IKE requests: what is told, what is only counted, and that a session in its midst loses nothing. */
#include "ike_bytes.h"

#include "dissect/crypto/secrets.h"
#include "dissect/ike/ike_layer.h"

#define FLOOD_SPI UINT64_C(0x1000000000)
enum { EVENTS_MAX = 64, LISTED = 4, SERVER = 9, CLIENT = 1 };

struct seen {
    enum event_kind kind;
    enum ike_event_kind what;
    enum direction dir;
    uint32_t conv, transmissions;
    bool begun_before, marker;
    uint8_t exchange, ttl, clear_count;
    struct endpoint source, destination;
    struct place place, request;
    struct ike_state state;
};

/* What is told of one conversation is kept, and how often something is told of others. */
struct bench {
    struct secrets *secrets;
    struct tls_context *tls;
    struct ike_layer *layer;
    struct flow_table *flows;
    uint32_t serial, opened;
    uint64_t frame;
    int64_t now;
    bool keep;
    size_t count;
    struct seen events[EVENTS_MAX];
};

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    b->opened += e->kind == EVENT_OPENED;
    if (!b->keep)
        return;
    assert_true(b->count < EVENTS_MAX);
    struct seen *s = &b->events[b->count++];
    *s = (struct seen){.kind = e->kind, .dir = e->dir, .conv = e->conv->id, .begun_before = e->conv->begun_before,
                       .place = e->place};
    if (e->kind == EVENT_CLOSED)
        s->state = *e->u.closed.ike;
    if (e->kind != EVENT_IKE)
        return;
    const struct ike_event *ike = e->u.ike;
    s->what = ike->kind;
    s->transmissions = ike->transmissions;
    s->marker = ike->marker;
    s->exchange = ike->message != NULL ? ike->message->exchange : 0;
    s->ttl = ike->ttl;
    s->clear_count = ike->clear != NULL ? ike->clear->count : 0;
    s->source = ike->source;
    s->destination = ike->destination;
    s->request = ike->request;
}

static struct bench *bench_new(uint64_t lone_bytes)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->secrets = secrets_new();
    b->tls = tls_context_new(b->secrets, 1 << 20);
    b->now = 1700000000 * SECOND;
    b->flows = flow_table_new(4096);
    b->layer = ike_layer_new(&(struct ike_layer_options){.secrets = b->secrets, .tls = b->tls, .sink = {on_event, b, &b->serial, NULL},
                                                         .associations = 64, .buffer_bytes = 1 << 20, .lone_bytes = lone_bytes,
                                                         .lone_listed = LISTED});
    assert_non_null(b->layer);
    return b;
}

static void bench_free(struct bench *b)
{
    ike_layer_free(b->layer);
    flow_table_free(b->flows);
    tls_context_free(b->tls);
    secrets_free(b->secrets);
    free(b);
}

/* In a block of its own size, which is gone afterwards: what waits must have been copied. */
static void send_message(struct bench *b, struct endpoint from, struct endpoint to, const struct message *m)
{
    size_t marker = from.port == 4500 || to.port == 4500 ? IKE_NON_ESP_MARKER : 0;
    uint8_t *copy = calloc(1, marker + m->len);
    assert_non_null(copy);
    memcpy(copy + marker, m->data, m->len);
    struct frame f = {.number = ++b->frame, .time_ns = b->now += MS};
    ike_layer_time(b->layer, b->now);
    struct packet p = {.frame = &f, .kind = PACKET_UDP, .ip_proto = IP_PROTO_UDP, .src = from, .dst = to, .ttl = 61,
                       .payload = span_of(copy, marker + m->len), .payload_wire_len = (uint32_t)(marker + m->len)};
    bool from_low, fresh;
    struct flow *flow = flow_of(b->flows, &p, NULL, &from_low, &fresh);
    assert_int_equal(ike_layer_packet(b->layer, &p, flow, from_low), IKE_CARRIED_IKE);
    memset(copy, 0xff, marker + m->len);
    free(copy);
}

static struct message request_of(uint64_t spi)
{
    struct message m = message_of(spi, 0, IKE_SA_INIT, FROM_INITIATOR, 0);
    add_sa(&m, 1, NULL, 0);
    add_payload(&m, IKE_NONCE, "nonce of the initiator", 22);
    return m;
}

static void flood(struct bench *b, uint64_t first, unsigned count, uint8_t server)
{
    bool kept = b->keep;
    b->keep = false;
    for (unsigned i = 0; i < count; i++) {
        struct message m = request_of(FLOOD_SPI + first + i);
        send_message(b, at((uint8_t)(20 + i % 200), 500), at(server, 500), &m);
    }
    b->keep = kept;
}

static struct ike_layer_counters counters(const struct bench *b)
{
    struct ike_layer_counters c;
    ike_layer_get_counters(b->layer, &c);
    return c;
}

static void the_first_ones_are_told_and_all_are_counted(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct bench *b = bench_new(0);
    flood(b, 0, COUNT, SERVER);
    struct ike_layer_counters c = counters(b);
    const struct endpoint asked = at(SERVER, 500);
    assert_int_equal(b->opened, LISTED);
    assert_int_equal(b->serial, LISTED);
    assert_int_equal(c.associations, LISTED);
    assert_int_equal(c.unlisted, COUNT - LISTED);
    assert_int_equal(c.flooded_count, 1);
    assert_int_equal(c.flooded[0].requests, COUNT - LISTED);
    assert_true(address_equal(&c.flooded[0].responder, &asked.address));
    assert_int_equal(c.flooded[0].first.frame, LISTED + 1);
    assert_int_equal(c.flooded[0].last.frame, COUNT);
    assert_true(ike_layer_bytes(b->layer) < (LISTED + 2) * ike_layer_association_bytes() + 3 * (64 << 10));
    bench_free(b);
}

static void responders_are_counted_apart(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    flood(b, 0, LISTED, SERVER);
    for (uint8_t i = 0; i < IKE_FLOODED_MAX + 2; i++)
        flood(b, 1000 * (i + 1u), 10u + i, (uint8_t)(100 + i));
    struct ike_layer_counters c = counters(b);
    uint64_t named = 0;
    assert_int_equal(c.flooded_count, IKE_FLOODED_MAX);
    for (unsigned i = 0; i < IKE_FLOODED_MAX; i++) {
        assert_int_equal(c.flooded[i].requests, 10 + i);
        named += c.flooded[i].requests;
    }
    assert_int_equal(c.unlisted, named + 10 + IKE_FLOODED_MAX + 10 + IKE_FLOODED_MAX + 1);
    bench_free(b);
}

/* A whole negotiation, with strangers' requests between its messages, or without. */
static struct bench *negotiate(bool flooded)
{
    struct bench *b = bench_new(1 << 20);
    struct message first = request_of(SPI_I), second = init_response(SPI_I, SPI_R);
    struct message third = message_of(SPI_I, SPI_R, IKE_AUTH, FROM_INITIATOR, 1),
                   fourth = message_of(SPI_I, SPI_R, IKE_AUTH, IS_RESPONSE, 1), inside = message_of(0, 0, 0, 0, 0);
    add_payload(&inside, IKE_NONCE, "what is inside", 14);
    seal_all(&third, &inside, 0x11);
    seal_all(&fourth, &inside, 0x22);
    unsigned strangers = flooded ? 300 : 0;
    flood(b, 0, strangers, SERVER);
    b->frame = 1000;
    b->now = 1700001000 * SECOND;
    ike_layer_time(b->layer, b->now); /* the strangers that were listed are closed */
    b->keep = true;
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &first);
    flood(b, 1000, strangers, SERVER);
    b->frame = 2000;
    b->now = 1700001001 * SECOND;
    send_message(b, at(SERVER, 500), at(CLIENT, 500), &second);
    flood(b, 2000, strangers, SERVER);
    b->frame = 3000;
    b->now = 1700001002 * SECOND;
    send_message(b, at(CLIENT, 4500), at(SERVER, 4500), &third);
    send_message(b, at(SERVER, 4500), at(CLIENT, 4500), &fourth);
    return b;
}

static void a_negotiation_in_a_flood_is_told_as_without(void **state)
{
    (void)state;
    struct bench *b = negotiate(true), *alone = negotiate(false);
    assert_int_equal(alone->count, 5);
    assert_int_equal(b->count, alone->count);
    assert_int_equal(b->opened, LISTED + 1);
    assert_int_equal(counters(b).unlisted, 3 * 300 - LISTED);
    for (size_t i = 0; i < b->count; i++) {
        struct seen s = b->events[i];
        assert_int_equal(s.conv, LISTED + 1);
        s.conv = alone->events[i].conv;
        assert_memory_equal(&s, &alone->events[i], sizeof s);
    }
    assert_int_equal(b->events[0].place.frame, 1001);
    assert_int_equal(b->events[1].place.frame, 1001);
    assert_int_equal(b->events[2].place.frame, 2001);
    assert_int_equal(b->events[2].request.frame, 1001);
    bench_free(b);
    bench_free(alone);
}

static void who_asks_again_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    struct message m = request_of(SPI_I);
    flood(b, 0, 100, SERVER);
    b->keep = true;
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    assert_int_equal(b->count, 0);
    b->now += SECOND;
    flood(b, 100, 100, SERVER);
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[1].what, IKE_EVENT_MESSAGE);
    assert_int_equal(b->events[2].what, IKE_EVENT_RETRANSMISSION);
    assert_int_equal(b->events[2].transmissions, 2);
    assert_int_equal(b->events[1].place.frame, 101);
    assert_int_equal(counters(b).unlisted, 200 - LISTED);
    bench_free(b);
}

/* With a cookie it is the second request, whether the answer with the cookie was seen or not. */
static void who_answers_a_cookie_is_told(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    struct message m = request_of(SPI_I), again = message_of(SPI_I, 0, IKE_SA_INIT, FROM_INITIATOR, 0);
    add_notify(&again, IKE_N_COOKIE, "cookie", 6);
    add_sa(&again, 1, NULL, 0);
    flood(b, 0, 100, SERVER);
    b->keep = true;
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &again);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[1].what, IKE_EVENT_MESSAGE);
    assert_int_equal(b->events[2].what, IKE_EVENT_MESSAGE);
    bench_free(b);
}

/* Room is made by the oldest; what came from one that is gone shows that the association began before. */
static void what_leaves_the_ring_stays_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new(0);
    struct message m = request_of(SPI_I), answer = init_response(SPI_I, SPI_R);
    flood(b, 0, 100, SERVER);
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    flood(b, 100, 5000, SERVER);
    b->keep = true;
    send_message(b, at(SERVER, 500), at(CLIENT, 500), &answer);
    assert_int_equal(b->count, 2);
    assert_true(b->events[0].begun_before);
    assert_int_equal(counters(b).unlisted, 5101 - LISTED);
    bench_free(b);
}

static void nothing_waits_longer_than_an_association(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    struct message m = request_of(SPI_I), answer = init_response(SPI_I, SPI_R);
    flood(b, 0, 100, SERVER);
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    b->now += CONVERSATION_IDLE_NS;
    b->keep = true;
    ike_layer_time(b->layer, b->now);
    assert_int_equal(b->count, LISTED); /* closed */
    send_message(b, at(SERVER, 500), at(CLIENT, 500), &answer);
    assert_int_equal(b->count, LISTED + 2);
    assert_true(b->events[LISTED].begun_before);
    assert_int_equal(counters(b).unlisted, 101 - LISTED);
    bench_free(b);
}

/* A few real ones that are slow at a time are no flood: once they went on there is room again. */
static void those_that_went_on_do_not_count(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    for (uint64_t i = 0; i < 10 * LISTED; i++) {
        struct message m = request_of(SPI_I + i), answer = init_response(SPI_I + i, SPI_R);
        send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
        assert_int_equal(b->opened, i + 1);
        send_message(b, at(SERVER, 500), at(CLIENT, 500), &answer);
    }
    assert_int_equal(counters(b).unlisted, 0);
    bench_free(b);
}

static void main_mode_is_a_request_too(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    for (uint64_t i = 0; i < 100; i++) {
        struct message m = message_of(FLOOD_SPI + i, 0, IKE1_MAIN, 0, 0);
        m.data[17] = 0x10;
        send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    }
    assert_int_equal(b->opened, LISTED);
    assert_int_equal(counters(b).unlisted, 100 - LISTED);
    b->keep = true;
    struct message answer = message_of(FLOOD_SPI + 50, SPI_R, IKE1_MAIN, 0, 0);
    answer.data[17] = 0x10;
    send_message(b, at(SERVER, 500), at(CLIENT, 500), &answer);
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[1].dir, TO_SERVER);
    assert_int_equal(b->events[2].dir, TO_CLIENT);
    bench_free(b);
}

static void an_icmp_error_brings_back_who_it_quotes(void **state)
{
    (void)state;
    struct bench *b = bench_new(1 << 20);
    struct message m = request_of(SPI_I);
    uint8_t bytes[8 + 28 + IKE_SPI] = {3, 3, 0, 0, 0, 0, 0, 0, 0x45}, *ip = bytes + 8;
    ip[9] = IP_PROTO_UDP;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, CLIENT, 10, 0, 0, SERVER}, 8);
    put_be(ip + 20, 2, 500);
    put_be(ip + 22, 2, 500);
    memcpy(ip + 28, m.data, IKE_SPI);
    flood(b, 0, 100, SERVER);
    send_message(b, at(CLIENT, 500), at(SERVER, 500), &m);
    b->keep = true;
    struct frame f = {.number = ++b->frame, .time_ns = b->now += MS};
    ike_layer_icmp(b->layer, &(struct packet){.frame = &f, .kind = PACKET_ICMP, .ip_proto = IP_PROTO_ICMP, .src = at(SERVER, 0),
                                              .dst = at(CLIENT, 0), .payload = span_of(bytes, sizeof bytes)});
    assert_int_equal(b->count, 3);
    assert_int_equal(b->events[2].what, IKE_EVENT_UNREACHABLE);
    assert_int_equal(b->events[2].request.frame, 101);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_ones_are_told_and_all_are_counted),
        cmocka_unit_test(responders_are_counted_apart),
        cmocka_unit_test(a_negotiation_in_a_flood_is_told_as_without),
        cmocka_unit_test(who_asks_again_is_told),
        cmocka_unit_test(who_answers_a_cookie_is_told),
        cmocka_unit_test(what_leaves_the_ring_stays_counted),
        cmocka_unit_test(nothing_waits_longer_than_an_association),
        cmocka_unit_test(those_that_went_on_do_not_count),
        cmocka_unit_test(main_mode_is_a_request_too),
        cmocka_unit_test(an_icmp_error_brings_back_who_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
