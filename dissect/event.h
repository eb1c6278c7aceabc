/*
 * Everything dissection tells: one envelope, one union of what the layers saw. All of it is lent for the call.
 */
#ifndef VS_DISSECT_EVENT_H
#define VS_DISSECT_EVENT_H

#include "dissect/dns/dns.h"
#include "dissect/eap/eap.h"
#include "dissect/ike/ike_event.h"
#include "dissect/net/net.h"
#include "dissect/ppp/ppp_call.h"
#include "dissect/radius/radius.h"
#include "dissect/sstp/sstp_event.h"

enum conversation_type {
    CONVERSATION_RADIUS,
    CONVERSATION_EAPOL,
    CONVERSATION_IKE,  /* IKEv2 */
    CONVERSATION_IKE1,
    CONVERSATION_SSTP, /* a TCP connection that is, or may be, SSTP, a probe of it, or other TLS */
    CONVERSATION_L2TP, /* one call: PPP in L2TPv2 */
    CONVERSATION_PPTP  /* one call: PPP in GRE */
};

struct event;
struct radius_event;

/* One authentication as its carrier tells it apart (RADIUS by State, EAPOL by the supplicant's address, IKE by its SPIs, SSTP by
 * its TCP connection, L2TP and PPTP by the call). */
struct conversation {
    uint32_t id;                    /* serial from 1 over the whole analysis */
    enum conversation_type type;
    struct endpoint client, server; /* NAS and RADIUS server; supplicant and authenticator; initiator and responder;
                                       who opened the TCP connection and who was asked */
    bool begun_before;              /* the capture started in its middle: its first packets were not seen */
    uint32_t flow;                  /* SSTP: that of all its packets, as struct frame_ties has it; else 0 */
    void *user;                     /* the receiver's own; NULL at first; never touched by dissection */
    /* May be set by the receiver at EVENT_OPENED; NULL at first. EAP events of a RADIUS, IKE or PPP-carrying conversation then go
     * straight to it, with user as its context, and not to the sink; only malformed ones, which dissection counts, still do. */
    eap_event_fn *on_eap;
    /* Likewise, with user as its context: gets what EVENT_RADIUS would tell of a RADIUS conversation, instead of the sink; unless
     * somebody keeps frames (frame_fn), then it is forgotten, and the events go to the sink. */
    void (*on_radius)(void *user, enum direction dir, const struct place *place, const struct radius_event *e);
    /* Likewise, the EVENT_IKE of an IKE conversation; but while somebody keeps frames they go to the sink. */
    void (*on_ike)(void *user, const struct event *e);
    /* Likewise: gets what SSTP_TOLD_RECORD would tell, the record's length and place. */
    void (*on_record)(void *user, enum direction dir, uint32_t length, const struct place *place);
    /* Set by dissection for conversations that last: tells at once, as EVENT_STATE, what EVENT_CLOSED would if the capture
     * ended now. May be called while an event is told. NULL: it is closed with the packet that decides it. */
    void (*tell_state)(struct conversation *conv);
};

enum close_reason {
    CLOSE_FINAL,        /* Access-Accept or Access-Reject; EAP-Success or EAP-Failure on EAPOL */
    CLOSE_IDLE,         /* nothing for CONVERSATION_IDLE_NS of capture time */
    CLOSE_END,          /* the capture ended */
    CLOSE_EVICTED,      /* state budget */
    CLOSE_REPLACED,     /* the peer began anew on the same key */
};
#define CONVERSATION_IDLE_NS (120 * INT64_C(1000000000))
#define RADIUS_ANSWER_NS (30 * INT64_C(1000000000))

enum radius_role {
    RADIUS_NEW_REQUEST,
    RADIUS_RETRANSMISSION,      /* same identifier, authenticator, addresses and ports as a request waiting */
    RADIUS_RESPONSE,            /* answers a request; elapsed_ns from its first transmission */
    RADIUS_REPEATED_RESPONSE,   /* another answer to a request already answered */
    RADIUS_UNMATCHED_RESPONSE,  /* no request was seen for it (capture began later, one-sided, or lost) */
    RADIUS_WRONG_SOURCE,        /* answers a waiting request by identifier, but comes from another address or port than asked
                                   (R5); with the secret its authenticator proves it */
    RADIUS_UNANSWERED,          /* no packet: the request at `request` was never answered; packet is NULL */
};

/* Lent for the call, and so is all that it points to. */
struct radius_event {
    enum radius_role role;
    uint8_t code;                       /* of the packet; of the request for RADIUS_UNANSWERED */
    uint8_t request_code;               /* responses: code of the request, 0 unknown */
    bool capture_ended;                 /* UNANSWERED: the capture ended less than RADIUS_ANSWER_NS after it */
    bool icmp_unreachable;              /* UNANSWERED: an ICMP error came back for it; place is that of the ICMP */
    bool other_server;                  /* request whose State was issued by another server (R4): state_server */
    bool state_unknown;                 /* request with a State that no challenge in this capture issued */
    enum radius_check message_authenticator, authenticator;
    uint32_t transmissions;             /* of the request, 1 without retransmission */
    uint32_t fragments;                 /* IP fragments that the datagram was joined from */
    const struct radius_packet *packet; /* NULL for RADIUS_UNANSWERED */
    const struct endpoint *client, *server; /* who asks, who is asked (for WRONG_SOURCE: who was asked; source is below) */
    const struct endpoint *source;      /* of the packet; NULL for RADIUS_UNANSWERED */
    int64_t elapsed_ns;                 /* response: since the first transmission; unanswered: capture time waited */
    const struct place *request;        /* first transmission of the request that this is about; frame 0 when none */
    const struct place *request_last;   /* its last transmission */
    struct endpoint state_server;       /* set with other_server only */
    const struct radius_keys *keys;     /* of an Access-Accept that the secret opens; else NULL */
};

enum eapol_kind { EAPOL_EAP, EAPOL_START, EAPOL_LOGOFF, EAPOL_KEY, EAPOL_OTHER };
struct eapol_event { enum eapol_kind kind; uint8_t version, type; uint16_t length; uint8_t key_message; /* 1..4 or 0 */ };

enum event_kind {
    EVENT_OPENED,          /* conv: its first packet is about to be told */
    EVENT_RADIUS,          /* conv may be NULL: accounting, CoA, Status-Server, responses without a known request */
    EVENT_EAP,             /* conv */
    EVENT_EAPOL,           /* conv */
    EVENT_IKE,             /* conv; EAP inside IKE_AUTH comes as EVENT_EAP of the same conv */
    EVENT_SSTP,            /* conv; EAP inside its PPP comes as EVENT_EAP of the same conv */
    EVENT_PPP,             /* conv of L2TP or PPTP; EAP likewise */
    EVENT_CALL,            /* conv of L2TP or PPTP: a control message about the call */
    EVENT_CLOSED,          /* conv; its user pointer is forgotten after this call */
    EVENT_STATE,           /* conv, which goes on: u.closed as it stands; on demand only, see conversation.tell_state */
    EVENT_TIME,            /* conv NULL: now_ns, a few times a second of capture time */
    EVENT_LOST_FRAGMENTS,  /* conv NULL */
    EVENT_DNS,             /* conv NULL: a name's addresses, as an answer in UDP tells them */
    EVENT_UNREACHABLE,     /* an ICMP error that quotes one of our protocols: told through RADIUS_UNANSWERED at once */
};

struct event {
    enum event_kind kind;
    enum direction dir;         /* TO_SERVER: from client/peer/NAS */
    struct place place;
    struct conversation *conv;
    union {
        const struct radius_event *radius;
        const struct eap_event *eap;
        const struct eapol_event *eapol;
        const struct ike_event *ike;
        const struct sstp_told_event *sstp;
        const struct ppp_event *ppp;
        const struct ppp_call_message *call;
        const struct net_lost_fragments *lost;
        const struct dns_answer *dns;
        struct { enum close_reason reason; const struct eap_state *eap; /* NULL without EAP */
                 const struct ike_state *ike; /* NULL but for IKE */
                 const struct sstp_connection_state *sstp; /* NULL but for SSTP */
                 const struct ppp_state *ppp; /* NULL but for L2TP and PPTP, and there without PPP */
                 const struct ppp_call_state *call; /* NULL but for L2TP and PPTP */ } closed;
    } u;
    int64_t now_ns;             /* EVENT_CLOSED, _STATE, _TIME, _LOST_FRAGMENTS: capture time when it was told, at the end its last */
};

typedef void event_fn(void *ctx, const struct event *e);

/*
 * What a frame belongs to, for who keeps packets: that may become known by later frames of its flow or of its datagram only.
 */
struct frame_ties {
    uint32_t side;            /* of which dissector: dissect_options.side */
    uint32_t conversation;    /* id; 0: none, or none yet */
    uint32_t flow;            /* serial within the dissector; 0: none whose frames could still turn out to be a conversation's */
    bool unwanted;            /* and they never will: nobody needs what came of that flow */
    bool whole;               /* the datagram is whole with this frame */
    bool bulk;                /* what users send through a tunnel that is up */
    uint64_t datagram;        /* it is an IP fragment: serial of its datagram within the dissector; an ICMP error: one of its own; else 0 */
    struct address src, dst;  /* of an IP fragment; of what an ICMP error quotes */
    uint8_t ip_proto;         /* likewise */
};

/*
 * Called for a frame, after the events of it, when it belongs to anything. Without a frame: what came of the flow belongs to the
 * conversation.
 */
typedef void frame_fn(void *ctx, const struct frame *f, const struct frame_ties *ties);

/* What a layer needs to tell events and to number conversations. Shared by the layers of one dissector. */
struct event_sink {
    event_fn *fn;
    void *ctx;
    uint32_t *next_conversation; /* last serial given; a layer increments it for a new conversation */
    struct frame_ties *ties;     /* of the frame at hand; NULL: nobody asks. Events that tell of it need not say so here */
};

/* The frame at hand belongs to the conversation, though perhaps no event tells of it. */
static inline void event_tie(const struct event_sink *s, const struct conversation *c, bool bulk)
{
    if (s->ties == NULL)
        return;
    s->ties->conversation = c->id;
    s->ties->bulk = bulk;
}

static inline void event_emit(const struct event_sink *s, const struct event *e)
{
    s->fn(s->ctx, e);
}

/* An event of the EAP inside a conversation: to who asked for them, but for malformed ones, which dissection counts. */
static inline void event_emit_eap(const struct event_sink *s, struct conversation *conv, const struct eap_event *eap)
{
    bool malformed = (eap->kind == EAP_EVENT_PACKET && eap->u.packet->malformed) ||
                     (eap->kind == EAP_EVENT_TLS && eap->u.tls->kind == TLS_EVENT_MALFORMED);
    if (conv->on_eap != NULL && !malformed)
        conv->on_eap(conv->user, eap);
    else
        event_emit(s, &(struct event){.kind = EVENT_EAP, .dir = eap->dir, .place = eap->place, .conv = conv, .u.eap = eap});
}

#endif
