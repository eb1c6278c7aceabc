#include "analyze/record/hold.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

/* Strands are made of cells, so that nothing is allocated for a packet; a packet goes on in the next cell. */
enum { CELL = 256, CELL_HEADER = 8, CELL_BYTES = CELL - CELL_HEADER, STRAND_SHARE = 1024, STRANDS_LEAST = 64, SORTED_MOST = 8192, PARTNERS_LOOKED_AT = 512, NEXT_LOOKED_AT = 4096,
       NONE = 0 /* cells and strands are counted from 1 */ };
#define DATAGRAM_EARLIER_NS (INT64_C(2) * 1000000000) /* the first message of a conversation may be the one that is not whole */

struct cell {
    uint32_t next;
    uint16_t used, zero;
    uint8_t bytes[CELL_BYTES];
};
_Static_assert(sizeof(struct cell) == CELL, "a cell has no padding");

#define APART_NS (INT64_C(500) * 1000000) /* between the clocks of two interfaces, and in the ways to them */

/* Who is given up for whom: the unknown for the unknown, lest a flood of them drive out what is known. */
enum class { CLASS_DATAGRAM, CLASS_FLOW, CLASS_KNOWN, CLASS_ENDED, CLASSES };

struct strand {
    struct hold_key key;
    uint32_t chain;        /* next one in the bucket, or free one */
    uint32_t older, newer;
    uint32_t first, last;  /* cells */
    uint32_t cells, packets, bulk;
    uint64_t bytes;
    struct hold_key flows[HOLD_FLOWS];
    struct hold_ends ends;
    bool has_ends;
    bool ended;            /* lingers */
    struct hold_party party;
};

/* A packet in a strand: what is to be known of it, then its bytes. */
struct packed {
    uint64_t number, packet_id;
    int64_t time_ns;
    uint32_t capture, interface, len, wire_len;
    uint16_t link_type, flags;
    uint32_t zero;
};

/* Where a packet begins. */
struct spot {
    int64_t time_ns;
    uint64_t number;
    uint32_t cell, at;
};

#define READING_BACK (SORTED_MOST * sizeof(struct spot) + HOLD_PACKET_MOST) /* bytes for that, however much is held */

struct hold {
    struct cell *cells; /* [0] is not used */
    struct strand *strands;
    uint32_t *buckets;
    uint32_t cell_count, strand_count, bucket_mask;
    uint32_t cells_made, strands_made; /* so many were ever used */
    uint32_t free_cell, free_strand;
    struct { uint32_t oldest, newest; uint64_t cells, strands; } classes[CLASSES];
    struct hold_counters counters;
    struct spot *spots;
    uint8_t *whole; /* the bytes of a packet that is read back */
};

struct hold *hold_new(uint64_t memory_bytes)
{
    struct hold *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    memory_bytes = (memory_bytes < HOLD_BYTES_LEAST ? HOLD_BYTES_LEAST : memory_bytes) - READING_BACK - sizeof *h;
    uint64_t strands = memory_bytes / STRAND_SHARE, most = UINT32_MAX / 2;
    strands = strands < STRANDS_LEAST ? STRANDS_LEAST : strands > most / 4 ? most / 4 : strands;
    uint64_t buckets = 1;
    while (buckets < strands)
        buckets *= 2;
    uint64_t beside = (strands + 1) * sizeof(struct strand) + buckets * sizeof(uint32_t) + CELL; /* places from 1 on */
    uint64_t cells = (memory_bytes - beside) / CELL;
    h->cell_count = cells > most ? (uint32_t)most : (uint32_t)cells;
    h->strand_count = (uint32_t)strands;
    h->bucket_mask = (uint32_t)(buckets - 1);
    h->cells = calloc((size_t)h->cell_count + 1, sizeof *h->cells);
    h->strands = calloc((size_t)h->strand_count + 1, sizeof *h->strands);
    h->buckets = calloc(buckets, sizeof *h->buckets);
    h->spots = malloc(SORTED_MOST * sizeof *h->spots);
    h->whole = malloc(HOLD_PACKET_MOST);
    if (h->cells != NULL && h->strands != NULL && h->buckets != NULL && h->spots != NULL && h->whole != NULL)
        return h;
    hold_free(h);
    return NULL;
}

void hold_free(struct hold *h)
{
    if (h == NULL)
        return;
    free(h->cells);
    free(h->strands);
    free(h->buckets);
    free(h->spots);
    free(h->whole);
    free(h);
}

uint64_t hold_bytes(const struct hold *h)
{
    uint64_t cells = 1;
    for (size_t i = 0; i < CLASSES; i++)
        cells += h->classes[i].cells;
    return sizeof *h + READING_BACK + ((uint64_t)h->bucket_mask + 1) * sizeof *h->buckets + cells * CELL +
           (h->counters.strands + 1) * sizeof *h->strands;
}

const struct hold_counters *hold_counters(const struct hold *h)
{
    return &h->counters;
}

static bool same_key(const struct hold_key *a, const struct hold_key *b)
{
    return a->serial == b->serial && a->side == b->side && a->kind == b->kind;
}

static uint32_t *bucket_of(struct hold *h, const struct hold_key *key)
{
    return &h->buckets[(uint32_t)hash_mix(key->serial, (uint64_t)key->side << 32 | key->kind) & h->bucket_mask];
}

static struct strand *find(struct hold *h, const struct hold_key *key)
{
    for (uint32_t i = *bucket_of(h, key); i != NONE; i = h->strands[i].chain)
        if (same_key(&h->strands[i].key, key))
            return &h->strands[i];
    return NULL;
}

static enum class class_of(const struct strand *s)
{
    if (s->key.kind == HOLD_CONVERSATION)
        return s->ended ? CLASS_ENDED : CLASS_KNOWN;
    return s->key.kind == HOLD_FLOW ? CLASS_FLOW : CLASS_DATAGRAM;
}

static void count_cells(struct hold *h, struct strand *s, uint32_t more, uint32_t less)
{
    s->cells += more - less;
    h->classes[class_of(s)].cells += more;
    h->classes[class_of(s)].cells -= less;
}

/* Gives its cells back, all at once: they are linked already. */
static void release_cells(struct hold *h, struct strand *s)
{
    if (s->first != NONE) {
        h->cells[s->last].next = h->free_cell;
        h->free_cell = s->first;
    }
    count_cells(h, s, 0, s->cells);
    h->counters.packets -= s->packets;
    h->counters.bytes -= s->bytes;
    s->first = s->last = NONE;
    s->packets = s->bulk = 0;
    s->bytes = 0;
}

static void list_remove(struct hold *h, struct strand *s)
{
    enum class class = class_of(s);
    *(s->older == NONE ? &h->classes[class].oldest : &h->strands[s->older].newer) = s->newer;
    *(s->newer == NONE ? &h->classes[class].newest : &h->strands[s->newer].older) = s->older;
    h->classes[class].strands--;
}

static void list_append(struct hold *h, struct strand *s)
{
    enum class class = class_of(s);
    uint32_t self = (uint32_t)(s - h->strands);
    s->older = h->classes[class].newest;
    s->newer = NONE;
    *(s->older == NONE ? &h->classes[class].oldest : &h->strands[s->older].newer) = self;
    h->classes[class].newest = self;
    h->classes[class].strands++;
}

static void release(struct hold *h, struct strand *s)
{
    uint32_t self = (uint32_t)(s - h->strands), *link = bucket_of(h, &s->key);
    release_cells(h, s);
    while (*link != self)
        link = &h->strands[*link].chain;
    *link = s->chain;
    list_remove(h, s);
    h->counters.strands--;
    s->key.kind = HOLD_NOTHING;
    s->chain = h->free_strand;
    h->free_strand = self;
}

static void evict(struct hold *h, struct strand *s)
{
    h->counters.evicted_packets += s->ended ? 0 : s->packets;
    h->counters.evicted_conversations += s->key.kind == HOLD_CONVERSATION && !s->ended;
    release(h, s);
}

/* The one of a class that is held longest, but not `but`. */
static bool evict_oldest(struct hold *h, enum class class, const struct strand *but)
{
    uint32_t oldest = h->classes[class].oldest;
    if (oldest != NONE && &h->strands[oldest] == but)
        oldest = but->newer;
    if (oldest != NONE)
        evict(h, &h->strands[oldest]);
    return oldest != NONE;
}

/* Someone goes: who only lingers; of the unknown when these have more than half of what there is; else of the known. */
static bool make_room(struct hold *h, bool many_unknown, const struct strand *but)
{
    if (evict_oldest(h, CLASS_ENDED, but))
        return true;
    if (!many_unknown && evict_oldest(h, CLASS_KNOWN, but))
        return true;
    return evict_oldest(h, CLASS_FLOW, but) || evict_oldest(h, CLASS_DATAGRAM, but) || evict_oldest(h, CLASS_KNOWN, but);
}

static bool many_unknown_cells(const struct hold *h)
{
    return h->classes[CLASS_FLOW].cells + h->classes[CLASS_DATAGRAM].cells > h->cell_count / 2;
}

static bool many_unknown_strands(const struct hold *h)
{
    return h->classes[CLASS_FLOW].strands + h->classes[CLASS_DATAGRAM].strands > h->strand_count / 2;
}

static struct strand *make(struct hold *h, const struct hold_key *key)
{
    if (key->kind == HOLD_DATAGRAM && h->classes[CLASS_DATAGRAM].strands >= HOLD_DATAGRAMS_MOST)
        (void)evict_oldest(h, CLASS_DATAGRAM, NULL);
    if (h->free_strand == NONE && h->strands_made == h->strand_count)
        (void)make_room(h, many_unknown_strands(h), NULL);
    uint32_t self = h->free_strand;
    if (self != NONE)
        h->free_strand = h->strands[self].chain;
    else
        self = ++h->strands_made;
    struct strand *s = &h->strands[self];
    *s = (struct strand){.key = *key};
    uint32_t *bucket = bucket_of(h, key);
    s->chain = *bucket;
    *bucket = self;
    list_append(h, s);
    h->counters.strands++;
    return s;
}

static struct strand *find_or_make(struct hold *h, const struct hold_key *key)
{
    struct strand *s = find(h, key);
    return s != NULL ? s : make(h, key);
}

static bool add_cell(struct hold *h, struct strand *s)
{
    while (h->free_cell == NONE && h->cells_made == h->cell_count) /* those evicted may have been empty */
        if (!make_room(h, many_unknown_cells(h), s))
            return false;
    uint32_t self = h->free_cell;
    if (self != NONE)
        h->free_cell = h->cells[self].next;
    else
        self = ++h->cells_made;
    h->cells[self].next = NONE;
    h->cells[self].used = 0;
    *(s->last == NONE ? &s->first : &h->cells[s->last].next) = self;
    s->last = self;
    count_cells(h, s, 1, 0);
    return true;
}

static bool append(struct hold *h, struct strand *s, const void *bytes, size_t len)
{
    for (const uint8_t *at = bytes; len > 0;) {
        if ((s->last == NONE || h->cells[s->last].used == CELL_BYTES) && !add_cell(h, s))
            return false;
        struct cell *c = &h->cells[s->last];
        size_t room = (size_t)CELL_BYTES - c->used, n = len < room ? len : room;
        memcpy(c->bytes + c->used, at, n);
        c->used = (uint16_t)(c->used + n);
        at += n;
        len -= n;
    }
    return true;
}

static bool has_its_share(const struct strand *s, bool bulk)
{
    if (s->key.kind != HOLD_CONVERSATION)
        return s->packets >= HOLD_UNKNOWN_MOST;
    return s->packets >= HOLD_MOST || s->bytes >= HOLD_BYTES_MOST || (bulk && s->bulk >= HOLD_BULK_MOST);
}

bool hold_add(struct hold *h, struct hold_key key, const struct frame *f, bool bulk)
{
    struct packed p = {.number = f->number, .packet_id = f->packet_id, .time_ns = f->time_ns, .capture = f->capture,
                       .interface = f->interface, .len = f->len, .wire_len = f->wire_len, .link_type = f->link_type,
                       .flags = f->flags};
    struct strand *s = find_or_make(h, &key);
    if (has_its_share(s, bulk) || f->len > HOLD_PACKET_MOST) {
        h->counters.beyond++;
        return false;
    }
    if (!append(h, s, &p, sizeof p) || !append(h, s, f->bytes, f->len)) {
        evict(h, s); /* it does not fit into all that there is */
        return false;
    }
    s->packets++;
    s->bulk += bulk;
    s->bytes += f->len;
    h->counters.packets++;
    h->counters.bytes += f->len;
    return true;
}

static void move_packets(struct hold *h, struct strand *from, struct strand *to)
{
    uint32_t cells = from->cells;
    if (from->first == NONE)
        return;
    *(to->last == NONE ? &to->first : &h->cells[to->last].next) = from->first;
    to->last = from->last;
    count_cells(h, from, 0, cells);
    count_cells(h, to, cells, 0);
    to->packets += from->packets;
    to->bulk += from->bulk;
    to->bytes += from->bytes;
    from->first = from->last = NONE;
    from->packets = from->bulk = 0;
    from->bytes = 0;
}

void hold_move(struct hold *h, struct hold_key from_key, struct hold_key to_key)
{
    if (find(h, &from_key) == NULL)
        return;
    struct strand *to = find_or_make(h, &to_key), *from = find(h, &from_key); /* which may have made room for it */
    if (from != NULL)
        move_packets(h, from, to);
}

void hold_join(struct hold *h, struct hold_key from, struct hold_key to)
{
    hold_move(h, from, to);
    hold_drop(h, from);
}

void hold_flow(struct hold *h, struct hold_key conversation, struct hold_key flow)
{
    struct strand *s = find_or_make(h, &conversation);
    unsigned at = 0;
    while (at + 1 < HOLD_FLOWS && s->flows[at].kind != HOLD_NOTHING && !same_key(&s->flows[at], &flow))
        at++;
    memmove(&s->flows[1], &s->flows[0], at * sizeof *s->flows);
    s->flows[0] = flow;
}

size_t hold_flows(struct hold *h, struct hold_key conversation, struct hold_key flows[static HOLD_FLOWS])
{
    const struct strand *s = find(h, &conversation);
    size_t n = 0;
    while (s != NULL && n < HOLD_FLOWS && s->flows[n].kind != HOLD_NOTHING) {
        flows[n] = s->flows[n];
        n++;
    }
    return n;
}

void hold_ends(struct hold *h, struct hold_key key, const struct hold_ends *ends)
{
    struct strand *s = find_or_make(h, &key);
    if (s->has_ends)
        return;
    s->ends = *ends;
    s->has_ends = true;
}

static bool between_the_same(const struct strand *s, const struct hold_ends *e)
{
    bool same_protocol = s->ends.ip_proto == e->ip_proto || s->ends.ip_proto == 0 || e->ip_proto == 0;
    return s->has_ends && same_protocol && ((address_equal(&s->ends.a, &e->a) && address_equal(&s->ends.b, &e->b)) ||
                           (address_equal(&s->ends.a, &e->b) && address_equal(&s->ends.b, &e->a)));
}

/* When the next conversation began between the same; they stand in about that order. */
static int64_t next_began(const struct hold *h, const struct strand *self)
{
    uint32_t next = self->newer;
    for (unsigned looked = 0; next != NONE && looked < NEXT_LOOKED_AT; looked++, next = h->strands[next].newer)
        if (h->strands[next].ends.time_ns > self->ends.time_ns && between_the_same(&h->strands[next], &self->ends))
            return h->strands[next].ends.time_ns;
    return INT64_MAX;
}

void hold_join_datagrams(struct hold *h, struct hold_key conversation)
{
    const struct strand *self = find(h, &conversation);
    if (self == NULL || !self->has_ends)
        return;
    const struct hold_ends ends = self->ends;
    bool sought = false;
    int64_t until_ns = INT64_MAX;
    for (uint32_t i = h->classes[CLASS_DATAGRAM].oldest, next; i != NONE; i = next) {
        const struct strand *s = &h->strands[i];
        next = s->newer;
        if (!between_the_same(s, &ends) || s->ends.time_ns < ends.time_ns - DATAGRAM_EARLIER_NS)
            continue;
        if (!sought)
            until_ns = next_began(h, self);
        sought = true;
        if (s->ends.time_ns < until_ns)
            hold_join(h, s->key, conversation);
    }
}

void hold_set_party(struct hold *h, struct hold_key conversation, const struct hold_party *party)
{
    struct strand *s = find(h, &conversation);
    if (s != NULL)
        s->party = *party;
}

const struct hold_party *hold_party(struct hold *h, struct hold_key conversation)
{
    const struct strand *s = find(h, &conversation);
    return s != NULL ? &s->party : NULL;
}

void hold_linger(struct hold *h, struct hold_key conversation)
{
    struct strand *s = find(h, &conversation);
    if (s == NULL || s->ended)
        return;
    list_remove(h, s);
    h->classes[CLASS_KNOWN].cells -= s->cells;
    s->ended = true;
    h->classes[CLASS_ENDED].cells += s->cells;
    list_append(h, s);
}

static bool fits(const struct hold_party *p, enum hold_role role, const struct hold_party *of)
{
    bool same_port = p->client.port == of->client.port || p->client.port == 0 || of->client.port == 0;
    const struct hold_party *tunnel = role == HOLD_TUNNEL ? p : of, *login = role == HOLD_TUNNEL ? of : p;
    return p->role == role && !p->recorded && same_port && address_equal(&p->client.address, &of->client.address) &&
           login->from_ns > tunnel->from_ns - APART_NS &&
           (login->from_ns < tunnel->until_ns || login->from_ns - tunnel->until_ns < APART_NS);
}

bool hold_partner(struct hold *h, enum hold_role role, const struct hold_party *of, struct hold_key *out)
{
    static const enum class classes[] = {CLASS_KNOWN, CLASS_ENDED};
    unsigned found = 0;
    for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
        uint32_t i = h->classes[classes[k]].newest;
        for (unsigned looked = 0; i != NONE && looked < PARTNERS_LOOKED_AT && found < 2; looked++, i = h->strands[i].older) {
            if (!fits(&h->strands[i].party, role, of))
                continue;
            *out = h->strands[i].key;
            if (role == HOLD_LOGIN)
                return true;
            found++;
        }
    }
    return found == 1;
}

void hold_drop(struct hold *h, struct hold_key key)
{
    struct strand *s = find(h, &key);
    if (s != NULL)
        release(h, s);
}

void hold_empty(struct hold *h, struct hold_key key)
{
    struct strand *s = find(h, &key);
    if (s != NULL)
        release_cells(h, s);
}

/* Copies the next bytes of a strand, from *at of cell *cell on. */
static void read_on(const struct hold *h, uint32_t *cell, uint32_t *at, void *bytes, size_t len)
{
    for (uint8_t *to = bytes; len > 0;) {
        const struct cell *c = &h->cells[*cell];
        size_t left = (size_t)c->used - *at, n = len < left ? len : left;
        memcpy(to, c->bytes + *at, n);
        to += n;
        len -= n;
        *at += (uint32_t)n;
        if (*at == c->used && c->next != NONE) {
            *cell = c->next;
            *at = 0;
        }
    }
}

static void skip(const struct hold *h, uint32_t *cell, uint32_t *at, size_t len)
{
    while (len > 0) {
        const struct cell *c = &h->cells[*cell];
        size_t left = (size_t)c->used - *at, n = len < left ? len : left;
        len -= n;
        *at += (uint32_t)n;
        if (*at == c->used && c->next != NONE) {
            *cell = c->next;
            *at = 0;
        }
    }
}

static bool give(struct hold *h, uint32_t cell, uint32_t at, hold_fn *each, void *ctx)
{
    struct packed p;
    read_on(h, &cell, &at, &p, sizeof p);
    read_on(h, &cell, &at, h->whole, p.len);
    const struct frame f = {.number = p.number, .time_ns = p.time_ns, .capture = p.capture, .packet_id = p.packet_id,
                            .bytes = h->whole, .len = p.len, .wire_len = p.wire_len, .interface = p.interface,
                            .link_type = p.link_type, .flags = p.flags};
    return each(ctx, &f);
}

static int by_time(const void *left, const void *right)
{
    const struct spot *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

void hold_each(struct hold *h, struct hold_key key, hold_fn *each, void *ctx)
{
    const struct strand *s = find(h, &key);
    size_t count = 0;
    bool go_on = true;
    if (s == NULL || s->packets == 0)
        return;
    uint32_t cell = s->first, at = 0;
    for (uint32_t i = 0; i < s->packets && count < SORTED_MOST; i++) {
        struct packed p;
        uint32_t begin = cell, begin_at = at;
        read_on(h, &cell, &at, &p, sizeof p);
        h->spots[count++] = (struct spot){p.time_ns, p.number, begin, begin_at};
        skip(h, &cell, &at, p.len);
    }
    qsort(h->spots, count, sizeof *h->spots, by_time);
    for (size_t i = 0; i < count && go_on; i++)
        go_on = give(h, h->spots[i].cell, h->spots[i].at, each, ctx);
}
