/* PPTP's messages and packets as bytes. */
#include "dissect/pptp/pptp.h"

enum { NAME_SIZE = 64, CONTROL_MESSAGE = 1, LEAST = 16 };

size_t pptp_message_length(struct span bytes)
{
    struct cursor c = cursor_of(bytes);
    uint16_t length, kind;
    uint32_t cookie;
    if (!take_be16(&c, &length) || !take_be16(&c, &kind) || !take_be32(&c, &cookie) || cookie != PPTP_COOKIE ||
        kind != CONTROL_MESSAGE || length < LEAST || length > PPTP_MESSAGE_MAX)
        return 0;
    return length;
}

static bool take_name(struct cursor *c, struct span *out)
{
    if (!take_span(c, NAME_SIZE, out))
        return false;
    const uint8_t *nul = memchr(out->data, 0, out->len);
    if (nul != NULL)
        out->len = (size_t)(nul - out->data);
    return true;
}

/* One octet of result, one of error: section 2.2 and others. */
static bool take_result(struct cursor *c, struct pptp_message *m)
{
    uint8_t result, error;
    m->has_result = take_u8(c, &result) && take_u8(c, &error);
    if (!m->has_result)
        return false;
    m->result = result;
    m->error = error;
    return true;
}

static bool read_start(struct cursor *c, struct pptp_message *m)
{
    enum { CAPABILITIES_CHANNELS_FIRMWARE = 4 + 4 + 2 + 2 };
    bool fine = take_skip(c, 2); /* version */
    fine = fine && (m->type == PPTP_START_REPLY ? take_result(c, m) : take_skip(c, 2));
    return fine && take_skip(c, CAPABILITIES_CHANNELS_FIRMWARE) && take_name(c, &m->host) && take_name(c, &m->vendor);
}

static bool take_id(struct cursor *c, bool *has, uint16_t *id)
{
    *has = take_be16(c, id);
    return *has;
}

static bool read_body(struct cursor *c, struct pptp_message *m)
{
    uint8_t reason;
    switch (m->type) {
    case PPTP_START_REQUEST:
    case PPTP_START_REPLY:
        return read_start(c, m);
    case PPTP_STOP_REQUEST:
        m->has_result = take_u8(c, &reason);
        m->result = m->has_result ? reason : 0;
        return m->has_result;
    case PPTP_STOP_REPLY:
        return take_result(c, m);
    case PPTP_OUTGOING_REQUEST:
    case PPTP_INCOMING_REQUEST:
    case PPTP_CALL_CLEAR:
        return take_id(c, &m->has_call, &m->call);
    case PPTP_OUTGOING_REPLY:
        return take_id(c, &m->has_call, &m->call) && take_id(c, &m->has_peer, &m->peer) && take_result(c, m) &&
               take_be16(c, &m->cause);
    case PPTP_INCOMING_REPLY:
        return take_id(c, &m->has_call, &m->call) && take_id(c, &m->has_peer, &m->peer) && take_result(c, m);
    case PPTP_DISCONNECT:
        return take_id(c, &m->has_call, &m->call) && take_result(c, m) && take_be16(c, &m->cause);
    case PPTP_INCOMING_CONNECTED:
    case PPTP_ERROR_NOTIFY:
    case PPTP_SET_LINK:
        return take_id(c, &m->has_peer, &m->peer);
    default:
        return true;
    }
}

void pptp_message_read(struct span bytes, struct pptp_message *out)
{
    struct cursor c = cursor_of(bytes);
    *out = (struct pptp_message){0};
    out->malformed = !take_skip(&c, 8) || !take_be16(&c, &out->type) || !take_skip(&c, 2) || !read_body(&c, out);
}

bool pptp_gre_parse(struct span bytes, uint32_t wire_len, struct pptp_gre *out)
{
    enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, STRICT = 0x0800, RECURSION = 0x0700,
           ACK = 0x0080, VERSION = 0x0007, PPP = 0x880b };
    struct cursor c = cursor_of(bytes);
    uint16_t flags, protocol, length;
    *out = (struct pptp_gre){0};
    if (!take_be16(&c, &flags) || !take_be16(&c, &protocol) || (flags & VERSION) != 1 || protocol != PPP ||
        (flags & (CHECKSUM | ROUTING | KEY | STRICT | RECURSION)) != KEY)
        return false;
    out->has_sequence = (flags & SEQUENCE) != 0;
    out->has_ack = (flags & ACK) != 0;
    if (!take_be16(&c, &length) || !take_be16(&c, &out->call) || (out->has_sequence && !take_be32(&c, &out->sequence)) ||
        (out->has_ack && !take_be32(&c, &out->ack)))
        return false;
    uint32_t header = (uint32_t)c.offset;
    out->malformed = header > wire_len || (out->has_sequence && length > wire_len - header);
    if (out->malformed || !out->has_sequence) /* without a sequence number there is no payload */
        return true;
    out->payload = span_of(c.data, c.len < length ? c.len : length);
    out->payload_wire_len = length;
    return true;
}
