/*
 * What the tunnel that carries a PPP link tells of its call: the control connections of L2TPv2 (RFC 2661) and PPTP (RFC 2637) in
 * one shape. Flat, to be copied as one likes.
 */
#ifndef VS_PPP_PPP_CALL_H
#define VS_PPP_PPP_CALL_H

#include "capture/frame.h"

enum { PPP_CALL_NAME_MAX = 63, PPP_CALL_TEXT_MAX = 95 };

/* A control message about a call. Lent for the call of the sink. */
struct ppp_call_message {
    const char *name;        /* as its RFC calls it: "SCCRQ", "Outgoing-Call-Reply"; "ZLB" for L2TP's bare acknowledgement */
    const char *words;       /* what its result code means; NULL without one or when it is unknown */
    struct span text;        /* L2TP: the message behind the result code */
    uint16_t type;           /* of its protocol; 0 for ZLB */
    uint16_t result, error;  /* valid with has_result */
    bool has_result;
    bool repeated;           /* sent again, or seen again */
};

/* How far the setup came. */
enum ppp_call_stage {
    PPP_CALL_DATA,       /* no control message was seen: known by its frames only */
    PPP_CALL_ASKED,      /* a control connection was asked for (SCCRQ) */
    PPP_CALL_ANSWERED,   /* ... and granted (SCCRP) */
    PPP_CALL_DIALLED,    /* a call was asked for (ICRQ, OCRQ) */
    PPP_CALL_CONNECTED   /* ... and granted (ICRP, OCRP) */
};

enum ppp_call_end {
    PPP_CALL_NOT_ENDED,
    PPP_CALL_REFUSED,    /* by a result code, or StopCCN or CDN before it was connected */
    PPP_CALL_CLEARED,    /* StopCCN, CDN, Call-Clear-Request and the like afterwards */
    PPP_CALL_HUNG_UP     /* PPTP: the TCP connection ended before it was connected */
};

struct ppp_call_name { uint8_t len; char text[PPP_CALL_NAME_MAX]; };   /* not terminated */

/* Arrays by enum direction: of ids and counters the way that the packets take, of names the sender. */
struct ppp_call_state {
    uint8_t stage;                  /* enum ppp_call_stage, the furthest */
    uint8_t end;                    /* enum ppp_call_end, the first */
    uint8_t end_by;                 /* enum direction of who ended it */
    uint8_t waiting_by;             /* ... of who waits for an answer; valid with waiting.frame */
    bool roles_shown;               /* who the client is was shown (control connection, port, PPP's roles); else it spoke first */
    bool has_result;                /* the end had a result code */
    uint16_t result, error;
    uint16_t end_message;           /* type of the message that ended it; 0: none did */
    uint16_t tunnel[2], call[2];    /* ids in packets that go this way, 0 unknown; PPTP has no tunnel ids */
    uint32_t hidden;                /* L2TP: attributes hidden by a shared secret */
    uint32_t malformed;             /* control messages */
    uint32_t transmissions;         /* of the request that was not answered */
    struct place waiting;           /* its first transmission; frame 0: nothing waits, nor did when the other side ended it */
    struct place ended;
    struct place last[2];           /* control messages and frames; frame 0: none */
    uint32_t missing[2];            /* PPTP: frames that were sent and not captured, by their sequence numbers; control messages */
    uint32_t next_sequence[2];      /* PPTP, within a call */
    uint64_t packets[2], bytes[2];  /* frames of PPP, and their octets on the wire */
    uint64_t control[2];            /* control messages, bare acknowledgements left out */
    struct ppp_call_name host[2], vendor[2]; /* of SCCRQ and SCCRP */
    uint8_t text_len;
    char text[PPP_CALL_TEXT_MAX];   /* L2TP: the message behind the result code of the end; cut; not terminated */
};

#endif
