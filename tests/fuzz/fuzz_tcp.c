/*
 * TCP streams of a few connections with little room, and the facts of each. Input: records of
 *   what (1 byte: bits 0-1 the connection, bit 2 the side, bits 3-5 what to do),
 * then by what is to be done: 0-4 a segment: flags (1), seq (2: low bits, around a base of the connection's), ack (2), captured
 * length (1), more on the wire (1: times 64), payload; 5 skip (2: bytes); 6 done; 7 an ICMP error: length (1), payload.
 * Checked: each direction is told without holes or repetitions, END once and last, nothing held beyond its bounds nor at the
 * end, all connections closed once, counts that add up.
 */
#include "dissect/tcp/tcp_connection.h"
#include "tests/fuzz/fuzz_bytes.h"

enum { CONNECTIONS = 3, ROOM = 2, WAITING = 128 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t next[2];
    bool ended[2], open;
};

struct bench {
    struct tcp_stream_table *table;
    struct told told[CONNECTIONS];
    uint32_t slots[CONNECTIONS], owners[CONNECTIONS], serial;
    struct tcp_connection facts[CONNECTIONS];
    uint64_t sum;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void on_event(void *ctx, const struct tcp_stream_event *e)
{
    struct bench *b = ctx;
    struct told *t = e->user;
    must(t->open);
    for (size_t i = 0; i < e->bytes.len; i++)
        b->sum += e->bytes.data[i];
    if (e->kind == TCP_STREAM_BYTES || e->kind == TCP_STREAM_GAP) {
        /* Skipped bytes are not told, so that offsets leap, but never back. */
        must(e->offset >= t->next[e->side] && e->length > 0 && !t->ended[e->side]);
        must(e->kind == TCP_STREAM_GAP || e->length == e->bytes.len);
        t->next[e->side] = e->offset + e->length;
    } else if (e->kind == TCP_STREAM_END) {
        must(!t->ended[e->side] && e->offset >= t->next[e->side]);
        t->ended[e->side] = true;
    } else if (e->kind == TCP_STREAM_CLOSED) {
        for (unsigned side = 0; side < 2; side++) {
            struct tcp_stream_counts c;
            tcp_stream_get_counts(b->table, e->stream, side, &c);
            must(c.bytes >= t->next[side] && c.skipped_bytes + c.cut_bytes + c.lost_bytes + c.missing_bytes <= c.bytes);
        }
        t->open = false;
    }
    if (e->kind == TCP_STREAM_BYTES && e->bytes.data[0] == 's')
        tcp_stream_skip(e->stream, e->side, e->bytes.data[e->bytes.len - 1] * 16u);
    if (e->kind == TCP_STREAM_BYTES && e->bytes.data[0] == 'd')
        tcp_stream_done(b->table, e->stream, e->bytes.len & 1);
}

/* The connection's streams, opened when they are not. */
static struct tcp_stream *stream_of(struct bench *b, unsigned i)
{
    struct tcp_stream *s = tcp_stream_of(b->table, b->slots[i], b->owners[i]);
    must((s != NULL) == b->told[i].open);
    if (s != NULL)
        return s;
    b->owners[i] = ++b->serial;
    b->told[i] = (struct told){.open = true};
    tcp_connection_begin(&b->facts[i]);
    b->slots[i] = tcp_stream_open(b->table, b->owners[i], &b->told[i]);
    return tcp_stream_of(b->table, b->slots[i], b->owners[i]);
}

static void segment(struct bench *b, unsigned i, unsigned side, struct cursor *c, struct frame *f)
{
    uint8_t flags, captured, more;
    uint16_t seq, ack;
    if (!take_u8(c, &flags) || !take_be16(c, &seq) || !take_be16(c, &ack) || !take_u8(c, &captured) || !take_u8(c, &more))
        return;
    struct piece piece = take_piece(c, captured);
    static const uint32_t bases[2] = {UINT32_MAX - 20000, 1000000};
    struct packet p = {.frame = f, .kind = PACKET_TCP, .ip_proto = IP_PROTO_TCP, .ttl = (uint8_t)(60 + i),
                       .payload = span_of(piece.bytes, piece.len), .payload_wire_len = (uint32_t)piece.len + more * 64u,
                       .tcp_flags = flags, .tcp_seq = bases[side] + seq, .tcp_ack = bases[side ^ 1] + ack};
    if ((flags & TCP_SYN) != 0)
        p.tcp_options = p.payload;
    if (tcp_connection_is_over(&b->facts[i], &p, side))
        tcp_stream_close(b->table, stream_of(b, i));
    struct tcp_stream *s = stream_of(b, i);
    tcp_connection_packet(&b->facts[i], &p, side);
    char text[TCP_LAYOUT_TEXT];
    must(strlen(tcp_syn_layout(text, &b->facts[i].sent[side].syn)) < sizeof text);
    must(tcp_connection_outcome(&b->facts[i]) <= TCP_OUTCOME_NOTHING);
    struct tcp_segment g = tcp_segment_of(&p, side);
    tcp_stream_segment(b->table, s, &g);
    free(piece.bytes);
}

static void icmp(struct bench *b, unsigned i, struct cursor *c, const struct frame *f)
{
    uint8_t len;
    struct span bytes;
    if (!take_u8(c, &len) || !take_span(c, len < c->len ? len : c->len, &bytes))
        return;
    struct packet p = {.frame = f, .kind = PACKET_ICMP, .payload = bytes,
                       .ip_proto = len % 2 == 0 ? IP_PROTO_ICMP : IP_PROTO_ICMPV6};
    struct tcp_icmp error;
    if (tcp_icmp_read(&p, &error))
        tcp_connection_icmp(&b->facts[i], &error, &p.src.address, frame_place(f));
}

static void feed(struct bench *b, struct cursor c)
{
    struct frame f = {.time_ns = INT64_C(1700000000000000000)};
    uint8_t what;
    uint16_t n;
    while (take_u8(&c, &what)) {
        unsigned i = (what & 3u) % CONNECTIONS, side = what >> 2 & 1, act = what >> 3 & 7;
        f.number++;
        f.time_ns += (what & 0x40) != 0 ? INT64_C(300000000) : 1000000;
        if (act == 5 && take_be16(&c, &n))
            tcp_stream_skip(stream_of(b, i), side, n);
        else if (act == 6)
            tcp_stream_done(b->table, stream_of(b, i), side);
        else if (act == 7)
            icmp(b, i, &c, &f);
        else
            segment(b, i, side, &c, &f);
        struct tcp_stream_table_counters counters;
        tcp_stream_table_get_counters(b->table, &counters);
        must(counters.waiting_bytes <= counters.pool_bytes && counters.pool_bytes <= WAITING);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b = {0};
    b.table = tcp_stream_table_new(&(struct tcp_stream_table_options){.connections = ROOM, .waiting_bytes = WAITING,
                                                                      .event = on_event, .ctx = &b});
    must(b.table != NULL);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        tcp_connection_begin(&b.facts[i]);
    feed(&b, cursor_of(span_of(data, size)));
    tcp_stream_table_finish(b.table);
    struct tcp_stream_table_counters counters;
    tcp_stream_table_get_counters(b.table, &counters);
    must(counters.waiting_bytes == 0 && counters.opened == b.serial);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        must(!b.told[i].open);
    tcp_stream_table_free(b.table);
    return 0;
}
