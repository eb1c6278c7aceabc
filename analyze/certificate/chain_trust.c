/* Does the path hold, does it end in something that clients trust, and if not, what exactly is wrong? */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/certificate/chain_internal.h"

enum { NAME_TEXT = 72 };

/* A name cut between two UTF-8 characters, short enough for a sentence with two of them. */
struct name_text {
    char text[NAME_TEXT + 4];
};

static struct name_text short_text(const X509_NAME *name)
{
    struct name_text out = {"(no name)"};
    char *whole = x509_name_text(name);
    if (whole == NULL || whole[0] == '\0') {
        free(whole);
        return out;
    }
    size_t len = strlen(whole), keep = len;
    if (len > NAME_TEXT) {
        keep = NAME_TEXT;
        while (keep > 0 && ((uint8_t)whole[keep] & 0xc0) == 0x80)
            keep--;
    }
    memcpy(out.text, whole, keep);
    memcpy(out.text + keep, "...", 4);
    if (keep == len)
        out.text[keep] = '\0';
    free(whole);
    return out;
}

static struct name_text subject_text(const X509 *cert)
{
    return short_text(X509_get_subject_name(cert));
}

static struct name_text issuer_text(const X509 *cert)
{
    return short_text(X509_get_issuer_name(cert));
}

#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
static void
conclude(struct chain_checks *out, enum check check, enum chain_error error, size_t index, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->chain_text, sizeof out->chain_text, format, arguments);
    va_end(arguments);
    out->chain = check;
    out->chain_error = error;
    out->failing_index = index != SIZE_MAX ? index : 0;
}

/* What one run of X509_verify_cert said. Strengths and critical extensions are judged elsewhere. */
struct verification {
    bool times; /* asked: only a path that was valid when it was presented holds */
    int error;  /* X509_V_* */
    int depth;  /* position on OpenSSL's chain */
};

/* Times are judged elsewhere, for every login; here they only say which of several issuers is taken. */
static int overlook_times(int ok, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);
    return ok || error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID ||
           error == X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD || error == X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
}

static int64_t presented_at(const struct chain *chain)
{
    return chain->first.time_ns / INT64_C(1000000000);
}

static void set_parameters(X509_STORE_CTX *ctx, int64_t when, bool times, bool partial)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    unsigned long flags = X509_V_FLAG_IGNORE_CRITICAL | X509_V_FLAG_TRUSTED_FIRST;
    if (when > 0)
        X509_VERIFY_PARAM_set_time(param, (time_t)when);
    else
        flags |= X509_V_FLAG_NO_CHECK_TIME;
    if (!times)
        X509_STORE_CTX_set_verify_cb(ctx, overlook_times);
    X509_VERIFY_PARAM_set_flags(param, partial ? flags | X509_V_FLAG_PARTIAL_CHAIN : flags);
    X509_VERIFY_PARAM_set_auth_level(param, 0);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_PATH_MAX);
}

static bool push_path(STACK_OF(X509) * untrusted, const struct chain_path *path)
{
    bool ok = true;
    for (size_t i = 1; ok && i < path->count; i++)
        ok = sk_X509_push(untrusted, path->at[i].cert) > 0;
    return ok;
}

/* What was sent, and behind it the intermediates that were given. */
static bool push_helpers(STACK_OF(X509) * untrusted, const struct expect *e, const struct chain_certs *certs)
{
    bool ok = true;
    for (size_t i = 1; ok && i < certs->count; i++)
        ok = certs->cert[i] == NULL || sk_X509_push(untrusted, certs->cert[i]) > 0;
    for (size_t i = 0; ok && i < e->root_count; i++)
        ok = e->roots[i].self_issued || sk_X509_push(untrusted, e->roots[i].cert) > 0;
    return ok;
}

static void path_of(STACK_OF(X509) * built, const struct expect *e, const struct chain *chain,
                    const struct chain_certs *certs, struct chain_path *path)
{
    memset(path, 0, sizeof *path);
    for (int i = 0; i < sk_X509_num(built); i++) /* each is the store's or the chain's, which outlive the path */
        chain_path_append(e, certs, chain->facts, sk_X509_value(built, i), path);
    path->end = PATH_ROOT;
}

/* Verifies the leaf against the given roots (anchor NULL), or only up to anchor. What was sent or given helps, or only
 * what lies on the path `only`. On success path (may be NULL) becomes OpenSSL's. False when memory is short. */
static bool verify(const struct expect *e, X509 *anchor, const struct chain *chain, const struct chain_certs *certs,
                   const struct chain_path *only, struct chain_path *path, struct verification *out)
{
    STACK_OF(X509) *untrusted = sk_X509_new_null(), *trusted = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = untrusted != NULL && trusted != NULL && ctx != NULL;
    ok = ok && (only != NULL ? push_path(untrusted, only) : push_helpers(untrusted, e, certs)) &&
         (anchor == NULL || sk_X509_push(trusted, anchor) > 0) &&
         X509_STORE_CTX_init(ctx, anchor == NULL ? e->store : NULL, certs->cert[0], untrusted) == 1;
    if (ok) {
        if (anchor != NULL)
            X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
        set_parameters(ctx, presented_at(chain), out->times, anchor != NULL);
        out->error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
        out->depth = X509_STORE_CTX_get_error_depth(ctx);
        if (out->error == X509_V_OK && path != NULL)
            path_of(X509_STORE_CTX_get0_chain(ctx), e, chain, certs, path);
        ok = out->error != X509_V_ERR_OUT_OF_MEM;
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_free(trusted);
    sk_X509_free(untrusted);
    ERR_clear_error();
    return ok;
}

static enum chain_error error_of(int openssl_error)
{
    switch (openssl_error) {
    case X509_V_OK:
        return CHAIN_OK;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
        return CHAIN_BAD_SIGNATURE;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
        return CHAIN_INVALID_CA;
    default:
        return CHAIN_OTHER;
    }
}

/* Where on the path OpenSSL stopped: both run from the leaf. */
static size_t stopped_at(const struct chain_path *path, const struct verification *v)
{
    size_t depth = v->depth > 0 ? (size_t)v->depth : 0;
    return depth < path->count ? depth : path->count - 1;
}

/* The first CA above this place on the path that is limited to some names (RFC 5280 section 4.2.1.10). */
static X509 *limited_to_names(const struct chain_path *path, size_t at)
{
    X509 *ca = NULL;
    for (size_t i = at + 1; ca == NULL && i < path->count; i++)
        if (X509_get_ext_by_NID(path->at[i].cert, NID_name_constraints, -1) >= 0)
            ca = path->at[i].cert;
    return ca;
}

/* OpenSSL's reason, for a path whose ends are there: in our words where it has none that say what to mend. */
static void conclude_openssl(const struct chain_path *path, const struct verification *v, struct chain_checks *out)
{
    enum chain_error error = error_of(v->error);
    size_t at = stopped_at(path, v), sent = path->at[at].sent;
    struct name_text name = subject_text(path->at[at].cert), issuer = issuer_text(path->at[at].cert);
    X509 *ca = limited_to_names(path, at);
    struct name_text limited = ca != NULL ? subject_text(ca) : issuer;
    if (v->error == X509_V_ERR_PERMITTED_VIOLATION || v->error == X509_V_ERR_EXCLUDED_VIOLATION)
        conclude(out, CHECK_FAIL, error, sent, "'%s' has a name that '%s' may not issue for (name constraints).", name.text,
                 limited.text);
    else if (v->error == X509_V_ERR_INVALID_CA)
        conclude(out, CHECK_FAIL, error, sent, "'%s' is used as a CA, but its certificate does not say that it is one.",
                 name.text);
    else if (v->error == X509_V_ERR_PATH_LENGTH_EXCEEDED)
        conclude(out, CHECK_FAIL, error, sent, "Below '%s' there are more CAs than its certificate allows (path length).",
                 name.text);
    else
        conclude(out, error == CHAIN_OTHER ? CHECK_UNKNOWN : CHECK_FAIL, error, sent, "'%s': %s.", name.text,
                 X509_verify_cert_error_string(v->error));
}

static bool namesake_sent(const struct chain *chain, const struct chain_certs *certs, const X509 *cert)
{
    bool sent = false;
    for (size_t i = 1; i < chain->count; i++)
        sent = sent || (certs->cert[i] != NULL &&
                        X509_NAME_cmp(X509_get_subject_name(certs->cert[i]), X509_get_subject_name(cert)) == 0);
    return sent;
}

enum critical { CRITICAL_KNOWN, CRITICAL_SOME_KNOW, CRITICAL_NOBODY_KNOWS };

/* A client refuses a critical extension that it does not know (RFC 5280 section 4.2). What OpenSSL can name but not process,
 * and what is Microsoft's, some clients know. */
static enum critical critical_extensions(X509 *cert, char oid[static NAME_TEXT])
{
    static const char microsoft[] = "1.3.6.1.4.1.311.";
    enum critical worst = CRITICAL_KNOWN;
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        X509_EXTENSION *extension = X509_get_ext(cert, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);
        char text[NAME_TEXT];
        if (!X509_EXTENSION_get_critical(extension) || X509_supported_extension(extension) ||
            OBJ_obj2txt(text, sizeof text, object, 1) <= 0)
            continue;
        int nid = OBJ_obj2nid(object);
        bool some = (nid != NID_undef && nid != NID_ct_precert_poison) || strncmp(text, microsoft, sizeof microsoft - 1) == 0;
        enum critical now = some ? CRITICAL_SOME_KNOW : CRITICAL_NOBODY_KNOWS;
        if (now > worst) {
            worst = now;
            memcpy(oid, text, sizeof text);
        }
    }
    return worst;
}

/* Of the path below its root. */
static void conclude_critical(const struct chain_path *path, struct chain_checks *out)
{
    for (size_t i = 0; i < path->count && out->chain != CHECK_FAIL && (i == 0 || !path->at[i].self_signed); i++) {
        char oid[NAME_TEXT];
        enum critical extensions = critical_extensions(path->at[i].cert, oid);
        struct name_text name = subject_text(path->at[i].cert);
        if (extensions == CRITICAL_NOBODY_KNOWS)
            conclude(out, CHECK_FAIL, CHAIN_OTHER, path->at[i].sent,
                     "'%s' has a critical extension that clients do not know (%s): they must refuse it.", name.text, oid);
        else if (extensions == CRITICAL_SOME_KNOW && out->chain == CHECK_PASS)
            conclude(out, CHECK_UNKNOWN, CHAIN_OTHER, path->at[i].sent,
                     "'%s' has a critical extension (%s) that some clients know and others do not: these refuse it.",
                     name.text, oid);
    }
}

/* The path holds; what remains is who supplied it, and what its issuers may issue. */
static void conclude_path_holds(const struct chain *chain, const struct chain_certs *certs,
                                const struct chain_path *path, struct chain_checks *out)
{
    conclude(out, CHECK_PASS, CHAIN_OK, 0, "%s", "");
    bool server = (chain->roles & ~(uint32_t)ROLE_CLIENT) != 0;
    for (size_t i = 1; i < path->count && !path->at[i].self_signed; i++) {
        struct name_text name = subject_text(path->at[i].cert);
        uint32_t usage = X509_get_extended_key_usage(path->at[i].cert); /* UINT32_MAX: no extension */
        if (server && (usage & (XKU_SSL_SERVER | XKU_SGC | XKU_ANYEKU)) == 0) {
            conclude(out, CHECK_FAIL, CHAIN_INVALID_CA, path->at[i].sent,
                     "'%s' may not issue server certificates: its own Extended Key Usage lacks Server Authentication.",
                     name.text);
            return;
        }
        if (path->at[i].sent == SIZE_MAX && !out->intermediate_given) {
            out->intermediate_given = true;
            conclude(out, CHECK_PASS, CHAIN_OK, 0,
                     "The server %s '%s'; it was found among the given roots, and every client needs it too.",
                     namesake_sent(chain, certs, path->at[i].cert) ? "sends another certificate than the fitting one of"
                                                                   : "does not send",
                     name.text);
        }
    }
}

static void conclude_success(const struct chain *chain, const struct chain_certs *certs, const struct chain_path *path,
                             struct chain_checks *out)
{
    conclude_path_holds(chain, certs, path, out);
    conclude_critical(path, out);
}

static void conclude_other_key(const struct expect *e, const struct chain_certs *certs, const struct chain_path *path,
                               struct chain_checks *out)
{
    X509 *child = path->at[path->count - 1].cert;
    X509 *parent = path->parent_sent ? certs->cert[path->parent] : e->roots[path->parent].cert;
    struct name_text subject = subject_text(child), issuer = subject_text(parent);
    conclude(out, CHECK_FAIL, CHAIN_BAD_SIGNATURE, path->at[path->count - 1].sent,
             "'%s' names '%s' as its issuer, but the %s certificate of that name has another key.", subject.text,
             issuer.text, path->parent_sent ? "sent" : "given");
}

/* Nobody issued the last certificate of the path: is a link missing, or is the root not trusted? */
static void conclude_no_parent(const struct chain *chain, const struct chain_path *path, bool has_roots,
                               struct chain_checks *out)
{
    size_t last = path->count - 1, sent = path->at[last].sent;
    struct name_text subject = subject_text(path->at[last].cert), issuer = issuer_text(path->at[last].cert);
    if (path->at[last].root != SIZE_MAX)
        conclude(out, CHECK_UNKNOWN, CHAIN_NO_ROOTS, sent,
                 "The path ends at '%s', which was given as a root but is an intermediate: give its root.",
                 subject.text);
    else if (!has_roots && last == 0)
        conclude(out, CHECK_UNKNOWN, CHAIN_NO_ROOTS, sent,
                 "%s; nobody said which roots clients trust (--trusted-root), so whether its issuer '%s' is one is unknown.",
                 chain->count > 1 ? "What was sent with the leaf did not issue it" : "Only the leaf was sent", issuer.text);
    else if (!has_roots)
        conclude(out, CHECK_UNKNOWN, CHAIN_NO_ROOTS, sent,
                 "Nobody said which roots clients trust (--trusted-root); the path leads to '%s'.", issuer.text);
    else if (last > 0)
        conclude(out, CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, sent,
                 "'%s' was issued by '%s', which is neither sent nor among the given roots.", subject.text,
                 issuer.text);
    else
        conclude(out, CHECK_FAIL, CHAIN_INCOMPLETE, 0,
                 "%s issuer '%s' is not given: an intermediate that clients must have already, or an untrusted root%s.",
                 chain->count > 1 ? "What was sent with the leaf did not issue it, and its" : "Only the leaf was sent; its",
                 issuer.text,
                 chain->facts[0].issuer_address_count > 0
                     ? " (AIA names where it may be had, which helps only a client that has a network)"
                     : "");
}

/* The path ends in a root that was sent, but is not among those given. */
static void conclude_root(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                          const struct chain_certs *certs, const struct chain_path *path, struct chain_checks *out)
{
    size_t last = path->count - 1, sent = path->at[last].sent;
    bool has_pins = method != NULL && method->validates && method->pin_count > 0, namesake = false;
    bool pinned =
        has_pins && sent != SIZE_MAX && chain_pinned(method, chain->facts[sent].sha1, chain->facts[sent].sha256);
    struct name_text name = subject_text(path->at[last].cert);
    for (size_t i = 0; i < e->root_count; i++)
        namesake = namesake || X509_NAME_cmp(X509_get_subject_name(e->roots[i].cert),
                                             X509_get_subject_name(path->at[last].cert)) == 0;
    if (e->anchor_count == 0 && pinned)
        conclude_success(chain, certs, path, out);
    else if (last == 0)
        conclude(out, e->anchor_count == 0 && !has_pins ? CHECK_UNKNOWN : CHECK_FAIL, CHAIN_SELF_SIGNED, 0,
                 "'%s' signs itself and is not %s.", name.text,
                 e->anchor_count > 0 ? "among the given roots"
                 : has_pins        ? "pinned"
                                   : "known to be trusted: no roots were given");
    else if (e->anchor_count == 0)
        conclude(out, CHECK_UNKNOWN, CHAIN_NO_ROOTS, sent,
                 "Nobody said which roots clients trust (--trusted-root); the chain ends in '%s', which was sent.", name.text);
    else
        conclude(out, CHECK_FAIL, CHAIN_UNTRUSTED_ROOT, sent,
                 "The chain ends in '%s', which is not among the given roots%s.", name.text,
                 namesake ? ": the one of the same name there has another key" : "");
}

/* The path by names and signatures, given again to OpenSSL: of two issuers of one name it had tried only the first.
 * True when that decides, *failed when memory is short. */
static bool conclude_path(const struct expect *e, const struct chain *chain, const struct chain_certs *certs,
                          const struct chain_path *path, struct chain_checks *out, bool *failed)
{
    size_t last = path->count - 1;
    struct verification v = {false, X509_V_OK, 0};
    bool complete = path->end == PATH_ROOT && path->at[last].root != SIZE_MAX;
    if (!complete && last == 0)
        return false;
    *failed = !verify(e, path->at[last].cert, chain, certs, path, NULL, &v);
    if (*failed)
        return true;
    if (v.error == X509_V_OK && complete)
        conclude_success(chain, certs, path, out);
    else if (complete || error_of(v.error) == CHAIN_INVALID_CA) /* an issuer that is none makes void what comes above */
        conclude_openssl(path, &v, out);
    else
        return false;
    return true;
}

/* OpenSSL found no path to a given root. */
static bool conclude_failure(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                             const struct chain_certs *certs, const struct chain_path *path, struct chain_checks *out)
{
    size_t last = path->count - 1, unparsed = 0;
    bool failed = false;
    if (conclude_path(e, chain, certs, path, out, &failed))
        return !failed;
    for (size_t i = 1; i < certs->count && unparsed == 0; i++)
        unparsed = certs->cert[i] == NULL ? i : 0;
    struct name_text subject = subject_text(path->at[last].cert);
    switch (path->end) {
    case PATH_ROOT:
        conclude_root(e, method, chain, certs, path, out);
        break;
    case PATH_OTHER_KEY:
        conclude_other_key(e, certs, path, out);
        break;
    case PATH_NO_PARENT:
        if (unparsed > 0)
            conclude(out, CHECK_UNKNOWN, CHAIN_NOT_PARSED, unparsed, "Certificate %zu of the chain cannot be parsed.",
                     unparsed + 1);
        else
            conclude_no_parent(chain, path, e->anchor_count > 0, out);
        break;
    case PATH_UNVERIFIED:
    case PATH_TOO_LONG:
        conclude(out, CHECK_UNKNOWN, CHAIN_OTHER, path->at[last].sent, "'%s': %s.", subject.text,
                 path->end == PATH_TOO_LONG ? "the path is too long"
                                            : "its signature cannot be checked with the issuer's key");
        break;
    }
    return true;
}

/* RFC 5246 section 7.4.2: each certificate is followed by its issuer's. */
static bool order_wrong(const struct chain_certs *certs)
{
    for (size_t i = 0; i + 1 < certs->count; i++)
        if (certs->cert[i] != NULL && certs->cert[i + 1] != NULL &&
            X509_NAME_cmp(X509_get_issuer_name(certs->cert[i]), X509_get_subject_name(certs->cert[i + 1])) != 0)
            return true;
    return false;
}

/* The first certificate that does not belong to the path, where those that do follow each other; 0 without. */
static size_t first_stray(const struct chain_certs *certs, const struct chain_path *path)
{
    bool belongs[CHAIN_CERTS_MAX] = {false};
    size_t before = 0, stray = 0;
    if (path->end != PATH_ROOT && path->end != PATH_NO_PARENT)
        return 0;
    for (size_t i = 0; i < path->count; i++) {
        size_t sent = path->at[i].sent;
        if (sent == SIZE_MAX)
            continue;
        if (sent < before)
            return 0;
        before = sent;
        belongs[sent] = true;
    }
    while (stray < certs->count && belongs[stray])
        stray++;
    return stray < certs->count ? stray : 0;
}

static bool describe_root(const struct expect *e, const struct chain *chain, const struct chain_path *path,
                          struct chain_checks *out)
{
    size_t last = path->count - 1, sent = path->at[last].sent, root = path->at[last].root;
    out->root_known = path->at[last].self_signed;
    out->root_sent = out->root_known && sent != SIZE_MAX;
    if (out->root_known)
        memcpy(out->root_sha1, root != SIZE_MAX ? e->roots[root].sha1 : chain->facts[sent].sha1, sizeof out->root_sha1);
    out->root_subject = x509_name_text(out->root_known ? X509_get_subject_name(path->at[last].cert)
                                                       : X509_get_issuer_name(path->at[last].cert));
    return out->root_subject != NULL;
}

/* Index of the first certificate whose key is too costly to check signatures with, SIZE_MAX without. */
static size_t unaffordable(const struct chain_certs *certs)
{
    for (size_t i = 0; i < certs->count; i++)
        if (certs->cert[i] != NULL && !x509_key_affordable(certs->cert[i]))
            return i;
    return SIZE_MAX;
}

/*
 * Of several given roots that the path could end in, with one key or by a cross certificate, the one that the method pins:
 * a path that held when it was presented. False when memory is short.
 */
static bool prefer_pinned(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                          const struct chain_certs *certs, struct chain_path *path)
{
    size_t root = path->at[path->count - 1].root;
    bool has_pins = method != NULL && method->validates && method->pin_count > 0, failed = false;
    if (!has_pins || (root != SIZE_MAX && chain_pinned(method, e->roots[root].sha1, e->roots[root].sha256)))
        return true;
    for (size_t i = 0, tries = 0; !failed && i < e->root_count && tries < EXPECT_PINS_MAX; i++) {
        const struct expect_root *r = &e->roots[i];
        struct verification v = {true, X509_V_OK, 0};
        if (!r->self_signed || i == root || !chain_pinned(method, r->sha1, r->sha256))
            continue;
        tries++;
        failed = !verify(e, r->cert, chain, certs, NULL, path, &v);
        if (!failed && v.error == X509_V_OK)
            break;
    }
    return !failed;
}

bool chain_check_trust(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                       const struct chain_certs *certs, struct chain_path *path, struct chain_checks *out)
{
    struct verification v = {false, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0};
    memset(path, 0, sizeof *path);
    if (certs->cert[0] == NULL) {
        conclude(out, CHECK_UNKNOWN, CHAIN_NOT_PARSED, 0, "The server's own certificate cannot be parsed.");
        return true;
    }
    out->order_wrong = order_wrong(certs);
    size_t absurd = unaffordable(certs);
    if (absurd != SIZE_MAX) {
        chain_path_append(e, certs, chain->facts, certs->cert[0], path);
        path->end = PATH_UNVERIFIED;
        conclude(out, CHECK_UNKNOWN, CHAIN_OTHER, absurd,
                 "The key of certificate %zu (%s) is too large to check signatures with it.", absurd + 1,
                 chain->facts[absurd].key_text);
        return describe_root(e, chain, path, out);
    }
    if (e->anchor_count > 0 && !verify(e, NULL, chain, certs, NULL, path, &v))
        return false;
    if (v.error == X509_V_OK) {
        if (!prefer_pinned(e, method, chain, certs, path))
            return false;
        conclude_success(chain, certs, path, out);
    } else {
        chain_path_build(e, certs, chain->facts, presented_at(chain), path);
        if (!conclude_failure(e, method, chain, certs, path, out))
            return false;
    }
    /* a client's certificate is judged by the server, whose roots nobody gave */
    if (chain->roles == ROLE_CLIENT && out->chain == CHECK_FAIL && out->chain_error != CHAIN_BAD_SIGNATURE)
        out->chain = CHECK_UNKNOWN;
    if (out->order_wrong)
        out->stray_index = first_stray(certs, path);
    return describe_root(e, chain, path, out);
}
