#include "analyze/finding/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Sessions of somebody who wanted a tunnel. */
static uint64_t logins_of(const struct analysis_totals *t)
{
    return t->sessions - t->knocks;
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
    add(l, "Nothing to judge: no VPN, RADIUS or EAP login in %llu packet%s", (unsigned long long)packets,
        plural(packets));
    if (in->totals->unread > 0)
        add(l, ", %llu of them of a link type that is not read", (unsigned long long)in->totals->unread);
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
    if (in->totals->left_out > 0) {
        char server[ADDRESS_TEXT];
        address_text(server, &in->totals->left_out_server);
        add(l, "; %llu connection%s to port 443 failed: if that server is the VPN's, say so (--vip %s)",
            (unsigned long long)in->totals->left_out, plural(in->totals->left_out), server);
    }
}

/* What it may be, where no cause is found: told by what is around the login, in info only. Without failures nothing needs a cause. */
static void best_guess(struct line *l, const struct verdict_input *in, bool failures)
{
    for (size_t i = 0; i < in->finding_count; i++) {
        const struct finding *f = &in->findings[i];
        bool of_tunnel = (f->id >= FINDING_SSTP_NO_ANSWER && f->id <= FINDING_SSTP_CRYPTO_BINDING_FAILED) ||
                         f->id == FINDING_PPP_AUTHENTICATION_FAILED || f->id == FINDING_PPP_NEGOTIATION_FAILED;
        if (of_tunnel && f->confidence == CONFIDENCE_HINT && f->session_total > 0) {
            add(l, "; a hint: %s", f->title);
            return;
        }
    }
    if (failures)
        add(l, ", and nothing in the capture tells why");
}

static void nothing_wrong(struct line *l, const struct verdict_input *in)
{
    const struct analysis_totals *t = in->totals;
    uint64_t logins = logins_of(t), open = logins - t->established;
    if (logins == 0 && t->accounting_requests > 0)
        add(l, "No fault found: no logins, only RADIUS accounting (%llu request%s)",
            (unsigned long long)t->accounting_requests, plural(t->accounting_requests));
    else if (logins == 0 && t->knocks > 0)
        add(l, "No fault found: no logins, only %llu IKE request%s as scanners send %s", (unsigned long long)t->knocks,
            plural(t->knocks), t->knocks == 1 ? "it" : "them");
    else if (logins == 0)
        nothing_to_judge(l, in);
    else if (open == 0)
        add(l, "No fault found: %llu login%s, all accepted", (unsigned long long)logins, plural(logins));
    else if (t->rejected > 0)
        add(l, "No cause found: %llu of %llu login%s rejected", (unsigned long long)t->rejected,
            (unsigned long long)logins, plural(logins));
    else if (t->aborted + t->unanswered > 0)
        add(l, "No cause found: %llu of %llu login%s broken off or not answered",
            (unsigned long long)(t->aborted + t->unanswered), (unsigned long long)logins, plural(logins));
    else
        add(l, "No fault found: %llu of %llu login%s accepted, %llu not seen to the end",
            (unsigned long long)t->established, (unsigned long long)logins, plural(logins), (unsigned long long)open);
    if (logins > 0 && open > 0)
        best_guess(l, in, t->rejected + t->aborted + t->unanswered > 0);
    if (logins > 0 && t->knocks > 0)
        add(l, "; beside them %llu IKE request%s as scanners send %s", (unsigned long long)t->knocks, plural(t->knocks),
            t->knocks == 1 ? "it" : "them");
    add(l, ".");
}

static int by_number(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return (one > other) - (one < other);
}

static bool counted(const struct finding *f, const struct finding *before, uint32_t session)
{
    for (; f < before; f++)
        if (f->session_count > 0 && bsearch(&session, f->sessions, f->session_count, sizeof session, by_number) != NULL)
            return true;
    return false;
}

/* Logins of the worst finding and of those that say the same of other servers. */
static uint64_t same_fault(const struct verdict_input *in)
{
    const struct finding *first = in->findings, *f = first;
    uint64_t sum = 0;
    for (; f < first + in->finding_count && f->id == first->id && strcmp(f->title, first->title) == 0; f++) {
        sum += f->session_total;
        for (size_t i = 0; f > first && i < f->session_count; i++)
            sum -= counted(first, f, f->sessions[i]) ? 1 : 0;
    }
    return sum < logins_of(in->totals) ? sum : logins_of(in->totals);
}

/* How many logins the finding is about. */
static void reach(struct line *l, const struct verdict_input *in)
{
    const struct finding *f = in->findings;
    const struct analysis_totals *t = in->totals;
    uint64_t logins = logins_of(t);
    bool all_fine = logins > 0 && t->established == logins;
    if (f->severity == SEVERITY_WARNING && all_fine && logins == 1)
        add(l, "; the only login was accepted.");
    else if (f->severity == SEVERITY_WARNING && all_fine)
        add(l, "; all %llu logins were accepted.", (unsigned long long)logins);
    else if (f->session_total > 0)
        add(l, "; %llu of %llu login%s.", (unsigned long long)same_fault(in), (unsigned long long)logins,
            plural(logins));
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
    reach(&l, in);
}
