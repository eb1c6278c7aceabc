/* L2TPv2 as bytes: RFC 2661 sections 3.1 (header), 4.1 (attributes), 4.4 (their values). */
#include "bytes_by_hand.h"
#include "dissect/l2tp/l2tp.h"

static bool parse(const void *bytes, size_t len, uint32_t wire_len, struct l2tp_header *h)
{
    uint8_t *copy = exact_copy(bytes, len);
    bool read = l2tp_parse(span_of(copy, len), wire_len, h);
    free(copy);
    return read;
}

enum { LENGTH = 0x40, SEQUENCE = 0x08, OFFSET = 0x02, PRIORITY = 0x01 };

/* A data message with the optional fields that the flags name, two octets of offset padding, and PPP's ff 03 c0 21. */
static size_t data_message(uint8_t out[32], unsigned flags)
{
    size_t n = 2;
    out[0] = (uint8_t)flags;
    out[1] = 2;
    if (flags & LENGTH)
        out[n++] = 0, out[n++] = 0;
    out[n++] = 0x12, out[n++] = 0x34, out[n++] = 0x56, out[n++] = 0x78;
    if (flags & SEQUENCE)
        out[n++] = 0, out[n++] = 7, out[n++] = 0, out[n++] = 9;
    if (flags & OFFSET)
        out[n++] = 0, out[n++] = 2, out[n++] = 0xee, out[n++] = 0xee;
    memcpy(out + n, "\xff\x03\xc0\x21", 4);
    n += 4;
    if (flags & LENGTH)
        out[3] = (uint8_t)n;
    return n;
}

static void every_combination_of_flags_finds_the_frame(void **state)
{
    (void)state;
    static const unsigned flags[] = {LENGTH, SEQUENCE, OFFSET, PRIORITY};
    for (unsigned which = 0; which < 16; which++) {
        uint8_t bytes[32];
        unsigned set = 0;
        for (unsigned i = 0; i < 4; i++)
            set |= (which >> i & 1) != 0 ? flags[i] : 0;
        size_t n = data_message(bytes, set);
        struct l2tp_header h;
        assert_true(l2tp_parse(span_of(bytes, n), (uint32_t)n, &h));
        assert_false(h.malformed);
        assert_false(h.control);
        assert_int_equal(h.tunnel, 0x1234);
        assert_int_equal(h.session, 0x5678);
        assert_int_equal(h.has_length, (set & LENGTH) != 0);
        assert_int_equal(h.priority, (set & PRIORITY) != 0);
        if (h.has_sequence) {
            assert_int_equal(h.ns, 7);
            assert_int_equal(h.nr, 9);
        }
        assert_int_equal(h.payload.len, 4);
        assert_int_equal(h.payload_wire_len, 4);
        assert_memory_equal(h.payload.data, "\xff\x03\xc0\x21", 4);
    }
}

static void padding_behind_the_length_is_no_payload(void **state)
{
    (void)state;
    static const uint8_t zlb[] = {0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0};
    struct l2tp_header h;
    assert_true(parse(zlb, sizeof zlb, sizeof zlb, &h));
    assert_true(h.control);
    assert_int_equal(h.ns, 3);
    assert_int_equal(h.nr, 4);
    assert_int_equal(h.payload.len, 0);
    assert_int_equal(h.payload_wire_len, 0);
}

static void headers_that_contradict_themselves(void **state)
{
    (void)state;
    static const uint8_t long_length[] = {0x40, 2, 0, 60, 0, 1, 0, 2, 0xff, 3, 0xc0, 0x21};
    static const uint8_t short_length[] = {0xc8, 2, 0, 11, 0, 1, 0, 0, 0, 3, 0, 4};
    static const uint8_t no_sequence[] = {0xc0, 2, 0, 8, 0, 1, 0, 0};
    static const uint8_t far_offset[] = {0x02, 2, 0, 1, 0, 2, 1, 0, 0xff, 3, 0xc0, 0x21};
    static const uint8_t version_3[] = {0xc8, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0};
    struct l2tp_header h;
    assert_true(parse(long_length, sizeof long_length, sizeof long_length, &h) && h.malformed);
    assert_true(parse(short_length, sizeof short_length, sizeof short_length, &h) && h.malformed);
    assert_true(parse(no_sequence, sizeof no_sequence, sizeof no_sequence, &h) && h.malformed);
    assert_true(parse(far_offset, sizeof far_offset, sizeof far_offset, &h) && h.malformed);
    assert_int_equal(h.payload.len, 0);
    assert_false(parse(version_3, sizeof version_3, sizeof version_3, &h));
    /* Cut by the capture instead. */
    assert_true(parse(far_offset, sizeof far_offset, 400, &h));
    assert_false(h.malformed);
    assert_int_equal(h.payload.len, 0);
}

static void every_prefix_is_read_within_its_bounds(void **state)
{
    (void)state;
    uint8_t bytes[32];
    struct l2tp_header h;
    size_t n = data_message(bytes, LENGTH | SEQUENCE | OFFSET);
    for (size_t cut = 0; cut < n; cut++) {
        if (parse(bytes, cut, (uint32_t)n, &h))
            assert_false(h.malformed);
        (void)parse(bytes, cut, (uint32_t)cut, &h);
    }
}

/* SCCRQ: message type, protocol version, host name, vendor name, tunnel id, framing capabilities. */
static const uint8_t request[] = {0x80, 8, 0, 0, 0, 0, 0, 1,   0x80, 8, 0, 0, 0, 2, 1, 0,
                                  0x80, 10, 0, 0, 0, 7, 'P', 'C', '1', '7',
                                  0x00, 15, 0, 0, 0, 8, 'M', 'i', 'c', 'r', 'o', 's', 'o', 'f', 't',
                                  0x80, 8, 0, 0, 0, 9, 0x47, 0x11, 0x80, 10, 0, 0, 0, 3, 0, 0, 0, 1};

static void attributes_of_a_request(void **state)
{
    (void)state;
    struct l2tp_control m;
    l2tp_control_read(span_of(request, sizeof request), false, &m);
    assert_false(m.malformed);
    assert_int_equal(m.type, L2TP_SCCRQ);
    assert_int_equal(m.tunnel, 0x4711);
    assert_int_equal(m.session, 0);
    assert_int_equal(m.host.len, 4);
    assert_memory_equal(m.host.data, "PC17", 4);
    assert_memory_equal(m.vendor.data, "Microsoft", 9);
    assert_int_equal(m.hidden, 0);
    assert_string_equal(l2tp_message_name(m.type), "SCCRQ");
}

static void a_hidden_attribute_is_counted_and_not_read(void **state)
{
    (void)state;
    /* Random vector, and behind it an assigned tunnel id that is hidden: section 4.3. */
    static const uint8_t bytes[] = {0x80, 8, 0, 0, 0, 0, 0, 1, 0x80, 10, 0, 0, 0, 36, 1, 2, 3, 4,
                                    0xc0, 12, 0, 0, 0, 9, 0x99, 0x88, 0x77, 0x66, 0x55, 0x44};
    struct l2tp_control m;
    l2tp_control_read(span_of(bytes, sizeof bytes), false, &m);
    assert_false(m.malformed);
    assert_int_equal(m.hidden, 1);
    assert_int_equal(m.tunnel, 0);
}

static void attributes_of_another_vendor_are_stepped_over(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x80, 8, 0, 0, 0, 0, 0, 1, 0x00, 8, 0, 9, 0, 9, 0x12, 0x34};
    struct l2tp_control m;
    l2tp_control_read(span_of(bytes, sizeof bytes), false, &m);
    assert_false(m.malformed);
    assert_int_equal(m.tunnel, 0);
}

static void results_of_the_end(void **state)
{
    (void)state;
    static const uint8_t not_authorized[] = {0x80, 8, 0, 0, 0, 0, 0, 4, 0x80, 8, 0, 0, 0, 9, 0, 5, 0x80, 8, 0, 0, 0, 1, 0, 4};
    static const uint8_t error[] = {0x80, 8, 0, 0, 0, 0, 0, 14, 0x80, 15, 0, 0, 0, 1, 0, 2, 0, 4, 'n', 'o', 'n', 'e', '!',
                                    0x80, 8, 0, 0, 0, 14, 0, 9};
    struct l2tp_control m;
    l2tp_control_read(span_of(not_authorized, sizeof not_authorized), false, &m);
    assert_true(m.has_result);
    assert_int_equal(m.result, 4);
    assert_int_equal(m.error, 0);
    assert_string_equal(l2tp_result_words(m.type, m.result), "not authorized to open a control connection");
    l2tp_control_read(span_of(error, sizeof error), false, &m);
    assert_int_equal(m.type, L2TP_CDN);
    assert_int_equal(m.result, 2);
    assert_int_equal(m.error, 4);
    assert_int_equal(m.message.len, 5);
    assert_int_equal(m.session, 9);
    assert_string_equal(l2tp_error_words(m.error), "resources are short");
    assert_null(l2tp_result_words(L2TP_CDN, 99));
    assert_null(l2tp_result_words(L2TP_SCCRQ, 1));
    assert_null(l2tp_message_name(5));
    assert_null(l2tp_error_words(0));
}

static void attributes_that_contradict_themselves(void **state)
{
    (void)state;
    static const uint8_t no_type_first[] = {0x80, 8, 0, 0, 0, 9, 0, 5, 0x80, 8, 0, 0, 0, 0, 0, 1};
    static const uint8_t too_long[] = {0x80, 8, 0, 0, 0, 0, 0, 1, 0x80, 20, 0, 0, 0, 7, 'a'};
    static const uint8_t too_short[] = {0x80, 8, 0, 0, 0, 0, 0, 1, 0x80, 5, 0, 0, 0, 7};
    struct l2tp_control m;
    l2tp_control_read(span_of(no_type_first, sizeof no_type_first), false, &m);
    assert_true(m.malformed);
    l2tp_control_read(span_of(too_long, sizeof too_long), false, &m);
    assert_true(m.malformed);
    assert_int_equal(m.type, L2TP_SCCRQ);
    l2tp_control_read(span_of(too_long, sizeof too_long), true, &m);
    assert_false(m.malformed);
    l2tp_control_read(span_of(too_short, sizeof too_short), false, &m);
    assert_true(m.malformed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_of_flags_finds_the_frame),
        cmocka_unit_test(padding_behind_the_length_is_no_payload),
        cmocka_unit_test(headers_that_contradict_themselves),
        cmocka_unit_test(every_prefix_is_read_within_its_bounds),
        cmocka_unit_test(attributes_of_a_request),
        cmocka_unit_test(a_hidden_attribute_is_counted_and_not_read),
        cmocka_unit_test(attributes_of_another_vendor_are_stepped_over),
        cmocka_unit_test(results_of_the_end),
        cmocka_unit_test(attributes_that_contradict_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
