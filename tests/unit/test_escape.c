/* What strangers wrote never steers a terminal: expected forms come from the contract in analyze/report/escape.h. */
#include "analyze/report/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *in, size_t len, const char *expected)
{
    char *out = escape_new(span_of(in, len));
    assert_non_null(out);
    assert_string_equal(out, expected);
    free(out);
}

#define SHOWN(in, expected) check((in), sizeof(in) - 1, (expected))

static void plain_text_stays(void **state)
{
    (void)state;
    SHOWN("", "");
    SHOWN("CN=nps01.corp.contoso.com,O=Contoso \"Ltd\"", "CN=nps01.corp.contoso.com,O=Contoso \"Ltd\"");
    SHOWN("CORP\\alice", "CORP\\alice");
    SHOWN("M\xc3\xbcller \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x94\x91",
          "M\xc3\xbcller \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x94\x91");
    SHOWN("\xc2\xa0", "\xc2\xa0"); /* the first character after C1 */
    SHOWN("\xef\xbf\xbd", "\xef\xbf\xbd");
}

static void controls_are_shown(void **state)
{
    (void)state;
    SHOWN("a\033[2Jb", "a\\x1b[2Jb");
    SHOWN("\a\b\t\n\r\x7f", "\\x07\\x08\\x09\\x0a\\x0d\\x7f");
    check("a\0b", 3, "a\\x00b");
    SHOWN("\xc2\x9b"
          "31m",
          "\\u{9b}31m"); /* CSI as one C1 character */
    SHOWN("\xc2\x80\xc2\x9f", "\\u{80}\\u{9f}");
}

static void direction_and_invisible_characters_are_shown(void **state)
{
    (void)state;
    SHOWN("user\xe2\x80\xaegpj.exe", "user\\u{202e}gpj.exe");                       /* right-to-left override */
    SHOWN("\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}");                      /* isolates */
    SHOWN("a\xe2\x80\x8b\xe2\x80\x8f\xef\xbb\xbf", "a\\u{200b}\\u{200f}\\u{feff}"); /* zero width, mark, BOM */
    SHOWN("\xe2\x80\xa8\xe2\x80\xa9", "\\u{2028}\\u{2029}");                        /* line separators */
    SHOWN("\xf3\xa0\x80\x81", "\\u{e0001}");                                        /* tag */
    SHOWN("\xd8\x9c\xc2\xad", "\\u{61c}\\u{ad}");
}

static void what_is_no_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    SHOWN("\xff\xfe", "\\xff\\xfe");
    SHOWN("M\xfcller", "M\\xfcller"); /* Latin-1 */
    SHOWN("\xc0\xaf", "\\xc0\\xaf");  /* overlong */
    SHOWN("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    SHOWN("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
    SHOWN("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
    SHOWN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
    SHOWN("\xe2\x82", "\\xe2\\x82");                   /* ends early */
    SHOWN("\xe2\x82x", "\\xe2\\x82x");
    SHOWN("\x80", "\\x80");
}

static void every_byte_and_pair_gives_printable_text(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t in[3] = {(uint8_t)a, (uint8_t)b, (uint8_t)b};
            char out[sizeof in * ESCAPE_GROWTH + 1];
            size_t len = escape_text(out, sizeof out, span_of(in, sizeof in));
            assert_true(len <= sizeof in * ESCAPE_GROWTH);
            assert_int_equal(strlen(out), len);
            for (size_t i = 0; i < len; i++)
                assert_true((uint8_t)out[i] >= 0x20 && out[i] != 0x7f);
            /* safe text is a fixed point */
            char again[sizeof out * ESCAPE_GROWTH + 1];
            escape_text(again, sizeof again, span_of(out, len));
            assert_string_equal(again, out);
        }
    }
}

static void a_small_room_keeps_whole_characters(void **state)
{
    (void)state;
    static const char in[] = "ab\xc3\xbc\033z";
    static const char *const expected[] = {
        "", "a", "ab", "ab", "ab\xc3\xbc", "ab\xc3\xbc", "ab\xc3\xbc", "ab\xc3\xbc", "ab\xc3\xbc\\x1b"};
    for (size_t room = 1; room <= 9; room++) {
        char out[16];
        memset(out, '#', sizeof out);
        escape_text(out, room, span_of(in, sizeof in - 1));
        assert_string_equal(out, expected[room - 1]);
        assert_int_equal(out[room], '#');
    }
}

static void columns_count_characters(void **state)
{
    (void)state;
    assert_int_equal(escape_columns("abc"), 3);
    assert_int_equal(escape_columns("M\xc3\xbcller"), 6);
    assert_int_equal(escape_columns("\xe6\x9d\xb1\xe4\xba\xac"), 4);
    assert_int_equal(escape_columns("e\xcc\x81"), 1);
    assert_int_equal(escape_prefix("M\xc3\xbcller", 2), 3);
    assert_int_equal(escape_prefix("\xe6\x9d\xb1\xe4\xba\xac", 3), 3);
    assert_int_equal(escape_prefix("abc", 10), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(controls_are_shown),
        cmocka_unit_test(direction_and_invisible_characters_are_shown),
        cmocka_unit_test(what_is_no_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(every_byte_and_pair_gives_printable_text),
        cmocka_unit_test(a_small_room_keeps_whole_characters),
        cmocka_unit_test(columns_count_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
