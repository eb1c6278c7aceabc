/* Signatures that name a flow from one payload packet. They read headers only; what follows is for the layers. */
#ifndef VS_DISSECT_RECOGNISE_H
#define VS_DISSECT_RECOGNISE_H

#include "dissect/net/flow.h"

/* UDP ports that RADIUS is registered for or was used on before: 1812, 1813, 1645, 1646, 3799, 1700. */
bool recognise_radius_port(uint16_t port);

/*
 * RADIUS by itself: on its ports any packet whose header holds together, also with wrong or cut attributes; elsewhere
 * only what cannot be chance (radius_recognise_strictly). Answers elsewhere need the layer to expect them.
 */
bool recognise_radius(const struct packet *p);

/* UDP ports of IKE: 500 and 4500. */
bool recognise_ike_port(uint16_t port);

/* IKE on its ports (RFC 7296 section 3.1, RFC 3948 section 2.2) by its header, elsewhere by one that cannot be chance; ESP in
 * UDP 4500 (section 2.1); TLS by its first handshake record, on port 443 by any record; DNS on UDP port 53; L2TP on port 1701, PPTP on 1723.
 * FLOW_NEW: none of them. */
enum flow_class recognise_others(const struct packet *p);

#endif
