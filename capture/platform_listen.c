/* The operating system's part in being asked: a socket that listens, and libraries that only those need who ask for them. */
#define _DEFAULT_SOURCE

#include "capture/platform.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256 };

static socklen_t system_address(const struct endpoint *at, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (at->address.family == FAMILY_IPV4) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
        memcpy(&v4.sin_addr, at->address.bytes, sizeof v4.sin_addr);
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    memcpy(&v6.sin6_addr, at->address.bytes, sizeof v6.sin6_addr);
    memcpy(out, &v6, sizeof v6);
    return sizeof v6;
}

static bool make_listening(int s, const struct endpoint *at)
{
    struct sockaddr_storage address;
    socklen_t len = system_address(at, &address);
    int on = 1, flags = fcntl(s, F_GETFL);
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || flags < 0 || fcntl(s, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(s, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    if (at->address.family == FAMILY_IPV6 && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return false;
    return bind(s, (const struct sockaddr *)&address, len) == 0 && listen(s, BACKLOG) == 0;
}

int platform_listen(const struct endpoint *at, char error[static PLATFORM_ERROR])
{
    int s = socket(at->address.family == FAMILY_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    if (s >= 0 && make_listening(s, at))
        return s;
    snprintf(error, PLATFORM_ERROR, "%.200s", errno == EACCES ? "permission denied" : strerror(errno));
    if (s >= 0)
        close(s);
    return -1;
}

void platform_stop_listening(int handle)
{
    close(handle);
}

void platform_hang_up(int handle)
{
    (void)shutdown(handle, SHUT_RDWR);
}

struct platform_library *platform_library_open(const char *name, char error[static PLATFORM_ERROR])
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        snprintf(error, PLATFORM_ERROR, "the library %.100s cannot be loaded", name);
    return library;
}

bool platform_library_function(struct platform_library *library, const char *name, platform_function **out)
{
    void *address = dlsym(library, name);
    memcpy(out, &address, sizeof *out); /* POSIX has both of one size; C has no conversion */
    return address != NULL;
}
