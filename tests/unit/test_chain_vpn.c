/* Chains as SSTP shows them: held until somebody knows whose they are, judged against the name that was dialled, with the
 * OCSP response that came along. Certificates are made here, so that the truth about each is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/ocsp.h>

#include "analyze/certificate/chains.h"
#include "analyze/certificate/expect_internal.h"
#include "certificates.h"

#define VPN "vpn.corp.example"
#define NPS "nps01.corp.example"

static struct {
    EVP_PKEY *root_key, *leaf_key;
    struct made root, leaf;
    struct expect *expect;
} pki;

static struct made server(const char *subject, const char *names)
{
    char extensions[512];
    snprintf(extensions, sizeof extensions,
             "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
             "extendedKeyUsage=serverAuth\n%s",
             names);
    return make_certificate(&(struct recipe){.subject = subject,
                                             .extensions = extensions,
                                             .key = pki.leaf_key,
                                             .issuer = pki.root.cert,
                                             .issuer_key = pki.root_key});
}

static int set_up(void **state)
{
    (void)state;
    char error[EXPECT_ERROR];
    size_t found;
    pki.root_key = make_ec("P-256");
    pki.leaf_key = make_ec("P-256");
    pki.root =
        make_certificate(&(struct recipe){.subject = "/CN=Root CA", .extensions = CA_EXTENSIONS, .key = pki.root_key});
    pki.leaf = server("/CN=" VPN, "subjectAltName=DNS:" VPN ",IP:192.0.2.1\n");
    pki.expect = expect_new();
    assert_true(roots_parse(pki.expect, "root", pki.root.der, &found, error) && found == 1);
    assert_true(expect_add_server_name(pki.expect, NPS, error));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    made_free(&pki.root);
    made_free(&pki.leaf);
    EVP_PKEY_free(pki.root_key);
    EVP_PKEY_free(pki.leaf_key);
    expect_free(pki.expect);
    return 0;
}

static const struct endpoint here = {.port = 443};

static struct place at(uint64_t frame)
{
    return (struct place){.frame = frame, .time_ns = INT64_C(1700000000000000000)};
}

static void unclaimed_chains_are_not_judged(void **state)
{
    (void)state;
    struct chains *chains = chains_new(pki.expect);
    struct chain *chain = chains_hold(chains, &pki.leaf.der, 1, at(7));
    assert_ptr_equal(chains_hold(chains, &pki.leaf.der, 1, at(8)), chain);
    assert_int_equal(chain->presented, 0);
    assert_int_equal(chain->roles, 0);
    chains_judge(chains, 10);
    assert_false(chain->judged || chain->refused);
    chains_claim(chains, chain->serial, ROLE_SSTP, &here, 3);
    chains_release(chains, chain->serial);
    chains_release(chains, chain->serial); /* of nobody: nothing happens */
    chains_claim(chains, chain->serial, ROLE_NPS, &here, 4);
    assert_int_equal(chain->roles, ROLE_SSTP);
    assert_int_equal(chain->presented, 1);
    assert_int_equal(chain->presenter_count, 1);
    assert_int_equal(chain->exchanges[0], 3);
    assert_int_equal(chain->first.frame, 7);
    chains_judge(chains, 10);
    assert_true(chain->judged);
    chains_free(chains);
}

static struct span numbered(uint8_t out[static 8], uint32_t n)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(n >> (i % 4 * 8));
    return span_of(out, 8);
}

/* Other people's certificates pass through without end, and what is kept is still found. */
static void released_chains_make_room(void **state)
{
    (void)state;
    enum { KEPT = 100 };
    struct chains *chains = chains_new(pki.expect);
    uint64_t serials[KEPT];
    uint8_t bytes[8];
    for (uint32_t i = 0; i < KEPT; i++) {
        struct span der = numbered(bytes, i);
        serials[i] = chains_intern(chains, &der, 1, ROLE_NPS, &here, i + 1, at(1))->serial;
    }
    for (uint32_t round = 0; round < 8 * CHAINS_MAX; round += CHAINS_MAX - KEPT) {
        for (uint32_t i = 0; i < CHAINS_MAX - KEPT; i++) {
            struct span der = numbered(bytes, KEPT + round + i);
            assert_non_null(chains_hold(chains, &der, 1, at(2)));
        }
        struct span one_more = span_of("one more", 8);
        assert_null(chains_hold(chains, &one_more, 1, at(2)));
        for (uint64_t serial = 1; serial <= CHAINS_MAX; serial++)
            chains_release(chains, serial);
    }
    for (uint32_t i = 0; i < KEPT; i++) {
        struct span der = numbered(bytes, i);
        const struct chain *chain = chains_get(chains, serials[i]);
        assert_true(span_equal(chain->der[0], der));
        assert_ptr_equal(chains_intern(chains, &der, 1, ROLE_NPS, &here, 1, at(3)), chain);
    }
    assert_int_equal(chains_count(chains), CHAINS_MAX);
    chains_free(chains);
}

static void bytes_come_back(void **state)
{
    (void)state;
    struct chains *chains = chains_new(pki.expect);
    size_t half = CHAINS_BYTES_MAX / 2 + 1;
    uint8_t *large = calloc(1, half);
    struct span der = span_of(large, half);
    for (uint8_t i = 0; i < 5; i++) {
        large[half - 1] = i;
        struct chain *chain = chains_hold(chains, &der, 1, at(1));
        assert_non_null(chain);
        assert_int_equal(chain->serial, 1);
        chains_set_ocsp(chain, span_of("response", 8));
        chains_release(chains, chain->serial);
    }
    assert_int_equal(chains_refused(chains), 0);
    free(large);
    chains_free(chains);
}

static void names_as_windows_tls_compares_them(void **state)
{
    (void)state;
    static const struct {
        const char *subject, *names, *dialled;
        enum check fit;
    } cases[] = {
        {"/CN=" VPN, "subjectAltName=DNS:" VPN "\n", VPN, CHECK_PASS},
        {"/CN=" VPN, "subjectAltName=DNS:" VPN "\n", "VPN.Corp.Example.", CHECK_PASS},
        {"/CN=" VPN, "subjectAltName=DNS:" VPN "\n", "vpn.example", CHECK_FAIL},
        {"/CN=" VPN, "subjectAltName=DNS:" VPN "\n", "vpn.corp.example.org", CHECK_FAIL},
        {"/CN=" VPN, "", VPN, CHECK_PASS},
        {"/CN=" VPN, "", NPS, CHECK_FAIL},
        {"/CN=" VPN, "subjectAltName=DNS:other.example\n", VPN, CHECK_UNKNOWN}, /* the common name counts no more */
        {"/CN=x", "subjectAltName=DNS:a.example,DNS:" VPN "\n", VPN, CHECK_PASS},
        {"/CN=x", "subjectAltName=DNS:*.corp.example\n", VPN, CHECK_PASS},
        {"/CN=x", "subjectAltName=DNS:*.corp.example\n", "corp.example", CHECK_FAIL},
        {"/CN=x", "subjectAltName=DNS:*.corp.example\n", "a.vpn.corp.example", CHECK_FAIL},
        {"/CN=x", "subjectAltName=DNS:*.corp.example\n", ".corp.example", CHECK_FAIL},
        {"/CN=x", "subjectAltName=DNS:vpn*.corp.example\n", VPN, CHECK_UNKNOWN},
        {"/CN=x", "subjectAltName=DNS:*.example\n", "vpn.example", CHECK_UNKNOWN}, /* of a whole top-level domain */
        {"/CN=x", "subjectAltName=DNS:*\n", VPN, CHECK_UNKNOWN},
        {"/CN=x", "subjectAltName=IP:192.0.2.1\n", "192.0.2.1", CHECK_PASS},
        {"/CN=x", "subjectAltName=IP:192.0.2.1\n", "192.0.2.2", CHECK_FAIL},
        {"/CN=x", "subjectAltName=IP:192.0.2.1\n", "2001:db8::1", CHECK_UNKNOWN},
        {"/CN=" VPN, "", "", CHECK_UNKNOWN},
        {"/CN=" VPN, "", ".", CHECK_UNKNOWN},
        {"/CN=" VPN, "", "*.corp.example", CHECK_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made made = server(cases[i].subject, cases[i].names);
        struct x509_facts leaf;
        assert_true(x509_parse(made.der, &leaf));
        enum check fit = chain_name_dialled(&leaf, span_of(cases[i].dialled, strlen(cases[i].dialled)));
        if (fit != cases[i].fit)
            fail_msg("%s %s dialled as %s: %d", cases[i].subject, cases[i].names, cases[i].dialled, (int)fit);
        x509_facts_free(&leaf);
        made_free(&made);
    }
    struct x509_facts leaf;
    assert_true(x509_parse(pki.leaf.der, &leaf));
    assert_int_equal(chain_name_dialled(&leaf, span_of("vpn.corp.example\0.org", 21)), CHECK_UNKNOWN);
    x509_facts_free(&leaf);
}

/* The certificate that SSTP clients see, dialled as these names; --server-name is the EAP server's. */
static enum check judged_name(const char *const dialled[], char shown[static EXPECT_NAME_LENGTH + 1])
{
    struct chains *chains = chains_new(pki.expect);
    struct chain *chain = chains_hold(chains, &pki.leaf.der, 1, at(1));
    chains_claim(chains, chain->serial, ROLE_SSTP, &here, 1);
    for (size_t i = 0; dialled[i] != NULL; i++)
        chain_dialled(chain, span_of(dialled[i], strlen(dialled[i])));
    chains_judge(chains, 1);
    const struct chain_checks *k = chain_checks_of(chain, ROLE_SSTP);
    enum check name = k->name;
    assert_int_equal(k->chain, CHECK_PASS);
    assert_int_equal(k->server_auth_eku, CHECK_PASS);
    assert_int_equal(k->key_usage_encipherment, CHECK_PASS);
    memcpy(shown, k->name_result.pattern, EXPECT_NAME_LENGTH + 1);
    chains_free(chains);
    return name;
}

static void the_worst_of_the_dialled_names_is_told(void **state)
{
    (void)state;
    char shown[EXPECT_NAME_LENGTH + 1];
    assert_int_equal(judged_name((const char *const[]){VPN, NULL}, shown), CHECK_PASS);
    assert_string_equal(shown, VPN);
    assert_int_equal(judged_name((const char *const[]){NULL}, shown), CHECK_UNKNOWN);
    assert_int_equal(judged_name((const char *const[]){VPN, "old.example", VPN, NULL}, shown), CHECK_FAIL);
    assert_string_equal(shown, "old.example");
    assert_int_equal(judged_name((const char *const[]){VPN, "2001:db8::1", NULL}, shown), CHECK_UNKNOWN);
    assert_int_equal(judged_name((const char *const[]){NPS, NULL}, shown), CHECK_FAIL);
    /* of more than a few the first ones are kept */
    assert_int_equal(judged_name((const char *const[]){VPN, "VPN.corp.example", "vpn.CORP.example", "vpn.corp.EXAMPLE",
                                                       "late.example", NULL},
                                 shown),
                     CHECK_PASS);
}

static void every_role_has_its_own_verdict(void **state)
{
    (void)state;
    struct chains *chains = chains_new(pki.expect);
    struct chain *chain = chains_intern(chains, &pki.leaf.der, 1, (uint32_t)ROLE_NPS | ROLE_IKEV2, &here, 1, at(1));
    chain_asked(chain, span_of("gone.example", 12));
    chains_hold(chains, &pki.leaf.der, 1, at(2));
    chains_claim(chains, chain->serial, ROLE_SSTP, &here, 2);
    chain_dialled(chain, span_of(VPN, strlen(VPN)));
    chains_judge(chains, 1);
    assert_int_equal(chain_checks_of(chain, ROLE_NPS)->name, CHECK_FAIL); /* --server-name */
    assert_int_equal(chain_checks_of(chain, ROLE_IKEV2)->name, CHECK_FAIL);
    assert_string_equal(chain_checks_of(chain, ROLE_IKEV2)->name_result.pattern, "gone.example");
    assert_int_equal(chain_checks_of(chain, ROLE_SSTP)->name, CHECK_PASS);
    chains_free(chains);
    chains = chains_new(pki.expect);
    chain = chains_intern(chains, &pki.leaf.der, 1, (uint32_t)ROLE_SSTP | ROLE_IKEV2, &here, 1, at(1));
    chains_judge(chains, 1);
    assert_ptr_equal(chain_checks_of(chain, ROLE_IKEV2), &chain->checks);
    assert_ptr_equal(chain_checks_of(chain, ROLE_SSTP), chain->sstp_checks);
    assert_null(chain->vpn_checks);
    chains_free(chains);
}

/* What is answered, and who signs it. */
struct answer {
    EVP_PKEY *key;
    const char *next_update;
    int status, reason, refusal;
};

static struct span ocsp_response(const struct answer *answer)
{
    OCSP_BASICRESP *basic = NULL;
    if (answer->refusal == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        ASN1_TIME *from = ASN1_TIME_new(), *to = ASN1_TIME_new();
        OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), pki.leaf.cert, pki.root.cert);
        basic = OCSP_BASICRESP_new();
        ASN1_TIME_set_string(from, "20231114000000Z");
        ASN1_TIME_set_string(to, answer->next_update);
        assert_non_null(OCSP_basic_add1_status(basic, id, answer->status, answer->reason, from, from, to));
        assert_int_equal(OCSP_basic_sign(basic, pki.root.cert, answer->key, EVP_sha256(), NULL, 0), 1);
        OCSP_CERTID_free(id);
        ASN1_TIME_free(from);
        ASN1_TIME_free(to);
    }
    OCSP_RESPONSE *response = OCSP_response_create(answer->refusal, basic);
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    assert_true(len > 0);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return span_of(der, (size_t)len);
}

static struct chain_ocsp stapled(const struct expect *e, const struct span *response)
{
    struct chains *chains = chains_new(e);
    struct chain *chain = chains_hold(chains, &pki.leaf.der, 1, at(1));
    if (response != NULL)
        chains_set_ocsp(chain, *response);
    chains_claim(chains, chain->serial, (uint32_t)ROLE_SSTP, &here, 1);
    chains_judge(chains, 1);
    struct chain_ocsp out = chain->ocsp_facts;
    assert_int_equal(chain->ocsp_revoked, out.status == CHAIN_OCSP_REVOKED && out.signature == CHECK_PASS);
    assert_int_equal(chain->ocsp_good, out.status == CHAIN_OCSP_GOOD && out.signature == CHECK_PASS);
    chains_free(chains);
    return out;
}

static struct chain_ocsp answered(const struct expect *e, struct answer answer)
{
    struct span response = ocsp_response(&answer);
    struct chain_ocsp out = stapled(e, &response);
    OPENSSL_free((void *)(uintptr_t)response.data);
    return out;
}

static void stapled_responses(void **state)
{
    (void)state;
    enum { NO_REASON = OCSP_REVOKED_STATUS_NOSTATUS, COMPROMISED = OCSP_REVOKED_STATUS_KEYCOMPROMISE };
    struct expect *nobody = expect_new();
    assert_false(stapled(pki.expect, NULL).read);
    struct chain_ocsp o =
        answered(pki.expect, (struct answer){pki.root_key, "20231121000000Z", V_OCSP_CERTSTATUS_GOOD, NO_REASON, 0});
    assert_true(o.read);
    assert_int_equal(o.status, CHAIN_OCSP_GOOD);
    assert_int_equal(o.signature, CHECK_PASS);
    assert_int_equal(o.this_update, 1699920000);
    assert_int_equal(o.next_update, 1700524800);
    assert_int_equal(o.revoked_at, 0);
    o = answered(pki.expect, (struct answer){pki.root_key, "20231121000000Z", V_OCSP_CERTSTATUS_REVOKED, COMPROMISED, 0});
    assert_int_equal(o.status, CHAIN_OCSP_REVOKED);
    assert_int_equal(o.reason, 1);
    assert_int_equal(o.revoked_at, 1699920000);
    o = answered(pki.expect, (struct answer){pki.root_key, "20231121000000Z", V_OCSP_CERTSTATUS_UNKNOWN, NO_REASON, 0});
    assert_int_equal(o.status, CHAIN_OCSP_UNKNOWN);
    assert_int_equal(o.reason, -1);
    /* without the issuer's certificate nobody can check the signature */
    o = answered(nobody, (struct answer){pki.root_key, "20231121000000Z", V_OCSP_CERTSTATUS_REVOKED, NO_REASON, 0});
    assert_int_equal(o.status, CHAIN_OCSP_REVOKED);
    assert_int_equal(o.signature, CHECK_UNKNOWN);
    o = answered(pki.expect, (struct answer){.refusal = OCSP_RESPONSE_STATUS_TRYLATER});
    assert_true(o.read);
    assert_int_equal(o.status, CHAIN_OCSP_NONE);
    assert_int_equal(o.refusal, OCSP_RESPONSE_STATUS_TRYLATER);
    o = stapled(pki.expect, &(struct span){(const uint8_t *)"junk", 4});
    assert_true(o.read);
    assert_int_equal(o.status, CHAIN_OCSP_NONE);
    expect_free(nobody);
}

static void addresses_for_revocation(void **state)
{
    (void)state;
    struct x509_facts f;
    struct made made = server("/CN=x", "crlDistributionPoints=URI:ldap:///CN=a,URI:http://pki.example/a.crl\n"
                                       "authorityInfoAccess=OCSP;URI:http://ocsp.example,caIssuers;URI:ldap:///CN=b,"
                                       "caIssuers;URI:http://pki.example/b.crt\n");
    assert_true(x509_parse(made.der, &f));
    assert_true(f.has_crl_points);
    assert_int_equal(f.crl_address_count, 2);
    assert_string_equal(f.crl_addresses[0], "ldap:///CN=a");
    assert_string_equal(f.crl_addresses[1], "http://pki.example/a.crl");
    assert_int_equal(f.ocsp_address_count, 1);
    assert_string_equal(f.ocsp_addresses[0], "http://ocsp.example");
    assert_int_equal(f.issuer_address_count, 2);
    assert_string_equal(f.issuer_addresses[1], "http://pki.example/b.crt");
    x509_facts_free(&f);
    made_free(&made);
    assert_true(x509_parse(pki.leaf.der, &f));
    assert_false(f.has_crl_points);
    assert_int_equal(f.crl_address_count + f.ocsp_address_count + f.issuer_address_count, 0);
    x509_facts_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unclaimed_chains_are_not_judged),
        cmocka_unit_test(released_chains_make_room),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(names_as_windows_tls_compares_them),
        cmocka_unit_test(the_worst_of_the_dialled_names_is_told),
        cmocka_unit_test(every_role_has_its_own_verdict),
        cmocka_unit_test(stapled_responses),
        cmocka_unit_test(addresses_for_revocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
