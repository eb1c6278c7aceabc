/*
 * IKE associations, from datagrams to events, with room for few, and with keys. Input: records of ends (1 byte: source in
 * bits 0-2, destination in bits 3-5), kind (1: 0 UDP, 1 bare ESP, 2 ICMP in bits 0-1; bit 7: see below), time step in
 * seconds (1, signed), bytes that the snap length cut (1), length (2, big-endian), payload. With bit 7 the message's length
 * is put right and it is sealed with the key that the layer has (NULL encryption, HMAC-SHA1-96), so that what is inside is
 * reached as well. Checked: conversations open and close once, state stays within its bounds and is given back.
 */
#include <stdio.h>

#include "dissect/crypto/digest.h"
#include "dissect/ike/ike_keys.h"
#include "dissect/ike/ike_layer.h"
#include "tests/fuzz/fuzz_bytes.h"
#include "tests/fuzz/fuzz_conversations.h"

enum { ROOM = 16, BUFFER_BYTES = 32768, LONE_LISTED = 2, LONE_BYTES = 65536, KEY_BYTES = 20, ICV_BYTES = 12, KEY = 0x11 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, const struct event *e)
{
    conversations_check(ctx, e);
    if (e->kind == EVENT_IKE && (e->u.ike->message == NULL) != (e->u.ike->kind == IKE_EVENT_UNREACHABLE))
        abort();
}

/* Keys that are 20 times the same byte, for the SPIs a1 .. a8 and b1 .. b8, and for those of a rekeyed SA: all 1, all 2. */
static void add_keys(struct secrets *s)
{
    static const char *const spis[] = {"a1a2a3a4a5a6a7a8,b1b2b3b4b5b6b7b8", "0101010101010101,0202020202020202"};
    char line[256], message[SECRETS_MESSAGE];
    for (unsigned i = 0; i < 2; i++) {
        int n = snprintf(line, sizeof line, "%s,,,\"NULL [RFC2410]\",%.40s,%.40s,\"HMAC_SHA1_96 [RFC2404]\"\n", spis[i],
                         "1111111111111111111111111111111111111111", "1111111111111111111111111111111111111111");
        if (!secrets_add_ike_keys(s, span_of(line, (size_t)n), message))
            abort();
    }
}

static struct endpoint end_of(unsigned which)
{
    static const uint16_t ports[8] = {500, 4500, 40000, 500, 4500, 500, 4500, 1812};
    uint8_t bytes[16] = {10, 0, 0, (uint8_t)(which < 3 ? 1 : which < 5 ? 2 : 3)};
    return which == 7 ? (struct endpoint){address_ipv6(bytes), ports[which]}
                      : (struct endpoint){address_ipv4(bytes), ports[which]};
}

static void seal(struct digests *d, uint8_t *bytes, size_t len, bool marker)
{
    uint8_t key[KEY_BYTES], mac[DIGEST_MAX];
    size_t at = marker ? 4 : 0;
    if (len < at + IKE_HEADER + ICV_BYTES)
        return;
    for (unsigned i = 0; i < 4; i++)
        bytes[at + 24 + i] = (uint8_t)((len - at) >> (24 - 8 * i));
    memset(key, KEY, sizeof key);
    struct span part = span_of(bytes + at, len - at - ICV_BYTES);
    if (!hmac_compute(d, DIGEST_SHA1, span_of(key, sizeof key), &part, 1, mac))
        abort();
    memcpy(bytes + len - ICV_BYTES, mac, ICV_BYTES);
}

static void feed_packet(struct ike_layer *l, struct packet *p, unsigned kind, struct flow_table *flows)
{
    if (kind == 1) {
        p->kind = PACKET_IP;
        p->ip_proto = IP_PROTO_ESP;
        p->src.port = p->dst.port = 0;
        ike_layer_esp(l, p);
    } else if (kind == 2) {
        p->kind = PACKET_ICMP;
        p->ip_proto = p->src.address.family == FAMILY_IPV6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
        p->src.port = p->dst.port = 0;
        ike_layer_icmp(l, p);
    } else {
        p->kind = PACKET_UDP;
        p->ip_proto = IP_PROTO_UDP;
        bool from_low, fresh;
        struct flow *f = flow_of(flows, p, NULL, &from_low, &fresh);
        ike_layer_packet(l, p, f, from_low);
    }
}

static void feed(struct ike_layer *l, struct digests *d, struct cursor c)
{
    struct frame f = {.time_ns = INT64_C(1700000000000000000)};
    struct flow_table *flows = flow_table_new(16); /* fewer than there are pairs of ends */
    if (flows == NULL)
        abort();
    uint8_t ends, kind, step, cut;
    uint16_t len;
    while (take_u8(&c, &ends) && take_u8(&c, &kind) && take_u8(&c, &step) && take_u8(&c, &cut) && take_be16(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        struct packet p = {.frame = &f, .src = end_of(ends & 7), .dst = end_of(ends >> 3 & 7), .ttl = 64,
                           .payload = span_of(piece.bytes, piece.len), .payload_wire_len = (uint32_t)piece.len + cut};
        if ((kind & 0x80) != 0)
            seal(d, piece.bytes, piece.len, p.src.port == 4500 || p.dst.port == 4500);
        f.number++;
        f.time_ns += (step < 128 ? step : step - 256) * INT64_C(1000000000) + 1000000;
        ike_layer_time(l, f.time_ns);
        feed_packet(l, &p, kind & 3, flows);
        free(piece.bytes);
        if (ike_layer_bytes(l) > 2 * ROOM * ike_layer_association_bytes() + BUFFER_BYTES + 2 * LONE_BYTES)
            abort();
    }
    ike_layer_finish(l, f.time_ns);
    flow_table_free(flows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conversations t = {0};
    uint32_t serial = 0;
    struct secrets *secrets = secrets_new();
    struct tls_context *tls = tls_context_new(secrets, 1 << 20);
    struct digests *digests = digests_new();
    struct ike_layer *l = ike_layer_new(&(struct ike_layer_options){.secrets = secrets, .tls = tls,
                                                                    .sink = {on_event, &t, &serial, NULL}, .associations = ROOM,
                                                                    .lone_bytes = LONE_BYTES, .lone_listed = LONE_LISTED,
                                                                    .buffer_bytes = BUFFER_BYTES});
    if (secrets == NULL || tls == NULL || digests == NULL || l == NULL)
        abort();
    add_keys(secrets);
    feed(l, digests, cursor_of(span_of(data, size)));
    struct ike_layer_counters counters;
    ike_layer_get_counters(l, &counters);
    if (t.opened != t.closed || counters.associations != t.opened || counters.associations_evicted > t.closed ||
        counters.esp_unattributed > counters.esp_packets)
        abort();
    ike_layer_free(l);
    digests_free(digests);
    tls_context_free(tls);
    secrets_free(secrets);
    return 0;
}
