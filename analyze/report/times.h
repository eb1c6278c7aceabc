/* Times as text, always UTC, without the C library's calendar. */
#ifndef VS_ANALYZE_TIMES_H
#define VS_ANALYZE_TIMES_H

#include "capture/wire/span.h"

enum { TIME_TEXT = 48 };

/*
 * Nanoseconds since 1970 with `digits` (0..9) decimals, cut, not rounded: RFC 3339 "2026-11-22T09:32:11.123456Z", for
 * people "2026-11-22 09:32:11.123456", the time of day "09:32:11". Returns out.
 */
const char *time_rfc3339(char out[static TIME_TEXT], int64_t ns, unsigned digits);
const char *time_readable(char out[static TIME_TEXT], int64_t ns, unsigned digits);
const char *time_of_day(char out[static TIME_TEXT], int64_t ns, unsigned digits);

/* The same for whole seconds, as certificates have them (years 0 to 9999 and beyond). */
const char *time_rfc3339_seconds(char out[static TIME_TEXT], int64_t seconds);
const char *time_readable_seconds(char out[static TIME_TEXT], int64_t seconds);

/* A duration for people: "850 µs", "12.3 ms", "4.02 s", "3 min 20 s", "2 h 5 min", "4 d 3 h". */
const char *duration_text(char out[static TIME_TEXT], int64_t ns);

#endif
