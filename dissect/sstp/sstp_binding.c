#include "dissect/sstp/sstp_binding.h"

enum { MAC_OFFSET = SSTP_CONNECTED_SIZE - SSTP_HASH_MAX };

void sstp_hlak_from_mppe(struct span recv_key, struct span send_key, uint8_t out[static SSTP_HLAK])
{
    size_t received = recv_key.len < SSTP_HLAK ? recv_key.len : SSTP_HLAK;
    size_t sent = send_key.len < SSTP_HLAK - received ? send_key.len : SSTP_HLAK - received;
    memset(out, 0, SSTP_HLAK);
    if (received > 0)
        memcpy(out, recv_key.data, received);
    if (sent > 0)
        memcpy(out + received, send_key.data, sent);
}

/* RFC 3079 section 3.4: GetAsymmetricStartKey with a key of 128 bits. */
static bool start_key(struct digests *d, const uint8_t *master, const char *magic, size_t magic_len, uint8_t *out)
{
    static const uint8_t zeros[40] = {0};
    uint8_t fill[40], digest[DIGEST_MAX];
    memset(fill, 0xf2, sizeof fill);
    const struct span parts[] = {span_of(master, SSTP_MASTER_SECRET), span_of(zeros, sizeof zeros),
                                 span_of(magic, magic_len), span_of(fill, sizeof fill)};
    if (!digest_compute(d, DIGEST_SHA1, parts, sizeof parts / sizeof parts[0], digest))
        return false;
    memcpy(out, digest, SSTP_MPPE_KEY);
    return true;
}

bool sstp_hlak_from_mschapv2(struct digests *d, const uint8_t password_hash_hash[static SSTP_MASTER_SECRET],
                             const uint8_t nt_response[static SSTP_NT_RESPONSE], uint8_t out[static SSTP_HLAK])
{
    static const char master_magic[] = "This is the MPPE Master Key";
    static const char client_sends[] = "On the client side, this is the send key; "
                                       "on the server side, it is the receive key.";
    static const char client_receives[] = "On the client side, this is the receive key; "
                                          "on the server side, it is the send key.";
    uint8_t master[DIGEST_MAX];
    const struct span parts[] = {span_of(password_hash_hash, SSTP_MASTER_SECRET),
                                 span_of(nt_response, SSTP_NT_RESPONSE),
                                 span_of(master_magic, sizeof master_magic - 1)};
    return digest_compute(d, DIGEST_SHA1, parts, sizeof parts / sizeof parts[0], master) &&
           start_key(d, master, client_sends, sizeof client_sends - 1, out) &&
           start_key(d, master, client_receives, sizeof client_receives - 1, out + SSTP_MPPE_KEY);
}

static bool digest_of(uint8_t hash, enum digest *out)
{
    if (hash != SSTP_HASH_SHA1 && hash != SSTP_HASH_SHA256)
        return false;
    *out = hash == SSTP_HASH_SHA1 ? DIGEST_SHA1 : DIGEST_SHA256;
    return true;
}

bool sstp_compound_mac_key(struct digests *d, uint8_t hash, const uint8_t hlak[static SSTP_HLAK], uint8_t *out)
{
    static const char seed[] = "SSTP inner method derived CMK";
    enum digest kind;
    if (!digest_of(hash, &kind))
        return false;
    /* One block is enough: the length wanted, little-endian, is that of the hash. */
    const uint8_t tail[] = {(uint8_t)digest_size(kind), 0, 1};
    const struct span parts[] = {span_of(seed, sizeof seed - 1), span_of(tail, sizeof tail)};
    return hmac_compute(d, kind, span_of(hlak, SSTP_HLAK), parts, sizeof parts / sizeof parts[0], out);
}

bool sstp_compound_mac(struct digests *d, uint8_t hash, const uint8_t hlak[static SSTP_HLAK], struct span connected,
                       uint8_t *out)
{
    static const uint8_t zeros[SSTP_HASH_MAX] = {0};
    uint8_t key[DIGEST_MAX];
    enum digest kind;
    if (connected.len != SSTP_CONNECTED_SIZE || !digest_of(hash, &kind) || !sstp_compound_mac_key(d, hash, hlak, key))
        return false;
    const struct span parts[] = {span_of(connected.data, MAC_OFFSET), span_of(zeros, sizeof zeros)};
    return hmac_compute(d, kind, span_of(key, digest_size(kind)), parts, sizeof parts / sizeof parts[0], out);
}

static enum sstp_verdict same(struct span a, struct span b)
{
    return span_equal(a, b) ? SSTP_VALID : SSTP_INVALID;
}

static void check_parts(struct digests *d, const struct sstp_binding_facts *facts, const struct sstp_attribute *a,
                        struct sstp_binding_check *out)
{
    uint8_t digest[DIGEST_MAX];
    enum digest kind;
    bool known = digest_of(a->hash, &kind);
    if (facts->hashes_accepted != 0)
        out->hash = known && (facts->hashes_accepted & a->hash) != 0 ? SSTP_VALID : SSTP_INVALID;
    if (facts->nonce.len == SSTP_NONCE)
        out->nonce = same(a->nonce, facts->nonce);
    if (!known)
        return;
    if (facts->certificate.len > 0 && digest_compute(d, kind, &facts->certificate, 1, digest))
        out->certificate = same(a->certificate_hash, span_of(digest, digest_size(kind)));
    if (facts->hlak != NULL && sstp_compound_mac(d, a->hash, facts->hlak, facts->connected, digest))
        out->mac = same(a->mac, span_of(digest, digest_size(kind)));
}

/* The first reason that counts: what is wrong before what is not known. */
static const char *reason_of(const struct sstp_binding_check *c)
{
    const struct {
        enum sstp_verdict part;
        const char *invalid, *unchecked;
    } rows[] = {
        {c->certificate, "the hash is of another certificate than the one in this TLS session",
         "the certificate of the TLS session was not seen"},
        {c->nonce, "the nonce is another than the server's", "the server's nonce was not seen"},
        {c->hash, "the hash is none that the server accepts", NULL},
        {c->mac, "the compound MAC is not made with the keys of this authentication",
         "the keys of the authentication are not known"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].part == SSTP_INVALID)
            return rows[i].invalid;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].part == SSTP_UNCHECKED && rows[i].unchecked != NULL)
            return rows[i].unchecked;
    return NULL;
}

void sstp_binding_check(struct digests *d, const struct sstp_binding_facts *facts, struct sstp_binding_check *out)
{
    struct sstp_packet p;
    *out = (struct sstp_binding_check){.reason = "no whole CALL_CONNECTED was seen"};
    if (facts->connected.len != SSTP_CONNECTED_SIZE || !sstp_parse(facts->connected, &p) ||
        p.message != SSTP_CALL_CONNECTED || p.malformed)
        return;
    const struct sstp_attribute *a = sstp_attribute_of(&p, SSTP_ATTRIB_CRYPTO_BINDING);
    if (a == NULL)
        return;
    out->hash_protocol = a->hash;
    check_parts(d, facts, a, out);
    out->reason = reason_of(out);
    if (out->certificate == SSTP_INVALID || out->nonce == SSTP_INVALID || out->hash == SSTP_INVALID ||
        out->mac == SSTP_INVALID)
        out->result = SSTP_INVALID;
    else if (out->certificate == SSTP_VALID && out->nonce == SSTP_VALID && out->mac == SSTP_VALID)
        out->result = SSTP_VALID;
}
