/* An SSTP layer alone, fed with TCP segments: for test_sstp_layer.c and test_sstp_knock.c. */
#ifndef VS_TEST_SSTP_WIRE_H
#define VS_TEST_SSTP_WIRE_H

#include "bytes_by_hand.h"

#include "dissect/crypto/secrets.h"
#include "dissect/sstp/sstp_layer.h"
#include "dissect/tcp/tcp_stream.h"
#include "dissect/tls/tls.h"

#define SECOND INT64_C(1000000000)

struct sstp_wire {
    struct secrets *secrets;
    struct tls_context *tls;
    struct sstp_layer *layer;
    struct flow_table *flows;
    struct frame frame; /* the last one */
    uint32_t serial;
};

/* lone_listed: sstp_layer_options has it. */
static inline void wire_open(struct sstp_wire *w, void (*on_event)(void *ctx, const struct event *e), void *ctx, uint64_t memory,
                             uint32_t lone_listed)
{
    w->secrets = secrets_new();
    w->tls = tls_context_new(w->secrets, memory);
    w->flows = flow_table_new(16384);
    w->layer = sstp_layer_new(&(struct sstp_layer_options){.secrets = w->secrets, .tls = w->tls,
                                                           .sink = {on_event, ctx, &w->serial, NULL},
                                                           .memory_bytes = memory, .lone_listed = lone_listed});
    assert_non_null(w->layer);
}

static inline void wire_close(struct sstp_wire *w)
{
    sstp_layer_free(w->layer);
    flow_table_free(w->flows);
    tls_context_free(w->tls);
    secrets_free(w->secrets);
}

static inline struct endpoint client_of(uint16_t port)
{
    return (struct endpoint){address_ipv4((const uint8_t[]){203, 0, 113, 7}), port};
}

/* From the client's port to 203.0.113.1:443, or back; the caller adds what it is about. */
static inline struct packet wire_packet(const struct sstp_wire *w, uint16_t port, bool by_client, uint8_t flags, uint32_t seq,
                                        struct span payload)
{
    struct endpoint client = client_of(port), server = {address_ipv4((const uint8_t[]){203, 0, 113, 1}), 443};
    return (struct packet){.frame = &w->frame, .kind = PACKET_TCP, .ip_proto = IP_PROTO_TCP, .ttl = 64, .tcp_flags = flags,
                           .tcp_seq = seq, .payload = payload, .payload_wire_len = (uint32_t)payload.len,
                           .src = by_client ? client : server, .dst = by_client ? server : client};
}

/* A millisecond later it is there. */
static inline void wire_send(struct sstp_wire *w, struct packet *p)
{
    bool from_low, fresh;
    p->ends = packet_ends_of(p);
    w->frame.number++;
    w->frame.time_ns += SECOND / 1000;
    struct flow *f = flow_of(w->flows, p, NULL, &from_low, &fresh);
    sstp_layer_packet(w->layer, p, f, from_low);
}

#endif
