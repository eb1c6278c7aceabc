#include "analyze/session/pack.h"

#include <assert.h>

#include "analyze/session/pack_own.h"
#include "capture/wire/cursor.h"

/*
 * An exchange is written in parts. A login: of what any has, the words that are not the model's, for most say the same in all
 * logins; then, each only when it is not all zero, what some have that lies before and behind that. A tunnel: its type, and
 * the sections that sections_of names. Then of both the inner EAP when there is, and the used part of the texts.
 */
enum {
    USUAL = PACK_WORDS * PACK_WORD,
    BEFORE = EXCHANGE_USUAL,
    BEHIND = offsetof(struct exchange, text) - EXCHANGE_USUAL - USUAL,
    INNER = sizeof(struct eap_facts),
    OWN = offsetof(struct exchange, ike),
    MAPPED = 64,
    ZEROS = 1024, /* no part that may be left out is longer */
};
enum { HAS_INNER = 1, HAS_OWN = 2, HAS_BEFORE = 4, HAS_BEHIND = 8, HAS_LOGIN = 4, HAS_SOME = 8 /* the first of them */ };
static_assert(HAS_SOME << SECTION_SOME_MAX <= 1 << 16, "parts have bits enough");
static_assert(BEFORE <= ZEROS && BEHIND <= ZEROS, "room of all_zero");

static const struct pack_model no_model;

void pack_model_of(const struct exchange *x, struct pack_model *model)
{
    memcpy(model->words, (const uint8_t *)x + EXCHANGE_USUAL, USUAL);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[ZEROS];
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

/* Takes a part when it is there, else it is all zero. */
static bool take_part(struct cursor *c, bool there, void *to, size_t len)
{
    if (there)
        return take_bytes(c, len, to);
    memset(to, 0, len);
    return true;
}

/* Who is no login mostly has what was there when it was opened. */
static const struct radius_facts no_login = EXCHANGE_NO_LOGIN;

static uint8_t *append_tunnel(uint8_t *to, const struct exchange *x, unsigned *has)
{
    const uint8_t *from = (const uint8_t *)x;
    struct sections all = sections_of(x);
    unsigned some = HAS_SOME;
    for (size_t i = 0; i < all.count; i++) {
        const struct section *s = &all.list[i];
        size_t len = s->kind != SECTION_LIST ? s->len : s->len * section_count(s, x);
        bool there = s->kind != SECTION_SOME || !all_zero(from + s->at, len);
        if (there)
            to = append(to, from + s->at, len);
        if (s->kind == SECTION_SOME) {
            *has |= there ? some : 0;
            some <<= 1;
        }
    }
    if (memcmp(&x->radius, &no_login, sizeof no_login) == 0)
        return to;
    *has |= HAS_LOGIN;
    return append(to, &x->radius, sizeof x->radius);
}

static bool take_tunnel(struct cursor *c, unsigned parts, struct exchange *x)
{
    uint8_t *to = (uint8_t *)x;
    struct sections all = sections_of(x);
    unsigned some = HAS_SOME;
    for (size_t i = 0; i < all.count; i++) {
        const struct section *s = &all.list[i];
        size_t count = s->kind == SECTION_LIST ? section_count(s, x) : 1;
        if (!take_part(c, s->kind != SECTION_SOME || (parts & some) != 0, to + s->at, count * s->len))
            return false;
        if (s->kind == SECTION_LIST)
            memset(to + s->at + count * s->len, 0, (s->count_max - count) * s->len);
        some <<= s->kind == SECTION_SOME;
    }
    x->radius = no_login;
    return (parts & HAS_LOGIN) == 0 || take_bytes(c, sizeof x->radius, (uint8_t *)&x->radius);
}

static uint8_t *append_login(uint8_t *to, const struct exchange *x, const struct pack_model *model, unsigned *has)
{
    const uint8_t *from = (const uint8_t *)x;
    to = append_unlike(to, from + EXCHANGE_USUAL, model != NULL ? model : &no_model);
    if (!all_zero(from, BEFORE)) {
        to = append(to, from, BEFORE);
        *has |= HAS_BEFORE;
    }
    if (!all_zero(from + EXCHANGE_USUAL + USUAL, BEHIND)) {
        to = append(to, from + EXCHANGE_USUAL + USUAL, BEHIND);
        *has |= HAS_BEHIND;
    }
    return to;
}

static bool take_login(struct cursor *c, const struct pack_model *model, unsigned parts, struct exchange *x)
{
    uint8_t *to = (uint8_t *)x;
    memcpy(to + EXCHANGE_USUAL, (model != NULL ? model : &no_model)->words, USUAL);
    return take_unlike(c, to + EXCHANGE_USUAL) && take_part(c, (parts & HAS_BEFORE) != 0, to, BEFORE) &&
           take_part(c, (parts & HAS_BEHIND) != 0, to + EXCHANGE_USUAL + USUAL, BEHIND);
}

uint8_t *exchange_pack(const struct exchange *x, const struct pack_model *model, uint8_t *to, uint16_t *parts)
{
    unsigned has = (x->has_inner ? HAS_INNER : 0u) | (exchange_has_own(x) ? HAS_OWN : 0u);
    if (exchange_has_own(x)) {
        *to++ = x->type;
        to = append_tunnel(to, x, &has);
    } else {
        to = append_login(to, x, model, &has);
    }
    if (x->has_inner)
        to = append(to, &x->inner, INNER);
    *parts = (uint16_t)has;
    return append(to, x->text, x->text_used);
}

bool exchange_unpack(struct span from, const struct pack_model *model, uint16_t parts, struct exchange *x)
{
    struct cursor c = cursor_of(from);
    bool own = (parts & HAS_OWN) != 0;
    if (own ? !take_u8(&c, &x->type) || !take_tunnel(&c, parts, x) : !take_login(&c, model, parts, x))
        return false;
    if (!own)
        memset((uint8_t *)x + OWN, 0, sizeof *x - OWN);
    return exchange_has_own(x) == own && take_part(&c, (parts & HAS_INNER) != 0, &x->inner, INNER) &&
           x->text_used <= EXCHANGE_TEXT_MAX && c.len == x->text_used && take_bytes(&c, c.len, x->text);
}
