/* PPP frames and packets by hand: RFC 1661, 1334, 1570, 1994, 2759, 1877, 3078; what Windows puts inside
 * (wire-facts 2.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dissect/ppp/ppp.h"

#define PARSE(protocol, bytes, p) assert_true(ppp_packet_parse(protocol, span_of(bytes, sizeof bytes), p))
#define TEXT(s, text) assert_true(span_equal(s, span_of(text, sizeof text - 1)))
#define SPAN(text) span_of(text, sizeof text - 1)

static void a_frame_has_its_protocol_in_four_shapes(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[6];
        size_t len;
        uint16_t protocol;
        bool address, compressed;
    } rows[] = {
        {{0xff, 0x03, 0xc0, 0x21, 1, 2}, 6, PPP_PROTOCOL_LCP, true, false},
        {{0xc0, 0x21, 1, 2}, 4, PPP_PROTOCOL_LCP, false, false},
        {{0xff, 0x03, 0x21, 1, 2}, 5, PPP_PROTOCOL_IPV4, true, true},
        {{0x57, 1, 2}, 3, PPP_PROTOCOL_IPV6, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ppp_frame f;
        assert_true(ppp_frame_parse(span_of(rows[i].bytes, rows[i].len), &f));
        assert_int_equal(f.protocol, rows[i].protocol);
        assert_int_equal(f.address_control, rows[i].address);
        assert_int_equal(f.protocol_compressed, rows[i].compressed);
        TEXT(f.payload, "\1\2");
    }
}

static void what_is_no_frame_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[4];
        size_t len;
    } rows[] = {{{0}, 0},    {{0xff}, 1},      {{0xff, 0x03}, 2}, {{0xff, 0x04, 0xc0, 0x21}, 4},
                {{0xc0}, 1}, {{0xc0, 0x22}, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ppp_frame f;
        assert_false(ppp_frame_parse(span_of(rows[i].bytes, rows[i].len), &f));
    }
}

static void a_configure_request_lists_its_options(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        1, 0, 0, 46,
        1, 4, 0x0f, 0xfb,                  /* MRU 4091 */
        2, 6, 0, 0, 0, 0,                  /* ACCM */
        3, 5, 0xc2, 0x23, 0x81,            /* MS-CHAPv2 */
        5, 6, 0x12, 0x34, 0x56, 0x78,      /* magic */
        7, 2, 8, 2,                        /* PFC, ACFC */
        13, 3, 6,                          /* callback, as Windows asks */
        17, 4, 0x06, 0x4e,                 /* MRRU 1614 */
        19, 9, 3, 1, 2, 3, 4, 5, 6,        /* endpoint: MAC */
        0, 0, 0, 0,                        /* one octet of an option of type 0, then padding */
    };
    struct ppp_packet p;
    struct ppp_option o;
    static const struct {
        uint8_t type;
        uint32_t number;
        uint16_t protocol;
        uint8_t kind;
    } want[] = {{1, 4091, 0, 0}, {2, 0, 0, 0}, {3, 0, 0xc223, 0x81}, {5, 0x12345678, 0, 0}, {7, 0, 0, 0},
                {8, 0, 0, 0}, {13, 0, 0, 6}, {17, 1614, 0, 0}, {19, 0, 0, 3}};
    PARSE(PPP_PROTOCOL_LCP, bytes, &p);
    assert_true(p.malformed); /* the one octet */
    assert_true(p.configure);
    struct cursor c = cursor_of(p.options);
    bool broken;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(ppp_option_next(&c, p.protocol, &o, &broken));
        assert_int_equal(o.type, want[i].type);
        assert_int_equal(o.number, want[i].number);
        assert_int_equal(o.protocol, want[i].protocol);
        assert_int_equal(o.kind, want[i].kind);
        assert_false(o.malformed);
    }
    assert_false(ppp_option_next(&c, p.protocol, &o, &broken));
    assert_true(broken);
}

static void options_of_wrong_length_are_malformed_and_the_next_is_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 3, 9, 3, 4, 0xc2, 0x23, 5, 3, 1, 1, 4, 5, 0xdc};
    struct cursor c = cursor_of(span_of(bytes, sizeof bytes));
    struct ppp_option o;
    for (int i = 0; i < 3; i++) {
        assert_true(ppp_option_next(&c, PPP_PROTOCOL_LCP, &o, NULL));
        assert_true(o.malformed);
        assert_int_equal(o.number, 0);
    }
    assert_true(ppp_option_next(&c, PPP_PROTOCOL_LCP, &o, NULL));
    assert_int_equal(o.number, 1500);
    assert_false(ppp_option_next(&c, PPP_PROTOCOL_LCP, &o, NULL));
}

static void an_option_of_length_zero_ends_the_list(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 1, 0, 8, 1, 0, 1, 4};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_LCP, bytes, &p);
    assert_true(p.malformed);
    assert_non_null(p.reason);
}

static void windows_names_itself_in_three_identifications(void **state)
{
    (void)state;
    static const uint8_t version[] = {12, 2, 0, 18, 1, 2, 3, 4, 'M', 'S', 'R', 'A', 'S', 'V', '5', '.', '2', '0'};
    static const uint8_t computer[] = {12, 3, 0, 20,  1,   2,   3,   4,   'M', 'S',
                                       'R', 'A', 'S', '-', '0', '-', 'P', 'C', '1', '7'};
    static const uint8_t guid[] = {12, 4,    0, 24, 1, 2, 3, 4, 0x85, 0xf5, 0x11, 0x4c,
                                   0x90, 0x61, 0, 1,  2, 3, 4, 5, 6,    7,    8,    9};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_LCP, version, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_VERSION);
    TEXT(p.identity, "5.20");
    assert_int_equal(p.magic, 0x01020304);
    PARSE(PPP_PROTOCOL_LCP, computer, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_COMPUTER);
    TEXT(p.identity, "PC17");
    static const uint8_t older[] = {12, 3, 0, 17, 1, 2, 3, 4, 'M', 'S', 'R', 'A', 'S', '-', '1', '-', 'A'};
    PARSE(PPP_PROTOCOL_LCP, older, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_COMPUTER);
    TEXT(p.identity, "A");
    static const uint8_t part[] = {12, 3, 0, 15, 1, 2, 3, 4, 'M', 'S', 'R', 'A', 'S', '-', '1'};
    PARSE(PPP_PROTOCOL_LCP, part, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_OTHER);
    PARSE(PPP_PROTOCOL_LCP, guid, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_CORRELATION);
    assert_memory_equal(p.identity.data, guid + 8, 16);
    static const uint8_t other[] = {12, 4, 0, 12, 1, 2, 3, 4, 'o', 'k', 'a', 'y'};
    PARSE(PPP_PROTOCOL_LCP, other, &p);
    assert_int_equal(p.identification, PPP_IDENTIFICATION_OTHER);
}

static void terminate_requests_of_windows_carry_an_error(void **state)
{
    (void)state;
    static const uint8_t windows[] = {5, 9, 0, 16, 1, 2, 3, 4, 0x00, 0x3c, 0xcd, 0x74, 0x00, 0x00, 0x02, 0xe6};
    static const uint8_t text[] = {5, 9, 0, 12, 'b', 'y', 'e', ' ', 'b', 'y', 'e', '.'};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_LCP, windows, &p);
    assert_true(p.has_terminate_error);
    assert_int_equal(p.terminate_error, 742);
    assert_int_equal(p.message.len, 0);
    PARSE(PPP_PROTOCOL_LCP, text, &p);
    assert_false(p.has_terminate_error);
    TEXT(p.message, "bye bye.");
}

static void rejects_tell_what_they_reject(void **state)
{
    (void)state;
    static const uint8_t protocol[] = {8, 1, 0, 10, 0x80, 0x57, 1, 1, 0, 14};
    static const uint8_t code[] = {7, 1, 0, 8, 12, 2, 0, 18};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_LCP, protocol, &p);
    assert_int_equal(p.rejected_protocol, PPP_PROTOCOL_IPV6CP);
    TEXT(p.rejected, "\1\1\0\16");
    PARSE(PPP_PROTOCOL_IPCP, code, &p);
    TEXT(p.rejected, "\14\2\0\22");
    static const uint8_t empty[] = {8, 1, 0, 4};
    PARSE(PPP_PROTOCOL_LCP, empty, &p);
    assert_true(p.malformed);
}

static void pap_gives_the_name_and_hides_the_password(void **state)
{
    (void)state;
    static const uint8_t request[] = {1, 1, 0, 14, 5, 'a', 'l', 'i', 'c', 'e', 3, 'x', 'y', 'z'};
    static const uint8_t nak[] = {3, 1, 0, 7, 2, 'n', 'o'};
    static const uint8_t bad[] = {1, 1, 0, 12, 5, 'a', 'l', 'i', 'c', 'e', 3, 'x'};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_PAP, request, &p);
    TEXT(p.name, "alice");
    assert_int_equal(p.password_length, 3);
    PARSE(PPP_PROTOCOL_PAP, nak, &p);
    TEXT(p.message, "no");
    PARSE(PPP_PROTOCOL_PAP, bad, &p);
    assert_true(p.malformed);
}

static void chap_value_and_name(void **state)
{
    (void)state;
    uint8_t response[4 + 1 + 49 + 3] = {2, 7, 0, 57, 49};
    for (uint8_t i = 0; i < 16; i++)
        response[5 + i] = i;
    memset(response + 5 + 24, 0xab, 24);
    memcpy(response + 54, "bob", 3);
    struct ppp_packet p;
    struct span peer_challenge, nt_response;
    PARSE(PPP_PROTOCOL_CHAP, response, &p);
    TEXT(p.name, "bob");
    assert_true(mschapv2_response_parse(p.value, &peer_challenge, &nt_response));
    assert_memory_equal(peer_challenge.data, response + 5, 16);
    assert_int_equal(nt_response.len, 24);
    assert_memory_equal(nt_response.data, response + 29, 24);
    response[5 + 17] = 1; /* LAN Manager's response stands there in version 1 */
    assert_false(mschapv2_response_parse(p.value, &peer_challenge, &nt_response));
    response[4] = 60;
    PARSE(PPP_PROTOCOL_CHAP, response, &p);
    assert_true(p.malformed);
}

/* RFC 2759 section 6: the example of a failure's shape. */
static void failure_messages_of_mschap(void **state)
{
    (void)state;
    struct mschap_failure f;
    mschap_failure_parse(SPAN("E=691 R=1 C=0123456789ABCDEF0123456789ABCDEF V=3 M=Access Denied E=1"), &f);
    assert_true(f.found);
    assert_int_equal(f.error, 691);
    assert_true(f.retry);
    assert_int_equal(f.version, 3);
    TEXT(f.challenge, "0123456789ABCDEF0123456789ABCDEF");
    TEXT(f.message, "Access Denied E=1");
    mschap_failure_parse(SPAN("E=649 R=0 V=3"), &f);
    assert_int_equal(f.error, 649);
    assert_false(f.retry);
    mschap_failure_parse(SPAN("wrong password"), &f);
    assert_false(f.found);
    mschap_failure_parse(SPAN("E=99999999999 R=1"), &f);
    assert_int_equal(f.error, 0);
    mschap_failure_parse(SPAN("E="), &f);
    assert_false(f.found);
    mschap_failure_parse((struct span){NULL, 0}, &f);
    assert_false(f.found);
}

/* RFC 2759 section 9.2 */
static void success_messages_of_mschapv2(void **state)
{
    (void)state;
    TEXT(mschap_success_authenticator(SPAN("S=407A5589115FD0D6209F510FE9C04566932CDA56 M=ok")),
         "407A5589115FD0D6209F510FE9C04566932CDA56");
    assert_int_equal(mschap_success_authenticator(SPAN("S=407A5589115FD0D6209F510FE9C04566932CDA5")).len, 0);
    assert_int_equal(mschap_success_authenticator(SPAN("S=407A5589115FD0D6209F510FE9C04566932CDA5G")).len, 0);
    assert_int_equal(mschap_success_authenticator(SPAN("Welcome to a machine with a long greeting text")).len, 0);
}

static void lengths_that_contradict(void **state)
{
    (void)state;
    static const uint8_t shorter[] = {9, 1, 0, 12, 0, 0, 0, 0}, tiny[] = {9, 1, 0, 3},
                         padded[] = {9, 1, 0, 8, 0, 0, 0, 5, 0, 0};
    struct ppp_packet p;
    PARSE(PPP_PROTOCOL_LCP, shorter, &p);
    assert_true(p.malformed);
    PARSE(PPP_PROTOCOL_LCP, tiny, &p);
    assert_true(p.malformed);
    PARSE(PPP_PROTOCOL_LCP, padded, &p);
    assert_false(p.malformed);
    assert_int_equal(p.magic, 5);
    assert_false(ppp_packet_parse(PPP_PROTOCOL_LCP, span_of(padded, 3), &p));
    assert_false(ppp_packet_parse(PPP_PROTOCOL_EAP, span_of(padded, sizeof padded), &p));
    assert_false(ppp_packet_parse(PPP_PROTOCOL_IPV4, span_of(padded, sizeof padded), &p));
}

static void numbers_have_names(void **state)
{
    (void)state;
    assert_string_equal(ppp_protocol_name(0xc227), "EAP");
    assert_null(ppp_protocol_name(0xffff));
    assert_string_equal(ppp_code_name(PPP_PROTOCOL_LCP, 12), "Identification");
    assert_string_equal(ppp_code_name(PPP_PROTOCOL_IPCP, 3), "Configure-Nak");
    assert_null(ppp_code_name(PPP_PROTOCOL_IPCP, 12));
    assert_string_equal(ppp_code_name(PPP_PROTOCOL_CHAP, 4), "Failure");
    assert_string_equal(ppp_code_name(PPP_PROTOCOL_PAP, 3), "Authenticate-Nak");
    assert_string_equal(ppp_code_name(PPP_PROTOCOL_CCP, 14), "Reset-Request");
    assert_string_equal(ppp_option_name(PPP_PROTOCOL_IPCP, 132), "Secondary-NBNS-Server-Address");
    assert_string_equal(ppp_option_name(PPP_PROTOCOL_LCP, 13), "Callback");
    assert_string_equal(ppp_option_name(PPP_PROTOCOL_CCP, 18), "MPPC and MPPE");
    assert_string_equal(ppp_option_name(PPP_PROTOCOL_IPV6CP, 1), "Interface-Identifier");
    assert_string_equal(ppp_authentication_name(0xc223, 0x81), "MS-CHAPv2");
    assert_string_equal(ppp_authentication_name(0xc227, 99), "EAP");
    assert_string_equal(mschap_error_name(691), "ERROR_AUTHENTICATION_FAILURE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_its_protocol_in_four_shapes),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(a_configure_request_lists_its_options),
        cmocka_unit_test(options_of_wrong_length_are_malformed_and_the_next_is_read),
        cmocka_unit_test(an_option_of_length_zero_ends_the_list),
        cmocka_unit_test(windows_names_itself_in_three_identifications),
        cmocka_unit_test(terminate_requests_of_windows_carry_an_error),
        cmocka_unit_test(rejects_tell_what_they_reject),
        cmocka_unit_test(pap_gives_the_name_and_hides_the_password),
        cmocka_unit_test(chap_value_and_name),
        cmocka_unit_test(failure_messages_of_mschap),
        cmocka_unit_test(success_messages_of_mschapv2),
        cmocka_unit_test(lengths_that_contradict),
        cmocka_unit_test(numbers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
