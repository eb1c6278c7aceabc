/*
 * Two real TLS peers (libssl over memory BIOs) that speak through EAP packets made here, fragmented as asked, and a
 * recorder of what the EAP layer tells about them. For the tests of EAP only.
 */
#ifndef VS_TESTS_EAP_PEERS_H
#define VS_TESTS_EAP_PEERS_H

#include <openssl/ssl.h>

#include "dissect/eap/eap.h"

enum { LOG_MAX = 4096, LOG_TEXT = 128 };

/* What was told, in order, one line of text an event. */
struct record {
    char lines[LOG_MAX][LOG_TEXT];
    size_t count;
    unsigned gaps, certificates[2], retransmissions, malformed, decryption_failures, encrypted_alerts, closed_records;
    const char *gap_reason;
    struct eap_gap gap;
    X509 *expected[2];          /* leaf by depth */
    unsigned wrong_certificates;
};

/* Names its line by depth, direction and kind: "0< packet Request PEAP". Any event. */
void record_event(void *ctx, const struct eap_event *event);
/* Place of the first line from `from` on that starts with text; LOG_MAX when there is none. */
size_t record_find(const struct record *r, const char *text, size_t from);
unsigned record_count(const struct record *r, const char *text);

struct tls_peer { SSL *ssl; };
struct tls_pair { SSL_CTX *contexts[2]; struct tls_peer peer[2]; X509 *leaf; };

/* peer[TO_SERVER] is the client: peers by the direction that they send in. version: TLS1_2_VERSION ... suite may be NULL. */
void pair_open(struct tls_pair *t, int version, const char *suite, struct secrets *secrets);
void pair_close(struct tls_pair *t);
/* Lets the peer of dir take bytes (may be none); returns what it sends, to be freed with free. */
uint8_t *pair_step(struct tls_pair *t, enum direction dir, struct span in, size_t *len);
/* The peer of dir encrypts bytes as one message; the other peer must read the same. */
uint8_t *pair_encrypt(struct tls_pair *t, enum direction dir, struct span bytes, size_t *len);

/* How packets get into the EAP layer. */
struct link {
    struct eap *eap;
    uint8_t type, version;      /* of the method */
    uint8_t identifier;         /* of the current Request */
    uint8_t identifier_step;    /* 0 is taken as 1 */
    size_t fragment;            /* TLS bytes a packet */
    bool length_everywhere;     /* L on every fragment, else on the first of several */
    bool length_unfragmented;   /* L on a packet that is the only one, too */
    bool one_sided;             /* only the server's packets are captured */
    unsigned repeat;            /* every packet is captured 1 + repeat times */
    unsigned lose;              /* the number, from 1, of the packet that is not captured; 0 none */
    size_t snap;                /* captured bytes a packet, 0 all */
    unsigned packets;           /* sent so far */
    uint64_t frame;
};

void link_packet(struct link *l, enum direction dir, const uint8_t *bytes, size_t len);
/* A packet of code and type with data. */
void link_message(struct link *l, enum direction dir, uint8_t type, const void *data, size_t len);
void link_start(struct link *l);
/* TLS bytes of one flight; the other side acknowledges each fragment but the last. */
void link_flight(struct link *l, enum direction dir, const uint8_t *bytes, size_t len);
void link_acknowledge(struct link *l, enum direction dir);
void link_finish(struct link *l, uint8_t code);

/* Identity, Start and the whole handshake. */
void link_handshake(struct link *l, struct tls_pair *t);

#endif
