/* SSTP packets by hand, and the framing in any cut: MS-SSTP 2.2, wire-facts 2.3, 2.4, 11.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dissect/sstp/sstp.h"

#define PARSE(bytes, p) assert_true(sstp_parse(span_of(bytes, sizeof bytes), p))

static void the_shortest_messages(void **state)
{
    (void)state;
    static const uint8_t request[] = {0x10, 1, 0, 0x0e, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1};
    static const uint8_t disconnect_ack[] = {0x10, 1, 0, 8, 0, 7, 0, 0}, echo[] = {0x10, 1, 0, 8, 0, 8, 0, 0};
    struct sstp_packet p;
    PARSE(request, &p);
    assert_true(p.control);
    assert_false(p.malformed);
    assert_int_equal(p.message, SSTP_CALL_CONNECT_REQUEST);
    assert_int_equal(p.attributes_read, 1);
    assert_int_equal(sstp_attribute_of(&p, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID)->protocol, SSTP_PROTOCOL_PPP);
    assert_null(sstp_attribute_of(&p, SSTP_ATTRIB_STATUS_INFO));
    PARSE(disconnect_ack, &p);
    assert_int_equal(p.message, SSTP_CALL_DISCONNECT_ACK);
    assert_false(p.malformed);
    PARSE(echo, &p);
    assert_int_equal(p.message, SSTP_ECHO_REQUEST);
}

static void an_abort_after_a_bad_binding(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 1, 0, 0x14, 0, 5, 0, 1, 0, 2, 0, 0x0c, 0, 0, 0, 3, 0, 0, 0, 4};
    struct sstp_packet p;
    PARSE(bytes, &p);
    const struct sstp_attribute *a = sstp_attribute_of(&p, SSTP_ATTRIB_STATUS_INFO);
    assert_non_null(a);
    assert_int_equal(a->status_attribute, SSTP_ATTRIB_CRYPTO_BINDING);
    assert_int_equal(a->status, SSTP_STATUS_VALUE_NOT_SUPPORTED);
    assert_int_equal(a->status_value.len, 0);
    assert_false(p.malformed);
}

static void both_bindings_are_read(void **state)
{
    (void)state;
    uint8_t ack[48] = {0x10, 1, 0, 48, 0, 2, 0, 1, 0, 4, 0, 40, 0, 0, 0, 3};
    uint8_t connected[112] = {0x10, 1, 0, 112, 0, 4, 0, 1, 0, 3, 0, 104, 0, 0, 0, 1};
    memset(ack + 16, 0x11, 32);
    memset(connected + 16, 0x11, 32);
    memset(connected + 48, 0x22, 20);
    memset(connected + 80, 0x33, 20);
    struct sstp_packet p;
    PARSE(ack, &p);
    const struct sstp_attribute *a = sstp_attribute_of(&p, SSTP_ATTRIB_CRYPTO_BINDING_REQ);
    assert_int_equal(a->hash, SSTP_HASH_SHA1 | SSTP_HASH_SHA256);
    assert_memory_equal(a->nonce.data, ack + 16, 32);
    PARSE(connected, &p);
    a = sstp_attribute_of(&p, SSTP_ATTRIB_CRYPTO_BINDING);
    assert_int_equal(a->certificate_hash.len, 20);
    assert_memory_equal(a->certificate_hash.data, connected + 48, 20);
    assert_int_equal(a->mac.len, 20);
    assert_memory_equal(a->mac.data, connected + 80, 20);
    connected[15] = SSTP_HASH_SHA256;
    PARSE(connected, &p);
    assert_int_equal(sstp_attribute_of(&p, SSTP_ATTRIB_CRYPTO_BINDING)->mac.len, 32);
}

static void what_is_no_packet(void **state)
{
    (void)state;
    static const uint8_t version[] = {0x11, 1, 0, 8, 0, 8, 0, 0}, tiny[] = {0x10, 0, 0, 3}, part[] = {0x10, 1, 0};
    struct sstp_packet p;
    assert_false(sstp_parse(span_of(version, sizeof version), &p));
    assert_false(sstp_parse(span_of(tiny, sizeof tiny), &p));
    assert_false(sstp_parse(span_of(part, sizeof part), &p));
}

static void lengths_that_contradict(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[24];
        size_t len;
    } rows[] = {
        {{0x10, 1, 0, 6, 0, 8}, 6},                                             /* half a control header */
        {{0x10, 1, 0, 8, 0, 8, 0, 1}, 8},                                       /* an attribute that is not there */
        {{0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 7, 0, 1}, 14},                   /* longer than the packet */
        {{0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 3, 0, 1}, 14},                   /* shorter than its header */
        {{0x10, 1, 0, 13, 0, 1, 0, 1, 0, 1, 0, 5, 0}, 13},                      /* a protocol of one octet */
        {{0x10, 1, 0, 16, 0, 5, 0, 1, 0, 2, 0, 8, 0, 0, 0, 3}, 16},             /* a status without its number */
        {{0x10, 1, 0, 14, 0, 8, 0, 0, 0, 1, 0, 6, 0, 1}, 14},                   /* more than announced */
        {{0x10, 1, 0, 8, 0, 99, 0, 0}, 8},                                      /* no message */
        {{0x10, 1, 0, 20, 0, 8, 0, 0}, 8},                                      /* cut */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sstp_packet p;
        assert_true(sstp_parse(span_of(rows[i].bytes, rows[i].len), &p));
        assert_true(p.malformed);
        assert_non_null(p.reason);
    }
}

static void many_attributes_stop_at_their_ceiling(void **state)
{
    (void)state;
    uint8_t bytes[8 + 40 * 4] = {0x10, 1, 0, 168, 0, 3, 0, 40};
    for (unsigned i = 0; i < 40; i++)
        bytes[8 + 4 * i + 3] = 4;
    struct sstp_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.attribute_count, 40);
    assert_int_equal(p.attributes_read, SSTP_ATTRIBUTES_MAX);
    assert_false(p.malformed);
}

static void reserved_bits_are_ignored(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 0x81, 0xf0, 8, 0, 9, 0, 0};
    struct sstp_packet p;
    PARSE(bytes, &p);
    assert_int_equal(p.length, 8);
    assert_int_equal(p.message, SSTP_ECHO_RESPONSE);
}

static void numbers_have_names(void **state)
{
    (void)state;
    assert_string_equal(sstp_message_name(SSTP_CALL_CONNECTED), "CALL_CONNECTED");
    assert_null(sstp_message_name(10));
    assert_string_equal(sstp_attribute_name(4), "CRYPTO_BINDING_REQ");
    assert_null(sstp_attribute_name(5));
    assert_string_equal(sstp_status_name(8), "NEGOTIATION_TIMEOUT");
    assert_null(sstp_status_name(12));
}

struct heard { unsigned packets; size_t octets; uint8_t text[8192]; size_t len; bool truncated; };

static void hear(void *ctx, struct span bytes, uint16_t length)
{
    struct heard *h = ctx;
    h->packets++;
    h->octets += length;
    h->truncated |= bytes.len < length;
    size_t n = bytes.len < length && bytes.len > SSTP_PEEK ? SSTP_PEEK : bytes.len;
    if (h->len + n <= sizeof h->text)
        memcpy(h->text + h->len, bytes.data, n);
    h->len += n;
}

/* A control message, an LCP frame, an empty data packet, a datagram, a long EAP frame, an echo. */
static size_t stream(uint8_t out[static 4096])
{
    static const uint8_t request[] = {0x10, 1, 0, 0x0e, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1};
    static const uint8_t lcp[] = {0x10, 0, 0, 16, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 8, 1, 4, 5, 0xdc};
    static const uint8_t empty[] = {0x10, 0, 0, 4}, echo[] = {0x10, 1, 0, 8, 0, 8, 0, 0};
    size_t n = 0;
    memcpy(out + n, request, sizeof request), n += sizeof request;
    memcpy(out + n, lcp, sizeof lcp), n += sizeof lcp;
    memcpy(out + n, empty, sizeof empty), n += sizeof empty;
    memset(out + n, 0x5a, 1304);
    memcpy(out + n, (const uint8_t[]){0x10, 0, 5, 0x18, 0x21, 0x45}, 6), n += 1304;
    memset(out + n, 0x3c, 2000);
    memcpy(out + n, (const uint8_t[]){0x10, 0, 7, 0xd0, 0xc2, 0x27}, 6), n += 2000;
    memcpy(out + n, echo, sizeof echo), n += sizeof echo;
    return n;
}

static void the_framing_does_not_mind_the_cuts(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t size = stream(bytes);
    for (size_t cut = 1; cut <= 40; cut++) {
        struct sstp_framing f = {0};
        struct heard h = {0};
        for (size_t at = 0; at < size; at += cut) {
            size_t n = size - at < cut ? size - at : cut;
            uint8_t *copy = malloc(n);
            assert_non_null(copy);
            memcpy(copy, bytes + at, n);
            assert_true(sstp_framing_feed(&f, span_of(copy, n), hear, &h));
            free(copy);
        }
        assert_int_equal(h.packets, 6);
        assert_int_equal(h.octets, size);
        assert_true(h.truncated);
        /* all of it but the datagram's rest */
        assert_int_equal(h.len, size - 1304 + SSTP_PEEK);
        assert_memory_equal(h.text, bytes, 34);
        assert_memory_equal(h.text + 34 + SSTP_PEEK, bytes + 34 + 1304, 2008);
        sstp_framing_free(&f);
    }
}

static void one_octet_of_another_version_breaks_it_for_good(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 1, 0, 8, 0, 8, 0, 0, 'H', 'T', 'T', 'P', 0x10, 1, 0, 8, 0, 8, 0, 0};
    for (size_t cut = 1; cut <= sizeof bytes; cut++) {
        struct sstp_framing f = {0};
        struct heard h = {0};
        bool good = true;
        for (size_t at = 0; at < sizeof bytes; at += cut)
            good =
                sstp_framing_feed(&f, span_of(bytes + at, sizeof bytes - at < cut ? sizeof bytes - at : cut), hear, &h);
        assert_false(good);
        assert_non_null(f.broken);
        assert_int_equal(h.packets, 1);
        sstp_framing_free(&f);
    }
}

static void a_gap_inside_a_datagram_is_survived(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t size = stream(bytes);
    struct sstp_framing f = {0};
    struct heard h = {0};
    assert_true(sstp_framing_feed(&f, span_of(bytes, 134), hear, &h)); /* 100 octets of the datagram */
    assert_true(sstp_framing_gap(&f, 1204));
    assert_true(sstp_framing_feed(&f, span_of(bytes + 1338, 100), hear, &h)); /* 100 octets of the EAP frame */
    assert_true(sstp_framing_gap(&f, 500));
    assert_int_equal(f.lost, 1);
    assert_true(sstp_framing_feed(&f, span_of(bytes + 1938, size - 1938), hear, &h));
    assert_int_equal(h.packets, 5);
    assert_false(sstp_framing_gap(&f, 1)); /* at a packet's end nobody knows how long the next one was */
    assert_non_null(f.broken);
    assert_false(sstp_framing_feed(&f, span_of(bytes, size), hear, &h));
    assert_int_equal(h.packets, 5);
    sstp_framing_free(&f);
}

static void a_gap_over_the_end_of_a_packet_breaks_it(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    stream(bytes);
    struct sstp_framing f = {0};
    struct heard h = {0};
    assert_true(sstp_framing_feed(&f, span_of(bytes, 134), hear, &h));
    assert_false(sstp_framing_gap(&f, 1205));
    sstp_framing_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_messages),
        cmocka_unit_test(an_abort_after_a_bad_binding),
        cmocka_unit_test(both_bindings_are_read),
        cmocka_unit_test(what_is_no_packet),
        cmocka_unit_test(lengths_that_contradict),
        cmocka_unit_test(many_attributes_stop_at_their_ceiling),
        cmocka_unit_test(reserved_bits_are_ignored),
        cmocka_unit_test(numbers_have_names),
        cmocka_unit_test(the_framing_does_not_mind_the_cuts),
        cmocka_unit_test(one_octet_of_another_version_breaks_it_for_good),
        cmocka_unit_test(a_gap_inside_a_datagram_is_survived),
        cmocka_unit_test(a_gap_over_the_end_of_a_packet_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
