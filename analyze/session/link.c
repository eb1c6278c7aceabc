#include "analyze/session/link.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { WAYS = 4 };
#define RETRY_NS (60 * INT64_C(1000000000)) /* a NAS that tries its next server does so within this time */

#define SAME_KEY_NS (3600 * INT64_C(1000000000)) /* by more the clocks of two captures are hardly apart */

/* KEY_OWN: what a tunnel has instead of a Request Authenticator, an initiator's SPI or its TLS client random. */
enum key_kind {
    KEY_CLIENT_RANDOM,
    KEY_AUTHENTICATOR,
    KEY_ATTEMPT,
    KEY_RESPONSE,
    KEY_KINDS,
    KEY_OWN = KEY_AUTHENTICATOR
};

/* What is remembered of an exchange. */
struct link {
    uint64_t keys[KEY_KINDS]; /* 0: has none */
    int64_t time_ns;
    uint32_t head;
    uint32_t server; /* hash of the server's address: another hop or another server */
    uint16_t capture;
    uint8_t outcome, proxied, type;
};

/* Where an exchange is found by one of its keys. Small, for they are all over the table, while the links come in turn.
 */
struct slot {
    uint32_t tag;    /* of the key */
    uint32_t serial; /* of the link, 0: free */
};

struct links {
    size_t buckets, room; /* powers of two */
    struct slot *slots;   /* WAYS a bucket */
    struct link *links;   /* serial s at s % room, until s + room takes its place */
    uint32_t last;        /* serial */
};

struct links *links_new(bool several_captures)
{
    struct links *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->buckets = several_captures ? 1u << 18 : 1u << 14;
    l->room = 2 * l->buckets;
    l->slots = calloc(l->buckets * WAYS, sizeof *l->slots);
    l->links = calloc(l->room, sizeof *l->links);
    if (l->slots != NULL && l->links != NULL)
        return l;
    links_free(l);
    return NULL;
}

void links_free(struct links *l)
{
    if (l == NULL)
        return;
    free(l->slots);
    free(l->links);
    free(l);
}

/* Of 32 random bytes. */
static uint64_t hash_random(const uint8_t bytes[static 32], uint64_t seed)
{
    uint64_t words[4];
    memcpy(words, bytes, sizeof words);
    return hash_mix(hash_mix(words[0], words[1]), hash_mix(words[2], words[3] + seed));
}

/* Random values prove identity; the same first EAP response is only the same attempt on another hop of a proxy, or when
 * the NAS went to its next server because one of the two did not answer. */
static bool joins(enum key_kind kind, const struct link *old, const struct exchange *x, const struct link *mine)
{
    int64_t apart = x->first.time_ns > old->time_ns ? x->first.time_ns - old->time_ns : old->time_ns - x->first.time_ns;
    if (kind == KEY_CLIENT_RANDOM || (kind == KEY_OWN && x->type == CONVERSATION_SSTP))
        return true;
    if (kind == KEY_OWN && exchange_is_ike(x)) /* test programs have fixed ones */
        return apart <= SAME_KEY_NS;
    if (kind == KEY_RESPONSE) /* monitors too, of one server: each of their logins is one */
        return old->capture != mine->capture ? apart <= SAME_KEY_NS
                                             : apart <= RETRY_NS && (old->type != x->type || old->server != mine->server);
    if (kind == KEY_AUTHENTICATOR) /* a NAS that never changes it must not become one endless session */
        return old->capture != mine->capture || old->server != mine->server;
    if (old->server == mine->server || old->capture != mine->capture || apart > RETRY_NS)
        return false;
    return old->proxied != mine->proxied || old->outcome == OUTCOME_UNANSWERED || mine->outcome == OUTCOME_UNANSWERED;
}

static uint32_t tag_of(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static struct slot *bucket_of(const struct links *l, uint64_t key)
{
    return &l->slots[(key & (l->buckets - 1)) * WAYS];
}

/* Where a key is kept: in its own place, else in the first free one, else in the oldest's. */
static struct slot *slot_of(const struct links *l, uint64_t key)
{
    struct slot *bucket = bucket_of(l, key), *oldest = bucket;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].serial == 0 || bucket[i].tag == tag_of(key))
            return &bucket[i];
        if (bucket[i].serial < oldest->serial)
            oldest = &bucket[i];
    }
    return oldest;
}

/* The exchange that has this key, NULL when none is remembered. */
static const struct link *link_in(const struct links *l, const struct slot *s, enum key_kind kind, uint64_t key)
{
    if (s->serial == 0 || s->tag != tag_of(key) || l->last - s->serial >= l->room)
        return NULL;
    const struct link *old = &l->links[s->serial & (l->room - 1)];
    return old->keys[kind] == key ? old : NULL;
}

static inline void keys_of(uint64_t keys[static KEY_KINDS], const struct exchange *x)
{
    keys[KEY_CLIENT_RANDOM] = x->eap.tls.client_hello ? hash_random(x->eap.tls.random, KEY_CLIENT_RANDOM) : 0;
    keys[KEY_AUTHENTICATOR] = x->authenticator_hash != 0 ? hash_mix(x->authenticator_hash, KEY_AUTHENTICATOR) : 0;
    if (exchange_is_ike(x)) { /* it has no Request Authenticator; the initiator's SPI is as random */
        uint64_t spi;
        memcpy(&spi, x->ike.initiator_spi, sizeof spi);
        keys[KEY_OWN] = hash_mix(spi, KEY_KINDS);
    } else if (x->type == CONVERSATION_SSTP && x->sstp.tls.client_hello) {
        keys[KEY_OWN] = hash_random(x->sstp.tls.random, KEY_KINDS + 1);
    }
    keys[KEY_RESPONSE] = x->response_hash != 0 ? hash_mix(x->response_hash, KEY_RESPONSE) : 0;
    keys[KEY_ATTEMPT] = x->eap_hash != 0 ? hash_mix(x->eap_hash, KEY_ATTEMPT) : 0;
}

void links_soon(const struct links *l, const struct exchange *x)
{
#if defined(__GNUC__)
    uint64_t keys[KEY_KINDS];
    keys_of(keys, x);
    for (unsigned kind = 0; kind < KEY_KINDS; kind++)
        if (kind != KEY_RESPONSE)
            __builtin_prefetch(bucket_of(l, keys[kind]), 1);
#else
    (void)l;
    (void)x;
#endif
}

static struct link link_of(const struct exchange *x)
{
    struct link link = {
        .time_ns = x->first.time_ns,
        .server = (uint32_t)address_hash(&x->server.address, 0),
        .capture = (uint16_t)x->first.capture,
        .outcome = x->outcome,
        .proxied = x->radius.proxy_states > 0,
        .type = x->type,
    };
    keys_of(link.keys, x);
    return link;
}

uint32_t links_find(struct links *l, const struct exchange *x)
{
    struct link mine = link_of(x);
    struct slot *slots[KEY_KINDS];
    uint32_t head = 0;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t key = mine.keys[kind];
        slots[kind] = key != 0 ? slot_of(l, key) : NULL;
        const struct link *old = key != 0 && head == 0 ? link_in(l, slots[kind], (enum key_kind)kind, key) : NULL;
        if (old != NULL && joins((enum key_kind)kind, old, x, &mine))
            head = old->head;
    }
    mine.head = head != 0 ? head : x->id;
    l->links[++l->last & (l->room - 1)] = mine;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++)
        if (slots[kind] != NULL)
            *slots[kind] = (struct slot){tag_of(mine.keys[kind]), l->last};
    return head;
}
