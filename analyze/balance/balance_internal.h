/* The records of connections, and the stages that they pass: fed, grouped, counted. For analyze/balance/ only. */
#ifndef VS_ANALYZE_BALANCE_INTERNAL_H
#define VS_ANALYZE_BALANCE_INTERNAL_H

#include "analyze/balance/accounting.h"
#include "analyze/balance/balance.h"
#include "dissect/crypto/digest.h"

enum { BALANCE_KNOWN_MAX = 64, BALANCE_GROUP_NONE = 0xffff };

enum record_flag {
    RECORD_COUNTED = 1,   /* a session; of noted logins not all are one */
    RECORD_REACHED = 2,   /* the service spoke with the client */
    RECORD_SILENT = 4,    /* nothing came back */
    RECORD_HUNG = 8,      /* the port is open, the service does not answer */
    RECORD_CARRIED = 16,  /* begun before the capture */
    RECORD_RECONNECT = 32,
    RECORD_HIDDEN = 64,   /* the source is a load balancer's; `source` stands for the connection */
    RECORD_OPEN = 128     /* a tunnel whose end is not in the capture: silent, it may still stand */
};

/* One connection. */
struct record {
    int64_t start_ns, end_ns;
    uint64_t source, person; /* hashes; person 0: unknown */
    uint64_t bytes, frame;
    uint32_t id, capture;
    uint16_t backend;        /* index into balance.servers */
    uint8_t protocol, outcome, flags;
};

/* An address that connections were made to. */
struct balance_server {
    struct address address;
    uint16_t named;          /* index into settings.named, or BALANCE_GROUP_NONE */
    bool vip;
    uint16_t group[2];       /* of tunnels, of RADIUS; BALANCE_GROUP_NONE: in none */
    uint16_t place[2];       /* within the group */
    bool dead;               /* at the end */
};

struct balance {
    struct balance_settings settings;
    struct digests *digests;
    struct accounting *accounting;
    struct record *records;
    size_t count, room;
    struct record **by_client; /* of the group stage: they in the order of record_client; NULL when memory is short */
    uint64_t left_out;
    size_t noted;            /* records up to here are of balance_note, by id from balance_open on */
    size_t next_noted;
    struct balance_server servers[BALANCE_BACKENDS_MAX];
    size_t server_count;
    struct address vips[BALANCE_KNOWN_MAX];      /* virtual addresses, as far as captures show */
    size_t vip_count;
    struct endpoint behind[BALANCE_KNOWN_MAX];   /* backends that may be behind one */
    size_t behind_count;
    struct address hiders[BALANCE_KNOWN_MAX];    /* load balancers that put their own address in place of clients' */
    size_t hider_count;
    struct balance_others others;
    struct balance_result results[BALANCE_RESULTS_MAX];
    size_t result_count;
    struct balance_outage outages[BALANCE_OUTAGES_MAX];
    size_t outage_count;
};

/* The server's entry; BALANCE_GROUP_NONE when there are too many. */
uint16_t balance_server_of(struct balance *b, const struct address *a);

static inline bool record_is_radius(const struct record *r)
{
    return r->protocol == BALANCE_RADIUS;
}

/* Who it was, as far as known. */
static inline uint64_t record_client(const struct record *r)
{
    return r->person != 0 && (r->flags & RECORD_HIDDEN) == 0 ? r->source ^ r->person : r->person != 0 ? r->person : r->source;
}

static inline bool record_is_attempt(const struct record *r)
{
    return (r->flags & (RECORD_CARRIED | RECORD_RECONNECT)) == 0;
}

static inline bool record_is_nameless(const struct record *r)
{
    return (r->flags & RECORD_HIDDEN) != 0 && r->person == 0;
}

/* What one result is counted from. */
struct tally {
    struct balance *b;
    struct balance_result *result;
    struct balance_backend *backends;
    struct balance_cell *cells; /* of result->windows */
    size_t n;
    uint16_t group;
    int class;
    enum balance_protocol protocol;
    struct choice *choices;
    size_t choice_count;
    int64_t first_ns, last_ns;        /* of attempts */
    int64_t begun[BALANCE_BACKENDS_MAX]; /* of a backend's first attempt */
};

/* balance_windows.c. It is of this result; *at: whose. */
bool tally_has(const struct tally *t, const struct record *r, size_t *at);
/* Makes the result's windows and counts attempts, how they ended and their clients, those of backends as well; needs first_ns and
 * last_ns. False: memory is short. */
bool tally_windows(struct tally *t);
/* How many tunnels of a backend are up at most at a time, in all and in each window. room: for as many as there are records. */
uint64_t tally_peaks(struct tally *t, size_t backend, int64_t *room);

/* balance_group.c: sorts records by time, marks reconnects, and says which servers are one group. Returns the number of groups. */
size_t balance_group(struct balance *b);
/* DNS gives both addresses for one name. */
bool balance_same_name(const struct balance *b, const struct address *one, const struct address *other);
/* balance_outages.c: needs groups. */
void balance_find_outages(struct balance *b);
/* balance_count.c: makes the results of a group of tunnels (radius: of NASes). */
void balance_count_group(struct balance *b, uint16_t group, bool radius);

#endif
