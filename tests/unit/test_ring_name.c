/* Names of files that dumpcap and tcpdump number, and such as only look like them. */
#include "bytes_by_hand.h"

#include "analyze/ring_name.h"

static void expect_next(const char *before, const char *after)
{
    struct ring_name a = ring_name_of(before), b = ring_name_of(after);
    assert_int_not_equal(a.ring, 0);
    assert_true(a.ring == b.ring);
    assert_int_equal(a.number + 1, b.number);
    assert_true(b.numbered);
}

static void expect_other(const char *a, const char *b)
{
    assert_false(ring_name_of(a).ring == ring_name_of(b).ring && ring_name_of(b).numbered);
}

static void dumpcap(void **state)
{
    (void)state;
    expect_next("ring_00001_20261123081203.pcapng", "ring_00002_20261123081209.pcapng");
    expect_next("/var/a_b/ring_20261123081203_00009.pcapng.gz", "/var/a_b/ring_20261123081209_00010.pcapng.gz");
    expect_other("a/ring_00001_20261123081203.pcapng", "b/ring_00002_20261123081209.pcapng");
    expect_other("rras1_00001_20261123081203.pcapng", "rras2_00002_20261123081209.pcapng");
    expect_other("ring_00001_20261123081203.pcapng", "ring_00002_20261123081209.pcap");
    assert_false(ring_name_of("ring_0001_20261123081203.pcapng").numbered);
    assert_false(ring_name_of("ring_00001_2026112308120.pcapng").numbered);
}

static void tcpdump(void **state)
{
    (void)state;
    expect_next("eth0.pcap", "eth0.pcap1");
    expect_next("eth0.pcap9", "eth0.pcap10");
    expect_next("dir.d/eth0.cap007.gz", "dir.d/eth0.cap008.gz");
    assert_false(ring_name_of("eth0.pcap").numbered);
    expect_other("eth0.pcap", "eth1.pcap1");
}

/* Somebody's own numbers, whatever stands in between. */
static void others(void **state)
{
    (void)state;
    static const char *const names[] = {"test1.pcap", "trace.1", "10.0.0.1", "dump-20261123-100000.pcap", "x", "", "_", ".pcap1", "-"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(ring_name_of(names[i]).numbered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dumpcap), cmocka_unit_test(tcpdump), cmocka_unit_test(others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
