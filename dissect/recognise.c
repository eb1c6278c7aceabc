#include "dissect/recognise.h"

#include "dissect/radius/radius.h"
#include "dissect/tls/tls.h"
#include "capture/wire/cursor.h"

enum { PORT_IKE = 500, PORT_NAT_T = 4500, PORT_HTTPS = 443, IKE_HEADER = 28, ESP_LEAST = 8 + 12 };

bool recognise_radius_port(uint16_t port)
{
    return port == 1812 || port == 1813 || port == 1645 || port == 1646 || port == 3799 || port == 1700;
}

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
    if (p->payload.len < RADIUS_HEADER)
        return false;
    uint16_t server_port = radius_is_request(p->payload.data[0]) ? p->dst.port : p->src.port;
    if (recognise_radius_port(server_port))
        return radius_header(p->payload, p->payload_wire_len);
    return radius_recognise_strictly(p->payload, p->payload_wire_len);
}

static bool ike_exchange(uint8_t version, uint8_t exchange)
{
    if (version >> 4 == 2)
        return exchange >= 34 && exchange <= 44;
    return version == 0x10 && ((exchange >= 1 && exchange <= 6) || (exchange >= 32 && exchange <= 34));
}

static bool ike_header(struct cursor c, uint32_t wire_len)
{
    uint64_t initiator;
    uint32_t length;
    uint8_t version, exchange;
    return take_be64(&c, &initiator) && initiator != 0 && take_skip(&c, 9) && take_u8(&c, &version) &&
           take_u8(&c, &exchange) && ike_exchange(version, exchange) && take_skip(&c, 5) && take_be32(&c, &length) &&
           length >= IKE_HEADER && length <= wire_len;
}

static enum flow_class nat_traversal(const struct packet *p)
{
    struct cursor c = cursor_of(p->payload);
    uint32_t spi;
    if (!take_be32(&c, &spi))
        return FLOW_NEW; /* a keepalive of one octet 0xff says nothing yet */
    if (spi == 0)
        return ike_header(c, p->payload_wire_len - 4) ? FLOW_IKE : FLOW_NEW;
    return spi > 255 && p->payload_wire_len >= ESP_LEAST ? FLOW_ESP : FLOW_NEW; /* RFC 4303: 1 to 255 are reserved */
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

enum flow_class recognise_others(const struct packet *p)
{
    if (p->kind == PACKET_TCP)
        return tls_record(p, p->src.port == PORT_HTTPS || p->dst.port == PORT_HTTPS) ? FLOW_TLS : FLOW_NEW;
    if (p->src.port == PORT_NAT_T || p->dst.port == PORT_NAT_T) {
        enum flow_class found = nat_traversal(p);
        if (found != FLOW_NEW)
            return found;
    }
    if (p->src.port == PORT_IKE || p->dst.port == PORT_IKE)
        return ike_header(cursor_of(p->payload), p->payload_wire_len) ? FLOW_IKE : FLOW_NEW;
    return FLOW_NEW;
}
