/* nDPI's hint: a name when it knows one, silence when not, and never more state than agreed. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dissect/net/hint.h"

static const uint8_t dns_query[] = {
    0x12, 0x34,                                     /* transaction id */
    0x01, 0x00,                                     /* a standard query, recursion desired */
    0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* one question */
    7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0,
    0x00, 0x01,                                     /* type A */
    0x00, 0x01,                                     /* class IN */
};
static const uint8_t http_request[] = "GET / HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\n\r\n";
static const uint8_t noise[] = {0x9c, 0x51, 0x07, 0xe2, 0x33, 0x8a, 0xfd, 0x10, 0x6b, 0xc4, 0x92, 0x0f, 0x77, 0xa8, 0x5d};

static const struct frame frame = {.number = 1, .time_ns = INT64_C(1600000000000000000)};

static struct packet packet(enum packet_kind kind, const char *src, const char *dst, uint16_t port, struct span payload)
{
    struct packet p = {.frame = &frame, .kind = kind, .payload = payload, .payload_wire_len = (uint32_t)payload.len,
                       .ip_proto = kind == PACKET_TCP ? IP_PROTO_TCP : IP_PROTO_UDP, .tcp_flags = 0x18};
    assert_true(address_parse(span_of(src, strlen(src)), &p.src.address));
    assert_true(address_parse(span_of(dst, strlen(dst)), &p.dst.address));
    p.src.port = 50123;
    p.dst.port = port;
    return p;
}

static void dns_is_named(void **state)
{
    (void)state;
    struct hint *h = hint_new();
    assert_non_null(h);
    assert_string_equal(hint_name(h, 0), "Unknown");
    const char *hosts[][2] = {{"192.0.2.1", "198.51.100.53"}, {"2001:db8::1", "2001:db8::53"}};
    for (size_t i = 0; i < 2; i++) {
        struct flow f = {.id = (uint32_t)i + 1};
        struct packet p = packet(PACKET_UDP, hosts[i][0], hosts[i][1], 53, span_of(dns_query, sizeof dns_query));
        hint_packet(h, &f, &p, true);
        assert_string_equal(hint_name(h, f.protocol), "DNS");
        assert_int_equal(f.hint, FLOW_HINT_DONE);
    }
    assert_string_equal(hint_name(h, 0), "Unknown");
    hint_free(h);
}

static void http_is_named_on_a_strange_port(void **state)
{
    (void)state;
    struct hint *h = hint_new();
    struct flow f = {.id = 1};
    struct packet p = packet(PACKET_TCP, "192.0.2.1", "198.51.100.80", 12345,
                             span_of(http_request, sizeof http_request - 1));
    for (unsigned i = 0; i < HINT_PACKETS && f.protocol == 0; i++) {
        hint_packet(h, &f, &p, true);
        p.tcp_seq += (uint32_t)p.payload.len;
    }
    assert_string_equal(hint_name(h, f.protocol), "HTTP");
    hint_free(h);
}

static void noise_stays_unnamed_and_is_left_alone(void **state)
{
    (void)state;
    struct hint *h = hint_new();
    struct flow f = {.id = 1};
    struct packet p = packet(PACKET_UDP, "192.0.2.1", "198.51.100.2", 33333, span_of(noise, sizeof noise));
    for (unsigned i = 0; i < HINT_PACKETS; i++) {
        assert_int_not_equal(f.hint, FLOW_HINT_DONE);
        hint_packet(h, &f, &p, true);
    }
    assert_int_equal(f.hint, FLOW_HINT_DONE);
    assert_int_equal(f.protocol, 0);
    hint_packet(h, &f, &p, true);
    assert_int_equal(f.hint, FLOW_HINT_DONE);
    hint_free(h);
}

static void what_has_no_payload_makes_no_state(void **state)
{
    (void)state;
    struct hint *h = hint_new();
    struct flow f = {.id = 1};
    struct packet syn = packet(PACKET_TCP, "192.0.2.1", "198.51.100.2", 443, (struct span){NULL, 0});
    struct packet icmp = packet(PACKET_ICMP, "192.0.2.1", "198.51.100.2", 0, span_of(noise, sizeof noise));
    hint_packet(h, &f, &syn, true);
    hint_packet(h, &f, &icmp, true);
    assert_int_equal(f.hint, 0);
    hint_free(h);
}

/* More undecided flows than states: the one that was silent longest loses its state, and knows. */
static void states_are_bounded(void **state)
{
    (void)state;
    enum { FLOWS = HINT_FLOWS_MAX + 100 };
    static struct flow flows[FLOWS];
    struct hint *h = hint_new();
    struct packet p = packet(PACKET_UDP, "192.0.2.1", "198.51.100.2", 33333, span_of(noise, sizeof noise));
    for (uint32_t i = 0; i < FLOWS; i++) {
        flows[i] = (struct flow){.id = i + 1};
        p.src.address.bytes[2] = (uint8_t)(i >> 8);
        p.src.address.bytes[3] = (uint8_t)i;
        hint_packet(h, &flows[i], &p, true);
        assert_int_not_equal(flows[i].hint, FLOW_HINT_DONE);
    }
    hint_packet(h, &flows[0], &p, true);
    assert_int_equal(flows[0].hint, FLOW_HINT_DONE);
    hint_packet(h, &flows[100], &p, true);
    assert_int_not_equal(flows[100].hint, FLOW_HINT_DONE);
    hint_release(h, &flows[1]); /* lost its state before: another flow's must not go */
    hint_packet(h, &flows[FLOWS - 99], &p, true);
    assert_int_not_equal(flows[FLOWS - 99].hint, FLOW_HINT_DONE);
    for (uint32_t i = 2; i < FLOWS; i++)
        hint_release(h, &flows[i]);
    struct flow last = {.id = 100000};
    hint_packet(h, &last, &p, true);
    assert_int_not_equal(last.hint, FLOW_HINT_DONE);
    hint_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_is_named),
        cmocka_unit_test(http_is_named_on_a_strange_port),
        cmocka_unit_test(noise_stays_unnamed_and_is_left_alone),
        cmocka_unit_test(what_has_no_payload_makes_no_state),
        cmocka_unit_test(states_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
