/* The JSON writer: what it writes is read back by jansson, what is no JSON is refused. */
#include "analyze/report/json_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "analyze/report/escape.h"

static char text[1 << 16];
static struct output out;

static struct json_writer begin(void)
{
    struct json_writer w;
    FILE *f = tmpfile();
    assert_non_null(f);
    output_begin(&out, f);
    json_begin(&w, &out);
    return w;
}

/* The document as bytes; NULL when it was refused. */
static const char *end(struct json_writer *w)
{
    bool good = json_finish(w) && output_end(&out);
    rewind(out.file);
    text[fread(text, 1, sizeof text - 1, out.file)] = '\0';
    fclose(out.file);
    return good ? text : NULL;
}

static void members_and_elements_are_separated(void **state)
{
    (void)state;
    struct json_writer w = begin();
    json_put_object(&w, NULL);
    json_put_integer(&w, "a", 1);
    json_put_array(&w, "b");
    json_put_object(&w, NULL);
    json_put_null(&w, "c");
    json_put_flag(&w, "d", true);
    json_put_array(&w, "e");
    json_put_flag(&w, NULL, false);
    json_put_integer(&w, NULL, 2);
    json_end_array(&w);
    json_end_object(&w);
    json_put_array(&w, NULL);
    json_end_array(&w);
    json_end_array(&w);
    json_put_array(&w, "f");
    json_end_array(&w);
    json_put_object(&w, "g");
    json_put_string(&w, "h", "i");
    json_put_string(&w, "j", NULL);
    json_end_object(&w);
    json_end_object(&w);
    assert_string_equal(end(&w), "{\n \"a\": 1,\n \"b\": [\n  {\"c\":null,\"d\":true,\"e\":[false,2]},\n  []\n ],\n"
                                 " \"f\": [],\n \"g\": {\"h\":\"i\",\"j\":null}\n}\n");
}

/* The document [value...] of one array, read by jansson; the caller gives the reference back. */
static json_t *read_back(struct json_writer *w)
{
    json_error_t error;
    json_end_array(w);
    const char *document = end(w);
    assert_non_null(document);
    json_t *read = json_loads(document, 0, &error);
    assert_non_null(read);
    return read;
}

static void every_byte_may_stand_in_a_text(void **state)
{
    (void)state;
    struct json_writer w = begin();
    json_put_array(&w, NULL);
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t bytes[] = {'a', (uint8_t)c, 'b'};
        json_put_text(&w, NULL, span_of(bytes, sizeof bytes));
    }
    json_put_string(&w, NULL, "Z\xc3\xbcrich \"\\ \xe2\x80\xae");
    json_t *read = read_back(&w);
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t bytes[] = {'a', (uint8_t)c, 'b'};
        char safe[sizeof bytes * ESCAPE_GROWTH + 1];
        escape_text(safe, sizeof safe, span_of(bytes, sizeof bytes));
        assert_string_equal(json_string_value(json_array_get(read, c)), safe);
    }
    assert_string_equal(json_string_value(json_array_get(read, 256)), "Z\xc3\xbcrich \"\\ \\u{202e}");
    json_decref(read);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    struct json_writer w = begin();
    json_put_array(&w, NULL);
    json_put_integer(&w, NULL, 0);
    json_put_integer(&w, NULL, INT64_MIN);
    json_put_integer(&w, NULL, INT64_MAX);
    json_put_count(&w, NULL, UINT64_MAX);
    json_put_decimal(&w, NULL, 0, 6);
    json_put_decimal(&w, NULL, 1500, 3);
    json_put_decimal(&w, NULL, -1, 6);
    json_put_decimal(&w, NULL, 2000000, 6);
    json_put_decimal(&w, NULL, INT64_MIN, 18);
    json_put_decimal(&w, NULL, 7, 0);
    json_put_hex(&w, NULL, (const uint8_t[]){0x00, 0xaf, 0x90}, 3);
    json_end_array(&w);
    assert_string_equal(end(&w), "[\n 0,\n -9223372036854775808,\n 9223372036854775807,\n 9223372036854775807,\n 0.0,\n"
                                 " 1.5,\n -0.000001,\n 2.0,\n -9.223372036854775808,\n 7,\n \"00af90\"\n]\n");
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    for (int mistake = 0; mistake < 9; mistake++) {
        struct json_writer w = begin();
        json_put_object(&w, NULL);
        json_put_array(&w, "a");
        if (mistake == 0)
            json_put_null(&w, "key in an array");
        if (mistake == 1)
            json_end_object(&w);
        if (mistake == 2)
            json_put_decimal(&w, NULL, 1, 19);
        json_end_array(&w);
        if (mistake == 3)
            json_put_null(&w, NULL); /* a member without a key */
        if (mistake == 4)
            json_end_array(&w);
        if (mistake != 5)
            json_end_object(&w);
        if (mistake == 6)
            json_end_object(&w);
        if (mistake == 7)
            json_put_null(&w, NULL); /* a second document */
        assert_true((end(&w) == NULL) == (mistake != 8));
    }
    struct json_writer w = begin();
    assert_null(end(&w)); /* no document at all */
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct json_writer w = begin();
        for (int i = 0; i < JSON_DEPTH_MAX + more; i++)
            json_put_array(&w, NULL);
        for (int i = 0; i < JSON_DEPTH_MAX + more; i++)
            json_end_array(&w);
        assert_true((end(&w) == NULL) == (more == 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_are_separated),
        cmocka_unit_test(every_byte_may_stand_in_a_text),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(depth_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
