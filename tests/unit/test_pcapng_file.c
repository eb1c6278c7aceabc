/* pcapng files: sections, interfaces, clocks, options, secrets, and what cut or lying files yield. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "capture/pcapng_time.h"
#include "capture_bytes.h"

static const uint8_t plain_packet[] = {'a', 'b', 'c', 'd'};

/* The smallest file with a packet, byte by byte from the draft's figures. */
static void the_drafts_layout_is_read(void **state)
{
    (void)state;
    static const uint8_t file[] = {
        LE32(0x0a0d0d0a), /* section header block */
        LE32(28),         /* total length */
        LE32(0x1a2b3c4d), /* byte order mark */
        LE16(1),          /* major */
        LE16(0),          /* minor */
        LE64(UINT64_MAX), /* section length: not said */
        LE32(28),         /* total length again */
        LE32(1),          /* interface description block */
        LE32(20),
        LE16(113), /* link type: Linux cooked */
        LE16(0),   /* reserved */
        LE32(96),  /* snaplen */
        LE32(20),
        LE32(6), /* enhanced packet block */
        LE32(36),
        LE32(0),                      /* interface */
        LE32(1700000000000000 >> 32), /* timestamp, high */
        LE32(1700000000000000),       /* timestamp, low; microseconds */
        LE32(3),                      /* captured */
        LE32(70),                     /* on the wire */
        'x',
        'y',
        'z',
        0, /* packet and padding */
        LE32(36),
    };
    struct kept k;
    struct source *s = keep_open(span_of(file, sizeof file), TEST_BUFFER, &(struct source_options){.capture = 2}, &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, "");
    assert_int_equal(k.frames[0].number, 1);
    assert_int_equal(k.frames[0].time_ns, 1700000000000000000);
    assert_int_equal(k.frames[0].len, 3);
    assert_int_equal(k.frames[0].wire_len, 70);
    assert_int_equal(k.frames[0].capture, 2);
    assert_int_equal(k.frames[0].interface, 0);
    assert_int_equal(k.frames[0].link_type, LINKTYPE_LINUX_SLL);
    assert_int_equal(k.frames[0].flags, 0);
    assert_null(k.frames[0].comment.data);
    assert_memory_equal(k.frames[0].bytes, "xyz", 3);
    assert_string_equal(source_info(s)->format, "pcapng");
    assert_int_equal(source_info(s)->interfaces[0].snaplen, 96);
    source_close(s);
}

static void put_described_section(struct build *b)
{
    begin_block(b, 0x0a0d0d0a);
    put(b, 0x1a2b3c4d, 4);
    put(b, 1, 2);
    put(b, 2, 2); /* minor 2 is the same */
    put(b, UINT64_MAX, 8);
    put_text(b, 2, "a PC");
    put_option(b, 3, "Some OS\0\0", 9); /* NULs are no part of it */
    put_text(b, 4, "converter 1");
    put_text(b, 99, "not known");
    put(b, 0, 4);
    put_text(b, 4, "after the end of the options");
    end_block(b);
}

static void what_the_headers_say_is_kept(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct build b = {.big = big};
        put_described_section(&b);
        begin_interface(&b, LINKTYPE_ETHERNET, 262144);
        put_text(&b, 2, "Rras:3:CONTOSO:anna");
        put_text(&b, 3, "LWF over IfIndex 5");
        put_number(&b, 9, 9, 1);
        end_block(&b);
        put_interface(&b, LINKTYPE_RAW);
        struct kept k;
        struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){0}, &k);
        const struct source_info *info = source_info(s);
        assert_string_equal(info->hardware, "a PC");
        assert_string_equal(info->os, "Some OS");
        assert_string_equal(info->application, "converter 1");
        assert_int_equal(info->interface_count, 2);
        assert_string_equal(info->interfaces[0].name, "Rras:3:CONTOSO:anna");
        assert_string_equal(info->interfaces[0].description, "LWF over IfIndex 5");
        assert_int_equal(info->interfaces[0].snaplen, 262144);
        assert_int_equal(info->interfaces[0].time_digits, 9);
        assert_false(info->interfaces[0].has_drops);
        assert_null(info->interfaces[1].name);
        assert_null(info->interfaces[1].description);
        assert_int_equal(info->interfaces[1].link_type, LINKTYPE_RAW);
        assert_int_equal(info->interfaces[1].time_digits, 6);
        source_close(s);
    }
}

/* Two sections of different byte order; interfaces of different link types and clocks; all three packet blocks. */
static void put_tour(struct build *b)
{
    put_section(b);
    begin_interface(b, LINKTYPE_ETHERNET, 0);
    put_number(b, 9, 0x80 | 10, 1); /* 1/1024 s */
    put_number(b, 14, 1700000000, 8);
    end_block(b);
    begin_interface(b, LINKTYPE_RAW, 0);
    put_number(b, 9, 9, 1);
    end_block(b);
    put_packet(b, 1, 1700000000000000001, plain_packet, 4);
    put_packet(b, 0, 1024 * 5 + 256, plain_packet, 3); /* 5.25 s after the offset */
    begin_block(b, 4);                                 /* name resolution: nothing that is used */
    put(b, 0, 4);
    end_block(b);
    begin_block(b, 0xbad); /* a custom block has a frame number: 3 */
    put(b, 32473, 4);
    end_block(b);
    begin_block(b, 0x80001234); /* a local block has none */
    put_padded(b, "private", 7);
    end_block(b);
    begin_block(b, 2); /* the obsolete packet block */
    put(b, 1, 2);      /* interface */
    put(b, 5, 2);      /* packets lost before */
    put(b, 0, 4);
    put(b, 77, 4);
    put(b, 2, 4);
    put(b, 9, 4);
    put_padded(b, "PB", 2);
    end_block(b);
    b->big = !b->big;
    put_section(b);
    begin_interface(b, LINKTYPE_LINUX_SLL2, 4);
    end_block(b);
    put_packet(b, 0, 8, "second", 6);
    begin_block(b, 3); /* a simple packet of 10 bytes, cut by the snaplen */
    put(b, 10, 4);
    put_padded(b, "SPB!", 4);
    end_block(b);
}

static const struct frame tour[] = {
    {.number = 1, .time_ns = 1700000000000000001, .len = 4, .wire_len = 4, .interface = 1, .link_type = LINKTYPE_RAW},
    {.number = 2, .time_ns = 1700000005250000000, .len = 3, .wire_len = 3, .link_type = LINKTYPE_ETHERNET},
    {.number = 4, .time_ns = 77, .len = 2, .wire_len = 9, .interface = 1, .link_type = LINKTYPE_RAW},
    {.number = 5, .time_ns = 8000, .len = 6, .wire_len = 6, .interface = 2, .link_type = LINKTYPE_LINUX_SLL2},
    {.number = 6, .time_ns = 0, .len = 4, .wire_len = 10, .interface = 2, .link_type = LINKTYPE_LINUX_SLL2},
};
static const char *const tour_bytes[] = {"abcd", "abc", "PB", "second", "SPB!"};

enum { TOUR = sizeof tour / sizeof *tour };

static void check_tour(const struct kept *k, size_t count)
{
    assert_int_equal(k->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(k->frames[i].number, tour[i].number);
        assert_int_equal(k->frames[i].time_ns, tour[i].time_ns);
        assert_int_equal(k->frames[i].len, tour[i].len);
        assert_int_equal(k->frames[i].wire_len, tour[i].wire_len);
        assert_int_equal(k->frames[i].interface, tour[i].interface);
        assert_int_equal(k->frames[i].link_type, tour[i].link_type);
        assert_memory_equal(k->frames[i].bytes, tour_bytes[i], tour[i].len);
    }
}

static void sections_and_interfaces_of_all_kinds_are_read(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct build b = {.big = big};
        put_tour(&b);
        for (size_t buffer = 64; buffer < 700; buffer += 7) { /* the window's border falls everywhere */
            struct kept k;
            struct source *s = keep_open(built(&b), buffer, &(struct source_options){0}, &k);
            assert_string_equal(k.text, "");
            check_tour(&k, TOUR);
            assert_int_equal(source_info(s)->packets, TOUR);
            assert_int_equal(source_info(s)->interface_count, 3);
            assert_int_equal(source_info(s)->interfaces[0].time_digits, 4); /* 1/1024 s */
            assert_true(source_info(s)->interfaces[1].has_drops);
            assert_int_equal(source_info(s)->interfaces[1].drops, 5);
            assert_int_equal(source_info(s)->first_ns, 77);
            assert_int_equal(source_info(s)->last_ns, 1700000005250000000);
            source_close(s);
        }
    }
}

/* Where the blocks of a file end, from their own lengths (a section header is the same from both sides here). */
static size_t block_ends(const struct build *b, size_t ends[static KEPT_FRAMES], bool frame[static KEPT_FRAMES])
{
    size_t count = 0;
    bool big = false;
    for (size_t at = 0; at < b->len; count++) {
        const uint8_t *p = b->bytes + at;
        if (p[0] == 0x0a)
            big = p[8] == 0x1a;
        uint32_t type = big ? (uint32_t)p[2] << 8 | p[3] : (uint32_t)p[1] << 8 | p[0];
        size_t total = big ? (size_t)p[6] << 8 | p[7] : (size_t)p[5] << 8 | p[4];
        frame[count] = p[0] != 0x0a && (type == 2 || type == 3 || type == 6);
        ends[count] = at += total;
    }
    return count;
}

static void every_prefix_yields_its_whole_blocks(void **state)
{
    (void)state;
    struct build b = {0};
    put_tour(&b);
    size_t ends[KEPT_FRAMES];
    bool is_frame[KEPT_FRAMES];
    size_t blocks = block_ends(&b, ends, is_frame);
    assert_int_equal(ends[blocks - 1], b.len);
    for (size_t len = 0; len <= b.len; len++) {
        uint8_t *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, b.bytes, len);
        struct kept k;
        keep(span_of(exact, len), &k);
        free(exact);
        size_t whole = 0, border = 0;
        for (size_t i = 0; i < blocks && ends[i] <= len; i++) {
            whole += is_frame[i];
            border = ends[i];
        }
        assert_int_equal(k.opened, border > 0);
        if (border == 0)
            continue;
        check_tour(&k, whole);
        char expected[KEPT_TEXT] = "";
        if (len != border)
            snprintf(expected, sizeof expected, "the file ends in the block that begins at byte %zu", border);
        assert_string_equal(k.text, expected);
    }
}

static void put_verdict(struct build *b, uint8_t type, uint64_t value)
{
    put(b, 7, 2); /* epb_verdict */
    put(b, 9, 2);
    put(b, type, 1);
    put(b, value, 8);
    put(b, 0, 3);
}

static void packet_options_are_read(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct build b = {.big = big};
        put_section(&b);
        put_interface(&b, LINKTYPE_ETHERNET);
        begin_packet(&b, 0, 1, plain_packet, 3, 3);
        put_text(&b, 1, "PID=4 TID=72");
        put_text(&b, 1, "a second comment");
        put_number(&b, 2, 2, 4);                  /* outbound */
        put_number(&b, 4, 3, 8);                  /* three lost before */
        put_number(&b, 5, 0x1122334455667788, 8); /* packet id */
        put_verdict(&b, 2, 1);                    /* dropped */
        put(&b, 0, 4);
        end_block(&b);
        begin_packet(&b, 0, 2, plain_packet, 4, 4);
        put_number(&b, 2, 1, 4); /* inbound */
        put_number(&b, 4, 2, 8); /* two more lost */
        end_block(&b);           /* options need no end mark */
        struct kept k;
        struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){0}, &k);
        assert_int_equal(k.count, 2);
        assert_int_equal(k.frames[0].flags, FRAME_OUTBOUND | FRAME_HAS_PACKET_ID | FRAME_DROPPED);
        assert_int_equal(k.frames[0].packet_id, 0x1122334455667788);
        assert_int_equal(k.frames[0].comment.len, 12);
        assert_memory_equal(k.frames[0].comment.data, "PID=4 TID=72", 12);
        assert_int_equal(k.frames[1].flags, FRAME_INBOUND);
        assert_null(k.frames[1].comment.data);
        assert_int_equal(source_info(s)->comments_seen, 2);
        assert_int_equal(source_info(s)->comment_count, 2);
        assert_string_equal(source_info(s)->comments[0].text, "PID=4 TID=72");
        assert_string_equal(source_info(s)->comments[1].text, "a second comment");
        assert_int_equal(source_info(s)->comments[1].frame, 1);
        assert_true(source_info(s)->interfaces[0].has_drops);
        assert_int_equal(source_info(s)->interfaces[0].drops, 5);
        source_close(s);
    }
}

static void comments_are_kept_up_to_a_number(void **state)
{
    (void)state;
    enum { MORE = SOURCE_COMMENTS + 10 };
    struct build b = {.big = false};
    char text[SOURCE_COMMENT + 20];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    for (unsigned i = 0; i < MORE; i++) {
        begin_packet(&b, 0, i, plain_packet, 3, 3);
        put_text(&b, 1, i == 0 ? text : "short");
        end_block(&b);
    }
    struct kept k;
    struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){0}, &k);
    const struct source_info *info = source_info(s);
    assert_int_equal(info->comments_seen, MORE);
    assert_int_equal(info->comment_count, SOURCE_COMMENTS);
    assert_int_equal(strlen(info->comments[0].text), SOURCE_COMMENT - 1);
    assert_int_equal(info->comments[SOURCE_COMMENTS - 1].frame, SOURCE_COMMENTS);
    struct source_info copy;
    source_info_copy(&copy, info);
    source_close(s);
    assert_string_equal(copy.comments[1].text, "short");
    assert_string_equal(copy.format, "pcapng");
    source_info_free(&copy);
}

static void only_drop_verdicts_are_drops(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint64_t value;
        bool dropped;
    } cases[] = {
        {0, 1, false},          /* hardware: no known meaning */
        {1, 0, false},          /* TC_ACT_OK */
        {1, 2, true},           /* TC_ACT_SHOT */
        {1, UINT64_MAX, false}, /* TC_ACT_UNSPEC */
        {2, 0, true},           /* XDP_ABORTED */
        {2, 1, true},           /* XDP_DROP, and pktmon's */
        {2, 2, false},          /* XDP_PASS */
        {3, 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build b = {0};
        put_section(&b);
        put_interface(&b, LINKTYPE_ETHERNET);
        begin_packet(&b, 0, 1, plain_packet, 4, 4);
        put_verdict(&b, cases[i].type, cases[i].value);
        end_block(&b);
        struct kept k;
        keep(built(&b), &k);
        assert_int_equal(k.frames[0].flags, cases[i].dropped ? FRAME_DROPPED : 0);
    }
}

/* An option whose length runs out of its block says nothing, but the packet before it is whole. */
static void a_lying_option_does_not_cost_the_packet(void **state)
{
    (void)state;
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    begin_packet(&b, 0, 1, plain_packet, 4, 4);
    put(&b, 1, 2);
    put(&b, 100, 2);
    put_padded(&b, "short", 5);
    end_block(&b);
    struct kept k;
    keep(built(&b), &k);
    assert_int_equal(k.count, 1);
    assert_null(k.frames[0].comment.data);
    assert_string_equal(k.text, "");
}

/* Options whose values are shorter than the draft says are skipped, and the ones after them are read. */
static void options_of_wrong_size_say_nothing(void **state)
{
    (void)state;
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    begin_packet(&b, 0, 1, plain_packet, 4, 4);
    put_number(&b, 2, 2, 2); /* flags of two bytes */
    put_number(&b, 5, 9, 4); /* packet id of four */
    put_number(&b, 7, 2, 1); /* verdict without a value */
    put_text(&b, 1, "read");
    end_block(&b);
    begin_packet(&b, 0, 1, plain_packet, 4, 4);
    put_number(&b, 7, 0x0102, 2); /* a verdict of one byte: XDP_DROP */
    end_block(&b);
    struct kept k;
    keep(built(&b), &k);
    assert_int_equal(k.count, 2);
    assert_int_equal(k.frames[0].flags, 0);
    assert_int_equal(k.frames[0].comment.len, 4);
    assert_int_equal(k.frames[1].flags, FRAME_DROPPED);
}

static void statistics_say_what_was_lost(void **state)
{
    (void)state;
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    put_interface(&b, LINKTYPE_ETHERNET);
    begin_block(&b, 5);
    put(&b, 1, 4); /* the section's second interface, the capture's third */
    put(&b, 0, 8);
    put_number(&b, 4, 1000, 8); /* received */
    put_number(&b, 5, 3, 8);    /* dropped by the interface */
    put_number(&b, 7, 40, 8);   /* dropped by the system */
    end_block(&b);
    begin_block(&b, 5);
    put(&b, 0, 4);
    put(&b, 0, 8);
    put_number(&b, 5, 0, 8);
    end_block(&b);
    begin_block(&b, 5);
    put(&b, 9, 4); /* of no interface: ignored */
    put(&b, 0, 8);
    end_block(&b);
    struct kept k;
    struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_string_equal(k.text, "");
    assert_false(source_info(s)->interfaces[0].has_drops);
    assert_true(source_info(s)->interfaces[1].has_drops);
    assert_int_equal(source_info(s)->interfaces[1].drops, 0);
    assert_true(source_info(s)->interfaces[2].has_drops);
    assert_int_equal(source_info(s)->interfaces[2].drops, 40);
    source_close(s);
}

struct secrets_seen {
    unsigned calls;
    uint32_t type;
    size_t len;
    uint8_t bytes[KEPT_BYTES];
};

static void see_secrets(void *ctx, uint32_t type, struct span secrets)
{
    struct secrets_seen *seen = ctx;
    seen->calls++;
    seen->type = type;
    seen->len = secrets.len;
    assert_true(secrets.len <= sizeof seen->bytes);
    memcpy(seen->bytes, secrets.data, secrets.len);
}

static void secrets_come_before_the_frames_after_them(void **state)
{
    (void)state;
    struct build b = {.big = true};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    put_packet(&b, 0, 1, plain_packet, 4);
    begin_block(&b, 10);
    put(&b, SECRETS_TLS_KEY_LOG, 4);
    put(&b, 14, 4);
    put_padded(&b, "CLIENT_RANDOM\n", 14);
    end_block(&b);
    put_packet(&b, 0, 2, plain_packet, 4);
    struct secrets_seen seen = {0};
    struct source_options options = {.secrets = see_secrets, .secrets_ctx = &seen};
    char error[SOURCE_ERROR];
    struct source *s = source_open_memory(built(&b), TEST_BUFFER, &options, error);
    struct frame f;
    assert_int_equal(source_next(s, &f, 1), 1);
    assert_int_equal(seen.calls, 0);
    assert_int_equal(source_next(s, &f, 1), 1);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.type, SECRETS_TLS_KEY_LOG);
    assert_int_equal(seen.len, 14);
    assert_memory_equal(seen.bytes, "CLIENT_RANDOM\n", 14);
    assert_int_equal(source_next(s, &f, 1), 0);
    source_close(s);
}

/* Each damage comes after one whole packet, in the block at byte 84, with another packet after it. */
static void check_damage(void (*spoil)(struct build *b), const char *expected)
{
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    put_packet(&b, 0, 1, plain_packet, 4);
    assert_int_equal(b.len, 84);
    spoil(&b);
    put_packet(&b, 0, 2, plain_packet, 4);
    struct kept k;
    keep(built(&b), &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, expected);
}

static void spoil_length(struct build *b)
{
    put(b, 6, 4);
    put(b, 8, 4); /* less than any block */
}

static void spoil_great_length(struct build *b)
{
    put(b, 6, 4);
    put(b, 0x7ffffffc, 4);
    put(b, 0, 4);
}

static void spoil_second_length(struct build *b)
{
    put_packet(b, 0, 1, plain_packet, 4);
    b->len -= 4;
    put(b, 40, 4);
}

static void spoil_interface(struct build *b)
{
    put_packet(b, 1, 1, plain_packet, 4);
}

static void spoil_packet_length(struct build *b)
{
    begin_packet(b, 0, 1, plain_packet, 4, 4);
    b->len -= 12;
    put(b, 5 + 4, 4);
    b->len += 8;
    end_block(b);
}

static void spoil_simple_packet(struct build *b)
{
    begin_block(b, 3);
    put(b, 5, 4);
    put_padded(b, "four", 4);
    end_block(b);
}

static void spoil_section(struct build *b)
{
    begin_block(b, 0x0a0d0d0a);
    put(b, 0x11223344, 4);
    put(b, 1, 8);
    put(b, 0, 4);
    end_block(b);
}

static void spoil_version(struct build *b)
{
    put_section(b);
    b->bytes[84 + 12] = 2;
}

static void spoil_statistics(struct build *b)
{
    begin_block(b, 5);
    put(b, 0, 4);
    end_block(b);
}

static void spoil_secrets(struct build *b)
{
    begin_block(b, 10);
    put(b, SECRETS_TLS_KEY_LOG, 4);
    put(b, 5, 4);
    put_padded(b, "four", 4);
    end_block(b);
}

static void spoil_short_section(struct build *b)
{
    begin_block(b, 0x0a0d0d0a);
    put(b, 0x1a2b3c4d, 4);
    put(b, 1, 4);
    end_block(b);
}

static void spoil_short_interface(struct build *b)
{
    begin_block(b, 1);
    put(b, LINKTYPE_ETHERNET, 4);
    end_block(b);
}

static void spoil_short_simple_packet(struct build *b)
{
    begin_block(b, 3);
    end_block(b);
}

static void simple_packet_without_interface(struct build *b)
{
    put_section(b);
    begin_block(b, 3);
    put(b, 0, 4);
    end_block(b);
}

static void forget_interfaces(struct build *b)
{
    put_section(b); /* and the packet that follows is at byte 112 */
}

static void damage_is_named_with_its_place(void **state)
{
    (void)state;
    check_damage(spoil_length, "an impossible block length stands in the block at byte 84");
    check_damage(spoil_great_length, "a block length beyond all reason stands in the block at byte 84");
    check_damage(spoil_second_length, "two different lengths stand in the block at byte 84");
    check_damage(spoil_interface, "a packet of an interface that is not described stands in the block at byte 84");
    check_damage(spoil_packet_length, "an impossible packet length stands in the block at byte 84");
    check_damage(spoil_simple_packet, "an impossible packet length stands in the block at byte 84");
    check_damage(spoil_section, "a section header without its byte order mark stands in the block at byte 84");
    check_damage(spoil_version, "pcapng version 2.0 is not supported, in the section at byte 84");
    check_damage(spoil_statistics, "the interface statistics are too short in the block at byte 84");
    check_damage(spoil_secrets, "the decryption secrets are cut short in the block at byte 84");
    check_damage(spoil_short_section, "the section header is too short in the block at byte 84");
    check_damage(spoil_short_interface, "the interface description is too short in the block at byte 84");
    check_damage(spoil_short_simple_packet, "the simple packet is too short in the block at byte 84");
    check_damage(simple_packet_without_interface,
                 "a packet of an interface that is not described stands in the block at byte 112");
    check_damage(forget_interfaces, "a packet of an interface that is not described stands in the block at byte 112");
}

static void lengths_that_leave_out_the_padding_are_understood(void **state)
{
    (void)state;
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_ETHERNET);
    put_packet(&b, 0, 1, plain_packet, 3);
    b.bytes[b.block + 4]--; /* both lengths say 35, and 36 bytes are there */
    b.bytes[b.len - 4]--;
    put_packet(&b, 0, 2, plain_packet, 4);
    struct kept k;
    keep(built(&b), &k);
    assert_int_equal(k.count, 2);
    assert_string_equal(k.text, "");
}

static void great_unknown_blocks_are_stepped_over(void **state)
{
    (void)state;
    enum { GREAT = 20 << 20 }; /* more than a record may have */
    struct build head = {0}, tail = {0};
    put_section(&head);
    put_interface(&head, LINKTYPE_ETHERNET);
    put_packet(&head, 0, 1, plain_packet, 4);
    put(&head, 0x80001234, 4);
    put(&head, GREAT + 12, 4);
    put(&tail, GREAT + 12, 4);
    put_packet(&tail, 0, 2, plain_packet, 4);
    size_t len = head.len + GREAT + tail.len;
    uint8_t *file = calloc(1, len);
    assert_non_null(file);
    memcpy(file, head.bytes, head.len);
    memcpy(file + head.len + GREAT, tail.bytes, tail.len);
    struct kept k;
    keep(span_of(file, len), &k);
    assert_int_equal(k.count, 2);
    assert_string_equal(k.text, "");
    file[head.len + GREAT]++; /* its second length */
    keep(span_of(file, len), &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, "two different lengths stand in the block at byte 84");
    keep(span_of(file, len / 2), &k);
    assert_int_equal(k.count, 1);
    assert_string_equal(k.text, "the file ends in the block that begins at byte 84");
    free(file);
}

/*
 * Plain packets of a little-endian file go a short way: they must come out as those of the big-endian one, whatever stands
 * between them, wherever a batch or the window ends, and up to the same damage.
 */
static void put_mixture(struct build *b, unsigned broken)
{
    static const char bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    put_section(b);
    put_interface(b, LINKTYPE_ETHERNET);
    for (unsigned i = 0; i < KEPT_FRAMES - 2; i++) {
        if (i % 7 == 3)
            put_interface(b, LINKTYPE_RAW);
        if (i % 11 == 5) {
            begin_block(b, 0xbad); /* is numbered */
            put(b, 32473, 4);
            end_block(b);
        }
        begin_packet(b, i % 7 > 3 ? 1 : 0, UINT64_C(1700000000000000) + i, bytes + i % 5, 1 + i % 9, 40 + i);
        if (i % 4 == 1)
            put_text(b, 1, "a comment");
        end_block(b);
        if (i == broken)
            b->bytes[b->len - (b->big ? 1 : 4)] ^= 4; /* its second length */
    }
}

static void expect_same_frames(const struct kept *a, const struct kept *b)
{
    assert_int_equal(a->count, b->count);
    assert_string_equal(a->text, b->text);
    for (size_t i = 0; i < a->count; i++) {
        const struct frame *f = &a->frames[i], *g = &b->frames[i];
        assert_true(f->number == g->number && f->time_ns == g->time_ns && f->len == g->len && f->wire_len == g->wire_len);
        assert_true(f->interface == g->interface && f->link_type == g->link_type && f->flags == g->flags);
        assert_memory_equal(f->bytes, g->bytes, f->len);
        assert_int_equal(f->comment.len, g->comment.len);
    }
}

static void keep_mixture(struct kept *k, bool big, unsigned broken, size_t buffer, size_t batch)
{
    char error[SOURCE_ERROR];
    struct build b = {.big = big};
    memset(k, 0, sizeof *k);
    put_mixture(&b, broken);
    struct source *s = source_open_memory(built(&b), buffer, &(struct source_options){0}, error);
    assert_non_null(s);
    keep_all(s, batch, k);
    source_close(s);
}

static void packets_are_the_same_in_both_byte_orders(void **state)
{
    (void)state;
    enum { NONE = KEPT_FRAMES, SMALL = 64, BATCH_MOST = 5 };
    static struct kept little, big;
    for (unsigned broken = 0; broken <= NONE; broken++)
        for (size_t buffer = SMALL; buffer <= TEST_BUFFER; buffer *= 8)
            for (size_t batch = 1; batch <= BATCH_MOST; batch++) {
                keep_mixture(&little, false, broken, buffer, batch);
                keep_mixture(&big, true, broken, buffer, batch);
                expect_same_frames(&little, &big);
                assert_int_equal(little.count, broken < KEPT_FRAMES - 2 ? broken : KEPT_FRAMES - 2);
            }
}

static void the_number_of_interfaces_has_a_ceiling(void **state)
{
    (void)state;
    enum { CEILING = 16384 };
    struct build head = {0}, one = {0};
    put_section(&head);
    put_interface(&one, LINKTYPE_ETHERNET);
    size_t len = head.len + (CEILING + 1) * one.len;
    uint8_t *file = malloc(len);
    assert_non_null(file);
    memcpy(file, head.bytes, head.len);
    for (size_t i = 0; i <= CEILING; i++)
        memcpy(file + head.len + i * one.len, one.bytes, one.len);
    struct kept k;
    struct source *s = keep_open(span_of(file, len), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_int_equal(source_info(s)->interface_count, CEILING);
    assert_string_equal(k.text, "more interfaces than are kept are described at byte 327708");
    source_close(s);
    free(file);
}

/* if_tsresol and if_tsoffset, draft-ietf-opsawg-pcapng section 4.2; expected values by exact arithmetic; what no clock
 * says is no time. */
static void clocks_of_any_resolution_give_nanoseconds(void **state)
{
    (void)state;
    const int64_t most = INT64_MAX / 2;
    const struct {
        uint8_t resolution;
        int64_t offset_s;
        uint64_t count;
        int64_t time_ns;
        uint8_t digits;
    } cases[] = {
        {6, 0, 1700000000123456, 1700000000123456000, 6},
        {9, 0, 1700000000123456789, 1700000000123456789, 9},
        {7, 0, 17000000001234567, 1700000000123456700, 7}, /* Windows' 100 ns */
        {3, 0, 1700000000123, 1700000000123000000, 3},
        {0, 0, 1700000000, 1700000000000000000, 0},
        {12, 0, 1700000000123456789, 1700000000123456, 12}, /* picoseconds, rounded down */
        {28, 0, 12345678901234567890u, 1, 28},
        {29, 0, UINT64_MAX, 0, 29},
        {127, 0, UINT64_MAX, 0, 127},
        {6, 1700000000, 1234567, 1700000001234567000, 6},
        {6, -10, 1234567, -8765433000, 6},
        {0x80 | 0, 0, 17, 17000000000, 0},
        {0x80 | 10, 0, 1700000000, 1660156250000000, 4}, /* 1660156.25 s */
        {0x80 | 20, 0, 1700000000, 1621246337890, 7},
        {0x80 | 32, 0, 0x0123456789abcdef, 19088743537777777, 10},
        {0x80 | 40, 0, 0x0123456789abcdef, 74565404444444, 13},
        {0x80 | 63, 0, 0x4000000000000000, 500000000, 19},
        {0x80 | 64, 0, 0x8000000000000000, 500000000, 20},
        {0x80 | 66, 0, 0x8000000000000000, 125000000, 20},
        {0x80 | 127, 0, UINT64_MAX, 0, 39},
        {0, 0, UINT64_MAX, 0, 0},
        {6, 0, UINT64_MAX, 0, 6},
        {0x80 | 1, 0, UINT64_MAX, 0, 1},
        {6, INT64_MAX, 0, 0, 6},
        {6, INT64_MIN, 0, 0, 6},
        {0, INT64_MAX, UINT64_MAX, 0, 0},
        {9, 0, (uint64_t)most - 1, most - 1, 9},
        {9, 0, (uint64_t)most, 0, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pcapng_clock c = pcapng_clock(cases[i].resolution, cases[i].offset_s);
        assert_int_equal(pcapng_time(&c, cases[i].count), cases[i].time_ns);
        assert_int_equal(pcapng_clock_digits(cases[i].resolution), cases[i].digits);
    }
}

static void a_lying_wire_length_is_counted(void **state)
{
    (void)state;
    struct build b = {0};
    put_section(&b);
    put_interface(&b, LINKTYPE_RAW);
    begin_packet(&b, 0, 1, "fourteen bytes more", 19, 5);
    end_block(&b);
    struct kept k;
    struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_int_equal(k.frames[0].wire_len, 19);
    assert_int_equal(source_info(s)->wrong_lengths, 1);
    source_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_drafts_layout_is_read),
        cmocka_unit_test(what_the_headers_say_is_kept),
        cmocka_unit_test(sections_and_interfaces_of_all_kinds_are_read),
        cmocka_unit_test(every_prefix_yields_its_whole_blocks),
        cmocka_unit_test(packet_options_are_read),
        cmocka_unit_test(comments_are_kept_up_to_a_number),
        cmocka_unit_test(only_drop_verdicts_are_drops),
        cmocka_unit_test(a_lying_option_does_not_cost_the_packet),
        cmocka_unit_test(options_of_wrong_size_say_nothing),
        cmocka_unit_test(statistics_say_what_was_lost),
        cmocka_unit_test(secrets_come_before_the_frames_after_them),
        cmocka_unit_test(damage_is_named_with_its_place),
        cmocka_unit_test(lengths_that_leave_out_the_padding_are_understood),
        cmocka_unit_test(great_unknown_blocks_are_stepped_over),
        cmocka_unit_test(packets_are_the_same_in_both_byte_orders),
        cmocka_unit_test(the_number_of_interfaces_has_a_ceiling),
        cmocka_unit_test(clocks_of_any_resolution_give_nanoseconds),
        cmocka_unit_test(a_lying_wire_length_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
