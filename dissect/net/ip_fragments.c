/*
 * Datagrams put together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5). The first copy of a byte
 * wins. What is bounded: datagrams in progress, their bytes, separate ranges of one datagram, and waiting time.
 */
#include <stdlib.h>

#include "dissect/net/layers.h"
#include "capture/wire/hash.h"

enum {
    RANGES_MAX = 40,                    /* islands of one datagram; 64 KiB in Ethernet frames are 45 fragments */
    POOL_BYTES_MAX = 8 * 1024 * 1024,   /* all buffers together */
    BUFFER_MIN = 4096,
    BUCKETS = 2 * NET_FRAGMENTS_MAX,
    NONE = UINT16_MAX,
    CAPTURES = 64,                      /* whose times are known apart */
};

/* Hashed and compared as bytes: there is no padding in it. */
struct key {
    struct address src, dst;
    uint8_t proto; /* 0 for IPv6, where it is not part of the identity */
    uint8_t zero;
    uint32_t id, tunnel, capture;
};
_Static_assert(sizeof(struct key) == 2 * sizeof(struct address) + 2 + 3 * sizeof(uint32_t), "a key has padding");

struct range { uint32_t from, to; };

struct datagram {
    struct key key;
    struct range ranges[RANGES_MAX]; /* seen on the wire: sorted, apart from each other */
    uint32_t range_count;
    uint32_t total;     /* length, once the last fragment told it; else 0 */
    uint32_t cut_at;    /* first byte that a snap length cut; UINT32_MAX when none was */
    uint32_t fragments;
    uint64_t serial;
    uint8_t proto;      /* of the first fragment */
    struct place first, last;
    int64_t since_ns;
    uint8_t *buffer;
    uint32_t room;
    uint16_t older, newer; /* list by age; `newer` also links the free ones */
    uint16_t chain;        /* next one in the bucket */
};

struct fragments {
    struct datagram slots[NET_FRAGMENTS_MAX];
    uint16_t buckets[BUCKETS];
    uint16_t oldest, newest, free;
    uint64_t serial; /* of the latest datagram */
    size_t pool_bytes;
    int64_t last_ns[CAPTURES]; /* of the captures' frames that came while something waited; of more captures some share one */
};

static void note_time(struct fragments *t, const struct frame *f)
{
    t->last_ns[f->capture % CAPTURES] = f->time_ns;
}

struct fragments *fragments_new(void)
{
    struct fragments *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        t->buckets[i] = NONE;
    t->oldest = t->newest = NONE;
    for (uint16_t i = 0; i < NET_FRAGMENTS_MAX; i++)
        t->slots[i].newer = i + 1 < NET_FRAGMENTS_MAX ? (uint16_t)(i + 1) : (uint16_t)NONE;
    return t;
}

void fragments_free(struct fragments *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < NET_FRAGMENTS_MAX; i++)
        free(t->slots[i].buffer);
    free(t);
}

static uint16_t *bucket_of(struct fragments *t, const struct key *key)
{
    return &t->buckets[hash_bytes(key, sizeof *key, 0) % BUCKETS];
}

static struct datagram *find(struct fragments *t, const struct key *key)
{
    for (uint16_t i = *bucket_of(t, key); i != NONE; i = t->slots[i].chain)
        if (memcmp(&t->slots[i].key, key, sizeof *key) == 0)
            return &t->slots[i];
    return NULL;
}

/* Takes a datagram out of bucket and age list; its slot is not free yet. */
static void detach(struct fragments *t, struct datagram *d)
{
    uint16_t self = (uint16_t)(d - t->slots);
    uint16_t *link = bucket_of(t, &d->key);
    while (*link != self)
        link = &t->slots[*link].chain;
    *link = d->chain;
    if (d->older == NONE)
        t->oldest = d->newer;
    else
        t->slots[d->older].newer = d->newer;
    if (d->newer == NONE)
        t->newest = d->older;
    else
        t->slots[d->newer].older = d->older;
}

/* Gives a detached slot back; it keeps its buffer for the next datagram. */
static void release(struct fragments *t, struct datagram *d)
{
    d->newer = t->free;
    t->free = (uint16_t)(d - t->slots);
}

static void evict_oldest(struct net *n)
{
    struct datagram *d = &n->fragments->slots[n->fragments->oldest];
    detach(n->fragments, d);
    release(n->fragments, d);
    n->counters.fragments_evicted++;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct datagram *begin(struct net *n, const struct key *key)
{
    struct fragments *t = n->fragments;
    if (t->free == NONE) {
        if (t->oldest == NONE)
            return NULL; /* all are being delivered, one inside the other */
        evict_oldest(n);
    }
    uint16_t self = t->free;
    struct datagram *d = &t->slots[self];
    t->free = d->newer;
    *d = (struct datagram){
        .key = *key, .serial = ++t->serial, .cut_at = UINT32_MAX, .since_ns = later(n->time_ns, n->previous_ns), .buffer = d->buffer, .room = d->room,
        .older = t->newest, .newer = NONE, .chain = *bucket_of(t, key),
    };
    *bucket_of(t, key) = self;
    if (t->newest == NONE)
        t->oldest = self;
    else
        t->slots[t->newest].newer = self;
    t->newest = self;
    n->fragments_wait = true;
    return d;
}

/* Frees buffers of idle slots, then of the oldest datagrams but the one that needs room. */
static void shrink_pool(struct net *n, const struct datagram *keep, size_t wanted)
{
    struct fragments *t = n->fragments;
    for (;;) {
        for (uint16_t i = t->free; i != NONE && t->pool_bytes + wanted > POOL_BYTES_MAX; i = t->slots[i].newer) {
            t->pool_bytes -= t->slots[i].room;
            free(t->slots[i].buffer);
            t->slots[i].buffer = NULL;
            t->slots[i].room = 0;
        }
        if (t->pool_bytes + wanted <= POOL_BYTES_MAX || t->oldest == NONE || &t->slots[t->oldest] == keep)
            return;
        evict_oldest(n);
    }
}

static bool reserve(struct net *n, struct datagram *d, uint32_t length)
{
    if (length <= d->room)
        return true;
    uint32_t room = d->room > 0 ? d->room : BUFFER_MIN;
    while (room < length)
        room *= 2;
    struct fragments *t = n->fragments;
    size_t wanted = room - d->room;
    if (t->pool_bytes + wanted > POOL_BYTES_MAX)
        shrink_pool(n, d, wanted);
    if (t->pool_bytes + wanted > POOL_BYTES_MAX)
        return false;
    uint8_t *grown = realloc(d->buffer, room);
    if (grown == NULL)
        return false;
    t->pool_bytes += wanted;
    d->buffer = grown;
    d->room = room;
    return true;
}

/* Copies the bytes of a fragment that fill [from, to), as far as they were captured. */
static void fill(struct datagram *d, uint32_t offset, struct span piece, uint32_t from, uint32_t to)
{
    uint32_t captured_to = offset + (uint32_t)piece.len;
    uint32_t end = to < captured_to ? to : captured_to;
    if (end > from)
        memcpy(d->buffer + from, piece.data + (from - offset), end - from);
    if (end < to && (end > from ? end : from) < d->cut_at)
        d->cut_at = end > from ? end : from;
}

/* True when bytes that were seen before come again and are others. */
static bool contradicts(const struct datagram *d, uint32_t offset, struct span piece)
{
    uint32_t end = offset + (uint32_t)piece.len;
    if (end > d->cut_at)
        end = d->cut_at;
    for (uint32_t i = 0; i < d->range_count; i++) {
        uint32_t from = d->ranges[i].from > offset ? d->ranges[i].from : offset;
        uint32_t to = d->ranges[i].to < end ? d->ranges[i].to : end;
        if (from < to && memcmp(d->buffer + from, piece.data + (from - offset), to - from) != 0)
            return true;
    }
    return false;
}

/* Joins [from, to) into the sorted ranges after its gaps were filled; false when there are too many islands. */
static bool merge(struct datagram *d, uint32_t from, uint32_t to)
{
    uint32_t first = 0;
    while (first < d->range_count && d->ranges[first].to < from)
        first++;
    uint32_t behind = first;
    while (behind < d->range_count && d->ranges[behind].from <= to) {
        from = d->ranges[behind].from < from ? d->ranges[behind].from : from;
        to = d->ranges[behind].to > to ? d->ranges[behind].to : to;
        behind++;
    }
    if (first == behind && d->range_count == RANGES_MAX)
        return false;
    memmove(&d->ranges[first + 1], &d->ranges[behind], (d->range_count - behind) * sizeof d->ranges[0]);
    d->range_count = d->range_count - (behind - first) + 1;
    d->ranges[first] = (struct range){from, to};
    return true;
}

/* Puts a piece of `length` wire bytes at its place: into the gaps only. */
static bool place_piece(struct datagram *d, uint32_t offset, uint32_t length, struct span piece)
{
    uint32_t at = offset, end = offset + length;
    for (uint32_t i = 0; i < d->range_count && at < end; i++) {
        if (d->ranges[i].to <= at)
            continue;
        uint32_t gap_end = d->ranges[i].from < end ? d->ranges[i].from : end;
        if (gap_end > at)
            fill(d, offset, piece, at, gap_end);
        at = d->ranges[i].to;
    }
    if (at < end)
        fill(d, offset, piece, at, end);
    return merge(d, offset, end);
}

static uint32_t contiguous(const struct datagram *d)
{
    return d->range_count > 0 && d->ranges[0].from == 0 ? d->ranges[0].to : 0;
}

/* A file of a rotated capture ends while the next one goes on. */
static int64_t went_on(const struct fragments *t, const struct datagram *d, int64_t since_ns)
{
    int64_t last_ns = t->last_ns[d->last.capture % CAPTURES];
    return last_ns > since_ns && since_ns >= 0 ? last_ns - since_ns : 0;
}

static void report(struct net *n, const struct datagram *d, bool ended)
{
    if (n->handler.lost_fragments == NULL)
        return;
    uint32_t whole = contiguous(d), bytes = 0;
    uint32_t captured = whole < d->cut_at ? whole : d->cut_at;
    for (uint32_t i = 0; i < d->range_count; i++)
        bytes += d->ranges[i].to - d->ranges[i].from;
    struct net_lost_fragments lost = {
        .src = {.address = d->key.src}, .dst = {.address = d->key.dst},
        .ip_proto = d->proto, .first_seen = whole > 0, .last_seen = d->total > 0,
        .fragments = d->fragments, .bytes = bytes, .missing_offset = whole,
        .first = d->first, .last = d->last, .tunnel = d->key.tunnel,
        .payload = captured > 0 ? span_of(d->buffer, captured) : (struct span){NULL, 0},
        .capture_ended = ended, .waited_ns = went_on(n->fragments, d, d->last.time_ns), .cut = d->cut_at != UINT32_MAX,
    };
    if (captured >= 4 && (d->proto == IP_PROTO_UDP || d->proto == IP_PROTO_TCP)) {
        lost.src.port = load_be16(d->buffer);
        lost.dst.port = load_be16(d->buffer + 2);
    }
    n->handler.lost_fragments(n->handler.ctx, &lost);
}

static bool overdue(const struct net *n, const struct datagram *d)
{
    int64_t now_ns = n->time_ns < n->previous_ns ? n->time_ns : n->previous_ns;
    return now_ns > d->since_ns && (uint64_t)now_ns - (uint64_t)d->since_ns > (uint64_t)NET_FRAGMENT_TIMEOUT_NS;
}

static void give_up(struct net *n, struct datagram *d, bool ended)
{
    detach(n->fragments, d);
    report(n, d, ended);
    release(n->fragments, d);
}

void fragments_expire(struct net *n, const struct frame *f)
{
    struct fragments *t = n->fragments;
    note_time(t, f);
    while (t->oldest != NONE && overdue(n, &t->slots[t->oldest])) {
        struct datagram *d = &t->slots[t->oldest];
        give_up(n, d, went_on(t, d, d->since_ns) <= NET_FRAGMENT_TIMEOUT_NS);
    }
    n->fragments_wait = t->oldest != NONE;
}

void fragments_finish(struct net *n)
{
    struct fragments *t = n->fragments;
    while (t->oldest != NONE) {
        struct datagram *d = &t->slots[t->oldest];
        give_up(n, d, !overdue(n, d) || went_on(t, d, d->since_ns) <= NET_FRAGMENT_TIMEOUT_NS);
    }
}

/* The datagram is whole: the walk goes on in its buffer, which is lent until the slot's release. */
static void deliver(struct walk *w, struct datagram *d)
{
    struct net *n = w->net;
    detach(n->fragments, d);
    uint32_t captured = d->total < d->cut_at ? d->total : d->cut_at;
    w->at = (struct cursor){d->buffer, captured, 0};
    w->wire = d->total;
    w->ip_fragment = 0;
    w->p.fragments = d->fragments;
    w->p.first_frame = d->first.frame;
    w->p.datagram = d->serial;
    ip_payload(w, d->proto);
    release(n->fragments, d);
}

/* Takes one fragment of a datagram. False when the datagram cannot go on within its bounds. */
static bool take_fragment(struct net *n, struct datagram *d, uint32_t offset, uint32_t length, struct span piece)
{
    if (!reserve(n, d, offset + length))
        return false;
    if (contradicts(d, offset, piece))
        n->counters.overlapping++;
    return place_piece(d, offset, length, piece);
}

/* A copy of a fragment is no news; the sample of its bytes is taken as for whole packets. */
static bool repeated(struct walk *w, uint8_t proto, uint32_t offset, bool more)
{
    w->p.kind = PACKET_IP;
    w->p.ip_proto = proto;
    w->p.payload = cursor_rest(&w->at);
    w->p.payload_wire_len = (uint32_t)w->wire;
    w->ip_fragment = offset + more;
    return duplicates_seen(w->net->duplicates, &w->p, w->ip_id, w->ip_fragment);
}

void fragments_add(struct walk *w, uint8_t proto, bool ipv6, uint32_t offset, bool more)
{
    struct net *n = w->net;
    n->counters.fragments++;
    bool too_long = w->wire > NET_FRAGMENT_BYTES_MAX || offset + w->wire > NET_FRAGMENT_BYTES_MAX;
    if (too_long || w->wire == 0 || (more && w->wire % 8 != 0)) {
        walk_malformed(w);
        return;
    }
    if (repeated(w, proto, offset, more)) {
        n->counters.duplicates++;
        return;
    }
    struct key key = {
        .src = w->p.src.address, .dst = w->p.dst.address, .id = w->ip_id, .tunnel = w->p.tunnel,
        .capture = w->p.frame->capture, .proto = ipv6 ? 0 : proto,
    };
    struct datagram *d = find(n->fragments, &key);
    if (d == NULL && (d = begin(n, &key)) == NULL)
        return;
    uint32_t length = (uint32_t)w->wire;
    bool beyond = d->total > 0 && offset + length > d->total;
    bool second_end = !more && d->range_count > 0 && offset + length < d->ranges[d->range_count - 1].to;
    if (beyond || second_end) {
        n->counters.overlapping++; /* contradicts the length that was told before */
        return;
    }
    struct place place = frame_place(w->p.frame);
    if (d->fragments++ == 0)
        d->first = place;
    d->last = place;
    if (n->handler.piece != NULL)
        n->handler.piece(n->handler.ctx, &w->p, d->serial);
    if (offset == 0 || d->range_count == 0)
        d->proto = proto;
    if (!take_fragment(n, d, offset, length, cursor_rest(&w->at))) {
        detach(n->fragments, d);
        release(n->fragments, d);
        n->counters.fragments_evicted++;
        return;
    }
    if (!more)
        d->total = offset + length;
    if (d->total > 0 && contiguous(d) == d->total)
        deliver(w, d);
}
