/*
 * A JSON document (RFC 8259) written as it goes, so that its length does not matter. The writer places commas, quotes and
 * line breaks, and refuses what would not be JSON: a member without a key, a key in an array, a second document, an end
 * that nothing began. The first such mistake, like the first failed write, marks the output as failed and sticks.
 */
#ifndef VS_ANALYZE_JSON_WRITER_H
#define VS_ANALYZE_JSON_WRITER_H

#include "analyze/report/output.h"

enum { JSON_DEPTH_MAX = 16 }; /* arrays and objects open at once */

struct json_writer {
    struct output *out; /* not owned */
    size_t depth;
    struct json_level {
        enum json_kind { JSON_KIND_DOCUMENT, JSON_KIND_OBJECT, JSON_KIND_ARRAY } kind;
        bool some; /* something stands in it already */
    } open[JSON_DEPTH_MAX + 1]; /* the document itself, then what is open */
};

void json_begin(struct json_writer *w, struct output *out);
/* Ends the document with a line break; false, and a failed output, when it is not whole. */
bool json_finish(struct json_writer *w);

/*
 * Each adds a value: with its key in an object, with key NULL in an array or as the document. What _object and _array
 * begin takes the values that follow, until its end.
 */
void json_put_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_put_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);
void json_put_null(struct json_writer *w, const char *key);
void json_put_flag(struct json_writer *w, const char *key, bool value);
void json_put_integer(struct json_writer *w, const char *key, int64_t value);
void json_put_count(struct json_writer *w, const char *key, uint64_t value); /* at most INT64_MAX is written */
/* value * 10^-decimals (0 to 18), exactly: 1500 with 3 is 1.5. */
void json_put_decimal(struct json_writer *w, const char *key, int64_t value, unsigned decimals);
/* Any bytes, in escape_text's form: strangers wrote most of them. */
void json_put_text(struct json_writer *w, const char *key, struct span text);
/* The same of a string; null for NULL. */
void json_put_string(struct json_writer *w, const char *key, const char *text);
/* Bytes in lower case hexadecimal. */
void json_put_hex(struct json_writer *w, const char *key, const uint8_t *bytes, size_t len);

#endif
