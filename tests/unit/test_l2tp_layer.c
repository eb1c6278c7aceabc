/* Tunnels and calls of L2TPv2 (RFC 2661 sections 5 and 6): set up, refused, silent, in the middle, many at once. */
#include "ppp_by_hand.h"

#include "dissect/l2tp/l2tp.h"
#include "dissect/l2tp/l2tp_layer.h"

struct bench {
    struct told *told;
    struct l2tp_layer *layer;
    uint8_t message[256]; /* being built */
    size_t len;
};

static const uint8_t client_ip[4] = {192, 0, 2, 17}, server_ip[4] = {198, 51, 100, 1};
enum { CLIENT_TUNNEL = 0x11, SERVER_TUNNEL = 0x2222, CLIENT_SESSION = 5, SERVER_SESSION = 0x666 };

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return -1;
    b->told = told_new();
    b->layer = l2tp_layer_new(&(struct l2tp_layer_options){.tls = b->told->tls, .sink = b->told->sink, .calls = 16});
    *state = b;
    return b->layer != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    l2tp_layer_free(b->layer);
    told_free(b->told);
    free(b);
    return 0;
}

static void send_from(struct bench *b, enum direction dir, uint16_t client_port, const void *bytes, size_t len)
{
    struct told *t = b->told;
    uint8_t *copy = exact_copy(bytes, len);
    t->frame.number++;
    struct endpoint client = {.address = address_ipv4(client_ip), .port = client_port};
    struct endpoint server = {.address = address_ipv4(server_ip), .port = PORT_L2TP};
    struct packet p = {.frame = &t->frame, .kind = PACKET_UDP, .src = dir == TO_SERVER ? client : server,
                       .dst = dir == TO_SERVER ? server : client, .payload = {copy, len}, .payload_wire_len = (uint32_t)len};
    l2tp_layer_packet(b->layer, &p);
    free(copy);
}

static void pass(struct bench *b, int64_t seconds)
{
    b->told->frame.time_ns += seconds * INT64_C(1000000000);
    l2tp_layer_time(b->layer, b->told->frame.time_ns);
}

static void put16(struct bench *b, unsigned value)
{
    b->message[b->len++] = (uint8_t)(value >> 8);
    b->message[b->len++] = (uint8_t)value;
}

static void avp16(struct bench *b, unsigned type, unsigned value)
{
    put16(b, 0x8008);
    put16(b, 0);
    put16(b, type);
    put16(b, value);
}

static void avp_text(struct bench *b, unsigned type, const char *text)
{
    put16(b, 0x8000u | (unsigned)(6 + strlen(text)));
    put16(b, 0);
    put16(b, type);
    memcpy(b->message + b->len, text, strlen(text));
    b->len += strlen(text);
}

/* Begins a control message; its length is filled in when it is sent. type 0: ZLB. */
static void control(struct bench *b, unsigned tunnel, unsigned session, unsigned ns, unsigned type)
{
    b->len = 0;
    put16(b, 0xc802);
    put16(b, 0);
    put16(b, tunnel);
    put16(b, session);
    put16(b, ns);
    put16(b, 0);
    if (type != 0)
        avp16(b, L2TP_AVP_MESSAGE_TYPE, type);
}

static void send_control(struct bench *b, enum direction dir)
{
    b->message[2] = (uint8_t)(b->len >> 8);
    b->message[3] = (uint8_t)b->len;
    send_from(b, dir, PORT_L2TP, b->message, b->len);
}

static void send_sccrq(struct bench *b)
{
    control(b, 0, 0, 0, L2TP_SCCRQ);
    avp_text(b, L2TP_AVP_HOST_NAME, "PC17");
    avp_text(b, L2TP_AVP_VENDOR_NAME, "Microsoft");
    avp16(b, L2TP_AVP_TUNNEL_ID, CLIENT_TUNNEL);
    send_control(b, TO_SERVER);
}

static void send_sccrp(struct bench *b)
{
    control(b, CLIENT_TUNNEL, 0, 0, L2TP_SCCRP);
    avp_text(b, L2TP_AVP_HOST_NAME, "vpn");
    avp16(b, L2TP_AVP_TUNNEL_ID, SERVER_TUNNEL);
    send_control(b, TO_CLIENT);
}

static void tunnel_opens(struct bench *b)
{
    send_sccrq(b);
    send_sccrp(b);
    control(b, SERVER_TUNNEL, 0, 1, L2TP_SCCCN);
    send_control(b, TO_SERVER);
}

static void call_opens(struct bench *b)
{
    control(b, SERVER_TUNNEL, 0, 2, L2TP_ICRQ);
    avp16(b, L2TP_AVP_SESSION_ID, CLIENT_SESSION);
    send_control(b, TO_SERVER);
    control(b, CLIENT_TUNNEL, CLIENT_SESSION, 1, L2TP_ICRP);
    avp16(b, L2TP_AVP_SESSION_ID, SERVER_SESSION);
    send_control(b, TO_CLIENT);
    control(b, SERVER_TUNNEL, SERVER_SESSION, 3, L2TP_ICCN);
    send_control(b, TO_SERVER);
}

static void send_data(struct bench *b, enum direction dir, uint16_t client_port, unsigned tunnel, unsigned session,
                      const uint8_t *frame, size_t len)
{
    b->len = 0;
    put16(b, 0x0002);
    put16(b, tunnel);
    put16(b, session);
    memcpy(b->message + b->len, frame, len);
    send_from(b, dir, client_port, b->message, b->len + len);
}

static void link_runs(struct bench *b, uint16_t client_port, unsigned from)
{
    for (unsigned i = from; i < PPP_SHORT_LINK; i++) {
        const struct ppp_step *s = &ppp_short_link[i];
        send_data(b, s->dir, client_port, s->dir == TO_SERVER ? SERVER_TUNNEL : CLIENT_TUNNEL,
                  s->dir == TO_SERVER ? SERVER_SESSION : CLIENT_SESSION, s->bytes, s->len);
    }
}

static void a_whole_call_from_request_to_disconnection(void **state)
{
    struct bench *b = *state;
    tunnel_opens(b);
    call_opens(b);
    link_runs(b, PORT_L2TP, 0);
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->ppp, 10);
    assert_int_equal(b->told->datagrams, 2);
    control(b, SERVER_TUNNEL, SERVER_SESSION, 4, L2TP_CDN);
    avp16(b, L2TP_AVP_RESULT_CODE, 3);
    avp16(b, L2TP_AVP_SESSION_ID, CLIENT_SESSION);
    send_control(b, TO_SERVER);
    assert_string_equal(b->told->last_message, "CDN");
    assert_string_equal(b->told->last_words, "administrative reasons");
    assert_int_equal(b->told->closed, 0); /* what comes late is still its own */
    pass(b, 31);
    assert_int_equal(b->told->closed, 1);
    assert_int_equal(b->told->ends[0].reason, CLOSE_FINAL);
    assert_short_link(b->told, 0);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_CONNECTED);
    assert_int_equal(c->end, PPP_CALL_CLEARED);
    assert_int_equal(c->end_by, TO_SERVER);
    assert_int_equal(c->result, 3);
    assert_int_equal(c->tunnel[TO_SERVER], SERVER_TUNNEL);
    assert_int_equal(c->tunnel[TO_CLIENT], CLIENT_TUNNEL);
    assert_int_equal(c->call[TO_SERVER], SERVER_SESSION);
    assert_int_equal(c->call[TO_CLIENT], CLIENT_SESSION);
    assert_int_equal(c->packets[TO_SERVER], 6);
    assert_int_equal(c->packets[TO_CLIENT], 6);
    assert_memory_equal(c->host[TO_SERVER].text, "PC17", 4);
    assert_memory_equal(c->host[TO_CLIENT].text, "vpn", 3);
    assert_memory_equal(c->vendor[TO_SERVER].text, "Microsoft", 9);
    assert_false(b->told->ends[0].begun_before);
    assert_int_equal(c->waiting.frame, 0);
}

static void a_request_that_nobody_answers(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 0; i < 5; i++) {
        send_sccrq(b);
        pass(b, 1 << i);
    }
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->messages, 5);
    assert_int_equal(b->told->repeated_messages, 4);
    pass(b, 121);
    assert_int_equal(b->told->closed, 1);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(b->told->ends[0].reason, CLOSE_IDLE);
    assert_int_equal(c->stage, PPP_CALL_ASKED);
    assert_int_equal(c->transmissions, 5);
    assert_int_equal(c->waiting.frame, 1);
    assert_int_equal(c->waiting_by, TO_SERVER);
    assert_int_equal(c->last[TO_CLIENT].frame, 0);
    assert_false(b->told->ends[0].has_ppp);
}

static void a_tunnel_that_is_refused(void **state)
{
    struct bench *b = *state;
    send_sccrq(b);
    control(b, CLIENT_TUNNEL, 0, 0, L2TP_STOPCCN);
    avp16(b, L2TP_AVP_TUNNEL_ID, SERVER_TUNNEL);
    avp16(b, L2TP_AVP_RESULT_CODE, 4);
    send_control(b, TO_CLIENT);
    send_control(b, TO_CLIENT); /* once more: section 5.8 */
    assert_int_equal(b->told->repeated_messages, 1);
    l2tp_layer_finish(b->layer);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(b->told->closed, 1);
    assert_int_equal(b->told->ends[0].reason, CLOSE_FINAL);
    assert_int_equal(c->end, PPP_CALL_REFUSED);
    assert_int_equal(c->end_by, TO_CLIENT);
    assert_true(c->has_result);
    assert_int_equal(c->result, 4);
    assert_int_equal(c->ended.frame, 2);
}

static void a_call_that_is_refused_with_words(void **state)
{
    struct bench *b = *state;
    tunnel_opens(b);
    control(b, SERVER_TUNNEL, 0, 2, L2TP_ICRQ);
    avp16(b, L2TP_AVP_SESSION_ID, CLIENT_SESSION);
    send_control(b, TO_SERVER);
    control(b, CLIENT_TUNNEL, CLIENT_SESSION, 1, L2TP_CDN);
    put16(b, 0x8000 | 14);
    put16(b, 0);
    put16(b, L2TP_AVP_RESULT_CODE);
    put16(b, 2);
    put16(b, 4);
    memcpy(b->message + b->len, "full", 4);
    b->len += 4;
    avp16(b, L2TP_AVP_SESSION_ID, 0);
    send_control(b, TO_CLIENT);
    assert_string_equal(b->told->last_words, "resources are short");
    l2tp_layer_finish(b->layer);
    const struct ppp_call_state *c = &b->told->ends[0].call;
    assert_int_equal(c->stage, PPP_CALL_DIALLED);
    assert_int_equal(c->end, PPP_CALL_REFUSED);
    assert_int_equal(c->result, 2);
    assert_int_equal(c->error, 4);
    assert_int_equal(c->text_len, 4);
    assert_memory_equal(c->text, "full", 4);
}

static void two_calls_in_one_tunnel(void **state)
{
    struct bench *b = *state;
    tunnel_opens(b);
    call_opens(b);
    control(b, SERVER_TUNNEL, 0, 4, L2TP_ICRQ);
    avp16(b, L2TP_AVP_SESSION_ID, CLIENT_SESSION + 1);
    send_control(b, TO_SERVER);
    control(b, CLIENT_TUNNEL, CLIENT_SESSION + 1, 2, L2TP_ICRP);
    avp16(b, L2TP_AVP_SESSION_ID, SERVER_SESSION + 1);
    send_control(b, TO_CLIENT);
    assert_int_equal(b->told->opened, 2);
    link_runs(b, PORT_L2TP, 0);
    control(b, CLIENT_TUNNEL, 0, 3, L2TP_STOPCCN);
    avp16(b, L2TP_AVP_RESULT_CODE, 6);
    send_control(b, TO_CLIENT);
    pass(b, 40);
    assert_int_equal(b->told->closed, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(b->told->ends[i].call.end, PPP_CALL_CLEARED);
        assert_int_equal(b->told->ends[i].call.result, 6);
        assert_memory_equal(b->told->ends[i].call.host[TO_SERVER].text, "PC17", 4);
    }
}

/* The client begins anew with the same tunnel id: what ends the new tunnel does not end the old one's call. */
static void calls_of_a_former_tunnel_go_on(void **state)
{
    struct bench *b = *state;
    tunnel_opens(b);
    call_opens(b);
    pass(b, 61);
    tunnel_opens(b);
    assert_int_equal(b->told->opened, 2);
    control(b, CLIENT_TUNNEL, 0, 1, L2TP_STOPCCN);
    avp16(b, L2TP_AVP_RESULT_CODE, 6);
    send_control(b, TO_CLIENT);
    link_runs(b, PORT_L2TP, 0);
    l2tp_layer_finish(b->layer);
    assert_int_equal(b->told->closed, 2);
    assert_int_equal(b->told->ends[0].call.end, PPP_CALL_REFUSED);
    assert_int_equal(b->told->ends[0].reason, CLOSE_FINAL);
    assert_int_equal(b->told->ends[1].call.end, PPP_CALL_NOT_ENDED);
    assert_true(b->told->ends[1].has_ppp);
}

static void a_bare_acknowledgement_is_told_and_uses_no_number_up(void **state)
{
    struct bench *b = *state;
    tunnel_opens(b);
    control(b, CLIENT_TUNNEL, 0, 1, 0);
    send_control(b, TO_CLIENT);
    assert_string_equal(b->told->last_message, "ZLB");
    control(b, CLIENT_TUNNEL, 0, 1, L2TP_HELLO);
    send_control(b, TO_CLIENT);
    assert_string_equal(b->told->last_message, "Hello");
    assert_int_equal(b->told->repeated_messages, 0);
}

static void a_new_request_with_the_same_id_is_another_attempt(void **state)
{
    struct bench *b = *state;
    send_sccrq(b);
    pass(b, 90);
    send_sccrq(b);
    assert_int_equal(b->told->opened, 2);
    assert_int_equal(b->told->closed, 1);
    assert_int_equal(b->told->ends[0].reason, CLOSE_REPLACED);
}

/* The control messages came before the capture: both directions are one call, and its client is who demands nothing. */
static void a_call_known_by_its_frames(void **state)
{
    struct bench *b = *state;
    link_runs(b, PORT_L2TP, 1); /* the server speaks first */
    assert_int_equal(b->told->opened, 1);
    l2tp_layer_finish(b->layer);
    assert_int_equal(b->told->closed, 1);
    assert_true(b->told->ends[0].begun_before);
    assert_int_equal(b->told->ends[0].call.stage, PPP_CALL_DATA);
    struct address client = address_ipv4(client_ip);
    assert_true(address_equal(&b->told->ends[0].client.address, &client));
    assert_int_equal(b->told->ends[0].ppp.authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(b->told->ends[0].call.call[TO_SERVER], SERVER_SESSION);
    assert_int_equal(b->told->ends[0].call.call[TO_CLIENT], CLIENT_SESSION);
}

/* Time is told after the frame that shows it: what begins with that frame is not as old as the silence before it. */
static void a_tunnel_that_begins_after_a_silence_is_new(void **state)
{
    struct bench *b = *state;
    pass(b, 1);
    b->told->frame.time_ns += 3600 * INT64_C(1000000000);
    send_sccrq(b);
    pass(b, 1);
    send_sccrq(b);
    send_sccrp(b);
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->closed, 0);
}

/* A datagram of the server comes first, and is taken for the client's until PPP shows who demands authentication. */
static void sides_change_when_ppp_shows_them(void **state)
{
    struct bench *b = *state;
    send_data(b, TO_CLIENT, PORT_L2TP, CLIENT_TUNNEL, CLIENT_SESSION, (const uint8_t *)"\x21\x45", 2);
    link_runs(b, PORT_L2TP, 0);
    assert_int_equal(b->told->opened, 1);
    l2tp_layer_finish(b->layer);
    struct address server = address_ipv4(server_ip);
    assert_true(address_equal(&b->told->ends[0].server.address, &server));
    assert_int_equal(b->told->ends[0].call.packets[TO_CLIENT], 7);
    assert_int_equal(b->told->ends[0].call.packets[TO_SERVER], 6);
    assert_int_equal(b->told->ends[0].call.call[TO_SERVER], SERVER_SESSION);
    assert_int_equal(b->told->ends[0].ppp.authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
}

static void the_port_tells_the_client(void **state)
{
    struct bench *b = *state;
    send_data(b, TO_CLIENT, 40001, CLIENT_TUNNEL, CLIENT_SESSION, (const uint8_t *)"\x21\x45", 2);
    send_data(b, TO_SERVER, 40001, SERVER_TUNNEL, SERVER_SESSION, (const uint8_t *)"\x21\x45", 2);
    l2tp_layer_finish(b->layer);
    assert_int_equal(b->told->opened, 1);
    assert_int_equal(b->told->ends[0].client.port, 40001);
    assert_int_equal(b->told->ends[0].call.packets[TO_CLIENT], 1);
    assert_int_equal(b->told->ends[0].call.packets[TO_SERVER], 1);
}

/* Clients behind one translator choose the same ids: their ports tell them apart. */
static void clients_behind_one_address(void **state)
{
    struct bench *b = *state;
    for (unsigned i = 0; i < 4; i++) {
        send_data(b, TO_SERVER, (uint16_t)(40001 + i), SERVER_TUNNEL + i, 9, (const uint8_t *)"\x21\x45", 2);
        send_data(b, TO_CLIENT, (uint16_t)(40001 + i), 1, 1, (const uint8_t *)"\x21\x45", 2);
    }
    assert_int_equal(b->told->opened, 4);
}

/* Two calls lack their other direction at the same time: nobody can tell which is which. */
static void what_cannot_be_paired_stays_apart(void **state)
{
    struct bench *b = *state;
    send_data(b, TO_SERVER, PORT_L2TP, SERVER_TUNNEL, 8, (const uint8_t *)"\x21\x45", 2);
    send_data(b, TO_SERVER, PORT_L2TP, SERVER_TUNNEL, 9, (const uint8_t *)"\x21\x45", 2);
    send_data(b, TO_CLIENT, PORT_L2TP, CLIENT_TUNNEL, 1, (const uint8_t *)"\x21\x45", 2);
    assert_int_equal(b->told->opened, 3);
}

static void what_is_no_ppp_opens_nothing(void **state)
{
    struct bench *b = *state;
    send_data(b, TO_SERVER, PORT_L2TP, 7, 8, (const uint8_t *)"\x12\x34\x56", 3);
    send_data(b, TO_SERVER, PORT_L2TP, 7, 0, (const uint8_t *)"\x21\x45", 2);
    control(b, 77, 0, 3, L2TP_HELLO);
    send_control(b, TO_SERVER);
    assert_int_equal(b->told->opened, 0);
}

static void the_oldest_goes_when_there_are_too_many(void **state)
{
    struct bench *b = *state;
    struct l2tp_layer_counters counters;
    for (unsigned i = 0; i < 20; i++) {
        control(b, 0, 0, 0, L2TP_SCCRQ);
        avp16(b, L2TP_AVP_TUNNEL_ID, 100 + i);
        send_control(b, TO_SERVER);
    }
    l2tp_layer_get_counters(b->layer, &counters);
    assert_int_equal(counters.calls, 20);
    assert_int_equal(counters.evicted, 4);
    assert_int_equal(b->told->closed, 4);
    assert_int_equal(b->told->ends[0].id, 1);
    assert_int_equal(b->told->ends[3].id, 4);
    assert_int_equal(b->told->ends[3].reason, CLOSE_EVICTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_call_from_request_to_disconnection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_nobody_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tunnel_that_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_is_refused_with_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_calls_in_one_tunnel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_of_a_former_tunnel_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bare_acknowledgement_is_told_and_uses_no_number_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_request_with_the_same_id_is_another_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_known_by_its_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tunnel_that_begins_after_a_silence_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sides_change_when_ppp_shows_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_port_tells_the_client, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clients_behind_one_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_paired_stays_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_ppp_opens_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_goes_when_there_are_too_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
