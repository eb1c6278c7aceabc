/*
 * What one finished TCP connection proves of an attempt at an SSTP tunnel: how far it came, and who ended it. With secrets or
 * in clear from what was read, else from the order and lengths of records (wire-facts 1.1 T1 to T9, 2.8). Pure. The same for a
 * PPP link in L2TP or PPTP from SSTP_END_TUNNEL on.
 */
#ifndef VS_ANALYZE_JUDGE_SSTP_H
#define VS_ANALYZE_JUDGE_SSTP_H

#include "analyze/session/confidence.h"
#include "analyze/session/judge.h"

/* How far it came; what stops a connection at one step is never told for a later one. */
enum sstp_end {
    SSTP_END_UNKNOWN,            /* the capture does not show it: begun before, cut, one-sided, or still going on */
    SSTP_END_NO_ANSWER,          /* SYN, and nothing came back (T1) */
    SSTP_END_UNREACHABLE,        /* ... but an ICMP error */
    SSTP_END_REFUSED,            /* SYN answered by RST (T2) */
    SSTP_END_ANSWER_UNHEARD,     /* the server's SYN/ACK is repeated, no ACK comes (T3) */
    SSTP_END_NOTHING_ASKED,      /* handshake of TCP, then the end without a byte: a probe */
    SSTP_END_HELLO_SILENT,       /* the ClientHello was never answered */
    SSTP_END_HELLO_HUNG_UP,      /* ... but by the end of the connection (T4) */
    SSTP_END_SERVER_ALERT,       /* the server ends the handshake by an alert (T5) */
    SSTP_END_CLIENT_REFUSED,     /* the client ends it once it has seen the certificate (T6): alert, or end of the connection */
    SSTP_END_HANDSHAKE_STALLED,  /* the handshake stops for any other reason */
    SSTP_END_NOTHING_SAID,       /* the handshake is whole and nobody says anything: a probe, or the client left (T6) */
    SSTP_END_HTTP_SILENT,        /* the HTTP request was not answered */
    SSTP_END_HTTP_ERROR,         /* another status than 200 (T7) */
    SSTP_END_CALL_SILENT,        /* 200, and then CALL_CONNECT_REQUEST did not come or was not answered */
    SSTP_END_CALL_NAK,           /* (T8) */
    SSTP_END_TUNNEL_SILENT,      /* L2TP, PPTP: the control connection or the call was asked for, and nobody answered */
    SSTP_END_TUNNEL_REFUSED,     /* ... or it was refused, or ended before PPP: result code, StopCCN, CDN, end of TCP (sstp.call) */
    SSTP_END_PPP_LCP,            /* LCP was not agreed */
    SSTP_END_PPP_AUTHENTICATION, /* refused */
    SSTP_END_PPP_SILENT,         /* authentication stopped half-way; who is silent: client_silent */
    SSTP_END_BINDING,            /* CALL_ABORT because of the crypto binding (T9) */
    SSTP_END_CALL_ABORT,         /* any other CALL_ABORT before the network was up */
    SSTP_END_PPP_NETWORK,        /* authenticated, but neither IPCP nor IPv6CP opened */
    SSTP_END_LEFT,               /* by lengths only: the tunnel ended before the size of CALL_CONNECTED passed */
    SSTP_END_ESTABLISHED         /* CALL_CONNECTED passed (its length, without secrets) and what followed does not contradict */
};

struct sstp_judgement {
    enum sstp_end end;
    enum confidence confidence;
    bool by_client;          /* who ended or refused; valid where somebody did */
    bool client_silent;      /* the last word was the server's */
    bool read;               /* from octets that were read, not from lengths and order */
    struct place place;      /* of what proves it; frame 0: nothing single does */
};

struct sstp_judgement judge_sstp(const struct exchange *x);
/* What the connection is: x->sstp.kind is this (by itself, without a look at the server's other connections). */
enum sstp_kind judge_sstp_kind(const struct exchange *x);
/* The ClientHello names a host, as people's clients do; monitors and scanners mostly dial an address. */
bool judge_sstp_dials_name(const struct exchange *x);
bool judge_sstp_is_name(struct span dialled); /* neither empty nor an address; a port may follow */
/* What it means for the session's outcome. */
enum outcome judge_sstp_outcome(const struct exchange *x);

/* How the client answered the certificate of the server: ANSWER_* of judge.h as for IKEv2; *alert as in judge_client_answer. */
enum client_answer judge_sstp_server_certificate(const struct exchange *x, const struct alert_fact **alert);

#endif
