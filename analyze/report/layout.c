#include "analyze/report/layout.h"

#include <stdlib.h>

#include "analyze/report/escape.h"

static const char *const sgr[] = {
    [STYLE_PLAIN] = "",          [STYLE_STRONG] = "\033[1m", [STYLE_RED] = "\033[1;31m",
    [STYLE_YELLOW] = "\033[33m", [STYLE_GREEN] = "\033[32m", [STYLE_CYAN] = "\033[36m",
};

void layout_begin_style(const struct layout *l, enum style style)
{
    if (l->colour)
        output_string(l->out, sgr[style]);
}

void layout_end_style(const struct layout *l, enum style style)
{
    if (l->colour && style != STYLE_PLAIN)
        output_string(l->out, "\033[0m");
}

void layout_styled(const struct layout *l, enum style style, const char *text)
{
    layout_begin_style(l, style);
    output_string(l->out, text);
    layout_end_style(l, style);
}

void layout_heading(const struct layout *l, const char *text)
{
    output_string(l->out, "\n");
    layout_styled(l, STYLE_STRONG, text);
    output_string(l->out, "\n");
}

void layout_words(const struct layout *l, size_t at, size_t indent, struct span text)
{
    char *safe = escape_new(text);
    if (safe == NULL) {
        l->out->failed = true;
        return;
    }
    bool first = true;
    for (char *word = safe; *word != '\0';) {
        size_t len = strcspn(word, " ");
        char after = word[len];
        word[len] = '\0';
        size_t width = escape_columns(word);
        if (len > 0) {
            if (!first && at + 1 + width > l->columns) {
                output_string(l->out, "\n");
                output_spaces(l->out, indent);
                at = indent;
            } else if (!first) {
                output_string(l->out, " ");
                at++;
            }
            output_bytes(l->out, word, len);
            at += width;
            first = false;
        }
        word += len + (after != '\0');
    }
    output_string(l->out, "\n");
    free(safe);
}

void layout_labelled(const struct layout *l, size_t indent, const char *label, size_t width, struct span text)
{
    size_t used = escape_columns(label);
    output_spaces(l->out, indent);
    output_string(l->out, label);
    output_spaces(l->out, used < width ? width - used : used > 0);
    layout_words(l, indent + (used < width ? width : used + (used > 0)), indent + width, text);
}

void layout_labelled_string(const struct layout *l, size_t indent, const char *label, size_t width, const char *text)
{
    layout_labelled(l, indent, label, width, span_of(text, strlen(text)));
}

void table_cell(struct table *t, size_t row, size_t column, struct span text)
{
    escape_text(t->cells[row][column], CELL_MAX, text);
}

void table_cell_string(struct table *t, size_t row, size_t column, const char *text)
{
    table_cell(t, row, column, span_of(text, strlen(text)));
}

/* Natural widths, then the widest shrinkable column gives way, a column at a time, until the row fits. */
static void fit(const struct table *t, size_t room, size_t widths[static TABLE_COLUMNS_MAX])
{
    size_t total = 0;
    for (size_t c = 0; c < t->column_count; c++) {
        widths[c] = escape_columns(t->columns[c].heading);
        for (size_t r = 0; r < t->row_count; r++) {
            size_t w = escape_columns(t->cells[r][c]);
            widths[c] = w > widths[c] ? w : widths[c];
        }
        total += widths[c] + (c > 0 ? 2 : 0);
    }
    while (total > room) {
        size_t widest = TABLE_COLUMNS_MAX;
        for (size_t c = 0; c < t->column_count; c++)
            if (t->columns[c].least > 0 && widths[c] > t->columns[c].least &&
                (widest == TABLE_COLUMNS_MAX || widths[c] > widths[widest]))
                widest = c;
        if (widest == TABLE_COLUMNS_MAX)
            return;
        widths[widest]--;
        total--;
    }
}

static void print_cell(const struct layout *l, const char *text, size_t width, bool right, bool last, enum style style)
{
    char cut[CELL_MAX + 4];
    size_t columns = escape_columns(text);
    if (columns > width) {
        size_t keep = escape_prefix(text, width - 1);
        memcpy(cut, text, keep);
        memcpy(cut + keep, "…", sizeof "…");
        text = cut;
        columns = escape_columns(text);
    }
    if (right)
        output_spaces(l->out, width - columns);
    layout_styled(l, style, text);
    if (!right && !last)
        output_spaces(l->out, width - columns);
}

void table_print(const struct layout *l, size_t indent, const struct table *t)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    fit(t, l->columns > indent ? l->columns - indent : 0, widths);
    for (size_t r = 0; r <= t->row_count; r++) {
        output_spaces(l->out, indent);
        for (size_t c = 0; c < t->column_count; c++) {
            bool last = c + 1 == t->column_count;
            const char *text = r == 0 ? t->columns[c].heading : t->cells[r - 1][c];
            enum style style = r == 0 ? STYLE_STRONG : last ? t->styles[r - 1] : STYLE_PLAIN;
            if (c > 0)
                output_spaces(l->out, 2);
            print_cell(l, text, widths[c], t->columns[c].right, last, style);
        }
        output_string(l->out, "\n");
    }
}
