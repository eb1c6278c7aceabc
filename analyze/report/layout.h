/* Text for a terminal of a given width: wrapped paragraphs, labelled lines, tables. Every text is escaped here. */
#ifndef VS_ANALYZE_LAYOUT_H
#define VS_ANALYZE_LAYOUT_H

#include "analyze/report/output.h"

enum {
    LAYOUT_COLUMNS = 80,
    LAYOUT_COLUMNS_MIN = 40,
    LAYOUT_COLUMNS_MAX = 120,
    TABLE_COLUMNS_MAX = 8,
    TABLE_ROWS_MAX = 24
};

struct layout {
    struct output *out;
    unsigned columns; /* width to fill */
    bool colour;      /* SGR sequences may be used */
};

enum style { STYLE_PLAIN, STYLE_STRONG, STYLE_RED, STYLE_YELLOW, STYLE_GREEN, STYLE_CYAN };

/* What is written between these has a style (none without colour). */
void layout_begin_style(const struct layout *l, enum style style);
void layout_end_style(const struct layout *l, enum style style);

/* One text in a style. */
void layout_styled(const struct layout *l, enum style style, const char *text);

/* A heading line with an empty line before it. */
void layout_heading(const struct layout *l, const char *text);

/*
 * Words of a text, wrapped at the width; `at` columns of the first line are taken already (written by the caller),
 * further lines begin with `indent` spaces. Ends the line. Words longer than a line stay whole, to be copied whole.
 */
void layout_words(const struct layout *l, size_t at, size_t indent, struct span text);

/* "    label     text ..." with the text wrapped beside the label; label "" continues the one before. */
void layout_labelled(const struct layout *l, size_t indent, const char *label, size_t width, struct span text);
void layout_labelled_string(const struct layout *l, size_t indent, const char *label, size_t width, const char *text);

/* A table: cells are copied (escaped, cut to CELL_MAX bytes); the flexible columns give way when it is too wide. */
enum { CELL_MAX = 200 };
struct table_column {
    const char *heading;
    bool right;   /* numbers */
    size_t least; /* columns below which it is not shrunk; 0: never shrunk */
};
struct table {
    const struct table_column *columns;
    size_t column_count, row_count;
    char cells[TABLE_ROWS_MAX][TABLE_COLUMNS_MAX][CELL_MAX];
    enum style styles[TABLE_ROWS_MAX]; /* of a row's last cell */
};

void table_cell(struct table *t, size_t row, size_t column, struct span text);
void table_cell_string(struct table *t, size_t row, size_t column, const char *text);
void table_print(const struct layout *l, size_t indent, const struct table *t);

#endif
