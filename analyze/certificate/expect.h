/*
 * What the administrator says his clients expect of a server certificate: roots, names, and the client's own EAP
 * configuration. Read once from files; errors name the file and the line.
 */
#ifndef VS_ANALYZE_EXPECT_H
#define VS_ANALYZE_EXPECT_H

#include "capture/wire/span.h"

enum { EXPECT_ERROR = 512, EXPECT_PINS_MAX = 64, EXPECT_NAMES_MAX = 64, EXPECT_NAME_LENGTH = 255 };

/* One EAP method's server validation out of an EapHostConfig or ProfileXML (wire-facts 6.4), outermost first. */
struct expect_method {
    uint8_t eap_type;              /* 25, 13, 21, 55 */
    uint8_t depth;                 /* 0 outer, 1 inside PEAP */
    bool validates;                /* PerformServerValidation; true when absent */
    bool checks_names;             /* false when AcceptServerName says so or no names are given */
    char *server_names[EXPECT_NAMES_MAX]; size_t name_count; /* items of ServerNames, trimmed */
    struct { uint8_t hash[32]; uint8_t len; } pins[EXPECT_PINS_MAX]; size_t pin_count; /* TrustedRootCA: SHA-1 (20) or SHA-256 (32) */
    bool no_prompt;                /* DisableUserPromptForServerValidation */
};

enum { EXPECT_METHODS_MAX = 8 };

struct expect;   /* opaque */

struct expect *expect_new(void);
void expect_free(struct expect *e);

/* --trusted-root FILE|DIR: PEM (bundle), DER or PKCS#7. False with one sentence naming file and line. */
bool expect_add_roots(struct expect *e, const char *path, char error[static EXPECT_ERROR]);
/* --system-roots */
bool expect_add_system_roots(struct expect *e, char error[static EXPECT_ERROR]);
/* --server-name NAME: exact name, or a ';'-separated list of names and patterns as ServerNames has them. */
bool expect_add_server_name(struct expect *e, const char *names, char error[static EXPECT_ERROR]);
/* --eap-config FILE: EapHostConfig or ProfileXML, also HTML-escaped once inside another element. False with file and line. */
bool expect_add_eap_config(struct expect *e, const char *path, char error[static EXPECT_ERROR]);

/* When all is given: adds what only all of it shows to the remarks. */
void expect_complete(struct expect *e);

bool expect_has_roots(const struct expect *e);  /* roots or pins were given */
bool expect_has_names(const struct expect *e);
/* Item i of what --server-name gave, NULL past the last. */
const char *expect_server_name(const struct expect *e, size_t i);
size_t expect_methods(const struct expect *e, const struct expect_method **out);
/* Warnings about the configuration itself (validation switched off, ConfigBlob ...): sentence i or NULL. */
const char *expect_remark(const struct expect *e, size_t i);

/* How one name of a certificate fits one list of expected names (wire-facts 6.2). */
enum name_fit {
    NAME_NO_EXPECTATION,   /* no names were given */
    NAME_MATCH,            /* certain */
    NAME_MATCH_CASE,       /* matches only when case is ignored: Windows 11 21H2 compares case */
    NAME_MATCH_UNCERTAIN,  /* only the glob, or only the unanchored search fits: the pattern's meaning is uncertain */
    NAME_MISMATCH,         /* certain */
};
struct name_result {
    enum name_fit fit;
    char matched[EXPECT_NAME_LENGTH + 1];  /* the certificate's name that fitted, "" */
    char pattern[EXPECT_NAME_LENGTH + 1];  /* the expected item that fitted, "" */
    char remark[256];                      /* e.g. an unescaped dot matched another character; "" */
};
/* names: CN and dNSNames of the certificate. Bounded in time whatever the pattern. */
void name_match(char *const *expected, size_t expected_count, const char *const *names, size_t name_count,
                struct name_result *out);

#endif
