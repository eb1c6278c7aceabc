/* Finished exchanges out of memory and back; sessions linked from several of them. */
#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "analyze/session/link.h"
#include "analyze/session/sessions.h"
#include "analyze/session/spool.h"
#include "capture/platform.h"

static void put(struct spool *s, struct exchange *x, uint32_t id, const char *user, const char *ladder)
{
    memset(x, 0, sizeof *x);
    x->id = id;
    x->capture_count = 1;
    x->radius.user = exchange_put(x, span_of(user, strlen(user)));
    x->ladder = span_of(ladder, strlen(ladder));
    assert_true(spool_put(s, x, 0));
}

static void what_is_put_comes_back_in_any_order(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    /* More than the index window and the read window hold; even ids first, then odd ones, as closing order is not id order. */
    enum { COUNT = 100000 };
    for (uint32_t pass = 0; pass < 2; pass++)
        for (uint32_t id = 1 + pass; id <= COUNT; id += 2) {
            char user[32];
            snprintf(user, sizeof user, "user%u", id);
            put(s, x, id, user, id % 1000 == 0 ? "some ladder" : "");
        }
    assert_int_equal(spool_last(s), COUNT);
    for (uint32_t id = COUNT; id >= 1; id -= id > 997 ? 997 : 1) {
        char user[32];
        snprintf(user, sizeof user, "user%u", id);
        struct exchange *back = spool_get(s, id);
        assert_non_null(back);
        assert_int_equal(back->id, id);
        assert_true(span_equal(exchange_text(back, back->radius.user), span_of(user, strlen(user))));
        assert_int_equal(back->ladder.len, id % 1000 == 0 ? 11 : 0);
        assert_true(spool_is_head(s, id));
        spool_release(s, back);
    }
    assert_null(spool_get(s, COUNT + 1));
    assert_false(spool_is_head(s, COUNT + 1));
    assert_false(spool_failed(s));
    free(x);
    spool_free(s);
}

/* Where files cannot be looked at in memory, as here when others look at as many as can be, they are read. */
static void without_a_view_it_comes_back_as_well(void **state)
{
    enum { MANY = 64 };
    struct platform_view taken[MANY];
    FILE *f = tmpfile();
    size_t n = 0;
    assert_non_null(f);
    assert_int_equal(fputc('x', f), 'x');
    assert_int_equal(fflush(f), 0);
    while (n < MANY && platform_view_open_file(&taken[n], f))
        n++;
    assert_in_range(n, 1, MANY - 1);
    what_is_put_comes_back_in_any_order(state);
    while (n > 0)
        platform_view_close(&taken[--n]);
    fclose(f);
}

/* Exchanges read one after the other share memory: what one has inside its tunnel must not show in the next. */
static void facts_inside_the_tunnel_come_back_and_stay_where_they_belong(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = calloc(1, sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    for (uint32_t id = 1; id <= 200; id++) {
        memset(x, 0, sizeof *x);
        x->id = id;
        x->has_inner = id % 2 == 1;
        x->inner.method = x->has_inner ? EAP_TYPE_MSCHAPV2 : 0;
        x->inner.gap_place.frame = x->has_inner ? id : 0;
        x->eap_hash = id;
        x->eap.identity = exchange_put(x, span_of("outer", 5));
        assert_true(spool_put(s, x, 0));
    }
    for (uint32_t id = 1; id <= 200; id++) {
        struct exchange *back = spool_get(s, id);
        assert_non_null(back);
        assert_int_equal(back->eap_hash, id);
        assert_int_equal(back->inner.method, id % 2 == 1 ? EAP_TYPE_MSCHAPV2 : 0);
        assert_int_equal(back->inner.gap_place.frame, id % 2 == 1 ? id : 0);
        assert_true(span_equal(exchange_text(back, back->eap.identity), span_of("outer", 5)));
        spool_release(s, back);
    }
    free(x);
    spool_free(s);
}

/* Every byte that any login has: all as in the first one put, none, and every third or so, in runs of all lengths. */
static void fill(struct exchange *x, uint32_t id)
{
    memset(x, 0, sizeof *x);
    uint8_t *facts[] = {(uint8_t *)&x->eap.tls.random, (uint8_t *)&x->eap.tls.ja3, (uint8_t *)&x->radius.nas_address,
                        (uint8_t *)&x->client, (uint8_t *)&x->server, (uint8_t *)&x->first};
    size_t lengths[] = {sizeof x->eap.tls.random, sizeof x->eap.tls.ja3, sizeof x->radius.nas_address,
                        sizeof x->client, sizeof x->server, sizeof x->first};
    for (size_t k = 0; k < sizeof facts / sizeof *facts; k++)
        for (size_t i = 0; i < lengths[k]; i++)
            facts[k][i] = (uint8_t)(id % 3 == 0 ? 0xa5 : id % 3 == 1 ? id : i % (id % 23 + 1) == 0 ? id : 0xa5);
    x->id = id;
    x->eap.identity = exchange_put(x, span_of("outer", id % 6));
}

static void what_differs_from_the_first_one_comes_back(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    for (uint32_t id = 3; id <= 300; id++) { /* 3: nothing but 0xa5 */
        fill(x, id);
        assert_true(spool_put(s, x, 0));
    }
    for (uint32_t id = 300; id >= 3; id--) {
        struct exchange *back = spool_get(s, id);
        assert_non_null(back);
        fill(x, id);
        assert_memory_equal(back, x, offsetof(struct exchange, ladder));
        spool_release(s, back);
    }
    free(x);
    spool_free(s);
}

/* Facts of tunnels with lists of every length, and what only some have there or not. */
static void fill_ike(struct exchange *x, uint32_t id)
{
    struct ike_facts *k = &x->ike;
    x->type = id % 2 == 0 ? CONVERSATION_IKE : CONVERSATION_IKE1;
    memset(k->initiator_spi, (int)id, sizeof k->initiator_spi);
    k->nat_request.source_count = (uint8_t)(id % (IKE_FACTS_SOURCES + 1));
    memset(k->nat_request.source, 0x5a, k->nat_request.source_count * sizeof k->nat_request.source[0]);
    k->nat_response.to.port = (uint16_t)id;
    k->offered_count[3] = (uint8_t)(id % (IKE_FACTS_OFFERED + 1));
    memset(k->offered[3], 0x77, k->offered_count[3] * sizeof k->offered[3][0]);
    k->length_count = (uint8_t)(id % (IKE_FACTS_LENGTHS + 1));
    memset(k->lengths, 0x33, k->length_count * sizeof k->lengths[0]);
    k->notify_count = (uint8_t)(id * 7 % (IKE_FACTS_NOTIFIES + 1));
    memset(k->notifies, 0x44, k->notify_count * sizeof k->notifies[0]);
    k->state.keepalives = id % 3 == 0 ? id : 0;
    k->unreachable = id % 5 == 0;
    x->radius.requests = id % 7 == 0;
    x->eap.requests = id % 11 == 0;
}

static void fill_sstp(struct exchange *x, uint32_t id)
{
    struct sstp_facts *k = &x->sstp;
    x->type = id % 2 == 0 ? CONVERSATION_SSTP : CONVERSATION_PPTP;
    k->tcp.icmp_errors = id % 3;
    k->link.has_nonce = id % 5 == 0;
    k->has_ppp = id % 7 == 0;
    k->ppp.user_len = (uint8_t)(id % 7 == 0 ? 9 : 0);
    k->tls.version = (uint16_t)(id % 2 == 0 ? 0x0303 : 0);
    k->tls.alerts[TLS_FACTS_ALERTS - 1].code = (uint8_t)(id % 3 == 0 ? 40 : 0);
    k->last[1].frame = id;
    k->messages[SSTP_LISTED_MAX - 1] = (uint16_t)(id % 4);
    k->record_count = (uint16_t)(id % (SSTP_RECORDS_MAX + 1));
    memset(k->records, 0x66, k->record_count * sizeof k->records[0]);
}

static void fill_tunnel(struct exchange *x, uint32_t id)
{
    memset(x, 0, sizeof *x);
    x->id = id;
    x->radius.tunnel_type = x->radius.nas_port_type = UINT32_MAX;
    x->radius.final_ns = -1;
    x->client.port = (uint16_t)id;
    (id % 3 == 0 ? fill_ike : fill_sstp)(x, id);
    x->eap.identity = exchange_put(x, span_of("outer", id % 6));
}

#define END_OF(type, last) (offsetof(type, last) + sizeof((type *)0)->last)

static void facts_of_tunnels_come_back(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    for (uint32_t id = 1; id <= 600; id++) {
        fill_tunnel(x, id);
        assert_true(spool_put(s, x, 0));
    }
    for (uint32_t id = 600; id >= 1; id--) {
        struct exchange *back = spool_get(s, id);
        assert_non_null(back);
        fill_tunnel(x, id);
        assert_memory_equal(back, x, offsetof(struct exchange, ladder));
        assert_memory_equal(back->text, x->text, x->text_used);
        assert_memory_equal(&back->inner, &x->inner, sizeof x->inner);
        if (exchange_is_ike(x))
            assert_memory_equal(&back->ike, &x->ike, END_OF(struct ike_facts, exchanges)); /* what pads the rest is nobody's */
        else
            assert_memory_equal(&back->sstp, &x->sstp, END_OF(struct sstp_facts, records));
        spool_release(s, back);
    }
    free(x);
    spool_free(s);
}

static void ids_that_never_closed_are_absent(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    put(s, x, 7, "a", "");
    put(s, x, 90000, "b", "");
    assert_false(spool_is_head(s, 6));
    assert_false(spool_is_head(s, 50000));
    assert_null(spool_get(s, 50000));
    assert_true(spool_is_head(s, 7));
    free(x);
    spool_free(s);
}

static void linked_exchanges_become_one_session(void **state)
{
    (void)state;
    struct spool *s = spool_new();
    struct exchange *x = malloc(sizeof *x);
    assert_non_null(s);
    assert_non_null(x);
    put(s, x, 2, "far hop", "");
    put(s, x, 1, "near hop", "");
    put(s, x, 3, "other", "");
    assert_true(spool_link(s, 2, 1));
    assert_false(spool_link(s, 2, 1)); /* once only */
    assert_false(spool_link(s, 3, 3)); /* never itself */
    assert_true(spool_is_head(s, 2));
    assert_false(spool_is_head(s, 1));
    struct session_build b;
    assert_true(session_read(s, 2, 1, &b));
    assert_int_equal(b.session.exchange_count, 2);
    assert_int_equal(b.session.exchanges[0]->id, 1); /* the one that began first is nearest to the client */
    session_release(&b);
    free(x);
    spool_free(s);
}

static void texts_that_do_not_fit_are_absent_not_cut(void **state)
{
    (void)state;
    struct exchange *x = calloc(1, sizeof *x);
    uint8_t long_text[EXCHANGE_TEXT_MAX] = {'a'};
    assert_non_null(x);
    struct text empty = exchange_put(x, span_of(NULL, 0));
    assert_true(text_present(empty));
    assert_int_equal(exchange_put(x, span_of(long_text, sizeof long_text - 1)).len, EXCHANGE_TEXT_MAX - 1);
    assert_false(text_present(exchange_put(x, span_of("b", 1))));
    assert_false(text_present((struct text){0, 0}));
    free(x);
}

static struct exchange *login(uint32_t id, uint8_t random, uint8_t server)
{
    struct exchange *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->id = id;
    x->client.address = address_ipv4((const uint8_t[]){10, 20, 0, 21});
    x->server.address = address_ipv4((const uint8_t[]){10, 20, 1, server});
    x->outcome = OUTCOME_ESTABLISHED;
    x->capture_count = 1;
    x->first.time_ns = (int64_t)id * 1000000;
    x->eap.tls.client_hello = random != 0;
    memset(x->eap.tls.random, random, 32);
    return x;
}

static void two_hops_share_the_client_random(void **state)
{
    (void)state;
    struct links *l = links_new(false);
    struct exchange *near = login(1, 0xaa, 11), *far = login(2, 0xaa, 12), *other = login(3, 0xbb, 12);
    assert_non_null(l);
    assert_int_equal(links_find(l, far), 0);
    assert_int_equal(links_find(l, near), 2);
    assert_int_equal(links_find(l, other), 0);
    free(near);
    free(far);
    free(other);
    links_free(l);
}

static void the_next_server_is_the_same_attempt_only_after_silence(void **state)
{
    (void)state;
    struct links *l = links_new(false);
    struct exchange *first = login(1, 0, 11), *second = login(2, 0, 12), *third = login(3, 0, 12);
    assert_non_null(l);
    first->eap_hash = second->eap_hash = 77;
    first->outcome = OUTCOME_UNANSWERED;
    assert_int_equal(links_find(l, second), 0);
    assert_int_equal(links_find(l, first), 2);
    third->eap_hash = 78;
    struct exchange *fourth = login(4, 0, 11);
    fourth->eap_hash = 78;
    assert_int_equal(links_find(l, third), 0);
    assert_int_equal(links_find(l, fourth), 0); /* both were answered: two attempts */
    free(first);
    free(second);
    free(third);
    free(fourth);
    links_free(l);
}

static void a_constant_authenticator_does_not_join_logins(void **state)
{
    (void)state;
    struct links *l = links_new(false);
    assert_non_null(l);
    for (uint32_t id = 1; id < 100; id++) {
        struct exchange *x = login(id, 0, 11);
        x->authenticator_hash = 5;
        assert_int_equal(links_find(l, x), 0);
        free(x);
    }
    links_free(l);
}

/* Puts `count`, then reads them all: the first ones are there and whole, the others absent and counted. */
static uint32_t fill_and_read(struct spool *s, uint32_t count)
{
    struct exchange *x = malloc(sizeof *x);
    uint32_t taken = 0, there = 0;
    assert_non_null(x);
    for (uint32_t id = 1; id <= count; id++) {
        memset(x, 0, sizeof *x);
        x->id = id;
        x->packets = id;
        x->ladder = id % 100 == 0 ? span_of("some ladder", 11) : span_of(NULL, 0);
        taken += spool_put(s, x, 0);
    }
    for (uint32_t id = 1; id <= count; id++) {
        struct exchange *back = spool_is_head(s, id) ? spool_get(s, id) : NULL;
        assert_int_equal(spool_is_head(s, id), back != NULL);
        if (back == NULL)
            continue;
        assert_int_equal(id, there + 1); /* no gap before it */
        assert_int_equal(back->packets, id);
        assert_int_equal(back->ladder.len, id % 100 == 0 ? 11 : 0);
        there++;
        spool_release(s, back);
    }
    assert_false(spool_failed(s));
    assert_int_equal(there + spool_dropped(s), count);
    assert_true(there <= taken);
    free(x);
    return there;
}

static void a_full_disk_keeps_what_was_written(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    uint32_t last = 0;
    for (rlim_t size = 30000; size < 600000; size += 91000) { /* within a block of writing, and at all places of a record */
        struct spool *s = spool_new();
        assert_non_null(s);
        small = before;
        small.rlim_cur = size;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        uint32_t there = fill_and_read(s, COUNT);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(there < COUNT && there >= last);
        last = there;
        spool_free(s);
    }
    assert_true(last > 100);
}

static void a_ceiling_keeps_what_was_written(void **state)
{
    (void)state;
    enum { COUNT = 20000, CEILING = 300000 };
    struct spool *s = spool_new();
    assert_non_null(s);
    spool_limit(s, CEILING);
    uint32_t there = fill_and_read(s, COUNT);
    assert_true(there > 100 && there < COUNT);
    spool_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_comes_back_in_any_order),
        cmocka_unit_test(without_a_view_it_comes_back_as_well),
        cmocka_unit_test(facts_inside_the_tunnel_come_back_and_stay_where_they_belong),
        cmocka_unit_test(what_differs_from_the_first_one_comes_back),
        cmocka_unit_test(facts_of_tunnels_come_back),
        cmocka_unit_test(ids_that_never_closed_are_absent),
        cmocka_unit_test(a_full_disk_keeps_what_was_written),
        cmocka_unit_test(a_ceiling_keeps_what_was_written),
        cmocka_unit_test(linked_exchanges_become_one_session),
        cmocka_unit_test(texts_that_do_not_fit_are_absent_not_cut),
        cmocka_unit_test(two_hops_share_the_client_random),
        cmocka_unit_test(the_next_server_is_the_same_attempt_only_after_silence),
        cmocka_unit_test(a_constant_authenticator_does_not_join_logins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
