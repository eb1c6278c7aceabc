/* The OCSP response that a server staples to its certificate (RFC 6066 section 8, RFC 6960). */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "analyze/certificate/chain_internal.h"
#include "dissect/crypto/x509_openssl.h"

/* True when this answer is about the leaf: the responder chose the hash of its identifier. Without the issuer's
 * certificate the hash of its key cannot be compared. */
static bool is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
    ASN1_OCTET_STRING *name = NULL, *key = NULL;
    ASN1_OBJECT *algorithm = NULL;
    ASN1_INTEGER *serial = NULL;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    if (id == NULL || OCSP_id_get0_info(&name, &algorithm, &key, &serial, id) != 1)
        return false;
    const EVP_MD *digest = EVP_get_digestbyobj(algorithm);
    if (digest == NULL || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) != 0 ||
        X509_NAME_digest(X509_get_issuer_name(leaf), digest, hash, &length) != 1 ||
        ASN1_STRING_length(name) != (int)length || memcmp(ASN1_STRING_get0_data(name), hash, length) != 0)
        return false;
    return issuer == NULL ||
           (X509_pubkey_digest(issuer, digest, hash, &length) == 1 && ASN1_STRING_length(key) == (int)length &&
            memcmp(ASN1_STRING_get0_data(key), hash, length) == 0);
}

/* Signed by the issuer, or by a responder to which the issuer delegated (RFC 6960 section 4.2.2.2). */
static bool is_signed(OCSP_BASICRESP *basic, const struct chain_certs *certs, X509 *issuer)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *sent = sk_X509_new_null();
    bool ok = store != NULL && sent != NULL && X509_STORE_add_cert(store, issuer) == 1;
    for (size_t i = 0; ok && i < certs->count; i++)
        ok = certs->cert[i] == NULL || sk_X509_push(sent, certs->cert[i]) > 0;
    if (ok) {
        X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        X509_VERIFY_PARAM_set_auth_level(param, 0);
        ok = OCSP_basic_verify(basic, sent, store, OCSP_PARTIAL_CHAIN) == 1;
    }
    sk_X509_free(sent);
    X509_STORE_free(store);
    return ok;
}

/* What it brings along is the sender's choice: more certificates, or larger keys, than a responder needs are not worth the time
 * that they take. */
static bool is_affordable(OCSP_BASICRESP *basic)
{
    enum { RESPONDER_CERTS_MAX = 8 };
    const STACK_OF(X509) *certs = OCSP_resp_get0_certs(basic);
    bool good = sk_X509_num(certs) <= RESPONDER_CERTS_MAX;
    for (int i = 0; good && i < sk_X509_num(certs); i++)
        good = x509_key_affordable(sk_X509_value(certs, i));
    return good;
}

/* The answer about the leaf; of several the worst one, as whoever wants to be safe takes it. */
static void read_answer(struct chain_ocsp *out, OCSP_SINGLERESP *single)
{
    static const enum chain_ocsp_status known[] = {[V_OCSP_CERTSTATUS_GOOD] = CHAIN_OCSP_GOOD,
                                                   [V_OCSP_CERTSTATUS_REVOKED] = CHAIN_OCSP_REVOKED,
                                                   [V_OCSP_CERTSTATUS_UNKNOWN] = CHAIN_OCSP_UNKNOWN};
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
    int reason = -1, status = OCSP_single_get0_status(single, &reason, &revoked, &from, &to);
    if (status < 0 || status > V_OCSP_CERTSTATUS_UNKNOWN || out->status == CHAIN_OCSP_REVOKED)
        return;
    out->status = known[status];
    out->this_update = from != NULL ? x509_time_of(from) : 0;
    out->next_update = to != NULL ? x509_time_of(to) : 0;
    out->revoked_at = revoked != NULL ? x509_time_of(revoked) : 0;
    out->reason = (int8_t)(reason >= 0 && reason <= 10 ? reason : -1);
}

static void read_response(struct chain *chain, OCSP_BASICRESP *basic, const struct chain_certs *certs, X509 *issuer)
{
    struct chain_ocsp *out = &chain->ocsp_facts;
    for (int i = 0; i < OCSP_resp_count(basic); i++)
        if (is_about(OCSP_resp_get0(basic, i), certs->cert[0], issuer))
            read_answer(out, OCSP_resp_get0(basic, i));
    if (issuer != NULL && is_affordable(basic))
        out->signature = is_signed(basic, certs, issuer) ? CHECK_PASS : CHECK_FAIL;
    chain->ocsp_revoked = out->status == CHAIN_OCSP_REVOKED && out->signature == CHECK_PASS;
    chain->ocsp_good = out->status == CHAIN_OCSP_GOOD && out->signature == CHECK_PASS;
}

void chain_check_ocsp(struct chain *chain, const struct chain_certs *certs, X509 *issuer)
{
    const uint8_t *at = chain->ocsp.data;
    if (chain->ocsp.len == 0 || chain->ocsp_facts.read)
        return;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (int)chain->ocsp.len);
    OCSP_BASICRESP *basic = NULL;
    chain->ocsp_facts = (struct chain_ocsp){.read = true, .refusal = -1, .reason = -1};
    if (response != NULL) {
        int status = OCSP_response_status(response);
        chain->ocsp_facts.refusal = (int8_t)(status > 0 && status <= INT8_MAX ? status : -1);
        if (status == OCSP_RESPONSE_STATUS_SUCCESSFUL)
            basic = OCSP_response_get1_basic(response);
    }
    if (basic != NULL)
        read_response(chain, basic, certs, issuer);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
}

const char *chain_ocsp_name(enum chain_ocsp_status s)
{
    static const char *const names[] = {[CHAIN_OCSP_NONE] = "none",
                                        [CHAIN_OCSP_GOOD] = "good",
                                        [CHAIN_OCSP_REVOKED] = "revoked",
                                        [CHAIN_OCSP_UNKNOWN] = "unknown"};
    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : "none";
}
