#include "analyze/finding/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAMED_PROTOCOLS = 3 };

/* A line that grows; what does not fit is left out. */
struct line {
    char *text;
    size_t at;
};

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
add(struct line *l, const char *format, ...)
{
    va_list args;
    if (l->at >= VERDICT_MAX)
        return;
    va_start(args, format);
    int n = vsnprintf(l->text + l->at, VERDICT_MAX - l->at, format, args);
    va_end(args);
    l->at += n > 0 ? (size_t)n : 0;
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void capital(char *text)
{
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
}

static const struct protocol_count *most_packets(const struct verdict_input *in, uint64_t below, size_t after)
{
    const struct protocol_count *best = NULL;
    for (size_t i = 0; i < in->protocol_count; i++) {
        const struct protocol_count *p = &in->protocols[i];
        bool later = p->packets < below || (p->packets == below && i > after);
        if (p->packets > 0 && later && strcmp(p->name, "unknown") != 0 && (best == NULL || p->packets > best->packets))
            best = p;
    }
    return best;
}

static void nothing_to_judge(struct line *l, const struct verdict_input *in)
{
    uint64_t packets = in->totals->packets, below = UINT64_MAX;
    size_t after = 0;
    add(l, "Nothing to judge: no RADIUS or EAP login in %llu packet%s", (unsigned long long)packets, plural(packets));
    if (in->totals->probe_series > 0) {
        add(l, ", only health probes");
        return;
    }
    for (int i = 0; i < NAMED_PROTOCOLS; i++) {
        const struct protocol_count *p = most_packets(in, below, after);
        if (p == NULL)
            break;
        add(l, "%s%s", i == 0 ? "; seen instead: " : ", ", p->name);
        below = p->packets;
        after = (size_t)(p - in->protocols);
    }
}

static void nothing_wrong(struct line *l, const struct verdict_input *in)
{
    const struct analysis_totals *t = in->totals;
    uint64_t open = t->sessions - t->established;
    if (t->sessions == 0 && t->accounting_requests > 0)
        add(l, "No fault found: no logins, only RADIUS accounting (%llu request%s)",
            (unsigned long long)t->accounting_requests, plural(t->accounting_requests));
    else if (t->sessions == 0)
        nothing_to_judge(l, in);
    else if (open == 0)
        add(l, "No fault found: %llu login%s, all accepted", (unsigned long long)t->sessions, plural(t->sessions));
    else if (t->rejected > 0)
        add(l, "No cause found: %llu of %llu login%s rejected, and nothing in the capture tells why",
            (unsigned long long)t->rejected, (unsigned long long)t->sessions, plural(t->sessions));
    else if (t->aborted + t->unanswered > 0)
        add(l, "No cause found: %llu of %llu login%s broken off or not answered, and nothing in the capture tells why",
            (unsigned long long)(t->aborted + t->unanswered), (unsigned long long)t->sessions, plural(t->sessions));
    else
        add(l, "No fault found: %llu of %llu login%s accepted, %llu not seen to the end",
            (unsigned long long)t->established, (unsigned long long)t->sessions, plural(t->sessions),
            (unsigned long long)open);
    add(l, ".");
}

/* How many logins the finding is about. */
static void reach(struct line *l, const struct finding *f, const struct analysis_totals *t)
{
    bool all_fine = t->sessions > 0 && t->established == t->sessions;
    if (f->severity == SEVERITY_WARNING && all_fine && t->sessions == 1)
        add(l, "; the only login was accepted.");
    else if (f->severity == SEVERITY_WARNING && all_fine)
        add(l, "; all %llu logins were accepted.", (unsigned long long)t->sessions);
    else if (f->session_total > 0)
        add(l, "; %llu of %llu login%s.", (unsigned long long)f->session_total, (unsigned long long)t->sessions,
            plural(t->sessions));
    else
        add(l, ".");
}

static bool about_the_capture(enum finding_id id)
{
    return id >= FINDING_CAPTURE_TRUNCATED_PACKETS && id <= FINDING_CAPTURE_DAMAGED;
}

void verdict_write(char out[static VERDICT_MAX], const struct verdict_input *in)
{
    const struct finding *f =
        in->finding_count > 0 && in->findings[0].severity != SEVERITY_INFO ? &in->findings[0] : NULL;
    struct line l = {out, 0};
    out[0] = '\0';
    if (f == NULL) {
        nothing_wrong(&l, in);
        return;
    }
    if (in->totals->sessions == 0 && in->totals->accounting_requests == 0 && about_the_capture(f->id)) {
        nothing_to_judge(&l, in);
        add(&l, ". Warning: %s.", f->title);
        return;
    }
    char error[CLIENT_ERROR_TEXT];
    if (f->client_error != 0 && f->severity == SEVERITY_CRITICAL)
        add(&l, "Error %s (%s): ", client_error_text(error, f->client_error), confidence_name(f->confidence));
    else if (f->severity == SEVERITY_WARNING)
        add(&l, "Warning: ");
    bool bare = l.at == 0;
    add(&l, "%s", f->title);
    if (bare)
        capital(out);
    reach(&l, f, in->totals);
}
