/* Connections of the SSTP layer by their segments: its memory under a storm of heads that never end, a clock that is set back. */
#include "sstp_wire.h"

enum { MEMORY = 1 << 20, HALF_A_HEAD = 2048 };

struct bench {
    struct sstp_wire wire;
    unsigned opened, closed, idle, evicted;
    struct tcp_connection tcp;           /* of the last one closed; likewise the rest */
    struct sstp_connection_state state;  /* what it points to is gone */
};

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    assert_non_null(e->conv);
    b->opened += e->kind == EVENT_OPENED;
    b->closed += e->kind == EVENT_CLOSED;
    b->idle += e->kind == EVENT_CLOSED && e->u.closed.reason == CLOSE_IDLE;
    b->evicted += e->kind == EVENT_CLOSED && e->u.closed.reason == CLOSE_EVICTED;
    if (e->kind != EVENT_CLOSED || e->u.closed.sstp == NULL)
        return;
    b->tcp = *e->u.closed.sstp->tcp;
    b->state = *e->u.closed.sstp;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return -1;
    wire_open(&b->wire, on_event, b, MEMORY, 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    wire_close(&b->wire);
    free(b);
    return 0;
}

static void pass(struct bench *b, int64_t seconds)
{
    b->wire.frame.time_ns += seconds * SECOND;
    sstp_layer_time(b->wire.layer, b->wire.frame.time_ns);
}

static void segment(struct bench *b, uint16_t client_port, bool by_client, uint8_t flags, uint32_t seq, struct span payload)
{
    struct packet p = wire_packet(&b->wire, client_port, by_client, flags, seq, payload);
    wire_send(&b->wire, &p);
}

static void connects(struct bench *b, uint16_t client_port)
{
    segment(b, client_port, true, TCP_SYN, 999, span_of(NULL, 0));
    segment(b, client_port, false, TCP_SYN | TCP_ACK, 4999, span_of(NULL, 0));
}

/* Heads of HTTP that never end: 32 KiB a connection. Who came first gives way; the memory stays near a third of a MiB. */
static void heads_without_end_stay_within_memory(void **state)
{
    enum { CONNECTIONS = 200, PIECES = 7 };
    struct bench *b = *state;
    struct sstp_layer_counters counters;
    static uint8_t request[HALF_A_HEAD], answer[HALF_A_HEAD], more[HALF_A_HEAD];
    memset(more, 'a', sizeof more);
    memcpy(request, more, sizeof request);
    memcpy(answer, more, sizeof answer);
    memcpy(request, "SSTP_DUPLEX_POST / HTTP/1.1\r\nX: ", 33);
    memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        uint16_t port = (uint16_t)(10000 + i);
        connects(b, port);
        for (uint32_t at = 0; at < PIECES; at++) {
            segment(b, port, true, TCP_ACK, 1000 + at * HALF_A_HEAD, span_of(at == 0 ? request : more, HALF_A_HEAD));
            segment(b, port, false, TCP_ACK, 5000 + at * HALF_A_HEAD, span_of(at == 0 ? answer : more, HALF_A_HEAD));
        }
        assert_true(sstp_layer_bytes(b->wire.layer) < MEMORY);
    }
    sstp_layer_get_counters(b->wire.layer, &counters);
    assert_int_equal(counters.connections, CONNECTIONS);
    assert_true(counters.evicted > CONNECTIONS / 2 && counters.evicted < CONNECTIONS);
}

/* The same from clients that nobody answers: whoever asks for more than there is is given up. */
static void unanswered_heads_stay_within_memory(void **state)
{
    enum { CONNECTIONS = 200, PIECES = 7 };
    struct bench *b = *state;
    static uint8_t request[HALF_A_HEAD], more[HALF_A_HEAD];
    memset(more, 'a', sizeof more);
    memcpy(request, more, sizeof request);
    memcpy(request, "SSTP_DUPLEX_POST / HTTP/1.1\r\nX: ", 33);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        for (uint32_t at = 0; at < PIECES; at++)
            segment(b, (uint16_t)(10000 + i), true, TCP_ACK, 1000 + at * HALF_A_HEAD,
                    span_of(at == 0 ? request : more, HALF_A_HEAD));
    assert_true(sstp_layer_bytes(b->wire.layer) < MEMORY);
}

/* First octets of clients that wait for an answer: their ring is no larger than the memory allows. */
static void first_octets_stay_within_memory(void **state)
{
    struct bench *b = *state;
    static const uint8_t octets[64] = {22, 3, 1, 2, 0, 1};
    for (unsigned i = 0; i < 1000; i++)
        segment(b, (uint16_t)(10000 + i), true, TCP_ACK, 1000, span_of(octets, sizeof octets));
    assert_true(sstp_layer_bytes(b->wire.layer) > 1000 * 64);
    assert_true(sstp_layer_bytes(b->wire.layer) < MEMORY);
}

/* Whoever greets in capitals (SSH) and is not answered in the capture asks for no tunnel; half a request of HTTP may. */
static void a_greeting_is_no_request(void **state)
{
    struct bench *b = *state;
    static const char *const said[] = {"SSH-2.0-OpenSSH_9.2p1\r\n", "HELO/", "POST / HTTP/1.1\r\n", "SSTP_DUP"};
    static const unsigned opened[] = {0, 0, 1, 2};
    for (unsigned i = 0; i < sizeof said / sizeof *said; i++) {
        uint16_t port = (uint16_t)(10000 + i);
        connects(b, port);
        segment(b, port, true, TCP_ACK, 1000, span_of((const uint8_t *)said[i], strlen(said[i])));
        pass(b, 2 * CONVERSATION_IDLE_NS / SECOND);
        assert_int_equal(b->opened, opened[i]);
    }
}

/* A rotated capture: the SYN in one file, the rest in the next. */
static void the_last_segment_is_in_its_own_capture(void **state)
{
    struct bench *b = *state;
    segment(b, 10001, true, TCP_SYN, 999, span_of(NULL, 0));
    b->wire.frame.capture = 1;
    segment(b, 10001, false, TCP_SYN | TCP_ACK, 4999, span_of(NULL, 0));
    segment(b, 10001, true, TCP_FIN | TCP_ACK, 1000, span_of(NULL, 0));
    segment(b, 10001, false, TCP_FIN | TCP_ACK, 5000, span_of(NULL, 0));
    pass(b, 2 * CONVERSATION_IDLE_NS / SECOND);
    assert_int_equal(b->closed, 1);
    assert_int_equal(b->state.last[TCP_CLIENT].capture, 1);
    assert_int_equal(b->state.last[TCP_SERVER].capture, 1);
}

/* What began before a clock was set back neither stays for ever nor keeps what came after it from ending. */
static void a_clock_that_is_set_back_lets_connections_end(void **state)
{
    struct bench *b = *state;
    b->wire.frame.time_ns = 7200 * SECOND;
    pass(b, 0);
    segment(b, 10001, true, TCP_SYN, 999, span_of(NULL, 0));
    pass(b, 1);
    b->wire.frame.time_ns = 3600 * SECOND;
    pass(b, 0);
    segment(b, 10002, true, TCP_SYN, 999, span_of(NULL, 0));
    pass(b, CONVERSATION_IDLE_NS / SECOND / 2);
    assert_int_equal(b->closed, 0);
    pass(b, CONVERSATION_IDLE_NS / SECOND);
    assert_int_equal(b->idle, 2);
}

/* A side that closed and is spoken to all the same resets: it is behind its FIN, which takes a number, and nothing is missing. */
static void a_reset_behind_a_fin_misses_nothing(void **state)
{
    struct bench *b = *state;
    static const uint8_t hello[] = {22, 3, 1, 0, 5, 1, 0, 0, 1, 0};
    for (uint32_t lost = 0; lost < 3; lost++) {
        uint16_t port = (uint16_t)(10001 + lost);
        connects(b, port);
        segment(b, port, true, TCP_ACK, 1000, span_of(NULL, 0));
        segment(b, port, false, TCP_FIN | TCP_ACK, 5000, span_of(NULL, 0));
        segment(b, port, true, TCP_ACK, 1000, span_of(hello, sizeof hello));
        segment(b, port, false, TCP_RST, 5001 + lost, span_of(NULL, 0));
        pass(b, 2 * CONVERSATION_IDLE_NS / SECOND);
        assert_int_equal(b->closed, lost + 1);
        assert_int_equal(b->state.lost_bytes, lost);
    }
}

/* What two sides send each other: records that stay closed, and now and then something else. */
struct talk {
    uint32_t random, next[2];
};

static uint32_t roll(struct talk *t, uint32_t sides)
{
    t->random = t->random * 1664525u + 1013904223u;
    return (t->random >> 8) % sides;
}

static void say(struct bench *b, struct talk *t, bool by_client)
{
    static uint8_t record[5 + 300] = {23, 3, 3};
    unsigned side = by_client ? TCP_CLIENT : TCP_SERVER;
    uint32_t what = roll(t, 80), length = 100 + roll(t, 200), seq = t->next[side];
    record[3] = (uint8_t)(length >> 8);
    record[4] = (uint8_t)length;
    struct packet p = wire_packet(&b->wire, 10001, by_client, TCP_ACK, seq, span_of(record, what < 10 ? 0 : 5 + length));
    p.tcp_ack = t->next[side ^ 1u];
    if (what == 10)
        p.tcp_seq -= 50; /* again, in part */
    if (what == 11)
        p.tcp_seq += 70; /* too early */
    if (what == 12)
        p.payload.len -= 20; /* cut by the capture */
    if (what == 13)
        p.payload.len = p.payload_wire_len = 40; /* a part of a record */
    if (what == 14)
        p.ttl = 61;
    if (what == 15)
        p.tcp_ack += 30; /* of what was not captured */
    if (what == 16)
        p.tcp_flags = TCP_PSH; /* no acknowledgment */
    if (what == 17)
        p.payload.len = p.payload_wire_len = 1, p.tcp_seq--; /* keep-alive */
    t->next[side] += what == 10 || what == 17 ? 0 : p.payload_wire_len;
    wire_send(&b->wire, &p);
}

/* The same, seen in one capture or in two: then nothing is taken for granted, and each segment is looked at. */
static void talk(struct bench *b, uint32_t seed, bool two_captures)
{
    struct talk t = {.random = seed, .next = {1000, 5000}};
    connects(b, 10001);
    b->wire.frame.capture = two_captures;
    unsigned segments = 40 + roll(&t, 120);
    for (unsigned i = 0; i < segments; i++)
        say(b, &t, roll(&t, 2) == 0);
    if (roll(&t, 2) == 0)
        segment(b, 10001, true, TCP_RST, t.next[0], span_of(NULL, 0));
    sstp_layer_finish(b->wire.layer, b->wire.frame.time_ns);
}

static void a_steady_connection_ends_as_any(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 500; seed++) {
        struct bench *seen[2];
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(set_up((void **)&seen[i]), 0);
            talk(seen[i], seed, i == 1);
        }
        const struct sstp_connection_state *a = &seen[0]->state, *b = &seen[1]->state;
        assert_int_equal(seen[0]->closed, seen[1]->closed);
        assert_int_equal(a->record_count, b->record_count);
        assert_int_equal(a->lost_bytes, b->lost_bytes);
        assert_int_equal(a->cut_bytes, b->cut_bytes);
        for (unsigned side = 0; side < 2; side++) {
            const struct tcp_sent *x = &seen[0]->tcp.sent[side], *y = &seen[1]->tcp.sent[side];
            assert_int_equal(a->packets[side], b->packets[side]);
            assert_int_equal(a->missing_bytes[side], b->missing_bytes[side]);
            assert_int_equal(a->bytes[side], b->bytes[side]);
            assert_int_equal(a->records_seen[side], b->records_seen[side]);
            assert_int_equal(x->packets, y->packets);
            assert_int_equal(x->data_packets, y->data_packets);
            assert_int_equal(x->bytes, y->bytes);
            assert_int_equal(x->last.frame, y->last.frame);
            assert_int_equal(x->last.time_ns, y->last.time_ns);
            assert_int_equal(x->reached, y->reached);
            assert_int_equal(x->ttl_min, y->ttl_min);
            assert_int_equal(x->ttl_max, y->ttl_max);
        }
        for (unsigned i = 0; i < 2; i++)
            tear_down((void **)&seen[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads_without_end_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unanswered_heads_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_octets_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_greeting_is_no_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_segment_is_in_its_own_capture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_back_lets_connections_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_behind_a_fin_misses_nothing, set_up, tear_down),
        cmocka_unit_test(a_steady_connection_ends_as_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
