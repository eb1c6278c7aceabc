/* PPTP's control messages: cut from the stream, and what each changes of its call (RFC 2637 section 3). */
#include "dissect/pptp/pptp_state.h"

static enum direction back(enum direction dir)
{
    return dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

/* GRE that goes this way with this id. */
static struct ppp_call_key gre_key(const struct pptp_control *c, enum direction dir, uint16_t id)
{
    const struct endpoint *to = dir == TO_SERVER ? &c->server : &c->client, *from = dir == TO_SERVER ? &c->client : &c->server;
    return (struct ppp_call_key){{.address = to->address}, from->address, c->outer, 0, id};
}

static struct ppp_call_message told(const struct pptp_message *m)
{
    enum { GENERAL_ERROR = 2 };
    const char *name = pptp_message_name(m->type), *words = m->has_result ? pptp_result_words(m->type, m->result) : NULL;
    bool has_error = m->result == GENERAL_ERROR && m->type != PPTP_STOP_REQUEST;
    if (m->has_result && has_error && pptp_error_words(m->error) != NULL)
        words = pptp_error_words(m->error);
    return (struct ppp_call_message){.name = name != NULL ? name : "unknown message", .words = words, .type = m->type,
                                     .result = m->result, .error = m->error, .has_result = m->has_result};
}

static void keep_names(const struct pptp_control *c, struct ppp_call *call)
{
    memcpy(call->state.host, c->host, sizeof c->host);
    memcpy(call->state.vendor, c->vendor, sizeof c->vendor);
}

static struct ppp_call *open_call(struct pptp_control *c, enum direction dir, const struct place *place)
{
    c->call = ppp_call_open(c->layer->calls, &c->client, &c->server, false, dir, place);
    ppp_call_carried_by(c->call, control_carrier(c));
    keep_names(c, c->call);
    return c->call;
}

static void started(struct pptp_control *c, enum direction dir, const struct place *place)
{
    if (c->pending)
        return;
    open_call(c, dir, place);
    c->pending = true;
    ppp_call_reached(c->call, PPP_CALL_ASKED);
    ppp_call_asks(c->call, dir, false, place);
}

static void start_answered(struct pptp_control *c, enum direction dir, const struct pptp_message *m,
                           const struct ppp_call_message *about, const struct place *place)
{
    if (c->call == NULL || !c->pending)
        return;
    if (m->result != PPTP_RESULT_OK) {
        ppp_call_ended(c->call, PPP_CALL_REFUSED, dir, about, place);
        return;
    }
    ppp_call_reached(c->call, PPP_CALL_ANSWERED);
    ppp_call_answered(c->call);
}

static struct ppp_call *dialled(struct pptp_control *c, enum direction dir, const struct pptp_message *m,
                                const struct place *place)
{
    struct ppp_call *call = c->pending && c->call != NULL ? c->call : open_call(c, dir, place);
    struct ppp_call_key key = gre_key(c, back(dir), m->call);
    c->pending = false;
    ppp_call_set_key(call, back(dir), &key);
    ppp_call_reached(call, PPP_CALL_DIALLED);
    ppp_call_asks(call, dir, false, place);
    return call;
}

static void answered(struct pptp_control *c, struct ppp_call *call, enum direction dir, const struct pptp_message *m,
                     const struct ppp_call_message *about, const struct place *place)
{
    if (m->result != PPTP_RESULT_OK) {
        ppp_call_ended(call, PPP_CALL_REFUSED, dir, about, place);
        return;
    }
    struct ppp_call_key key = gre_key(c, back(dir), m->call);
    ppp_call_set_key(call, back(dir), &key);
    ppp_call_reached(call, PPP_CALL_CONNECTED);
    ppp_call_answered(call);
}

/* The reply to a call whose request was not captured. */
static struct ppp_call *answered_unasked(struct pptp_control *c, enum direction dir, const struct pptp_message *m)
{
    struct ppp_call_key key = gre_key(c, dir, m->peer);
    if (!c->pending || c->call == NULL || !m->has_peer)
        return NULL;
    c->pending = false;
    c->call->state.missing[back(dir)]++;
    ppp_call_set_key(c->call, dir, &key);
    ppp_call_reached(c->call, PPP_CALL_DIALLED);
    return c->call;
}

static enum ppp_call_end end_of(const struct ppp_call *call)
{
    return call->state.stage == PPP_CALL_CONNECTED || call->state.stage == PPP_CALL_DATA ? PPP_CALL_CLEARED : PPP_CALL_REFUSED;
}

struct stopping { enum direction dir; const struct ppp_call_message *about; const struct place *place; };
static void stop_each(void *ctx, struct ppp_call *call)
{
    const struct stopping *s = ctx;
    ppp_call_ended(call, end_of(call), s->dir, s->about, s->place);
}

/* Named by the id of the receiver or, where there is none, of the sender. */
static struct ppp_call *call_of(const struct pptp_control *c, enum direction dir, const struct pptp_message *m)
{
    if (!m->has_peer && !m->has_call)
        return NULL;
    struct ppp_call_key key = m->has_peer ? gre_key(c, dir, m->peer) : gre_key(c, back(dir), m->call);
    enum direction way;
    return ppp_calls_find(c->layer->calls, &key, &way);
}

static struct ppp_call *apply(struct pptp_control *c, enum direction dir, const struct pptp_message *m,
                              const struct ppp_call_message *about, const struct place *place)
{
    struct ppp_call *call = call_of(c, dir, m);
    switch (m->type) {
    case PPTP_START_REQUEST:
        started(c, dir, place);
        break;
    case PPTP_START_REPLY:
        start_answered(c, dir, m, about, place);
        break;
    case PPTP_OUTGOING_REQUEST:
    case PPTP_INCOMING_REQUEST:
        return dialled(c, dir, m, place);
    case PPTP_OUTGOING_REPLY:
    case PPTP_INCOMING_REPLY:
        call = call != NULL ? call : answered_unasked(c, dir, m);
        if (call != NULL)
            answered(c, call, dir, m, about, place);
        break;
    case PPTP_CALL_CLEAR:
    case PPTP_DISCONNECT:
        if (call != NULL)
            ppp_call_ended(call, end_of(call), dir, about, place);
        break;
    case PPTP_STOP_REQUEST:
        ppp_calls_of_carrier(c->layer->calls, control_carrier(c), stop_each, &(struct stopping){dir, about, place});
        break;
    default:
        break;
    }
    return call != NULL ? call : c->call;
}

static void on_message(struct pptp_control *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct pptp_message m;
    pptp_message_read(bytes, &m);
    c->layer->malformed += m.malformed;
    struct ppp_call_message about = told(&m);
    struct ppp_call *call = m.malformed ? c->call : apply(c, dir, &m, &about, place);
    ppp_call_put_name(&c->host[dir], m.host);
    ppp_call_put_name(&c->vendor[dir], m.vendor);
    if (call == NULL)
        return;
    if (m.type == PPTP_START_REQUEST || m.type == PPTP_START_REPLY)
        keep_names(c, call);
    call->state.malformed += m.malformed;
    ppp_call_tell(call, dir, &about, place);
}

/* Whatever is no message up to the next octet that may begin one is stepped over: a gap, or no PPTP. */
static void resynchronize(struct pptp_control *c, enum direction dir)
{
    uint8_t *at = c->message[dir];
    size_t skipped = 1;
    c->layer->malformed++;
    while (skipped < c->filled[dir] && at[skipped] != 0) /* lengths are below 256 */
        skipped++;
    c->filled[dir] = (uint16_t)(c->filled[dir] - skipped);
    memmove(at, at + skipped, c->filled[dir]);
}

/* How many octets more are wanted; 0: a message is whole. */
static size_t wanted(struct pptp_control *c, enum direction dir)
{
    while (c->filled[dir] >= PPTP_HEADER) {
        size_t length = pptp_message_length(span_of(c->message[dir], c->filled[dir]));
        if (length != 0)
            return length > c->filled[dir] ? length - c->filled[dir] : 0;
        resynchronize(c, dir);
    }
    return PPTP_HEADER - (size_t)c->filled[dir];
}

void pptp_control_bytes(struct pptp_control *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct cursor at = cursor_of(bytes);
    size_t n;
    while ((n = wanted(c, dir)) == 0 || at.len > 0) {
        if (n == 0) {
            on_message(c, dir, span_of(c->message[dir], pptp_message_length(span_of(c->message[dir], c->filled[dir]))), place);
            c->filled[dir] = 0;
            continue;
        }
        n = n < at.len ? n : at.len;
        if (!take_bytes(&at, n, c->message[dir] + c->filled[dir]))
            return;
        c->filled[dir] = (uint16_t)(c->filled[dir] + n);
    }
}

void pptp_control_gap(struct pptp_control *c, enum direction dir)
{
    c->filled[dir] = 0;
    if (c->call != NULL)
        c->call->state.missing[dir]++;
}

void pptp_control_hung_up(struct pptp_control *c, enum direction by, const struct place *place)
{
    if (c->call == NULL)
        return;
    bool up = end_of(c->call) == PPP_CALL_CLEARED;
    ppp_call_ended(c->call, up ? PPP_CALL_CLEARED : PPP_CALL_HUNG_UP, by, NULL, place);
}
