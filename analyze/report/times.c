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

/* A number with leading zeros, `width` digits of it at most; returns the end. */
static char *put_number(char *out, unsigned value, unsigned width)
{
    for (unsigned i = width; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

/* ".123456" for 6 digits, nothing for none. */
static char *put_fraction(char *out, unsigned nanosecond, unsigned digits)
{
    if (digits == 0)
        return out;
    *out = '.';
    put_number(out + 1, nanosecond % 1000000000u, DIGITS_MAX);
    return out + 1 + (digits < DIGITS_MAX ? digits : DIGITS_MAX);
}

static char *put_clock(char *out, const struct moment *m, unsigned digits)
{
    out = put_number(out, m->hour, 2);
    *out++ = ':';
    out = put_number(out, m->minute, 2);
    *out++ = ':';
    out = put_number(out, m->second, 2);
    return put_fraction(out, m->nanosecond, digits);
}

static const char *date_and_time(char out[static TIME_TEXT], struct moment m, unsigned digits, char between,
                                 const char *zone)
{
    char *to = out;
    if (m.year >= 0 && m.year <= 9999)
        to = put_number(to, (unsigned)m.year, 4);
    else
        to += snprintf(out, TIME_TEXT / 2, "%04lld", (long long)m.year);
    *to++ = '-';
    to = put_number(to, m.month, 2);
    *to++ = '-';
    to = put_number(to, m.day, 2);
    *to++ = between;
    to = put_clock(to, &m, digits);
    memcpy(to, zone, strlen(zone) + 1);
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
    struct moment m = moment_of_ns(ns);
    *put_clock(out, &m, digits) = '\0';
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
