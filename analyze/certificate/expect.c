#include "analyze/certificate/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/certificate/expect_internal.h"
#include "capture/platform.h"

struct expect *expect_new(void)
{
    x509_without_configuration();
    struct expect *e = calloc(1, sizeof *e);
    if (e != NULL && (e->store = X509_STORE_new()) == NULL) {
        free(e);
        return NULL;
    }
    return e;
}

void expect_free(struct expect *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->root_count; i++) {
        X509_free(e->roots[i].cert);
        free(e->roots[i].name);
    }
    for (size_t i = 0; i < e->server_name_count; i++)
        free(e->server_names[i]);
    for (size_t i = 0; i < e->method_count; i++)
        for (size_t k = 0; k < e->methods[i].name_count; k++)
            free(e->methods[i].server_names[k]);
    for (size_t i = 0; i < e->remark_count; i++)
        free(e->remarks[i]);
    X509_STORE_free(e->store);
    free(e->roots);
    free(e);
}

bool expect_fail(char error[static EXPECT_ERROR], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, EXPECT_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

void expect_remark_add(struct expect *e, const char *format, ...)
{
    if (e->remark_count == EXPECT_REMARKS_MAX)
        return;
    char *text = malloc(EXPECT_ERROR);
    if (text == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, EXPECT_ERROR, format, arguments);
    va_end(arguments);
    e->remarks[e->remark_count++] = text;
}

char *expect_read_file(const char *path, size_t *len, char error[static EXPECT_ERROR])
{
    char reason[PLATFORM_ERROR] = "";
    if (platform_kind(path) == PLATFORM_DIRECTORY) {
        expect_fail(error, "%s: is a folder", path);
        return NULL;
    }
    FILE *f = platform_open(path, "r", reason);
    if (f == NULL) {
        expect_fail(error, "%s: %s", path, reason);
        return NULL;
    }
    size_t room = 1 << 16, used = 0;
    char *text = malloc(room + 1);
    while (text != NULL) {
        used += fread(text + used, 1, room - used, f);
        if (used < room || room >= EXPECT_FILE_MAX)
            break;
        char *larger = realloc(text, (room *= 2) + 1);
        if (larger == NULL)
            free(text);
        text = larger;
    }
    bool broken = ferror(f) != 0;
    fclose(f);
    if (text == NULL || broken || used >= EXPECT_FILE_MAX) {
        expect_fail(error, "%s: %s", path,
                    text == NULL ? "memory is short"
                    : broken     ? "cannot be read"
                                 : "is too large");
        free(text);
        return NULL;
    }
    text[used] = '\0';
    *len = used;
    return text;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool expect_split_names(char **list, size_t *count, const char *text, size_t len, char reason[static EXPECT_ERROR])
{
    for (size_t at = 0; at <= len;) {
        const char *semicolon = at < len ? memchr(text + at, ';', len - at) : NULL;
        size_t end = semicolon != NULL ? (size_t)(semicolon - text) : len, next = end + 1;
        while (at < end && is_blank(text[at]))
            at++;
        while (end > at && is_blank(text[end - 1]))
            end--;
        if (end - at > EXPECT_NAME_LENGTH)
            return expect_fail(reason, "a server name is longer than %d bytes", EXPECT_NAME_LENGTH);
        if (end > at) {
            if (*count == EXPECT_NAMES_MAX)
                return expect_fail(reason, "more than %d server names", EXPECT_NAMES_MAX);
            char *copy = malloc(end - at + 1);
            if (copy == NULL)
                return expect_fail(reason, "memory is short");
            memcpy(copy, text + at, end - at);
            copy[end - at] = '\0';
            list[(*count)++] = copy;
        }
        at = next;
    }
    return true;
}

bool expect_add_server_name(struct expect *e, const char *names, char error[static EXPECT_ERROR])
{
    char reason[EXPECT_ERROR];
    size_t before = e->server_name_count;
    if (!expect_split_names(e->server_names, &e->server_name_count, names, strlen(names), reason))
        return expect_fail(error, "server name '%.64s': %.400s", names, reason);
    if (e->server_name_count == before)
        return expect_fail(error, "server name '%.64s': no name in it", names);
    return true;
}

bool expect_add_eap_config(struct expect *e, const char *path, char error[static EXPECT_ERROR])
{
    size_t len;
    char *text = expect_read_file(path, &len, error);
    if (text == NULL)
        return false;
    bool ok = eap_config_parse(e, path, span_of(text, len), error);
    free(text);
    return ok;
}

void expect_complete(struct expect *e)
{
    if (e->root_count > 0 && e->anchor_count == 0)
        expect_remark_add(e, "among the trusted roots given is none that signs itself: intermediates and servers' certificates "
                             "help to build chains, but do not say what clients trust");
}

bool expect_has_roots(const struct expect *e)
{
    bool pins = false;
    for (size_t i = 0; i < e->method_count; i++)
        pins = pins || e->methods[i].pin_count > 0;
    return pins || e->anchor_count > 0;
}

bool expect_has_names(const struct expect *e)
{
    bool names = false;
    for (size_t i = 0; i < e->method_count; i++)
        names = names || e->methods[i].checks_names;
    return names || e->server_name_count > 0;
}

const char *expect_server_name(const struct expect *e, size_t i)
{
    return i < e->server_name_count ? e->server_names[i] : NULL;
}

size_t expect_methods(const struct expect *e, const struct expect_method **out)
{
    *out = e->methods;
    return e->method_count;
}

const char *expect_remark(const struct expect *e, size_t i)
{
    return i < e->remark_count ? e->remarks[i] : NULL;
}
