#include "certificates.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

EVP_PKEY *make_rsa(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    assert_non_null(key);
    return key;
}

EVP_PKEY *make_ec(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    assert_non_null(key);
    return key;
}

/* "/TYPE=value/TYPE=value"; a value has no slash. */
static void set_name(X509_NAME *name, const char *text)
{
    while (*text == '/') {
        const char *equals = strchr(text, '='), *end;
        assert_non_null(equals);
        char type[32];
        size_t n = (size_t)(equals - text - 1);
        assert_true(n < sizeof type);
        memcpy(type, text + 1, n);
        type[n] = '\0';
        end = strchr(equals, '/');
        size_t len = end != NULL ? (size_t)(end - equals - 1) : strlen(equals + 1);
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const uint8_t *)equals + 1, (int)len, -1, 0), 1);
        text += (size_t)(equals - text) + 1 + len;
    }
}

static void add_extensions(X509 *cert, const X509 *issuer, const char *text)
{
    X509V3_CTX ctx;
    BIO *bio = BIO_new_mem_buf(text, -1);
    CONF *conf = NCONF_new(NULL);
    X509 *parent = issuer != NULL ? X509_dup(issuer) : NULL;
    assert_int_equal(NCONF_load_bio(conf, bio, NULL), 1);
    X509V3_set_ctx(&ctx, parent != NULL ? parent : cert, cert, NULL, NULL, 0);
    X509V3_set_nconf(&ctx, conf);
    assert_int_equal(X509V3_EXT_add_nconf(conf, &ctx, "default", cert), 1);
    X509_free(parent);
    NCONF_free(conf);
    BIO_free(bio);
}

void made_refresh(struct made *made, EVP_PKEY *key)
{
    free((void *)(uintptr_t)made->der.data);
    if (key != NULL)
        assert_true(X509_sign(made->cert, key, EVP_sha256()) > 0);
    int len = i2d_X509(made->cert, NULL);
    assert_true(len > 0);
    uint8_t *der = malloc((size_t)len), *at = der;
    assert_int_equal(i2d_X509(made->cert, &at), len);
    made->der = span_of(der, (size_t)len);
}

struct made make_certificate(const struct recipe *r)
{
    struct made made = {X509_new(), {NULL, 0}};
    BIGNUM *serial = NULL;
    assert_true(BN_hex2bn(&serial, r->serial != NULL ? r->serial : "1001") > 0);
    assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(made.cert)));
    BN_free(serial);
    X509_set_version(made.cert, X509_VERSION_3);
    set_name(X509_get_subject_name(made.cert), r->subject);
    X509_set_issuer_name(made.cert,
                         r->issuer != NULL ? X509_get_subject_name(r->issuer) : X509_get_subject_name(made.cert));
    ASN1_TIME_set_string(X509_getm_notBefore(made.cert), r->not_before != NULL ? r->not_before : "20200101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(made.cert), r->not_after != NULL ? r->not_after : "20400101000000Z");
    assert_int_equal(X509_set_pubkey(made.cert, r->key), 1);
    if (r->extensions != NULL)
        add_extensions(made.cert, r->issuer, r->extensions);
    EVP_PKEY *signer = r->issuer_key != NULL ? r->issuer_key : r->key;
    const EVP_MD *digest = r->digest != NULL ? r->digest : EVP_sha256();
    if (EVP_PKEY_is_a(signer, "ED25519"))
        digest = NULL;
    assert_true(X509_sign(made.cert, signer, digest) > 0);
    made_refresh(&made, NULL);
    return made;
}

void made_free(struct made *made)
{
    X509_free(made->cert);
    free((void *)(uintptr_t)made->der.data);
    *made = (struct made){NULL, {NULL, 0}};
}
