/* What is wrong with the path from a server's certificate to a trusted root. wire-facts 6.1, 6.3. */
#include "analyze/finding/certificate_subject.h"

static void explain_chain(const struct subject *c, struct finding *f)
{
    subject_explain(f, c->checks->chain_text);
}

static const char *root_name(const struct subject *c)
{
    return c->checks->root_subject != NULL && c->checks->root_subject[0] != '\0' ? c->checks->root_subject
                                                                                 : "(unknown)";
}

static void fix_root(const struct subject *c, struct finding *f, const char *when, const char *root)
{
    finding_fix(
        f,
        "%s: put the root \"%s\" into the computer store of every client, Trusted Root "
        "Certification Authorities (group policy: Computer Configuration > Policies > Windows Settings > Security "
        "Settings > Public Key Policies; Intune: trusted certificate profile)%s.",
        when, root,
        subject_vpn(c) ? "; the user's store does not count"
                       : ", and tick it in the EAP settings of the VPN profile");
}

static void untrusted_root(const struct subject *c)
{
    bool fresh;
    struct finding *f = subject_fault(c, FINDING_CERT_UNTRUSTED_ROOT, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    char thumb[41];
    f->client_error = subject_error(c, FINDING_CERT_UNTRUSTED_ROOT, 864);
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
    subject_what_clients_did(c, f);
    fix_root(c, f, "If this is the right certificate", root_name(c));
    if (subject_vpn(c))
        finding_fix(f, "If it is the wrong one: put a certificate whose root the clients trust in its place: %s.",
                    subject_selection_path(c));
    else
        finding_fix(f, "If it is the wrong one: select the certificate whose root the clients trust: %s%s.",
                    subject_selection_path(c),
                    c->x->eap.method == EAP_TYPE_PEAP && !c->inner ? "; for the inner method too" : "");
}

static void fix_intermediate(const struct subject *c, struct finding *f, const char *on)
{
    const char *others = c->role == ROLE_SSTP    ? "a load balancer that ends TLS: append it to the certificate there"
                         : c->role == ROLE_IKEV2 ? "strongSwan: put it into swanctl/x509ca"
                                                 : "FreeRADIUS: append it to certificate_file";
    finding_fix(f,
                "%s the %s: import the certificate of the CA \"%s\" into the computer store, Intermediate "
                "Certification Authorities, and restart the service %s, so that it is sent along (%s).",
                on, subject_vpn(c) ? "RRAS server" : "NPS server", c->leaf->issuer,
                subject_vpn(c) ? "RemoteAccess" : "\"Network Policy Server\"", others);
}

/* VPN servers send the intermediates that they hold, so an issuer that is not sent is most likely a root. */
static void lone_vpn_certificate(const struct subject *c)
{
    bool fresh;
    struct finding *f = subject_fault(c, FINDING_CERT_UNTRUSTED_ROOT, 8, true, &fresh);
    if (f == NULL)
        return;
    if (f->confidence == CONFIDENCE_CERTAIN)
        f->confidence = CONFIDENCE_STRONG;
    if (!fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_UNTRUSTED_ROOT, 864);
    finding_title(f, "clients do not trust the issuer of the %s \"%s\" (%s)", c->whose, c->id->name, c->leaf->issuer);
    finding_explain(f,
                    "The server sent no CA with its certificate, and the issuer is not among the trusted roots given. "
                    "VPN servers send the intermediate CAs that they hold, so the issuer is most likely a root that "
                    "clients do not trust; or it is an intermediate CA that the server lacks.");
    subject_what_clients_did(c, f);
    fix_root(c, f, "If the issuer is a root and the certificate the right one", c->leaf->issuer);
    finding_fix(f, "If it is the wrong one: put a certificate whose root the clients trust in its place: %s.",
                subject_selection_path(c));
    fix_intermediate(c, f, "If the issuer is an intermediate CA: on");
}

static void incomplete(const struct subject *c)
{
    bool fresh;
    struct finding *f = subject_fault(c, FINDING_CERT_INCOMPLETE_CHAIN, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_INCOMPLETE_CHAIN, 864);
    finding_title(f, "the server sends the %s \"%s\" without its issuer \"%s\", which is not among the trusted roots",
                  c->whose, c->id->name, c->leaf->issuer[0] != '\0' ? c->leaf->issuer : "(empty)");
    explain_chain(c, f);
    subject_what_clients_did(c, f);
    finding_explain(f, "Clients that hold the intermediate already do succeed, so it may be that only some fail.");
    fix_intermediate(c, f, "If the issuer is an intermediate CA: on");
    if (subject_vpn(c))
        return;
    fix_root(c, f, "If it is a root, and the certificate the right one", c->leaf->issuer);
    finding_fix(f, "If it is the wrong certificate: select the one whose root the clients trust: %s.",
                subject_selection_path(c));
}

/* Complete only with an intermediate that was given here, not sent: clients need it from elsewhere. */
static void intermediate_not_sent(const struct subject *c)
{
    bool fresh;
    if (subject_spared(c))
        return;
    struct finding *f = subject_fault(c, FINDING_CERT_INCOMPLETE_CHAIN, 1, false, &fresh);
    if (f == NULL || !fresh)
        return;
    f->severity = c->stats.refused > 0 ? SEVERITY_CRITICAL : c->stats.accepted > 0 ? SEVERITY_INFO : SEVERITY_WARNING;
    f->confidence = CONFIDENCE_STRONG;
    f->client_error = c->stats.refused > 0 ? subject_error(c, FINDING_CERT_INCOMPLETE_CHAIN, 864) : 0;
    finding_title(f, "the server does not send the intermediate CA of the %s \"%s\"", c->whose, c->id->name);
    explain_chain(c, f);
    char error[CLIENT_ERROR_TEXT];
    finding_explain(f, "Clients that neither hold it nor can fetch it fail with error %s.",
                    client_error_text(error, subject_error(c, FINDING_CERT_INCOMPLETE_CHAIN, 864)));
    subject_what_clients_did(c, f);
    fix_intermediate(c, f, "On");
}

static void self_signed(const struct subject *c)
{
    bool fresh;
    struct finding *f = subject_fault(c, FINDING_CERT_SELF_SIGNED, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_SELF_SIGNED, 864);
    finding_title(f, "the %s \"%s\" is self-signed: no CA vouches for it", c->whose, c->id->name);
    finding_explain(f, "A client accepts it only where this very certificate is installed as a trusted root.");
    subject_what_clients_did(c, f);
    if (c->role == ROLE_SSTP)
        finding_fix(f, "Get the VPN server a certificate from a public CA for the name that clients dial.");
    else
        finding_fix(f, "Issue the %s a certificate from the enterprise CA (template \"RAS and IAS Server\"%s).",
                    subject_host(c),
                    c->role == ROLE_IKEV2 ? ", or a copy of it with the EKU IP security IKE intermediate too" : "");
    subject_fix_selection(c, f);
}

static void bad_signature(const struct subject *c)
{
    bool fresh;
    struct finding *f = subject_fault(c, FINDING_CERT_BAD_SIGNATURE, 0, true, &fresh);
    if (f == NULL || !fresh)
        return;
    f->client_error = subject_error(c, FINDING_CERT_BAD_SIGNATURE, 857);
    finding_title(f, "a signature in the chain of the %s \"%s\" is wrong", c->whose, c->id->name);
    explain_chain(c, f);
    subject_what_clients_did(c, f);
    finding_fix(
        f,
        "The usual cause is a CA whose key was renewed under the same name: on the %s, install the CA certificate "
        "whose key signed this one (Intermediate Certification Authorities), and remove the other; or issue the "
        "server's certificate again.",
        subject_host(c));
}

/*
 * The roots given may be the EAP server's alone: clients that went on trust the VPN server's, too. SSTP's clients are not
 * held to them either as long as none is seen to refuse it: its certificate comes from a public CA, as it should.
 */
static bool other_vpn_root(const struct subject *c)
{
    enum chain_error e = c->checks->chain_error;
    bool fresh, accepted = c->stats.accepted > 0;
    if (!subject_vpn(c) || (!accepted && c->role != ROLE_SSTP) || c->stats.refused > 0 ||
        (e != CHAIN_UNTRUSTED_ROOT && e != CHAIN_INCOMPLETE && (e != CHAIN_SELF_SIGNED || !accepted)))
        return false;
    struct finding *f = subject_fault(c, FINDING_CERT_UNTRUSTED_ROOT, 9, false, &fresh);
    if (f == NULL || !fresh)
        return true;
    char error[CLIENT_ERROR_TEXT];
    f->severity = SEVERITY_INFO;
    f->confidence = CONFIDENCE_HINT;
    finding_title(f, "the root of the %s \"%s\" is not among those given%s (%s)", c->whose, c->id->name,
                  accepted ? ", but clients accept it" : "", root_name(c));
    finding_explain(f, "%s others that do not would fail with error %s.",
                    accepted ? "The clients of this capture went on with it, so they know its root;"
                             : "No client of this capture is seen to refuse it; clients may know its root from Windows,",
                    client_error_text(error, subject_error(c, FINDING_CERT_UNTRUSTED_ROOT, 864)));
    finding_fix(
        f, "If it is the right certificate: give its root with --trusted-root%s too. Nothing else needs to be done.",
        c->role == ROLE_SSTP ? " (or the usual public roots with --system-roots)," : ",");
    return true;
}

static void chain_fault(const struct subject *c)
{
    bool fresh;
    struct finding *f;
    if (other_vpn_root(c))
        return;
    switch (c->checks->chain_error) {
    case CHAIN_UNTRUSTED_ROOT:
        untrusted_root(c);
        break;
    case CHAIN_INCOMPLETE:
        if (subject_vpn(c) && c->chain->count == 1)
            lone_vpn_certificate(c);
        else
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
        f = subject_fault(c, FINDING_CERT_BAD_SIGNATURE, 1, true, &fresh);
        if (f != NULL && fresh) {
            f->client_error = subject_error(c, FINDING_CERT_BAD_SIGNATURE, 857);
            finding_title(f, "the chain of the %s \"%s\" is not valid", c->whose, c->id->name);
            explain_chain(c, f);
            subject_what_clients_did(c, f);
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
    struct finding *f = subject_fault(c, FINDING_CERT_UNTRUSTED_ROOT, 1 + (uint64_t)pin, true, &fresh);
    if (f == NULL || !fresh)
        return;
    char thumb[41], pinned[DESCRIBE_MAX];
    f->client_error = subject_error(c, FINDING_CERT_UNTRUSTED_ROOT, 864);
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
    subject_what_clients_did(c, f);
}

void subject_chain_faults(const struct subject *c)
{
    if (c->checks->chain == CHECK_FAIL)
        chain_fault(c);
    else if (c->checks->intermediate_given)
        intermediate_not_sent(c);
    pin_fault(c);
}
