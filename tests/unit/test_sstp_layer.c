/* Connections of the SSTP layer by their segments: its memory under a storm of heads that never end, a clock that is set back. */
#include "sstp_wire.h"

enum { MEMORY = 1 << 20, HALF_A_HEAD = 2048 };

struct bench {
    struct sstp_wire wire;
    unsigned opened, closed, idle, evicted;
};

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    assert_non_null(e->conv);
    b->opened += e->kind == EVENT_OPENED;
    b->closed += e->kind == EVENT_CLOSED;
    b->idle += e->kind == EVENT_CLOSED && e->u.closed.reason == CLOSE_IDLE;
    b->evicted += e->kind == EVENT_CLOSED && e->u.closed.reason == CLOSE_EVICTED;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads_without_end_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unanswered_heads_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_octets_stay_within_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_set_back_lets_connections_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
