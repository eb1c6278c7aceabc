/*
 * The head of one HTTP/1.1 message (RFC 9112) out of a stream in any cuts, as far as SSTP, its monitors and its proxies
 * need it. What follows the head is the caller's. wire-facts 2.2, 7.4, 7.5.
 */
#ifndef VS_SSTP_HTTP_HEAD_H
#define VS_SSTP_HTTP_HEAD_H

#include "capture/wire/address.h"
#include "capture/wire/span.h"

enum { HTTP_HEAD_MAX = 16384, HTTP_METHOD_MAX = 32, HTTP_CORRELATION = 16 };

enum http_progress {
    HTTP_MORE,     /* the head is not whole */
    HTTP_DONE,     /* it is; feeding it again takes nothing */
    HTTP_NOT,      /* these octets are no HTTP/1 head: reason says why */
    HTTP_TOO_LONG  /* longer than HTTP_HEAD_MAX, or no memory */
};

/* Spans are lent by the reader until it is fed again or freed. Fields that are not there are empty. Of a field that
 * comes several times the first one is kept. */
struct http_head {
    bool request;               /* else a response */
    uint8_t minor;              /* HTTP/1.minor */
    uint16_t status;            /* response: 100..999 */
    struct span method, target; /* request */
    struct span reason;         /* response */
    struct span host, server, via, forwarded, x_forwarded_for;
    struct span sstp_version;   /* header SSTPVERSION of a CONNECT through a forward proxy */
    uint8_t x_forwarded_for_count;
    bool has_content_length, bad_content_length; /* bad: no number, more than 64 bits, or contradicting ones */
    uint64_t content_length;
    struct span correlation_text; /* SSTPCORRELATIONID as sent */
    bool has_correlation;         /* and it is a GUID */
    uint8_t correlation[HTTP_CORRELATION]; /* in the order of its text */
    bool sstp_target;           /* request: /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ in any spelling */
    bool sstp_request;          /* SSTP_DUPLEX_POST to it, with the length 2^64-1 */
    uint32_t size;              /* octets of the head, with its empty line */
    const char *malformed;      /* a line that is none, was left out: constant sentence; NULL */
};

struct http_reader;

/* NULL when memory is short. It grows with the head to HTTP_HEAD_MAX. */
struct http_reader *http_reader_new(void);
void http_reader_free(struct http_reader *r);
size_t http_reader_bytes(const struct http_reader *r); /* of memory that it holds; 0 for NULL */

/* The next octets; *used of them belong to the head. Tells as soon as it can that they are no HTTP. */
enum http_progress http_reader_feed(struct http_reader *r, struct span bytes, size_t *used);

/* The head after HTTP_DONE, else what is known: nothing. */
const struct http_head *http_reader_head(const struct http_reader *r);

/* Why HTTP_NOT or HTTP_TOO_LONG: constant sentence, or NULL. */
const char *http_reader_reason(const struct http_reader *r);

/* The client that the proxies in front tell of: the first address of Forwarded (RFC 7239), else of X-Forwarded-For.
 * False when there is none or it is hidden. port: 0 when not told. */
bool http_forwarded_client(const struct http_head *head, struct endpoint *out);

/* The path is SSTP's, spelled in any case, percent-encoded or not, absolute or not, with or without a query. */
bool http_target_is_sstp(struct span target);

#endif
