/* Facts of certificates whose truth was fixed when they were made, and of what only an attacker would make. */
#include <stdio.h>

#include <openssl/evp.h>

#include "bytes_by_hand.h"
#include "certificates.h"
#include "dissect/crypto/x509.h"

static EVP_PKEY *rsa;

static int set_up(void **state)
{
    (void)state;
    x509_without_configuration(); /* OPENSSL_CONF names a file here that would leave OpenSSL without a provider */
    rsa = make_rsa(2048);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    return 0;
}

static struct x509_facts parsed(const struct recipe *recipe)
{
    struct made made = make_certificate(recipe);
    struct x509_facts f;
    assert_true(x509_parse(made.der, &f));
    made_free(&made);
    return f;
}

/* RFC 2253 text: last RDN first, comma joined, its specials escaped, UTF-8 as it is. */
static void a_server_certificate_gives_its_facts(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct recipe){
        .subject = "/DC=example/O=M\xc3\xbcller, S\xc3\xb6hne/CN=old.example/CN=nps01.corp.example",
        .extensions = "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n"
                      "extendedKeyUsage=serverAuth,1.2.3.4\n"
                      "subjectAltName=DNS:nps01.corp.example,DNS:*.corp.example,IP:192.0.2.1,IP:2001:db8::1,"
                      "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example\n"
                      "authorityInfoAccess=OCSP;URI:http://o.example/,caIssuers;URI:http://pki.example/ca.crt\n",
        .key = rsa,
        .serial = "0F00aBCdEF",
        .not_before = "490101000000Z", /* UTCTime: 2049 */
        .not_after = "20500101000000Z"});
    struct x509_facts f;
    uint8_t sha256[32];
    assert_true(x509_parse(made.der, &f));
    EVP_Digest(made.der.data, made.der.len, sha256, NULL, EVP_sha256(), NULL);
    assert_memory_equal(f.sha256, sha256, 32);
    assert_string_equal(f.subject, "CN=nps01.corp.example,CN=old.example,O=M\xc3\xbcller\\, S\xc3\xb6hne,DC=example");
    assert_string_equal(f.issuer, f.subject);
    assert_string_equal(f.common_name, "nps01.corp.example");
    assert_string_equal(f.serial, "0f00abcdef");
    assert_int_equal(f.dns_count, 2);
    assert_string_equal(f.dns_names[1], "*.corp.example");
    assert_int_equal(f.ip_count, 2);
    assert_string_equal(f.ip_names[0], "192.0.2.1");
    assert_string_equal(f.ip_names[1], "2001:db8::1");
    assert_int_equal(f.upn_count, 1);
    assert_string_equal(f.upn_names[0], "alice@corp.example");
    assert_true(f.has_eku);
    assert_int_equal(f.eku_count, 2);
    assert_string_equal(f.eku[0], "1.3.6.1.5.5.7.3.1");
    assert_string_equal(f.eku[1], "1.2.3.4");
    assert_true(f.has_key_usage && f.has_basic_constraints && !f.is_ca);
    assert_int_equal(f.key_usage, X509_KU_DIGITAL_SIGNATURE | X509_KU_KEY_ENCIPHERMENT);
    assert_true(f.not_before == INT64_C(2493072000));
    assert_true(f.not_after == INT64_C(2524608000));
    assert_int_equal(f.key, X509_KEY_RSA);
    assert_int_equal(f.key_bits, 2048);
    assert_string_equal(f.key_text, "RSA 2048");
    assert_string_equal(f.signature, "sha256WithRSAEncryption");
    assert_int_equal(f.signature_hash, X509_HASH_SHA2);
    assert_true(f.self_issued && f.self_signed && !f.subject_empty && !f.has_sid_extension);
    assert_string_equal(f.issuer_addresses[0], "http://pki.example/ca.crt");
    assert_null(f.template_name);
    x509_facts_free(&f);
    made_free(&made);
}

static void an_empty_subject_is_seen(void **state)
{
    (void)state;
    struct x509_facts f = parsed(&(struct recipe){.subject = "", .key = rsa});
    assert_true(f.subject_empty);
    assert_string_equal(f.subject, "");
    assert_null(f.common_name);
    assert_false(f.has_eku || f.has_key_usage || f.has_basic_constraints);
    x509_facts_free(&f);
}

/* RFC 5280 4.1.2.5: UTCTime's two digits mean 1950 to 2049; GeneralizedTime has four. Seconds by `date -u -d`. */
static void times_beyond_the_usual_are_exact(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {{"500101000000Z", INT64_C(-631152000)},     {"491231235959Z", INT64_C(2524607999)},
                 {"19000301000000Z", INT64_C(-2203891200)},  {"20000229120000Z", INT64_C(951825600)},
                 {"99991231235959Z", INT64_C(253402300799)}, {"00010101000000Z", INT64_C(-62135596800)}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=t", .key = rsa, .not_after = cases[i].text});
        assert_true(f.not_after == cases[i].seconds);
        x509_facts_free(&f);
    }
}

static void serials_may_be_negative_or_huge(void **state)
{
    (void)state;
    struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=s", .key = rsa, .serial = "-1F"});
    assert_string_equal(f.serial, "-1f");
    x509_facts_free(&f);
    char huge[4001];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    f = parsed(&(struct recipe){.subject = "/CN=s", .key = rsa, .serial = huge});
    assert_true(strlen(f.serial) < X509_TEXT);
    assert_string_equal(f.serial + strlen(f.serial) - 5, "aa...");
    x509_facts_free(&f);
}

static GENERAL_NAMES *dns_names(const void *name, size_t len, unsigned count)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (unsigned i = 0; i < count; i++) {
        GENERAL_NAME *general = GENERAL_NAME_new();
        ASN1_IA5STRING *ia5 = ASN1_IA5STRING_new();
        ASN1_STRING_set(ia5, name, (int)len);
        GENERAL_NAME_set0_value(general, GEN_DNS, ia5);
        sk_GENERAL_NAME_push(names, general);
    }
    return names;
}

/* A NUL byte must not end a name early: "nps01.corp.example\0.evil" is no nps01.corp.example. */
static void a_nul_byte_in_a_name_is_shown(void **state)
{
    static const char name[] = "nps01.corp.example\0.evil";
    (void)state;
    struct made made = make_certificate(&(struct recipe){.subject = "", .key = rsa});
    X509_NAME *subject = X509_get_subject_name(made.cert);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, (const uint8_t *)name, sizeof name - 1, -1,
                               0);
    GENERAL_NAMES *names = dns_names(name, sizeof name - 1, 1);
    X509_add1_ext_i2d(made.cert, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    made_refresh(&made, rsa);
    struct x509_facts f;
    assert_true(x509_parse(made.der, &f));
    assert_string_equal(f.subject, "CN=nps01.corp.example\\00.evil");
    assert_string_equal(f.common_name, "nps01.corp.example\\00.evil");
    assert_string_equal(f.dns_names[0], "nps01.corp.example\\00.evil");
    x509_facts_free(&f);
    made_free(&made);
}

/* A lone lead byte, a surrogate, an overlong NUL, and one proper character of four bytes (RFC 3629). */
static void broken_utf8_becomes_escapes(void **state)
{
    static const uint8_t name[] = {'a', 0xc3, 'b', 0xed, 0xa0, 0x80, 0xc0, 0x80, 0xf0, 0x9f, 0x98, 0x80};
    (void)state;
    struct made made = make_certificate(&(struct recipe){.subject = "/CN=u", .key = rsa});
    GENERAL_NAMES *names = dns_names(name, sizeof name, 1);
    X509_add1_ext_i2d(made.cert, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    made_refresh(&made, rsa);
    struct x509_facts f;
    assert_true(x509_parse(made.der, &f));
    assert_string_equal(f.dns_names[0], "a\\C3b\\ED\\A0\\80\\C0\\80\xf0\x9f\x98\x80");
    x509_facts_free(&f);
    made_free(&made);
}

static void absurd_sizes_are_bounded(void **state)
{
    (void)state;
    struct made made = make_certificate(&(struct recipe){.subject = "/CN=many", .key = rsa});
    GENERAL_NAMES *names = dns_names("name.example", 12, 3000);
    X509_add1_ext_i2d(made.cert, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    for (int i = 0; i < 60; i++)
        X509_NAME_add_entry_by_NID(X509_get_subject_name(made.cert), NID_organizationName, MBSTRING_UTF8,
                                   (const uint8_t *)"\xc3\xbc organisation", -1, -1, 0);
    made_refresh(&made, rsa);
    struct x509_facts f;
    assert_true(x509_parse(made.der, &f));
    assert_int_equal(f.dns_count, X509_NAMES_MAX);
    assert_true(strlen(f.subject) < X509_TEXT && strlen(f.subject) > X509_TEXT - 16);
    assert_string_equal(f.subject + strlen(f.subject) - 3, "...");
    x509_facts_free(&f);
    uint8_t *huge = calloc(1, X509_DER_MAX + 1);
    memcpy(huge, made.der.data, made.der.len);
    assert_true(x509_parse(span_of(huge, X509_DER_MAX), &f)); /* what follows the certificate does not matter */
    x509_facts_free(&f);
    assert_false(x509_parse(span_of(huge, X509_DER_MAX + 1), &f));
    free(huge);
    made_free(&made);
}

static void every_kind_of_key_is_named(void **state)
{
    static const struct {
        const char *curve, *text;
        unsigned bits;
    } curves[] = {{"P-256", "EC P-256", 256}, {"P-384", "EC P-384", 384}, {"secp256k1", "EC secp256k1", 256}};
    (void)state;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        EVP_PKEY *key = make_ec(curves[i].curve);
        struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=k", .key = key});
        assert_int_equal(f.key, X509_KEY_EC);
        assert_string_equal(f.key_text, curves[i].text);
        assert_int_equal(f.key_bits, curves[i].bits);
        assert_string_equal(f.signature, "ecdsa-with-SHA256");
        assert_true(f.self_signed);
        x509_facts_free(&f);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=k", .key = ed});
    assert_int_equal(f.key, X509_KEY_ED25519);
    assert_string_equal(f.key_text, "Ed25519");
    assert_int_equal(f.signature_hash, X509_HASH_OTHER);
    x509_facts_free(&f);
    EVP_PKEY_free(ed);
}

static void weak_hashes_are_named(void **state)
{
    (void)state;
    struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=k", .key = rsa, .digest = EVP_sha1()});
    assert_int_equal(f.signature_hash, X509_HASH_SHA1);
    assert_string_equal(f.signature, "sha1WithRSAEncryption");
    x509_facts_free(&f);
    f = parsed(&(struct recipe){.subject = "/CN=k", .key = rsa, .digest = EVP_md5()});
    assert_int_equal(f.signature_hash, X509_HASH_MD5);
    x509_facts_free(&f);
}

/* The algorithm of the key is overwritten in the DER by an OID that nobody knows. */
static void a_key_of_an_unknown_kind_still_has_names_and_dates(void **state)
{
    static const uint8_t rsa_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};
    (void)state;
    struct made made = make_certificate(&(struct recipe){.subject = "/CN=k", .key = rsa});
    uint8_t *der = malloc(made.der.len), *oid = NULL;
    memcpy(der, made.der.data, made.der.len);
    for (size_t i = 0; oid == NULL && i + sizeof rsa_oid <= made.der.len; i++)
        if (memcmp(der + i, rsa_oid, sizeof rsa_oid) == 0)
            oid = der + i;
    assert_non_null(oid);
    oid[8] = 0x7f;
    struct x509_facts f;
    assert_true(x509_parse(span_of(der, made.der.len), &f));
    assert_int_equal(f.key, X509_KEY_OTHER);
    assert_string_equal(f.key_text, "1.2.840.113549.1.1.127");
    assert_string_equal(f.common_name, "k");
    assert_true(f.not_after == INT64_C(2208988800));
    assert_false(f.self_signed);
    x509_facts_free(&f);
    free(der);
    made_free(&made);
}

static void microsoft_extensions_are_read(void **state)
{
    (void)state;
    struct x509_facts f = parsed(&(struct recipe){.subject = "/CN=m",
                                                  .key = rsa,
                                                  .extensions = "1.3.6.1.4.1.311.20.2=ASN1:BMPSTRING:RASAndIASServer\n"
                                                                "1.3.6.1.4.1.311.25.2=DER:3000\n"});
    assert_string_equal(f.template_name, "RASAndIASServer");
    assert_true(f.has_sid_extension);
    x509_facts_free(&f);
    /* SEQUENCE { OID 1.3.6.1.4.1.311.21.8.1, INTEGER 100 } */
    f = parsed(&(struct recipe){
        .subject = "/CN=m", .key = rsa, .extensions = "1.3.6.1.4.1.311.21.7=DER:300f060a2b060104018237150801020164\n"});
    assert_string_equal(f.template_name, "1.3.6.1.4.1.311.21.8.1");
    x509_facts_free(&f);
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    struct x509_facts f;
    assert_false(x509_parse(span_of(NULL, 0), &f));
    assert_false(x509_parse(span_of("\x30\x00", 2), &f));
    struct made made = make_certificate(
        &(struct recipe){.subject = "/CN=p", .extensions = SERVER_EXTENSIONS, .key = rsa, .issuer = NULL});
    for (size_t len = 0; len < made.der.len; len++) {
        uint8_t *prefix = exact_copy(made.der.data, len);
        assert_false(x509_parse(span_of(prefix, len), &f));
        assert_null(f.subject);
        free(prefix);
    }
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_certificate_gives_its_facts),
        cmocka_unit_test(an_empty_subject_is_seen),
        cmocka_unit_test(times_beyond_the_usual_are_exact),
        cmocka_unit_test(serials_may_be_negative_or_huge),
        cmocka_unit_test(a_nul_byte_in_a_name_is_shown),
        cmocka_unit_test(broken_utf8_becomes_escapes),
        cmocka_unit_test(absurd_sizes_are_bounded),
        cmocka_unit_test(every_kind_of_key_is_named),
        cmocka_unit_test(weak_hashes_are_named),
        cmocka_unit_test(a_key_of_an_unknown_kind_still_has_names_and_dates),
        cmocka_unit_test(microsoft_extensions_are_read),
        cmocka_unit_test(what_is_no_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
