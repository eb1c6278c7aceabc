/*
 * HTTP/1.1 for one page, in somebody else's loop: no thread, nothing ever waits. Whoever asks may be hostile: few connections at
 * a time, of which the oldest gives way, each for a few seconds and one request, whose head is small.
 */
#ifndef VS_ANALYZE_HTTP_SERVER_H
#define VS_ANALYZE_HTTP_SERVER_H

#include "capture/wire/address.h"

enum { HTTP_ERROR = 256, HTTP_CONNECTIONS_MAX = 64, HTTP_CONNECTIONS_KEPT = 32, HTTP_CONNECTION_BYTES = 8192 };

#define HTTP_DEADLINE_NS (INT64_C(5) * 1000000000) /* a connection lasts no longer */
#define HTTP_PAGE_NS (INT64_C(250) * 1000000)      /* asked again sooner, the same page is sent */

/* The page as it is now: lent until the next call. False when it cannot be made. */
typedef bool http_page_fn(void *ctx, struct span *page);

struct http_site {
    const char *path;         /* of the page; anything else but / is not found */
    const char *content_type; /* its media type */
    const char *hint;         /* what / says, a line */
    http_page_fn *page;
    void *ctx;
};

struct http_server;

/* Listens there. NULL with a sentence. The site's texts are lent. */
struct http_server *http_server_new(const struct endpoint *at, const struct http_site *site, char error[static HTTP_ERROR]);
void http_server_free(struct http_server *s);

/* What to wait for to be readable, besides asking it now and then; -1 where the system has no such thing. */
int http_server_waiter(const struct http_server *s);
int http_server_listener(const struct http_server *s);

/* Does what there is to do; now_ns is monotonic. */
void http_server_serve(struct http_server *s, int64_t now_ns);

#endif
