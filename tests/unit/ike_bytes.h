/* IKE messages for tests, made payload by payload; SK with NULL encryption and HMAC-SHA1-96, so that a test can seal it. */
#ifndef VS_TEST_IKE_BYTES_H
#define VS_TEST_IKE_BYTES_H

#include "bytes_by_hand.h"
#include "capture/wire/address.h"
#include "dissect/crypto/digest.h"
#include "dissect/ike/ike.h"

#define SECOND INT64_C(1000000000)
#define MS INT64_C(1000000)
#define SPI_I UINT64_C(0xa1a2a3a4a5a6a7a8)
#define SPI_R UINT64_C(0xb1b2b3b4b5b6b7b8)

enum { FROM_INITIATOR = IKE_FLAG_INITIATOR, IS_RESPONSE = IKE_FLAG_RESPONSE, ICV_BYTES = 12, KEY_BYTES = 20 };

/* 10.0.0.host */
static inline struct endpoint at(uint8_t host, uint16_t port)
{
    return (struct endpoint){address_ipv4((const uint8_t[]){10, 0, 0, host}), port};
}

struct message {
    uint8_t data[4096];
    size_t len;
    size_t next_at; /* where the type of the next payload goes */
};

static inline void put_be(uint8_t *at, size_t bytes, uint64_t value)
{
    for (size_t i = bytes; i > 0; i--, value >>= 8)
        at[i - 1] = (uint8_t)value;
}

static inline void set_length(struct message *m)
{
    put_be(m->data + 24, 4, m->len);
}

/* A header without payloads (RFC 7296 section 3.1); SPIs as numbers. */
static inline struct message message_of(uint64_t initiator, uint64_t responder, uint8_t exchange, uint8_t flags, uint32_t id)
{
    struct message m = {.len = IKE_HEADER, .next_at = 16};
    put_be(m.data, 8, initiator);
    put_be(m.data + 8, 8, responder);
    m.data[17] = 0x20;
    m.data[18] = exchange;
    m.data[19] = flags;
    put_be(m.data + 20, 4, id);
    set_length(&m);
    return m;
}

/* One more payload (section 3.2). */
static inline void add_payload(struct message *m, uint8_t type, const void *body, size_t len)
{
    assert_true(m->len + 4 + len <= sizeof m->data);
    m->data[m->next_at] = type;
    m->next_at = m->len;
    memset(m->data + m->len, 0, 4);
    put_be(m->data + m->len + 2, 2, 4 + len);
    if (len > 0)
        memcpy(m->data + m->len + 4, body, len);
    m->len += 4 + len;
    set_length(m);
}

/* A notify without protocol and SPI (section 3.10). */
static inline void add_notify(struct message *m, uint16_t type, const void *data, size_t len)
{
    uint8_t body[64] = {0};
    assert_true(len <= 60);
    put_be(body + 2, 2, type);
    if (len > 0)
        memcpy(body + 4, data, len);
    add_payload(m, IKE_NOTIFY, body, 4 + len);
}

/* An SA payload with one proposal and one transform (sections 3.3.1, 3.3.2): protocol 1 IKE, 3 ESP. */
static inline void add_sa(struct message *m, uint8_t protocol, const void *spi, uint8_t spi_len)
{
    uint8_t body[8 + 8 + 8] = {0, 0, 0, 0, 1, protocol, spi_len, 1};
    size_t len = 16u + spi_len;
    put_be(body + 2, 2, len);
    if (spi_len > 0)
        memcpy(body + 8, spi, spi_len);
    memcpy(body + 8 + spi_len, (const uint8_t[]){0, 0, 0, 8, IKE_DH, 0, 0, 14}, 8);
    add_payload(m, IKE_SA, body, len);
}

/* The end of a message: SK around `inside` (a chain made with message_of), or SKF when total is not 0. The keys are
 * KEY_BYTES times `key`. */
static inline void seal(struct message *m, const struct message *inside, size_t from, size_t len, uint16_t number,
                        uint16_t total, uint8_t key)
{
    uint8_t body[3072], first = number <= 1 ? inside->data[16] : 0, mac[DIGEST_MAX], keys[KEY_BYTES];
    size_t at = 0;
    if (total != 0) {
        put_be(body, 2, number);
        put_be(body + 2, 2, total);
        at = 4;
    }
    assert_true(at + len + 1 + ICV_BYTES <= sizeof body);
    memcpy(body + at, inside->data + IKE_HEADER + from, len);
    at += len;
    body[at++] = 0; /* pad length */
    memset(body + at, 0, ICV_BYTES);
    size_t sk = m->len;
    add_payload(m, total != 0 ? IKE_SKF : IKE_SK, body, at + ICV_BYTES);
    m->data[sk] = first;
    struct digests *d = digests_new();
    assert_non_null(d);
    memset(keys, key, sizeof keys);
    struct span part = span_of(m->data, m->len - ICV_BYTES);
    assert_true(hmac_compute(d, DIGEST_SHA1, span_of(keys, sizeof keys), &part, 1, mac));
    memcpy(m->data + m->len - ICV_BYTES, mac, ICV_BYTES);
    digests_free(d);
}

static inline void seal_all(struct message *m, const struct message *inside, uint8_t key)
{
    seal(m, inside, 0, inside->len - IKE_HEADER, 0, 0, key);
}

/* The answer to IKE_SA_INIT: SA and nonce. */
static inline struct message init_response(uint64_t spi_i, uint64_t spi_r)
{
    struct message m = message_of(spi_i, spi_r, IKE_SA_INIT, IS_RESPONSE, 0);
    add_sa(&m, 1, NULL, 0);
    add_payload(&m, IKE_NONCE, "nonce of the responder", 22);
    return m;
}

#endif
