/*
 * The TLS-based methods: fragments in, one TLS byte stream per direction out (RFC 5216 section 2.1.5). The peers speak
 * in lock-step, so fragments of a run can only be missing from the capture, never overtake each other.
 */
#include "dissect/eap/eap_internal.h"
#include "capture/wire/cursor.h"
#include "capture/wire/rarely.h"

enum { RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_HEARTBEAT = 24, RECORD_PREFIX = 3 };

static const char reason_identifiers[] = "identifiers between two fragments are missing";
static const char reason_beginning[] = "the beginning of a run of fragments is missing";
static const char reason_fewer[] = "the run of fragments ended before its announced length";
static const char reason_more[] = "more bytes than the announced TLS length";
static const char reason_length[] = "the announced TLS length changed within a run of fragments";
static const char reason_differ[] = "two fragments with the same identifier differ";
static const char reason_went_on[] = "the last fragments of a run are missing";
static const char reason_many[] = "too many fragments in one run";

/* This side sent something that only comes after the hellos. */
static inline void speaks(struct eap *e, enum direction dir)
{
    if (dir == TO_CLIENT && e->tls_state < EAP_TLS_SERVER_FLIGHT)
        e->tls_state = EAP_TLS_SERVER_FLIGHT;
    else if (dir == TO_SERVER && e->tls_state == EAP_TLS_SERVER_FLIGHT)
        e->tls_state = EAP_TLS_CLIENT_FLIGHT;
}

static void on_tls(void *ctx, const struct tls_event *t)
{
    struct eap *e = ctx;
    bool client = t->dir == TO_SERVER;
    switch (t->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        if (e->tls_state < EAP_TLS_CLIENT_HELLO)
            e->tls_state = EAP_TLS_CLIENT_HELLO;
        break;
    case TLS_EVENT_SERVER_HELLO:
        if (e->tls_state < EAP_TLS_SERVER_FLIGHT)
            e->tls_state = EAP_TLS_SERVER_FLIGHT;
        break;
    case TLS_EVENT_CHANGE_CIPHER_SPEC:
        if (client && e->tls_state == EAP_TLS_SERVER_FLIGHT) /* the server's may follow a retry request */
            e->tls_state = EAP_TLS_CLIENT_FLIGHT;
        break;
    case TLS_EVENT_CERTIFICATE:
    case TLS_EVENT_HANDSHAKE:
    case TLS_EVENT_ENCRYPTED:
        speaks(e, t->dir);
        break;
    default:
        break;
    }
    e->event.u.tls = t;
    eap_emit(e, EAP_EVENT_TLS, t->dir);
    if (t->kind == TLS_EVENT_DATA)
        eap_inner_bytes(e, t->dir, t->u.bytes);
}

void eap_tls_reset(struct eap *e)
{
    if (e->session != NULL)
        tls_session_free(e->session);
    e->session = NULL;
    if (e->inner != NULL)
        eap_inner_free(e);
    for (int dir = 0; dir < 2; dir++)
        e->side[dir].run = (struct eap_run){0};
    e->method = 0;
    e->version = 0;
    e->tls_state = EAP_TLS_NOT_STARTED;
}

static RARELY_CALLED void begin_method(struct eap *e, const struct eap_packet *p)
{
    eap_tls_reset(e);
    e->method = p->type;
    e->version = p->version;
}

static RARELY_CALLED bool begin_session(struct eap *e)
{
    e->session = tls_session_new(e->tls, on_tls, e);
    return e->session != NULL;
}

static inline void feed(struct eap *e, enum direction dir, struct span bytes)
{
    if ((e->session != NULL || begin_session(e)) && bytes.len > 0)
        tls_feed(e->session, dir, bytes, e->event.place);
}

static void stream_gap(struct eap *e, enum direction dir)
{
    if (e->session != NULL || begin_session(e))
        tls_gap(e->session, dir, e->event.place);
}

/* A run is told about once: what follows from its first loss is no news. */
static void lose(struct eap *e, enum direction dir, const char *reason)
{
    struct eap_run *run = &e->side[dir].run;
    if (run->lost)
        return;
    run->lost = true;
    e->event.u.gap = (struct eap_gap){run->present, run->announced, run->identifier, e->cut, reason};
    eap_emit(e, EAP_EVENT_FRAGMENT_GAP, dir);
}

static void abandon_open(struct eap *e, enum direction dir, const char *reason)
{
    struct eap_run *run = &e->side[dir].run;
    lose(e, dir, reason);
    run->open = false;
    stream_gap(e, dir);
    eap_inner_message(e, dir, run->identifier, false);
}

/* The run of this side never came to its end in the capture, and the conversation went on. */
static inline void abandon(struct eap *e, enum direction dir, const char *reason)
{
    if (e->side[dir].run.open)
        abandon_open(e, dir, reason);
}

static inline bool looks_like_record(struct span bytes)
{
    return bytes.len >= RECORD_PREFIX && bytes.data[0] >= RECORD_CHANGE_CIPHER_SPEC &&
           bytes.data[0] <= RECORD_HEARTBEAT && bytes.data[1] == 3 && bytes.data[2] <= 4;
}

/*
 * step: how far the identifier moved since the run's last fragment. Most servers count up by one, but they need not: it
 * is a loss when the other side has answered in between, or when the announced length leaves room for what would be
 * missing.
 */
static bool fragments_missing(struct eap *e, enum direction dir, uint8_t step, const struct eap_packet *p)
{
    struct eap_side *side = &e->side[dir];
    const struct eap_side *other = &e->side[!dir];
    const struct eap_run *run = &side->run;
    if (step == 1 || e->depth > 0) /* inside PEAP the identifiers are those of the carrier */
        return false;
    uint8_t between = (uint8_t)(other->identifier - run->identifier);
    if (other->spoke && between > 0 && between < step)
        return true;
    if (run->announced == 0)
        return !side->irregular;
    uint64_t present = (uint64_t)run->present + p->tls_bytes.len;
    if ((p->flags & EAP_TLS_MORE) == 0) {
        side->irregular |= present == run->announced;
        return present != run->announced;
    }
    enum { LENGTH_FIELD = 4 }; /* a first fragment is that much shorter when only it has the L field */
    uint64_t size = run->size > LENGTH_FIELD ? run->size - LENGTH_FIELD : 1;
    side->irregular |= present + (step - 1u) * size > run->announced;
    return !side->irregular;
}

/* A clear ClientHello after a ServerHello: another attempt, whose Start was not captured. */
static inline bool is_second_attempt(const struct eap *e, enum direction dir, struct span bytes)
{
    enum { RECORD_HANDSHAKE = 22, TYPE = 5, CLIENT_HELLO = 1, VERSION = 9 };
    if (dir != TO_SERVER || e->tls_state < EAP_TLS_SERVER_FLIGHT || bytes.len <= VERSION)
        return false;
    const uint8_t *b = bytes.data;
    return b[0] == RECORD_HANDSHAKE && looks_like_record(bytes) && b[TYPE] == CLIENT_HELLO &&
           b[VERSION] == 3; /* else it is encrypted */
}

/* No identifier is missing between the side's packet before and this one. */
static bool follows(const struct eap_side *side, const struct eap_packet *p)
{
    return side->spoke && (uint8_t)(p->identifier - side->identifier) <= 1;
}

static void begin(struct eap *e, enum direction dir, const struct eap_packet *p, bool at_start)
{
    struct eap_run *run = &e->side[dir].run;
    *run =
        (struct eap_run){.announced = p->tls_length, .size = (uint32_t)p->tls_bytes.len, .identifier = p->identifier};
    if (!at_start && e->depth == 0 && !looks_like_record(p->tls_bytes)) {
        lose(e, dir, reason_beginning);
        stream_gap(e, dir);
    }
}

/* True when the packet is to be fed: it goes on with the open run, or begins another because the end of that is
 * missing. */
static bool go_on(struct eap *e, enum direction dir, const struct eap_packet *p)
{
    struct eap_run *run = &e->side[dir].run;
    uint8_t step = (uint8_t)(p->identifier - run->identifier);
    if (step == 0 && e->depth == 0) {
        lose(e, dir, reason_differ);
        return false;
    }
    if (p->tls_length != 0 && run->announced == 0)
        run->announced = p->tls_length;
    if (!fragments_missing(e, dir, step, p))
        return true;
    if ((p->flags & EAP_TLS_MORE) == 0 && looks_like_record(p->tls_bytes)) {
        abandon(e, dir, reason_went_on);
        begin(e, dir, p, true);
    } else {
        lose(e, dir, reason_identifiers);
        stream_gap(e, dir);
    }
    return true;
}

/* How many of the packet's bytes belong to the TLS stream: never more than were announced. */
static size_t within_announced(struct eap *e, enum direction dir, const struct eap_packet *p)
{
    const struct eap_run *run = &e->side[dir].run;
    size_t len = p->tls_bytes.len;
    if (run->announced == 0 || (uint64_t)run->present + len <= run->announced)
        return len;
    size_t room = run->announced > run->present ? run->announced - run->present : 0;
    struct cursor behind = cursor_of(p->tls_bytes);
    struct span rest = take_skip(&behind, room) ? cursor_rest(&behind) : (struct span){0};
    bool may_trail = p->type == EAP_TYPE_PEAP || p->type == EAP_TYPE_TEAP; /* MS-PEAP 2.2.6, RFC 7170 section 4.1 */
    bool outer_tlvs = may_trail && (p->flags & EAP_TLS_MORE) == 0 && eap_tlvs_plausible(rest);
    if (!outer_tlvs)
        lose(e, dir, reason_more);
    return room;
}

static void end(struct eap *e, enum direction dir, const struct eap_packet *p)
{
    struct eap_run *run = &e->side[dir].run;
    if (run->announced != 0 && run->present < run->announced && !run->lost) {
        lose(e, dir, reason_fewer);
        stream_gap(e, dir);
    }
    if (e->inner != NULL)
        eap_inner_message(e, dir, p->identifier, !run->lost);
}

RARELY_CALLED static void fragment(struct eap *e, enum direction dir, const struct eap_packet *p, bool partial)
{
    struct eap_run *run = &e->side[dir].run;
    abandon(e, !dir, reason_went_on);
    if (run->open && p->tls_length != 0 && run->announced != 0 && p->tls_length != run->announced)
        abandon(e, dir, reason_length);
    if (!run->open && is_second_attempt(e, dir, p->tls_bytes))
        begin_method(e, p);
    if (!run->open)
        begin(e, dir, p, follows(&e->side[dir], p));
    else if (!go_on(e, dir, p))
        return;
    run->identifier = p->identifier;
    run->open = (p->flags & EAP_TLS_MORE) != 0;
    if (run->fragments >= EAP_FRAGMENTS_MAX) {
        lose(e, dir, reason_many);
        if (!run->open)
            stream_gap(e, dir);
    } else {
        size_t len = within_announced(e, dir, p);
        run->fragments++;
        run->present += (uint32_t)len;
        feed(e, dir, (struct span){p->tls_bytes.data, len});
    }
    if (partial) {
        lose(e, dir, eap_reason_short);
        stream_gap(e, dir);
    }
    if (!run->open)
        end(e, dir, p);
}

static inline bool nothing_open(const struct eap *e)
{
    return !e->side[TO_SERVER].run.open && !e->side[TO_CLIENT].run.open;
}

/* The usual case: a flight that fits one packet, while nothing is open. */
static inline bool is_whole_flight(const struct eap *e, const struct eap_packet *p, bool partial)
{
    return looks_like_record(p->tls_bytes) && (p->flags & EAP_TLS_MORE) == 0 &&
           (p->tls_length == 0 || p->tls_length == p->tls_bytes.len) && nothing_open(e) && !partial;
}

static inline void set_whole_run(struct eap_run *run, const struct eap_packet *p)
{
    run->announced = p->tls_length;
    run->present = run->size = (uint32_t)p->tls_bytes.len;
    run->fragments = 1;
    run->identifier = p->identifier;
    run->open = run->lost = false;
}

static inline void whole_flight(struct eap *e, enum direction dir, const struct eap_packet *p)
{
    if (is_second_attempt(e, dir, p->tls_bytes))
        begin_method(e, p);
    set_whole_run(&e->side[dir].run, p);
    feed(e, dir, p->tls_bytes);
    if (e->inner != NULL)
        eap_inner_message(e, dir, p->identifier, true);
}

/* Nothing of the method inside was ever read, so there is nobody inside to be told that a message is over. */
uint32_t eap_tls_closed_record(struct eap *e, enum direction dir, const struct eap_packet *p)
{
    if (p->type != e->method || e->session == NULL || e->inner != NULL ||
        (p->flags & (EAP_TLS_START | EAP_TLS_MORE)) != 0 || !nothing_open(e) ||
        (p->tls_length != 0 && p->tls_length != p->tls_bytes.len))
        return 0;
    uint32_t length = tls_closed_record(e->session, dir, p->tls_bytes);
    if (length == 0)
        return 0;
    e->version = p->version;
    set_whole_run(&e->side[dir].run, p);
    speaks(e, dir);
    return length;
}

void eap_tls_packet(struct eap *e, enum direction dir, const struct eap_packet *p, bool partial)
{
    bool start = (p->flags & EAP_TLS_START) != 0 && dir == TO_CLIENT && p->code == EAP_REQUEST;
    if (start || p->type != e->method)
        begin_method(e, p);
    e->version = p->version;
    if (start) /* FAST and TEAP put an authority id here, PEAP its outer TLVs: nothing of it is TLS */
        return;
    bool acknowledgement = p->tls_bytes.len == 0 && (p->flags & (EAP_TLS_LENGTH | EAP_TLS_MORE)) == 0 && !partial;
    if (is_whole_flight(e, p, partial))
        whole_flight(e, dir, p);
    else if (acknowledgement)
        abandon(e, dir, reason_went_on); /* who acknowledges has nothing left to send */
    else
        fragment(e, dir, p, partial);
}
