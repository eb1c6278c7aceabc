/*
 * Finished exchanges, out of memory's way: one temporary file of records, one of their places by id. The report reads them
 * back in order of id. Memory is a fixed window, whatever their number.
 */
#ifndef VS_ANALYZE_SPOOL_H
#define VS_ANALYZE_SPOOL_H

#include "analyze/session/exchange.h"

struct spool;

struct spool *spool_new(void); /* NULL when temporary files cannot be made or memory is short */
void spool_free(struct spool *s);

/*
 * Writes a finished exchange (x->id is its key, from 1); the tag is the caller's, read back without the exchange. False when
 * the disk, or the ceiling, is reached; that stays so, and what was written before is kept.
 */
bool spool_put(struct spool *s, const struct exchange *x, uint16_t tag);

/* Adds exchange `id`, and those linked to it, to the session of exchange `head`, both put before or later. */
bool spool_link(struct spool *s, uint32_t head, uint32_t id);

/* Greatest id put. */
uint32_t spool_last(const struct spool *s);

/* True when id is the first of a session. False for ids never put or linked to another. */
bool spool_is_head(struct spool *s, uint32_t id);
/* The same; *tag is the one it was put with, 0 when it is not alone in its session. */
bool spool_is_head_tagged(struct spool *s, uint32_t id, uint16_t *tag);
/* The next exchange of the session, 0 at its end. */
uint32_t spool_next(struct spool *s, uint32_t id);

/*
 * Reads one back; give it back with spool_release, before spool_free. NULL when absent or unreadable. After the first
 * nothing can be put any more.
 */
struct exchange *spool_get(struct spool *s, uint32_t id);
void spool_release(struct spool *s, struct exchange *x);

/* It could not be read back. */
bool spool_failed(const struct spool *s);

/* Ceiling for the records' bytes; 0, as at first: none but the disk's. */
void spool_limit(struct spool *s, uint64_t bytes);
/* Exchanges that were not kept, as the disk or the ceiling was reached. */
uint64_t spool_dropped(const struct spool *s);

#endif
