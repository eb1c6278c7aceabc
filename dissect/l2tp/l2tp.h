/*
 * L2TPv2 (RFC 2661) as data: one datagram, one control message, its attributes; without state. L2TPv3 (RFC 3931) is another
 * protocol and not read.
 */
#ifndef VS_L2TP_L2TP_H
#define VS_L2TP_L2TP_H

#include "capture/wire/cursor.h"

enum { PORT_L2TP = 1701, L2TP_HEADER_LEAST = 6, L2TP_AVP_HEADER = 6 };

/* Message types: RFC 2661 section 3.2. */
enum l2tp_message_type {
    L2TP_ZLB = 0, /* no message: a bare acknowledgement */
    L2TP_SCCRQ = 1,
    L2TP_SCCRP = 2,
    L2TP_SCCCN = 3,
    L2TP_STOPCCN = 4,
    L2TP_HELLO = 6,
    L2TP_OCRQ = 7,
    L2TP_OCRP = 8,
    L2TP_OCCN = 9,
    L2TP_ICRQ = 10,
    L2TP_ICRP = 11,
    L2TP_ICCN = 12,
    L2TP_CDN = 14,
    L2TP_WEN = 15,
    L2TP_SLI = 16
};

/* Attribute types of vendor 0 that are looked at: section 4.4. */
enum l2tp_avp_type {
    L2TP_AVP_MESSAGE_TYPE = 0,
    L2TP_AVP_RESULT_CODE = 1,
    L2TP_AVP_HOST_NAME = 7,
    L2TP_AVP_VENDOR_NAME = 8,
    L2TP_AVP_TUNNEL_ID = 9,
    L2TP_AVP_SESSION_ID = 14
};

/* Section 3.1. Lent from the bytes it was read from. */
struct l2tp_header {
    bool control, has_length, has_sequence, has_offset, priority;
    bool malformed;            /* the header contradicts itself; payload is empty */
    uint16_t length;           /* valid with has_length */
    uint16_t tunnel, session;  /* as chosen by the receiver */
    uint16_t ns, nr;           /* valid with has_sequence */
    struct span payload;       /* attributes, or a PPP frame; as far as captured */
    uint32_t payload_wire_len; /* of it on the wire */
};

/* False when it is not L2TPv2. wire_len: octets of the datagram. */
bool l2tp_parse(struct span bytes, uint32_t wire_len, struct l2tp_header *out);

/* Section 4.1. */
struct l2tp_avp {
    bool mandatory, hidden;    /* hidden: value is encrypted (section 4.3) */
    uint16_t vendor, type;
    struct span value;
};

/* The next attribute; false at the end, and with *malformed (only ever set) when the rest is none. */
bool l2tp_avp_next(struct cursor *c, struct l2tp_avp *out, bool *malformed);

/* What of a control message matters here. Lent likewise; spans are empty when there was none. */
struct l2tp_control {
    uint16_t type;             /* enum l2tp_message_type or another */
    uint16_t tunnel, session;  /* assigned by the sender; 0 without, or not assigned yet */
    bool has_result;
    uint16_t result, error;    /* error 0: none */
    struct span message;       /* behind the result */
    struct span host, vendor;
    uint32_t hidden;           /* attributes */
    bool malformed;
};

/* Reads the attributes of a control message; cut: the capture has fewer of them than were sent. */
void l2tp_control_read(struct span attributes, bool cut, struct l2tp_control *out);

/* "SCCRQ"; NULL when unknown. "ZLB" for 0. */
const char *l2tp_message_name(uint16_t type);
/* What a result code means: of StopCCN or CDN; NULL when unknown. error_words: of the error code behind result 2. */
const char *l2tp_result_words(uint16_t type, uint16_t result);
const char *l2tp_error_words(uint16_t error);

#endif
