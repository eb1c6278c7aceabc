/* The set of findings, server statistics, and how the client's answer is judged from facts. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "analyze/finding/findings.h"
#include "analyze/session/judge.h"
#include "analyze/finding/rules.h"
#include "analyze/session/servers.h"

static void one_cause_is_one_finding_with_counts_and_first_examples(void **state)
{
    (void)state;
    struct findings *f = findings_new();
    bool fresh;
    assert_non_null(f);
    for (uint32_t session = 1; session <= 40; session++) {
        findings_session(f, session);
        struct finding *x = findings_raise(f, FINDING_CERT_EXPIRED, "aa", 0, &fresh);
        assert_int_equal(fresh, session == 1);
        finding_evidence(f, x, (struct place){.frame = session}, "frame %u", session);
        findings_raise(f, FINDING_CERT_EXPIRED, "aa", 0, &fresh); /* twice in one session counts once */
    }
    findings_finish(f);
    size_t count;
    const struct finding *all = findings_all(f, &count);
    assert_int_equal(count, 1);
    assert_int_equal(all[0].session_total, 40);
    assert_int_equal(all[0].session_count, 40);
    assert_int_equal(all[0].evidence_count, FINDING_EVIDENCE_MAX);
    assert_int_equal(all[0].evidence[0].place.frame, 1);
    findings_free(f);
}

static void the_worst_and_the_cause_come_first(void **state)
{
    (void)state;
    struct findings *f = findings_new();
    bool fresh;
    assert_non_null(f);
    findings_session(f, 1);
    findings_raise(f, FINDING_CERT_EXPIRES_SOON, "", 0, &fresh)->severity = SEVERITY_WARNING;
    findings_raise(f, FINDING_CERT_UNSEEN, "", 0, &fresh)->severity = SEVERITY_INFO;
    findings_raise(f, FINDING_RADIUS_REJECTED, "", 0, &fresh)->severity = SEVERITY_CRITICAL;
    findings_raise(f, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, "", 0, &fresh)->severity = SEVERITY_CRITICAL;
    findings_raise(f, FINDING_CERT_UNTRUSTED_ROOT, "", 0, &fresh)->severity = SEVERITY_CRITICAL;
    findings_finish(f);
    static const enum finding_id order[] = {FINDING_CERT_UNTRUSTED_ROOT, FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, FINDING_RADIUS_REJECTED,
                                            FINDING_CERT_EXPIRES_SOON, FINDING_CERT_UNSEEN};
    size_t count;
    const struct finding *all = findings_all(f, &count);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(all[i].id, order[i]);
    findings_session(f, 1);
    findings_raise(f, FINDING_RADIUS_REJECTED, "", 0, &fresh);
    findings_raise(f, FINDING_CERT_UNTRUSTED_ROOT, "", 0, &fresh);
    const uint32_t *noted = findings_noted(f, &count);
    assert_int_equal(count, 2);
    assert_int_equal(noted[0], 0);
    assert_int_equal(noted[1], 2);
    assert_null(findings_raise(f, FINDING_CERT_REVOKED, "", 0, &fresh)); /* nothing new once finished */
    findings_free(f);
}

static void causes_beyond_the_ceiling_are_refused(void **state)
{
    (void)state;
    struct findings *f = findings_new();
    bool fresh;
    uint64_t held = 0;
    size_t all = 0;
    assert_non_null(f);
    while (held <= FINDINGS_MAX && findings_raise(f, FINDING_RADIUS_SLOW, "x", held, &fresh) != NULL)
        held++;
    assert_in_range(held, FINDINGS_MAX / 2, FINDINGS_MAX - 1);
    assert_non_null(findings_raise(f, FINDING_RADIUS_SLOW, "x", 5, &fresh));
    assert_false(fresh);
    for (unsigned id = 0; id < FINDING_IDS; id++) /* others find room all the same */
        for (uint64_t i = 0; i <= FINDINGS_OF_EACH && id != FINDING_RADIUS_SLOW; i++)
            assert_int_equal(findings_raise(f, (enum finding_id)id, "x", i, &fresh) != NULL, i < FINDINGS_OF_EACH);
    findings_finish(f);
    (void)findings_all(f, &all);
    assert_int_equal(all, FINDINGS_MAX);
    findings_free(f);
}

static void long_texts_are_cut_not_overrun(void **state)
{
    (void)state;
    struct findings *f = findings_new();
    bool fresh;
    char text[4000];
    assert_non_null(f);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct finding *x = findings_raise(f, FINDING_CERT_EXPIRED, text, 0, &fresh);
    finding_title(x, "%s", text);
    for (int i = 0; i < 10; i++) {
        finding_explain(x, "%s", text);
        finding_fix(x, "%s", text);
    }
    finding_evidence(f, x, (struct place){.frame = 1}, "%s", text);
    assert_int_equal(strlen(x->title), FINDING_TITLE - 1);
    assert_int_equal(strlen(x->explanation), FINDING_EXPLANATION - 1);
    assert_int_equal(x->fix_count, FINDING_FIXES_MAX);
    assert_int_equal(strlen(x->evidence[0].what), FINDING_WHAT - 1);
    findings_free(f);
}

static void the_median_is_within_half_an_octave(void **state)
{
    (void)state;
    struct server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    assert_int_equal(server_median_ns(s), 0);
    for (int i = 1; i <= 999; i++)
        server_add_time(s, (int64_t)i * 1000000);
    int64_t median = server_median_ns(s);
    assert_true(median <= 500000000 && median >= 500000000 / 3 * 2);
    server_add_time(s, INT64_MAX);
    server_add_time(s, -5);
    free(s);
}

static void tables_of_servers_are_bounded(void **state)
{
    (void)state;
    struct servers *s = servers_new();
    assert_non_null(s);
    for (uint32_t i = 0; i < 3 * SERVERS_MAX; i++) {
        struct endpoint e = {.address = address_ipv4((const uint8_t[]){10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}), .port = 1812};
        struct server *one = servers_of(s, &e);
        assert_true(i < SERVERS_MAX ? one != NULL && servers_of(s, &e) == one : one == NULL);
    }
    assert_int_equal(servers_count(s), SERVERS_MAX);
    servers_free(s);
}

/* A PEAP login as far as the server's flight, TLS 1.2. */
static struct exchange flight(void)
{
    struct exchange x = {.outcome = OUTCOME_REJECTED};
    x.eap.tls = (struct tls_facts){.seen = true, .client_hello = true, .server_hello = true, .certificate_seen = true,
                                   .server_hello_done = true, .version = 0x0303};
    return x;
}

static void the_clients_answer_is_told_from_alerts_position_and_silence(void **state)
{
    (void)state;
    const struct alert_fact *alert;
    struct exchange x = flight();
    x.eap.tls.alerts[0] = (struct alert_fact){.from_client = 1, .level = 2, .code = 48};
    x.eap.tls.alert_count = 1;
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_ALERT);
    assert_int_equal(alert->code, 48);
    assert_int_equal(judge_alert_error(alert->code), 864);

    x = flight(); /* E2: after the handshake, encrypted */
    x.eap.tls.client_key_exchange = x.eap.tls.client_finished = x.eap.tls.server_finished = x.eap.tls.client_encrypted_alert = true;
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_ENCRYPTED_ALERT);
    x.eap.tls.data_from_client = true; /* an alert after tunnelled data is no answer to the certificate */
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_ACCEPTED);
    x.eap.tls.data_from_client = false;
    x.outcome = OUTCOME_ESTABLISHED; /* a close_notify at the end of a good login */
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_ACCEPTED);

    x = flight();
    x.outcome = OUTCOME_INCOMPLETE;
    x.close_reason = CLOSE_END;
    x.last.time_ns = 1;
    x.capture_last_ns = JUDGE_SILENT_NS / 2;
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_UNKNOWN);
    x.capture_last_ns = 2 * JUDGE_SILENT_NS;
    assert_int_equal(judge_client_answer(&x, &alert), ANSWER_SILENT);

    x = flight(); /* handshake_failure is about parameters, not about the certificate */
    x.eap.tls.alerts[0] = (struct alert_fact){.from_client = 1, .level = 2, .code = 40};
    x.eap.tls.alert_count = 1;
    assert_int_not_equal(judge_client_answer(&x, &alert), ANSWER_ALERT);
}

static void dates_need_no_time_zone(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01 00:00:00 UTC"},           {-1, "1969-12-31 23:59:59 UTC"},        {951782400, "2000-02-29 00:00:00 UTC"},
        {4102444800, "2100-01-01 00:00:00 UTC"},  {253402300799, "9999-12-31 23:59:59 UTC"}, {INT64_MAX / 2, "(time out of range)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[32];
        assert_string_equal(describe_time(out, cases[i].seconds), cases[i].text);
    }
}

static void error_numbers_are_written_as_windows_does(void **state)
{
    (void)state;
    char out[CLIENT_ERROR_TEXT];
    assert_string_equal(client_error_text(out, 864), "864");
    assert_string_equal(client_error_text(out, 0x800704C9), "0x800704C9 (-2147023671)");
    assert_string_equal(client_error_text(out, 0x800B0109), "0x800B0109 (-2146762487)");
    assert_string_equal(client_error_text(out, 0x80000000), "0x80000000 (-2147483648)");
    assert_string_equal(client_error_text(out, UINT32_MAX), "0xFFFFFFFF (-1)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_numbers_are_written_as_windows_does),
        cmocka_unit_test(one_cause_is_one_finding_with_counts_and_first_examples),
        cmocka_unit_test(the_worst_and_the_cause_come_first),
        cmocka_unit_test(causes_beyond_the_ceiling_are_refused),
        cmocka_unit_test(long_texts_are_cut_not_overrun),
        cmocka_unit_test(the_median_is_within_half_an_octave),
        cmocka_unit_test(tables_of_servers_are_bounded),
        cmocka_unit_test(the_clients_answer_is_told_from_alerts_position_and_silence),
        cmocka_unit_test(dates_need_no_time_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
