#include "analyze/report/report.h"

#include <stdio.h>

#include "dissect/net/net.h"

enum { INDENT = 4, COMMENT = 9, COMMENTS_SHOWN = 10, PROTOCOLS_SHOWN = 12, CAPTURES_SHOWN = 100, LINE_TEXT = 400 };

static void append(char out[static LINE_TEXT], const char *text)
{
    size_t used = strlen(out);
    snprintf(out + used, LINE_TEXT - used, "%s%s", used > 0 ? ", " : "", text);
}

/* "Ethernet0 (EN10MB), Wi-Fi (IEEE802_11)" or link types alone, each once. */
static void print_interfaces(const struct layout *l, const struct source_info *info)
{
    enum { SHOWN = 8 };
    char text[LINE_TEXT] = "", piece[200];
    for (size_t i = 0; i < info->interface_count && i < SHOWN; i++) {
        const struct source_interface *n = &info->interfaces[i];
        const char *type = source_link_type_name(n->link_type), *name = n->name != NULL ? n->name : n->description;
        char number[24];
        const char *unread = net_reads_link(n->link_type) ? "" : " - not read";
        snprintf(number, sizeof number, "link type %u", n->link_type);
        if (name != NULL)
            snprintf(piece, sizeof piece, "%.120s (%s%s)", name, type != NULL ? type : number, unread);
        else
            snprintf(piece, sizeof piece, "%s%s", type != NULL ? type : number, unread);
        append(text, piece);
    }
    if (info->interface_count > SHOWN)
        append(text, "…");
    if (text[0] != '\0')
        layout_labelled_string(l, INDENT, "", 0, text);
}

static void print_times(const struct report *r, const struct layout *l, const struct source_info *info, uint32_t index)
{
    char from[TIME_TEXT], to[TIME_TEXT], lasted[TIME_TEXT], text[LINE_TEXT];
    unsigned digits = report_digits(r, index);
    if (info->packets == 0 || (info->first_ns == 0 && info->last_ns == 0))
        return;
    snprintf(text, sizeof text, "%s to %s UTC (%s)", time_readable(from, info->first_ns, digits),
             time_readable(to, info->last_ns, digits), duration_text(lasted, info->last_ns - info->first_ns));
    layout_labelled_string(l, INDENT, "", 0, text);
}

/* Of the first capture there is nothing to say: the others' clocks are compared with its. */
static void print_clock(const struct layout *l, const struct capture_report *c, size_t index)
{
    char text[LINE_TEXT], by[TIME_TEXT];
    if (index == 0 || !c->has_clock_ahead)
        return;
    int64_t ahead = c->clock_ahead_ns, apart = ahead < 0 ? -ahead : ahead;
    if (apart < 1000000)
        snprintf(text, sizeof text, "clock: as the first capture's, within 1 ms (estimated)");
    else
        snprintf(text, sizeof text, "clock: %s %s the first capture's (estimated)", duration_text(by, apart),
                 ahead < 0 ? "behind" : "ahead of");
    layout_labelled_string(l, INDENT, "", 0, text);
}

/* Only what is not as it should be, and whether losses can be known. */
static void print_health(const struct layout *l, const struct capture_report *c)
{
    char text[LINE_TEXT] = "", piece[100];
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {{c->info.filtered, "left out by the filter"},
                {c->duplicates, "duplicates (counted once)"},
                {c->info.cut_packets, "cut short by the snap length"},
                {c->info.wrong_lengths, "with impossible lengths"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(piece, sizeof piece, "%llu %s", (unsigned long long)rows[i].count, rows[i].what);
        if (rows[i].count > 0)
            append(text, piece);
    }
    snprintf(piece, sizeof piece, "%llu lost while capturing", (unsigned long long)c->lost);
    append(text, c->has_lost ? piece : "losses not recorded in the file");
    layout_labelled_string(l, INDENT, "", 0, text);
}

/* What somebody noted in the file, often where to look; many of them are a program's (pktmon's stand at every packet). */
static void print_comments(const struct layout *l, const struct source_info *info)
{
    size_t most = info->comments_seen > SOURCE_COMMENTS ? 1 : COMMENTS_SHOWN;
    for (size_t i = 0; i < info->comment_count && i < most; i++) {
        const struct source_comment *c = &info->comments[i];
        char text[SOURCE_COMMENT + 32];
        if (c->frame > 0)
            snprintf(text, sizeof text, "frame %llu: %s", (unsigned long long)c->frame, c->text);
        else
            snprintf(text, sizeof text, "%s", c->text);
        layout_labelled_string(l, INDENT, "comment:", COMMENT, text);
    }
    if (info->comments_seen > most)
        output_format(l->out, "    … and %llu more comment%s\n", (unsigned long long)info->comments_seen - most,
                      info->comments_seen == most + 1 ? "" : "s");
}

void report_captures_text(const struct report *r, const struct layout *l)
{
    layout_heading(l, r->capture_count == 1 ? "CAPTURE" : "CAPTURES");
    for (size_t i = 0; i < r->capture_count && i < CAPTURES_SHOWN; i++) {
        const struct source_info *info = &r->captures[i].info;
        char text[LINE_TEXT];
        const char *path = report_file(r, (uint32_t)i);
        output_spaces(l->out, 2);
        layout_words(l, 2, INDENT, span_of(path, strlen(path)));
        snprintf(text, sizeof text, "%s%s%s, %llu packet%s, %llu byte%s", info->format,
                 info->compression != NULL ? ", " : "", info->compression != NULL ? info->compression : "",
                 (unsigned long long)info->packets, info->packets == 1 ? "" : "s", (unsigned long long)info->bytes,
                 info->bytes == 1 ? "" : "s");
        layout_labelled_string(l, INDENT, "", 0, text);
        print_interfaces(l, info);
        print_times(r, l, info, (uint32_t)i);
        print_clock(l, &r->captures[i], i);
        print_health(l, &r->captures[i]);
        if (info->damage != NULL)
            layout_labelled_string(l, INDENT, "damaged:", 9, info->damage);
        print_comments(l, info);
    }
    if (r->capture_count > CAPTURES_SHOWN)
        output_format(l->out, "  … and %zu more; --json has all\n", r->capture_count - CAPTURES_SHOWN);
}

void report_protocols_text(const struct report *r, const struct layout *l)
{
    static const struct table_column columns[] = {
        {"Protocol", false, 8}, {"Flows", true, 0}, {"Packets", true, 0}, {"Bytes", true, 0}};
    size_t count = 0;
    const struct protocol_count *rows = analysis_protocols(r->analysis, &count);
    struct table t = {.columns = columns, .column_count = sizeof columns / sizeof columns[0]};
    if (count == 0)
        return;
    for (size_t i = 0; i < count && i < PROTOCOLS_SHOWN; i++) {
        char number[24];
        table_cell_string(&t, i, 0, rows[i].name);
        const uint64_t numbers[] = {rows[i].flows, rows[i].packets, rows[i].bytes};
        for (size_t n = 0; n < 3; n++) {
            snprintf(number, sizeof number, "%llu", (unsigned long long)numbers[n]);
            table_cell_string(&t, i, n + 1, number);
        }
        t.row_count++;
    }
    layout_heading(l, "PROTOCOLS");
    table_print(l, 2, &t);
    if (count > PROTOCOLS_SHOWN)
        output_format(l->out, "  … and %zu more; --json has all\n", count - PROTOCOLS_SHOWN);
}
