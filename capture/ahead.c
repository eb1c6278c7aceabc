#include "capture/ahead.h"

#include "capture/source.h"
#include "capture/wire/near.h"

/* ROWS: as many as the processor can wait for at a time. A row shorter than ROW_LEAST is not worth the search for its begin. */
enum { ROWS = AHEAD_ROWS, ROW_LEAST = 1 << 14, SEARCH_MOST = 1 << 13, SEARCH_MOSTLY = 1 << 9,
       PCAP_HEADER = 16, PCAPNG_LEAST = 12, ENHANCED_PACKET = 6,
       NEAR_SECONDS = 1 << 16 /* between two records, most often */, PACKET_NEAR = 96 };

struct rows {
    const uint8_t *at[ROWS], *stop[ROWS]; /* of the last one the end, at which a header can be read no more */
    size_t count;
};

/* From one record to the next, as the one there says; PCAP_HEADER bytes of it can be read. */
static inline uint32_t step_of(const uint8_t *p, enum record_form form)
{
    return form == RECORDS_PCAP ? load_le32(p + 8) + PCAP_HEADER : load_le32(p + 4);
}

/* Whether a record of pcap may begin there: its time near that of another one, its lengths in order. */
static bool may_be_pcap(const uint8_t *p, uint32_t seconds)
{
    uint32_t captured = load_le32(p + 8), wire = load_le32(p + 12);
    return load_le32(p) - seconds + NEAR_SECONDS < 2u * NEAR_SECONDS && load_le32(p + 4) < 1000000000 && captured > 0 &&
           captured <= wire && wire <= SOURCE_MAX_SNAPLEN;
}

/* Twice in a row is no chance. */
static const uint8_t *find_pcap(const uint8_t *p, const uint8_t *stop, const uint8_t *end, uint32_t seconds)
{
    enum { TOP_OF_SECONDS = 3 };
    while (p < stop && (p = memchr(p, (int)(seconds >> 24), (size_t)(stop - p))) != NULL) {
        const uint8_t *record = p++ - TOP_OF_SECONDS;
        if (!may_be_pcap(record, seconds))
            continue;
        size_t step = step_of(record, RECORDS_PCAP);
        if ((size_t)(end - record) >= step + PCAP_HEADER && may_be_pcap(record + step, seconds))
            return record;
    }
    return NULL;
}

/* A block says its length at both ends. */
static const uint8_t *find_pcapng(const uint8_t *p, const uint8_t *stop, const uint8_t *end)
{
    for (; p < stop && (p = memchr(p, ENHANCED_PACKET, (size_t)(stop - p))) != NULL; p++) {
        size_t len = step_of(p, RECORDS_PCAPNG);
        if (load_le32(p) == ENHANCED_PACKET && len >= PCAPNG_LEAST && len % 4 == 0 && (size_t)(end - p) >= len &&
            load_le32(p + len - 4) == len)
            return p;
    }
    return NULL;
}

static struct rows find_rows(struct span window, enum record_form form)
{
    const uint8_t *begin = window.data, *end = begin + window.len;
    struct rows r = {.at = {begin}, .count = 1};
    size_t row = window.len / ROWS, search = row < SEARCH_MOST ? row : SEARCH_MOST;
    for (size_t i = 1; i < ROWS && row >= ROW_LEAST; i++) /* of all at the same time, what most searches need */
        for (size_t at = 0; at < SEARCH_MOSTLY; at += NEAR_LINE)
            near_to_read(begin + i * row + at);
    for (size_t i = 1; i < ROWS && row >= ROW_LEAST; i++) {
        const uint8_t *from = begin + i * row, *stop = from + search - PCAP_HEADER;
        const uint8_t *found = form == RECORDS_PCAP ? find_pcap(from, stop, end, load_le32(begin)) : find_pcapng(from, stop, end);
        if (found == NULL)
            continue;
        r.stop[r.count - 1] = found;
        r.at[r.count++] = found;
    }
    r.stop[r.count - 1] = end - PCAP_HEADER;
    return r;
}

/* Without a branch that hangs on what was not there yet: one that is foreseen wrongly makes all rows wait. */
static inline size_t follow(struct rows *r, enum record_form form, struct ahead_places *places)
{
    size_t round = 0;
    for (bool more = true; more; round++) {
        more = false;
        for (size_t i = 0; i < r->count; i++) {
            const uint8_t *p = r->at[i];
            size_t left = (size_t)(r->stop[i] - p), step = step_of(p, form);
            const uint8_t *next = p + (step - 1 < left ? step : left); /* a step of 0 is none */
            near_to_read(next);
            near_to_read(next + NEAR_LINE);
            near_to_read(next + PACKET_NEAR);
            r->at[i] = next;
            places->found[round % AHEAD_ROUNDS][i] = (uint32_t)(next - places->begin);
            more |= next != r->stop[i];
        }
    }
    return round;
}

/* Row after row. When there were more rounds than are kept, nothing is known. */
static void put_in_order(struct ahead_places *p, const struct rows *r, size_t rounds)
{
    uint32_t count = 0;
    for (size_t i = 0; i < r->count && rounds <= AHEAD_ROUNDS; i++) {
        uint32_t stop = (uint32_t)(r->stop[i] - p->begin), at;
        for (size_t round = 0; round < rounds && count < AHEAD_PLACES && (at = p->found[round][i]) != stop; round++)
            p->at[count++] = at;
        if (count < AHEAD_PLACES)
            p->at[count++] = stop;
    }
    p->count = count;
    p->next = AHEAD_RECORDS;
}

void ahead_records(struct span window, enum record_form form, struct ahead_places *places)
{
    places->begin = window.data;
    places->count = 0;
    if (window.len <= ROWS * PCAP_HEADER)
        return;
    struct rows r = find_rows(window, form);
    if (form == RECORDS_PCAP)
        put_in_order(places, &r, follow(&r, RECORDS_PCAP, places));
    else
        put_in_order(places, &r, follow(&r, RECORDS_PCAPNG, places));
}
