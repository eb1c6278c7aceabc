/* Wrapping and tables at a given width, read back from a file of this test. */
#include "analyze/report/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[4096];
static struct output out;

static struct layout begin(unsigned columns)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    output_begin(&out, f);
    return (struct layout){.out = &out, .columns = columns};
}

static const char *end(void)
{
    assert_true(output_end(&out));
    rewind(out.file);
    size_t n = fread(text, 1, sizeof text - 1, out.file);
    text[n] = '\0';
    fclose(out.file);
    return text;
}

static void words(const struct layout *l, size_t at, size_t indent, const char *s)
{
    layout_words(l, at, indent, span_of(s, strlen(s)));
}

static void words_wrap_at_the_width(void **state)
{
    (void)state;
    struct layout l = begin(12);
    words(&l, 0, 2, "one two three four");
    words(&l, 8, 2, "one two");
    words(&l, 0, 2, "0123456789abcdef tail"); /* longer than the line: whole */
    words(&l, 0, 2, "  spaces   fold ");
    words(&l, 0, 2, "");
    assert_string_equal(end(), "one two\n  three four\none\n  two\n0123456789abcdef\n  tail\nspaces fold\n\n");
}

static void strangers_cannot_break_lines(void **state)
{
    (void)state;
    struct layout l = begin(40);
    words(&l, 0, 0, "evil\nCRITICAL \033[31m");
    assert_string_equal(end(), "evil\\x0aCRITICAL \\x1b[31m\n");
}

static void labels_align(void **state)
{
    (void)state;
    struct layout l = begin(20);
    layout_labelled_string(&l, 2, "User", 6, "alice in wonderland");
    layout_labelled_string(&l, 2, "Certificate", 6, "x");
    assert_string_equal(end(), "  User  alice in\n        wonderland\n  Certificate x\n");
}

static void tables_shrink_what_may_shrink(void **state)
{
    (void)state;
    static const struct table_column columns[] = {{"#", true, 0}, {"User", false, 4}, {"Result", false, 0}};
    static struct table t;
    t = (struct table){.columns = columns, .column_count = 3, .row_count = 2};
    table_cell_string(&t, 0, 0, "1");
    table_cell_string(&t, 0, 1, "alice@example.com");
    table_cell_string(&t, 0, 2, "rejected");
    table_cell_string(&t, 1, 0, "12");
    table_cell_string(&t, 1, 1, "bob");
    table_cell_string(&t, 1, 2, "ok");
    struct layout l = begin(24);
    table_print(&l, 1, &t);
    assert_string_equal(end(), "  #  User       Result\n  1  alice@ex…  rejected\n 12  bob        ok\n");
    l = begin(10); /* too narrow even so: the rest stays whole */
    table_print(&l, 0, &t);
    assert_string_equal(end(), " #  User  Result\n 1  ali…  rejected\n12  bob   ok\n");
}

static void colour_only_when_asked(void **state)
{
    (void)state;
    struct layout l = begin(80);
    layout_styled(&l, STYLE_RED, "a");
    l.colour = true;
    layout_styled(&l, STYLE_RED, "b");
    layout_styled(&l, STYLE_PLAIN, "c");
    assert_string_equal(end(), "a\033[1;31mb\033[0mc");
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    FILE *f = fopen("/dev/full", "wb");
    if (f == NULL) {
        print_message("no /dev/full here\n");
        skip();
    }
    output_begin(&out, f);
    output_string(&out, "x");
    assert_false(output_end(&out));
    output_string(&out, "y");
    assert_false(output_end(&out));
    fclose(f);
}

static void long_output_is_whole(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    output_begin(&out, f);
    for (unsigned i = 0; i < 100000; i++)
        output_format(&out, "%05u\n", i);
    assert_true(output_end(&out));
    rewind(f);
    char line[16];
    unsigned n = 0;
    for (; fgets(line, sizeof line, f) != NULL; n++)
        assert_int_equal(strtoul(line, NULL, 10), n);
    assert_int_equal(n, 100000);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_wrap_at_the_width),
        cmocka_unit_test(strangers_cannot_break_lines),
        cmocka_unit_test(labels_align),
        cmocka_unit_test(tables_shrink_what_may_shrink),
        cmocka_unit_test(colour_only_when_asked),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(long_output_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
