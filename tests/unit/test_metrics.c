/* Counts for monitoring, taken while the packets of our recordings come, beside the report that is made in the end. */
#include "analyze/monitor/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/report/events.h"
#include "analyze/run.h"
#include "capture/platform.h"

enum { ROW_ROOM = 160, ROWS_MAX = 512, PATH_ROOM = 512, RECORDINGS_LEAST = 200 };

/* Numbers by what they count. */
struct rows {
    struct row {
        char what[ROW_ROOM];
        uint64_t count;
    } rows[ROWS_MAX];
    size_t count;
};

static void add(struct rows *t, const char *what, uint64_t n)
{
    size_t i = 0;
    while (i < t->count && strcmp(t->rows[i].what, what) != 0)
        i++;
    assert_true(i < ROWS_MAX);
    if (i == t->count)
        snprintf(t->rows[t->count++].what, ROW_ROOM, "%s", what);
    t->rows[i].count += n;
}

static uint64_t number(const struct rows *t, const char *what)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].what, what) == 0)
            return t->rows[i].count;
    return 0;
}

/* The samples of two families, but for zeros; of the others the text is tested where they are written. */
static void read_exposition(struct exposition *e, struct rows *out)
{
    static const char *const families[] = {"vpnscope_sessions_total{", "vpnscope_findings_total{"};
    for (size_t at = 0; at < e->len;) {
        char *line = e->text + at, *feed = memchr(line, '\n', e->len - at);
        assert_non_null(feed);
        *feed = '\0';
        at += (size_t)(feed - line) + 1;
        char *end = strstr(line, "} ");
        for (size_t i = 0; i < 2 && end != NULL; i++)
            if (strncmp(line, families[i], strlen(families[i])) == 0 && strcmp(end + 2, "0") != 0) {
                *end = '\0';
                add(out, line + strlen("vpnscope_"), strtoull(end + 2, NULL, 10));
                break;
            }
    }
}

/* Each exchange of a session of the report is a part. */
static bool add_parts(void *ctx, const struct session *s)
{
    char what[ROW_ROOM], text[ADDRESS_TEXT];
    for (size_t i = 0; i < s->exchange_count && !session_is_probes(s); i++) {
        const struct exchange *x = s->exchanges[i];
        const struct address *backend = x->type == CONVERSATION_RADIUS ? &x->client.address : &x->server.address;
        snprintf(what, sizeof what, "sessions_total{protocol=\"%s\",backend=\"%s\",outcome=\"%s\"", exchange_protocol_name(x),
                 x->type == CONVERSATION_EAPOL ? "" : address_text(text, backend), outcome_name((enum outcome)x->outcome));
        add(ctx, what, 1);
    }
    return true;
}

static void add_findings(struct rows *t, const struct analysis *a)
{
    size_t count;
    const struct finding *all = analysis_findings(a, &count);
    for (size_t i = 0; i < count; i++) {
        char what[ROW_ROOM];
        snprintf(what, sizeof what, "findings_total{id=\"%s\",severity=\"%s\"", finding_name(all[i].id),
                 severity_name(all[i].severity));
        add(t, what, 1);
    }
}

static void on_session(void *ctx, const struct session *s)
{
    metrics_session(ctx, s);
}

static void on_finding(void *ctx, const struct finding *f)
{
    metrics_finding(ctx, f);
}

static void on_complaint(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence; /* a recording that is cut off is among them */
}

static void on_progress(void *ctx, const char *path, uint64_t bytes)
{
    (void)ctx;
    (void)path;
    (void)bytes;
}

/* Both tables of a recording. */
static void analyse(const char *name, struct rows *counted, struct rows *reported)
{
    char program[] = "vpnscope", path[PATH_ROOM], error[OPTIONS_ERROR];
    snprintf(path, sizeof path, VS_SOURCE_DIR "/pcaps/%s", name);
    char *argv[] = {program, path};
    struct options o;
    assert_true(options_parse(2, argv, &o, error));
    const struct analysis_options options = {.expect = o.expect};
    struct analysis *a = analysis_new(&options, error);
    struct metrics *m = metrics_new(o.site);
    assert_true(a != NULL && m != NULL);
    struct events *events = events_new(
        a, &(struct events_options){.finding = on_finding, .session = on_session, .ctx = m, .balance = &options.balance});
    assert_non_null(events);
    assert_int_not_equal(run_captures(&o, a, &(struct run_hooks){.complaint = on_complaint, .progress = on_progress}), RUN_NOTHING);
    events_finish(events);
    events_free(events);
    static const struct live_state nothing;
    struct exposition e = {0};
    metrics_write(m, &(struct metrics_now){.live = &nothing}, &e);
    assert_false(e.failed);
    read_exposition(&e, counted);
    assert_true(analysis_finish(a));
    assert_true(analysis_each_session(a, add_parts, reported));
    add_findings(reported, a);
    analysis_free(a);
    metrics_free(m);
    exposition_free(&e);
    options_free(&o);
}

/* What all of the packets together show is in the report only. */
static bool is_of_the_whole(const char *what)
{
    static const char *const ids[] = {"snat-",        "dnat-",    "client-side-nat", "probe-seen", "capture-",
                                      "nic-",         "backend-", "radius-slow",     "cert-differs-between-servers",
                                      "radius-no-answer\",severity=\"warning"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const char *at = strstr(what, ids[i]);
        if (at != NULL && at > what && at[-1] == '"')
            return true;
    }
    return false;
}

/*
 * Of two recordings the whole shows what the packets by then do not: that connections are a load balancer's probes, and that a
 * login came on through a proxy (its second hop, heard first, is what was counted).
 */
static bool is_seen_late(const char *name)
{
    return strcmp(name, "sstp-probes-failing.pcap") == 0 || strcmp(name, "proxy-two-hops.pcap") == 0;
}

struct tally {
    size_t recordings, sessions, findings, late;
};

static void compare(void *ctx, const char *name)
{
    struct tally *t = ctx;
    static struct rows counted, reported;
    size_t len = strlen(name), differ = 0;
    if (len < 5 || strcmp(name + len - 5, ".pcap") != 0)
        return;
    memset(&counted, 0, sizeof counted);
    memset(&reported, 0, sizeof reported);
    analyse(name, &counted, &reported);
    t->recordings++;
    for (int k = 0; k < 2; k++) {
        const struct rows *rows = k == 0 ? &counted : &reported;
        for (size_t i = 0; i < rows->count; i++) {
            const char *what = rows->rows[i].what;
            uint64_t mine = number(&counted, what), theirs = number(&reported, what);
            if (mine == theirs) {
                *(strncmp(what, "sessions", 8) == 0 ? &t->sessions : &t->findings) += k == 0 ? mine : 0;
                continue;
            }
            if (is_of_the_whole(what) && mine < theirs)
                continue;
            differ++;
            print_message("%s: %s: counted %llu, report %llu\n", name, what, (unsigned long long)mine, (unsigned long long)theirs);
        }
    }
    if ((differ > 0) != is_seen_late(name))
        fail_msg("%s: counts and report differ in %zu", name, differ);
    t->late += differ > 0;
}

static void counts_are_the_reports(void **state)
{
    (void)state;
    struct tally t = {0};
    char error[PLATFORM_ERROR];
    assert_true(platform_list(VS_SOURCE_DIR "/pcaps", compare, &t, error));
    assert_true(t.recordings >= RECORDINGS_LEAST && t.sessions > t.recordings && t.findings > 0);
    assert_int_equal(t.late, 2);
    print_message("%zu parts of sessions and %zu findings of %zu recordings, as in their reports\n", t.sessions, t.findings,
                  t.recordings);
}

static struct session session_at(struct exchange *x, uint32_t id, uint8_t type, uint32_t address)
{
    const uint8_t bytes[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address};
    *x = (struct exchange){.id = id, .type = type};
    x->server.address = x->client.address = address_ipv4(bytes);
    return (struct session){.head = id, .exchanges = {x}, .exchange_count = 1, .main = x,
                            .tunnel = type == CONVERSATION_RADIUS ? NULL : x, .outcome = OUTCOME_REJECTED};
}

static const char *written(struct metrics *m, struct exposition *e)
{
    static const struct live_state nothing;
    metrics_write(m, &(struct metrics_now){.live = &nothing}, e);
    assert_false(e->failed);
    e->text[e->len - 1] = '\0';
    return e->text;
}

/* However many addresses a flood invents, their number is bounded; those that were named are counted by themselves. */
static void names_are_bounded(void **state)
{
    (void)state;
    enum { INVENTED = 3 * METRICS_BACKENDS_MAX };
    static struct exchange x;
    static struct site site = {.backend_count = 1, .vip_count = 1};
    const uint8_t named[4] = {192, 0, 2, 1}, vip[4] = {192, 0, 2, 2};
    site.backends[0] = site.named[0].address = address_ipv4(named);
    site.vips[0] = address_ipv4(vip);
    snprintf(site.named[0].name, BALANCE_NAME, "one \"of\" \\ many");
    struct metrics *m = metrics_new(&site);
    struct exposition e = {0};
    assert_non_null(m);
    for (uint32_t i = 1; i <= INVENTED; i++) {
        struct session s = session_at(&x, i, CONVERSATION_IKE, 0x0a000000 + i);
        metrics_session(m, &s);
    }
    struct session s = session_at(&x, 1, CONVERSATION_SSTP, 0xc0000201);
    metrics_session(m, &s);
    s = session_at(&x, 2, CONVERSATION_SSTP, 0xc0000202);
    metrics_session(m, &s);
    const char *text = written(m, &e);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "protocol=\"ikev2\",backend=\"10.")) != NULL; at++)
        lines++;
    assert_int_equal(lines, (METRICS_BACKENDS_MAX - 2) * 5); /* five outcomes of each */
    char other[ROW_ROOM];
    snprintf(other, sizeof other, "{protocol=\"ikev2\",backend=\"other\",outcome=\"rejected\"} %d\n",
             INVENTED - (METRICS_BACKENDS_MAX - 2));
    assert_non_null(strstr(text, other));
    assert_non_null(strstr(text, "{protocol=\"sstp\",backend=\"192.0.2.1\",outcome=\"rejected\"} 1\n"));
    assert_non_null(strstr(text, "{protocol=\"sstp\",backend=\"192.0.2.2\",outcome=\"rejected\"} 1\n"));
    assert_non_null(strstr(text, "vpnscope_backend_info{backend=\"192.0.2.1\",name=\"one \\\"of\\\" \\\\ many\"} 1\n"));
    exposition_free(&e);
    metrics_free(m);
}

/* The same attempt at another interface, or one hop further. */
static void what_continues_is_not_counted_again(void **state)
{
    (void)state;
    static struct exchange x;
    static const struct site nobody;
    struct metrics *m = metrics_new(&nobody);
    struct exposition e = {0};
    assert_non_null(m);
    for (uint32_t i = 1; i <= 3; i++) {
        struct session s = session_at(&x, i, CONVERSATION_RADIUS, 0x0a000001);
        s.head = 1;
        metrics_session(m, &s);
    }
    assert_non_null(strstr(written(m, &e), "{protocol=\"radius\",backend=\"10.0.0.1\",outcome=\"rejected\"} 1\n"));
    exposition_free(&e);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_the_reports),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(what_continues_is_not_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
