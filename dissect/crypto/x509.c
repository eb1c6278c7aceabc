#include "dissect/crypto/x509.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "dissect/crypto/x509_openssl.h"

/* Contents of the OBJECT IDENTIFIERs of Microsoft's extensions. */
static const uint8_t oid_template_name[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                            0x82, 0x37, 0x14, 0x02};                          /* 1.3.6.1.4.1.311.20.2 */
static const uint8_t oid_template[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x15, 0x07}; /* 1.3.6.1.4.1.311.21.7 */
static const uint8_t oid_sid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x19, 0x02};      /* 1.3.6.1.4.1.311.25.2 */

void x509_without_configuration(void)
{
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static char *serial_text(const ASN1_INTEGER *serial)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = ASN1_STRING_get0_data(serial);
    size_t len = (size_t)ASN1_STRING_length(serial), n = 0;
    char text[X509_TEXT];
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
        text[n++] = '-';
    for (size_t i = 0; i < len && n + 6 < sizeof text; i++) {
        text[n++] = digits[bytes[i] >> 4];
        text[n++] = digits[bytes[i] & 15];
        if (n + 6 >= sizeof text && i + 1 < len) {
            memcpy(text + n, "...", 3);
            n += 3;
        }
    }
    char *out = malloc(n + 1);
    if (out != NULL) {
        memcpy(out, text, n);
        out[n] = '\0';
    }
    return out;
}

/* Days from 1970-01-01 of a day in the proleptic Gregorian calendar; month 1 to 12. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year; /* the year begins in March, so that February's end is the year's */
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t seconds_of(const ASN1_TIME *time, int64_t when_malformed)
{
    struct tm tm;
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return when_malformed;
    int64_t days = days_from_civil((int64_t)tm.tm_year + 1900, (int64_t)tm.tm_mon + 1, tm.tm_mday);
    return days * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

static void read_ec_key(EVP_PKEY *key, struct x509_facts *out)
{
    char group[64] = "";
    size_t len = 0;
    out->key = X509_KEY_EC;
    if (EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1)
        group[0] = '\0';
    int nid = group[0] != '\0' ? OBJ_txt2nid(group) : NID_undef;
    const char *nist = nid != NID_undef ? EC_curve_nid2nist(nid) : NULL;
    if (nist != NULL)
        snprintf(out->key_text, sizeof out->key_text, "EC %s", nist);
    else if (group[0] != '\0')
        snprintf(out->key_text, sizeof out->key_text, "EC %.28s", group);
    else
        snprintf(out->key_text, sizeof out->key_text, "EC %u", out->key_bits);
}

/* A key that OpenSSL does not know still has an algorithm's name. */
static void read_unknown_key(const X509 *cert, struct x509_facts *out)
{
    ASN1_OBJECT *algorithm = NULL;
    char name[80] = "";
    out->key = X509_KEY_OTHER;
    X509_PUBKEY *key = X509_get_X509_PUBKEY(cert);
    if (key != NULL && X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, key) == 1)
        OBJ_obj2txt(name, sizeof name, algorithm, 0);
    snprintf(out->key_text, sizeof out->key_text, "%.31s", name[0] != '\0' ? name : "unknown");
}

static void read_key(const X509 *cert, struct x509_facts *out)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    if (key == NULL) {
        read_unknown_key(cert, out);
        return;
    }
    int bits = EVP_PKEY_get_bits(key);
    out->key_bits = bits > 0 ? (unsigned)bits : 0;
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) {
        out->key = X509_KEY_RSA;
        snprintf(out->key_text, sizeof out->key_text, "RSA %u", out->key_bits);
    } else if (EVP_PKEY_is_a(key, "EC")) {
        read_ec_key(key, out);
    } else if (EVP_PKEY_is_a(key, "DSA")) {
        out->key = X509_KEY_DSA;
        snprintf(out->key_text, sizeof out->key_text, "DSA %u", out->key_bits);
    } else if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")) {
        out->key = EVP_PKEY_is_a(key, "ED448") ? X509_KEY_ED448 : X509_KEY_ED25519;
        snprintf(out->key_text, sizeof out->key_text, "%s", out->key == X509_KEY_ED448 ? "Ed448" : "Ed25519");
    } else {
        read_unknown_key(cert, out);
    }
}

static void read_signature(X509 *cert, struct x509_facts *out)
{
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    X509_get0_signature(NULL, &algorithm, cert);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    OBJ_obj2txt(out->signature, sizeof out->signature, object, 0);
    int digest = NID_undef, nid = X509_get_signature_nid(cert);
    if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) != 1 && nid != NID_undef)
        OBJ_find_sigid_algs(nid, &digest, NULL);
    switch (digest) {
    case NID_md2:
    case NID_md4:
    case NID_md5:
        out->signature_hash = X509_HASH_MD5;
        break;
    case NID_sha1:
        out->signature_hash = X509_HASH_SHA1;
        break;
    case NID_sha224:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
    case NID_sha512_224:
    case NID_sha512_256:
        out->signature_hash = X509_HASH_SHA2;
        break;
    default:
        out->signature_hash = X509_HASH_OTHER;
    }
}

static bool object_is(const ASN1_OBJECT *object, const uint8_t *oid, size_t len)
{
    return OBJ_length(object) == len && memcmp(OBJ_get0_data(object), oid, len) == 0;
}

/* [MS-WCCE] 2.2.2.7.7.1 (a string with the name) and 2.2.2.7.7.2 (SEQUENCE of OID and versions). */
static char *template_text(const ASN1_OCTET_STRING *value, bool is_name)
{
    const uint8_t *at = ASN1_STRING_get0_data(value);
    char *text = NULL;
    if (is_name) {
        ASN1_TYPE *name = d2i_ASN1_TYPE(NULL, &at, ASN1_STRING_length(value));
        if (name != NULL && (name->type == V_ASN1_BMPSTRING || name->type == V_ASN1_UTF8STRING))
            text = x509_string_text(name->value.asn1_string);
        ASN1_TYPE_free(name);
        return text;
    }
    ASN1_SEQUENCE_ANY *sequence = d2i_ASN1_SEQUENCE_ANY(NULL, &at, ASN1_STRING_length(value));
    const ASN1_TYPE *first = sk_ASN1_TYPE_num(sequence) > 0 ? sk_ASN1_TYPE_value(sequence, 0) : NULL;
    if (first != NULL && first->type == V_ASN1_OBJECT && (text = malloc(X509_OID_TEXT)) != NULL)
        OBJ_obj2txt(text, X509_OID_TEXT, first->value.object, 1);
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
    return text;
}

static void read_microsoft_extensions(const X509 *cert, struct x509_facts *out)
{
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        bool is_name = object_is(object, oid_template_name, sizeof oid_template_name);
        if (object_is(object, oid_sid, sizeof oid_sid))
            out->has_sid_extension = true;
        if (out->template_name == NULL && (is_name || object_is(object, oid_template, sizeof oid_template)))
            out->template_name = template_text(X509_EXTENSION_get_data(extension), is_name);
    }
}

static uint32_t key_usage_bits(const ASN1_BIT_STRING *usage)
{
    uint32_t bits = 0;
    for (int i = 0; i < 9; i++)
        if (ASN1_BIT_STRING_get_bit(usage, i))
            bits |= 1u << i;
    return bits;
}

static bool read_usage(const X509 *cert, struct x509_facts *out)
{
    int critical = -1; /* stays -1 only when the extension is absent */
    ASN1_BIT_STRING *usage = X509_get_ext_d2i(cert, NID_key_usage, &critical, NULL);
    out->has_key_usage = critical != -1;
    if (usage != NULL)
        out->key_usage = key_usage_bits(usage);
    ASN1_BIT_STRING_free(usage);

    BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(cert, NID_basic_constraints, &critical, NULL);
    out->has_basic_constraints = critical != -1;
    out->is_ca = constraints != NULL && constraints->ca != 0;
    BASIC_CONSTRAINTS_free(constraints);

    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(cert, NID_ext_key_usage, &critical, NULL);
    out->has_eku = critical != -1;
    int count = sk_ASN1_OBJECT_num(purposes);
    if (count > X509_OIDS_MAX)
        count = X509_OIDS_MAX;
    if (count > 0 && (out->eku = calloc((size_t)count, sizeof *out->eku)) != NULL)
        for (; out->eku_count < (size_t)count; out->eku_count++)
            OBJ_obj2txt(out->eku[out->eku_count], X509_OID_TEXT, sk_ASN1_OBJECT_value(purposes, (int)out->eku_count),
                        1);
    sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free);
    return count <= 0 || out->eku != NULL;
}

X509 *x509_decode(struct span der)
{
    x509_without_configuration();
    if (der.len == 0 || der.len > X509_DER_MAX)
        return NULL;
    const uint8_t *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (int)der.len);
    ERR_clear_error();
    return cert;
}

bool x509_key_affordable(const X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    BIGNUM *exponent = NULL;
    if (key == NULL)
        return true;
    if (EVP_PKEY_is_a(key, "DSA"))
        return EVP_PKEY_get_bits(key) <= 3072;
    if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS"))
        return true;
    bool known = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
    bool affordable = EVP_PKEY_get_bits(key) <= 8192 && known && BN_num_bits(exponent) <= 32;
    BN_free(exponent);
    return affordable;
}

bool x509_facts_of(X509 *cert, struct span der, struct x509_facts *out)
{
    memset(out, 0, sizeof *out);
    bool hashed = EVP_Digest(der.data, der.len, out->sha1, NULL, EVP_sha1(), NULL) == 1 &&
                  EVP_Digest(der.data, der.len, out->sha256, NULL, EVP_sha256(), NULL) == 1;
    out->subject = x509_name_text(X509_get_subject_name(cert));
    out->issuer = x509_name_text(X509_get_issuer_name(cert));
    out->serial = serial_text(X509_get0_serialNumber(cert));
    bool ok = hashed && out->subject != NULL && out->issuer != NULL && out->serial != NULL &&
              x509_collect_names(cert, out) && x509_collect_addresses(cert, out) && read_usage(cert, out);
    if (ok) {
        read_microsoft_extensions(cert, out);
        out->not_before = seconds_of(X509_get0_notBefore(cert), INT64_MIN);
        out->not_after = seconds_of(X509_get0_notAfter(cert), INT64_MAX);
        read_key(cert, out);
        read_signature(cert, out);
        out->self_issued = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
        out->self_signed = out->self_issued && X509_get0_pubkey(cert) != NULL && x509_key_affordable(cert) &&
                           X509_verify(cert, X509_get0_pubkey(cert)) == 1;
    } else {
        x509_facts_free(out);
    }
    ERR_clear_error();
    return ok;
}

int64_t x509_time_of(const ASN1_TIME *time)
{
    return seconds_of(time, 0);
}

bool x509_parse(struct span der, struct x509_facts *out)
{
    memset(out, 0, sizeof *out);
    X509 *cert = x509_decode(der);
    bool ok = cert != NULL && x509_facts_of(cert, der, out);
    X509_free(cert);
    return ok;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void x509_facts_free(struct x509_facts *f)
{
    free_list(f->dns_names, f->dns_count);
    free_list(f->ip_names, f->ip_count);
    free_list(f->upn_names, f->upn_count);
    free(f->subject);
    free(f->issuer);
    free(f->common_name);
    free(f->serial);
    free(f->eku);
    free(f->template_name);
    free_list(f->issuer_addresses, f->issuer_address_count);
    free_list(f->ocsp_addresses, f->ocsp_address_count);
    free_list(f->crl_addresses, f->crl_address_count);
    memset(f, 0, sizeof *f);
}
