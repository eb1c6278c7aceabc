/*
 * What the files of this folder share.
 *
 *   ppp_parse.c        octets to data
 *   ppp_names.c        names
 *   ppp_negotiation.c  one control protocol: who asked, who agreed        ppp_negotiate
 *   ppp_auth.c         the authentication phase, EAP                      ppp_auth_*
 *   ppp_link.c         the link: frames to the right place, LCP, IPCP ... ppp_link_feed
 */
#ifndef VS_PPP_PPP_INTERNAL_H
#define VS_PPP_PPP_INTERNAL_H

#include "dissect/ppp/ppp_link.h"

enum { REQUESTS_REMEMBERED = 4 };

/* What one side last said in one control protocol, to know repeated packets and stale answers. */
struct ppp_said {
    uint64_t requests[REQUESTS_REMEMBERED]; /* hashes, the newest first; 0: none */
    uint64_t answer;                        /* hash of its last Ack, Nak or Reject */
    uint64_t early_ack;                     /* hash of an Ack to a Request that was not seen: the directions may be fed
                                               out of step with each other; 0: none */
    uint8_t identifier;                     /* of its last Request */
};
struct ppp_memory { struct ppp_said said[2]; };

/* What a packet did to a negotiation. */
enum ppp_change {
    PPP_CHANGE_NONE,
    PPP_CHANGE_REPEATED,  /* the packet is a copy of an earlier one */
    PPP_CHANGE_STALE,     /* the answer to another Request than the last */
    PPP_CHANGE_ACCEPTED,  /* an Ack that is valid, or a Request whose Ack was seen already */
    PPP_CHANGE_REFUSED,   /* a Nak or Reject that is valid */
    PPP_CHANGE_OPENED,    /* likewise, and the last one needed */
    PPP_CHANGE_RESTARTED, /* a new Request after it was open or over */
    PPP_CHANGE_CLOSED     /* the first Terminate-Request */
};

enum { MEMORY_LCP, MEMORY_IPCP, MEMORY_IPV6CP, MEMORY_CCP, MEMORIES };

struct ppp_link {
    struct ppp_event event; /* the one that is told; its place is that of the frame that is being fed */
    struct ppp_state state;
    struct ppp_memory memory[MEMORIES];
    uint64_t last_auth[2];  /* hash of the last PAP or CHAP packet by sender; 0: none */
    struct tls_context *tls;
    ppp_event_fn *on_event;
    void *ctx;
    struct eap *eap;        /* made with the first EAP packet */
    bool eap_seen;
    uint8_t authenticator;  /* enum direction of EAP's server, once seen */
};

/* The member of link->event's union that the kind names is set. */
static inline void ppp_emit(struct ppp_link *link, enum ppp_event_kind kind, enum direction dir)
{
    link->event.kind = kind;
    link->event.dir = dir;
    link->on_event(link->ctx, &link->event);
}

static inline enum direction ppp_other(enum direction dir)
{
    return dir == TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

static inline void ppp_count(uint8_t *counter)
{
    if (*counter < UINT8_MAX)
        ++*counter;
}

/* Hash of a packet, never 0. */
uint64_t ppp_packet_hash(const struct ppp_packet *p);

/* The side whose options an accepted packet settles: an Ack repeats those of the other side's Request. */
static inline enum direction ppp_asker(enum direction dir, const struct ppp_packet *p)
{
    return p->code == PPP_CONFIGURE_REQUEST ? dir : ppp_other(dir);
}

/* ppp_negotiation.c: follows one control protocol. */
enum ppp_change ppp_negotiate(struct ppp_negotiation *n, struct ppp_memory *memory, enum direction dir,
                              const struct ppp_packet *p, const struct place *place);

/* ppp_auth.c: what LCP says about authentication. p: a Configure packet of LCP that is no copy; accepted: it settles
 * its options. */
void ppp_auth_negotiated(struct ppp_link *link, enum direction dir, const struct ppp_packet *p, bool accepted);
/* A PAP or CHAP packet. */
void ppp_auth_packet(struct ppp_link *link, enum direction dir, const struct ppp_packet *p);
/* An EAP packet. */
void ppp_auth_eap(struct ppp_link *link, enum direction dir, struct span bytes, bool cut);
/* LCP began anew. */
void ppp_auth_restart(struct ppp_link *link);

#endif
