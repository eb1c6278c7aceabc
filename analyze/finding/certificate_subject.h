/*
 * One certificate in one session, as the rules about certificates look at it, and what they share. For
 * rules_certificate.c, rules_vpn_certificate.c, rules_sstp_certificate.c, rules_chain.c and certificate_subject.c only.
 */
#ifndef VS_FINDING_CERTIFICATE_SUBJECT_H
#define VS_FINDING_CERTIFICATE_SUBJECT_H

#include "analyze/finding/rules.h"

/* Texts about a certificate, made with its first finding: most have none. */
struct identity {
    bool known;
    char name[DESCRIBE_MAX], sha256[65];
};

/* One certificate in one session. */
struct subject {
    struct findings *out;
    const struct rule_input *in;
    const struct session *session;
    const struct exchange *x;
    enum chain_role role;        /* ROLE_NPS: the EAP server's; ROLE_IKEV2, ROLE_SSTP: the VPN server's own */
    const struct tls_facts *tls; /* NULL for ROLE_IKEV2 */
    struct place place;          /* where it was presented, whole */
    const struct chain *chain;
    const struct chain_checks *checks;
    const struct x509_facts *leaf;
    struct chain_stats stats;
    bool inner;
    enum client_answer answer;
    const struct alert_fact *alert;
    struct place refusal; /* of a VPN server's: where the client refused without an alert, frame 0 when it did not */
    struct identity *id;
    const char *whose; /* "NPS certificate", or what else it is to be called */
};

/* Begins with a chain, as it was presented in that role; the caller adds how and where, and what the client made of it. */
void subject_begin(struct subject *c, struct identity *id, struct findings *out, const struct rule_input *in,
                   const struct session *s, const struct exchange *x, const struct chain *chain, enum chain_role role);

/* What the client shows: IKEv2 has one error for whatever is wrong with the server's certificate, SSTP one for each. */
uint32_t subject_error(const struct subject *c, enum finding_id id, uint32_t eap_error);
/* Names that a computer store, a service and a template have for it are those of the VPN server. */
static inline bool subject_vpn(const struct subject *c)
{
    return c->role != ROLE_NPS;
}
/* What Windows' SSTP client shows for this fault of the server's certificate; 0 unsaid (rules_sstp_certificate.c). */
uint32_t sstp_certificate_error(enum finding_id id);
/* "NPS server", "VPN server" */
const char *subject_host(const struct subject *c);
/* Where the administrator selects the server's certificate for the method in use. */
const char *subject_selection_path(const struct subject *c);

/* Raises a fault of this certificate, with what led to it and the frames; *fresh when its own texts are still to be
 * written. breaks: clients must refuse for it, and the grade follows from what they did. NULL when no more are held, and
 * for a fault that breaks logins when this client is spared. */
struct finding *subject_fault(const struct subject *c, enum finding_id id, uint64_t variant, bool breaks, bool *fresh);

/* The client's alert names another reason than this fault. Alerts that say nothing in particular fit every fault. */
bool subject_alert_names_another(uint8_t code, enum finding_id id);

/* This client went on with a certificate that others in the capture refused: what made those fail did not fail it. */
bool subject_spared(const struct subject *c);

/* Explains in the words of a check: a sentence that may lack its capital and full stop; "" adds nothing. */
void subject_explain(struct finding *f, const char *text);

/* Sentences and steps that several faults end with. */
void subject_what_clients_did(const struct subject *c, struct finding *f);
void subject_fix_selection(const struct subject *c, struct finding *f);

/* What any TLS server's certificate can have (rules_certificate.c). */
void subject_key_usage_fault(const struct subject *c);
void subject_order_fault(const struct subject *c);
/* Of a VPN server's: neither a subject nor a name that clients could dial. */
void subject_no_name_fault(const struct subject *c);

/* Faults of the path to a trusted root, and thumbprints pinned in the client's profile (rules_chain.c). */
void subject_chain_faults(const struct subject *c);

/* Faults that a certificate has in whatever role: its path, purpose, dates and strength (rules_certificate.c). */
void subject_common_faults(const struct subject *c);

#endif
