#include "tls_listener.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "capture/wire/hash.h"

void listener_reset(struct listener *l)
{
    memset(l, 0, sizeof *l);
}

__attribute__((format(printf, 2, 3))) static void put(struct listener *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->text + l->text_len, LISTENER_TEXT - l->text_len, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < LISTENER_TEXT - l->text_len);
    l->text_len += (size_t)n;
}

static void put_span(struct listener *l, const char *name, struct span s)
{
    put(l, " %s=%zu:%016llx", name, s.len, (unsigned long long)hash_bytes(s.data, s.len, 0));
}

/* The borrowed bytes end with the event: keeps them. */
static struct span keep(struct listener *l, struct span s)
{
    assert(s.len <= LISTENER_BYTES - l->bytes_len);
    struct span kept = span_of(l->bytes + l->bytes_len, s.len);
    if (s.len > 0)
        memcpy(l->bytes + l->bytes_len, s.data, s.len);
    l->bytes_len += s.len;
    return kept;
}

static void on_client_hello(struct listener *l, const struct tls_client_hello *h)
{
    put(l, " %04x/%04x ticket %d %s %s", h->legacy_version, h->max_version, h->session_ticket, h->ja3, h->ja4);
    put_span(l, "random", h->random);
    put_span(l, "id", h->session_id);
    put_span(l, "suites", h->cipher_suites);
    put_span(l, "sni", h->sni);
    for (unsigned i = 0; i < h->alpn_count; i++)
        put_span(l, "alpn", h->alpn[i]);
    l->client_hello = *h;
    l->client_hello.random = keep(l, h->random);
    l->client_hello.session_id = keep(l, h->session_id);
    l->client_hello.cipher_suites = keep(l, h->cipher_suites);
    l->client_hello.sni = keep(l, h->sni);
    for (unsigned i = 0; i < h->alpn_count; i++)
        l->client_hello.alpn[i] = keep(l, h->alpn[i]);
    snprintf(l->ja3, sizeof l->ja3, "%s", h->ja3);
    snprintf(l->ja4, sizeof l->ja4, "%s", h->ja4);
}

static void on_server_hello(struct listener *l, const struct tls_server_hello *h)
{
    put(l, " %04x %04x echoed %d psk %d", h->version, h->cipher_suite, h->session_id_echoed, h->pre_shared_key);
    put_span(l, "random", h->random);
    put_span(l, "id", h->session_id);
    put_span(l, "alpn", h->alpn);
    l->server_hello = *h;
    l->server_hello.random = keep(l, h->random);
    l->server_hello.session_id = keep(l, h->session_id);
    l->server_hello.alpn = keep(l, h->alpn);
}

static void on_certificate(struct listener *l, enum direction dir, const struct tls_certificate *c)
{
    put(l, " %u%s%s%s", c->count, c->more ? " more" : "", c->malformed ? " malformed" : "",
        c->decrypted ? " decrypted" : "");
    l->certificate[dir] = *c;
    for (unsigned i = 0; i < c->count; i++) {
        put_span(l, "der", c->chain[i]);
        l->certificate[dir].chain[i] = keep(l, c->chain[i]);
    }
}

static void on_data(struct listener *l, enum direction dir, struct span bytes)
{
    put_span(l, "data", bytes);
    if (bytes.len > sizeof l->data[dir] - l->data_len[dir])
        return;
    memcpy(l->data[dir] + l->data_len[dir], bytes.data, bytes.len);
    l->data_len[dir] += bytes.len;
}

void listener_event(void *ctx, const struct tls_event *e)
{
    struct listener *l = ctx;
    l->count[e->kind][e->dir]++;
    put(l, "%u-%u %s kind %d", (unsigned)e->first.frame, (unsigned)e->place.frame,
        e->dir == TO_SERVER ? "client" : "server", (int)e->kind);
    switch (e->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        on_client_hello(l, &e->u.client_hello);
        break;
    case TLS_EVENT_SERVER_HELLO:
    case TLS_EVENT_HELLO_RETRY_REQUEST:
        on_server_hello(l, &e->u.server_hello);
        break;
    case TLS_EVENT_CERTIFICATE:
        on_certificate(l, e->dir, &e->u.certificate);
        break;
    case TLS_EVENT_CERTIFICATE_REQUEST:
        l->certificate_request = e->u.certificate_request;
        l->certificate_request.names = keep(l, e->u.certificate_request.names);
        put(l, " %u malformed %d", e->u.certificate_request.name_count, e->u.certificate_request.malformed);
        put_span(l, "names", e->u.certificate_request.names);
        break;
    case TLS_EVENT_CERTIFICATE_STATUS:
        l->status = keep(l, e->u.bytes);
        put_span(l, "status", e->u.bytes);
        break;
    case TLS_EVENT_HANDSHAKE:
        l->handshakes[e->dir][e->u.handshake.type]++;
        put(l, " %s %u", tls_handshake_name(e->u.handshake.type), e->u.handshake.length);
        break;
    case TLS_EVENT_ALERT:
        l->alert[e->dir] = e->u.alert;
        put(l, " %u %u decrypted %d", e->u.alert.level, e->u.alert.code, e->u.alert.decrypted);
        break;
    case TLS_EVENT_ENCRYPTED_ALERT:
        l->encrypted_alert[e->dir] = e->u.record;
        put(l, " %u", e->u.record.length);
        break;
    case TLS_EVENT_ENCRYPTED:
    case TLS_EVENT_DECRYPTION_FAILED:
        put(l, " %u %u", e->u.record.type, e->u.record.length);
        break;
    case TLS_EVENT_DATA:
        on_data(l, e->dir, e->u.bytes);
        break;
    case TLS_EVENT_MALFORMED:
        l->reason = e->u.reason;
        put(l, " %s", e->u.reason);
        break;
    case TLS_EVENT_CHANGE_CIPHER_SPEC:
        break;
    }
    put(l, "\n");
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

void listener_feed(struct listener *l, struct tls_session *s, const struct peers *p, uint32_t cut)
{
    (void)l;
    uint32_t state = cut;
    for (size_t i = 0; i < p->count; i++) {
        struct place place = {.frame = i + 1, .time_ns = (int64_t)i * 1000};
        const uint8_t *at = p->bytes + p->pieces[i].offset;
        for (size_t left = p->pieces[i].len; left > 0;) {
            size_t n = cut == 0 ? left : cut == 1 ? 1 : 1 + next_random(&state) % (cut % 2 == 0 ? 40 : 2000);
            if (n > left)
                n = left;
            tls_feed(s, p->pieces[i].to_client ? TO_CLIENT : TO_SERVER, span_of(at, n), place);
            at += n;
            left -= n;
        }
    }
}

void listener_read(struct listener *l, struct tls_context *c, const struct peers *p, uint32_t cut, bool finished[2],
                   bool *decrypted)
{
    listener_reset(l);
    struct tls_session *s = tls_session_new(c, listener_event, l);
    assert(s != NULL);
    listener_feed(l, s, p, cut);
    if (finished != NULL) {
        finished[TO_SERVER] = tls_finished(s, TO_SERVER);
        finished[TO_CLIENT] = tls_finished(s, TO_CLIENT);
    }
    if (decrypted != NULL)
        *decrypted = tls_decrypts(s);
    tls_session_free(s);
}

bool listener_has_chain(const struct listener *l, const struct peers *p)
{
    const struct tls_certificate *heard = &l->certificate[TO_CLIENT];
    uint8_t *der[PEERS_CHAIN];
    size_t len[PEERS_CHAIN], n = peers_server_chain(p, der, len);
    bool same = heard->count == (n < TLS_CHAIN_MAX ? n : TLS_CHAIN_MAX) && heard->more == (n > TLS_CHAIN_MAX);
    for (size_t i = 0; i < n; i++) {
        same = same && (i >= TLS_CHAIN_MAX || span_equal(heard->chain[i], span_of(der[i], len[i])));
        OPENSSL_free(der[i]);
    }
    return same;
}
