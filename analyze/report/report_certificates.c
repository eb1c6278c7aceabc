#include "analyze/report/report.h"

#include <stdio.h>

enum { INDENT = 4, LABEL = 10, CHAINS_SHOWN = 12, CHECK_LABEL = 14, NAMES_TEXT = 1024 };

/* Extended key usages by what Windows' dialogs call them. */
static const char *eku_name(const char *oid)
{
    static const struct {
        const char *oid, *name;
    } names[] = {
        {"1.3.6.1.5.5.7.3.1", "Server Authentication"},
        {"1.3.6.1.5.5.7.3.2", "Client Authentication"},
        {"1.3.6.1.5.5.8.2.2", "IP security IKE intermediate"},
        {"2.5.29.37.0", "any purpose"},
        {"1.3.6.1.5.5.7.3.9", "OCSP Signing"},
        {"1.3.6.1.4.1.311.20.2.2", "Smart Card Logon"},
        {"1.3.6.1.5.2.3.5", "KDC Authentication"},
        {"1.3.6.1.5.5.7.3.4", "Secure Email"},
        {"1.3.6.1.4.1.311.10.3.4", "Encrypting File System"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i].oid, oid) == 0)
            return names[i].name;
    return oid;
}

static void append(char out[static NAMES_TEXT], const char *text)
{
    size_t used = strlen(out);
    snprintf(out + used, NAMES_TEXT - used, "%s%s", used > 0 ? ", " : "", text);
}

static void print_usage(const struct layout *l, const struct x509_facts *f)
{
    char text[NAMES_TEXT] = "";
    for (size_t i = 0; i < f->eku_count; i++)
        append(text, eku_name(f->eku[i]));
    if (text[0] != '\0')
        layout_labelled_string(l, INDENT, "Usage", LABEL, text);
    else if (!f->is_ca)
        layout_labelled_string(l, INDENT, "Usage", LABEL,
                               f->has_eku ? "(an empty list)" : "(no extended key usage: any)");
}

static void print_facts(const struct layout *l, const struct x509_facts *f)
{
    char text[NAMES_TEXT] = "", from[TIME_TEXT], to[TIME_TEXT];
    layout_labelled_string(l, INDENT, "Issuer", LABEL,
                           f->self_signed      ? "itself (self-signed)"
                           : f->issuer != NULL ? f->issuer
                                               : "");
    for (size_t i = 0; i < f->dns_count; i++)
        append(text, f->dns_names[i]);
    for (size_t i = 0; i < f->ip_count; i++)
        append(text, f->ip_names[i]);
    for (size_t i = 0; i < f->upn_count; i++)
        append(text, f->upn_names[i]);
    if (text[0] != '\0')
        layout_labelled_string(l, INDENT, "Names", LABEL, text);
    snprintf(text, sizeof text, "%s to %s UTC", time_readable_seconds(from, f->not_before),
             time_readable_seconds(to, f->not_after));
    layout_labelled_string(l, INDENT, "Valid", LABEL, text);
    print_usage(l, f);
    snprintf(text, sizeof text, "%s, signed with %s", f->key_text, f->signature);
    layout_labelled_string(l, INDENT, "Key", LABEL, text);
    for (size_t i = 0; i < f->crl_address_count; i++)
        layout_labelled_string(l, INDENT, "CRL", LABEL, f->crl_addresses[i]);
    for (size_t i = 0; i < f->ocsp_address_count; i++)
        layout_labelled_string(l, INDENT, "OCSP", LABEL, f->ocsp_addresses[i]);
    for (size_t i = 0; i < f->issuer_address_count; i++)
        layout_labelled_string(l, INDENT, "CA at", LABEL, f->issuer_addresses[i]);
}

static void print_certificate(const struct report *r, const struct layout *l, const struct chain *chain,
                              size_t position)
{
    const struct certificate *c = certificates_of_chain(r->certificates, (uint32_t)chain->serial, position);
    output_format(l->out, "  %zu ", position + 1);
    if (c->facts == NULL) {
        output_string(l->out, "cannot be parsed\n");
    } else {
        const char *subject = c->facts->subject != NULL ? c->facts->subject : "";
        layout_words(l, INDENT, INDENT,
                     subject[0] != '\0' ? span_of(subject, strlen(subject)) : span_of("(empty subject)", 15));
        print_facts(l, c->facts);
    }
    layout_labelled_string(l, INDENT, "SHA-1", LABEL, c->sha1);
    layout_labelled_string(l, INDENT, "SHA-256", LABEL, c->sha256);
}

static void print_check(const struct layout *l, const char *label, enum check c, const char *reason)
{
    static const char *const words[] = {[CHECK_UNKNOWN] = "unknown", [CHECK_PASS] = "pass", [CHECK_FAIL] = "FAIL"};
    static const enum style styles[] = {
        [CHECK_UNKNOWN] = STYLE_YELLOW, [CHECK_PASS] = STYLE_GREEN, [CHECK_FAIL] = STYLE_RED};
    output_format(l->out, "%*s%-*s", INDENT, "", CHECK_LABEL, label);
    layout_styled(l, styles[c], words[c]);
    size_t at = INDENT + CHECK_LABEL + strlen(words[c]);
    if (reason[0] != '\0') {
        output_string(l->out, "  ");
        at += 2;
    }
    layout_words(l, at, INDENT + CHECK_LABEL, span_of(reason, strlen(reason)));
}

static const char *name_reason(char out[static NAMES_TEXT], const struct name_result *n,
                               enum chain_role role)
{
    switch (n->fit) {
    case NAME_NO_EXPECTATION:
        return role == ROLE_SSTP    ? "no client said which name it dials (SNI), or it depends on the client"
               : role == ROLE_IKEV2 ? "no client asked for a name here, and --server-name has none of this certificate"
                                    : "no expected name was given (--server-name, --eap-config)";
    case NAME_MATCH:
        snprintf(out, NAMES_TEXT, "%s", n->matched);
        return out;
    case NAME_MATCH_CASE:
        snprintf(out, NAMES_TEXT, "%s is expected as %s: only the case differs, which some clients mind", n->matched,
                 n->pattern);
        return out;
    case NAME_MATCH_UNCERTAIN:
        snprintf(out, NAMES_TEXT, "%s may fit %s: %s", n->matched, n->pattern, n->remark);
        return out;
    case NAME_MISMATCH:
        break;
    }
    if (role != ROLE_NPS) {
        snprintf(out, NAMES_TEXT, "clients %s %s", role == ROLE_SSTP ? "dial" : "ask for", n->pattern);
        return out;
    }
    return "no name of the certificate is an expected one";
}

static const char *validity_reason(char out[static NAMES_TEXT], const struct chain *c, const struct chain_checks *k,
                                   enum check result, size_t index, bool expired)
{
    char time[TIME_TEXT];
    if (result == CHECK_UNKNOWN)
        return c->first.time_ns == 0 ? "the capture has no times" : "";
    const char *given = expired ? k->not_after_given : k->not_before_given;
    if (result == CHECK_PASS)
        snprintf(out, NAMES_TEXT, "on %.10s, when it was presented", time_readable(time, c->first.time_ns, 0));
    else if (given != NULL)
        snprintf(out, NAMES_TEXT, "%.120s, given as trusted, %s on %.10s, when the chain was presented", given,
                 expired ? "had expired" : "was not yet valid", time_readable(time, c->first.time_ns, 0));
    else
        snprintf(out, NAMES_TEXT, "certificate %zu %s on %.10s, when it was presented", index + 1,
                 expired ? "had expired" : "was not yet valid", time_readable(time, c->first.time_ns, 0));
    return out;
}

static const char *eku_reason(const struct chain_checks *k)
{
    if (k->server_auth_eku == CHECK_PASS)
        return "";
    if (k->eku_absent)
        return "the certificate does not restrict its use";
    if (k->eku_any)
        return "it allows any purpose, but does not name Server Authentication";
    return k->server_auth_eku == CHECK_FAIL ? "Server Authentication is not among its usages" : "";
}

static void print_checks(const struct layout *l, const struct chain *c, const struct chain_checks *k, enum chain_role role)
{
    char text[NAMES_TEXT];
    size_t index;
    bool expired;
    enum check valid = chain_valid_at(c, c->first.time_ns, &index, &expired);
    print_check(l, "chain", k->chain, k->chain_text);
    print_check(l, "name", k->name, name_reason(text, &k->name_result, role));
    print_check(l, "server usage", k->server_auth_eku, eku_reason(k));
    print_check(l, "validity", valid, validity_reason(text, c, k, valid, index, expired));
    snprintf(text, sizeof text, "key of certificate %zu", k->weak_key_index + 1);
    print_check(l, "key strength", k->key_strength, k->key_strength == CHECK_FAIL ? text : "");
    snprintf(text, sizeof text, "signature of certificate %zu", k->weak_signature_index + 1);
    print_check(l, "signature", k->signature_strength, k->signature_strength == CHECK_FAIL ? text : "");
    print_check(l, "key usage", chain_key_usage(k), "");
}

/* The response that came with the chain. */
static void print_stapled(const struct layout *l, const struct chain *c)
{
    const struct chain_ocsp *o = &c->ocsp_facts;
    char text[NAMES_TEXT], from[TIME_TEXT], to[TIME_TEXT];
    if (!o->read)
        return;
    if (o->status == CHAIN_OCSP_NONE) {
        layout_labelled_string(l, 2, "Stapled", LABEL + 2,
                               o->refusal > 0 ? "an OCSP responder's refusal" : "an OCSP response that says nothing of it");
        return;
    }
    snprintf(text, sizeof text, "OCSP response: %s%s%s%s%s%s", chain_ocsp_name(o->status),
             o->this_update != 0 ? ", as of " : "", o->this_update != 0 ? time_readable_seconds(from, o->this_update) : "",
             o->next_update != 0 ? ", until " : "", o->next_update != 0 ? time_readable_seconds(to, o->next_update) : "",
             o->signature == CHECK_PASS   ? ""
             : o->signature == CHECK_FAIL ? " (its signature is wrong)"
                                          : " (its signature was not checked: the issuer's certificate is not there, or the response is absurd)");
    if (o->next_update != 0 && c->first.time_ns > 0 && o->next_update < c->first.time_ns / INT64_C(1000000000))
        append(text, "too old when it was sent");
    layout_labelled_string(l, 2, "Stapled", LABEL + 2, text);
}

/* c->checks are those of the first role that the chain has. */
static void print_all_checks(const struct layout *l, const struct chain *c)
{
    enum chain_role first = (c->roles & ROLE_NPS) != 0 ? ROLE_NPS : (c->roles & ROLE_IKEV2) != 0 ? ROLE_IKEV2 : ROLE_SSTP;
    bool many = c->vpn_checks != NULL || c->sstp_checks != NULL;
    output_string(l->out, c->inner_checks != NULL ? "  Checks, as the certificate of the outer method\n"
                          : !many                 ? "  Checks\n"
                          : first == ROLE_NPS     ? "  Checks, as the EAP server's certificate\n"
                                                  : "  Checks, as the certificate of IKEv2\n");
    print_checks(l, c, &c->checks, first);
    if (c->inner_checks != NULL) {
        output_string(l->out, "  Checks, as the certificate of the inner method\n");
        print_checks(l, c, c->inner_checks, ROLE_NPS);
    }
    if (c->vpn_checks != NULL) {
        output_string(l->out, "  Checks, as the certificate of IKEv2\n");
        print_checks(l, c, c->vpn_checks, ROLE_IKEV2);
    }
    if (c->sstp_checks != NULL) {
        output_string(l->out, "  Checks, as the certificate of SSTP\n");
        print_checks(l, c, c->sstp_checks, ROLE_SSTP);
    }
}

static void print_chain(const struct report *r, const struct layout *l, const struct chain *c, size_t number)
{
    char text[NAMES_TEXT] = "", piece[ENDPOINT_TEXT], roles[64] = "";
    for (unsigned bit = 1; bit <= ROLE_CLIENT; bit <<= 1)
        if ((c->roles & bit) != 0)
            snprintf(roles + strlen(roles), sizeof roles - strlen(roles), "%s%s", roles[0] != '\0' ? "+" : "",
                     chain_role_name(bit));
    for (size_t i = 0; i < c->presenter_count && i < 4; i++)
        append(text, endpoint_text(piece, &c->presenters[i].server));
    if (c->presenter_count > 4 || c->more_presenters)
        append(text, "…");
    char line[NAMES_TEXT + 400];
    snprintf(line, sizeof line, "%s, presented %llu time%s by %s, first in frame %llu of %.120s", roles,
             (unsigned long long)c->presented, c->presented == 1 ? "" : "s", text, (unsigned long long)c->first.frame,
             report_file(r, c->first.capture));
    output_format(l->out, "Chain %zu: ", number);
    layout_words(l, 9, 2, span_of(line, strlen(line)));
    for (size_t i = 0; i < c->count; i++)
        print_certificate(r, l, c, i);
    print_stapled(l, c);
    if (c->refused)
        layout_labelled_string(l, 2, "", 0, "not examined: too many distinct chains");
    else if (c->judged && (c->roles & ~(uint32_t)ROLE_CLIENT) != 0)
        print_all_checks(l, c);
}

void report_certificates_text(const struct report *r, const struct layout *l)
{
    const struct chains *chains = analysis_chains(r->analysis);
    size_t count = 0;
    for (size_t i = 0; i < chains_count(chains); i++) {
        const struct chain *c = chains_at(chains, i);
        if (c->roles == 0 || ++count > CHAINS_SHOWN)
            continue;
        if (count == 1)
            layout_heading(l, "CERTIFICATES");
        else
            output_string(l->out, "\n");
        print_chain(r, l, c, count);
    }
    if (count > CHAINS_SHOWN)
        output_format(l->out, "\n… and %zu more chains; --json and --certs have all\n", count - CHAINS_SHOWN);
    if (count > 0 && chains_refused(chains) > 0)
        output_format(l->out, "%llu more presentations did not fit into memory\n",
                      (unsigned long long)chains_refused(chains));
}
