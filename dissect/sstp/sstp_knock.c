/*
 * Attempts of which only headers, and what the client said first, are known: scanners and floods send them by the million. Once
 * as many as are listed have been told, a further one is no connection yet, but a note of its first segments. What shows more
 * becomes a connection as if it had been one from its first segment on; what does not has only been counted. Rings: the oldest
 * make way.
 */
#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/rarely.h"
#include "dissect/sstp/sstp_layer_state.h"

enum { SEGMENTS = 5, SYNS = 3, OPTIONS = 20 /* of a SYN, as most stacks send them */, WORDS = 600 /* octets of a client */,
       ROOM_LEAST = 64, ROOM_MOST = 1 << 16, SHARE = 16 /* of the memory, for each of both */ };
#define NOTE (UINT32_C(1) << 31) /* in a flow's word: the rest of it is a place in the ring */

struct segment {
    uint64_t frame;
    int64_t time_ns;
    uint32_t seq; /* what comes from the header is not side by side: compilers would take pains to store it together */
    uint16_t window;
    uint8_t flags;
    bool speaks;
    uint32_t ack;
    uint8_t ttl;
    bool from_low;
    uint8_t options_len;
};

struct knock {
    uint32_t owner; /* the flow's id; 0: nobody's any more */
    uint32_t capture;
    uint16_t service_port;
    uint8_t count;
    bool ended;
    uint32_t words; /* place + 1 in the ring of words; 0: the client said nothing */
    struct segment segments[SEGMENTS];
    uint8_t options[SYNS][OPTIONS];
};

/* What a client said, in one segment. */
struct words {
    uint32_t knock; /* place + 1 of whose they are; 0: nobody's */
    uint16_t len;
    uint8_t bytes[WORDS];
};

static uint32_t room_of(uint64_t memory_bytes, size_t each)
{
    uint64_t room = memory_bytes / SHARE / each;
    return room < ROOM_LEAST ? ROOM_LEAST : room > ROOM_MOST ? ROOM_MOST : (uint32_t)room;
}

bool knocks_init(struct sstp_layer *l, uint64_t memory_bytes)
{
    l->knock_room = room_of(memory_bytes, sizeof *l->knocks);
    l->words_room = room_of(memory_bytes, sizeof *l->words);
    l->knocks = calloc(l->knock_room, sizeof *l->knocks);
    l->words = calloc(l->words_room, sizeof *l->words);
    return l->knocks != NULL && l->words != NULL;
}

void knocks_free(struct sstp_layer *l)
{
    free(l->knocks);
    free(l->words);
}

uint64_t knocks_bytes(const struct sstp_layer *l)
{
    return (l->knock_next < l->knock_room ? l->knock_next : l->knock_room) * sizeof *l->knocks +
           (l->words_next < l->words_room ? l->words_next : l->words_room) * sizeof *l->words;
}

static inline struct knock *knock_at(const struct sstp_layer *l, uint64_t serial)
{
    return &l->knocks[serial % l->knock_room];
}

/* Its flow is another's now, or nobody's. */
static inline void release(struct sstp_layer *l, struct knock *k)
{
    k->owner = 0;
    if (k->words != 0)
        l->words[k->words - 1].knock = 0;
}

/* It never was more. */
static void forget(struct sstp_layer *l, struct knock *k)
{
    l->counters.unlisted += k->words != 0 || sstp_on_service_port(l, k->service_port);
    release(l, k);
}

/* Keeps them; whose place they take is forgotten with his. */
RARELY_CALLED static void keep_words(struct sstp_layer *l, struct knock *k, struct span bytes)
{
    uint32_t place = (uint32_t)(l->words_next++ % l->words_room);
    struct words *w = &l->words[place];
    if (w->knock != 0) {
        struct knock *other = &l->knocks[w->knock - 1];
        l->counters.evicted += !other->ended;
        forget(l, other);
    }
    w->knock = (uint32_t)(k - l->knocks) + 1;
    w->len = (uint16_t)bytes.len;
    memcpy(w->bytes, bytes.data, bytes.len);
    k->words = place + 1;
}

/* len: OPTIONS at most, of whole words. */
static inline void copy_options(uint8_t *out, const uint8_t *options, size_t len)
{
    enum { WORD = 4 };
    for (size_t i = 0; i + WORD <= len; i += WORD)
        memcpy(out + i, options + i, WORD);
}

/* A segment without octets. */
static inline void note(struct knock *k, const struct packet *p, bool from_low)
{
    size_t count = k->count;
    struct segment *s = &k->segments[count];
    bool syn = (p->tcp_flags & TCP_SYN) != 0; /* of others nobody reads the options */
    s->frame = p->frame->number;
    s->time_ns = p->frame->time_ns;
    s->seq = p->tcp_seq;
    s->ack = p->tcp_ack;
    s->window = p->tcp_window;
    s->flags = p->tcp_flags;
    s->ttl = p->ttl;
    s->from_low = from_low;
    s->speaks = false;
    s->options_len = syn ? (uint8_t)p->tcp_options.len : 0;
    k->count = (uint8_t)(count + 1);
    k->ended |= (p->tcp_flags & TCP_RST) != 0;
    if (syn)
        copy_options(k->options[count], p->tcp_options.data, p->tcp_options.len);
}

RARELY_CALLED static void begin_in_place_of(struct sstp_layer *l, struct knock *k, const struct packet *p, struct flow *f,
                                            bool from_low)
{
    l->counters.evicted += !k->ended;
    forget(l, k);
    knock_begins(l, p, f, from_low);
}

/* In the place of the oldest. What is seldom is left to others at once: then this one needs few registers. */
void knock_begins(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    enum { HTTPS = 443 };
    if (l->lone_told < l->lone_listed || (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN ||
        p->payload_wire_len > 0 || p->tcp_options.len > OPTIONS) {
        sstp_layer_begin(l, p, f, from_low);
        return;
    }
    uint32_t place = l->knock_place;
    struct knock *k = &l->knocks[place];
    if (k->owner != 0 && (k->words != 0 || k->service_port != HTTPS)) {
        begin_in_place_of(l, k, p, f, from_low);
        return;
    }
    if (k->owner != 0) {
        l->counters.evicted += !k->ended;
        l->counters.unlisted++;
    }
    l->knock_place = place + 1 < l->knock_room ? place + 1 : 0;
    l->knock_next++;
    l->counters.connections++;
    f->ike = NOTE | place;
    k->owner = f->id;
    k->capture = p->frame->capture;
    k->service_port = p->dst.port;
    k->count = 0;
    k->ended = false;
    k->words = 0;
    note(k, p, from_low);
}

/* Its segments once more, to whom they had gone if it had not been a note. */
static RARELY_CALLED void become_connection(struct sstp_layer *l, struct knock *waited, struct flow *f, const struct endpoint *low,
                                            const struct endpoint *high, uint32_t tunnel)
{
    const struct knock k = *waited;
    struct words said = {.len = 0};
    if (k.words != 0)
        said = l->words[k.words - 1];
    release(l, waited);
    l->counters.connections--;
    f->ike = NONE;
    for (unsigned i = 0; i < k.count; i++) {
        const struct segment *s = &k.segments[i];
        struct frame frame = {.number = s->frame, .time_ns = s->time_ns, .capture = k.capture};
        struct packet p = {.frame = &frame, .kind = PACKET_TCP, .src = s->from_low ? *low : *high, .dst = s->from_low ? *high : *low,
                           .tunnel = tunnel, .first_frame = s->frame, .ip_proto = IP_PROTO_TCP, .ttl = s->ttl,
                           .tcp_flags = s->flags, .tcp_seq = s->seq, .tcp_ack = s->ack, .tcp_window = s->window,
                           .tcp_options = {s->options_len > 0 ? k.options[i] : NULL, s->options_len}};
        if (s->speaks) {
            p.payload = span_of(said.bytes, said.len);
            p.payload_wire_len = said.len;
        }
        if (i == 0)
            sstp_layer_begin(l, &p, f, s->from_low);
        else
            sstp_layer_packet(l, &p, f, s->from_low);
    }
}

static inline struct knock *knock_of(const struct sstp_layer *l, const struct flow *f)
{
    uint32_t place = f->ike ^ NOTE;
    return place < l->knock_room && l->knocks[place].owner == f->id ? &l->knocks[place] : NULL;
}

/* One that has ended. */
static inline bool is_long_over(const struct sstp_layer *l, const struct knock *k)
{
    return elapsed_ns(l->now_ns, k->segments[k->count - 1].time_ns) >= SSTP_ENDED_NS;
}

/* What the flow has is no note, or none any more. */
RARELY_CALLED static void leave(struct sstp_layer *l, struct knock *k, const struct packet *p, struct flow *f, bool from_low)
{
    if (k != NULL && !(k->ended && is_long_over(l, k))) {
        become_connection(l, k, f, from_low ? &p->src : &p->dst, from_low ? &p->dst : &p->src, p->tunnel);
    } else {
        if (k != NULL)
            forget(l, k);
        f->ike = NONE;
    }
    sstp_layer_follow(l, p, f, from_low);
}

/* The client's first words. */
RARELY_CALLED static void take_words(struct sstp_layer *l, struct knock *k, const struct packet *p, struct flow *f, bool from_low)
{
    if (from_low != k->segments[0].from_low || k->words != 0 || k->ended || (p->tcp_flags & (TCP_SYN | TCP_RST)) != 0 ||
        p->payload_wire_len > WORDS || p->payload.len != p->payload_wire_len) {
        leave(l, k, p, f, from_low);
        return;
    }
    note(k, p, from_low);
    k->segments[k->count - 1].speaks = true;
    keep_words(l, k, p->payload);
}

/* One of the client with another number may begin another attempt. */
static inline bool is_same_syn(const struct knock *k, const struct packet *p, bool from_low)
{
    bool from_client = from_low == k->segments[0].from_low, answer = (p->tcp_flags & TCP_ACK) != 0;
    return k->count < SYNS && p->tcp_options.len <= OPTIONS && from_client != answer &&
           (answer || p->tcp_seq == k->segments[0].seq);
}

void knock_takes(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    struct knock *k = knock_of(l, f);
    if (k == NULL || (k->ended && is_long_over(l, k)) || k->count == SEGMENTS || (p->tcp_flags & TCP_FIN) != 0 ||
        p->frame->capture != k->capture)
        leave(l, k, p, f, from_low);
    else if (p->payload_wire_len > 0)
        take_words(l, k, p, f, from_low);
    else if ((p->tcp_flags & TCP_SYN) != 0 && !is_same_syn(k, p, from_low))
        leave(l, k, p, f, from_low);
    else
        note(k, p, from_low);
}

void knock_quoted(struct sstp_layer *l, struct flow *f, const struct endpoint *a, const struct endpoint *b, uint32_t tunnel)
{
    struct knock *k = knock_of(l, f);
    bool a_is_low = endpoint_compare(a, b) <= 0;
    if (k == NULL)
        return;
    become_connection(l, k, f, a_is_low ? a : b, a_is_low ? b : a, tunnel);
}

void knock_drop(struct sstp_layer *l, const struct flow *f)
{
    struct knock *k = knock_of(l, f);
    if (k != NULL)
        forget(l, k);
}

/* The oldest of the ring are those that began first; who spoke since keeps the ones behind it for a while. */
void knocks_time(struct sstp_layer *l, bool all)
{
    if (l->knock_next > l->knock_room && l->knock_oldest < l->knock_next - l->knock_room)
        l->knock_oldest = l->knock_next - l->knock_room;
    for (; l->knock_oldest < l->knock_next; l->knock_oldest++) {
        struct knock *k = knock_at(l, l->knock_oldest);
        if (k->owner == 0)
            continue;
        if (!all && elapsed_ns(l->now_ns, k->segments[k->count - 1].time_ns) < CONVERSATION_IDLE_NS)
            return;
        forget(l, k);
    }
}
