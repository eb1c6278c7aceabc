#include "analyze/session/exchange.h"

#include "capture/wire/hash.h"

struct text exchange_put(struct exchange *x, struct span bytes)
{
    /* Offset 0 means absent, so the block's first byte is never used. */
    size_t at = x->text_used != 0 ? x->text_used : 1;
    if (bytes.len > EXCHANGE_TEXT_MAX - at)
        return (struct text){0, 0};
    x->text_used = (uint16_t)(at + bytes.len);
    if (bytes.len > 0)
        memcpy(x->text + at, bytes.data, bytes.len);
    return (struct text){(uint16_t)at, (uint16_t)bytes.len};
}

uint64_t exchange_mschapv2_response(const uint8_t peer_challenge[static 16], const uint8_t nt_response[static 24])
{
    return hash_bytes(nt_response, 24, hash_bytes(peer_challenge, 16, 26)) | 1;
}

uint64_t exchange_chap_response(const uint8_t value[static 16])
{
    return hash_bytes(value, 16, 5) | 1;
}

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {"established", "rejected", "aborted", "unanswered", "incomplete"};
    return (size_t)o < sizeof names / sizeof *names ? names[o] : "incomplete";
}

/* Packed: struct ladder_entry, u16 length, text. Written by the same process, so no byte order is involved. */
bool exchange_ladder(const struct exchange *x, size_t i, struct ladder_entry *out, struct span *what)
{
    const uint8_t *p = x->ladder.data;
    size_t left = x->ladder.len;
    for (size_t at = 0;; at++) {
        uint16_t len;
        if (left < sizeof *out + sizeof len)
            return false;
        memcpy(out, p, sizeof *out);
        memcpy(&len, p + sizeof *out, sizeof len);
        p += sizeof *out + sizeof len;
        left -= sizeof *out + sizeof len;
        if (len > left)
            return false;
        if (at == i) {
            *what = span_of(p, len);
            return true;
        }
        p += len;
        left -= len;
    }
}
