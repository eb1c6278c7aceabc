/* Network addresses and endpoints as plain values, comparable with memcmp (unused bytes are zero). */
#ifndef VS_WIRE_ADDRESS_H
#define VS_WIRE_ADDRESS_H

#include "capture/wire/hash.h"

enum { FAMILY_NONE = 0, FAMILY_IPV4 = 4, FAMILY_IPV6 = 6, FAMILY_MAC = 48 };

struct address {
    uint8_t family;    /* FAMILY_*; FAMILY_MAC for EAPOL peers */
    uint8_t bytes[16]; /* network order; IPv4 in the first 4, MAC in the first 6, the rest zero */
};

struct endpoint {
    struct address address;
    uint16_t port; /* 0 where the protocol has none */
};

/* Longest text: IPv6 with brackets and port, and the NUL. */
enum { ADDRESS_TEXT = 46, ENDPOINT_TEXT = 54 };

struct address address_ipv4(const uint8_t bytes[static 4]);
struct address address_ipv6(const uint8_t bytes[static 16]);
struct address address_mac(const uint8_t bytes[static 6]);

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

/* For tables: the same within a run on one machine only. */
static inline uint64_t address_hash(const struct address *a, uint64_t seed)
{
    uint64_t words[2];
    memcpy(words, a->bytes, sizeof words);
    return hash_mix(words[0] ^ words[1] << 32 ^ words[1] >> 32, seed ^ (uint64_t)a->family << 8);
}

/* Total order (family, bytes, port), for canonical flow keys and for sorted output: <0, 0, >0. */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

/* Text as RFC 5952 for IPv6, dotted for IPv4, colons for MAC; "-" when there is none. Returns out. */
const char *address_text(char out[static ADDRESS_TEXT], const struct address *a);

/* address:port ([address]:port for IPv6); without ":port" when port is 0. Returns out. */
const char *endpoint_text(char out[static ENDPOINT_TEXT], const struct endpoint *e);

/* Reads a dotted IPv4 or RFC 4291 IPv6 text (no port, no zone); false when it is neither. */
bool address_parse(struct span text, struct address *out);

/* True when a lies in net/bits (same family, bits within 0..32 or 0..128). */
bool address_in(const struct address *a, const struct address *net, unsigned bits);

#endif
