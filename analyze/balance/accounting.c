#include "analyze/balance/accounting.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { SLOTS = 2 * ACCOUNTING_OPEN_MAX };

struct accounting {
    struct nas { struct address address; uint64_t open, peak; } all[ACCOUNTING_NAS_MAX];
    size_t count;
    uint64_t *open; /* hashes of NAS and session, in SLOTS places; 0: free; made with the first */
    size_t open_count;
};

struct accounting *accounting_new(void)
{
    return calloc(1, sizeof(struct accounting));
}

void accounting_free(struct accounting *a)
{
    if (a != NULL)
        free(a->open);
    free(a);
}

static struct nas *find(const struct accounting *a, const struct address *address)
{
    for (size_t i = 0; i < a->count; i++)
        if (address_equal(&a->all[i].address, address))
            return (struct nas *)(uintptr_t)&a->all[i];
    return NULL;
}

static struct nas *make(struct accounting *a, const struct address *address)
{
    struct nas *n = find(a, address);
    if (n == NULL && a->count < ACCOUNTING_NAS_MAX) {
        n = &a->all[a->count++];
        n->address = *address;
    }
    return n;
}

/* Where the key is, or may be put: the table is never more than half full. */
static size_t slot_of(const struct accounting *a, uint64_t key)
{
    size_t i = (size_t)(key % SLOTS);
    while (a->open[i] != 0 && a->open[i] != key)
        i = (i + 1) % SLOTS;
    return i;
}

/* Closes the gap, so that those behind it are found. */
static void take_out(struct accounting *a, size_t hole)
{
    a->open[hole] = 0;
    a->open_count--;
    for (size_t i = (hole + 1) % SLOTS; a->open[i] != 0; i = (i + 1) % SLOTS) {
        uint64_t key = a->open[i];
        a->open[i] = 0;
        a->open[slot_of(a, key)] = key;
    }
}

void accounting_add(struct accounting *a, const struct address *nas, struct span session, uint32_t status)
{
    if (status < ACCOUNTING_START || status > ACCOUNTING_INTERIM || session.len == 0)
        return;
    if (a->open == NULL)
        a->open = calloc(SLOTS, sizeof *a->open);
    struct nas *n = a->open != NULL ? make(a, nas) : NULL;
    if (n == NULL)
        return;
    uint64_t key = hash_mix(hash_bytes(nas, sizeof *nas, 1), hash_bytes(session.data, session.len, 2)) | 1;
    size_t at = slot_of(a, key);
    bool known = a->open[at] == key;
    if (status == ACCOUNTING_STOP && known) {
        take_out(a, at);
        n->open--;
    } else if (status != ACCOUNTING_STOP && !known && a->open_count < ACCOUNTING_OPEN_MAX) {
        a->open[at] = key;
        a->open_count++;
        n->open++;
    }
    n->peak = n->open > n->peak ? n->open : n->peak;
}

bool accounting_peak(const struct accounting *a, const struct address *nas, uint64_t *peak)
{
    const struct nas *n = find(a, nas);
    *peak = n != NULL ? n->peak : 0;
    return n != NULL;
}
