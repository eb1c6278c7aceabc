/* The beginning of a stream: a PROXY header if there is one, then an HTTP head. The first octet is the size of the
 * pieces; whole and in pieces the result must be the same. */
#include "dissect/sstp/http_head.h"
#include "dissect/sstp/proxy_header.h"
#include "tests/fuzz/fuzz_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum http_progress read_head(struct http_reader *r, struct span bytes, size_t size, size_t *total)
{
    enum http_progress p = HTTP_MORE;
    *total = 0;
    for (size_t at = 0; at < bytes.len && p == HTTP_MORE; at += size) {
        size_t n = bytes.len - at < size ? bytes.len - at : size, used;
        struct piece piece = piece_of(span_of(bytes.data + at, n));
        p = http_reader_feed(r, span_of(piece.bytes, n), &used);
        *total += used;
        free(piece.bytes);
    }
    return p;
}

/* The octets of the header in the stream; 0 without one. */
static size_t proxy_size(struct span bytes, size_t piece, enum proxy_progress *p)
{
    struct proxy_header h = {0};
    size_t total = 0;
    *p = PROXY_MORE;
    for (size_t at = 0; at < bytes.len && *p == PROXY_MORE; at += piece) {
        size_t n = bytes.len - at < piece ? bytes.len - at : piece, used;
        *p = proxy_header_feed(&h, span_of(bytes.data + at, n), &used);
        total += used;
    }
    if (*p == PROXY_NONE && (total != h.have || (total > 0 && memcmp(h.kept, bytes.data, total) != 0)))
        abort();
    return *p == PROXY_DONE ? total : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct span bytes = {data + 1, size - 1};
    size_t piece = data[0] > 0 ? data[0] : 1, whole_size, pieces_size;
    enum proxy_progress whole_proxy, pieces_proxy;
    whole_size = proxy_size(bytes, bytes.len, &whole_proxy);
    pieces_size = proxy_size(bytes, piece, &pieces_proxy);
    if (whole_size != pieces_size || whole_proxy != pieces_proxy)
        abort();
    bytes = span_of(bytes.data + whole_size, bytes.len - whole_size);
    struct http_reader *whole = http_reader_new(), *pieces = http_reader_new();
    if (whole != NULL && pieces != NULL && bytes.len > 0) {
        enum http_progress a = read_head(whole, bytes, bytes.len, &whole_size);
        enum http_progress b = read_head(pieces, bytes, piece, &pieces_size);
        if (a != b || whole_size != pieces_size)
            abort();
        const struct http_head *h = http_reader_head(whole);
        const struct span all[] = {h->method, h->target, h->reason, h->host, h->server, h->via, h->forwarded,
                                   h->x_forwarded_for, h->sstp_version, h->correlation_text};
        touch_all(all, sizeof all / sizeof *all);
        struct endpoint client;
        if (http_forwarded_client(h, &client) && client.address.family == FAMILY_NONE)
            abort();
    }
    http_reader_free(whole);
    http_reader_free(pieces);
    return 0;
}
