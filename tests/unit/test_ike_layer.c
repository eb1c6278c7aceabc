/* IKE with a memory: what is one association, what was asked again or seen twice, what is counted for it, when it ends. */
#include "ike_bytes.h"

#include <stdio.h>
#include "dissect/crypto/secrets.h"
#include "dissect/ike/ike_keys.h"
#include "dissect/ike/ike_layer.h"

enum { EVENTS_MAX = 4096, KEY_I = 0x11, KEY_R = 0x22 };

struct seen {
    enum event_kind kind;
    enum direction dir;
    uint32_t conv;
    enum conversation_type type;
    bool begun_before;
    struct ike_event ike; /* its pointers are not to be followed */
    bool has_message, has_clear, has_inside;
    uint8_t exchange, clear_count, inside_count, inside_first;
    uint16_t notify; /* the first inside, or else in the clear */
    uint8_t eap_code;
    enum close_reason reason;
    struct ike_state state;
    struct place place;
};

struct bench {
    struct secrets *secrets;
    struct tls_context *tls;
    struct ike_layer *layer;
    struct flow_table *flows;
    uint32_t serial;
    uint64_t frame;
    int64_t now;
    uint8_t tunnel; /* whose ESP is sent: in its SPI */
    size_t count;
    struct seen events[EVENTS_MAX];
};

static void keep_ike(struct seen *s, const struct ike_event *e)
{
    s->ike = *e;
    s->has_message = e->message != NULL;
    s->has_clear = e->clear != NULL;
    s->has_inside = e->inside != NULL;
    s->exchange = e->message != NULL ? e->message->exchange : 0;
    if (e->clear != NULL) {
        s->clear_count = e->clear->count;
        s->notify = e->clear->notify_count > 0 ? e->clear->notifies[0].type : 0;
    }
    if (e->inside != NULL) {
        s->inside_count = e->inside->count;
        s->inside_first = e->inside->count > 0 ? e->inside->types[0] : 0;
        s->notify = e->inside->notify_count > 0 ? e->inside->notifies[0].type : 0;
    }
}

static void on_event(void *ctx, const struct event *e)
{
    struct bench *b = ctx;
    if (e->kind == EVENT_EAP && e->u.eap->kind != EAP_EVENT_PACKET)
        return;
    assert_true(b->count < EVENTS_MAX);
    struct seen *s = &b->events[b->count++];
    *s = (struct seen){.kind = e->kind, .dir = e->dir, .place = e->place, .conv = e->conv->id, .type = e->conv->type,
                       .begun_before = e->conv->begun_before};
    if (e->kind == EVENT_IKE)
        keep_ike(s, e->u.ike);
    else if (e->kind == EVENT_EAP)
        s->eap_code = e->u.eap->u.packet->code;
    else if (e->kind == EVENT_CLOSED) {
        s->reason = e->u.closed.reason;
        s->state = *e->u.closed.ike;
    }
}

/* Keys of SPI_I and SPI_R, KEY_I and KEY_R; or those of another SA when `spi` differs. */
static void add_keys(struct bench *b, uint64_t spi_i, uint64_t spi_r, uint8_t key_i, uint8_t key_r)
{
    char line[512], message[SECRETS_MESSAGE], ai[41], ar[41];
    for (unsigned i = 0; i < KEY_BYTES; i++) {
        snprintf(ai + 2 * i, 3, "%02x", key_i);
        snprintf(ar + 2 * i, 3, "%02x", key_r);
    }
    int n = snprintf(line, sizeof line, "%016llx,%016llx,,,\"NULL [RFC2410]\",%s,%s,\"HMAC_SHA1_96 [RFC2404]\"\n",
                     (unsigned long long)spi_i, (unsigned long long)spi_r, ai, ar);
    assert_true(secrets_add_ike_keys(b->secrets, span_of(line, (size_t)n), message));
}

static struct bench *bench_of(uint32_t associations, uint64_t buffer_bytes)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->secrets = secrets_new();
    b->tls = tls_context_new(b->secrets, 1 << 20);
    b->now = 1700000000 * SECOND;
    b->flows = flow_table_new(4096);
    b->layer = ike_layer_new(&(struct ike_layer_options){.secrets = b->secrets, .tls = b->tls,
                                                         .sink = {on_event, b, &b->serial, NULL}, .associations = associations,
                                                         .buffer_bytes = buffer_bytes});
    assert_non_null(b->layer);
    return b;
}

static struct bench *bench_new(void)
{
    return bench_of(64, 1 << 20);
}

static void bench_free(struct bench *b)
{
    ike_layer_free(b->layer);
    flow_table_free(b->flows);
    tls_context_free(b->tls);
    secrets_free(b->secrets);
    free(b);
}

/* A datagram, in a block of its own size, so that an overread is seen. `wire` bytes were sent. */
static enum ike_carried send_bytes(struct bench *b, struct endpoint from, struct endpoint to, const void *bytes, size_t len,
                                   size_t wire)
{
    uint8_t *copy = exact_copy(bytes, len);
    b->now += MS;
    struct frame f = {.number = ++b->frame, .time_ns = b->now};
    struct packet p = {.frame = &f, .kind = PACKET_UDP, .ip_proto = IP_PROTO_UDP, .src = from, .dst = to, .ttl = 64,
                       .payload = span_of(copy, len), .payload_wire_len = (uint32_t)wire};
    bool from_low, fresh;
    struct flow *flow = flow_of(b->flows, &p, NULL, &from_low, &fresh);
    enum ike_carried carried = ike_layer_packet(b->layer, &p, flow, from_low);
    free(copy);
    return carried;
}

/* With a marker when either port is 4500. */
static void send_message(struct bench *b, struct endpoint from, struct endpoint to, const struct message *m)
{
    uint8_t bytes[sizeof m->data + 4] = {0};
    size_t marker = from.port == 4500 || to.port == 4500 ? 4 : 0;
    memcpy(bytes + marker, m->data, m->len);
    assert_int_equal(send_bytes(b, from, to, bytes, marker + m->len, marker + m->len), IKE_CARRIED_IKE);
}

static void send_esp(struct bench *b, struct endpoint from, struct endpoint to, size_t len)
{
    uint8_t esp[1500] = {0xc1, 0xc2, 0xc3, b->tunnel, 0, 0, 0, 1};
    assert_int_equal(send_bytes(b, from, to, esp, len, len), IKE_CARRIED_ESP);
}

static void send_bare_esp(struct bench *b, struct endpoint from, struct endpoint to)
{
    uint8_t esp[100] = {0xc1, 0xc2, 0xc3, b->tunnel, 0, 0, 0, 1};
    struct frame f = {.number = ++b->frame, .time_ns = b->now += MS};
    from.port = to.port = 0;
    ike_layer_esp(b->layer, &(struct packet){.frame = &f, .kind = PACKET_IP, .ip_proto = IP_PROTO_ESP, .src = from, .dst = to,
                                             .payload = span_of(esp, sizeof esp), .payload_wire_len = sizeof esp});
}

static struct message init_request(uint64_t spi, uint8_t nonce)
{
    uint8_t bytes[32];
    struct message m = message_of(spi, 0, IKE_SA_INIT, FROM_INITIATOR, 0);
    memset(bytes, nonce, sizeof bytes);
    add_sa(&m, 1, NULL, 0);
    add_payload(&m, IKE_NONCE, bytes, sizeof bytes);
    return m;
}

/* A message with an encrypted EAP payload; the data makes it differ. */
static struct message auth(uint8_t flags, uint32_t id, uint8_t code)
{
    const uint8_t eap[5] = {code, (uint8_t)id, 0, 5, 1};
    struct message m = message_of(SPI_I, SPI_R, IKE_AUTH, flags, id), inside = message_of(0, 0, 0, 0, 0);
    add_payload(&inside, IKE_EAP, eap, sizeof eap);
    seal_all(&m, &inside, (flags & FROM_INITIATOR) != 0 ? KEY_I : KEY_R);
    return m;
}

static void finish(struct bench *b)
{
    ike_layer_finish(b->layer, b->now);
}

static struct ike_layer_counters counters(const struct bench *b)
{
    struct ike_layer_counters c;
    ike_layer_get_counters(b->layer, &c);
    return c;
}

static size_t count_of(const struct bench *b, enum event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += b->events[i].kind == kind;
    return n;
}

static const struct seen *last_of(const struct bench *b, enum event_kind kind)
{
    for (size_t i = b->count; i > 0; i--)
        if (b->events[i - 1].kind == kind)
            return &b->events[i - 1];
    fail_msg("no such event");
    return NULL;
}

static const struct seen *last_ike(const struct bench *b)
{
    return last_of(b, EVENT_IKE);
}

/* IKE_SA_INIT on 500 and one IKE_AUTH on 4500. */
static void establish(struct bench *b, uint8_t client, uint16_t port)
{
    struct message first = init_request(SPI_I, 1), second = init_response(SPI_I, SPI_R);
    struct message third = auth(FROM_INITIATOR, 1, 2), fourth = auth(IS_RESPONSE, 1, 1);
    send_message(b, at(client, 500), at(9, 500), &first);
    send_message(b, at(9, 500), at(client, 500), &second);
    send_message(b, at(client, port), at(9, 4500), &third);
    send_message(b, at(9, 4500), at(client, port), &fourth);
}

static void one_association_on_both_ports(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    finish(b);
    assert_int_equal(b->count, 6);
    assert_int_equal(b->events[0].kind, EVENT_OPENED);
    assert_int_equal(b->events[0].type, CONVERSATION_IKE);
    assert_false(b->events[0].begun_before);
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(b->events[i].kind, EVENT_IKE);
        assert_int_equal(b->events[i].ike.kind, IKE_EVENT_MESSAGE);
        assert_int_equal(b->events[i].conv, b->events[0].conv);
        assert_int_equal(b->events[i].dir, i % 2 == 1 ? TO_SERVER : TO_CLIENT);
        assert_int_equal(b->events[i].ike.marker, i > 2);
        assert_int_equal(b->events[i].ike.sk, i > 2 ? IKE_SK_NO_KEY : IKE_SK_NONE);
        assert_int_equal(b->events[i].ike.moved, i == 3);
        assert_int_equal(b->events[i].ike.request.frame, i % 2 == 0 ? i - 1 : 0);
        assert_int_equal(b->events[i].ike.elapsed_ns, i % 2 == 0 ? MS : 0);
        assert_false(b->events[i].has_inside);
    }
    assert_int_equal(b->events[1].clear_count, 2);
    assert_int_equal(b->events[3].ike.sk_length, 4 + 28 + 4 + 9 + 1 + 12);
    assert_int_equal(b->events[5].kind, EVENT_CLOSED);
    assert_int_equal(b->events[5].reason, CLOSE_END);
    assert_false(b->events[5].state.request_waiting);
    bench_free(b);
}

static void same_bytes_same_way_is_a_retransmission(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(SPI_I, 1);
    for (unsigned i = 0; i < 3; i++) {
        send_message(b, at(1, 500), at(9, 500), &m);
        b->now += SECOND;
    }
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_int_equal(b->events[1].ike.kind, IKE_EVENT_MESSAGE);
    assert_int_equal(b->events[2].ike.kind, IKE_EVENT_RETRANSMISSION);
    assert_int_equal(last_ike(b)->ike.transmissions, 3);
    finish(b);
    const struct ike_state *s = &last_of(b, EVENT_CLOSED)->state;
    assert_true(s->request_waiting && s->waiting_from_initiator);
    assert_int_equal(s->waiting_exchange, IKE_SA_INIT);
    assert_int_equal(s->waiting_transmissions, 3);
    assert_int_equal(s->waiting_first.frame, 1);
    assert_int_equal(s->waiting_last.frame, 3);
    bench_free(b);
}

/* DNAT by a load balancer: 9 is the VIP, 20 the backend. */
static void same_bytes_another_way_at_once_is_a_translation(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message request = init_request(SPI_I, 1), response = init_response(SPI_I, SPI_R), next = auth(FROM_INITIATOR, 1, 2);
    send_message(b, at(1, 500), at(9, 500), &request);
    send_message(b, at(1, 500), at(20, 500), &request);
    send_message(b, at(20, 500), at(1, 500), &response);
    send_message(b, at(9, 500), at(1, 500), &response);
    b->now += 2 * SECOND;
    send_message(b, at(1, 500), at(20, 500), &request); /* later, but a way that is known */
    send_message(b, at(1, 4500), at(9, 4500), &next);
    send_message(b, at(1, 4500), at(20, 4500), &next);
    finish(b);
    static const enum ike_event_kind expected[] = {
        IKE_EVENT_MESSAGE, IKE_EVENT_TRANSLATED, IKE_EVENT_MESSAGE, IKE_EVENT_TRANSLATED,
        IKE_EVENT_TRANSLATED, IKE_EVENT_MESSAGE, IKE_EVENT_TRANSLATED};
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_int_equal(count_of(b, EVENT_IKE), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(b->events[i + 1].ike.kind, expected[i]);
        assert_int_equal(b->events[i + 1].ike.moved, i == 5);
    }
    bench_free(b);
}

static void the_same_bytes_later_elsewhere_were_sent_again(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(SPI_I, 1);
    send_message(b, at(1, 500), at(20, 500), &m);
    b->now += SECOND;
    send_message(b, at(1, 500), at(21, 500), &m);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_RETRANSMISSION);
    assert_true(last_ike(b)->ike.moved);
    bench_free(b);
}

static void cookies_and_other_groups_are_the_same_association(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message request = init_request(SPI_I, 1), cookie = message_of(SPI_I, 0, IKE_SA_INIT, IS_RESPONSE, 0);
    struct message with_cookie = message_of(SPI_I, 0, IKE_SA_INIT, FROM_INITIATOR, 0), invalid_ke = cookie;
    struct message other_group = init_request(SPI_I, 2), response = init_response(SPI_I, SPI_R);
    add_notify(&cookie, IKE_N_COOKIE, "cookie", 6);
    add_notify(&with_cookie, IKE_N_COOKIE, "cookie", 6);
    add_sa(&with_cookie, 1, NULL, 0);
    add_notify(&invalid_ke, IKE_N_INVALID_KE_PAYLOAD, "\0\16", 2);
    put_be(invalid_ke.data + 8, 8, 0xdead); /* a refusal may bear an SPI that is not used again */
    const struct message *all[] = {&request, &cookie, &with_cookie, &invalid_ke, &other_group, &response};
    for (size_t i = 0; i < 6; i++)
        send_message(b, at(i % 2 == 0 ? 1 : 9, 500), at(i % 2 == 0 ? 9 : 1, 500), all[i]);
    finish(b);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_int_equal(count_of(b, EVENT_IKE), 6);
    for (size_t i = 1; i <= 6; i++) {
        assert_int_equal(b->events[i].ike.kind, IKE_EVENT_MESSAGE);
        assert_false(b->events[i].ike.other_responder);
        if (i % 2 == 0)
            assert_int_equal(b->events[i].ike.request.frame, i - 1);
    }
    bench_free(b);
}

static void two_responders_are_told(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message request = init_request(SPI_I, 1), one = init_response(SPI_I, SPI_R), two = init_response(SPI_I, 0xcc);
    struct message third = auth(FROM_INITIATOR, 1, 2);
    send_message(b, at(1, 500), at(9, 500), &request);
    send_message(b, at(9, 500), at(1, 500), &one);
    assert_false(last_ike(b)->ike.other_responder);
    send_message(b, at(9, 500), at(1, 500), &two);
    assert_true(last_ike(b)->ike.other_responder);
    send_message(b, at(1, 4500), at(9, 4500), &third); /* the first counts */
    assert_false(last_ike(b)->ike.other_responder);
    put_be(third.data + 8, 8, 0xcc);
    send_message(b, at(1, 4500), at(9, 4500), &third);
    assert_true(last_ike(b)->ike.other_responder);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    bench_free(b);
}

static void strangers_with_one_spi_are_two(void **state)
{
    (void)state;
    struct bench *b = bench_of(16, 1 << 20);
    for (uint8_t i = 0; i < 200; i++) {
        struct message m = init_request(SPI_I, i);
        send_message(b, at((uint8_t)(i % 100), 500), at((uint8_t)(100 + i % 100), 500), &m);
        assert_int_equal(count_of(b, EVENT_IKE), i + 1u);
    }
    finish(b);
    assert_int_equal(count_of(b, EVENT_CLOSED), count_of(b, EVENT_OPENED));
    assert_true(count_of(b, EVENT_OPENED) >= 100);
    bench_free(b);
}

static void the_middle_of_one_begun_before(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = auth(IS_RESPONSE, 7, 1), next = auth(FROM_INITIATOR, 8, 2);
    send_message(b, at(9, 4500), at(1, 40000), &m);
    send_message(b, at(1, 40000), at(9, 4500), &next);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_true(b->events[0].begun_before);
    assert_int_equal(b->events[1].dir, TO_CLIENT);
    assert_int_equal(b->events[1].ike.request.frame, 0);
    assert_int_equal(b->events[2].dir, TO_SERVER);
    assert_false(b->events[2].ike.moved);
    bench_free(b);
}

/* Renewed by the server before the capture began, so that the initiator flag is his: the ports tell who called whom, or that he
 * answered somebody's login. */
static void the_middle_of_one_that_the_server_renewed(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message other = auth(FROM_INITIATOR, 3, 1), again = other;
    other.data[18] = again.data[18] = IKE_INFORMATIONAL;
    put_be(other.data, 8, 0x5001);
    send_message(b, at(9, 4500), at(2, 4500), &other);
    assert_int_equal(last_ike(b)->dir, TO_SERVER);
    establish(b, 1, 40000);
    put_be(again.data, 8, 0x5002);
    send_message(b, at(9, 4500), at(3, 4500), &again);
    assert_int_equal(last_ike(b)->dir, TO_CLIENT);
    bench_free(b);
    b = bench_new();
    struct message ask = auth(FROM_INITIATOR, 3, 1), answer = auth(IS_RESPONSE, 3, 2), own = auth(0, 0, 2);
    ask.data[18] = answer.data[18] = own.data[18] = IKE_INFORMATIONAL;
    send_message(b, at(9, 4500), at(1, 40000), &ask);
    assert_int_equal(last_ike(b)->dir, TO_CLIENT);
    send_message(b, at(1, 40000), at(9, 4500), &answer);
    assert_int_equal(last_ike(b)->dir, TO_SERVER);
    assert_int_equal(last_ike(b)->ike.request.frame, 1);
    send_message(b, at(1, 40000), at(9, 4500), &own);
    assert_int_equal(last_ike(b)->dir, TO_SERVER);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    bench_free(b);
}

/* A file whose packets are not in the order of time: IKE_AUTH, then the IKE_SA_INIT that went before it. */
static void the_beginning_may_come_later_in_the_file(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message first = init_request(SPI_I, 1), second = init_response(SPI_I, SPI_R), next = auth(FROM_INITIATOR, 2, 2);
    struct message third = auth(FROM_INITIATOR, 1, 2), fourth = auth(IS_RESPONSE, 1, 1);
    send_message(b, at(1, 40000), at(9, 4500), &third);
    assert_true(last_ike(b)->begun_before);
    send_message(b, at(9, 4500), at(1, 40000), &fourth);
    send_message(b, at(9, 500), at(1, 500), &second);
    assert_true(last_ike(b)->begun_before);
    send_message(b, at(1, 500), at(9, 500), &first);
    assert_false(last_ike(b)->begun_before);
    assert_false(last_ike(b)->ike.moved);
    send_message(b, at(1, 40000), at(9, 4500), &next);
    assert_false(last_ike(b)->ike.moved);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    bench_free(b);
}

static void silence_closes(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(0x77, 1);
    send_message(b, at(3, 500), at(9, 500), &m);
    establish(b, 1, 40000);
    b->now += 119 * SECOND;
    ike_layer_time(b->layer, b->now);
    assert_int_equal(count_of(b, EVENT_CLOSED), 0);
    b->now += 2 * SECOND;
    ike_layer_time(b->layer, b->now);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1);
    assert_int_equal(last_of(b, EVENT_CLOSED)->conv, b->events[0].conv);
    assert_int_equal(last_of(b, EVENT_CLOSED)->reason, CLOSE_IDLE);
    b->now += 20 * 60 * SECOND;
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    ike_layer_time(b->layer, b->now += 20 * 60 * SECOND);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1);
    ike_layer_time(b->layer, b->now += 11 * 60 * SECOND);
    assert_int_equal(count_of(b, EVENT_CLOSED), 2);
    bench_free(b);
}

static void a_clock_set_back_closes_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    ike_layer_time(b->layer, b->now - 86400 * SECOND);
    ike_layer_time(b->layer, b->now - 86400 * SECOND + 60 * SECOND);
    assert_int_equal(count_of(b, EVENT_CLOSED), 0);
    ike_layer_time(b->layer, b->now - 84000 * SECOND);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1);
    bench_free(b);
}

static void esp_is_counted_on_its_path(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    for (unsigned i = 0; i < 5; i++)
        send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_esp(b, at(9, 4500), at(1, 40000), 1400);
    send_esp(b, at(2, 40000), at(9, 4500), 100);
    send_bytes(b, at(1, 40000), at(9, 4500), "\xff", 1, 1);
    finish(b);
    const struct ike_state *s = &last_of(b, EVENT_CLOSED)->state;
    assert_int_equal(s->esp_packets[0], 5);
    assert_int_equal(s->esp_bytes[0], 500);
    assert_int_equal(s->esp_packets[1], 1);
    assert_int_equal(s->esp_bytes[1], 1400);
    assert_int_equal(s->keepalives, 1);
    assert_int_equal(s->esp_last_ns[0] - s->esp_first_ns[0], 4 * MS);
    assert_false(s->esp_bare);
    assert_int_equal(counters(b).esp_packets, 7);
    assert_int_equal(counters(b).esp_unattributed, 1);
    assert_int_equal(counters(b).keepalives, 1);
    bench_free(b);
}

static void bare_esp_is_counted_by_addresses(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 4500);
    send_bare_esp(b, at(1, 0), at(9, 0));
    send_bare_esp(b, at(9, 0), at(1, 0));
    send_bare_esp(b, at(9, 0), at(1, 0));
    send_bare_esp(b, at(9, 0), at(2, 0));
    finish(b);
    const struct ike_state *s = &last_of(b, EVENT_CLOSED)->state;
    assert_true(s->esp_bare);
    assert_int_equal(s->esp_packets[0], 1);
    assert_int_equal(s->esp_packets[1], 2);
    assert_int_equal(counters(b).esp_unattributed, 1);
    bench_free(b);
}

static void esp_goes_with_the_association_that_moves(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message moved = message_of(SPI_I, SPI_R, IKE_INFORMATIONAL, FROM_INITIATOR, 2), inside = message_of(0, 0, 0, 0, 0);
    seal_all(&moved, &inside, KEY_I);
    establish(b, 1, 40000);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_message(b, at(3, 41000), at(9, 4500), &moved);
    assert_true(last_ike(b)->ike.moved);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_esp(b, at(3, 41000), at(9, 4500), 100);
    send_esp(b, at(9, 4500), at(3, 41000), 100);
    finish(b);
    const struct ike_state *s = &last_of(b, EVENT_CLOSED)->state;
    assert_int_equal(s->esp_packets[0], 2);
    assert_int_equal(s->esp_packets[1], 1);
    assert_int_equal(counters(b).esp_unattributed, 1);
    bench_free(b);
}

/* A message of another association than that of establish(), between the same ends. */
static void send_of_another(struct bench *b, uint64_t spi_r, uint32_t id)
{
    struct message m = auth(FROM_INITIATOR, id, 2);
    put_be(m.data, 8, spi_r);
    send_message(b, at(1, 40000), at(9, 4500), &m);
}

static const struct ike_state *state_of(const struct bench *b, uint32_t conv)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->events[i].kind == EVENT_CLOSED && b->events[i].conv == conv)
            return &b->events[i].state;
    fail();
    return NULL;
}

static void a_new_association_takes_the_path_over(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_of_another(b, 0x1234, 1);
    b->tunnel = 1;
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    assert_int_equal(counters(b).esp_unattributed, 0);
    finish(b);
    assert_int_equal(count_of(b, EVENT_CLOSED), 2);
    assert_int_equal(state_of(b, 1)->esp_packets[0], 1);
    assert_int_equal(state_of(b, 2)->esp_packets[0], 2);
    bench_free(b);
}

/* A device's and a user's tunnel from one computer, and a third: each keeps its ESP, whoever spoke last. */
static void tunnels_along_one_path_are_told_by_their_spis(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    for (unsigned round = 0; round < 3; round++) {
        for (uint8_t i = 0; i < 3; i++) {
            if (i > 0)
                send_of_another(b, 0x1000u * i, round + 1);
            b->tunnel = i;
            send_esp(b, at(1, 40000), at(9, 4500), 100);
            send_esp(b, at(9, 4500), at(1, 40000), 100);
        }
        for (uint8_t i = 0; i < 3; i++) {
            b->tunnel = i;
            send_esp(b, at(1, 40000), at(9, 4500), 100);
        }
    }
    assert_int_equal(counters(b).esp_unattributed, 0);
    finish(b);
    for (uint32_t conv = 1; conv <= 3; conv++) {
        assert_int_equal(state_of(b, conv)->esp_packets[0], 6);
        assert_int_equal(state_of(b, conv)->esp_packets[1], 3);
    }
    bench_free(b);
}

/* When the later one moves away, the earlier one's new ESP is its own again. */
static void who_shared_a_path_has_it_alone_again(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    send_of_another(b, 0x1000, 1);
    struct message m = auth(FROM_INITIATOR, 2, 2);
    put_be(m.data, 8, 0x1000);
    send_message(b, at(2, 40000), at(9, 4500), &m);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    b->tunnel = 1;
    send_esp(b, at(2, 40000), at(9, 4500), 100);
    finish(b);
    assert_int_equal(state_of(b, 1)->esp_packets[0], 1);
    assert_int_equal(state_of(b, 2)->esp_packets[0], 1);
    bench_free(b);
}

/* A tunnel that stood before the capture began: a login from the same ports does not get its ESP. */
static void esp_from_before_is_not_of_a_later_login(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    for (unsigned i = 0; i < 4; i++) {
        if (i == 2)
            establish(b, 1, 40000);
        send_esp(b, at(1, 40000), at(9, 4500), 100);
        send_esp(b, at(9, 4500), at(1, 40000), 100);
        send_bare_esp(b, at(1, 0), at(9, 0));
    }
    b->tunnel = 1;
    send_esp(b, at(9, 4500), at(1, 40000), 100);
    send_bare_esp(b, at(1, 0), at(9, 0));
    assert_int_equal(counters(b).esp_unattributed, 12);
    finish(b);
    assert_int_equal(state_of(b, 1)->esp_packets[0], 1);
    assert_int_equal(state_of(b, 1)->esp_packets[1], 1);
    bench_free(b);
}

static void esp_beyond_a_translator_is_counted_once(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message third = auth(FROM_INITIATOR, 1, 2);
    establish(b, 1, 40000);
    third = auth(FROM_INITIATOR, 2, 2);
    send_message(b, at(1, 40000), at(9, 4500), &third);
    send_message(b, at(1, 40000), at(20, 4500), &third);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_TRANSLATED);
    send_esp(b, at(1, 40000), at(9, 4500), 100);
    send_esp(b, at(1, 40000), at(20, 4500), 100);
    finish(b);
    assert_int_equal(last_of(b, EVENT_CLOSED)->state.esp_packets[0], 1);
    assert_int_equal(counters(b).esp_packets, 2);
    assert_int_equal(counters(b).esp_unattributed, 0);
    bench_free(b);
}

/* One fragment of IKE_AUTH 1; what is inside is an identity and some EAP. */
static struct message fragment(uint8_t flags, uint32_t id, unsigned number, unsigned total, uint8_t key)
{
    static const uint8_t eap[5] = {1, 9, 0, 5, 1};
    struct message m = message_of(SPI_I, SPI_R, IKE_AUTH, flags, id), inside = message_of(0, 0, 0, 0, 0);
    uint8_t identity[600];
    memset(identity, 'x', sizeof identity);
    add_payload(&inside, IKE_IDR, identity, sizeof identity);
    add_payload(&inside, IKE_EAP, eap, sizeof eap);
    size_t whole = inside.len - IKE_HEADER, each = (whole + total - 1) / total, from = each * (number - 1);
    seal(&m, &inside, from, from + each < whole ? each : whole - from, (uint16_t)number, (uint16_t)total, key);
    return m;
}

static void fragments_are_one_message(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    static const unsigned order[] = {2, 1, 3};
    uint32_t length = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct message m = fragment(IS_RESPONSE, 2, order[i], 3, KEY_R);
        length += (uint32_t)m.len + 4;
        send_message(b, at(9, 4500), at(1, 40000), &m);
        assert_int_equal(last_ike(b)->ike.kind, i < 2 ? IKE_EVENT_FRAGMENT : IKE_EVENT_MESSAGE);
        assert_int_equal(last_ike(b)->ike.sk, IKE_SK_NO_KEY);
    }
    assert_int_equal(last_ike(b)->ike.sk_length, length);
    assert_int_equal(last_ike(b)->ike.first_fragment.frame, 5);
    struct message again = fragment(IS_RESPONSE, 2, 1, 3, KEY_R);
    b->now += SECOND;
    send_message(b, at(9, 4500), at(1, 40000), &again);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_RETRANSMISSION);
    finish(b);
    assert_int_equal(last_of(b, EVENT_CLOSED)->state.fragments_announced, 0);
    assert_int_equal(ike_layer_bytes(b->layer) < 64 * 1024, 1);
    bench_free(b);
}

static void missing_fragments_are_in_the_state(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    struct message first = fragment(FROM_INITIATOR, 2, 1, 3, KEY_I), third = fragment(FROM_INITIATOR, 2, 3, 3, KEY_I);
    send_message(b, at(1, 40000), at(9, 4500), &first);
    send_message(b, at(1, 40000), at(9, 4500), &third);
    finish(b);
    const struct ike_state *s = &last_of(b, EVENT_CLOSED)->state;
    assert_int_equal(s->fragments_waiting, 2);
    assert_int_equal(s->fragments_announced, 3);
    assert_int_equal(s->fragments_message_id, 2);
    assert_true(s->fragments_from_initiator && s->request_waiting);
    assert_int_equal(s->waiting_transmissions, 1);
    bench_free(b);
}

static void smaller_fragments_take_the_place_of_greater_ones(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    establish(b, 1, 40000);
    static const struct { unsigned number, total; } sent[] = {{1, 2}, {1, 3}, {2, 3}, {2, 2}, {3, 3}};
    for (unsigned i = 0; i < 5; i++) {
        struct message m = fragment(FROM_INITIATOR, 2, sent[i].number, sent[i].total, KEY_I);
        send_message(b, at(1, 40000), at(9, 4500), &m);
        assert_int_equal(last_ike(b)->ike.kind, i < 3 ? IKE_EVENT_FRAGMENT : i == 3 ? IKE_EVENT_FRAGMENT : IKE_EVENT_MESSAGE);
    }
    bench_free(b);
}

static void keys_show_what_is_inside(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    add_keys(b, SPI_I, SPI_R, KEY_I, KEY_R);
    establish(b, 1, 40000);
    assert_int_equal(b->events[3].ike.sk, IKE_SK_OPENED);
    assert_int_equal(b->events[3].inside_first, IKE_EAP);
    assert_int_equal(b->events[4].kind, EVENT_EAP);
    assert_int_equal(b->events[4].dir, TO_SERVER);
    assert_int_equal(b->events[4].eap_code, 2);
    assert_int_equal(b->events[5].ike.sk, IKE_SK_OPENED);
    assert_int_equal(b->events[6].kind, EVENT_EAP);
    assert_int_equal(b->events[6].dir, TO_CLIENT);
    assert_int_equal(b->events[6].conv, b->events[0].conv);
    for (unsigned i = 1; i <= 3; i++) {
        struct message m = fragment(IS_RESPONSE, 2, i, 3, KEY_R);
        send_message(b, at(9, 4500), at(1, 40000), &m);
    }
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_OPENED);
    assert_int_equal(last_ike(b)->inside_count, 2);
    assert_int_equal(last_ike(b)->inside_first, IKE_IDR);
    assert_int_equal(count_of(b, EVENT_EAP), 3);
    assert_int_equal(counters(b).wrong_keys, 0);
    bench_free(b);
}

static void wrong_keys_are_told_and_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    add_keys(b, SPI_I, SPI_R, KEY_I + 1, KEY_R + 1);
    establish(b, 1, 40000);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_WRONG_KEY);
    assert_false(last_ike(b)->has_inside);
    assert_int_equal(counters(b).wrong_keys, 2);
    for (unsigned i = 1; i <= 3; i++) {
        struct message m = fragment(IS_RESPONSE, 2, i, 3, KEY_R);
        send_message(b, at(9, 4500), at(1, 40000), &m);
    }
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_MESSAGE);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_WRONG_KEY);
    finish(b);
    assert_int_equal(last_of(b, EVENT_CLOSED)->state.fragments_announced, 0);
    bench_free(b);
}

static void a_forged_fragment_does_no_harm(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    add_keys(b, SPI_I, SPI_R, KEY_I, KEY_R);
    establish(b, 1, 40000);
    struct message forged = fragment(IS_RESPONSE, 2, 1, 2, 0x99), one = fragment(IS_RESPONSE, 2, 1, 2, KEY_R);
    struct message two = fragment(IS_RESPONSE, 2, 2, 2, KEY_R);
    send_message(b, at(9, 4500), at(1, 40000), &forged);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_WRONG_KEY);
    send_message(b, at(9, 4500), at(1, 40000), &one);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_OPENED);
    send_message(b, at(9, 4500), at(1, 40000), &two);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_MESSAGE);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_OPENED);
    assert_int_equal(last_ike(b)->inside_count, 2);
    bench_free(b);
}

static void send_sealed(struct bench *b, uint64_t i, uint64_t r, uint8_t exchange, uint8_t flags, uint32_t id,
                        const struct message *inside, uint8_t key, bool from_client)
{
    struct message m = message_of(i, r, exchange, flags, id);
    seal_all(&m, inside, key);
    send_message(b, from_client ? at(1, 40000) : at(9, 4500), from_client ? at(9, 4500) : at(1, 40000), &m);
}

/* RFC 7296 sections 1.3.2 and 1.4.1; the responder rekeys, so that the initiator flag changes its meaning. */
static void a_rekeyed_association_goes_on_and_ends(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    const uint64_t new_i = UINT64_C(0x0101010101010101), new_r = UINT64_C(0x0202020202020202);
    struct message ask = message_of(0, 0, 0, 0, 0), answer = ask, nothing = ask, remove = ask;
    uint8_t spi[8];
    put_be(spi, 8, new_i);
    add_sa(&ask, 1, spi, 8);
    put_be(spi, 8, new_r);
    add_sa(&answer, 1, spi, 8);
    add_payload(&remove, IKE_DELETE, "\1\0\0\0", 4);
    add_keys(b, SPI_I, SPI_R, KEY_I, KEY_R);
    add_keys(b, new_i, new_r, 0x33, 0x44);
    establish(b, 1, 40000);
    send_sealed(b, SPI_I, SPI_R, CREATE_CHILD_SA, 0, 0, &ask, KEY_R, false);
    send_sealed(b, SPI_I, SPI_R, CREATE_CHILD_SA, FROM_INITIATOR | IS_RESPONSE, 0, &answer, KEY_I, true);
    send_sealed(b, SPI_I, SPI_R, IKE_INFORMATIONAL, 0, 1, &remove, KEY_R, false);
    send_sealed(b, SPI_I, SPI_R, IKE_INFORMATIONAL, FROM_INITIATOR | IS_RESPONSE, 1, &nothing, KEY_I, true);
    assert_int_equal(count_of(b, EVENT_CLOSED), 0);
    send_sealed(b, new_i, new_r, IKE_INFORMATIONAL, FROM_INITIATOR, 0, &nothing, 0x33, false);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_OPENED);
    assert_int_equal(last_ike(b)->dir, TO_CLIENT);
    assert_false(last_ike(b)->ike.moved);
    send_sealed(b, new_i, new_r, IKE_INFORMATIONAL, IS_RESPONSE, 0, &nothing, 0x44, true);
    assert_int_equal(last_ike(b)->dir, TO_SERVER);
    assert_int_equal(last_ike(b)->ike.request.frame, b->frame - 1);
    send_sealed(b, new_i, new_r, IKE_INFORMATIONAL, 0, 0, &remove, 0x44, true);
    assert_int_equal(count_of(b, EVENT_CLOSED), 0);
    send_sealed(b, new_i, new_r, IKE_INFORMATIONAL, FROM_INITIATOR | IS_RESPONSE, 0, &nothing, 0x33, false);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1);
    assert_int_equal(last_of(b, EVENT_CLOSED)->reason, CLOSE_FINAL);
    bench_free(b);
}

/* The same as nobody can read it: CREATE_CHILD_SA that begins with `first`, perhaps a Delete, then a message with other SPIs
 * that one side asks with message id `id`. Returns whose the latter is. */
static uint32_t owner_after(bool client_renews, uint8_t first, bool deleted, bool client_asks, uint32_t id)
{
    struct bench *b = bench_new();
    const uint8_t flag = client_renews ? FROM_INITIATOR : 0, other = flag ^ FROM_INITIATOR;
    struct message ask = message_of(0, 0, 0, 0, 0), answer = ask, nothing = ask, remove = ask;
    add_payload(&ask, first, "\0\0\100\11", 4);
    add_payload(&answer, IKE_SA, "\0\0\0\0", 4);
    add_payload(&remove, IKE_DELETE, "\1\0\0\0", 4);
    establish(b, 1, 40000);
    send_sealed(b, SPI_I, SPI_R, CREATE_CHILD_SA, flag, 2, &ask, KEY_R, client_renews);
    send_sealed(b, SPI_I, SPI_R, CREATE_CHILD_SA, other | IS_RESPONSE, 2, &answer, KEY_I, !client_renews);
    if (deleted)
        send_sealed(b, SPI_I, SPI_R, IKE_INFORMATIONAL, flag, 3, &remove, KEY_R, client_renews);
    const uint8_t asker = client_asks == client_renews ? FROM_INITIATOR : 0;
    send_sealed(b, 0x0101, 0x0202, IKE_INFORMATIONAL, asker, id, &nothing, 0x33, client_asks);
    send_sealed(b, 0x0101, 0x0202, IKE_INFORMATIONAL, (asker ^ FROM_INITIATOR) | IS_RESPONSE, id, &nothing, 0x33, !client_asks);
    assert_int_equal(last_ike(b)->dir, client_asks ? TO_CLIENT : TO_SERVER);
    assert_int_equal(last_ike(b)->ike.request.frame, b->frame - 1);
    uint32_t owner = last_ike(b)->conv;
    bench_free(b);
    return owner;
}

static void a_renewed_association_is_the_same_without_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(owner_after((i & 1) != 0, IKE_SA, (i & 2) != 0 || (i & 1) != (i & 4) >> 2, (i & 4) != 0, 0), 1);
    assert_int_equal(owner_after(true, IKE_NOTIFY, true, true, 0), 2);  /* a tunnel inside was renewed */
    assert_int_equal(owner_after(true, IKE_SA, true, true, 1), 2);      /* what begins a renewed one is missing */
    assert_int_equal(owner_after(true, IKE_SA, false, false, 0), 2);    /* a server also begins with 0 where a client logged in */
}

/* An ICMP error about a datagram from host 1 to 9: type 3 code 3, then IPv4 and UDP headers and `len` bytes of payload. */
static void send_unreachable(struct bench *b, uint16_t sport, uint16_t dport, const uint8_t *payload, size_t len)
{
    uint8_t bytes[8 + 28 + 64] = {3, 3, 0, 0, 0, 0, 0, 0, 0x45};
    uint8_t *ip = bytes + 8, *udp = ip + 20;
    ip[9] = IP_PROTO_UDP;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 1, 10, 0, 0, 9}, 8);
    put_be(udp, 2, sport);
    put_be(udp + 2, 2, dport);
    if (len > 0)
        memcpy(udp + 8, payload, len);
    struct frame f = {.number = ++b->frame, .time_ns = b->now += MS};
    ike_layer_icmp(b->layer, &(struct packet){.frame = &f, .kind = PACKET_ICMP, .ip_proto = IP_PROTO_ICMP, .src = at(9, 0),
                                              .dst = at(1, 0), .payload = span_of(bytes, 36 + len)});
}

static void icmp_errors_are_told_to_who_waits(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(SPI_I, 1), response = init_response(SPI_I, SPI_R);
    send_message(b, at(1, 500), at(9, 500), &m);
    send_unreachable(b, 500, 501, NULL, 0);
    send_unreachable(b, 500, 500, (const uint8_t *)"another!", 8);
    assert_int_equal(count_of(b, EVENT_IKE), 1);
    send_unreachable(b, 500, 500, m.data, 8);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_UNREACHABLE);
    assert_false(last_ike(b)->has_message);
    assert_int_equal(last_ike(b)->ike.request.frame, 1);
    assert_true(address_equal(&last_ike(b)->ike.source.address, &(struct address){FAMILY_IPV4, {10, 0, 0, 9}}));
    send_unreachable(b, 500, 500, NULL, 0);
    assert_int_equal(count_of(b, EVENT_IKE), 3);
    send_message(b, at(9, 500), at(1, 500), &response);
    send_unreachable(b, 500, 500, NULL, 0);
    assert_int_equal(count_of(b, EVENT_IKE), 4);
    bench_free(b);
}

static void a_flood_is_bounded_and_spares_the_established(void **state)
{
    (void)state;
    struct bench *b = bench_of(16, 1 << 20);
    establish(b, 1, 40000);
    for (unsigned i = 0; i < 1000; i++) {
        struct message m = init_request(0x1000 + i, 1);
        send_message(b, at(2, 500), at(9, 500), &m);
    }
    assert_int_equal(count_of(b, EVENT_OPENED), 1001);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1001 - 16);
    assert_int_equal(counters(b).associations_evicted, 1001 - 16);
    for (size_t i = 0; i < b->count; i++)
        assert_true(b->events[i].kind != EVENT_CLOSED || b->events[i].conv != 1);
    assert_true(ike_layer_bytes(b->layer) <= 40 * ike_layer_association_bytes());
    finish(b);
    assert_int_equal(count_of(b, EVENT_CLOSED), 1001);
    bench_free(b);
}

/* Half-open ones, too, once the initiator showed that it hears the responder, also while responders answer the flood. */
static void a_flood_spares_those_that_two_talk_in(void **state)
{
    (void)state;
    for (unsigned answered = 0; answered < 2; answered++) {
        struct bench *b = bench_of(16, 1 << 20);
        struct message first = init_request(SPI_I, 1), second = init_response(SPI_I, SPI_R), third = auth(FROM_INITIATOR, 1, 2);
        send_message(b, at(1, 500), at(9, 500), &first);
        send_message(b, at(9, 500), at(1, 500), &second);
        send_message(b, at(1, 4500), at(9, 4500), &third);
        for (unsigned i = 0; i < 500; i++) {
            struct message m = init_request(0x1000 + i, 1), response = init_response(0x1000 + i, 0x2000 + i);
            send_message(b, at(2, 500), at(9, 500), &m);
            if (answered)
                send_message(b, at(9, 500), at(2, 500), &response);
        }
        assert_int_equal(counters(b).associations_evicted, 501 - 16);
        for (size_t i = 0; i < b->count; i++)
            assert_true(b->events[i].kind != EVENT_CLOSED || b->events[i].conv != 1);
        bench_free(b);
    }
}

static void fragments_are_bounded(void **state)
{
    (void)state;
    struct bench *b = bench_of(64, 16384);
    add_keys(b, SPI_I, SPI_R, KEY_I, KEY_R);
    establish(b, 1, 40000);
    struct message m = fragment(IS_RESPONSE, 2, 1, 300, KEY_R); /* more than are joined */
    send_message(b, at(9, 4500), at(1, 40000), &m);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_FRAGMENT);
    assert_int_equal(last_ike(b)->ike.sk, IKE_SK_UNREADABLE);
    uint64_t before = ike_layer_bytes(b->layer);
    for (uint64_t i = 0; i < 40; i++) { /* each would take more than 4 KiB */
        m = fragment(IS_RESPONSE, 2, 1, 2, KEY_R);
        put_be(m.data, 8, 0x5000 + i);
        send_message(b, at(9, 4500), at((uint8_t)(10 + i), 40000), &m);
    }
    assert_true(ike_layer_bytes(b->layer) - before <= 16384 + 40 * ike_layer_association_bytes());
    finish(b);
    bench_free(b);
}

static void version_1_is_told_as_far_as_it_is_clear(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message first = message_of(SPI_I, 0, IKE1_MAIN, 0, 0), second = message_of(SPI_I, SPI_R, IKE1_MAIN, 0, 0);
    struct message third = message_of(SPI_I, SPI_R, IKE1_MAIN, IKE1_FLAG_ENCRYPTED, 0);
    add_payload(&first, 13, "vendor", 6);
    add_payload(&second, 13, "vendor", 6);
    add_payload(&third, 5, "opaque", 6);
    first.data[17] = second.data[17] = third.data[17] = 0x10;
    send_message(b, at(1, 500), at(9, 500), &first);
    send_message(b, at(9, 500), at(1, 500), &second);
    send_message(b, at(1, 40000), at(9, 4500), &third);
    finish(b);
    assert_int_equal(b->count, 5);
    assert_int_equal(b->events[0].type, CONVERSATION_IKE1);
    assert_int_equal(b->events[1].dir, TO_SERVER);
    assert_true(b->events[1].has_clear);
    assert_int_equal(b->events[2].dir, TO_CLIENT);
    assert_int_equal(b->events[3].dir, TO_SERVER);
    assert_false(b->events[3].has_clear);
    assert_true(b->events[3].ike.moved);
    assert_int_equal(b->events[3].ike.sk, IKE_SK_NO_KEY);
    bench_free(b);
}

/* The answer to a first request that the capture does not hold. */
static void version_1_begins_with_its_answer(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message second = message_of(SPI_I, SPI_R, IKE1_MAIN, 0, 0), third = message_of(SPI_I, SPI_R, IKE1_MAIN, 0, 0);
    add_payload(&second, 1, "association", 11);
    add_payload(&third, 4, "key", 3);
    second.data[17] = third.data[17] = 0x10;
    send_message(b, at(9, 500), at(1, 500), &second);
    assert_int_equal(last_ike(b)->dir, TO_CLIENT);
    send_message(b, at(1, 500), at(9, 500), &third);
    assert_int_equal(last_ike(b)->dir, TO_SERVER);
    bench_free(b);
}

/* A server that speaks only the other version refuses this one in its own framing (RFC 2408 section 5.4.2; strongSwan does so). */
static void the_other_version_refuses(void **state)
{
    (void)state;
    for (unsigned asked = 1; asked <= 2; asked++) {
        struct bench *b = bench_new();
        struct message ask = asked == 2 ? init_request(SPI_I, 1) : message_of(SPI_I, 0, IKE1_MAIN, 0, 0);
        struct message refuse = message_of(SPI_I, 0, asked == 2 ? IKE1_INFORMATIONAL : IKE_INFORMATIONAL, asked == 2 ? 0 : IS_RESPONSE, 0);
        if (asked == 2) {
            add_payload(&refuse, 11, "\0\0\0\1\1\0\0\5", 8); /* DOI, protocol, SPI size, type */
            refuse.data[17] = 0x10;
        } else {
            add_payload(&ask, 13, "vendor", 6);
            ask.data[17] = 0x10;
            add_payload(&refuse, IKE_NOTIFY, "\0\0\0\5", 4);
        }
        send_message(b, at(1, 500), at(9, 500), &ask);
        send_message(b, at(9, 500), at(2, 500), &refuse); /* to somebody else */
        assert_int_equal(count_of(b, EVENT_IKE), asked == 2 ? 2 : 1);
        refuse.data[23]++; /* its message id */
        send_message(b, at(9, 500), at(1, 500), &refuse);
        assert_int_equal(last_ike(b)->conv, 1);
        assert_int_equal(last_ike(b)->dir, TO_CLIENT);
        assert_int_equal(last_ike(b)->notify, 5);
        send_message(b, at(9, 500), at(1, 500), &refuse);
        assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_RETRANSMISSION);
        assert_int_equal(last_ike(b)->dir, TO_CLIENT);
        bench_free(b);
    }
}

static void what_is_no_message_is_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(SPI_I, 1);
    send_bytes(b, at(1, 500), at(9, 500), m.data, 20, 20);
    assert_int_equal(counters(b).malformed, 1);
    send_bytes(b, at(1, 500), at(9, 500), m.data, 20, m.len); /* cut by the snap length */
    assert_int_equal(counters(b).malformed, 1);
    put_be(m.data + 24, 4, m.len + 100);
    send_bytes(b, at(1, 500), at(9, 500), m.data, m.len, m.len);
    assert_int_equal(counters(b).malformed, 2);
    assert_int_equal(b->count, 0);
    bench_free(b);
}

/* Behind SNAT the client's port can be any, 500 and 4500 of the other side included. */
static void ports_do_not_decide_alone(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct message m = init_request(SPI_I, 1);
    assert_int_equal(send_bytes(b, at(1, 4500), at(9, 500), m.data, m.len, m.len), IKE_CARRIED_IKE);
    assert_int_equal(count_of(b, EVENT_OPENED), 1);
    assert_int_equal(send_bytes(b, at(1, 10500), at(9, 10500), m.data, m.len, m.len), IKE_CARRIED_IKE);
    assert_int_equal(last_ike(b)->ike.kind, IKE_EVENT_TRANSLATED);
    assert_int_equal(send_bytes(b, at(1, 500), at(9, 4500), "\1\2\3\4\0\0\0\1abcdefghijklmnop", 24, 24), IKE_CARRIED_ESP);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_association_on_both_ports),
        cmocka_unit_test(same_bytes_same_way_is_a_retransmission),
        cmocka_unit_test(same_bytes_another_way_at_once_is_a_translation),
        cmocka_unit_test(the_same_bytes_later_elsewhere_were_sent_again),
        cmocka_unit_test(cookies_and_other_groups_are_the_same_association),
        cmocka_unit_test(two_responders_are_told),
        cmocka_unit_test(strangers_with_one_spi_are_two),
        cmocka_unit_test(the_middle_of_one_begun_before),
        cmocka_unit_test(the_middle_of_one_that_the_server_renewed),
        cmocka_unit_test(the_beginning_may_come_later_in_the_file),
        cmocka_unit_test(silence_closes),
        cmocka_unit_test(a_clock_set_back_closes_nothing),
        cmocka_unit_test(esp_is_counted_on_its_path),
        cmocka_unit_test(bare_esp_is_counted_by_addresses),
        cmocka_unit_test(esp_goes_with_the_association_that_moves),
        cmocka_unit_test(a_new_association_takes_the_path_over),
        cmocka_unit_test(tunnels_along_one_path_are_told_by_their_spis),
        cmocka_unit_test(who_shared_a_path_has_it_alone_again),
        cmocka_unit_test(esp_from_before_is_not_of_a_later_login),
        cmocka_unit_test(esp_beyond_a_translator_is_counted_once),
        cmocka_unit_test(fragments_are_one_message),
        cmocka_unit_test(missing_fragments_are_in_the_state),
        cmocka_unit_test(smaller_fragments_take_the_place_of_greater_ones),
        cmocka_unit_test(keys_show_what_is_inside),
        cmocka_unit_test(wrong_keys_are_told_and_counted),
        cmocka_unit_test(a_forged_fragment_does_no_harm),
        cmocka_unit_test(a_rekeyed_association_goes_on_and_ends),
        cmocka_unit_test(a_renewed_association_is_the_same_without_keys),
        cmocka_unit_test(icmp_errors_are_told_to_who_waits),
        cmocka_unit_test(a_flood_is_bounded_and_spares_the_established),
        cmocka_unit_test(a_flood_spares_those_that_two_talk_in),
        cmocka_unit_test(fragments_are_bounded),
        cmocka_unit_test(version_1_is_told_as_far_as_it_is_clear),
        cmocka_unit_test(version_1_begins_with_its_answer),
        cmocka_unit_test(the_other_version_refuses),
        cmocka_unit_test(what_is_no_message_is_counted),
        cmocka_unit_test(ports_do_not_decide_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
