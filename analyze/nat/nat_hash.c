#include "analyze/nat/nat_hash.h"

bool nat_hash(struct digests *d, const uint8_t initiator_spi[static NAT_SPI],
              const uint8_t responder_spi[static NAT_SPI], const struct endpoint *e, uint8_t out[static NAT_HASH])
{
    size_t address = e->address.family == FAMILY_IPV4 ? 4 : e->address.family == FAMILY_IPV6 ? 16 : 0;
    if (address == 0)
        return false;
    const uint8_t port[2] = {(uint8_t)(e->port >> 8), (uint8_t)e->port};
    const struct span parts[] = {span_of(initiator_spi, NAT_SPI), span_of(responder_spi, NAT_SPI),
                                 span_of(e->address.bytes, address), span_of(port, sizeof port)};
    uint8_t digest[DIGEST_MAX];
    if (!digest_compute(d, DIGEST_SHA1, parts, sizeof parts / sizeof parts[0], digest))
        return false;
    memcpy(out, digest, NAT_HASH);
    return true;
}

bool nat_hash_matches(struct digests *d, const struct nat_question *q, const struct endpoint *e)
{
    uint8_t hash[NAT_HASH];
    return nat_hash(d, q->initiator_spi, q->responder_spi, e, hash) && memcmp(hash, q->hash, NAT_HASH) == 0;
}
