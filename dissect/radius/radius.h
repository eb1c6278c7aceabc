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

enum { RADIUS_HEADER = 20, RADIUS_PACKET_MAX = 4096, RADIUS_EAP_PIECES_MAX = 20, RADIUS_STATE_MAX = 253 };

struct radius_packet {
    uint8_t code, identifier;
    uint16_t length;                  /* as in the header, 20..4096 */
    bool cut;                         /* fewer bytes captured than length says: what is whole was read */
    bool malformed; const char *reason; /* attribute lengths contradict; what was whole was read */
    struct span authenticator;        /* 16 bytes */
    struct span attributes;           /* all of them */
    /* first occurrence of each; empty when absent */
    struct span user_name, nas_ip_address, nas_ipv6_address, nas_identifier, called_station_id, calling_station_id, state, class_,
        reply_message, connect_info, framed_ip_address, tunnel_client_endpoint, tunnel_server_endpoint, acct_session_id,
        nas_port_id, user_password, chap_password, proxy_state;
    struct span message_authenticator; /* the 16 bytes of the value */
    /* vendor 311 */
    struct span ms_chap_error, ms_chap_domain, ms_chap2_response, ms_chap_response, ms_chap2_success, ms_ras_version, ms_ras_client_name,
        ms_ras_client_version, ms_ras_correlation_id, ms_machine_name, ms_mppe_send_key, ms_mppe_recv_key;
    uint32_t nas_port_type, service_type, framed_mtu, session_timeout, acct_status_type; /* UINT32_MAX when absent */
    uint32_t tunnel_type;             /* tag removed, except SSTP's whole value 0x00013701; UINT32_MAX when absent */
    uint32_t error_cause;             /* 101, UINT32_MAX when absent */
    uint32_t ms_network_access_server_type; /* vendor 311; UINT32_MAX when absent */
    bool message_authenticator_first; /* it is the first attribute (Blast-RADIUS hardening) */
    bool eap_not_adjacent;            /* another attribute stood between EAP-Message attributes */
    uint8_t proxy_states;             /* number of Proxy-State attributes */
    uint8_t eap_pieces;               /* EAP-Message attributes, in order; a cut packet's last one may be partial */
    uint32_t eap_length;              /* sum of their lengths */
    struct span eap[RADIUS_EAP_PIECES_MAX]; /* the first eap_pieces are set, the rest is not */
};

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

/* Joins the EAP-Message pieces into out (room for RADIUS_PACKET_MAX); a single piece is lent as it is. */
struct span radius_eap_join(const struct radius_packet *p, uint8_t out[static RADIUS_PACKET_MAX]);

enum radius_check { RADIUS_CHECK_ABSENT, RADIUS_CHECK_UNCHECKED, RADIUS_CHECK_VALID, RADIUS_CHECK_INVALID };

/* What is known of the two without a secret: whether there is anything to check. */
static inline enum radius_check radius_message_authenticator_there(const struct radius_packet *p)
{
    return p->message_authenticator.len == 16 || p->cut ? RADIUS_CHECK_UNCHECKED : RADIUS_CHECK_ABSENT;
}

/* That of an Access-Request or Status-Server is random bytes, which prove nothing. */
static inline enum radius_check radius_authenticator_there(const struct radius_packet *p)
{
    bool random = p->code == RADIUS_ACCESS_REQUEST || p->code == RADIUS_STATUS_SERVER || p->code == RADIUS_STATUS_CLIENT;
    return random ? RADIUS_CHECK_ABSENT : RADIUS_CHECK_UNCHECKED;
}

struct digests;
/* Message-Authenticator (RFC 3579 section 3.2); request_authenticator: NULL for a request itself. `whole` is the packet. */
enum radius_check radius_check_message_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                                     const uint8_t *request_authenticator, struct span secret);
/* Response Authenticator (RFC 2865 section 3), and the Request Authenticator of accounting and CoA (RFC 2866 section 3). */
enum radius_check radius_check_authenticator(struct digests *d, struct span whole, const struct radius_packet *p,
                                             const uint8_t *request_authenticator, struct span secret);

const char *radius_code_name(uint8_t code);             /* "Access-Request"; NULL when unknown */
const char *radius_attribute_name(uint8_t type);        /* "User-Name"; NULL */
const char *radius_tunnel_type_name(uint32_t value);    /* "SSTP", "L2TP"; NULL */
const char *radius_nas_port_type_name(uint32_t value);  /* "Virtual"; NULL */

#endif
