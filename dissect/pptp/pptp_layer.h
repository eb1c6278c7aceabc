/*
 * PPTP with a memory: control connections (TCP 1723) put together from their segments, calls by the ids that both ends chose, the
 * PPP in the enhanced GRE of each call. A conversation is one call; it begins with the control connection's request, so that an
 * attempt that never came to a call is told as well; a further call of the same connection is one more. A SYN that is not
 * answered is no PPTP yet. Calls whose control connection was not captured are known by their GRE: the two directions are one
 * call when exactly one call between the two hosts lacks the other direction. Who the client is: who sent the
 * Start-Control-Connection-Request, else who is not on port 1723; with GRE alone by PPP (who demands authentication is the
 * server), else who is seen first. Bounded by its options.
 */
#ifndef VS_PPTP_PPTP_LAYER_H
#define VS_PPTP_PPTP_LAYER_H

#include "dissect/event.h"

struct pptp_layer;

struct pptp_layer_options {
    struct tls_context *tls;  /* outlives the layer; for EAP */
    struct event_sink sink;
    uint32_t calls;           /* at most, and as many control connections; at least 16 */
    uint64_t waiting_bytes;   /* for segments that came too early */
};

struct pptp_layer_counters { uint64_t calls, evicted, malformed; };

/* NULL when memory is short. */
struct pptp_layer *pptp_layer_new(const struct pptp_layer_options *options);
/* A TCP packet of a flow that is PPTP's; flow: its number, which is not used again. */
void pptp_layer_packet(struct pptp_layer *l, const struct packet *p, uint32_t flow);
/* A packet of IP protocol 47 from the GRE header on. False when it is not PPTP's. */
bool pptp_layer_gre(struct pptp_layer *l, const struct packet *p);
/* Capture time has come to now_ns: closes what has been silent for long. */
void pptp_layer_time(struct pptp_layer *l, int64_t now_ns);
void pptp_layer_finish(struct pptp_layer *l);
void pptp_layer_get_counters(const struct pptp_layer *l, struct pptp_layer_counters *out);
uint64_t pptp_layer_bytes(const struct pptp_layer *l); /* of state in use now */
uint64_t pptp_layer_call_bytes(void);                  /* of one call and its control connection */
void pptp_layer_free(struct pptp_layer *l);

#endif
