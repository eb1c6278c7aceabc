/*
 * One SSTP connection from behind its HTTP heads on, as an observer sees both ends of MS-SSTP's state machine
 * (3.2, 3.3): who asked, who refused, who aborted and with which status, which timer runs, and the PPP link inside. Fed
 * with the octets of each direction in order. wire-facts 2.4 to 2.6.
 */
#ifndef VS_SSTP_SSTP_LINK_H
#define VS_SSTP_SSTP_LINK_H

#include "dissect/ppp/ppp_link.h"
#include "dissect/sstp/sstp.h"

enum { SSTP_STATUSES_MAX = 4 }; /* kept of a refusal */

/* How far the connection came. */
enum sstp_stage {
    SSTP_STAGE_NONE,           /* nothing was seen */
    SSTP_STAGE_ANSWERED,       /* the HTTP request got its 200 */
    SSTP_STAGE_REQUESTED,      /* CALL_CONNECT_REQUEST */
    SSTP_STAGE_REFUSED,        /* CALL_CONNECT_NAK; the client may ask again */
    SSTP_STAGE_ACKNOWLEDGED,   /* CALL_CONNECT_ACK: PPP runs */
    SSTP_STAGE_CONNECTED,      /* CALL_CONNECTED: the client's authentication passed */
    SSTP_STAGE_ABORTED,        /* CALL_ABORT */
    SSTP_STAGE_DISCONNECTING,  /* CALL_DISCONNECT */
    SSTP_STAGE_DISCONNECTED    /* CALL_DISCONNECT_ACK */
};

struct sstp_status_info { uint8_t attribute; uint32_t status; }; /* enum sstp_attribute_id, enum sstp_status */

/* Why a message of refusal was sent. */
struct sstp_refusal {
    uint8_t count;                                  /* in info */
    struct sstp_status_info info[SSTP_STATUSES_MAX];
};

/* Arrays of two are by enum direction of the sender. */
struct sstp_state {
    uint8_t stage;                            /* enum sstp_stage */
    uint8_t ended_by;                         /* ABORTED, DISCONNECTING, DISCONNECTED: enum direction of who began it */
    bool midway;                              /* the capture seems to begin within the connection: neither the HTTP
                                                 answer was told of nor was CALL_CONNECT_REQUEST the first packet */
    bool retries_exceeded;                    /* more CALL_CONNECT_REQUESTs than MS-SSTP's three */
    struct place since;                       /* the packet that led to this stage */
    struct place first[SSTP_MESSAGES];        /* of each message; SSTP_DATA: the first data packet */
    uint32_t count[SSTP_MESSAGES];            /* of each message, data packets too */
    struct sstp_refusal nak, abort, disconnect; /* of the last NAK, the first ABORT and DISCONNECT */
    uint16_t protocol;                        /* of the last CALL_CONNECT_REQUEST */
    uint8_t hashes_accepted;                  /* bits in CALL_CONNECT_ACK, 0 unseen */
    bool has_nonce, has_connected;
    uint8_t nonce[SSTP_NONCE];                /* of CALL_CONNECT_ACK */
    uint8_t connected[SSTP_CONNECTED_SIZE];   /* the CALL_CONNECTED, for sstp_binding.h */
    bool echo_pending[2];                     /* this side's ECHO_REQUEST has no answer, and nothing else came since */
    struct place echo_sent[2];                /* that one */
    struct place last[2];                     /* last octets of this side */
    bool closed[2];                           /* this side ended the connection (FIN or RST) */
    struct place closed_at[2];
    const char *broken[2];                    /* why this direction could not be read any further; NULL */
    uint32_t unexpected, malformed;           /* messages as in SSTP_EVENT_UNEXPECTED; packets */
};

/* The timers of MS-SSTP 3.1.2, 3.2.2, 3.3.2 that somebody waits on. */
enum sstp_timer {
    SSTP_TIMER_NONE,
    SSTP_TIMER_CONNECT_REQUEST,  /* server: 60 s for the client's first message */
    SSTP_TIMER_CONNECT_ACK,      /* client: 60 s for the answer */
    SSTP_TIMER_AUTHENTICATION,   /* both: 60 s until CALL_CONNECTED */
    SSTP_TIMER_ECHO,             /* 60 s for anything after an ECHO_REQUEST; then TCP is closed without a word */
    SSTP_TIMER_ABORT,            /* 3 s for the other side's CALL_ABORT or the end of TCP */
    SSTP_TIMER_DISCONNECT        /* 5 s for CALL_DISCONNECT_ACK */
};
struct sstp_wait {
    enum sstp_timer timer;
    enum direction waiting;  /* who waits; for AUTHENTICATION TO_CLIENT, the server */
    struct place since;
    int64_t limit_ns;        /* of the timer */
    bool expired;            /* at the time asked for */
};
/* What the connection waits for at that time (packets' clock). NONE when it was closed or can no more be read. */
struct sstp_wait sstp_waits_for(const struct sstp_state *state, int64_t now_ns);

enum sstp_event_kind {
    SSTP_EVENT_CONTROL,    /* u.packet: a control message */
    SSTP_EVENT_STAGE,      /* u.state: a new stage */
    SSTP_EVENT_PPP,        /* u.ppp: an event of the link inside; dir is its dir */
    SSTP_EVENT_UNEXPECTED, /* u.reason: a message against the roles or the order within its direction; the directions
                              may be fed out of step with each other */
    SSTP_EVENT_MALFORMED,  /* u.reason: a packet whose lengths contradict */
    SSTP_EVENT_BROKEN      /* u.reason: the framing of this direction is lost for good */
};

/* Lent for the call. Reasons are constant sentences. */
struct sstp_event {
    enum sstp_event_kind kind;
    enum direction dir;
    struct place place;
    union {
        const struct sstp_packet *packet;
        const struct sstp_state *state;
        const struct ppp_event *ppp;
        const char *reason;
    } u;
};
typedef void sstp_event_fn(void *ctx, const struct sstp_event *event);

struct sstp_link;

/* NULL when memory is short. tls, for EAP inside PPP, and ctx outlive it. Below 1 KiB until PPP begins. */
struct sstp_link *sstp_link_new(struct tls_context *tls, sstp_event_fn *on_event, void *ctx);
void sstp_link_free(struct sstp_link *link);
size_t sstp_link_bytes(const struct sstp_link *link); /* of memory that it holds, about; 0 for NULL */

/* The HTTP request was answered with 200: the server's first timer runs. Left out when nobody saw it. */
void sstp_link_answered(struct sstp_link *link, const struct place *place);
/* The next octets of one direction, in any cut. */
void sstp_link_feed(struct sstp_link *link, enum direction dir, struct span bytes, const struct place *place);
/* n octets of that direction are missing here. */
void sstp_link_gap(struct sstp_link *link, enum direction dir, uint64_t n, const struct place *place);
/* That side ended the connection. */
void sstp_link_closed(struct sstp_link *link, enum direction dir, const struct place *place);

/* Lent as long as the link lives; changes with every packet. */
const struct sstp_state *sstp_link_state(const struct sstp_link *link);
/* The PPP link inside; NULL while there was no data packet. */
const struct ppp_link *sstp_link_ppp(const struct sstp_link *link);

#endif
