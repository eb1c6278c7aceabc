/* The certificate facts that the tool uses, as plain data, and what OpenSSL can prove about a chain of them. */
#ifndef VS_CRYPTO_X509_H
#define VS_CRYPTO_X509_H

#include "capture/wire/span.h"

/* Texts are cut after X509_TEXT - 1 bytes ("..." marks it); a larger certificate than X509_DER_MAX is not parsed. */
enum { X509_DER_MAX = 1 << 17, X509_TEXT = 512, X509_NAMES_MAX = 64, X509_ADDRESSES_MAX = 8, X509_OIDS_MAX = 32, X509_OID_TEXT = 96 };

enum x509_key { X509_KEY_OTHER, X509_KEY_RSA, X509_KEY_EC, X509_KEY_DSA, X509_KEY_ED25519, X509_KEY_ED448 };

/* KeyUsage bits, RFC 5280 section 4.2.1.3: bit 0 is the least significant here. */
enum { X509_KU_DIGITAL_SIGNATURE = 1, X509_KU_KEY_ENCIPHERMENT = 4, X509_KU_KEY_AGREEMENT = 16, X509_KU_KEY_CERT_SIGN = 32 };

/* One certificate. Owned by whoever calls x509_parse; freed by x509_facts_free. Texts are UTF-8 made from what strangers
 * wrote: escape before printing. */
struct x509_facts {
    uint8_t sha1[20], sha256[32];     /* of the DER */
    char *subject, *issuer;           /* RFC 2253 text as `openssl x509 -nameopt RFC2253,-esc_msb,utf8`; "" when empty */
    char *common_name;                /* last CN of the subject, NULL without */
    char *serial;                     /* lower-case hex */
    char **dns_names; size_t dns_count;  /* SAN dNSName; at most X509_NAMES_MAX */
    char **ip_names; size_t ip_count;    /* SAN iPAddress as text */
    char **upn_names; size_t upn_count;  /* SAN otherName 1.3.6.1.4.1.311.20.2.3 */
    char (*eku)[X509_OID_TEXT]; size_t eku_count; /* dotted; at most X509_OIDS_MAX */
    bool has_eku, has_key_usage, has_basic_constraints, is_ca;
    bool has_sid_extension;           /* 1.3.6.1.4.1.311.25.2 (strong mapping) */
    uint32_t key_usage;
    int64_t not_before, not_after;    /* seconds since 1970 UTC; INT64_MIN, INT64_MAX when the time is malformed */
    enum x509_key key;
    unsigned key_bits;
    char key_text[32];                /* "RSA 2048", "EC P-256" */
    char signature[64];               /* "sha256WithRSAEncryption" */
    enum { X509_HASH_OTHER, X509_HASH_MD5, X509_HASH_SHA1, X509_HASH_SHA2 } signature_hash;
    bool subject_empty, self_issued;  /* issuer equals subject */
    bool self_signed;                 /* self_issued and the signature verifies with its own key (absurdly large keys are not tried) */
    char *template_name;              /* Microsoft certificate template name or OID, NULL without */
    char **issuer_addresses; size_t issuer_address_count; /* AIA caIssuers: where the issuer's certificate can be fetched */
    char **ocsp_addresses; size_t ocsp_address_count;     /* AIA OCSP: who can be asked whether it is revoked */
    char **crl_addresses; size_t crl_address_count;       /* of the CRL distribution points; each at most X509_ADDRESSES_MAX */
    bool has_crl_points;              /* the extension is there, with an address or not */
};

/* Keeps OpenSSL from reading openssl.cnf (or what OPENSSL_CONF names): whoever uses OpenSSL calls it first; the certificate
 * functions do. Cheap, any number of times. */
void x509_without_configuration(void);

/* Parses one DER certificate; false when OpenSSL refuses it (out is then empty). */
bool x509_parse(struct span der, struct x509_facts *out);
void x509_facts_free(struct x509_facts *f);

/* RFC 2253 text of a DER distinguished name, at most X509_TEXT - 1 bytes, the cut marked with "..."; the caller frees.
 * NULL when it is none. */
char *x509_text_of_name(struct span der);

#endif
