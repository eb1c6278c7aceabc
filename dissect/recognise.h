/* Signatures that name a flow from one payload packet. They read headers only; what follows is for the layers. */
#ifndef VS_DISSECT_RECOGNISE_H
#define VS_DISSECT_RECOGNISE_H

#include "dissect/net/flow.h"

/* UDP ports that RADIUS is registered for or was used on before: 1812, 1813, 1645, 1646, 3799, 1700. */
static inline bool recognise_radius_port(uint16_t port)
{
    return port == 1812 || port == 1813 || port == 1645 || port == 1646 || port == 3799 || port == 1700;
}

/* Whether a payload has the length that RADIUS has at its place: nothing else can be RADIUS. */
static inline bool recognise_radius_length(const struct packet *p)
{
    enum { LENGTH_AT = 2, LEAST = 20 };
    uint32_t length = p->payload.len >= LEAST ? (uint32_t)p->payload.data[LENGTH_AT] << 8 | p->payload.data[LENGTH_AT + 1] : 0;
    return length >= LEAST && length <= p->payload_wire_len;
}

/*
 * RADIUS by itself: on its ports any packet whose header holds together, also with wrong or cut attributes; elsewhere
 * only what cannot be chance (radius_recognise_strictly). Answers elsewhere need the layer to expect them.
 */
bool recognise_radius(const struct packet *p);

/* UDP ports of IKE: 500 and 4500. */
static inline bool recognise_ike_port(uint16_t port)
{
    return port == 500 || port == 4500;
}

/* IKE on its ports (RFC 7296 section 3.1, RFC 3948 section 2.2) by its header, elsewhere by one that cannot be chance; ESP in
 * UDP 4500 (section 2.1); TLS by its first handshake record, on port 443 by any record; DNS on UDP port 53; L2TP on port 1701, PPTP on 1723.
 * FLOW_NEW: none of them. */
enum flow_class recognise_others(const struct packet *p);

#endif
