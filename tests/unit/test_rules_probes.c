/* Which TCP connections are sessions, which are probes, and what is said of probes: connections made by hand. wire-facts 7.4, 12.2. */
#include "raised.h"

#include <stdio.h>
#include <stdlib.h>

#include "addresses_by_hand.h"

#define SECOND INT64_C(1000000000)

static struct scene {
    struct services *services;
    struct probes *probes;
    struct findings *findings;
    struct exchange x;
    uint32_t last_id;
} scene;

static int begin(void **state)
{
    (void)state;
    scene.services = services_new();
    scene.probes = probes_new();
    scene.findings = findings_new();
    scene.last_id = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    services_free(scene.services);
    probes_free(scene.probes);
    findings_free(scene.findings);
    return 0;
}

/* A connection whose SYN the server refuses; more is up to the test. */
static struct exchange *connection(const char *client, const char *server, enum sstp_kind kind, int64_t second)
{
    struct exchange *x = &scene.x;
    memset(x, 0, sizeof *x);
    x->type = CONVERSATION_SSTP;
    x->id = ++scene.last_id;
    x->client = at(client, (uint16_t)(50000 + x->id));
    x->server = at(server, 443);
    x->first = (struct place){.frame = x->id, .time_ns = second * SECOND};
    x->sstp.kind = (uint8_t)kind;
    tcp_connection_begin(&x->sstp.tcp);
    struct tcp_sent *from_client = &x->sstp.tcp.sent[TCP_CLIENT], *from_server = &x->sstp.tcp.sent[TCP_SERVER];
    from_client->syn.seen = true;
    from_client->packets = from_server->packets = from_server->resets = 1;
    from_server->reset = x->first;
    return x;
}

/* The handshake was made and ended without a byte. */
static void answer(struct exchange *x)
{
    struct tcp_sent *from_client = &x->sstp.tcp.sent[TCP_CLIENT], *from_server = &x->sstp.tcp.sent[TCP_SERVER];
    from_server->syn.seen = from_client->acked = true;
    from_server->packets = from_client->packets = 2;
    from_server->resets = 0;
    from_client->fin = x->first;
}

static const struct finding *raised(enum finding_id id)
{
    probes_settle(scene.probes, scene.services);
    rules_probes(scene.findings, &(struct rule_input){.probes = scene.probes, .services = scene.services});
    findings_finish(scene.findings);
    return raised_in(scene.findings, id);
}

static void test_series_is_one_finding(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct exchange *x = connection("172.20.30.4", "172.20.30.11", SSTP_KIND_PROBE, 5 * i);
        answer(x);
        assert_int_equal(probes_add(scene.probes, x), i < PROBE_LISTED);
    }
    const struct finding *f = raised(FINDING_PROBE_SEEN);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_non_null(strstr(f->explanation, "40 connections"));
    assert_non_null(strstr(f->explanation, "every 5.0 s"));
    size_t count;
    const struct probe_series *s = probes_all(scene.probes, &count);
    assert_int_equal(count, 1);
    assert_int_equal(s->listed_count, PROBE_LISTED);
    assert_int_equal(s->failed, 0);
}

static void test_who_knocks_now_and_then_scans(void **state)
{
    static const int seconds[] = {0, 1, 4, 30, 31, 90, 95, 300};
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct exchange *x = connection("203.0.113.7", "198.51.100.10", SSTP_KIND_PROBE, seconds[i]);
        answer(x);
        (void)probes_add(scene.probes, x);
    }
    const struct finding *f = raised(FINDING_PROBE_SEEN);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_int_equal(f->confidence, CONFIDENCE_STRONG);
    assert_true(says(f, "wants no tunnel") && says(f, "scans") && !says(f, "checks the health"));
}

static void test_failing_probes_are_a_server_that_is_down(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct exchange *x = connection("172.20.30.4", "172.20.30.11", SSTP_KIND_UNSURE, 2 * i);
        if (i < 4) {
            x->sstp.kind = SSTP_KIND_PROBE;
            answer(x);
        }
        assert_true(probes_add(scene.probes, x));
    }
    const struct finding *f = raised(FINDING_BACKEND_DOWN);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_WARNING);
    assert_non_null(strstr(f->explanation, "8 of 12 probes"));
    assert_false(says(f, "dials again and again"));
}

/* Of an address that may be a user's. */
static void test_failing_probes_that_may_be_a_client(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++)
        assert_true(probes_add(scene.probes, connection("203.0.113.9", "172.20.30.11", SSTP_KIND_UNSURE, 2 * i)));
    const struct finding *f = raised(FINDING_BACKEND_DOWN);
    assert_non_null(f);
    assert_true(says(f, "dials again and again"));
}

static void test_server_that_was_down_for_a_while(void **state)
{
    (void)state;
    /* Unanswered ones are told late, when nothing more can come of them. */
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 20; i++) {
            bool fails = i >= 8 && i < 13;
            struct exchange *x = connection("172.20.30.4", "172.20.30.11", fails ? SSTP_KIND_UNSURE : SSTP_KIND_PROBE, 2 * i);
            if (!fails)
                answer(x);
            if (fails == (turn == 1))
                (void)probes_add(scene.probes, x);
        }
    const struct finding *f = raised(FINDING_BACKEND_DOWN);
    assert_non_null(f);
    assert_non_null(strstr(f->explanation, "5 of 20 probes"));
    assert_non_null(strstr(f->explanation, "5 of them in a row, in 10.0 s; then the server answered again"));
    assert_int_equal(f->evidence_count, 2);
}

static void test_two_lost_probes_are_no_outage(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        bool fails = i == 5 || i == 6 || i == 12;
        struct exchange *x = connection("172.20.30.4", "172.20.30.11", fails ? SSTP_KIND_UNSURE : SSTP_KIND_PROBE, 2 * i);
        if (!fails)
            answer(x);
        (void)probes_add(scene.probes, x);
    }
    assert_null(raised(FINDING_BACKEND_DOWN));
}

static void test_attempts_that_are_not_regular_are_no_probes(void **state)
{
    static const int seconds[] = {0, 1, 4, 30, 31, 90, 95, 300};
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        assert_true(probes_add(scene.probes, connection("203.0.113.7", "198.51.100.10", SSTP_KIND_UNSURE, seconds[i])));
    assert_null(raised(FINDING_BACKEND_DOWN));
    assert_false(probes_has(scene.probes, &scene.x));
}

static void test_regular_attempts_are_probes(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_true(probes_add(scene.probes, connection("172.20.30.4", "172.20.30.11", SSTP_KIND_UNSURE, 10 * i)));
    assert_non_null(raised(FINDING_BACKEND_DOWN));
    assert_true(probes_has(scene.probes, &scene.x));
    scene.x.client = at("172.20.30.5", 50000);
    assert_false(probes_has(scene.probes, &scene.x));
}

/* Somebody else's server, which a monitor asks in vain. */
static void test_failing_probes_of_no_vpn_server(void **state)
{
    (void)state;
    struct exchange *x = connection("203.0.113.7", "198.51.100.10", SSTP_KIND_TUNNEL, 0);
    (void)services_add(scene.services, x);
    for (int i = 0; i < 6; i++)
        assert_true(probes_add(scene.probes, connection("172.20.30.4", "192.0.2.80", SSTP_KIND_UNSURE, 10 * i)));
    assert_null(raised(FINDING_BACKEND_DOWN));
}

static bool counts(const char *server, enum sstp_kind kind, bool silent)
{
    struct exchange *x = connection("203.0.113.7", server, kind, 0);
    x->sstp.tcp.sent[TCP_SERVER].data_packets = silent ? 0 : 1;
    return services_counts(scene.services, x);
}

static void add(const char *server, enum sstp_kind kind)
{
    (void)services_add(scene.services, connection("203.0.113.7", server, kind, 0));
}

static void test_unsure_alone_counts(void **state)
{
    (void)state;
    add("198.51.100.10", SSTP_KIND_UNSURE);
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, true));
    assert_false(counts("198.51.100.10", SSTP_KIND_OTHER, false));
}

static void test_among_web_servers_unsure_does_not_count(void **state)
{
    (void)state;
    add("198.51.100.10", SSTP_KIND_UNSURE);
    add("192.0.2.80", SSTP_KIND_OTHER);
    assert_false(counts("198.51.100.10", SSTP_KIND_UNSURE, true));
}

static void test_many_servers_are_no_vpn(void **state)
{
    (void)state;
    char text[ADDRESS_TEXT];
    for (int i = 1; i <= SERVICES_UNSURE_MAX; i++) {
        snprintf(text, sizeof text, "192.0.2.%d", 10 * i);
        add(text, SSTP_KIND_UNSURE);
    }
    assert_false(counts("192.0.2.10", SSTP_KIND_UNSURE, true));
}

static void test_known_vpn_tells(void **state)
{
    (void)state;
    add("198.51.100.10", SSTP_KIND_TUNNEL);
    add("192.0.2.80", SSTP_KIND_OTHER);
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, false));
    assert_true(counts("198.51.100.11", SSTP_KIND_UNSURE, true));   /* beside it, and silent: a server of the same farm */
    assert_false(counts("198.51.100.11", SSTP_KIND_UNSURE, false)); /* it speaks: it may be anything */
    assert_false(counts("198.51.100.40", SSTP_KIND_UNSURE, true));
}

static void test_named_server_is_known(void **state)
{
    (void)state;
    struct endpoint vip = at("198.51.100.10", 0);
    services_name(scene.services, &vip.address);
    assert_true(services_is_vpn(scene.services, &vip.address));
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, false));
    assert_false(counts("203.0.113.1", SSTP_KIND_UNSURE, true));
}

/* With SNI, or without; the handshake as far as the ClientHello. */
static struct exchange *tls(const char *server, enum sstp_kind kind, const char *name, int64_t second)
{
    struct exchange *x = connection("203.0.113.7", server, kind, second);
    x->sstp.tcp.sent[TCP_SERVER].data_packets = 1;
    x->sstp.tls.seen = x->sstp.tls.client_hello = true;
    if (name != NULL)
        x->sstp.tls.sni = exchange_put(x, span_of(name, strlen(name)));
    return x;
}

/* Who scans the internet for TLS dials addresses. */
static void test_scanners_do_not_count(void **state)
{
    (void)state;
    services_learn(scene.services, tls("198.51.100.10", SSTP_KIND_TUNNEL, "vpn.example.com", 0)); /* it is still up */
    assert_true(services_counts(scene.services, tls("198.51.100.10", SSTP_KIND_UNSURE, "vpn.example.com", 1)));
    assert_false(services_counts(scene.services, tls("198.51.100.10", SSTP_KIND_UNSURE, NULL, 1)));
    assert_false(services_counts(scene.services, tls("198.51.100.10", SSTP_KIND_UNSURE, "198.51.100.10", 1)));
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, true)); /* no ClientHello: nothing tells */
    (void)services_add(scene.services, tls("198.51.100.10", SSTP_KIND_TUNNEL, NULL, 2)); /* its users dial the address, too */
    assert_true(services_counts(scene.services, tls("198.51.100.10", SSTP_KIND_UNSURE, NULL, 3)));
}

/* Mail, directories and remote administration speak TLS, too. */
static void test_other_ports_are_other_services(void **state)
{
    (void)state;
    struct exchange *x = tls("198.51.100.10", SSTP_KIND_UNSURE, "vpn.example.com", 0);
    (void)services_add(scene.services, x);
    assert_true(services_counts(scene.services, x));
    x->server.port = 636;
    assert_false(services_counts(scene.services, x));
    (void)services_add(scene.services, tls("198.51.100.10", SSTP_KIND_TUNNEL, "vpn.example.com", 1));
    x = tls("198.51.100.10", SSTP_KIND_UNSURE, "vpn.example.com", 2);
    x->server.port = 8443;
    assert_false(services_counts(scene.services, x));
    x = tls("198.51.100.11", SSTP_KIND_TUNNEL, "vpn.example.com", 3);
    x->server.port = 8443;
    (void)services_add(scene.services, x);
    x = tls("198.51.100.10", SSTP_KIND_UNSURE, "vpn.example.com", 4);
    x->server.port = 8443;
    assert_true(services_counts(scene.services, x));
    x->server.port = 636;
    assert_false(services_counts(scene.services, x));
    services_name(scene.services, &x->server.address);
    assert_true(services_counts(scene.services, x));
}

/* A server of IKE is often one of the web as well. */
static void test_ike_and_web_on_one_server(void **state)
{
    (void)state;
    struct exchange *x = connection("203.0.113.7", "198.51.100.10", SSTP_KIND_UNSURE, 0);
    x->type = CONVERSATION_IKE;
    x->ike.init_responses = 1;
    (void)services_add(scene.services, x);
    struct address server = at("198.51.100.10", 0).address;
    assert_true(services_is_vpn(scene.services, &server));
    assert_false(services_is_sstp(scene.services, &server));
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, false)); /* SSTP, where IKE does not get through */
    add("198.51.100.11", SSTP_KIND_OTHER);
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, false));
    assert_false(counts("198.51.100.11", SSTP_KIND_UNSURE, true)); /* beside it, but a web server, though it is silent now */
    add("198.51.100.10", SSTP_KIND_OTHER);
    assert_false(counts("198.51.100.10", SSTP_KIND_UNSURE, false));
    add("198.51.100.10", SSTP_KIND_TUNNEL);
    assert_true(services_is_sstp(scene.services, &server));
    assert_true(counts("198.51.100.10", SSTP_KIND_UNSURE, false));
}

/* A handshake, and then the client goes. */
static struct exchange *look(int64_t second)
{
    struct exchange *x = tls("198.51.100.10", SSTP_KIND_UNSURE, "vpn.example.com", second);
    answer(x);
    x->sstp.carrier = SSTP_CARRIER_TLS;
    x->sstp.tls.server_hello = x->sstp.tls.client_finished = x->sstp.tls.server_finished = true;
    x->sstp.tls.version = 0x0303;
    x->sstp.tls.cipher_suite = 0xc030;
    return x;
}

static void test_regular_looks_at_a_certificate_are_a_monitor(void **state)
{
    (void)state;
    enum { LOOKS = 40 };
    services_learn(scene.services, tls("198.51.100.10", SSTP_KIND_TUNNEL, "vpn.example.com", 0));
    for (int i = 0; i < LOOKS; i++)
        assert_true(probes_add(scene.probes, look(60 * i)));
    const struct finding *f = raised(FINDING_PROBE_SEEN);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_int_equal(f->confidence, CONFIDENCE_HINT);
    assert_true(says(f, "regularity"));
    scene.x.id = PROBE_LISTED;
    assert_true(probes_has(scene.probes, &scene.x) && probes_lists(scene.probes, &scene.x));
    scene.x.id = LOOKS; /* one series is one session: the first ones stand for it */
    assert_true(probes_has(scene.probes, &scene.x));
    assert_false(probes_lists(scene.probes, &scene.x));
    scene.x.sstp.tls.alerts[0] = (struct alert_fact){.from_client = true, .level = 2, .code = 48};
    scene.x.sstp.tls.alert_count = 1; /* who says why did not only look */
    assert_false(probes_has(scene.probes, &scene.x));
}

/* A timer may dial for a client that refuses the certificate, and nobody shows that there is nothing to refuse. */
static void test_regular_looks_where_nobody_gets_a_tunnel(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        assert_true(probes_add(scene.probes, look(60 * i)));
    assert_null(raised(FINDING_PROBE_SEEN));
    assert_false(probes_has(scene.probes, &scene.x));
}

static void test_user_who_dials_again_is_no_monitor(void **state)
{
    static const int seconds[] = {0, 1, 4, 30, 31, 90, 95, 300};
    (void)state;
    for (int i = 0; i < 20; i++) { /* behind the same address there is a monitor that probes without a name */
        struct exchange *x = connection("203.0.113.7", "198.51.100.10", SSTP_KIND_PROBE, 10 * i);
        answer(x);
        (void)probes_add(scene.probes, x);
    }
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        assert_true(probes_add(scene.probes, look(seconds[i])));
    assert_non_null(raised(FINDING_PROBE_SEEN));
    assert_false(probes_has(scene.probes, &scene.x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_series_is_one_finding, begin, end),
        cmocka_unit_test_setup_teardown(test_who_knocks_now_and_then_scans, begin, end),
        cmocka_unit_test_setup_teardown(test_failing_probes_are_a_server_that_is_down, begin, end),
        cmocka_unit_test_setup_teardown(test_failing_probes_that_may_be_a_client, begin, end),
        cmocka_unit_test_setup_teardown(test_server_that_was_down_for_a_while, begin, end),
        cmocka_unit_test_setup_teardown(test_two_lost_probes_are_no_outage, begin, end),
        cmocka_unit_test_setup_teardown(test_attempts_that_are_not_regular_are_no_probes, begin, end),
        cmocka_unit_test_setup_teardown(test_regular_attempts_are_probes, begin, end),
        cmocka_unit_test_setup_teardown(test_failing_probes_of_no_vpn_server, begin, end),
        cmocka_unit_test_setup_teardown(test_unsure_alone_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_among_web_servers_unsure_does_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_many_servers_are_no_vpn, begin, end),
        cmocka_unit_test_setup_teardown(test_known_vpn_tells, begin, end),
        cmocka_unit_test_setup_teardown(test_named_server_is_known, begin, end),
        cmocka_unit_test_setup_teardown(test_scanners_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_ike_and_web_on_one_server, begin, end),
        cmocka_unit_test_setup_teardown(test_other_ports_are_other_services, begin, end),
        cmocka_unit_test_setup_teardown(test_regular_looks_at_a_certificate_are_a_monitor, begin, end),
        cmocka_unit_test_setup_teardown(test_regular_looks_where_nobody_gets_a_tunnel, begin, end),
        cmocka_unit_test_setup_teardown(test_user_who_dials_again_is_no_monitor, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
