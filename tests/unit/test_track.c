/* Live exchanges: more tunnels than sit unpacked at a time, each with its own facts in the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analyze/session/track.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tunnel_keeps_its_facts_while_it_waits),
        cmocka_unit_test(what_waits_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
