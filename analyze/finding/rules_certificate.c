/* What is wrong with the certificate that the EAP server presented. wire-facts 6.1 to 6.3. */
#include <stdio.h>

#include "analyze/finding/rules.h"

#define POLICY_PATH                                                                                                    \
    "NPS console > Policies > Network Policies > your VPN policy > Properties > Constraints > Authentication Methods"
#define SOON_S (30 * INT64_C(86400))

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
static const char *selection_path(const struct subject *c)
{
    if (c->x->eap.method == EAP_TYPE_TLS)
        return POLICY_PATH " > Microsoft: Smart Card or other certificate > Edit";
    if (c->x->eap.method != EAP_TYPE_PEAP)
        return "the EAP settings of the RADIUS server (FreeRADIUS: certificate_file in mods-enabled/eap)";
    if (c->inner)
        return POLICY_PATH " > Microsoft: Protected EAP (PEAP) > Edit > Smart Card or other certificate > Edit";
    return POLICY_PATH " > Microsoft: Protected EAP (PEAP) > Edit";
}

/* The client's alert names another reason than this fault. Alerts that say nothing in particular fit every fault. */
static bool alert_names_another(uint8_t code, enum finding_id id)
{
    switch (code) {
    case 48: /* unknown_ca */
        return id != FINDING_CERT_UNTRUSTED_ROOT && id != FINDING_CERT_INCOMPLETE_CHAIN &&
               id != FINDING_CERT_SELF_SIGNED && id != FINDING_CERT_BAD_SIGNATURE;
    case 45: /* certificate_expired */
        return id != FINDING_CERT_EXPIRED && id != FINDING_CERT_NOT_YET_VALID;
    case 44:  /* certificate_revoked */
    case 113: /* bad_certificate_status_response */
        return id != FINDING_CERT_REVOKED;
    default:
        return false;
    }
}

/* A fault that makes clients refuse: how bad, and how sure, is told by what clients did in this capture. */
static void grade(const struct subject *c, struct finding *f)
{
    if (c->stats.refused > 0) {
        f->severity = SEVERITY_CRITICAL;
        bool proven = c->answer == ANSWER_ALERT && !alert_names_another(c->alert->code, f->id);
        enum confidence sure = proven && c->stats.accepted == 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
        if (f->confidence > sure)
            f->confidence = sure;
    } else if (c->stats.accepted > 0) {
        f->severity = SEVERITY_WARNING;
        f->confidence = CONFIDENCE_HINT;
    } else {
        f->severity = SEVERITY_CRITICAL;
        f->confidence = CONFIDENCE_STRONG;
    }
}

/* All fail since a point in time: the server presented another certificate before, which clients accepted. */
static void what_was_before(const struct subject *c, struct finding *f)
{
    const struct server *server = servers_of(c->in->servers, &c->x->server);
    if (server == NULL || c->inner || c->stats.accepted > 0 || c->stats.refused == 0)
        return;
    for (size_t i = 0; i < server->chain_count; i++) {
        const struct chain *other = rule_chain(c->in, server->chains[i].chain);
        char name[DESCRIBE_MAX], at[32], thumb[41];
        if (other == NULL || other == c->chain || !other->parsed[0] || server->chains[i].accepted == 0 ||
            server->chains[i].first.time_ns > c->chain->first.time_ns)
            continue;
        finding_explain(f,
                        "Before %s the same server presented another certificate, \"%s\" (thumbprint %s), and clients "
                        "accepted that one: it was renewed, or another one was selected, at that time.",
                        describe_time(at, c->chain->first.time_ns / INT64_C(1000000000)),
                        describe_certificate(name, other, 0), describe_hex(thumb, other->facts[0].sha1, 20));
        return;
    }
}

static void what_clients_did(const struct subject *c, struct finding *f)
{
    uint64_t refused = c->stats.refused, accepted = c->stats.accepted;
    if (refused > 0 && accepted > 0)
        finding_explain(f, "In this capture %llu login%s refused it and %llu went on with it: the clients differ.",
                        (unsigned long long)refused, refused == 1 ? "" : "s", (unsigned long long)accepted);
    else if (refused > 0)
        finding_explain(f, "Every client of this capture that answered it refused it (%llu login%s).",
                        (unsigned long long)refused, refused == 1 ? "" : "s");
    else if (accepted > 0)
        finding_explain(
            f, "The clients of this capture went on with it nevertheless: they have other settings than those given "
               "here, or do not check the server.");
    else
        finding_explain(f, "How the clients answered it is not in this capture.");
    what_was_before(c, f);
}

static void evidence(const struct subject *c, struct finding *f)
{
    finding_evidence(c->out, f, c->tls->certificate_last, "Certificate message with \"%s\"", c->id->name);
    if (c->answer == ANSWER_ALERT)
        finding_evidence(c->out, f, c->alert->place, "the client's TLS alert %s (%u)",
                         tls_alert_name(c->alert->code) != NULL ? tls_alert_name(c->alert->code) : "unknown",
                         c->alert->code);
    else if (c->answer == ANSWER_ENCRYPTED_ALERT)
        finding_evidence(c->out, f, c->tls->encrypted_alert, "the client's encrypted TLS alert");
}

/* Raises a fault of this certificate; *fresh when its texts are still to be written. */
static struct finding *fault(const struct subject *c, enum finding_id id, uint64_t variant, bool breaks, bool *fresh)
{
    if (!c->id->known) {
        describe_certificate(c->id->name, c->chain, 0);
        describe_sha256(c->id->sha256, c->chain);
        c->id->known = true;
    }
    struct finding *f = findings_raise(c->out, id, c->id->sha256, variant * 2 + c->inner, fresh);
    if (f == NULL)
        return NULL;
    if (*fresh) {
        f->severity = SEVERITY_WARNING;
        f->confidence = breaks ? CONFIDENCE_HINT : CONFIDENCE_CERTAIN;
        char server[DESCRIBE_MAX];
        describe_server(server, c->x);
        server[0] = 'T';
        finding_explain(f, "%s presented \"%s\"%s, issued by \"%s\".", server, c->id->name,
                        c->inner ? " inside the tunnel" : "", c->leaf->issuer[0] != '\0' ? c->leaf->issuer : "(empty)");
    }
    if (breaks)
        grade(c, f);
    evidence(c, f);
    return f;
}

static void fix_selection(const struct subject *c, struct finding *f)
{
    finding_fix(f, "Then select it: %s%s.", selection_path(c),
                c->x->eap.method == EAP_TYPE_PEAP && !c->inner
                    ? "; and the same one for the inner method \"Smart Card or other certificate\", if that is used"
                    : "");
}

/* The chain's fault as the checks put it: a sentence that may lack its capital and full stop. */
static void explain_chain(const struct subject *c, struct finding *f)
{
    const char *text = c->checks->chain_text;
    size_t n = strlen(text);
    if (n == 0)
        return;
    char first = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
    finding_explain(f, "%c%s%s", first, text + 1, text[n - 1] == '.' ? "" : ".");
}

static const char *root_name(const struct subject *c)
{
    return c->checks->root_subject != NULL && c->checks->root_subject[0] != '\0' ? c->checks->root_subject
                                                                                 : "(unknown)";
}

static void untrusted_root(const struct subject *c)
{
    bool fresh;
    struct finding *f = fault(c, FINDING_CERT_UNTRUSTED_ROOT, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    char thumb[41];
    f->client_error = 864;
    finding_title(f, "clients do not trust the issuer of the %s \"%s\" (root: %s)", c->whose, c->id->name,
                  root_name(c));
    if (c->checks->root_known)
        finding_explain(
            f,
            "Its chain ends in the root \"%s\" (thumbprint %s), which is not among the trusted roots given; a "
            "client without that root must refuse the server.",
            root_name(c), describe_hex(thumb, c->checks->root_sha1, 20));
    else
        finding_explain(
            f,
            "Its chain ends at the issuer \"%s\", which is not among the trusted roots given; a client without "
            "that root must refuse the server.",
            root_name(c));
    what_clients_did(c, f);
    finding_fix(
        f,
        "If this is the right certificate: put the root \"%s\" into the computer store of every client, Trusted Root "
        "Certification Authorities (group policy: Computer Configuration > Policies > Windows Settings > Security "
        "Settings > Public Key Policies; Intune: trusted certificate profile), and tick it in the EAP settings of the "
        "VPN profile.",
        root_name(c));
    finding_fix(f, "If it is the wrong one: select the certificate whose root the clients trust: %s%s.",
                selection_path(c), c->x->eap.method == EAP_TYPE_PEAP && !c->inner ? "; for the inner method too" : "");
}

static void incomplete(const struct subject *c)
{
    bool fresh;
    struct finding *f = fault(c, FINDING_CERT_INCOMPLETE_CHAIN, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 864;
    finding_title(f, "the server sends the %s \"%s\" without the intermediate CA above it", c->whose, c->id->name);
    explain_chain(c, f);
    what_clients_did(c, f);
    finding_explain(f, "Clients that hold the intermediate already do succeed, so it may be that only some fail.");
    finding_fix(
        f,
        "On the NPS server: import the certificate of the CA \"%s\" into the computer store, Intermediate "
        "Certification "
        "Authorities, and restart the service \"Network Policy Server\", so that it is sent along (FreeRADIUS: append "
        "it to certificate_file).",
        c->leaf->issuer);
}

/* Complete only with an intermediate that was given here, not sent: clients need it from elsewhere. */
static void intermediate_not_sent(const struct subject *c)
{
    bool fresh;
    struct finding *f = fault(c, FINDING_CERT_INCOMPLETE_CHAIN, 1, false, &fresh);
    if (f == NULL || !fresh)
        return;
    f->severity = c->stats.refused > 0 ? SEVERITY_CRITICAL : c->stats.accepted > 0 ? SEVERITY_INFO : SEVERITY_WARNING;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = c->stats.refused > 0 ? 864 : 0;
    finding_title(f, "the server does not send the intermediate CA of the %s \"%s\"", c->whose, c->id->name);
    explain_chain(c, f);
    finding_explain(f, "Clients that neither hold it nor can fetch it fail with error 864.");
    what_clients_did(c, f);
    finding_fix(f,
                "Make the server send it: on NPS, import \"%s\" into the computer store, Intermediate Certification "
                "Authorities (FreeRADIUS: append it to certificate_file).",
                c->leaf->issuer);
}

static void self_signed(const struct subject *c)
{
    bool fresh;
    struct finding *f = fault(c, FINDING_CERT_SELF_SIGNED, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 864;
    finding_title(f, "the %s \"%s\" is self-signed: no CA vouches for it", c->whose, c->id->name);
    finding_explain(f, "A client accepts it only where this very certificate is installed as a trusted root.");
    what_clients_did(c, f);
    finding_fix(f, "Issue the NPS server a certificate from the enterprise CA (template \"RAS and IAS Server\").");
    fix_selection(c, f);
}

static void bad_signature(const struct subject *c)
{
    bool fresh;
    struct finding *f = fault(c, FINDING_CERT_BAD_SIGNATURE, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 857;
    finding_title(f, "a signature in the chain of the %s \"%s\" is wrong", c->whose, c->id->name);
    explain_chain(c, f);
    what_clients_did(c, f);
    finding_fix(
        f, "The usual cause is a CA whose key was renewed under the same name: on the NPS server, install the CA "
           "certificate "
           "whose key signed this one (Intermediate Certification Authorities), and remove the other; or issue the "
           "server's certificate again.");
}

static void chain_fault(const struct subject *c)
{
    bool fresh;
    struct finding *f;
    switch (c->checks->chain_error) {
    case CHAIN_UNTRUSTED_ROOT:
        untrusted_root(c);
        break;
    case CHAIN_INCOMPLETE:
        incomplete(c);
        break;
    case CHAIN_SELF_SIGNED:
        self_signed(c);
        break;
    case CHAIN_BAD_SIGNATURE:
        bad_signature(c);
        break;
    case CHAIN_INVALID_CA:
    case CHAIN_NOT_PARSED:
    case CHAIN_OTHER:
        f = fault(c, FINDING_CERT_BAD_SIGNATURE, 1, true, &fresh);
        if (f != NULL && fresh) {
            f->client_error = 857;
            finding_title(f, "the chain of the %s \"%s\" is not valid", c->whose, c->id->name);
            explain_chain(c, f);
            what_clients_did(c, f);
            finding_fix(
                f, "Look at the chain (--certs DIR writes it out) and issue the certificate again from a proper CA.");
        }
        break;
    default:
        break;
    }
}

/* TrustedRootCA of the client's profile against the chain (wire-facts 6.3). */
static void pin_fault(const struct subject *c)
{
    bool fresh;
    enum pin_result pin = c->checks->pin;
    if (pin != PIN_ISSUING_CA && pin != PIN_LEAF && pin != PIN_NOT_IN_CHAIN)
        return;
    struct finding *f = fault(c, FINDING_CERT_UNTRUSTED_ROOT, 1 + (uint64_t)pin, true, &fresh);
    if (f == NULL || !fresh)
        return;
    char thumb[41], pinned[DESCRIBE_MAX];
    f->client_error = 864;
    if (pin == PIN_NOT_IN_CHAIN) {
        finding_title(f, "the VPN profile pins another root (TrustedRootCA) than that of the %s \"%s\"", c->whose,
                      c->id->name);
        finding_explain(f, "No thumbprint in TrustedRootCA of the EAP configuration belongs to the root \"%s\".",
                        root_name(c));
    } else {
        bool sent = c->checks->pin_index < c->chain->count;
        finding_title(f, "TrustedRootCA in the VPN profile is the thumbprint of %s \"%s\", not of its root",
                      pin == PIN_LEAF ? "the server certificate" : "the issuing CA",
                      sent ? describe_certificate(pinned, c->chain, c->checks->pin_index) : c->leaf->issuer);
        finding_explain(
            f, "TrustedRootCA must name the trust anchor itself, not a CA below it nor the server's own certificate.");
    }
    if (c->checks->root_known)
        finding_fix(f, "Set TrustedRootCA in the EAP configuration to the SHA-1 thumbprint of the root \"%s\": %s",
                    root_name(c), describe_hex(thumb, c->checks->root_sha1, 20));
    else
        finding_fix(f,
                    "Set TrustedRootCA in the EAP configuration to the SHA-1 thumbprint of the root \"%s\" (it is not "
                    "sent: read it "
                    "from the root certificate itself).",
                    root_name(c));
    what_clients_did(c, f);
}

static size_t add_name(char *out, size_t size, size_t at, const char *name)
{
    if (at + 1 >= size)
        return at;
    int n = snprintf(out + at, size - at, "%s\"%s\"", at > 0 ? ", " : "", name);
    return at + (n > 0 ? (size_t)n : 0);
}

static void expected_names(const struct subject *c, char *out, size_t size)
{
    const struct expect_method *methods;
    const char *name;
    size_t at = 0, count = expect_methods(c->in->expect, &methods);
    out[0] = '\0';
    for (size_t i = 0; (name = expect_server_name(c->in->expect, i)) != NULL; i++)
        at = add_name(out, size, at, name);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < methods[i].name_count; k++)
            at = add_name(out, size, at, methods[i].server_names[k]);
}

static void name_fault(const struct subject *c)
{
    const struct name_result *r = &c->checks->name_result;
    bool fresh;
    if (r->fit != NAME_MISMATCH && r->fit != NAME_MATCH_CASE && r->fit != NAME_MATCH_UNCERTAIN)
        return;
    struct finding *f = fault(c, FINDING_CERT_NAME_MISMATCH, (uint64_t)r->fit, r->fit == NAME_MISMATCH, &fresh);
    if (f == NULL || !fresh)
        return;
    char expected[600];
    expected_names(c, expected, sizeof expected);
    if (r->fit == NAME_MATCH_UNCERTAIN) {
        f->severity = SEVERITY_INFO;
        f->confidence = CONFIDENCE_HINT;
        finding_title(f, "the expected name \"%s\" fits the %s \"%s\" only in one reading of the pattern", r->pattern,
                      c->whose, c->id->name);
        finding_explain(
            f, "Microsoft describes items with * as regular expressions, its examples use them as wildcards. %s",
            r->remark);
        finding_fix(
            f, "Write the full name, or a regular expression that fits the whole name, such as nps.*\\.example\\.com.");
        return;
    }
    f->client_error = r->fit == NAME_MISMATCH ? 864 : 0;
    if (r->fit == NAME_MATCH_CASE) {
        f->severity = SEVERITY_WARNING;
        f->confidence = CONFIDENCE_STRONG;
        finding_title(f, "the name of the %s \"%s\" differs from \"%s\" in upper and lower case", c->whose, r->matched,
                      r->pattern);
        finding_explain(f, "Windows 11 21H2 compares the case of names and fails (error 853); other versions do not.");
    } else {
        finding_title(f, "the %s is for \"%s\", but the clients expect another server name", c->whose, c->id->name);
        finding_explain(
            f,
            "Neither its common name nor its DNS names fit what was expected: %s. A client that is told which server "
            "to connect to refuses any other.",
            expected[0] != '\0' ? expected : "(none)");
        what_clients_did(c, f);
    }
    if (r->remark[0] != '\0')
        finding_explain(f, "%s", r->remark);
    finding_fix(f, "If the certificate is right: put its name into \"Connect to these servers\" (ServerNames) in the "
                   "EAP settings of "
                   "the VPN profile.");
    finding_fix(f,
                "If the profile is right: give the server a certificate whose subject is the name in the profile (one "
                "alias for all "
                "load-balanced NPS servers), and select it: %s.",
                selection_path(c));
}

static void eku_fault(const struct subject *c)
{
    bool fresh;
    const struct chain_checks *k = c->checks;
    if (k->server_auth_eku == CHECK_PASS || (!k->eku_absent && !k->eku_any && k->server_auth_eku != CHECK_FAIL))
        return;
    bool breaks = k->server_auth_eku == CHECK_FAIL;
    struct finding *f = fault(c, FINDING_CERT_MISSING_SERVER_AUTH_EKU, breaks ? 0 : 1, breaks, &fresh);
    if (f == NULL || !fresh)
        return;
    if (breaks) {
        f->client_error = 864;
        finding_title(f, "the %s \"%s\" lacks the Server Authentication EKU (1.3.6.1.5.5.7.3.1)", c->whose,
                      c->id->name);
        finding_explain(f, "It is for other purposes only, so a client must not accept it as a server's.");
        what_clients_did(c, f);
    } else {
        f->severity = SEVERITY_WARNING;
        f->confidence = CONFIDENCE_STRONG;
        finding_title(f, "the %s \"%s\" does not name the Server Authentication EKU (%s)", c->whose, c->id->name,
                      k->eku_absent ? "no EKU extension" : "any purpose");
        finding_explain(
            f, "By RFC 5280 that allows every purpose, but the NPS console does not list such certificates and Windows "
               "clients can be set to refuse them (PeapServerAcceptAllPurposeCert).");
    }
    if (c->leaf->template_name != NULL)
        finding_explain(f, "It was issued from the template %s.", c->leaf->template_name);
    finding_fix(f, "Issue the certificate from a template with Server Authentication (\"RAS and IAS Server\") and "
                   "enrol it on the NPS server.");
    fix_selection(c, f);
}

static void time_fault(const struct subject *c)
{
    int64_t now = c->tls->certificate_last.time_ns / INT64_C(1000000000);
    const struct chain_checks *k = c->checks;
    bool fresh;
    char at[32], limit[32], who[DESCRIBE_MAX];
    if (c->tls->certificate_last.time_ns <= 0)
        return;
    bool expired = k->path_not_after<now - RULE_CLOCK_SKEW_S, early = k->path_not_before> now + RULE_CLOCK_SKEW_S;
    if (!expired && !early) {
        if (k->path_not_after >= now + SOON_S)
            return;
        struct finding *f = fault(c, FINDING_CERT_EXPIRES_SOON, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the certificate \"%s\" expires on %s",
                          describe_certificate(who, c->chain, k->not_after_index),
                          describe_time(limit, k->path_not_after));
            finding_explain(f, "The login was at %s. After that date every client refuses it (error 858).",
                            describe_time(at, now));
            finding_fix(f, "Renew it in time, then select the new one: %s.", selection_path(c));
        }
        return;
    }
    size_t index = expired ? k->not_after_index : k->not_before_index;
    struct finding *f = fault(c, expired ? FINDING_CERT_EXPIRED : FINDING_CERT_NOT_YET_VALID, index, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = expired ? 858 : 857;
    if (expired)
        finding_title(f, "the certificate \"%s\" expired on %s", describe_certificate(who, c->chain, index),
                      describe_time(limit, k->path_not_after));
    else
        finding_title(f, "the certificate \"%s\" is not valid before %s", describe_certificate(who, c->chain, index),
                      describe_time(limit, k->path_not_before));
    finding_explain(f, "It was presented at %s by the clock of the capture.", describe_time(at, now));
    int64_t apart = expired ? now - k->path_not_after : k->path_not_before - now;
    if (apart < 86400)
        finding_explain(f, "That is less than a day apart: look at the clocks too.");
    else if (!expired && c->stats.accepted > 0 && c->stats.refused == 0)
        finding_explain(f, "The clients took it as valid, so it may be the capture's clock that is wrong.");
    what_clients_did(c, f);
    if (expired)
        finding_fix(f, "Renew the certificate%s and select the new one: %s.", index > 0 ? " of the CA" : "",
                    selection_path(c));
    else
        finding_fix(f,
                    "Check the clocks of the CA, the NPS server and the clients; or select a certificate that is valid "
                    "now: %s.",
                    selection_path(c));
}

static void strength_faults(const struct subject *c)
{
    const struct chain_checks *k = c->checks;
    bool fresh;
    char who[DESCRIBE_MAX];
    if (k->key_strength == CHECK_FAIL) {
        struct finding *f = fault(c, FINDING_CERT_WEAK_KEY, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the key of the certificate \"%s\" is weak: %s",
                          describe_certificate(who, c->chain, k->weak_key_index),
                          c->chain->facts[k->weak_key_index].key_text);
            finding_explain(f, "Windows always refuses RSA keys under 1024 bits and can be set to refuse those under "
                               "2048; other clients "
                               "do so by default.");
            finding_fix(f, "Issue the certificate again with RSA 2048 bits or more, or ECDSA P-256, and select it: %s.",
                        selection_path(c));
        }
    }
    if (k->signature_strength == CHECK_FAIL) {
        struct finding *f = fault(c, FINDING_CERT_WEAK_SIGNATURE, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the certificate \"%s\" is signed with %s",
                          describe_certificate(who, c->chain, k->weak_signature_index),
                          c->chain->facts[k->weak_signature_index].signature);
            finding_explain(
                f,
                "Current clients refuse SHA-1 and MD5 signatures in a server's chain (the root's own does not count).");
            finding_fix(f, "Move the CA to SHA-256, issue the certificate again and select it: %s.", selection_path(c));
        }
    }
}

static void subject_faults(const struct subject *c)
{
    const struct chain_checks *k = c->checks;
    bool fresh;
    if (k->subject_empty) {
        struct finding *f = fault(c, FINDING_CERT_EMPTY_SUBJECT, 0, true, &fresh);
        if (f != NULL && fresh) {
            f->client_error = 866;
            finding_title(f, "the %s has an empty subject", c->whose);
            finding_explain(f, "The NPS console does not offer such certificates, and Windows clients that check the "
                               "server's name fail "
                               "with error 866.");
            what_clients_did(c, f);
            finding_fix(f, "Issue a certificate whose subject holds the NPS server's DNS name (template: Subject Name "
                           "> Common name or DNS name).");
            fix_selection(c, f);
        }
    }
    if (k->subject_wildcard) {
        struct finding *f = fault(c, FINDING_CERT_WILDCARD_SUBJECT, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the %s has a wildcard subject: \"%s\"", c->whose, c->id->name);
            finding_explain(f, "Some Windows clients refuse wildcard subjects in PEAP.");
            finding_fix(f, "Use a certificate with the server's own name, or one alias on all NPS servers.");
        }
    }
    if (k->order_wrong) {
        struct finding *f = fault(c, FINDING_CERT_CHAIN_ORDER, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the chain of the %s \"%s\" is sent in the wrong order", c->whose, c->id->name);
            finding_explain(
                f,
                "TLS 1.2 demands the server's certificate first, each followed by its issuer (RFC 5246 section 7.4.2); "
                "strict clients fail.");
            finding_fix(f, "Put the certificates in order: the server's own, then the CA that issued it, and so on "
                           "(FreeRADIUS: certificate_file).");
        }
    }
    if (c->chain->ocsp_revoked) {
        struct finding *f = fault(c, FINDING_CERT_REVOKED, 0, true, &fresh);
        if (f != NULL && fresh) {
            f->client_error = 859;
            finding_title(f, "the %s \"%s\" is revoked: the stapled OCSP response says so", c->whose, c->id->name);
            what_clients_did(c, f);
            finding_fix(f, "Issue a new certificate and select it: %s.", selection_path(c));
        }
    }
}

static bool static_rsa(const struct tls_facts *t)
{
    return t->version < 0x0304 && tls_cipher_suite_static_rsa(t->cipher_suite);
}

static bool key_usage_wrong(const struct chain_checks *k, const struct tls_facts *t)
{
    if (t->version == 0 || t->cipher_suite == 0 ||
        (k->key_usage_encipherment != CHECK_FAIL && k->key_usage_signature != CHECK_FAIL))
        return false;
    return (static_rsa(t) ? k->key_usage_encipherment : k->key_usage_signature) == CHECK_FAIL;
}

static void key_usage_fault(const struct subject *c)
{
    if (!key_usage_wrong(c->checks, c->tls))
        return;
    bool fresh, rsa = static_rsa(c->tls);
    struct finding *f = fault(c, FINDING_CERT_KEY_USAGE, rsa, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = 857;
    const char *suite = tls_cipher_suite_name(c->tls->cipher_suite);
    finding_title(f, "the key usage of the %s \"%s\" lacks %s", c->whose, c->id->name,
                  rsa ? "keyEncipherment" : "digitalSignature");
    finding_explain(f, "The negotiated suite %s needs it.", suite != NULL ? suite : "(unknown)");
    what_clients_did(c, f);
    finding_fix(f,
                "Issue the certificate again with key usage digitalSignature and keyEncipherment, and select it: %s.",
                selection_path(c));
}

static void one_certificate(struct findings *out, const struct rule_input *in, const struct session *s,
                            const struct exchange *x, bool inner)
{
    const struct tls_facts *tls = inner ? &x->inner.tls : &x->eap.tls;
    const struct chain *chain = rule_chain(in, tls->server_chain);
    if (chain == NULL || !chain->parsed[0])
        return;
    struct identity leaf;
    leaf.known = false;
    struct subject c = {
        .id = &leaf, .out = out, .in = in, .session = s, .x = x, .tls = tls, .chain = chain, .inner = inner};
    c.whose = rule_certificate_owner(x);
    c.checks = inner && chain->has_inner ? &chain->inner_checks : &chain->checks;
    c.leaf = &chain->facts[0];
    c.stats = rule_chain_stats(in, tls->server_chain);
    c.answer = inner ? judge_inner_answer(x, &c.alert) : judge_client_answer(x, &c.alert);
    if (c.checks->chain == CHECK_FAIL)
        chain_fault(&c);
    else if (c.checks->intermediate_given)
        intermediate_not_sent(&c);
    pin_fault(&c);
    name_fault(&c);
    eku_fault(&c);
    time_fault(&c);
    strength_faults(&c);
    subject_faults(&c);
    key_usage_fault(&c);
}

bool rule_certificate_fault(const struct rule_input *in, const struct tls_facts *t, bool inner)
{
    const struct chain *c = rule_chain(in, t->server_chain);
    if (c == NULL || !c->parsed[0])
        return false;
    const struct chain_checks *k = inner && c->has_inner ? &c->inner_checks : &c->checks;
    int64_t now = t->certificate_last.time_ns / INT64_C(1000000000);
    bool dated = t->certificate_last.time_ns > 0;
    if (dated && (k->path_not_after < now - RULE_CLOCK_SKEW_S || k->path_not_before > now + RULE_CLOCK_SKEW_S))
        return true;
    return k->chain == CHECK_FAIL || k->intermediate_given || k->name == CHECK_FAIL ||
           k->server_auth_eku == CHECK_FAIL || k->subject_empty || k->pin == PIN_ISSUING_CA || k->pin == PIN_LEAF ||
           k->pin == PIN_NOT_IN_CHAIN || k->key_strength == CHECK_FAIL || k->signature_strength == CHECK_FAIL ||
           c->ocsp_revoked || key_usage_wrong(k, t);
}

void rules_certificate(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = s->main;
    if (x->eap.tls.server_chain != 0)
        one_certificate(out, in, s, x, false);
    if (x->has_inner && x->inner.tls.server_chain != 0)
        one_certificate(out, in, s, x, true);
}
