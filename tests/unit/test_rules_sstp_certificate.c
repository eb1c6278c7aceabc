/* The SSTP server's certificate in the words of the rules, and one that differs between two captures: facts that must raise
 * a finding, and the nearest ones that must not. Facts are made by hand, no bytes are read. */
#include "rules_scene.h"

#include <stdlib.h>

#include "analyze/finding/chain_counts.h"
#include "analyze/session/judge_sstp.h"
#include "analyze/session/services.h"
#include "analyze/session/sstp_certificate.h"
#include "analyze/session/tls_sights.h"
#include "tests/unit/sstp_by_hand.h"

#define VPN "vpn.example.com"

enum { OWN = 1, FOREIGN = 2 }; /* serials: the server's certificate, and that of somebody in between */

static struct chain_counts counts;
static struct tls_sights *sights;
static struct services *services; /* NULL: nobody asks */

static struct place when(uint32_t capture, unsigned tenths)
{
    return (struct place){.capture = capture, .frame = tenths + 1, .time_ns = NOW_S * SECOND + (int64_t)tenths * (SECOND / 10)};
}

static struct chain *make_chain(uint8_t number, char *issuer)
{
    static char subject[] = "CN=" VPN, name[] = VPN;
    static char *names[] = {name}, http[] = "http://pki.example/a.crl", *addresses[] = {http};
    struct chain *c = scene_add_chain(ROLE_SSTP, number, (struct endpoint){.port = 443}, when(0, 2));
    chain_dialled(c, span_of(VPN, strlen(VPN)));
    struct x509_facts *f = &c->facts[0];
    f->subject = subject;
    f->issuer = issuer;
    f->common_name = name;
    f->dns_names = names;
    f->crl_addresses = addresses;
    f->dns_count = f->crl_address_count = 1;
    f->has_crl_points = true;
    return c;
}

static int close_all(void **state)
{
    tls_sights_free(sights);
    services_free(services);
    sights = NULL;
    services = NULL;
    return scene_end(state);
}

static void connection(struct exchange *x, uint32_t id, uint32_t capture)
{
    x->id = id;
    x->type = CONVERSATION_SSTP;
    x->server = (struct endpoint){.address = address_ipv4((const uint8_t[]){192, 0, 2, (uint8_t)id}), .port = 443};
    x->first = when(capture, 0);
    x->last = when(capture, 50);
    x->capture_last_ns = when(capture, 900).time_ns;
    x->outcome = OUTCOME_INCOMPLETE;
    x->sstp.kind = SSTP_KIND_TUNNEL;
    struct tcp_connection *tcp = &x->sstp.tcp;
    tcp_connection_begin(tcp);
    for (unsigned side = 0; side < 2; side++) {
        tcp->sent[side].syn.seen = true;
        tcp->sent[side].syns = 1;
        tcp->sent[side].packets = tcp->sent[side].data_packets = 5;
        tcp->sent[side].acked = tcp->sent[side].any_data_acked = tcp->sent[side].data_acked = true;
    }
    tcp->sent[TCP_CLIENT].first_syn = when(capture, 0);
    tcp->sent[TCP_CLIENT].first_data = when(capture, 1);
    struct tls_facts *t = &x->sstp.tls;
    x->sstp.carrier = SSTP_CARRIER_TLS;
    t->seen = t->client_hello = t->server_hello = t->certificate_seen = t->server_hello_done = true;
    t->version = 0x0303;
    t->cipher_suite = 0xc030;
    t->server_chain = OWN;
    t->random[0] = (uint8_t)id;
    t->hello = when(capture, 1);
    t->server_hello_place = t->certificate_last = when(capture, 2);
    t->sni = exchange_put(x, span_of(VPN, strlen(VPN)));
}

static void open_scene(void)
{
    static char issuer[] = "CN=Issuing CA";
    close_all(NULL);
    scene_open();
    make_chain(OWN, issuer);
    connection(&scene.x, 1, 0);
}

/* A tunnel that works, by the lengths of its records. */
static void accepted(void)
{
    open_scene();
    put_records(&scene.x.sstp, &by_gcm, CHAP_TUNNEL);
}

/* The client refuses with this alert. */
static void refused(uint8_t code)
{
    open_scene();
    struct sstp_facts *f = &scene.x.sstp;
    f->tls.alerts[f->tls.alert_count++] =
        (struct alert_fact){.from_client = true, .level = 2, .code = code, .place = when(0, 3)};
    f->tcp.sent[TCP_CLIENT].fin = when(0, 4);
    f->tcp.fin_first = TCP_CLIENT;
}

/* Nothing tells how the client answered. */
static void unanswered(void)
{
    open_scene();
    scene.x.capture_last_ns = when(0, 3).time_ns;
}

static void certificate_rules(void)
{
    rules_sstp_intercepted(scene.findings, &scene.in, &scene.s);
    rules_sstp_certificate(scene.findings, &scene.in, &scene.s);
}

static const struct finding *found(enum finding_id id)
{
    memset(&counts, 0, sizeof counts);
    for (size_t i = 0; i < scene.s.exchange_count; i++)
        chain_counts_vpn(&counts, scene.s.exchanges[i], false);
    scene.in.stats = counts.nps;
    scene.in.ike_stats = counts.ike;
    scene.in.sstp_stats = counts.sstp;
    scene.in.stats_count = CHAIN_COUNTS;
    scene.in.sights = sights;
    scene.in.services = services;
    scene_run(certificate_rules);
    return raised_in(scene.findings, id);
}

static void nothing_raised(void)
{
    (void)found(FINDING_IDS);
    none_in(scene.findings);
}

static void raised(enum finding_id id, uint32_t error, enum severity severity, enum confidence confidence)
{
    const struct finding *f = found(id);
    if (f == NULL)
        fail_msg("%s is not raised", finding_name(id));
    graded(f, severity, confidence, error);
    assert_memory_equal(f->subject, "010000", 6);
}

static struct chain_checks *checks(void)
{
    return &chains_get(scene.chains, OWN)->checks;
}

static struct x509_facts *leaf(void)
{
    return &chains_get(scene.chains, OWN)->facts[0];
}

static struct certificate_fault fault(void)
{
    struct certificate_fault out = {.id = FINDING_IDS};
    (void)found(FINDING_IDS);
    if (!rule_sstp_certificate_fault(&scene.in, &scene.x, &out))
        return (struct certificate_fault){.id = FINDING_IDS, .words = NULL};
    return out;
}

static void good_certificates_raise_nothing(void **state)
{
    (void)state;
    static char wildcard[] = "*.example.com", *wild[] = {wildcard};
    accepted();
    nothing_raised();
    assert_null(fault().words);
    unanswered();
    nothing_raised();
    refused(46); /* for a reason of its own */
    nothing_raised();
    accepted();
    leaf()->dns_names = wild;
    checks()->subject_wildcard = checks()->subject_empty = true; /* the SAN has the name */
    nothing_raised();
    checks()->server_auth_eku = CHECK_UNKNOWN;
    checks()->eku_any = true;
    nothing_raised();
    scene.x.sstp.kind = SSTP_KIND_PROBE;
    checks()->chain = CHECK_FAIL;
    nothing_raised();
    scene.x.sstp.kind = SSTP_KIND_OTHER;
    nothing_raised();
}

/* TLS of which nothing is known: on SSTP's port it may be a VPN's, elsewhere it hardly is. */
static void another_port_is_another_service(void **state)
{
    (void)state;
    open_scene();
    services = services_new();
    assert_non_null(services);
    scene.x.sstp.kind = SSTP_KIND_UNSURE;
    checks()->server_auth_eku = CHECK_FAIL;
    assert_non_null(found(FINDING_CERT_MISSING_SERVER_AUTH_EKU));
    scene.x.server.port = 4433;
    nothing_raised();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    assert_non_null(found(FINDING_CERT_MISSING_SERVER_AUTH_EKU));
}

/* A scan of the internet finds many bad certificates, and they are web servers'. */
static void nobody_dialled_that_server(void **state)
{
    (void)state;
    refused(45);
    services = services_new();
    assert_non_null(services);
    scene.x.sstp.kind = SSTP_KIND_UNSURE;
    checks()->path_not_after = NOW_S - YEAR_S;
    scene.x.sstp.tls.sni = put("vpn.example.com");
    raised(FINDING_CERT_EXPIRED, 0x800B0101, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    scene.x.sstp.tls.sni = (struct text){0, 0};
    raised(FINDING_CERT_EXPIRED, 0x800B0101, SEVERITY_WARNING, CONFIDENCE_STRONG);
}

static void what_clients_refuse_names_its_error(void **state)
{
    (void)state;
    refused(48);
    checks()->chain = CHECK_FAIL;
    checks()->chain_error = CHAIN_UNTRUSTED_ROOT;
    raised(FINDING_CERT_UNTRUSTED_ROOT, 0x800B0109, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    assert_true(says(found(FINDING_CERT_UNTRUSTED_ROOT), "SSL Certificate Binding"));
    assert_false(says(found(FINDING_CERT_UNTRUSTED_ROOT), "NPS"));
    assert_int_equal(fault().error, 0x800B0109);
    checks()->chain_error = CHAIN_SELF_SIGNED;
    raised(FINDING_CERT_SELF_SIGNED, 0x800B0109, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    checks()->chain_error = CHAIN_INCOMPLETE;
    raised(FINDING_CERT_INCOMPLETE_CHAIN, 0x800B010A, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    assert_int_equal(fault().error, 0x800B010A);
    checks()->chain_error = CHAIN_BAD_SIGNATURE;
    raised(FINDING_CERT_BAD_SIGNATURE, 0x80096004, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    refused(46);
    checks()->server_auth_eku = CHECK_FAIL;
    raised(FINDING_CERT_MISSING_SERVER_AUTH_EKU, 0x80070040, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    assert_int_equal(fault().id, FINDING_CERT_MISSING_SERVER_AUTH_EKU);
    refused(45);
    checks()->path_not_after = NOW_S - YEAR_S;
    raised(FINDING_CERT_EXPIRED, 0x800B0101, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    assert_int_equal(fault().error, 0x800B0101);
    checks()->chain = CHECK_FAIL; /* the root goes first, unless the alert says what it was */
    checks()->chain_error = CHAIN_UNTRUSTED_ROOT;
    assert_int_equal(fault().id, FINDING_CERT_EXPIRED);
    scene.x.sstp.tls.alerts[0].code = 46;
    assert_int_equal(fault().id, FINDING_CERT_UNTRUSTED_ROOT);
    scene.x.sstp.tls.alerts[0].code = 44;
    assert_int_equal(fault().id, FINDING_CERT_UNTRUSTED_ROOT);
    refused(44);
    chains_get(scene.chains, OWN)->ocsp_revoked = true;
    raised(FINDING_CERT_REVOKED, 0x80092010, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    refused(46);
    checks()->key_usage_signature = CHECK_FAIL;
    raised(FINDING_CERT_KEY_USAGE, 0x800B0110, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    scene.x.sstp.tls.cipher_suite = 0x009d; /* static RSA: the other usage */
    assert_null(found(FINDING_CERT_KEY_USAGE));
    checks()->key_usage_encipherment = CHECK_FAIL;
    assert_non_null(found(FINDING_CERT_KEY_USAGE));
}

/* The client closes the connection without a word: it may be for another reason. */
static void leaving_is_less_certain_than_an_alert(void **state)
{
    (void)state;
    refused(45);
    scene.x.sstp.tls.alert_count = 0;
    scene.x.sstp.tls.client_key_exchange = scene.x.sstp.tls.client_finished = scene.x.sstp.tls.server_finished = true;
    checks()->path_not_after = NOW_S - YEAR_S;
    const struct alert_fact *alert;
    assert_int_equal(judge_sstp_server_certificate(&scene.x, &alert), ANSWER_LEFT);
    raised(FINDING_CERT_EXPIRED, 0x800B0101, SEVERITY_CRITICAL, CONFIDENCE_STRONG);
    assert_int_equal(found(FINDING_CERT_EXPIRED)->evidence_count, 2);
}

static void the_name_is_the_dialled_one(void **state)
{
    (void)state;
    refused(42);
    scene.x.sstp.tls.sni = put("remote.example.com");
    raised(FINDING_CERT_NAME_MISMATCH, 0x800B010F, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN);
    assert_true(says(found(FINDING_CERT_NAME_MISMATCH), "dials \"remote.example.com\""));
    assert_int_equal(fault().error, 0x800B010F);
    scene.x.sstp.tls.sni = (struct text){0, 0}; /* an address was dialled, and nobody knows which */
    nothing_raised();
    accepted();
    scene.x.sstp.tls.sni = put("remote.example.com");
    nothing_raised();
}

static void what_clients_accept_is_no_alarm(void **state)
{
    (void)state;
    accepted();
    checks()->chain = CHECK_FAIL;
    checks()->chain_error = CHAIN_UNTRUSTED_ROOT;
    raised(FINDING_CERT_UNTRUSTED_ROOT, 0, SEVERITY_INFO, CONFIDENCE_HINT);
    checks()->chain_error = CHAIN_SELF_SIGNED;
    raised(FINDING_CERT_UNTRUSTED_ROOT, 0, SEVERITY_INFO, CONFIDENCE_HINT);
    accepted();
    checks()->path_not_after = NOW_S - YEAR_S;
    raised(FINDING_CERT_EXPIRED, 0x800B0101, SEVERITY_WARNING, CONFIDENCE_HINT);
    accepted();
    chains_get(scene.chains, OWN)->ocsp_revoked = true;
    raised(FINDING_CERT_REVOKED, 0x80092010, SEVERITY_WARNING, CONFIDENCE_CERTAIN); /* the CA's word is proof */
    unanswered(); /* the roots given may be the NPS's alone */
    checks()->chain = CHECK_FAIL;
    checks()->chain_error = CHAIN_INCOMPLETE;
    raised(FINDING_CERT_UNTRUSTED_ROOT, 0, SEVERITY_INFO, CONFIDENCE_HINT);
    checks()->chain_error = CHAIN_SELF_SIGNED;
    raised(FINDING_CERT_SELF_SIGNED, 0x800B0109, SEVERITY_WARNING, CONFIDENCE_STRONG);
}

/* The certificate was renewed in the course of the capture. */
static void what_the_server_presented_before(void **state)
{
    (void)state;
    static char issuer[] = "CN=Old CA";
    refused(48);
    checks()->chain = CHECK_FAIL;
    checks()->chain_error = CHAIN_UNTRUSTED_ROOT;
    chains_get(scene.chains, OWN)->presenters[0].server = scene.x.server;
    make_chain(FOREIGN, issuer)->presenters[0].server = scene.x.server;
    connection(&scene.second, 2, 0);
    scene.second.sstp.tls.server_chain = FOREIGN;
    put_records(&scene.second.sstp, &by_gcm, CHAP_TUNNEL);
    scene.s.exchanges[scene.s.exchange_count++] = &scene.second;
    assert_true(says(found(FINDING_CERT_UNTRUSTED_ROOT), "presented another certificate"));
    scene.second.sstp.record_count = 0; /* nobody accepted it */
    scene.second.sstp.tls.data_from_client = scene.second.sstp.tls.data_from_server = false;
    assert_false(says(found(FINDING_CERT_UNTRUSTED_ROOT), "presented another certificate"));
}

static void an_order_that_clients_mind(void **state)
{
    (void)state;
    accepted();
    checks()->order_wrong = true;
    raised(FINDING_CERT_CHAIN_ORDER, 0, SEVERITY_INFO, CONFIDENCE_CERTAIN);
    refused(46);
    checks()->order_wrong = true;
    raised(FINDING_CERT_CHAIN_ORDER, 0, SEVERITY_WARNING, CONFIDENCE_CERTAIN);
}

static void clients_outside_must_be_able_to_ask(void **state)
{
    (void)state;
    static char ldap[] = "ldap:///CN=a", https[] = "HTTPS://pki.example/a.crl", *inside[] = {ldap}, *both[] = {ldap, https};
    refused(46);
    leaf()->crl_addresses = inside;
    assert_int_equal(fault().error, 0x80092013);
    assert_int_equal(fault().id, FINDING_IDS);
    nothing_raised();
    scene.x.sstp.tls.alerts[0].code = 48; /* it is about the root */
    assert_null(fault().words);
    scene.x.sstp.tls.alerts[0].code = 46;
    leaf()->crl_addresses = both;
    leaf()->crl_address_count = 2;
    assert_null(fault().words);
    leaf()->crl_address_count = 0;
    assert_int_equal(fault().error, 0x80092012);
    leaf()->ocsp_addresses = both;
    leaf()->ocsp_address_count = 2;
    assert_null(fault().words);
    leaf()->ocsp_address_count = 0;
    chains_get(scene.chains, OWN)->ocsp_good = true;
    assert_null(fault().words);
}

static void say_connected(struct exchange *x, uint8_t certificate)
{
    static const uint8_t head[] = {0x10, 0x01, 0x00, 0x70, 0x00, 0x04, 0x00, 0x01, 0x00, 0x03, 0x00, 0x68, 0, 0, 0, 2};
    x->sstp.has_link = x->sstp.link.has_connected = true;
    memset(x->sstp.link.connected, 0, sizeof x->sstp.link.connected);
    memcpy(x->sstp.link.connected, head, sizeof head);
    x->sstp.link.connected[sizeof head + SSTP_NONCE] = certificate;
}

static void the_hash_in_call_connected(void **state)
{
    (void)state;
    accepted();
    assert_int_equal(sstp_certificate_binding(scene.chains, &scene.x), SSTP_UNCHECKED);
    say_connected(&scene.x, OWN);
    assert_int_equal(sstp_certificate_binding(scene.chains, &scene.x), SSTP_VALID);
    assert_ptr_equal(sstp_certificate_of_client(scene.chains, &scene.x), chains_get(scene.chains, OWN));
    say_connected(&scene.x, FOREIGN);
    assert_int_equal(sstp_certificate_binding(scene.chains, &scene.x), SSTP_INVALID);
    assert_null(sstp_certificate_of_client(scene.chains, &scene.x));
    scene.x.sstp.tls.server_chain = 0; /* resumed, or an offload's clear leg */
    assert_int_equal(sstp_certificate_binding(scene.chains, &scene.x), SSTP_UNCHECKED);
}

/* The client's side in another capture, with the certificate of somebody in between. */
static void two_sides(char *issuer, const char *client_records, const char *server_records)
{
    open_scene();
    make_chain(FOREIGN, issuer);
    connection(&scene.second, 2, 1);
    scene.second.sstp.tls.server_chain = FOREIGN;
    put_records(&scene.second.sstp, &by_gcm, client_records);
    put_records(&scene.x.sstp, &by_chacha, server_records);
    scene.x.first.time_ns += SECOND / 10;
    scene.x.outcome = OUTCOME_REJECTED;
}

/* The first capture's clock is ahead. */
static const struct finding *intercepted_by_clock(int64_t ahead_ns)
{
    tls_sights_free(sights);
    sights = tls_sights_new();
    tls_sights_add(sights, &scene.second);
    tls_sights_add(sights, &scene.x);
    tls_sights_clock(sights, 0, ahead_ns);
    tls_sights_settle(sights, scene.chains);
    return found(FINDING_SSTP_TLS_INTERCEPTED);
}

static const struct finding *intercepted(void)
{
    return intercepted_by_clock(0);
}

#define CALL "C194 S125 C14 S48 C29 S31 C31 S15"

static void another_certificate_on_each_side(void **state)
{
    (void)state;
    static char foreign[] = "CN=Inspection CA", same[] = "CN=Issuing CA";
    two_sides(foreign, CALL, CALL);
    const struct finding *f = intercepted();
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_CRITICAL);
    assert_int_equal(f->confidence, CONFIDENCE_CERTAIN);
    assert_int_equal(f->subject[1], '2');
    assert_int_equal(f->evidence[0].place.capture, 1);
    assert_int_equal(f->evidence[1].place.capture, 0);
    two_sides(foreign, CALL, "S200 C194 S125 C14 S79 C29 C31 S15"); /* a ticket, and records that were joined */
    assert_int_equal(intercepted()->confidence, CONFIDENCE_CERTAIN);
    two_sides(same, CALL, CALL); /* a load balancer of the site's own: it may as well be two servers */
    assert_int_equal(intercepted()->confidence, CONFIDENCE_STRONG);
    two_sides(foreign, CALL, CALL);
    scene.x.outcome = scene.second.outcome = OUTCOME_ESTABLISHED; /* the hash was told to RRAS: it works */
    assert_int_equal(intercepted()->severity, SEVERITY_INFO);
    two_sides(foreign, "C194", "C194"); /* too little to tell one connection from another */
    f = intercepted();
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_int_equal(f->confidence, CONFIDENCE_HINT);
    assert_true(says(f, "may be ended") && says(f, "Nothing proves"));
}

static void what_the_client_says_it_saw(void **state)
{
    (void)state;
    static char same[] = "CN=Issuing CA";
    two_sides(same, CALL, "C1");
    scene.x.first.time_ns += 3600 * SECOND; /* the clocks differ */
    scene.x.last.time_ns += 3600 * SECOND;
    assert_null(intercepted());
    say_connected(&scene.x, FOREIGN);
    assert_int_equal(intercepted()->confidence, CONFIDENCE_CERTAIN);
    assert_int_equal(intercepted()->evidence[0].place.capture, 1);
    say_connected(&scene.x, OWN);
    assert_null(intercepted());
    scene.x.sstp.has_correlation = scene.second.sstp.has_correlation = true;
    assert_int_equal(intercepted()->confidence, CONFIDENCE_CERTAIN);
    scene.x.sstp.correlation[3] = 1;
    assert_null(intercepted());
}

/* What looks alike and is none. */
static void two_servers_are_not_intercepted(void **state)
{
    (void)state;
    static char foreign[] = "CN=Inspection CA", same[] = "CN=Issuing CA", name[] = "vpn2.example.com", *names[] = {name};
    two_sides(same, CALL, "C194 S125 C14 S48 C29 S35 C37 S15 C26 S26");
    scene.x.last.time_ns += 60 * SECOND;
    assert_null(intercepted());
    two_sides(foreign, CALL, CALL);
    scene.x.first.time_ns += 10 * SECOND;
    scene.x.last.time_ns += 10 * SECOND;
    assert_null(intercepted());
    assert_non_null(intercepted_by_clock(10 * SECOND));
    two_sides(foreign, CALL, CALL);
    chains_get(scene.chains, FOREIGN)->facts[0].dns_names = names; /* another name, another server */
    assert_null(intercepted());
    two_sides(foreign, CALL, CALL);
    scene.second.sstp.tls.server_chain = OWN;
    assert_null(intercepted());
    two_sides(foreign, CALL, CALL);
    memcpy(scene.second.sstp.tls.random, scene.x.sstp.tls.random, sizeof scene.x.sstp.tls.random);
    assert_null(intercepted()); /* one TLS session: nobody is in between */
    two_sides(foreign, CALL, CALL);
    scene.second.first.capture = 0;
    assert_null(intercepted());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificates_raise_nothing),
        cmocka_unit_test(another_port_is_another_service),
        cmocka_unit_test(nobody_dialled_that_server),
        cmocka_unit_test(what_clients_refuse_names_its_error),
        cmocka_unit_test(leaving_is_less_certain_than_an_alert),
        cmocka_unit_test(the_name_is_the_dialled_one),
        cmocka_unit_test(what_clients_accept_is_no_alarm),
        cmocka_unit_test(what_the_server_presented_before),
        cmocka_unit_test(an_order_that_clients_mind),
        cmocka_unit_test(clients_outside_must_be_able_to_ask),
        cmocka_unit_test(the_hash_in_call_connected),
        cmocka_unit_test(another_certificate_on_each_side),
        cmocka_unit_test(what_the_client_says_it_saw),
        cmocka_unit_test(two_servers_are_not_intercepted),
    };
    return cmocka_run_group_tests(tests, NULL, close_all);
}
