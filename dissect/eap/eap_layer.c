/* One EAP conversation: what each packet changes, and what is told about it. */
#include <stdlib.h>

#include "dissect/eap/eap_internal.h"
#include "capture/wire/cursor.h"
#include "capture/wire/rarely.h"

/* A late copy is only believed to be one when the packet holds this much that cannot repeat by chance. */
enum { TELLING_BYTES = 16 };

/* What is hashed of a long packet. The beginning has identifier, length and the random of a hello; the end is where
 * protected records keep their tag. */
enum { WORD = 8, HASHED_BEGINNING = 6 * WORD, HASHED_END = 2 * WORD };

const char eap_reason_short[] = "the packet is shorter than its length says";
static const char reason_cut[] = "the capture holds only the beginning of the packet";

struct eap *eap_new_at(struct tls_context *tls, eap_event_fn *on_event, void *ctx, uint8_t depth)
{
    struct eap *e = malloc(sizeof *e);
    if (e != NULL)
        *e = (struct eap){.tls = tls, .on_event = on_event, .ctx = ctx, .depth = depth, .event = {.depth = depth}};
    return e;
}

struct eap *eap_new(struct tls_context *tls, eap_event_fn *on_event, void *ctx)
{
    return eap_new_at(tls, on_event, ctx, 0);
}

void eap_free(struct eap *e)
{
    if (e == NULL)
        return;
    eap_tls_reset(e);
    free(e);
}

void eap_restart(struct eap *e)
{
    eap_tls_reset(e);
    *e = (struct eap){.tls = e->tls, .on_event = e->on_event, .ctx = e->ctx, .depth = e->depth,
                      .event = {.depth = e->depth}};
}

/* Eight bytes in the machine's own order: these hashes are only compared with each other. */
static inline uint64_t mix_word(uint64_t hash, const uint8_t bytes[static WORD])
{
    uint64_t word;
    memcpy(&word, bytes, WORD);
    hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
    return hash << 32 | hash >> 32;
}

static inline uint64_t mix_beginning(uint64_t hash, const uint8_t bytes[static HASHED_BEGINNING])
{
    uint64_t other = mix_word(mix_word(mix_word(0, bytes), bytes + WORD), bytes + 2 * WORD);
    hash = mix_word(mix_word(mix_word(hash, bytes + 3 * WORD), bytes + 4 * WORD), bytes + 5 * WORD);
    return hash + other;
}

/* Every byte of a short packet: words from its beginning, and its last ones, which may hold some of them twice. */
static RARELY_CALLED uint64_t hash_short(struct span bytes)
{
    uint64_t hash = bytes.len;
    if (bytes.len < WORD) {
        uint8_t word[WORD];
        memcpy(word, bytes.data, EAP_HEADER);
        memcpy(word + EAP_HEADER, bytes.data + bytes.len - EAP_HEADER, EAP_HEADER);
        return mix_word(hash, word);
    }
    size_t end = bytes.len - WORD;
    for (size_t at = 0; at < end; at += WORD)
        hash = mix_word(hash, bytes.data + at);
    return mix_word(hash, bytes.data + end);
}

/* Of a packet with at least its header. */
static inline uint64_t hash_packet(struct span bytes)
{
    if (bytes.len < HASHED_BEGINNING + HASHED_END)
        return hash_short(bytes);
    size_t end = bytes.len - HASHED_END;
    uint64_t hash = mix_beginning(bytes.len, bytes.data);
    return mix_word(mix_word(hash, bytes.data + end), bytes.data + end + WORD);
}

/*
 * RFC 3748 section 4.1: a retransmission has the identifier and the bytes of the packet before. Older fragments are
 * known too, which a second tap may show late.
 */
static inline bool repeated(struct eap_side *side, const struct eap_packet *p, struct span bytes)
{
    _Static_assert(EAP_REMEMBERED == 4, "the hashes are compared and moved one by one");
    uint64_t hash = hash_packet(bytes);
    uint64_t *known = side->hashes;
    bool late = known[0] == hash || known[1] == hash || known[2] == hash || known[3] == hash;
    if (late && side->spoke) {
        if (side->identifier == p->identifier && known[0] == hash)
            return true;
        if (p->tls_bytes.len >= TELLING_BYTES && (p->flags & EAP_TLS_START) == 0)
            return true;
    }
    known[3] = known[2];
    known[2] = known[1];
    known[1] = known[0];
    known[0] = hash;
    return false;
}

/* A new Identity request begins a new authentication on the same port: nothing of the old one goes on. */
static void begin_anew(struct eap *e, enum direction dir)
{
    eap_tls_reset(e);
    e->side[!dir].spoke = false;
}

/* partial: some of the packet's bytes are missing at its end. */
static inline void follow(struct eap *e, enum direction dir, const struct eap_packet *p, bool partial)
{
    struct eap_side *side = &e->side[dir];
    if (p->code == EAP_REQUEST) {
        if (p->type == EAP_TYPE_IDENTITY)
            begin_anew(e, dir);
        e->last_type = p->type;
    }
    bool placed = !p->malformed || partial; /* without its flags nothing can be placed */
    if (p->closed_record == 0 && p->tls_based && placed)
        eap_tls_packet(e, dir, p, partial);
    side->identifier = p->identifier;
    side->spoke = true;
}

/*
 * What eap_parse reads, for what most packets are: whole, of a TLS-based method, and without anything but TLS bytes
 * behind the flags. False, with nothing said, for every other.
 */
static inline bool parse_usual(struct span bytes, struct eap_packet *p)
{
    enum { TYPE = EAP_HEADER, FLAGS, HEAD, READ_FLAGS = EAP_TLS_LENGTH | EAP_TLS_MORE | EAP_TLS_START | 7 };
    struct cursor c = cursor_of(bytes);
    struct span head;
    uint32_t tls_length = 0;
    if (!take_span(&c, HEAD, &head))
        return false;
    const uint8_t *b = head.data;
    unsigned flags = b[FLAGS];
    if ((b[0] != EAP_REQUEST && b[0] != EAP_RESPONSE) || ((size_t)b[2] << 8 | b[3]) != bytes.len ||
        !eap_type_is_tls(b[TYPE]) || (flags & ~(unsigned)READ_FLAGS) != 0)
        return false;
    if ((flags & EAP_TLS_LENGTH) != 0 && (!take_be32(&c, &tls_length) || tls_length < c.len))
        return false;
    p->code = b[0];
    p->identifier = b[1];
    p->length = (uint16_t)bytes.len;
    p->type = b[TYPE];
    p->tls_based = true;
    p->flags = (uint8_t)flags;
    p->version = b[TYPE] == EAP_TYPE_TLS ? 0 : flags & 7;
    p->data = (struct span){b + FLAGS, bytes.len - FLAGS};
    p->tls_bytes = cursor_rest(&c);
    p->tls_length = tls_length;
    eap_packet_clear_rest(p);
    return true;
}

/* Every other packet; *bytes is cut to it. False when not even its header is there. */
static RARELY_CALLED bool parse_unusual(struct span *bytes, bool cut, struct eap_packet *p)
{
    if (!eap_parse(*bytes, p))
        return false;
    if (p->length <= bytes->len) {
        bytes->len = p->length;
    } else if (cut) {
        p->malformed = false;
        p->reason = reason_cut;
    }
    return true;
}

void eap_feed(struct eap *e, enum direction dir, struct span bytes, bool cut, const struct place *place)
{
    struct eap_packet p;
    e->cut |= cut;
    e->event.place = *place;
    if (!parse_usual(bytes, &p) && !parse_unusual(&bytes, cut, &p))
        return;
    e->last_dir = (uint8_t)dir;
    e->spoke = true;
    bool whole_header = p.length >= EAP_HEADER, partial = p.length > bytes.len;
    p.retransmission = whole_header && repeated(&e->side[dir], &p, bytes);
    bool follows = whole_header && !p.retransmission;
    if (p.tls_bytes.len > 0 && p.tls_bytes.data[0] == TLS_APPLICATION_DATA && follows && !partial)
        p.closed_record = eap_tls_closed_record(e, dir, &p);
    e->event.u.packet = &p;
    eap_emit(e, EAP_EVENT_PACKET, dir);
    if (follows)
        follow(e, dir, &p, partial);
}

void eap_get_state(const struct eap *e, struct eap_state *out)
{
    const struct eap_run *run = &e->side[TO_CLIENT].run;
    memset(out, 0, sizeof *out); /* receivers keep it as bytes: no dirt between the fields */
    out->tls = e->tls_state;
    out->server_flight_partial = run->open || run->lost;
    out->present = run->present;
    out->announced = run->announced;
    out->last_type = e->last_type;
    out->last_dir = (enum direction)e->last_dir;
    out->spoke = e->spoke;
    if (e->session != NULL && tls_finished(e->session, TO_SERVER) && tls_finished(e->session, TO_CLIENT))
        out->tls = EAP_TLS_ESTABLISHED;
}
