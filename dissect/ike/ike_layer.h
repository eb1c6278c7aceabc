/*
 * IKE with a memory: security associations by their SPIs across ports 500 and 4500, addresses (NAT rebinding, MOBIKE) and both
 * sides of a translator; requests and responses by message id; retransmissions by identical bytes; SKF fragments joined; with
 * keys the payloads inside SK and the EAP conversation of IKE_AUTH. ESP is counted for the SA whose path it takes and never
 * looked into. Everything is told through the event sink. Bounded by its options.
 */
#ifndef VS_IKE_IKE_LAYER_H
#define VS_IKE_IKE_LAYER_H

#include "dissect/event.h"
#include "dissect/net/flow.h"

struct ike_layer;

struct ike_layer_options {
    const struct secrets *secrets; /* outlives the layer */
    struct tls_context *tls;       /* likewise; for EAP inside IKE_AUTH */
    struct event_sink sink;
    uint32_t associations;         /* most SAs held; at least 16 are. Half-open ones of a flood go before established ones. */
    uint64_t buffer_bytes;         /* for SKF fragments and decrypted messages in progress, over all SAs */
    uint64_t lone_bytes;           /* for first requests that wait until something follows them; at least 64 KiB are taken */
    uint32_t lone_listed;          /* associations that stay a first request and no more; further ones are counted only. 0:
                                      IKE_LONE_LISTED */
};

/* IKE_FLOODED_MAX: responders whose lone requests are counted apart. */
enum { IKE_LONE_LISTED = 2048, IKE_FLOODED_MAX = 8 };

/* Requests to one responder that nobody answered, repeated or went on from, beyond those that are told. */
struct ike_flooded {
    struct address responder;
    uint64_t requests;
    struct place first, last;      /* of those that waited at some time */
};

struct ike_layer_counters {
    uint64_t associations, associations_evicted;
    uint64_t malformed;            /* messages */
    uint64_t keepalives, esp_packets, esp_bytes, esp_unattributed; /* packets on no known SA's path */
    uint64_t wrong_keys;           /* SK payloads that a given key did not open */
    uint64_t unlisted;             /* first requests that are not told: too many, and nothing followed them */
    struct ike_flooded flooded[IKE_FLOODED_MAX]; uint8_t flooded_count; /* whom they asked; in order of first sight */
};

/* NULL when memory is short. */
struct ike_layer *ike_layer_new(const struct ike_layer_options *options);

enum ike_carried { IKE_CARRIED_IKE, IKE_CARRIED_ESP, IKE_CARRIED_KEEPALIVE };

/*
 * A UDP packet of a flow that was recognised as IKE or ESP: marker, keepalive, ESP and IKE are told apart here, and what it
 * was is returned. f: the packet's flow, in which the layer keeps a word (f->ike); from_low: by its lower end.
 */
enum ike_carried ike_layer_packet(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low);
/* Bare ESP: PACKET_IP with IP_PROTO_ESP. */
void ike_layer_esp(struct ike_layer *l, const struct packet *p);
/* An ICMP error that may quote an IKE message: when its association is known and waits for an answer, that is told. */
void ike_layer_icmp(struct ike_layer *l, const struct packet *p);
/* Capture time has come to now_ns: closes idle associations. Cheap. */
void ike_layer_time(struct ike_layer *l, int64_t now_ns);
void ike_layer_finish(struct ike_layer *l, int64_t end_ns);
void ike_layer_get_counters(const struct ike_layer *l, struct ike_layer_counters *out);
uint64_t ike_layer_bytes(const struct ike_layer *l);   /* bytes of state in use now */
size_t ike_layer_association_bytes(void);              /* of one SA, to divide a budget */
void ike_layer_free(struct ike_layer *l);

#endif
