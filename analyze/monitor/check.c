#include "analyze/monitor/check.h"

#include <string.h>

#include "analyze/report/escape.h"

enum { SENTENCE_ROOM = 2048, COLUMNS_MAX = 300 };

static uint64_t failed(const struct analysis_totals *t)
{
    return t->rejected + t->aborted + t->unanswered;
}

static uint64_t judged(const struct analysis_totals *t)
{
    return t->established + failed(t);
}

enum plugin_state check_judge(const struct check_input *in)
{
    if (in->finding_count > 0 && in->findings[0].severity == SEVERITY_CRITICAL)
        return PLUGIN_CRITICAL;
    if (in->finding_count > 0 && in->findings[0].severity == SEVERITY_WARNING)
        return PLUGIN_WARNING;
    return in->complaint != NULL || judged(in->totals) == 0 ? PLUGIN_UNKNOWN : PLUGIN_OK;
}

/* Made safe, and short; a bar would begin the numbers. */
static void write_sentence(struct output *out, const char *text)
{
    char safe[SENTENCE_ROOM];
    escape_text(safe, sizeof safe, span_of(text, strlen(text)));
    safe[escape_prefix(safe, COLUMNS_MAX)] = '\0';
    for (const char *c = safe; *c != '\0'; c++) {
        if (*c == '|')
            output_string(out, "\\x7c");
        else
            output_bytes(out, c, 1);
    }
}

static void write_state(struct output *out, enum plugin_state state)
{
    static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    output_format(out, "VPN %s: ", names[state]);
}

static void write_number(struct output *out, const char *name, uint64_t value)
{
    output_format(out, " %s=%llu;;;0", name, (unsigned long long)value);
}

static uint64_t of_severity(const struct check_input *in, enum severity severity)
{
    uint64_t n = 0;
    for (size_t i = 0; i < in->finding_count; i++)
        n += in->findings[i].severity == severity;
    return n;
}

static void write_numbers(struct output *out, const struct check_input *in)
{
    const struct analysis_totals *t = in->totals;
    output_string(out, " |");
    write_number(out, "sessions", t->sessions);
    write_number(out, "established", t->established);
    write_number(out, "failed", failed(t));
    write_number(out, "incomplete", t->incomplete);
    write_number(out, "critical", of_severity(in, SEVERITY_CRITICAL));
    write_number(out, "warning", of_severity(in, SEVERITY_WARNING));
    write_number(out, "packets", t->packets);
    if (in->has_lost)
        write_number(out, "lost", in->lost);
    output_string(out, "\n");
}

enum plugin_state check_write(struct output *out, const struct check_input *in)
{
    enum plugin_state state = check_judge(in);
    write_state(out, state);
    if (state == PLUGIN_UNKNOWN && in->complaint == NULL && in->totals->sessions > 0)
        output_string(out, "no session was seen to its end; ");
    write_sentence(out, state == PLUGIN_UNKNOWN && in->complaint != NULL ? in->complaint : in->verdict);
    write_numbers(out, in);
    return state;
}

void check_write_unknown(struct output *out, const char *complaint)
{
    write_state(out, PLUGIN_UNKNOWN);
    write_sentence(out, complaint);
    output_string(out, "\n");
}
