/* Addresses from text, in tests. */
#ifndef VS_TEST_ADDRESSES_BY_HAND_H
#define VS_TEST_ADDRESSES_BY_HAND_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/wire/address.h"

static inline struct address address_of(const char *text)
{
    struct address a = {.family = FAMILY_NONE};
    assert_true(address_parse(span_of(text, strlen(text)), &a));
    return a;
}

static inline struct endpoint at(const char *text, uint16_t port)
{
    return (struct endpoint){.address = address_of(text), .port = port};
}

#endif
