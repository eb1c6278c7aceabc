/*
 * Packets that are held until it is known whether they are wanted: in strands, one of each conversation, of each flow that
 * nobody has understood yet, of each datagram that is not whole. All in one piece of memory; what is held longest goes first.
 */
#ifndef VS_ANALYZE_RECORD_HOLD_H
#define VS_ANALYZE_RECORD_HOLD_H

#include "capture/frame.h"
#include "capture/wire/address.h"

/* HOLD_DATAGRAM: what is known by addresses only: datagrams that are not whole, ICMP errors. */
enum hold_kind { HOLD_NOTHING, HOLD_CONVERSATION, HOLD_FLOW, HOLD_DATAGRAM };

/* side: whose serial it is. */
struct hold_key {
    uint64_t serial;
    uint32_t side, kind;
};

/* Of a conversation: packets, bytes, and of what users send; of the others packets. */
enum { HOLD_MOST = 4096, HOLD_BYTES_MOST = 4 << 20, HOLD_BULK_MOST = 16, HOLD_UNKNOWN_MOST = 64 };

/* Of a packet: bytes. */
enum { HOLD_PACKET_MOST = 262144 };

/* Datagrams held at once. */
enum { HOLD_DATAGRAMS_MOST = 1024 };

struct hold_counters {
    uint64_t packets, bytes;   /* held now */
    uint64_t strands;
    uint64_t evicted_packets, evicted_conversations; /* given up for others */
    uint64_t beyond;           /* not taken: their conversation has its share */
};

struct hold;

/* memory_bytes: for all, at least HOLD_BYTES_LEAST are taken. NULL when memory is short. */
enum { HOLD_BYTES_LEAST = 576 << 10 };
struct hold *hold_new(uint64_t memory_bytes);
void hold_free(struct hold *h);
/* Of the memory what is in use now. */
uint64_t hold_bytes(const struct hold *h);

/* Copies a packet to the end of a strand; bulk: what users send. False when it is not taken. */
bool hold_add(struct hold *h, struct hold_key key, const struct frame *f, bool bulk);

/* What a strand holds goes to the end of another. */
void hold_join(struct hold *h, struct hold_key from, struct hold_key to);

/* The flow is one of the conversation's: what comes of it is the conversation's, when that ends as well. */
void hold_flow(struct hold *h, struct hold_key conversation, struct hold_key flow);
/* Fills in the flows of a conversation, the latest first; returns their number. */
enum { HOLD_FLOWS = 4 };
size_t hold_flows(struct hold *h, struct hold_key conversation, struct hold_key flows[static HOLD_FLOWS]);

/* Between whom a datagram or a conversation goes, when that began, and its IP protocol (0: any). */
struct hold_ends {
    struct address a, b;
    int64_t time_ns;
    uint8_t ip_proto;
};
void hold_ends(struct hold *h, struct hold_key key, const struct hold_ends *ends);
/* Joins the datagrams between its ends, either way, that came since it began and before another one between them did. */
void hold_join_datagrams(struct hold *h, struct hold_key conversation);

/* Whose attempt a conversation is a part of. A tunnel, and a login of the same client that begins while it is there, are of one. */
enum hold_role { HOLD_NEITHER, HOLD_TUNNEL, HOLD_LOGIN };
struct hold_party {
    struct endpoint client;    /* port 0: not known */
    int64_t from_ns, until_ns; /* INT64_MAX: it goes on */
    uint8_t role;              /* enum hold_role */
    bool recorded;             /* what was held of it has been written, for another one's sake */
};
/* Sets who it is of, when it is held. */
void hold_set_party(struct hold *h, struct hold_key conversation, const struct hold_party *party);
/* NULL when it is not held; valid until something is added. */
const struct hold_party *hold_party(struct hold *h, struct hold_key conversation);
/* It is over, and is kept for as long as there is room: it goes first. */
void hold_linger(struct hold *h, struct hold_key conversation);
/*
 * The one of that role that fits, of those that began latest; looked for among a few hundred. False when there is none, or, of
 * tunnels, when two fit.
 */
bool hold_partner(struct hold *h, enum hold_role role, const struct hold_party *of, struct hold_key *out);
/* What a strand holds goes to the end of another, and nothing is left of it but what is known of it. */
void hold_move(struct hold *h, struct hold_key from, struct hold_key to);

void hold_drop(struct hold *h, struct hold_key key);
/* Forgets the packets only. */
void hold_empty(struct hold *h, struct hold_key key);

/*
 * Calls each for a strand's packets in the order of their times; the bytes are lent for the call. False from it stops. Each
 * must not change what is held.
 */
typedef bool hold_fn(void *ctx, const struct frame *f);
void hold_each(struct hold *h, struct hold_key key, hold_fn *each, void *ctx);

const struct hold_counters *hold_counters(const struct hold *h);

#endif
