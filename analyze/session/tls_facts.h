/* What was seen of one TLS session: inside EAP, or under SSTP. What only some sessions have lies behind (exchange.h). */
#ifndef VS_ANALYZE_TLS_FACTS_H
#define VS_ANALYZE_TLS_FACTS_H

#include "analyze/session/text.h"
#include "dissect/tls/tls.h"

enum { TLS_FACTS_ALERTS = 4 };

struct alert_fact { uint8_t from_client, level, code; bool decrypted; struct place place; };

struct tls_facts {
    bool seen;                        /* a ClientHello or ServerHello was */
    bool client_hello, server_hello, resumed, decrypted, decryption_failed, hello_retry, malformed;
    bool certificate_request, client_certificate, client_certificate_empty;
    bool certificate_seen;            /* the server's Certificate message was read whole */
    bool certificate_truncated;       /* ... was begun, but is not whole: capture cut, gap or end */
    bool certificate_too_many;        /* the chain store was full: seen but not examined */
    bool server_hello_done, client_key_exchange, client_finished, server_finished;
    bool data_from_client, data_from_server; /* application data records, read or not */
    bool server_committed;            /* TLS 1.3: data of the server was read, or a closed record is as long as RFC 9190's
                                       * commitment (section 2.1.1): an alert or a ticket, closed, is data_from_server too */
    bool client_encrypted_alert, server_encrypted_alert; /* by position, E2 */
    bool server_alert_first;          /* ... the server's came first, or alone */
    bool alpn_other;                  /* the ServerHello chose something else than HTTP/1.1; TLS 1.3 does not say it there */
    uint8_t alert_count;
    uint16_t version, cipher_suite, max_version; /* version 0 until the ServerHello; max_version: the client's offer */
    uint16_t client_records;          /* application data records of the client, saturating */
    uint32_t server_chain, client_chain; /* chains_get() serials, 0 none */
    uint8_t random[32];               /* the client's */
    char ja3[33], ja4[37];            /* "" when no ClientHello was seen */
    struct text sni, alpn;            /* alpn: names joined by ',' */
    struct place hello, server_hello_place, certificate_last, finished;
    /* What some logins have. */
    struct place encrypted_alert;
    struct alert_fact alerts[TLS_FACTS_ALERTS];
};

#endif
