/* Key derivation of TLS over struct digests. */
#ifndef VS_CRYPTO_KDF_H
#define VS_CRYPTO_KDF_H

#include "dissect/crypto/digest.h"

enum prf { PRF_MD5_SHA1, PRF_SHA256, PRF_SHA384 }; /* TLS 1.0 and 1.1; TLS 1.2 by suite */

/* PRF(secret, label, seed_a | seed_b), RFC 5246 section 5 and RFC 2246 section 5: len bytes to out. False when the
 * library refuses. */
bool tls_prf(struct digests *d, enum prf prf, struct span secret, const char *label, struct span seed_a,
             struct span seed_b, uint8_t *out, size_t len);

/* HKDF-Expand-Label(secret, label, "", len), RFC 8446 section 7.1. At most 255 bytes; label without "tls13 ", at most
 * 32 characters. */
bool hkdf_expand_label(struct digests *d, enum digest hash, struct span secret, const char *label, uint8_t *out,
                       size_t len);

#endif
