/* The client's TLS session is not the server's: somebody ends TLS in between. wire-facts 1.1 T10. */
#include "analyze/finding/rules.h"
#include "analyze/session/tls_sights.h"

/* What was seen of one connection on both sides of the one in between. */
struct sides {
    const struct chain *client, *server;
    struct place client_place, server_place;
    char client_name[DESCRIBE_MAX], server_name[DESCRIBE_MAX];
};

static bool read_sides(const struct rule_input *in, const struct exchange *x, const struct tls_counterpart *other,
                       struct sides *out)
{
    const struct chain *mine = rule_chain(in, x->sstp.tls.server_chain), *far = rule_chain(in, other->chain);
    if (mine == NULL || far == NULL || !mine->parsed[0] || !far->parsed[0])
        return false;
    bool swap = !other->nearer_client;
    out->client = swap ? mine : far;
    out->server = swap ? far : mine;
    out->client_place = swap ? x->sstp.tls.certificate_last : other->certificate;
    out->server_place = swap ? other->certificate : x->sstp.tls.certificate_last;
    describe_certificate(out->client_name, out->client, 0);
    describe_certificate(out->server_name, out->server, 0);
    return true;
}

static void explain_proof(struct finding *f, enum sight_proof proof)
{
    switch (proof) {
    case SIGHT_CORRELATION:
        finding_explain(f, "Both connections carry the same correlation id, so they are one attempt of one client.");
        break;
    case SIGHT_HASH:
        finding_explain(f,
                        "In CALL_CONNECTED the client tells the server the hash of the certificate that it saw: it is "
                        "that of the other capture, not the server's own.");
        break;
    case SIGHT_LENGTHS:
        finding_explain(f,
                        "Both connections begin and end together, for the same name, and what they carry has the same "
                        "lengths in the same order.");
        break;
    default:
        finding_explain(f,
                        "Both connections begin at the same moment, for the same name, and each capture shows one "
                        "certificate only. Nothing proves that one carries the other: two servers with certificates of "
                        "their own would look alike.");
        break;
    }
}

static void grade(struct finding *f, const struct exchange *x, const struct tls_counterpart *other)
{
    bool works = x->outcome == OUTCOME_ESTABLISHED || other->outcome == OUTCOME_ESTABLISHED;
    bool fails = x->outcome == OUTCOME_REJECTED || x->outcome == OUTCOME_ABORTED ||
                 other->outcome == OUTCOME_REJECTED || other->outcome == OUTCOME_ABORTED;
    bool proved = other->proof > SIGHT_TIME;
    rule_worsen(f, !proved || works ? SEVERITY_INFO : fails ? SEVERITY_CRITICAL : SEVERITY_WARNING);
    enum confidence sure = !proved                                               ? CONFIDENCE_HINT
                           : other->proof > SIGHT_LENGTHS || other->other_issuer ? CONFIDENCE_CERTAIN
                                                                                 : CONFIDENCE_STRONG;
    if (sure < f->confidence)
        f->confidence = sure;
}

static void intercepted(struct findings *out, const struct rule_input *in, const struct exchange *x,
                        const struct tls_counterpart *other)
{
    struct sides s;
    char subject[65], client_thumb[41], server_thumb[41];
    bool fresh, proved = other->proof > SIGHT_TIME;
    if (!read_sides(in, x, other, &s))
        return;
    struct finding *f =
        findings_raise(out, FINDING_SSTP_TLS_INTERCEPTED, describe_sha256(subject, s.client),
                       s.server->serial * 2 + proved, &fresh);
    if (f == NULL)
        return;
    if (fresh) {
        f->severity = SEVERITY_INFO;
        f->confidence = CONFIDENCE_HINT;
        finding_title(
            f, "TLS %s ended between the client and the SSTP server: the client sees another certificate for \"%s\"",
            proved ? "is" : "may be", s.server_name);
        finding_explain(
            f,
            "The client's TLS session shows \"%s\" (thumbprint %s), issued by \"%s\"; the server's shows \"%s\" "
            "(thumbprint %s), issued by \"%s\".",
            s.client_name, describe_hex(client_thumb, s.client->facts[0].sha1, 20), s.client->facts[0].issuer,
            s.server_name, describe_hex(server_thumb, s.server->facts[0].sha1, 20), s.server->facts[0].issuer);
        explain_proof(f, other->proof);
        finding_explain(f, "The client binds its login to the certificate that it sees, so the server refuses it "
                           "(CALL_ABORT), unless it is told that certificate's hash.");
        finding_fix(
            f, "If something inspects TLS on the way (firewall, proxy, virus scanner): exempt the VPN server's name "
               "from it.");
        finding_fix(
            f, "If it is a load balancer of your own: let it pass TLS through, or bind the same certificate on it and "
               "on the VPN server, or tell RRAS its hash (SstpSvc\\Parameters: SHA256CertificateHash, "
               "isHashConfiguredByAdmin=1).");
        finding_fix(f, "If you know of neither: somebody listens. Find out who has the certificate with thumbprint %s.",
                    client_thumb);
    }
    grade(f, x, other);
    finding_evidence(out, f, s.client_place, "the certificate \"%s\" that the client sees", s.client_name);
    finding_evidence(out, f, s.server_place, "the certificate \"%s\" that the server presents", s.server_name);
}

void rules_sstp_intercepted(struct findings *out, const struct rule_input *in, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        const struct tls_counterpart *other = x->type == CONVERSATION_SSTP ? tls_sights_of(in->sights, x->id) : NULL;
        if (other != NULL)
            intercepted(out, in, x, other);
    }
}
