/*
 * From frames to packets: link layers, tunnels, IP with extension headers, fragments joined, duplicates counted once.
 * Bounded: fragments in progress, remembered duplicates; nothing is allocated per frame.
 */
#ifndef VS_NET_NET_H
#define VS_NET_NET_H

#include "dissect/net/packet.h"

struct net;

/* A datagram of which not all fragments came within NET_FRAGMENT_TIMEOUT_NS of capture time, or by the end. */
struct net_lost_fragments {
    struct endpoint src, dst;  /* ports are 0 unless the first fragment was seen */
    uint8_t ip_proto;
    bool first_seen, last_seen; /* offset 0; the one without "more fragments" */
    uint32_t fragments;        /* that were seen */
    uint32_t bytes;            /* payload bytes seen */
    uint32_t missing_offset;   /* first missing payload byte */
    struct place first, last;  /* first and last fragment seen */
    uint32_t tunnel;
    struct span payload;       /* contiguous bytes from offset 0 on, empty when the first fragment never came */
    bool capture_ended;        /* still within the timeout when its capture ended: not evidence of loss */
    int64_t waited_ns;         /* how long its own capture went on after the last fragment; others say nothing of it */
    bool cut;                  /* a fragment was cut by the snap length: not evidence of loss */
};

enum { NET_FRAGMENTS_MAX = 1024, NET_FRAGMENT_BYTES_MAX = 65535 };
#define NET_FRAGMENT_TIMEOUT_NS (30 * INT64_C(1000000000))
#define NET_DUPLICATE_WINDOW_NS (10 * INT64_C(1000000))

struct net_handler {
    void (*packet)(void *ctx, const struct packet *p);
    void (*lost_fragments)(void *ctx, const struct net_lost_fragments *lost);
    void *ctx;
    /* An IP fragment, before the packet that it may complete; p has its frame and addresses. May be NULL. */
    void (*piece)(void *ctx, const struct packet *p, uint64_t datagram);
};

struct net_counters {
    uint64_t frames;
    uint64_t packets;          /* handed to the handler */
    uint64_t duplicates;       /* frames that repeated another one within the window (also a router hop apart), not handed on */
    uint64_t malformed;        /* frames whose headers contradict themselves */
    uint64_t cut;              /* frames cut inside headers */
    uint64_t unknown_link;     /* frames of a link type that is not dissected */
    uint64_t fragments;        /* IP fragments seen */
    uint64_t fragments_evicted; /* datagrams in progress given up to stay in bounds */
    uint64_t overlapping;      /* fragments that overlapped with other bytes (first copy kept) */
    uint64_t dropped_by_host;  /* frames that the capture marks as dropped by the capturing host (FRAME_DROPPED), copies too */
    uint64_t too_deep;         /* more than the allowed number of nested headers */
};

/* Whether frames of this LINKTYPE_ are dissected. */
bool net_reads_link(uint32_t link_type);

/* NULL when memory is short. The caller frees. */
struct net *net_new(const struct net_handler *handler);

/*
 * Looks at up to NET_AHEAD frames before their turn, so that what they need is brought near meanwhile. Calls no handler. The
 * frames stay where they are until each has been taken, in turn. ends[i]: what tells its flow, lent as its packet is; NULL where
 * that is not known yet.
 */
enum { NET_AHEAD = 32 };
void net_look(struct net *n, const struct frame *frames, size_t count, const struct packet_ends **ends);
/* Decodes the i-th of them. The usual packet is returned, lent until the next net_look; NULL: there is none, or the handler
 * had it (at most one). */
const struct packet *net_take(struct net *n, size_t i);

/* Decodes one frame and calls the handler for what it completes (at most one packet). */
void net_frame(struct net *n, const struct frame *f);

/* The end of the capture: reports the fragments still waiting. */
void net_finish(struct net *n);

const struct net_counters *net_counters(const struct net *n);
void net_free(struct net *n);

#endif
