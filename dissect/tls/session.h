/*
 * What the files of this folder share: the two sides of a session, and the context's pooled buffers. Internal.
 *
 *   session.c    records: headers, bodies in any cut, gaps           tls_feed
 *   handshake.c  messages out of record bytes, and their events
 *   decrypt.c    keys from secrets, records in the clear
 *   context.c    pools
 */
#ifndef VS_TLS_SESSION_H
#define VS_TLS_SESSION_H

#include "dissect/tls/tls.h"

enum {
    RECORD_HEADER = 5,
    MESSAGE_HEADER = 4,
    SMALL_RECORD = 8, /* change_cipher_spec and clear alerts */
    RANDOM_SIZE = 32,
    SESSION_ID_MAX = 32,
    BUFFER_CLASSES = 4,
    VERSION_SSL_3_0 = 0x0300,
    VERSION_TLS_1_0 = 0x0301,
    VERSION_TLS_1_1 = 0x0302,
    VERSION_TLS_1_2 = 0x0303,
    VERSION_TLS_1_3 = 0x0304,
    VERSION_TLS_1_3_DRAFTS = 0x7f00 /* and 0x7fnn */
};

enum handshake_type {
    HELLO_REQUEST = 0,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    END_OF_EARLY_DATA = 5,
    CERTIFICATE = 11,
    CERTIFICATE_REQUEST = 13,
    FINISHED = 20,
    CERTIFICATE_STATUS = 22,
    KEY_UPDATE = 24
};

/* A block from the context's pools. */
struct buffer {
    struct buffer *next;
    uint32_t size;
    uint8_t class;
    uint8_t data[];
};

/* The handshake message that is being put together. */
struct message {
    uint8_t header[MESSAGE_HEADER], header_len;
    uint8_t type;
    bool skipped; /* too long, or no buffer: its bytes only counted */
    bool counted; /* of a kind of which only the length is told: likewise, but nothing is lost */
    uint32_t length, present;
    struct buffer *buffer; /* only while the message is not whole in one piece */
    struct place first;
};

/* How the bytes of the current record are taken. */
enum body {
    BODY_MESSAGES,  /* clear handshake: handed on as they come */
    BODY_SMALL,     /* into small[] */
    BODY_COLLECTED, /* whole, then decrypted */
    BODY_V2_HELLO,  /* whole, then read */
    BODY_SKIPPED    /* counted */
};

/* What every record needs comes first. */
struct side {
    uint8_t header[RECORD_HEADER], header_len;
    uint8_t type, body;
    bool started; /* a record was seen */
    bool hello;   /* this side's hello was seen */
    bool ccs;     /* this side's change_cipher_spec was seen */
    bool finished;
    bool searching; /* after a gap: looking for the next record */
    bool gapped;
    bool dead;
    bool refused;      /* already counted as having lost bytes to the ceiling */
    bool no_keys;      /* decryption was given up */
    bool failed;       /* and said so */
    uint16_t version;  /* of the record */
    uint32_t length, left;
    uint64_t sequence; /* of the next protected record under the keys */
    struct buffer *record;
    uint8_t small[SMALL_RECORD];
    struct place first; /* of the record */
    struct message message;
};

struct keys;

/* Likewise. */
struct tls_session {
    struct tls_context *context;
    tls_event_fn *on_event;
    void *ctx;
    struct keys *keys; /* made when secrets are found */
    uint16_t version, cipher_suite; /* 0 until the server said */
    bool early_data;                /* offered by the client */
    bool encrypt_then_mac, compressed;
    bool decrypts;
    struct place place; /* of the bytes that are being fed */
    struct side side[2];
    struct tls_session *next; /* in the context's free list */
    uint8_t client_random[RANDOM_SIZE], server_random[RANDOM_SIZE], session_id[SESSION_ID_MAX];
    uint8_t session_id_len;
};

/* TLS 1.3 was negotiated. */
static inline bool is_tls13(const struct tls_session *s)
{
    return s->version == VERSION_TLS_1_3 || (s->version & 0xff00) == VERSION_TLS_1_3_DRAFTS;
}

struct fingerprints;
struct openers;

struct tls_context {
    const struct secrets *secrets;
    const size_t *secret_count;
    struct digests *digests;
    struct fingerprints *fingerprints;
    struct openers *openers;
    uint64_t limit, allocated, held, refused;
    struct buffer *free[BUFFER_CLASSES];
    struct tls_session *sessions;
    unsigned spare_sessions;
};

/* A buffer of at least size bytes (at most TLS_MESSAGE_MAX); NULL at the ceiling or when memory is short. */
struct buffer *buffer_take(struct tls_context *c, uint32_t size);
/* NULL is fine. */
void buffer_give(struct tls_context *c, struct buffer *b);
/* Makes *b hold at least size bytes, keeping the first `used`; on failure *b is given back and NULL. */
bool buffer_grow(struct tls_context *c, struct buffer **b, uint32_t used, uint32_t size);
/* Counts a side that lost bytes to the ceiling, once. */
void side_refused(struct tls_session *s, struct side *side);

/* handshake.c: bytes of handshake records of one side; first is the place of the first byte. Returns false when the
 * bytes cannot be handshake messages and the reason may be that they are encrypted. */
bool handshake_bytes(struct tls_session *s, enum direction dir, struct span bytes, const struct place *first,
                     bool decrypted);
/* handshake.c: an SSL 2.0 style ClientHello, from behind its version; it began where its record did. */
void v2_hello(struct tls_session *s, struct span body);
void message_drop(struct tls_session *s, struct side *side);

/* session.c: the rest of this direction is ignored. */
void tls_malformed(struct tls_session *s, enum direction dir, const char *reason, const struct place *first);

/* Only the member of the event's union that the kind names needs to be set: the union is too large to clear. */
static inline void tls_emit(struct tls_session *s, struct tls_event *event, enum tls_event_kind kind,
                            enum direction dir, const struct place *first)
{
    event->kind = kind;
    event->dir = dir;
    event->first = *first;
    event->place = s->place;
    s->on_event(s->ctx, event);
}

#endif
