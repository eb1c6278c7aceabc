/* One RADIUS packet as plain data (RFC 2865, 2866, 2868, 2869, 3162, 3579, 5176; Microsoft vendor attributes RFC 2548 and
 * MS-RNAS), and its parser. Spans point into the packet. wire-facts 4. */
#ifndef VS_RADIUS_RADIUS_H
#define VS_RADIUS_RADIUS_H

#include "capture/wire/address.h"

enum radius_code {
    RADIUS_ACCESS_REQUEST = 1, RADIUS_ACCESS_ACCEPT = 2, RADIUS_ACCESS_REJECT = 3, RADIUS_ACCOUNTING_REQUEST = 4,
    RADIUS_ACCOUNTING_RESPONSE = 5, RADIUS_ACCESS_CHALLENGE = 11, RADIUS_STATUS_SERVER = 12, RADIUS_STATUS_CLIENT = 13,
    RADIUS_DISCONNECT_REQUEST = 40, RADIUS_DISCONNECT_ACK = 41, RADIUS_DISCONNECT_NAK = 42,
    RADIUS_COA_REQUEST = 43, RADIUS_COA_ACK = 44, RADIUS_COA_NAK = 45,
};

enum { RADIUS_HEADER = 20, RADIUS_PACKET_MAX = 4096, RADIUS_EAP_PIECES_MAX = 96 /* senders may split as finely as they like; most fill them */, RADIUS_STATE_MAX = 253 };

/* The attributes that somebody asks for: FIELD(name, its place). Numbers come last. */
enum { RADIUS_MICROSOFT = 256, RADIUS_PLACES = 512 }; /* places: an attribute's type; RADIUS_MICROSOFT + one of vendor 311 */
#define RADIUS_SPAN_FIELDS(FIELD)                                                                                      \
    FIELD(RADIUS_MESSAGE_AUTHENTICATOR, 80)                                                                            \
    FIELD(RADIUS_USER_NAME, 1) FIELD(RADIUS_USER_PASSWORD, 2) FIELD(RADIUS_CHAP_PASSWORD, 3)                           \
    FIELD(RADIUS_NAS_IP_ADDRESS, 4) FIELD(RADIUS_NAS_IPV6_ADDRESS, 95) FIELD(RADIUS_NAS_IDENTIFIER, 32)                \
    FIELD(RADIUS_NAS_PORT_ID, 87) FIELD(RADIUS_CALLED_STATION_ID, 30) FIELD(RADIUS_CALLING_STATION_ID, 31)             \
    FIELD(RADIUS_STATE, 24) FIELD(RADIUS_CLASS, 25) FIELD(RADIUS_REPLY_MESSAGE, 18) FIELD(RADIUS_CONNECT_INFO, 77)     \
    FIELD(RADIUS_FRAMED_IP_ADDRESS, 8) FIELD(RADIUS_TUNNEL_CLIENT_ENDPOINT, 66)                                        \
    FIELD(RADIUS_TUNNEL_SERVER_ENDPOINT, 67) FIELD(RADIUS_ACCT_SESSION_ID, 44)                                         \
    FIELD(RADIUS_MS_CHAP_ERROR, RADIUS_MICROSOFT + 2) FIELD(RADIUS_MS_CHAP_DOMAIN, RADIUS_MICROSOFT + 10)              \
    FIELD(RADIUS_MS_CHAP_RESPONSE, RADIUS_MICROSOFT + 1) FIELD(RADIUS_MS_CHAP2_RESPONSE, RADIUS_MICROSOFT + 25)        \
    FIELD(RADIUS_MS_CHAP2_SUCCESS, RADIUS_MICROSOFT + 26) FIELD(RADIUS_MS_RAS_VERSION, RADIUS_MICROSOFT + 18)          \
    FIELD(RADIUS_MS_RAS_CLIENT_NAME, RADIUS_MICROSOFT + 34)                                                            \
    FIELD(RADIUS_MS_RAS_CLIENT_VERSION, RADIUS_MICROSOFT + 35)                                                         \
    FIELD(RADIUS_MS_RAS_CORRELATION_ID, RADIUS_MICROSOFT + 56) FIELD(RADIUS_MS_MACHINE_NAME, RADIUS_MICROSOFT + 50)    \
    FIELD(RADIUS_MS_MPPE_SEND_KEY, RADIUS_MICROSOFT + 16) FIELD(RADIUS_MS_MPPE_RECV_KEY, RADIUS_MICROSOFT + 17)
#define RADIUS_NUMBER_FIELDS(FIELD)                                                                                    \
    FIELD(RADIUS_NAS_PORT_TYPE, 61) FIELD(RADIUS_SERVICE_TYPE, 6) FIELD(RADIUS_FRAMED_MTU, 12)                         \
    FIELD(RADIUS_SESSION_TIMEOUT, 27) FIELD(RADIUS_ACCT_STATUS_TYPE, 40) FIELD(RADIUS_TUNNEL_TYPE, 64)                 \
    FIELD(RADIUS_ERROR_CAUSE, 101) FIELD(RADIUS_MS_NETWORK_ACCESS_SERVER_TYPE, RADIUS_MICROSOFT + 47)

/* At most 63. */
enum radius_field {
#define RADIUS_FIELD(name, place) name,
    RADIUS_SPAN_FIELDS(RADIUS_FIELD) RADIUS_NUMBERS,
    RADIUS_BEFORE_NUMBERS = RADIUS_NUMBERS - 1,
    RADIUS_NUMBER_FIELDS(RADIUS_FIELD) RADIUS_FIELDS
#undef RADIUS_FIELD
};
#define RADIUS_FIELD_BIT(field) (UINT64_C(1) << (field))

static const uint16_t radius_place_of[RADIUS_FIELDS] = {
#define RADIUS_FIELD(name, place) [name] = (place),
    RADIUS_SPAN_FIELDS(RADIUS_FIELD) RADIUS_NUMBER_FIELDS(RADIUS_FIELD)
#undef RADIUS_FIELD
};

/* What every packet needs is here at once; the other attributes are noted only, and read by whom they concern. */
struct radius_packet {
    uint8_t code, identifier;
    uint16_t length;                  /* as in the header, 20..4096 */
    bool cut;                         /* fewer bytes captured than length says: what is whole was read */
    bool malformed;                   /* attribute lengths contradict; what was whole was read */
    bool eap_not_adjacent;            /* another attribute stood between EAP-Message attributes */
    uint8_t proxy_states;             /* number of Proxy-State attributes */
    uint8_t eap_pieces;               /* EAP-Message attributes, in order; a cut packet's last one may be partial */
    uint32_t eap_length;              /* sum of their lengths */
    const char *reason;               /* of malformed */
    struct span authenticator;        /* 16 bytes */
    struct span attributes;           /* all of them */
    struct span state;                /* the first one; empty when absent */
    uint64_t seen;                    /* RADIUS_FIELD_BIT of each field that occurs */
    uint64_t seen_before_eap;         /* those in front of the first EAP-Message; set when there is one */
    uint64_t repeated;                /* those in a stretch that is as it was: their places are sought when one asks */
    struct span eap[RADIUS_EAP_PIECES_MAX]; /* the first eap_pieces are set, the rest is not */
    uint16_t at[RADIUS_PLACES];       /* where in `attributes` those begin that were seen; the rest is not set */
};

/* radius_span for a field that is in `repeated`: reads all attributes anew. */
struct span radius_span_repeated(const struct radius_packet *p, enum radius_field field);

/* A field's first occurrence; empty when absent. */
static inline struct span radius_span(const struct radius_packet *p, enum radius_field field)
{
    if ((p->seen & RADIUS_FIELD_BIT(field)) == 0)
        return (struct span){0};
    if ((p->repeated & RADIUS_FIELD_BIT(field)) != 0)
        return radius_span_repeated(p, field);
    const uint8_t *attribute = p->attributes.data + p->at[radius_place_of[field]];
    return span_of(attribute + 2, attribute[1] - (size_t)2);
}

/* One of 16 bytes; others do not count as seen. */
static inline bool radius_has_message_authenticator(const struct radius_packet *p)
{
    return (p->seen & RADIUS_FIELD_BIT(RADIUS_MESSAGE_AUTHENTICATOR)) != 0;
}

/* It is the first attribute (Blast-RADIUS hardening). */
static inline bool radius_message_authenticator_first(const struct radius_packet *p)
{
    return radius_has_message_authenticator(p) && p->at[radius_place_of[RADIUS_MESSAGE_AUTHENTICATOR]] == 0;
}

/* That of a Tunnel-*-Endpoint without its tag. RFC 2868 section 3.3: a first octet up to 0x1f is a tag, anything else
 * already text. */
struct span radius_untagged(const struct radius_packet *p, enum radius_field field);

/* The first one that is four bytes long of a field from RADIUS_NUMBERS on; UINT32_MAX when there is none. */
uint32_t radius_number(const struct radius_packet *p, enum radius_field field);

/* Tunnel-Type, its tag removed, except SSTP's whole value 0x00013701; UINT32_MAX when absent. */
uint32_t radius_tunnel_type(const struct radius_packet *p);

/*
 * True when bytes can be RADIUS at all: known code, 20 <= length <= 4096, length not above wire_len, and the attributes
 * (as far as captured) fill it exactly. Strong enough to find it on any port. Cheap.
 */
bool radius_recognise(struct span bytes, uint32_t wire_len);

/*
 * Stronger than radius_recognise, for ports that say nothing: the length fills the datagram and the attributes are those
 * that a packet of its code carries (an Access-Request with who and whence, a response with a whole EAP packet and a
 * Message-Authenticator). Other responses are not recognised by themselves: they need a request that waits.
 */
bool radius_recognise_strictly(struct span bytes, uint32_t wire_len);

/* Codes 1, 4, 12, 13, 40, 43. */
static inline bool radius_is_request(uint8_t code)
{
    const uint64_t requests = UINT64_C(1) << RADIUS_ACCESS_REQUEST | UINT64_C(1) << RADIUS_ACCOUNTING_REQUEST |
                              UINT64_C(1) << RADIUS_STATUS_SERVER | UINT64_C(1) << RADIUS_STATUS_CLIENT |
                              UINT64_C(1) << RADIUS_DISCONNECT_REQUEST | UINT64_C(1) << RADIUS_COA_REQUEST;
    return code < 64 && (requests >> code & 1) != 0;
}

/* Parses; false when not even the header is there or length < 20. */
bool radius_parse(struct span bytes, uint32_t wire_len, struct radius_packet *out);

/*
 * Who asks, whence and with what: attributes that a client sends in every request of a login, byte for byte. A stretch of
 * them that was read once need not be read again. It holds no EAP-Message, State, Message-Authenticator or Proxy-State.
 */
enum { RADIUS_STRETCH_MAX = 500 };
struct radius_stretch {
    uint64_t seen;    /* as in struct radius_packet */
    uint16_t at, len; /* in `attributes`; len 0: none */
    uint8_t bytes[RADIUS_STRETCH_MAX];
};

/* As radius_parse; a stretch that the packet holds at the same place is not read again. */
bool radius_parse_again(struct span bytes, uint32_t wire_len, const struct radius_stretch *known,
                        struct radius_packet *out);

/* That of a request that radius_parse has read. */
void radius_stretch_of(const struct radius_packet *p, struct radius_stretch *out);

/* Joins the EAP-Message pieces into out (room for RADIUS_PACKET_MAX); a single piece is lent as it is. */
struct span radius_eap_join(const struct radius_packet *p, uint8_t out[static RADIUS_PACKET_MAX]);

enum radius_check { RADIUS_CHECK_ABSENT, RADIUS_CHECK_UNCHECKED, RADIUS_CHECK_VALID, RADIUS_CHECK_INVALID };

/* What is known of the two without a secret: whether there is anything to check. */
static inline enum radius_check radius_message_authenticator_there(const struct radius_packet *p)
{
    return radius_has_message_authenticator(p) || p->cut ? RADIUS_CHECK_UNCHECKED : RADIUS_CHECK_ABSENT;
}

/* That of an Access-Request or Status-Server is random bytes, which prove nothing. */
static inline enum radius_check radius_authenticator_there(const struct radius_packet *p)
{
    const uint64_t random = UINT64_C(1) << RADIUS_ACCESS_REQUEST | UINT64_C(1) << RADIUS_STATUS_SERVER |
                            UINT64_C(1) << RADIUS_STATUS_CLIENT;
    return p->code < 64 && (random >> p->code & 1) != 0 ? RADIUS_CHECK_ABSENT : RADIUS_CHECK_UNCHECKED;
}

struct digests;
/* Message-Authenticator (RFC 3579 section 3.2); request_authenticator: NULL for a request itself. `whole` is the packet. */
enum radius_check radius_check_message_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                                     const uint8_t *request_authenticator, struct span secret);
/* Response Authenticator (RFC 2865 section 3), and the Request Authenticator of accounting and CoA (RFC 2866 section 3). */
enum radius_check radius_check_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                             const uint8_t *request_authenticator, struct span secret);

/* The keys of an Access-Accept, opened: MS-MPPE-Recv-Key and MS-MPPE-Send-Key as the NAS has them (RFC 2548 sections 2.4.2
 * and 2.4.3; with EAP the two halves of its MSK). Length 0: none, or not to be opened. */
enum { RADIUS_KEY_MAX = 32 };
struct radius_keys { uint8_t recv_len, send_len; uint8_t recv[RADIUS_KEY_MAX], send[RADIUS_KEY_MAX]; };

/* Opens one of them. value: salt and ciphertext. Returns the key's length, at most RADIUS_KEY_MAX; 0 when the secret does not
 * open it, or it is longer. */
size_t radius_open_key(struct digests *d, struct span value, const uint8_t request_authenticator[static 16], struct span secret,
                       uint8_t out[static RADIUS_KEY_MAX]);

const char *radius_code_name(uint8_t code);             /* "Access-Request"; NULL when unknown */
const char *radius_attribute_name(uint8_t type);        /* "User-Name"; NULL */
const char *radius_tunnel_type_name(uint32_t value);    /* "SSTP", "L2TP"; NULL */
const char *radius_nas_port_type_name(uint32_t value);  /* "Virtual"; NULL */

#endif
