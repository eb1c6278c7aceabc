/* EAPOL by hand: PDUs, and the life of conversations. IEEE 802.1X section 11, IEEE 802.11 section 12.7. */
#include <stdio.h>

#include "bytes_by_hand.h"
#include "dissect/eap/eapol.h"

enum { EVENTS_MAX = 8192, EVENT_TEXT = 96, BUFFERS = 1 << 18 };
#define SECOND INT64_C(1000000000)

struct seen { char lines[EVENTS_MAX][EVENT_TEXT]; size_t count; };

struct table {
    struct secrets *secrets;
    struct tls_context *tls;
    struct eapol *eapol;
    struct seen *seen;
    uint32_t serial;
    uint64_t frame;
    int64_t now;
};

static const uint8_t supplicant[6] = {0x02, 0, 0, 0, 0, 0x11}, other_supplicant[6] = {0x02, 0, 0, 0, 0, 0x12};
static const uint8_t authenticator[6] = {0x02, 0, 0, 0, 0, 0xaa}, roamed_to[6] = {0x02, 0, 0, 0, 0, 0xab};
static const uint8_t group[6] = {0x01, 0x80, 0xc2, 0, 0, 3};

static const uint8_t start[] = {1, 1, 0, 0};
static const uint8_t logoff[] = {1, 2, 0, 0};
static const uint8_t identity_request[] = {2, 0, 0, 5, 1, 1, 0, 5, 1};
static const uint8_t identity_response[] = {1, 0, 0, 8, 2, 1, 0, 8, 1, 'b', 'o', 'b'};
static const uint8_t peap_start[] = {2, 0, 0, 6, 1, 2, 0, 6, 25, 0x20};
static const uint8_t peap_answer[] = {1, 0, 0, 6, 2, 2, 0, 6, 25, 0};
static const uint8_t success[] = {2, 0, 0, 4, 3, 2, 0, 4};
static const uint8_t failure[] = {2, 0, 0, 4, 4, 2, 0, 4};

static const char *close_name(enum close_reason reason)
{
    static const char *const names[] = {[CLOSE_FINAL] = "final",
                                        [CLOSE_IDLE] = "idle",
                                        [CLOSE_END] = "end",
                                        [CLOSE_EVICTED] = "evicted",
                                        [CLOSE_REPLACED] = "replaced"};
    return names[reason];
}

static void on_event(void *ctx, const struct event *e)
{
    struct table *t = ctx;
    assert_true(t->seen->count < EVENTS_MAX);
    char *line = t->seen->lines[t->seen->count++];
    char client[ADDRESS_TEXT];
    unsigned id = (unsigned)e->conv->id;
    switch (e->kind) {
    case EVENT_OPENED:
        snprintf(line, EVENT_TEXT, "%u opened%s", id, e->conv->begun_before ? " begun before" : "");
        break;
    case EVENT_EAPOL:
        snprintf(line, EVENT_TEXT, "%u%c eapol %s %u", id, e->dir == TO_SERVER ? '>' : '<',
                 eapol_type_name(e->u.eapol->type), (unsigned)e->u.eapol->key_message);
        break;
    case EVENT_EAP:
        snprintf(line, EVENT_TEXT, "%u%c eap %s %u%s", id, e->dir == TO_SERVER ? '>' : '<',
                 e->u.eap->kind == EAP_EVENT_PACKET ? eap_code_name(e->u.eap->u.packet->code) : "",
                 e->u.eap->kind == EAP_EVENT_PACKET ? (unsigned)e->u.eap->u.packet->type : 0,
                 e->u.eap->kind == EAP_EVENT_PACKET && e->u.eap->u.packet->retransmission ? " again" : "");
        break;
    case EVENT_CLOSED:
        snprintf(line, EVENT_TEXT, "%u closed %s %s %02x", id, close_name(e->u.closed.reason),
                 address_text(client, &e->conv->client.address), (unsigned)e->conv->server.address.bytes[5]);
        break;
    default:
        snprintf(line, EVENT_TEXT, "unexpected");
        break;
    }
}

static void table_open(struct table *t)
{
    *t = (struct table){.secrets = secrets_new(), .seen = calloc(1, sizeof *t->seen), .now = SECOND};
    assert_true(t->secrets != NULL && t->seen != NULL);
    t->tls = tls_context_new(t->secrets, BUFFERS);
    assert_non_null(t->tls);
    struct event_sink sink = {on_event, t, &t->serial, NULL};
    t->eapol = eapol_new(t->tls, &sink);
    assert_non_null(t->eapol);
}

static void table_close(struct table *t)
{
    eapol_free(t->eapol);
    tls_context_free(t->tls);
    secrets_free(t->secrets);
    free(t->seen);
}

static void feed(struct table *t, const uint8_t from[6], const uint8_t to[6], const uint8_t *bytes, size_t len)
{
    uint8_t *copy = exact_copy(bytes, len);
    t->now += SECOND / 100;
    struct frame frame = {.number = ++t->frame, .time_ns = t->now};
    struct packet p = {.frame = &frame,
                       .kind = PACKET_EAPOL,
                       .src = {.address = address_mac(from)},
                       .dst = {.address = address_mac(to)},
                       .payload = span_of(copy, len),
                       .payload_wire_len = (uint32_t)len};
    eapol_feed(t->eapol, &p);
    free(copy);
}

#define FEED(t, from, to, pdu) feed(t, from, to, pdu, sizeof(pdu))

static void assert_told(const struct table *t, const char *const *lines)
{
    for (size_t i = 0; lines[i] != NULL || i < t->seen->count; i++) {
        if (lines[i] == NULL || i >= t->seen->count || strcmp(lines[i], t->seen->lines[i]) != 0)
            fail_msg("line %zu: told \"%s\", expected \"%s\"", i, i < t->seen->count ? t->seen->lines[i] : "nothing",
                     lines[i] != NULL ? lines[i] : "nothing");
    }
}

static void pdus_are_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {
        2,       /* version */
        0,       /* type: EAP */
        0, 5,    /* length */
        1, 1, 0, 5, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, /* padding of the Ethernet frame */
    };
    struct eapol_packet p;
    assert_true(eapol_parse(span_of(bytes, sizeof bytes), sizeof bytes, &p));
    assert_int_equal(p.version, 2);
    assert_int_equal(p.type, EAPOL_TYPE_EAP);
    assert_int_equal(p.body.len, 5);
    assert_false(p.cut || p.malformed);
    assert_true(eapol_parse(span_of(bytes, 6), sizeof bytes, &p));
    assert_true(p.cut);
    assert_false(p.malformed);
    assert_true(eapol_parse(span_of(bytes, 6), 6, &p));
    assert_true(p.malformed);
    assert_false(p.cut);
    for (size_t n = 0; n < 4; n++)
        assert_false(eapol_parse(span_of(bytes, n), (uint32_t)n, &p));
    assert_string_equal(eapol_type_name(3), "Key");
    assert_null(eapol_type_name(99));
}

/* IEEE 802.11 section 12.7.6: the information field of each message; message 2 carries key data, 4 nothing. */
static void key_messages_are_numbered(void **state)
{
    (void)state;
    static const struct { uint16_t information; bool nonce; uint8_t data, message; } keys[] = {
        {0x008a, true, 22, 1}, {0x010a, true, 22, 2}, {0x13ca, true, 80, 3}, {0x030a, false, 0, 4},
        {0x010a, true, 0, 4},  /* WPA without the secure bit, and with a remnant of the nonce */
        {0x1382, true, 40, 0}, /* group key */
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        uint8_t pdu[4 + 95] = {2, 3, 0, 95, 2, (uint8_t)(keys[i].information >> 8), (uint8_t)keys[i].information};
        pdu[17] = keys[i].nonce;
        pdu[98] = keys[i].data;
        struct eapol_packet p;
        assert_true(eapol_parse(span_of(pdu, sizeof pdu), sizeof pdu, &p));
        assert_int_equal(p.key_message, keys[i].message);
    }
}

static void a_wired_login_is_one_conversation(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, supplicant, group, start);
    FEED(&t, supplicant, group, start);
    FEED(&t, authenticator, group, identity_request);
    FEED(&t, supplicant, group, identity_response);
    FEED(&t, authenticator, supplicant, peap_start);
    FEED(&t, authenticator, supplicant, peap_start);
    FEED(&t, supplicant, group, peap_answer);
    FEED(&t, authenticator, group, success);
    FEED(&t, authenticator, group, success); /* repeated: nothing new */
    FEED(&t, supplicant, group, peap_answer);
    FEED(&t, supplicant, group, logoff);
    eapol_finish(t.eapol);
    static const char *const told[] = {
        "1 opened", "1> eapol Start 0", "1> eapol Start 0", "1< eap Request 1", "1> eap Response 1",
        "1< eap Request 25",
        "1< eap Request 25 again", "1> eap Response 25", "1< eap Success 0", "1 closed final 02:00:00:00:00:11 aa",
        NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void a_new_attempt_after_the_end_is_a_new_conversation(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, identity_request);
    FEED(&t, supplicant, authenticator, identity_response);
    FEED(&t, authenticator, supplicant, failure);
    FEED(&t, supplicant, authenticator, start);
    FEED(&t, authenticator, supplicant, identity_request);
    eapol_finish(t.eapol);
    static const char *const told[] = {
        "1 opened", "1< eap Request 1", "1> eap Response 1", "1< eap Failure 0", "1 closed final 02:00:00:00:00:11 aa",
        "2 opened", "2> eapol Start 0", "2< eap Request 1", "2 closed end 02:00:00:00:00:11 aa", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void starting_over_in_the_middle_replaces(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, identity_request);
    FEED(&t, supplicant, authenticator, start); /* both begin at the same time: one attempt */
    FEED(&t, authenticator, supplicant, identity_request);
    FEED(&t, supplicant, authenticator, identity_response);
    FEED(&t, authenticator, supplicant, peap_start);
    FEED(&t, authenticator, supplicant, identity_request);
    eapol_finish(t.eapol);
    static const char *const told[] = {
        "1 opened", "1< eap Request 1", "1> eapol Start 0", "1< eap Request 1 again", "1> eap Response 1",
        "1< eap Request 25", "1 closed replaced 02:00:00:00:00:11 aa", "2 opened", "2< eap Request 1",
        "2 closed end 02:00:00:00:00:11 aa", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void supplicants_and_authenticators_are_told_apart(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, identity_request);
    FEED(&t, authenticator, other_supplicant, identity_request);
    FEED(&t, roamed_to, supplicant, identity_request);
    FEED(&t, supplicant, authenticator, identity_response);
    FEED(&t, other_supplicant, authenticator, identity_response);
    FEED(&t, supplicant, roamed_to, identity_response);
    static const char *const told[] = {
        "1 opened", "1< eap Request 1", "2 opened", "2< eap Request 1", "3 opened", "3< eap Request 1",
        "1> eap Response 1", "2> eap Response 1", "3> eap Response 1", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void what_begins_in_the_middle_says_so(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, failure); /* an unauthorised port says so before anybody asked */
    FEED(&t, supplicant, authenticator, peap_answer);
    static const char *const told[] = {"1 opened begun before", "1> eap Response 25", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void keys_alone_open_nothing(void **state)
{
    (void)state;
    struct table t;
    uint8_t key[4 + 95] = {2, 3, 0, 95, 2, 0, 0x8a};
    table_open(&t);
    FEED(&t, authenticator, supplicant, key);
    assert_int_equal(t.seen->count, 0);
    FEED(&t, authenticator, supplicant, identity_request);
    FEED(&t, authenticator, supplicant, key);
    struct eapol_counters c;
    eapol_get_counters(t.eapol, &c);
    assert_int_equal(c.types[EAPOL_TYPE_KEY], 2);
    assert_int_equal(c.types[EAPOL_TYPE_EAP], 1);
    assert_int_equal(c.key_messages[1], 2);
    static const char *const told[] = {"1 opened", "1< eap Request 1", "1< eapol Key 1", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void silence_closes(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, identity_request);
    eapol_expire(t.eapol, t.now + CONVERSATION_IDLE_NS);
    assert_int_equal(t.seen->count, 2);
    t.now += CONVERSATION_IDLE_NS;
    eapol_expire(t.eapol, t.now + 1);
    FEED(&t, authenticator, supplicant, identity_request);
    eapol_expire(t.eapol, 0); /* time may jump back */
    eapol_expire(t.eapol, CONVERSATION_IDLE_NS);
    static const char *const told[] = {"1 opened", "1< eap Request 1", "1 closed idle 02:00:00:00:00:11 aa",
                                       "2 opened", "2< eap Request 1", NULL};
    assert_told(&t, told);
    table_close(&t);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    struct table t;
    table_open(&t);
    for (unsigned i = 0; i < EAPOL_CONVERSATIONS_MAX + 10; i++) {
        uint8_t mac[6] = {0x02, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};
        FEED(&t, authenticator, mac, identity_request);
    }
    struct eapol_counters c;
    eapol_get_counters(t.eapol, &c);
    assert_int_equal(c.conversations, EAPOL_CONVERSATIONS_MAX + 10);
    assert_int_equal(c.evicted, 10);
    eapol_finish(t.eapol);
    unsigned evicted = 0, ended = 0;
    for (size_t i = 0; i < t.seen->count; i++) {
        evicted += strstr(t.seen->lines[i], "closed evicted") != NULL;
        ended += strstr(t.seen->lines[i], "closed end") != NULL;
    }
    assert_int_equal(evicted, 10);
    assert_int_equal(ended, EAPOL_CONVERSATIONS_MAX);
    table_close(&t);
}

static void damaged_pdus_are_counted(void **state)
{
    (void)state;
    static const uint8_t too_long[] = {2, 0, 0, 99, 1, 1, 0, 5, 1};
    struct table t;
    table_open(&t);
    FEED(&t, authenticator, supplicant, too_long);
    feed(&t, authenticator, supplicant, start, 3);
    feed(&t, authenticator, supplicant, start, 0);
    struct eapol_counters c;
    eapol_get_counters(t.eapol, &c);
    assert_int_equal(c.pdus, 3);
    assert_int_equal(c.malformed, 3);
    table_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pdus_are_read),
        cmocka_unit_test(key_messages_are_numbered),
        cmocka_unit_test(a_wired_login_is_one_conversation),
        cmocka_unit_test(a_new_attempt_after_the_end_is_a_new_conversation),
        cmocka_unit_test(starting_over_in_the_middle_replaces),
        cmocka_unit_test(supplicants_and_authenticators_are_told_apart),
        cmocka_unit_test(what_begins_in_the_middle_says_so),
        cmocka_unit_test(keys_alone_open_nothing),
        cmocka_unit_test(silence_closes),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(damaged_pdus_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
