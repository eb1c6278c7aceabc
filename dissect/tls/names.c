/* Numbers and their names, and what a cipher suite's number tells. */
#include "dissect/number_names.h"
#include "dissect/tls/suite.h"
#include "dissect/tls/tls.h"

const char *tls_version_name(uint16_t version)
{
    switch (version) {
    case 0x0002:
        return "SSL 2.0";
    case 0x0300:
        return "SSL 3.0";
    case 0x0301:
        return "TLS 1.0";
    case 0x0302:
        return "TLS 1.1";
    case 0x0303:
        return "TLS 1.2";
    case 0x0304:
        return "TLS 1.3";
    default:
        return NULL;
    }
}

#define X(number, name) NUMBER_NAME(number, #name)

const char *tls_alert_name(uint8_t code)
{
    switch (code) {
#include "dissect/tls/alerts.def"
    default:
        return NULL;
    }
}

const char *tls_handshake_name(uint8_t type)
{
    switch (type) {
#include "dissect/tls/handshake_types.def"
    default:
        return NULL;
    }
}

#undef X

static const struct suite suites[] = {
#define X(number, name, key_exchange, cipher, hash) {number, KX_##key_exchange, SUITE_##cipher, MAC_##hash, #name},
#include "dissect/tls/cipher_suites.def"
#undef X
};

/* The place of each suite in the table. */
enum {
#define X(number, name, key_exchange, cipher, hash) AT_##name,
#include "dissect/tls/cipher_suites.def"
#undef X
    SUITES
};

/* Where the suites that are used today lie: in rows of numbers without a gap. */
static size_t likely_place(uint16_t number)
{
    switch (number >> 8) {
    case 0x13:
        return AT_TLS_AES_128_GCM_SHA256 + (number - 0x1301u);
    case 0xc0:
        return AT_TLS_ECDH_ECDSA_WITH_NULL_SHA + (number - 0xc001u);
    default:
        return number;
    }
}

const struct suite *suite_find(uint16_t number)
{
    size_t likely = likely_place(number), low = 0, high = SUITES;
    if (likely < SUITES && suites[likely].number == number)
        return &suites[likely];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (suites[middle].number == number)
            return &suites[middle];
        if (suites[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *tls_cipher_suite_name(uint16_t suite)
{
    const struct suite *s = suite_find(suite);
    return s != NULL ? s->name : NULL;
}

enum tls_suite_weakness tls_cipher_suite_weakness(uint16_t suite)
{
    const struct suite *s = suite_find(suite);
    if (s == NULL)
        return TLS_SUITE_UNKNOWN;
    if (s->cipher == SUITE_NULL)
        return TLS_SUITE_NULL;
    if (s->key_exchange == KX_EXPORT || s->key_exchange == KX_RSA_EXPORT)
        return TLS_SUITE_EXPORT;
    if (s->key_exchange == KX_ANON)
        return TLS_SUITE_ANONYMOUS;
    switch (s->cipher) {
    case SUITE_RC4:
        return TLS_SUITE_RC4;
    case SUITE_DES_CBC:
        return TLS_SUITE_DES;
    case SUITE_3DES_CBC:
        return TLS_SUITE_3DES;
    default:
        return TLS_SUITE_OK;
    }
}

bool tls_cipher_suite_static_rsa(uint16_t suite)
{
    const struct suite *s = suite_find(suite);
    return s != NULL && (s->key_exchange == KX_RSA || s->key_exchange == KX_RSA_EXPORT);
}
