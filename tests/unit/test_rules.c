/* Every finding: facts that must raise it, and the nearest facts that must not. Facts are made by hand, no bytes are
 * read. */
#include "rules_scene.h"

#include <stdio.h>

#include "analyze/finding/chain_counts.h"
#include "analyze/finding/uneventful.h"
#include "analyze/finding/verdict.h"
#include "analyze/session/track.h"

enum { SERIAL = 1, OTHER_SERIAL = 2 };

static void make_chain(uint8_t mark, struct endpoint server)
{
    static char subject[] = "CN=nps01.example.com", name[] = "nps01.example.com";
    struct chain *c = scene_add_chain(ROLE_NPS, mark, server, at(6));
    c->facts[0].subject = subject;
    c->facts[0].common_name = name;
    c->checks.pin = PIN_ROOT;
}

static struct chain *chain(size_t i)
{
    return chains_at(scene.chains, i);
}

static void set_session(enum outcome o)
{
    scene.x.outcome = (uint8_t)o;
    scene.s.outcome = o;
    scene.x.radius.final = o == OUTCOME_ESTABLISHED ? RADIUS_ACCESS_ACCEPT
                           : o == OUTCOME_REJECTED  ? RADIUS_ACCESS_REJECT
                                                    : 0;
    bool accepted = o == OUTCOME_ESTABLISHED;
    scene.stats[SERIAL] = (struct chain_stats){.accepted = accepted};
}

/* A PEAP login, TLS 1.2, certificate seen whole, accepted: healthy in every respect. */
static void healthy(void)
{
    scene_open();
    make_chain(1, endpoint_of(11, 1812));
    struct exchange *x = &scene.x;
    x->client = endpoint_of(21, 40000);
    x->server = endpoint_of(11, 1812);
    x->first = at(1);
    x->last = at(20);
    x->first_from_server = at(2);
    x->capture_last_ns = x->last.time_ns;
    x->radius = (struct radius_facts){
        .requests = 10, .challenges = 9, .responses = 10, .first_request = at(1), .final_place = at(20)};
    x->eap = peap_login(tls_handshake(SERIAL, 3, 6, 10), 19);
    set_session(OUTCOME_ESTABLISHED);
    scene.totals = (struct analysis_totals){.sessions = 1, .established = 1, .packets = 20};
    scene.capture.info.packets = 1000;
    struct server *server = servers_of(scene.servers, &x->server);
    server->requests = server->responses = 10;
    server_add_time(server, 1000000);
    server->slowest_ns = 1000000;
}

/* The same, refused after the server's flight: the client sent nothing but what the caller adds. */
static void stopped_after_flight(enum outcome o)
{
    healthy();
    struct tls_facts *t = &scene.x.eap.tls;
    t->client_key_exchange = t->client_finished = t->server_finished = t->data_from_client = t->data_from_server =
        false;
    set_session(o);
}

static void alert_of(struct tls_facts *t, bool client, uint8_t code)
{
    t->alerts[t->alert_count++] = (struct alert_fact){.from_client = client, .level = 2, .code = code, .place = at(7)};
}

static void client_alert(uint8_t code)
{
    alert_of(&scene.x.eap.tls, true, code);
    scene.stats[SERIAL] = (struct chain_stats){.refused = 1};
}

/* The scene's login would be counted without being looked at by the rules. */
static bool uneventful(void)
{
    struct uneventful_logins *u = uneventful_new();
    assert_non_null(u);
    uint16_t tag = uneventful_tag(u, &scene.x, servers_of(scene.servers, &scene.x.server));
    bool alone = scene.s.exchange_count == 1, still = uneventful_still(u, &scene.in, tag);
    uneventful_free(u);
    return alone && still;
}

/* What is told of this session: in all the scenes of this file, nothing when it is called uneventful. */
static void the_rules_agree_that_it_is_uneventful(void)
{
    size_t count;
    struct findings *own = findings_new();
    assert_non_null(own);
    findings_session(own, 1);
    rules_session(own, &scene.in, &scene.s);
    findings_finish(own);
    findings_all(own, &count);
    assert_true(count == 0 || !uneventful());
    findings_free(own);
}

static void all_rules(void)
{
    rules_session(scene.findings, &scene.in, &scene.s);
    findings_session(scene.findings, 0);
    rules_servers(scene.findings, &scene.in);
    rules_capture(scene.findings, &scene.in);
    if (rules_lossy(&scene.capture))
        rules_losses(scene.findings);
}

/* Runs all rules on the scene; the finding with that id, NULL when it was not raised. */
static const struct finding *found(enum finding_id id)
{
    the_rules_agree_that_it_is_uneventful();
    scene_run(all_rules);
    size_t count;
    const struct finding *all = findings_all(scene.findings, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i].title[0] != '\0' && all[i].explanation[0] != '\0');
        assert_true(all[i].fix_count > 0 || all[i].severity == SEVERITY_INFO);
    }
    return raised_in(scene.findings, id);
}

static void raises(enum finding_id id, enum severity severity, uint32_t client_error)
{
    const struct finding *f = found(id);
    if (f == NULL)
        fail_msg("%s was not raised", finding_name(id));
    if (f->severity != severity || f->client_error != client_error)
        fail_msg("%s: %s, client error %u", finding_name(id), severity_name(f->severity), f->client_error);
}

static void raises_with(enum finding_id id, enum severity severity, uint32_t client_error, enum confidence sure,
                        uint64_t frame)
{
    raises(id, severity, client_error);
    const struct finding *f = found(id);
    assert_string_equal(confidence_name(f->confidence), confidence_name(sure));
    assert_true(f->evidence_count > 0);
    assert_int_equal(f->evidence[0].place.frame, frame);
}

static void not_raised(enum finding_id id)
{
    const struct finding *f = found(id);
    if (f != NULL)
        fail_msg("%s was raised: %s", finding_name(id), f->title);
}

static void nothing_raised(void)
{
    found(FINDING_IDS);
    none_in(scene.findings);
}

static void a_healthy_login_need_not_be_looked_at(void **state)
{
    (void)state;
    healthy();
    assert_true(uneventful());
    set_session(OUTCOME_REJECTED);
    assert_false(uneventful());
    healthy();
    scene.x.eap.tls.cipher_suite = 0x0005; /* TLS_RSA_WITH_RC4_128_SHA */
    assert_false(uneventful());
    healthy();
    chain(0)->checks.path_not_after = NOW_S + 86400;
    assert_false(uneventful());
    /* Resumed: only once the server's certificate was seen elsewhere. */
    healthy();
    scene.x.eap.tls.server_chain = 0;
    scene.x.eap.tls.certificate_seen = false;
    scene.x.eap.tls.resumed = true;
    assert_false(uneventful());
    server_add_chain(servers_of(scene.servers, &scene.x.server), SERIAL, true, false, at(6), 1);
    assert_true(uneventful());
}

static void a_healthy_login_raises_nothing(void **state)
{
    (void)state;
    healthy();
    nothing_raised();
    scene.x.eap.nak_seen = true; /* a Nak that led to the method in use */
    nothing_raised();
    scene.x.eap.tls.client_encrypted_alert = true; /* close_notify */
    nothing_raised();
    scene.x.radius.retransmissions = 2; /* repeated, and answered */
    nothing_raised();
}

/* --- the certificate --- */

static void fault_refused(void (*mutate)(struct chain_checks *), enum finding_id id, uint32_t error)
{
    stopped_after_flight(OUTCOME_REJECTED);
    mutate(&chain(0)->checks);
    client_alert(46); /* certificate_unknown: fits every fault */
    raises_with(id, SEVERITY_CRITICAL, error, CONFIDENCE_CERTAIN, 6);
    not_raised(FINDING_RADIUS_REJECTED);      /* a consequence */
    stopped_after_flight(OUTCOME_INCOMPLETE); /* nobody saw how the client answered */
    mutate(&chain(0)->checks);
    raises_with(id, SEVERITY_CRITICAL, error, CONFIDENCE_STRONG, 6);
    healthy(); /* the clients do not mind: no alarm, a remark */
    mutate(&chain(0)->checks);
    raises_with(id, SEVERITY_WARNING, error, CONFIDENCE_HINT, 6);
    healthy();
    not_raised(id);
}

static void untrusted(struct chain_checks *k)
{
    k->chain = CHECK_FAIL;
    k->chain_error = CHAIN_UNTRUSTED_ROOT;
}
static void pinned_issuing_ca(struct chain_checks *k)
{
    k->pin = PIN_ISSUING_CA;
}
static void incomplete(struct chain_checks *k)
{
    k->chain = CHECK_FAIL;
    k->chain_error = CHAIN_INCOMPLETE;
}
static void self_signed(struct chain_checks *k)
{
    k->chain = CHECK_FAIL;
    k->chain_error = CHAIN_SELF_SIGNED;
}
static void bad_signature(struct chain_checks *k)
{
    k->chain = CHECK_FAIL;
    k->chain_error = CHAIN_BAD_SIGNATURE;
}
static void wrong_name(struct chain_checks *k)
{
    k->name = CHECK_FAIL;
    k->name_result.fit = NAME_MISMATCH;
}
static void no_server_auth(struct chain_checks *k)
{
    k->server_auth_eku = CHECK_FAIL;
}
static void empty_subject(struct chain_checks *k)
{
    k->subject_empty = true;
}
static void expired(struct chain_checks *k)
{
    k->path_not_after = NOW_S - RULE_CLOCK_SKEW_S - 10;
}
static void not_yet_valid(struct chain_checks *k)
{
    k->path_not_before = NOW_S + RULE_CLOCK_SKEW_S + 10;
}
static void no_signing(struct chain_checks *k)
{
    k->key_usage_signature = CHECK_FAIL;
}

static void faults_that_make_clients_refuse(void **state)
{
    (void)state;
    fault_refused(untrusted, FINDING_CERT_UNTRUSTED_ROOT, 864);
    fault_refused(pinned_issuing_ca, FINDING_CERT_UNTRUSTED_ROOT, 864);
    fault_refused(incomplete, FINDING_CERT_INCOMPLETE_CHAIN, 864);
    fault_refused(self_signed, FINDING_CERT_SELF_SIGNED, 864);
    fault_refused(bad_signature, FINDING_CERT_BAD_SIGNATURE, 857);
    fault_refused(wrong_name, FINDING_CERT_NAME_MISMATCH, 864);
    fault_refused(no_server_auth, FINDING_CERT_MISSING_SERVER_AUTH_EKU, 864);
    fault_refused(empty_subject, FINDING_CERT_EMPTY_SUBJECT, 866);
    fault_refused(expired, FINDING_CERT_EXPIRED, 858);
    fault_refused(not_yet_valid, FINDING_CERT_NOT_YET_VALID, 857);
    fault_refused(no_signing, FINDING_CERT_KEY_USAGE, 857);
}

static void an_alert_that_names_another_reason(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    wrong_name(&chain(0)->checks);
    untrusted(&chain(0)->checks);
    client_alert(48); /* unknown_ca: it is about the root; the name would be the next to fail */
    raises_with(FINDING_CERT_UNTRUSTED_ROOT, SEVERITY_CRITICAL, 864, CONFIDENCE_CERTAIN, 6);
    raises_with(FINDING_CERT_NAME_MISMATCH, SEVERITY_CRITICAL, 864, CONFIDENCE_STRONG, 6);
    stopped_after_flight(OUTCOME_REJECTED);
    untrusted(&chain(0)->checks);
    client_alert(45); /* certificate_expired: it knows the root, and another one than those given */
    raises_with(FINDING_CERT_UNTRUSTED_ROOT, SEVERITY_CRITICAL, 864, CONFIDENCE_HINT, 6);
    assert_true(says(found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE), "or its clock is wrong"));
    expired(&chain(0)->checks);
    assert_false(says(found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE), "or its clock is wrong"));
    raises_with(FINDING_CERT_EXPIRED, SEVERITY_CRITICAL, 858, CONFIDENCE_CERTAIN, 6);
}

/* bad_certificate is what OpenSSL says of a signature or a key below its security level. */
static void what_is_too_weak_for_a_client(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(42);
    chain(0)->checks.signature_strength = CHECK_FAIL;
    raises_with(FINDING_CERT_WEAK_SIGNATURE, SEVERITY_CRITICAL, 857, CONFIDENCE_STRONG, 6);
    size_t count;
    assert_int_equal(findings_all(scene.findings, &count)[0].id, FINDING_CERT_WEAK_SIGNATURE);
    raises(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, 857);
    chain(0)->checks.chain = CHECK_FAIL; /* then that is it */
    chain(0)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    raises(FINDING_CERT_WEAK_SIGNATURE, SEVERITY_WARNING, 0);
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(48); /* it is about the root */
    chain(0)->checks.key_strength = CHECK_FAIL;
    raises(FINDING_CERT_WEAK_KEY, SEVERITY_WARNING, 0);
}

/* The chain is whole only thanks to an intermediate that was given on the command line. */
static void an_intermediate_that_is_not_sent(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    chain(0)->checks.intermediate_given = true;
    client_alert(48);
    raises_with(FINDING_CERT_INCOMPLETE_CHAIN, SEVERITY_CRITICAL, 864, CONFIDENCE_STRONG, 6);
    healthy();
    chain(0)->checks.intermediate_given = true; /* the clients hold it, too: worth knowing, no alarm */
    raises_with(FINDING_CERT_INCOMPLETE_CHAIN, SEVERITY_INFO, 0, CONFIDENCE_STRONG, 6);
}

static void unknown_is_no_fault(void **state)
{
    (void)state;
    healthy(); /* nobody said what clients trust and expect */
    struct chain_checks *k = &chain(0)->checks;
    k->chain = k->name = CHECK_UNKNOWN;
    k->chain_error = CHAIN_NO_ROOTS;
    k->name_result.fit = NAME_NO_EXPECTATION;
    k->pin = PIN_NONE_GIVEN;
    nothing_raised();
    k->pin = PIN_ROOT_UNKNOWN;
    nothing_raised();
}

static void names_in_other_readings(void **state)
{
    (void)state;
    healthy();
    chain(0)->checks.name_result.fit = NAME_MATCH_CASE;
    raises(FINDING_CERT_NAME_MISMATCH, SEVERITY_WARNING, 0);
    chain(0)->checks.name_result.fit = NAME_MATCH_UNCERTAIN;
    struct name_result *r = &chain(0)->checks.name_result;
    snprintf(r->pattern, sizeof r->pattern, "nps01.example.com");
    snprintf(r->matched, sizeof r->matched, "*.example.com"); /* no pattern at all: the certificate's name is one */
    raises(FINDING_CERT_NAME_MISMATCH, SEVERITY_INFO, 0);
    const struct finding *f = found(FINDING_CERT_NAME_MISMATCH);
    assert_non_null(strstr(f->title, "only by its wildcard \"*.example.com\""));
    assert_null(strstr(f->explanation, "regular expression"));
}

static void validity_forgives_five_minutes(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(45);
    struct chain_checks *k = &chain(0)->checks;
    k->path_not_after = NOW_S - RULE_CLOCK_SKEW_S + 10;
    not_raised(FINDING_CERT_EXPIRED);
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    assert_false(rule_certificate_fault(&scene.in, &scene.x.eap.tls, false));
    k->path_not_after = NOW_S + YEAR_S;
    k->path_not_before = NOW_S + RULE_CLOCK_SKEW_S - 10;
    not_raised(FINDING_CERT_NOT_YET_VALID);
    healthy();
    chain(0)->checks.path_not_after = NOW_S + 29 * INT64_C(86400);
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    chain(0)->checks.path_not_after = NOW_S + 31 * INT64_C(86400);
    not_raised(FINDING_CERT_EXPIRES_SOON);
    chain(0)->checks.path_not_after = NOW_S + 3600; /* and within the capture it did: the logins since say so */
    scene.stats[SERIAL].last_ns = (NOW_S + 3600 + RULE_CLOCK_SKEW_S + 1) * SECOND;
    not_raised(FINDING_CERT_EXPIRES_SOON);
    scene.stats[SERIAL].last_ns -= 2 * SECOND;
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    chain(0)->checks.path_not_after = NOW_S - YEAR_S; /* a capture without times proves nothing */
    scene.x.eap.tls.certificate_last.time_ns = 0;
    nothing_raised();
}

/* The root that clients were said to trust has expired; the server did not send it. */
static void the_end_of_a_root_that_was_not_sent(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(45);
    struct chain_checks *k = &chain(0)->checks;
    k->path_not_after = NOW_S - YEAR_S;
    k->not_after_index = chain(0)->count;
    k->not_after_given = "Example Root";
    raises(FINDING_CERT_EXPIRED, SEVERITY_CRITICAL, 858);
    const struct finding *f = found(FINDING_CERT_EXPIRED);
    assert_non_null(strstr(f->title, "\"Example Root\" expired on"));
    assert_non_null(strstr(f->explanation, "among the trusted roots given"));
    assert_non_null(strstr(f->fix[0], "computer store of every client"));
    k->path_not_after = NOW_S + 86400;
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    f = found(FINDING_CERT_EXPIRES_SOON);
    assert_non_null(strstr(f->title, "\"Example Root\" expires on"));
}

static void key_usage_is_judged_by_the_suite(void **state)
{
    (void)state;
    healthy();
    chain(0)->checks.key_usage_encipherment = CHECK_FAIL;
    nothing_raised();                      /* ECDHE signs */
    scene.x.eap.tls.cipher_suite = 0x009c; /* TLS_RSA_WITH_AES_128_GCM_SHA256 */
    raises(FINDING_CERT_KEY_USAGE, SEVERITY_WARNING, 857);
}

static void remarks_about_certificates(void **state)
{
    (void)state;
    healthy();
    chain(0)->checks.key_strength = CHECK_FAIL;
    raises(FINDING_CERT_WEAK_KEY, SEVERITY_WARNING, 0);
    healthy();
    chain(0)->checks.signature_strength = CHECK_FAIL;
    raises(FINDING_CERT_WEAK_SIGNATURE, SEVERITY_WARNING, 0);
    healthy();
    chain(0)->checks.subject_wildcard = true;
    raises(FINDING_CERT_WILDCARD_SUBJECT, SEVERITY_WARNING, 0);
    healthy();
    chain(0)->checks.order_wrong = true;
    raises(FINDING_CERT_CHAIN_ORDER, SEVERITY_INFO, 0); /* the client went on */
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(42);
    chain(0)->checks.order_wrong = true;
    raises(FINDING_CERT_CHAIN_ORDER, SEVERITY_WARNING, 0);
    healthy();
    chain(0)->checks.server_auth_eku = CHECK_UNKNOWN;
    not_raised(FINDING_CERT_MISSING_SERVER_AUTH_EKU);
    chain(0)->checks.eku_absent = true;
    raises(FINDING_CERT_MISSING_SERVER_AUTH_EKU, SEVERITY_WARNING, 0);
}

static void revocation(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(44);
    chain(0)->ocsp_good = true;
    not_raised(FINDING_CERT_REVOKED);
    chain(0)->ocsp_good = false;
    chain(0)->ocsp_revoked = true;
    raises(FINDING_CERT_REVOKED, SEVERITY_CRITICAL, 859);
    assert_false(says(found(FINDING_CERT_REVOKED), "outdated"));
    chain(0)->ocsp_facts.next_update = at(6).time_ns / INT64_C(1000000000) - 1;
    assert_true(says(found(FINDING_CERT_REVOKED), "The response itself is outdated"));
}

/* bad_certificate_status_response is about what is stapled, and what is wrong with it shows. */
static void a_stapled_response_that_clients_refuse(void **state)
{
    static const struct {
        struct chain_ocsp stapled;
        const char *says;
    } cases[] = {
        {{.read = false}, "the server staples none"},
        {{.read = true, .refusal = 3}, "a responder's refusal (OCSPResponseStatus 3)"},
        {{.read = true, .refusal = -1}, "is not about this certificate"},
        {{.read = true, .refusal = -1, .status = CHAIN_OCSP_GOOD, .signature = CHECK_FAIL}, "signed the OCSP response"},
        {{.read = true, .refusal = -1, .status = CHAIN_OCSP_GOOD, .signature = CHECK_PASS, .next_update = 1}, "outdated: it was good until"},
        {{.read = true, .refusal = -1, .status = CHAIN_OCSP_UNKNOWN, .signature = CHECK_PASS}, "says \"unknown\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        stopped_after_flight(OUTCOME_REJECTED);
        client_alert(113);
        chain(0)->ocsp_facts = cases[i].stapled;
        const struct finding *f = found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
        assert_true(says(f, cases[i].says));
        assert_false(says(f, "passes every check"));
    }
}

static void two_servers(bool refused)
{
    healthy();
    make_chain(2, endpoint_of(12, 1812));
    struct endpoint one = endpoint_of(11, 1812), two = endpoint_of(12, 1812);
    server_add_chain(servers_of(scene.servers, &one), SERIAL, true, false, at(6), 1);
    server_add_chain(servers_of(scene.servers, &two), OTHER_SERIAL, !refused, refused, at(16), 2);
    scene.stats[OTHER_SERIAL] = (struct chain_stats){.accepted = !refused, .refused = refused};
}

static void certificates_of_two_servers(void **state)
{
    (void)state;
    two_servers(true);
    raises(FINDING_CERT_DIFFERS_BETWEEN_SERVERS, SEVERITY_WARNING, 0);
    two_servers(false); /* both fit what clients expect: worth knowing, no more */
    raises(FINDING_CERT_DIFFERS_BETWEEN_SERVERS, SEVERITY_INFO, 0);
    chain(1)->facts[0].sha256[0] = 1; /* the same leaf with another chain */
    not_raised(FINDING_CERT_DIFFERS_BETWEEN_SERVERS);
    healthy(); /* one server that renewed */
    make_chain(2, endpoint_of(11, 1812));
    struct endpoint one = endpoint_of(11, 1812);
    server_add_chain(servers_of(scene.servers, &one), SERIAL, true, false, at(6), 1);
    server_add_chain(servers_of(scene.servers, &one), OTHER_SERIAL, true, false, at(16), 2);
    not_raised(FINDING_CERT_DIFFERS_BETWEEN_SERVERS);
}

/* The same server goes over to another certificate in the middle of the capture. */
static void a_certificate_that_was_replaced(void **state)
{
    (void)state;
    struct endpoint one = endpoint_of(11, 1812);
    healthy();
    make_chain(2, one);
    server_add_chain(servers_of(scene.servers, &one), SERIAL, true, false, at(6), 1);
    server_add_chain(servers_of(scene.servers, &one), OTHER_SERIAL, true, false, at(16), 2);
    chain(0)->checks.path_not_after = NOW_S + 86400;
    not_raised(FINDING_CERT_EXPIRES_SOON);
    chain(1)->checks.path_not_after = NOW_S + 2 * 86400; /* no better */
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    chain(1)->checks.path_not_after = NOW_S + YEAR_S;
    scene.x.eap.tls.certificate_last = at(17); /* it is still in use */
    raises(FINDING_CERT_EXPIRES_SOON, SEVERITY_WARNING, 0);
    stopped_after_flight(OUTCOME_REJECTED); /* the new one is refused: who resumes a session does not see it */
    make_chain(2, one);
    untrusted(&chain(0)->checks);
    client_alert(48);
    struct server *server = servers_of(scene.servers, &one);
    server_add_chain(server, OTHER_SERIAL, true, false, at(3), 2);
    server_add_chain(server, SERIAL, false, true, at(6), 1);
    assert_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "resume"));
    server_forget_chains(server); /* now and then the one and the other */
    server_add_chain(server, SERIAL, false, true, at(6), 1);
    server_add_chain(server, OTHER_SERIAL, true, false, at(8), 2);
    assert_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "in turns"));
    server_add_chain(server, SERIAL, false, true, at(10), 3);
    assert_non_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "in turns"));
    server_forget_chains(server);
    server_add_chain(server, OTHER_SERIAL, true, false, at(3), 2);
    server_add_chain(server, SERIAL, false, true, at(6), 1);
    assert_non_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "it was renewed"));
    server_add_chain(server, OTHER_SERIAL, true, false, at(8), 2);
    server_add_chain(server, SERIAL, false, true, at(9), 1);
    assert_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "it was renewed"));
    assert_non_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "in turns"));
    server_forget_chains(server);
    server_add_chain(server, OTHER_SERIAL, true, false, at(3), 2);
    server_add_chain(server, SERIAL, false, true, at(6), 1);
    static struct chain_counts counts;
    struct exchange resumed = {.first = at(12), .server = one, .outcome = OUTCOME_ESTABLISHED};
    resumed.eap.tls.resumed = true;
    chain_counts_login(&counts, scene.servers, &resumed, NULL, false);
    assert_true(server->resumed_ns == at(12).time_ns);
    assert_non_null(strstr(found(FINDING_CERT_UNTRUSTED_ROOT)->explanation, "resume a TLS session"));
    server_forget_chains(server);
    assert_true(server->resumed_ns == 0);
}

static void unseen(void)
{
    healthy();
    scene.x.eap.tls.certificate_seen = false;
    scene.x.eap.tls.server_chain = 0;
}

static void certificates_that_cannot_be_read(void **state)
{
    (void)state;
    unseen();
    scene.x.eap.tls.version = 0x0304;
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    scene.x.eap.tls.decrypted = true;
    scene.x.eap.tls.certificate_seen = true;
    scene.x.eap.tls.server_chain = SERIAL;
    nothing_raised(); /* with secrets */
    unseen();
    scene.x.eap.tls.version = 0x0304;
    scene.x.eap.tls.decrypted = true; /* with a part of them */
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    assert_true(says(found(FINDING_CERT_UNSEEN), "SERVER_HANDSHAKE_TRAFFIC_SECRET"));
    stopped_after_flight(OUTCOME_INCOMPLETE); /* it may not have come that far */
    scene.x.eap.tls.version = 0x0304;
    scene.x.eap.tls.decrypted = true;
    scene.x.eap.tls.certificate_seen = false;
    scene.x.eap.tls.server_chain = 0;
    not_raised(FINDING_CERT_UNSEEN);
    unseen();
    scene.x.eap.tls.version = 0x0304;
    scene.x.eap.tls.decryption_failed = true;
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    unseen();
    scene.x.eap.tls.resumed = true;
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    struct endpoint one = endpoint_of(11, 1812); /* a full handshake of that server is in the capture */
    server_add_chain(servers_of(scene.servers, &one), SERIAL, true, false, at(6), 1);
    nothing_raised();
    scene.x.eap.tls.resumed = false; /* that says nothing about another handshake */
    scene.x.eap.tls.version = 0x0304;
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    unseen();
    scene.x.eap.tls.certificate_truncated = true;
    raises(FINDING_CERT_UNSEEN, SEVERITY_INFO, 0);
    unseen(); /* PAP, MD5: there is no certificate to miss */
    memset(&scene.x.eap, 0, sizeof scene.x.eap);
    nothing_raised();
}

/* --- the client's answer --- */

static void refusal_by_alert(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        uint32_t error;
    } cases[] = {{48, 864}, {49, 864}, {45, 858}, {44, 859}, {42, 857}, {43, 857}, {46, 857}, {51, 0}, {80, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stopped_after_flight(OUTCOME_REJECTED);
        client_alert(cases[i].code);
        raises_with(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, cases[i].error, CONFIDENCE_CERTAIN, 7);
        not_raised(FINDING_RADIUS_REJECTED);
        not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    }
    static const uint8_t others[] = {0, 20, 40, 41, 47, 70, 90}; /* about parameters, or no fault at all */
    for (size_t i = 0; i < sizeof others; i++) {
        stopped_after_flight(OUTCOME_REJECTED);
        client_alert(others[i]);
        not_raised(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
    }
    stopped_after_flight(OUTCOME_REJECTED); /* the server's alert is not the client's */
    alert_of(&scene.x.eap.tls, false, 48);
    not_raised(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
    healthy(); /* a warning that the client itself did not heed (before TLS 1.3) */
    set_session(OUTCOME_REJECTED);
    client_alert(46);
    scene.x.eap.tls.alerts[0].level = 1;
    not_raised(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
}

/* One login has one number: a chain that does not hold is no missing root. */
static void unknown_ca_because_the_chain_is_not_valid(void **state)
{
    (void)state;
    static const enum chain_error errors[] = {CHAIN_BAD_SIGNATURE, CHAIN_INVALID_CA};
    for (size_t i = 0; i < 2; i++) {
        stopped_after_flight(OUTCOME_REJECTED);
        chain(0)->checks.chain = CHECK_FAIL;
        chain(0)->checks.chain_error = errors[i];
        client_alert(48);
        raises(FINDING_CERT_BAD_SIGNATURE, SEVERITY_CRITICAL, 857);
        raises(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, 857);
    const struct finding *f = found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
        assert_null(strstr(f->explanation, "864"));
    }
}

/* Alerts that name no reason do not contradict the fault that the certificate has. */
static void refusal_without_a_reason_bears_the_fault_s_number(void **state)
{
    (void)state;
    static const struct {
        void (*fault)(struct chain_checks *);
        uint32_t error;
    } cases[] = {{expired, 858}, {bad_signature, 857}, {wrong_name, 864}};
    static const uint8_t alerts[] = {42, 43, 46};
    for (size_t i = 0; i < sizeof cases / sizeof *cases * sizeof alerts; i++) {
        stopped_after_flight(OUTCOME_REJECTED);
        cases[i / sizeof alerts].fault(&chain(0)->checks);
        client_alert(alerts[i % sizeof alerts]);
        raises(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, cases[i / sizeof alerts].error);
    }
}

static void refusal_by_position(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_REJECTED);
    struct tls_facts *t = &scene.x.eap.tls;
    t->data_from_client = t->data_from_server = false;
    t->client_encrypted_alert = true;
    t->encrypted_alert = at(11);
    raises_with(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, 864, CONFIDENCE_STRONG, 11);
    static const struct {
        void (*fault)(struct chain_checks *);
        uint32_t error;
    } cases[] = {{expired, 858}, {not_yet_valid, 857}, {empty_subject, 866}, {bad_signature, 857}, {wrong_name, 864}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) { /* what hides the number is told by the certificate */
        struct chain_checks fine = chain(0)->checks;
        cases[i].fault(&chain(0)->checks);
        raises_with(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, cases[i].error, CONFIDENCE_STRONG, 11);
        chain(0)->checks = fine;
    }
    t->data_from_client = true; /* the tunnel was in use: no answer to the certificate */
    not_raised(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
    t->data_from_client = false;
    t->resumed = true; /* no certificate was shown */
    t->certificate_seen = false;
    t->server_chain = 0;
    not_raised(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE);
}

static void silence_after_the_certificate(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_ABORTED);
    scene.x.last = at(6);
    scene.x.capture_last_ns = scene.x.last.time_ns + 31 * SECOND;
    raises_with(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE, SEVERITY_CRITICAL, 0, CONFIDENCE_HINT, 6);
    chain(0)->checks.chain = CHECK_FAIL;
    chain(0)->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    raises(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE, SEVERITY_CRITICAL, 864);
    chain(0)->checks.chain = CHECK_PASS;
    const struct chain_checks good = chain(0)->checks;
    expired(&chain(0)->checks);
    raises(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE, SEVERITY_CRITICAL, 858);
    chain(0)->checks = good;
    scene.x.capture_last_ns = scene.x.last.time_ns + 20 * SECOND; /* the capture ended too early */
    not_raised(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE);
    scene.x.capture_last_ns = scene.x.last.time_ns + 31 * SECOND;
    scene.x.eap.tls.server_hello_done = false; /* not the whole flight */
    not_raised(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE);
    scene.x.eap.tls.server_hello_done = true;
    scene.x.last_from_client = true; /* it is the server that is silent */
    not_raised(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE);
}

/* --- EAP --- */

static void client_certificate_refused(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    struct tls_facts *t = &scene.x.eap.tls;
    scene.x.eap.method = EAP_TYPE_TLS;
    t->client_certificate = t->client_key_exchange = t->client_finished = true;
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_STRONG, 20);
    alert_of(t, false, 48);
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_CERTAIN, 7);
    t->alert_count = 0;
    t->server_finished = true; /* accepted by TLS, then a reject: policy, not the certificate */
    not_raised(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE);
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 812);
    t->server_finished = false;
    t->client_certificate = false;
    t->client_certificate_empty = true;
    raises(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 798);
    healthy(); /* EAP-TLS 1.3: all of it is encrypted, there is no password in it */
    set_session(OUTCOME_REJECTED);
    scene.x.eap.method = EAP_TYPE_TLS;
    scene.x.eap.tls.version = 0x0304;
    raises(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853);
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    not_raised(FINDING_RADIUS_REJECTED);
    stopped_after_flight(OUTCOME_REJECTED); /* the same with its keys: the server's Finished comes first in TLS 1.3 */
    scene.x.eap.method = EAP_TYPE_TLS;
    t->version = 0x0304;
    t->decrypted = t->server_finished = t->client_finished = t->client_certificate = true;
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_STRONG, 20);
    not_raised(FINDING_RADIUS_REJECTED);
    alert_of(t, false, 48);
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_CERTAIN, 7);
    t->alert_count = 0;
    t->data_from_server = t->server_committed = true; /* RFC 9190 section 2.1.1: it took the certificate */
    not_raised(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE);
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 812);
    t->server_committed = false; /* the key log lacks SERVER_TRAFFIC_SECRET_0: it may be the alert */
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_STRONG, 20);
    not_raised(FINDING_RADIUS_REJECTED);
    t->client_certificate = false; /* and CLIENT_HANDSHAKE_TRAFFIC_SECRET */
    t->client_records = 3;
    raises_with(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853, CONFIDENCE_STRONG, 20);
    not_raised(FINDING_RADIUS_REJECTED);
    t->server_committed = true;
    not_raised(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE);
}

/* What closed records of a TLS 1.3 server are good for, by their lengths (RFC 8446 section 5.2, RFC 9190 section 2.1.1). */
static void closed_records_of_the_server(void **state)
{
    (void)state;
    enum { ALERT = 19, COMMITMENT = 18, FINISHED = 53, TICKET = 250 };
    struct place place = at(7);
    struct tls_facts t = {.version = 0x0304};
    track_closed_record(&t, TO_CLIENT, COMMITMENT, &place); /* a part of its flight */
    assert_false(t.server_committed);
    track_closed_record(&t, TO_SERVER, FINISHED, &place);
    track_closed_record(&t, TO_CLIENT, TICKET, &place);
    track_closed_record(&t, TO_CLIENT, ALERT, &place);
    assert_false(t.server_committed);
    track_closed_record(&t, TO_CLIENT, COMMITMENT, &place);
    assert_true(t.server_committed);
}

static void methods_refused(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_REJECTED);
    struct eap_facts *e = &scene.x.eap;
    memset(&e->tls, 0, sizeof e->tls);
    e->method = 0;
    e->nak_seen = true;
    e->nak_count = 1;
    e->nak[0] = EAP_TYPE_TLS;
    e->nak_place = at(5);
    raises_with(FINDING_EAP_METHOD_REFUSED, SEVERITY_CRITICAL, 812, CONFIDENCE_CERTAIN, 5);
    not_raised(FINDING_RADIUS_REJECTED);
    set_session(OUTCOME_ESTABLISHED);
    not_raised(FINDING_EAP_METHOD_REFUSED);
    healthy(); /* refused, then another one was taken and failed for its own reason */
    set_session(OUTCOME_REJECTED);
    scene.x.eap.nak_seen = true;
    not_raised(FINDING_EAP_METHOD_REFUSED);
    scene.x.has_inner = true; /* the same inside the tunnel, with secrets */
    scene.x.inner = (struct eap_facts){.seen = true,
                                       .nak_seen = true,
                                       .methods = {EAP_TYPE_MSCHAPV2},
                                       .method_count = 1,
                                       .nak = {EAP_TYPE_TLS},
                                       .nak_count = 1,
                                       .nak_place = at(15)};
    raises_with(FINDING_EAP_METHOD_REFUSED, SEVERITY_CRITICAL, 812, CONFIDENCE_CERTAIN, 15);
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
}

static void credentials_rejected(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_REJECTED);
    raises_with(FINDING_EAP_CREDENTIALS_REJECTED, SEVERITY_CRITICAL, 691, CONFIDENCE_STRONG, 20);
    not_raised(FINDING_RADIUS_REJECTED);
    scene.x.has_inner = true; /* with secrets: the number */
    scene.x.inner =
        (struct eap_facts){.seen = true, .method = EAP_TYPE_MSCHAPV2, .mschapv2_error = 647, .error_place = at(17)};
    raises_with(FINDING_EAP_CREDENTIALS_REJECTED, SEVERITY_CRITICAL, 647, CONFIDENCE_CERTAIN, 17);
    set_session(OUTCOME_ESTABLISHED); /* tried again, and right the second time */
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    healthy();
    set_session(OUTCOME_REJECTED);
    scene.x.eap.tls.data_from_client = false; /* nothing was said inside the tunnel */
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    healthy(); /* the inner certificate was refused: not the password */
    set_session(OUTCOME_REJECTED);
    scene.x.has_inner = true;
    scene.x.inner = (struct eap_facts){.seen = true, .method = EAP_TYPE_TLS};
    scene.x.inner.tls = (struct tls_facts){.seen = true,
                                           .server_hello = true,
                                           .certificate_seen = true,
                                           .version = 0x0303,
                                           .server_chain = SERIAL,
                                           .certificate_last = at(13)};
    alert_of(&scene.x.inner.tls, true, 48);
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    raises(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, 864);
    scene.x.inner.tls.alert_count = 0; /* the server refused the client's, inside */
    scene.x.inner.tls.client_certificate = true;
    alert_of(&scene.x.inner.tls, false, 48);
    not_raised(FINDING_EAP_CREDENTIALS_REJECTED);
    raises(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853);
}

static void handshakes_that_fail(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_REJECTED);
    scene.x.eap.last_response = at(3);
    scene.x.eap.tls = (struct tls_facts){.seen = true, .client_hello = true, .max_version = 0x0302, .hello = at(3)};
    raises_with(FINDING_EAP_TLS_HANDSHAKE_FAILED, SEVERITY_CRITICAL, 0, CONFIDENCE_STRONG, 3);
    alert_of(&scene.x.eap.tls, false, 70);
    raises_with(FINDING_EAP_TLS_HANDSHAKE_FAILED, SEVERITY_CRITICAL, 0, CONFIDENCE_CERTAIN, 3);
    scene.x.eap.tls.alert_count = 0;
    scene.x.radius.other_server = true; /* rejected for another reason */
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    scene.x.radius.other_server = false;
    scene.x.eap.last_response = at(5); /* it went on: the capture lacks the ServerHello */
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    alert_of(&scene.x.eap.tls, false, 48); /* and this is about the client's certificate */
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    raises(FINDING_EAP_SERVER_REJECTED_CLIENT_CERTIFICATE, SEVERITY_CRITICAL, 853);
    scene.x.eap.tls.alert_count = 0;
    scene.x.eap.last_response = at(3);
    scene.x.begun_before = true; /* begun at another server, perhaps */
    scene.x.radius.challenges = 0;
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    scene.x.begun_before = false;
    set_session(OUTCOME_INCOMPLETE); /* the capture ended */
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
}

static void logins_left_unfinished(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_ABORTED);
    scene.x.eap.tls.client_key_exchange = true; /* went on with the certificate */
    scene.x.capture_last_ns = scene.x.last.time_ns + 61 * SECOND;
    raises_with(FINDING_EAP_UNFINISHED, SEVERITY_WARNING, 0, CONFIDENCE_STRONG, 20);
    scene.x.capture_last_ns = scene.x.last.time_ns + 59 * SECOND;
    not_raised(FINDING_EAP_UNFINISHED);
    scene.x.capture_last_ns = scene.x.last.time_ns + 61 * SECOND;
    scene.x.begun_before = true;
    not_raised(FINDING_EAP_UNFINISHED);
    scene.x.begun_before = false;
    scene.x.close_reason = CLOSE_EVICTED; /* ours, not theirs */
    not_raised(FINDING_EAP_UNFINISHED);
    scene.x.close_reason = CLOSE_IDLE;
    scene.x.first_from_server = (struct place){0}; /* one direction */
    not_raised(FINDING_EAP_UNFINISHED);
}

static void eap_fragments(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_ABORTED);
    scene.x.eap.tls.certificate_seen = scene.x.eap.tls.server_hello_done = false;
    scene.x.eap_state.server_flight_partial = true;
    scene.x.last_from_server = at(20);
    scene.x.capture_last_ns = scene.x.last.time_ns + 31 * SECOND;
    raises_with(FINDING_EAP_FRAGMENTS_LOST, SEVERITY_CRITICAL, 0, CONFIDENCE_STRONG, 20);
    not_raised(FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE);
    scene.x.capture_last_ns = scene.x.last.time_ns + 61 * SECOND;
    not_raised(FINDING_EAP_UNFINISHED);
    servers_of(scene.servers, &scene.x.server)->unmatched = 1; /* the capture lacks packets of that server */
    raises_with(FINDING_EAP_FRAGMENTS_LOST, SEVERITY_WARNING, 0, CONFIDENCE_HINT, 20);
    servers_of(scene.servers, &scene.x.server)->unmatched = 0;
    scene.x.capture_last_ns = scene.x.last.time_ns + 5 * SECOND; /* the capture ended */
    not_raised(FINDING_EAP_FRAGMENTS_LOST);
    scene.x.last_from_client = true; /* the NAS asks again for the next fragment */
    scene.x.radius.unanswered_transmissions = 3;
    raises(FINDING_EAP_FRAGMENTS_LOST, SEVERITY_CRITICAL, 0);
    servers_of(scene.servers, &scene.x.server)->silent_first = 1; /* small requests it answers neither */
    not_raised(FINDING_EAP_FRAGMENTS_LOST);
    servers_of(scene.servers, &scene.x.server)->last_answer_ns = scene.x.last.time_ns;
    raises(FINDING_EAP_FRAGMENTS_LOST, SEVERITY_CRITICAL, 0);
    scene.x.begun_before = true;
    not_raised(FINDING_EAP_FRAGMENTS_LOST);

    stopped_after_flight(
        OUTCOME_ABORTED); /* a gap that the login went on after: lost to the capture, not to the client */
    scene.x.eap.fragment_gap = true;
    scene.x.eap.gap_place = at(5);
    scene.x.capture_last_ns = scene.x.last.time_ns + 61 * SECOND;
    not_raised(FINDING_EAP_FRAGMENTS_LOST);
    scene.x.last = at(5);
    raises_with(FINDING_EAP_FRAGMENTS_LOST, SEVERITY_WARNING, 0, CONFIDENCE_HINT, 5);
    set_session(OUTCOME_ESTABLISHED);
    not_raised(FINDING_EAP_FRAGMENTS_LOST);
}

static void weak_tls(void **state)
{
    (void)state;
    healthy();
    scene.x.eap.tls.version = 0x0301;
    raises_with(FINDING_EAP_WEAK_TLS, SEVERITY_WARNING, 0, CONFIDENCE_CERTAIN, 4);
    static const struct {
        uint16_t suite;
        bool weak;
    } suites[] = {
        {0x0005, true},  {0x000a, true},  {0x0003, true},  {0x0034, true},  {0x0001, true},  {0x003b, true},
        {0x002f, false}, {0x009c, false}, {0xc013, false}, {0xc02f, false}, {0xcca8, false}, {0xfefe, false},
    };
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        healthy();
        scene.x.eap.tls.cipher_suite = suites[i].suite;
        if (suites[i].weak)
            raises(FINDING_EAP_WEAK_TLS, SEVERITY_WARNING, 0);
        else
            not_raised(FINDING_EAP_WEAK_TLS);
    }
    healthy(); /* before the ServerHello nothing is negotiated */
    scene.x.eap.tls.server_hello = false;
    scene.x.eap.tls.version = 0;
    not_raised(FINDING_EAP_WEAK_TLS);
}

/* IKEv2 and SSTP encrypt what their client says before a user is known, PPTP does not. */
static void weak_methods_of_vpns(void **state)
{
    (void)state;
    enum { PPTP = 1, SSTP = 0x13701, VIRTUAL = 5, WIRELESS = 19 };
    static const struct {
        uint32_t tunnel, port;
        uint8_t method;
        bool weak;
    } cases[] = {{SSTP, VIRTUAL, EAP_TYPE_MSCHAPV2, false},         {UINT32_MAX, VIRTUAL, EAP_TYPE_MSCHAPV2, false},
                 {PPTP, VIRTUAL, EAP_TYPE_MSCHAPV2, true},          {SSTP, VIRTUAL, EAP_TYPE_MD5, true},
                 {UINT32_MAX, WIRELESS, EAP_TYPE_MSCHAPV2, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        healthy();
        memset(&scene.x.eap.tls, 0, sizeof scene.x.eap.tls);
        scene.x.type = CONVERSATION_RADIUS;
        scene.x.eap.method = cases[i].method;
        scene.x.radius.tunnel_type = cases[i].tunnel;
        scene.x.radius.nas_port_type = cases[i].port;
        if (cases[i].weak)
            raises(FINDING_EAP_WEAK_METHOD, SEVERITY_WARNING, 0);
        else
            not_raised(FINDING_EAP_WEAK_METHOD);
    }
}

static void weak_methods(void **state)
{
    (void)state;
    static const uint8_t weak[] = {EAP_TYPE_MD5, EAP_TYPE_LEAP, EAP_TYPE_MSCHAPV2, EAP_TYPE_GTC};
    for (size_t i = 0; i < sizeof weak; i++) {
        healthy();
        memset(&scene.x.eap.tls, 0, sizeof scene.x.eap.tls);
        scene.x.eap.method = weak[i];
        scene.x.radius.tunnel_type = scene.x.radius.nas_port_type = UINT32_MAX;
        raises_with(FINDING_EAP_WEAK_METHOD, SEVERITY_WARNING, 0, CONFIDENCE_CERTAIN, 19);
    }
    healthy(); /* offered and refused with a Nak is not used */
    scene.x.eap.methods[0] = EAP_TYPE_MD5;
    not_raised(FINDING_EAP_WEAK_METHOD);
    scene.x.has_inner = true; /* inside the tunnel it is right */
    scene.x.inner = (struct eap_facts){.seen = true, .method = EAP_TYPE_MSCHAPV2};
    not_raised(FINDING_EAP_WEAK_METHOD);
}

/* --- RADIUS --- */

static void unanswered(unsigned transmissions)
{
    healthy();
    memset(&scene.x.eap.tls, 0, sizeof scene.x.eap.tls);
    set_session(OUTCOME_UNANSWERED);
    scene.x.last_from_client = true;
    scene.x.radius.unanswered_place = at(18);
    scene.x.radius.unanswered_code = RADIUS_ACCESS_REQUEST;
    scene.x.radius.unanswered_transmissions = transmissions;
}

static void no_answer(void **state)
{
    (void)state;
    unanswered(3);
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 18);
    unanswered(3);
    scene.counters.net.dropped_by_host = 7; /* pktmon says so */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 18);
    size_t count;
    assert_non_null(strstr(findings_all(scene.findings, &count)[0].explanation, "host itself dropped 7 packets"));
    unanswered(3);
    scene.capture.has_lost = true;
    scene.capture.lost = scene.capture.info.packets / 1000; /* a few: its three requests would not all be among them */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 18);
    scene.capture.lost = scene.capture.info.packets / 1000 + 1;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 18);
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->explanation, "Packets were lost while capturing"));
    unanswered(1); /* not even repeated: its answer may be what the capture lacks */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 930, CONFIDENCE_HINT, 18);
    struct server *server = servers_of(scene.servers, &scene.x.server);
    server->unmatched = 1; /* there are answers whose request the capture lacks: so it lacks packets */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    server->unmatched = 0;
    server->responses = 0; /* sent once, and nothing shows that the server's direction is captured */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    unanswered(2);
    scene.x.radius.unanswered_capture_ended = true;
    not_raised(FINDING_RADIUS_NO_ANSWER);
    unanswered(3);
    server = servers_of(scene.servers, &scene.x.server);
    server->responses = 0;
    server->state_unknown = 4; /* the NAS goes on with answers that the capture lacks: one-sided */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    unanswered(1);
    scene.x.radius.icmp_seen = true;
    servers_of(scene.servers, &scene.x.server)->responses = 0;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 18);
    unanswered(3);
    server = servers_of(scene.servers, &scene.x.server);
    scene.x.radius.challenges = 0;
    server->last_answer_ns = at(17).time_ns; /* and nothing since */
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->explanation, "none any more since"));
    server->last_answer_ns = at(25).time_ns;
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->explanation, "so it runs"));
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->explanation, "another shared secret"));
    scene.x.radius.challenges = 3; /* it knows this NAS: it discards this request */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 18);
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->title, "in the middle of a login"));
    assert_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->explanation, "another shared secret"));
    unanswered(3); /* the NAS went to its next server, which answered */
    scene.second = scene.x;
    scene.s.exchanges[scene.s.exchange_count++] = &scene.second;
    scene.x.radius.unanswered_place = (struct place){0};
    scene.x.server = endpoint_of(12, 1812);
    set_session(OUTCOME_ESTABLISHED);
    raises(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 930);
    scene.second.outcome = OUTCOME_INCOMPLETE; /* it asked the first one once only, in the middle of the login */
    scene.second.radius.unanswered_transmissions = 1;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 930, CONFIDENCE_HINT, 18);
    scene.x.server = scene.second.server; /* a hop of a proxy, say: the same server */
    not_raised(FINDING_RADIUS_NO_ANSWER);
}

/* Its NAS repeats nothing, but asks again and again for others: in vain since one point in time. */
static void a_server_that_is_gone(void **state)
{
    (void)state;
    unanswered(1);
    struct server *server = servers_of(scene.servers, &scene.x.server);
    server->last_answer_ns = at(17).time_ns;
    server->silent = 2;
    server->silent_first = 1;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 930, CONFIDENCE_HINT, 18);
    server->silent = 3;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 18);
    assert_true(says(found(FINDING_RADIUS_NO_ANSWER), "whose next 3 were all in vain"));
    set_session(OUTCOME_INCOMPLETE); /* a login that it had answered before */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 18);
    server->silent_first = 0; /* all of them in the middle of their logins: their answers may be too large */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    server->silent_first = 1;
    scene.x.radius.unanswered_capture_ended = true;
    not_raised(FINDING_RADIUS_NO_ANSWER);
    scene.x.radius.unanswered_capture_ended = false;
    struct address nas = server->answered;
    server_answers(server, &nas, at(19).time_ns); /* it came back */
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 18);
    assert_true(says(found(FINDING_RADIUS_NO_ANSWER), "was down meanwhile"));
    server->outage_count = 0; /* it was never silent for so many */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    unanswered(1); /* it answers, where nobody listens */
    servers_of(scene.servers, &scene.x.server)->continued_ns = at(18).time_ns;
    not_raised(FINDING_RADIUS_NO_ANSWER);
    unanswered(1); /* nothing of it is in the capture at all */
    server = servers_of(scene.servers, &scene.x.server);
    server->responses = 0;
    server->silent = server->silent_first = 3;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 930, CONFIDENCE_HINT, 18);
    server->silent = server->silent_first = 2;
    not_raised(FINDING_RADIUS_NO_ANSWER);
}

static void answers_from_elsewhere(void **state)
{
    (void)state;
    unanswered(3);
    scene.x.radius.wrong_source = 1;
    scene.x.radius.responses_then = scene.x.radius.responses;
    scene.x.radius.wrong_source_place = at(19);
    scene.x.radius.wrong_source_address = endpoint_of(99, 1812);
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 19);
    struct endpoint other = endpoint_of(99, 1812);
    struct server *asked_too = servers_of(scene.servers, &other);
    asked_too->requests = 1; /* and what it answered may have been another request */
    raises(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930);
    assert_non_null(strstr(found(FINDING_RADIUS_NO_ANSWER)->title, "does not answer"));
    scene.x.radius.wrong_source = 2;
    raises_with(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 930, CONFIDENCE_STRONG, 19);
    set_session(OUTCOME_INCOMPLETE);
    scene.x.radius.responses = scene.x.radius.responses_then + 1; /* the one that was asked answered after all */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    set_session(OUTCOME_ESTABLISHED);
    not_raised(FINDING_RADIUS_NO_ANSWER);
}

static void accounting(void **state)
{
    (void)state;
    healthy();
    struct endpoint e = endpoint_of(11, 1813);
    struct server *s = servers_of(scene.servers, &e);
    s->accounting_requests = 4;
    s->accounting_unanswered = 1;
    s->accounting_transmissions = 1; /* one lost datagram */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    s->accounting_transmissions = 3;
    raises(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 0);
}

static void rejects(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_REJECTED);
    memset(&scene.x.eap.tls, 0, sizeof scene.x.eap.tls);
    scene.x.eap.method = scene.x.eap.method_count = 0;
    scene.x.radius.challenges = 0;
    scene.x.radius.requests = 1;
    raises_with(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 812, CONFIDENCE_STRONG, 20);
    memset(&scene.x.eap, 0, sizeof scene.x.eap);
    scene.x.radius.pap = true;
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 691);
    scene.x.radius.call_check = true; /* of a device: nobody has a password */
    raises(FINDING_RADIUS_REJECTED, SEVERITY_WARNING, 0);
    scene.x.radius.call_check = false;
    scene.x.radius.ms_chap_error = 648; /* says why itself */
    not_raised(FINDING_RADIUS_REJECTED);
    raises(FINDING_EAP_CREDENTIALS_REJECTED, SEVERITY_CRITICAL, 648);
    scene.x.radius.ms_chap_error = 0;
    scene.x.radius.other_server = true; /* because of that */
    not_raised(FINDING_RADIUS_REJECTED);
    scene.x.radius.other_server = false;
    scene.x.radius.bad_authenticator = 1; /* the server read another password than was sent */
    scene.x.radius.bad_authenticator_place = at(20);
    not_raised(FINDING_RADIUS_REJECTED);
    raises(FINDING_RADIUS_BAD_AUTHENTICATOR, SEVERITY_CRITICAL, 930);
    healthy(); /* a port that comes up: a Failure to nobody */
    set_session(OUTCOME_REJECTED);
    scene.x.type = CONVERSATION_EAPOL;
    memset(&scene.x.eap, 0, sizeof scene.x.eap);
    scene.x.eap.seen = true;
    scene.x.eap.result = EAP_RESULT_FAILURE;
    scene.x.eap.result_place = at(2);
    not_raised(FINDING_RADIUS_REJECTED);
    scene.x.eap.identity_seen = scene.x.eap.client_answered = true;
    raises_with(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 812, CONFIDENCE_STRONG, 2);
}

/* The authenticator has nothing to pass on, and begins again. */
static void nobody_behind_the_port(void **state)
{
    (void)state;
    healthy();
    set_session(OUTCOME_INCOMPLETE);
    scene.x.type = CONVERSATION_EAPOL;
    scene.x.last = at(1);
    scene.x.last.time_ns += 60 * SECOND;
    memset(&scene.x.eap, 0, sizeof scene.x.eap);
    scene.x.eap.seen = scene.x.eap.identity_seen = true;
    scene.x.eap.requests = scene.x.eap.responses = 1;
    not_raised(FINDING_RADIUS_NO_ANSWER);
    scene.x.eap.requests = scene.x.eap.responses = 2;
    raises(FINDING_RADIUS_NO_ANSWER, SEVERITY_WARNING, 0);
    scene.x.eap.requests = scene.x.eap.responses = 3;
    raises(FINDING_RADIUS_NO_ANSWER, SEVERITY_CRITICAL, 0);
    scene.x.eap.method_count = 1; /* it did go on */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    scene.x.eap.method_count = 0;
    scene.x.eap.method = EAP_TYPE_PEAP; /* seen from the client alone */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    scene.x.eap.method = 0;
    scene.x.eap.retransmissions = 2; /* its answers may not arrive */
    not_raised(FINDING_RADIUS_NO_ANSWER);
    scene.x.eap.retransmissions = 0;
    scene.x.last.time_ns = scene.x.first.time_ns + SECOND; /* a client that begins anew itself */
    not_raised(FINDING_RADIUS_NO_ANSWER);
}

/* The capture lacks a packet of the login: what it held may have been the reason. */
static void rejects_with_gaps(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_REJECTED);
    memset(&scene.x.eap.tls, 0, sizeof scene.x.eap.tls);
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 812);
    scene.x.radius.challenges--;
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 0);
    assert_non_null(strstr(found(FINDING_RADIUS_REJECTED)->title, "why is not in the capture"));
    scene.x.radius.challenges += 2; /* a request is missing, not its challenge */
    raises(FINDING_RADIUS_REJECTED, SEVERITY_CRITICAL, 0);
    scene.x.radius.challenges--;
    struct tls_facts *t = &scene.x.eap.tls;
    t->seen = t->client_hello = true;
    t->hello = scene.x.eap.last_response = at(4);
    raises(FINDING_EAP_TLS_HANDSHAKE_FAILED, SEVERITY_CRITICAL, 0);
    scene.x.radius.challenges--; /* it may have held a ServerHello */
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    client_alert(80);
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
    scene.x.type = CONVERSATION_EAPOL;
    scene.x.eap.client_answered = true;
    scene.x.eap.requests = scene.x.eap.responses;
    raises(FINDING_EAP_TLS_HANDSHAKE_FAILED, SEVERITY_CRITICAL, 0);
    scene.x.eap.client_answered = false;
    not_raised(FINDING_EAP_TLS_HANDSHAKE_FAILED);
}

static void authenticators(void **state)
{
    (void)state;
    unanswered(3);
    scene.x.radius.bad_authenticator = 1;
    scene.x.radius.bad_authenticator_place = at(1);
    scene.x.radius.challenges = 0;
    raises_with(FINDING_RADIUS_BAD_AUTHENTICATOR, SEVERITY_CRITICAL, 930, CONFIDENCE_CERTAIN, 1);
    size_t count;
    assert_int_equal(findings_all(scene.findings, &count)[0].id,
                     FINDING_RADIUS_BAD_AUTHENTICATOR); /* before the silence */
    healthy(); /* both sides agree with each other: it is the secret given that is wrong */
    scene.x.radius.bad_authenticator = 10;
    scene.x.radius.bad_authenticator_place = at(1);
    raises(FINDING_RADIUS_BAD_AUTHENTICATOR, SEVERITY_WARNING, 0);
}

static void missing_message_authenticators(void **state)
{
    (void)state;
    healthy();
    scene.x.radius.missing_place = at(1);
    scene.x.radius.missing_message_authenticator = true;
    raises_with(FINDING_RADIUS_MISSING_MESSAGE_AUTHENTICATOR, SEVERITY_WARNING, 0, CONFIDENCE_CERTAIN, 1);
    scene.x.radius.missing_message_authenticator = false;
    scene.x.radius.missing_message_authenticator_eap = true;
    raises(FINDING_RADIUS_MISSING_MESSAGE_AUTHENTICATOR, SEVERITY_WARNING, 0); /* this server took it */
    set_session(OUTCOME_UNANSWERED);
    raises(FINDING_RADIUS_MISSING_MESSAGE_AUTHENTICATOR, SEVERITY_CRITICAL, 0);
}

static void slow_servers(void **state)
{
    (void)state;
    healthy();
    struct server *s = servers_of(scene.servers, &scene.x.server);
    s->slowest_ns = 5 * SECOND; /* RRAS still waits */
    not_raised(FINDING_RADIUS_SLOW);
    s->slowest_ns = 5 * SECOND + 1;
    s->slow = 1;
    s->slowest = at(9);
    s->slowest_request = at(8);
    raises_with(FINDING_RADIUS_SLOW, SEVERITY_WARNING, 0, CONFIDENCE_CERTAIN, 8);
    s->slowest_ns = 4 * SECOND;
    s->slow = 0;
    for (int i = 0; i < 10; i++)
        server_add_time(s, 4 * SECOND);
    raises(FINDING_RADIUS_SLOW, SEVERITY_WARNING, 0);
}

static void lost_fragments(void **state)
{
    (void)state;
    stopped_after_flight(OUTCOME_INCOMPLETE);
    scene.in.lost_count = 1;
    scene.lost = (struct lost_pair){.src = endpoint_of(11, 1812),
                                    .dst = endpoint_of(21, 40000),
                                    .radius = true,
                                    .datagrams = 2,
                                    .first_only = 2,
                                    .example.first = at(4)};
    raises_with(FINDING_RADIUS_FRAGMENTS_LOST, SEVERITY_CRITICAL, 0, CONFIDENCE_CERTAIN, 4);
    assert_int_equal(found(FINDING_RADIUS_FRAGMENTS_LOST)->session_total, 1);
    scene.lost.in_one_capture = true; /* long after this login */
    scene.lost.first_ns = scene.lost.last_ns = scene.x.last.time_ns + 600 * SECOND;
    raises(FINDING_RADIUS_FRAGMENTS_LOST, SEVERITY_WARNING, 0);
    assert_int_equal(found(FINDING_RADIUS_FRAGMENTS_LOST)->session_total, 0);
    scene.lost.in_one_capture = false;
    set_session(OUTCOME_ESTABLISHED); /* it got through all the same */
    raises(FINDING_RADIUS_FRAGMENTS_LOST, SEVERITY_WARNING, 0);
    scene.lost.radius = false;
    not_raised(FINDING_RADIUS_FRAGMENTS_LOST);
}

static void affinity(void **state)
{
    (void)state;
    healthy();
    not_raised(FINDING_AFFINITY_BROKEN);
    scene.x.radius.other_server = true;
    scene.x.radius.state_server = endpoint_of(11, 1812);
    scene.x.radius.asked_server = endpoint_of(12, 1812);
    scene.x.radius.other_server_place = at(3);
    raises_with(FINDING_AFFINITY_BROKEN, SEVERITY_WARNING, 0, CONFIDENCE_CERTAIN, 3);
    set_session(OUTCOME_REJECTED);
    raises(FINDING_AFFINITY_BROKEN, SEVERITY_CRITICAL, 0);
}

/* --- the capture --- */

static void health_of_captures(void **state)
{
    (void)state;
    healthy();
    scene.capture.info.cut_packets = 1;
    raises(FINDING_CAPTURE_TRUNCATED_PACKETS, SEVERITY_WARNING, 0);
    healthy();
    scene.capture.info.damage = "the file ends in the packet record that begins at byte 1000";
    raises(FINDING_CAPTURE_DAMAGED, SEVERITY_WARNING, 0);
    healthy();
    scene.capture.has_lost = true;
    not_raised(FINDING_CAPTURE_LOST_PACKETS);
    scene.capture.lost = 1;
    raises(FINDING_CAPTURE_LOST_PACKETS, SEVERITY_WARNING, 0);
    healthy();
    scene.capture.duplicates = 4; /* of 1000: switches flood now and then */
    not_raised(FINDING_CAPTURE_DUPLICATES);
    scene.capture.duplicates = 11;
    raises(FINDING_CAPTURE_DUPLICATES, SEVERITY_INFO, 0);
}

static void one_sided_captures(void **state)
{
    (void)state;
    healthy();
    struct server *s = servers_of(scene.servers, &scene.x.server);
    scene.counters.judged_radius = scene.counters.one_sided_radius = 1;
    s->responses = 0; /* nobody answers: that alone is no proof */
    not_raised(FINDING_CAPTURE_ONE_SIDED);
    s->state_unknown = 3;
    raises(FINDING_CAPTURE_ONE_SIDED, SEVERITY_WARNING, 0);
    s->state_unknown = 0;
    s->requests = 0;
    s->responses = 5; /* answers to nothing */
    raises(FINDING_CAPTURE_ONE_SIDED, SEVERITY_WARNING, 0);
    healthy();
    scene.counters.judged_flows = 100;
    scene.counters.one_sided_flows = 94;
    not_raised(FINDING_CAPTURE_ONE_SIDED);
    scene.counters.one_sided_flows = 95;
    raises(FINDING_CAPTURE_ONE_SIDED, SEVERITY_WARNING, 0);
}

/* --- the first line --- */

static const char *verdict(void)
{
    static char line[VERDICT_MAX];
    static const struct protocol_count protocols[] = {
        {"unknown", 1, 50, 9000}, {"IKE", 2, 4, 900}, {"TLS", 1, 30, 800}};
    size_t count;
    const struct finding *all = findings_all(scene.findings, &count);
    verdict_write(line, &(struct verdict_input){all, count, &scene.totals, protocols, 3});
    return line;
}

static void verdicts(void **state)
{
    (void)state;
    healthy();
    found(FINDING_IDS);
    assert_string_equal(verdict(), "No fault found: 1 login, all accepted.");
    scene.totals = (struct analysis_totals){.packets = 84};
    assert_string_equal(verdict(), "Nothing to judge: no VPN, RADIUS or EAP login in 84 packets; seen instead: TLS, IKE.");
    scene.totals.unread = 7;
    assert_string_equal(verdict(), "Nothing to judge: no VPN, RADIUS or EAP login in 84 packets, 7 of them of a link type that is not read; "
                                   "seen instead: TLS, IKE.");
    scene.totals.unread = 0;
    scene.totals.left_out = 2;
    scene.totals.left_out_server = address_ipv4((const uint8_t[]){192, 0, 2, 1});
    assert_string_equal(verdict(), "Nothing to judge: no VPN, RADIUS or EAP login in 84 packets; seen instead: TLS, IKE; 2 connections "
                                   "to port 443 failed: if that server is the VPN's, say so (--vip 192.0.2.1).");
    scene.totals.left_out = 0;
    scene.capture.info.cut_packets = 1;
    found(FINDING_IDS);
    assert_string_equal(verdict(), "Nothing to judge: no VPN, RADIUS or EAP login in 84 packets; seen instead: TLS, IKE. "
                                   "Warning: 1 of 1000 packets in capture.pcap is cut short.");
    scene.capture.info.cut_packets = 0;
    scene.totals.accounting_requests = 1;
    found(FINDING_IDS);
    assert_string_equal(verdict(), "No fault found: no logins, only RADIUS accounting (1 request).");
    healthy();
    chain(0)->checks.subject_wildcard = true;
    found(FINDING_IDS);
    assert_string_equal(
        verdict(),
        "Warning: the NPS certificate has a wildcard subject: \"nps01.example.com\"; the only login was accepted.");
    stopped_after_flight(OUTCOME_REJECTED);
    client_alert(48);
    untrusted(&chain(0)->checks);
    scene.totals = (struct analysis_totals){.sessions = 3, .established = 2, .rejected = 1};
    found(FINDING_IDS);
    assert_string_equal(
        verdict(), "Error 864 (certain): clients do not trust the issuer of the NPS certificate \"nps01.example.com\" "
                   "(root: (unknown)); 1 of 3 logins.");
}

/* A fault of several servers counts every login once; what is only a hint is told where no cause is. */
static void verdicts_of_several(void **state)
{
    (void)state;
    uint32_t one[] = {1, 2, 5}, other[] = {2, 3}, third[] = {4};
    struct finding all[] = {
        {.id = FINDING_SSTP_NO_ANSWER, .severity = SEVERITY_CRITICAL, .title = "nobody answers", .sessions = one,
         .session_count = 3, .session_total = 3},
        {.id = FINDING_SSTP_NO_ANSWER, .severity = SEVERITY_CRITICAL, .title = "nobody answers", .sessions = other,
         .session_count = 2, .session_total = 2},
        {.id = FINDING_SSTP_NO_ANSWER, .severity = SEVERITY_CRITICAL, .title = "another", .sessions = third,
         .session_count = 1, .session_total = 1}};
    char line[VERDICT_MAX];
    struct analysis_totals totals = {.sessions = 9, .established = 4, .unanswered = 5};
    verdict_write(line, &(struct verdict_input){all, 3, &totals, NULL, 0});
    assert_string_equal(line, "Nobody answers; 4 of 9 logins.");
    all[0] = (struct finding){.id = FINDING_PPP_AUTHENTICATION_FAILED, .severity = SEVERITY_INFO,
                              .confidence = CONFIDENCE_HINT, .title = "tunnels end early", .session_total = 5};
    verdict_write(line, &(struct verdict_input){all, 1, &totals, NULL, 0});
    assert_string_equal(line, "No cause found: 5 of 9 logins broken off or not answered; a hint: tunnels end early.");
    verdict_write(line, &(struct verdict_input){NULL, 0, &totals, NULL, 0});
    assert_string_equal(line, "No cause found: 5 of 9 logins broken off or not answered, and nothing in the capture "
                              "tells why.");
    totals = (struct analysis_totals){.sessions = 9, .established = 4, .incomplete = 5, .knocks = 5};
    verdict_write(line, &(struct verdict_input){NULL, 0, &totals, NULL, 0});
    assert_string_equal(line, "No fault found: 4 logins, all accepted; beside them 5 IKE requests as scanners send them.");
    totals = (struct analysis_totals){.sessions = 1, .incomplete = 1, .knocks = 1};
    verdict_write(line, &(struct verdict_input){NULL, 0, &totals, NULL, 0});
    assert_string_equal(line, "No fault found: no logins, only 1 IKE request as scanners send it.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_login_raises_nothing),
        cmocka_unit_test(a_healthy_login_need_not_be_looked_at),
        cmocka_unit_test(faults_that_make_clients_refuse),
        cmocka_unit_test(an_alert_that_names_another_reason),
        cmocka_unit_test(what_is_too_weak_for_a_client),
        cmocka_unit_test(an_intermediate_that_is_not_sent),
        cmocka_unit_test(unknown_is_no_fault),
        cmocka_unit_test(names_in_other_readings),
        cmocka_unit_test(validity_forgives_five_minutes),
        cmocka_unit_test(the_end_of_a_root_that_was_not_sent),
        cmocka_unit_test(key_usage_is_judged_by_the_suite),
        cmocka_unit_test(remarks_about_certificates),
        cmocka_unit_test(revocation), cmocka_unit_test(a_stapled_response_that_clients_refuse),
        cmocka_unit_test(certificates_of_two_servers),
        cmocka_unit_test(a_certificate_that_was_replaced),
        cmocka_unit_test(certificates_that_cannot_be_read),
        cmocka_unit_test(refusal_by_alert),
        cmocka_unit_test(unknown_ca_because_the_chain_is_not_valid),
        cmocka_unit_test(refusal_by_position),
        cmocka_unit_test(refusal_without_a_reason_bears_the_fault_s_number),
        cmocka_unit_test(silence_after_the_certificate),
        cmocka_unit_test(client_certificate_refused),
        cmocka_unit_test(closed_records_of_the_server),
        cmocka_unit_test(methods_refused),
        cmocka_unit_test(credentials_rejected),
        cmocka_unit_test(handshakes_that_fail),
        cmocka_unit_test(logins_left_unfinished),
        cmocka_unit_test(eap_fragments),
        cmocka_unit_test(weak_tls),
        cmocka_unit_test(weak_methods),
        cmocka_unit_test(weak_methods_of_vpns),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(a_server_that_is_gone),
        cmocka_unit_test(answers_from_elsewhere),
        cmocka_unit_test(accounting),
        cmocka_unit_test(rejects),
        cmocka_unit_test(nobody_behind_the_port),
        cmocka_unit_test(rejects_with_gaps),
        cmocka_unit_test(authenticators),
        cmocka_unit_test(missing_message_authenticators),
        cmocka_unit_test(slow_servers),
        cmocka_unit_test(lost_fragments),
        cmocka_unit_test(affinity),
        cmocka_unit_test(health_of_captures),
        cmocka_unit_test(one_sided_captures),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(verdicts_of_several),
    };
    return cmocka_run_group_tests(tests, NULL, scene_end);
}
