/* Tunnels of the L2TP layer: for l2tp_layer.c, l2tp_control.c and l2tp_tunnels.c only. */
#ifndef VS_L2TP_L2TP_STATE_H
#define VS_L2TP_L2TP_STATE_H

#include "dissect/l2tp/l2tp.h"
#include "dissect/l2tp/l2tp_layer.h"
#include "dissect/ppp/ppp_calls.h"

/* A control connection. Arrays by enum direction of the packets. */
struct l2tp_tunnel {
    struct ppp_call_key key[2];   /* call 0 */
    uint64_t hash[2];             /* 0: not known yet */
    struct endpoint client, server;
    struct ppp_call *call;        /* what is told of the tunnel is told of it; NULL: of nobody */
    bool pending;                 /* there is no call yet, only its conversation */
    bool stopped, used;
    bool counted[2];              /* next_ns is valid */
    uint16_t next_ns[2];
    uint64_t request_hash;        /* of SCCRQ's octets */
    int64_t request_ns, heard_ns;
    struct ppp_call_name host[2], vendor[2]; /* by sender */
    uint32_t serial, newer, older;
};

struct l2tp_layer {
    struct ppp_calls *calls;
    struct l2tp_tunnel *tunnels;  /* from 1 on */
    struct index index;
    uint32_t room, used, free, count, oldest, newest, serial;
    int64_t now_ns, active_ns; /* as ppp_calls has them */
    uint64_t malformed;
};

/* A control message on its way. */
struct l2tp_arrival {
    const struct packet *p;
    struct l2tp_header h;
    struct l2tp_control m;
    struct place place;
    enum direction dir;
    bool repeated;
};

/* l2tp_tunnels.c */
bool tunnels_init(struct l2tp_layer *l, uint32_t room);
void tunnels_free(struct l2tp_layer *l);
struct l2tp_tunnel *tunnel_find(const struct l2tp_layer *l, const struct ppp_call_key *key, enum direction *dir);
/* May drop another one. */
struct l2tp_tunnel *tunnel_add(struct l2tp_layer *l);
void tunnel_set_key(struct l2tp_layer *l, struct l2tp_tunnel *t, enum direction dir, const struct ppp_call_key *key);
void tunnel_touch(struct l2tp_layer *l, struct l2tp_tunnel *t);
void tunnel_drop(struct l2tp_layer *l, struct l2tp_tunnel *t);
void tunnels_expire(struct l2tp_layer *l);
static inline uint32_t tunnel_number(const struct l2tp_layer *l, const struct l2tp_tunnel *t)
{
    return (uint32_t)(t - l->tunnels);
}

/* The carrier of its calls, and back: NULL when it is gone. */
static inline uint64_t tunnel_carrier(const struct l2tp_layer *l, const struct l2tp_tunnel *t)
{
    return (uint64_t)t->serial << 32 | tunnel_number(l, t);
}
static inline struct l2tp_tunnel *tunnel_of_carrier(const struct l2tp_layer *l, uint64_t carrier)
{
    struct l2tp_tunnel *t = &l->tunnels[(uint32_t)carrier];
    return carrier != 0 && t->used && t->serial == carrier >> 32 ? t : NULL;
}

/* l2tp_control.c */
void l2tp_control_packet(struct l2tp_layer *l, struct l2tp_arrival *in);

#endif
