/* Ciphers for reading protected records, over OpenSSL; each is fetched when it is first needed. */
#ifndef VS_CRYPTO_CIPHER_H
#define VS_CRYPTO_CIPHER_H

#include "capture/wire/span.h"

enum cipher {
    CIPHER_AES_128_GCM,
    CIPHER_AES_256_GCM,
    CIPHER_AES_128_CCM,
    CIPHER_AES_256_CCM,
    CIPHER_CHACHA20_POLY1305,
    CIPHER_ARIA_128_GCM,
    CIPHER_ARIA_256_GCM,
    CIPHER_AES_128_CBC,
    CIPHER_AES_256_CBC,
    CIPHER_3DES_CBC,
    CIPHER_CAMELLIA_128_CBC,
    CIPHER_CAMELLIA_256_CBC,
    CIPHER_ARIA_128_CBC,
    CIPHER_ARIA_256_CBC,
    CIPHER_KINDS
};

enum { CIPHER_KEY_MAX = 32, CIPHER_BLOCK_MAX = 16, AEAD_NONCE = 12, AEAD_TAG_MAX = 16 };

struct ciphers; /* one per thread of work */

struct ciphers *ciphers_new(void); /* NULL when memory is short */
void ciphers_free(struct ciphers *c);

/* Bytes of a key; of a block (and IV) of the CBC ones. */
size_t cipher_key_size(enum cipher kind);
size_t cipher_block_size(enum cipher kind);

/* Opens text | tag (tag_len bytes, RFC 5116); out has room for the text, sealed.len - tag_len bytes, and may not
 * overlap. False: wrong key, changed bytes, or the library lacks the cipher. */
bool aead_open(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
               struct span associated, struct span sealed, size_t tag_len, uint8_t *out);

/* Decrypts whole blocks without looking at padding. */
bool cbc_decrypt(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t *iv, struct span in,
                 uint8_t *out);

#endif
