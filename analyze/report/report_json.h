/* Pieces of the JSON document that its files share: values from our types, NULL-safe. For report_json*.c only. */
#ifndef VS_ANALYZE_REPORT_JSON_H
#define VS_ANALYZE_REPORT_JSON_H

#include "analyze/report/json_writer.h"
#include "analyze/report/report.h"

/* A text of the exchange; absent or empty: null. */
void json_put_fact(struct json_writer *w, const char *key, const struct exchange *x, struct text t);
void json_put_time(struct json_writer *w, const char *key, const struct report *r, int64_t ns, uint32_t capture);
void json_put_milliseconds(struct json_writer *w, const char *key, int64_t ns); /* below 0: null */

/* One element of "sessions". */
void json_put_session(struct json_writer *w, const struct report *r, const struct session *s);
/* One element of "exchanges"; with_ladder adds its message ladder. */
void json_put_exchange(struct json_writer *w, const struct report *r, const struct exchange *x, bool with_ladder);
/* One element of "certificates"; nothing for what cannot be parsed (it has none of the required members). */
void json_put_certificate(struct json_writer *w, const struct report *r, const struct certificate *c);

#endif
