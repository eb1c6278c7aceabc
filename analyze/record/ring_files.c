#include "analyze/record/ring_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/block_file.h"

enum { NUMBER_DIGITS = 5, NUMBER_MOST = 999999999, PATH_MOST = 4096, TAKEN_MOST = 100 /* at once */ };

struct ring_files {
    struct ring_files_options options;
    char *folder, *stem, *ending; /* of the path; the file's name is stem, -, number, ending */
    uint32_t *numbers;            /* of the files that there are, ascending; room for files + 1 */
    uint32_t count;
    uint32_t latest;              /* number given last */
    uint64_t head_bytes;          /* of the open file, without packets */
    struct block_file file;
    struct pcapng_writer writer;
    bool stopped, lost;           /* said that it stopped; a packet of what is written now could not be */
    uint64_t missed;              /* that could not be written since it stopped */
};

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (out != NULL) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    return out;
}

/* Where the name begins. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *ring_files_folder(const char *path)
{
    const char *name = name_of(path);
    size_t len = (size_t)(name - path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len == 0 ? copy(".", 1) : copy(path, len);
}

/* The number in a name of ours, 0 in another. */
static uint32_t number_in(const struct ring_files *r, const char *name)
{
    size_t stem = strlen(r->stem), len = strlen(name), ending = strlen(r->ending), digits = 0;
    uint32_t number = 0;
    if (len <= stem + 1 + ending || strncmp(name, r->stem, stem) != 0 || name[stem] != '-' ||
        strcmp(name + len - ending, r->ending) != 0)
        return 0;
    for (const char *at = name + stem + 1; at < name + len - ending; at++, digits++) {
        if (*at < '0' || *at > '9' || number > NUMBER_MOST / 10)
            return 0;
        number = number * 10 + (uint32_t)(*at - '0');
    }
    return digits >= NUMBER_DIGITS ? number : 0;
}

static bool path_of(const struct ring_files *r, uint32_t number, char path[static PATH_MOST])
{
    int len = snprintf(path, PATH_MOST, "%s/%s-%0*u%s", r->folder, r->stem, (int)NUMBER_DIGITS, (unsigned)number, r->ending);
    return len > 0 && len < PATH_MOST;
}

static void remove_oldest(struct ring_files *r)
{
    char path[PATH_MOST], error[PLATFORM_ERROR];
    if (path_of(r, r->numbers[0], path))
        (void)platform_remove(path, error); /* who took it away already has it */
    r->count--;
    memmove(r->numbers, r->numbers + 1, r->count * sizeof *r->numbers);
}

/* A file of an earlier run; of very many only the latest are known. */
static void on_entry(void *ctx, const char *name)
{
    struct ring_files *r = ctx;
    uint32_t number = number_in(r, name), at = r->count;
    if (number == 0)
        return;
    r->latest = number > r->latest ? number : r->latest;
    if (r->count == RING_FILES_MOST) {
        if (number < r->numbers[0])
            return;
        r->count--;
        memmove(r->numbers, r->numbers + 1, r->count * sizeof *r->numbers);
        at = r->count;
    }
    for (; at > 0 && r->numbers[at - 1] > number; at--)
        r->numbers[at] = r->numbers[at - 1];
    r->numbers[at] = number;
    r->count++;
}

static bool take_path(struct ring_files *r, const char *path)
{
    const char *name = name_of(path), *dot = strrchr(name, '.');
    if (dot == NULL || dot == name)
        dot = name + strlen(name);
    r->folder = ring_files_folder(path);
    r->stem = copy(name, (size_t)(dot - name));
    r->ending = copy(dot, strlen(dot));
    return r->folder != NULL && r->stem != NULL && r->ending != NULL;
}

struct ring_files *ring_files_new(const struct ring_files_options *options, char error[static RING_FILES_ERROR])
{
    char reason[PLATFORM_ERROR];
    struct ring_files *r = calloc(1, sizeof *r);
    snprintf(error, RING_FILES_ERROR, "out of memory");
    if (r == NULL)
        return NULL;
    r->options = *options;
    r->file.fd = -1;
    r->writer = (struct pcapng_writer){.put = block_file_put, .ctx = &r->file};
    r->numbers = malloc((RING_FILES_MOST + 1) * sizeof *r->numbers);
    if (!take_path(r, options->path) || r->numbers == NULL || !block_file_init(&r->file)) {
        ring_files_free(r);
        return NULL;
    }
    enum platform_kind kind = platform_kind(r->folder); /* one that is missing is made when rights are given up */
    if (kind != PLATFORM_MISSING && !platform_list(r->folder, on_entry, r, reason)) {
        snprintf(error, RING_FILES_ERROR, "%.300s: %.250s", r->folder, reason);
        ring_files_free(r);
        return NULL;
    }
    return r;
}

void ring_files_free(struct ring_files *r)
{
    if (r == NULL)
        return;
    block_file_free(&r->file);
    free(r->numbers);
    free(r->folder);
    free(r->stem);
    free(r->ending);
    free(r);
}

static bool write_head(struct ring_files *r)
{
    bool good = pcapng_begin(&r->writer, "vpnscope " VPNSCOPE_VERSION);
    for (size_t i = 0; i < r->options.interface_count && good; i++)
        good = pcapng_interface(&r->writer, &r->options.interfaces[i]);
    block_file_end(&r->file);
    r->head_bytes = block_file_length(&r->file);
    return block_file_flush(&r->file) && good;
}

/* Numbers that others have taken meanwhile are left out: what is there is theirs. */
static bool open_next(struct ring_files *r, char path[static PATH_MOST])
{
    for (unsigned tried = 0; tried < TAKEN_MOST; tried++) {
        bool named = path_of(r, r->latest + 1, path);
        if (!named || r->latest >= NUMBER_MOST) {
            snprintf(r->file.error, sizeof r->file.error, named ? "there are no numbers left" : "the path is too long");
            return false;
        }
        if (block_file_open(&r->file, path, true))
            return true;
        if (!platform_exists(path))
            return false;
        r->latest++;
    }
    return false;
}

/* The next file; without one, what is written has no place. The reason is in file.error. */
static bool next_file(struct ring_files *r)
{
    char path[PATH_MOST], error[PLATFORM_ERROR];
    block_file_close(&r->file);
    while (r->count >= r->options.files)
        remove_oldest(r);
    if (!open_next(r, path))
        return false;
    if (!write_head(r)) { /* it would not be readable */
        block_file_close(&r->file);
        (void)platform_remove(path, error);
        return false;
    }
    r->numbers[r->count++] = ++r->latest;
    return true;
}

static void say_stopped(struct ring_files *r)
{
    char text[RING_FILES_ERROR], path[PATH_MOST];
    uint32_t number = r->file.fd >= 0 ? r->latest : r->latest + 1;
    if (r->stopped)
        return;
    r->stopped = true;
    snprintf(text, sizeof text, "recording stopped: %.200s: %.250s; it goes on when that is over",
             path_of(r, number, path) ? path : r->options.path, r->file.error);
    r->options.say(r->options.ctx, text);
}

static void say_goes_on(struct ring_files *r)
{
    char text[RING_FILES_ERROR];
    if (!r->stopped)
        return;
    r->stopped = false;
    snprintf(text, sizeof text, "recording goes on; %llu session%s that failed meanwhile could not be recorded",
             (unsigned long long)r->missed, r->missed == 1 ? "" : "s");
    r->missed = 0;
    r->options.say(r->options.ctx, text);
}

bool ring_files_begin(struct ring_files *r, char error[static RING_FILES_ERROR])
{
    char path[PATH_MOST];
    if (next_file(r))
        return true;
    snprintf(error, RING_FILES_ERROR, "%.300s: %.250s", path_of(r, r->latest + 1, path) ? path : r->options.path,
             r->file.error);
    return false;
}

static bool fits(const struct ring_files *r, uint64_t bytes)
{
    return r->file.fd >= 0 && block_file_length(&r->file) + bytes <= r->options.file_bytes;
}

/* Something stands in the open file: another one may have more room. */
static bool has_packets(const struct ring_files *r)
{
    return r->file.fd < 0 || block_file_length(&r->file) > r->head_bytes;
}

bool ring_files_start(struct ring_files *r, uint64_t bytes)
{
    r->lost = false;
    if ((fits(r, bytes) || !has_packets(r)) && r->file.fd >= 0)
        return true;
    if (next_file(r))
        return true;
    r->missed++;
    say_stopped(r);
    return false;
}

bool ring_files_packet(struct ring_files *r, const struct frame *f, uint32_t interface, const char *note)
{
    if (!fits(r, pcapng_packet_bytes(f->len)) && has_packets(r))
        r->lost = r->lost || !block_file_flush(&r->file) || !next_file(r);
    if (r->lost)
        return false;
    r->lost = !pcapng_packet(&r->writer, f, interface, note);
    if (!r->lost)
        block_file_end(&r->file);
    return !r->lost;
}

void ring_files_end(struct ring_files *r, uint32_t interface, int64_t now_ns)
{
    r->lost = r->lost || !pcapng_statistics(&r->writer, interface, 0, now_ns, NULL);
    if (!r->lost)
        block_file_end(&r->file);
}

bool ring_files_finish(struct ring_files *r)
{
    bool good = block_file_flush(&r->file) && !r->lost;
    if (good) {
        say_goes_on(r);
        return true;
    }
    r->missed++;
    say_stopped(r);
    return false;
}
