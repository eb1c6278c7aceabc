/*
 * Every distinct certificate chain once: interned by its bytes (hash, then full comparison), parsed and judged once,
 * at the end, most often presented first, within a budget, so that a storm of distinct chains cannot stall the rest.
 */
#ifndef VS_ANALYZE_CHAINS_H
#define VS_ANALYZE_CHAINS_H

#include "analyze/certificate/expect.h"
#include "capture/frame.h"
#include "dissect/crypto/x509.h"
#include "capture/wire/address.h"

enum {
    CHAINS_MAX = 2048,
    CHAINS_BYTES_MAX = 16 << 20,
    CHAIN_CERTS_MAX = 16,
    CHAIN_PRESENTERS_MAX = 16,
    CHAIN_DIALLED_MAX = 4
};

enum chain_role { ROLE_NPS = 1, ROLE_IKEV2 = 2, ROLE_SSTP = 4, ROLE_CLIENT = 8 };

enum check { CHECK_UNKNOWN, CHECK_PASS, CHECK_FAIL };

enum chain_error {
    CHAIN_OK,
    CHAIN_NO_ROOTS,          /* nobody said what clients trust: unknown */
    CHAIN_UNTRUSTED_ROOT,    /* complete as sent up to a root (sent, or named) that is not among those given */
    CHAIN_INCOMPLETE,        /* an intermediate is missing: the issuer of the last certificate is neither sent nor given, and
                                it is not a root that was given */
    CHAIN_SELF_SIGNED,       /* the leaf signs itself and is not trusted */
    CHAIN_BAD_SIGNATURE,     /* a parent is there and the signature is wrong */
    CHAIN_INVALID_CA,        /* an issuer is no CA, or path length exceeded, or name constraints */
    CHAIN_NOT_PARSED,        /* OpenSSL refuses the DER */
    CHAIN_OTHER,             /* chain_text says OpenSSL's reason */
};

/* TrustedRootCA thumbprints of the EAP configuration against this chain (wire-facts 6.3). */
enum pin_result { PIN_NONE_GIVEN, PIN_ROOT, PIN_ISSUING_CA, PIN_LEAF, PIN_NOT_IN_CHAIN, PIN_ROOT_UNKNOWN /* the root is neither sent nor given */ };

/* Judgement of a leaf that a server presented, independent of time; times are compared per login. */
struct chain_checks {
    enum check chain; enum chain_error chain_error;
    char chain_text[256];           /* one sentence, "" when fine; names in it are what strangers wrote */
    size_t failing_index;           /* certificate of the chain that it is about */
    bool order_wrong;               /* sent, but not leaf first and each followed by its issuer */
    size_t stray_index;             /* order_wrong only because this certificate does not belong to the chain; 0: those that
                                       do are out of order themselves */
    bool intermediate_given;        /* complete only with an intermediate out of --trusted-root that was not sent: clients need
                                       it too; chain_text names it */
    bool root_sent;
    bool root_known;                /* the path ends in a self-signed certificate that was sent or given */
    uint8_t root_sha1[20]; char *root_subject; /* of that certificate, or issuer name of the last one when not known */
    enum check name; struct name_result name_result;
    bool ike_intermediate_eku;      /* names "IP security IKE intermediate", 1.3.6.1.5.5.8.2.2 */
    enum check server_auth_eku; bool eku_absent; bool eku_any;   /* absent extension or anyExtendedKeyUsage: unknown, with these set */
    enum check key_strength; enum check signature_strength; size_t weak_key_index, weak_signature_index;
    enum check key_usage_signature, key_usage_encipherment; /* fit for (EC)DHE signatures / static RSA; pass when no extension */
    bool subject_empty, subject_wildcard;
    enum pin_result pin; size_t pin_index; /* which certificate of the chain the pin names; SIZE_MAX when it was not sent */
    int64_t not_before, not_after;  /* of the leaf */
    int64_t path_not_before, path_not_after; /* intersection over leaf, intermediates and root, sent or given; who limits it: */
    size_t not_before_index, not_after_index; /* in the chain; its count when that one was not sent but given, */
    const char *not_before_given, *not_after_given; /* with this name, the expectation's; else NULL */
};

/* A stapled OCSP response, as far as it is about the leaf. */
enum chain_ocsp_status { CHAIN_OCSP_NONE /* it says nothing of it */, CHAIN_OCSP_GOOD, CHAIN_OCSP_REVOKED, CHAIN_OCSP_UNKNOWN };
struct chain_ocsp {
    bool read;                     /* there is one; false: none was stapled */
    int8_t refusal;                /* OCSPResponseStatus other than successful (RFC 6960 section 4.2.1); -1 none, or unreadable */
    int8_t reason;                 /* CRLReason of a revocation, -1 unsaid */
    enum chain_ocsp_status status;
    enum check signature;          /* by the issuer or its responder; unknown while the issuer's certificate is not there, and of an
                                      absurd response */
    int64_t this_update, next_update, revoked_at; /* seconds, 0 unsaid */
};

struct chain {
    uint64_t serial;               /* from 1, in order of first sight, but for those that took an abandoned one's place */
    uint32_t roles;                /* enum chain_role, or-ed; 0: held for what turned out to be none of ours, to be passed over */
    uint32_t holders;              /* connections that showed it and may yet be SSTP's */
    uint64_t presented;            /* times */
    struct place first;            /* where first seen whole */
    struct span der[CHAIN_CERTS_MAX]; size_t count; /* own copies */
    struct { struct endpoint server; uint64_t count; } presenters[CHAIN_PRESENTERS_MAX]; size_t presenter_count; bool more_presenters;
    uint32_t exchanges[32]; size_t exchange_count; /* first exchanges that presented it */
    bool judged;                   /* facts and checks hold */
    bool refused;                  /* over the budget of chains_judge: never looked at, say so */
    struct x509_facts *facts;      /* one per certificate; all zero for one that does not parse */
    bool parsed[CHAIN_CERTS_MAX];
    struct chain_checks checks;    /* outer expectation: --server-name, and the outermost method of --eap-config */
    struct chain_checks *inner_checks; /* against the inner method's configuration; NULL when none was given */
    struct chain_checks *vpn_checks; /* as IKEv2's, where it serves EAP too, else NULL; see chain_checks_of */
    struct chain_checks *sstp_checks; /* as SSTP's, where it serves EAP or IKEv2 too, else NULL */
    char asked[EXPECT_NAME_LENGTH + 1]; /* the server's name that IKEv2 clients asked for (IDr, RFC 7296 section 2.15), "" none */
    bool asked_differs;            /* not all of them asked for the same */
    char *dialled[CHAIN_DIALLED_MAX]; size_t dialled_count; /* names that SSTP clients dialled (SNI), as sent: distinct */
    bool ocsp_revoked, ocsp_good;  /* from a stapled response, signature verified against the issuer */
    struct span ocsp;              /* last stapled response, own copy */
    struct chain_ocsp ocsp_facts;  /* what it says */
};

struct chains;
struct chains *chains_new(const struct expect *expect);
void chains_free(struct chains *c);

/* Interns a chain; NULL when the ceilings are reached or it has more than CHAIN_CERTS_MAX certificates (counted), or when
 * it has none (not counted). The pointer is stable until chains_free. */
struct chain *chains_intern(struct chains *c, const struct span *der, size_t count, uint32_t role,
                            const struct endpoint *presenter, uint32_t exchange, struct place place);
/*
 * For a connection that may or may not be SSTP: the chain is kept without a role until somebody claims it. NULL as above.
 * Once, for each hold: chains_claim, for the connection is SSTP, or chains_release, for it is not; a chain that nobody holds
 * or claimed may give its place, its serial and its bytes to the next one. An unclaimed one is neither judged nor shown.
 */
struct chain *chains_hold(struct chains *c, const struct span *der, size_t count, struct place place);
void chains_claim(struct chains *c, uint64_t serial, uint32_t role, const struct endpoint *presenter, uint32_t exchange);
void chains_release(struct chains *c, uint64_t serial);
/* Counts one more presentation, in this exchange. chains_intern and chains_claim do so by themselves. */
void chain_presented(struct chain *c, uint32_t exchange);
/* Keeps the name that an IKEv2 client asked for: a DNS name or an address as text; one that is too long or no text is
 * ignored. */
void chain_asked(struct chain *c, struct span name);
/* Keeps the name that an SSTP client dialled; one that is too long or no text is ignored, as are more than a few. */
void chain_dialled(struct chain *c, struct span name);
/* Whether a certificate is for the name that an SSTP client dialled, as Windows' TLS looks at it: DNS names of the SAN with
 * wildcards for one label, the common name only where there are none, case does not count. Unknown without a name, and where
 * it depends on the client. */
enum check chain_name_dialled(const struct x509_facts *leaf, struct span name);
/* Whether a certificate is for the name that a client asked for; unknown without one, and where that depends on the client
 * (wildcards, IPv6 addresses in other spellings). Case does not count. */
enum check chain_name_asked(const struct x509_facts *leaf, const char *asked);
/* Checks for a role: ROLE_IKEV2 expects Server Authentication, a signing key and a trusted root; --server-name and
 * --eap-config name another server, so that a name which fits none of them is unknown. ROLE_SSTP: likewise, the name is the
 * dialled one. Others: EAP's expectations. */
const struct chain_checks *chain_checks_of(const struct chain *c, uint32_t role);
/* Keeps a copy of the last stapled OCSPResponse (at most 64 KiB, within CHAINS_BYTES_MAX); ignored once judged. */
void chains_set_ocsp(struct chain *c, struct span response);
/* A chain by serial, NULL when there is none. */
struct chain *chains_get(const struct chains *c, uint64_t serial);
size_t chains_count(const struct chains *c);
struct chain *chains_at(const struct chains *c, size_t i); /* by order of first sight */
uint64_t chains_refused(const struct chains *c);

/* Parses and judges all chains (once each), those presented most often first, at most `budget` of them. */
void chains_judge(struct chains *c, size_t budget);

/*
 * Judges one chain before its time, as far as it is known by now and as if it had this role; chains_judge judges it anew, so
 * nothing depends on this. False when there is no such chain or memory is short.
 */
bool chains_preview(struct chains *c, uint64_t serial, uint32_t role);

/* Names of the enum values for JSON and text: "untrusted-root" ... */
const char *chain_error_name(enum chain_error e);
/* "good", "revoked", "unknown", "none" */
const char *chain_ocsp_name(enum chain_ocsp_status s);

#endif
