/*
 * Calls that carry PPP: the conversations of L2TP and PPTP. Found by the ids in the packets of either direction; each with its
 * PPP link; told through the event sink. Bounded: ended calls go first, then those that never came to a network, the longest
 * silent first. Time is told (ppp_calls_time). For the layers that know what a packet is.
 */
#ifndef VS_PPP_PPP_CALLS_H
#define VS_PPP_PPP_CALLS_H

#include "capture/wire/index.h"
#include "dissect/event.h"
#include "dissect/ppp/ppp_link.h"

#define PPP_CALL_ENDED_NS (30 * INT64_C(1000000000))           /* an ended call waits as long for what comes late */
#define PPP_CALL_OPEN_NS (30 * 60 * INT64_C(1000000000))       /* silence of one that carried datagrams; else CONVERSATION_IDLE_NS */

/* What a packet of a call has: who gets it, from whom, and the ids that the receiver chose. */
struct ppp_call_key {
    struct endpoint receiver;      /* port 0 in PPTP */
    struct address sender;         /* another port may answer than was asked: RFC 2661 section 8.1 */
    uint32_t outer;                /* packet.tunnel */
    uint16_t tunnel, call;
};

enum { PPP_CALL_KEYS = 3 /* one for each direction, one for a call of which just one is known */ };

struct ppp_calls;

/* One call. The layers read all of it, and write conv and state; what stands below is the table's own. */
struct ppp_call {
    struct conversation conv;
    struct ppp_call_state state;
    struct ppp_calls *calls;
    uint64_t carrier;              /* its control connection, by ppp_call_carried_by; 0 none */
    struct ppp_link *link;
    struct ppp_call_key key[2];    /* by direction */
    uint64_t hash[PPP_CALL_KEYS];  /* 0: not in the index */
    int64_t listed_ns;
    uint32_t newer, older;
    uint32_t next, previous;       /* running call of its carrier */
    bool carried;                  /* is in that list */
    uint8_t list;
    bool used;
};

/* Tells the layer that the call is given up, before it is. */
typedef void ppp_call_gone_fn(void *ctx, struct ppp_call *call);

struct ppp_calls_options {
    enum conversation_type type;
    struct tls_context *tls;       /* outlives the table */
    struct event_sink sink;
    uint32_t room;                 /* calls at most; at least 16 */
    ppp_call_gone_fn *gone;        /* may be NULL */
    void *ctx;
};

/* NULL when memory is short. */
struct ppp_calls *ppp_calls_new(const struct ppp_calls_options *options);
void ppp_calls_free(struct ppp_calls *t);

/* The call that a packet belongs to, and the way it goes; NULL when none is known. */
struct ppp_call *ppp_calls_find(const struct ppp_calls *t, const struct ppp_call_key *key, enum direction *dir);

/* The only call between the two hosts of which the ids of this way are not known yet; NULL when there is none or several. */
struct ppp_call *ppp_calls_find_half(const struct ppp_calls *t, const struct ppp_call_key *key, enum direction *dir);

/* Opens a call, and may close others to stay in bounds. Without a key yet. Never NULL. */
struct ppp_call *ppp_call_open(struct ppp_calls *t, const struct endpoint *client, const struct endpoint *server,
                               bool begun_before, enum direction dir, const struct place *place);

/* Says which packets belong to it in one direction. A call that had the same ids before is closed. */
void ppp_call_set_key(struct ppp_call *call, enum direction dir, const struct ppp_call_key *key);

/*
 * A call that is known by its frames only: found, completed by the other way's ids, or opened. from_server: the packet's ports
 * show that the server sent it, from_client likewise; else PPP itself may show it, else who speaks first is taken for the
 * client. sender: the whole endpoint. *dir: the way that the frame goes. NULL for what is no frame of PPP that would open a call.
 */
struct ppp_call *ppp_calls_of_frame(struct ppp_calls *t, const struct ppp_call_key *key, const struct endpoint *sender,
                                    bool from_client, bool from_server, struct span frame, const struct place *place,
                                    enum direction *dir);

/* A PPP frame of the call; wire_len: its octets on the wire. */
void ppp_call_frame(struct ppp_call *call, enum direction dir, struct span frame, uint32_t wire_len, const struct place *place);

/* A packet of its way without a frame: PPTP's bare acknowledgement. */
void ppp_call_bare(struct ppp_call *call, enum direction dir, const struct place *place);

/* A control message about it, for the sink. */
void ppp_call_tell(struct ppp_call *call, enum direction dir, const struct ppp_call_message *m, const struct place *place);

/* Facts of the state. Result and text may be none. The first end counts. */
void ppp_call_reached(struct ppp_call *call, enum ppp_call_stage stage);
void ppp_call_ended(struct ppp_call *call, enum ppp_call_end end, enum direction by, const struct ppp_call_message *m,
                    const struct place *place);
/* A request of `by` that wants an answer; repeated: once more. */
void ppp_call_asks(struct ppp_call *call, enum direction by, bool repeated, const struct place *place);
void ppp_call_answered(struct ppp_call *call);
void ppp_call_put_name(struct ppp_call_name *to, struct span text);

void ppp_call_close(struct ppp_call *call, enum close_reason reason);

/* The control connection of a new call: the layer's number of it, from 1 to room + 1, with a serial above its 32 bits that makes
 * it unique. */
void ppp_call_carried_by(struct ppp_call *call, uint64_t carrier);

/* All calls of a control connection that have not ended. Each may be ended meanwhile, none closed. */
void ppp_calls_of_carrier(struct ppp_calls *t, uint64_t carrier, ppp_call_gone_fn *each, void *ctx);

/* The next packet came in that frame: time may not have been told yet. Returns when its calls are heard of. */
int64_t ppp_calls_at(struct ppp_calls *t, const struct frame *f);

void ppp_calls_time(struct ppp_calls *t, int64_t now_ns);
void ppp_calls_finish(struct ppp_calls *t);

struct ppp_calls_counters { uint64_t opened, evicted; };
void ppp_calls_get_counters(const struct ppp_calls *t, struct ppp_calls_counters *out);
uint64_t ppp_calls_bytes(const struct ppp_calls *t); /* of state in use now */
uint64_t ppp_calls_call_bytes(void);                 /* of one call */

#endif
