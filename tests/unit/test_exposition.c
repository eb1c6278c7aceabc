/* Prometheus' text format: what the format's own description shows, and values that strangers wrote. */
#include "analyze/monitor/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct exposition e;

static int setup(void **state)
{
    (void)state;
    exposition_begin(&e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    exposition_free(&e);
    return 0;
}

static void is(const char *expected)
{
    assert_false(e.failed);
    if (e.len != strlen(expected) || (e.len > 0 && memcmp(e.text, expected, e.len) != 0))
        fail_msg("'%.*s' is not '%s'", (int)e.len, e.len > 0 ? e.text : "", expected);
    exposition_begin(&e);
}

static void value_is(const char *value, size_t len, const char *expected)
{
    exposition_label_value(&e, span_of(value, len));
    is(expected);
}

#define VALUE_IS(value, expected) value_is((value), sizeof(value) - 1, (expected))

/* prometheus.io, "Exposition formats", text format details: \ as \\, line feed as \n, " as \"; and its example's labels. */
static void values_are_escaped_as_described(void **state)
{
    (void)state;
    VALUE_IS("", "");
    VALUE_IS("post", "post");
    VALUE_IS("C:\\DIR\\FILE.TXT", "C:\\\\DIR\\\\FILE.TXT");
    VALUE_IS("Cannot find file:\n\"FILE.TXT\"", "Cannot find file:\\n\\\"FILE.TXT\\\"");
    VALUE_IS("\n\n", "\\n\\n");
    VALUE_IS("\\n", "\\\\n");
    VALUE_IS("\"} 1\nvpnscope_up 1", "\\\"} 1\\nvpnscope_up 1");
}

/* What is no text stays visible, and is UTF-8. */
static void values_of_strangers_are_safe(void **state)
{
    (void)state;
    VALUE_IS("a\0b", "a\\\\x00b");
    VALUE_IS("\x1b[2J", "\\\\x1b[2J");
    VALUE_IS("\r", "\\\\x0d");
    VALUE_IS("\xff\xc3", "\\\\xff\\\\xc3");
    VALUE_IS("B\xc3\xbcro", "B\xc3\xbcro");
    VALUE_IS("\xe2\x80\xae", "\\\\u{202e}");
    VALUE_IS("\xe2\x80\xa8", "\\\\u{2028}"); /* a line separator is no line feed, but some readers' */
}

static void long_values_are_cut(void **state)
{
    (void)state;
    static char longer[EXPOSITION_VALUE_MAX + 100], expected[EXPOSITION_VALUE_MAX + 1];
    memset(longer, 'x', sizeof longer);
    memset(expected, 'x', EXPOSITION_VALUE_MAX);
    value_is(longer, sizeof longer, expected);
}

static void a_family_and_its_samples(void **state)
{
    (void)state;
    const struct exposition_label labels[] = {{"method", "post"}, {"code", "200"}}, none = {"name", NULL};
    exposition_family(&e, "http_requests_total", EXPOSITION_COUNTER, "The total number of HTTP requests.");
    exposition_count(&e, labels, 2, 1027);
    exposition_count(&e, &none, 1, 3);
    exposition_family(&e, "back", EXPOSITION_GAUGE, "A \\ and\"");
    exposition_count(&e, NULL, 0, UINT64_MAX);
    is("# HELP http_requests_total The total number of HTTP requests.\n"
       "# TYPE http_requests_total counter\n"
       "http_requests_total{method=\"post\",code=\"200\"} 1027\n"
       "http_requests_total{name=\"\"} 3\n"
       "# HELP back A \\\\ and\"\n"
       "# TYPE back gauge\n"
       "back 18446744073709551615\n");
}

static void real_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *line;
    } cases[] = {{0.5, "x 0.5\n"},
                 {0, "x 0\n"},
                 {1.0 / 3, "x 0.33333333333333331\n"},
                 {1458255915.25, "x 1458255915.25\n"},
                 {1.0 / 0.0, "x +Inf\n"},
                 {-1.0 / 0.0, "x -Inf\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        e.family = "x";
        exposition_real(&e, NULL, 0, cases[i].value);
        is(cases[i].line);
    }
    e.family = "x";
    exposition_real(&e, NULL, 0, strtod("nan", NULL));
    is("x NaN\n");
}

/* Nothing of what does not fit is to be used; the next one begins anew. */
static void the_ceiling_holds(void **state)
{
    (void)state;
    const struct exposition_label label = {"a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    exposition_family(&e, "x", EXPOSITION_GAUGE, "Many.");
    for (size_t i = 0; i < EXPOSITION_MAX / 64; i++)
        exposition_count(&e, &label, 1, i);
    assert_true(e.failed);
    assert_true(e.len <= EXPOSITION_MAX);
    exposition_begin(&e);
    e.family = "x";
    exposition_count(&e, NULL, 0, 1);
    is("x 1\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_escaped_as_described), TEST(values_of_strangers_are_safe), TEST(long_values_are_cut),
        TEST(a_family_and_its_samples),        TEST(real_numbers),                 TEST(the_ceiling_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
