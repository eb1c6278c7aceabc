/* Ciphers for reading protected records, over OpenSSL; each is fetched when it is first needed. */
#ifndef VS_CRYPTO_CIPHER_H
#define VS_CRYPTO_CIPHER_H

#include "capture/wire/span.h"

enum cipher {
    CIPHER_AES_128_GCM,
    CIPHER_AES_192_GCM,
    CIPHER_AES_256_GCM,
    CIPHER_AES_128_CCM,
    CIPHER_AES_192_CCM,
    CIPHER_AES_256_CCM,
    CIPHER_CHACHA20_POLY1305,
    CIPHER_ARIA_128_GCM,
    CIPHER_ARIA_256_GCM,
    CIPHER_AES_128_CBC,
    CIPHER_AES_192_CBC,
    CIPHER_AES_256_CBC,
    CIPHER_AES_128_CTR,
    CIPHER_AES_192_CTR,
    CIPHER_AES_256_CTR,
    CIPHER_3DES_CBC,
    CIPHER_CAMELLIA_128_CBC,
    CIPHER_CAMELLIA_256_CBC,
    CIPHER_ARIA_128_CBC,
    CIPHER_ARIA_256_CBC,
    CIPHER_KINDS
};

enum { CIPHER_KEY_MAX = 32, CIPHER_BLOCK_MAX = 16, AEAD_NONCE = 12, AEAD_TAG_MAX = 16,
       AES_MAC = 16 };

struct ciphers; /* one per thread of work */

struct ciphers *ciphers_new(void); /* NULL when memory is short */
void ciphers_free(struct ciphers *c);

/* False when the library lacks it (a provider may leave out what is old): opening fails then for that reason. */
bool cipher_available(struct ciphers *c, enum cipher kind);

/* Bytes of a key; of a block (and IV) of the CBC ones. */
size_t cipher_key_size(enum cipher kind);
size_t cipher_block_size(enum cipher kind);

/* Opens text | tag (tag_len bytes, RFC 5116); out has room for the text, sealed.len - tag_len bytes, and may not
 * overlap. False: wrong key, changed bytes, or the library lacks the cipher. */
bool aead_open(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t nonce[static AEAD_NONCE],
               struct span associated, struct span sealed, size_t tag_len, uint8_t *out);

/* The same with a nonce of 7 to 13 bytes for CCM (RFC 5282 section 4 has 11), of AEAD_NONCE bytes for the others. */
bool aead_open_nonce(struct ciphers *c, enum cipher kind, const uint8_t *key, struct span nonce, struct span associated,
                     struct span sealed, size_t tag_len, uint8_t *out);

/* Decrypts whole blocks without looking at padding. */
bool cbc_decrypt(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t *iv, struct span in,
                 uint8_t *out);

/* The CTR ones: any length, counter is the first block to be enciphered. */
bool ctr_decrypt(struct ciphers *c, enum cipher kind, const uint8_t *key, const uint8_t counter[static CIPHER_BLOCK_MAX],
                 struct span in, uint8_t *out);

/* MACs with AES-128, AES_MAC bytes to out: AES-XCBC-MAC (RFC 3566, not cut to 96 bits) and AES-CMAC (RFC 4493). False when
 * the library refuses. */
bool aes_xcbc_mac(struct ciphers *c, const uint8_t key[static AES_MAC], struct span text, uint8_t out[static AES_MAC]);
bool aes_cmac(struct ciphers *c, const uint8_t key[static AES_MAC], struct span text, uint8_t out[static AES_MAC]);

#endif
