/* pcap files: byte orders, variants, and what a cut or lying file yields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "capture_bytes.h"

enum { FILE_HEADER = 24, FIRST_RECORD = 16 + 4, SECOND_RECORD = 16 + 3 };

static const uint8_t little[] = {
    PCAP_HEADER,
    LE32(1700000000), /* seconds */
    LE32(123456),     /* microseconds */
    LE32(4),          /* captured */
    LE32(60),         /* on the wire */
    1,
    2,
    3,
    4,
    LE32(1700000001),
    LE32(999999),
    LE32(3),
    LE32(3),
    5,
    6,
    7,
};

static const uint8_t big[] = {
    BE32(0xa1b2c3d4), /* magic */
    BE16(2),          /* major */
    BE16(4),          /* minor */
    BE32(0),          /* zone */
    BE32(0),          /* accuracy */
    BE32(65535),      /* snaplen */
    BE32(1),          /* link type */
    BE32(1700000000), BE32(123456), BE32(4), BE32(60), 1, 2, 3, 4,
    BE32(1700000001), BE32(999999), BE32(3), BE32(3),  5, 6, 7,
};

static void check_two_frames(const struct kept *k)
{
    assert_int_equal(k->count, 2);
    assert_string_equal(k->text, "");
    assert_int_equal(k->frames[0].number, 1);
    assert_int_equal(k->frames[0].time_ns, 1700000000123456000);
    assert_int_equal(k->frames[0].len, 4);
    assert_int_equal(k->frames[0].wire_len, 60);
    assert_int_equal(k->frames[0].link_type, LINKTYPE_ETHERNET);
    assert_memory_equal(k->frames[0].bytes, ((uint8_t[]){1, 2, 3, 4}), 4);
    assert_int_equal(k->frames[1].number, 2);
    assert_int_equal(k->frames[1].time_ns, 1700000001999999000);
    assert_int_equal(k->frames[1].len, 3);
    assert_int_equal(k->frames[1].wire_len, 3);
    assert_memory_equal(k->frames[1].bytes, ((uint8_t[]){5, 6, 7}), 3);
}

static void both_byte_orders_give_the_same_frames(void **state)
{
    (void)state;
    struct kept k;
    keep(span_of(little, sizeof little), &k);
    check_two_frames(&k);
    keep(span_of(big, sizeof big), &k);
    check_two_frames(&k);
}

static void the_info_counts_what_was_read(void **state)
{
    (void)state;
    struct kept k;
    struct source *s =
        keep_open(span_of(little, sizeof little), TEST_BUFFER, &(struct source_options){.capture = 7}, &k);
    const struct source_info *info = source_info(s);
    assert_string_equal(info->format, "pcap");
    assert_null(info->compression);
    assert_int_equal(info->packets, 2);
    assert_int_equal(info->bytes, 7);
    assert_int_equal(info->cut_packets, 1);
    assert_int_equal(info->wrong_lengths, 0);
    assert_int_equal(info->filtered, 0);
    assert_int_equal(info->first_ns, 1700000000123456000);
    assert_int_equal(info->last_ns, 1700000001999999000);
    assert_int_equal(info->interface_count, 1);
    assert_int_equal(info->interfaces[0].snaplen, 65535);
    assert_int_equal(info->interfaces[0].link_type, LINKTYPE_ETHERNET);
    assert_int_equal(info->interfaces[0].time_digits, 6);
    assert_null(info->interfaces[0].name);
    assert_int_equal(k.frames[1].capture, 7);
    source_close(s);
}

/* The frame that a variant holds once: 4 bytes of 60, at 10 s and 5 units. */
static void check_variant(const uint8_t *bytes, size_t len, int64_t time_ns)
{
    struct kept k;
    keep(span_of(bytes, len), &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, "");
    assert_int_equal(k.frames[0].time_ns, time_ns);
    assert_int_equal(k.frames[0].len, 4);
    assert_int_equal(k.frames[0].wire_len, 60);
    assert_memory_equal(k.frames[0].bytes, "\x09\x08\x07\x06", 4);
}

#define VARIANT_HEADER(order, magic, major, minor)                                                                     \
    order##32(magic), order##16(major), order##16(minor), order##32(0), order##32(0), order##32(0), order##32(1)
#define VARIANT_RECORD(order, first_length, second_length)                                                             \
    order##32(10), order##32(5), order##32(first_length), order##32(second_length)
#define VARIANT_BYTES 9, 8, 7, 6
#define KUZNETZOV_REST(order) order##32(2), order##16(0x800), 4, 0 /* interface, protocol, packet type, padding */

#define CHECK_VARIANT(time_ns, ...)                                                                                    \
    check_variant((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), time_ns)

static void modified_variants_are_read(void **state)
{
    (void)state;
    CHECK_VARIANT(10000000005, VARIANT_HEADER(LE, 0xa1b23c4d, 2, 4), VARIANT_RECORD(LE, 4, 60), VARIANT_BYTES);
    CHECK_VARIANT(10000000005, VARIANT_HEADER(BE, 0xa1b23c4d, 2, 4), VARIANT_RECORD(BE, 4, 60), VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0xa1b2cd34, 2, 4), VARIANT_RECORD(LE, 4, 60), KUZNETZOV_REST(LE),
                  VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(BE, 0xa1b2cd34, 2, 4), VARIANT_RECORD(BE, 4, 60), KUZNETZOV_REST(BE),
                  VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0x1c0001ac, 2, 4), LE32(20), VARIANT_RECORD(LE, 4, 60),
                  VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(BE, 0x1c0001ab, 2, 4), BE32(20), VARIANT_RECORD(BE, 4, 60),
                  VARIANT_BYTES);
}

static void old_versions_have_their_lengths_swapped(void **state)
{
    (void)state;
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0xa1b2c3d4, 2, 2), VARIANT_RECORD(LE, 60, 4), VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0xa1b2c3d4, 543, 0), VARIANT_RECORD(LE, 60, 4), VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0xa1b2c3d4, 2, 3), VARIANT_RECORD(LE, 60, 4), VARIANT_BYTES);
    CHECK_VARIANT(10000005000, VARIANT_HEADER(LE, 0xa1b2c3d4, 2, 3), VARIANT_RECORD(LE, 4, 60), VARIANT_BYTES);
}

static uint16_t link_type_of_field(uint32_t field)
{
    const uint8_t file[] = {LE32(0xa1b2c3d4), LE16(2),     LE16(4),     LE32(0),
                            LE32(0),          LE32(65535), LE32(field), VARIANT_RECORD(LE, 4, 60),
                            VARIANT_BYTES};
    struct kept k;
    keep(span_of(file, sizeof file), &k);
    assert_int_equal(k.count, 1);
    return k.frames[0].link_type;
}

static void the_link_type_field_also_holds_the_check_sequence(void **state)
{
    (void)state;
    assert_int_equal(link_type_of_field(0x24000001), LINKTYPE_ETHERNET); /* 4 bytes of FCS, said in the upper bits */
    assert_int_equal(link_type_of_field(276), LINKTYPE_LINUX_SLL2);
    assert_int_equal(link_type_of_field(12), LINKTYPE_RAW); /* what DLT_RAW is on most systems */
    assert_int_equal(link_type_of_field(14), LINKTYPE_RAW); /* and on OpenBSD */
}

static void a_wire_length_below_the_captured_one_is_corrected(void **state)
{
    (void)state;
    static const uint8_t file[] = {PCAP_HEADER, VARIANT_RECORD(LE, 4, 3), VARIANT_BYTES};
    struct kept k;
    struct source *s = keep_open(span_of(file, sizeof file), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_int_equal(k.frames[0].len, 4);
    assert_int_equal(k.frames[0].wire_len, 4);
    assert_int_equal(source_info(s)->wrong_lengths, 1);
    assert_int_equal(source_info(s)->cut_packets, 0);
    source_close(s);
}

static void every_prefix_yields_its_whole_records(void **state)
{
    (void)state;
    static const size_t ends[] = {FILE_HEADER, FILE_HEADER + FIRST_RECORD, FILE_HEADER + FIRST_RECORD + SECOND_RECORD};
    for (size_t len = 0; len <= sizeof little; len++) {
        uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a byte too many */
        assert_non_null(exact);
        memcpy(exact, little, len);
        struct kept k;
        keep(span_of(exact, len), &k);
        free(exact);
        assert_int_equal(k.opened, len >= FILE_HEADER);
        if (!k.opened) {
            assert_string_not_equal(k.text, "");
            continue;
        }
        size_t whole = len >= ends[2] ? 2 : len >= ends[1] ? 1 : 0;
        char expected[KEPT_TEXT] = "";
        if (len != ends[whole])
            snprintf(expected, sizeof expected, "the file ends in the packet record that begins at byte %zu",
                     ends[whole]);
        assert_int_equal(k.count, whole);
        assert_string_equal(k.text, expected);
    }
}

static void a_length_beyond_reason_ends_the_file_with_its_place(void **state)
{
    (void)state;
    uint8_t file[sizeof little];
    memcpy(file, little, sizeof file);
    static const uint8_t lie[] = {LE32(SOURCE_MAX_SNAPLEN + 1)};
    memcpy(file + FILE_HEADER + FIRST_RECORD + 8, lie, sizeof lie);
    struct kept k;
    keep(span_of(file, sizeof file), &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, "an impossible packet length, 1048577 bytes, stands in the record at byte 44");
}

static void headers_that_cannot_be_read_say_why(void **state)
{
    (void)state;
    static const uint8_t version_1[] = {VARIANT_HEADER(LE, 0xa1b2c3d4, 1, 4)};
    static const uint8_t text[] = "This is no capture.";
    struct kept k;
    keep(span_of(version_1, sizeof version_1), &k);
    assert_string_equal(k.text, "memory: pcap version 1.4 is not supported");
    keep(span_of(text, sizeof text), &k);
    assert_string_equal(k.text, "memory: not a capture (neither pcap nor pcapng)");
    keep(span_of(NULL, 0), &k);
    assert_string_equal(k.text, "memory: empty");
    keep(span_of(little, FILE_HEADER - 1), &k);
    assert_string_equal(k.text, "memory: the file ends in the header of the capture");
}

/* 200 records of growing length: the window's border falls into headers and packets. */
static void windows_of_any_size_give_the_same_frames(void **state)
{
    (void)state;
    enum { RECORDS = 200, ROOM = RECORDS * (16 + RECORDS) };
    uint8_t *file = malloc(ROOM);
    assert_non_null(file);
    size_t len = FILE_HEADER;
    memcpy(file, little, FILE_HEADER);
    for (unsigned i = 0; i < RECORDS; i++) {
        const uint8_t header[] = {LE32(1000 + i), LE32(i), LE32(i), LE32(i)};
        memcpy(file + len, header, sizeof header);
        memset(file + len + sizeof header, (int)i, i);
        len += sizeof header + i;
    }
    static const size_t batches[] = {1, 7, SOURCE_BATCH};
    for (size_t buffer = 64; buffer < 700; buffer += 13) {
        char error[SOURCE_ERROR];
        struct source *s = source_open_memory(span_of(file, len), buffer, &(struct source_options){0}, error);
        struct frame frames[SOURCE_BATCH];
        unsigned seen = 0;
        for (size_t n; (n = source_next(s, frames, batches[buffer % 3])) > 0;) {
            assert_true(n <= batches[buffer % 3]);
            for (size_t i = 0; i < n; i++, seen++) { /* all of a batch are still there at its end */
                assert_int_equal(frames[i].number, seen + 1);
                assert_int_equal(frames[i].time_ns, (1000 + seen) * INT64_C(1000000000) + seen * 1000);
                assert_int_equal(frames[i].len, seen);
                for (size_t b = 0; b < frames[i].len; b++)
                    assert_int_equal(frames[i].bytes[b], seen);
            }
        }
        assert_int_equal(seen, RECORDS);
        assert_null(source_info(s)->damage);
        source_close(s);
    }
    free(file);
}

static void records_greater_than_the_window_are_read(void **state)
{
    (void)state;
    enum { GREAT = SOURCE_MAX_SNAPLEN, LEN = FILE_HEADER + FIRST_RECORD + 16 + GREAT + SECOND_RECORD };
    static const uint8_t header[] = {LE32(5), LE32(6), LE32(GREAT), LE32(GREAT)};
    uint8_t *file = calloc(1, LEN), *at = file;
    assert_non_null(file);
    memcpy(at, little, FILE_HEADER + FIRST_RECORD);
    at += FILE_HEADER + FIRST_RECORD;
    memcpy(at, header, sizeof header);
    at += sizeof header;
    at[0] = 0xaa;
    at[GREAT - 1] = 0xbb;
    at += GREAT;
    memcpy(at, little + FILE_HEADER + FIRST_RECORD, SECOND_RECORD);
    static const size_t buffers[] = {64, 1 << 20};
    for (size_t i = 0; i < 2; i++) {
        char error[SOURCE_ERROR];
        struct source *s = source_open_memory(span_of(file, LEN), buffers[i], &(struct source_options){0}, error);
        struct frame f;
        assert_int_equal(source_next(s, &f, 1), 1);
        assert_int_equal(source_next(s, &f, 1), 1);
        assert_int_equal(f.len, GREAT);
        assert_int_equal(f.bytes[0], 0xaa);
        assert_int_equal(f.bytes[GREAT - 1], 0xbb);
        assert_int_equal(source_next(s, &f, 1), 1);
        assert_memory_equal(f.bytes, ((uint8_t[]){5, 6, 7}), 3);
        assert_int_equal(source_next(s, &f, 1), 0);
        assert_null(source_info(s)->damage);
        source_close(s);
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_give_the_same_frames),
        cmocka_unit_test(the_info_counts_what_was_read),
        cmocka_unit_test(modified_variants_are_read),
        cmocka_unit_test(old_versions_have_their_lengths_swapped),
        cmocka_unit_test(the_link_type_field_also_holds_the_check_sequence),
        cmocka_unit_test(a_wire_length_below_the_captured_one_is_corrected),
        cmocka_unit_test(every_prefix_yields_its_whole_records),
        cmocka_unit_test(a_length_beyond_reason_ends_the_file_with_its_place),
        cmocka_unit_test(headers_that_cannot_be_read_say_why),
        cmocka_unit_test(windows_of_any_size_give_the_same_frames),
        cmocka_unit_test(records_greater_than_the_window_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
