/* IPv4, IPv6 and transport headers, their lengths true or not; and what counts as the same packet seen twice. */
#include "net_record.h"

static struct record r;

#define PAYLOAD 0xc0, 0xff, 0xee, 0x01
#define PAYLOAD_UDP UDP(1812, 49152, 4), PAYLOAD

static struct net_counters decode_raw(const uint8_t *bytes, size_t len)
{
    return decode(&r, LINKTYPE_RAW, bytes, len, len);
}

#define DECODE(bytes) decode_raw(bytes, sizeof(bytes))

static void expect_udp(const uint8_t *bytes, size_t len)
{
    struct net_counters c = decode_raw(bytes, len);
    assert_int_equal(c.malformed + c.cut, 0);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_UDP);
    assert_int_equal(r.last.ip_proto, IP_PROTO_UDP);
    assert_int_equal(r.last.src.port, 1812);
    assert_int_equal(r.last.payload.len, 4);
    assert_int_equal(r.payload[0], 0xc0);
    every_prefix(LINKTYPE_RAW, bytes, len);
}

static void ipv4_options(void **state)
{
    (void)state;
    const uint8_t options[] = {
        0x46, 0x00, BE16(24 + 12), BE16(1), BE16(0), 64, 17, BE16(0), IP_A, IP_B,
        0x94, 0x04, 0x00, 0x00, /* router alert */
        PAYLOAD_UDP,
    };
    expect_udp(options, sizeof options);
}

static void ipv6_extension_headers(void **state)
{
    (void)state;
    const uint8_t all[] = {
        IPV6(8 + 24 + 8 + 8 + 24 + 12, 0),
        43, 0, 0x01, 0x04, 0, 0, 0, 0,                           /* hop-by-hop: PadN; then routing */
        60, 2, 0x04, 0x00, 0, 0, 0, 0, IP6_B,                    /* segment routing; then destination options */
        44, 0, 0x01, 0x04, 0, 0, 0, 0,                           /* destination options; then fragment */
        51, 0, BE16(0), BE32(77),                                /* atomic fragment; then AH */
        17, 4, 0, 0, BE32(1), BE32(2), BE32(3), BE32(4), BE32(5), /* AH of 6 words; then UDP */
        PAYLOAD_UDP,
    };
    expect_udp(all, sizeof all);
    DECODE(all);
    assert_int_equal(r.last.fragments, 0);
    const uint8_t none[] = {IPV6(0, 59)};
    DECODE(none);
    assert_int_equal(r.last.kind, PACKET_IP);
    assert_int_equal(r.last.ip_proto, 59);
}

/* As many as the longest frame holds, in a jumbogram: they must cost no stack. */
static void a_long_row_of_atomic_fragments(void **state)
{
    (void)state;
    enum { HEADERS = 131000 };
    const uint8_t head[] = {IPV6(0, 44)}, atomic[] = {44, 0, BE16(0), BE32(7)}, last[] = {17, 0, BE16(0), BE32(7)};
    const uint8_t end[] = {PAYLOAD_UDP};
    size_t len = sizeof head + HEADERS * sizeof atomic + sizeof last + sizeof end;
    uint8_t *frame = malloc(len), *to = frame;
    assert_non_null(frame);
    memcpy(to, head, sizeof head);
    to += sizeof head;
    for (size_t i = 0; i < HEADERS; i++, to += sizeof atomic)
        memcpy(to, atomic, sizeof atomic);
    memcpy(to, last, sizeof last);
    memcpy(to + sizeof last, end, sizeof end);
    decode_raw(frame, len);
    free(frame);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.src.port, 1812);
    assert_int_equal(r.last.fragments, 0);
}

static void ah_in_ipv4(void **state)
{
    (void)state;
    const uint8_t ah[] = {IPV4(24 + 12, 51), 17, 4, 0, 0, BE32(1), BE32(2), BE32(3), BE32(4), BE32(5), PAYLOAD_UDP};
    expect_udp(ah, sizeof ah);
}

/* Segmentation offload leaves total length 0 (IPv4), payload length 0 (IPv6), UDP length 0. */
static void a_length_of_zero_reaches_to_the_end(void **state)
{
    (void)state;
    const uint8_t v4[] = {IPV4_FULL(0, 1, 0, 64, 17, LIST(IP_A), LIST(IP_B)), PAYLOAD_UDP};
    const uint8_t v6[] = {IPV6(0, 17), PAYLOAD_UDP};
    const uint8_t udp[] = {IPV4(12, 17), BE16(1812), BE16(49152), BE16(0), BE16(0), PAYLOAD};
    expect_udp(v4, sizeof v4);
    expect_udp(v6, sizeof v6);
    expect_udp(udp, sizeof udp);
}

static void what_the_snap_length_cut_is_announced(void **state)
{
    (void)state;
    const uint8_t cut[] = {IPV4(8 + 1000, 17), UDP(1812, 49152, 1000), PAYLOAD};
    struct net_counters c = decode(&r, LINKTYPE_RAW, cut, sizeof cut, 20 + 8 + 1000);
    assert_int_equal(c.malformed, 0);
    assert_int_equal(r.last.payload.len, 4);
    assert_int_equal(r.last.payload_wire_len, 1000);
    DECODE(cut); /* some converters say a wire length that is too short */
    assert_int_equal(r.last.payload_wire_len, 1000);
}

static void udp_lengths(void **state)
{
    (void)state;
    const uint8_t shorter[] = {IPV4(12, 17), UDP(1, 2, 2), PAYLOAD};
    const uint8_t longer[] = {IPV4(12, 17), UDP(1, 2, 400), PAYLOAD};
    const uint8_t impossible[] = {IPV4(12, 17), BE16(1), BE16(2), BE16(7), BE16(0), PAYLOAD};
    DECODE(shorter);
    assert_int_equal(r.last.payload.len, 2);
    DECODE(longer);
    assert_int_equal(r.last.payload.len, 4);
    assert_int_equal(r.last.payload_wire_len, 4);
    assert_int_equal(DECODE(impossible).malformed, 1);
    assert_int_equal(r.packets, 0);
}

#define TCP(offset, flags)                                                                                             \
    BE16(51000),      /* source port */                                                                                \
    BE16(443),        /* destination port */                                                                           \
    BE32(0x01020304), /* sequence number */                                                                            \
    BE32(0x05060708), /* acknowledgment */                                                                             \
    (offset) << 4,    /* data offset */                                                                                \
    flags,                                                                                                             \
    BE16(501),        /* window */                                                                                     \
    BE16(0),          /* checksum */                                                                                   \
    BE16(0)           /* urgent pointer */

static void tcp(void **state)
{
    (void)state;
    const uint8_t segment[] = {IPV4(24 + 4, 6), TCP(6, 0x18), 0x02, 0x04, BE16(1460) /* MSS */, PAYLOAD};
    struct net_counters c = DECODE(segment);
    assert_int_equal(c.packets, 1);
    assert_int_equal(r.last.kind, PACKET_TCP);
    assert_int_equal(r.last.dst.port, 443);
    assert_int_equal(r.last.tcp_seq, 0x01020304);
    assert_int_equal(r.last.tcp_ack, 0x05060708);
    assert_int_equal(r.last.tcp_flags, 0x18);
    assert_int_equal(r.last.tcp_window, 501);
    assert_int_equal(r.last.tcp_options.len, 4);
    assert_int_equal(r.options[3], 0xb4);
    assert_int_equal(r.last.payload.len, 4);
    every_prefix(LINKTYPE_RAW, segment, sizeof segment);
    c = decode(&r, LINKTYPE_RAW, segment, 42, sizeof segment); /* cut within the options */
    assert_int_equal(c.packets, 1);
    assert_int_equal(r.last.tcp_options.len, 2);
    assert_int_equal(r.last.payload_wire_len, 4);
}

static void icmp(void **state)
{
    (void)state;
    const uint8_t v4[] = {IPV4(8, 1), 3, 4, BE16(0), BE16(0), BE16(1400)};
    const uint8_t v6[] = {IPV6(8, 58), 2, 0, BE16(0), BE32(1400)};
    DECODE(v4);
    assert_int_equal(r.last.kind, PACKET_ICMP);
    assert_int_equal(r.payload[0], 3);
    DECODE(v6);
    assert_int_equal(r.last.kind, PACKET_ICMP);
    assert_int_equal(r.last.ip_proto, IP_PROTO_ICMPV6);
    assert_int_equal(r.last.payload.len, 8);
}

static void headers_that_contradict_themselves(void **state)
{
    (void)state;
    const uint8_t version[] = {0x55, 0, BE16(32), BE16(1), BE16(0), 64, 17, BE16(0), IP_A, IP_B, PAYLOAD_UDP};
    const uint8_t header[] = {0x44, 0, BE16(32), BE16(1), BE16(0), 64, 17, BE16(0), IP_A, IP_B, PAYLOAD_UDP};
    const uint8_t total[] = {IPV4_FULL(19, 1, 0, 64, 17, LIST(IP_A), LIST(IP_B)), PAYLOAD_UDP};
    const uint8_t offset[] = {IPV4(20, 6), TCP(4, 0x10)};
    const uint8_t beyond[] = {IPV4(20, 6), TCP(15, 0x10)};
    const uint8_t extension[] = {IPV6(8, 60), 17, 200, 0, 0, 0, 0, 0, 0};
    assert_int_equal(DECODE(version).malformed, 1);
    assert_int_equal(DECODE(header).malformed, 1);
    assert_int_equal(DECODE(total).malformed, 1);
    assert_int_equal(DECODE(offset).malformed, 1);
    assert_int_equal(DECODE(beyond).malformed, 1);
    assert_int_equal(DECODE(extension).malformed, 1);
}

/* Feeds one packet at a time to the same net; what differs from one to the next is in the arguments. */
struct feed { struct net *n; uint64_t number; };

static void feed_udp(struct feed *f, int64_t time_ns, struct frame frame, uint16_t id, uint8_t ttl, uint8_t last)
{
    const uint8_t packet[] = {IPV4_FULL(32, id, 0x4000, ttl, 17, LIST(IP_A), LIST(IP_B)), UDP(1, 2, 4), 1, 2, 3, last};
    frame.number = ++f->number;
    frame.time_ns = time_ns;
    frame.link_type = LINKTYPE_RAW;
    feed_frame(f->n, frame, packet, sizeof packet);
}

#define MS INT64_C(1000000)
#define T0 (INT64_C(1600000000) * 1000 * MS)

static void copies_within_ten_milliseconds_count_once(void **state)
{
    (void)state;
    struct feed f = {record_new(&r), 0};
    const struct frame plain = {0}, other_interface = {.interface = 1};
    feed_udp(&f, T0, plain, 100, 64, 4);
    feed_udp(&f, T0 + 1 * MS, plain, 100, 64, 4);           /* a mirror port */
    feed_udp(&f, T0 + 2 * MS, plain, 100, 63, 4);           /* a hop further on */
    feed_udp(&f, T0 - 2 * MS, other_interface, 100, 64, 4); /* times need not be in order */
    assert_int_equal(r.packets, 1);
    assert_int_equal(net_counters(f.n)->duplicates, 3);
    net_free(f.n);
}

static void retransmissions_are_packets_of_their_own(void **state)
{
    (void)state;
    struct feed f = {record_new(&r), 0};
    const struct frame plain = {0}, other_capture = {.capture = 1};
    feed_udp(&f, T0, plain, 100, 64, 4);
    feed_udp(&f, T0 + 1 * MS, plain, 101, 64, 4);          /* another identification */
    feed_udp(&f, T0 + 2 * MS, plain, 100, 64, 5);          /* other bytes */
    feed_udp(&f, T0 + 13 * MS, plain, 100, 64, 4);         /* later than a copy would come */
    feed_udp(&f, T0 + 13 * MS, other_capture, 100, 64, 4); /* another vantage point tells its own story */
    assert_int_equal(r.packets, 5);
    assert_int_equal(net_counters(f.n)->duplicates, 0);
    net_free(f.n);
}

static void repeated_acknowledgments_are_no_copies(void **state)
{
    (void)state;
    struct net *n = record_new(&r);
    struct frame f = {.number = 1, .time_ns = T0, .link_type = LINKTYPE_RAW};
    const uint8_t bare[] = {IPV4_FULL(40, 0, 0x4000, 64, 6, LIST(IP_A), LIST(IP_B)), TCP(5, 0x10)};
    const uint8_t identified[] = {IPV4_FULL(40, 77, 0, 64, 6, LIST(IP_A), LIST(IP_B)), TCP(5, 0x10)};
    const uint8_t data[] = {IPV4_FULL(44, 0, 0x4000, 64, 6, LIST(IP_A), LIST(IP_B)), TCP(5, 0x10), PAYLOAD};
    feed_frame(n, f, bare, sizeof bare);
    feed_frame(n, f, bare, sizeof bare);
    assert_int_equal(net_counters(n)->duplicates, 0);
    feed_frame(n, f, identified, sizeof identified);
    feed_frame(n, f, identified, sizeof identified);
    assert_int_equal(net_counters(n)->duplicates, 1);
    feed_frame(n, f, data, sizeof data);
    feed_frame(n, f, data, sizeof data);
    assert_int_equal(net_counters(n)->duplicates, 2);
    assert_int_equal(r.packets, 4);
    net_free(n);
}

static void without_times_only_a_packet_id_tells(void **state)
{
    (void)state;
    struct feed f = {record_new(&r), 0};
    const struct frame plain = {0};
    feed_udp(&f, 0, plain, 100, 64, 4);
    feed_udp(&f, 0, plain, 100, 64, 4);
    assert_int_equal(r.packets, 2);
    struct frame grouped = {.packet_id = 7, .flags = FRAME_HAS_PACKET_ID, .interface = 1};
    feed_udp(&f, T0, grouped, 200, 64, 4);
    grouped.interface = 2;
    feed_udp(&f, T0 + 40 * MS, grouped, 0, 64, 4); /* pktmon's next component: the same group, slow, changed */
    assert_int_equal(r.packets, 3);
    grouped.packet_id = 8;
    feed_udp(&f, T0 + 80 * MS, grouped, 201, 64, 4);
    assert_int_equal(r.packets, 4);
    net_free(f.n);
}

static void eapol_frames_seen_twice(void **state)
{
    (void)state;
    const uint8_t start[] = {ETHERNET(0x888e), 2, 1, 0, 0}, key[] = {ETHERNET(0x888e), 2, 3, 0, 0};
    struct net *n = record_new(&r);
    struct frame f = {.number = 1, .time_ns = T0, .link_type = LINKTYPE_ETHERNET};
    feed_frame(n, f, start, sizeof start);
    feed_frame(n, f, start, sizeof start);
    feed_frame(n, f, key, sizeof key);
    assert_int_equal(r.packets, 2);
    assert_int_equal(net_counters(n)->duplicates, 1);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_options),
        cmocka_unit_test(ipv6_extension_headers),
        cmocka_unit_test(a_long_row_of_atomic_fragments),
        cmocka_unit_test(ah_in_ipv4),
        cmocka_unit_test(a_length_of_zero_reaches_to_the_end),
        cmocka_unit_test(what_the_snap_length_cut_is_announced),
        cmocka_unit_test(udp_lengths),
        cmocka_unit_test(tcp),
        cmocka_unit_test(icmp),
        cmocka_unit_test(headers_that_contradict_themselves),
        cmocka_unit_test(copies_within_ten_milliseconds_count_once),
        cmocka_unit_test(retransmissions_are_packets_of_their_own),
        cmocka_unit_test(repeated_acknowledgments_are_no_copies),
        cmocka_unit_test(without_times_only_a_packet_id_tells),
        cmocka_unit_test(eapol_frames_seen_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
