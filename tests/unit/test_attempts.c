/* Which tunnel a login stands behind: facts that must join, and the nearest that must not. And clocks of captures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/session/attempts.h"
#include "capture/wire/address.h"

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1790000000) * SECOND)
#define MS INT64_C(1000000)

enum { JOINS = 512 };

static struct scene {
    struct clocks *clocks;
    struct attempts *attempts;
    struct {
        uint32_t tunnel, login;
    } joined[JOINS];
    size_t count;
    uint32_t next;
} scene;

static int begin(void **state)
{
    (void)state;
    scene = (struct scene){.clocks = clocks_new(), .next = 1};
    scene.attempts = attempts_new(scene.clocks);
    return scene.attempts != NULL ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    attempts_free(scene.attempts);
    clocks_free(scene.clocks);
    return 0;
}

static struct place at(uint32_t capture, int64_t ms)
{
    return (struct place){.frame = 1, .time_ns = NOW + ms * MS, .capture = capture};
}

static struct exchange *exchange_of(enum conversation_type type, uint32_t capture, int64_t first_ms, int64_t last_ms)
{
    struct exchange *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->id = scene.next++;
    x->type = (uint8_t)type;
    x->first = at(capture, first_ms);
    x->last = at(capture, last_ms);
    x->radius.tunnel_type = x->radius.nas_port_type = UINT32_MAX;
    return x;
}

static struct endpoint client_of(uint8_t last, uint16_t port)
{
    return (struct endpoint){.address = address_ipv4((const uint8_t[]){203, 0, 113, last}), .port = port};
}

/* IKE_SA_INIT at that time; IKE_AUTH 20 ms later, answered for the last time before its end. */
static struct exchange *ike(uint32_t capture, int64_t ms, int64_t last_ms, struct endpoint client)
{
    struct exchange *x = exchange_of(CONVERSATION_IKE, capture, ms, last_ms);
    x->client = client;
    x->ike.auth_initiator = client;
    x->ike.auth_request = at(capture, ms + 20);
    x->ike.auth_request_last = at(capture, last_ms - 2);
    x->ike.auth_response_last = at(capture, last_ms - 1);
    x->ike.auth_requests = x->ike.auth_responses = 5;
    return x;
}

/* An SSTP connection whose octets were read: its PPP asks for the authentication 50 ms after its beginning. */
static struct exchange *sstp(uint32_t capture, int64_t ms, int64_t last_ms, struct endpoint client)
{
    struct exchange *x = exchange_of(CONVERSATION_SSTP, capture, ms, last_ms);
    x->client = client;
    x->sstp.kind = SSTP_KIND_TUNNEL;
    x->sstp.has_link = x->sstp.has_ppp = true;
    x->sstp.ppp.authentication[TO_CLIENT].began = at(capture, ms + 50);
    x->sstp.ppp.authentication[TO_CLIENT].ended = at(capture, ms + 90);
    return x;
}

static struct text put(struct exchange *x, const char *text)
{
    return exchange_put(x, span_of(text, strlen(text)));
}

static struct exchange *login(uint32_t capture, int64_t ms, int64_t last_ms, const char *calling)
{
    struct exchange *x = exchange_of(CONVERSATION_RADIUS, capture, ms, last_ms);
    x->radius.first_request = x->first;
    if (calling != NULL)
        x->radius.calling_station = put(x, calling);
    return x;
}

/* Each call is one session, kept under its exchange's id. */
static uint32_t add(struct exchange *x)
{
    uint32_t head = x->id;
    attempts_add(scene.attempts, head, &x, 1);
    free(x);
    return head;
}

static void note(void *ctx, uint32_t tunnel_head, uint32_t login_head)
{
    (void)ctx;
    assert_true(scene.count < JOINS);
    scene.joined[scene.count].tunnel = tunnel_head;
    scene.joined[scene.count++].login = login_head;
}

static void expect_joins(size_t count)
{
    attempts_join(scene.attempts, note, NULL);
    assert_int_equal(scene.count, count);
}

static void by_address_and_time(void **state)
{
    (void)state;
    uint32_t tunnel = add(ike(0, 0, 200, client_of(7, 4500)));
    add(ike(0, 0, 200, client_of(8, 4500)));
    uint32_t behind = add(login(1, 30, 100, "203.0.113.7"));
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, tunnel);
    assert_int_equal(scene.joined[0].login, behind);
}

static void the_order_of_captures_does_not_matter(void **state)
{
    (void)state;
    uint32_t behind = add(login(0, 30, 100, "203.0.113.7"));
    uint32_t tunnel = add(ike(1, 0, 200, client_of(7, 4500)));
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, tunnel);
    assert_int_equal(scene.joined[0].login, behind);
}

static void tunnel_client_endpoint_and_ipv6_name_the_client_too(void **state)
{
    (void)state;
    struct exchange *six = ike(0, 0, 200, client_of(1, 4500));
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    six->client.address = six->ike.auth_initiator.address = address_ipv6(address);
    add(six);
    add(ike(0, 5000, 5200, client_of(7, 4500)));
    struct exchange *x = login(0, 5030, 5100, "02-00-00-00-00-01");
    x->radius.tunnel_client_endpoint = put(x, "203.0.113.7");
    add(x);
    add(login(0, 30, 100, "2001:db8::7"));
    expect_joins(2);
}

static void not_before_the_tunnel_nor_later_than_two_seconds_nor_after_its_end(void **state)
{
    (void)state;
    struct exchange *x = ike(0, 0, 60000, client_of(1, 4500));
    x->ike.auth_request_last = x->ike.auth_request;
    add(x);
    add(login(0, 2200, 2300, "203.0.113.1"));
    add(ike(0, 1000, 1200, client_of(2, 4500)));
    add(login(0, 800, 900, "203.0.113.2"));
    add(ike(0, 0, 200, client_of(3, 4500)));
    add(login(0, 400, 500, "203.0.113.3"));
    add(login(0, 30, 50, "203.0.113.4"));
    expect_joins(0);
}

static void of_two_tunnels_none(void **state)
{
    (void)state;
    add(ike(0, 0, 200, client_of(7, 4500)));
    add(ike(0, 500, 800, client_of(7, 4501)));
    add(login(1, 30, 100, "203.0.113.7"));
    expect_joins(0);
}

static void of_two_logins_none(void **state)
{
    (void)state;
    add(ike(0, 0, 200, client_of(7, 4500)));
    add(login(1, 30, 100, "203.0.113.7"));
    add(login(1, 40, 100, "203.0.113.7"));
    expect_joins(0);
}

/* A NAS that says the port leaves no doubt behind SNAT. */
static void the_port_tells_clients_of_one_address_apart(void **state)
{
    (void)state;
    uint32_t tunnels[3], logins[3];
    static const char *const calling[] = {"203.0.113.7[4500]", "203.0.113.7[1024]", "203.0.113.7[1025]"};
    static const uint16_t ports[] = {4500, 1024, 1025};
    for (unsigned i = 0; i < 3; i++)
        tunnels[i] = add(ike(0, 0, 200, client_of(7, ports[i])));
    for (unsigned i = 0; i < 3; i++)
        logins[i] = add(login(1, 30, 100, calling[i]));
    add(login(1, 30, 100, "203.0.113.7[9]"));
    expect_joins(3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(scene.joined[i].tunnel, tunnels[i]);
        assert_int_equal(scene.joined[i].login, logins[i]);
    }
}

static void what_both_say_must_not_differ(void **state)
{
    (void)state;
    struct exchange *x = sstp(0, 0, 200, client_of(1, 5000));
    memcpy(x->sstp.ppp.user, "CORP\\alice", 10);
    x->sstp.ppp.user_len = 10;
    add(x);
    x = login(1, 60, 80, "203.0.113.1");
    x->radius.user = put(x, "bob@corp.example");
    add(x);
    add(ike(0, 0, 200, client_of(2, 4500))); /* SSTP, which the login is for, comes after IKE failed */
    x = login(1, 60, 80, "203.0.113.2");
    x->radius.tunnel_type = 0x13701;
    add(x);
    expect_joins(0);
}

/* Another login of the same user from the same address: the answer to the challenge, or TLS inside of EAP, is not the tunnel's. */
static void another_login_is_not_the_one_behind(void **state)
{
    (void)state;
    struct exchange *x = sstp(0, 0, 200, client_of(1, 5000));
    x->response_hash = 1;
    add(x);
    x = login(0, 60, 80, "203.0.113.1");
    x->response_hash = 2;
    add(x);
    x = sstp(0, 0, 200, client_of(2, 5000));
    x->eap.tls.client_hello = true;
    add(x);
    x = login(0, 60, 80, "203.0.113.2");
    x->eap.tls.client_hello = true;
    x->eap.tls.random[31] = 1;
    add(x);
    x = sstp(0, 0, 200, client_of(3, 5000));
    x->response_hash = 3;
    add(x);
    add(login(0, 60, 80, "203.0.113.3")); /* of which that was not seen */
    expect_joins(1);
    assert_int_equal(scene.joined[0].login, 6);
}

static void a_user_in_any_spelling_decides(void **state)
{
    (void)state;
    static const char *const names[] = {"CORP\\Alice", "CORP\\bob"};
    uint32_t tunnels[2];
    for (unsigned i = 0; i < 2; i++) {
        struct exchange *x = sstp(0, 0, 200, client_of(1, (uint16_t)(5000 + i)));
        x->sstp.ppp.user_len = (uint8_t)strlen(names[i]);
        memcpy(x->sstp.ppp.user, names[i], x->sstp.ppp.user_len);
        tunnels[i] = add(x);
    }
    struct exchange *x = login(1, 60, 80, "203.0.113.1");
    x->radius.user = put(x, "alice@corp.example");
    add(x);
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, tunnels[0]);
}

/* Behind a load balancer: the address is that of all. */
static void by_computer_name(void **state)
{
    (void)state;
    uint32_t tunnels[2];
    static const char *const names[] = {"PC01", "PC02"};
    for (unsigned i = 0; i < 2; i++) {
        struct exchange *x = sstp(0, 0, 200, client_of(1, (uint16_t)(5000 + i)));
        memcpy(x->sstp.ppp.computer, names[i], 4);
        x->sstp.ppp.computer_len = 4;
        tunnels[i] = add(x);
    }
    struct exchange *x = login(1, 60, 80, "10.9.9.9");
    x->radius.client_name = put(x, "MSRAS-0-pc02");
    add(x);
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, tunnels[1]);
}

static const uint8_t guid[16] = {0x30, 0x55, 0x3b, 0x1c, 0xaf, 0x02, 0x84, 0x1c,
                                 0xa9, 0x06, 0xb1, 0x88, 0x3e, 0x24, 0x0f, 0xdd};
#define GUID_TEXT "{30553B1C-AF02-841C-A906-B1883E240FDD}"

/* However far the clocks are apart, and also when the attempt is made twice. */
static void by_correlation_id_whatever_the_address(void **state)
{
    (void)state;
    struct exchange *x = sstp(0, 0, 9000, client_of(1, 5000));
    x->sstp.has_correlation = true;
    memcpy(x->sstp.correlation, guid, sizeof guid);
    uint32_t tunnel = add(x);
    for (unsigned i = 0; i < 2; i++) {
        x = login(1, 600060 + 3000 * i, 600080 + 3000 * i, "10.9.9.9");
        x->radius.correlation_id = put(x, i == 0 ? GUID_TEXT : "30553b1caf02841ca906b1883e240fdd");
        add(x);
    }
    x = login(1, 600060, 600080, "10.9.9.9");
    x->radius.correlation_id = put(x, "{30553B1C-AF02-841C-A906-B1883E240FDE}");
    add(x);
    expect_joins(2);
    assert_int_equal(scene.joined[0].tunnel, tunnel);
    assert_int_equal(scene.joined[1].tunnel, tunnel);
    int64_t ahead;
    assert_true(clocks_offset(scene.clocks, 1, &ahead));
    assert_in_range(ahead / MS, 600000 - 50, 600000 + 3050);
}

/* The tunnel is closed, but RADIUS says that the logins are one attempt: a wrong password, then the right one. */
static void tries_of_one_attempt_go_together(void **state)
{
    (void)state;
    static const int64_t at_ms[] = {60, 400, 9000, 40000};
    uint32_t tunnel = add(sstp(0, 0, 20000, client_of(1, 5000)));
    for (unsigned i = 0; i < 4; i++) {
        struct exchange *x = login(0, at_ms[i], at_ms[i] + 20, "203.0.113.1");
        x->radius.correlation_id = put(x, GUID_TEXT);
        add(x);
    }
    expect_joins(3); /* the last one comes after its end */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(scene.joined[i].tunnel, tunnel);
}

/* LCP Identification has it as it lies in memory. */
static void the_correlation_id_of_ppp_is_read_in_both_orders(void **state)
{
    (void)state;
    static const uint8_t memory[16] = {0x1c, 0x3b, 0x55, 0x30, 0x02, 0xaf, 0x1c, 0x84,
                                       0xa9, 0x06, 0xb1, 0x88, 0x3e, 0x24, 0x0f, 0xdd};
    for (unsigned i = 0; i < 2; i++) {
        struct exchange *x = sstp(0, 100000 * i, 100000 * i + 500, client_of(1, 5000));
        x->sstp.ppp.has_correlation = true;
        memcpy(x->sstp.ppp.correlation, i == 0 ? memory : guid, sizeof memory);
        add(x);
        x = login(0, 100000 * i + 60, 100000 * i + 80, NULL);
        x->radius.correlation_id = put(x, GUID_TEXT);
        add(x);
    }
    expect_joins(2); /* one id, two attempts: time tells them apart */
}

/* Both ends of one login's handshake give the clocks, and with them the others are found. */
static void a_handshake_seen_in_both_sets_the_clocks(void **state)
{
    (void)state;
    struct exchange *pair[2] = {sstp(0, 0, 500, client_of(1, 5000)), login(1, -299940, -299900, "203.0.113.1")};
    for (unsigned i = 0; i < 2; i++) {
        pair[i]->eap.tls.client_hello = true;
        memset(pair[i]->eap.tls.random, 7, 32);
        pair[i]->eap.tls.hello = at(i, i == 0 ? 100 : -299898);
        pair[i]->eap.tls.server_hello_place = at(i, i == 0 ? 110 : -299892);
    }
    attempts_add(scene.attempts, pair[0]->id, pair, 2);
    free(pair[0]);
    free(pair[1]);
    uint32_t tunnel = add(sstp(0, 60000, 60500, client_of(1, 5001)));
    add(login(1, 60000 - 300000 + 60, 60000 - 300000 + 80, "203.0.113.1"));
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, tunnel);
    int64_t ahead;
    assert_true(clocks_offset(scene.clocks, 1, &ahead));
    assert_int_equal(ahead / MS, -300000);
    assert_true(clocks_offset(scene.clocks, 0, &ahead));
    assert_int_equal(ahead, 0);
}

/* Nothing in common but addresses: three of a kind say how far the clocks are apart, two do not. */
static void addresses_vote_on_the_clocks(unsigned voters)
{
    for (unsigned i = 0; i < voters; i++) {
        char calling[32];
        snprintf(calling, sizeof calling, "203.0.113.%u", i + 1);
        add(ike(0, 10000 * i, 10000 * i + 200, client_of((uint8_t)(i + 1), 4500)));
        add(login(1, 10000 * i + 500000 + 40, 10000 * i + 500000 + 180, calling));
    }
    add(ike(0, 700000, 700200, client_of(99, 4500)));
    add(login(1, 5, 50, "203.0.113.99")); /* somebody else's, at another time */
}

static void three_voters_are_enough(void **state)
{
    (void)state;
    addresses_vote_on_the_clocks(3);
    expect_joins(3);
    int64_t ahead;
    assert_true(clocks_offset(scene.clocks, 1, &ahead));
    assert_in_range(ahead / MS, 500000 - 20, 500000 + 20);
}

static void two_voters_are_not(void **state)
{
    (void)state;
    addresses_vote_on_the_clocks(2);
    expect_joins(0);
    int64_t ahead;
    assert_false(clocks_offset(scene.clocks, 1, &ahead));
}

static void wired_ports_device_tunnels_and_probes_have_no_part(void **state)
{
    (void)state;
    add(ike(0, 0, 200, client_of(1, 4500)));
    struct exchange *x = login(0, 30, 60, "203.0.113.1");
    x->radius.nas_port_type = 15;
    add(x);
    x = sstp(0, 0, 200, client_of(2, 5000));
    x->sstp.kind = SSTP_KIND_PROBE;
    add(x);
    add(login(0, 60, 80, "203.0.113.2"));
    x = ike(0, 0, 200, client_of(3, 4500));
    x->ike.auth_request.frame = 0; /* it never came to IKE_AUTH */
    add(x);
    add(login(0, 30, 60, "203.0.113.3"));
    expect_joins(0);
}

/* Both sides of a translator are one session: its copies are one candidate, the login's hops one login. */
static void copies_are_one(void **state)
{
    (void)state;
    struct exchange *tunnel[2] = {ike(0, 0, 200, client_of(1, 4500)), ike(1, 1, 201, client_of(9, 4500))};
    struct exchange *hops[2] = {login(2, 30, 60, "203.0.113.9"), login(2, 31, 59, "203.0.113.9")};
    uint32_t heads[2] = {tunnel[0]->id, hops[0]->id};
    attempts_add(scene.attempts, heads[0], tunnel, 2);
    attempts_add(scene.attempts, heads[1], hops, 2);
    for (unsigned i = 0; i < 2; i++) {
        free(tunnel[i]);
        free(hops[i]);
    }
    expect_joins(1);
    assert_int_equal(scene.joined[0].tunnel, heads[0]);
    assert_int_equal(scene.joined[0].login, heads[1]);
}

/* Many of one address, as behind SNAT: none is taken, and it does not take long. */
static void a_crowd_is_left_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        add(ike(0, 10 * i, 10 * i + 200, client_of(1, 4500)));
        add(login(0, 10 * i + 30, 10 * i + 60, "203.0.113.1"));
    }
    expect_joins(0);
}

static void clocks_relate_over_others(void **state)
{
    (void)state;
    int64_t ahead;
    clocks_sample(scene.clocks, 2, 1, 5 * MS); /* 1 is 5 ms ahead of 2 */
    clocks_sample(scene.clocks, 1, 2, -7 * MS);
    clocks_sample(scene.clocks, 1, 2, -900 * MS); /* the median is not moved by one */
    assert_true(clocks_between(scene.clocks, 1, 2, &ahead));
    assert_int_equal(ahead, -7 * MS);
    assert_false(clocks_between(scene.clocks, 0, 2, &ahead));
    assert_false(clocks_offset(scene.clocks, 2, &ahead));
    clocks_round_trip(scene.clocks, 0, 100 * MS, 110 * MS, 1, 203 * MS, 207 * MS);
    assert_true(clocks_offset(scene.clocks, 1, &ahead));
    assert_int_equal(ahead, 100 * MS);
    assert_true(clocks_offset(scene.clocks, 2, &ahead));
    assert_int_equal(ahead, 93 * MS);
    assert_true(clocks_between(scene.clocks, 2, 0, &ahead));
    assert_int_equal(ahead, -93 * MS);
    clocks_sample(scene.clocks, 3, 4, INT64_MAX); /* no clock is that wrong */
    assert_false(clocks_between(scene.clocks, 3, 4, &ahead));
    clocks_round_trip(scene.clocks, 3, 0, 60 * SECOND, 4, 0, MS); /* another copy of the request was answered */
    assert_false(clocks_between(scene.clocks, 3, 4, &ahead));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_address_and_time, begin, end),
        cmocka_unit_test_setup_teardown(the_order_of_captures_does_not_matter, begin, end),
        cmocka_unit_test_setup_teardown(tunnel_client_endpoint_and_ipv6_name_the_client_too, begin, end),
        cmocka_unit_test_setup_teardown(not_before_the_tunnel_nor_later_than_two_seconds_nor_after_its_end, begin, end),
        cmocka_unit_test_setup_teardown(of_two_tunnels_none, begin, end),
        cmocka_unit_test_setup_teardown(of_two_logins_none, begin, end),
        cmocka_unit_test_setup_teardown(the_port_tells_clients_of_one_address_apart, begin, end),
        cmocka_unit_test_setup_teardown(what_both_say_must_not_differ, begin, end),
        cmocka_unit_test_setup_teardown(another_login_is_not_the_one_behind, begin, end),
        cmocka_unit_test_setup_teardown(a_user_in_any_spelling_decides, begin, end),
        cmocka_unit_test_setup_teardown(by_computer_name, begin, end),
        cmocka_unit_test_setup_teardown(by_correlation_id_whatever_the_address, begin, end),
        cmocka_unit_test_setup_teardown(tries_of_one_attempt_go_together, begin, end),
        cmocka_unit_test_setup_teardown(the_correlation_id_of_ppp_is_read_in_both_orders, begin, end),
        cmocka_unit_test_setup_teardown(a_handshake_seen_in_both_sets_the_clocks, begin, end),
        cmocka_unit_test_setup_teardown(three_voters_are_enough, begin, end),
        cmocka_unit_test_setup_teardown(two_voters_are_not, begin, end),
        cmocka_unit_test_setup_teardown(wired_ports_device_tunnels_and_probes_have_no_part, begin, end),
        cmocka_unit_test_setup_teardown(copies_are_one, begin, end),
        cmocka_unit_test_setup_teardown(a_crowd_is_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(clocks_relate_over_others, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
