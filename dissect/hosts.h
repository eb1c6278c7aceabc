/*
 * What hosts send and answer that a VPN server's external NIC should not: an account by host, kind and peer, for who knows at
 * the end which hosts are VPN servers. Kept from the first packet of each side of a flow, from ARP and other frames without
 * flows; bounded, those stirred least recently give way. wire-facts 8.
 */
#ifndef VS_DISSECT_HOSTS_H
#define VS_DISSECT_HOSTS_H

#include "dissect/dns/dns.h"
#include "dissect/net/flow.h"

enum host_kind {
    HOST_SERVES,       /* answers on TCP 443 or 1723, UDP 500, 4500 or 1701; no peer */
    HOST_ARP,          /* says by ARP that the address is its own; the peer is the MAC that it names */
    HOST_LEASE,        /* was given an address by DHCP: host is a MAC, peer the address, `bits` its subnet's; server in `by` */
    HOST_DNS_SERVED,   /* answers DNS */
    HOST_DHCP_SERVED,  /* answers DHCP (RFC 2131) */
    HOST_DNS,          /* asks DNS on port 53 */
    HOST_LLMNR,        /* RFC 4795 */
    HOST_MDNS,         /* RFC 6762 */
    HOST_NETBIOS,      /* RFC 1002: names, datagrams, sessions of its own */
    HOST_NETBIOS_OPEN, /* TCP 139 answered */
    HOST_SMB,          /* asks TCP 445 */
    HOST_SMB_OPEN,     /* TCP 445 answered */
    HOST_DHCP,         /* client, also of DHCPv6 (RFC 8415) */
    HOST_LLDP,         /* IEEE 802.1AB; no peer */
    HOST_LLTD,         /* Link-Layer Topology Discovery; no peer */
    HOST_SSDP, HOST_WSD,
    HOST_NTP, HOST_KERBEROS, HOST_LDAP, HOST_RPC, HOST_RADIUS, HOST_TEREDO,
    HOST_LDAP_OPEN, HOST_RPC_OPEN, HOST_RDP_OPEN, HOST_WINRM_OPEN,
    HOST_HINT,         /* something else that nDPI names: `hint` */
    HOST_HINT_OPEN,    /* the same, answered */
    HOST_KINDS
};

enum { HOST_DEEDS_MAX = 4096, HOST_PLACES = 3, HOST_NAME = 80 };

/* What one host did to one peer. */
struct host_deed {
    struct address host;               /* FAMILY_MAC for what has no address yet, or none at all */
    struct address peer;               /* FAMILY_NONE: none */
    struct address by;                 /* HOST_LEASE: the server */
    uint8_t mac[6]; bool has_mac;      /* of the first frame that the host itself put on this link, as its TTL shows */
    uint8_t kind;                      /* enum host_kind */
    uint8_t bits;                      /* HOST_LEASE: of the subnet mask, 0 unknown */
    uint16_t port;                     /* the one asked, or that answered */
    uint16_t hint;                     /* HOST_HINT*: nDPI's number */
    const char *hint_name;             /* its name; a constant, or of the dissector's */
    uint32_t count, answered;          /* flows or frames; of these, flows that were answered; HOST_SERVES: that it answered */
    struct place places[HOST_PLACES];  /* the first ones */
    struct place last;
    uint32_t asked_low, asked_high;    /* HOST_ARP: IPv4 addresses that it looked for; low > high: none */
    char name[HOST_NAME];              /* HOST_DNS: asked for; one of a directory's before others; "" unknown */
    struct place named;                /* HOST_DNS: where name was asked for */
    bool directory;                    /* HOST_DNS: name is one that members of a domain look for */
};

struct hosts;

struct hosts *hosts_new(void); /* NULL when memory is short */
void hosts_free(struct hosts *h);

/* The first packet of one side of a flow: answers: the other side had spoken before. class: enum flow_class, as far as known. */
void hosts_flow(struct hosts *h, const struct packet *p, bool answers, unsigned class);
/* Such a packet has nothing to add: a segment from the HTTPS port of a server that is known as one. */
bool hosts_knows_answer(const struct hosts *h, const struct packet *p);
/* A packet of no flow. */
void hosts_frame(struct hosts *h, const struct packet *p);
/* nDPI's name of the flow, one that matters here: at the packet that it was told from, and at the first one that the other side
 * sends later. to_server: from who began the flow. */
void hosts_hint(struct hosts *h, const struct packet *p, bool to_server, uint16_t hint);
/* Gives the deeds that hint at something its name. */
void hosts_name_hints(struct hosts *h, const char *(*name)(const void *ctx, uint16_t hint), const void *ctx);

/* All deeds, in no meaningful order; lent until the next packet. */
const struct host_deed *hosts_all(const struct hosts *h, size_t *count);

#endif
