#include "dissect/crypto/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { DIGEST_KINDS = DIGEST_SHA512 + 1, BLOCK_MAX = 128 };

static const struct {
    const char *name;
    uint8_t size, block;
} kinds[DIGEST_KINDS] = {
    [DIGEST_MD5] = {"MD5", 16, 64},          [DIGEST_SHA1] = {"SHA1", 20, 64},
    [DIGEST_SHA256] = {"SHA2-256", 32, 64},  [DIGEST_SHA384] = {"SHA2-384", 48, 128},
    [DIGEST_SHA512] = {"SHA2-512", 64, 128},
};

struct digests {
    EVP_MD *md[DIGEST_KINDS];
    /* One for each kind: going on with the same algorithm spares OpenSSL a free and an allocation. */
    EVP_MD_CTX *ctx[DIGEST_KINDS];
};

struct digests *digests_new(void)
{
    struct digests *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    for (int i = 0; i < DIGEST_KINDS; i++) {
        d->md[i] = EVP_MD_fetch(NULL, kinds[i].name, NULL);
        d->ctx[i] = EVP_MD_CTX_new();
        if (d->md[i] == NULL || d->ctx[i] == NULL) {
            digests_free(d);
            return NULL;
        }
    }
    return d;
}

void digests_free(struct digests *d)
{
    if (d == NULL)
        return;
    for (int i = 0; i < DIGEST_KINDS; i++) {
        EVP_MD_CTX_free(d->ctx[i]);
        EVP_MD_free(d->md[i]);
    }
    free(d);
}

size_t digest_size(enum digest kind)
{
    return kinds[kind].size;
}

bool digest_compute(struct digests *d, enum digest kind, const struct span *parts, size_t count, uint8_t *out)
{
    EVP_MD_CTX *ctx = d->ctx[kind];
    if (EVP_DigestInit_ex2(ctx, d->md[kind], NULL) != 1)
        return false;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > 0 && EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
            return false;
    return EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

/* One of the two passes: hash of the padded key and the parts. */
static bool hmac_pass(struct digests *d, enum digest kind, const uint8_t *pad, const struct span *parts, size_t count,
                      uint8_t *out)
{
    EVP_MD_CTX *ctx = d->ctx[kind];
    if (EVP_DigestInit_ex2(ctx, d->md[kind], NULL) != 1 || EVP_DigestUpdate(ctx, pad, kinds[kind].block) != 1)
        return false;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > 0 && EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
            return false;
    return EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

bool hmac_compute(struct digests *d, enum digest kind, struct span key, const struct span *parts, size_t count,
                  uint8_t *out)
{
    uint8_t inner[BLOCK_MAX] = {0}, outer[BLOCK_MAX], hash[DIGEST_MAX];
    if (key.len > kinds[kind].block) {
        if (!digest_compute(d, kind, &key, 1, inner))
            return false;
    } else if (key.len > 0) {
        memcpy(inner, key.data, key.len);
    }
    for (size_t i = 0; i < kinds[kind].block; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    struct span inside = span_of(hash, kinds[kind].size);
    return hmac_pass(d, kind, inner, parts, count, hash) && hmac_pass(d, kind, outer, &inside, 1, out);
}
