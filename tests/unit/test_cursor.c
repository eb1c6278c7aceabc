/* The cursor and the address texts: every other piece of dissection stands on them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/wire/address.h"
#include "capture/wire/cursor.h"

static void getters_read_to_the_last_byte_and_then_fail(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07};
    struct cursor c = cursor_of(span_of(bytes, sizeof bytes));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    assert_true(take_u8(&c, &u8));
    assert_int_equal(u8, 0x01);
    assert_true(take_be16(&c, &u16));
    assert_int_equal(u16, 0x0203);
    assert_false(take_be64(&c, &(uint64_t){0}));
    assert_int_equal(c.len, 4);
    assert_true(take_be32(&c, &u32));
    assert_int_equal(u32, 0x04050607);
    assert_int_equal(c.offset, 7);
    assert_false(take_u8(&c, &u8));
    assert_int_equal(u8, 0x01);
}

static void a_lying_length_prefix_changes_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x03, 0xaa, 0xbb};
    struct cursor c = cursor_of(span_of(bytes, sizeof bytes)), child = {0};
    assert_false(take_sub_be16(&c, &child));
    assert_int_equal(c.len, 4);
    assert_int_equal(c.offset, 0);
    assert_null(child.data);
}

static void a_child_cannot_read_past_its_parent(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x02, 0xaa, 0xbb, 0xcc};
    struct cursor c = cursor_of(span_of(bytes, sizeof bytes)), child;
    uint32_t u24;
    uint16_t u16;
    assert_true(take_sub_u8(&c, &child));
    assert_false(take_be24(&child, &u24));
    assert_true(take_be16(&child, &u16));
    assert_int_equal(u16, 0xaabb);
    assert_int_equal(child.len, 0);
    assert_int_equal(c.len, 1);
}

/* RFC 5952 section 4 examples, and RFC 4291 section 2.2 forms. */
static void ipv6_text_follows_rfc_5952(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:0db8::0001", "2001:db8::1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"::ffff:192.0.2.128", "::ffff:c000:280"},
        {"192.0.2.33", "192.0.2.33"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a;
        char text[ADDRESS_TEXT];
        assert_true(address_parse(span_of(cases[i].in, strlen(cases[i].in)), &a));
        assert_string_equal(address_text(text, &a), cases[i].out);
    }
    static const char *bad[] = {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
                                "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:8::", "::1:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct address a;
        assert_false(address_parse(span_of(bad[i], strlen(bad[i])), &a));
    }
}

static void prefixes_match_by_bits(void **state)
{
    (void)state;
    struct address net, in, out;
    assert_true(address_parse(span_of("172.16.0.0", 10), &net));
    assert_true(address_parse(span_of("172.31.255.255", 14), &in));
    assert_true(address_parse(span_of("172.32.0.0", 10), &out));
    assert_true(address_in(&in, &net, 12));
    assert_false(address_in(&out, &net, 12));
    assert_false(address_in(&in, &net, 33));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(getters_read_to_the_last_byte_and_then_fail),
        cmocka_unit_test(a_lying_length_prefix_changes_nothing),
        cmocka_unit_test(a_child_cannot_read_past_its_parent),
        cmocka_unit_test(ipv6_text_follows_rfc_5952),
        cmocka_unit_test(prefixes_match_by_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
