/* From frames to events: what is recognised on which port, what is counted, what is told in which order. */
#include "radius_bytes.h"

#include <stdio.h>
#include <stdlib.h>

#include "dissect/dissect.h"

#define SECOND INT64_C(1000000000)
enum { EVENTS_MAX = 512, HEADERS = 14 + 20 + 8 };

struct seen {
    enum event_kind kind;
    enum radius_role role;
    uint32_t conv;
    uint64_t frame;
    uint8_t code;
    enum radius_check authenticator;
    bool malformed, cut;
    enum close_reason reason;
};

struct bench {
    struct dissector *d;
    uint64_t frame;
    uint16_t ip_id;
    int64_t now;
    size_t count;
    struct seen events[EVENTS_MAX];
};

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    if (e->kind == EVENT_TIME)
        return;
    assert_true(b->count < EVENTS_MAX);
    struct seen *s = &b->events[b->count++];
    *s = (struct seen){.kind = e->kind, .frame = e->place.frame, .conv = e->conv != NULL ? e->conv->id : 0};
    if (e->kind == EVENT_RADIUS) {
        s->role = e->u.radius->role;
        s->code = e->u.radius->code;
        s->authenticator = e->u.radius->authenticator;
        s->malformed = e->u.radius->packet != NULL && e->u.radius->packet->malformed;
        s->cut = e->u.radius->packet != NULL && e->u.radius->packet->cut;
    } else if (e->kind == EVENT_CLOSED) {
        s->reason = e->u.closed.reason;
    }
}

static struct bench *bench_with(const struct secrets *secrets)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->now = 1700000000 * SECOND;
    b->d = dissect_new(&(struct dissect_options){.secrets = secrets, .on_event = on_event, .ctx = b});
    assert_non_null(b->d);
    return b;
}

static void bench_free(struct bench *b)
{
    dissect_free(b->d);
    free(b);
}

static void put_be16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* A frame of `captured` bytes of what was `bytes` on the wire. */
static void send_cut(struct bench *b, struct bytes *bytes, size_t captured)
{
    b->now += 1000000;
    struct frame f = {.number = ++b->frame, .time_ns = b->now, .bytes = bytes->data, .len = (uint32_t)captured,
                      .wire_len = (uint32_t)bytes->len, .link_type = LINKTYPE_ETHERNET};
    dissect_frames(b->d, &f, 1);
}

/* Ethernet, IPv4 (10.0.x.1) and the transport's eight bytes of UDP before a payload. */
static struct bytes datagram(struct bench *b, uint8_t from, uint16_t sport, uint8_t to, uint16_t dport, const struct bytes *payload)
{
    static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    struct bytes f = {.len = HEADERS + payload->len};
    uint8_t *ip = f.data + 14, *udp = f.data + 34;
    memcpy(f.data, ethernet, sizeof ethernet);
    ip[0] = 0x45;
    put_be16(ip + 2, 28 + payload->len);
    put_be16(ip + 4, ++b->ip_id);
    ip[8] = 64;
    ip[9] = IP_PROTO_UDP;
    memcpy(ip + 12, (const uint8_t[]){10, 0, from, 1, 10, 0, to, 1}, 8);
    put_be16(udp, sport);
    put_be16(udp + 2, dport);
    put_be16(udp + 4, 8 + payload->len);
    memcpy(f.data + HEADERS, payload->data, payload->len);
    return f;
}

static void send_udp(struct bench *b, uint8_t from, uint16_t sport, uint8_t to, uint16_t dport, const struct bytes *payload)
{
    struct bytes f = datagram(b, from, sport, to, dport, payload);
    send_cut(b, &f, f.len);
}

static void send_tcp(struct bench *b, uint8_t from, uint16_t sport, uint8_t to, uint16_t dport, uint8_t flags, const char *hex)
{
    struct bytes payload = from_hex(hex), header = {.len = 12}, all = {.len = 0};
    header.data[4] = 0x50; /* after ports and sequence: acknowledgement, then the data offset */
    header.data[5] = flags;
    memcpy(all.data, header.data, header.len);
    memcpy(all.data + header.len, payload.data, payload.len);
    all.len = header.len + payload.len;
    struct bytes f = datagram(b, from, sport, to, dport, &all);
    f.data[14 + 9] = IP_PROTO_TCP;
    put_be16(f.data + 14 + 20 + 4, b->ip_id); /* sequence number, so that no two are duplicates */
    send_cut(b, &f, f.len);
}

static struct protocol_count protocol(struct bench *b, const char *name)
{
    const struct protocol_count *rows;
    size_t count = dissect_protocols(b->d, &rows);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    return (struct protocol_count){.name = NULL};
}

static void a_round_goes_from_frames_to_events(void **state)
{
    (void)state;
    struct secrets *secrets = secrets_new();
    assert_true(secrets_add_radius(secrets, &(struct address){0}, 0, span_of(TEST_SECRET, strlen(TEST_SECRET))));
    struct bench *b = bench_with(secrets);
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    send_udp(b, 1, 50000, 2, 1812, &request);
    send_udp(b, 2, 1812, 1, 50000, &challenge);
    static const enum event_kind kinds[] = {EVENT_OPENED, EVENT_RADIUS, EVENT_EAP, EVENT_RADIUS, EVENT_EAP};
    assert_int_equal(b->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(b->events[i].kind, kinds[i]);
        assert_int_equal(b->events[i].conv, 1);
    }
    assert_int_equal(b->events[3].authenticator, RADIUS_CHECK_VALID);
    dissect_finish(b->d);
    assert_int_equal(b->events[5].kind, EVENT_CLOSED);
    assert_int_equal(b->events[5].reason, CLOSE_END);
    assert_int_equal(protocol(b, "RADIUS").flows, 1);
    assert_int_equal(protocol(b, "RADIUS").packets, 2);
    assert_int_equal(protocol(b, "RADIUS").bytes, request.len + challenge.len);
    bench_free(b);
    secrets_free(secrets);
}

static void radius_is_found_on_any_port(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    send_udp(b, 1, 50000, 2, 18120, &request);
    send_udp(b, 2, 18120, 1, 50000, &challenge);
    assert_int_equal(b->count, 5);
    assert_int_equal(b->events[3].role, RADIUS_RESPONSE);
    bench_free(b);
}

/* An accounting response without attributes is nothing by itself, but it is RADIUS when its request waits. */
static void an_expected_answer_is_recognised_by_its_request(void **state)
{
    (void)state;
    struct bytes accounting = radius_packet_of(RADIUS_ACCOUNTING_REQUEST, 9, 1), bare = radius_packet_of(RADIUS_ACCOUNTING_RESPONSE, 9, 7);
    add_u32(&accounting, 40, 1);
    add_text(&accounting, 44, "S1");
    struct bench *b = bench_with(NULL);
    send_udp(b, 2, 18130, 1, 50000, &bare);
    assert_int_equal(b->count, 0);
    send_udp(b, 3, 50000, 2, 18130, &accounting);
    send_udp(b, 4, 18130, 3, 50000, &bare);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->events[1].role, RADIUS_UNMATCHED_RESPONSE);
    bench_free(b);
}

static void malformed_and_cut_packets_on_its_ports_are_radius(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes request = from_hex(REQUEST_HEX), broken = request;
    broken.data[RADIUS_HEADER + 10 + 1] = 0;
    send_udp(b, 1, 50000, 2, 1812, &broken);
    assert_int_equal(b->count, 1);
    assert_true(b->events[0].malformed);
    struct bytes f = datagram(b, 3, 50000, 2, 1812, &request);
    send_cut(b, &f, HEADERS + 45);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->events[1].role, RADIUS_NEW_REQUEST);
    assert_true(b->events[1].cut);
    assert_int_equal(b->events[1].conv, 0); /* its State, if it has one, was cut off: neither a beginning nor a known login */
    struct dissect_counters counters;
    dissect_get_counters(b->d, &counters);
    assert_int_equal(counters.malformed_radius, 1);
    assert_int_equal(protocol(b, "RADIUS").flows, 2);
    bench_free(b);
}

/* A resolver that happens to ask from port 1812, TFTP, and zeros: none of it is RADIUS. */
static void other_traffic_is_not_radius(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    static const char *payloads[] = {
        "010b01000001000000000000076578616d706c6503636f6d0000010001",
        "0b0181800001000100000000076578616d706c6503636f6d0000010001c00c000100010000003c00045db8d822",
        "0001737461727475702d636f6e666967006f6374657400",
        "02000024000000000000000000000000000000000000000000000000000000000000000000",
    };
    for (uint8_t i = 0; i < 4; i++) {
        struct bytes p = from_hex(payloads[i]);
        send_udp(b, 1, 1812, (uint8_t)(10 + i), 53, &p);
        send_udp(b, 1, 40000, (uint8_t)(20 + i), 1812, &p);
    }
    assert_int_equal(b->count, 0);
    assert_int_equal(protocol(b, "RADIUS").packets, 0);
    bench_free(b);
}

static void ike_esp_and_tls_are_named(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes ike = from_hex("a1b2c3d4e5f607180000000000000000212022080000000000000024000000000000000c");
    struct bytes marked = {.len = ike.len + 4}, esp = from_hex("c1c2c3c400000001000000000000000000000000000000000000000000000000");
    struct bytes keepalive = {.data = {0xff}, .len = 1};
    memcpy(marked.data + 4, ike.data, ike.len);
    send_udp(b, 1, 500, 2, 500, &ike);
    send_udp(b, 1, 4500, 2, 4500, &keepalive);
    send_udp(b, 1, 4500, 2, 4500, &marked);
    send_udp(b, 3, 40000, 2, 4500, &esp);
    send_tcp(b, 1, 40000, 2, 8443, 24, "16030100050100000103");
    send_tcp(b, 1, 40001, 2, 443, 24, "1703030005aabbccddee");
    assert_int_equal(protocol(b, "IKE").flows, 2);
    assert_int_equal(protocol(b, "IKE").packets, 3);
    assert_int_equal(protocol(b, "ESP").flows, 1);
    assert_int_equal(protocol(b, "TLS").flows, 2);
    assert_int_equal(b->count, 0);
    bench_free(b);
}

static void l2tp_is_named(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes control = from_hex("c802000c0000000000000000"), data = from_hex("0002134b5b6bff03c021010100040000"); /* RFC 2661 3.1 */
    struct bytes cut_short = from_hex("c80200ff0000000000000000"), reserved = from_hex("f802000c0000000000000000");
    send_udp(b, 1, 1701, 2, 1701, &control);
    send_udp(b, 3, 40000, 2, 1701, &data);
    send_udp(b, 4, 40000, 2, 1701, &cut_short);
    send_udp(b, 5, 40000, 2, 1701, &reserved);
    send_udp(b, 6, 40000, 2, 1702, &control);
    assert_int_equal(protocol(b, "L2TP").flows, 2);
    bench_free(b);
}

/* An IKE_SA_INIT request with a notify alone (RFC 7296 sections 3.1 and 3.10). */
#define IKE_REQUEST "a1b2c3d4e5f6071800000000000000002920220800000000000000280000000c0000400400000000"

/* Behind SNAT the client's port can be that of anything. */
static void ike_is_recognised_on_any_port(void **state)
{
    (void)state;
    static const uint16_t ports[] = {111, 138, 464, 1024, 1812, 4500};
    struct bench *b = bench_with(NULL);
    struct bytes ike = from_hex(IKE_REQUEST);
    for (uint8_t i = 0; i < 6; i++) {
        ike.data[0] = i + 1;
        send_udp(b, 1, ports[i], 2, 500, &ike);
        assert_int_equal(b->events[b->count - 1].kind, EVENT_IKE);
    }
    ike.data[0] = 0x77;
    send_udp(b, 1, 20000, 2, 20001, &ike);
    assert_int_equal(b->count, 14);
    ike.data[0] = 0x78;
    ike.data[19] = 0x49; /* flags that nobody knows */
    send_udp(b, 1, 20000, 2, 20002, &ike);
    assert_int_equal(b->count, 14);
    assert_int_equal(protocol(b, "IKE").flows, 7);
    dissect_finish(b->d);
    assert_int_equal(b->count, 21);
    bench_free(b);
}

static void a_flow_with_esp_counts_as_esp(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes keepalive = {.data = {0xff}, .len = 1}, ike = from_hex("00000000" IKE_REQUEST);
    struct bytes esp = from_hex("c1c2c3c400000001000000000000000000000000000000000000000000000000");
    for (unsigned i = 0; i < 20; i++)
        send_udp(b, 1, 40000, 2, 4500, &keepalive);
    send_udp(b, 1, 40000, 2, 4500, &ike);
    assert_int_equal(b->count, 2);
    assert_int_equal(protocol(b, "IKE").packets, 21);
    send_udp(b, 2, 4500, 1, 40000, &esp);
    assert_int_equal(protocol(b, "ESP").packets, 22);
    assert_int_equal(protocol(b, "ESP").flows, 1);
    struct dissect_counters c;
    dissect_get_counters(b->d, &c);
    assert_int_equal(c.ike.associations, 1);
    assert_int_equal(c.ike.esp_packets, 1);
    bench_free(b);
}

static void the_rest_is_named_by_hint(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes query = from_hex("a1b201000001000000000000076578616d706c6503636f6d0000010001");
    struct bytes time = from_hex("23000000000000000000000000000000000000000000000000000000000000000000000000000000"
                                 "0000000000000000");
    struct bytes noise = from_hex("ffeeddccbbaa99887766554433221100");
    send_udp(b, 1, 40000, 2, 53, &query);
    send_udp(b, 1, 40003, 2, 123, &time);
    send_udp(b, 1, 40001, 3, 40002, &noise);
    assert_int_equal(protocol(b, "DNS").flows, 1);
    assert_int_equal(protocol(b, "NTP").flows, 1);
    assert_int_equal(protocol(b, "unknown").flows, 1);
    const struct protocol_count *rows;
    size_t count = dissect_protocols(b->d, &rows);
    assert_int_equal(count, 3);
    assert_true(rows[0].bytes >= rows[1].bytes && rows[1].bytes >= rows[2].bytes);
    bench_free(b);
}

/* RFC 6143 section 7.1.1: it is the client's greeting that names it, when the server has spoken already. */
static void both_sides_of_a_named_flow_are_told(void **state)
{
    (void)state;
    static const char *const greeting = "524642203030332e3030380a";
    struct bench *b = bench_with(NULL);
    send_tcp(b, 1, 40000, 2, 5900, 2, "");
    send_tcp(b, 2, 5900, 1, 40000, 18, "");
    send_tcp(b, 2, 5900, 1, 40000, 24, greeting);
    send_tcp(b, 1, 40000, 2, 5900, 24, greeting);
    assert_int_equal(protocol(b, "VNC").flows, 1);
    send_tcp(b, 2, 5900, 1, 40000, 24, "0102");
    const struct host_deed *all;
    size_t count = dissect_hosts(b->d, &all), asked = 0, open = 0;
    for (size_t i = 0; i < count; i++) {
        asked += all[i].kind == HOST_HINT && all[i].host.bytes[2] == 1;
        open += all[i].kind == HOST_HINT_OPEN && all[i].host.bytes[2] == 2 && all[i].port == 5900;
    }
    assert_int_equal(asked, 1);
    assert_int_equal(open, 1);
    bench_free(b);
}

static void one_sided_flows_are_counted_until_the_other_side_speaks(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct dissect_counters c;
    struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
    for (unsigned i = 0; i < 4; i++) {
        request.data[1] = (uint8_t)i;
        dissect_get_counters(b->d, &c);
        assert_int_equal(c.judged_radius, 0);
        send_udp(b, 1, 50000, 2, 1812, &request);
        send_tcp(b, 1, 40000, 2, 8080, 2, "");  /* SYN again and again: no proof of anything */
        send_tcp(b, 1, 40001, 2, 8080, 16, ""); /* acknowledges what is not here */
    }
    dissect_get_counters(b->d, &c);
    assert_int_equal(c.judged_radius, 1);
    assert_int_equal(c.one_sided_radius, 1);
    assert_int_equal(c.judged_flows, 2);
    assert_int_equal(c.one_sided_flows, 2);
    send_udp(b, 2, 1812, 1, 50000, &challenge);
    dissect_get_counters(b->d, &c);
    assert_int_equal(c.judged_radius, 1);
    assert_int_equal(c.one_sided_radius, 0);
    assert_int_equal(c.one_sided_flows, 1);
    bench_free(b);
}

static void an_icmp_error_reaches_the_request_that_it_quotes(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes request = from_hex(REQUEST_HEX), quoted = datagram(b, 1, 50000, 2, 1812, &request), icmp = {.len = 0};
    send_cut(b, &quoted, quoted.len);
    icmp.data[0] = 3;
    icmp.data[1] = 3;
    memcpy(icmp.data + 8, quoted.data + 14, quoted.len - 14);
    icmp.len = 8 + quoted.len - 14;
    struct bytes f = {.len = 34 + icmp.len};
    memcpy(f.data, quoted.data, 34);
    put_be16(f.data + 14 + 2, 20 + icmp.len);
    put_be16(f.data + 14 + 4, 999);
    f.data[14 + 9] = IP_PROTO_ICMP;
    memcpy(f.data + 14 + 12, (const uint8_t[]){10, 0, 2, 1, 10, 0, 1, 1}, 8);
    memcpy(f.data + 34, icmp.data, icmp.len);
    b->count = 0;
    send_cut(b, &f, f.len);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->events[0].role, RADIUS_UNANSWERED);
    assert_int_equal(b->events[0].frame, 2);
    bench_free(b);
}

static void silence_passes_with_other_traffic(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL);
    struct bytes request = from_hex(REQUEST_HEX), noise = from_hex("ffeeddccbbaa99887766554433221100");
    send_udp(b, 1, 50000, 2, 1812, &request);
    b->count = 0;
    b->now += RADIUS_ANSWER_NS;
    send_udp(b, 7, 40000, 8, 40000, &noise);
    assert_int_equal(b->count, 0); /* its time alone proves nothing */
    send_udp(b, 7, 40000, 8, 40000, &noise);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->events[0].role, RADIUS_UNANSWERED);
    bench_free(b);
}

/* Before, at, or behind the request, and an hour either way: the login goes on, and nothing is silent. */
static void one_wrong_time_stamp_ends_nothing(void **state)
{
    (void)state;
    enum { FRAMES = 5 };
    for (int wrong = 0; wrong < FRAMES; wrong++)
        for (int hours = -1; hours <= 1; hours += 2) {
            struct bench *b = bench_with(NULL);
            struct bytes noise = from_hex("ffeeddccbbaa99887766554433221100");
            struct bytes request = from_hex(REQUEST_HEX), challenge = from_hex(CHALLENGE_HEX);
            for (int i = 0; i < FRAMES; i++) {
                b->now += SECOND + (i == wrong ? hours * 3600 * SECOND : 0);
                if (i == 1)
                    send_udp(b, 1, 50000, 2, 1812, &request);
                else if (i == 3)
                    send_udp(b, 2, 1812, 1, 50000, &challenge);
                else
                    send_udp(b, 7, 40000, 8, 40000, &noise);
                b->now -= i == wrong ? hours * 3600 * SECOND : 0;
            }
            assert_int_equal(b->count, 5);
            assert_int_equal(b->events[3].role, RADIUS_RESPONSE);
            assert_int_equal(b->events[3].conv, 1);
            bench_free(b);
        }
}

/* The serial goes on over the dissectors of one analysis. */
static void conversations_are_numbered_over_all_captures(void **state)
{
    (void)state;
    uint32_t serial = 41;
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->d = dissect_new(&(struct dissect_options){.next_conversation = &serial, .on_event = on_event, .ctx = b});
    struct bytes request = from_hex(REQUEST_HEX);
    send_udp(b, 1, 50000, 2, 1812, &request);
    assert_int_equal(b->events[0].conv, 42);
    assert_int_equal(serial, 42);
    bench_free(b);
}

enum { TOLD_MAX = 64 };

/* What who keeps packets is told. */
struct told {
    struct { uint64_t frame; struct frame_ties ties; size_t events; } calls[TOLD_MAX];
    size_t count;
    const struct bench *bench;
};

static void on_frame(void *ctx, const struct frame *f, const struct frame_ties *ties)
{
    struct told *t = ctx;
    assert_true(t->count < TOLD_MAX);
    t->calls[t->count].frame = f != NULL ? f->number : 0;
    t->calls[t->count].ties = *ties;
    t->calls[t->count++].events = t->bench->count;
}

static struct bench *bench_of_keeper(struct told *t)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    *t = (struct told){.bench = b};
    b->now = 1700000000 * SECOND;
    b->d = dissect_new(&(struct dissect_options){.on_event = on_event, .ctx = b, .on_frame = on_frame, .frame_ctx = t, .side = 7});
    assert_non_null(b->d);
    return b;
}

/* The packet that ends a conversation is told before its end. */
static void frames_are_told_with_their_conversation(void **state)
{
    (void)state;
    struct told t;
    struct bench *b = bench_of_keeper(&t);
    struct bytes request = from_hex(REQUEST_HEX), accounting = request, reject = from_hex("03070014000102030405060708090a0b0c0d0e0f");
    accounting.data[0] = 4;
    send_udp(b, 1, 50000, 2, 1812, &request);
    send_udp(b, 1, 50001, 2, 1813, &accounting); /* is of no conversation, and never will be */
    send_udp(b, 1, 50000, 2, 1812, &request);    /* a retransmission */
    send_udp(b, 2, 1812, 1, 50000, &reject);
    assert_int_equal(t.count, 3);
    static const uint64_t frames[] = {1, 3, 4};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(t.calls[i].frame, frames[i]);
        assert_int_equal(t.calls[i].ties.conversation, 1);
        assert_int_equal(t.calls[i].ties.side, 7);
        assert_int_equal(t.calls[i].ties.datagram, 0);
        assert_false(t.calls[i].ties.bulk);
    }
    assert_int_equal(b->events[b->count - 1].kind, EVENT_CLOSED);
    assert_int_equal(t.calls[2].events, b->count - 1);
    bench_free(b);
}

/* An attempt is told of when it was refused, and what came before is its own; another connection turns out to be nobody's. */
static void segments_are_told_with_their_flow(void **state)
{
    (void)state;
    struct told t;
    struct bench *b = bench_of_keeper(&t);
    send_tcp(b, 1, 40000, 2, 443, 2, "");
    send_tcp(b, 2, 443, 1, 40000, 20, "");
    static const struct { uint64_t frame; uint32_t conversation; } told[] = {{1, 0}, {0, 1}, {2, 1}};
    assert_int_equal(t.count, 3);
    for (size_t i = 0; i < t.count; i++) {
        assert_int_equal(t.calls[i].frame, told[i].frame);
        assert_int_equal(t.calls[i].ties.conversation, told[i].conversation);
        assert_int_equal(t.calls[i].ties.flow, t.calls[0].ties.flow);
        assert_true(t.calls[i].ties.flow != 0 && !t.calls[i].ties.unwanted);
    }
    size_t before = t.count;
    for (unsigned i = 0; i < 4; i++) {
        send_tcp(b, 1, 40001, 2, 8080, 24, "00112233445566778899");
        send_tcp(b, 2, 8080, 1, 40001, 24, "99887766554433221100");
    }
    assert_true(t.count > before);
    assert_true(t.calls[t.count - 1].ties.unwanted && t.calls[t.count - 1].ties.conversation == 0);
    assert_int_equal(t.calls[t.count - 1].ties.flow, t.calls[before].ties.flow);
    assert_true(t.calls[t.count - 1].frame < b->frame); /* and what comes then is of no account */
    bench_free(b);
}

/* A request in two fragments; an answer that says that a third one did not come. */
static void fragments_are_told_with_their_datagram(void **state)
{
    (void)state;
    enum { FIRST = 48 }; /* payload bytes of the first one */
    struct told t;
    struct bench *b = bench_of_keeper(&t);
    struct bytes request = from_hex(REQUEST_HEX), whole = datagram(b, 1, 50000, 2, 1812, &request), first = whole, second = whole;
    put_be16(first.data + 14 + 2, 20 + FIRST);
    put_be16(first.data + 14 + 6, 0x2000);
    first.len = 34 + FIRST;
    second.len = whole.len - FIRST;
    memcpy(second.data + 34, whole.data + 34 + FIRST, second.len - 34);
    put_be16(second.data + 14 + 2, second.len - 14);
    put_be16(second.data + 14 + 6, FIRST / 8);
    send_cut(b, &first, first.len);
    send_cut(b, &second, second.len);
    assert_int_equal(t.count, 2);
    assert_true(t.calls[0].ties.datagram != 0 && !t.calls[0].ties.whole && t.calls[0].ties.conversation == 0);
    assert_memory_equal(t.calls[0].ties.src.bytes, ((const uint8_t[]){10, 0, 1, 1}), 4);
    assert_memory_equal(t.calls[0].ties.dst.bytes, ((const uint8_t[]){10, 0, 2, 1}), 4);
    assert_int_equal(t.calls[0].ties.ip_proto, IP_PROTO_UDP);
    assert_int_equal(t.calls[1].ties.datagram, t.calls[0].ties.datagram);
    assert_true(t.calls[1].ties.whole && t.calls[1].ties.conversation == 1);
    struct bytes error = from_hex("0b010000"), icmp; /* time exceeded in reassembly */
    memset(error.data + 4, 0, 4);
    memcpy(error.data + 8, first.data + 14, 28);
    error.len = 36;
    icmp = datagram(b, 2, 0, 1, 0, &error);
    icmp.data[14 + 9] = IP_PROTO_ICMP;
    memmove(icmp.data + 34, icmp.data + HEADERS, error.len); /* no ports */
    icmp.len -= 8;
    put_be16(icmp.data + 14 + 2, icmp.len - 14);
    send_cut(b, &icmp, icmp.len);
    assert_int_equal(t.count, 3);
    assert_true(t.calls[2].ties.datagram != 0 && t.calls[2].ties.datagram != t.calls[0].ties.datagram && !t.calls[2].ties.whole);
    assert_memory_equal(t.calls[2].ties.src.bytes, ((const uint8_t[]){10, 0, 1, 1}), 4);
    assert_memory_equal(t.calls[2].ties.dst.bytes, ((const uint8_t[]){10, 0, 2, 1}), 4);
    assert_int_equal(t.calls[2].ties.ip_proto, IP_PROTO_UDP);
    bench_free(b);
}

static void a_storm_stays_in_its_budget(void **state)
{
    (void)state;
    struct bench *b = bench_with(NULL); /* 4 MiB, the least */
    struct bytes request = from_hex(REQUEST_HEX);
    struct dissect_counters c;
    for (uint32_t i = 0; i < 60000; i++) {
        request.data[1] = (uint8_t)i;
        put_be16(request.data + 4, i & 0xffff);
        b->count = 0;
        send_udp(b, (uint8_t)(i >> 16), (uint16_t)i, 2, 1812, &request);
    }
    dissect_get_counters(b->d, &c);
    assert_int_equal(c.conversations, 60000);
    assert_true(c.conversations_evicted > 50000);
    assert_true(c.state_bytes_peak < 4 << 20);
    b->count = 0;
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_goes_from_frames_to_events),
        cmocka_unit_test(radius_is_found_on_any_port),
        cmocka_unit_test(an_expected_answer_is_recognised_by_its_request),
        cmocka_unit_test(malformed_and_cut_packets_on_its_ports_are_radius),
        cmocka_unit_test(other_traffic_is_not_radius),
        cmocka_unit_test(ike_esp_and_tls_are_named),
        cmocka_unit_test(l2tp_is_named),
        cmocka_unit_test(ike_is_recognised_on_any_port),
        cmocka_unit_test(a_flow_with_esp_counts_as_esp),
        cmocka_unit_test(the_rest_is_named_by_hint),
        cmocka_unit_test(both_sides_of_a_named_flow_are_told),
        cmocka_unit_test(one_sided_flows_are_counted_until_the_other_side_speaks),
        cmocka_unit_test(an_icmp_error_reaches_the_request_that_it_quotes),
        cmocka_unit_test(silence_passes_with_other_traffic),
        cmocka_unit_test(one_wrong_time_stamp_ends_nothing),
        cmocka_unit_test(conversations_are_numbered_over_all_captures),
        cmocka_unit_test(frames_are_told_with_their_conversation),
        cmocka_unit_test(segments_are_told_with_their_flow),
        cmocka_unit_test(fragments_are_told_with_their_datagram),
        cmocka_unit_test(a_storm_stays_in_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
