#include "analyze/options_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { CONFIG_BYTES_MAX = 1 << 20, SECRET_FILE_MAX = 4096, READ_STEP = 1 << 16 };

/* Reads up to most bytes; false (with *len > most) when there are more. A NUL follows the bytes. */
static char *read_all(FILE *f, size_t most, size_t *len)
{
    size_t room = READ_STEP;
    char *text = malloc(room + 1);
    *len = 0;
    while (text != NULL) {
        *len += fread(text + *len, 1, room - *len, f);
        if (*len < room || *len > most)
            break;
        char *bigger = realloc(text, room * 2 + 1);
        if (bigger == NULL)
            free(text);
        text = bigger;
        room *= 2;
    }
    if (text != NULL)
        text[*len] = '\0';
    return text;
}

char *text_file_read(const char *path, size_t most, size_t *len, char error[static OPTIONS_ERROR])
{
    char reason[PLATFORM_ERROR];
    FILE *f = platform_open(path, "r", reason);
    if (f == NULL) {
        snprintf(error, OPTIONS_ERROR, "%.300s: %s", path, reason);
        return NULL;
    }
    char *text = read_all(f, most, len);
    bool failed = ferror(f) != 0;
    fclose(f);
    const char *wrong = text == NULL  ? "out of memory"
                        : failed      ? "it cannot be read"
                        : *len > most ? "it is too long"
                                      : NULL;
    if (wrong == NULL && *len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        wrong = "line 1: the file is UTF-16; save it as UTF-8 or ANSI text";
    if (wrong != NULL) {
        snprintf(error, OPTIONS_ERROR, "%.300s: %s", path, wrong);
        free(text);
        return NULL;
    }
    if (*len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        *len -= 3;
        memmove(text, text + 3, *len + 1);
    }
    return text;
}

bool network_parse(const char *text, size_t len, struct address *net, unsigned *bits)
{
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash != NULL ? (size_t)(slash - text) : len;
    if (!address_parse(span_of(text, address_len), net))
        return false;
    unsigned most = net->family == FAMILY_IPV4 ? 32 : 128;
    *bits = most;
    if (slash == NULL)
        return true;
    const char *digit = slash + 1, *end = text + len;
    if (digit == end || end - digit > 3)
        return false;
    for (*bits = 0; digit < end; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        *bits = *bits * 10 + (unsigned)(*digit - '0');
    }
    return *bits <= most;
}

/* One secret is one line: what follows it would silently be part of no secret. */
static const char *secret_flaw(const char *text, size_t *len, unsigned *line)
{
    const char *newline = memchr(text, '\n', *len);
    *line = 1;
    if (newline != NULL) {
        size_t first = (size_t)(newline - text);
        for (size_t i = first; i < *len; i++) {
            if (text[i] != '\n' && text[i] != '\r') {
                *line = 2;
                return "a secret file holds one line";
            }
        }
        *len = first;
    }
    while (*len > 0 && text[*len - 1] == '\r')
        --*len;
    return *len == 0 ? "the secret is empty" : *len > RADIUS_SECRET_MAX ? "the secret is longer than 255 bytes" : NULL;
}

bool setting_radius_secret(struct secrets *s, const char *value, char error[static OPTIONS_ERROR])
{
    const char *path = value, *equals = strchr(value, '=');
    struct address net = {0};
    unsigned bits = 0, line = 0;
    /* a file's name may hold '=', too: only what can be an address is one */
    if (equals != NULL && equals > value && strspn(value, "0123456789abcdefABCDEF.:/") == (size_t)(equals - value) &&
        strpbrk(value, ".:") != NULL && strpbrk(value, ".:") < equals) {
        if (!network_parse(value, (size_t)(equals - value), &net, &bits)) {
            snprintf(error, OPTIONS_ERROR, "--radius-secret: '%.*s' is no network", (int)(equals - value), value);
            return false;
        }
        path = equals + 1;
    }
    size_t len = 0;
    char *text = text_file_read(path, SECRET_FILE_MAX, &len, error);
    if (text == NULL)
        return false;
    const char *flaw = secret_flaw(text, &len, &line);
    if (flaw != NULL)
        snprintf(error, OPTIONS_ERROR, "%.300s: line %u: %s", path, line, flaw);
    else if (!secrets_add_radius(s, &net, bits, span_of(text, len))) {
        flaw = "it cannot be kept";
        snprintf(error, OPTIONS_ERROR, "%.300s: line 1: %s", path, flaw);
    }
    free(text);
    return flaw == NULL;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* "key = value"; NULL when fine, else the reason (in reason). */
static bool apply_line(struct options *o, char *line, char reason[static OPTIONS_ERROR])
{
    char *text = trim(line), *equals = strchr(text, '=');
    if (text[0] == '\0' || text[0] == '#')
        return true;
    if (equals == NULL) {
        snprintf(reason, OPTIONS_ERROR, "no '=': a line is \"key = value\"");
        return false;
    }
    *equals = '\0';
    char *key = trim(text), *value = trim(equals + 1);
    enum setting_id id = setting_by_name(key);
    if (id == SETTING_NONE) {
        snprintf(reason, OPTIONS_ERROR, "unknown key '%.60s'", key);
        return false;
    }
    if (value[0] == '\0') {
        snprintf(reason, OPTIONS_ERROR, "%s: no value", key);
        return false;
    }
    const char *kept = options_keep(o, value);
    if (kept == NULL) {
        snprintf(reason, OPTIONS_ERROR, "out of memory");
        return false;
    }
    return setting_apply(o, id, kept, reason);
}

bool config_file_read(struct options *o, const char *path, char error[static OPTIONS_ERROR])
{
    size_t len = 0;
    char *text = text_file_read(path, CONFIG_BYTES_MAX, &len, error);
    if (text == NULL)
        return false;
    unsigned number = 0;
    bool good = true;
    for (char *line = text; good && line < text + len;) {
        char reason[OPTIONS_ERROR], *end = memchr(line, '\n', (size_t)(text + len - line));
        if (end != NULL)
            *end = '\0';
        number++;
        good = apply_line(o, line, reason);
        if (!good)
            snprintf(error, OPTIONS_ERROR, "%.200s: line %u: %.400s", path, number, reason);
        line = end != NULL ? end + 1 : text + len;
    }
    free(text);
    return good;
}
