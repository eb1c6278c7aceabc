/* Series of health probes: regular ones are known although connections are told in the order of their ends; clients are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/session/probes.h"

#define MS INT64_C(1000000)

static void add(struct probes *p, struct exchange *x, int64_t time_ns, enum sstp_kind kind)
{
    static uint64_t frame;
    memset(x, 0, sizeof *x);
    x->type = CONVERSATION_SSTP;
    x->id = (uint32_t)++frame;
    assert_true(address_parse(span_of("172.20.30.4", 11), &x->client.address));
    assert_true(address_parse(span_of("172.20.30.11", 12), &x->server.address));
    x->server.port = 443;
    x->first = (struct place){.frame = frame, .time_ns = time_ns};
    x->sstp.kind = (uint8_t)kind;
    (void)probes_add(p, x);
}

/* Period in ms of probes that began at these times, told in this order; 0: not regular, -1: no series. */
static int64_t period(const int *times_ms, size_t count, enum sstp_kind kind)
{
    struct probes *p = probes_new();
    struct exchange *x = malloc(sizeof *x);
    assert_true(p != NULL && x != NULL);
    for (size_t i = 0; i < count; i++)
        add(p, x, times_ms[i] * MS, kind);
    probes_settle(p, NULL);
    size_t series;
    const struct probe_series *all = probes_all(p, &series);
    int64_t out = series == 0 ? -1 : all[0].period_ns / MS;
    if (series > 0)
        assert_int_equal(all[0].count, count);
    probes_free(p);
    free(x);
    return out;
}

static void regular_in_any_order_of_ends(void **state)
{
    (void)state;
    static const int ordered[] = {0, 5000, 10010, 15000, 19990, 25000}, swapped[] = {5000, 0, 15000, 10010, 25000, 19990},
                     late[] = {0, 10000, 15000, 20000, 25000, 30000, 35000, 40000, 5000, 45000, 50000},
                     scattered[] = {0, 1000, 9000, 11000, 40000, 41000, 60000}, few[] = {0, 5000, 10000, 15000};
    assert_int_equal(period(ordered, 6, SSTP_KIND_PROBE), 5000);
    assert_int_equal(period(swapped, 6, SSTP_KIND_PROBE), 5000);
    assert_int_equal(period(late, 11, SSTP_KIND_PROBE), 5000);
    assert_int_equal(period(scattered, 7, SSTP_KIND_PROBE), 0);
    assert_int_equal(period(few, 4, SSTP_KIND_PROBE), 0);
}

/* Without an answer only regularity tells probes of a dead server from clients. */
static void unanswered_attempts(void **state)
{
    (void)state;
    static const int ordered[] = {0, 5000, 10000, 15000, 20000}, scattered[] = {0, 1000, 3000, 7000, 15000};
    assert_int_equal(period(ordered, 5, SSTP_KIND_UNSURE), 5000);
    assert_int_equal(period(scattered, 5, SSTP_KIND_UNSURE), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regular_in_any_order_of_ends),
        cmocka_unit_test(unanswered_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
