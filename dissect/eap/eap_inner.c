/*
 * What PEAP, TTLS, FAST and TEAP carry inside their tunnel. Decrypted bytes are kept until the carrying message ends,
 * because one message may come in several records (1/n-1 splitting) and header compression leaves its length to the
 * carrier (MS-PEAP 2.2.1).
 */
#include <stdlib.h>

#include "dissect/eap/eap_internal.h"
#include "capture/wire/cursor.h"

enum { INNER_FIRST_SIZE = 512, MICROSOFT = 311 };
enum { AVP_VENDOR = 0x80, AVP_HEADER = 8, AVP_ALIGNMENT = 4 };
enum { AVP_USER_NAME = 1, AVP_USER_PASSWORD = 2, AVP_CHAP_PASSWORD = 3, AVP_EAP_MESSAGE = 79 };
enum { MS_CHAP_RESPONSE = 1, MS_CHAP_ERROR = 2, MS_CHAP2_RESPONSE = 25, MS_CHAP2_SUCCESS = 26 };
enum { TLV_TYPE_MASK = 0x3fff, TLV_EAP_PAYLOAD = 9 };

/* bytes: room for an EAP header that compression left out, then the message. */
struct eap_inner {
    struct eap *conversation; /* made with its first packet */
    uint8_t *bytes;
    size_t len, room; /* of the message */
    enum direction dir;
    bool overflow;
};

void eap_inner_free(struct eap *e)
{
    if (e->inner == NULL)
        return;
    eap_free(e->inner->conversation);
    free(e->inner->bytes);
    free(e->inner);
    e->inner = NULL;
}

static bool reserve(struct eap_inner *in, size_t room)
{
    if (room <= in->room)
        return true;
    if (room > EAP_INNER_MESSAGE_MAX)
        return false;
    size_t size = in->room == 0 ? INNER_FIRST_SIZE : in->room;
    while (size < room)
        size *= 2;
    uint8_t *grown = realloc(in->bytes, EAP_HEADER + size);
    if (grown == NULL)
        return false;
    in->bytes = grown;
    in->room = size;
    return true;
}

static bool carries_messages(const struct eap *e)
{
    return e->method != EAP_TYPE_TLS && e->depth + 1 < EAP_INNER_DEPTH;
}

void eap_inner_bytes(struct eap *e, enum direction dir, struct span bytes)
{
    if (!carries_messages(e) || bytes.len == 0)
        return;
    if (e->inner == NULL)
        e->inner = calloc(1, sizeof *e->inner);
    struct eap_inner *in = e->inner;
    if (in == NULL)
        return;
    if (in->dir != dir) {
        in->len = 0;
        in->overflow = false;
        in->dir = dir;
    }
    if (in->overflow || !reserve(in, in->len + bytes.len)) {
        in->overflow = true;
        return;
    }
    memcpy(in->bytes + EAP_HEADER + in->len, bytes.data, bytes.len);
    in->len += bytes.len;
}

static void feed_conversation(struct eap *e, struct span packet)
{
    struct eap_inner *in = e->inner;
    if (in->conversation == NULL)
        in->conversation = eap_new_at(e->tls, e->on_event, e->ctx, (uint8_t)(e->depth + 1));
    if (in->conversation != NULL)
        eap_feed(in->conversation, in->dir, packet, false, &e->event.place);
}

/*
 * MS-PEAP 2.2.1 leaves the EAP header out except for types 33 and 254 of Microsoft; PEAP version 1 never does. A
 * compressed packet cannot look like one with its header: its first octet is a type, and the two that would be the
 * length are text, a value or a TLS length.
 */
static bool has_header(struct span message, enum direction dir)
{
    struct cursor c = cursor_of(message);
    uint8_t code, identifier;
    uint16_t length;
    if (!take_u8(&c, &code) || !take_u8(&c, &identifier) || !take_be16(&c, &length) || length != message.len)
        return false;
    if (code == EAP_SUCCESS || code == EAP_FAILURE)
        return dir == TO_CLIENT && length == EAP_HEADER;
    return code == (dir == TO_CLIENT ? EAP_REQUEST : EAP_RESPONSE) && length > EAP_HEADER;
}

static void peap_message(struct eap *e, uint8_t identifier)
{
    struct eap_inner *in = e->inner;
    struct span message = {in->bytes + EAP_HEADER, in->len};
    if (has_header(message, in->dir)) {
        feed_conversation(e, message);
        return;
    }
    size_t length = EAP_HEADER + in->len;
    in->bytes[0] = in->dir == TO_CLIENT ? EAP_REQUEST : EAP_RESPONSE;
    in->bytes[1] = identifier;
    in->bytes[2] = (uint8_t)(length >> 8);
    in->bytes[3] = (uint8_t)length;
    feed_conversation(e, (struct span){in->bytes, length});
}

struct avp {
    uint32_t code, vendor;
    struct cursor value;
};

/* RFC 5281 section 10.1. The padding of the last one may be missing. */
static bool take_avp(struct cursor *c, struct avp *out)
{
    uint8_t flags;
    uint32_t length;
    *out = (struct avp){0};
    if (!take_be32(c, &out->code) || !take_u8(c, &flags) || !take_be24(c, &length) || length < AVP_HEADER ||
        !take_sub(c, length - AVP_HEADER, &out->value))
        return false;
    if ((flags & AVP_VENDOR) != 0 && !take_be32(&out->value, &out->vendor))
        return false;
    size_t padding = (AVP_ALIGNMENT - length % AVP_ALIGNMENT) % AVP_ALIGNMENT;
    return take_skip(c, padding < c->len ? padding : c->len);
}

/* RFC 2548 section 2.1.5: an identifier octet stands before the text. */
static void ms_chap_error(struct cursor value, struct ttls_avps *avps)
{
    bool bare = value.len >= 2 && value.data[0] == 'E' && value.data[1] == '=';
    if (!bare && !take_skip(&value, 1))
        return;
    avps->error_text = cursor_rest(&value);
    avps->error = eap_mschap_error(avps->error_text);
}

/* True when this AVP is one of an authentication without EAP; method is set then. */
static bool legacy_avp(const struct avp *a, struct ttls_avps *avps)
{
    uint64_t key = (uint64_t)a->vendor << 32 | a->code;
    switch (key) {
    case AVP_USER_PASSWORD:
        avps->method = TTLS_PAP;
        return true;
    case AVP_CHAP_PASSWORD:
        avps->method = TTLS_CHAP;
        return true;
    case (uint64_t)MICROSOFT << 32 | MS_CHAP_RESPONSE:
        avps->method = TTLS_MSCHAP;
        return true;
    case (uint64_t)MICROSOFT << 32 | MS_CHAP2_RESPONSE:
        avps->method = TTLS_MSCHAPV2;
        return true;
    case (uint64_t)MICROSOFT << 32 | MS_CHAP_ERROR:
        ms_chap_error(a->value, avps);
        avps->method = TTLS_MSCHAPV2_RESULT;
        return true;
    case (uint64_t)MICROSOFT << 32 | MS_CHAP2_SUCCESS:
        avps->method = TTLS_MSCHAPV2_RESULT;
        return true;
    default:
        return false;
    }
}

/* An EAP packet longer than one AVP continues in the next: they are pushed together at the front of the buffer, which
 * the reader has left behind by then. */
static void ttls_message(struct eap *e)
{
    struct eap_inner *in = e->inner;
    struct cursor c = cursor_of((struct span){in->bytes + EAP_HEADER, in->len});
    struct ttls_avps avps = {0};
    struct avp a;
    size_t eap = 0;
    bool legacy = false;
    while (c.len > 0 && take_avp(&c, &a)) {
        if (a.vendor == 0 && a.code == AVP_EAP_MESSAGE && a.value.len > 0) {
            memmove(in->bytes + eap, a.value.data, a.value.len);
            eap += a.value.len;
        } else if (a.vendor == 0 && a.code == AVP_USER_NAME) {
            avps.user_name = cursor_rest(&a.value);
        } else if (legacy_avp(&a, &avps)) {
            legacy = true;
        }
    }
    if (eap > 0) {
        feed_conversation(e, (struct span){in->bytes, eap});
    } else if (legacy) {
        e->event.u.avps = &avps;
        e->event.depth = (uint8_t)(e->depth + 1);
        eap_emit(e, EAP_EVENT_TTLS_AVPS, in->dir);
        e->event.depth = e->depth;
    }
}

/* RFC 4851 section 4.2.6, RFC 7170 section 4.2.10: the packet is whole in one TLV. */
static void tlv_message(struct eap *e)
{
    struct eap_inner *in = e->inner;
    struct cursor c = cursor_of((struct span){in->bytes + EAP_HEADER, in->len});
    uint16_t type;
    struct cursor value;
    while (take_be16(&c, &type) && take_sub_be16(&c, &value))
        if ((type & TLV_TYPE_MASK) == TLV_EAP_PAYLOAD)
            feed_conversation(e, cursor_rest(&value));
}

void eap_inner_message(struct eap *e, enum direction dir, uint8_t identifier, bool whole)
{
    struct eap_inner *in = e->inner;
    if (in == NULL || in->dir != dir || (in->len == 0 && !in->overflow))
        return;
    bool commitment = in->len == 1 && in->bytes[EAP_HEADER] == 0; /* RFC 9190 section 2.1.1, RFC 9427 section 4 */
    if (whole && !in->overflow && !commitment) {
        if (e->method == EAP_TYPE_PEAP)
            peap_message(e, identifier);
        else if (e->method == EAP_TYPE_TTLS)
            ttls_message(e);
        else
            tlv_message(e);
    }
    in->len = 0;
    in->overflow = false;
}
