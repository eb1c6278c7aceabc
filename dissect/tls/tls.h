/*
 * TLS 1.0 to 1.3 (and SSL 3.0 by name) as an observer sees it: a byte stream per direction in, typed events out. TLS
 * knows neither what carries it (EAP fragments, TCP) nor what it carries. With secrets it decrypts.
 * RFC 5246, 8446, 6066, 7301; wire-facts 5.3 to 5.6.
 */
#ifndef VS_TLS_TLS_H
#define VS_TLS_TLS_H

#include "capture/frame.h"
#include "dissect/crypto/digest.h"
#include "dissect/crypto/secrets.h"

enum direction { TO_SERVER = 0, TO_CLIENT = 1 }; /* whose bytes: TO_SERVER are the client's */

enum {
    TLS_CHAIN_MAX = 16,
    TLS_ALPN_MAX = 8,
    TLS_JA3_TEXT = 33,
    TLS_JA4_TEXT = 37,
    TLS_MESSAGE_MAX = 65536 + 4,
    TLS_STREAM_MAX = 18432
};

enum tls_content { TLS_CHANGE_CIPHER_SPEC = 20, TLS_ALERT = 21, TLS_HANDSHAKE = 22, TLS_APPLICATION_DATA = 23 };

enum tls_event_kind {
    TLS_EVENT_CLIENT_HELLO,        /* u.client_hello */
    TLS_EVENT_SERVER_HELLO,        /* u.server_hello; never the retry request */
    TLS_EVENT_HELLO_RETRY_REQUEST, /* u.server_hello */
    TLS_EVENT_CERTIFICATE,         /* u.certificate; dir tells whose */
    TLS_EVENT_CERTIFICATE_REQUEST, /* u.certificate_request */
    TLS_EVENT_CERTIFICATE_STATUS,  /* u.bytes: the stapled OCSP response, DER */
    TLS_EVENT_HANDSHAKE, /* any other handshake message in clear or decrypted: u.handshake; also a Certificate that
                            was longer than TLS_MESSAGE_MAX or found no buffer, and any message without a buffer */
    TLS_EVENT_CHANGE_CIPHER_SPEC,
    TLS_EVENT_ENCRYPTED,       /* a record that could not be read: u.record (type 22 after CCS is the Finished) */
    TLS_EVENT_ALERT,           /* u.alert: readable */
    TLS_EVENT_ENCRYPTED_ALERT, /* u.record: type 21 with more than 2 bytes after that side's CCS; in TLS 1.3 alerts hide
                                  in type 23 and are not told apart without keys */
    TLS_EVENT_DATA,            /* u.bytes: decrypted application data */
    TLS_EVENT_DECRYPTION_FAILED, /* secrets were there but a record failed its authentication: u.record; once per
                                    direction, then it and all behind it as TLS_EVENT_ENCRYPTED. Wrong key or damaged
                                    bytes. */
    TLS_EVENT_MALFORMED,         /* u.reason: constant sentence; the rest of that direction is ignored */
};

struct tls_client_hello {
    uint16_t legacy_version;
    uint16_t max_version; /* greatest supported_versions entry (GREASE left out), else legacy */
    struct span random, session_id, cipher_suites; /* 32 bytes; 0..32; u16 each */
    struct span sni;                               /* host_name, as sent; empty without */
    struct span alpn[TLS_ALPN_MAX];
    uint8_t alpn_count;
    bool session_ticket;   /* a non-empty ticket or a pre_shared_key is offered */
    const char *ja3, *ja4; /* lower-case hex MD5; "t13d1516h2_..." with transport 't'. Never NULL; empty for
                              an SSL 2.0 style hello and for lists longer than anyone's */
};

struct tls_server_hello {
    uint16_t version; /* the negotiated one: supported_versions, else legacy */
    uint16_t cipher_suite;
    struct span random, session_id;
    struct span alpn;
    bool session_id_echoed; /* non-empty and the same as the client's */
    bool pre_shared_key;    /* TLS 1.3 resumption or PSK */
};

struct tls_certificate {
    struct span chain[TLS_CHAIN_MAX]; /* DER, in the order sent, leaf first */
    uint8_t count;
    bool more;      /* more than TLS_CHAIN_MAX were sent */
    bool malformed; /* lengths contradict; what was whole is in chain */
    bool decrypted; /* read with the user's secrets */
};

struct tls_certificate_request {
    struct span names; /* u16 length + DER Name each; may be empty */
    uint16_t name_count;
    bool malformed;
};

struct tls_alert {
    uint8_t level, code;
    bool decrypted;
};
struct tls_record {
    uint8_t type;
    uint32_t length;
}; /* length of the protected fragment as on the wire */
struct tls_handshake {
    uint8_t type;
    uint32_t length;
};

struct tls_event {
    enum tls_event_kind kind;
    enum direction dir;
    struct place first, place; /* frames of its first and last byte */
    union {
        struct tls_client_hello client_hello;
        struct tls_server_hello server_hello;
        struct tls_certificate certificate;
        struct tls_certificate_request certificate_request;
        struct tls_alert alert;
        struct tls_record record;
        struct tls_handshake handshake;
        struct span bytes;
        const char *reason;
    } u;
};

/* Everything in the event is lent for the call. */
typedef void tls_event_fn(void *ctx, const struct tls_event *event);

/* Shared by all sessions of one dissector: secrets, digests, the JA3/JA4 cache, pooled buffers with a ceiling. */
struct tls_context;
struct tls_context *tls_context_new(const struct secrets *secrets, uint64_t buffer_bytes_max);
void tls_context_free(struct tls_context *c);
uint64_t tls_context_buffer_bytes(const struct tls_context *c);    /* held now */
uint64_t tls_context_buffers_refused(const struct tls_context *c); /* sessions that lost bytes to the ceiling */

struct tls_session;

/* NULL when memory is short. on_event may be called only during tls_feed and tls_gap. */
struct tls_session *tls_session_new(struct tls_context *c, tls_event_fn *on_event, void *ctx);
void tls_session_free(struct tls_session *s);

/* The next bytes of one direction. A stream whose start was not captured begins with tls_gap. Not to be called for the
 * same session from its on_event, nor tls_session_free; other sessions of the context may be fed and freed there.
 * Buffers are taken only for what is not whole in `bytes`, given back when consumed. */
void tls_feed(struct tls_session *s, enum direction dir, struct span bytes, struct place place);

/* What most bytes are once the handshake is over: one whole record of application data for which there are no keys. It
 * is noted without an event, and the length of its protected fragment returned; for any other bytes 0, with nothing done:
 * they are to be fed. */
uint32_t tls_closed_record(struct tls_session *s, enum direction dir, struct span bytes);

/* That length, of bytes that tls_closed_record would take, or 0; as long as nothing else was fed since tls_stays_closed said
 * that this direction's records change nothing but their number, and no secrets were added, whoever saw them go by may tell
 * of them later. */
static inline uint32_t tls_closed_length(struct span bytes)
{
    enum { HEADER = 5, SSL_3_0 = 0x0300, VERSIONS = 5 };
    const uint8_t *h = bytes.data;
    if (bytes.len <= HEADER || h[0] != TLS_APPLICATION_DATA || (((unsigned)h[1] << 8 | h[2]) - SSL_3_0) >= VERSIONS)
        return 0;
    uint32_t length = (uint32_t)h[3] << 8 | h[4];
    return length == bytes.len - HEADER && length <= TLS_STREAM_MAX ? length : 0;
}
bool tls_stays_closed(const struct tls_session *s, enum direction dir);
void tls_closed_records(struct tls_session *s, enum direction dir, uint64_t count);

/* Bytes of this direction are missing here: what was partial is dropped, reading resumes at the next plausible record.
 */
void tls_gap(struct tls_session *s, enum direction dir, struct place place);

/* What was seen so far, for judgements by position. */
bool tls_decrypts(const struct tls_session *s);                     /* at least one record was decrypted */
bool tls_finished(const struct tls_session *s, enum direction dir); /* that side sent its (encrypted) Finished */
/* A partial message is waiting: type and bytes present/announced; false when nothing is pending. */
bool tls_pending(const struct tls_session *s, enum direction dir, struct tls_handshake *message, uint32_t *present);

/* Names: "TLS 1.2" ("SSL 3.0" ... "TLS 1.3"), NULL for others; IANA's cipher suite name, NULL when unknown; alert names
 * as in the RFC ("unknown_ca"), NULL when unknown; handshake type names as in the RFC ("client_hello"). */
const char *tls_version_name(uint16_t version);
const char *tls_cipher_suite_name(uint16_t suite);
const char *tls_alert_name(uint8_t code);
const char *tls_handshake_name(uint8_t type);

enum tls_suite_weakness {
    TLS_SUITE_OK,
    TLS_SUITE_NULL,
    TLS_SUITE_EXPORT,
    TLS_SUITE_ANONYMOUS,
    TLS_SUITE_RC4,
    TLS_SUITE_DES,
    TLS_SUITE_3DES,
    TLS_SUITE_UNKNOWN
};
enum tls_suite_weakness tls_cipher_suite_weakness(uint16_t suite);
/* Octets of content that a protected fragment of that length holds: CBC pads to whole blocks, by the least padding, so that
 * only a range is known. TLS 1.3 may pad too, which is not reckoned with. False when the suite's records are not known, or
 * none has this length. */
struct tls_plain {
    uint32_t least, most;
};
bool tls_plain_of(uint16_t version, uint16_t suite, uint32_t fragment, struct tls_plain *out);
/* The same in two steps, for who has many records of one connection: what stands around their content; false when that is not
 * known. */
struct tls_wrapping {
    uint32_t around;    /* octets, or with blocks the least of them */
    uint32_t block, mac; /* 0: no blocks */
};
bool tls_wrapping_of(uint16_t version, uint16_t suite, struct tls_wrapping *out);
bool tls_plain_of_blocks(const struct tls_wrapping *w, uint32_t fragment, struct tls_plain *out);
static inline bool tls_plain_within(const struct tls_wrapping *w, uint32_t fragment, struct tls_plain *out)
{
    if (w->block != 0)
        return tls_plain_of_blocks(w, fragment, out);
    out->least = out->most = fragment - w->around;
    return fragment >= w->around;
}
/* Key exchange by static RSA: the certificate's key must be fit for keyEncipherment. */
bool tls_cipher_suite_static_rsa(uint16_t suite);

#endif
