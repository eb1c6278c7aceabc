/* RADIUS packets for tests, made attribute by attribute; the two of wire-facts as they are. */
#ifndef VS_TEST_RADIUS_BYTES_H
#define VS_TEST_RADIUS_BYTES_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dissect/radius/radius.h"

#define TEST_SECRET "testing123"

/* Access-Request with User-Name, NAS-IP-Address, NAS-Port-Type, EAP Identity and Message-Authenticator; checked with a
 * general dissector and the secret above. Its answer: Access-Challenge with State "ST01" and PEAP Start. */
#define REQUEST_HEX                                                                                                    \
    "0107004b000102030405060708090a0b0c0d0e0f010a757365724065783104060a141e0b3d06000000054f0f0201000d0175736572406578" \
    "3150123c003fdad5044904c96864f33715ec17"
#define CHALLENGE_HEX                                                                                                  \
    "0b070034e5e662d5d90edd22aae7e4d6a4ea85c71806535430314f080102000619205012f20d57eb6a5382eaacc57f8a14fc8315"

struct bytes {
    uint8_t data[RADIUS_PACKET_MAX + 64];
    size_t len;
};

static inline struct span bytes_span(const struct bytes *b)
{
    return span_of(b->data, b->len);
}

static inline uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static inline struct bytes from_hex(const char *hex)
{
    struct bytes b = {.len = 0};
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
        b.data[b.len++] = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
    return b;
}

/* A packet without attributes; its authenticator is 16 times `mark`. */
static inline struct bytes radius_packet_of(uint8_t code, uint8_t identifier, uint8_t mark)
{
    struct bytes b = {.data = {code, identifier, 0, RADIUS_HEADER}, .len = RADIUS_HEADER};
    memset(b.data + 4, mark, 16);
    return b;
}

static inline void add_attribute(struct bytes *b, uint8_t type, const void *value, size_t len)
{
    assert_true(len <= 253 && b->len + len + 2 <= sizeof b->data);
    b->data[b->len] = type;
    b->data[b->len + 1] = (uint8_t)(len + 2);
    if (len > 0)
        memcpy(b->data + b->len + 2, value, len);
    b->len += len + 2;
    b->data[2] = (uint8_t)(b->len >> 8);
    b->data[3] = (uint8_t)b->len;
}

static inline void add_text(struct bytes *b, uint8_t type, const char *text)
{
    add_attribute(b, type, text, strlen(text));
}

static inline void add_u32(struct bytes *b, uint8_t type, uint32_t value)
{
    uint8_t be[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    add_attribute(b, type, be, sizeof be);
}

/* An EAP packet of code, identifier and type with `more` bytes of 'x' after them, in as many attributes as it takes. */
static inline void add_eap(struct bytes *b, uint8_t code, uint8_t identifier, uint8_t type, size_t more)
{
    static uint8_t eap[RADIUS_PACKET_MAX];
    size_t len = 5 + more;
    eap[0] = code;
    eap[1] = identifier;
    eap[2] = (uint8_t)(len >> 8);
    eap[3] = (uint8_t)len;
    eap[4] = type;
    memset(eap + 5, 'x', more);
    for (size_t at = 0; at < len; at += 253)
        add_attribute(b, 79, eap + at, len - at < 253 ? len - at : 253);
}

#endif
