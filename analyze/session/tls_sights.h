/*
 * SSTP connections of several captures, side by side: whether the TLS session that a client has is the one that the server
 * has. Who ends TLS in between makes two of them, with another certificate on each side. wire-facts 1.1 T10 and 12.1.
 */
#ifndef VS_ANALYZE_TLS_SIGHTS_H
#define VS_ANALYZE_TLS_SIGHTS_H

#include "analyze/certificate/chains.h"
#include "analyze/session/exchange.h"

enum { TLS_SIGHTS_MAX = 2048, TLS_SIGHT_LENGTHS = 10 };

/* What shows that two TLS sessions carry the same connection, the surest last. */
enum sight_proof {
    SIGHT_APART,       /* nothing does */
    SIGHT_TIME,        /* the same name at the same moment, and nothing else than one certificate on each side */
    SIGHT_LENGTHS,     /* ... and the same lengths of content in the same order */
    SIGHT_HASH,        /* the client says in CALL_CONNECTED that it saw the other one's certificate */
    SIGHT_CORRELATION  /* the same correlation id in the HTTP request of both */
};

/* The connection at the other side. */
struct tls_counterpart {
    enum sight_proof proof;
    uint32_t exchange, chain;
    bool nearer_client;        /* it is the side that the client sees */
    bool other_issuer;         /* the two certificates come from different issuers */
    uint8_t outcome;           /* enum outcome */
    struct place certificate;
};

struct tls_sights;

struct tls_sights *tls_sights_new(void); /* NULL when memory is short */
void tls_sights_free(struct tls_sights *s);

/* A finished exchange; one that is no SSTP, showed no certificate or comes after TLS_SIGHTS_MAX others is not kept. */
void tls_sights_add(struct tls_sights *s, const struct exchange *x);

/* This capture's clock is ahead by so much. Before they are settled. */
void tls_sights_clock(struct tls_sights *s, uint32_t capture, int64_t ahead_ns);

/* Once, when all chains are judged: finds what belongs together. */
void tls_sights_settle(struct tls_sights *s, const struct chains *chains);

/* The other side of this exchange; NULL without. */
const struct tls_counterpart *tls_sights_of(const struct tls_sights *s, uint32_t exchange);

#endif
