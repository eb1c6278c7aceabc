/*
 * A file that is looked at where it lies in memory (platform_view) is far away, and each record tells where the next one begins:
 * followed one after the other, every record costs a wait. So some rows of records are followed at the same time, each from a
 * place where a record seems to begin, before the reader comes there. Nothing but nearness comes of it: a wrong guess costs time only.
 */
#ifndef VS_CAPTURE_AHEAD_H
#define VS_CAPTURE_AHEAD_H

#include "capture/wire/near.h"
#include "capture/wire/span.h"

/* Of little-endian files. */
enum record_form { RECORDS_PCAP, RECORDS_PCAPNG };

/* Rows are followed AHEAD_ROUNDS times at most for which places are kept; headers are asked for AHEAD_RECORDS before their turn. */
enum { AHEAD_ROWS = 16, AHEAD_ROUNDS = 1 << 10, AHEAD_PLACES = 1 << 13, AHEAD_RECORDS = 4 };

/* Where the first records of a window begin, as it seems: who follows them need not wait for each to know the next. */
struct ahead_places {
    const uint8_t *begin;  /* the window's */
    uint32_t count, next;  /* next: who follows them has asked for those before it */
    uint32_t at[AHEAD_PLACES];
    uint32_t found[AHEAD_ROUNDS][AHEAD_ROWS]; /* ahead.c's own */
};

/* Brings near the headers of the records in the window, which begins with one, and the beginnings of their packets; *places is
 * filled in, with all of them but the first, and, where there are more than it has room for, with none or the first. */
void ahead_records(struct span window, enum record_form form, struct ahead_places *places);

/* Four bytes that are there, of a little-endian file. */
static inline uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Has the header of the record after the next few brought as near as can be; p may be NULL. */
static inline void ahead_next(struct ahead_places *p)
{
    if (p != NULL && p->next < p->count)
        near_line(p->begin + p->at[p->next++]);
}

#endif
