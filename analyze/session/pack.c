#include "analyze/session/pack.h"

#include <assert.h>

#include "capture/wire/cursor.h"

/*
 * An exchange is written in parts: of what any login has, the words that are not the model's, for most say the same in all
 * logins; then, each only when it is not all zero, what some have that lies before and behind that; its inner EAP when there
 * is; of the facts of its own carrier (IKE, SSTP ...) the words that are not zero; the used part of its texts.
 */
enum {
    USUAL = PACK_WORDS * PACK_WORD,
    BEFORE = EXCHANGE_USUAL,
    BEHIND = offsetof(struct exchange, text) - EXCHANGE_USUAL - USUAL,
    INNER = sizeof(struct eap_facts),
    OWN = offsetof(struct exchange, ike),
    STEP = 4, /* words looked at together */
    MAPPED = 64
};
enum { HAS_BEFORE = 1, HAS_BEHIND = 2, HAS_INNER = 4, HAS_OWN = 8 };
static_assert(OWN % PACK_WORD == 0 && sizeof(struct exchange) % PACK_WORD == 0, "the facts of a carrier are whole words");

static const struct pack_model no_model;

void pack_model_of(const struct exchange *x, struct pack_model *model)
{
    memcpy(model->words, (const uint8_t *)x + EXCHANGE_USUAL, USUAL);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[BEFORE > BEHIND ? BEFORE : BEHIND];
    return memcmp(bytes, zeros, len) == 0;
}

static uint8_t *append(uint8_t *to, const void *from, size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

static inline uint64_t word_at(const uint8_t *bytes, size_t i)
{
    uint64_t word;
    memcpy(&word, bytes + i * PACK_WORD, PACK_WORD);
    return word;
}

/*
 * For every 64 words a map of those that are not the model's, then these. Each word is written and stays when it is unlike:
 * which ones are cannot be foreseen, and asking would cost more.
 */
static uint8_t *append_unlike(uint8_t *to, const uint8_t *from, const struct pack_model *model)
{
    for (size_t begin = 0; begin < PACK_WORDS; begin += MAPPED) {
        size_t end = begin + MAPPED < PACK_WORDS ? begin + MAPPED : PACK_WORDS;
        uint8_t *place = to;
        uint64_t map = 0;
        to += PACK_WORD;
        for (size_t i = begin; i < end; i++) {
            uint64_t word = word_at(from, i), unlike = word != model->words[i];
            memcpy(to, &word, PACK_WORD);
            map |= unlike << (i - begin);
            to += unlike * PACK_WORD;
        }
        memcpy(place, &map, PACK_WORD);
    }
    return to;
}

/* `to` has the model's. */
static bool take_unlike(struct cursor *c, uint8_t *to)
{
    for (size_t begin = 0; begin < PACK_WORDS; begin += MAPPED) {
        uint64_t map;
        if (!take_bytes(c, sizeof map, (uint8_t *)&map) || (PACK_WORDS - begin < MAPPED && map >> (PACK_WORDS - begin) != 0))
            return false;
        for (size_t i = begin; map != 0; i++, map >>= 1)
            if ((map & 1) != 0 && !take_bytes(c, PACK_WORD, to + i * PACK_WORD))
                return false;
    }
    return true;
}

/* Of what only tunnels have: runs by turns, how many words are zero, how many are not, and these. A run of zeros may be longer
 * than it has to be told, as most are long. */
static uint8_t *append_nonzero(uint8_t *to, const uint8_t *from)
{
    for (size_t i = 0; i < PACK_OWN_WORDS;) {
        uint8_t *lengths = to;
        size_t begin = i;
        to += 2;
        while (i + STEP <= PACK_OWN_WORDS && i - begin <= UINT8_MAX - STEP &&
               (word_at(from, i) | word_at(from, i + 1) | word_at(from, i + 2) | word_at(from, i + 3)) == 0)
            i += STEP;
        while (i < PACK_OWN_WORDS && i - begin < UINT8_MAX && word_at(from, i) == 0)
            i++;
        lengths[0] = (uint8_t)(i - begin);
        begin = i;
        for (uint64_t word; i < PACK_OWN_WORDS && i - begin < UINT8_MAX && (word = word_at(from, i)) != 0; i++)
            to = append(to, &word, PACK_WORD);
        lengths[1] = (uint8_t)(i - begin);
    }
    return to;
}

/* The first of two lengths is of words that `to` has already. */
static bool take_runs(struct cursor *c, uint8_t *to, size_t words)
{
    for (size_t i = 0; i < words;) {
        uint8_t same, own;
        struct span run;
        if (!take_u8(c, &same) || !take_u8(c, &own) || same + own == 0 || (size_t)same + own > words - i ||
            !take_span(c, (size_t)own * PACK_WORD, &run))
            return false;
        i += same;
        uint8_t *at = to + i * PACK_WORD;
        size_t k = 0;
        for (; k + STEP <= own; k += STEP)
            memcpy(at + k * PACK_WORD, run.data + k * PACK_WORD, (size_t)STEP * PACK_WORD);
        for (; k < own; k++)
            memcpy(at + k * PACK_WORD, run.data + k * PACK_WORD, PACK_WORD);
        i += own;
    }
    return true;
}

uint8_t *exchange_pack(const struct exchange *x, const struct pack_model *model, uint8_t *to, uint16_t *parts)
{
    const uint8_t *from = (const uint8_t *)x;
    unsigned has = (x->has_inner ? HAS_INNER : 0u) | (exchange_has_own(x) ? HAS_OWN : 0u);
    to = append_unlike(to, from + EXCHANGE_USUAL, model != NULL ? model : &no_model);
    if (!all_zero(from, BEFORE)) {
        to = append(to, from, BEFORE);
        has |= HAS_BEFORE;
    }
    if (!all_zero(from + EXCHANGE_USUAL + USUAL, BEHIND)) {
        to = append(to, from + EXCHANGE_USUAL + USUAL, BEHIND);
        has |= HAS_BEHIND;
    }
    if (x->has_inner)
        to = append(to, &x->inner, INNER);
    if (exchange_has_own(x))
        to = append_nonzero(to, from + OWN);
    *parts = (uint16_t)has;
    return append(to, x->text, x->text_used);
}

/* Takes a part when it is there, else it is all zero. */
static bool take_part(struct cursor *c, bool there, void *to, size_t len)
{
    if (there)
        return take_bytes(c, len, to);
    memset(to, 0, len);
    return true;
}

bool exchange_unpack(struct span from, const struct pack_model *model, uint16_t parts, struct exchange *x)
{
    struct cursor c = cursor_of(from);
    uint8_t *to = (uint8_t *)x;
    memcpy(to + EXCHANGE_USUAL, (model != NULL ? model : &no_model)->words, USUAL);
    memset(to + OWN, 0, sizeof *x - OWN);
    if (!take_unlike(&c, to + EXCHANGE_USUAL) || !take_part(&c, (parts & HAS_BEFORE) != 0, to, BEFORE) ||
        !take_part(&c, (parts & HAS_BEHIND) != 0, to + EXCHANGE_USUAL + USUAL, BEHIND) ||
        !take_part(&c, (parts & HAS_INNER) != 0, &x->inner, INNER) ||
        ((parts & HAS_OWN) != 0 && !take_runs(&c, to + OWN, PACK_OWN_WORDS)))
        return false;
    return x->text_used <= EXCHANGE_TEXT_MAX && c.len == x->text_used && take_bytes(&c, c.len, x->text);
}
