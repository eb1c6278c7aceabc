/* pcapng as it is written: read back by the reader of such files, and by its bytes where the draft says what they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/pcapng_writer.h"
#include "capture_bytes.h"

enum { ROOM = 1 << 16 };

struct written {
    uint8_t bytes[ROOM];
    size_t len;
    unsigned calls, refuse; /* the call that is refused, 0 none */
};

static bool take(void *ctx, struct span bytes)
{
    struct written *w = ctx;
    if (++w->calls == w->refuse)
        return false;
    assert_true(bytes.len <= ROOM - w->len);
    memcpy(w->bytes + w->len, bytes.data, bytes.len);
    w->len += bytes.len;
    return true;
}

static struct frame frame_of(const char *bytes, uint32_t wire_len, int64_t time_ns)
{
    return (struct frame){.time_ns = time_ns, .bytes = (const uint8_t *)bytes, .len = (uint32_t)strlen(bytes), .wire_len = wire_len};
}

static void interfaces_of_several_kinds_come_back(void **state)
{
    (void)state;
    struct written out = {.len = 0};
    struct pcapng_writer w = {.put = take, .ctx = &out};
    const struct source_interface ethernet = {.name = "eth0", .description = "outside", .snaplen = 96, .link_type = LINKTYPE_ETHERNET},
                                  raw = {.link_type = LINKTYPE_RAW};
    struct frame cut = frame_of("abcde", 1500, INT64_C(1700000000123456789)), whole = frame_of("x", 1, INT64_C(1));
    assert_true(pcapng_begin(&w, "a test") && pcapng_interface(&w, &ethernet));
    assert_true(pcapng_packet(&w, &cut, 0, NULL));
    assert_true(pcapng_interface(&w, &raw)); /* as it is first needed */
    assert_true(pcapng_packet(&w, &whole, 1, NULL) && pcapng_packet(&w, &cut, 0, NULL));
    assert_int_equal(w.interfaces, 2);
    struct kept k;
    struct source *s = keep_open(span_of(out.bytes, out.len), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_string_equal(k.text, "");
    assert_int_equal(k.count, 3);
    assert_int_equal(k.frames[0].time_ns, INT64_C(1700000000123456789));
    assert_int_equal(k.frames[0].len, 5);
    assert_int_equal(k.frames[0].wire_len, 1500);
    assert_memory_equal(k.frames[0].bytes, "abcde", 5);
    assert_int_equal(k.frames[0].flags, 0);
    assert_null(k.frames[0].comment.data);
    assert_int_equal(k.frames[1].time_ns, 1);
    assert_int_equal(k.frames[1].link_type, LINKTYPE_RAW);
    assert_int_equal(k.frames[1].interface, 1);
    assert_int_equal(k.frames[2].link_type, LINKTYPE_ETHERNET);
    const struct source_info *info = source_info(s);
    assert_string_equal(info->application, "a test");
    assert_int_equal(info->interface_count, 2);
    assert_string_equal(info->interfaces[0].name, "eth0");
    assert_string_equal(info->interfaces[0].description, "outside");
    assert_int_equal(info->interfaces[0].snaplen, 96);
    assert_int_equal(info->interfaces[0].time_digits, 9);
    assert_null(info->interfaces[1].name);
    source_close(s);
}

static void what_a_frame_says_besides_comes_back(void **state)
{
    (void)state;
    struct written out = {.len = 0};
    struct pcapng_writer w = {.put = take, .ctx = &out};
    struct frame f = frame_of("abc", 3, 7);
    char longer[PCAPNG_NOTE_MAX + 2];
    memset(longer, 'n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    f.flags = FRAME_HAS_PACKET_ID | FRAME_DROPPED | FRAME_OUTBOUND;
    f.packet_id = UINT64_C(0x123456789abcdef0);
    f.comment = span_of("said", 4);
    assert_true(pcapng_begin(&w, NULL) && pcapng_interface(&w, &(struct source_interface){.link_type = LINKTYPE_ETHERNET}));
    assert_true(pcapng_packet(&w, &f, 0, NULL));
    f.flags = FRAME_INBOUND;
    assert_true(pcapng_packet(&w, &f, 0, "a note") && pcapng_packet(&w, &f, 0, longer));
    struct kept k;
    keep(span_of(out.bytes, out.len), &k);
    assert_string_equal(k.text, "");
    assert_int_equal(k.count, 3);
    assert_int_equal(k.frames[0].flags, FRAME_HAS_PACKET_ID | FRAME_DROPPED | FRAME_OUTBOUND);
    assert_int_equal(k.frames[0].packet_id, UINT64_C(0x123456789abcdef0));
    assert_true(span_equal(k.frames[0].comment, span_of("said", 4)));
    assert_int_equal(k.frames[1].flags, FRAME_INBOUND);
    assert_true(span_equal(k.frames[1].comment, span_of("a note", 6)));
    assert_int_equal(k.frames[2].comment.len, PCAPNG_NOTE_MAX);
}

static void how_it_was_sniffed_comes_back(void **state)
{
    (void)state;
    struct written out = {.len = 0};
    struct pcapng_writer w = {.put = take, .ctx = &out};
    struct frame f = frame_of("abc", 3, INT64_C(1700000000000000007));
    const uint64_t lost = 17;
    assert_true(pcapng_begin(&w, NULL));
    for (unsigned i = 0; i < 2; i++)
        assert_true(pcapng_interface(&w, &(struct source_interface){.link_type = LINKTYPE_ETHERNET}));
    assert_true(pcapng_packet(&w, &f, 0, NULL));
    assert_true(pcapng_statistics(&w, 1, f.time_ns, INT64_C(1700000123000000009), &lost));
    assert_true(pcapng_statistics(&w, 0, 0, INT64_C(1700000122000000009), NULL));
    struct kept k;
    struct source *s = keep_open(span_of(out.bytes, out.len), TEST_BUFFER, &(struct source_options){0}, &k);
    assert_string_equal(k.text, "");
    const struct source_info *info = source_info(s);
    assert_int_equal(info->end_ns, INT64_C(1700000123000000009));
    assert_int_equal(info->last_ns, INT64_C(1700000000000000007));
    assert_false(info->interfaces[0].has_drops);
    assert_true(info->interfaces[1].has_drops);
    assert_int_equal(info->interfaces[1].drops, 17);
    source_close(s);
}

static void note_secrets(void *ctx, uint32_t type, struct span secrets)
{
    assert_int_equal(type, SECRETS_TLS_KEY_LOG);
    assert_true(span_equal(secrets, span_of("CLIENT_RANDOM a b\n", 18)));
    ++*(unsigned *)ctx;
}

static void secrets_come_back(void **state)
{
    (void)state;
    struct written out = {.len = 0};
    struct pcapng_writer w = {.put = take, .ctx = &out};
    unsigned told = 0;
    assert_true(pcapng_begin(&w, NULL) && pcapng_secrets(&w, SECRETS_TLS_KEY_LOG, span_of("CLIENT_RANDOM a b\n", 18)));
    struct kept k;
    source_close(keep_open(span_of(out.bytes, out.len), TEST_BUFFER, &(struct source_options){.secrets = note_secrets, .secrets_ctx = &told}, &k));
    assert_string_equal(k.text, "");
    assert_int_equal(told, 1);
}

/* Figures of draft-ietf-opsawg-pcapng: section 4.1 and 4.3; the padding is zero. */
static void the_drafts_layout_is_written(void **state)
{
    (void)state;
    struct written out = {.len = 0};
    struct pcapng_writer w = {.put = take, .ctx = &out};
    struct frame f = frame_of("xyz", 70, (INT64_C(5) << 32) + 6);
    static const uint8_t head[] = {LE32(0x0a0d0d0a), LE32(32), LE32(0x1a2b3c4d), LE16(1), LE16(0), LE64(UINT64_MAX), LE32(0), LE32(32)};
    static const uint8_t packet[] = {LE32(6), LE32(36), LE32(2), LE32(5), LE32(6), LE32(3), LE32(70), 'x', 'y', 'z', 0, LE32(36)};
    assert_true(pcapng_begin(&w, NULL));
    assert_int_equal(out.len, sizeof head);
    assert_memory_equal(out.bytes, head, sizeof head);
    out.len = 0;
    assert_true(pcapng_packet(&w, &f, 2, NULL));
    assert_int_equal(out.len, sizeof packet);
    assert_memory_equal(out.bytes, packet, sizeof packet);
    assert_true(pcapng_packet_bytes(3) >= sizeof packet + PCAPNG_NOTE_MAX);
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    struct frame f = frame_of("xyz", 3, 0);
    for (unsigned refuse = 1; refuse <= 4; refuse++) {
        struct written out = {.refuse = refuse};
        struct pcapng_writer w = {.put = take, .ctx = &out};
        assert_false(pcapng_packet(&w, &f, 0, NULL));
        assert_int_equal(out.calls, refuse);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interfaces_of_several_kinds_come_back),
        cmocka_unit_test(what_a_frame_says_besides_comes_back),
        cmocka_unit_test(how_it_was_sniffed_comes_back),
        cmocka_unit_test(secrets_come_back),
        cmocka_unit_test(the_drafts_layout_is_written),
        cmocka_unit_test(a_refusal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
