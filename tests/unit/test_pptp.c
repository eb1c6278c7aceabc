/* PPTP: messages and GRE as bytes (RFC 2637 sections 2 and 4.1), control connections cut anywhere, calls set up, refused, hung up
 * and known by their GRE only. */
#include "ppp_by_hand.h"

#include "dissect/pptp/pptp.h"
#include "dissect/pptp/pptp_layer.h"

enum { CLIENT_CALL = 0x0a01, SERVER_CALL = 0x0b02, CLIENT_PORT = 49700, FLOW = 7 };
static const uint8_t client_ip[4] = {192, 0, 2, 17}, server_ip[4] = {198, 51, 100, 1};

struct bench {
    struct told *told;
    struct pptp_layer *layer;
    uint32_t seq[2];        /* TCP, by direction */
    uint32_t gre_seq[2];
    size_t piece;           /* octets of a segment at most */
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return -1;
    b->told = told_new();
    b->piece = 1460;
    b->seq[0] = 1000;
    b->seq[1] = UINT32_MAX - 20; /* wraps */
    b->layer = pptp_layer_new(&(struct pptp_layer_options){.tls = b->told->tls, .sink = b->told->sink, .calls = 16,
                                                           .waiting_bytes = 1 << 18});
    *state = b;
    return b->layer != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    pptp_layer_free(b->layer);
    told_free(b->told);
    free(b);
    return 0;
}

static void pass(struct bench *b, int64_t seconds)
{
    b->told->frame.time_ns += seconds * INT64_C(1000000000);
    pptp_layer_time(b->layer, b->told->frame.time_ns);
}

static struct packet packet_of(struct bench *b, enum direction dir, bool tcp)
{
    struct endpoint client = {address_ipv4(client_ip), tcp ? CLIENT_PORT : 0};
    struct endpoint server = {address_ipv4(server_ip), tcp ? PORT_PPTP : 0};
    b->told->frame.number++;
    return (struct packet){.frame = &b->told->frame, .kind = tcp ? PACKET_TCP : PACKET_IP,
                           .ip_proto = tcp ? IP_PROTO_TCP : IP_PROTO_GRE, .src = dir == TO_SERVER ? client : server,
                           .dst = dir == TO_SERVER ? server : client};
}

static void segment(struct bench *b, enum direction dir, const uint8_t *bytes, size_t len, uint8_t flags)
{
    uint8_t *copy = exact_copy(bytes, len);
    struct packet p = packet_of(b, dir, true);
    p.payload = span_of(copy, len);
    p.payload_wire_len = (uint32_t)len;
    p.tcp_seq = b->seq[dir];
    p.tcp_ack = b->seq[1 - dir];
    p.tcp_flags = (uint8_t)(TCP_ACK | flags);
    pptp_layer_packet(b->layer, &p, FLOW);
    b->seq[dir] += (uint32_t)len + ((flags & TCP_FIN) != 0);
    free(copy);
}

static void send_message(struct bench *b, enum direction dir, const uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += b->piece)
        segment(b, dir, bytes + at, len - at < b->piece ? len - at : b->piece, 0);
}

static size_t header(uint8_t *out, size_t length, unsigned type)
{
    memset(out, 0, length);
    memcpy(out, (uint8_t[]){0, (uint8_t)length, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, (uint8_t)type}, 10);
    return length;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static size_t start(uint8_t out[156], unsigned type, unsigned result, unsigned error, const char *host, const char *vendor)
{
    size_t n = header(out, 156, type);
    put16(out + 12, 0x0100);
    out[14] = (uint8_t)result;
    out[15] = (uint8_t)error;
    memcpy(out + 28, host, strlen(host));
    memcpy(out + 92, vendor, strlen(vendor));
    return n;
}

static void send_start_request(struct bench *b)
{
    uint8_t m[156];
    send_message(b, TO_SERVER, m, start(m, PPTP_START_REQUEST, 0, 0, "PC17", "Microsoft"));
}

static void send_start_reply(struct bench *b, unsigned result, unsigned error)
{
    uint8_t m[156];
    send_message(b, TO_CLIENT, m, start(m, PPTP_START_REPLY, result, error, "vpn", "linux"));
}

static void send_outgoing_request(struct bench *b, unsigned call)
{
    uint8_t m[168];
    size_t n = header(m, sizeof m, PPTP_OUTGOING_REQUEST);
    put16(m + 12, call);
    send_message(b, TO_SERVER, m, n);
}

static void send_outgoing_reply(struct bench *b, unsigned call, unsigned peer, unsigned result, unsigned error)
{
    uint8_t m[32];
    size_t n = header(m, sizeof m, PPTP_OUTGOING_REPLY);
    put16(m + 12, call);
    put16(m + 14, peer);
    m[16] = (uint8_t)result;
    m[17] = (uint8_t)error;
    send_message(b, TO_CLIENT, m, n);
}

static void call_opens(struct bench *b)
{
    send_start_request(b);
    send_start_reply(b, 1, 0);
    send_outgoing_request(b, CLIENT_CALL);
    send_outgoing_reply(b, SERVER_CALL, CLIENT_CALL, 1, 0);
}

static void gre(struct bench *b, enum direction dir, unsigned call, const uint8_t *frame, size_t len)
{
    uint8_t bytes[80] = {len > 0 ? 0x30 : 0x20, 0x81, 0x88, 0x0b};
    size_t at = 8;
    put16(bytes + 4, (unsigned)len);
    put16(bytes + 6, call);
    if (len > 0) {
        bytes[at + 3] = (uint8_t)b->gre_seq[dir]++;
        at += 4;
    }
    bytes[at + 3] = 1; /* acknowledgement */
    at += 4;
    if (len > 0)
        memcpy(bytes + at, frame, len);
    uint8_t *copy = malloc(at + len);
    assert_non_null(copy);
    memcpy(copy, bytes, at + len);
    struct packet p = packet_of(b, dir, false);
    p.payload = span_of(copy, at + len);
    p.payload_wire_len = (uint32_t)(at + len);
    assert_true(pptp_layer_gre(b->layer, &p));
    free(copy);
}

static void link_runs(struct bench *b, unsigned from)
{
    for (unsigned i = from; i < PPP_SHORT_LINK; i++) {
        const struct ppp_step *s = &ppp_short_link[i];
        gre(b, s->dir, s->dir == TO_SERVER ? SERVER_CALL : CLIENT_CALL, s->bytes, s->len);
    }
}

static void a_whole_call(struct bench *b)
{
    call_opens(b);
    link_runs(b, 0);
    gre(b, TO_CLIENT, CLIENT_CALL, NULL, 0);
    uint8_t clear[16], notify[148];
    header(clear, sizeof clear, PPTP_CALL_CLEAR);
    put16(clear + 12, CLIENT_CALL);
    send_message(b, TO_SERVER, clear, sizeof clear);
    header(notify, sizeof notify, PPTP_DISCONNECT);
    put16(notify + 12, SERVER_CALL);
    notify[14] = 4;
    send_message(b, TO_CLIENT, notify, sizeof notify);
    segment(b, TO_SERVER, NULL, 0, TCP_FIN);
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->messages, 6);
    assert_int_equal(b->told->ppp, 10);
    assert_string_equal(b->told->last_message, "Call-Disconnect-Notify");
    assert_string_equal(b->told->last_words, "as was requested");
    pass(b, 31);
    assert_int_equal(b->told->closed, 1);
    assert_int_equal(b->told->ends[0].reason, CLOSE_FINAL);
    assert_short_link(b->told, 0);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_CONNECTED);
    assert_int_equal(c->end, PPP_CALL_CLEARED);
    assert_int_equal(c->end_by, TO_SERVER);
    assert_int_equal(c->call[TO_SERVER], SERVER_CALL);
    assert_int_equal(c->call[TO_CLIENT], CLIENT_CALL);
    assert_int_equal(c->packets[TO_SERVER], 6);
    assert_int_equal(c->packets[TO_CLIENT], 7);
    assert_int_equal(c->control[TO_SERVER], 3);
    assert_int_equal(c->control[TO_CLIENT], 3);
    assert_int_equal(c->host[TO_SERVER].len, 4);
    assert_memory_equal(c->vendor[TO_CLIENT].text, "linux", 5);
    assert_int_equal(b->told->ends[0].client.port, CLIENT_PORT);
    assert_false(b->told->ends[0].begun_before);
    assert_int_equal(c->missing[TO_SERVER] + c->missing[TO_CLIENT], 0);
}

/* RFC 2637 section 4.4: the numbers of frames show which ones the capture lacks; late ones do not count. */
static void frames_that_were_not_captured(void **state)
{
    struct bench *b = *state;
    static const uint8_t echo[] = {0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0};
    call_opens(b);
    gre(b, TO_SERVER, SERVER_CALL, echo, sizeof echo);
    b->gre_seq[TO_SERVER] += 3;
    gre(b, TO_SERVER, SERVER_CALL, echo, sizeof echo);
    b->gre_seq[TO_SERVER] -= 2;
    gre(b, TO_SERVER, SERVER_CALL, echo, sizeof echo); /* one of the three comes late */
    b->gre_seq[TO_CLIENT] = 1;                         /* as some begin */
    gre(b, TO_CLIENT, CLIENT_CALL, echo, sizeof echo);
    pptp_layer_finish(b->layer);
    assert_int_equal(b->told->ends[0].call.missing[TO_SERVER], 2);
    assert_int_equal(b->told->ends[0].call.missing[TO_CLIENT], 0);
}

static void a_reply_to_a_request_that_was_not_captured(void **state)
{
    struct bench *b = *state;
    send_start_request(b);
    send_start_reply(b, 1, 0);
    send_outgoing_reply(b, SERVER_CALL, CLIENT_CALL, 1, 0);
    link_runs(b, 0);
    pptp_layer_finish(b->layer);
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->ends[0].call.stage, PPP_CALL_CONNECTED);
    assert_int_equal(b->told->ends[0].call.call[TO_CLIENT], CLIENT_CALL);
    assert_true(b->told->ends[0].call.missing[TO_SERVER] > 0);
    assert_short_link(b->told, 0);
}

static void a_whole_call_in_segments_of_any_size(void **state)
{
    for (size_t piece = 2; piece <= 200; piece += piece < 20 ? 1 : 60) { /* one octet may be a keep-alive */
        tear_down(state);
        assert_int_equal(set_up(state), 0);
        struct bench *b = *state;
        b->piece = piece;
        a_whole_call(b);
    }
}

static void messages_in_one_segment_and_out_of_order(void **state)
{
    struct bench *b = *state;
    uint8_t both[156 + 168];
    start(both, PPTP_START_REQUEST, 0, 0, "PC17", "Microsoft");
    header(both + 156, 168, PPTP_OUTGOING_REQUEST);
    put16(both + 156 + 12, CLIENT_CALL);
    segment(b, TO_SERVER, both, 20, 0);
    b->seq[TO_SERVER] += 100;
    segment(b, TO_SERVER, both + 120, sizeof both - 120, 0);
    assert_int_equal(b->told->messages, 0);
    b->seq[TO_SERVER] = 1020;
    segment(b, TO_SERVER, both + 20, 100, 0);
    assert_int_equal(b->told->messages, 2);
    assert_string_equal(b->told->last_message, "Outgoing-Call-Request");
}

static void what_is_no_message_is_stepped_over(void **state)
{
    struct bench *b = *state;
    static const uint8_t rubbish[] = "GET / HTTP/1.1\r\n\r\n";
    segment(b, TO_SERVER, rubbish, sizeof rubbish - 1, 0);
    call_opens(b);
    assert_int_equal(b->told->messages, 4);
    struct pptp_layer_counters counters;
    pptp_layer_get_counters(b->layer, &counters);
    assert_true(counters.malformed > 0);
}

static void a_connection_that_is_refused(void **state)
{
    struct bench *b = *state;
    send_start_request(b);
    send_start_reply(b, 4, 0);
    assert_string_equal(b->told->last_words, "not authorized");
    segment(b, TO_CLIENT, NULL, 0, TCP_RST);
    pptp_layer_finish(b->layer);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_ASKED);
    assert_int_equal(c->end, PPP_CALL_REFUSED);
    assert_int_equal(c->end_by, TO_CLIENT);
    assert_int_equal(c->result, 4);
}

static void a_call_that_is_refused(void **state)
{
    struct bench *b = *state;
    send_start_request(b);
    send_start_reply(b, 1, 0);
    send_outgoing_request(b, CLIENT_CALL);
    send_outgoing_reply(b, 0, CLIENT_CALL, 2, 4);
    assert_string_equal(b->told->last_words, "resources are short");
    pptp_layer_finish(b->layer);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_DIALLED);
    assert_int_equal(c->end, PPP_CALL_REFUSED);
    assert_int_equal(c->result, 2);
    assert_int_equal(c->error, 4);
    assert_int_equal(c->waiting.frame, 0);
}

static void a_server_that_hangs_up(void **state)
{
    struct bench *b = *state;
    send_start_request(b);
    segment(b, TO_CLIENT, NULL, 0, TCP_RST);
    pass(b, 40);
    assert_int_equal(b->told->closed, 1);
    assert_int_equal(b->told->ends[0].call.end, PPP_CALL_HUNG_UP);
    assert_int_equal(b->told->ends[0].call.end_by, TO_CLIENT);
    assert_false(b->told->ends[0].call.has_result);
}

/* Error 806: the control connection works, and of GRE only the client's passes. */
static void gre_that_nobody_answers(void **state)
{
    struct bench *b = *state;
    call_opens(b);
    for (unsigned i = 0; i < 5; i++)
        gre(b, TO_SERVER, SERVER_CALL, ppp_short_link[0].bytes, ppp_short_link[0].len);
    pass(b, 121);
    assert_int_equal(b->told->closed, 1);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_CONNECTED);
    assert_int_equal(c->packets[TO_SERVER], 5);
    assert_int_equal(c->packets[TO_CLIENT], 0);
    assert_int_equal(b->told->ends[0].ppp.lcp.outcome, PPP_RUNNING);
}

/* A client that dials again from the same port: another sequence of octets, another call. */
static void another_connection_between_the_same_ports(void **state)
{
    struct bench *b = *state;
    call_opens(b);
    segment(b, TO_SERVER, NULL, 0, TCP_FIN);
    segment(b, TO_CLIENT, NULL, 0, TCP_FIN);
    assert_int_equal(b->told->messages, 4);
    b->seq[TO_SERVER] = 0x70000000;
    b->seq[TO_CLIENT] = 0x30000000;
    struct packet syn = packet_of(b, TO_SERVER, true);
    syn.tcp_seq = b->seq[TO_SERVER] - 1;
    syn.tcp_flags = TCP_SYN;
    pptp_layer_packet(b->layer, &syn, FLOW);
    call_opens(b);
    assert_int_equal(b->told->messages, 8);
    pptp_layer_packet(b->layer, &syn, FLOW); /* captured late: its own */
    send_outgoing_request(b, CLIENT_CALL + 1);
    assert_int_equal(b->told->messages, 9);
    assert_int_equal(b->told->opened, 3);
    pptp_layer_finish(b->layer);
}

static void two_calls_of_one_connection(void **state)
{
    struct bench *b = *state;
    call_opens(b);
    send_outgoing_request(b, CLIENT_CALL + 1);
    send_outgoing_reply(b, SERVER_CALL + 1, CLIENT_CALL + 1, 1, 0);
    assert_int_equal(b->told->opened, 2);
    uint8_t stop[16];
    header(stop, sizeof stop, PPTP_STOP_REQUEST);
    stop[12] = 3;
    send_message(b, TO_CLIENT, stop, sizeof stop);
    assert_string_equal(b->told->last_words, "shutting down");
    pptp_layer_finish(b->layer);
    assert_int_equal(b->told->closed, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(b->told->ends[i].call.end, PPP_CALL_CLEARED);
        assert_int_equal(b->told->ends[i].call.result, 3);
    }
}

static void a_call_known_by_its_gre(void **state)
{
    struct bench *b = *state;
    link_runs(b, 1); /* the server's LCP Request comes first: it demands authentication */
    pptp_layer_finish(b->layer);
    assert_int_equal(b->told->opened, 1);
    assert_true(b->told->ends[0].begun_before);
    assert_int_equal(b->told->ends[0].call.stage, PPP_CALL_DATA);
    assert_int_equal(b->told->ends[0].ppp.authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
    struct address client = address_ipv4(client_ip);
    assert_true(address_equal(&b->told->ends[0].client.address, &client));
}

static void gre_packets(void **state)
{
    (void)state;
    static const uint8_t both[] = {0x30, 0x81, 0x88, 0x0b, 0, 2, 0x12, 0x34, 0, 0, 0, 5, 0, 0, 0, 4, 0xc0, 0x21};
    static const uint8_t bare[] = {0x20, 0x81, 0x88, 0x0b, 0, 0, 0x12, 0x34, 0, 0, 0, 9};
    static const uint8_t generic[] = {0x20, 0x00, 0x08, 0x00, 0, 0, 0, 7};
    static const uint8_t too_long[] = {0x30, 0x01, 0x88, 0x0b, 0, 3, 0x12, 0x34, 0, 0, 0, 5, 0xc0, 0x21};
    struct pptp_gre g;
    assert_true(pptp_gre_parse(span_of(both, sizeof both), sizeof both, &g));
    assert_false(g.malformed);
    assert_int_equal(g.call, 0x1234);
    assert_int_equal(g.sequence, 5);
    assert_int_equal(g.ack, 4);
    assert_int_equal(g.payload.len, 2);
    assert_true(pptp_gre_parse(span_of(bare, sizeof bare), sizeof bare, &g));
    assert_false(g.has_sequence);
    assert_int_equal(g.ack, 9);
    assert_int_equal(g.payload.len, 0);
    assert_false(pptp_gre_parse(span_of(generic, sizeof generic), sizeof generic, &g));
    assert_true(pptp_gre_parse(span_of(too_long, sizeof too_long), sizeof too_long, &g));
    assert_true(g.malformed);
    assert_int_equal(g.payload.len, 0);
    /* The same cut by the capture; padding of a short Ethernet frame is no payload. */
    assert_true(pptp_gre_parse(span_of(too_long, sizeof too_long), 60, &g));
    assert_false(g.malformed);
    assert_int_equal(g.payload_wire_len, 3);
    assert_int_equal(g.payload.len, 2);
    for (size_t n = 0; n < sizeof both; n++)
        (void)pptp_gre_parse(span_of(both, n), (uint32_t)sizeof both, &g);
}

static void messages_as_bytes(void **state)
{
    (void)state;
    uint8_t m[PPTP_MESSAGE_MAX];
    struct pptp_message read;
    size_t n = start(m, PPTP_START_REPLY, 1, 0, "vpn", "linux");
    assert_int_equal(pptp_message_length(span_of(m, n)), 156);
    pptp_message_read(span_of(m, n), &read);
    assert_false(read.malformed);
    assert_int_equal(read.result, 1);
    assert_int_equal(read.host.len, 3);
    assert_memory_equal(read.vendor.data, "linux", 5);
    m[4] = 0x1b; /* the cookie */
    assert_int_equal(pptp_message_length(span_of(m, n)), 0);
    n = header(m, 16, PPTP_DISCONNECT); /* shorter than its type */
    pptp_message_read(span_of(m, n), &read);
    assert_true(read.malformed);
    n = header(m, 24, PPTP_SET_LINK);
    put16(m + 12, 77);
    pptp_message_read(span_of(m, n), &read);
    assert_true(read.has_peer && !read.has_call);
    assert_int_equal(read.peer, 77);
    assert_null(pptp_message_name(16));
    assert_null(pptp_result_words(PPTP_ECHO_REPLY, 1));
    for (unsigned type = 0; type < 17; type++) {
        for (size_t length = 16; length <= PPTP_MESSAGE_MAX; length++) {
            header(m, length, type);
            uint8_t *copy = exact_copy(m, length);
            pptp_message_read(span_of(copy, length), &read);
            free(copy);
        }
    }
}

static void many_connections_stay_in_bounds(void **state)
{
    struct bench *b = *state;
    uint8_t m[156];
    start(m, PPTP_START_REQUEST, 0, 0, "PC17", "Microsoft");
    for (uint32_t i = 0; i < 20; i++) {
        struct packet p = packet_of(b, TO_SERVER, true);
        p.src.port = (uint16_t)(CLIENT_PORT + i);
        p.payload = span_of(m, sizeof m);
        p.payload_wire_len = sizeof m;
        p.tcp_seq = 1;
        p.tcp_flags = TCP_ACK;
        pptp_layer_packet(b->layer, &p, 100 + i);
    }
    struct pptp_layer_counters counters;
    pptp_layer_get_counters(b->layer, &counters);
    assert_int_equal(counters.calls, 20);
    assert_int_equal(counters.evicted, 4);
    assert_int_equal(b->told->closed, 4);
    assert_int_equal(b->told->ends[0].id, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_as_bytes),
        cmocka_unit_test(gre_packets),
        cmocka_unit_test_setup_teardown(a_whole_call_in_segments_of_any_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_that_were_not_captured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reply_to_a_request_that_was_not_captured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_in_one_segment_and_out_of_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_message_is_stepped_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_connection_that_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_hangs_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gre_that_nobody_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_calls_of_one_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_connection_between_the_same_ports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_known_by_its_gre, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_connections_stay_in_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
