/* One RADIUS packet: parsing, recognition, authenticators. Vectors: wire-facts, and the formulas of the RFCs worked out
 * with another implementation of MD5 and HMAC. */
#include "bytes_by_hand.h"
#include "radius_bytes.h"
#include "tests/fuzz/radius_same.h"

#include "dissect/crypto/digest.h"

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

static void assert_text(struct span is, const char *wanted)
{
    assert_int_equal(is.len, strlen(wanted));
    assert_memory_equal(is.data, wanted, is.len);
}

static struct radius_packet parse(const struct bytes *b)
{
    struct radius_packet p;
    assert_true(radius_parse(bytes_span(b), (uint32_t)b->len, &p));
    return p;
}

static void the_request_vector_is_read(void **state)
{
    (void)state;
    struct bytes b = from_hex(REQUEST_HEX);
    struct radius_packet p = parse(&b);
    assert_int_equal(p.code, RADIUS_ACCESS_REQUEST);
    assert_int_equal(p.identifier, 7);
    assert_int_equal(p.length, 75);
    assert_false(p.cut);
    assert_false(p.malformed);
    assert_text(radius_span(&p, RADIUS_USER_NAME), "user@ex1");
    assert_memory_equal(radius_span(&p, RADIUS_NAS_IP_ADDRESS).data, "\x0a\x14\x1e\x0b", 4);
    assert_int_equal(radius_number(&p, RADIUS_NAS_PORT_TYPE), 5);
    assert_int_equal(p.eap_pieces, 1);
    assert_int_equal(p.eap_length, 13);
    assert_int_equal(radius_span(&p, RADIUS_MESSAGE_AUTHENTICATOR).len, 16);
    assert_false(radius_message_authenticator_first(&p));
    assert_int_equal(p.state.len, 0);
    assert_int_equal(radius_tunnel_type(&p), UINT32_MAX);
}

static void the_authenticators_of_the_vectors_hold(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    struct radius_packet q = parse(&request), a = parse(&challenge);
    struct span secret = text(TEST_SECRET), other = text("testing124");
    const uint8_t *ra = q.authenticator.data;
    assert_text(a.state, "ST01");
    assert_int_equal(radius_check_message_authenticator(d, bytes_span(&request), &q, NULL, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_message_authenticator(d, bytes_span(&request), &q, NULL, other), RADIUS_CHECK_INVALID);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&request), &q, NULL, secret), RADIUS_CHECK_ABSENT);
    assert_int_equal(radius_check_message_authenticator(d, bytes_span(&challenge), &a, ra, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&challenge), &a, ra, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&challenge), &a, ra, other), RADIUS_CHECK_INVALID);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&challenge), &a, NULL, secret), RADIUS_CHECK_UNCHECKED);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&challenge), &a, ra, text("")), RADIUS_CHECK_UNCHECKED);
    digests_free(d);
}

/* The vector of wire-facts 11.4: the key 40 41 .. 5f. */
static void the_key_of_the_vector_is_opened(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    uint8_t authenticator[16], key[RADIUS_KEY_MAX];
    struct bytes value =
        from_hex("800112e4450f495e607e886ff921f9f658bdc7a2d5d292b9ec4cddb2f068d703a4742ca58d79340c6cc695b6c02a75704757");
    for (uint8_t i = 0; i < 16; i++)
        authenticator[i] = i;
    assert_int_equal(radius_open_key(d, bytes_span(&value), authenticator, text(TEST_SECRET), key), 32);
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(key[i], 0x40 + i);
    assert_int_equal(radius_open_key(d, bytes_span(&value), authenticator, text("testing124"), key), 0);
    assert_int_equal(radius_open_key(d, bytes_span(&value), authenticator, text(""), key), 0);
    for (size_t n = 0; n < value.len; n++)
        assert_int_equal(radius_open_key(d, span_of(value.data, n), authenticator, text(TEST_SECRET), key), 0);
    value.data[0] = 0; /* the salt's first bit is always set */
    assert_int_equal(radius_open_key(d, bytes_span(&value), authenticator, text(TEST_SECRET), key), 0);
    digests_free(d);
}

static void each_changed_byte_breaks_the_authenticators(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    for (size_t i = RADIUS_HEADER + 2; i < challenge.len; i++) {
        struct bytes changed = challenge;
        struct radius_packet p;
        changed.data[i] ^= 0x40;
        if (!radius_parse(bytes_span(&changed), (uint32_t)changed.len, &p))
            fail();
        enum radius_check check = radius_check_authenticator(d, bytes_span(&changed), &p, request.data + 4, text(TEST_SECRET));
        assert_int_equal(check, p.malformed ? RADIUS_CHECK_UNCHECKED : RADIUS_CHECK_INVALID);
    }
    digests_free(d);
}

/* RFC 2866 section 3 and RFC 5176 section 3.4. */
static void requests_of_accounting_and_coa_are_signed_over_zeros(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    struct bytes accounting = from_hex("0409002602574c2d4a9069b62e64448dc25150ab2806000000012c065330303104060a141e0b");
    struct bytes response = from_hex("05090014668d9899b6355bcf5f336115138217a6");
    struct bytes coa =
        from_hex("2b030033a3e41da4b6de2fd4dca182958b8410580107616c6963652c06533030315012c0dcdc07ebaca0447258810a1a8ea800");
    struct radius_packet p = parse(&accounting), r = parse(&response), c = parse(&coa);
    struct span secret = text(TEST_SECRET);
    assert_int_equal(radius_number(&p, RADIUS_ACCT_STATUS_TYPE), 1);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&accounting), &p, NULL, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_message_authenticator(d, bytes_span(&accounting), &p, NULL, secret), RADIUS_CHECK_ABSENT);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&response), &r, accounting.data + 4, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_authenticator(d, bytes_span(&coa), &c, NULL, secret), RADIUS_CHECK_VALID);
    assert_int_equal(radius_check_message_authenticator(d, bytes_span(&coa), &c, NULL, secret), RADIUS_CHECK_VALID);
    digests_free(d);
}

/* Each prefix lies in a block of its own size, so that the sanitizer sees every byte read too far. */
static void every_prefix_is_cut_and_never_malformed(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    struct bytes whole = from_hex(REQUEST_HEX);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *block = exact_copy(whole.data, len);
        struct span prefix = span_of(block, len);
        struct radius_packet p;
        bool parsed = radius_parse(prefix, (uint32_t)whole.len, &p);
        assert_int_equal(parsed, len >= RADIUS_HEADER);
        assert_int_equal(radius_recognise(prefix, (uint32_t)whole.len), len >= RADIUS_HEADER);
        if (parsed) {
            assert_true(p.cut);
            assert_false(p.malformed);
            assert_int_equal(radius_check_message_authenticator(d, prefix, &p, NULL, text(TEST_SECRET)),
                             RADIUS_CHECK_UNCHECKED);
        }
        free(block);
    }
    digests_free(d);
}

static void the_partial_eap_of_a_cut_packet_is_kept(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 0);
    add_eap(&b, 1, 9, 25, 600);
    struct radius_packet p;
    assert_true(radius_parse(span_of(b.data, 128), (uint32_t)b.len, &p));
    assert_true(p.cut);
    assert_int_equal(p.eap_pieces, 1);
    assert_int_equal(p.eap_length, 128 - RADIUS_HEADER - 2);
}

static void contradictions_are_named_and_the_rest_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *reason;
    } cases[] = {
        {"01070019000102030405060708090a0b0c0d0e0f0103610400", "an attribute says that it is shorter than its own header"},
        {"01070019000102030405060708090a0b0c0d0e0f01036104ff", "an attribute reaches beyond the packet"},
        {"01070018000102030405060708090a0b0c0d0e0f01036104", "a lone byte follows the last attribute"},
        {"01070020000102030405060708090a0b0c0d0e0f010361", "the datagram is shorter than the packet's length"},
        {"01070019000102030405060708090a0b0c0d0e0f0103615002", "Message-Authenticator is not 16 bytes long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = from_hex(cases[i].hex);
        struct radius_packet p = parse(&b);
        assert_true(p.malformed);
        assert_string_equal(p.reason, cases[i].reason);
        assert_text(radius_span(&p, RADIUS_USER_NAME), "a");
    }
    struct radius_packet p;
    struct bytes tiny = from_hex("01070013000102030405060708090a0b0c0d0e0f");
    assert_false(radius_parse(bytes_span(&tiny), (uint32_t)tiny.len, &p));
}

static void padding_after_the_length_is_ignored(void **state)
{
    (void)state;
    struct bytes b = from_hex(REQUEST_HEX);
    memset(b.data + b.len, 0, 7);
    b.len += 7;
    struct radius_packet p = parse(&b);
    assert_false(p.malformed);
    assert_int_equal(p.attributes.len, 55);
    assert_true(radius_recognise(bytes_span(&b), (uint32_t)b.len));
}

static void eap_pieces_are_joined_in_order(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 0);
    uint8_t joined[RADIUS_PACKET_MAX];
    add_eap(&b, 1, 9, 25, 1000);
    struct radius_packet p = parse(&b);
    struct span eap = radius_eap_join(&p, joined);
    assert_int_equal(p.eap_pieces, 4);
    assert_int_equal(eap.len, 1005);
    assert_int_equal(eap.data[4], 25);
    assert_int_equal(eap.data[1004], 'x');
    assert_false(p.eap_not_adjacent);
    add_text(&b, 24, "state");
    add_attribute(&b, 79, "more", 4);
    p = parse(&b);
    assert_true(p.eap_not_adjacent);
    assert_int_equal(radius_eap_join(&p, joined).len, 1009);
}

/* RFC 3579 section 3.1 lets a sender split where it likes: few bytes in each attribute are odd, not wrong. */
static void small_eap_pieces_are_joined(void **state)
{
    enum { PIECE = 41, PIECES = 94 };
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 0);
    uint8_t joined[RADIUS_PACKET_MAX], piece[PIECE] = {0};
    for (unsigned i = 0; i < PIECES; i++)
        add_attribute(&b, 79, piece, sizeof piece);
    struct radius_packet p = parse(&b);
    assert_false(p.malformed);
    assert_int_equal(p.eap_pieces, PIECES);
    assert_int_equal(radius_eap_join(&p, joined).len, PIECES * PIECE);
}

static void more_eap_pieces_than_any_packet_needs_are_refused(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_CHALLENGE, 1, 0);
    for (unsigned i = 0; i < RADIUS_EAP_PIECES_MAX + 1; i++)
        add_attribute(&b, 79, "e", 1);
    struct radius_packet p = parse(&b);
    assert_true(p.malformed);
    assert_int_equal(p.eap_pieces, RADIUS_EAP_PIECES_MAX);
}

/* RFC 2868 section 3; MS-RNAS 2.2.2.1; RFC 2865 section 5.26 with two of Microsoft's attributes in one. */
static void tunnel_and_vendor_attributes_are_read(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_REQUEST, 1, 0);
    add_u32(&b, 64, 0x00013701);
    add_attribute(&b, 66, "\x01" "203.0.113.45", 13);
    add_text(&b, 67, "198.51.100.10");
    add_attribute(&b, 26, "\x00\x00\x01\x37\x2f\x06\x00\x00\x00\x02\x12\x0bMSRASV5.2", 21);
    add_attribute(&b, 26, "\x00\x00\x00\x09\x01\x04zz", 8);
    add_attribute(&b, 26, "\x00\x00\x01\x37\x22\xff", 6);
    add_text(&b, 33, "one");
    add_text(&b, 33, "two");
    struct radius_packet p = parse(&b);
    assert_false(p.malformed);
    assert_string_equal(radius_tunnel_type_name(radius_tunnel_type(&p)), "SSTP");
    assert_text(radius_untagged(&p, RADIUS_TUNNEL_CLIENT_ENDPOINT), "203.0.113.45");
    assert_text(radius_untagged(&p, RADIUS_TUNNEL_SERVER_ENDPOINT), "198.51.100.10");
    assert_int_equal(radius_number(&p, RADIUS_MS_NETWORK_ACCESS_SERVER_TYPE), 2);
    assert_text(radius_span(&p, RADIUS_MS_RAS_VERSION), "MSRASV5.2");
    assert_int_equal(radius_span(&p, RADIUS_MS_RAS_CLIENT_NAME).len, 0);
    assert_int_equal(p.proxy_states, 2);
    struct bytes tagged = radius_packet_of(RADIUS_ACCESS_REQUEST, 1, 0);
    add_u32(&tagged, 64, 0x01000003);
    struct radius_packet q = parse(&tagged);
    assert_int_equal(radius_tunnel_type(&q), 3);
}

/* Servers pass over integers that are not four bytes long. */
static void the_first_of_a_field_counts_and_of_numbers_the_first_that_is_one(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_REQUEST, 1, 0);
    add_text(&b, 1, "");
    add_text(&b, 1, "second");
    add_attribute(&b, 12, "\x05", 1);
    add_u32(&b, 12, UINT32_MAX);
    add_u32(&b, 12, 1400);
    add_u32(&b, 12, 1500);
    add_attribute(&b, 26, "\x00\x00\x01\x37\x2f\x03\x01\x2f\x06\x00\x00\x00\x02", 13);
    add_attribute(&b, 26, "\x00\x00\x01\x37\x2f\x06\x00\x00\x00\x05", 10);
    struct radius_packet p = parse(&b);
    assert_false(p.malformed);
    assert_int_equal(radius_span(&p, RADIUS_USER_NAME).len, 0);
    assert_non_null(radius_span(&p, RADIUS_USER_NAME).data);
    assert_null(radius_span(&p, RADIUS_CLASS).data);
    assert_int_equal(radius_number(&p, RADIUS_FRAMED_MTU), 1400);
    assert_int_equal(radius_number(&p, RADIUS_MS_NETWORK_ACCESS_SERVER_TYPE), 2);
    assert_int_equal(radius_number(&p, RADIUS_SERVICE_TYPE), UINT32_MAX);
}

static void a_message_authenticator_in_front_is_seen(void **state)
{
    (void)state;
    struct bytes b = radius_packet_of(RADIUS_ACCESS_ACCEPT, 1, 0);
    uint8_t zeros[16] = {0};
    add_attribute(&b, 80, zeros, sizeof zeros);
    add_text(&b, 25, "class");
    struct radius_packet p = parse(&b);
    assert_true(radius_message_authenticator_first(&p));
    assert_text(radius_span(&p, RADIUS_CLASS), "class");
}

static void only_what_cannot_be_chance_is_recognised_strictly(void **state)
{
    (void)state;
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    assert_true(radius_recognise_strictly(bytes_span(&request), (uint32_t)request.len));
    assert_true(radius_recognise_strictly(bytes_span(&challenge), (uint32_t)challenge.len));
    struct bytes bare = radius_packet_of(RADIUS_ACCOUNTING_RESPONSE, 1, 7);
    assert_true(radius_recognise(bytes_span(&bare), (uint32_t)bare.len));
    assert_false(radius_recognise_strictly(bytes_span(&bare), (uint32_t)bare.len));
    struct bytes named = radius_packet_of(RADIUS_ACCESS_REQUEST, 1, 7);
    add_text(&named, 1, "alice");
    assert_false(radius_recognise_strictly(bytes_span(&named), (uint32_t)named.len));
    add_u32(&named, 4, 0x0a141e0b);
    assert_true(radius_recognise_strictly(bytes_span(&named), (uint32_t)named.len));
    assert_false(radius_recognise_strictly(bytes_span(&named), (uint32_t)named.len + 1));
    struct bytes accounting = radius_packet_of(RADIUS_ACCOUNTING_REQUEST, 1, 7);
    add_u32(&accounting, 40, 1);
    assert_false(radius_recognise_strictly(bytes_span(&accounting), (uint32_t)accounting.len));
    add_text(&accounting, 44, "S1");
    assert_true(radius_recognise_strictly(bytes_span(&accounting), (uint32_t)accounting.len));
}

/* A DNS query, a TFTP request and zeros, all of them with a first byte that is a RADIUS code. */
static void other_protocols_are_not_recognised(void **state)
{
    (void)state;
    static const char *cases[] = {
        "010b01000001000000000000076578616d706c6503636f6d0000010001",
        "0001737461727475702d636f6e666967006f6374657400",
        "0100001400000000000000000000000000000000000000000000",
        "0201001c0000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = from_hex(cases[i]);
        assert_false(radius_recognise_strictly(bytes_span(&b), (uint32_t)b.len));
    }
}

/* A request of a login: who and whence, then what changes. */
static struct bytes round_of(const char *front, uint8_t identifier, const char *back)
{
    struct bytes b = radius_packet_of(RADIUS_ACCESS_REQUEST, identifier, identifier);
    if (front[0] == 'm')
        add_attribute(&b, 80, b.data + 4, 16);
    if (front[0] == 's')
        add_attribute(&b, 24, b.data + 4, 16);
    add_text(&b, 1, "user");
    add_u32(&b, 61, UINT32_MAX); /* can not be read: another one counts */
    add_text(&b, 32, "nas");
    add_text(&b, 32, "another");
    if (back[0] == 'p')
        add_text(&b, 33, "proxy");
    if (back[0] == 's')
        add_attribute(&b, 24, b.data + 4, 16);
    add_eap(&b, 2, identifier, 25, 300);
    add_u32(&b, 61, 5);
    add_text(&b, 1, "other");
    add_attribute(&b, 24, b.data + 4, 8);
    return b;
}

static void a_stretch_that_is_repeated_reads_the_same(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""}, {"m", ""}, {"", "s"}, {"m", "s"}, {"s", ""}, {"", "p"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes first = round_of(cases[i][0], 1, cases[i][1]), next = round_of(cases[i][0], 2, cases[i][1]);
        struct radius_packet p = parse(&first), once = parse(&next), again;
        struct radius_stretch known;
        radius_stretch_of(&p, &known);
        assert_int_equal(known.len > 0, i < 4);
        assert_true(radius_parse_again(bytes_span(&next), (uint32_t)next.len, &known, &again));
        assert_int_equal(again.repeated != 0, known.len > 0);
        assert_true(radius_same(&once, &again));
        assert_text(radius_span(&again, RADIUS_USER_NAME), "user");
        assert_text(radius_span(&again, RADIUS_NAS_IDENTIFIER), "nas");
        assert_int_equal(radius_number(&again, RADIUS_NAS_PORT_TYPE), 5);
        for (size_t cut = RADIUS_HEADER; cut < next.len; cut++) {
            assert_true(radius_parse(span_of(next.data, cut), (uint32_t)next.len, &once));
            assert_true(radius_parse_again(span_of(next.data, cut), (uint32_t)next.len, &known, &again));
            assert_true(radius_same(&once, &again));
            struct radius_stretch of_cut; /* what it holds is known all the same */
            radius_stretch_of(&once, &of_cut);
            once = parse(&next);
            assert_true(radius_parse_again(bytes_span(&next), (uint32_t)next.len, &of_cut, &again));
            assert_true(radius_same(&once, &again));
        }
        for (size_t at = RADIUS_HEADER; at < next.len; at++) {
            struct bytes changed = next;
            changed.data[at] ^= 1;
            once = parse(&changed);
            assert_true(radius_parse_again(bytes_span(&changed), (uint32_t)changed.len, &known, &again));
            assert_true(radius_same(&once, &again));
        }
    }
}

static void names_are_iana_s(void **state)
{
    (void)state;
    assert_string_equal(radius_code_name(11), "Access-Challenge");
    assert_null(radius_code_name(200));
    assert_string_equal(radius_attribute_name(79), "EAP-Message");
    assert_null(radius_attribute_name(0));
    assert_string_equal(radius_nas_port_type_name(5), "Virtual");
    assert_string_equal(radius_tunnel_type_name(3), "L2TP");
    assert_null(radius_tunnel_type_name(UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_vector_is_read),
        cmocka_unit_test(the_authenticators_of_the_vectors_hold),
        cmocka_unit_test(the_key_of_the_vector_is_opened),
        cmocka_unit_test(each_changed_byte_breaks_the_authenticators),
        cmocka_unit_test(requests_of_accounting_and_coa_are_signed_over_zeros),
        cmocka_unit_test(every_prefix_is_cut_and_never_malformed),
        cmocka_unit_test(the_partial_eap_of_a_cut_packet_is_kept),
        cmocka_unit_test(contradictions_are_named_and_the_rest_is_read),
        cmocka_unit_test(padding_after_the_length_is_ignored),
        cmocka_unit_test(eap_pieces_are_joined_in_order),
        cmocka_unit_test(small_eap_pieces_are_joined),
        cmocka_unit_test(more_eap_pieces_than_any_packet_needs_are_refused),
        cmocka_unit_test(tunnel_and_vendor_attributes_are_read),
        cmocka_unit_test(the_first_of_a_field_counts_and_of_numbers_the_first_that_is_one),
        cmocka_unit_test(a_message_authenticator_in_front_is_seen),
        cmocka_unit_test(only_what_cannot_be_chance_is_recognised_strictly),
        cmocka_unit_test(other_protocols_are_not_recognised),
        cmocka_unit_test(a_stretch_that_is_repeated_reads_the_same),
        cmocka_unit_test(names_are_iana_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
