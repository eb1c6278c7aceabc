#include "analyze/report/report.h"

enum { FINDINGS_SHOWN = 30 };

bool report_text(const struct report *r, struct output *out)
{
    struct layout l = {.out = out, .columns = r->columns, .colour = r->colour};
    const char *verdict = analysis_verdict(r->analysis);
    enum style style = analysis_has_problems(r->analysis) ? STYLE_RED : STYLE_STRONG;
    layout_begin_style(&l, style);
    output_escaped(out, span_of(verdict, strlen(verdict))); /* one line, however long: the first line is the verdict */
    layout_end_style(&l, style);
    output_string(out, "\n");
    if (r->finding_count > 0)
        layout_heading(&l, "FINDINGS");
    for (size_t i = 0; i < r->finding_count && i < FINDINGS_SHOWN; i++) {
        if (i > 0)
            output_string(out, "\n");
        report_finding_text(r, &l, i);
    }
    if (r->finding_count > FINDINGS_SHOWN)
        output_format(out, "\n… and %zu more findings; --json has all\n", r->finding_count - FINDINGS_SHOWN);
    bool good = report_sessions_text(r, &l);
    report_translation_text(r, &l);
    report_balance_text(r, &l);
    report_certificates_text(r, &l);
    report_captures_text(r, &l);
    report_protocols_text(r, &l);
    return good;
}
