/* A few NAT_DETECTION hashes at once, each of its own message: one padded block of SHA-1 in every lane of a vector register. */
#ifndef VS_ANALYZE_NAT_SHA1_FEW_H
#define VS_ANALYZE_NAT_SHA1_FEW_H

#include "analyze/nat/nat_hash.h"

enum { NAT_FEW = 4 };

/* What is hashed; the endpoint's address is IPv4. */
struct nat_few {
    const uint8_t *initiator_spi, *responder_spi; /* NAT_SPI bytes each */
    const struct endpoint *endpoint;
};

/* The hashes of `count` of them, at most NAT_FEW, into out. */
void nat_few_hash(const struct nat_few *few, size_t count, uint8_t out[static NAT_FEW][NAT_HASH]);

#endif
