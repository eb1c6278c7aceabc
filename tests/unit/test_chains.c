/* Chains of certificates made here, so that the truth about each is known, judged against what clients expect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ocsp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "analyze/certificate/chains.h"
#include "analyze/certificate/expect_internal.h"
#include "capture/platform.h"
#include "certificates.h"

#define NPS "nps01.corp.example"

/* Two organisations; every test takes what it needs. */
static struct {
    EVP_PKEY *root_key, *issuing_key, *leaf_key, *other_key;
    struct made root, issuing, leaf, other_root, other_leaf, root_leaf;
} pki;

static struct made server(const char *subject, const char *extensions, const struct made *issuer, EVP_PKEY *issuer_key)
{
    return make_certificate(&(struct recipe){.subject = subject,
                                             .extensions = extensions,
                                             .key = pki.leaf_key,
                                             .issuer = issuer->cert,
                                             .issuer_key = issuer_key});
}

static int set_up(void **state)
{
    (void)state;
    pki.root_key = make_rsa(2048);
    pki.issuing_key = make_rsa(2048);
    pki.leaf_key = make_rsa(2048);
    pki.other_key = make_rsa(2048);
    pki.root = make_certificate(
        &(struct recipe){.subject = "/DC=example/CN=Root CA", .extensions = CA_EXTENSIONS, .key = pki.root_key});
    pki.issuing = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Issuing CA",
                                                    .extensions = CA_EXTENSIONS "authorityKeyIdentifier=keyid\n",
                                                    .key = pki.issuing_key,
                                                    .issuer = pki.root.cert,
                                                    .issuer_key = pki.root_key,
                                                    .not_before = "20210101000000Z",
                                                    .not_after = "20290101000000Z"});
    pki.leaf = server("/CN=" NPS, SERVER_EXTENSIONS, &pki.issuing, pki.issuing_key);
    pki.other_root = make_certificate(
        &(struct recipe){.subject = "/CN=Other Root", .extensions = CA_EXTENSIONS, .key = pki.other_key});
    pki.other_leaf = server("/CN=" NPS, SERVER_EXTENSIONS, &pki.other_root, pki.other_key);
    pki.root_leaf = server("/CN=" NPS, SERVER_EXTENSIONS, &pki.root, pki.root_key);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct made *made[] = {&pki.root, &pki.issuing, &pki.leaf, &pki.other_root, &pki.other_leaf, &pki.root_leaf};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        made_free(made[i]);
    EVP_PKEY_free(pki.root_key);
    EVP_PKEY_free(pki.issuing_key);
    EVP_PKEY_free(pki.leaf_key);
    EVP_PKEY_free(pki.other_key);
    return 0;
}

/* What clients expect: roots by pointer (NULL ends the list). */
static struct expect *trusting(const struct made *const roots[])
{
    struct expect *e = expect_new();
    char error[EXPECT_ERROR];
    for (size_t i = 0, found; roots[i] != NULL; i++)
        assert_true(roots_parse(e, "root", roots[i]->der, &found, error) && found == 1);
    return e;
}

#define TRUSTING(...) trusting((const struct made *const[]){__VA_ARGS__, NULL})
#define TRUSTING_NONE() trusting((const struct made *const[]){NULL})

static void pin_certificate(struct expect *e, const struct made *made, bool sha256)
{
    char text[1024], error[EXPECT_ERROR];
    uint8_t hash[32];
    EVP_Digest(made->der.data, made->der.len, hash, NULL, sha256 ? EVP_sha256() : EVP_sha1(), NULL);
    size_t n = (size_t)snprintf(text, sizeof text,
                                "<EapHostConfig><Config><Eap><Type>25</Type><EapType><ServerValidation>"
                                "<TrustedRootCA>");
    for (size_t i = 0; i < (sha256 ? 32u : 20u); i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%02x", hash[i]);
    snprintf(text + n, sizeof text - n, "</TrustedRootCA></ServerValidation></EapType></Eap></Config></EapHostConfig>");
    assert_true(eap_config_parse(e, "pin", span_of(text, strlen(text)), error));
}

struct judged {
    struct chains *chains;
    struct chain *chain;
    const struct chain_checks *checks;
};

static struct judged judge_at(const struct expect *e, const struct made *const sent[], uint32_t role, int64_t time_ns)
{
    struct span der[CHAIN_CERTS_MAX];
    size_t count = 0;
    for (; sent[count] != NULL; count++)
        der[count] = sent[count]->der;
    struct judged j = {chains_new(e), NULL, NULL};
    j.chain = chains_intern(j.chains, der, count, role, &(struct endpoint){.port = 1812}, 1,
                            (struct place){.frame = 1, .time_ns = time_ns});
    assert_non_null(j.chain);
    chains_judge(j.chains, 10);
    assert_true(j.chain->judged);
    j.checks = &j.chain->checks;
    return j;
}

static struct judged judge_as(const struct expect *e, const struct made *const sent[], uint32_t role)
{
    return judge_at(e, sent, role, 1);
}

#define JUDGE(e, ...) judge_as(e, (const struct made *const[]){__VA_ARGS__, NULL}, ROLE_NPS)

/* Judges and compares in one line; the text must hold `says`. */
static void expect_chain(struct expect *e, struct judged j, enum check check, enum chain_error error, size_t index,
                         const char *says)
{
    if (j.checks->chain != check || j.checks->chain_error != error)
        print_error("%s: %s\n", chain_error_name(j.checks->chain_error), j.checks->chain_text);
    assert_int_equal(j.checks->chain_error, error);
    assert_int_equal(j.checks->chain, check);
    assert_int_equal(j.checks->failing_index, index);
    if (says[0] == '\0')
        assert_string_equal(j.checks->chain_text, "");
    else if (strstr(j.checks->chain_text, says) == NULL)
        fail_msg("'%s' lacks '%s'", j.checks->chain_text, says);
    chains_free(j.chains);
    expect_free(e);
}

static void a_good_chain_passes_every_check(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.root);
    char error[EXPECT_ERROR];
    assert_true(expect_add_server_name(e, NPS, error));
    struct judged j = JUDGE(e, &pki.leaf, &pki.issuing);
    const struct chain_checks *c = j.checks;
    assert_int_equal(c->name, CHECK_PASS);
    assert_int_equal(c->server_auth_eku, CHECK_PASS);
    assert_int_equal(c->key_strength, CHECK_PASS);
    assert_int_equal(c->signature_strength, CHECK_PASS);
    assert_int_equal(c->key_usage_signature, CHECK_PASS);
    assert_int_equal(c->key_usage_encipherment, CHECK_PASS);
    assert_false(c->eku_absent || c->eku_any || c->subject_empty || c->subject_wildcard || c->order_wrong);
    assert_false(c->root_sent || c->intermediate_given || j.chain->inner_checks != NULL);
    assert_true(c->root_known);
    assert_string_equal(c->root_subject, "CN=Root CA,DC=example");
    assert_memory_equal(c->root_sha1, e->roots[0].sha1, 20);
    assert_int_equal(c->pin, PIN_NONE_GIVEN);
    /* 2020-01-01 to 2040-01-01; the issuing CA limits both ends: 2021-01-01 to 2029-01-01 */
    assert_true(c->not_before == 1577836800 && c->not_after == INT64_C(2208988800));
    assert_true(c->path_not_before == 1609459200 && c->path_not_after == 1861920000);
    assert_int_equal(c->not_before_index, 1);
    assert_int_equal(c->not_after_index, 1);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
}

static void what_else_is_sent_does_not_harm(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.other_root, &pki.root);
    struct judged j = JUDGE(e, &pki.leaf, &pki.issuing, &pki.root);
    assert_true(j.checks->root_sent && j.checks->root_known && !j.checks->order_wrong);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    struct made old_root = make_certificate(&(struct recipe){
        .subject = "/CN=Old", .extensions = CA_EXTENSIONS, .key = pki.root_key, .not_after = "20230101000000Z"});
    struct made below = server("/CN=" NPS, SERVER_EXTENSIONS, &old_root, pki.root_key);
    e = TRUSTING(&old_root);
    j = JUDGE(e, &below, &old_root); /* the root's own end, 2023-01-01, counts; that it is over is the login's affair */
    assert_true(j.checks->path_not_after == 1672531200 && j.checks->not_after_index == 1);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    made_free(&below);
    made_free(&old_root);
    e = TRUSTING(&pki.root);
    j = JUDGE(e, &pki.leaf, &pki.root, &pki.issuing);
    assert_true(j.checks->order_wrong && j.checks->root_sent);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&pki.root);
    j = JUDGE(e, &pki.root_leaf); /* issued by the root itself: nothing is missing */
    assert_false(j.checks->order_wrong);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
}

enum { IN_2024_S = 1704067200 };

/* Judged as presented on 2024-01-01. */
#define JUDGE_2024(e, ...)                                                                                             \
    judge_at(e, (const struct made *const[]){__VA_ARGS__, NULL}, ROLE_NPS, IN_2024_S * INT64_C(1000000000))

/* An issuer that was renewed with its old key: both certificates fit, and clients take the one that is valid. */
static void of_two_issuers_with_one_key_the_valid_one_counts(void **state)
{
    (void)state;
    struct made old_issuing = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Issuing CA",
                                                                .extensions = CA_EXTENSIONS "authorityKeyIdentifier=keyid\n",
                                                                .key = pki.issuing_key,
                                                                .issuer = pki.root.cert,
                                                                .issuer_key = pki.root_key,
                                                                .not_after = "20230101000000Z"});
    struct made old_root = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Root CA",
                                                             .extensions = CA_EXTENSIONS,
                                                             .key = pki.root_key,
                                                             .not_after = "20230101000000Z"});
    struct expect *e = TRUSTING(&pki.root);
    struct judged j = JUDGE_2024(e, &pki.leaf, &old_issuing, &pki.issuing);
    assert_true(j.checks->path_not_after == 1861920000 && j.checks->not_after_index == 2);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING_NONE();
    j = JUDGE_2024(e, &pki.leaf, &old_issuing, &pki.issuing);
    assert_true(j.checks->path_not_after == 1861920000 && j.checks->not_after_index == 2);
    expect_chain(e, j, CHECK_UNKNOWN, CHAIN_NO_ROOTS, 2, "Nobody said");
    e = TRUSTING(&old_issuing, &pki.root); /* the one sent is the valid one: nothing is missing */
    j = JUDGE_2024(e, &pki.leaf, &pki.issuing);
    assert_false(j.checks->intermediate_given);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&pki.issuing, &pki.root); /* the one sent has expired */
    j = JUDGE_2024(e, &pki.leaf, &old_issuing);
    assert_true(j.checks->intermediate_given);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "sends another certificate than the fitting one of 'CN=Issuing CA");
    e = TRUSTING(&old_root, &pki.root);
    pin_certificate(e, &pki.root, false);
    j = JUDGE_2024(e, &pki.leaf, &pki.issuing);
    assert_true(j.checks->path_not_after == 1861920000);
    assert_int_equal(j.checks->pin, PIN_ROOT);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&pki.root, &old_root); /* pinned, but over */
    pin_certificate(e, &old_root, false);
    j = JUDGE_2024(e, &pki.leaf, &pki.issuing);
    assert_int_equal(j.checks->pin, PIN_NOT_IN_CHAIN);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    made_free(&old_issuing);
    made_free(&old_root);
}

/* A root that was given and not sent ends as well; and of two ways to a root the pinned one is taken. */
static void the_end_of_a_given_root_counts(void **state)
{
    (void)state;
    struct made old_root = make_certificate(&(struct recipe){.subject = "/CN=Other Root",
                                                             .extensions = CA_EXTENSIONS,
                                                             .key = pki.other_key,
                                                             .not_after = "20230101000000Z"});
    struct made cross = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Root CA",
                                                          .extensions = CA_EXTENSIONS "authorityKeyIdentifier=keyid\n",
                                                          .key = pki.root_key,
                                                          .issuer = pki.other_root.cert,
                                                          .issuer_key = pki.other_key});
    struct expect *e = TRUSTING(&old_root);
    struct judged j = JUDGE_2024(e, &pki.other_leaf);
    assert_true(j.checks->path_not_after == 1672531200 && j.checks->not_after_index == 1);
    assert_string_equal(j.checks->not_after_given, "Other Root");
    assert_null(j.checks->not_before_given);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&old_root);
    j = JUDGE_2024(e, &pki.other_leaf, &old_root);
    assert_true(j.checks->path_not_after == 1672531200 && j.checks->not_after_index == 1);
    assert_null(j.checks->not_after_given); /* it was sent */
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&pki.root, &pki.other_root);
    pin_certificate(e, &pki.other_root, false);
    j = JUDGE_2024(e, &pki.leaf, &pki.issuing, &cross);
    assert_int_equal(j.checks->pin, PIN_ROOT);
    assert_string_equal(j.checks->root_subject, "CN=Other Root");
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    made_free(&old_root);
    made_free(&cross);
}

static void untrusted_incomplete_and_self_signed_are_told_apart(void **state)
{
    (void)state;
    struct made self = make_certificate(
        &(struct recipe){.subject = "/CN=" NPS, .key = pki.leaf_key, .extensions = "extendedKeyUsage=serverAuth\n"});
    struct expect *e = TRUSTING(&pki.other_root);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing), CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, 1,
                 "'CN=Issuing CA,DC=example' was issued by 'CN=Root CA,DC=example', which is neither sent nor among");
    e = TRUSTING(&pki.other_root);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing, &pki.root), CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, 2,
                 "ends in 'CN=Root CA,DC=example', which is not among the given roots");
    e = TRUSTING(&pki.other_root);
    struct judged j = JUDGE(e, &pki.root_leaf, &pki.root);
    assert_true(j.checks->root_known && j.checks->root_sent);
    expect_chain(e, j, CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, 1, "not among the given roots");
    e = TRUSTING(&pki.root);
    j = JUDGE(e, &pki.leaf);
    assert_false(j.checks->root_known || j.checks->root_sent);
    assert_string_equal(j.checks->root_subject, "CN=Issuing CA,DC=example");
    expect_chain(e, j, CHECK_FAIL, CHAIN_INCOMPLETE, 0,
                 "Only the leaf was sent; its issuer 'CN=Issuing CA,DC=example' is not given");
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &self), CHECK_FAIL, CHAIN_SELF_SIGNED, 0, "signs itself and is not among the given roots");
    e = TRUSTING(&self);
    expect_chain(e, JUDGE(e, &self), CHECK_PASS, CHAIN_OK, 0, "");
    made_free(&self);
}

/* Without a root among what was given, nobody said what clients trust. */
static void intermediates_alone_say_nothing_about_trust(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.issuing);
    expect_complete(e);
    assert_non_null(strstr(expect_remark(e, 0), "none that signs itself"));
    assert_null(expect_remark(e, 1));
    assert_false(expect_has_roots(e));
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing, &pki.root), CHECK_UNKNOWN, CHAIN_NO_ROOTS, 2, "Nobody said");
    e = TRUSTING(&pki.leaf);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing), CHECK_UNKNOWN, CHAIN_NO_ROOTS, 1, "Nobody said");
    e = TRUSTING(&pki.leaf);
    pin_certificate(e, &pki.root, false);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing, &pki.root), CHECK_PASS, CHAIN_OK, 0, "");
}

/* .p7b, as Windows exports a CA with those above it: in DER, in PEM, and in PEM that says CERTIFICATE. */
static void roots_come_in_a_pkcs7(void **state)
{
    static const char *const labels[] = {NULL, "PKCS7", "CERTIFICATE"};
    (void)state;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        PKCS7 *p7 = PKCS7_new();
        assert_true(PKCS7_set_type(p7, NID_pkcs7_signed) == 1 && PKCS7_content_new(p7, NID_pkcs7_data) == 1);
        assert_true(PKCS7_add_certificate(p7, pki.issuing.cert) == 1 && PKCS7_add_certificate(p7, pki.root.cert) == 1);
        uint8_t *der = NULL;
        int len = i2d_PKCS7(p7, &der);
        assert_true(len > 0);
        struct expect *e = expect_new();
        char error[EXPECT_ERROR], *text = (char *)der;
        size_t size = (size_t)len, found = 0;
        BIO *bio = BIO_new(BIO_s_mem());
        if (labels[i] != NULL) {
            assert_true(PEM_write_bio(bio, labels[i], "", der, len) > 0);
            size = (size_t)BIO_get_mem_data(bio, &text);
        }
        assert_true(roots_parse(e, "bundle", span_of(text, size), &found, error));
        assert_true(found == 2 && e->root_count == 2 && e->anchor_count == 1);
        BIO_free(bio);
        expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing), CHECK_PASS, CHAIN_OK, 0, "");
        PKCS7_free(p7);
        e = expect_new(); /* nothing in it */
        assert_true(roots_parse(e, "bundle", span_of("\x30\x03\x02\x01\x01", 5), &found, error) && found == 0);
        assert_true(roots_parse(e, "bundle", span_of(der, (size_t)len / 2), &found, error) && found == 0);
        expect_free(e);
        OPENSSL_free(der);
    }
}

static void an_intermediate_among_the_roots_is_said(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.issuing, &pki.root);
    expect_complete(e);
    assert_null(expect_remark(e, 0));
    struct judged j = JUDGE(e, &pki.leaf);
    assert_true(j.checks->intermediate_given);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "does not send 'CN=Issuing CA,DC=example'");
    e = TRUSTING(&pki.issuing);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing), CHECK_UNKNOWN, CHAIN_NO_ROOTS, 1,
                 "is an intermediate: give its root");
}

static void without_roots_only_what_is_provable_is_said(void **state)
{
    (void)state;
    struct expect *e = TRUSTING_NONE();
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing, &pki.root), CHECK_UNKNOWN, CHAIN_NO_ROOTS, 2, "Nobody said");
    e = TRUSTING_NONE();
    expect_chain(e, JUDGE(e, &pki.leaf), CHECK_UNKNOWN, CHAIN_NO_ROOTS, 0, "Only the leaf was sent");
    e = TRUSTING_NONE();
    expect_chain(e, JUDGE(e, &pki.other_root), CHECK_UNKNOWN, CHAIN_SELF_SIGNED, 0, "no roots were given");
}

/* The parent bears the right name and another key, with and without key identifiers to tell. */
static void a_wrong_key_of_the_issuer_is_a_bad_signature(void **state)
{
    static const char plain_ca[] = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    (void)state;
    struct made renewed = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Issuing CA",
                                                            .extensions = plain_ca,
                                                            .key = pki.other_key,
                                                            .issuer = pki.root.cert,
                                                            .issuer_key = pki.root_key});
    struct made renewed_root = make_certificate(
        &(struct recipe){.subject = "/DC=example/CN=Root CA", .extensions = CA_EXTENSIONS, .key = pki.other_key});
    struct expect *e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &pki.leaf, &renewed), CHECK_FAIL, CHAIN_BAD_SIGNATURE, 0,
                 "the sent certificate of that name has another key");
    e = TRUSTING_NONE();
    expect_chain(e, JUDGE(e, &pki.leaf, &renewed), CHECK_FAIL, CHAIN_BAD_SIGNATURE, 0, "another key");
    e = TRUSTING(&renewed_root);
    expect_chain(e, JUDGE(e, &pki.root_leaf), CHECK_FAIL, CHAIN_BAD_SIGNATURE, 0,
                 "the given certificate of that name has another key");
    e = TRUSTING(&renewed_root);
    expect_chain(e, JUDGE(e, &pki.root_leaf, &pki.root), CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, 1,
                 "the same name there has another key");
    e = TRUSTING(&pki.root); /* both the old and the new issuing CA are sent: the right one is found */
    expect_chain(e, JUDGE(e, &pki.leaf, &renewed, &pki.issuing), CHECK_PASS, CHAIN_OK, 0, "");
    e = TRUSTING(&renewed, &pki.root, &pki.issuing);
    expect_chain(e, JUDGE(e, &pki.leaf), CHECK_PASS, CHAIN_OK, 0, "does not send 'CN=Issuing CA,DC=example'");
    made_free(&renewed);
    made_free(&renewed_root);
}

/* RFC 5246 section 7.4.2 holds for neither, but only one of them has its own certificates out of order. */
static void what_is_too_much_is_told_from_a_wrong_order(void **state)
{
    (void)state;
    const struct made *const sent[][5] = {
        {&pki.leaf, &pki.root, &pki.issuing}, {&pki.leaf, &pki.issuing, &pki.other_root},
        {&pki.leaf, &pki.other_root, &pki.issuing}, {&pki.leaf, &pki.leaf, &pki.issuing},
        {&pki.leaf, &pki.other_root},
    };
    const size_t strays[] = {0, 2, 1, 1, 1};
    for (size_t i = 0; i < sizeof strays / sizeof strays[0]; i++) {
        struct expect *e = TRUSTING(&pki.root);
        struct judged j = judge_as(e, sent[i], ROLE_NPS);
        assert_true(j.checks->order_wrong);
        assert_int_equal(j.checks->stray_index, strays[i]);
        if (i < 4)
            expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
        else
            expect_chain(e, j, CHECK_FAIL, CHAIN_INCOMPLETE, 0, "What was sent with the leaf did not issue it");
    }
}

static void critical_extensions_are_known_or_refused(void **state)
{
    static const struct {
        const char *line, *says;
        enum check check;
    } cases[] = {
        {"1.2.3.4.5.6=DER:0500\n", "", CHECK_PASS},
        {"1.2.3.4.5.6=critical,DER:0500\n", "clients do not know (1.2.3.4.5.6)", CHECK_FAIL},
        {"1.3.6.1.4.1.311.21.10=critical,DER:300C300A06082B06010505070301\n", "some clients know", CHECK_UNKNOWN},
        {"certificatePolicies=critical,1.2.3.4\n", "", CHECK_PASS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char extensions[512], below[512];
        snprintf(extensions, sizeof extensions, "%s%s", SERVER_EXTENSIONS, cases[i].line);
        snprintf(below, sizeof below, "%s%s", CA_EXTENSIONS, cases[i].line);
        enum chain_error error = cases[i].check == CHECK_PASS ? CHAIN_OK : CHAIN_OTHER;
        struct made leaf = server("/CN=" NPS, extensions, &pki.issuing, pki.issuing_key);
        struct made ca = server("/CN=CA", below, &pki.root, pki.root_key);
        struct made under = server("/CN=" NPS, SERVER_EXTENSIONS, &ca, pki.leaf_key);
        struct expect *e = TRUSTING(&pki.root);
        expect_chain(e, JUDGE(e, &leaf, &pki.issuing), cases[i].check, error, 0, cases[i].says);
        e = TRUSTING(&pki.root);
        expect_chain(e, JUDGE(e, &under, &ca), cases[i].check, error, error == CHAIN_OK ? 0 : 1, cases[i].says);
        made_free(&under);
        made_free(&ca);
        made_free(&leaf);
    }
}

static void an_issuer_that_may_not_issue_is_refused(void **state)
{
    (void)state;
    struct made no_ca = server("/CN=not a CA", SERVER_EXTENSIONS, &pki.root, pki.root_key);
    struct made below = make_certificate(&(struct recipe){.subject = "/CN=" NPS,
                                                          .extensions = "extendedKeyUsage=serverAuth\n",
                                                          .key = pki.other_key,
                                                          .issuer = no_ca.cert,
                                                          .issuer_key = pki.leaf_key});
    struct made narrow = make_certificate(&(struct recipe){.subject = "/CN=Client CA",
                                                           .key = pki.issuing_key,
                                                           .extensions = CA_EXTENSIONS "extendedKeyUsage=clientAuth\n",
                                                           .issuer = pki.root.cert,
                                                           .issuer_key = pki.root_key});
    struct made under_narrow = server("/CN=" NPS, SERVER_EXTENSIONS, &narrow, pki.issuing_key);
    struct made limited =
        make_certificate(&(struct recipe){.subject = "/CN=Limited CA",
                                          .key = pki.issuing_key,
                                          .extensions = CA_EXTENSIONS "nameConstraints=permitted;DNS:other.example\n",
                                          .issuer = pki.root.cert,
                                          .issuer_key = pki.root_key});
    struct made under_limited = server("/CN=" NPS, SERVER_EXTENSIONS, &limited, pki.issuing_key);
    struct expect *e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &below, &no_ca), CHECK_FAIL, CHAIN_INVALID_CA, 1, "'CN=not a CA' is used as a CA");
    e = TRUSTING(&pki.other_root);
    expect_chain(e, JUDGE(e, &below, &no_ca), CHECK_FAIL, CHAIN_INVALID_CA, 1, "is used as a CA");
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &under_narrow, &narrow), CHECK_FAIL, CHAIN_INVALID_CA, 1, "lacks Server Authentication");
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &under_limited, &limited), CHECK_FAIL, CHAIN_INVALID_CA, 0, "may not issue for (name constraints)");
    struct made lowest =
        make_certificate(&(struct recipe){.subject = "/CN=Lowest CA",
                                          .key = pki.issuing_key,
                                          .extensions = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign\n",
                                          .issuer = pki.root.cert,
                                          .issuer_key = pki.root_key});
    struct made lower = make_certificate(&(struct recipe){.subject = "/CN=Lower CA",
                                                          .key = pki.other_key,
                                                          .extensions = CA_EXTENSIONS,
                                                          .issuer = lowest.cert,
                                                          .issuer_key = pki.issuing_key});
    struct made under_lower = server("/CN=" NPS, SERVER_EXTENSIONS, &lower, pki.other_key);
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &under_lower, &lower, &lowest), CHECK_FAIL, CHAIN_INVALID_CA, 2,
                 "Below 'CN=Lowest CA' there are more CAs");
    struct made *made[] = {&no_ca, &below, &narrow, &under_narrow, &limited, &under_limited, &lowest, &lower, &under_lower};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        made_free(made[i]);
}

static void what_does_not_parse_is_unknown(void **state)
{
    (void)state;
    struct made junk = {NULL, span_of("\x30\x03junk", 6)};
    struct expect *e = TRUSTING(&pki.root);
    struct judged j = JUDGE(e, &junk, &pki.issuing);
    assert_false(j.chain->parsed[0]);
    assert_true(j.chain->parsed[1]);
    assert_int_equal(j.checks->name, CHECK_UNKNOWN);
    expect_chain(e, j, CHECK_UNKNOWN, CHAIN_NOT_PARSED, 0, "cannot be parsed");
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &pki.leaf, &junk), CHECK_UNKNOWN, CHAIN_NOT_PARSED, 1, "Certificate 2 of the chain");
    e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &pki.leaf, &junk, &pki.issuing), CHECK_PASS, CHAIN_OK, 0, "");
}

static void pins_name_what_they_hit(void **state)
{
    static const struct {
        struct made *pinned;
        bool root_given, root_sent;
        enum pin_result pin;
        size_t index;
        enum check chain;
    } cases[] = {
        {&pki.root, true, false, PIN_ROOT, SIZE_MAX, CHECK_PASS},
        {&pki.root, true, true, PIN_ROOT, 2, CHECK_PASS},
        {&pki.root, false, true, PIN_ROOT, 2, CHECK_PASS},
        {&pki.root, false, false, PIN_ROOT_UNKNOWN, 0, CHECK_UNKNOWN},
        {&pki.issuing, true, false, PIN_ISSUING_CA, 1, CHECK_PASS},
        {&pki.issuing, false, false, PIN_ISSUING_CA, 1, CHECK_UNKNOWN},
        {&pki.leaf, false, false, PIN_LEAF, 0, CHECK_UNKNOWN},
        {&pki.leaf, true, true, PIN_LEAF, 0, CHECK_PASS},
        {&pki.other_root, true, false, PIN_NOT_IN_CHAIN, 0, CHECK_PASS},
        {&pki.other_root, false, true, PIN_NOT_IN_CHAIN, 0, CHECK_UNKNOWN},
        {&pki.other_root, false, false, PIN_ROOT_UNKNOWN, 0, CHECK_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        size_t k = i / 2;
        struct expect *e = cases[k].root_given ? TRUSTING(&pki.root) : TRUSTING_NONE();
        pin_certificate(e, cases[k].pinned, i % 2 != 0);
        struct judged j =
            cases[k].root_sent ? JUDGE(e, &pki.leaf, &pki.issuing, &pki.root) : JUDGE(e, &pki.leaf, &pki.issuing);
        assert_int_equal(j.checks->pin, cases[k].pin);
        assert_true(j.checks->pin_index == cases[k].index);
        assert_int_equal(j.checks->chain, cases[k].chain);
        chains_free(j.chains);
        expect_free(e);
    }
}

/* The name expected may be one of those that are not kept. */
static void a_certificate_of_very_many_names(void **state)
{
    static char extensions[8192];
    (void)state;
    for (size_t count = X509_NAMES_MAX - 1; count <= X509_NAMES_MAX + 1; count++) {
        size_t n = (size_t)snprintf(extensions, sizeof extensions, "extendedKeyUsage=serverAuth\nsubjectAltName=");
        for (size_t i = 0; i < count; i++)
            n += (size_t)snprintf(extensions + n, sizeof extensions - n, "%sDNS:h%zu.corp.example", i > 0 ? "," : "", i);
        snprintf(extensions + n, sizeof extensions - n, "\n");
        struct made leaf = server("/CN=h0.corp.example", extensions, &pki.issuing, pki.issuing_key);
        struct expect *e = TRUSTING(&pki.root);
        char error[EXPECT_ERROR];
        assert_true(expect_add_server_name(e, NPS, error));
        struct judged j = JUDGE(e, &leaf, &pki.issuing);
        assert_int_equal(j.checks->name, count < X509_NAMES_MAX ? CHECK_FAIL : CHECK_UNKNOWN);
        assert_int_equal(j.checks->name_result.fit, count < X509_NAMES_MAX ? NAME_MISMATCH : NAME_NO_EXPECTATION);
        expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
        made_free(&leaf);
    }
}

/* Each leaf from the proper issuing CA, wrong in one thing. */
static void a_leaf_is_judged_by_what_it_says(void **state)
{
    static const char base[] = "basicConstraints=critical,CA:FALSE\n";
    static const struct {
        const char *subject, *extensions;
        enum check eku, signature, encipherment, name;
        bool absent, any, empty, wildcard;
    } cases[] = {
        {"/CN=" NPS, base, CHECK_UNKNOWN, CHECK_PASS, CHECK_PASS, CHECK_PASS, true, false, false, false},
        {"/CN=" NPS, "extendedKeyUsage=clientAuth\n", CHECK_FAIL, CHECK_PASS, CHECK_PASS, CHECK_PASS, false, false,
         false, false},
        {"/CN=" NPS, "extendedKeyUsage=anyExtendedKeyUsage\n", CHECK_UNKNOWN, CHECK_PASS, CHECK_PASS, CHECK_PASS, false,
         true, false, false},
        {"/CN=" NPS, "extendedKeyUsage=serverAuth\nkeyUsage=keyEncipherment\n", CHECK_PASS, CHECK_FAIL, CHECK_PASS,
         CHECK_PASS, false, false, false, false},
        {"/CN=" NPS, "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n", CHECK_PASS, CHECK_PASS, CHECK_FAIL,
         CHECK_PASS, false, false, false, false},
        {"", "extendedKeyUsage=serverAuth\nsubjectAltName=critical,DNS:" NPS "\n", CHECK_PASS, CHECK_PASS, CHECK_PASS,
         CHECK_PASS, false, false, true, false},
        {"/CN=*.corp.example", "extendedKeyUsage=serverAuth\n", CHECK_PASS, CHECK_PASS, CHECK_PASS, CHECK_UNKNOWN,
         false, false, false, true},
        {"/CN=ras01.corp.example", "extendedKeyUsage=serverAuth\n", CHECK_PASS, CHECK_PASS, CHECK_PASS, CHECK_FAIL,
         false, false, false, false},
        {"/CN=NPS01.corp.example", "extendedKeyUsage=serverAuth\n", CHECK_PASS, CHECK_PASS, CHECK_PASS, CHECK_UNKNOWN,
         false, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made leaf = server(cases[i].subject, cases[i].extensions, &pki.issuing, pki.issuing_key);
        struct expect *e = TRUSTING(&pki.root);
        char error[EXPECT_ERROR];
        assert_true(expect_add_server_name(e, "other.example; " NPS, error));
        struct judged j = JUDGE(e, &leaf, &pki.issuing);
        assert_int_equal(j.checks->server_auth_eku, cases[i].eku);
        assert_int_equal(j.checks->key_usage_signature, cases[i].signature);
        assert_int_equal(j.checks->key_usage_encipherment, cases[i].encipherment);
        assert_int_equal(j.checks->name, cases[i].name);
        assert_int_equal(j.checks->eku_absent, cases[i].absent);
        assert_int_equal(j.checks->eku_any, cases[i].any);
        assert_int_equal(j.checks->subject_empty, cases[i].empty);
        assert_int_equal(j.checks->subject_wildcard, cases[i].wildcard);
        expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, ""); /* none of it concerns trust */
        made_free(&leaf);
    }
}

static void weakness_is_found_where_it_counts(void **state)
{
    (void)state;
    EVP_PKEY *weak = make_rsa(1024), *ec = make_ec("P-256");
    struct made weak_leaf = make_certificate(&(struct recipe){.subject = "/CN=" NPS,
                                                              .key = weak,
                                                              .issuer = pki.issuing.cert,
                                                              .issuer_key = pki.issuing_key,
                                                              .digest = EVP_sha1()});
    struct made old_root = make_certificate(
        &(struct recipe){.subject = "/CN=Old", .key = weak, .extensions = CA_EXTENSIONS, .digest = EVP_md5()});
    struct made old_issuing = make_certificate(&(struct recipe){.subject = "/CN=Old Issuing",
                                                                .key = pki.issuing_key,
                                                                .extensions = CA_EXTENSIONS,
                                                                .issuer = old_root.cert,
                                                                .issuer_key = weak,
                                                                .digest = EVP_md5()});
    struct made below_old = make_certificate(
        &(struct recipe){.subject = "/CN=" NPS, .key = ec, .issuer = old_issuing.cert, .issuer_key = pki.issuing_key});
    struct made below_root = make_certificate(
        &(struct recipe){.subject = "/CN=" NPS, .key = ec, .issuer = old_root.cert, .issuer_key = weak});
    struct expect *e = TRUSTING(&pki.root, &old_root);
    struct judged j = JUDGE(e, &weak_leaf, &pki.issuing);
    assert_int_equal(j.checks->key_strength, CHECK_FAIL);
    assert_int_equal(j.checks->signature_strength, CHECK_FAIL);
    assert_int_equal(j.checks->weak_key_index + j.checks->weak_signature_index, 0);
    assert_int_equal(j.checks->chain, CHECK_PASS); /* strength is no matter of trust */
    chains_free(j.chains);
    j = JUDGE(e, &below_old, &old_issuing, &old_root);
    assert_int_equal(j.checks->chain, CHECK_PASS);
    assert_int_equal(j.checks->signature_strength, CHECK_FAIL);
    assert_int_equal(j.checks->weak_signature_index, 1);
    assert_int_equal(j.checks->key_strength, CHECK_PASS);
    chains_free(j.chains);
    j = JUDGE(e, &below_root, &old_root); /* the root's own MD5 signature never counts */
    assert_int_equal(j.checks->signature_strength, CHECK_PASS);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
    struct made *made[] = {&weak_leaf, &old_root, &old_issuing, &below_old, &below_root};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        made_free(made[i]);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(ec);
}

static void the_inner_method_has_its_own_verdict(void **state)
{
    static const char config[] =
        "<EapHostConfig><Config><Eap><Type>25</Type><EapType><ServerValidation><ServerNames>" NPS
        "</ServerNames></ServerValidation><Eap><Type>13</Type><EapType><ServerValidation><ServerNames>other.example"
        "</ServerNames></ServerValidation></EapType></Eap></EapType></Eap></Config></EapHostConfig>";
    (void)state;
    char error[EXPECT_ERROR];
    struct expect *e = TRUSTING(&pki.root);
    assert_true(eap_config_parse(e, "config", span_of(config, strlen(config)), error));
    struct judged j = JUDGE(e, &pki.leaf, &pki.issuing);
    assert_non_null(j.chain->inner_checks);
    assert_int_equal(j.checks->name, CHECK_PASS);
    assert_int_equal(j.chain->inner_checks->name, CHECK_FAIL);
    assert_int_equal(j.chain->inner_checks->chain, CHECK_PASS);
    chains_free(j.chains);
    assert_true(expect_add_server_name(e, "nps02.corp.example", error)); /* both must accept the outer name */
    j = JUDGE(e, &pki.leaf, &pki.issuing);
    assert_int_equal(j.checks->name, CHECK_FAIL);
    expect_chain(e, j, CHECK_PASS, CHAIN_OK, 0, "");
}

static void a_clients_certificate_is_not_judged_as_a_servers(void **state)
{
    (void)state;
    struct made client = server("/CN=alice", "extendedKeyUsage=clientAuth\n", &pki.issuing, pki.issuing_key);
    struct expect *e = TRUSTING(&pki.other_root);
    char error[EXPECT_ERROR];
    assert_true(expect_add_server_name(e, NPS, error));
    struct judged j = judge_as(e, (const struct made *const[]){&client, &pki.issuing, NULL}, ROLE_CLIENT);
    assert_int_equal(j.checks->server_auth_eku, CHECK_UNKNOWN);
    assert_int_equal(j.checks->name_result.fit, NAME_NO_EXPECTATION);
    expect_chain(e, j, CHECK_UNKNOWN, CHAIN_UNTRUSTED_ROOT, 1, "neither sent nor");
    made_free(&client);
}

/* A response of RFC 6960 about `leaf`, signed by key with the certificate of `signer`. */
static struct span ocsp_response(const struct made *leaf, const struct made *issuer, const struct made *signer,
                                 EVP_PKEY *key, int status)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), leaf->cert, issuer->cert);
    ASN1_TIME *at = ASN1_TIME_new();
    ASN1_TIME_set_string(at, "20240101000000Z");
    assert_non_null(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS, at, at, NULL));
    assert_int_equal(OCSP_basic_sign(basic, signer->cert, key, EVP_sha256(), NULL, 0), 1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    assert_true(len > 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(at);
    return span_of(der, (size_t)len);
}

/* What --server-name, --eap-config and clients' requests say of the VPN server's certificate. */
static void a_vpn_servers_certificate_has_its_own_expectations(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *asked, *also_asked;
        enum check name;
    } cases[] = {
        {"vpn.example", "", "", CHECK_PASS},
        {NPS, "", "", CHECK_UNKNOWN}, /* the EAP server's name alone */
        {NULL, "", "", CHECK_UNKNOWN},
        {NPS, "VPN.example", "", CHECK_PASS},
        {NULL, "192.0.2.1", "", CHECK_PASS},
        {NULL, "192.0.2.2", "", CHECK_FAIL},
        {NULL, "2001:db8::1", "", CHECK_UNKNOWN}, /* there are several ways to write it */
        {"vpn.example", "remote.example", "", CHECK_FAIL},
        {"vpn.example", "remote.example", "vpn.example", CHECK_PASS},
        {NULL, "remote.example", "vpn.example", CHECK_UNKNOWN},
        {NULL, "*.example", "", CHECK_UNKNOWN},
    };
    struct made vpn = server("/CN=rras", "keyUsage=keyEncipherment\nsubjectAltName=DNS:vpn.example,IP:192.0.2.1\n"
                                         "extendedKeyUsage=serverAuth,1.3.6.1.5.5.8.2.2\n",
                             &pki.issuing, pki.issuing_key);
    struct span der[] = {vpn.der, pki.issuing.der};
    char error[EXPECT_ERROR];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expect *e = TRUSTING(&pki.root);
        pin_certificate(e, &pki.other_root, false);
        assert_true(cases[i].expected == NULL || expect_add_server_name(e, cases[i].expected, error));
        struct chains *c = chains_new(e);
        struct chain *chain = chains_intern(c, der, 2, ROLE_IKEV2, &(struct endpoint){.port = 500}, 1, (struct place){.frame = 1});
        chain_asked(chain, span_of(cases[i].asked, strlen(cases[i].asked)));
        chain_asked(chain, span_of(cases[i].also_asked, strlen(cases[i].also_asked)));
        chains_judge(c, 1);
        const struct chain_checks *k = chain_checks_of(chain, ROLE_IKEV2);
        assert_ptr_equal(k, &chain->checks);
        assert_int_equal(k->name, cases[i].name);
        assert_int_equal(k->chain, CHECK_PASS);
        assert_int_equal(k->pin, PIN_NONE_GIVEN); /* TrustedRootCA is EAP's */
        assert_int_equal(k->server_auth_eku, CHECK_PASS);
        assert_true(k->ike_intermediate_eku);
        assert_int_equal(k->key_usage_signature, CHECK_FAIL);
        chains_free(c);
        expect_free(e);
    }
    made_free(&vpn);
}

/* RRAS and NPS on one host may have one certificate. */
static void one_certificate_in_two_roles_has_two_verdicts(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.root);
    char error[EXPECT_ERROR];
    pin_certificate(e, &pki.other_root, false);
    assert_true(expect_add_server_name(e, "other.example", error));
    struct judged j = JUDGE(e, &pki.leaf, &pki.issuing);
    assert_null(j.chain->vpn_checks);
    assert_ptr_equal(chain_checks_of(j.chain, ROLE_IKEV2), &j.chain->checks);
    chains_free(j.chains);
    j = judge_as(e, (const struct made *const[]){&pki.leaf, &pki.issuing, NULL}, ROLE_NPS | ROLE_IKEV2);
    const struct chain_checks *vpn = chain_checks_of(j.chain, ROLE_IKEV2);
    assert_ptr_not_equal(vpn, j.checks);
    assert_ptr_equal(chain_checks_of(j.chain, ROLE_NPS), j.checks);
    assert_int_equal(j.checks->name, CHECK_FAIL);
    assert_int_equal(j.checks->pin, PIN_NOT_IN_CHAIN);
    assert_int_equal(vpn->name, CHECK_UNKNOWN);
    assert_int_equal(vpn->chain, CHECK_PASS);
    assert_int_equal(vpn->pin, PIN_NONE_GIVEN);
    chains_free(j.chains);
    expect_free(e);
}

static void names_asked_for_are_texts(void **state)
{
    (void)state;
    static const char with_nul[] = "vpn\0.example";
    char longest[EXPECT_NAME_LENGTH + 1];
    struct expect *e = TRUSTING_NONE();
    struct judged j = JUDGE(e, &pki.leaf);
    memset(longest, 'a', sizeof longest);
    chain_asked(j.chain, span_of(with_nul, sizeof with_nul - 1));
    chain_asked(j.chain, span_of(longest, sizeof longest));
    assert_string_equal(j.chain->asked, "");
    chain_asked(j.chain, span_of(longest, EXPECT_NAME_LENGTH));
    assert_int_equal(strlen(j.chain->asked), EXPECT_NAME_LENGTH);
    assert_int_equal(chain_name_asked(&j.chain->facts[0], j.chain->asked), CHECK_FAIL);
    assert_int_equal(chain_name_asked(&j.chain->facts[0], NPS), CHECK_PASS);
    chains_free(j.chains);
    expect_free(e);
}

static void a_stapled_response_counts_when_the_issuer_signed_it(void **state)
{
    (void)state;
    struct made delegate = make_certificate(&(struct recipe){.subject = "/CN=Responder",
                                                             .key = pki.other_key,
                                                             .extensions = "extendedKeyUsage=OCSPSigning\n",
                                                             .issuer = pki.issuing.cert,
                                                             .issuer_key = pki.issuing_key});
    const struct {
        struct span response;
        bool revoked, good;
    } cases[] = {
        {ocsp_response(&pki.leaf, &pki.issuing, &pki.issuing, pki.issuing_key, V_OCSP_CERTSTATUS_REVOKED), true, false},
        {ocsp_response(&pki.leaf, &pki.issuing, &pki.issuing, pki.issuing_key, V_OCSP_CERTSTATUS_GOOD), false, true},
        {ocsp_response(&pki.leaf, &pki.issuing, &delegate, pki.other_key, V_OCSP_CERTSTATUS_REVOKED), true, false},
        {ocsp_response(&pki.leaf, &pki.issuing, &pki.other_root, pki.other_key, V_OCSP_CERTSTATUS_REVOKED), false,
         false},
        {ocsp_response(&pki.root_leaf, &pki.root, &pki.issuing, pki.issuing_key, V_OCSP_CERTSTATUS_REVOKED), false,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct expect *e = i % 2 == 0 ? TRUSTING(&pki.root) : TRUSTING_NONE();
        struct chains *chains = chains_new(e);
        struct span der[] = {pki.leaf.der, pki.issuing.der};
        struct chain *chain =
            chains_intern(chains, der, 2, ROLE_SSTP, &(struct endpoint){.port = 443}, 1, (struct place){.frame = 1, .time_ns = 1});
        chains_set_ocsp(chain, span_of("junk", 4));
        chains_set_ocsp(chain, cases[i].response);
        chains_judge(chains, 1);
        assert_int_equal(chain->ocsp_revoked, cases[i].revoked);
        assert_int_equal(chain->ocsp_good, cases[i].good);
        chains_free(chains);
        expect_free(e);
        OPENSSL_free((void *)(uintptr_t)cases[i].response.data);
    }
    made_free(&delegate);
}

static void a_chain_is_kept_once_with_its_presenters(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.root);
    struct chains *chains = chains_new(e);
    struct span two[] = {pki.leaf.der, pki.issuing.der}, one[] = {pki.leaf.der};
    struct endpoint server = {.port = 1812};
    struct chain *first = chains_intern(chains, two, 2, ROLE_NPS, &server, 7, (struct place){.frame = 5, .time_ns = 50});
    assert_ptr_equal(chains_intern(chains, two, 2, ROLE_IKEV2, &server, 8, (struct place){.frame = 9, .time_ns = 90}), first);
    assert_int_equal(first->presented, 2);
    assert_int_equal(first->roles, ROLE_NPS | ROLE_IKEV2);
    assert_int_equal(first->first.frame, 5);
    assert_int_equal(first->presenter_count, 1);
    assert_int_equal(first->presenters[0].count, 2);
    assert_int_equal(first->exchange_count, 2);
    for (uint16_t port = 1; port <= CHAIN_PRESENTERS_MAX; port++)
        chains_intern(chains, two, 2, ROLE_NPS, &(struct endpoint){.port = port}, 9, (struct place){.frame = 9, .time_ns = 90});
    assert_true(first->more_presenters);
    assert_int_equal(first->exchange_count, 3);
    struct chain *second = chains_intern(chains, one, 1, ROLE_NPS, &server, 7, (struct place){.frame = 6, .time_ns = 60});
    assert_ptr_not_equal(second, first);
    assert_int_equal(second->serial, 2);
    assert_ptr_equal(chains_get(chains, 2), second);
    assert_ptr_equal(chains_at(chains, 0), first);
    assert_null(chains_get(chains, 0));
    assert_null(chains_get(chains, 3));
    assert_null(chains_at(chains, 2));
    assert_null(chains_intern(chains, NULL, 0, ROLE_NPS, &server, 7, (struct place){.frame = 6, .time_ns = 60}));
    assert_int_equal(chains_refused(chains), 0);
    /* the one that was presented most often goes first */
    chains_judge(chains, 1);
    assert_true(first->judged && !first->refused && second->refused && !second->judged);
    chains_judge(chains, 1);
    assert_true(second->judged && !second->refused);
    chains_free(chains);
    expect_free(e);
}

/* While packets come: a held chain is judged as SSTP's, a later response and a later role change that, the end judges anew. */
static void what_is_judged_early_is_judged_again(void **state)
{
    (void)state;
    struct expect *e = TRUSTING(&pki.root);
    struct chains *chains = chains_new(e);
    struct span two[] = {pki.leaf.der, pki.issuing.der};
    struct endpoint server = {.port = 443};
    struct chain *c = chains_hold(chains, two, 2, (struct place){.frame = 1, .time_ns = 1});
    assert_true(chains_preview(chains, c->serial, ROLE_SSTP));
    assert_true(c->judged && c->parsed[0]);
    assert_int_equal(c->checks.chain_error, CHAIN_OK);
    assert_int_equal(c->roles, 0);
    struct span response = ocsp_response(&pki.leaf, &pki.issuing, &pki.issuing, pki.issuing_key, V_OCSP_CERTSTATUS_REVOKED);
    chains_set_ocsp(c, response);
    assert_false(c->judged);
    assert_null(c->facts);
    assert_true(chains_preview(chains, c->serial, ROLE_SSTP));
    assert_true(c->ocsp_revoked);
    chains_claim(chains, c->serial, ROLE_SSTP, &server, 1);
    chains_intern(chains, two, 2, ROLE_NPS, &server, 2, (struct place){.frame = 2, .time_ns = 2});
    assert_true(chains_preview(chains, c->serial, ROLE_NPS));
    assert_non_null(c->sstp_checks); /* beside the login's own */
    chains_judge(chains, 0);
    assert_true(c->refused && !c->judged && !c->ocsp_revoked);
    chains_judge(chains, 1);
    assert_true(c->judged && c->ocsp_revoked);
    assert_int_equal(c->checks.chain_error, CHAIN_OK);
    assert_false(chains_preview(chains, 2, ROLE_NPS));
    struct span junk[] = {span_of("junk", 4)};
    struct chain *given_up = chains_hold(chains, junk, 1, (struct place){.frame = 3, .time_ns = 3});
    uint64_t serial = given_up->serial;
    assert_true(chains_preview(chains, serial, ROLE_SSTP));
    chains_release(chains, serial);
    assert_false(chains_preview(chains, serial, ROLE_SSTP)); /* nothing is there any more */
    chains_free(chains);
    expect_free(e);
    OPENSSL_free((void *)(uintptr_t)response.data);
}

static void the_ceilings_hold(void **state)
{
    (void)state;
    struct expect *e = TRUSTING_NONE();
    struct chains *chains = chains_new(e);
    struct span der[CHAIN_CERTS_MAX + 1];
    struct endpoint server = {.port = 1812};
    uint8_t bytes[4];
    for (uint32_t i = 0; i < CHAINS_MAX + 100; i++) {
        memcpy(bytes, &i, sizeof bytes);
        der[0] = span_of(bytes, sizeof bytes);
        struct chain *chain = chains_intern(chains, der, 1, ROLE_NPS, &server, i, (struct place){.frame = 1, .time_ns = 1});
        assert_int_equal(chain != NULL, i < CHAINS_MAX);
    }
    assert_int_equal(chains_count(chains), CHAINS_MAX);
    assert_int_equal(chains_refused(chains), 100);
    memset(bytes, 0, sizeof bytes); /* the first is still found */
    assert_int_equal(chains_intern(chains, der, 1, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1})->presented, 2);
    chains_judge(chains, CHAINS_MAX);
    assert_int_equal(chains_at(chains, CHAINS_MAX - 1)->checks.chain_error, CHAIN_NOT_PARSED);
    chains_free(chains);

    chains = chains_new(e);
    uint8_t *large = calloc(1, CHAINS_BYTES_MAX / 2 + 1);
    der[0] = span_of(large, CHAINS_BYTES_MAX / 2 + 1);
    assert_non_null(chains_intern(chains, der, 1, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1}));
    large[0] = 1;
    assert_null(chains_intern(chains, der, 1, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1}));
    for (size_t i = 0; i <= CHAIN_CERTS_MAX; i++)
        der[i] = span_of(bytes, 1);
    assert_null(chains_intern(chains, der, CHAIN_CERTS_MAX + 1, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1}));
    assert_non_null(chains_intern(chains, der, CHAIN_CERTS_MAX, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1}));
    assert_int_equal(chains_refused(chains), 2);
    free(large);
    chains_free(chains);
    expect_free(e);
}

/* Sixteen CAs of one name that all seem to have issued one another: bounded work, no answer that is not proven. */
static void a_knot_of_namesakes_ends(void **state)
{
    (void)state;
    struct made knot[CHAIN_CERTS_MAX];
    const struct made *sent[CHAIN_CERTS_MAX + 1] = {0};
    EVP_PKEY *keys[3] = {pki.root_key, pki.issuing_key, pki.other_key};
    char serial[8];
    for (size_t i = 0; i < CHAIN_CERTS_MAX; i++) {
        snprintf(serial, sizeof serial, "%zu", i + 1);
        knot[i] = make_certificate(&(struct recipe){.subject = "/CN=Knot",
                                                    .extensions = "basicConstraints=CA:TRUE\n",
                                                    .key = keys[i % 3],
                                                    .issuer_key = keys[(i + 1) % 3],
                                                    .serial = serial});
        sent[i] = &knot[i];
    }
    struct expect *e = TRUSTING(&pki.root);
    struct judged j = judge_as(e, sent, ROLE_NPS);
    assert_int_not_equal(j.checks->chain, CHECK_PASS);
    chains_free(j.chains);
    expect_free(e);
    for (size_t i = 0; i < CHAIN_CERTS_MAX; i++)
        made_free(&knot[i]);
}

/* A response about the leaf, by its issuer, that brings this certificate so many times. */
static void stapled_with(const struct made *more, unsigned times, enum check signature)
{
    struct span good = ocsp_response(&pki.leaf, &pki.issuing, &pki.issuing, pki.issuing_key, V_OCSP_CERTSTATUS_GOOD);
    const uint8_t *at = good.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)good.len);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(OCSP_basic_add1_cert(basic, more->cert), 1);
    OCSP_RESPONSE *larger = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(larger, &der);
    struct expect *e = TRUSTING(&pki.root);
    struct chains *chains = chains_new(e);
    struct span sent[] = {pki.leaf.der, pki.issuing.der};
    struct chain *chain =
        chains_intern(chains, sent, 2, ROLE_NPS, &(struct endpoint){.port = 1812}, 1, (struct place){.frame = 1, .time_ns = 1});
    chains_set_ocsp(chain, span_of(der, (size_t)len));
    chains_judge(chains, 1);
    assert_int_equal(chain->ocsp_facts.status, CHAIN_OCSP_GOOD);
    assert_int_equal(chain->ocsp_facts.signature, signature);
    chains_free(chains);
    expect_free(e);
    OPENSSL_free(der);
    OPENSSL_free((void *)(uintptr_t)good.data);
    OCSP_RESPONSE_free(larger);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
}

/* A key that only someone would make who wants us to compute: an exponent of 65 bits. */
static void a_key_made_to_cost_time_is_not_used(void **state)
{
    (void)state;
    BIGNUM *n = NULL, *exponent = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pki.root_key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    assert_true(BN_hex2bn(&exponent, "10000000000000001") > 0);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    struct made costly = make_certificate(&(struct recipe){.subject = "/DC=example/CN=Costly",
                                                           .key = key,
                                                           .extensions = CA_EXTENSIONS,
                                                           .issuer = pki.root.cert,
                                                           .issuer_key = pki.root_key});
    struct expect *e = TRUSTING(&pki.root);
    expect_chain(e, JUDGE(e, &pki.leaf, &pki.issuing, &costly), CHECK_UNKNOWN, CHAIN_OTHER, 2, "too large");
    stapled_with(&costly, 1, CHECK_UNKNOWN);
    stapled_with(&pki.other_root, 1, CHECK_PASS);
    stapled_with(&pki.other_root, 9, CHECK_UNKNOWN); /* no responder needs so many */
    made_free(&costly);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(exponent);
}

static void write_file(const char *path, const char *text, size_t len)
{
    char error[PLATFORM_ERROR];
    FILE *f = platform_open(path, "w", error);
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static char *pem_of(const struct made *made)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    PEM_write_bio_X509(bio, made->cert);
    size_t len = (size_t)BIO_get_mem_data(bio, &data);
    char *text = calloc(1, len + 1);
    memcpy(text, data, len);
    BIO_free(bio);
    return text;
}

static void roots_come_from_files_and_errors_name_the_line(void **state)
{
    static const char file[] = "test_chains.root";
    char error[EXPECT_ERROR], text[16384];
    char *root = pem_of(&pki.root), *other = pem_of(&pki.other_root);
    (void)state;
    struct expect *e = expect_new();
    int n = snprintf(text, sizeof text,
                     "\xef\xbb\xbf"
                     "a comment\r\n%s\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n%s",
                     root, other);
    write_file(file, text, (size_t)n);
    assert_true(expect_add_roots(e, file, error));
    assert_int_equal(e->root_count, 2);
    assert_true(expect_add_roots(e, file, error)); /* once more: no root twice */
    assert_int_equal(e->root_count, 2);
    assert_null(expect_remark(e, 0));
    write_file(file, (const char *)pki.root.der.data, pki.root.der.len);
    assert_true(expect_add_roots(e, file, error));

    const struct {
        const char *text, *error;
    } broken[] = {
        {"", "test_chains.root: is empty"},
        {"nothing\n", "test_chains.root: no certificate in it"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "test_chains.root: no certificate in it"},
        {"x\n-----BEGIN CERTIFICATE-----\nMIIB!!\n-----END CERTIFICATE-----\n",
         "test_chains.root line 2: broken PEM block"},
        {"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
         "test_chains.root line 1: no certificate that can be read"},
        {"\n\n-----BEGIN CERTIFICATE-----\nMAA=\n", "test_chains.root line 3: PEM block without its END line"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        write_file(file, broken[i].text, strlen(broken[i].text));
        assert_false(expect_add_roots(e, file, error));
        assert_string_equal(error, broken[i].error);
    }
    remove(file);
    assert_false(expect_add_roots(e, file, error));
    assert_int_equal(strncmp(error, "test_chains.root: ", 18), 0);
    free(root);
    free(other);
    expect_free(e);
}

static void a_folder_of_roots_is_read(void **state)
{
    char error[EXPECT_ERROR], reason[PLATFORM_ERROR], *root = pem_of(&pki.root);
    (void)state;
    struct expect *e = expect_new();
    assert_true(platform_make_directory("test_chains.roots", reason));
    remove("test_chains.roots/broken.pem");
    remove("test_chains.roots/root.pem");
    write_file("test_chains.roots/readme", "text", 4);
    assert_false(expect_add_roots(e, "test_chains.roots", error));
    assert_string_equal(error, "test_chains.roots: no certificate in this folder");
    write_file("test_chains.roots/root.pem", root, strlen(root));
    assert_true(expect_add_roots(e, "test_chains.roots", error));
    assert_int_equal(e->root_count, 1);
    write_file("test_chains.roots/broken.pem", root, strlen(root) - 30);
    assert_false(expect_add_roots(e, "test_chains.roots", error));
    assert_string_equal(error, "test_chains.roots/broken.pem line 1: PEM block without its END line");
    remove("test_chains.roots/broken.pem");
    free(root);
    expect_free(e);
}

/* Same lengths and last bytes, as nobody sends but who wants to be taken for another. */
static void chains_that_differ_in_the_middle_alone(void **state)
{
    (void)state;
    enum { KINDS = 5, SIZE = 700 };
    static uint8_t bytes[KINDS][SIZE];
    struct expect *e = TRUSTING_NONE();
    struct chains *c = chains_new(e);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < KINDS; i++) {
            bytes[i][SIZE / 2] = (uint8_t)i;
            struct span der[] = {span_of(bytes[i], SIZE), span_of(bytes[0], SIZE)};
            struct chain *chain = chains_intern(c, der, 2, ROLE_NPS, &(struct endpoint){.port = 1812}, 1, (struct place){.frame = 1});
            assert_non_null(chain);
            assert_int_equal(chain->serial, i + 1);
            assert_int_equal(chain->presented, round + 1);
            assert_true(span_equal(chain->der[0], der[0]));
        }
    assert_int_equal(chains_count(c), KINDS);
    chains_free(c);
    expect_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_that_differ_in_the_middle_alone),
        cmocka_unit_test(a_good_chain_passes_every_check),
        cmocka_unit_test(what_else_is_sent_does_not_harm),
        cmocka_unit_test(of_two_issuers_with_one_key_the_valid_one_counts),
        cmocka_unit_test(the_end_of_a_given_root_counts),
        cmocka_unit_test(untrusted_incomplete_and_self_signed_are_told_apart),
        cmocka_unit_test(intermediates_alone_say_nothing_about_trust),
        cmocka_unit_test(roots_come_in_a_pkcs7),
        cmocka_unit_test(an_intermediate_among_the_roots_is_said),
        cmocka_unit_test(without_roots_only_what_is_provable_is_said),
        cmocka_unit_test(a_wrong_key_of_the_issuer_is_a_bad_signature),
        cmocka_unit_test(what_is_too_much_is_told_from_a_wrong_order),
        cmocka_unit_test(critical_extensions_are_known_or_refused),
        cmocka_unit_test(an_issuer_that_may_not_issue_is_refused),
        cmocka_unit_test(what_does_not_parse_is_unknown),
        cmocka_unit_test(pins_name_what_they_hit),
        cmocka_unit_test(a_certificate_of_very_many_names),
        cmocka_unit_test(a_leaf_is_judged_by_what_it_says),
        cmocka_unit_test(weakness_is_found_where_it_counts),
        cmocka_unit_test(the_inner_method_has_its_own_verdict),
        cmocka_unit_test(a_clients_certificate_is_not_judged_as_a_servers),
        cmocka_unit_test(a_vpn_servers_certificate_has_its_own_expectations),
        cmocka_unit_test(one_certificate_in_two_roles_has_two_verdicts),
        cmocka_unit_test(names_asked_for_are_texts),
        cmocka_unit_test(a_stapled_response_counts_when_the_issuer_signed_it),
        cmocka_unit_test(a_chain_is_kept_once_with_its_presenters),
        cmocka_unit_test(the_ceilings_hold),
        cmocka_unit_test(what_is_judged_early_is_judged_again),
        cmocka_unit_test(a_knot_of_namesakes_ends),
        cmocka_unit_test(a_key_made_to_cost_time_is_not_used),
        cmocka_unit_test(roots_come_from_files_and_errors_name_the_line),
        cmocka_unit_test(a_folder_of_roots_is_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
