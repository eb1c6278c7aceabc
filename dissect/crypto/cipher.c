#include "dissect/crypto/cipher.h"

#include <limits.h>
#include <stdlib.h>

#include "dissect/crypto/cipher_openssl.h"

static const struct {
    const char *name;
    uint8_t key, block;
    bool ccm;
} kinds[CIPHER_KINDS] = {
    [CIPHER_AES_128_GCM] = {"AES-128-GCM", 16, 0, false},
    [CIPHER_AES_192_GCM] = {"AES-192-GCM", 24, 0, false},
    [CIPHER_AES_256_GCM] = {"AES-256-GCM", 32, 0, false},
    [CIPHER_AES_128_CCM] = {"AES-128-CCM", 16, 0, true},
    [CIPHER_AES_192_CCM] = {"AES-192-CCM", 24, 0, true},
    [CIPHER_AES_256_CCM] = {"AES-256-CCM", 32, 0, true},
    [CIPHER_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", 32, 0, false},
    [CIPHER_ARIA_128_GCM] = {"ARIA-128-GCM", 16, 0, false},
    [CIPHER_ARIA_256_GCM] = {"ARIA-256-GCM", 32, 0, false},
    [CIPHER_AES_128_CBC] = {"AES-128-CBC", 16, 16, false},
    [CIPHER_AES_192_CBC] = {"AES-192-CBC", 24, 16, false},
    [CIPHER_AES_256_CBC] = {"AES-256-CBC", 32, 16, false},
    [CIPHER_AES_128_CTR] = {"AES-128-CTR", 16, 0, false},
    [CIPHER_AES_192_CTR] = {"AES-192-CTR", 24, 0, false},
    [CIPHER_AES_256_CTR] = {"AES-256-CTR", 32, 0, false},
    [CIPHER_3DES_CBC] = {"DES-EDE3-CBC", 24, 8, false},
    [CIPHER_CAMELLIA_128_CBC] = {"CAMELLIA-128-CBC", 16, 16, false},
    [CIPHER_CAMELLIA_256_CBC] = {"CAMELLIA-256-CBC", 32, 16, false},
    [CIPHER_ARIA_128_CBC] = {"ARIA-128-CBC", 16, 16, false},
    [CIPHER_ARIA_256_CBC] = {"ARIA-256-CBC", 32, 16, false},
};

struct ciphers {
    struct {
        EVP_CIPHER *cipher;
        EVP_CIPHER_CTX *ctx; /* going on with the same cipher spares an allocation */
        bool missing;
    } kind[CIPHER_KINDS];
};

struct ciphers *ciphers_new(void)
{
    return calloc(1, sizeof(struct ciphers));
}

void ciphers_free(struct ciphers *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < CIPHER_KINDS; i++) {
        EVP_CIPHER_CTX_free(c->kind[i].ctx);
        EVP_CIPHER_free(c->kind[i].cipher);
    }
    free(c);
}

size_t cipher_key_size(enum cipher kind)
{
    return kinds[kind].key;
}

size_t cipher_block_size(enum cipher kind)
{
    return kinds[kind].block;
}

/* The context, ready for EVP_DecryptInit_ex2; NULL when the library has no such cipher. */
static EVP_CIPHER_CTX *context_of(struct ciphers *c, enum cipher kind)
{
    if (c->kind[kind].ctx != NULL)
        return c->kind[kind].ctx;
    if (c->kind[kind].missing)
        return NULL;
    c->kind[kind].cipher = EVP_CIPHER_fetch(NULL, kinds[kind].name, NULL);
    if (c->kind[kind].cipher != NULL)
        c->kind[kind].ctx = EVP_CIPHER_CTX_new();
    c->kind[kind].missing = c->kind[kind].ctx == NULL;
    return c->kind[kind].ctx;
}

bool cipher_available(struct ciphers *c, enum cipher kind)
{
    return context_of(c, kind) != NULL;
}

bool aead_open(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
               struct span associated, struct span sealed, size_t tag_len, uint8_t *out)
{
    return aead_open_nonce(c, kind, key, span_of(nonce, AEAD_NONCE), associated, sealed, tag_len, out);
}

bool aead_open_nonce(struct ciphers *c, enum cipher kind, const uint8_t *key, struct span nonce, struct span associated,
                     struct span sealed, size_t tag_len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = context_of(c, kind);
    if (ctx == NULL || sealed.len < tag_len || tag_len > AEAD_TAG_MAX || sealed.len > INT_MAX ||
        associated.len > INT_MAX || nonce.len > CIPHER_BLOCK_MAX)
        return false;
    EVP_CIPHER *cipher = c->kind[kind].cipher;
    int n, text = (int)(sealed.len - tag_len);
    uint8_t tag[AEAD_TAG_MAX];
    memcpy(tag, sealed.data + text, tag_len);
    /* CCM wants nonce and tag lengths and the tag before the key, and the text's length before the associated data. */
    if (EVP_DecryptInit_ex2(ctx, cipher, NULL, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.len, NULL) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, tag) != 1 ||
        EVP_DecryptInit_ex2(ctx, NULL, key, nonce.data, NULL) != 1)
        return false;
    if (kinds[kind].ccm)
        return EVP_DecryptUpdate(ctx, NULL, &n, NULL, text) == 1 &&
               EVP_DecryptUpdate(ctx, NULL, &n, associated.data, (int)associated.len) == 1 &&
               EVP_DecryptUpdate(ctx, out, &n, sealed.data, text) == 1;
    return EVP_DecryptUpdate(ctx, NULL, &n, associated.data, (int)associated.len) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, sealed.data, text) == 1 && EVP_DecryptFinal_ex(ctx, out + text, &n) == 1;
}

bool cbc_decrypt(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t *iv, struct span in,
                 uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = context_of(c, kind);
    int n;
    if (ctx == NULL || in.len > INT_MAX || kinds[kind].block == 0 || in.len % kinds[kind].block != 0)
        return false;
    return EVP_DecryptInit_ex2(ctx, c->kind[kind].cipher, key, iv, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_DecryptUpdate(ctx, out, &n, in.data, (int)in.len) == 1;
}

bool ctr_decrypt(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t counter[static CIPHER_BLOCK_MAX],
                 struct span in, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = context_of(c, kind);
    int n;
    return ctx != NULL && in.len <= INT_MAX && EVP_DecryptInit_ex2(ctx, c->kind[kind].cipher, key, counter, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, in.data, (int)in.len) == 1;
}

EVP_CIPHER_CTX *cipher_encryption(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t *iv)
{
    EVP_CIPHER_CTX *ctx = context_of(c, kind);
    if (ctx == NULL || EVP_EncryptInit_ex2(ctx, c->kind[kind].cipher, key, iv, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1)
        return NULL;
    return ctx;
}
