/* Entries of one size, found by the bytes that they begin with. They never move, and none is taken away. */
#ifndef VS_CRYPTO_KEYED_TABLE_H
#define VS_CRYPTO_KEYED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Made by {.entry_size = ..., .key_size = ...}, the rest zero. */
struct keyed_table {
    size_t entry_size, key_size; /* bytes; the key is the first of the entry's */
    size_t count;
    uint8_t **chunks;
    size_t chunk_count;
    uint32_t *slots;   /* number of the entry + 1, 0 is empty */
    size_t slot_count; /* a power of two, at most half full; 0 before the first entry */
};

/* The entry with this key; NULL. Lives as long as the table. */
const void *keyed_table_find(const struct keyed_table *t, const void *key);
/* The entry with this key, made when there is none (*fresh; then its key is set and the rest is not). NULL: memory is short. */
void *keyed_table_put(struct keyed_table *t, const void *key, bool *fresh);
void keyed_table_free(struct keyed_table *t);

#endif
