/* What is wrong with the certificate that a server presented: all that needs no names but the EAP server's. wire-facts
 * 6.1, 6.2. */
#include <stdio.h>

#include "analyze/finding/certificate_subject.h"

#define SOON_S (30 * INT64_C(86400))

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

/* One reading of the expected name fits, or some clients' reading of the certificate's. */
static void uncertain_name(const struct subject *c, struct finding *f)
{
    const struct name_result *r = &c->checks->name_result;
    bool pattern = strchr(r->pattern, '*') != NULL, wildcard = !pattern && strchr(r->matched, '*') != NULL;
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_HINT;
    if (wildcard)
        finding_title(f, "the expected name \"%s\" fits the %s \"%s\" only by its wildcard \"%s\"", r->pattern, c->whose,
                      c->id->name, r->matched);
    else
        finding_title(f, "the expected name \"%s\" fits the %s \"%s\" only in one reading of the pattern", r->pattern,
                      c->whose, c->id->name);
    if (pattern)
        finding_explain(
            f, "Microsoft describes items with * as regular expressions, its examples use them as wildcards.");
    subject_explain(f, r->remark);
    if (wildcard)
        finding_fix(f, "Give the server a certificate that holds this very name, or write the certificate's name into "
                       "the profile as it is.");
    else
        finding_fix(
            f, "Write the full name, or a regular expression that fits the whole name, such as nps.*\\.example\\.com.");
}

static void name_fault(const struct subject *c)
{
    const struct name_result *r = &c->checks->name_result;
    bool fresh;
    if (r->fit != NAME_MISMATCH && r->fit != NAME_MATCH_CASE && r->fit != NAME_MATCH_UNCERTAIN)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_NAME_MISMATCH, (uint64_t)r->fit, r->fit == NAME_MISMATCH, &fresh);
    if (f == NULL || !fresh)
        return;
    char expected[600];
    expected_names(c, expected, sizeof expected);
    if (r->fit == NAME_MATCH_UNCERTAIN) {
        uncertain_name(c, f);
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
        subject_what_clients_did(c, f);
    }
    subject_explain(f, r->remark);
    finding_fix(f, "If the certificate is right: put its name into \"Connect to these servers\" (ServerNames) in the "
                   "EAP settings of "
                   "the VPN profile.");
    finding_fix(f,
                "If the profile is right: give the server a certificate whose subject is the name in the profile (one "
                "alias for all "
                "load-balanced NPS servers), and select it: %s.",
                subject_selection_path(c));
}

static void eku_fault(const struct subject *c)
{
    bool fresh;
    const struct chain_checks *k = c->checks;
    if (k->server_auth_eku == CHECK_PASS || (!k->eku_absent && !k->eku_any && k->server_auth_eku != CHECK_FAIL))
        return;
    if (c->role == ROLE_SSTP && k->eku_any)
        return; /* MS-SSTP 3.2.4.1 takes it as well */
    bool breaks = k->server_auth_eku == CHECK_FAIL;
    struct finding *f = subject_fault(c, FINDING_CERT_MISSING_SERVER_AUTH_EKU, breaks ? 0 : 1, breaks, &fresh);
    if (f == NULL || !fresh)
        return;
    if (breaks) {
        f->client_error = subject_error(c, FINDING_CERT_MISSING_SERVER_AUTH_EKU, 864);
        finding_title(f, "the %s \"%s\" lacks the Server Authentication EKU (1.3.6.1.5.5.7.3.1)", c->whose,
                      c->id->name);
        finding_explain(f, "It is for other purposes only, so a client must not accept it as a server's.");
        subject_what_clients_did(c, f);
    } else {
        bool vpn = subject_vpn(c);
        f->severity = vpn && c->stats.accepted > 0 && c->stats.refused == 0 ? SEVERITY_INFO : SEVERITY_WARNING;
        f->confidence = CONFIDENCE_STRONG;
        finding_title(f, "the %s \"%s\" does not name the Server Authentication EKU (%s)", c->whose, c->id->name,
                      k->eku_absent ? "no EKU extension" : "any purpose");
        finding_explain(
            f, "By RFC 5280 that allows every purpose, but %s.",
            vpn ? "Microsoft asks for it in the certificate of a VPN server, and strict clients refuse others"
                : "the NPS console does not list such certificates and Windows clients can be set to refuse them "
                  "(PeapServerAcceptAllPurposeCert)");
    }
    if (c->leaf->template_name != NULL)
        finding_explain(f, "It was issued from the template %s.", c->leaf->template_name);
    finding_fix(f,
                "Issue the certificate from a template with Server Authentication (\"RAS and IAS Server\"%s) and enrol "
                "it on the %s.",
                c->role == ROLE_IKEV2 ? "; better a copy of it with IP security IKE intermediate too" : "",
                subject_host(c));
    subject_fix_selection(c, f);
}

/* Whose end, or whose beginning, limits the path. */
static const char *limiting(char out[static DESCRIBE_MAX], const struct subject *c, bool end)
{
    const char *given = end ? c->checks->not_after_given : c->checks->not_before_given;
    if (given == NULL)
        return describe_certificate(out, c->chain, end ? c->checks->not_after_index : c->checks->not_before_index);
    snprintf(out, DESCRIBE_MAX, "%s", given);
    return out;
}

/* Of a CA that clients were said to have: nothing that the server sends helps. */
static void fix_given(const struct subject *c, struct finding *f, const char *who)
{
    finding_explain(f, "The server does not send it: it is among the trusted roots given.");
    finding_fix(f,
                "Renew the CA certificate \"%s\" and put the new one into the computer store of every client, or move the "
                "%s to a certificate below another root.",
                who, subject_host(c));
    finding_fix(f, "If clients have the renewed one already: give it with --trusted-root as well.");
}

/* The same server went over to another certificate of this name since, one that lasts. */
static bool replaced(const struct subject *c)
{
    const struct server *server = c->role == ROLE_NPS && !c->inner ? servers_of(c->in->servers, &c->x->server) : NULL;
    char name[DESCRIBE_MAX], other_name[DESCRIBE_MAX];
    bool found = false;
    for (size_t i = 0; server != NULL && !found && i < server->chain_count; i++) {
        const struct chain *other = rule_chain(c->in, server->chains[i].chain);
        int64_t first_ns = server->chains[i].first.time_ns;
        found = other != NULL && other != c->chain && other->parsed[0] && first_ns > c->place.time_ns &&
                other->checks.path_not_after >= first_ns / INT64_C(1000000000) + SOON_S &&
                strcmp(describe_certificate(name, c->chain, 0), describe_certificate(other_name, other, 0)) == 0;
    }
    return found;
}

static bool expired_at(const struct chain_checks *k, int64_t now)
{
    return k->path_not_after < now - RULE_CLOCK_SKEW_S;
}

static void expires_soon(const struct subject *c, int64_t now)
{
    bool fresh;
    char at[32], limit[32], who[DESCRIBE_MAX], error[CLIENT_ERROR_TEXT];
    if (replaced(c) || expired_at(c->checks, c->stats.last_ns / INT64_C(1000000000))) /* a later login says the latter */
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_EXPIRES_SOON, 0, false, &fresh);
    if (f == NULL || !fresh)
        return;
    finding_title(f, "the certificate \"%s\" expires on %s", limiting(who, c, true),
                  describe_time(limit, c->checks->path_not_after));
    finding_explain(f, "It was presented at %s. After that date every client refuses it (error %s).",
                    describe_time(at, now), client_error_text(error, subject_error(c, FINDING_CERT_EXPIRES_SOON, 858)));
    if (c->checks->not_after_given != NULL)
        fix_given(c, f, who);
    else
        finding_fix(f, "Renew it in time, then select the new one: %s.", subject_selection_path(c));
}

static void fix_time(const struct subject *c, struct finding *f, bool expired, const char *who)
{
    size_t index = expired ? c->checks->not_after_index : c->checks->not_before_index;
    if (expired && c->checks->not_after_given != NULL)
        fix_given(c, f, who);
    else if (expired)
        finding_fix(f, "Renew the certificate%s and select the new one: %s.", index > 0 ? " of the CA" : "",
                    subject_selection_path(c));
    else
        finding_fix(f,
                    "Check the clocks of the CA, the %s and the clients; or select a certificate that is valid now: %s.",
                    subject_host(c), subject_selection_path(c));
}

static void time_fault(const struct subject *c)
{
    int64_t now = c->place.time_ns / INT64_C(1000000000);
    const struct chain_checks *k = c->checks;
    bool fresh;
    char at[32], limit[32], who[DESCRIBE_MAX];
    if (c->place.time_ns <= 0)
        return;
    bool expired = expired_at(k, now), early = k->path_not_before > now + RULE_CLOCK_SKEW_S;
    if (!expired && !early) {
        if (k->path_not_after >= now + SOON_S)
            return;
        expires_soon(c, now);
        return;
    }
    size_t index = expired ? k->not_after_index : k->not_before_index;
    struct finding *f =
        subject_fault(c, expired ? FINDING_CERT_EXPIRED : FINDING_CERT_NOT_YET_VALID, index, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, f->id, expired ? 858 : 857);
    if (expired)
        finding_title(f, "the certificate \"%s\" expired on %s", limiting(who, c, true),
                      describe_time(limit, k->path_not_after));
    else
        finding_title(f, "the certificate \"%s\" is not valid before %s", limiting(who, c, false),
                      describe_time(limit, k->path_not_before));
    finding_explain(f, "It was presented at %s by the clock of the capture.", describe_time(at, now));
    int64_t apart = expired ? now - k->path_not_after : k->path_not_before - now;
    if (apart < 86400)
        finding_explain(f, "That is less than a day apart: look at the clocks too.");
    else if (!expired && c->stats.accepted > 0 && c->stats.refused == 0)
        finding_explain(f, "The clients took it as valid, so it may be the capture's clock that is wrong.");
    subject_what_clients_did(c, f);
    fix_time(c, f, expired, who);
}

static bool static_rsa(const struct tls_facts *t)
{
    return t->version < 0x0304 && tls_cipher_suite_static_rsa(t->cipher_suite);
}

bool rule_key_usage_wrong(const struct chain_checks *k, const struct tls_facts *t)
{
    if (t->version == 0 || t->cipher_suite == 0 ||
        (k->key_usage_encipherment != CHECK_FAIL && k->key_usage_signature != CHECK_FAIL))
        return false;
    return (static_rsa(t) ? k->key_usage_encipherment : k->key_usage_signature) == CHECK_FAIL;
}

bool rule_dates_wrong(const struct chain_checks *k, struct place shown)
{
    int64_t now = shown.time_ns / INT64_C(1000000000);
    return now > 0 && (expired_at(k, now) || k->path_not_before > now + RULE_CLOCK_SKEW_S);
}

static bool fault_but_strength(const struct chain *c, const struct chain_checks *k, const struct tls_facts *t)
{
    return rule_dates_wrong(k, t->certificate_last) || k->chain == CHECK_FAIL || k->intermediate_given ||
           k->name == CHECK_FAIL || k->server_auth_eku == CHECK_FAIL || k->subject_empty || k->pin == PIN_ISSUING_CA ||
           k->pin == PIN_LEAF || k->pin == PIN_NOT_IN_CHAIN || c->ocsp_revoked || rule_key_usage_wrong(k, t);
}

bool rule_certificate_fault(const struct rule_input *in, const struct tls_facts *t, bool inner)
{
    const struct chain *c = rule_chain(in, t->server_chain);
    if (c == NULL || !c->parsed[0])
        return false;
    const struct chain_checks *k = inner && c->inner_checks != NULL ? c->inner_checks : &c->checks;
    return fault_but_strength(c, k, t) || k->key_strength == CHECK_FAIL || k->signature_strength == CHECK_FAIL;
}

/* OpenSSL's clients say bad_certificate of what is too weak for them; here nothing else explains it. */
static void blame_strength(const struct subject *c, struct finding *f)
{
    enum { BAD_CERTIFICATE = 42 };
    if (c->role != ROLE_NPS || c->answer != ANSWER_ALERT || c->alert->code != BAD_CERTIFICATE || c->stats.accepted > 0 ||
        fault_but_strength(c->chain, c->checks, c->tls))
        return;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = 857;
}

static void weak_key(const struct subject *c)
{
    const struct chain_checks *k = c->checks;
    bool fresh;
    char who[DESCRIBE_MAX];
    struct finding *f = subject_fault(c, FINDING_CERT_WEAK_KEY, 0, false, &fresh);
    if (f != NULL)
        blame_strength(c, f);
    if (f == NULL || !fresh)
        return;
    describe_certificate(who, c->chain, k->weak_key_index);
    finding_title(f, "the key of the certificate \"%s\" is weak: %s", who, c->chain->facts[k->weak_key_index].key_text);
    finding_explain(f, "Windows always refuses RSA keys under 1024 bits and can be set to refuse those under 2048; other "
                       "clients do so by default.");
    if (k->weak_key_index > 0)
        finding_fix(f, "Give the CA \"%s\" a new key (RSA 2048 bits or more, or ECDSA P-256), then issue the server's "
                       "certificate again below it and select it: %s.",
                    who, subject_selection_path(c));
    else
        finding_fix(f, "Issue the certificate again with RSA 2048 bits or more, or ECDSA P-256, and select it: %s.",
                    subject_selection_path(c));
}

static void weak_signature(const struct subject *c)
{
    const struct chain_checks *k = c->checks;
    bool fresh;
    char who[DESCRIBE_MAX];
    struct finding *f = subject_fault(c, FINDING_CERT_WEAK_SIGNATURE, 0, false, &fresh);
    if (f != NULL)
        blame_strength(c, f);
    if (f == NULL || !fresh)
        return;
    describe_certificate(who, c->chain, k->weak_signature_index);
    finding_title(f, "the certificate \"%s\" is signed with %s", who,
                  c->chain->facts[k->weak_signature_index].signature);
    finding_explain(f, "Clients with OpenSSL 3, Android and Apple refuse SHA-1 and MD5 signatures in a server's chain (the "
                       "root's own does not count); Windows does so below public roots, and below others where it is told "
                       "to.");
    if (k->weak_signature_index > 0)
        finding_fix(f, "Renew the certificate of the CA \"%s\" with a SHA-256 signature (its key may stay, then the "
                       "certificates below it stay valid), and have the %s send the new one.",
                    who, subject_host(c));
    else
        finding_fix(f, "Set the CA to SHA-256, issue the certificate again and select it: %s.",
                    subject_selection_path(c));
}

static void strength_faults(const struct subject *c)
{
    if (c->checks->key_strength == CHECK_FAIL)
        weak_key(c);
    if (c->checks->signature_strength == CHECK_FAIL)
        weak_signature(c);
}

enum { OCSP_ON_HOLD = 6 };

/* RFC 5280 section 5.3.1 */
static const char *revocation_reason(int reason)
{
    static const char *const names[] = {[0] = "unspecified",
                                        [1] = "the key is compromised",
                                        [2] = "the CA is compromised",
                                        [3] = "the affiliation changed",
                                        [4] = "superseded",
                                        [5] = "cessation of operation",
                                        [6] = "on hold",
                                        [9] = "privilege withdrawn"};
    return reason >= 0 && (size_t)reason < sizeof names / sizeof names[0] && names[reason] != NULL ? names[reason]
                                                                                                  : "no reason is given";
}

static void revoked(const struct subject *c)
{
    const struct chain_ocsp *o = &c->chain->ocsp_facts;
    bool fresh;
    char at[32];
    if (!c->chain->ocsp_revoked)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_REVOKED, 0, true, &fresh);
    if (f != NULL)
        f->confidence = CONFIDENCE_CERTAIN; /* the CA's signed word, whatever clients make of it */
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_REVOKED, 859);
    finding_title(f, "the %s \"%s\" is revoked: the stapled OCSP response says so", c->whose, c->id->name);
    if (o->revoked_at != 0)
        finding_explain(f, "The CA revoked it on %s (%s).", describe_time(at, o->revoked_at),
                        revocation_reason(o->reason));
    if (o->next_update != 0 && o->next_update < c->place.time_ns / INT64_C(1000000000))
        finding_explain(f, "The response itself is outdated, it was good until %s: clients ignore it, or refuse the server "
                           "for that alone.%s",
                        describe_time(at, o->next_update),
                        o->reason == OCSP_ON_HOLD ? " The CA may have taken the certificate off hold since." : "");
    subject_what_clients_did(c, f);
    finding_fix(f, "Issue a new certificate and select it: %s.", subject_selection_path(c));
}

static void subject_faults(const struct subject *c)
{
    const struct chain_checks *k = c->checks;
    bool fresh;
    if (k->subject_empty) {
        struct finding *f = subject_fault(c, FINDING_CERT_EMPTY_SUBJECT, 0, true, &fresh);
        if (f != NULL && fresh) {
            f->client_error = 866;
            finding_title(f, "the %s has an empty subject", c->whose);
            finding_explain(f, "The NPS console does not offer such certificates, and Windows clients that check the "
                               "server's name fail "
                               "with error 866.");
            subject_what_clients_did(c, f);
            finding_fix(f, "Issue a certificate whose subject holds the NPS server's DNS name (template: Subject Name "
                           "> Common name or DNS name).");
            subject_fix_selection(c, f);
        }
    }
    if (k->subject_wildcard) {
        struct finding *f = subject_fault(c, FINDING_CERT_WILDCARD_SUBJECT, 0, false, &fresh);
        if (f != NULL && fresh) {
            finding_title(f, "the %s has a wildcard subject: \"%s\"", c->whose, c->id->name);
            finding_explain(f, "Some Windows clients refuse wildcard subjects in PEAP.");
            finding_fix(f, "Use a certificate with the server's own name, or one alias on all NPS servers.");
        }
    }
}

void subject_no_name_fault(const struct subject *c)
{
    bool fresh, addresses_count = c->role == ROLE_SSTP;
    if (!c->checks->subject_empty || c->leaf->dns_count > 0 || (addresses_count && c->leaf->ip_count > 0))
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_EMPTY_SUBJECT, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_EMPTY_SUBJECT, 0);
    finding_title(f, "the %s has no name: neither a subject nor a DNS name", c->whose);
    finding_explain(f, "Windows clients look there for the name that they dial, and refuse the server without it.");
    subject_what_clients_did(c, f);
    finding_fix(
        f, "Issue a certificate with the name that clients dial as subject and as DNS name in the SAN, and %s: %s.",
        c->role == ROLE_SSTP ? "bind it" : "put it into its place", subject_selection_path(c));
}

/* Clients put the chain together themselves: what is seldom a fault's cause is worth a warning only where some refuse. */
void subject_order_fault(const struct subject *c)
{
    bool fresh, stray = c->checks->stray_index != 0, tls13 = c->tls->version >= 0x0304;
    char which[DESCRIBE_MAX];
    if (!c->checks->order_wrong)
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_CHAIN_ORDER, 0, false, &fresh);
    if (f == NULL || !fresh)
        return;
    if (c->stats.refused == 0)
        f->severity = SEVERITY_INFO;
    if (stray)
        finding_title(f, "with the %s \"%s\" comes a certificate that does not belong to its chain: \"%s\"", c->whose,
                      c->id->name, describe_certificate(which, c->chain, c->checks->stray_index));
    else
        finding_title(f, "the chain of the %s \"%s\" is sent in the wrong order", c->whose, c->id->name);
    finding_explain(f, "%s the server's certificate first, each followed by its issuer's. Windows, and clients with OpenSSL "
                       "or GnuTLS, find the path in any order; the TLS of small devices may not, and refuse the server.",
                    tls13 ? "TLS 1.3 advises (RFC 8446 section 4.4.2)" : "TLS 1.2 demands (RFC 5246 section 7.4.2)");
    const char *where = c->role == ROLE_SSTP ? "on a load balancer that ends TLS: in its file" : "FreeRADIUS: certificate_file";
    if (stray)
        finding_fix(f, "Leave certificate %zu of those sent out (%s).", c->checks->stray_index + 1, where);
    else
        finding_fix(f, "Put the certificates in order: the server's own, then the CA that issued it, and so on (%s).", where);
}

void subject_key_usage_fault(const struct subject *c)
{
    if (!rule_key_usage_wrong(c->checks, c->tls))
        return;
    bool fresh, rsa = static_rsa(c->tls);
    struct finding *f = subject_fault(c, FINDING_CERT_KEY_USAGE, rsa, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_KEY_USAGE, 857);
    const char *suite = tls_cipher_suite_name(c->tls->cipher_suite);
    finding_title(f, "the key usage of the %s \"%s\" lacks %s", c->whose, c->id->name,
                  rsa ? "keyEncipherment" : "digitalSignature");
    finding_explain(f, "The negotiated suite %s needs it.", suite != NULL ? suite : "(unknown)");
    subject_what_clients_did(c, f);
    finding_fix(f,
                "Issue the certificate again with key usage digitalSignature and keyEncipherment, and select it: %s.",
                subject_selection_path(c));
}

void subject_common_faults(const struct subject *c)
{
    subject_chain_faults(c);
    eku_fault(c);
    time_fault(c);
    strength_faults(c);
    revoked(c);
}

static void one_certificate(struct findings *out, const struct rule_input *in, const struct session *s,
                            const struct exchange *x, bool inner)
{
    const struct tls_facts *tls = inner ? &x->inner.tls : &x->eap.tls;
    const struct chain *chain = rule_chain(in, tls->server_chain);
    if (chain == NULL || !chain->parsed[0])
        return;
    struct identity leaf;
    struct subject c;
    subject_begin(&c, &leaf, out, in, s, x, chain, ROLE_NPS);
    c.tls = tls;
    c.place = tls->certificate_last;
    c.inner = inner;
    c.whose = rule_certificate_owner(x);
    if (inner && chain->inner_checks != NULL)
        c.checks = chain->inner_checks;
    c.stats = rule_chain_stats(in, tls->server_chain);
    c.answer = inner ? judge_inner_answer(x, &c.alert) : judge_client_answer(x, &c.alert);
    subject_common_faults(&c);
    name_fault(&c);
    subject_faults(&c);
    subject_order_fault(&c);
    subject_key_usage_fault(&c);
}

void rules_certificate(struct findings *out, const struct rule_input *in, const struct session *s)
{
    const struct exchange *x = s->main;
    if (x->eap.tls.server_chain != 0)
        one_certificate(out, in, s, x, false);
    if (x->has_inner && x->inner.tls.server_chain != 0)
        one_certificate(out, in, s, x, true);
}

struct suite_use rules_suite_use(const struct tls_facts *t)
{
    bool rsa = static_rsa(t), known = t->version != 0 && t->cipher_suite != 0;
    return (struct suite_use){.weak = rule_weak_tls(t), .signature = known && !rsa, .encipherment = known && rsa};
}

void rules_presented(struct presentations *p, struct place where, const struct suite_use *use)
{
    int64_t at = where.time_ns;
    if (at > 0 && (p->first_ns == 0 || at < p->first_ns))
        p->first_ns = at;
    if (at > p->last_ns)
        p->last_ns = at;
    p->encipherment = p->encipherment || use->encipherment;
    p->signature = p->signature || use->signature;
}

/* Whether it was valid, and stays so, at all times from the first to the last. */
static bool dates_uneventful(const struct chain_checks *k, const struct presentations *p)
{
    int64_t first = p->first_ns / INT64_C(1000000000), last = p->last_ns / INT64_C(1000000000);
    return p->last_ns == 0 || (k->path_not_after >= last + SOON_S && k->path_not_before <= first + RULE_CLOCK_SKEW_S);
}

bool rules_chain_uneventful(const struct rule_input *in, uint32_t serial, const struct presentations *p)
{
    const struct chain *c = rule_chain(in, serial);
    if (c == NULL || !c->parsed[0])
        return false;
    const struct chain_checks *k = &c->checks;
    bool name = k->name_result.fit != NAME_MISMATCH && k->name_result.fit != NAME_MATCH_CASE &&
                k->name_result.fit != NAME_MATCH_UNCERTAIN;
    bool pin = k->pin != PIN_ISSUING_CA && k->pin != PIN_LEAF && k->pin != PIN_NOT_IN_CHAIN;
    bool eku = k->server_auth_eku == CHECK_PASS || (!k->eku_absent && !k->eku_any && k->server_auth_eku != CHECK_FAIL);
    bool usage = (!p->encipherment || k->key_usage_encipherment != CHECK_FAIL) &&
                 (!p->signature || k->key_usage_signature != CHECK_FAIL);
    return k->chain != CHECK_FAIL && !k->intermediate_given && pin && name && eku && usage &&
           dates_uneventful(k, p) && k->key_strength != CHECK_FAIL &&
           k->signature_strength != CHECK_FAIL && !k->subject_empty && !k->subject_wildcard && !k->order_wrong &&
           !c->ocsp_revoked;
}
