/*
 * The front door: frames of one vantage point in, events out. All state is bounded by the budget; time is the frames'.
 */
#ifndef VS_DISSECT_DISSECT_H
#define VS_DISSECT_DISSECT_H

#include "dissect/event.h"
#include "dissect/hosts.h"
#include "dissect/ike/ike_layer.h"
#include "dissect/l2tp/l2tp_layer.h"
#include "dissect/pptp/pptp_layer.h"
#include "dissect/sstp/sstp_layer.h"

struct dissect_options {
    const struct secrets *secrets;   /* may gain TLS secrets while frames are fed (DSB); outlives the dissector */
    uint64_t memory_bytes;           /* budget for conversations, flows, buffers; at least 4 MiB are taken */
    uint32_t *next_conversation;     /* serial counter shared by the dissectors of one analysis */
    event_fn *on_event;
    void *ctx;
    frame_fn *on_frame;              /* for who keeps packets; NULL: nobody */
    void *frame_ctx;
    uint32_t side;                   /* for on_frame: tells this dissector from others */
    bool without_hints;              /* no nDPI */
};

struct dissector;

struct dissector *dissect_new(const struct dissect_options *options); /* NULL when memory is short */
/* Frames of a batch, in capture order; they are looked at together (prefetch), told in order. */
void dissect_frames(struct dissector *d, const struct frame *frames, size_t count);
/*
 * Nothing came until now_ns, which goes on from the frames' time: silences that are over by then are told. A frame that
 * comes later and is older is welcome nevertheless.
 */
void dissect_silence(struct dissector *d, int64_t now_ns);
/* The capture ended: everything still open is told as closed. */
void dissect_finish(struct dissector *d);
void dissect_free(struct dissector *d);

/* One line of the table of protocols. */
struct protocol_count { const char *name; uint64_t flows, packets, bytes; };
/* Protocols by name (our own names first: "RADIUS", "EAPOL", "IKE", "ESP", "TLS"; nDPI's for the rest; "unknown"); lives
 * until the next call. Sorted by bytes, greatest first, then by name. */
size_t dissect_protocols(struct dissector *d, const struct protocol_count **out);

/* What hosts did that matters on an external NIC, in no meaningful order; lent until the dissector is freed or fed. */
size_t dissect_hosts(struct dissector *d, const struct host_deed **out);

struct dissect_counters {
    struct net_counters net;
    uint64_t flows, flows_evicted;
    uint64_t conversations, conversations_evicted;
    uint64_t one_sided_flows, judged_flows; /* judged: more than 3 packets; one_sided: of these, one direction only */
    uint64_t one_sided_radius, judged_radius; /* the same among RADIUS flows */
    uint64_t state_bytes_peak;
    uint64_t malformed_radius, malformed_eap, malformed_tls;
    struct ike_layer_counters ike;
    struct sstp_layer_counters sstp;
    struct l2tp_layer_counters l2tp;
    struct pptp_layer_counters pptp;
};
void dissect_get_counters(const struct dissector *d, struct dissect_counters *out);
/* What state takes now; its peak is measured once a batch. */
uint64_t dissect_state_bytes(const struct dissector *d);

#endif
