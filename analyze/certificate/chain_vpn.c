/* A leaf as a VPN server's: IKEv2's or SSTP's, where the client looks for the name that it dialled. wire-facts 2.9, 3.12. */
#include "analyze/certificate/chain_internal.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool same = a_len == b_len;
    for (size_t i = 0; same && i < a_len; i++)
        same = lower(a[i]) == lower(b[i]);
    return same;
}

/* More names may be in the certificate than are kept. */
static bool names_cut(const struct x509_facts *leaf)
{
    return leaf->dns_count >= X509_NAMES_MAX || leaf->ip_count >= X509_NAMES_MAX;
}

enum check chain_name_asked(const struct x509_facts *leaf, const char *asked)
{
    const char *names[X509_NAMES_MAX + 1];
    char name[EXPECT_NAME_LENGTH + 1];
    char *const expected[] = {name};
    struct name_result result;
    size_t count = chain_leaf_names(leaf, names), length = strlen(asked);
    bool wildcard = false;
    if (length == 0 || length > EXPECT_NAME_LENGTH || strchr(asked, '*') != NULL)
        return CHECK_UNKNOWN;
    memcpy(name, asked, length + 1);
    name_match(expected, 1, names, count, &result);
    if (result.fit == NAME_MATCH || result.fit == NAME_MATCH_CASE)
        return CHECK_PASS;
    for (size_t i = 0; i < leaf->ip_count; i++)
        if (strcmp(leaf->ip_names[i], asked) == 0)
            return CHECK_PASS;
    for (size_t i = 0; i < count; i++)
        wildcard = wildcard || strchr(names[i], '*') != NULL;
    return wildcard || strchr(asked, ':') != NULL || names_cut(leaf) ? CHECK_UNKNOWN : CHECK_FAIL;
}

/* One name of the certificate: a wildcard is the whole first label and stands for one label (RFC 6125 section 6.4.3);
 * about others clients differ. */
static enum check covers(const char *has, const char *name, size_t length)
{
    const char *dot = memchr(name, '.', length);
    size_t has_length = strlen(has);
    if (has_length > 0 && has[has_length - 1] == '.')
        has_length--;
    if (same_name(has, has_length, name, length))
        return CHECK_PASS;
    if (memchr(has, '*', has_length) == NULL)
        return CHECK_FAIL;
    if (has[0] != '*' || has[1] != '.' || memchr(has + 1, '*', has_length - 1) != NULL ||
        memchr(has + 2, '.', has_length - 2) == NULL)
        return CHECK_UNKNOWN;
    size_t rest = dot != NULL ? length - (size_t)(dot - name) : 0;
    return dot != NULL && dot != name && same_name(has + 1, has_length - 1, dot, rest) ? CHECK_PASS : CHECK_FAIL;
}

enum check chain_name_dialled(const struct x509_facts *leaf, struct span dialled)
{
    const char *name = (const char *)dialled.data;
    size_t length = dialled.len;
    bool unsure = names_cut(leaf);
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (length == 0 || length > EXPECT_NAME_LENGTH || memchr(name, '*', length) != NULL ||
        memchr(name, ':', length) != NULL || memchr(name, 0, length) != NULL)
        return CHECK_UNKNOWN;
    for (size_t i = 0; i < leaf->dns_count; i++) {
        enum check fit = covers(leaf->dns_names[i], name, length);
        if (fit == CHECK_PASS)
            return CHECK_PASS;
        unsure = unsure || fit == CHECK_UNKNOWN;
    }
    for (size_t i = 0; i < leaf->ip_count; i++)
        if (same_name(leaf->ip_names[i], strlen(leaf->ip_names[i]), name, length))
            return CHECK_PASS;
    enum check common = leaf->common_name != NULL ? covers(leaf->common_name, name, length) : CHECK_FAIL;
    if (common == CHECK_PASS && leaf->dns_count == 0)
        return CHECK_PASS;
    return unsure || common != CHECK_FAIL ? CHECK_UNKNOWN : CHECK_FAIL;
}

/* No name was asked for, or nothing can be said of it: --server-name may name the EAP server alone, so it only fits. */
static bool fits_server_name(const struct expect *e, const struct x509_facts *leaf, struct chain_checks *out)
{
    const char *names[X509_NAMES_MAX + 1];
    size_t count = chain_leaf_names(leaf, names);
    name_match(e->server_names, e->server_name_count, names, count, &out->name_result);
    return out->name_result.fit == NAME_MATCH;
}

static void set_name(const char *name, enum check fit, struct chain_checks *out)
{
    struct name_result *result = &out->name_result;
    *result = (struct name_result){.fit = fit == CHECK_PASS   ? NAME_MATCH
                                          : fit == CHECK_FAIL ? NAME_MISMATCH
                                                              : NAME_NO_EXPECTATION};
    out->name = fit;
    size_t length = strlen(name);
    if (fit == CHECK_UNKNOWN || length > EXPECT_NAME_LENGTH)
        return;
    memcpy(result->pattern, name, length + 1);
    if (fit == CHECK_PASS)
        memcpy(result->matched, name, length + 1);
}

/* What a client of IKEv2 dials is seen only where it asks for it. */
static void check_asked_name(const struct expect *e, const struct chain *chain, struct chain_checks *out)
{
    enum check asked = chain->asked_differs ? CHECK_UNKNOWN : chain_name_asked(&chain->facts[0], chain->asked);
    if (asked == CHECK_UNKNOWN && fits_server_name(e, &chain->facts[0], out))
        out->name = CHECK_PASS;
    else
        set_name(chain->asked, asked, out);
}

/* All names that clients dialled must fit; the worst one is told. */
static void check_dialled_names(const struct expect *e, const struct chain *chain, struct chain_checks *out)
{
    static const int weight[] = {[CHECK_PASS] = 0, [CHECK_UNKNOWN] = 1, [CHECK_FAIL] = 2};
    enum check worst = chain->dialled_count > 0 ? CHECK_PASS : CHECK_UNKNOWN;
    const char *name = chain->dialled_count > 0 ? chain->dialled[0] : "";
    for (size_t i = 0; i < chain->dialled_count; i++) {
        enum check fit = chain_name_dialled(&chain->facts[0], span_of(chain->dialled[i], strlen(chain->dialled[i])));
        if (weight[fit] > weight[worst]) {
            worst = fit;
            name = chain->dialled[i];
        }
    }
    if (worst == CHECK_UNKNOWN && fits_server_name(e, &chain->facts[0], out))
        out->name = CHECK_PASS;
    else
        set_name(name, worst, out);
}

void chain_check_vpn_leaf(const struct expect *e, const struct chain *chain, enum chain_role role,
                          const struct chain_path *path, struct chain_checks *out)
{
    chain_check_path(e, chain, path, out);
    chain_check_usage(&chain->facts[0], out);
    if (role == ROLE_SSTP) {
        check_dialled_names(e, chain, out);
        return;
    }
    check_asked_name(e, chain, out);
    out->key_usage_encipherment = out->key_usage_signature; /* the key of IKEv2 signs, always */
}
