/*
 * Keys from the user's secrets and protected records into clear bytes: RFC 8446 sections 5.2 and 7.3, RFC 5246
 * section 6. The user has the secrets, so nothing here hides its timing.
 */
#include "dissect/tls/decrypt.h"

#include <stdlib.h>

#include "dissect/crypto/cipher.h"
#include "dissect/crypto/kdf.h"
#include "dissect/tls/suite.h"

enum {
    MASTER_SECRET = 48,
    MAC_KEY_MAX = 48,
    EXPLICIT_NONCE = 8,
    SEQUENCE_BYTES = 8,
    /* Without handshake secrets: so many records are tried with the application's first key. */
    TRIALS_MAX = 64
};

enum mode { MODE_NONE, MODE_AEAD_EXPLICIT, MODE_AEAD_XOR, MODE_CBC };

/* How a suite's cipher protects a record: in TLS 1.2 AES-GCM and CCM carry part of the nonce. */
static const struct protection {
    uint8_t cipher, tag, mode, fixed_iv;
} protections[] = {
    [SUITE_AES_128_GCM] = {CIPHER_AES_128_GCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_256_GCM] = {CIPHER_AES_256_GCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_128_CCM] = {CIPHER_AES_128_CCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_256_CCM] = {CIPHER_AES_256_CCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_128_CCM_8] = {CIPHER_AES_128_CCM, 8, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_256_CCM_8] = {CIPHER_AES_256_CCM, 8, MODE_AEAD_EXPLICIT, 4},
    [SUITE_CHACHA20_POLY1305] = {CIPHER_CHACHA20_POLY1305, 16, MODE_AEAD_XOR, 12},
    [SUITE_ARIA_128_GCM] = {CIPHER_ARIA_128_GCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_ARIA_256_GCM] = {CIPHER_ARIA_256_GCM, 16, MODE_AEAD_EXPLICIT, 4},
    [SUITE_AES_128_CBC] = {CIPHER_AES_128_CBC, 0, MODE_CBC, 16},
    [SUITE_AES_256_CBC] = {CIPHER_AES_256_CBC, 0, MODE_CBC, 16},
    [SUITE_3DES_CBC] = {CIPHER_3DES_CBC, 0, MODE_CBC, 8},
    [SUITE_CAMELLIA_128_CBC] = {CIPHER_CAMELLIA_128_CBC, 0, MODE_CBC, 16},
    [SUITE_CAMELLIA_256_CBC] = {CIPHER_CAMELLIA_256_CBC, 0, MODE_CBC, 16},
    [SUITE_ARIA_128_CBC] = {CIPHER_ARIA_128_CBC, 0, MODE_CBC, 16},
    [SUITE_ARIA_256_CBC] = {CIPHER_ARIA_256_CBC, 0, MODE_CBC, 16},
};

enum phase { PHASE_NONE, PHASE_HANDSHAKE, PHASE_TRIAL, PHASE_APPLICATION };

struct side_keys {
    struct protection how;
    uint8_t phase; /* TLS 1.3; up to 1.2 PHASE_APPLICATION when there are keys */
    uint8_t mac;   /* enum digest, of CBC records */
    uint8_t hash;  /* enum digest, of the TLS 1.3 schedule */
    bool tls13, encrypt_then_mac, chained_iv;
    uint8_t secret_len, trials;
    uint16_t version;
    uint8_t secret[DIGEST_MAX]; /* TLS 1.3: the traffic secret in use */
    uint8_t key[CIPHER_KEY_MAX], iv[CIPHER_BLOCK_MAX], mac_key[MAC_KEY_MAX];
};

struct keys {
    struct side_keys side[2];
};

struct openers {
    struct ciphers *ciphers;
};

struct openers *openers_new(void)
{
    struct openers *o = calloc(1, sizeof *o);
    if (o != NULL && (o->ciphers = ciphers_new()) == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

void openers_free(struct openers *o)
{
    if (o != NULL)
        ciphers_free(o->ciphers);
    free(o);
}

void keys_free(struct keys *k)
{
    free(k);
}

static const struct protection *protection_of(const struct suite *suite)
{
    static const struct protection none = {0};
    if (suite == NULL || suite->cipher >= sizeof protections / sizeof protections[0])
        return &none;
    return &protections[suite->cipher];
}

static enum digest mac_digest(const struct suite *suite)
{
    switch ((enum suite_mac)suite->mac) {
    case MAC_MD5:
        return DIGEST_MD5;
    case MAC_SHA256:
        return DIGEST_SHA256;
    case MAC_SHA384:
        return DIGEST_SHA384;
    case MAC_SHA:
        break;
    }
    return DIGEST_SHA1;
}

/* Key and IV from the traffic secret in use, RFC 8446 section 7.3. */
static bool traffic_keys(struct tls_session *s, struct side_keys *k)
{
    struct span secret = span_of(k->secret, k->secret_len);
    struct digests *d = s->context->digests;
    return hkdf_expand_label(d, k->hash, secret, "key", k->key, cipher_key_size(k->how.cipher)) &&
           hkdf_expand_label(d, k->hash, secret, "iv", k->iv, AEAD_NONCE);
}

/* Goes on with the labelled secret of the key log; false when it is not there or does not fit the suite. */
static bool use_secret(struct tls_session *s, enum direction dir, enum tls_secret_label label, enum phase phase)
{
    struct side_keys *k = &s->keys->side[dir];
    struct span secret = secrets_tls(s->context->secrets, s->client_random, label);
    if (secret.len != digest_size(k->hash))
        return false;
    memcpy(k->secret, secret.data, secret.len);
    k->secret_len = (uint8_t)secret.len;
    k->phase = (uint8_t)phase;
    s->side[dir].sequence = 0;
    return traffic_keys(s, k);
}

static bool begin_tls13(struct tls_session *s, enum direction dir, const struct suite *suite)
{
    static const enum tls_secret_label handshake[2] = {TLS_SECRET_CLIENT_HANDSHAKE_TRAFFIC,
                                                       TLS_SECRET_SERVER_HANDSHAKE_TRAFFIC};
    static const enum tls_secret_label application[2] = {TLS_SECRET_CLIENT_TRAFFIC_0, TLS_SECRET_SERVER_TRAFFIC_0};
    struct side_keys *k = &s->keys->side[dir];
    *k = (struct side_keys){.how = *protection_of(suite), .tls13 = true};
    k->hash = suite->mac == MAC_SHA384 ? DIGEST_SHA384 : DIGEST_SHA256;
    if (suite->key_exchange != KX_TLS13 || k->how.mode == MODE_NONE)
        return false;
    return use_secret(s, dir, handshake[dir], PHASE_HANDSHAKE) || use_secret(s, dir, application[dir], PHASE_TRIAL);
}

/* This side's part of the key block, RFC 5246 section 6.3. */
static bool begin_tls12(struct tls_session *s, enum direction dir, const struct suite *suite)
{
    struct side_keys *k = &s->keys->side[dir];
    *k = (struct side_keys){.how = *protection_of(suite), .version = s->version};
    struct span master = secrets_tls(s->context->secrets, s->client_random, TLS_SECRET_CLIENT_RANDOM);
    if (master.len != MASTER_SECRET || k->how.mode == MODE_NONE || s->compressed || suite->key_exchange == KX_TLS13 ||
        s->version < VERSION_TLS_1_0 || s->version > VERSION_TLS_1_2)
        return false;
    k->mac = (uint8_t)mac_digest(suite);
    k->encrypt_then_mac = s->encrypt_then_mac && k->how.mode == MODE_CBC;
    k->chained_iv = s->version == VERSION_TLS_1_0;
    size_t mac_len = k->how.mode == MODE_CBC ? digest_size(k->mac) : 0;
    size_t key_len = cipher_key_size(k->how.cipher), iv_len = k->how.fixed_iv;
    uint8_t block[2 * (MAC_KEY_MAX + CIPHER_KEY_MAX + CIPHER_BLOCK_MAX)];
    enum prf prf = s->version < VERSION_TLS_1_2 ? PRF_MD5_SHA1 : suite->mac == MAC_SHA384 ? PRF_SHA384 : PRF_SHA256;
    if (!tls_prf(s->context->digests, prf, master, "key expansion", span_of(s->server_random, RANDOM_SIZE),
                 span_of(s->client_random, RANDOM_SIZE), block, 2 * (mac_len + key_len + iv_len)))
        return false;
    size_t which = dir == TO_SERVER ? 0 : 1;
    memcpy(k->mac_key, block + which * mac_len, mac_len);
    memcpy(k->key, block + 2 * mac_len + which * key_len, key_len);
    memcpy(k->iv, block + 2 * (mac_len + key_len) + which * iv_len, iv_len);
    k->phase = PHASE_APPLICATION;
    return true;
}

bool side_finds_keys(struct tls_session *s, enum direction dir)
{
    struct side *side = &s->side[dir];
    if (s->keys != NULL && s->keys->side[dir].phase != PHASE_NONE)
        return true;
    /* The other side's hello may still come (packets out of order), so this is not yet the end. */
    if (!s->side[TO_SERVER].hello || !s->side[TO_CLIENT].hello || (!is_tls13(s) && !side->ccs))
        return false;
    const struct suite *suite = suite_find(s->cipher_suite);
    if (s->keys == NULL)
        s->keys = calloc(1, sizeof *s->keys);
    if (s->keys == NULL || suite == NULL || !(is_tls13(s) ? begin_tls13(s, dir, suite) : begin_tls12(s, dir, suite))) {
        side->no_keys = true;
        if (s->keys != NULL)
            s->keys->side[dir].phase = PHASE_NONE;
    }
    return !side->no_keys;
}

static void put_sequence(uint64_t sequence, uint8_t out[static SEQUENCE_BYTES])
{
    for (int i = SEQUENCE_BYTES; i-- > 0; sequence >>= 8)
        out[i] = (uint8_t)sequence;
}

/* Sequence, type, version, length: what TLS 1.2 authenticates in front of the content. */
static void put_pseudo_header(const struct side *side, size_t length, uint8_t out[static 13])
{
    put_sequence(side->sequence, out);
    memcpy(out + SEQUENCE_BYTES, side->header, 3);
    out[11] = (uint8_t)(length >> 8);
    out[12] = (uint8_t)length;
}

static bool open_aead(struct tls_session *s, const struct side *side, const struct side_keys *k, struct span fragment,
                      uint8_t *room, struct span *out)
{
    size_t explicit_len = !k->tls13 && k->how.mode == MODE_AEAD_EXPLICIT ? EXPLICIT_NONCE : 0;
    if (fragment.len < explicit_len + k->how.tag)
        return false;
    struct span sealed = {fragment.data + explicit_len, fragment.len - explicit_len};
    size_t text = sealed.len - k->how.tag;
    uint8_t nonce[AEAD_NONCE], sequence[SEQUENCE_BYTES], header[13];
    memcpy(nonce, k->iv, AEAD_NONCE);
    put_sequence(side->sequence, sequence);
    if (explicit_len > 0)
        memcpy(nonce + 4, fragment.data, EXPLICIT_NONCE);
    else
        for (size_t i = 0; i < SEQUENCE_BYTES; i++)
            nonce[AEAD_NONCE - SEQUENCE_BYTES + i] ^= sequence[i];
    put_pseudo_header(side, text, header);
    struct span associated = k->tls13 ? span_of(side->header, RECORD_HEADER) : span_of(header, sizeof header);
    *out = span_of(room, text);
    return aead_open(s->context->openers->ciphers, k->how.cipher, k->key, nonce, associated, sealed, k->how.tag, room);
}

/* Cuts the padding off, RFC 5246 section 6.2.3.2. */
static bool cut_padding(struct span *content)
{
    if (content->len == 0)
        return false;
    size_t padding = content->data[content->len - 1];
    if (padding + 1 > content->len)
        return false;
    for (size_t i = 0; i <= padding; i++)
        if (content->data[content->len - 1 - i] != padding)
            return false;
    content->len -= padding + 1;
    return true;
}

static bool mac_matches(struct tls_session *s, const struct side *side, const struct side_keys *k, struct span content,
                        const uint8_t *mac)
{
    uint8_t header[13], expected[DIGEST_MAX];
    size_t size = digest_size(k->mac);
    put_pseudo_header(side, content.len, header);
    const struct span parts[] = {span_of(header, sizeof header), content};
    return hmac_compute(s->context->digests, k->mac, span_of(k->mac_key, size), parts, 2, expected) &&
           memcmp(expected, mac, size) == 0;
}

static bool open_cbc(struct tls_session *s, const struct side *side, struct side_keys *k, struct span fragment,
                     uint8_t *room, struct span *out)
{
    size_t block = cipher_block_size(k->how.cipher), mac_len = digest_size(k->mac);
    struct span text = fragment;
    if (k->encrypt_then_mac) { /* RFC 7366 section 3 */
        if (text.len < mac_len)
            return false;
        text.len -= mac_len;
        if (!mac_matches(s, side, k, text, text.data + text.len))
            return false;
    }
    uint8_t iv[CIPHER_BLOCK_MAX];
    memcpy(iv, k->iv, block);
    if (!k->chained_iv) {
        if (text.len < block)
            return false;
        memcpy(iv, text.data, block);
        text = (struct span){text.data + block, text.len - block};
    }
    if (text.len == 0 || text.len % block != 0 ||
        !cbc_decrypt(s->context->openers->ciphers, k->how.cipher, k->key, iv, text, room))
        return false;
    memcpy(k->iv, text.data + text.len - block, block);
    *out = span_of(room, text.len);
    if (!cut_padding(out))
        return false;
    if (k->encrypt_then_mac)
        return true;
    if (out->len < mac_len)
        return false;
    out->len -= mac_len;
    return mac_matches(s, side, k, *out, out->data + out->len);
}

/* TLSInnerPlaintext: content, type, zeros. */
static void inner_plaintext(struct span *content, uint8_t *type)
{
    while (content->len > 0 && content->data[content->len - 1] == 0)
        content->len--;
    *type = 0;
    if (content->len > 0)
        *type = content->data[--content->len];
}

/* A record that could not be opened is not always a wrong key. */
static enum opened not_opened(struct tls_session *s, enum direction dir, struct side_keys *k)
{
    struct side *side = &s->side[dir];
    /* Early data, also when the server refused it, is under a key of its own. */
    if (k->phase == PHASE_HANDSHAKE && dir == TO_SERVER && s->early_data && side->sequence == 0)
        return NOT_OPENED;
    if (k->phase == PHASE_TRIAL && k->trials++ < TRIALS_MAX)
        return NOT_OPENED;
    side->no_keys = true;
    return k->phase == PHASE_TRIAL ? NOT_OPENED : OPEN_FAILED;
}

enum opened record_open(struct tls_session *s, enum direction dir, struct span fragment, uint8_t *room,
                        struct span *out, uint8_t *type)
{
    struct side *side = &s->side[dir];
    struct side_keys *k = &s->keys->side[dir];
    bool good = k->how.mode == MODE_CBC ? open_cbc(s, side, k, fragment, room, out)
                                        : open_aead(s, side, k, fragment, room, out);
    if (!good)
        return not_opened(s, dir, k);
    if (k->phase == PHASE_TRIAL)
        k->phase = PHASE_APPLICATION;
    side->sequence++;
    *type = side->type;
    if (k->tls13)
        inner_plaintext(out, type);
    return OPENED;
}

void keys_passed(struct tls_session *s, enum direction dir)
{
    if (s->keys->side[dir].chained_iv)
        s->side[dir].no_keys = true; /* its last block would have been the next IV */
}

void keys_after_ccs(struct tls_session *s, enum direction dir)
{
    s->side[dir].sequence = 0;
    if (s->keys != NULL)
        s->keys->side[dir] = (struct side_keys){0};
}

void keys_after_message(struct tls_session *s, enum direction dir, uint8_t handshake_type)
{
    if (s->keys == NULL || !s->keys->side[dir].tls13)
        return;
    struct side_keys *k = &s->keys->side[dir];
    bool good = true;
    if (handshake_type == FINISHED && k->phase == PHASE_HANDSHAKE) {
        good = use_secret(s, dir, dir == TO_SERVER ? TLS_SECRET_CLIENT_TRAFFIC_0 : TLS_SECRET_SERVER_TRAFFIC_0,
                          PHASE_APPLICATION);
    } else if (handshake_type == KEY_UPDATE) {
        uint8_t next[DIGEST_MAX];
        good = hkdf_expand_label(s->context->digests, k->hash, span_of(k->secret, k->secret_len), "traffic upd", next,
                                 k->secret_len);
        memcpy(k->secret, next, good ? k->secret_len : 0);
        good = good && traffic_keys(s, k);
        s->side[dir].sequence = 0;
    }
    if (!good)
        s->side[dir].no_keys = true;
}
