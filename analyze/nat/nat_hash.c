#include "analyze/nat/nat_hash.h"

bool nat_hash(struct digests *d, const uint8_t initiator_spi[static NAT_SPI],
              const uint8_t responder_spi[static NAT_SPI], const struct endpoint *e, uint8_t out[static NAT_HASH])
{
    size_t address = e->address.family == FAMILY_IPV4 ? 4 : e->address.family == FAMILY_IPV6 ? 16 : 0;
    if (address == 0)
        return false;
    uint8_t digest[DIGEST_MAX], bytes[2 * NAT_SPI + 16 + 2]; /* in one piece: each costs as much as the hash itself */
    memcpy(bytes, initiator_spi, NAT_SPI);
    memcpy(bytes + NAT_SPI, responder_spi, NAT_SPI);
    memcpy(bytes + 2 * NAT_SPI, e->address.bytes, address);
    bytes[2 * NAT_SPI + address] = (uint8_t)(e->port >> 8);
    bytes[2 * NAT_SPI + address + 1] = (uint8_t)e->port;
    struct span all = span_of(bytes, 2 * NAT_SPI + address + 2);
    if (!digest_compute(d, DIGEST_SHA1, &all, 1, digest))
        return false;
    memcpy(out, digest, NAT_HASH);
    return true;
}

bool nat_hash_matches(struct digests *d, const struct nat_question *q, const struct endpoint *e)
{
    uint8_t hash[NAT_HASH];
    return nat_hash(d, q->initiator_spi, q->responder_spi, e, hash) && memcmp(hash, q->hash, NAT_HASH) == 0;
}
