/*
 * Which TCP connections are attempts at a VPN. One connection alone does not tell: a SYN to port 443 that nobody answers, or a
 * TLS handshake that fails, may be meant for any web server. What the other connections of the captures show decides, when all
 * are known. Bounded.
 */
#ifndef VS_ANALYZE_SERVICES_H
#define VS_ANALYZE_SERVICES_H

#include "analyze/session/exchange.h"

enum { SERVICES_MAX = 256, SERVICES_UNSURE_MAX = 4, SERVICES_SHOWN_MAX = 512, SERVICES_NAME = 256 };

struct services;

struct services *services_new(void); /* NULL when memory is short */
void services_free(struct services *s);

/* A VPN server that the administrator named (--vip, --backend). */
void services_name(struct services *s, const struct address *a);

/* Takes account of a finished exchange: SSTP connections and IKE associations tell of servers. True when its held chain will
 * be told of by services_each_shown. */
bool services_add(struct services *s, const struct exchange *x);

/* Takes account of an exchange that is not finished: a tunnel that is up tells of its server before it ends. */
void services_learn(struct services *s, const struct exchange *x);

/*
 * All exchanges were added: is this SSTP connection a session, or a probe? An unsure one only on port 443, that of a tunnel, or any
 * port of a server that was named; and there
 *  - when its server is known for SSTP, unless it does not name the server as all do who got a tunnel there;
 *  - when its server is known for IKE and for no web;
 *  - when its server stands beside one of these and never answered;
 *  - when no VPN and nothing but a few servers were seen at all, and no web server among them.
 */
bool services_counts(const struct services *s, const struct exchange *x);

/* Unsure connections whose server showed a certificate: its chain was only held (chains_hold), until it is known whether they
 * count. Tells that of each server, chain and name, once. */
struct services_shown {
    struct endpoint server;
    uint32_t chain, exchange;  /* the first one of them */
    uint32_t connections;      /* that showed it like this: each holds it */
    uint32_t accepted, refused, silent; /* what their clients said to it, as judge_sstp_server_certificate has it */
    char dialled[SERVICES_NAME]; uint16_t dialled_len; /* SNI, as sent */
};
typedef void services_shown_fn(void *ctx, const struct services_shown *shown, bool counts);
void services_each_shown(const struct services *s, services_shown_fn *each, void *ctx);

/* A server that is silent there would be a VPN server that is down: it is known for one, stands beside one, or nothing speaks
 * against it. */
bool services_would_miss(const struct services *s, const struct endpoint *server);

/* The TTLs with which packets of that server's SSTP tunnels came in that capture; false when there were none. */
bool services_ttl(const struct services *s, const struct address *a, uint32_t capture, uint8_t *min, uint8_t *max);

/* True when SSTP, or an answer of IKE, was seen of this address, or it was named. */
bool services_is_vpn(const struct services *s, const struct address *a);
/* ... when SSTP was, or it was named. */
bool services_is_sstp(const struct services *s, const struct address *a);
/* ... when a client that dialled a name there got SSTP to speak: its certificate was good enough for that one. */
bool services_is_dialled_by_name(const struct services *s, const struct address *a);
/* True when IKE_SA_INIT, whoever sent it, was answered at this address. */
bool services_answers_ike(const struct services *s, const struct address *a);
/* All VPN servers, in no meaningful order; returns their number. */
size_t services_vpn(const struct services *s, struct address out[static SERVICES_MAX]);

#endif
