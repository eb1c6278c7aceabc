/* Community ID version 1 (corelight's community-id-spec): SHA-1 over seed, addresses, protocol and ports in order. */
#include <openssl/evp.h>

#include "dissect/net/flow.h"

enum { SHA1_LENGTH = 20, IP_PROTO_SCTP = 132 };

const char *flow_community_id(char out[static 32], const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto)
{
    bool ordered = endpoint_compare(a, b) <= 0;
    const struct endpoint *low = ordered ? a : b, *high = ordered ? b : a;
    uint8_t text[2 + 16 + 16 + 2 + 4], digest[EVP_MAX_MD_SIZE];
    size_t address = low->address.family == FAMILY_IPV6 ? 16 : 4, at = 2;
    bool ports = ip_proto == IP_PROTO_TCP || ip_proto == IP_PROTO_UDP || ip_proto == IP_PROTO_SCTP;
    memset(text, 0, 2); /* seed */
    memcpy(text + at, low->address.bytes, address);
    at += address;
    memcpy(text + at, high->address.bytes, address);
    at += address;
    text[at++] = ip_proto;
    text[at++] = 0;
    if (ports) {
        text[at++] = (uint8_t)(low->port >> 8);
        text[at++] = (uint8_t)low->port;
        text[at++] = (uint8_t)(high->port >> 8);
        text[at++] = (uint8_t)high->port;
    }
    unsigned length = 0;
    memcpy(out, "-", 2);
    bool ip = low->address.family == FAMILY_IPV4 || low->address.family == FAMILY_IPV6;
    bool icmp = ip_proto == IP_PROTO_ICMP || ip_proto == IP_PROTO_ICMPV6; /* goes by type and code */
    if (!ip || icmp || EVP_Digest(text, at, digest, &length, EVP_sha1(), NULL) != 1 || length != SHA1_LENGTH)
        return out;
    memcpy(out, "1:", 2);
    EVP_EncodeBlock((unsigned char *)out + 2, digest, SHA1_LENGTH);
    return out;
}
