#include "analyze/report/report.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 20 /* <= SESSIONS_LISTED */, SERVER = 4, METHOD, COLUMNS = 7 };

static const struct table_column columns[COLUMNS] = {{"#", true, 0},        {"Time", false, 0},    {"User", false, 10},
                                                     {"Client", false, 15}, {"Server", false, 15}, {"Method", false, 6},
                                                     {"Result", false, 0}};

struct gathering {
    const struct report *report;
    struct table failed, others;
};

/* An HRESULT in one way only: there is little room. Of an error that no more than a hint speaks for, that is said. */
static void result_text(char *out, size_t room, const struct session *s)
{
    char error[CLIENT_ERROR_TEXT];
    if (s->client_error != 0)
        snprintf(out, room, "%s %.*s%s", outcome_name(s->outcome),
                 (int)strcspn(client_error_text(error, s->client_error), " "), error,
                 s->client_error_confidence == CONFIDENCE_HINT ? " (hint)" : "");
    else
        snprintf(out, room, "%s", outcome_name(s->outcome));
}

static void fill_row(const struct report *r, struct table *t, const struct session *s)
{
    char text[CELL_MAX], room[ENDPOINT_TEXT], time[TIME_TEXT];
    size_t row = t->row_count++;
    struct place first = session_first(s);
    struct span user = session_user(s);
    snprintf(text, sizeof text, "%u", (unsigned)s->number);
    table_cell_string(t, row, 0, text);
    table_cell_string(t, row, 1, report_clock(r, time, first, 0));
    table_cell(t, row, 2, user.len > 0 ? user : span_of("-", 1));
    table_cell(t, row, 3, session_client(s, room));
    table_cell_string(t, row, 4, address_text(room, &(s->tunnel != NULL ? s->tunnel : s->main)->server.address));
    session_method(text, s);
    table_cell_string(t, row, 5, text[0] != '\0' ? text : "-");
    result_text(text, sizeof text, s);
    table_cell_string(t, row, 6, text);
    t->styles[row] = s->outcome == OUTCOME_ESTABLISHED  ? STYLE_GREEN
                     : s->outcome == OUTCOME_INCOMPLETE ? STYLE_YELLOW
                                                        : STYLE_RED;
}

static bool gather(void *ctx, const struct session *s)
{
    struct gathering *g = ctx;
    struct table *t = session_failed(s) ? &g->failed : &g->others;
    if (t->row_count < ROWS_MAX)
        fill_row(g->report, t, s);
    return true;
}

/* Of a flood: what is not in the table, and why. */
static void print_unlisted(const struct layout *l, const struct analysis_totals *t)
{
    char text[200 + IKE_FLOODED_MAX * (ADDRESS_TEXT + 24)], responder[ADDRESS_TEXT];
    uint64_t named = 0;
    int used = snprintf(text, sizeof text,
                        "Not listed: %llu more IKE requests that nobody answered or repeated and nothing followed"
                        " (half-open; a scan or a flood):",
                        (unsigned long long)t->half_open_unlisted);
    for (uint8_t i = 0; i < t->flooded_count; i++) {
        const struct ike_flooded *f = &t->flooded[i];
        named += f->requests;
        used += snprintf(text + used, sizeof text - (size_t)used, "%s %llu to %s", i > 0 ? "," : "",
                         (unsigned long long)f->requests, address_text(responder, &f->responder));
    }
    if (named < t->half_open_unlisted)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s %llu to others", t->flooded_count > 0 ? "," : "",
                         (unsigned long long)(t->half_open_unlisted - named));
    output_string(l->out, "  ");
    layout_words(l, 2, 2, span_of(text, (size_t)used));
}

static void print_totals(const struct layout *l, const struct analysis_totals *t, const char *server)
{
    char text[200];
    size_t used;
    used = (size_t)snprintf(text, sizeof text, "%llu in all", (unsigned long long)t->sessions);
    const uint64_t counts[] = {t->established, t->rejected, t->aborted, t->unanswered, t->incomplete};
    for (unsigned o = OUTCOME_ESTABLISHED; o <= OUTCOME_INCOMPLETE; o++)
        if (counts[o] > 0)
            used += (size_t)snprintf(text + used, sizeof text - used, ", %llu %s", (unsigned long long)counts[o],
                                     outcome_name((enum outcome)o));
    output_string(l->out, "\n");
    layout_styled(l, STYLE_STRONG, "SESSIONS");
    output_format(l->out, "  %s%s%s\n", text, server[0] != '\0' ? "; server " : "", server);
    if (t->accounting_requests > 0)
        output_format(l->out, "  RADIUS accounting: %llu request%s, %llu unanswered\n",
                      (unsigned long long)t->accounting_requests, t->accounting_requests == 1 ? "" : "s",
                      (unsigned long long)t->accounting_unanswered);
    if (t->probe_series > 0)
        output_format(l->out, "  Health probes, counted apart: %llu series (probe-seen)\n",
                      (unsigned long long)t->probe_series);
    if (t->tcp_unlisted > 0)
        output_format(l->out, "  Not listed: %llu more TCP connections that nobody answered (a scan or a flood)\n",
                      (unsigned long long)t->tcp_unlisted);
    if (t->half_open_unlisted > 0)
        print_unlisted(l, t);
}

/* What room the failed ones leave is for others. */
static void join(struct gathering *g)
{
    for (size_t i = 0; g->failed.row_count < ROWS_MAX && i < g->others.row_count; i++) {
        size_t row = g->failed.row_count++;
        memcpy(g->failed.cells[row], g->others.cells[i], sizeof g->failed.cells[row]);
        g->failed.styles[row] = g->others.styles[i];
    }
}

/* The server of all rows, "" when they differ: then a column tells it. */
static const char *only_server(const struct table *t)
{
    for (size_t row = 1; row < t->row_count; row++)
        if (strcmp(t->cells[row][SERVER], t->cells[0][SERVER]) != 0)
            return "";
    return t->row_count > 0 ? t->cells[0][SERVER] : "";
}

/* Some method says where an attempt stopped, which is worth more than the end of a user's name. */
static bool tells_where(const struct table *t)
{
    for (size_t row = 0; row < t->row_count; row++)
        if (strncmp(t->cells[row][METHOD], "SSTP, ", 6) == 0)
            return true;
    return false;
}

static void drop_server(struct table *t)
{
    static const struct table_column rest[] = {{"#", true, 0},        {"Time", false, 0},   {"User", false, 10},
                                               {"Client", false, 15}, {"Method", false, 6}, {"Result", false, 0}};
    static const struct table_column where[] = {{"#", true, 0},        {"Time", false, 0},    {"User", false, 10},
                                                {"Client", false, 15}, {"Method", false, 26}, {"Result", false, 0}};
    t->columns = tells_where(t) ? where : rest;
    for (size_t row = 0; row < t->row_count; row++)
        memmove(t->cells[row][SERVER], t->cells[row][SERVER + 1], (COLUMNS - SERVER - 1) * sizeof t->cells[row][0]);
    t->column_count = COLUMNS - 1;
}

bool report_sessions_text(const struct report *r, const struct layout *l)
{
    struct gathering *g = calloc(1, sizeof *g);
    if (g == NULL) {
        l->out->failed = true;
        return true;
    }
    g->report = r;
    g->failed.columns = columns;
    g->failed.column_count = COLUMNS;
    bool good = analysis_first_sessions(r->analysis, gather, g);
    join(g);
    struct analysis_totals totals;
    analysis_get_totals(r->analysis, &totals);
    uint64_t more = totals.sessions - g->failed.row_count;
    const char *server = more == 0 ? only_server(&g->failed) : ""; /* others may have others */
    print_totals(l, &totals, server);
    if (server[0] != '\0')
        drop_server(&g->failed);
    if (g->failed.row_count > 0)
        table_print(l, 2, &g->failed);
    if (more > 0)
        output_format(l->out, "  … and %llu more; --json has all\n", (unsigned long long)more);
    free(g);
    return good;
}
