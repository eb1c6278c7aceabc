/* Buffered writing whose first error sticks: nobody checks each line, everybody checks the end. */
#ifndef VS_ANALYZE_OUTPUT_H
#define VS_ANALYZE_OUTPUT_H

#include <stdio.h>

#include "capture/wire/span.h"

enum { OUTPUT_BUFFER = 1 << 16, OUTPUT_FORMAT_MAX = 1024 };

struct output {
    FILE *file;  /* not owned */
    bool failed; /* something could not be written; all later writes are dropped */
    size_t used;
    char buffer[OUTPUT_BUFFER];
};

void output_begin(struct output *o, FILE *file);

/* As they are. */
void output_bytes(struct output *o, const void *bytes, size_t len);
void output_string(struct output *o, const char *text);
void output_spaces(struct output *o, size_t count);

/* printf for our own texts and numbers, at most OUTPUT_FORMAT_MAX - 1 bytes a call. */
void output_format(struct output *o, const char *format, ...);

/* Text from strangers: escape_text's form. */
void output_escaped(struct output *o, struct span text);

/* Hands everything to the file and the file to the system; false when anything was lost. */
bool output_end(struct output *o);

#endif
