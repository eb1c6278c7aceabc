/*
 * SSTP packets (MS-SSTP 2.2) as data: framing over a byte stream, control messages, attributes, status codes. No state
 * but that of the framing; sstp_link.h follows a whole connection. wire-facts 2.3 and 2.4.
 */
#ifndef VS_SSTP_SSTP_H
#define VS_SSTP_SSTP_H

#include "capture/wire/cursor.h"

enum {
    SSTP_VERSION = 0x10,
    SSTP_HEADER = 4,
    SSTP_PACKET_MAX = 4095,     /* the length has 12 bits */
    SSTP_ATTRIBUTES_MAX = 8,    /* kept of one message; nobody sends more than a few */
    SSTP_NONCE = 32,
    SSTP_HASH_MAX = 32,
    SSTP_CONNECTED_SIZE = 112,  /* a CALL_CONNECTED, whole */
    SSTP_PEEK = 8               /* enough of a data packet to know its PPP protocol */
};

/* MS-SSTP 2.2.2 */
enum sstp_message {
    SSTP_DATA = 0,              /* none: a data packet */
    SSTP_CALL_CONNECT_REQUEST = 1,
    SSTP_CALL_CONNECT_ACK = 2,
    SSTP_CALL_CONNECT_NAK = 3,
    SSTP_CALL_CONNECTED = 4,
    SSTP_CALL_ABORT = 5,
    SSTP_CALL_DISCONNECT = 6,
    SSTP_CALL_DISCONNECT_ACK = 7,
    SSTP_ECHO_REQUEST = 8,
    SSTP_ECHO_RESPONSE = 9,
    SSTP_MESSAGES               /* one more than the last */
};

/* MS-SSTP 2.2.4 */
enum sstp_attribute_id {
    SSTP_ATTRIB_NO_ERROR = 0,   /* only inside STATUS_INFO */
    SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID = 1,
    SSTP_ATTRIB_STATUS_INFO = 2,
    SSTP_ATTRIB_CRYPTO_BINDING = 3,
    SSTP_ATTRIB_CRYPTO_BINDING_REQ = 4
};

/* MS-SSTP 2.2.6 */
enum sstp_status {
    SSTP_STATUS_NO_ERROR = 0,
    SSTP_STATUS_DUPLICATE_ATTRIBUTE = 1,
    SSTP_STATUS_UNRECOGNIZED_ATTRIBUTE = 2,
    SSTP_STATUS_INVALID_ATTRIB_VALUE_LENGTH = 3,
    SSTP_STATUS_VALUE_NOT_SUPPORTED = 4,
    SSTP_STATUS_UNACCEPTED_FRAME_RECEIVED = 5,
    SSTP_STATUS_RETRY_COUNT_EXCEEDED = 6,
    SSTP_STATUS_INVALID_FRAME_RECEIVED = 7,
    SSTP_STATUS_NEGOTIATION_TIMEOUT = 8,
    SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG = 9,
    SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING = 10,
    SSTP_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG = 11
};

/* Hash of the crypto binding: the number in CRYPTO_BINDING, a bit in CRYPTO_BINDING_REQ. */
enum { SSTP_HASH_SHA1 = 1, SSTP_HASH_SHA256 = 2 };

enum { SSTP_PROTOCOL_PPP = 1 }; /* the only encapsulated protocol */

/* One attribute. Fields that its kind does not carry are zero or empty. */
struct sstp_attribute {
    uint8_t id;
    bool malformed;               /* the value has not the length of its kind: the fields below are then empty */
    struct span value;            /* behind the four octets of its header */
    uint16_t protocol;            /* ENCAPSULATED_PROTOCOL_ID */
    uint8_t status_attribute;     /* STATUS_INFO: the attribute it speaks of */
    uint32_t status;              /* STATUS_INFO: enum sstp_status */
    struct span status_value;     /* STATUS_INFO: the refused value, at most 64 octets by the rule */
    uint8_t hash;                 /* CRYPTO_BINDING: the hash; CRYPTO_BINDING_REQ: bits of the hashes accepted */
    struct span nonce;            /* both: 32 octets */
    struct span certificate_hash; /* CRYPTO_BINDING: 20 or 32 octets by the hash, 32 for an unknown one */
    struct span mac;              /* likewise */
};

/* One packet. Spans are lent from the bytes it was read from. */
struct sstp_packet {
    uint8_t version;
    bool control;
    uint16_t length;              /* as in the header, which it counts */
    uint16_t message;             /* enum sstp_message or unknown; SSTP_DATA for data */
    uint16_t attribute_count;     /* as announced */
    uint8_t attributes_read;      /* in attributes */
    struct sstp_attribute attributes[SSTP_ATTRIBUTES_MAX];
    struct span payload;          /* data: the PPP frame; control: the attributes' octets */
    bool malformed;               /* lengths or counts contradict, or an attribute is: reason says it */
    const char *reason;           /* constant sentence or NULL */
};

/* One packet from its first octet. Octets behind its length are ignored. False when the header is not whole, the
 * version is another or the length cannot be. */
bool sstp_parse(struct span bytes, struct sstp_packet *out);

/* The first attribute of that kind that is not malformed; NULL without. */
const struct sstp_attribute *sstp_attribute_of(const struct sstp_packet *p, enum sstp_attribute_id id);

/* Names of MS-SSTP without prefix: "CALL_CONNECT_REQUEST", "CRYPTO_BINDING", "VALUE_NOT_SUPPORTED"; NULL without. */
const char *sstp_message_name(uint16_t message);
const char *sstp_attribute_name(uint8_t id);
const char *sstp_status_name(uint32_t status);

/*
 * The framing of one direction: whole packets out of a stream in any cuts. Zeroed at first. A user's datagram is handed
 * over as its first octets, as soon as they are known, and its rest is only counted. A packet in pieces takes a buffer
 * of SSTP_PACKET_MAX octets, which sstp_framing_free gives back.
 */
struct sstp_framing {
    uint8_t *buffer;
    const char *broken;        /* why the stream cannot be read any further: constant sentence; NULL while it can */
    uint32_t lost;             /* packets that lost octets to a gap or found no memory, and were left out */
    uint16_t length;           /* of the packet in pieces, 0 while unknown */
    uint16_t have;             /* its octets so far */
    uint16_t skip;             /* octets of the current packet that nobody reads */
    uint8_t head[SSTP_PEEK];   /* its first ones */
};

/* bytes: the packet, of a user's datagram at least SSTP_PEEK octets or all; lent for the call. length: that of all. */
typedef void sstp_packet_fn(void *ctx, struct span bytes, uint16_t length);

/* False when the stream is, or just became, broken: MS-SSTP has no mark to find the next packet by. */
bool sstp_framing_feed(struct sstp_framing *f, struct span bytes, sstp_packet_fn *on_packet, void *ctx);

/* n octets are missing here. The framing survives when they all belong to the current packet. False as above. */
bool sstp_framing_gap(struct sstp_framing *f, uint64_t n);

void sstp_framing_free(struct sstp_framing *f);

#endif
