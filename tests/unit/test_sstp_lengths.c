/* What lengths of records prove: the arithmetic of TLS (RFC 5246 section 6.2.3, 8446 section 5.2, 7366), and the shapes of
 * SSTP connections built from it. No bytes are read. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/session/sstp_lengths.h"
#include "tests/unit/sstp_by_hand.h"

static void content_of_records(void **state)
{
    (void)state;
    const struct sealing *all[] = {&by_gcm,        &by_tls13,      &by_chacha, &by_cbc, &by_cbc_behind,
                                   &by_cbc_sha256, &by_cbc_sha384, &by_3des,   &by_tls10};
    struct tls_plain n;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (uint32_t octets = 0; octets < 3000; octets += 7) {
            assert_true(tls_plain_of(all[i]->version, all[i]->suite, sealed(all[i], octets), &n));
            assert_true(n.least <= octets && octets <= n.most);
            assert_true(n.most - n.least < all[i]->block);
        }
    /* wire-facts 2.8: 8 + n + 16, n + 1 + 16 */
    assert_int_equal(sealed(&by_gcm, 14), 38);
    assert_int_equal(sealed(&by_tls13, 14), 31);
    assert_true(tls_plain_of(0x0303, 0x0005, 14 + 20, &n)); /* RC4 with SHA-1 */
    assert_int_equal(n.least, 14);
    assert_int_equal(n.most, 14);
    assert_true(tls_plain_of(0x0303, 0xc0ac, 8 + 14 + 16, &n)); /* CCM */
    assert_int_equal(n.least, 14);
    assert_true(tls_plain_of(0x0303, 0xc0ae, 8 + 14 + 8, &n)); /* CCM_8 */
    assert_int_equal(n.least, 14);
    assert_true(tls_plain_of(0x0302, 0x0001, 14 + 16, &n)); /* NULL with MD5 */
    assert_int_equal(n.most, 14);
}

static void what_no_record_is(void **state)
{
    (void)state;
    struct tls_plain n;
    assert_false(tls_plain_of(0x0303, 0xffff, 100, &n));
    assert_false(tls_plain_of(0x0303, 0xc030, 23, &n));
    assert_false(tls_plain_of(0x0304, 0x1301, 16, &n));
    assert_false(tls_plain_of(0x0303, 0xc014, 65, &n)); /* no whole block, with the MAC within or behind */
    assert_false(tls_plain_of(0x0303, 0xc014, 32, &n));
    assert_false(tls_plain_of(0x0303, 0x0007, 100, &n)); /* IDEA: not known here */
}

static struct sstp_reading reading(const struct sealing *by, const char *words)
{
    struct sstp_facts *f = calloc(1, sizeof *f);
    assert_non_null(f);
    put_records(f, by, words);
    struct sstp_reading r = sstp_read_lengths(f);
    free(f);
    return r;
}

static void steps(void **state)
{
    (void)state;
    assert_int_equal(reading(&by_gcm, "").shape, SSTP_SHAPE_NOTHING);
    assert_int_equal(reading(&by_gcm, "C194").shape, SSTP_SHAPE_ASKED);
    struct sstp_reading r = reading(&by_gcm, "C194 S125");
    assert_int_equal(r.shape, SSTP_SHAPE_ANSWERED);
    assert_true(r.one_answer && !r.last_from_client);
    r = reading(&by_gcm, "C194 S125 C14");
    assert_int_equal(r.shape, SSTP_SHAPE_CALLED);
    assert_int_equal(r.call_frame, 103);
    assert_true(r.last_from_client);
    assert_int_equal(reading(&by_gcm, "C194 S125 C14 S20").shape, SSTP_SHAPE_REFUSED);
    r = reading(&by_gcm, "C194 S125 C14 S48");
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_int_equal(r.confidence, CONFIDENCE_STRONG);
    assert_int_equal(reading(&by_gcm, "C194 S125 C14 S78").shape, SSTP_SHAPE_ACKNOWLEDGED); /* LCP in the same record */
}

static void tunnels(void **state)
{
    (void)state;
    const struct sealing *all[] = {&by_gcm, &by_chacha, &by_cbc, &by_cbc_behind, &by_cbc_sha256, &by_cbc_sha384, &by_tls10};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct sstp_reading r = reading(all[i], CHAP_TUNNEL);
        assert_int_equal(r.shape, SSTP_SHAPE_CONNECTED);
        assert_int_equal(r.confidence, CONFIDENCE_STRONG);
        assert_false(r.aborted);
        assert_int_equal(r.flight, SSTP_FLIGHT_NONE);
        r = reading(all[i], PEAP_TUNNEL);
        assert_int_equal(r.shape, SSTP_SHAPE_CONNECTED);
        assert_int_equal(r.confidence, CONFIDENCE_STRONG);
        assert_int_equal(r.flight, SSTP_FLIGHT_SEEN);
        assert_int_equal(r.flight_records, 2);
    }
    /* twice the records: more than are kept, but not before it is known */
    assert_false(reading(&by_tls10, PEAP_TUNNEL " C92 S92 C92 S92").all);
    assert_true(reading(&by_gcm, PEAP_TUNNEL).all);
}

/* EncryptedExtensions, Certificate, CertificateVerify, Finished; the client's Finished, tickets before and after it asks. */
static void tls13(void **state)
{
    (void)state;
    struct sstp_reading r = reading(&by_tls13, "S6 S2289 S520 S52 C52 S233 C194 S233 S125 C14 S48 C29 S30 C30 S15");
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    r = reading(&by_tls13, "S6 S2289 S520 S52 C36 S233 C194 S125 C14 S48 S31 C112 S54 C112 S18 C42 S24 C2 S2");
    assert_int_equal(r.shape, SSTP_SHAPE_CONNECTED);
    assert_int_equal(r.connected_frame, 114); /* the second is behind CHAP's success */
    assert_true(r.closing && r.closing_by_client);
    r = reading(&by_tls13, "S6 S2289 S520 S52 C2"); /* an alert where Finished belongs */
    assert_true(r.refused_at_finished);
    assert_int_equal(r.shape, SSTP_SHAPE_NOTHING);
    r = reading(&by_tls13, "S6 S2289 S520 S52 C52 S233 C2 S233 S2");
    assert_int_equal(r.shape, SSTP_SHAPE_NOTHING);
    assert_true(r.closing && r.closing_by_client && !r.refused_at_finished);
    assert_int_equal(reading(&by_tls13, "S6 S2289 S520 S52").shape, SSTP_SHAPE_NOTHING);
    assert_int_equal(reading(&by_tls13, "S6 S2289 S520 S52 C600 C52").shape, SSTP_SHAPE_UNKNOWN);
}

static void other_https(void **state)
{
    (void)state;
    struct sstp_reading r = reading(&by_gcm, "C62 S116"); /* HEAD of SSTP's target */
    assert_int_equal(r.shape, SSTP_SHAPE_OTHER);
    assert_true(r.small_request && r.one_answer);
    r = reading(&by_gcm, "C194 S5002");
    assert_int_equal(r.shape, SSTP_SHAPE_OTHER);
    assert_true(r.large_answer);
    assert_int_equal(reading(&by_gcm, "C194 S700 C220 S900").shape, SSTP_SHAPE_OTHER);
    assert_int_equal(reading(&by_gcm, "C194 S700 C9 S9").shape, SSTP_SHAPE_OTHER);
    assert_int_equal(reading(&by_gcm, "C194 S129 C14 S4 S2").shape, SSTP_SHAPE_OTHER); /* too little for a refusal */
    assert_int_equal(reading(&by_tls13, "S6 S1336 S520 S52 C52 C41 S233 S233 S4399 S2 C2").shape, SSTP_SHAPE_OTHER);
    assert_int_equal(reading(&by_cbc, "C194 S129 C20 S50 C20").confidence, CONFIDENCE_HINT);
    assert_int_equal(reading(&by_cbc, "C194 S129 C20 S50 C20 S900 C20 S20 C20 S20").confidence, CONFIDENCE_HINT);
}

static void refusals_inside(void **state)
{
    (void)state;
    struct sstp_reading r = reading(&by_gcm, PEAP_ALERT_IN_CLEAR);
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_int_equal(r.flight, SSTP_FLIGHT_REFUSED);
    assert_int_equal(r.refusal_frame, 121);
    r = reading(&by_gcm, PEAP_ALERT_BEHIND);
    assert_int_equal(r.flight, SSTP_FLIGHT_REFUSED);
    assert_int_equal(r.refusal_frame, 123);
    assert_true(r.eap_failed);
    assert_int_equal(reading(&by_cbc, PEAP_ALERT_BEHIND).flight, SSTP_FLIGHT_REFUSED);
    r = reading(&by_gcm, PEAP_WRONG_PASSWORD);
    assert_int_equal(r.flight, SSTP_FLIGHT_SEEN);
    assert_true(r.eap_failed);
    /* accepted, and gone in the middle of what follows */
    r = reading(&by_gcm, PEAP_FLIGHT " C140 S65 C14 S48 C66 S81 C16 S12 C20 S8");
    assert_int_equal(r.flight, SSTP_FLIGHT_SEEN);
    assert_false(r.eap_failed);
    /* an alert that nobody answered yet is none */
    assert_int_equal(reading(&by_gcm, PEAP_FLIGHT " C21").flight, SSTP_FLIGHT_SEEN);
    assert_int_equal(reading(&by_gcm, PEAP_FLIGHT " C140 S65 C45 S81").flight, SSTP_FLIGHT_SEEN);
    assert_int_equal(reading(&by_gcm, CHAP_WRONG_PASSWORD).shape, SSTP_SHAPE_ACKNOWLEDGED);
}

static void what_is_no_call_connected(void **state)
{
    (void)state;
    /* MS-CHAPv2's response inside of PEAP, and alone: as large, and what stands before is a challenge */
    struct sstp_reading r = reading(&by_gcm, PEAP_FLIGHT " C140 S65 C14 S48 C66 S81 C112 S54 C54 S12 C16 S12 C20 S8");
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_true(r.eap_failed);
    r = reading(&by_gcm, OPENING " S35 C112 S86 C16 S12 C20 S8");
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    /* a small ClientHello, in ranges */
    r = reading(&by_cbc, OPENING " S13 C35 S14 C112 S1388 C14 S1104");
    assert_int_equal(r.shape, SSTP_SHAPE_ACKNOWLEDGED);
    /* network protocols in the same record are no matter */
    r = reading(&by_gcm, PEAP_FLIGHT " C140 S65 C14 S48 C66 S81 C120 S90 C45 S54 C54 S12 C154 S18 S24 C18");
    assert_int_equal(r.shape, SSTP_SHAPE_CONNECTED);
}

static void abort_after_connected(void **state)
{
    (void)state;
    struct sstp_reading r = reading(&by_gcm, OPENING " S35 C84 S54 C112 S20 C42");
    assert_int_equal(r.shape, SSTP_SHAPE_CONNECTED);
    assert_true(r.aborted);
    assert_false(reading(&by_gcm, OPENING " S35 C84 S54 C112 S20 S18 C42 S18").aborted);
    assert_false(reading(&by_gcm, OPENING " S35 C84 S54 C112").aborted);
}

static void no_reading(void **state)
{
    (void)state;
    struct sstp_facts *f = calloc(1, sizeof *f);
    assert_non_null(f);
    put_records(f, &by_gcm, CHAP_TUNNEL);
    f->tls.decrypted = true;
    assert_int_equal(sstp_read_lengths(f).shape, SSTP_SHAPE_UNKNOWN);
    f->tls.decrypted = false;
    f->tls.server_hello = false;
    assert_int_equal(sstp_read_lengths(f).shape, SSTP_SHAPE_UNKNOWN);
    f->tls.server_hello = true;
    f->tls.cipher_suite = 0x0007;
    assert_int_equal(sstp_read_lengths(f).shape, SSTP_SHAPE_UNKNOWN);
    f->tls.cipher_suite = 0xc030;
    f->lost_bytes = 1;
    assert_int_equal(sstp_read_lengths(f).shape, SSTP_SHAPE_CONNECTED); /* what is there is there */
    assert_false(sstp_read_lengths(f).all);
    free(f);
}

/* Of Windows, and of a client that sends no correlation: counted in MS-SSTP 3.2.4.1 with the host vpn.contoso.com. */
static void the_length_of_the_request(void **state)
{
    (void)state;
    static const struct { const char *words; uint16_t name; const struct sealing *by; enum sstp_request request; } cases[] = {
        {"C194 S240", 15, &by_gcm, SSTP_REQUEST_FITS},      {"C52 C135 S240", 15, &by_tls13, SSTP_REQUEST_FITS},
        {"C194", 15, &by_chacha, SSTP_REQUEST_FITS},        {"C195 S240", 15, &by_gcm, SSTP_REQUEST_OTHER},
        {"C220 S240", 15, &by_gcm, SSTP_REQUEST_OTHER},     {"C194 S240", 16, &by_gcm, SSTP_REQUEST_OTHER},
        {"C198 S240", 15, &by_gcm, SSTP_REQUEST_UNKNOWN},   {"C185 S240", 15, &by_gcm, SSTP_REQUEST_UNKNOWN}, /* :443; sstpc */
        {"C179 S240", 0, &by_gcm, SSTP_REQUEST_UNKNOWN},    {"C194 S240", 15, &by_cbc, SSTP_REQUEST_UNKNOWN},
        {"C230 S240", 15, &by_cbc, SSTP_REQUEST_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sstp_facts *f = calloc(1, sizeof *f);
        assert_non_null(f);
        put_records(f, cases[i].by, cases[i].words);
        f->tls.sni.len = cases[i].name;
        assert_int_equal(sstp_read_lengths(f).request, cases[i].request);
        free(f);
    }
}

/* Who is asked for a certificate and has none says so before its Finished, in a record of its own or not. */
static void tls13_with_a_certificate_request(void **state)
{
    (void)state;
    assert_int_equal(reading(&by_tls13, "S900 C52 C194 S125 C14 S48").shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_int_equal(reading(&by_tls13, "S900 C8 C52 C194 S125 C14 S48").shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_int_equal(reading(&by_tls13, "S900 C44 C194 S125 C14 S48").shape, SSTP_SHAPE_ACKNOWLEDGED);
    assert_int_equal(reading(&by_tls13, "S900 C8 C60 C14").shape, SSTP_SHAPE_UNKNOWN);
    assert_int_equal(reading(&by_tls13, "S900 C8").shape, SSTP_SHAPE_UNKNOWN);
    assert_true(reading(&by_tls13, "S900 C8 C52 C194 S2").no_certificate && reading(&by_tls13, "S900 C44 C194 S2").no_certificate);
    assert_false(reading(&by_tls13, "S900 C52 C194 S2").no_certificate);
}

/* A WebSocket's frames can be as long; its request is another. */
static void what_is_no_request(void **state)
{
    (void)state;
    static const struct { const char *words; const struct sealing *by; enum confidence confidence; } cases[] = {
        {"C194 S125 C14 S48 C30 S48", &by_gcm, CONFIDENCE_STRONG},  {"C220 S125 C14 S48 C30 S48", &by_gcm, CONFIDENCE_HINT},
        {"C220 S125 C14 S20", &by_gcm, CONFIDENCE_HINT},            {"C185 S125 C14 S48 C30", &by_gcm, CONFIDENCE_STRONG},
        {"C220 S125 C14 S48 C30 S48 C30 S48 C30 S48 C30 S48", &by_cbc, CONFIDENCE_HINT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sstp_facts *f = calloc(1, sizeof *f);
        assert_non_null(f);
        put_records(f, cases[i].by, cases[i].words);
        f->tls.sni.len = 15;
        assert_int_equal(sstp_read_lengths(f).confidence, cases[i].confidence);
        free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_of_records),        cmocka_unit_test(what_no_record_is), cmocka_unit_test(steps),
        cmocka_unit_test(tunnels),                   cmocka_unit_test(tls13),             cmocka_unit_test(other_https),
        cmocka_unit_test(refusals_inside),           cmocka_unit_test(no_reading),
        cmocka_unit_test(the_length_of_the_request), cmocka_unit_test(tls13_with_a_certificate_request), cmocka_unit_test(what_is_no_request), cmocka_unit_test(what_is_no_call_connected), cmocka_unit_test(abort_after_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
