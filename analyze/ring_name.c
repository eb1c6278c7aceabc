#include "analyze/ring_name.h"

#include <stddef.h>
#include <string.h>

#include "capture/wire/hash.h"

enum { COUNTER = 5, TIME = 14, NUMBER_DIGITS_MAX = 9 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
    size_t n = 0;
    while (is_digit(s[n]))
        n++;
    return n;
}

static uint32_t number_of(const char *s, size_t n)
{
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++)
        number = number * 10 + (uint32_t)(s[i] - '0');
    return number;
}

/* The whole path but what differs within a ring. */
static uint64_t ring_of(const char *path, size_t before, const char *after)
{
    return hash_not_zero(hash_bytes(path, before, hash_bytes(after, strlen(after), before)));
}

/* "_00007_20260101120000", or with the time first. */
static bool of_dumpcap(const char *path, const char *name, struct ring_name *out)
{
    for (const char *at = strchr(name, '_'); at != NULL; at = strchr(at + 1, '_')) {
        size_t first = digits(at + 1);
        const char *second_at = at + 1 + first + 1;
        if ((first != COUNTER && first != TIME) || second_at[-1] != '_')
            continue;
        size_t second = digits(second_at);
        if (first + second != COUNTER + TIME)
            continue;
        out->number = number_of(first == COUNTER ? at + 1 : second_at, COUNTER);
        out->ring = ring_of(path, (size_t)(at - path), second_at + second);
        return out->numbered = true;
    }
    return false;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && memcmp(text + len - n, end, n) == 0;
}

static bool ends_as_captures_do(const char *name, size_t len)
{
    static const char *const endings[] = {".pcap", ".pcapng", ".cap", ".dmp", ".dump"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (ends_with(name, len, endings[i]))
            return true;
    return false;
}

/* The number stands behind the ending, where nobody else writes one; -z may have compressed the file. */
static bool of_tcpdump(const char *path, const char *name, struct ring_name *out)
{
    size_t len = strlen(name);
    len -= ends_with(name, len, ".gz") ? 3 : ends_with(name, len, ".zst") ? 4 : 0;
    size_t n = 0;
    while (n < len && is_digit(name[len - n - 1]))
        n++;
    if (n > NUMBER_DIGITS_MAX || !ends_as_captures_do(name, len - n))
        return false;
    out->number = number_of(name + len - n, n);
    out->numbered = n > 0;
    out->ring = ring_of(path, (size_t)(name - path) + len - n, name + len);
    return true;
}

struct ring_name ring_name_of(const char *path)
{
    struct ring_name out = {.ring = 0};
    const char *name = path;
    for (const char *c = path; *c != '\0'; c++)
        if (*c == '/' || *c == '\\')
            name = c + 1;
    if (!of_dumpcap(path, name, &out))
        (void)of_tcpdump(path, name, &out);
    return out;
}
