/*
 * TCP connections with a memory, as far as SSTP goes: streams put together, PROXY headers, TLS, HTTP, SSTP and PPP in them, on
 * any port. Attempts that never got an answer are told when they end, a listed number of them; others as they happen.
 * Everything is told through the event sink. Established tunnels without keys cost what their headers cost. Bounded by its options.
 */
#ifndef VS_SSTP_SSTP_LAYER_H
#define VS_SSTP_SSTP_LAYER_H

#include "dissect/event.h"
#include "dissect/net/flow.h"

struct sstp_layer;

struct sstp_layer_options {
    const struct secrets *secrets; /* outlives the layer */
    struct tls_context *tls;       /* likewise */
    struct event_sink sink;
    uint64_t memory_bytes;         /* for connections, and half as much again for segments that wait */
    uint32_t lone_listed;          /* attempts without any octet of the server that are told; 0: SSTP_LONE_LISTED */
};

enum { SSTP_LONE_LISTED = 2048 };

struct sstp_layer_counters {
    uint64_t connections, evicted;   /* TCP connections taken in; given up to stay in bounds */
    uint64_t unlisted;               /* attempts without an answer that are not told: too many */
    uint64_t others;                 /* whose first octets were something else */
    uint64_t malformed;
};

/* NULL when memory is short. */
struct sstp_layer *sstp_layer_new(const struct sstp_layer_options *options);

/* A TCP packet of flow f, which the layer may settle (class) and keeps a word in (f->ike). from_low: by its lower end. */
void sstp_layer_packet(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low);
/* An ICMP error that may quote a segment. flows: where its flow may be found. */
void sstp_layer_icmp(struct sstp_layer *l, const struct packet *p, struct flow_table *flows);
/* The flow is given up, and so is what was known of its connection. */
void sstp_layer_drop(struct sstp_layer *l, struct flow *f);
/* Capture time has come to now_ns: closes what has been silent for long. Cheap. */
void sstp_layer_time(struct sstp_layer *l, int64_t now_ns);
void sstp_layer_finish(struct sstp_layer *l, int64_t end_ns);
void sstp_layer_get_counters(const struct sstp_layer *l, struct sstp_layer_counters *out);
uint64_t sstp_layer_bytes(const struct sstp_layer *l); /* bytes of state in use now */
void sstp_layer_free(struct sstp_layer *l);

#endif
