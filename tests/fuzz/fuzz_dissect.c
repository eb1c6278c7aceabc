/*
 * The whole of dissection, frames in and events out, with the smallest budget. Input: link type (2 bytes, big-endian), then
 * frames: length (2), time step in seconds (1, signed), bytes that the snap length cut (1), the captured bytes.
 */
#include "dissect/dissect.h"
#include "tests/fuzz/fuzz_bytes.h"
#include "tests/fuzz/fuzz_conversations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, const struct event *e)
{
    conversations_check(ctx, e);
}

static void feed(struct dissector *d, struct cursor c, struct frame *f)
{
    uint16_t len;
    uint8_t step, cut;
    while (take_be16(&c, &len) && take_u8(&c, &step) && take_u8(&c, &cut)) {
        struct piece piece = take_piece(&c, len);
        f->number++;
        f->time_ns += (step < 128 ? step : step - 256) * INT64_C(1000000000) + 1000000;
        f->bytes = piece.bytes;
        f->len = (uint32_t)piece.len;
        f->wire_len = f->len + cut;
        dissect_frames(d, f, 1);
        free(piece.bytes);
    }
}

/* What is counted adds up. */
static void check_counts(struct dissector *d, const struct conversations *t)
{
    struct dissect_counters counters;
    const struct protocol_count *rows;
    uint64_t packets = 0;
    dissect_get_counters(d, &counters);
    size_t count = dissect_protocols(d, &rows);
    for (size_t i = 0; i < count; i++) {
        packets += rows[i].packets;
        if (rows[i].flows > counters.flows || (i > 0 && rows[i].bytes > rows[i - 1].bytes))
            abort();
    }
    if (packets != counters.net.packets || counters.conversations != t->opened || t->opened != t->closed ||
        counters.one_sided_flows > counters.judged_flows || counters.one_sided_radius > counters.judged_radius)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(span_of(data, size));
    struct conversations t = {0};
    struct frame f = {.time_ns = INT64_C(1700000000000000000)};
    struct dissector *d = dissect_new(&(struct dissect_options){.on_event = on_event, .ctx = &t, .without_hints = true});
    if (d == NULL)
        abort();
    if (take_be16(&c, &f.link_type))
        feed(d, c, &f);
    dissect_finish(d);
    check_counts(d, &t);
    dissect_free(d);
    return 0;
}
