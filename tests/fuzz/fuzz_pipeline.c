/* The whole pipe on a capture file in memory: read, dissected, analysed, told while it is read, reported as text and JSON. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/events.h"
#include "analyze/vantage.h"
#include "capture/source_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    struct output out;
};

static size_t sights(void *ctx, struct so_far_sight out[static STANDING_SIGHTS_MAX])
{
    const struct reading *r = ctx;
    out[0] = so_far_see(0, source_info(r->source), r->dissector);
    return 1;
}

static struct events *listen(struct analysis *a, struct reading *r, FILE *sink)
{
    static const struct balance_settings balance;
    output_begin(&r->out, sink);
    return events_new(a, &(struct events_options){.out = &r->out, .sights = sights, .ctx = r, .balance = &balance});
}

static void read_all(struct source *source, struct analysis *a, const struct secrets *secrets, FILE *sink)
{
    struct frame frames[SOURCE_BATCH];
    uint32_t serial = 0;
    struct dissect_options options = {.secrets = secrets, .memory_bytes = 8 << 20, .next_conversation = &serial,
                                      .on_event = analysis_event, .ctx = a, .without_hints = true};
    struct dissector *d = dissect_new(&options);
    struct reading *reading = malloc(sizeof *reading);
    if (d == NULL || reading == NULL) {
        dissect_free(d);
        free(reading);
        return;
    }
    reading->source = source;
    reading->dissector = d;
    struct events *e = listen(a, reading, sink);
    for (size_t n; (n = source_next(source, frames, SOURCE_BATCH)) > 0;)
        dissect_frames(d, frames, n);
    dissect_finish(d);
    struct dissect_counters counters;
    dissect_get_counters(d, &counters);
    analysis_add_capture(a, source_info(source), &counters);
    vantage_tell(a, d);
    if (e != NULL)
        events_finish(e);
    events_free(e);
    free(reading);
    dissect_free(d);
}

static void report_all(struct analysis *a, FILE *sink)
{
    struct report r = {.columns = LAYOUT_COLUMNS};
    struct output *out = malloc(sizeof *out);
    bool found;
    if (out != NULL && report_begin(&r, a)) {
        output_begin(out, sink);
        report_text(&r, out);
        report_json(&r, out);
        r.session = 1;
        report_session(&r, out, &found);
        output_end(out);
        report_end(&r);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SOURCE_ERROR], why[256];
    struct secrets *secrets = secrets_new();
    struct expect *expect = expect_new();
    struct analysis_options options = {
        .expect = expect, .ladder = true, .nat = {.budget = 2000, .half_open_budget = 1000, .question_budget = 1000}};
    struct analysis *a = analysis_new(&options, why);
    struct source_options source_options = {.secrets = on_secrets, .secrets_ctx = secrets};
    struct source *source = source_open_memory(span_of(data, size), 4096, &source_options, error);
    FILE *sink = fopen("/dev/null", "wb");
    if (a != NULL && source != NULL && sink != NULL) {
        read_all(source, a, secrets, sink);
        analysis_finish(a);
        report_all(a, sink);
    }
    if (sink != NULL)
        fclose(sink);
    source_close(source);
    analysis_free(a);
    expect_free(expect);
    secrets_free(secrets);
    return 0;
}
