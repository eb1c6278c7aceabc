/* What the certificate files share, with OpenSSL's types: for dissect/crypto/x509*.c and analyze/chain*.c, expect*.c
 * only. */
#ifndef VS_CRYPTO_X509_OPENSSL_H
#define VS_CRYPTO_X509_OPENSSL_H

#include <openssl/x509v3.h>

#include "dissect/crypto/x509.h"

/* Decodes one certificate; NULL when OpenSSL refuses it or it is larger than X509_DER_MAX. Bytes after the certificate
 * are ignored, as `openssl x509` does. The caller frees it. OpenSSL's error queue is empty afterwards. */
X509 *x509_decode(struct span der);

/* False for a key that nobody uses and whose signatures cost milliseconds each to check: RSA of more than 8192 bits or
 * with an exponent of more than 32 bits (CryptoAPI takes no larger one), DSA of more than 3072 bits. True when there is
 * no key. */
bool x509_key_affordable(const X509 *cert);

/* The facts of a decoded certificate, der being the bytes that it was made from. False only when memory is short. */
bool x509_facts_of(X509 *cert, struct span der, struct x509_facts *out);

/* RFC 2253 text of a name, at most X509_TEXT - 1 bytes, the cut marked with "..."; NULL when memory is short. */
char *x509_name_text(const X509_NAME *name);

/* UTF-8 of an ASN.1 string: a NUL byte becomes \00, a byte that is no valid UTF-8 \XX; NULL when memory is short. */
char *x509_string_text(const ASN1_STRING *s);

/* Fills common_name, the SAN lists and subject_empty. False when memory is short. */
bool x509_collect_names(const X509 *cert, struct x509_facts *out);

/* Fills the lists of addresses. False when memory is short. */
bool x509_collect_addresses(const X509 *cert, struct x509_facts *out);

/* Seconds since 1970 UTC; 0 for what is no time. */
int64_t x509_time_of(const ASN1_TIME *time);

#endif
