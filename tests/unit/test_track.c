/* Live exchanges: more tunnels than sit unpacked at a time, each with its own facts in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/session/track_watch.h"

enum { TUNNELS = 3000, MESSAGES = 3 };

struct finished {
    uint32_t count;
    bool seen[TUNNELS + 1];
};

static struct place place_of(uint32_t tunnel, unsigned message)
{
    return (struct place){.frame = 1 + tunnel * MESSAGES + message, .time_ns = 1000 + (int64_t)message * TUNNELS + tunnel};
}

static void done(void *ctx, struct exchange *x, struct server *server)
{
    struct finished *f = ctx;
    assert_null(server);
    assert_in_range(x->id, 1, TUNNELS);
    assert_false(f->seen[x->id]);
    f->seen[x->id] = true;
    f->count++;
    assert_int_equal(x->type, CONVERSATION_IKE);
    assert_int_equal(x->packets, MESSAGES);
    assert_int_equal(x->ike.init_request_retransmissions, MESSAGES - 1);
    assert_int_equal(x->client.port, x->id);
    assert_int_equal(x->first.frame, place_of(x->id, 0).frame);
    assert_int_equal(x->last.frame, place_of(x->id, MESSAGES - 1).frame);
    assert_int_equal(x->ike.state.keepalives, x->id);
}

/* The same request again and again, of all tunnels in turn, so that each waits between two of its messages. */
static void every_tunnel_keeps_its_facts_while_it_waits(void **state)
{
    (void)state;
    static struct conversation conv[TUNNELS + 1];
    struct finished finished = {0};
    struct track *t = track_new(NULL, NULL, false, done, &finished);
    assert_non_null(t);
    for (unsigned m = 0; m < MESSAGES; m++)
        for (uint32_t i = 1; i <= TUNNELS; i++) {
            struct ike_message message = {.version = 0x20, .exchange = IKE_SA_INIT, .from_initiator = true};
            struct ike_event about = {.kind = m == 0 ? IKE_EVENT_MESSAGE : IKE_EVENT_RETRANSMISSION, .message = &message,
                                      .transmissions = m + 1};
            if (m == 0) {
                conv[i] = (struct conversation){.id = i, .type = CONVERSATION_IKE, .client.port = (uint16_t)i};
                track_event(t, &(struct event){.kind = EVENT_OPENED, .place = place_of(i, m), .conv = &conv[i]});
                assert_non_null(conv[i].user);
            }
            track_event(t, &(struct event){.kind = EVENT_IKE, .dir = TO_SERVER, .place = place_of(i, m), .conv = &conv[i],
                                           .u.ike = &about});
        }
    assert_true(track_peak_bytes(t) < TUNNELS * sizeof(struct live) / 2);
    for (uint32_t i = 1; i <= TUNNELS; i++) {
        struct ike_state at_end = {.keepalives = i};
        struct event closed = {.kind = EVENT_CLOSED, .place = place_of(i, MESSAGES - 1), .conv = &conv[i]};
        closed.u.closed.reason = CLOSE_IDLE;
        closed.u.closed.ike = &at_end;
        track_event(t, &closed);
        assert_null(conv[i].user);
    }
    assert_int_equal(finished.count, TUNNELS);
    track_free(t);
}

/* What still waits when all is given up is given back. */
static void what_waits_is_freed(void **state)
{
    (void)state;
    static struct conversation conv[TUNNELS + 1];
    struct track *t = track_new(NULL, NULL, false, done, NULL);
    assert_non_null(t);
    for (uint32_t i = 1; i <= TUNNELS; i++) {
        conv[i] = (struct conversation){.id = i, .type = CONVERSATION_IKE};
        track_event(t, &(struct event){.kind = EVENT_OPENED, .place = place_of(i, 0), .conv = &conv[i]});
    }
    track_free(t);
}

struct watched {
    unsigned began, going;
    uint8_t told;
    int64_t at_ns;
};

static void began(void *ctx, struct exchange *x)
{
    struct watched *w = ctx;
    w->began++;
    x->told = 1;
}

static void going(void *ctx, struct exchange *x)
{
    struct watched *w = ctx;
    w->going++;
    w->told = x->told;
    w->at_ns = x->capture_last_ns;
    assert_int_equal(x->ike.state.keepalives, 7);
    x->told |= 2;
}

static struct track *telling;
static int64_t telling_ns;

static void tell_state(struct conversation *conv)
{
    struct ike_state state = {.keepalives = 7};
    struct event e = {.kind = EVENT_STATE, .conv = conv, .now_ns = telling_ns};
    e.u.closed.reason = CLOSE_END;
    e.u.closed.ike = &state;
    track_event(telling, &e);
}

static void message_at(struct conversation *conv, int64_t now_ns)
{
    struct ike_message message = {.version = 0x20, .exchange = IKE_SA_INIT, .from_initiator = true};
    struct ike_event about = {.kind = IKE_EVENT_RETRANSMISSION, .message = &message, .transmissions = 2};
    telling_ns = now_ns;
    track_event(telling, &(struct event){.kind = EVENT_IKE, .place = {.frame = 9, .time_ns = now_ns}, .conv = conv, .u.ike = &about});
}

static void time_is(int64_t now_ns)
{
    telling_ns = now_ns;
    track_event(telling, &(struct event){.kind = EVENT_TIME, .now_ns = now_ns});
}

static void never_done(void *ctx, struct exchange *x, struct server *server)
{
    (void)ctx, (void)server;
    assert_int_equal(x->told, 3);
}

/* A moment after something happened, once; again when more happens; and no more when it is closed. */
static void who_watches_sees_it_while_it_lasts(void **state)
{
    (void)state;
    struct watched w = {0};
    struct conversation conv = {.id = 1, .type = CONVERSATION_IKE, .tell_state = tell_state};
    telling = track_new(NULL, NULL, false, never_done, NULL);
    assert_true(track_watch(telling, began, going, &w));
    track_event(telling, &(struct event){.kind = EVENT_OPENED, .place = {.frame = 1, .time_ns = 1000}, .conv = &conv});
    assert_int_equal(w.began, 1);
    message_at(&conv, 1000);
    time_is(1000 + WATCH_NS - 1);
    assert_int_equal(w.going, 0);
    time_is(1000 + WATCH_NS);
    assert_int_equal(w.going, 1);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.at_ns, 1000 + WATCH_NS);
    time_is(1000 + 100 * WATCH_NS); /* once more, as the watcher noted something */
    assert_int_equal(w.going, 2);
    assert_int_equal(w.told, 3);
    time_is(1000 + 150 * WATCH_NS);
    assert_int_equal(w.going, 2);
    message_at(&conv, 200 * WATCH_NS);
    message_at(&conv, 204 * WATCH_NS); /* late: it is looked at as it was before */
    assert_int_equal(w.going, 3);
    time_is(0); /* the clock was set back */
    assert_int_equal(w.going, 4);
    message_at(&conv, 300 * WATCH_NS);
    struct event closed = {.kind = EVENT_CLOSED, .conv = &conv, .now_ns = telling_ns};
    track_event(telling, &closed);
    time_is(400 * WATCH_NS);
    assert_int_equal(w.going, 4);
    track_free(telling);
}

/* None of them is lost when more tunnels come than sit unpacked, and nobody is looked at who has gone. */
static void who_is_parked_is_not_looked_at(void **state)
{
    (void)state;
    static struct conversation conv[TUNNELS + 1];
    struct watched w = {0};
    telling = track_new(NULL, NULL, false, never_done, NULL);
    assert_true(track_watch(telling, began, going, &w));
    for (uint32_t i = 1; i <= TUNNELS; i++) {
        conv[i] = (struct conversation){.id = i, .type = CONVERSATION_IKE, .tell_state = tell_state};
        track_event(telling, &(struct event){.kind = EVENT_OPENED, .place = place_of(i, 0), .conv = &conv[i]});
        message_at(&conv[i], 1000);
    }
    time_is(1000 + WATCH_NS);
    assert_in_range(w.going, 1000, 1024); /* that sit */
    assert_true(track_watch(telling, NULL, NULL, NULL));
    time_is(1000 + 2 * WATCH_NS);
    track_free(telling);
}

struct ended {
    unsigned count;
    uint8_t outcome;
};

static void ended(void *ctx, struct exchange *x, struct server *server)
{
    struct ended *e = ctx;
    (void)server;
    e->count++;
    e->outcome = x->outcome;
}

/* Of a login that the server answered so often, the next request, sent so often, has no answer in a capture that goes on. */
static uint8_t last_request(unsigned challenges, unsigned transmissions, bool icmp)
{
    static const struct endpoint client = {.port = 40000}, server = {.port = 1812};
    static const struct radius_packet asks = {.code = RADIUS_ACCESS_REQUEST}, challenges_it = {.code = RADIUS_ACCESS_CHALLENGE};
    const struct place none = {0};
    struct place place = {.frame = 1, .time_ns = 1000};
    struct conversation conv = {.id = 1, .type = CONVERSATION_RADIUS, .client = client, .server = server};
    struct radius_event about = {.client = &client, .server = &server, .source = &client, .request = &none, .request_last = &none,
                                 .transmissions = 1};
    struct ended e = {0};
    struct servers *servers = servers_new();
    struct track *t = track_new(NULL, servers, false, ended, &e);
    assert_true(servers != NULL && t != NULL);
    track_event(t, &(struct event){.kind = EVENT_OPENED, .place = place, .conv = &conv});
    for (unsigned i = 0; i <= 2 * challenges; i++, place.frame++, place.time_ns += 1000) {
        about.role = i % 2 == 0 ? RADIUS_NEW_REQUEST : RADIUS_RESPONSE;
        about.packet = i % 2 == 0 ? &asks : &challenges_it;
        about.code = about.packet->code;
        track_event(t, &(struct event){.kind = EVENT_RADIUS, .dir = i % 2 == 0 ? TO_SERVER : TO_CLIENT, .place = place,
                                       .conv = &conv, .u.radius = &about});
    }
    about = (struct radius_event){.role = RADIUS_UNANSWERED, .code = RADIUS_ACCESS_REQUEST, .transmissions = transmissions,
                                  .icmp_unreachable = icmp, .client = &client, .server = &server,
                                  .request = &place, .request_last = &place};
    track_event(t, &(struct event){.kind = EVENT_RADIUS, .dir = TO_SERVER, .place = place, .conv = &conv, .u.radius = &about});
    struct event closed = {.kind = EVENT_CLOSED, .place = place, .conv = &conv, .now_ns = INT64_C(200000000000)};
    closed.u.closed.reason = CLOSE_IDLE;
    track_event(t, &closed);
    assert_int_equal(e.count, 1);
    track_free(t);
    servers_free(servers);
    return e.outcome;
}

/* RFC 5080 section 2.2.1: who gets no answer repeats. Who did get answers and does not repeat had one that was not captured. */
static void answer_that_the_capture_lacks(void **state)
{
    (void)state;
    assert_int_equal(last_request(8, 1, false), OUTCOME_INCOMPLETE);
    assert_int_equal(last_request(8, 2, false), OUTCOME_UNANSWERED);
    assert_int_equal(last_request(8, 1, true), OUTCOME_UNANSWERED);
    assert_int_equal(last_request(0, 1, false), OUTCOME_UNANSWERED);
}

/* A port where nobody answers EAPOL-Start: how it ends, after so many of them, so far apart, in a capture that ends with the last. */
static uint8_t starts_alone(unsigned count, int64_t apart_ns)
{
    struct place place = {.frame = 1, .time_ns = 1000};
    struct conversation conv = {.id = 1, .type = CONVERSATION_EAPOL};
    const struct eapol_event start = {.kind = EAPOL_START};
    struct ended e = {0};
    struct servers *servers = servers_new();
    struct track *t = track_new(NULL, servers, false, ended, &e);
    track_event(t, &(struct event){.kind = EVENT_OPENED, .place = place, .conv = &conv});
    for (unsigned i = 0; i < count; i++, place.frame++, place.time_ns += apart_ns)
        track_event(t, &(struct event){.kind = EVENT_EAPOL, .dir = TO_SERVER, .place = place, .conv = &conv, .u.eapol = &start});
    place.time_ns -= apart_ns;
    struct event closed = {.kind = EVENT_CLOSED, .place = place, .conv = &conv, .now_ns = place.time_ns};
    closed.u.closed.reason = CLOSE_END;
    track_event(t, &closed);
    track_free(t);
    servers_free(servers);
    return e.outcome;
}

static void a_port_that_does_not_answer(void **state)
{
    (void)state;
    assert_int_equal(starts_alone(1, 0), OUTCOME_INCOMPLETE);
    assert_int_equal(starts_alone(2, INT64_C(1000000000)), OUTCOME_INCOMPLETE);
    assert_int_equal(starts_alone(2, INT64_C(30100000000)), OUTCOME_UNANSWERED);
    assert_int_equal(starts_alone(3, INT64_C(1000000000)), OUTCOME_UNANSWERED);
}

/* Feeds one event of a login to its server's facts. */
static void about_server(struct track *t, struct conversation *conv, enum radius_role role, struct radius_event about)
{
    static const struct radius_packet asks = {.code = RADIUS_ACCESS_REQUEST}, accepts = {.code = RADIUS_ACCESS_ACCEPT};
    struct place place = *about.request_last;
    about.role = role;
    about.client = &conv->client;
    about.server = about.source = &conv->server;
    about.packet = role == RADIUS_UNANSWERED ? NULL : role == RADIUS_RESPONSE ? &accepts : &asks;
    about.code = role == RADIUS_RESPONSE ? RADIUS_ACCESS_ACCEPT : RADIUS_ACCESS_REQUEST;
    track_event(t, &(struct event){.kind = EVENT_RADIUS, .place = place, .conv = conv, .u.radius = &about});
}

static void what_a_server_leaves_unanswered(void **state)
{
    (void)state;
    const struct endpoint client = {.port = 40000}, server = {.port = 1812};
    struct conversation conv = {.id = 1, .type = CONVERSATION_RADIUS, .client = client, .server = server};
    struct ended e = {0};
    struct servers *servers = servers_new();
    struct track *t = track_new(NULL, servers, false, ended, &e);
    struct place place = {.frame = 1, .time_ns = 1000};
    struct radius_event about = {.request = &place, .request_last = &place, .transmissions = 1};
    track_event(t, &(struct event){.kind = EVENT_OPENED, .place = place, .conv = &conv});
    about_server(t, &conv, RADIUS_NEW_REQUEST, about);
    struct server *s = servers_of(servers, &server);
    for (unsigned i = 0; i < 3; i++) {
        place.time_ns += 1000;
        assert_false(server_gone(s, place.time_ns));
        about_server(t, &conv, RADIUS_UNANSWERED, about);
    }
    assert_true(s->silent == 3 && s->silent_first == 3 && server_gone(s, place.time_ns));
    place.time_ns += 1000;
    about.elapsed_ns = INT64_C(301000000000); /* a clock that was set is no slow server */
    about_server(t, &conv, RADIUS_RESPONSE, about);
    assert_true(s->silent == 0 && s->silent_first == 0 && s->responses == 1 && s->slow == 0 && s->slowest_ns == 0);
    about.elapsed_ns = INT64_C(299000000000);
    about_server(t, &conv, RADIUS_RESPONSE, about);
    assert_true(s->responses == 2 && s->slow == 1 && s->slowest_ns == about.elapsed_ns);
    place.time_ns -= 1; /* what was asked before it answered others, or so late that the capture ended, says nothing */
    about_server(t, &conv, RADIUS_UNANSWERED, about);
    place.time_ns += 1000;
    about.capture_ended = true;
    about_server(t, &conv, RADIUS_UNANSWERED, about);
    assert_true(s->silent == 0);
    about.capture_ended = false;
    about_server(t, &conv, RADIUS_UNANSWERED, about);
    assert_true(s->silent == 1);
    const struct endpoint stranger = {.address = {.bytes = {1}}, .port = 40000};
    conv.client = stranger; /* a probe of somebody whom it never knew */
    about_server(t, &conv, RADIUS_UNANSWERED, about);
    assert_true(s->silent == 1);
    conv.client = client;
    about.state_unknown = true; /* it was answered, unseen */
    place.time_ns += 1000;
    about_server(t, &conv, RADIUS_NEW_REQUEST, about);
    about_server(t, &conv, RADIUS_UNANSWERED, about);
    assert_true(s->silent == 0 && s->state_unknown == 1 && s->continued_ns == place.time_ns);
    track_free(t);
    servers_free(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tunnel_keeps_its_facts_while_it_waits),
        cmocka_unit_test(what_waits_is_freed),
        cmocka_unit_test(who_watches_sees_it_while_it_lasts),
        cmocka_unit_test(who_is_parked_is_not_looked_at),
        cmocka_unit_test(answer_that_the_capture_lacks),
        cmocka_unit_test(a_port_that_does_not_answer),
        cmocka_unit_test(what_a_server_leaves_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
