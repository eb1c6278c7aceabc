/* What the operating system does for us. */
#include "folder_by_hand.h"

#include "capture/platform.h"

enum { NAMES_ROOM = 64 };

static void write_text(const char *path, const char *text)
{
    char error[PLATFORM_ERROR];
    FILE *f = platform_open(path, "w", error);
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void check_text(const char *path, const char *expected)
{
    char error[PLATFORM_ERROR], text[64];
    int fd = platform_read_open(path, error);
    assert_true(fd >= 0);
    int64_t len = platform_read(fd, text, sizeof text);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
    assert_int_equal(platform_read(fd, text, sizeof text), 0);
    platform_read_close(fd);
}

static void files_are_written_read_and_replaced(void **state)
{
    char a[PATH_ROOM], b[PATH_ROOM], error[PLATFORM_ERROR];
    write_text(in_folder(a, state, "a"), "new\r\n");
    write_text(in_folder(b, state, "b"), "old");
    assert_true(platform_replace(a, b, error));
    check_text(b, "new\r\n");
    assert_int_equal(platform_kind(a), PLATFORM_MISSING);
    assert_int_equal(platform_kind(b), PLATFORM_FILE);
    assert_int_equal(platform_kind(*state), PLATFORM_DIRECTORY);
    assert_false(platform_replace(a, b, error));
    assert_string_equal(error, "no such file");
    unlink(b);
}

static void opening_fails_with_a_reason(void **state)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR];
    in_folder(path, state, "none");
    assert_null(platform_open(path, "r", error));
    assert_string_equal(error, "no such file");
    assert_null(platform_open(*state, "r", error));
    assert_string_equal(error, "it is a directory");
    assert_null(platform_open(*state, "w", error));
    assert_string_equal(error, "it is a directory");
    assert_int_equal(platform_read_open(path, error), -1);
    assert_string_equal(error, "no such file");
    assert_int_equal(platform_read_open(*state, error), -1);
    assert_string_equal(error, "it is a directory");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(platform_read(ends[1], path, 1), -1); /* the end for writing */
    close(ends[0]);
    close(ends[1]);
}

static void append_name(void *ctx, const char *name)
{
    char *text = ctx;
    size_t used = strlen(text);
    snprintf(text + used, NAMES_ROOM - used, "%s ", name);
}

static void folders_are_made_and_listed_in_order(void **state)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR], names[NAMES_ROOM] = "";
    static const char *const made[] = {"b", "a", "\xc3\xa4", "B", ".c"};
    assert_true(platform_make_directory(in_folder(path, state, made[0]), error));
    assert_true(platform_make_directory(path, error)); /* it exists */
    for (size_t i = 1; i < 5; i++)
        write_text(in_folder(path, state, made[i]), "");
    assert_true(platform_list(*state, append_name, names, error));
    assert_string_equal(names, ".c B a b \xc3\xa4 ");
    assert_false(platform_make_directory(in_folder(path, state, "a"), error));
    assert_string_equal(error, "it exists and is not a directory");
    assert_false(platform_list(path, append_name, names, error));
    assert_string_equal(error, "it is not a directory");
    assert_false(platform_make_directory(in_folder(path, state, "none/below"), error));
    assert_string_equal(error, "its parent directory does not exist");
    assert_false(platform_list(in_folder(path, state, "none"), append_name, names, error));
    assert_string_equal(error, "no such directory");
    rmdir(in_folder(path, state, made[0]));
    for (size_t i = 1; i < 5; i++)
        unlink(in_folder(path, state, made[i]));
}

static void clock_memory_and_terminal_have_plausible_values(void **state)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR];
    int64_t before = platform_monotonic_ns();
    assert_true(platform_monotonic_ns() >= before);
    uint64_t memory = platform_peak_memory();
    assert_true(memory == 0 || memory > 64 * 1024);
    FILE *f = platform_open(in_folder(path, state, "file"), "w", error);
    assert_non_null(f);
    assert_false(platform_is_terminal(f));
    assert_int_equal(platform_terminal_columns(f), 0);
    fclose(f);
    unlink(path);
    enum { TABLE = 8 << 20 };
    uint8_t *table = malloc(TABLE);
    assert_non_null(table);
    platform_advise_huge(table + 3, TABLE - 3);
    table[TABLE - 1] = 1;
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_read_and_replaced),
        cmocka_unit_test(opening_fails_with_a_reason),
        cmocka_unit_test(folders_are_made_and_listed_in_order),
        cmocka_unit_test(clock_memory_and_terminal_have_plausible_values),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
