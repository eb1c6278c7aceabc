/* What analysis*.c share: its parts, and how sessions are read back. */
#ifndef VS_ANALYZE_ANALYSIS_INTERNAL_H
#define VS_ANALYZE_ANALYSIS_INTERNAL_H

#include "analyze/analysis.h"
#include "analyze/finding/chain_counts.h"
#include "analyze/finding/uneventful.h"
#include "analyze/nat/nat_feed.h"
#include "analyze/nic/dns_answers.h"
#include "analyze/nic/nic.h"
#include "analyze/session/link.h"
#include "analyze/session/probes.h"
#include "analyze/session/services.h"
#include "analyze/session/sessions.h"
#include "analyze/session/tls_sights.h"
#include "analyze/finding/verdict.h"

enum { PROTOCOLS_MAX = 256, PROTOCOL_NAME = 48, CAPTURES_MAX = 4096 };

/* The first sessions of one kind, by the id of their first exchange. */
struct listing {
    uint32_t ids[SESSIONS_LISTED], numbers[SESSIONS_LISTED];
    size_t count;
};

struct analysis {
    struct analysis_options options;
    struct chains *chains;
    struct servers *servers;
    struct track *track;
    struct links *links;
    struct spool *spool;
    struct findings *findings;
    struct uneventful_logins *uneventful;
    struct chain_counts *counts;
    struct tls_sights *sights; /* NULL with one capture */
    struct digests *digests;
    struct nat *nat;
    struct nat_feed *nat_feed;
    struct services *services; /* whose TCP connections are sessions */
    struct probes *probes;
    struct balance *balance;
    bool balancing; /* sessions read are told to it */
    struct dns_answers *dns;
    struct nic *nic;
    struct capture_report *captures;
    size_t capture_count;
    struct protocol_count protocols[PROTOCOLS_MAX];
    char protocol_names[PROTOCOLS_MAX][PROTOCOL_NAME]; /* own copies: the dissector's go with it */
    size_t protocol_count;
    struct dissect_counters counters;
    struct analysis_totals totals;
    struct rule_input input;
    struct listing failed, others;
    char verdict[VERDICT_MAX];
    struct analysis_watcher watcher; /* all zero: nobody listens */
    struct failed_logins *failed_logins; /* NULL: nobody listens */
    bool going; /* an exchange is shown that goes on */
    uint64_t open; /* conversations */
    uint32_t ended_id, ended_head; /* the exchange that ended last, and the one that it is kept under */
    bool losing;
    bool tunnels, logins; /* that attempts.h may join were seen */
    bool linked; /* a session has several exchanges, or copies of one */
};

/* Frees the texts of the captures. */
void analysis_free_captures(struct analysis *a);

/* Names the servers of the options. */
void analysis_name_services(const struct analysis *a, struct services *s);

/* Settled probes tell where load balancers are. */
void analysis_tell_probers(const struct probes *p, struct nat *n);

/* Of its interfaces' drop counters. */
void analysis_count_lost(struct capture_report *c);

void analysis_add_counters(struct dissect_counters *sum, const struct dissect_counters *c);

/* For who watches: an exchange has ended and was kept. */
void analysis_exchange_ended(struct analysis *a, struct exchange *x);

/* What rules may look at, as it is now. */
void analysis_fill_input(struct analysis *a);

/* What the captures as a whole show of a connection that by itself is unsure: whether it is a session. */
bool analysis_counts(const struct analysis *a, struct session_build *b);

/*
 * Reads a session and, when it is one, calls each for it as number *number + 1; the rules run first, so that its findings
 * are known. *go_on is what each says. False when the spool cannot be read.
 */
typedef bool build_fn(struct analysis *a, struct session *s, void *ctx);
bool analysis_pass(struct analysis *a, uint32_t id, uint32_t *number, build_fn *each, void *ctx, bool *go_on);

#endif
