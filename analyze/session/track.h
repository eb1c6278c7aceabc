/* Events become exchanges: the live ones are held here, finished ones are handed on. */
#ifndef VS_ANALYZE_TRACK_H
#define VS_ANALYZE_TRACK_H

#include "analyze/certificate/chains.h"
#include "analyze/session/exchange.h"
#include "analyze/session/overview.h"
#include "analyze/session/servers.h"
#include "capture/wire/rarely.h"

/* IP fragments that never became a datagram, one entry per pair of addresses. */
enum { LOST_MAX = 128 };
struct lost_pair {
    struct endpoint src, dst;
    bool radius;              /* the first fragment holds RADIUS, or an address is a RADIUS server or NAS seen here */
    uint64_t datagrams, first_only, rest_only;
    struct net_lost_fragments example; /* without payload */
    int64_t first_ns, last_ns; /* of all of them */
    bool in_one_capture;       /* that of example */
};

struct track;

/* A finished exchange, lent for the call; the entry of its server, NULL when that is not at hand. */
typedef void exchange_done_fn(void *ctx, struct exchange *x, struct server *server);

struct track *track_new(struct chains *chains, struct servers *servers, bool ladder, exchange_done_fn *done, void *ctx);
/* Messages of IKE are counted there, as ike_clear and ike_encrypted. */
void track_count(struct track *t, struct analysis_totals *totals);
/* No more events come: gives back what live exchanges took. */
void track_end(struct track *t);
void track_free(struct track *t);
void track_event(struct track *t, const struct event *e);

/*
 * Who watches exchanges while they last. began: parties and time are known, and no more. going: within half a second of capture time
 * after something happened, as it would be if the capture ended now. Both lent for the call; what the watcher writes into
 * x->told stays with the exchange, and when it is something new there it is looked at once more. Closing an exchange is told by exchange_done_fn alone.
 */
typedef void exchange_seen_fn(void *ctx, struct exchange *x);
/* Both NULL: nobody does, as at first. False when memory is short. */
bool track_watch(struct track *t, exchange_seen_fn *began, exchange_seen_fn *going, void *ctx);

const struct lost_pair *track_lost(const struct track *t, size_t *count);
/* Bytes held for live exchanges, now and at most. */
uint64_t track_bytes(const struct track *t);
uint64_t track_peak_bytes(const struct track *t);

/* For the files track_*.c only: one live exchange. */
struct track_watch;
struct track_parts {
    struct chains *chains;
    struct servers *servers;
    struct track_watch *watch;       /* NULL: nobody */
    struct analysis_totals *totals;  /* NULL: nobody */
    bool ladder;
};
struct live {
    const struct track_parts *parts; /* never NULL; in a parked one it is */
    struct server *server;    /* that its last RADIUS event was about, NULL until it was looked up */
    bool set_apart;           /* its events are not only facts: they name parties or make a ladder */
    uint64_t radius_known;    /* of enum radius_field: what further requests cannot add to x; set at the first */
    struct live *next_free;
    struct conversation *conv;
    uint32_t seat;            /* where it sits among those that may be parked, plus one; 0: nowhere */
    bool stirred;             /* an event came since it was last looked at */
    uint32_t look;            /* its place among those that will be looked at, plus one; 0: none */
    uint8_t looks;            /* how often it was */
    uint8_t *ladder; size_t ladder_len, ladder_room;
    struct exchange x;        /* its texts are not zeroed when a live one is reused */
};
/* Several events may tell of one frame; it is counted once. */
void saw_capture(struct exchange *x, uint32_t capture);
static inline void saw_place(struct exchange *x, enum direction dir, const struct place *place)
{
    if (x->packets == 0 || place->capture != x->last.capture)
        saw_capture(x, place->capture);
    if (x->packets == 0 || place->frame != x->last.frame || place->capture != x->last.capture)
        x->packets++;
    x->last = *place;
    x->last_from_client = dir == TO_SERVER;
    if (x->last_from_client)
        return;
    x->last_from_server = *place;
    if (x->first_from_server.frame == 0)
        x->first_from_server = *place;
}
/* RADIUS of a login, live: of type struct live; and what is of none. */
void track_radius(void *live, enum direction dir, const struct place *place, const struct radius_event *ev);
void track_other_radius(const struct track_parts *t, const struct place *place, const struct radius_event *ev);
/* live: of type struct live. */
void track_eap(void *live, const struct eap_event *e);
/* f: the session's facts in x, outer or inner. role: whose certificate the server's is, ROLE_NPS or ROLE_SSTP; the chain of the
 * latter is only held until track_sstp_chain says whether it is SSTP's. */
void track_tls(const struct track_parts *t, struct exchange *x, struct tls_facts *f, enum chain_role role,
               const struct tls_event *e);
/* Once, when an SSTP connection is handed on: its chain (x->sstp.tls) is one of SSTP's, or not wanted, and then forgotten. */
void track_sstp_chain(struct chains *chains, struct exchange *x, bool is_sstp);
/* A record of application data that stayed closed. */
void track_closed_record(struct tls_facts *f, enum direction dir, uint32_t length, const struct place *place);
/* Ladder lines; they do nothing without --session. */
void ladder_radius(struct live *l, const struct event *e);
void ladder_eap(struct live *l, const struct event *e);
void ladder_eapol(struct live *l, const struct event *e);
/* depth: steps of indentation. */
void ladder_tls(struct live *l, const struct tls_event *t, unsigned depth);
void ladder_ike(struct live *l, const struct event *e);  /* EVENT_IKE */
void ladder_sstp(struct live *l, const struct event *e); /* EVENT_SSTP */
void ladder_ppp(struct live *l, const struct event *e);  /* EVENT_PPP */
void ladder_call(struct live *l, const struct event *e); /* EVENT_CALL */
/* One event of PPP, inside of SSTP or by itself. */
void ladder_ppp_line(struct live *l, const struct ppp_event *p);
/* EVENT_CLOSED: the lines about TCP itself, SYN to FIN and RST, take their places. */
void ladder_closed(struct live *l, const struct event *e);

#endif
