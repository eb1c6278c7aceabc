#include "pipe.h"

#include <jansson.h>
#include <stdlib.h>

#include "analyze/report/events.h"
#include "analyze/vantage.h"
#include "capture/platform.h"
#include "capture/source_memory.h"

enum { MEMORY = 8 << 20, PATH_ROOM = 1024, FILE_ROOM = 1 << 20 };

static bool read_file(struct span *out, const char *folder, const char *name)
{
    char path[PATH_ROOM], error[PLATFORM_ERROR];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = platform_open(path, "r", error);
    uint8_t *bytes = in != NULL ? malloc(FILE_ROOM) : NULL;
    *out = span_of(bytes, bytes != NULL ? fread(bytes, 1, FILE_ROOM, in) : 0);
    if (in != NULL)
        fclose(in);
    else
        fprintf(stderr, "%s: %s\n", path, error);
    return bytes != NULL;
}

struct folder { struct pipe *pipe; const char *path; };

static void add_key_log(void *ctx, const char *name)
{
    const struct folder *f = ctx;
    const char *dot = strrchr(name, '.');
    char message[SECRETS_MESSAGE];
    struct span text;
    if (dot == NULL || strcmp(dot, ".keylog") != 0 || !read_file(&text, f->path, name))
        return;
    if (!secrets_add_key_log(f->pipe->secrets, text, message))
        fprintf(stderr, "%s: %s\n", name, message);
    free((void *)(uintptr_t)text.data);
}

bool pipe_begin(struct pipe *p, const char *recordings)
{
    struct folder folder = {p, recordings};
    struct address all = {0};
    struct span secret = {0};
    char roots[PATH_ROOM], error[EXPECT_ERROR], why[PLATFORM_ERROR];
    snprintf(roots, sizeof roots, "%s/pki/root.pem", recordings);
    *p = (struct pipe){expect_new(), secrets_new(), tmpfile()};
    bool good = p->expect != NULL && p->secrets != NULL && p->sink != NULL && expect_add_roots(p->expect, roots, error) &&
                expect_add_server_name(p->expect, "nps01.corp.contoso.com", error) &&
                read_file(&secret, recordings, "pki/radius-secret") && secrets_add_radius(p->secrets, &all, 0, secret) &&
                platform_list(recordings, add_key_log, &folder, why);
    free((void *)(uintptr_t)secret.data);
    if (!good)
        fprintf(stderr, "%s: no folder of recordings, or memory is short\n", recordings);
    return good;
}

void pipe_end(struct pipe *p)
{
    expect_free(p->expect);
    secrets_free(p->secrets);
    if (p->sink != NULL)
        fclose(p->sink);
}

static void on_secrets(void *ctx, uint32_t type, struct span text)
{
    char message[SECRETS_MESSAGE];
    if (type == SECRETS_TLS_KEY_LOG)
        secrets_add_key_log(ctx, text, message);
}

/* What is being read. */
struct reading {
    struct source *source;
    struct dissector *dissector;
};

static size_t sights(void *ctx, struct so_far_sight out[static STANDING_SIGHTS_MAX])
{
    const struct reading *r = ctx;
    out[0] = so_far_see(0, source_info(r->source), r->dissector);
    return 1;
}

static const char *read_all(struct source *source, struct analysis *a, struct dissector *d)
{
    struct frame frames[SOURCE_BATCH];
    struct dissect_counters counters;
    for (size_t n; (n = source_next(source, frames, SOURCE_BATCH)) > 0;)
        dissect_frames(d, frames, n);
    dissect_finish(d);
    dissect_get_counters(d, &counters);
    analysis_add_capture(a, source_info(source), &counters);
    vantage_tell(a, d);
    return counters.state_bytes_peak <= MEMORY ? NULL : "the state grew beyond its budget";
}

/* A finding without words or with evidence in a frame that does not exist would be a lie. */
static const char *check_findings(const struct analysis *a)
{
    size_t count, captures;
    const struct finding *f = analysis_findings(a, &count);
    const struct capture_report *c = analysis_captures(a, &captures);
    for (size_t i = 0; i < count; i++) {
        if (f[i].title[0] == '\0' || f[i].explanation[0] == '\0')
            return "a finding without words";
        for (size_t k = 0; k < f[i].evidence_count; k++)
            if (f[i].evidence[k].place.frame == 0 || f[i].evidence[k].place.capture >= captures)
                return "evidence in no frame";
            else if (captures == 1 && strcmp(c[0].info.format, "pcap") == 0 &&
                     f[i].evidence[k].place.frame > c[0].info.packets)
                return "evidence in a frame that does not exist";
    }
    return NULL;
}

static const char *check_totals(const struct analysis *a)
{
    struct analysis_totals t;
    analysis_get_totals(a, &t);
    if (t.sessions != t.established + t.rejected + t.aborted + t.unanswered + t.incomplete)
        return "outcomes do not add up to the sessions";
    return analysis_verdict(a)[0] != '\0' ? NULL : "no verdict";
}

/* The document must be JSON, whatever strangers wrote into names. */
static const char *write_reports(struct pipe *p, struct analysis *a, struct output *out)
{
    struct report r = {0};
    bool found = false, good = report_begin(&r, a);
    r.columns = LAYOUT_COLUMNS;
    output_begin(out, p->sink);
    rewind(p->sink);
    good = good && report_json(&r, out) && output_end(out);
    rewind(p->sink);
    json_error_t error;
    json_t *document = good ? json_loadf(p->sink, JSON_DISABLE_EOF_CHECK, &error) : NULL;
    bool valid = document != NULL;
    json_decref(document);
    rewind(p->sink);
    good = good && report_text(&r, out);
    r.session = 1;
    good = good && report_session(&r, out, &found) && output_end(out);
    report_end(&r);
    return !good ? "a report that could not be written" : valid ? NULL : "the JSON report is not JSON";
}

/* Each line must be JSON. */
static const char *check_lines(struct pipe *p, struct output *out)
{
    enum { LINES_MAX = 1 << 20 };
    long end = output_end(out) ? ftell(p->sink) : -1;
    char *text = end >= 0 && end < LINES_MAX ? malloc((size_t)end + 1) : NULL;
    const char *wrong = end < 0 ? "events that could not be written" : NULL;
    rewind(p->sink);
    size_t len = text != NULL ? fread(text, 1, (size_t)end, p->sink) : 0;
    for (char *line = text, *next; text != NULL && wrong == NULL && line < text + len; line = next + 1) {
        next = memchr(line, '\n', (size_t)(text + len - line));
        json_t *value = next != NULL ? json_loadb(line, (size_t)(next - line), JSON_DISABLE_EOF_CHECK, NULL) : NULL;
        if (value == NULL)
            wrong = "an event that is no line of JSON";
        json_decref(value);
        if (next == NULL)
            break;
    }
    free(text);
    return wrong;
}

static const char *read_telling(struct pipe *p, struct source *source, struct analysis *a, struct dissector *d, struct output *out)
{
    const struct balance_settings balance = {.named = NULL};
    struct reading reading = {source, d};
    const struct events_options options = {.out = out, .sights = sights, .ctx = &reading, .balance = &balance};
    rewind(p->sink);
    output_begin(out, p->sink);
    struct events *e = events_new(a, &options);
    const char *wrong = e != NULL ? read_all(source, a, d) : "memory is short";
    if (e != NULL)
        events_finish(e);
    events_free(e);
    return wrong != NULL ? wrong : check_lines(p, out);
}

static const char *analyse(struct pipe *p, struct source *source, const struct pipe_run *run, struct analysis *a)
{
    uint32_t serial = 0;
    struct dissect_options options = {.secrets = p->secrets,
                                      .memory_bytes = MEMORY,
                                      .next_conversation = &serial,
                                      .on_event = analysis_event,
                                      .ctx = a,
                                      .without_hints = !run->hints};
    struct dissector *d = dissect_new(&options);
    struct output *out = malloc(sizeof *out);
    const char *wrong = d == NULL || out == NULL ? "memory is short"
                        : run->events            ? read_telling(p, source, a, d, out)
                                                 : read_all(source, a, d);
    dissect_free(d);
    if (wrong == NULL && !analysis_finish(a))
        wrong = "finished logins cannot be read back";
    if (wrong == NULL)
        wrong = check_findings(a);
    if (wrong == NULL)
        wrong = check_totals(a);
    if (wrong == NULL)
        wrong = write_reports(p, a, out);
    free(out);
    return wrong;
}

const char *pipe_capture(struct pipe *p, struct span capture, const struct pipe_run *run)
{
    char error[SOURCE_ERROR] = "";
    struct source_options reading = {.secrets = on_secrets, .secrets_ctx = p->secrets};
    struct source *source = source_open_memory(capture, run->window, &reading, error);
    if (source == NULL)
        return error[0] != '\0' ? NULL : "refused without a word";
    /* Hidden addresses are looked for near home only: each of thousands of runs would search for a second. */
    struct analysis_options options = {
        .nat = {.budget = 20000, .half_open_budget = 10000, .question_budget = 10000},
        .expect = p->expect, .ladder = true, .has_keylog = true, .has_radius_secret = true};
    struct analysis *a = analysis_new(&options, error);
    const char *wrong = a != NULL ? analyse(p, source, run, a) : "memory is short";
    analysis_free(a);
    source_close(source);
    return wrong;
}
