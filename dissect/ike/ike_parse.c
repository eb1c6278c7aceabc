/* An IKE message's header and the way to its encrypted payload, RFC 7296 sections 3.1, 3.2, 3.14 and RFC 7383 section 2.5;
 * RFC 2408 section 3.1 for version 1. */
#include "dissect/ike/ike.h"
#include "dissect/ike/ike_chain.h"

static void refuse(struct ike_message *m, const char *reason)
{
    m->malformed = true;
    if (m->reason == NULL)
        m->reason = reason;
}

bool ike_recognise(struct span bytes, uint32_t wire_len)
{
    static const uint8_t no_spi[IKE_SPI];
    struct cursor c = cursor_of(bytes);
    uint8_t version, exchange;
    uint32_t length;
    if (!take_skip(&c, 2 * IKE_SPI + 1) || !take_u8(&c, &version) || !take_u8(&c, &exchange) || !take_skip(&c, 1 + 4) ||
        !take_be32(&c, &length))
        return false;
    return memcmp(bytes.data, no_spi, IKE_SPI) != 0 && length >= IKE_HEADER && length <= wire_len &&
           (version >> 4 == 1 || version >> 4 == 2) && ike_exchange_name(version, exchange) != NULL;
}

/* Reads the fixed header; false when it is not all there. */
static bool read_header(struct span bytes, struct ike_message *m)
{
    const uint8_t *h = bytes.data;
    if (bytes.len < IKE_HEADER)
        return false;
    memcpy(m->initiator_spi, h, IKE_SPI);
    memcpy(m->responder_spi, h + IKE_SPI, IKE_SPI);
    m->next_payload = h[16];
    m->version = h[17];
    m->exchange = h[18];
    m->flags = h[19];
    m->message_id = (uint32_t)h[20] << 24 | (uint32_t)h[21] << 16 | (uint32_t)h[22] << 8 | h[23];
    m->length = (uint32_t)h[24] << 24 | (uint32_t)h[25] << 16 | (uint32_t)h[26] << 8 | h[27];
    return true;
}

/* The body of SK or SKF, which ends the message. cut: it lacks bytes that were not captured; more: bytes that the message's
 * length leaves behind it. */
static void read_encrypted(struct ike_message *m, uint8_t type, uint8_t inside, struct cursor body, bool cut, size_t more)
{
    m->encrypted = true;
    m->sk_next = inside;
    if (type == IKE_SKF) {
        if (!take_be16(&body, &m->fragment) || !take_be16(&body, &m->fragments)) {
            if (!cut)
                refuse(m, "an encrypted fragment without its number");
            return;
        }
        if (m->fragment == 0 || m->fragment > m->fragments)
            refuse(m, "the number of an encrypted fragment is not among their total");
    }
    m->sk = cursor_rest(&body);
    m->associated = span_of(m->whole.data, body.offset);
    if (!cut && more > 0)
        refuse(m, "bytes follow the encrypted payload");
}

/* A whole message whose payloads fit into it: the chain comes to its end in the clear, or to SK or SKF, which is read. Of any
 * other nothing is. */
static bool read_sound(struct ike_message *m)
{
    enum { GENERIC_HEADER = 4 };
    const uint8_t *at = m->payloads.data;
    size_t left = m->payloads.len;
    uint8_t next = m->next_payload;
    if (m->malformed || m->cut || m->whole.len != m->length)
        return false;
    for (unsigned i = 0; i < IKE_PAYLOADS_MAX && next != IKE_NO_PAYLOAD; i++) {
        size_t length = left < GENERIC_HEADER ? 0 : (size_t)at[2] << 8 | at[3];
        if (length < GENERIC_HEADER || length > left)
            return false;
        left -= length;
        if (next == IKE_SK || next == IKE_SKF) {
            struct cursor body = {at + GENERIC_HEADER, length - GENERIC_HEADER, (size_t)(at - m->whole.data) + GENERIC_HEADER};
            read_encrypted(m, next, at[0], body, false, left);
            return true;
        }
        next = at[0];
        at += length;
    }
    return next == IKE_NO_PAYLOAD;
}

/* Walks to SK or SKF. */
static void find_encrypted(struct ike_message *m)
{
    struct ike_chain chain = {.next = m->next_payload, .announced = (size_t)m->length - IKE_HEADER, .at = cursor_of(m->whole)};
    struct ike_chain_payload p;
    if (!take_skip(&chain.at, IKE_HEADER))
        return;
    for (unsigned i = 0; i < IKE_PAYLOADS_MAX && ike_chain_next(&chain, &p); i++)
        if (p.type == IKE_SK || p.type == IKE_SKF) {
            read_encrypted(m, p.type, chain.next, p.body, p.cut, chain.announced);
            return;
        }
    if (chain.reason != NULL)
        refuse(m, chain.reason);
}

bool ike_parse(struct span bytes, uint32_t wire_len, struct ike_message *out)
{
    memset(out, 0, sizeof *out);
    if (!read_header(bytes, out))
        return false;
    if (wire_len < bytes.len)
        wire_len = (uint32_t)bytes.len;
    out->whole = bytes;
    if (out->length < IKE_HEADER) {
        refuse(out, "the length in the header is less than the header");
        out->whole.len = IKE_HEADER;
        return true;
    }
    if (out->length > wire_len)
        refuse(out, "the length in the header is more than the datagram");
    else
        out->cut = out->length > bytes.len;
    if (out->length < bytes.len)
        out->whole.len = out->length;
    out->payloads = span_of(out->whole.data + IKE_HEADER, out->whole.len - IKE_HEADER);
    if (out->version >> 4 == 1) {
        out->encrypted = (out->flags & IKE1_FLAG_ENCRYPTED) != 0;
    } else if (out->version >> 4 == 2) {
        out->from_initiator = (out->flags & IKE_FLAG_INITIATOR) != 0;
        out->response = (out->flags & IKE_FLAG_RESPONSE) != 0;
        if (!read_sound(out))
            find_encrypted(out);
    }
    return true;
}
