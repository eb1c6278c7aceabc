#include "dissect/recognise.h"

#include "dissect/ike/ike.h"
#include "dissect/pptp/pptp.h"
#include "dissect/radius/radius.h"
#include "dissect/tls/tls.h"
#include "capture/wire/cursor.h"

enum { PORT_IKE = 500, PORT_NAT_T = 4500, PORT_HTTPS = 443, ESP_LEAST = 8 + 12 };

/* A header that holds together and a first attribute that does: enough where the port speaks for RADIUS as well. */
static bool radius_header(struct span bytes, uint32_t wire_len)
{
    struct radius_packet p;
    if (!radius_parse(bytes, wire_len, &p) || p.length > RADIUS_PACKET_MAX || p.length > wire_len ||
        radius_code_name(p.code) == NULL)
        return false;
    if (p.attributes.len < 2)
        return p.cut || p.length == RADIUS_HEADER;
    return p.attributes.data[1] >= 2 && p.attributes.data[1] <= p.length - RADIUS_HEADER;
}

bool recognise_radius(const struct packet *p)
{
    if (!recognise_radius_length(p))
        return false;
    uint16_t server_port = radius_is_request(p->payload.data[0]) ? p->dst.port : p->src.port;
    if (recognise_radius_port(server_port))
        return radius_header(p->payload, p->payload_wire_len);
    return radius_recognise_strictly(p->payload, p->payload_wire_len);
}

/* Flags that the version knows, SPIs that the message can have, a first payload whose length fits. */
static bool ike_strictly(struct span bytes, uint32_t wire_len)
{
    struct ike_message m;
    if (!ike_recognise(bytes, wire_len) || !ike_parse(bytes, wire_len, &m) || m.malformed || m.length != wire_len)
        return false;
    bool answered = false;
    for (size_t i = 0; i < sizeof m.responder_spi; i++)
        answered = answered || m.responder_spi[i] != 0;
    if (m.version >> 4 == 1)
        return m.version == 0x10 && (m.flags & ~0x07u) == 0 && (answered || !m.encrypted) &&
               ike_payload_name(m.version, m.next_payload) != NULL;
    if (m.version != 0x20 || (m.flags & ~(unsigned)(IKE_FLAG_INITIATOR | IKE_FLAG_VERSION | IKE_FLAG_RESPONSE)) != 0)
        return false;
    if (m.exchange == IKE_SA_INIT)
        return m.message_id == 0 && m.from_initiator != m.response && (m.response || !answered) &&
               (m.next_payload == IKE_SA || m.next_payload == IKE_NOTIFY);
    return answered && m.encrypted;
}

/* Where the marker may be and may not be. */
static bool ike_anywhere(const struct packet *p)
{
    struct span bytes = p->payload;
    if (bytes.len < IKE_HEADER + IKE_NON_ESP_MARKER)
        return false;
    return ike_strictly(bytes, p->payload_wire_len) ||
           (bytes.data[0] == 0 && bytes.data[1] == 0 && bytes.data[2] == 0 && bytes.data[3] == 0 &&
            ike_strictly(span_of(bytes.data + IKE_NON_ESP_MARKER, bytes.len - IKE_NON_ESP_MARKER),
                         p->payload_wire_len - IKE_NON_ESP_MARKER));
}

static enum flow_class nat_traversal(const struct packet *p)
{
    struct cursor c = cursor_of(p->payload);
    uint32_t spi;
    if (!take_be32(&c, &spi))
        return FLOW_NEW; /* a keepalive of one octet 0xff says nothing yet */
    if (spi == 0)
        return ike_recognise(cursor_rest(&c), p->payload_wire_len - IKE_NON_ESP_MARKER) ? FLOW_IKE : FLOW_NEW;
    if (ike_anywhere(p))
        return FLOW_IKE;
    return spi > 255 && p->payload_wire_len >= ESP_LEAST ? FLOW_ESP : FLOW_NEW; /* RFC 4303: 1 to 255 are reserved */
}

static enum flow_class ike_or_esp(const struct packet *p)
{
    if (p->src.port == PORT_NAT_T || p->dst.port == PORT_NAT_T)
        return nat_traversal(p);
    if (p->src.port == PORT_IKE || p->dst.port == PORT_IKE)
        return ike_recognise(p->payload, p->payload_wire_len) ? FLOW_IKE : FLOW_NEW;
    return ike_anywhere(p) ? FLOW_IKE : FLOW_NEW;
}

static bool tls_record(const struct packet *p, bool port_443)
{
    struct cursor c = cursor_of(p->payload);
    uint8_t type, message;
    uint16_t version, length;
    if (!take_u8(&c, &type) || !take_be16(&c, &version) || !take_be16(&c, &length) || version < 0x0300 ||
        version > 0x0304 || length == 0 || length > TLS_STREAM_MAX)
        return false;
    if (port_443)
        return type >= TLS_CHANGE_CIPHER_SPEC && type <= TLS_APPLICATION_DATA;
    return type == TLS_HANDSHAKE && take_u8(&c, &message) && (message == 1 || message == 2);
}

/* L2TPv2 outside of IPsec, or inside what was decrypted before (RFC 2661 section 3.1): version 2, reserved bits zero, a length
 * that holds where there is one. */
static bool l2tp(const struct packet *p)
{
    enum { PORT = 1701, RESERVED = 0x34f0, VERSION = 0x000f, HAS_LENGTH = 0x4000, HEADER_LEAST = 6 };
    struct cursor c = cursor_of(p->payload);
    uint16_t flags, length;
    if ((p->src.port != PORT && p->dst.port != PORT) || !take_be16(&c, &flags) || p->payload_wire_len < HEADER_LEAST ||
        (flags & VERSION) != 2 || (flags & RESERVED) != 0)
        return false;
    return (flags & HAS_LENGTH) == 0 || (take_be16(&c, &length) && length <= p->payload_wire_len && length >= HEADER_LEAST);
}

/* A name without compression, and after it type and class; more than the capture holds is not looked for. */
static bool dns_question(struct cursor c, uint32_t wire_len)
{
    enum { LABEL_MAX = 63, NAME_MAX_LEN = 255, TYPE_AND_CLASS = 4 };
    uint32_t name = 0;
    for (uint8_t label = 1; label != 0;) {
        if (name >= wire_len)
            return false;
        if (!take_u8(&c, &label))
            return true; /* cut */
        name += label + 1u;
        if (label > LABEL_MAX || name > NAME_MAX_LEN)
            return false;
        if (!take_skip(&c, label))
            return name <= wire_len;
    }
    return name + TYPE_AND_CLASS <= wire_len;
}

/* A query or its answer on DNS's port (RFC 1035 section 4.1): operation and result that there are, one question. */
static bool dns(const struct packet *p)
{
    enum { PORT = 53, RESPONSE = 0x8000, OPERATION = 0x7800, UPDATE = 5 << 11, RESERVED = 0x0040, RESULT = 0x000f, BADVERS = 11,
           HEADER = 12, RECORDS_MAX = 1024 };
    struct cursor c = cursor_of(p->payload);
    uint16_t flags, questions, answers, authorities, additional;
    if ((p->src.port != PORT && p->dst.port != PORT) || !take_skip(&c, 2) || !take_be16(&c, &flags) ||
        !take_be16(&c, &questions) || !take_be16(&c, &answers) || !take_be16(&c, &authorities) || !take_be16(&c, &additional))
        return false;
    bool query = (flags & RESPONSE) == 0, usual = (flags & OPERATION) == 0;
    if (questions != 1 || (flags & OPERATION) > UPDATE || (flags & RESERVED) != 0 || (flags & RESULT) > BADVERS)
        return false;
    if (query && usual && (answers != 0 || authorities != 0))
        return false;
    return (uint32_t)answers + authorities + additional <= RECORDS_MAX && dns_question(c, p->payload_wire_len - HEADER);
}

static bool pptp(const struct packet *p)
{
    return (p->src.port == PORT_PPTP || p->dst.port == PORT_PPTP) && p->payload.len >= PPTP_HEADER &&
           pptp_message_length(p->payload) != 0;
}

enum flow_class recognise_others(const struct packet *p)
{
    if (p->kind == PACKET_TCP && pptp(p))
        return FLOW_PPTP;
    if (p->kind == PACKET_TCP)
        return tls_record(p, p->src.port == PORT_HTTPS || p->dst.port == PORT_HTTPS) ? FLOW_TLS : FLOW_NEW;
    if (dns(p))
        return FLOW_DNS;
    enum flow_class found = ike_or_esp(p);
    return found == FLOW_NEW && l2tp(p) ? FLOW_L2TP : found;
}
