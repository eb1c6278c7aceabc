/* Handshake messages out of a side's record bytes (RFC 8446 section 4), and the events that they make. */
#include "dissect/tls/decrypt.h"
#include "dissect/tls/messages.h"
#include "dissect/tls/session.h"
#include "capture/wire/cursor.h"
#include "capture/wire/rarely.h"

void message_drop(struct tls_session *s, struct side *side)
{
    if (side->message.header_len == 0)
        return;
    buffer_give(s->context, side->message.buffer);
    side->message = (struct message){0};
}

static const uint8_t hello_retry_random[RANDOM_SIZE] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/* A whole message on its way to its event. */
struct whole {
    enum direction dir;
    uint8_t type;
    bool decrypted;
    uint32_t length;
    struct span body; /* of as many bytes; empty when they were only counted */
    const struct place *first;
};

static void client_hello(struct tls_session *s, const struct whole *w)
{
    struct tls_event event;
    struct client_hello_parts parts;
    if (!client_hello_parse(w->body, &event.u.client_hello, &parts)) {
        tls_malformed(s, w->dir, "a client_hello whose lengths contradict", w->first);
        return;
    }
    const struct tls_client_hello *hello = &event.u.client_hello;
    memcpy(s->client_random, hello->random.data, RANDOM_SIZE);
    s->session_id_len = (uint8_t)hello->session_id.len;
    if (hello->session_id.len > 0)
        memcpy(s->session_id, hello->session_id.data, hello->session_id.len);
    s->early_data = parts.early_data;
    s->side[w->dir].hello = true;
    fingerprints_of(s->context->fingerprints, s->context->digests, &parts.fingerprint, &event.u.client_hello.ja3,
                    &event.u.client_hello.ja4);
    tls_emit(s, &event, TLS_EVENT_CLIENT_HELLO, w->dir, w->first);
}

/* RFC 5246 appendix E.2: lengths of specs, session id and challenge, then these. The challenge is the random's end. */
void v2_hello(struct tls_session *s, struct span body)
{
    enum { SPEC = 3 };
    struct side *side = &s->side[TO_SERVER];
    struct cursor c = cursor_of(body), specs;
    struct tls_event event;
    struct tls_client_hello *hello = &event.u.client_hello;
    *hello = (struct tls_client_hello){0};
    uint16_t specs_len, id_len, challenge_len;
    struct span challenge;
    if (!take_be16(&c, &specs_len) || !take_be16(&c, &id_len) || !take_be16(&c, &challenge_len) ||
        !take_sub(&c, specs_len, &specs) || !take_span(&c, id_len, &hello->session_id) ||
        !take_span(&c, challenge_len, &challenge) || id_len > SESSION_ID_MAX || challenge_len > RANDOM_SIZE ||
        challenge_len == 0) {
        tls_malformed(s, TO_SERVER, "an SSL 2.0 client_hello whose lengths contradict", &side->first);
        return;
    }
    struct buffer *suites = buffer_take(s->context, specs_len);
    if (suites == NULL)
        side_refused(s, side);
    size_t n = 0;
    uint8_t kind; /* 0: a TLS suite; SSL 2.0's own ones have no place in the event */
    struct span suite;
    while (take_u8(&specs, &kind) && take_span(&specs, SPEC - 1, &suite))
        if (kind == 0 && suites != NULL) {
            memcpy(suites->data + n, suite.data, suite.len);
            n += suite.len;
        }
    memset(s->client_random, 0, RANDOM_SIZE);
    memcpy(s->client_random + RANDOM_SIZE - challenge.len, challenge.data, challenge.len);
    s->session_id_len = (uint8_t)id_len;
    if (id_len > 0)
        memcpy(s->session_id, hello->session_id.data, id_len);
    hello->legacy_version = hello->max_version = side->version;
    hello->random = span_of(s->client_random, RANDOM_SIZE);
    hello->cipher_suites = suites != NULL ? span_of(suites->data, n) : (struct span){0};
    hello->ja3 = hello->ja4 = "";
    side->hello = true;
    tls_emit(s, &event, TLS_EVENT_CLIENT_HELLO, TO_SERVER, &side->first);
    buffer_give(s->context, suites);
}

static void server_hello(struct tls_session *s, const struct whole *w)
{
    struct tls_event event;
    struct server_hello_parts parts;
    if (!server_hello_parse(w->body, &event.u.server_hello, &parts)) {
        tls_malformed(s, w->dir, "a server_hello whose lengths contradict", w->first);
        return;
    }
    struct tls_server_hello *hello = &event.u.server_hello;
    hello->session_id_echoed =
        hello->session_id.len > 0 && span_equal(hello->session_id, span_of(s->session_id, s->session_id_len));
    s->version = hello->version;
    s->cipher_suite = hello->cipher_suite;
    s->encrypt_then_mac = parts.encrypt_then_mac;
    s->compressed = parts.compressed;
    memcpy(s->server_random, hello->random.data, RANDOM_SIZE);
    bool retry = memcmp(hello->random.data, hello_retry_random, RANDOM_SIZE) == 0;
    if (!retry)
        s->side[w->dir].hello = true;
    tls_emit(s, &event, retry ? TLS_EVENT_HELLO_RETRY_REQUEST : TLS_EVENT_SERVER_HELLO, w->dir, w->first);
}

static void certificate_status(struct tls_session *s, const struct whole *w, struct span ocsp)
{
    struct tls_event event;
    event.u.bytes = ocsp;
    tls_emit(s, &event, TLS_EVENT_CERTIFICATE_STATUS, w->dir, w->first);
}

static void certificate(struct tls_session *s, const struct whole *w)
{
    struct tls_event event;
    struct span ocsp = {0};
    certificate_parse(w->body, is_tls13(s), &event.u.certificate, &ocsp);
    event.u.certificate.decrypted = w->decrypted;
    tls_emit(s, &event, TLS_EVENT_CERTIFICATE, w->dir, w->first);
    if (ocsp.len > 0)
        certificate_status(s, w, ocsp);
}

static void certificate_request(struct tls_session *s, const struct whole *w)
{
    struct tls_event event;
    certificate_request_parse(w->body, s->version, &event.u.certificate_request);
    tls_emit(s, &event, TLS_EVENT_CERTIFICATE_REQUEST, w->dir, w->first);
}

static void other(struct tls_session *s, const struct whole *w)
{
    struct tls_event event;
    event.u.handshake = (struct tls_handshake){w->type, w->length};
    tls_emit(s, &event, TLS_EVENT_HANDSHAKE, w->dir, w->first);
}

/* The kinds of which more than the length is told. */
static bool is_read(uint8_t type)
{
    return type == CLIENT_HELLO || type == SERVER_HELLO || type == CERTIFICATE || type == CERTIFICATE_REQUEST ||
           type == CERTIFICATE_STATUS;
}

static void whole_message(struct tls_session *s, const struct whole *w)
{
    struct span ocsp;
    switch (w->type) {
    case CLIENT_HELLO:
        client_hello(s, w);
        break;
    case SERVER_HELLO:
        server_hello(s, w);
        break;
    case CERTIFICATE:
        certificate(s, w);
        break;
    case CERTIFICATE_REQUEST:
        certificate_request(s, w);
        break;
    case CERTIFICATE_STATUS:
        if (certificate_status_parse(w->body, &ocsp))
            certificate_status(s, w, ocsp);
        else
            other(s, w);
        break;
    default:
        if (w->type == FINISHED)
            s->side[w->dir].finished = true;
        other(s, w);
        break;
    }
    if (w->decrypted)
        keys_after_message(s, w->dir, w->type);
}

static bool is_handshake_type(uint8_t type)
{
    switch (type) {
#define X(number, name) case number:
#include "dissect/tls/handshake_types.def"
#undef X
        return true;
    default:
        return false;
    }
}

/* NULL, or why this header cannot begin a message of this side. */
static inline const char *header_fault(uint8_t type, uint32_t length, enum direction dir)
{
    if (!is_handshake_type(type))
        return "an unknown handshake message";
    if ((type == CLIENT_HELLO && dir == TO_CLIENT) || (type == SERVER_HELLO && dir == TO_SERVER))
        return "a hello from the wrong side";
    /* Certificates alone have a right to be long; those are counted, not kept. */
    if (length > TLS_MESSAGE_MAX - MESSAGE_HEADER && type != CERTIFICATE)
        return "a handshake message longer than any";
    return NULL;
}

/* Bytes that may be encrypted (the start was not seen, or bytes are missing) and do not look like the clear message
 * that their first four bytes announce. */
static bool unsure_looks_encrypted(const struct side *side, uint8_t type, uint32_t length, enum direction dir)
{
    if (header_fault(type, length, dir) != NULL || type == FINISHED)
        return true;
    if (type == HELLO_REQUEST)
        return side->length != MESSAGE_HEADER;
    return length > TLS_STREAM_MAX && type != CERTIFICATE;
}

static inline bool looks_encrypted(const struct side *side, uint8_t type, uint32_t length, enum direction dir)
{
    return (!side->hello || side->gapped) && unsure_looks_encrypted(side, type, length, dir);
}

/* Takes the four bytes of the header; they may come one by one. */
static bool take_message_header(struct message *m, struct cursor *in, const struct place *first)
{
    if (m->header_len == 0)
        m->first = *first;
    size_t wanted = MESSAGE_HEADER - (size_t)m->header_len, n = wanted < in->len ? wanted : in->len;
    if (!take_bytes(in, n, m->header + m->header_len))
        return false;
    m->header_len = (uint8_t)(m->header_len + n);
    if (m->header_len < MESSAGE_HEADER)
        return false;
    m->type = m->header[0];
    m->length = (uint32_t)m->header[1] << 16 | (uint32_t)m->header[2] << 8 | m->header[3];
    m->skipped = m->length > TLS_MESSAGE_MAX - MESSAGE_HEADER;
    m->counted = !is_read(m->type);
    return true;
}

/* Room grows with the bytes that are there, not with what the header claims. */
static void message_keep(struct tls_session *s, struct side *side, struct span piece)
{
    struct message *m = &side->message;
    enum { USUAL = 4096 };
    uint32_t size = m->present + (uint32_t)piece.len;
    if (size < USUAL && m->length > size)
        size = m->length < USUAL ? m->length : USUAL;
    if (!buffer_grow(s->context, &m->buffer, m->present, size)) {
        side_refused(s, side);
        m->skipped = true;
        return;
    }
    memcpy(m->buffer->data + m->present, piece.data, piece.len);
}

/* Takes what is there of the message's body; on its last byte the message goes out. */
static void take_message_body(struct tls_session *s, enum direction dir, struct cursor *in, bool decrypted)
{
    struct side *side = &s->side[dir];
    struct message *m = &side->message;
    uint32_t missing = m->length - m->present;
    struct span piece;
    if (!take_span(in, missing < in->len ? missing : in->len, &piece))
        return;
    if (!m->skipped && !m->counted && piece.len < m->length && piece.len > 0)
        message_keep(s, side, piece);
    m->present += (uint32_t)piece.len;
    if (m->present < m->length)
        return;
    struct message done = *m;
    *m = (struct message){0};
    if (done.buffer != NULL)
        piece = span_of(done.buffer->data, done.length);
    struct whole w = {dir, done.type, decrypted, done.length, done.counted ? (struct span){0} : piece, &done.first};
    if (done.skipped)
        other(s, &w);
    else
        whole_message(s, &w);
    if (done.buffer != NULL)
        buffer_give(s->context, done.buffer);
}

/* The usual case: a message that lies there from its first to its last byte goes out and leaves nothing behind. False,
 * with nothing taken, for every other. */
static inline bool take_whole_message(struct tls_session *s, enum direction dir, struct cursor *in,
                                      const struct place *first, bool decrypted)
{
    const struct side *side = &s->side[dir];
    struct cursor at = *in, body;
    uint8_t type;
    if (side->message.header_len > 0 || !take_u8(&at, &type) || !take_sub_be24(&at, &body))
        return false;
    struct whole w = {dir, type, decrypted, (uint32_t)body.len, cursor_rest(&body), first};
    if (w.length > TLS_MESSAGE_MAX - MESSAGE_HEADER || header_fault(type, w.length, dir) != NULL ||
        (!decrypted && looks_encrypted(side, type, w.length, dir)))
        return false;
    *in = at;
    whole_message(s, &w);
    return true;
}

/* Messages in pieces, or such as cannot be any. */
static RARELY_CALLED bool any_messages(struct tls_session *s, enum direction dir, struct cursor in,
                                       const struct place *first, bool decrypted)
{
    struct side *side = &s->side[dir];
    struct message *m = &side->message;
    while (in.len > 0 && !side->dead) {
        if (take_whole_message(s, dir, &in, first, decrypted))
            continue;
        if (m->header_len < MESSAGE_HEADER) {
            if (!take_message_header(m, &in, first))
                continue;
            if (!decrypted && looks_encrypted(side, m->type, m->length, dir)) {
                message_drop(s, side);
                return false;
            }
            const char *fault = header_fault(m->type, m->length, dir);
            if (fault != NULL) {
                tls_malformed(s, dir, fault, &m->first);
                break;
            }
        }
        take_message_body(s, dir, &in, decrypted);
    }
    return true;
}

bool handshake_bytes(struct tls_session *s, enum direction dir, struct span bytes, const struct place *first,
                     bool decrypted)
{
    struct cursor in = cursor_of(bytes);
    while (in.len > 0 && !s->side[dir].dead)
        if (!take_whole_message(s, dir, &in, first, decrypted))
            return any_messages(s, dir, in, first, decrypted);
    return true;
}
