/*
 * The PROXY protocol of load balancers, versions 1 and 2, which may stand in front of any stream: it tells the client's
 * address that the balancer hides. (HAProxy, "The PROXY protocol", 2020-03-05.)
 */
#ifndef VS_SSTP_PROXY_HEADER_H
#define VS_SSTP_PROXY_HEADER_H

#include "capture/wire/address.h"
#include "capture/wire/span.h"

enum { PROXY_V1_MAX = 107, PROXY_V2_HEADER = 16, PROXY_KEPT = 232 };

enum proxy_progress {
    PROXY_MORE,      /* so far it is one, and not whole */
    PROXY_NONE,      /* the stream begins with something else: give all its octets to whom they belong */
    PROXY_DONE,
    PROXY_MALFORMED  /* it begins like one and goes on against the rules: reason says how */
};

/* A reader, zeroed at first; no memory to free. */
struct proxy_header {
    uint8_t version;              /* 1 or 2 after PROXY_DONE */
    bool local;                   /* v2 LOCAL, v1 UNKNOWN: the balancer speaks for itself, a health check */
    bool datagram;                /* v2: UDP */
    struct endpoint source, destination; /* the client's connection to the balancer; FAMILY_NONE without */
    const char *reason;           /* of PROXY_MALFORMED: constant sentence */
    uint32_t left;                /* v2: octets still to come that are not kept */
    uint16_t have;                /* octets in kept */
    uint8_t kept[PROXY_KEPT];     /* its first octets; after PROXY_NONE those taken in earlier calls */
    bool finished;
};

/* The next octets of the stream; *used of them belong to the header. After PROXY_NONE kept[0..have-1] are octets of
 * earlier calls that belong to the stream, in front of these; *used is then 0. */
enum proxy_progress proxy_header_feed(struct proxy_header *h, struct span bytes, size_t *used);

#endif
