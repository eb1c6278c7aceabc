/* What all sessions share: pools of buffers under one ceiling, spare sessions. */
#include <stdlib.h>

#include "dissect/tls/decrypt.h"
#include "dissect/tls/fingerprint.h"
#include "dissect/tls/session.h"

enum { SPARE_SESSIONS_MAX = 1024 };

/* A flight's pieces; a usual chain; a record; the longest message. */
static const uint32_t class_size[BUFFER_CLASSES] = {1024, 4096, TLS_STREAM_MAX, TLS_MESSAGE_MAX};

struct tls_context *tls_context_new(const struct secrets *secrets, uint64_t buffer_bytes_max)
{
    struct tls_context *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->secrets = secrets;
    c->secret_count = secrets_tls_counter(secrets);
    c->limit = buffer_bytes_max;
    c->digests = digests_new();
    c->fingerprints = fingerprints_new();
    c->openers = openers_new();
    if (c->digests == NULL || c->fingerprints == NULL || c->openers == NULL) {
        tls_context_free(c);
        return NULL;
    }
    return c;
}

/* Hands the pooled buffers of a class back to the system. */
static void pool_drain(struct tls_context *c, unsigned class)
{
    while (c->free[class] != NULL) {
        struct buffer *b = c->free[class];
        c->free[class] = b->next;
        c->allocated -= b->size;
        free(b);
    }
}

void tls_context_free(struct tls_context *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < BUFFER_CLASSES; i++)
        pool_drain(c, i);
    while (c->sessions != NULL) {
        struct tls_session *s = c->sessions;
        c->sessions = s->next;
        free(s);
    }
    openers_free(c->openers);
    fingerprints_free(c->fingerprints);
    digests_free(c->digests);
    free(c);
}

uint64_t tls_context_buffer_bytes(const struct tls_context *c)
{
    return c->held;
}

uint64_t tls_context_buffers_refused(const struct tls_context *c)
{
    return c->refused;
}

static struct buffer *buffer_make(struct tls_context *c, unsigned class)
{
    uint32_t size = class_size[class];
    for (unsigned i = BUFFER_CLASSES; i-- > 0 && c->allocated + size > c->limit;)
        pool_drain(c, i);
    if (c->allocated + size > c->limit)
        return NULL;
    struct buffer *b = malloc(sizeof *b + size);
    if (b == NULL)
        return NULL;
    b->size = size;
    b->class = (uint8_t) class;
    c->allocated += size;
    return b;
}

struct buffer *buffer_take(struct tls_context *c, uint32_t size)
{
    unsigned class = 0;
    while (class < BUFFER_CLASSES && class_size[class] < size)
        class ++;
    if (class == BUFFER_CLASSES)
        return NULL;
    struct buffer *b = c->free[class];
    if (b != NULL)
        c->free[class] = b->next;
    else if ((b = buffer_make(c, class)) == NULL)
        return NULL;
    b->next = NULL;
    c->held += b->size;
    return b;
}

void buffer_give(struct tls_context *c, struct buffer *b)
{
    if (b == NULL)
        return;
    c->held -= b->size;
    b->next = c->free[b->class];
    c->free[b->class] = b;
}

bool buffer_grow(struct tls_context *c, struct buffer **b, uint32_t used, uint32_t size)
{
    struct buffer *old = *b;
    if (old != NULL && old->size >= size)
        return true;
    *b = buffer_take(c, size);
    if (*b != NULL && old != NULL)
        memcpy((*b)->data, old->data, used);
    buffer_give(c, old);
    return *b != NULL;
}

struct tls_session *tls_session_new(struct tls_context *c, tls_event_fn *on_event, void *ctx)
{
    struct tls_session *s = c->sessions;
    if (s != NULL) {
        c->sessions = s->next;
        c->spare_sessions--;
        memset(s, 0, sizeof *s);
    } else if ((s = calloc(1, sizeof *s)) == NULL) {
        return NULL;
    }
    s->context = c;
    s->on_event = on_event;
    s->ctx = ctx;
    return s;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL)
        return;
    struct tls_context *c = s->context;
    for (unsigned i = 0; i < 2; i++) {
        buffer_give(c, s->side[i].message.buffer);
        buffer_give(c, s->side[i].record);
    }
    if (s->keys != NULL)
        keys_free(s->keys);
    if (c->spare_sessions >= SPARE_SESSIONS_MAX) {
        free(s);
        return;
    }
    s->next = c->sessions;
    c->sessions = s;
    c->spare_sessions++;
}
