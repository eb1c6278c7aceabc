/*
 * PPTP (RFC 2637) as data: one control message of its TCP connection, one packet of its GRE; without state.
 */
#ifndef VS_PPTP_PPTP_H
#define VS_PPTP_PPTP_H

#include "capture/wire/cursor.h"

enum { PORT_PPTP = 1723, PPTP_HEADER = 12, PPTP_MESSAGE_MAX = 220 /* Incoming-Call-Request, section 2.9 */ };
#define PPTP_COOKIE UINT32_C(0x1a2b3c4d)

/* Control message types: RFC 2637 section 1.4 and 2. */
enum pptp_message_type {
    PPTP_START_REQUEST = 1,
    PPTP_START_REPLY = 2,
    PPTP_STOP_REQUEST = 3,
    PPTP_STOP_REPLY = 4,
    PPTP_ECHO_REQUEST = 5,
    PPTP_ECHO_REPLY = 6,
    PPTP_OUTGOING_REQUEST = 7,
    PPTP_OUTGOING_REPLY = 8,
    PPTP_INCOMING_REQUEST = 9,
    PPTP_INCOMING_REPLY = 10,
    PPTP_INCOMING_CONNECTED = 11,
    PPTP_CALL_CLEAR = 12,
    PPTP_DISCONNECT = 13,
    PPTP_ERROR_NOTIFY = 14,
    PPTP_SET_LINK = 15
};

enum { PPTP_RESULT_OK = 1 };

/* Lent from the bytes it was read from. */
struct pptp_message {
    uint16_t type;             /* enum pptp_message_type or another */
    bool malformed;            /* too short for its type */
    bool has_call, has_peer;
    uint16_t call;             /* id that the sender chose */
    uint16_t peer;             /* id that the receiver chose */
    bool has_result;           /* replies, Stop-Request's reason, Call-Disconnect-Notify */
    uint16_t result, error, cause;
    struct span host, vendor;  /* of the start messages, up to their first NUL */
};

/* The length that a header announces, 0 when it is no header of PPTP: section 1.4. bytes: PPTP_HEADER of them at least. */
size_t pptp_message_length(struct span bytes);
/* Reads one whole message. */
void pptp_message_read(struct span bytes, struct pptp_message *out);

/* "Outgoing-Call-Request"; NULL when unknown. */
const char *pptp_message_name(uint16_t type);
/* What a result code of that message means; NULL when unknown. error_words: of the general error code. */
const char *pptp_result_words(uint16_t type, uint16_t result);
const char *pptp_error_words(uint16_t error);

/* Enhanced GRE, section 4.1. */
struct pptp_gre {
    uint16_t call;             /* id that the receiver chose */
    bool has_sequence, has_ack;
    uint32_t sequence, ack;
    bool malformed;            /* payload is empty */
    struct span payload;       /* a PPP frame as far as captured; empty in a bare acknowledgement */
    uint32_t payload_wire_len;
};

/* A packet of IP protocol 47 from its GRE header on. False when it is not PPTP's. */
bool pptp_gre_parse(struct span bytes, uint32_t wire_len, struct pptp_gre *out);

#endif
