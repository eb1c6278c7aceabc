/*
 * dump_tls [--keylog FILE] CAPTURE: TLS over TCP as vs_tls sees it, one event a line, to hold the same code that reads TLS
 * inside EAP against captures of many implementations.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"
#include "capture/source.h"
#include "dissect/crypto/digest.h"
#include "dissect/net/net.h"
#include "dissect/tls/tls.h"
#include "tcp_streams.h"

enum { KEY_LOG_MAX = 4 << 20, BUFFERS = 64 << 20, HELLO_LEAST = 3 };

struct dump {
    struct secrets *secrets;
    struct digests *digests;
    struct tls_context *tls;
    struct tcp_streams *streams;
};

static void print_certificates(const struct dump *d, const struct tls_event *e)
{
    printf("certificates %llu %s", (unsigned long long)e->place.frame, e->dir == TO_CLIENT ? "server" : "client");
    for (size_t i = 0; i < e->u.certificate.count; i++) {
        uint8_t hash[DIGEST_MAX] = {0};
        digest_compute(d->digests, DIGEST_SHA256, &e->u.certificate.chain[i], 1, hash);
        printf(" ");
        for (size_t k = 0; k < 32; k++)
            printf("%02x", hash[k]);
    }
    printf("\n");
}

static void on_tls(void *ctx, const struct tls_event *e)
{
    unsigned long long frame = e->place.frame;
    if (e->kind == TLS_EVENT_CERTIFICATE)
        print_certificates(ctx, e);
    else if (e->kind == TLS_EVENT_ALERT)
        printf("alert %llu %s level=%u code=%u\n", frame, e->dir == TO_CLIENT ? "server" : "client", e->u.alert.level,
               e->u.alert.code);
    else if (e->kind == TLS_EVENT_SERVER_HELLO || e->kind == TLS_EVENT_HELLO_RETRY_REQUEST)
        printf("server_hello %llu version=%04x cipher=%04x\n", frame, e->u.server_hello.version, e->u.server_hello.cipher_suite);
    else if (e->kind == TLS_EVENT_CLIENT_HELLO)
        printf("client_hello %llu ja3=%s ja4=%s\n", frame, e->u.client_hello.ja3, e->u.client_hello.ja4);
    else if (e->kind == TLS_EVENT_MALFORMED)
        printf("malformed %llu %s\n", frame, e->u.reason);
}

/* A record header: a content type, and a version of SSL 3.0 or later. */
static bool begins_tls(struct span bytes)
{
    return bytes.len >= HELLO_LEAST && bytes.data[0] >= TLS_CHANGE_CIPHER_SPEC && bytes.data[0] <= TLS_APPLICATION_DATA &&
           bytes.data[1] == 3;
}

static void on_bytes(void *ctx, void **user, bool to_client, struct span bytes, struct place place)
{
    struct dump *d = ctx;
    if (*user == NULL && begins_tls(bytes))
        *user = tls_session_new(d->tls, on_tls, d);
    if (*user != NULL)
        tls_feed(*user, to_client ? TO_CLIENT : TO_SERVER, bytes, place);
}

static void on_gap(void *ctx, void **user, bool to_client, struct place place)
{
    (void)ctx;
    if (*user != NULL)
        tls_gap(*user, to_client ? TO_CLIENT : TO_SERVER, place);
}

static void on_closed(void *ctx, void *user)
{
    (void)ctx;
    if (user != NULL)
        tls_session_free(user);
}

static void on_packet(void *ctx, const struct packet *p)
{
    struct dump *d = ctx;
    tcp_streams_packet(d->streams, p);
}

static void on_lost(void *ctx, const struct net_lost_fragments *lost)
{
    (void)ctx;
    printf("lost_fragments %llu\n", (unsigned long long)lost->last.frame);
}

static void embedded(void *ctx, uint32_t type, struct span text)
{
    struct dump *d = ctx;
    char message[SECRETS_MESSAGE];
    if (type == SECRETS_TLS_KEY_LOG && !secrets_add_key_log(d->secrets, text, message))
        fprintf(stderr, "dump_tls: %s\n", message);
}

static void read_key_log(struct dump *d, const char *path)
{
    char error[PLATFORM_ERROR];
    uint8_t *room = malloc(KEY_LOG_MAX);
    FILE *in = platform_open(path, "r", error);
    if (in != NULL && room != NULL)
        embedded(d, SECRETS_TLS_KEY_LOG, span_of(room, fread(room, 1, KEY_LOG_MAX, in)));
    if (in != NULL)
        fclose(in);
    else
        fprintf(stderr, "dump_tls: %s: %s\n", path, error);
    free(room);
}

static int dump(struct dump *d, const char *path)
{
    char error[SOURCE_ERROR];
    struct source_options reading = {.secrets = embedded, .secrets_ctx = d};
    struct net_handler handler = {on_packet, on_lost, d, NULL};
    struct source *source = source_open(path, &reading, error);
    if (source == NULL) {
        fprintf(stderr, "dump_tls: %s\n", error);
        return 2;
    }
    struct net *net = net_new(&handler);
    struct frame frames[SOURCE_BATCH];
    for (size_t n; net != NULL && (n = source_next(source, frames, SOURCE_BATCH)) > 0;)
        for (size_t i = 0; i < n; i++)
            net_frame(net, &frames[i]);
    if (net != NULL)
        net_finish(net);
    printf("frames %llu\n", (unsigned long long)source_info(source)->packets);
    net_free(net);
    source_close(source);
    return net != NULL ? 0 : 2;
}

int main(int argc, char **argv)
{
    struct dump d = {.secrets = secrets_new(), .digests = digests_new()};
    const struct tcp_receiver receiver = {on_bytes, on_gap, on_closed, &d};
    int status = 2, first = 1;
    d.tls = tls_context_new(d.secrets, BUFFERS);
    d.streams = tcp_streams_new(&receiver);
    bool good = d.secrets != NULL && d.digests != NULL && d.tls != NULL && d.streams != NULL;
    for (; good && first + 1 < argc && strcmp(argv[first], "--keylog") == 0; first += 2)
        read_key_log(&d, argv[first + 1]);
    if (good && first + 1 == argc)
        status = dump(&d, argv[first]);
    else
        fprintf(stderr, "usage: dump_tls [--keylog FILE]... CAPTURE\n");
    tcp_streams_free(d.streams);
    tls_context_free(d.tls);
    digests_free(d.digests);
    secrets_free(d.secrets);
    return status;
}
