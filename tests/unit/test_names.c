/* Names against ServerNames: the readings of [MS-GPWL] and where they differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "analyze/certificate/expect.h"

static char *writable(const char *s)
{
    return (char *)(uintptr_t)s;
}

static struct name_result match(const char *expected, const char *name)
{
    struct name_result result;
    char *list[1] = {writable(expected)};
    name_match(list, 1, &name, 1, &result);
    return result;
}

static void each_reading_has_its_verdict(void **state)
{
    static const struct {
        const char *expected, *name;
        enum name_fit fit;
    } cases[] = {
        {"nps01.corp.example", "nps01.corp.example", NAME_MATCH},
        {"nps01.corp.example", "nps02.corp.example", NAME_MISMATCH},
        {"nps01.corp.example", "NPS01.corp.example", NAME_MATCH_CASE},
        {"corp.example", "nps01.corp.example", NAME_MISMATCH}, /* a literal is the whole name */
        {"nps01.corp.example", "nps01.corp.example.evil", NAME_MISMATCH},
        {"nps01.corp.example", "nps01xcorp.example", NAME_MISMATCH}, /* no '*', so '.' is a dot */
        {"nps.*\\.corp\\.example", "nps01.corp.example", NAME_MATCH},
        {"nps.*\\.corp\\.example", "NPS01.corp.example", NAME_MATCH_CASE},
        {".*\\.corp\\.example", "nps01.corp.example", NAME_MATCH},
        {"^nps\\d*\\.corp\\.example$", "nps01.corp.example", NAME_MATCH},
        {"nps.*\\.corp\\.example", "ras01.corp.example", NAME_MISMATCH},
        {"nps*.corp.example", "nps1.corp.example", NAME_MATCH_UNCERTAIN}, /* the documentation's own contradiction */
        {"nps*.corp.example", "ras1.corp.example", NAME_MISMATCH},
        {"*.corp.example", "nps01.corp.example", NAME_MATCH_UNCERTAIN}, /* no regular expression at all */
        {"*.corp.example", "nps01.other.example", NAME_MISMATCH},
        {"nps.*", "x.nps01.corp.example", NAME_MATCH_UNCERTAIN}, /* found inside, not the whole name */
        {"*.corp.example", "*.corp.example", NAME_MATCH},
        {"nps01.corp.example", "*.corp.example", NAME_MATCH_UNCERTAIN}, /* wildcard certificate */
        {"nps01.corp.example", "*.other.example", NAME_MISMATCH},
        {"nps0[12]\\.corp\\.example", "nps01.corp.example", NAME_MATCH_UNCERTAIN}, /* no '*': a literal for Windows */
        {"nps.*\\.corp\\.example", "nps01.corp.example\\00.evil",
         NAME_MATCH_UNCERTAIN}, /* never certain: NUL escaped */
        {"nps01.corp.example", "nps01.corp.example\\00.evil", NAME_MISMATCH},
        {"nps.*\\.corp\\.example$", "nps01.corp.example\n", NAME_MISMATCH}, /* $ is the very end in ECMA-262 */
        {"a*(", "b", NAME_MISMATCH},
        {".*", "", NAME_MATCH},
        {"n\\u0070s.*", "nps01", NAME_MATCH}, /* ECMA-262 escape */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct name_result result = match(cases[i].expected, cases[i].name);
        if (result.fit != cases[i].fit)
            print_error("'%s' against '%s'\n", cases[i].expected, cases[i].name);
        assert_int_equal(result.fit, cases[i].fit);
        if (result.fit != NAME_MISMATCH) {
            assert_string_equal(result.matched, cases[i].name);
            assert_string_equal(result.pattern, cases[i].expected);
        }
        if (result.fit != NAME_MISMATCH)
            assert_int_equal(result.remark[0] != '\0', result.fit == NAME_MATCH_UNCERTAIN);
    }
}

static void an_unescaped_dot_is_remarked_only_when_it_mattered(void **state)
{
    (void)state;
    struct name_result result = match("nps.*.corp.example", "nps01.corp.example");
    assert_int_equal(result.fit, NAME_MATCH);
    assert_string_equal(result.remark, "");
    result = match("nps.*.corp.example", "nps01xcorpyexample");
    assert_int_equal(result.fit, NAME_MATCH);
    assert_string_equal(result.remark, "an unescaped '.' of the pattern matched another character");
    result = match("nps[.]*corp.example", "nps.corpxexample");
    assert_int_equal(result.fit, NAME_MATCH);
    assert_string_equal(result.remark, "an unescaped '.' of the pattern matched another character");
}

static void what_was_pasted_with_a_name_is_remarked(void **state)
{
    (void)state;
    assert_non_null(strstr(match("other.example,nps01.corp.example", "nps01.corp.example").remark, "by ';' only"));
    assert_non_null(strstr(match("other.example nps01.corp.example", "nps01.corp.example").remark, "by ';' only"));
    assert_non_null(strstr(match("\xe2\x80\x8enps01.corp.example", "nps01.corp.example").remark, "invisible"));
    assert_string_equal(match("mynps01.corp.example", "nps01.corp.example").remark, "");
    assert_string_equal(match("nps01.corp.example.org", "nps01.corp.example").remark, "");
    assert_string_equal(match("x", "").remark, "");
}

static void a_pattern_that_does_not_compile_is_remarked(void **state)
{
    (void)state;
    char *expected[] = {writable("ras.example"), writable("nps.*)")};
    const char *name = "nps01.corp.example";
    struct name_result result;
    name_match(expected, 2, &name, 1, &result);
    assert_int_equal(result.fit, NAME_MISMATCH);
    assert_string_equal(result.remark, "a pattern among the names is no valid regular expression");
    name_match(expected, 1, &name, 1, &result);
    assert_int_equal(result.fit, NAME_MISMATCH);
    assert_string_equal(result.remark, "");
}

static void the_best_of_all_pairs_counts(void **state)
{
    (void)state;
    struct name_result result;
    char *expected[] = {writable("ras.example"), writable("nps*.corp.example"), writable("nps.*\\.corp\\.example")};
    const char *names[] = {"NPS01", "nps01.corp.example"};
    name_match(expected, 3, names, 2, &result);
    assert_int_equal(result.fit, NAME_MATCH);
    assert_string_equal(result.pattern, expected[2]);
    assert_string_equal(result.matched, names[1]);
    name_match(expected, 2, names, 2, &result);
    assert_int_equal(result.fit, NAME_MATCH_UNCERTAIN);
    name_match(expected, 1, names, 2, &result);
    assert_int_equal(result.fit, NAME_MISMATCH);
    name_match(expected, 1, names, 0, &result);
    assert_int_equal(result.fit, NAME_MISMATCH);
    name_match(expected, 0, names, 2, &result);
    assert_int_equal(result.fit, NAME_NO_EXPECTATION);
}

/* Patterns that take time exponential in the name must end, and must not be called a mismatch. */
static void catastrophic_patterns_end(void **state)
{
    static const char *const patterns[] = {"(a*)*(b*)*(a*)*[cd]", "(a|aa)*(a|aa)*(a|aa)*(a|aa)*$x", "((a*)*)*[bc]",
                                           "(.*)*(.*)*(.*)*[xy]"};
    char name[EXPECT_NAME_LENGTH + 1], *list[EXPECT_NAMES_MAX];
    const char *names[65];
    struct name_result result;
    (void)state;
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < 65; i++)
        names[i] = name;
    clock_t start = clock();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        for (size_t k = 0; k < EXPECT_NAMES_MAX; k++)
            list[k] = writable(patterns[i]);
        name_match(list, EXPECT_NAMES_MAX, names, 65, &result);
        assert_true(result.fit == NAME_MATCH_UNCERTAIN || result.fit == NAME_MISMATCH);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20.0);
    struct name_result one = match("(a|aa)*(a|aa)*[bc]", name);
    assert_int_equal(one.fit, NAME_MATCH_UNCERTAIN);
    assert_string_equal(one.remark, "the pattern is too complex to try");
}

static void overlong_names_never_match(void **state)
{
    (void)state;
    char name[EXPECT_NAME_LENGTH + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(match(".*", name).fit, NAME_MISMATCH);
    assert_int_equal(match(name, "a").fit, NAME_MISMATCH);
    assert_int_equal(match(".*", name + 1).fit, NAME_MATCH);
}

static void names_that_are_no_utf8_do_no_harm(void **state)
{
    (void)state;
    assert_int_equal(match(".*x", "\xc3(\xff x").fit, NAME_MISMATCH);
    assert_int_equal(match("\xff*", "abc").fit, NAME_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reading_has_its_verdict),
        cmocka_unit_test(an_unescaped_dot_is_remarked_only_when_it_mattered),
        cmocka_unit_test(what_was_pasted_with_a_name_is_remarked),
        cmocka_unit_test(a_pattern_that_does_not_compile_is_remarked),
        cmocka_unit_test(the_best_of_all_pairs_counts),
        cmocka_unit_test(catastrophic_patterns_end),
        cmocka_unit_test(overlong_names_never_match),
        cmocka_unit_test(names_that_are_no_utf8_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
