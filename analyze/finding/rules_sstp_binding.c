/* The crypto binding of SSTP, and TLS that ends before the server. wire-facts 1.1 T9 and T11, 2.7, 2.9, 7.5. */
#include "analyze/finding/rules_sstp.h"

#include <stdio.h>

#include "dissect/sstp/sstp_binding.h"

#define OFFLOAD_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SstpSvc\\Parameters"

/* What can be told of a binding without the keys of its MAC. */
struct binding {
    bool readable;
    enum sstp_verdict hash, nonce, certificate; /* the last against the leaf of this very connection */
    uint8_t hash_protocol;
    char text[2 * SSTP_HASH_MAX + 1]; /* the certificate's hash that the client signed, hexadecimal */
    const struct chain *signed_for;   /* seen anywhere in the captures with that hash; NULL */
};

static bool leaf_has(const struct chain *c, const struct sstp_attribute *a)
{
    const uint8_t *hash = a->hash == SSTP_HASH_SHA1 ? c->facts[0].sha1 : c->facts[0].sha256;
    return a->certificate_hash.len > 0 && memcmp(hash, a->certificate_hash.data, a->certificate_hash.len) == 0;
}

static const struct chain *leaf_with(const struct rule_input *in, const struct sstp_attribute *a)
{
    for (size_t i = 0; in->chains != NULL && i < chains_count(in->chains); i++) {
        const struct chain *c = rule_chain(in, (uint32_t)chains_at(in->chains, i)->serial);
        if (c != NULL && c->parsed[0] && leaf_has(c, a))
            return c;
    }
    return NULL;
}

static struct binding read_binding(const struct rule_input *in, const struct exchange *x)
{
    const struct sstp_state *link = &x->sstp.link;
    struct binding b = {0};
    struct sstp_packet packet;
    if (!x->sstp.has_link || !link->has_connected ||
        !sstp_parse(span_of(link->connected, sizeof link->connected), &packet))
        return b;
    const struct sstp_attribute *a = sstp_attribute_of(&packet, SSTP_ATTRIB_CRYPTO_BINDING);
    if (a == NULL || (a->hash != SSTP_HASH_SHA1 && a->hash != SSTP_HASH_SHA256) ||
        a->certificate_hash.len > SSTP_HASH_MAX)
        return b;
    b.readable = true;
    b.hash_protocol = a->hash;
    if (link->hashes_accepted != 0)
        b.hash = (link->hashes_accepted & a->hash) != 0 ? SSTP_VALID : SSTP_INVALID;
    if (link->has_nonce)
        b.nonce = a->nonce.len == SSTP_NONCE && memcmp(a->nonce.data, link->nonce, SSTP_NONCE) == 0 ? SSTP_VALID
                                                                                                    : SSTP_INVALID;
    const struct chain *leaf = rule_chain(in, x->sstp.tls.server_chain);
    if (leaf != NULL && leaf->parsed[0])
        b.certificate = leaf_has(leaf, a) ? SSTP_VALID : SSTP_INVALID;
    describe_hex(b.text, a->certificate_hash.data, a->certificate_hash.len);
    b.signed_for = leaf_with(in, a);
    return b;
}

static bool in_clear(const struct exchange *x)
{
    return x->sstp.carrier == SSTP_CARRIER_CLEAR && (x->sstp.has_link || x->sstp.sstp_request);
}

static void say_signed(struct finding *f, const struct binding *b)
{
    char name[DESCRIBE_MAX];
    if (!b->readable)
        return;
    finding_explain(
        f, "The client signed for a certificate with %s %s%s%s%s.",
        b->hash_protocol == SSTP_HASH_SHA1 ? "SHA-1" : "SHA-256", b->text, b->signed_for != NULL ? ": \"" : "",
        b->signed_for != NULL ? describe_certificate(name, b->signed_for, 0) : "", b->signed_for != NULL ? "\"" : "");
}

static void fix_offload(struct finding *f, const struct binding *b)
{
    finding_fix(f,
                "Whose is that certificate? If it is your load balancer's, tell RRAS its hash: " OFFLOAD_KEY
                ", isHashConfiguredByAdmin = 1 and SHA256CertificateHash = %s; then restart RemoteAccess.",
                b->readable && b->hash_protocol == SSTP_HASH_SHA256 ? b->text : "its SHA-256");
    finding_fix(f, "If it is a web proxy's or firewall's, except the VPN name from its TLS inspection. If nobody knows "
                   "it, somebody reads the users' traffic: find the box between the client and here.");
}

enum why { WHY_ELSEWHERE, WHY_OFFLOAD, WHY_NONCE, WHY_HASH, WHY_MAC, WHY_UNKNOWN };

static enum why why_failed(const struct exchange *x, const struct binding *b)
{
    if (!b->readable)
        return WHY_UNKNOWN;
    if (b->nonce == SSTP_INVALID)
        return WHY_NONCE;
    if (b->hash == SSTP_INVALID)
        return WHY_HASH;
    if (b->certificate == SSTP_INVALID)
        return WHY_ELSEWHERE;
    if (in_clear(x))
        return WHY_OFFLOAD;
    return b->certificate == SSTP_VALID ? WHY_MAC : WHY_UNKNOWN;
}

static void explain_failure(struct finding *f, enum why why)
{
    switch (why) {
    case WHY_ELSEWHERE:
        finding_explain(f, "That is not the certificate of this TLS connection: what the client sees is another TLS "
                           "connection, which ends before the server. Either a load balancer does that and RRAS was "
                           "not told, or somebody on the way reads the traffic (TLS inspection, interception).");
        rule_sstp_side(f, "load balancer or TLS inspection between client and server");
        break;
    case WHY_OFFLOAD:
        finding_explain(f, "TLS ends before the server, which compares that hash with the one in its registry: the two "
                           "differ, or its registry holds none.");
        rule_sstp_side(f, "RRAS configuration for TLS offload (hash of the load balancer's certificate)");
        break;
    case WHY_NONCE:
        finding_explain(f, "The nonce in it is not the one that the server gave out for this connection: a message of "
                           "another connection, or a faulty client.");
        rule_sstp_side(f, "client");
        break;
    case WHY_HASH:
        finding_explain(f, "The client used a hash that the server does not accept.");
        rule_sstp_side(f, "client, or at the hashes that RRAS accepts");
        break;
    case WHY_MAC:
        finding_explain(f,
                        "Nonce and certificate are right as far as this capture shows: the client sees this very TLS "
                        "connection, if nobody reads it on the client's side of this capture point. Then it is the "
                        "keys of the authentication that differ: RADIUS gave RRAS no MS-MPPE keys or others than "
                        "the client has (a proxy that drops them, a method that has none), or TLS is ended once "
                        "more behind this point.");
        rule_sstp_side(f, "RADIUS path (MS-MPPE keys), then at TLS inspection behind this capture point");
        break;
    default:
        finding_explain(f, "Which part of it is wrong is not readable here: certificate (TLS is ended or read on the "
                           "way), nonce, hash or keys.");
        rule_sstp_side(f, "load balancer or TLS inspection between client and server");
        break;
    }
}

static void binding_failed(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    const struct sstp_state *link = &x->sstp.link;
    struct binding b = read_binding(in, x);
    enum why why = why_failed(x, &b);
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_CRYPTO_BINDING_FAILED, x, why, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, link->first[SSTP_CALL_CONNECTED], "CALL_CONNECTED with the client's crypto binding");
    finding_evidence(out, f, link->first[SSTP_CALL_ABORT], "CALL_ABORT: VALUE_NOT_SUPPORTED of CRYPTO_BINDING");
    if (!fresh)
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the VPN server refuses the crypto binding: %s",
                  why == WHY_NONCE  ? "the nonce is not its own"
                  : why == WHY_HASH ? "a hash that it does not accept"
                  : why == WHY_MAC  ? "the keys of client and server differ"
                                    : "TLS does not end where the client believes");
    finding_explain(f, "The user was authenticated; then the client proved with the keys of that authentication which "
                       "certificate it saw (CALL_CONNECTED), and the server aborted.");
    say_signed(f, &b);
    explain_failure(f, why);
    if (why != WHY_NONCE && why != WHY_HASH && why != WHY_MAC)
        fix_offload(f, &b);
    if (why == WHY_MAC || why == WHY_UNKNOWN)
        finding_fix(f, "Capture between RRAS and NPS too and give --radius-secret: then the keys are compared, and the "
                       "finding says whether it is they.");
    finding_fix(f, "Which certificate does RRAS believe in? " SSTP_BINDING_PATH ".");
}

static void say_in_front(struct finding *f, const struct exchange *x)
{
    char address[ADDRESS_TEXT], client[ENDPOINT_TEXT];
    finding_explain(f,
                    "Between %s and the server the request for SSTP is readable: TLS ends before the server, at a "
                    "load balancer.",
                    address_text(address, &x->client.address));
    if (x->sstp.forwarded_seen && x->sstp.forwarded_client.address.family != FAMILY_NONE)
        finding_explain(f, "It names its client: %s.", endpoint_text(client, &x->sstp.forwarded_client));
}

/* T11 */
static void offloaded(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_OFFLOADED, x, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.request_place.frame != 0 ? x->sstp.request_place : x->first,
                     "request for SSTP in clear");
    if (!fresh)
        return;
    struct binding b = read_binding(in, x);
    char server[ENDPOINT_TEXT];
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "SSTP comes to %s without TLS: it is offloaded in front of the server",
                  endpoint_text(server, &x->server));
    say_in_front(f, x);
    say_signed(f, &b);
    finding_explain(f, "That works as long as RRAS knows the hash of the certificate that the clients see there; after "
                       "each renewal of it the hash must be set anew, else every tunnel fails (see "
                       "sstp-crypto-binding-failed). Who reads this network reads the users' traffic.");
    finding_fix(f, "RRAS needs " OFFLOAD_KEY ": UseHttps = 0, isHashConfiguredByAdmin = 1, SHA256CertificateHash = "
                   "the hash of the load balancer's certificate, and no SHA1CertificateHash.");
}

/* TLS on both sides of a load balancer that reads it: the client signed for another certificate, and the server takes
 * it. */
static void bridged(struct findings *out, const struct rule_input *in, const struct exchange *x)
{
    struct binding b = read_binding(in, x);
    char server[ENDPOINT_TEXT];
    bool fresh;
    if (b.certificate != SSTP_INVALID)
        return;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_OFFLOADED, x, 1, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.link.first[SSTP_CALL_CONNECTED], "CALL_CONNECTED with another certificate's hash");
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "TLS to %s is ended in front of the server and begun anew", endpoint_text(server, &x->server));
    say_signed(f, &b);
    finding_explain(f, "That is not the certificate of this TLS connection, and the server takes it all the same: a "
                       "load balancer re-encrypts, and RRAS was told the hash of its certificate; or the server does "
                       "not check the crypto binding, and then anybody could be in between.");
    finding_fix(f, "After each renewal of the load balancer's certificate set its hash anew: " OFFLOAD_KEY
                   ", SHA256CertificateHash.");
}

void rules_sstp_binding(struct findings *out, const struct rule_input *in, const struct exchange *x,
                        struct sstp_judgement j)
{
    if (j.end == SSTP_END_BINDING && x->sstp.has_link)
        binding_failed(out, in, x);
    if (in_clear(x) && x->sstp.kind != SSTP_KIND_PROBE)
        offloaded(out, in, x);
    if (j.end == SSTP_END_ESTABLISHED && x->sstp.carrier == SSTP_CARRIER_TLS)
        bridged(out, in, x);
}
