/* The section on balance: a row for each backend, with a bar for its share, and what the numbers say. */
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/report.h"

enum { INDENT = 2, LABEL = 10, COLUMNS = 8, BAR = 10, LINE = 400, GROUPS_SHOWN = 6 };

static const struct table_column columns[COLUMNS] = {
    {"Backend", false, 11},  {"Share", false, 0},   {"Tried", true, 0}, {"Up", true, 0},
    {"Failed", true, 0},     {"Silent", true, 0},   {"Clients", true, 0},  {"Peak", true, 0}};

static const char *protocol_text(enum balance_protocol p)
{
    static const char *const texts[] = {"all tunnels", "SSTP", "IKEv2", "RADIUS logins, by NAS", ""};
    return texts[p];
}

static enum style verdict_style(enum balance_verdict v)
{
    return v == BALANCE_UNEVEN ? STYLE_YELLOW : v == BALANCE_EVEN ? STYLE_GREEN : STYLE_PLAIN;
}

static void bar_text(char out[static CELL_MAX], double share, double most)
{
    size_t used = 0, length = most > 0 ? (size_t)(share / most * BAR + 0.5) : 0;
    for (size_t i = 0; i < BAR; i++)
        used += (size_t)snprintf(out + used, CELL_MAX - used, "%s", i < length ? "█" : " ");
    snprintf(out + used, CELL_MAX - used, " %3.0f %%", 100 * share);
}

static void number_cell(struct table *t, size_t row, size_t column, uint64_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    table_cell_string(t, row, column, text);
}

static void fill_row(struct table *t, size_t row, const struct balance_backend *e, double most)
{
    char text[CELL_MAX], address[ADDRESS_TEXT];
    table_cell_string(t, row, 0, e->name != NULL ? e->name : address_text(address, &e->address));
    bar_text(text, e->share, most);
    table_cell_string(t, row, 1, text);
    const uint64_t numbers[] = {e->attempts, e->established, e->failed, e->unanswered, e->clients};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        number_cell(t, row, 2 + i, numbers[i]);
    if (e->nameless > 0)
        table_cell_string(t, row, COLUMNS - 2, "?");
    if (e->has_peak)
        number_cell(t, row, COLUMNS - 1, e->peak_concurrent);
}

static void print_table(const struct layout *l, const struct balance_result *b)
{
    struct table *t = calloc(1, sizeof *t);
    double most = 0;
    if (t == NULL) {
        l->out->failed = true;
        return;
    }
    t->columns = columns;
    t->column_count = COLUMNS - 1;
    for (size_t i = 0; i < b->backend_count; i++) {
        most = b->backends[i].share > most ? b->backends[i].share : most;
        if (b->backends[i].has_peak)
            t->column_count = COLUMNS;
    }
    for (size_t i = 0; i < b->backend_count && i < TABLE_ROWS_MAX; i++)
        fill_row(t, t->row_count++, &b->backends[i], most);
    table_print(l, INDENT, t);
    if (b->backend_count > TABLE_ROWS_MAX)
        output_format(l->out, "  … and %zu more; --json has all\n", b->backend_count - TABLE_ROWS_MAX);
    free(t);
}

static void print_numbers(const struct layout *l, const struct balance_result *b)
{
    const struct choice_judgement *j = &b->judgement;
    char text[LINE], p[32];
    if (!j->evenness.valid || b->backend_count < 2)
        return;
    snprintf(p, sizeof p, j->p < 0.0001 ? "p < 0.0001" : "p = %.4f", j->p);
    snprintf(text, sizeof text, "Jain %.3f, coefficient of variation %.2f, max/mean %.2f, Gini %.2f; %s (%s)", j->evenness.jain,
             j->evenness.variation, j->evenness.max_over_mean, j->evenness.gini, p, fit_method_name(j->method));
    layout_labelled_string(l, INDENT, "Measures", LABEL, text);
    if (b->hidden > 0)
        snprintf(text, sizeof text, "%llu connections, %llu of them from a load balancer's own address, each of which is taken for a "
                                    "choice of its own: %.1f choices",
                 (unsigned long long)j->sticky.connections, (unsigned long long)b->hidden, j->sticky.effective);
    else if (j->sticky.effective < 0.95 * (double)j->sticky.connections)
        snprintf(text, sizeof text, "%llu connections of %llu sources that tend to keep to their backends: %.1f independent choices",
                 (unsigned long long)j->sticky.connections, (unsigned long long)j->sticky.sources, j->sticky.effective);
    else
        snprintf(text, sizeof text, "%llu connection%s of %llu source%s", (unsigned long long)j->sticky.connections,
                 j->sticky.connections == 1 ? "" : "s", (unsigned long long)j->sticky.sources, j->sticky.sources == 1 ? "" : "s");
    layout_labelled_string(l, INDENT, "Judged", LABEL, text);
}

static void print_down(const struct layout *l, const struct balance_result *b)
{
    char address[ADDRESS_TEXT];
    for (size_t i = 0; i < b->backend_count; i++)
        if (b->backends[i].alive == BALANCE_DEAD)
            layout_labelled_string(l, INDENT, "Down", LABEL, address_text(address, &b->backends[i].address));
}

static const char *why_text(enum balance_why one)
{
    switch (one) {
    case BALANCE_WHY_STICKY:
        return "stickiness: few sources make many connections each";
    case BALANCE_WHY_DEAD:
        return "a backend does not answer; the others are balanced";
    case BALANCE_WHY_STEADY:
        return "the shares do not change over time, as weights make them";
    case BALANCE_WHY_PROBES:
        return "health probes of a backend fail";
    case BALANCE_WHY_LATE:
        return "a backend got its first connection late";
    case BALANCE_WHY_DNS:
        break;
    }
    return "clients choose: DNS gives them several backends for one name";
}

static void print_result(const struct layout *l, const struct balance_result *b)
{
    const struct choice_judgement *j = &b->judgement;
    char text[LINE];
    output_format(l->out, "  %s: ", protocol_text(b->protocol));
    layout_styled(l, verdict_style(j->verdict), balance_verdict_name(j->verdict));
    output_format(l->out, ", %llu connection%s\n", (unsigned long long)b->connections, b->connections == 1 ? "" : "s");
    print_table(l, b);
    print_down(l, b);
    print_numbers(l, b);
    for (unsigned i = 0; i < BALANCE_WHYS; i++)
        if ((b->why & 1u << i) != 0)
            layout_labelled_string(l, INDENT, "Why", LABEL, why_text((enum balance_why)(1u << i)));
    if (j->needed > 0) {
        snprintf(text, sizeof text, "about %llu connections like these for a verdict", (unsigned long long)j->needed);
        layout_labelled_string(l, INDENT, "Needed", LABEL, text);
    }
    if (b->unattributed > 0) {
        snprintf(text, sizeof text, "%llu connection%s to a virtual address; nothing tells the backend",
                 (unsigned long long)b->unattributed, b->unattributed == 1 ? "" : "s");
        layout_labelled_string(l, INDENT, "Besides", LABEL, text);
    }
    if (b->unnamed > 0) {
        snprintf(text, sizeof text, "%llu connection%s to servers that no --backend names, not counted above",
                 (unsigned long long)b->unnamed, b->unnamed == 1 ? "" : "s");
        layout_labelled_string(l, INDENT, "Besides", LABEL, text);
    }
}

/* Where there is one protocol only, all tunnels are its. */
static bool is_shown(const struct balance_result *all, size_t count, size_t i)
{
    if (all[i].backend_count < 2 && all[i].unnamed == 0)
        return false;
    return all[i].protocol != BALANCE_ALL || i + 1 == count || all[i + 1].protocol == BALANCE_ALL ||
           all[i + 1].connections != all[i].connections;
}

void report_balance_text(const struct report *r, const struct layout *l)
{
    size_t count, shown = 0;
    const struct balance_result *all = balance_results(analysis_balance(r->analysis), &count);
    uint64_t left_out = balance_left_out(analysis_balance(r->analysis));
    for (size_t i = 0; i < count && shown < GROUPS_SHOWN; i++) {
        if (!is_shown(all, count, i))
            continue;
        if (shown++ == 0)
            layout_heading(l, "BALANCE");
        print_result(l, &all[i]);
    }
    if (shown > 0 && left_out > 0)
        output_format(l->out, "  %llu sessions beyond what is kept are not counted here\n", (unsigned long long)left_out);
}
