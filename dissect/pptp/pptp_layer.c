/* PPTP's packets: segments to their control connections, GRE to its calls. */
#include "dissect/pptp/pptp_state.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { ROOM_LEAST = 16 };

/* What is told of the connection goes with its conversation. */
static void on_gone(void *ctx, struct ppp_call *call)
{
    struct pptp_layer *l = ctx;
    struct pptp_control *c = control_of_carrier(l, call->carrier);
    if (c == NULL || c->call != call)
        return;
    c->call = NULL;
    c->pending = false;
}

static uint64_t hash_of_flow(uint32_t flow)
{
    return hash_mix(flow, 1);
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    const struct pptp_layer *l = owner;
    return hash_of_flow(l->controls[item].flow);
}

static void release(struct pptp_layer *l, struct pptp_control *c)
{
    uint32_t item = (uint32_t)(c - l->controls);
    index_remove(&l->index, hash_of_flow(c->flow), item);
    c->used = false;
    c->next_free = l->free;
    l->free = item;
    l->count--;
}

static enum direction dir_of(enum tcp_side side)
{
    return side == TCP_CLIENT ? TO_SERVER : TO_CLIENT;
}

static void on_stream(void *ctx, const struct tcp_stream_event *e)
{
    struct pptp_control *c = e->user;
    switch (e->kind) {
    case TCP_STREAM_BYTES:
        pptp_control_bytes(c, dir_of(e->side), e->bytes, &e->place);
        break;
    case TCP_STREAM_GAP:
        pptp_control_gap(c, dir_of(e->side));
        break;
    case TCP_STREAM_END:
        pptp_control_hung_up(c, dir_of(e->side), &e->place);
        break;
    case TCP_STREAM_CLOSED:
        release(ctx, c);
        break;
    case TCP_STREAM_DIFFERS:
    case TCP_STREAM_BEFORE_START:
        break;
    }
}

struct pptp_layer *pptp_layer_new(const struct pptp_layer_options *options)
{
    struct pptp_layer *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->room = options->calls < ROOM_LEAST ? ROOM_LEAST : options->calls;
    l->calls = ppp_calls_new(&(struct ppp_calls_options){.type = CONVERSATION_PPTP, .tls = options->tls, .sink = options->sink,
                                                         .room = l->room, .gone = on_gone, .ctx = l});
    l->streams = tcp_stream_table_new(&(struct tcp_stream_table_options){
        .connections = l->room, .waiting_bytes = (size_t)options->waiting_bytes, .event = on_stream, .ctx = l});
    l->controls = calloc((size_t)l->room + 2, sizeof *l->controls);
    bool indexed = index_init(&l->index, l->room + 1);
    if (indexed && l->calls != NULL && l->streams != NULL && l->controls != NULL)
        return l;
    pptp_layer_free(l);
    return NULL;
}

void pptp_layer_free(struct pptp_layer *l)
{
    if (l == NULL)
        return;
    ppp_calls_free(l->calls);
    tcp_stream_table_free(l->streams);
    index_free(&l->index);
    free(l->controls);
    free(l);
}

void pptp_layer_get_counters(const struct pptp_layer *l, struct pptp_layer_counters *out)
{
    struct ppp_calls_counters calls;
    ppp_calls_get_counters(l->calls, &calls);
    *out = (struct pptp_layer_counters){calls.opened, calls.evicted, l->malformed};
}

uint64_t pptp_layer_bytes(const struct pptp_layer *l)
{
    struct tcp_stream_table_counters streams;
    tcp_stream_table_get_counters(l->streams, &streams);
    return ppp_calls_bytes(l->calls) + l->count * sizeof(struct pptp_control) + streams.pool_bytes;
}

uint64_t pptp_layer_call_bytes(void)
{
    enum { STREAM = 512 };
    return ppp_calls_call_bytes() + sizeof(struct pptp_control) + STREAM;
}

static struct pptp_control *control_find(const struct pptp_layer *l, uint32_t flow)
{
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&l->index, hash_of_flow(flow), &probe)) != 0;)
        if (l->controls[item].flow == flow)
            return &l->controls[item];
    return NULL;
}

static bool from_client(const struct packet *p)
{
    return p->dst.port == PORT_PPTP && p->src.port != PORT_PPTP;
}

static struct pptp_control *control_add(struct pptp_layer *l, const struct packet *p, uint32_t flow)
{
    uint32_t item = l->free != 0 ? l->free : ++l->used, victim;
    struct pptp_control *c = &l->controls[item];
    if (l->free == item)
        l->free = c->next_free;
    bool forth = from_client(p);
    *c = (struct pptp_control){.layer = l, .client = forth ? p->src : p->dst, .server = forth ? p->dst : p->src,
                               .outer = p->tunnel, .flow = flow, .serial = ++l->serial, .used = true};
    l->count++;
    index_make_room(&l->index, hash_of_item, l);
    while ((victim = index_put(&l->index, hash_of_flow(flow), item)) != 0) {
        struct pptp_control *other = &l->controls[victim];
        tcp_stream_close(l->streams, tcp_stream_of(l->streams, other->slot, other->flow));
    }
    c->slot = tcp_stream_open(l->streams, flow, c);
    return c;
}

static void note_beginning(struct pptp_control *c, const struct packet *p)
{
    unsigned side = from_client(p) ? TO_SERVER : TO_CLIENT;
    if (c->began[side] || p->payload_wire_len == 0)
        return;
    c->began[side] = true;
    c->began_seq[side] = p->tcp_seq;
}

/* A SYN between the same ports that is not this connection's own, captured late. */
static bool begins_anew(const struct pptp_control *c, const struct packet *p)
{
    unsigned side = from_client(p) ? TO_SERVER : TO_CLIENT;
    return (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && !(c->began[side] && c->began_seq[side] == p->tcp_seq + 1);
}

void pptp_layer_packet(struct pptp_layer *l, const struct packet *p, uint32_t flow)
{
    struct pptp_control *c = control_find(l, flow);
    ppp_calls_at(l->calls, p->frame);
    if (c != NULL && begins_anew(c, p)) {
        tcp_stream_close(l->streams, tcp_stream_of(l->streams, c->slot, flow));
        return; /* the next one is made with its first octets */
    }
    if (c == NULL && p->payload.len == 0)
        return;
    if (c == NULL)
        c = control_add(l, p, flow);
    note_beginning(c, p);
    struct tcp_segment g = {.payload = p->payload, .wire_len = p->payload_wire_len, .seq = p->tcp_seq, .ack = p->tcp_ack,
                            .flags = p->tcp_flags, .side = from_client(p) ? TCP_CLIENT : TCP_SERVER,
                            .place = frame_place(p->frame)};
    struct tcp_stream *s = tcp_stream_of(l->streams, c->slot, flow);
    if (s == NULL)
        return;
    tcp_stream_segment(l->streams, s, &g);
    if ((p->tcp_flags & TCP_RST) == 0)
        return;
    pptp_control_hung_up(c, dir_of(g.side), &g.place);
    tcp_stream_close(l->streams, s);
}

/* RFC 2637 section 4.4: each frame has the next number; some begin with 0, some with 1. Late ones were counted as missing. */
static void note_sequence(struct ppp_call_state *s, enum direction dir, uint32_t sequence)
{
    uint32_t ahead = sequence - s->next_sequence[dir];
    bool first = s->next_sequence[dir] == 0;
    if (ahead < UINT32_MAX / 2) {
        s->missing[dir] += first && ahead > 0 ? ahead - 1 : ahead;
        s->next_sequence[dir] = sequence + 1;
    } else if (s->missing[dir] > 0) {
        s->missing[dir]--;
    }
}

bool pptp_layer_gre(struct pptp_layer *l, const struct packet *p)
{
    struct pptp_gre gre;
    if (!pptp_gre_parse(p->payload, p->payload_wire_len, &gre))
        return false;
    struct place place = frame_place(p->frame);
    struct ppp_call_key key = {{.address = p->dst.address}, p->src.address, p->tunnel, 0, gre.call};
    struct endpoint sender = {.address = p->src.address};
    enum direction dir;
    l->malformed += gre.malformed;
    ppp_calls_at(l->calls, p->frame);
    if (gre.payload.len > 0) {
        struct ppp_call *call = ppp_calls_of_frame(l->calls, &key, &sender, false, false, gre.payload, &place, &dir);
        if (call != NULL && gre.has_sequence)
            note_sequence(&call->state, dir, gre.sequence);
        if (call != NULL)
            ppp_call_frame(call, dir, gre.payload, gre.payload_wire_len, &place);
    } else if (!gre.malformed) {
        struct ppp_call *call = ppp_calls_find(l->calls, &key, &dir);
        if (call != NULL)
            ppp_call_bare(call, dir, &place);
    }
    return true;
}

void pptp_layer_time(struct pptp_layer *l, int64_t now_ns)
{
    ppp_calls_time(l->calls, now_ns);
}

void pptp_layer_finish(struct pptp_layer *l)
{
    tcp_stream_table_finish(l->streams);
    ppp_calls_finish(l->calls);
}
