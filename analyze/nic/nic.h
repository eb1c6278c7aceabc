/*
 * Hygiene of VPN servers' external NICs: what a server itself sends or answers there and should not. On a server with one NIC the
 * traffic of a member of the domain belongs there; so its peers are weighed first. wire-facts 8.
 */
#ifndef VS_ANALYZE_NIC_H
#define VS_ANALYZE_NIC_H

#include "analyze/nat/nat.h"
#include "analyze/session/overview.h"
#include "analyze/session/services.h"
#include "analyze/session/session.h"
#include "dissect/hosts.h"

enum { NIC_DEEDS_MAX = 1 << 15, NIC_PAIRS_MAX = 256, NIC_SIGHTS_MAX = 5, NIC_VERDICTS_MAX = 256 };

enum nic_topic { NIC_NAME_RESOLUTION, NIC_DNS_CLIENT, NIC_SMB, NIC_DHCP, NIC_DISCOVERY, NIC_SAME_SUBNET, NIC_UNEXPECTED, NIC_TOPICS };

enum nic_weight {
    NIC_BELONGS,   /* nothing to say */
    NIC_DOUBTFUL,  /* belongs there if this is the server's only NIC, which may be */
    NIC_HARMLESS,  /* does not belong there, and does no harm: a server with one NIC, a cloud's own way */
    NIC_WRONG,
};

/* How many NICs a server has, as far as its traffic shows. */
enum nic_count {
    NIC_COUNT_UNKNOWN,
    NIC_COUNT_ONE,     /* it talks to the domain or to RADIUS from the address that clients come to, and is answered */
    NIC_COUNT_TWO,     /* RADIUS about its clients comes from another address */
};

struct nic_sight { const struct host_deed *deed; enum nic_weight weight; };

/* One server, one topic. */
struct nic_verdict {
    struct address server;
    enum nic_topic topic;
    enum nic_weight weight;              /* the heaviest of its sights */
    enum nic_count nics;
    uint64_t packets;                    /* flows or frames of that weight */
    struct nic_sight sights[NIC_SIGHTS_MAX]; size_t sight_count; /* heaviest first, then by place */
    struct address other;                /* NIC_COUNT_TWO, NIC_SAME_SUBNET: the server's other address */
    uint8_t macs[2][6];                  /* NIC_SAME_SUBNET */
    uint8_t bits;                        /* NIC_SAME_SUBNET: of the subnet that holds both; 0 not known exactly */
};

struct nic;

struct nic *nic_new(const struct nat_settings *settings); /* lent, outlive it; NULL when memory is short */
void nic_free(struct nic *n);

/* What the hosts of one vantage point did; copied. */
void nic_add(struct nic *n, const struct host_deed *deeds, size_t count);
/* A session whose tunnel and RADIUS login are known tells from which address its server asks. */
void nic_session(struct nic *n, const struct session *s);

/* All was added: verdicts on all VPN servers, of captures in the order of their index, sorted by server and topic. Lent until n is freed. */
const struct nic_verdict *nic_judge(struct nic *n, const struct services *services, const struct capture_report *captures,
                                    size_t capture_count, size_t *count);

#endif
