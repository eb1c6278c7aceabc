/*
 * From frames to packets and flows. Input: link type (2 bytes, big-endian), then frames: length (2), time step in
 * seconds (1), bytes that the snap length cut (1), the captured bytes.
 */
#include <stdlib.h>

#include "dissect/net/flow.h"
#include "dissect/net/net.h"
#include "capture/wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    struct flow_table *flows;
    uint64_t sum; /* reads every byte that is handed out */
};

static void touch(struct target *t, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        t->sum += s.data[i];
}

static void on_packet(void *ctx, const struct packet *p)
{
    struct target *t = ctx;
    bool from_low, fresh;
    if (p->payload_wire_len < p->payload.len || (p->fragments == 0 && p->payload.len > p->frame->len))
        abort();
    touch(t, p->payload);
    touch(t, p->tcp_options);
    struct flow *f = flow_of(t->flows, p, NULL, &from_low, &fresh);
    if (flow_find(t->flows, &p->dst, &p->src, p->ip_proto, p->tunnel) != f)
        abort();
}

static void on_lost(void *ctx, const struct net_lost_fragments *lost)
{
    touch(ctx, lost->payload);
}

/* Looking at frames before their turn must change nothing. */
static void take_all(struct net *n, struct target *t, const struct frame *frames, size_t count)
{
    const struct packet_ends *ends[NET_AHEAD];
    net_look(n, frames, count, ends);
    for (size_t i = 0; i < count; i++) {
        const struct packet *p = net_take(n, i);
        if (p != NULL)
            on_packet(t, p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frames[NET_AHEAD];
    size_t waiting = 0;
    struct cursor c = cursor_of(span_of(data, size));
    struct target t = {.flows = flow_table_new(16)}, other = {.flows = flow_table_new(16)};
    struct net *n = net_new(&(struct net_handler){on_packet, on_lost, &t, NULL});
    struct net *without = net_new(&(struct net_handler){on_packet, on_lost, &other, NULL});
    struct frame f = {.time_ns = 1};
    if (n == NULL || without == NULL || t.flows == NULL || other.flows == NULL)
        abort();
    uint16_t len;
    uint8_t step, cut;
    struct span bytes;
    if (take_be16(&c, &f.link_type)) {
        while (take_be16(&c, &len) && take_u8(&c, &step) && take_u8(&c, &cut) &&
               take_span(&c, len < c.len ? len : c.len, &bytes)) {
            f.number++;
            f.time_ns += step * INT64_C(1000000000);
            f.bytes = bytes.data;
            f.len = (uint32_t)bytes.len;
            f.wire_len = f.len + cut;
            net_frame(without, &f);
            frames[waiting++] = f;
            if (waiting == NET_AHEAD || cut % 8 == 0) {
                take_all(n, &t, frames, waiting);
                waiting = 0;
            }
        }
        take_all(n, &t, frames, waiting);
    }
    net_finish(n);
    net_finish(without);
    const struct net_counters *counted = net_counters(n);
    if (counted->frames != f.number || counted->packets > f.number)
        abort();
    if (memcmp(counted, net_counters(without), sizeof *counted) != 0 || t.sum != other.sum)
        abort();
    net_free(n);
    net_free(without);
    flow_table_free(t.flows);
    flow_table_free(other.flows);
    return 0;
}
