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
#include "tests/unit/certificates.h"

static const struct balance_settings unnamed;

enum { ROW_ROOM = 160, ROWS_MAX = 512, PATH_ROOM = 512, RECORDINGS_LEAST = 200, LATE_RECORDINGS = 4, BACKENDS_NAMED = 4, BEFORE_IT_SHOWS = 4 };

/* Numbers by what they count. */
struct rows {
    struct row {
        char what[ROW_ROOM];
        double count;
    } rows[ROWS_MAX];
    size_t count;
};

static void add(struct rows *t, const char *what, double n)
{
    size_t i = 0;
    while (i < t->count && strcmp(t->rows[i].what, what) != 0)
        i++;
    assert_true(i < ROWS_MAX);
    if (i == t->count)
        snprintf(t->rows[t->count++].what, ROW_ROOM, "%s", what);
    t->rows[i].count += n;
}

static double number(const struct rows *t, const char *what)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].what, what) == 0)
            return t->rows[i].count;
    return 0;
}

/* The samples of some families, but for zeros. */
static void read_exposition(struct exposition *e, struct rows *out)
{
    static const char *const families[] = {"vpnscope_sessions_total{", "vpnscope_findings_total{", "vpnscope_balance_jain{",
                                           "vpnscope_balance_attempts{"};
    enum { FAMILIES = sizeof families / sizeof *families };
    for (size_t at = 0; at < e->len;) {
        char *line = e->text + at, *feed = memchr(line, '\n', e->len - at);
        assert_non_null(feed);
        *feed = '\0';
        at += (size_t)(feed - line) + 1;
        char *end = strstr(line, "} ");
        for (size_t i = 0; i < FAMILIES && end != NULL; i++)
            if (strncmp(line, families[i], strlen(families[i])) == 0 && strcmp(end + 2, "0") != 0) {
                *end = '\0';
                add(out, line + strlen("vpnscope_"), strtod(end + 2, NULL));
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

static void add_balance(struct rows *t, const struct analysis *a)
{
    size_t count;
    const struct balance_result *all = balance_results(analysis_balance(a), &count);
    for (size_t i = 0; i < count; i++) {
        const struct balance_result *r = &all[i];
        char what[ROW_ROOM], group[ADDRESS_TEXT], text[ADDRESS_TEXT];
        int len = snprintf(what, sizeof what, "balance_jain{protocol=\"%s\",basis=\"%s\",group=\"%s\"", balance_protocol_name(r->protocol),
                           r->radius ? "radius" : "tunnels", address_text(group, &r->backends[0].address));
        if (r->judgement.evenness.valid)
            add(t, what, r->judgement.evenness.jain);
        for (size_t k = 0; k < r->backend_count; k++) {
            char name[ROW_ROOM];
            snprintf(name, sizeof name, "balance_attempts%.*s,backend=\"%s\"", len - (int)strlen("balance_jain"),
                     what + strlen("balance_jain"), address_text(text, &r->backends[k].address));
            if (r->backends[k].attempts > 0)
                add(t, name, (double)r->backends[k].attempts);
        }
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

/* Both tables of a recording; backends: values of --backend, up to NULL. */
static void analyse(const char *name, const char *const *backends, struct rows *counted, struct rows *reported)
{
    char program[] = "vpnscope", path[PATH_ROOM], named[BACKENDS_NAMED][PATH_ROOM], error[OPTIONS_ERROR];
    char *argv[2 + BACKENDS_NAMED] = {program, path};
    int argc = 2;
    snprintf(path, sizeof path, VS_SOURCE_DIR "/pcaps/%s", name);
    for (; *backends != NULL && argc < 2 + BACKENDS_NAMED; backends++, argc++) {
        argv[argc] = named[argc - 2];
        snprintf(argv[argc], PATH_ROOM, "--backend=%s", *backends);
    }
    struct options o;
    assert_true(options_parse(argc, argv, &o, error));
    const struct analysis_options options = {
        .expect = o.expect,
        .nat = {.backends = o.site->backends, .backend_count = o.site->backend_count},
        .balance = {.named = o.site->named, .named_count = o.site->backend_count}};
    struct analysis *a = analysis_new(&options, error);
    struct metrics *m = metrics_new(o.site, &options.balance);
    assert_true(a != NULL && m != NULL);
    struct events *events = events_new(
        a, &(struct events_options){.finding = on_finding, .session = on_session, .ctx = m, .balance = &options.balance});
    assert_non_null(events);
    assert_int_not_equal(run_captures(&o, a, &(struct run_hooks){.complaint = on_complaint, .progress = on_progress}), RUN_NOTHING);
    events_finish(events);
    events_free(events);
    static const struct live_state nothing;
    struct exposition e = {0};
    const struct balance_others others = analysis_balance_others(a);
    metrics_balance(m, &others);
    metrics_write(m, &(struct metrics_now){.live = &nothing}, &e);
    assert_false(e.failed);
    read_exposition(&e, counted);
    assert_true(analysis_finish(a));
    assert_true(analysis_each_session(a, add_parts, reported));
    add_findings(reported, a);
    add_balance(reported, a);
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
 * Of these recordings the whole shows what the packets by then do not: that connections are a load balancer's probes (the fifth of
 * a series tells), and that a login came on through a proxy (its second hop, heard first, is what was counted).
 */
static bool is_seen_late(const char *name)
{
    static const char *const names[] = {"sstp-probes-failing.pcap", "balance-dead.pcap.gz", "proxy-two-hops.pcap",
                                        "sstp-certificate-watched.pcap"};
    for (size_t i = 0; i < LATE_RECORDINGS; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* The report learnt who hides clients, or stands for several servers, when all packets were seen. */
static bool was_learnt(const char *what, const struct rows *reported)
{
    static const char *const ids[] = {"\"snat-hides-clients\"", "\"dnat-only\"", "\"probe-seen\""};
    bool learnt = false;
    for (size_t i = 0; i < reported->count; i++)
        for (size_t k = 0; k < sizeof ids / sizeof *ids; k++)
            learnt = learnt || strstr(reported->rows[i].what, ids[k]) != NULL;
    return learnt && strncmp(what, "balance", strlen("balance")) == 0;
}

struct tally {
    size_t recordings, late;
    double sessions, findings, spread;
};

static void compare(void *ctx, const char *name)
{
    struct tally *t = ctx;
    static struct rows counted, reported;
    size_t len = strlen(name), differ = 0;
    bool packed = len > 8 && strcmp(name + len - 8, ".pcap.gz") == 0;
    if (!packed && (len < 5 || strcmp(name + len - 5, ".pcap") != 0))
        return;
    memset(&counted, 0, sizeof counted);
    memset(&reported, 0, sizeof reported);
    static const char *const nobody = NULL;
    analyse(name, &nobody, &counted, &reported);
    t->recordings++;
    for (int k = 0; k < 2; k++) {
        const struct rows *rows = k == 0 ? &counted : &reported;
        for (size_t i = 0; i < rows->count; i++) {
            const char *what = rows->rows[i].what;
            double mine = number(&counted, what), theirs = number(&reported, what);
            if (mine == theirs) {
                *(what[0] == 's' ? &t->sessions : what[0] == 'f' ? &t->findings : &t->spread) += k == 0 ? mine : 0;
                continue;
            }
            if ((is_of_the_whole(what) && mine < theirs) || was_learnt(what, &reported))
                continue;
            differ++;
            print_message("%s: %s: counted %.9g, report %.9g\n", name, what, mine, theirs);
            assert_true(mine - theirs <= BEFORE_IT_SHOWS && theirs - mine <= BEFORE_IT_SHOWS);
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
    assert_true(t.recordings >= RECORDINGS_LEAST && t.sessions > (double)t.recordings && t.findings > 0 && t.spread > 0);
    assert_int_equal(t.late, LATE_RECORDINGS);
    print_message("%.0f parts of sessions, %.0f findings and %.0f of balance of %zu recordings, as in their reports\n", t.sessions,
                  t.findings, t.spread, t.recordings);
}

/*
 * Backends with names and weights; how many attempts each got is known of the load balancer (the recording's truth), and Jain's index
 * follows from its definition over attempts by weight.
 */
static void balance_is_the_truths(void **state)
{
    (void)state;
    static const struct {
        const char *recording, *protocol, *backends[BACKENDS_NAMED + 1];
        double attempts[BACKENDS_NAMED], weights[BACKENDS_NAMED];
    } cases[] = {{"balance-both.pcap.gz", "all",
                  {"172.20.30.11=RRAS11", "172.20.30.12=RRAS12", "172.20.30.13=RRAS13", "172.20.30.14=RRAS14", NULL},
                  {21, 19, 22, 18}, {1, 1, 1, 1}},
                 {"balance-weights.pcap.gz", "sstp",
                  {"172.20.30.11=RRAS11*55", "172.20.30.12=RRAS12*25", "172.20.30.13=RRAS13*15", "172.20.30.14=RRAS14*5", NULL},
                  {66, 30, 18, 6}, {55, 25, 15, 5}},
                 {"balance-random.pcap.gz", "sstp",
                  {"172.20.30.11=RRAS11", "172.20.30.12=RRAS12", "172.20.30.13=RRAS13", "172.20.30.14=RRAS14", NULL},
                  {44, 43, 30, 33}, {1, 1, 1, 1}}};
    static struct rows counted, reported;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&counted, 0, sizeof counted);
        memset(&reported, 0, sizeof reported);
        analyse(cases[i].recording, cases[i].backends, &counted, &reported);
        double sum = 0, squares = 0;
        char what[ROW_ROOM];
        for (int k = 0; k < BACKENDS_NAMED; k++) {
            snprintf(what, sizeof what, "balance_attempts{protocol=\"%s\",basis=\"tunnels\",group=\"172.20.30.11\",backend=\"172.20.30.1%d\"",
                     cases[i].protocol, k + 1);
            if (number(&counted, what) != cases[i].attempts[k])
                fail_msg("%s: %s: %.0f, not %.0f", cases[i].recording, what, number(&counted, what), cases[i].attempts[k]);
            sum += cases[i].attempts[k] / cases[i].weights[k];
            squares += cases[i].attempts[k] / cases[i].weights[k] * cases[i].attempts[k] / cases[i].weights[k];
        }
        snprintf(what, sizeof what, "balance_jain{protocol=\"%s\",basis=\"tunnels\",group=\"172.20.30.11\"", cases[i].protocol);
        double jain = number(&counted, what), expected = sum * sum / (BACKENDS_NAMED * squares);
        assert_true(jain > expected - 1e-9 && jain < expected + 1e-9 && jain == number(&reported, what));
    }
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
    struct metrics *m = metrics_new(&site, &unnamed);
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
    struct metrics *m = metrics_new(&nobody, &unnamed);
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

/* Whoever sends certificates names them; that makes no line and no label of its own, nor more of them than are told. */
static void certificates_of_strangers(void **state)
{
    (void)state;
    enum { SENT = METRICS_CERTIFICATES_MAX + 10, RSA_BITS = 2048 };
    static const struct site nobody;
    struct expect *expect = expect_new();
    struct chains *chains = chains_new(expect);
    struct metrics *m = metrics_new(&nobody, &unnamed);
    struct exposition e = {0};
    EVP_PKEY *key = make_rsa(RSA_BITS);
    assert_true(chains != NULL && m != NULL);
    for (unsigned i = 0; i < SENT; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, i == 0 ? "/CN=a\"} 1\nb\\\\c\xe2\x80\xae" : "/CN=server %u", i);
        struct made made = make_certificate(&(struct recipe){.subject = subject, .key = key});
        struct chain *c = chains_intern(chains, &made.der, 1, ROLE_NPS, &(struct endpoint){.port = 1812}, i + 1,
                                        (struct place){.frame = i + 1, .time_ns = 1});
        assert_non_null(c);
        assert_true(chains_preview(chains, c->serial, ROLE_NPS));
        made_free(&made);
    }
    metrics_certificates(m, chains);
    metrics_certificates(m, chains);
    const char *text = written(m, &e);
    size_t lines = 0;
    for (const char *at = text; (at = strstr(at, "\nvpnscope_certificate_not_after_timestamp_seconds{role=\"nps\",name=\"")) != NULL; at++)
        lines++;
    assert_int_equal(lines, METRICS_CERTIFICATES_MAX);
    assert_non_null(strstr(text, ",name=\"a\\\"} 1\\nb\\\\\\\\c\\\\u{202e}\",sha256=\"")); /* two backslashes were sent */
    assert_non_null(strstr(text, "\"} 2208988800\n")); /* 2040-01-01, as certificates.h has it */
    exposition_free(&e);
    metrics_free(m);
    chains_free(chains);
    expect_free(expect);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_the_reports),
        cmocka_unit_test(balance_is_the_truths),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(what_continues_is_not_counted_again),
        cmocka_unit_test(certificates_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
