/* Sources: compression, files and standard input, filters, errors, link types. */
#include "folder_by_hand.h"

#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "capture/platform.h"
#include "capture/reader.h"
#include "capture_bytes.h"

enum { GZIP_WRAPPER = 15 + 16 };

/* Two frames of different sizes. */
static const uint8_t capture[] = {
    PCAP_HEADER, LE32(1700000000), LE32(1), LE32(4), LE32(4), 1, 2, 3,
    4,           LE32(1700000001), LE32(2), LE32(2), LE32(2), 5, 6,
};

static struct span gzip(struct span in, uint8_t *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, GZIP_WRAPPER, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uint8_t *copy = malloc(in.len + 1); /* zlib's input is not const */
    assert_non_null(copy);
    memcpy(copy, in.data, in.len);
    z.next_in = copy;
    z.avail_in = (uInt)in.len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    free(copy);
    return span_of(out, room - z.avail_out);
}

static struct span zstd(struct span in, uint8_t *out, size_t room)
{
    size_t len = ZSTD_compress(out, room, in.data, in.len, 3);
    assert_false(ZSTD_isError(len));
    return span_of(out, len);
}

typedef struct span compress_fn(struct span in, uint8_t *out, size_t room);

/* The capture in two members or frames, cut in the middle of its second record. */
static size_t compress_in_two(compress_fn *compress, uint8_t *out, size_t room)
{
    enum { CUT = 24 + 20 + 5 };
    size_t first = compress(span_of(capture, CUT), out, room).len;
    return first + compress(span_of(capture + CUT, sizeof capture - CUT), out + first, room - first).len;
}

static void check_both_frames(const struct kept *k)
{
    assert_int_equal(k->count, 2);
    assert_string_equal(k->text, "");
    assert_memory_equal(k->frames[0].bytes, ((uint8_t[]){1, 2, 3, 4}), 4);
    assert_memory_equal(k->frames[1].bytes, ((uint8_t[]){5, 6}), 2);
}

static void compressed_captures_are_read(void **state)
{
    (void)state;
    static compress_fn *const compress[] = {gzip, zstd};
    static const char *const names[] = {"gzip", "zstd"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t packed[1024];
        struct kept k;
        struct span one = compress[i](span_of(capture, sizeof capture), packed, sizeof packed);
        struct source *s = keep_open(one, 64, &(struct source_options){0}, &k);
        check_both_frames(&k);
        assert_string_equal(source_info(s)->compression, names[i]);
        source_close(s);
        size_t len = compress_in_two(compress[i], packed, sizeof packed);
        keep(span_of(packed, len), &k);
        check_both_frames(&k);
    }
}

static void padding_after_gzip_is_no_damage_but_garbage_is(void **state)
{
    (void)state;
    uint8_t packed[1024] = {0};
    struct kept k;
    size_t len = gzip(span_of(capture, sizeof capture), packed, sizeof packed).len;
    memset(packed + len, 0, 100);
    keep(span_of(packed, len + 100), &k);
    check_both_frames(&k);
    packed[len + 50] = 'x';
    keep(span_of(packed, len + 100), &k);
    assert_int_equal(k.count, 2);
    assert_string_equal(k.text, "the gzip data are damaged at byte 62 of the decompressed data");
}

static void every_prefix_of_compressed_data_says_that_it_is_cut(void **state)
{
    (void)state;
    static compress_fn *const compress[] = {gzip, zstd};
    for (size_t i = 0; i < 2; i++) {
        uint8_t packed[1024];
        size_t len = compress[i](span_of(capture, sizeof capture), packed, sizeof packed).len;
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *exact = malloc(cut + 1);
            assert_non_null(exact);
            memcpy(exact, packed, cut);
            struct kept k;
            keep(span_of(exact, cut), &k);
            free(exact);
            assert_string_not_equal(k.text, "");
            assert_true(k.count <= 2);
            if (cut == len - 1 && i == 0) { /* but for a byte of the length at its end all is there */
                assert_int_equal(k.count, 2);
                assert_string_equal(k.text, "the gzip data are cut off at byte 62 of the decompressed data");
            }
        }
    }
}

static void flipped_bits_in_compressed_data_do_no_harm(void **state)
{
    (void)state;
    static compress_fn *const compress[] = {gzip, zstd};
    for (size_t i = 0; i < 2; i++) {
        uint8_t packed[1024];
        size_t len = compress[i](span_of(capture, sizeof capture), packed, sizeof packed).len;
        for (size_t bit = 0; bit < len * 8; bit++) {
            packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct kept k;
            keep(span_of(packed, len), &k);
            packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        struct kept k;
        keep(span_of(packed, len), &k);
        check_both_frames(&k);
    }
}

/* 256 packets of 1 MiB in less than 300 KiB: memory does not follow what is said. */
static void a_bomb_is_read_in_little_memory(void **state)
{
    (void)state;
    enum { PACKETS = 256, PACKET = 1 << 20, ROOM = 1 << 20, MEMORY = 24 << 20 };
    uint8_t *zeros = calloc(1, PACKET), *packed = malloc(ROOM);
    assert_non_null(zeros);
    assert_non_null(packed);
    z_stream z = {.next_out = packed, .avail_out = ROOM};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, GZIP_WRAPPER, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uint8_t head[] = {PCAP_HEADER}, record[] = {LE32(1), LE32(1), LE32(PACKET), LE32(PACKET)};
    z.next_in = head;
    z.avail_in = sizeof head;
    assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    for (int i = 0; i < PACKETS; i++) {
        z.next_in = record;
        z.avail_in = sizeof record;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
        z.next_in = zeros;
        z.avail_in = PACKET;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    uint64_t before = platform_peak_memory();
    struct kept k;
    struct source *s = keep_open(span_of(packed, ROOM - z.avail_out), 1 << 20, &(struct source_options){0}, &k);
    assert_int_equal(k.count, PACKETS);
    assert_int_equal(source_info(s)->bytes, (uint64_t)PACKETS * PACKET);
    assert_true(platform_peak_memory() - before < MEMORY);
    source_close(s);
    free(zeros);
    free(packed);
}

static void write_file(const char *path, struct span bytes)
{
    char error[PLATFORM_ERROR];
    FILE *f = platform_open(path, "w", error);
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static void expect_error(const char *path, const char *expected)
{
    char error[SOURCE_ERROR];
    assert_null(source_open(path, &(struct source_options){0}, error));
    assert_string_equal(error, expected);
}

static void what_cannot_be_opened_is_said_in_a_sentence(void **state)
{
    char path[PATH_ROOM], expected[SOURCE_ERROR];
    in_folder(path, state, "none.pcap");
    snprintf(expected, sizeof expected, "%s: no such file", path);
    expect_error(path, expected);
    snprintf(expected, sizeof expected, "%s: it is a directory", (const char *)*state);
    expect_error(*state, expected);
    expect_error("two\nlines\x1b", "two?lines?: no such file");

    write_file(in_folder(path, state, "file"), span_of("", 0));
    snprintf(expected, sizeof expected, "%s: empty", path);
    expect_error(path, expected);
    write_file(path, span_of("GET / HTTP/1.1\r\n\r\n", 18));
    snprintf(expected, sizeof expected, "%s: not a capture (neither pcap nor pcapng)", path);
    expect_error(path, expected);
    write_file(path, span_of("\x0a\x0d", 2));
    expect_error(path, expected);
    write_file(path, span_of("\x1f\x8b nonsense", 11));
    snprintf(expected, sizeof expected, "%s: the gzip data are damaged", path);
    expect_error(path, expected);
    write_file(path, span_of(capture, 20));
    snprintf(expected, sizeof expected, "%s: the file ends in the header of the capture", path);
    expect_error(path, expected);
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        snprintf(expected, sizeof expected, "%s: permission denied", path);
        expect_error(path, expected);
    }
    unlink(path);
}

static void files_and_standard_input_are_read(void **state)
{
    char path[PATH_ROOM], error[SOURCE_ERROR];
    uint8_t packed[1024];
    struct span zipped = gzip(span_of(capture, sizeof capture), packed, sizeof packed);
    write_file(in_folder(path, state, "file"), zipped);
    struct source *s = source_open(path, &(struct source_options){0}, error);
    assert_non_null(s);
    struct kept k = {0};
    keep_all(s, SOURCE_BATCH, &k);
    check_both_frames(&k);
    assert_string_equal(source_info(s)->path, path);
    source_close(s);
    unlink(path);

    int ends[2], input = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], capture, sizeof capture), sizeof capture);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    s = source_open("-", &(struct source_options){0}, error);
    assert_non_null(s);
    memset(&k, 0, sizeof k);
    keep_all(s, SOURCE_BATCH, &k);
    check_both_frames(&k);
    source_close(s);
    if (input >= 0) {
        dup2(input, STDIN_FILENO);
        close(input);
    }
}

/* No file that libpcap knows and the own readers do not is at hand: here it reads one that both know. */
static void the_way_through_libpcap_gives_the_same_frames(void **state)
{
    char path[PATH_ROOM], error[SOURCE_ERROR];
    write_file(in_folder(path, state, "file"), span_of(capture, sizeof capture - 1));
    struct reader r = {.stream.fd = -1};
    void *foreign = foreign_file_backend.open(&r, path, error);
    assert_non_null(foreign);
    struct frame f;
    assert_int_equal(foreign_file_backend.next(foreign, &f, 1), 1);
    assert_int_equal(f.number, 1);
    assert_int_equal(f.time_ns, 1700000000000001000);
    assert_int_equal(f.link_type, LINKTYPE_ETHERNET);
    assert_int_equal(f.len, 4);
    assert_memory_equal(f.bytes, ((uint8_t[]){1, 2, 3, 4}), 4);
    assert_null(r.info.damage);
    assert_int_equal(foreign_file_backend.next(foreign, &f, 1), 0); /* the second is cut */
    assert_non_null(r.info.damage);
    assert_int_equal(r.info.interface_count, 1);
    foreign_file_backend.close(foreign);
    reader_free(&r);
    unlink(path);
}

static void the_first_time_can_be_asked_beforehand(void **state)
{
    (void)state;
    char error[SOURCE_ERROR];
    struct source *s = source_open_memory(span_of(capture, sizeof capture), 64, &(struct source_options){0}, error);
    int64_t time = 0;
    assert_true(source_first_time(s, &time));
    assert_true(source_first_time(s, &time));
    assert_int_equal(time, 1700000000000001000);
    struct kept k = {0};
    keep_all(s, SOURCE_BATCH, &k);
    check_both_frames(&k);
    assert_int_equal(source_info(s)->packets, 2);
    assert_false(source_first_time(s, &time));
    source_close(s);
    s = source_open_memory(span_of(capture, 24), 64, &(struct source_options){0}, error);
    assert_false(source_first_time(s, &time));
    source_close(s);
}

/* IPv4 and UDP from port 40000 to the port given, without data. */
#define UDP_OVER_IPV4(port)                                                                                            \
    0x45, 0, BE16(28), BE16(1), BE16(0), 64, 17, BE16(0), 192, 0, 2, 1, 192, 0, 2, 2, BE16(40000), BE16(port),         \
        BE16(8), BE16(0)
#define ETHERNET(type) 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, BE16(type)

static const uint8_t udp_on_ethernet[] = {ETHERNET(0x800), UDP_OVER_IPV4(1812)};
static const uint8_t other_on_ethernet[] = {ETHERNET(0x800), UDP_OVER_IPV4(53)};
static const uint8_t udp_alone[] = {UDP_OVER_IPV4(1812)};
static const uint8_t beacon[] = {0x80, 0, 0, 0, BE32(0xffffffff), BE16(0xffff), ETHERNET(0), 0, 0, 0, 0, 0, 0, 0, 0};

static void put_mixed_links(struct build *b)
{
    put_section(b);
    put_interface(b, LINKTYPE_ETHERNET);
    put_interface(b, LINKTYPE_RAW);
    put_interface(b, LINKTYPE_IEEE802_11);
    put_packet(b, 0, 1, other_on_ethernet, sizeof other_on_ethernet);
    put_packet(b, 0, 2, udp_on_ethernet, sizeof udp_on_ethernet);
    put_packet(b, 1, 3, udp_alone, sizeof udp_alone);
    put_packet(b, 2, 4, beacon, sizeof beacon);
}

static void filters_are_compiled_for_each_link_type(void **state)
{
    (void)state;
    struct build b = {0};
    put_mixed_links(&b);
    struct kept k;
    struct source *s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){.filter = "udp port 1812"}, &k);
    assert_int_equal(k.count, 2);
    assert_int_equal(k.frames[0].number, 2); /* as in the file */
    assert_int_equal(k.frames[1].number, 3);
    assert_int_equal(source_info(s)->packets, 4);
    assert_int_equal(source_info(s)->filtered, 2);
    source_close(s);
    s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){.filter = "wlan type mgt subtype beacon"}, &k);
    assert_int_equal(k.count, 1); /* it means nothing on Ethernet: no match there */
    assert_int_equal(k.frames[0].number, 4);
    source_close(s);
    s = keep_open(built(&b), TEST_BUFFER, &(struct source_options){.filter = "tcp"}, &k);
    assert_int_equal(k.count, 0);
    assert_int_equal(source_info(s)->filtered, 4);
    source_close(s);
}

static void filters_that_do_not_compile_are_refused(void **state)
{
    (void)state;
    static const char *const start = "memory: the filter does not compile: ";
    struct build b = {0};
    put_mixed_links(&b);
    struct kept k;
    assert_null(keep_open(built(&b), TEST_BUFFER, &(struct source_options){.filter = "prot 5"}, &k));
    assert_memory_equal(k.text, start, strlen(start));
    assert_null(strchr(k.text, '\n'));
    /* here the link type is known from the beginning */
    struct span ethernet = span_of(capture, sizeof capture);
    assert_null(keep_open(ethernet, TEST_BUFFER, &(struct source_options){.filter = "wlan type mgt"}, &k));
    assert_memory_equal(k.text, start, strlen(start));
    struct source *s = keep_open(ethernet, TEST_BUFFER, &(struct source_options){.filter = "len < 3"}, &k);
    assert_int_equal(k.count, 1);
    assert_int_equal(k.frames[0].number, 2);
    source_close(s);
}

static void link_types_have_libpcaps_names(void **state)
{
    (void)state;
    assert_string_equal(source_link_type_name(LINKTYPE_ETHERNET), "EN10MB");
    assert_string_equal(source_link_type_name(LINKTYPE_RAW), "RAW");
    assert_string_equal(source_link_type_name(LINKTYPE_LINUX_SLL), "LINUX_SLL");
    assert_string_equal(source_link_type_name(LINKTYPE_LINUX_SLL2), "LINUX_SLL2");
    assert_string_equal(source_link_type_name(LINKTYPE_LOOP), "LOOP");
    assert_string_equal(source_link_type_name(LINKTYPE_IEEE802_11_RADIOTAP), "IEEE802_11_RADIO");
    assert_null(source_link_type_name(65000));
}

static void cooked_headers_tell_the_direction(void **state)
{
    (void)state;
    static const struct {
        uint8_t type; /* of the packet, as Linux has it */
        uint16_t flags;
    } cases[] = {{0, FRAME_INBOUND}, {1, FRAME_INBOUND}, {2, FRAME_INBOUND}, {3, 0}, {4, FRAME_OUTBOUND}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t sll[16] = {0, cases[i].type}, sll2[20] = {[10] = cases[i].type};
        struct build b = {0};
        put_section(&b);
        put_interface(&b, LINKTYPE_LINUX_SLL);
        put_interface(&b, LINKTYPE_LINUX_SLL2);
        put_packet(&b, 0, 1, sll, sizeof sll);
        put_packet(&b, 1, 2, sll2, sizeof sll2);
        put_packet(&b, 0, 3, sll, 1);
        put_packet(&b, 1, 4, sll2, 10);
        struct kept k;
        keep(built(&b), &k);
        assert_int_equal(k.count, 4);
        assert_int_equal(k.frames[0].flags, cases[i].flags);
        assert_int_equal(k.frames[1].flags, cases[i].flags);
        assert_int_equal(k.frames[2].flags, 0);
        assert_int_equal(k.frames[3].flags, 0);
    }
}

static void count_device(void *ctx, const char *name, const char *description, const char *addresses)
{
    (void)description;
    assert_non_null(name);
    assert_non_null(addresses);
    ++*(unsigned *)ctx;
}

static void devices_are_listed_or_the_reason_is_said(void **state)
{
    (void)state;
    unsigned count = 0;
    char error[SOURCE_ERROR] = "";
    if (source_list_devices(count_device, &count, error))
        assert_string_equal(error, "");
    else {
        assert_int_equal(count, 0);
        assert_string_not_equal(error, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_captures_are_read),
        cmocka_unit_test(padding_after_gzip_is_no_damage_but_garbage_is),
        cmocka_unit_test(every_prefix_of_compressed_data_says_that_it_is_cut),
        cmocka_unit_test(flipped_bits_in_compressed_data_do_no_harm),
        cmocka_unit_test(a_bomb_is_read_in_little_memory),
        cmocka_unit_test(what_cannot_be_opened_is_said_in_a_sentence),
        cmocka_unit_test(files_and_standard_input_are_read),
        cmocka_unit_test(the_way_through_libpcap_gives_the_same_frames),
        cmocka_unit_test(the_first_time_can_be_asked_beforehand),
        cmocka_unit_test(filters_are_compiled_for_each_link_type),
        cmocka_unit_test(filters_that_do_not_compile_are_refused),
        cmocka_unit_test(link_types_have_libpcaps_names),
        cmocka_unit_test(cooked_headers_tell_the_direction),
        cmocka_unit_test(devices_are_listed_or_the_reason_is_said),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
