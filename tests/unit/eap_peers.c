#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "eap_peers.h"

enum { PACKET_MAX = 65535, EAP_AND_FLAGS = 6, LENGTH_FIELD = 4 };

static const char *tls_kind(enum tls_event_kind kind)
{
    static const char *const names[] = {
        [TLS_EVENT_CLIENT_HELLO] = "client_hello",
        [TLS_EVENT_SERVER_HELLO] = "server_hello",
        [TLS_EVENT_HELLO_RETRY_REQUEST] = "hello_retry_request",
        [TLS_EVENT_CERTIFICATE] = "certificate",
        [TLS_EVENT_CERTIFICATE_REQUEST] = "certificate_request",
        [TLS_EVENT_CERTIFICATE_STATUS] = "certificate_status",
        [TLS_EVENT_HANDSHAKE] = "handshake",
        [TLS_EVENT_CHANGE_CIPHER_SPEC] = "change_cipher_spec",
        [TLS_EVENT_ENCRYPTED] = "encrypted",
        [TLS_EVENT_ALERT] = "alert",
        [TLS_EVENT_ENCRYPTED_ALERT] = "encrypted_alert",
        [TLS_EVENT_DATA] = "data",
        [TLS_EVENT_DECRYPTION_FAILED] = "decryption_failed",
        [TLS_EVENT_MALFORMED] = "malformed",
    };
    return names[kind];
}

static void check_certificate(struct record *r, const struct eap_event *event)
{
    X509 *expected = r->expected[event->depth];
    r->certificates[event->depth]++;
    uint8_t *der = NULL;
    int len = expected != NULL ? i2d_X509(expected, &der) : 0;
    const struct tls_certificate *c = &event->u.tls->u.certificate;
    if (len <= 0 || c->malformed || c->count == 0 || c->chain[0].len != (size_t)len ||
        memcmp(c->chain[0].data, der, (size_t)len) != 0)
        r->wrong_certificates++;
    OPENSSL_free(der);
}

static void describe(struct record *r, const struct eap_event *event, char out[LOG_TEXT])
{
    int n = snprintf(out, LOG_TEXT, "%u%c ", (unsigned)event->depth, event->dir == TO_SERVER ? '>' : '<');
    char *rest = out + n;
    size_t room = LOG_TEXT - (size_t)n;
    const struct eap_packet *p;
    switch (event->kind) {
    case EAP_EVENT_PACKET:
        p = event->u.packet;
        r->retransmissions += p->retransmission;
        r->malformed += p->malformed;
        snprintf(rest, room, "packet %s %u %.*s%s%s err=%u tlv=%u%s", eap_code_name(p->code), (unsigned)p->type,
                 (int)p->identity.len, (const char *)p->identity.data != NULL ? (const char *)p->identity.data : "",
                 p->retransmission ? " again" : "", p->malformed ? " malformed" : "", (unsigned)p->mschapv2_error,
                 (unsigned)p->tlv_result, p->tlv_crypto_binding ? " binding" : "");
        break;
    case EAP_EVENT_TLS:
        r->decryption_failures += event->u.tls->kind == TLS_EVENT_DECRYPTION_FAILED;
        r->encrypted_alerts += event->u.tls->kind == TLS_EVENT_ENCRYPTED_ALERT;
        r->malformed += event->u.tls->kind == TLS_EVENT_MALFORMED;
        if (event->u.tls->kind == TLS_EVENT_CERTIFICATE && event->dir == TO_CLIENT)
            check_certificate(r, event);
        snprintf(rest, room, "tls %s", tls_kind(event->u.tls->kind));
        break;
    case EAP_EVENT_TTLS_AVPS:
        snprintf(rest, room, "avps %u %.*s err=%u", (unsigned)event->u.avps->method,
                 (int)event->u.avps->user_name.len, (const char *)event->u.avps->user_name.data,
                 (unsigned)event->u.avps->error);
        break;
    case EAP_EVENT_FRAGMENT_GAP:
        r->gaps++;
        r->gap = event->u.gap;
        r->gap_reason = event->u.gap.reason;
        snprintf(rest, room, "gap %u/%u", (unsigned)event->u.gap.present, (unsigned)event->u.gap.announced);
        break;
    }
}

void record_event(void *ctx, const struct eap_event *event)
{
    struct record *r = ctx;
    assert_true(r->count < LOG_MAX);
    describe(r, event, r->lines[r->count++]);
    if (event->kind != EAP_EVENT_PACKET || event->u.packet->closed_record == 0)
        return;
    /* Told with the packet, and as good as an event of its own. */
    r->closed_records++;
    struct tls_event tls = {.kind = TLS_EVENT_ENCRYPTED, .dir = event->dir, .place = event->place};
    struct eap_event closed = *event;
    closed.kind = EAP_EVENT_TLS;
    closed.u.tls = &tls;
    assert_true(r->count < LOG_MAX);
    describe(r, &closed, r->lines[r->count++]);
}

size_t record_find(const struct record *r, const char *text, size_t from)
{
    for (size_t i = from; i < r->count; i++)
        if (strncmp(r->lines[i], text, strlen(text)) == 0)
            return i;
    return LOG_MAX;
}

unsigned record_count(const struct record *r, const char *text)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->count; i++)
        n += strncmp(r->lines[i], text, strlen(text)) == 0;
    return n;
}

/* A certificate long enough that its flight needs several fragments. */
static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *x = X509_new();
    assert_non_null(x);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    char names[2048] = "DNS:nps.corp.contoso.com";
    size_t len = strlen(names);
    for (unsigned i = 0; i < 40; i++)
        len += (size_t)snprintf(names + len, sizeof names - len, ",DNS:alias-%u.servers.corp.contoso.com", i);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert_non_null(extension);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

/* One key for the whole program: making one takes longer than a handshake. */
static EVP_PKEY *server_key(void)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_RSA_gen(2048);
    assert_non_null(key);
    return key;
}

static void on_key_log(const SSL *ssl, const char *line)
{
    struct secrets *secrets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    char message[SECRETS_MESSAGE];
    if (secrets != NULL)
        assert_true(secrets_add_key_log(secrets, span_of(line, strlen(line)), message));
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

static void open_peer(struct tls_pair *t, enum direction dir, int version, const char *suite)
{
    SSL_CTX *c = t->contexts[dir];
    assert_int_equal(SSL_CTX_set_min_proto_version(c, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c, version), 1);
    if (suite != NULL && version == TLS1_3_VERSION)
        assert_int_equal(SSL_CTX_set_ciphersuites(c, suite), 1);
    else
        assert_int_equal(SSL_CTX_set_cipher_list(c, suite != NULL ? suite : "DEFAULT@SECLEVEL=0"), 1);
    SSL *ssl = SSL_new(c);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    assert_true(ssl != NULL && in != NULL && out != NULL);
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);
    if (dir == TO_SERVER)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    t->peer[dir].ssl = ssl;
}

void pair_open(struct tls_pair *t, int version, const char *suite, struct secrets *secrets)
{
    *t = (struct tls_pair){.contexts = {SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method())}};
    assert_true(t->contexts[TO_SERVER] != NULL && t->contexts[TO_CLIENT] != NULL);
    EVP_PKEY *key = server_key();
    t->leaf = make_certificate(key, "nps.corp.contoso.com");
    assert_int_equal(SSL_CTX_use_certificate(t->contexts[TO_CLIENT], t->leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(t->contexts[TO_CLIENT], key), 1);
    SSL_CTX_set_verify(t->contexts[TO_SERVER], SSL_VERIFY_PEER, accept_any);
    for (int dir = 0; dir < 2; dir++) { /* each knows some of the keys first */
        SSL_CTX_set_app_data(t->contexts[dir], secrets);
        SSL_CTX_set_keylog_callback(t->contexts[dir], on_key_log);
    }
    open_peer(t, TO_SERVER, version, suite);
    open_peer(t, TO_CLIENT, version, suite);
}

void pair_close(struct tls_pair *t)
{
    for (int dir = 0; dir < 2; dir++) {
        SSL_free(t->peer[dir].ssl);
        SSL_CTX_free(t->contexts[dir]);
    }
    X509_free(t->leaf);
}

static uint8_t *take_output(SSL *ssl, size_t *len)
{
    BIO *out = SSL_get_wbio(ssl);
    *len = (size_t)BIO_ctrl_pending(out);
    uint8_t *bytes = malloc(*len > 0 ? *len : 1);
    assert_non_null(bytes);
    if (*len > 0)
        assert_int_equal(BIO_read(out, bytes, (int)*len), (int)*len);
    return bytes;
}

uint8_t *pair_step(struct tls_pair *t, enum direction dir, struct span in, size_t *len)
{
    SSL *ssl = t->peer[dir].ssl;
    if (in.len > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(ssl), in.data, (int)in.len), (int)in.len);
    if (SSL_is_init_finished(ssl)) {
        char byte; /* takes the session tickets of TLS 1.3 */
        assert_true(SSL_peek(ssl, &byte, 1) <= 0);
    } else {
        SSL_do_handshake(ssl);
    }
    return take_output(ssl, len);
}

uint8_t *pair_encrypt(struct tls_pair *t, enum direction dir, struct span bytes, size_t *len)
{
    SSL *from = t->peer[dir].ssl, *to = t->peer[!dir].ssl;
    assert_int_equal(SSL_write(from, bytes.data, (int)bytes.len), (int)bytes.len);
    uint8_t *sent = take_output(from, len);
    assert_int_equal(BIO_write(SSL_get_rbio(to), sent, (int)*len), (int)*len);
    uint8_t *seen = malloc(bytes.len);
    assert_non_null(seen);
    size_t have = 0;
    while (have < bytes.len) { /* TLS 1.0 comes in two records */
        int n = SSL_read(to, seen + have, (int)(bytes.len - have));
        assert_true(n > 0);
        have += (size_t)n;
    }
    assert_memory_equal(seen, bytes.data, bytes.len);
    free(seen);
    return sent;
}

/* The bytes go in as a block of their own size. */
void link_packet(struct link *l, enum direction dir, const uint8_t *bytes, size_t len)
{
    l->packets++;
    if (l->packets == l->lose || (l->one_sided && dir == TO_SERVER))
        return;
    size_t captured = l->snap != 0 && l->snap < len ? l->snap : len;
    for (unsigned i = 0; i <= l->repeat; i++) {
        uint8_t *copy = malloc(captured);
        assert_non_null(copy);
        memcpy(copy, bytes, captured);
        struct place place = {.frame = ++l->frame, .time_ns = (int64_t)l->frame * 1000000};
        eap_feed(l->eap, dir, span_of(copy, captured), captured < len, &place);
        free(copy);
    }
}

static void put_header(uint8_t *out, uint8_t code, uint8_t identifier, size_t len, uint8_t type)
{
    assert_true(len <= PACKET_MAX);
    out[0] = code;
    out[1] = identifier;
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    if (len > 4)
        out[4] = type;
}

/* A Request takes the next identifier, a Response that of the Request. */
static void send_typed(struct link *l, enum direction dir, uint8_t type, const void *data, size_t len)
{
    uint8_t *packet = malloc(5 + len);
    assert_non_null(packet);
    if (dir == TO_CLIENT)
        l->identifier = (uint8_t)(l->identifier + (l->identifier_step != 0 ? l->identifier_step : 1));
    put_header(packet, dir == TO_CLIENT ? EAP_REQUEST : EAP_RESPONSE, l->identifier, 5 + len, type);
    if (len > 0)
        memcpy(packet + 5, data, len);
    link_packet(l, dir, packet, 5 + len);
    free(packet);
}

void link_message(struct link *l, enum direction dir, uint8_t type, const void *data, size_t len)
{
    send_typed(l, dir, type, data, len);
}

void link_start(struct link *l)
{
    uint8_t flags = (uint8_t)(EAP_TLS_START | l->version);
    send_typed(l, TO_CLIENT, l->type, &flags, 1);
}

void link_acknowledge(struct link *l, enum direction dir)
{
    send_typed(l, dir, l->type, &l->version, 1);
}

void link_flight(struct link *l, enum direction dir, const uint8_t *bytes, size_t len)
{
    uint8_t *data = malloc(1 + LENGTH_FIELD + l->fragment);
    assert_non_null(data);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < l->fragment ? len - at : l->fragment, header = 1;
        bool more = at + n < len;
        bool length = (at == 0 && (more || l->length_unfragmented)) || (l->length_everywhere && (more || at > 0));
        data[0] = (uint8_t)((length ? EAP_TLS_LENGTH : 0) | (more ? EAP_TLS_MORE : 0) | l->version);
        if (length) {
            for (unsigned i = 0; i < LENGTH_FIELD; i++)
                data[1 + i] = (uint8_t)(len >> (24 - 8 * i));
            header += LENGTH_FIELD;
        }
        memcpy(data + header, bytes + at, n);
        send_typed(l, dir, l->type, data, header + n);
        at += n;
        if (more)
            link_acknowledge(l, dir == TO_SERVER ? TO_CLIENT : TO_SERVER);
    }
    free(data);
}

void link_finish(struct link *l, uint8_t code)
{
    uint8_t packet[4];
    put_header(packet, code, l->identifier, sizeof packet, 0);
    link_packet(l, TO_CLIENT, packet, sizeof packet);
}

void link_handshake(struct link *l, struct tls_pair *t)
{
    static const char anonymous[] = "anonymous@corp.contoso.com";
    link_message(l, TO_CLIENT, EAP_TYPE_IDENTITY, NULL, 0);
    link_message(l, TO_SERVER, EAP_TYPE_IDENTITY, anonymous, sizeof anonymous - 1);
    link_start(l);
    enum direction dir = TO_SERVER;
    struct span in = {NULL, 0};
    uint8_t *previous = NULL;
    for (unsigned round = 0; round < 10; round++) {
        size_t len;
        uint8_t *out = pair_step(t, dir, in, &len);
        free(previous);
        previous = out;
        in = (struct span){out, len};
        if (len == 0)
            break;
        link_flight(l, dir, out, len);
        dir = dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
    }
    free(previous);
    assert_true(SSL_is_init_finished(t->peer[TO_SERVER].ssl));
    assert_true(SSL_is_init_finished(t->peer[TO_CLIENT].ssl));
    if (dir == TO_SERVER) /* the server spoke last */
        link_acknowledge(l, TO_SERVER);
}
