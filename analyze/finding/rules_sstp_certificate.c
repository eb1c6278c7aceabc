/*
 * The SSTP server's own certificate: what its TLS session shows, or is opened to show. Unlike EAP's and IKEv2's
 * clients, SSTP's has a network to ask whether it is revoked, and insists on an answer. wire-facts 1.4, 2.9, 6.5.
 */
#include <stdio.h>

#include "analyze/finding/certificate_subject.h"
#include "analyze/finding/rules_sstp.h"
#include "analyze/session/judge_sstp.h"

/* HRESULTs as Windows' SSTP client shows them. */
#define CERT_E_EXPIRED UINT32_C(0x800B0101)
#define CERT_E_UNTRUSTEDROOT UINT32_C(0x800B0109)
#define CERT_E_CHAINING UINT32_C(0x800B010A)
#define CERT_E_CN_NO_MATCH UINT32_C(0x800B010F)
#define CERT_E_WRONG_USAGE UINT32_C(0x800B0110)
#define TRUST_E_CERT_SIGNATURE UINT32_C(0x80096004)
#define CRYPT_E_REVOKED UINT32_C(0x80092010)
#define CRYPT_E_NO_REVOCATION_CHECK UINT32_C(0x80092012)
#define CRYPT_E_REVOCATION_OFFLINE UINT32_C(0x80092013)
#define ERROR_NETNAME_DELETED UINT32_C(0x80070040) /* what Microsoft documents for a missing Server Authentication */

uint32_t sstp_certificate_error(enum finding_id id)
{
    switch (id) {
    case FINDING_CERT_UNTRUSTED_ROOT:
    case FINDING_CERT_SELF_SIGNED:
        return CERT_E_UNTRUSTEDROOT;
    case FINDING_CERT_INCOMPLETE_CHAIN:
        return CERT_E_CHAINING;
    case FINDING_CERT_BAD_SIGNATURE:
        return TRUST_E_CERT_SIGNATURE;
    case FINDING_CERT_EXPIRED:
    case FINDING_CERT_NOT_YET_VALID:
    case FINDING_CERT_EXPIRES_SOON:
        return CERT_E_EXPIRED;
    case FINDING_CERT_NAME_MISMATCH:
    case FINDING_CERT_EMPTY_SUBJECT:
        return CERT_E_CN_NO_MATCH;
    case FINDING_CERT_MISSING_SERVER_AUTH_EKU:
        return ERROR_NETNAME_DELETED;
    case FINDING_CERT_KEY_USAGE:
        return CERT_E_WRONG_USAGE;
    case FINDING_CERT_REVOKED:
        return CRYPT_E_REVOKED;
    default:
        return 0;
    }
}

/* How an address begins: everybody can look at HTTP's, only the domain's own computers inside at LDAP's. */
static bool is_http(const char *address)
{
    static const char scheme[] = "http";
    for (size_t i = 0; i < sizeof scheme - 1; i++)
        if ((address[i] | 0x20) != scheme[i])
            return false;
    return true;
}

static bool any_http(char *const *addresses, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || is_http(addresses[i]);
    return any;
}

enum sstp_revocation sstp_certificate_revocation(const struct chain *c)
{
    const struct x509_facts *leaf = &c->facts[0];
    if (leaf->self_signed || c->ocsp_good || any_http(leaf->crl_addresses, leaf->crl_address_count) ||
        any_http(leaf->ocsp_addresses, leaf->ocsp_address_count))
        return REVOCATION_PUBLIC;
    return leaf->crl_address_count > 0 || leaf->ocsp_address_count > 0 ? REVOCATION_INSIDE : REVOCATION_NOWHERE;
}

static bool found(struct certificate_fault *out, enum finding_id id, const char *words)
{
    *out = (struct certificate_fault){.id = id, .error = sstp_certificate_error(id), .words = words};
    return true;
}

static bool chain_fault(const struct chain_checks *k, struct certificate_fault *out)
{
    if (k->chain != CHECK_FAIL)
        return false;
    switch (k->chain_error) {
    case CHAIN_SELF_SIGNED:
        return found(out, FINDING_CERT_SELF_SIGNED, "it is self-signed, and not among those that clients trust");
    case CHAIN_INCOMPLETE:
        return found(out, FINDING_CERT_INCOMPLETE_CHAIN, "the CA above it is neither sent nor known");
    case CHAIN_BAD_SIGNATURE:
    case CHAIN_INVALID_CA:
    case CHAIN_NOT_PARSED:
    case CHAIN_OTHER:
        return found(out, FINDING_CERT_BAD_SIGNATURE, "its chain is not valid");
    default:
        return found(out, FINDING_CERT_UNTRUSTED_ROOT, "its root is not among those that clients trust");
    }
}

static bool date_fault(const struct chain_checks *k, const struct tls_facts *t, struct certificate_fault *out)
{
    int64_t now = t->certificate_last.time_ns / INT64_C(1000000000);
    if (now > 0 && k->path_not_after < now - RULE_CLOCK_SKEW_S)
        return found(out, FINDING_CERT_EXPIRED, "it had expired");
    if (now > 0 && k->path_not_before > now + RULE_CLOCK_SKEW_S)
        return found(out, FINDING_CERT_NOT_YET_VALID, "it was not yet valid");
    return false;
}

static bool usage_fault(const struct chain_checks *k, const struct tls_facts *t, struct certificate_fault *out)
{
    if (k->server_auth_eku == CHECK_FAIL)
        return found(out, FINDING_CERT_MISSING_SERVER_AUTH_EKU, "it lacks the EKU Server Authentication");
    if (rule_key_usage_wrong(k, t))
        return found(out, FINDING_CERT_KEY_USAGE, "its key usage does not allow the cipher suite");
    return false;
}

static bool revocation_fault(const struct chain *c, struct certificate_fault *out)
{
    enum sstp_revocation where = sstp_certificate_revocation(c);
    if (where == REVOCATION_PUBLIC)
        return false;
    *out = where == REVOCATION_INSIDE
               ? (struct certificate_fault){FINDING_IDS, CRYPT_E_REVOCATION_OFFLINE,
                                            "only addresses inside tell whether it is revoked (LDAP), and clients "
                                            "outside cannot ask there"}
               : (struct certificate_fault){FINDING_IDS, CRYPT_E_NO_REVOCATION_CHECK,
                                            "it names no address that tells whether it is revoked"};
    return true;
}

enum { FAULTS = 7 };

/* In the order in which Windows' client stops at them. */
static bool fault_at(unsigned i, const struct exchange *x, const struct chain *c, struct certificate_fault *out)
{
    const struct chain_checks *k = chain_checks_of(c, ROLE_SSTP);
    const struct tls_facts *t = &x->sstp.tls;
    switch (i) {
    case 0:
        return chain_fault(k, out);
    case 1:
        return date_fault(k, t, out);
    case 2:
        return c->ocsp_revoked && found(out, FINDING_CERT_REVOKED, "it is revoked");
    case 3:
        return chain_name_dialled(&c->facts[0], exchange_text(x, t->sni)) == CHECK_FAIL &&
               found(out, FINDING_CERT_NAME_MISMATCH, "it is not for the name that the client dialled");
    case 4:
        return usage_fault(k, t, out);
    case 5:
        return k->intermediate_given &&
               found(out, FINDING_CERT_INCOMPLETE_CHAIN, "the intermediate CA above it is not sent");
    default:
        return revocation_fault(c, out);
    }
}

bool rule_sstp_certificate_fault(const struct rule_input *in, const struct exchange *x, struct certificate_fault *out)
{
    const struct chain *c = x->type == CONVERSATION_SSTP ? rule_chain(in, x->sstp.tls.server_chain) : NULL;
    const struct alert_fact *alert;
    if (c == NULL || !c->parsed[0])
        return false;
    (void)judge_sstp_server_certificate(x, &alert);
    for (unsigned i = 0; i < FAULTS; i++)
        if (fault_at(i, x, c, out) && (alert == NULL || !subject_alert_names_another(alert->code, out->id)))
            return true;
    for (unsigned i = 0; alert != NULL && i < FAULTS - 1; i++) /* clients that say another reason did not fail to ask */
        if (fault_at(i, x, c, out))
            return true;
    return false;
}

/* The name is the connection's own, and so is how its client answered: others may dial the right one. */
static void name_fault(const struct subject *c)
{
    struct span dialled = exchange_text(c->x, c->x->sstp.tls.sni);
    bool fresh;
    if (c->answer == ANSWER_ACCEPTED || chain_name_dialled(c->leaf, dialled) != CHECK_FAIL)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_NAME_MISMATCH, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    int length = (int)(dialled.len < DESCRIBE_MAX ? dialled.len : DESCRIBE_MAX);
    const char *name = (const char *)dialled.data;
    f->client_error = CERT_E_CN_NO_MATCH;
    finding_title(f, "the %s is for \"%s\", but the client dials \"%.*s\"", c->whose, c->id->name, length, name);
    finding_explain(f,
                    "The client says in its ClientHello which name it dials (SNI), and no name in the certificate is "
                    "that one.");
    if (c->stats.accepted > 0)
        finding_explain(f, "Other connections went on with the certificate: their clients dial a name that it has.");
    finding_fix(f, "Bind a certificate with \"%.*s\" as DNS name in its SAN: %s.", length, name,
                subject_selection_path(c));
    finding_fix(f, "Or let the clients dial a name that the certificate has: \"%s\".", c->id->name);
}

static void one_connection(struct findings *out, const struct rule_input *in, const struct session *s,
                           const struct exchange *x, const struct chain *chain)
{
    struct identity leaf;
    struct subject c;
    subject_begin(&c, &leaf, out, in, s, x, chain, ROLE_SSTP);
    c.tls = &x->sstp.tls;
    c.place = x->sstp.tls.certificate_last;
    c.whose = "SSTP server's certificate";
    if (in->sstp_stats != NULL && x->sstp.tls.server_chain < in->stats_count)
        c.stats = in->sstp_stats[x->sstp.tls.server_chain];
    c.answer = judge_sstp_server_certificate(x, &c.alert);
    if (rule_sstp_nobody(in, x)) {
        c.answer = ANSWER_UNKNOWN;
        c.alert = NULL;
        c.stats = (struct chain_stats){0};
    }
    if (c.answer == ANSWER_LEFT)
        c.refusal = judge_sstp(x).place;
    subject_common_faults(&c);
    name_fault(&c);
    subject_no_name_fault(&c);
    subject_key_usage_fault(&c);
    subject_order_fault(&c);
}

/* Shown already by a connection before this one of the same session. */
static bool shown_before(const struct session *s, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (s->exchanges[i]->type == CONVERSATION_SSTP &&
            s->exchanges[i]->sstp.tls.server_chain == s->exchanges[index]->sstp.tls.server_chain)
            return true;
    return false;
}

void rules_sstp_certificate(struct findings *out, const struct rule_input *in, const struct session *s)
{
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        if (x->type != CONVERSATION_SSTP || x->sstp.kind == SSTP_KIND_PROBE || x->sstp.kind == SSTP_KIND_OTHER)
            continue;
        if (rule_sstp_elsewhere(in, x))
            continue;
        const struct chain *chain = rule_chain(in, x->sstp.tls.server_chain);
        if (chain != NULL && chain->parsed[0] && (chain->roles & ROLE_SSTP) != 0 && !shown_before(s, i))
            one_connection(out, in, s, x, chain);
    }
}
