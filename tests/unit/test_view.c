/* A file that is looked at where it lies gives the very same frames as a copy of it, whatever becomes of it meanwhile. */
#include "folder_by_hand.h"

#include <string.h>

#include "capture/stream.h"
#include "capture/platform.h"
#include "capture_bytes.h"

enum { FILE_ROOM = 6 << 20, LONGEST = 1400, RECORDS_MOST = 20000 };

struct file {
    uint8_t *bytes;
    size_t len, records;
    bool pcapng;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void append(struct file *f, const void *bytes, size_t len)
{
    assert_true(f->len + len <= FILE_ROOM);
    memcpy(f->bytes + f->len, bytes, len);
    f->len += len;
}

static void put_record(struct file *f, const uint8_t *packet, uint32_t len)
{
    static const uint8_t zeros[3];
    uint32_t seconds = 1700000000 + (uint32_t)(f->records / 100), fraction = (uint32_t)(f->records % 100), padded = (len + 3) & ~3u;
    if (f->pcapng) {
        append(f, (const uint8_t[]){LE32(6), LE32(32 + padded), LE32(0), LE32(0), LE32(fraction), LE32(len), LE32(len)}, 28);
        append(f, packet, len);
        append(f, zeros, padded - len);
        append(f, (const uint8_t[]){LE32(32 + padded)}, 4);
    } else {
        append(f, (const uint8_t[]){LE32(seconds), LE32(fraction), LE32(len), LE32(len)}, 16);
        append(f, packet, len);
    }
    f->records++;
}

static void begin(struct file *f, bool pcapng)
{
    static const uint8_t pcap[] = {PCAP_HEADER};
    static const uint8_t section[] = {LE32(0x0a0d0d0a), LE32(28), LE32(0x1a2b3c4d), LE16(1), LE16(0), LE64(UINT64_MAX), LE32(28),
                                      LE32(1), LE32(20), LE16(1), LE16(0), LE32(0), LE32(20)};
    *f = (struct file){.bytes = malloc(FILE_ROOM), .pcapng = pcapng};
    assert_non_null(f->bytes);
    append(f, pcapng ? section : pcap, pcapng ? sizeof section : sizeof pcap);
}

/* What is in a packet: anything, or what looks like the beginnings of records. */
static void fill_packet(uint8_t packet[static LONGEST], bool decoys, uint32_t *random)
{
    static const uint8_t decoy[] = {LE32(1700000001), LE32(5), LE32(16), LE32(16), LE32(6), LE32(32), LE32(0), LE32(32)};
    for (size_t i = 0; i < LONGEST; i++)
        packet[i] = decoys ? decoy[i % sizeof decoy] : (uint8_t)next_random(random);
}

/* Long records, some short ones in between, a row of only short ones (which are copied), long ones again. */
static void make_file(struct file *f, bool pcapng, bool decoys)
{
    uint8_t packet[LONGEST];
    uint32_t random = 7;
    begin(f, pcapng);
    while (f->len < FILE_ROOM - 2 * LONGEST && f->records < RECORDS_MOST) {
        bool only_short = f->len > FILE_ROOM / 3 && f->len < FILE_ROOM / 2;
        uint32_t len = only_short || next_random(&random) % 4 == 0 ? 1 + next_random(&random) % 90 : LONGEST - next_random(&random) % 300;
        fill_packet(packet, decoys, &random);
        put_record(f, packet, len);
    }
}

static void write_file(const char *path, const uint8_t *bytes, size_t len, const char *mode)
{
    char error[PLATFORM_ERROR];
    FILE *out = platform_open(path, mode, error);
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static struct source *open_path(const char *path)
{
    char error[SOURCE_ERROR];
    struct source *s = source_open(path, &(struct source_options){0}, error);
    assert_non_null(s);
    return s;
}

static void expect_same_frame(const struct frame *a, const struct frame *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->wire_len, b->wire_len);
    assert_memory_equal(a->bytes, b->bytes, a->len);
}

/* Both to their ends, frame by frame: a batch ends where a window does. */
static void expect_same(struct source *a, struct source *b, size_t records)
{
    struct frame one, other;
    for (size_t i = 0; i < records; i++) {
        assert_int_equal(source_next(a, &one, 1), 1);
        assert_int_equal(source_next(b, &other, 1), 1);
        expect_same_frame(&one, &other);
    }
    assert_int_equal(source_next(a, &one, 1), 0);
    assert_int_equal(source_next(b, &other, 1), 0);
    const char *said = source_info(a)->damage, *expected = source_info(b)->damage;
    assert_true((said == NULL) == (expected == NULL));
    if (said != NULL)
        assert_string_equal(said, expected);
}

static void compare(const char *path, const struct file *f, size_t len, size_t records)
{
    char error[SOURCE_ERROR];
    write_file(path, f->bytes, len, "w");
    struct source *s = open_path(path);
    struct source *copied = source_open_memory(span_of(f->bytes, len), TEST_BUFFER, &(struct source_options){0}, error);
    assert_non_null(copied);
    expect_same(s, copied, records);
    source_close(s);
    source_close(copied);
    remove(path);
}

static void same_frames(void **state)
{
    char path[PATH_ROOM];
    in_folder(path, state, "same");
    for (unsigned i = 0; i < 4; i++) {
        struct file f;
        make_file(&f, i % 2 == 1, i / 2 == 1);
        compare(path, &f, f.len, f.records);
        compare(path, &f, f.len - 5, f.records - 1); /* the last record is cut off */
        free(f.bytes);
    }
}

/* A window on the file is one: what is lent lies in it, and not in a copy. */
static void records_are_not_copied(void **state)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR];
    struct file f;
    struct stream s;
    make_file(&f, false, false);
    write_file(in_folder(path, state, "window"), f.bytes, f.len, "w");
    assert_true(stream_open(&s, platform_read_open(path, error), (struct span){NULL, 0}, STREAM_BUFFER));
    assert_true(stream_fill(&s, STREAM_BUFFER));
    assert_false(s.viewed);
    stream_take(&s, s.left);
    assert_true(stream_fill_records(&s, 16, RECORDS_PCAP, 10));
    assert_true(s.viewed && !s.is_run);
    assert_true(s.at == s.view.bytes + STREAM_BUFFER && s.left == STREAM_VIEW);
    assert_memory_equal(s.at, f.bytes + s.offset, s.left);
    stream_take(&s, STREAM_VIEW - 5);
    assert_true(stream_fill_records(&s, 16, RECORDS_PCAP, 10000)); /* short ones */
    assert_true(s.viewed && s.is_run);
    assert_memory_equal(s.at, f.bytes + s.offset, s.left);
    stream_take(&s, s.left - 5);
    assert_true(stream_fill(&s, 16)); /* of who reads no records: copied again, from the same byte on */
    assert_false(s.viewed || s.is_run);
    assert_memory_equal(s.at, f.bytes + s.offset, s.left);
    stream_close(&s);
    remove(path);
    free(f.bytes);
}

/* Whoever still writes the file goes on meanwhile. */
static void file_grows(void **state)
{
    char path[PATH_ROOM], error[SOURCE_ERROR];
    struct file f;
    struct frame frame;
    make_file(&f, false, false);
    size_t first = f.len / 2;
    write_file(in_folder(path, state, "grows"), f.bytes, first, "w");
    struct source *s = open_path(path), *copied = source_open_memory(span_of(f.bytes, f.len), TEST_BUFFER, &(struct source_options){0}, error);
    assert_non_null(copied);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(source_next(s, &frame, 1), 1);
        assert_int_equal(source_next(copied, &frame, 1), 1);
    }
    write_file(path, f.bytes + first, f.len - first, "a");
    expect_same(s, copied, f.records - 500);
    source_close(s);
    source_close(copied);
    remove(path);
    free(f.bytes);
}

/* Somebody cuts the file while it is looked at: no end of the process, but of the file; what was good before it has been given. */
static void file_is_cut(void **state)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR];
    for (unsigned i = 0; i < 2; i++) {
        struct file f;
        struct frame frames[SOURCE_BATCH];
        size_t read = 0;
        make_file(&f, i == 1, false);
        write_file(in_folder(path, state, "cut"), f.bytes, f.len, "w");
        struct source *s = open_path(path);
        while (read < 1000)
            read += source_next(s, frames, SOURCE_BATCH);
        int fd = platform_append_open(path, &(uint64_t){0}, error);
        assert_true(fd >= 0 && platform_write_cut(fd, 100));
        platform_write_close(fd);
        for (size_t n; (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
            for (size_t k = 0; k < n; k++)
                read += frames[k].len > 0 ? frames[k].bytes[0] < 255 : 1; /* looks at it */
        assert_true(read < f.records);
        assert_non_null(source_info(s)->damage);
        assert_true(strstr(source_info(s)->damage, "the file was cut while it was read, or cannot be read any further at byte") != NULL);
        source_close(s);
        remove(path);
        free(f.bytes);
    }
}

/* More files at a time than are looked at in place: the others are copied. */
static void many_files(void **state)
{
    enum { MANY = 7 };
    char path[PATH_ROOM], error[SOURCE_ERROR];
    struct source *s[MANY], *copied[MANY];
    struct file f;
    make_file(&f, false, false);
    write_file(in_folder(path, state, "many"), f.bytes, f.len, "w");
    for (size_t i = 0; i < MANY; i++) {
        s[i] = open_path(path);
        copied[i] = source_open_memory(span_of(f.bytes, f.len), TEST_BUFFER, &(struct source_options){0}, error);
        struct frame one, other;
        for (size_t k = 0; k < 1000; k++)
            assert_true(source_next(s[i], &one, 1) == 1 && source_next(copied[i], &other, 1) == 1);
        expect_same_frame(&one, &other);
    }
    for (size_t i = 0; i < MANY; i++) {
        expect_same(s[i], copied[i], f.records - 1000);
        source_close(s[i]);
        source_close(copied[i]);
    }
    remove(path);
    free(f.bytes);
}

/* Nothing is looked at beyond the window, whatever stands in it. */
static void nothing_beyond_the_window(void **state)
{
    (void)state;
    uint32_t random = 3;
    struct ahead_places *places = malloc(sizeof *places);
    assert_non_null(places);
    for (size_t i = 0; i < 300; i++) {
        size_t len = i < 40 ? i * 16 : next_random(&random) % (1 << 19);
        uint8_t *window = malloc(len + (len == 0));
        assert_non_null(window);
        for (size_t k = 0; k < len; k++) {
            uint32_t r = next_random(&random); /* much of what the search stops at, and steps of all lengths */
            window[k] = i % 3 == 0 ? (uint8_t)r : i % 3 == 1 ? (uint8_t)(r % 8 == 0 ? r >> 8 : 0) : 6;
        }
        ahead_records(span_of(window, len), i % 2 == 0 ? RECORDS_PCAP : RECORDS_PCAPNG, places);
        free(window);
    }
    free(places);
}

/* All that follow the first, in their order: each one more than what the one before is long. */
static void places_of_records(void **state)
{
    enum { FILE_HEADER = 24, HEADER = 16, LENGTH_AT = 8 };
    (void)state;
    struct file f;
    make_file(&f, false, false);
    struct ahead_places *places = malloc(sizeof *places);
    assert_non_null(places);
    size_t len = f.len - FILE_HEADER, at = 0, records = 0;
    const uint8_t *window = f.bytes + FILE_HEADER;
    ahead_records(span_of(window, len < 1 << 20 ? len : 1 << 20), RECORDS_PCAP, places);
    assert_true(places->count > 100);
    for (; records + 1 < places->count; records++) {
        at += HEADER + ((size_t)window[at + LENGTH_AT + 1] << 8 | window[at + LENGTH_AT]);
        assert_int_equal(places->at[records], at);
    }
    free(places);
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_frames),  cmocka_unit_test(records_are_not_copied), cmocka_unit_test(file_grows),
        cmocka_unit_test(file_is_cut),  cmocka_unit_test(many_files),                  cmocka_unit_test(nothing_beyond_the_window),
        cmocka_unit_test(places_of_records),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
