/* Control connections of the PPTP layer: for pptp_layer.c and pptp_control.c only. */
#ifndef VS_PPTP_PPTP_STATE_H
#define VS_PPTP_PPTP_STATE_H

#include "dissect/ppp/ppp_calls.h"
#include "dissect/pptp/pptp.h"
#include "dissect/pptp/pptp_layer.h"
#include "dissect/tcp/tcp_stream.h"

/* One TCP connection. Arrays by enum direction of the packets. */
struct pptp_control {
    struct pptp_layer *layer;
    struct endpoint client, server;
    uint32_t outer, flow, slot, serial, next_free;
    bool used;
    bool pending;                 /* its conversation has no call yet */
    struct ppp_call *call;        /* that or the latest call; what is about no other is told of it; NULL: nobody */
    struct ppp_call_name host[2], vendor[2];
    uint32_t began_seq[2]; bool began[2]; /* of the first octets, as far as seen */
    uint16_t filled[2];
    uint8_t message[2][PPTP_MESSAGE_MAX]; /* as far as it has come */
};

struct pptp_layer {
    struct ppp_calls *calls;
    struct tcp_stream_table *streams;
    struct pptp_control *controls; /* from 1 on; one more than streams, so that there is one to open a stream with */
    struct index index;            /* by flow */
    uint32_t room, used, free, count, serial;
    uint64_t malformed;
};

static inline uint64_t control_carrier(const struct pptp_control *c)
{
    return (uint64_t)c->serial << 32 | (uint32_t)(c - c->layer->controls);
}
static inline struct pptp_control *control_of_carrier(const struct pptp_layer *l, uint64_t carrier)
{
    struct pptp_control *c = &l->controls[(uint32_t)carrier];
    return carrier != 0 && c->used && c->serial == carrier >> 32 ? c : NULL;
}

/* pptp_control.c */
/* The next octets of one side; lost: n octets before them are missing. */
void pptp_control_bytes(struct pptp_control *c, enum direction dir, struct span bytes, const struct place *place);
void pptp_control_gap(struct pptp_control *c, enum direction dir);
/* FIN or RST. */
void pptp_control_hung_up(struct pptp_control *c, enum direction by, const struct place *place);

#endif
