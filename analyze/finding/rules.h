/* Rules: pure functions of what was seen. Each looks at one session, or at the capture as a whole, and raises findings. */
#ifndef VS_ANALYZE_RULES_H
#define VS_ANALYZE_RULES_H

#include "analyze/balance/balance.h"
#include "analyze/certificate/chains.h"
#include "analyze/finding/findings.h"
#include "analyze/nat/nat.h"
#include "analyze/nic/dns_answers.h"
#include "analyze/nic/nic.h"
#include "analyze/session/judge.h"
#include "analyze/session/servers.h"
#include "analyze/session/overview.h"
#include "analyze/session/probes.h"
#include "analyze/session/services.h"
#include "analyze/session/session.h"
#include "analyze/session/track.h"

/* How the logins that were shown a chain ended, by chain serial. */
struct chain_stats { uint64_t accepted, refused, silent; int64_t last_ns; /* when it was shown last */ };

/* All that rules may look at besides the session. */
struct rule_input {
    const struct chains *chains;
    const struct chain_stats *stats; size_t stats_count; /* index: chain serial */
    const struct chain_stats *ike_stats; /* as the VPN server's own certificate, as many; may be NULL */
    const struct chain_stats *sstp_stats; /* as SSTP's, as many; may be NULL */
    struct servers *servers;
    const struct expect *expect;
    bool has_keylog, has_radius_secret;
    const struct lost_pair *lost; size_t lost_count;
    const struct capture_report *captures; size_t capture_count;
    const struct dissect_counters *counters; /* sums over all captures */
    const struct analysis_totals *totals;
    const struct nat *nat;
    const struct services *services;
    const struct probes *probes;
    const struct dns_answers *dns;
    struct nic *nic;
    const struct tls_sights *sights; /* NULL with one capture */
    const struct balance *balance; /* settled */
};

void rules_certificate(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_vpn_certificate(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_sstp_certificate(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_sstp_intercepted(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_certificate_unseen(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_client_answer(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_eap(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_radius(struct findings *out, const struct rule_input *in, const struct session *s);
void rules_servers(struct findings *out, const struct rule_input *in);
/* One direction alone was captured: what was not answered, may have been. */
bool rule_one_sided(const struct rule_input *in);
void rules_capture(struct findings *out, const struct rule_input *in);
/* Last of all: what rests on absence is doubted when packets were lost: what was missed may be among them. */
void rules_losses(struct findings *out);
/* More than one packet in a thousand of this capture was lost. */
bool rules_lossy(const struct capture_report *c);
void rules_nat(struct findings *out, const struct rule_input *in);
void rules_probes(struct findings *out, const struct rule_input *in);
void rules_balance(struct findings *out, const struct rule_input *in);
/* The part of it about backends that do not answer. */
void rules_outages(struct findings *out, const struct rule_input *in);
void rules_nic(struct findings *out, const struct rule_input *in);

/* All rules about one session, causes before consequences. */
void rules_session(struct findings *out, const struct rule_input *in, const struct session *s);

/*
 * Most logins are uneventful: alone in their session, no rule above has anything to say about them, whatever the rest of
 * the capture holds, except that its certificate, or that its server never showed any, may be worth a word. This is known
 * when they end; uneventful.h keeps account of it, so that they need not be looked at again.
 */
bool rules_eap_uneventful(const struct exchange *x);
bool rules_radius_uneventful(const struct exchange *x);
enum uneventful { EVENTFUL, UNEVENTFUL, UNEVENTFUL_BUT_CERTIFICATE, UNEVENTFUL_BUT_UNSEEN };
/* As far as a version and cipher suite that are not weak go. */
enum uneventful rules_uneventful(const struct exchange *x);

/* What version and cipher suite of a login come to; the same for all logins that have them. */
struct suite_use { bool weak; bool signature, encipherment; /* key usage that the server's certificate needs */ };
struct suite_use rules_suite_use(const struct tls_facts *t);

/* When, and for what key usages, uneventful logins were shown a chain. */
struct presentations { int64_t first_ns, last_ns; bool signature, encipherment; }; /* times 0: none is known */
void rules_presented(struct presentations *p, struct place where, const struct suite_use *use);
bool rule_weak_tls(const struct tls_facts *t);
/* The certificate's key usage does not allow what the negotiated suite does with its key. */
bool rule_key_usage_wrong(const struct chain_checks *k, const struct tls_facts *t);
/* rules_certificate has nothing to say about logins that went on with this chain, shown like this. */
bool rules_chain_uneventful(const struct rule_input *in, uint32_t serial, const struct presentations *p);
/* rules_certificate_unseen has nothing to say about sessions resumed with this server. */
bool rules_resumed_uneventful(const struct server *server);

/* Shared by the rules: */
const struct chain *rule_chain(const struct rule_input *in, uint32_t serial);      /* judged, or NULL */
#define RULE_CLOCK_SKEW_S 300 /* clocks may differ that much before a validity limit counts */
/* Shown at a time at which one of its path had expired, or was not yet valid. */
bool rule_dates_wrong(const struct chain_checks *k, struct place shown);
/* The certificate of this handshake has a fault that a cert-* finding reports and a client may refuse it for. */
bool rule_certificate_fault(const struct rule_input *in, const struct tls_facts *t, bool inner);
/* The same of the VPN server's own certificate, in an IKE association that keys opened. */
bool rule_vpn_certificate_fault(const struct rule_input *in, const struct exchange *x);
/* Whether clients on the Internet can ask if a certificate is revoked: SSTP's insist on it. */
enum sstp_revocation {
    REVOCATION_PUBLIC,  /* by HTTP, or a good OCSP response is stapled */
    REVOCATION_INSIDE,  /* LDAP only */
    REVOCATION_NOWHERE  /* no address at all */
};
enum sstp_revocation sstp_certificate_revocation(const struct chain *c);
/*
 * What is wrong with the certificate of this SSTP connection: the fault that clients stop at first and that their alert, if
 * any, may mean. id is the cert-* finding that tells it (FINDING_IDS: none does, as it is only that nothing public says
 * whether it is revoked), error what Windows shows (0 unsaid), words a clause about the certificate: "its root is not among
 * those that clients trust". False: nothing is wrong, or it was not seen.
 */
struct certificate_fault {
    enum finding_id id;
    uint32_t error;
    const char *words;
};
bool rule_sstp_certificate_fault(const struct rule_input *in, const struct exchange *x, struct certificate_fault *out);
/* EAP inside a VPN connection: IKE or PPP carries it, no RADIUS packet ends it. */
bool rule_in_tunnel(const struct exchange *x);
/* "NPS certificate"; on a wired or wireless port nothing says that the server behind it is NPS. */
const char *rule_certificate_owner(const struct exchange *x);
struct chain_stats rule_chain_stats(const struct rule_input *in, uint32_t serial);
/* Something better than "it was rejected" explains why this login failed. Pure, from the facts alone. */
bool rule_failure_explained(const struct exchange *x);
/* The login went on after a round of which one half is not in the capture. Pure, from the facts alone. */
bool rule_has_gaps(const struct exchange *x);
/* Fragments of that pair were lost between the parties of x while it lasted, as far as one capture's clock tells; which way. */
bool rule_lost_in(const struct lost_pair *p, const struct exchange *x, bool *from_client);
/* Raises radius-fragments-lost for pair i of in->lost. */
void rule_lost_fragments(struct findings *out, const struct rule_input *in, size_t i, enum severity severity);
/* One entry serves many logins: the worst of them counts. */
void rule_worsen(struct finding *f, enum severity s);

/* What the number of an MS-CHAP failure means, which is Windows' own (RFC 2759 section 6); nothing for others. */
void rule_say_ms_chap_error(struct finding *f, uint32_t error);

enum { DESCRIBE_MAX = 200 };
const char *describe_certificate(char out[static DESCRIBE_MAX], const struct chain *c, size_t index); /* CN, else a SAN name, else subject */
/* "\"alice\"", or "an unknown user" */
const char *describe_user(char out[static DESCRIBE_MAX], const struct exchange *x);
/* "the RADIUS server 10.20.1.11", "the server behind the authenticator 00:...", "the EAP server behind the VPN server ..." */
const char *describe_server(char out[static DESCRIBE_MAX], const struct exchange *x);
/* "the VPN server 172.20.30.11" */
const char *describe_vpn_server(char out[static DESCRIBE_MAX], const struct exchange *x);
/* "TLS 1.0, TLS_RSA_WITH_RC4_128_SHA" as negotiated */
const char *describe_tls(char out[static DESCRIBE_MAX], const struct tls_facts *t);
const char *describe_sha256(char out[static 65], const struct chain *c); /* of the leaf */
const char *describe_hex(char *out, const uint8_t *bytes, size_t len);   /* lower case; out has 2*len+1 */
const char *describe_time(char out[static 32], int64_t seconds);        /* "2026-11-22 09:14:06 UTC" */

#endif
