/*
 * L2TPv2 with a memory: tunnels by the ids that both ends chose, calls (sessions) in them, retransmissions told from new messages,
 * PPP of each call. A conversation is one call; what happens to a tunnel before it has a call is told of the conversation that
 * its first call goes on with. Calls whose control messages came before the capture are known by their frames: the two
 * directions are one call when exactly one call between the two hosts lacks the other direction. Who the client is: who sent
 * SCCRQ; else who does not sit on port 1701; else by PPP (who demands authentication is the server); else who is seen first.
 * Hidden attributes are counted, not read. Bounded by its options.
 */
#ifndef VS_L2TP_L2TP_LAYER_H
#define VS_L2TP_L2TP_LAYER_H

#include "dissect/event.h"

struct l2tp_layer;

struct l2tp_layer_options {
    struct tls_context *tls;  /* outlives the layer; for EAP */
    struct event_sink sink;
    uint32_t calls;           /* at most, and as many tunnels; at least 16 */
};

struct l2tp_layer_counters { uint64_t calls, evicted, malformed; };

/* NULL when memory is short. */
struct l2tp_layer *l2tp_layer_new(const struct l2tp_layer_options *options);
/* A UDP packet of a flow that is L2TP. */
void l2tp_layer_packet(struct l2tp_layer *l, const struct packet *p);
/* Capture time has come to now_ns: closes what has been silent for long. */
void l2tp_layer_time(struct l2tp_layer *l, int64_t now_ns);
void l2tp_layer_finish(struct l2tp_layer *l);
void l2tp_layer_get_counters(const struct l2tp_layer *l, struct l2tp_layer_counters *out);
uint64_t l2tp_layer_bytes(const struct l2tp_layer *l); /* of state in use now */
uint64_t l2tp_layer_call_bytes(void);                  /* of one call and its tunnel */
void l2tp_layer_free(struct l2tp_layer *l);

#endif
