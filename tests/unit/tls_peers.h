/* A real TLS client and server (libssl over memory) whose bytes are recorded, and what both ends know about it. */
#ifndef VS_TESTS_TLS_PEERS_H
#define VS_TESTS_TLS_PEERS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEERS_PIECES = 512, PEERS_CHAIN = 40 };

struct peers_options {
    int version_min, version_max; /* of the server too; 0: any */
    const char *ciphers;          /* up to TLS 1.2 */
    const char *suites;           /* TLS 1.3 */
    const char *client_groups, *server_groups;
    const char *sni;
    const uint8_t *alpn; /* wire format */
    size_t alpn_len;
    uint64_t options;                /* SSL_OP_ for both */
    unsigned extra_certificates;     /* sent behind the leaf */
    bool client_certificate;         /* asked for and given */
    bool client_without_certificate; /* asked for, none is there */
    bool client_refuses;             /* verifies against an empty store */
    bool staple;                     /* the server staples a response */
    bool key_update, renegotiate;
    bool psk;
    int client_version_max; /* 0: as version_max */
    int server_version_min; /* 0: as version_min */
    SSL_SESSION *session;   /* resumed */
};

struct peers_piece {
    int to_client;
    size_t offset, len;
};

/* One recorded connection. The SSL objects live until peers_free. */
struct peers {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    bool connected;
    uint8_t *bytes;
    size_t len, room;
    struct peers_piece pieces[PEERS_PIECES];
    size_t count;
    char *key_log;
    size_t key_log_len;
    SSL_SESSION *ticket;                          /* for a later resumption; owned */
    uint8_t client_random[32], server_random[32]; /* of the last handshake */
};

extern const char peers_ping[], peers_pong[], peers_staple[];

/* Connects, sends ping and pong, closes; what the options say. */
void peers_run(struct peers *p, const struct peers_options *options);
void peers_free(struct peers *p);
int peers_cleanup(void **state); /* the keys and certificates of all runs, when all tests have ended */

/* The server's certificates, DER made by i2d_X509, in the order sent; freed by the caller with OPENSSL_free each. */
size_t peers_server_chain(const struct peers *p, uint8_t *der[PEERS_CHAIN], size_t len[PEERS_CHAIN]);
X509 *peers_client_certificate(void);

#endif
