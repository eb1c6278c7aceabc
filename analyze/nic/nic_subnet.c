/*
 * Two NICs of one server in one subnet. Two hosts there are no fault, so it takes something that ties them together: each
 * answers ARP for the other's address, frames from one's address leave by the other one, or RADIUS about the clients of one
 * comes from the other.
 */
#include "analyze/nic/nic_internal.h"

enum { SUBNET_LEAST_BITS = 20 }; /* --internal may sum up many subnets */
#define AT_ONCE_NS INT64_C(1000000000)

static uint32_t value_of(const struct address *a)
{
    return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

/* MACs that stand for a group of routers or servers: VRRP (RFC 9568), HSRP, GLBP, NLB. */
static bool is_virtual(const uint8_t mac[static 6])
{
    static const uint8_t prefixes[][3] = {{0x00, 0x00, 0x5e}, {0x00, 0x00, 0x0c}, {0x00, 0x05, 0x73}, {0x00, 0x07, 0xb4},
                                          {0x02, 0xbf, 0x00}, {0x03, 0xbf, 0x00}};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (memcmp(mac, prefixes[i], i < 4 ? 3 : 2) == 0)
            return true;
    return false;
}

/* ARP in which somebody says that he has this address. */
static bool claims(const struct host_deed *d, const struct address *a)
{
    return d->kind == HOST_ARP && address_equal(&d->host, a);
}

static const struct host_deed *claim_of(const struct nic *n, const struct address *a, const uint8_t mac[static 6])
{
    for (size_t i = 0; i < n->count; i++)
        if (claims(&n->deeds[i], a) && memcmp(n->deeds[i].peer.bytes, mac, 6) == 0)
            return &n->deeds[i];
    return NULL;
}

/* Not one after the other, as when an address moves. */
static bool together(const struct host_deed *a, const struct host_deed *b)
{
    return a->places[0].capture == b->places[0].capture && a->last.time_ns + AT_ONCE_NS > b->places[0].time_ns &&
           b->last.time_ns + AT_ONCE_NS > a->places[0].time_ns;
}

static bool sent_from(const struct nic *n, const struct address *a, const uint8_t mac[static 6])
{
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        if (d->has_mac && d->kind != HOST_ARP && address_equal(&d->host, a) && memcmp(d->mac, mac, 6) == 0)
            return true;
    }
    return false;
}

/* The bits that two addresses have in common: one who looks for both by ARP has both, and what is between them, on his link. */
static unsigned common_bits(uint32_t low, uint32_t high)
{
    unsigned bits = 0;
    while (bits < 32 && ((low ^ high) & UINT32_C(1) << (31 - bits)) == 0)
        bits++;
    return bits;
}

/* A lease's mask, --internal, or what either of them, or a third one of both, asked by ARP for tell that they are in one subnet.
 * bits: of it, 0 unknown. */
static bool in_one_subnet(const struct nic *n, const struct address *a, const struct address *b, uint8_t *bits)
{
    *bits = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        if (d->kind == HOST_LEASE && d->bits > 0 && (address_equal(&d->peer, a) || address_equal(&d->peer, b)) &&
            address_in(a, b, d->bits)) {
            *bits = d->bits;
            return true;
        }
    }
    for (size_t i = 0; i < n->settings->internal_count; i++) {
        const struct nat_network *net = &n->settings->internal[i];
        if (net->bits >= SUBNET_LEAST_BITS && address_in(a, &net->address, net->bits) && address_in(b, &net->address, net->bits)) {
            *bits = net->bits;
            return true;
        }
    }
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        if (d->kind != HOST_ARP || d->asked_low > d->asked_high)
            continue;
        uint32_t low = value_of(&d->host), high = low;
        low = d->asked_low < low ? d->asked_low : low;
        high = d->asked_high > high ? d->asked_high : high;
        unsigned all = common_bits(low, high);
        if (address_in(a, &d->host, all) && address_in(b, &d->host, all))
            return true;
    }
    return false;
}

static void found(struct nic_verdict *v, const struct host_deed *one, const struct host_deed *other, const struct address *address,
                  uint8_t bits)
{
    v->weight = NIC_WRONG;
    v->other = *address;
    v->bits = bits;
    memcpy(v->macs[0], one->peer.bytes, 6);
    memcpy(v->macs[1], other->peer.bytes, 6);
    v->sights[0] = (struct nic_sight){one, NIC_WRONG};
    v->sights[1] = (struct nic_sight){other, NIC_WRONG};
    v->sight_count = 2;
    v->packets = (uint64_t)one->count + other->count;
}

/* Both MACs claim the server's address at the same time; the second one has an address of its own, and is no router that
 * answers for others: the first one claims that address, too, or frames with the server's address leave from the second. */
static bool flux(const struct nic *n, const struct nic_server *s, const struct host_deed *one, const struct host_deed *two,
                 struct nic_verdict *v)
{
    uint8_t bits;
    if (is_virtual(one->peer.bytes) || is_virtual(two->peer.bytes) || !together(one, two))
        return false;
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *own = &n->deeds[i];
        if (own->kind != HOST_ARP || address_equal(&own->host, &s->address) || memcmp(own->peer.bytes, two->peer.bytes, 6) != 0)
            continue;
        bool tied = claim_of(n, &own->host, one->peer.bytes) != NULL || sent_from(n, &s->address, two->peer.bytes);
        if (tied && in_one_subnet(n, &s->address, &own->host, &bits)) {
            found(v, one, two, &own->host, bits);
            return true;
        }
    }
    return false;
}

/* RADIUS about its clients comes from an address on the same link, with another MAC. */
static bool both_asked(const struct nic *n, const struct nic_server *s, struct nic_verdict *v)
{
    uint8_t bits;
    if (s->other.family != FAMILY_IPV4 || !in_one_subnet(n, &s->address, &s->other, &bits))
        return false;
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *one = &n->deeds[i];
        for (size_t k = 0; claims(one, &s->address) && k < n->count; k++) {
            const struct host_deed *two = &n->deeds[k];
            if (claims(two, &s->other) && two->places[0].capture == one->places[0].capture &&
                !address_equal(&one->peer, &two->peer) && claim_of(n, &s->address, two->peer.bytes) == NULL) {
                found(v, one, two, &s->other, bits);
                return true;
            }
        }
    }
    return false;
}

void nic_same_subnet(const struct nic *n, const struct nic_server *s, struct nic_verdict *v)
{
    if (s->address.family != FAMILY_IPV4)
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *one = &n->deeds[i];
        for (size_t k = 0; claims(one, &s->address) && k < n->count; k++) {
            const struct host_deed *two = &n->deeds[k];
            if (claims(two, &s->address) && !address_equal(&one->peer, &two->peer) && flux(n, s, one, two, v))
                return;
        }
    }
    (void)both_asked(n, s, v);
}
