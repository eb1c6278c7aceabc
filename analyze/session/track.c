#include "analyze/session/track.h"

#include <stdlib.h>

#include "analyze/session/judge.h"
#include "analyze/session/judge_ike.h"
#include "analyze/session/judge_settled.h"
#include "analyze/session/judge_sstp.h"
#include "analyze/session/pack.h"
#include "analyze/session/track_ike.h"
#include "capture/wire/elapsed.h"
#include "capture/wire/large.h"
#include "analyze/session/track_sstp.h"
#include "analyze/session/track_watch.h"

/* The first slab is small; further ones fill a huge page. */
enum { SLAB_FIRST = 64, SLAB = LARGE_PAGE / sizeof(struct live), SLABS_MAX = 1 << 12 };
struct slab {
    void *memory; /* where it lies */
    struct live *lives;
    size_t count;
};

/*
 * Tunnels last for hours and are silent after their first second: their facts wait packed. Only so many of them sit unpacked;
 * when another one comes, one that has not stirred is parked.
 */
enum { SEATS = 1024, SEATS_LOOKED_AT = 16 };
struct parked {
    const struct track_parts *parts; /* NULL, which a live one's is not */
    struct parked *next, **before;   /* of all; what points to it */
    uint32_t len;
    uint16_t kinds;                  /* of parts, for exchange_unpack */
};

struct track {
    struct track_parts parts;
    exchange_done_fn *done;
    void *ctx;
    struct slab *slabs; /* SLABS_MAX of them; in the last one lives from `fresh` on were never used and are all zero */
    size_t slab_count, fresh;
    struct live *free;  /* given back */
    uint64_t live_count, parked_bytes, peak_bytes;
    struct live *seats[SEATS];
    uint32_t hand;
    struct parked *parked;
    struct lost_pair lost[LOST_MAX];
    size_t lost_count;
};

struct track *track_new(struct chains *chains, struct servers *servers, bool ladder, exchange_done_fn *done, void *ctx)
{
    struct track *t = calloc(1, sizeof *t);
    if (t == NULL || (t->slabs = calloc(SLABS_MAX, sizeof *t->slabs)) == NULL) {
        free(t);
        return NULL;
    }
    t->parts = (struct track_parts){.chains = chains, .servers = servers, .ladder = ladder};
    t->done = done;
    t->ctx = ctx;
    return t;
}

void track_count(struct track *t, struct analysis_totals *totals)
{
    t->parts.totals = totals;
}

/* Live exchanges that dissection still refers to are its to close: dissect_finish comes before. */
void track_end(struct track *t)
{
    for (size_t k = 0; k < t->slab_count; k++) {
        struct slab *slab = &t->slabs[k];
        size_t used = k + 1 < t->slab_count ? slab->count : t->fresh;
        for (size_t i = 0; i < used; i++)
            free(slab->lives[i].ladder);
        free(slab->memory);
    }
    t->slab_count = t->fresh = 0;
    t->free = NULL;
    while (t->parked != NULL) {
        struct parked *p = t->parked;
        t->parked = p->next;
        free(p);
    }
}

void track_free(struct track *t)
{
    if (t == NULL)
        return;
    track_end(t);
    watch_free(t->parts.watch);
    free(t->slabs);
    free(t);
}

bool track_watch(struct track *t, exchange_seen_fn *began, exchange_seen_fn *going, void *ctx)
{
    for (size_t k = 0; k < t->slab_count; k++) /* who waits to be looked at need not any more */
        for (size_t i = 0; i < (k + 1 < t->slab_count ? t->slabs[k].count : t->fresh); i++)
            t->slabs[k].lives[i].look = 0;
    watch_free(t->parts.watch);
    t->parts.watch = NULL;
    if (began != NULL || going != NULL)
        t->parts.watch = watch_new(began, going, ctx);
    return t->parts.watch != NULL || (began == NULL && going == NULL);
}

static bool more_lives(struct track *t)
{
    if (t->slab_count == SLABS_MAX)
        return false;
    struct slab *slab = &t->slabs[t->slab_count];
    slab->count = t->slab_count == 0 ? SLAB_FIRST : SLAB;
    slab->lives = large_new(t->slab_count == 0 ? SLAB_FIRST * sizeof *slab->lives : LARGE_PAGE, &slab->memory);
    if (slab->lives == NULL)
        return false;
    t->slab_count++;
    t->fresh = 0;
    return true;
}

/* One that was never used: what a login does not need of it (IKE, most of its texts) stays untouched, and costs nothing. */
static struct live *live_fresh(struct track *t)
{
    bool full = t->slab_count == 0 || t->fresh == t->slabs[t->slab_count - 1].count;
    return full && !more_lives(t) ? NULL : &t->slabs[t->slab_count - 1].lives[t->fresh++];
}

/* What was written in it when it was used before. */
static void clear(struct live *l)
{
    if (l->x.has_inner)
        memset(&l->x.inner, 0, sizeof l->x.inner);
    if (exchange_has_own(&l->x))
        memset((uint8_t *)&l->x + offsetof(struct exchange, ike), 0, sizeof l->x - offsetof(struct exchange, ike));
    memset(&l->x, 0, offsetof(struct exchange, text));
}

uint64_t track_bytes(const struct track *t)
{
    return t->live_count * sizeof(struct live) + t->parked_bytes;
}

static void measure(struct track *t)
{
    uint64_t bytes = track_bytes(t);
    t->peak_bytes = bytes > t->peak_bytes ? bytes : t->peak_bytes;
}

/* as_it_is: not zeroed, as it will be unpacked into. */
static struct live *live_take(struct track *t, struct conversation *conv, bool as_it_is)
{
    struct live *l = t->free;
    if (l != NULL)
        t->free = l->next_free;
    else if ((l = live_fresh(t)) == NULL)
        return NULL;
    else
        as_it_is = true;
    if (!as_it_is)
        clear(l);
    l->parts = &t->parts;
    l->server = NULL;
    l->radius_known = 0;
    l->ladder_len = 0;
    l->conv = conv;
    l->seat = 0;
    l->look = 0;
    l->looks = 0;
    t->live_count++;
    measure(t);
    return l;
}

static void live_give(struct track *t, struct live *l)
{
    if (l->seat != 0)
        t->seats[l->seat - 1] = NULL;
    l->next_free = t->free;
    t->free = l;
    t->live_count--;
}

uint64_t track_peak_bytes(const struct track *t)
{
    return t->peak_bytes;
}

/* When memory is short it stays as it is, without a seat. */
static void park(struct track *t, struct live *l)
{
    uint8_t packed[PACK_MAX];
    uint16_t kinds;
    size_t len = (size_t)(exchange_pack(&l->x, NULL, packed, &kinds) - packed);
    struct parked *p = malloc(sizeof *p + len);
    t->seats[l->seat - 1] = NULL;
    l->seat = 0;
    watch_forget(l);
    if (p == NULL)
        return;
    *p = (struct parked){.len = (uint32_t)len, .kinds = kinds, .next = t->parked, .before = &t->parked};
    memcpy(p + 1, packed, len);
    if (p->next != NULL)
        p->next->before = &p->next;
    t->parked = p;
    t->parked_bytes += sizeof *p + len;
    l->conv->user = p;
    l->conv->on_eap = NULL;
    l->conv->on_record = NULL;
    l->conv->on_ike = NULL;
    live_give(t, l);
}

static void take_seat(struct track *t, struct live *l)
{
    for (uint32_t i = 0; i < SEATS_LOOKED_AT; i++) {
        struct live *sits = t->seats[t->hand];
        if (sits == NULL || !sits->stirred || i + 1 == SEATS_LOOKED_AT)
            break;
        sits->stirred = false;
        t->hand = (t->hand + 1) % SEATS;
    }
    if (t->seats[t->hand] != NULL)
        park(t, t->seats[t->hand]);
    t->seats[t->hand] = l;
    l->seat = t->hand + 1;
    t->hand = (t->hand + 1) % SEATS;
}

static void sstp_record(void *live, enum direction dir, uint32_t length, const struct place *place);
static void ike_told(void *live, const struct event *e);

/* NULL when memory is short: what was known of it is lost. */
static RARELY_CALLED struct live *unpark(struct track *t, struct conversation *conv)
{
    struct parked *p = conv->user;
    struct live *l = live_take(t, conv, true);
    conv->user = NULL;
    t->parked_bytes -= sizeof *p + p->len;
    *p->before = p->next;
    if (p->next != NULL)
        p->next->before = p->before;
    if (l != NULL && !exchange_unpack(span_of(p + 1, p->len), NULL, p->kinds, &l->x)) {
        memset(&l->x, 0, sizeof l->x);
        live_give(t, l);
        l = NULL;
    }
    free(p);
    if (l == NULL)
        return NULL;
    l->set_apart = false;
    conv->user = l;
    conv->on_eap = track_eap;
    conv->on_record = t->parts.watch == NULL ? sstp_record : NULL;
    conv->on_ike = t->parts.watch == NULL ? ike_told : NULL;
    take_seat(t, l);
    return l;
}

/* Of an event's conversation; NULL when there is none. */
static inline struct live *live_of(struct track *t, const struct event *e)
{
    const struct track_parts *const *user = e->conv != NULL ? e->conv->user : NULL; /* the first of either */
    if (user == NULL)
        return NULL;
    return *user != NULL ? e->conv->user : unpark(t, e->conv);
}

static RARELY_CALLED void open_exchange(struct track *t, const struct event *e)
{
    struct live *l = live_take(t, e->conv, false);
    e->conv->user = l;
    if (l == NULL)
        return;
    struct exchange *x = &l->x;
    x->id = e->conv->id;
    x->type = (uint8_t)e->conv->type;
    l->set_apart = t->parts.ladder || x->type == CONVERSATION_EAPOL;
    e->conv->on_eap = l->set_apart ? NULL : track_eap;
    e->conv->on_radius = l->set_apart ? NULL : track_radius;
    e->conv->on_record = l->set_apart || t->parts.watch != NULL ? NULL : sstp_record;
    e->conv->on_ike = l->set_apart || t->parts.watch != NULL ? NULL : ike_told;
    x->client = e->conv->client;
    x->server = e->conv->server;
    x->begun_before = e->conv->begun_before;
    x->first = x->last = e->place;
    x->radius.tunnel_type = x->radius.nas_port_type = UINT32_MAX;
    x->radius.final_ns = -1;
    if (exchange_has_own(x) && !l->set_apart)
        take_seat(t, l);
    if (t->parts.watch != NULL && t->parts.watch->began != NULL)
        t->parts.watch->began(t->parts.watch->ctx, x);
}

RARELY_CALLED void saw_capture(struct exchange *x, uint32_t capture)
{
    for (unsigned i = 0; i < x->capture_count; i++)
        if (x->captures[i] == capture)
            return;
    if (x->capture_count < EXCHANGE_CAPTURES_MAX)
        x->captures[x->capture_count++] = capture;
}

static inline void saw_frame(struct exchange *x, const struct event *e)
{
    saw_place(x, e->dir, &e->place);
}

static void sstp_record(void *live, enum direction dir, uint32_t length, const struct place *place)
{
    struct live *l = live;
    l->stirred = true;
    saw_place(&l->x, dir, place);
    track_closed_record(&l->x.sstp.tls, dir, length, place);
}

/* The server did answer, in datagrams of which a part is lost: that is no silence. */
static bool answer_was_lost(const struct track *t, const struct exchange *x)
{
    for (size_t i = 0; i < t->lost_count; i++)
        if (address_equal(&t->lost[i].src.address, &x->server.address) &&
            address_equal(&t->lost[i].dst.address, &x->client.address))
            return true;
    return false;
}

/* Nobody whom the NAS asked answered: a capture that merely ends before an answer does not show it, unless the NAS itself kept
 * repeating. */
static bool silence_shown(const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool from_elsewhere = r->wrong_source > 0 && r->responses == r->responses_then;
    return (x->last_from_client || from_elsewhere) && r->unanswered_place.frame != 0 &&
           (!r->unanswered_capture_ended || r->icmp_seen || r->unanswered_transmissions >= 3);
}

/* A NAS that has no answer repeats its request (RFC 5080 section 2.2.1). In a login that the server had answered before, the
 * answer to one sent once is what the capture lacks. */
static bool answer_not_captured(const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    return r->challenges > 0 && r->unanswered == 1 && r->unanswered_transmissions == 1 && !r->icmp_seen;
}

static enum outcome outcome_of(const struct track *t, const struct exchange *x)
{
    if (exchange_is_ike(x))
        return judge_ike_outcome(x);
    if (exchange_is_ppp(x))
        return judge_sstp_outcome(x);
    if (x->type == CONVERSATION_EAPOL) {
        if (x->eap.result == EAP_RESULT_SUCCESS)
            return OUTCOME_ESTABLISHED;
        if (x->eap.result == EAP_RESULT_FAILURE)
            return OUTCOME_REJECTED;
        /* One Start may be the capture's last packet; a client repeats it every few seconds (IEEE 802.1X startPeriod).
         */
        if (x->first_from_server.frame == 0 &&
            (x->eapol_starts >= 3 || (x->eapol_starts > 0 && (judge_quiet_ns(x) >= JUDGE_SILENT_NS ||
                                                              x->last.time_ns - x->first.time_ns >= JUDGE_SILENT_NS))))
            return OUTCOME_UNANSWERED;
    } else {
        if (x->radius.final == RADIUS_ACCESS_ACCEPT)
            return OUTCOME_ESTABLISHED;
        if (x->radius.final == RADIUS_ACCESS_REJECT)
            return OUTCOME_REJECTED;
        if (judge_client_refused(x))
            return OUTCOME_ABORTED;
        if (silence_shown(x))
            return answer_was_lost(t, x) || answer_not_captured(x) ? OUTCOME_INCOMPLETE : OUTCOME_UNANSWERED;
    }
    if (x->close_reason == CLOSE_IDLE || x->close_reason == CLOSE_REPLACED)
        return OUTCOME_ABORTED;
    return OUTCOME_INCOMPLETE;
}

/* What it came to, as it was closed or as it stands. */
static RARELY_CALLED void conclude(const struct track *t, struct exchange *x, const struct event *e)
{
    if (x->capture_count == 0) /* no event told of any of its packets */
        saw_capture(x, x->first.capture);
    x->close_reason = (uint8_t)e->u.closed.reason;
    x->capture_last_ns = e->now_ns;
    if (e->u.closed.eap != NULL)
        x->eap_state = *e->u.closed.eap;
    if (e->u.closed.ike != NULL)
        x->ike.state = *e->u.closed.ike;
    if (exchange_is_ppp(x))
        track_sstp_closed(x, e);
    if (x->type == CONVERSATION_SSTP)
        x->sstp.kind = (uint8_t)judge_sstp_kind(x);
    if (x->eap_state.server_flight_partial && !x->eap.tls.certificate_seen)
        x->eap.tls.certificate_truncated = true;
    x->outcome = OUTCOME_INCOMPLETE; /* for judge.h, until it is known */
    x->outcome = (uint8_t)outcome_of(t, x);
}

static RARELY_CALLED void show(struct track *t, const struct event *e)
{
    struct track_watch *w = t->parts.watch;
    struct live *l = live_of(t, e);
    if (w == NULL || w->going == NULL || l == NULL)
        return;
    w->copy = l->x;
    conclude(t, &w->copy, e);
    w->going(w->ctx, &w->copy);
    bool again = l->x.told != w->copy.told;
    l->x.told = w->copy.told;
    int64_t quiet = elapsed_ns(e->now_ns, w->copy.last.time_ns);
    if (again || (quiet >= 0 && quiet < SETTLED_AGAIN_NS)) /* once more when it is quiet */
        watch_stir(l, e->now_ns);
}

static RARELY_CALLED void close_exchange(struct track *t, const struct event *e)
{
    struct live *l = live_of(t, e);
    e->conv->user = NULL;
    if (l == NULL)
        return;
    struct exchange *x = &l->x;
    watch_forget(l);
    conclude(t, x, e);
    x->ladder = span_of(l->ladder, l->ladder_len);
    bool own = l->server != NULL && endpoint_equal(&l->server->endpoint, &x->server);
    t->done(t->ctx, x, own ? l->server : NULL);
    live_give(t, l);
}

static struct lost_pair *lost_pair_of(struct track *t, const struct net_lost_fragments *lost)
{
    for (size_t i = 0; i < t->lost_count; i++)
        if (address_equal(&t->lost[i].src.address, &lost->src.address) &&
            address_equal(&t->lost[i].dst.address, &lost->dst.address))
            return &t->lost[i];
    if (t->lost_count == LOST_MAX)
        return NULL;
    struct lost_pair *p = &t->lost[t->lost_count++];
    p->src = lost->src;
    p->dst = lost->dst;
    p->example = *lost;
    p->example.payload = span_of(NULL, 0);
    p->first_ns = p->last_ns = lost->first.time_ns;
    p->in_one_capture = true;
    return p;
}

/* payload holds the UDP header first when the first fragment came. */
static bool lost_is_radius(const struct net_lost_fragments *lost)
{
    static const uint16_t ports[] = {1812, 1813, 1645, 1646, 3799};
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (lost->ip_proto == IP_PROTO_UDP && (lost->src.port == ports[i] || lost->dst.port == ports[i]))
            return true;
    return false;
}

/* Fragments of one datagram leave back to back: a capture that goes on this long proves that the rest is lost. */
#define FRAGMENT_WAIT_NS (2 * INT64_C(1000000000))

static RARELY_CALLED void lost_fragments(struct track *t, const struct net_lost_fragments *lost)
{
    if (lost->cut || lost->ip_proto != IP_PROTO_UDP)
        return;
    if (lost->capture_ended && lost->waited_ns < FRAGMENT_WAIT_NS)
        return;
    struct lost_pair *p = lost_pair_of(t, lost);
    if (p == NULL)
        return;
    p->datagrams++;
    p->first_only += lost->first_seen;
    p->rest_only += !lost->first_seen;
    p->first_ns = lost->first.time_ns < p->first_ns ? lost->first.time_ns : p->first_ns;
    p->last_ns = lost->first.time_ns > p->last_ns ? lost->first.time_ns : p->last_ns;
    p->in_one_capture = p->in_one_capture && lost->first.capture == p->example.first.capture;
    p->radius = p->radius || lost_is_radius(lost);
    if (p->example.src.port == 0 && lost->first_seen) {
        p->example = *lost;
        p->example.payload = span_of(NULL, 0);
        p->src = lost->src;
        p->dst = lost->dst;
    }
}

const struct lost_pair *track_lost(const struct track *t, size_t *count)
{
    *count = t->lost_count;
    return t->lost;
}

static RARELY_CALLED void tell_ladder(struct live *l, const struct event *e)
{
    switch (e->kind) {
    case EVENT_RADIUS:
        ladder_radius(l, e);
        break;
    case EVENT_EAP:
        ladder_eap(l, e);
        break;
    case EVENT_EAPOL:
        ladder_eapol(l, e);
        break;
    case EVENT_IKE:
        ladder_ike(l, e);
        break;
    case EVENT_SSTP:
        ladder_sstp(l, e);
        break;
    case EVENT_PPP:
        ladder_ppp(l, e);
        break;
    case EVENT_CALL:
        ladder_call(l, e);
        break;
    case EVENT_CLOSED:
        ladder_closed(l, e);
        break;
    default:
        break;
    }
}

static RARELY_CALLED void eapol_login_event(struct live *l, const struct event *e)
{
    /* A group address is no party: the other end may become known later. */
    l->x.client = e->conv->client;
    l->x.server = e->conv->server;
    if (e->kind == EVENT_EAP || e->kind == EVENT_EAPOL)
        saw_frame(&l->x, e);
    if (e->kind != EVENT_EAPOL)
        return;
    l->x.eapol_starts += e->u.eapol->kind == EAPOL_START;
    l->x.eapol_logoffs += e->u.eapol->kind == EAPOL_LOGOFF;
}

static RARELY_CALLED void other_event(struct track *t, const struct event *e)
{
    switch (e->kind) {
    case EVENT_RADIUS:
        track_other_radius(&t->parts, &e->place, e->u.radius);
        break;
    case EVENT_OPENED:
        open_exchange(t, e);
        break;
    case EVENT_CLOSED:
        close_exchange(t, e);
        break;
    case EVENT_STATE:
        show(t, e);
        break;
    case EVENT_TIME:
        if (t->parts.watch != NULL)
            watch_time(t->parts.watch, e->now_ns);
        break;
    case EVENT_LOST_FRAGMENTS:
        lost_fragments(t, e->u.lost);
        break;
    default:
        break;
    }
}

static void count_ike(const struct track_parts *t, const struct event *e)
{
    const struct ike_message *m = e->u.ike->message;
    if (m == NULL || t->totals == NULL)
        return;
    t->totals->ike_clear += m->exchange == IKE_SA_INIT;
    t->totals->ike_encrypted += m->encrypted;
}

/* A message that only came by another way again tells of the path, not of the association's progress. */
static RARELY_CALLED void ike_event(const struct track_parts *t, struct live *l, const struct event *e)
{
    count_ike(t, e);
    if (l == NULL)
        return;
    if (e->u.ike->kind != IKE_EVENT_TRANSLATED && e->u.ike->kind != IKE_EVENT_UNREACHABLE)
        saw_frame(&l->x, e);
    l->x.server = e->conv->server;
    track_ike(t, l, e);
}

static void ike_told(void *live, const struct event *e)
{
    struct live *l = live;
    l->stirred = true;
    ike_event(l->parts, l, e);
}

static RARELY_CALLED void ppp_event(const struct track *t, struct live *l, const struct event *e)
{
    saw_frame(&l->x, e);
    if (e->kind == EVENT_SSTP)
        track_sstp(&t->parts, l, e);
}

static inline void dispatch(struct track *t, struct live *l, const struct event *e)
{
    if (l != NULL && e->kind == EVENT_EAP)
        track_eap(l, e->u.eap);
    else if (l != NULL && e->kind == EVENT_RADIUS)
        track_radius(l, e->dir, &e->place, e->u.radius);
    else if (e->kind == EVENT_IKE)
        ike_event(&t->parts, l, e);
    else if (l != NULL && (e->kind == EVENT_SSTP || e->kind == EVENT_PPP || e->kind == EVENT_CALL))
        ppp_event(t, l, e);
    else
        other_event(t, e);
}

static RARELY_CALLED void set_apart_event(struct track *t, struct live *l, const struct event *e)
{
    if (l->x.type == CONVERSATION_EAPOL)
        eapol_login_event(l, e);
    if (t->parts.ladder)
        tell_ladder(l, e);
    dispatch(t, l, e);
}

/* Logins are closed with the packet that decides them. */
static RARELY_CALLED void watch_event(struct live *l, const struct event *e)
{
    watch_before(l, e->place.time_ns);
    watch_stir(l, e->place.time_ns);
}

void track_event(struct track *t, const struct event *e)
{
    struct live *l = live_of(t, e);
    if (l != NULL) {
        l->stirred = true;
        if (t->parts.watch != NULL && e->kind != EVENT_STATE && e->kind != EVENT_CLOSED)
            watch_event(l, e);
    }
    if (l != NULL && l->set_apart)
        set_apart_event(t, l, e);
    else
        dispatch(t, l, e);
}
