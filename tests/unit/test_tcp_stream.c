/* TCP streams put in order: what is told does not depend on how the bytes were cut into segments, nor on their order. */
#include "bytes_by_hand.h"
#include "dissect/tcp/tcp_stream.h"

enum { STREAM_MAX = 400000, SEGMENTS_MAX = 4096 };

/* Everything that was told about one direction. */
struct heard {
    uint8_t bytes[STREAM_MAX]; /* at their offsets */
    uint8_t state[STREAM_MAX]; /* 0 not told, else see below */
    uint64_t next;             /* where the next event has to begin */
    uint64_t read_bytes;
    unsigned ends, differs, early;
    uint64_t early_offset, early_length, differs_offset, differs_length, end_offset;
    /* a consumer that reads records (1 byte: 1 when the body is wanted; 2 bytes: its length) */
    bool records;
    uint8_t header[3];
    unsigned header_len;
    uint32_t body_left;
    bool wanted;
    uint64_t done_after; /* says that it is done once so many bytes were read; 0 never */
};
enum { TOLD_BYTE = 1, TOLD_CUT, TOLD_LOST, TOLD_MISSING, TOLD_SKIPPED_GAP };

struct bench {
    struct tcp_stream_table *table;
    struct tcp_stream *stream;
    uint32_t slot;
    struct heard *heard[2];
    unsigned closed, evicted;
    void *last_closed;
    uint64_t frame;
};

/* A generator of our own: the same numbers everywhere. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return below == 0 ? 0 : (uint32_t)(*seed >> 33) % below;
}

static void read_records(struct bench *b, const struct tcp_stream_event *e, struct heard *h)
{
    struct span in = e->bytes;
    while (in.len > 0) {
        if (h->body_left > 0) {
            size_t n = in.len < h->body_left ? in.len : h->body_left;
            h->body_left -= (uint32_t)n;
            in = span_of(in.data + n, in.len - n);
            continue;
        }
        h->header[h->header_len++] = in.data[0];
        in = span_of(in.data + 1, in.len - 1);
        if (h->header_len < 3)
            continue;
        h->header_len = 0;
        uint32_t len = (uint32_t)h->header[1] << 8 | h->header[2];
        if (h->header[0] == 1) {
            h->body_left = len;
        } else if (len <= in.len) {
            in = span_of(in.data + len, in.len - len);
        } else {
            tcp_stream_skip(b->stream, e->side, len - in.len);
            return;
        }
    }
}

static void on_bytes(struct bench *b, const struct tcp_stream_event *e, struct heard *h)
{
    if (h->records)
        assert_true(e->offset >= h->next);
    else
        assert_int_equal(e->offset, h->next);
    assert_int_equal(e->length, e->bytes.len);
    assert_true(e->length > 0 && e->offset + e->length <= STREAM_MAX);
    memcpy(h->bytes + e->offset, e->bytes.data, e->bytes.len);
    memset(h->state + e->offset, TOLD_BYTE, e->bytes.len);
    h->next = e->offset + e->length;
    h->read_bytes += e->length;
    assert_true(e->place.frame > 0);
    if (h->records)
        read_records(b, e, h);
    if (h->done_after > 0 && h->read_bytes >= h->done_after)
        tcp_stream_done(b->table, b->stream, e->side);
}

static void on_event(void *ctx, const struct tcp_stream_event *e)
{
    struct bench *b = ctx;
    struct heard *h = b->heard[e->side];
    if (e->kind == TCP_STREAM_CLOSED) {
        b->closed++;
        b->evicted += e->evicted;
        b->last_closed = e->user;
        return;
    }
    if (h == NULL)
        return;
    switch (e->kind) {
    case TCP_STREAM_BYTES:
        on_bytes(b, e, h);
        break;
    case TCP_STREAM_GAP:
        assert_true(e->offset >= h->next && e->length > 0 && e->offset + e->length <= STREAM_MAX);
        if (!h->records)
            assert_int_equal(e->offset, h->next);
        memset(h->state + e->offset, e->skipped ? TOLD_SKIPPED_GAP : e->gap == TCP_GAP_CUT ? TOLD_CUT
               : e->gap == TCP_GAP_LOST ? TOLD_LOST : TOLD_MISSING, e->length);
        h->next = e->offset + e->length;
        break;
    case TCP_STREAM_END:
        h->ends++;
        h->end_offset = e->offset;
        break;
    case TCP_STREAM_DIFFERS:
        h->differs++;
        h->differs_offset = e->offset;
        h->differs_length = e->length;
        break;
    case TCP_STREAM_BEFORE_START:
        h->early++;
        h->early_offset = e->offset;
        h->early_length = e->length;
        break;
    case TCP_STREAM_CLOSED:
        break;
    }
}

static void begin(struct bench *b, uint32_t connections, size_t waiting)
{
    *b = (struct bench){0};
    b->heard[0] = calloc(1, sizeof *b->heard[0]);
    b->heard[1] = calloc(1, sizeof *b->heard[1]);
    assert_non_null(b->heard[0]);
    assert_non_null(b->heard[1]);
    b->table = tcp_stream_table_new(&(struct tcp_stream_table_options){.connections = connections,
                                                                       .waiting_bytes = waiting, .event = on_event, .ctx = b});
    assert_non_null(b->table);
    b->slot = tcp_stream_open(b->table, 7, b);
    b->stream = tcp_stream_of(b->table, b->slot, 7);
    assert_non_null(b->stream);
}

/* Closes the connection and checks that nothing is held. */
static void end_stream(struct bench *b)
{
    struct tcp_stream_table_counters c;
    tcp_stream_close(b->table, b->stream);
    tcp_stream_table_get_counters(b->table, &c);
    assert_int_equal(c.waiting_bytes, 0);
    assert_int_equal(b->closed, 1);
    assert_ptr_equal(b->last_closed, b);
    assert_null(tcp_stream_of(b->table, b->slot, 7));
}

static void finish(struct bench *b)
{
    tcp_stream_table_finish(b->table);
    tcp_stream_table_free(b->table);
    free(b->heard[0]);
    free(b->heard[1]);
}

static void feed(struct bench *b, unsigned side, uint32_t seq, const void *bytes, size_t captured, uint32_t wire,
                 unsigned flags, uint32_t ack)
{
    uint8_t *copy = exact_copy(bytes, captured);
    b->frame++;
    tcp_stream_segment(b->table, b->stream, &(struct tcp_segment){
        .payload = span_of(copy, captured), .wire_len = wire, .seq = seq, .ack = ack, .flags = (uint8_t)flags,
        .side = (uint8_t)side, .place = {.frame = b->frame, .time_ns = (int64_t)b->frame * 1000}});
    free(copy);
}

static void feed_text(struct bench *b, unsigned side, uint32_t seq, const char *text)
{
    feed(b, side, seq, text, strlen(text), (uint32_t)strlen(text), 0, 0);
}

static struct tcp_stream_counts counts_of(const struct bench *b, enum tcp_side side)
{
    struct tcp_stream_counts c;
    tcp_stream_get_counts(b->table, b->stream, side, &c);
    return c;
}

struct cut { uint32_t at, len; bool fin; };

/* Cuts [0, total) into segments, some of them doubled and overlapping, the last with FIN; shuffled up to `stray` places. */
static unsigned cut_up(uint64_t *seed, uint32_t total, uint32_t longest, uint32_t stray, struct cut *cuts)
{
    unsigned n = 0;
    for (uint32_t at = 0; at < total;) {
        uint32_t len = 1 + draw(seed, longest);
        if (len > total - at)
            len = total - at;
        cuts[n++] = (struct cut){at, len, at + len == total && draw(seed, 2) == 0};
        if (draw(seed, 5) == 0) { /* again: all of it, or from somewhere before to somewhere behind */
            uint32_t from = draw(seed, 2) == 0 ? at : at - draw(seed, at < 50 ? at + 1 : 50);
            uint32_t more = 1 + draw(seed, longest);
            if (more > total - from)
                more = total - from;
            cuts[n++] = (struct cut){from, from == at ? len : more, false};
        }
        at += len;
    }
    cuts[n++] = (struct cut){total, 0, true};
    for (unsigned i = n; i-- > 1;) {
        unsigned reach = i < stray ? i : stray;
        unsigned j = i - draw(seed, reach + 1);
        struct cut swap = cuts[i];
        cuts[i] = cuts[j];
        cuts[j] = swap;
    }
    return n;
}

static void fill_stream(uint64_t *seed, uint8_t *bytes, uint32_t total)
{
    for (uint32_t i = 0; i < total; i++)
        bytes[i] = (uint8_t)draw(seed, 256);
}

static void check_all(const struct heard *h, const uint8_t *bytes, uint32_t total)
{
    assert_int_equal(h->next, total);
    assert_memory_equal(h->bytes, bytes, total);
    for (uint32_t i = 0; i < total; i++)
        assert_int_equal(h->state[i], TOLD_BYTE);
    assert_int_equal(h->ends, 1);
    assert_int_equal(h->end_offset, total);
    assert_int_equal(h->differs, 0);
    assert_int_equal(h->early, 0);
}

static void test_any_order_and_any_cut_give_the_same_bytes(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct cut *cuts = malloc(SEGMENTS_MAX * sizeof *cuts);
    assert_non_null(cuts);
    for (unsigned round = 0; round < 3000; round++) {
        static uint8_t bytes[6000];
        uint32_t total = 1 + draw(&seed, sizeof bytes - 1), isn = draw(&seed, 3) == 0 ? 0u - draw(&seed, total + 2) : draw(&seed, UINT32_MAX);
        uint32_t longest = total / 40 + 1 + draw(&seed, 1500);
        unsigned side = draw(&seed, 2);
        fill_stream(&seed, bytes, total);
        unsigned n = cut_up(&seed, total, longest, round % 3 == 0 ? 3 : SEGMENTS_MAX, cuts);
        struct bench b;
        begin(&b, 4, 1 << 20);
        feed(&b, side, isn, NULL, 0, 0, TCP_SYN, 0);
        for (unsigned i = 0; i < n; i++)
            feed(&b, side, isn + 1 + cuts[i].at, bytes + cuts[i].at, cuts[i].len, cuts[i].len, cuts[i].fin ? TCP_FIN : 0, 0);
        check_all(b.heard[side], bytes, total);
        assert_int_equal(b.heard[side ^ 1]->next, 0);
        struct tcp_stream_counts c = counts_of(&b, side);
        assert_int_equal(c.bytes, total);
        assert_int_equal(c.skipped_bytes + c.cut_bytes + c.lost_bytes + c.missing_bytes + c.outside + c.differing, 0);
        end_stream(&b);
        finish(&b);
    }
    free(cuts);
}

/* Records, most of them not wanted. */
static uint32_t make_records(uint64_t *seed, uint8_t *bytes, uint32_t room, uint8_t *wanted)
{
    uint32_t at = 0;
    memset(wanted, 0, room);
    while (at + 3 < room) {
        uint32_t len = draw(seed, draw(seed, 4) == 0 ? 3000 : 40);
        if (len > room - at - 3)
            len = room - at - 3;
        bool want = draw(seed, 3) == 0;
        bytes[at] = want ? 1 : 0;
        bytes[at + 1] = (uint8_t)(len >> 8);
        bytes[at + 2] = (uint8_t)len;
        memset(wanted + at, 1, 3 + (want ? len : 0));
        for (uint32_t i = 0; i < len; i++)
            bytes[at + 3 + i] = (uint8_t)draw(seed, 256);
        at += 3 + len;
    }
    return at;
}

static void test_skipped_records_do_not_depend_on_order_or_cut(void **state)
{
    (void)state;
    uint64_t seed = 2;
    struct cut *cuts = malloc(SEGMENTS_MAX * sizeof *cuts);
    assert_non_null(cuts);
    for (unsigned round = 0; round < 2000; round++) {
        static uint8_t bytes[20000], wanted[20000];
        uint32_t total = make_records(&seed, bytes, 1000 + draw(&seed, 19000), wanted);
        uint32_t isn = draw(&seed, UINT32_MAX);
        unsigned n = cut_up(&seed, total, total / 40 + 1 + draw(&seed, 3000), round % 2 == 0 ? 4 : SEGMENTS_MAX, cuts);
        struct bench b;
        begin(&b, 4, 1 << 20);
        b.heard[0]->records = true;
        feed(&b, 0, isn, NULL, 0, 0, TCP_SYN, 0);
        for (unsigned i = 0; i < n; i++)
            feed(&b, 0, isn + 1 + cuts[i].at, bytes + cuts[i].at, cuts[i].len, cuts[i].len, cuts[i].fin ? TCP_FIN : 0, 0);
        struct heard *h = b.heard[0];
        for (uint32_t i = 0; i < total; i++) {
            if (wanted[i])
                assert_int_equal(h->state[i], TOLD_BYTE);
            if (h->state[i] == TOLD_BYTE)
                assert_int_equal(h->bytes[i], bytes[i]);
            else
                assert_int_equal(h->state[i], 0);
        }
        assert_int_equal(h->header_len, 0);
        assert_int_equal(h->ends, 1);
        struct tcp_stream_counts c = counts_of(&b, TCP_CLIENT);
        assert_int_equal(c.bytes, total);
        assert_int_equal(c.skipped_bytes, total - h->read_bytes);
        end_stream(&b);
        finish(&b);
    }
    free(cuts);
}

/* Some segments are never captured, some are cut: each byte must be told as what it is. */
static void test_gaps_are_told_exactly(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned round = 0; round < 3000; round++) {
        static uint8_t bytes[30000], expected[30000];
        struct cut cuts[64];
        unsigned order[64], n = 0, sent = 0;
        uint32_t total = 2 + draw(&seed, sizeof bytes - 2), isn = draw(&seed, UINT32_MAX), captured[64];
        bool acknowledged = draw(&seed, 2) == 0;
        fill_stream(&seed, bytes, total);
        for (uint32_t at = 0; at < total; n++) {
            uint32_t len = 1 + draw(&seed, total / 8 + 1);
            len = n == 59 || len > total - at ? total - at : len;
            unsigned fate = draw(&seed, 4);
            captured[n] = fate == 1 ? draw(&seed, len + 1) : len;
            memset(expected + at, TOLD_BYTE, captured[n]);
            memset(expected + at + captured[n], TOLD_CUT, len - captured[n]);
            if (fate == 0)
                memset(expected + at, acknowledged ? TOLD_LOST : TOLD_MISSING, len);
            else
                order[sent++] = n;
            cuts[n] = (struct cut){at, len, false};
            at += len;
        }
        for (unsigned i = sent; i-- > 1;) {
            unsigned j = draw(&seed, i + 1), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
        struct bench b;
        begin(&b, 1, 1 << 20);
        feed(&b, 0, isn, NULL, 0, 0, TCP_SYN, 0);
        for (unsigned i = 0; i < sent; i++)
            feed(&b, 0, isn + 1 + cuts[order[i]].at, bytes + cuts[order[i]].at, captured[order[i]], cuts[order[i]].len, 0, 0);
        feed(&b, 0, isn + 1 + total, NULL, 0, 0, TCP_FIN, 0);
        if (acknowledged)
            feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, isn + 2 + total);
        end_stream(&b);
        const struct heard *h = b.heard[0];
        assert_int_equal(h->next, total);
        assert_memory_equal(h->state, expected, total);
        for (uint32_t i = 0; i < total; i++)
            assert_true(h->state[i] != TOLD_BYTE || h->bytes[i] == bytes[i]);
        assert_int_equal(h->ends, 1);
        finish(&b);
    }
}

/* The capture lost a segment that its receiver had: that is told soon, not at the end. */
static void test_an_acknowledged_hole_is_not_waited_for(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed_text(&b, 0, 100, "abc");
    feed_text(&b, 0, 107, "hij");
    for (unsigned i = 0; i <= TCP_STREAM_LAG_SEGMENTS; i++)
        feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 110);
    assert_int_equal(b.heard[0]->next, 3);
    feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 110);
    assert_int_equal(b.heard[0]->next, 10);
    assert_int_equal(b.heard[0]->state[3], TOLD_LOST);
    assert_int_equal(b.heard[0]->state[6], TOLD_LOST);
    assert_memory_equal(b.heard[0]->bytes + 7, "hij", 3);
    assert_int_equal(counts_of(&b, TCP_CLIENT).lost_bytes, 4);
    end_stream(&b);
    finish(&b);
}

/* A capture whose segments come a little after their acknowledgements has no gap. */
static void test_data_that_is_captured_behind_its_acknowledgement_is_no_gap(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    for (unsigned i = 0; i < 200; i++) {
        feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 100 + 3 * (i + 1));
        feed_text(&b, 0, 100 + 3 * i, "abc");
    }
    assert_int_equal(b.heard[0]->next, 600);
    assert_int_equal(counts_of(&b, TCP_CLIENT).lost_bytes, 0);
    end_stream(&b);
    assert_int_equal(b.heard[0]->state[599], TOLD_BYTE);
    finish(&b);
}

/* Both directions with acknowledgements, as a capture mixes them up: each segment up to eight places from its own. Some are
 * lost to the capture, which their acknowledgements tell; nothing else is ever missing. */
static void test_small_disorder_with_acknowledgements(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (unsigned round = 0; round < 1500; round++) {
        enum { PIECES = 150, PIECE = 20 };
        static uint8_t bytes[PIECES * PIECE], expected[PIECES * PIECE];
        unsigned order[2 * PIECES], n = 0;
        bool lossy = draw(&seed, 2) == 0;
        fill_stream(&seed, bytes, sizeof bytes);
        memset(expected, TOLD_BYTE, sizeof expected);
        for (unsigned i = 0; i < PIECES; i++) {
            bool lost = lossy && i < PIECES - 1 && draw(&seed, 20) == 0;
            if (lost)
                memset(expected + i * PIECE, TOLD_LOST, PIECE);
            else
                order[n++] = 2 * i;
            order[n++] = 2 * i + 1; /* its acknowledgement */
        }
        for (unsigned i = 0; i + 8 < n; i += 8)
            for (unsigned j = 0; j < 8; j++) {
                unsigned with = i + draw(&seed, 8), swap = order[i + j];
                order[i + j] = order[with];
                order[with] = swap;
            }
        struct bench b;
        begin(&b, 1, 1 << 20);
        uint32_t isn = draw(&seed, UINT32_MAX);
        feed(&b, 0, isn, NULL, 0, 0, TCP_SYN, 0);
        feed(&b, 1, 499, NULL, 0, 0, TCP_SYN | TCP_ACK, isn + 1);
        for (unsigned i = 0; i < n; i++) {
            unsigned at = order[i] / 2 * PIECE;
            if (order[i] % 2 == 0)
                feed(&b, 0, isn + 1 + at, bytes + at, PIECE, PIECE, TCP_ACK, 500);
            else
                feed(&b, 1, 500, NULL, 0, 0, TCP_ACK, isn + 1 + at + PIECE);
        }
        end_stream(&b);
        const struct heard *h = b.heard[0];
        assert_int_equal(h->next, sizeof bytes);
        assert_memory_equal(h->state, expected, sizeof expected);
        for (unsigned i = 0; i < sizeof bytes; i++)
            assert_true(h->state[i] != TOLD_BYTE || h->bytes[i] == bytes[i]);
        finish(&b);
    }
}

/* A FIN that only its acknowledgement shows is no lost byte. */
static void test_an_acknowledged_fin_is_not_a_byte(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed_text(&b, 0, 100, "abc");
    for (unsigned i = 0; i < 100; i++)
        feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 104);
    end_stream(&b);
    assert_int_equal(b.heard[0]->next, 3);
    finish(&b);
}

/* The acknowledgement claims more than there is, as FIN shows: the gap ends at FIN. */
static void test_no_gap_goes_beyond_fin(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 120);
    feed(&b, 0, 105, NULL, 0, 0, TCP_FIN, 0);
    for (unsigned i = 0; i < 100; i++)
        feed(&b, 1, 1, NULL, 0, 0, TCP_ACK, 120);
    assert_int_equal(b.heard[0]->next, 5);
    assert_int_equal(b.heard[0]->state[4], TOLD_LOST);
    assert_int_equal(b.heard[0]->ends, 1);
    assert_int_equal(b.heard[0]->end_offset, 5);
    end_stream(&b);
    finish(&b);
}

static void test_keep_alives_are_no_bytes(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed(&b, 0, 99, "", 1, 1, TCP_ACK, 0);
    feed_text(&b, 0, 100, "abc");
    feed(&b, 0, 102, "", 1, 1, TCP_ACK, 0);
    feed(&b, 0, 102, NULL, 0, 0, TCP_ACK, 0);
    feed_text(&b, 0, 103, "def");
    feed(&b, 0, 106, NULL, 0, 0, TCP_FIN, 0);
    check_all(b.heard[0], (const uint8_t *)"abcdef", 6);
    assert_int_equal(counts_of(&b, TCP_CLIENT).keep_alives, 3);
    assert_int_equal(counts_of(&b, TCP_CLIENT).retransmissions, 0);
    end_stream(&b);
    finish(&b);
}

static void test_the_first_copy_wins_and_others_are_told(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    struct heard *h = b.heard[0];
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed_text(&b, 0, 103, "def");
    feed_text(&b, 0, 104, "EfGhi"); /* waits: E differs, ghi is new */
    assert_int_equal(h->differs, 1);
    assert_int_equal(h->differs_offset, 4);
    assert_int_equal(h->differs_length, 2);
    feed_text(&b, 0, 100, "abcdef");
    assert_int_equal(h->differs, 1);
    assert_memory_equal(h->bytes, "abcdefGhi", 9);
    assert_int_equal(h->next, 9);
    feed_text(&b, 0, 100, "abc");
    assert_int_equal(h->differs, 1);
    feed_text(&b, 0, 100, "aXc"); /* was told already */
    assert_int_equal(h->differs, 2);
    assert_int_equal(h->differs_offset, 0);
    assert_int_equal(h->differs_length, 3);
    struct tcp_stream_counts c = counts_of(&b, TCP_CLIENT);
    assert_int_equal(c.differing, 2);
    assert_int_equal(c.retransmissions, 2);
    assert_int_equal(c.out_of_order, 2);
    end_stream(&b);
    finish(&b);
}

static void test_a_capture_that_begins_in_the_middle(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    struct heard *h = b.heard[1];
    feed(&b, 1, 999, NULL, 0, 0, TCP_ACK, 5);
    feed(&b, 1, 999, "", 1, 1, TCP_ACK, 5); /* a keep-alive, for all we know */
    assert_int_equal(tcp_stream_start(b.stream, TCP_SERVER), TCP_START_NONE);
    feed_text(&b, 1, 1000, "abcd");
    assert_int_equal(tcp_stream_start(b.stream, TCP_SERVER), TCP_START_MIDDLE);
    feed_text(&b, 1, 990, "0123456789abcdef"); /* ends behind what is known: ef is new */
    assert_int_equal(h->early, 1);
    assert_int_equal(h->early_offset, 10);
    assert_int_equal(h->early_length, 10);
    assert_memory_equal(h->bytes, "abcdef", 6);
    assert_int_equal(h->next, 6);
    assert_int_equal(counts_of(&b, TCP_SERVER).before_start, 1);
    end_stream(&b);
    finish(&b);
}

/* The answer to a SYN that was not captured tells where the client's bytes begin. */
static void test_a_syn_ack_tells_the_start_of_both(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 1, 499, NULL, 0, 0, TCP_SYN | TCP_ACK, 1000);
    assert_int_equal(tcp_stream_start(b.stream, TCP_CLIENT), TCP_START_SYN);
    feed_text(&b, 0, 1003, "def");
    feed_text(&b, 0, 1000, "abc");
    assert_memory_equal(b.heard[0]->bytes, "abcdef", 6);
    end_stream(&b);
    finish(&b);
}

/* Bytes in the SYN itself (RFC 7413), behind FIN, and far away. */
static void test_odd_segments(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, UINT32_MAX, "abc", 3, 3, TCP_SYN, 0);
    feed(&b, 0, 3, "def", 3, 3, TCP_FIN, 0);
    feed_text(&b, 0, 6, "behind");
    feed_text(&b, 0, UINT32_C(0x60000000), "far");
    feed(&b, 0, 6, "reset by peer", 13, 13, TCP_RST, 0);
    feed(&b, 0, 0, "abc", 3, UINT32_MAX, 0, 0);
    check_all(b.heard[0], (const uint8_t *)"abcdef", 6);
    assert_int_equal(counts_of(&b, TCP_CLIENT).outside, 3);
    end_stream(&b);
    finish(&b);
}

/* Offloaded segments are longer than any MTU; more waits than one connection may keep. */
static void test_giant_segments_and_the_ceiling_of_a_connection(void **state)
{
    (void)state;
    uint64_t seed = 4;
    static uint8_t bytes[STREAM_MAX];
    fill_stream(&seed, bytes, sizeof bytes);
    struct bench b;
    begin(&b, 2, 64 << 20);
    struct heard *h = b.heard[0];
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    uint32_t at = 1000;
    for (; at + 65000 <= 200000; at += 65000)
        feed(&b, 0, 100 + at, bytes + at, 65000, 65000, 0, 0);
    assert_int_equal(h->next, 0); /* still waits for the first thousand */
    feed(&b, 0, 100 + at, bytes + at, 100000, 100000, 0, 0);
    assert_int_equal(h->next, at + 100000);
    struct tcp_stream_table_counters c;
    tcp_stream_table_get_counters(b.table, &c);
    assert_int_equal(c.gave_up, 1);
    assert_true(c.pool_bytes <= TCP_STREAM_WAITING_MAX);
    for (uint32_t i = 0; i < at + 100000; i++)
        assert_int_equal(h->state[i], i < 1000 ? TOLD_MISSING : TOLD_BYTE);
    assert_memory_equal(h->bytes + 1000, bytes + 1000, at + 99000);
    end_stream(&b);
    finish(&b);
}

/* All connections together: who has waited longest gives up first, and is told its bytes. */
static void test_the_ceiling_of_all_connections(void **state)
{
    (void)state;
    static uint8_t bytes[100000];
    struct bench b;
    begin(&b, 4, 128 * 1024);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed(&b, 0, 200, bytes, 50000, 50000, 0, 0);
    struct tcp_stream *first = b.stream;
    uint32_t other = tcp_stream_open(b.table, 8, NULL);
    b.stream = tcp_stream_of(b.table, other, 8);
    struct heard *h = b.heard[0];
    b.heard[0] = NULL;
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    b.heard[0] = h;
    assert_int_equal(h->next, 0);
    feed(&b, 0, 200, bytes, 90000, 90000, 0, 0);
    assert_int_equal(h->next, 100 + 50000);
    assert_int_equal(h->state[99], TOLD_MISSING);
    assert_int_equal(h->state[100], TOLD_BYTE);
    struct tcp_stream_table_counters c;
    tcp_stream_table_get_counters(b.table, &c);
    assert_true(c.waiting_bytes >= 90000 && c.pool_bytes <= 128 * 1024);
    struct tcp_stream_counts counts;
    tcp_stream_get_counts(b.table, first, TCP_CLIENT, &counts);
    assert_int_equal(counts.missing_bytes, 100);
    b.heard[0] = NULL;
    finish(&b);
    free(h);
}

static void test_without_memory_nothing_waits(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 0);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed_text(&b, 0, 103, "def");
    feed_text(&b, 0, 100, "abc");
    assert_int_equal(b.heard[0]->next, 6);
    assert_int_equal(b.heard[0]->state[2], TOLD_MISSING);
    assert_int_equal(b.heard[0]->state[3], TOLD_BYTE);
    end_stream(&b);
    finish(&b);
}

static void test_the_longest_idle_connection_makes_room(void **state)
{
    (void)state;
    struct bench b;
    static char users[5];
    uint32_t slots[5];
    begin(&b, 4, 1 << 20);
    tcp_stream_close(b.table, b.stream);
    for (uint32_t i = 0; i < 4; i++)
        slots[i] = tcp_stream_open(b.table, 100 + i, &users[i]);
    for (uint32_t i = 0; i < 4; i++) {
        b.stream = tcp_stream_of(b.table, slots[3 - i], 103 - i);
        feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0); /* 3 is the first of them, so the longest idle */
    }
    slots[4] = tcp_stream_open(b.table, 104, &users[4]);
    assert_int_equal(b.evicted, 1);
    assert_ptr_equal(b.last_closed, &users[3]);
    assert_null(tcp_stream_of(b.table, slots[3], 103));
    assert_non_null(tcp_stream_of(b.table, slots[4], 104));
    assert_int_equal(slots[4], slots[3]);
    assert_null(tcp_stream_of(b.table, 0, 104));
    assert_null(tcp_stream_of(b.table, 99, 104));
    tcp_stream_table_finish(b.table);
    assert_int_equal(b.closed, 6);
    assert_int_equal(b.evicted, 1);
    finish(&b);
}

/* Who is done hears no more, and nothing waits for it. */
static void test_done_at_any_time(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct cut *cuts = malloc(SEGMENTS_MAX * sizeof *cuts);
    assert_non_null(cuts);
    for (unsigned round = 0; round < 500; round++) {
        static uint8_t bytes[6000];
        uint32_t total = 100 + draw(&seed, sizeof bytes - 100);
        fill_stream(&seed, bytes, total);
        unsigned n = cut_up(&seed, total, total / 40 + 300, SEGMENTS_MAX, cuts);
        struct bench b;
        begin(&b, 1, 1 << 20);
        b.heard[0]->done_after = 1 + draw(&seed, total);
        feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
        for (unsigned i = 0; i < n; i++)
            feed(&b, 0, 100 + cuts[i].at, bytes + cuts[i].at, cuts[i].len, cuts[i].len, cuts[i].fin ? TCP_FIN : 0, 0);
        const struct heard *h = b.heard[0];
        assert_true(h->read_bytes >= h->done_after);
        assert_memory_equal(h->bytes, bytes, h->next);
        for (uint32_t i = 0; i < total; i++)
            assert_int_equal(h->state[i], i < h->next ? TOLD_BYTE : 0);
        struct tcp_stream_table_counters c;
        tcp_stream_table_get_counters(b.table, &c);
        assert_int_equal(c.waiting_bytes, 0);
        end_stream(&b);
        assert_int_equal(h->ends, 1);
        finish(&b);
    }
    free(cuts);
}

/* More than 4 GiB in one direction: the numbers wrap, the offsets do not. */
static void test_long_streams(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    tcp_stream_skip(b.stream, TCP_CLIENT, UINT64_C(5000000000));
    uint64_t at = 0;
    for (unsigned i = 0; i < 5000; i++, at += 1000000)
        feed(&b, 0, (uint32_t)(100 + at), NULL, 0, 1000000, 0, 0);
    struct tcp_stream_counts c = counts_of(&b, TCP_CLIENT);
    assert_int_equal(c.bytes, UINT64_C(5000000000));
    assert_int_equal(c.skipped_bytes, UINT64_C(5000000000));
    assert_int_equal(c.cut_bytes, 0);
    assert_int_equal(b.heard[0]->next, 0);
    b.heard[0]->records = true; /* offsets of this size do not fit into what it keeps */
    struct heard *h = b.heard[0];
    b.heard[0] = NULL;
    feed(&b, 0, (uint32_t)(100 + at), "x", 1, 2, 0, 0);
    c = counts_of(&b, TCP_CLIENT);
    assert_int_equal(c.skipped_bytes, UINT64_C(5000000000));
    assert_int_equal(c.cut_bytes, 1);
    end_stream(&b);
    free(h);
    finish(&b);
}

/* Loss within a record that nobody wants does not lose the records behind it. */
static void test_a_gap_among_skipped_bytes(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed_text(&b, 0, 100, "head");
    tcp_stream_skip(b.stream, TCP_CLIENT, 1000);
    feed(&b, 0, 104, NULL, 0, 300, 0, 0);
    feed(&b, 0, 604, NULL, 0, 500, 0, 0); /* 304 .. 500 of the stream are lost */
    feed_text(&b, 0, 1104, "next");
    b.heard[0]->records = true; /* skipped bytes leave holes in what is told */
    b.heard[0]->body_left = 4;
    struct tcp_stream_table_counters c;
    tcp_stream_table_get_counters(b.table, &c);
    assert_true(c.waiting_bytes <= 2 * 2048); /* skipped bytes are not kept */
    end_stream(&b);
    const struct heard *h = b.heard[0];
    for (unsigned i = 4; i < 1004; i++)
        assert_int_equal(h->state[i], i >= 304 && i < 504 ? TOLD_SKIPPED_GAP : 0);
    assert_memory_equal(h->bytes + 1004, "next", 4);
    finish(&b);
}

static bool is_next(const struct bench *b, unsigned side, uint32_t seq, uint32_t ack)
{
    return tcp_stream_is_next(b->stream, (enum tcp_side)side, seq, true, ack);
}

/* A segment that is simply the next may be taken without being told; in no other situation is it one. */
static void test_the_next_may_be_taken_unread(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1, 1 << 20);
    assert_false(is_next(&b, 0, 100, 500)); /* nothing is known yet */
    feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
    feed(&b, 1, 499, NULL, 0, 0, TCP_SYN | TCP_ACK, 100);
    assert_true(is_next(&b, 0, 100, 500));
    assert_false(is_next(&b, 0, 101, 500)); /* too early */
    assert_false(is_next(&b, 0, 99, 500));  /* again */
    assert_false(is_next(&b, 0, 100, 501)); /* acknowledges what was not seen */
    b.heard[0]->records = true;             /* what is taken leaves a hole in what is told */
    b.heard[0]->body_left = 100;
    tcp_stream_take_next(b.table, b.stream, TCP_CLIENT, 10);
    assert_int_equal(b.heard[0]->next, 0);
    assert_false(is_next(&b, 0, 100, 500));
    assert_true(is_next(&b, 1, 500, 110));
    feed_text(&b, 0, 110, "next");
    assert_int_equal(b.heard[0]->next, 14);
    feed_text(&b, 0, 120, "last"); /* waits: neither direction is simple until it is told */
    assert_false(is_next(&b, 0, 114, 500));
    assert_false(is_next(&b, 1, 500, 114));
    feed_text(&b, 0, 114, "middle");
    assert_true(is_next(&b, 0, 124, 500));
    assert_memory_equal(b.heard[0]->bytes + 10, "nextmiddlelast", 14);
    struct tcp_stream_counts c = counts_of(&b, TCP_CLIENT);
    assert_int_equal(c.bytes, 24);
    assert_int_equal(c.segments, 5);
    assert_int_equal(c.skipped_bytes, 0);
    feed(&b, 0, 124, NULL, 0, 0, TCP_FIN | TCP_ACK, 500);
    assert_false(is_next(&b, 0, 124, 500));
    end_stream(&b);
    finish(&b);
}

/* Who does not ask for it is not told that bytes came again with other values. */
static void test_uncompared(void **state)
{
    (void)state;
    for (unsigned uncompared = 0; uncompared < 2; uncompared++) {
        struct bench b;
        begin(&b, 1, 1 << 20);
        tcp_stream_table_free(b.table);
        b.table = tcp_stream_table_new(&(struct tcp_stream_table_options){.connections = 1, .waiting_bytes = 1 << 20,
                                                                           .uncompared = uncompared == 1, .event = on_event, .ctx = &b});
        assert_non_null(b.table);
        b.slot = tcp_stream_open(b.table, 7, &b);
        b.stream = tcp_stream_of(b.table, b.slot, 7);
        feed(&b, 0, 99, NULL, 0, 0, TCP_SYN, 0);
        feed_text(&b, 0, 100, "first");
        feed_text(&b, 0, 100, "other");
        assert_int_equal(b.heard[0]->differs, uncompared == 0);
        assert_int_equal(counts_of(&b, TCP_CLIENT).retransmissions, 1);
        assert_memory_equal(b.heard[0]->bytes, "first", 5);
        end_stream(&b);
        finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order_and_any_cut_give_the_same_bytes),
        cmocka_unit_test(test_skipped_records_do_not_depend_on_order_or_cut),
        cmocka_unit_test(test_gaps_are_told_exactly),
        cmocka_unit_test(test_an_acknowledged_hole_is_not_waited_for),
        cmocka_unit_test(test_data_that_is_captured_behind_its_acknowledgement_is_no_gap),
        cmocka_unit_test(test_small_disorder_with_acknowledgements),
        cmocka_unit_test(test_an_acknowledged_fin_is_not_a_byte),
        cmocka_unit_test(test_no_gap_goes_beyond_fin),
        cmocka_unit_test(test_keep_alives_are_no_bytes),
        cmocka_unit_test(test_the_first_copy_wins_and_others_are_told),
        cmocka_unit_test(test_a_capture_that_begins_in_the_middle),
        cmocka_unit_test(test_a_syn_ack_tells_the_start_of_both),
        cmocka_unit_test(test_odd_segments),
        cmocka_unit_test(test_giant_segments_and_the_ceiling_of_a_connection),
        cmocka_unit_test(test_the_ceiling_of_all_connections),
        cmocka_unit_test(test_without_memory_nothing_waits),
        cmocka_unit_test(test_the_longest_idle_connection_makes_room),
        cmocka_unit_test(test_done_at_any_time),
        cmocka_unit_test(test_long_streams),
        cmocka_unit_test(test_a_gap_among_skipped_bytes),
        cmocka_unit_test(test_the_next_may_be_taken_unread),
        cmocka_unit_test(test_uncompared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
