/* What PEAP, TTLS, FAST and TEAP carry, between real TLS peers whose key log is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dissect/eap/eap_internal.h"
#include "eap_peers.h"

enum { BUFFERS = 1 << 20 };

struct tunnel {
    struct secrets *secrets;
    struct tls_context *tls;
    struct tls_pair outer;
    struct record *record;
    struct link link;
};

static void tunnel_open(struct tunnel *t, uint8_t type, uint8_t version, int tls_version, size_t fragment)
{
    *t = (struct tunnel){.secrets = secrets_new(), .record = calloc(1, sizeof *t->record)};
    assert_true(t->secrets != NULL && t->record != NULL);
    t->tls = tls_context_new(t->secrets, BUFFERS);
    assert_non_null(t->tls);
    pair_open(&t->outer, tls_version, NULL, t->secrets);
    t->record->expected[0] = t->outer.leaf;
    t->link.eap = eap_new(t->tls, record_event, t->record);
    assert_non_null(t->link.eap);
    t->link.type = type;
    t->link.version = version;
    t->link.fragment = fragment;
    t->link.length_unfragmented = fragment % 2 == 0;
    link_handshake(&t->link, &t->outer);
}

static void tunnel_close(struct tunnel *t)
{
    eap_free(t->link.eap);
    assert_int_equal(tls_context_buffer_bytes(t->tls), 0);
    pair_close(&t->outer);
    tls_context_free(t->tls);
    secrets_free(t->secrets);
    free(t->record);
}

static void say(struct tunnel *t, enum direction dir, const void *bytes, size_t len)
{
    size_t sent;
    uint8_t *records = pair_encrypt(&t->outer, dir, span_of(bytes, len), &sent);
    link_flight(&t->link, dir, records, sent);
    free(records);
}

#define SAY(t, dir, ...)                                                                                               \
    do {                                                                                                               \
        const uint8_t said[] = {__VA_ARGS__};                                                                          \
        say(t, dir, said, sizeof said);                                                                                \
    } while (0)

/* The lines must appear in this order, whatever else is between them. */
static void assert_order(const struct record *r, const char *const *lines)
{
    size_t at = 0;
    for (; *lines != NULL; lines++) {
        at = record_find(r, *lines, at);
        if (at == LOG_MAX) {
            for (size_t i = 0; i < r->count; i++)
                print_message("%s\n", r->lines[i]);
            fail_msg("not told, or not in its place: %s", *lines);
        }
        at++;
    }
}

static void assert_healthy(const struct record *r)
{
    assert_int_equal(r->gaps, 0);
    assert_int_equal(r->malformed, 0);
    assert_int_equal(r->decryption_failures, 0);
    assert_int_equal(r->wrong_certificates, 0);
}

static const uint8_t mschapv2_challenge[] = {
    26,                                                     /* type; the EAP header is compressed away */
    1, 3, 0, 24, 16,                                        /* challenge, id, length, value size */
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    'n', 'p', 's',
};
static const char mschapv2_failure[] = "\x1a\x04\x03\x00\x48"
                                       "E=691 R=1 C=00112233445566778899AABBCCDDEEFF V=3 M=Authentication failed";

static void say_mschapv2(struct tunnel *t)
{
    uint8_t response[1 + 5 + 49 + 5] = {26, 2, 3, 0, 59, 49};
    memcpy(response + 55, "alice", 5);
    say(t, TO_CLIENT, mschapv2_challenge, sizeof mschapv2_challenge);
    say(t, TO_SERVER, response, sizeof response);
}

static void say_peap_success(struct tunnel *t)
{
    uint8_t result[4 + 1 + 6 + 60] = {1, t->link.identifier, 0, sizeof result, 33,
                                      0x80, 3, 0, 2, 0, 1, /* Result: success */
                                      0, 12, 0, 56};       /* cryptobinding */
    result[1]++;
    say(t, TO_CLIENT, result, sizeof result);
    result[0] = 2;
    say(t, TO_SERVER, result, sizeof result);
    link_finish(&t->link, EAP_SUCCESS);
}

static void peap_mschapv2_is_followed(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION, TLS1_VERSION};
    static const size_t fragments[] = {60, 333, 1300};
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++)
        for (size_t f = 0; f < sizeof fragments / sizeof fragments[0]; f++) {
            struct tunnel t;
            tunnel_open(&t, EAP_TYPE_PEAP, 0, versions[v], fragments[f]);
            SAY(&t, TO_CLIENT, 1);
            SAY(&t, TO_SERVER, 1, 'C', 'O', 'R', 'P', '\\', 'a', 'l', 'i', 'c', 'e');
            SAY(&t, TO_CLIENT, 1, 9, 0, 12, 254, 0, 1, 0x37, 0, 0, 0, 0x22); /* capabilities keep their header */
            SAY(&t, TO_SERVER, 2, 9, 0, 6, 3, 0);
            say_mschapv2(&t);
            SAY(&t, TO_CLIENT, 26, 3, 3, 0, 6, 'S', '=');
            SAY(&t, TO_SERVER, 26, 3);
            say_peap_success(&t);
            static const char *const told[] = {
                "0> packet Response 1 anonymous@corp.contoso.com", "0< tls server_hello", "0< tls certificate",
                "0< tls data", "1< packet Request 1 ", "0> tls data", "1> packet Response 1 CORP\\alice",
                "1< packet Request 254", "1> packet Response 3", "1< packet Request 26", "1> packet Response 26",
                "1< packet Request 26", "1> packet Response 26", "1< packet Request 33  err=0 tlv=1 binding",
                "1> packet Response 33  err=0 tlv=1 binding", "0< packet Success", NULL};
            assert_order(t.record, told);
            assert_healthy(t.record);
            assert_int_equal(record_count(t.record, "1"), 10);
            tunnel_close(&t);
        }
}

static void peap_mschapv2_failure_is_told_with_its_error(void **state)
{
    (void)state;
    struct tunnel t;
    tunnel_open(&t, EAP_TYPE_PEAP, 0, TLS1_2_VERSION, 1000);
    say_mschapv2(&t);
    say(&t, TO_CLIENT, mschapv2_failure, sizeof mschapv2_failure - 1);
    SAY(&t, TO_SERVER, 26, 4);
    link_finish(&t.link, EAP_FAILURE);
    static const char *const told[] = {"1< packet Request 26  err=0", "1> packet Response 26  err=0",
                                       "1< packet Request 26  err=691", "1> packet Response 26  err=0",
                                       "0< packet Failure", NULL};
    assert_order(t.record, told);
    assert_int_equal(record_count(t.record, "1"), 4);
    tunnel_close(&t);
}

/* PEAP version 1 keeps the EAP header, with identifiers of its own. */
static void peap_version_1_is_followed(void **state)
{
    (void)state;
    struct tunnel t;
    tunnel_open(&t, EAP_TYPE_PEAP, 1, TLS1_2_VERSION, 700);
    SAY(&t, TO_CLIENT, 1, 77, 0, 5, 1);
    SAY(&t, TO_SERVER, 2, 77, 0, 10, 1, 'a', 'l', 'i', 'c', 'e');
    SAY(&t, TO_CLIENT, 1, 78, 0, 6, 6, '?');
    SAY(&t, TO_SERVER, 2, 78, 0, 7, 6, 'p', 'w');
    SAY(&t, TO_CLIENT, 3, 78, 0, 4);
    static const char *const told[] = {"1< packet Request 1 ", "1> packet Response 1 alice", "1< packet Request 6",
                                       "1> packet Response 6", "1< packet Success 0", NULL};
    assert_order(t.record, told);
    assert_int_equal(record_count(t.record, "1"), 5);
    assert_healthy(t.record);
    tunnel_close(&t);
}

/* The retransmitted carrier of an inner packet does not repeat it. */
static void repeated_carriers_do_not_repeat_what_they_carry(void **state)
{
    (void)state;
    struct tunnel t;
    tunnel_open(&t, EAP_TYPE_PEAP, 0, TLS1_2_VERSION, 50);
    t.link.repeat = 1;
    SAY(&t, TO_CLIENT, 1);
    SAY(&t, TO_SERVER, 1, 'b', 'o', 'b');
    assert_int_equal(record_count(t.record, "1"), 2);
    assert_healthy(t.record);
    tunnel_close(&t);
}

/* One inner EAP-TLS packet: type, flags, perhaps the length, bytes. */
static void say_inner_tls(struct tunnel *t, enum direction dir, uint8_t flags, size_t total, const uint8_t *bytes,
                          size_t len)
{
    uint8_t *message = malloc(6 + len);
    assert_non_null(message);
    size_t n = 0;
    message[n++] = EAP_TYPE_TLS;
    message[n++] = flags;
    if ((flags & EAP_TLS_LENGTH) != 0)
        for (unsigned i = 0; i < 4; i++)
            message[n++] = (uint8_t)(total >> (24 - 8 * i));
    if (len > 0)
        memcpy(message + n, bytes, len);
    say(t, dir, message, n + len);
    free(message);
}

static void say_inner_flight(struct tunnel *t, enum direction dir, const uint8_t *bytes, size_t len, size_t fragment)
{
    for (size_t at = 0; at < len;) {
        size_t n = len - at < fragment ? len - at : fragment;
        bool more = at + n < len;
        uint8_t flags = (uint8_t)((at == 0 ? EAP_TLS_LENGTH : 0) | (more ? EAP_TLS_MORE : 0));
        say_inner_tls(t, dir, flags, len, bytes + at, n);
        at += n;
        if (more)
            say_inner_tls(t, dir == TO_SERVER ? TO_CLIENT : TO_SERVER, 0, 0, NULL, 0);
    }
}

/* outer: bytes a packet of the carrier; inner: of the method inside, which may be the greater of the two. */
static void run_inner_eap_tls(size_t outer, size_t inner, bool inner_known)
{
    struct tunnel t;
    struct tls_pair pair;
    tunnel_open(&t, EAP_TYPE_PEAP, 0, TLS1_2_VERSION, outer);
    pair_open(&pair, TLS1_2_VERSION, NULL, inner_known ? t.secrets : NULL);
    t.record->expected[1] = pair.leaf;
    SAY(&t, TO_CLIENT, 1);
    SAY(&t, TO_SERVER, 1, 'a', 'l', 'i', 'c', 'e');
    say_inner_tls(&t, TO_CLIENT, EAP_TLS_START, 0, NULL, 0);
    enum direction dir = TO_SERVER;
    uint8_t *previous = NULL;
    for (struct span in = {NULL, 0};;) {
        size_t len;
        uint8_t *out = pair_step(&pair, dir, in, &len);
        free(previous);
        previous = out;
        if (len == 0)
            break;
        say_inner_flight(&t, dir, out, len, inner);
        in = (struct span){out, len};
        dir = dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
    }
    free(previous);
    say_peap_success(&t);
    static const char *const told[] = {
        "0< tls certificate", "1> packet Response 1 alice", "1< packet Request 13", "1> tls client_hello",
        "1< tls server_hello", "1< tls certificate", "1> tls change_cipher_spec", "1< tls change_cipher_spec",
        "1< packet Request 33", "1> packet Response 33", "0< packet Success", NULL};
    assert_order(t.record, told);
    assert_healthy(t.record);
    assert_int_equal(t.record->certificates[0], 1);
    assert_int_equal(t.record->certificates[1], 1);
    pair_close(&pair);
    tunnel_close(&t);
}

static void inner_eap_tls_gives_the_second_certificate(void **state)
{
    (void)state;
    run_inner_eap_tls(1300, 1200, false);
    run_inner_eap_tls(1300, 200, true);
    run_inner_eap_tls(400, 1000, false);
    run_inner_eap_tls(90, 3000, true);
}

/* Diameter AVP of RFC 5281 section 10.1. */
static size_t put_avp(uint8_t *out, uint32_t code, uint32_t vendor, const void *data, size_t len)
{
    size_t header = vendor != 0 ? 12 : 8, total = header + len, padded = (total + 3) / 4 * 4;
    memset(out, 0, padded);
    out[2] = (uint8_t)(code >> 8);
    out[3] = (uint8_t)code;
    out[4] = (uint8_t)((vendor != 0 ? 0x80 : 0) | 0x40);
    out[6] = (uint8_t)(total >> 8);
    out[7] = (uint8_t)total;
    if (vendor != 0) {
        out[10] = (uint8_t)(vendor >> 8);
        out[11] = (uint8_t)vendor;
    }
    memcpy(out + header, data, len);
    return padded;
}

static void ttls_without_eap_is_told(void **state)
{
    (void)state;
    static const struct {
        uint32_t code, vendor;
        size_t len;
        const char *told;
    } methods[] = {
        {2, 0, 16, "1> avps 0 alice@corp err=0"},     /* User-Password: PAP */
        {3, 0, 17, "1> avps 1 alice@corp err=0"},     /* CHAP-Password */
        {1, 311, 50, "1> avps 2 alice@corp err=0"},   /* MS-CHAP-Response */
        {25, 311, 50, "1> avps 3 alice@corp err=0"},  /* MS-CHAP2-Response */
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct tunnel t;
        uint8_t message[256], zeros[64] = {0};
        tunnel_open(&t, EAP_TYPE_TTLS, 0, i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION, 500);
        size_t n = put_avp(message, 1, 0, "alice@corp", 10);
        n += put_avp(message + n, methods[i].code, methods[i].vendor, zeros, methods[i].len);
        say(&t, TO_SERVER, message, n);
        n = put_avp(message, 2, 311, "\x01" "E=691 R=0 V=3", 14);
        say(&t, TO_CLIENT, message, n);
        const char *const told[] = {methods[i].told, "1< avps 4  err=691", NULL};
        assert_order(t.record, told);
        assert_int_equal(record_count(t.record, "1"), 2);
        assert_healthy(t.record);
        tunnel_close(&t);
    }
}

/* RFC 5281 section 11.2.1: the client begins, and a long packet may come in several AVPs. */
static void ttls_with_eap_is_followed(void **state)
{
    (void)state;
    static const uint8_t identity[] = {2, 0, 0, 10, 1, 'a', 'l', 'i', 'c', 'e'};
    static const uint8_t challenge[] = {1, 1, 0, 22, 4, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct tunnel t;
    uint8_t message[256];
    tunnel_open(&t, EAP_TYPE_TTLS, 0, TLS1_2_VERSION, 100);
    size_t n = put_avp(message, 79, 0, identity, sizeof identity);
    say(&t, TO_SERVER, message, n);
    n = put_avp(message, 79, 0, challenge, 9);
    n += put_avp(message + n, 79, 0, challenge + 9, sizeof challenge - 9);
    say(&t, TO_CLIENT, message, n);
    static const char *const told[] = {"1> packet Response 1 alice", "1< packet Request 4 ", NULL};
    assert_order(t.record, told);
    assert_int_equal(record_count(t.record, "1"), 2);
    assert_healthy(t.record);
    tunnel_close(&t);
}

static void fast_and_teap_payloads_are_followed(void **state)
{
    (void)state;
    static const uint8_t types[] = {EAP_TYPE_FAST, EAP_TYPE_TEAP};
    for (size_t i = 0; i < sizeof types; i++) {
        struct tunnel t;
        tunnel_open(&t, types[i], 1, TLS1_2_VERSION, 600);
        SAY(&t, TO_CLIENT, 0x80, 9, 0, 5, 1, 1, 0, 5, 1); /* M, EAP-Payload */
        SAY(&t, TO_SERVER, 0, 7, 0, 1, 0, 0x80, 9, 0, 8, 2, 1, 0, 8, 1, 'b', 'o', 'b');
        SAY(&t, TO_CLIENT, 0x80, 3, 0, 2, 0, 1);
        static const char *const told[] = {"1< packet Request 1 ", "1> packet Response 1 bob", NULL};
        assert_order(t.record, told);
        assert_int_equal(record_count(t.record, "1"), 2);
        assert_healthy(t.record);
        tunnel_close(&t);
    }
}

/* EAP-TLS 1.3 ends with one byte of application data (RFC 9190 section 2.1.1): no inner method. */
static void the_commitment_of_eap_tls_is_no_inner_packet(void **state)
{
    (void)state;
    static const uint8_t types[] = {EAP_TYPE_TLS, EAP_TYPE_PEAP, EAP_TYPE_TTLS};
    for (size_t i = 0; i < sizeof types; i++) {
        struct tunnel t;
        tunnel_open(&t, types[i], 0, TLS1_3_VERSION, 1000);
        SAY(&t, TO_CLIENT, 0);
        assert_int_equal(record_count(t.record, "0< tls data"), 1);
        assert_int_equal(record_count(t.record, "1"), 0);
        assert_int_equal(t.record->malformed, 0);
        tunnel_close(&t);
    }
}

/* Without secrets nothing of the inside is told, and nothing is wrong. */
static void without_secrets_the_inside_stays_unknown(void **state)
{
    (void)state;
    struct record *r = calloc(1, sizeof *r);
    struct secrets *none = secrets_new();
    assert_true(r != NULL && none != NULL);
    struct tls_context *tls = tls_context_new(none, BUFFERS);
    struct link blind = {.eap = eap_new(tls, record_event, r), .type = EAP_TYPE_PEAP, .fragment = 1000};
    struct tls_pair pair;
    pair_open(&pair, TLS1_2_VERSION, NULL, NULL);
    r->expected[0] = pair.leaf;
    link_handshake(&blind, &pair);
    size_t len;
    uint8_t *records = pair_encrypt(&pair, TO_CLIENT, span_of("\x01", 1), &len);
    link_flight(&blind, TO_CLIENT, records, len);
    free(records);
    assert_int_equal(record_count(r, "1"), 0);
    assert_int_equal(record_count(r, "0< tls data"), 0);
    assert_int_equal(record_count(r, "0< tls encrypted"), 2); /* Finished and the data */
    assert_healthy(r);
    eap_free(blind.eap);
    pair_close(&pair);
    tls_context_free(tls);
    secrets_free(none);
    free(r);
}

/* The message decides between a header and a compressed one, not the version bits. */
static void headers_are_told_from_compressed_packets(void **state)
{
    (void)state;
    struct tunnel t;
    tunnel_open(&t, EAP_TYPE_PEAP, 0, TLS1_2_VERSION, 1000);
    SAY(&t, TO_CLIENT, 1, 5, 0, 5, 1);                               /* version 0, yet with its header */
    SAY(&t, TO_SERVER, 1, 'a');                                      /* identity "a" */
    SAY(&t, TO_CLIENT, 4, 16, 0, 22, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 'n', 'p', 's', '!'); /* MD5 whose
                                                                        value begins like a length */
    SAY(&t, TO_SERVER, 3, 26);                                       /* Nak */
    static const char *const told[] = {"1< packet Request 1 ", "1> packet Response 1 a", "1< packet Request 4 ",
                                       "1> packet Response 3 ", NULL};
    assert_order(t.record, told);
    assert_int_equal(record_count(t.record, "1"), 4);
    assert_healthy(t.record);
    tunnel_close(&t);
}

static void long_messages_end_at_the_ceiling(void **state)
{
    (void)state;
    struct tunnel t;
    tunnel_open(&t, EAP_TYPE_PEAP, 0, TLS1_2_VERSION, 1000);
    uint8_t *junk = calloc(1, EAP_INNER_MESSAGE_MAX);
    assert_non_null(junk);
    junk[0] = 1;
    size_t len[2];
    uint8_t *one = pair_encrypt(&t.outer, TO_CLIENT, span_of(junk, EAP_INNER_MESSAGE_MAX), &len[0]);
    uint8_t *two = pair_encrypt(&t.outer, TO_CLIENT, span_of(junk, 100), &len[1]);
    uint8_t *both = malloc(len[0] + len[1]);
    assert_non_null(both);
    memcpy(both, one, len[0]);
    memcpy(both + len[0], two, len[1]);
    link_flight(&t.link, TO_CLIENT, both, len[0] + len[1]);
    free(one);
    free(two);
    free(both);
    free(junk);
    assert_int_equal(record_count(t.record, "0< tls data"), 2);
    assert_int_equal(record_count(t.record, "1"), 0);
    SAY(&t, TO_CLIENT, 1); /* and the next one is read again */
    assert_int_equal(record_count(t.record, "1"), 1);
    tunnel_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peap_mschapv2_is_followed),
        cmocka_unit_test(peap_mschapv2_failure_is_told_with_its_error),
        cmocka_unit_test(peap_version_1_is_followed),
        cmocka_unit_test(repeated_carriers_do_not_repeat_what_they_carry),
        cmocka_unit_test(inner_eap_tls_gives_the_second_certificate),
        cmocka_unit_test(ttls_without_eap_is_told),
        cmocka_unit_test(ttls_with_eap_is_followed),
        cmocka_unit_test(fast_and_teap_payloads_are_followed),
        cmocka_unit_test(the_commitment_of_eap_tls_is_no_inner_packet),
        cmocka_unit_test(without_secrets_the_inside_stays_unknown),
        cmocka_unit_test(headers_are_told_from_compressed_packets),
        cmocka_unit_test(long_messages_end_at_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
