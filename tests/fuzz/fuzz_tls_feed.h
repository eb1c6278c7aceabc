/* Fuzz input into feeds: control byte (1: direction, 2: gap before it), 16-bit length, that many bytes (or what is
 * left). */
#ifndef VS_FUZZ_TLS_FEED_H
#define VS_FUZZ_TLS_FEED_H

#include <stdlib.h>

#include "dissect/tls/tls.h"
#include "capture/wire/cursor.h"

/* Touches what an event lends, so that a sanitizer sees a span that points nowhere. */
static inline unsigned touch(struct span s)
{
    unsigned sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum += s.data[i];
    return sum;
}

static inline void touch_event(void *ctx, const struct tls_event *e)
{
    unsigned sum = 0;
    switch (e->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        sum = touch(e->u.client_hello.random) + touch(e->u.client_hello.session_id) + touch(e->u.client_hello.sni) +
              touch(e->u.client_hello.cipher_suites);
        for (unsigned i = 0; i < e->u.client_hello.alpn_count; i++)
            sum += touch(e->u.client_hello.alpn[i]);
        if (strlen(e->u.client_hello.ja3) >= TLS_JA3_TEXT || strlen(e->u.client_hello.ja4) >= TLS_JA4_TEXT)
            abort();
        break;
    case TLS_EVENT_SERVER_HELLO:
    case TLS_EVENT_HELLO_RETRY_REQUEST:
        sum = touch(e->u.server_hello.random) + touch(e->u.server_hello.session_id) + touch(e->u.server_hello.alpn);
        break;
    case TLS_EVENT_CERTIFICATE:
        for (unsigned i = 0; i < e->u.certificate.count; i++)
            sum += touch(e->u.certificate.chain[i]);
        break;
    case TLS_EVENT_CERTIFICATE_REQUEST:
        sum = touch(e->u.certificate_request.names);
        break;
    case TLS_EVENT_CERTIFICATE_STATUS:
    case TLS_EVENT_DATA:
        sum = touch(e->u.bytes);
        break;
    default:
        break;
    }
    *(unsigned *)ctx += sum;
}

static inline void feed_all(const struct secrets *secrets, struct cursor in)
{
    unsigned sum = 0;
    struct tls_context *c = tls_context_new(secrets, 100000);
    struct tls_session *s = c != NULL ? tls_session_new(c, touch_event, &sum) : NULL;
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
