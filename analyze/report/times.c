#include "analyze/report/times.h"

#include <stdio.h>

enum { DAY = 86400, HOUR = 3600, MINUTE = 60, DIGITS_MAX = 9 };
#define SECOND_NS INT64_C(1000000000)

struct moment {
    int64_t year;
    unsigned month, day, hour, minute, second, nanosecond;
};

/* The proleptic Gregorian calendar, counted in eras of 400 years that begin in March, so that a leap day comes last. */
static struct moment moment_of(int64_t seconds, unsigned nanosecond)
{
    enum { ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };
    int64_t days = seconds / DAY, rest = seconds % DAY;
    if (rest < 0) {
        rest += DAY;
        days--;
    }
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = days - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct moment m = {.year = year + era * 400 + (month >= 10),
                       .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                       .day = (unsigned)(of_year - (153 * month + 2) / 5 + 1),
                       .hour = (unsigned)(rest / HOUR),
                       .minute = (unsigned)(rest % HOUR / MINUTE),
                       .second = (unsigned)(rest % MINUTE),
                       .nanosecond = nanosecond};
    return m;
}

static struct moment moment_of_ns(int64_t ns)
{
    int64_t seconds = ns / SECOND_NS, rest = ns % SECOND_NS;
    if (rest < 0) {
        rest += SECOND_NS;
        seconds--;
    }
    return moment_of(seconds, (unsigned)rest);
}

/* ".123456" for 6 digits, "" for none. */
static const char *fraction(char out[static DIGITS_MAX + 2], unsigned nanosecond, unsigned digits)
{
    out[0] = '\0';
    if (digits == 0)
        return out;
    snprintf(out, DIGITS_MAX + 2, ".%09u", nanosecond % 1000000000u);
    out[digits > DIGITS_MAX ? DIGITS_MAX + 1 : digits + 1] = '\0';
    return out;
}

static const char *date_and_time(char out[static TIME_TEXT], struct moment m, unsigned digits, char between,
                                 const char *zone)
{
    char decimals[DIGITS_MAX + 2];
    snprintf(out, TIME_TEXT, "%04lld-%02u-%02u%c%02u:%02u:%02u%s%s", (long long)m.year, m.month, m.day, between, m.hour,
             m.minute, m.second, fraction(decimals, m.nanosecond, digits), zone);
    return out;
}

const char *time_rfc3339(char out[static TIME_TEXT], int64_t ns, unsigned digits)
{
    return date_and_time(out, moment_of_ns(ns), digits, 'T', "Z");
}

const char *time_readable(char out[static TIME_TEXT], int64_t ns, unsigned digits)
{
    return date_and_time(out, moment_of_ns(ns), digits, ' ', "");
}

const char *time_of_day(char out[static TIME_TEXT], int64_t ns, unsigned digits)
{
    char decimals[DIGITS_MAX + 2];
    struct moment m = moment_of_ns(ns);
    snprintf(out, TIME_TEXT, "%02u:%02u:%02u%s", m.hour, m.minute, m.second, fraction(decimals, m.nanosecond, digits));
    return out;
}

const char *time_rfc3339_seconds(char out[static TIME_TEXT], int64_t seconds)
{
    return date_and_time(out, moment_of(seconds, 0), 0, 'T', "Z");
}

const char *time_readable_seconds(char out[static TIME_TEXT], int64_t seconds)
{
    return date_and_time(out, moment_of(seconds, 0), 0, ' ', "");
}

const char *duration_text(char out[static TIME_TEXT], int64_t ns)
{
    long long s = ns / SECOND_NS;
    if (ns < 1000000)
        snprintf(out, TIME_TEXT, "%lld µs", (long long)ns / 1000);
    else if (s < 1)
        snprintf(out, TIME_TEXT, "%.1f ms", (double)ns / 1e6);
    else if (s < 2 * MINUTE)
        snprintf(out, TIME_TEXT, "%.2f s", (double)ns / 1e9);
    else if (s < HOUR)
        snprintf(out, TIME_TEXT, "%lld min %lld s", s / MINUTE, s % MINUTE);
    else if (s < DAY)
        snprintf(out, TIME_TEXT, "%lld h %lld min", s / HOUR, s % HOUR / MINUTE);
    else
        snprintf(out, TIME_TEXT, "%lld d %lld h", s / DAY, s % DAY / HOUR);
    return out;
}
