/*
 * Prometheus' text exposition format, version 0.0.4, into memory: HELP and TYPE of a family, then its samples. Whatever a
 * label's value is, what comes out is one line of valid UTF-8.
 */
#ifndef VS_ANALYZE_EXPOSITION_H
#define VS_ANALYZE_EXPOSITION_H

#include "capture/wire/span.h"

/* The ceiling of one exposition in bytes, and of a value's that is written, before escaping. */
enum { EXPOSITION_MAX = 1 << 22, EXPOSITION_VALUE_MAX = 256 };

#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct exposition {
    char *text;         /* not ended by a NUL; owned */
    size_t len, room;
    bool failed;        /* memory was short, or the ceiling reached: nothing of it is to be used */
    const char *family; /* of the samples that follow; lent */
};

enum exposition_type { EXPOSITION_COUNTER, EXPOSITION_GAUGE };

/* A name of ours, [a-z_]+, and a value, which strangers may have written. NULL is the empty value. */
struct exposition_label {
    const char *name, *value;
};

/* Begins anew; keeps the memory of last time. At first the struct is all zero. */
void exposition_begin(struct exposition *e);
void exposition_free(struct exposition *e);

/* name: ours, lent until the next family; of counters it ends with _total. help: one sentence. */
void exposition_family(struct exposition *e, const char *name, enum exposition_type type, const char *help);

/* Samples of the family. */
void exposition_count(struct exposition *e, const struct exposition_label *labels, size_t count, uint64_t value);
void exposition_real(struct exposition *e, const struct exposition_label *labels, size_t count, double value);

/* What another one holds. */
void exposition_append(struct exposition *e, const struct exposition *other);

/*
 * A label's value between its quotes: \, " and line feeds as \\, \" and \n, as the format says; what would steer a terminal,
 * or is no UTF-8, as escape_text writes it. At most EXPOSITION_VALUE_MAX bytes of it are looked at.
 */
void exposition_label_value(struct exposition *e, struct span value);

#endif
