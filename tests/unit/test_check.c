/* The line of --check: its state, and that nobody's text makes a second line or numbers of its own. */
#include "analyze/monitor/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_MAX_BYTES = 8192 };

static char line[LINE_MAX_BYTES];

static enum plugin_state written(const struct check_input *in, const char *complaint_alone)
{
    static struct output out;
    enum plugin_state state = PLUGIN_UNKNOWN;
    FILE *f = tmpfile();
    assert_non_null(f);
    output_begin(&out, f);
    if (in != NULL)
        state = check_write(&out, in);
    else
        check_write_unknown(&out, complaint_alone);
    assert_true(output_end(&out));
    rewind(f);
    size_t len = fread(line, 1, sizeof line - 1, f);
    line[len] = '\0';
    fclose(f);
    assert_true(len > 0 && line[len - 1] == '\n');
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    return state;
}

static void state_follows_the_worst_finding(void **state)
{
    (void)state;
    static const struct finding findings[] = {
        {.severity = SEVERITY_CRITICAL}, {.severity = SEVERITY_WARNING}, {.severity = SEVERITY_INFO}};
    const struct analysis_totals totals = {.sessions = 1, .established = 1};
    const enum plugin_state expected[] = {PLUGIN_CRITICAL, PLUGIN_WARNING, PLUGIN_OK};
    for (size_t i = 0; i < 3; i++) {
        struct check_input in = {.verdict = "v", .findings = findings + i, .finding_count = 3 - i, .totals = &totals};
        assert_int_equal(check_judge(&in), expected[i]);
        in.complaint = "half of it cannot be read"; /* what was found stays; but it is not known that all is well */
        assert_int_equal(check_judge(&in), i < 2 ? expected[i] : PLUGIN_UNKNOWN);
    }
}

static void without_a_judged_session_nothing_is_known(void **state)
{
    (void)state;
    const struct analysis_totals none = {.packets = 1000}, incomplete = {.sessions = 3, .incomplete = 3},
                                 probes = {.probe_series = 1}, refused = {.sessions = 1, .rejected = 1},
                                 silent = {.sessions = 1, .unanswered = 1}, aborted = {.sessions = 1, .aborted = 1};
    struct check_input in = {.verdict = "v"};
    const struct {
        const struct analysis_totals *totals;
        enum plugin_state expected;
    } cases[] = {{&none, PLUGIN_UNKNOWN}, {&incomplete, PLUGIN_UNKNOWN}, {&probes, PLUGIN_UNKNOWN},
                 {&refused, PLUGIN_OK},   {&silent, PLUGIN_OK},          {&aborted, PLUGIN_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        in.totals = cases[i].totals;
        assert_int_equal(check_judge(&in), cases[i].expected);
    }
}

/* Monitoring Plugins' guidelines, 2.6: 'label'=value[UOM];[warn];[crit];[min];[max] behind the bar. */
static void the_line_has_its_form(void **state)
{
    (void)state;
    static const struct finding finding = {.severity = SEVERITY_WARNING};
    const struct analysis_totals totals = {
        .sessions = 10, .established = 4, .rejected = 3, .aborted = 1, .unanswered = 1, .incomplete = 1, .packets = 12345678901};
    const struct check_input in = {.verdict = "Something is slow.", .findings = &finding, .finding_count = 1, .totals = &totals,
                                   .has_lost = true, .lost = 7};
    assert_int_equal(written(&in, NULL), PLUGIN_WARNING);
    assert_string_equal(line, "VPN WARNING: Something is slow. | sessions=10;;;0 established=4;;;0 failed=5;;;0 incomplete=1;;;0 "
                              "critical=0;;;0 warning=1;;;0 packets=12345678901;;;0 lost=7;;;0\n");
}

static void nobody_injects(void **state)
{
    (void)state;
    const struct analysis_totals totals = {.sessions = 1, .established = 1};
    struct check_input in = {.verdict = "a \"b|c=1\nd\x1b[2J\xff\" | x", .totals = &totals};
    assert_int_equal(written(&in, NULL), PLUGIN_OK);
    assert_ptr_equal(strchr(line, '|'), strstr(line, "| sessions="));
    assert_memory_equal(line, "VPN OK: a \"b\\x7cc=1\\x0ad\\x1b[2J\\xff\" \\x7c x | sessions=1;;;0 ", 60);
    written(NULL, "|\n|");
    assert_string_equal(line, "VPN UNKNOWN: \\x7c\\x0a\\x7c\n");
}

static void why_it_is_unknown(void **state)
{
    (void)state;
    const struct analysis_totals none = {0}, incomplete = {.sessions = 1, .incomplete = 1}, fine = {.sessions = 1, .established = 1};
    struct check_input in = {.verdict = "Nothing to judge.", .totals = &none};
    written(&in, NULL);
    assert_memory_equal(line, "VPN UNKNOWN: Nothing to judge. | ", 33);
    in = (struct check_input){.verdict = "It goes on.", .totals = &incomplete};
    written(&in, NULL);
    assert_memory_equal(line, "VPN UNKNOWN: no session was seen to its end; It goes on. | ", 59);
    in = (struct check_input){.verdict = "Fine.", .totals = &fine, .complaint = "b.pcap: no such file"};
    written(&in, NULL);
    assert_memory_equal(line, "VPN UNKNOWN: b.pcap: no such file | ", 36);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    static char text[4096];
    const struct analysis_totals totals = {.sessions = 1, .established = 1};
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3); /* a euro sign: no cut within it */
    const struct check_input in = {.verdict = text, .totals = &totals};
    written(&in, NULL);
    const char *bar = strstr(line, " | ");
    assert_non_null(bar);
    assert_true(bar - line > 600 && bar - line < 1000 && (bar - line - 8) % 3 == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_follows_the_worst_finding), cmocka_unit_test(without_a_judged_session_nothing_is_known),
        cmocka_unit_test(the_line_has_its_form),           cmocka_unit_test(nobody_injects),
        cmocka_unit_test(why_it_is_unknown),               cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
