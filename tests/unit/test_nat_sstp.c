/* What SSTP adds to the verdict on translation: words of proxies, computers behind an address of the site, TCP against TLS,
 * hop counts, probes; both sides of a translator by the client random. What is public, or at the client, raises nothing. */
#include <stdlib.h>

#include "nat_by_hand.h"

#include "analyze/nat/nat_feed.h"
#include "dissect/crypto/digest.h"

#define SECOND INT64_C(1000000000)

static struct nat *fresh(const struct nat_settings *s)
{
    static const struct nat_settings none;
    struct nat *n = nat_new(s != NULL ? s : &none);
    assert_non_null(n);
    return n;
}

static uint64_t serial;

/* An established tunnel of a minute, one after the other. */
static struct nat_sstp_observation tunnel(const char *from, const char *to)
{
    serial++;
    int64_t begin = (int64_t)serial * 100 * SECOND;
    return (struct nat_sstp_observation){.client = at(from, (uint16_t)(50000 + serial % 10000)),
                                         .server = at(to, 443),
                                         .attempt = true,
                                         .established = true,
                                         .first_ns = begin,
                                         .last_ns = begin + 60 * SECOND,
                                         .place = {.frame = serial, .time_ns = begin}};
}

static bool says(const struct nat_verdict *v, const char *words)
{
    for (size_t i = 0; i < v->evidence_count; i++)
        if (strstr(v->evidence[i].what, words) != NULL)
            return true;
    return false;
}

/* The verdict of the only server; frees. */
static struct nat_verdict only(struct nat *n)
{
    struct nat_verdict v = only_verdict(n);
    nat_free(n);
    return v;
}

static struct nat_verdict one(const struct nat_settings *s, struct nat_sstp_observation o)
{
    struct nat *n = fresh(s);
    nat_add_sstp(n, &o);
    return only(n);
}

static void expect_recovered(const struct nat_verdict *v, const char *real, const char *how)
{
    const struct address r = address_of(real);
    for (size_t i = 0; i < v->recovered_count; i++)
        if (address_equal(&v->recovered[i].real.address, &r)) {
            assert_string_equal(v->recovered[i].how, how);
            return;
        }
    fail_msg("%s was not recovered", real);
}

static struct nat_sstp_observation proxied(const char *from, const char *to, const char *real, const char *called)
{
    struct nat_sstp_observation o = tunnel(from, to);
    o.proxied = at(real, 51000);
    o.proxied_to = at(called, 443);
    o.proxied_place = o.place;
    return o;
}

static struct nat_sstp_observation forwarded(const char *from, const char *to, const char *real)
{
    struct nat_sstp_observation o = tunnel(from, to);
    o.forwarded = at(real, 0);
    o.forwarded_place = o.place;
    return o;
}

static void proxy_protocol(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    static const char *const clients[] = {"203.0.113.22", "203.0.113.66", "203.0.113.22"};
    for (size_t i = 0; i < 3; i++) {
        struct nat_sstp_observation o = proxied("172.20.30.4", "172.20.30.11", clients[i], "198.51.100.10");
        o.attempt = i > 0; /* the words count also where nothing else tells that it is SSTP */
        nat_add_sstp(n, &o);
    }
    struct nat_verdict v = only(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, 2);
    assert_int_equal(v.sessions, 3);
    assert_true(v.proxied && v.sstp_only && v.destination_translated);
    expect_recovered(&v, "203.0.113.22", "PROXY protocol");
    expect_recovered(&v, "203.0.113.66", "PROXY protocol");
    expect_recovered(&v, "198.51.100.10", "PROXY protocol");
    assert_true(says(&v, "names the client 203.0.113.22:51000"));

    v = one(NULL, proxied("2001:db8:30::4", "2001:db8:30::11", "2001:db8:64::66", "2001:db8:30::10"));
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_recovered(&v, "2001:db8:64::66", "PROXY protocol");

    /* A transparent proxy changes nothing for the server. */
    v = one(NULL, proxied("203.0.113.22", "172.20.30.11", "203.0.113.22", "198.51.100.10"));
    expect(&v, NAT_DNAT_ONLY, CONFIDENCE_CERTAIN);
    v = one(NULL, proxied("203.0.113.22", "198.51.100.10", "203.0.113.22", "198.51.100.10"));
    expect(&v, NAT_NONE, CONFIDENCE_CERTAIN);
}

/* Anybody can send such a header; a server that sets up a tunnel behind it was told to expect it. */
static void forged_words_prove_nothing(void **state)
{
    (void)state;
    struct nat_sstp_observation o = proxied("203.0.113.99", "198.51.100.10", "192.0.2.1", "198.51.100.10");
    o.established = false;
    struct nat_verdict v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    o.attempt = false;
    v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    o.attempt = o.established = true;
    v = one(NULL, o);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    o = forwarded("203.0.113.99", "198.51.100.10", "192.0.2.1");
    o.established = false;
    v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
}

static void forwarded_headers(void **state)
{
    (void)state;
    struct nat_sstp_observation o = forwarded("172.20.30.4", "172.20.30.11", "203.0.113.22");
    o.clear = true;
    struct nat_verdict v = one(NULL, o);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_recovered(&v, "203.0.113.22", "X-Forwarded-For");
    assert_true(v.proxied && says(&v, "without TLS"));
    v = one(NULL, forwarded("203.0.113.22", "172.20.30.11", "203.0.113.22"));
    expect(&v, NAT_NONE, CONFIDENCE_STRONG);
    /* A proxy of the client's office that breaks TLS open is the client's own affair. */
    v = one(NULL, forwarded("203.0.113.22", "172.20.30.11", "192.168.178.23"));
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
    v = one(NULL, forwarded("192.168.178.1", "198.51.100.10", "192.168.178.23"));
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
}

static void clear_sstp_comes_from_a_proxy(void **state)
{
    (void)state;
    struct nat_sstp_observation o = tunnel("172.20.30.4", "172.20.30.11");
    o.clear = true;
    struct nat_verdict v = one(NULL, o);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    o.client = at("203.0.113.22", 50000); /* the proxy is transparent */
    v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    o = proxied("172.20.30.77", "172.20.30.11", "172.20.30.77", "172.20.30.10"); /* and its client internal */
    o.clear = true;
    v = one(NULL, o);
    expect(&v, NAT_DNAT_ONLY, CONFIDENCE_CERTAIN);
}

/* count tunnels from one address, `overlap`: all at once; names from 1, 0: none. */
static struct nat_verdict crowd(const char *from, const char *to, unsigned count, bool overlap, unsigned computers,
                                unsigned users)
{
    struct nat *n = fresh(NULL);
    for (unsigned i = 0; i < count; i++) {
        struct nat_sstp_observation o = tunnel(from, to);
        if (overlap)
            o.last_ns += 100000 * SECOND;
        o.computer = computers > 0 ? 1 + i % computers : 0;
        o.user = users > 0 ? 1 + i % users : 0;
        nat_add_sstp(n, &o);
    }
    return only(n);
}

static void several_computers_behind_one_address(void **state)
{
    (void)state;
    static const char SERVER[] = "172.20.30.11", BESIDE[] = "172.20.30.4", INSIDE[] = "10.9.8.7";
    struct nat_verdict v = crowd(BESIDE, SERVER, 2, true, 2, 2);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, 2);
    v = crowd(BESIDE, SERVER, 4, false, 4, 4);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, 4);
    assert_true(says(&v, "at least 4 computers and 4 users"));
    v = crowd(BESIDE, SERVER, 4, false, 0, 4);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    v = crowd(BESIDE, SERVER, 3, true, 0, 0);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_int_equal(v.hidden_clients, 3);
    v = crowd("2001:db8:30::4", "2001:db8:30::11", 3, true, 0, 0);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    v = crowd(INSIDE, SERVER, 2, true, 2, 2);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    v = crowd(INSIDE, SERVER, 4, false, 4, 4);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    v = crowd(INSIDE, SERVER, 3, true, 0, 0);
    expect(&v, NAT_SNAT, CONFIDENCE_HINT);
    /* One computer that comes again and again, or two after each other on one address. */
    v = crowd(BESIDE, SERVER, 20, false, 1, 1);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    v = crowd(BESIDE, SERVER, 2, false, 2, 2);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    v = crowd(BESIDE, SERVER, 1, false, 0, 0);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    v = crowd(INSIDE, SERVER, 20, false, 1, 1);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
}

static void offices_and_carriers_are_no_alarm(void **state)
{
    (void)state;
    struct nat_verdict v = crowd("203.0.113.22", "172.20.30.11", 40, true, 20, 20);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    v = crowd("2001:db8:64::66", "2001:db8:30::11", 40, true, 20, 20);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    /* The client's side of the way: a home, a carrier's own network. */
    v = crowd("192.168.178.23", "198.51.100.10", 4, true, 4, 4);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    v = crowd("100.64.7.7", "198.51.100.10", 40, true, 20, 20);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
}

static void what_remains_open_is_said(void **state)
{
    (void)state;
    struct nat_verdict v = one(NULL, tunnel("203.0.113.22", "172.20.30.11"));
    assert_non_null(strstr(v.reason, "IKEv2"));
    v = one(NULL, tunnel("172.20.30.4", "172.20.30.11"));
    assert_non_null(strstr(v.reason, "--internal"));
    v = one(NULL, tunnel("192.168.178.23", "198.51.100.10"));
    assert_non_null(strstr(v.reason, "client's side"));
    /* The server logs the address that is seen anyway: that shows nothing new. */
    struct nat *n = fresh(NULL);
    struct nat_sstp_observation o = tunnel("203.0.113.22", "172.20.30.11");
    nat_add_sstp(n, &o);
    nat_add_radius(n, &(struct nat_radius_observation){.server = o.server.address, .client = o.client.address, .user = 1,
                                                       .place = o.place});
    v = only(n);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    assert_false(v.sstp_only);
}

static void what_is_declared(void **state)
{
    (void)state;
    const struct address balancers[] = {address_of("10.1.1.4")}, vips[] = {address_of("172.20.30.10")};
    const struct nat_network internal[] = {{address_of("10.0.0.0"), 8}};
    const struct nat_settings s = {.load_balancers = balancers, .load_balancer_count = 1, .vips = vips, .vip_count = 1,
                                   .internal = internal, .internal_count = 1};
    struct nat_verdict v = one(&s, tunnel("10.1.1.4", "172.20.30.11"));
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    v = one(&s, tunnel("172.20.30.10", "172.20.30.11"));
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    v = one(&s, tunnel("10.1.1.9", "172.20.30.11"));
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
}

static void hop_counts(void **state)
{
    (void)state;
    struct nat_sstp_observation o = tunnel("172.20.30.4", "172.20.30.11");
    static const struct { uint8_t ttl; enum nat_kind kind; } rows[] = {
        {64, NAT_UNKNOWN}, {128, NAT_UNKNOWN}, {255, NAT_UNKNOWN}, {63, NAT_UNKNOWN}, {127, NAT_UNKNOWN}, {0, NAT_UNKNOWN},
        {61, NAT_SNAT}, {125, NAT_SNAT}, {240, NAT_SNAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        o.ttl = rows[i].ttl;
        struct nat_verdict v = one(NULL, o);
        expect(&v, rows[i].kind, rows[i].kind == NAT_SNAT ? CONFIDENCE_STRONG : CONFIDENCE_HINT);
    }
    struct nat *n = fresh(NULL);
    static const uint8_t ttls[] = {64, 125, 61};
    for (size_t i = 0; i < 3; i++) {
        o.ttl = ttls[i];
        nat_add_sstp(n, &o);
    }
    struct nat_verdict v = only(n);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_true(says(&v, "passed 0 to 3 routers"));
    /* 20 sources of the Internet, all as near: somebody in front makes their connections anew. Addresses are not hidden. */
    for (unsigned alike = 0; alike < 2; alike++) {
        n = fresh(NULL);
        for (unsigned i = 0; i < 20; i++) {
            char from[ADDRESS_TEXT];
            snprintf(from, sizeof from, "203.0.113.%u", i + 1);
            o = tunnel(from, "172.20.30.11");
            o.ttl = (uint8_t)(alike == 1 ? (i % 2 == 0 ? 63 : 64) : 110 + i % 9);
            nat_add_sstp(n, &o);
        }
        v = only(n);
        expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
        assert_int_equal(says(&v, "same number of routers"), alike == 1);
    }
}

static void windows_tls_in_linux_tcp(void **state)
{
    (void)state;
    struct nat_sstp_observation o = tunnel("172.20.30.4", "172.20.30.11");
    o.schannel = o.linux_stack = true;
    struct nat_verdict v = one(NULL, o);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_true(says(&v, "Linux kernel"));
    o.client = at("10.9.8.7", 50000);
    v = one(NULL, o);
    expect(&v, NAT_SNAT, CONFIDENCE_HINT);
    o.client = at("203.0.113.7", 50000); /* carriers' accelerators do that too */
    v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    o.client = at("172.20.30.4", 50000);
    o.schannel = false;
    v = one(NULL, o);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
}

static void health_probes(void **state)
{
    (void)state;
    const struct address balancer = address_of("172.20.30.4"), server = address_of("172.20.30.11"), scanner = address_of("203.0.113.9");
    struct nat *n = fresh(NULL);
    nat_add_probes(n, &balancer, &server, 9);
    nat_add_probes(n, &scanner, &server, 9);
    assert_int_equal(nat_verdicts(n), 0);
    for (int i = 0; i < 2; i++) {
        struct nat_sstp_observation o = tunnel("172.20.30.4", "172.20.30.11");
        nat_add_sstp(n, &o);
        o = tunnel("203.0.113.9", "172.20.30.11");
        nat_add_sstp(n, &o);
    }
    struct nat_verdict v = only(n);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_int_equal(v.sources, 1);
    assert_true(says(&v, "9 health probes"));
    n = fresh(NULL);
    struct nat_sstp_observation o = tunnel("172.20.30.4", "172.20.30.11"), check = o, forged = tunnel("203.0.113.9", "172.20.30.11");
    check.attempt = check.established = false;
    check.balancer = forged.balancer = true; /* PROXY protocol, LOCAL */
    nat_add_sstp(n, &check);
    nat_add_sstp(n, &forged);
    nat_add_sstp(n, &o);
    v = only(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.sources, 1);
}

/* Names of suites and their order as in Microsoft's lists; JA4 hashes their sorted numbers. */
static void schannel_is_known_by_its_suites(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "000a,002f,0035,003c,003d,009c,009d,009e,009f,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
        "000a,002f,0035,003c,003d,009c,009d,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
        "002f,0035,003c,003d,009c,009d,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
        "002f,0035,003c,003d,009c,009d,009e,009f,1301,1302,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
        "002f,0035,003c,003d,009c,009d,1301,1302,c009,c00a,c013,c014,c023,c024,c027,c028,c02b,c02c,c02f,c030",
    };
    struct digests *d = digests_new();
    assert_non_null(d);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        uint8_t hash[DIGEST_MAX];
        char ja4[40];
        const struct span list = span_of(lists[i], strlen(lists[i]));
        assert_true(digest_compute(d, DIGEST_SHA256, &list, 1, hash));
        snprintf(ja4, sizeof ja4, "t12d190800_%02x%02x%02x%02x%02x%02x_7af1ed941c26", hash[0], hash[1], hash[2], hash[3], hash[4],
                 hash[5]);
        assert_true(nat_is_schannel(ja4));
        ja4[11] ^= 1;
        assert_false(nat_is_schannel(ja4));
    }
    digests_free(d);
    assert_false(nat_is_schannel(""));
    assert_false(nat_is_schannel("t12d190800_d83cc789557"));
    assert_false(nat_is_schannel("t13d1516h2_8daaf6152771_e5627efa2ab1"));
}

/* A finished connection, as the trackers hand it over. */
static void connection(struct exchange *x, const char *from, const char *to, uint32_t capture, int64_t seconds, uint8_t random)
{
    static uint64_t frame;
    memset(x, 0, sizeof *x);
    x->type = CONVERSATION_SSTP;
    x->outcome = OUTCOME_ESTABLISHED;
    x->client = at(from, 50001);
    x->server = at(to, 443);
    x->first = x->last = (struct place){.capture = capture, .frame = ++frame, .time_ns = seconds * SECOND};
    x->sstp.kind = SSTP_KIND_TUNNEL;
    x->sstp.carrier = SSTP_CARRIER_TLS;
    x->sstp.tls.client_hello = true;
    x->sstp.tls.hello = x->first;
    memset(x->sstp.tls.random, random, sizeof x->sstp.tls.random);
}

static void feed(struct nat *n, struct nat_feed *f, const char *from, const char *to, uint32_t capture, int64_t seconds,
                 uint8_t random)
{
    struct exchange *x = malloc(sizeof *x);
    (void)n;
    assert_non_null(x);
    connection(x, from, to, capture, seconds, random);
    nat_feed_exchange(f, x, false);
    free(x);
}

static void both_sides_by_client_random(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    struct nat_feed *f = nat_feed_new(n, true);
    assert_non_null(f);
    feed(n, f, "203.0.113.22", "198.51.100.10", 0, 10, 1);
    feed(n, f, "203.0.113.66", "198.51.100.10", 0, 20, 2);
    feed(n, f, "172.20.30.4", "172.20.30.11", 1, 11, 1);
    feed(n, f, "172.20.30.4", "172.20.30.11", 1, 21, 2);
    struct nat_verdict v;
    assert_int_equal(nat_verdicts(n), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(nat_verdict_at(n, i, &v));
        expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
        assert_int_equal(v.hidden_clients, 2);
    }
    assert_int_equal(nat_proven_count(n), 2);
    nat_feed_free(f);
    nat_free(n);

    /* Destination NAT alone; in one capture of the load balancer itself. */
    n = fresh(NULL);
    f = nat_feed_new(n, false);
    assert_non_null(f);
    feed(n, f, "203.0.113.66", "198.51.100.10", 0, 10, 1);
    feed(n, f, "203.0.113.66", "172.20.30.11", 0, 10, 1);
    assert_int_equal(nat_verdicts(n), 2);
    assert_true(nat_verdict_at(n, 0, &v));
    expect(&v, NAT_DNAT_ONLY, CONFIDENCE_STRONG);
    nat_feed_free(f);
    nat_free(n);
}

/* A client random that comes again is a broken or hostile client, no translator. */
static void repeated_randoms_prove_nothing(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    struct nat_feed *f = nat_feed_new(n, false);
    assert_non_null(f);
    feed(n, f, "203.0.113.22", "172.20.30.11", 0, 10, 1);
    feed(n, f, "203.0.113.66", "172.20.30.11", 0, 11, 1);
    feed(n, f, "203.0.113.66", "172.20.30.12", 0, 12, 1);
    feed(n, f, "10.3.3.3", "172.20.30.12", 0, 100, 1);
    assert_int_equal(nat_proven_count(n), 0);
    nat_feed_free(f);
    nat_free(n);
}

static void facts_become_observations(void **state)
{
    (void)state;
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(x);
    struct nat *n = fresh(NULL);
    struct nat_feed *f = nat_feed_new(n, false);
    assert_non_null(f);
    static const uint8_t linux_order[] = {2, 4, 8, 1, 3};
    connection(x, "172.20.30.4", "172.20.30.11", 0, 10, 1);
    struct tcp_syn *syn = &x->sstp.tcp.sent[TCP_CLIENT].syn;
    syn->seen = syn->timestamps = syn->sack_permitted = syn->has_window_scale = true;
    syn->ttl = 64;
    syn->kind_count = sizeof linux_order;
    memcpy(syn->kinds, linux_order, sizeof linux_order);
    snprintf(x->sstp.tls.ja4, sizeof x->sstp.tls.ja4, "t12d190800_d83cc789557e_7af1ed941c26");
    nat_feed_exchange(f, x, false);
    for (uint8_t i = 0; i < 3; i++) {
        connection(x, "172.20.30.5", "172.20.30.12", 0, 20 + i, (uint8_t)(2 + i));
        x->sstp.has_ppp = true;
        x->sstp.ppp.computer_len = 4;
        snprintf(x->sstp.ppp.computer, sizeof x->sstp.ppp.computer, "PC%02d", i);
        nat_feed_exchange(f, x, false);
        connection(x, "172.20.30.6", "172.20.30.13", 0, 30 + i, (uint8_t)(12 + i));
        x->sstp.kind = i == 0 ? SSTP_KIND_OTHER : i == 1 ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
        nat_feed_exchange(f, x, false);
    }
    struct nat_verdict v;
    assert_int_equal(nat_verdicts(n), 2);
    assert_true(nat_verdict_at(n, 0, &v));
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_true(nat_verdict_at(n, 1, &v));
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, 3);
    nat_feed_free(f);
    nat_free(n);
    free(x);
}

/* Ten thousand sources, hidden clients, names and probers: bounded, and the verdict stands. */
static void flood(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    for (unsigned i = 0; i < 10000; i++) {
        char text[ADDRESS_TEXT];
        snprintf(text, sizeof text, "11.%u.%u.7", i / 256, i % 256);
        struct nat_sstp_observation o = tunnel(text, "172.20.30.11");
        nat_add_sstp(n, &o);
        o = proxied("172.20.30.4", "172.20.30.11", text, "198.51.100.10");
        o.computer = o.user = i + 1;
        o.last_ns += (int64_t)(i % 7) * 100 * SECOND;
        nat_add_sstp(n, &o);
        snprintf(text, sizeof text, "10.%u.%u.7", i / 256, i % 256);
        const struct address prober = address_of(text);
        nat_add_probes(n, &prober, &o.server.address, i);
    }
    struct nat_verdict v = only(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.sources, 1);
    assert_int_equal(v.tunnels, 20000);
    assert_int_equal(v.recovered_count, NAT_RECOVERED_MAX);
    assert_true(v.recovered_total >= 10000 && v.hidden_clients >= NAT_HIDDEN_MAX && v.hidden_clients <= 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxy_protocol),
        cmocka_unit_test(forged_words_prove_nothing),
        cmocka_unit_test(forwarded_headers),
        cmocka_unit_test(clear_sstp_comes_from_a_proxy),
        cmocka_unit_test(several_computers_behind_one_address),
        cmocka_unit_test(offices_and_carriers_are_no_alarm),
        cmocka_unit_test(what_remains_open_is_said),
        cmocka_unit_test(what_is_declared),
        cmocka_unit_test(hop_counts),
        cmocka_unit_test(windows_tls_in_linux_tcp),
        cmocka_unit_test(health_probes),
        cmocka_unit_test(schannel_is_known_by_its_suites),
        cmocka_unit_test(both_sides_by_client_random),
        cmocka_unit_test(repeated_randoms_prove_nothing),
        cmocka_unit_test(facts_become_observations),
        cmocka_unit_test(flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
