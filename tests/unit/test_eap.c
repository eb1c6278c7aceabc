/* EAP packets by hand, one field a line: RFC 3748, RFC 5216, MS-PEAP, draft-kamath-pppext-eap-mschapv2. */
#include "bytes_by_hand.h"
#include "dissect/eap/eap.h"

#define PARSE(bytes, p) assert_true(eap_parse(span_of(bytes, sizeof bytes), p))

static void assert_text(struct span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void identity_is_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        2,                                     /* code: Response */
        7,                                     /* identifier */
        0, 16,                                 /* length */
        1,                                     /* type: Identity */
        'C', 'O', 'R', 'P', '\\', 'a', 'l', 'i', 'c', 'e', '!',
        0, 0, 0,                               /* padding of the carrier */
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.code, EAP_RESPONSE);
    assert_int_equal(p.identifier, 7);
    assert_int_equal(p.length, 16);
    assert_int_equal(p.type, EAP_TYPE_IDENTITY);
    assert_text(p.identity, "CORP\\alice!");
    assert_false(p.malformed);
}

static void legacy_nak_lists_types(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {2, 3, 0, 8, 3, /* Nak */ 13, 25, 0};
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.nak_count, 3);
    assert_int_equal(p.nak[0], EAP_TYPE_TLS);
    assert_int_equal(p.nak[1], EAP_TYPE_PEAP);
    assert_int_equal(p.nak[2], 0);
}

static void nak_of_many_types_stops_at_its_ceiling(void **state)
{
    (void)state;
    uint8_t bytes[5 + 40] = {2, 3, 0, 45, 3};
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.nak_count, EAP_NAK_MAX);
    assert_false(p.malformed);
}

static void expanded_nak_lists_expanded_types(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        2, 9, 0, 28,
        254, 0, 0, 0, 0, 0, 0, 3,       /* expanded, vendor 0, type Nak */
        254, 0, 0, 0, 0, 0, 0, 13,      /* EAP-TLS */
        254, 0, 1, 0x37, 0, 0, 0, 33,   /* a type of Microsoft's */
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.type, EAP_TYPE_EXPANDED);
    assert_int_equal(p.vendor, 0);
    assert_int_equal(p.vendor_type, EAP_TYPE_NAK);
    assert_int_equal(p.nak_count, 2);
    assert_int_equal(p.nak[0], EAP_TYPE_TLS);
    assert_int_equal(p.nak[1], EAP_TYPE_EXPANDED);
    assert_false(p.malformed);
}

static void microsoft_expanded_types_are_named(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        1, 9, 0, 16,
        254,
        0, 1, 0x37,     /* vendor 311 */
        0, 0, 0, 0x22,  /* capabilities */
        0, 0, 0, 1,
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.vendor, 311);
    assert_int_equal(p.vendor_type, 0x22);
    assert_string_equal(eap_vendor_type_name(p.vendor, p.vendor_type), "Microsoft Capabilities");
    assert_string_equal(eap_vendor_type_name(311, 33), "Microsoft SoH");
    assert_string_equal(eap_vendor_type_name(0, 25), "PEAP");
    assert_null(eap_vendor_type_name(311, 999));
    assert_null(eap_vendor_type_name(0, 256 + 25));
}

static void names_are_known(void **state)
{
    (void)state;
    assert_string_equal(eap_type_name(13), "EAP-TLS");
    assert_string_equal(eap_type_name(21), "EAP-TTLS");
    assert_string_equal(eap_type_name(25), "PEAP");
    assert_string_equal(eap_type_name(26), "EAP-MSCHAPv2");
    assert_string_equal(eap_type_name(4), "MD5-Challenge");
    assert_string_equal(eap_type_name(43), "EAP-FAST");
    assert_string_equal(eap_type_name(55), "TEAP");
    assert_null(eap_type_name(0));
    assert_null(eap_type_name(200));
    assert_string_equal(eap_code_name(1), "Request");
    assert_string_equal(eap_code_name(4), "Failure");
    assert_null(eap_code_name(0));
    assert_null(eap_code_name(7));
}

static void tls_flags_and_length_are_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        1, 4, 0, 13,
        25,              /* PEAP */
        0xc1,            /* L, M, version 1 */
        0, 0, 0x10, 1,   /* TLS length 4097 */
        0x16, 3, 1,
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_true(p.tls_based);
    assert_int_equal(p.flags, 0xc1);
    assert_int_equal(p.version, 1);
    assert_int_equal(p.tls_length, 4097);
    assert_int_equal(p.tls_bytes.len, 3);
    assert_ptr_equal(p.tls_bytes.data, bytes + 10);
}

static void eap_tls_has_no_version_bits(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 4, 0, 6, 13, 0x25};
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.version, 0);
    assert_int_equal(p.flags, 0x25);
}

static void outer_tlvs_of_peap_are_no_tls_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        2, 4, 0, 19,
        25,
        0x80,            /* L */
        0, 0, 0, 3,      /* TLS length */
        0x15, 3, 1,      /* the TLS bytes */
        0, 7, 0, 2, 9, 9 /* a TLV behind them */
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.tls_bytes.len, 3);
    assert_false(p.malformed);
}

static void outer_tlvs_of_teap_are_no_tls_bytes(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        2, 4, 0, 19,
        55,
        0x11,            /* O, version 1 */
        0, 0, 0, 6,      /* length of outer TLVs */
        0x16, 3, 1,
        0, 7, 0, 2, 9, 9
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.version, 1);
    assert_int_equal(p.tls_bytes.len, 3);
}

static void mschapv2_challenge_and_response_give_the_name(void **state)
{
    (void)state;
    static const uint8_t challenge[] = {
        1, 8, 0, 30,
        26,
        1,               /* opcode: challenge */
        8,               /* MS-CHAPv2 id */
        0, 25,           /* MS-length */
        16,              /* value size */
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        'n', 'p', 's', '1',
    };
    struct eap_packet p;
    PARSE(challenge, &p);
    assert_int_equal(p.mschapv2_opcode, 1);
    assert_text(p.mschapv2_name, "nps1");
    assert_false(p.malformed);

    uint8_t response[5 + 5 + 49 + 5] = {2, 8, 0, sizeof response, 26, 2, 8, 0, 5 + 49 + 5, 49};
    memcpy(response + 59, "alice", 5);
    PARSE(response, &p);
    assert_int_equal(p.mschapv2_opcode, 2);
    assert_text(p.mschapv2_name, "alice");
    assert_false(p.malformed);
}

/* RFC 2759 section 6 gives the form; 691 is ERROR_AUTHENTICATION_FAILURE. */
static void mschapv2_failure_gives_its_error(void **state)
{
    (void)state;
    static const char text[] = "E=691 R=1 C=0123456789ABCDEF0123456789ABCDEF V=3 M=Authentication failure";
    uint8_t bytes[9 + sizeof text - 1] = {1, 9, 0, sizeof bytes, 26, 4, 8, 0, sizeof bytes - 5};
    memcpy(bytes + 9, text, sizeof text - 1);
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.mschapv2_opcode, 4);
    assert_int_equal(p.mschapv2_error, 691);
    assert_text(p.mschapv2_text, text);
    assert_false(p.malformed);

    static const uint8_t acknowledged[] = {2, 9, 0, 6, 26, 4};
    PARSE(acknowledged, &p);
    assert_int_equal(p.mschapv2_opcode, 4);
    assert_int_equal(p.mschapv2_error, 0);
    assert_false(p.malformed);
}

static void mschapv2_error_must_be_the_e_field(void **state)
{
    (void)state;
    static const char text[] = "RE=1 C=E=2 E=99999999999999";
    uint8_t bytes[9 + sizeof text - 1] = {1, 9, 0, sizeof bytes, 26, 4, 8, 0, sizeof bytes - 5};
    memcpy(bytes + 9, text, sizeof text - 1);
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.mschapv2_error, 0);
}

static void mschapv2_success_text_is_kept(void **state)
{
    (void)state;
    static const char text[] = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
    uint8_t bytes[9 + sizeof text - 1] = {1, 9, 0, sizeof bytes, 26, 3, 8, 0, sizeof bytes - 5};
    memcpy(bytes + 9, text, sizeof text - 1);
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.mschapv2_opcode, 3);
    assert_text(p.mschapv2_text, text);
}

static void peap_tlvs_are_read(void **state)
{
    (void)state;
    uint8_t bytes[5 + 6 + 60] = {
        1, 10, 0, sizeof bytes,
        33,
        0x80, 3, 0, 2, 0, 2,  /* M, Result: failure */
        0, 12, 0, 56,         /* cryptobinding */
    };
    struct eap_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.tlv_result, 2);
    assert_true(p.tlv_crypto_binding);
    assert_false(p.malformed);

    static const uint8_t too_long[] = {1, 10, 0, 11, 33, 0x80, 3, 0, 3, 0, 1};
    PARSE(too_long, &p);
    assert_true(p.malformed);
    assert_int_equal(p.tlv_result, 0);
}

static void contradictions_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t bytes[12];
        size_t len;
    } cases[] = {
        {"length under the header", {1, 1, 0, 3, 1}, 5},
        {"length beyond the bytes", {1, 1, 0, 9, 1}, 5},
        {"unknown code", {9, 1, 0, 5, 1}, 5},
        {"request without type", {1, 1, 0, 4}, 4},
        {"success with data", {3, 1, 0, 6, 1, 2}, 6},
        {"PEAP without flags", {1, 1, 0, 5, 25}, 5},
        {"L without length", {1, 1, 0, 8, 25, 0x80, 0, 0}, 8},
        {"TEAP O without length", {1, 1, 0, 8, 55, 0x10, 0, 0}, 8},
        {"MSCHAPv2 without opcode", {1, 1, 0, 5, 26}, 5},
        {"MSCHAPv2 length too great", {1, 1, 0, 9, 26, 3, 1, 0, 9}, 9},
        {"MSCHAPv2 value too long", {1, 1, 0, 10, 26, 1, 1, 0, 5, 16}, 10},
        {"expanded without vendor", {1, 1, 0, 7, 254, 0, 0}, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct eap_packet p;
        assert_true(eap_parse(span_of(cases[i].bytes, cases[i].len), &p));
        if (!p.malformed || p.reason == NULL)
            fail_msg("%s is not told", cases[i].what);
    }
}

static void less_than_a_header_is_no_packet(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 1, 0, 4};
    struct eap_packet p;
    for (size_t n = 0; n < sizeof bytes; n++)
        assert_false(eap_parse(span_of(bytes, n), &p));
}

/* Every prefix of every kind of packet, in a block of its own size, so that an overread is seen. */
static void every_prefix_is_harmless(void **state)
{
    (void)state;
    static const uint8_t packets[][24] = {
        {1, 1, 0, 24, 25, 0xc0, 0, 0, 1, 0, 22, 3, 1, 0, 5, 1, 2, 3, 4, 5},
        {1, 1, 0, 24, 55, 0xd1, 0, 0, 1, 0, 0, 0, 0, 4, 22, 3, 1, 0, 5, 1},
        {1, 1, 0, 24, 26, 1, 1, 0, 19, 8, 1, 2, 3, 4, 5, 6, 7, 8, 'a', 'b'},
        {1, 1, 0, 24, 33, 0x80, 3, 0, 2, 0, 1, 0, 12, 0, 9, 1, 2, 3, 4, 5},
        {2, 1, 0, 24, 254, 0, 0, 0, 0, 0, 0, 3, 254, 0, 0, 0, 0, 0, 0, 13},
        {2, 1, 0, 24, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    };
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++)
        for (size_t n = 0; n <= sizeof packets[i]; n++) {
            uint8_t *copy = exact_copy(packets[i], n);
            struct eap_packet p;
            assert_int_equal(eap_parse(span_of(copy, n), &p), n >= 4);
            if (n >= 4 && n < sizeof packets[i])
                assert_true(p.malformed);
            free(copy);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_is_read),
        cmocka_unit_test(legacy_nak_lists_types),
        cmocka_unit_test(nak_of_many_types_stops_at_its_ceiling),
        cmocka_unit_test(expanded_nak_lists_expanded_types),
        cmocka_unit_test(microsoft_expanded_types_are_named),
        cmocka_unit_test(names_are_known),
        cmocka_unit_test(tls_flags_and_length_are_read),
        cmocka_unit_test(eap_tls_has_no_version_bits),
        cmocka_unit_test(outer_tlvs_of_peap_are_no_tls_bytes),
        cmocka_unit_test(outer_tlvs_of_teap_are_no_tls_bytes),
        cmocka_unit_test(mschapv2_challenge_and_response_give_the_name),
        cmocka_unit_test(mschapv2_failure_gives_its_error),
        cmocka_unit_test(mschapv2_error_must_be_the_e_field),
        cmocka_unit_test(mschapv2_success_text_is_kept),
        cmocka_unit_test(peap_tlvs_are_read),
        cmocka_unit_test(contradictions_are_named),
        cmocka_unit_test(less_than_a_header_is_no_packet),
        cmocka_unit_test(every_prefix_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
