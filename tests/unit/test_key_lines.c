/* Of an embedded key log only the lines of wanted sessions are copied, and no more of them than a block holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/record/packet_copy.h"
#include "capture/block_file.h"

enum { LOG_ROOM = 4 << 20 };

static const uint8_t wanted[KEY_LINES_RANDOM] = {0xab, 0x01}, other[KEY_LINES_RANDOM] = {0xab, 0x02};

struct text {
    char bytes[LOG_ROOM];
    size_t len;
};

static void add_line(struct text *t, const char *label, const uint8_t random[static KEY_LINES_RANDOM], size_t secret)
{
    t->len += (size_t)snprintf(t->bytes + t->len, LOG_ROOM - t->len, "%s ", label);
    for (size_t i = 0; i < KEY_LINES_RANDOM; i++)
        t->len += (size_t)snprintf(t->bytes + t->len, LOG_ROOM - t->len, "%02X", random[i]);
    t->bytes[t->len++] = ' ';
    memset(t->bytes + t->len, '7', secret);
    t->len += secret;
    t->bytes[t->len++] = '\n';
}

static size_t sift(const struct text *log, char *out)
{
    struct key_lines *k = key_lines_new();
    assert_non_null(k);
    key_lines_want(k, wanted);
    size_t len = key_lines_sift(k, span_of((const uint8_t *)log->bytes, log->len), (uint8_t *)out);
    key_lines_free(k);
    return len;
}

static void lines_of_the_wanted_are_copied(void **state)
{
    (void)state;
    struct text *log = calloc(1, sizeof *log), *expected = calloc(1, sizeof *expected);
    char *out = malloc(LOG_ROOM);
    assert_true(log != NULL && expected != NULL && out != NULL);
    add_line(log, "CLIENT_RANDOM", other, 96);
    add_line(log, "CLIENT_RANDOM", wanted, 96);
    add_line(log, "# comment", wanted, 96);
    add_line(log, "SERVER_HANDSHAKE_TRAFFIC_SECRET", wanted, 128);
    add_line(expected, "CLIENT_RANDOM", wanted, 96);
    add_line(expected, "SERVER_HANDSHAKE_TRAFFIC_SECRET", wanted, 128);
    assert_int_equal(sift(log, out), expected->len);
    assert_memory_equal(out, expected->bytes, expected->len);
    log->len -= 129 + 64; /* in the midst of the last one's random */
    assert_int_equal(sift(log, out), expected->len - (129 + 65 + sizeof "SERVER_HANDSHAKE_TRAFFIC_SECRET"));
    free(log);
    free(expected);
    free(out);
}

/* The same line for ever, and one that does not end. */
static void no_more_than_a_block_holds(void **state)
{
    (void)state;
    struct text *log = calloc(1, sizeof *log);
    char *out = malloc(LOG_ROOM);
    assert_true(log != NULL && out != NULL);
    add_line(log, "CLIENT_RANDOM", wanted, 1 << 20);
    while (log->len < BLOCK_FILE_ROOM + (1 << 20))
        add_line(log, "CLIENT_RANDOM", wanted, 96);
    size_t len = sift(log, out);
    assert_in_range(len, 1, KEY_LINES_EACH * KEY_LINE_BYTES);
    assert_int_equal(out[len - 1], '\n');
    assert_true((uint64_t)KEY_LINES_MOST * KEY_LINES_EACH * KEY_LINE_BYTES < BLOCK_FILE_ROOM);
    free(log);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_the_wanted_are_copied),
        cmocka_unit_test(no_more_than_a_block_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
