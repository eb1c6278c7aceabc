/*
 * An exchange without the room that it does not use: most of its facts are the same in all, or zero. For the spool, and for
 * exchanges that wait.
 */
#ifndef VS_ANALYZE_PACK_H
#define VS_ANALYZE_PACK_H

#include "analyze/session/exchange.h"

enum {
    PACK_WORD = sizeof(uint64_t),
    PACK_WORDS = (EXCHANGE_USUAL_END - EXCHANGE_USUAL + PACK_WORD - 1) / PACK_WORD,
    /* All its bytes, and the maps of words. */
    PACK_MAX = sizeof(struct exchange) + (PACK_WORDS / 64 + 2) * PACK_WORD,
};

/* What any login has, of one that others are like. */
struct pack_model { uint64_t words[PACK_WORDS]; };
void pack_model_of(const struct exchange *x, struct pack_model *model);

/* Packs all but the ladder. model: NULL for none. *parts has to be given to exchange_unpack. Returns the end of what it wrote, at
 * most PACK_MAX bytes. */
uint8_t *exchange_pack(const struct exchange *x, const struct pack_model *model, uint8_t *to, uint16_t *parts);

/* False when the bytes cannot have come from exchange_pack with this model. Texts behind those that are used stay as they were in
 * *x, and so does its ladder. */
bool exchange_unpack(struct span from, const struct pack_model *model, uint16_t parts, struct exchange *x);

#endif
