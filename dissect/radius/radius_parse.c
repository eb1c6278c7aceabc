#include "dissect/radius/radius.h"

#include "capture/wire/cursor.h"
#include "capture/wire/rarely.h"

enum { ATTR_VENDOR_SPECIFIC = 26, ATTR_PROXY_STATE = 33, ATTR_EAP_MESSAGE = 79, ATTR_MESSAGE_AUTHENTICATOR = 80 };
enum { VENDOR_MICROSOFT = 311, ATTR_HEADER = 2, VENDOR_NUMBER = 4, VENDOR_LEAST = VENDOR_NUMBER + ATTR_HEADER,
       MESSAGE_AUTHENTICATOR = 16 };

/* Stands for attributes of which more than the first one's place is noted. */
#define SPECIAL (UINT64_C(1) << 63)

/* What an attribute at its place stands for in the fields seen: 0 when nobody asks for it. */
static const uint64_t bit_at[RADIUS_PLACES] = {
#define BIT_AT(field, place) [place] = RADIUS_FIELD_BIT(field),
    RADIUS_SPAN_FIELDS(BIT_AT) RADIUS_NUMBER_FIELDS(BIT_AT)
#undef BIT_AT
    [ATTR_VENDOR_SPECIFIC] = SPECIAL,
    [ATTR_EAP_MESSAGE] = SPECIAL,
    [ATTR_PROXY_STATE] = SPECIAL, /* counted */
};

/* Integers of another length than 4 are passed over, as servers do. */
uint32_t radius_number(const struct radius_packet *p, enum radius_field field)
{
    struct span value = radius_span(p, field);
    struct cursor c = cursor_of(value);
    uint32_t read;
    return value.len == 4 && take_be32(&c, &read) ? read : UINT32_MAX;
}

/* RFC 2868 section 3.1. Microsoft's 0x00013701 for SSTP reads the same with its tag octet 0 removed. */
uint32_t radius_tunnel_type(const struct radius_packet *p)
{
    uint32_t value = radius_number(p, RADIUS_TUNNEL_TYPE);
    return value >> 24 <= 0x1f ? value & 0xffffff : value;
}

struct span radius_untagged(const struct radius_packet *p, enum radius_field field)
{
    struct span value = radius_span(p, field);
    if (value.len > 0 && value.data[0] <= 0x1f)
        return span_of(value.data + 1, value.len - 1);
    return value;
}

/* Another one of a field: a number that could not be read does not stand for one that follows. */
static RARELY_CALLED void note_again(struct radius_packet *p, size_t place, size_t at)
{
    if ((bit_at[place] & p->repeated) != 0) /* which one it is shows when somebody asks */
        return;
    const uint8_t *before = p->attributes.data + p->at[place];
    bool readable = before[1] == ATTR_HEADER + 4 && memcmp(before + ATTR_HEADER, "\xff\xff\xff\xff", 4) != 0;
    if (bit_at[place] > RADIUS_FIELD_BIT(RADIUS_BEFORE_NUMBERS) && !readable)
        p->at[place] = (uint16_t)at;
}

/* Returns the fields seen now; `at`: where the attribute begins. They go from hand to hand, since a register holds them
 * then. */
static inline uint64_t note(struct radius_packet *p, size_t place, uint64_t seen, size_t at)
{
    if ((bit_at[place] & seen) == 0)
        p->at[place] = (uint16_t)at;
    else
        note_again(p, place, at);
    return seen | bit_at[place];
}

/* One attribute may hold several of the vendor's (RFC 2865 section 5.26); what contradicts there ends the reading of
 * that attribute only, since its inside is the vendor's affair. */
static RARELY_CALLED uint64_t note_several(struct radius_packet *p, uint64_t seen, size_t at, size_t len)
{
    struct cursor c = cursor_of(span_of(p->attributes.data + at, len));
    uint8_t type, size;
    while (take_u8(&c, &type) && take_u8(&c, &size) && size >= ATTR_HEADER && take_skip(&c, size - (size_t)ATTR_HEADER)) {
        seen = note(p, RADIUS_MICROSOFT + (size_t)type, seen, at);
        at += size;
    }
    return seen;
}

static inline uint64_t note_vendor(struct radius_packet *p, uint64_t seen, size_t at, size_t len)
{
    const uint8_t *value = p->attributes.data + at + ATTR_HEADER;
    if (len < VENDOR_LEAST ||
        ((uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 | (uint32_t)value[2] << 8 | value[3]) != VENDOR_MICROSOFT)
        return seen;
    at += ATTR_HEADER + VENDOR_NUMBER;
    if (value[5] == len - VENDOR_NUMBER) /* Windows sends them one by one */
        return note(p, RADIUS_MICROSOFT + (size_t)value[4], seen, at);
    return note_several(p, seen, at, len - VENDOR_NUMBER);
}

static RARELY_CALLED void too_much_eap(struct radius_packet *p)
{
    p->malformed = true;
    p->reason = "more EAP-Message attributes than a packet can need";
}

/* The EAP-Message attributes that begin at `at` one behind the other; returns how many bytes they take. */
static inline size_t keep_eap(struct radius_packet *p, size_t at, size_t left, uint64_t seen)
{
    const uint8_t *begin = p->attributes.data + at, *a = begin;
    unsigned pieces = p->eap_pieces;
    uint32_t length = p->eap_length;
    if (pieces == 0)
        p->seen_before_eap = seen;
    else
        p->eap_not_adjacent = true;
    do {
        size_t size = a[1];
        if (pieces == RADIUS_EAP_PIECES_MAX) {
            too_much_eap(p);
        } else {
            p->eap[pieces++] = span_of(a + ATTR_HEADER, size - ATTR_HEADER);
            length += (uint32_t)size - ATTR_HEADER;
        }
        a += size;
        left -= size;
    } while (left >= ATTR_HEADER && a[0] == ATTR_EAP_MESSAGE && a[1] >= ATTR_HEADER && a[1] <= left);
    p->eap_pieces = (uint8_t)pieces;
    p->eap_length = length;
    return (size_t)(a - begin);
}

static RARELY_CALLED void keep_proxy_state(struct radius_packet *p, size_t at)
{
    if (p->proxy_states == 0)
        p->at[ATTR_PROXY_STATE] = (uint16_t)at;
    p->proxy_states = p->proxy_states < UINT8_MAX ? (uint8_t)(p->proxy_states + 1) : p->proxy_states;
}

static inline bool is_message_authenticator(const uint8_t *attribute)
{
    return attribute[1] == ATTR_HEADER + MESSAGE_AUTHENTICATOR;
}

static const char not_an_authenticator[] = "Message-Authenticator is not 16 bytes long";

static RARELY_CALLED void refuse_message_authenticator(struct radius_packet *p)
{
    p->malformed = true;
    p->reason = not_an_authenticator;
    p->seen &= ~RADIUS_FIELD_BIT(RADIUS_MESSAGE_AUTHENTICATOR);
}

/* Another one: the first that can be one counts. */
static RARELY_CALLED void another_message_authenticator(struct radius_packet *p, size_t at)
{
    const uint8_t *bytes = p->attributes.data;
    uint16_t *known = &p->at[ATTR_MESSAGE_AUTHENTICATOR];
    if (!is_message_authenticator(bytes + at) || !is_message_authenticator(bytes + *known)) {
        p->malformed = true;
        p->reason = not_an_authenticator;
    }
    if (!is_message_authenticator(bytes + *known))
        *known = (uint16_t)at;
}

/* What is SPECIAL or comes again, the commonest first. `at`: where the attribute begins; `len`: of its value. */
static inline uint64_t keep_special(struct radius_packet *p, uint8_t type, uint64_t seen, size_t at, size_t len)
{
    if (type == ATTR_VENDOR_SPECIFIC)
        return note_vendor(p, seen, at, len);
    if (type == ATTR_MESSAGE_AUTHENTICATOR)
        another_message_authenticator(p, at);
    else if (type == ATTR_PROXY_STATE)
        keep_proxy_state(p, at);
    else
        note_again(p, type, at);
    return seen;
}

/* That of a certificate is worth having even when the snap length cut the rest. */
static void keep_eap_beginning(struct radius_packet *p, struct span value)
{
    if (p->eap_pieces == RADIUS_EAP_PIECES_MAX) {
        too_much_eap(p);
        return;
    }
    const struct span *before = p->eap_pieces > 0 ? &p->eap[p->eap_pieces - 1] : NULL;
    p->eap_not_adjacent |= before != NULL && before->data + before->len + ATTR_HEADER != value.data;
    if (before == NULL)
        p->seen_before_eap = p->seen;
    p->eap[p->eap_pieces++] = value;
    p->eap_length += (uint32_t)value.len;
}

/* What stands where no whole attribute follows, short of the packet's end; `announced`: bytes up to there. */
static void end_early(struct radius_packet *p, struct span rest, size_t announced)
{
    if (rest.len < ATTR_HEADER) {
        p->malformed = p->malformed || !p->cut;
        p->reason = p->cut ? p->reason : "a lone byte follows the last attribute";
        return;
    }
    uint8_t type = rest.data[0], len = rest.data[1];
    if (len < ATTR_HEADER || len > announced) {
        p->malformed = true;
        p->reason = len < ATTR_HEADER ? "an attribute says that it is shorter than its own header"
                                      : "an attribute reaches beyond the packet";
    } else if (type == ATTR_EAP_MESSAGE && rest.len > ATTR_HEADER) {
        keep_eap_beginning(p, span_of(rest.data + ATTR_HEADER, rest.len - ATTR_HEADER));
    }
}

/* How far the attributes were read, and the fields seen up to there. */
struct progress {
    size_t at;
    uint64_t seen;
};

/* Reads attributes as long as there are whole ones. */
static inline struct progress read_attributes(struct radius_packet *p, struct progress now)
{
    const uint8_t *bytes = p->attributes.data;
    size_t at = now.at, left = p->attributes.len - at;
    uint64_t seen = now.seen;
    while (left >= ATTR_HEADER) {
        uint8_t type = bytes[at];
        size_t size = bytes[at + 1];
        if (size < ATTR_HEADER || size > left)
            break;
        if ((bit_at[type] & seen) == 0) {
            seen |= bit_at[type];
            p->at[type] = (uint16_t)at;
        } else if (type == ATTR_EAP_MESSAGE) {
            size = keep_eap(p, at, left, seen);
        } else {
            seen = keep_special(p, type, seen, at, size - ATTR_HEADER);
        }
        at += size;
        left -= size;
    }
    return (struct progress){at, seen};
}

/* A Message-Authenticator may stand in front of the stretch, and nothing else. */
static inline struct progress pass_stretch(struct radius_packet *p, struct progress now, const struct radius_stretch *known)
{
    const uint8_t *bytes = p->attributes.data;
    if ((size_t)known->at + known->len > p->attributes.len ||
        memcmp(bytes + known->at, known->bytes, known->len) != 0)
        return now;
    if (known->at > 0) {
        if (bytes[0] != ATTR_MESSAGE_AUTHENTICATOR || !is_message_authenticator(bytes))
            return now;
        now.seen |= RADIUS_FIELD_BIT(RADIUS_MESSAGE_AUTHENTICATOR);
        p->at[ATTR_MESSAGE_AUTHENTICATOR] = 0;
    }
    p->repeated = known->seen;
    return (struct progress){(size_t)known->at + known->len, now.seen | known->seen};
}

/* `announced`: bytes of attributes that the header promises; p->attributes may hold fewer of a cut packet. */
static inline void parse_attributes(struct radius_packet *p, size_t announced, const struct radius_stretch *known)
{
    struct progress now = {0, SPECIAL};
    p->repeated = 0;
    if (known != NULL && known->len > 0)
        now = pass_stretch(p, now, known);
    now = read_attributes(p, now);
    p->seen = now.seen & ~SPECIAL;
    if (radius_has_message_authenticator(p) &&
        !is_message_authenticator(p->attributes.data + p->at[ATTR_MESSAGE_AUTHENTICATOR]))
        refuse_message_authenticator(p);
    if (now.at < announced)
        end_early(p, span_of(p->attributes.data + now.at, p->attributes.len - now.at), announced - now.at);
}

bool radius_parse_again(struct span bytes, uint32_t wire_len, const struct radius_stretch *known,
                        struct radius_packet *out)
{
    if (bytes.len < RADIUS_HEADER)
        return false;
    const uint8_t *header = bytes.data; /* RFC 2865 section 3 */
    uint16_t length = (uint16_t)((unsigned)header[2] << 8 | header[3]);
    if (length < RADIUS_HEADER)
        return false;
    out->code = header[0];
    out->identifier = header[1];
    out->length = length;
    out->malformed = out->eap_not_adjacent = false;
    out->proxy_states = out->eap_pieces = 0;
    out->eap_length = 0;
    out->reason = NULL;
    out->authenticator = span_of(header + 4, 16);
    if (length > RADIUS_PACKET_MAX) {
        out->malformed = true;
        out->reason = "the length is above 4096";
    }
    if (length > wire_len) {
        out->malformed = true;
        out->reason = "the datagram is shorter than the packet's length";
    }
    out->cut = bytes.len < length;
    size_t end = out->cut ? bytes.len : length; /* RFC 2865 section 3: what follows the length is padding */
    out->attributes = span_of(header + RADIUS_HEADER, end - RADIUS_HEADER);
    parse_attributes(out, (size_t)length - RADIUS_HEADER, known);
    out->state = radius_span(out, RADIUS_STATE);
    return true;
}

bool radius_parse(struct span bytes, uint32_t wire_len, struct radius_packet *out)
{
    return radius_parse_again(bytes, wire_len, NULL, out);
}

struct span radius_span_repeated(const struct radius_packet *p, enum radius_field field)
{
    struct radius_packet again;
    struct span whole = span_of(p->attributes.data - RADIUS_HEADER, p->attributes.len + RADIUS_HEADER);
    return radius_parse(whole, p->length, &again) ? radius_span(&again, field) : (struct span){0};
}

/* Where the attribute begins that a value belongs to. */
static size_t beginning_of(const struct radius_packet *p, struct span value)
{
    return (size_t)(value.data - p->attributes.data) - ATTR_HEADER;
}

/* From the beginning, or behind a Message-Authenticator there, up to the first attribute that each request has anew. What
 * stands between that and the first EAP-Message may be no other field: then it is known which of them the stretch holds. */
void radius_stretch_of(const struct radius_packet *p, struct radius_stretch *out)
{
    enum { AUTHENTICATOR = ATTR_HEADER + MESSAGE_AUTHENTICATOR };
    const uint64_t others = SPECIAL | RADIUS_FIELD_BIT(RADIUS_STATE) | RADIUS_FIELD_BIT(RADIUS_MESSAGE_AUTHENTICATOR);
    out->len = 0;
    if (p->malformed || p->eap_pieces == 0)
        return;
    size_t eap = beginning_of(p, p->eap[0]), from = radius_message_authenticator_first(p) ? AUTHENTICATOR : 0, to = eap;
    size_t state = p->state.data != NULL ? beginning_of(p, p->state) : eap;
    size_t authenticator = radius_has_message_authenticator(p) ? p->at[ATTR_MESSAGE_AUTHENTICATOR] : eap;
    size_t proxy = p->proxy_states > 0 ? p->at[ATTR_PROXY_STATE] : eap;
    size_t between = 0;
    if (state < eap)
        between += p->state.len + ATTR_HEADER;
    if (authenticator < eap && from == 0)
        between += AUTHENTICATOR;
    to = to - between;
    if (between > eap || to <= from || state < to || (authenticator < to && from == 0) || proxy < eap ||
        to - from > RADIUS_STRETCH_MAX)
        return;
    out->at = (uint16_t)from;
    out->len = (uint16_t)(to - from);
    out->seen = p->seen_before_eap & ~others;
    memcpy(out->bytes, p->attributes.data + from, to - from);
}

static bool known_code(uint8_t code)
{
    return (code >= 1 && code <= 5) || (code >= 11 && code <= 13) || (code >= 40 && code <= 45);
}

bool radius_recognise(struct span bytes, uint32_t wire_len)
{
    if (bytes.len < RADIUS_HEADER || !known_code(bytes.data[0]))
        return false;
    size_t length = (size_t)bytes.data[2] << 8 | bytes.data[3];
    if (length < RADIUS_HEADER || length > RADIUS_PACKET_MAX || length > wire_len)
        return false;
    for (size_t at = RADIUS_HEADER; at < length;) {
        if (at + 2 > bytes.len)
            return bytes.len < length && length - at >= 2;
        size_t len = bytes.data[at + 1];
        if (len < 2 || len > length - at)
            return false;
        at += len;
    }
    return true;
}

/* The EAP packet's own length agrees with the attributes that carry it (RFC 3579 section 3.1). */
static bool whole_eap(const struct radius_packet *p)
{
    if (p->eap_pieces == 0 || p->eap[0].len < 4)
        return false;
    const uint8_t *eap = p->eap[0].data;
    return eap[0] >= 1 && eap[0] <= 4 && ((uint32_t)eap[2] << 8 | eap[3]) == p->eap_length;
}

static bool has(const struct radius_packet *p, enum radius_field field)
{
    return radius_span(p, field).len > 0;
}

static bool names_the_nas(const struct radius_packet *p)
{
    return radius_span(p, RADIUS_NAS_IP_ADDRESS).len == 4 || radius_span(p, RADIUS_NAS_IPV6_ADDRESS).len == 16 ||
           has(p, RADIUS_NAS_IDENTIFIER);
}

static bool plausible_access_request(const struct radius_packet *p)
{
    size_t pap = radius_span(p, RADIUS_USER_PASSWORD).len;
    bool password = (pap >= 16 && pap <= 128 && pap % 16 == 0) || radius_span(p, RADIUS_CHAP_PASSWORD).len == 17 ||
                    radius_span(p, RADIUS_MS_CHAP_RESPONSE).len == 50 || radius_span(p, RADIUS_MS_CHAP2_RESPONSE).len == 50;
    bool eap = whole_eap(p) || (p->cut && p->eap_pieces > 0);
    int marks = has(p, RADIUS_USER_NAME) + names_the_nas(p) + password + eap + radius_has_message_authenticator(p) +
                (radius_number(p, RADIUS_SERVICE_TYPE) != UINT32_MAX) + (radius_number(p, RADIUS_NAS_PORT_TYPE) < 64);
    return marks >= 2 && (has(p, RADIUS_USER_NAME) || eap || names_the_nas(p));
}

static bool plausible_accounting(const struct radius_packet *p)
{
    uint32_t status = radius_number(p, RADIUS_ACCT_STATUS_TYPE);
    return status >= 1 && status <= 15 && (names_the_nas(p) || has(p, RADIUS_ACCT_SESSION_ID));
}

static bool plausible_change(const struct radius_packet *p)
{
    return names_the_nas(p) + has(p, RADIUS_USER_NAME) + has(p, RADIUS_ACCT_SESSION_ID) +
               radius_has_message_authenticator(p) + has(p, RADIUS_CALLING_STATION_ID) >= 2;
}

bool radius_recognise_strictly(struct span bytes, uint32_t wire_len)
{
    struct radius_packet p;
    if (!radius_recognise(bytes, wire_len) || !radius_parse(bytes, wire_len, &p) || p.malformed || p.length != wire_len)
        return false;
    switch (p.code) {
    case RADIUS_ACCESS_REQUEST:
        return plausible_access_request(&p);
    case RADIUS_ACCOUNTING_REQUEST:
        return plausible_accounting(&p);
    case RADIUS_STATUS_SERVER:
        return radius_has_message_authenticator(&p);
    case RADIUS_DISCONNECT_REQUEST:
    case RADIUS_COA_REQUEST:
        return plausible_change(&p);
    case RADIUS_ACCESS_CHALLENGE:
    case RADIUS_ACCESS_ACCEPT:
    case RADIUS_ACCESS_REJECT:
        return radius_has_message_authenticator(&p) && whole_eap(&p);
    default:
        return false;
    }
}

struct span radius_eap_join(const struct radius_packet *p, uint8_t out[static RADIUS_PACKET_MAX])
{
    if (p->eap_pieces == 0)
        return (struct span){0};
    if (p->eap_pieces == 1)
        return p->eap[0];
    size_t len = 0;
    for (unsigned i = 0; i < p->eap_pieces; i++) {
        size_t n = p->eap[i].len;
        if (n > RADIUS_PACKET_MAX - len)
            break;
        if (n > 0)
            memcpy(out + len, p->eap[i].data, n);
        len += n;
    }
    return span_of(out, len);
}
