/* What fuzz_l2tp and fuzz_pptp share: packets between a few hosts, and a sink that checks the life of conversations. */
#ifndef VS_FUZZ_CALLS_H
#define VS_FUZZ_CALLS_H

#include "dissect/l2tp/l2tp_layer.h"
#include "dissect/pptp/pptp_layer.h"
#include "dissect/ppp/ppp_link.h"
#include "dissect/tcp/tcp_stream.h"
#include "tests/fuzz/fuzz_bytes.h"
#include "tests/fuzz/fuzz_conversations.h"

enum { FUZZ_CALLS_BUFFERS = 1 << 18 };

struct fuzz_calls {
    struct tls_context *tls;
    struct event_sink sink;
    struct frame frame;
    uint32_t serial;
    struct conversations conversations;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is lent must be in its bounds, too. */
static void fuzz_calls_event(void *ctx, const struct event *e)
{
    struct fuzz_calls *f = ctx;
    conversations_check(&f->conversations, e);
    if (e->kind == EVENT_CALL)
        touch(e->u.call->text);
    if (e->kind != EVENT_CLOSED)
        return;
    const struct ppp_call_state *c = e->u.closed.call;
    if (c == NULL || c->text_len > PPP_CALL_TEXT_MAX || c->host[0].len > PPP_CALL_NAME_MAX)
        abort();
}

static void fuzz_calls_begin(struct fuzz_calls *f)
{
    *f = (struct fuzz_calls){.tls = tls_context_new(NULL, FUZZ_CALLS_BUFFERS)};
    f->sink = (struct event_sink){fuzz_calls_event, f, &f->serial, NULL};
}

static struct packet fuzz_calls_packet(struct fuzz_calls *f, enum packet_kind kind, unsigned from_server, unsigned which,
                                       uint16_t client_port, uint16_t server_port, const struct piece *piece, uint8_t missing)
{
    const uint8_t client_ip[4] = {192, 0, 2, (uint8_t)which}, server_ip[4] = {198, 51, 100, 1};
    struct endpoint client = {address_ipv4(client_ip), client_port}, server = {address_ipv4(server_ip), server_port};
    f->frame.number++;
    return (struct packet){.frame = &f->frame, .kind = kind, .src = from_server ? server : client,
                           .dst = from_server ? client : server, .payload = {piece->bytes, piece->len},
                           .payload_wire_len = (uint32_t)piece->len + missing};
}

static void fuzz_calls_all_closed(const struct fuzz_calls *f)
{
    if (f->conversations.opened != f->conversations.closed)
        abort();
}

#endif
