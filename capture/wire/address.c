#include "capture/wire/address.h"

#include <stdio.h>

struct address address_ipv4(const uint8_t bytes[static 4])
{
    struct address a = {.family = FAMILY_IPV4};
    memcpy(a.bytes, bytes, 4);
    return a;
}

struct address address_ipv6(const uint8_t bytes[static 16])
{
    struct address a = {.family = FAMILY_IPV6};
    memcpy(a.bytes, bytes, 16);
    return a;
}

struct address address_mac(const uint8_t bytes[static 6])
{
    struct address a = {.family = FAMILY_MAC};
    memcpy(a.bytes, bytes, 6);
    return a;
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
    int order = memcmp(&a->address, &b->address, sizeof a->address);
    return order != 0 ? order : (int)a->port - (int)b->port;
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first one of equals. */
static int longest_zero_run(const unsigned group[static 8], int *length)
{
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && group[i + n] == 0)
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
        i += n;
    }
    *length = best_len;
    return best;
}

static void ipv6_text(char out[static ADDRESS_TEXT], const uint8_t bytes[static 16])
{
    unsigned group[8];
    for (int i = 0; i < 8; i++)
        group[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    int run_len, run = longest_zero_run(group, &run_len);
    size_t at = 0;
    for (int i = 0; i < 8;) {
        if (i == run) {
            at += (size_t)snprintf(out + at, ADDRESS_TEXT - at, "::");
            i += run_len;
            continue;
        }
        const char *sep = i == 0 || (run >= 0 && i == run + run_len) ? "" : ":";
        at += (size_t)snprintf(out + at, ADDRESS_TEXT - at, "%s%x", sep, group[i]);
        i++;
    }
}

const char *address_text(char out[static ADDRESS_TEXT], const struct address *a)
{
    const uint8_t *b = a->bytes;
    switch (a->family) {
    case FAMILY_IPV4:
        snprintf(out, ADDRESS_TEXT, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
        break;
    case FAMILY_IPV6:
        ipv6_text(out, b);
        break;
    case FAMILY_MAC:
        snprintf(out, ADDRESS_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
        break;
    default:
        snprintf(out, ADDRESS_TEXT, "-");
    }
    return out;
}

const char *endpoint_text(char out[static ENDPOINT_TEXT], const struct endpoint *e)
{
    char address[ADDRESS_TEXT];
    address_text(address, &e->address);
    if (e->port == 0)
        snprintf(out, ENDPOINT_TEXT, "%s", address);
    else if (e->address.family == FAMILY_IPV6)
        snprintf(out, ENDPOINT_TEXT, "[%s]:%u", address, e->port);
    else
        snprintf(out, ENDPOINT_TEXT, "%s:%u", address, e->port);
    return out;
}

static inline bool is_digit(const uint8_t *at, const uint8_t *end)
{
    return at < end && *at - (unsigned)'0' <= 9;
}

/* One of up to three digits; returns what follows it, NULL when it is none. */
static inline const uint8_t *parse_octet(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    if (!is_digit(at, end))
        return NULL;
    unsigned value = *at++ - (unsigned)'0';
    if (is_digit(at, end))
        value = value * 10 + (*at++ - (unsigned)'0');
    if (is_digit(at, end))
        value = value * 10 + (*at++ - (unsigned)'0');
    *out = (uint8_t)value;
    return value <= 255 ? at : NULL;
}

static bool parse_ipv4(struct span text, uint8_t out[static 4])
{
    const uint8_t *at = text.data, *end = at + text.len;
    for (int i = 0; i < 3; i++) {
        at = parse_octet(at, end, &out[i]);
        if (at == NULL || at == end || *at++ != '.')
            return false;
    }
    return parse_octet(at, end, &out[3]) == end;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups before and after "::" are collected in one array; the gap is opened at the end. */
static bool parse_ipv6(struct span text, uint8_t out[static 16])
{
    uint8_t bytes[16] = {0};
    size_t used = 0, gap = SIZE_MAX, at = 0;
    if (text.len >= 2 && text.data[0] == ':' && text.data[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && text.data[end] != ':')
            end++;
        bool dotted = end == text.len && memchr(text.data + at, '.', end - at) != NULL;
        if (dotted) {
            if (used + 4 > 16 || !parse_ipv4(span_of(text.data + at, end - at), bytes + used))
                return false;
            used += 4;
            at = end;
            break;
        }
        unsigned value = 0;
        if (end == at || end - at > 4 || used + 2 > 16)
            return false;
        for (; at < end; at++) {
            int h = hex_value(text.data[at]);
            if (h < 0)
                return false;
            value = value << 4 | (unsigned)h;
        }
        bytes[used++] = (uint8_t)(value >> 8);
        bytes[used++] = (uint8_t)value;
        if (at == text.len)
            break;
        at++;
        if (at == text.len)
            return false;
        if (text.data[at] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = used;
            at++;
        }
    }
    if (gap == SIZE_MAX ? used != 16 : used > 14)
        return false;
    memset(out, 0, 16);
    size_t head = gap == SIZE_MAX ? used : gap;
    memcpy(out, bytes, head);
    memcpy(out + 16 - (used - head), bytes + head, used - head);
    return true;
}

bool address_parse(struct span text, struct address *out)
{
    uint8_t bytes[16];
    if (parse_ipv4(text, bytes)) {
        *out = address_ipv4(bytes);
        return true;
    }
    if (text.len <= 45 && parse_ipv6(text, bytes)) {
        *out = address_ipv6(bytes);
        return true;
    }
    return false;
}

bool address_in(const struct address *a, const struct address *net, unsigned bits)
{
    if (a->family != net->family || bits > (a->family == FAMILY_IPV4 ? 32u : 128u))
        return false;
    size_t whole = bits / 8;
    if (memcmp(a->bytes, net->bytes, whole) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    unsigned shift = 8 - bits % 8;
    return a->bytes[whole] >> shift == net->bytes[whole] >> shift;
}
