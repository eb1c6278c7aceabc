/* Giving up rights: an unprivileged user, no capabilities, no_new_privs, and a filter of system calls. */
#define _DEFAULT_SOURCE

#include "capture/platform.h"

#ifdef __linux__

#include <cap-ng.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void explain(char error[static PLATFORM_ERROR], const char *what, const char *why)
{
    snprintf(error, PLATFORM_ERROR, "%.120s: %.120s", what, why);
}

enum { FOLDER_MODE = 0755 };

/* The folder for what is written later; one that was there stays whose it is. */
static bool make_folder(const char *path, const struct passwd *user, char error[static PLATFORM_ERROR])
{
    if (path == NULL || mkdir(path, FOLDER_MODE) != 0)
        return true; /* what is wrong with it is told when it is written to */
    if (user == NULL || chown(path, user->pw_uid, user->pw_gid) == 0)
        return true;
    explain(error, "the folder cannot be given to the unprivileged user", strerror(errno));
    return false;
}

static bool make_folders(const struct platform_lockdown *l, const struct passwd *user, char error[static PLATFORM_ERROR])
{
    for (size_t i = 0; i < PLATFORM_FOLDERS; i++)
        if (!make_folder(l->folders[i], user, error))
            return false;
    return true;
}

static bool become(const struct platform_lockdown *l, platform_say_fn *say, void *ctx, char error[static PLATFORM_ERROR])
{
    char text[PLATFORM_ERROR];
    const char *name = l->user != NULL ? l->user : "nobody";
    const struct passwd *user = getpwnam(name);
    if (user == NULL || user->pw_uid == 0) {
        snprintf(error, PLATFORM_ERROR, "there is no unprivileged user '%.60s' (--user names another)", name);
        return false;
    }
    if (!make_folders(l, user, error))
        return false;
    capng_clear(CAPNG_SELECT_ALL);
    if (capng_change_id((int)user->pw_uid, (int)user->pw_gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) == 0)
        return true;
    if (l->user != NULL) {
        snprintf(error, PLATFORM_ERROR, "cannot become user '%.60s'", name);
        return false;
    }
    snprintf(text, sizeof text, "cannot become user '%.60s' here; goes on as it is, without capabilities", name);
    say(ctx, text);
    capng_clear(CAPNG_SELECT_ALL);
    return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

static bool drop_rights(const struct platform_lockdown *l, platform_say_fn *say, void *ctx, char error[static PLATFORM_ERROR])
{
    explain(error, "rights cannot be given up", "the kernel refuses");
    if (geteuid() == 0) {
        if (!become(l, say, ctx, error))
            return false;
    } else if (l->user != NULL) {
        snprintf(error, PLATFORM_ERROR, "only root can become another user (--user)");
        return false;
    } else {
        if (!make_folders(l, NULL, error))
            return false;
        capng_clear(CAPNG_SELECT_ALL);
        if (capng_apply(CAPNG_SELECT_CAPS) != 0)
            return false;
    }
    capng_get_caps_process();
    return capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE;
}

#ifndef PLATFORM_WITHOUT_FILTER

/* Reading and writing what is open, memory, time, and the end. */
static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(readv),        SCMP_SYS(pread64),       SCMP_SYS(write),
    SCMP_SYS(writev),        SCMP_SYS(pwrite64),     SCMP_SYS(lseek),         SCMP_SYS(_llseek),
    SCMP_SYS(close),         SCMP_SYS(fstat),        SCMP_SYS(fstat64),       SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),     SCMP_SYS(fsync),        SCMP_SYS(poll),          SCMP_SYS(ppoll),
    SCMP_SYS(getsockopt),    SCMP_SYS(getsockname),  SCMP_SYS(setsockopt),    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),       SCMP_SYS(brk),          SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),       SCMP_SYS(futex),        SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),     SCMP_SYS(gettimeofday), SCMP_SYS(time),          SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),     SCMP_SYS(sysinfo),      SCMP_SYS(uname),         SCMP_SYS(sched_yield),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),       SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall), SCMP_SYS(exit),       SCMP_SYS(exit_group),
};

/* Libraries look for files now and then and do without. */
static const int refused[] = {
    SCMP_SYS(open),     SCMP_SYS(openat),     SCMP_SYS(stat),  SCMP_SYS(stat64),  SCMP_SYS(lstat),
    SCMP_SYS(access),   SCMP_SYS(faccessat),  SCMP_SYS(statx), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
};

/* For files in a folder; whose they may be, the user's rights say. */
static const int for_files[] = {
    SCMP_SYS(open),   SCMP_SYS(openat),   SCMP_SYS(stat),     SCMP_SYS(stat64),  SCMP_SYS(lstat), SCMP_SYS(access),
    SCMP_SYS(statx),  SCMP_SYS(mkdir),    SCMP_SYS(mkdirat),  SCMP_SYS(rename),  SCMP_SYS(renameat), SCMP_SYS(renameat2),
    SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(newfstatat), SCMP_SYS(fcntl), SCMP_SYS(faccessat),
};

/* Terminals, and what libpcap asks of its device. */
static const unsigned ioctls[] = {TCGETS, TIOCGWINSZ, SIOCGIFFLAGS, SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFHWADDR, FIONREAD};

static bool add_all(scmp_filter_ctx f, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) /* calls that this machine does not have have negative numbers */
        if (calls[i] >= 0 && seccomp_rule_add(f, action, calls[i], 0) != 0)
            return false;
    return true;
}

/* Memory that is never code; of ioctl only requests that ask; signals (abort) to nobody else. */
static bool add_arguments(scmp_filter_ctx f)
{
    const int maps[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        if (maps[i] >= 0 && seccomp_rule_add(f, SCMP_ACT_ALLOW, maps[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0)
            return false;
    for (size_t i = 0; i < sizeof ioctls / sizeof *ioctls; i++)
        if (seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, ioctls[i])) != 0)
            return false;
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid())) == 0;
}

/* fstat of an open file is this call with an empty path, whose bytes a filter cannot see: the flag tells. */
static bool add_fstat(scmp_filter_ctx f)
{
    enum { EMPTY_PATH = 0x1000 };
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                            SCMP_A3(SCMP_CMP_MASKED_EQ, EMPTY_PATH, EMPTY_PATH)) == 0 &&
           seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1,
                            SCMP_A3(SCMP_CMP_MASKED_EQ, EMPTY_PATH, 0)) == 0;
}

/* A packet socket, and nothing else, may be bound to a packet socket's address: no other kind of socket is open. */
static bool add_binding(scmp_filter_ctx f, const struct platform_lockdown *l)
{
    for (size_t i = 0; i < l->socket_count; i++)
        if (l->sockets[i] >= 0 &&
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bind), 2, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)l->sockets[i]),
                             SCMP_A2(SCMP_CMP_EQ, sizeof(struct sockaddr_ll), 0)) != 0)
            return false;
    return true;
}

/* Calls whose first argument is that handle. */
static bool add_of_handle(scmp_filter_ctx f, const int *calls, size_t count, int handle)
{
    for (size_t i = 0; i < count && handle >= 0; i++)
        if (calls[i] >= 0 && seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)handle)) != 0)
            return false;
    return true;
}

/* Connections are taken from that socket only, and nothing is sent to an address. */
static bool add_serving(scmp_filter_ctx f, const struct platform_serving *s)
{
    const int accepts[] = {SCMP_SYS(accept4)}, waits[] = {SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl)};
    return s == NULL ||
           (add_of_handle(f, accepts, 1, s->listener) && add_of_handle(f, waits, sizeof waits / sizeof *waits, s->waiter) &&
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0)) == 0 &&
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 0) == 0 &&
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(shutdown), 0) == 0);
}

static bool makes_files(const struct platform_lockdown *l)
{
    for (size_t i = 0; i < PLATFORM_FOLDERS; i++)
        if (l->folders[i] != NULL)
            return true;
    return false;
}

static const char *filter_calls(const struct platform_lockdown *l)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (f == NULL)
        return "out of memory, or the system does not know it";
    bool good = add_all(f, SCMP_ACT_ALLOW, allowed, sizeof allowed / sizeof *allowed) && add_arguments(f) &&
                add_binding(f, l) && add_serving(f, l->serving) &&
                (makes_files(l) ? add_all(f, SCMP_ACT_ALLOW, for_files, sizeof for_files / sizeof *for_files)
                       : add_fstat(f) && add_all(f, SCMP_ACT_ERRNO(EACCES), refused, sizeof refused / sizeof *refused));
    int code = good ? seccomp_load(f) : -EINVAL;
    seccomp_release(f);
    return code == 0 ? NULL : strerror(-code);
}

#else

static const char *filter_calls(const struct platform_lockdown *l)
{
    (void)l;
    return "this build (sanitizers, coverage) makes calls of its own";
}

#endif

bool platform_lockdown(const struct platform_lockdown *l, platform_say_fn *say, void *ctx, char error[static PLATFORM_ERROR])
{
    char text[PLATFORM_ERROR];
    if (!drop_rights(l, say, ctx, error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        explain(text, "no_new_privs cannot be set", strerror(errno));
        say(ctx, text);
    }
#ifdef PLATFORM_WITHOUT_FILTER
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* what looks for leaks at the end traces its own process */
#endif
    const char *reason = filter_calls(l);
    if (reason != NULL) {
        explain(text, "calls of the kernel are not filtered (seccomp)", reason);
        say(ctx, text);
    }
    return true;
}

#else

bool platform_lockdown(const struct platform_lockdown *l, platform_say_fn *say, void *ctx, char error[static PLATFORM_ERROR])
{
    (void)error;
    (void)l;
    say(ctx, "rights cannot be given up here");
    return true;
}

#endif
