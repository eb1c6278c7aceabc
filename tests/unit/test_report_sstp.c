/* SSTP connections in words and in JSON, from facts made by hand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "analyze/report/report_json.h"
#include "analyze/report/sstp_words.h"

static int begin(void **state)
{
    struct exchange *x = calloc(1, sizeof *x);
    *state = x;
    if (x == NULL)
        return 1;
    x->type = CONVERSATION_SSTP;
    x->sstp.kind = SSTP_KIND_TUNNEL;
    tcp_connection_begin(&x->sstp.tcp);
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

static void assert_member(const json_t *o, const char *key, const char *expected)
{
    const json_t *value = json_object_get(o, key);
    if (expected == NULL)
        assert_true(json_is_null(value));
    else
        assert_string_equal(json_string_value(value), expected);
}

/* GUID in the order of its text, as HTTP's header has it. */
static const uint8_t correlation[] = {0x60, 0x55, 0xc9, 0x0b, 0x0a, 0x7f, 0x4c, 0xaa,
                                      0xb8, 0xba, 0x13, 0x3a, 0xd1, 0x32, 0xaa, 0xeb};

static void what_was_read_is_in_json(void **state)
{
    struct exchange *x = *state;
    struct sstp_facts *f = &x->sstp;
    f->carrier = SSTP_CARRIER_CLEAR;
    f->request_seen = f->answer_seen = f->has_correlation = true;
    f->http_status = 200;
    memcpy(f->correlation, correlation, sizeof correlation);
    f->forwarded_seen = true;
    f->forwarded_client.address.family = FAMILY_IPV4;
    memcpy(f->forwarded_client.address.bytes, (uint8_t[]){203, 0, 113, 22}, 4);
    sstp_note_message(f, SSTP_CALL_CONNECT_REQUEST);
    sstp_note_message(f, SSTP_CALL_ABORT);
    f->link.count[SSTP_CALL_ABORT] = 1;
    f->link.abort = (struct sstp_refusal){.count = 1, .info = {{SSTP_ATTRIB_CRYPTO_BINDING, SSTP_STATUS_VALUE_NOT_SUPPORTED}}};
    f->has_ppp = true;
    f->ppp.authentication[TO_CLIENT].chosen = (struct ppp_method){PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2};
    json_t *o = json_sstp(&(struct session){.bound = NULL}, x);
    assert_int_equal(json_integer_value(json_object_get(o, "http_status")), 200);
    assert_true(json_is_true(json_object_get(o, "offloaded")));
    assert_member(o, "correlation_id", "{6055C90B-0A7F-4CAA-B8BA-133AD132AAEB}");
    assert_member(o, "hidden_client", "203.0.113.22");
    assert_member(o, "authentication", "MS-CHAPv2");
    assert_member(o, "crypto_binding", NULL);
    const json_t *messages = json_object_get(o, "messages");
    assert_int_equal(json_array_size(messages), 2);
    assert_string_equal(json_string_value(json_array_get(messages, 1)), "CALL_ABORT");
    assert_true(json_is_null(json_object_get(o, "nak")));
    const json_t *status = json_array_get(json_object_get(o, "abort"), 0);
    assert_member(status, "name", "VALUE_NOT_SUPPORTED");
    assert_member(status, "attribute", "CRYPTO_BINDING");
    json_decref(o);
}

static void the_binding_is_that_of_the_session(void **state)
{
    struct exchange *x = *state;
    struct session s = {.bound = x, .binding = {.result = SSTP_INVALID, .certificate = SSTP_VALID, .mac = SSTP_INVALID}};
    json_t *o = json_sstp(&s, x);
    assert_member(o, "crypto_binding", "invalid");
    assert_member(json_object_get(o, "binding"), "certificate", "valid");
    assert_member(json_object_get(o, "binding"), "nonce", "unchecked");
    json_decref(o);
}

static void what_was_not_read_is_null(void **state)
{
    struct exchange *x = *state;
    json_t *o = json_sstp(&(struct session){.bound = NULL}, x);
    assert_true(json_is_null(json_object_get(o, "http_status")));
    assert_true(json_is_false(json_object_get(o, "offloaded")));
    assert_int_equal(json_array_size(json_object_get(o, "messages")), 0);
    assert_member(o, "correlation_id", NULL);
    assert_member(o, "hidden_client", NULL);
    assert_member(o, "authentication", NULL);
    json_decref(o);
    o = json_tcp(x);
    assert_true(json_is_null(json_object_get(o, "syn_to_syn_ack_ms")));
    json_decref(o);
}

/* A name in the protocol is somebody's text. */
static void names_of_the_link_are_escaped(void **state)
{
    struct exchange *x = *state;
    static const char name[] = "PC\x1b[2J";
    x->sstp.has_ppp = true;
    memcpy(x->sstp.ppp.computer, name, sizeof name - 1);
    x->sstp.ppp.computer_len = sizeof name - 1;
    x->sstp.ppp.authentication[TO_CLIENT].result = PPP_AUTH_FAILED;
    x->sstp.ppp.authentication[TO_CLIENT].error = 691;
    json_t *o = json_ppp(x);
    assert_member(o, "computer", "PC\\x1b[2J");
    assert_member(o, "authentication_result", "refused");
    assert_int_equal(json_integer_value(json_object_get(o, "authentication_error")), 691);
    assert_member(o, "client_address", NULL);
    json_decref(o);
}

static void a_proxy_header_goes_before_what_http_says(void **state)
{
    struct exchange *x = *state;
    assert_null(sstp_hidden_client(x));
    x->sstp.forwarded_seen = true;
    x->sstp.forwarded_client.address.family = FAMILY_IPV4;
    assert_ptr_equal(sstp_hidden_client(x), &x->sstp.forwarded_client);
    x->sstp.proxy_seen = true;
    x->sstp.proxy_source.address.family = FAMILY_IPV4;
    assert_ptr_equal(sstp_hidden_client(x), &x->sstp.proxy_source);
    x->sstp.proxy_local = true;
    assert_ptr_equal(sstp_hidden_client(x), &x->sstp.forwarded_client);
    x->type = CONVERSATION_L2TP;
    assert_null(sstp_hidden_client(x));
}

static void every_end_has_words(void **state)
{
    struct exchange *x = *state;
    char words[SSTP_WORDS];
    for (int end = SSTP_END_UNKNOWN; end <= SSTP_END_ESTABLISHED; end++) {
        struct sstp_judgement j = {.end = (enum sstp_end)end};
        assert_non_null(sstp_end_name(j.end));
        assert_true(strlen(sstp_end_words(words, x, &j)) > 10);
        assert_null(strchr(words, '%'));
    }
    struct sstp_judgement j = {.end = SSTP_END_CALL_ABORT, .by_client = true};
    assert_non_null(strstr(sstp_end_words(words, x, &j), "the client aborted the call"));
    x->sstp.http_status = 503;
    j.end = SSTP_END_HTTP_ERROR;
    assert_non_null(strstr(sstp_end_words(words, x, &j), ": 503"));
}

static void the_method_is_that_of_eap_where_ppp_chose_it(void **state)
{
    struct exchange *x = *state;
    char method[SSTP_METHOD], where[SSTP_WHERE];
    assert_string_equal(ppp_method(method, x), "");
    x->sstp.ppp.authentication[TO_CLIENT].chosen.protocol = PPP_PROTOCOL_EAP;
    assert_string_equal(ppp_method(method, x), "EAP");
    x->eap.seen = true;
    x->eap.method = EAP_TYPE_PEAP;
    assert_string_equal(ppp_method(method, x), "PEAP");
    x->outcome = OUTCOME_ESTABLISHED;
    assert_string_equal(sstp_where(where, x, method), "SSTP, PEAP");
    assert_string_equal(sstp_where(where, x, ""), "SSTP");
    x->type = CONVERSATION_PPTP;
    assert_string_equal(sstp_where(where, x, "PAP"), "PPTP, PAP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_read_is_in_json, begin, end),
        cmocka_unit_test_setup_teardown(the_binding_is_that_of_the_session, begin, end),
        cmocka_unit_test_setup_teardown(what_was_not_read_is_null, begin, end),
        cmocka_unit_test_setup_teardown(names_of_the_link_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(a_proxy_header_goes_before_what_http_says, begin, end),
        cmocka_unit_test_setup_teardown(every_end_has_words, begin, end),
        cmocka_unit_test_setup_teardown(the_method_is_that_of_eap_where_ppp_chose_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
