/* What a leaf is fit for: its names, usages, strength, times, and the pins of the client's configuration. */
#include <stdlib.h>

#include "analyze/certificate/chain_internal.h"

static const char oid_server_auth[] = "1.3.6.1.5.5.7.3.1", oid_any_eku[] = "2.5.29.37.0",
                  oid_ike_intermediate[] = "1.3.6.1.5.5.8.2.2";

bool chain_pinned(const struct expect_method *method, const uint8_t sha1[static 20], const uint8_t sha256[static 32])
{
    for (size_t i = 0; i < method->pin_count; i++)
        if (memcmp(method->pins[i].hash, method->pins[i].len == 20 ? sha1 : sha256, method->pins[i].len) == 0)
            return true;
    return false;
}

size_t chain_leaf_names(const struct x509_facts *leaf, const char *names[static X509_NAMES_MAX + 1])
{
    size_t count = 0;
    if (leaf->common_name != NULL)
        names[count++] = leaf->common_name;
    for (size_t i = 0; i < leaf->dns_count; i++)
        names[count++] = leaf->dns_names[i];
    return count;
}

static void check_names(const struct expect *e, const struct expect_method *method, bool outer,
                        const struct x509_facts *leaf, struct chain_checks *out)
{
    const char *names[X509_NAMES_MAX + 1];
    size_t count = chain_leaf_names(leaf, names);
    struct name_result *result = &out->name_result;
    name_match(e->server_names, outer ? e->server_name_count : 0, names, count, result);
    if (method != NULL && method->validates && method->checks_names) {
        struct name_result configured;
        name_match(method->server_names, method->name_count, names, count, &configured);
        if (configured.fit > result->fit) /* both must accept it: the worse one counts */
            *result = configured;
    }
    if (result->fit == NAME_MISMATCH && leaf->dns_count >= X509_NAMES_MAX) /* it may have more than are kept */
        *result = (struct name_result){.fit = NAME_NO_EXPECTATION};
    out->name = result->fit == NAME_MATCH ? CHECK_PASS : result->fit == NAME_MISMATCH ? CHECK_FAIL : CHECK_UNKNOWN;
}

static bool all_wildcards(const struct x509_facts *leaf)
{
    bool all = leaf->dns_count > 0;
    for (size_t i = 0; i < leaf->dns_count; i++)
        all = all && strchr(leaf->dns_names[i], '*') != NULL;
    return all;
}

static enum check usage_allows(const struct x509_facts *leaf, uint32_t bit)
{
    return !leaf->has_key_usage || (leaf->key_usage & bit) != 0 ? CHECK_PASS : CHECK_FAIL;
}

void chain_check_usage(const struct x509_facts *leaf, struct chain_checks *out)
{
    bool server_auth = false;
    for (size_t i = 0; i < leaf->eku_count; i++) {
        server_auth = server_auth || strcmp(leaf->eku[i], oid_server_auth) == 0;
        out->ike_intermediate_eku = out->ike_intermediate_eku || strcmp(leaf->eku[i], oid_ike_intermediate) == 0;
        out->eku_any = out->eku_any || strcmp(leaf->eku[i], oid_any_eku) == 0;
    }
    out->eku_absent = !leaf->has_eku;
    out->server_auth_eku = server_auth ? CHECK_PASS : out->eku_absent || out->eku_any ? CHECK_UNKNOWN : CHECK_FAIL;
    out->key_usage_signature = usage_allows(leaf, X509_KU_DIGITAL_SIGNATURE);
    out->key_usage_encipherment = usage_allows(leaf, X509_KU_KEY_ENCIPHERMENT);
    out->subject_empty = leaf->subject_empty;
    out->subject_wildcard = leaf->common_name != NULL ? strchr(leaf->common_name, '*') != NULL : all_wildcards(leaf);
}

static enum check key_strength(const struct x509_facts *f)
{
    switch (f->key) {
    case X509_KEY_RSA:
        return f->key_bits >= 2048 ? CHECK_PASS : CHECK_FAIL;
    case X509_KEY_EC:
        return f->key_bits >= 224 ? CHECK_PASS : CHECK_FAIL;
    case X509_KEY_DSA:
        return CHECK_FAIL;
    case X509_KEY_ED25519:
    case X509_KEY_ED448:
        return CHECK_PASS;
    case X509_KEY_OTHER:
        break;
    }
    return CHECK_UNKNOWN;
}

/* A certificate's own signature counts unless it signs itself: nobody verifies that one. */
static enum check signature_strength(const struct x509_facts *f)
{
    if (f->self_signed || f->signature_hash == X509_HASH_SHA2)
        return CHECK_PASS;
    if (f->signature_hash == X509_HASH_MD5 || f->signature_hash == X509_HASH_SHA1)
        return CHECK_FAIL;
    return strcmp(f->signature, "ED25519") == 0 || strcmp(f->signature, "ED448") == 0 ? CHECK_PASS : CHECK_UNKNOWN;
}

/* A failure beats what is unknown, which beats a pass; the first certificate of the worst kind is named. */
static void worsen(enum check *check, size_t *index, enum check now, size_t at)
{
    static const int weight[] = {[CHECK_PASS] = 0, [CHECK_UNKNOWN] = 1, [CHECK_FAIL] = 2};
    if (weight[now] > weight[*check]) {
        *check = now;
        *index = at;
    }
}

/* The narrower of both ends counts; index and given say whose it is. */
static void narrow(struct chain_checks *out, int64_t not_before, int64_t not_after, size_t index, const char *given)
{
    if (not_before > out->path_not_before) {
        out->path_not_before = not_before;
        out->not_before_index = index;
        out->not_before_given = given;
    }
    if (not_after < out->path_not_after) {
        out->path_not_after = not_after;
        out->not_after_index = index;
        out->not_after_given = given;
    }
}

/* Over what lies on the leaf's path; strength is that of what was sent. Of the root only the times count: its strength is a
 * matter of trust. */
void chain_check_path(const struct expect *e, const struct chain *chain, const struct chain_path *path,
                      struct chain_checks *out)
{
    const struct x509_facts *leaf = &chain->facts[0];
    out->key_strength = out->signature_strength = CHECK_PASS;
    out->not_before = out->path_not_before = leaf->not_before;
    out->not_after = out->path_not_after = leaf->not_after;
    for (size_t i = 0; i < path->count; i++) {
        size_t sent = path->at[i].sent, root = path->at[i].root;
        if (sent == SIZE_MAX && root != SIZE_MAX)
            narrow(out, e->roots[root].not_before, e->roots[root].not_after, chain->count, e->roots[root].name);
        if (sent == SIZE_MAX)
            continue;
        const struct x509_facts *f = &chain->facts[sent];
        if (i == 0 || !path->at[i].self_signed) {
            worsen(&out->key_strength, &out->weak_key_index, key_strength(f), sent);
            worsen(&out->signature_strength, &out->weak_signature_index, signature_strength(f), sent);
        }
        narrow(out, f->not_before, f->not_after, sent, NULL);
    }
}

static bool path_pinned(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                        const struct chain_path *path, size_t i)
{
    size_t sent = path->at[i].sent, root = path->at[i].root;
    if (sent != SIZE_MAX)
        return chain_pinned(method, chain->facts[sent].sha1, chain->facts[sent].sha256);
    return root != SIZE_MAX && chain_pinned(method, e->roots[root].sha1, e->roots[root].sha256);
}

static void check_pins(const struct expect *e, const struct expect_method *method, const struct chain *chain,
                       const struct chain_path *path, struct chain_checks *out)
{
    size_t last = path->count - 1;
    out->pin = PIN_NONE_GIVEN;
    if (method == NULL || !method->validates || method->pin_count == 0)
        return;
    out->pin = path->at[last].self_signed ? PIN_NOT_IN_CHAIN : PIN_ROOT_UNKNOWN;
    for (size_t i = path->count; i-- > 0;) {
        if (!path_pinned(e, method, chain, path, i))
            continue;
        out->pin = path->at[i].self_signed ? PIN_ROOT : i == 0 ? PIN_LEAF : PIN_ISSUING_CA;
        out->pin_index = path->at[i].sent;
        return; /* the root goes before the issuing CA, and that before the leaf */
    }
}

void chain_check_leaf(const struct expect *e, const struct expect_method *method, bool outer, const struct chain *chain,
                      const struct chain_path *path, struct chain_checks *out)
{
    const struct x509_facts *leaf = &chain->facts[0];
    chain_check_path(e, chain, path, out);
    chain_check_usage(leaf, out);
    if (chain->roles == ROLE_CLIENT) {
        out->server_auth_eku = CHECK_UNKNOWN; /* nobody asks a client for it */
        return;
    }
    check_names(e, method, outer, leaf, out);
    check_pins(e, method, chain, path, out);
}

static const struct expect_method *method_at(const struct expect *e, uint8_t depth)
{
    for (size_t i = 0; i < e->method_count; i++)
        if (e->methods[i].depth == depth)
            return &e->methods[i];
    return NULL;
}

static void decode(struct chain *chain, struct chain_certs *certs)
{
    certs->count = chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        certs->cert[i] = x509_decode(chain->der[i]);
        if (certs->cert[i] != NULL && !x509_facts_of(certs->cert[i], chain->der[i], &chain->facts[i])) {
            X509_free(certs->cert[i]);
            certs->cert[i] = NULL;
        }
        chain->parsed[i] = certs->cert[i] != NULL;
    }
}

static bool check_vpn(const struct expect *e, struct chain *chain, const struct chain_certs *certs, enum chain_role role,
                      struct chain_checks *out)
{
    struct chain_path path;
    if (!chain_check_trust(e, NULL, chain, certs, &path, out))
        return false;
    if (path.count == 0)
        return true;
    chain_check_vpn_leaf(e, chain, role, &path, out);
    chain_check_ocsp(chain, certs, path.count > 1 ? path.at[1].cert : NULL);
    return true;
}

/* Few chains need them. NULL when memory is short. */
static struct chain_checks *more_checks(void)
{
    return calloc(1, sizeof(struct chain_checks));
}

static void forget_more(struct chain_checks **checks)
{
    if (*checks != NULL)
        free((*checks)->root_subject);
    free(*checks);
    *checks = NULL;
}

/* The checks of a VPN server's role go into *first where no other role has it yet, else behind *more. */
static bool check_role(const struct expect *e, struct chain *chain, const struct chain_certs *certs,
                       enum chain_role role, struct chain_checks **first, struct chain_checks **more)
{
    struct chain_checks *out = *first;
    if ((chain->roles & role) == 0)
        return true;
    if (out == NULL)
        out = *more = more_checks();
    *first = NULL;
    return out != NULL && check_vpn(e, chain, certs, role, out);
}

static bool check_eap(const struct expect *e, struct chain *chain, const struct chain_certs *certs)
{
    const struct expect_method *inner = method_at(e, 1);
    struct chain_path path;
    if (!chain_check_trust(e, method_at(e, 0), chain, certs, &path, &chain->checks))
        return false;
    if (path.count == 0)
        return true;
    chain_check_leaf(e, method_at(e, 0), true, chain, &path, &chain->checks);
    chain_check_ocsp(chain, certs, path.count > 1 ? path.at[1].cert : NULL);
    if (inner == NULL)
        return true;
    chain->inner_checks = more_checks();
    if (chain->inner_checks == NULL || !chain_check_trust(e, inner, chain, certs, &path, chain->inner_checks))
        return false;
    chain_check_leaf(e, inner, false, chain, &path, chain->inner_checks);
    return true;
}

static bool check_all(const struct expect *e, struct chain *chain, const struct chain_certs *certs)
{
    const uint32_t vpn = (uint32_t)ROLE_IKEV2 | (uint32_t)ROLE_SSTP;
    struct chain_checks *first = &chain->checks;
    if ((chain->roles & ROLE_NPS) != 0 || (chain->roles & vpn) == 0) {
        if (!check_eap(e, chain, certs))
            return false;
        first = NULL;
    }
    return check_role(e, chain, certs, ROLE_IKEV2, &first, &chain->vpn_checks) &&
           check_role(e, chain, certs, ROLE_SSTP, &first, &chain->sstp_checks);
}

bool chain_judge(const struct expect *e, struct chain *chain)
{
    struct chain_certs certs = {.count = 0};
    chain->facts = calloc(chain->count, sizeof *chain->facts);
    if (chain->facts == NULL)
        return false;
    decode(chain, &certs);
    bool ok = check_all(e, chain, &certs);
    for (size_t i = 0; i < certs.count; i++)
        X509_free(certs.cert[i]);
    if (!ok) { /* as if it had never been tried */
        for (size_t i = 0; i < chain->count; i++)
            x509_facts_free(&chain->facts[i]);
        free(chain->facts);
        free(chain->checks.root_subject);
        forget_more(&chain->inner_checks);
        forget_more(&chain->vpn_checks);
        forget_more(&chain->sstp_checks);
        chain->facts = NULL;
        chain->checks = (struct chain_checks){.chain = CHECK_UNKNOWN};
    }
    return ok;
}
