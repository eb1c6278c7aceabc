#include "analyze/monitor/http_server.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"

enum { IDLE_SECONDS = 5 };

/* What of the library is used. It brings TLS and half a dozen other libraries with it, so it is loaded only when asked for. */
struct http_library {
    struct MHD_Daemon *(*start)(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback, void *, MHD_AccessHandlerCallback, void *, ...);
    void (*stop)(struct MHD_Daemon *);
    enum MHD_Result (*run)(struct MHD_Daemon *);
    const union MHD_DaemonInfo *(*daemon_info)(struct MHD_Daemon *, enum MHD_DaemonInfoType, ...);
    const union MHD_ConnectionInfo *(*connection_info)(struct MHD_Connection *, enum MHD_ConnectionInfoType, ...);
    enum MHD_Result (*supports)(enum MHD_FEATURE);
    struct MHD_Response *(*response)(size_t size, void *buffer, enum MHD_ResponseMemoryMode);
    enum MHD_Result (*header)(struct MHD_Response *, const char *, const char *);
    enum MHD_Result (*queue)(struct MHD_Connection *, unsigned status, struct MHD_Response *);
    void (*release)(struct MHD_Response *);
};

struct caller {
    struct MHD_Connection *connection; /* NULL: a free place */
    int handle;
    int64_t since_ns;
    uint64_t serial;
};

struct http_server {
    struct http_library library;
    struct http_site site;
    struct MHD_Daemon *daemon;
    int listener, waiter;
    struct caller callers[HTTP_CONNECTIONS_MAX];
    uint64_t serial;
    struct MHD_Response *page, *hint, *not_found, *not_allowed, *failed; /* page: NULL until it is asked for */
    int64_t now_ns, page_ns;
};

static bool load(struct http_library *l, char error[static HTTP_ERROR])
{
    struct platform_library *library = platform_library_open(MICROHTTPD_LIBRARY, error);
    platform_function **const functions[] = {
        (platform_function **)&l->start,           (platform_function **)&l->stop,     (platform_function **)&l->run,
        (platform_function **)&l->daemon_info,     (platform_function **)&l->connection_info,
        (platform_function **)&l->supports,        (platform_function **)&l->response, (platform_function **)&l->header,
        (platform_function **)&l->queue,           (platform_function **)&l->release};
    static const char *const names[] = {"MHD_start_daemon", "MHD_stop_daemon", "MHD_run", "MHD_get_daemon_info",
                                        "MHD_get_connection_info", "MHD_is_feature_supported",
                                        "MHD_create_response_from_buffer", "MHD_add_response_header", "MHD_queue_response",
                                        "MHD_destroy_response"};
    if (library == NULL)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!platform_library_function(library, names[i], functions[i])) {
            snprintf(error, HTTP_ERROR, "the library " MICROHTTPD_LIBRARY " has no %s", names[i]);
            return false;
        }
    return true;
}

static struct MHD_Response *new_response(const struct http_library *l, struct span text, const char *type)
{
    struct MHD_Response *r = l->response(text.len, (void *)(uintptr_t)text.data, MHD_RESPMEM_MUST_COPY);
    if (r != NULL && l->header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        l->header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
        return r;
    if (r != NULL)
        l->release(r);
    return NULL;
}

static struct MHD_Response *new_line(const struct http_library *l, const char *text)
{
    return new_response(l, span_of(text, strlen(text)), "text/plain; charset=utf-8");
}

/* Whoever asks at once again, or beside others, gets the same page. */
static struct MHD_Response *page_of(struct http_server *s)
{
    struct span text;
    if (s->page != NULL && s->now_ns - s->page_ns < HTTP_PAGE_NS)
        return s->page;
    if (s->page != NULL)
        s->library.release(s->page);
    s->page = s->site.page(s->site.ctx, &text) ? new_response(&s->library, text, s->site.content_type) : NULL;
    s->page_ns = s->now_ns;
    return s->page;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **state)
{
    struct http_server *s = ctx;
    (void)version;
    (void)upload;
    (void)upload_len;
    (void)state;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return s->library.queue(c, MHD_HTTP_METHOD_NOT_ALLOWED, s->not_allowed);
    if (strcmp(url, "/") == 0)
        return s->library.queue(c, MHD_HTTP_OK, s->hint);
    if (strcmp(url, s->site.path) != 0)
        return s->library.queue(c, MHD_HTTP_NOT_FOUND, s->not_found);
    struct MHD_Response *page = page_of(s);
    return page != NULL ? s->library.queue(c, MHD_HTTP_OK, page)
                        : s->library.queue(c, MHD_HTTP_INTERNAL_SERVER_ERROR, s->failed);
}

static struct caller *find(struct http_server *s, const struct MHD_Connection *c)
{
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (s->callers[i].connection == c)
            return &s->callers[i];
    return NULL;
}

static void hang_up(struct caller *c)
{
    platform_hang_up(c->handle);
    c->handle = -1;
}

/* So that those who ask slowly do not keep out those who just came. */
static void make_way(struct http_server *s)
{
    struct caller *oldest = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct caller *c = &s->callers[i];
        if (c->connection == NULL || c->handle < 0)
            continue;
        kept++;
        if (oldest == NULL || c->serial < oldest->serial)
            oldest = c;
    }
    if (kept > HTTP_CONNECTIONS_KEPT)
        hang_up(oldest);
}

static void on_connection(void *ctx, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = ctx;
    struct caller *mine = find(s, code == MHD_CONNECTION_NOTIFY_STARTED ? NULL : c);
    (void)state;
    if (mine == NULL)
        return; /* the library keeps to the same number of connections */
    if (code != MHD_CONNECTION_NOTIFY_STARTED) {
        mine->connection = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = s->library.connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    *mine = (struct caller){c, info != NULL ? info->connect_fd : -1, s->now_ns, s->serial++};
    make_way(s);
}

static bool start(struct http_server *s, char error[static HTTP_ERROR])
{
    const struct http_library *l = &s->library;
    unsigned flags = MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    if (l->supports(MHD_FEATURE_EPOLL) == MHD_YES)
        flags |= MHD_USE_EPOLL;
    s->daemon = l->start(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listener,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
                         MHD_OPTION_END);
    s->hint = new_line(l, s->site.hint);
    s->not_found = new_line(l, "not found\n");
    s->not_allowed = new_line(l, "GET and HEAD only\n");
    s->failed = new_line(l, "too much to tell\n");
    if (s->daemon == NULL || s->hint == NULL || s->not_found == NULL || s->not_allowed == NULL || s->failed == NULL ||
        l->header(s->not_allowed, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") != MHD_YES) {
        snprintf(error, HTTP_ERROR, "the HTTP server does not start");
        return false;
    }
    const union MHD_DaemonInfo *info = l->daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    s->waiter = (flags & MHD_USE_EPOLL) != 0 && info != NULL ? info->epoll_fd : -1;
    return true;
}

struct http_server *http_server_new(const struct endpoint *at, const struct http_site *site, char error[static HTTP_ERROR])
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(error, HTTP_ERROR, "out of memory");
        return NULL;
    }
    s->site = *site;
    s->listener = -1;
    if (load(&s->library, error) && (s->listener = platform_listen(at, error)) >= 0 && start(s, error))
        return s;
    http_server_free(s);
    return NULL;
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    struct MHD_Response *const responses[] = {s->page, s->hint, s->not_found, s->not_allowed, s->failed};
    if (s->daemon != NULL)
        s->library.stop(s->daemon); /* closes its socket, too */
    else if (s->listener >= 0)
        platform_stop_listening(s->listener);
    for (size_t i = 0; i < sizeof responses / sizeof *responses; i++)
        if (responses[i] != NULL)
            s->library.release(responses[i]);
    free(s);
}

int http_server_waiter(const struct http_server *s)
{
    return s->waiter;
}

int http_server_listener(const struct http_server *s)
{
    return s->listener;
}

void http_server_serve(struct http_server *s, int64_t now_ns)
{
    s->now_ns = now_ns;
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct caller *c = &s->callers[i];
        if (c->connection != NULL && c->handle >= 0 && now_ns - c->since_ns >= HTTP_DEADLINE_NS)
            hang_up(c);
    }
    (void)s->library.run(s->daemon);
}
