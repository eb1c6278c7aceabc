/*
 * make_vpn --out FILE --kind external|storm [options] RECORDING TUNNEL: a large pcap of a VPN server's external interface.
 *
 *   external            2,000 clients, most of its bytes ESP in UDP and TLS application data (85 of 100), the rest
 *                       connections: IKE and SSTP as recorded, probes and DNS
 *     --mib N           its size (1024)
 *     --clients N       (2000)
 *     --data-percent N  of the bytes that are users' data (85)
 *   storm               short flows: TCP to port 443, some with a ClientHello, and IKE_SA_INIT
 *     --flows N         (1000000)
 *   --seed S            same seed, same file (1)
 *
 * RECORDING is one IKE association from a server's view, TUNNEL one SSTP connection. What differs between two associations differs here: SPIs, nonces,
 * public values, client randoms, addresses and ports, the NAT_DETECTION hashes (right for a client behind a home router), what is encrypted.
 */
#include <inttypes.h>

#include "capture/source.h"
#include "capture/wire/hash.h"
#include "capture_writer.h"
#include "dissect/crypto/digest.h"
#include "dissect/ike/ike.h"
#include "dissect/net/packet.h"
#include "tunnel_template.h"

enum { FRAMES_MAX = 64, FRAME_MAX = 1514, UDP_HEADER = 8, TCP_HEADER = 20, PAYLOAD = ETHERNET_HEADER + IP_HEADER + UDP_HEADER,
       SIDES = 2, SYN = 2, RST = 4, PUSH = 8, ACK = 16, FIN = 1, SERVERS_PORT = 443, LIFE = 8 };
enum { HELLO_RECORD = 5, HELLO_NAME = 11,
       HELLO = HELLO_RECORD + 4 + 2 + 32 + 1 + 32 + 4 + 2 + 2 + HELLO_NAME };

struct ike_frame {
    uint8_t bytes[FRAME_MAX];
    size_t len, ike; /* where IKE begins in it */
    bool from_client;
};

struct client {
    uint8_t address[4], inside[4]; /* of the router that it is behind, its own */
    uint16_t port;                 /* of UDP 4500, or of TCP, as the router has it */
    uint16_t service;              /* the server's port that is called; 0: SERVERS_PORT */
    bool tls, connected;
    uint32_t esp_spi[SIDES], sequence[SIDES];
};

struct generator {
    const char *out, *kind, *recording, *tunnel_recording;
    struct tunnel_template tunnel;
    uint64_t mib, clients, flows, data_percent, seed;
    struct capture_writer writer;
    struct digests *digests;
    struct ike_frame frames[FRAMES_MAX];
    size_t frame_count;
    struct client *all;
    uint64_t state, data_bytes, associations, connections;
    int64_t now;
};

static const uint8_t server[4] = {198, 51, 100, 10};

static uint64_t fresh(struct generator *g)
{
    g->state += 0x9e3779b97f4a7c15u;
    return hash_mix(g->state, g->seed);
}

/* Ethernet and IPv4 before `len` bytes of transport that stand already in the frame; writes it. */
static bool send_ip(struct generator *g, uint8_t *frame, const uint8_t *from, const uint8_t *to, uint8_t proto, size_t len)
{
    uint8_t *ip = frame + ETHERNET_HEADER;
    memcpy(frame, (const uint8_t[ETHERNET_HEADER]){2, 0, to[0], to[1], to[2], to[3], 2, 0, from[0], from[1], from[2], from[3],
                                                   8, 0}, ETHERNET_HEADER);
    memset(ip, 0, IP_HEADER);
    ip[0] = 0x45;
    put_be16(ip + 2, (unsigned)(IP_HEADER + len));
    put_be16(ip + 4, (unsigned)(g->writer.frames & 0xffff));
    ip[8] = memcmp(from, server, sizeof server) == 0 ? 128 : 113;
    ip[9] = proto;
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, to, 4);
    put_be16(ip + 10, 0xffff & checksum_of(sum_words(ip, IP_HEADER, 0)));
    g->now += 20000 + (int64_t)(fresh(g) % 100000);
    return writer_add(&g->writer, g->now, frame, ETHERNET_HEADER + IP_HEADER + len);
}

static bool send_udp(struct generator *g, uint8_t *frame, const uint8_t *from, uint16_t sport, const uint8_t *to, uint16_t dport,
                     size_t payload)
{
    uint8_t *udp = frame + ETHERNET_HEADER + IP_HEADER;
    put_be16(udp, sport);
    put_be16(udp + 2, dport);
    put_be16(udp + 4, (unsigned)(UDP_HEADER + payload));
    put_be16(udp + 6, 0); /* none, as RFC 3948 section 2.1 wants it for ESP */
    return send_ip(g, frame, from, to, IP_PROTO_UDP, UDP_HEADER + payload);
}

static bool send_tcp(struct generator *g, const struct client *c, bool from_client, uint8_t flags, uint8_t *frame,
                     size_t payload)
{
    uint8_t *tcp = frame + ETHERNET_HEADER + IP_HEADER;
    memset(tcp, 0, TCP_HEADER);
    uint16_t service = c->service != 0 ? c->service : SERVERS_PORT;
    put_be16(tcp, from_client ? c->port : service);
    put_be16(tcp + 2, from_client ? service : c->port);
    put_be32(tcp + 4, c->sequence[from_client ? 0 : 1]);
    put_be32(tcp + 8, (flags & ACK) != 0 ? c->sequence[from_client ? 1 : 0] : 0);
    tcp[12] = TCP_HEADER / 4 << 4;
    tcp[13] = flags;
    put_be16(tcp + 14, 64240);
    return send_ip(g, frame, from_client ? c->address : server, from_client ? server : c->address, IP_PROTO_TCP,
                   TCP_HEADER + payload);
}

static void mask(uint8_t *at, size_t len, uint64_t key)
{
    for (size_t i = 0; i < len; i++)
        at[i] ^= (uint8_t)(hash_mix(key, i / 8) >> (i % 8 * 8));
}

/* RFC 7296 section 2.23. */
static bool write_nat_hash(struct generator *g, const uint8_t *message, uint8_t *at, const uint8_t *address, uint16_t port)
{
    uint8_t end[6], digest[DIGEST_MAX];
    memcpy(end, address, 4);
    put_be16(end + 4, port);
    if (!digest_compute(g->digests, DIGEST_SHA1, (struct span[]){{message, 2 * IKE_SPI}, {end, sizeof end}}, 2, digest))
        return false;
    memcpy(at, digest, IKE_NAT_HASH);
    return true;
}

/* What is fresh in the clear of IKE_SA_INIT: public value, nonce, hashes. */
static bool write_init(struct generator *g, const struct client *c, uint16_t port, bool from_client, uint8_t *message, size_t len,
                       uint64_t key)
{
    struct ike_payloads p;
    ike_read_payloads(message[16], span_of(message + IKE_HEADER, len - IKE_HEADER), false, &p);
    mask(message + (p.ke.data - message), p.ke.len, key + 1);
    mask(message + (p.nonce.data - message), p.nonce.len, key + 2);
    for (unsigned i = 0; i < p.notify_count; i++) {
        uint8_t *at = message + (p.notifies[i].data.data - message);
        bool source = p.notifies[i].type == IKE_N_NAT_DETECTION_SOURCE_IP;
        if (p.notifies[i].data.len != IKE_NAT_HASH || (!source && p.notifies[i].type != IKE_N_NAT_DETECTION_DESTINATION_IP))
            continue;
        bool of_client = source == from_client;
        const uint8_t *address = !of_client ? server : from_client ? c->inside : c->address;
        if (!write_nat_hash(g, message, at, address, of_client && !from_client ? port : 500))
            return false;
    }
    return true;
}

/* One message of the recorded association as one of another client's. */
static bool send_ike(struct generator *g, const struct client *c, uint16_t init_port, const struct ike_frame *f, uint64_t key)
{
    uint8_t frame[FRAME_MAX];
    bool nat_t = f->ike > PAYLOAD;
    uint8_t *message = frame + f->ike;
    size_t len = f->len - f->ike;
    uint16_t port = nat_t ? c->port : init_port, server_port = nat_t ? 4500 : 500;
    memcpy(frame, f->bytes, f->len);
    mask(message, IKE_SPI, key);
    for (unsigned i = 0; i < IKE_SPI; i++)
        if (message[IKE_SPI + i] != 0) {
            mask(message + IKE_SPI, IKE_SPI, key ^ 5);
            break;
        }
    if (!nat_t && !write_init(g, c, port, f->from_client, message, len, key))
        return false;
    if (nat_t)
        mask(message + IKE_HEADER + 8, len - IKE_HEADER - 8, key + hash_bytes(f->bytes + f->ike, 28, 0));
    return f->from_client ? send_udp(g, frame, c->address, port, server, server_port, f->len - PAYLOAD)
                          : send_udp(g, frame, server, server_port, c->address, port, f->len - PAYLOAD);
}

static bool associate(struct generator *g, struct client *c)
{
    uint64_t key = fresh(g);
    uint16_t init_port = (uint16_t)(1024 + fresh(g) % 64000);
    c->port = (uint16_t)(1024 + fresh(g) % 64000);
    for (size_t i = 0; i < g->frame_count; i++)
        if (!send_ike(g, c, init_port, &g->frames[i], key))
            return false;
    for (unsigned i = 0; i < SIDES; i++) {
        c->esp_spi[i] = (uint32_t)fresh(g) | 0x01000000;
        c->sequence[i] = 0;
    }
    g->associations++;
    c->connected = true;
    return true;
}

/* A ClientHello with a session id, one cipher suite and a server name of two letters (RFC 8446 section 4.1.2). */
static void write_hello(struct generator *g, uint8_t *at)
{
    size_t body = HELLO - HELLO_RECORD;
    memset(at, 0, HELLO);
    memcpy(at, (const uint8_t[]){22, 3, 1}, 3);
    put_be16(at + 3, (unsigned)body);
    at[5] = 1;
    put_be16(at + 7, (unsigned)(body - 4));
    put_be16(at + 9, 0x0303);
    for (unsigned i = 0; i < 64; i += 8)
        put_be32(at + 11 + i + (i >= 32), (uint32_t)fresh(g));
    at[43] = 32;
    put_be16(at + 76, 2);
    put_be16(at + 78, 0x1301);
    at[80] = 1;
    put_be16(at + 82, HELLO_NAME); /* extensions: server_name, its list, host_name (RFC 6066 section 3) */
    memcpy(at + 84, (const uint8_t[HELLO_NAME]){0, 0, 0, 7, 0, 5, 0, 0, 2, 'a', 'b'}, HELLO_NAME);
}

/* A TLS record of application data that is `len` bytes long with its header. */
static void write_record_header(struct generator *g, uint8_t *at, size_t len)
{
    memcpy(at, (const uint8_t[]){23, 3, 3}, 3);
    put_be16(at + 3, (unsigned)(len - HELLO_RECORD));
    put_be32(at + HELLO_RECORD, (uint32_t)fresh(g));
}

static bool end_tls(struct generator *g, struct client *c)
{
    uint8_t frame[FRAME_MAX] = {0};
    bool sent = send_tcp(g, c, true, FIN | ACK, frame, 0);
    c->sequence[0]++;
    sent = sent && send_tcp(g, c, false, FIN | ACK, frame, 0);
    c->sequence[1]++;
    return sent && send_tcp(g, c, true, ACK, frame, 0);
}

/* The recorded connection as one of another client's; a tunnel that it had ends before. */
static bool connect_tls(struct generator *g, struct client *c)
{
    uint8_t frame[FRAME_MAX] = {0}, *payload = frame + ETHERNET_HEADER + IP_HEADER + TCP_HEADER;
    if (c->connected && !end_tls(g, c))
        return false;
    c->port = (uint16_t)(1024 + fresh(g) % 64000);
    c->sequence[0] = (uint32_t)fresh(g);
    c->sequence[1] = (uint32_t)fresh(g);
    bool sent = send_tcp(g, c, true, SYN, frame, 0), greeted = false;
    c->sequence[0]++;
    sent = sent && send_tcp(g, c, false, SYN | ACK, frame, 0);
    c->sequence[1]++;
    for (size_t i = 0; i < g->tunnel.count && sent; i++) {
        const struct tunnel_segment *t = &g->tunnel.segments[i];
        memcpy(payload, t->bytes, t->len);
        if (t->len > 0 && !greeted)
            mask(payload + g->tunnel.random_at, TUNNEL_RANDOM, fresh(g));
        greeted = greeted || t->len > 0;
        sent = send_tcp(g, c, t->from_client, t->flags, frame, t->len);
        c->sequence[t->from_client ? 0 : 1] += t->len;
    }
    c->connected = true;
    g->connections++;
    return sent;
}

static size_t some_size(struct generator *g)
{
    uint64_t which = fresh(g) % 10;
    return which < 6 ? 1300 + (size_t)(fresh(g) % 100) : which < 8 ? 80 + (size_t)(fresh(g) % 60) : 200 + (size_t)(fresh(g) % 900);
}

/* A few packets of data: ESP in UDP, or TLS records of application data. */
static bool send_data(struct generator *g, struct client *c)
{
    static uint8_t frame[FRAME_MAX]; /* what is in it besides the headers stays: nobody looks there */
    uint8_t *payload = frame + (c->tls ? ETHERNET_HEADER + IP_HEADER + TCP_HEADER : PAYLOAD);
    for (uint64_t n = 1 + fresh(g) % 8; n > 0; n--) {
        bool from_client = fresh(g) % 3 == 0;
        size_t len = some_size(g);
        uint64_t before = g->writer.bytes;
        bool sent;
        if (c->tls) {
            write_record_header(g, payload, len);
            sent = send_tcp(g, c, from_client, PUSH | ACK, frame, len);
            c->sequence[from_client ? 0 : 1] += (uint32_t)len;
        } else {
            put_be32(payload, c->esp_spi[from_client ? 0 : 1]);
            put_be32(payload + 4, ++c->sequence[from_client ? 0 : 1]);
            put_be32(payload + 8, (uint32_t)fresh(g));
            sent = from_client ? send_udp(g, frame, c->address, c->port, server, 4500, len)
                               : send_udp(g, frame, server, 4500, c->address, c->port, len);
        }
        g->data_bytes += g->writer.bytes - before;
        if (sent && c->tls && n % 2 == 0)
            sent = send_tcp(g, c, !from_client, ACK, frame, 0);
        if (!sent)
            return false;
    }
    return true;
}

/* What else comes by: someone tries a port, or asks a name. */
static bool send_noise(struct generator *g)
{
    uint8_t frame[FRAME_MAX] = {0};
    struct client c = {.address = {(uint8_t)(1 + fresh(g) % 99), (uint8_t)fresh(g), (uint8_t)fresh(g), 7},
                       .port = (uint16_t)(1024 + fresh(g) % 64000), .service = (uint16_t)(1 + fresh(g) % 440),
                       .sequence = {(uint32_t)fresh(g), 0}};
    if (fresh(g) % 2 == 0) {
        bool sent = send_tcp(g, &c, true, SYN, frame, 0);
        c.sequence[0]++;
        return sent && send_tcp(g, &c, false, RST | ACK, frame, 0);
    }
    static const uint8_t query[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'v', 'p', 'n', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1};
    static const uint8_t resolver[4] = {198, 51, 100, 53};
    memcpy(frame + PAYLOAD, query, sizeof query);
    put_be16(frame + PAYLOAD, c.port);
    if (!send_udp(g, frame, server, c.port, resolver, 53, sizeof query))
        return false;
    frame[PAYLOAD + 2] = 0x81;
    frame[PAYLOAD + 3] = 0x83; /* no such name */
    return send_udp(g, frame, resolver, 53, server, c.port, sizeof query);
}

static bool external(struct generator *g)
{
    uint64_t most = g->mib << 20;
    for (uint64_t i = 0; i < g->clients; i++) {
        struct client *c = &g->all[i];
        *c = (struct client){.address = {(uint8_t)(100 + i % 80), (uint8_t)(i >> 8), (uint8_t)i, (uint8_t)(1 + i % 250)},
                             .inside = {192, 168, 178, (uint8_t)(2 + i % 250)}, .tls = i % 2 == 0};
    }
    while (g->writer.bytes < most) {
        struct client *c = &g->all[fresh(g) % g->clients];
        bool data = c->connected && g->data_bytes * 100 < g->writer.bytes * g->data_percent, sent;
        if (data)
            sent = send_data(g, c);
        else if (c->connected && fresh(g) % LIFE != 0)
            sent = send_noise(g);
        else
            sent = c->tls ? connect_tls(g, c) : associate(g, c);
        if (!sent)
            return false;
    }
    return true;
}

/* The client of a storm's flow: all of it follows from its number. */
static struct client stranger(const struct generator *g, uint64_t flow)
{
    uint64_t a = hash_mix(flow, g->seed);
    return (struct client){.address = {(uint8_t)(1 + a % 99), (uint8_t)(a >> 8), (uint8_t)(a >> 16), (uint8_t)(a >> 24)},
                           .inside = {192, 168, 178, (uint8_t)(2 + flow % 250)}, .port = (uint16_t)(1024 + (a >> 32) % 64000),
                           .tls = (a >> 48) % 100 < 79, .sequence = {(uint32_t)(a >> 13), (uint32_t)(a >> 29)}};
}

/* The next packet of a flow, so that many are under way at a time. */
static bool storm_step(struct generator *g, uint64_t flow, unsigned step)
{
    struct client c = stranger(g, flow);
    uint8_t frame[FRAME_MAX] = {0};
    bool greets = flow % 8 == 0;
    if (!c.tls) {
        g->associations += step == 0;
        return step > 0 || send_ike(g, &c, c.port, &g->frames[0], hash_mix(flow, 77));
    }
    g->connections += step == 0;
    c.sequence[0] += step > 0;
    c.sequence[1] += step > 1;
    if (step == 0)
        return send_tcp(g, &c, true, SYN, frame, 0);
    if (step == 1)
        return send_tcp(g, &c, false, SYN | ACK, frame, 0);
    if (step == 2) {
        write_hello(g, frame + ETHERNET_HEADER + IP_HEADER + TCP_HEADER);
        return !greets || send_tcp(g, &c, true, PUSH | ACK, frame, HELLO);
    }
    c.sequence[0] += greets ? HELLO : 0;
    return send_tcp(g, &c, true, RST | ACK, frame, 0);
}

static bool storm(struct generator *g)
{
    enum { STEPS = 4 };
    static const uint64_t behind[STEPS] = {0, 50, 100, 400};
    for (uint64_t i = 0; i < g->flows + behind[STEPS - 1]; i++)
        for (unsigned step = 0; step < STEPS; step++)
            if (i >= behind[step] && i - behind[step] < g->flows && !storm_step(g, i - behind[step], step))
                return false;
    return true;
}

/* Takes the IKE messages of a recording: Ethernet, IPv4 without options, not fragmented, from the one who begins. */
static bool read_recording(struct generator *g, char error[static SOURCE_ERROR])
{
    struct frame frames[SOURCE_BATCH];
    struct source *s = source_open(g->recording, &(struct source_options){0}, error);
    const uint8_t *client = NULL;
    if (s == NULL)
        return false;
    for (size_t n; (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        for (size_t i = 0; i < n && g->frame_count < FRAMES_MAX; i++) {
            const uint8_t *b = frames[i].bytes;
            struct ike_frame *f = &g->frames[g->frame_count];
            bool whole = frames[i].len > PAYLOAD + IKE_HEADER + IKE_NON_ESP_MARKER && frames[i].len <= FRAME_MAX;
            if (!whole || b[ETHERNET_HEADER] != 0x45 || b[ETHERNET_HEADER + 9] != IP_PROTO_UDP)
                continue;
            f->len = frames[i].len;
            f->ike = PAYLOAD + (memcmp(b + PAYLOAD, "\0\0\0\0", 4) == 0 ? IKE_NON_ESP_MARKER : 0);
            if (!ike_recognise(span_of(b + f->ike, f->len - f->ike), (uint32_t)(f->len - f->ike)))
                continue;
            memcpy(f->bytes, b, f->len);
            client = client != NULL ? client : f->bytes + ETHERNET_HEADER + 12;
            f->from_client = memcmp(client, b + ETHERNET_HEADER + 12, 4) == 0;
            g->frame_count++;
        }
    source_close(s);
    snprintf(error, SOURCE_ERROR, "%s holds no IKE", g->recording);
    return g->frame_count > 0;
}

static bool read_options(int argc, char **argv, struct generator *g)
{
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *name = argv[i] + 2, *value = argv[i + 1];
        bool right = true;
        if (strcmp(name, "out") == 0)
            g->out = value;
        else if (strcmp(name, "kind") == 0)
            g->kind = value;
        else if (strcmp(name, "mib") == 0)
            right = number_option(value, 1, 65536, &g->mib);
        else if (strcmp(name, "clients") == 0)
            right = number_option(value, 1, 1000000, &g->clients);
        else if (strcmp(name, "data-percent") == 0)
            right = number_option(value, 1, 100, &g->data_percent);
        else if (strcmp(name, "flows") == 0)
            right = number_option(value, 1, 100000000, &g->flows);
        else
            right = strcmp(name, "seed") == 0 && number_option(value, 0, UINT64_MAX, &g->seed);
        if (!right)
            return false;
    }
    g->recording = i + 2 == argc ? argv[i] : NULL;
    g->tunnel_recording = i + 2 == argc ? argv[i + 1] : NULL;
    return g->recording != NULL && g->out != NULL && g->kind != NULL &&
           (strcmp(g->kind, "external") == 0 || strcmp(g->kind, "storm") == 0);
}

static bool run(struct generator *g, char error[static SOURCE_ERROR])
{
    char why[PLATFORM_ERROR];
    if (!read_recording(g, error) || !tunnel_read(&g->tunnel, g->tunnel_recording, error))
        return false;
    g->all = calloc(g->clients, sizeof *g->all);
    g->digests = digests_new();
    snprintf(error, SOURCE_ERROR, "memory is short");
    if (g->all == NULL || g->digests == NULL)
        return false;
    if (!writer_open(&g->writer, g->out, why)) {
        snprintf(error, SOURCE_ERROR, "%s", why);
        return false;
    }
    snprintf(error, SOURCE_ERROR, "%s cannot be written", g->out);
    bool written = strcmp(g->kind, "storm") == 0 ? storm(g) : external(g);
    return fclose(g->writer.out) == 0 && written;
}

int main(int argc, char **argv)
{
    static struct generator g = {.mib = 1024, .clients = 2000, .flows = 1000000, .data_percent = 85, .seed = 1, .now = START_NS};
    char error[SOURCE_ERROR];
    if (!read_options(argc, argv, &g)) {
        fprintf(stderr, "usage: make_vpn --out FILE --kind external|storm [--mib N] [--clients N] [--data-percent N] [--flows N] [--seed S] RECORDING TUNNEL\n");
        return 2;
    }
    bool done = run(&g, error);
    if (done)
        printf("%" PRIu64 " frames %" PRIu64 " bytes %" PRIu64 " associations %" PRIu64 " connections\n", g.writer.frames,
               g.writer.bytes, g.associations, g.connections);
    else
        fprintf(stderr, "make_vpn: %s\n", error);
    free(g.all);
    digests_free(g.digests);
    return done ? 0 : 2;
}
