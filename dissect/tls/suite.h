/* What a cipher suite's number means for reading its records. Internal to this folder. */
#ifndef VS_TLS_SUITE_H
#define VS_TLS_SUITE_H

#include "capture/wire/span.h"

enum suite_key_exchange { KX_NULL, KX_RSA, KX_RSA_EXPORT, KX_EXPORT, KX_ANON, KX_OTHER, KX_TLS13, KX_SIGNAL };

enum suite_cipher {
    SUITE_NONE,  /* a signal, never negotiated */
    SUITE_OTHER, /* not decrypted here */
    SUITE_NULL,
    SUITE_RC4,
    SUITE_DES_CBC,
    SUITE_AES_128_GCM,
    SUITE_AES_256_GCM,
    SUITE_AES_128_CCM,
    SUITE_AES_256_CCM,
    SUITE_AES_128_CCM_8,
    SUITE_AES_256_CCM_8,
    SUITE_CHACHA20_POLY1305,
    SUITE_ARIA_128_GCM,
    SUITE_ARIA_256_GCM,
    SUITE_AES_128_CBC,
    SUITE_AES_256_CBC,
    SUITE_3DES_CBC,
    SUITE_CAMELLIA_128_CBC,
    SUITE_CAMELLIA_256_CBC,
    SUITE_ARIA_128_CBC,
    SUITE_ARIA_256_CBC,
};

enum suite_mac { MAC_MD5, MAC_SHA, MAC_SHA256, MAC_SHA384 };

struct suite {
    uint16_t number;
    uint8_t key_exchange; /* enum suite_key_exchange */
    uint8_t cipher;       /* enum suite_cipher */
    uint8_t mac; /* enum suite_mac: of CBC records; SHA384 is also the PRF's hash, all others mean SHA-256 there */
    const char *name;
};

/* The suite with IANA's number, NULL when unknown. */
const struct suite *suite_find(uint16_t number);

#endif
