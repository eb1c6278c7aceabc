#include "dissect/radius/radius.h"

#include "capture/wire/cursor.h"

enum {
    ATTR_USER_NAME = 1, ATTR_USER_PASSWORD = 2, ATTR_CHAP_PASSWORD = 3, ATTR_NAS_IP_ADDRESS = 4, ATTR_NAS_PORT = 5,
    ATTR_SERVICE_TYPE = 6, ATTR_FRAMED_IP_ADDRESS = 8, ATTR_FRAMED_MTU = 12, ATTR_REPLY_MESSAGE = 18, ATTR_STATE = 24,
    ATTR_CLASS = 25, ATTR_VENDOR_SPECIFIC = 26, ATTR_SESSION_TIMEOUT = 27, ATTR_CALLED_STATION_ID = 30,
    ATTR_CALLING_STATION_ID = 31, ATTR_NAS_IDENTIFIER = 32, ATTR_PROXY_STATE = 33, ATTR_ACCT_STATUS_TYPE = 40,
    ATTR_ACCT_SESSION_ID = 44, ATTR_NAS_PORT_TYPE = 61, ATTR_TUNNEL_TYPE = 64, ATTR_TUNNEL_CLIENT_ENDPOINT = 66,
    ATTR_TUNNEL_SERVER_ENDPOINT = 67, ATTR_CONNECT_INFO = 77, ATTR_EAP_MESSAGE = 79, ATTR_MESSAGE_AUTHENTICATOR = 80,
    ATTR_NAS_PORT_ID = 87, ATTR_NAS_IPV6_ADDRESS = 95, ATTR_ERROR_CAUSE = 101,
};
enum { VENDOR_MICROSOFT = 311 };

static void keep_first(struct span *field, struct span value)
{
    if (field->data == NULL)
        *field = value;
}

/* Integers of another length than 4 are passed over, as servers do. */
static void keep_first_u32(uint32_t *field, struct span value)
{
    struct cursor c = cursor_of(value);
    uint32_t read;
    if (*field == UINT32_MAX && value.len == 4 && take_be32(&c, &read))
        *field = read;
}

/* RFC 2868 section 3.3: a first octet up to 0x1f is a tag, anything else already text. */
static struct span without_tag(struct span value)
{
    if (value.len > 0 && value.data[0] <= 0x1f)
        return span_of(value.data + 1, value.len - 1);
    return value;
}

/* RFC 2868 section 3.1. Microsoft's 0x00013701 for SSTP reads the same with its tag octet 0 removed. */
static void keep_tunnel_type(struct radius_packet *p, struct span value)
{
    uint32_t type = UINT32_MAX;
    keep_first_u32(&type, value);
    if (p->tunnel_type == UINT32_MAX && type != UINT32_MAX)
        p->tunnel_type = type >> 24 <= 0x1f ? type & 0xffffff : type;
}

static void keep_microsoft(struct radius_packet *p, uint8_t type, struct span value)
{
    switch (type) {
    case 1: keep_first(&p->ms_chap_response, value); break;
    case 2: keep_first(&p->ms_chap_error, value); break;
    case 10: keep_first(&p->ms_chap_domain, value); break;
    case 16: keep_first(&p->ms_mppe_send_key, value); break;
    case 17: keep_first(&p->ms_mppe_recv_key, value); break;
    case 18: keep_first(&p->ms_ras_version, value); break;
    case 25: keep_first(&p->ms_chap2_response, value); break;
    case 26: keep_first(&p->ms_chap2_success, value); break;
    case 34: keep_first(&p->ms_ras_client_name, value); break;
    case 35: keep_first(&p->ms_ras_client_version, value); break;
    case 47: keep_first_u32(&p->ms_network_access_server_type, value); break;
    case 50: keep_first(&p->ms_machine_name, value); break;
    case 56: keep_first(&p->ms_ras_correlation_id, value); break;
    default: break;
    }
}

/* One attribute may hold several of the vendor's (RFC 2865 section 5.26); what contradicts there ends the reading of
 * that attribute only, since its inside is the vendor's affair. */
static void keep_vendor(struct radius_packet *p, struct span value)
{
    struct cursor c = cursor_of(value);
    uint32_t vendor;
    uint8_t type, len;
    struct span inner;
    if (!take_be32(&c, &vendor) || vendor != VENDOR_MICROSOFT)
        return;
    while (take_u8(&c, &type) && take_u8(&c, &len) && len >= 2 && take_span(&c, len - 2u, &inner))
        keep_microsoft(p, type, inner);
}

static void keep_eap(struct radius_packet *p, struct span value, bool adjacent)
{
    if (p->eap_pieces == RADIUS_EAP_PIECES_MAX) {
        p->malformed = true;
        p->reason = "more EAP-Message attributes than a packet can need";
        return;
    }
    if (p->eap_pieces > 0 && !adjacent)
        p->eap_not_adjacent = true;
    p->eap[p->eap_pieces++] = value;
    p->eap_length += (uint32_t)value.len;
}

static void keep_message_authenticator(struct radius_packet *p, struct span value, bool first)
{
    if (value.len != 16) {
        p->malformed = true;
        p->reason = "Message-Authenticator is not 16 bytes long";
    } else if (p->message_authenticator.data == NULL) {
        p->message_authenticator = value;
        p->message_authenticator_first = first;
    }
}

static void keep_attribute(struct radius_packet *p, uint8_t type, struct span value, uint8_t previous)
{
    switch (type) {
    case ATTR_USER_NAME: keep_first(&p->user_name, value); break;
    case ATTR_USER_PASSWORD: keep_first(&p->user_password, value); break;
    case ATTR_CHAP_PASSWORD: keep_first(&p->chap_password, value); break;
    case ATTR_NAS_IP_ADDRESS: keep_first(&p->nas_ip_address, value); break;
    case ATTR_SERVICE_TYPE: keep_first_u32(&p->service_type, value); break;
    case ATTR_FRAMED_IP_ADDRESS: keep_first(&p->framed_ip_address, value); break;
    case ATTR_FRAMED_MTU: keep_first_u32(&p->framed_mtu, value); break;
    case ATTR_REPLY_MESSAGE: keep_first(&p->reply_message, value); break;
    case ATTR_STATE: keep_first(&p->state, value); break;
    case ATTR_CLASS: keep_first(&p->class_, value); break;
    case ATTR_VENDOR_SPECIFIC: keep_vendor(p, value); break;
    case ATTR_SESSION_TIMEOUT: keep_first_u32(&p->session_timeout, value); break;
    case ATTR_CALLED_STATION_ID: keep_first(&p->called_station_id, value); break;
    case ATTR_CALLING_STATION_ID: keep_first(&p->calling_station_id, value); break;
    case ATTR_NAS_IDENTIFIER: keep_first(&p->nas_identifier, value); break;
    case ATTR_PROXY_STATE:
        keep_first(&p->proxy_state, value);
        p->proxy_states = p->proxy_states < UINT8_MAX ? (uint8_t)(p->proxy_states + 1) : p->proxy_states;
        break;
    case ATTR_ACCT_STATUS_TYPE: keep_first_u32(&p->acct_status_type, value); break;
    case ATTR_ACCT_SESSION_ID: keep_first(&p->acct_session_id, value); break;
    case ATTR_NAS_PORT_TYPE: keep_first_u32(&p->nas_port_type, value); break;
    case ATTR_TUNNEL_TYPE: keep_tunnel_type(p, value); break;
    case ATTR_TUNNEL_CLIENT_ENDPOINT: keep_first(&p->tunnel_client_endpoint, without_tag(value)); break;
    case ATTR_TUNNEL_SERVER_ENDPOINT: keep_first(&p->tunnel_server_endpoint, without_tag(value)); break;
    case ATTR_CONNECT_INFO: keep_first(&p->connect_info, value); break;
    case ATTR_EAP_MESSAGE: keep_eap(p, value, previous == ATTR_EAP_MESSAGE); break;
    case ATTR_MESSAGE_AUTHENTICATOR: keep_message_authenticator(p, value, previous == 0); break;
    case ATTR_NAS_PORT_ID: keep_first(&p->nas_port_id, value); break;
    case ATTR_NAS_IPV6_ADDRESS: keep_first(&p->nas_ipv6_address, value); break;
    case ATTR_ERROR_CAUSE: keep_first_u32(&p->error_cause, value); break;
    default: break;
    }
}

/* `announced`: bytes of attributes that the header promises; `there` may hold fewer of a cut packet. */
static void parse_attributes(struct radius_packet *p, struct span there, size_t announced)
{
    uint8_t previous = 0;
    for (size_t at = 0; at < announced;) {
        if (there.len - at < 2) {
            if (p->cut)
                return;
            p->malformed = true;
            p->reason = "a lone byte follows the last attribute";
            return;
        }
        uint8_t type = there.data[at], len = there.data[at + 1];
        if (len < 2 || len > announced - at) {
            p->malformed = true;
            p->reason = len < 2 ? "an attribute says that it is shorter than its own header"
                                : "an attribute reaches beyond the packet";
            return;
        }
        if (len > there.len - at) {
            /* the beginning of a certificate is worth having even when the snap length cut the rest */
            if (type == ATTR_EAP_MESSAGE && there.len - at > 2)
                keep_eap(p, span_of(there.data + at + 2, there.len - at - 2), previous == ATTR_EAP_MESSAGE);
            return;
        }
        keep_attribute(p, type, span_of(there.data + at + 2, len - 2u), previous);
        previous = type;
        at += len;
    }
}

static void set_absent(struct radius_packet *p)
{
    p->nas_port_type = p->service_type = p->framed_mtu = p->session_timeout = p->acct_status_type = UINT32_MAX;
    p->tunnel_type = p->error_cause = p->ms_network_access_server_type = UINT32_MAX;
}

bool radius_parse(struct span bytes, uint32_t wire_len, struct radius_packet *out)
{
    struct cursor c = cursor_of(bytes);
    *out = (struct radius_packet){0};
    set_absent(out);
    if (!take_u8(&c, &out->code) || !take_u8(&c, &out->identifier) || !take_be16(&c, &out->length) ||
        !take_span(&c, 16, &out->authenticator) || out->length < RADIUS_HEADER)
        return false;
    size_t announced = (size_t)out->length - RADIUS_HEADER;
    if (out->length > RADIUS_PACKET_MAX) {
        out->malformed = true;
        out->reason = "the length is above 4096";
    }
    if (out->length > wire_len) {
        out->malformed = true;
        out->reason = "the datagram is shorter than the packet's length";
    }
    out->cut = bytes.len < out->length;
    if (c.len > announced)
        c.len = announced; /* RFC 2865 section 3: what follows the length is padding */
    out->attributes = cursor_rest(&c);
    parse_attributes(out, out->attributes, announced);
    return true;
}

bool radius_is_request(uint8_t code)
{
    return code == RADIUS_ACCESS_REQUEST || code == RADIUS_ACCOUNTING_REQUEST || code == RADIUS_STATUS_SERVER ||
           code == RADIUS_STATUS_CLIENT || code == RADIUS_DISCONNECT_REQUEST || code == RADIUS_COA_REQUEST;
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

static bool names_the_nas(const struct radius_packet *p)
{
    return p->nas_ip_address.len == 4 || p->nas_ipv6_address.len == 16 || p->nas_identifier.len > 0;
}

static bool plausible_access_request(const struct radius_packet *p)
{
    bool password = (p->user_password.len >= 16 && p->user_password.len <= 128 && p->user_password.len % 16 == 0) ||
                    p->chap_password.len == 17 || p->ms_chap_response.len == 50 || p->ms_chap2_response.len == 50;
    bool eap = whole_eap(p) || (p->cut && p->eap_pieces > 0);
    int marks = (p->user_name.len > 0) + names_the_nas(p) + password + eap + (p->message_authenticator.len == 16) +
                (p->service_type != UINT32_MAX) + (p->nas_port_type < 64);
    return marks >= 2 && (p->user_name.len > 0 || eap || names_the_nas(p));
}

static bool plausible_change(const struct radius_packet *p)
{
    return names_the_nas(p) + (p->user_name.len > 0) + (p->acct_session_id.len > 0) +
               (p->message_authenticator.len == 16) + (p->calling_station_id.len > 0) >= 2;
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
        return p.acct_status_type >= 1 && p.acct_status_type <= 15 && (names_the_nas(&p) || p.acct_session_id.len > 0);
    case RADIUS_STATUS_SERVER:
        return p.message_authenticator.len == 16;
    case RADIUS_DISCONNECT_REQUEST:
    case RADIUS_COA_REQUEST:
        return plausible_change(&p);
    case RADIUS_ACCESS_CHALLENGE:
    case RADIUS_ACCESS_ACCEPT:
    case RADIUS_ACCESS_REJECT:
        return p.message_authenticator.len == 16 && whole_eap(&p);
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
