/*
 * robust prefixes STEPS RECORDINGS [N]: every recording, or one in N, cut behind each packet, and by turns behind the next one's
 *     header and at STEPS places at random in it.
 * robust mutations COUNT RECORDINGS [SEED]: COUNT damaged recordings; without SEED the damage is the same in each run.
 * Exit status 1, and what went wrong with which input, when the pipe does not hold.
 */
#include <stdlib.h>

#include "capture/platform.h"
#include "mutate.h"
#include "pipe.h"
#include "random.h"

enum { FILES_MAX = 1024, FILE_MAX = 1 << 18, MORE = 1 << 16, WINDOW_LEAST = 64, WINDOW_MOST = 1 << 16, HINTS_EVERY = 32, EVENTS_EVERY = 3 };
enum { RESIDENT_MAX = 192 << 20 }; /* bytes; a leak of a kilobyte a run is found by thousands of runs */

struct recording {
    char name[256];
    struct span bytes;
};

struct robust {
    struct pipe pipe;
    const char *folder;
    struct recording files[FILES_MAX];
    size_t count;
    struct packets packets;
    uint64_t random, runs;
    bool failed;
};

static bool is_recording(const char *name)
{
    const char *dot = strstr(name, ".pcap");
    return dot != NULL && strchr(dot, '~') == NULL;
}

static void load(void *ctx, const char *name)
{
    struct robust *r = ctx;
    char path[1024], error[PLATFORM_ERROR];
    if (!is_recording(name))
        return;
    if (r->count == FILES_MAX) {
        fprintf(stderr, "robust: there are more than %d recordings\n", FILES_MAX);
        r->failed = true;
        return;
    }
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    FILE *in = platform_open(path, "r", error);
    uint8_t *bytes = malloc(FILE_MAX);
    struct recording *f = &r->files[r->count];
    if (in != NULL && bytes != NULL) {
        f->bytes = span_of(bytes, fread(bytes, 1, FILE_MAX, in));
        snprintf(f->name, sizeof f->name, "%s", name);
        r->count++;
    } else {
        free(bytes);
    }
    if (in != NULL)
        fclose(in);
}

/* In a block of exactly its size, so that a byte too far is seen by the sanitizers. */
static void run(struct robust *r, const struct recording *f, struct span input, uint64_t number)
{
    uint8_t *exact = malloc(input.len > 0 ? input.len : 1);
    struct pipe_run how = {.window = WINDOW_LEAST + random_below(&r->random, WINDOW_MOST),
                           .events = r->runs % EVENTS_EVERY == 0,
                           .hints = r->runs % HINTS_EVERY == 0};
    r->runs++;
    if (exact == NULL)
        return;
    memcpy(exact, input.data, input.len);
    const char *wrong = pipe_capture(&r->pipe, span_of(exact, input.len), &how);
    free(exact);
    if (wrong == NULL)
        return;
    printf("%s, number %llu (%zu bytes, window %zu): %s\n", f->name, (unsigned long long)number, input.len, how.window, wrong);
    r->failed = true;
}

static void prefix(struct robust *r, const struct recording *f, size_t len)
{
    if (len <= f->bytes.len)
        run(r, f, span_of(f->bytes.data, len), len);
}

static void prefixes(struct robust *r, const struct recording *f, uint64_t steps)
{
    prefix(r, f, f->bytes.len);
    if (!packets_split(f->bytes, &r->packets)) {
        for (uint64_t n = 8 * steps; n > 0; n--)
            prefix(r, f, random_below(&r->random, f->bytes.len));
        return;
    }
    size_t at = PACKETS_HEADER;
    prefix(r, f, random_below(&r->random, at));
    for (size_t i = 0; i < r->packets.count; i++) {
        size_t end = at + r->packets.items[i].len;
        prefix(r, f, at);
        if (i % 2 == 0)
            prefix(r, f, at + PACKETS_RECORD);
        for (uint64_t n = i % 2 == 1 ? steps : 0; n > 0; n--)
            prefix(r, f, at + random_below(&r->random, end - at));
        at = end;
    }
}

static void mutation(struct robust *r, uint64_t number, uint64_t seed)
{
    static uint8_t room[FILE_MAX + MORE];
    r->random = seed + number; /* each can be repeated without those before it */
    const struct recording *f = &r->files[random_below(&r->random, r->count)];
    if (!packets_split(f->bytes, &r->packets))
        r->packets.count = 0;
    size_t len = mutate(f->bytes, &r->packets, &r->random, room, sizeof room);
    run(r, f, span_of(room, len), number);
}

/* The sanitizers keep freed memory; they find leaks by themselves. */
static bool memory_is_bounded(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#else
    return platform_peak_memory() <= RESIDENT_MAX;
#endif
}

static bool usage(void)
{
    fprintf(stderr, "usage: robust prefixes STEPS RECORDINGS [N] | robust mutations COUNT RECORDINGS [SEED]\n");
    return false;
}

static bool perform(struct robust *r, int argc, char **argv)
{
    char error[PLATFORM_ERROR];
    uint64_t amount = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, last = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    bool cut = argc > 1 && strcmp(argv[1], "prefixes") == 0;
    if (argc < 4 || (!cut && strcmp(argv[1], "mutations") != 0))
        return usage();
    r->folder = argv[3];
    r->random = last;
    if (!platform_list(r->folder, load, r, error) || r->count == 0 || !pipe_begin(&r->pipe, r->folder))
        return false;
    for (size_t i = 0; cut && i < r->count; i += last > 0 ? last : 1)
        prefixes(r, &r->files[i], amount);
    for (uint64_t n = 0; !cut && n < amount; n++)
        mutation(r, n, last);
    printf("%zu recordings, %llu runs, peak memory %llu KiB\n", r->count, (unsigned long long)r->runs,
           (unsigned long long)(platform_peak_memory() >> 10));
    return !r->failed && memory_is_bounded();
}

int main(int argc, char **argv)
{
    static struct robust r;
    bool good = perform(&r, argc, argv);
    pipe_end(&r.pipe);
    for (size_t i = 0; i < r.count; i++)
        free((void *)(uintptr_t)r.files[i].bytes.data);
    return good ? 0 : 1;
}
