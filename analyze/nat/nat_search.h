/*
 * Which address and port does a NAT_DETECTION hash stand for? What is given first, then the networks that homes use, then
 * every private address; never all of IPv4. The work is counted in candidates, not in time: the same input gives the same
 * answer on every machine.
 */
#ifndef VS_ANALYZE_NAT_SEARCH_H
#define VS_ANALYZE_NAT_SEARCH_H

#include "analyze/nat/nat_hash.h"

enum { NAT_PORTS_MAX = 4, NAT_NEIGHBOUR_PORTS = 16, NAT_ALL_PORTS_NETWORK = 256 };

/* Candidates that may still be tried. A search stops when it is used up. */
struct nat_budget {
    uint64_t left;
    uint64_t spent;
};

/* A network; only the first `bits` bits of the address count (0..32, 0..128). */
struct nat_network {
    struct address address;
    uint8_t bits;
};

/* Where to look. All of it is lent. */
struct nat_space {
    const struct address *exact; size_t exact_count;        /* IPv4 and IPv6 */
    const struct nat_network *first_network;                /* tried before the usual ones; NULL */
    const struct nat_network *networks; size_t network_count; /* the site's own; IPv6 ones are not searched */
    const struct address *any_port; size_t any_port_count;  /* IPv4 addresses to try with every port */
    const struct nat_network *any_port_network;             /* the same for up to NAT_ALL_PORTS_NETWORK addresses; NULL */
    uint16_t ports[NAT_PORTS_MAX]; size_t port_count;       /* likeliest first; repeats do no harm but cost */
    bool given_only;                                        /* `exact` is all */
    uint16_t near_port;                                     /* also NAT_NEIGHBOUR_PORTS to each side of it; 0 none */
};

enum nat_depth {
    NAT_QUICK, /* what is given, and the usual home networks: some 12,000 candidates a port */
    NAT_DEEP,  /* the site's networks, RFC 1918, 100.64/10 and 169.254/16 besides: 22 million a port */
};
enum nat_search_result { NAT_FOUND, NAT_NOT_FOUND, NAT_BUDGET };

/* Asks; *real is set when found. digests may refuse (then nothing is found). */
enum nat_search_result nat_search(struct digests *d, const struct nat_question *q, const struct nat_space *space,
                                  enum nat_depth depth, struct nat_budget *budget, struct endpoint *real);

/* RFC 1918, 100.64/10 (RFC 6598), 169.254/16, 192.0.0.0/29 (RFC 7335); IPv6 fc00::/7 and fe80::/10. */
bool nat_is_private(const struct address *a);
/* RFC 1918 alone. */
bool nat_is_rfc1918(const struct address *a);
/* Networks that hypervisors, containers and shared connections number their guests from: 10.0.2/24, 172.17/16 to 172.31/16,
 * 192.168.56, .99, .122, .137, .65 ...: the translator is then the client's own machine. */
bool nat_is_guest_network(const struct address *a);
/* One of the networks that home routers come with. */
bool nat_is_home_network(const struct address *a);

#endif
