#include "analyze/session/sstp_certificate.h"

struct span sstp_certificate_hash(const struct exchange *x)
{
    struct sstp_packet p;
    if (x->type != CONVERSATION_SSTP || !x->sstp.has_link || !x->sstp.link.has_connected ||
        !sstp_parse(span_of(x->sstp.link.connected, sizeof x->sstp.link.connected), &p) ||
        p.message != SSTP_CALL_CONNECTED)
        return span_of(NULL, 0);
    const struct sstp_attribute *a = sstp_attribute_of(&p, SSTP_ATTRIB_CRYPTO_BINDING);
    return a != NULL && (a->hash == SSTP_HASH_SHA1 || a->hash == SSTP_HASH_SHA256) ? a->certificate_hash
                                                                                   : span_of(NULL, 0);
}

static bool has_hash(const struct chain *c, struct span hash)
{
    const struct x509_facts *leaf = c->judged && c->parsed[0] ? &c->facts[0] : NULL;
    return leaf != NULL && (hash.len == sizeof leaf->sha1     ? memcmp(hash.data, leaf->sha1, hash.len) == 0
                            : hash.len == sizeof leaf->sha256 ? memcmp(hash.data, leaf->sha256, hash.len) == 0
                                                              : false);
}

enum sstp_verdict sstp_certificate_binding(const struct chains *chains, const struct exchange *x)
{
    struct span hash = sstp_certificate_hash(x);
    const struct chain *c = hash.len > 0 && x->sstp.tls.server_chain != 0 ? chains_get(chains, x->sstp.tls.server_chain) : NULL;
    if (c == NULL || !c->judged || !c->parsed[0])
        return SSTP_UNCHECKED;
    return has_hash(c, hash) ? SSTP_VALID : SSTP_INVALID;
}

const struct chain *sstp_certificate_of_client(const struct chains *chains, const struct exchange *x)
{
    struct span hash = sstp_certificate_hash(x);
    for (size_t i = 0; chains != NULL && hash.len > 0 && i < chains_count(chains); i++)
        if (has_hash(chains_at(chains, i), hash))
            return chains_at(chains, i);
    return NULL;
}
