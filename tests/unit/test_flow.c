/* The flow table: both directions, growth, bounds; and the Community ID. */
#include "addresses_by_hand.h"
#include "dissect/net/flow.h"

#define S INT64_C(1000000000)

static struct packet packet(const struct frame *f, uint8_t proto, struct endpoint src, struct endpoint dst)
{
    return (struct packet){.frame = f, .kind = proto == IP_PROTO_TCP ? PACKET_TCP : PACKET_UDP, .ip_proto = proto,
                           .src = src, .dst = dst, .payload_wire_len = 100};
}

static void both_directions_are_one_flow(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(100);
    struct frame f = {.number = 1, .time_ns = 5};
    struct endpoint client = at("198.51.100.9", 49152), server = at("192.0.2.1", 1812);
    struct packet there = packet(&f, IP_PROTO_UDP, client, server), back = packet(&f, IP_PROTO_UDP, server, client);
    bool from_low, fresh;
    assert_null(flow_find(t, &client, &server, IP_PROTO_UDP, 0));
    struct flow *flow = flow_of(t, &there, NULL, &from_low, &fresh);
    assert_true(fresh);
    assert_false(from_low);
    assert_int_equal(flow->low_is_client, 0);
    assert_int_equal(flow->id, 1);
    assert_int_equal(flow->class, FLOW_NEW);
    f.time_ns = 7;
    struct flow *same = flow_of(t, &back, NULL, &from_low, &fresh);
    assert_ptr_equal(same, flow);
    assert_false(fresh);
    assert_true(from_low);
    assert_int_equal(flow->packets[0], 1);
    assert_int_equal(flow->packets[1], 1);
    assert_int_equal(flow->bytes, 200);
    assert_int_equal(flow->last_ns, 7);
    assert_ptr_equal(flow_find(t, &server, &client, IP_PROTO_UDP, 0), flow);
    assert_null(flow_find(t, &server, &client, IP_PROTO_TCP, 0));
    assert_null(flow_find(t, &server, &client, IP_PROTO_UDP, 9));
    assert_int_equal(flow_count(t), 1);
    flow_table_free(t);
}

/* As the net hands it over: with its ends in words, where they have any. */
static struct flow *feed(struct flow_table *t, const struct packet *p, bool *from_low, bool *fresh)
{
    struct packet handed = *p;
    struct flow_ahead ahead = {.ends = NULL};
    handed.ends = packet_ends_of(p);
    if (handed.ends.hash != 0) {
        ahead.ends = &handed.ends;
        flow_look(t, &ahead.ends, 1, &ahead);
    }
    return flow_of(t, &handed, &ahead, from_low, fresh);
}

static void it_is_the_same_flow_by_its_words(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(100);
    struct frame f = {.number = 1};
    struct endpoint client = at("198.51.100.9", 49152), server = at("192.0.2.1", 1812);
    struct packet there = packet(&f, IP_PROTO_UDP, client, server), back = packet(&f, IP_PROTO_UDP, server, client);
    bool from_low, fresh;
    struct flow *flow = flow_of(t, &there, NULL, &from_low, &fresh);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(feed(t, &there, &from_low, &fresh), flow);
        assert_false(from_low || fresh);
        assert_ptr_equal(feed(t, &back, &from_low, &fresh), flow);
        assert_true(from_low && !fresh);
    }
    struct packet tcp = packet(&f, IP_PROTO_TCP, client, server), inside = there, in_another = there;
    inside.tunnel = 1;
    in_another.tunnel = 2;
    assert_ptr_not_equal(feed(t, &tcp, &from_low, &fresh), flow);
    struct flow *within = feed(t, &inside, &from_low, &fresh);
    assert_ptr_not_equal(within, flow);
    assert_ptr_not_equal(feed(t, &in_another, &from_low, &fresh), within);
    assert_true(fresh);
    assert_ptr_equal(feed(t, &inside, &from_low, &fresh), within);
    assert_ptr_equal(flow_find(t, &server, &client, IP_PROTO_UDP, 1), within);
    assert_ptr_equal(feed(t, &there, &from_low, &fresh), flow);
    assert_int_equal(flow->packets[0], 3);
    assert_int_equal(flow->packets[1], 5);
    flow_table_free(t);
}

static void a_flow_given_up_is_not_found_by_its_words(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(1);
    struct frame f = {.number = 1};
    struct packet a = packet(&f, IP_PROTO_UDP, at("198.51.100.9", 49152), at("192.0.2.1", 1812));
    struct packet b = packet(&f, IP_PROTO_UDP, at("198.51.100.9", 49153), at("192.0.2.1", 1812));
    bool from_low, fresh;
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(feed(t, i % 2 == 0 ? &a : &b, &from_low, &fresh)->id, i + 1);
        assert_true(fresh);
    }
    flow_table_free(t);
}

static void what_makes_a_flow_another_one(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(100);
    struct frame f = {.number = 1};
    struct packet base = packet(&f, IP_PROTO_UDP, at("2001:db8::1", 500), at("2001:db8::2", 500));
    struct packet other[5] = {base, base, base, base, base};
    other[0].ip_proto = IP_PROTO_TCP;
    other[1].tunnel = 1;
    other[2].src.port = 501;
    other[3].dst.port = 501;
    other[4].dst = at("2001:db8::3", 500);
    bool from_low, fresh;
    feed(t, &base, &from_low, &fresh);
    for (size_t i = 0; i < 5; i++) {
        feed(t, &other[i], &from_low, &fresh);
        assert_true(fresh);
    }
    assert_int_equal(flow_count(t), 6);
    flow_table_free(t);
}

static struct packet numbered(const struct frame *f, uint32_t i)
{
    struct packet p = packet(f, IP_PROTO_UDP, at("10.0.0.0", 1000), at("192.0.2.1", 53));
    p.src.address.bytes[1] = (uint8_t)(i >> 16);
    p.src.address.bytes[2] = (uint8_t)(i >> 8);
    p.src.address.bytes[3] = (uint8_t)i;
    return p;
}

static void every_flow_is_found_again_while_it_grows(void **state)
{
    (void)state;
    enum { FLOWS = 20000 };
    struct flow_table *t = flow_table_new(FLOWS);
    struct frame f = {.number = 1};
    bool from_low, fresh;
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct packet p = numbered(&f, i);
        assert_int_equal(feed(t, &p, &from_low, &fresh)->id, i + 1);
        assert_true(fresh);
    }
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct packet p = numbered(&f, i);
        assert_int_equal(feed(t, &p, &from_low, &fresh)->id, i + 1);
        assert_false(fresh);
    }
    assert_int_equal(flow_evicted(t), 0);
    flow_table_free(t);
}

/* The i-th of any number of flows whose hashes are all the same, as hash_mix can be reckoned backwards. */
static struct packet colliding(const struct frame *f, uint32_t i)
{
    struct packet p = packet(f, IP_PROTO_UDP, at("10.0.0.1", 1000), at("203.0.0.0", 0));
    uint64_t inverse = 1, mixed = (uint64_t)i << 32 | i;
    for (int step = 0; step < 6; step++)
        inverse *= 2 - 0x94d049bb133111ebu * inverse;
    uint64_t low = UINT64_C(17) << 48 | UINT64_C(0x0a000001) << 16 | 1000;
    low = (low ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    uint64_t high = (low ^ mixed * inverse) - (low >> 29);
    p.dst.port = (uint16_t)high;
    p.dst.address.bytes[2] = (uint8_t)(high >> 24);
    p.dst.address.bytes[3] = (uint8_t)(high >> 16);
    p.tunnel = (uint32_t)(high >> 32) - (UINT32_C(17) << 16 | 0xcb00);
    return p;
}

/* A packet of no tunnel whose ends have a hash of 0. */
static struct packet hashed_to_nothing(const struct frame *f)
{
    for (uint32_t i = 1;; i++) {
        uint64_t low = UINT64_C(17) << 48 | i;
        uint64_t mixed = (low ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u, high = mixed - (mixed >> 29);
        if (high >> 48 != 17 || high < low)
            continue;
        struct packet p = packet(f, IP_PROTO_UDP, at("0.0.0.0", (uint16_t)low), at("0.0.0.0", (uint16_t)high));
        for (unsigned byte = 0; byte < 4; byte++) {
            p.src.address.bytes[byte] = (uint8_t)(low >> (40 - 8 * byte));
            p.dst.address.bytes[byte] = (uint8_t)(high >> (40 - 8 * byte));
        }
        assert_true(packet_ends_of(&p).hash != 0); /* 0 says that there are none */
        return p;
    }
}

static void ends_whose_hash_is_nothing_are_a_flow_as_others(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(1);
    struct frame f = {.number = 1};
    struct packet p = hashed_to_nothing(&f), other = packet(&f, IP_PROTO_UDP, at("198.51.100.9", 49152), at("192.0.2.1", 1812));
    bool from_low, fresh;
    for (uint32_t i = 0; i < 3; i++) {
        struct flow *flow = feed(t, &p, &from_low, &fresh);
        assert_true(fresh);
        assert_ptr_equal(flow_find(t, &p.dst, &p.src, IP_PROTO_UDP, 0), flow);
        feed(t, &other, &from_low, &fresh);
        assert_true(fresh);
        assert_null(flow_find(t, &p.dst, &p.src, IP_PROTO_UDP, 0));
    }
    flow_table_free(t);
}

static void count_each(void *ctx, struct flow *f);

/* Whoever makes them must not make every packet walk through all of them: some are given up, the rest stay found. */
static void flows_that_collide_do_not_lengthen_the_search(void **state)
{
    (void)state;
    enum { FLOWS = 30000, FEW = 50, SEARCH_MAX = 1000 };
    struct flow_table *t = flow_table_new(2 * FLOWS);
    struct frame f = {.number = 1, .time_ns = S};
    bool from_low, fresh;
    uint32_t held = 0;
    for (uint32_t i = 0; i < FEW; i++) {
        struct packet p = colliding(&f, i);
        feed(t, &p, &from_low, &fresh);
    }
    for (uint32_t i = 0; i < FEW; i++) {
        struct packet p = colliding(&f, i);
        assert_int_equal(feed(t, &p, &from_low, &fresh)->id, i + 1);
    }
    for (uint32_t i = FEW; i < FLOWS; i++) {
        struct packet p = colliding(&f, i);
        assert_int_equal(feed(t, &p, &from_low, &fresh)->id, i + 1);
        assert_true(fresh);
        assert_non_null(flow_find(t, &p.dst, &p.src, IP_PROTO_UDP, p.tunnel));
    }
    flow_each(t, count_each, &held);
    assert_in_range(held, FEW, SEARCH_MAX);
    assert_int_equal(flow_count(t), FLOWS);
    assert_int_equal(flow_evicted(t), FLOWS - held);
    flow_table_free(t);
}

struct drops { uint32_t count, hints; };

static void count_drop(void *ctx, struct flow *f)
{
    struct drops *d = ctx;
    d->count++;
    d->hints += f->hint != 0;
}

static void count_each(void *ctx, struct flow *f)
{
    assert_int_not_equal(f->id, 0);
    ++*(uint32_t *)ctx;
}

static void a_full_table_gives_up_flows_that_are_silent(void **state)
{
    (void)state;
    enum { ROOM = 1000, MORE = 50000 };
    struct flow_table *t = flow_table_new(ROOM);
    struct drops drops = {0, 0};
    flow_on_drop(t, count_drop, &drops);
    struct frame f = {.number = 1};
    bool from_low, fresh;
    struct packet busy = packet(&f, IP_PROTO_UDP, at("192.0.2.77", 1), at("192.0.2.78", 2));
    for (uint32_t i = 0; i < MORE; i++) {
        f.time_ns = i * S;
        struct packet p = numbered(&f, i);
        feed(t, &p, &from_low, &fresh)->hint = 1;
        assert_true(fresh);
        struct flow *b = feed(t, &busy, &from_low, &fresh);
        assert_int_equal(fresh, i == 0); /* in use all the time: never given up */
        assert_int_equal(b->packets[0], i + 1);
        assert_non_null(flow_find(t, &p.src, &p.dst, IP_PROTO_UDP, 0));
    }
    assert_int_equal(flow_count(t), MORE + 1);
    assert_int_equal(drops.count, MORE + 1 - ROOM);
    assert_int_equal(drops.hints, drops.count);
    assert_true(flow_evicted(t) < drops.count / 10); /* nearly all of them had been silent for a minute */
    uint32_t held = 0;
    flow_each(t, count_each, &held);
    assert_int_equal(held, ROOM);
    flow_table_free(t);
}

static void young_flows_given_up_are_counted(void **state)
{
    (void)state;
    struct flow_table *t = flow_table_new(10);
    struct frame f = {.number = 1};
    bool from_low, fresh;
    for (uint32_t i = 0; i < 110; i++) {
        struct packet p = numbered(&f, i);
        feed(t, &p, &from_low, &fresh);
    }
    assert_int_equal(flow_evicted(t), 100);
    flow_table_free(t);
}

/* A flood has one end only; who was answered stays for a minute, and not much longer. */
static void a_flood_spares_flows_of_both_ends(void **state)
{
    (void)state;
    enum { ROOM = 64, FLOOD = 5000 };
    struct flow_table *t = flow_table_new(ROOM);
    struct frame f = {.number = 1, .time_ns = 1000 * S};
    struct endpoint client = at("198.51.100.9", 49152), server = at("192.0.2.1", 443);
    struct packet there = packet(&f, IP_PROTO_TCP, client, server), back = packet(&f, IP_PROTO_TCP, server, client);
    bool from_low, fresh;
    feed(t, &there, &from_low, &fresh);
    feed(t, &back, &from_low, &fresh);
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct packet p = numbered(&f, i);
        f.time_ns += 50 * S / FLOOD;
        feed(t, &p, &from_low, &fresh);
    }
    assert_non_null(flow_find(t, &client, &server, IP_PROTO_TCP, 0));
    for (uint32_t i = 0; i < FLOOD; i++) {
        struct packet p = numbered(&f, FLOOD + i);
        f.time_ns += 50 * S / FLOOD;
        feed(t, &p, &from_low, &fresh);
    }
    assert_null(flow_find(t, &client, &server, IP_PROTO_TCP, 0));
    flow_table_free(t);
}

static void expect_community_id(const char *id, uint8_t proto, struct endpoint src, struct endpoint dst)
{
    char text[32];
    assert_string_equal(flow_community_id(text, &src, &dst, proto), id);
    assert_string_equal(flow_community_id(text, &dst, &src, proto), id);
}

/* The specification's baseline (TCP, UDP, TCP over IPv6); ESP has no ports in it. */
static void community_ids(void **state)
{
    (void)state;
    expect_community_id("1:LQU9qZlK+B5F3KDmev6m5PMibrg=", IP_PROTO_TCP, at("128.232.110.120", 34855),
                        at("66.35.250.204", 80));
    expect_community_id("1:d/FP5EW3wiY1vCndhwleRRKHowQ=", IP_PROTO_UDP, at("192.168.1.52", 54585),
                        at("8.8.8.8", 53));
    expect_community_id("1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", IP_PROTO_TCP,
                        at("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                        at("2607:f8b0:400c:c03::1a", 25));
    expect_community_id("1:E9qZTaeyZk5eBPJ6gV+gZ4DbpKA=", IP_PROTO_ESP, at("192.0.2.1", 0), at("198.51.100.2", 0));
}

/* MAC addresses have none; ICMP's is made of types and codes, which a flow does not keep. */
static void flows_without_a_community_id(void **state)
{
    (void)state;
    struct endpoint mac = {.address.family = FAMILY_MAC}, host = at("192.0.2.1", 0);
    char text[32];
    assert_string_equal(flow_community_id(text, &mac, &mac, IP_PROTO_UDP), "-");
    assert_string_equal(flow_community_id(text, &host, &host, IP_PROTO_ICMP), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_are_one_flow),
        cmocka_unit_test(it_is_the_same_flow_by_its_words),
        cmocka_unit_test(a_flow_given_up_is_not_found_by_its_words),
        cmocka_unit_test(what_makes_a_flow_another_one),
        cmocka_unit_test(every_flow_is_found_again_while_it_grows),
        cmocka_unit_test(flows_that_collide_do_not_lengthen_the_search),
        cmocka_unit_test(ends_whose_hash_is_nothing_are_a_flow_as_others),
        cmocka_unit_test(a_full_table_gives_up_flows_that_are_silent),
        cmocka_unit_test(young_flows_given_up_are_counted),
        cmocka_unit_test(a_flood_spares_flows_of_both_ends),
        cmocka_unit_test(community_ids),
        cmocka_unit_test(flows_without_a_community_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
