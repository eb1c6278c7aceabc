/* Where a certificate says that its issuer and its revocation can be looked up (RFC 5280 sections 4.2.1.13, 4.2.2.1). */
#include <stdlib.h>

#include "dissect/crypto/x509_openssl.h"

/* Adds one address; more than are kept are left out. False when memory is short. */
static bool add(char ***list, size_t *count, const GENERAL_NAME *name)
{
    if (name->type != GEN_URI || *count == X509_ADDRESSES_MAX)
        return true;
    if (*list == NULL)
        *list = calloc(X509_ADDRESSES_MAX, sizeof **list);
    char *text = *list != NULL ? x509_string_text(name->d.uniformResourceIdentifier) : NULL;
    if (text == NULL)
        return false;
    (*list)[(*count)++] = text;
    return true;
}

static bool authority_information(const X509 *cert, struct x509_facts *out)
{
    AUTHORITY_INFO_ACCESS *access = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    bool ok = true;
    for (int i = 0; ok && i < sk_ACCESS_DESCRIPTION_num(access); i++) {
        const ACCESS_DESCRIPTION *item = sk_ACCESS_DESCRIPTION_value(access, i);
        int method = OBJ_obj2nid(item->method);
        if (method == NID_ad_ca_issuers)
            ok = add(&out->issuer_addresses, &out->issuer_address_count, item->location);
        else if (method == NID_ad_OCSP)
            ok = add(&out->ocsp_addresses, &out->ocsp_address_count, item->location);
    }
    AUTHORITY_INFO_ACCESS_free(access);
    return ok;
}

static bool distribution_points(const X509 *cert, struct x509_facts *out)
{
    int critical = -1; /* stays -1 only when the extension is absent */
    CRL_DIST_POINTS *points = X509_get_ext_d2i(cert, NID_crl_distribution_points, &critical, NULL);
    bool ok = true;
    out->has_crl_points = critical != -1;
    for (int i = 0; ok && i < sk_DIST_POINT_num(points); i++) {
        const DIST_POINT_NAME *at = sk_DIST_POINT_value(points, i)->distpoint;
        const GENERAL_NAMES *names = at != NULL && at->type == 0 ? at->name.fullname : NULL;
        for (int k = 0; ok && k < sk_GENERAL_NAME_num(names); k++)
            ok = add(&out->crl_addresses, &out->crl_address_count, sk_GENERAL_NAME_value(names, k));
    }
    CRL_DIST_POINTS_free(points);
    return ok;
}

bool x509_collect_addresses(const X509 *cert, struct x509_facts *out)
{
    return authority_information(cert, out) && distribution_points(cert, out);
}
