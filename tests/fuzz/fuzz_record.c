/*
 * A capture file in memory whose packets are held and, when their conversation ends, written: what is written is read back, as
 * many packets as were put. With the least memory, so that others make way.
 */
#include <stdlib.h>

#include "analyze/record/ties.h"
#include "capture/pcapng_writer.h"
#include "capture/source_memory.h"
#include "dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 20 };

struct record {
    struct hold *hold;
    struct pcapng_writer writer;
    uint8_t *bytes;
    size_t len, packets;
};

static bool put(void *ctx, struct span bytes)
{
    struct record *r = ctx;
    if (bytes.len > ROOM - r->len)
        return false;
    memcpy(r->bytes + r->len, bytes.data, bytes.len);
    r->len += bytes.len;
    return true;
}

static bool write_packet(void *ctx, const struct frame *f)
{
    struct record *r = ctx;
    size_t before = r->len;
    if (pcapng_packet(&r->writer, f, 0, "held")) {
        r->packets++;
        return true;
    }
    r->len = before; /* no room for more */
    return false;
}

static void on_frame(void *ctx, const struct frame *f, const struct frame_ties *ties)
{
    struct record *r = ctx;
    struct hold_key to = ties_strand(r->hold, ties);
    if (f == NULL || to.kind == HOLD_NOTHING)
        return;
    (void)hold_add(r->hold, to, f, ties->bulk);
    if (to.kind == HOLD_DATAGRAM)
        hold_ends(r->hold, to, &(struct hold_ends){ties->src, ties->dst, f->time_ns, ties->ip_proto});
}

static void on_event(void *ctx, const struct event *e)
{
    struct record *r = ctx;
    if (e->kind == EVENT_OPENED)
        ties_opened(r->hold, e);
    if (e->kind != EVENT_CLOSED)
        return;
    ties_rest(r->hold, e->conv->id);
    hold_join_datagrams(r->hold, ties_conversation(e->conv->id));
    hold_each(r->hold, ties_conversation(e->conv->id), write_packet, r);
    ties_forget(r->hold, e->conv->id);
}

static void check_written(const struct record *r)
{
    char error[SOURCE_ERROR];
    struct frame frames[SOURCE_BATCH];
    size_t packets = 0;
    struct source *s = source_open_memory(span_of(r->bytes, r->len), 4096, &(struct source_options){0}, error);
    if (s == NULL)
        abort();
    for (size_t n; (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        packets += n;
    if (packets != r->packets || source_info(s)->damage != NULL)
        abort();
    source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SOURCE_ERROR];
    struct frame frames[SOURCE_BATCH];
    struct record r = {.hold = hold_new(0), .bytes = malloc(ROOM)};
    struct source *s = source_open_memory(span_of(data, size), 4096, &(struct source_options){0}, error);
    struct dissector *d = dissect_new(&(struct dissect_options){
        .on_event = on_event, .ctx = &r, .on_frame = on_frame, .frame_ctx = &r, .without_hints = true});
    r.writer = (struct pcapng_writer){.put = put, .ctx = &r};
    if (r.hold == NULL || r.bytes == NULL || d == NULL || !pcapng_begin(&r.writer, NULL) ||
        !pcapng_interface(&r.writer, &(struct source_interface){.link_type = LINKTYPE_ETHERNET}))
        abort();
    for (size_t n; s != NULL && (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        dissect_frames(d, frames, n);
    dissect_finish(d);
    dissect_free(d);
    check_written(&r);
    const struct hold_counters *c = hold_counters(r.hold);
    if (c->bytes > c->packets * SOURCE_MAX_SNAPLEN || c->bytes > 64 << 10)
        abort();
    source_close(s);
    hold_free(r.hold);
    free(r.bytes);
    return 0;
}
