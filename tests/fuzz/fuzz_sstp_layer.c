/*
 * The SSTP layer: segments of a few connections, with little room. Input: records of
 *   what (1 byte: bits 0-1 the connection, bit 2 the side, bits 3-4: 0 to 2 a segment, 3 time goes by: seconds (1)),
 * a segment: flags (1), seq (4), ack (4), captured length (2), missing of it (1: on the wire so much more), payload.
 * The connections are to ports 443, 80, 8443 and 443 again (IPv6). The master secret of one recorded session is known, so that
 * its records open. Checked: every event belongs to a conversation that was opened and not closed, all are closed at the end.
 */
#include <stdlib.h>

#include "capture/wire/cursor.h"
#include "dissect/sstp/sstp_layer.h"

enum { CONNECTIONS = 4, MEMORY = 1 << 20, LISTED = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bench {
    uint64_t opened, closed, sum;
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    must(e->conv != NULL && e->conv->type == CONVERSATION_SSTP && e->conv->id != 0);
    if (e->kind == EVENT_OPENED) {
        must(e->conv->user == NULL);
        e->conv->user = b;
        b->opened++;
        return;
    }
    must(e->conv->user == b);
    if (e->kind == EVENT_CLOSED) {
        const struct sstp_connection_state *s = e->u.closed.sstp;
        must(s != NULL && s->tcp != NULL && s->record_count <= SSTP_RECORDS_MAX);
        for (unsigned i = 0; i < s->record_count; i++)
            b->sum += s->records[i].length;
        e->conv->user = NULL;
        b->closed++;
    } else if (e->kind == EVENT_SSTP && e->u.sstp->kind == SSTP_TOLD_HTTP) {
        b->sum += e->u.sstp->u.http->target.len + e->u.sstp->u.http->status;
    }
}

static struct endpoint end_of(unsigned connection, bool client)
{
    static const uint16_t ports[CONNECTIONS] = {443, 80, 8443, 443};
    uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = client ? 7 : 1}, v4[4] = {203, 0, 113, client ? 7 : 1};
    return (struct endpoint){.address = connection == 3 ? address_ipv6(v6) : address_ipv4(v4),
                             .port = client ? (uint16_t)(50000 + connection) : ports[connection]};
}

static bool segment(struct cursor *c, unsigned what, struct frame *f, struct sstp_layer *l, struct flow_table *flows)
{
    uint8_t flags, missing;
    uint16_t len;
    struct packet p = {.frame = f, .kind = PACKET_TCP, .ip_proto = IP_PROTO_TCP, .ttl = 64, .tcp_window = 64240};
    if (!take_u8(c, &flags) || !take_be32(c, &p.tcp_seq) || !take_be32(c, &p.tcp_ack) || !take_be16(c, &len) || !take_u8(c, &missing))
        return false;
    if (!take_span(c, len < c->len ? len : c->len, &p.payload))
        return false;
    bool by_client = (what & 4) == 0;
    p.tcp_flags = flags;
    p.payload_wire_len = (uint32_t)p.payload.len + missing;
    p.src = end_of(what & 3, by_client);
    p.dst = end_of(what & 3, !by_client);
    p.ends = packet_ends_of(&p);
    f->number++;
    f->time_ns += 1000000;
    bool from_low, fresh;
    struct flow *flow = flow_of(flows, &p, NULL, &from_low, &fresh);
    sstp_layer_packet(l, &p, flow, from_low);
    return true;
}

static void run(struct cursor c, struct sstp_layer *l, struct flow_table *flows)
{
    struct frame f = {.time_ns = 1};
    uint8_t what, seconds;
    sstp_layer_time(l, f.time_ns);
    while (take_u8(&c, &what)) {
        if ((what >> 3 & 3) != 3) {
            if (!segment(&c, what, &f, l, flows))
                return;
            continue;
        }
        if (!take_u8(&c, &seconds))
            return;
        f.time_ns += seconds * INT64_C(1000000000);
        sstp_layer_time(l, f.time_ns);
    }
    sstp_layer_finish(l, f.time_ns);
}

static void on_drop(void *ctx, struct flow *f)
{
    sstp_layer_drop(ctx, f);
}

static const char key_log[] =
    "CLIENT_RANDOM 13afb244f598629fbff4cc06dc80055bb5db8cb8b6d663361bd83efef7e138dd "
    "8c3a7ef089e680455b3fd4b4bd346c8f2accd8a18d85e9823e330c55ed9fd3f83407e8292d82621aa187ef3d08929fdd\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bench b = {0};
    uint32_t serial = 0;
    char message[SECRETS_MESSAGE];
    struct secrets *secrets = secrets_new();
    must(secrets_add_key_log(secrets, span_of((const uint8_t *)key_log, sizeof key_log - 1), message));
    struct tls_context *tls = tls_context_new(secrets, MEMORY);
    struct flow_table *flows = flow_table_new(16);
    struct sstp_layer *l = sstp_layer_new(&(struct sstp_layer_options){
        .secrets = secrets, .tls = tls, .sink = {on_event, &b, &serial, NULL}, .memory_bytes = MEMORY, .lone_listed = LISTED});
    must(l != NULL && flows != NULL && tls != NULL);
    flow_on_drop(flows, on_drop, l);
    run(cursor_of(span_of(data, size)), l, flows);
    sstp_layer_finish(l, INT64_C(1) << 62);
    must(b.opened == b.closed);
    sstp_layer_free(l);
    flow_table_free(flows);
    tls_context_free(tls);
    secrets_free(secrets);
    return (int)(b.sum & 0);
}
