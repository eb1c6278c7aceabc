/* What the messages of an association leave in its facts: whose word counts, what is one message, and what is no step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "analyze/session/judge_ike.h"
#include "analyze/session/track.h"

static struct exchange kept; /* as it was closed */
static struct track *track;
static struct conversation conv;
static uint64_t frame;

static void done(void *ctx, struct exchange *x, struct server *server)
{
    (void)ctx, (void)server;
    kept = *x;
}

static void begin(enum conversation_type type)
{
    track = track_new(NULL, NULL, false, done, NULL);
    assert_non_null(track);
    frame = 1;
    conv = (struct conversation){.id = 1, .type = type};
    track_event(track, &(struct event){.kind = EVENT_OPENED, .place = {.frame = frame}, .conv = &conv});
}

static void end(void)
{
    struct ike_state state = {0};
    struct event e = {.kind = EVENT_CLOSED, .place = {.frame = frame}, .conv = &conv};
    e.u.closed.reason = CLOSE_END;
    e.u.closed.ike = &state;
    track_event(track, &e);
    track_free(track);
}

static void tell(enum ike_event_kind kind, bool to_server, const struct ike_message *m, const struct ike_payloads *clear,
                 const struct ike_payloads *inside)
{
    static const struct ike_payloads nothing;
    struct ike_event about = {.kind = kind, .message = m, .clear = clear != NULL ? clear : &nothing, .inside = inside,
                              .sk = inside != NULL ? IKE_SK_OPENED : m->encrypted ? IKE_SK_NO_KEY : IKE_SK_NONE,
                              .sk_length = 600, .transmissions = 2};
    frame++;
    track_event(track, &(struct event){.kind = EVENT_IKE, .dir = to_server ? TO_SERVER : TO_CLIENT, .conv = &conv,
                                       .place = {.frame = frame, .time_ns = (int64_t)frame * 1000}, .u.ike = &about});
}

static struct ike_message of(uint8_t exchange, bool response, uint32_t id, bool encrypted)
{
    return (struct ike_message){.version = 0x20, .exchange = exchange, .from_initiator = !response, .response = response,
                                .message_id = id, .encrypted = encrypted, .sk_next = encrypted ? IKE_IDI : 0};
}

static struct ike_payloads saying(uint16_t type)
{
    return (struct ike_payloads){.notify_count = 1, .notifies = {{.type = type}}};
}

/* Three datagrams of one request, and each again: the request was repeated once. */
static void fragments_are_one_message(void **state)
{
    (void)state;
    begin(CONVERSATION_IKE);
    struct ike_message m = of(IKE_AUTH, false, 1, true);
    m.fragments = 3;
    for (m.fragment = 1; m.fragment <= 3; m.fragment++)
        tell(m.fragment < 3 ? IKE_EVENT_FRAGMENT : IKE_EVENT_MESSAGE, true, &m, NULL, NULL);
    struct ike_message answer = of(IKE_AUTH, true, 1, true);
    tell(IKE_EVENT_MESSAGE, false, &answer, NULL, NULL);
    for (m.fragment = 1; m.fragment <= 3; m.fragment++)
        tell(IKE_EVENT_RETRANSMISSION, true, &m, NULL, NULL);
    end();
    assert_int_equal(kept.ike.auth_requests, 1);
    assert_int_equal(kept.ike.auth_request_retransmissions, 1);
    assert_int_equal(kept.ike.auth_repeated_although_answered, 1);
    assert_int_equal(kept.ike.lengths[0].fragments, 3);
    assert_int_equal(judge_ike(&kept).end, IKE_END_UNKNOWN);
}

/* Nothing protects it: IKE_AUTH stays unanswered. */
static void what_anybody_can_send_is_no_answer(void **state)
{
    (void)state;
    begin(CONVERSATION_IKE);
    struct ike_message request = of(IKE_AUTH, false, 1, true), answer = of(IKE_AUTH, true, 1, false);
    struct ike_payloads invalid = saying(IKE_N_INVALID_IKE_SPI);
    tell(IKE_EVENT_MESSAGE, true, &request, NULL, NULL);
    tell(IKE_EVENT_MESSAGE, false, &answer, &invalid, NULL);
    answer.exchange = IKE_INFORMATIONAL;
    tell(IKE_EVENT_MESSAGE, false, &answer, &invalid, NULL);
    end();
    assert_int_equal(kept.ike.auth_responses, 0);
    assert_false(kept.ike.informational_seen);
    assert_false(kept.ike.exchanges[0].answered);
    assert_int_equal(kept.ike.length_count, 1);
    assert_int_equal(judge_ike(&kept).end, IKE_END_UNKNOWN_SPI);
}

/* In the middle of a login another server answers, or the same after a restart. */
static void a_server_forgets_in_the_middle(void **state)
{
    (void)state;
    begin(CONVERSATION_IKE);
    struct ike_payloads invalid = saying(IKE_N_INVALID_IKE_SPI);
    for (uint32_t id = 1; id <= 3; id++) {
        struct ike_message request = of(IKE_AUTH, false, id, true), answer = of(IKE_AUTH, true, id, id < 3);
        tell(IKE_EVENT_MESSAGE, true, &request, NULL, NULL);
        tell(IKE_EVENT_MESSAGE, false, &answer, id < 3 ? NULL : &invalid, NULL);
    }
    end();
    assert_int_equal(kept.ike.auth_responses, 2);
    assert_int_equal(judge_ike(&kept).end, IKE_END_UNKNOWN_SPI);
}

/* An initiator that complains in the clear refuses nothing in the server's name. */
static void only_the_responder_refuses(void **state)
{
    (void)state;
    static const uint16_t errors[] = {IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_INVALID_KE_PAYLOAD, IKE_N_INVALID_SYNTAX};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (int to_server = 0; to_server < 2; to_server++) {
            begin(CONVERSATION_IKE);
            struct ike_message m = of(to_server ? IKE_INFORMATIONAL : IKE_SA_INIT, !to_server, 0, false);
            struct ike_payloads error = saying(errors[i]);
            tell(IKE_EVENT_MESSAGE, to_server != 0, &m, &error, NULL);
            end();
            bool told = kept.ike.refused_proposal || kept.ike.invalid_ke > 0 || kept.ike.init_error != 0;
            assert_int_equal(told, !to_server);
        }
}

/* Errors inside of what comes later are about that, not about the login. */
static void later_errors_are_not_the_logins(void **state)
{
    (void)state;
    begin(CONVERSATION_IKE);
    struct ike_message rekey = of(CREATE_CHILD_SA, true, 7, true);
    struct ike_payloads busy = saying(IKE_N_TEMPORARY_FAILURE), addresses = saying(IKE_N_UNACCEPTABLE_ADDRESSES);
    tell(IKE_EVENT_MESSAGE, false, &rekey, NULL, &busy);
    struct ike_message moved = of(IKE_INFORMATIONAL, true, 0, true);
    tell(IKE_EVENT_MESSAGE, true, &moved, NULL, &addresses);
    end();
    assert_int_equal(kept.ike.child_error, 0);
    assert_int_equal(kept.ike.auth_error, 0);
    assert_int_equal(kept.ike.later_error, IKE_N_TEMPORARY_FAILURE);
    begin(CONVERSATION_IKE);
    struct ike_message answer = of(IKE_AUTH, true, 1, true), goodbye = of(IKE_INFORMATIONAL, false, 2, true);
    struct ike_payloads selectors = saying(IKE_N_TS_UNACCEPTABLE), refusal = saying(IKE_N_AUTHENTICATION_FAILED);
    tell(IKE_EVENT_MESSAGE, false, &answer, NULL, &selectors);
    tell(IKE_EVENT_MESSAGE, true, &goodbye, NULL, &refusal);
    end();
    assert_int_equal(kept.ike.child_error, IKE_N_TS_UNACCEPTABLE);
    assert_int_equal(kept.ike.auth_error, IKE_N_AUTHENTICATION_FAILED);
    assert_true(kept.ike.auth_error_from_initiator);
}

/* Whole, without vendor id and without NAT detection: what a scanner sends. */
static void who_knocks_is_known(void **state)
{
    (void)state;
    static uint8_t id[16] = {1}, hash[20];
    struct ike_payloads bare = {.ke_group = 2}, vendor = bare, detects = saying(IKE_N_NAT_DETECTION_SOURCE_IP);
    vendor.vendor_id_count = 1;
    vendor.vendor_ids[0] = (struct span){id, sizeof id};
    detects.notifies[0].data = (struct span){hash, sizeof hash};
    const struct {
        const struct ike_payloads *says;
        bool cut, knocks;
    } cases[] = {{&bare, false, true}, {&bare, true, false}, {&vendor, false, false}, {&detects, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(CONVERSATION_IKE);
        struct ike_message m = of(IKE_SA_INIT, false, 0, false);
        m.cut = cases[i].cut;
        tell(IKE_EVENT_MESSAGE, true, &m, cases[i].says, NULL);
        end();
        assert_int_equal(kept.ike.init_bare, cases[i].knocks);
        assert_int_equal(judge_ike_knock(&kept), cases[i].knocks);
    }
}

/* IKEv1's first request, before anybody answered it; what comes later is not counted. */
static void version_1_repeats_itself(void **state)
{
    (void)state;
    static uint8_t id[16] = {1};
    struct ike_payloads vendor = {.vendor_id_count = 1, .vendor_ids = {{id, sizeof id}}};
    begin(CONVERSATION_IKE1);
    struct ike_message m = {.version = 0x10, .exchange = IKE1_MAIN};
    tell(IKE_EVENT_MESSAGE, true, &m, &vendor, NULL);
    for (int i = 0; i < 3; i++)
        tell(IKE_EVENT_RETRANSMISSION, true, &m, &vendor, NULL);
    end();
    assert_int_equal(kept.ike.init_requests, 1);
    assert_int_equal(kept.ike.init_request_retransmissions, 3);
    assert_int_equal(judge_ike(&kept).end, IKE_END_INIT_UNANSWERED);
    begin(CONVERSATION_IKE1);
    memset(m.responder_spi, 7, sizeof m.responder_spi);
    tell(IKE_EVENT_MESSAGE, true, &m, &vendor, NULL);
    for (int i = 0; i < 3; i++)
        tell(IKE_EVENT_RETRANSMISSION, true, &m, &vendor, NULL);
    end();
    assert_int_equal(kept.ike.init_request_retransmissions, 0);
}

/* IKEv1 cuts what is long: payload 132, whose last byte but the data says which piece is the last. */
static void version_1_comes_in_pieces(void **state)
{
    (void)state;
    static const uint8_t first[] = {0, 0, 0, 9, 0, 1, 1, 0, 0xaa}, last[] = {0, 0, 0, 9, 0, 1, 2, 1, 0xbb};
    struct ike_payloads nothing = {0};
    struct ike_message m = {.version = 0x10, .exchange = IKE1_MAIN, .next_payload = 132};
    begin(CONVERSATION_IKE1);
    memset(m.responder_spi, 7, sizeof m.responder_spi);
    for (int again = 0; again < 3; again++) {
        m.payloads = span_of(first, sizeof first);
        tell(again ? IKE_EVENT_RETRANSMISSION : IKE_EVENT_MESSAGE, true, &m, &nothing, NULL);
        m.payloads = span_of(last, sizeof last);
        tell(again ? IKE_EVENT_RETRANSMISSION : IKE_EVENT_MESSAGE, true, &m, &nothing, NULL);
    }
    end();
    assert_int_equal(kept.ike.init_requests, 0);
    assert_int_equal(kept.ike.phase1.by_initiator, 1);
    assert_int_equal(kept.ike.phase1.repeated, 2);
    assert_true(kept.ike.encrypted_seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_are_one_message),
        cmocka_unit_test(what_anybody_can_send_is_no_answer),
        cmocka_unit_test(a_server_forgets_in_the_middle),
        cmocka_unit_test(only_the_responder_refuses),
        cmocka_unit_test(later_errors_are_not_the_logins),
        cmocka_unit_test(who_knocks_is_known),
        cmocka_unit_test(version_1_repeats_itself),
        cmocka_unit_test(version_1_comes_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
