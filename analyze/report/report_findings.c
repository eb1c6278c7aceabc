#include "analyze/report/report.h"

#include <stdio.h>

enum { INDENT = 3, LABEL = 6, RANGES_MAX = 12 };

static enum style severity_style(enum severity s)
{
    return s == SEVERITY_CRITICAL ? STYLE_RED : s == SEVERITY_WARNING ? STYLE_YELLOW : STYLE_CYAN;
}

static void print_headline(const struct layout *l, const struct finding *f, size_t index)
{
    static const char *const severities[] = {
        [SEVERITY_CRITICAL] = "CRITICAL", [SEVERITY_WARNING] = "WARNING", [SEVERITY_INFO] = "INFO"};
    output_format(l->out, "%zu. ", index + 1);
    layout_styled(l, severity_style(f->severity), severities[f->severity]);
    output_string(l->out, "  ");
    layout_styled(l, STYLE_STRONG, finding_name(f->id));
    char error[CLIENT_ERROR_TEXT];
    if (f->client_error != 0)
        output_format(l->out, "  (client error %s, %s)\n", client_error_text(error, f->client_error),
                      confidence_name(f->confidence));
    else
        output_format(l->out, "  (%s)\n", confidence_name(f->confidence));
}

static void print_evidence(const struct report *r, const struct layout *l, const struct finding *f)
{
    for (size_t i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        char text[FINDING_WHAT + 512], time[TIME_TEXT];
        if (e->place.frame != 0)
            snprintf(text, sizeof text, "%.255s frame %llu (%s): %s", report_file(r, e->place.capture),
                     (unsigned long long)e->place.frame,
                     report_clock(r, time, e->place, report_digits(r, e->place.capture)), e->what);
        else
            snprintf(text, sizeof text, "%.255s: %s", report_file(r, e->place.capture), e->what);
        layout_labelled_string(l, INDENT, i == 0 ? "Seen" : "", LABEL, text);
    }
}

/* "1-4, 7, 9 and 20 more" */
static void print_sessions(const struct layout *l, const struct finding *f)
{
    char text[RANGES_MAX * 24 + 64] = "";
    size_t told = 0, used = (size_t)snprintf(text, sizeof text, "session%s ", f->session_total > 1 ? "s" : "");
    for (size_t i = 0, ranges = 0; i < f->session_count && ranges < RANGES_MAX; ranges++) {
        size_t last = i;
        while (last + 1 < f->session_count && f->sessions[last + 1] == f->sessions[last] + 1)
            last++;
        if (last == i + 1) /* "8, 9" rather than "8-9" */
            last = i;
        int n = last > i
                    ? snprintf(text + used, sizeof text - used, "%s%u-%u", i > 0 ? ", " : "", (unsigned)f->sessions[i],
                               (unsigned)f->sessions[last])
                    : snprintf(text + used, sizeof text - used, "%s%u", i > 0 ? ", " : "", (unsigned)f->sessions[i]);
        used += n > 0 ? (size_t)n : 0;
        told = i = last + 1;
    }
    if (f->session_total > told)
        snprintf(text + used, sizeof text - used, " and %llu more", (unsigned long long)(f->session_total - told));
    if (f->session_count > 0)
        layout_labelled_string(l, INDENT, "In", LABEL, text);
}

static void print_fixes(const struct layout *l, const struct finding *f)
{
    for (size_t i = 0; i < f->fix_count; i++) {
        char label[32];
        output_spaces(l->out, INDENT);
        layout_styled(l, STYLE_GREEN, i == 0 ? "Fix" : "   ");
        snprintf(label, sizeof label, "   %zu. ", i + 1);
        if (f->fix_count == 1)
            snprintf(label, sizeof label, "   ");
        output_string(l->out, label);
        size_t at = INDENT + 3 + strlen(label);
        layout_words(l, at, at, span_of(f->fix[i], strlen(f->fix[i])));
    }
}

/* Titles and explanations begin small, because the verdict goes on with them; standing alone they begin with a capital.
 */
static void print_sentences(const struct layout *l, const char *text, size_t room)
{
    char copy[FINDING_EXPLANATION];
    snprintf(copy, sizeof copy < room ? sizeof copy : room, "%s", text);
    if (copy[0] >= 'a' && copy[0] <= 'z' && strcspn(copy, " ") <= strspn(copy, "abcdefghijklmnopqrstuvwxyz"))
        copy[0] = (char)(copy[0] - 'a' + 'A');
    output_spaces(l->out, INDENT);
    layout_words(l, INDENT, INDENT, span_of(copy, strlen(copy)));
}

void report_finding_text(const struct report *r, const struct layout *l, size_t index)
{
    const struct finding *f = &r->findings[index];
    print_headline(l, f, index);
    layout_begin_style(l, STYLE_STRONG);
    print_sentences(l, f->title, FINDING_TITLE);
    layout_end_style(l, STYLE_STRONG);
    if (f->explanation[0] != '\0')
        print_sentences(l, f->explanation, FINDING_EXPLANATION);
    print_evidence(r, l, f);
    print_sessions(l, f);
    print_fixes(l, f);
}
