/*
 * Network address translation in front of a VPN server: told of what IKE, SSTP and RADIUS show, it gives one verdict a server,
 * with evidence (wire-facts 3.4 and 9). Knows nothing of packets; bounded: counts and first examples, never one record a
 * session.
 *
 * What findings are to be made of it (analyze/finding):
 *   NAT_SNAT                                       snat-hides-clients
 *   NAT_DNAT_ONLY                                  dnat-only; with client_sessions > 0 client-side-nat too
 *   NAT_CLIENT_SIDE                                client-side-nat; with destination_translated dnat-only too
 *   NAT_NONE, NAT_UNKNOWN                          nothing
 * NAT_DNAT_ONLY needs a client whose own address arrives; where all clients come from behind routers of their own, the verdict
 * is NAT_CLIENT_SIDE.
 */
#ifndef VS_ANALYZE_NAT_H
#define VS_ANALYZE_NAT_H

#include "analyze/nat/nat_search.h"
#include "analyze/session/confidence.h"
#include "capture/frame.h"

enum { NAT_SERVERS_MAX = 512, NAT_SOURCES_MAX = 4096, NAT_HIDDEN_MAX = 64, NAT_HIDDEN_TOTAL = 16384, NAT_BACKENDS_MAX = 32,
       NAT_TRANSLATIONS_MAX = 1024, NAT_LOAD_BALANCERS_MAX = 64, NAT_PROBERS_MAX = 64, NAT_SOURCE_HASHES_MAX = 4, NAT_MAC = 6 };

/* Candidates that may be tried in all, and those of them for associations that were never established (a storm's). */
#define NAT_BUDGET_TOTAL UINT64_C(400000000)
#define NAT_BUDGET_HALF_OPEN UINT64_C(40000000)
/* ... and for one question. */
#define NAT_BUDGET_QUESTION UINT64_C(90000000)

/* Who speaks, by vendor ids (wire-facts 3.5). Only Windows is known never to send a wrong SOURCE hash on purpose. */
enum nat_maker { NAT_MAKER_UNKNOWN, NAT_MAKER_WINDOWS, NAT_MAKER_STRONGSWAN, NAT_MAKER_OTHER };

/* Whether an address is a direct neighbour of the server: by ARP, a netmask, or its own MAC address. */
enum nat_link { NAT_LINK_UNKNOWN, NAT_LINK_ON, NAT_LINK_OFF };

/* What the site's administrator said, or was recognised elsewhere. All of it is lent and outlives the nat. */
struct nat_settings {
    const struct nat_network *internal; size_t internal_count;       /* --internal */
    const struct address *vips; size_t vip_count;                    /* --vip */
    const struct address *backends; size_t backend_count;            /* --backend */
    const struct address *load_balancers; size_t load_balancer_count; /* their own addresses, where known */
    const struct address *publics; size_t public_count;              /* the clients' own public addresses, where known */
    uint64_t budget, half_open_budget, question_budget;              /* in candidates; 0: NAT_BUDGET_... */
};

/* Whether a message's hashes are those of the endpoints that it was seen with. */
enum nat_fit { NAT_FIT_NOT_COMPARED, NAT_FIT, NAT_FIT_NOT };

/* One IKE_SA_INIT message with its hashes, or as much of it as was seen. */
struct nat_message {
    bool seen;
    enum nat_maker maker;
    struct endpoint source, destination;      /* of the packet */
    uint8_t responder_spi[NAT_SPI];           /* in its own header */
    uint8_t source_count;                     /* NAT_DETECTION_SOURCE_IP notifies kept */
    bool source_more;                         /* there were more than NAT_SOURCE_HASHES_MAX */
    uint8_t sources[NAT_SOURCE_HASHES_MAX][NAT_HASH];
    bool has_destination; uint8_t destination_hash[NAT_HASH];
    enum nat_fit source_fit, destination_fit; /* when they were compared already */
    struct place place;
};

/* One association of IKE (once per association: not for retransmissions or a second vantage point). */
struct nat_ike_observation {
    uint8_t initiator_spi[NAT_SPI];
    uint32_t tunnel;                          /* layer of encapsulation that it was seen in, 0 none */
    struct nat_message request, response;     /* the last request that was answered; at least one of them is seen */
    bool established;
    uint16_t client_port;                     /* that the client goes on from after the first request; 0 unknown */
    int64_t first_ns, last_ns;                /* of the association, ESP included */
    uint8_t ttl;                              /* of the request; 0 unknown */
    enum nat_link link;                       /* request.source to the server */
    bool has_mac; uint8_t mac[NAT_MAC];       /* link address that the request came from */
};

/* One VPN login as RADIUS tells it (only VPN: Tunnel-Type or NAS-Port-Type Virtual). */
struct nat_radius_observation {
    struct address server;                    /* the VPN server: NAS-IP-Address or where the request came from */
    struct address client;                    /* Tunnel-Client-Endpoint, else Calling-Station-Id, when it is an address;
                                                 FAMILY_NONE */
    uint64_t user, computer;                  /* hashes of the user's name and MS-RAS-Client-Name; 0 unknown */
    int64_t first_ns, last_ns;
    struct place place;
};

/* One TCP connection that carries an SSTP tunnel, or is meant to (once: not for a second vantage point). Addresses that nobody
 * told are FAMILY_NONE. */
struct nat_sstp_observation {
    struct endpoint client, server;           /* of the packets */
    uint32_t layer;                           /* of encapsulation that it was seen in, 0 none */
    bool attempt;                             /* a tunnel is wanted, for sure; else only what proxies say counts */
    bool established;
    bool clear;                               /* without TLS: no client speaks so, a load balancer does */
    int64_t first_ns, last_ns;
    struct place place;
    struct endpoint proxied, proxied_to;      /* PROXY protocol header: the client and whom it called */
    bool balancer;                            /* the PROXY protocol header says that it speaks for itself (LOCAL) */
    struct endpoint forwarded;                /* X-Forwarded-For, Forwarded: the client */
    struct place proxied_place, forwarded_place;
    uint64_t computer, user;                  /* hashes of the names inside PPP; 0 unknown */
    uint8_t ttl;                              /* of the client's SYN; 0 unknown */
    bool schannel, linux_stack;               /* the ClientHello is Windows' own; the SYN is a Linux kernel's */
};

/* The same association seen with two pairs of addresses. */
struct nat_translation {
    struct endpoint source[2], destination[2]; /* of the initiator's packet, at either point */
    struct place place[2];
    uint32_t tunnel[2];
    bool ordered;                              /* [0] was surely sent before [1]: one clock */
};

/* A kind of translation, once, with how often it was seen; [0] is the client's side of the translator. */
struct nat_proven {
    struct nat_translation first;
    uint64_t count;
    bool source_changed, destination_changed;  /* addresses; ports may in any case */
};

enum nat_kind { NAT_SNAT, NAT_DNAT_ONLY, NAT_CLIENT_SIDE, NAT_NONE, NAT_UNKNOWN };

enum { NAT_EVIDENCE_MAX = 10, NAT_WHAT = 220, NAT_RECOVERED_MAX = 64, NAT_REASON = 400 };

/* backend: real is the server's own address, seen the virtual one that it answered from. */
struct nat_recovered { struct endpoint seen, real; const char *how; /* constant */ struct place place; bool backend; };
struct nat_evidence { struct place place; bool destination; /* about it, not about the source */ char what[NAT_WHAT]; };

struct nat_verdict {
    enum nat_kind kind;
    enum confidence confidence;
    struct address server; uint32_t tunnel;
    struct address source;         /* NAT_SNAT: the address that hides most sessions; FAMILY_NONE when it was not recovered */
    uint32_t sources;              /* NAT_SNAT: how many addresses hide others */
    uint64_t sessions;             /* that the verdict rests on */
    uint64_t hidden_clients;       /* a lower bound; 0 unknown */
    uint64_t sessions_all;         /* of this server */
    uint64_t tunnels;              /* of them SSTP's */
    bool sstp_only;                /* neither IKE nor RADIUS told of this server */
    bool proxied;                  /* NAT_SNAT: shown by what a load balancer writes in front of or into the stream */
    uint64_t client_sessions;      /* behind a translator of the client's own side */
    bool destination_translated; enum confidence destination_confidence; /* whatever the verdict on sources */
    uint64_t destination_sessions; /* whose destination was translated */
    uint64_t undecided_sessions;   /* that prove nothing, e.g. a hash that may be wrong on purpose */
    bool undecided_site;           /* all of them are of clients of the site itself, who were recovered */
    struct nat_recovered recovered[NAT_RECOVERED_MAX]; size_t recovered_count; uint64_t recovered_total;
    struct nat_evidence evidence[NAT_EVIDENCE_MAX]; size_t evidence_count;
    char reason[NAT_REASON];       /* NAT_UNKNOWN: why, and where to capture instead. Else what remains open; "" nothing */
};

struct nat_counters {
    uint64_t servers_dropped, sources_dropped; /* given up or not taken to stay in bounds */
    uint64_t searches, found, candidates;      /* of hashes */
    uint64_t searches_cut;                     /* not made or broken off for want of budget */
    uint64_t translations_dropped;
};

struct nat;

/* NULL when memory is short. Settings' arrays are lent. */
struct nat *nat_new(const struct nat_settings *settings);
void nat_free(struct nat *n);

void nat_add_ike(struct nat *n, const struct nat_ike_observation *o);
/* It may be counted only when something else is added or asked. */
void nat_add_radius(struct nat *n, const struct nat_radius_observation *o);
void nat_add_sstp(struct nat *n, const struct nat_sstp_observation *o);
/* A regular series of connections that want no tunnel: a load balancer or monitor made them. */
void nat_add_probes(struct nat *n, const struct address *from, const struct address *server, uint64_t count);
/* All of them will be told anew. */
void nat_forget_probes(struct nat *n);
/* True for the cipher suites that Windows' Schannel offers unless configured, as JA4 names them. */
bool nat_is_schannel(const char *ja4);
void nat_add_translation(struct nat *n, const struct nat_translation *t);
/* An address was recognised as a load balancer's own (it probes servers, for instance). */
void nat_add_load_balancer(struct nat *n, const struct address *a);

/* Makes the searches that waited, and counts the verdicts: one a server, in order of address. May be called again after more
 * was added. */
size_t nat_verdicts(struct nat *n);
/* The same without searches: for now. */
size_t nat_verdicts_so_far(struct nat *n);
/* Verdict i of the last count; false past the end. */
bool nat_verdict_at(const struct nat *n, size_t i, struct nat_verdict *out);

size_t nat_proven_count(const struct nat *n);
const struct nat_proven *nat_proven_at(const struct nat *n, size_t i); /* in order of first sight */
void nat_get_counters(const struct nat *n, struct nat_counters *out);

const char *nat_kind_name(enum nat_kind kind); /* "snat", "dnat-only", "client-side-nat", "none", "unknown" */

#endif
