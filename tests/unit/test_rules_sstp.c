/* Every finding about SSTP: facts that must raise it, and the nearest ones that must not. Facts are made by hand, no bytes
 * are read. Numbers of errors: wire-facts' table of what Windows shows. */
#include <stdlib.h>

#include "sstp_scene.h"

#include "analyze/session/services.h"
#include "analyze/session/sstp_lengths.h"
#include "sstp_by_hand.h"

static struct tcp_sent *client(void)
{
    return &scene.x.sstp.tcp.sent[TCP_CLIENT];
}

static struct tcp_sent *server(void)
{
    return &scene.x.sstp.tcp.sent[TCP_SERVER];
}

static void healthy_ones_raise_nothing(void **state)
{
    (void)state;
    scene_established();
    scene_nothing();
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    scene_ends(SSTP_END_ESTABLISHED, false); /* by lengths */
    scene_nothing();
    scene_ends(SSTP_END_UNKNOWN, false);
    scene_nothing();
    scene_connected(CONVERSATION_SSTP);
    scene_ends(SSTP_END_NOTHING_ASKED, true);
    scene_nothing();
}

static void no_answer(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    server()->syn.seen = false;
    server()->syns = 0;
    client()->syns = 5;
    client()->last_syn = at(9);
    scene_ends(SSTP_END_NO_ANSWER, false);
    const struct finding *f =
        scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "192.0.2.1:443") && says(f, "192.0.2.7") && says(f, "firewall"));
    client()->syns = 2; /* what scanners send, too */
    scene_nothing();
}

static void unreachable(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    struct tcp_connection *t = &scene.x.sstp.tcp;
    t->icmp_errors = 1;
    t->icmp = (struct tcp_icmp){.kind = TCP_ICMP_UNREACHABLE, .type = 3, .code = 13};
    t->icmp_place = at(2);
    t->icmp_from = address_ipv4((const uint8_t[]){198, 51, 100, 1});
    scene_ends(SSTP_END_UNREACHABLE, false);
    const struct finding *f =
        scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x8007274C);
    assert_true(says(f, "198.51.100.1") && says(f, "code 13"));
    assert_int_equal(f->evidence_count, 2);
}

static void answer_unheard(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    server()->syns = 4;
    server()->last_syn = at(8);
    scene_ends(SSTP_END_ANSWER_UNHEARD, false);
    const struct finding *f =
        scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "default gateway") && says(f, "sent 4 times"));
}

static void silence_after_the_handshake(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    client()->first_data = at(4);
    scene_ends(SSTP_END_HELLO_SILENT, false);
    const struct finding *f =
        scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "It acknowledged the ClientHello") && says(f, "lost on the way"));
    client()->data_acked = false;
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "a filter on the way"));

    scene_call();
    scene_ends(SSTP_END_HTTP_SILENT, false);
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "SSTP_DUPLEX_POST"));
    assert_int_equal(f->evidence[0].place.frame, 9);
    scene_ends(SSTP_END_CALL_SILENT, false);
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "CALL_CONNECT_REQUEST") && says(f, "never answers"));
    server()->fin = at(15); /* instead of an answer */
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "hangs up instead of answering"));
    scene_ends(SSTP_END_HTTP_SILENT, false);
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "instead of answering the client's request"));
    server()->fin = (struct place){0};
    scene_ends(SSTP_END_CALL_SILENT, false);
    judged.client_silent = true;
    (void)scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_WARNING, CONFIDENCE_STRONG, 0);
}

static void large_packets_are_lost(void **state)
{
    (void)state;
    scene_tls();
    server()->data_acked = false;
    scene_ends(SSTP_END_HANDSHAKE_STALLED, false);
    scene.x.last.time_ns = server()->first_data.time_ns + 1000000;
    scene.x.sstp.tcp.reset = TCP_RESET_DATA; /* the client left at once, as probes do: nothing was lost */
    scene.x.sstp.tcp.reset_by = TCP_CLIENT;
    scene_nothing();
    scene.x.sstp.tcp.reset = TCP_RESET_NONE;
    scene.x.last.time_ns = server()->first_data.time_ns + INT64_C(3000000000);
    client()->last = scene.x.last;
    const struct finding *f =
        scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "MTU"));
    client()->last = server()->first_data; /* it says nothing more */
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_WARNING, CONFIDENCE_HINT, 0x8007274C);
    assert_true(says(f, "may as well have gone"));
    client()->last = scene.x.last;
    scene.x.sstp.tcp.icmp = (struct tcp_icmp){.kind = TCP_ICMP_TOO_BIG, .type = 3, .code = 4, .mtu = 1280};
    scene.x.sstp.tcp.icmp_place = at(7);
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "MTU 1280"));
    server()->data_acked = true;
    server()->stuck = (struct tcp_stuck){.seq = 1460, .len = 1448, .times = 5, .first = at(9), .last = at(12)};
    server()->stuck.last.time_ns = at(9).time_ns + INT64_C(3000000000);
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C); /* the second never came */
    assert_int_equal(f->evidence[0].place.frame, 7); /* in the order of time: the ICMP error, the repetitions */
    assert_int_equal(f->evidence[1].place.frame, 9);
    server()->stuck = (struct tcp_stuck){0}; /* it came, and the server does not go on */
    f = scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
    assert_true(says(f, "stops in the middle of the TLS handshake"));
    judged.client_silent = true; /* nor the client */
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0);
}

static void refused(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    scene.x.sstp.tcp.reset = TCP_RESET_SYN;
    scene.x.sstp.tcp.reset_by = TCP_SERVER;
    server()->reset = at(2);
    server()->resets = 1;
    server()->reset_ttl = 128;
    server()->ttl_min = 255; /* it sent nothing else */
    server()->ttl_max = 0;
    scene_ends(SSTP_END_REFUSED, false);
    const struct finding *f = scene_only(FINDING_SSTP_REFUSED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800704C9);
    assert_true(says(f, "TTL 128") && says(f, "SstpSvc") && !says(f, "not made by the server"));
    server()->ttl_min = server()->ttl_max = 116;
    f = scene_only(FINDING_SSTP_REFUSED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800704C9);
    assert_true(says(f, "not made by the server") && says(f, "116"));
    server()->ttl_min = 255; /* but its tunnels show what its packets come with */
    server()->ttl_max = 0;
    struct services *known = services_new();
    struct exchange *tunnel = calloc(1, sizeof *tunnel);
    assert_true(known != NULL && tunnel != NULL);
    *tunnel = scene.x;
    tunnel->sstp.kind = SSTP_KIND_TUNNEL;
    tunnel->sstp.tcp.sent[TCP_SERVER].ttl_min = tunnel->sstp.tcp.sent[TCP_SERVER].ttl_max = 128;
    (void)services_add(known, tunnel);
    scene.in.services = known;
    f = scene_only(FINDING_SSTP_REFUSED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800704C9);
    assert_true(says(f, "nothing listens there"));
    server()->reset_ttl = 62;
    f = scene_only(FINDING_SSTP_REFUSED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800704C9);
    assert_true(says(f, "a firewall answers in its place") && says(f, "128"));
    scene.x.first.capture = 1; /* other captures have other distances */
    f = scene_only(FINDING_SSTP_REFUSED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800704C9);
    assert_true(says(f, "nothing listens there"));
    free(tunnel);
    services_free(known);
}

static void hung_up(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    scene.x.sstp.tls = (struct tls_facts){
        .seen = true, .client_hello = true, .max_version = 0x0304, .sni = put("vpn.example.com"), .hello = at(4)};
    scene.x.sstp.tcp.reset = TCP_RESET_REQUEST;
    scene.x.sstp.tcp.reset_by = TCP_SERVER;
    server()->reset = at(5);
    server()->reset_ttl = 128;
    scene_ends(SSTP_END_HELLO_HUNG_UP, false);
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80072746);
    assert_true(says(f, "\"vpn.example.com\"") && says(f, "no certificate is bound"));
    assert_non_null(strstr(f->evidence[1].what, "TTL 128"));
    server()->reset_ttl = 60;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80072746);
    assert_true(says(f, "The reset has TTL 60") && says(f, "IPS"));
    scene.x.sstp.tcp.reset = TCP_RESET_NONE;
    server()->reset = (struct place){0};
    server()->fin = at(5);
    client()->first_data = at(5);
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "closed"));
    client()->first_data = at(6); /* http.sys would have waited */
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "before the ClientHello") && says(f, "load balancer") && !says(f, "SSL Certificate Binding"));
    client()->first_data = at(2);
    server()->fin.time_ns = client()->first_data.time_ns + 3 * SECOND;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "after the ClientHello") && says(f, "gives up") && !says(f, "SSL Certificate Binding"));
}

static void alerts_of_the_server(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        uint32_t error; /* Microsoft's table of Schannel's errors for alerts */
        const char *word;
    } cases[] = {
        {40, 0x80090326, "no cipher suite"}, {70, 0x80090302, "no TLS version"}, {71, 0x80090331, "stronger"},
        {80, 0x80090304, "private key"},     {112, 0x80090326, "name"},          {10, 0, "alert"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_tls();
        scene.x.sstp.tls.server_hello = false; /* instead of it */
        scene.x.sstp.tls.alert_count = 1;
        scene.x.sstp.tls.alerts[0] = (struct alert_fact){.level = 2, .code = cases[i].code, .place = at(5)};
        scene_ends(SSTP_END_SERVER_ALERT, false);
        judged.confidence = CONFIDENCE_CERTAIN;
        const struct finding *f =
            scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, cases[i].error);
        assert_true(says(f, cases[i].word));
    }
}

static void client_alert(uint8_t code)
{
    scene_tls();
    scene.x.sstp.tls.client_key_exchange = scene.x.sstp.tls.client_finished = scene.x.sstp.tls.server_finished = false;
    scene.x.sstp.tls.alert_count = 1;
    scene.x.sstp.tls.alerts[0] = (struct alert_fact){.from_client = true, .level = 2, .code = code, .place = at(7)};
    scene_ends(SSTP_END_CLIENT_REFUSED, true);
    judged.confidence = CONFIDENCE_CERTAIN;
}

static void clients_refuse_the_certificate(void **state)
{
    (void)state;
    client_alert(48);
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800B0109);
    assert_true(says(f, "unknown_ca (48)") && says(f, "revocation list"));
    client_alert(42); /* says nothing in particular */
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    client_alert(42); /* the certificate itself does */
    scene_chain()->checks.path_not_after = NOW_S - YEAR_S / 2;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800B0101);
    assert_true(says(f, "expired") && says(f, "cert-*"));
    client_alert(42);
    scene_chain()->checks.chain = CHECK_FAIL;
    scene_chain()->checks.chain_error = CHAIN_INCOMPLETE;
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800B010A);
    client_alert(42);
    scene_chain()->facts[0].crl_address_count = 0;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x80092012);
    assert_true(says(f, "CRL or OCSP address"));
    client_alert(45);
    scene.x.sstp.tls.server_chain = 0; /* not readable */
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0x800B0101);
}

static void clients_hang_up_after_the_handshake(void **state)
{
    (void)state;
    scene_tls();
    client()->fin = at(10);
    scene_ends(SSTP_END_NOTHING_SAID, true);
    judged.confidence = CONFIDENCE_HINT;
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0);
    assert_true(says(f, "certutil"));
    scene_chain()->checks.chain = CHECK_FAIL;
    scene_chain()->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x800B0109);
    assert_true(says(f, "0x800B0109 (-2146762487)"));
    client()->fin = (struct place){0}; /* nobody ended it: it may still go on */
    scene_nothing();
    server()->fin = at(10);
    scene_ends(SSTP_END_NOTHING_SAID, false);
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0x80070040);
}

static void servers_that_nothing_shows_to_be_vpn(void **state)
{
    (void)state;
    scene_tls();
    struct services *known = services_new();
    assert_non_null(known);
    client()->fin = at(10);
    scene_ends(SSTP_END_CLIENT_REFUSED, true); /* as its certificate has no fault, it may be a browser that thought better of it */
    scene.in.services = known;
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0);
    assert_true(says(f, "is assumed"));
    services_name(known, &scene.x.server.address);
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0);
    assert_false(says(f, "is assumed"));
    services_free(known);
}

/* An answer of IKE does not tell whose TLS is on port 443; web servers without a CRL address, and those that ask for a certificate,
 * are many. */
static void less_is_said_of_what_is_assumed(void **state)
{
    (void)state;
    static struct exchange ike;
    scene_tls();
    struct services *known = services_new();
    assert_non_null(known);
    ike.type = CONVERSATION_IKE;
    ike.server = scene.x.server;
    ike.ike.init_responses = 1;
    (void)services_add(known, &ike);
    scene.in.services = known;
    client()->fin = at(10);
    scene_ends(SSTP_END_CLIENT_REFUSED, true);
    scene_chain()->facts[0].crl_address_count = 0;
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0x80092012);
    assert_true(says(f, "is assumed") && says(f, "names no address"));
    scene_chain()->checks.chain = CHECK_FAIL;
    scene_chain()->checks.chain_error = CHAIN_UNTRUSTED_ROOT;
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x800B0109);
    scene.x.sstp.tls.certificate_request = true;
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_WARNING, CONFIDENCE_HINT, 0x800B0109);
    services_name(known, &scene.x.server.address);
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x800B0109);
    services_free(known);
}

static void nobody_named_the_server(void **state)
{
    (void)state;
    scene_connected(CONVERSATION_SSTP);
    struct services *known = services_new();
    assert_non_null(known);
    scene.x.sstp.carrier = SSTP_CARRIER_TLS;
    scene.x.sstp.tls.seen = scene.x.sstp.tls.client_hello = true;
    scene.x.sstp.tls.hello = at(4);
    server()->reset = at(5);
    server()->reset_ttl = 128;
    scene_ends(SSTP_END_HELLO_HUNG_UP, false);
    scene.in.services = known;
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_INFO, CONFIDENCE_HINT, 0x80072746);
    assert_true(says(f, "no SNI"));
    scene.x.sstp.tls.sni = put("vpn.example.com");
    (void)scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80072746);
    services_free(known);
}

static void weak_tls(void **state)
{
    (void)state;
    scene_established();
    scene.x.sstp.tls.version = 0x0301;
    scene.x.sstp.tls.cipher_suite = 0xc014;
    const struct finding *f = scene_only(FINDING_SSTP_WEAK_TLS, SEVERITY_WARNING, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "TLS 1.0"));
    scene.x.sstp.tls.version = 0x0303;
    scene.x.sstp.tls.cipher_suite = 0x0005; /* TLS_RSA_WITH_RC4_128_SHA */
    (void)scene_only(FINDING_SSTP_WEAK_TLS, SEVERITY_WARNING, CONFIDENCE_CERTAIN, 0);
    scene.x.sstp.tls.cipher_suite = 0x009c; /* TLS_RSA_WITH_AES_128_GCM_SHA256 */
    (void)scene_only(FINDING_SSTP_WEAK_TLS, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    scene.x.sstp.kind = SSTP_KIND_UNSURE; /* it may be a browser's */
    scene_nothing();
}

static void http_errors(void **state)
{
    (void)state;
    static const struct {
        uint16_t status;
        const char *word;
    } cases[] = {{401, "monitor"}, {403, "403"}, {404, "another site"}, {407, "web proxy"}, {413, "2^64-1"},
                 {502, "load balancer"}, {503, "no SSTP port is free"}, {418, "wants no tunnel"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_call();
        scene.x.sstp.has_link = scene.x.sstp.has_ppp = false;
        scene.x.sstp.http_status = cases[i].status;
        scene.x.sstp.http_reason = put("Words");
        scene_ends(SSTP_END_HTTP_ERROR, false);
        judged.read = true;
        const struct finding *f = scene_only(FINDING_SSTP_HTTP_ERROR, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
        assert_true(says(f, cases[i].word) && says(f, "SSTP_DUPLEX_POST") && !says(f, "which is not RRAS"));
    }
    scene.x.sstp.sstp_connect = true; /* before that, a web proxy */
    scene.x.sstp.sstp_request = false;
    scene.x.sstp.http_status = 407;
    const struct finding *asked = scene_only(FINDING_SSTP_HTTP_ERROR, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(asked, "does not let SSTP clients through: HTTP 407") && says(asked, "cannot log in to a proxy"));
    scene.x.sstp.sstp_request = true;
    scene.x.sstp.http_server = put("nginx");
    scene.x.sstp.via = put("1.1 proxy.example.com");
    const struct finding *f = scene_only(FINDING_SSTP_HTTP_ERROR, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "\"nginx\", which is not RRAS") && says(f, "1.1 proxy.example.com"));
    scene.x.sstp.http_server = put("Microsoft-HTTPAPI/2.0");
    f = scene_only(FINDING_SSTP_HTTP_ERROR, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_false(says(f, "which is not RRAS"));
}

static void call_nak(void **state)
{
    (void)state;
    scene_call();
    scene.x.sstp.has_ppp = false;
    scene.x.sstp.link.nak = (struct sstp_refusal){
        .count = 1, .info = {{SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID, SSTP_STATUS_VALUE_NOT_SUPPORTED}}};
    scene.x.sstp.link.first[SSTP_CALL_CONNECT_NAK] = at(12);
    scene_ends(SSTP_END_CALL_NAK, false);
    const struct finding *f = scene_only(FINDING_SSTP_CALL_NAK, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "VALUE_NOT_SUPPORTED (4) of ENCAPSULATED_PROTOCOL_ID") && says(f, "another protocol than PPP"));
}

static void aborted(uint8_t attribute, uint32_t status, bool by_client)
{
    scene_call();
    scene.x.sstp.link.abort = (struct sstp_refusal){.count = 1, .info = {{attribute, status}}};
    scene.x.sstp.link.first[SSTP_CALL_ABORT] = at(25);
    scene_ends(SSTP_END_CALL_ABORT, by_client);
}

static void call_abort(void **state)
{
    (void)state;
    for (uint32_t status = 0; status <= SSTP_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG; status++) {
        aborted(SSTP_ATTRIB_NO_ERROR, status, false);
        const struct finding *f = scene_only(FINDING_SSTP_CALL_ABORT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN,
                                             status == SSTP_STATUS_NEGOTIATION_TIMEOUT ? 718 : 0);
        assert_true(says(f, sstp_status_name(status)) && !says(f, "unknown to MS-SSTP"));
    }
    aborted(SSTP_ATTRIB_STATUS_INFO, SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG, true);
    const struct finding *f = scene_only(FINDING_SSTP_CALL_ABORT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "the client aborts") && says(f, "crypto binding is missing or has a wrong length"));
    aborted(0, 77, false);
    f = scene_only(FINDING_SSTP_CALL_ABORT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "unknown to MS-SSTP"));
    scene.x.sstp.link.abort.count = 0;
    f = scene_only(FINDING_SSTP_CALL_ABORT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "No status came with it"));
}

static struct sstp_state *binding_refused(void)
{
    scene_established();
    struct sstp_state *link = &scene.x.sstp.link;
    scene.x.outcome = OUTCOME_REJECTED;
    link->stage = SSTP_STAGE_ABORTED;
    link->abort =
        (struct sstp_refusal){.count = 1, .info = {{SSTP_ATTRIB_CRYPTO_BINDING, SSTP_STATUS_VALUE_NOT_SUPPORTED}}};
    link->first[SSTP_CALL_ABORT] = at(25);
    scene_ends(SSTP_END_BINDING, false);
    return link;
}

static void crypto_binding(void **state)
{
    (void)state;
    static const struct {
        size_t changed; /* octet of CALL_CONNECTED */
        const char *title, *word;
    } cases[] = {{48, "TLS does not end where the client believes", "SHA256CertificateHash"},
                 {16, "the nonce is not its own", "another connection"}};
    const enum finding_id id = FINDING_SSTP_CRYPTO_BINDING_FAILED;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        binding_refused()->connected[cases[i].changed] ^= 1;
        const struct finding *f = scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
        assert_non_null(strstr(f->title, cases[i].title));
        assert_true(says(f, cases[i].word));
    }
    binding_refused()->hashes_accepted = SSTP_HASH_SHA1;
    assert_true(says(scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0), "a hash that it does not accept"));
    binding_refused()->has_connected = false;
    assert_true(says(scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0), "not readable here"));
}

static void keys_of_the_binding(void **state)
{
    (void)state;
    const enum finding_id id = FINDING_SSTP_CRYPTO_BINDING_FAILED;
    (void)binding_refused(); /* all that can be read is right, the keys are not known */
    const struct finding *f = scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "keys that differ, or TLS") && says(f, "\"vpn.example.com\"") && says(f, "--radius-secret"));
    (void)binding_refused();
    scene_login(false);
    f = scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "the keys of client and server differ"));
    (void)binding_refused();
    scene_login(true);
    f = scene_only(id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "it believes in another certificate"));
    scene_established();
    scene_login(true);
    scene_nothing();
}

static void offloaded_tls(void **state)
{
    (void)state;
    char hash[65];
    scene_established();
    scene.x.sstp.carrier = SSTP_CARRIER_CLEAR;
    memset(&scene.x.sstp.tls, 0, sizeof scene.x.sstp.tls);
    describe_hex(hash, scene_chain()->facts[0].sha256, 32);
    const struct finding *f = scene_only(FINDING_SSTP_TLS_OFFLOADED, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "UseHttps = 0") && says(f, hash) && says(f, "\"vpn.example.com\""));
    (void)binding_refused();
    scene.x.sstp.carrier = SSTP_CARRIER_CLEAR;
    memset(&scene.x.sstp.tls, 0, sizeof scene.x.sstp.tls);
    describe_hex(hash, scene_chain()->facts[0].sha256, 32);
    f = scene_found(FINDING_SSTP_CRYPTO_BINDING_FAILED);
    assert_int_equal(number_in(scene.findings), 2);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_CRITICAL);
    assert_true(says(f, "registry") && says(f, "SHA256CertificateHash = ") && says(f, hash));
    scene_established(); /* TLS on both sides of a load balancer */
    scene.x.sstp.link.connected[50] ^= 1;
    f = scene_only(FINDING_SSTP_TLS_OFFLOADED, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    assert_true(says(f, "begun anew"));
}

static void lengths_show_a_refused_nps_certificate(void **state)
{
    (void)state;
    static const char *const refusals[] = {PEAP_ALERT_IN_CLEAR, PEAP_ALERT_BEHIND};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        scene_tls();
        scene.x.sstp.kind = SSTP_KIND_TUNNEL;
        put_records(&scene.x.sstp, &by_gcm, refusals[i]);
        scene_ends(SSTP_END_PPP_AUTHENTICATION, true);
        const struct finding *f =
            scene_only(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 864);
        assert_non_null(strstr(f->evidence[0].what, i == 0 ? "frame 121" : "frame 123"));
    }
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    put_records(&scene.x.sstp, &by_gcm, PEAP_WRONG_PASSWORD);
    scene_ends(SSTP_END_PPP_AUTHENTICATION, false);
    (void)scene_only(FINDING_PPP_AUTHENTICATION_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 691);
}

/* It is not the cipher suites that the server dislikes. */
static void a_certificate_of_the_client_is_demanded(void **state)
{
    (void)state;
    scene_tls();
    struct tls_facts *t = &scene.x.sstp.tls;
    t->certificate_request = t->client_certificate_empty = true;
    t->alerts[t->alert_count++] = (struct alert_fact){.level = 2, .code = 40, .place = at(12)};
    scene_ends(SSTP_END_SERVER_ALERT, false);
    const struct finding *f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80090326);
    assert_true(says(f, "demands a certificate of the client"));
    t->client_certificate_empty = false;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80090326);
    assert_true(says(f, "chosen version and cipher suite already") && !says(f, "no cipher suite"));
    t->server_hello = false;
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80090326);
    assert_true(says(f, "no cipher suite"));
    scene_tls(); /* TLS 1.3 without keys: by the length of the client's flight */
    t->version = 0x0304;
    put_records(&scene.x.sstp, &by_tls13, "S900 C8 C52 C194 S2");
    server()->fin = at(12);
    scene_ends(SSTP_END_HTTP_SILENT, false);
    f = scene_only(FINDING_SSTP_TLS_ALERT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x80070040);
    assert_true(says(f, "demands a certificate of the client"));
}

/* Nothing is readable; the request's length alone tells SSTP_DUPLEX_POST from what a web server is asked. */
static void lengths_show_the_request(void **state)
{
    (void)state;
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_UNSURE;
    scene.x.sstp.tls.sni.len = 15;
    put_records(&scene.x.sstp, &by_gcm, "C194 S240");
    scene_ends(SSTP_END_HTTP_ERROR, false);
    judged.place = at(19);
    const struct finding *f = scene_only(FINDING_SSTP_HTTP_ERROR, SEVERITY_INFO, CONFIDENCE_HINT, 0);
    assert_true(says(f, "balancer without a server behind it"));
    scene.x.sstp.tls.sni.len = 16; /* then it is another request */
    scene_nothing();
    scene_ends(SSTP_END_HTTP_SILENT, false);
    judged.place = at(19);
    scene_nothing(); /* other services share the port */
    scene.x.sstp.tls.sni.len = 15;
    (void)scene_only(FINDING_SSTP_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0x8007274C);
}

static void unseen_rules(void)
{
    rules_certificate_unseen(scene.findings, &scene.in, &scene.s);
}

/* How often cert-unseen is raised for the session. */
static size_t unseen(void)
{
    scene_run(unseen_rules);
    return number_in(scene.findings);
}

static void certificates_that_cannot_be_seen(void **state)
{
    (void)state;
    size_t count;
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    put_records(&scene.x.sstp, &by_gcm, CHAP_TUNNEL);
    assert_int_equal(unseen(), 0); /* its own was seen, and there is none inside */
    scene_tls();
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    put_records(&scene.x.sstp, &by_gcm, PEAP_TUNNEL);
    assert_int_equal(unseen(), 1);
    const struct finding *f = findings_all(scene.findings, &count);
    assert_int_equal(f->severity, SEVERITY_INFO);
    assert_true(says(f, "NPS") && says(f, "UDP 1812"));
    assert_int_equal(f->evidence[0].place.frame, scene.x.sstp.tls.finished.frame != 0 ? scene.x.sstp.tls.finished.frame
                                                                                      : scene.x.sstp.tls.server_hello_place.frame);
    assert_int_not_equal(f->evidence[0].place.frame, scene.x.first.frame);
    scene_tls(); /* its own is encrypted */
    scene.x.sstp.kind = SSTP_KIND_TUNNEL;
    scene.x.sstp.tls.version = 0x0304;
    scene.x.sstp.tls.server_chain = 0;
    scene.x.sstp.tls.certificate_seen = false;
    assert_int_equal(unseen(), 0); /* but was seen in another connection */
    scene_chain()->roles = ROLE_NPS;
    assert_int_equal(unseen(), 1);
    f = findings_all(scene.findings, &count);
    assert_true(says(f, "TLS 1.3 encrypts it") && says(f, "-showcerts"));
    scene.x.sstp.tls.decrypted = true;
    scene.x.sstp.has_ppp = true;
    assert_int_equal(unseen(), 0);
}

static void session_rules(void)
{
    rules_session(scene.findings, &scene.in, &scene.s);
}

static void nobodys_attempts_raise_nothing(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {SSTP_KIND_PROBE, SSTP_KIND_OTHER};
    for (size_t i = 0; i < sizeof kinds; i++) {
        client_alert(48);
        scene.x.sstp.kind = kinds[i];
        scene_run(session_rules);
        assert_null(raised_in(scene.findings, FINDING_SSTP_TLS_ALERT));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(healthy_ones_raise_nothing, scene_end),
        cmocka_unit_test_teardown(no_answer, scene_end),
        cmocka_unit_test_teardown(unreachable, scene_end),
        cmocka_unit_test_teardown(answer_unheard, scene_end),
        cmocka_unit_test_teardown(silence_after_the_handshake, scene_end),
        cmocka_unit_test_teardown(large_packets_are_lost, scene_end),
        cmocka_unit_test_teardown(refused, scene_end),
        cmocka_unit_test_teardown(hung_up, scene_end),
        cmocka_unit_test_teardown(alerts_of_the_server, scene_end),
        cmocka_unit_test_teardown(clients_refuse_the_certificate, scene_end),
        cmocka_unit_test_teardown(clients_hang_up_after_the_handshake, scene_end),
        cmocka_unit_test_teardown(servers_that_nothing_shows_to_be_vpn, scene_end),
        cmocka_unit_test_teardown(less_is_said_of_what_is_assumed, scene_end),
        cmocka_unit_test_teardown(nobody_named_the_server, scene_end),
        cmocka_unit_test_teardown(weak_tls, scene_end),
        cmocka_unit_test_teardown(http_errors, scene_end),
        cmocka_unit_test_teardown(call_nak, scene_end),
        cmocka_unit_test_teardown(call_abort, scene_end),
        cmocka_unit_test_teardown(crypto_binding, scene_end),
        cmocka_unit_test_teardown(keys_of_the_binding, scene_end),
        cmocka_unit_test_teardown(offloaded_tls, scene_end),
        cmocka_unit_test_teardown(lengths_show_a_refused_nps_certificate, scene_end),
        cmocka_unit_test_teardown(lengths_show_the_request, scene_end),
        cmocka_unit_test_teardown(a_certificate_of_the_client_is_demanded, scene_end),
        cmocka_unit_test_teardown(certificates_that_cannot_be_seen, scene_end),
        cmocka_unit_test_teardown(nobodys_attempts_raise_nothing, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
