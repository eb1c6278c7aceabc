/*
 * segments ROUNDS FOLDER SEED: the TCP connections of every SSTP recording in FOLDER, cut into other segments, doubled, overlapping
 * and out of order, tell the same events as they were recorded. With the recording's key log, where it has one, and without.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"
#include "capture/source.h"
#include "capture/wire/hash.h"
#include "dissect/dissect.h"
#include "random.h"

enum { PACKETS = 4096, SEGMENT = 1600, HEADERS = 40, TEXT = 1 << 20, KEY_LOG = 1 << 20, PIECES = 64 };

/* One packet of a recording. */
struct taken {
    struct endpoint src, dst;
    uint32_t seq, ack;
    uint8_t flags, ttl;
    uint16_t len;
    int64_t time_ns;
    uint8_t bytes[SEGMENT];
};

struct recording {
    struct taken all[PACKETS];
    size_t count;
    struct secrets *secrets;
};

/* What was told, as lines; of each connection apart, since they may overlap. */
struct transcript {
    char text[TEXT];
    size_t len;
    bool holes; /* octets are missing: where reading goes on behind them depends on how the rest is cut */
};

static void keep_secrets(void *ctx, uint32_t type, struct span bytes)
{
    char message[SECRETS_MESSAGE];
    if (type == SECRETS_TLS_KEY_LOG)
        (void)secrets_add_key_log(ctx, bytes, message);
}

static bool load_key_log(struct secrets *secrets, const char *path)
{
    char error[PLATFORM_ERROR], message[SECRETS_MESSAGE];
    FILE *in = platform_open(path, "r", error);
    uint8_t *bytes = in != NULL ? malloc(KEY_LOG) : NULL;
    bool good = bytes != NULL && secrets_add_key_log(secrets, span_of(bytes, fread(bytes, 1, KEY_LOG, in)), message);
    if (in != NULL)
        fclose(in);
    free(bytes);
    return good;
}

static void keep_packet(void *ctx, const struct packet *p)
{
    struct recording *r = ctx;
    if (p->kind != PACKET_TCP || p->src.address.family != FAMILY_IPV4 || r->count == PACKETS || p->payload.len > SEGMENT ||
        p->payload.len < p->payload_wire_len)
        return;
    struct taken *t = &r->all[r->count++];
    *t = (struct taken){.src = p->src, .dst = p->dst, .seq = p->tcp_seq, .ack = p->tcp_ack, .flags = p->tcp_flags, .ttl = p->ttl,
                        .len = (uint16_t)p->payload.len, .time_ns = p->frame->time_ns};
    if (t->len > 0)
        memcpy(t->bytes, p->payload.data, t->len);
}

static void ignore_lost(void *ctx, const struct net_lost_fragments *lost)
{
    (void)ctx;
    (void)lost;
}

static bool read_recording(struct recording *r, const char *path)
{
    char error[SOURCE_ERROR];
    struct frame frames[SOURCE_BATCH];
    struct source *s = source_open(path, &(struct source_options){.secrets = keep_secrets, .secrets_ctx = r->secrets}, error);
    struct net *net = net_new(&(struct net_handler){keep_packet, ignore_lost, r, NULL});
    r->count = 0;
    for (size_t n; s != NULL && net != NULL && (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        for (size_t i = 0; i < n; i++)
            net_frame(net, &frames[i]);
    bool good = s != NULL && net != NULL;
    if (net != NULL)
        net_free(net);
    if (s != NULL)
        source_close(s);
    return good && r->count > 0;
}

static void say(struct transcript *t, const char *what, unsigned dir, uint64_t a, uint64_t b)
{
    int n = snprintf(t->text + t->len, TEXT - t->len, "%s %u %" PRIu64 " %" PRIu64 "\n", what, dir, a, b);
    if (n > 0 && t->len + (size_t)n < TEXT)
        t->len += (size_t)n;
}

static uint64_t hash_of(struct span s)
{
    return s.len > 0 ? hash_bytes(s.data, s.len, 1) : 0;
}

static void say_tls(struct transcript *t, const struct tls_event *e)
{
    if (e->kind == TLS_EVENT_DATA)
        return; /* comes in the pieces that its records have */
    uint64_t what = e->kind == TLS_EVENT_CLIENT_HELLO ? hash_of(e->u.client_hello.random)
                    : e->kind == TLS_EVENT_CERTIFICATE && e->u.certificate.count > 0 ? hash_of(e->u.certificate.chain[0])
                    : e->kind == TLS_EVENT_ALERT ? e->u.alert.code : 0;
    say(t, "tls", e->dir, (uint64_t)e->kind, what);
}

static void say_link(struct transcript *t, const struct sstp_event *e)
{
    switch (e->kind) {
    case SSTP_EVENT_CONTROL:
        say(t, "control", e->dir, e->u.packet->message, hash_of(e->u.packet->payload));
        break;
    case SSTP_EVENT_STAGE:
        say(t, "stage", e->dir, e->u.state->stage, 0);
        break;
    case SSTP_EVENT_PPP:
        say(t, "ppp", e->dir, (uint64_t)e->u.ppp->kind,
            e->u.ppp->kind == PPP_EVENT_PACKET ? (uint64_t)e->u.ppp->u.packet->protocol << 8 | e->u.ppp->u.packet->code : 0);
        break;
    default:
        say(t, "link", e->dir, (uint64_t)e->kind, 0);
        break;
    }
}

static void say_told(struct transcript *t, const struct event *e)
{
    const struct sstp_told_event *told = e->u.sstp;
    switch (told->kind) {
    case SSTP_TOLD_PROXY:
        say(t, "proxy", e->dir, told->u.proxy->version, told->u.proxy->source.port);
        break;
    case SSTP_TOLD_TLS:
        say_tls(t, told->u.tls);
        break;
    case SSTP_TOLD_RECORD:
        say(t, "record", e->dir, told->u.record.length, 0);
        break;
    case SSTP_TOLD_HTTP:
        say(t, "http", e->dir, told->u.http->status, hash_of(told->u.http->target));
        break;
    case SSTP_TOLD_LINK:
        say_link(t, told->u.link);
        break;
    case SSTP_TOLD_CLOSING:
        break; /* FIN and RST go ahead of what waits */
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct transcript *t = ctx;
    if (e->kind == EVENT_SSTP)
        say_told(t, e);
    else if (e->kind == EVENT_EAP && e->u.eap->kind == EAP_EVENT_PACKET)
        say(t, "eap", e->dir, e->u.eap->u.packet->code, e->u.eap->u.packet->type);
    else if (e->kind == EVENT_OPENED)
        say(t, "opened", 0, e->conv->client.port, e->conv->server.port);
    else if (e->kind == EVENT_CLOSED && e->u.closed.sstp != NULL) {
        t->holes = t->holes || e->u.closed.sstp->lost_bytes + e->u.closed.sstp->missing_bytes[0] + e->u.closed.sstp->missing_bytes[1] > 0;
        say(t, "closed", (unsigned)e->u.closed.sstp->carrier, e->u.closed.sstp->record_count,
            e->u.closed.sstp->link != NULL ? e->u.closed.sstp->link->stage : 0);
    }
}

/* A frame of raw IPv4 around a segment. */
static size_t build(uint8_t frame[static HEADERS + SEGMENT], const struct taken *t, uint32_t from, uint32_t len, uint16_t id)
{
    size_t total = HEADERS + len;
    uint32_t seq = t->seq + from;
    uint8_t flags = t->flags;
    if (from + len < t->len)
        flags &= (uint8_t)~TCP_FIN;
    memset(frame, 0, HEADERS);
    memcpy(frame, (const uint8_t[]){0x45, 0, (uint8_t)(total >> 8), (uint8_t)total, (uint8_t)(id >> 8), (uint8_t)id, 0x40, 0, t->ttl,
                                    IP_PROTO_TCP}, 10);
    memcpy(frame + 12, t->src.address.bytes, 4);
    memcpy(frame + 16, t->dst.address.bytes, 4);
    uint8_t *tcp = frame + 20;
    memcpy(tcp, (const uint8_t[]){(uint8_t)(t->src.port >> 8), (uint8_t)t->src.port, (uint8_t)(t->dst.port >> 8),
                                  (uint8_t)t->dst.port, (uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8),
                                  (uint8_t)seq, (uint8_t)(t->ack >> 24), (uint8_t)(t->ack >> 16), (uint8_t)(t->ack >> 8),
                                  (uint8_t)t->ack, 0x50, flags, 0xfa, 0xf0}, 16);
    if (len > 0)
        memcpy(frame + HEADERS, t->bytes + from, len);
    return total;
}

struct feeder {
    struct dissector *d;
    uint64_t number;
};

static void feed(struct feeder *f, const struct taken *t, uint32_t from, uint32_t len)
{
    uint8_t frame[HEADERS + SEGMENT];
    f->number++;
    size_t total = build(frame, t, from, len, (uint16_t)f->number);
    dissect_frames(f->d, &(struct frame){.number = f->number, .time_ns = t->time_ns, .bytes = frame, .len = (uint32_t)total,
                                         .wire_len = (uint32_t)total, .link_type = LINKTYPE_RAW}, 1);
}

struct piece { const struct taken *t; uint32_t from, len; };

/* Cuts one segment's payload into some pieces, some of them doubled, some a bit longer than they need be. */
static size_t cut(struct piece *out, const struct taken *t, uint64_t *seed)
{
    size_t count = 0;
    for (uint32_t at = 0; at < t->len && count < PIECES - 1;) {
        uint32_t left = t->len - at, len = 1 + (uint32_t)random_below(seed, random_below(seed, 3) == 0 ? 20 : left);
        len = count == PIECES - 2 || len > left ? left : len;
        uint32_t back = random_below(seed, 8) == 0 ? (uint32_t)random_below(seed, at + 1) : 0;
        out[count++] = (struct piece){t, at - back, len + back};
        if (random_below(seed, 10) == 0 && count < PIECES - 1) {
            out[count] = out[count - 1];
            count++;
        }
        at += len;
    }
    return count;
}

static void shuffle(struct piece *p, size_t count, uint64_t *seed)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)random_below(seed, i);
        struct piece swap = p[i - 1];
        p[i - 1] = p[k];
        p[k] = swap;
    }
}

/* The connection's beginning was recorded: of one that is joined in the middle the order of the first octets decides. */
static bool began_before(const struct recording *r, size_t i)
{
    const struct taken *t = &r->all[i];
    for (size_t k = 0; k < i; k++)
        if ((r->all[k].flags & TCP_SYN) != 0 && ((endpoint_equal(&r->all[k].src, &t->src) && endpoint_equal(&r->all[k].dst, &t->dst)) ||
                                                 (endpoint_equal(&r->all[k].src, &t->dst) && endpoint_equal(&r->all[k].dst, &t->src))))
            return true;
    return false;
}

/* seed 0: as recorded. */
static void run(const struct recording *r, const struct secrets *secrets, uint64_t seed, struct transcript *t)
{
    struct piece pieces[PIECES];
    t->len = 0;
    t->holes = false;
    struct feeder f = {.d = dissect_new(&(struct dissect_options){.secrets = secrets, .memory_bytes = 64 << 20, .on_event = on_event,
                                                                  .ctx = t, .without_hints = true})};
    if (f.d == NULL)
        return;
    for (size_t i = 0; i < r->count; i++) {
        const struct taken *one = &r->all[i];
        if (seed == 0 || one->len == 0 || !began_before(r, i) || (one->flags & (TCP_SYN | TCP_RST)) != 0) {
            feed(&f, one, 0, one->len);
            continue;
        }
        size_t count = cut(pieces, one, &seed);
        shuffle(pieces, count, &seed);
        for (size_t k = 0; k < count; k++)
            feed(&f, pieces[k].t, pieces[k].from, pieces[k].len);
    }
    dissect_finish(f.d);
    t->text[t->len] = '\0';
    dissect_free(f.d);
}

static void show_difference(const char *name, uint64_t seed, const struct transcript *a, const struct transcript *b)
{
    size_t at = 0, line = 0;
    while (at < a->len && at < b->len && a->text[at] == b->text[at]) {
        if (a->text[at++] == '\n')
            line = at;
    }
    printf("%s, seed %" PRIu64 ": recorded \"%.*s\", cut anew \"%.*s\"\n", name, seed, (int)strcspn(a->text + line, "\n"),
           a->text + line, (int)strcspn(b->text + line, "\n"), b->text + line);
}

static struct transcript recorded, other;

/* Number of differences. */
static unsigned compare(const char *name, const struct recording *r, const struct secrets *secrets, unsigned rounds, uint64_t seed)
{
    unsigned different = 0;
    run(r, secrets, 0, &recorded);
    for (unsigned i = 0; i < rounds && !recorded.holes; i++) {
        run(r, secrets, seed + i + 1, &other);
        if (recorded.len == other.len && memcmp(recorded.text, other.text, other.len) == 0)
            continue;
        different++;
        show_difference(name, seed + i + 1, &recorded, &other);
    }
    return different;
}

struct sweep {
    const char *folder;
    struct recording *recording;
    unsigned rounds, different, recordings;
    uint64_t seed;
};

static void one_recording(struct sweep *s, const char *stem)
{
    char path[1024];
    struct recording *r = s->recording;
    r->secrets = secrets_new();
    struct secrets *none = secrets_new();
    snprintf(path, sizeof path, "%s/%s.pcap", s->folder, stem);
    if (r->secrets != NULL && none != NULL && read_recording(r, path)) {
        s->recordings++;
        s->different += compare(stem, r, none, s->rounds, s->seed);
        snprintf(path, sizeof path, "%s/%s.keylog", s->folder, stem);
        if (load_key_log(r->secrets, path))
            s->different += compare(stem, r, r->secrets, s->rounds, s->seed);
    }
    secrets_free(r->secrets);
    secrets_free(none);
}

static void each_file(void *ctx, const char *name)
{
    char stem[256];
    const char *end = strstr(name, ".pcap");
    if (strncmp(name, "sstp-", 5) != 0 || end == NULL || end[5] != '\0' || (size_t)(end - name) >= sizeof stem)
        return;
    memcpy(stem, name, (size_t)(end - name));
    stem[end - name] = '\0';
    one_recording(ctx, stem);
}

int main(int argc, char **argv)
{
    static struct recording recording;
    char error[PLATFORM_ERROR];
    if (argc < 4) {
        fprintf(stderr, "usage: segments ROUNDS FOLDER SEED\n");
        return 2;
    }
    struct sweep s = {.folder = argv[2], .recording = &recording, .rounds = (unsigned)strtoul(argv[1], NULL, 10),
                      .seed = strtoull(argv[3], NULL, 10) * 1000003};
    if (!platform_list(s.folder, each_file, &s, error)) {
        fprintf(stderr, "%s: %s\n", s.folder, error);
        return 2;
    }
    printf("%u recordings, %u times cut anew each way: %u differ\n", s.recordings, s.rounds, s.different);
    return s.different > 0 || s.recordings == 0;
}
