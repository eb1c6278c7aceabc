/* The table of IKEv2 keys: lines as Wireshark's ikev2_decryption_table has them. */
#include "dissect/ike/ike_keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "dissect/crypto/keyed_table.h"
#include "dissect/crypto/secret_lines.h"
#include "dissect/ike/ike_algorithms.h"

enum { FIELDS = 8, ALGORITHM_TEXT = 48 };

/* The two SPIs, with which struct ike_keys begins. */
enum { KEY_SIZE = 2 * IKE_SPI };

struct ike_key_table {
    struct secrets_part part; /* first: the secrets free the table by it */
    struct keyed_table keys;
};

static void free_table(struct secrets_part *part)
{
    struct ike_key_table *t = (struct ike_key_table *)part;
    keyed_table_free(&t->keys);
    free(t);
}

/* Of two for the same association the first counts. NULL or what is wrong. */
static const char *store(struct ike_key_table *t, const struct ike_keys *k)
{
    static_assert(offsetof(struct ike_keys, initiator_spi) == 0 && offsetof(struct ike_keys, responder_spi) == IKE_SPI,
                  "the keys begin with what they are found by");
    bool fresh;
    if (t->keys.count >= IKE_KEYS_MAX && keyed_table_find(&t->keys, k) == NULL)
        return "more keys than can be held";
    struct ike_keys *to = keyed_table_put(&t->keys, k, &fresh);
    if (to == NULL)
        return "memory is short";
    if (fresh)
        *to = *k;
    return NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trimmed(struct span s)
{
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_blank(s.data[0]))
        s = (struct span){s.data + 1, s.len - 1};
    return s;
}

/* Splits at commas outside quotes; the quotes go. The number of fields, at most FIELDS + 1; 0 for an open quote. */
static size_t split(struct span line, struct span fields[static FIELDS])
{
    size_t count = 0, start = 0;
    bool quoted = false;
    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && line.data[i] == '"')
            quoted = !quoted;
        if (i < line.len && (quoted || line.data[i] != ','))
            continue;
        if (quoted || count == FIELDS)
            return quoted ? 0 : FIELDS + 1;
        struct span f = trimmed((struct span){line.data + start, i - start});
        if (f.len >= 2 && f.data[0] == '"' && f.data[f.len - 1] == '"')
            f = trimmed((struct span){f.data + 1, f.len - 2});
        fields[count++] = f;
        start = i + 1;
    }
    return count;
}

/* True when text is exactly size bytes in hexadecimal. */
static bool read_hex(struct span text, uint8_t *out, size_t size)
{
    return text.len == size * 2 && secret_hex(text, out, size) == size;
}

/* Letters and digits of a name in lower case, up to the RFC in brackets: programs differ in the rest. */
static void plain_name(struct span name, char out[static ALGORITHM_TEXT])
{
    size_t n = 0;
    for (size_t i = 0; i < name.len && name.data[i] != '[' && n + 1 < ALGORITHM_TEXT; i++) {
        uint8_t c = name.data[i];
        if (c >= 'A' && c <= 'Z')
            out[n++] = (char)(c - 'A' + 'a');
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[n++] = (char)c;
    }
    out[n] = '\0';
}

static bool same_name(struct span given, const char *known)
{
    char a[ALGORITHM_TEXT], b[ALGORITHM_TEXT];
    plain_name(given, a);
    plain_name(span_of(known, strlen(known)), b);
    return strcmp(a, b) == 0;
}

static const struct ike_encr_algorithm *encr_named(struct span name)
{
    for (size_t i = 0; i < ike_encr_algorithm_count; i++)
        if (same_name(name, ike_encr_algorithms[i].name))
            return &ike_encr_algorithms[i];
    return NULL;
}

static const struct ike_integ_algorithm *integ_named(struct span name)
{
    for (size_t i = 0; i < ike_integ_algorithm_count; i++)
        if (same_name(name, ike_integ_algorithms[i].name))
            return &ike_integ_algorithms[i];
    return NULL;
}

/* NULL or what is wrong with the algorithms or the keys for them. */
static const char *read_keys(const struct span fields[static FIELDS], struct ike_keys *k)
{
    enum { EI = 2, ER, ENCR, AI, AR, INTEG };
    const struct ike_encr_algorithm *encr = encr_named(fields[ENCR]);
    const struct ike_integ_algorithm *integ = integ_named(fields[INTEG]);
    if (encr == NULL)
        return "the name of the encryption algorithm is unknown";
    if (integ == NULL)
        return "the name of the integrity algorithm is unknown";
    if (encr->tag > 0 && integ->id != 0)
        return "an integrity algorithm beside an encryption that brings its own";
    if (encr->tag == 0 && integ->id == 0)
        return "without an integrity algorithm nothing tells right keys from wrong ones";
    size_t e = (size_t)encr->key + encr->salt, a = integ->key;
    if (!read_hex(fields[EI], k->ei, e) || !read_hex(fields[ER], k->er, e))
        return "SK_ei or SK_er is not hexadecimal of the length that the encryption algorithm wants";
    if (!read_hex(fields[AI], k->ai, a) || !read_hex(fields[AR], k->ar, a))
        return "SK_ai or SK_ar is not hexadecimal of the length that the integrity algorithm wants";
    k->encr_id = encr->id;
    k->encr_bits = (uint16_t)(encr->key * 8);
    k->integ_id = integ->id;
    k->icv = encr->tag > 0 ? encr->tag : integ->icv;
    k->ei_len = k->er_len = (uint8_t)e;
    k->ai_len = k->ar_len = (uint8_t)a;
    return NULL;
}

/* NULL or what is wrong with the line. */
static const char *add_line(void *ctx, struct span line)
{
    struct span fields[FIELDS];
    struct ike_keys k = {0};
    line = trimmed(line);
    if (line.len == 0 || line.data[0] == '#')
        return NULL;
    if (split(line, fields) != FIELDS)
        return "not eight fields with commas between them";
    if (!read_hex(fields[0], k.initiator_spi, IKE_SPI) || !read_hex(fields[1], k.responder_spi, IKE_SPI))
        return "an SPI is not 16 hexadecimal digits";
    const char *wrong = read_keys(fields, &k);
    return wrong != NULL ? wrong : store(ctx, &k);
}

static struct ike_key_table *table_of(struct secrets *s)
{
    struct ike_key_table *t = (struct ike_key_table *)secrets_get_part(s);
    if (t == NULL && (t = calloc(1, sizeof *t)) != NULL) {
        t->part.free = free_table;
        t->keys = (struct keyed_table){.entry_size = sizeof(struct ike_keys), .key_size = KEY_SIZE};
        secrets_set_part(s, &t->part);
    }
    return t;
}

bool secrets_add_ike_keys(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE])
{
    struct ike_key_table *t = table_of(s);
    if (t == NULL) {
        snprintf(message, SECRETS_MESSAGE, "memory is short");
        return false;
    }
    return secret_lines_each(text, add_line, t, message);
}

const struct ike_keys *secrets_ike(const struct secrets *s, const uint8_t initiator_spi[static IKE_SPI],
                                   const uint8_t responder_spi[static IKE_SPI])
{
    const struct ike_key_table *t = (const struct ike_key_table *)secrets_get_part(s);
    if (t == NULL || t->keys.count == 0)
        return NULL;
    uint8_t key[KEY_SIZE];
    memcpy(key, initiator_spi, IKE_SPI);
    memcpy(key + IKE_SPI, responder_spi, IKE_SPI);
    return keyed_table_find(&t->keys, key);
}

size_t secrets_ike_count(const struct secrets *s)
{
    const struct ike_key_table *t = (const struct ike_key_table *)secrets_get_part(s);
    return t != NULL ? t->keys.count : 0;
}
