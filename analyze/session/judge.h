/* What one finished exchange proves by itself: how the client answered the server's certificate, where the login died. Pure. */
#ifndef VS_ANALYZE_JUDGE_H
#define VS_ANALYZE_JUDGE_H

#include "analyze/session/exchange.h"

enum client_answer {
    ANSWER_NO_CERTIFICATE,   /* the server's certificate was not seen, nor a place where it must have been */
    ANSWER_ACCEPTED,         /* the client went on with the handshake and did not refuse afterwards */
    ANSWER_ALERT,            /* readable fatal alert (in clear, or decrypted) */
    ANSWER_ENCRYPTED_ALERT,  /* an alert by its position (wire-facts signature E2) */
    ANSWER_LEFT,             /* IKEv2: the client ended the association instead of going on (judge_ike_server_certificate) */
    ANSWER_SILENT,           /* nothing more came although the capture went on (E3) */
    ANSWER_UNKNOWN,          /* the capture ended, or does not show it */
};

/* How the client answered; *alert is its alert for ANSWER_ALERT, else NULL. */
enum client_answer judge_client_answer(const struct exchange *x, const struct alert_fact **alert);

/* The same of the certificate that an EAP-TLS inside PEAP or TTLS presents; ANSWER_NO_CERTIFICATE when that is not readable. */
enum client_answer judge_inner_answer(const struct exchange *x, const struct alert_fact **alert);

/* The client's readable alert that can be about the server's certificate; NULL without. */
const struct alert_fact *judge_certificate_alert(const struct tls_facts *t);

/* The client refused the outer certificate, readable or not. */
bool judge_client_refused(const struct exchange *x);

/* The last fatal alert of the server that is readable, NULL without. */
const struct alert_fact *judge_server_alert(const struct tls_facts *t);

/* Both sides finished the outer handshake (TLS 1.3 without secrets: as far as it shows). */
bool judge_tunnel_up(const struct exchange *x);

/* Nanoseconds that the capture went on after the last packet of the exchange. */
int64_t judge_quiet_ns(const struct exchange *x);

/* Windows' RAS error for a certificate alert of the client: 864 for unknown_ca and so on; 0 when the alert says nothing. */
uint32_t judge_alert_error(uint8_t code);

#define JUDGE_SILENT_NS (30 * INT64_C(1000000000))   /* an EAP client that has not answered by now is silent */

#endif
