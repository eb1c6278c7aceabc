#define _DEFAULT_SOURCE /* madvise, DT_*; POSIX 2008 with it */
#define _FILE_OFFSET_BITS 64

#include "capture/platform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NEW_DIRECTORY_MODE = 0777, MODE_TEXT = 8, READ_AT_MOST = 1 << 30, READ_WAIT_MS = 200 };

static const char *reason(int code)
{
    switch (code) {
    case ENOENT:
        return "no such file";
    case EACCES:
    case EPERM:
        return "permission denied";
    case EISDIR:
        return "it is a directory";
    case ENOTDIR:
        return "a part of the path is not a directory";
    case ENOSPC:
        return "no space left on the device";
    case EROFS:
        return "the file system is read-only";
    case EMFILE:
    case ENFILE:
        return "too many open files";
    case EFBIG:
        return "files may not grow so long here";
    case EDQUOT:
        return "the quota is used up";
    case EEXIST:
        return "it exists";
    case ELOOP:
        return "it is a link";
    case ENAMETOOLONG:
        return "the path is too long";
    default:
        return strerror(code);
    }
}

static void explain(char error[static PLATFORM_ERROR], int code)
{
    snprintf(error, PLATFORM_ERROR, "%s", reason(code));
}

static bool is_directory(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

FILE *platform_open(const char *path, const char *mode, char error[static PLATFORM_ERROR])
{
    char binary[MODE_TEXT];
    snprintf(binary, sizeof binary, "%cb%s", mode[0], mode[0] != '\0' ? mode + 1 : "");
    FILE *f = fopen(path, binary);
    if (f == NULL) {
        explain(error, errno);
        return NULL;
    }
    if (is_directory(fileno(f))) { /* may be opened for reading, and then every read fails */
        fclose(f);
        explain(error, EISDIR);
        return NULL;
    }
    return f;
}

int platform_read_open(const char *path, char error[static PLATFORM_ERROR])
{
    int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        explain(error, errno);
        return -1;
    }
    if (is_directory(fd)) {
        close(fd);
        explain(error, EISDIR);
        return -1;
    }
    return fd;
}

int64_t platform_read(int fd, void *buffer, size_t len)
{
    if (len > READ_AT_MOST)
        len = READ_AT_MOST;
    ssize_t n;
    do {
        while (platform_stop_caught() && !platform_wait(&fd, 1, READ_WAIT_MS))
            if (platform_stop_asked())
                return 0;
        n = read(fd, buffer, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

void platform_read_close(int fd)
{
    close(fd);
}

bool platform_read_at_begin(int fd)
{
    return lseek(fd, 0, SEEK_CUR) == 0;
}

bool platform_read_from(int fd, uint64_t offset)
{
    return offset <= INT64_MAX && lseek(fd, (off_t)offset, SEEK_SET) == (off_t)offset;
}

int platform_write_open(const char *path, bool fresh, char error[static PLATFORM_ERROR])
{
    enum { MODE = 0640 };
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_EXCL : O_TRUNC), MODE);
    if (fd < 0)
        explain(error, errno);
    return fd;
}

int platform_append_open(const char *path, uint64_t *length, char error[static PLATFORM_ERROR])
{
    enum { MODE = 0640 };
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW, MODE); /* nor waits for a pipe's reader */
    bool pipe = (fd < 0 && errno == ENXIO) || (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode));
    if (pipe)
        snprintf(error, PLATFORM_ERROR, "it is a pipe");
    else if (fd < 0)
        explain(error, errno);
    if (fd >= 0 && pipe) {
        close(fd);
        return -1;
    }
    *length = platform_write_length(fd);
    return fd;
}

bool platform_write(int fd, const void *bytes, size_t len, char error[static PLATFORM_ERROR])
{
    for (const uint8_t *at = bytes; len > 0;) {
        ssize_t n = write(fd, at, len < READ_AT_MOST ? len : READ_AT_MOST);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            explain(error, n < 0 ? errno : ENOSPC);
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

uint64_t platform_write_length(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

bool platform_write_cut(int fd, uint64_t len)
{
    return (platform_write_length(fd) <= len || ftruncate(fd, (off_t)len) == 0) && lseek(fd, 0, SEEK_END) >= 0;
}

void platform_write_close(int fd)
{
    close(fd);
}

bool platform_remove(const char *path, char error[static PLATFORM_ERROR])
{
    if (unlink(path) == 0)
        return true;
    explain(error, errno);
    return false;
}

enum platform_kind platform_kind(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return PLATFORM_MISSING;
    if (S_ISREG(st.st_mode))
        return PLATFORM_FILE;
    return S_ISDIR(st.st_mode) ? PLATFORM_DIRECTORY : PLATFORM_OTHER;
}

bool platform_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool platform_make_directory(const char *path, char error[static PLATFORM_ERROR])
{
    if (mkdir(path, NEW_DIRECTORY_MODE) == 0)
        return true;
    int code = errno;
    if (code == EEXIST && platform_kind(path) == PLATFORM_DIRECTORY)
        return true;
    if (code == EEXIST)
        snprintf(error, PLATFORM_ERROR, "it exists and is not a directory");
    else if (code == ENOENT)
        snprintf(error, PLATFORM_ERROR, "its parent directory does not exist");
    else
        explain(error, code);
    return false;
}

struct name_list {
    char **names;
    size_t count, capacity;
};

static bool add_name(struct name_list *list, const char *name)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        char **bigger = realloc(list->names, capacity * sizeof *bigger);
        if (bigger == NULL)
            return false;
        list->names = bigger;
        list->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    list->names[list->count++] = copy;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

static bool read_names(DIR *dir, struct name_list *list)
{
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!add_name(list, e->d_name))
            return false;
    }
    return true;
}

bool platform_list(const char *path, platform_entry_fn *each, void *ctx, char error[static PLATFORM_ERROR])
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        int code = errno;
        if (code == ENOENT || code == ENOTDIR)
            snprintf(error, PLATFORM_ERROR, code == ENOENT ? "no such directory" : "it is not a directory");
        else
            explain(error, code);
        return false;
    }
    struct name_list list = {0};
    bool complete = read_names(dir, &list);
    closedir(dir);
    if (complete && list.count > 0)
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    for (size_t i = 0; i < list.count; i++) {
        if (complete)
            each(ctx, list.names[i]);
        free(list.names[i]);
    }
    free(list.names);
    if (!complete)
        snprintf(error, PLATFORM_ERROR, "out of memory");
    return complete;
}

bool platform_replace(const char *from, const char *to, char error[static PLATFORM_ERROR])
{
    if (rename(from, to) == 0)
        return true;
    explain(error, errno);
    return false;
}

bool platform_is_terminal(FILE *f)
{
    return isatty(fileno(f)) == 1;
}

unsigned platform_terminal_columns(FILE *f)
{
    struct winsize size;
    if (!platform_is_terminal(f) || ioctl(fileno(f), TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t platform_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t platform_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint64_t platform_peak_memory(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0)
        return 0;
#ifdef __APPLE__
    return (uint64_t)usage.ru_maxrss;
#else
    return (uint64_t)usage.ru_maxrss * 1024; /* KiB on Linux and the BSDs */
#endif
}

void platform_advise_huge(void *address, size_t len)
{
#ifdef MADV_HUGEPAGE
    int64_t size = sysconf(_SC_PAGESIZE);
    if (size <= 0)
        return;
    uintptr_t page = (uintptr_t)size;
    uintptr_t skip = (page - (uintptr_t)address % page) % page;
    if (len > skip)
        (void)madvise((char *)address + skip, (len - skip) / page * page, MADV_HUGEPAGE);
#else
    (void)address;
    (void)len;
#endif
}

void platform_hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return; /* the lowest free number is what open gives; anything else leaves things as they are */
}
