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
enum { VENDOR_MICROSOFT = 311, ATTR_HEADER = 2, VENDOR_LEAST = 4 + ATTR_HEADER };

/* What is done with an attribute: most are kept in the field at a place in struct radius_packet. */
enum how { KEEP_NOT, KEEP_SPAN, KEEP_UNTAGGED, KEEP_NUMBER, KEEP_TUNNEL_TYPE, KEEP_PROXY_STATE, KEEP_EAP,
           KEEP_MESSAGE_AUTHENTICATOR, KEEP_VENDOR };
struct keep {
    uint8_t how;
    uint16_t where;
};
#define AT(how, field) {how, offsetof(struct radius_packet, field)}

static const struct keep keep_of[256] = {
    [ATTR_USER_NAME] = AT(KEEP_SPAN, user_name),
    [ATTR_USER_PASSWORD] = AT(KEEP_SPAN, user_password),
    [ATTR_CHAP_PASSWORD] = AT(KEEP_SPAN, chap_password),
    [ATTR_NAS_IP_ADDRESS] = AT(KEEP_SPAN, nas_ip_address),
    [ATTR_SERVICE_TYPE] = AT(KEEP_NUMBER, service_type),
    [ATTR_FRAMED_IP_ADDRESS] = AT(KEEP_SPAN, framed_ip_address),
    [ATTR_FRAMED_MTU] = AT(KEEP_NUMBER, framed_mtu),
    [ATTR_REPLY_MESSAGE] = AT(KEEP_SPAN, reply_message),
    [ATTR_STATE] = AT(KEEP_SPAN, state),
    [ATTR_CLASS] = AT(KEEP_SPAN, class_),
    [ATTR_VENDOR_SPECIFIC] = {KEEP_VENDOR, 0},
    [ATTR_SESSION_TIMEOUT] = AT(KEEP_NUMBER, session_timeout),
    [ATTR_CALLED_STATION_ID] = AT(KEEP_SPAN, called_station_id),
    [ATTR_CALLING_STATION_ID] = AT(KEEP_SPAN, calling_station_id),
    [ATTR_NAS_IDENTIFIER] = AT(KEEP_SPAN, nas_identifier),
    [ATTR_PROXY_STATE] = AT(KEEP_PROXY_STATE, proxy_state),
    [ATTR_ACCT_STATUS_TYPE] = AT(KEEP_NUMBER, acct_status_type),
    [ATTR_ACCT_SESSION_ID] = AT(KEEP_SPAN, acct_session_id),
    [ATTR_NAS_PORT_TYPE] = AT(KEEP_NUMBER, nas_port_type),
    [ATTR_TUNNEL_TYPE] = AT(KEEP_TUNNEL_TYPE, tunnel_type),
    [ATTR_TUNNEL_CLIENT_ENDPOINT] = AT(KEEP_UNTAGGED, tunnel_client_endpoint),
    [ATTR_TUNNEL_SERVER_ENDPOINT] = AT(KEEP_UNTAGGED, tunnel_server_endpoint),
    [ATTR_CONNECT_INFO] = AT(KEEP_SPAN, connect_info),
    [ATTR_EAP_MESSAGE] = {KEEP_EAP, 0},
    [ATTR_MESSAGE_AUTHENTICATOR] = AT(KEEP_MESSAGE_AUTHENTICATOR, message_authenticator),
    [ATTR_NAS_PORT_ID] = AT(KEEP_SPAN, nas_port_id),
    [ATTR_NAS_IPV6_ADDRESS] = AT(KEEP_SPAN, nas_ipv6_address),
    [ATTR_ERROR_CAUSE] = AT(KEEP_NUMBER, error_cause),
};

static const struct keep keep_of_microsoft[256] = {
    [1] = AT(KEEP_SPAN, ms_chap_response),
    [2] = AT(KEEP_SPAN, ms_chap_error),
    [10] = AT(KEEP_SPAN, ms_chap_domain),
    [16] = AT(KEEP_SPAN, ms_mppe_send_key),
    [17] = AT(KEEP_SPAN, ms_mppe_recv_key),
    [18] = AT(KEEP_SPAN, ms_ras_version),
    [25] = AT(KEEP_SPAN, ms_chap2_response),
    [26] = AT(KEEP_SPAN, ms_chap2_success),
    [34] = AT(KEEP_SPAN, ms_ras_client_name),
    [35] = AT(KEEP_SPAN, ms_ras_client_version),
    [47] = AT(KEEP_NUMBER, ms_network_access_server_type),
    [50] = AT(KEEP_SPAN, ms_machine_name),
    [56] = AT(KEEP_SPAN, ms_ras_correlation_id),
};

static inline void keep_span(struct radius_packet *p, const struct keep *k, struct span value)
{
    struct span *field = (struct span *)(void *)((unsigned char *)p + k->where);
    if (field->data == NULL)
        *field = value;
}

/* Integers of another length than 4 are passed over, as servers do. */
static inline void keep_number(struct radius_packet *p, const struct keep *k, struct span value)
{
    uint32_t *field = (uint32_t *)(void *)((unsigned char *)p + k->where), read;
    struct cursor c = cursor_of(value);
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
static void keep_tunnel_type(struct radius_packet *p, const struct keep *k, struct span value)
{
    bool fresh = p->tunnel_type == UINT32_MAX;
    keep_number(p, k, value);
    if (fresh && p->tunnel_type >> 24 <= 0x1f)
        p->tunnel_type &= 0xffffff;
}

static inline void keep_microsoft(struct radius_packet *p, uint8_t type, struct span value)
{
    const struct keep *k = &keep_of_microsoft[type];
    if (k->how == KEEP_SPAN)
        keep_span(p, k, value);
    else if (k->how == KEEP_NUMBER)
        keep_number(p, k, value);
}

/* One attribute may hold several of the vendor's (RFC 2865 section 5.26); what contradicts there ends the reading of
 * that attribute only, since its inside is the vendor's affair. */
static void keep_several(struct radius_packet *p, struct cursor c)
{
    uint8_t type, len;
    struct span inner;
    while (take_u8(&c, &type) && take_u8(&c, &len) && len >= ATTR_HEADER && take_span(&c, len - (size_t)ATTR_HEADER, &inner))
        keep_microsoft(p, type, inner);
}

static inline void keep_vendor(struct radius_packet *p, struct span value)
{
    struct cursor c = cursor_of(value);
    uint32_t vendor;
    if (value.len < VENDOR_LEAST || !take_be32(&c, &vendor) || vendor != VENDOR_MICROSOFT)
        return;
    if (c.data[1] == c.len) /* Windows sends them one by one */
        keep_microsoft(p, c.data[0], span_of(c.data + ATTR_HEADER, c.len - ATTR_HEADER));
    else
        keep_several(p, c);
}

static inline void keep_eap(struct radius_packet *p, struct span value)
{
    if (p->eap_pieces == RADIUS_EAP_PIECES_MAX) {
        p->malformed = true;
        p->reason = "more EAP-Message attributes than a packet can need";
        return;
    }
    if (p->eap_pieces > 0) {
        const struct span *before = &p->eap[p->eap_pieces - 1];
        p->eap_not_adjacent |= before->data + before->len + ATTR_HEADER != value.data;
    }
    p->eap[p->eap_pieces++] = value;
    p->eap_length += (uint32_t)value.len;
}

static void keep_message_authenticator(struct radius_packet *p, struct span value)
{
    if (value.len != 16) {
        p->malformed = true;
        p->reason = "Message-Authenticator is not 16 bytes long";
    } else if (p->message_authenticator.data == NULL) {
        p->message_authenticator = value;
        p->message_authenticator_first = value.data == p->attributes.data + ATTR_HEADER;
    }
}

static void keep_proxy_state(struct radius_packet *p, const struct keep *k, struct span value)
{
    keep_span(p, k, value);
    p->proxy_states = p->proxy_states < UINT8_MAX ? (uint8_t)(p->proxy_states + 1) : p->proxy_states;
}

/* The commonest first. */
static inline void keep_attribute(struct radius_packet *p, const struct keep *k, struct span value)
{
    if (k->how == KEEP_SPAN) {
        keep_span(p, k, value);
        return;
    }
    if (k->how == KEEP_VENDOR) {
        keep_vendor(p, value);
        return;
    }
    switch ((enum how)k->how) {
    case KEEP_NOT: case KEEP_SPAN: case KEEP_VENDOR: break;
    case KEEP_NUMBER: keep_number(p, k, value); break;
    case KEEP_UNTAGGED: keep_span(p, k, without_tag(value)); break;
    case KEEP_TUNNEL_TYPE: keep_tunnel_type(p, k, value); break;
    case KEEP_PROXY_STATE: keep_proxy_state(p, k, value); break;
    case KEEP_EAP: keep_eap(p, value); break;
    case KEEP_MESSAGE_AUTHENTICATOR: keep_message_authenticator(p, value); break;
    }
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
        /* the beginning of a certificate is worth having even when the snap length cut the rest */
        keep_eap(p, span_of(rest.data + ATTR_HEADER, rest.len - ATTR_HEADER));
    }
}

/* `announced`: bytes of attributes that the header promises; p->attributes may hold fewer of a cut packet. */
static inline void parse_attributes(struct radius_packet *p, size_t announced)
{
    const uint8_t *bytes = p->attributes.data;
    size_t at = 0, len = p->attributes.len;
    while (len - at >= ATTR_HEADER) {
        size_t size = bytes[at + 1];
        if (size < ATTR_HEADER || size > len - at)
            break;
        const struct keep *k = &keep_of[bytes[at]];
        struct span value = span_of(bytes + at + ATTR_HEADER, size - ATTR_HEADER);
        at += size;
        if (k->how != KEEP_NOT)
            keep_attribute(p, k, value);
    }
    if (at < announced)
        end_early(p, span_of(bytes + at, len - at), announced - at);
}

/* The pieces of EAP stay as they are: their number says which of them count. */
static void set_absent(struct radius_packet *p)
{
    memset(p, 0, offsetof(struct radius_packet, eap));
    p->nas_port_type = p->service_type = p->framed_mtu = p->session_timeout = p->acct_status_type = UINT32_MAX;
    p->tunnel_type = p->error_cause = p->ms_network_access_server_type = UINT32_MAX;
}

bool radius_parse(struct span bytes, uint32_t wire_len, struct radius_packet *out)
{
    if (bytes.len < RADIUS_HEADER)
        return false;
    const uint8_t *header = bytes.data; /* RFC 2865 section 3 */
    uint16_t length = (uint16_t)((unsigned)header[2] << 8 | header[3]);
    if (length < RADIUS_HEADER)
        return false;
    set_absent(out);
    out->code = header[0];
    out->identifier = header[1];
    out->length = length;
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
    parse_attributes(out, (size_t)length - RADIUS_HEADER);
    return true;
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
