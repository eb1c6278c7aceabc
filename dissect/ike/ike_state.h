/* Inside of the IKE layer: associations, what was sent in them, their paths. Items are numbered from 1; 0 is none. */
#ifndef VS_IKE_IKE_STATE_H
#define VS_IKE_IKE_STATE_H

#include <stdalign.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/hash.h"
#include "capture/wire/index.h"
#include "dissect/ike/ike_keys.h"
#include "dissect/ike/ike_layer.h"

/* PAIRS: of SPIs, the one in use and the one that it was rekeyed from. PATHS: where its latest messages went, and how
 * the same look beyond translators. PATH_KEYS: one for each path, one for the bare addresses of the first. */
enum { PAIRS = 2, PATHS = 3, PATH_KEYS = PATHS + 1, ASKED = 2, SENT_WAYS = 4, SENT_PER_ASSOCIATION = 2, FRAGMENTS_MAX = 256 };
/* SHARERS: of associations along one path, as a device's and a user's tunnel, whose ESP is told apart. STRAYS: paths whose ESP
 * is nobody's that are remembered. RESPONDERS: of addresses that answered a login. */
enum { ESP_SPIS = 4, SHARERS = 4, STRAYS = 1024, RESPONDERS = 64 };

#define ESTABLISHED_IDLE_NS (30 * 60 * INT64_C(1000000000))
/* A copy beyond a translator follows its original at once; the earliest retransmission known is after half a second. */
#define TRANSLATED_NS (400 * INT64_C(1000000))

/* A doubly linked list of associations, the least recently used first. */
struct ike_list {
    uint32_t head, tail;
};

/* SPIs of one IKE SA. */
struct spi_pair {
    uint8_t initiator[IKE_SPI], responder[IKE_SPI];
    uint64_t hash; /* of the initiator's; 0: unused */
    const struct ike_keys *keys;
    bool responder_known;
    bool swapped;  /* made by a rekey that the association's responder began: the initiator flag means him */
    bool keys_sought;
};

struct ike_path {
    struct endpoint initiator, responder;
    uint32_t tunnel;
};

/* What may have been a renewal of the association's own keys, and has not shown itself yet. */
struct renewal {
    bool asked, made, old_deleted, by_initiator;
    uint8_t pair;
    uint32_t message_id;
    int64_t time_ns;
};

/* A request and whether it was answered. */
struct asked {
    struct place first, last;
    uint32_t message_id, transmissions;
    uint8_t exchange, pair;
    bool answered, deletes; /* begins with Delete */
};

/* SKF fragments of one message on their way (RFC 7383 section 2.6). */
struct skf {
    uint32_t message_id, seen, bytes_used, bytes_room, sk_length, ip_fragments, first_length;
    uint16_t total;
    uint8_t pair, exchange, sk_next;
    bool response;
    enum ike_sk_state sk; /* of the worst fragment */
    struct place first;
    uint8_t *bytes;
    struct { uint32_t at, len; bool seen, bad; } pieces[]; /* as many as total says; in bytes[]; bad: not opened */
};

/* Messages seen, for their copies: what every new one is compared with, in a cache line of its own. */
struct sent_bucket {
    uint64_t hash[SENT_WAYS];    /* of its bytes and length; 0: none */
    int64_t last_ns[SENT_WAYS];
};

/* The rest of each. */
struct sent {
    uint32_t item, id;   /* its association, and that one's serial: the item may have been given to another since */
    uint32_t way;        /* hash of its addresses and ports */
    uint32_t transmissions;
};

struct association {
    struct conversation pub;
    struct ike_layer *layer;
    struct eap *eap;         /* NULL until the first EAP payload that could be read */
    int64_t since_ns;        /* last IKE message; ESP has its own times in state */
    int64_t listed_ns;       /* when it was put at the end of its list */
    struct place last;       /* its last message */
    uint32_t prev, next;
    struct spi_pair pairs[PAIRS];
    uint8_t other_responder[IKE_SPI]; /* SPI of a second answer to the first request */
    bool other_known;
    bool used, established, keyed /* its paths are in the index */;
    bool lone;               /* a first request, and nothing after it yet */
    bool encrypted[2];       /* a message with SK was seen from the initiator, from the responder */
    uint8_t esp_spi_count[2], esp_spi_next[2]; /* by direction */
    struct { uint32_t item, id; } sharer; /* the one that went along its path before, if it is still open */
    uint8_t path_count;
    uint8_t asked_count[2], asked_newest[2];
    struct skf *skf[2];      /* from the initiator, from the responder */
    struct { bool waiting, by_initiator; uint8_t pair; uint32_t message_id; uint8_t spi[IKE_SPI]; } rekey;
    struct { bool waiting, by_initiator; uint8_t pair; uint32_t message_id; } deletion;
    struct renewal renewal;
    struct ike_state state;
    uint64_t path_hashes[PATH_KEYS]; /* 0: not in the index */
    /* From here on nothing is set in a new one; the counts above say what is. */
    struct ike_path paths[PATHS];
    struct asked asked[2][ASKED];    /* by the initiator, by the responder */
    uint32_t esp_spis[2][ESP_SPIS];
};

/* What ESP along an association's first path needs, in a cache line of its own; by direction as in struct ike_state. */
struct esp_way {
    alignas(64) uint64_t packets[2];
    uint64_t bytes[2];
    int64_t last_ns[2];
    uint32_t flow;           /* that goes along it, by its id; 0: not known */
    uint32_t spi[2];         /* of the latest packet; 0 without */
    bool low_initiates;      /* its lower end is the initiator */
};
_Static_assert(sizeof(struct esp_way) == 64, "a cache line");

/* ESP along a path that no association goes along: what comes there later, after a login, is still not of that login. */
struct stray {
    uint64_t hash;           /* of the path; 0: unused */
    uint32_t spis[2];        /* the latest by sender */
};

/* First requests that wait for what follows them: ike_lone.c. In units of 64 bytes. */
struct lone_ring {
    uint8_t *bytes;          /* made at the first */
    struct index index;      /* by initiator's SPI; items: unit + 1 */
    uint32_t units, head, tail, used;
};

struct ike_layer {
    const struct secrets *secrets;
    struct tls_context *tls;
    struct ciphers *ciphers;
    struct digests *digests;
    struct event_sink sink;
    struct ike_layer_counters counters;

    struct association *associations; /* [0] is unused */
    struct esp_way *ways;             /* one for each association */
    void *associations_memory, *ways_memory; /* where they lie */
    struct index spi_index;           /* items: association * PAIRS + pair */
    struct index path_index;          /* items: association * PATH_KEYS + key */
    uint32_t room, used, free, open;  /* used: ever taken; free: chain through next */
    struct ike_list half_open, established;
    struct stray strays[STRAYS];      /* by hash */
    uint64_t responders[RESPONDERS];  /* hashes of addresses, by themselves; 0: unused */

    uint32_t lone, lone_listed;       /* associations that are or ended as a lone request; how many there may be */
    struct lone_ring ring;

    struct sent_bucket *sent_buckets;
    struct sent *sent;                /* SENT_WAYS for each bucket */
    void *sent_memory;                /* where the buckets lie */
    uint32_t sent_mask, sent_used;

    uint64_t buffer_room, buffer_used; /* of fragments */

    struct place place;               /* of the packet at hand */
    int64_t now_ns, active_ns;
    struct ike_payloads clear, inside;
    uint8_t *plain;                   /* IKE_MESSAGE_MAX bytes, made when the first payload is opened */
};

/* A message at hand and what became known of it. */
struct ike_arrival {
    const struct packet *p;
    struct ike_message m;
    uint64_t hash;
    struct association *a;
    uint8_t pair;
    bool marker, from_initiator;
};

static inline uint32_t association_item(const struct ike_layer *l, const struct association *a)
{
    return (uint32_t)(a - l->associations);
}

static inline struct esp_way *way_of(const struct ike_layer *l, const struct association *a)
{
    return &l->ways[association_item(l, a)];
}

static inline uint32_t be32_of(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline bool spi_is_zero(const uint8_t spi[static IKE_SPI])
{
    static const uint8_t zero[IKE_SPI];
    return memcmp(spi, zero, IKE_SPI) == 0;
}

static inline uint64_t spi_hash(const uint8_t spi[static IKE_SPI])
{
    uint64_t word;
    memcpy(&word, spi, sizeof word);
    return hash_mix(word, 0) | 1;
}

/* ike_layer.c */
/* Takes a message, whatever waits in the ring; l->place is where it was seen. */
void ike_layer_take(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len, bool marker);

/* The packet at hand was seen there. */
static inline void ike_layer_at(struct ike_layer *l, const struct frame *f)
{
    frame_place_into(&l->place, f);
    l->active_ns = f->time_ns < l->now_ns ? l->now_ns : f->time_ns;
}

/* ike_lone.c */
bool lone_init(struct ike_layer *l, uint64_t bytes);
void lone_free(struct ike_layer *l);
uint64_t lone_bytes(const struct ike_layer *l);
/* True when the message at hand is a lone request that waits now, one of too many. Before any other, the request that it
 * follows is brought back. */
bool lone_take(struct ike_layer *l, const struct ike_arrival *in, struct span bytes, uint32_t wire_len);
/* The same for what is no more than that by its header already, and follows nothing. False: it may be anything. */
bool lone_waits(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len, bool marker);
/* The message that opened an association, and another one of it. */
void lone_mark(struct ike_layer *l, struct association *a, const struct ike_message *m);
static inline void lone_followed(struct ike_layer *l, struct association *a)
{
    l->lone -= a->lone;
    a->lone = false;
}
/* An ICMP error quotes this datagram's payload. */
void lone_quoted(struct ike_layer *l, const struct frame *f, struct span quoted);

/* ike_associations.c */
bool associations_init(struct ike_layer *l, uint32_t room);
void associations_free(struct ike_layer *l);
/* The association of a message, and which pair of its SPIs it bears. NULL when it belongs to none. */
struct association *association_find(const struct ike_layer *l, const struct ike_message *m, const struct packet *p,
                                     uint8_t *pair);
/* The association that began in the other version of IKE, and that this message, in the clear, refuses for it; NULL. */
struct association *association_refused(const struct ike_layer *l, const struct ike_message *m, const struct packet *p,
                                        uint8_t *pair);
/* Has the memory brought that association_find will look at, and that of who has to make room. */
void associations_prefetch(const struct ike_layer *l, const struct ike_message *m);
/* Opens one between these ends and tells it. */
struct association *association_open(struct ike_layer *l, const struct ike_message *m, const struct ike_path *path,
                                     bool begun_before);
/* Another pair of SPIs for it, in place of the older one; returns which it is. */
uint8_t association_add_pair(struct ike_layer *l, struct association *a, const struct spi_pair *pair);
void association_drop_pair(struct ike_layer *l, struct association *a, unsigned which);
/* A message of it has come. */
void association_touch(struct ike_layer *l, struct association *a);
void association_establish(struct ike_layer *l, struct association *a);
void association_close(struct ike_layer *l, struct association *a, enum close_reason reason);
void associations_time(struct ike_layer *l, int64_t now_ns);
void associations_finish(struct ike_layer *l);

/* ike_paths.c */
/* Takes note of a message's way; true when it is another one than before. */
bool path_note(struct ike_layer *l, struct association *a, const struct packet *p, bool from_initiator);
/* The same message was seen on this way as well. */
void path_note_other(struct ike_layer *l, struct association *a, const struct packet *p, bool from_initiator);
bool path_known(const struct association *a, const struct packet *p, bool from_initiator);
/* From now on its ESP is found. */
void paths_enter(struct ike_layer *l, struct association *a);
/* It goes there no longer: who shared its path does so alone. */
void paths_leave(struct ike_layer *l, struct association *a);
/* The association that has one of its paths between these ends, either way; of several the one that spoke last. */
struct association *path_find(const struct ike_layer *l, const struct endpoint *from, const struct endpoint *to,
                              uint32_t tunnel, unsigned *which, bool *from_initiator);
void path_keepalive(struct ike_layer *l, const struct packet *p);
/* A hash of two ends and a tunnel, the same for either direction. */
uint64_t path_hash(const struct endpoint *a, const struct endpoint *b, uint32_t tunnel);
/* The association that went along its path before it and still does; NULL. */
struct association *path_sharer(const struct ike_layer *l, const struct association *a);

/* ike_esp.c */
/* ESP in UDP, of at least four bytes; f: its flow. */
void esp_packet(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low);

/* One more ESP packet along an association's first path, with the same SPI as the one before it in that direction. */
static inline void esp_count_next(struct esp_way *w, const struct packet *p, unsigned direction)
{
    w->packets[direction]++;
    w->bytes[direction] += p->payload_wire_len;
    w->last_ns[direction] = p->frame->time_ns;
}

/* ike_sent.c */
bool sent_init(struct ike_layer *l, uint32_t room);
void sent_free(struct ike_layer *l);
uint64_t sent_hash(const struct ike_message *m);
/* Has the memory brought that sent_find will look at. */
void sent_prefetch(const struct ike_layer *l, uint64_t hash);
/* A hash of a packet's addresses and ports. */
uint32_t sent_way(const struct packet *p);
/* The message with these bytes, if its association is still open. */
struct sent *sent_find(const struct ike_layer *l, const struct ike_arrival *in);
/* When it was seen last. */
int64_t *sent_last(const struct ike_layer *l, const struct sent *s);
void sent_remember(struct ike_layer *l, const struct ike_arrival *in);

/* The request of a message id that was asked by one side; NULL when it was not seen or is forgotten. */
struct asked *asked_find(struct association *a, bool by_initiator, uint8_t pair, uint32_t message_id);
/* A request has come for the first time. */
void asked_begin(struct ike_layer *l, const struct ike_arrival *in);
/* Puts the request that waits last, if there is one, into the state. */
void asked_tell(const struct association *a, struct ike_state *state);

/* ike_fragments.c */
/* Takes an SKF fragment. True when the message is whole: then e tells of it, and *plain are its payloads when e->sk says
 * that it was opened. */
bool fragment_take(struct ike_layer *l, struct ike_arrival *in, struct ike_event *e, struct span *plain);
void fragments_drop(struct ike_layer *l, struct association *a, unsigned direction);

/* ike_renewal.c */
/* A whole message of an association, which nobody can read. */
void renewal_note(struct ike_layer *l, const struct ike_arrival *in);
/* The association of a message with SPIs that nobody heard of, when it was renewed with them; it has them from now on. NULL. */
struct association *renewal_find(struct ike_layer *l, const struct ike_arrival *in, uint8_t *pair);

/* ike_inside.c */
/* Opens the SK or SKF of the message at hand; *plain lies in l->plain. */
enum ike_sk_state inside_open(struct ike_layer *l, struct ike_arrival *in, struct span *plain);
/* What follows from a message that was told: EAP, rekeying, deletion. True when the association is over. */
bool inside_apply(struct ike_layer *l, const struct ike_arrival *in, const struct ike_payloads *inside);

#endif
