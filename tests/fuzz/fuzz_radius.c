/*
 * RADIUS from datagrams to events, with the tables as small as they get. Input: a byte of options (1: a secret for all),
 * then datagrams: who (1: bits 0-1 the sender's port, bit 2 the server's address, bit 3 from the server, bit 4 the peer was
 * not seen, bit 5 ICMP, bit 6 ICMPv6), time step in seconds (1, signed), bytes that the snap length cut (1), length (2),
 * the captured bytes.
 */
#include "dissect/radius/radius_layer.h"
#include "tests/fuzz/fuzz_bytes.h"
#include "tests/fuzz/fuzz_conversations.h"
#include "tests/fuzz/radius_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch_packet(const struct radius_packet *p)
{
    uint8_t joined[RADIUS_PACKET_MAX];
    const struct span spans[] = {p->authenticator, p->attributes, p->state,
                                 radius_untagged(p, RADIUS_TUNNEL_CLIENT_ENDPOINT), radius_eap_join(p, joined)};
    touch_all(spans, sizeof spans / sizeof *spans);
    for (unsigned field = 0; field < RADIUS_FIELDS; field++)
        touch(radius_span(p, (enum radius_field)field));
    (void)radius_tunnel_type(p);
    if (p->malformed && p->reason == NULL)
        abort();
}

/* What is passed over because it is known reads the same: what was in the packet before, and in this one. */
static void check_again(struct span bytes, uint32_t wire_len, struct radius_stretch *known)
{
    struct radius_packet once, again;
    if (!radius_parse(bytes, wire_len, &once))
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (!radius_parse_again(bytes, wire_len, known, &again) || !radius_same(&once, &again))
            abort();
        radius_stretch_of(&once, known);
    }
}

static void on_event(void *ctx, const struct event *e)
{
    conversations_check(ctx, e);
    if (e->kind != EVENT_RADIUS)
        return;
    const struct radius_event *r = e->u.radius;
    if ((r->role == RADIUS_UNANSWERED) != (r->packet == NULL) || r->elapsed_ns < 0)
        abort();
    if (r->packet != NULL)
        touch_packet(r->packet);
}

static struct endpoint client_of(uint8_t who)
{
    return (struct endpoint){address_ipv4((const uint8_t[]){10, 0, 0, 1}), (uint16_t)(50000 + (who & 3))};
}

static struct endpoint server_of(uint8_t who)
{
    return (struct endpoint){address_ipv4((const uint8_t[]){10, 0, 1, (who & 4) != 0 ? 2 : 1}), 1812};
}

static void feed(struct radius_layer *r, uint8_t who, const struct frame *frame, struct span bytes, uint8_t cut)
{
    bool from_server = (who & 8) != 0, icmp = (who & 0x60) != 0;
    struct packet p = {.frame = frame, .kind = icmp ? PACKET_ICMP : PACKET_UDP, .payload = bytes,
                       .payload_wire_len = (uint32_t)bytes.len + cut,
                       .ip_proto = !icmp ? IP_PROTO_UDP : (who & 0x40) != 0 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP};
    p.src = from_server ? server_of(who) : client_of(who);
    p.dst = from_server ? client_of(who) : server_of(who);
    if ((who & 3) != 3) /* of one client without the short way to its requests */
        p.ends = packet_ends_of(&p);
    radius_layer_time(r, frame->time_ns);
    if (icmp) {
        radius_layer_icmp(r, &p);
        return;
    }
    radius_layer_expects(r, &p);
    if (radius_recognise_strictly(bytes, p.payload_wire_len) && !radius_recognise(bytes, p.payload_wire_len))
        abort();
    radius_layer_packet(r, &p, (who & 16) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(span_of(data, size));
    struct conversations t = {0};
    uint32_t serial = 0;
    uint8_t options, who, step, cut;
    uint16_t len;
    struct radius_stretch known = {.len = 0};
    struct frame frame = {.time_ns = INT64_C(1700000000000000000)};
    struct secrets *secrets = secrets_new();
    struct tls_context *tls = tls_context_new(secrets, 1 << 20);
    struct radius_layer *r = radius_layer_new(
        &(struct radius_layer_options){.secrets = secrets, .tls = tls, .sink = {on_event, &t, &serial, NULL}});
    if (r == NULL)
        abort();
    if (take_u8(&c, &options) && (options & 1) != 0 &&
        !secrets_add_radius(secrets, &(struct address){0}, 0, span_of("testing123", 10)))
        abort();
    while (take_u8(&c, &who) && take_u8(&c, &step) && take_u8(&c, &cut) && take_be16(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        frame.number++;
        frame.time_ns += (step < 128 ? step : step - 256) * INT64_C(1000000000);
        check_again(span_of(piece.bytes, piece.len), (uint32_t)piece.len + cut, &known);
        feed(r, who, &frame, span_of(piece.bytes, piece.len), cut);
        free(piece.bytes);
    }
    radius_layer_finish(r, frame.time_ns);
    if (t.opened != t.closed || t.opened != serial)
        abort();
    radius_layer_free(r);
    tls_context_free(tls);
    secrets_free(secrets);
    return 0;
}
