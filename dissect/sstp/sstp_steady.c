#include "dissect/sstp/sstp_steady.h"

static struct tcp_stream *stream_of(const struct connection *c)
{
    return tcp_stream_of(c->layer->streams, c->stream, c->layer->hot[c->slot].owner);
}

/* Nothing but TLS that stays closed is to come, and it is not known enough of it yet. */
static bool carries_closed(const struct connection *c)
{
    const struct carried *k = c->carried;
    return k != NULL && k->stage == CARRY_TLS && !k->decrypted && k->tls != NULL && c->answered && !c->given_up && !carry_is_done(c) &&
           tls_stays_closed(k->tls, TO_SERVER) && tls_stays_closed(k->tls, TO_CLIENT);
}

void steady_begin(struct connection *c, const struct packet *p)
{
    const struct hot *h = &c->layer->hot[c->slot];
    const struct tcp_stream *s = stream_of(c);
    struct steady *t = &c->steady;
    uint32_t next[SIDES];
    if (c->list != LIST_LIVE || p->frame->capture != c->capture || s == NULL || !tcp_stream_expects(s, next) ||
        !tcp_connection_is_plain(&c->tcp) || !carries_closed(c))
        return;
    for (unsigned side = 0; side < SIDES; side++) {
        const struct tcp_sent *sent = &c->tcp.sent[side];
        if (sent->reached != next[side])
            return;
        t->ttl_min[side] = sent->ttl_min;
        t->ttl_max[side] = sent->ttl_max;
        t->seq[side] = next[side] - (uint32_t)h->bytes[side];
        t->packets[side] = h->packets[side];
        t->bytes[side] = h->bytes[side];
        t->records[side] = c->carried->records_seen[side];
    }
    t->secrets = *c->layer->secret_count;
    t->on = true;
}

void steady_settle(struct connection *c)
{
    const struct hot *h = &c->layer->hot[c->slot];
    struct steady *t = &c->steady;
    struct tcp_stream *s = stream_of(c);
    t->on = false;
    for (unsigned side = 0; side < SIDES; side++) {
        uint32_t packets = h->packets[side] - t->packets[side];
        uint64_t bytes = h->bytes[side] - t->bytes[side], records = c->carried->records_seen[side] - t->records[side];
        struct place last = {.frame = h->frame[side], .time_ns = h->time_ns[side], .capture = c->capture};
        if (packets == 0)
            continue;
        tcp_connection_passed(&c->tcp, (enum tcp_side)side, packets, records, bytes, last);
        tls_closed_records(c->carried->tls, (enum direction)side, records);
        if (s != NULL)
            tcp_stream_passed(c->layer->streams, s, (enum tcp_side)side, packets, bytes);
    }
}
