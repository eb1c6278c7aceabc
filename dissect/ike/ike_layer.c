#include "dissect/ike/ike_layer.h"

#include "capture/wire/rarely.h"
#include "dissect/ike/ike_state.h"

enum { ROOM_MIN = 16, ROOM_MAX = 1 << 20, EAP_BYTES = 1024, PORT_IKE = 500, PORT_NAT_T = 4500, KEEPALIVE = 0xff,
       LENGTH_AT = 24, RESERVED_SPIS = 256 };

struct ike_layer *ike_layer_new(const struct ike_layer_options *options)
{
    struct ike_layer *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    uint32_t room = options->associations;
    room = room < ROOM_MIN ? ROOM_MIN : room > ROOM_MAX ? ROOM_MAX : room;
    l->secrets = options->secrets;
    l->tls = options->tls;
    l->sink = options->sink;
    l->buffer_room = options->buffer_bytes;
    l->now_ns = INT64_MIN;
    l->ciphers = ciphers_new();
    l->digests = digests_new();
    bool made = associations_init(l, room);
    made = sent_init(l, room * SENT_PER_ASSOCIATION) && made;
    made = lone_init(l, options->lone_bytes) && made;
    l->lone_listed = options->lone_listed != 0 ? options->lone_listed : IKE_LONE_LISTED;
    if (made && l->ciphers != NULL && l->digests != NULL)
        return l;
    ike_layer_free(l);
    return NULL;
}

void ike_layer_free(struct ike_layer *l)
{
    if (l == NULL)
        return;
    associations_free(l);
    sent_free(l);
    lone_free(l);
    ciphers_free(l->ciphers);
    digests_free(l->digests);
    free(l->plain);
    free(l);
}

size_t ike_layer_association_bytes(void)
{
    return sizeof(struct association) + sizeof(struct esp_way) + SENT_PER_ASSOCIATION * (sizeof(struct sent) + sizeof(struct sent_bucket) / SENT_WAYS) +
           (size_t)(PAIRS + PATH_KEYS) * INDEX_ITEM_BYTES;
}

uint64_t ike_layer_bytes(const struct ike_layer *l)
{
    uint64_t bytes = (uint64_t)l->used * (sizeof(struct association) + sizeof(struct esp_way)) + (uint64_t)l->sent_used * (sizeof(struct sent) + sizeof(struct sent_bucket) / SENT_WAYS);
    uint64_t slots = (uint64_t)l->spi_index.used + l->path_index.used;
    return bytes + slots * INDEX_ITEM_BYTES + l->buffer_used + lone_bytes(l);
}

void ike_layer_get_counters(const struct ike_layer *l, struct ike_layer_counters *out)
{
    *out = l->counters;
}

static enum direction direction_of(const struct ike_arrival *in)
{
    return in->from_initiator ? TO_SERVER : TO_CLIENT;
}

static void tell(struct ike_layer *l, const struct ike_arrival *in, const struct ike_event *about)
{
    struct conversation *conv = &in->a->pub;
    const struct event e = {.kind = EVENT_IKE, .dir = direction_of(in), .place = l->place, .conv = conv, .u.ike = about};
    if (conv->on_ike != NULL && l->sink.ties == NULL)
        conv->on_ike(conv->user, &e);
    else
        event_emit(&l->sink, &e);
}

static struct ike_event event_of(const struct ike_arrival *in, enum ike_event_kind kind)
{
    return (struct ike_event){.kind = kind, .message = &in->m, .source = in->p->src, .destination = in->p->dst,
                              .ttl = in->p->ttl, .sk = in->m.encrypted ? IKE_SK_NO_KEY : IKE_SK_NONE,
                              .sk_length = in->m.length + IKE_NON_ESP_MARKER, .ip_fragments = in->p->fragments,
                              .marker = in->marker};
}

/* What a response's event tells of its request. */
static struct asked *note_request(const struct ike_layer *l, const struct ike_arrival *in, struct ike_event *about)
{
    struct asked *q = in->m.response ? asked_find(in->a, !in->from_initiator, in->pair, in->m.message_id) : NULL;
    if (q == NULL)
        return NULL;
    int64_t elapsed = elapsed_ns(l->place.time_ns, q->first.time_ns);
    about->request = q->first;
    about->elapsed_ns = elapsed > 0 ? elapsed : 0;
    return q;
}

/* Whose message it is, when its flags say it; IKEv1 has none: whose address it comes from. */
static bool sent_by_initiator(const struct ike_arrival *in)
{
    if (in->a->pub.type == CONVERSATION_IKE)
        return in->m.from_initiator != in->a->pairs[in->pair].swapped;
    for (unsigned i = 0; i < in->a->path_count; i++) {
        const struct ike_path *path = &in->a->paths[i];
        if (endpoint_equal(&path->initiator, &in->p->src) && endpoint_equal(&path->responder, &in->p->dst))
            return true;
        if (endpoint_equal(&path->responder, &in->p->src) && endpoint_equal(&path->initiator, &in->p->dst))
            return false;
    }
    return address_equal(&in->a->paths[0].initiator.address, &in->p->src.address) ||
           address_equal(&in->a->paths[0].responder.address, &in->p->dst.address);
}

static uint8_t pair_of(const struct association *a, const struct ike_message *m)
{
    return a->pairs[1].hash != 0 && memcmp(a->pairs[1].initiator, m->initiator_spi, IKE_SPI) == 0 ? 1 : 0;
}

static void retransmission(struct ike_layer *l, struct ike_arrival *in, struct sent *s)
{
    struct ike_event about = event_of(in, IKE_EVENT_RETRANSMISSION);
    s->transmissions += s->transmissions != UINT32_MAX;
    s->way = sent_way(in->p);
    *sent_last(l, s) = l->place.time_ns;
    about.transmissions = s->transmissions;
    about.moved = path_note(l, in->a, in->p, in->from_initiator);
    note_request(l, in, &about);
    struct asked *q = in->m.response ? NULL : asked_find(in->a, in->from_initiator, in->pair, in->m.message_id);
    if (q != NULL) {
        q->last = l->place;
        q->transmissions += in->m.fragment <= 1 && q->transmissions != UINT32_MAX;
    }
    tell(l, in, &about);
}

/* The same bytes again: sent once more on the same way, or seen once more beyond a translator. */
static void repeated(struct ike_layer *l, struct ike_arrival *in, struct sent *s)
{
    in->a = &l->associations[s->item];
    in->pair = pair_of(in->a, &in->m);
    in->from_initiator = sent_by_initiator(in);
    association_touch(l, in->a);
    lone_followed(l, in->a);
    bool same_way = s->way == sent_way(in->p);
    int64_t since = elapsed_ns(l->place.time_ns, *sent_last(l, s));
    bool at_once = since < TRANSLATED_NS && since > -TRANSLATED_NS;
    if (same_way || !(at_once || path_known(in->a, in->p, in->from_initiator))) {
        retransmission(l, in, s);
        return;
    }
    path_note_other(l, in->a, in->p, in->from_initiator);
    struct ike_event about = event_of(in, IKE_EVENT_TRANSLATED);
    tell(l, in, &about);
}

static inline bool is_ike_port(uint16_t port)
{
    return port == PORT_IKE || port == PORT_NAT_T;
}

static bool is_responder(const struct ike_layer *l, const struct address *a)
{
    uint64_t hash = address_hash(a, 0) | 1;
    return l->responders[hash / 2 % RESPONDERS] == hash;
}

static void note_responder(struct ike_layer *l, const struct address *a)
{
    uint64_t hash = address_hash(a, 0) | 1;
    l->responders[hash / 2 % RESPONDERS] = hash;
}

/* Which end of a packet was called: ports tell, or that one of them answered others' logins. */
enum called { CALLED_UNKNOWN, CALLED_SOURCE, CALLED_DESTINATION };

static enum called called_end(const struct ike_layer *l, const struct packet *p)
{
    bool to = is_ike_port(p->dst.port), from = is_ike_port(p->src.port);
    if (to == from) {
        to = is_responder(l, &p->dst.address);
        from = is_responder(l, &p->src.address);
    }
    return to == from ? CALLED_UNKNOWN : to ? CALLED_DESTINATION : CALLED_SOURCE;
}

/* Of an association that was begun before the initiator flag means whoever renewed it last, if it was. */
static bool from_caller(const struct ike_layer *l, const struct ike_arrival *in)
{
    bool login = in->m.exchange == IKE_SA_INIT || in->m.exchange == IKE_SESSION_RESUME || in->m.exchange == IKE_AUTH;
    enum called called = login ? CALLED_UNKNOWN : called_end(l, in->p);
    return called == CALLED_UNKNOWN ? in->m.from_initiator : called == CALLED_DESTINATION;
}

/* Of IKEv1, whose messages do not say it; but the one that has both cookies and begins with SA answers the first. */
static bool from_called1(const struct ike_layer *l, const struct ike_arrival *in)
{
    enum { SA = 1 };
    if (spi_is_zero(in->m.responder_spi))
        return false;
    return (!in->m.encrypted && in->m.next_payload == SA) || called_end(l, in->p) == CALLED_SOURCE;
}

/* Opens the association of a message that belongs to none: a first request begins it, another one shows that it began
 * before. */
static struct association *open_for(struct ike_layer *l, const struct ike_arrival *in)
{
    const struct ike_message *m = &in->m;
    bool calls = from_caller(l, in);
    bool first = m->exchange == IKE_SA_INIT || m->exchange == IKE_SESSION_RESUME, no_responder = spi_is_zero(m->responder_spi);
    if (m->malformed || spi_is_zero(m->initiator_spi))
        return NULL;
    if (first ? m->from_initiator == m->response || (!m->response && !no_responder) : no_responder || !m->encrypted)
        return NULL;
    struct ike_path path = calls ? (struct ike_path){in->p->src, in->p->dst, in->p->tunnel}
                                 : (struct ike_path){in->p->dst, in->p->src, in->p->tunnel};
    struct association *a = association_open(l, m, &path, !first || m->response);
    a->pairs[0].swapped = calls != m->from_initiator;
    return a;
}

/* What a message shows of the responder's SPI. The first answer that accepts is the one that counts. */
static bool learn_responder(struct ike_layer *l, const struct ike_arrival *in)
{
    struct association *a = in->a;
    struct spi_pair *pair = &a->pairs[in->pair];
    const struct ike_message *m = &in->m;
    bool accepts = m->exchange != IKE_SA_INIT || (m->response && l->clear.sa.len > 0);
    if (m->malformed || !accepts || spi_is_zero(m->responder_spi))
        return false;
    if (!pair->responder_known) {
        memcpy(pair->responder, m->responder_spi, IKE_SPI);
        pair->responder_known = true;
        if (m->exchange == IKE_SA_INIT)
            note_responder(l, &in->p->src.address);
        return false;
    }
    if (memcmp(pair->responder, m->responder_spi, IKE_SPI) == 0)
        return false;
    if (m->exchange != IKE_SA_INIT) { /* the initiator goes on with the other one */
        memcpy(a->other_responder, pair->responder, IKE_SPI);
        memcpy(pair->responder, m->responder_spi, IKE_SPI);
        pair->keys_sought = false;
        pair->keys = NULL;
    } else {
        memcpy(a->other_responder, m->responder_spi, IKE_SPI);
    }
    a->other_known = true;
    return true;
}

static void note_encrypted(struct ike_layer *l, const struct ike_arrival *in, bool proves)
{
    struct association *a = in->a;
    if (!in->m.encrypted)
        return;
    a->encrypted[in->from_initiator ? 0 : 1] |= proves;
    paths_enter(l, a);
    if (a->encrypted[0] && a->encrypted[1])
        association_establish(l, a);
}

/* The payloads that can be read of a new message, and what kind of event it is. */
static void look_inside(struct ike_layer *l, struct ike_arrival *in, struct ike_event *about)
{
    struct span plain;
    about->clear = &l->clear;
    if (!in->m.encrypted)
        return;
    if (in->m.fragments > 0 && !fragment_take(l, in, about, &plain)) {
        about->kind = IKE_EVENT_FRAGMENT;
        about->clear = NULL;
        return;
    }
    if (in->m.fragments == 0)
        about->sk = inside_open(l, in, &plain);
    if (about->sk != IKE_SK_OPENED)
        return;
    ike_read_payloads(in->m.sk_next, plain, false, &l->inside);
    about->inside = &l->inside;
}

static void new_message(struct ike_layer *l, struct ike_arrival *in)
{
    in->a = association_find(l, &in->m, in->p, &in->pair);
    if (in->a == NULL)
        in->a = renewal_find(l, in, &in->pair);
    bool opened = in->a == NULL;
    if (opened && (in->a = open_for(l, in)) == NULL)
        return;
    if (opened)
        lone_mark(l, in->a, &in->m);
    else
        lone_followed(l, in->a);
    struct ike_event about = event_of(in, IKE_EVENT_MESSAGE);
    /* Of what went on already, in a file that is not in order: no way back to port 500. */
    bool late = in->m.exchange == IKE_SA_INIT && (in->a->encrypted[0] || in->a->encrypted[1]);
    in->a->pub.begun_before = in->a->pub.begun_before && (in->m.exchange != IKE_SA_INIT || in->m.response);
    in->from_initiator = sent_by_initiator(in);
    association_touch(l, in->a);
    about.other_responder = learn_responder(l, in);
    if (!late)
        about.moved = !opened && path_note(l, in->a, in->p, in->from_initiator);
    note_encrypted(l, in, true);
    sent_remember(l, in);
    struct asked *q = note_request(l, in, &about);
    if (!in->m.response)
        asked_begin(l, in);
    look_inside(l, in, &about);
    if (q != NULL && about.kind == IKE_EVENT_MESSAGE && !in->m.malformed)
        q->answered = true;
    tell(l, in, &about);
    if (about.kind == IKE_EVENT_MESSAGE && about.inside == NULL)
        renewal_note(l, in);
    if (about.kind == IKE_EVENT_MESSAGE && inside_apply(l, in, about.inside))
        association_close(l, in->a, CLOSE_FINAL);
}

/* A server that speaks only the other version says so in that one. */
static bool refuses_version(struct ike_layer *l, struct ike_arrival *in)
{
    if ((in->a = association_refused(l, &in->m, in->p, &in->pair)) == NULL)
        return false;
    struct ike_event about = event_of(in, IKE_EVENT_MESSAGE);
    if (in->m.version >> 4 == 1)
        ike1_read_payloads(in->m.next_payload, in->m.payloads, in->m.cut, &l->clear);
    about.clear = &l->clear;
    lone_followed(l, in->a);
    association_touch(l, in->a);
    sent_remember(l, in);
    tell(l, in, &about);
    return true;
}

/* IKEv1, as far as it is in the clear. Quick mode comes after all that authenticates. */
static void new_message1(struct ike_layer *l, struct ike_arrival *in)
{
    const struct packet *p = in->p;
    in->a = association_find(l, &in->m, p, &in->pair);
    bool opened = in->a == NULL, first = spi_is_zero(in->m.responder_spi);
    if (opened) {
        struct ike_path path = from_called1(l, in) ? (struct ike_path){p->dst, p->src, p->tunnel}
                                              : (struct ike_path){p->src, p->dst, p->tunnel};
        if (in->m.malformed || spi_is_zero(in->m.initiator_spi))
            return;
        in->a = association_open(l, &in->m, &path, !first);
        lone_mark(l, in->a, &in->m);
    } else {
        lone_followed(l, in->a);
    }
    struct spi_pair *pair = &in->a->pairs[in->pair];
    if (!first && !pair->responder_known) {
        memcpy(pair->responder, in->m.responder_spi, IKE_SPI);
        pair->responder_known = true;
    }
    struct ike_event about = event_of(in, IKE_EVENT_MESSAGE);
    in->from_initiator = sent_by_initiator(in);
    association_touch(l, in->a);
    about.moved = !opened && path_note(l, in->a, p, in->from_initiator);
    note_encrypted(l, in, in->m.exchange == IKE1_QUICK);
    sent_remember(l, in);
    if (!in->m.encrypted) {
        ike1_read_payloads(in->m.next_payload, in->m.payloads, in->m.cut, &l->clear);
        about.clear = &l->clear;
    }
    tell(l, in, &about);
}

/* Whose message it is, and what it tells. */
static void take_message(struct ike_layer *l, struct ike_arrival *in)
{
    in->hash = sent_hash(&in->m);
    sent_prefetch(l, in->hash);
    associations_prefetch(l, &in->m);
    if (in->m.version >> 4 == 2) /* meanwhile; only a copy would not need it */
        ike_read_payloads(in->m.next_payload, in->m.payloads, in->m.cut, &l->clear);
    struct sent *s = sent_find(l, in);
    if (s != NULL)
        repeated(l, in, s);
    else if (!in->m.encrypted && refuses_version(l, in))
        return;
    else if (in->m.version >> 4 == 1)
        new_message1(l, in);
    else
        new_message(l, in);
}

void ike_layer_take(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len, bool marker)
{
    struct ike_arrival in = {.p = p, .marker = marker};
    if (ike_parse(bytes, wire_len, &in.m))
        take_message(l, &in);
}

static RARELY_CALLED void on_message(struct ike_layer *l, const struct packet *p, struct span bytes, uint32_t wire_len,
                                     bool marker)
{
    if (lone_waits(l, p, bytes, wire_len, marker))
        return;
    struct ike_arrival in; /* its message is set by ike_parse */
    in.p = p;
    in.a = NULL;
    in.pair = 0;
    in.from_initiator = false;
    in.marker = marker;
    bool read = ike_parse(bytes, wire_len, &in.m);
    unsigned version = read ? in.m.version >> 4 : 0;
    if (version != 1 && version != 2) {
        l->counters.malformed += bytes.len == wire_len; /* a cut header is the capture's fault */
        return;
    }
    l->counters.malformed += in.m.malformed;
    ike_layer_at(l, p->frame);
    if ((l->lone >= l->lone_listed || l->ring.index.used > 0) && lone_take(l, &in, bytes, wire_len))
        return;
    take_message(l, &in);
}

/* An IKE header without a marker, where ESP is to be expected as well. */
static inline bool is_header(struct span bytes, uint32_t wire_len)
{
    return bytes.len >= IKE_HEADER && be32_of(bytes.data + LENGTH_AT) == wire_len && ike_recognise(bytes, wire_len);
}

/* ESP, where IKE without a marker is to be expected as well. */
static inline bool is_esp(struct span bytes, uint32_t wire_len)
{
    return bytes.len >= IKE_NON_ESP_MARKER && be32_of(bytes.data) >= RESERVED_SPIS && !is_header(bytes, wire_len);
}

static RARELY_CALLED enum ike_carried find_out(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    struct span bytes = p->payload;
    uint32_t wire_len = p->payload_wire_len;
    bool nat_t = p->src.port == PORT_NAT_T || p->dst.port == PORT_NAT_T;
    bool plain = !nat_t && (p->src.port == PORT_IKE || p->dst.port == PORT_IKE);
    if (wire_len == 1) {
        if (bytes.len == 1 && bytes.data[0] == KEEPALIVE)
            path_keepalive(l, p);
        return IKE_CARRIED_KEEPALIVE;
    }
    if (plain || bytes.len < IKE_NON_ESP_MARKER) {
        if (wire_len > 0)
            on_message(l, p, bytes, wire_len, false);
        return IKE_CARRIED_IKE;
    }
    if (be32_of(bytes.data) == 0) {
        on_message(l, p, span_of(bytes.data + IKE_NON_ESP_MARKER, bytes.len - IKE_NON_ESP_MARKER),
                   wire_len - IKE_NON_ESP_MARKER, true);
        return IKE_CARRIED_IKE;
    }
    if (is_esp(bytes, wire_len)) {
        esp_packet(l, p, f, from_low);
        return IKE_CARRIED_ESP;
    }
    on_message(l, p, bytes, wire_len, false);
    return IKE_CARRIED_IKE;
}

/* Of what cannot be IKE either; the rest is_esp tells. */
static inline bool is_surely_esp(struct span bytes, uint32_t wire_len)
{
    return bytes.len >= IKE_NON_ESP_MARKER && be32_of(bytes.data) >= RESERVED_SPIS &&
           (bytes.len < IKE_HEADER || be32_of(bytes.data + LENGTH_AT) != wire_len);
}

/* Most is ESP of a flow that carried some before in either direction, of the same tunnel. */
enum ike_carried ike_layer_packet(struct ike_layer *l, const struct packet *p, struct flow *f, bool from_low)
{
    struct esp_way *w = &l->ways[f->ike];
    unsigned direction = from_low == w->low_initiates ? 0 : 1;
    if (w->flow != f->id || l->sink.ties != NULL || !is_surely_esp(p->payload, p->payload_wire_len) ||
        be32_of(p->payload.data) != w->spi[direction])
        return find_out(l, p, f, from_low);
    l->counters.esp_packets++;
    l->counters.esp_bytes += p->payload_wire_len;
    esp_count_next(w, p, direction);
    return IKE_CARRIED_ESP;
}

void ike_layer_time(struct ike_layer *l, int64_t now_ns)
{
    l->now_ns = now_ns;
    associations_time(l, now_ns);
}

void ike_layer_finish(struct ike_layer *l, int64_t end_ns)
{
    l->now_ns = end_ns;
    associations_finish(l);
}
