/*
 * Records of a tunnel that nobody can read, each a segment of its own and simply the next, and bare acknowledgments: after the
 * handshakes nearly all is that, and changes nothing but numbers. Internal to the SSTP layer.
 */
#ifndef VS_SSTP_SSTP_STEADY_H
#define VS_SSTP_SSTP_STEADY_H

#include "dissect/sstp/sstp_layer_state.h"

/* Begins to expect nothing else, when that can be. */
void steady_begin(struct connection *c, const struct packet *p);
/* Adds what was counted meanwhile; then anything may come. */
void steady_settle(struct connection *c);
static inline void steady_end(struct connection *c)
{
    if (c->steady.on)
        steady_settle(c);
}

/* Whether a segment is what is expected, and of which length its record is; 0: it is bare. Nothing is counted yet. */
static inline bool steady_expects(const struct connection *c, const struct hot *h, const struct packet *p, enum tcp_side side,
                                  uint32_t *length)
{
    const struct steady *t = &c->steady;
    unsigned peer = side ^ 1u;
    uint32_t next = t->seq[side] + (uint32_t)h->bytes[side], acked = t->seq[peer] + (uint32_t)h->bytes[peer];
    *length = 0;
    if ((p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK || p->tcp_seq != next ||
        (int32_t)(p->tcp_ack - acked) > 0 || p->ttl < t->ttl_min[side] || p->ttl > t->ttl_max[side] ||
        p->payload.len != p->payload_wire_len || p->frame->capture != c->capture || *c->layer->secret_count != t->secrets)
        return false;
    return p->payload.len == 0 || (*length = tls_closed_length(p->payload)) != 0;
}

#endif
