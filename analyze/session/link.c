#include "analyze/session/link.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { WAYS = 4 };
#define RETRY_NS (60 * INT64_C(1000000000)) /* a NAS that tries its next server does so within this time */

enum key_kind { KEY_CLIENT_RANDOM, KEY_AUTHENTICATOR, KEY_ATTEMPT, KEY_KINDS };

struct link {
    uint64_t key; /* 0: free */
    int64_t time_ns;
    uint32_t head;
    uint32_t server; /* hash of the server's address: another hop or another server */
    uint16_t capture;
    uint8_t outcome, proxied;
};

struct links {
    size_t buckets; /* a power of two */
    struct link links[];
};

struct links *links_new(bool several_captures)
{
    size_t buckets = several_captures ? 1u << 18 : 1u << 14;
    struct links *l = calloc(1, sizeof *l + buckets * WAYS * sizeof(struct link));
    if (l != NULL)
        l->buckets = buckets;
    return l;
}

void links_free(struct links *l)
{
    free(l);
}

/* Of 32 random bytes. */
static uint64_t hash_random(const uint8_t bytes[static 32], uint64_t seed)
{
    uint64_t words[4];
    memcpy(words, bytes, sizeof words);
    return hash_mix(hash_mix(words[0], words[1]), hash_mix(words[2], words[3] + seed));
}

static uint32_t hash_address(const struct address *a)
{
    uint64_t words[2];
    memcpy(words, a->bytes, sizeof words);
    return (uint32_t)hash_mix(words[0] + a->family, words[1]);
}

/* Random values prove identity; the same first EAP response is only the same attempt on another hop of a proxy, or when
 * the NAS went to its next server because one of the two did not answer. */
static bool joins(enum key_kind kind, const struct link *old, const struct exchange *x, const struct link *mine)
{
    if (kind == KEY_CLIENT_RANDOM)
        return true;
    if (kind == KEY_AUTHENTICATOR) /* a NAS that never changes it must not become one endless session */
        return old->capture != mine->capture || old->server != mine->server;
    int64_t apart = x->first.time_ns > old->time_ns ? x->first.time_ns - old->time_ns : old->time_ns - x->first.time_ns;
    if (old->server == mine->server || old->capture != mine->capture || apart > RETRY_NS)
        return false;
    return old->proxied != mine->proxied || old->outcome == OUTCOME_UNANSWERED || mine->outcome == OUTCOME_UNANSWERED;
}

/* Where a key is kept: in its own place, else in the first free one, else in the oldest's. */
static struct link *place_of(struct link *bucket, uint64_t key)
{
    struct link *oldest = bucket;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].key == 0 || bucket[i].key == key)
            return &bucket[i];
        if (bucket[i].head < oldest->head)
            oldest = &bucket[i];
    }
    return oldest;
}

static struct link *bucket_of(struct links *l, uint64_t key)
{
    return &l->links[((key >> 8) & (l->buckets - 1)) * WAYS];
}

uint32_t links_find(struct links *l, const struct exchange *x)
{
    struct link mine = {
        .time_ns = x->first.time_ns,
        .server = hash_address(&x->server.address),
        .capture = (uint16_t)x->first.capture,
        .outcome = x->outcome,
        .proxied = x->radius.proxy_states > 0,
    };
    const uint64_t keys[KEY_KINDS] = {
        [KEY_CLIENT_RANDOM] = x->eap.tls.client_hello ? hash_random(x->eap.tls.random, KEY_CLIENT_RANDOM) | 1 : 0,
        [KEY_AUTHENTICATOR] =
            x->authenticator_hash != 0 ? hash_mix(x->authenticator_hash, KEY_AUTHENTICATOR) | 1 : 0,
        [KEY_ATTEMPT] = x->eap_hash != 0 ? hash_mix(x->eap_hash, KEY_ATTEMPT) | 1 : 0,
    };
    uint32_t head = 0;
    for (unsigned kind = 0; kind < KEY_KINDS && head == 0; kind++) {
        if (keys[kind] == 0)
            continue;
        const struct link *old = place_of(bucket_of(l, keys[kind]), keys[kind]);
        if (old->key == keys[kind] && joins((enum key_kind)kind, old, x, &mine))
            head = old->head;
    }
    mine.head = head != 0 ? head : x->id;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++)
        if (keys[kind] != 0) {
            mine.key = keys[kind];
            *place_of(bucket_of(l, mine.key), mine.key) = mine;
        }
    return head;
}
