/* What the files of this room share. */
#ifndef VS_ANALYZE_NAT_INTERNAL_H
#define VS_ANALYZE_NAT_INTERNAL_H

#include "analyze/nat/nat.h"

#define NAT_NOBODY UINT32_MAX

enum { NAT_INTERVALS = 16, NAT_USERS = 32, NAT_PENDING = 8, NAT_SERVER_PENDING = 4, NAT_VIPS = 4, NAT_TABLE = 8192,
       NAT_ANSWERS = 256, NAT_HINTS = 256, NAT_PROVEN_TABLE = 2 * NAT_TRANSLATIONS_MAX };

/* What a hash says about whom. */
enum nat_about {
    NAT_CLIENT_SELF,   /* SOURCE of the request: the client's own address */
    NAT_SERVER_TARGET, /* DESTINATION of the request: the address that the client called */
    NAT_SERVER_SELF,   /* SOURCE of the answer: the server's own address */
    NAT_CLIENT_SEEN,   /* DESTINATION of the answer: what the server saw as the client */
    NAT_BY_TRANSLATION, /* no hash: seen on both sides */
    NAT_BY_PROXY,       /* PROXY protocol header */
    NAT_BY_FORWARDED    /* X-Forwarded-For, Forwarded */
};

/* A hash that waits to be searched in depth. */
struct nat_pending {
    struct nat_question question;
    struct endpoint seen, other;      /* the endpoint observed where the hash's was expected; the other end */
    struct place place;
    enum nat_about about;
    bool established;
    struct address near;              /* where to look first; FAMILY_NONE */
};

/* A recovered address. */
struct nat_hidden {
    struct endpoint seen, real;
    struct place place;
    enum nat_about about;
    uint64_t sessions;
};

struct nat_interval { int64_t first, last; uint16_t port; /* of the client; 0 unknown */ };

/* Different names, by their hashes; grown as they come. */
struct nat_names {
    uint64_t *list;
    uint8_t count, room;
};

/* SSTP tunnels from one address at one server. */
struct nat_tunnels {
    uint64_t attempts, established;
    uint64_t clear;                   /* attempts without TLS */
    uint64_t contradictions;          /* Windows' TLS over the TCP of a Linux kernel */
    uint64_t proxied, forwarded;      /* that name another client */
    uint64_t proxied_same, forwarded_same; /* that name the address that is seen */
    struct place first, contradiction, clear_place, proxied_place, forwarded_place, name;
    bool has_ttl; uint8_t near_ttl, far_ttl; /* of SYNs that passed least and most routers */
    struct nat_names users, computers; /* at most NAT_USERS each */
    struct nat_named_interval { int64_t first, last; uint64_t computer; } intervals[NAT_INTERVALS];
    uint8_t interval_count;
    uint32_t concurrent;              /* established tunnels */
    uint32_t computers_at_once;       /* whose names are known */
};

/* All that was seen from one address at one server. What few have is made when it is needed: the memory of thousands that
 * only logged in by RADIUS is mostly what it costs to take them in. */
struct nat_source {
    struct address address;
    bool used;
    uint32_t server;                  /* index */
    uint32_t next_hash, previous, next; /* chain of the table; list of the server's sources */
    uint64_t logins;                  /* of RADIUS */
    struct place login;
    struct nat_names users, computers; /* at most NAT_USERS each */
    enum nat_link link;
    bool has_mac; uint8_t mac[NAT_MAC];
    uint8_t ttl_least, ttl_most;      /* 0: none seen */
    uint64_t sessions, established;   /* of IKE */
    /* the client's own hash against what was observed */
    uint64_t matches, mismatches_windows, mismatches_other;
    uint64_t target_differs;          /* of the mismatches: the destination's hash differs too */
    /* what the server saw of the client against what was observed */
    uint64_t seen_same, seen_other;
    uint64_t port_only;               /* address kept, port changed */
    uint64_t translated;              /* pairs of a proven translation whose server's side this is */
    enum confidence translated_as; bool translated_snat, translated_client;
    struct place first, match, mismatch, seen_same_place, seen_other_place;
    struct nat_hidden *hidden; uint32_t hidden_count, hidden_room; uint64_t hidden_more; /* sessions whose address had no room */
    struct nat_pending *pending; uint8_t pending_count; /* NAT_PENDING when there are any */
    uint32_t searches, half_open_searches, cut; /* cut: for want of budget */
    uint32_t vain;                    /* searches in depth that found nothing */
    struct nat_interval *intervals; uint8_t interval_count; uint32_t concurrent; /* NAT_INTERVALS when there are any */
    struct nat_tunnels *tunnels;      /* NULL without */
};

struct nat_server {
    struct address address;
    uint32_t tunnel;
    bool used, answered;              /* answered: it lives */
    uint32_t first_source, last_source;
    uint64_t sessions, logins, logins_without_address, tunnels; /* of IKE; of RADIUS; of SSTP */
    uint64_t no_hashes, no_request, no_response; /* sessions that lack hashes at all, or one side */
    uint64_t target_same, target_other, self_same, self_other_windows, self_other;
    struct place first, target_same_place, target_other_place, self_other_place;
    struct nat_hidden vips[NAT_VIPS]; uint8_t vip_count;     /* what clients call */
    struct nat_hidden backends[NAT_BACKENDS_MAX]; uint8_t backend_count; /* who answers, seen from outside */
    uint32_t self_searches, target_searches;
    struct nat_pending pending[NAT_SERVER_PENDING]; uint8_t pending_count;
    uint64_t folded_sources, folded_sessions, folded_public; /* sources given up or not taken */
};

/* Every distinct question is asked once in each round. */
struct nat_answer {
    struct nat_question question;
    struct endpoint real;
    bool used, found;
    uint8_t round;                    /* asked up to here */
};

/* A login that waits, and where its source probably is; NAT_NOBODY: not known. */
enum { NAT_LOGINS_WAITING = 4 /* a power of two */ };
struct nat_login {
    struct nat_radius_observation o;
    uint32_t bucket, source;
};

struct nat {
    struct nat_settings settings;
    struct digests *digests;
    struct nat_server *servers;
    struct nat_source *sources; uint32_t source_room, source_count; /* source_count: ever used, from the front */
    uint32_t table[NAT_TABLE];
    uint32_t hand, server_hand, server_count;
    uint32_t spared; int least_worth; /* sources that the hand passed by since one was put in or taken out; the least of them */
    uint32_t hidden_total;
    struct address balancers[NAT_LOAD_BALANCERS_MAX]; size_t balancer_count;
    struct nat_prober { struct address address; uint64_t probes; } probers[NAT_PROBERS_MAX]; size_t prober_count;
    uint16_t hints[NAT_HINTS];        /* where a server was found last, by its hash */
    struct nat_proven *proven; size_t proven_count;
    uint16_t proven_table[NAT_PROVEN_TABLE]; /* index + 1; open addressing */
    struct nat_answer answers[NAT_ANSWERS];
    struct nat_login logins[NAT_LOGINS_WAITING]; uint32_t logins_in, logins_out; /* how many were put in and taken out */
    uint64_t budget, half_open;
    struct address found_last;        /* behind a translator, a client's; homes of one kind are numbered alike */
    struct nat_counters counters;
    uint32_t order[NAT_SERVERS_MAX]; size_t order_count;
};

/* nat_store.c: tables. Both may return NULL: the ceiling is reached (counted). `worth` is more for what must not be lost. */
struct nat_server *nat_server_of(struct nat *n, const struct address *a, uint32_t tunnel, bool answered);
struct nat_source *nat_source_of(struct nat *n, struct nat_server *s, const struct address *a, bool established);
void nat_source_forget(struct nat *n, uint32_t index);
/* The bucket of n->table where a source is, if it is known; brings it near. NAT_NOBODY: the server is not known. */
uint32_t nat_bucket_soon(const struct nat *n, const struct address *server, const struct address *a);
/* Counts a recovered address; an example of each is kept. False when it was known. */
bool nat_source_hide(struct nat *n, struct nat_source *s, const struct nat_hidden *h);
bool nat_list_hide(struct nat_hidden *list, uint8_t *count, size_t room, const struct nat_hidden *h);

/* nat_settle.c: questions. */
/* Quick at once; in depth when all is known, every question on its likeliest port before any on the others. */
enum nat_round {
    NAT_ROUND_QUICK,
    NAT_ROUND_NEAR, /* quick once more, since neighbours were found */
    NAT_ROUND_FIRST_PORT,
    NAT_ROUND_OTHER_PORTS
};
/* Looks for the endpoint that a hash stands for. */
enum nat_search_result nat_ask(struct nat *n, const struct nat_pending *p, const struct nat_server *s, enum nat_round round,
                               struct endpoint *real);
void nat_settle(struct nat *n);
/* Puts the answer where it belongs. */
void nat_learn(struct nat *n, struct nat_server *s, struct nat_source *from, const struct nat_pending *p,
               const struct endpoint *real);

/* nat_source.c: the table of wire-facts 9.1, and 9.4. */
enum nat_source_kind { NAT_SOURCE_SILENT, /* shows nothing */ NAT_SOURCE_CLEAN, NAT_SOURCE_INTERNAL, NAT_SOURCE_CLIENT, NAT_SOURCE_SNAT,
                       NAT_SOURCE_UNDECIDED };
struct nat_view {
    enum nat_source_kind kind;
    enum confidence confidence;
    enum nat_about about;         /* what it rests on */
    uint64_t sessions;
    const char *why;              /* constant: goes on after "198.51.100.7 " */
    bool site;                    /* undecided because it hides clients of the site itself */
    struct place place;
};
/* What all sources of a server have in common. */
struct nat_crowd {
    uint64_t public_sources;
    bool one_pool;                /* all public sources lie in one /28 (IPv4), and none of them is a client itself */
    uint64_t pool_computers;      /* distinct addresses recovered behind them */
    bool pool_unrelated;          /* ... of networks that have nothing to do with each other */
    bool sound;                   /* some hash fits, or stands for an address that was found: they can be relied on */
};
void nat_look_around(const struct nat *n, const struct nat_server *s, struct nat_crowd *out);
void nat_judge_source(const struct nat *n, const struct nat_server *s, const struct nat_source *f, const struct nat_crowd *crowd,
                      struct nat_view *out);
/* On the client's side of the way: a private client calls a public address, and the server did not see it as it is. */
bool nat_at_client(const struct nat_server *s, const struct nat_source *f);
bool nat_is_balancer(const struct nat *n, const struct address *a);
bool nat_is_internal(const struct nat *n, const struct address *a);
bool nat_is_one_of(const struct address *list, size_t count, const struct address *a);
/* A neighbour of the server, for certain or (private, in its /24) as good as. */
bool nat_is_neighbour(const struct nat_server *s, const struct nat_source *f);
bool nat_same_24(const struct address *a, const struct address *b);

/* What was recovered behind a source. */
struct nat_behind { uint64_t privates, publics; struct place place; };
struct nat_behind nat_look_behind(const struct nat_source *f, enum nat_about about);
void nat_view_set(struct nat_view *v, enum nat_source_kind kind, enum confidence sure, const char *why);

/* nat_logins.c: counts the logins that wait; before anything else is added or asked. */
void nat_take_logins(struct nat *n);

/* nat_add.c */
void nat_keep_name(struct nat_names *names, uint64_t name);
void nat_keep_place(struct place *at, const struct place *p);

/* nat_tunnels.c: what SSTP shows. */
void nat_judge_tunnels(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v);
void nat_judge_proxied(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v);
void nat_judge_forwarded(const struct nat *n, const struct nat_server *s, const struct nat_source *f, struct nat_view *v);
/* Routers that a packet passed, by its TTL. */
uint8_t nat_hops(uint8_t ttl);
uint64_t nat_probes_of(const struct nat *n, const struct address *a);
void nat_tunnels_free(struct nat_tunnels *t);

#endif
