/* HTTP heads of SSTP, of monitors and of others, and PROXY headers in front: wire-facts 2.2, 7.4, RFC 9112, RFC 7239.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dissect/sstp/http_head.h"
#include "dissect/sstp/proxy_header.h"

#define TEXT(s, text) assert_true(span_equal(s, span_of(text, sizeof text - 1)))
#define SPAN(text) span_of(text, sizeof text - 1)

/* In pieces of that size; what the reader says at last. */
static enum http_progress feed(struct http_reader *r, const char *text, size_t len, size_t piece, size_t *used)
{
    enum http_progress p = HTTP_MORE;
    *used = 0;
    for (size_t at = 0; at < len && p == HTTP_MORE; at += piece) {
        size_t n = len - at < piece ? len - at : piece, taken;
        uint8_t *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, text + at, n);
        p = http_reader_feed(r, span_of(copy, n), &taken);
        *used += taken;
        free(copy);
    }
    return p;
}

static const char request[] = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
                              "SSTPCORRELATIONID: {85F5114C-9061-0001-0203-0405060708FF}\r\n"
                              "Content-Length: 18446744073709551615\r\n"
                              "Host: vpn.example.net\r\n"
                              "X-Forwarded-For: 198.51.100.7, 10.0.0.1\r\n"
                              "x-forwarded-for: 10.0.0.2\r\n"
                              "Via:1.1 proxy \r\n"
                              "\r\n";

static void a_request_of_sstp_in_any_cut(void **state)
{
    (void)state;
    static const uint8_t guid[16] = {0x85, 0xf5, 0x11, 0x4c, 0x90, 0x61, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0xff};
    char bytes[sizeof request + 3];
    memcpy(bytes, request, sizeof request - 1);
    memcpy(bytes + sizeof request - 1, "\x10\x01\x00\x0e", 4);
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        struct http_reader *r = http_reader_new();
        size_t used;
        assert_int_equal(feed(r, bytes, sizeof bytes, piece, &used), HTTP_DONE);
        assert_int_equal(used, sizeof request - 1);
        const struct http_head *h = http_reader_head(r);
        assert_true(h->request);
        assert_true(h->sstp_request);
        assert_int_equal(h->minor, 1);
        TEXT(h->method, "SSTP_DUPLEX_POST");
        TEXT(h->host, "vpn.example.net");
        TEXT(h->via, "1.1 proxy");
        assert_true(h->has_content_length);
        assert_true(h->content_length == UINT64_MAX);
        assert_true(h->has_correlation);
        assert_memory_equal(h->correlation, guid, sizeof guid);
        TEXT(h->x_forwarded_for, "198.51.100.7, 10.0.0.1");
        assert_int_equal(h->x_forwarded_for_count, 2);
        assert_int_equal(h->size, sizeof request - 1);
        assert_null(h->malformed);
        struct endpoint client;
        char text[ENDPOINT_TEXT];
        assert_true(http_forwarded_client(h, &client));
        assert_string_equal(endpoint_text(text, &client), "198.51.100.7");
        http_reader_free(r);
    }
}

static void responses(void **state)
{
    (void)state;
    static const char ok[] =
        "HTTP/1.1 200\r\nServer: Microsoft-HTTPAPI/2.0\r\nContent-Length: 18446744073709551615\r\n\r\n";
    static const char denied[] = "HTTP/1.0 401 Not allowed here\nServer:x\n\n";
    struct http_reader *r = http_reader_new();
    size_t used;
    assert_int_equal(feed(r, ok, sizeof ok - 1, 7, &used), HTTP_DONE);
    assert_false(http_reader_head(r)->request);
    assert_int_equal(http_reader_head(r)->status, 200);
    assert_int_equal(http_reader_head(r)->reason.len, 0);
    TEXT(http_reader_head(r)->server, "Microsoft-HTTPAPI/2.0");
    http_reader_free(r);
    r = http_reader_new();
    assert_int_equal(feed(r, denied, sizeof denied - 1, 100, &used), HTTP_DONE);
    assert_int_equal(http_reader_head(r)->status, 401);
    assert_int_equal(http_reader_head(r)->minor, 0);
    TEXT(http_reader_head(r)->reason, "Not allowed here");
    http_reader_free(r);
}

static void a_monitor_asks_for_the_same_path(void **state)
{
    (void)state;
    static const char head[] = "HEAD /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\nHost: a\r\n\r\n";
    struct http_reader *r = http_reader_new();
    size_t used;
    assert_int_equal(feed(r, head, sizeof head - 1, sizeof head, &used), HTTP_DONE);
    assert_true(http_reader_head(r)->sstp_target);
    assert_false(http_reader_head(r)->sstp_request);
    http_reader_free(r);
}

static void the_path_in_many_spellings(void **state)
{
    (void)state;
    assert_true(http_target_is_sstp(SPAN("/SRA_{ba195980-cd49-458B-9e23-c84ee0adcd75}/")));
    assert_true(http_target_is_sstp(SPAN("/sra_%7BBA195980-CD49-458b-9E23-C84EE0ADCD75%7d/")));
    assert_true(http_target_is_sstp(SPAN("/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/?tenantid=a")));
    assert_true(http_target_is_sstp(SPAN("/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}")));
    assert_true(http_target_is_sstp(SPAN("https://vpn:443/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/")));
    assert_false(http_target_is_sstp(SPAN("/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}x")));
    assert_false(http_target_is_sstp(SPAN("/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/x")));
    assert_false(http_target_is_sstp(SPAN("/sra_%7")));
    assert_false(http_target_is_sstp(SPAN("/")));
    assert_false(http_target_is_sstp(SPAN("*")));
    assert_false(http_target_is_sstp(SPAN("vpn.example.net:443")));
    assert_false(http_target_is_sstp(SPAN("")));
}

static void content_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has, bad;
        uint64_t value;
    } rows[] = {
        {"Content-Length: 0", true, false, 0},
        {"content-length:18446744073709551614", true, false, UINT64_MAX - 1},
        {"Content-Length: 18446744073709551616", false, true, 0},
        {"Content-Length: -1", false, true, 0},
        {"Content-Length: ", false, true, 0},
        {"Content-Length: 5\r\nContent-Length: 6", true, true, 5},
        {"Content-Length: 5\r\nContent-Length: 5", true, false, 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_reader *r = http_reader_new();
        size_t used;
        assert_int_equal(feed(r, "GET / HTTP/1.1\r\n", 16, 16, &used), HTTP_MORE);
        assert_int_equal(feed(r, rows[i].text, strlen(rows[i].text), 3, &used), HTTP_MORE);
        assert_int_equal(feed(r, "\r\n\r\n", 4, 1, &used), HTTP_DONE);
        const struct http_head *h = http_reader_head(r);
        assert_int_equal(h->has_content_length, rows[i].has);
        assert_int_equal(h->bad_content_length, rows[i].bad);
        assert_true(h->content_length == rows[i].value);
        http_reader_free(r);
    }
}

static void what_is_no_http_is_told_early(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        {"\x16\x03\x01\x02\x00", 5},                        /* TLS */
        {"\x10\x01\x00\x0e", 4},                            /* SSTP without HTTP */
        {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 32},
        {"GET /\r\n", 7},                                   /* HTTP/0.9 */
        {"PRI * HTTP/2.0\r\n", 16},                         /* HTTP/2 */
        {"HTTP/1.1 99 x\r\n", 15},
        {"HTTP/1.1 2000 x\r\n", 17},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ", 52},
        {"\r\n\r\n", 4},
        {" GET / HTTP/1.1\r\n", 17},
        {"GET  HTTP/1.1\r\n", 15},
        {"GET / HTTP/1.1\r\nA: \0b\r\n", 24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece <= 64; piece += 63) {
            struct http_reader *r = http_reader_new();
            size_t used;
            assert_int_equal(feed(r, rows[i].text, rows[i].len, piece, &used), HTTP_NOT);
            assert_non_null(http_reader_reason(r));
            http_reader_free(r);
        }
}

static void a_head_without_end_stops_at_the_ceiling(void **state)
{
    (void)state;
    struct http_reader *r = http_reader_new();
    size_t used, total = 0;
    enum http_progress p = feed(r, "GET / HTTP/1.1\r\n", 16, 16, &total);
    for (int i = 0; i < 1000 && p == HTTP_MORE; i++) {
        p = feed(r, "a: 345678901234567890\r\n", 23, 23, &used);
        total += used;
    }
    assert_int_equal(p, HTTP_TOO_LONG);
    assert_int_equal(total, HTTP_HEAD_MAX);
    http_reader_free(r);
}

static void odd_lines_are_left_out(void **state)
{
    (void)state;
    static const char head[] =
        "GET / HTTP/1.1\r\nno field\r\nHo st: a\r\nHost: b\r\nSSTPCORRELATIONID: {85F5114C}\r\n\r\n";
    struct http_reader *r = http_reader_new();
    size_t used;
    assert_int_equal(feed(r, head, sizeof head - 1, 5, &used), HTTP_DONE);
    TEXT(http_reader_head(r)->host, "b");
    assert_non_null(http_reader_head(r)->malformed);
    assert_false(http_reader_head(r)->has_correlation);
    TEXT(http_reader_head(r)->correlation_text, "{85F5114C}");
    http_reader_free(r);
}

/* RFC 7239 section 4 and 7.4 */
static void forwarded_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *forwarded, *x, *want;
    } rows[] = {
        {"for=192.0.2.43, for=198.51.100.17", "", "192.0.2.43"},
        {"by=203.0.113.43;For=\"[2001:db8:cafe::17]:4711\"", "", "[2001:db8:cafe::17]:4711"},
        {"proto=http;for=\"192.0.2.60:80\";by=203.0.113.43", "10.1.1.1", "192.0.2.60:80"},
        {"for=_hidden", "10.1.1.1", NULL},
        {"proto=http", "10.1.1.1:5000", "10.1.1.1:5000"},
        {"", "2001:db8::5, 10.0.0.1", "2001:db8::5"},
        {"", "unknown", NULL},
        {"", "10.1.1.1:70000", NULL},
        {"", "", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_head h = {0};
        struct endpoint e;
        char text[ENDPOINT_TEXT];
        h.forwarded = span_of(rows[i].forwarded, strlen(rows[i].forwarded));
        h.x_forwarded_for = span_of(rows[i].x, strlen(rows[i].x));
        assert_int_equal(http_forwarded_client(&h, &e), rows[i].want != NULL);
        if (rows[i].want != NULL)
            assert_string_equal(endpoint_text(text, &e), rows[i].want);
    }
}

static enum proxy_progress proxy(struct proxy_header *h, const void *bytes, size_t len, size_t piece, size_t *used)
{
    enum proxy_progress p = PROXY_MORE;
    memset(h, 0, sizeof *h);
    *used = 0;
    for (size_t at = 0; at < len && p == PROXY_MORE; at += piece) {
        size_t n = len - at < piece ? len - at : piece, taken;
        p = proxy_header_feed(h, span_of((const uint8_t *)bytes + at, n), &taken);
        *used += taken;
    }
    return p;
}

static void proxy_version_1(void **state)
{
    (void)state;
    static const char line[] = "PROXY TCP4 198.51.100.7 203.0.113.10 49152 443\r\n\x16\x03";
    static const char six[] = "PROXY TCP6 2001:db8::7 2001:db8::10 49152 443\r\n";
    for (size_t piece = 1; piece < sizeof line; piece++) {
        struct proxy_header h;
        size_t used;
        char text[ENDPOINT_TEXT];
        assert_int_equal(proxy(&h, line, sizeof line - 1, piece, &used), PROXY_DONE);
        assert_int_equal(used, sizeof line - 3);
        assert_int_equal(h.version, 1);
        assert_string_equal(endpoint_text(text, &h.source), "198.51.100.7:49152");
        assert_string_equal(endpoint_text(text, &h.destination), "203.0.113.10:443");
        assert_int_equal(proxy(&h, six, sizeof six - 1, piece, &used), PROXY_DONE);
        assert_string_equal(endpoint_text(text, &h.source), "[2001:db8::7]:49152");
        assert_int_equal(proxy(&h, "PROXY UNKNOWN\r\n", 15, piece, &used), PROXY_DONE);
        assert_true(h.local);
    }
}

static void proxy_version_1_against_the_rules(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "PROXY TCP4 198.51.100.7 203.0.113.10 49152\r\n",
        "PROXY TCP4 198.51.100.7 203.0.113.10 49152 99999\r\n",
        "PROXY TCP6 198.51.100.7 203.0.113.10 49152 443\r\n",
        "PROXY TCP4 198.51.100.7 203.0.113.10 49152 443\n",
        "PROXY UDP4 198.51.100.7 203.0.113.10 49152 443\r\n",
        "PROXY TCP4 198.51.100.7 203.0.113.10 49152 443 1\r\n",
        "PROXY \n",
        "PROXY \r\n",
        "PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece <= 200; piece += 199) {
            struct proxy_header h;
            size_t used;
            assert_int_equal(proxy(&h, rows[i], strlen(rows[i]), piece, &used), PROXY_MALFORMED);
            assert_non_null(h.reason);
        }
}

#define V2 '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'

static void proxy_version_2(void **state)
{
    (void)state;
    static const uint8_t four[] = {V2, 0x21, 0x11, 0, 12, 198, 51, 100, 7, 203, 0, 113, 10, 0xc0, 0, 1, 0xbb, 0x10};
    uint8_t six[16 + 500] = {V2, 0x21, 0x21, 1, 244, 0x20, 1, 0xd, 0xb8};
    six[16 + 15] = 7;
    six[16 + 32] = 0xc0;
    static const uint8_t local[] = {V2, 0x20, 0, 0, 0};
    for (size_t piece = 1; piece <= sizeof six; piece += 5) {
        struct proxy_header h;
        size_t used;
        char text[ENDPOINT_TEXT];
        assert_int_equal(proxy(&h, four, sizeof four, piece, &used), PROXY_DONE);
        assert_int_equal(used, sizeof four - 1);
        assert_int_equal(h.version, 2);
        assert_string_equal(endpoint_text(text, &h.source), "198.51.100.7:49152");
        assert_string_equal(endpoint_text(text, &h.destination), "203.0.113.10:443");
        assert_int_equal(proxy(&h, six, sizeof six, piece, &used), PROXY_DONE); /* longer than what is kept */
        assert_int_equal(used, sizeof six);
        assert_string_equal(endpoint_text(text, &h.source), "[2001:db8::7]:49152");
        assert_int_equal(proxy(&h, local, sizeof local, piece, &used), PROXY_DONE);
        assert_true(h.local);
        assert_int_equal(h.source.address.family, FAMILY_NONE);
    }
}

static void proxy_version_2_against_the_rules(void **state)
{
    (void)state;
    static const uint8_t version[] = {V2, 0x11, 0x11, 0, 0}, command[] = {V2, 0x22, 0x11, 0, 0};
    static const uint8_t brief[] = {V2, 0x21, 0x11, 0, 4, 1, 2, 3, 4};
    struct proxy_header h;
    size_t used;
    assert_int_equal(proxy(&h, version, sizeof version, 1, &used), PROXY_MALFORMED);
    assert_int_equal(proxy(&h, command, sizeof command, 1, &used), PROXY_MALFORMED);
    assert_int_equal(proxy(&h, brief, sizeof brief, 1, &used), PROXY_MALFORMED);
}

static void other_streams_have_no_proxy_header(void **state)
{
    (void)state;
    struct proxy_header h;
    size_t used;
    assert_int_equal(proxy(&h, "\x16\x03\x01", 3, 3, &used), PROXY_NONE);
    assert_int_equal(used, 0);
    assert_int_equal(h.have, 0);
    assert_int_equal(proxy(&h, "PROPFIND / HTTP/1.1", 19, 2, &used), PROXY_NONE);
    assert_int_equal(used, 2); /* the first piece was taken, and is given back */
    assert_int_equal(h.have, 2);
    assert_memory_equal(h.kept, "PR", 2);
    assert_int_equal(proxy_header_feed(&h, SPAN("OPFIND"), &used), PROXY_NONE);
    assert_int_equal(used, 0);
    assert_int_equal(proxy(&h, "\r\n\r\n", 4, 4, &used), PROXY_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_sstp_in_any_cut),
        cmocka_unit_test(responses),
        cmocka_unit_test(a_monitor_asks_for_the_same_path),
        cmocka_unit_test(the_path_in_many_spellings),
        cmocka_unit_test(content_lengths),
        cmocka_unit_test(what_is_no_http_is_told_early),
        cmocka_unit_test(a_head_without_end_stops_at_the_ceiling),
        cmocka_unit_test(odd_lines_are_left_out),
        cmocka_unit_test(forwarded_addresses),
        cmocka_unit_test(proxy_version_1),
        cmocka_unit_test(proxy_version_1_against_the_rules),
        cmocka_unit_test(proxy_version_2),
        cmocka_unit_test(proxy_version_2_against_the_rules),
        cmocka_unit_test(other_streams_have_no_proxy_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
