/* The whole reader: stream, decompression, pcap_file.c, pcapng_file.c, filter. Same frames for every window size. And what looks
 * ahead in a file that is not copied. */
#include <stdlib.h>

#include "capture/ahead.h"
#include "capture/source_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    bool opened, damaged, compressed;
    uint64_t frames, sum;
};

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Touches every byte, so that a lent byte that is not there is noticed. */
static uint64_t sum_bytes(const uint8_t *bytes, size_t len, uint64_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + bytes[i];
    return sum;
}

static void check_frame(const struct source_info *info, const struct frame *f, uint64_t before)
{
    expect(f->number > before);
    expect(f->len <= f->wire_len);
    expect(f->len <= SOURCE_MAX_SNAPLEN);
    expect(f->interface < info->interface_count);
    expect(f->capture == 3);
}

static void check_info(const struct source_info *info)
{
    expect(info->first_ns <= info->last_ns);
    expect(info->filtered <= info->packets);
    for (size_t i = 0; i < info->interface_count; i++) {
        const struct source_interface *face = &info->interfaces[i];
        (void)(face->name != NULL ? strlen(face->name) : 0);
        (void)(face->description != NULL ? strlen(face->description) : 0);
        expect(face->has_drops || face->drops == 0);
    }
    if (info->damage != NULL)
        expect(strchr(info->damage, '\n') == NULL && info->damage[0] != '\0');
}

static void see_secrets(void *ctx, uint32_t type, struct span secrets)
{
    uint64_t *sum = ctx;
    *sum = sum_bytes(secrets.data, secrets.len, *sum + type);
}

static struct outcome read_all(struct span bytes, size_t buffer, size_t batch, const char *filter)
{
    struct outcome o = {0};
    uint64_t secrets = 0, number = 0;
    struct source_options options = {.capture = 3, .filter = filter, .secrets = see_secrets, .secrets_ctx = &secrets};
    char error[SOURCE_ERROR] = "";
    struct source *s = source_open_memory(bytes, buffer, &options, error);
    if (s == NULL) {
        expect(error[0] != '\0' && strchr(error, '\n') == NULL);
        return o;
    }
    o.opened = true;
    int64_t first;
    (void)source_first_time(s, &first);
    struct frame frames[SOURCE_BATCH];
    for (size_t n; (n = source_next(s, frames, batch)) > 0;) {
        for (size_t i = 0; i < n; number = frames[i].number, i++) {
            check_frame(source_info(s), &frames[i], number);
            o.sum = sum_bytes(frames[i].bytes, frames[i].len, o.sum + (uint64_t)frames[i].time_ns + frames[i].flags);
            o.sum = sum_bytes(frames[i].comment.data, frames[i].comment.len, o.sum);
        }
        o.frames += n;
    }
    check_info(source_info(s));
    o.damaged = source_info(s)->damage != NULL;
    o.compressed = source_info(s)->compression != NULL;
    o.sum += secrets;
    source_close(s);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SMALL = 64, USUAL = 1 << 16 };
    struct outcome small = read_all(span_of(data, size), SMALL, 3, NULL);
    struct outcome usual = read_all(span_of(data, size), USUAL, SOURCE_BATCH, NULL);
    /* How much of damaged compressed data comes out depends on the room that the library was given. */
    bool comparable = !((small.compressed && small.damaged) || (usual.compressed && usual.damaged));
    expect(small.opened == usual.opened || !comparable);
    if (comparable)
        expect(small.damaged == usual.damaged && small.frames == usual.frames && small.sum == usual.sum);
    struct ahead_places *places = malloc(sizeof *places);
    expect(places != NULL);
    ahead_records(span_of(data, size), RECORDS_PCAP, places);
    ahead_records(span_of(data, size), RECORDS_PCAPNG, places);
    free(places);
    (void)read_all(span_of(data, size), USUAL, SOURCE_BATCH, "udp port 1812 or ether proto 0x888e");
    return 0;
}
