/* Times as text; the expected texts were made with `date -u -d @SECONDS`. */
#include "analyze/report/times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static void rfc3339_in_the_captures_resolution(void **state)
{
    (void)state;
    char out[TIME_TEXT];
    assert_string_equal(time_rfc3339(out, 0, 6), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(time_rfc3339(out, 1700000000 * S + 123456789, 9), "2023-11-14T22:13:20.123456789Z");
    assert_string_equal(time_rfc3339(out, 1700000000 * S + 123456789, 6), "2023-11-14T22:13:20.123456Z");
    assert_string_equal(time_rfc3339(out, 1700000000 * S + 999999999, 3), "2023-11-14T22:13:20.999Z");
    assert_string_equal(time_rfc3339(out, 1700000000 * S + 999999999, 0), "2023-11-14T22:13:20Z");
    assert_string_equal(time_rfc3339(out, 1700000000 * S + 5, 12), "2023-11-14T22:13:20.000000005Z");
}

static void leap_years(void **state)
{
    (void)state;
    char out[TIME_TEXT];
    assert_string_equal(time_rfc3339_seconds(out, 951782400), "2000-02-29T00:00:00Z");
    assert_string_equal(time_rfc3339_seconds(out, 1709251199), "2024-02-29T23:59:59Z");
    assert_string_equal(time_rfc3339_seconds(out, 4107542400), "2100-03-01T00:00:00Z");
    assert_string_equal(time_rfc3339_seconds(out, 253402300799), "9999-12-31T23:59:59Z");
}

static void before_1970(void **state)
{
    (void)state;
    char out[TIME_TEXT];
    assert_string_equal(time_rfc3339(out, -1, 9), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(time_rfc3339_seconds(out, -2208988800), "1900-01-01T00:00:00Z");
    time_rfc3339(out, INT64_MIN, 9); /* no overflow on the extremes */
    time_rfc3339(out, INT64_MAX, 9);
    time_rfc3339_seconds(out, INT64_MIN / 2);
    time_rfc3339_seconds(out, INT64_MAX / 2);
}

static void for_people(void **state)
{
    (void)state;
    char out[TIME_TEXT];
    assert_string_equal(time_readable(out, 1700000000 * S + 500000000, 1), "2023-11-14 22:13:20.5");
    assert_string_equal(time_of_day(out, 1700000000 * S, 0), "22:13:20");
    assert_string_equal(duration_text(out, 850000), "850 µs");
    assert_string_equal(duration_text(out, 12300000), "12.3 ms");
    assert_string_equal(duration_text(out, 4 * S + 20000000), "4.02 s");
    assert_string_equal(duration_text(out, 200 * S), "3 min 20 s");
    assert_string_equal(duration_text(out, (2 * 3600 + 5 * 60) * S), "2 h 5 min");
    assert_string_equal(duration_text(out, (4 * 86400 + 3 * 3600) * S), "4 d 3 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_in_the_captures_resolution),
        cmocka_unit_test(leap_years),
        cmocka_unit_test(before_1970),
        cmocka_unit_test(for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
