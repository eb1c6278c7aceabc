#include "tcp_streams.h"

#include <stdlib.h>

enum { CONNECTIONS_MAX = 4096, WAITING_MAX = 256, SYN = 2, ACK = 16 };

struct segment {
    uint32_t seq;
    struct span bytes; /* own copy */
    struct place place;
};

struct direction_state {
    bool begun;
    uint32_t next;
    struct segment waiting[WAITING_MAX];
    size_t count;
};

struct connection {
    struct endpoint client, server;
    uint32_t tunnel;
    void *user;
    struct direction_state sides[2]; /* [1]: to the client */
};

struct tcp_streams {
    struct tcp_receiver receiver;
    struct connection *items[CONNECTIONS_MAX];
    size_t count;
};

struct tcp_streams *tcp_streams_new(const struct tcp_receiver *receiver)
{
    struct tcp_streams *t = calloc(1, sizeof *t);
    if (t != NULL)
        t->receiver = *receiver;
    return t;
}

/* The last one of these two endpoints: ports are used again. */
static struct connection *find(struct tcp_streams *t, const struct packet *p, bool *to_client)
{
    for (size_t i = t->count; i-- > 0;) {
        struct connection *c = t->items[i];
        *to_client = endpoint_equal(&c->server, &p->src);
        if (c->tunnel == p->tunnel && endpoint_equal(*to_client ? &c->client : &c->server, &p->dst) &&
            endpoint_equal(*to_client ? &c->server : &c->client, &p->src))
            return c;
    }
    return NULL;
}

static struct connection *open_connection(struct tcp_streams *t, const struct packet *p, bool *to_client)
{
    struct connection *c = t->count < CONNECTIONS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    *to_client = (p->tcp_flags & SYN) != 0 ? (p->tcp_flags & ACK) != 0 : p->src.port < p->dst.port;
    c->client = *to_client ? p->dst : p->src;
    c->server = *to_client ? p->src : p->dst;
    c->tunnel = p->tunnel;
    return t->items[t->count++] = c;
}

static int32_t ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static void deliver(struct tcp_streams *t, struct connection *c, bool to_client, const struct segment *s)
{
    struct direction_state *d = &c->sides[to_client];
    int32_t old = ahead(d->next, s->seq);
    if (old < 0 || (size_t)old >= s->bytes.len)
        return;
    t->receiver.bytes(t->receiver.ctx, &c->user, to_client, span_of(s->bytes.data + old, s->bytes.len - (size_t)old), s->place);
    d->next = s->seq + (uint32_t)s->bytes.len;
}

/* Gives out what has become due; with `over`, steps over the first gap. */
static void drain(struct tcp_streams *t, struct connection *c, bool to_client, bool over)
{
    struct direction_state *d = &c->sides[to_client];
    while (d->count > 0) {
        size_t first = 0;
        for (size_t i = 1; i < d->count; i++)
            if (ahead(d->waiting[i].seq, d->waiting[first].seq) < 0)
                first = i;
        struct segment s = d->waiting[first];
        if (ahead(s.seq, d->next) > 0) {
            if (!over)
                return;
            t->receiver.gap(t->receiver.ctx, &c->user, to_client, s.place);
            d->next = s.seq;
            over = false;
        }
        d->waiting[first] = d->waiting[--d->count];
        deliver(t, c, to_client, &s);
        free((void *)(uintptr_t)s.bytes.data);
    }
}

static void keep(struct tcp_streams *t, struct connection *c, bool to_client, const struct segment *s)
{
    struct direction_state *d = &c->sides[to_client];
    uint8_t *copy = malloc(s->bytes.len);
    if (copy == NULL)
        return;
    memcpy(copy, s->bytes.data, s->bytes.len);
    if (d->count == WAITING_MAX)
        drain(t, c, to_client, true);
    d->waiting[d->count++] = (struct segment){s->seq, span_of(copy, s->bytes.len), s->place};
}

void tcp_streams_packet(struct tcp_streams *t, const struct packet *p)
{
    bool to_client;
    if (p->kind != PACKET_TCP)
        return;
    struct connection *c = find(t, p, &to_client);
    bool syn = (p->tcp_flags & SYN) != 0;
    if (c == NULL || (syn && c->sides[to_client].begun && c->sides[to_client].next != p->tcp_seq + 1))
        c = open_connection(t, p, &to_client);
    if (c == NULL)
        return;
    struct direction_state *d = &c->sides[to_client];
    struct segment s = {p->tcp_seq + syn, p->payload, frame_place(p->frame)};
    if (!d->begun) {
        d->begun = true;
        d->next = s.seq;
    }
    if (s.bytes.len == 0)
        return;
    if (ahead(s.seq, d->next) > 0) {
        keep(t, c, to_client, &s);
        return;
    }
    deliver(t, c, to_client, &s);
    drain(t, c, to_client, false);
}

void tcp_streams_free(struct tcp_streams *t)
{
    for (size_t i = 0; t != NULL && i < t->count; i++) {
        for (unsigned side = 0; side < 2; side++)
            while (t->items[i]->sides[side].count > 0)
                drain(t, t->items[i], side == 1, true);
        t->receiver.closed(t->receiver.ctx, t->items[i]->user);
        free(t->items[i]);
    }
    free(t);
}
