/*
 * How Windows compares a certificate's names with ServerNames ([MS-GPWL] 2.2.3.1.1 and 2.2.3.2.8). An item with a '*'
 * is a regular expression there, yet the examples beside it are globs: what only one reading accepts is uncertain.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "analyze/certificate/expect.h"

/* Steps, nesting and KiB for one match: a pattern that needs more is called too complex. */
enum { MATCH_STEPS = 20000, MATCH_DEPTH = 500, MATCH_KIB = 512, PATTERN_MAX = 2 * EXPECT_NAME_LENGTH + 1 };

/* ECMA-262: $ only at the very end, \u escapes, a back reference to an unset group is empty, [] matches nothing. */
static const uint32_t ecma = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C;

enum reading { READ_NO, READ_YES, READ_TOO_COMPLEX, READ_INVALID };

struct matcher {
    pcre2_match_context *context;
    pcre2_match_data *data;
};

static enum reading read_regex(const struct matcher *m, const char *pattern, const char *name, uint32_t options)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), ecma | options, &error, &offset, NULL);
    if (code == NULL)
        return READ_INVALID;
    int rc = pcre2_match(code, (PCRE2_SPTR)name, strlen(name), 0, 0, m->data, m->context);
    pcre2_code_free(code);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
        rc == PCRE2_ERROR_NOMEMORY)
        return READ_TOO_COMPLEX;
    return rc >= 0 ? READ_YES : READ_NO;
}

static uint8_t lower(char c)
{
    uint8_t byte = (uint8_t)c;
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static bool same_char(char a, char b, bool any_case)
{
    return a == b || (any_case && lower(a) == lower(b));
}

static bool same_text(const char *a, const char *b, bool any_case)
{
    while (*a != '\0' && same_char(*a, *b, any_case)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* '*' stands for any run of characters, '?' for one. Only the last '*' is ever tried again: length times length at
 * most. */
static bool same_glob(const char *glob, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name != '\0') {
        if (*glob == '*') {
            star = glob++;
            resume = name;
        } else if (*glob == '?' || same_char(*glob, *name, true)) {
            glob++;
            name++;
        } else if (star != NULL) {
            glob = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

/* The pattern with each '.' that stands for exactly one character turned into a literal dot. */
static void escape_dots(char out[static PATTERN_MAX + 1], const char *pattern)
{
    size_t n = 0;
    bool in_class = false;
    for (const char *p = pattern; *p != '\0' && n + 2 < PATTERN_MAX; p++) {
        if (*p == '\\' && p[1] != '\0') {
            out[n++] = *p++;
        } else if (*p == '[') {
            in_class = true;
        } else if (*p == ']') {
            in_class = false;
        } else if (*p == '.' && !in_class && (p[1] == '\0' || strchr("*+?{", p[1]) == NULL)) {
            out[n++] = '\\';
        }
        out[n++] = *p;
    }
    out[n] = '\0';
}

static void set(struct name_result *out, enum name_fit fit, const char *pattern, const char *name, const char *remark)
{
    out->fit = fit;
    snprintf(out->pattern, sizeof out->pattern, "%s", pattern);
    snprintf(out->matched, sizeof out->matched, "%s", name);
    snprintf(out->remark, sizeof out->remark, "%s", remark);
}

static bool in_host_names(char c)
{
    uint8_t byte = lower(c);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

/* Why an item does not fit although the name stands in it as a whole: what was pasted with it. */
static const char *what_is_around(const char *item, const char *name)
{
    const char *at = name[0] != '\0' ? strstr(item, name) : NULL;
    size_t length = strlen(name);
    if (at == NULL || (at > item && in_host_names(at[-1])) || in_host_names(at[length]))
        return "";
    return strpbrk(item, ", \t") != NULL ? "expected names are separated by ';' only: this item is one long name"
                                         : "the expected name has further, perhaps invisible characters beside it";
}

static void match_literal(const struct matcher *m, const char *item, const char *name, struct name_result *out)
{
    if (same_text(item, name, false)) {
        set(out, NAME_MATCH, item, name, "");
    } else if (same_text(item, name, true)) {
        set(out, NAME_MATCH_CASE, item, name, "");
    } else if (strpbrk(item, "\\^$[](){}|+?") != NULL &&
               read_regex(m, item, name, PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_CASELESS) == READ_YES) {
        set(out, NAME_MATCH_UNCERTAIN, item, name,
            "it fits as a regular expression, but Windows reads an item without '*' as a plain name");
    } else if (name[0] == '*' && name[1] == '.' && strchr(item, '.') != NULL &&
               same_text(strchr(item, '.'), name + 1, true)) {
        set(out, NAME_MATCH_UNCERTAIN, item, name,
            "a wildcard certificate covers this name for some clients; Windows' EAP client compares the text");
    } else {
        set(out, NAME_MISMATCH, "", "", what_is_around(item, name));
    }
}

/* A whole-name match is certain; say so when it leans on a dot that matched something else. */
static void accept_whole(const struct matcher *m, const char *item, const char *name, uint32_t options,
                         struct name_result *out)
{
    char strict[PATTERN_MAX + 1];
    escape_dots(strict, item);
    bool leans = read_regex(m, strict, name, options) == READ_NO;
    const char *remark = leans ? "an unescaped '.' of the pattern matched another character" : "";
    set(out, (options & PCRE2_CASELESS) != 0 ? NAME_MATCH_CASE : NAME_MATCH, item, name, remark);
}

static void match_pattern(const struct matcher *m, const char *item, const char *name, struct name_result *out)
{
    const uint32_t whole = PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    enum reading exact = read_regex(m, item, name, whole), folded = READ_NO, found = READ_NO;
    if (exact == READ_NO)
        folded = read_regex(m, item, name, whole | PCRE2_CASELESS);
    if (exact == READ_NO && folded == READ_NO)
        found = read_regex(m, item, name, PCRE2_CASELESS);
    if (same_text(item, name, false)) /* a wildcard certificate, and its very name in the list */
        set(out, NAME_MATCH, item, name, "");
    else if (exact == READ_YES)
        accept_whole(m, item, name, whole, out);
    else if (folded == READ_YES)
        accept_whole(m, item, name, whole | PCRE2_CASELESS, out);
    else if (found == READ_YES)
        set(out, NAME_MATCH_UNCERTAIN, item, name, "the pattern matches only a part of the name");
    else if (same_glob(item, name))
        set(out, NAME_MATCH_UNCERTAIN, item, name,
            exact == READ_INVALID
                ? "the pattern is no valid regular expression; it fits only if '*' stands for any characters"
                : "as a regular expression it does not match; it fits only if '*' stands for any characters");
    else if (exact == READ_TOO_COMPLEX || folded == READ_TOO_COMPLEX || found == READ_TOO_COMPLEX)
        set(out, NAME_MATCH_UNCERTAIN, item, name, "the pattern is too complex to try");
    else if (exact == READ_INVALID)
        set(out, NAME_MISMATCH, "", "", "a pattern among the names is no valid regular expression");
    else
        out->fit = NAME_MISMATCH;
}

static void match_one(const struct matcher *m, const char *item, const char *name, struct name_result *out)
{
    memset(out, 0, sizeof *out);
    if (strlen(item) > EXPECT_NAME_LENGTH || strlen(name) > EXPECT_NAME_LENGTH)
        out->fit = NAME_MISMATCH;
    else if (strchr(item, '*') != NULL)
        match_pattern(m, item, name, out);
    else
        match_literal(m, item, name, out);
}

void name_match(char *const *expected, size_t expected_count, const char *const *names, size_t name_count,
                struct name_result *out)
{
    memset(out, 0, sizeof *out);
    if (expected_count == 0)
        return;
    out->fit = NAME_MISMATCH;
    struct matcher m = {pcre2_match_context_create(NULL), pcre2_match_data_create(1, NULL)};
    if (m.context != NULL && m.data != NULL) {
        pcre2_set_match_limit(m.context, MATCH_STEPS);
        pcre2_set_depth_limit(m.context, MATCH_DEPTH);
        pcre2_set_heap_limit(m.context, MATCH_KIB);
    }
    for (size_t i = 0; m.context != NULL && m.data != NULL && i < expected_count && out->fit != NAME_MATCH; i++)
        for (size_t k = 0; k < name_count && out->fit != NAME_MATCH; k++) {
            struct name_result one;
            match_one(&m, expected[i], names[k], &one);
            bool tells = one.fit == out->fit && out->remark[0] == '\0' && one.remark[0] != '\0';
            if (one.fit < out->fit || tells) /* the better one counts */
                *out = one;
            if (one.fit == NAME_MATCH_UNCERTAIN && strstr(one.remark, "too complex") != NULL)
                break; /* one try is enough: the rest of the names would cost as much */
        }
    pcre2_match_context_free(m.context);
    pcre2_match_data_free(m.data);
}
