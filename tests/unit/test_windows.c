/* Windows of time: which count belongs to which, for which servers, and how even that is. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/report/windows.h"

#define SECOND INT64_C(1000000000)

enum { TOLD_MAX = 8 };

struct told {
    size_t count;
    struct window windows[TOLD_MAX];
    struct window_backend backends[TOLD_MAX][WINDOWS_BACKENDS_MAX];
};

static void tell(void *ctx, const struct window *w)
{
    struct told *t = ctx;
    assert_true(t->count < TOLD_MAX);
    memcpy(t->backends[t->count], w->backends, w->backend_count * sizeof *w->backends);
    t->windows[t->count++] = *w;
}

static void is_near(double value, double wanted)
{
    assert_true(value > wanted - 1e-12 && value < wanted + 1e-12);
}

static struct address server(unsigned number)
{
    const uint8_t bytes[] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};
    return address_ipv4(bytes);
}

static void attempts_at(struct windows *w, unsigned number, unsigned count)
{
    struct address a = server(number);
    while (count-- > 0)
        windows_began(w, WINDOW_TUNNELS, &a);
}

static void each_count_in_its_window(void **state)
{
    (void)state;
    static struct told told;
    const struct balance_settings settings = {.window_ns = 10 * SECOND};
    struct windows *w = windows_new(&settings, tell, &told);
    struct address one = server(1), two = server(2);
    assert_non_null(w);
    attempts_at(w, 1, 5); /* nothing is known of the time yet */
    windows_time(w, 103 * SECOND);
    attempts_at(w, 1, 3);
    attempts_at(w, 2, 1);
    windows_ended(w, WINDOW_TUNNELS, &one, true);
    windows_ended(w, WINDOW_TUNNELS, &two, false);
    windows_time(w, 110 * SECOND - 1);
    assert_int_equal(told.count, 0);
    windows_time(w, 110 * SECOND);
    assert_int_equal(told.count, 1);
    const struct window *first = &told.windows[0];
    assert_int_equal(first->start_ns, 100 * SECOND);
    assert_int_equal(first->length_ns, 10 * SECOND);
    assert_true(first->whole);
    assert_int_equal(first->attempts, 4);
    assert_int_equal(told.backends[0][0].established, 1);
    assert_int_equal(told.backends[0][1].failed, 1);
    is_near(first->evenness.jain, 16.0 / (2 * 10)); /* (3 + 1)^2 / (2 (9 + 1)) */
    windows_time(w, 145 * SECOND); /* nothing happened in three windows */
    assert_int_equal(told.count, 1);
    windows_ended(w, WINDOW_TUNNELS, &one, true);
    windows_finish(w);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.windows[1].start_ns, 140 * SECOND);
    assert_false(told.windows[1].whole);
    assert_false(told.windows[1].evenness.valid); /* no attempt */
    size_t count;
    assert_int_equal(windows_backends(w, WINDOW_TUNNELS, &count)[0].established_ever, 2);
    assert_int_equal(count, 2);
    windows_free(w);
}

static void a_clock_set_back_begins_anew(void **state)
{
    (void)state;
    static struct told told;
    struct windows *w = windows_new(&(struct balance_settings){0}, tell, &told);
    windows_time(w, 600 * SECOND);
    attempts_at(w, 1, 1);
    windows_time(w, -1);
    assert_int_equal(told.count, 1);
    attempts_at(w, 1, 2);
    windows_finish(w);
    assert_int_equal(told.windows[1].start_ns, -WINDOWS_USUAL_NS);
    assert_int_equal(told.windows[1].attempts, 2);
    windows_time(w, INT64_MIN);
    windows_time(w, INT64_MAX);
    windows_free(w);
}

static void named_servers_and_others(void **state)
{
    (void)state;
    static struct told told;
    const struct balance_named named[] = {{server(1), "vpn1", 1}, {server(2), "", 3}};
    const struct balance_settings settings = {.named = named, .named_count = 2, .window_ns = 60 * SECOND};
    struct windows *w = windows_new(&settings, tell, &told);
    struct address nas = server(2);
    windows_time(w, 0);
    attempts_at(w, 1, 1);
    attempts_at(w, 2, 3);
    attempts_at(w, 9, 4);
    windows_began(w, WINDOW_RADIUS, &nas);
    windows_ended(w, WINDOW_RADIUS, &nas, true);
    windows_finish(w);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.windows[0].basis, WINDOW_TUNNELS);
    assert_int_equal(told.windows[0].backend_count, 2);
    assert_int_equal(told.windows[0].attempts, 4);
    assert_int_equal(told.windows[0].elsewhere, 4);
    is_near(told.windows[0].evenness.jain, 1); /* by weight it is even */
    assert_string_equal(told.backends[0][0].name, "vpn1");
    assert_null(told.backends[0][1].name);
    assert_int_equal(told.windows[1].basis, WINDOW_RADIUS);
    assert_int_equal(told.backends[1][1].established, 1);
    windows_free(w);
}

static void more_servers_than_there_is_room_for(void **state)
{
    (void)state;
    static struct told told;
    struct windows *w = windows_new(&(struct balance_settings){0}, tell, &told);
    windows_time(w, 0);
    for (unsigned i = 0; i < WINDOWS_BACKENDS_MAX + 10; i++)
        attempts_at(w, i, 1);
    windows_finish(w);
    assert_int_equal(told.windows[0].attempts, WINDOWS_BACKENDS_MAX);
    assert_int_equal(told.windows[0].elsewhere, 10);
    windows_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_count_in_its_window), cmocka_unit_test(a_clock_set_back_begins_anew),
                                       cmocka_unit_test(named_servers_and_others),
                                       cmocka_unit_test(more_servers_than_there_is_room_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
