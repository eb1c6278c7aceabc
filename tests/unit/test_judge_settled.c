/* What an exchange came to while it goes on: what may be told at once, and what the parties may still try again. */
#include "sstp_scene.h"

#include "analyze/session/judge_settled.h"
#include "analyze/session/judge_sstp.h"

static struct exchange *ike(void)
{
    static struct exchange x;
    memset(&x, 0, sizeof x);
    x.type = CONVERSATION_IKE;
    x.close_reason = CLOSE_END;
    x.first = x.last = at(1);
    x.capture_last_ns = x.last.time_ns;
    x.ike.init_requests = 1;
    return &x;
}

static struct exchange *ike_opened(void)
{
    struct exchange *x = ike();
    struct ike_facts *f = &x->ike;
    f->init_responses = f->auth_requests = f->auth_responses = f->auth_last_id = 1;
    f->chosen_seen = f->encrypted_seen = f->decrypted = true;
    return x;
}

static void ike_in_the_clear(void **state)
{
    (void)state;
    struct exchange *x = ike();
    assert_false(judge_settled(x));
    x->ike.refused_proposal = true;
    assert_true(judge_settled(x));
    x = ike();
    x->ike.init_responses = 1;
    x->ike.invalid_ke = 1; /* the client tries the other group */
    assert_false(judge_settled(x));
    x->ike.invalid_ke = 3;
    assert_false(judge_settled(x));
    x = ike();
    x->ike.cookies = 1;
    x->ike.init_request_retransmissions = 5;
    assert_false(judge_settled(x));
    x = ike();
    x->ike.init_request_retransmissions = 5; /* the server may be slow */
    assert_false(judge_settled(x));
    x->ike.init_error = 7; /* INVALID_SYNTAX */
    assert_true(judge_settled(x));
}

static void ike_with_keys(void **state)
{
    (void)state;
    struct exchange *x = ike_opened();
    x->ike.auth_responses = 0;
    x->ike.auth_request_retransmissions = 5; /* behind it somebody may have to press a button */
    assert_false(judge_settled(x));
    x = ike_opened();
    assert_false(judge_settled(x));
    x->ike.auth_error = 24; /* AUTHENTICATION_FAILED */
    assert_true(judge_settled(x));
    x = ike_opened();
    x->ike.child_error = 38; /* TS_UNACCEPTABLE */
    assert_true(judge_settled(x));
    x = ike_opened();
    x->ike.child_created = true;
    assert_true(judge_settled(x));
}

static void another_password_inside_of_ike(void **state)
{
    (void)state;
    struct exchange *x = ike_opened();
    x->eap.seen = true;
    x->eap.responses = 3;
    x->eap.mschapv2_error = 691;
    assert_false(judge_settled(x));
    x->eap.result = EAP_RESULT_FAILURE;
    assert_true(judge_settled(x));
    x->eap.result = EAP_RESULT_NONE;
    x->ike.informational_seen = true; /* the client says goodbye */
    assert_true(judge_settled(x));
}

/* Packets of SSTP were read in both directions. */
static struct exchange *call(void)
{
    scene_call();
    scene.x.sstp.link.last[TO_SERVER] = scene.x.sstp.link.last[TO_CLIENT] = at(18);
    scene.x.sstp.link.count[SSTP_CALL_CONNECT_REQUEST] = scene.x.sstp.link.count[SSTP_CALL_CONNECT_ACK] = 1;
    scene.x.close_reason = CLOSE_END;
    return &scene.x;
}

static void calls(void **state)
{
    (void)state;
    struct exchange *x = call();
    struct sstp_state *link = &x->sstp.link;
    assert_false(judge_settled(x));
    link->stage = SSTP_STAGE_REFUSED; /* the client may ask again, which it does at once */
    link->since = at(12);
    x->capture_last_ns = link->since.time_ns + SETTLED_AGAIN_NS - 1;
    assert_false(judge_settled(x));
    x->capture_last_ns++;
    assert_int_equal(judge_sstp(x).end, SSTP_END_CALL_NAK);
    assert_true(judge_settled(x));
    link->stage = SSTP_STAGE_ABORTED;
    link->ended_by = TO_CLIENT;
    assert_int_equal(judge_sstp(x).end, SSTP_END_CALL_ABORT);
    assert_true(judge_settled(x));
    x->sstp.link.stage = SSTP_STAGE_NONE;
    x->sstp.http_status = 503;
    assert_int_equal(judge_sstp(x).end, SSTP_END_HTTP_ERROR);
    assert_true(judge_settled(x));
    x->sstp.http_status = 407; /* a proxy wants to know who asks */
    assert_false(judge_settled(x));
    x->close_reason = CLOSE_FINAL; /* TCP is over */
    assert_true(judge_settled(x));
}

static void tunnels(void **state)
{
    (void)state;
    struct exchange *x = call();
    x->sstp.link.stage = SSTP_STAGE_CONNECTED;
    x->sstp.link.count[SSTP_CALL_CONNECTED] = 1;
    x->sstp.ppp.authentication[TO_CLIENT].result = PPP_AUTH_SUCCEEDED;
    x->capture_last_ns = x->last.time_ns;
    assert_int_equal(judge_sstp(x).end, SSTP_END_ESTABLISHED);
    assert_false(judge_settled(x)); /* it may get no address */
    x->sstp.ppp.ipcp.outcome = PPP_OPENED;
    assert_true(judge_settled(x));
}

static void another_password_inside_of_ppp(void **state)
{
    (void)state;
    struct exchange *x = call();
    struct ppp_authentication *a = &x->sstp.ppp.authentication[TO_CLIENT];
    a->result = PPP_AUTH_FAILED;
    a->error = 691;
    a->ended = at(19);
    a->retry_allowed = true;
    assert_int_equal(judge_sstp(x).end, SSTP_END_PPP_AUTHENTICATION);
    assert_false(judge_settled(x));
    a->retry_allowed = false;
    assert_true(judge_settled(x));
    a->retry_allowed = true;
    x->sstp.ppp.terminated = true;
    assert_true(judge_settled(x));
}

static void logins_without_an_answer(void **state)
{
    (void)state;
    static struct exchange x = {.type = CONVERSATION_RADIUS, .close_reason = CLOSE_END};
    x.outcome = OUTCOME_UNANSWERED;
    assert_false(judge_settled(&x));
    x.outcome = OUTCOME_ABORTED; /* an alert was read */
    assert_true(judge_settled(&x));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ike_in_the_clear),
                                       cmocka_unit_test(ike_with_keys),
                                       cmocka_unit_test(another_password_inside_of_ike),
                                       cmocka_unit_test_teardown(calls, scene_end),
                                       cmocka_unit_test_teardown(tunnels, scene_end),
                                       cmocka_unit_test_teardown(another_password_inside_of_ppp, scene_end),
                                       cmocka_unit_test(logins_without_an_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
