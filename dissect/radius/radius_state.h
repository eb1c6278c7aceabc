/* Inside of the RADIUS layer: its two tables, requests and logins. Items are numbered from 1; 0 is none. */
#ifndef VS_RADIUS_RADIUS_STATE_H
#define VS_RADIUS_RADIUS_STATE_H

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/index.h"
#include "dissect/radius/radius_layer.h"

enum { STATE_KEPT = 64, LOGIN_STATES = 2, LOGIN_KEYS = LOGIN_STATES + 1, LOGIN_GUESS = LOGIN_STATES, ITEMS_PER_LOGIN = 4 };

/* What was looked up for a request before it was read: the login of the State that stands where its client puts it. */
struct ahead {
    struct pair *pair;   /* NULL: nothing was */
    struct span state;   /* its data NULL: no State stands there */
    struct login *login; /* NULL: of none that is known */
    const struct address *issuer;
};

/* A doubly linked list of items, the least recently used first. */
struct list {
    uint32_t head, tail;
};
struct links {
    uint32_t prev, next;
};

/* A cache line, since an identifier comes again when its request has long left the cache. */
struct request {
    uint8_t code;
    bool waiting;  /* on the list of those that wait; else on the other */
    bool answered;
    bool told;     /* its silence was told */
    uint32_t transmissions;
    uint32_t login, login_id; /* item and serial: the item may have been given to another login since */
    uint8_t authenticator[16];
    int64_t since_ns; /* last activity, for the lists */
    struct place first;
};

/* The rest of it, which usual packets do not ask for. */
struct asked {
    uint64_t rest;     /* of its key */
    struct endpoint client, server;
    struct place last; /* with more than one transmission; else it is the first */
};

/*
 * The requests of a client at a server (IPv4, in no tunnel) by identifier: one that comes again, or its answer, is found without
 * a look into the index. Whose place is taken by another such pair stays with the index; so does what has 0 here.
 */
enum { PAIRS = 256 /* a power of two */, IDENTIFIERS = 256 };
struct pair {
    uint64_t low, high;   /* as in struct packet_ends; 0: free */
    bool client_low;      /* the client is the low end */
    int16_t state_at;     /* where its requests have their State: from their beginning, from their end if negative; 0 unknown */
    uint32_t used;        /* of items */
    uint32_t items[IDENTIFIERS];
};

enum { KEYED_BITS = 13, KEYED = 1 << KEYED_BITS }; /* far more than the keys of the logins that are under way at a time, mostly */

/* A State that a challenge issued, or what stands for one that was not seen. */
struct login_key {
    uint64_t quick;  /* of its first and last bytes: where it stands in `keyed`; 0: none */
    uint64_t hash;   /* of all: where it stands in the index; 0: it stands in `keyed` */
    uint64_t check;
    struct address server;
    uint8_t len;
    uint8_t bytes[STATE_KEPT]; /* the State's beginning; what is longer is told apart by `check` */
};

struct login {
    struct conversation pub;
    struct radius_layer *layer;
    struct eap *eap;     /* NULL until the first EAP-Message; then kept for the next login in this slot */
    int64_t since_ns;    /* last activity */
    int64_t listed_ns;   /* that when it was put at the end of the list; a little less than since_ns is near enough */
    struct place last;   /* its last packet */
    uint64_t who;        /* its key in who_index, made of User-Name and Calling-Station-Id; 0: in no index */
    uint32_t tunnel;
    bool used;
    bool has_eap;        /* an EAP-Message was seen */
    bool named;          /* a request of it was seen; `who` was tried */
    bool expects;        /* the EAP identifier that its next response should have is known */
    uint8_t expected;
    uint8_t identifier;  /* RADIUS identifier of its last packet */
    uint8_t newest;      /* of keys[0 .. LOGIN_STATES - 1] */
    struct login_key keys[LOGIN_KEYS];
    struct links links;
};

struct radius_layer {
    const struct secrets *secrets;
    const size_t *secret_count; /* of secrets */
    struct tls_context *tls;
    struct digests *digests;
    struct event_sink sink;
    struct radius_layer_counters counters;

    struct request *requests;      /* [0] is unused */
    struct asked *asked;           /* of each */
    struct links *request_links;   /* of each; apart, since the neighbours of one are others. The first and the last ones
                                      stand for the lists of those that wait and of the settled */
    void *request_memory, *asked_memory; /* where they lie */
    struct index request_index;
    struct pair *pairs;            /* PAIRS of them */
    uint32_t request_room, requests_used, request_free; /* used: entries ever taken; request_free: chain through links.next */

    struct login *logins;      /* [0] is unused */
    struct radius_stretch *stretches; /* of each; apart, since only requests touch them */
    void *login_memory, *stretch_memory; /* where they lie */
    uint32_t *keyed;           /* KEYED places, each for one key; item: login * ITEMS_PER_LOGIN + key, 0: free */
    struct index login_index;  /* the same items, of keys whose place there was taken */
    struct index who_index;    /* items: login; as many of one user as find room */
    uint32_t login_room, logins_used, login_free, logins_open;
    struct list open;

    struct place place;             /* of the packet at hand */
    int64_t now_ns;                 /* as radius_layer_time was told */
    int64_t began_ns;               /* when it was told first; INT64_MIN: not yet */
    int64_t active_ns;              /* when the packet at hand came: its own time unless that lies behind now_ns */
    struct radius_keys keys;        /* of the event at hand */
    uint8_t eap[RADIUS_PACKET_MAX]; /* joined EAP-Message attributes */
};

/* l: the login that it is of; NULL: of none. */
void tell_radius_to_sink(const struct radius_layer *r, enum direction dir, const struct place *place, struct login *l,
                         const struct radius_event *about);
static inline void tell_radius(const struct radius_layer *r, enum direction dir, const struct place *place, struct login *l,
                               const struct radius_event *about)
{
    if (l != NULL && l->pub.on_radius != NULL)
        l->pub.on_radius(l->pub.user, dir, place, about);
    else
        tell_radius_to_sink(r, dir, place, l, about);
}

/* radius_requests.c */
bool requests_init(struct radius_layer *r, uint32_t room);
void requests_free(struct radius_layer *r);
/* What a request is found by. */
struct request_key {
    const struct endpoint *client, *server;
    uint64_t rest; /* tunnel, the client's port, identifier */
};
static inline struct request_key request_key_of(const struct endpoint *client, const struct endpoint *server, uint32_t tunnel,
                                                uint8_t identifier)
{
    uint64_t rest = (uint64_t)tunnel << 32 | (uint64_t)client->port << 16 | identifier;
    return (struct request_key){client, server, rest};
}
/* It leaves the server out, so that an answer from elsewhere is found as well. */
static inline uint64_t request_hash(const struct request_key *key)
{
    return address_hash(&key->client->address, key->rest);
}
/* NULL when there is none. */
struct request *request_find(const struct radius_layer *r, const struct request_key *key);
/* The pair of these ends; NULL when it has no place. */
static inline struct pair *pair_of(const struct radius_layer *r, const struct packet_ends *ends, bool client_low)
{
    struct pair *pair = &r->pairs[ends->hash % PAIRS];
    return ends->hash != 0 && pair->low == ends->low && pair->high == ends->high && pair->client_low == client_low ? pair : NULL;
}
static inline struct asked *request_asked(const struct radius_layer *r, const struct request *q)
{
    return &r->asked[q - r->requests];
}
static inline const struct place *request_last(const struct radius_layer *r, const struct request *q)
{
    return q->transmissions > 1 ? &request_asked(r, q)->last : &q->first;
}
/* A waiting request of the key's client and identifier that another server was asked and that takes an answer of this code;
 * the latest one. */
struct request *request_find_elsewhere(const struct radius_layer *r, const struct request_key *key, uint8_t code);
/* A fresh entry for the key that waits from now on; makes room by forgetting the least recently used. */
struct request *request_new(struct radius_layer *r, const struct request_key *key, int64_t now_ns);
/* The two lists are rings that begin and end with an entry of their own, so that no end needs a question. */
static inline uint32_t request_list(const struct radius_layer *r, bool waiting)
{
    return waiting ? 0 : r->request_room + 1;
}
/* The least recently used of a list; NULL when it is empty. */
static inline struct request *request_oldest(const struct radius_layer *r, bool waiting)
{
    uint32_t list = request_list(r, waiting), item = r->request_links[list].next;
    return item != list ? &r->requests[item] : NULL;
}
static inline void request_unlink(struct radius_layer *r, const struct request *q)
{
    struct links *all = r->request_links, own = all[q - r->requests];
    all[own.prev].next = own.next;
    all[own.next].prev = own.prev;
}
static inline void request_append(struct radius_layer *r, const struct request *q)
{
    struct links *all = r->request_links;
    uint32_t list = request_list(r, q->waiting), tail = all[list].prev, item = (uint32_t)(q - r->requests);
    all[item] = (struct links){tail, list};
    all[tail].next = all[list].prev = item;
}
/* Puts it at the end of the list where it belongs now. */
static inline void request_touch(struct radius_layer *r, struct request *q, int64_t now_ns, bool waiting)
{
    request_unlink(r, q);
    q->waiting = waiting;
    q->since_ns = now_ns;
    request_append(r, q);
}
/* The event for a request that stays without an answer, once. */
void request_tell_unanswered(struct radius_layer *r, struct request *q, int64_t now_ns, const struct place *icmp,
                             bool capture_ended);
void requests_time(struct radius_layer *r, int64_t now_ns);
void requests_finish(struct radius_layer *r, int64_t end_ns);
/* Codes that answer the request's. */
bool request_accepts_other(uint8_t request_code, uint8_t response_code);
static inline bool request_accepts(uint8_t request_code, uint8_t response_code)
{
    const uint64_t answers =
        UINT64_C(1) << RADIUS_ACCESS_ACCEPT | UINT64_C(1) << RADIUS_ACCESS_REJECT | UINT64_C(1) << RADIUS_ACCESS_CHALLENGE;
    if (request_code == RADIUS_ACCESS_REQUEST)
        return response_code < 64 && (answers >> response_code & 1) != 0;
    return request_accepts_other(request_code, response_code);
}

/* radius_logins.c */
bool logins_init(struct radius_layer *r, uint32_t room);
void logins_free(struct radius_layer *r);
/* The login in progress that a request was for; NULL when it is over. */
static inline struct login *login_of_request(const struct radius_layer *r, const struct request *q)
{
    struct login *l = &r->logins[q->login];
    return q->login != 0 && l->used && l->pub.id == q->login_id ? l : NULL;
}
/* The login that this State belongs to, preferably one where `server` issued it: *issuer is NULL then, else who did. */
struct login *login_find(const struct radius_layer *r, struct span state, const struct address *client,
                         const struct address *server, uint32_t tunnel, const struct address **issuer);
/* Opens a login and tells it. */
struct login *login_open(struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                         uint32_t tunnel, bool begun_before);
/* Remembers a State as one that continues the login; the two latest are kept. */
void login_remember(struct radius_layer *r, struct login *l, struct span state, const struct address *server);
/* Where answers alone are seen: the EAP identifier that comes next between the same ports. */
void login_expect(struct radius_layer *r, struct login *l, uint8_t eap_identifier);
void login_drop_key(struct radius_layer *r, struct login *l, unsigned which);
static inline void login_expect_nothing(struct radius_layer *r, struct login *l)
{
    if (l->keys[LOGIN_GUESS].quick != 0)
        login_drop_key(r, l, LOGIN_GUESS);
}
struct login *login_find_expected(const struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                                  uint32_t tunnel, uint8_t eap_identifier);
/* Who asks in it, from its first request; then login_next_of_user finds it, the *probe-th of that user. */
void login_name(struct radius_layer *r, struct login *l, const struct radius_packet *rp);
struct login *login_next_of_user(const struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                                 uint32_t tunnel, const struct radius_packet *rp, unsigned *probe);
/* Its latest State looks like this one: servers that change it for each round change a part of it only. */
bool login_state_resembles(const struct login *l, struct span state);
bool login_has_state(const struct login *l);
#define LOGIN_LIST_GRAIN_NS INT64_C(250000000) /* of the list's order: most logins are over before they have to move in it */
void login_move_to_end(struct radius_layer *r, struct login *l, int64_t now_ns);
/* The packet at hand was one of it. */
static inline void login_touch(struct radius_layer *r, struct login *l)
{
    l->last = r->place;
    l->since_ns = r->active_ns;
    if ((uint64_t)r->active_ns - (uint64_t)l->listed_ns >= (uint64_t)LOGIN_LIST_GRAIN_NS)
        login_move_to_end(r, l, r->active_ns);
}
bool login_begin_eap(const struct radius_layer *r, struct login *l);
/* Feeds the EAP-Message of a packet, if it has any. */
static inline void login_feed(struct radius_layer *r, struct login *l, enum direction dir, const struct radius_packet *rp)
{
    if (rp->eap_pieces == 0 || (l->eap == NULL && !login_begin_eap(r, l)))
        return;
    l->has_eap = true;
    struct span whole = rp->eap_pieces == 1 ? rp->eap[0] : radius_eap_join(rp, r->eap);
    bool cut = rp->cut && (whole.len < 4 || ((size_t)whole.data[2] << 8 | whole.data[3]) > whole.len);
    eap_feed(l->eap, dir, whole, cut, &r->place);
}
void login_close(struct radius_layer *r, struct login *l, enum close_reason reason, struct place place);
void logins_time(struct radius_layer *r, int64_t now_ns);
void logins_finish(struct radius_layer *r);

static inline uint32_t request_item(const struct radius_layer *r, const struct request *q)
{
    return (uint32_t)(q - r->requests);
}

static inline uint32_t login_item(const struct radius_layer *r, const struct login *l)
{
    return (uint32_t)(l - r->logins);
}

#endif
