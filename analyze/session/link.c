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
    size_t buckets;
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

static uint64_t key_of(enum key_kind kind, const struct exchange *x)
{
    switch (kind) {
    case KEY_CLIENT_RANDOM:
        return x->eap.tls.client_hello ? hash_bytes(x->eap.tls.random, 32, kind) | 1 : 0;
    case KEY_AUTHENTICATOR:
        return x->authenticator_hash != 0 ? hash_mix(x->authenticator_hash, kind) | 1 : 0;
    case KEY_ATTEMPT:
        return x->eap_hash != 0 ? hash_mix(x->eap_hash, kind) | 1 : 0;
    default:
        return 0;
    }
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

static void remember(struct link *bucket, const struct link *mine)
{
    struct link *to = bucket;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].key == 0 || bucket[i].key == mine->key) {
            to = &bucket[i];
            break;
        }
        if (bucket[i].head < to->head)
            to = &bucket[i];
    }
    *to = *mine;
}

uint32_t links_find(struct links *l, const struct exchange *x)
{
    struct link mine = {
        .time_ns = x->first.time_ns,
        .server = (uint32_t)hash_bytes(&x->server.address, sizeof x->server.address, 0),
        .capture = (uint16_t)x->first.capture,
        .outcome = x->outcome,
        .proxied = x->radius.proxy_states > 0,
    };
    uint32_t head = 0;
    uint64_t keys[KEY_KINDS];
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        keys[kind] = key_of((enum key_kind)kind, x);
        const struct link *bucket = &l->links[(keys[kind] >> 8) % l->buckets * WAYS];
        for (int i = 0; keys[kind] != 0 && head == 0 && i < WAYS; i++)
            if (bucket[i].key == keys[kind] && joins((enum key_kind)kind, &bucket[i], x, &mine))
                head = bucket[i].head;
    }
    mine.head = head != 0 ? head : x->id;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++)
        if (keys[kind] != 0) {
            mine.key = keys[kind];
            remember(&l->links[(keys[kind] >> 8) % l->buckets * WAYS], &mine);
        }
    return head;
}
