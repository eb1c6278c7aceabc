/* IKE messages and bodies written by hand in hexadecimal: header, payloads one after the other, lengths and next-payload fields
 * set here, so that a test can spoil just what it is about. */
#ifndef VS_TEST_IKE_BY_HAND_H
#define VS_TEST_IKE_BY_HAND_H

#include <stdlib.h>
#include <string.h>

#include "dissect/ike/ike.h"

enum { IKE_BYTES_MAX = 70000 };

struct ike_bytes {
    uint8_t data[IKE_BYTES_MAX];
    size_t len, next_at; /* next_at: where the type of the payload to come is written */
};

/* Hexadecimal text, blanks allowed, to bytes behind those that are there. */
static inline void ike_hex(struct ike_bytes *b, const char *text)
{
    char pair[3] = {0};
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text == ' ')
            continue;
        pair[n++ % 2] = *text;
        if (n % 2 == 0)
            b->data[b->len++] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static inline void ike_fill(struct ike_bytes *b, uint8_t byte, size_t count)
{
    memset(b->data + b->len, byte, count);
    b->len += count;
}

static inline void ike_set_be16(struct ike_bytes *b, size_t at, size_t value)
{
    b->data[at] = (uint8_t)(value >> 8);
    b->data[at + 1] = (uint8_t)value;
}

static inline void ike_set_length(struct ike_bytes *b, size_t length)
{
    ike_set_be16(b, 24, length >> 16);
    ike_set_be16(b, 26, length & 0xffff);
}

/* The header; spis is 32 hexadecimal digits. */
static inline void ike_begin(struct ike_bytes *b, const char *spis, uint8_t version, uint8_t exchange, uint8_t flags,
                             uint8_t message_id)
{
    b->len = 0;
    ike_hex(b, spis);
    b->next_at = b->len;
    const uint8_t rest[] = {0, version, exchange, flags, 0, 0, 0, message_id, 0, 0, 0, IKE_HEADER};
    memcpy(b->data + b->len, rest, sizeof rest);
    b->len += sizeof rest;
}

/* A payload of which only the generic header is there yet; its place, for ike_close_payload. */
static inline size_t ike_open_payload(struct ike_bytes *b, uint8_t type)
{
    size_t at = b->len;
    b->data[b->next_at] = type;
    b->next_at = at;
    ike_fill(b, 0, 4);
    return at;
}

static inline void ike_close_payload(struct ike_bytes *b, size_t at)
{
    ike_set_be16(b, at + 2, b->len - at);
    ike_set_length(b, b->len);
}

static inline void ike_payload(struct ike_bytes *b, uint8_t type, const char *body)
{
    size_t at = ike_open_payload(b, type);
    ike_hex(b, body);
    ike_close_payload(b, at);
}

static inline struct span ike_span(const struct ike_bytes *b)
{
    return span_of(b->data, b->len);
}

#endif
