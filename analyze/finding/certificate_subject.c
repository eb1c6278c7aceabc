#include "analyze/finding/certificate_subject.h"

#include <stdio.h>

#define POLICY_PATH                                                                                                    \
    "NPS console > Policies > Network Policies > your VPN policy > Properties > Constraints > Authentication Methods"

void subject_begin(struct subject *c, struct identity *id, struct findings *out, const struct rule_input *in,
                   const struct session *s, const struct exchange *x, const struct chain *chain, enum chain_role role)
{
    id->known = false;
    *c = (struct subject){.id = id,
                          .out = out,
                          .in = in,
                          .session = s,
                          .x = x,
                          .role = role,
                          .chain = chain,
                          .checks = chain_checks_of(chain, role),
                          .leaf = &chain->facts[0]};
}

uint32_t subject_error(const struct subject *c, enum finding_id id, uint32_t eap_error)
{
    return c->role == ROLE_IKEV2 ? 13801 : c->role == ROLE_SSTP ? sstp_certificate_error(id) : eap_error;
}

const char *subject_host(const struct subject *c)
{
    return subject_vpn(c) ? "VPN server" : "NPS server";
}

const char *subject_selection_path(const struct subject *c)
{
    if (c->role == ROLE_SSTP)
        return "RRAS console > server > Properties > Security > SSL Certificate Binding (\"netsh http show sslcert\" shows "
               "what is bound to port 443; behind a load balancer that ends TLS: there)";
    if (c->role == ROLE_IKEV2)
        return "certlm.msc > Personal > Certificates on the RRAS server, then restart the service RemoteAccess "
               "(strongSwan: swanctl/x509, and certs in swanctl.conf)";
    if (c->x->eap.method == EAP_TYPE_TLS)
        return POLICY_PATH " > Microsoft: Smart Card or other certificate > Edit";
    if (c->x->eap.method != EAP_TYPE_PEAP)
        return "the EAP settings of the RADIUS server (FreeRADIUS: certificate_file in mods-enabled/eap)";
    if (c->inner)
        return POLICY_PATH " > Microsoft: Protected EAP (PEAP) > Edit > Smart Card or other certificate > Edit";
    return POLICY_PATH " > Microsoft: Protected EAP (PEAP) > Edit";
}

bool subject_alert_names_another(uint8_t code, enum finding_id id)
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

/* The refusal says that it is about the certificate, and no other fault. */
static bool refusal_fits(const struct subject *c, enum finding_id id)
{
    if (c->role == ROLE_IKEV2)
        return c->answer == ANSWER_LEFT && c->x->ike.auth_error_from_initiator &&
               c->x->ike.auth_error == IKE_N_AUTHENTICATION_FAILED;
    return c->answer == ANSWER_ALERT && !subject_alert_names_another(c->alert->code, id);
}

/* A client that says expired or revoked found a path to a root that it trusts, or did not ask for one. */
static bool looked_further(const struct subject *c, enum finding_id id)
{
    enum { REVOKED = 44, EXPIRED = 45 };
    bool trust = id == FINDING_CERT_UNTRUSTED_ROOT || id == FINDING_CERT_INCOMPLETE_CHAIN || id == FINDING_CERT_SELF_SIGNED;
    return trust && c->answer == ANSWER_ALERT && (c->alert->code == REVOKED || c->alert->code == EXPIRED);
}

/* A fault that makes clients refuse: how bad, and how sure, is told by what clients did in this capture. */
static void grade(const struct subject *c, struct finding *f)
{
    if (c->stats.refused > 0) {
        f->severity = SEVERITY_CRITICAL;
        enum confidence sure = looked_further(c, f->id)                              ? CONFIDENCE_HINT
                               : refusal_fits(c, f->id) && c->stats.accepted == 0 ? CONFIDENCE_CERTAIN
                                                                                  : CONFIDENCE_STRONG;
        if (f->confidence > sure)
            f->confidence = sure;
    } else if (c->stats.accepted > 0) {
        f->severity = SEVERITY_WARNING;
        f->confidence = CONFIDENCE_HINT;
    } else { /* how SSTP's clients answer shows in nearly every capture */
        f->severity = c->role == ROLE_SSTP ? SEVERITY_WARNING : SEVERITY_CRITICAL;
        f->confidence = CONFIDENCE_STRONG;
    }
}

static void was_another(const struct subject *c, const struct chain *other, struct finding *f)
{
    char name[DESCRIBE_MAX], at[32], thumb[41];
    finding_explain(f,
                    "Before %s the same server presented another certificate, \"%s\" (thumbprint %s), and clients "
                    "accepted that one: it was renewed, or another one was selected, at that time.",
                    describe_time(at, c->chain->first.time_ns / INT64_C(1000000000)),
                    describe_certificate(name, other, 0), describe_hex(thumb, other->facts[0].sha1, 20));
}

static bool presented_by(const struct chain *other, const struct address *server)
{
    bool found = false;
    for (size_t i = 0; i < other->presenter_count; i++)
        found = found || address_equal(&other->presenters[i].server.address, server);
    return found;
}

static void sstp_was_another(const struct subject *c, struct finding *f)
{
    for (size_t i = 0; i < chains_count(c->in->chains); i++) {
        const struct chain *other = chains_at(c->in->chains, i);
        if (other == c->chain || (other->roles & ROLE_SSTP) == 0 || !other->judged || !other->parsed[0] ||
            other->serial >= c->in->stats_count || c->in->sstp_stats[other->serial].accepted == 0 ||
            other->first.time_ns > c->chain->first.time_ns || !presented_by(other, &c->x->server.address))
            continue;
        was_another(c, other, f);
        return;
    }
}

/* One after the other, and the first again: then nobody renewed it. */
static void explain_alternates(const struct subject *c, const struct server *server, struct finding *f)
{
    int64_t last_ns = 0;
    char name[DESCRIBE_MAX], thumb[41];
    for (size_t i = 0; i < server->chain_count; i++)
        if (rule_chain(c->in, server->chains[i].chain) == c->chain)
            last_ns = server->chains[i].last_ns;
    for (size_t i = 0; i < server->chain_count; i++) {
        const struct chain *other = rule_chain(c->in, server->chains[i].chain);
        if (other == NULL || other == c->chain || !other->parsed[0] || server->chains[i].accepted == 0 ||
            server->chains[i].first.time_ns >= last_ns || server->chains[i].last_ns <= c->chain->first.time_ns)
            continue;
        finding_explain(f,
                        "The same address presented \"%s\" (thumbprint %s) in turns with it, which clients accepted: several "
                        "servers behind one address (a load balancer), or policies with different certificates.",
                        describe_certificate(name, other, 0), describe_hex(thumb, other->facts[0].sha1, 20));
        return;
    }
}

/* All fail since a point in time: the server presented another certificate before, which clients accepted. */
static void what_was_before(const struct subject *c, struct finding *f)
{
    const struct server *server = c->role == ROLE_NPS ? servers_of(c->in->servers, &c->x->server) : NULL;
    if (c->inner || c->stats.accepted > 0 || c->stats.refused == 0)
        return;
    if (c->role == ROLE_SSTP && c->in->sstp_stats != NULL)
        sstp_was_another(c, f);
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->chain_count; i++) {
        const struct chain *other = rule_chain(c->in, server->chains[i].chain);
        if (other == NULL || other == c->chain || !other->parsed[0] || server->chains[i].accepted == 0 ||
            server->chains[i].last_ns > c->chain->first.time_ns)
            continue;
        was_another(c, other, f);
        if (server->resumed_ns > c->chain->first.time_ns)
            finding_explain(f, "Clients that resume a TLS session from before still get in, because no certificate is "
                               "shown to them; each of them fails at its next full login.");
        return;
    }
    explain_alternates(c, server, f);
}

void subject_what_clients_did(const struct subject *c, struct finding *f)
{
    uint64_t refused = c->stats.refused, accepted = c->stats.accepted;
    const char *what = subject_vpn(c) ? "connection" : "login";
    if (refused > 0 && accepted > 0)
        finding_explain(f, "In this capture %llu %s%s refused it and %llu went on with it: the clients differ.",
                        (unsigned long long)refused, what, refused == 1 ? "" : "s", (unsigned long long)accepted);
    else if (refused > 0)
        finding_explain(f, "Every client of this capture that answered it refused it (%llu %s%s).",
                        (unsigned long long)refused, what, refused == 1 ? "" : "s");
    else if (accepted > 0)
        finding_explain(
            f, "The clients of this capture went on with it nevertheless: they have other settings than those given "
               "here, or do not check the server.");
    else if (c->stats.silent > 0)
        finding_explain(f, "The clients of this capture fell silent after it.");
    else
        finding_explain(f, "How the clients answered it is not in this capture.");
    what_was_before(c, f);
}

static void evidence(const struct subject *c, struct finding *f)
{
    finding_evidence(c->out, f, c->place,
                     c->role == ROLE_IKEV2 ? "IKE_AUTH answer with the certificate of \"%s\""
                                           : "Certificate message with \"%s\"",
                     c->id->name);
    if (c->refusal.frame != 0)
        finding_evidence(c->out, f, c->refusal,
                         c->role == ROLE_SSTP                  ? "the client ends the connection"
                         : c->x->ike.auth_error_from_initiator ? "the client's error notify"
                                                               : "the client ends the association");
    if (c->answer == ANSWER_ALERT)
        finding_evidence(c->out, f, c->alert->place, "the client's TLS alert %s (%u)",
                         tls_alert_name(c->alert->code) != NULL ? tls_alert_name(c->alert->code) : "unknown",
                         c->alert->code);
    else if (c->answer == ANSWER_ENCRYPTED_ALERT)
        finding_evidence(c->out, f, c->tls->encrypted_alert, "the client's encrypted TLS alert");
}

void subject_explain(struct finding *f, const char *text)
{
    size_t n = strlen(text);
    if (n == 0)
        return;
    char first = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
    finding_explain(f, "%c%s%s", first, text + 1, text[n - 1] == '.' ? "" : ".");
}

bool subject_spared(const struct subject *c)
{
    return c->answer == ANSWER_ACCEPTED && c->stats.refused > 0;
}

/* Raises a fault of this certificate; *fresh when its texts are still to be written. */
struct finding *subject_fault(const struct subject *c, enum finding_id id, uint64_t variant, bool breaks, bool *fresh)
{
    *fresh = false;
    if (breaks && subject_spared(c))
        return NULL;
    if (!c->id->known) {
        describe_certificate(c->id->name, c->chain, 0);
        describe_sha256(c->id->sha256, c->chain);
        c->id->known = true;
    }
    struct finding *f = findings_raise(c->out, id, c->id->sha256, (variant * 4 + c->role / 2) * 2 + c->inner, fresh);
    if (f == NULL)
        return NULL;
    if (*fresh) {
        f->severity = SEVERITY_WARNING;
        f->confidence = breaks ? CONFIDENCE_HINT : CONFIDENCE_CERTAIN;
        char server[DESCRIBE_MAX];
        if (subject_vpn(c))
            describe_vpn_server(server, c->x);
        else
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

void subject_fix_selection(const struct subject *c, struct finding *f)
{
    finding_fix(f, "Then select it: %s%s.", subject_selection_path(c),
                c->role == ROLE_NPS && c->x->eap.method == EAP_TYPE_PEAP && !c->inner
                    ? "; and the same one for the inner method \"Smart Card or other certificate\", if that is used"
                    : "");
}
