/* What chains.c and the chain_*.c files share. */
#ifndef VS_ANALYZE_CHAIN_INTERNAL_H
#define VS_ANALYZE_CHAIN_INTERNAL_H

#include "analyze/certificate/chains.h"
#include "analyze/certificate/expect_internal.h"

enum { CHAIN_PATH_MAX = CHAIN_CERTS_MAX + 8, CHAIN_SIGNATURES_MAX = 24 };

/* A way from the leaf towards a root, as the certificates' names and signatures give it. */
struct chain_path {
    struct {
        X509 *cert;  /* borrowed */
        size_t sent; /* index in the chain, SIZE_MAX when it was not sent */
        size_t root; /* index in the expectation's roots, SIZE_MAX when it is none of them */
        bool self_signed;
    } at[CHAIN_PATH_MAX];
    size_t count;
    enum { PATH_NO_PARENT, PATH_ROOT, PATH_OTHER_KEY, PATH_UNVERIFIED, PATH_TOO_LONG } end;
    bool parent_sent; /* PATH_OTHER_KEY: the certificate with the issuer's name was sent (else it was given) */
    size_t parent;    /* its index, in the chain or in the roots */
};

/* The decoded certificates of a chain, NULL for one that OpenSSL refuses. */
struct chain_certs {
    X509 *cert[CHAIN_CERTS_MAX];
    size_t count;
};

/* Builds the path of certs->cert[0], which is there. when: seconds since 1970 at which it was presented; of several
 * issuers those valid then are preferred. 0 or less: unknown. */
void chain_path_build(const struct expect *e, const struct chain_certs *certs, const struct x509_facts *facts,
                      int64_t when, struct chain_path *out);

/* True when `when` lies between both, or is not known (0 or less). All in seconds. */
bool chain_covers(int64_t not_before, int64_t not_after, int64_t when);

/* Adds one certificate to the end of a path; a full path stays as it is. */
void chain_path_append(const struct expect *e, const struct chain_certs *certs, const struct x509_facts *facts,
                       X509 *cert, struct chain_path *path);

/* Everything about trust: chain, chain_error, chain_text, failing_index, order_wrong, root_*, intermediate_given; and
 * the path that it stands on (count 0 when the leaf does not parse). method may be NULL. False when memory is short. */
bool chain_check_trust(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                       const struct chain_certs *certs, struct chain_path *path, struct chain_checks *out);

/* True when the method pins this certificate. */
bool chain_pinned(const struct expect_method *method, const uint8_t sha1[static 20], const uint8_t sha256[static 32]);

/* Everything else: name, usage, strength, times, pins. outer: --server-name counts too. */
void chain_check_leaf(const struct expect *e, const struct expect_method *method, bool outer, const struct chain *chain,
                      const struct chain_path *path, struct chain_checks *out);

/* The same as of a VPN server's certificate (ROLE_IKEV2, ROLE_SSTP): no method of EAP, and another name. */
void chain_check_vpn_leaf(const struct expect *e, const struct chain *chain, enum chain_role role,
                          const struct chain_path *path, struct chain_checks *out);

/* Parts of both: strength and times along the path; usages. */
void chain_check_path(const struct expect *e, const struct chain *chain, const struct chain_path *path, struct chain_checks *out);
void chain_check_usage(const struct x509_facts *leaf, struct chain_checks *out);

/* Common name and DNS names; how many. */
size_t chain_leaf_names(const struct x509_facts *leaf, const char *names[static X509_NAMES_MAX + 1]);

/* Fills facts, checks and the state of the stapled response. False when memory is short. */
bool chain_judge(const struct expect *e, struct chain *chain);

/* Reads chain->ocsp, for the leaf and its issuer; NULL when that is not there. Once is enough. */
void chain_check_ocsp(struct chain *chain, const struct chain_certs *certs, X509 *issuer);

#endif
