#include "analyze/report/certs_dir.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "analyze/report/output.h"
#include "capture/platform.h"

enum { PATH_ROOM = 700, LINE_BYTES = 48, LINE_CHARACTERS = 64 };

static void write_pem(struct output *o, struct span der)
{
    output_string(o, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < der.len; at += LINE_BYTES) {
        unsigned char line[LINE_CHARACTERS + 1];
        size_t part = der.len - at < LINE_BYTES ? der.len - at : LINE_BYTES;
        int n = EVP_EncodeBlock(line, der.data + at, (int)part);
        output_bytes(o, line, n > 0 ? (size_t)n : 0);
        output_string(o, "\n");
    }
    output_string(o, "-----END CERTIFICATE-----\n");
}

static void write_name(struct output *o, const char *label, const char *name)
{
    output_string(o, label);
    output_escaped(o, span_of(name, strlen(name)));
    output_string(o, "\n");
}

static void write_chain(struct output *o, const struct certificates *certificates, const struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct certificate *k = certificates_of_chain(certificates, (uint32_t)c->serial, i);
        if (k->facts != NULL && k->facts->subject != NULL && k->facts->issuer != NULL) {
            write_name(o, "subject=", k->facts->subject);
            write_name(o, "issuer=", k->facts->issuer);
        }
        write_pem(o, c->der[i]);
    }
}

static bool write_file(const char *path, struct output *o, const struct certificates *certificates,
                       const struct chain *c, char reason[static PLATFORM_ERROR])
{
    char temporary[PATH_ROOM + 8];
    snprintf(temporary, sizeof temporary, "%s.part", path);
    FILE *f = platform_open(temporary, "w", reason);
    if (f == NULL)
        return false;
    output_begin(o, f);
    write_chain(o, certificates, c);
    bool written = output_end(o);
    if (fclose(f) != 0 || !written) {
        snprintf(reason, PLATFORM_ERROR, "it cannot be written");
        remove(temporary);
        return false;
    }
    return platform_replace(temporary, path, reason);
}

bool certs_dir_write(const char *dir, const struct chains *chains, const struct certificates *certificates,
                     char error[static CERTS_DIR_ERROR])
{
    char reason[PLATFORM_ERROR], path[PATH_ROOM], name[CERTIFICATE_FILE];
    if (strlen(dir) > PATH_ROOM - CERTIFICATE_FILE - 8) {
        snprintf(error, CERTS_DIR_ERROR, "--certs: the path is too long");
        return false;
    }
    if (!platform_make_directory(dir, reason)) {
        snprintf(error, CERTS_DIR_ERROR, "--certs: %s: %s", dir, reason);
        return false;
    }
    struct output o;
    for (size_t i = 0; i < chains_count(chains); i++) {
        const struct chain *c = chains_at(chains, i);
        if (c->count == 0 || c->roles == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, chain_file_name(name, certificates, c));
        if (!write_file(path, &o, certificates, c, reason)) {
            snprintf(error, CERTS_DIR_ERROR, "--certs: %s: %s", path, reason);
            return false;
        }
    }
    return true;
}
