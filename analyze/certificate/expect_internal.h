/* What the files expect*.c, eap_config.c, roots.c and chain_*.c share; with OpenSSL's types. */
#ifndef VS_ANALYZE_EXPECT_INTERNAL_H
#define VS_ANALYZE_EXPECT_INTERNAL_H

#include "analyze/certificate/expect.h"
#include "dissect/crypto/x509_openssl.h"

enum {
    EXPECT_ROOTS_MAX = 4096,
    EXPECT_REMARKS_MAX = 32,
    EXPECT_FILE_MAX = 16 << 20, /* bytes of one file of roots or of one EAP configuration */
};

struct expect_root {
    X509 *cert;
    uint8_t sha1[20], sha256[32];
    bool self_signed;
    bool self_issued;  /* false: an intermediate, which only helps to build chains */
    int64_t not_before, not_after; /* seconds */
    char *name;        /* CN, else the subject; owned */
};

struct expect {
    struct expect_root *roots;
    size_t root_count, root_room;
    size_t anchor_count; /* roots that sign themselves: without one nobody said what clients trust */
    X509_STORE *store; /* those that issue themselves */
    char *server_names[EXPECT_NAMES_MAX];
    size_t server_name_count;
    struct expect_method methods[EXPECT_METHODS_MAX];
    size_t method_count;
    char *remarks[EXPECT_REMARKS_MAX];
    size_t remark_count;
};

/* Keeps one sentence for the report; the first EXPECT_REMARKS_MAX are kept. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void expect_remark_add(struct expect *e, const char *format, ...);

/* Writes one sentence into error and returns false. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
bool expect_fail(char error[static EXPECT_ERROR], const char *format, ...);

/* Splits a ServerNames list at ';', trims blanks, drops empty items, appends copies to list. False with the reason. */
bool expect_split_names(char **list, size_t *count, const char *text, size_t len, char reason[static EXPECT_ERROR]);

/* The whole file, with a NUL behind it; the caller frees. NULL with a sentence in error. */
char *expect_read_file(const char *path, size_t *len, char error[static EXPECT_ERROR]);

/* Adds the methods of one configuration text; name stands in errors and remarks. False with file and line. */
bool eap_config_parse(struct expect *e, const char *name, struct span text, char error[static EXPECT_ERROR]);

/* Adds the certificates of one file's bytes, *found counts them (0: it is something else). False with file and line. */
bool roots_parse(struct expect *e, const char *name, struct span text, size_t *found, char error[static EXPECT_ERROR]);

#endif
