/*
 * Opening SK and SKF. Input: the encryption's and the integrity's number in their tables (1, 1), a byte of options (bit 0:
 * the ICV is made to fit, where it is a MAC), then the message. All keys are 00 01 02 and so on.
 */
#include <stdlib.h>

#include "dissect/ike/ike_algorithms.h"
#include "dissect/ike/ike_keys.h"
#include "capture/wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEAL = 1, MESSAGE_MAX = 4096 };

static struct ciphers *ciphers;
static struct digests *digests;

static struct ike_keys keys_for(const struct ike_encr_algorithm *e, const struct ike_integ_algorithm *a)
{
    struct ike_keys k = {.encr_id = e->id, .encr_bits = (uint16_t)(e->key * 8), .icv = e->tag > 0 ? e->tag : a->icv,
                         .integ_id = e->tag > 0 ? 0 : a->id};
    for (size_t i = 0; i < IKE_KEY_BYTES; i++)
        k.ei[i] = k.er[i] = k.ai[i] = k.ar[i] = (uint8_t)i;
    k.ei_len = k.er_len = (uint8_t)(e->key + e->salt);
    k.ai_len = k.ar_len = e->tag > 0 ? 0 : a->key;
    return k;
}

/* Puts the ICV where it belongs, so that what comes behind it is reached. */
static void seal(const struct ike_integ_algorithm *a, const struct ike_keys *k, const struct ike_message *m, uint8_t *bytes)
{
    uint8_t mac[DIGEST_MAX];
    if (m->sk.len < a->icv || a->mac == IKE_MAC_NONE || k->integ_id == 0)
        return;
    size_t end = (size_t)(m->sk.data - bytes) + m->sk.len - a->icv;
    struct span text = span_of(bytes, end);
    bool good = a->mac == IKE_MAC_HMAC   ? hmac_compute(digests, a->digest, span_of(k->ai, a->key), &text, 1, mac)
                : a->mac == IKE_MAC_XCBC ? aes_xcbc_mac(ciphers, k->ai, text, mac)
                                         : aes_cmac(ciphers, k->ai, text, mac);
    if (!good)
        abort();
    memcpy(bytes + end, mac, a->icv);
}

static void open_message(const struct ike_keys *k, const struct ike_message *m, uint64_t *sum)
{
    static struct ike_payloads payloads;
    struct span plain;
    uint8_t *out = malloc(m->sk.len > 0 ? m->sk.len : 1); /* of exactly that size, for the sanitizer */
    if (out == NULL)
        return;
    enum ike_opened opened = ike_open(ciphers, digests, k, m, out, &plain);
    if (opened != IKE_OPENED && plain.len > 0)
        abort();
    if (opened == IKE_OPENED && m->cut)
        abort();
    for (size_t i = 0; i < plain.len; i++)
        *sum += plain.data[i];
    if (opened == IKE_OPENED)
        ike_read_payloads(m->sk_next, plain, false, &payloads);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t sum;
    struct cursor c = cursor_of(span_of(data, size));
    uint8_t e, a, options;
    struct ike_message m;
    if (!take_u8(&c, &e) || !take_u8(&c, &a) || !take_u8(&c, &options) || c.len > MESSAGE_MAX)
        return 0;
    if (ciphers == NULL)
        ciphers = ciphers_new();
    if (digests == NULL)
        digests = digests_new();
    uint8_t *bytes = malloc(c.len > 0 ? c.len : 1);
    if (ciphers == NULL || digests == NULL || bytes == NULL)
        abort();
    size_t len = c.len;
    if (!take_bytes(&c, len, bytes))
        abort();
    const struct ike_encr_algorithm *encr = &ike_encr_algorithms[e % ike_encr_algorithm_count];
    const struct ike_integ_algorithm *integ = &ike_integ_algorithms[a % ike_integ_algorithm_count];
    struct ike_keys k = keys_for(encr, integ);
    if (ike_parse(span_of(bytes, len), (uint32_t)len, &m)) {
        if ((options & SEAL) != 0)
            seal(integ, &k, &m, bytes);
        open_message(&k, &m, &sum);
    }
    free(bytes);
    return 0;
}
