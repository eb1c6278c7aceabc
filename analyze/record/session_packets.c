#include "analyze/record/session_packets.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/record/packet_copy.h"
#include "analyze/record/ties.h"

/* What is held are numbers of frames, in flows and datagrams that may turn out to belong to the session. */
enum { HOLD_SHARE = 8, MARKS_SHARE = 2 };

struct search {
    struct hold *hold;
    struct packet_marks *marks;
    uint32_t wanted[SESSION_EXCHANGES_MAX]; /* ids of conversations */
    size_t count;
    struct key_lines *keys;
    size_t ended; /* of the wanted ones */
    bool failed;  /* memory was short */
};

static void want(void *ctx, const struct exchange *x)
{
    struct search *s = ctx;
    if (s->count < SESSION_EXCHANGES_MAX)
        s->wanted[s->count++] = x->id;
    if (x->type == CONVERSATION_SSTP && x->sstp.tls.client_hello)
        key_lines_want(s->keys, x->sstp.tls.random);
    if (x->eap.tls.client_hello)
        key_lines_want(s->keys, x->eap.tls.random);
    if (x->has_inner && x->inner.tls.client_hello)
        key_lines_want(s->keys, x->inner.tls.random);
}

static bool is_wanted(const struct search *s, uint32_t id)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->wanted[i] == id)
            return true;
    return false;
}

static bool mark(void *ctx, const struct frame *f)
{
    struct search *s = ctx;
    s->failed = !packet_marks_add(s->marks, f) || s->failed;
    return !s->failed;
}

/* What was held for a conversation that is wanted. */
static void mark_held(struct search *s, struct hold_key conversation)
{
    hold_each(s->hold, conversation, mark, s);
    hold_empty(s->hold, conversation);
}

static void on_frame(void *ctx, const struct frame *f, const struct frame_ties *ties)
{
    struct search *s = ctx;
    if (ties->conversation != 0 && !is_wanted(s, ties->conversation)) {
        ties_unwanted(s->hold, ties);
        return;
    }
    struct hold_key to = ties_strand(s->hold, ties);
    if (to.kind == HOLD_CONVERSATION)
        mark_held(s, to);
    if (f == NULL || to.kind == HOLD_NOTHING)
        return;
    if (to.kind == HOLD_CONVERSATION) {
        (void)mark(s, f);
        return;
    }
    const struct frame number = {.number = f->number, .time_ns = f->time_ns, .capture = f->capture};
    (void)hold_add(s->hold, to, &number, false);
    if (to.kind == HOLD_DATAGRAM)
        hold_ends(s->hold, to, &(struct hold_ends){ties->src, ties->dst, f->time_ns, ties->ip_proto});
}

static void on_event(void *ctx, const struct event *e)
{
    struct search *s = ctx;
    if (e->kind == EVENT_OPENED)
        ties_opened(s->hold, e);
    if (e->kind != EVENT_CLOSED)
        return;
    struct hold_key self = ties_conversation(e->conv->id);
    if (!is_wanted(s, e->conv->id)) {
        hold_drop(s->hold, self);
        return;
    }
    s->ended++;
    ties_rest(s->hold, e->conv->id);
    mark_held(s, self);
    hold_join_datagrams(s->hold, self);
    mark_held(s, self);
    hold_drop(s->hold, self);
}

static bool search(struct search *s, const struct options *o, struct analysis *a, uint32_t number,
                   char error[static SESSION_PACKETS_ERROR])
{
    const struct vantage_watch watch = {on_event, on_frame, s};
    if (!analysis_exchanges(a, number, want, s)) {
        snprintf(error, SESSION_PACKETS_ERROR, "the spooled sessions cannot be read back");
        return false;
    }
    if (run_again(o, &watch) == RUN_NOTHING || s->ended != s->count) {
        snprintf(error, SESSION_PACKETS_ERROR, "the captures cannot be read once more, or have changed");
        return false;
    }
    if (s->failed)
        snprintf(error, SESSION_PACKETS_ERROR, "the captures hold too many packets for --memory");
    return !s->failed;
}

bool session_packets_write(const struct options *o, struct analysis *a, uint32_t number, const char *path,
                           uint64_t *packets, char error[static SESSION_PACKETS_ERROR])
{
    uint64_t memory = o->memory_mib << 20;
    struct search s = {.hold = hold_new(memory / HOLD_SHARE), .marks = packet_marks_new(memory / MARKS_SHARE),
                       .keys = key_lines_new()};
    bool good = false;
    snprintf(error, SESSION_PACKETS_ERROR, "out of memory");
    if (s.hold != NULL && s.marks != NULL && s.keys != NULL && search(&s, o, a, number, error)) {
        struct packet_copy copy = {.marks = s.marks, .keys = s.keys, .filter = o->filter, .path = path};
        copy.captures = analysis_captures(a, &copy.capture_count);
        good = packet_copy_write(&copy, packets, error);
    }
    hold_free(s.hold);
    packet_marks_free(s.marks);
    key_lines_free(s.keys);
    return good;
}
