/*
 * What was seen of one TCP connection to an SSTP server, or of one PPP link in L2TP or PPTP: flat and of fixed size, so that
 * it is spooled as it is. wire-facts 2 and 7.
 */
#ifndef VS_ANALYZE_SSTP_FACTS_H
#define VS_ANALYZE_SSTP_FACTS_H

#include "analyze/session/sstp_reading.h"
#include "analyze/session/text.h"
#include "analyze/session/tls_facts.h"
#include "dissect/event.h"

/* What the connection is; judge_sstp.h says it from the facts. */
enum sstp_kind {
    SSTP_KIND_UNSURE,  /* nothing contradicts SSTP, nothing shows it: the server's other connections may tell */
    SSTP_KIND_TUNNEL,  /* an attempt at a tunnel, by its octets or by the order of lengths (wire-facts 2.8) */
    SSTP_KIND_PROBE,   /* a load balancer's or monitor's: no tunnel is wanted */
    SSTP_KIND_OTHER    /* TLS or HTTP that is no SSTP */
};

/* Control messages in their order; of ECHO_REQUEST and ECHO_RESPONSE the first only, as an idle tunnel sends nothing else. */
enum { SSTP_LISTED_MAX = 16 };

struct sstp_facts {
    struct tcp_connection tcp;
    struct sstp_state link;               /* stage SSTP_STAGE_NONE: no octet of SSTP was read */
    struct ppp_state ppp;
    struct tls_facts tls;                 /* of the connection; EAP's own lie in exchange.eap */
    bool has_link, has_ppp;
    bool proxy_seen, proxy_local;         /* PROXY protocol header */
    uint8_t proxy_version;
    struct endpoint proxy_source, proxy_destination; /* the client and whom it called, as the load balancer says */
    struct place proxy_place;

    bool request_seen, answer_seen;       /* HTTP heads read */
    bool sstp_connect;                    /* a web proxy was asked for it: CONNECT with the header SSTPVERSION (MS-SSTP 4.5) */
    bool sstp_request, sstp_target;       /* SSTP_DUPLEX_POST to SSTP's target; any method to it */
    bool has_correlation, forwarded_seen;
    uint16_t http_status;                 /* of the first answer; 0 none */
    uint8_t correlation[16];              /* as its text's digits */
    struct endpoint forwarded_client;     /* Forwarded, X-Forwarded-For; FAMILY_NONE */
    struct text method, target, host, http_server, via, http_reason;
    struct place request_place, answer_place;

    uint8_t carrier;                      /* enum sstp_carrier */
    bool flooded;
    uint16_t record_count;
    uint64_t records_seen[2], packets[2], bytes[2]; /* by enum direction */
    uint64_t lost_bytes, cut_bytes, missing_bytes[2];
    struct place last[2], missing_at[2];

    struct ppp_call_state call;           /* L2TP and PPTP: the call and its control connection */
    bool reading_known;
    struct sstp_reading reading;          /* of the records; set when it is closed */
    uint8_t kind;                         /* enum sstp_kind; set when it is closed */
    uint8_t message_count;                /* in messages */
    uint16_t messages[SSTP_LISTED_MAX];   /* enum sstp_message or unknown; sstp_note_message fills it */
    struct sstp_record records[SSTP_RECORDS_MAX]; /* record_count of them */
};

/* Lists a control message as it comes. */
static inline void sstp_note_message(struct sstp_facts *f, uint16_t message)
{
    bool echo = message == SSTP_ECHO_REQUEST || message == SSTP_ECHO_RESPONSE;
    for (unsigned i = 0; echo && i < f->message_count; i++)
        if (f->messages[i] == message)
            return;
    if (f->message_count < SSTP_LISTED_MAX)
        f->messages[f->message_count++] = message;
}

#endif
