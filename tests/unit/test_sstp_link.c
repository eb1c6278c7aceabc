/* Whole SSTP connections behind their HTTP heads: MS-SSTP 3.2 and 3.3, wire-facts 2.4 to 2.6. */
#include "link_by_hand.h"

#include "dissect/sstp/sstp_link.h"

#define SECOND INT64_C(1000000000)

struct seen {
    struct tls_context *tls;
    struct sstp_link *link;
    uint64_t frame;
    int64_t now;
    unsigned events[SSTP_EVENT_BROKEN + 1];
    unsigned ppp[PPP_EVENT_MALFORMED + 1];
    const char *reason;
};

static void on_event(void *ctx, const struct sstp_event *e)
{
    struct seen *s = ctx;
    s->events[e->kind]++;
    if (e->kind == SSTP_EVENT_PPP)
        s->ppp[e->u.ppp->kind]++;
    if (e->kind >= SSTP_EVENT_UNEXPECTED)
        s->reason = e->u.reason;
}

static int set_up(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    s->tls = tls_context_new(NULL, 1 << 18);
    s->link = sstp_link_new(s->tls, on_event, s);
    *state = s;
    return s->link != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct seen *s = *state;
    sstp_link_free(s->link);
    tls_context_free(s->tls);
    free(s);
    return 0;
}

static struct place here(struct seen *s)
{
    return (struct place){.frame = ++s->frame, .time_ns = s->now};
}

static void feed(struct seen *s, enum direction dir, const void *bytes, size_t len)
{
    struct place place = here(s);
    uint8_t *copy = exact_copy(bytes, len);
    sstp_link_feed(s->link, dir, span_of(copy, len), &place);
    free(copy);
}

static const uint8_t ack[48] = {0x10, 1, 0, 48, 0, 2, 0, 1, 0, 4, 0, 40, 0, 0, 0, 3, 0xaa, 0xbb};
static const uint8_t connected[112] = {0x10, 1, 0, 112, 0, 4, 0, 1, 0, 3, 0, 104, 0, 0, 0, 2, 0xaa, 0xbb};

static void acknowledged(struct seen *s)
{
    struct place place = here(s);
    sstp_link_answered(s->link, &place);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    feed(s, TO_CLIENT, ack, sizeof ack);
}

static void opened(struct seen *s)
{
    acknowledged(s);
    C(s, 0x10, 0, 0, 16, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 8, 1, 4, 0x0f, 0xfb);
    S(s, 0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    S(s, 0x10, 0, 0, 16, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 8, 1, 4, 0x0f, 0xfb);
    C(s, 0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    S(s, 0x10, 0, 0, 12, 0xff, 3, 0xc2, 0x23, 3, 1, 0, 4);
    feed(s, TO_SERVER, connected, sizeof connected);
}

static void a_healthy_connection_from_request_to_goodbye(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    opened(s);
    assert_int_equal(p->stage, SSTP_STAGE_CONNECTED);
    assert_int_equal(p->protocol, SSTP_PROTOCOL_PPP);
    assert_int_equal(p->hashes_accepted, SSTP_HASH_SHA1 | SSTP_HASH_SHA256);
    assert_true(p->has_nonce);
    assert_memory_equal(p->nonce, ack + 16, 32);
    assert_true(p->has_connected);
    assert_memory_equal(p->connected, connected, sizeof connected);
    S(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0); /* two in one record */
    C(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0);
    C(s, 0x10, 1, 0, 8, 0, 8, 0, 0);
    S(s, 0x10, 1, 0, 8, 0, 9, 0, 0);
    C(s, 0x10, 1, 0, 20, 0, 6, 0, 1, 0, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(p->stage, SSTP_STAGE_DISCONNECTING);
    S(s, 0x10, 1, 0, 8, 0, 7, 0, 0);
    assert_int_equal(p->stage, SSTP_STAGE_DISCONNECTED);
    assert_int_equal(p->ended_by, TO_SERVER);
    assert_int_equal(p->disconnect.count, 1);
    assert_int_equal(p->disconnect.info[0].status, SSTP_STATUS_NO_ERROR);
    assert_int_equal(p->count[SSTP_DATA], 8);
    assert_int_equal(p->count[SSTP_ECHO_REQUEST], 1);
    assert_int_equal(p->first[SSTP_CALL_CONNECT_ACK].frame, 3);
    assert_int_equal(s->events[SSTP_EVENT_CONTROL], 7);
    assert_int_equal(s->events[SSTP_EVENT_STAGE], 6);
    assert_int_equal(s->events[SSTP_EVENT_UNEXPECTED], 0);
    assert_int_equal(s->events[SSTP_EVENT_MALFORMED], 0);
    assert_int_equal(s->events[SSTP_EVENT_BROKEN], 0);
    assert_int_equal(s->ppp[PPP_EVENT_DATAGRAMS], 2);
    const struct ppp_state *ppp = ppp_link_state(sstp_link_ppp(s->link));
    assert_int_equal(ppp->lcp.outcome, PPP_OPENED);
    assert_int_equal(ppp->authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(ppp->datagrams[TO_CLIENT], 2);
    assert_false(p->midway);
    assert_int_equal(sstp_waits_for(p, 1000 * SECOND).timer, SSTP_TIMER_NONE);
}

static void a_bad_binding_is_an_abort_of_the_server(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    opened(s);
    S(s, 0x10, 1, 0, 0x14, 0, 5, 0, 1, 0, 2, 0, 0x0c, 0, 0, 0, 3, 0, 0, 0, 4);
    C(s, 0x10, 1, 0, 0x14, 0, 5, 0, 1, 0, 2, 0, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(p->stage, SSTP_STAGE_ABORTED);
    assert_int_equal(p->ended_by, TO_CLIENT);
    assert_int_equal(p->abort.count, 1);
    assert_int_equal(p->abort.info[0].attribute, SSTP_ATTRIB_CRYPTO_BINDING);
    assert_int_equal(p->abort.info[0].status, SSTP_STATUS_VALUE_NOT_SUPPORTED);
    assert_int_equal(p->count[SSTP_CALL_ABORT], 2);
    assert_int_equal(s->events[SSTP_EVENT_UNEXPECTED], 0);
}

static void a_refusal_and_another_request(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 2);
    assert_int_equal(p->protocol, 2);
    S(s, 0x10, 1, 0, 32, 0, 3, 0, 2, 0, 2, 0, 12, 0, 0, 0, 1, 0, 0, 0, 4, 0, 2, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1);
    assert_int_equal(p->stage, SSTP_STAGE_REFUSED);
    assert_int_equal(p->nak.count, 2);
    assert_int_equal(p->nak.info[0].attribute, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID);
    assert_int_equal(p->nak.info[0].status, SSTP_STATUS_VALUE_NOT_SUPPORTED);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    assert_int_equal(p->stage, SSTP_STAGE_REQUESTED);
    assert_int_equal(s->events[SSTP_EVENT_UNEXPECTED], 0);
    assert_false(p->retries_exceeded);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    assert_true(p->retries_exceeded);
}

static void each_step_has_its_timer(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    assert_int_equal(sstp_waits_for(p, 0).timer, SSTP_TIMER_NONE);
    struct place place = here(s);
    sstp_link_answered(s->link, &place);
    struct sstp_wait w = sstp_waits_for(p, 59 * SECOND);
    assert_int_equal(w.timer, SSTP_TIMER_CONNECT_REQUEST);
    assert_int_equal(w.waiting, TO_CLIENT);
    assert_false(w.expired);
    assert_true(sstp_waits_for(p, 60 * SECOND).expired);
    s->now = 10 * SECOND;
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    w = sstp_waits_for(p, 60 * SECOND);
    assert_int_equal(w.timer, SSTP_TIMER_CONNECT_ACK);
    assert_int_equal(w.waiting, TO_SERVER);
    assert_false(w.expired);
    feed(s, TO_CLIENT, ack, sizeof ack);
    w = sstp_waits_for(p, 71 * SECOND);
    assert_int_equal(w.timer, SSTP_TIMER_AUTHENTICATION);
    assert_true(w.expired);
    feed(s, TO_SERVER, connected, sizeof connected);
    assert_int_equal(sstp_waits_for(p, 1000 * SECOND).timer, SSTP_TIMER_NONE);
}

static void an_unanswered_echo(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    opened(s);
    s->now = 100 * SECOND;
    C(s, 0x10, 1, 0, 8, 0, 8, 0, 0);
    struct sstp_wait w = sstp_waits_for(p, 161 * SECOND);
    assert_int_equal(w.timer, SSTP_TIMER_ECHO);
    assert_int_equal(w.waiting, TO_SERVER);
    assert_true(w.expired);
    S(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0); /* any packet shows that the other side lives */
    assert_int_equal(sstp_waits_for(p, 1000 * SECOND).timer, SSTP_TIMER_NONE);
    C(s, 0x10, 1, 0, 8, 0, 8, 0, 0);
    struct place place = here(s);
    sstp_link_closed(s->link, TO_SERVER, &place);
    assert_true(p->echo_pending[TO_SERVER]);
    assert_true(p->closed[TO_SERVER]);
    assert_int_equal(sstp_waits_for(p, 1000 * SECOND).timer, SSTP_TIMER_NONE);
}

static void messages_against_the_state_machine(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    acknowledged(s);
    S(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);  /* from the server */
    feed(s, TO_SERVER, ack, sizeof ack);                   /* from the client */
    feed(s, TO_CLIENT, connected, sizeof connected);       /* from the server */
    C(s, 0x10, 1, 0, 8, 0, 8, 0, 0);                       /* an echo too early */
    C(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0);                 /* a datagram too early */
    C(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0);                 /* told once */
    assert_int_equal(p->unexpected, 5);
    assert_int_equal(p->stage, SSTP_STAGE_ACKNOWLEDGED);
    assert_false(p->has_connected);
}

/* A lost segment holds the client's octets back while the server's go on. */
static void directions_out_of_step_are_no_contradiction(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    struct place place = here(s);
    sstp_link_answered(s->link, &place);
    feed(s, TO_CLIENT, ack, sizeof ack);
    S(s, 0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    S(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0);
    S(s, 0x10, 1, 0, 8, 0, 7, 0, 0);
    assert_int_equal(p->stage, SSTP_STAGE_DISCONNECTED);
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1);
    feed(s, TO_SERVER, connected, sizeof connected);
    C(s, 0x10, 1, 0, 20, 0, 6, 0, 1, 0, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(p->stage, SSTP_STAGE_DISCONNECTED);
    assert_int_equal(p->ended_by, TO_SERVER);
    assert_int_equal(p->disconnect.count, 1);
    assert_int_equal(p->protocol, SSTP_PROTOCOL_PPP);
    assert_true(p->has_connected);
    assert_int_equal(p->unexpected, 0);
}

static void a_capture_that_begins_in_the_middle(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    C(s, 0x10, 0, 0, 8, 0x21, 0x45, 0, 0);
    S(s, 0x10, 1, 0, 8, 0, 8, 0, 0);
    assert_true(p->midway);
    assert_int_equal(p->stage, SSTP_STAGE_CONNECTED);
    assert_int_equal(p->unexpected, 0);
}

static void a_broken_direction_is_told_once(void **state)
{
    struct seen *s = *state;
    const struct sstp_state *p = sstp_link_state(s->link);
    acknowledged(s);
    S(s, 'H', 'T', 'T', 'P', '/', '1', '.', '1');
    S(s, 0x10, 1, 0, 8, 0, 9, 0, 0);
    assert_int_equal(s->events[SSTP_EVENT_BROKEN], 1);
    assert_non_null(p->broken[TO_CLIENT]);
    assert_null(p->broken[TO_SERVER]);
    assert_int_equal(sstp_waits_for(p, 1000 * SECOND).timer, SSTP_TIMER_NONE);
    struct place place = here(s);
    sstp_link_gap(s->link, TO_SERVER, 5, &place);
    assert_int_equal(s->events[SSTP_EVENT_BROKEN], 2);
}

static void malformed_packets_are_told_and_followed_as_far_as_they_go(void **state)
{
    struct seen *s = *state;
    C(s, 0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 9, 0, 1);
    assert_int_equal(s->events[SSTP_EVENT_MALFORMED], 1);
    assert_int_equal(sstp_link_state(s->link)->stage, SSTP_STAGE_REQUESTED);
    assert_int_equal(sstp_link_state(s->link)->protocol, 0);
}

static void feed_cut(struct seen *s, enum direction dir, const uint8_t *bytes, size_t len, size_t cut)
{
    for (size_t at = 0; at < len; at += cut)
        feed(s, dir, bytes + at, len - at < cut ? len - at : cut);
}

/* The same octets in any cut give the same facts. */
static void cuts_change_nothing(void **state)
{
    struct seen *whole = *state;
    opened(whole);
    static const uint8_t request[] = {0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1};
    static const uint8_t lcp[] = {0x10, 0, 0, 16, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 8, 1, 4, 0x0f, 0xfb};
    static const uint8_t server[] = {0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81,
                                     0x10, 0, 0, 16, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 8, 1, 4, 0x0f, 0xfb};
    static const uint8_t agreed[] = {0x10, 0, 0, 17, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81};
    static const uint8_t success[] = {0x10, 0, 0, 12, 0xff, 3, 0xc2, 0x23, 3, 1, 0, 4};
    for (size_t cut = 1; cut < 60; cut++) {
        void *other = NULL;
        assert_int_equal(set_up(&other), 0);
        struct seen *s = other;
        struct place place = here(s);
        sstp_link_answered(s->link, &place);
        feed_cut(s, TO_SERVER, request, sizeof request, cut);
        feed_cut(s, TO_CLIENT, ack, sizeof ack, cut);
        feed_cut(s, TO_SERVER, lcp, sizeof lcp, cut);
        feed_cut(s, TO_CLIENT, server, sizeof server, cut);
        feed_cut(s, TO_SERVER, agreed, sizeof agreed, cut);
        feed_cut(s, TO_CLIENT, success, sizeof success, cut);
        feed_cut(s, TO_SERVER, connected, sizeof connected, cut);
        assert_memory_equal(s->events, whole->events, sizeof s->events);
        assert_memory_equal(s->ppp, whole->ppp, sizeof s->ppp);
        assert_int_equal(sstp_link_state(s->link)->stage, SSTP_STAGE_CONNECTED);
        tear_down(&other);
    }
}

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINK_TEST(a_healthy_connection_from_request_to_goodbye),
        LINK_TEST(a_bad_binding_is_an_abort_of_the_server),
        LINK_TEST(a_refusal_and_another_request),
        LINK_TEST(each_step_has_its_timer),
        LINK_TEST(an_unanswered_echo),
        LINK_TEST(messages_against_the_state_machine),
        LINK_TEST(directions_out_of_step_are_no_contradiction),
        LINK_TEST(a_capture_that_begins_in_the_middle),
        LINK_TEST(a_broken_direction_is_told_once),
        LINK_TEST(malformed_packets_are_told_and_followed_as_far_as_they_go),
        LINK_TEST(cuts_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
