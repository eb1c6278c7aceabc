/* What the files nic*.c share. */
#ifndef VS_ANALYZE_NIC_INTERNAL_H
#define VS_ANALYZE_NIC_INTERNAL_H

#include "analyze/nic/nic.h"

enum { NIC_MACS_MAX = 4 };

/* From which address a server asked RADIUS about a client of its. */
struct nic_pair { struct address server, asks; };

struct nic {
    const struct nat_settings *settings;
    struct host_deed *deeds; size_t count; /* hint_name owned */
    const struct capture_report *captures; size_t capture_count; /* lent while judging */
    struct nic_pair pairs[NIC_PAIRS_MAX]; size_t pair_count;
    struct nic_verdict verdicts[NIC_VERDICTS_MAX]; size_t verdict_count;
};

/* A VPN server while it is judged. */
struct nic_server {
    struct address address;
    uint8_t macs[NIC_MACS_MAX][6]; size_t mac_count; /* of frames that it put on the link itself */
    const struct address *servers; size_t server_count; /* all VPN servers */
    enum nic_count nics;
    struct address other;   /* from which it asks RADIUS, when not from this one */
    bool inside;            /* its own address is an internal one */
    bool serves_lan;        /* gives out addresses or names to the inside: this is no external NIC */
    bool in_cloud;
    bool both_ways;         /* what is sent to it was captured, too */
};

struct nic_weighed { enum nic_topic topic; enum nic_weight weight; }; /* NIC_TOPICS: of none */

bool nic_is_internal(const struct nic *n, const struct address *a);
bool nic_did(const struct nic_server *s, const struct host_deed *d);
struct nic_weighed nic_weigh(const struct nic *n, const struct nic_server *s, const struct host_deed *d);

/* nic_subnet.c: raises the verdict when the server has two NICs in one subnet. */
void nic_same_subnet(const struct nic *n, const struct nic_server *s, struct nic_verdict *v);

#endif
