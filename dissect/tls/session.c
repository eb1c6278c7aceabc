/* The record layer: a byte stream in any cut into bodies, RFC 8446 section 5.1 and RFC 5246 section 6.2. */
#include "dissect/tls/session.h"
#include "dissect/tls/decrypt.h"
#include "capture/wire/cursor.h"
#include "capture/wire/rarely.h"

void tls_malformed(struct tls_session *s, enum direction dir, const char *reason, const struct place *first)
{
    struct side *side = &s->side[dir];
    struct place begun = *first; /* it may stand in what is dropped now */
    side->dead = true;
    message_drop(s, side);
    buffer_give(s->context, side->record);
    side->record = NULL;
    struct tls_event event;
    event.u.reason = reason;
    tls_emit(s, &event, TLS_EVENT_MALFORMED, dir, &begun);
}

void side_refused(struct tls_session *s, struct side *side)
{
    if (!side->refused)
        s->context->refused++;
    side->refused = true;
}

/* What this side sends under this type is protected. In TLS 1.3 only type 23 is: change_cipher_spec means nothing
 * there. */
static bool is_protected(const struct tls_session *s, const struct side *side)
{
    if (side->type == TLS_APPLICATION_DATA)
        return true;
    return side->ccs && !is_tls13(s);
}

static bool plausible_header(const uint8_t h[RECORD_HEADER])
{
    enum { TYPES = 5 }; /* the last is heartbeat's 24 */
    unsigned version = (unsigned)h[1] << 8 | h[2], length = (unsigned)h[3] << 8 | h[4];
    return (unsigned)h[0] - TLS_CHANGE_CIPHER_SPEC < TYPES && version - VERSION_SSL_3_0 <= 4 &&
           length <= TLS_STREAM_MAX;
}

/* A client's implicit sign that the handshake is over, when nothing can be read: its first protected records in TLS 1.3
 * are Certificate, CertificateVerify, Finished or an alert, and only Finished has this length. */
static bool is_tls13_finished_length(const struct tls_session *s, uint32_t length)
{
    enum { HIDDEN = MESSAGE_HEADER + 1 + 16 };
    return s->cipher_suite == 0x1302 ? length == HIDDEN + 48 : length == HIDDEN + 32;
}

static inline void note_closed_data(struct tls_session *s, enum direction dir, uint32_t length)
{
    if (dir == TO_SERVER && is_tls13(s) && s->cipher_suite != 0x1305 && s->side[TO_CLIENT].hello && !s->early_data &&
        is_tls13_finished_length(s, length))
        s->side[TO_SERVER].finished = s->side[TO_CLIENT].finished = true;
}

/* A protected record went by that nobody can read. */
static void encrypted_record(struct tls_session *s, struct side *side, enum direction dir, const struct place *first)
{
    struct tls_event event;
    event.u.record = (struct tls_record){side->type, side->length};
    enum tls_event_kind kind = TLS_EVENT_ENCRYPTED;
    if (side->type == TLS_ALERT)
        kind = TLS_EVENT_ENCRYPTED_ALERT;
    else if (side->type == TLS_HANDSHAKE && side->ccs && !is_tls13(s))
        side->finished = true;
    else if (side->type == TLS_APPLICATION_DATA)
        note_closed_data(s, dir, side->length);
    tls_emit(s, &event, kind, dir, first);
}

static void change_cipher_spec(struct tls_session *s, enum direction dir, const struct place *first)
{
    struct side *side = &s->side[dir];
    if (!is_tls13(s)) {
        message_drop(s, side);
        keys_after_ccs(s, dir);
    }
    side->ccs = true;
    struct tls_event event;
    tls_emit(s, &event, TLS_EVENT_CHANGE_CIPHER_SPEC, dir, first);
}

static void alert(struct tls_session *s, enum direction dir, const uint8_t bytes[2], bool decrypted)
{
    struct tls_event event;
    event.u.alert = (struct tls_alert){bytes[0], bytes[1], decrypted};
    tls_emit(s, &event, TLS_EVENT_ALERT, dir, &s->side[dir].first);
}

/* A whole clear change_cipher_spec or alert record lies in small[]. */
static void small_record(struct tls_session *s, enum direction dir)
{
    struct side *side = &s->side[dir];
    if (side->type == TLS_CHANGE_CIPHER_SPEC) {
        if (side->small[0] != 1)
            tls_malformed(s, dir, "a change_cipher_spec that is not 1", &side->first);
        else
            change_cipher_spec(s, dir, &side->first);
        return;
    }
    for (uint32_t i = 0; i + 2 <= side->length; i += 2) {
        if (side->small[i] != 1 && side->small[i] != 2) {
            tls_malformed(s, dir, "an alert that is neither warning nor fatal", &side->first);
            return;
        }
        alert(s, dir, &side->small[i], false);
    }
}

/* The content of a decrypted record. */
static void clear_content(struct tls_session *s, enum direction dir, uint8_t type, struct span content)
{
    const struct place *first = &s->side[dir].first;
    struct tls_event event;
    switch (type) {
    case TLS_HANDSHAKE:
        if (!handshake_bytes(s, dir, content, first, true))
            tls_malformed(s, dir, "a decrypted record without a handshake message", first);
        break;
    case TLS_ALERT:
        if (content.len == 2)
            alert(s, dir, content.data, true);
        else
            tls_malformed(s, dir, "a decrypted alert that is not two bytes", first);
        break;
    case TLS_APPLICATION_DATA:
        event.u.bytes = content;
        if (content.len > 0)
            tls_emit(s, &event, TLS_EVENT_DATA, dir, first);
        break;
    case TLS_CHANGE_CIPHER_SPEC:
        change_cipher_spec(s, dir, first);
        break;
    default:
        break;
    }
}

/* A whole protected record for which there may be keys. */
static void protected_record(struct tls_session *s, enum direction dir, struct span fragment)
{
    struct side *side = &s->side[dir];
    struct buffer *room = buffer_take(s->context, (uint32_t)fragment.len);
    if (room == NULL) {
        side_refused(s, side);
        record_passed(s, dir);
        encrypted_record(s, side, dir, &side->first);
        return;
    }
    struct span content;
    uint8_t type;
    enum opened how = record_open(s, dir, fragment, room->data, &content, &type);
    if (how == OPENED) {
        s->decrypts = true;
        clear_content(s, dir, type, content);
    } else {
        if (how == OPEN_FAILED && !side->failed) {
            side->failed = true;
            struct tls_event event;
            event.u.record = (struct tls_record){side->type, side->length};
            tls_emit(s, &event, TLS_EVENT_DECRYPTION_FAILED, dir, &side->first);
        }
        encrypted_record(s, side, dir, &side->first);
    }
    buffer_give(s->context, room);
}

/* An SSL 2.0 style ClientHello, with which old clients begin even when they want TLS (RFC 5246 appendix E.2): two bytes
 * of length with the high bit set, client_hello, version. */
static bool is_v2_hello(const struct side *side, enum direction dir)
{
    const uint8_t *h = side->header;
    return dir == TO_SERVER && !side->started && (h[0] & 0x80) != 0 && h[2] == CLIENT_HELLO &&
           (h[3] == 3 || (h[3] == 0 && h[4] == 2));
}

static bool begin_v2_hello(struct side *side)
{
    enum { COUNTED_IN_HEADER = 3, FIXED = 6 };
    uint32_t length = (uint32_t)(side->header[0] & 0x7f) << 8 | side->header[1];
    if (length < COUNTED_IN_HEADER + FIXED || length > TLS_STREAM_MAX)
        return false;
    side->version = (uint16_t)((unsigned)side->header[3] << 8 | side->header[4]);
    side->length = side->left = length - COUNTED_IN_HEADER;
    side->body = BODY_V2_HELLO;
    side->started = true;
    return true;
}

/* A record that is neither handshake nor application data. False when the header is a lie. */
static bool begin_other_record(struct tls_session *s, enum direction dir)
{
    struct side *side = &s->side[dir];
    bool unsure = !side->hello || side->gapped;
    bool small =
        side->type == TLS_CHANGE_CIPHER_SPEC ? side->length == 1 : side->type == TLS_ALERT && side->length == 2;
    if (small || (side->type == TLS_ALERT && !is_protected(s, side) && !unsure && side->length % 2 == 0 &&
                  side->length <= SMALL_RECORD)) {
        side->body = BODY_SMALL;
    } else if (is_protected(s, side)) {
        side->body = side_has_keys(s, dir) ? BODY_COLLECTED : BODY_SKIPPED;
    } else if (unsure || side->type > TLS_APPLICATION_DATA) {
        side->body = BODY_SKIPPED;
    } else {
        tls_malformed(s, dir,
                      side->type == TLS_ALERT ? "a clear alert of a wrong length"
                                              : "a change_cipher_spec of a wrong length",
                      &side->first);
        return false;
    }
    return true;
}

/* How a record's body is to be taken, from its header and what was before. False when the header is a lie. */
static bool begin_record(struct tls_session *s, enum direction dir)
{
    struct side *side = &s->side[dir];
    if (is_v2_hello(side, dir) && begin_v2_hello(side))
        return true;
    side->type = side->header[0];
    side->version = (uint16_t)((unsigned)side->header[1] << 8 | side->header[2]);
    side->length = side->left = (uint32_t)side->header[3] << 8 | side->header[4];
    if (!plausible_header(side->header)) {
        tls_malformed(s, dir, side->started ? "no TLS record where one should begin" : "not TLS", &side->first);
        return false;
    }
    side->started = true;
    if (side->type != TLS_HANDSHAKE && side->type != TLS_APPLICATION_DATA)
        return begin_other_record(s, dir);
    if (!is_protected(s, side))
        side->body = BODY_MESSAGES;
    else
        side->body = side_has_keys(s, dir) ? BODY_COLLECTED : BODY_SKIPPED;
    return true;
}

/* The record's last byte was taken. */
static void end_record(struct tls_session *s, enum direction dir, struct span whole)
{
    struct side *side = &s->side[dir];
    switch ((enum body)side->body) {
    case BODY_MESSAGES:
        break;
    case BODY_SMALL:
        small_record(s, dir);
        break;
    case BODY_COLLECTED:
        protected_record(s, dir, whole);
        break;
    case BODY_V2_HELLO:
        v2_hello(s, whole);
        break;
    case BODY_SKIPPED:
        record_passed(s, dir);
        encrypted_record(s, side, dir, &side->first);
        break;
    }
    if (side->record != NULL)
        buffer_give(s->context, side->record);
    side->record = NULL;
    side->header_len = 0;
}

/* Keeps a piece of a record that must be whole; without room the record is only counted. */
static void collect(struct tls_session *s, struct side *side, struct span piece)
{
    uint32_t have = side->length - side->left;
    if (!buffer_grow(s->context, &side->record, have, side->length)) {
        side_refused(s, side);
        side->body = BODY_SKIPPED;
        return;
    }
    memcpy(side->record->data + have, piece.data, piece.len);
}

/* Takes what is there of the current record's body. */
static void take_body(struct tls_session *s, enum direction dir, struct cursor *in)
{
    struct side *side = &s->side[dir];
    struct span piece, whole;
    if (!take_span(in, side->left < in->len ? side->left : in->len, &piece))
        return;
    whole = piece;
    switch ((enum body)side->body) {
    case BODY_SKIPPED:
        break;
    case BODY_MESSAGES:
        if (!handshake_bytes(s, dir, piece, &s->place, false))
            side->body = BODY_SKIPPED;
        break;
    case BODY_SMALL:
        if (piece.len > 0)
            memcpy(side->small + (side->length - side->left), piece.data, piece.len);
        break;
    case BODY_COLLECTED:
    case BODY_V2_HELLO:
        if (piece.len < side->length) {
            collect(s, side, piece);
            if (side->record != NULL)
                whole = span_of(side->record->data, side->length);
        }
        break;
    }
    side->left -= (uint32_t)piece.len;
    if (side->left == 0 && !side->dead)
        end_record(s, dir, whole);
}

/* The usual case: the record lies there whole and needs no keys. False, with nothing taken, for every other. */
static bool take_whole_record(struct tls_session *s, enum direction dir, struct cursor *in)
{
    struct side *side = &s->side[dir];
    struct cursor at = *in;
    struct span header, body;
    if (side->header_len > 0 || !take_span(&at, RECORD_HEADER, &header) || !plausible_header(header.data) ||
        !take_span(&at, (size_t)header.data[3] << 8 | header.data[4], &body))
        return false;
    uint8_t type = header.data[0];
    bool guarded = type == TLS_APPLICATION_DATA || (side->ccs && !is_tls13(s));
    bool change = type == TLS_CHANGE_CIPHER_SPEC && body.len == 1 && body.data[0] == 1;
    bool readable = type == TLS_HANDSHAKE && !guarded;
    if (!readable && !change && ((type != TLS_HANDSHAKE && type != TLS_APPLICATION_DATA) || side_has_keys(s, dir)))
        return false;
    *in = at;
    side->type = type;
    side->length = (uint32_t)body.len;
    side->started = true;
    if (change) {
        change_cipher_spec(s, dir, &s->place);
    } else if (!readable || !handshake_bytes(s, dir, body, &s->place, false)) {
        record_passed(s, dir);
        encrypted_record(s, side, dir, &s->place);
    }
    return true;
}

/* The header, from one piece or several. True when it is complete and believable. */
static bool take_header(struct tls_session *s, enum direction dir, struct cursor *in)
{
    struct side *side = &s->side[dir];
    if (side->header_len == 0)
        side->first = s->place;
    size_t wanted = RECORD_HEADER - (size_t)side->header_len, n = wanted < in->len ? wanted : in->len;
    if (!take_bytes(in, n, side->header + side->header_len))
        return false;
    side->header_len = (uint8_t)(side->header_len + n);
    return side->header_len == RECORD_HEADER && begin_record(s, dir);
}

/* A believable record begins at `at`, with another (or the end of what is there) right behind it. One that reaches
 * further proves nothing about what is behind it, so it must stand where the bytes go on. */
static bool record_stands_here(struct cursor at, bool at_start)
{
    uint8_t header[RECORD_HEADER];
    if (!take_bytes(&at, sizeof header, header) || !plausible_header(header))
        return false;
    if (!take_skip(&at, (size_t)header[3] << 8 | header[4]))
        return at_start;
    return !take_bytes(&at, sizeof header, header) || plausible_header(header);
}

/* After a gap: steps to where a record begins. False: nowhere in here. */
static bool find_record(struct cursor *in)
{
    bool at_start = true;
    while (!record_stands_here(*in, at_start)) {
        at_start = false;
        if (in->len < RECORD_HEADER || !take_skip(in, 1))
            return false;
    }
    return true;
}

/* What is there of a record that is not whole, or must be kept; returns what is behind it. */
RARELY_CALLED static struct cursor take_part(struct tls_session *s, enum direction dir, struct cursor in)
{
    if (s->side[dir].header_len == RECORD_HEADER || take_header(s, dir, &in))
        take_body(s, dir, &in);
    return in;
}

/* Behind a gap; returns nothing as long as no record is found. */
RARELY_CALLED static struct cursor resume(struct side *side, struct cursor in)
{
    side->searching = !find_record(&in);
    return side->searching ? (struct cursor){0} : in;
}

void tls_feed(struct tls_session *s, enum direction dir, struct span bytes, struct place place)
{
    struct side *side = &s->side[dir];
    struct cursor in = cursor_of(bytes);
    s->place = place;
    if (side->searching && !side->dead)
        in = resume(side, in);
    while (in.len > 0 && !side->dead)
        if (!take_whole_record(s, dir, &in))
            in = take_part(s, dir, in);
}

uint32_t tls_closed_record(struct tls_session *s, enum direction dir, struct span bytes)
{
    struct side *side = &s->side[dir];
    const uint8_t *h = bytes.data;
    if (bytes.len < RECORD_HEADER || h[0] != TLS_APPLICATION_DATA || !plausible_header(h) || side->header_len > 0 ||
        side->searching || side->dead || (*s->context->secret_count > 0 && !side->no_keys))
        return 0;
    uint32_t length = (uint32_t)h[3] << 8 | h[4];
    if (length != bytes.len - RECORD_HEADER || length == 0)
        return 0;
    side->started = true;
    record_passed(s, dir);
    note_closed_data(s, dir, length);
    return length;
}

bool tls_stays_closed(const struct tls_session *s, enum direction dir)
{
    const struct side *side = &s->side[dir];
    bool may_finish = dir == TO_SERVER && is_tls13(s) && !side->finished; /* note_closed_data */
    return side->started && side->header_len == 0 && !side->searching && !side->dead && s->keys == NULL && !may_finish &&
           (*s->context->secret_count == 0 || side->no_keys);
}

void tls_closed_records(struct tls_session *s, enum direction dir, uint64_t count)
{
    s->side[dir].sequence += count;
}

void tls_gap(struct tls_session *s, enum direction dir, struct place place)
{
    (void)place;
    struct side *side = &s->side[dir];
    message_drop(s, side);
    buffer_give(s->context, side->record);
    side->record = NULL;
    side->header_len = 0;
    side->searching = side->gapped = true;
    side->no_keys = true; /* the records that are missing were numbered too */
}

bool tls_decrypts(const struct tls_session *s)
{
    return s->decrypts;
}

bool tls_finished(const struct tls_session *s, enum direction dir)
{
    return s->side[dir].finished;
}

bool tls_pending(const struct tls_session *s, enum direction dir, struct tls_handshake *message, uint32_t *present)
{
    const struct message *m = &s->side[dir].message;
    if (m->header_len < MESSAGE_HEADER)
        return false;
    *message = (struct tls_handshake){m->type, m->length};
    *present = m->present;
    return true;
}
