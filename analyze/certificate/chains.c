#include "analyze/certificate/chains.h"

#include <stdlib.h>

#include "analyze/certificate/chain_internal.h"
#include "capture/wire/hash.h"

enum { TABLE_SLOTS = 4 * CHAINS_MAX, CHAIN_OCSP_MAX = 1 << 16 };

/* Chains of one hash of all bytes: as many are only made on purpose, and more are refused. */
enum { ALIKE_MAX = 16 };

/* A chain with what only this file needs; struct chain comes first, so that a pointer to it is one to this. */
struct entry {
    struct chain chain;
    struct chains *owner;
    uint64_t hash;
    bool preliminary; /* judged before its time, with: */
    uint32_t roles;
    size_t dialled_count;
    bool asked, asked_differs;
};

struct chains {
    const struct expect *expect;
    struct entry *entries[CHAINS_MAX]; /* by order of first sight */
    size_t count;
    uint16_t spare[CHAINS_MAX]; /* serials of emptied entries, for the next chains */
    size_t spare_count;
    uint16_t slots[TABLE_SLOTS]; /* index in entries + 1; 0 is free */
    size_t bytes;                /* of certificates and stapled responses */
    uint64_t refused;
};

struct chains *chains_new(const struct expect *expect)
{
    x509_without_configuration();
    struct chains *c = calloc(1, sizeof *c);
    if (c != NULL)
        c->expect = expect;
    return c;
}

static void free_checks(struct chain_checks *checks)
{
    free(checks->root_subject);
}

static void free_more_checks(struct chain_checks *checks)
{
    if (checks != NULL)
        free_checks(checks);
    free(checks);
}

static void free_judgement(struct chain *chain)
{
    for (size_t k = 0; chain->facts != NULL && k < chain->count; k++)
        x509_facts_free(&chain->facts[k]);
    free(chain->facts);
    free_checks(&chain->checks);
    free_more_checks(chain->inner_checks);
    free_more_checks(chain->vpn_checks);
    free_more_checks(chain->sstp_checks);
}

/* As if it had not been judged yet. */
static void forget_preview(struct entry *e)
{
    struct chain *chain = &e->chain;
    if (!e->preliminary)
        return;
    free_judgement(chain);
    e->preliminary = chain->judged = chain->ocsp_revoked = chain->ocsp_good = false;
    chain->facts = NULL;
    chain->inner_checks = chain->vpn_checks = chain->sstp_checks = NULL;
    chain->checks = (struct chain_checks){.chain = CHECK_UNKNOWN};
    chain->ocsp_facts = (struct chain_ocsp){.read = false};
    memset(chain->parsed, 0, sizeof chain->parsed);
}

static void free_entry(struct entry *entry)
{
    struct chain *chain = &entry->chain;
    free_judgement(chain);
    for (size_t i = 0; i < chain->dialled_count; i++)
        free(chain->dialled[i]);
    if (chain->ocsp.len > 0)
        free((void *)(uintptr_t)chain->ocsp.data);
    free(entry);
}

void chains_free(struct chains *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++)
        free_entry(c->entries[i]);
    free(c);
}

static bool same_bytes(const struct chain *chain, const struct span *der, size_t count)
{
    bool same = chain->count == count;
    for (size_t i = 0; same && i < count; i++)
        same = span_equal(chain->der[i], der[i]);
    return same;
}

/* Of lengths and last bytes, which are a part of the signature: nearly all chains that differ differ there. */
static uint64_t hash_ends(const struct span *der, size_t count)
{
    enum { END = 32 };
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++) {
        size_t skip = der[i].len > END ? der[i].len - END : 0;
        hash = hash_bytes(der[i].data + skip, der[i].len - skip, hash_mix(hash, der[i].len));
    }
    return hash;
}

static uint64_t hash_whole(const struct span *der, size_t count)
{
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++)
        hash = hash_bytes(der[i].data, der[i].len, hash_mix(hash, der[i].len));
    return hash;
}

/* The slot that holds this chain, or the free one where it belongs; TABLE_SLOTS when as many others as alike_max have
 * this hash. */
static size_t probe(const struct chains *c, uint64_t hash, const struct span *der, size_t count, unsigned alike_max)
{
    unsigned alike = 0;
    size_t slot = hash % TABLE_SLOTS;
    for (; c->slots[slot] != 0; slot = (slot + 1) % TABLE_SLOTS) {
        const struct entry *entry = c->entries[c->slots[slot] - 1];
        if (entry->hash != hash)
            continue;
        if (same_bytes(&entry->chain, der, count))
            break;
        if (++alike == alike_max)
            return TABLE_SLOTS;
    }
    return slot;
}

/* The first chain with its ends is found by them, every other one that has them by all its bytes. */
static size_t find_slot(const struct chains *c, const struct span *der, size_t count, uint64_t *hash)
{
    *hash = hash_ends(der, count);
    size_t slot = probe(c, *hash, der, count, 1);
    if (slot != TABLE_SLOTS)
        return slot;
    *hash = hash_whole(der, count);
    return probe(c, *hash, der, count, ALIKE_MAX);
}

/* Closes the gap that a slot leaves, so that whatever was put behind it because of it is found. */
static void empty_slot(struct chains *c, size_t slot)
{
    size_t next = slot;
    c->slots[slot] = 0;
    while (c->slots[next = (next + 1) % TABLE_SLOTS] != 0) {
        size_t home = c->entries[c->slots[next] - 1]->hash % TABLE_SLOTS;
        if ((next - home) % TABLE_SLOTS < (next - slot) % TABLE_SLOTS)
            continue;
        c->slots[slot] = c->slots[next];
        c->slots[slot = next] = 0;
    }
}

/* One block for the chain and copies of its certificates; NULL when a ceiling is reached or memory is short. */
static struct entry *new_entry(struct chains *c, const struct span *der, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (der[i].len > CHAINS_BYTES_MAX - c->bytes - bytes)
            return NULL;
        bytes += der[i].len;
    }
    bool again = c->spare_count > 0;
    struct entry *entry = again || c->count < CHAINS_MAX ? calloc(1, sizeof *entry + bytes) : NULL;
    if (entry == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)(entry + 1);
    for (size_t i = 0; i < count; i++) {
        if (der[i].len > 0)
            memcpy(at, der[i].data, der[i].len);
        entry->chain.der[i] = span_of(at, der[i].len);
        at += der[i].len;
    }
    entry->chain.count = count;
    entry->chain.serial = again ? c->spare[--c->spare_count] : ++c->count;
    entry->owner = c;
    c->bytes += bytes;
    if (again)
        free(c->entries[entry->chain.serial - 1]);
    c->entries[entry->chain.serial - 1] = entry;
    return entry;
}

/* A chain that nobody wants any more: only its serial stays, until another one takes it. */
static void give_up(struct chains *c, struct entry *entry)
{
    uint16_t serial = (uint16_t)entry->chain.serial;
    size_t slot = entry->hash % TABLE_SLOTS;
    struct entry *empty = calloc(1, sizeof *empty);
    if (empty == NULL)
        return; /* it stays, without a role */
    while (c->slots[slot] != serial)
        slot = (slot + 1) % TABLE_SLOTS;
    empty_slot(c, slot);
    c->bytes -= entry->chain.ocsp.len;
    for (size_t i = 0; i < entry->chain.count; i++)
        c->bytes -= entry->chain.der[i].len;
    free_entry(entry);
    empty->chain.serial = serial;
    empty->owner = c;
    c->entries[serial - 1] = empty;
    c->spare[c->spare_count++] = serial;
}

static void add_presenter(struct chain *chain, const struct endpoint *presenter)
{
    for (size_t i = 0; i < chain->presenter_count; i++)
        if (endpoint_equal(&chain->presenters[i].server, presenter)) {
            chain->presenters[i].count++;
            return;
        }
    if (chain->presenter_count == CHAIN_PRESENTERS_MAX) {
        chain->more_presenters = true;
        return;
    }
    chain->presenters[chain->presenter_count].server = *presenter;
    chain->presenters[chain->presenter_count++].count = 1;
}

/* The chain with these bytes, which is new when it had no holder and no role. */
static struct chain *find_or_make(struct chains *c, const struct span *der, size_t count, struct place place)
{
    if (count == 0)
        return NULL;
    uint64_t hash = 0;
    size_t slot = count <= CHAIN_CERTS_MAX ? find_slot(c, der, count, &hash) : TABLE_SLOTS;
    struct entry *entry = NULL;
    if (slot != TABLE_SLOTS)
        entry = c->slots[slot] != 0 ? c->entries[c->slots[slot] - 1] : new_entry(c, der, count);
    if (entry == NULL) {
        c->refused++;
        return NULL;
    }
    if (c->slots[slot] == 0) {
        c->slots[slot] = (uint16_t)entry->chain.serial;
        entry->hash = hash;
        entry->chain.first = place;
    }
    return &entry->chain;
}

static void serve(struct chain *chain, uint32_t role, const struct endpoint *presenter, uint32_t exchange)
{
    chain->roles |= role;
    add_presenter(chain, presenter);
    chain_presented(chain, exchange);
}

struct chain *chains_intern(struct chains *c, const struct span *der, size_t count, uint32_t role,
                            const struct endpoint *presenter, uint32_t exchange, struct place place)
{
    struct chain *chain = find_or_make(c, der, count, place);
    if (chain != NULL)
        serve(chain, role, presenter, exchange);
    return chain;
}

struct chain *chains_hold(struct chains *c, const struct span *der, size_t count, struct place place)
{
    struct chain *chain = find_or_make(c, der, count, place);
    if (chain != NULL)
        chain->holders++;
    return chain;
}

void chains_claim(struct chains *c, uint64_t serial, uint32_t role, const struct endpoint *presenter, uint32_t exchange)
{
    struct chain *chain = chains_get(c, serial);
    if (chain == NULL || chain->holders == 0)
        return;
    chain->holders--;
    serve(chain, role, presenter, exchange);
}

void chains_release(struct chains *c, uint64_t serial)
{
    struct chain *chain = chains_get(c, serial);
    if (chain == NULL || chain->holders == 0)
        return;
    chain->holders--;
    if (chain->holders == 0 && chain->roles == 0)
        give_up(c, (struct entry *)(void *)chain);
}

void chain_presented(struct chain *c, uint32_t exchange)
{
    size_t room = sizeof c->exchanges / sizeof c->exchanges[0];
    c->presented++;
    if (c->exchange_count < room && (c->exchange_count == 0 || c->exchanges[c->exchange_count - 1] != exchange))
        c->exchanges[c->exchange_count++] = exchange;
}

/* No NUL bytes in it: the whole name is what is compared. */
static bool is_name(struct span name)
{
    return name.len > 0 && name.len <= EXPECT_NAME_LENGTH && memchr(name.data, 0, name.len) == NULL;
}

void chain_asked(struct chain *c, struct span name)
{
    if (!is_name(name))
        return;
    if (c->asked[0] != '\0') {
        c->asked_differs = c->asked_differs || strlen(c->asked) != name.len || memcmp(c->asked, name.data, name.len) != 0;
        return;
    }
    memcpy(c->asked, name.data, name.len);
    c->asked[name.len] = '\0';
}

void chain_dialled(struct chain *c, struct span name)
{
    if (!is_name(name) || c->dialled_count == CHAIN_DIALLED_MAX)
        return;
    for (size_t i = 0; i < c->dialled_count; i++)
        if (strlen(c->dialled[i]) == name.len && memcmp(c->dialled[i], name.data, name.len) == 0)
            return;
    char *copy = malloc(name.len + 1);
    if (copy == NULL)
        return;
    memcpy(copy, name.data, name.len);
    copy[name.len] = '\0';
    c->dialled[c->dialled_count++] = copy;
}

const struct chain_checks *chain_checks_of(const struct chain *c, uint32_t role)
{
    if (role == ROLE_SSTP && c->sstp_checks != NULL)
        return c->sstp_checks;
    return role == ROLE_IKEV2 && c->vpn_checks != NULL ? c->vpn_checks : &c->checks;
}

bool chains_preview(struct chains *c, uint64_t serial, uint32_t role)
{
    struct chain *chain = chains_get(c, serial);
    struct entry *e = (struct entry *)(void *)chain;
    if (chain == NULL || chain->count == 0)
        return false;
    uint32_t own = chain->roles, roles = own | role;
    bool asked = chain->asked[0] != '\0';
    if (e->preliminary && (e->roles != roles || e->dialled_count != chain->dialled_count || e->asked != asked ||
                           e->asked_differs != chain->asked_differs))
        forget_preview(e);
    if (!chain->judged) {
        chain->roles = e->roles = roles;
        e->preliminary = chain->judged = chain_judge(c->expect, chain);
        chain->roles = own;
        e->dialled_count = chain->dialled_count;
        e->asked = asked;
        e->asked_differs = chain->asked_differs;
    }
    return chain->judged;
}

void chains_set_ocsp(struct chain *chain, struct span response)
{
    struct entry *entry = (struct entry *)(void *)chain;
    struct chains *c = entry->owner;
    size_t others = c->bytes - chain->ocsp.len;
    if ((chain->judged && !entry->preliminary) || span_equal(chain->ocsp, response) || response.len == 0 || response.len > CHAIN_OCSP_MAX ||
        response.len > CHAINS_BYTES_MAX - others)
        return;
    uint8_t *copy = malloc(response.len);
    if (copy == NULL)
        return;
    forget_preview(entry);
    memcpy(copy, response.data, response.len);
    if (chain->ocsp.len > 0)
        free((void *)(uintptr_t)chain->ocsp.data);
    chain->ocsp = span_of(copy, response.len);
    c->bytes = others + response.len;
}

struct chain *chains_get(const struct chains *c, uint64_t serial)
{
    return serial >= 1 && serial <= c->count ? &c->entries[serial - 1]->chain : NULL;
}

size_t chains_count(const struct chains *c)
{
    return c->count;
}

struct chain *chains_at(const struct chains *c, size_t i)
{
    return i < c->count ? &c->entries[i]->chain : NULL;
}

uint64_t chains_refused(const struct chains *c)
{
    return c->refused;
}

static int most_presented_first(const void *left, const void *right)
{
    const struct chain *a = *(struct chain *const *)left, *b = *(struct chain *const *)right;
    if (a->presented != b->presented)
        return a->presented > b->presented ? -1 : 1;
    return a->serial < b->serial ? -1 : 1;
}

void chains_judge(struct chains *c, size_t budget)
{
    struct chain *waiting[CHAINS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        forget_preview(c->entries[i]);
    for (size_t i = 0; i < c->count; i++)
        if (!c->entries[i]->chain.judged && c->entries[i]->chain.roles != 0)
            waiting[count++] = &c->entries[i]->chain;
    qsort(waiting, count, sizeof waiting[0], most_presented_first);
    for (size_t i = 0; i < count; i++) {
        waiting[i]->judged = i < budget && chain_judge(c->expect, waiting[i]);
        waiting[i]->refused = !waiting[i]->judged;
    }
}

const char *chain_error_name(enum chain_error e)
{
    static const char *const names[] = {
        [CHAIN_OK] = "ok",
        [CHAIN_NO_ROOTS] = "no-roots",
        [CHAIN_UNTRUSTED_ROOT] = "untrusted-root",
        [CHAIN_INCOMPLETE] = "incomplete",
        [CHAIN_SELF_SIGNED] = "self-signed",
        [CHAIN_BAD_SIGNATURE] = "bad-signature",
        [CHAIN_INVALID_CA] = "invalid-ca",
        [CHAIN_NOT_PARSED] = "not-parsed",
        [CHAIN_OTHER] = "other",
    };
    return (size_t)e < sizeof names / sizeof names[0] ? names[e] : "other";
}
