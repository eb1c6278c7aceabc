/* One SSTP connection: what each packet changes, and what is told about it. */
#include "dissect/sstp/sstp_link.h"

#include <stdlib.h>

#define SECONDS INT64_C(1000000000)
enum { CONNECT_REQUESTS_MAX = 3 };

struct sstp_link {
    struct sstp_event event; /* its place is that of the octets that are being fed */
    struct sstp_state state;
    struct sstp_framing framing[2];
    struct tls_context *tls;
    sstp_event_fn *on_event;
    void *ctx;
    struct ppp_link *ppp;            /* made with the first data packet */
    uint16_t said[2];                /* bits of the messages this side sent, but for the one being looked at */
    bool early_data, early_datagram; /* told of */
};

struct sstp_link *sstp_link_new(struct tls_context *tls, sstp_event_fn *on_event, void *ctx)
{
    struct sstp_link *link = calloc(1, sizeof *link);
    if (link != NULL) {
        link->tls = tls;
        link->on_event = on_event;
        link->ctx = ctx;
    }
    return link;
}

void sstp_link_free(struct sstp_link *link)
{
    if (link == NULL)
        return;
    sstp_framing_free(&link->framing[0]);
    sstp_framing_free(&link->framing[1]);
    ppp_link_free(link->ppp);
    free(link);
}

size_t sstp_link_bytes(const struct sstp_link *link)
{
    enum { PPP_LINK = 3 * 1024 /* with EAP in it */ };
    if (link == NULL)
        return 0;
    size_t waiting = (link->framing[0].buffer != NULL ? SSTP_PACKET_MAX : 0u) + (link->framing[1].buffer != NULL ? SSTP_PACKET_MAX : 0u);
    return sizeof *link + waiting + (link->ppp != NULL ? PPP_LINK : 0);
}

const struct sstp_state *sstp_link_state(const struct sstp_link *link)
{
    return &link->state;
}

const struct ppp_link *sstp_link_ppp(const struct sstp_link *link)
{
    return link->ppp;
}

/* The member of link->event's union that the kind names is set. */
static void emit(struct sstp_link *link, enum sstp_event_kind kind, enum direction dir)
{
    link->event.kind = kind;
    link->event.dir = dir;
    link->on_event(link->ctx, &link->event);
}

static void emit_reason(struct sstp_link *link, enum sstp_event_kind kind, enum direction dir, const char *reason)
{
    link->event.u.reason = reason;
    emit(link, kind, dir);
}

static void unexpected(struct sstp_link *link, enum direction dir, const char *reason)
{
    if (link->state.midway || link->framing[dir].lost > 0)
        return;
    link->state.unexpected++;
    emit_reason(link, SSTP_EVENT_UNEXPECTED, dir, reason);
}

static void enter(struct sstp_link *link, enum direction dir, enum sstp_stage stage)
{
    link->state.stage = (uint8_t)stage;
    link->state.since = link->event.place;
    link->event.u.state = &link->state;
    emit(link, SSTP_EVENT_STAGE, dir);
}

static enum direction other(enum direction dir)
{
    return dir == TO_CLIENT ? TO_SERVER : TO_CLIENT;
}

static bool over(const struct sstp_state *s)
{
    return s->stage >= SSTP_STAGE_ABORTED;
}

/* This side sent such a message before the one being looked at. */
static bool said(const struct sstp_link *link, enum direction dir, enum sstp_message message)
{
    return (link->said[dir] >> message & 1u) != 0;
}

static void keep_refusal(struct sstp_refusal *r, const struct sstp_packet *p)
{
    memset(r, 0, sizeof *r);
    for (unsigned i = 0; i < p->attributes_read && r->count < SSTP_STATUSES_MAX; i++) {
        const struct sstp_attribute *a = &p->attributes[i];
        if (a->id == SSTP_ATTRIB_STATUS_INFO && !a->malformed) {
            r->info[r->count].attribute = a->status_attribute;
            r->info[r->count++].status = a->status;
        }
    }
}

/*
 * The two directions may be fed out of step with each other: one of them waits for a lost segment while the other goes
 * on. So only what contradicts the roles or the order within one direction is against the state machine; what the other
 * side must have said before is taken for said.
 */
static void connect_request(struct sstp_link *link, enum direction dir, const struct sstp_packet *p)
{
    struct sstp_state *s = &link->state;
    const struct sstp_attribute *a = sstp_attribute_of(p, SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID);
    if (dir != TO_SERVER) {
        unexpected(link, dir, "a CALL_CONNECT_REQUEST from the server");
        return;
    }
    if (said(link, dir, SSTP_CALL_CONNECTED))
        unexpected(link, dir, "a CALL_CONNECT_REQUEST after CALL_CONNECTED");
    s->protocol = a != NULL ? a->protocol : 0;
    s->retries_exceeded = s->count[SSTP_CALL_CONNECT_REQUEST] > CONNECT_REQUESTS_MAX;
    if (s->stage <= SSTP_STAGE_REFUSED)
        enter(link, dir, SSTP_STAGE_REQUESTED);
}

static void connect_ack(struct sstp_link *link, enum direction dir, const struct sstp_packet *p)
{
    struct sstp_state *s = &link->state;
    const struct sstp_attribute *a = sstp_attribute_of(p, SSTP_ATTRIB_CRYPTO_BINDING_REQ);
    if (dir != TO_CLIENT) {
        unexpected(link, dir, "a CALL_CONNECT_ACK from the client");
        return;
    }
    if (said(link, dir, SSTP_CALL_CONNECT_ACK))
        unexpected(link, dir, "a second CALL_CONNECT_ACK");
    if (a != NULL && a->nonce.len == sizeof s->nonce) {
        s->hashes_accepted = a->hash;
        memcpy(s->nonce, a->nonce.data, sizeof s->nonce);
        s->has_nonce = true;
    }
    if (s->stage < SSTP_STAGE_ACKNOWLEDGED)
        enter(link, dir, SSTP_STAGE_ACKNOWLEDGED);
}

static void connect_nak(struct sstp_link *link, enum direction dir, const struct sstp_packet *p)
{
    if (dir != TO_CLIENT || said(link, dir, SSTP_CALL_CONNECT_ACK)) {
        unexpected(link, dir,
                   dir != TO_CLIENT ? "a CALL_CONNECT_NAK from the client"
                                    : "a CALL_CONNECT_NAK after CALL_CONNECT_ACK");
        return;
    }
    keep_refusal(&link->state.nak, p);
    if (link->state.stage <= SSTP_STAGE_REFUSED)
        enter(link, dir, SSTP_STAGE_REFUSED);
}

static void connected(struct sstp_link *link, enum direction dir, struct span bytes)
{
    struct sstp_state *s = &link->state;
    if (dir != TO_SERVER) {
        unexpected(link, dir, "a CALL_CONNECTED from the server");
        return;
    }
    if (said(link, dir, SSTP_CALL_CONNECTED))
        unexpected(link, dir, "a second CALL_CONNECTED");
    else if (!said(link, dir, SSTP_CALL_CONNECT_REQUEST))
        unexpected(link, dir, "a CALL_CONNECTED without CALL_CONNECT_REQUEST");
    if (bytes.len == sizeof s->connected) {
        memcpy(s->connected, bytes.data, sizeof s->connected);
        s->has_connected = true;
    }
    if (s->stage <= SSTP_STAGE_ACKNOWLEDGED)
        enter(link, dir, SSTP_STAGE_CONNECTED);
}

static void aborted(struct sstp_link *link, enum direction dir, const struct sstp_packet *p)
{
    struct sstp_state *s = &link->state;
    if (s->stage == SSTP_STAGE_ABORTED) /* the other side's farewell to the first one */
        return;
    keep_refusal(&s->abort, p);
    s->ended_by = (uint8_t)dir;
    enter(link, dir, SSTP_STAGE_ABORTED);
}

static void disconnected(struct sstp_link *link, enum direction dir, const struct sstp_packet *p)
{
    struct sstp_state *s = &link->state;
    if (s->count[SSTP_CALL_DISCONNECT] == 1)
        keep_refusal(&s->disconnect, p);
    if (over(s))
        return;
    s->ended_by = (uint8_t)dir;
    enter(link, dir, SSTP_STAGE_DISCONNECTING);
}

static void disconnect_acknowledged(struct sstp_link *link, enum direction dir)
{
    struct sstp_state *s = &link->state;
    if (s->stage == SSTP_STAGE_ABORTED || (s->stage == SSTP_STAGE_DISCONNECTING && s->ended_by == (uint8_t)dir))
        return;
    s->ended_by = (uint8_t)other(dir);
    if (s->stage != SSTP_STAGE_DISCONNECTED)
        enter(link, dir, SSTP_STAGE_DISCONNECTED);
}

static void echo(struct sstp_link *link, enum direction dir, bool request)
{
    struct sstp_state *s = &link->state;
    if (dir == TO_SERVER && !said(link, dir, SSTP_CALL_CONNECTED))
        unexpected(link, dir, "an echo before CALL_CONNECTED");
    if (request && !s->echo_pending[dir]) {
        s->echo_pending[dir] = true;
        s->echo_sent[dir] = link->event.place;
    }
}

/* A capture that begins in the middle shows first what cannot be first. */
static void first_packet(struct sstp_link *link, const struct sstp_packet *p, bool datagram)
{
    struct sstp_state *s = &link->state;
    if (p->message == SSTP_CALL_CONNECT_REQUEST || s->stage != SSTP_STAGE_NONE)
        return;
    s->midway = true;
    if (p->message == SSTP_ECHO_REQUEST || p->message == SSTP_ECHO_RESPONSE || datagram)
        s->stage = SSTP_STAGE_CONNECTED;
    else if (!p->control)
        s->stage = SSTP_STAGE_ACKNOWLEDGED;
    s->since = link->event.place;
}

static void count(struct sstp_link *link, const struct sstp_packet *p)
{
    struct sstp_state *s = &link->state;
    if (p->message >= SSTP_MESSAGES)
        return;
    if (s->count[p->message]++ == 0)
        s->first[p->message] = link->event.place;
}

static void control(struct sstp_link *link, enum direction dir, const struct sstp_packet *p, struct span bytes)
{
    link->event.u.packet = p;
    emit(link, SSTP_EVENT_CONTROL, dir);
    switch (p->message) {
    case SSTP_CALL_CONNECT_REQUEST:
        connect_request(link, dir, p);
        break;
    case SSTP_CALL_CONNECT_ACK:
        connect_ack(link, dir, p);
        break;
    case SSTP_CALL_CONNECT_NAK:
        connect_nak(link, dir, p);
        break;
    case SSTP_CALL_CONNECTED:
        connected(link, dir, bytes);
        break;
    case SSTP_CALL_ABORT:
        aborted(link, dir, p);
        break;
    case SSTP_CALL_DISCONNECT:
        disconnected(link, dir, p);
        break;
    case SSTP_CALL_DISCONNECT_ACK:
        disconnect_acknowledged(link, dir);
        break;
    case SSTP_ECHO_REQUEST:
    case SSTP_ECHO_RESPONSE:
        echo(link, dir, p->message == SSTP_ECHO_REQUEST);
        break;
    default:
        break;
    }
}

static void on_ppp(void *ctx, const struct ppp_event *e)
{
    struct sstp_link *link = ctx;
    link->event.u.ppp = e;
    emit(link, SSTP_EVENT_PPP, e->dir);
}

/* MS-SSTP 3.3.5.2.3: before CALL_CONNECTED only PPP's control protocols pass. */
static void data(struct sstp_link *link, enum direction dir, const struct sstp_packet *p, bool datagram)
{
    if (dir == TO_CLIENT && !said(link, dir, SSTP_CALL_CONNECT_ACK) && !link->early_data) {
        link->early_data = true;
        unexpected(link, dir, "data before CALL_CONNECT_ACK");
    } else if (dir == TO_SERVER && datagram && !said(link, dir, SSTP_CALL_CONNECTED) && !link->early_datagram) {
        link->early_datagram = true;
        unexpected(link, dir, "a user's datagram before CALL_CONNECTED");
    }
    if (link->ppp == NULL)
        link->ppp = ppp_link_new(link->tls, on_ppp, link);
    if (link->ppp != NULL)
        ppp_link_feed(link->ppp, dir, p->payload, false, &link->event.place);
}

struct feeding {
    struct sstp_link *link;
    enum direction dir;
};

static void on_packet(void *ctx, struct span bytes, uint16_t length)
{
    const struct feeding *f = ctx;
    struct sstp_link *link = f->link;
    struct sstp_packet p;
    if (!sstp_parse(bytes, &p)) /* never: the framing looked at the header */
        return;
    bool datagram = !p.control;
    if (datagram) {
        struct ppp_frame frame;
        datagram = ppp_frame_parse(p.payload, &frame) && ppp_is_datagram(frame.protocol);
    }
    if (p.malformed && bytes.len == length) {
        link->state.malformed++;
        emit_reason(link, SSTP_EVENT_MALFORMED, f->dir, p.reason);
    }
    if (link->state.last[0].frame == 0 && link->state.last[1].frame == 0)
        first_packet(link, &p, datagram);
    link->state.last[f->dir] = link->event.place;
    link->state.echo_pending[other(f->dir)] = false;
    count(link, &p);
    if (p.control)
        control(link, f->dir, &p, bytes);
    else
        data(link, f->dir, &p, datagram);
    if (p.message < SSTP_MESSAGES)
        link->said[f->dir] |= (uint16_t)(1u << p.message);
}

static void broke(struct sstp_link *link, enum direction dir)
{
    if (link->state.broken[dir] != NULL)
        return;
    link->state.broken[dir] = link->framing[dir].broken;
    emit_reason(link, SSTP_EVENT_BROKEN, dir, link->framing[dir].broken);
}

void sstp_link_answered(struct sstp_link *link, const struct place *place)
{
    link->event.place = *place;
    if (link->state.stage == SSTP_STAGE_NONE)
        enter(link, TO_CLIENT, SSTP_STAGE_ANSWERED);
}

void sstp_link_feed(struct sstp_link *link, enum direction dir, struct span bytes, const struct place *place)
{
    struct feeding f = {link, dir};
    struct sstp_framing *framing = &link->framing[dir];
    link->event.place = *place;
    if (!sstp_framing_feed(framing, bytes, on_packet, &f))
        broke(link, dir);
    if (link->state.stage == SSTP_STAGE_CONNECTED && framing->have == 0 && framing->skip > 0)
        sstp_framing_free(framing); /* datagrams flow: a tunnel that lives for days needs no buffer */
}

void sstp_link_gap(struct sstp_link *link, enum direction dir, uint64_t n, const struct place *place)
{
    link->event.place = *place;
    if (!sstp_framing_gap(&link->framing[dir], n))
        broke(link, dir);
}

void sstp_link_closed(struct sstp_link *link, enum direction dir, const struct place *place)
{
    if (link->state.closed[dir])
        return;
    link->state.closed[dir] = true;
    link->state.closed_at[dir] = *place;
}

static struct sstp_wait waiting(enum sstp_timer timer, enum direction who, const struct place *since, int64_t limit,
                                int64_t now)
{
    return (struct sstp_wait){
        .timer = timer, .waiting = who, .since = *since, .limit_ns = limit, .expired = now - since->time_ns >= limit};
}

struct sstp_wait sstp_waits_for(const struct sstp_state *s, int64_t now)
{
    enum { NEGOTIATION = 60, HELLO = 60, ABORT = 3, DISCONNECT = 5 };
    enum direction by = (enum direction)s->ended_by;
    struct sstp_wait none = {.timer = SSTP_TIMER_NONE};
    if (s->closed[0] || s->closed[1] || s->broken[0] != NULL || s->broken[1] != NULL)
        return none;
    switch ((enum sstp_stage)s->stage) {
    case SSTP_STAGE_ANSWERED:
    case SSTP_STAGE_REFUSED:
        return waiting(SSTP_TIMER_CONNECT_REQUEST, TO_CLIENT, &s->since, NEGOTIATION * SECONDS, now);
    case SSTP_STAGE_REQUESTED:
        return waiting(SSTP_TIMER_CONNECT_ACK, TO_SERVER, &s->since, NEGOTIATION * SECONDS, now);
    case SSTP_STAGE_ACKNOWLEDGED:
        return waiting(SSTP_TIMER_AUTHENTICATION, TO_CLIENT, &s->since, NEGOTIATION * SECONDS, now);
    case SSTP_STAGE_CONNECTED:
        if (s->echo_pending[TO_SERVER])
            return waiting(SSTP_TIMER_ECHO, TO_SERVER, &s->echo_sent[TO_SERVER], HELLO * SECONDS, now);
        if (s->echo_pending[TO_CLIENT])
            return waiting(SSTP_TIMER_ECHO, TO_CLIENT, &s->echo_sent[TO_CLIENT], HELLO * SECONDS, now);
        return none;
    case SSTP_STAGE_ABORTED:
        return waiting(SSTP_TIMER_ABORT, by, &s->since, ABORT * SECONDS, now);
    case SSTP_STAGE_DISCONNECTING:
        return waiting(SSTP_TIMER_DISCONNECT, by, &s->since, DISCONNECT * SECONDS, now);
    case SSTP_STAGE_NONE:
    case SSTP_STAGE_DISCONNECTED:
        return none;
    }
    return none;
}
