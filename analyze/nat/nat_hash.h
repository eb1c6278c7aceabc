/*
 * The NAT_DETECTION hashes of IKEv2 (RFC 7296 section 2.23): SHA-1 over SPIi, SPIr, address and port, the SPIs as in the
 * header of the very message that carries it.
 */
#ifndef VS_ANALYZE_NAT_HASH_H
#define VS_ANALYZE_NAT_HASH_H

#include "capture/wire/address.h"
#include "dissect/crypto/digest.h"

enum { NAT_SPI = 8, NAT_HASH = 20 };

/* A hash whose address and port are asked for. No padding: comparable with memcmp. */
struct nat_question {
    uint8_t initiator_spi[NAT_SPI], responder_spi[NAT_SPI]; /* the latter zero in a request of IKE_SA_INIT */
    uint8_t hash[NAT_HASH];
};

/* The hash for an endpoint (IPv4 or IPv6); false for other addresses and when the library refuses. */
bool nat_hash(struct digests *d, const uint8_t initiator_spi[static NAT_SPI], const uint8_t responder_spi[static NAT_SPI],
              const struct endpoint *e, uint8_t out[static NAT_HASH]);

/* True when q's hash is that of e. */
bool nat_hash_matches(struct digests *d, const struct nat_question *q, const struct endpoint *e);

#endif
