#include "analyze/report.h"

#include <stdio.h>

bool report_text(const struct report *r, struct output *out)
{
    struct layout l = {.out = out, .columns = r->columns, .colour = r->colour};
    const char *verdict = analysis_verdict(r->analysis);
    bool bad = analysis_has_problems(r->analysis);
    if (r->colour)
        output_string(out, bad ? "\033[1;31m" : "\033[1m");
    output_escaped(out, span_of(verdict, strlen(verdict))); /* one line, however long: the first line is the verdict */
    output_string(out, r->colour ? "\033[0m\n" : "\n");
    if (r->finding_count > 0)
        layout_heading(&l, "FINDINGS");
    for (size_t i = 0; i < r->finding_count; i++) {
        if (i > 0)
            output_string(out, "\n");
        report_finding_text(r, &l, i);
    }
    bool good = report_sessions_text(r, &l);
    report_certificates_text(r, &l);
    report_captures_text(r, &l);
    report_protocols_text(r, &l);
    return good;
}
