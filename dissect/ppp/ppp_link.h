/*
 * One PPP link between a client and a server as an observer sees it: LCP, authentication, network protocols, the end.
 * Fed with frames in the order of the wire by whatever carries them; it tells events and keeps the facts for a
 * judgement. RFC 1661, 1994, 1334, 2284, 1332, 5072, 1962; wire-facts 2.6a.
 */
#ifndef VS_PPP_PPP_LINK_H
#define VS_PPP_PPP_LINK_H

#include "capture/wire/address.h"
#include "dissect/eap/eap.h"
#include "dissect/ppp/ppp.h"

enum {
    PPP_OFFERS_MAX = 4,      /* authentication protocols remembered per side */
    PPP_COMPUTER_MAX = 63,   /* octets of a computer's name */
    PPP_USER_MAX = 128,      /* octets of a user's name */
    PPP_LOOP = 5             /* answers in a row that were no Ack: Max-Failure of RFC 1661 section 4.6 */
};

/* How far the negotiation of one control protocol came. */
enum ppp_outcome {
    PPP_UNTOUCHED,
    PPP_RUNNING,
    PPP_OPENED,   /* both sides' Requests were acknowledged */
    PPP_REFUSED,  /* Protocol-Reject */
    PPP_CLOSED    /* Terminate */
};

/* One control protocol. Arrays by enum direction of the sender; counters stop at 255 and leave out repeated packets. */
struct ppp_negotiation {
    uint8_t outcome;             /* enum ppp_outcome */
    uint8_t ended_by;            /* PPP_REFUSED, PPP_CLOSED: enum direction of who did */
    bool acked[2];               /* the last Request of this side was acknowledged */
    uint8_t requests[2];
    uint8_t naks[2], rejects[2];
    uint8_t refused_in_row[2];   /* Requests of this side answered with Nak or Reject since its last Ack */
    struct place began, ended;   /* first packet; the one that opened, refused or closed it */
};

struct ppp_method { uint16_t protocol; uint8_t algorithm; }; /* protocol 0: none */

enum ppp_auth_result { PPP_AUTH_NONE, PPP_AUTH_RUNNING, PPP_AUTH_SUCCEEDED, PPP_AUTH_FAILED };

/* The authentication that one side demands of the other. */
struct ppp_authentication {
    struct ppp_method offered[PPP_OFFERS_MAX]; /* by the demanding side, in order, each once */
    struct ppp_method wanted[PPP_OFFERS_MAX];  /* instead, by Nak of the other side */
    uint8_t offered_count, wanted_count;
    bool rejected;               /* the other side will not authenticate at all (Reject of the option) */
    struct ppp_method chosen;    /* acknowledged, or seen at work when LCP was not captured */
    uint8_t result;              /* enum ppp_auth_result; the last word counts */
    uint8_t attempts;            /* PAP's requests, CHAP's responses, EAP's conversations; stops at 255 */
    uint32_t error;              /* E= of the last failure, also inside EAP; 0 without */
    bool retry_allowed;          /* R=1 of it */
    struct place began, ended;   /* first packet; that of the result */
};

/* Why there is no network. */
enum ppp_network {
    PPP_NETWORK_NOT_TRIED,
    PPP_NETWORK_RUNNING,
    PPP_NETWORK_UP,                /* IPCP or IPv6CP opened, or the server sends datagrams */
    PPP_NETWORK_PROTOCOL_REJECTED, /* what was asked for was refused by Protocol-Reject: Windows 720 */
    PPP_NETWORK_NO_ADDRESS,        /* the client asked for any IPv4 address and was refused or given 0.0.0.0: 720 */
    PPP_NETWORK_ADDRESS_REFUSED,   /* the client insists on an address that the server refuses: 735 */
    PPP_NETWORK_LOOP,              /* PPP_LOOP Naks or Rejects in a row: 720 */
    PPP_NETWORK_CLOSED             /* Terminate of the network protocols before they opened */
};

struct ppp_state {
    struct ppp_negotiation lcp, ipcp, ipv6cp, ccp;
    struct ppp_authentication authentication[2]; /* by enum direction: TO_CLIENT is what the server demands */
    struct address ipv4[2];                /* whose; TO_SERVER: the client's */
    struct address link_local[2];          /* likewise: fe80:: and IPv6CP's identifier */
    struct address dns[2], wins[2];        /* given to the client; FAMILY_NONE without */
    uint16_t mru[2];                       /* acknowledged; 0: the default, 1500 */
    uint32_t mppe;                         /* bits of MPPC in the last acknowledged CCP Request, 0 without */
    uint32_t restarts;                     /* LCP began anew on an open link */
    uint64_t datagrams[2];                 /* user's frames (IPv4, IPv6, compressed) by sender */
    uint32_t malformed;                    /* frames and packets */
    uint32_t rejected_protocols;           /* Protocol-Rejects of any protocol */
    uint8_t computer_len, user_len;
    char computer[PPP_COMPUTER_MAX];       /* of an Identification; not terminated */
    char user[PPP_USER_MAX];               /* as sent in clear (PAP, CHAP, EAP Identity); cut to this; not terminated */
    bool has_correlation;
    uint8_t correlation[16];               /* of an Identification, octets as on the wire */
    bool terminated;                       /* LCP Terminate-Request: lcp.ended_by and lcp.ended tell who and when */
    bool has_terminate_error;
    uint32_t terminate_error;              /* RAS error in Windows' Terminate-Request */
    bool address_rejected;                 /* the server rejected IPCP's address option */
    uint32_t address_asked;                /* last IPv4 address in the client's Request */
    uint32_t address_offered;              /* last one in a Nak to the client */
    bool address_nak;                      /* there was one */
    struct place first, last;
};

enum ppp_event_kind {
    PPP_EVENT_PACKET,         /* u.packet: LCP, NCP, PAP or CHAP */
    PPP_EVENT_EAP,            /* u.eap: an event of the EAP conversation of this link; its dir is by EAP's roles */
    PPP_EVENT_NEGOTIATION,    /* u.negotiation: a protocol opened, closed, was refused or began anew */
    PPP_EVENT_LOOP,           /* u.negotiation: PPP_LOOP Naks or Rejects in a row; once in each negotiation */
    PPP_EVENT_AUTHENTICATION, /* u.authentication: a method was chosen, or there is a result; dir: who demands */
    PPP_EVENT_DATAGRAMS,      /* u.protocol: the first user's frame in this direction */
    PPP_EVENT_MALFORMED       /* u.reason: constant sentence */
};
struct ppp_negotiation_event { uint16_t protocol; const struct ppp_negotiation *facts; };

/* Lent for the call. */
struct ppp_event {
    enum ppp_event_kind kind;
    enum direction dir;
    struct place place;
    bool repeated;            /* PACKET: the same packet came before (a second tap, a retransmission) */
    union {
        const struct ppp_packet *packet;
        const struct eap_event *eap;
        struct ppp_negotiation_event negotiation;
        const struct ppp_authentication *authentication;
        uint16_t protocol;
        const char *reason;
    } u;
};
typedef void ppp_event_fn(void *ctx, const struct ppp_event *event);

struct ppp_link;

/* NULL when memory is short. tls, which EAP needs, and ctx outlive it. Below 3 KiB until EAP-TLS starts. */
struct ppp_link *ppp_link_new(struct tls_context *tls, ppp_event_fn *on_event, void *ctx);
void ppp_link_free(struct ppp_link *link);

/*
 * One frame (address and control or protocol first). dir: TO_SERVER from the client. cut: the capture holds fewer bytes
 * than were sent. Of a user's datagram the first four octets are enough.
 */
void ppp_link_feed(struct ppp_link *link, enum direction dir, struct span frame, bool cut, const struct place *place);

/* True when the frame is a user's datagram, whose bytes nobody here reads. */
bool ppp_is_datagram(uint16_t protocol);

/* Lent as long as the link lives; changes with every frame. */
const struct ppp_state *ppp_link_state(const struct ppp_link *link);

/* What EAP says of itself at the end; false when there was none. */
bool ppp_link_eap_state(const struct ppp_link *link, struct eap_state *out);

/* The outcome of the network phase, and Windows' error number for it (0: none). */
enum ppp_network ppp_network_outcome(const struct ppp_state *state);
uint32_t ppp_network_error(enum ppp_network outcome);

#endif
