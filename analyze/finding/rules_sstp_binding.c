/* The crypto binding of SSTP, and TLS that ends before the server. wire-facts 1.1 T9 and T11, 2.7, 2.9, 7.5. */
#include "analyze/finding/rules_sstp.h"

#include "analyze/session/sstp_certificate.h"

#define OFFLOAD_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SstpSvc\\Parameters"

/* What the session knows of the binding of one connection. */
struct binding {
    bool readable;
    struct sstp_binding_check check;
    char hash[2 * SSTP_HASH_MAX + 1]; /* of the certificate that the client signed for, hexadecimal */
    const struct chain *signed_for;   /* that one, where it was seen; NULL */
};

static struct binding read_binding(const struct rule_input *in, const struct session *s, const struct exchange *x)
{
    struct span hash = sstp_certificate_hash(x);
    struct binding b = {.readable = s->bound == x && hash.len > 0 && hash.len <= SSTP_HASH_MAX};
    if (!b.readable)
        return b;
    b.check = s->binding;
    describe_hex(b.hash, hash.data, hash.len);
    const struct chain *c = sstp_certificate_of_client(in->chains, x);
    b.signed_for = c != NULL && c->judged && c->parsed[0] ? c : NULL;
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
        b->check.hash_protocol == SSTP_HASH_SHA1 ? "SHA-1" : "SHA-256", b->hash, b->signed_for != NULL ? ": \"" : "",
        b->signed_for != NULL ? describe_certificate(name, b->signed_for, 0) : "", b->signed_for != NULL ? "\"" : "");
}

static void fix_offload(struct finding *f, const struct binding *b)
{
    finding_fix(f,
                "Whose is that certificate? If it is your load balancer's, tell RRAS its hash: " OFFLOAD_KEY
                ", isHashConfiguredByAdmin = 1 and SHA256CertificateHash = %s; then restart RemoteAccess.",
                b->readable && b->check.hash_protocol == SSTP_HASH_SHA256 ? b->hash : "its SHA-256");
    finding_fix(f, "If it is a web proxy's or firewall's, except the VPN name from its TLS inspection. If nobody knows "
                   "it, somebody reads the users' traffic: find the box between the client and here.");
}

enum why { WHY_ELSEWHERE, WHY_OFFLOAD, WHY_NONCE, WHY_HASH, WHY_MAC, WHY_MAC_OR_BEHIND, WHY_SERVER, WHY_UNKNOWN };

/* The first part that is wrong; where all that can be checked is right, what is left. */
static enum why why_failed(const struct exchange *x, const struct binding *b)
{
    const struct sstp_binding_check *c = &b->check;
    if (!b->readable)
        return WHY_UNKNOWN;
    if (c->nonce == SSTP_INVALID)
        return WHY_NONCE;
    if (c->hash == SSTP_INVALID)
        return WHY_HASH;
    if (c->certificate == SSTP_INVALID)
        return WHY_ELSEWHERE;
    if (c->mac == SSTP_INVALID)
        return WHY_MAC;
    if (in_clear(x))
        return WHY_OFFLOAD;
    if (c->certificate != SSTP_VALID)
        return WHY_UNKNOWN;
    return c->mac == SSTP_VALID ? WHY_SERVER : WHY_MAC_OR_BEHIND;
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
        finding_explain(f, "The compound MAC is not made with the keys that RADIUS handed out for this login: the "
                           "client has others. A proxy between RRAS and NPS, or a faulty client, changes them; or the "
                           "login belongs to somebody else's connection, relayed from the middle.");
        rule_sstp_side(f, "RADIUS path (MS-MPPE keys), then at the client");
        break;
    case WHY_MAC_OR_BEHIND:
        finding_explain(f, "Nonce and certificate are right as far as this capture shows: at this point the client "
                           "sees this very TLS connection. Then it is the keys of the authentication that differ "
                           "(RADIUS gave RRAS no MS-MPPE keys, or others than the client has), or TLS is ended once "
                           "more behind this point.");
        rule_sstp_side(f, "RADIUS path (MS-MPPE keys), then at TLS inspection behind this capture point");
        break;
    case WHY_SERVER:
        finding_explain(f, "Everything in it is right, the compound MAC too, recomputed with the keys that RADIUS "
                           "handed out: the server believes in another certificate than the one that it shows here, "
                           "or TLS is ended once more behind this point.");
        rule_sstp_side(f, "RRAS configuration: the certificate hash in its registry");
        break;
    default:
        finding_explain(f, "Which part of it is wrong is not readable here: certificate (TLS is ended or read on the "
                           "way), nonce, hash or keys.");
        rule_sstp_side(f, "load balancer or TLS inspection between client and server");
        break;
    }
}

static const char *title_of(enum why why)
{
    switch (why) {
    case WHY_NONCE:
        return "the nonce is not its own";
    case WHY_HASH:
        return "a hash that it does not accept";
    case WHY_MAC:
        return "the keys of client and server differ";
    case WHY_MAC_OR_BEHIND:
        return "keys that differ, or TLS that ends behind this point";
    case WHY_SERVER:
        return "it believes in another certificate";
    case WHY_UNKNOWN:
        return "certificate or keys are not those that it knows";
    default:
        return "TLS does not end where the client believes";
    }
}

static void binding_failed(struct findings *out, const struct rule_input *in, const struct session *s,
                           const struct exchange *x)
{
    const struct sstp_state *link = &x->sstp.link;
    struct binding b = read_binding(in, s, x);
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
    finding_title(f, "the VPN server refuses the crypto binding: %s", title_of(why));
    finding_explain(f, "The user was authenticated; then the client proved with the keys of that authentication which "
                       "certificate it saw (CALL_CONNECTED), and the server aborted.");
    say_signed(f, &b);
    explain_failure(f, why);
    if (why != WHY_NONCE && why != WHY_HASH && why != WHY_MAC && why != WHY_MAC_OR_BEHIND)
        fix_offload(f, &b);
    if (why == WHY_MAC_OR_BEHIND || why == WHY_UNKNOWN)
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
static void offloaded(struct findings *out, const struct rule_input *in, const struct session *s,
                      const struct exchange *x)
{
    bool fresh;
    struct finding *f = rule_sstp_raise(out, FINDING_SSTP_TLS_OFFLOADED, x, 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, x->sstp.request_place.frame != 0 ? x->sstp.request_place : x->first,
                     "request for SSTP in clear");
    if (!fresh)
        return;
    struct binding b = read_binding(in, s, x);
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
static void bridged(struct findings *out, const struct rule_input *in, const struct session *s,
                    const struct exchange *x)
{
    struct binding b = read_binding(in, s, x);
    char server[ENDPOINT_TEXT];
    bool fresh;
    if (b.check.certificate != SSTP_INVALID)
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

void rules_sstp_binding(struct findings *out, const struct rule_input *in, const struct session *s,
                        const struct exchange *x, struct sstp_judgement j)
{
    if (j.end == SSTP_END_BINDING && x->sstp.has_link)
        binding_failed(out, in, s, x);
    if (in_clear(x) && x->sstp.kind != SSTP_KIND_PROBE)
        offloaded(out, in, s, x);
    if (j.end == SSTP_END_ESTABLISHED && x->sstp.carrier == SSTP_CARRIER_TLS)
        bridged(out, in, s, x);
}
