/* Connections: taken in, followed by their headers, told of, closed. */
#include <stddef.h>
#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/large.h"
#include "capture/wire/rarely.h"
#include "dissect/sstp/sstp_steady.h"

/* Half-open ones and ended ones are kept few: those of a storm take each other's place, near the processor. */
enum { HTTPS = 443, ROOM_LEAST = 64, WAITING_SHARE = 3, HALF_OPEN_MAX = 4096, ENDED_MAX = 512 };
#define SECOND INT64_C(1000000000)
#define IDLE_NS (600 * SECOND)   /* an idle tunnel sends an echo each 60 s (MS-SSTP 3.1.2) */
#define NOT_OURS UINT32_MAX      /* in a flow's word */

static void take_counts(struct connection *c, const struct tcp_stream *s)
{
    for (unsigned side = 0; side < SIDES; side++) {
        struct tcp_stream_counts counts;
        tcp_stream_get_counts(c->layer->streams, s, (enum tcp_side)side, &counts);
        c->lost_bytes += counts.lost_bytes;
        c->cut_bytes += counts.cut_bytes;
        c->missing_bytes[side] += counts.missing_bytes;
    }
}

static void on_stream(void *ctx, const struct tcp_stream_event *e)
{
    struct connection *c = e->user;
    enum direction dir = (enum direction)e->side;
    (void)ctx;
    switch (e->kind) {
    case TCP_STREAM_BYTES:
        carry_bytes(c, dir, e->bytes, &e->place);
        break;
    case TCP_STREAM_GAP:
        if (e->gap == TCP_GAP_MISSING && c->missing_at[dir].frame == 0)
            c->missing_at[dir] = e->place;
        carry_gap(c, dir, e->length, &e->place);
        break;
    case TCP_STREAM_END:
        carry_end(c, dir, &e->place);
        break;
    case TCP_STREAM_CLOSED:
        take_counts(c, e->stream);
        c->stream = NONE;
        break;
    default:
        break;
    }
}

struct sstp_layer *sstp_layer_new(const struct sstp_layer_options *options)
{
    struct sstp_layer *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    /* Of the memory two thirds are for connections with their streams, one is for what carries TLS and SSTP. */
    size_t each = sizeof *l->connections + sizeof *l->hot + 560;
    uint64_t room = options->memory_bytes / 3 * 2 / each;
    l->room = room < ROOM_LEAST ? ROOM_LEAST : room > 1u << 20 ? 1u << 20 : (uint32_t)room;
    l->carried_bytes_max = options->memory_bytes / 3 + 16 * sizeof(struct carried);
    l->secrets = options->secrets;
    l->secret_count = secrets_tls_counter(options->secrets);
    l->tls = options->tls;
    l->sink = options->sink;
    l->lone_listed = options->lone_listed != 0 ? options->lone_listed : SSTP_LONE_LISTED;
    l->connections = calloc((size_t)l->room + 1, sizeof *l->connections);
    l->hot = zeroed_new(((size_t)l->room + 1) * sizeof *l->hot, &l->hot_memory);
    uint64_t slots = options->memory_bytes / 8 / sizeof *l->held;
    l->held_slots = slots < HELD_SLOTS_LEAST ? HELD_SLOTS_LEAST : slots > HELD_SLOTS_MOST ? HELD_SLOTS_MOST : (uint32_t)slots;
    l->held = calloc(l->held_slots, sizeof *l->held);
    l->streams = tcp_stream_table_new(&(struct tcp_stream_table_options){
        .connections = l->room, .waiting_bytes = options->memory_bytes / WAITING_SHARE, .uncompared = true, .event = on_stream, .ctx = l});
    bool knocks = knocks_init(l, options->memory_bytes);
    if (knocks && l->connections != NULL && l->hot != NULL && l->held != NULL && l->streams != NULL)
        return l;
    sstp_layer_free(l);
    return NULL;
}

static void list_remove(struct sstp_layer *l, struct connection *c)
{
    uint32_t *oldest = &l->lists[c->list].oldest, *newest = &l->lists[c->list].newest;
    *(c->older == NONE ? oldest : &l->connections[c->older].newer) = c->newer;
    *(c->newer == NONE ? newest : &l->connections[c->newer].older) = c->older;
    l->lists[c->list].count--;
}

static void list_append(struct sstp_layer *l, struct connection *c, enum list list)
{
    uint32_t *oldest = &l->lists[list].oldest, *newest = &l->lists[list].newest;
    c->list = (uint8_t)list;
    c->queued_ns = l->now_ns;
    c->older = *newest;
    c->newer = NONE;
    *(*newest == NONE ? oldest : &l->connections[*newest].newer) = c->slot;
    *newest = c->slot;
    l->lists[list].count++;
}

static void tell_state(struct conversation *conv);

void connection_open(struct connection *c)
{
    struct sstp_layer *l = c->layer;
    if (c->opened)
        return;
    c->opened = true;
    c->pub.tell_state = tell_state;
    c->pub.id = ++*l->sink.next_conversation;
    const struct tcp_sent *first = &c->tcp.sent[0], *other = &c->tcp.sent[1];
    if (first->packets == 0 || (other->packets > 0 && other->first.frame < first->first.frame))
        first = other;
    c->pub.begun_before = !c->tcp.sent[TCP_CLIENT].syn.seen && !c->tcp.sent[TCP_SERVER].syn.seen;
    event_emit(&l->sink, &(struct event){.kind = EVENT_OPENED, .place = first->packets > 0 ? first->first : l->place,
                                         .dir = first == &c->tcp.sent[TCP_CLIENT] ? TO_SERVER : TO_CLIENT, .conv = &c->pub});
}

void connection_tell(struct connection *c, enum direction dir, const struct place *place, const struct sstp_told_event *told)
{
    event_emit(&c->layer->sink,
               &(struct event){.kind = EVENT_SSTP, .dir = dir, .place = *place, .conv = &c->pub, .u.sstp = told});
}

static struct tcp_stream *stream_of(const struct connection *c)
{
    return tcp_stream_of(c->layer->streams, c->stream, c->layer->hot[c->slot].owner);
}

/* What waits in its stream is told before; its slot is free then. */
static void stream_close(struct connection *c)
{
    struct tcp_stream *s = stream_of(c);
    if (s == NULL)
        return;
    tcp_stream_close(c->layer->streams, s);
    c->stream = NONE;
}

bool sstp_on_service_port(const struct sstp_layer *l, uint16_t port)
{
    for (unsigned i = 0; i < l->port_count; i++)
        if (l->ports[i] == port)
            return true;
    return port == HTTPS;
}

/* An attempt that the server never sent an octet for: worth a word where SSTP may be meant, and there are not too many. */
static void tell_lone(struct connection *c, enum close_reason reason)
{
    struct sstp_layer *l = c->layer;
    if (c->opened || c->given_up || (!sstp_on_service_port(l, c->service_port) && held_of(l, c) == NULL) ||
        tcp_connection_outcome(&c->tcp) == TCP_OUTCOME_NOTHING)
        return;
    if (l->lone_told == l->lone_listed || reason == CLOSE_EVICTED) {
        l->counters.unlisted++;
        return;
    }
    if (c->held_serial != 0 && !c->answered) {
        c->answered = true;
        carry_held(c);
    }
    if (c->given_up)
        return;
    l->lone_told++;
    connection_open(c);
}

/* What of its octets is not there, up to now. */
static void add_waiting(const struct connection *c, struct sstp_connection_state *state)
{
    const struct tcp_stream *s = tcp_stream_of(c->layer->streams, c->stream, c->layer->hot[c->slot].owner);
    for (unsigned side = 0; s != NULL && side < SIDES; side++) {
        struct tcp_stream_counts counts;
        tcp_stream_get_counts(c->layer->streams, s, (enum tcp_side)side, &counts);
        state->lost_bytes += counts.lost_bytes;
        state->cut_bytes += counts.cut_bytes;
        state->missing_bytes[side] += counts.missing_bytes;
    }
}

static void tell_how_it_stands(struct connection *c, enum event_kind kind, enum close_reason reason)
{
    struct sstp_layer *l = c->layer;
    const struct hot *h = &l->hot[c->slot];
    const struct carried *k = c->carried;
    struct eap_state eap;
    const struct ppp_link *ppp = k != NULL && k->link != NULL ? sstp_link_ppp(k->link) : NULL;
    struct sstp_connection_state state = {
        .tcp = &c->tcp,
        .link = k != NULL && k->link != NULL ? sstp_link_state(k->link) : NULL,
        .ppp = ppp != NULL ? ppp_link_state(ppp) : NULL,
        .carrier = carry_carrier(c),
        .records = k != NULL ? k->records : NULL,
        .record_count = k != NULL ? k->record_count : 0,
        .lost_bytes = c->lost_bytes,
        .cut_bytes = c->cut_bytes,
        .flooded = c->flooded,
    };
    for (unsigned side = 0; side < SIDES; side++) {
        state.packets[side] = h->packets[side];
        state.bytes[side] = h->bytes[side];
        state.records_seen[side] = k != NULL ? k->records_seen[side] : 0;
        state.missing_bytes[side] = c->missing_bytes[side];
        state.missing_at[side] = c->missing_at[side];
        const struct place *looked_at = &c->tcp.sent[side].last; /* a connection goes on in the next file of a rotated capture */
        state.last[side] = (struct place){.frame = h->frame[side], .time_ns = h->time_ns[side],
                                          .capture = looked_at->frame != 0 ? looked_at->capture : c->capture};
    }
    add_waiting(c, &state);
    bool has_eap = ppp != NULL && ppp_link_eap_state(ppp, &eap);
    event_emit(&l->sink, &(struct event){.kind = kind, .place = l->place, .conv = &c->pub,
                                         .u.closed = {.reason = reason, .eap = has_eap ? &eap : NULL, .sstp = &state},
                                         .now_ns = l->now_ns});
}

/* pub is the first member of a connection. */
static void tell_state(struct conversation *conv)
{
    struct connection *c = (struct connection *)(void *)conv;
    steady_end(c);
    tell_how_it_stands(c, EVENT_STATE, c->list == LIST_ENDED ? CLOSE_FINAL : CLOSE_END);
}

static void connection_close(struct connection *c, enum close_reason reason)
{
    struct sstp_layer *l = c->layer;
    steady_end(c);
    stream_close(c);
    if (l->hot[c->slot].frame[TCP_SERVER] == 0 || c->tcp.sent[TCP_SERVER].data_packets == 0)
        tell_lone(c, reason);
    if (c->opened)
        tell_how_it_stands(c, EVENT_CLOSED, reason);
    carry_free(c);
    held_forget(l, c);
    list_remove(l, c);
    l->hot[c->slot].owner = 0;
    c->newer = l->free;
    l->free = c->slot;
}

static bool close_oldest(struct sstp_layer *l, enum list list)
{
    if (l->lists[list].oldest == NONE)
        return false;
    l->counters.evicted += list != LIST_ENDED;
    connection_close(&l->connections[l->lists[list].oldest], list == LIST_ENDED ? CLOSE_FINAL : CLOSE_EVICTED);
    return true;
}

static int64_t last_heard(const struct connection *c)
{
    const struct hot *h = &c->layer->hot[c->slot];
    return h->time_ns[0] > h->time_ns[1] ? h->time_ns[0] : h->time_ns[1];
}

static void to_the_end(struct connection *c)
{
    enum list list = c->list;
    list_remove(c->layer, c);
    list_append(c->layer, c, list);
}

/* Brings who was silent longest of the few at the front of the list of live ones to its front. */
static void look_for_stale(struct sstp_layer *l)
{
    enum { LOOKED_AT = 8 };
    for (int i = 0; i < LOOKED_AT && l->lists[LIST_LIVE].oldest != NONE; i++) {
        struct connection *victim = &l->connections[l->lists[LIST_LIVE].oldest];
        int64_t last = last_heard(victim);
        if (!victim->opened || elapsed_ns(l->now_ns, last) >= IDLE_NS || last <= victim->queued_ns)
            break;
        to_the_end(victim);
    }
}

/* Who is nearest to its end: ended ones, half-open ones, then who was silent for long. */
static RARELY_CALLED void make_room(struct sstp_layer *l)
{
    if (close_oldest(l, LIST_ENDED) || close_oldest(l, LIST_HALF_OPEN))
        return;
    look_for_stale(l);
    (void)close_oldest(l, LIST_LIVE);
}

/* What is carried takes too much memory: others give up theirs. */
static RARELY_CALLED void spare_memory(struct connection *c)
{
    struct sstp_layer *l = c->layer;
    static const enum list lists[] = {LIST_ENDED, LIST_LIVE};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        while (l->carried_bytes > l->carried_bytes_max && l->lists[lists[i]].count > (c->list == lists[i] ? 1 : 0)) {
            if (lists[i] == LIST_LIVE)
                look_for_stale(l);
            if (l->lists[lists[i]].oldest == c->slot)
                to_the_end(c);
            (void)close_oldest(l, lists[i]);
        }
}

/* The client is who sent the SYN; else who does not own a service's port; else who has the higher one. */
static bool sender_is_client(const struct packet *p)
{
    bool certain, client = tcp_sent_by_client(p, &certain);
    if (certain || (p->src.port == HTTPS) == (p->dst.port == HTTPS))
        return client;
    return p->dst.port == HTTPS;
}

static struct connection *connection_begin(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    if (l->lists[LIST_HALF_OPEN].count >= HALF_OPEN_MAX)
        (void)close_oldest(l, LIST_HALF_OPEN);
    if (l->free == NONE && l->made == l->room)
        make_room(l);
    uint32_t slot = l->free;
    if (slot != NONE)
        l->free = l->connections[slot].newer;
    else
        slot = ++l->made;
    bool by_client = sender_is_client(p);
    struct connection *c = &l->connections[slot];
    memset(&c->pub, 0, sizeof c->pub);
    memset((uint8_t *)c + offsetof(struct connection, carried), 0,
           offsetof(struct connection, tcp) - offsetof(struct connection, carried));
    c->slot = slot;
    c->layer = l;
    c->capture = p->frame->capture;
    c->pub.type = CONVERSATION_SSTP;
    c->pub.client = by_client ? p->src : p->dst;
    c->pub.server = by_client ? p->dst : p->src;
    c->pub.flow = f->id;
    c->service_port = c->pub.server.port;
    c->began_ns = p->frame->time_ns;
    tcp_connection_begin(&c->tcp);
    l->hot[slot] = (struct hot){.owner = f->id, .client_is_low = by_client == from_low};
    list_append(l, c, LIST_HALF_OPEN);
    f->ike = slot;
    l->counters.connections++;
    return c;
}

/* The stream is made with the first octets; what the SYNs said about its beginning is told to it then. */
static struct tcp_stream *stream_for(struct connection *c, const struct packet *p)
{
    struct sstp_layer *l = c->layer;
    struct tcp_stream *s = stream_of(c);
    if (s != NULL || p->payload_wire_len == 0)
        return s;
    c->stream = tcp_stream_open(l->streams, l->hot[c->slot].owner, c);
    s = stream_of(c);
    for (unsigned side = 0; s != NULL && side < SIDES; side++) {
        const struct tcp_sent *sent = &c->tcp.sent[side];
        if (sent->syn.seen)
            tcp_stream_segment(l->streams, s, &(struct tcp_segment){.seq = sent->syn.isn, .flags = TCP_SYN, .side = (uint8_t)side,
                                                                    .place = sent->first_syn});
    }
    return s;
}

static RARELY_CALLED void tell_end(struct connection *c, enum tcp_side side, const struct place *place)
{
    if (c->finished[side])
        return;
    c->finished[side] = true;
    if (c->opened)
        connection_tell(c, (enum direction)side, place, &(struct sstp_told_event){.kind = SSTP_TOLD_CLOSING, .u.tcp = &c->tcp});
}

/* What is over stays for a while: late segments are its own. Who was there longest goes when there are many. */
static void end(struct connection *c)
{
    struct sstp_layer *l = c->layer;
    if (c->list == LIST_ENDED)
        return;
    list_remove(l, c);
    list_append(l, c, LIST_ENDED);
    if (l->lists[LIST_ENDED].count > ENDED_MAX)
        (void)close_oldest(l, LIST_ENDED);
}

static void becomes_live(struct connection *c)
{
    list_remove(c->layer, c);
    list_append(c->layer, c, LIST_LIVE);
}

static void passivate(struct connection *c)
{
    steady_end(c);
    stream_close(c);
    tcp_connection_left_out(&c->tcp);
    c->layer->hot[c->slot].passive = true;
    carry_passive(c);
}

/* What the flow is, is known by now, or that it is not ours. */
static inline void settle(struct connection *c, struct flow *f)
{
    if (c->given_up) {
        c->layer->counters.others++;
        connection_close(c, CLOSE_FINAL);
        f->ike = NOT_OURS;
    } else if (c->carried != NULL && c->carried->link != NULL) {
        f->class = FLOW_SSTP;
    }
}

/* A reset stands behind all that its side sent: what was not seen of it by then, the capture lost. */
static RARELY_CALLED void lost_before_reset(struct connection *c, const struct packet *p, enum tcp_side side)
{
    enum { BELIEVED = 1 << 20 };
    const struct tcp_sent *sent = &c->tcp.sent[side];
    uint32_t missing = p->tcp_seq - sent->reached;
    if (sent->fin.frame != 0 && missing > 0)
        missing--; /* FIN takes a number */
    if (sent->reached_known && sent->resets == 1 && missing < BELIEVED)
        c->lost_bytes += missing;
}

/* A tunnel's beginning is mostly this: a segment that is simply the next, and bare or one record that nobody can read. */
static bool take_record(struct connection *c, const struct packet *p, enum tcp_side side)
{
    struct sstp_layer *l = c->layer;
    struct tcp_stream *s = stream_of(c);
    uint32_t length = 0;
    if ((p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0 || c->list != LIST_LIVE || s == NULL ||
        l->carried_bytes > l->carried_bytes_max || p->payload.len != p->payload_wire_len ||
        !tcp_stream_is_next(s, side, p->tcp_seq, (p->tcp_flags & TCP_ACK) != 0, p->tcp_ack))
        return false;
    if (p->payload.len > 0 && (length = carry_is_closed_record(c, (enum direction)side, p->payload)) == 0)
        return false;
    tcp_connection_packet(&c->tcp, p, side);
    tcp_stream_take_next(l->streams, s, side, p->payload_wire_len);
    if (length == 0)
        return true;
    carry_closed_record(c, (enum direction)side, length, &l->place);
    if (carry_is_done(c))
        passivate(c);
    else
        steady_begin(c, p);
    return true;
}

static void take(struct connection *c, const struct packet *p, enum tcp_side side)
{
    struct sstp_layer *l = c->layer;
    struct hot *h = &l->hot[c->slot];
    if (l->carried_bytes > l->carried_bytes_max)
        spare_memory(c);
    tcp_connection_packet(&c->tcp, p, side);
    if (c->list == LIST_HALF_OPEN && side == TCP_SERVER && p->payload_wire_len > 0)
        becomes_live(c);
    if (!h->passive) {
        struct tcp_stream *s = stream_for(c, p);
        struct tcp_segment g = tcp_segment_of(p, side);
        if ((g.flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK))
            g = (struct tcp_segment){.seq = g.seq, .ack = g.ack, .flags = TCP_ACK, .side = g.side, .place = g.place}; /* what it had heard */
        if (s != NULL)
            tcp_stream_segment(l->streams, s, &g);
        if (carry_is_done(c))
            passivate(c);
    }
    if ((p->tcp_flags & (TCP_FIN | TCP_RST)) == 0)
        return;
    if ((p->tcp_flags & TCP_RST) != 0 && !c->opened && c->tcp.sent[TCP_SERVER].data_packets == 0 && l->lone_told < l->lone_listed)
        tell_lone(c, CLOSE_FINAL); /* it is refused, and nothing else will be known of it */
    tell_end(c, side, &l->place);
    if ((p->tcp_flags & TCP_RST) != 0) {
        lost_before_reset(c, p, side);
        carry_end(c, (enum direction)side, &l->place);
    }
    if ((p->tcp_flags & TCP_RST) != 0 || (c->finished[0] && c->finished[1]))
        end(c);
}

static inline void count(struct hot *h, const struct packet *p, enum tcp_side side)
{
    h->packets[side]++;
    h->bytes[side] += p->payload_wire_len;
    h->frame[side] = p->frame->number;
    h->time_ns[side] = p->frame->time_ns;
}

RARELY_CALLED void sstp_layer_begin(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    if ((p->tcp_flags & TCP_RST) != 0 && (p->tcp_flags & TCP_SYN) == 0)
        return; /* the end of something unseen */
    struct connection *c = connection_begin(l, p, f, from_low);
    enum tcp_side side = from_low == l->hot[c->slot].client_is_low ? TCP_CLIENT : TCP_SERVER;
    frame_place_into(&l->place, p->frame);
    count(&l->hot[c->slot], p, side);
    take(c, p, side);
    settle(c, f);
}

static RARELY_CALLED void begin_anew(struct connection *c, const struct packet *p, struct flow *f, bool from_low)
{
    struct sstp_layer *l = c->layer;
    frame_place_into(&l->place, p->frame);
    connection_close(c, CLOSE_REPLACED);
    f->ike = NONE;
    knock_begins(l, p, f, from_low);
}

static inline bool is_ours(const struct sstp_layer *l, const struct flow *f)
{
    return f->ike - 1 < l->made && l->hot[f->ike].owner == f->id;
}

RARELY_CALLED void sstp_layer_follow(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    if (f->ike == NOT_OURS && (p->tcp_flags & TCP_SYN) == 0)
        return;
    if (is_knock(f)) {
        knock_takes(l, p, f, from_low);
        return;
    }
    if (!is_ours(l, f)) {
        knock_begins(l, p, f, from_low);
        return;
    }
    struct hot *h = &l->hot[f->ike];
    enum tcp_side side = from_low == h->client_is_low ? TCP_CLIENT : TCP_SERVER;
    if (h->passive && (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0) {
        count(h, p, side);
        return;
    }
    struct connection *c = &l->connections[f->ike];
    steady_end(c);
    if ((p->tcp_flags & TCP_SYN) != 0 && tcp_connection_is_over(&c->tcp, p, side)) {
        begin_anew(c, p, f, from_low);
        return;
    }
    count(h, p, side);
    frame_place_into(&l->place, p->frame);
    if (!take_record(c, p, side))
        take(c, p, side);
    settle(c, f);
}

/* A record of a connection that expects such; the segment is counted. */
static RARELY_CALLED void take_steady(struct connection *c, uint32_t length, enum tcp_side side, struct flow *f)
{
    carry_closed_record(c, (enum direction)side, length, &c->layer->place);
    if (!c->given_up && c->carried->record_count < SSTP_RECORDS_MAX)
        return;
    passivate(c);
    settle(c, f);
}

/* Most segments: of a tunnel of which enough is known, or what is expected of one of which it is not yet. False: neither. */
static inline bool pass_by(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    struct hot *h = &l->hot[f->ike];
    enum tcp_side side = from_low == h->client_is_low ? TCP_CLIENT : TCP_SERVER;
    if (h->passive) {
        if ((p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0)
            return false;
        count(h, p, side);
        return true;
    }
    struct connection *c = &l->connections[f->ike];
    uint32_t length;
    if (!c->steady.on || l->carried_bytes > l->carried_bytes_max || !steady_expects(c, h, p, side, &length))
        return false;
    count(h, p, side);
    frame_place_into(&l->place, p->frame);
    if (length > 0)
        take_steady(c, length, side, f);
    return true;
}

/* The segment belongs to the flow's connection; a flow that has just shown to be none of ours is not wanted. */
RARELY_CALLED static void tie(struct sstp_layer *l, const struct packet *p, const struct flow *f, bool was_ours)
{
    bool ours = is_ours(l, f);
    const struct connection *c = &l->connections[ours ? f->ike : NONE];
    bool knocks = is_knock(f) && f->ike != NOT_OURS;
    l->sink.ties->flow = ours || knocks || (was_ours && f->ike == NOT_OURS) ? f->id : 0;
    l->sink.ties->unwanted = !ours && !knocks;
    if (ours && c->opened)
        event_tie(&l->sink, &c->pub, l->hot[f->ike].passive && (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0);
}

static RARELY_CALLED void look_closer(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    bool was_ours = f->ike != NOT_OURS;
    sstp_layer_follow(l, p, f, from_low);
    if (l->sink.ties != NULL)
        tie(l, p, f, was_ours);
}

void sstp_layer_packet(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    bool ours = is_ours(l, f), alone = l->sink.ties == NULL; /* nobody asks to what they belong */
    if (!ours && alone && f->ike == NONE)
        knock_begins(l, p, f, from_low);
    else if (!ours && alone && is_knock(f) && f->ike != NOT_OURS)
        knock_takes(l, p, f, from_low);
    else if (!ours || !alone || !pass_by(l, p, f, from_low))
        look_closer(l, p, f, from_low);
}

void sstp_layer_icmp(struct sstp_layer *l, const struct packet *p, struct flow_table *flows)
{
    struct tcp_icmp icmp;
    if (!tcp_icmp_read(p, &icmp))
        return;
    struct flow *f = flow_find(flows, &icmp.src, &icmp.dst, IP_PROTO_TCP, p->tunnel);
    if (f != NULL && is_knock(f))
        knock_quoted(l, f, &icmp.src, &icmp.dst, p->tunnel);
    if (f == NULL || !is_ours(l, f))
        return;
    steady_end(&l->connections[f->ike]);
    tcp_connection_icmp(&l->connections[f->ike].tcp, &icmp, &p->src.address, frame_place(p->frame));
    if (l->sink.ties != NULL)
        tie(l, p, f, true);
}

void sstp_layer_drop(struct sstp_layer *l, struct flow *f)
{
    if (f->is_tcp && is_knock(f))
        knock_drop(l, f);
    else if (f->is_tcp && is_ours(l, f))
        connection_close(&l->connections[f->ike], CLOSE_EVICTED);
}

/* Either side, by a time stamp that can be: others are from before the clock was set back. */
static bool was_heard(const struct connection *c, int64_t limit_ns)
{
    const struct hot *h = &c->layer->hot[c->slot];
    for (unsigned side = 0; side < SIDES; side++) {
        int64_t silent = elapsed_ns(c->layer->now_ns, h->time_ns[side]);
        if (h->frame[side] != 0 && silent < limit_ns && silent > -limit_ns)
            return true;
    }
    return false;
}

/* The front of a list: who was put there long ago. Who spoke since goes to the end; who comes from long after now, since the
 * clock was set back, as well: its silence begins anew. */
static void expire(struct sstp_layer *l, enum list list, int64_t limit_ns)
{
    enum { REBASES = 8 };
    for (unsigned rebases = 0; l->lists[list].oldest != NONE;) {
        struct connection *c = &l->connections[l->lists[list].oldest];
        int64_t queued = elapsed_ns(l->now_ns, c->queued_ns), last = last_heard(c);
        bool ahead = queued <= -limit_ns && rebases++ < REBASES;
        if (!ahead && queued < limit_ns)
            return;
        if (!ahead && (list == LIST_ENDED || !was_heard(c, limit_ns))) {
            connection_close(c, list != LIST_ENDED ? CLOSE_IDLE : CLOSE_FINAL);
            continue;
        }
        to_the_end(c);
        if (!ahead && last < l->now_ns)
            c->queued_ns = last;
    }
}

void sstp_layer_time(struct sstp_layer *l, int64_t now_ns)
{
    l->now_ns = now_ns;
    expire(l, LIST_ENDED, SSTP_ENDED_NS);
    expire(l, LIST_HALF_OPEN, CONVERSATION_IDLE_NS);
    expire(l, LIST_LIVE, IDLE_NS);
    knocks_time(l, false);
}

void sstp_layer_finish(struct sstp_layer *l, int64_t end_ns)
{
    l->now_ns = end_ns;
    knocks_time(l, true);
    for (int list = LIST_ENDED; list >= LIST_HALF_OPEN; list--)
        while (l->lists[list].oldest != NONE)
            connection_close(&l->connections[l->lists[list].oldest], list == LIST_ENDED ? CLOSE_FINAL : CLOSE_END);
}

void sstp_layer_get_counters(const struct sstp_layer *l, struct sstp_layer_counters *out)
{
    *out = l->counters;
}

uint64_t sstp_layer_bytes(const struct sstp_layer *l)
{
    struct tcp_stream_table_counters streams;
    uint64_t slots = l->held_serial < l->held_slots ? l->held_serial : l->held_slots;
    tcp_stream_table_get_counters(l->streams, &streams);
    return (uint64_t)l->made * (sizeof *l->connections + sizeof *l->hot) + l->carried_bytes + slots * sizeof *l->held +
           streams.pool_bytes + knocks_bytes(l);
}

void sstp_layer_free(struct sstp_layer *l)
{
    if (l == NULL)
        return;
    for (uint32_t i = 1; i <= l->made; i++)
        if (l->hot[i].owner != 0)
            carry_free(&l->connections[i]);
    tcp_stream_table_free(l->streams);
    free(l->connections);
    free(l->hot_memory);
    free(l->held);
    knocks_free(l);
    free(l);
}
