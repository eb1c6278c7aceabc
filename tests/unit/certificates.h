/* Certificates made on the spot, so that a test knows the truth about them. Shared by the tests of certificates. */
#ifndef VS_TESTS_CERTIFICATES_H
#define VS_TESTS_CERTIFICATES_H

#include <openssl/x509v3.h>

#include "capture/wire/span.h"

/* What to make; zero fields have plain defaults. */
struct recipe {
    const char *subject;    /* "/CN=a/O=b", "" for an empty name; UTF-8 */
    const char *extensions; /* lines "name=value" as in openssl.cnf, NULL for none */
    EVP_PKEY *key;          /* the subject's; not taken over */
    const X509 *issuer;     /* NULL: signs itself */
    EVP_PKEY *issuer_key;   /* NULL: key */
    const EVP_MD *digest;   /* NULL: SHA-256 */
    const char *not_before; /* ASN.1 text, NULL: 20200101000000Z */
    const char *not_after;  /* NULL: 20400101000000Z */
    const char *serial;     /* hex, may be negative; NULL: 1001 */
};

struct made {
    X509 *cert;
    struct span der; /* freed with the rest by made_free */
};

EVP_PKEY *make_rsa(unsigned bits);
EVP_PKEY *make_ec(const char *curve);
struct made make_certificate(const struct recipe *recipe);
/* Encodes again after the caller changed the certificate; key signs it, NULL leaves the signature. */
void made_refresh(struct made *made, EVP_PKEY *key);
void made_free(struct made *made);

/* The extensions of a proper CA. */
#define CA_EXTENSIONS                                                                                                  \
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
/* Those of a proper NPS certificate for nps01.corp.example, which also names it in its SAN. */
#define SERVER_EXTENSIONS                                                                                              \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"                         \
    "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:nps01.corp.example\nauthorityKeyIdentifier=keyid\n"

#endif
