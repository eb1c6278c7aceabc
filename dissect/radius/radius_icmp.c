/* ICMP errors that quote a RADIUS request: the answer that will not come. */
#include "dissect/radius/radius_state.h"
#include "capture/wire/cursor.h"

struct quoted {
    struct endpoint client, server;
    bool has_identifier, has_authenticator;
    uint8_t identifier;
    const uint8_t *authenticator;
};

static bool take_ipv4(struct cursor *c, struct quoted *q)
{
    struct cursor at = *c;
    uint8_t first, protocol;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 4 || (first & 15) < 5 || !take_skip(c, 8) || !take_u8(c, &protocol) ||
        protocol != IP_PROTO_UDP || !take_skip(c, 2) || !take_span(c, 8, &addresses))
        return false;
    q->client.address = address_ipv4(addresses.data);
    q->server.address = address_ipv4(addresses.data + 4);
    *c = at;
    return take_skip(c, (first & 15u) * 4u);
}

/* An RADIUS request that was fragmented carries a fragment header (44); other extension headers do not occur before it. */
static bool take_ipv6(struct cursor *c, struct quoted *q)
{
    uint8_t first, next;
    struct span addresses;
    if (!take_u8(c, &first) || first >> 4 != 6 || !take_skip(c, 5) || !take_u8(c, &next) || !take_skip(c, 1) ||
        !take_span(c, 32, &addresses))
        return false;
    if (next == 44 && (!take_u8(c, &next) || !take_skip(c, 7)))
        return false;
    q->client.address = address_ipv6(addresses.data);
    q->server.address = address_ipv6(addresses.data + 16);
    return next == IP_PROTO_UDP;
}

/* Destination unreachable: type 3 except "fragmentation needed", in ICMPv6 type 1; then eight octets of header. */
static bool take_unreachable(struct cursor *c, uint8_t ip_proto)
{
    uint8_t type, code;
    if (!take_u8(c, &type) || !take_u8(c, &code) || !take_skip(c, 6))
        return false;
    return ip_proto == IP_PROTO_ICMPV6 ? type == 1 : type == 3 && code != 4;
}

static bool take_quoted(const struct packet *p, struct quoted *q)
{
    struct cursor c = cursor_of(p->payload);
    struct span authenticator;
    uint8_t code;
    *q = (struct quoted){0};
    if (!take_unreachable(&c, p->ip_proto) ||
        !(p->ip_proto == IP_PROTO_ICMPV6 ? take_ipv6(&c, q) : take_ipv4(&c, q)) || !take_be16(&c, &q->client.port) ||
        !take_be16(&c, &q->server.port) || !take_skip(&c, 4))
        return false;
    if (take_u8(&c, &code) && take_u8(&c, &q->identifier))
        q->has_identifier = true;
    if (q->has_identifier && take_skip(&c, 2) && take_span(&c, 16, &authenticator))
        q->authenticator = authenticator.data;
    q->has_authenticator = q->authenticator != NULL;
    return true;
}

/* The latest request that waits between the two; an error need not quote more than the UDP header (RFC 792). */
static struct request *latest_waiting(const struct radius_layer *r, const struct quoted *q, uint32_t tunnel)
{
    struct request *found = NULL;
    for (unsigned i = 0; i < 256; i++) {
        struct request_key key = request_key_of(&q->client, &q->server, tunnel, (uint8_t)i);
        struct request *each = request_find(r, &key);
        if (each != NULL && each->waiting && (found == NULL || each->last.time_ns >= found->last.time_ns))
            found = each;
    }
    return found;
}

void radius_layer_icmp(struct radius_layer *r, const struct packet *p)
{
    struct quoted quoted;
    if (r->waiting.head == 0 || !take_quoted(p, &quoted))
        return;
    struct request_key key = request_key_of(&quoted.client, &quoted.server, p->tunnel, quoted.identifier);
    struct request *q = quoted.has_identifier ? request_find(r, &key) : latest_waiting(r, &quoted, p->tunnel);
    if (q == NULL || !q->waiting || q->told ||
        (quoted.has_authenticator && memcmp(q->authenticator, quoted.authenticator, sizeof q->authenticator) != 0))
        return;
    struct place place = frame_place(p->frame);
    request_tell_unanswered(r, q, place.time_ns, &place, false);
}
