/* What handshakes and ends prove; ICMP errors about segments; the options of a SYN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dissect/tcp/tcp_connection.h"

enum { ISN_CLIENT = 1000, ISN_SERVER = 5000, MS = 1000000 };

struct talk {
    struct tcp_connection c;
    struct frame frame;
    struct packet last;
    int64_t time_ns;
};

static void begin(struct talk *t)
{
    *t = (struct talk){.time_ns = INT64_C(1700000000000000000)};
    tcp_connection_begin(&t->c);
}

/* One segment, ten milliseconds after the one before. seq and ack count from behind the SYNs. */
static void say(struct talk *t, enum tcp_side side, unsigned flags, int seq, uint32_t len, int ack)
{
    static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    struct endpoint ends[2] = {{address_ipv4(client), 50000}, {address_ipv4(server), 443}};
    uint32_t mine = side == TCP_CLIENT ? ISN_CLIENT : ISN_SERVER, peers = side == TCP_CLIENT ? ISN_SERVER : ISN_CLIENT;
    t->time_ns += 10 * MS;
    t->frame = (struct frame){.number = t->frame.number + 1, .time_ns = t->time_ns};
    t->last = (struct packet){
        .frame = &t->frame, .kind = PACKET_TCP, .ip_proto = IP_PROTO_TCP, .src = ends[side], .dst = ends[side ^ 1],
        .payload_wire_len = len, .ttl = side == TCP_CLIENT ? 128 : 60, .tcp_flags = (uint8_t)flags,
        .tcp_seq = mine + 1u + (uint32_t)seq - ((flags & TCP_SYN) != 0), .tcp_window = 64240,
        .tcp_ack = (flags & TCP_ACK) != 0 ? peers + 1u + (uint32_t)ack : 0};
    tcp_connection_packet(&t->c, &t->last, side);
}

static void shake_hands(struct talk *t)
{
    begin(t);
    say(t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    say(t, TCP_CLIENT, TCP_ACK, 0, 0, 0);
}

#define assert_outcome(t, o) assert_int_equal(tcp_connection_outcome(&(t)->c), o)

/* T1 */
static void test_no_answer(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    for (unsigned i = 0; i < 3; i++)
        say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_NO_ANSWER);
    assert_int_equal(t.c.sent[TCP_CLIENT].syns, 3);
    assert_int_equal(t.c.sent[TCP_CLIENT].syns_other_isn, 0);
    assert_int_equal(t.c.sent[TCP_CLIENT].first_syn.frame, 1);
    assert_int_equal(t.c.sent[TCP_CLIENT].last_syn.frame, 3);
    say(&t, TCP_CLIENT, TCP_SYN, 77, 0, 0);
    assert_int_equal(t.c.sent[TCP_CLIENT].syns, 3);
    assert_int_equal(t.c.sent[TCP_CLIENT].syns_other_isn, 1);
    assert_int_equal(t.c.syn_to_syn_ack_ns, -1);
    /* The client acknowledges an answer that was not captured: this is not silence. */
    say(&t, TCP_CLIENT, TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_ONE_WAY);
}

/* T2 */
static void test_refused(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_RST | TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_REFUSED);
    assert_int_equal(t.c.reset, TCP_RESET_SYN);
    assert_int_equal(t.c.reset_by, TCP_SERVER);
    assert_int_equal(t.c.sent[TCP_SERVER].reset_ttl, 60);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0); /* tries again, as Windows does */
    assert_false(tcp_connection_is_over(&t.c, &t.last, TCP_CLIENT));
    say(&t, TCP_SERVER, TCP_RST | TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_REFUSED);
    assert_int_equal(t.c.sent[TCP_SERVER].resets, 2);
}

/* The port's last connection still waits there: an acknowledgement of that one is no answer to the SYN. */
static void test_refused_after_a_challenge(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_ACK, 777, 0, 888);
    say(&t, TCP_CLIENT, TCP_RST, 888, 0, 0);
    assert_int_not_equal(tcp_connection_outcome(&t.c), TCP_OUTCOME_REFUSED);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_RST | TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_REFUSED);
}

/* T3 */
static void test_the_answer_is_not_heard(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    for (unsigned i = 0; i < 3; i++)
        say(&t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_ANSWER_UNHEARD);
    assert_int_equal(t.c.sent[TCP_SERVER].syns, 3);
    assert_int_equal(t.c.syn_to_syn_ack_ns, 10 * MS);
    say(&t, TCP_CLIENT, TCP_RST, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_CLIENT_GAVE_UP);
    assert_int_equal(t.c.reset, TCP_RESET_HANDSHAKE);
}

/* T4, by reset and by FIN; and what is not T4 */
static void test_the_server_hangs_up_on_the_first_data(void **state)
{
    (void)state;
    struct talk t;
    shake_hands(&t);
    assert_outcome(&t, TCP_OUTCOME_IDLE);
    assert_int_equal(t.c.syn_to_syn_ack_ns, 10 * MS);
    assert_int_equal(t.c.syn_ack_to_ack_ns, 10 * MS);
    say(&t, TCP_CLIENT, TCP_PSH | TCP_ACK, 0, 200, 0);
    assert_outcome(&t, TCP_OUTCOME_NO_REPLY);
    say(&t, TCP_SERVER, TCP_ACK, 0, 0, 100);
    assert_true(t.c.sent[TCP_CLIENT].any_data_acked);
    assert_false(t.c.sent[TCP_CLIENT].data_acked);
    say(&t, TCP_SERVER, TCP_ACK, 0, 0, 200);
    assert_true(t.c.sent[TCP_CLIENT].data_acked);
    struct talk fin = t, leaves = t;
    say(&t, TCP_SERVER, TCP_RST | TCP_ACK, 0, 0, 200);
    assert_outcome(&t, TCP_OUTCOME_HUNG_UP);
    assert_int_equal(t.c.reset, TCP_RESET_REQUEST);
    say(&fin, TCP_SERVER, TCP_FIN | TCP_ACK, 0, 0, 200);
    assert_outcome(&fin, TCP_OUTCOME_HUNG_UP);
    assert_int_equal(fin.c.reset, TCP_RESET_NONE);
    say(&fin, TCP_CLIENT, TCP_RST | TCP_ACK, 200, 0, 1);
    assert_int_equal(fin.c.reset, TCP_RESET_CLOSING);
    assert_outcome(&fin, TCP_OUTCOME_HUNG_UP);
    say(&leaves, TCP_CLIENT, TCP_FIN | TCP_ACK, 200, 0, 0);
    say(&leaves, TCP_SERVER, TCP_FIN | TCP_ACK, 0, 0, 201);
    assert_outcome(&leaves, TCP_OUTCOME_NO_REPLY);
    assert_int_equal(leaves.c.fin_first, TCP_CLIENT);
}

static void test_probes_send_no_data(void **state)
{
    (void)state;
    struct talk t;
    shake_hands(&t);
    struct talk reset = t;
    say(&t, TCP_CLIENT, TCP_ACK, -1, 1, 0); /* a keep-alive */
    say(&t, TCP_CLIENT, TCP_FIN | TCP_ACK, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_FIN | TCP_ACK, 0, 0, 1);
    assert_outcome(&t, TCP_OUTCOME_PROBE);
    assert_int_equal(t.c.fin_first, TCP_CLIENT);
    assert_int_equal(t.c.sent[TCP_CLIENT].data_packets, 0);
    say(&reset, TCP_CLIENT, TCP_RST | TCP_ACK, 0, 0, 0);
    assert_outcome(&reset, TCP_OUTCOME_PROBE);
    assert_int_equal(reset.c.reset_by, TCP_CLIENT);
    struct talk alerted;
    shake_hands(&alerted);
    say(&alerted, TCP_CLIENT, TCP_FIN | TCP_ACK, 0, 0, 0);
    say(&alerted, TCP_SERVER, TCP_ACK, 0, 7, 1); /* decode_error: there was no ClientHello */
    assert_outcome(&alerted, TCP_OUTCOME_PROBE);
    say(&alerted, TCP_CLIENT, TCP_RST, 1, 0, 7);
    assert_outcome(&alerted, TCP_OUTCOME_PROBE);
    struct talk greeted;
    shake_hands(&greeted);
    say(&greeted, TCP_SERVER, TCP_ACK, 0, 7, 0); /* it spoke first */
    say(&greeted, TCP_CLIENT, TCP_FIN | TCP_ACK, 0, 0, 7);
    assert_outcome(&greeted, TCP_OUTCOME_CLOSED);
}

static void test_data_both_ways(void **state)
{
    (void)state;
    struct talk t;
    shake_hands(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 0, 100, 0);
    say(&t, TCP_SERVER, TCP_ACK, 0, 300, 100);
    say(&t, TCP_CLIENT, TCP_ACK, 100, 100, 300);
    say(&t, TCP_CLIENT, TCP_ACK, 100, 100, 300); /* again */
    say(&t, TCP_SERVER, TCP_ACK, 300, 5, 200);
    assert_outcome(&t, TCP_OUTCOME_OPEN);
    assert_int_equal(t.c.sent[TCP_CLIENT].data_packets, 3);
    assert_int_equal(t.c.sent[TCP_CLIENT].bytes, 300);
    assert_int_equal(t.c.sent[TCP_SERVER].bytes, 305);
    assert_int_equal(t.c.sent[TCP_CLIENT].packets, 5);
    assert_int_equal(t.c.sent[TCP_SERVER].last.frame, t.frame.number);
    assert_true(t.c.sent[TCP_SERVER].data_acked);
    assert_int_equal(t.c.sent[TCP_CLIENT].ttl_min, 128);
    assert_int_equal(t.c.sent[TCP_SERVER].ttl_max, 60);
    struct talk reset = t;
    say(&reset, TCP_CLIENT, TCP_RST, 200, 0, 0);
    assert_outcome(&reset, TCP_OUTCOME_RESET);
    assert_int_equal(reset.c.reset, TCP_RESET_DATA);
    say(&t, TCP_SERVER, TCP_FIN | TCP_ACK, 305, 0, 200);
    say(&t, TCP_CLIENT, TCP_RST, 200, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_CLOSED);
    assert_int_equal(t.c.fin_first, TCP_SERVER);
    assert_int_equal(t.c.reset, TCP_RESET_CLOSING);
}

static void test_one_way_captures_prove_the_other_side(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    say(&t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    assert_outcome(&t, TCP_OUTCOME_ONE_WAY);
    begin(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 10, 100, 20);
    assert_outcome(&t, TCP_OUTCOME_ONE_WAY);
    say(&t, TCP_SERVER, TCP_ACK, 20, 100, 110);
    assert_outcome(&t, TCP_OUTCOME_OPEN);
    begin(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 10, 0, 20);
    say(&t, TCP_SERVER, TCP_ACK, 20, 0, 10);
    assert_outcome(&t, TCP_OUTCOME_NOTHING);
}

static void test_repeated_handshakes_have_no_round_trip_time(void **state)
{
    (void)state;
    struct talk t;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    say(&t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    say(&t, TCP_CLIENT, TCP_ACK, 0, 0, 0);
    assert_int_equal(t.c.syn_to_syn_ack_ns, -1);
    assert_int_equal(t.c.syn_ack_to_ack_ns, -1);
}

static void test_ports_used_again_are_another_connection(void **state)
{
    (void)state;
    struct talk t;
    struct packet p;
    shake_hands(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 0, 100, 0);
    p = t.last;
    p.tcp_flags = TCP_SYN;
    p.tcp_seq = ISN_CLIENT;
    assert_false(tcp_connection_is_over(&t.c, &p, TCP_CLIENT)); /* a copy of the first */
    p.tcp_seq = ISN_CLIENT + 100000;
    assert_true(tcp_connection_is_over(&t.c, &p, TCP_CLIENT));
    assert_true(tcp_connection_is_over(&t.c, &p, TCP_SERVER));
    p.tcp_flags = TCP_SYN | TCP_ACK;
    assert_false(tcp_connection_is_over(&t.c, &p, TCP_SERVER));
    begin(&t);
    assert_false(tcp_connection_is_over(&t.c, &p, TCP_CLIENT));
    say(&t, TCP_CLIENT, TCP_ACK, 0, 100, 0); /* joined in the middle; its SYN comes late */
    p.tcp_flags = TCP_SYN;
    p.tcp_seq = ISN_CLIENT;
    assert_false(tcp_connection_is_over(&t.c, &p, TCP_CLIENT));
    p.tcp_seq++;
    assert_true(tcp_connection_is_over(&t.c, &p, TCP_CLIENT));
}

static void test_who_is_the_client(void **state)
{
    (void)state;
    struct talk t;
    bool certain;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    assert_true(tcp_sent_by_client(&t.last, &certain));
    assert_true(certain);
    say(&t, TCP_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0);
    assert_false(tcp_sent_by_client(&t.last, &certain));
    assert_true(certain);
    say(&t, TCP_SERVER, TCP_ACK, 0, 0, 0);
    assert_false(tcp_sent_by_client(&t.last, &certain));
    assert_false(certain);
}

static void read_options(const char *bytes, size_t len, struct tcp_syn *out)
{
    struct packet p = {.tcp_options = span_of(bytes, len), .tcp_window = 64240, .ttl = 128, .tcp_seq = 7};
    tcp_syn_read(&p, out);
}

/* The SYNs of Windows 10 and of Linux as wire-facts 9.2 lists their options. */
static void test_syn_options(void **state)
{
    (void)state;
    struct tcp_syn s;
    char text[TCP_LAYOUT_TEXT];
    read_options("\x02\x04\x05\xb4\x01\x03\x03\x08\x01\x01\x04\x02", 12, &s);
    assert_string_equal(tcp_syn_layout(text, &s), "mss,nop,ws,nop,nop,sok");
    assert_int_equal(s.mss, 1460);
    assert_int_equal(s.window_scale, 8);
    assert_true(s.has_window_scale && s.sack_permitted && !s.timestamps && !s.malformed && s.seen);
    assert_int_equal(s.window, 64240);
    assert_int_equal(s.isn, 7);
    read_options("\x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\x00\x00\x00\x00\x01\x03\x03\x07", 20, &s);
    assert_string_equal(tcp_syn_layout(text, &s), "mss,sok,ts,nop,ws");
    assert_int_equal(s.timestamp, 0x01020304);
    read_options("", 0, &s);
    assert_string_equal(tcp_syn_layout(text, &s), "-");
    read_options("\x02\x04\x05\xb4\xfe\x04zz\x00\x00\x00\x00", 12, &s);
    assert_string_equal(tcp_syn_layout(text, &s), "mss,?254,eol");
    assert_false(s.malformed);
    read_options("\x02\x04\x05\xb4\x03\x09", 6, &s);
    assert_true(s.malformed && s.mss == 1460 && !s.has_window_scale);
    read_options("\x02\x03\x05\x08\x00", 5, &s);
    assert_true(s.malformed && s.mss == 0);
    char nops[40];
    memset(nops, 1, sizeof nops);
    read_options(nops, sizeof nops, &s);
    assert_int_equal(s.kind_count, 40);
    assert_int_equal(strlen(tcp_syn_layout(text, &s)), 40 * 4 - 1);
    memset(nops, 2, sizeof nops);
    for (unsigned i = 0; i < 40; i += 2)
        nops[i] = (char)0xfd;
    read_options(nops, sizeof nops, &s);
    assert_int_equal(s.kind_count, 20);
    assert_int_equal(strlen(tcp_syn_layout(text, &s)), 20 * 5 - 1);
}

static void test_icmp_errors_about_segments(void **state)
{
    (void)state;
    struct tcp_icmp icmp;
    uint8_t v4[] = "\x03\x0d\x00\x00\x00\x00\x00\x00"
                   "\x45\x00\x00\x34\x00\x01\x40\x00\x80\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02"
                   "\xc3\x50\x01\xbb\x00\x00\x03\xe8";
    struct packet p = {.kind = PACKET_ICMP, .ip_proto = IP_PROTO_ICMP, .payload = span_of(v4, sizeof v4 - 1)};
    assert_true(tcp_icmp_read(&p, &icmp));
    assert_int_equal(icmp.kind, TCP_ICMP_UNREACHABLE);
    assert_int_equal(icmp.code, 13);
    assert_int_equal(icmp.src.port, 50000);
    assert_int_equal(icmp.dst.port, 443);
    assert_int_equal(icmp.dst.address.bytes[3], 2);
    assert_int_equal(icmp.seq, ISN_CLIENT);
    struct talk t;
    begin(&t);
    say(&t, TCP_CLIENT, TCP_SYN, 0, 0, 0);
    static const uint8_t router[4] = {10, 0, 0, 254};
    struct address reporter = address_ipv4(router);
    tcp_connection_icmp(&t.c, &icmp, &reporter, (struct place){.frame = 9});
    assert_outcome(&t, TCP_OUTCOME_UNREACHABLE);
    assert_int_equal(t.c.icmp_place.frame, 9);
    assert_true(address_equal(&t.c.icmp_from, &reporter));
    v4[1] = 4;
    v4[6] = 5;
    v4[7] = 0x78;
    assert_true(tcp_icmp_read(&p, &icmp));
    assert_int_equal(icmp.kind, TCP_ICMP_TOO_BIG);
    assert_int_equal(icmp.mtu, 1400);
    v4[0] = 11;
    assert_true(tcp_icmp_read(&p, &icmp));
    assert_int_equal(icmp.kind, TCP_ICMP_TIME_EXCEEDED);
    v4[17] = IP_PROTO_UDP;
    assert_false(tcp_icmp_read(&p, &icmp));
    v4[17] = IP_PROTO_TCP;
    v4[15] = 1; /* a later fragment */
    assert_false(tcp_icmp_read(&p, &icmp));
    v4[15] = 0;
    for (size_t len = 0; len < sizeof v4 - 1; len++) {
        p.payload.len = len;
        assert_false(tcp_icmp_read(&p, &icmp));
    }
    v4[0] = 8; /* echo request */
    p.payload.len = sizeof v4 - 1;
    assert_false(tcp_icmp_read(&p, &icmp));
}

static void test_icmpv6_errors_about_segments(void **state)
{
    (void)state;
    struct tcp_icmp icmp;
    uint8_t v6[8 + 40 + 8] = {2, 0, 0, 0, 0, 0, 5, 0, 0x60, 0, 0, 0, 0, 20, IP_PROTO_TCP, 64};
    v6[8 + 8] = 0x20;
    v6[8 + 24] = 0x20;
    v6[8 + 39] = 9;
    v6[48] = 0xc3;
    v6[49] = 0x50;
    v6[50] = 1;
    v6[51] = 0xbb;
    struct packet p = {.kind = PACKET_ICMP, .ip_proto = IP_PROTO_ICMPV6, .payload = span_of(v6, sizeof v6)};
    assert_true(tcp_icmp_read(&p, &icmp));
    assert_int_equal(icmp.kind, TCP_ICMP_TOO_BIG);
    assert_int_equal(icmp.mtu, 1280);
    assert_int_equal(icmp.dst.port, 443);
    assert_int_equal(icmp.dst.address.family, FAMILY_IPV6);
    assert_int_equal(icmp.dst.address.bytes[15], 9);
    v6[0] = 1;
    assert_true(tcp_icmp_read(&p, &icmp));
    assert_int_equal(icmp.kind, TCP_ICMP_UNREACHABLE);
    for (size_t len = 0; len < sizeof v6; len++) {
        p.payload.len = len;
        assert_false(tcp_icmp_read(&p, &icmp));
    }
}

/* What is repeated and not acknowledged, up to the acknowledgment; small packets pass meanwhile. */
static void test_what_is_stuck(void **state)
{
    (void)state;
    struct talk t;
    const struct tcp_stuck *s = &t.c.sent[TCP_SERVER].stuck;
    shake_hands(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 0, 200, 0);
    say(&t, TCP_SERVER, TCP_ACK, 0, 100, 200);
    say(&t, TCP_CLIENT, TCP_ACK, 200, 0, 100);
    say(&t, TCP_SERVER, TCP_ACK, 100, 1400, 200);
    say(&t, TCP_SERVER, TCP_ACK, 1500, 50, 200);
    say(&t, TCP_CLIENT, TCP_ACK, 200, 0, 100);
    assert_int_equal(s->times, 0);
    say(&t, TCP_SERVER, TCP_ACK, 1500, 50, 200); /* a probe with what was sent last */
    for (unsigned i = 0; i < 3; i++) {
        say(&t, TCP_SERVER, TCP_ACK, 100, 1400, 200);
        say(&t, TCP_CLIENT, TCP_ACK, 200, 0, 100);
        say(&t, TCP_SERVER, TCP_ACK, 1500, 50, 200);
    }
    assert_int_equal(s->times, 3);
    assert_int_equal(s->len, 1400);
    assert_int_equal(s->seq, ISN_SERVER + 1 + 100);
    assert_int_equal(s->last.time_ns - s->first.time_ns, 60 * MS);
    assert_false(tcp_connection_is_plain(&t.c));
    struct talk left_out = t;
    tcp_connection_left_out(&left_out.c);
    assert_int_equal(left_out.c.sent[TCP_SERVER].stuck.times, 0);
    say(&t, TCP_CLIENT, TCP_ACK, 200, 0, 1550);
    assert_int_equal(s->times, 0);
}

/* A segment that stands behind what was seen shows what was not; FIN takes a number. */
static void test_what_was_not_seen(void **state)
{
    (void)state;
    struct talk t;
    shake_hands(&t);
    say(&t, TCP_CLIENT, TCP_ACK, 0, 200, 0);
    say(&t, TCP_SERVER, TCP_ACK, 0, 0, 200);
    assert_int_equal(tcp_sent_unseen(&t.c.sent[TCP_SERVER]), 0);
    t.time_ns += 6000 * INT64_C(1000000);
    say(&t, TCP_CLIENT, TCP_FIN | TCP_ACK, 200, 0, 0);
    say(&t, TCP_SERVER, TCP_ACK, 1448, 0, 201);
    assert_int_equal(tcp_sent_unseen(&t.c.sent[TCP_SERVER]), 1448);
    assert_int_equal(t.c.sent[TCP_SERVER].ahead.frame, 7);
    assert_int_equal(t.c.sent[TCP_SERVER].ahead_since_ns, t.time_ns - 6020 * INT64_C(1000000));
    say(&t, TCP_SERVER, TCP_ACK, 0, 1448, 201); /* it comes after all */
    assert_int_equal(tcp_sent_unseen(&t.c.sent[TCP_SERVER]), 0);
    say(&t, TCP_SERVER, TCP_FIN | TCP_ACK, 1448, 0, 201);
    say(&t, TCP_SERVER, TCP_ACK, 1449, 0, 201);
    say(&t, TCP_CLIENT, TCP_ACK, 201, 0, 1449);
    assert_int_equal(tcp_sent_unseen(&t.c.sent[TCP_SERVER]), 0);
    assert_int_equal(tcp_sent_unseen(&t.c.sent[TCP_CLIENT]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_after_a_challenge),
        cmocka_unit_test(test_the_answer_is_not_heard),
        cmocka_unit_test(test_the_server_hangs_up_on_the_first_data),
        cmocka_unit_test(test_probes_send_no_data),
        cmocka_unit_test(test_data_both_ways),
        cmocka_unit_test(test_one_way_captures_prove_the_other_side),
        cmocka_unit_test(test_repeated_handshakes_have_no_round_trip_time),
        cmocka_unit_test(test_ports_used_again_are_another_connection),
        cmocka_unit_test(test_who_is_the_client),
        cmocka_unit_test(test_syn_options),
        cmocka_unit_test(test_what_is_stuck),
        cmocka_unit_test(test_what_was_not_seen),
        cmocka_unit_test(test_icmp_errors_about_segments),
        cmocka_unit_test(test_icmpv6_errors_about_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
