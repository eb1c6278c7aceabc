/* What the cipher files share, with OpenSSL's types: for dissect/crypto/cipher.c and aes_mac.c only. */
#ifndef VS_CRYPTO_CIPHER_OPENSSL_H
#define VS_CRYPTO_CIPHER_OPENSSL_H

#include <openssl/evp.h>

#include "dissect/crypto/cipher.h"

/* The context of a CBC cipher, set to encipher whole blocks; used until the next call for the same cipher. NULL when the
 * library refuses. */
EVP_CIPHER_CTX *cipher_encryption(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t *iv);

#endif
