/* Fuzz input into feeds: control byte (1: direction, 2: gap before it), 16-bit length, that many bytes (or what is
 * left). */
#ifndef VS_FUZZ_TLS_FEED_H
#define VS_FUZZ_TLS_FEED_H

#include "dissect/tls/tls.h"
#include "tests/fuzz/fuzz_bytes.h"

/* What an event lends is there. */
static inline void touch_event(void *ctx, const struct tls_event *e)
{
    (void)ctx;
    switch (e->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        touch(e->u.client_hello.random);
        touch(e->u.client_hello.session_id);
        touch(e->u.client_hello.sni);
        touch(e->u.client_hello.cipher_suites);
        touch_all(e->u.client_hello.alpn, e->u.client_hello.alpn_count);
        if (strlen(e->u.client_hello.ja3) >= TLS_JA3_TEXT || strlen(e->u.client_hello.ja4) >= TLS_JA4_TEXT)
            abort();
        break;
    case TLS_EVENT_SERVER_HELLO:
    case TLS_EVENT_HELLO_RETRY_REQUEST:
        touch(e->u.server_hello.random);
        touch(e->u.server_hello.session_id);
        touch(e->u.server_hello.alpn);
        break;
    case TLS_EVENT_CERTIFICATE:
        touch_all(e->u.certificate.chain, e->u.certificate.count);
        break;
    case TLS_EVENT_CERTIFICATE_REQUEST:
        touch(e->u.certificate_request.names);
        break;
    case TLS_EVENT_CERTIFICATE_STATUS:
    case TLS_EVENT_DATA:
        touch(e->u.bytes);
        break;
    default:
        break;
    }
}

static inline void feed_all(const struct secrets *secrets, struct cursor in)
{
    struct tls_context *c = tls_context_new(secrets, 100000);
    struct tls_session *s = c != NULL ? tls_session_new(c, touch_event, NULL) : NULL;
    uint8_t control;
    uint16_t length;
    uint64_t frame = 0;
    while (s != NULL && take_u8(&in, &control) && take_be16(&in, &length)) {
        struct span bytes;
        enum direction dir = (control & 1) != 0 ? TO_CLIENT : TO_SERVER;
        struct place place = {.frame = ++frame};
        if ((control & 2) != 0)
            tls_gap(s, dir, place);
        if (!take_span(&in, length < in.len ? length : in.len, &bytes))
            break;
        tls_feed(s, dir, bytes, place);
        struct tls_handshake pending;
        uint32_t present;
        if (tls_pending(s, dir, &pending, &present) && present > pending.length)
            abort();
    }
    tls_session_free(s);
    if (c != NULL && tls_context_buffer_bytes(c) != 0)
        abort();
    tls_context_free(c);
}

#endif
