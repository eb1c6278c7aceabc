/* Bytes in tests: from hexadecimal text, and in blocks of exactly their size. */
#ifndef VS_TEST_BYTES_BY_HAND_H
#define VS_TEST_BYTES_BY_HAND_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "capture/wire/span.h"

/* Hexadecimal text into bytes. */
static inline struct span hex(const char *digits, uint8_t *out)
{
    size_t n = strlen(digits) / 2;
    for (size_t i = 0; i < n; i++) {
        char pair[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return span_of(out, n);
}

static inline void assert_hex(const uint8_t *bytes, size_t len, const char *digits)
{
    uint8_t expected[256];
    struct span e = hex(digits, expected);
    assert_int_equal(len, e.len);
    assert_memory_equal(bytes, e.data, e.len);
}

/* So that a sanitizer sees a byte read too far; to be freed. */
static inline uint8_t *exact_copy(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

#endif
