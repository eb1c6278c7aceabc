/* Segments put in order. */
#include "dissect/tcp/tcp_stream_state.h"

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/rarely.h"

static void set_first(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, uint32_t chunk)
{
    struct rest *r = rest_of(t, s, side);
    r->first = chunk;
    if (chunk != NONE) {
        s->slow[side] |= SLOW_WAITS;
        return;
    }
    r->last = NONE;
    s->slow[side] &= (uint8_t)~SLOW_WAITS;
}

static void chunks_drop(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side)
{
    for (uint32_t chunk; (chunk = rest_of(t, s, side)->first) != NONE;) {
        set_first(t, s, side, chunk_of(t, chunk)->h.next);
        tcp_chunk_give(t, s, chunk);
    }
}

/* Telling. */

static void tell(struct tcp_stream_table *t, struct tcp_stream *s, struct tcp_stream_event *e)
{
    e->stream = s;
    e->user = more_of(t, s)->user;
    t->event(t->ctx, e);
}

static void remember(struct rest *r, uint64_t from, struct span bytes)
{
    r->pieces[r->piece] = (struct piece){from, hash_bytes(bytes.data, bytes.len, 0), (uint32_t)bytes.len};
    r->piece = (uint8_t)((r->piece + 1) % TCP_STREAM_REMEMBERED);
}

/* The next `to - next` bytes will not come: in pieces, since the receiver may have had and the consumer wanted a part. */
static void tell_gap(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, uint64_t to, bool cut,
                     const struct place *place)
{
    struct half *h = &s->half[side];
    struct rest *r = rest_of(t, s, side);
    while (h->next < to) {
        uint64_t from = h->next, end = to;
        bool done = h->skip_to == ALL, skipped = from < h->skip_to;
        if (skipped && h->skip_to < end)
            end = h->skip_to;
        bool acked = !cut && from < r->acked;
        if (acked && r->acked < end)
            end = r->acked;
        enum tcp_gap gap = cut ? TCP_GAP_CUT : acked ? TCP_GAP_LOST : TCP_GAP_MISSING;
        *(cut ? &r->counts.cut_bytes : acked ? &r->counts.lost_bytes : &r->counts.missing_bytes) += end - from;
        h->next = end;
        if (!done)
            tell(t, s, &(struct tcp_stream_event){.kind = TCP_STREAM_GAP, .side = side, .gap = gap, .skipped = skipped,
                                                  .offset = from, .length = end - from, .place = *place});
    }
}

/* The next bytes up to `to` have come; `bytes` holds what was captured of them. */
static void tell_bytes(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, struct span bytes, uint64_t to,
                       const struct place *place)
{
    struct half *h = &s->half[side];
    struct rest *r = rest_of(t, s, side);
    while (h->next < to) {
        uint64_t from = h->next, left = to - from;
        if (from < h->skip_to) {
            uint64_t n = h->skip_to - from < left ? h->skip_to - from : left;
            size_t captured = n < bytes.len ? (size_t)n : bytes.len;
            bytes = span_of(captured > 0 ? bytes.data + captured : bytes.data, bytes.len - captured);
            h->next += n;
        } else if (bytes.len > 0) {
            struct span told = {bytes.data, bytes.len < left ? bytes.len : (size_t)left};
            bytes = (struct span){NULL, 0};
            h->next += told.len;
            r->told += told.len;
            if (!t->uncompared)
                remember(r, from, told);
            tell(t, s, &(struct tcp_stream_event){.kind = TCP_STREAM_BYTES, .side = side, .offset = from, .bytes = told,
                                                  .length = told.len, .place = *place});
        } else {
            tell_gap(t, s, side, to, true, place);
        }
    }
}

static void tell_end(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, const struct place *place)
{
    struct rest *r = rest_of(t, s, side);
    if (s->half[side].next < r->fin || r->ended)
        return;
    r->ended = true;
    tell(t, s, &(struct tcp_stream_event){.kind = TCP_STREAM_END, .side = side, .offset = r->fin, .place = *place});
}

/* Tells what waits and is in order now. */
static void drain(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side)
{
    for (uint32_t chunk; (chunk = rest_of(t, s, side)->first) != NONE;) {
        const struct chunk *c = chunk_of(t, chunk);
        if (c->h.from > s->half[side].next)
            return;
        set_first(t, s, side, c->h.next);
        tell_bytes(t, s, side, c->h.kept ? span_of(c->bytes, c->h.len) : (struct span){NULL, 0}, c->h.from + c->h.len,
                   &c->h.place);
        tcp_chunk_give(t, s, chunk);
    }
}

/* No longer waits for the bytes up to `to`, or up to the first that waits. */
static void give_up_hole(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, uint64_t to,
                         const struct place *place)
{
    uint32_t first = rest_of(t, s, side)->first;
    if (first != NONE && chunk_of(t, first)->h.from < to)
        to = chunk_of(t, first)->h.from;
    tell_gap(t, s, side, to, false, place);
    drain(t, s, side);
}

/* Tells all that waits in both directions. */
static void flush(struct tcp_stream_table *t, struct tcp_stream *s)
{
    for (unsigned side = 0; side < SIDES; side++)
        while (rest_of(t, s, side)->first != NONE) {
            struct place place = chunk_of(t, rest_of(t, s, side)->first)->h.place;
            give_up_hole(t, s, side, ALL, &place);
            tell_end(t, s, side, &place);
        }
}

/* Taking segments that are not simply the next. */

struct arrival {
    struct tcp_stream_table *t;
    struct tcp_stream *s;
    const struct tcp_segment *g;
    unsigned side;
    struct span payload;
    uint64_t from, captured_to, to; /* positions of the payload, of the end of what was captured, and of its end */
};

/* Captured bytes of [from, to); empty where none were captured. from is not before the arrival's. */
static struct span arrival_bytes(const struct arrival *a, uint64_t from, uint64_t to)
{
    uint64_t end = to < a->captured_to ? to : a->captured_to;
    if (from >= end)
        return (struct span){NULL, 0};
    return span_of(a->payload.data + (from - a->from), (size_t)(end - from));
}

static void tell_differs(const struct arrival *a, uint64_t from, struct span bytes)
{
    rest_of(a->t, a->s, a->side)->counts.differing++;
    tell(a->t, a->s, &(struct tcp_stream_event){.kind = TCP_STREAM_DIFFERS, .side = a->side, .offset = from,
                                                .length = bytes.len, .bytes = bytes, .place = a->g->place});
}

/* A piece of the last ones told that comes again as a whole. */
static void compare_told(const struct arrival *a)
{
    struct rest *r = rest_of(a->t, a->s, a->side);
    for (unsigned i = 0; i < TCP_STREAM_REMEMBERED; i++) {
        const struct piece *p = &r->pieces[i];
        if (p->len == 0 || p->from < a->from || p->from + p->len > a->captured_to)
            continue;
        struct span again = arrival_bytes(a, p->from, p->from + p->len);
        if (hash_bytes(again.data, again.len, 0) != p->hash) {
            tell_differs(a, p->from, again);
            return;
        }
    }
}

/* Bytes that wait and come again. */
static void compare_waiting(const struct arrival *a)
{
    for (uint32_t i = rest_of(a->t, a->s, a->side)->first; i != NONE;) {
        const struct chunk *c = chunk_of(a->t, i);
        i = c->h.next;
        uint64_t from = c->h.from > a->from ? c->h.from : a->from;
        uint64_t to = c->h.from + c->h.len < a->captured_to ? c->h.from + c->h.len : a->captured_to;
        if (!c->h.kept || from >= to)
            continue;
        struct span again = arrival_bytes(a, from, to);
        if (memcmp(again.data, c->bytes + (from - c->h.from), again.len) != 0) {
            tell_differs(a, from, again);
            return; /* the consumer may have said that it is done: the list may be gone */
        }
    }
}

/* Links [from, to) behind the chunk `after` (NONE: in front). It fits into one chunk, or has no bytes. */
static bool keep_run(const struct arrival *a, uint32_t after, uint64_t from, uint64_t to, struct span bytes)
{
    struct tcp_stream_table *t = a->t;
    struct rest *r = rest_of(a->t, a->s, a->side);
    struct chunk *left = after != NONE ? chunk_of(t, after) : NULL;
    if (left != NULL && bytes.len == 0 && !left->h.kept && left->h.from + left->h.len == from &&
        to - left->h.from <= UINT32_MAX) {
        left->h.len = (uint32_t)(to - left->h.from);
        return true;
    }
    uint32_t chunk = more_of(a->t, a->s)->chunks < CHUNKS_A_CONNECTION ? tcp_chunk_take(t, a->s) : NONE;
    if (chunk == NONE)
        return false;
    struct chunk *c = chunk_of(t, chunk);
    c->h = (struct chunk_head){.from = from, .len = (uint32_t)(to - from), .kept = bytes.len > 0, .place = a->g->place,
                               .next = left != NULL ? left->h.next : r->first};
    if (bytes.len > 0)
        memcpy(c->bytes, bytes.data, bytes.len);
    if (left != NULL)
        left->h.next = chunk;
    else
        set_first(t, a->s, a->side, chunk);
    if (c->h.next == NONE)
        r->last = chunk;
    return true;
}

/* How far the run goes that begins at `from` and is of one kind: not wanted, captured, cut. */
static uint64_t run_end(const struct arrival *a, uint64_t from, uint64_t to, struct span *bytes)
{
    uint64_t skip_to = a->s->half[a->side].skip_to;
    *bytes = (struct span){NULL, 0};
    if (from < skip_to)
        return skip_to < to ? skip_to : to;
    if (from >= a->captured_to)
        return to;
    if (to - from > sizeof(((struct chunk *)0)->bytes))
        to = from + sizeof(((struct chunk *)0)->bytes);
    *bytes = arrival_bytes(a, from, to);
    return from + bytes->len;
}

/* The last chunk that begins at or before `at`, NONE when all begin behind. */
static uint32_t chunk_before(const struct arrival *a, uint64_t at)
{
    uint32_t last = rest_of(a->t, a->s, a->side)->last, before = NONE;
    if (last != NONE && chunk_of(a->t, last)->h.from <= at)
        return last;
    for (uint32_t i = rest_of(a->t, a->s, a->side)->first; i != NONE && chunk_of(a->t, i)->h.from <= at;
         i = chunk_of(a->t, i)->h.next)
        before = i;
    return before;
}

/* Keeps what of [at, a->to) lies behind a hole and did not come before; where it stopped, which is a->to but when there is
 * no room: then *full. */
static uint64_t keep(const struct arrival *a, uint64_t at, bool *full, bool *news)
{
    while (at < a->to) {
        uint32_t before = chunk_before(a, at);
        const struct chunk *left = before != NONE ? chunk_of(a->t, before) : NULL;
        if (left != NULL && left->h.from + left->h.len > at) {
            at = left->h.from + left->h.len;
            continue;
        }
        uint32_t right = left != NULL ? left->h.next : rest_of(a->t, a->s, a->side)->first;
        uint64_t to = a->to;
        if (right != NONE && chunk_of(a->t, right)->h.from < to)
            to = chunk_of(a->t, right)->h.from;
        struct span bytes;
        to = run_end(a, at, to, &bytes);
        if (!keep_run(a, before, at, to, bytes)) {
            *full = true;
            return at;
        }
        *news = true;
        at = to;
    }
    return at;
}

/* There is no room to keep what begins at `at`: whoever has waited longest must do without what it waits for; when it is
 * this direction's own limit, this one. */
static void make_room(const struct arrival *a, uint64_t at)
{
    struct tcp_stream_table *t = a->t;
    t->counters.gave_up++;
    if (more_of(a->t, a->s)->chunks < CHUNKS_A_CONNECTION && t->waits_first != NONE) {
        flush(t, &t->slots[t->waits_first]);
        return;
    }
    give_up_hole(t, a->s, a->side, at, &a->g->place);
}

/* Places [from, to): in order to the consumer, the rest into chunks. True when something of it was new. */
static bool place_bytes(const struct arrival *a)
{
    struct half *h = &a->s->half[a->side];
    bool news = false;
    uint64_t at = a->from;
    while (at < a->to) {
        if (h->skip_to == ALL && h->next < a->to)
            h->next = a->to;
        if (at < h->next) {
            at = h->next;
        } else if (at == h->next) {
            uint64_t to = a->to;
            uint32_t first = rest_of(a->t, a->s, a->side)->first;
            if (first != NONE && chunk_of(a->t, first)->h.from < to)
                to = chunk_of(a->t, first)->h.from;
            news = true;
            tell_bytes(a->t, a->s, a->side, arrival_bytes(a, at, to), to, &a->g->place);
            drain(a->t, a->s, a->side);
        } else {
            bool full = false;
            at = keep(a, at, &full, &news);
            if (full)
                make_room(a, at);
        }
    }
    return news;
}

/* Bytes that the peer acknowledged were captured late, if at all: after a while they are given up. */
static void look_at_acked_hole(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, const struct place *place)
{
    struct half *h = &s->half[side];
    struct rest *r = rest_of(t, s, side);
    if (r->acked <= h->next) {
        s->slow[side] &= (uint8_t)~SLOW_AWAITS_ACKED;
        return;
    }
    uint32_t now = s->half[TCP_CLIENT].segments + s->half[TCP_SERVER].segments;
    bool new = (s->slow[side] & SLOW_AWAITS_ACKED) == 0 || h->next >= r->hole_to;
    if (!new && now - r->hole_mark <= TCP_STREAM_LAG_SEGMENTS &&
        elapsed_ns(place->time_ns, r->hole_ns) <= TCP_STREAM_LAG_NS)
        return;
    if (r->acked == h->next + 1 && r->first == NONE)
        return; /* it may well be FIN that was acknowledged */
    while (!new && h->next < r->hole_to)
        give_up_hole(t, s, side, r->hole_to, place);
    s->slow[side] |= SLOW_AWAITS_ACKED;
    r->hole_mark = now;
    r->hole_ns = place->time_ns;
    r->hole_to = r->acked; /* what is acknowledged later, is waited for later */
    tell_end(t, s, side, place);
}

static void take_ack(const struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, uint32_t ack)
{
    struct half *h = &s->half[side];
    struct rest *r = rest_of(t, s, side);
    int32_t ahead = (int32_t)(ack - (h->base + (uint32_t)h->next));
    if (s->start[side] == TCP_START_NONE || ahead <= 0 || ahead > REACH)
        return;
    uint64_t acked = h->next + (uint32_t)ahead;
    if (acked > r->fin)
        acked = r->fin; /* FIN takes a number */
    if (acked > r->acked)
        r->acked = acked;
}

static void begin_at(struct tcp_stream *s, unsigned side, uint32_t base, enum tcp_start start)
{
    if (s->start[side] != TCP_START_NONE) {
        if (s->half[side].base == base && start == TCP_START_SYN)
            s->start[side] = TCP_START_SYN;
        return;
    }
    s->half[side].base = base;
    s->start[side] = (uint8_t)start;
}

/* Payload from `before` bytes ahead of the first byte that is known. What is behind stays. */
static void tell_early(struct arrival *a, uint64_t before, uint32_t *len)
{
    uint32_t n = before < *len ? (uint32_t)before : *len;
    size_t captured = n < a->payload.len ? n : a->payload.len;
    struct span bytes = {a->payload.data, captured};
    rest_of(a->t, a->s, a->side)->counts.before_start++;
    if (captured > 0)
        a->payload.data += captured;
    a->payload.len -= captured;
    *len -= n;
    if (n > 0 && a->s->half[a->side].skip_to != ALL && a->s->start[a->side] == TCP_START_MIDDLE)
        tell(a->t, a->s, &(struct tcp_stream_event){.kind = TCP_STREAM_BEFORE_START, .side = a->side, .offset = before,
                                                    .length = n, .bytes = bytes, .place = a->g->place});
}

/* Payload that lies within reach. */
static void take_payload(struct arrival *a)
{
    struct half *h = &a->s->half[a->side];
    struct rest *r = rest_of(a->t, a->s, a->side);
    uint64_t next = h->next;
    if (a->from > next)
        r->counts.out_of_order++;
    if (h->skip_to == ALL) {
        uint64_t old = h->next < a->to ? a->to - h->next : 0;
        r->counts.retransmissions += old == 0;
        h->next += old;
        return;
    }
    if (a->from < next)
        compare_told(a);
    compare_waiting(a);
    bool news = place_bytes(a);
    if (!news)
        r->counts.retransmissions++;
    else if (a->from < next)
        r->counts.overlaps++;
}

/* Notes where the stream ends. A FIN before bytes that came is none. */
static void take_fin(struct tcp_stream_table *t, struct tcp_stream *s, unsigned side, uint64_t fin)
{
    struct rest *r = rest_of(t, s, side);
    uint64_t reached = s->half[side].next;
    if (r->last != NONE)
        reached = chunk_of(t, r->last)->h.from + chunk_of(t, r->last)->h.len;
    if (r->fin != ALL || fin < reached) {
        r->counts.outside += fin != r->fin;
        return;
    }
    r->fin = fin;
    s->slow[side] |= SLOW_FIN;
    if (r->acked > fin)
        r->acked = fin;
    if (r->hole_to > fin)
        r->hole_to = fin;
}

/* Finds the segment's place in the stream; false when it brings nothing to it. */
static bool locate(struct arrival *a, uint32_t seq, uint32_t len)
{
    struct half *h = &a->s->half[a->side];
    struct rest *r = rest_of(a->t, a->s, a->side);
    bool fin = (a->g->flags & TCP_FIN) != 0;
    int64_t ahead = (int32_t)(seq - (h->base + (uint32_t)h->next));
    if (ahead < -(int64_t)REACH || ahead > REACH || len > (uint32_t)REACH) {
        r->counts.outside++;
        return false;
    }
    if (ahead == -1 && len <= 1 && !fin && (a->g->flags & TCP_SYN) == 0) {
        r->counts.keep_alives++;
        return false;
    }
    if (len == 0 && !fin)
        return false;
    if (ahead < 0 && (uint64_t)-ahead > h->next) {
        tell_early(a, (uint64_t)-ahead - h->next, &len);
        if (len == 0)
            return false;
        ahead = -(int64_t)h->next;
    }
    a->from = h->next + (uint64_t)ahead;
    a->captured_to = a->from + (a->payload.len < len ? a->payload.len : len);
    a->to = a->from + len;
    if (fin)
        take_fin(a->t, a->s, a->side, a->to);
    if (a->to <= r->fin)
        return true;
    r->counts.outside++;
    return false;
}

static void take_segment(struct arrival *a)
{
    const struct tcp_segment *g = a->g;
    struct tcp_stream *s = a->s;
    uint32_t seq = g->seq, len = g->wire_len;
    if ((g->flags & TCP_SYN) != 0) {
        seq++;
        begin_at(s, a->side, seq, TCP_START_SYN);
        if ((g->flags & TCP_ACK) != 0)
            begin_at(s, a->side ^ 1, g->ack, TCP_START_SYN);
    }
    bool fin = (g->flags & TCP_FIN) != 0;
    if (s->start[a->side] == TCP_START_NONE) {
        if (len < 2 && !fin) /* may be a keep-alive, which is one number behind */
            return;
        begin_at(s, a->side, seq, TCP_START_MIDDLE);
    }
    if (!locate(a, seq, len))
        return;
    if (len > 0)
        take_payload(a);
    tell_end(a->t, s, a->side, &g->place);
}

RARELY_CALLED static void segment_slow(struct tcp_stream_table *t, struct tcp_stream *s, const struct tcp_segment *g)
{
    struct arrival a = {.t = t, .s = s, .g = g, .side = g->side & 1, .payload = g->payload};
    if ((g->flags & TCP_RST) != 0)
        return;
    take_segment(&a);
    if ((g->flags & TCP_ACK) != 0)
        take_ack(t, s, a.side ^ 1, g->ack);
    for (unsigned side = 0; side < SIDES; side++)
        look_at_acked_hole(t, s, side, &g->place);
}

void tcp_stream_segment(struct tcp_stream_table *t, struct tcp_stream *s, const struct tcp_segment *g)
{
    unsigned side = g->side & 1;
    struct half *h = &s->half[side], *peer = &s->half[side ^ 1];
    h->segments++;
    if (++t->tick - s->stamp > t->lazy)
        tcp_age_renew(t, s);
    /* In order and not wanted, nothing waits, nothing acknowledged that was not seen: this is what bulk looks like. */
    bool plain = (g->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 && s->start[side] != TCP_START_NONE && s->slow[side] == 0 &&
                 g->seq == h->base + (uint32_t)h->next &&
                 (g->wire_len == 0 || (h->next < h->skip_to && h->skip_to - h->next >= g->wire_len)) &&
                 ((g->flags & TCP_ACK) == 0 || s->start[side ^ 1] == TCP_START_NONE ||
                  (int32_t)(g->ack - (peer->base + (uint32_t)peer->next)) <= 0);
    if (plain)
        h->next += g->wire_len;
    else
        segment_slow(t, s, g);
}

bool tcp_stream_is_next(const struct tcp_stream *s, enum tcp_side side, uint32_t seq, bool has_ack, uint32_t ack)
{
    const struct half *h = &s->half[side], *peer = &s->half[side ^ 1];
    return s->start[side] != TCP_START_NONE && (s->slow[side] | s->slow[side ^ 1]) == 0 && h->next >= h->skip_to &&
           seq == h->base + (uint32_t)h->next &&
           (!has_ack || s->start[side ^ 1] == TCP_START_NONE || (int32_t)(ack - (peer->base + (uint32_t)peer->next)) <= 0);
}

void tcp_stream_take_next(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side, uint32_t len)
{
    struct half *h = &s->half[side];
    h->segments++;
    if (++t->tick - s->stamp > t->lazy)
        tcp_age_renew(t, s);
    h->next += len;
    if (len > 0)
        rest_of(t, s, side)->told += len;
}

bool tcp_stream_expects(const struct tcp_stream *s, uint32_t next[static 2])
{
    bool known = true;
    for (unsigned side = 0; side < SIDES; side++) {
        const struct half *h = &s->half[side];
        known = known && s->start[side] != TCP_START_NONE && s->slow[side] == 0 && h->next >= h->skip_to;
        next[side] = h->base + (uint32_t)h->next;
    }
    return known;
}

void tcp_stream_passed(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side, uint32_t segments, uint64_t bytes)
{
    struct half *h = &s->half[side];
    h->segments += segments;
    h->next += bytes;
    rest_of(t, s, side)->told += bytes;
    t->tick += segments;
    if (t->tick - s->stamp > t->lazy)
        tcp_age_renew(t, s);
}

void tcp_stream_skip(struct tcp_stream *s, enum tcp_side side, uint64_t n)
{
    struct half *h = &s->half[side];
    uint64_t to = n < ALL - 1 - h->next ? h->next + n : ALL - 1;
    if (to > h->skip_to)
        h->skip_to = to;
}

void tcp_stream_done(struct tcp_stream_table *t, struct tcp_stream *s, enum tcp_side side)
{
    struct half *h = &s->half[side];
    h->skip_to = ALL;
    if (rest_of(t, s, side)->last != NONE) {
        const struct chunk *last = chunk_of(t, rest_of(t, s, side)->last);
        h->next = last->h.from + last->h.len;
    }
    chunks_drop(t, s, side);
}

void tcp_stream_close(struct tcp_stream_table *t, struct tcp_stream *s)
{
    bool evicted = !s->open;
    struct place nowhere = {0};
    flush(t, s);
    for (unsigned side = 0; side < SIDES; side++) {
        struct half *h = &s->half[side];
        struct rest *r = rest_of(t, s, side);
        if (r->acked > h->next && !(r->acked == h->next + 1 && r->fin == ALL))
            tell_gap(t, s, side, r->acked, false, &nowhere);
        if (r->fin != ALL)
            tell_gap(t, s, side, r->fin, false, &nowhere);
        if (r->fin != ALL)
            tell_end(t, s, side, &nowhere);
    }
    tell(t, s, &(struct tcp_stream_event){.kind = TCP_STREAM_CLOSED, .evicted = evicted});
    tcp_slot_release(t, s);
}

enum tcp_start tcp_stream_start(const struct tcp_stream *s, enum tcp_side side)
{
    return s->start[side];
}

void tcp_stream_get_counts(const struct tcp_stream_table *t, const struct tcp_stream *s, enum tcp_side side, struct tcp_stream_counts *out)
{
    *out = rest_of(t, s, side)->counts;
    out->bytes = s->half[side].next;
    out->skipped_bytes = out->bytes - rest_of(t, s, side)->told - out->cut_bytes - out->lost_bytes - out->missing_bytes;
    out->segments = s->half[side].segments;
}
