/*
 * What the SSTP layer tells of a TCP connection that is SSTP, or may be: to port 443, or with TLS or a request for SSTP in it
 * on any port. All of it is lent for the call. Its EAP comes as EVENT_EAP of the same conversation.
 */
#ifndef VS_SSTP_SSTP_EVENT_H
#define VS_SSTP_SSTP_EVENT_H

#include "dissect/sstp/http_head.h"
#include "dissect/sstp/proxy_header.h"
#include "dissect/sstp/sstp_link.h"
#include "dissect/tcp/tcp_connection.h"

enum sstp_told {
    SSTP_TOLD_PROXY,   /* u.proxy: a PROXY protocol header stands before the stream */
    SSTP_TOLD_TLS,     /* u.tls: of the TLS session that carries it; records of application data without keys have no event */
    SSTP_TOLD_RECORD,  /* u.record: one of those, as long as they are noted (SSTP_RECORDS_MAX) */
    SSTP_TOLD_HTTP,    /* u.http: head of a request or an answer, inside of TLS or in clear */
    SSTP_TOLD_LINK,    /* u.link: what happens in SSTP itself; SSTP_EVENT_PPP for the PPP inside, but for its EAP */
    SSTP_TOLD_CLOSING  /* u.tcp: a FIN or RST, once for each side */
};

struct sstp_told_event {
    enum sstp_told kind;
    union {
        const struct proxy_header *proxy;
        const struct tls_event *tls;
        struct tls_record record;
        const struct http_head *http;
        const struct sstp_event *link;
        const struct tcp_connection *tcp;
    } u;
};

enum { SSTP_RECORDS_MAX = 96 };

/* One record of application data that stayed closed, in the order of the capture. */
struct sstp_record {
    uint32_t frame;        /* of its last octet: saturating */
    uint16_t length;       /* of the protected fragment as on the wire */
    uint8_t dir;           /* enum direction */
};

enum sstp_carrier {
    SSTP_CARRIER_NONE,     /* no payload: it cannot be told */
    SSTP_CARRIER_TLS,
    SSTP_CARRIER_CLEAR,    /* HTTP without TLS */
    SSTP_CARRIER_OTHER     /* something else on the port */
};

/* All that is known of the connection when it is closed. */
struct sstp_connection_state {
    const struct tcp_connection *tcp;
    const struct sstp_state *link;         /* NULL when no octet of SSTP was read */
    const struct ppp_state *ppp;           /* NULL likewise */
    enum sstp_carrier carrier;
    const struct sstp_record *records;     /* the first ones */
    uint16_t record_count;
    uint64_t records_seen[2];              /* of all, by direction; those behind a skipped part are not counted */
    uint64_t packets[2], bytes[2];         /* by direction: segments, payload octets on the wire */
    struct place last[2];                  /* of either side; frame 0: none */
    uint64_t lost_bytes, cut_bytes;        /* of both directions: never captured though acknowledged; cut by the snap length */
    uint64_t missing_bytes[2];             /* by direction: never captured nor acknowledged, though later ones were sent */
    struct place missing_at[2];            /* the first of these later ones */
    bool flooded;                          /* among so many alike that its ClientHello was not kept */
};

#endif
