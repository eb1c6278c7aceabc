/* All that differs between operating systems. platform_*.c implement it; nothing else includes system headers. */
#ifndef VS_CAPTURE_PLATFORM_H
#define VS_CAPTURE_PLATFORM_H

#include <stdio.h>

#include "capture/wire/address.h"

enum { PLATFORM_ERROR = 256 };

/* Opens a file in binary mode; path is UTF-8; mode as fopen's without "b". NULL with a reason ("no such file") in error. */
FILE *platform_open(const char *path, const char *mode, char error[static PLATFORM_ERROR]);

/* A file for raw block reads, without stdio's buffer. "-" is standard input. -1 with a reason. */
int platform_read_open(const char *path, char error[static PLATFORM_ERROR]);
/* Reads up to len bytes: number read, 0 at the end, -1 on error (interrupted calls are repeated). Who was asked to end
 * (platform_catch_stop) while nothing came is at the end. */
int64_t platform_read(int fd, void *buffer, size_t len);
void platform_read_close(int fd);
/* Goes on reading there; false where that cannot be, as in a pipe. */
bool platform_read_from(int fd, uint64_t offset);
/* A file of which nothing was read yet, and which platform_read_from can do something with. */
bool platform_read_at_begin(int fd);

/* A file as it lies in the system's memory, to be looked at without a copy. */
struct platform_view {
    const uint8_t *bytes; /* NULL: none */
    size_t len;           /* of the file when it was opened */
    size_t slot;          /* the system's own */
};
/* False where that cannot be had, and then it is to be read. */
bool platform_view_open(struct platform_view *v, int fd);
/* The same for what was written to a stdio file and flushed. */
bool platform_view_open_file(struct platform_view *v, FILE *file);
/* Asks for bytes that will be looked at soon; a hint. */
void platform_view_bring(const struct platform_view *v, size_t from, size_t len);
/* These bytes are not looked at any more: their memory counts as this process's no longer. */
void platform_view_forget(const struct platform_view *v, size_t from, size_t len);
/* What was looked at was not all there, as somebody has cut the file or its disk fails: zeros stand there instead. */
bool platform_view_lost(const struct platform_view *v);
void platform_view_close(struct platform_view *v);

/*
 * A file for raw writes, without stdio's buffer, for its owner and group only. fresh: it must not exist yet; else what it holds
 * goes. -1 with a reason. Links are not followed.
 */
int platform_write_open(const char *path, bool fresh, char error[static PLATFORM_ERROR]);
/* Likewise a file that grows at its end, made when there is none; *length: what it holds. A pipe, which may make wait, is none. */
int platform_append_open(const char *path, uint64_t *length, char error[static PLATFORM_ERROR]);
/* Writes all of it; false with a reason, and then perhaps a part of it is written. */
bool platform_write(int fd, const void *bytes, size_t len, char error[static PLATFORM_ERROR]);
/* Cuts it to this length, unless it is shorter, and goes on writing at its end. */
bool platform_write_cut(int fd, uint64_t len);
/* How long a file is now, which others may have cut; 0 for what is none. */
uint64_t platform_write_length(int fd);
void platform_write_close(int fd);
bool platform_remove(const char *path, char error[static PLATFORM_ERROR]);

enum platform_kind { PLATFORM_FILE, PLATFORM_DIRECTORY, PLATFORM_OTHER, PLATFORM_MISSING };
enum platform_kind platform_kind(const char *path);

/* There is something of that name, be it a link to nothing. */
bool platform_exists(const char *path);

/* Makes a folder (parents must exist); true when it exists afterwards. */
bool platform_make_directory(const char *path, char error[static PLATFORM_ERROR]);

/* Calls each with the name of every entry of a folder (without . and ..), sorted by bytes. false with a reason. */
typedef void platform_entry_fn(void *ctx, const char *name);
bool platform_list(const char *path, platform_entry_fn *each, void *ctx, char error[static PLATFORM_ERROR]);

/* Replaces `to` by `from` (closed by the caller before). */
bool platform_replace(const char *from, const char *to, char error[static PLATFORM_ERROR]);

/*
 * Where standard output or standard error goes, for writing without ever waiting: a pipe or terminal is opened once more for
 * ourselves, as whoever shares it would not like it to be changed; where that cannot be had it is the one there is. To be closed
 * by platform_output_close.
 */
enum { PLATFORM_OUTPUT_AT_ONCE = 4096 };
int platform_output_open(FILE *stream);
/* What is taken at once of at most PLATFORM_OUTPUT_AT_ONCE bytes; 0 when nothing is, -1 when nothing ever will be. */
int64_t platform_output_some(int handle, const void *bytes, size_t len);
/* Waits until something is taken again; false when there is no telling. */
bool platform_output_wait(int handle);
void platform_output_close(int handle);

bool platform_is_terminal(FILE *f);
/* Columns of the terminal behind f, 0 when it is none. */
unsigned platform_terminal_columns(FILE *f);

/* To call first of all: a standard stream that the caller closed is opened so that its use fails, lest the next file
 * that is opened takes its place and gets our output. */
void platform_hold_standard_streams(void);

/* Monotonic nanoseconds, for elapsed time only. */
int64_t platform_monotonic_ns(void);
/* Nanoseconds since 1970 by the system's clock, which may be set at any moment. */
int64_t platform_wall_ns(void);
/* Peak resident memory of this process in bytes, 0 when unknown. */
uint64_t platform_peak_memory(void);

/* Asks for huge pages for a large table; a hint, never an error. */
void platform_advise_huge(void *address, size_t len);

/* Waits until one of the handles has something to read (true), at most this long; a signal ends it, too. Negative handles
 * are left out. */
bool platform_wait(const int *handles, size_t count, uint32_t most_ms);

/* From now on the signals that ask a program to end (SIGINT, SIGTERM, SIGHUP unless it was ignored) only make
 * platform_stop_asked true; the second one of a kind ends the process as ever. Those without a meaning here (SIGUSR1, SIGUSR2)
 * are ignored. */
void platform_catch_stop(void);
bool platform_stop_caught(void); /* since platform_catch_stop */
bool platform_stop_asked(void);

/* From now on SIGHUP only makes the next platform_hangup_asked true, once. */
void platform_catch_hangup(void);
bool platform_hangup_asked(void);

enum { PLATFORM_DEVICE_NAME = 64 };

/* A network device that is sniffed. */
struct platform_device {
    char name[PLATFORM_DEVICE_NAME];
    int counters[2];       /* open files, -1 for none */
    uint64_t before, lost; /* when it was opened; since then */
    int socket, index;     /* index 0: it is not watched */
    int kind;              /* of its link layer */
    bool bound_anew;       /* to one that was made later under the same name, and is not yet up */
};
void platform_device_open(struct platform_device *d, const char *name);
/* What the device itself lost before the kernel had it, where the system says: packets since it was opened; 0 when unknown. */
uint64_t platform_device_lost(struct platform_device *d);
void platform_device_close(struct platform_device *d);

enum platform_link {
    PLATFORM_LINK_UP,
    PLATFORM_LINK_DOWN,
    PLATFORM_LINK_GONE,  /* removed, or given to another namespace */
    PLATFORM_LINK_BACK,  /* said once: there is one of its name again, which is up, and the socket is bound to it */
    PLATFORM_LINK_OTHER, /* what has its name now is of another kind: the socket's packets could not be read */
};
/* From now on it is known which device the packet socket sniffs. */
void platform_device_watch(struct platform_device *d, int socket);
/* How it is. A device that was removed and made again is bound again; nothing else that takes rights is needed for it. */
enum platform_link platform_device_link(struct platform_device *d);
/* A TCP socket that listens there, of which nothing waits; -1 with a reason ("address already in use"). */
int platform_listen(const struct endpoint *at, char error[static PLATFORM_ERROR]);
void platform_stop_listening(int handle);
/* Ends a connection that somebody else still holds: he finds it at its end. */
void platform_hang_up(int handle);

/* A library that is loaded when it is needed, for good. NULL with a sentence. */
struct platform_library;
typedef void platform_function(void);
struct platform_library *platform_library_open(const char *name, char error[static PLATFORM_ERROR]);
/* The function of that name, for its caller to convert; false when there is none. */
bool platform_library_function(struct platform_library *library, const char *name, platform_function **out);

/* Whoever answers others. */
struct platform_serving {
    int listener, waiter; /* the socket that listens; what waits for it and its connections (epoll), -1 none */
};

/* What a process still has to do when it has given up its rights. */
enum { PLATFORM_FOLDERS = 4 };
struct platform_lockdown {
    const char *user;   /* who it becomes when it is root; NULL: nobody. A user who is given must be had */
    const int *sockets; /* packet sockets, which may be bound anew (platform_device_link) */
    size_t socket_count;
    /* Where it will still make files; all NULL: it opens none any more. Made, and given to the user, if missing. */
    const char *folders[PLATFORM_FOLDERS];
    const struct platform_serving *serving; /* NULL: nobody is answered */
};

/* One sentence without a newline on something that could not be had. */
typedef void platform_say_fn(void *ctx, const char *sentence);

/*
 * Gives up, for good, all that reading hostile packets does not need: root becomes an unprivileged user; capabilities, also
 * those of the file, go; no program that is started could gain any (no_new_privs); and a filter of system calls (seccomp)
 * lets only those through that reading open files and sockets, memory and writing take. Opening a file then fails, anything
 * else (a program, a socket) kills the process. What the system does not offer is said, and the rest is done nevertheless.
 * False with a reason when rights remain that would have had to go: then nothing hostile must be read.
 */
bool platform_lockdown(const struct platform_lockdown *l, platform_say_fn *say, void *ctx, char error[static PLATFORM_ERROR]);

#endif
