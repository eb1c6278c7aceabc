/* Rights given up: what still works, what is refused and what kills. Each case locks down a child of its own. */
#define _GNU_SOURCE /* accept4 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/platform.h"

/* What children end with. */
enum { GOOD = 0, BAD = 1, NOT_LOCKED = 2, NO_FILTER = 3 };

struct told {
    bool filter_missing;
};

static void say(void *ctx, const char *sentence)
{
    struct told *t = ctx;
    print_message("%s\n", sentence);
    t->filter_missing = t->filter_missing || strstr(sentence, "seccomp") != NULL;
}

typedef int locked_fn(void);

/* The child's status as waitpid gives it. */
static int in_locked_child(const struct platform_lockdown *l, locked_fn *work)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct told t = {false};
        char error[PLATFORM_ERROR] = "";
        if (!platform_lockdown(l, say, &t, error)) {
            print_message("%s\n", error);
            _exit(NOT_LOCKED);
        }
        _exit(t.filter_missing ? NO_FILTER : work());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static const struct platform_lockdown strict;

static void skip_without_filter(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) {
        print_message("SKIPPED: no filter of system calls here\n");
        skip();
    }
}

static void works(locked_fn *work)
{
    int status = in_locked_child(&strict, work);
    skip_without_filter(status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

static void is_killed(locked_fn *work)
{
    int status = in_locked_child(&strict, work);
    skip_without_filter(status);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int runs_a_program(void)
{
    char name[] = "/bin/true";
    char *argv[] = {name, NULL};
    execv(name, argv);
    return BAD;
}

static int makes_a_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? GOOD : BAD;
}

static int makes_a_child(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(GOOD);
    return BAD;
}

static int makes_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? BAD : GOOD;
}

static pid_t parent; /* asking for it would kill already */

static int signals_its_parent(void)
{
    return kill(parent, 0) == 0 ? GOOD : BAD;
}

/* As abort and raise do, but of somebody else. */
static int signals_a_thread_of_its_parent(void)
{
    return syscall(SYS_tgkill, parent, parent, 0) == 0 ? GOOD : BAD;
}

static int signals_itself(void)
{
    return signal(SIGUSR1, SIG_IGN) != SIG_ERR && raise(SIGUSR1) == 0 ? GOOD : BAD;
}

static void forbidden_calls_kill(void **state)
{
    (void)state;
    parent = getpid();
    is_killed(runs_a_program);
    is_killed(makes_a_socket);
    is_killed(makes_a_child);
    is_killed(makes_code);
    is_killed(signals_its_parent);
    is_killed(signals_a_thread_of_its_parent);
    works(signals_itself);
}

static int listed;

/* Where the kernel would look at what the socket is. */
static int binds_what_is_listed(void)
{
    const uint8_t address[20] = {AF_PACKET};
    return bind(listed, (const struct sockaddr *)(const void *)address, sizeof address) == 0 ? BAD : GOOD;
}

static int binds_what_is_listed_elsewhere(void)
{
    const uint8_t address[16] = {AF_INET};
    return bind(listed, (const struct sockaddr *)(const void *)address, sizeof address) == 0 ? BAD : GOOD;
}

static int binds_another(void)
{
    const uint8_t address[20] = {AF_PACKET};
    return bind(listed + 1, (const struct sockaddr *)(const void *)address, sizeof address) == 0 ? BAD : GOOD;
}

static void only_what_sniffs_is_bound_anew(void **state)
{
    (void)state;
    listed = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(listed >= 0);
    const struct platform_lockdown l = {.sockets = &listed, .socket_count = 1};
    int status = in_locked_child(&l, binds_what_is_listed);
    skip_without_filter(status);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == GOOD);
    locked_fn *const forbidden[] = {binds_what_is_listed_elsewhere, binds_another};
    for (size_t i = 0; i < 2; i++) {
        status = in_locked_child(&l, forbidden[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
    is_killed(binds_what_is_listed); /* when none is listed */
    close(listed);
}

static int opens_a_file(void)
{
    char error[PLATFORM_ERROR];
    return platform_open("/etc/passwd", "r", error) == NULL && strcmp(error, "permission denied") == 0 ? GOOD : BAD;
}

static void files_stay_closed(void **state)
{
    (void)state;
    works(opens_a_file);
}

static int pipe_ends[2];

/* What the loop and the report do. */
static int works_on(void)
{
    enum { LARGE = 8 << 20 };
    char byte = 'x';
    uint8_t *memory = malloc(LARGE);
    if (memory == NULL)
        return BAD;
    memset(memory, 1, LARGE);
    memory = realloc(memory, LARGE * 2);
    free(memory);
    platform_wait(pipe_ends, 1, 1);
    return write(pipe_ends[1], &byte, 1) == 1 && platform_read(pipe_ends[0], &byte, 1) == 1 && platform_monotonic_ns() > 0 &&
                   platform_peak_memory() > 0 && !platform_is_terminal(stdin)
               ? GOOD
               : BAD;
}

static void the_work_goes_on(void **state)
{
    (void)state;
    int input = open("/dev/null", O_RDONLY);
    assert_true(input >= 0 && dup2(input, STDIN_FILENO) == STDIN_FILENO);
    close(input);
    assert_int_equal(pipe(pipe_ends), 0);
    works(works_on);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* Two sockets that listen on loopback, a client that waits at each, and what waits for the first. */
static struct serving_place {
    int listener, other, waiter, client, other_client;
} place;

static int listening(int *client)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s >= 0 && *client >= 0);
    assert_int_equal(bind(s, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s, 4), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(connect(*client, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(*client, "x", 1, 0), 1);
    return s;
}

static int accepts_and_answers(void)
{
    char byte = 0;
    struct epoll_event ready = {.events = EPOLLIN};
    int c = accept4(place.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return c >= 0 && epoll_ctl(place.waiter, EPOLL_CTL_ADD, c, &ready) == 0 && epoll_wait(place.waiter, &ready, 1, 1000) == 1 &&
                   recv(c, &byte, 1, 0) == 1 && send(c, &byte, 1, MSG_NOSIGNAL) == 1 && shutdown(c, SHUT_RDWR) == 0 && close(c) == 0
               ? GOOD
               : BAD;
}

static int accepts_elsewhere(void)
{
    return accept4(place.other, NULL, NULL, 0) >= 0 ? GOOD : BAD;
}

static int waits_elsewhere(void)
{
    struct epoll_event ready;
    return epoll_wait(place.other, &ready, 1, 0) == 0 ? GOOD : BAD;
}

static int sends_to_an_address(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return sendto(place.client, "x", 1, 0, (const struct sockaddr *)&at, sizeof at) == 1 ? GOOD : BAD;
}

static int connects(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)connect(place.client, (const struct sockaddr *)&at, sizeof at);
    return BAD;
}

static int listens(void)
{
    return listen(place.client, 1) == 0 ? GOOD : BAD;
}

/* Whoever answers may take connections from his socket and speak on them; all else kills as ever. */
static void serving_is_answering_only(void **state)
{
    (void)state;
    static locked_fn *const forbidden[] = {accepts_elsewhere, waits_elsewhere, sends_to_an_address, connects, listens,
                                           makes_a_socket,    runs_a_program,  makes_a_child,       makes_code};
    place.listener = listening(&place.client);
    place.other = listening(&place.other_client);
    place.waiter = epoll_create1(0);
    const struct platform_serving serving = {.listener = place.listener, .waiter = place.waiter};
    const struct platform_lockdown l = {.serving = &serving};
    int status = in_locked_child(&l, accepts_and_answers);
    skip_without_filter(status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GOOD);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        status = in_locked_child(&l, forbidden[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
    is_killed(accepts_and_answers); /* who does not serve takes no connections */
    const int all[] = {place.listener, place.other, place.waiter, place.client, place.other_client};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close(all[i]);
}

static int has_no_rights(void)
{
    return geteuid() != 0 && getuid() != 0 && getegid() != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? GOOD : BAD;
}

/* With a folder, so that the calls that ask are let through. */
static int is_another_user(void)
{
    char error[PLATFORM_ERROR];
    FILE *f = platform_open("locked-folder/file", "w", error);
    bool written = f != NULL && fputs("text", f) >= 0 && fclose(f) == 0 &&
                   platform_replace("locked-folder/file", "locked-folder/renamed", error);
    return written && platform_open("/etc/shadow", "r", error) == NULL ? GOOD : BAD;
}

static void root_becomes_nobody(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("SKIPPED: only root can become somebody else\n");
        skip();
    }
    const struct platform_lockdown writes = {.folders = {"locked-folder"}};
    int status = in_locked_child(&writes, is_another_user);
    (void)unlink("locked-folder/renamed");
    (void)rmdir("locked-folder");
    skip_without_filter(status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

static void a_user_must_be_unprivileged(void **state)
{
    (void)state;
    static const char *const names[] = {"root", "no-such-user-here"};
    for (size_t i = 0; i < 2; i++) {
        const struct platform_lockdown l = {.user = names[i]};
        int status = in_locked_child(&l, has_no_rights);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), NOT_LOCKED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_kill), cmocka_unit_test(files_stay_closed),
        cmocka_unit_test(the_work_goes_on),     cmocka_unit_test(root_becomes_nobody),
        cmocka_unit_test(serving_is_answering_only),
        cmocka_unit_test(a_user_must_be_unprivileged), cmocka_unit_test(only_what_sniffs_is_bound_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
