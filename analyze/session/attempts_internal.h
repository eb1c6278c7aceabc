/* For the files attempts*.c only: what is remembered of a tunnel and of a login, and how they are told to fit. */
#ifndef VS_ANALYZE_ATTEMPTS_INTERNAL_H
#define VS_ANALYZE_ATTEMPTS_INTERNAL_H

#include "analyze/session/attempts.h"

enum { TUNNEL_ENDPOINTS = 4, TUNNEL_CORRELATIONS = 3, CORRELATION = 16 };
#define NEVER INT64_MIN

/* What nobody says twice, and what a relay hands on as it is; 0: not seen. */
struct nonces {
    uint64_t response; /* to CHAP's or MS-CHAPv2's challenge */
    uint64_t hello;    /* the random of the TLS session inside EAP */
};

/* Times are the capture's own, until attempts_join takes off what its clock is ahead. 0 in a hash: not known. */
struct tunnel {
    uint32_t group, capture, root; /* root: see clocks_ahead */
    uint8_t type;                  /* enum conversation_type */
    bool dated;                    /* begin and end are known */
    uint8_t endpoint_count, correlation_count;
    struct endpoint endpoints[TUNNEL_ENDPOINTS]; /* of its client, as seen or as said */
    uint8_t correlations[TUNNEL_CORRELATIONS][CORRELATION];
    uint64_t computer, user;       /* hashes */
    struct nonces nonces;
    int64_t from, until;           /* its first and last sign of life */
    int64_t begin, end;            /* between these its client's authentication may begin */
    int64_t answered;              /* the server's last word of that authentication; NEVER: not known */
};

struct login {
    uint32_t group, capture, root;
    uint8_t wants;                 /* type of tunnel that it says, plus one; 0: nothing known */
    bool has_correlation;
    struct endpoint client;        /* as the NAS saw it; port 0: not said; FAMILY_NONE */
    uint8_t correlation[CORRELATION];
    uint64_t computer, user;
    struct nonces nonces;
    int64_t first, last;
};

/* Reads what can join it; false when nothing can. */
bool tunnel_read(const struct exchange *x, struct tunnel *out);
bool login_read(const struct exchange *x, struct login *out);

#endif
