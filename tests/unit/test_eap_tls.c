/* The outer conversation: a real handshake in fragments of many sizes, repeated, lost, cut, one-sided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "eap_peers.h"

enum { BUFFERS = 1 << 20, SEEDS = 24 };

struct setup {
    struct secrets *secrets;
    struct tls_context *tls;
    struct tls_pair pair;
    struct record *record;
    struct link link;
};

static void setup_open(struct setup *s, int version, const char *suite)
{
    *s = (struct setup){.secrets = secrets_new(), .record = calloc(1, sizeof *s->record)};
    assert_true(s->secrets != NULL && s->record != NULL);
    s->tls = tls_context_new(s->secrets, BUFFERS);
    assert_non_null(s->tls);
    pair_open(&s->pair, version, suite, NULL); /* without secrets: as most captures are */
    s->record->expected[0] = s->pair.leaf;
    s->link.eap = eap_new(s->tls, record_event, s->record);
    assert_non_null(s->link.eap);
    s->link.type = EAP_TYPE_PEAP;
    s->link.fragment = 1000;
}

static void setup_close(struct setup *s)
{
    eap_free(s->link.eap);
    assert_int_equal(tls_context_buffer_bytes(s->tls), 0);
    pair_close(&s->pair);
    tls_context_free(s->tls);
    secrets_free(s->secrets);
    free(s->record);
}

static void assert_clean_handshake(const struct record *r)
{
    assert_int_equal(r->gaps, 0);
    assert_int_equal(r->malformed, 0);
    assert_int_equal(r->certificates[0], 1);
    assert_int_equal(r->wrong_certificates, 0);
    assert_int_equal(record_count(r, "0> tls client_hello"), 1);
    assert_int_equal(record_count(r, "0< tls server_hello"), 1);
    assert_int_equal(record_count(r, "0> tls change_cipher_spec"), 1);
    assert_int_equal(record_count(r, "0< tls change_cipher_spec"), 1);
    assert_true(record_find(r, "0> packet Response 1 anonymous@corp.contoso.com", 0) < LOG_MAX);
}

static void handshake_is_followed_in_any_fragment_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {37, 100, 250, 1000, 1390, 4000, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned variant = 0; variant < 4; variant++) {
            struct setup s;
            setup_open(&s, TLS1_2_VERSION, NULL);
            s.link.fragment = sizes[i];
            s.link.length_everywhere = (variant & 1) != 0;
            s.link.length_unfragmented = (variant & 2) != 0;
            link_handshake(&s.link, &s.pair);
            assert_clean_handshake(s.record);
            assert_int_equal(s.record->retransmissions, 0);
            struct eap_state e;
            eap_get_state(s.link.eap, &e);
            assert_int_equal(e.tls, EAP_TLS_ESTABLISHED);
            assert_false(e.server_flight_partial);
            assert_int_equal(e.last_type, EAP_TYPE_PEAP);
            assert_int_equal(e.last_dir, TO_SERVER);
            setup_close(&s);
        }
}

/* Data of the tunnel goes by closed: told with its packet when that holds one record and nothing else. */
static void closed_records_are_told_with_their_packets(void **state)
{
    (void)state;
    static const char text[] = "what the peers say to each other inside";
    static const struct { int version; size_t fragment; bool told_with_packet;
    } cases[] = {{TLS1_2_VERSION, 1000, true}, {TLS1_3_VERSION, 1000, true}, {TLS1_2_VERSION, 30, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct setup s;
        setup_open(&s, cases[i].version, NULL);
        s.link.fragment = cases[i].fragment;
        link_handshake(&s.link, &s.pair);
        unsigned before = s.record->closed_records, of_server = record_count(s.record, "0< tls encrypted");
        size_t len;
        uint8_t *bytes = pair_encrypt(&s.pair, TO_CLIENT, span_of(text, sizeof text), &len);
        link_flight(&s.link, TO_CLIENT, bytes, len);
        assert_int_equal(s.record->closed_records - before, cases[i].told_with_packet);
        assert_int_equal(record_count(s.record, "0< tls encrypted") - of_server, 1);
        assert_int_equal(s.record->gaps, 0);
        free(bytes);
        setup_close(&s);
    }
}

static void a_restarted_conversation_is_a_new_one(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_handshake(&s.link, &s.pair);
    eap_restart(s.link.eap);
    struct eap_state e;
    eap_get_state(s.link.eap, &e);
    assert_false(e.spoke);
    assert_int_equal(e.tls, EAP_TLS_NOT_STARTED);
    assert_int_equal(tls_context_buffer_bytes(s.tls), 0);
    struct link again = {.eap = s.link.eap, .type = EAP_TYPE_PEAP, .fragment = 1000};
    pair_close(&s.pair);
    pair_open(&s.pair, TLS1_2_VERSION, NULL, NULL);
    memset(s.record, 0, sizeof *s.record);
    s.record->expected[0] = s.pair.leaf;
    link_handshake(&again, &s.pair);
    assert_clean_handshake(s.record);
    assert_int_equal(s.record->retransmissions, 0);
    setup_close(&s);
}

static void every_tls_based_method_and_version_bits_are_followed(void **state)
{
    (void)state;
    static const struct { uint8_t type, version;
    } methods[] = {{EAP_TYPE_TLS, 0},  {EAP_TYPE_PEAP, 0}, {EAP_TYPE_PEAP, 1},
                   {EAP_TYPE_TTLS, 0}, {EAP_TYPE_FAST, 1}, {EAP_TYPE_TEAP, 1}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct setup s;
        setup_open(&s, TLS1_2_VERSION, NULL);
        s.link.type = methods[i].type;
        s.link.version = methods[i].version;
        link_handshake(&s.link, &s.pair);
        assert_clean_handshake(s.record);
        setup_close(&s);
    }
}

static void retransmissions_are_marked_and_fed_once(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    s.link.fragment = 300;
    s.link.repeat = 2;
    link_handshake(&s.link, &s.pair);
    assert_clean_handshake(s.record);
    assert_int_equal(s.record->retransmissions, 2 * s.link.packets);
    setup_close(&s);
}

/* Two taps: each fragment appears again after its successors. */
static void late_copies_are_known(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    uint8_t a[5 + 1 + 4 + 40] = {1, 9, 0, sizeof a, 25, 0xc0, 0, 0, 0, 80, 22, 3, 3, 0, 75};
    uint8_t b[5 + 1 + 40] = {1, 10, 0, sizeof b, 25, 0, 1, 2, 3};
    link_packet(&s.link, TO_CLIENT, a, sizeof a);
    link_packet(&s.link, TO_CLIENT, b, sizeof b);
    link_packet(&s.link, TO_CLIENT, a, sizeof a);
    link_packet(&s.link, TO_CLIENT, b, sizeof b);
    assert_int_equal(s.record->retransmissions, 2);
    assert_int_equal(s.record->gaps, 0);
    setup_close(&s);
}

static void server_side_alone_gives_the_certificate(void **state)
{
    (void)state;
    static const size_t sizes[] = {150, 1000, 4000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct setup s;
        setup_open(&s, TLS1_2_VERSION, NULL);
        s.link.fragment = sizes[i];
        s.link.one_sided = true;
        link_handshake(&s.link, &s.pair);
        assert_int_equal(s.record->certificates[0], 1);
        assert_int_equal(s.record->wrong_certificates, 0);
        assert_int_equal(s.record->gaps, 0);
        assert_int_equal(s.record->malformed, 0);
        setup_close(&s);
    }
}

/* Any single packet is lost: never a wrong certificate, and the loss of TLS bytes is told exactly once. */
static void one_lost_packet_is_told(void **state)
{
    (void)state;
    for (unsigned one_sided = 0; one_sided < 2; one_sided++)
        for (unsigned lose = 1;; lose++) {
            struct setup s;
            setup_open(&s, TLS1_2_VERSION, NULL);
            s.link.fragment = 700;
            s.link.one_sided = one_sided != 0;
            s.link.lose = lose;
            link_handshake(&s.link, &s.pair);
            bool done = lose > s.link.packets;
            assert_int_equal(s.record->wrong_certificates, 0);
            assert_true(s.record->gaps <= 1);
            assert_int_equal(record_count(s.record, "0< tls malformed"), 0);
            if (s.record->gaps == 0 && !done && record_count(s.record, "0< tls server_hello") == 1)
                assert_int_equal(s.record->certificates[0], 1);
            if (s.record->gaps == 1)
                assert_non_null(s.record->gap_reason);
            setup_close(&s);
            if (done)
                break;
        }
}

static void a_missing_server_fragment_is_named_with_its_numbers(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    s.link.fragment = 700;
    s.link.lose = 7; /* identity 1 2, start 3, hello 4, server's fragments 5 7 9 */
    link_handshake(&s.link, &s.pair);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.present, 700);
    assert_true(s.record->gap.announced > 1400);
    assert_int_equal(s.record->certificates[0], 0);
    struct eap_state e;
    eap_get_state(s.link.eap, &e);
    assert_int_equal(e.tls, EAP_TLS_ESTABLISHED); /* the rest was seen */
    setup_close(&s);
}

/* The client never answers a fragment of the server: that is a state, not a loss. */
static void an_unfinished_server_flight_is_a_state(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    size_t hello_len, flight_len;
    uint8_t *hello = pair_step(&s.pair, TO_SERVER, (struct span){NULL, 0}, &hello_len);
    uint8_t *flight = pair_step(&s.pair, TO_CLIENT, span_of(hello, hello_len), &flight_len);
    link_start(&s.link);
    link_flight(&s.link, TO_SERVER, hello, hello_len);
    uint8_t first[5 + 5 + 600] = {1, (uint8_t)(s.link.identifier + 1), sizeof first >> 8, sizeof first & 255, 25, 0xc0,
                                  0, 0, (uint8_t)(flight_len >> 8), (uint8_t)flight_len};
    memcpy(first + 10, flight, 600);
    link_packet(&s.link, TO_CLIENT, first, sizeof first);
    struct eap_state e;
    eap_get_state(s.link.eap, &e);
    assert_true(e.server_flight_partial);
    assert_int_equal(e.present, 600);
    assert_int_equal(e.announced, flight_len);
    assert_int_equal(e.last_dir, TO_CLIENT);
    assert_int_equal(e.tls, EAP_TLS_SERVER_FLIGHT);
    assert_int_equal(s.record->gaps, 0);
    free(hello);
    free(flight);
    setup_close(&s);
}

static void a_cut_fragment_is_told_as_a_loss(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    s.link.snap = 400;
    link_handshake(&s.link, &s.pair);
    assert_true(s.record->gaps > 0);
    assert_int_equal(s.record->certificates[0], 0);
    assert_int_equal(s.record->wrong_certificates, 0);
    assert_int_equal(record_count(s.record, "0< tls malformed"), 0);
    assert_int_equal(record_count(s.record, "0< packet Request 25  malformed"), 0);
    setup_close(&s);
}

/* Identifiers that count by another step are allowed and no loss: RFC 3748 section 4.1 only wants them to change. */
static void other_identifier_steps_are_no_loss(void **state)
{
    (void)state;
    static const uint8_t steps[] = {17, 100, 255};
    for (size_t i = 0; i < sizeof steps; i++) {
        struct setup s;
        setup_open(&s, TLS1_2_VERSION, NULL);
        s.link.fragment = 500;
        s.link.identifier_step = steps[i];
        link_handshake(&s.link, &s.pair);
        assert_clean_handshake(s.record);
        setup_close(&s);
    }
}

static void contradicting_lengths_are_told(void **state)
{
    (void)state;
    static const uint8_t more_than_announced[] = {1, 5, 0, 15, 13, 0x80, 0, 0, 0, 3, 21, 3, 3, 0, 2};
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_CLIENT, more_than_announced, sizeof more_than_announced);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.announced, 3);
    setup_close(&s);

    static const uint8_t fewer[] = {1, 5, 0, 15, 25, 0x80, 0, 0, 0, 9, 21, 3, 3, 0, 2};
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_CLIENT, fewer, sizeof fewer);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.present, 5);
    assert_int_equal(s.record->gap.announced, 9);
    setup_close(&s);

    static const uint8_t first[] = {1, 5, 0, 15, 25, 0xc0, 0, 0, 0, 90, 22, 3, 3, 0, 85};
    static const uint8_t other[] = {1, 6, 0, 15, 25, 0xc0, 0, 0, 0, 91, 1, 2, 3, 4, 5};
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_CLIENT, first, sizeof first);
    link_packet(&s.link, TO_CLIENT, other, sizeof other);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.announced, 90);
    setup_close(&s);

    static const uint8_t same_identifier[] = {1, 5, 0, 11, 25, 0x40, 9, 9, 9, 9, 9};
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_CLIENT, first, sizeof first);
    link_packet(&s.link, TO_CLIENT, same_identifier, sizeof same_identifier);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.present, 5);
    setup_close(&s);
}

static void fragments_have_a_ceiling(void **state)
{
    (void)state;
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    uint8_t bytes[2000] = {22, 3, 3, 0x40, 0};
    s.link.fragment = 4;
    link_flight(&s.link, TO_CLIENT, bytes, sizeof bytes);
    assert_int_equal(s.record->gaps, 1);
    assert_int_equal(s.record->gap.present, 4 * EAP_FRAGMENTS_MAX);
    setup_close(&s);
}

/* The server starts over, with the same or with another method: each time a TLS session of its own. */
static void a_start_an_identity_and_another_method_begin_anew(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct setup s;
        setup_open(&s, TLS1_2_VERSION, NULL);
        size_t len;
        uint8_t *hello = pair_step(&s.pair, TO_SERVER, (struct span){NULL, 0}, &len);
        s.link.type = how == 2 ? EAP_TYPE_TLS : EAP_TYPE_PEAP;
        link_start(&s.link);
        link_flight(&s.link, TO_SERVER, hello, len / 2); /* half a message is left behind */
        struct eap_state e;
        if (how == 0)
            link_message(&s.link, TO_CLIENT, EAP_TYPE_IDENTITY, NULL, 0);
        else if (how == 2)
            link_message(&s.link, TO_SERVER, EAP_TYPE_NAK, "\x19", 1);
        s.link.type = EAP_TYPE_PEAP;
        link_start(&s.link);
        eap_get_state(s.link.eap, &e);
        assert_int_equal(e.tls, EAP_TLS_NOT_STARTED);
        link_flight(&s.link, TO_SERVER, hello, len);
        assert_int_equal(record_count(s.record, "0> tls client_hello"), 1);
        assert_int_equal(s.record->malformed, 0);
        eap_get_state(s.link.eap, &e);
        assert_int_equal(e.tls, EAP_TLS_CLIENT_HELLO);
        free(hello);
        setup_close(&s);
    }
}

/* The second attempt's Identity and Start are missing from the capture. */
static void another_client_hello_begins_anew(void **state)
{
    (void)state;
    struct setup s;
    struct tls_pair again;
    setup_open(&s, TLS1_2_VERSION, NULL);
    pair_open(&again, TLS1_2_VERSION, NULL, NULL);
    link_handshake(&s.link, &s.pair);
    size_t len;
    uint8_t *hello = pair_step(&again, TO_SERVER, (struct span){NULL, 0}, &len);
    link_flight(&s.link, TO_SERVER, hello, len);
    struct eap_state e;
    eap_get_state(s.link.eap, &e);
    assert_int_equal(e.tls, EAP_TLS_CLIENT_HELLO);
    uint8_t *flight = pair_step(&again, TO_CLIENT, span_of(hello, len), &len);
    s.record->expected[0] = again.leaf;
    link_flight(&s.link, TO_CLIENT, flight, len);
    assert_int_equal(s.record->certificates[0], 2);
    assert_int_equal(s.record->wrong_certificates, 0);
    assert_int_equal(s.record->malformed, 0);
    assert_int_equal(record_count(s.record, "0> tls client_hello"), 2);
    free(hello);
    free(flight);
    pair_close(&again);
    setup_close(&s);
}

/* MS-PEAP 2.2.6: outer TLVs behind the TLS bytes, here in the last of several fragments too. */
static void outer_tlvs_do_not_reach_tls(void **state)
{
    (void)state;
    static const uint8_t first[] = {2, 5, 0, 15, 25, 0xc0, 0, 0, 0, 7, 21, 3, 3, 0, 2};
    static const uint8_t last[] = {2, 6, 0, 14, 25, 0, 2, 48, 0, 7, 0, 2, 9, 9};
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_SERVER, first, sizeof first);
    link_packet(&s.link, TO_SERVER, last, sizeof last);
    assert_int_equal(s.record->gaps, 0);
    assert_int_equal(s.record->malformed, 0);
    assert_int_equal(record_count(s.record, "0> tls alert"), 1);
    setup_close(&s);
}

/* FAST and TEAP put an authority id into their Start. */
static void data_of_a_start_does_not_reach_tls(void **state)
{
    (void)state;
    static const uint8_t start[] = {1,  5,  0, 26, 43, 0x21,
                                    0,  4,  0, 16, /* authority id */
                                    1,  2,  3, 4,  5,  6,    7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct setup s;
    setup_open(&s, TLS1_2_VERSION, NULL);
    link_packet(&s.link, TO_CLIENT, start, sizeof start);
    assert_int_equal(s.record->count, 1);
    assert_int_equal(s.record->malformed, 0);
    setup_close(&s);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void random_cuts_give_the_same_events(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= SEEDS; i++) {
        uint32_t seed = i * 2654435761u;
        struct setup s;
        setup_open(&s, i % 2 == 0 ? TLS1_VERSION : TLS1_2_VERSION, NULL);
        s.link.fragment = 20 + next_random(&seed) % 1400;
        s.link.length_everywhere = next_random(&seed) % 2 == 0;
        s.link.length_unfragmented = next_random(&seed) % 2 == 0;
        s.link.repeat = next_random(&seed) % 3;
        s.link.identifier = (uint8_t)next_random(&seed);
        link_handshake(&s.link, &s.pair);
        assert_clean_handshake(s.record);
        setup_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_is_followed_in_any_fragment_size),
        cmocka_unit_test(closed_records_are_told_with_their_packets),
        cmocka_unit_test(a_restarted_conversation_is_a_new_one),
        cmocka_unit_test(every_tls_based_method_and_version_bits_are_followed),
        cmocka_unit_test(retransmissions_are_marked_and_fed_once),
        cmocka_unit_test(late_copies_are_known),
        cmocka_unit_test(server_side_alone_gives_the_certificate),
        cmocka_unit_test(one_lost_packet_is_told),
        cmocka_unit_test(a_missing_server_fragment_is_named_with_its_numbers),
        cmocka_unit_test(an_unfinished_server_flight_is_a_state),
        cmocka_unit_test(a_cut_fragment_is_told_as_a_loss),
        cmocka_unit_test(other_identifier_steps_are_no_loss),
        cmocka_unit_test(contradicting_lengths_are_told),
        cmocka_unit_test(fragments_have_a_ceiling),
        cmocka_unit_test(a_start_an_identity_and_another_method_begin_anew),
        cmocka_unit_test(another_client_hello_begins_anew),
        cmocka_unit_test(outer_tlvs_do_not_reach_tls),
        cmocka_unit_test(data_of_a_start_does_not_reach_tls),
        cmocka_unit_test(random_cuts_give_the_same_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
