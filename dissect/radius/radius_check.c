/* What the shared secret of RADIUS is good for: four authenticators, and the keys that an Access-Accept hands out. */
#include "dissect/crypto/digest.h"
#include "dissect/radius/radius.h"

static const uint8_t sixteen_zeros[16];

static bool checkable(struct span whole, const struct radius_packet *p, struct span secret)
{
    return secret.len > 0 && !p->cut && !p->malformed && whole.len >= p->length;
}

/* Compared in full always: the time it takes tells nobody anything here, but habits are cheap. */
static bool same_16(const uint8_t *a, const uint8_t *b)
{
    unsigned difference = 0;
    for (unsigned i = 0; i < 16; i++)
        difference |= (unsigned)(a[i] ^ b[i]);
    return difference == 0;
}

/* What stands in the authenticator's place while the Message-Authenticator is computed: the request's authenticator for a
 * response (RFC 3579 section 3.2), zeros for accounting and CoA requests (RFC 5176 section 3.4, RFC 5080 section 2.2.2
 * leaves Access-Request and Status-Server with their own). NULL: cannot be known. */
static const uint8_t *authenticator_in_place(const struct radius_packet *p, const uint8_t *request_authenticator)
{
    switch (p->code) {
    case RADIUS_ACCESS_REQUEST:
    case RADIUS_STATUS_SERVER:
    case RADIUS_STATUS_CLIENT:
        return p->authenticator.data;
    case RADIUS_ACCOUNTING_REQUEST:
    case RADIUS_DISCONNECT_REQUEST:
    case RADIUS_COA_REQUEST:
        return sixteen_zeros;
    default:
        return request_authenticator;
    }
}

enum radius_check radius_check_message_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                                     const uint8_t *request_authenticator, struct span secret)
{
    uint8_t computed[DIGEST_MAX];
    if (!radius_has_message_authenticator(p))
        return radius_message_authenticator_there(p);
    const uint8_t *authenticator = authenticator_in_place(p, request_authenticator);
    if (!checkable(whole, p, secret) || authenticator == NULL)
        return RADIUS_CHECK_UNCHECKED;
    const uint8_t *sent = radius_span(p, RADIUS_MESSAGE_AUTHENTICATOR).data;
    size_t value = (size_t)(sent - whole.data);
    const struct span parts[] = {
        span_of(whole.data, 4),
        span_of(authenticator, 16),
        span_of(whole.data + RADIUS_HEADER, value - RADIUS_HEADER),
        span_of(sixteen_zeros, 16),
        span_of(whole.data + value + 16, p->length - value - 16),
    };
    if (!hmac_compute(d, DIGEST_MD5, secret, parts, sizeof parts / sizeof *parts, computed))
        return RADIUS_CHECK_UNCHECKED;
    return same_16(computed, sent) ? RADIUS_CHECK_VALID : RADIUS_CHECK_INVALID;
}

enum radius_check radius_check_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                             const uint8_t *request_authenticator, struct span secret)
{
    uint8_t computed[DIGEST_MAX];
    const uint8_t *authenticator = request_authenticator;
    if (radius_authenticator_there(p) == RADIUS_CHECK_ABSENT)
        return RADIUS_CHECK_ABSENT;
    if (radius_is_request(p->code))
        authenticator = sixteen_zeros;
    if (!checkable(whole, p, secret) || authenticator == NULL)
        return RADIUS_CHECK_UNCHECKED;
    const struct span parts[] = {
        span_of(whole.data, 4),
        span_of(authenticator, 16),
        span_of(whole.data + RADIUS_HEADER, (size_t)p->length - RADIUS_HEADER),
        secret,
    };
    if (!digest_compute(d, DIGEST_MD5, parts, sizeof parts / sizeof *parts, computed))
        return RADIUS_CHECK_UNCHECKED;
    return same_16(computed, p->authenticator.data) ? RADIUS_CHECK_VALID : RADIUS_CHECK_INVALID;
}

/* b1 = MD5(secret + request authenticator + salt), bn = MD5(secret + ciphertext n-1). RFC 2548 section 2.4.2 */
size_t radius_open_key(struct digests *d, struct span value, const uint8_t request_authenticator[static 16],
                       struct span secret, uint8_t out[static RADIUS_KEY_MAX])
{
    enum { SALT = 2, BLOCK = 16, BLOCKS = (1 + RADIUS_KEY_MAX + BLOCK - 1) / BLOCK };
    uint8_t plain[BLOCKS * BLOCK], mask[DIGEST_MAX];
    size_t cipher = value.len > SALT ? value.len - SALT : 0;
    if (secret.len == 0 || cipher == 0 || cipher % BLOCK != 0 || cipher > sizeof plain || (value.data[0] & 0x80) == 0)
        return 0;
    for (size_t at = 0; at < cipher; at += BLOCK) {
        const struct span first[] = {secret, span_of(request_authenticator, 16), span_of(value.data, SALT)};
        const struct span next[] = {secret, span_of(value.data + SALT + at - (at > 0 ? BLOCK : 0), BLOCK)};
        if (!digest_compute(d, DIGEST_MD5, at == 0 ? first : next, at == 0 ? 3 : 2, mask))
            return 0;
        for (size_t i = 0; i < BLOCK; i++)
            plain[at + i] = (uint8_t)(value.data[SALT + at + i] ^ mask[i]);
    }
    size_t len = plain[0];
    if (len == 0 || len > RADIUS_KEY_MAX || len >= cipher)
        return 0;
    for (size_t i = 1 + len; i < cipher; i++)
        if (plain[i] != 0)
            return 0;
    memcpy(out, plain + 1, len);
    return len;
}
