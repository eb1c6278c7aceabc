/* NAT_DETECTION hashes and the search for what they stand for: vectors computed outside this program (wire-facts 11.3:
 * sha1sum and two public recordings), every width against OpenSSL, budgets. */
#include "addresses_by_hand.h"
#include "bytes_by_hand.h"
#include "analyze/nat/nat_search.h"
#include "analyze/nat/nat_sha1_few.h"
#include "analyze/nat/nat_sha1_lanes.h"

static struct nat_question question(const char *initiator, const char *responder, const char *hash)
{
    struct nat_question q = {0};
    hex(initiator, q.initiator_spi);
    hex(responder, q.responder_spi);
    hex(hash, q.hash);
    return q;
}

#define NO_SPI "0000000000000000"

static const struct {
    const char *initiator, *responder, *address;
    uint16_t port;
    const char *hash;
} vectors[] = {
    {"a1b2c3d4e5f60718", NO_SPI, "192.168.178.23", 500, "20f941f1037c4776a9de2a2dfabd2035cd266e26"},
    {"a1b2c3d4e5f60718", NO_SPI, "203.0.113.10", 500, "353c9acf7083ec324ffaa4cbf740d2c473c22747"},
    {"a1b2c3d4e5f60718", "1122334455667788", "10.20.30.11", 500, "883d426e85e572ae5f213cba74d0b9e41fb010cc"},
    {"a1b2c3d4e5f60718", "1122334455667788", "10.20.30.4", 1024, "e938401fa1d51d0f8b63ecfa58385cdd7989866a"},
    {"a1b2c3d4e5f60718", "1122334455667788", "2001:db8::1", 500, "ebd0f45208f8da332053ebc0ec5d285c08c4682b"},
    {"238671c80375a0fb", NO_SPI, "192.168.0.10", 500, "ed0f45d615ee1cc7f636df4ee075fd9d18791bb1"},
    {"238671c80375a0fb", NO_SPI, "144.76.154.114", 500, "52749dfdd6970df361f69d01015724d708dc4544"},
    {"238671c80375a0fb", "73d16a42f60ef7f0", "144.76.154.114", 500, "3d40f7d9409d85f141669ecab3f340d0147945a4"},
    {"46fd10006d11e258", NO_SPI, "172.17.0.2", 500, "764695c6c3a115ffd08f403193f7bc1a9663545b"},
};
enum { VECTORS = sizeof vectors / sizeof vectors[0] };

static void hashes_of_the_vectors(void **state)
{
    struct digests *d = *state;
    for (size_t i = 0; i < VECTORS; i++) {
        struct nat_question q = question(vectors[i].initiator, vectors[i].responder, vectors[i].hash);
        struct endpoint e = at(vectors[i].address, vectors[i].port);
        assert_true(nat_hash_matches(d, &q, &e));
        e.port ^= 1;
        assert_false(nat_hash_matches(d, &q, &e));
        e.port ^= 1;
        e.address.bytes[3] ^= 1;
        assert_false(nat_hash_matches(d, &q, &e));
    }
    uint8_t out[NAT_HASH];
    const uint8_t mac[6] = {2}, spi[NAT_SPI] = {0};
    struct endpoint none = {0}, link = {.address = address_mac(mac)};
    assert_false(nat_hash(d, spi, spi, &none, out));
    assert_false(nat_hash(d, spi, spi, &link, out));
}

/* As many at once as may be, each with its own SPIs, in any order and number. */
static void a_few_hashes_at_once(void **state)
{
    (void)state;
    struct nat_question q[NAT_FEW];
    struct endpoint e[NAT_FEW];
    struct nat_few few[NAT_FEW];
    for (size_t v = 0; v < VECTORS; v++)
        for (size_t count = 1; count <= NAT_FEW; count++) {
            size_t used = 0;
            for (size_t i = v; used < count; i = (i + 1) % VECTORS) {
                q[used] = question(vectors[i].initiator, vectors[i].responder, vectors[i].hash);
                e[used] = at(vectors[i].address, vectors[i].port);
                few[used] = (struct nat_few){q[used].initiator_spi, q[used].responder_spi, &e[used]};
                used += e[used].address.family == FAMILY_IPV4;
            }
            uint8_t out[NAT_FEW][NAT_HASH] = {{0}};
            nat_few_hash(few, count, out);
            for (size_t i = 0; i < count; i++)
                assert_memory_equal(out[i], q[i].hash, NAT_HASH);
        }
}

static uint32_t number(const struct address *a)
{
    return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

/* Each width finds the address from every distance, in runs that are no multiple of it, and nothing one short of it. */
static void every_width_finds_it(void **state)
{
    (void)state;
    struct nat_lanes_kernel kernels[NAT_LANES_KERNELS];
    size_t count = nat_lanes_kernels(kernels);
    assert_true(count >= 1 && kernels[count - 1].lanes == 1);
    for (size_t v = 0; v < VECTORS; v++) {
        struct endpoint e = at(vectors[v].address, vectors[v].port);
        if (e.address.family != FAMILY_IPV4)
            continue;
        struct nat_question q = question(vectors[v].initiator, vectors[v].responder, vectors[v].hash);
        struct nat_lanes_job job;
        nat_lanes_prepare(&job, &q);
        for (size_t k = 0; k < count; k++)
            for (uint32_t before = 0; before < 40; before++) {
                uint32_t from = number(&e.address) - before;
                assert_int_equal(kernels[k].scan(&job, from, e.port, false, before + 1), before);
                assert_int_equal(kernels[k].scan(&job, from, e.port, false, 1000), before);
                assert_int_equal(kernels[k].scan(&job, from, e.port, false, before), before);
                uint16_t port = (uint16_t)(e.port - before);
                assert_int_equal(kernels[k].scan(&job, number(&e.address), port, true, before + 1), before);
                assert_int_equal(kernels[k].scan(&job, number(&e.address), port, true, before), before);
            }
    }
}

/* All widths agree with OpenSSL for ports and addresses at the ends of their ranges. */
static void widths_at_the_ends(void **state)
{
    struct digests *d = *state;
    static const char *const addresses[] = {"0.0.0.0", "255.255.255.255", "128.0.0.0", "10.255.255.255"};
    static const uint16_t ports[] = {0, 1, 32768, 65535};
    struct nat_lanes_kernel kernels[NAT_LANES_KERNELS];
    size_t count = nat_lanes_kernels(kernels);
    for (size_t a = 0; a < 4; a++)
        for (size_t p = 0; p < 4; p++) {
            struct endpoint e = at(addresses[a], ports[p]);
            struct nat_question q = {.initiator_spi = {0xff, 0xff, 0xff, 0xff}, .responder_spi = {[7] = 1}};
            assert_true(nat_hash(d, q.initiator_spi, q.responder_spi, &e, q.hash));
            struct nat_lanes_job job;
            nat_lanes_prepare(&job, &q);
            for (size_t k = 0; k < count; k++) {
                assert_int_equal(kernels[k].scan(&job, number(&e.address), ports[p], false, 1), 0);
                assert_int_equal(kernels[k].scan(&job, number(&e.address), 0, true, 65536), ports[p]);
            }
        }
}

static struct nat_budget plenty(void)
{
    return (struct nat_budget){.left = UINT64_C(1) << 40};
}

static void container_of_a_public_recording(void **state)
{
    struct digests *d = *state;
    const struct nat_question q = question("46fd10006d11e258", NO_SPI, "764695c6c3a115ffd08f403193f7bc1a9663545b");
    const struct nat_space space = {.ports = {500, 63995}, .port_count = 2};
    struct nat_budget b = plenty();
    struct endpoint real, expected = at("172.17.0.2", 500);
    assert_int_equal(nat_search(d, &q, &space, NAT_QUICK, &b, &real), NAT_FOUND);
    assert_true(endpoint_equal(&real, &expected));
    assert_true(b.spent < 20000 && b.left == (UINT64_C(1) << 40) - b.spent);
}

/* The hash of an endpoint under fixed SPIs. */
static struct nat_question of(struct digests *d, const struct endpoint *e)
{
    struct nat_question q = {.initiator_spi = "initiat", .responder_spi = "respond"};
    assert_true(nat_hash(d, q.initiator_spi, q.responder_spi, e, q.hash));
    return q;
}

static void deep_search_covers_the_private_ranges(void **state)
{
    struct digests *d = *state;
    static const char *const ends[] = {"10.0.0.0",    "10.255.255.255",  "172.16.0.0", "172.31.255.255",
                                       "192.168.0.0", "192.168.255.255", "100.64.0.0", "100.127.255.255",
                                       "169.254.0.0", "169.254.255.255", "192.0.0.2"};
    static const char *const outside[] = {"9.255.255.255", "11.0.0.0", "172.32.0.0", "100.128.0.0", "198.51.100.7"};
    const struct nat_space space = {.ports = {500}, .port_count = 1};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct endpoint e = at(ends[i], 500), real;
        struct nat_question q = of(d, &e);
        struct nat_budget b = plenty();
        assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_FOUND);
        assert_true(endpoint_equal(&real, &e));
        assert_true(nat_is_private(&e.address));
    }
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        struct endpoint e = at(outside[i], 500), real;
        struct nat_question q = of(d, &e);
        struct nat_budget b = plenty();
        if (i == 0) {
            assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_NOT_FOUND);
            /* Never all of IPv4: RFC 1918, 100.64/10, 169.254/16, 192.0.0.0/29, and the usual ones twice. */
            assert_in_range(b.spent, 17891328 + 4194304 + 65536, 17891328 + 4194304 + 65536 + 20000);
        }
        assert_false(nat_is_private(&e.address));
    }
}

static void given_places_are_looked_at_first(void **state)
{
    struct digests *d = *state;
    struct endpoint real, six = at("2001:db8::7", 500), vip = at("203.0.113.10", 4500), site = at("198.51.100.9", 500),
                          balancer = at("203.0.113.77", 61234), near = at("10.20.30.4", 138),
                          shifted = at("192.168.1.9", 1040);
    const struct address exact[] = {six.address, vip.address}, any[] = {six.address, balancer.address};
    const struct nat_network networks[] = {{at("2001:db8::", 0).address, 32}, {at("198.51.100.77", 0).address, 24}};
    const struct nat_network around = {at("10.20.30.99", 0).address, 24};
    const struct nat_space space = {.exact = exact,
                                    .exact_count = 2,
                                    .networks = networks,
                                    .network_count = 2,
                                    .any_port = any,
                                    .any_port_count = 2,
                                    .any_port_network = &around,
                                    .ports = {500, 4500},
                                    .port_count = 2,
                                    .near_port = 1024};
    const struct {
        const struct endpoint *e;
        enum nat_depth depth;
        uint64_t at_most;
    } cases[] = {
        {&six, NAT_QUICK, 4},      {&vip, NAT_QUICK, 4},           {&balancer, NAT_QUICK, 100000},
        {&site, NAT_DEEP, 100000}, {&shifted, NAT_DEEP, 60000000}, {&near, NAT_DEEP, 60000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nat_question q = of(d, cases[i].e);
        struct nat_budget b = plenty();
        if (cases[i].depth == NAT_DEEP)
            assert_int_equal(nat_search(d, &q, &space, NAT_QUICK, &b, &real), NAT_NOT_FOUND);
        b = plenty();
        assert_int_equal(nat_search(d, &q, &space, cases[i].depth, &b, &real), NAT_FOUND);
        assert_true(endpoint_equal(&real, cases[i].e));
        assert_true(b.spent <= cases[i].at_most);
    }
    struct nat_space only = space;
    only.given_only = true;
    struct nat_question q = of(d, &site);
    struct nat_budget b = plenty();
    assert_int_equal(nat_search(d, &q, &only, NAT_DEEP, &b, &real), NAT_NOT_FOUND);
    assert_int_equal(b.spent, 4);
}

/* Stops exactly when the budget is used up, finds what lies within it, and the same every time. */
static void budget_is_kept(void **state)
{
    struct digests *d = *state;
    struct endpoint e = at("10.123.45.67", 500), real;
    struct nat_question q = of(d, &e);
    const struct nat_space space = {.ports = {500}, .port_count = 1};
    struct nat_budget b = plenty();
    assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_FOUND);
    uint64_t needed = b.spent;
    b = (struct nat_budget){.left = needed};
    assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_FOUND);
    assert_int_equal(b.left, 0);
    b = (struct nat_budget){.left = needed - 1};
    assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_BUDGET);
    assert_int_equal(b.left, 0);
    assert_int_equal(b.spent, needed - 1);
    assert_int_equal(nat_search(d, &q, &space, NAT_DEEP, &b, &real), NAT_BUDGET);
    assert_int_equal(b.spent, needed - 1);
}

static void odd_spaces_do_no_harm(void **state)
{
    struct digests *d = *state;
    struct endpoint e = at("8.8.8.8", 53), real;
    struct nat_question q = of(d, &e);
    const struct address exact[] = {{0}};
    const struct nat_network wide[] = {{at("8.0.0.0", 0).address, 0}, {at("8.0.0.0", 0).address, 200}, {{0}, 24}};
    struct nat_budget b = plenty();
    const struct nat_space empty = {0};
    assert_int_equal(nat_search(d, &q, &empty, NAT_DEEP, &b, &real), NAT_NOT_FOUND);
    const struct nat_space odd = {.exact = exact,
                                  .exact_count = 1,
                                  .any_port = exact,
                                  .any_port_count = 1,
                                  .networks = wide,
                                  .network_count = 3,
                                  .any_port_network = &wide[0],
                                  .ports = {53},
                                  .port_count = 1,
                                  .near_port = 65535};
    assert_int_equal(nat_search(d, &q, &odd, NAT_DEEP, &b, &real), NAT_NOT_FOUND);
}

static int start(void **state)
{
    *state = digests_new();
    return *state == NULL;
}

static int stop(void **state)
{
    digests_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_of_the_vectors),
        cmocka_unit_test(a_few_hashes_at_once),
        cmocka_unit_test(every_width_finds_it),
        cmocka_unit_test(widths_at_the_ends),
        cmocka_unit_test(container_of_a_public_recording),
        cmocka_unit_test(deep_search_covers_the_private_ranges),
        cmocka_unit_test(given_places_are_looked_at_first),
        cmocka_unit_test(budget_is_kept),
        cmocka_unit_test(odd_spaces_do_no_harm),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
