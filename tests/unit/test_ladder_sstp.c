/* The message ladder's lines about SSTP, PPP and the TCP connection that carries them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "analyze/session/track.h"

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct live));
    return *state == NULL;
}

static int end(void **state)
{
    struct live *l = *state;
    free(l->ladder);
    free(l);
    return 0;
}

static struct place at(uint64_t frame)
{
    return (struct place){.frame = frame, .time_ns = (int64_t)frame * 1000};
}

static void tell(struct live *l, enum direction dir, uint64_t frame, const struct sstp_told_event *told)
{
    ladder_sstp(l, &(struct event){.kind = EVENT_SSTP, .dir = dir, .place = at(frame), .u.sstp = told});
}

static void tell_packet(struct live *l, enum direction dir, uint64_t frame, struct span bytes)
{
    struct sstp_packet packet;
    assert_true(sstp_parse(bytes, &packet));
    struct sstp_event link = {.kind = SSTP_EVENT_CONTROL, .dir = dir, .place = at(frame), .u.packet = &packet};
    tell(l, dir, frame, &(struct sstp_told_event){.kind = SSTP_TOLD_LINK, .u.link = &link});
}

static void tell_ppp(struct live *l, enum direction dir, uint16_t protocol, struct span bytes)
{
    struct ppp_packet packet;
    assert_true(ppp_packet_parse(protocol, bytes, &packet));
    struct ppp_event ppp = {.kind = PPP_EVENT_PACKET, .dir = dir, .place = at(9), .u.packet = &packet};
    struct sstp_event link = {.kind = SSTP_EVENT_PPP, .dir = dir, .place = at(9), .u.ppp = &ppp};
    tell(l, dir, 9, &(struct sstp_told_event){.kind = SSTP_TOLD_LINK, .u.link = &link});
}

static void assert_line(struct live *l, size_t i, uint64_t frame, const char *expected)
{
    struct ladder_entry entry;
    struct span what;
    l->x.ladder = span_of(l->ladder, l->ladder_len);
    assert_true(exchange_ladder(&l->x, i, &entry, &what));
    assert_int_equal(entry.place.frame, frame);
    assert_int_equal(what.len, strlen(expected));
    assert_memory_equal(what.data, expected, what.len);
}

/* Octets after MS-SSTP 2.2.9, 2.2.10, 2.2.13. */
static void control_messages_are_told_with_their_attributes(void **state)
{
    struct live *l = *state;
    static const uint8_t request[] = {0x10, 0x01, 0x00, 0x0e, 0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x06, 0x00, 0x01};
    static const uint8_t abort[] = {0x10, 0x01, 0x00, 0x14, 0x00, 0x05, 0x00, 0x01, 0x00, 0x02,
                                    0x00, 0x0c, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04};
    static const uint8_t unknown[] = {0x10, 0x01, 0x00, 0x08, 0x00, 0x63, 0x00, 0x00};
    uint8_t ack[48] = {0x10, 0x01, 0x00, 0x30, 0x00, 0x02, 0x00, 0x01, 0x00, 0x04, 0x00, 0x28, 0x00, 0x00, 0x00, 0x03};
    tell_packet(l, TO_SERVER, 4, span_of(request, sizeof request));
    tell_packet(l, TO_CLIENT, 5, span_of(ack, sizeof ack));
    tell_packet(l, TO_SERVER, 6, span_of(abort, sizeof abort));
    tell_packet(l, TO_SERVER, 7, span_of(unknown, sizeof unknown));
    assert_line(l, 0, 4, "SSTP CALL_CONNECT_REQUEST, PPP");
    assert_line(l, 1, 5, "SSTP CALL_CONNECT_ACK, CRYPTO_BINDING_REQ SHA-1 or SHA-256");
    assert_line(l, 2, 6, "SSTP CALL_ABORT, CRYPTO_BINDING: VALUE_NOT_SUPPORTED (4)");
    assert_line(l, 3, 7, "SSTP message 99, the message type is unknown");
}

/* Options after RFC 1661, RFC 1994 and RFC 1332; the failure after RFC 2759 section 6. */
static void ppp_packets_are_told_with_their_options(void **state)
{
    struct live *l = *state;
    static const uint8_t lcp[] = {1, 7, 0, 13, 1, 4, 0x05, 0x78, 3, 5, 0xc2, 0x23, 0x81};
    static const uint8_t ipcp[] = {3, 2, 0, 10, 3, 6, 10, 50, 1, 3};
    static const uint8_t failure[] = "\x04\x01\x00\x17" "E=691 R=0 V=3 M=no.";
    static const uint8_t pap[] = {1, 1, 0, 13, 2, 'a', 'b', 5, 's', 'e', 'c', 'r', 't'};
    tell_ppp(l, TO_CLIENT, PPP_PROTOCOL_LCP, span_of(lcp, sizeof lcp));
    tell_ppp(l, TO_CLIENT, PPP_PROTOCOL_IPCP, span_of(ipcp, sizeof ipcp));
    tell_ppp(l, TO_CLIENT, PPP_PROTOCOL_CHAP, span_of(failure, sizeof failure - 1));
    tell_ppp(l, TO_SERVER, PPP_PROTOCOL_PAP, span_of(pap, sizeof pap));
    assert_line(l, 0, 9, "  LCP Configure-Request, id 7: MRU 1400, authentication by MS-CHAPv2");
    assert_line(l, 1, 9, "  IPCP Configure-Nak, id 2: IP-Address 10.50.1.3");
    assert_line(l, 2, 9, "  CHAP Failure, id 1: E=691 R=0 V=3 M=no.");
    assert_line(l, 3, 9, "  PAP Authenticate-Request, id 1: ab");
}

/* What TCP did is known at the end only, and stands where it belongs. */
static void the_segments_of_tcp_take_their_places(void **state)
{
    struct live *l = *state;
    struct tcp_connection tcp;
    tcp_connection_begin(&tcp);
    tcp.sent[TCP_CLIENT].syn = (struct tcp_syn){.seen = true, .ttl = 128, .kind_count = 1, .kinds = {2}};
    tcp.sent[TCP_CLIENT].syns = 2;
    tcp.sent[TCP_CLIENT].first_syn = at(1);
    tcp.sent[TCP_CLIENT].last_syn = at(2);
    tcp.sent[TCP_SERVER].syn = (struct tcp_syn){.seen = true, .ttl = 64};
    tcp.sent[TCP_SERVER].syns = 1;
    tcp.sent[TCP_SERVER].first_syn = tcp.sent[TCP_SERVER].last_syn = at(3);
    tcp.sent[TCP_CLIENT].fin = at(8);
    tcp.sent[TCP_SERVER].reset = at(10);
    tcp.sent[TCP_SERVER].resets = 2;
    struct http_head head = {.request = true, .method = span_of("GET", 3), .target = span_of("/", 1)};
    struct sstp_connection_state closed = {.tcp = &tcp};
    tell(l, TO_SERVER, 6, &(struct sstp_told_event){.kind = SSTP_TOLD_HTTP, .u.http = &head});
    tell(l, TO_SERVER, 8, &(struct sstp_told_event){.kind = SSTP_TOLD_CLOSING, .u.tcp = &tcp});
    tell(l, TO_SERVER, 8, &(struct sstp_told_event){.kind = SSTP_TOLD_RECORD, .u.record = {23, 26}});
    ladder_closed(l, &(struct event){.kind = EVENT_CLOSED, .u.closed = {.sstp = &closed}});
    assert_line(l, 0, 1, "TCP SYN, TTL 128, mss");
    assert_line(l, 1, 2, "TCP SYN, sent 2 times up to here");
    assert_line(l, 2, 3, "TCP SYN, ACK, TTL 64, -");
    assert_line(l, 3, 6, "HTTP GET /");
    assert_line(l, 4, 8, "TLS application data, 26 bytes, encrypted");
    assert_line(l, 5, 8, "TCP FIN"); /* of the same segment */
    assert_line(l, 6, 10, "TCP RST, the first of 2");
}

static void an_attempt_without_an_answer_has_its_syns(void **state)
{
    struct live *l = *state;
    struct tcp_connection tcp;
    tcp_connection_begin(&tcp);
    tcp.sent[TCP_CLIENT].syn = (struct tcp_syn){.seen = true, .ttl = 128};
    tcp.sent[TCP_CLIENT].syns = 1;
    tcp.sent[TCP_CLIENT].first_syn = tcp.sent[TCP_CLIENT].last_syn = at(1);
    struct sstp_connection_state closed = {.tcp = &tcp};
    ladder_closed(l, &(struct event){.kind = EVENT_CLOSED, .u.closed = {.sstp = &closed}});
    assert_line(l, 0, 1, "TCP SYN, TTL 128, -");
    ladder_closed(l, &(struct event){.kind = EVENT_CLOSED});
}

static void messages_are_listed_once_they_come(void **state)
{
    (void)state;
    struct sstp_facts *f = calloc(1, sizeof *f);
    assert_non_null(f);
    static const uint16_t told[] = {SSTP_CALL_CONNECT_REQUEST, SSTP_CALL_CONNECT_NAK, SSTP_CALL_CONNECT_REQUEST};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        sstp_note_message(f, told[i]);
    for (unsigned i = 0; i < 1000; i++)
        sstp_note_message(f, i % 2 == 0 ? SSTP_ECHO_REQUEST : SSTP_ECHO_RESPONSE);
    sstp_note_message(f, SSTP_CALL_DISCONNECT);
    assert_int_equal(f->message_count, 6);
    assert_int_equal(f->messages[2], SSTP_CALL_CONNECT_REQUEST);
    assert_int_equal(f->messages[4], SSTP_ECHO_RESPONSE);
    assert_int_equal(f->messages[5], SSTP_CALL_DISCONNECT);
    for (unsigned i = 0; i < 100; i++)
        sstp_note_message(f, SSTP_CALL_ABORT);
    assert_int_equal(f->message_count, SSTP_LISTED_MAX);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(control_messages_are_told_with_their_attributes, begin, end),
        cmocka_unit_test_setup_teardown(ppp_packets_are_told_with_their_options, begin, end),
        cmocka_unit_test_setup_teardown(the_segments_of_tcp_take_their_places, begin, end),
        cmocka_unit_test_setup_teardown(an_attempt_without_an_answer_has_its_syns, begin, end),
        cmocka_unit_test(messages_are_listed_once_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
