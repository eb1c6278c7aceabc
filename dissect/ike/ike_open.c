/* Opening SK and SKF: the ICV first, then the cipher, then the padding. RFC 7296 section 3.14, RFC 5282, RFC 5930, RFC 7383. */
#include "dissect/ike/ike_keys.h"
#include "dissect/ike/ike_algorithms.h"
#include "capture/wire/cursor.h"

static const struct ike_encr_algorithm *encr_of(const struct ike_keys *k)
{
    for (size_t i = 0; i < ike_encr_algorithm_count; i++)
        if (ike_encr_algorithms[i].id == k->encr_id && ike_encr_algorithms[i].key * 8 == k->encr_bits)
            return &ike_encr_algorithms[i];
    return NULL;
}

static const struct ike_integ_algorithm *integ_of(const struct ike_keys *k)
{
    for (size_t i = 0; i < ike_integ_algorithm_count; i++)
        if (ike_integ_algorithms[i].id == k->integ_id)
            return &ike_integ_algorithms[i];
    return NULL;
}

/* The MAC over text; false when the library refuses. */
static bool compute_mac(struct ciphers *c, struct digests *d, const struct ike_integ_algorithm *a, const uint8_t *key,
                        struct span text, uint8_t out[static DIGEST_MAX])
{
    switch (a->mac) {
    case IKE_MAC_HMAC:
        return hmac_compute(d, a->digest, span_of(key, a->key), &text, 1, out);
    case IKE_MAC_XCBC:
        return aes_xcbc_mac(c, key, text, out);
    case IKE_MAC_CMAC:
        return aes_cmac(c, key, text, out);
    case IKE_MAC_NONE:
    default:
        return false;
    }
}

/* IV, ciphertext and ICV of a body. */
struct parts {
    struct span iv, text, icv;
};

static bool split(const struct ike_encr_algorithm *a, size_t icv, struct span body, struct parts *p)
{
    struct cursor c = cursor_of(body);
    return body.len > (size_t)a->iv + icv && take_span(&c, a->iv, &p->iv) && take_span(&c, c.len - icv, &p->text) &&
           take_span(&c, icv, &p->icv);
}

static enum ike_opened decrypt_cbc(struct ciphers *c, const struct ike_encr_algorithm *a, const uint8_t *key,
                                   const struct parts *p, uint8_t *out)
{
    uint8_t tripled[CIPHER_KEY_MAX];
    size_t size = cipher_key_size(a->cipher);
    if (p->text.len % a->iv != 0)
        return IKE_OPEN_MALFORMED;
    for (size_t i = 0; i < size; i++)
        tripled[i] = key[i % a->key]; /* repeats only that of DES */
    return cbc_decrypt(c, a->cipher, tripled, p->iv.data, p->text, out) ? IKE_OPENED : IKE_OPEN_UNSUPPORTED;
}

/* RFC 5930 section 2: the counter block is the key's nonce, the IV and a block number from 1. */
static enum ike_opened decrypt_ctr(struct ciphers *c, const struct ike_encr_algorithm *a, const uint8_t *key,
                                   const struct parts *p, uint8_t *out)
{
    uint8_t counter[CIPHER_BLOCK_MAX] = {[CIPHER_BLOCK_MAX - 1] = 1};
    memcpy(counter, key + a->key, a->salt);
    memcpy(counter + a->salt, p->iv.data, a->iv);
    return ctr_decrypt(c, a->cipher, key, counter, p->text, out) ? IKE_OPENED : IKE_OPEN_UNSUPPORTED;
}

static enum ike_opened decrypt(struct ciphers *c, const struct ike_encr_algorithm *a, const uint8_t *key,
                               const struct parts *p, uint8_t *out)
{
    if (a->mode == IKE_MODE_CBC)
        return decrypt_cbc(c, a, key, p, out);
    if (a->mode == IKE_MODE_CTR)
        return decrypt_ctr(c, a, key, p, out);
    memcpy(out, p->text.data, p->text.len);
    return IKE_OPENED;
}

/* RFC 5282 sections 3 and 4: the nonce is the salt at the key's end and the IV. */
static enum ike_opened open_aead(struct ciphers *c, const struct ike_encr_algorithm *a, const uint8_t *key,
                                 const struct ike_message *m, const struct parts *p, uint8_t *out)
{
    uint8_t nonce[AEAD_NONCE];
    memcpy(nonce, key + a->key, a->salt);
    memcpy(nonce + a->salt, p->iv.data, a->iv);
    struct span sealed = {p->text.data, p->text.len + p->icv.len};
    bool good = aead_open_nonce(c, a->cipher, key, span_of(nonce, (size_t)a->salt + a->iv), m->associated, sealed, a->tag,
                                out);
    return good ? IKE_OPENED : IKE_OPEN_WRONG_KEY;
}

static enum ike_opened open_with_mac(struct ciphers *c, struct digests *d, const struct ike_keys *k,
                                     const struct ike_encr_algorithm *a, const struct ike_message *m,
                                     const struct parts *p, uint8_t *out)
{
    const struct ike_integ_algorithm *integ = integ_of(k);
    struct span protected_bytes = {m->whole.data, (size_t)(p->icv.data - m->whole.data)};
    uint8_t mac[DIGEST_MAX];
    if (integ == NULL || integ->mac == IKE_MAC_NONE || integ->icv != p->icv.len ||
        !compute_mac(c, d, integ, m->from_initiator ? k->ai : k->ar, protected_bytes, mac))
        return IKE_OPEN_UNSUPPORTED;
    if (memcmp(mac, p->icv.data, p->icv.len) != 0)
        return IKE_OPEN_WRONG_KEY;
    return decrypt(c, a, m->from_initiator ? k->ei : k->er, p, out);
}

enum ike_opened ike_open(struct ciphers *c, struct digests *d, const struct ike_keys *k, const struct ike_message *m,
                         uint8_t *out, struct span *plain)
{
    const struct ike_encr_algorithm *a = encr_of(k);
    struct parts p;
    *plain = (struct span){0};
    if (a == NULL || (a->mode != IKE_MODE_NULL && !cipher_available(c, a->cipher)))
        return IKE_OPEN_UNSUPPORTED;
    if (m->sk.data == NULL || m->whole.len != m->length || !split(a, k->icv, m->sk, &p))
        return IKE_OPEN_MALFORMED;
    enum ike_opened opened = a->mode == IKE_MODE_AEAD ? open_aead(c, a, m->from_initiator ? k->ei : k->er, m, &p, out)
                                                      : open_with_mac(c, d, k, a, m, &p, out);
    if (opened != IKE_OPENED)
        return opened;
    size_t padding = out[p.text.len - 1];
    if (padding + 1 > p.text.len)
        return IKE_OPEN_MALFORMED;
    *plain = span_of(out, p.text.len - 1 - padding);
    return IKE_OPENED;
}
