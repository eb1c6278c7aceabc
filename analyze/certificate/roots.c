/* Certificates out of files: the roots that clients trust. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/certificate/expect_internal.h"
#include "capture/platform.h"

/* False when memory is short. */
static bool describe_root(struct expect_root *root, struct span der)
{
    struct x509_facts facts = {.common_name = NULL};
    if (!x509_facts_of(root->cert, der, &facts))
        return false;
    const char *name = facts.common_name != NULL && facts.common_name[0] != '\0' ? facts.common_name : facts.subject;
    size_t size = strlen(name) + 1;
    root->name = malloc(size);
    if (root->name != NULL)
        memcpy(root->name, name, size);
    root->not_before = facts.not_before;
    root->not_after = facts.not_after;
    root->self_issued = facts.self_issued;
    root->self_signed = facts.self_signed;
    x509_facts_free(&facts);
    return root->name != NULL;
}

static bool add_root(struct expect *e, X509 *cert, struct span der)
{
    struct expect_root root = {.cert = cert};
    if (EVP_Digest(der.data, der.len, root.sha1, NULL, EVP_sha1(), NULL) != 1 ||
        EVP_Digest(der.data, der.len, root.sha256, NULL, EVP_sha256(), NULL) != 1)
        return false;
    for (size_t i = 0; i < e->root_count; i++)
        if (memcmp(e->roots[i].sha256, root.sha256, sizeof root.sha256) == 0) {
            X509_free(cert);
            return true; /* the system's folder holds each of them twice or more */
        }
    if (e->root_count == e->root_room) {
        size_t room = e->root_room == 0 ? 16 : e->root_room * 2;
        struct expect_root *larger = room <= EXPECT_ROOTS_MAX ? realloc(e->roots, room * sizeof *larger) : NULL;
        if (larger == NULL)
            return false;
        e->roots = larger;
        e->root_room = room;
    }
    if (!describe_root(&root, der) || (root.self_issued && X509_STORE_add_cert(e->store, cert) != 1)) {
        free(root.name);
        return false;
    }
    e->roots[e->root_count++] = root;
    e->anchor_count += root.self_signed ? 1 : 0;
    return true;
}

/* The DER of one certificate (what follows it, as in a TRUSTED CERTIFICATE, is left out); where: "FILE line N". */
static bool add_certificate(struct expect *e, struct span der, const char *where, char error[static EXPECT_ERROR])
{
    X509 *cert = x509_decode(der);
    if (cert == NULL)
        return expect_fail(error, "%s: no certificate that can be read", where);
    int len = i2d_X509(cert, NULL);
    if (len <= 0 || (size_t)len > der.len || !add_root(e, cert, span_of(der.data, (size_t)len))) {
        X509_free(cert);
        return expect_fail(error, "%s: memory is short, or there are more than %d roots", where, EXPECT_ROOTS_MAX);
    }
    return true;
}

/* The certificates of a PKCS#7, as Windows exports them (.p7b), also under a label of PEM that promises a certificate. */
static bool add_bundle(struct expect *e, const STACK_OF(X509) * certs, const char *where, char error[static EXPECT_ERROR])
{
    bool good = true;
    for (int i = 0; good && i < sk_X509_num(certs); i++) {
        uint8_t *der = NULL;
        int len = i2d_X509(sk_X509_value(certs, i), &der);
        good = len > 0 ? add_certificate(e, span_of(der, (size_t)len), where, error)
                       : expect_fail(error, "%s: memory is short", where);
        OPENSSL_free(der);
    }
    return good;
}

/* One certificate, or several; *found is how many, 0 when it is something else. */
static bool add_der(struct expect *e, struct span der, const char *where, size_t *found, char error[static EXPECT_ERROR])
{
    const uint8_t *at = der.data;
    X509 *cert = x509_decode(der);
    PKCS7 *bundle = cert == NULL && der.len <= EXPECT_FILE_MAX ? d2i_PKCS7(NULL, &at, (int)der.len) : NULL;
    bool has = bundle != NULL && PKCS7_type_is_signed(bundle) && bundle->d.sign != NULL && bundle->d.sign->cert != NULL, good = true;
    *found = cert != NULL ? 1 : has ? (size_t)sk_X509_num(bundle->d.sign->cert) : 0;
    if (cert != NULL)
        good = add_certificate(e, der, where, error);
    else if (has)
        good = add_bundle(e, bundle->d.sign->cert, where, error);
    X509_free(cert);
    PKCS7_free(bundle);
    ERR_clear_error();
    return good;
}

static bool add_block(struct expect *e, struct span block, const char *name, size_t line, size_t *found,
                      char error[static EXPECT_ERROR])
{
    char *label = NULL, *header = NULL;
    uint8_t *data = NULL;
    long len = 0; /* the type that PEM_read_bio wants; a block is far smaller */
    BIO *bio = BIO_new_mem_buf(block.data, (int)block.len);
    bool read = bio != NULL && PEM_read_bio(bio, &label, &header, &data, &len) == 1 && len > 0;
    char where[EXPECT_ERROR];
    snprintf(where, sizeof where, "%.400s line %zu", name, line);
    bool ok = read ? add_der(e, span_of(data, (size_t)len), where, found, error)
                   : expect_fail(error, "%s: broken PEM block", where);
    if (ok && *found == 0)
        ok = expect_fail(error, "%s: no certificate that can be read", where);
    BIO_free(bio);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(data);
    ERR_clear_error();
    return ok;
}

/* One line without its end; *at moves behind it. */
static struct span next_line(struct span text, size_t *at)
{
    const uint8_t *start = text.data + *at;
    const uint8_t *end = memchr(start, '\n', text.len - *at);
    size_t len = end != NULL ? (size_t)(end - start) : text.len - *at;
    *at += end != NULL ? len + 1 : len;
    while (len > 0 && (start[len - 1] == '\r' || start[len - 1] == ' '))
        len--;
    return span_of(start, len);
}

static bool starts(struct span line, const char *prefix)
{
    size_t n = strlen(prefix);
    return line.len >= n && memcmp(line.data, prefix, n) == 0;
}

static bool is_certificate_label(struct span line)
{
    return starts(line, "-----BEGIN CERTIFICATE-----") || starts(line, "-----BEGIN X509 CERTIFICATE-----") ||
           starts(line, "-----BEGIN TRUSTED CERTIFICATE-----") || starts(line, "-----BEGIN PKCS7-----") ||
           starts(line, "-----BEGIN PKCS #7 SIGNED DATA-----");
}

static bool parse_pem(struct expect *e, const char *name, struct span text, size_t *found,
                      char error[static EXPECT_ERROR])
{
    size_t at = 0, line = 0, begin = 0, begin_line = 0, here = 0;
    bool inside = false;
    while (at < text.len) {
        size_t start = at;
        struct span s = next_line(text, &at);
        line++;
        if (is_certificate_label(s)) {
            if (inside)
                break;
            inside = true;
            begin = start;
            begin_line = line;
        } else if (inside && starts(s, "-----END ")) {
            if (!add_block(e, span_of(text.data + begin, at - begin), name, begin_line, &here, error))
                return false;
            inside = false;
            *found += here;
        }
    }
    return !inside || expect_fail(error, "%s line %zu: PEM block without its END line", name, begin_line);
}

static bool has_pem(struct span text)
{
    size_t at = 0;
    bool pem = false;
    while (!pem && at < text.len)
        pem = starts(next_line(text, &at), "-----BEGIN ");
    return pem;
}

bool roots_parse(struct expect *e, const char *name, struct span text, size_t *found, char error[static EXPECT_ERROR])
{
    *found = 0;
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = span_of(text.data + 3, text.len - 3);
    if (has_pem(text))
        return parse_pem(e, name, text, found, error);
    bool may_be_der = text.len > 0 && text.data[0] == 0x30; /* SEQUENCE */
    return !may_be_der || add_der(e, text, name, found, error);
}

struct folder {
    struct expect *expect;
    const char *path;
    size_t found;
    bool ok;
    char *error;
};

/* A file without any certificate in it is something else and left out; a broken certificate is an error. */
static void add_entry(void *ctx, const char *name)
{
    struct folder *folder = ctx;
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder->path, name);
    if (!folder->ok || name[0] == '.' || n < 0 || (size_t)n >= sizeof path || platform_kind(path) != PLATFORM_FILE)
        return;
    size_t len = 0, found = 0;
    char *text = expect_read_file(path, &len, folder->error);
    folder->ok = text != NULL && roots_parse(folder->expect, path, span_of(text, len), &found, folder->error);
    folder->found += found;
    free(text);
}

static bool add_folder(struct expect *e, const char *path, char error[static EXPECT_ERROR])
{
    char reason[PLATFORM_ERROR];
    struct folder folder = {e, path, 0, true, error};
    if (!platform_list(path, add_entry, &folder, reason))
        return expect_fail(error, "%s: %s", path, reason);
    if (!folder.ok)
        return false;
    return folder.found > 0 || expect_fail(error, "%s: no certificate in this folder", path);
}

bool expect_add_roots(struct expect *e, const char *path, char error[static EXPECT_ERROR])
{
    if (platform_kind(path) == PLATFORM_DIRECTORY)
        return add_folder(e, path, error);
    size_t len, found;
    char *text = expect_read_file(path, &len, error);
    if (text == NULL)
        return false;
    bool ok = roots_parse(e, path, span_of(text, len), &found, error);
    free(text);
    if (ok && found == 0)
        return expect_fail(error, "%s: %s", path, len == 0 ? "is empty" : "no certificate in it");
    return ok;
}

/* The folder that OpenSSL was built with; SSL_CERT_DIR and SSL_CERT_FILE have no say. */
bool expect_add_system_roots(struct expect *e, char error[static EXPECT_ERROR])
{
    return expect_add_roots(e, X509_get_default_cert_dir(), error);
}
