/* What the command line and --config FILE have in common: settings by name. For these two files only. */
#ifndef VS_ANALYZE_OPTIONS_INTERNAL_H
#define VS_ANALYZE_OPTIONS_INTERNAL_H

#include "analyze/options.h"

/* What the options own besides: texts of configuration files. */
struct options_store {
    char **texts;
    size_t count, room;
};

enum setting_id {
    SETTING_CAPTURE,
    SETTING_INTERFACE,
    SETTING_DURATION,
    SETTING_RING,
    SETTING_SPOOL,
    SETTING_USER,
    SETTING_FILTER,
    SETTING_SERVER_NAME,
    SETTING_TRUSTED_ROOT,
    SETTING_SYSTEM_ROOTS,
    SETTING_EAP_CONFIG,
    SETTING_KEYLOG,
    SETTING_RADIUS_SECRET,
    SETTING_IKE_KEYS,
    SETTING_VIP,
    SETTING_INTERNAL,
    SETTING_BACKEND,
    SETTING_WINDOW,
    SETTING_JSON,
    SETTING_JSONL,
    SETTING_OUTPUT,
    SETTING_ROTATE_SIZE,
    SETTING_ROTATE_FILES,
    SETTING_CERTS,
    SETTING_SESSION,
    SETTING_WRITE,
    SETTING_WRITE_SIZE,
    SETTING_WRITE_FILES,
    SETTING_MEMORY,
    SETTING_METRICS,
    SETTING_NONE
};

/* One setting; value is NULL for switches on the command line. False with a sentence that names option and reason. */
bool setting_apply(struct options *o, enum setting_id id, const char *value, char error[static OPTIONS_ERROR]);

/* "read", "filter" ... as in --config; SETTING_NONE for others. */
enum setting_id setting_by_name(const char *name);

/* Reads a file of settings and applies each. False with file, line and reason. */
bool config_file_read(struct options *o, const char *path, char error[static OPTIONS_ERROR]);

/* Keeps a copy of a text for the life of the options; NULL when memory is short. */
const char *options_keep(struct options *o, const char *text);

/*
 * A small text file of the user, read whole: NUL-terminated, without a UTF-8 byte order mark; the caller frees. NULL
 * with a sentence: not readable, longer than `most`, UTF-16 (as Windows' editors and shells like to write).
 */
char *text_file_read(const char *path, size_t most, size_t *len, char error[static OPTIONS_ERROR]);

/* "10.0.0.0/8" or an address alone, which is a network of one. */
bool network_parse(const char *text, size_t len, struct address *net, unsigned *bits);

/* --radius-secret [CIDR=]FILE */
bool setting_radius_secret(struct secrets *s, const char *value, char error[static OPTIONS_ERROR]);

#endif
