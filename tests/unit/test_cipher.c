/* Ciphers and MACs against the standards' vectors: what IKE adds to what TLS needs (test_tls_decrypt has that). */
#include "bytes_by_hand.h"
#include "dissect/crypto/cipher.h"

/* RFC 3566 section 4.6: keys and texts count up from 0, the last text is 1000 zeros. */
static void xcbc_mac(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *mac;
    } cases[] = {
        {0, "75f0251d528ac01c4573dfd584d79f29"},  {3, "5b376580ae2f19afe7219ceef172756f"},
        {16, "d2a246fa349b68a79998a4394ff7a263"}, {20, "47f51b4564966215b8985c63055ed308"},
        {32, "f54f0ec8d2b9f3d36807734bd5283fd4"}, {34, "becbb3bccdb518a30677d5481fb6b4d8"},
    };
    uint8_t key[AES_MAC], text[1000], mac[AES_MAC];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)i;
    memcpy(key, text, sizeof key);
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(aes_xcbc_mac(c, key, span_of(text, cases[i].len), mac));
        assert_hex(mac, sizeof mac, cases[i].mac);
    }
    memset(text, 0, sizeof text);
    assert_true(aes_xcbc_mac(c, key, span_of(text, sizeof text), mac));
    assert_hex(mac, sizeof mac, "f0dafee895db30253761103b5d84528f");
    assert_true(aes_xcbc_mac(c, key, (struct span){0}, mac));
    assert_hex(mac, sizeof mac, "75f0251d528ac01c4573dfd584d79f29");
    ciphers_free(c);
}

/* RFC 4493 section 4. */
static void cmac(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *mac;
    } cases[] = {
        {0, "bb1d6929e95937287fa37d129b756746"},
        {16, "070a16b46b4d4144f79bdd9dd04a287c"},
        {40, "dfa66747de9ae63030ca32611497c827"},
        {64, "51f0bebf7e3b9d92fc49741779363cfe"},
    };
    uint8_t key[AES_MAC], text[64], mac[AES_MAC];
    hex("2b7e151628aed2a6abf7158809cf4f3c", key);
    hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710", text);
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(aes_cmac(c, key, span_of(text, cases[i].len), mac));
        assert_hex(mac, sizeof mac, cases[i].mac);
    }
    ciphers_free(c);
}

/* NIST SP 800-38C example 2: a nonce of 8 bytes and a tag of 6. */
static void ccm_with_another_nonce(void **state)
{
    (void)state;
    uint8_t key[16], nonce[8], associated[16], sealed[22], out[16];
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    hex("404142434445464748494a4b4c4d4e4f", key);
    struct span n = hex("1011121314151617", nonce), a = hex("000102030405060708090a0b0c0d0e0f", associated);
    struct span s = hex("d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd", sealed);
    assert_true(aead_open_nonce(c, CIPHER_AES_128_CCM, key, n, a, s, 6, out));
    assert_hex(out, sizeof out, "202122232425262728292a2b2c2d2e2f");
    sealed[21] ^= 1;
    assert_false(aead_open_nonce(c, CIPHER_AES_128_CCM, key, n, a, s, 6, out));
    sealed[21] ^= 1;
    assert_true(aead_open_nonce(c, CIPHER_AES_128_CCM, key, n, a, s, 6, out)); /* a failure leaves nothing behind */
    ciphers_free(c);
}

/* The GCM specification's test case 16 (AES-256) and 10 (AES-192), the tag also cut to 12 and 8 bytes. */
static void gcm_with_shorter_tags(void **state)
{
    (void)state;
    static const struct {
        enum cipher kind;
        const char *key, *sealed;
    } cases[] = {
        {CIPHER_AES_256_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
         "76fc6ece0f4e1768cddf8853bb2d551b"},
        {CIPHER_AES_192_GCM, "feffe9928665731c6d6a8f9467308308feffe9928665731c",
         "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710"
         "2519498e80f1478f37ba55bd6d27618c"},
    };
    uint8_t key[32], nonce[12], associated[20], sealed[76], out[60];
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    struct span n = hex("cafebabefacedbaddecaf888", nonce);
    struct span a = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", associated);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t tag = 8; tag <= 16; tag += 4) {
            hex(cases[i].key, key);
            hex(cases[i].sealed, sealed);
            assert_true(aead_open_nonce(c, cases[i].kind, key, n, a, span_of(sealed, 60 + tag), tag, out));
            assert_hex(out, sizeof out, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
                                        "b525b16aedf5aa0de657ba637b39");
            sealed[60 + tag - 1] ^= 1;
            assert_false(aead_open_nonce(c, cases[i].kind, key, n, a, span_of(sealed, 60 + tag), tag, out));
        }
    ciphers_free(c);
}

/* RFC 3686 section 6, test vectors 1 and 9: nonce, IV, block number. */
static void ctr(void **state)
{
    (void)state;
    uint8_t key[32], counter[16], in[36], out[36];
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    hex("ae6852f8121067cc4bf7a5765577f39e", key);
    hex("00000030000000000000000000000001", counter);
    assert_true(ctr_decrypt(c, CIPHER_AES_128_CTR, key, counter, hex("e4095d4fb7a7b3792d6175a3261311b8", in), out));
    assert_memory_equal(out, "Single block msg", 16);
    hex("ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d", key);
    hex("001cc5b751a51d70a1c1114800000001", counter);
    assert_true(ctr_decrypt(c, CIPHER_AES_256_CTR, key, counter,
                            hex("eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b583d6071f1ec0e6b8", in), out));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], i);
    ciphers_free(c);
}

/* FIPS 81 appendix B: DES, which is 3DES with one key three times. */
static void des_out_of_3des(void **state)
{
    (void)state;
    uint8_t key[24], iv[8], in[24], out[24];
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    for (size_t i = 0; i < sizeof key; i += 8)
        hex("0123456789abcdef", key + i);
    hex("1234567890abcdef", iv);
    assert_true(cbc_decrypt(c, CIPHER_3DES_CBC, key, iv, hex("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6", in), out));
    assert_memory_equal(out, "Now is the time for all ", 24);
    ciphers_free(c);
}

static void every_cipher_is_there(void **state)
{
    (void)state;
    struct ciphers *c = ciphers_new();
    assert_non_null(c);
    for (int i = 0; i < CIPHER_KINDS; i++) {
        assert_true(cipher_available(c, (enum cipher)i));
        assert_true(cipher_key_size((enum cipher)i) <= CIPHER_KEY_MAX);
    }
    ciphers_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xcbc_mac),
        cmocka_unit_test(cmac),
        cmocka_unit_test(ccm_with_another_nonce),
        cmocka_unit_test(gcm_with_shorter_tags),
        cmocka_unit_test(ctr),
        cmocka_unit_test(des_out_of_3des),
        cmocka_unit_test(every_cipher_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
