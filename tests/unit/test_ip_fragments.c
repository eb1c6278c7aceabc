/* Datagrams from their fragments: every order, loss, overlap, time-out, capture end, and the bounds. */
#include "net_record.h"

static struct record r;

#define S INT64_C(1000000000)
#define T0 (INT64_C(1600000000) * S)
enum { PIECES = 4, PIECE = 16, DATAGRAM = PIECES * PIECE - 5, UDP_HEADER = 8 };

/* A UDP datagram (header and counting bytes) from 192.0.2.1:1812 to 198.51.100.2:49152. */
static void make_datagram(uint8_t *out, size_t len)
{
    const uint8_t header[] = {UDP(1812, 49152, len - UDP_HEADER)};
    memcpy(out, header, sizeof header);
    for (size_t i = sizeof header; i < len; i++)
        out[i] = (uint8_t)(i * 7 + i / 256);
}

struct sender { struct net *n; uint64_t number; int64_t time_ns; uint32_t capture; };

static void send_piece(struct sender *s, uint16_t id, size_t offset, const uint8_t *bytes, size_t len, bool more)
{
    uint8_t frame[20 + 2048];
    const uint8_t header[] = {IPV4_FULL(20 + len, id, offset / 8 | (more ? 0x2000 : 0), 64, 17, LIST(IP_A), LIST(IP_B))};
    memcpy(frame, header, sizeof header);
    memcpy(frame + sizeof header, bytes, len);
    feed_frame(s->n, (struct frame){.number = ++s->number, .time_ns = s->time_ns, .capture = s->capture, .link_type = LINKTYPE_RAW}, frame,
               sizeof header + len);
}

/* Piece i of the standard datagram. */
static void send(struct sender *s, uint16_t id, size_t i)
{
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    size_t at = i * PIECE, len = i + 1 < PIECES ? PIECE : DATAGRAM - at;
    send_piece(s, id, at, whole + at, len, i + 1 < PIECES);
}

static void expect_datagram(unsigned fragments)
{
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_UDP);
    assert_int_equal(r.last.src.port, 1812);
    assert_int_equal(r.last.fragments, fragments);
    assert_int_equal(r.last.payload.len, DATAGRAM - UDP_HEADER);
    assert_int_equal(r.last.payload_wire_len, DATAGRAM - UDP_HEADER);
    assert_memory_equal(r.payload, whole + UDP_HEADER, DATAGRAM - UDP_HEADER);
}

static void every_order(void **state)
{
    (void)state;
    for (size_t order = 0; order < 256; order++) {
        size_t index[PIECES] = {order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 & 3};
        if ((1u << index[0] | 1u << index[1] | 1u << index[2] | 1u << index[3]) != 15)
            continue;
        struct sender s = {record_new(&r), 10, T0, 0};
        for (size_t i = 0; i < PIECES; i++) {
            assert_int_equal(r.packets, 0);
            send(&s, 1, index[i]);
        }
        expect_datagram(4);
        assert_int_equal(r.last.first_frame, 11);
        assert_int_equal(r.last.frame == NULL, 0);
        assert_int_equal(net_counters(s.n)->fragments, 4);
        net_finish(s.n);
        assert_int_equal(r.losses, 0);
        net_free(s.n);
    }
}

static void interleaved_datagrams_are_kept_apart(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    for (size_t i = 0; i < PIECES; i++)
        for (uint16_t id = 1; id <= 50; id++)
            send(&s, id, i);
    assert_int_equal(r.packets, 50);
    assert_int_equal(r.last.fragments, 4);
    net_finish(s.n);
    assert_int_equal(r.losses, 0);
    net_free(s.n);
}

static void copies_of_fragments_are_harmless(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    for (size_t i = 0; i < PIECES; i++) {
        send(&s, 1, i);
        send(&s, 1, i);
    }
    expect_datagram(4);
    assert_int_equal(net_counters(s.n)->duplicates, 4);
    assert_int_equal(net_counters(s.n)->overlapping, 0);
    send(&s, 2, 1);
    s.time_ns += S; /* too late for a mirror's copy, but the same bytes */
    send(&s, 2, 1);
    for (size_t i = 0; i < PIECES; i++)
        if (i != 1)
            send(&s, 2, i);
    assert_int_equal(r.packets, 2);
    assert_int_equal(net_counters(s.n)->overlapping, 0);
    net_finish(s.n);
    assert_int_equal(r.losses, 0);
    net_free(s.n);
}

static void a_lost_middle_is_reported_in_time(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    send(&s, 1, 0);
    send(&s, 1, 2);
    send(&s, 1, 3);
    s.time_ns = T0 + 30 * S;
    send(&s, 2, 0);
    assert_int_equal(r.losses, 0);
    s.time_ns = T0 + 31 * S;
    send(&s, 2, 1); /* one late time stamp may be wrong: the second one proves it */
    send(&s, 2, 2);
    assert_int_equal(r.losses, 1);
    assert_int_equal(r.lost.src.port, 1812);
    assert_int_equal(r.lost.dst.port, 49152);
    assert_int_equal(r.lost.ip_proto, IP_PROTO_UDP);
    assert_true(r.lost.first_seen);
    assert_true(r.lost.last_seen);
    assert_int_equal(r.lost.fragments, 3);
    assert_int_equal(r.lost.bytes, DATAGRAM - PIECE);
    assert_int_equal(r.lost.missing_offset, PIECE);
    assert_int_equal(r.lost.first.frame, 1);
    assert_int_equal(r.lost.last.frame, 3);
    assert_false(r.lost.capture_ended);
    assert_false(r.lost.cut);
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    assert_int_equal(r.lost.payload.len, PIECE);
    assert_memory_equal(r.lost_payload, whole, PIECE);
    net_free(s.n);
}

static void a_first_fragment_that_never_came(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    send(&s, 1, 3);
    s.time_ns = T0 + S;
    send(&s, 1, 1);
    net_finish(s.n);
    assert_int_equal(r.losses, 1);
    assert_false(r.lost.first_seen);
    assert_true(r.lost.last_seen);
    assert_int_equal(r.lost.src.port, 0);
    assert_int_equal(r.lost.missing_offset, 0);
    assert_int_equal(r.lost.payload.len, 0);
    assert_true(r.lost.capture_ended);
    net_free(s.n);
}

/* The file of a rotated capture ends within a datagram, the next one goes on: nothing tells that the rest was lost. */
static void another_capture_that_goes_on_proves_nothing(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    send(&s, 1, 0);
    s.capture = 1;
    for (unsigned i = 0; i < 3; i++) {
        s.time_ns += 40 * S;
        for (size_t piece = 0; piece < 4; piece++)
            send(&s, (uint16_t)(2 + i), piece);
    }
    net_finish(s.n);
    assert_int_equal(r.losses, 1);
    assert_true(r.lost.capture_ended);
    assert_int_equal(r.lost.waited_ns, 0);
    net_free(s.n);
}

static void one_wrong_time_stamp_times_nothing_out(void **state)
{
    (void)state;
    const int64_t wrong[] = {INT64_MAX, INT64_MIN, 0, T0 + 3600 * S, T0 - 3600 * S};
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
        struct sender s = {record_new(&r), 0, T0, 0};
        send(&s, 1, 0);
        send(&s, 1, 1);
        s.time_ns = wrong[w];
        send(&s, 2, 0);
        s.time_ns = T0;
        send(&s, 1, 2);
        send(&s, 1, 3);
        assert_int_equal(r.packets, 1);
        assert_int_equal(r.losses, 0);
        net_finish(s.n);
        net_free(s.n);
    }
}

static void the_first_copy_of_overlapping_bytes_wins(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    uint8_t whole[DATAGRAM], forged[2 * PIECE];
    make_datagram(whole, sizeof whole);
    memset(forged, 0xee, sizeof forged);
    send(&s, 1, 1);
    send_piece(&s, 1, PIECE, forged, PIECE, true); /* the same place, other bytes */
    memcpy(forged, whole + 8, 8);
    memcpy(forged + 8 + PIECE, whole + 8 + 8 + PIECE, 8);
    send_piece(&s, 1, 8, forged, 2 * PIECE, true); /* reaches over it at both sides */
    send_piece(&s, 1, 0, whole, 8, true);
    send_piece(&s, 1, 40, whole + 40, 8, true);
    send(&s, 1, 3);
    expect_datagram(6);
    assert_int_equal(net_counters(s.n)->overlapping, 2);
    net_free(s.n);
}

static void ends_that_contradict(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    send(&s, 1, 3);
    send_piece(&s, 1, 200, whole, 8, true);  /* beyond the end */
    send_piece(&s, 1, 32, whole + 32, 8, false); /* an earlier end */
    for (size_t i = 0; i < 3; i++)
        send(&s, 1, i);
    expect_datagram(4);
    assert_int_equal(net_counters(s.n)->overlapping, 2);
    net_free(s.n);
}

static void fragments_that_cannot_be(void **state)
{
    (void)state;
    struct sender s = {record_new(&r), 0, T0, 0};
    uint8_t bytes[1480] = {0};
    send_piece(&s, 1, 0, bytes, 13, true);         /* not the last one, and no multiple of 8 */
    send_piece(&s, 1, 8, bytes, 0, false);         /* empty */
    send_piece(&s, 1, 65528, bytes, 1480, false);  /* longer than a datagram can be */
    assert_int_equal(net_counters(s.n)->malformed, 3);
    net_finish(s.n);
    assert_int_equal(r.losses, 0);
    net_free(s.n);
}

/* 64 KiB in frames of 1480 bytes, backwards; and islands of 8 bytes, which are too many to remember. */
static void large_datagrams_and_islands(void **state)
{
    (void)state;
    static uint8_t whole[65000];
    make_datagram(whole, sizeof whole);
    struct sender s = {record_new(&r), 0, T0, 0};
    for (size_t i = (sizeof whole + 1479) / 1480; i-- > 0;) {
        size_t at = i * 1480, len = sizeof whole - at < 1480 ? sizeof whole - at : 1480;
        send_piece(&s, 1, at, whole + at, len, at + len < sizeof whole);
    }
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.payload.len, sizeof whole - UDP_HEADER);
    assert_memory_equal(r.payload, whole + UDP_HEADER, sizeof whole - UDP_HEADER);
    for (size_t at = 0; at < 60 * 16; at += 16)
        send_piece(&s, 2, at, whole + at, 8, true);
    assert_true(net_counters(s.n)->fragments_evicted > 0);
    net_free(s.n);
}

static void unfinished_datagrams_are_bounded(void **state)
{
    (void)state;
    static uint8_t bytes[1480];
    struct sender s = {record_new(&r), 0, T0, 0};
    for (uint16_t id = 0; id < 2000; id++)
        send(&s, id, 0);
    assert_int_equal(net_counters(s.n)->fragments_evicted, 2000 - NET_FRAGMENTS_MAX);
    for (uint16_t id = 0; id < 2000; id++) /* as long as can be: the bytes run out before the places do */
        send_piece(&s, (uint16_t)(id + 4000), 64000, bytes, sizeof bytes, true);
    assert_true(net_counters(s.n)->fragments_evicted > 2000);
    for (size_t i = 0; i < PIECES; i++)
        send(&s, 60000, i);
    expect_datagram(4);
    net_finish(s.n);
    net_free(s.n);
}

static void a_cut_fragment_is_no_loss(void **state)
{
    (void)state;
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    struct sender s = {record_new(&r), 0, T0, 0};
    const uint8_t header[] = {IPV4_FULL(20 + PIECE, 1, 0x2000 | 2, 64, 17, LIST(IP_A), LIST(IP_B))};
    uint8_t frame[28];
    memcpy(frame, header, 20);
    memcpy(frame + 20, whole + PIECE, 8); /* 8 of 16 bytes were captured */
    struct frame f = {.number = 1, .time_ns = T0, .link_type = LINKTYPE_RAW, .wire_len = 20 + PIECE};
    feed_frame(s.n, f, frame, sizeof frame);
    send(&s, 1, 0);
    send(&s, 1, 2);
    send(&s, 1, 3);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.payload.len, PIECE + 8 - UDP_HEADER);
    assert_int_equal(r.last.payload_wire_len, DATAGRAM - UDP_HEADER);
    feed_frame(s.n, f, frame, sizeof frame);
    net_finish(s.n);
    assert_int_equal(r.losses, 0);
    const uint8_t header_2[] = {IPV4_FULL(20 + PIECE, 2, 0x2000 | 2, 64, 17, LIST(IP_A), LIST(IP_B))};
    memcpy(frame, header_2, 20);
    feed_frame(s.n, f, frame, sizeof frame);
    net_finish(s.n);
    assert_int_equal(r.losses, 1);
    assert_true(r.lost.cut);
    net_free(s.n);
}

static void ipv6(void **state)
{
    (void)state;
    uint8_t whole[DATAGRAM];
    make_datagram(whole, sizeof whole);
    const size_t order[] = {3, 0, 2, 1};
    struct net *n = record_new(&r);
    for (size_t i = 0; i < PIECES; i++) {
        size_t at = order[i] * PIECE, len = order[i] < 3 ? PIECE : DATAGRAM - at;
        const uint8_t header[] = {
            IPV6(8 + len, 44),
            order[i] == 0 ? 17 : 59,            /* next header: only the first one's counts */
            0,
            BE16(at | (order[i] < 3 ? 1 : 0)),  /* offset, more fragments */
            BE32(0xdeadbeef),                   /* identification */
        };
        uint8_t frame[sizeof header + PIECE];
        memcpy(frame, header, sizeof header);
        memcpy(frame + sizeof header, whole + at, len);
        feed_frame(n, (struct frame){.number = i + 1, .time_ns = T0, .link_type = LINKTYPE_RAW}, frame,
                   sizeof header + len);
    }
    expect_datagram(4);
    assert_int_equal(r.last.src.address.family, FAMILY_IPV6);
    net_free(n);
}

/* VXLAN whose outer datagram came in two fragments: the inner packet is found, and remembers both. */
static void a_fragmented_tunnel(void **state)
{
    (void)state;
    const uint8_t outer[] = {
        UDP(50000, 4789, 8 + 14 + 32), 0x08, 0, 0, 0, BE32(100 << 8),
        ETHERNET(0x0800), IPV4(12, 17), UDP(1812, 49152, 4), 1, 2, 3, 4,
    };
    struct sender s = {record_new(&r), 0, T0, 0};
    send_piece(&s, 1, 0, outer, 40, true);
    send_piece(&s, 1, 40, outer + 40, sizeof outer - 40, false);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.src.port, 1812);
    assert_int_equal(r.last.depth, 1);
    assert_int_equal(r.last.fragments, 2);
    assert_int_equal(r.last.payload.len, 4);
    net_free(s.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order),
        cmocka_unit_test(interleaved_datagrams_are_kept_apart),
        cmocka_unit_test(copies_of_fragments_are_harmless),
        cmocka_unit_test(a_lost_middle_is_reported_in_time),
        cmocka_unit_test(a_first_fragment_that_never_came),
        cmocka_unit_test(another_capture_that_goes_on_proves_nothing),
        cmocka_unit_test(one_wrong_time_stamp_times_nothing_out),
        cmocka_unit_test(the_first_copy_of_overlapping_bytes_wins),
        cmocka_unit_test(ends_that_contradict),
        cmocka_unit_test(fragments_that_cannot_be),
        cmocka_unit_test(large_datagrams_and_islands),
        cmocka_unit_test(unfinished_datagrams_are_bounded),
        cmocka_unit_test(a_cut_fragment_is_no_loss),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(a_fragmented_tunnel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
