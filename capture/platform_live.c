/* The operating system's part in sniffing: waiting, being asked to end, the hardware's own losses. */
#define _DEFAULT_SOURCE

#include "capture/platform.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { WAIT_HANDLES = 64, NUMBER_TEXT = 24 };

/* The only state that outlives a call: a signal handler can reach nothing else. */
static volatile sig_atomic_t stop_asked;

void platform_wait(const int *handles, size_t count, uint32_t most_ms)
{
    struct pollfd fds[WAIT_HANDLES];
    size_t n = 0;
    for (size_t i = 0; i < count && n < WAIT_HANDLES; i++)
        if (handles[i] >= 0)
            fds[n++] = (struct pollfd){.fd = handles[i], .events = POLLIN};
    (void)poll(fds, (nfds_t)n, most_ms < INT32_MAX ? (int)most_ms : INT32_MAX);
}

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

void platform_catch_stop(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool platform_stop_asked(void)
{
    return stop_asked != 0;
}

/* A number in a file of the kernel's, which is made anew at each reading from its beginning. */
static uint64_t read_number(int fd)
{
    char text[NUMBER_TEXT];
    ssize_t len = fd >= 0 ? pread(fd, text, sizeof text, 0) : 0;
    uint64_t number = 0;
    for (ssize_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    return number;
}

static uint64_t lost_in_all(const struct platform_device *d)
{
    return read_number(d->counters[0]) + read_number(d->counters[1]);
}

void platform_device_open(struct platform_device *d, const char *name)
{
    static const char *const names[] = {"rx_missed_errors", "rx_fifo_errors"};
    for (size_t i = 0; i < 2; i++) {
        char path[PLATFORM_ERROR];
        int len = snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", name, names[i]);
        bool plain = len > 0 && (size_t)len < sizeof path && strchr(name, '/') == NULL && name[0] != '.';
        d->counters[i] = plain ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
    d->before = lost_in_all(d);
}

uint64_t platform_device_lost(const struct platform_device *d)
{
    uint64_t now = lost_in_all(d);
    return now > d->before ? now - d->before : 0; /* a driver that is loaded anew counts from zero */
}

void platform_device_close(struct platform_device *d)
{
    for (size_t i = 0; i < 2; i++) {
        if (d->counters[i] >= 0)
            close(d->counters[i]);
        d->counters[i] = -1;
    }
}
