/* Every certificate that travelled, once, with everyone who presented it: what the reports list and --certs writes. */
#ifndef VS_ANALYZE_CERTIFICATES_H
#define VS_ANALYZE_CERTIFICATES_H

#include "analyze/certificate/chains.h"

enum { CERTIFICATE_PRESENTERS_MAX = 32, CERTIFICATE_EXCHANGES_MAX = 64 };

struct certificate {
    char sha256[65], sha1[41];      /* of the DER, lower-case hex */
    const struct x509_facts *facts; /* NULL: the DER cannot be parsed */
    struct span der;                /* owned by the chains */
    uint32_t roles;                 /* of the chains that it travelled in */
    bool leaf;                      /* first of at least one of them */
    const struct chain *chain;      /* the one to judge it by: as leaf before as issuer, failing before passing */
    struct endpoint presenters[CERTIFICATE_PRESENTERS_MAX];
    size_t presenter_count;
    uint32_t exchanges[CERTIFICATE_EXCHANGES_MAX]; /* first ones, ascending */
    size_t exchange_count;
    struct x509_facts *own_facts; /* when the chains' budget did not suffice; NULL otherwise */
};

struct certificates;

/* After chains_judge; chains outlive it. NULL when memory is short. */
struct certificates *certificates_new(const struct chains *chains);
void certificates_free(struct certificates *c);

size_t certificates_count(const struct certificates *c);
const struct certificate *certificates_at(const struct certificates *c, size_t i); /* in order of first sight */

/* Certificate `position` of the chain with this serial, NULL when there is none. */
const struct certificate *certificates_of_chain(const struct certificates *c, uint32_t serial, size_t position);

/* Name of a role: "nps", "ikev2", "sstp", "client" for a single bit; NULL for others. */
const char *chain_role_name(uint32_t role);

/* Whether the leaf, and what it stands on, is valid at a time (ns since 1970; 0: unknown), and who is not. */
enum check chain_valid_at(const struct chain *c, int64_t time_ns, size_t *failing_index, bool *expired);

/* The key usage check that matters for what the server did: signing, or decipherment for static RSA. Fails if neither.
 */
enum check chain_key_usage(const struct chain_checks *checks);

/*
 * File that --certs writes for a chain: "<role>-<sha256 of the leaf>.pem", "-2" and so on before the dot for other
 * chains of the same leaf. Into out; returns it.
 */
enum { CERTIFICATE_FILE = 100 };
const char *chain_file_name(char out[static CERTIFICATE_FILE], const struct certificates *c, const struct chain *chain);

#endif
