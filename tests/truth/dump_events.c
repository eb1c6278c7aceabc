/*
 * dump_events [--keylog FILE | --ike-keys FILE]... CAPTURE: what the dissector tells of a capture, one event a line, for
 * the comparison with what other programs counted. A line begins with its kind and frame; words are separated by blanks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"
#include "capture/source.h"
#include "dissect/dissect.h"
#include "dissect/ike/ike_keys.h"
#include "dump_call.h"
#include "dump_ike.h"

enum { KEYS_MAX = 4 << 20, MEMORY = 256 << 20 };

struct dump {
    struct secrets *secrets;
    struct digests *digests;
};

static void print_hex(const char *before, const uint8_t *bytes, size_t len)
{
    printf("%s", before);
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
}

static void print_certificates(const struct dump *d, const struct eap_event *e, const struct tls_event *t)
{
    printf("certificates %llu %s depth=%u", (unsigned long long)t->place.frame, t->dir == TO_CLIENT ? "server" : "client",
           e->depth);
    for (size_t i = 0; i < t->u.certificate.count; i++) {
        uint8_t hash[DIGEST_MAX] = {0};
        digest_compute(d->digests, DIGEST_SHA256, &t->u.certificate.chain[i], 1, hash);
        print_hex(" ", hash, 32);
    }
    printf("\n");
}

static void print_tls(const struct dump *d, const struct eap_event *e, const struct tls_event *t)
{
    unsigned long long frame = t->place.frame;
    if (t->kind == TLS_EVENT_CERTIFICATE)
        print_certificates(d, e, t);
    else if (t->kind == TLS_EVENT_ALERT)
        printf("alert %llu %s depth=%u level=%u code=%u\n", frame, t->dir == TO_CLIENT ? "server" : "client", e->depth,
               t->u.alert.level, t->u.alert.code);
    else if (t->kind == TLS_EVENT_CLIENT_HELLO)
        printf("client_hello %llu depth=%u %s %s\n", frame, e->depth, t->u.client_hello.ja3, t->u.client_hello.ja4);
    else if (t->kind == TLS_EVENT_SERVER_HELLO)
        printf("server_hello %llu depth=%u version=%04x cipher=%04x\n", frame, e->depth, t->u.server_hello.version,
               t->u.server_hello.cipher_suite);
    else if (t->kind == TLS_EVENT_MALFORMED)
        printf("tls_malformed %llu %s\n", frame, t->u.reason);
}

static void print_eap(const struct dump *d, const struct eap_event *e)
{
    if (e->kind == EAP_EVENT_TLS) {
        print_tls(d, e, e->u.tls);
    } else if (e->kind == EAP_EVENT_PACKET) {
        const struct eap_packet *p = e->u.packet;
        printf("eap %llu depth=%u code=%u type=%u%s%s\n", (unsigned long long)e->place.frame, e->depth, p->code, p->type,
               p->retransmission ? " again" : "", p->malformed ? " malformed" : "");
    } else if (e->kind == EAP_EVENT_FRAGMENT_GAP) {
        printf("gap %llu %s\n", (unsigned long long)e->place.frame, e->u.gap.reason);
    }
}

/* A retransmitted packet's EAP is not told again; its code and type are those of the bytes it carries. */
static void print_radius(struct place place, const struct radius_event *r)
{
    static const char *const roles[] = {[RADIUS_NEW_REQUEST] = "request",
                                        [RADIUS_RETRANSMISSION] = "retransmission",
                                        [RADIUS_RESPONSE] = "response",
                                        [RADIUS_REPEATED_RESPONSE] = "repeated",
                                        [RADIUS_UNMATCHED_RESPONSE] = "unmatched",
                                        [RADIUS_WRONG_SOURCE] = "wrong-source",
                                        [RADIUS_UNANSWERED] = "unanswered"};
    uint8_t room[RADIUS_PACKET_MAX];
    struct eap_packet eap;
    printf("radius %llu code=%u %s", (unsigned long long)place.frame, r->code, roles[r->role]);
    if (r->packet != NULL && r->packet->eap_pieces > 0 && eap_parse(radius_eap_join(r->packet, room), &eap))
        printf(" eap=%u/%u", eap.code, eap.type);
    printf("\n");
}

static void on_event(void *ctx, const struct event *e)
{
    struct dump *d = ctx;
    unsigned long long frame = e->place.frame;
    if (e->kind == EVENT_RADIUS)
        print_radius(e->place, e->u.radius);
    else if (e->kind == EVENT_EAP)
        print_eap(d, e->u.eap);
    else if (e->kind == EVENT_IKE)
        dump_ike(d->digests, e->place, e->u.ike);
    else if (e->kind == EVENT_CALL)
        dump_call_message(e);
    else if (e->kind == EVENT_PPP)
        dump_call_ppp(e);
    else if (e->kind == EVENT_CLOSED && e->u.closed.call != NULL)
        dump_call_closed(e);
    else if (e->kind == EVENT_EAPOL)
        printf("eapol %llu type=%u version=%u\n", frame, e->u.eapol->type, e->u.eapol->version);
    else if (e->kind == EVENT_LOST_FRAGMENTS)
        printf("lost_fragments %llu\n", frame);
}

typedef bool add_fn(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE]);

static void add_keys(struct dump *d, add_fn *add, struct span text)
{
    char message[SECRETS_MESSAGE];
    if (!add(d->secrets, text, message))
        fprintf(stderr, "dump_events: %s\n", message);
}

static void embedded(void *ctx, uint32_t type, struct span text)
{
    if (type == SECRETS_TLS_KEY_LOG)
        add_keys(ctx, secrets_add_key_log, text);
}

static bool read_keys(struct dump *d, add_fn *add, const char *path)
{
    char error[PLATFORM_ERROR];
    uint8_t *room = malloc(KEYS_MAX);
    FILE *in = platform_open(path, "r", error);
    if (in != NULL && room != NULL)
        add_keys(d, add, span_of(room, fread(room, 1, KEYS_MAX, in)));
    bool good = in != NULL && room != NULL;
    if (in != NULL)
        fclose(in);
    free(room);
    return good;
}

static void print_totals(const struct dissect_counters *c, const struct source_info *info)
{
    printf("frames %llu duplicates=%llu fragments=%llu damage=%d keepalives=%llu esp=%llu ike_malformed=%llu\n",
           (unsigned long long)info->packets, (unsigned long long)c->net.duplicates, (unsigned long long)c->net.fragments,
           info->damage != NULL, (unsigned long long)c->ike.keepalives, (unsigned long long)c->ike.esp_packets,
           (unsigned long long)c->ike.malformed);
}

static int dump(struct dump *d, const char *path)
{
    char error[SOURCE_ERROR];
    struct source_options reading = {.secrets = embedded, .secrets_ctx = d};
    struct source *source = source_open(path, &reading, error);
    if (source == NULL) {
        fprintf(stderr, "dump_events: %s\n", error);
        return 2;
    }
    uint32_t serial = 0;
    struct dissect_options options = {
        .secrets = d->secrets, .memory_bytes = MEMORY, .next_conversation = &serial, .on_event = on_event, .ctx = d};
    struct dissector *dissector = dissect_new(&options);
    struct frame frames[SOURCE_BATCH];
    size_t n;
    while (dissector != NULL && (n = source_next(source, frames, SOURCE_BATCH)) > 0)
        dissect_frames(dissector, frames, n);
    if (dissector != NULL) {
        struct dissect_counters counters;
        dissect_finish(dissector);
        dissect_get_counters(dissector, &counters);
        print_totals(&counters, source_info(source));
    }
    dissect_free(dissector);
    source_close(source);
    return dissector != NULL ? 0 : 2;
}

int main(int argc, char **argv)
{
    struct dump d = {.secrets = secrets_new(), .digests = digests_new()};
    int status = 2, first = 1;
    bool good = d.secrets != NULL && d.digests != NULL;
    for (; good && first + 1 < argc && argv[first][0] == '-'; first += 2) {
        bool ike = strcmp(argv[first], "--ike-keys") == 0;
        good = (ike || strcmp(argv[first], "--keylog") == 0) &&
               read_keys(&d, ike ? secrets_add_ike_keys : secrets_add_key_log, argv[first + 1]);
    }
    if (good && first + 1 == argc)
        status = dump(&d, argv[first]);
    else
        fprintf(stderr, "usage: dump_events [--keylog FILE | --ike-keys FILE]... CAPTURE\n");
    digests_free(d.digests);
    secrets_free(d.secrets);
    return status;
}
