#include "analyze/verdict.h"

#include <stdio.h>

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void capital(char *text)
{
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
}

static void nothing_wrong(char out[static VERDICT_MAX], const struct analysis_totals *t)
{
    uint64_t open = t->sessions - t->established;
    if (t->sessions == 0 && t->accounting_requests > 0)
        snprintf(out, VERDICT_MAX, "No fault found: no logins, only RADIUS accounting (%llu request%s).",
                 (unsigned long long)t->accounting_requests, plural(t->accounting_requests));
    else if (t->sessions == 0)
        snprintf(out, VERDICT_MAX, "Nothing to judge: no RADIUS or EAP login in %llu packet%s.", (unsigned long long)t->packets, plural(t->packets));
    else if (open == 0)
        snprintf(out, VERDICT_MAX, "No fault found: %llu login%s, all accepted.", (unsigned long long)t->sessions, plural(t->sessions));
    else
        snprintf(out, VERDICT_MAX, "No fault found: %llu of %llu login%s accepted, %llu not seen to their end.", (unsigned long long)t->established,
                 (unsigned long long)t->sessions, plural(t->sessions), (unsigned long long)open);
}

void verdict_write(char out[static VERDICT_MAX], const struct finding *findings, size_t count, const struct analysis_totals *t)
{
    const struct finding *f = count > 0 && findings[0].severity != SEVERITY_INFO ? &findings[0] : NULL;
    if (f == NULL) {
        nothing_wrong(out, t);
        return;
    }
    int n = 0;
    if (f->client_error != 0 && f->severity == SEVERITY_CRITICAL)
        n = snprintf(out, VERDICT_MAX, "Error %d (%s): ", f->client_error, confidence_name(f->confidence));
    else if (f->severity == SEVERITY_WARNING)
        n = snprintf(out, VERDICT_MAX, "Warning: ");
    size_t at = n > 0 ? (size_t)n : 0;
    n = snprintf(out + at, VERDICT_MAX - at, "%s", f->title);
    if (at == 0)
        capital(out);
    at += n > 0 ? (size_t)n : 0;
    if (at >= VERDICT_MAX)
        return;
    uint64_t failed = t->sessions - t->established;
    if (f->severity == SEVERITY_WARNING && failed == 0 && t->sessions > 0)
        snprintf(out + at, VERDICT_MAX - at, "; all %llu login%s were accepted.", (unsigned long long)t->sessions, plural(t->sessions));
    else if (f->session_total > 0)
        snprintf(out + at, VERDICT_MAX - at, "; %llu of %llu login%s.", (unsigned long long)f->session_total, (unsigned long long)t->sessions, plural(t->sessions));
    else
        snprintf(out + at, VERDICT_MAX - at, ".");
}
