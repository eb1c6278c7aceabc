/* What fits on a terminal's line. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/report/escape.h"
#include "analyze/report/status_line.h"

enum { SERVERS = 6 };

static struct window_backend servers[SERVERS];

static struct events_status status(size_t count)
{
    for (size_t i = 0; i < SERVERS; i++) {
        const uint8_t bytes[] = {10, 0, 0, (uint8_t)(11 + i)};
        servers[i] = (struct window_backend){.address = address_ipv4(bytes), .established_ever = 100 * (i + 1)};
    }
    servers[0].name = "vpn1";
    return (struct events_status){.packets = 1200, .lost = 3, .open = 17, .failed = 5, .established = 2100,
                                  .backends = servers, .backend_count = count};
}

static void is_line(unsigned columns, size_t count, const char *wanted)
{
    char line[STATUS_LINE_MAX];
    struct events_status s = status(count);
    assert_string_equal(status_line(line, &s, columns), wanted);
    assert_true(columns == 0 || strlen(line) < columns);
}

#define COUNTS "1200 packets, 3 lost; 17 sessions open; 5 failed, 2100 established"

static void as_many_servers_as_fit(void **state)
{
    (void)state;
    is_line(80, 0, COUNTS);
    is_line(80, 1, COUNTS ": vpn1 100");
    is_line(80, SERVERS, COUNTS " at 6 servers");
    is_line(90, SERVERS, COUNTS ": vpn1 100, +5 more");
    is_line(140, SERVERS, COUNTS ": vpn1 100, 10.0.0.12 200, 10.0.0.13 300, 10.0.0.14 400, +2 more");
    is_line(170, SERVERS, COUNTS ": vpn1 100, 10.0.0.12 200, 10.0.0.13 300, 10.0.0.14 400, 10.0.0.15 500, 10.0.0.16 600");
}

static void a_narrow_terminal_cuts(void **state)
{
    (void)state;
    is_line(20, SERVERS, "1200 packets, 3 los");
    is_line(68, SERVERS, COUNTS);
    is_line(1, SERVERS, "");
    is_line(0, SERVERS, "");
}

static void every_width_holds(void **state)
{
    char line[STATUS_LINE_MAX];
    struct events_status s = status(SERVERS);
    (void)state;
    servers[2].name = "\xe6\x9d\xb1\xe4\xba\xac\x1b[2J";
    for (unsigned columns = 1; columns < 400; columns++) {
        (void)status_line(line, &s, columns);
        assert_true(escape_columns(line) < columns);
        assert_null(strchr(line, '\x1b'));
    }
    assert_non_null(strstr(line, "\\x1b[2J 300"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_many_servers_as_fit), cmocka_unit_test(a_narrow_terminal_cuts),
                                       cmocka_unit_test(every_width_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
