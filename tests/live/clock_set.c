/* Preloaded: the system's clock is set once, for this process alone: CLOCK_STEP_S seconds more (or less), CLOCK_AFTER_MS after
 * the first time that it is asked for. */
#define _GNU_SOURCE

#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int64_t begin_ms;
    struct timespec elapsed;
    if (syscall(SYS_clock_gettime, clock, now) != 0 || clock != CLOCK_REALTIME)
        return clock == CLOCK_REALTIME ? -1 : 0;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &elapsed);
    int64_t now_ms = (int64_t)elapsed.tv_sec * 1000 + elapsed.tv_nsec / 1000000;
    if (begin_ms == 0)
        begin_ms = now_ms;
    if (now_ms - begin_ms >= number("CLOCK_AFTER_MS"))
        now->tv_sec += number("CLOCK_STEP_S");
    return 0;
}
