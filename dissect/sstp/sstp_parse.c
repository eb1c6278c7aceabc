/* SSTP packets as octets: no state, no judgement beyond lengths that contradict each other. */
#include "dissect/sstp/sstp.h"

enum { CONTROL_BIT = 1, LENGTH_MASK = 0x0fff, CONTROL_HEADER = 4, ATTRIBUTE_HEADER = 4 };
enum { PROTOCOL_VALUE = 2, STATUS_VALUE = 8, REQUEST_VALUE = 36, BINDING_VALUE = 100, SHA1_SIZE = 20 };

static void refuse(struct sstp_packet *p, const char *reason)
{
    p->malformed = true;
    if (p->reason == NULL)
        p->reason = reason;
}

/* The Status Info attribute: three reserved octets, the attribute, the status, what was refused. */
static void parse_status(struct cursor c, struct sstp_attribute *a)
{
    if (c.len < STATUS_VALUE || !take_skip(&c, 3) || !take_u8(&c, &a->status_attribute) || !take_be32(&c, &a->status))
        a->malformed = true;
    else
        a->status_value = cursor_rest(&c);
}

/* Crypto Binding and its Request; a hash shorter than its field is padded behind. */
static void parse_binding(struct cursor c, struct sstp_attribute *a, bool request)
{
    struct span hash, mac;
    if (c.len != (request ? REQUEST_VALUE : BINDING_VALUE) || !take_skip(&c, 3) || !take_u8(&c, &a->hash) ||
        !take_span(&c, SSTP_NONCE, &a->nonce)) {
        a->malformed = true;
        return;
    }
    if (request)
        return;
    if (!take_span(&c, SSTP_HASH_MAX, &hash) || !take_span(&c, SSTP_HASH_MAX, &mac)) {
        a->malformed = true;
        return;
    }
    size_t size = a->hash == SSTP_HASH_SHA1 ? SHA1_SIZE : SSTP_HASH_MAX;
    a->certificate_hash = span_of(hash.data, size);
    a->mac = span_of(mac.data, size);
}

static void parse_value(struct cursor c, struct sstp_attribute *a)
{
    switch (a->id) {
    case SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID:
        a->malformed = c.len != PROTOCOL_VALUE || !take_be16(&c, &a->protocol);
        break;
    case SSTP_ATTRIB_STATUS_INFO:
        parse_status(c, a);
        break;
    case SSTP_ATTRIB_CRYPTO_BINDING:
        parse_binding(c, a, false);
        break;
    case SSTP_ATTRIB_CRYPTO_BINDING_REQ:
        parse_binding(c, a, true);
        break;
    default:
        break;
    }
}

static bool take_attribute(struct cursor *c, struct sstp_attribute *a)
{
    uint8_t reserved;
    uint16_t length;
    struct cursor value;
    *a = (struct sstp_attribute){0};
    if (!take_u8(c, &reserved) || !take_u8(c, &a->id) || !take_be16(c, &length))
        return false;
    length &= LENGTH_MASK;
    if (length < ATTRIBUTE_HEADER || !take_sub(c, (size_t)length - ATTRIBUTE_HEADER, &value))
        return false;
    a->value = cursor_rest(&value);
    parse_value(value, a);
    return true;
}

static void parse_control(struct cursor c, struct sstp_packet *p)
{
    struct sstp_attribute a;
    if (!take_be16(&c, &p->message) || !take_be16(&c, &p->attribute_count)) {
        refuse(p, "a control packet is shorter than its header");
        return;
    }
    p->payload = cursor_rest(&c);
    if (p->message == SSTP_DATA || p->message >= SSTP_MESSAGES)
        refuse(p, "the message type is unknown");
    for (unsigned i = 0; i < p->attribute_count; i++) {
        if (!take_attribute(&c, &a)) {
            refuse(p, "an attribute is longer than the packet");
            return;
        }
        if (a.malformed)
            refuse(p, "an attribute has not the length of its kind");
        if (p->attributes_read < SSTP_ATTRIBUTES_MAX)
            p->attributes[p->attributes_read++] = a;
    }
    if (c.len > 0)
        refuse(p, "octets follow the last attribute");
}

bool sstp_parse(struct span bytes, struct sstp_packet *out)
{
    memset(out, 0, sizeof *out);
    struct cursor c = cursor_of(bytes);
    uint8_t flags;
    if (bytes.len < SSTP_HEADER || !take_u8(&c, &out->version) || !take_u8(&c, &flags) || !take_be16(&c, &out->length))
        return false;
    out->length &= LENGTH_MASK;
    if (out->version != SSTP_VERSION || out->length < SSTP_HEADER)
        return false;
    out->control = (flags & CONTROL_BIT) != 0;
    if ((size_t)out->length - SSTP_HEADER <= c.len)
        c.len = (size_t)out->length - SSTP_HEADER;
    else
        refuse(out, "the packet is shorter than its length says");
    if (out->control)
        parse_control(c, out);
    else
        out->payload = cursor_rest(&c);
    return true;
}

const struct sstp_attribute *sstp_attribute_of(const struct sstp_packet *p, enum sstp_attribute_id id)
{
    for (unsigned i = 0; i < p->attributes_read; i++)
        if (p->attributes[i].id == (uint8_t)id && !p->attributes[i].malformed)
            return &p->attributes[i];
    return NULL;
}
