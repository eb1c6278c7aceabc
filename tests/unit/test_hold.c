/* Packets that are held: strands come back whole and in order, the oldest go first, and a flood takes its own place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "analyze/record/hold.h"

enum { LARGE = HOLD_PACKET_MOST, SEEN_MOST = 10000, MEMORY = (1 << 20) + (448 << 10) /* to read them back */ };

static uint8_t content[LARGE];

struct seen {
    uint64_t numbers[SEEN_MOST];
    size_t count, most;
};

/* Bytes that tell the packet. */
static struct frame frame_of(uint64_t number, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        content[i] = (uint8_t)(number * 7 + i);
    return (struct frame){.number = number, .time_ns = (int64_t)number * 1000, .capture = 3, .packet_id = number + 1, .bytes = content,
                          .len = len, .wire_len = len + 5, .interface = 2, .link_type = LINKTYPE_ETHERNET, .flags = FRAME_INBOUND};
}

static bool see(void *ctx, const struct frame *f)
{
    struct seen *s = ctx;
    assert_int_equal(f->time_ns, f->number * 1000);
    assert_int_equal(f->packet_id, f->number + 1);
    assert_int_equal(f->capture, 3);
    assert_int_equal(f->wire_len, f->len + 5);
    assert_int_equal(f->interface, 2);
    assert_int_equal(f->link_type, LINKTYPE_ETHERNET);
    assert_int_equal(f->flags, FRAME_INBOUND);
    for (uint32_t i = 0; i < f->len; i++)
        if (f->bytes[i] != (uint8_t)(f->number * 7 + i))
            fail_msg("byte %u of packet %u", i, (unsigned)f->number);
    assert_true(s->count < SEEN_MOST);
    s->numbers[s->count++] = f->number;
    return s->most == 0 || s->count < s->most;
}

static struct hold_key key(uint32_t kind, uint64_t serial)
{
    return (struct hold_key){.serial = serial, .kind = kind};
}

static size_t count_of(struct hold *h, struct hold_key k)
{
    struct seen s = {.count = 0};
    hold_each(h, k, see, &s);
    for (size_t i = 1; i < s.count; i++)
        assert_true(s.numbers[i - 1] < s.numbers[i]);
    return s.count;
}

static void add(struct hold *h, struct hold_key k, uint64_t number, uint32_t len)
{
    struct frame f = frame_of(number, len);
    assert_true(hold_add(h, k, &f, false));
}

static void strands_come_back(void **state)
{
    (void)state;
    struct hold *h = hold_new(4 << 20);
    static const uint32_t lengths[] = {0, 1, 60, 183, 184, 185, 247, 248, 249, 1514, 9014, 65535, LARGE};
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    assert_non_null(h);
    uint64_t empty = hold_bytes(h);
    for (unsigned i = 0; i < LENGTHS; i++) {
        add(h, key(HOLD_CONVERSATION, 1), 2 * i + 1, lengths[i]);
        add(h, key(HOLD_CONVERSATION, 2), 2 * i + 2, lengths[LENGTHS - 1 - i]);
    }
    assert_int_equal(hold_counters(h)->packets, 2 * LENGTHS);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 1)), LENGTHS);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 2)), LENGTHS);
    assert_int_equal(count_of(h, key(HOLD_FLOW, 1)), 0);
    struct seen first = {.most = 1};
    hold_each(h, key(HOLD_CONVERSATION, 2), see, &first);
    assert_int_equal(first.count, 1);
    hold_drop(h, key(HOLD_CONVERSATION, 1));
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 1)), 0);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 2)), LENGTHS);
    hold_drop(h, key(HOLD_CONVERSATION, 2));
    assert_int_equal(hold_bytes(h), empty);
    assert_int_equal(hold_counters(h)->packets + hold_counters(h)->bytes + hold_counters(h)->strands, 0);
    hold_free(h);
}

static void a_flow_becomes_a_conversation(void **state)
{
    (void)state;
    struct hold *h = hold_new(MEMORY);
    struct hold_key conversation = key(HOLD_CONVERSATION, 1), flow = key(HOLD_FLOW, 1), flows[HOLD_FLOWS];
    add(h, flow, 1, 60);
    add(h, flow, 2, 300);
    add(h, conversation, 4, 10);
    add(h, flow, 3, 60); /* later than what comes before it in the strand */
    hold_join(h, flow, conversation);
    hold_flow(h, conversation, flow);
    add(h, conversation, 5, 2000);
    assert_int_equal(count_of(h, flow), 0);
    assert_int_equal(count_of(h, conversation), 5);
    hold_join(h, flow, conversation); /* nothing more came */
    assert_int_equal(count_of(h, conversation), 5);
    for (uint64_t other = 2; other < 10; other++) {
        hold_flow(h, conversation, key(HOLD_FLOW, other));
        hold_flow(h, conversation, flow);
    }
    assert_int_equal(hold_flows(h, conversation, flows), HOLD_FLOWS);
    assert_int_equal(flows[0].serial, 1);
    assert_int_equal(flows[1].serial, 9);
    assert_int_equal(flows[2].serial, 8);
    hold_empty(h, conversation);
    assert_int_equal(count_of(h, conversation), 0);
    assert_int_equal(hold_flows(h, conversation, flows), HOLD_FLOWS);
    hold_free(h);
}

static void each_has_its_share(void **state)
{
    (void)state;
    struct hold *h = hold_new(16 << 20);
    struct frame f = frame_of(1, 100);
    for (unsigned i = 0; i < 100; i++) {
        (void)hold_add(h, key(HOLD_CONVERSATION, 1), &f, true);
        (void)hold_add(h, key(HOLD_FLOW, 1), &f, false);
    }
    assert_int_equal(hold_counters(h)->packets, HOLD_BULK_MOST + HOLD_UNKNOWN_MOST);
    assert_int_equal(hold_counters(h)->beyond, 200 - HOLD_BULK_MOST - HOLD_UNKNOWN_MOST);
    assert_true(hold_add(h, key(HOLD_CONVERSATION, 1), &f, false)); /* what is no user's still comes in */
    for (unsigned i = 0; i < 2 * HOLD_MOST; i++)
        (void)hold_add(h, key(HOLD_CONVERSATION, 2), &f, false);
    assert_int_equal(hold_counters(h)->packets, HOLD_BULK_MOST + HOLD_UNKNOWN_MOST + 1 + HOLD_MOST);
    hold_free(h);
}

/* A megabyte, and far more that comes: what is held is bounded, and of the known the oldest are gone. */
static void the_oldest_make_way(void **state)
{
    (void)state;
    enum { CONVERSATIONS = 3000 };
    struct hold *h = hold_new(MEMORY);
    for (uint64_t i = 1; i <= CONVERSATIONS; i++) {
        add(h, key(HOLD_CONVERSATION, i), 2 * i, 1400);
        add(h, key(HOLD_CONVERSATION, i), 2 * i + 1, 200);
    }
    const struct hold_counters *c = hold_counters(h);
    assert_true(c->bytes < 1 << 20 && c->bytes > 512 << 10);
    assert_in_range(hold_bytes(h), MEMORY - (256 << 10), MEMORY); /* there are more strands than are in use */
    assert_int_equal(c->packets + c->evicted_packets, 2 * CONVERSATIONS);
    assert_int_equal(c->strands + c->evicted_conversations, CONVERSATIONS);
    for (uint64_t i = 1; i <= CONVERSATIONS; i++)
        assert_int_equal(count_of(h, key(HOLD_CONVERSATION, i)), i > c->evicted_conversations ? 2 : 0);
    hold_free(h);
}

static void a_flood_of_the_unknown_takes_its_own_place(void **state)
{
    (void)state;
    struct hold *h = hold_new(MEMORY);
    for (uint64_t i = 1; i <= 100; i++)
        add(h, key(HOLD_CONVERSATION, i), i, 1400);
    for (uint64_t i = 1; i <= 50000; i++)
        add(h, key(HOLD_FLOW, i), 1000 + i, 60);
    for (uint64_t i = 1; i <= 50000; i++)
        add(h, key(HOLD_DATAGRAM, i), 60000 + i, 1400);
    assert_int_equal(hold_counters(h)->evicted_conversations, 0);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(count_of(h, key(HOLD_CONVERSATION, i)), 1);
    assert_int_equal(count_of(h, key(HOLD_DATAGRAM, 50000)), 1);
    hold_free(h);
}

/* The flood's half is theirs only when it is there: a packet that fits nowhere drives out all, and is not held itself. */
static void too_much_for_all_there_is(void **state)
{
    (void)state;
    struct hold *h = hold_new(HOLD_BYTES_LEAST);
    struct frame f = frame_of(9, LARGE);
    add(h, key(HOLD_CONVERSATION, 1), 1, 100);
    assert_false(hold_add(h, key(HOLD_CONVERSATION, 2), &f, false));
    assert_int_equal(hold_counters(h)->packets, 0);
    add(h, key(HOLD_CONVERSATION, 3), 2, 100);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 3)), 1);
    hold_free(h);
}

static struct address host(uint8_t last)
{
    return address_ipv4((const uint8_t[]){192, 0, 2, last});
}

static void datagrams_go_to_who_spoke_then(void **state)
{
    (void)state;
    enum { UDP = 17, TCP = 6 };
    const int64_t second = 1000000000;
    struct hold *h = hold_new(MEMORY);
    const struct { uint64_t serial; uint8_t a, b, proto; int64_t seconds; } datagrams[] = {
        {1, 1, 2, UDP, 11}, {2, 2, 1, UDP, 19},                                /* the first conversation's, either way */
        {3, 1, 2, UDP, 21},                                                   /* the second one's */
        {4, 1, 3, UDP, 11}, {5, 1, 2, TCP, 11}, {6, 1, 2, UDP, 1}};           /* others', another protocol's, from before */
    for (unsigned i = 0; i < 2; i++) {
        add(h, key(HOLD_CONVERSATION, i + 1), i + 1, 10);
        hold_ends(h, key(HOLD_CONVERSATION, i + 1), &(struct hold_ends){host(1), host(2), (int64_t)(10 + 10 * i) * second, UDP});
    }
    for (size_t i = 0; i < sizeof datagrams / sizeof *datagrams; i++) {
        add(h, key(HOLD_DATAGRAM, datagrams[i].serial), 10 + i, 100);
        hold_ends(h, key(HOLD_DATAGRAM, datagrams[i].serial),
                  &(struct hold_ends){host(datagrams[i].a), host(datagrams[i].b), datagrams[i].seconds * second, datagrams[i].proto});
    }
    hold_join_datagrams(h, key(HOLD_CONVERSATION, 1));
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 1)), 3);
    hold_join_datagrams(h, key(HOLD_CONVERSATION, 2));
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 2)), 2);
    for (uint64_t serial = 4; serial <= 6; serial++)
        assert_int_equal(count_of(h, key(HOLD_DATAGRAM, serial)), 1);
    hold_free(h);
}

static struct hold_party party_of(enum hold_role role, uint8_t client, uint16_t port, int64_t from_s, int64_t until_s)
{
    const int64_t second = 1000000000;
    return (struct hold_party){.client = {host(client), port}, .from_ns = from_s * second,
                               .until_ns = until_s != 0 ? until_s * second : INT64_MAX, .role = (uint8_t)role};
}

static void put_party(struct hold *h, uint64_t serial, struct hold_party party)
{
    add(h, key(HOLD_CONVERSATION, serial), serial, 100);
    hold_set_party(h, key(HOLD_CONVERSATION, serial), &party);
}

static uint64_t partner(struct hold *h, enum hold_role role, struct hold_party of)
{
    struct hold_key found = key(HOLD_NOTHING, 0);
    return hold_partner(h, role, &of, &found) ? found.serial : 0;
}

static void a_login_and_its_tunnel_find_each_other(void **state)
{
    (void)state;
    struct hold *h = hold_new(MEMORY);
    put_party(h, 1, party_of(HOLD_TUNNEL, 7, 0, 10, 0));     /* goes on */
    put_party(h, 2, party_of(HOLD_TUNNEL, 8, 5001, 10, 20)); /* two of one client, from two ports */
    put_party(h, 3, party_of(HOLD_TUNNEL, 8, 5002, 11, 0));
    put_party(h, 4, party_of(HOLD_LOGIN, 7, 0, 12, 13));
    hold_linger(h, key(HOLD_CONVERSATION, 2));
    hold_linger(h, key(HOLD_CONVERSATION, 4));
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 4)), 1);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 7, 0, 12, 13)), 1);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 7, 4500, 12, 13)), 1);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 7, 0, 8, 13)), 0);   /* began before it */
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 9, 0, 12, 13)), 0);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 8, 0, 15, 16)), 0);  /* either could be */
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 8, 5001, 15, 16)), 2);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 8, 0, 25, 26)), 3);  /* one was over by then */
    assert_int_equal(partner(h, HOLD_LOGIN, party_of(HOLD_TUNNEL, 7, 0, 10, 14)), 4);
    assert_int_equal(partner(h, HOLD_LOGIN, party_of(HOLD_TUNNEL, 7, 0, 1, 9)), 0);
    struct hold_party written = *hold_party(h, key(HOLD_CONVERSATION, 1));
    hold_move(h, key(HOLD_CONVERSATION, 1), key(HOLD_CONVERSATION, 4));
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 4)), 2);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 1)), 0);
    written.recorded = true;
    hold_set_party(h, key(HOLD_CONVERSATION, 1), &written);
    assert_int_equal(partner(h, HOLD_TUNNEL, party_of(HOLD_LOGIN, 7, 0, 12, 13)), 0);
    assert_null(hold_party(h, key(HOLD_CONVERSATION, 99)));
    hold_free(h);
}

/* What only lingers goes first, and is not counted as given up. */
static void who_lingers_goes_first(void **state)
{
    (void)state;
    struct hold *h = hold_new(MEMORY);
    for (uint64_t i = 1; i <= 300; i++) {
        add(h, key(HOLD_CONVERSATION, i), i, 1400);
        if (i > 100)
            hold_linger(h, key(HOLD_CONVERSATION, i));
    }
    for (uint64_t i = 301; i <= 550; i++)
        add(h, key(HOLD_CONVERSATION, i), i, 1400);
    assert_int_equal(hold_counters(h)->evicted_conversations + hold_counters(h)->evicted_packets, 0);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 1)), 1);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 101)), 0);
    assert_int_equal(count_of(h, key(HOLD_CONVERSATION, 300)), 1);
    hold_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strands_come_back),
        cmocka_unit_test(a_flow_becomes_a_conversation),
        cmocka_unit_test(each_has_its_share),
        cmocka_unit_test(the_oldest_make_way),
        cmocka_unit_test(a_flood_of_the_unknown_takes_its_own_place),
        cmocka_unit_test(too_much_for_all_there_is),
        cmocka_unit_test(datagrams_go_to_who_spoke_then),
        cmocka_unit_test(a_login_and_its_tunnel_find_each_other),
        cmocka_unit_test(who_lingers_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
