/* L2TPv2 datagrams as bytes. */
#include "dissect/l2tp/l2tp.h"

enum { FLAG_CONTROL = 0x8000, FLAG_LENGTH = 0x4000, FLAG_SEQUENCE = 0x0800, FLAG_OFFSET = 0x0200, FLAG_PRIORITY = 0x0100,
       VERSION_MASK = 0x000f, VERSION = 2, AVP_MANDATORY = 0x8000, AVP_HIDDEN = 0x4000, AVP_LENGTH = 0x03ff };

static uint32_t header_octets(const struct l2tp_header *h)
{
    return L2TP_HEADER_LEAST + (h->has_length ? 2u : 0u) + (h->has_sequence ? 4u : 0u) + (h->has_offset ? 2u : 0u);
}

/* Section 3.1: a control message must have a length and sequence numbers, and no offset. */
static bool contradicts(const struct l2tp_header *h, uint32_t wire_len)
{
    if (h->control && (!h->has_length || !h->has_sequence || h->has_offset))
        return true;
    return header_octets(h) > wire_len || (h->has_length && (h->length > wire_len || h->length < header_octets(h)));
}

static bool skip_offset(struct cursor *c, const struct l2tp_header *h, uint32_t end, uint16_t *offset)
{
    *offset = 0;
    if (!h->has_offset)
        return true;
    return take_be16(c, offset) && header_octets(h) + *offset <= end && take_skip(c, *offset);
}

bool l2tp_parse(struct span bytes, uint32_t wire_len, struct l2tp_header *out)
{
    struct cursor c = cursor_of(bytes);
    uint16_t flags, offset;
    *out = (struct l2tp_header){0};
    if (!take_be16(&c, &flags) || (flags & VERSION_MASK) != VERSION)
        return false;
    out->control = (flags & FLAG_CONTROL) != 0;
    out->has_length = (flags & FLAG_LENGTH) != 0;
    out->has_sequence = (flags & FLAG_SEQUENCE) != 0;
    out->has_offset = (flags & FLAG_OFFSET) != 0;
    out->priority = (flags & FLAG_PRIORITY) != 0;
    if ((out->has_length && !take_be16(&c, &out->length)) || !take_be16(&c, &out->tunnel) || !take_be16(&c, &out->session) ||
        (out->has_sequence && (!take_be16(&c, &out->ns) || !take_be16(&c, &out->nr))))
        return false;
    uint32_t end = out->has_length ? out->length : wire_len;
    bool skipped = skip_offset(&c, out, end, &offset);
    out->malformed = contradicts(out, wire_len) || (!skipped && bytes.len >= wire_len);
    if (out->malformed || !skipped)
        return true;
    out->payload = cursor_rest(&c);
    out->payload_wire_len = end - header_octets(out) - offset;
    if (out->payload.len > out->payload_wire_len)
        out->payload.len = out->payload_wire_len;
    return true;
}

bool l2tp_avp_next(struct cursor *c, struct l2tp_avp *out, bool *malformed)
{
    uint16_t flags;
    if (c->len == 0)
        return false;
    struct cursor at = *c, avp;
    if (!take_be16(&at, &flags) || (flags & AVP_LENGTH) < L2TP_AVP_HEADER || !take_sub(c, flags & AVP_LENGTH, &avp)) {
        *malformed = true;
        return false;
    }
    out->mandatory = (flags & AVP_MANDATORY) != 0;
    out->hidden = (flags & AVP_HIDDEN) != 0;
    if (!take_skip(&avp, 2) || !take_be16(&avp, &out->vendor) || !take_be16(&avp, &out->type))
        return false;
    out->value = cursor_rest(&avp);
    return true;
}

static void read_id(const struct l2tp_avp *a, uint16_t *id, bool *malformed)
{
    struct cursor c = cursor_of(a->value);
    if (!take_be16(&c, id))
        *malformed = true;
}

/* Section 4.4.2: the error code and the message may be left out. */
static void read_result(const struct l2tp_avp *a, struct l2tp_control *out)
{
    struct cursor c = cursor_of(a->value);
    out->has_result = take_be16(&c, &out->result);
    if (!out->has_result)
        out->malformed = true;
    else if (take_be16(&c, &out->error))
        out->message = cursor_rest(&c);
}

static void read_avp(const struct l2tp_avp *a, bool first, struct l2tp_control *out)
{
    struct cursor c = cursor_of(a->value);
    if (a->hidden)
        out->hidden++;
    if (first) { /* section 4.4.1: it comes first, and is never hidden */
        if (a->vendor != 0 || a->type != L2TP_AVP_MESSAGE_TYPE || a->hidden || !take_be16(&c, &out->type))
            out->malformed = true;
        return;
    }
    if (a->vendor != 0 || a->hidden)
        return;
    switch (a->type) {
    case L2TP_AVP_RESULT_CODE:
        read_result(a, out);
        break;
    case L2TP_AVP_HOST_NAME:
        out->host = a->value;
        break;
    case L2TP_AVP_VENDOR_NAME:
        out->vendor = a->value;
        break;
    case L2TP_AVP_TUNNEL_ID:
        read_id(a, &out->tunnel, &out->malformed);
        break;
    case L2TP_AVP_SESSION_ID:
        read_id(a, &out->session, &out->malformed);
        break;
    default:
        break;
    }
}

void l2tp_control_read(struct span attributes, bool cut, struct l2tp_control *out)
{
    struct cursor c = cursor_of(attributes);
    struct l2tp_avp avp;
    bool first = true, broken = false;
    *out = (struct l2tp_control){0};
    while (!out->malformed && l2tp_avp_next(&c, &avp, &broken)) {
        read_avp(&avp, first, out);
        first = false;
    }
    out->malformed = out->malformed || (broken && !cut);
}
