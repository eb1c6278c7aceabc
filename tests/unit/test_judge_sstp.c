/* Where an attempt at a tunnel ended: signatures T1 to T9 of wire-facts 1.1, from facts made by hand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/session/judge_sstp.h"
#include "tests/unit/sstp_by_hand.h"

#define SECOND INT64_C(1000000000)

static struct exchange *x;
static struct sstp_facts *f;
static struct tcp_sent *client, *server;

static struct place at(unsigned tenths)
{
    return (struct place){.frame = tenths + 1, .time_ns = (int64_t)tenths * SECOND / 10};
}

/* The capture goes on as long as that after the start. */
static void capture_of(unsigned tenths)
{
    x->capture_last_ns = at(tenths).time_ns;
}

static int begin(void **state)
{
    (void)state;
    x = calloc(1, sizeof *x);
    if (x == NULL)
        return -1;
    x->type = CONVERSATION_SSTP;
    x->outcome = OUTCOME_INCOMPLETE;
    x->close_reason = CLOSE_END;
    f = &x->sstp;
    tcp_connection_begin(&f->tcp);
    client = &f->tcp.sent[TCP_CLIENT];
    server = &f->tcp.sent[TCP_SERVER];
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(x);
    x = NULL;
    return 0;
}

static void syn(unsigned count)
{
    client->syn.seen = true;
    client->syns = count;
    client->packets = client->syns;
    client->first_syn = at(0);
}

static void handshake(void)
{
    syn(1);
    server->syn.seen = true;
    server->syns = 1;
    server->packets = 1;
    server->last_syn = at(0);
    client->acked = true;
    client->packets = 2;
}

static void client_data(unsigned when)
{
    client->data_packets++;
    client->first_data = at(when);
    client->any_data_acked = client->data_acked = true;
    server->packets++;
    server->acked = true;
}

static void server_data(void)
{
    server->data_packets++;
    server->packets++;
    server->any_data_acked = server->data_acked = true;
}

static void fin(enum tcp_side side, unsigned when)
{
    if (f->tcp.sent[side ^ 1].fin.frame == 0)
        f->tcp.fin_first = side;
    f->tcp.sent[side].fin = at(when);
}

static void reset(enum tcp_side side, enum tcp_reset kind, unsigned when)
{
    f->tcp.sent[side].resets = 1;
    f->tcp.sent[side].packets++;
    f->tcp.sent[side].reset = at(when);
    f->tcp.reset = kind;
    f->tcp.reset_by = side;
}

static void name(const char *sni)
{
    f->tls.sni = exchange_put(x, span_of(sni, strlen(sni)));
}

static void client_hello(void)
{
    handshake();
    client_data(1);
    f->carrier = SSTP_CARRIER_TLS;
    f->tls.seen = f->tls.client_hello = true;
    f->tls.hello = at(1);
    name("vpn.contoso.com");
}

static void server_hello(void)
{
    client_hello();
    server_data();
    f->tls.server_hello = f->tls.certificate_seen = f->tls.server_hello_done = true;
    f->tls.version = 0x0303;
    f->tls.cipher_suite = 0xc030;
    f->tls.server_hello_place = at(2);
}

static void finished(void)
{
    server_hello();
    f->tls.client_key_exchange = f->tls.client_finished = f->tls.server_finished = true;
    f->tls.finished = at(3);
}

static void records(const char *words)
{
    finished();
    put_records(f, &by_gcm, words);
}

static void alert(bool from_client, uint8_t level, uint8_t code, unsigned when)
{
    f->tls.alerts[f->tls.alert_count++] =
        (struct alert_fact){.from_client = from_client, .level = level, .code = code, .place = at(when)};
}

static void request(void)
{
    finished();
    f->tls.decrypted = f->tls.data_from_client = true;
    f->request_seen = f->sstp_request = f->sstp_target = true;
    f->request_place = at(4);
    f->method = exchange_put(x, span_of("SSTP_DUPLEX_POST", 16));
}

static void answer(uint16_t status)
{
    request();
    f->tls.data_from_server = f->answer_seen = true;
    f->http_status = status;
    f->answer_place = at(5);
}

static void said(enum sstp_message message, enum direction dir, enum sstp_stage stage, unsigned when)
{
    f->has_link = true;
    if (f->link.count[message]++ == 0)
        f->link.first[message] = at(when);
    f->link.last[dir] = at(when);
    f->link.stage = (uint8_t)stage;
    f->link.since = at(when);
    x->last = at(when);
}

static void acknowledged(void)
{
    answer(200);
    said(SSTP_CALL_CONNECT_REQUEST, TO_SERVER, SSTP_STAGE_REQUESTED, 6);
    said(SSTP_CALL_CONNECT_ACK, TO_CLIENT, SSTP_STAGE_ACKNOWLEDGED, 7);
}

static void lcp_opened(void)
{
    acknowledged();
    f->has_ppp = true;
    f->ppp.lcp.outcome = PPP_OPENED;
    f->ppp.lcp.began = at(8);
    f->ppp.authentication[TO_CLIENT].chosen = (struct ppp_method){PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2};
}

static void authenticated(enum ppp_auth_result result)
{
    lcp_opened();
    f->ppp.authentication[TO_CLIENT].began = at(9);
    f->ppp.authentication[TO_CLIENT].ended = at(10);
    f->ppp.authentication[TO_CLIENT].result = (uint8_t)result;
}

static void connected(void)
{
    authenticated(PPP_AUTH_SUCCEEDED);
    said(SSTP_CALL_CONNECTED, TO_SERVER, SSTP_STAGE_CONNECTED, 11);
}

static void abort_with(enum direction by, uint8_t attribute, uint32_t status)
{
    said(SSTP_CALL_ABORT, by, SSTP_STAGE_ABORTED, 12);
    f->link.ended_by = (uint8_t)by;
    f->link.abort.count = 1;
    f->link.abort.info[0] = (struct sstp_status_info){attribute, status};
}

static void expect(enum sstp_end wanted, enum confidence confidence, enum outcome outcome)
{
    struct sstp_judgement j = judge_sstp(x);
    assert_int_equal(j.end, wanted);
    if (wanted != SSTP_END_UNKNOWN)
        assert_int_equal(j.confidence, confidence);
    assert_int_equal(judge_sstp_outcome(x), outcome);
}

static void expect_unknown(void)
{
    expect(SSTP_END_UNKNOWN, CONFIDENCE_HINT, OUTCOME_INCOMPLETE);
}

static void no_answer(void **state)
{
    (void)state;
    syn(2);
    capture_of(600);
    expect_unknown();
    syn(3);
    expect(SSTP_END_NO_ANSWER, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->tcp.icmp_errors = 1;
    expect(SSTP_END_UNREACHABLE, CONFIDENCE_CERTAIN, OUTCOME_UNANSWERED);
    x->begun_before = true;
    expect_unknown();
}

static void refused(void **state)
{
    (void)state;
    syn(1);
    reset(TCP_SERVER, TCP_RESET_SYN, 1);
    expect(SSTP_END_REFUSED, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    assert_int_equal(judge_sstp(x).place.frame, at(1).frame);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    /* what an old connection left behind acknowledges first; the client resets that and asks again */
    server->acked = true;
    server->packets++;
    reset(TCP_CLIENT, TCP_RESET_SYN, 0);
    client->last_syn = at(1);
    expect(SSTP_END_REFUSED, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    client->last_syn = at(2); /* the last SYN was not answered yet */
    expect_unknown();
}

static void answer_unheard(void **state)
{
    (void)state;
    handshake();
    client->acked = false;
    expect_unknown();
    server->syns = 3;
    server->packets = 3;
    expect(SSTP_END_ANSWER_UNHEARD, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    assert_true(judge_sstp(x).client_silent);
}

static void probes(void **state)
{
    (void)state;
    handshake();
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    expect_unknown();
    reset(TCP_CLIENT, TCP_RESET_HANDSHAKE, 1);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    expect(SSTP_END_NOTHING_ASKED, CONFIDENCE_CERTAIN, OUTCOME_INCOMPLETE);
    client->acked = false; /* the reset took the place of the acknowledgment */
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    f->tcp.reset = TCP_RESET_SYN; /* of what an earlier connection left behind; this one goes on */
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    expect_unknown();
}

static void probes_of_tls(void **state)
{
    (void)state;
    finished();
    fin(TCP_CLIENT, 4);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE); /* it has a name */
    expect(SSTP_END_CLIENT_REFUSED, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    f->tls.sni = (struct text){0};
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    expect(SSTP_END_NOTHING_SAID, CONFIDENCE_STRONG, OUTCOME_INCOMPLETE);
    name("198.51.100.10");
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    f->tls.sni = (struct text){0};
    put_records(f, &by_gcm, "C62 S116");
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    name("vpn.contoso.com");
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
}

static void probes_that_are_read(void **state)
{
    (void)state;
    answer(401);
    f->sstp_request = false;
    f->method = exchange_put(x, span_of("HEAD", 4));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    expect(SSTP_END_HTTP_ERROR, CONFIDENCE_CERTAIN, OUTCOME_INCOMPLETE);
    f->sstp_target = false;
    f->method = exchange_put(x, span_of("GET", 3));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
    f->tls.sni = (struct text){0};
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    f->method = exchange_put(x, span_of("POST", 4));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
    f->tls.seen = false; /* in clear, Host counts */
    f->method = exchange_put(x, span_of("GET", 3));
    f->host = exchange_put(x, span_of("172.20.30.11:8080", 17));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
    f->host = exchange_put(x, span_of("www.contoso.com", 15));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
}

static void hello_hung_up(void **state)
{
    (void)state;
    client_hello();
    reset(TCP_SERVER, TCP_RESET_REQUEST, 2);
    expect(SSTP_END_HELLO_HUNG_UP, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    f->lost_bytes = 100; /* what the server said was not captured */
    expect_unknown();
}

static void hello_silent(void **state)
{
    (void)state;
    client_hello();
    capture_of(100);
    expect_unknown();
    capture_of(700);
    expect(SSTP_END_HELLO_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    x->close_reason = CLOSE_EVICTED;
    expect_unknown();
    fin(TCP_CLIENT, 10);
    expect_unknown(); /* it did not wait */
    fin(TCP_CLIENT, 41);
    expect(SSTP_END_HELLO_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
}

static void server_alert(void **state)
{
    (void)state;
    client_hello();
    server_data();
    alert(false, 2, 70, 2);
    fin(TCP_SERVER, 2);
    expect(SSTP_END_SERVER_ALERT, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    assert_true(judge_sstp(x).read);
}

static void client_alert(void **state)
{
    (void)state;
    const struct alert_fact *a;
    server_hello();
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_UNKNOWN);
    alert(true, 2, 48, 3);
    fin(TCP_SERVER, 3);
    expect(SSTP_END_CLIENT_REFUSED, CONFIDENCE_CERTAIN, OUTCOME_ABORTED);
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_ALERT);
    assert_int_equal(a->code, 48);
}

static void client_leaves(void **state)
{
    (void)state;
    const struct alert_fact *a;
    server_hello();
    capture_of(5);
    expect_unknown();
    fin(TCP_CLIENT, 40);
    expect(SSTP_END_CLIENT_REFUSED, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_LEFT);
    server->data_acked = false; /* it never heard it */
    expect(SSTP_END_HANDSHAKE_STALLED, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    server->data_acked = true;
    server->stuck = (struct tcp_stuck){.seq = 1500, .len = 1448, .times = 4, .first = at(3), .last = at(20)}; /* only its beginning */
    client->last = at(40);
    expect(SSTP_END_HANDSHAKE_STALLED, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    server->stuck = (struct tcp_stuck){0};
    f->missing_bytes[TO_CLIENT] = 1448; /* the same, seen from the client */
    f->missing_at[TO_CLIENT] = at(3);
    expect(SSTP_END_HANDSHAKE_STALLED, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    f->missing_bytes[TO_CLIENT] = 0;
    f->lost_bytes = 1;
    expect_unknown();
    f->lost_bytes = 0;
    client->fin = at(0), client->fin.frame = 0;
    capture_of(700);
    expect(SSTP_END_HANDSHAKE_STALLED, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_SILENT);
    f->tls.server_hello = false; /* what it said cannot be read: no answer by its looks */
    expect(SSTP_END_HANDSHAKE_STALLED, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    f->tls.data_from_server = true; /* so the ServerHello came, in a place where it was not understood */
    expect_unknown();
}

static void client_leaves_behind_finished(void **state)
{
    (void)state;
    const struct alert_fact *a;
    finished();
    expect_unknown();
    f->tls.client_encrypted_alert = f->tls.server_encrypted_alert = true;
    f->tls.encrypted_alert = at(4);
    fin(TCP_SERVER, 4); /* its FIN is the first, but not its alert */
    expect(SSTP_END_CLIENT_REFUSED, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_ENCRYPTED_ALERT);
    f->tls.server_alert_first = true;
    expect(SSTP_END_NOTHING_SAID, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    f->tls.server_alert_first = false;
    f->tls.resumed = true; /* no certificate to refuse */
    expect(SSTP_END_NOTHING_SAID, CONFIDENCE_STRONG, OUTCOME_ABORTED);
}

static void leaves_in_tls13(void **state)
{
    (void)state;
    const struct alert_fact *a;
    server_hello();
    f->tls.certificate_seen = f->tls.server_hello_done = false;
    put_records(f, &by_tls13, "S6 S2289 S520 S52 C52 S233 C2 S233 S2");
    fin(TCP_SERVER, 4);
    fin(TCP_CLIENT, 4);
    expect(SSTP_END_CLIENT_REFUSED, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    assert_int_equal(judge_sstp_server_certificate(x, &a), ANSWER_LEFT);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->tls.sni = (struct text){0};
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_PROBE);
}

static void closed_requests(void **state)
{
    (void)state;
    records("C194");
    capture_of(20);
    expect_unknown();
    reset(TCP_SERVER, TCP_RESET_DATA, 4);
    expect(SSTP_END_HTTP_SILENT, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    server->reset.frame = 0;
    fin(TCP_CLIENT, 10);
    expect_unknown();
    fin(TCP_CLIENT, 45);
    expect(SSTP_END_HTTP_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    f->tls.sni.len++; /* then it has not the length of SSTP's */
    expect(SSTP_END_HTTP_SILENT, CONFIDENCE_HINT, OUTCOME_INCOMPLETE);
    f->tls.sni.len--;
    put_records(f, &by_gcm, "S113");
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->sstp_connect = true; /* a web proxy was told for what it is */
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_TUNNEL);
    f->sstp_connect = false;
    expect(SSTP_END_HTTP_ERROR, CONFIDENCE_HINT, OUTCOME_INCOMPLETE);
    put_records(f, &by_gcm, "C14");
    expect(SSTP_END_CALL_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    put_records(f, &by_gcm, "S20");
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_TUNNEL);
    expect(SSTP_END_CALL_NAK, CONFIDENCE_HINT, OUTCOME_REJECTED);
}

static void closed_tunnels(void **state)
{
    (void)state;
    records(PEAP_TUNNEL);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_TUNNEL);
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_STRONG, OUTCOME_ESTABLISHED);
    fin(TCP_CLIENT, 40);
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_STRONG, OUTCOME_ESTABLISHED);
    for (unsigned n = 5; n < 33; n++) { /* a capture that ends on the way there shows nothing */
        f->record_count = (uint16_t)n;
        client->fin.frame = 0;
        expect_unknown();
    }
}

static void closed_refusals(void **state)
{
    (void)state;
    records(PEAP_ALERT_IN_CLEAR);
    fin(TCP_CLIENT, 9);
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    assert_true(judge_sstp(x).by_client);
    f->record_count = 0;
    put_records(f, &by_gcm, PEAP_WRONG_PASSWORD);
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    assert_false(judge_sstp(x).by_client);
    f->record_count = 0;
    put_records(f, &by_gcm, OPENING);
    expect(SSTP_END_LEFT, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    f->cut_bytes = 1;
    expect_unknown();
    f->cut_bytes = 0;
    client->fin.frame = 0;
    x->last = at(9);
    capture_of(700);
    expect(SSTP_END_PPP_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    f->record_count = 0;
    put_records(f, &by_gcm, CHAP_TUNNEL);
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_STRONG, OUTCOME_ESTABLISHED);
}

static void read_http(void **state)
{
    (void)state;
    request();
    capture_of(100);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_TUNNEL);
    expect_unknown();
    capture_of(700);
    expect(SSTP_END_HTTP_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    answer(503);
    expect(SSTP_END_HTTP_ERROR, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    assert_int_equal(judge_sstp(x).place.frame, at(5).frame);
    answer(200);
    capture_of(100);
    expect_unknown();
    fin(TCP_CLIENT, 6);
    expect(SSTP_END_CALL_SILENT, CONFIDENCE_STRONG, OUTCOME_ABORTED);
}

static void read_calls(void **state)
{
    (void)state;
    answer(200);
    said(SSTP_CALL_CONNECT_REQUEST, TO_SERVER, SSTP_STAGE_REQUESTED, 6);
    capture_of(100);
    expect_unknown();
    fin(TCP_CLIENT, 46);
    expect(SSTP_END_CALL_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    said(SSTP_CALL_CONNECT_NAK, TO_CLIENT, SSTP_STAGE_REFUSED, 7);
    expect(SSTP_END_CALL_NAK, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
}

static void read_lcp(void **state)
{
    (void)state;
    acknowledged();
    f->has_ppp = true;
    f->ppp.lcp.outcome = PPP_RUNNING;
    capture_of(100);
    expect_unknown();
    f->ppp.terminated = true;
    f->ppp.lcp.outcome = PPP_CLOSED;
    f->ppp.lcp.ended_by = TO_CLIENT;
    f->ppp.lcp.ended = at(9);
    expect(SSTP_END_PPP_LCP, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    assert_true(judge_sstp(x).client_silent);
    f->ppp.lcp.ended_by = TO_SERVER;
    expect(SSTP_END_PPP_LCP, CONFIDENCE_STRONG, OUTCOME_ABORTED);
    f->lost_bytes = 9;
    expect_unknown();
}

static void read_authentication(void **state)
{
    (void)state;
    authenticated(PPP_AUTH_RUNNING);
    capture_of(100);
    expect_unknown();
    fin(TCP_CLIENT, 90);
    expect(SSTP_END_PPP_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    f->ppp.authentication[TO_CLIENT].result = PPP_AUTH_FAILED;
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    said(SSTP_CALL_ABORT, TO_SERVER, SSTP_STAGE_ABORTED, 12); /* follows from it */
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
}

static void read_nps_refusal(void **state)
{
    (void)state;
    authenticated(PPP_AUTH_RUNNING);
    x->eap.seen = x->eap.tls.seen = x->eap.tls.server_hello = x->eap.tls.certificate_seen = true;
    x->eap.tls.version = 0x0303;
    x->eap.tls.alerts[0] = (struct alert_fact){.from_client = 1, .level = 2, .code = 48, .place = at(10)};
    x->eap.tls.alert_count = 1;
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_CERTAIN, OUTCOME_ABORTED);
    assert_true(judge_sstp(x).by_client);
    x->eap.result = EAP_RESULT_FAILURE;
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
}

static void read_aborts(void **state)
{
    (void)state;
    lcp_opened();
    abort_with(TO_CLIENT, SSTP_ATTRIB_NO_ERROR, SSTP_STATUS_NEGOTIATION_TIMEOUT);
    expect(SSTP_END_CALL_ABORT, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    f->link.ended_by = TO_SERVER;
    expect(SSTP_END_CALL_ABORT, CONFIDENCE_CERTAIN, OUTCOME_ABORTED);
    connected();
    abort_with(TO_CLIENT, SSTP_ATTRIB_CRYPTO_BINDING, SSTP_STATUS_VALUE_NOT_SUPPORTED);
    expect(SSTP_END_BINDING, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    f->link.abort.info[0] = (struct sstp_status_info){SSTP_ATTRIB_STATUS_INFO, SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG};
    expect(SSTP_END_BINDING, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    f->link.abort.info[0].status = SSTP_STATUS_RETRY_COUNT_EXCEEDED;
    expect(SSTP_END_CALL_ABORT, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
}

static void read_network(void **state)
{
    (void)state;
    connected();
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_CERTAIN, OUTCOME_ESTABLISHED);
    f->ppp.ipcp.outcome = PPP_RUNNING;
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_CERTAIN, OUTCOME_ESTABLISHED); /* nothing contradicts yet */
    fin(TCP_CLIENT, 90);
    expect(SSTP_END_PPP_NETWORK, CONFIDENCE_STRONG, OUTCOME_REJECTED);
    f->ppp.ipcp.outcome = PPP_OPENED;
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_CERTAIN, OUTCOME_ESTABLISHED);
    f->ppp.ipcp.outcome = PPP_REFUSED;
    expect(SSTP_END_PPP_NETWORK, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
}

static void midway(void **state)
{
    (void)state;
    x->begun_before = true;
    f->carrier = SSTP_CARRIER_CLEAR;
    f->link.midway = true;
    said(SSTP_ECHO_REQUEST, TO_SERVER, SSTP_STAGE_CONNECTED, 5);
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_CERTAIN, OUTCOME_ESTABLISHED);
    f->link.stage = SSTP_STAGE_ACKNOWLEDGED;
    fin(TCP_CLIENT, 9);
    expect_unknown();
}

static void other_tls(void **state)
{
    (void)state;
    records("C194 S700 C220 S900");
    fin(TCP_CLIENT, 9);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
    expect_unknown();
    f->lost_bytes = 100; /* what was lost may have been 14 octets */
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->lost_bytes = 0;
    f->record_count = 0;
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->tls.alpn_other = true;
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
    /* TLS 1.3 does not show what the server chose. SSTP is HTTP/1.1: its clients offer nothing else. */
    f->tls.alpn_other = false;
    f->tls.alpn = exchange_put(x, span_of("http/1.1", 8));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_UNSURE);
    f->tls.alpn = exchange_put(x, span_of("h2,http/1.1", 11));
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_OTHER);
}

static void one_side(void **state)
{
    (void)state;
    client_hello();
    memset(server, 0, sizeof *server);
    fin(TCP_CLIENT, 90);
    capture_of(1000);
    expect_unknown();
    records(CHAP_TUNNEL);
    memset(client, 0, sizeof *client);
    fin(TCP_SERVER, 90);
    f->record_count = 3;
    expect_unknown();
}

static void ppp_in_l2tp(void **state)
{
    (void)state;
    x->type = CONVERSATION_L2TP;
    f->has_ppp = true;
    f->ppp.lcp.outcome = PPP_OPENED;
    f->last[TO_CLIENT] = at(8);
    x->last = f->last[TO_SERVER] = at(9);
    capture_of(100);
    assert_int_equal(judge_sstp_kind(x), SSTP_KIND_TUNNEL);
    f->ppp.authentication[TO_CLIENT].chosen.protocol = PPP_PROTOCOL_CHAP;
    f->ppp.authentication[TO_CLIENT].result = PPP_AUTH_RUNNING;
    expect_unknown();
    capture_of(700);
    expect(SSTP_END_PPP_SILENT, CONFIDENCE_STRONG, OUTCOME_UNANSWERED);
    f->ppp.authentication[TO_CLIENT].result = PPP_AUTH_FAILED;
    expect(SSTP_END_PPP_AUTHENTICATION, CONFIDENCE_CERTAIN, OUTCOME_REJECTED);
    f->ppp.authentication[TO_CLIENT].result = PPP_AUTH_SUCCEEDED;
    f->ppp.ipcp.outcome = PPP_OPENED;
    expect(SSTP_END_ESTABLISHED, CONFIDENCE_CERTAIN, OUTCOME_ESTABLISHED);
}

#define TEST(subject) cmocka_unit_test_setup_teardown(subject, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_answer),       TEST(refused),       TEST(answer_unheard),
        TEST(probes),          TEST(probes_of_tls), TEST(probes_that_are_read),
        TEST(hello_hung_up),   TEST(hello_silent),  TEST(server_alert),
        TEST(client_alert),    TEST(client_leaves), TEST(client_leaves_behind_finished),
        TEST(leaves_in_tls13), TEST(closed_requests), TEST(closed_tunnels),
        TEST(closed_refusals), TEST(read_http),     TEST(read_calls),
        TEST(read_lcp),        TEST(read_authentication), TEST(read_nps_refusal),
        TEST(read_aborts),     TEST(read_network),  TEST(midway),
        TEST(other_tls),       TEST(one_side),      TEST(ppp_in_l2tp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
