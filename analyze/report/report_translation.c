/* The section on address translation: the verdict of each server, what was recovered, and the table of a proven translator. */
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/report.h"

enum { INDENT = 2, LABEL = 18, SERVERS_SHOWN = 12, ROWS_SHOWN = 12, LINE = 700 };

static enum style kind_style(const struct nat_verdict *v)
{
    if (v->kind == NAT_SNAT)
        return v->confidence == CONFIDENCE_HINT ? STYLE_YELLOW : STYLE_RED;
    return v->kind == NAT_UNKNOWN ? STYLE_YELLOW : STYLE_GREEN;
}

static const char *kind_text(enum nat_kind kind)
{
    static const char *const texts[] = {
        [NAT_SNAT] = "source NAT hides clients",
        [NAT_DNAT_ONLY] = "only the destination is translated (as it should be)",
        [NAT_CLIENT_SIDE] = "clients are behind NAT of their own (normal)",
        [NAT_NONE] = "no translation",
        [NAT_UNKNOWN] = "unknown",
    };
    return texts[kind];
}

static void print_verdict(const struct layout *l, const struct nat_verdict *v)
{
    char server[ADDRESS_TEXT], text[LINE], source[ADDRESS_TEXT];
    address_text(server, &v->server);
    output_format(l->out, "  %s  ", server);
    layout_begin_style(l, kind_style(v));
    output_string(l->out, kind_text(v->kind));
    layout_end_style(l, kind_style(v));
    if (v->kind != NAT_UNKNOWN)
        output_format(l->out, " (%s)", confidence_name(v->confidence));
    output_string(l->out, "\n");
    int n = snprintf(text, sizeof text, "%llu of %llu session%s", (unsigned long long)v->sessions,
                     (unsigned long long)v->sessions_all, v->sessions_all == 1 ? "" : "s");
    if (v->kind == NAT_SNAT && v->source.family != FAMILY_NONE)
        n += snprintf(text + n, sizeof text - (size_t)n, "; hidden behind %s", address_text(source, &v->source));
    if (v->hidden_clients > 0)
        snprintf(text + n, sizeof text - (size_t)n, "; at least %llu client%s", (unsigned long long)v->hidden_clients,
                 v->hidden_clients == 1 ? "" : "s");
    layout_labelled_string(l, INDENT + 2, "Sessions", LABEL, text);
}

static void print_recovered(const struct layout *l, const struct nat_verdict *v)
{
    for (size_t i = 0; i < v->recovered_count && i < 4; i++) {
        char text[LINE], seen[ENDPOINT_TEXT], real[ENDPOINT_TEXT];
        snprintf(text, sizeof text, "%s is really %s: %s", endpoint_text(seen, &v->recovered[i].seen),
                 endpoint_text(real, &v->recovered[i].real), v->recovered[i].how);
        layout_labelled_string(l, INDENT + 2, i == 0 ? "Recovered" : "", LABEL, text);
    }
    if (v->recovered_total > 4) {
        char text[64];
        snprintf(text, sizeof text, "… and %llu more; --json has up to %d", (unsigned long long)(v->recovered_total - 4), NAT_RECOVERED_MAX);
        layout_labelled_string(l, INDENT + 2, "", LABEL, text);
    }
}

static void print_proven(const struct layout *l, const struct nat *nat)
{
    size_t count = nat_proven_count(nat);
    if (count == 0)
        return;
    output_string(l->out, "  Translations proven by the same association on both sides:\n");
    for (size_t i = 0; i < count && i < ROWS_SHOWN; i++) {
        const struct nat_proven *p = nat_proven_at(nat, i);
        const struct nat_translation *t = &p->first;
        char a[ENDPOINT_TEXT], b[ENDPOINT_TEXT], c[ENDPOINT_TEXT], d[ENDPOINT_TEXT], text[LINE];
        snprintf(text, sizeof text, "%s > %s becomes %s > %s (%llu session%s)", endpoint_text(a, &t->source[0]),
                 endpoint_text(b, &t->destination[0]), endpoint_text(c, &t->source[1]), endpoint_text(d, &t->destination[1]),
                 (unsigned long long)p->count, p->count == 1 ? "" : "s");
        output_spaces(l->out, INDENT + 2);
        layout_words(l, INDENT + 2, INDENT + 4, span_of(text, strlen(text)));
    }
    if (count > ROWS_SHOWN)
        output_format(l->out, "    … and %zu more; --json has all\n", count - ROWS_SHOWN);
}

void report_translation_text(const struct report *r, const struct layout *l)
{
    const struct nat *nat = analysis_nat(r->analysis);
    struct nat_verdict *v = malloc(sizeof *v);
    size_t i = 0;
    for (; v != NULL && i < SERVERS_SHOWN && nat_verdict_at(nat, i, v); i++) {
        if (i == 0)
            layout_heading(l, "ADDRESS TRANSLATION");
        print_verdict(l, v);
        print_recovered(l, v);
        if (v->reason[0] != '\0')
            layout_labelled_string(l, INDENT + 2, "Open", LABEL, v->reason);
    }
    if (v != NULL && nat_verdict_at(nat, i, v))
        output_string(l->out, "  … and more servers; --json has all\n");
    if (i > 0)
        print_proven(l, nat);
    free(v);
}
