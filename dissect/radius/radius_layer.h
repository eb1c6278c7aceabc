/*
 * RADIUS with a memory: requests and their answers, retransmissions, silence; logins followed by State across
 * identifiers, ports and servers; their EAP. Everything is told through the event sink. Bounded by its options.
 */
#ifndef VS_RADIUS_RADIUS_LAYER_H
#define VS_RADIUS_RADIUS_LAYER_H

#include "dissect/event.h"

struct radius_layer;

struct radius_layer_options {
    const struct secrets *secrets; /* outlives the layer */
    struct tls_context *tls;       /* likewise */
    struct event_sink sink;
    uint32_t requests;             /* most requests remembered, waiting or answered; at least 16 are */
    uint32_t conversations;        /* most logins in progress; at least 16 are */
};

struct radius_layer_counters {
    uint64_t conversations, conversations_evicted;
    uint64_t requests_evicted; /* forgotten while still waiting for an answer */
    uint64_t malformed;        /* packets */
};

/* NULL when memory is short. */
struct radius_layer *radius_layer_new(const struct radius_layer_options *options);

/*
 * A UDP packet of a RADIUS flow. peer_seen: its receiver has sent something to its sender before (a response from an
 * address that was asked itself is no wrong source; a State that nobody was seen to issue is no wonder when that side is
 * not captured). Packets that are not even a header are counted as malformed and not told.
 */
void radius_layer_packet(struct radius_layer *r, const struct packet *p, bool peer_seen);

/* True when p would answer a request that waits, also from a wrong source: it is RADIUS then, whatever its ports. */
bool radius_layer_expects(const struct radius_layer *r, const struct packet *p);

/* An ICMP or ICMPv6 message: when it is an error that quotes a waiting request, that is told as unanswered. */
void radius_layer_icmp(struct radius_layer *r, const struct packet *p);

/* Capture time has come to now_ns: tells silences and closes idle conversations. Cheap; time may jump either way. */
void radius_layer_time(struct radius_layer *r, int64_t now_ns);

/*
 * The capture is silent since the time it was told last, for longer than a NAS waits before it repeats its request. Where many
 * logins were under way just then, it was the capture that stood still (a clock set forward, a machine that slept, files joined
 * with others missing between them): they end as if it had ended there. Else nothing happens.
 */
void radius_layer_hole(struct radius_layer *r);

/* The capture ended at end_ns: what still waits is told, every conversation closed. */
void radius_layer_finish(struct radius_layer *r, int64_t end_ns);

void radius_layer_get_counters(const struct radius_layer *r, struct radius_layer_counters *out);

/* Bytes that the entries in use take now, EAP and TLS estimated, TLS buffers not counted. */
uint64_t radius_layer_bytes(const struct radius_layer *r);

/* Bytes of a remembered request and of a login in progress (EAP and TLS included, estimated), to divide a budget. */
size_t radius_layer_request_bytes(void);
size_t radius_layer_conversation_bytes(void);

void radius_layer_free(struct radius_layer *r);

#endif
