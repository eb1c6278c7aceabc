/*
 * The flow table: one entry of a cache line for both directions of a conversation of addresses and ports.
 * Bounded; of a few looked at, the least recently used goes first, where both ends spoke a minute later.
 */
#ifndef VS_NET_FLOW_H
#define VS_NET_FLOW_H

#include "dissect/net/packet.h"

/* What our own recognisers settled; FLOW_OTHER when they never will. */
enum flow_class {
    FLOW_NEW = 0,   /* not decided */
    FLOW_RADIUS,
    FLOW_EAPOL,
    FLOW_IKE,       /* UDP 500/4500 or IKE header */
    FLOW_ESP,
    FLOW_TLS,
    FLOW_L2TP,
    FLOW_PPTP,      /* its control connection */
    FLOW_DNS,
    FLOW_SSTP,      /* read as such: with keys, or in clear */
    FLOW_OTHER,     /* left to nDPI's hint */
};

#define FLOW_HINT_DONE UINT16_MAX

/* One cache line. */
struct flow {
    uint64_t key[2];           /* flow.c's own: low and high in a word each */
    uint64_t bytes;            /* both directions, payload bytes on the wire */
    int64_t last_ns;
    uint32_t packets[2];       /* from low, from high; saturating */
    uint32_t hash;             /* flow.c's own */
    uint32_t id;               /* serial, from 1; unique within a table's life */
    uint32_t ike;              /* the IKE layer's own, or that of TCP's; 0 at first */
    uint32_t ends;             /* likewise */
    uint16_t hint;             /* nDPI state slot + 1 while undecided, 0 none, FLOW_HINT_DONE: asked, no more to come */
    uint16_t protocol;         /* nDPI's master/app protocol once known, 0 unknown */
    uint8_t class;             /* enum flow_class */
    uint8_t judged;            /* the dissector's marks about one-sidedness */
    uint8_t tries;             /* payload packets shown to the recognisers so far */
    bool carries_esp : 1;      /* FLOW_IKE: ESP as well, and counts as that */
    bool low_is_client : 1;    /* low sent the first packet seen */
    bool is_tcp : 1;           /* else UDP */
};

struct flow_table;

/* A flow given up before it was silent for so long counts as given up young. */
#define FLOW_YOUNG_NS (60 * INT64_C(1000000000))

enum { FLOW_BYTES = 64 + 2 * 4 }; /* of memory for each flow that a table has room for */

/* room: most flows held at once. NULL when memory is short. */
struct flow_table *flow_table_new(uint32_t room);

/* What is known of a packet's flow before the packet's turn. */
struct flow_ahead {
    const struct packet_ends *ends; /* the packet's; NULL: nothing is known, and the rest is not filled in */
    struct flow *flow;              /* where it lies, or may come to lie */
    uint32_t home;                  /* flow.c's own */
};

/* Brings near what flow_of will need for packets of these ends that come soon: first their places in the table, then, when those
 * have arrived, their flows. ends[i] may be NULL. */
void flow_look(const struct flow_table *t, const struct packet_ends *const *ends, size_t count, struct flow_ahead *ahead);

/* The flow, when it is still where it was; NULL: flow_of has to find it. */
static inline struct flow *flow_known(const struct flow_ahead *a)
{
    struct flow *f = a->flow;
    return a->ends != NULL && f->key[0] == a->ends->low && f->key[1] == a->ends->high ? f : NULL;
}

/* Counts a packet of a flow. */
static inline void flow_add(struct flow *f, const struct packet *p, bool from_low)
{
    uint32_t *packets = &f->packets[from_low ? 0 : 1];
    *packets += *packets != UINT32_MAX;
    f->bytes += p->payload_wire_len;
    f->last_ns = p->frame->time_ns;
}

/* Finds or makes the flow of a packet and counts it. a: what was found out ahead of this packet, NULL for nothing. *from_low
 * tells the direction; *fresh that it was just made. Never NULL for UDP and TCP packets; the pointer is valid until the next
 * call. */
struct flow *flow_of(struct flow_table *t, const struct packet *p, const struct flow_ahead *a, bool *from_low, bool *fresh);

/* Finds the flow of these endpoints without making or counting it; NULL when there is none. */
struct flow *flow_find(struct flow_table *t, const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto,
                       uint32_t tunnel);

/* Names who is told of each flow that is given up to stay in bounds, just before its entry is used anew. */
typedef void flow_fn(void *ctx, struct flow *f);
void flow_on_drop(struct flow_table *t, flow_fn *drop, void *ctx);

/* Calls each for all flows held, in no meaningful order; each must not look up or make flows. */
void flow_each(struct flow_table *t, flow_fn *each, void *ctx);

uint64_t flow_count(const struct flow_table *t);   /* flows ever made */
uint64_t flow_evicted(const struct flow_table *t); /* flows given up while still young, to stay in bounds */
void flow_table_free(struct flow_table *t);

/* Community ID v1 ("1:" base64 of SHA-1, seed 0) of what goes between two ends; "-" for ICMP (whose types are not kept) and MAC
 * addresses. In flow_community.c (needs SHA-1). Returns out. */
const char *flow_community_id(char out[static 32], const struct endpoint *a, const struct endpoint *b, uint8_t ip_proto);

#endif
