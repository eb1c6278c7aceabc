/* The path from a leaf towards a root by names and signatures alone, to say why OpenSSL found none. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "analyze/certificate/chain_internal.h"

enum link { LINK_SIGNED, LINK_OTHER_KEY, LINK_UNKNOWN };

/* False when this OpenSSL knows the signature's algorithm not at all (MD2, GOST): then a refusal proves nothing. */
static bool signature_known(X509 *cert)
{
    int digest = NID_undef;
    if (X509_get_signature_info(cert, &digest, NULL, NULL, NULL) != 1)
        return false;
    if (digest == NID_undef)
        return true;
    EVP_MD *md = EVP_MD_fetch(NULL, OBJ_nid2sn(digest), NULL);
    EVP_MD_free(md);
    return md != NULL;
}

/* Signatures are what costs: a path may try CHAIN_SIGNATURES_MAX of them. */
static enum link link_of(X509 *child, X509 *parent, unsigned *left)
{
    EVP_PKEY *key = X509_get0_pubkey(parent);
    if (key == NULL || *left == 0 || !signature_known(child))
        return LINK_UNKNOWN;
    (*left)--;
    return X509_verify(child, key) == 1 ? LINK_SIGNED : LINK_OTHER_KEY;
}

static bool names_fit(const X509 *child, const X509 *parent)
{
    return X509_NAME_cmp(X509_get_issuer_name(child), X509_get_subject_name(parent)) == 0;
}

static size_t sent_index(const struct chain_certs *certs, const X509 *cert)
{
    for (size_t i = 0; i < certs->count; i++)
        if (certs->cert[i] != NULL && X509_cmp(certs->cert[i], cert) == 0)
            return i;
    return SIZE_MAX;
}

static size_t root_index(const struct expect *e, const X509 *cert)
{
    for (size_t i = 0; i < e->root_count; i++)
        if (X509_cmp(e->roots[i].cert, cert) == 0)
            return i;
    return SIZE_MAX;
}

static bool on_path(const struct chain_path *path, const X509 *cert)
{
    for (size_t i = 0; i < path->count; i++)
        if (X509_cmp(path->at[i].cert, cert) == 0)
            return true;
    return false;
}

void chain_path_append(const struct expect *e, const struct chain_certs *certs, const struct x509_facts *facts,
                       X509 *cert, struct chain_path *path)
{
    if (path->count == CHAIN_PATH_MAX)
        return;
    size_t sent = sent_index(certs, cert), root = root_index(e, cert);
    path->at[path->count].cert = cert;
    path->at[path->count].sent = sent;
    path->at[path->count].root = root;
    path->at[path->count++].self_signed =
        sent != SIZE_MAX ? facts[sent].self_signed : root != SIZE_MAX && e->roots[root].self_signed;
}

/* What was found for one certificate: a parent, or what only bears the parent's name. */
struct search {
    X509 *child, *parent, *namesake;
    bool namesake_sent, unknown;
    size_t namesake_index;
    unsigned left;
    int64_t when; /* seconds */
};

static void consider(struct search *search, X509 *candidate, bool sent, size_t index)
{
    if (search->parent != NULL || !names_fit(search->child, candidate))
        return;
    enum link link = link_of(search->child, candidate, &search->left);
    if (link == LINK_SIGNED) {
        search->parent = candidate;
    } else if (link == LINK_UNKNOWN) {
        search->unknown = true;
    } else if (search->namesake == NULL) {
        search->namesake = candidate;
        search->namesake_sent = sent;
        search->namesake_index = index;
    }
}

static void consider_given(const struct expect *e, const struct chain_path *path, struct search *search,
                           bool self_signed, bool valid)
{
    for (size_t i = 0; i < e->root_count; i++) {
        const struct expect_root *r = &e->roots[i];
        if (r->self_signed == self_signed && chain_covers(r->not_before, r->not_after, search->when) == valid &&
            !on_path(path, r->cert))
            consider(search, r->cert, false, i);
    }
}

/*
 * What is valid at the time goes first: of two issuers with one key, the one that was renewed. Among those given roots come
 * first, as for OpenSSL and Windows; then what was sent; then intermediates among those given.
 */
static void find_parent(const struct expect *e, const struct chain_certs *certs, const struct x509_facts *facts,
                        const struct chain_path *path, struct search *search)
{
    for (int pass = 0; pass < 2; pass++) {
        bool valid = pass == 0;
        consider_given(e, path, search, true, valid);
        for (size_t i = 0; i < certs->count; i++)
            if (certs->cert[i] != NULL && chain_covers(facts[i].not_before, facts[i].not_after, search->when) == valid &&
                !on_path(path, certs->cert[i]))
                consider(search, certs->cert[i], true, i);
        consider_given(e, path, search, false, valid);
    }
}

bool chain_covers(int64_t not_before, int64_t not_after, int64_t when)
{
    return when <= 0 || (not_before <= when && when <= not_after);
}

void chain_path_build(const struct expect *e, const struct chain_certs *certs, const struct x509_facts *facts,
                      int64_t when, struct chain_path *out)
{
    memset(out, 0, sizeof *out);
    struct search search = {.parent = certs->cert[0], .left = CHAIN_SIGNATURES_MAX, .when = when};
    while (search.parent != NULL && out->count < CHAIN_PATH_MAX) {
        chain_path_append(e, certs, facts, search.parent, out);
        if (out->at[out->count - 1].self_signed)
            break;
        search = (struct search){.child = search.parent, .left = search.left, .when = when};
        find_parent(e, certs, facts, out, &search);
    }
    ERR_clear_error();
    if (out->at[out->count - 1].self_signed) {
        out->end = PATH_ROOT;
    } else if (search.parent != NULL) {
        out->end = PATH_TOO_LONG;
    } else if (search.unknown) {
        out->end = PATH_UNVERIFIED;
    } else if (search.namesake != NULL) {
        out->end = PATH_OTHER_KEY;
        out->parent_sent = search.namesake_sent;
        out->parent = search.namesake_index;
    }
}
