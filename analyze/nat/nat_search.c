#include "analyze/nat/nat_search.h"

#include "analyze/nat/nat_sha1_lanes.h"

/* An IPv4 network: address as a number, bits. */
struct block {
    uint32_t first;
    uint8_t bits;
};

#define IPV4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* What routers, hot spots and hypervisors hand out when nobody changes it; the commonest first. */
static const struct block usual[] = {
    {IPV4(192, 168, 0, 0), 23},   {IPV4(192, 168, 2, 0), 24},
    {IPV4(192, 168, 178, 0), 24}, {IPV4(10, 0, 0, 0), 23},
    {IPV4(192, 168, 43, 0), 24},  {IPV4(172, 20, 10, 0), 28},
    {IPV4(192, 168, 10, 0), 24},  {IPV4(192, 168, 100, 0), 24},
    {IPV4(192, 168, 86, 0), 24},  {IPV4(192, 168, 50, 0), 24},
    {IPV4(192, 168, 88, 0), 24},  {IPV4(192, 168, 4, 0), 24},
    {IPV4(192, 168, 8, 0), 24},   {IPV4(192, 168, 3, 0), 24},
    {IPV4(192, 168, 5, 0), 24},   {IPV4(192, 168, 11, 0), 24},
    {IPV4(192, 168, 15, 0), 24},  {IPV4(192, 168, 20, 0), 24},
    {IPV4(192, 168, 30, 0), 23},  {IPV4(192, 168, 68, 0), 24},
    {IPV4(192, 168, 179, 0), 24}, {IPV4(192, 168, 189, 0), 24},
    {IPV4(192, 168, 188, 0), 24}, {IPV4(192, 168, 123, 0), 24},
    {IPV4(192, 168, 49, 0), 24},  {IPV4(192, 168, 42, 0), 24},
    {IPV4(192, 168, 254, 0), 24}, {IPV4(192, 168, 137, 0), 24},
    {IPV4(192, 168, 122, 0), 24}, {IPV4(192, 168, 56, 0), 24},
    {IPV4(172, 16, 0, 0), 23},    {IPV4(172, 17, 0, 0), 24},
    {IPV4(172, 18, 0, 0), 24},    {IPV4(10, 0, 2, 0), 23},
    {IPV4(10, 1, 0, 0), 23},      {IPV4(10, 1, 10, 0), 24},
    {IPV4(10, 10, 0, 0), 24},     {IPV4(10, 10, 10, 0), 24},
    {IPV4(192, 0, 0, 0), 29}, /* RFC 7335: behind a CLAT or DS-Lite */
};

static const struct block everything_private[] = {
    {IPV4(192, 168, 0, 0), 16}, {IPV4(172, 16, 0, 0), 12},  {IPV4(10, 0, 0, 0), 8},
    {IPV4(100, 64, 0, 0), 10},  {IPV4(169, 254, 0, 0), 16}, {IPV4(192, 0, 0, 0), 29},
};

static const struct block guests[] = {
    {IPV4(10, 0, 2, 0), 24},      {IPV4(172, 17, 0, 0), 16},   {IPV4(172, 18, 0, 0), 15},
    {IPV4(172, 20, 0, 0), 14},    {IPV4(172, 24, 0, 0), 13},   {IPV4(192, 168, 56, 0), 24},
    {IPV4(192, 168, 65, 0), 24},  {IPV4(192, 168, 99, 0), 24}, {IPV4(192, 168, 122, 0), 24},
    {IPV4(192, 168, 137, 0), 24},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct search {
    struct digests *digests;
    const struct nat_question *question;
    const struct nat_space *space;
    struct nat_budget *budget;
    struct nat_lanes_job job;
    struct endpoint *real;
};

static uint32_t number(const struct address *a)
{
    return IPV4(a->bytes[0], a->bytes[1], a->bytes[2], a->bytes[3]);
}

static struct address address_of(uint32_t n)
{
    const uint8_t bytes[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return address_ipv4(bytes);
}

static bool spend(struct nat_budget *b, uint64_t n)
{
    if (b->left < n)
        return false;
    b->left -= n;
    b->spent += n;
    return true;
}

/* Tries a run of addresses or ports; a hit of the lanes is proved by the whole hash. */
static enum nat_search_result try_run(struct search *s, uint32_t address, uint32_t port, bool by_port, uint64_t count)
{
    bool short_of = s->budget->left < count;
    if (short_of)
        count = s->budget->left;
    for (uint64_t done = 0; done < count;) {
        uint32_t from = by_port ? address : address + (uint32_t)done;
        uint32_t from_port = by_port ? port + (uint32_t)done : port;
        uint64_t at = nat_lanes_scan(&s->job, from, (uint16_t)from_port, by_port, count - done);
        if (at == count - done) {
            spend(s->budget, at);
            break;
        }
        spend(s->budget, at + 1);
        done += at + 1;
        struct endpoint e = {.address = address_of(by_port ? from : from + (uint32_t)at),
                             .port = (uint16_t)(by_port ? from_port + (uint32_t)at : port)};
        if (nat_hash_matches(s->digests, s->question, &e)) {
            *s->real = e;
            return NAT_FOUND;
        }
    }
    return short_of ? NAT_BUDGET : NAT_NOT_FOUND;
}

static enum nat_search_result try_block(struct search *s, const struct block *b, uint16_t port)
{
    return try_run(s, b->first, port, false, UINT64_C(1) << (32 - b->bits));
}

static enum nat_search_result try_blocks(struct search *s, const struct block *blocks, size_t count, uint16_t port)
{
    enum nat_search_result result = NAT_NOT_FOUND;
    for (size_t i = 0; i < count && result == NAT_NOT_FOUND; i++)
        result = try_block(s, &blocks[i], port);
    return result;
}

static enum nat_search_result try_exact(struct search *s)
{
    for (size_t i = 0; i < s->space->exact_count; i++)
        for (size_t p = 0; p < s->space->port_count; p++) {
            struct endpoint e = {.address = s->space->exact[i], .port = s->space->ports[p]};
            if (!spend(s->budget, 1))
                return NAT_BUDGET;
            if (nat_hash_matches(s->digests, s->question, &e)) {
                *s->real = e;
                return NAT_FOUND;
            }
        }
    return NAT_NOT_FOUND;
}

static enum nat_search_result try_any_port(struct search *s)
{
    enum nat_search_result result = NAT_NOT_FOUND;
    for (size_t i = 0; i < s->space->any_port_count && result == NAT_NOT_FOUND; i++)
        if (s->space->any_port[i].family == FAMILY_IPV4)
            result = try_run(s, number(&s->space->any_port[i]), 1, true, 65535);
    return result;
}

static enum nat_search_result try_network(struct search *s, const struct nat_network *n, uint16_t port)
{
    if (n->address.family != FAMILY_IPV4 || n->bits < 8 || n->bits > 32)
        return NAT_NOT_FOUND;
    const struct block b = {number(&n->address) & (uint32_t)(UINT64_MAX << (32 - n->bits)), n->bits};
    return try_block(s, &b, port);
}

/* The site's networks, on one port. */
static enum nat_search_result try_networks(struct search *s, uint16_t port)
{
    enum nat_search_result result = NAT_NOT_FOUND;
    for (size_t i = 0; i < s->space->network_count && result == NAT_NOT_FOUND; i++)
        result = try_network(s, &s->space->networks[i], port);
    return result;
}

static enum nat_search_result quick(struct search *s)
{
    enum nat_search_result result = try_exact(s);
    if (s->space->given_only)
        return result;
    for (size_t p = 0; p < s->space->port_count && result == NAT_NOT_FOUND; p++) {
        if (s->space->first_network != NULL)
            result = try_network(s, s->space->first_network, s->space->ports[p]);
        if (result == NAT_NOT_FOUND)
            result = try_blocks(s, usual, COUNT(usual), s->space->ports[p]);
    }
    if (result == NAT_NOT_FOUND)
        result = try_any_port(s);
    return result;
}

/* Port by port: a client's own port is nearly always the first. */
static enum nat_search_result everywhere(struct search *s)
{
    enum nat_search_result result = NAT_NOT_FOUND;
    for (size_t p = 0; p < s->space->port_count && result == NAT_NOT_FOUND; p++) {
        result = try_networks(s, s->space->ports[p]);
        if (result == NAT_NOT_FOUND)
            result = try_blocks(s, everything_private, COUNT(everything_private), s->space->ports[p]);
    }
    return result;
}

static enum nat_search_result neighbour_ports(struct search *s)
{
    enum nat_search_result result = NAT_NOT_FOUND;
    if (s->space->near_port == 0)
        return result;
    for (int away = 1; away <= NAT_NEIGHBOUR_PORTS && result == NAT_NOT_FOUND; away++)
        for (int side = -1; side <= 1 && result == NAT_NOT_FOUND; side += 2) {
            int port = (int)s->space->near_port + side * away;
            if (port > 0 && port <= 65535)
                result = try_blocks(s, usual, COUNT(usual), (uint16_t)port);
        }
    return result;
}

static enum nat_search_result whole_network(struct search *s)
{
    const struct nat_network *n = s->space->any_port_network;
    enum nat_search_result result = NAT_NOT_FOUND;
    if (n == NULL || n->address.family != FAMILY_IPV4 || n->bits < 24 || n->bits > 32)
        return result;
    uint32_t first = number(&n->address) & (uint32_t)(UINT64_MAX << (32 - n->bits));
    for (uint32_t i = 0; i < UINT32_C(1) << (32 - n->bits) && result == NAT_NOT_FOUND; i++)
        result = try_run(s, first + i, 1, true, 65535);
    return result;
}

enum nat_search_result nat_search(struct digests *d, const struct nat_question *q, const struct nat_space *space,
                                  enum nat_depth depth, struct nat_budget *budget, struct endpoint *real)
{
    struct search s = {.digests = d, .question = q, .space = space, .budget = budget, .real = real};
    nat_lanes_prepare(&s.job, q);
    enum nat_search_result result = quick(&s);
    if (result != NAT_NOT_FOUND || depth == NAT_QUICK || space->given_only)
        return result;
    result = everywhere(&s);
    if (result == NAT_NOT_FOUND)
        result = neighbour_ports(&s);
    if (result == NAT_NOT_FOUND)
        result = whole_network(&s);
    return result;
}

static bool in_blocks(const struct address *a, const struct block *blocks, size_t count)
{
    if (a->family != FAMILY_IPV4)
        return false;
    uint32_t n = number(a);
    for (size_t i = 0; i < count; i++)
        if ((n ^ blocks[i].first) >> (32 - blocks[i].bits) == 0)
            return true;
    return false;
}

bool nat_is_rfc1918(const struct address *a)
{
    return in_blocks(a, everything_private, 3);
}

bool nat_is_private(const struct address *a)
{
    if (a->family == FAMILY_IPV6)
        return (a->bytes[0] & 0xfe) == 0xfc || (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80);
    return in_blocks(a, everything_private, COUNT(everything_private));
}

bool nat_is_guest_network(const struct address *a)
{
    return in_blocks(a, guests, COUNT(guests));
}

bool nat_is_home_network(const struct address *a)
{
    return in_blocks(a, usual, COUNT(usual));
}
