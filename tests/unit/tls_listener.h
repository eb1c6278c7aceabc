/* Writes down the events of a TLS session, as text that two readings of the same bytes must share, and as copies. */
#ifndef VS_TESTS_TLS_LISTENER_H
#define VS_TESTS_TLS_LISTENER_H

#include "dissect/tls/tls.h"
#include "tls_peers.h"

enum { LISTENER_TEXT = 1 << 16, LISTENER_BYTES = 1 << 17, LISTENER_KINDS = TLS_EVENT_MALFORMED + 1 };

struct listener {
    char text[LISTENER_TEXT]; /* one line an event */
    size_t text_len;
    unsigned count[LISTENER_KINDS][2];
    uint8_t data[2][4096]; /* decrypted application data */
    size_t data_len[2];
    /* The last of each; what their spans refer to lies in `bytes`. */
    struct tls_client_hello client_hello;
    struct tls_server_hello server_hello;
    struct tls_certificate certificate[2];
    struct tls_certificate_request certificate_request;
    struct tls_alert alert[2];
    struct tls_record encrypted_alert[2];
    struct span status;
    char ja3[TLS_JA3_TEXT], ja4[TLS_JA4_TEXT];
    const char *reason;
    unsigned handshakes[2][256];
    uint8_t bytes[LISTENER_BYTES];
    size_t bytes_len;
};

void listener_reset(struct listener *l);
void listener_event(void *ctx, const struct tls_event *event); /* ctx is the listener */

/* How a recording is cut: 0 whole pieces, 1 single bytes, else seeded lengths; the frame is the piece's number + 1. */
void listener_feed(struct listener *l, struct tls_session *s, const struct peers *p, uint32_t cut);

/* listener_feed of a new session; finished and decrypted (may be NULL) are asked at its end. */
void listener_read(struct listener *l, struct tls_context *c, const struct peers *p, uint32_t cut, bool finished[2],
                   bool *decrypted);

/* The server's certificates are those that the client's libssl got, byte for byte, as far as they are kept. */
bool listener_has_chain(const struct listener *l, const struct peers *p);

#endif
