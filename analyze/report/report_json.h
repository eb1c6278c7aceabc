/* Pieces of the JSON document that its files share: values from our types, NULL-safe. For report_json*.c only. */
#ifndef VS_ANALYZE_REPORT_JSON_H
#define VS_ANALYZE_REPORT_JSON_H

#include <jansson.h>

#include "analyze/report/report.h"

/* Takes the reference. Memory that ran short shows as a failed output, never as a document that looks whole. */
void json_write(struct output *out, json_t *value);

/* The same as one line, to be freed; NULL when memory is short. */
char *json_line(json_t *value, size_t *len);

/* A string out of what strangers wrote, escaped. */
json_t *json_text(struct span text);
json_t *json_c_text(const char *text);                              /* NULL: null */
json_t *json_text_or_null(const struct exchange *x, struct text t); /* absent or empty: null */
json_t *json_hex(const uint8_t *bytes, size_t len);
json_t *json_count(uint64_t n);
json_t *json_time(const struct report *r, int64_t ns, uint32_t capture);
json_t *json_endpoint(const struct endpoint *e); /* {address, port} */
json_t *json_milliseconds(int64_t ns);           /* below 0: null */

/* Sets a member; takes the reference of value. Short memory shows in the finished object: NULL members are null. */
void json_put(json_t *object, const char *key, json_t *value);

/* One element of "sessions". */
json_t *json_session(const struct report *r, const struct session *s);
/* One element of "captures", of "findings"; the member "statistics". */
json_t *json_capture(const struct report *r, uint32_t index);
json_t *json_finding(const struct report *r, const struct finding *f);
json_t *json_statistics(const struct report *r);
/* One element of "exchanges"; with_ladder adds its message ladder. */
json_t *json_exchange(const struct report *r, const struct session *s, const struct exchange *x, bool with_ladder);
/* The member "ike" of an exchange; "translation"; the table of proven translations. */
json_t *json_ike(const struct report *r, const struct exchange *x);
/* The members "sstp", "ppp" and "tcp", of an exchange that has them. */
json_t *json_sstp(const struct session *s, const struct exchange *x);
json_t *json_ppp(const struct exchange *x);
json_t *json_tcp(const struct exchange *x);
json_t *json_translation(const struct report *r);
json_t *json_translation_table(const struct report *r);
json_t *json_balance(const struct report *r);
/* One element of "certificates", NULL for what cannot be parsed (it has none of the required members). */
json_t *json_certificate(const struct report *r, const struct certificate *c);

#endif
