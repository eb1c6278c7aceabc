/* What fuzz_l2tp and fuzz_pptp share: packets between a few hosts, and a sink that checks the life of conversations. */
#ifndef VS_FUZZ_CALLS_H
#define VS_FUZZ_CALLS_H

#include <stdlib.h>

#include "capture/wire/cursor.h"
#include "dissect/l2tp/l2tp_layer.h"
#include "dissect/pptp/pptp_layer.h"
#include "dissect/ppp/ppp_link.h"
#include "dissect/tcp/tcp_stream.h"

enum { FUZZ_CALLS_BUFFERS = 1 << 18 };

struct fuzz_calls {
    struct secrets *secrets;
    struct tls_context *tls;
    struct event_sink sink;
    struct frame frame;
    uint32_t serial;
    unsigned open;
    uint8_t *copy; /* of the packet's bytes, to be freed after it */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Conversations must be opened before they are used, closed once, never used after, and what is lent must be in its bounds. */
static void fuzz_calls_event(void *ctx, const struct event *e)
{
    struct fuzz_calls *f = ctx;
    if (e->kind == EVENT_OPENED) {
        if (e->conv->user != NULL)
            abort();
        e->conv->user = ctx;
        f->open++;
        return;
    }
    if (e->conv->user != ctx)
        abort();
    volatile uint8_t sum = 0;
    if (e->kind == EVENT_CALL)
        for (size_t i = 0; i < e->u.call->text.len; i++)
            sum = (uint8_t)(sum ^ e->u.call->text.data[i]);
    if (e->kind != EVENT_CLOSED)
        return;
    const struct ppp_call_state *c = e->u.closed.call;
    if (c == NULL || c->text_len > PPP_CALL_TEXT_MAX || c->host[0].len > PPP_CALL_NAME_MAX || f->open-- == 0)
        abort();
    e->conv->user = NULL;
}

static void fuzz_calls_begin(struct fuzz_calls *f)
{
    *f = (struct fuzz_calls){.secrets = secrets_new()};
    f->tls = tls_context_new(f->secrets, FUZZ_CALLS_BUFFERS);
    f->sink = (struct event_sink){fuzz_calls_event, f, &f->serial, NULL};
}

static struct packet fuzz_calls_packet(struct fuzz_calls *f, enum packet_kind kind, unsigned from_server, unsigned which,
                                       uint16_t client_port, uint16_t server_port, struct span bytes, uint8_t missing)
{
    const uint8_t client_ip[4] = {192, 0, 2, (uint8_t)which}, server_ip[4] = {198, 51, 100, 1};
    struct endpoint client = {address_ipv4(client_ip), client_port}, server = {address_ipv4(server_ip), server_port};
    f->copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (f->copy != NULL && bytes.len > 0)
        memcpy(f->copy, bytes.data, bytes.len);
    f->frame.number++;
    return (struct packet){.frame = &f->frame, .kind = kind, .src = from_server ? server : client,
                           .dst = from_server ? client : server, .payload = {f->copy, bytes.len},
                           .payload_wire_len = (uint32_t)bytes.len + missing};
}

static void fuzz_calls_all_closed(const struct fuzz_calls *f)
{
    if (f->open != 0)
        abort();
}

static void fuzz_calls_end(struct fuzz_calls *f)
{
    tls_context_free(f->tls);
    secrets_free(f->secrets);
}

#endif
