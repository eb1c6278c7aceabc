/* Lines for a slow reader: a pipe whose other end is read, or is not. Whoever waits where he must not is ended by the alarm. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analyze/report/line_queue.h"
#include "capture/platform.h"

enum { MOST_SECONDS = 30, LINE_ROOM = 20000, ALL_ROOM = 2 * LINE_QUEUE_BYTES };

struct said {
    char text[200];
    unsigned times;
};

static void say(void *ctx, const char *sentence)
{
    struct said *s = ctx;
    s->times++;
    snprintf(s->text, sizeof s->text, "%s", sentence);
}

struct rig {
    int ends[2];
    struct said said;
    struct line_queue *queue;
    char *all; /* what was read */
    size_t len;
};

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    if (r == NULL || pipe(r->ends) != 0 || fcntl(r->ends[0], F_SETFL, O_NONBLOCK) != 0)
        return -1;
    r->all = malloc(ALL_ROOM);
    r->queue = line_queue_new(&(struct line_queue_options){.handle = r->ends[1], .name = "standard output", .say = say, .ctx = &r->said});
    *state = r;
    signal(SIGPIPE, SIG_IGN);
    alarm(MOST_SECONDS);
    return r->all != NULL && r->queue != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    line_queue_free(r->queue);
    close(r->ends[0]);
    close(r->ends[1]);
    free(r->all);
    free(r);
    return 0;
}

/* "000017 xxx...\n" */
static void add(struct rig *r, unsigned number, size_t len)
{
    static char line[LINE_ROOM];
    memset(line, 'x', len);
    snprintf(line, sizeof line, "%06u", number);
    line[6] = ' ';
    line[len - 1] = '\n';
    line_queue_line(r->queue, span_of((const uint8_t *)line, len));
}

static bool read_some(struct rig *r)
{
    ssize_t n = read(r->ends[0], r->all + r->len, ALL_ROOM - r->len);
    r->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void read_all(struct rig *r)
{
    do
        line_queue_push(r->queue);
    while (read_some(r));
}

/* Lines in what was read, each as it was added: its number is greater than that of the one before it. */
static unsigned count_lines(const struct rig *r, unsigned *last)
{
    unsigned lines = 0, number = 0;
    for (size_t at = 0; at < r->len; lines++) {
        const char *end = memchr(r->all + at, '\n', r->len - at);
        assert_non_null(end);
        number = (unsigned)strtoul(r->all + at, NULL, 10);
        assert_true(lines == 0 || number > *last);
        assert_int_equal(r->all[at + 6], ' ');
        for (const char *c = r->all + at + 7; c < end; c++)
            assert_int_equal(*c, 'x');
        *last = number;
        at = (size_t)(end - r->all) + 1;
    }
    return lines;
}

static void test_reader_who_stalls_holds_nobody_up(void **state)
{
    struct rig *r = *state;
    unsigned last;
    for (unsigned i = 0; i < 1000; i++)
        add(r, i, 700 + i % 900);
    assert_false(line_queue_is_empty(r->queue));
    assert_true(read_some(r)); /* a pipe's worth */
    assert_int_equal(r->all[r->len - 1], '\n');
    read_all(r);
    assert_int_equal(count_lines(r, &last), 1000);
    assert_int_equal(line_queue_missed(r->queue) + r->said.times, 0);
}

static void test_long_lines_are_whole(void **state)
{
    struct rig *r = *state;
    unsigned last;
    for (unsigned i = 0; i < 100; i++)
        add(r, i, i % 3 == 0 ? LINE_ROOM : 100);
    read_all(r);
    assert_int_equal(count_lines(r, &last), 100);
}

static void test_full_queue_leaves_out_whole_lines(void **state)
{
    struct rig *r = *state;
    unsigned last, sent = 0;
    while (line_queue_missed(r->queue) == 0)
        add(r, sent++, 1000);
    assert_in_range(sent, LINE_QUEUE_BYTES / 1000, LINE_QUEUE_BYTES / 1000 + 70); /* and what the pipe holds */
    for (unsigned i = 0; i < 9; i++)
        add(r, sent++, 20); /* it would fit, but comes later than what did not */
    assert_int_equal(r->said.times, 1);
    assert_int_equal(line_queue_missed(r->queue), 10);
    for (unsigned i = 0; i < 10; i++) { /* not half of it is free yet */
        read_some(r);
        line_queue_push(r->queue);
    }
    add(r, sent++, 1000);
    assert_int_equal(r->said.times, 1);
    read_all(r);
    assert_int_equal(r->said.times, 2);
    assert_string_equal(r->said.text, "standard output: lines are written again; left out: 11");
    add(r, sent++, 1000);
    read_all(r);
    assert_int_equal(count_lines(r, &last), sent - 11);
    assert_int_equal(last, sent - 1);
    assert_int_equal(line_queue_missed(r->queue), 11);
}

static void test_reader_who_goes_away(void **state)
{
    struct rig *r = *state;
    add(r, 1, 100);
    assert_false(line_queue_failed(r->queue));
    assert_true(line_queue_is_empty(r->queue));
    close(r->ends[0]);
    r->ends[0] = -1;
    add(r, 2, 100);
    assert_true(line_queue_failed(r->queue));
    line_queue_wait(r->queue);
    add(r, 3, 100);
    assert_int_equal(line_queue_missed(r->queue), 0);
}

/* A reader of his own, who takes a nap first: nothing is left out, however much it is. */
static void test_waiting_in_the_end(void **state)
{
    enum { LINES = 8000, LENGTH = 1000 };
    struct rig *r = *state;
    int status;
    for (unsigned i = 0; i < LINES / 4; i++)
        add(r, i, LENGTH);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        char bytes[LENGTH];
        size_t all = 0;
        ssize_t n;
        const struct timespec nap = {.tv_nsec = 200000000};
        close(r->ends[1]);
        (void)fcntl(r->ends[0], F_SETFL, 0);
        nanosleep(&nap, NULL);
        while ((n = read(r->ends[0], bytes, sizeof bytes)) > 0)
            all += (size_t)n;
        _exit(all == (size_t)LINES * LENGTH ? 0 : 1);
    }
    line_queue_wait(r->queue);
    for (unsigned i = LINES / 4; i < LINES; i++)
        add(r, i, LENGTH);
    close(r->ends[1]);
    r->ends[1] = -1;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_int_equal(line_queue_missed(r->queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reader_who_stalls_holds_nobody_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_queue_leaves_out_whole_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_who_goes_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_in_the_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
