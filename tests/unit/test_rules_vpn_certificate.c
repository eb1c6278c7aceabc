/* The VPN server's own certificate, and EAP inside IKE, in the words of the rules: facts that must raise a finding, and
 * the nearest ones that must not. Facts are made by hand, no bytes are read. */
#include "rules_scene.h"

#include <stdlib.h>

#include "analyze/session/judge_ike.h"

enum { VPN_SERIAL = 1, NPS_SERIAL = 2, ID_FQDN = 2, ID_DER_DN = 9 };

static struct chain *chain(uint32_t serial)
{
    return chains_get(scene.chains, serial);
}

static void make_chain(uint32_t role, char *name)
{
    struct chain *c = scene_add_chain(role, (uint8_t)role, endpoint_of(1, 500), at(4));
    c->facts[0].common_name = name;
    c->checks.ike_intermediate_eku = true;
}

/* IKE_AUTH of a computer's tunnel, opened with keys: the server's certificate, a child association, ESP both ways. */
static void established(void)
{
    static char vpn[] = "vpn.example.com", nps[] = "nps01.example.com";
    scene_open();
    make_chain(ROLE_IKEV2, vpn);
    make_chain(ROLE_NPS, nps);
    struct exchange *x = &scene.x;
    x->type = CONVERSATION_IKE;
    x->client = endpoint_of(7, 500);
    x->server = endpoint_of(1, 500);
    x->packets = 4;
    x->first = x->first_from_server = at(1);
    x->last = at(5);
    x->capture_last_ns = x->last.time_ns;
    x->ike.version = 0x20;
    x->ike.init_requests = x->ike.init_responses = x->ike.auth_requests = x->ike.auth_responses = 1;
    x->ike.auth_last_id = 1;
    x->ike.chosen_seen = x->ike.encrypted_seen = x->ike.decrypted = x->ike.floated = true;
    x->ike.chosen = (struct ike_suite){
        .encr = {IKE_ENCR, 12, 256}, .integ = {IKE_INTEG, 12, 0}, .prf = {IKE_PRF, 5, 0}, .dh = {IKE_DH, 14, 0}};
    x->ike.init_request = at(1);
    x->ike.init_response = at(2);
    x->ike.auth_request = at(3);
    x->ike.auth_response = at(4);
    x->ike.server_certificate_seen = x->ike.child_created = true;
    x->ike.server_certificate_place = at(4);
    x->ike.server_chain = VPN_SERIAL;
    x->ike.initiator_id_type = ID_FQDN;
    x->ike.initiator_id = put("pc01.example.com");
    x->ike.asked_id_type = ID_FQDN;
    x->ike.asked_id = put("VPN.example.com");
    x->ike.state.esp_packets[0] = x->ike.state.esp_packets[1] = 10;
    scene.ike_stats[VPN_SERIAL].accepted = 1;
}

/* The client answers the certificate with an error notify, though the server had made the child association already. */
static void refused(void)
{
    established();
    struct ike_facts *f = &scene.x.ike;
    f->state.esp_packets[0] = f->state.esp_packets[1] = 0;
    f->informational_seen = true;
    f->first_informational = f->auth_error_place = at(5);
    f->auth_error = IKE_N_AUTHENTICATION_FAILED;
    f->auth_error_from_initiator = true;
    scene.ike_stats[VPN_SERIAL] = (struct chain_stats){.refused = 1};
}

/* A user's tunnel: PEAP inside IKE_AUTH, both certificates read, accepted. */
static void established_by_peap(void)
{
    established();
    struct exchange *x = &scene.x;
    x->ike.eap = true;
    x->ike.auth_requests = x->ike.auth_responses = 10;
    x->eap = peap_login(tls_handshake(NPS_SERIAL, 6, 8, 10), 19);
    x->eap.result = EAP_RESULT_SUCCESS;
    x->eap.result_place = at(20);
    x->last = at(22);
    scene.stats[NPS_SERIAL].accepted = 1;
}

/* The login fails in EAP, and the tunnel with it. */
static void eap_failed(void)
{
    established_by_peap();
    scene.x.ike.child_created = false;
    scene.x.ike.state.esp_packets[0] = scene.x.ike.state.esp_packets[1] = 0;
    scene.x.eap.result = EAP_RESULT_FAILURE;
}

static void refused_nps(uint8_t alert)
{
    eap_failed();
    struct tls_facts *t = &scene.x.eap.tls;
    t->client_key_exchange = t->client_finished = t->server_finished = t->data_from_client = t->data_from_server =
        false;
    t->alerts[t->alert_count++] = (struct alert_fact){.from_client = true, .level = 2, .code = alert, .place = at(9)};
    scene.stats[NPS_SERIAL] = (struct chain_stats){.refused = 1};
}

static void all_rules(void)
{
    rules_session(scene.findings, &scene.in, &scene.s);
}

/* All that is said of the session; the finding with that id, NULL when it was not raised. */
static const struct finding *found(enum finding_id id)
{
    scene.x.outcome = (uint8_t)judge_ike_outcome(&scene.x);
    scene.s.outcome = (enum outcome)scene.x.outcome;
    scene_run(all_rules);
    return raised_in(scene.findings, id);
}

static void nothing_raised(void)
{
    (void)found(FINDING_IDS);
    none_in(scene.findings);
}

/* In the words of a VPN server: RRAS, 13801; nothing that is NPS's or RADIUS's alone. */
static const struct finding *of_vpn(enum finding_id id, enum severity severity, enum confidence confidence)
{
    const struct finding *f = found(id);
    if (f == NULL)
        fail_msg("%s was not raised", finding_name(id));
    else {
        assert_int_equal(f->severity, severity);
        assert_int_equal(f->confidence, confidence);
        assert_int_equal(f->client_error, severity == SEVERITY_INFO ? 0 : 13801);
        assert_true(f->evidence_count > 0 && f->fix_count > 0);
        assert_true(says(f, "VPN server"));
        assert_false(says(f, "NPS") || says(f, "RADIUS") || says(f, "PEAP") || says(f, "EAP"));
        assert_true(says(f, "RRAS") || severity == SEVERITY_INFO);
        assert_int_equal(f->subject[0], '0'); /* the chain's SHA-256 begins with its role */
    }
    return f;
}

static const struct finding *refused_for(enum finding_id id)
{
    return of_vpn(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
}

static void healthy_tunnels_raise_nothing(void **state)
{
    (void)state;
    established();
    nothing_raised();
    assert_int_equal(scene.s.outcome, OUTCOME_ESTABLISHED);
    established_by_peap();
    nothing_raised();
}

static void refusals_of_the_vpn_servers_certificate(void **state)
{
    (void)state;
    static const struct {
        enum chain_error error;
        enum finding_id id;
    } chains[] = {{CHAIN_UNTRUSTED_ROOT, FINDING_CERT_UNTRUSTED_ROOT},
                  {CHAIN_INCOMPLETE, FINDING_CERT_INCOMPLETE_CHAIN},
                  {CHAIN_SELF_SIGNED, FINDING_CERT_SELF_SIGNED},
                  {CHAIN_BAD_SIGNATURE, FINDING_CERT_BAD_SIGNATURE}};
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        refused();
        chain(VPN_SERIAL)->checks.chain = CHECK_FAIL;
        chain(VPN_SERIAL)->checks.chain_error = chains[i].error;
        const struct finding *f = found(chains[i].id);
        assert_non_null(f);
        assert_int_equal(f->severity, SEVERITY_CRITICAL);
        assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
        assert_int_equal(f->client_error, 13801);
        assert_false(says(f, "NPS"));
        assert_int_equal(scene.s.outcome, OUTCOME_ABORTED);
    }
    refused();
    chain(VPN_SERIAL)->checks.server_auth_eku = CHECK_FAIL;
    (void)refused_for(FINDING_CERT_MISSING_SERVER_AUTH_EKU);
    refused();
    chain(VPN_SERIAL)->checks.key_usage_signature = CHECK_FAIL;
    (void)refused_for(FINDING_CERT_KEY_USAGE);
    refused();
    chain(VPN_SERIAL)->checks.subject_empty = true;
    (void)refused_for(FINDING_CERT_EMPTY_SUBJECT);
    refused();
    chain(VPN_SERIAL)->ocsp_revoked = true;
    (void)refused_for(FINDING_CERT_REVOKED);
}

/* Nobody sends roots in IKE: an issuer that is not there is one, or a missing intermediate. */
static void a_lone_certificate_of_an_unknown_issuer(void **state)
{
    (void)state;
    refused();
    chain(VPN_SERIAL)->count = 1;
    chain(VPN_SERIAL)->checks.chain = CHECK_FAIL;
    chain(VPN_SERIAL)->checks.chain_error = CHAIN_INCOMPLETE;
    const struct finding *f = of_vpn(FINDING_CERT_UNTRUSTED_ROOT, SEVERITY_CRITICAL, CONFIDENCE_STRONG);
    assert_true(says(f, "CN=Issuing CA") && says(f, "intermediate"));
    assert_null(found(FINDING_CERT_INCOMPLETE_CHAIN));
}

/* --trusted-root may name the EAP server's root alone. */
static void a_root_that_clients_accept_is_no_problem(void **state)
{
    (void)state;
    established();
    chain(VPN_SERIAL)->checks.chain = CHECK_FAIL;
    chain(VPN_SERIAL)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    const struct finding *f = of_vpn(FINDING_CERT_UNTRUSTED_ROOT, SEVERITY_INFO, CONFIDENCE_HINT);
    assert_true(says(f, "--trusted-root"));
    established(); /* without roots nothing is known */
    chain(VPN_SERIAL)->checks.chain = CHECK_UNKNOWN;
    chain(VPN_SERIAL)->checks.chain_error = CHAIN_NO_ROOTS;
    nothing_raised();
}

/* A computer's tunnel: the answer that brings the certificate makes the child association too, whatever the client
 * says. */
static void a_child_association_is_no_answer_of_the_client(void **state)
{
    (void)state;
    struct place refusal;
    established();
    assert_int_equal(judge_ike_server_certificate(&scene.x, &refusal), ANSWER_ACCEPTED);
    scene.x.ike.state.esp_packets[0] = scene.x.ike.state.esp_packets[1] = 0;
    assert_int_equal(judge_ike_server_certificate(&scene.x, &refusal), ANSWER_UNKNOWN);
    scene.x.capture_last_ns += 60 * SECOND;
    assert_int_equal(judge_ike_server_certificate(&scene.x, &refusal), ANSWER_SILENT);
    scene.ike_stats[VPN_SERIAL] = (struct chain_stats){.silent = 1};
    chain(VPN_SERIAL)->checks.chain = CHECK_FAIL;
    chain(VPN_SERIAL)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    const struct finding *f = of_vpn(FINDING_CERT_UNTRUSTED_ROOT, SEVERITY_CRITICAL, CONFIDENCE_STRONG);
    assert_true(says(f, "fell silent"));
    refused();
    assert_int_equal(judge_ike_server_certificate(&scene.x, &refusal), ANSWER_LEFT);
    assert_int_equal(refusal.frame, 5);
    established_by_peap(); /* who goes on with EAP has accepted it */
    scene.x.ike.child_created = false;
    scene.x.ike.state.esp_packets[0] = scene.x.ike.state.esp_packets[1] = 0;
    scene.x.eap.result = EAP_RESULT_FAILURE;
    assert_int_equal(judge_ike_server_certificate(&scene.x, &refusal), ANSWER_ACCEPTED);
}

static void dates_are_those_of_the_packet(void **state)
{
    (void)state;
    refused();
    chain(VPN_SERIAL)->checks.path_not_after = NOW_S - YEAR_S;
    (void)refused_for(FINDING_CERT_EXPIRED);
    refused();
    chain(VPN_SERIAL)->checks.path_not_before = NOW_S + YEAR_S;
    (void)refused_for(FINDING_CERT_NOT_YET_VALID);
    established();
    chain(VPN_SERIAL)->checks.path_not_after = NOW_S + 86400;
    const struct finding *f = found(FINDING_CERT_EXPIRES_SOON);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_WARNING);
    assert_true(says(f, "13801") && says(f, "RRAS"));
    established(); /* and expired long before today, yet valid then */
    chain(VPN_SERIAL)->checks.path_not_after = NOW_S + YEAR_S / 2;
    nothing_raised();
}

static void strength(void **state)
{
    (void)state;
    established();
    chain(VPN_SERIAL)->checks.key_strength = CHECK_FAIL;
    assert_non_null(found(FINDING_CERT_WEAK_KEY));
    established();
    chain(VPN_SERIAL)->checks.signature_strength = CHECK_FAIL;
    assert_non_null(found(FINDING_CERT_WEAK_SIGNATURE));
}

static void ask_for(uint8_t type, const char *name)
{
    scene.x.ike.asked_id_type = type;
    scene.x.ike.asked_id = put(name);
}

/* Which name was dialled is on the wire only where the client asks for the server by it. */
static void a_name_mismatch_must_be_proven(void **state)
{
    (void)state;
    refused();
    ask_for(ID_FQDN, "remote.example.com");
    const struct finding *f = refused_for(FINDING_CERT_NAME_MISMATCH);
    assert_true(says(f, "\"remote.example.com\"") && says(f, "\"vpn.example.com\""));
    assert_true(says(found(FINDING_IKE_AUTH_FAILED), "cert-* findings"));
    refused(); /* --server-name is the EAP server's */
    scene.x.ike.asked_id_type = 0;
    chain(VPN_SERIAL)->checks.name = CHECK_FAIL;
    chain(VPN_SERIAL)->checks.name_result.fit = NAME_MISMATCH;
    assert_null(found(FINDING_CERT_NAME_MISMATCH));
    refused(); /* a name that certificates do not have as such */
    ask_for(ID_DER_DN, "CN=remote");
    assert_null(found(FINDING_CERT_NAME_MISMATCH));
    refused(); /* whether a wildcard is enough is up to the client */
    static char wildcard[] = "*.example.com";
    chain(VPN_SERIAL)->facts[0].common_name = wildcard;
    assert_null(found(FINDING_CERT_NAME_MISMATCH));
    refused();
    assert_null(found(FINDING_CERT_NAME_MISMATCH));
    established(); /* the client does not mind */
    ask_for(ID_FQDN, "remote.example.com");
    nothing_raised();
}

/* What only TLS, PEAP or the NPS console minds. */
static void what_does_not_matter_in_ike(void **state)
{
    (void)state;
    established();
    chain(VPN_SERIAL)->checks.key_usage_encipherment = CHECK_FAIL;
    chain(VPN_SERIAL)->checks.order_wrong = true;
    chain(VPN_SERIAL)->checks.subject_wildcard = true;
    nothing_raised();
    established(); /* no subject, but a DNS name */
    static char name[] = "vpn.example.com", *names[] = {name};
    chain(VPN_SERIAL)->checks.subject_empty = true;
    chain(VPN_SERIAL)->facts[0].dns_names = names;
    chain(VPN_SERIAL)->facts[0].dns_count = 1;
    nothing_raised();
    established(); /* any purpose, and accepted */
    chain(VPN_SERIAL)->checks.server_auth_eku = CHECK_UNKNOWN;
    chain(VPN_SERIAL)->checks.eku_absent = true;
    const struct finding *f = found(FINDING_CERT_MISSING_SERVER_AUTH_EKU);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
}

static void the_ike_intermediate_eku_is_worth_a_word(void **state)
{
    (void)state;
    established();
    chain(VPN_SERIAL)->checks.ike_intermediate_eku = false;
    const struct finding *f = found(FINDING_CERT_MISSING_IKE_INTERMEDIATE_EKU);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_int_equal(f->client_error, 0);
    established(); /* only RRAS goes by it */
    chain(VPN_SERIAL)->checks.ike_intermediate_eku = false;
    scene.x.ike.strongswan_responder = true;
    nothing_raised();
    established_by_peap(); /* nobody asks an EAP server for it */
    chain(NPS_SERIAL)->checks.ike_intermediate_eku = false;
    nothing_raised();
}

/* The same certificate for both: what clients said of it in one role does not grade it in the other. */
static void one_certificate_in_both_roles(void **state)
{
    (void)state;
    established_by_peap();
    struct chain *c = chain(VPN_SERIAL);
    scene.x.eap.tls.server_chain = VPN_SERIAL;
    c->roles |= ROLE_NPS;
    c->vpn_checks = malloc(sizeof *c->vpn_checks);
    assert_non_null(c->vpn_checks);
    *c->vpn_checks = c->checks;
    c->checks.chain = CHECK_FAIL;
    c->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    scene.stats[VPN_SERIAL] = (struct chain_stats){.accepted = 1};
    const struct finding *f = found(FINDING_CERT_UNTRUSTED_ROOT);
    assert_non_null(f);
    assert_true(says(f, "NPS console"));
    c->checks = *c->vpn_checks;
    c->vpn_checks->key_usage_signature = CHECK_FAIL;
    f = found(FINDING_CERT_KEY_USAGE);
    assert_non_null(f);
    assert_true(says(f, "RRAS") && !says(f, "NPS"));
}

static void say_lengths(bool keys_wrong)
{
    static const uint16_t lengths[][2] = {{980, 1876}, {100, 84}, {260, 1108}, {84, 1108},
                                          {84, 1108},  {84, 772}, {212, 148},  {116, 84}};
    established();
    struct ike_facts *f = &scene.x.ike;
    f->decrypted = f->server_certificate_seen = f->child_created = false;
    f->wrong_key = keys_wrong;
    f->server_chain = 0;
    f->state.esp_packets[0] = f->state.esp_packets[1] = 0;
    f->auth_requests = f->auth_responses = f->auth_last_id = 8;
    scene.x.capture_last_ns += 60 * SECOND;
    for (uint8_t i = 0; i < 16; i++)
        f->lengths[f->length_count++] = (struct ike_length_fact){.length = lengths[i / 2][i % 2],
                                                                 .message_id = (uint8_t)(i / 2 + 1),
                                                                 .exchange = IKE_AUTH,
                                                                 .first = i < 2 ? IKE_IDI : IKE_EAP,
                                                                 .from_initiator = i % 2 == 0,
                                                                 .response = i % 2 == 1};
}

/* Without keys no certificate is judged, whatever the chains hold; where one was, that is said. */
static void certificates_inside_ike_are_unseen(void **state)
{
    (void)state;
    size_t count;
    for (int wrong = 0; wrong < 2; wrong++) {
        say_lengths(wrong == 1);
        chain(VPN_SERIAL)->checks.chain = CHECK_FAIL;
        chain(VPN_SERIAL)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
        const struct finding *f = found(FINDING_CERT_UNSEEN);
        assert_non_null(f);
        assert_int_equal(f->severity, SEVERITY_INFO);
        assert_true(says(f, "--ike-keys"));
        assert_int_equal(says(f, "do not fit"), wrong == 1);
        const struct finding *all = findings_all(scene.findings, &count);
        for (size_t i = 0; i < count; i++)
            assert_true(all[i].id == FINDING_CERT_UNSEEN || strncmp(finding_name(all[i].id), "cert-", 5) != 0);
    }
    established(); /* a computer's tunnel that nobody opened, and that works */
    scene.x.ike.decrypted = scene.x.ike.server_certificate_seen = scene.x.ike.child_created = false;
    scene.x.ike.server_chain = 0;
    nothing_raised();
    refused(); /* the client left */
    scene.x.ike.decrypted = scene.x.ike.server_certificate_seen = scene.x.ike.child_created = false;
    scene.x.ike.auth_error_from_initiator = false;
    scene.x.ike.auth_error = 0;
    scene.x.ike.server_chain = 0;
    for (uint8_t i = 0; i < 2; i++)
        scene.x.ike.lengths[scene.x.ike.length_count++] = (struct ike_length_fact){
            .length = 1500, .message_id = 1, .exchange = IKE_AUTH, .from_initiator = i == 0, .response = i == 1};
    scene.x.ike.lengths[scene.x.ike.length_count++] = (struct ike_length_fact){
        .length = 84, .message_id = 2, .exchange = IKE_INFORMATIONAL, .first = IKE_NOTIFY, .from_initiator = true};
    assert_non_null(found(FINDING_CERT_UNSEEN));
}

static void the_eap_server_is_behind_the_vpn_server(void **state)
{
    (void)state;
    refused_nps(48);
    const struct finding *f = found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
    assert_non_null(f);
    assert_int_equal(f->client_error, 864);
    assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
    assert_true(says(f, "the EAP server behind the VPN server 192.0.2.1") && says(f, "\"pc01.example.com\""));
    assert_false(says(f, "RADIUS") || says(f, "Access-Reject"));
    assert_null(found(FINDING_IKE_AUTH_FAILED));
    refused_nps(48);
    chain(NPS_SERIAL)->checks.chain = CHECK_FAIL;
    chain(NPS_SERIAL)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    f = found(FINDING_CERT_UNTRUSTED_ROOT);
    assert_non_null(f);
    assert_int_equal(f->client_error, 864);
    assert_true(says(f, "NPS console") && !says(f, "RADIUS"));
}

static void credentials_inside_ike(void **state)
{
    (void)state;
    eap_failed();
    const struct finding *f = found(FINDING_EAP_CREDENTIALS_REJECTED);
    assert_non_null(f);
    assert_int_equal(f->client_error, 691);
    assert_false(says(f, "RADIUS"));
    assert_null(found(FINDING_RADIUS_REJECTED));
    /* EAP succeeded; the tunnel was refused for another reason */
    established_by_peap();
    scene.x.ike.child_created = false;
    scene.x.ike.state.esp_packets[0] = scene.x.ike.state.esp_packets[1] = 0;
    scene.x.ike.child_error = IKE_N_TS_UNACCEPTABLE;
    scene.x.ike.child_error_place = at(21);
    assert_null(found(FINDING_EAP_CREDENTIALS_REJECTED));
    assert_non_null(found(FINDING_IKE_TS_UNACCEPTABLE));
    scene.x.eap.mschapv2_error = 691; /* mistyped, then right */
    assert_null(found(FINDING_EAP_CREDENTIALS_REJECTED));
}

/* The tunnel of IKE protects every method, and the server has proven itself before. */
static void a_password_inside_ike_is_protected(void **state)
{
    (void)state;
    established_by_peap();
    scene.x.eap.tls = (struct tls_facts){.seen = false};
    scene.x.eap.method = scene.x.eap.methods[0] = EAP_TYPE_MSCHAPV2;
    nothing_raised();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_tunnels_raise_nothing),
        cmocka_unit_test(refusals_of_the_vpn_servers_certificate),
        cmocka_unit_test(a_lone_certificate_of_an_unknown_issuer),
        cmocka_unit_test(a_root_that_clients_accept_is_no_problem),
        cmocka_unit_test(a_child_association_is_no_answer_of_the_client),
        cmocka_unit_test(dates_are_those_of_the_packet),
        cmocka_unit_test(strength),
        cmocka_unit_test(a_name_mismatch_must_be_proven),
        cmocka_unit_test(what_does_not_matter_in_ike),
        cmocka_unit_test(the_ike_intermediate_eku_is_worth_a_word),
        cmocka_unit_test(one_certificate_in_both_roles),
        cmocka_unit_test(certificates_inside_ike_are_unseen),
        cmocka_unit_test(the_eap_server_is_behind_the_vpn_server),
        cmocka_unit_test(credentials_inside_ike),
        cmocka_unit_test(a_password_inside_ike_is_protected),
    };
    return cmocka_run_group_tests(tests, NULL, scene_end);
}
