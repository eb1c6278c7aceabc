/* SK and SKF payloads that OpenSSL sealed here, with every cipher and MAC of the table: opened, refused with other keys, and
 * spoiled at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "dissect/ike/ike_keys.h"
#include "tests/unit/ike_by_hand.h"

enum { KEY_MAX = 64, TEXT_MAX = 256 };

enum mode { PLAIN, CBC, CTR, GCM, CCM, CHACHA };

static const struct encryption {
    const char *name, *openssl;
    enum mode mode;
    size_t key, salt, iv, tag;
} encryptions[] = {
    {"NULL [RFC2410]", NULL, PLAIN, 0, 0, 0, 0},
    {"3DES [RFC2451]", "DES-EDE3-CBC", CBC, 24, 0, 8, 0},
    {"AES-CBC-128 [RFC3602]", "AES-128-CBC", CBC, 16, 0, 16, 0},
    {"AES-CBC-192 [RFC3602]", "AES-192-CBC", CBC, 24, 0, 16, 0},
    {"AES-CBC-256 [RFC3602]", "AES-256-CBC", CBC, 32, 0, 16, 0},
    {"CAMELLIA-CBC-128", "CAMELLIA-128-CBC", CBC, 16, 0, 16, 0},
    {"CAMELLIA-CBC-256", "CAMELLIA-256-CBC", CBC, 32, 0, 16, 0},
    {"AES-CTR-128 [RFC5930]", "AES-128-CTR", CTR, 16, 4, 8, 0},
    {"AES-CTR-192 [RFC5930]", "AES-192-CTR", CTR, 24, 4, 8, 0},
    {"AES-CTR-256 [RFC5930]", "AES-256-CTR", CTR, 32, 4, 8, 0},
    {"AES-GCM-128 with 8 octet ICV [RFC5282]", "AES-128-GCM", GCM, 16, 4, 8, 8},
    {"AES-GCM-128 with 12 octet ICV [RFC5282]", "AES-128-GCM", GCM, 16, 4, 8, 12},
    {"AES-GCM-128 with 16 octet ICV [RFC5282]", "AES-128-GCM", GCM, 16, 4, 8, 16},
    {"AES-GCM-192 with 16 octet ICV [RFC5282]", "AES-192-GCM", GCM, 24, 4, 8, 16},
    {"AES-GCM-256 with 8 octet ICV [RFC5282]", "AES-256-GCM", GCM, 32, 4, 8, 8},
    {"AES-GCM-256 with 16 octet ICV [RFC5282]", "AES-256-GCM", GCM, 32, 4, 8, 16},
    {"AES-CCM-128 with 8 octet ICV [RFC5282]", "AES-128-CCM", CCM, 16, 3, 8, 8},
    {"AES-CCM-128 with 12 octet ICV [RFC5282]", "AES-128-CCM", CCM, 16, 3, 8, 12},
    {"AES-CCM-192 with 16 octet ICV [RFC5282]", "AES-192-CCM", CCM, 24, 3, 8, 16},
    {"AES-CCM-256 with 16 octet ICV [RFC5282]", "AES-256-CCM", CCM, 32, 3, 8, 16},
    {"CHACHA20-POLY1305 [RFC7634]", "ChaCha20-Poly1305", CHACHA, 32, 4, 8, 16},
};
enum { ENCRYPTIONS = sizeof encryptions / sizeof *encryptions, AES_CBC_128 = 2, AES_GCM_128 = 12 };

static const struct integrity {
    const char *name, *openssl;
    size_t key, icv;
} integrities[] = {
    {"HMAC_SHA2_256_128 [RFC4868]", "SHA2-256", 32, 16}, {"HMAC_MD5_96 [RFC2403]", "MD5", 16, 12},
    {"HMAC_SHA1_96 [RFC2404]", "SHA1", 20, 12},          {"HMAC_MD5_128 [RFC4595]", "MD5", 16, 16},
    {"HMAC_SHA1_160 [RFC4595]", "SHA1", 20, 20},         {"HMAC_SHA2_384_192 [RFC4868]", "SHA2-384", 48, 24},
    {"HMAC_SHA2_512_256 [RFC4868]", "SHA2-512", 64, 32}, {"AES_CMAC_96", NULL, 16, 12},
};
enum { INTEGRITIES = sizeof integrities / sizeof *integrities };

/* Keys of one direction, told apart by their first byte. */
struct direction {
    uint8_t e[KEY_MAX], a[KEY_MAX];
};

struct sealer {
    const struct encryption *e;
    const struct integrity *a;
    struct direction initiator, responder;
    struct secrets *secrets;
    struct ciphers *ciphers;
    struct digests *digests;
};

static struct ike_bytes message;

static void put_hex(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", (unsigned)bytes[i]);
    out[2 * len] = '\0';
}

static void setup_keys(struct direction *d, uint8_t from)
{
    for (size_t i = 0; i < KEY_MAX; i++) {
        d->e[i] = (uint8_t)(from + 3 * i);
        d->a[i] = (uint8_t)(from + 0x40 + 5 * i);
    }
}

static struct sealer sealer_of(const struct encryption *e, const struct integrity *a)
{
    struct sealer s = {.e = e, .a = a, .secrets = secrets_new(), .ciphers = ciphers_new(), .digests = digests_new()};
    char text[4][2 * KEY_MAX + 1], line[1024], wrong[SECRETS_MESSAGE];
    size_t a_len = e->tag > 0 ? 0 : a->key;
    setup_keys(&s.initiator, 1);
    setup_keys(&s.responder, 2);
    put_hex(text[0], s.initiator.e, e->key + e->salt);
    put_hex(text[1], s.responder.e, e->key + e->salt);
    put_hex(text[2], s.initiator.a, a_len);
    put_hex(text[3], s.responder.a, a_len);
    snprintf(line, sizeof line, "a1b2c3d4e5f60718,1122334455667788,%s,%s,\"%s\",%s,%s,\"%s\"\n", text[0], text[1], e->name,
             text[2], text[3], e->tag > 0 ? "NONE [RFC4306]" : a->name);
    assert_true(secrets_add_ike_keys(s.secrets, span_of(line, strlen(line)), wrong));
    return s;
}

static void sealer_free(struct sealer *s)
{
    secrets_free(s->secrets);
    ciphers_free(s->ciphers);
    digests_free(s->digests);
}

/* Enciphers text in place, and puts the tag behind it. */
static void encipher(const struct encryption *e, const uint8_t *key, const uint8_t *iv, struct span associated, uint8_t *text,
                     size_t len)
{
    uint8_t nonce[16] = {0}, out[TEXT_MAX];
    int n, m;
    if (e->mode == PLAIN)
        return;
    memcpy(nonce, key + e->key, e->salt);
    memcpy(nonce + e->salt, iv, e->iv);
    nonce[15] = e->mode == CTR ? 1 : nonce[15];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, e->openssl, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL), 1);
    if (e->tag > 0)
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)(e->salt + e->iv), NULL), 1);
    if (e->mode == CCM)
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)e->tag, NULL), 1);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, NULL, key, nonce, NULL), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    if (e->mode == CCM)
        assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, NULL, (int)len), 1);
    if (e->tag > 0)
        assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, associated.data, (int)associated.len), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, text, (int)len), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, out + n, &m), 1);
    assert_int_equal(n + m, len);
    memcpy(text, out, len);
    if (e->tag > 0)
        assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)e->tag, text + len), 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void put_mac(const struct integrity *a, const uint8_t *key, struct ike_bytes *b)
{
    uint8_t mac[64];
    size_t len = sizeof mac, signed_len = b->len - a->icv;
    if (a->openssl == NULL)
        assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, a->key, b->data, signed_len, mac, len, &len));
    else
        assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, a->openssl, NULL, key, a->key, b->data, signed_len, mac, len, &len));
    memcpy(b->data + signed_len, mac, a->icv);
}

/* A message with one notify inside SK or (fragments > 0) SKF; padding as given or as the block wants. Announced padding that
 * differs from the real one makes the text impossible. */
static void seal(const struct sealer *s, bool from_initiator, uint8_t fragments, size_t padding, int announced)
{
    static const uint8_t inside[] = {0, 0, 0, 8, 0, 0, 0x40, 0x00}; /* N(INITIAL_CONTACT) */
    const struct direction *d = from_initiator ? &s->initiator : &s->responder;
    const struct encryption *e = s->e;
    size_t block = e->mode == CBC ? e->iv : 1;
    ike_begin(&message, "a1b2c3d4e5f60718 1122334455667788", 0x20, IKE_AUTH, from_initiator ? IKE_FLAG_INITIATOR : 0, 1);
    size_t at = ike_open_payload(&message, fragments > 0 ? IKE_SKF : IKE_SK);
    message.data[at] = IKE_NOTIFY;
    if (fragments > 0) {
        const uint8_t numbers[] = {0, 1, 0, fragments};
        memcpy(message.data + message.len, numbers, sizeof numbers);
        message.len += sizeof numbers;
    }
    size_t iv = message.len;
    for (size_t i = 0; i < e->iv; i++)
        message.data[message.len++] = (uint8_t)(0xa0 + i);
    size_t text = message.len;
    memcpy(message.data + text, inside, sizeof inside);
    message.len += sizeof inside;
    while ((message.len - text + padding + 1) % block != 0)
        padding++;
    ike_fill(&message, 0x77, padding);
    message.data[message.len++] = announced >= 0 ? (uint8_t)announced : (uint8_t)padding;
    size_t len = message.len - text;
    ike_fill(&message, 0, e->tag > 0 ? e->tag : s->a->icv);
    ike_close_payload(&message, at);
    encipher(e, d->e, message.data + iv, span_of(message.data, iv), message.data + text, len);
    if (e->tag == 0)
        put_mac(s->a, d->a, &message);
}

static enum ike_opened open_it(const struct sealer *s, struct ike_payloads *inside)
{
    static uint8_t out[TEXT_MAX];
    struct ike_message m;
    struct span plain;
    assert_true(ike_parse(ike_span(&message), (uint32_t)message.len, &m));
    const struct ike_keys *k = secrets_ike(s->secrets, m.initiator_spi, m.responder_spi);
    assert_non_null(k);
    assert_true(m.sk.len <= sizeof out);
    enum ike_opened opened = ike_open(s->ciphers, s->digests, k, &m, out, &plain);
    if (opened == IKE_OPENED && inside != NULL)
        ike_read_payloads(m.sk_next, plain, false, inside);
    return opened;
}

static void assert_opens(const struct sealer *s)
{
    static struct ike_payloads p;
    assert_int_equal(open_it(s, &p), IKE_OPENED);
    assert_false(p.malformed);
    assert_int_equal(p.count, 1);
    assert_non_null(ike_notify_of(&p, IKE_N_INITIAL_CONTACT));
}

static void both_directions_and_fragments_open(const struct sealer *s)
{
    for (size_t padding = 0; padding <= 17; padding += 17) {
        seal(s, true, 0, padding, -1);
        assert_opens(s);
        seal(s, false, 0, padding, -1);
        assert_opens(s);
        seal(s, true, 3, padding, -1);
        assert_opens(s);
    }
    seal(s, true, 0, 0, -1);
    message.data[19] ^= IKE_FLAG_INITIATOR; /* the other direction's keys do not fit */
    assert_int_equal(open_it(s, NULL), IKE_OPEN_WRONG_KEY);
}

static void every_encryption(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCRYPTIONS; i++) {
        struct sealer s = sealer_of(&encryptions[i], &integrities[0]);
        both_directions_and_fragments_open(&s);
        sealer_free(&s);
    }
}

static void every_integrity(void **state)
{
    (void)state;
    for (size_t i = 0; i < INTEGRITIES; i++) {
        struct sealer s = sealer_of(&encryptions[AES_CBC_128], &integrities[i]);
        both_directions_and_fragments_open(&s);
        sealer_free(&s);
    }
}

/* AES-XCBC-96 has no counterpart in OpenSSL; the MAC itself has its proof in test_cipher. */
static void xcbc_integrity(void **state)
{
    (void)state;
    static const struct integrity xcbc = {"AES_XCBC_96 [RFC3566]", NULL, 16, 12};
    struct sealer s = sealer_of(&encryptions[AES_CBC_128], &xcbc);
    uint8_t mac[AES_MAC];
    seal(&s, true, 0, 0, -1);
    assert_int_equal(open_it(&s, NULL), IKE_OPEN_WRONG_KEY); /* sealed with CMAC */
    assert_true(aes_xcbc_mac(s.ciphers, s.initiator.a, span_of(message.data, message.len - xcbc.icv), mac));
    memcpy(message.data + message.len - xcbc.icv, mac, xcbc.icv);
    assert_opens(&s);
    sealer_free(&s);
}

/* A changed byte anywhere, in the header too, is no broken peer but bytes that the key does not fit. */
static void every_changed_byte_is_seen(void **state)
{
    (void)state;
    static const size_t some[] = {0, AES_CBC_128, 9, AES_GCM_128, 17, ENCRYPTIONS - 1};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct sealer s = sealer_of(&encryptions[some[i]], &integrities[0]);
        seal(&s, true, 2, 0, -1);
        for (size_t at = 2 * IKE_SPI; at < message.len; at++) {
            struct ike_message m;
            message.data[at] ^= 0x01;
            assert_true(ike_parse(ike_span(&message), (uint32_t)message.len, &m));
            enum ike_opened opened = m.encrypted ? open_it(&s, NULL) : IKE_OPEN_WRONG_KEY;
            assert_true(opened == IKE_OPEN_WRONG_KEY || (m.malformed && opened == IKE_OPEN_MALFORMED));
            message.data[at] ^= 0x01;
        }
        assert_opens(&s);
        sealer_free(&s);
    }
}

/* The key of another SA, which differs in one bit. */
static void a_wrong_key(void **state)
{
    (void)state;
    for (size_t i = 1; i < ENCRYPTIONS; i++) {
        struct sealer s = sealer_of(&encryptions[i], &integrities[0]);
        if (encryptions[i].tag > 0)
            s.initiator.e[0] ^= 2; /* of DES, bit 0 is no part of the key */
        else
            s.initiator.a[0] ^= 2;
        seal(&s, true, 0, 0, -1);
        assert_int_equal(open_it(&s, NULL), IKE_OPEN_WRONG_KEY);
        seal(&s, false, 0, 0, -1);
        assert_opens(&s);
        sealer_free(&s);
    }
}

static void padding_that_cannot_be(void **state)
{
    (void)state;
    static const size_t some[] = {0, AES_CBC_128, 9, AES_GCM_128, 17};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct sealer s = sealer_of(&encryptions[some[i]], &integrities[0]);
        seal(&s, true, 0, 7, 15); /* 8 bytes of payload and 7 of padding: all of it is padding */
        assert_int_equal(open_it(&s, NULL), IKE_OPENED);
        seal(&s, true, 0, 7, 16);
        assert_int_equal(open_it(&s, NULL), IKE_OPEN_MALFORMED);
        seal(&s, true, 0, 7, 255);
        assert_int_equal(open_it(&s, NULL), IKE_OPEN_MALFORMED);
        sealer_free(&s);
    }
}

/* Bodies too short for IV, a byte of text and ICV; messages that the capture cut; text of half a block with a good ICV. */
static void lengths_that_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < ENCRYPTIONS; i++) {
        struct sealer s = sealer_of(&encryptions[i], &integrities[0]);
        size_t least = encryptions[i].iv + 1 + (encryptions[i].tag > 0 ? encryptions[i].tag : integrities[0].icv);
        for (size_t len = 0; len <= least; len++) {
            seal(&s, true, 0, 0, -1);
            message.len = IKE_HEADER + 4 + len;
            ike_close_payload(&message, IKE_HEADER);
            assert_int_equal(open_it(&s, NULL), len < least ? IKE_OPEN_MALFORMED : IKE_OPEN_WRONG_KEY);
        }
        struct ike_message m;
        struct span plain;
        uint8_t out[TEXT_MAX];
        seal(&s, true, 0, 0, -1);
        assert_true(ike_parse(span_of(message.data, message.len - 1), (uint32_t)message.len, &m));
        assert_true(m.cut);
        assert_int_equal(ike_open(s.ciphers, s.digests, secrets_ike(s.secrets, m.initiator_spi, m.responder_spi), &m, out,
                                  &plain), IKE_OPEN_MALFORMED);
        assert_int_equal(plain.len, 0);
        sealer_free(&s);
    }
    struct sealer s = sealer_of(&encryptions[AES_CBC_128], &integrities[0]);
    seal(&s, true, 0, 0, -1);
    message.len -= 8;
    ike_close_payload(&message, IKE_HEADER);
    put_mac(s.a, s.initiator.a, &message);
    assert_int_equal(open_it(&s, NULL), IKE_OPEN_MALFORMED);
    sealer_free(&s);
}

/* Bytes behind the message in its datagram are no part of it. */
static void trailing_bytes_of_the_datagram(void **state)
{
    (void)state;
    struct sealer s = sealer_of(&encryptions[AES_GCM_128], &integrities[0]);
    seal(&s, true, 0, 0, -1);
    ike_fill(&message, 0xee, 5);
    assert_opens(&s);
    sealer_free(&s);
}

static void keys_of_no_known_algorithm(void **state)
{
    (void)state;
    struct sealer s = sealer_of(&encryptions[AES_CBC_128], &integrities[0]);
    struct ike_message m;
    struct span plain;
    uint8_t out[TEXT_MAX];
    seal(&s, true, 0, 0, -1);
    assert_true(ike_parse(ike_span(&message), (uint32_t)message.len, &m));
    struct ike_keys k = *secrets_ike(s.secrets, m.initiator_spi, m.responder_spi);
    k.encr_bits = 129;
    assert_int_equal(ike_open(s.ciphers, s.digests, &k, &m, out, &plain), IKE_OPEN_UNSUPPORTED);
    k.encr_bits = 128;
    k.integ_id = 3;
    assert_int_equal(ike_open(s.ciphers, s.digests, &k, &m, out, &plain), IKE_OPEN_UNSUPPORTED);
    sealer_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encryption),
        cmocka_unit_test(every_integrity),
        cmocka_unit_test(xcbc_integrity),
        cmocka_unit_test(every_changed_byte_is_seen),
        cmocka_unit_test(a_wrong_key),
        cmocka_unit_test(padding_that_cannot_be),
        cmocka_unit_test(lengths_that_cannot_be),
        cmocka_unit_test(trailing_bytes_of_the_datagram),
        cmocka_unit_test(keys_of_no_known_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
