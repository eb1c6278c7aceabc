/* The operating system's part in sniffing: waiting, and not waiting, being asked to end, the hardware's own losses. */
#define _DEFAULT_SOURCE

#include "capture/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

enum { WAIT_HANDLES = 64, NUMBER_TEXT = 24 };

/* The only state that outlives a call: a signal handler can reach nothing else, and signals are the whole process's. */
static volatile sig_atomic_t stop_asked, stop_caught, hangup_asked;

bool platform_wait(const int *handles, size_t count, uint32_t most_ms)
{
    struct pollfd fds[WAIT_HANDLES];
    size_t n = 0;
    for (size_t i = 0; i < count && n < WAIT_HANDLES; i++)
        if (handles[i] >= 0)
            fds[n++] = (struct pollfd){.fd = handles[i], .events = POLLIN};
    return poll(fds, (nfds_t)n, most_ms < INT32_MAX ? (int)most_ms : INT32_MAX) > 0;
}

int platform_output_open(FILE *stream)
{
    char path[PLATFORM_ERROR];
    struct stat st;
    int shared = fileno(stream), own = -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", shared);
    if (fstat(shared, &st) == 0 && (S_ISFIFO(st.st_mode) || isatty(shared) == 1))
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return own >= 0 ? own : shared;
}

/* One that is ready takes as much as a pipe takes as a whole, and then who shares it has not made it wait. */
int64_t platform_output_some(int handle, const void *bytes, size_t len)
{
    enum { AT_ONCE = (int)PIPE_BUF < (int)PLATFORM_OUTPUT_AT_ONCE ? (int)PIPE_BUF : (int)PLATFORM_OUTPUT_AT_ONCE };
    struct pollfd ready = {.fd = handle, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return 0;
    ssize_t n = write(handle, bytes, len < AT_ONCE ? len : AT_ONCE);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    return n;
}

bool platform_output_wait(int handle)
{
    struct pollfd ready = {.fd = handle, .events = POLLOUT};
    return poll(&ready, 1, -1) > 0 || errno == EINTR;
}

void platform_output_close(int handle)
{
    if (handle > STDERR_FILENO)
        close(handle);
}

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

void platform_catch_stop(void)
{
    /* A report that is being written is written to its end: calls but poll are begun again. */
    struct sigaction before, action = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND | SA_RESTART}, ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigemptyset(&ignore.sa_mask);
    stop_caught = 1;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_DFL) /* else it is nohup's, or platform_catch_hangup's */
        sigaction(SIGHUP, &action, NULL);
    sigaction(SIGUSR1, &ignore, NULL);
    sigaction(SIGUSR2, &ignore, NULL);
}

static void on_hangup(int signal_number)
{
    (void)signal_number;
    hangup_asked = 1;
}

void platform_catch_hangup(void)
{
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

bool platform_hangup_asked(void)
{
    bool asked = hangup_asked != 0;
    if (asked)
        hangup_asked = 0;
    return asked;
}

bool platform_stop_caught(void)
{
    return stop_caught != 0;
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
    *d = (struct platform_device){.socket = -1};
    snprintf(d->name, sizeof d->name, "%s", name);
    for (size_t i = 0; i < 2; i++) {
        char path[PLATFORM_ERROR];
        int len = snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", name, names[i]);
        bool plain = len > 0 && (size_t)len < sizeof path && strchr(name, '/') == NULL && name[0] != '.';
        d->counters[i] = plain ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
    d->before = lost_in_all(d);
}

uint64_t platform_device_lost(struct platform_device *d)
{
    uint64_t now = lost_in_all(d);
    if (now > d->before && now - d->before > d->lost) /* a driver that is loaded anew counts from zero */
        d->lost = now - d->before;
    return d->lost;
}

void platform_device_close(struct platform_device *d)
{
    for (size_t i = 0; i < 2; i++) {
        if (d->counters[i] >= 0)
            close(d->counters[i]);
        d->counters[i] = -1;
    }
}

#ifdef __linux__

static struct ifreq request_for(const struct platform_device *d)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    memcpy(r.ifr_name, d->name, strnlen(d->name, sizeof r.ifr_name - 1));
    return r;
}

/* The index of the device that has the name now, 0 none; and of which kind it is. */
static int look_up(const struct platform_device *d, int *kind)
{
    struct ifreq index = request_for(d), address = index;
    if (ioctl(d->socket, SIOCGIFINDEX, &index) != 0 || ioctl(d->socket, SIOCGIFHWADDR, &address) != 0)
        return 0;
    *kind = address.ifr_hwaddr.sa_family;
    return index.ifr_ifindex;
}

void platform_device_watch(struct platform_device *d, int socket)
{
    d->socket = socket;
    d->index = socket >= 0 && strlen(d->name) < IFNAMSIZ ? look_up(d, &d->kind) : 0;
}

/* The kernel asks for rights when a packet socket is made, not when it is bound. */
static bool bind_to(struct platform_device *d, int index)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    const struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    if (bind(d->socket, (const struct sockaddr *)(const void *)&to, sizeof to) != 0)
        return false;
    (void)setsockopt(d->socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all); /* as at first: where it can be had */
    d->index = index;
    d->bound_anew = true;
    return true;
}

enum platform_link platform_device_link(struct platform_device *d)
{
    int kind = d->kind, index;
    if (d->index == 0)
        return PLATFORM_LINK_UP;
    struct ifreq r = {.ifr_ifindex = d->index};
    if (ioctl(d->socket, SIOCGIFNAME, &r) != 0) { /* not by its name: that may have been changed */
        index = look_up(d, &kind);
        if (index != 0 && kind != d->kind)
            return PLATFORM_LINK_OTHER;
        if (index == 0 || !bind_to(d, index))
            return PLATFORM_LINK_GONE;
        r = request_for(d);
    }
    if (ioctl(d->socket, SIOCGIFFLAGS, &r) != 0)
        return PLATFORM_LINK_GONE;
    bool up = (r.ifr_flags & IFF_UP) != 0, anew = d->bound_anew;
    d->bound_anew = anew && !up;
    if (anew)
        return up ? PLATFORM_LINK_BACK : PLATFORM_LINK_GONE;
    return up ? PLATFORM_LINK_UP : PLATFORM_LINK_DOWN;
}

#else

void platform_device_watch(struct platform_device *d, int socket)
{
    d->socket = socket;
}

enum platform_link platform_device_link(struct platform_device *d)
{
    (void)d;
    return PLATFORM_LINK_UP;
}

#endif
