/* Every finding about PPP, in SSTP, L2TP and PPTP: facts that must raise it, and the nearest ones that must not. */
#include "sstp_scene.h"

static struct ppp_state *ppp(void)
{
    return &scene.x.sstp.ppp;
}

static struct ppp_authentication *demanded(void)
{
    return &ppp()->authentication[TO_CLIENT];
}

static void refused(uint32_t error)
{
    scene_call();
    demanded()->result = PPP_AUTH_FAILED;
    demanded()->error = error;
    demanded()->ended = at(19);
    scene_ends(SSTP_END_PPP_AUTHENTICATION, false);
}

static void users_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t error, shown;
        const char *word, *fix;
    } cases[] = {{691, 691, "ERROR_AUTHENTICATION_FAILURE", "6273"},
                 {649, 649, "no permission to dial in", "Network Access Permission"},
                 {648, 648, "has expired", "User can change password"},
                 {647, 647, "disabled", "is it disabled, locked or expired?"},
                 {646, 646, "at this time", "Logon Hours"},
                 {12, 691, "E=12", "6273"},
                 {0, 691, "MS-CHAPv2", "6273"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        refused(cases[i].error);
        const struct finding *f =
            scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, cases[i].shown);
        assert_true(says(f, cases[i].fix));
        assert_true(says(f, cases[i].word) && says(f, "\"alice\"") && !says(f, "RADIUS server is silent"));
    }
}

static void late_refusals_are_of_radius(void **state)
{
    (void)state;
    refused(649);
    demanded()->ended.time_ns += 12 * SECOND;
    const struct finding *f =
        scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 649);
    assert_true(says(f, "RADIUS server is silent") && says(f, "UDP 1812") && !says(f, "Network Access Permission"));
}

static void pap_and_eap_without_a_method(void **state)
{
    (void)state;
    refused(0);
    demanded()->chosen = (struct ppp_method){PPP_PROTOCOL_PAP, 0};
    const struct finding *f =
        scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 691);
    assert_true(says(f, "PAP"));
    refused(0);
    demanded()->chosen = (struct ppp_method){PPP_PROTOCOL_EAP, 0};
    scene.x.eap.seen = scene.x.eap.identity_seen = true;
    f = scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 812);
    assert_true(says(f, "policy"));
    scene.x.eap.method = EAP_TYPE_PEAP; /* the rules about EAP tell */
    scene_nothing();
}

static void somebody_is_silent(void **state)
{
    (void)state;
    scene_call();
    scene_ends(SSTP_END_PPP_SILENT, false);
    const struct finding *f =
        scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 718);
    assert_true(says(f, "RADIUS"));
    judged.client_silent = true;
    (void)scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_WARNING, CONFIDENCE_STRONG, 0);
    scene.x.eap.seen = true;
    (void)scene_only(FINDING_EAP_UNFINISHED, SEVERITY_WARNING, CONFIDENCE_STRONG, 0);
    scene.x.eap.tls.seen = scene.x.eap.tls.server_hello = scene.x.eap.tls.certificate_seen = true;
    scene.x.eap.tls.server_hello_done = true; /* silent after the certificate: rules_client tells */
    scene_nothing();
}

static void closed(enum sstp_end end, enum confidence confidence)
{
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    scene_ends(end, false);
    judged.confidence = confidence;
}

static void lengths_alone(void **state)
{
    (void)state;
    static const struct {
        enum sstp_end end;
        enum finding_id id;
        const char *word;
    } cases[] = {{SSTP_END_LEFT, FINDING_PPP_AUTHENTICATION_FAILED, "UDP 1812"},
                 {SSTP_END_PPP_SILENT, FINDING_PPP_AUTHENTICATION_FAILED, "--keylog"},
                 {SSTP_END_HTTP_ERROR, FINDING_SSTP_HTTP_ERROR, "401"},
                 {SSTP_END_CALL_NAK, FINDING_SSTP_CALL_NAK, "48 octets"},
                 {SSTP_END_CALL_ABORT, FINDING_SSTP_CALL_ABORT, "crypto binding"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        closed(cases[i].end, CONFIDENCE_HINT);
        assert_true(says(scene_only(cases[i].id, SEVERITY_INFO, CONFIDENCE_HINT, 0), cases[i].word));
        scene.x.sstp.kind = SSTP_KIND_UNSURE;
        scene_nothing();
    }
    closed(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_STRONG);
    const struct finding *f =
        scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 691);
    assert_true(says(f, "UDP 1812") && says(f, "6273"));
}

static void lcp_failed(void)
{
    scene_call();
    ppp()->lcp = (struct ppp_negotiation){.outcome = PPP_RUNNING, .began = at(13), .requests = {3, 3}};
    *demanded() = (struct ppp_authentication){0};
    scene.x.last = at(17);
    scene_ends(SSTP_END_PPP_LCP, false);
}

static void no_method_in_common(void **state)
{
    (void)state;
    lcp_failed();
    demanded()->offered[0] = (struct ppp_method){PPP_PROTOCOL_EAP, 0};
    demanded()->wanted[0] = (struct ppp_method){PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2};
    demanded()->offered_count = demanded()->wanted_count = 1;
    const struct finding *f =
        scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 919);
    assert_true(says(f, "the server demands EAP, the client wants MS-CHAPv2") && says(f, "812"));
    demanded()->wanted_count = 0;
    demanded()->rejected = true;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 919);
    assert_true(says(f, "the client wants none at all"));
    ppp()->terminated = ppp()->has_terminate_error = true; /* Windows says itself what it shows */
    ppp()->terminate_error = 812;
    (void)scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 812);
    lcp_failed(); /* it is the client that demands */
    ppp()->authentication[TO_SERVER].offered[0] = (struct ppp_method){PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2};
    ppp()->authentication[TO_SERVER].offered_count = 1;
    ppp()->authentication[TO_SERVER].rejected = true;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 919);
    assert_true(says(f, "the client demands MS-CHAPv2"));
}

static void lcp_is_not_agreed(void **state)
{
    (void)state;
    lcp_failed();
    judged.client_silent = true;
    judged.place = at(17);
    const struct finding *f =
        scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 721);
    assert_true(says(f, "the client does not answer PPP"));
    ppp()->terminated = true;
    ppp()->lcp.ended_by = TO_CLIENT;
    f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 734);
    assert_true(says(f, "the server ends PPP"));
    lcp_failed();
    ppp()->lcp.refused_in_row[TO_SERVER] = PPP_LOOP;
    ppp()->lcp.naks[TO_CLIENT] = PPP_LOOP;
    (void)scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 734);
}

static void no_network(uint8_t type)
{
    scene_established();
    scene.x.type = type;
    scene.x.outcome = OUTCOME_REJECTED;
    ppp()->ipcp = (struct ppp_negotiation){.outcome = PPP_RUNNING, .began = at(21), .ended = at(26)};
    scene_ends(SSTP_END_PPP_NETWORK, false);
}

static void no_address(void **state)
{
    (void)state;
    static const uint8_t types[] = {CONVERSATION_SSTP, CONVERSATION_L2TP, CONVERSATION_PPTP};
    for (size_t i = 0; i < sizeof types; i++) {
        no_network(types[i]);
        ppp()->ipcp.outcome = PPP_REFUSED;
        const struct finding *f =
            scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 720);
        assert_true(says(f, "no network protocol in common"));
        no_network(types[i]);
        ppp()->address_rejected = true;
        f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 720);
        assert_true(says(f, "has no address for the client") && says(f, "static pool"));
        no_network(types[i]);
        ppp()->address_asked = 0x0a140001;
        ppp()->address_rejected = ppp()->terminated = true;
        f = scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 735);
        assert_true(says(f, "10.20.0.1"));
        no_network(types[i]);
        ppp()->ipcp.refused_in_row[TO_SERVER] = PPP_LOOP;
        (void)scene_only(FINDING_PPP_NEGOTIATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 720);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(users_are_refused, scene_end),
        cmocka_unit_test_teardown(late_refusals_are_of_radius, scene_end),
        cmocka_unit_test_teardown(pap_and_eap_without_a_method, scene_end),
        cmocka_unit_test_teardown(somebody_is_silent, scene_end),
        cmocka_unit_test_teardown(lengths_alone, scene_end),
        cmocka_unit_test_teardown(no_method_in_common, scene_end),
        cmocka_unit_test_teardown(lcp_is_not_agreed, scene_end),
        cmocka_unit_test_teardown(no_address, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
