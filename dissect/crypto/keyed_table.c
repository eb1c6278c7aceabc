#include "dissect/crypto/keyed_table.h"

#include <stdlib.h>
#include <string.h>

#include "capture/wire/hash.h"

enum { CHUNK = 256, FIRST_SLOTS = 512 };

static uint8_t *entry_at(const struct keyed_table *t, size_t i)
{
    return t->chunks[i / CHUNK] + i % CHUNK * t->entry_size;
}

/* The slot that holds the key's entry, or the empty one where it would go. There is always an empty one. */
static size_t slot_of(const struct keyed_table *t, const void *key)
{
    size_t i = (size_t)hash_bytes(key, t->key_size, 0) & (t->slot_count - 1);
    while (t->slots[i] != 0 && memcmp(entry_at(t, t->slots[i] - 1), key, t->key_size) != 0)
        i = (i + 1) & (t->slot_count - 1);
    return i;
}

static bool grow_slots(struct keyed_table *t)
{
    if (t->count * 2 < t->slot_count)
        return true;
    size_t wanted = t->slot_count == 0 ? FIRST_SLOTS : t->slot_count * 2;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (slots == NULL)
        return false;
    free(t->slots);
    t->slots = slots;
    t->slot_count = wanted;
    for (size_t i = 0; i < t->count; i++)
        t->slots[slot_of(t, entry_at(t, i))] = (uint32_t)(i + 1);
    return true;
}

static bool grow_entries(struct keyed_table *t)
{
    if (t->count < t->chunk_count * CHUNK)
        return true;
    uint8_t **chunks = realloc(t->chunks, (t->chunk_count + 1) * sizeof *chunks);
    if (chunks == NULL)
        return false;
    t->chunks = chunks;
    t->chunks[t->chunk_count] = malloc(CHUNK * t->entry_size);
    if (t->chunks[t->chunk_count] == NULL)
        return false;
    t->chunk_count++;
    return true;
}

const void *keyed_table_find(const struct keyed_table *t, const void *key)
{
    if (t->count == 0)
        return NULL;
    uint32_t found = t->slots[slot_of(t, key)];
    return found != 0 ? entry_at(t, found - 1) : NULL;
}

void *keyed_table_put(struct keyed_table *t, const void *key, bool *fresh)
{
    if (!grow_slots(t) || !grow_entries(t))
        return NULL;
    size_t slot = slot_of(t, key);
    *fresh = t->slots[slot] == 0;
    if (!*fresh)
        return entry_at(t, t->slots[slot] - 1);
    uint8_t *entry = entry_at(t, t->count++);
    memcpy(entry, key, t->key_size);
    t->slots[slot] = (uint32_t)t->count;
    return entry;
}

void keyed_table_free(struct keyed_table *t)
{
    for (size_t i = 0; i < t->chunk_count; i++)
        free(t->chunks[i]);
    free(t->chunks);
    free(t->slots);
}
