/* Digests and MACs against the standards' vectors, TLS 1.3 keys against RFC 8448. The PRF has its proof in
 * test_tls_decrypt. */
#include "bytes_by_hand.h"
#include "dissect/crypto/digest.h"
#include "dissect/crypto/kdf.h"

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

/* RFC 1321 A.5; FIPS 180-4's "abc". */
static void digests_of_abc(void **state)
{
    (void)state;
    static const struct {
        enum digest kind;
        const char *hash;
    } cases[] = {
        {DIGEST_MD5, "900150983cd24fb0d6963f7d28e17f72"},
        {DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134"
                        "c825a7"},
        {DIGEST_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3"
                        "feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    struct digests *d = digests_new();
    assert_non_null(d);
    const struct span parts[] = {text("a"), {0}, text("bc")};
    uint8_t out[DIGEST_MAX];
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            assert_true(digest_compute(d, cases[i].kind, parts, 3, out));
            assert_hex(out, digest_size(cases[i].kind), cases[i].hash);
        }
    digests_free(d);
}

/* RFC 2202 cases 1, 2, 6; RFC 4231 cases 1, 2, 6 (a key longer than a block). */
static void hmac_of_the_rfcs(void **state)
{
    (void)state;
    uint8_t long_key[131], out[DIGEST_MAX], b_key[20];
    memset(long_key, 0xaa, sizeof long_key);
    memset(b_key, 0x0b, sizeof b_key);
    const struct span jefe = text("Jefe"), what = text("what do ya want for nothing?"), hi = text("Hi There"),
                      large = text("Test Using Larger Than Block-Size Key - Hash Key First");
    const struct {
        enum digest kind;
        struct span key, data;
        const char *mac;
    } cases[] = {
        {DIGEST_MD5, span_of(b_key, 16), hi, "9294727a3638bb1c13f48ef8158bfc9d"},
        {DIGEST_MD5, jefe, what, "750c783e6ab0b503eaa86e310a5db738"},
        {DIGEST_MD5, span_of(long_key, 80), large, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
        {DIGEST_SHA1, span_of(b_key, 20), hi, "b617318655057264e28bc0b6fb378c8ef146be00"},
        {DIGEST_SHA1, jefe, what, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {DIGEST_SHA1, span_of(long_key, 80), large, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {DIGEST_SHA256, jefe, what, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {DIGEST_SHA256, span_of(long_key, 131), large,
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {DIGEST_SHA384, jefe, what,
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
        {DIGEST_SHA512, jefe, what,
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a"
         "6b4b636e070a38bce737"},
    };
    struct digests *d = digests_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(hmac_compute(d, cases[i].kind, cases[i].key, &cases[i].data, 1, out));
        assert_hex(out, digest_size(cases[i].kind), cases[i].mac);
    }
    digests_free(d);
}

/* RFC 8448 section 3: the server's handshake traffic secret and its write key and IV. */
static void tls_13_keys_of_rfc_8448(void **state)
{
    (void)state;
    uint8_t secret[32], out[32];
    struct span s = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", secret);
    struct digests *d = digests_new();
    assert_true(hkdf_expand_label(d, DIGEST_SHA256, s, "key", out, 16));
    assert_hex(out, 16, "3fce516009c21727d0f2e4e86ee403bc");
    assert_true(hkdf_expand_label(d, DIGEST_SHA256, s, "iv", out, 12));
    assert_hex(out, 12, "5d313eb2671276ee13000b30");
    assert_false(hkdf_expand_label(d, DIGEST_SHA256, s, "a label longer than any label of TLS is", out, 12));
    digests_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_abc),
        cmocka_unit_test(hmac_of_the_rfcs),
        cmocka_unit_test(tls_13_keys_of_rfc_8448),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
