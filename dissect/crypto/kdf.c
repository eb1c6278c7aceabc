#include "dissect/crypto/kdf.h"

/* Xors len bytes of P_hash(secret, seed) into out, RFC 5246 section 5. */
static bool p_hash(struct digests *d, enum digest hash, struct span secret, const struct span seed[static 3],
                   uint8_t *out, size_t len)
{
    size_t size = digest_size(hash);
    uint8_t a[DIGEST_MAX], block[DIGEST_MAX];
    if (!hmac_compute(d, hash, secret, seed, 3, a))
        return false;
    for (size_t done = 0; done < len; done += size) {
        const struct span parts[] = {span_of(a, size), seed[0], seed[1], seed[2]};
        if (!hmac_compute(d, hash, secret, parts, 4, block) || !hmac_compute(d, hash, secret, parts, 1, a))
            return false;
        for (size_t i = 0; i < size && done + i < len; i++)
            out[done + i] ^= block[i];
    }
    return true;
}

bool tls_prf(struct digests *d, enum prf prf, struct span secret, const char *label, struct span seed_a,
             struct span seed_b, uint8_t *out, size_t len)
{
    const struct span seed[3] = {span_of(label, strlen(label)), seed_a, seed_b};
    memset(out, 0, len);
    if (prf != PRF_MD5_SHA1)
        return p_hash(d, prf == PRF_SHA384 ? DIGEST_SHA384 : DIGEST_SHA256, secret, seed, out, len);
    /* The halves share the middle byte of an odd secret. */
    size_t half = (secret.len + 1) / 2;
    struct span first = span_of(secret.data, half), second = span_of(secret.data + (secret.len - half), half);
    return p_hash(d, DIGEST_MD5, first, seed, out, len) && p_hash(d, DIGEST_SHA1, second, seed, out, len);
}

bool hkdf_expand_label(struct digests *d, enum digest hash, struct span secret, const char *label, uint8_t *out,
                       size_t len)
{
    enum { LABEL_MAX = 32 };
    static const char prefix[] = "tls13 ";
    size_t label_len = strlen(label), size = digest_size(hash);
    if (len > 255 || label_len > LABEL_MAX)
        return false;
    /* struct HkdfLabel: u16 length, label<7..255>, context<0..255> */
    uint8_t info[2 + 1 + sizeof prefix + LABEL_MAX + 1], *p = info;
    *p++ = 0;
    *p++ = (uint8_t)len;
    *p++ = (uint8_t)(sizeof prefix - 1 + label_len);
    memcpy(p, prefix, sizeof prefix - 1);
    memcpy(p + sizeof prefix - 1, label, label_len);
    p += sizeof prefix - 1 + label_len;
    *p++ = 0;
    uint8_t block[DIGEST_MAX], number = 1;
    for (size_t done = 0; done < len; done += size, number++) {
        const struct span parts[] = {span_of(block, done > 0 ? size : 0), span_of(info, (size_t)(p - info)),
                                     span_of(&number, 1)};
        uint8_t next[DIGEST_MAX];
        if (!hmac_compute(d, hash, secret, parts, 3, next))
            return false;
        memcpy(block, next, size);
        memcpy(out + done, block, len - done < size ? len - done : size);
    }
    return true;
}
