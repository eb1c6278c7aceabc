/* One verdict a server: every row of wire-facts 9.1, every capture point of the lab, captures at the client, RADIUS, proven
 * translations, what is not SNAT; ceilings and budgets. Hashes are made from addresses that the verdict is not told. */
#include "bytes_by_hand.h"
#include "nat_by_hand.h"

static struct digests *digests;

/* One association: where its ends are, and what this capture point and the server see. Ports are 500 but for seen_port and
 * saw_port. */
struct way {
    const char *client, *called;             /* the client's own address, and the one that it calls */
    const char *seen_client, *seen_server;   /* at this point */
    const char *server, *saw;                /* the server's own, and what it sees as the client; NULL: no answer seen */
    uint16_t seen_port, saw_port;            /* 0: 500 */
    enum nat_maker maker;
    bool half_open, fake_client, fake_server; /* fake: a random address with port 0 as SOURCE (wire-facts 3.4) */
    enum nat_link link;
    int64_t from, to;
};

static uint64_t serial;

static void hash(uint8_t *out, const struct nat_ike_observation *o, const struct nat_message *m, const struct endpoint *e)
{
    assert_true(nat_hash(digests, o->initiator_spi, m->responder_spi, e, out));
}

static void fill(const struct way *w, struct nat_ike_observation *o)
{
    uint16_t seen_port = w->seen_port != 0 ? w->seen_port : 500, saw_port = w->saw_port != 0 ? w->saw_port : seen_port;
    const struct endpoint fake = at("141.22.33.44", 0), client = at(w->client, 500), called = at(w->called, 500);
    serial++;
    *o = (struct nat_ike_observation){.established = !w->half_open, .first_ns = w->from, .last_ns = w->to, .link = w->link};
    memcpy(o->initiator_spi, &serial, sizeof serial);
    struct nat_message *m = &o->request;
    *m = (struct nat_message){.seen = true, .maker = w->maker, .source = at(w->seen_client, seen_port),
                              .destination = at(w->seen_server, 500), .source_count = 1, .has_destination = true,
                              .place = {.frame = 2 * serial - 1}};
    hash(m->sources[0], o, m, w->fake_client ? &fake : &client);
    hash(m->destination_hash, o, m, &called);
    if (w->server == NULL)
        return;
    const struct endpoint server = at(w->server, 500), saw = at(w->saw, saw_port);
    m = &o->response;
    *m = (struct nat_message){.seen = true, .maker = w->maker, .source = at(w->seen_server, 500), .responder_spi = {[7] = 9},
                              .destination = at(w->seen_client, seen_port), .source_count = 1, .has_destination = true,
                              .place = {.frame = 2 * serial}};
    hash(m->sources[0], o, m, w->fake_server ? &fake : &server);
    hash(m->destination_hash, o, m, &saw);
}

static void observe(struct nat *n, const struct way *w)
{
    struct nat_ike_observation o;
    fill(w, &o);
    nat_add_ike(n, &o);
}

/* Enough for all that is usual, not for every private address. */
enum { SHALLOW = 400000 };

static struct nat *fresh(const struct nat_settings *s)
{
    static const struct nat_settings none = {.question_budget = SHALLOW};
    struct nat *n = nat_new(s != NULL ? s : &none);
    assert_non_null(n);
    return n;
}

/* One association, one verdict. */
static struct nat_verdict one(const struct nat_settings *s, struct way w, enum nat_kind kind, enum confidence sure)
{
    struct nat *n = fresh(s);
    observe(n, &w);
    struct nat_verdict v = only_verdict(n);
    expect(&v, kind, sure);
    nat_free(n);
    return v;
}

static void expect_recovered(const struct nat_verdict *v, const char *seen, uint16_t seen_port, const char *real,
                             uint16_t real_port)
{
    const struct endpoint s = at(seen, seen_port), r = at(real, real_port);
    for (size_t i = 0; i < v->recovered_count; i++)
        if (endpoint_equal(&v->recovered[i].seen, &s) && endpoint_equal(&v->recovered[i].real, &r)) {
            assert_non_null(v->recovered[i].how);
            return;
        }
    fail_msg("%s -> %s was not recovered", seen, real);
}

static void expect_source(const struct nat_verdict *v, const char *text)
{
    const struct address a = address_of(text);
    assert_true(address_equal(&v->source, &a));
}

#define WINDOWS .maker = NAT_MAKER_WINDOWS
#define STRONGSWAN .maker = NAT_MAKER_STRONGSWAN

static const struct nat_settings *site(void)
{
    static struct nat_network internal[1];
    static struct address vips[1];
    static struct nat_settings s;
    internal[0] = (struct nat_network){address_of("10.20.0.0"), 16};
    vips[0] = address_of("203.0.113.10");
    s = (struct nat_settings){.internal = internal, .internal_count = 1, .vips = vips, .vip_count = 1,
                               .question_budget = SHALLOW};
    return &s;
}

static const struct nat_settings *site_in_depth(void)
{
    static struct nat_settings s;
    s = *site();
    s.question_budget = 0;
    return &s;
}

static const struct nat_settings deep = {.question_budget = 0};

/* wire-facts 11.3: its reading, with the hashes that it prints. */
static struct nat_ike_observation printed(const char *from, uint16_t port, bool answer_seen)
{
    struct nat_ike_observation o = {.established = true};
    hex("a1b2c3d4e5f60718", o.initiator_spi);
    struct nat_message *m = &o.request;
    *m = (struct nat_message){.seen = true, WINDOWS, .source = at(from, port), .destination = at("10.20.30.11", 500),
                              .source_count = 1, .has_destination = true, .place = {.frame = 7}};
    hex("20f941f1037c4776a9de2a2dfabd2035cd266e26", m->sources[0]);
    hex("353c9acf7083ec324ffaa4cbf740d2c473c22747", m->destination_hash);
    if (answer_seen) {
        m = &o.response;
        *m = (struct nat_message){.seen = true, WINDOWS, .source = at("10.20.30.11", 500), .destination = at(from, port),
                                  .source_count = 1, .has_destination = true, .place = {.frame = 8}};
        hex("1122334455667788", m->responder_spi);
        hex("883d426e85e572ae5f213cba74d0b9e41fb010cc", m->sources[0]);
        hex("e938401fa1d51d0f8b63ecfa58385cdd7989866a", m->destination_hash);
    }
    return o;
}

static void printed_reading(void **state)
{
    (void)state;
    struct nat *n = fresh(site());
    struct nat_ike_observation o = printed("198.51.100.7", 500, false);
    nat_add_ike(n, &o);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    assert_int_equal(v.client_sessions, 1);
    assert_true(v.destination_translated && v.destination_confidence == CONFIDENCE_CERTAIN);
    expect_recovered(&v, "198.51.100.7", 500, "192.168.178.23", 500);
    expect_recovered(&v, "10.20.30.11", 500, "203.0.113.10", 500);
    nat_free(n);

    n = fresh(site());
    o = printed("10.20.30.4", 1024, true);
    nat_add_ike(n, &o);
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_source(&v, "10.20.30.4");
    expect_recovered(&v, "10.20.30.4", 1024, "192.168.178.23", 500);
    assert_int_equal(v.evidence[0].place.frame, 7);
    assert_int_equal(v.hidden_clients, 1);
    nat_free(n);
}

/* The first public recording of 11.3: at a Windows client behind a home router. */
static void printed_recording_at_a_client(void **state)
{
    (void)state;
    struct nat_ike_observation o = {.established = true};
    hex("238671c80375a0fb", o.initiator_spi);
    o.request = (struct nat_message){.seen = true, WINDOWS, .source = at("192.168.0.10", 500), .source_count = 1,
                                     .destination = at("144.76.154.114", 500), .has_destination = true, .place = {.frame = 1}};
    hex("ed0f45d615ee1cc7f636df4ee075fd9d18791bb1", o.request.sources[0]);
    hex("52749dfdd6970df361f69d01015724d708dc4544", o.request.destination_hash);
    o.response = (struct nat_message){.seen = true, STRONGSWAN, .source = at("144.76.154.114", 500), .source_count = 1,
                                      .destination = at("192.168.0.10", 500), .has_destination = true, .place = {.frame = 2}};
    hex("73d16a42f60ef7f0", o.response.responder_spi);
    hex("3d40f7d9409d85f141669ecab3f340d0147945a4", o.response.sources[0]);
    memset(o.response.destination_hash, 0x5a, NAT_HASH); /* differs, as printed */
    struct nat *n = fresh(NULL);
    nat_add_ike(n, &o);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
    assert_non_null(strstr(v.reason, "not excluded"));
    nat_free(n);
}

/* wire-facts 9.1, from its first row to its last. */
static void rows_without_source_nat(void **state)
{
    (void)state;
    const struct way public = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "203.0.113.10", "203.0.113.10", "198.51.100.7", WINDOWS};
    one(NULL, public, NAT_NONE, CONFIDENCE_CERTAIN);
    one(site(), public, NAT_NONE, CONFIDENCE_CERTAIN);
    const struct way internal = {"10.20.5.5", "10.20.30.11", "10.20.5.5", "10.20.30.11", "10.20.30.11", "10.20.5.5", WINDOWS};
    one(site(), internal, NAT_NONE, CONFIDENCE_CERTAIN);
}

static void row_home_router(void **state)
{
    (void)state;
    struct way w = {"192.168.178.23", "203.0.113.10", "198.51.100.7", "203.0.113.10", "203.0.113.10", "198.51.100.7", WINDOWS};
    struct nat_verdict v = one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    expect_recovered(&v, "198.51.100.7", 500, "192.168.178.23", 500);
    w.maker = NAT_MAKER_STRONGSWAN; /* what is recovered needs no vendor id */
    one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    w.client = "100.77.1.2"; /* a phone on carrier-grade NAT: only found in depth */
    w.seen_port = 33333;
    v = one(&deep, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    expect_recovered(&v, "198.51.100.7", 33333, "100.77.1.2", 500);
}

static void row_load_balancer(void **state)
{
    (void)state;
    struct way w = {"192.168.1.50", "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", .seen_port = 1024, WINDOWS};
    struct nat_verdict v = one(NULL, w, NAT_SNAT, CONFIDENCE_CERTAIN); /* in the server's /24 */
    expect_source(&v, "10.20.30.4");
    w.link = NAT_LINK_ON;
    one(NULL, w, NAT_SNAT, CONFIDENCE_CERTAIN);
    w.seen_client = w.saw = "203.0.113.99"; /* a public neighbour by ARP */
    one(NULL, w, NAT_SNAT, CONFIDENCE_CERTAIN);
    w.link = NAT_LINK_UNKNOWN;
    const struct address balancers[] = {address_of("203.0.113.99")};
    const struct nat_settings declared = {.load_balancers = balancers, .load_balancer_count = 1, .question_budget = SHALLOW};
    one(&declared, w, NAT_SNAT, CONFIDENCE_CERTAIN);
    one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN); /* nothing tells it from a home router */
    struct nat *n = fresh(NULL);
    nat_add_load_balancer(n, &balancers[0]);
    observe(n, &w);
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    nat_free(n);
}

static void row_unrelated_homes_behind_a_private_address(void **state)
{
    (void)state;
    static const char *const homes[] = {"192.168.178.20", "192.168.0.5", "10.0.0.7", "192.168.178.20"};
    struct nat *n = fresh(NULL);
    struct way w = {NULL, "203.0.113.10", "10.99.0.4", "10.20.30.11", "10.20.30.11", "10.99.0.4", .seen_port = 111, WINDOWS};
    for (size_t i = 0; i < 4; i++) {
        w.client = homes[i];
        w.seen_port++;
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, 3);
    assert_int_equal(v.sessions, 4);
    assert_int_equal(v.destination_sessions, 4);
    nat_free(n);
}

static void row_one_address_behind_a_private_one(void **state)
{
    (void)state;
    struct way w = {"192.168.1.50", "10.20.30.11", "10.99.0.4", "10.20.30.11", "10.20.30.11", "10.99.0.4", WINDOWS};
    one(NULL, w, NAT_SNAT, CONFIDENCE_STRONG);
    w.client = "172.17.0.2"; /* a container (wire-facts 9.5) */
    one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
    w.seen_client = w.saw = "10.20.30.50"; /* on a computer in the server's network */
    one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
}

/* count computers of unrelated homes behind a pool of public addresses. */
static struct nat *behind_public(size_t count, const char *const *sources, size_t source_count)
{
    static const char *const nets[] = {"192.168.178", "192.168.0", "192.168.1", "192.168.2", "10.0.0"};
    struct nat *n = fresh(NULL);
    for (size_t i = 0; i < count; i++) {
        char client[32];
        snprintf(client, sizeof client, "%s.%zu", nets[i % 5], 10 + i);
        const struct way w = {client, "203.0.113.10", sources[i % source_count], "203.0.113.10", "203.0.113.10",
                              sources[i % source_count], .seen_port = (uint16_t)(2000 + i), WINDOWS};
        observe(n, &w);
    }
    return n;
}

static void row_all_from_one_public_pool(void **state)
{
    (void)state;
    static const char *const pool[] = {"192.0.2.65", "192.0.2.66"};
    struct nat *n = behind_public(12, pool, 2);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    assert_int_equal(v.hidden_clients, 12);
    assert_int_equal(v.sources, 2);
    nat_free(n);

    n = behind_public(5, pool, 2); /* too few computers */
    v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
    nat_free(n);

    n = behind_public(12, pool, 2); /* carrier-grade NAT: somebody comes from elsewhere */
    const struct way other = {"192.168.1.3", "203.0.113.10", "198.51.100.7", "203.0.113.10", "203.0.113.10", "198.51.100.7", WINDOWS};
    observe(n, &other);
    v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    assert_int_equal(v.client_sessions, 13);
    nat_free(n);
}

static void office_behind_one_public_address(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    for (int i = 0; i < 30; i++) {
        char client[32];
        snprintf(client, sizeof client, "10.0.%d.%d", i % 2, 10 + i);
        const struct way w = {client, "203.0.113.10", "192.0.2.65", "203.0.113.10", "203.0.113.10", "192.0.2.65",
                              .seen_port = (uint16_t)(2000 + i), WINDOWS};
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    nat_free(n);
}

static void row_public_address_recovered(void **state)
{
    (void)state;
    const struct address publics[] = {address_of("198.51.100.7")};
    const struct nat_settings known = {.publics = publics, .public_count = 1, .question_budget = SHALLOW};
    struct way w = {"198.51.100.7", "203.0.113.10", "192.0.2.65", "203.0.113.10", "203.0.113.10", "192.0.2.65", WINDOWS};
    struct nat_verdict v = one(&known, w, NAT_SNAT, CONFIDENCE_STRONG);
    expect_recovered(&v, "192.0.2.65", 500, "198.51.100.7", 500);
    w.seen_client = w.saw = "10.20.30.4";
    w.seen_server = w.server = "10.20.30.11";
    one(&known, w, NAT_SNAT, CONFIDENCE_CERTAIN);
}

static void rows_of_hashes_that_stand_for_nothing_known(void **state)
{
    (void)state;
    const struct way off = {"198.51.100.7", "203.0.113.10", "10.99.0.4", "10.20.30.11", "10.20.30.11", "10.99.0.4", WINDOWS};
    const struct nat_verdict v = one(NULL, off, NAT_SNAT, CONFIDENCE_STRONG);
    assert_int_equal(v.hidden_clients, 1);
    struct way w = {"198.51.100.7", "10.20.30.11", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", WINDOWS};
    one(NULL, w, NAT_SNAT, CONFIDENCE_STRONG);
    w.link = NAT_LINK_ON;
    one(NULL, w, NAT_SNAT, CONFIDENCE_CERTAIN);
    w.maker = NAT_MAKER_STRONGSWAN; /* may be forced encapsulation */
    one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);
    w.called = "203.0.113.10"; /* ... but a neighbour does not come through the destination's translator, unless it is it */
    one(NULL, w, NAT_SNAT, CONFIDENCE_STRONG);
    struct way public = {"198.51.100.7", "203.0.113.10", "192.0.2.65", "203.0.113.10", "203.0.113.10", "192.0.2.65", WINDOWS};
    one(NULL, public, NAT_CLIENT_SIDE, CONFIDENCE_HINT);
    public.maker = NAT_MAKER_OTHER;
    one(NULL, public, NAT_UNKNOWN, CONFIDENCE_HINT);
}

/* lab-vpn.md, "What each capture point sees". */
static void capture_points_of_the_lab(void **state)
{
    (void)state;
    const struct { const char *name; struct way way; enum nat_kind kind; enum confidence sure; } points[] = {
        {"no NAT, m/m/m/m", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "203.0.113.10", "198.51.100.101", STRONGSWAN},
         NAT_NONE, CONFIDENCE_CERTAIN},
        {"server behind DNAT, m/d/m/m", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "10.20.30.11", "10.20.30.11", "198.51.100.101", STRONGSWAN},
         NAT_DNAT_ONLY, CONFIDENCE_CERTAIN},
        {"home NAT and DNAT, d/d/m/m", {"192.168.178.20", "203.0.113.10", "198.51.100.7", "10.20.30.11", "10.20.30.11", "198.51.100.7", .seen_port = 138, STRONGSWAN},
         NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN},
        {"DNAT and SNAT, d/d/m/m", {"198.51.100.101", "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", .seen_port = 464, STRONGSWAN},
         NAT_SNAT, CONFIDENCE_STRONG},
        {"home NAT, DNAT and SNAT", {"192.168.178.20", "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", .seen_port = 464, STRONGSWAN},
         NAT_SNAT, CONFIDENCE_CERTAIN},
        {"outside, DNAT, m/m/m/d", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "10.20.30.11", "198.51.100.101", STRONGSWAN},
         NAT_DNAT_ONLY, CONFIDENCE_CERTAIN},
        {"outside, DNAT and SNAT, m/m/d/d", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "10.20.30.11", "10.20.30.4", .saw_port = 1024, STRONGSWAN},
         NAT_SNAT, CONFIDENCE_CERTAIN},
        {"encapsulation forced by the client, d/m/m/m", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "203.0.113.10", "198.51.100.101", STRONGSWAN, .fake_client = true},
         NAT_UNKNOWN, CONFIDENCE_HINT},
        {"encapsulation forced by both, d/m/d/m", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "203.0.113.10", "198.51.100.101", STRONGSWAN, .fake_client = true, .fake_server = true},
         NAT_UNKNOWN, CONFIDENCE_HINT},
        {"encapsulation forced by the server, m/m/d/m", {"198.51.100.101", "203.0.113.10", "198.51.100.101", "203.0.113.10", "203.0.113.10", "198.51.100.101", STRONGSWAN, .fake_server = true},
         NAT_NONE, CONFIDENCE_CERTAIN},
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        print_message("%s\n", points[i].name);
        one(site_in_depth(), points[i].way, points[i].kind, points[i].sure);
    }
}

/* wire-facts 9.4. */
static void captures_at_the_client(void **state)
{
    (void)state;
    struct way w = {"192.168.1.50", "203.0.113.10", "192.168.1.50", "203.0.113.10", "10.20.30.11", "10.20.30.4", .saw_port = 40001, WINDOWS};
    struct nat_verdict v = one(&deep, w, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_source(&v, "10.20.30.4");
    expect_recovered(&v, "10.20.30.4", 40001, "192.168.1.50", 500); /* any port near a backend that betrayed itself */
    expect_recovered(&v, "203.0.113.10", 500, "10.20.30.11", 500);
    w.server = "203.0.113.10";
    w.saw_port = 500;
    one(&deep, w, NAT_SNAT, CONFIDENCE_CERTAIN);

    w.saw = "198.51.100.7"; /* the home router alone */
    one(NULL, w, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
    const struct address publics[] = {address_of("198.51.100.7")};
    const struct nat_settings known = {.publics = publics, .public_count = 1};
    v = one(&known, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    expect_recovered(&v, "198.51.100.7", 500, "192.168.1.50", 500);
    w.server = "10.20.30.11";
    v = one(&known, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    assert_true(v.destination_translated && v.destination_confidence == CONFIDENCE_CERTAIN);

    w.server = NULL; /* no answer: the client's own side shows nothing */
    one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);

    /* A public client sees itself rewritten to something that no search finds: DESTINATION hashes are not faked. */
    const struct way public = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "203.0.113.10", "203.0.113.10", "192.0.2.65", STRONGSWAN};
    v = one(NULL, public, NAT_SNAT, CONFIDENCE_STRONG);
    assert_int_equal(v.source.family, FAMILY_NONE);
    struct way kept = public; /* its address kept, its port not: nobody is hidden */
    kept.saw = "198.51.100.7";
    kept.saw_port = 61000;
    one(NULL, kept, NAT_NONE, CONFIDENCE_CERTAIN);
}

static void backends_are_counted_from_outside(void **state)
{
    (void)state;
    static const char *const backends[] = {"10.20.30.11", "10.20.30.12", "10.20.30.13"};
    struct nat *n = fresh(&deep);
    for (int i = 0; i < 90; i++) { /* the second and the third come late */
        const struct way w = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "203.0.113.10", backends[i < 60 ? 0 : i % 3], "198.51.100.7", WINDOWS};
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_DNAT_ONLY, CONFIDENCE_CERTAIN);
    assert_int_equal(v.recovered_total, 3);
    assert_int_equal(v.destination_sessions, 90);
    struct nat_counters c;
    nat_get_counters(n, &c);
    assert_true(c.candidates < 25000000); /* one search in depth */
    nat_free(n);
}

static void mixture_of_hidden_and_plain_clients(void **state)
{
    (void)state;
    struct nat *n = fresh(site());
    const struct way plain = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "10.20.30.11", "10.20.30.11", "198.51.100.7", WINDOWS};
    const struct way home = {"192.168.0.8", "203.0.113.10", "198.51.100.99", "10.20.30.11", "10.20.30.11", "198.51.100.99", WINDOWS};
    struct way hidden = {"192.168.1.50", "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", .seen_port = 1024, WINDOWS};
    for (int i = 0; i < 5; i++) {
        observe(n, &plain);
        observe(n, &home);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_DNAT_ONLY, CONFIDENCE_CERTAIN);
    assert_int_equal(v.client_sessions, 5);
    hidden.from = 10, hidden.to = 20;
    observe(n, &hidden);
    hidden.client = "192.168.1.51";
    observe(n, &hidden);
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.sessions, 2);
    assert_int_equal(v.hidden_clients, 2);
    assert_int_equal(v.sessions_all, 12);
    assert_int_equal(v.client_sessions, 5);
    nat_free(n);
}

/* The lab's firewall that hides clients of a server with a public address of its own. */
static void private_source_at_a_public_server(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    struct way w = {"192.168.178.20", "203.0.113.5", "172.20.30.4", "203.0.113.5", "203.0.113.5", "172.20.30.4", .seen_port = 138, STRONGSWAN};
    observe(n, &w);
    w.client = "198.51.100.101";
    observe(n, &w);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    expect_source(&v, "172.20.30.4");
    nat_free(n);

    n = fresh(&deep); /* the same from outside: the first keeps port 500, the others are found by it */
    for (uint16_t i = 0; i < 3; i++) {
        char client[32];
        snprintf(client, sizeof client, "198.51.100.%u", 101u + i);
        const struct way out = {client, "203.0.113.5", client, "203.0.113.5", "203.0.113.5", "172.20.30.4",
                                .saw_port = i == 1 ? 500 : (uint16_t)(300 + i), STRONGSWAN};
        observe(n, &out);
    }
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_source(&v, "172.20.30.4");
    assert_int_equal(v.hidden_clients, 3);
    assert_int_equal(v.recovered_total, 3);
    nat_free(n);
}

/* Six computers of a carrier's network behind one address: one search in depth, and the others near what it found. */
static void neighbours_are_found_near_each_other(void **state)
{
    (void)state;
    struct nat *n = fresh(&deep);
    for (uint16_t i = 0; i < 6; i++) {
        char client[32];
        snprintf(client, sizeof client, "100.64.7.%u", 11u + i);
        const struct way w = {client, "203.0.113.10", "203.0.113.30", "203.0.113.10", "203.0.113.10", "203.0.113.30",
                              .seen_port = (uint16_t)(400 + i), STRONGSWAN};
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    assert_int_equal(v.recovered_total, 6);
    struct nat_counters c;
    nat_get_counters(n, &c);
    assert_true(c.candidates < 25000000);
    nat_free(n);
}

/* A server with a public address of its own, from outside: the firewall's address is found on any port of a given network. */
static void given_network_is_searched_on_all_ports(void **state)
{
    (void)state;
    const struct nat_network internal[] = {{address_of("172.20.30.0"), 24}};
    const struct nat_settings known = {.internal = internal, .internal_count = 1};
    struct nat *n = fresh(&known);
    for (uint16_t i = 0; i < 3; i++) {
        char client[32];
        snprintf(client, sizeof client, "198.51.100.%u", 101u + i);
        const struct way w = {client, "203.0.113.5", client, "203.0.113.5", "203.0.113.5", "172.20.30.4",
                              .saw_port = (uint16_t)(300 + i), STRONGSWAN};
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_source(&v, "172.20.30.4");
    assert_int_equal(v.hidden_clients, 3);
    nat_free(n);
}

/* Clients of the site that call the public address: their router translates both ends. Nobody on the Internet is hidden. */
static void clients_of_the_site_from_inside(void **state)
{
    (void)state;
    struct way w = {"10.20.7.8", "203.0.113.10", "10.20.30.1", "10.20.30.11", "10.20.30.11", "10.20.30.1", .seen_port = 1024, WINDOWS};
    one(site(), w, NAT_UNKNOWN, CONFIDENCE_HINT);
    w.client = "10.20.30.77";
    one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);
    w.called = "10.20.30.11"; /* a virtual machine on a computer beside the server */
    w.client = "172.28.112.5";
    one(&deep, w, NAT_CLIENT_SIDE, CONFIDENCE_STRONG);
}

/* Addresses changed after the capture, or a peer with a formula of its own: no hash fits. tcpdump's ikev2four.pcap is one. */
static void hashes_that_never_fit_prove_nothing(void **state)
{
    (void)state;
    struct way w = {"8.1.1.1", "8.1.1.2", "192.168.1.2", "192.168.1.1", "8.1.1.2", "8.1.1.1", STRONGSWAN};
    struct nat_verdict v = one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);
    assert_non_null(strstr(v.reason, "no hash fits"));
    assert_false(v.destination_translated);
    w.maker = NAT_MAKER_WINDOWS;
    one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);
    w.seen_client = "198.51.100.7", w.seen_server = "203.0.113.10";
    one(NULL, w, NAT_UNKNOWN, CONFIDENCE_HINT);
}

/* The same private address in many homes: the associations alive at once count. */
static void concurrent_associations_bound_the_hidden_clients(void **state)
{
    (void)state;
    struct nat *n = fresh(site());
    struct way w = {"192.168.1.50", "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", .seen_port = 1024, WINDOWS};
    for (int i = 0; i < 6; i++) {
        w.from = i, w.to = 100;
        observe(n, &w);
    }
    struct nat_verdict v = only_verdict(n);
    assert_int_equal(v.hidden_clients, 6);
    for (int i = 0; i < 40; i++) {
        w.from = 200 + i * 10, w.to = w.from + 10; /* one after the other */
        observe(n, &w);
    }
    v = only_verdict(n);
    assert_int_equal(v.hidden_clients, 6);
    nat_free(n);
    n = fresh(site()); /* a device's and a user's tunnel, and the next ones of the same computer; another computer */
    struct nat_ike_observation o;
    for (int i = 0; i < 6; i++) {
        w.from = i * 10, w.to = i * 10 + 25;
        fill(&w, &o);
        o.client_port = i < 5 ? 61000 : 61001;
        nat_add_ike(n, &o);
    }
    v = only_verdict(n);
    assert_int_equal(v.hidden_clients, 2);
    nat_free(n);
}

static void several_hashes_and_servers(void **state)
{
    (void)state;
    struct nat *n = fresh(site());
    struct nat_ike_observation o;
    const struct way w = {"192.168.1.50", "10.20.30.12", "10.20.30.4", "10.20.30.12", "10.20.30.12", "10.20.30.4", STRONGSWAN};
    fill(&w, &o);
    const struct endpoint true_one = at("10.20.30.4", 500);
    hash(o.request.sources[1], &o, &o.request, &true_one); /* multihomed: the second is the one observed */
    o.request.source_count = 2;
    nat_add_ike(n, &o);
    fill(&w, &o);
    o.request.destination = at("10.20.30.11", 500);
    o.request.has_destination = o.response.seen = false;
    o.request.source_more = true; /* the right one may be among those not kept */
    nat_add_ike(n, &o);
    assert_int_equal(nat_verdicts(n), 2);
    struct nat_verdict v;
    const struct address first = address_of("10.20.30.11");
    assert_true(nat_verdict_at(n, 0, &v));
    assert_true(address_equal(&v.server, &first));
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    assert_true(nat_verdict_at(n, 1, &v));
    expect(&v, NAT_NONE, CONFIDENCE_CERTAIN);
    nat_free(n);
}

static void without_hashes_nothing_is_known(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    struct nat_ike_observation o = {.request = {.seen = true, .source = at("10.20.30.4", 500), .destination = at("10.20.30.11", 500)},
                                    .established = true};
    for (int i = 0; i < 50; i++)
        nat_add_ike(n, &o); /* IKEv1 from one neighbour: a test rig does it too */
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    assert_non_null(strstr(v.reason, "IKE_SA_INIT"));
    nat_free(n);
    n = fresh(NULL);
    o = (struct nat_ike_observation){0};
    nat_add_ike(n, &o);
    assert_int_equal(nat_verdicts(n), 0);
    nat_free(n);
}

static void login(struct nat *n, const char *from, uint64_t user, uint64_t computer)
{
    struct nat_radius_observation o = {.server = address_of("10.20.30.11"), .user = user, .computer = computer, .place = {.frame = 3}};
    if (from != NULL)
        o.client = address_of(from);
    nat_add_radius(n, &o);
}

static void logins_of_radius(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    for (uint64_t i = 1; i <= 40; i++)
        login(n, "10.99.0.4", i, 0);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_STRONG);
    expect_source(&v, "10.99.0.4");
    assert_int_equal(v.hidden_clients, 32); /* as many as are kept: a lower bound */
    assert_int_equal(v.sessions, 40);
    nat_free(n);

    n = fresh(NULL);
    for (uint64_t i = 1; i <= 3; i++)
        login(n, "10.20.30.4", i, 100 + i); /* beside the server */
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    nat_free(n);

    n = fresh(NULL);
    for (uint64_t i = 1; i <= 20; i++)
        login(n, "10.99.0.4", 1, 1); /* one user again and again */
    v = only_verdict(n);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    login(n, "198.51.100.7", 9, 9);
    v = only_verdict(n);
    expect(&v, NAT_NONE, CONFIDENCE_STRONG);
    nat_free(n);

    n = fresh(site());
    for (uint64_t i = 1; i <= 9; i++)
        login(n, "10.20.99.4", i, 1); /* a terminal server of the site */
    v = only_verdict(n);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    nat_free(n);

    n = fresh(NULL);
    login(n, NULL, 1, 1);
    v = only_verdict(n);
    expect(&v, NAT_UNKNOWN, CONFIDENCE_HINT);
    assert_non_null(strstr(v.reason, "no client address"));
    nat_free(n);
}

static struct nat_translation sides(const char *s0, const char *d0, const char *s1, const char *d1, bool ordered)
{
    return (struct nat_translation){.source = {at(s0, 500), at(s1, 1024)}, .destination = {at(d0, 500), at(d1, 500)},
                                    .place = {{.frame = 4}, {.frame = 5, .capture = 1}}, .ordered = ordered};
}

static void both_sides_of_a_translator(void **state)
{
    (void)state;
    const struct { struct nat_translation t; enum nat_kind kind; enum confidence sure; const char *server; } cases[] = {
        {sides("198.51.100.7", "203.0.113.10", "10.20.30.4", "10.20.30.11", false), NAT_SNAT, CONFIDENCE_CERTAIN, "10.20.30.11"},
        {sides("10.20.30.4", "10.20.30.11", "198.51.100.7", "203.0.113.10", false), NAT_SNAT, CONFIDENCE_CERTAIN, "10.20.30.11"},
        {sides("192.168.1.5", "203.0.113.10", "10.20.30.4", "10.20.30.11", false), NAT_SNAT, CONFIDENCE_CERTAIN, "10.20.30.11"},
        {sides("198.51.100.7", "203.0.113.10", "198.51.100.7", "10.20.30.11", false), NAT_DNAT_ONLY, CONFIDENCE_STRONG, "10.20.30.11"},
        {sides("192.168.1.5", "203.0.113.10", "198.51.100.7", "203.0.113.10", false), NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN, "203.0.113.10"},
        {sides("192.168.1.5", "203.0.113.10", "198.51.100.7", "10.20.30.11", false), NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN, "10.20.30.11"},
        {sides("198.51.100.7", "203.0.113.10", "192.0.2.65", "203.0.113.10", true), NAT_SNAT, CONFIDENCE_STRONG, "203.0.113.10"},
        {sides("10.99.0.4", "10.20.30.11", "10.20.30.4", "10.20.30.11", true), NAT_SNAT, CONFIDENCE_CERTAIN, "10.20.30.11"},
        {sides("192.168.1.5", "203.0.113.10", "10.0.0.7", "203.0.113.10", true), NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN, "203.0.113.10"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nat *n = fresh(NULL);
        nat_add_translation(n, &cases[i].t);
        nat_add_translation(n, &cases[i].t);
        struct nat_verdict v = only_verdict(n);
        expect(&v, cases[i].kind, cases[i].sure);
        const struct address server = address_of(cases[i].server);
        assert_true(address_equal(&v.server, &server));
        assert_int_equal(nat_proven_count(n), 1);
        assert_int_equal(nat_proven_at(n, 0)->count, 2);
        assert_null(nat_proven_at(n, 1));
        nat_free(n);
    }
    /* Neither addresses nor a clock say which side is which. */
    struct nat *n = fresh(NULL);
    struct nat_translation t = sides("198.51.100.7", "203.0.113.10", "192.0.2.65", "203.0.113.10", false);
    nat_add_translation(n, &t);
    assert_int_equal(nat_verdicts(n), 0);
    assert_int_equal(nat_proven_count(n), 1);
    nat_free(n);
}

/* The association was observed at the outer point; the inner one proves what becomes of it. */
static void outer_address_of_a_proven_translation(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    const struct way outer = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "203.0.113.10", NULL, NULL, STRONGSWAN};
    observe(n, &outer);
    struct nat_translation t = sides("198.51.100.7", "203.0.113.10", "10.20.30.4", "10.20.30.11", true);
    nat_add_translation(n, &t);
    assert_int_equal(nat_verdicts(n), 2);
    struct nat_verdict v;
    for (size_t i = 0; i < 2; i++) {
        assert_true(nat_verdict_at(n, i, &v));
        expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
        expect_source(&v, "10.20.30.4");
        assert_int_equal(v.hidden_clients, 1);
    }
    /* More clients, one of them at two backends; and one that only says it is seen as something else. */
    t = sides("198.51.100.7", "203.0.113.10", "10.20.30.4", "10.20.30.12", true);
    nat_add_translation(n, &t);
    t = sides("192.168.1.9", "203.0.113.10", "10.20.30.4", "10.20.30.12", true);
    nat_add_translation(n, &t);
    const struct way seen = {"198.51.100.8", "203.0.113.10", "198.51.100.8", "203.0.113.10", "203.0.113.10", "192.0.2.65", STRONGSWAN};
    observe(n, &seen);
    const struct address outer_address = address_of("203.0.113.10");
    bool found = false;
    for (size_t i = 0, count = nat_verdicts(n); i < count; i++) {
        assert_true(nat_verdict_at(n, i, &v));
        if (!address_equal(&v.server, &outer_address))
            continue;
        found = true;
        expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
        expect_source(&v, "10.20.30.4");
        assert_int_equal(v.hidden_clients, 2);
    }
    assert_true(found);
    nat_free(n);
}

static void ipv6_is_not_searched(void **state)
{
    (void)state;
    const struct way plain = {"2001:db8::7", "2001:db8:1::1", "2001:db8::7", "2001:db8:1::1", "2001:db8:1::1", "2001:db8::7", WINDOWS};
    one(NULL, plain, NAT_NONE, CONFIDENCE_CERTAIN);
    struct way other = plain;
    other.client = "2001:db8::8";
    one(NULL, other, NAT_UNKNOWN, CONFIDENCE_HINT);
}

/* A storm of half-open associations: work and memory have an end, and what is established is still judged. */
static void storm_is_bounded(void **state)
{
    (void)state;
    const struct nat_settings small = {.budget = 30000000, .half_open_budget = 1000000, .question_budget = 25000000};
    struct nat *n = fresh(&small);
    struct nat_ike_observation o;
    struct way w = {"198.51.100.7", "203.0.113.10", "192.0.2.65", "203.0.113.10", "203.0.113.10", "192.0.2.65", WINDOWS, .half_open = true};
    fill(&w, &o);
    for (uint32_t i = 0; i < 200000; i++) {
        for (unsigned k = 0; k < 3; k++)
            o.request.source.address.bytes[1 + k] = (uint8_t)(i >> (8 * k));
        memcpy(o.request.sources[0], &i, sizeof i);
        memcpy(o.initiator_spi, &i, sizeof i);
        o.response.seen = false;
        nat_add_ike(n, &o);
    }
    struct nat_counters c;
    nat_get_counters(n, &c);
    assert_true(c.candidates <= 1000000);
    assert_int_equal(c.sources_dropped, 200000 - NAT_SOURCES_MAX);
    const struct way hidden = {"192.168.1.50", "203.0.113.10", "10.20.30.4", "203.0.113.10", "203.0.113.10", "10.20.30.4",
                               .seen_port = 1024, WINDOWS, .link = NAT_LINK_ON};
    observe(n, &hidden);
    struct nat_verdict v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    expect_source(&v, "10.20.30.4");
    assert_int_equal(v.sessions_all, 200001);
    nat_get_counters(n, &c);
    assert_true(c.candidates <= 30000000);
    assert_true(c.searches_cut > 0);
    nat_free(n);
}

static void budget_used_up_is_said(void **state)
{
    (void)state;
    const struct nat_settings small = {.budget = 1000};
    struct way w = {"10.200.200.200", "203.0.113.10", "198.51.100.7", "203.0.113.10", "203.0.113.10", "198.51.100.7", WINDOWS};
    struct nat_verdict v = one(&small, w, NAT_CLIENT_SIDE, CONFIDENCE_HINT);
    assert_non_null(strstr(v.reason, "budget"));
    one(&deep, w, NAT_CLIENT_SIDE, CONFIDENCE_CERTAIN);
    struct nat *n = fresh(&deep); /* the same question costs once */
    struct nat_ike_observation o;
    fill(&w, &o);
    nat_add_ike(n, &o);
    only_verdict(n);
    struct nat_counters before, after;
    nat_get_counters(n, &before);
    nat_add_ike(n, &o);
    only_verdict(n);
    nat_get_counters(n, &after);
    assert_int_equal(before.candidates, after.candidates);
    nat_free(n);
}

static void tables_have_ceilings(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    for (uint32_t i = 0; i < NAT_SERVERS_MAX + 100; i++) { /* a scan: nobody answers */
        struct nat_ike_observation o = {.request = {.seen = true, .source = at("192.0.2.65", 500), .destination = at("203.0.113.1", 500)}};
        memcpy(o.request.destination.address.bytes + 2, &i, 2);
        nat_add_ike(n, &o);
    }
    assert_int_equal(nat_verdicts(n), NAT_SERVERS_MAX);
    const struct way alive = {"198.51.100.7", "203.0.113.10", "198.51.100.7", "8.8.8.8", "8.8.8.8", "198.51.100.7", WINDOWS};
    observe(n, &alive);
    struct nat_verdict v = {0};
    assert_int_equal(nat_verdicts(n), NAT_SERVERS_MAX);
    assert_true(nat_verdict_at(n, 0, &v)); /* in order of address */
    const struct address first = address_of("8.8.8.8");
    assert_true(address_equal(&v.server, &first));
    struct nat_counters c;
    nat_get_counters(n, &c);
    assert_int_equal(c.servers_dropped, 101);
    nat_free(n);

    n = fresh(NULL);
    for (uint32_t i = 0; i < 500; i++) { /* more computers behind one address than are kept */
        char client[32];
        snprintf(client, sizeof client, "192.168.%u.%u", i / 250, 1 + i % 250);
        const struct way w = {client, "203.0.113.10", "10.20.30.4", "10.20.30.11", "10.20.30.11", "10.20.30.4", WINDOWS};
        observe(n, &w);
    }
    v = only_verdict(n);
    expect(&v, NAT_SNAT, CONFIDENCE_CERTAIN);
    assert_int_equal(v.hidden_clients, NAT_HIDDEN_MAX);
    assert_int_equal(v.recovered_count, NAT_RECOVERED_MAX);
    for (uint32_t i = 0; i < NAT_TRANSLATIONS_MAX + 50; i++) {
        struct nat_translation t = sides("198.51.0.0", "203.0.113.10", "198.51.0.0", "10.20.30.11", true);
        memcpy(t.source[0].address.bytes + 2, &i, 2);
        memcpy(t.source[1].address.bytes + 2, &i, 2);
        nat_add_translation(n, &t);
    }
    assert_int_equal(nat_proven_count(n), NAT_TRANSLATIONS_MAX);
    nat_get_counters(n, &c);
    assert_int_equal(c.translations_dropped, 50);
    nat_free(n);
}

/* Structs at their extremes. */
static void extremes_do_no_harm(void **state)
{
    (void)state;
    struct nat *n = fresh(NULL);
    struct nat_ike_observation o;
    memset(&o, 0xff, sizeof o);
    o.request.seen = o.response.seen = o.established = o.has_mac = true;
    o.request.source_more = o.response.source_more = o.request.has_destination = o.response.has_destination = true;
    o.request.maker = o.response.maker = NAT_MAKER_WINDOWS;
    o.link = NAT_LINK_OFF;
    o.first_ns = INT64_MAX, o.last_ns = INT64_MIN;
    for (int i = 0; i < 3; i++)
        nat_add_ike(n, &o);
    o.request.source.address = o.request.destination.address = address_of("0.0.0.0");
    o.request.source_more = false;
    nat_add_ike(n, &o);
    struct nat_radius_observation r = {0};
    nat_add_radius(n, &r);
    struct nat_translation t = {0};
    nat_add_translation(n, &t);
    size_t count = nat_verdicts(n);
    struct nat_verdict v;
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++)
        assert_true(nat_verdict_at(n, i, &v));
    nat_free(n);
    nat_free(NULL);
}

static int start(void **state)
{
    (void)state;
    digests = digests_new();
    return digests == NULL;
}

static int stop(void **state)
{
    (void)state;
    digests_free(digests);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_reading),
        cmocka_unit_test(printed_recording_at_a_client),
        cmocka_unit_test(rows_without_source_nat),
        cmocka_unit_test(row_home_router),
        cmocka_unit_test(row_load_balancer),
        cmocka_unit_test(row_unrelated_homes_behind_a_private_address),
        cmocka_unit_test(row_one_address_behind_a_private_one),
        cmocka_unit_test(row_all_from_one_public_pool),
        cmocka_unit_test(office_behind_one_public_address),
        cmocka_unit_test(row_public_address_recovered),
        cmocka_unit_test(rows_of_hashes_that_stand_for_nothing_known),
        cmocka_unit_test(capture_points_of_the_lab),
        cmocka_unit_test(captures_at_the_client),
        cmocka_unit_test(backends_are_counted_from_outside),
        cmocka_unit_test(mixture_of_hidden_and_plain_clients),
        cmocka_unit_test(hashes_that_never_fit_prove_nothing),
        cmocka_unit_test(private_source_at_a_public_server),
        cmocka_unit_test(neighbours_are_found_near_each_other),
        cmocka_unit_test(given_network_is_searched_on_all_ports),
        cmocka_unit_test(clients_of_the_site_from_inside),
        cmocka_unit_test(concurrent_associations_bound_the_hidden_clients),
        cmocka_unit_test(several_hashes_and_servers),
        cmocka_unit_test(without_hashes_nothing_is_known),
        cmocka_unit_test(logins_of_radius),
        cmocka_unit_test(both_sides_of_a_translator),
        cmocka_unit_test(outer_address_of_a_proven_translation),
        cmocka_unit_test(ipv6_is_not_searched),
        cmocka_unit_test(storm_is_bounded),
        cmocka_unit_test(budget_used_up_is_said),
        cmocka_unit_test(tables_have_ceilings),
        cmocka_unit_test(extremes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
