/*
 * One exchange (a RADIUS/EAP or EAPOL authentication, an IKE association, an SSTP connection): all facts that rules and reports need, flat, so that a finished one is
 * spooled with one write and read back with one read. Texts lie in its own text block, named by offset.
 */
#ifndef VS_ANALYZE_EXCHANGE_H
#define VS_ANALYZE_EXCHANGE_H

#include <stddef.h>

#include "analyze/session/ike_facts.h"
#include "analyze/session/sstp_facts.h"
#include "dissect/sstp/sstp_binding.h"

enum { EXCHANGE_TEXT_MAX = 1536, EXCHANGE_METHODS_MAX = 8, EXCHANGE_CAPTURES_MAX = 4, EXCHANGE_LADDER_MAX = 65536 };

enum outcome { OUTCOME_ESTABLISHED, OUTCOME_REJECTED, OUTCOME_ABORTED, OUTCOME_UNANSWERED, OUTCOME_INCOMPLETE };

/*
 * In all of these, what any login fills lies apart from what only some do, and next to that of its neighbours: in struct
 * exchange it is one run of bytes (EXCHANGE_USUAL), which is written in one go; the rest is written where it is not zero.
 */

struct eap_facts {
    bool seen;
    bool identity_seen, client_answered; /* the client sent anything after the server's last request */
    uint8_t method;                   /* the one carried on with (answered other than by Nak), 0 none */
    uint8_t methods[EXCHANGE_METHODS_MAX], method_count; /* proposed by the server, in order */
    uint8_t peap_version;
    uint32_t requests, responses, fragments;
    struct place last_response;
    struct text identity;
    enum { EAP_RESULT_NONE, EAP_RESULT_SUCCESS, EAP_RESULT_FAILURE } result;
    struct place result_place;
    struct tls_facts tls;
    /* What some logins have. */
    uint32_t retransmissions, malformed;
    uint8_t mschapv2_opcode;          /* last one seen */
    uint8_t ttls_method;              /* enum ttls_inner + 1, 0 none */
    uint8_t tlv_result; bool tlv_crypto_binding;
    bool fragment_gap, nak_seen;
    uint8_t nak[EAP_NAK_MAX], nak_count;
    struct text error;
    uint32_t mschapv2_error;
    uint32_t gap_present, gap_announced; struct text gap_reason;
    struct place nak_place, error_place, gap_place;
};

struct radius_facts {
    /* What some logins have. */
    struct place missing_place, bad_authenticator_place, wrong_source_place, other_server_place;
    struct endpoint state_server, asked_server; /* with other_server */
    struct endpoint wrong_source_address;
    uint32_t unanswered_transmissions;
    uint32_t ms_chap_error;           /* E= of an MS-CHAP-Error in clear, 0 none */
    uint32_t icmp_unreachable, wrong_source, bad_authenticator;
    uint32_t responses_then; /* of `responses`, when the latest answer from a wrong source came */
    uint32_t retransmissions, repeated_responses, unanswered, proxy_states;
    struct text reply_message;
    bool pap, chap, mschap, mschapv2; /* mschap with either version */
    bool call_check;                  /* Service-Type Call Check (RFC 2865 section 5.6): a device is asked about, nobody logs in */
    bool missing_message_authenticator_eap;   /* EAP without it: discarded by RFC 3579 */
    bool missing_message_authenticator;       /* PAP/CHAP/MS-CHAP request without it (Blast-RADIUS) */
    bool icmp_seen, unanswered_capture_ended, other_server; /* R4 */
    uint8_t unanswered_code;
    struct place unanswered_place;    /* asked about with each request */
    /* What any login has. */
    uint32_t requests, challenges, responses;
    int64_t response_max_ns, response_sum_ns; /* per round, from the first transmission */
    int64_t final_ns;                 /* login: first request to final answer; -1 without */
    enum radius_check message_authenticator;  /* worst seen */
    uint32_t tunnel_type, nas_port_type; /* UINT32_MAX when absent */
    struct text nas_identifier, calling_station, called_station, user, tunnel_client_endpoint, client_name, correlation_id,
        machine_name;
    struct address nas_address;       /* FAMILY_NONE when absent */
    bool has_keys;
    uint8_t keys[SSTP_HLAK];          /* MS-MPPE-Recv-Key and -Send-Key of the Access-Accept, cut to what an SSTP binding takes */
    uint8_t final;                    /* RADIUS_ACCESS_ACCEPT, RADIUS_ACCESS_REJECT or 0 */
    struct place first_request, final_place;
};

/* As they are of who has not logged in by RADIUS (yet). */
#define EXCHANGE_NO_LOGIN {.final_ns = -1, .tunnel_type = UINT32_MAX, .nas_port_type = UINT32_MAX}

/* One line of the message ladder, kept only when a session is asked for. */
struct ladder_entry { struct place place; enum direction dir; };

struct exchange {
    struct radius_facts radius;
    uint32_t packets;
    uint16_t capture_count;
    uint8_t type;                     /* enum conversation_type */
    bool last_from_client;
    struct place first, last, last_from_server, first_from_server;
    uint32_t id;                      /* conversation serial */
    uint8_t outcome;                  /* enum outcome */
    uint8_t close_reason;             /* enum close_reason */
    bool begun_before, has_inner, ladder_full; /* ladder_full: EXCHANGE_LADDER_MAX bytes were reached */
    uint8_t depth_reached;
    uint8_t told;                     /* the watcher's own, see track_watch */
    uint16_t text_used;
    uint32_t captures[EXCHANGE_CAPTURES_MAX]; /* seen in */
    struct endpoint client, server;
    int64_t capture_last_ns;          /* capture time when it was closed: how long the capture went on after it */
    uint32_t eapol_starts, eapol_logoffs;
    struct eap_state eap_state;
    uint64_t authenticator_hash;      /* of the first request's Request Authenticator, 0 none: same hop, other vantage point */
    uint64_t eap_hash;                /* of the first EAP response's bytes and the calling station, 0 none */
    uint64_t response_hash;           /* of the client's answer to a challenge of MS-CHAPv2 or CHAP, in EAP or not; 0 none */
    struct eap_facts eap;
    struct span ladder;               /* packed ladder entries, see exchange_ladder; owned by who made the exchange */
    uint8_t text[EXCHANGE_TEXT_MAX];  /* only text_used bytes of it are spooled, and zeroed is none of it */
    struct eap_facts inner;           /* inside PEAP or TTLS; all zero without has_inner */
    union {                           /* by type, else all zero; last, as they are large */
        struct ike_facts ike;         /* CONVERSATION_IKE, CONVERSATION_IKE1 */
        struct sstp_facts sstp;       /* CONVERSATION_SSTP; of it, L2TP and PPTP have call, ppp, packets, bytes and last */
    };
};

/* Where the facts that any login has begin and end, in bytes of struct exchange. */
enum {
    EXCHANGE_USUAL = offsetof(struct exchange, radius) + offsetof(struct radius_facts, requests),
    EXCHANGE_USUAL_END =
        offsetof(struct exchange, eap) + offsetof(struct eap_facts, tls) + offsetof(struct tls_facts, encrypted_alert),
};

static inline bool exchange_is_ike(const struct exchange *x)
{
    return x->type == CONVERSATION_IKE || x->type == CONVERSATION_IKE1;
}

/* It has facts in the union. */
static inline bool exchange_has_own(const struct exchange *x)
{
    return x->type >= CONVERSATION_IKE;
}

/* Its facts are in sstp: a PPP link, or a connection that may carry one. */
static inline bool exchange_is_ppp(const struct exchange *x)
{
    return x->type == CONVERSATION_SSTP || x->type == CONVERSATION_L2TP || x->type == CONVERSATION_PPTP;
}

/* The bytes of a text; empty span when absent. */
static inline struct span exchange_text(const struct exchange *x, struct text t)
{
    return span_of(x->text + t.offset, t.len);
}
/* Puts bytes into the block and returns their place; absent when there is no room (the fact is dropped, not cut). */
struct text exchange_put(struct exchange *x, struct span bytes);

/* For response_hash: of the Response value's parts that every carrier has alike. Never 0. RFC 2759 section 4, RFC 1994 section 4.1. */
uint64_t exchange_mschapv2_response(const uint8_t peer_challenge[static 16], const uint8_t nt_response[static 24]);
uint64_t exchange_chap_response(const uint8_t value[static 16]);

const char *outcome_name(enum outcome o);             /* "established" ... as in the JSON schema */

/* Ladder entry i (from 0) and its text; false past the end. `what` lives as long as the exchange. */
bool exchange_ladder(const struct exchange *x, size_t i, struct ladder_entry *out, struct span *what);

#endif
