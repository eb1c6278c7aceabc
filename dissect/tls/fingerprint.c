/*
 * JA3: MD5 over five comma-separated lists of decimal numbers. JA4 (FoxIO's published description of the TLS client
 * part): a readable head and two truncated SHA-256. Clients of one kind send the same lists again and again, so the
 * texts of the last few distinct ones are kept, found by hash and full comparison of the bytes they were made from.
 * Before that, hellos that are the same to the byte (no key share, no ticket) are told by their lengths and those bytes.
 */
#include "dissect/tls/fingerprint.h"

#include <stdio.h>
#include <stdlib.h>

#include "dissect/tls/messages.h"
#include "dissect/tls/tls.h"
#include "capture/wire/cursor.h"
#include "capture/wire/hash.h"

enum {
    CACHE_ENTRIES = 128, /* a power of two */
    SAME_ENTRIES = 32, /* a power of two */
    KEY_MAX = 640,
    NUMBERS_MAX = 512, /* of one list; browsers send under 100 */
    DECIMAL_MAX = 6,   /* "65535-" */
    TEXT_MAX = 8 + 4 * NUMBERS_MAX * DECIMAL_MAX
};

struct entry {
    uint64_t hash;
    uint16_t key_len; /* 0: empty */
    uint8_t key[KEY_MAX];
    char ja3[TLS_JA3_TEXT], ja4[TLS_JA4_TEXT];
};

/* The suites and extensions of a hello that were seen as they are, and its texts. */
struct same {
    uint16_t legacy_version, suites_len, extensions_len; /* no extensions: empty */
    uint8_t bytes[KEY_MAX];
    char ja3[TLS_JA3_TEXT], ja4[TLS_JA4_TEXT];
};

/* A list of numbers without the GREASE ones. */
struct numbers {
    uint16_t count;
    uint16_t v[NUMBERS_MAX];
};

struct fingerprints {
    struct same same[SAME_ENTRIES];
    struct entry entries[CACHE_ENTRIES];
    struct entry uncached; /* for a hello too large to keep */
    struct numbers suites, extensions, groups, points, algorithms;
    char text[TEXT_MAX];
};

struct fingerprints *fingerprints_new(void)
{
    return calloc(1, sizeof(struct fingerprints));
}

void fingerprints_free(struct fingerprints *f)
{
    free(f);
}

/* False when there are more than anyone sends. */
static bool numbers_add(struct numbers *n, uint16_t v)
{
    if (is_grease(v))
        return true;
    if (n->count == NUMBERS_MAX)
        return false;
    n->v[n->count++] = v;
    return true;
}

static bool numbers_read(struct numbers *n, struct span list)
{
    struct cursor c = cursor_of(list);
    uint16_t v;
    n->count = 0;
    while (take_be16(&c, &v))
        if (!numbers_add(n, v))
            return false;
    return true;
}

static bool extensions_read(struct numbers *n, struct span list)
{
    struct cursor c = cursor_of(list), body;
    uint16_t type;
    n->count = 0;
    while (take_be16(&c, &type) && take_sub_be16(&c, &body))
        if (!numbers_add(n, type))
            return false;
    return true;
}

static size_t put_text(char *out, size_t at, const char *text)
{
    size_t n = strlen(text);
    memcpy(out + at, text, n);
    return at + n;
}

/* Decimal, separated by dashes; the buffer has room for every list that struct numbers can hold. */
static size_t put_decimals(char *out, size_t at, const struct numbers *n)
{
    for (unsigned i = 0; i < n->count; i++) {
        char digits[DECIMAL_MAX];
        unsigned v = n->v[i], len = 0;
        do
            digits[len++] = (char)('0' + v % 10);
        while ((v /= 10) > 0);
        if (i > 0)
            out[at++] = '-';
        while (len > 0)
            out[at++] = digits[--len];
    }
    return at;
}

static const char hex_digits[] = "0123456789abcdef";

/* Four hexadecimal digits each, separated by commas, without the values that are left out. */
static size_t put_hex(char *out, size_t at, const struct numbers *n, bool names_left_out)
{
    bool separated = false;
    for (unsigned i = 0; i < n->count; i++) {
        uint16_t v = n->v[i];
        if (names_left_out && (v == EXTENSION_SERVER_NAME || v == EXTENSION_ALPN))
            continue;
        if (separated)
            out[at++] = ',';
        separated = true;
        for (int shift = 12; shift >= 0; shift -= 4)
            out[at++] = hex_digits[v >> shift & 15];
    }
    return at;
}

static void hex_text(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digits[bytes[i] >> 4];
        *out++ = hex_digits[bytes[i] & 15];
    }
    *out = '\0';
}

static bool make_ja3(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, char *out)
{
    uint8_t hash[DIGEST_MAX];
    struct numbers *lists[] = {&f->suites, &f->extensions, &f->groups, &f->points};
    struct numbers version = {.count = 1, .v = {in->legacy_version}};
    size_t at = put_decimals(f->text, 0, &version);
    f->points.count = 0;
    for (size_t i = 0; i < in->points.len; i++)
        if (!numbers_add(&f->points, in->points.data[i]))
            return false;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        f->text[at++] = ',';
        at = put_decimals(f->text, at, lists[i]);
    }
    if (!digest_compute(d, DIGEST_MD5, &(struct span){(const uint8_t *)f->text, at}, 1, hash))
        return false;
    hex_text(hash, 16, out);
    return true;
}

static const char *ja4_version(const struct fingerprint_input *in)
{
    uint16_t greatest = 0, v;
    struct cursor c = cursor_of(in->versions);
    while (take_be16(&c, &v))
        if (!is_grease(v) && v > greatest)
            greatest = v;
    switch (greatest != 0 ? greatest : in->legacy_version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal text when one of them is no letter or digit. */
static void ja4_protocol(struct span alpn, char out[2])
{
    out[0] = out[1] = '0';
    if (alpn.len == 0)
        return;
    uint8_t first = alpn.data[0], last = alpn.data[alpn.len - 1];
    bool plain = is_alphanumeric(first) && is_alphanumeric(last);
    out[0] = plain ? (char)first : hex_digits[first >> 4];
    out[1] = plain ? (char)last : hex_digits[last & 15];
}

static int by_value(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The first 12 digits of the text's SHA-256; zeros for an empty list. */
static bool put_truncated(struct digests *d, const char *text, size_t len, bool empty, char *out)
{
    uint8_t hash[DIGEST_MAX] = {0};
    if (!empty && !digest_compute(d, DIGEST_SHA256, &(struct span){(const uint8_t *)text, len}, 1, hash))
        return false;
    hex_text(hash, 6, out);
    return true;
}

/* Sorts the lists: JA3 must have been made before. */
static bool make_ja4(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, char *out)
{
    bool has_name = false;
    for (unsigned i = 0; i < f->extensions.count; i++)
        has_name |= f->extensions.v[i] == EXTENSION_SERVER_NAME;
    unsigned suites = f->suites.count < 99 ? f->suites.count : 99;
    unsigned extensions = f->extensions.count < 99 ? f->extensions.count : 99;
    char protocol[2];
    ja4_protocol(in->alpn, protocol);
    snprintf(out, TLS_JA4_TEXT, "t%s%c%02u%02u%c%c_", ja4_version(in), has_name ? 'd' : 'i', suites, extensions,
             protocol[0], protocol[1]);
    qsort(f->suites.v, f->suites.count, sizeof f->suites.v[0], by_value);
    qsort(f->extensions.v, f->extensions.count, sizeof f->extensions.v[0], by_value);
    size_t at = put_hex(f->text, 0, &f->suites, false);
    if (!put_truncated(d, f->text, at, f->suites.count == 0, out + 11))
        return false;
    out[23] = '_';
    at = put_hex(f->text, 0, &f->extensions, true);
    bool empty = at == 0;
    if (f->algorithms.count > 0) {
        at = put_text(f->text, at, "_");
        at = put_hex(f->text, at, &f->algorithms, false);
    }
    return put_truncated(d, f->text, at, empty, out + 24);
}

static void make(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, struct entry *e)
{
    e->ja3[0] = e->ja4[0] = '\0';
    if (!numbers_read(&f->suites, in->cipher_suites) || !numbers_read(&f->groups, in->groups) ||
        !numbers_read(&f->algorithms, in->signature_algorithms) || !extensions_read(&f->extensions, in->extensions))
        return;
    if (!make_ja3(f, d, in, e->ja3))
        e->ja3[0] = '\0';
    if (!make_ja4(f, d, in, e->ja4))
        e->ja4[0] = '\0';
}

static bool key_add(uint8_t *key, size_t *at, struct span part)
{
    if (part.len + 2 > KEY_MAX - *at)
        return false;
    key[*at] = (uint8_t)(part.len >> 8);
    key[*at + 1] = (uint8_t)part.len;
    if (part.len > 0)
        memcpy(key + *at + 2, part.data, part.len);
    *at += part.len + 2;
    return true;
}

/* Everything that the texts depend on, each part behind its length; 0 when it is too long to be kept. */
static size_t make_key(const struct fingerprint_input *in, uint8_t key[static KEY_MAX])
{
    uint8_t version[2] = {(uint8_t)(in->legacy_version >> 8), (uint8_t)in->legacy_version};
    const struct span parts[] = {span_of(version, 2),      in->cipher_suites, in->groups, in->points,
                                 in->signature_algorithms, in->versions,      in->alpn};
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!key_add(key, &at, parts[i]))
            return 0;
    struct cursor c = cursor_of(in->extensions), body;
    struct span type;
    while (take_span(&c, 2, &type) && take_sub_be16(&c, &body)) {
        if (KEY_MAX - at < 2)
            return 0;
        memcpy(key + at, type.data, 2);
        at += 2;
    }
    return at;
}

static bool is_same(const struct same *e, const struct fingerprint_input *in)
{
    return e->extensions_len > 0 && e->extensions_len == in->extensions.len && e->suites_len == in->cipher_suites.len &&
           e->legacy_version == in->legacy_version &&
           memcmp(e->bytes, in->cipher_suites.data, e->suites_len) == 0 &&
           memcmp(e->bytes + e->suites_len, in->extensions.data, e->extensions_len) == 0;
}

static void same_keep(struct same *e, const struct fingerprint_input *in, const char *ja3, const char *ja4)
{
    size_t suites = in->cipher_suites.len, extensions = in->extensions.len;
    if (suites == 0 || extensions == 0 || suites + extensions > sizeof e->bytes)
        return;
    e->legacy_version = in->legacy_version;
    e->suites_len = (uint16_t)suites;
    e->extensions_len = (uint16_t)extensions;
    memcpy(e->bytes, in->cipher_suites.data, suites);
    memcpy(e->bytes + suites, in->extensions.data, extensions);
    memcpy(e->ja3, ja3, strlen(ja3) + 1);
    memcpy(e->ja4, ja4, strlen(ja4) + 1);
}

static void look_up(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, const char **ja3,
                    const char **ja4)
{
    uint8_t key[KEY_MAX];
    size_t len = make_key(in, key);
    struct entry *e = &f->uncached;
    if (len > 0) {
        uint64_t hash = hash_bytes(key, len, 0);
        e = &f->entries[hash & (CACHE_ENTRIES - 1)];
        if (e->hash != hash || e->key_len != len || memcmp(e->key, key, len) != 0) {
            make(f, d, in, e);
            e->hash = hash;
            e->key_len = (uint16_t)len;
            memcpy(e->key, key, len);
        }
    } else {
        make(f, d, in, e);
    }
    *ja3 = e->ja3;
    *ja4 = e->ja4;
}

void fingerprints_of(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, const char **ja3,
                     const char **ja4)
{
    struct same *same = &f->same[(in->cipher_suites.len * 7 + in->extensions.len) & (SAME_ENTRIES - 1)];
    if (is_same(same, in)) {
        *ja3 = same->ja3;
        *ja4 = same->ja4;
        return;
    }
    look_up(f, d, in, ja3, ja4);
    same_keep(same, in, *ja3, *ja4);
}
