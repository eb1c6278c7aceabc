/*
 * One certificate in one session, as the rules about certificates look at it, and what they share. For
 * rules_certificate.c, rules_chain.c and certificate_subject.c only.
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
    const struct tls_facts *tls;
    const struct chain *chain;
    const struct chain_checks *checks;
    const struct x509_facts *leaf;
    struct chain_stats stats;
    bool inner;
    enum client_answer answer;
    const struct alert_fact *alert;
    struct identity *id;
    const char *whose; /* "NPS certificate", or what else it is to be called */
};
/* Where the administrator selects the server's certificate for the method in use. */
const char *subject_selection_path(const struct subject *c);

/* Raises a fault of this certificate, with what led to it and the frames; *fresh when its own texts are still to be
 * written. breaks: clients must refuse for it, and the grade follows from what they did. NULL when no more are held, and
 * for a fault that breaks logins when this client is spared. */
struct finding *subject_fault(const struct subject *c, enum finding_id id, uint64_t variant, bool breaks, bool *fresh);

/* This client went on with a certificate that others in the capture refused: what made those fail did not fail it. */
bool subject_spared(const struct subject *c);

/* Explains in the words of a check: a sentence that may lack its capital and full stop; "" adds nothing. */
void subject_explain(struct finding *f, const char *text);

/* Sentences and steps that several faults end with. */
void subject_what_clients_did(const struct subject *c, struct finding *f);
void subject_fix_selection(const struct subject *c, struct finding *f);

/* Faults of the path to a trusted root, and thumbprints pinned in the client's profile (rules_chain.c). */
void subject_chain_faults(const struct subject *c);

#endif
