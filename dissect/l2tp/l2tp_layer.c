/* Packets of L2TPv2: frames go to their calls, control messages to their tunnels. */
#include "dissect/l2tp/l2tp_state.h"

#include <stdlib.h>

enum { ROOM_LEAST = 16 };

/* A tunnel without anything left to tell of it, and one that never got a call, goes with its conversation. */
static void on_gone(void *ctx, struct ppp_call *call)
{
    struct l2tp_layer *l = ctx;
    struct l2tp_tunnel *t = tunnel_of_carrier(l, call->carrier);
    if (t == NULL || t->call != call)
        return;
    t->call = NULL;
    if (t->pending || t->stopped)
        tunnel_drop(l, t);
}

struct l2tp_layer *l2tp_layer_new(const struct l2tp_layer_options *options)
{
    struct l2tp_layer *l = calloc(1, sizeof *l);
    uint32_t room = options->calls < ROOM_LEAST ? ROOM_LEAST : options->calls;
    if (l == NULL)
        return NULL;
    l->calls = ppp_calls_new(&(struct ppp_calls_options){.type = CONVERSATION_L2TP, .tls = options->tls, .sink = options->sink,
                                                         .room = room, .gone = on_gone, .ctx = l});
    if (tunnels_init(l, room) && l->calls != NULL)
        return l;
    l2tp_layer_free(l);
    return NULL;
}

void l2tp_layer_free(struct l2tp_layer *l)
{
    if (l == NULL)
        return;
    ppp_calls_free(l->calls);
    tunnels_free(l);
    free(l);
}

void l2tp_layer_get_counters(const struct l2tp_layer *l, struct l2tp_layer_counters *out)
{
    struct ppp_calls_counters calls;
    ppp_calls_get_counters(l->calls, &calls);
    *out = (struct l2tp_layer_counters){calls.opened, calls.evicted, l->malformed};
}

uint64_t l2tp_layer_bytes(const struct l2tp_layer *l)
{
    return ppp_calls_bytes(l->calls) + l->count * sizeof(struct l2tp_tunnel);
}

uint64_t l2tp_layer_call_bytes(void)
{
    return ppp_calls_call_bytes() + sizeof(struct l2tp_tunnel);
}

static void data(struct l2tp_layer *l, const struct packet *p, const struct l2tp_header *h, const struct place *place)
{
    bool from_client = p->dst.port == PORT_L2TP && p->src.port != PORT_L2TP;
    bool from_server = p->src.port == PORT_L2TP && p->dst.port != PORT_L2TP;
    struct ppp_call_key key = {p->dst, p->src.address, p->tunnel, h->tunnel, h->session};
    enum direction dir;
    if (h->payload.len == 0 || h->tunnel == 0 || h->session == 0)
        return;
    struct ppp_call *call =
        ppp_calls_of_frame(l->calls, &key, &p->src, from_client, from_server, h->payload, place, &dir);
    if (call != NULL)
        ppp_call_frame(call, dir, h->payload, h->payload_wire_len, place);
}

void l2tp_layer_packet(struct l2tp_layer *l, const struct packet *p)
{
    struct l2tp_arrival in = {.p = p, .place = frame_place(p->frame)};
    if (!l2tp_parse(p->payload, p->payload_wire_len, &in.h))
        return;
    l->malformed += in.h.malformed;
    if (in.h.malformed)
        return;
    l->active_ns = ppp_calls_at(l->calls, p->frame);
    if (!in.h.control)
        data(l, p, &in.h, &in.place);
    else
        l2tp_control_packet(l, &in);
}

void l2tp_layer_time(struct l2tp_layer *l, int64_t now_ns)
{
    l->now_ns = l->active_ns = now_ns;
    ppp_calls_time(l->calls, now_ns);
    tunnels_expire(l);
}

void l2tp_layer_finish(struct l2tp_layer *l)
{
    ppp_calls_finish(l->calls);
}
