/* The short way of the usual frame hands over the very same packet as the walk, whatever its headers say. */
#include "net_record.h"

enum { ETHERNET_HEADER = 14, TAG = 8, TRANSPORT = ETHERNET_HEADER + 20, HEADERS = TRANSPORT + 8, FRAME = HEADERS + 120,
       WIRE_MORE = 40, TCP_HEADERS = TRANSPORT + 24 };

static const uint8_t usual[HEADERS] = {
    ETHERNET(0x0800),
    IPV4_FULL(20 + 8 + 120, 0x1234, 0x4000, 64, 17, LIST(IP_A), LIST(IP_B)),
    UDP(49152, 1812, 120),
};

static void make_usual(uint8_t frame[static FRAME])
{
    memcpy(frame, usual, sizeof usual);
    for (size_t i = HEADERS; i < FRAME; i++)
        frame[i] = (uint8_t)(i * 7);
}

/* The same as a TCP segment with four bytes of options. */
static void make_usual_tcp(uint8_t frame[static FRAME])
{
    static const uint8_t tcp[] = {BE16(49152), BE16(443), 0, 1, 2, 3, 4, 5, 6, 7, 6 << 4, 0x18, BE16(64240), 0, 0, 0, 0,
                                  2, 4, BE16(1460)};
    make_usual(frame);
    frame[ETHERNET_HEADER + 9] = 6;
    memcpy(frame + TRANSPORT, tcp, sizeof tcp);
}

typedef void make_fn(uint8_t frame[static FRAME]);
static const struct usual_kind { make_fn *make; size_t headers; } kinds[] = {{make_usual, HEADERS}, {make_usual_tcp, TCP_HEADERS}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The same frame behind an 802.1BR tag, which says nothing about the packet, but which only the walk steps over. */
static size_t put_tag(uint8_t tagged[static FRAME + TAG], const uint8_t *frame, size_t len)
{
    static const uint8_t e_tag[TAG] = {BE16(0x893f), 0, 0, 0, 0, 0, 0};
    enum { MACS = ETHERNET_HEADER - 2 };
    if (len < MACS)
        return 0;
    memcpy(tagged, frame, MACS);
    memcpy(tagged + MACS, e_tag, TAG);
    memcpy(tagged + MACS + TAG, frame + MACS, len - MACS);
    return len + TAG;
}

static void expect_same_packet(const struct packet *a, const struct packet *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(endpoint_equal(&a->src, &b->src));
    assert_true(endpoint_equal(&a->dst, &b->dst));
    assert_int_equal(a->payload_wire_len, b->payload_wire_len);
    assert_int_equal(a->tunnel, b->tunnel);
    assert_int_equal(a->fragments, b->fragments);
    assert_int_equal(a->first_frame, b->first_frame);
    assert_int_equal(a->ethertype, b->ethertype);
    assert_int_equal(a->vlan, b->vlan);
    assert_int_equal(a->ip_proto, b->ip_proto);
    assert_int_equal(a->ttl, b->ttl);
    assert_int_equal(a->depth, b->depth);
    assert_int_equal(a->tcp_flags, b->tcp_flags);
    assert_int_equal(a->tcp_seq, b->tcp_seq);
    assert_int_equal(a->tcp_ack, b->tcp_ack);
    assert_int_equal(a->tcp_window, b->tcp_window);
    assert_int_equal(a->tcp_options.len, b->tcp_options.len); /* the bytes are no longer there */
    assert_true(a->ends.low == b->ends.low && a->ends.high == b->ends.high && a->ends.hash == b->ends.hash);
    assert_true(a->ends.from_low == b->ends.from_low);
    assert_true(span_equal(a->payload, b->payload));
}

/* wire_more: bytes that the snap length cut. */
static unsigned compare(const uint8_t *frame, size_t len, size_t wire_more)
{
    static struct record direct, walked;
    uint8_t tagged[FRAME + TAG];
    size_t tagged_len = put_tag(tagged, frame, len);
    if (tagged_len == 0)
        return 0;
    struct net_counters a = decode(&direct, LINKTYPE_ETHERNET, frame, len, len + wire_more);
    struct net_counters b = decode(&walked, LINKTYPE_ETHERNET, tagged, tagged_len, tagged_len + wire_more);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(direct.packets, walked.packets);
    if (direct.packets > 0)
        expect_same_packet(&direct.last, &walked.last);
    return direct.packets;
}

static void the_usual_frame(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    make_usual(frame);
    assert_int_equal(compare(frame, FRAME, 0), 1);
    static struct record r;
    decode(&r, LINKTYPE_ETHERNET, frame, FRAME, FRAME);
    assert_int_equal(r.last.kind, PACKET_UDP);
    assert_int_equal(r.last.src.port, 49152);
    assert_int_equal(r.last.dst.port, 1812);
    assert_int_equal(r.last.payload.len, 120);
    assert_memory_equal(r.payload, frame + HEADERS, 120);
    make_usual_tcp(frame);
    assert_int_equal(compare(frame, FRAME, 0), 1);
    decode(&r, LINKTYPE_ETHERNET, frame, FRAME, FRAME);
    assert_int_equal(r.last.kind, PACKET_TCP);
    assert_int_equal(r.last.dst.port, 443);
    assert_int_equal(r.last.tcp_seq, 0x00010203);
    assert_int_equal(r.last.tcp_ack, 0x04050607);
    assert_int_equal(r.last.tcp_flags, 0x18);
    assert_int_equal(r.last.tcp_window, 64240);
    assert_int_equal(r.last.tcp_options.len, 4);
    assert_memory_equal(r.payload, frame + TCP_HEADERS, FRAME - TCP_HEADERS);
}

static void every_header_byte_changed(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    for (const struct usual_kind *k = kinds; k < kinds + KINDS; k++) {
        unsigned packets = 0;
        for (size_t at = ETHERNET_HEADER; at < k->headers; at++)
            for (unsigned value = 0; value < 256; value += value < 16 || value > 250 ? 1 : 7) {
                k->make(frame);
                frame[at] = (uint8_t)value;
                packets += compare(frame, FRAME, 0);
            }
        assert_true(packets > 20 * 55); /* most bytes do not decide whether there is a packet */
    }
}

static void every_length_on_the_wire_and_captured(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    for (const struct usual_kind *k = kinds; k < kinds + KINDS; k++) {
        k->make(frame);
        for (size_t len = 0; len <= FRAME; len++) {
            compare(frame, len, 0);
            compare(frame, len, FRAME - len);
            compare(frame, len, FRAME - len + WIRE_MORE); /* padding, cut */
        }
    }
}

/* Announced lengths of IP and UDP against one another, some beyond what is there. */
static void every_announced_length(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    make_usual(frame);
    for (unsigned total = 0; total < 220; total += 7)
        for (unsigned length = 0; length < 220; length++) {
            const uint8_t announced[] = {BE16(total), BE16(length)};
            memcpy(frame + ETHERNET_HEADER + 2, announced, 2);
            memcpy(frame + ETHERNET_HEADER + 20 + 4, announced + 2, 2);
            compare(frame, FRAME, 0);
            compare(frame, FRAME / 2, FRAME / 2);
        }
}

/* The same of IP and TCP. */
static void every_announced_tcp_header(void **state)
{
    (void)state;
    uint8_t frame[FRAME];
    make_usual_tcp(frame);
    for (unsigned total = 0; total < 220; total += 3)
        for (unsigned words = 0; words < 16; words++) {
            const uint8_t announced[] = {BE16(total)};
            memcpy(frame + ETHERNET_HEADER + 2, announced, 2);
            frame[TRANSPORT + 12] = (uint8_t)(words << 4);
            compare(frame, FRAME, 0);
            compare(frame, FRAME / 2, FRAME / 2);
        }
}

/* What a TCP packet was leaves nothing in a UDP packet that is looked at in the same place, and the other way round. */
static void kinds_in_turn(void **state)
{
    (void)state;
    static struct record direct, walked;
    uint8_t frame[FRAME], tagged[FRAME + TAG];
    struct net *a = record_new(&direct), *b = record_new(&walked);
    for (unsigned i = 0; i < 4 * NET_AHEAD; i++) {
        kinds[i % 3 % KINDS].make(frame);
        frame[ETHERNET_HEADER + 5] = (uint8_t)i;
        struct frame f = {.number = i + 1, .time_ns = (int64_t)i + 1, .link_type = LINKTYPE_ETHERNET};
        feed_frame(a, f, frame, FRAME);
        feed_frame(b, f, tagged, put_tag(tagged, frame, FRAME));
        assert_int_equal(direct.packets, i + 1);
        expect_same_packet(&direct.last, &walked.last);
    }
    net_free(a);
    net_free(b);
}

/* One net sees the frame first one way, then the other: the second is a copy of the first. */
static void copies_of(const struct usual_kind *k, size_t decisive)
{
    static struct record r;
    uint8_t frame[FRAME], tagged[FRAME + TAG];
    k->make(frame);
    size_t tagged_len = put_tag(tagged, frame, FRAME);
    struct net *n = record_new(&r);
    struct frame f = {.number = 1, .time_ns = INT64_C(1600000000000000000), .link_type = LINKTYPE_ETHERNET};
    feed_frame(n, f, frame, FRAME);
    feed_frame(n, f, tagged, tagged_len);
    assert_int_equal(r.packets, 1);
    assert_int_equal(net_counters(n)->duplicates, 1);
    frame[ETHERNET_HEADER + 5]++; /* another identification */
    feed_frame(n, f, frame, FRAME);
    assert_int_equal(r.packets, 2);
    frame[decisive]++;
    feed_frame(n, f, frame, FRAME);
    assert_int_equal(r.packets, 3);
    assert_int_equal(net_counters(n)->duplicates, 1);
    net_free(n);
}

static void copies_are_told_across_both_ways(void **state)
{
    (void)state;
    copies_of(&kinds[0], HEADERS + 30);    /* other bytes */
    copies_of(&kinds[1], TRANSPORT + 7);   /* another sequence number */
    copies_of(&kinds[1], TRANSPORT + 11);  /* another acknowledgment */
    copies_of(&kinds[1], TCP_HEADERS + 5); /* other bytes */
}

static void make_esp(uint8_t frame[static FRAME])
{
    static const uint8_t ports[] = {BE16(4500), BE16(4500)}, spi_and_sequence[] = {1, 2, 3, 4, 0, 0, 0, 1};
    make_usual(frame);
    memcpy(frame + TRANSPORT, ports, sizeof ports);
    memcpy(frame + HEADERS, spi_and_sequence, sizeof spi_and_sequence);
}

/* ESP is known by its SPI and sequence number; IKE on the same port by more of it. */
static void copies_of_esp(void **state)
{
    (void)state;
    const struct usual_kind esp = {make_esp, HEADERS};
    copies_of(&esp, HEADERS + 3);
    copies_of(&esp, HEADERS + 7);
    static struct record r;
    uint8_t frame[FRAME];
    make_esp(frame);
    memset(frame + HEADERS, 0, 4);
    struct net *n = record_new(&r);
    struct frame f = {.number = 1, .time_ns = 1, .link_type = LINKTYPE_ETHERNET};
    feed_frame(n, f, frame, FRAME);
    frame[FRAME - 1]++;
    feed_frame(n, f, frame, FRAME);
    assert_int_equal(r.packets, 2);
    feed_frame(n, f, frame, FRAME);
    assert_int_equal(r.packets, 2);
    net_free(n);
}

enum { SEQUENCE = 9 };

struct order {
    uint64_t number[SEQUENCE];
    unsigned count;
};

static void note_number(void *ctx, const struct packet *p)
{
    struct order *o = ctx;
    assert_true(o->count < SEQUENCE);
    assert_int_equal(p->frame->number, p->first_frame);
    assert_int_equal(p->src.port, 49152 + (p->frame->number - 1) / 3); /* the frame's own packet */
    o->number[o->count++] = p->frame->number;
}

static void lost_nothing(void *ctx, const struct net_lost_fragments *lost)
{
    (void)ctx, (void)lost;
    fail();
}

/* Of three frames each: the usual one, a copy of it behind a tag, one that nothing is made of. at_once: how many frames are
 * looked at before the first of them is taken; 0: each is given alone. */
static struct net_counters feed_sequence(struct order *o, size_t at_once)
{
    static uint8_t bytes[SEQUENCE][FRAME + TAG];
    struct frame frames[SEQUENCE];
    for (size_t i = 0; i < SEQUENCE; i++) {
        uint8_t usual_one[FRAME];
        make_usual(usual_one);
        usual_one[HEADERS - 7] = (uint8_t)(i / 3); /* source port */
        size_t len = i % 3 == 1 ? put_tag(bytes[i], usual_one, FRAME) : FRAME;
        if (i % 3 != 1)
            memcpy(bytes[i], usual_one, FRAME);
        frames[i] = (struct frame){.number = i + 1, .time_ns = (int64_t)i + 1, .bytes = bytes[i], .len = (uint32_t)len,
                                   .wire_len = (uint32_t)len, .link_type = i % 3 == 2 ? 147 : LINKTYPE_ETHERNET};
    }
    *o = (struct order){.count = 0};
    struct net *n = net_new(&(struct net_handler){note_number, lost_nothing, o, NULL});
    assert_non_null(n);
    for (size_t i = 0; i < SEQUENCE && at_once == 0; i++)
        net_frame(n, &frames[i]);
    for (size_t done = 0; done < SEQUENCE && at_once > 0; done += at_once) {
        const struct packet_ends *ends[NET_AHEAD];
        size_t count = SEQUENCE - done < at_once ? SEQUENCE - done : at_once;
        net_look(n, &frames[done], count, ends);
        for (size_t i = 0; i < count; i++) {
            const struct packet *p = net_take(n, i);
            assert_true(p == NULL || (ends[i] == &p->ends && p->ends.hash != 0));
            if (p != NULL)
                note_number(o, p);
        }
    }
    struct net_counters c = *net_counters(n);
    net_free(n);
    return c;
}

static void looking_ahead_changes_nothing(void **state)
{
    (void)state;
    struct order o, plain;
    struct net_counters expected = feed_sequence(&plain, 0);
    assert_int_equal(plain.count, SEQUENCE / 3);
    assert_int_equal(expected.duplicates, SEQUENCE / 3);
    assert_int_equal(expected.unknown_link, SEQUENCE / 3);
    for (size_t at_once = 1; at_once <= SEQUENCE; at_once++) {
        struct net_counters c = feed_sequence(&o, at_once);
        assert_memory_equal(&c, &expected, sizeof c);
        assert_memory_equal(&o, &plain, sizeof o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_frame),
        cmocka_unit_test(every_header_byte_changed),
        cmocka_unit_test(every_length_on_the_wire_and_captured),
        cmocka_unit_test(every_announced_length),
        cmocka_unit_test(every_announced_tcp_header),
        cmocka_unit_test(kinds_in_turn),
        cmocka_unit_test(copies_are_told_across_both_ways),
        cmocka_unit_test(copies_of_esp),
        cmocka_unit_test(looking_ahead_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
