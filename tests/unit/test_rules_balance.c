/*
 * How connections are counted, grouped and judged, servers that go down, and what is said of it: sessions made by hand.
 * wire-facts 7.3, 12.2.
 */
#include "raised.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "addresses_by_hand.h"

#define SECOND INT64_C(1000000000)

static struct scene {
    struct balance *balance;
    struct nat *nat;
    struct services *services;
    struct probes *probes;
    struct dns_answers *dns;
    struct findings *findings;
    struct balance_named named[4];
    struct balance_settings settings;
    struct nat_settings nat_settings;
    uint32_t number;
    bool open;
} scene;

static int begin(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.nat = nat_new(&scene.nat_settings);
    scene.services = services_new();
    scene.probes = probes_new();
    scene.dns = dns_answers_new();
    scene.findings = findings_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    balance_free(scene.balance);
    nat_free(scene.nat);
    services_free(scene.services);
    probes_free(scene.probes);
    dns_answers_free(scene.dns);
    findings_free(scene.findings);
    return 0;
}

static void name(size_t i, const char *server, const char *label, double weight)
{
    scene.named[i] = (struct balance_named){.address = address_of(server), .weight = weight};
    snprintf(scene.named[i].name, sizeof scene.named[i].name, "%s", label);
    scene.settings.named = scene.named;
    scene.settings.named_count = i + 1;
}

static void open_balance(void)
{
    if (scene.open)
        return;
    scene.balance = balance_new(&scene.settings);
    balance_open(scene.balance, &(struct balance_others){scene.nat, scene.probes, scene.services, scene.dns});
    scene.open = true;
}

static struct exchange *exchange(const char *client, const char *server, enum conversation_type type, enum outcome how,
                                 double second)
{
    static struct exchange x;
    memset(&x, 0, sizeof x);
    x.type = (uint8_t)type;
    x.id = ++scene.number;
    x.client = (struct endpoint){address_of(client), (uint16_t)(1024 + x.id % 60000)};
    x.server = (struct endpoint){address_of(server), type == CONVERSATION_SSTP ? 443 : 500};
    x.first = (struct place){.frame = x.id, .time_ns = (int64_t)(second * 1e9) + 1000 * SECOND};
    x.last = x.first;
    x.last.time_ns += SECOND;
    x.outcome = (uint8_t)how;
    return &x;
}

static void tell(struct exchange *x)
{
    struct session s = {.head = x->id, .number = x->id, .exchanges = {x}, .exchange_count = 1, .main = x};
    bool radius = x->type == CONVERSATION_RADIUS;
    s.tunnel = radius ? NULL : x;
    s.login = radius ? x : NULL;
    s.outcome = (enum outcome)x->outcome;
    struct exchange *all[] = {x};
    open_balance();
    balance_session(scene.balance, &s, all, 1);
}

/* An association that came up, and passed 100 bytes of ESP. */
static bool delete_unseen; /* of those that ike_up makes */

static void ike_up(const char *client, const char *server, double second)
{
    struct exchange *x = exchange(client, server, CONVERSATION_IKE, OUTCOME_ESTABLISHED, second);
    x->ike.init_requests = x->ike.init_responses = x->ike.auth_requests = x->ike.auth_responses = 1;
    x->ike.deleted = !delete_unseen;
    x->ike.state.esp_bytes[0] = 60;
    x->ike.state.esp_bytes[1] = 40;
    services_name(scene.services, &x->server.address);
    tell(x);
}

static void ike_silent(const char *client, const char *server, double second)
{
    struct exchange *x = exchange(client, server, CONVERSATION_IKE, OUTCOME_UNANSWERED, second);
    x->ike.init_requests = 1;
    x->ike.init_request_retransmissions = 4;
    tell(x);
}

static const char *client_of(unsigned i)
{
    static char text[ADDRESS_TEXT];
    snprintf(text, sizeof text, "203.0.%u.%u", i / 250, 1 + i % 250);
    return text;
}

static const char *server_of(unsigned i)
{
    static char text[ADDRESS_TEXT];
    snprintf(text, sizeof text, "172.20.30.%u", 11 + i);
    return text;
}

static const struct balance_result *result(enum balance_protocol p)
{
    size_t count;
    const struct balance_result *all = balance_results(scene.balance, &count), *found = NULL;
    for (size_t i = 0; i < count; i++)
        found = all[i].protocol == p ? &all[i] : found;
    return found;
}

static void judge(void)
{
    open_balance();
    balance_settle(scene.balance);
    struct rule_input in = {.balance = scene.balance, .probes = scene.probes, .dns = scene.dns};
    rules_balance(scene.findings, &in);
    findings_finish(scene.findings);
}

static const struct finding *raised(enum finding_id id)
{
    return raised_in(scene.findings, id);
}

static void test_round_robin_is_even(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++)
        ike_up(client_of(i), server_of(i % 4), i);
    judge();
    const struct balance_result *r = result(BALANCE_IKEV2);
    assert_non_null(r);
    assert_int_equal(r->backend_count, 4);
    assert_int_equal(r->connections, 200);
    assert_int_equal(r->judgement.verdict, BALANCE_EVEN);
    assert_int_equal(r->backends[3].attempts, 50);
    assert_int_equal(r->backends[3].established, 50);
    assert_int_equal(r->backends[3].clients, 50);
    assert_int_equal(r->backends[3].bytes, 5000);
    assert_int_equal(r->backends[3].peak_concurrent, 1); /* each is up for a second, one comes every four */
    assert_int_equal(r->backends[3].alive, BALANCE_ALIVE);
    assert_true(fabs(r->backends[3].share - 0.25) < 1e-9);
    uint64_t sum = 0;
    for (size_t i = 0; i < r->window_count * 4; i++) {
        const struct balance_cell *cell = &r->windows[i];
        sum += cell->attempts;
        assert_in_range(cell->attempts, 2, 3); /* of ten a window */
        assert_int_equal(cell->established, cell->attempts);
        assert_int_equal(cell->clients, cell->attempts);
        assert_int_equal(cell->failed + cell->unanswered, 0);
        assert_int_equal(cell->peak, 1);
    }
    assert_int_equal(sum, 200);
    assert_true(r->window_count > 1 && r->window_count <= BALANCE_WINDOWS_USUAL + 1 && r->window_ns == 10 * SECOND);
    assert_int_equal(result(BALANCE_ALL)->connections, 200);
    assert_null(result(BALANCE_SSTP));
    none_in(scene.findings);
}

static void test_uneven_is_raised_with_its_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++)
        ike_up(client_of(i), server_of(i % 20 < 11 ? 0 : i % 20 < 16 ? 1 : i % 20 < 19 ? 2 : 3), i);
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->judgement.verdict, BALANCE_UNEVEN);
    assert_true((result(BALANCE_IKEV2)->why & BALANCE_WHY_STEADY) != 0);
    const struct finding *f = raised(FINDING_BACKEND_UNEVEN);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_WARNING);
    assert_non_null(strstr(f->title, "172.20.30.11 has 55 %"));
    assert_non_null(strstr(f->explanation, "weights"));
    assert_non_null(strstr(f->fix[0], "172.20.30.14"));
}

static void test_named_weights_and_a_backend_without_anything(void **state)
{
    (void)state;
    static const double weights[] = {11, 5, 3, 1};
    for (unsigned i = 0; i < 4; i++)
        name(i, server_of(i), i == 0 ? "RRAS01" : "", weights[i]);
    for (unsigned i = 0; i < 200; i++)
        ike_up(client_of(i), server_of(i % 20 < 11 ? 0 : i % 20 < 16 ? 1 : i % 20 < 19 ? 2 : 3), i);
    ike_up("203.0.113.1", "198.51.100.99", 300); /* is not one of them */
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->connections, 200);
    assert_int_equal(result(BALANCE_IKEV2)->judgement.verdict, BALANCE_EVEN);
    assert_string_equal(result(BALANCE_IKEV2)->backends[0].name, "RRAS01");
    assert_null(result(BALANCE_IKEV2)->backends[1].name);
    none_in(scene.findings);
}

static void test_named_backend_that_gets_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        name(i, server_of(i), "", 1);
    for (unsigned i = 0; i < 60; i++)
        ike_up(client_of(i), server_of(i % 2), i);
    judge();
    const struct balance_result *r = result(BALANCE_IKEV2);
    assert_int_equal(r->backend_count, 3);
    assert_int_equal(r->backends[2].attempts, 0);
    assert_int_equal(r->backends[2].alive, BALANCE_UNKNOWN);
    assert_int_equal(r->judgement.verdict, BALANCE_UNEVEN);
    assert_non_null(raised(FINDING_BACKEND_UNEVEN));
}

static void test_few_are_too_few(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        ike_up(client_of(i), server_of(i < 4 ? 0 : 3), i);
    judge();
    assert_int_equal(result(BALANCE_ALL)->judgement.verdict, BALANCE_TOO_FEW);
    assert_true(result(BALANCE_ALL)->judgement.needed > 100);
    none_in(scene.findings);
}

static void test_one_server_is_single(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        ike_up(client_of(i), server_of(0), i);
    judge();
    assert_int_equal(result(BALANCE_ALL)->judgement.verdict, BALANCE_SINGLE);
    none_in(scene.findings);
}

/* Two services that have nothing to do with each other are not compared. */
static void test_other_networks_are_other_groups(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 90; i++)
        ike_up(client_of(i), i % 9 == 0 ? "198.51.100.200" : "192.0.2.10", i);
    judge();
    size_t count;
    (void)balance_results(scene.balance, &count);
    assert_int_equal(count, 4);
    assert_int_equal(result(BALANCE_IKEV2)->judgement.verdict, BALANCE_SINGLE);
    none_in(scene.findings);
}

static void test_sources_that_stick_are_said(void **state)
{
    (void)state;
    static const unsigned sizes[] = {120, 20, 30, 10, 20};
    for (unsigned s = 0, t = 0; s < 5; s++)
        for (unsigned i = 0; i < sizes[s]; i++)
            ike_up(client_of(s), server_of(s % 4), t++ * 100.0);
    judge();
    const struct balance_result *r = result(BALANCE_IKEV2);
    assert_int_equal(r->judgement.verdict, BALANCE_TOO_FEW);
    assert_true((r->why & BALANCE_WHY_STICKY) != 0);
    assert_true(r->judgement.sticky.effective < 3);
    none_in(scene.findings);
}

static void test_tunnels_stand_until_they_are_seen_to_end(void **state)
{
    (void)state;
    delete_unseen = true;
    for (unsigned i = 0; i < 20; i++)
        ike_up(client_of(i), server_of(0), 10 * i);
    delete_unseen = false;
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].peak_concurrent, 20);
}

static void test_attempts_of_one_client_are_one(void **state)
{
    (void)state;
    ike_silent("203.0.113.1", server_of(0), 0);
    ike_silent("203.0.113.1", server_of(0), 10); /* tries again, and gets through */
    ike_up("203.0.113.1", server_of(0), 20);
    ike_up("203.0.113.1", server_of(0), 20.5); /* beside it: another device behind the same address */
    ike_up("203.0.113.1", server_of(1), 30);   /* sent to another server: another choice */
    ike_silent("203.0.113.1", server_of(1), 200);
    judge();
    const struct balance_result *r = result(BALANCE_IKEV2);
    assert_int_equal(r->backends[0].attempts, 2);
    assert_int_equal(r->backends[0].reconnects, 2);
    assert_int_equal(r->backends[0].established, 2);
    assert_int_equal(r->backends[0].unanswered, 0);
    assert_int_equal(r->backends[0].peak_concurrent, 2);
    assert_int_equal(r->backends[1].attempts, 2);
    assert_int_equal(r->backends[1].unanswered, 1);
    assert_int_equal(r->backends[1].judged, 2);
}

/* The address alone: back at once is the same client, beside another it is another. */
static void test_client_that_is_back_at_once(void **state)
{
    (void)state;
    ike_up("203.0.113.1", server_of(0), 0);
    ike_up("203.0.113.1", server_of(0), 3); /* up for a second each */
    ike_up("203.0.113.1", server_of(0), 6);
    ike_up("203.0.113.1", server_of(0), 30);
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->connections, 2);
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].reconnects, 2);
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].bytes, 400);
}

static void test_tunnel_from_before_is_no_attempt(void **state)
{
    (void)state;
    struct exchange *x = exchange("203.0.113.1", server_of(0), CONVERSATION_IKE, OUTCOME_INCOMPLETE, 0);
    x->begun_before = true;
    services_name(scene.services, &x->server.address);
    tell(x);
    ike_up("203.0.113.2", server_of(0), 0.5);
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->connections, 1);
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].carried, 1);
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].peak_concurrent, 2);
}

static void test_dead_backend_gets_attempts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 80; i++) {
        if (i % 4 == 3)
            ike_silent(client_of(i), server_of(3), i);
        else
            ike_up(client_of(i), server_of(i % 4), i);
    }
    judge();
    const struct finding *f = raised(FINDING_BACKEND_ATTEMPTS_TO_DEAD);
    assert_non_null(f);
    assert_string_equal(f->subject, "172.20.30.14");
    assert_int_equal(f->severity, SEVERITY_CRITICAL);
    assert_null(raised(FINDING_BACKEND_DOWN));
    assert_int_equal(result(BALANCE_IKEV2)->backends[3].alive, BALANCE_DEAD);
    assert_int_equal(result(BALANCE_IKEV2)->backends[3].unanswered, 20);
    /* the balancer is not to blame */
    assert_int_equal(result(BALANCE_IKEV2)->judgement.verdict, BALANCE_EVEN);
    assert_null(raised(FINDING_BACKEND_UNEVEN));
}

static void test_dead_backend_is_why(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) { /* until the load balancer notices */
        if (i % 2 == 0)
            ike_silent(client_of(i), server_of(3), i);
        else
            ike_up(client_of(i), server_of(i % 3), i);
    }
    for (unsigned i = 8; i < 98; i++)
        ike_up(client_of(i), server_of(i % 3), i);
    judge();
    assert_int_equal(result(BALANCE_IKEV2)->judgement.verdict, BALANCE_UNEVEN);
    assert_int_equal(result(BALANCE_IKEV2)->why & (BALANCE_WHY_DEAD | BALANCE_WHY_STEADY), BALANCE_WHY_DEAD);
    assert_non_null(strstr(raised(FINDING_BACKEND_UNEVEN)->explanation, "does not answer"));
}

static void test_dead_backend_and_dns(void **state)
{
    (void)state;
    struct dns_answer a = {.name = "vpn.contoso.com", .client = address_of("203.0.113.1"), .server = address_of("192.0.2.53"),
                           .addresses = {address_of(server_of(0)), address_of(server_of(1))}, .count = 2, .ttl = 300};
    a.addresses[0] = address_of(server_of(0));
    a.addresses[1] = address_of(server_of(1));
    dns_answers_add(scene.dns, &a, (struct place){.frame = 1, .time_ns = SECOND});
    for (unsigned i = 0; i < 8; i++) {
        if (i % 2 == 0)
            ike_silent(client_of(i), server_of(0), i);
        else
            ike_up(client_of(i), server_of(1), i);
    }
    judge();
    const struct finding *f = raised(FINDING_BACKEND_ATTEMPTS_TO_DEAD);
    assert_non_null(f);
    assert_non_null(strstr(f->explanation, "vpn.contoso.com"));
    assert_non_null(strstr(f->explanation, "round robin"));
}

static void test_backend_goes_down_and_comes_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        bool down = i >= 20 && i < 40 && i % 2 == 0;
        if (down)
            ike_silent(client_of(i), server_of(0), 10.0 * i);
        else
            ike_up(client_of(i), server_of(i % 2), 10.0 * i);
    }
    judge();
    size_t count;
    const struct balance_outage *o = balance_outages(scene.balance, &count);
    assert_int_equal(count, 1);
    assert_int_equal(o->attempts, 10);
    assert_int_equal(o->answered.time_ns, (1000 + 180) * SECOND);
    assert_int_equal(o->first.time_ns, (1000 + 200) * SECOND);
    assert_int_equal(o->back.time_ns, (1000 + 400) * SECOND);
    const struct finding *f = raised(FINDING_BACKEND_DOWN);
    assert_non_null(f);
    assert_non_null(strstr(f->title, "for a while"));
    assert_non_null(strstr(f->explanation, "220 s"));
    assert_non_null(raised(FINDING_BACKEND_ATTEMPTS_TO_DEAD)); /* while it was */
    assert_int_equal(result(BALANCE_IKEV2)->backends[0].alive, BALANCE_ALIVE);
}

static void raise_outages(void *ctx, const struct balance *copy)
{
    (void)ctx;
    struct rule_input in = {.balance = copy, .probes = scene.probes, .dns = scene.dns};
    rules_outages(scene.findings, &in);
}

static void look_anew(void)
{
    findings_free(scene.findings);
    scene.findings = findings_new();
    const struct balance_others others = {scene.nat, scene.probes, scene.services, scene.dns};
    assert_true(balance_look_outages(scene.balance, &others, raise_outages, NULL));
    findings_finish(scene.findings);
}

/* While sessions still come, by those of late. */
static void test_outage_shows_while_it_lasts(void **state)
{
    (void)state;
    scene.balance = balance_new(&scene.settings);
    scene.open = true; /* it never is */
    for (unsigned i = 0; i < 20; i++)
        ike_up(client_of(i), server_of(i % 2), 10.0 * i);
    look_anew();
    none_in(scene.findings);
    for (unsigned i = 20; i < 26; i++)
        ike_silent(client_of(i), server_of(0), 10.0 * i);
    ike_up(client_of(26), server_of(1), 260);
    look_anew();
    assert_non_null(raised(FINDING_BACKEND_ATTEMPTS_TO_DEAD));
    assert_string_equal(raised(FINDING_BACKEND_DOWN)->title, "the VPN server 172.20.30.11 stopped answering");
    ike_up(client_of(27), server_of(0), 270);
    look_anew();
    assert_string_equal(raised(FINDING_BACKEND_DOWN)->title, "the VPN server 172.20.30.11 stopped answering for a while");
    assert_int_equal(balance_kept(scene.balance), 28);
    balance_forget(scene.balance, 2); /* the two that were answered */
    assert_int_equal(balance_kept(scene.balance), 2);
    look_anew();
    none_in(scene.findings);
}

/* One client alone may be kept away by its own network; and where nobody is answered, nothing tells the server's fault. */
static void test_silence_that_proves_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        ike_up(client_of(i), server_of(1), 100.0 * i);
        ike_silent("203.0.113.1", server_of(0), 100.0 * i);
    }
    for (unsigned i = 0; i < 6; i++)
        ike_silent(client_of(i), server_of(1), 5000 + i); /* an hour later, all of it */
    judge();
    none_in(scene.findings);
}

static void nas_login(const char *calling, const char *nas, uint32_t port_type, double second)
{
    struct exchange *x = exchange(nas, "10.20.1.11", CONVERSATION_RADIUS, OUTCOME_ESTABLISHED, second);
    x->radius.tunnel_type = UINT32_MAX;
    x->radius.nas_port_type = port_type;
    x->radius.calling_station = exchange_put(x, span_of((const uint8_t *)calling, strlen(calling)));
    tell(x);
}

static void test_logins_of_vpn_servers_are_balanced(void **state)
{
    enum { VIRTUAL = 5 };
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        nas_login(client_of(i), server_of(i % 5 < 4 ? 0 : 1), VIRTUAL, i);
    judge();
    const struct balance_result *r = result(BALANCE_RADIUS);
    assert_non_null(r);
    assert_true(r->radius);
    assert_int_equal(r->backends[0].attempts, 80);
    assert_int_equal(r->judgement.sticky.sources, 100);
    assert_int_equal(r->judgement.verdict, BALANCE_UNEVEN);
    assert_non_null(raised(FINDING_BACKEND_UNEVEN));
}

/* Accounting-Requests as a VPN server sends them: Acct-Status-Type, Acct-Session-Id, NAS-IP-Address, NAS-Port-Type. */
static void account(uint8_t status, char session, uint8_t nas, uint8_t port_type)
{
    enum { LENGTH = 20 + 6 + 3 + 6 + 6 };
    const uint8_t bytes[LENGTH] = {4, 1, 0, LENGTH, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                   40, 6, 0, 0, 0, status, 44, 3, (uint8_t)session, 4, 6, 172, 20, 30, nas,
                                   61, 6, 0, 0, 0, port_type};
    struct radius_packet p;
    struct endpoint client = {address_of("10.20.0.1"), 1813};
    assert_true(radius_parse(span_of(bytes, sizeof bytes), LENGTH, &p));
    open_balance();
    balance_account(scene.balance, &(struct radius_event){.role = RADIUS_NEW_REQUEST, .packet = &p, .client = &client,
                                                          .code = RADIUS_ACCOUNTING_REQUEST});
}

static void test_accounting_tells_what_is_up(void **state)
{
    enum { VIRTUAL = 5, WIRELESS = 19, START = 1, STOP = 2, INTERIM = 3 };
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        nas_login(client_of(i), server_of(i % 2), VIRTUAL, i);
    account(START, 'a', 11, VIRTUAL);
    account(START, 'b', 11, VIRTUAL);
    account(START, 'a', 12, VIRTUAL); /* another server's */
    account(START, 'b', 11, VIRTUAL); /* at another vantage point, too */
    account(STOP, 'a', 11, VIRTUAL);
    account(INTERIM, 'c', 11, VIRTUAL); /* begun before the capture */
    account(STOP, 'z', 11, VIRTUAL);
    account(START, 'd', 11, WIRELESS);
    account(INTERIM, 'c', 11, VIRTUAL);
    judge();
    const struct balance_result *r = result(BALANCE_RADIUS);
    assert_true(r->backends[0].has_peak && r->backends[1].has_peak);
    assert_int_equal(r->backends[0].peak_concurrent, 2);
    assert_int_equal(r->backends[1].peak_concurrent, 1);
}

static void test_access_points_are_not(void **state)
{
    enum { WIRELESS = 19 };
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        nas_login(client_of(i), server_of(i % 5 < 4 ? 0 : 1), WIRELESS, i);
    judge();
    assert_null(result(BALANCE_RADIUS));
    none_in(scene.findings);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_round_robin_is_even), T(test_uneven_is_raised_with_its_reason),
        T(test_named_weights_and_a_backend_without_anything), T(test_named_backend_that_gets_nothing),
        T(test_few_are_too_few), T(test_one_server_is_single), T(test_other_networks_are_other_groups),
        T(test_sources_that_stick_are_said), T(test_attempts_of_one_client_are_one), T(test_tunnel_from_before_is_no_attempt),
        T(test_client_that_is_back_at_once), T(test_tunnels_stand_until_they_are_seen_to_end),
        T(test_dead_backend_gets_attempts), T(test_dead_backend_is_why),
        T(test_dead_backend_and_dns), T(test_backend_goes_down_and_comes_back),
        T(test_outage_shows_while_it_lasts),
        T(test_silence_that_proves_nothing), T(test_logins_of_vpn_servers_are_balanced), T(test_accounting_tells_what_is_up), T(test_access_points_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
