#include "analyze/monitor/monitor.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/monitor/http_server.h"
#include "analyze/monitor/metrics.h"

struct monitor {
    const struct options *options;
    struct analysis *analysis;
    struct live *live;
    struct metrics *metrics;
    struct http_server *server;
    struct exposition page;
    struct platform_serving serving;
    uint64_t unlooked; /* as of the latest second */
    int64_t begin_ns;
    int64_t balance_ns; /* not before is it looked at again how attempts are spread */
};

#define BALANCE_EVERY_NS INT64_C(1000000000)
enum { BALANCE_SHARE = 100 }; /* at most that part of the time */

static void look_at_balance(struct monitor *m)
{
    int64_t begin = platform_monotonic_ns();
    if (begin < m->balance_ns)
        return;
    const struct balance_others others = analysis_balance_others(m->analysis);
    metrics_balance(m->metrics, &others);
    int64_t end = platform_monotonic_ns(), wait = (end - begin) * BALANCE_SHARE;
    m->balance_ns = end + (wait > BALANCE_EVERY_NS ? wait : BALANCE_EVERY_NS);
}

static bool write_page(void *ctx, struct span *page)
{
    struct monitor *m = ctx;
    struct live_state state;
    live_look(m->live, &state);
    look_at_balance(m);
    metrics_certificates(m->metrics, analysis_chains(m->analysis));
    const struct metrics_now now = {.live = &state,
                                    .open = analysis_open(m->analysis),
                                    .state_bytes = analysis_state_bytes(m->analysis) + state.state_bytes,
                                    .unlooked = m->unlooked,
                                    .unkept = analysis_unkept(m->analysis),
                                    .state_bytes_peak = analysis_peak_bytes(m->analysis) + state.state_bytes_peak,
                                    .state_budget = m->options->memory_mib << 20,
                                    .process_peak_bytes = platform_peak_memory(),
                                    .uptime_s = (double)(platform_monotonic_ns() - m->begin_ns) / 1e9};
    metrics_write(m->metrics, &now, &m->page);
    *page = span_of(m->page.text, m->page.len);
    return !m->page.failed;
}

struct monitor *monitor_new(const struct options *o, struct analysis *a, const struct balance_settings *balance,
                            char error[static MONITOR_ERROR])
{
    char at[ENDPOINT_TEXT], reason[HTTP_ERROR] = "out of memory";
    struct monitor *m = calloc(1, sizeof *m);
    const struct http_site site = {.path = "/metrics",
                                   .content_type = EXPOSITION_CONTENT_TYPE,
                                   .hint = "vpnscope: /metrics has its numbers\n",
                                   .page = write_page,
                                   .ctx = m};
    if (m != NULL) {
        m->options = o;
        m->analysis = a;
        m->begin_ns = platform_monotonic_ns();
        m->metrics = metrics_new(o->site, balance);
        m->server = m->metrics != NULL ? http_server_new(&o->metrics_at, &site, reason) : NULL;
    }
    if (m == NULL || m->server == NULL) {
        snprintf(error, MONITOR_ERROR, "--metrics %s: %s", endpoint_text(at, &o->metrics_at), reason);
        monitor_free(m);
        return NULL;
    }
    m->serving = (struct platform_serving){http_server_listener(m->server), http_server_waiter(m->server)};
    return m;
}

void monitor_free(struct monitor *m)
{
    if (m == NULL)
        return;
    http_server_free(m->server);
    metrics_free(m->metrics);
    exposition_free(&m->page);
    free(m);
}

const struct platform_serving *monitor_serving(const struct monitor *m)
{
    return &m->serving;
}

static void serve(void *ctx, int64_t now_ns)
{
    struct monitor *m = ctx;
    http_server_serve(m->server, now_ns);
}

void monitor_attend(struct monitor *m, struct live *l)
{
    m->live = l;
    live_invite(l, &(struct live_guest){.waiter = m->serving.waiter, .serve = serve, .ctx = m});
}

void monitor_session(struct monitor *m, const struct session *s)
{
    metrics_session(m->metrics, s);
}

void monitor_finding(struct monitor *m, const struct finding *f)
{
    metrics_finding(m->metrics, f);
}

void monitor_window(struct monitor *m, const struct window *w)
{
    metrics_window(m->metrics, w);
}

void monitor_status(struct monitor *m, const struct events_status *s)
{
    m->unlooked = s->untold;
}
