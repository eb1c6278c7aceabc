/* Control messages of L2TPv2: what each changes of its tunnel and its call (RFC 2661 sections 5 and 6). */
#include "dissect/l2tp/l2tp_state.h"

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"

#define REQUEST_AGAIN_NS (60 * INT64_C(1000000000)) /* how long the same SCCRQ is a retransmission: section 5.8 gives up before */

static enum direction back(enum direction dir)
{
    return dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

/* Packets that the sender of this one will get with these ids. */
static struct ppp_call_key key_to_sender(const struct packet *p, uint16_t tunnel, uint16_t session)
{
    return (struct ppp_call_key){p->src, p->dst.address, p->tunnel, tunnel, session};
}

static struct ppp_call_message message_of(const struct l2tp_arrival *in)
{
    const struct l2tp_control *m = &in->m;
    const char *name = l2tp_message_name(m->type), *words = m->has_result ? l2tp_result_words(m->type, m->result) : NULL;
    enum { GENERAL_ERROR = 2 };
    if (m->has_result && m->result == GENERAL_ERROR && l2tp_error_words(m->error) != NULL)
        words = l2tp_error_words(m->error);
    return (struct ppp_call_message){.name = name != NULL ? name : "unknown message", .words = words, .text = m->message,
                                     .type = m->type, .result = m->result, .error = m->error, .has_result = m->has_result,
                                     .repeated = in->repeated};
}

static void keep_names(const struct l2tp_tunnel *t, struct ppp_call *call)
{
    memcpy(call->state.host, t->host, sizeof t->host);
    memcpy(call->state.vendor, t->vendor, sizeof t->vendor);
}

/* The conversation of a call that is being made: that of the tunnel, when it has none yet. */
static struct ppp_call *new_call(struct l2tp_layer *l, struct l2tp_tunnel *t, const struct l2tp_arrival *in)
{
    if (!t->pending || t->call == NULL) {
        t->call = ppp_call_open(l->calls, &t->client, &t->server, false, in->dir, &in->place);
        ppp_call_carried_by(t->call, tunnel_carrier(l, t));
        keep_names(t, t->call);
    }
    t->pending = false;
    return t->call;
}

/* SCCRQ: who sends it is the client. The same octets once more are a retransmission. */
static struct l2tp_tunnel *requested(struct l2tp_layer *l, struct l2tp_arrival *in)
{
    const struct packet *p = in->p;
    uint64_t hash = hash_bytes(p->payload.data, p->payload.len, 0);
    struct ppp_call_key key = key_to_sender(p, in->m.tunnel, 0);
    struct l2tp_tunnel *t = tunnel_find(l, &key, &in->dir);
    in->dir = TO_SERVER;
    if (t != NULL && t->request_hash == hash && elapsed_ns(l->active_ns, t->request_ns) < REQUEST_AGAIN_NS) {
        in->repeated = true;
        return t;
    }
    if (t != NULL && t->call != NULL && t->pending)
        ppp_call_close(t->call, t->stopped ? CLOSE_FINAL : CLOSE_REPLACED); /* drops the tunnel, too */
    else if (t != NULL)
        tunnel_drop(l, t);
    struct ppp_call *call = ppp_call_open(l->calls, &p->src, &p->dst, false, TO_SERVER, &in->place);
    t = tunnel_add(l);
    t->client = p->src;
    t->server = p->dst;
    t->request_hash = hash;
    t->request_ns = l->active_ns;
    t->call = call;
    t->pending = true;
    ppp_call_carried_by(call, tunnel_carrier(l, t));
    call->state.tunnel[TO_CLIENT] = in->m.tunnel;
    tunnel_set_key(l, t, TO_CLIENT, &key);
    return t;
}

/* SCCRP: the server may answer from another port, and has chosen its id. */
static void granted(struct l2tp_layer *l, struct l2tp_tunnel *t, const struct l2tp_arrival *in)
{
    if (in->dir != TO_CLIENT || in->m.tunnel == 0)
        return;
    struct ppp_call_key key = key_to_sender(in->p, in->m.tunnel, 0);
    t->server = in->p->src;
    tunnel_set_key(l, t, TO_SERVER, &key);
    if (t->call == NULL || !t->pending)
        return;
    t->call->conv.server = in->p->src;
    t->call->state.tunnel[TO_SERVER] = in->m.tunnel;
    ppp_call_reached(t->call, PPP_CALL_ANSWERED);
    ppp_call_answered(t->call);
}

/* The call of a message: named by the receiver's id, in CDN perhaps by the sender's only. */
static struct ppp_call *call_of(struct l2tp_layer *l, const struct l2tp_tunnel *t, const struct l2tp_arrival *in)
{
    const struct packet *p = in->p;
    struct ppp_call_key key = {p->dst, p->src.address, p->tunnel, in->h.tunnel, in->h.session};
    enum direction dir;
    struct ppp_call *call = in->h.session != 0 ? ppp_calls_find(l->calls, &key, &dir) : NULL;
    if (call != NULL || in->m.session == 0 || t == NULL)
        return call;
    key = key_to_sender(p, t->key[back(in->dir)].tunnel, in->m.session);
    return ppp_calls_find(l->calls, &key, &dir);
}

static struct ppp_call *dialled(struct l2tp_layer *l, struct l2tp_tunnel *t, const struct l2tp_arrival *in)
{
    struct ppp_call_key key = key_to_sender(in->p, t->key[back(in->dir)].tunnel, in->m.session);
    if (t->hash[back(in->dir)] == 0 || in->m.session == 0)
        return t->call;
    struct ppp_call *call = new_call(l, t, in);
    ppp_call_set_key(call, back(in->dir), &key);
    call->state.tunnel[in->dir] = t->key[in->dir].tunnel;
    ppp_call_reached(call, PPP_CALL_DIALLED);
    ppp_call_asks(call, in->dir, false, &in->place);
    return call;
}

static void connected(const struct l2tp_tunnel *t, struct ppp_call *call, const struct l2tp_arrival *in)
{
    struct ppp_call_key key = key_to_sender(in->p, t->key[back(in->dir)].tunnel, in->m.session);
    if (in->m.session == 0 || t->hash[back(in->dir)] == 0)
        return;
    ppp_call_set_key(call, back(in->dir), &key);
    ppp_call_reached(call, PPP_CALL_CONNECTED);
    ppp_call_answered(call);
}

static void end(struct ppp_call *call, const struct l2tp_arrival *in, const struct ppp_call_message *m)
{
    bool up = call->state.stage == PPP_CALL_CONNECTED || call->state.stage == PPP_CALL_DATA;
    ppp_call_ended(call, up ? PPP_CALL_CLEARED : PPP_CALL_REFUSED, in->dir, m, &in->place);
}

struct stopping { const struct l2tp_arrival *in; const struct ppp_call_message *m; };
static void stop_each(void *ctx, struct ppp_call *call)
{
    const struct stopping *s = ctx;
    end(call, s->in, s->m);
}

/* The first time that a message is seen. Returns the call that it is about, NULL: none. */
static struct ppp_call *apply(struct l2tp_layer *l, struct l2tp_tunnel *t, const struct l2tp_arrival *in,
                              const struct ppp_call_message *m)
{
    struct ppp_call *call = call_of(l, t, in);
    switch (in->m.type) {
    case L2TP_SCCRQ:
        if (in->h.tunnel != 0) /* it asks for a tunnel inside of one */
            break;
        ppp_call_reached(t->call, PPP_CALL_ASKED);
        ppp_call_asks(t->call, TO_SERVER, false, &in->place);
        break;
    case L2TP_SCCRP:
        granted(l, t, in);
        break;
    case L2TP_ICRQ:
    case L2TP_OCRQ:
        return dialled(l, t, in);
    case L2TP_ICRP:
    case L2TP_OCRP:
        if (call != NULL)
            connected(t, call, in);
        break;
    case L2TP_CDN:
        if (call != NULL)
            end(call, in, m);
        break;
    case L2TP_STOPCCN:
        t->stopped = true;
        ppp_calls_of_carrier(l->calls, tunnel_carrier(l, t), stop_each, &(struct stopping){in, m});
        break;
    default:
        break;
    }
    return call != NULL ? call : t->call;
}

/* Section 5.8: a number that came before. Bare acknowledgements use none up. */
static bool came_before(struct l2tp_tunnel *t, const struct l2tp_arrival *in)
{
    enum { HALF = 0x8000 };
    uint16_t ahead = (uint16_t)(in->h.ns - t->next_ns[in->dir]);
    if (in->m.type == L2TP_ZLB)
        return false;
    if (t->counted[in->dir] && ahead >= HALF)
        return true;
    t->counted[in->dir] = true;
    t->next_ns[in->dir] = (uint16_t)(in->h.ns + 1);
    return false;
}

static void of_tunnel(struct l2tp_layer *l, struct l2tp_tunnel *t, struct l2tp_arrival *in)
{
    tunnel_touch(l, t);
    in->repeated = came_before(t, in) || in->repeated;
    struct ppp_call_message m = message_of(in);
    enum direction by = in->dir;
    if (in->m.type == L2TP_SCCRQ || in->m.type == L2TP_SCCRP) {
        ppp_call_put_name(&t->host[by], in->m.host);
        ppp_call_put_name(&t->vendor[by], in->m.vendor);
        if (t->call != NULL)
            keep_names(t, t->call);
    }
    struct ppp_call *call = NULL;
    if (!in->repeated) {
        call = apply(l, t, in, &m);
    } else {
        call = call_of(l, t, in);
        call = call != NULL ? call : t->call;
        if (call != NULL && (in->m.type == L2TP_SCCRQ || in->m.type == L2TP_ICRQ || in->m.type == L2TP_OCRQ))
            ppp_call_asks(call, in->dir, true, &in->place);
    }
    if (call == NULL)
        return;
    call->state.hidden += in->m.hidden;
    call->state.malformed += in->m.malformed;
    ppp_call_tell(call, in->dir, &m, &in->place);
}

/* Control messages of a tunnel that began before the capture: of them the end of a call that is known by its frames. */
static void of_unknown_tunnel(struct l2tp_layer *l, struct l2tp_arrival *in)
{
    struct ppp_call_key key = {in->p->dst, in->p->src.address, in->p->tunnel, in->h.tunnel, in->h.session};
    struct ppp_call *call = in->h.session != 0 ? ppp_calls_find(l->calls, &key, &in->dir) : NULL;
    if (call == NULL)
        return;
    struct ppp_call_message m = message_of(in);
    if (in->m.type == L2TP_CDN)
        end(call, in, &m);
    ppp_call_tell(call, in->dir, &m, &in->place);
}

void l2tp_control_packet(struct l2tp_layer *l, struct l2tp_arrival *in)
{
    const struct packet *p = in->p;
    l2tp_control_read(in->h.payload, in->h.payload.len < in->h.payload_wire_len, &in->m);
    l->malformed += in->m.malformed;
    if (in->m.type == L2TP_SCCRQ && in->h.tunnel == 0) {
        if (in->m.tunnel != 0)
            of_tunnel(l, requested(l, in), in);
        return;
    }
    struct ppp_call_key key = {p->dst, p->src.address, p->tunnel, in->h.tunnel, 0};
    struct l2tp_tunnel *t = tunnel_find(l, &key, &in->dir);
    if (t != NULL)
        of_tunnel(l, t, in);
    else
        of_unknown_tunnel(l, in);
}
