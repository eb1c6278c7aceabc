/* HTTP heads out of a stream. */
#include "dissect/sstp/http_head.h"

#include <stdlib.h>

#include "capture/wire/cursor.h"

enum { FIRST_SIZE = 512, GUID_TEXT = 36, STATUS_DIGITS = 3 };

struct http_reader {
    uint8_t *buffer;
    uint32_t have, size;
    uint32_t line; /* where the unfinished line begins */
    enum http_progress progress;
    const char *reason;
    struct http_head head;
};

struct http_reader *http_reader_new(void)
{
    return calloc(1, sizeof(struct http_reader));
}

void http_reader_free(struct http_reader *r)
{
    if (r == NULL)
        return;
    free(r->buffer);
    free(r);
}

size_t http_reader_bytes(const struct http_reader *r)
{
    return r != NULL ? sizeof *r + r->size : 0;
}

const struct http_head *http_reader_head(const struct http_reader *r)
{
    return &r->head;
}

const char *http_reader_reason(const struct http_reader *r)
{
    return r->reason;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool same_text(struct span a, const char *text)
{
    if (a.len != strlen(text))
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower((uint8_t)text[i]))
            return false;
    return true;
}

static struct span trimmed(struct span s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = span_of(s.data + 1, s.len - 1);
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cuts the text at the first such octet: what stands in front; *rest is what stands behind. False without. */
static bool cut_at(struct span s, uint8_t mark, struct span *front, struct span *rest)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == mark) {
            *front = span_of(s.data, i);
            *rest = span_of(s.data + i + 1, s.len - i - 1);
            return true;
        }
    return false;
}

static bool token(struct span s)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i], l = lower(c);
        bool letter = l >= 'a' && l <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && !digit && memchr(others, c, sizeof others - 1) == NULL)
            return false;
    }
    return s.len > 0;
}

static int digit_of(uint8_t c)
{
    uint8_t l = lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static uint8_t next_octet(struct span *s)
{
    uint8_t c = s->data[0];
    size_t n = 1;
    if (c == '%' && s->len >= 3 && digit_of(s->data[1]) >= 0 && digit_of(s->data[2]) >= 0) {
        c = (uint8_t)(digit_of(s->data[1]) << 4 | digit_of(s->data[2]));
        n = 3;
    }
    *s = span_of(s->data + n, s->len - n);
    return c;
}

bool http_target_is_sstp(struct span target)
{
    static const char path[] = "/sra_{ba195980-cd49-458b-9e23-c84ee0adcd75}";
    struct span front, rest;
    if (target.len > 0 && target.data[0] != '/') { /* absolute-form: RFC 9112 section 3.2.2 */
        if (!cut_at(target, ':', &front, &rest) || rest.len < 2 || rest.data[0] != '/' || rest.data[1] != '/')
            return false;
        struct span authority = span_of(rest.data + 2, rest.len - 2);
        if (!cut_at(authority, '/', &front, &rest))
            return false;
        target = span_of(rest.data - 1, rest.len + 1);
    }
    for (size_t i = 0; i < sizeof path - 1; i++)
        if (target.len == 0 || lower(next_octet(&target)) != (uint8_t)path[i])
            return false;
    if (target.len == 0)
        return true;
    uint8_t end = next_octet(&target);
    return end == '?' || (end == '/' && (target.len == 0 || target.data[0] == '?'));
}

/* "HTTP/1.x" */
static bool version_of(struct span s, uint8_t *minor)
{
    static const char name[] = "HTTP/1.";
    if (s.len != sizeof name || memcmp(s.data, name, sizeof name - 1) != 0 || digit_of(s.data[s.len - 1]) < 0 ||
        digit_of(s.data[s.len - 1]) > 9)
        return false;
    *minor = (uint8_t)digit_of(s.data[s.len - 1]);
    return true;
}

static bool parse_request_line(struct span line, struct http_head *h)
{
    struct span rest, version;
    if (!cut_at(line, ' ', &h->method, &rest) || !cut_at(rest, ' ', &h->target, &version) || h->target.len == 0 ||
        !token(h->method) || !version_of(version, &h->minor))
        return false;
    h->request = true;
    h->sstp_target = http_target_is_sstp(h->target);
    return true;
}

static bool parse_status_line(struct span line, struct http_head *h)
{
    struct span version, rest, code;
    if (!cut_at(line, ' ', &version, &rest) || !version_of(version, &h->minor))
        return false;
    if (!cut_at(rest, ' ', &code, &h->reason)) {
        code = rest;
        h->reason = span_of(rest.data + rest.len, 0);
    }
    if (code.len != STATUS_DIGITS)
        return false;
    unsigned status = 0;
    for (size_t i = 0; i < STATUS_DIGITS; i++) {
        if (code.data[i] < '0' || code.data[i] > '9')
            return false;
        status = status * 10 + (unsigned)(code.data[i] - '0');
    }
    h->status = (uint16_t)status;
    return status >= 100;
}

static void content_length(struct span value, struct http_head *h)
{
    uint64_t number = 0;
    bool good = value.len > 0;
    for (size_t i = 0; i < value.len && good; i++) {
        int digit = digit_of(value.data[i]);
        good = digit >= 0 && digit <= 9 && number <= (UINT64_MAX - (uint64_t)digit) / 10;
        if (good)
            number = number * 10 + (uint64_t)digit;
    }
    if (!good || (h->has_content_length && h->content_length != number)) {
        h->bad_content_length = true;
        return;
    }
    h->has_content_length = true;
    h->content_length = number;
}

/* {8-4-4-4-12} hexadecimal digits, braces or not. */
static void correlation(struct span text, struct http_head *h)
{
    h->correlation_text = text;
    if (text.len == GUID_TEXT + 2 && text.data[0] == '{' && text.data[text.len - 1] == '}')
        text = span_of(text.data + 1, GUID_TEXT);
    if (text.len != GUID_TEXT)
        return;
    uint8_t guid[HTTP_CORRELATION] = {0};
    unsigned nibbles = 0;
    for (size_t i = 0; i < GUID_TEXT; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.data[i] != '-')
                return;
            continue;
        }
        int digit = digit_of(text.data[i]);
        if (digit < 0)
            return;
        guid[nibbles / 2] = (uint8_t)(guid[nibbles / 2] << 4 | digit);
        nibbles++;
    }
    memcpy(h->correlation, guid, sizeof guid);
    h->has_correlation = true;
}

static void parse_field(struct span line, struct http_head *h)
{
    struct span name, value;
    if (!cut_at(line, ':', &name, &value) || !token(name)) {
        h->malformed = "a line is no header field";
        return;
    }
    value = trimmed(value);
    const struct {
        const char *name;
        struct span *place;
    } kept[] = {{"host", &h->host},
                {"server", &h->server},
                {"via", &h->via},
                {"forwarded", &h->forwarded},
                {"x-forwarded-for", &h->x_forwarded_for},
                {"sstpversion", &h->sstp_version}};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (same_text(name, kept[i].name) && kept[i].place->len == 0)
            *kept[i].place = value;
    if (same_text(name, "content-length"))
        content_length(value, h);
    else if (same_text(name, "sstpcorrelationid") && h->correlation_text.len == 0)
        correlation(value, h);
    else if (same_text(name, "x-forwarded-for") && h->x_forwarded_for_count < UINT8_MAX)
        h->x_forwarded_for_count++;
}

/* The next line without its end, which is CR LF, or LF alone (RFC 9112 section 2.2). */
static struct span take_line(struct span *rest)
{
    struct span line = *rest;
    if (!cut_at(*rest, '\n', &line, rest))
        rest->len = 0;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool starts_as_response(struct span s)
{
    static const char name[] = "HTTP/";
    return s.len >= sizeof name - 1 && memcmp(s.data, name, sizeof name - 1) == 0;
}

static enum http_progress end(struct http_reader *r, enum http_progress how, const char *reason)
{
    r->progress = how;
    r->reason = reason;
    return how;
}

static bool parse_first_line(struct span line, struct http_head *h)
{
    return starts_as_response(line) ? parse_status_line(line, h) : parse_request_line(line, h);
}

/* The whole head; only now do its octets stay where they are. */
static enum http_progress parse(struct http_reader *r)
{
    struct span rest = span_of(r->buffer, r->have);
    struct http_head *h = &r->head;
    struct span line = take_line(&rest);
    (void)parse_first_line(line, h);
    h->size = r->have;
    for (line = take_line(&rest); line.len > 0; line = take_line(&rest))
        parse_field(line, h);
    h->sstp_request = h->sstp_target && same_text(h->method, "SSTP_DUPLEX_POST") && h->has_content_length &&
                      !h->bad_content_length && h->content_length == UINT64_MAX;
    return end(r, HTTP_DONE, NULL);
}

/* An octet of the first line that HTTP does not have, or a method without end. */
static bool cannot_be_http(const struct http_reader *r, uint8_t octet)
{
    if (r->line > 0)
        return octet == 0;
    if (octet == '\r' || octet == '\n')
        return r->have == 0;
    if (octet < ' ' || octet == 0x7f)
        return true;
    if (r->have >= HTTP_METHOD_MAX)
        return memchr(r->buffer, ' ', HTTP_METHOD_MAX) == NULL;
    bool in_method = r->have == 0 || memchr(r->buffer, ' ', r->have) == NULL;
    return in_method && octet != ' ' && octet != '/' && !token(span_of(&octet, 1));
}

static bool room(struct http_reader *r)
{
    if (r->have < r->size)
        return true;
    if (r->size >= HTTP_HEAD_MAX)
        return false;
    uint32_t size = r->size == 0 ? FIRST_SIZE : r->size * 2;
    uint8_t *grown = realloc(r->buffer, size);
    if (grown == NULL)
        return false;
    r->buffer = grown;
    r->size = size;
    return true;
}

/* The line that ends here is empty: so does the head. */
static bool empty_line(const struct http_reader *r)
{
    uint32_t len = r->have - r->line - 1;
    return r->line > 0 && (len == 0 || (len == 1 && r->buffer[r->line] == '\r'));
}

enum http_progress http_reader_feed(struct http_reader *r, struct span bytes, size_t *used)
{
    *used = 0;
    while (r->progress == HTTP_MORE && *used < bytes.len) {
        uint8_t octet = bytes.data[*used];
        if (cannot_be_http(r, octet))
            return end(r, HTTP_NOT, "an octet that no HTTP head has here");
        if (!room(r))
            return end(r, HTTP_TOO_LONG, "the head is longer than any that is read");
        r->buffer[r->have++] = octet;
        ++*used;
        if (octet != '\n')
            continue;
        if (r->line == 0) {
            struct http_head first = {0};
            struct span line = span_of(r->buffer, r->have);
            if (!parse_first_line(take_line(&line), &first))
                return end(r, HTTP_NOT, "the first line is none of HTTP/1");
        } else if (empty_line(r)) {
            return parse(r);
        }
        r->line = r->have;
    }
    return r->progress;
}

/* "192.0.2.1", "192.0.2.1:port", "[2001:db8::1]", "[2001:db8::1]:port", 2001:db8::1. */
static bool endpoint_parse(struct span text, struct endpoint *out)
{
    struct span host = text, port = {NULL, 0}, rest;
    memset(out, 0, sizeof *out);
    if (text.len > 0 && text.data[0] == '[') {
        if (!cut_at(span_of(text.data + 1, text.len - 1), ']', &host, &rest))
            return false;
        if (rest.len > 1 && rest.data[0] == ':')
            port = span_of(rest.data + 1, rest.len - 1);
    } else if (cut_at(text, ':', &host, &rest)) {
        if (memchr(rest.data, ':', rest.len) != NULL)
            host = text;
        else
            port = rest;
    } else {
        host = text;
    }
    unsigned number = 0;
    for (size_t i = 0; i < port.len; i++) {
        if (port.data[i] < '0' || port.data[i] > '9' || number > UINT16_MAX)
            return false;
        number = number * 10 + (unsigned)(port.data[i] - '0');
    }
    if (number > UINT16_MAX || !address_parse(host, &out->address))
        return false;
    out->port = (uint16_t)number;
    return true;
}

/* The first element of a list, up to a comma that is not quoted. */
static struct span first_element(struct span list)
{
    bool quoted = false;
    for (size_t i = 0; i < list.len; i++) {
        quoted ^= list.data[i] == '"';
        if (list.data[i] == ',' && !quoted)
            return span_of(list.data, i);
    }
    return list;
}

/* The value of for= in one element of Forwarded: RFC 7239 section 4. */
static bool forwarded_for(struct span element, struct span *out)
{
    struct span pair, name, value;
    while (element.len > 0) {
        if (!cut_at(element, ';', &pair, &element)) {
            pair = element;
            element.len = 0;
        }
        if (!cut_at(trimmed(pair), '=', &name, &value) || !same_text(name, "for"))
            continue;
        if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
            value = span_of(value.data + 1, value.len - 2);
        *out = value;
        return true;
    }
    return false;
}

bool http_forwarded_client(const struct http_head *head, struct endpoint *out)
{
    struct span value;
    if (forwarded_for(first_element(head->forwarded), &value))
        return endpoint_parse(value, out);
    value = trimmed(first_element(head->x_forwarded_for));
    return value.len > 0 && endpoint_parse(value, out);
}
