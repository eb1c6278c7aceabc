/* Sessions as they come back from the spool: which exchange stands for what, what a tunnel and its login come to
 * together, the crypto binding between them. */
#include "bytes_by_hand.h"

#include "analyze/session/session_binding.h"
#include "analyze/analysis_internal.h"
#include "analyze/session/sessions.h"

static struct exchange *exchange_of(enum conversation_type type, uint32_t id, enum outcome outcome)
{
    struct exchange *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->id = id;
    x->type = (uint8_t)type;
    x->outcome = (uint8_t)outcome;
    x->packets = 10;
    x->first = x->last = (struct place){.frame = id, .time_ns = id};
    return x;
}

static void put(struct spool *s, struct exchange *x)
{
    assert_true(spool_put(s, x, 1));
    free(x);
}

static void a_tunnel_and_its_login_come_to_one_end(void **state)
{
    (void)state;
    static const struct {
        enum outcome tunnel, login, both;
    } rows[] = {
        {OUTCOME_ESTABLISHED, OUTCOME_ESTABLISHED, OUTCOME_ESTABLISHED},
        {OUTCOME_ESTABLISHED, OUTCOME_REJECTED,
         OUTCOME_ESTABLISHED}, /* the second attempt inside was the right password */
        {OUTCOME_REJECTED, OUTCOME_REJECTED, OUTCOME_REJECTED},
        {OUTCOME_ABORTED, OUTCOME_REJECTED, OUTCOME_REJECTED},
        {OUTCOME_INCOMPLETE, OUTCOME_REJECTED, OUTCOME_REJECTED},
        {OUTCOME_ABORTED, OUTCOME_UNANSWERED, OUTCOME_UNANSWERED},
        {OUTCOME_ABORTED, OUTCOME_ESTABLISHED, OUTCOME_ABORTED}, /* no address, wrong binding */
        {OUTCOME_INCOMPLETE, OUTCOME_ESTABLISHED, OUTCOME_ESTABLISHED},
        {OUTCOME_ABORTED, OUTCOME_INCOMPLETE, OUTCOME_ABORTED},
        {OUTCOME_INCOMPLETE, OUTCOME_INCOMPLETE, OUTCOME_INCOMPLETE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct spool *s = spool_new();
        struct session_build b;
        put(s, exchange_of(CONVERSATION_RADIUS, 1, rows[i].login));
        put(s, exchange_of(CONVERSATION_IKE, 2, rows[i].tunnel));
        assert_true(spool_link(s, 1, 2));
        assert_true(session_read(s, 1, 1, &b));
        const struct session *session = &b.session;
        assert_int_equal(session->exchange_count, 2);
        assert_int_equal(session->exchanges[0]->type,
                         CONVERSATION_IKE); /* nearest to the client, whichever came first */
        assert_ptr_equal(session->tunnel, session->exchanges[0]);
        assert_ptr_equal(session->login, session->exchanges[1]);
        assert_ptr_equal(session->main, session->login);
        assert_int_equal(session->outcome, rows[i].both);
        bool failed = rows[i].login != OUTCOME_ESTABLISHED && rows[i].login != OUTCOME_INCOMPLETE;
        assert_ptr_equal(session_reason_behind(session, session->tunnel), failed ? session->login : NULL);
        assert_null(session_reason_behind(session, session->login));
        session_release(&b);
        spool_free(s);
    }
}

static void the_side_that_shows_the_certificate_tells_of_it(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct session_build b;
    struct exchange *x = exchange_of(CONVERSATION_SSTP, 1, OUTCOME_INCOMPLETE);
    x->eap.tls.server_chain = 3;
    put(s, x);
    put(s, exchange_of(CONVERSATION_RADIUS, 2, OUTCOME_ESTABLISHED)); /* cut by the snap length */
    assert_true(spool_link(s, 1, 2));
    assert_true(session_read(s, 1, 1, &b));
    assert_int_equal(b.session.main->type, CONVERSATION_SSTP);
    assert_int_equal(b.session.login->type, CONVERSATION_RADIUS);
    session_release(&b);
    spool_free(s);
}

/* A session of two copies of a connection goes over as it is. */
/* An unsure connection to a web server is nobody's attempt; the login of the NAS that is taken for the one behind it is one. */
static void a_login_counts_whatever_stands_in_front(void **state)
{
    (void)state;
    struct analysis *a = calloc(1, sizeof *a);
    struct spool *s = spool_new();
    struct session_build b;
    assert_non_null(a);
    a->services = services_new();
    a->probes = probes_new();
    for (uint32_t id = 1; id <= 3; id++) {
        struct exchange *x = exchange_of(CONVERSATION_SSTP, id, OUTCOME_INCOMPLETE);
        x->server.address = address_ipv4((const uint8_t[]){198, 51, 100, 10});
        x->server.port = 443;
        x->sstp.kind = id == 1 ? SSTP_KIND_OTHER : SSTP_KIND_UNSURE;
        (void)services_add(a->services, x);
        put(s, x);
    }
    put(s, exchange_of(CONVERSATION_RADIUS, 4, OUTCOME_REJECTED));
    assert_true(spool_link(s, 3, 4));
    for (uint32_t id = 1; id <= 3; id++) {
        assert_true(session_read(s, id, id, &b));
        assert_int_equal(analysis_counts(a, &b), id == 3);
        session_release(&b);
    }
    services_free(a->services);
    probes_free(a->probes);
    spool_free(s);
    free(a);
}

static void whole_sessions_are_joined(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct session_build b;
    put(s, exchange_of(CONVERSATION_RADIUS, 1, OUTCOME_ESTABLISHED));
    for (uint32_t id = 2; id < 4; id++) {
        struct exchange *x = exchange_of(CONVERSATION_SSTP, id, OUTCOME_ESTABLISHED);
        x->captures[0] = x->first.capture = id;
        x->capture_count = 1;
        x->sstp.carrier = SSTP_CARRIER_TLS;
        x->sstp.tls.client_hello = true;
        x->sstp.tls.random[5] = 9;
        put(s, x);
    }
    struct exchange *other = exchange_of(CONVERSATION_SSTP, 4, OUTCOME_ESTABLISHED);
    other->captures[0] = 7;
    other->sstp.carrier = SSTP_CARRIER_TLS;
    other->sstp.tls.client_hello = true;
    put(s, other);
    assert_true(spool_link(s, 2, 3));
    assert_true(spool_link(s, 2, 4));
    assert_true(spool_link(s, 1, 2));
    assert_false(spool_is_head(s, 2));
    assert_true(session_read(s, 1, 1, &b));
    assert_int_equal(b.owned_count, 4);
    assert_int_equal(b.session.exchange_count, 3); /* the copies are one, seen in both */
    assert_int_equal(b.session.exchanges[0]->capture_count, 2);
    session_release(&b);
    spool_free(s);
}

/* MS-SSTP 4.7 with SHA-256: the keys come from RADIUS, the rest from the tunnel. */
static void the_binding_takes_its_keys_from_the_login(void **state)
{
    (void)state;
    struct digests *d = digests_new();
    struct expect *expect = expect_new();
    struct chains *chains = chains_new(expect);
    struct exchange *tunnel = exchange_of(CONVERSATION_SSTP, 1, OUTCOME_ESTABLISHED);
    struct exchange *login = exchange_of(CONVERSATION_RADIUS, 2, OUTCOME_ESTABLISHED);
    struct session s = {.exchanges = {tunnel, login}, .exchange_count = 2};
    session_check_binding(&s, d, chains);
    assert_null(s.bound);
    tunnel->sstp.has_link = tunnel->sstp.link.has_connected = tunnel->sstp.link.has_nonce = true;
    hex("10010070000400010003006800000002"
          "412B489AEBD7ECC7D08966F26BE7CD72B231A0E9210D7C91B308862B0344C435"
          "7993EF314C493DACE9F02D60E7E61C84B6690AAFE9D7AEEA92CBBE8AD599422D"
          "52A68EFD8CFFBF52770B8F0FE8EC73716583AF6D611EB6D179B3B20840985449",
          tunnel->sstp.link.connected);
    memcpy(tunnel->sstp.link.nonce, tunnel->sstp.link.connected + 16, SSTP_NONCE);
    session_check_binding(&s, d, chains);
    assert_ptr_equal(s.bound, tunnel);
    assert_int_equal(s.binding.mac, SSTP_UNCHECKED);
    assert_int_equal(s.binding.nonce, SSTP_VALID);
    login->radius.has_keys = true;
    hex("2A1BB40D55AB0F5EF32F06F2B3CC73C48FD3FAC41D7A1315A19228D9024CA164", login->radius.keys);
    session_check_binding(&s, d, chains);
    assert_int_equal(s.binding.mac, SSTP_VALID);
    assert_int_equal(s.binding.certificate, SSTP_UNCHECKED);
    assert_int_equal(s.binding.result, SSTP_UNCHECKED);
    login->radius.keys[0] ^= 1;
    session_check_binding(&s, d, chains);
    assert_int_equal(s.binding.mac, SSTP_INVALID);
    assert_int_equal(s.binding.result, SSTP_INVALID);
    /* PAP makes no keys: then they are zeros, and this MAC is not made with them. */
    login->radius.has_keys = false;
    tunnel->sstp.ppp.authentication[TO_CLIENT].result = PPP_AUTH_SUCCEEDED;
    tunnel->sstp.ppp.authentication[TO_CLIENT].chosen.protocol = PPP_PROTOCOL_PAP;
    session_check_binding(&s, d, chains);
    assert_int_equal(s.binding.mac, SSTP_INVALID);
    tunnel->sstp.ppp.authentication[TO_CLIENT].chosen.protocol = PPP_PROTOCOL_EAP;
    session_check_binding(&s, d, chains);
    assert_int_equal(s.binding.mac, SSTP_UNCHECKED);
    free(tunnel);
    free(login);
    chains_free(chains);
    expect_free(expect);
    digests_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tunnel_and_its_login_come_to_one_end),
        cmocka_unit_test(the_side_that_shows_the_certificate_tells_of_it),
        cmocka_unit_test(a_login_counts_whatever_stands_in_front), cmocka_unit_test(whole_sessions_are_joined),
        cmocka_unit_test(the_binding_takes_its_keys_from_the_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
