/* Headers and payload chains of IKEv2 and IKEv1, whole, cut and spoiled. Constants of RFC 7296, 7383, 2408. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ike_by_hand.h"

#define SPIS "a1b2c3d4e5f60718 1122334455667788"
#define FIRST_SPIS "a1b2c3d4e5f60718 0000000000000000"
#define NAT_D "20f941f1037c4776a9de2a2dfabd2035cd266e26"

static struct ike_bytes message; /* too large for a stack */
static struct ike_payloads payloads;

static struct ike_message parsed(const struct ike_bytes *b)
{
    struct ike_message m;
    assert_true(ike_parse(ike_span(b), (uint32_t)b->len, &m));
    return m;
}

static void read_all(const struct ike_bytes *b)
{
    struct ike_message m = parsed(b);
    ike_read_payloads(m.next_payload, m.payloads, m.cut, &payloads);
}

/* As a Windows client's first message, without its proposals. */
static void begin_init(struct ike_bytes *b)
{
    ike_begin(b, FIRST_SPIS, 0x20, IKE_SA_INIT, IKE_FLAG_INITIATOR, 0);
    ike_payload(b, IKE_KE, "000e 0000 0102030405060708");
    ike_payload(b, IKE_NONCE, "00112233445566778899aabbccddeeff");
    ike_payload(b, IKE_NOTIFY, "0000402e");
    ike_payload(b, IKE_NOTIFY, "00004004" NAT_D);
    ike_payload(b, IKE_NOTIFY, "00004005" NAT_D);
    ike_payload(b, IKE_VENDOR_ID, "1e2b516905991c7d7c96fcbfb587e46100000009");
}

static void a_header_is_read(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_INFORMATIONAL, IKE_FLAG_RESPONSE, 7);
    struct ike_message m = parsed(&message);
    const uint8_t spi[IKE_SPI] = {0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18};
    assert_memory_equal(m.initiator_spi, spi, IKE_SPI);
    assert_int_equal(m.responder_spi[7], 0x88);
    assert_int_equal(m.version, 0x20);
    assert_int_equal(m.exchange, IKE_INFORMATIONAL);
    assert_int_equal(m.message_id, 7);
    assert_int_equal(m.length, IKE_HEADER);
    assert_true(m.response);
    assert_false(m.from_initiator || m.encrypted || m.cut || m.malformed);
    assert_int_equal(m.payloads.len, 0);
    message.data[19] = IKE_FLAG_INITIATOR;
    m = parsed(&message);
    assert_true(m.from_initiator);
    assert_false(m.response);
    for (size_t n = 0; n < IKE_HEADER; n++)
        assert_false(ike_parse(span_of(message.data, n), IKE_HEADER, &m));
}

/* On the wire: next 00 001c 00 00 4004, next 00 0008 00 00 402e. */
static void the_payloads_of_a_first_message_are_read(void **state)
{
    (void)state;
    begin_init(&message);
    read_all(&message);
    assert_false(payloads.malformed);
    const uint8_t types[] = {IKE_KE, IKE_NONCE, IKE_NOTIFY, IKE_NOTIFY, IKE_NOTIFY, IKE_VENDOR_ID};
    assert_int_equal(payloads.count, sizeof types);
    assert_memory_equal(payloads.types, types, sizeof types);
    assert_int_equal(payloads.ke_group, 14);
    assert_int_equal(payloads.ke.len, 8);
    assert_int_equal(payloads.nonce.len, 16);
    assert_int_equal(payloads.notify_count, 3);
    assert_int_equal(ike_notify_of(&payloads, IKE_N_FRAGMENTATION_SUPPORTED)->data.len, 0);
    const struct ike_notify *source = ike_notify_of(&payloads, IKE_N_NAT_DETECTION_SOURCE_IP);
    assert_int_equal(source->data.len, IKE_NAT_HASH);
    assert_int_equal(source->data.data[0], 0x20);
    assert_non_null(ike_notify_of(&payloads, IKE_N_NAT_DETECTION_DESTINATION_IP));
    assert_null(ike_notify_of(&payloads, IKE_N_COOKIE));
    assert_int_equal(payloads.vendor_id_count, 1);
    assert_true(ike_has_vendor_id(&payloads, payloads.vendor_ids[0]));
    assert_false(ike_has_vendor_id(&payloads, payloads.nonce));
    assert_int_equal(payloads.sa.len + payloads.eap.len + payloads.cert_count + payloads.auth_method, 0);
}

static void the_payloads_of_an_authentication_are_read(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
    ike_payload(&message, IKE_IDI, "02000000 70632e6578616d706c65");
    ike_payload(&message, IKE_IDR, "01000000 c0000201");
    ike_payload(&message, IKE_CERT, "04 3003020105");
    ike_payload(&message, IKE_CERT, "04 3003020106");
    ike_payload(&message, IKE_CERTREQ, "04" NAT_D NAT_D);
    ike_payload(&message, IKE_AUTHENTICATION, "0e000000 aabbcc");
    ike_payload(&message, IKE_CP, "01000000 00010000 00030000");
    ike_payload(&message, IKE_TSI, "00000000");
    ike_payload(&message, IKE_TSR, "0000000000");
    ike_payload(&message, IKE_EAP, "01000005 01");
    ike_payload(&message, IKE_NOTIFY, "03 04 4009 01020304");
    ike_payload(&message, IKE_NOTIFY, "00 00 3039 80090322");
    ike_payload(&message, IKE_DELETE, "03 04 0002 0102030405060708");
    ike_payload(&message, IKE_DELETE, "01 00 0000");
    ike_payload(&message, IKE_MS_CORRELATION, "00112233445566778899aabbccddeeff");
    read_all(&message);
    assert_false(payloads.malformed);
    assert_int_equal(payloads.idi.type, 2);
    assert_true(span_equal(payloads.idi.data, span_of("pc.example", 10)));
    assert_int_equal(payloads.idr.type, 1);
    assert_int_equal(payloads.idr.data.len, 4);
    assert_int_equal(payloads.cert_count, 2);
    assert_int_equal(payloads.certs[1].encoding, 4);
    assert_int_equal(payloads.certs[1].data.data[4], 6);
    assert_int_equal(payloads.certreqs[0].data.len, 40);
    assert_int_equal(payloads.auth_method, 14);
    assert_int_equal(payloads.auth.len, 3);
    assert_int_equal(payloads.cp_type, 1);
    assert_int_equal(payloads.tsi.len, 4);
    assert_int_equal(payloads.tsr.len, 5);
    assert_int_equal(payloads.eap.len, 5);
    assert_int_equal(payloads.notifies[0].protocol, 3);
    assert_int_equal(payloads.notifies[0].spi.len, 4);
    assert_int_equal(ike_notify_of(&payloads, IKE_N_MS_STATUS)->data.len, 4);
    assert_int_equal(payloads.delete_count, 2);
    assert_int_equal(payloads.deletes[0].count, 2);
    assert_int_equal(payloads.deletes[0].spis.len, 8);
    assert_int_equal(payloads.ms_correlation.len, 16);
}

static void of_single_payloads_the_first_counts(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
    ike_payload(&message, IKE_NONCE, "01");
    ike_payload(&message, IKE_NONCE, "0202");
    ike_payload(&message, IKE_IDI, "02000000 61");
    ike_payload(&message, IKE_IDI, "03000000 62");
    ike_payload(&message, IKE_KE, "000e 0000 01");
    ike_payload(&message, IKE_KE, "0013 0000 02");
    read_all(&message);
    assert_int_equal(payloads.nonce.len, 1);
    assert_int_equal(payloads.idi.type, 2);
    assert_int_equal(payloads.ke_group, 14);
    assert_int_equal(payloads.count, 6);
}

static void the_encrypted_payload_is_found(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, IKE_FLAG_INITIATOR, 1);
    ike_payload(&message, IKE_NOTIFY, "00004000");
    size_t sk = ike_open_payload(&message, IKE_SK);
    ike_fill(&message, 0x55, 48);
    ike_close_payload(&message, sk);
    message.data[sk] = IKE_IDI;
    struct ike_message m = parsed(&message);
    assert_true(m.encrypted);
    assert_false(m.malformed);
    assert_int_equal(m.sk_next, IKE_IDI);
    assert_int_equal(m.fragments, 0);
    assert_int_equal(m.sk.len, 48);
    assert_ptr_equal(m.sk.data, message.data + sk + 4);
    assert_ptr_equal(m.associated.data, message.data);
    assert_int_equal(m.associated.len, sk + 4);
    read_all(&message);
    assert_int_equal(payloads.count, 2);
    assert_int_equal(payloads.types[1], IKE_SK);
    assert_false(payloads.malformed);
}

/* RFC 7383 section 2.5: number and total belong to what an AEAD authenticates. */
static void the_encrypted_fragment_is_found(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, IKE_FLAG_INITIATOR, 1);
    size_t sk = ike_open_payload(&message, IKE_SKF);
    ike_hex(&message, "0002 0003");
    ike_fill(&message, 0x55, 40);
    ike_close_payload(&message, sk);
    struct ike_message m = parsed(&message);
    assert_true(m.encrypted);
    assert_false(m.malformed);
    assert_int_equal(m.fragment, 2);
    assert_int_equal(m.fragments, 3);
    assert_int_equal(m.sk.len, 40);
    assert_int_equal(m.associated.len, sk + 8);
    static const char *const impossible[] = {"0000 0003", "0004 0003", "0001 0000"};
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        message.len = sk + 4;
        ike_hex(&message, impossible[i]);
        message.len = sk + 48;
        assert_true(parsed(&message).malformed);
    }
    message.len = sk + 4;
    ike_hex(&message, "0001");
    ike_close_payload(&message, sk);
    m = parsed(&message);
    assert_true(m.malformed && m.encrypted);
    assert_int_equal(m.sk.len, 0);
}

static void nothing_follows_the_encrypted_payload(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
    size_t sk = ike_open_payload(&message, IKE_SK);
    ike_fill(&message, 0x55, 48);
    ike_close_payload(&message, sk);
    ike_fill(&message, 0x66, 8);
    ike_set_length(&message, message.len);
    struct ike_message m = parsed(&message);
    assert_true(m.malformed);
    assert_int_equal(m.sk.len, 48);
}

/* The datagram may hold more than the message, and the capture less than the datagram. */
static void lengths_of_message_datagram_and_capture(void **state)
{
    (void)state;
    begin_init(&message);
    size_t len = message.len;
    ike_fill(&message, 0xee, 16);
    struct ike_message m = parsed(&message);
    assert_false(m.malformed || m.cut);
    assert_int_equal(m.whole.len, len);
    ike_read_payloads(m.next_payload, m.payloads, m.cut, &payloads);
    assert_false(payloads.malformed);
    assert_int_equal(payloads.count, 6);

    assert_true(ike_parse(span_of(message.data, len), (uint32_t)len - 1, &m)); /* a claim that captured bytes refute */
    assert_false(m.malformed || m.cut);

    ike_set_length(&message, len + 17);
    message.len = len + 16;
    m = parsed(&message);
    assert_true(m.malformed);
    assert_false(m.cut);

    assert_true(ike_parse(ike_span(&message), (uint32_t)len + 17, &m));
    assert_false(m.malformed);
    assert_true(m.cut);

    ike_set_length(&message, IKE_HEADER - 1);
    m = parsed(&message);
    assert_true(m.malformed);
    assert_int_equal(m.payloads.len, 0);
    ike_set_length(&message, 0xffffffff);
    assert_true(parsed(&message).malformed);
}

/* What a snap length leaves is read, and is not malformed; without that excuse it is. */
static void a_message_cut_anywhere(void **state)
{
    (void)state;
    begin_init(&message);
    size_t sk = ike_open_payload(&message, IKE_SK);
    ike_fill(&message, 0x55, 32);
    ike_close_payload(&message, sk);
    size_t whole_before = 0;
    for (size_t n = IKE_HEADER; n < message.len; n++) {
        struct ike_message m;
        uint8_t *exact = malloc(n); /* so that a sanitizer sees the first byte too many */
        assert_non_null(exact);
        memcpy(exact, message.data, n);
        assert_true(ike_parse(span_of(exact, n), (uint32_t)message.len, &m));
        assert_true(m.cut);
        assert_false(m.malformed);
        assert_int_equal(m.encrypted, n >= sk + 4);
        assert_true(m.sk.len == (n > sk + 4 ? n - sk - 4 : 0));
        ike_read_payloads(m.next_payload, m.payloads, true, &payloads);
        assert_false(payloads.malformed);
        size_t whole = (size_t)(payloads.ke_group != 0) + (payloads.nonce.len > 0) + payloads.notify_count +
                       payloads.vendor_id_count;
        assert_true(whole >= whole_before);
        whole_before = whole;
        if (n < sk) {
            ike_read_payloads(m.next_payload, m.payloads, false, &payloads);
            assert_true(payloads.malformed);
            assert_non_null(payloads.reason);
        }
        free(exact);
    }
    assert_int_equal(whole_before, 6);
}

/* Each length field of a chain set to what cannot be. */
static void wrong_payload_lengths(void **state)
{
    (void)state;
    for (size_t wrong = 0; wrong < 4; wrong++) {
        begin_init(&message);
        ike_set_be16(&message, IKE_HEADER + 2, wrong);
        struct ike_message m = parsed(&message);
        assert_true(m.malformed);
        ike_read_payloads(m.next_payload, m.payloads, false, &payloads);
        assert_true(payloads.malformed);
        assert_int_equal(payloads.count, 0);
    }
    begin_init(&message);
    ike_set_be16(&message, IKE_HEADER + 2, message.len - IKE_HEADER + 1);
    assert_true(parsed(&message).malformed);
    begin_init(&message);
    ike_set_be16(&message, message.len - 24 + 2, 25); /* the last one, one byte too long */
    read_all(&message);
    assert_true(payloads.malformed);
    assert_int_equal(payloads.count, 5);
    begin_init(&message);
    ike_set_be16(&message, message.len - 24 + 2, 19); /* and five too short */
    read_all(&message);
    assert_true(payloads.malformed);
    assert_int_equal(payloads.count, 6);
    begin_init(&message);
    message.data[message.len - 24] = IKE_NOTIFY; /* announced but not there */
    read_all(&message);
    assert_true(payloads.malformed);
}

/* Openswan fills its messages with zeros up to four bytes. */
static void padding_behind_the_last_payload(void **state)
{
    (void)state;
    begin_init(&message);
    ike_fill(&message, 0, 3);
    ike_set_length(&message, message.len);
    read_all(&message);
    assert_false(payloads.malformed);
    ike_fill(&message, 0, 1);
    ike_set_length(&message, message.len);
    read_all(&message);
    assert_true(payloads.malformed);
}

static void bodies_shorter_than_their_fields(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *body;
    } cases[] = {
        {IKE_KE, "000e00"},           {IKE_KE, ""},
        {IKE_IDI, "020000"},          {IKE_IDR, ""},
        {IKE_CERT, ""},               {IKE_CERTREQ, ""},
        {IKE_AUTHENTICATION, "0100"}, {IKE_NOTIFY, "000040"},
        {IKE_NOTIFY, "000540040102"}, {IKE_DELETE, "010000"},
        {IKE_DELETE, "03040002 01020304"}, {IKE_DELETE, "03040001 0102030405"},
        {IKE_DELETE, "0304ffff"},     {IKE_CP, "010000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
        ike_payload(&message, cases[i].type, cases[i].body);
        ike_payload(&message, IKE_NONCE, "0102");
        read_all(&message);
        assert_true(payloads.malformed);
        assert_non_null(payloads.reason);
        assert_int_equal(payloads.nonce.len, 2); /* the chain goes on */
        assert_int_equal(payloads.notify_count + payloads.delete_count + payloads.cert_count + payloads.certreq_count, 0);
    }
}

static void more_of_everything_than_is_held(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
    for (int i = 0; i < IKE_PAYLOADS_MAX + 6; i++)
        ike_payload(&message, IKE_NOTIFY, "00004004");
    read_all(&message);
    assert_true(payloads.malformed);
    assert_int_equal(payloads.count, IKE_PAYLOADS_MAX);
    assert_int_equal(payloads.notify_count, IKE_NOTIFIES_MAX);
    static const uint8_t types[] = {IKE_VENDOR_ID, IKE_CERT, IKE_CERTREQ, IKE_DELETE};
    for (size_t t = 0; t < sizeof types; t++) {
        ike_begin(&message, SPIS, 0x20, IKE_AUTH, 0, 1);
        for (int i = 0; i < 30; i++)
            ike_payload(&message, types[t], "01000000");
        read_all(&message);
        assert_int_equal(payloads.count, 30);
        assert_false(payloads.malformed);
    }
    assert_int_equal(payloads.delete_count, IKE_DELETES_MAX);
}

static void unknown_payloads_and_the_critical_bit(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x20, IKE_SA_INIT, IKE_FLAG_INITIATOR, 0);
    size_t known = ike_open_payload(&message, IKE_NONCE);
    message.data[known + 1] = 0x80;
    ike_close_payload(&message, known);
    size_t unknown = ike_open_payload(&message, 128);
    ike_close_payload(&message, unknown);
    read_all(&message);
    assert_int_equal(payloads.unknown_critical, 0);
    assert_false(payloads.malformed);
    message.data[unknown + 1] = 0x80;
    read_all(&message);
    assert_int_equal(payloads.unknown_critical, 128);
    assert_int_equal(payloads.count, 2);
}

static void what_can_be_ike(void **state)
{
    (void)state;
    begin_init(&message);
    uint32_t len = (uint32_t)message.len;
    struct span bytes = ike_span(&message);
    assert_true(ike_recognise(bytes, len));
    assert_true(ike_recognise(span_of(message.data, IKE_HEADER), len));
    assert_true(ike_recognise(bytes, len + 4));
    assert_false(ike_recognise(span_of(message.data, IKE_HEADER - 1), len));
    assert_false(ike_recognise(bytes, len - 1));
    message.data[17] = 0x30;
    assert_false(ike_recognise(bytes, len));
    message.data[17] = 0x10;
    assert_false(ike_recognise(bytes, len)); /* 34 is no exchange of IKEv1 */
    message.data[18] = IKE1_MAIN;
    assert_true(ike_recognise(bytes, len));
    message.data[17] = 0x20;
    assert_false(ike_recognise(bytes, len));
    message.data[18] = IKE_AUTH;
    memset(message.data, 0, IKE_SPI);
    assert_false(ike_recognise(bytes, len));
}

/* RFC 2408 sections 3.4 to 3.16: other numbers, and a domain of interpretation in front of N and D. */
static void payloads_of_version_1(void **state)
{
    (void)state;
    ike_begin(&message, SPIS, 0x10, IKE1_AGGRESSIVE, 0, 0);
    ike_payload(&message, 1, "00000001 00000001");
    ike_payload(&message, 4, "0102030405");
    ike_payload(&message, 10, "aabb");
    ike_payload(&message, 5, "01 11 01f4 c0000201");
    ike_payload(&message, 5, "02 00 0000 6162");
    ike_payload(&message, 6, "04 3003020105");
    ike_payload(&message, 7, "04");
    ike_payload(&message, 11, "00000001 01 10 6002 " "a1b2c3d4e5f60718 1122334455667788");
    ike_payload(&message, 12, "00000001 03 04 0001 01020304");
    ike_payload(&message, 13, "afcad71368a1f1c96b8696fc77570100");
    struct ike_message m = parsed(&message);
    assert_false(m.malformed || m.encrypted || m.from_initiator);
    ike1_read_payloads(m.next_payload, m.payloads, m.cut, &payloads);
    assert_false(payloads.malformed);
    assert_int_equal(payloads.count, 10);
    assert_int_equal(payloads.sa.len, 8);
    assert_int_equal(payloads.certreq_count, 1);
    assert_int_equal(payloads.ke.len, 5);
    assert_int_equal(payloads.nonce.len, 2);
    assert_int_equal(payloads.idi.type, 1);
    assert_int_equal(payloads.idi.data.len, 4);
    assert_int_equal(payloads.idr.type, 2);
    assert_int_equal(payloads.cert_count, 1);
    assert_int_equal(payloads.notifies[0].type, 24578);
    assert_int_equal(payloads.notifies[0].spi.len, 16);
    assert_int_equal(payloads.deletes[0].count, 1);
    assert_int_equal(payloads.vendor_id_count, 1);
    message.data[19] = IKE1_FLAG_ENCRYPTED;
    assert_true(parsed(&message).encrypted);
    static const struct {
        uint8_t type;
        const char *body;
    } spoiled[] = {{11, "000000"}, {11, "00000001 01"}, {12, ""}, {12, "00000001 03 04 0002 01020304"}, {5, "0111"}};
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        ike_begin(&message, SPIS, 0x10, IKE1_INFORMATIONAL, 0, 1);
        ike_payload(&message, spoiled[i].type, spoiled[i].body);
        m = parsed(&message);
        ike1_read_payloads(m.next_payload, m.payloads, m.cut, &payloads);
        assert_true(payloads.malformed);
        ike1_read_payloads(m.next_payload, span_of(m.payloads.data, 3), true, &payloads); /* cut in the header */
        assert_false(payloads.malformed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read),
        cmocka_unit_test(the_payloads_of_a_first_message_are_read),
        cmocka_unit_test(the_payloads_of_an_authentication_are_read),
        cmocka_unit_test(of_single_payloads_the_first_counts),
        cmocka_unit_test(the_encrypted_payload_is_found),
        cmocka_unit_test(the_encrypted_fragment_is_found),
        cmocka_unit_test(nothing_follows_the_encrypted_payload),
        cmocka_unit_test(lengths_of_message_datagram_and_capture),
        cmocka_unit_test(a_message_cut_anywhere),
        cmocka_unit_test(wrong_payload_lengths),
        cmocka_unit_test(padding_behind_the_last_payload),
        cmocka_unit_test(bodies_shorter_than_their_fields),
        cmocka_unit_test(more_of_everything_than_is_held),
        cmocka_unit_test(unknown_payloads_and_the_critical_bit),
        cmocka_unit_test(what_can_be_ike),
        cmocka_unit_test(payloads_of_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
