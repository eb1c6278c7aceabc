/*
 * How evenly connections are spread over the VPN servers behind a load balancer or a name (backends). Told of every session when
 * the captures are over; keeps one small record of each, up to BALANCE_RECORDS_MAX, and counts the others. wire-facts 7.3, 12.2.
 *
 * What is counted: one per attempt of one client. Retransmissions, rekeys, moves and vantage points are one session already; an
 * attempt that follows one of the same client at the same backend is a reconnect: within a minute, or within ten seconds where
 * that one was up and the address alone says that it is the same client. Probes are no sessions.
 */
#ifndef VS_ANALYZE_BALANCE_H
#define VS_ANALYZE_BALANCE_H

#include "analyze/balance/choices.h"
#include "analyze/nat/nat.h"
#include "analyze/nic/dns_answers.h"
#include "analyze/session/probes.h"
#include "analyze/session/services.h"
#include "analyze/session/session.h"

enum { BALANCE_NAMED_MAX = 256, BALANCE_NAME = 64, BALANCE_BACKENDS_MAX = STATISTICS_MAX, BALANCE_RECORDS_MAX = 1 << 17,
       BALANCE_RESULTS_MAX = 24, BALANCE_OUTAGES_MAX = 64, BALANCE_WINDOWS_MAX = 2048, BALANCE_WINDOWS_USUAL = 24 };

#define BALANCE_WEIGHT_LEAST 0.001
#define BALANCE_WEIGHT_MOST 1e6

/* --backend ADDR[=NAME][*WEIGHT] */
struct balance_named {
    struct address address;
    char name[BALANCE_NAME]; /* "" none */
    double weight;
};

struct balance_settings {
    const struct balance_named *named; size_t named_count; /* lent; without any, backends are found */
    const struct address *vips; size_t vip_count;          /* lent */
    int64_t window_ns;                                     /* 0: chosen by the span of time */
};

enum balance_protocol { BALANCE_ALL, BALANCE_SSTP, BALANCE_IKEV2, BALANCE_RADIUS, BALANCE_OTHER /* L2TP, PPTP: within ALL only */ };
const char *balance_protocol_name(enum balance_protocol p); /* "all" ... as in the schema */

enum balance_alive { BALANCE_UNKNOWN, BALANCE_ALIVE, BALANCE_DEAD };

struct balance_backend {
    struct address address;
    const char *name;           /* NULL: none was given */
    double weight;
    uint64_t attempts;          /* established + failed + unanswered + those that were not seen to the end */
    uint64_t established, failed, unanswered;
    uint64_t judged;            /* of attempts: but for first packets that nothing came of; the verdict is about them */
    uint64_t reconnects;        /* not in attempts */
    uint64_t carried;           /* had begun before the capture; not in attempts */
    uint64_t clients;           /* distinct ones, by address, and user or computer where known; those of `nameless` apart */
    uint64_t nameless;          /* attempts of whose client nothing is known but a load balancer's address */
    bool has_peak;              /* RADIUS: only with accounting */
    uint64_t peak_concurrent;   /* tunnels up at a time */
    uint64_t bytes;             /* payload of ESP, of TCP */
    double share;               /* of all attempts, 0..1 */
    enum balance_alive alive;   /* at the end */
};

/* Why connections are spread unevenly: bits. */
enum balance_why {
    BALANCE_WHY_STICKY = 1,    /* few sources make many connections each, and each keeps to its backend */
    BALANCE_WHY_DEAD = 2,      /* without the backends that do not answer it is not uneven */
    BALANCE_WHY_STEADY = 4,    /* the shares are the same over time, as fixed weights make them */
    BALANCE_WHY_PROBES = 8,    /* probes of a backend that got less than its part fail */
    BALANCE_WHY_LATE = 16,     /* a backend got its first connection long after the others */
    BALANCE_WHY_DNS = 32       /* clients choose: DNS gives them several of the backends for one name */
};
enum { BALANCE_WHYS = 6 };
const char *balance_why_name(enum balance_why one); /* "stickiness", "dead-backend", "steady-shares" ... */

/* One backend in one window of time: attempts that began then, and how those ended, whenever that was. */
struct balance_cell {
    uint32_t attempts, established, failed, unanswered;
    uint32_t clients; /* distinct ones, as above */
    uint32_t peak;    /* tunnels up at a time; not of RADIUS */
};

/* One protocol over one group of backends. Owned by the balance. */
struct balance_result {
    enum balance_protocol protocol;
    bool radius;                    /* basis: logins of NASes; else tunnels */
    const struct balance_backend *backends; size_t backend_count; /* in order of address */
    uint64_t connections;           /* sum of attempts */
    uint64_t hidden;                /* attempts from a load balancer's own address: each counts as a choice of its own */
    uint64_t unattributed;          /* attempts at a virtual address, of which nothing tells the backend */
    uint64_t unnamed;               /* attempts at servers that are not among the named backends; 0 when none are named */
    struct choice_judgement judgement;
    unsigned why;                   /* enum balance_why; of a judgement that is uneven, or would be but for stickiness */
    struct place first;             /* of its first attempt, for evidence */
    int64_t window_start_ns, window_ns; size_t window_count;
    const struct balance_cell *windows; /* [window * backend_count + backend] */
};

/* A time in which one backend did not answer while another did. */
struct balance_outage {
    struct address address; const char *name;
    unsigned protocols;             /* bit: 1 << enum balance_protocol */
    uint64_t attempts, clients;     /* in vain; clients: 2 means two or more */
    bool hung;                      /* the port answers, the service behind it does not */
    struct place first, last;       /* of them */
    struct place answered;          /* last that was answered before; frame 0: none was */
    struct place back;              /* first that was answered again; frame 0: none */
    struct address witness;         /* another backend that answered meanwhile */
    struct place witness_place;
};

/* What others know. All lent. */
struct balance_others {
    const struct nat *nat;
    const struct probes *probes;
    const struct services *services;
    const struct dns_answers *dns; /* may be NULL */
};

struct balance;

struct balance *balance_new(const struct balance_settings *settings); /* NULL when memory is short */
void balance_free(struct balance *b);

/* A RADIUS login that a VPN server asks for, as its attributes tell; access points and switches are not to be balanced. */
bool balance_is_vpn_login(const struct exchange *x);

/* A RADIUS login that may not be looked at again (uneventful.h): noted as it ends. */
void balance_note(struct balance *b, const struct exchange *x);

/* An Accounting-Request: tells how many tunnels of a VPN server are up. */
void balance_account(struct balance *b, const struct radius_event *e);

/*
 * No more exchanges come: which addresses are virtual, and who hides clients, is known from here on. The others are settled,
 * and lent until balance_settle returns.
 */
void balance_open(struct balance *b, const struct balance_others *others);
/* A session, in order of number; exchanges: its own, with all copies of one. */
void balance_session(struct balance *b, const struct session *s, struct exchange *const *exchanges, size_t count);
/* The noted login with that id is a session by itself. */
void balance_noted(struct balance *b, uint32_t id);
void balance_settle(struct balance *b);

/*
 * Of one that is never opened or settled, while sessions still come: each result as balance_results has it, with attempts by backend
 * and their evenness alone; lent for the call. Takes as long as sorting all records. False when memory is short.
 */
typedef void balance_look_fn(void *ctx, const struct balance_result *r);
bool balance_look(const struct balance *b, const struct balance_others *others, balance_look_fn *each, void *ctx);

/* Likewise, for backends that do not answer: `look` is called once with a copy of which balance_outages tells them. */
typedef void balance_outages_fn(void *ctx, const struct balance *copy);
bool balance_look_outages(const struct balance *b, const struct balance_others *others, balance_outages_fn *look, void *ctx);

/* How many sessions it keeps; and all but so many of the last ones are forgotten, of one that is never opened. */
size_t balance_kept(const struct balance *b);
void balance_forget(struct balance *b, size_t left);

/* Afterwards: groups of backends in order of address, of each the protocols in order. */
const struct balance_result *balance_results(const struct balance *b, size_t *count);
const struct balance_outage *balance_outages(const struct balance *b, size_t *count); /* in order of time */
uint64_t balance_left_out(const struct balance *b); /* sessions beyond BALANCE_RECORDS_MAX, or BALANCE_BACKENDS_MAX */

#endif
