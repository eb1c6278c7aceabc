/* L2TP and PPTP before there is PPP: what raises FINDING_PPP_NEGOTIATION_FAILED, and the nearest that does not. Facts are made by
 * hand. Error numbers: wire-facts 1.2. */
#include "sstp_scene.h"

static struct ppp_call_state *call(void)
{
    return &scene.x.sstp.call;
}

static void silent(uint8_t type)
{
    scene_connected(type);
    call()->stage = PPP_CALL_ASKED;
    call()->waiting = at(1);
    call()->waiting_by = TO_SERVER;
    call()->transmissions = 5;
    scene_ends(SSTP_END_TUNNEL_SILENT, false);
    judged.place = at(1);
}

static void a_silent_tunnel(void **state)
{
    (void)state;
    silent(CONVERSATION_L2TP);
    const struct finding *f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_true(says(f, "SCCRQ was sent 5 times") && says(f, "IPsec"));
    call()->transmissions = 1; /* what scanners send, too */
    scene_nothing();
    silent(CONVERSATION_PPTP);
    call()->transmissions = 1; /* TCP repeats for it */
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_true(says(f, "Start-Control-Connection-Request") && !says(f, "IPsec"));
    silent(CONVERSATION_L2TP);
    judged.client_silent = true;
    scene_nothing();
}

static void a_tunnel_that_is_refused(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_L2TP);
    call()->stage = PPP_CALL_ASKED;
    call()->end = PPP_CALL_REFUSED;
    call()->end_by = TO_CLIENT;
    call()->end_message = 4; /* StopCCN: RFC 2661 section 3.2 */
    call()->has_result = true;
    call()->result = 4;
    call()->ended = at(2);
    scene_ends(SSTP_END_TUNNEL_REFUSED, false);
    judged.place = at(2);
    judged.confidence = CONFIDENCE_CERTAIN;
    const struct finding *f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "StopCCN: not authorized to open a control connection"));
    scene_ends(SSTP_END_TUNNEL_REFUSED, true);
    judged.place = at(2);
    memcpy(call()->text, "No secret key on our end", 24);
    call()->text_len = 24;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0);
    assert_true(says(f, "clients end L2TP") && says(f, "(No secret key on our end)"));
    call()->text_len = 0;
    call()->result = 1; /* the client changed its mind */
    scene_nothing();
    scene_connected(CONVERSATION_PPTP);
    call()->end = PPP_CALL_REFUSED;
    call()->end_message = 8; /* Outgoing-Call-Reply: RFC 2637 section 2.8 */
    call()->has_result = true;
    call()->result = 2;
    call()->error = 4;
    scene_ends(SSTP_END_TUNNEL_REFUSED, false);
    judged.place = at(9);
    judged.confidence = CONFIDENCE_CERTAIN;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "Outgoing-Call-Reply: resources are short"));
    call()->end = PPP_CALL_HUNG_UP;
    call()->end_message = 0;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "the TCP connection ended"));
}

static void gre_that_does_not_come_back(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_PPTP);
    scene.x.sstp.has_ppp = true;
    scene.x.sstp.ppp.lcp = (struct ppp_negotiation){.outcome = PPP_RUNNING, .requests = {5, 0}, .began = at(5)};
    scene.x.sstp.ppp.first = at(5);
    call()->stage = PPP_CALL_CONNECTED;
    call()->packets[TO_SERVER] = 5;
    scene_ends(SSTP_END_PPP_LCP, false);
    judged.place = at(9);
    const struct finding *f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 806);
    assert_true(says(f, "IP protocol 47"));
    call()->packets[TO_CLIENT] = 2; /* GRE comes, LCP does not: 721 */
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 721);
    assert_false(says(f, "IP protocol 47"));
    scene.x.type = CONVERSATION_L2TP;
    call()->packets[TO_CLIENT] = 0;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 721);
    assert_false(says(f, "GRE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_silent_tunnel, scene_end),
        cmocka_unit_test_teardown(a_tunnel_that_is_refused, scene_end),
        cmocka_unit_test_teardown(gre_that_does_not_come_back, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
