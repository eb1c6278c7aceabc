/* The OCSP response that a server staples to its certificate (RFC 6066 section 8, RFC 6960). */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "analyze/certificate/chain_internal.h"

/* True when this answer is about the leaf: the responder chose the hash of its identifier. */
static bool is_about(OCSP_SINGLERESP *single, X509 *leaf, X509 *issuer)
{
    ASN1_OBJECT *algorithm = NULL;
    OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single);
    if (id == NULL || OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, id) != 1)
        return false;
    const EVP_MD *digest = EVP_get_digestbyobj(algorithm);
    OCSP_CERTID *own = digest != NULL ? OCSP_cert_to_id(digest, leaf, issuer) : NULL;
    bool same = own != NULL && OCSP_id_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return same;
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

void chain_check_ocsp(struct chain *chain, const struct chain_certs *certs, X509 *issuer)
{
    const uint8_t *at = chain->ocsp.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (int)chain->ocsp.len);
    OCSP_BASICRESP *basic = NULL;
    if (response != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        basic = OCSP_response_get1_basic(response);
    if (basic != NULL && is_signed(basic, certs, issuer))
        for (int i = 0; i < OCSP_resp_count(basic); i++) {
            OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
            if (!is_about(single, certs->cert[0], issuer))
                continue;
            int status = OCSP_single_get0_status(single, NULL, NULL, NULL, NULL);
            chain->ocsp_revoked = chain->ocsp_revoked || status == V_OCSP_CERTSTATUS_REVOKED;
            chain->ocsp_good = chain->ocsp_good || status == V_OCSP_CERTSTATUS_GOOD;
        }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
}
