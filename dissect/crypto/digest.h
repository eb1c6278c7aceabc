/* Digests and MACs that several layers use, over OpenSSL with algorithms fetched once. */
#ifndef VS_CRYPTO_DIGEST_H
#define VS_CRYPTO_DIGEST_H

#include "capture/wire/span.h"

struct digests; /* fetched algorithms and a reusable context; one per thread of work */

enum digest { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };
enum { DIGEST_MAX = 64 };

struct digests *digests_new(void); /* NULL when memory is short or the provider refuses */
void digests_free(struct digests *d);

size_t digest_size(enum digest kind);

/* Hash over the concatenation of the spans; out has room for DIGEST_MAX. False when the library refuses. */
bool digest_compute(struct digests *d, enum digest kind, const struct span *parts, size_t count, uint8_t *out);

/* HMAC (RFC 2104) likewise. */
bool hmac_compute(struct digests *d, enum digest kind, struct span key, const struct span *parts, size_t count,
                  uint8_t *out);

#endif
