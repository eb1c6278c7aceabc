#include "dissect/crypto/secrets.h"

#include <stdio.h>
#include <stdlib.h>

#include "dissect/crypto/keyed_table.h"
#include "dissect/crypto/secret_lines.h"

enum { SECRET_MAX = 64, RADIUS_SECRETS_MAX = 65536, RANDOM_SIZE = 32 };

/* What a secret is found by; only bytes, so that it is compared and hashed as it is. */
struct key {
    uint8_t random[RANDOM_SIZE];
    uint8_t label;
};

/* Lent by secrets_tls, so it must stay where it is while more is added. */
struct entry {
    struct key key;
    uint8_t len;
    uint8_t secret[SECRET_MAX];
};

struct radius_secret {
    struct address net;
    unsigned bits;
    uint8_t len;
    uint8_t secret[RADIUS_SECRET_MAX];
};

struct secrets {
    struct keyed_table tls;
    struct radius_secret *radius;
    size_t radius_count;
    struct secrets_part *part;
};

struct secrets *secrets_new(void)
{
    struct secrets *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->tls = (struct keyed_table){.entry_size = sizeof(struct entry), .key_size = sizeof(struct key)};
    return s;
}

void secrets_free(struct secrets *s)
{
    if (s == NULL)
        return;
    keyed_table_free(&s->tls);
    free(s->radius);
    secrets_set_part(s, NULL);
    free(s);
}

void secrets_set_part(struct secrets *s, struct secrets_part *part)
{
    if (s->part != NULL)
        s->part->free(s->part);
    s->part = part;
}

struct secrets_part *secrets_get_part(const struct secrets *s)
{
    return s != NULL ? s->part : NULL;
}

static const struct {
    const char *name;
    uint8_t secret_min, secret_max; /* bytes */
} labels[TLS_SECRET_LABELS] = {
    [TLS_SECRET_CLIENT_RANDOM] = {"CLIENT_RANDOM", 48, 48},
    [TLS_SECRET_CLIENT_HANDSHAKE_TRAFFIC] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32, SECRET_MAX},
    [TLS_SECRET_SERVER_HANDSHAKE_TRAFFIC] = {"SERVER_HANDSHAKE_TRAFFIC_SECRET", 32, SECRET_MAX},
    [TLS_SECRET_CLIENT_TRAFFIC_0] = {"CLIENT_TRAFFIC_SECRET_0", 32, SECRET_MAX},
    [TLS_SECRET_SERVER_TRAFFIC_0] = {"SERVER_TRAFFIC_SECRET_0", 32, SECRET_MAX},
    [TLS_SECRET_CLIENT_EARLY_TRAFFIC] = {"CLIENT_EARLY_TRAFFIC_SECRET", 32, SECRET_MAX},
    [TLS_SECRET_EXPORTER] = {"EXPORTER_SECRET", 32, SECRET_MAX},
};

/* Takes the next word from the line; blanks around it go too. */
static struct span take_word(struct span *line)
{
    size_t start = 0;
    while (start < line->len && (line->data[start] == ' ' || line->data[start] == '\t'))
        start++;
    size_t end = start;
    while (end < line->len && line->data[end] != ' ' && line->data[end] != '\t')
        end++;
    struct span word = {line->len > 0 ? line->data + start : NULL, end - start};
    if (end > 0)
        *line = (struct span){line->data + end, line->len - end};
    return word;
}

static bool is_label(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return word.len > 0;
}

/* Adds or replaces: of two secrets for the same key the later is taken. NULL or what is wrong. */
static const char *store(struct secrets *s, const struct entry *e)
{
    bool fresh;
    if (s->tls.count >= SECRETS_KEYLOG_MAX && keyed_table_find(&s->tls, &e->key) == NULL)
        return "more secrets than can be held";
    struct entry *to = keyed_table_put(&s->tls, &e->key, &fresh);
    if (to == NULL)
        return "memory is short";
    *to = *e;
    return NULL;
}

/* NULL or what is wrong with the line. */
static const char *add_line(void *ctx, struct span line)
{
    struct secrets *s = ctx;
    while (line.len > 0 &&
           (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t'))
        line.len--;
    struct span label = take_word(&line);
    if (label.len == 0 || label.data[0] == '#')
        return NULL;
    struct span random = take_word(&line), secret = take_word(&line), rest = take_word(&line);
    if (!is_label(label))
        return "does not begin with a key log label";
    if (random.len == 0)
        return "nothing stands behind the label";
    for (unsigned i = 0; i < TLS_SECRET_LABELS; i++) {
        if (!span_equal(label, span_of(labels[i].name, strlen(labels[i].name))))
            continue;
        struct entry e = {.key.label = (uint8_t)i};
        if (secret_hex(random, e.key.random, RANDOM_SIZE) != RANDOM_SIZE)
            return "the client random is not 64 hexadecimal digits";
        size_t n = secret_hex(secret, e.secret, SECRET_MAX);
        if (n < labels[i].secret_min || n > labels[i].secret_max)
            return "the secret is not hexadecimal of the label's length";
        if (rest.len > 0)
            return "more than three fields";
        e.len = (uint8_t)n;
        return store(s, &e);
    }
    return NULL;
}

bool secrets_add_key_log(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE])
{
    return secret_lines_each(text, add_line, s, message);
}

struct span secrets_tls(const struct secrets *s, const uint8_t client_random[static 32], enum tls_secret_label label)
{
    if (s == NULL || s->tls.count == 0)
        return (struct span){0};
    struct key key = {.label = (uint8_t)label};
    memcpy(key.random, client_random, sizeof key.random);
    const struct entry *e = keyed_table_find(&s->tls, &key);
    return e != NULL ? span_of(e->secret, e->len) : (struct span){0};
}

size_t secrets_tls_count(const struct secrets *s)
{
    return s != NULL ? s->tls.count : 0;
}

const size_t *secrets_tls_counter(const struct secrets *s)
{
    static const size_t none;
    return s != NULL ? &s->tls.count : &none;
}

const size_t *secrets_radius_counter(const struct secrets *s)
{
    static const size_t none;
    return s != NULL ? &s->radius_count : &none;
}

bool secrets_add_radius(struct secrets *s, const struct address *net, unsigned bits, struct span secret)
{
    while (secret.len > 0 && (secret.data[secret.len - 1] == '\n' || secret.data[secret.len - 1] == '\r'))
        secret.len--;
    if (secret.len == 0 || secret.len > RADIUS_SECRET_MAX || s->radius_count >= RADIUS_SECRETS_MAX)
        return false;
    struct radius_secret *all = realloc(s->radius, (s->radius_count + 1) * sizeof *all);
    if (all == NULL)
        return false;
    s->radius = all;
    struct radius_secret *r = &all[s->radius_count++];
    *r = (struct radius_secret){.net = *net, .bits = net->family != FAMILY_NONE ? bits : 0, .len = (uint8_t)secret.len};
    memcpy(r->secret, secret.data, secret.len);
    return true;
}

/* How narrow the net is; one of zero bits is still more than "for all". */
static unsigned narrowness(const struct radius_secret *r)
{
    return r->net.family != FAMILY_NONE ? r->bits + 1 : 0;
}

struct span secrets_radius(const struct secrets *s, const struct address *nas)
{
    const struct radius_secret *best = NULL;
    for (size_t i = 0; s != NULL && i < s->radius_count; i++) {
        const struct radius_secret *r = &s->radius[i];
        if (r->net.family != FAMILY_NONE && !address_in(nas, &r->net, r->bits))
            continue;
        if (best == NULL || narrowness(r) >= narrowness(best))
            best = r;
    }
    return best != NULL ? span_of(best->secret, best->len) : (struct span){0};
}
