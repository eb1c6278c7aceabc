/*
 * The VPN server's own certificate, which IKE_AUTH carries inside SK: judged where keys opened it, never otherwise.
 * wire-facts 3.12.
 */
#include <stdio.h>

#include "analyze/finding/certificate_subject.h"
#include "analyze/session/judge_ike.h"

enum { ID_IPV4 = 1, ID_FQDN = 2, ID_IPV6 = 5 }; /* RFC 7296 section 3.5 */

/* The server that this client asked for, as text; false when it named none, or in a way that certificates do not have.
 */
static bool asked_for(char out[static EXPECT_NAME_LENGTH + 1], const struct exchange *x)
{
    uint8_t type = x->ike.asked_id_type;
    struct span name = exchange_text(x, x->ike.asked_id);
    if ((type != ID_IPV4 && type != ID_FQDN && type != ID_IPV6) || name.len == 0 || name.len > EXPECT_NAME_LENGTH ||
        memchr(name.data, 0, name.len) != NULL)
        return false;
    memcpy(out, name.data, name.len);
    out[name.len] = '\0';
    return true;
}

/* Windows compares the name that was dialled, which only a client that asks for it by name (IDr) puts on the wire. */
static void name_fault(const struct subject *c)
{
    char asked[EXPECT_NAME_LENGTH + 1];
    bool fresh;
    if (c->answer == ANSWER_ACCEPTED || !asked_for(asked, c->x) || chain_name_asked(c->leaf, asked) != CHECK_FAIL)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_NAME_MISMATCH, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 13801;
    finding_title(f, "the %s is for \"%s\", but the client asks for \"%s\"", c->whose, c->id->name, asked);
    finding_explain(f, "The client names the server that it wants (IDr in its first IKE_AUTH request), and no name in "
                       "the certificate is that one.");
    subject_what_clients_did(c, f);
    finding_fix(
        f,
        "Give the VPN server a certificate with \"%s\" as DNS name in the SAN (an address that clients dial must be "
        "there as a DNS name, too): %s.",
        asked, subject_selection_path(c));
    finding_fix(f, "Or let the clients dial a name that the certificate has: \"%s\".", c->id->name);
}

static void key_usage_fault(const struct subject *c)
{
    bool fresh;
    if (c->checks->key_usage_signature != CHECK_FAIL)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_KEY_USAGE, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 13801;
    finding_title(f, "the key usage of the %s \"%s\" lacks digitalSignature", c->whose, c->id->name);
    finding_explain(f, "In IKEv2 the server proves itself with a signature of this key (RFC 7296 section 2.15).");
    subject_what_clients_did(c, f);
    finding_fix(f, "Issue the certificate again with key usage digitalSignature and put it into its place: %s.",
                subject_selection_path(c));
}

/* Clients do not ask for it; RRAS prefers a certificate that has it. */
static void no_ike_intermediate(const struct subject *c)
{
    bool fresh;
    if (c->checks->ike_intermediate_eku || c->checks->eku_any || c->x->ike.strongswan_responder)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_MISSING_IKE_INTERMEDIATE_EKU, 0, false, &fresh);
    if (f == NULL || !fresh)
        return;
    f->severity = SEVERITY_INFO;
    finding_title(f, "the %s \"%s\" lacks the EKU IP security IKE intermediate (1.3.6.1.5.5.8.2.2)", c->whose,
                  c->id->name);
    finding_explain(f,
                    "Clients do not need it. Where RRAS has several certificates with Server Authentication, it takes "
                    "one that has this EKU; without, after a renewal another one may be taken.");
    finding_fix(
        f, "Only if RRAS presents the wrong certificate: issue the right one from a copy of the template \"RAS and "
           "IAS Server\" with IP security IKE intermediate added, and restart the service RemoteAccess.");
}

static void one_association(struct findings *out, const struct rule_input *in, const struct session *s,
                            const struct exchange *x, const struct chain *chain)
{
    struct identity leaf;
    struct subject c;
    subject_begin(&c, &leaf, out, in, s, x, chain, ROLE_IKEV2);
    c.place = x->ike.server_certificate_place;
    c.whose = "certificate of the VPN server";
    if (in->ike_stats != NULL && x->ike.server_chain < in->stats_count)
        c.stats = in->ike_stats[x->ike.server_chain];
    c.answer = judge_ike_server_certificate(x, &c.refusal);
    subject_common_faults(&c);
    name_fault(&c);
    subject_no_name_fault(&c);
    key_usage_fault(&c);
    no_ike_intermediate(&c);
}

bool rule_vpn_certificate_fault(const struct rule_input *in, const struct exchange *x)
{
    const struct chain *c = rule_chain(in, x->ike.server_chain);
    char asked[EXPECT_NAME_LENGTH + 1];
    if (c == NULL || !c->parsed[0])
        return false;
    const struct chain_checks *k = chain_checks_of(c, ROLE_IKEV2);
    return rule_dates_wrong(k, x->ike.server_certificate_place) || k->chain == CHECK_FAIL || k->intermediate_given ||
           k->server_auth_eku == CHECK_FAIL || k->key_usage_signature == CHECK_FAIL ||
           (k->subject_empty && c->facts[0].dns_count == 0) || k->key_strength == CHECK_FAIL ||
           k->signature_strength == CHECK_FAIL || c->ocsp_revoked ||
           (asked_for(asked, x) && chain_name_asked(&c->facts[0], asked) == CHECK_FAIL);
}

/* The first sight of the association that shows the certificate: the others show the same. */
void rules_vpn_certificate(struct findings *out, const struct rule_input *in, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        const struct chain *chain = exchange_is_ike(x) ? rule_chain(in, x->ike.server_chain) : NULL;
        if (chain == NULL || !chain->parsed[0])
            continue;
        one_association(out, in, s, x, chain);
        return;
    }
}
