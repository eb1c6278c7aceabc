#include "dissect/eap/eapol.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

enum { BUCKETS = 1024, METHODS_FROM = 4 }; /* types below are Identity, Notification and Nak: RFC 3748 section 5 */

/* All conversations hang in one list by age, newest first, and in buckets by supplicant. */
struct eapol_conversation {
    struct conversation conv;
    struct eapol *layer;
    struct eap *eap;
    struct eapol_conversation *newer, *older; /* older also chains the free ones */
    struct eapol_conversation *next;          /* in the bucket */
    uint64_t bucket;
    int64_t last_ns;
    uint32_t tunnel;
    bool closed;     /* told as closed; kept so that repeated and late packets do not look like a new attempt */
    bool progressed; /* beyond Start and Identity: another Start is another attempt */
};

struct eapol {
    struct tls_context *tls;
    struct event_sink sink;
    struct eapol_counters counters;
    struct eapol_conversation *newest, *oldest, *unused;
    size_t count;
    int64_t now_ns; /* as eapol_expire was told; a packet's own time may be wrong */
    struct eapol_conversation *buckets[BUCKETS];
};

/* Who speaks to whom, as far as one frame shows it. */
struct roles {
    struct address supplicant, authenticator; /* FAMILY_NONE: a group address stood there */
    enum direction dir;
    uint32_t tunnel;
};

struct eapol *eapol_new(struct tls_context *tls, const struct event_sink *sink)
{
    struct eapol *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->tls = tls;
    l->sink = *sink;
    return l;
}

void eapol_free(struct eapol *l)
{
    if (l == NULL)
        return;
    while (l->newest != NULL) {
        struct eapol_conversation *c = l->newest;
        l->newest = c->older;
        eap_free(c->eap);
        free(c);
    }
    while (l->unused != NULL) {
        struct eapol_conversation *c = l->unused;
        l->unused = c->older;
        free(c);
    }
    free(l);
}

void eapol_get_counters(const struct eapol *l, struct eapol_counters *out)
{
    *out = l->counters;
}

static uint64_t bucket_of(const struct address *supplicant, uint32_t tunnel)
{
    return hash_bytes(supplicant->bytes, sizeof supplicant->bytes, tunnel) % BUCKETS;
}

static void list_remove(struct eapol *l, struct eapol_conversation *c)
{
    *(c->newer != NULL ? &c->newer->older : &l->newest) = c->older;
    *(c->older != NULL ? &c->older->newer : &l->oldest) = c->newer;
}

static void list_put_first(struct eapol *l, struct eapol_conversation *c)
{
    c->newer = NULL;
    c->older = l->newest;
    *(l->newest != NULL ? &l->newest->newer : &l->oldest) = c;
    l->newest = c;
}

static void bucket_put(struct eapol *l, struct eapol_conversation *c)
{
    c->bucket = bucket_of(&c->conv.client.address, c->tunnel);
    c->next = l->buckets[c->bucket];
    l->buckets[c->bucket] = c;
}

static void bucket_remove(struct eapol *l, struct eapol_conversation *c)
{
    struct eapol_conversation **at = &l->buckets[c->bucket];
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
}

static void tell_closed(struct eapol *l, struct eapol_conversation *c, enum close_reason reason, struct place place)
{
    if (c->closed)
        return;
    c->closed = true;
    struct eap_state state;
    if (c->eap != NULL)
        eap_get_state(c->eap, &state);
    struct event e = {.kind = EVENT_CLOSED,
                      .dir = TO_SERVER,
                      .place = place,
                      .conv = &c->conv,
                      .u = {.closed = {.reason = reason, .eap = c->eap != NULL ? &state : NULL}}};
    event_emit(&l->sink, &e);
    eap_free(c->eap);
    c->eap = NULL;
    c->conv.user = NULL;
}

static void drop(struct eapol *l, struct eapol_conversation *c, enum close_reason reason, int64_t now_ns)
{
    tell_closed(l, c, reason, (struct place){.time_ns = now_ns});
    list_remove(l, c);
    bucket_remove(l, c);
    l->count--;
    c->older = l->unused;
    l->unused = c;
}

/* Time since its last packet, which may lie ahead. */
static int64_t idle_ns(const struct eapol_conversation *c, int64_t now_ns)
{
    bool ahead = c->last_ns > now_ns;
    uint64_t apart = ahead ? (uint64_t)c->last_ns - (uint64_t)now_ns : (uint64_t)now_ns - (uint64_t)c->last_ns;
    int64_t idle = apart > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)apart;
    return ahead ? -idle : idle;
}

void eapol_expire(struct eapol *l, int64_t now_ns)
{
    l->now_ns = now_ns;
    for (struct eapol_conversation *c; (c = l->oldest) != NULL;) {
        int64_t idle = idle_ns(c, now_ns);
        if (idle > CONVERSATION_IDLE_NS) {
            drop(l, c, CLOSE_IDLE, now_ns);
        } else if (idle < -CONVERSATION_IDLE_NS) { /* a wrong time, or the clock was set back: its silence begins anew */
            c->last_ns = now_ns;
            list_remove(l, c);
            list_put_first(l, c);
        } else {
            return;
        }
    }
}

void eapol_finish(struct eapol *l)
{
    while (l->oldest != NULL)
        drop(l, l->oldest, CLOSE_END, l->oldest->last_ns);
}

/* An address that is not a station's own stands for anybody on the link. */
static struct address station(const struct address *a)
{
    bool group = a->family == FAMILY_MAC && (a->bytes[0] & 1) != 0;
    return group ? (struct address){0} : *a;
}

/* Who is who shows in what is said: requests come from the authenticator. False when this says nothing. */
static bool find_roles(const struct packet *p, const struct eapol_packet *pdu, struct roles *out)
{
    struct address source = station(&p->src.address), destination = station(&p->dst.address);
    switch (pdu->type) {
    case EAPOL_TYPE_EAP:
        if (pdu->body.len == 0)
            return false;
        out->dir = pdu->body.data[0] == EAP_RESPONSE ? TO_SERVER : TO_CLIENT;
        break;
    case EAPOL_TYPE_START:
    case EAPOL_TYPE_LOGOFF:
        out->dir = TO_SERVER;
        break;
    case EAPOL_TYPE_KEY:
        out->dir = pdu->key_acknowledge ? TO_CLIENT : TO_SERVER;
        break;
    default:
        return false;
    }
    out->supplicant = out->dir == TO_SERVER ? source : destination;
    out->authenticator = out->dir == TO_SERVER ? destination : source;
    out->tunnel = p->tunnel;
    return true;
}

static bool agrees(const struct address *known, const struct address *shown)
{
    return known->family == FAMILY_NONE || shown->family == FAMILY_NONE || address_equal(known, shown);
}

/* The newest conversation that the frame can belong to. A frame to the group is searched by age instead of by bucket.
 */
static struct eapol_conversation *find(struct eapol *l, const struct roles *r)
{
    struct eapol_conversation *best = NULL;
    if (r->supplicant.family != FAMILY_NONE) {
        struct eapol_conversation *c = l->buckets[bucket_of(&r->supplicant, r->tunnel)];
        for (; c != NULL; c = c->next)
            if (c->tunnel == r->tunnel && address_equal(&c->conv.client.address, &r->supplicant) &&
                agrees(&c->conv.server.address, &r->authenticator) && (best == NULL || c->last_ns > best->last_ns))
                best = c;
        if (best != NULL)
            return best;
    }
    for (struct eapol_conversation *c = l->newest; c != NULL; c = c->older)
        if (c->tunnel == r->tunnel && agrees(&c->conv.client.address, &r->supplicant) &&
            agrees(&c->conv.server.address, &r->authenticator))
            return c;
    return NULL;
}

/* What this frame names and the conversation did not know yet. */
static void learn(struct eapol *l, struct eapol_conversation *c, const struct roles *r)
{
    if (c->conv.server.address.family == FAMILY_NONE)
        c->conv.server.address = r->authenticator;
    if (c->conv.client.address.family == FAMILY_NONE && r->supplicant.family != FAMILY_NONE) {
        bucket_remove(l, c);
        c->conv.client.address = r->supplicant;
        bucket_put(l, c);
    }
}

static void on_eap(void *ctx, const struct eap_event *eap)
{
    struct eapol_conversation *c = ctx;
    struct event e = {.kind = EVENT_EAP, .dir = eap->dir, .place = eap->place, .conv = &c->conv, .u = {.eap = eap}};
    event_emit(&c->layer->sink, &e);
}

/* A conversation's record: a used one, a new one, or that of the one that was silent for longest. */
static struct eapol_conversation *take_record(struct eapol *l, int64_t now_ns)
{
    if (l->count >= EAPOL_CONVERSATIONS_MAX) {
        l->counters.evicted += !l->oldest->closed;
        drop(l, l->oldest, CLOSE_EVICTED, now_ns);
    }
    struct eapol_conversation *c = l->unused;
    if (c != NULL)
        l->unused = c->older;
    else
        c = malloc(sizeof *c);
    return c;
}

static struct eapol_conversation *open_conversation(struct eapol *l, const struct roles *r, bool begun_before,
                                                    struct place place)
{
    struct eapol_conversation *c = take_record(l, place.time_ns);
    if (c == NULL)
        return NULL;
    *c = (struct eapol_conversation){.layer = l, .last_ns = place.time_ns, .tunnel = r->tunnel};
    c->conv = (struct conversation){.id = ++*l->sink.next_conversation,
                                    .type = CONVERSATION_EAPOL,
                                    .client = {.address = r->supplicant},
                                    .server = {.address = r->authenticator},
                                    .begun_before = begun_before};
    l->count++;
    l->counters.conversations++;
    list_put_first(l, c);
    bucket_put(l, c);
    struct event e = {.kind = EVENT_OPENED, .dir = r->dir, .place = place, .conv = &c->conv};
    event_emit(&l->sink, &e);
    return c;
}

/* What a PDU means for the life of its conversation. */
struct meaning {
    bool begins;   /* Start, Identity request, Identity response: an attempt begins here or goes on */
    bool opens;    /* so does any other request or response, when nothing is open */
    bool restarts; /* and it ends an attempt that had come further */
    bool method;   /* of an authentication method */
    bool final;    /* Success or Failure */
};

static struct meaning meaning_of(const struct eapol_packet *pdu)
{
    struct meaning m = {0};
    struct eap_packet eap;
    if (pdu->type == EAPOL_TYPE_START) {
        m.begins = m.opens = m.restarts = true;
    } else if (pdu->type == EAPOL_TYPE_EAP && eap_parse(pdu->body, &eap)) {
        bool identity = eap.type == EAP_TYPE_IDENTITY;
        m.final = eap.code == EAP_SUCCESS || eap.code == EAP_FAILURE;
        m.opens = eap.code == EAP_REQUEST || eap.code == EAP_RESPONSE;
        m.begins = m.opens && identity;
        m.restarts = eap.code == EAP_REQUEST && identity;
        m.method = m.opens && eap.type >= METHODS_FROM;
    }
    return m;
}

/* The conversation that the frame belongs to, opened when it begins one. NULL when there is none. */
static struct eapol_conversation *conversation_for(struct eapol *l, const struct roles *r, const struct meaning *m,
                                                   struct place place)
{
    struct eapol_conversation *c = find(l, r);
    if (c != NULL && !c->closed && m->restarts && c->progressed)
        tell_closed(l, c, CLOSE_REPLACED, place);
    if (c != NULL && c->closed) {
        if (!m->begins && !(m->method && r->dir == TO_CLIENT))
            return NULL; /* keys, repeated answers: the aftermath of what was told */
        struct roles known = *r;
        if (known.supplicant.family == FAMILY_NONE)
            known.supplicant = c->conv.client.address;
        if (known.authenticator.family == FAMILY_NONE && r->dir == TO_CLIENT)
            known.authenticator = c->conv.server.address;
        drop(l, c, CLOSE_FINAL, place.time_ns);
        return open_conversation(l, &known, !m->begins, place);
    }
    if (c == NULL)
        return m->opens ? open_conversation(l, r, !m->begins, place) : NULL;
    learn(l, c, r);
    return c;
}

static enum eapol_kind kind_of(uint8_t type)
{
    switch (type) {
    case EAPOL_TYPE_EAP:
        return EAPOL_EAP;
    case EAPOL_TYPE_START:
        return EAPOL_START;
    case EAPOL_TYPE_LOGOFF:
        return EAPOL_LOGOFF;
    case EAPOL_TYPE_KEY:
        return EAPOL_KEY;
    default:
        return EAPOL_OTHER;
    }
}

void eapol_feed(struct eapol *l, const struct packet *p)
{
    struct place place = frame_place(p->frame);
    struct eapol_packet pdu;
    l->counters.pdus++;
    if (!eapol_parse(p->payload, p->payload_wire_len, &pdu)) {
        l->counters.malformed++;
        return;
    }
    l->counters.malformed += pdu.malformed;
    l->counters.types[pdu.type < EAPOL_TYPES ? pdu.type : EAPOL_TYPES]++;
    if (pdu.type == EAPOL_TYPE_KEY)
        l->counters.key_messages[pdu.key_message]++;
    struct roles r;
    if (!find_roles(p, &pdu, &r))
        return;
    struct meaning m = meaning_of(&pdu);
    struct eapol_conversation *c = conversation_for(l, &r, &m, place);
    if (c == NULL)
        return;
    c->last_ns = place.time_ns > l->now_ns ? place.time_ns : l->now_ns;
    list_remove(l, c);
    list_put_first(l, c);
    if (pdu.type != EAPOL_TYPE_EAP) {
        struct eapol_event eapol = {kind_of(pdu.type), pdu.version, pdu.type, pdu.length, pdu.key_message};
        struct event e = {.kind = EVENT_EAPOL, .dir = r.dir, .place = place, .conv = &c->conv, .u = {.eapol = &eapol}};
        event_emit(&l->sink, &e);
        c->progressed |= pdu.type == EAPOL_TYPE_LOGOFF;
        return;
    }
    c->progressed |= m.method;
    if (c->eap == NULL)
        c->eap = eap_new(l->tls, on_eap, c);
    if (c->eap != NULL)
        eap_feed(c->eap, r.dir, pdu.body, pdu.cut, &place);
    if (m.final)
        tell_closed(l, c, CLOSE_FINAL, place);
}
