#include "dissect/sstp/proxy_header.h"

#include "capture/wire/cursor.h"

enum { V2_SIGNATURE = 12, IPV4_BLOCK = 12, IPV6_BLOCK = 36, FAMILY_INET = 1, FAMILY_INET6 = 2, TRANSPORT_DGRAM = 2 };

static const uint8_t v1_signature[] = {'P', 'R', 'O', 'X', 'Y', ' '};
static const uint8_t v2_signature[V2_SIGNATURE] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static enum proxy_progress finish(struct proxy_header *h, enum proxy_progress how, const char *reason)
{
    h->finished = true;
    h->reason = reason;
    return how;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool begins(const struct proxy_header *h, const uint8_t *signature, size_t size)
{
    return memcmp(h->kept, signature, smaller(h->have, size)) == 0;
}

static bool is_v1(const struct proxy_header *h)
{
    return h->have >= sizeof v1_signature && begins(h, v1_signature, sizeof v1_signature);
}

/* The text up to the next space or the end. */
static struct span take_word(struct cursor *c)
{
    struct span word = {c->data, 0};
    uint8_t octet;
    while (take_u8(c, &octet) && octet != ' ')
        word.len++;
    return word;
}

static bool word_is(struct span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

static bool port_of(struct span word, uint16_t *out)
{
    uint32_t value = 0;
    if (word.len == 0 || word.len > 5)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(word.data[i] - '0');
    }
    *out = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* "PROXY TCP4 192.0.2.1 192.0.2.2 49152 443", without the line's end. */
static bool parse_v1(struct proxy_header *h, struct span line)
{
    struct cursor c = cursor_of(span_of(line.data + sizeof v1_signature, line.len - sizeof v1_signature));
    struct span family = take_word(&c);
    h->version = 1;
    if (word_is(family, "UNKNOWN")) {
        h->local = true;
        return true;
    }
    bool four = word_is(family, "TCP4");
    if (!four && !word_is(family, "TCP6"))
        return false;
    uint8_t want = four ? FAMILY_IPV4 : FAMILY_IPV6;
    return address_parse(take_word(&c), &h->source.address) && address_parse(take_word(&c), &h->destination.address) &&
           h->source.address.family == want && h->destination.address.family == want &&
           port_of(take_word(&c), &h->source.port) && port_of(take_word(&c), &h->destination.port) && c.len == 0;
}

static enum proxy_progress feed_v1(struct proxy_header *h, struct span bytes, size_t *used)
{
    while (*used < bytes.len) {
        uint8_t octet = bytes.data[(*used)++];
        if (h->have == PROXY_V1_MAX)
            return finish(h, PROXY_MALFORMED, "a PROXY line is longer than it may be");
        h->kept[h->have++] = octet;
        if (octet != '\n')
            continue;
        size_t len = h->have - 1u;
        bool ended = len > sizeof v1_signature && h->kept[len - 1] == '\r';
        if (!ended || !parse_v1(h, span_of(h->kept, len - 1)))
            return finish(h, PROXY_MALFORMED, "a PROXY line of version 1 does not read as one");
        return finish(h, PROXY_DONE, NULL);
    }
    return PROXY_MORE;
}

static bool take_ports(struct cursor *c, struct proxy_header *h)
{
    return take_be16(c, &h->source.port) && take_be16(c, &h->destination.port);
}

/* Version and command, family and transport, length, addresses. */
static bool parse_v2(struct proxy_header *h)
{
    struct cursor c = cursor_of(span_of(h->kept, h->have));
    uint8_t version_command, family;
    uint16_t length;
    struct span source, destination;
    if (!take_skip(&c, V2_SIGNATURE) || !take_u8(&c, &version_command) || !take_u8(&c, &family) ||
        !take_be16(&c, &length))
        return false;
    if (version_command >> 4 != 2 || (version_command & 15) > 1)
        return false;
    h->version = 2;
    h->local = (version_command & 15) == 0;
    h->datagram = (family & 15) == TRANSPORT_DGRAM;
    if (h->local)
        return true;
    if (family >> 4 == FAMILY_INET) {
        if (length < IPV4_BLOCK || !take_span(&c, 4, &source) || !take_span(&c, 4, &destination) || !take_ports(&c, h))
            return false;
        h->source.address = address_ipv4(source.data);
        h->destination.address = address_ipv4(destination.data);
    } else if (family >> 4 == FAMILY_INET6) {
        if (length < IPV6_BLOCK || !take_span(&c, 16, &source) || !take_span(&c, 16, &destination) ||
            !take_ports(&c, h))
            return false;
        h->source.address = address_ipv6(source.data);
        h->destination.address = address_ipv6(destination.data);
    }
    return true;
}

static void keep_until(struct proxy_header *h, size_t until, struct span bytes, size_t *used)
{
    size_t n = smaller(until - h->have, bytes.len - *used);
    if (n > 0)
        memcpy(h->kept + h->have, bytes.data + *used, n);
    h->have = (uint16_t)(h->have + n);
    *used += n;
}

static enum proxy_progress feed_v2(struct proxy_header *h, struct span bytes, size_t *used)
{
    if (h->have < PROXY_V2_HEADER)
        keep_until(h, PROXY_V2_HEADER, bytes, used);
    if (h->have < PROXY_V2_HEADER)
        return PROXY_MORE;
    size_t size = PROXY_V2_HEADER + ((size_t)h->kept[14] << 8 | h->kept[15]);
    size_t wanted = smaller(size, PROXY_KEPT);
    if (h->have < wanted)
        keep_until(h, wanted, bytes, used);
    if (h->have < wanted)
        return PROXY_MORE;
    if (h->version == 0) {
        if (!parse_v2(h))
            return finish(h, PROXY_MALFORMED, "a PROXY header of version 2 contradicts itself");
        h->left = (uint32_t)(size - wanted);
    }
    size_t n = smaller(h->left, bytes.len - *used);
    h->left -= (uint32_t)n;
    *used += n;
    return h->left > 0 ? PROXY_MORE : finish(h, PROXY_DONE, NULL);
}

enum proxy_progress proxy_header_feed(struct proxy_header *h, struct span bytes, size_t *used)
{
    *used = 0;
    if (h->finished)
        return h->reason != NULL ? PROXY_MALFORMED : h->version != 0 ? PROXY_DONE : PROXY_NONE;
    uint16_t before = h->have;
    while (h->have < V2_SIGNATURE && !is_v1(h) && *used < bytes.len) {
        h->kept[h->have++] = bytes.data[(*used)++];
        if (begins(h, v1_signature, sizeof v1_signature) || begins(h, v2_signature, sizeof v2_signature))
            continue;
        h->have = before;
        *used = 0;
        return finish(h, PROXY_NONE, NULL);
    }
    if (is_v1(h))
        return feed_v1(h, bytes, used);
    if (h->have < V2_SIGNATURE)
        return PROXY_MORE;
    return feed_v2(h, bytes, used);
}
