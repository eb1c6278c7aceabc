/* MACs made of AES-128 in CBC mode: AES-XCBC-MAC, RFC 3566 (which OpenSSL has not), and AES-CMAC, RFC 4493. */
#include "dissect/crypto/cipher.h"

#include "dissect/crypto/cipher_openssl.h"

enum { BLOCK = AES_MAC, BLOCKS_AT_ONCE = 32 };

/* Enciphers whole blocks in CBC mode from the given state on, which becomes the last block. */
static bool chain(struct ciphers *c, const uint8_t *key, struct span blocks, uint8_t state[static BLOCK])
{
    uint8_t out[BLOCKS_AT_ONCE * BLOCK];
    EVP_CIPHER_CTX *ctx = cipher_encryption(c, CIPHER_AES_128_CBC, key, state);
    if (ctx == NULL)
        return false;
    for (size_t n; blocks.len > 0; blocks = (struct span){blocks.data + n, blocks.len - n}) {
        int written;
        n = blocks.len < sizeof out ? blocks.len : sizeof out;
        if (EVP_EncryptUpdate(ctx, out, &written, blocks.data, (int)n) != 1)
            return false;
        memcpy(state, out + n - BLOCK, BLOCK);
    }
    return true;
}

/* What AES makes of one block of equal bytes. */
static bool encipher_byte(struct ciphers *c, const uint8_t *key, uint8_t byte, uint8_t out[static BLOCK])
{
    static const uint8_t zero[BLOCK];
    memset(out, byte, BLOCK);
    return chain(c, key, span_of(zero, BLOCK), out);
}

/* The part that both have in common: the last block is padded when it is not full, and masked by either key. */
static bool mac(struct ciphers *c, const uint8_t *key, const uint8_t *full_mask, const uint8_t *padded_mask, struct span text,
                uint8_t out[static BLOCK])
{
    size_t last = text.len == 0 ? 0 : (text.len - 1) % BLOCK + 1;
    const uint8_t *mask = last == BLOCK ? full_mask : padded_mask;
    uint8_t block[BLOCK] = {0};
    if (last > 0)
        memcpy(block, text.data + (text.len - last), last);
    if (last < BLOCK)
        block[last] = 0x80;
    for (size_t i = 0; i < BLOCK; i++)
        block[i] ^= mask[i];
    memset(out, 0, BLOCK);
    return chain(c, key, span_of(text.data, text.len - last), out) && chain(c, key, span_of(block, BLOCK), out);
}

bool aes_xcbc_mac(struct ciphers *c, const uint8_t key[static AES_MAC], struct span text, uint8_t out[static AES_MAC])
{
    uint8_t k1[BLOCK], k2[BLOCK], k3[BLOCK];
    return encipher_byte(c, key, 1, k1) && encipher_byte(c, key, 2, k2) && encipher_byte(c, key, 3, k3) &&
           mac(c, k1, k2, k3, text, out);
}

/* RFC 4493 section 2.3: twice the number in GF(2^128). */
static void double_block(const uint8_t in[static BLOCK], uint8_t out[static BLOCK])
{
    for (size_t i = 0; i < BLOCK; i++)
        out[i] = (uint8_t)(in[i] << 1 | (i + 1 < BLOCK ? in[i + 1] >> 7 : 0));
    if ((in[0] & 0x80) != 0)
        out[BLOCK - 1] ^= 0x87;
}

bool aes_cmac(struct ciphers *c, const uint8_t key[static AES_MAC], struct span text, uint8_t out[static AES_MAC])
{
    uint8_t l[BLOCK], k1[BLOCK], k2[BLOCK];
    if (!encipher_byte(c, key, 0, l))
        return false;
    double_block(l, k1);
    double_block(k1, k2);
    return mac(c, key, k1, k2, text, out);
}
