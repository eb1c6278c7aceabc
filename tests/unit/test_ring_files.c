/* The ring of files: names and bounds, files of earlier runs, and a disk that takes no more. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/record/ring_files.h"
#include "capture/block_file.h"
#include "capture_bytes.h"

static const struct source_interface interfaces[] = {{.name = "eth0", .link_type = LINKTYPE_ETHERNET, .snaplen = 262144},
                                                     {.name = "ppp0", .link_type = LINKTYPE_RAW, .snaplen = 262144}};
static const uint8_t zeros[4096];

struct said {
    char text[RING_FILES_ERROR];
    unsigned times;
};

static void say(void *ctx, const char *sentence)
{
    struct said *s = ctx;
    s->times++;
    snprintf(s->text, sizeof s->text, "%s", sentence);
}

static struct ring_files *ring_of(const char *path, uint64_t file_bytes, uint32_t files, struct said *said)
{
    char error[RING_FILES_ERROR];
    struct ring_files *r = ring_files_new(&(struct ring_files_options){.path = path, .file_bytes = file_bytes, .files = files,
                                                                       .interfaces = interfaces, .interface_count = 2,
                                                                       .say = say, .ctx = said}, error);
    assert_non_null(r);
    if (!ring_files_begin(r, error))
        fail_msg("%s", error);
    return r;
}

static struct frame frame_of(uint64_t number)
{
    return (struct frame){.time_ns = (int64_t)number, .bytes = zeros, .len = sizeof zeros, .wire_len = sizeof zeros};
}

/* So many packets that belong together. */
static bool record(struct ring_files *r, uint64_t number, unsigned packets)
{
    if (!ring_files_start(r, packets * pcapng_packet_bytes(sizeof zeros)))
        return false;
    for (unsigned i = 0; i < packets; i++) {
        struct frame f = frame_of(number + i);
        if (!ring_files_packet(r, &f, i % 2, i == 0 ? "begins" : NULL))
            break;
    }
    return ring_files_finish(r);
}

/* Packets in a file, which is whole; -1: there is none. *first is the number of the first one. */
static int count_of(const char *path, uint64_t *first)
{
    char error[SOURCE_ERROR];
    struct frame f;
    struct source *s = source_open(path, &(struct source_options){0}, error);
    int count = 0;
    if (s == NULL)
        return -1;
    for (*first = 0; source_next(s, &f, 1) == 1; count++)
        *first = count == 0 ? (uint64_t)f.time_ns : *first;
    assert_null(source_info(s)->damage);
    source_close(s);
    return count;
}

static void remove_all(const char *stem)
{
    char path[64];
    for (unsigned i = 1; i <= 40; i++) {
        snprintf(path, sizeof path, "%s-%05u.pcapng", stem, i);
        (void)unlink(path);
    }
}

static void what_belongs_together_is_in_one_file(void **state)
{
    (void)state;
    struct said said = {.times = 0};
    uint64_t first;
    remove_all("ring-a");
    struct ring_files *r = ring_of("ring-a.pcapng", 40000, 10, &said);
    assert_int_equal(count_of("ring-a-00001.pcapng", &first), 0); /* readable from the beginning */
    assert_true(record(r, 1, 3));
    assert_int_equal(count_of("ring-a-00001.pcapng", &first), 3); /* and at any time */
    assert_true(record(r, 101, 3));
    assert_true(record(r, 201, 5)); /* does not fit in any more */
    assert_true(record(r, 301, 30)); /* nor into any file: goes on in the next ones */
    ring_files_free(r);
    assert_int_equal(count_of("ring-a-00001.pcapng", &first), 6);
    assert_int_equal(count_of("ring-a-00002.pcapng", &first), 5);
    assert_int_equal(first, 201);
    int rest = 0;
    for (unsigned i = 3; i <= 6; i++) {
        char path[64];
        struct stat st;
        snprintf(path, sizeof path, "ring-a-%05u.pcapng", i);
        rest += count_of(path, &first);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size <= 40000);
        assert_int_equal(st.st_mode & 0137, 0);
    }
    assert_int_equal(rest, 30);
    assert_int_equal(count_of("ring-a-00007.pcapng", &first), -1);
    assert_int_equal(said.times, 0);
    remove_all("ring-a");
}

static void the_oldest_file_goes(void **state)
{
    (void)state;
    struct said said = {.times = 0};
    uint64_t first;
    remove_all("ring-b");
    struct ring_files *r = ring_of("./ring-b.pcapng", 20000, 3, &said);
    for (unsigned i = 0; i < 9; i++)
        assert_true(record(r, 10 * i + 1, 3));
    ring_files_free(r);
    assert_int_equal(count_of("ring-b-00006.pcapng", &first), -1);
    assert_int_equal(count_of("ring-b-00007.pcapng", &first), 3);
    assert_int_equal(first, 61);
    assert_int_equal(count_of("ring-b-00009.pcapng", &first), 3);
    FILE *other = fopen("ring-b-1.pcapng", "w"); /* a name that is not of the ring */
    assert_non_null(other);
    fclose(other);
    r = ring_of("ring-b.pcapng", 20000, 2, &said); /* another run goes on, with a smaller ring */
    ring_files_free(r);
    assert_int_equal(count_of("ring-b-00008.pcapng", &first), -1);
    assert_int_equal(count_of("ring-b-00009.pcapng", &first), 3);
    assert_int_equal(count_of("ring-b-00010.pcapng", &first), 0);
    assert_int_equal(unlink("ring-b-1.pcapng"), 0);
    remove_all("ring-b");
}

/* Files may not grow beyond so many bytes: an error in the middle of a block. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_said_once_and_tried_again(void **state)
{
    (void)state;
    struct said said = {.times = 0};
    uint64_t first;
    remove_all("ring-c");
    signal(SIGXFSZ, SIG_IGN);
    struct ring_files *r = ring_of("ring-c.pcapng", 1 << 20, 5, &said);
    assert_true(record(r, 1, 3));
    limit_files(18000);
    assert_false(record(r, 101, 3));
    assert_int_equal(said.times, 1);
    assert_string_equal(said.text, "recording stopped: ./ring-c-00001.pcapng: files may not grow so long here; it goes on when that is over");
    assert_false(record(r, 201, 3));
    assert_int_equal(said.times, 1);
    assert_int_equal(count_of("ring-c-00001.pcapng", &first), 3); /* no half block is in it */
    limit_files(RLIM_INFINITY);
    assert_true(record(r, 301, 3));
    assert_int_equal(said.times, 2);
    assert_string_equal(said.text, "recording goes on; 2 sessions that failed meanwhile could not be recorded");
    assert_int_equal(count_of("ring-c-00001.pcapng", &first), 6);
    limit_files(100); /* not even the head of a next file */
    assert_false(record(r, 401, 400));
    assert_int_equal(said.times, 3);
    limit_files(RLIM_INFINITY);
    assert_true(record(r, 501, 1));
    ring_files_free(r);
    remove_all("ring-c");
}

/* Somebody else, perhaps another run with the same name, made files with the next numbers: they are his. */
static void taken_numbers_are_left_out(void **state)
{
    (void)state;
    struct said said = {.times = 0};
    uint64_t first;
    remove_all("ring-d");
    struct ring_files *r = ring_of("ring-d.pcapng", 20000, 2, &said), *other = ring_of("ring-d.pcapng", 20000, 2, &said);
    assert_int_equal(symlink("nowhere", "ring-d-00003.pcapng"), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(record(r, 10 * i + 1, 3));
        assert_true(record(other, 10 * i + 101, 3));
    }
    assert_int_equal(said.times, 0);
    assert_int_equal(count_of("ring-d-00001.pcapng", &first), -1);
    assert_int_equal(count_of("ring-d-00002.pcapng", &first), -1);
    assert_int_equal(unlink("ring-d-00003.pcapng"), 0);
    for (unsigned i = 4; i <= 7; i++) {
        char path[64];
        snprintf(path, sizeof path, "ring-d-%05u.pcapng", i);
        assert_int_equal(count_of(path, &first), 3);
    }
    ring_files_free(r);
    ring_files_free(other);
    remove_all("ring-d");
}

static void what_cannot_be_made_is_said(void **state)
{
    (void)state;
    char error[RING_FILES_ERROR];
    struct said said = {.times = 0};
    struct ring_files_options options = {.path = "no-such-folder/rec.pcapng", .file_bytes = 1 << 20, .files = 2,
                                         .interfaces = interfaces, .interface_count = 2, .say = say, .ctx = &said};
    struct ring_files *r = ring_files_new(&options, error);
    assert_non_null(r); /* the folder is made when rights are given up */
    assert_false(ring_files_begin(r, error));
    assert_string_equal(error, "no-such-folder/rec-00001.pcapng: no such file");
    ring_files_free(r);
    FILE *f = fopen("ring-file", "w");
    assert_non_null(f);
    fclose(f);
    options.path = "ring-file/rec.pcapng";
    assert_null(ring_files_new(&options, error));
    assert_string_equal(error, "ring-file: it is not a directory");
    assert_int_equal(unlink("ring-file"), 0);
    char *folder = ring_files_folder("/rec"), *root = ring_files_folder("a/b//rec.pcapng"), *here = ring_files_folder("rec");
    assert_string_equal(folder, "/");
    assert_string_equal(root, "a/b");
    assert_string_equal(here, ".");
    free(folder);
    free(root);
    free(here);
}

/* A link that somebody laid there before is not followed. */
static void links_are_not_followed(void **state)
{
    (void)state;
    struct said said = {.times = 0};
    (void)unlink("ring-d-00001.pcapng");
    assert_int_equal(symlink("ring-target", "ring-d-00001.pcapng"), 0);
    struct ring_files *r = ring_of("ring-d.pcapng", 1 << 20, 2, &said); /* it counts as a file of the ring */
    ring_files_free(r);
    assert_int_equal(access("ring-target", F_OK), -1);
    struct block_file f;
    assert_true(block_file_init(&f));
    assert_false(block_file_open(&f, "ring-d-00001.pcapng", false));
    assert_string_equal(f.error, "it is a link");
    block_file_free(&f);
    remove_all("ring-d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_belongs_together_is_in_one_file),
        cmocka_unit_test(the_oldest_file_goes),
        cmocka_unit_test(a_full_disk_is_said_once_and_tried_again),
        cmocka_unit_test(taken_numbers_are_left_out),
        cmocka_unit_test(what_cannot_be_made_is_said),
        cmocka_unit_test(links_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
