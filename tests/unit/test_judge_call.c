/* L2TP and PPTP: how far an attempt came, and what that means for its outcome. The facts are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/session/judge_sstp.h"

#define SECOND INT64_C(1000000000)

struct scene {
    struct exchange x;
    struct ppp_call_state *call;
    struct ppp_state *ppp;
};

static struct place at(uint64_t frame, int64_t seconds)
{
    return (struct place){.frame = frame, .time_ns = seconds * SECOND};
}

static struct scene *scene_new(enum conversation_type type)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->x.type = (uint8_t)type;
    s->x.capture_last_ns = 200 * SECOND;
    s->call = &s->x.sstp.call;
    s->ppp = &s->x.sstp.ppp;
    return s;
}

/* Judges, frees; what was expected is compared. */
static void judged(struct scene *s, enum sstp_end end, enum outcome outcome)
{
    struct sstp_judgement j = judge_sstp(&s->x);
    assert_int_equal(j.end, end);
    assert_int_equal(judge_sstp_outcome(&s->x), outcome);
    assert_true(end == SSTP_END_UNKNOWN || j.read);
    free(s);
}

static struct scene *asked(unsigned times)
{
    struct scene *s = scene_new(CONVERSATION_L2TP);
    s->call->stage = PPP_CALL_ASKED;
    s->call->waiting = at(1, 1);
    s->call->waiting_by = TO_SERVER;
    s->call->transmissions = times;
    s->call->control[TO_SERVER] = times;
    s->call->last[TO_SERVER] = at(times, (int64_t)times);
    s->x.last = at(times, (int64_t)times);
    return s;
}

static void a_request_that_nobody_answers(void **state)
{
    (void)state;
    judged(asked(5), SSTP_END_TUNNEL_SILENT, OUTCOME_UNANSWERED);
    /* Once, and the capture ends soon after: it may have been answered. */
    struct scene *s = asked(1);
    s->x.capture_last_ns = 3 * SECOND;
    judged(s, SSTP_END_UNKNOWN, OUTCOME_INCOMPLETE);
    /* The client gives up by StopCCN: what it waited for did not come all the same. */
    s = asked(2);
    s->call->end = PPP_CALL_REFUSED;
    s->call->end_by = TO_SERVER;
    s->call->ended = at(9, 20);
    s->call->control[TO_SERVER] = 2;
    s->x.capture_last_ns = 21 * SECOND;
    judged(s, SSTP_END_TUNNEL_SILENT, OUTCOME_UNANSWERED);
}

/* The client goes on, so it was answered: the capture has one direction only. */
static void an_answer_that_was_not_captured(void **state)
{
    (void)state;
    struct scene *s = asked(1);
    s->call->control[TO_SERVER] = 3;
    judged(s, SSTP_END_UNKNOWN, OUTCOME_INCOMPLETE);
}

static void a_tunnel_that_is_refused_or_hung_up(void **state)
{
    (void)state;
    for (unsigned by = 0; by < 2; by++) {
        for (unsigned end = PPP_CALL_REFUSED; end <= PPP_CALL_HUNG_UP; end++) {
            struct scene *s = scene_new(CONVERSATION_PPTP);
            s->call->stage = PPP_CALL_DIALLED;
            s->call->end = (uint8_t)end;
            s->call->end_by = (uint8_t)by;
            s->call->ended = at(7, 2);
            judged(s, SSTP_END_TUNNEL_REFUSED, by == TO_CLIENT ? OUTCOME_REJECTED : OUTCOME_ABORTED);
        }
    }
}

static struct scene *connected(void)
{
    struct scene *s = scene_new(CONVERSATION_PPTP);
    s->call->stage = PPP_CALL_CONNECTED;
    s->x.sstp.has_ppp = true;
    s->ppp->lcp.outcome = PPP_RUNNING;
    s->x.sstp.last[TO_SERVER] = s->x.last = at(20, 12);
    s->x.sstp.last[TO_CLIENT] = at(4, 1);
    s->x.sstp.packets[TO_SERVER] = 5;
    return s;
}

/* Error 806. */
static void gre_that_does_not_come_back(void **state)
{
    (void)state;
    judged(connected(), SSTP_END_PPP_LCP, OUTCOME_UNANSWERED);
    struct scene *s = connected();
    s->call->end = PPP_CALL_CLEARED;
    s->call->end_by = TO_SERVER;
    s->call->ended = at(30, 40);
    s->call->packets[TO_SERVER] = 5;
    judged(s, SSTP_END_PPP_LCP, OUTCOME_UNANSWERED); /* the client gives up */
    s = connected();
    s->call->end = PPP_CALL_CLEARED;
    s->call->end_by = TO_SERVER;
    s->call->ended = at(30, 40);
    s->call->packets[TO_SERVER] = s->call->packets[TO_CLIENT] = 5;
    judged(s, SSTP_END_PPP_LCP, OUTCOME_ABORTED);
}

static struct scene *authenticated(enum ppp_auth_result result)
{
    struct scene *s = connected();
    s->ppp->lcp.outcome = PPP_OPENED;
    s->ppp->authentication[TO_CLIENT] = (struct ppp_authentication){
        .chosen = {PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2}, .result = (uint8_t)result, .began = at(9, 4), .ended = at(11, 5)};
    return s;
}

static void what_ppp_says(void **state)
{
    (void)state;
    struct scene *s = authenticated(PPP_AUTH_FAILED);
    s->ppp->authentication[TO_CLIENT].error = 691;
    judged(s, SSTP_END_PPP_AUTHENTICATION, OUTCOME_REJECTED);
    s = authenticated(PPP_AUTH_SUCCEEDED);
    s->ppp->ipcp.outcome = PPP_OPENED;
    s->ppp->ipcp.ended = at(15, 6);
    judged(s, SSTP_END_ESTABLISHED, OUTCOME_ESTABLISHED);
    s = authenticated(PPP_AUTH_SUCCEEDED);
    s->ppp->ipv6cp.outcome = PPP_OPENED;
    s->ppp->ipv6cp.ended = at(15, 6);
    judged(s, SSTP_END_ESTABLISHED, OUTCOME_ESTABLISHED);
    s = authenticated(PPP_AUTH_RUNNING);
    s->x.sstp.link.last[TO_CLIENT] = s->x.sstp.last[TO_CLIENT] = at(10, 5);
    judged(s, SSTP_END_PPP_SILENT, OUTCOME_UNANSWERED);
    /* LCP came through, and nothing of the server's was captured. */
    s = authenticated(PPP_AUTH_RUNNING);
    s->x.sstp.link.last[TO_CLIENT] = s->x.sstp.last[TO_CLIENT] = at(0, 0);
    judged(s, SSTP_END_UNKNOWN, OUTCOME_INCOMPLETE);
}

/* Known by its frames: it carried datagrams both ways, or it shows nothing. */
static void what_began_before_the_capture(void **state)
{
    (void)state;
    struct scene *s = scene_new(CONVERSATION_L2TP);
    s->x.begun_before = s->x.sstp.has_ppp = true;
    s->ppp->datagrams[TO_SERVER] = 4;
    s->x.last = at(4, 4);
    judged(s, SSTP_END_UNKNOWN, OUTCOME_INCOMPLETE);
    s = scene_new(CONVERSATION_L2TP);
    s->x.begun_before = s->x.sstp.has_ppp = true;
    s->ppp->datagrams[TO_SERVER] = s->ppp->datagrams[TO_CLIENT] = 4;
    judged(s, SSTP_END_ESTABLISHED, OUTCOME_ESTABLISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_nobody_answers),
        cmocka_unit_test(an_answer_that_was_not_captured),
        cmocka_unit_test(a_tunnel_that_is_refused_or_hung_up),
        cmocka_unit_test(gre_that_does_not_come_back),
        cmocka_unit_test(what_ppp_says),
        cmocka_unit_test(what_began_before_the_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
