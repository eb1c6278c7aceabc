/*
 * What the files of the SSTP layer share. Internal.
 *
 *   sstp_layer.c   connections: taken in, followed by their headers, closed     sstp_layer_packet
 *   sstp_steady.h  segments that are simply the next, of records that nobody can read     steady_takes
 *   sstp_carry.c   their octets: PROXY, TLS, HTTP, SSTP                         carry_bytes
 *   sstp_held.c    the first octets of clients, kept until the server answers
 *   sstp_knock.c   attempts beyond those that are listed, as long as the server says nothing
 */
#ifndef VS_SSTP_SSTP_LAYER_STATE_H
#define VS_SSTP_SSTP_LAYER_STATE_H

#include "dissect/sstp/sstp_layer.h"
#include "dissect/tcp/tcp_stream.h"

enum { SIDES = 2, HELD_MAX = 4096, HELD_SLOTS_LEAST = 64, HELD_SLOTS_MOST = 512, NONE = 0 /* slots are counted from 1 */ };

/* How the octets of a connection are read. */
enum carry_stage {
    CARRY_DETECT, /* nothing is known yet */
    CARRY_TLS,
    CARRY_CLEAR,  /* HTTP without TLS */
    CARRY_OTHER   /* not ours */
};

/* What stands inside of TLS, or in clear, by direction. */
enum content_stage { CONTENT_HTTP, CONTENT_SSTP, CONTENT_IGNORED };

/* What a connection needs once the server sent data; first what any record does, together. */
struct carried {
    struct tls_session *tls;
    struct sstp_link *link;
    uint64_t records_seen[SIDES];
    uint8_t stage;            /* enum carry_stage */
    uint8_t content[SIDES];   /* enum content_stage */
    bool began[SIDES];        /* octets of the content were read */
    bool sstp_asked;          /* SSTP_DUPLEX_POST was */
    bool tunnel_asked;        /* CONNECT of a forward proxy was: TLS follows its answer */
    bool decrypted;
    bool tls13;
    bool client_was_brief;    /* a record of the client was as short as a CALL_CONNECT_REQUEST's */
    uint16_t record_count;
    size_t bytes;             /* of memory, with what its readers hold; what waits inside of TLS has a budget of its own */
    struct http_reader *http[SIDES];
    struct proxy_header proxy;
    struct sstp_record records[SSTP_RECORDS_MAX];
};

/* What any segment needs, in a cache line of its own. */
struct hot {
    uint32_t owner;           /* the flow's id; 0: free */
    bool client_is_low;
    bool passive;             /* only FIN, RST and SYN are looked at any more */
    uint32_t packets[SIDES];
    uint64_t bytes[SIDES];
    uint64_t frame[SIDES];    /* of the last segment of either side */
    int64_t time_ns[SIDES];
};
_Static_assert(sizeof(struct hot) <= 64, "more than a cache line");

/*
 * What most segments of a tunnel's beginning are held against: sstp_steady.h. While it is on, what they bring is counted in
 * struct hot and struct carried alone; steady_end adds it to the rest.
 */
struct steady {
    bool on;
    uint8_t ttl_min[SIDES], ttl_max[SIDES];
    uint32_t seq[SIDES];      /* number of the next octet, less those that hot has counted */
    uint32_t packets[SIDES];  /* of hot, when it began; likewise the next two, of carried the last */
    uint64_t bytes[SIDES], records[SIDES];
    size_t secrets;           /* there were then */
};

/* A connection is half open until its server sends data. */
enum list { LIST_HALF_OPEN, LIST_LIVE, LIST_ENDED, LISTS };

struct connection {
    struct conversation pub;
    struct sstp_layer *layer;
    struct carried *carried;  /* NULL: the server sent no data yet, or no memory */
    struct steady steady;
    uint32_t slot, stream;
    uint32_t older, newer;
    int64_t queued_ns;        /* when it was put at the end of its list */
    int64_t began_ns;
    uint32_t capture;
    uint64_t held_serial;     /* of its first octets, 0 none */
    uint16_t service_port;
    uint8_t list;
    bool opened;              /* told of */
    bool finished[SIDES];     /* SSTP_TOLD_CLOSING was told */
    bool answered;            /* octets of the server came */
    bool given_up;
    bool flooded;             /* its first octets were given up for others' */
    uint64_t lost_bytes, cut_bytes, missing_bytes[SIDES];
    struct place missing_at[SIDES];
    struct tcp_connection tcp; /* begun apart from what stands before it */
};

/* The first octets of a client, until the server answers: most never get one. */
struct held {
    uint64_t serial;          /* whose; 0 nobody's any more */
    struct place place;       /* of the last of them */
    uint16_t len;
    uint8_t bytes[HELD_MAX];
};

struct sstp_layer {
    const struct secrets *secrets;
    const size_t *secret_count;     /* of TLS */
    struct tls_context *tls;
    struct event_sink sink;
    struct connection *connections; /* [0] is not used */
    struct hot *hot;
    void *hot_memory;               /* where it lies */
    uint32_t room, made, free;
    struct { uint32_t oldest, newest, count; } lists[LISTS];
    struct tcp_stream_table *streams;
    struct held *held;
    uint32_t held_slots;
    uint64_t held_serial;
    uint64_t carried_bytes, carried_bytes_max; /* who takes it beyond makes others give up theirs with its next segment */
    uint32_t lone_told, lone_listed;
    struct knock *knocks;     /* a ring; serials of the next one, with its place, and of the oldest */
    struct words *words;      /* likewise, of what their clients said */
    uint32_t knock_room, knock_place, words_room;
    uint64_t knock_next, knock_oldest, words_next;
    int64_t now_ns;
    struct place place;       /* of the segment that is being looked at */
    uint16_t ports[8];        /* where SSTP was seen besides 443 */
    uint8_t port_count;
    struct sstp_layer_counters counters;
};

/* sstp_layer.c: tells that it exists, when that was not done; and an event of it. */
void connection_open(struct connection *c);
void connection_tell(struct connection *c, enum direction dir, const struct place *place, const struct sstp_told_event *told);

/* sstp_carry.c: the next octets of one direction; a hole in them; the end of the direction. */
void carry_bytes(struct connection *c, enum direction dir, struct span bytes, const struct place *place);
void carry_gap(struct connection *c, enum direction dir, uint64_t length, const struct place *place);
void carry_end(struct connection *c, enum direction dir, const struct place *place);
/* The octets that were kept are read now: the server has answered, or never will. */
void carry_held(struct connection *c);
/* Nothing more of its octets can tell anything: they need not be put together. */
bool carry_is_done(const struct connection *c);
void carry_free(struct connection *c);
/* The next octets are one whole record that nobody can read, and no more: its length, and the record is taken as far as TLS is
 * concerned; carry_closed_record is to follow. 0, with nothing taken: anything else. */
uint32_t carry_is_closed_record(struct connection *c, enum direction dir, struct span bytes);
void carry_closed_record(struct connection *c, enum direction dir, uint32_t length, const struct place *place);
/* TLS is not read any more. */
void carry_passive(struct connection *c);
enum sstp_carrier carry_carrier(const struct connection *c);

/* sstp_held.c: keeps octets; false when they are too many, or a whole first message was kept before. */
bool held_keep(struct sstp_layer *l, struct connection *c, struct span bytes, const struct place *place);
/* What was kept, NULL when it was given up for others'. */
struct held *held_of(struct sstp_layer *l, const struct connection *c);
void held_forget(struct sstp_layer *l, struct connection *c);

/* sstp_layer.c: whether SSTP may be meant there; any segment; the first one of a connection. */
bool sstp_on_service_port(const struct sstp_layer *l, uint16_t port);
void sstp_layer_follow(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low);
void sstp_layer_begin(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low);

/* sstp_knock.c */
#define SSTP_ENDED_NS (5 * INT64_C(1000000000)) /* what still comes after the end belongs to it */
bool knocks_init(struct sstp_layer *l, uint64_t memory_bytes);
void knocks_free(struct sstp_layer *l);
uint64_t knocks_bytes(const struct sstp_layer *l);
/* The first segment of a flow is only noted, and the flow's word says where; or a connection begins with it. */
void knock_begins(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low);
static inline bool is_knock(const struct flow *f)
{
    return (int32_t)f->ike < 0; /* or not ours */
}
/* A segment of a flow of which is_knock says that it is one. When it is none any more, sstp_layer_follow takes it. */
void knock_takes(struct sstp_layer *l, const struct packet *p, struct flow *f, bool from_low);
/* An ICMP error quotes a segment of the flow: if it was a knock, it becomes a connection. a, b: its ends. */
void knock_quoted(struct sstp_layer *l, struct flow *f, const struct endpoint *a, const struct endpoint *b, uint32_t tunnel);
void knock_drop(struct sstp_layer *l, const struct flow *f);
/* Forgets those that were silent for long, or all. */
void knocks_time(struct sstp_layer *l, bool all);

#endif
