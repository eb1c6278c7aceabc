/* vpnscope: says why VPN and EAP sessions fail, from packet captures. Only this file writes to standard error. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/certs_dir.h"
#include "analyze/report/escape.h"
#include "analyze/monitor/check.h"
#include "analyze/options.h"
#include "analyze/reading.h"
#include "analyze/record/session_packets.h"
#include "analyze/report/line_queue.h"
#include "analyze/report/report.h"
#include "analyze/report/status_line.h"
#include "capture/platform.h"

/* UNSAID: failed, and --check has not had its line yet. */
enum status { STATUS_UNSAID = -1, STATUS_FINE = 0, STATUS_PROBLEMS = 1, STATUS_FAILED = 2 };

enum { PROGRESS_BYTES = 100 << 20, COMPLAINT_ROOM = 4096, BESIDE = 100 };
#define PROGRESS_NS (INT64_C(200) * 1000000)

/* What was complained of last: who reads the line of --check does not see standard error. */
static char last_complaint[COMPLAINT_ROOM];

/* The line on a terminal that says how far we are, and what else goes to standard error. */
struct progress {
    bool terminal, shown;
    int64_t last_ns;
    struct line_queue *queue; /* while sniffing: a terminal that stands still must not keep us from it */
    int handle;               /* of its reader */
};

static void speak(struct progress *p, const char *text)
{
    if (p->queue != NULL) {
        line_queue_line(p->queue, span_of(text, strlen(text)));
        return;
    }
    fputs(text, stderr);
    fflush(stderr);
}

#define HIDDEN "\r\033[K"

/* What takes away the line that is shown. */
static const char *hide(struct progress *p)
{
    bool shown = p->shown;
    p->shown = false;
    return shown ? HIDDEN : "";
}

static void show_progress(void *ctx, const char *path, uint64_t bytes)
{
    struct progress *p = ctx;
    int64_t now = platform_monotonic_ns();
    char name[200];
    if (!p->terminal || bytes < PROGRESS_BYTES || (p->shown && now - p->last_ns < PROGRESS_NS))
        return;
    escape_text(name, sizeof name, span_of(path, strlen(path)));
    name[escape_prefix(name, 50)] = '\0';
    fprintf(stderr, HIDDEN "%llu MB read, in %s", (unsigned long long)(bytes / 1000000), name);
    fflush(stderr);
    p->shown = true;
    p->last_ns = now;
}

static void complain(void *ctx, const char *sentence)
{
    char safe[COMPLAINT_ROOM], text[COMPLAINT_ROOM + BESIDE];
    escape_text(safe, sizeof safe, span_of(sentence, strlen(sentence)));
    snprintf(text, sizeof text, "%svpnscope: %s\n", hide(ctx), safe);
    speak(ctx, text);
    memcpy(last_complaint, safe, sizeof safe);
}

static void speak_without_waiting(struct progress *p)
{
    p->handle = platform_output_open(stderr);
    p->queue = line_queue_new(&(struct line_queue_options){p->handle, "standard error", complain, p});
    if (p->queue == NULL)
        platform_output_close(p->handle);
}

static void speak_at_leisure(struct progress *p)
{
    if (p->queue == NULL)
        return;
    line_queue_wait(p->queue);
    line_queue_free(p->queue);
    platform_output_close(p->handle);
    p->queue = NULL;
}

static void listen_to(void *ctx)
{
    const struct progress *p = ctx;
    if (p->queue != NULL)
        line_queue_push(p->queue);
}

/* On a terminal, while sniffing. */
static void show_finding(void *ctx, const struct finding *f)
{
    char safe[COMPLAINT_ROOM], text[COMPLAINT_ROOM + BESIDE];
    escape_text(safe, sizeof safe, span_of(f->title, strlen(f->title)));
    snprintf(text, sizeof text, "%s%s: %s (%s)\n", hide(ctx), severity_name(f->severity), safe, finding_name(f->id));
    speak(ctx, text);
}

static void show_status(void *ctx, const struct events_status *s)
{
    struct progress *p = ctx;
    char line[STATUS_LINE_MAX], text[STATUS_LINE_MAX + BESIDE];
    unsigned columns = platform_terminal_columns(stderr);
    if (p->queue != NULL && !line_queue_is_empty(p->queue))
        return; /* the next one will do */
    snprintf(text, sizeof text, HIDDEN "%s", status_line(line, s, columns > 0 ? columns : LAYOUT_COLUMNS));
    speak(p, text);
    p->shown = true;
}

static void fail(const char *sentence)
{
    struct progress none = {0};
    complain(&none, sentence);
}

/* Ends the writing; what standard output did not take makes the run fail, whatever was found. */
static int finished(struct output *out, int status)
{
    if (output_end(out))
        return status;
    fail("standard output: not everything could be written");
    return STATUS_FAILED;
}

static void print_device(void *ctx, const char *name, const char *description, const char *addresses)
{
    struct output *out = ctx;
    const char *parts[] = {name, description, addresses};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i] == NULL || parts[i][0] == '\0')
            continue;
        output_string(out, i > 0 ? "  " : "");
        output_escaped(out, span_of(parts[i], strlen(parts[i])));
    }
    output_string(out, "\n");
}

static int list_devices(struct output *out)
{
    char error[SOURCE_ERROR];
    if (source_list_devices(print_device, out, error))
        return finished(out, STATUS_FINE);
    fail(error);
    return STATUS_FAILED;
}

static unsigned columns_of(FILE *f)
{
    unsigned columns = platform_terminal_columns(f);
    if (columns == 0)
        return LAYOUT_COLUMNS;
    return columns < LAYOUT_COLUMNS_MIN   ? LAYOUT_COLUMNS_MIN
           : columns > LAYOUT_COLUMNS_MAX ? LAYOUT_COLUMNS_MAX
                                          : columns;
}

static bool wants_colour(void)
{
    const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return platform_is_terminal(stdout) && (no == NULL || no[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

static bool session_exists(const struct report *r)
{
    struct analysis_totals totals;
    char sentence[120];
    analysis_get_totals(r->analysis, &totals);
    uint64_t numbered = totals.sessions + totals.probe_series; /* probes have numbers, too */
    if (r->session <= numbered)
        return true;
    if (numbered == 0)
        snprintf(sentence, sizeof sentence, "--session %u: no sessions were found", (unsigned)r->session);
    else
        snprintf(sentence, sizeof sentence, "--session %u: there is no such session; they are 1 to %llu",
                 (unsigned)r->session, (unsigned long long)numbered);
    fail(sentence);
    return false;
}

/* It is said when the line could not be written, too: nobody knows then. */
static int finished_check(struct output *out, enum plugin_state state)
{
    return finished(out, STATUS_FINE) == STATUS_FINE ? (int)state : (int)PLUGIN_UNKNOWN;
}

static int write_check(const struct report *r, bool whole, struct output *out)
{
    struct analysis_totals totals;
    analysis_get_totals(r->analysis, &totals);
    struct check_input in = {.verdict = analysis_verdict(r->analysis),
                             .findings = r->findings,
                             .finding_count = r->finding_count,
                             .totals = &totals,
                             .complaint = whole ? NULL : last_complaint};
    for (size_t i = 0; i < r->capture_count; i++) {
        in.has_lost = in.has_lost || r->captures[i].has_lost;
        in.lost += r->captures[i].lost;
    }
    return finished_check(out, check_write(out, &in));
}

static bool write_packets(const struct options *o, struct analysis *a)
{
    char error[SESSION_PACKETS_ERROR];
    uint64_t packets;
    if (session_packets_write(o, a, o->session, o->write, &packets, error))
        return true;
    fail(error);
    return false;
}

static int write_report(const struct options *o, struct report *r, struct output *out, struct log_file *log)
{
    char error[CERTS_DIR_ERROR];
    int status = analysis_has_problems(r->analysis) ? STATUS_PROBLEMS : STATUS_FINE;
    bool found = true, good;
    r->session = o->session;
    r->certs_dir = o->certs_dir;
    r->columns = columns_of(stdout);
    r->colour = wants_colour();
    if (r->session != 0 && !session_exists(r))
        return STATUS_FAILED;
    if (o->certs_dir != NULL && !certs_dir_write(o->certs_dir, analysis_chains(r->analysis), r->certificates, error)) {
        fail(error);
        r->certs_dir = NULL;
        status = STATUS_FAILED;
    }
    if (o->jsonl)
        good = events_summary(r, out, log);
    else if (o->json)
        good = report_json(r, out);
    else if (r->session != 0)
        good = report_session(r, out, &found);
    else
        good = report_text(r, out);
    if (!good || !found) {
        fail("the spooled sessions cannot be read back");
        status = STATUS_FAILED;
    } else if (o->write != NULL && o->interface_count == 0 && !write_packets(o, r->analysis)) {
        status = STATUS_FAILED;
    }
    return finished(out, status);
}

static void complain_unkept(const struct analysis *a)
{
    char text[160];
    snprintf(text, sizeof text, "the room for finished sessions was full: %llu that ended later are not in the report",
             (unsigned long long)analysis_unkept(a));
    fail(text);
}

/* What is odd about the expectations themselves, before anything is judged by them. */
static void say_remarks(const struct expect *e)
{
    char safe[COMPLAINT_ROOM];
    const char *remark;
    for (size_t i = 0; (remark = expect_remark(e, i)) != NULL; i++) {
        escape_text(safe, sizeof safe, span_of(remark, strlen(remark)));
        fprintf(stderr, "vpnscope: %s\n", safe);
    }
}

static int analyse(const struct options *o, struct output *out)
{
    char error[256];
    struct analysis_options options = {.spool_bytes = o->spool_mib << 20,
                                       .expect = o->expect,
                                       .ladder = o->session != 0,
                                       .several_captures = o->capture_count + o->interface_count > 1,
                                       .has_keylog = secrets_tls_count(o->secrets) > 0,
                                       .has_radius_secret = o->has_radius_secret,
                                       .nat = {.internal = o->site->internal,
                                               .internal_count = o->site->internal_count,
                                               .vips = o->site->vips,
                                               .vip_count = o->site->vip_count,
                                               .backends = o->site->backends,
                                               .backend_count = o->site->backend_count},
                                       .balance = {.named = o->site->named,
                                                   .named_count = o->site->backend_count,
                                                   .vips = o->site->vips,
                                                   .vip_count = o->site->vip_count,
                                                   .window_ns = (int64_t)o->window_s * 1000000000}};
    struct analysis *a = analysis_new(&options, error);
    if (a == NULL) {
        fail(error);
        return o->check ? STATUS_UNSAID : STATUS_FAILED;
    }
    say_remarks(o->expect);
    int status = o->check ? STATUS_UNSAID : STATUS_FAILED;
    struct progress progress = {.terminal = platform_is_terminal(stderr)};
    const struct reading_hooks hooks = {complain, show_progress, progress.terminal ? show_finding : NULL,
                                        progress.terminal ? show_status : NULL, listen_to, &progress};
    struct log_file *log = NULL;
    if (o->interface_count > 0)
        speak_without_waiting(&progress);
    enum run_result result = reading_run(o, a, &options.balance, &hooks, out, &log);
    speak(&progress, hide(&progress));
    speak_at_leisure(&progress);
    if (result != RUN_NOTHING) {
        struct report r;
        bool read_back = analysis_finish(a), whole = analysis_unkept(a) == 0;
        if (!read_back)
            fail("the spooled sessions cannot be read back");
        if (!whole)
            complain_unkept(a);
        whole = whole && read_back && result == RUN_COMPLETE;
        if (!report_begin(&r, a))
            fail("out of memory");
        else if (o->check)
            status = write_check(&r, whole, out);
        else
            status = write_report(o, &r, out, log);
        report_end(&r);
        if (!o->check && (!whole || (log != NULL && log_file_missed(log) > 0)))
            status = STATUS_FAILED;
    }
    log_file_free(log);
    analysis_free(a);
    return status;
}

int main(int argc, char **argv)
{
    static struct output out;
    char error[OPTIONS_ERROR];
    struct options o;
    int status = STATUS_FAILED;
    platform_hold_standard_streams();
#ifdef SIGPIPE
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, with a message, not a silent death */
#endif
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* likewise a file that may not grow any more */
#endif
    output_begin(&out, stdout);
    if (!options_parse(argc, argv, &o, error)) {
        fail(error);
        status = o.check || options_ask_check(argc, argv) ? STATUS_UNSAID : STATUS_FAILED;
    } else if (o.help || o.version) {
        output_string(&out, o.help ? options_help : "vpnscope " VPNSCOPE_VERSION "\n");
        status = finished(&out, STATUS_FINE);
    } else {
        status = o.list_devices ? list_devices(&out) : analyse(&o, &out);
    }
    if (status == STATUS_UNSAID) {
        check_write_unknown(&out, last_complaint);
        status = finished_check(&out, PLUGIN_UNKNOWN);
    }
    options_free(&o);
    return status;
}
