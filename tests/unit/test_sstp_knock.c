/* Attempts beyond those that are listed are only noted: what comes of them is the same as if each were a connection at once. */
#include "sstp_wire.h"

enum { MEMORY = 32 << 20, FIRST_PORT = 10000, ATTEMPTS = 300, STEPS = 3000, KNOCKS = 12000 };

/* What was told of an attempt, and its last state. */
struct told {
    bool closed;
    struct tcp_connection tcp;
    uint64_t packets[2], bytes[2];
    struct place last[2];
    enum sstp_carrier carrier;
};

struct bench {
    struct sstp_wire wire;
    struct told told[65536];
    unsigned listed;
};

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    struct told *t = &b->told[e->conv->client.port];
    if (e->kind != EVENT_CLOSED)
        return;
    const struct sstp_connection_state *s = e->u.closed.sstp;
    bool lone = s->tcp->sent[TCP_SERVER].data_packets == 0;
    b->listed += lone;
    if (t->closed && lone)
        return; /* what was answered before is kept */
    *t = (struct told){.closed = true, .tcp = *s->tcp, .packets = {s->packets[0], s->packets[1]}, .bytes = {s->bytes[0], s->bytes[1]},
                       .last = {s->last[0], s->last[1]}, .carrier = s->carrier};
}

static struct bench *bench_new(uint32_t listed)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    wire_open(&b->wire, on_event, b, MEMORY, listed);
    return b;
}

static void bench_free(struct bench *b)
{
    wire_close(&b->wire);
    free(b);
}

static void segment(struct bench *b, uint16_t port, bool by_client, uint8_t flags, uint32_t seq, uint32_t ack, const char *payload)
{
    static const uint8_t options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
    struct packet p = wire_packet(&b->wire, port, by_client, flags, seq, span_of(payload, strlen(payload)));
    p.ttl = by_client ? 57 : 128;
    p.tcp_ack = ack;
    p.tcp_window = 64240;
    if ((flags & TCP_SYN) != 0 && port % 3 != 0)
        p.tcp_options = span_of(options, sizeof options);
    wire_send(&b->wire, &p);
    sstp_layer_time(b->wire.layer, b->wire.frame.time_ns);
}

/* One attempt that nobody answers, which fills a list of one. */
static void fill_list(struct bench *b)
{
    segment(b, 1, true, TCP_SYN, 1, 0, "");
    segment(b, 1, false, TCP_RST | TCP_ACK, 0, 2, "");
    b->wire.frame.time_ns += 10 * SECOND;
    sstp_layer_time(b->wire.layer, b->wire.frame.time_ns);
    assert_int_equal(b->listed, 1);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* What comes next of an attempt: mostly in the usual order, which each `at` of an attempt is a step of. */
static void step(struct bench *b, uint16_t port, unsigned at, uint32_t chance)
{
    uint32_t isn = port * 7u, answer = port * 11u;
    if (chance < 3)
        at = chance;
    switch (at) {
    case 0:
        segment(b, port, true, TCP_SYN, isn + (chance == 3), 0, "");
        break;
    case 1:
        if (chance % 8 == 4)
            segment(b, port, false, TCP_RST | TCP_ACK, 0, isn + 1, "");
        else
            segment(b, port, false, TCP_SYN | TCP_ACK, answer, isn + 1, "");
        break;
    case 2:
        segment(b, port, true, chance % 8 == 5 ? TCP_RST : chance % 8 == 6 ? TCP_FIN | TCP_ACK : TCP_ACK, isn + 1, answer + 1, "");
        break;
    case 3:
        segment(b, port, true, TCP_ACK, isn + 1, answer + 1, "SSTP_DUPLEX_POST /sra HTTP/1.1\r\nHost: a\r\n\r\n");
        break;
    case 4:
        segment(b, port, false, TCP_ACK, answer + 1, isn + 46, "HTTP/1.1 404 No\r\n\r\n");
        break;
    default:
        segment(b, port, at % 2 == 0, TCP_FIN | TCP_ACK, at % 2 == 0 ? isn + 46 : answer + 20, 0, "");
        break;
    }
}

static void assert_same_side(const struct tcp_sent *a, const struct tcp_sent *b)
{
    assert_int_equal(a->packets, b->packets);
    assert_int_equal(a->data_packets, b->data_packets);
    assert_int_equal(a->syns, b->syns);
    assert_int_equal(a->syns_other_isn, b->syns_other_isn);
    assert_int_equal(a->resets, b->resets);
    assert_memory_equal(&a->first, &b->first, sizeof a->first);
    assert_memory_equal(&a->last, &b->last, sizeof a->last);
    assert_memory_equal(&a->first_syn, &b->first_syn, sizeof a->first_syn);
    assert_memory_equal(&a->last_syn, &b->last_syn, sizeof a->last_syn);
    assert_memory_equal(&a->reset, &b->reset, sizeof a->reset);
    assert_int_equal(a->ttl_min, b->ttl_min);
    assert_int_equal(a->ttl_max, b->ttl_max);
    assert_int_equal(a->acked, b->acked);
    assert_int_equal(a->syn.isn, b->syn.isn);
    assert_int_equal(a->syn.window, b->syn.window);
    assert_int_equal(a->syn.mss, b->syn.mss);
    assert_int_equal(a->syn.timestamp, b->syn.timestamp);
    assert_int_equal(a->syn.kind_count, b->syn.kind_count);
    assert_memory_equal(a->syn.kinds, b->syn.kinds, sizeof a->syn.kinds);
}

static void assert_same(const struct told *a, const struct told *b)
{
    for (unsigned side = 0; side < 2; side++) {
        assert_same_side(&a->tcp.sent[side], &b->tcp.sent[side]);
        assert_int_equal(a->packets[side], b->packets[side]);
        assert_int_equal(a->bytes[side], b->bytes[side]);
        assert_memory_equal(&a->last[side], &b->last[side], sizeof a->last[side]);
    }
    assert_int_equal(a->tcp.syn_to_syn_ack_ns, b->tcp.syn_to_syn_ack_ns);
    assert_int_equal(a->tcp.syn_ack_to_ack_ns, b->tcp.syn_ack_to_ack_ns);
    assert_int_equal(a->carrier, b->carrier);
    assert_int_equal(tcp_connection_outcome(&a->tcp), tcp_connection_outcome(&b->tcp));
}

/* The same segments to a layer that lists one attempt, and to one that lists all. */
static void test_what_is_noted_comes_to_the_same(void **state)
{
    (void)state;
    struct bench *all = bench_new(1000000), *few = bench_new(1), *both[] = {all, few};
    static uint8_t at[ATTEMPTS];
    uint64_t seed = 1;
    memset(at, 0, sizeof at);
    for (unsigned i = 0; i < 2; i++)
        fill_list(both[i]);
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t which = draw(&seed, ATTEMPTS), chance = draw(&seed, 40);
        for (unsigned k = 0; k < 2; k++)
            step(both[k], (uint16_t)(FIRST_PORT + which), at[which], chance);
        at[which] = (uint8_t)(at[which] + (chance >= 3 && at[which] < 7));
    }
    for (unsigned i = 0; i < 2; i++)
        sstp_layer_finish(both[i]->wire.layer, both[i]->wire.frame.time_ns);
    unsigned answered = 0;
    for (unsigned port = FIRST_PORT; port < FIRST_PORT + ATTEMPTS; port++) {
        const struct told *a = &all->told[port], *b = &few->told[port];
        bool lone = a->closed && a->tcp.sent[TCP_SERVER].data_packets == 0;
        if (lone || !a->closed) {
            assert_false(b->closed);
            continue;
        }
        answered++;
        assert_true(b->closed);
        assert_same(a, b);
    }
    struct sstp_layer_counters ca, cb;
    sstp_layer_get_counters(all->wire.layer, &ca);
    sstp_layer_get_counters(few->wire.layer, &cb);
    assert_true(answered > ATTEMPTS / 2);
    assert_int_equal(ca.connections, cb.connections);
    assert_int_equal(ca.unlisted, 0);
    assert_int_equal(cb.unlisted, all->listed - few->listed);
    assert_true(cb.unlisted > 10);
    assert_int_equal(few->listed, 1);
    assert_int_equal(cb.evicted, 0);
    bench_free(all);
    bench_free(few);
}

/* More of them than there is room for: all are counted, and memory stays. One whose note was given up is told as seen from its middle. */
static void test_a_flood(void **state)
{
    (void)state;
    struct bench *b = bench_new(1);
    struct sstp_layer_counters c;
    fill_list(b);
    uint64_t before = sstp_layer_bytes(b->wire.layer);
    segment(b, 9999, true, TCP_SYN, 100, 0, "");
    for (unsigned i = 0; i < KNOCKS; i++)
        segment(b, (uint16_t)(FIRST_PORT + i), true, TCP_SYN, i, 0, "");
    assert_true(sstp_layer_bytes(b->wire.layer) < before + MEMORY / 8);
    for (unsigned at = 1; at < 5; at++)
        step(b, 9999, at, 10);
    sstp_layer_finish(b->wire.layer, b->wire.frame.time_ns);
    sstp_layer_get_counters(b->wire.layer, &c);
    assert_true(c.evicted > 0);
    assert_int_equal(c.unlisted, KNOCKS + 1);
    assert_true(b->told[9999].closed);
    assert_true(b->told[9999].tcp.sent[TCP_SERVER].data_packets > 0);
    bench_free(b);
}

/* The same of clients that say hello: what they said is bounded, too, and the latest ones' is still there. */
static void test_a_flood_of_words(void **state)
{
    (void)state;
    struct bench *b = bench_new(1);
    struct sstp_layer_counters c;
    fill_list(b);
    uint64_t before = sstp_layer_bytes(b->wire.layer);
    for (unsigned i = 0; i < KNOCKS; i++)
        for (unsigned at = 0; at < 4; at++)
            step(b, (uint16_t)(FIRST_PORT + i), at, 10);
    assert_true(sstp_layer_bytes(b->wire.layer) < before + MEMORY / 8);
    step(b, FIRST_PORT + KNOCKS - 1, 4, 10);
    sstp_layer_finish(b->wire.layer, b->wire.frame.time_ns);
    sstp_layer_get_counters(b->wire.layer, &c);
    assert_int_equal(c.unlisted, KNOCKS - 1);
    const struct told *t = &b->told[FIRST_PORT + KNOCKS - 1];
    assert_true(t->closed);
    assert_int_equal(t->carrier, SSTP_CARRIER_CLEAR);
    assert_int_equal(t->tcp.sent[TCP_CLIENT].data_packets, 1);
    assert_int_equal(t->tcp.sent[TCP_CLIENT].syns, 1);
    bench_free(b);
}

/* An ICMP error about a noted attempt says what it met. */
static void test_an_icmp_error(void **state)
{
    (void)state;
    struct bench *b = bench_new(1);
    fill_list(b);
    segment(b, FIRST_PORT, true, TCP_SYN, 100, 0, "");
    uint8_t quoted[8 + 20 + 8] = {3, 1, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 203, 0, 113, 7, 203, 0, 113, 1,
                                  FIRST_PORT >> 8, FIRST_PORT & 0xff, 443 >> 8, 443 & 0xff, 0, 0, 0, 100};
    struct packet p = {.frame = &b->wire.frame, .kind = PACKET_ICMP, .ip_proto = IP_PROTO_ICMP, .ttl = 64,
                       .src = {address_ipv4((const uint8_t[]){192, 0, 2, 1}), 0}, .dst = {client_of(0).address, 0},
                       .payload = span_of(quoted, sizeof quoted), .payload_wire_len = sizeof quoted};
    b->wire.frame.number++;
    sstp_layer_icmp(b->wire.layer, &p, b->wire.flows);
    for (unsigned at = 1; at < 5; at++)
        step(b, FIRST_PORT, at, 10);
    sstp_layer_finish(b->wire.layer, b->wire.frame.time_ns);
    assert_true(b->told[FIRST_PORT].closed);
    assert_int_equal(b->told[FIRST_PORT].tcp.icmp_errors, 1);
    assert_int_equal(b->told[FIRST_PORT].tcp.sent[TCP_CLIENT].syns, 1);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_noted_comes_to_the_same),
        cmocka_unit_test(test_a_flood),
        cmocka_unit_test(test_a_flood_of_words),
        cmocka_unit_test(test_an_icmp_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
