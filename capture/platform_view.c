/*
 * Files in memory. What the system had to read from a file that meanwhile is shorter, or from a disk that fails, it says with
 * a signal (SIGBUS) at the very access; the pages from there on are replaced by zeros, and the reader is told afterwards.
 */
#define _DEFAULT_SOURCE /* madvise, MAP_ANONYMOUS; POSIX 2008 with it */
#define _FILE_OFFSET_BITS 64

#include "capture/platform.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef MADV_POPULATE_READ
enum { BRING = MADV_POPULATE_READ };
#else
enum { BRING = MADV_WILLNEED };
#endif

enum { VIEWS = 4 };

/* What the signal's handler knows; begin 0: unused. */
static struct mapped {
    volatile uintptr_t begin, end;
    volatile sig_atomic_t lost;
} mapped[VIEWS];

static size_t page_size;

/* mmap is a mere system call: safe here. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t at = (uintptr_t)info->si_addr / page_size * page_size;
    for (struct mapped *m = mapped; m < mapped + VIEWS; m++) {
        if (m->begin == 0 || at < m->begin || at >= m->end)
            continue;
        void *zeros = mmap((void *)at, m->end - at, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros == MAP_FAILED)
            break;
        m->lost = 1;
        return;
    }
    signal(number, SIG_DFL); /* none of ours: it comes again, and ends the process as ever */
}

static bool catch_bus_error(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    long size = sysconf(_SC_PAGESIZE);
    sigemptyset(&action.sa_mask);
    page_size = size > 0 ? (size_t)size : 0;
    return page_size > 0 && sigaction(SIGBUS, &action, NULL) == 0;
}

bool platform_view_open(struct platform_view *v, int fd)
{
    struct stat st;
    size_t slot = 0;
    *v = (struct platform_view){.bytes = NULL};
    while (slot < VIEWS && mapped[slot].begin != 0)
        slot++;
    if (slot == VIEWS || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > SIZE_MAX / 2 ||
        !catch_bus_error())
        return false;
    size_t len = (size_t)st.st_size;
    void *at = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return false;
    mapped[slot].end = (uintptr_t)at + (len + page_size - 1) / page_size * page_size;
    mapped[slot].lost = 0;
    mapped[slot].begin = (uintptr_t)at;
    *v = (struct platform_view){.bytes = at, .len = len, .slot = slot};
    return true;
}

bool platform_view_open_file(struct platform_view *v, FILE *file)
{
    return platform_view_open(v, fileno(file));
}

/* The pages that these bytes touch; in whole: only those that lie in them altogether. */
static void advise(const struct platform_view *v, size_t from, size_t len, bool whole, int advice)
{
    size_t first = whole ? from + page_size - 1 : from, last = from + len;
    first = first / page_size * page_size;
    last = whole ? last / page_size * page_size : last;
    if (first < last && last <= v->len)
        (void)madvise((void *)(mapped[v->slot].begin + first), last - first, advice);
}

void platform_view_bring(const struct platform_view *v, size_t from, size_t len)
{
    advise(v, from, len, false, BRING);
}

void platform_view_forget(const struct platform_view *v, size_t from, size_t len)
{
    if (!platform_view_lost(v)) /* zeros that stand for something must stay as they are */
        advise(v, from, len, true, MADV_DONTNEED);
}

bool platform_view_lost(const struct platform_view *v)
{
    return v->bytes != NULL && mapped[v->slot].lost != 0;
}

void platform_view_close(struct platform_view *v)
{
    if (v->bytes == NULL)
        return;
    struct mapped *m = &mapped[v->slot];
    void *at = (void *)m->begin;
    size_t len = m->end - m->begin;
    m->begin = 0;
    munmap(at, len);
    *v = (struct platform_view){.bytes = NULL};
}
