/* What the length of a protected record tells of its content: RFC 5246 section 6.2.3, 8446 section 5.2, 7366. */
#include "dissect/tls/suite.h"
#include "dissect/tls/tls.h"

enum { TLS_1_0 = 0x0301, TLS_1_3 = 0x0304, TAG = 16, SHORT_TAG = 8, EXPLICIT_NONCE = 8, INNER_TYPE = 1, PAD_LENGTH = 1 };

static uint32_t mac_size(uint8_t mac)
{
    switch ((enum suite_mac)mac) {
    case MAC_MD5:
        return 16;
    case MAC_SHA:
        return 20;
    case MAC_SHA256:
        return 32;
    case MAC_SHA384:
        return 48;
    }
    return 0;
}

/* Least padding, and the MAC inside the blocks or, as its length then shows, behind them: the same content either way. */
bool tls_plain_of_blocks(const struct tls_wrapping *w, uint32_t fragment, struct tls_plain *out)
{
    bool inside = fragment % w->block == 0, behind = (fragment - w->mac) % w->block == 0;
    if (fragment < w->around || (!inside && !behind))
        return false;
    out->most = fragment - w->around;
    out->least = out->most > w->block - 1 ? out->most - (w->block - 1) : 0;
    return true;
}

static bool blocks(uint16_t version, uint32_t block, uint32_t mac, struct tls_wrapping *out)
{
    uint32_t iv = version > TLS_1_0 ? block : 0;
    *out = (struct tls_wrapping){.around = iv + mac + PAD_LENGTH, .block = block, .mac = mac};
    return true;
}

static bool fixed(uint32_t around, struct tls_wrapping *out)
{
    *out = (struct tls_wrapping){.around = around};
    return true;
}

bool tls_wrapping_of(uint16_t version, uint16_t number, struct tls_wrapping *out)
{
    enum { AES_BLOCK = 16, DES_BLOCK = 8 };
    const struct suite *s = suite_find(number);
    if (s == NULL)
        return false;
    uint32_t nonce = version == TLS_1_3 ? INNER_TYPE : EXPLICIT_NONCE, mac = mac_size(s->mac);
    switch ((enum suite_cipher)s->cipher) {
    case SUITE_AES_128_GCM:
    case SUITE_AES_256_GCM:
    case SUITE_AES_128_CCM:
    case SUITE_AES_256_CCM:
    case SUITE_ARIA_128_GCM:
    case SUITE_ARIA_256_GCM:
        return fixed(nonce + TAG, out);
    case SUITE_AES_128_CCM_8:
    case SUITE_AES_256_CCM_8:
        return fixed(nonce + SHORT_TAG, out);
    case SUITE_CHACHA20_POLY1305:
        return fixed(TAG + (version == TLS_1_3 ? INNER_TYPE : 0), out);
    case SUITE_NULL:
    case SUITE_RC4:
        return fixed(mac, out);
    case SUITE_AES_128_CBC:
    case SUITE_AES_256_CBC:
    case SUITE_CAMELLIA_128_CBC:
    case SUITE_CAMELLIA_256_CBC:
    case SUITE_ARIA_128_CBC:
    case SUITE_ARIA_256_CBC:
        return blocks(version, AES_BLOCK, mac, out);
    case SUITE_3DES_CBC:
    case SUITE_DES_CBC:
        return blocks(version, DES_BLOCK, mac, out);
    case SUITE_NONE:
    case SUITE_OTHER:
        break;
    }
    return false;
}

bool tls_plain_of(uint16_t version, uint16_t number, uint32_t fragment, struct tls_plain *out)
{
    struct tls_wrapping w;
    return tls_wrapping_of(version, number, &w) && tls_plain_within(&w, fragment, out);
}
