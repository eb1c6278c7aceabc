/* One vantage point's frames become packets, packets flows, and flows go to the layer that knows them. */
#include "dissect/dissect.h"

#include <stdlib.h>

#include "capture/wire/elapsed.h"
#include "capture/wire/rarely.h"
#include "dissect/eap/eapol.h"
#include "dissect/ike/ike_layer.h"
#include "dissect/l2tp/l2tp_layer.h"
#include "dissect/net/hint.h"
#include "dissect/net/icmp.h"
#include "dissect/pptp/pptp_layer.h"
#include "dissect/protocols.h"
#include "dissect/radius/radius_layer.h"
#include "dissect/recognise.h"
#include "dissect/sstp/sstp_layer.h"

enum { RADIUS_TRIES = 8, JUDGED_PACKETS = 4, FLOWS_MAX = 1 << 20,
       PORT_HTTPS = 443 };
#define MEMORY_LEAST (UINT64_C(4) << 20)
#define HOLE_NS (10 * INT64_C(1000000000)) /* radius_layer_hole */
#define TICK_NS INT64_C(250000000) /* silences are told with this grain of capture time */

struct dissector {
    struct net *net;
    struct flow_table *flows;
    struct hint *hint;
    struct hosts *hosts;
    struct tls_context *tls;
    struct radius_layer *radius;
    struct eapol *eapol;
    struct ike_layer *ike;
    struct sstp_layer *sstp;
    struct l2tp_layer *l2tp;
    struct pptp_layer *pptp;
    struct secrets *no_secrets; /* an empty set, when the caller has none */
    struct event_sink out;
    frame_fn *on_frame;
    void *frame_ctx;
    uint32_t side;
    struct frame_ties ties; /* of the frame at hand, when somebody asks */
    uint64_t number;        /* likewise, of it */
    const struct frame *frame;
    uint32_t told_for;      /* conversation that it was told for, because that ended with it */
    uint32_t own_serial;
    int64_t now_ns, previous_ns; /* of the latest two frames */
    int64_t ticked_ns;
    bool began;
    bool was_within; /* the latest frame's time was within the present tick */
    uint64_t eap_malformed, tls_malformed, conversations, conversations_evicted;
    uint64_t one_sided_flows, judged_flows, one_sided_radius, judged_radius;
    uint64_t state_peak;
    struct protocols protocols;
};

/* The events of a frame tell what it belongs to. All that came of a TCP connection does, whenever it is told of. */
RARELY_CALLED static void tie(struct dissector *d, const struct event *e)
{
    if (e->kind != EVENT_CLOSED && e->conv != NULL && e->place.frame == d->number)
        d->ties.conversation = e->conv->id;
    if (e->kind != EVENT_OPENED)
        return;
    e->conv->on_radius = NULL;
    if (e->conv->flow != 0)
        d->on_frame(d->frame_ctx, NULL, &(struct frame_ties){.side = d->side, .conversation = e->conv->id, .flow = e->conv->flow});
}

/* Who keeps packets has the one that ends its conversation before the end is told. */
RARELY_CALLED static void tell_last_frame(struct dissector *d)
{
    if (d->told_for == d->ties.conversation)
        return;
    d->told_for = d->ties.conversation;
    d->on_frame(d->frame_ctx, d->frame, &d->ties);
}

/* Every event passes here on its way out. */
static void on_event(void *ctx, const struct event *e)
{
    struct dissector *d = ctx;
    if (e->kind == EVENT_EAP) {
        const struct eap_event *eap = e->u.eap;
        d->eap_malformed += eap->kind == EAP_EVENT_PACKET && eap->u.packet->malformed;
        d->tls_malformed += eap->kind == EAP_EVENT_TLS && eap->u.tls->kind == TLS_EVENT_MALFORMED;
    } else if (e->kind == EVENT_OPENED) {
        d->conversations++;
    } else if (e->kind == EVENT_CLOSED || e->kind == EVENT_STATE) {
        if (d->on_frame != NULL && e->kind == EVENT_CLOSED && d->frame != NULL && d->ties.conversation == e->conv->id)
            tell_last_frame(d);
        struct event stamped = *e;
        stamped.now_ns = d->now_ns;
        d->conversations_evicted += e->kind == EVENT_CLOSED && e->u.closed.reason == CLOSE_EVICTED;
        event_emit(&d->out, &stamped);
        return;
    }
    event_emit(&d->out, e);
    if (d->on_frame != NULL)
        tie(d, e);
}

/* A group address is spoken to, and never answers. */
static bool is_group(const struct address *a)
{
    if (a->family == FAMILY_IPV4)
        return a->bytes[0] >= 224;
    return a->family == FAMILY_IPV6 && a->bytes[0] == 0xff;
}

/* Marks in flow.judged: counted as one that should have two sides, and as one of these that has not. */
enum { JUDGED_FLOW = 1, ONE_SIDED_FLOW = 2, JUDGED_RADIUS = 4, ONE_SIDED_RADIUS = 8,
       JUDGED_FOR_GOOD = 16 /* both sides are seen, and no further packet can tell anything new */,
       NAMED_LOW = 32, NAMED_HIGH = 64 /* named since: the next packet of that side is one of this protocol */ };

/* A flow counts from its JUDGED_PACKETS-th packet on, and counts no longer as one-sided once the other side speaks. */
static void judge_sides(struct flow *f, unsigned judged_mark, unsigned one_sided_mark, uint64_t *judged, uint64_t *one_sided)
{
    bool both = f->packets[0] > 0 && f->packets[1] > 0;
    if ((f->judged & judged_mark) == 0 && f->packets[0] + f->packets[1] >= JUDGED_PACKETS) {
        ++*judged;
        *one_sided += !both;
        f->judged = (uint8_t)(f->judged | judged_mark | (both ? 0 : one_sided_mark));
    } else if (both && (f->judged & one_sided_mark) != 0) {
        --*one_sided;
        f->judged = (uint8_t)(f->judged & ~one_sided_mark);
    }
}

/* The first packet of a side is all that the account of hosts asks of a flow; who asks for HTTPS or IKE is of no account there. */
RARELY_CALLED static void account(struct dissector *d, struct flow *f, const struct packet *p, bool from_low)
{
    unsigned named = from_low ? NAMED_LOW : NAMED_HIGH;
    bool answers = f->packets[from_low ? 1 : 0] > 0, first = f->packets[from_low ? 0 : 1] == 1;
    if (first && p->dst.port != PORT_HTTPS && (answers || (f->class != FLOW_IKE && f->class != FLOW_ESP)))
        hosts_flow(d->hosts, p, answers, f->class);
    if ((first || (f->judged & named) != 0) && f->protocol != 0 && hint_matters(f->protocol))
        hosts_hint(d->hosts, p, f->low_is_client == from_low, f->protocol);
    f->judged = (uint8_t)(f->judged & ~named);
}

/* Most are answers of a server that is asked by many, and known. */
static inline void note_host(struct dissector *d, struct flow *f, const struct packet *p, bool from_low)
{
    if (f->judged != 0 || f->protocol != 0 || p->src.port != PORT_HTTPS || !hosts_knows_answer(d->hosts, p))
        account(d, f, p, from_low);
}

/* Only TCP that acknowledges something unseen proves that a side is missing; unanswered SYNs, syslog and the like do not. */
RARELY_CALLED static void judge(struct dissector *d, struct flow *f, const struct packet *p, bool from_low)
{
    note_host(d, f, p, from_low);
    if (f->class == FLOW_RADIUS)
        judge_sides(f, JUDGED_RADIUS, ONE_SIDED_RADIUS, &d->judged_radius, &d->one_sided_radius);
    bool two_sided_by_nature = f->class == FLOW_RADIUS || f->class == FLOW_IKE ||
                               (p->kind == PACKET_TCP && (p->tcp_flags & TCP_ACK) != 0);
    if (two_sided_by_nature && !is_group(&p->dst.address))
        judge_sides(f, JUDGED_FLOW, ONE_SIDED_FLOW, &d->judged_flows, &d->one_sided_flows);
    unsigned all = JUDGED_FLOW | (f->class == FLOW_RADIUS ? JUDGED_RADIUS : 0u), one_sided = ONE_SIDED_FLOW | ONE_SIDED_RADIUS;
    if ((f->judged & (all | one_sided | NAMED_LOW | NAMED_HIGH)) == all && f->packets[0] > 0 && f->packets[1] > 0)
        f->judged |= JUDGED_FOR_GOOD;
}

/* Of a young flow nothing is counted yet, and only the first packet of a side tells something of a host. */
static inline void judge_if_needed(struct dissector *d, struct flow *f, const struct packet *p, bool from_low)
{
    if (f->judged != 0 || f->packets[0] + f->packets[1] >= JUDGED_PACKETS)
        judge(d, f, p, from_low);
    else if (f->packets[from_low ? 0 : 1] == 1 && (p->dst.port != PORT_HTTPS || f->protocol != 0))
        note_host(d, f, p, from_low);
}

static void settle(struct dissector *d, struct flow *f, enum flow_class class)
{
    f->class = (uint8_t)class;
    f->judged = (uint8_t)(f->judged & ~(unsigned)JUDGED_FOR_GOOD); /* as RADIUS it is judged once more */
    if (d->hint != NULL && f->hint != 0)
        hint_release(d->hint, f);
}

static bool has_own_port(const struct endpoint *e)
{
    return recognise_radius_port(e->port) || recognise_ike_port(e->port);
}

/* Shows a payload packet to the recognisers. RADIUS and IKE on their own ports are looked for as long as the flow lasts. */
static void recognise(struct dissector *d, struct flow *f, const struct packet *p)
{
    if (f->class != FLOW_NEW && (p->kind != PACKET_UDP || !(has_own_port(&p->src) || has_own_port(&p->dst))))
        return;
    f->tries = f->tries < UINT8_MAX ? (uint8_t)(f->tries + 1) : f->tries;
    if (p->kind == PACKET_UDP && recognise_radius_length(p) && (recognise_radius(p) || radius_layer_expects(d->radius, p))) {
        settle(d, f, FLOW_RADIUS);
        return;
    }
    enum flow_class found = recognise_others(p);
    if (found != FLOW_NEW)
        settle(d, f, found);
    else if (f->tries >= RADIUS_TRIES)
        f->class = FLOW_OTHER;
}

/* A packet of a flow that nobody has named yet: its first payloads may. */
RARELY_CALLED static void name_flow(struct dissector *d, struct flow *f, const struct packet *p, bool from_low)
{
    recognise(d, f, p);
    if (d->hint == NULL || (f->class != FLOW_NEW && f->class != FLOW_OTHER) || f->protocol != 0)
        return;
    hint_packet(d->hint, f, p, from_low);
    if (f->protocol != 0) /* both sides speak it; who has spoken before is noted with the next packet */
        f->judged = (uint8_t)((f->judged & ~(unsigned)JUDGED_FOR_GOOD) | NAMED_LOW | NAMED_HIGH);
}

/* Answers only: who asks tells nothing of addresses. */
RARELY_CALLED static void on_dns(struct dissector *d, const struct packet *p)
{
    struct dns_answer answer = {.client = p->dst.address, .server = p->src.address};
    if (p->src.port == DNS_PORT && dns_response(p->payload, &answer))
        event_emit(&d->out, &(struct event){.kind = EVENT_DNS, .dir = TO_CLIENT, .place = frame_place(p->frame),
                                            .u.dns = &answer, .now_ns = d->now_ns});
}

/* What may be understood later only: the rest belongs to nothing, or events tell to what. */
RARELY_CALLED static void tie_flow(struct dissector *d, const struct flow *f)
{
    if (f->class == FLOW_PPTP || f->class == FLOW_L2TP || f->class == FLOW_IKE || f->class == FLOW_ESP) {
        d->ties.flow = f->id;
        d->ties.unwanted = false;
    }
}

static inline void on_ike_packet(struct dissector *d, const struct packet *p, struct flow *f, bool from_low)
{
    enum ike_carried carried = ike_layer_packet(d->ike, p, f, from_low);
    f->carries_esp = carried == IKE_CARRIED_ESP || f->carries_esp;
    d->ties.bulk = carried != IKE_CARRIED_IKE;
}

static inline void to_layer(struct dissector *d, const struct packet *p, struct flow *f, bool from_low)
{
    if (p->kind == PACKET_TCP)
        sstp_layer_packet(d->sstp, p, f, from_low);
    else if (f->class == FLOW_RADIUS)
        radius_layer_packet(d->radius, p, f->packets[from_low ? 1 : 0] > 0);
    else if (f->class == FLOW_IKE || f->class == FLOW_ESP)
        on_ike_packet(d, p, f, from_low);
    else if (f->class == FLOW_L2TP)
        l2tp_layer_packet(d->l2tp, p);
    else if (f->class == FLOW_DNS)
        on_dns(d, p);
}

/* What little is told, and what may change what the flow is. */
RARELY_CALLED static void on_unusual_flow(struct dissector *d, const struct packet *p, struct flow *f, bool from_low)
{
    if (p->payload.len > 0 && (f->class == FLOW_NEW || f->class == FLOW_OTHER))
        name_flow(d, f, p, from_low);
    if ((f->judged & JUDGED_FOR_GOOD) == 0)
        judge_if_needed(d, f, p, from_low);
    if (d->on_frame != NULL)
        tie_flow(d, f);
    if (f->class == FLOW_PPTP)
        pptp_layer_packet(d->pptp, p, f->id);
    to_layer(d, p, f, from_low);
    if (f->class == FLOW_PPTP && d->on_frame != NULL)
        tie_flow(d, f);
}

/* ahead: NULL when nothing was found out before. */
static inline void on_flow_packet(struct dissector *d, const struct packet *p, const struct flow_ahead *ahead)
{
    struct flow *f = ahead != NULL ? flow_known(ahead) : NULL;
    bool from_low = f != NULL && ahead->ends->from_low, fresh;
    if (f != NULL)
        flow_add(f, p, from_low);
    else
        f = flow_of(d->flows, p, ahead, &from_low, &fresh);
    enum { NAMED = 1u << FLOW_TLS | 1u << FLOW_SSTP | 1u << FLOW_IKE | 1u << FLOW_ESP | 1u << FLOW_RADIUS };
    if ((1u << f->class & NAMED) != 0 && (f->judged & JUDGED_FOR_GOOD) != 0 && d->on_frame == NULL)
        to_layer(d, p, f, from_low);
    else
        on_unusual_flow(d, p, f, from_low);
}

/* An error that nothing waited for still concerns those between whom the packet went that it quotes. */
RARELY_CALLED static void tie_icmp(struct dissector *d, const struct packet *p)
{
    if (!icmp_quoted_ends(p, &d->ties.src, &d->ties.dst, &d->ties.ip_proto))
        return;
    d->ties.datagram = UINT64_MAX - p->frame->number; /* far from those of datagrams */
    d->ties.whole = false;
}

RARELY_CALLED static void on_other_packet(struct dissector *d, const struct packet *p)
{
    protocols_count(&d->protocols, protocols_row_of_packet(p), p->payload_wire_len);
    hosts_frame(d->hosts, p);
    if (p->kind == PACKET_EAPOL)
        eapol_feed(d->eapol, p);
    else if (p->kind == PACKET_IP && p->ip_proto == IP_PROTO_ESP)
        ike_layer_esp(d->ike, p);
    else if (p->kind == PACKET_IP && p->ip_proto == IP_PROTO_GRE)
        pptp_layer_gre(d->pptp, p);
    else if (p->kind == PACKET_ICMP) {
        radius_layer_icmp(d->radius, p);
        ike_layer_icmp(d->ike, p);
        sstp_layer_icmp(d->sstp, p, d->flows);
        if (d->on_frame != NULL && d->ties.conversation == 0 && d->ties.flow == 0)
            tie_icmp(d, p);
    }
}

/* Its addresses are not those inside of a tunnel. */
static void on_piece(void *ctx, const struct packet *p, uint64_t datagram)
{
    struct dissector *d = ctx;
    d->ties.datagram = datagram;
    d->ties.src = p->src.address;
    d->ties.dst = p->dst.address;
    d->ties.ip_proto = p->ip_proto;
}

static void on_packet(void *ctx, const struct packet *p)
{
    struct dissector *d = ctx;
    d->ties.whole = true;
    if (p->kind == PACKET_UDP || p->kind == PACKET_TCP)
        on_flow_packet(d, p, NULL);
    else
        on_other_packet(d, p);
}

static void on_lost_fragments(void *ctx, const struct net_lost_fragments *lost)
{
    struct dissector *d = ctx;
    bool from_server = recognise_radius_port(lost->src.port) ||
                       (recognise_ike_port(lost->src.port) && !recognise_ike_port(lost->dst.port));
    event_emit(&d->out, &(struct event){.kind = EVENT_LOST_FRAGMENTS, .dir = from_server ? TO_CLIENT : TO_SERVER,
                                        .place = lost->first, .u.lost = lost, .now_ns = d->now_ns});
}

static void on_flow_drop(void *ctx, struct flow *f)
{
    struct dissector *d = ctx;
    sstp_layer_drop(d->sstp, f);
    protocols_drop_flow(&d->protocols, f);
    if (d->hint != NULL && f->hint != 0)
        hint_release(d->hint, f);
}

static bool make_ppp_carriers(struct dissector *d, uint64_t memory, const struct event_sink *sink)
{
    d->l2tp = l2tp_layer_new(&(struct l2tp_layer_options){
        .tls = d->tls, .sink = *sink, .calls = (uint32_t)(memory / l2tp_layer_call_bytes())});
    d->pptp = pptp_layer_new(&(struct pptp_layer_options){
        .tls = d->tls, .sink = *sink, .calls = (uint32_t)(memory / 4 * 3 / pptp_layer_call_bytes()), .waiting_bytes = memory / 4});
    return d->l2tp != NULL && d->pptp != NULL;
}

/* How the budget is divided: an eighth each for flows, TLS buffers, requests and TCP connections, three sixteenths for logins,
 * a sixteenth for IKE associations and an eighth of that for their fragments, a 64th for L2TP and PPTP; the rest is
 * for fragments, EAPOL and nDPI, which have ceilings of their own. */
static bool make_parts(struct dissector *d, const struct dissect_options *options, const struct secrets *secrets)
{
    bool kept = options->on_frame != NULL;
    uint64_t memory = options->memory_bytes < MEMORY_LEAST ? MEMORY_LEAST : options->memory_bytes;
    uint64_t flows = memory / 8 / FLOW_BYTES;
    uint64_t requests = memory / 8 / radius_layer_request_bytes();
    uint64_t logins = memory / 16 * 3 / radius_layer_conversation_bytes();
    uint64_t associations = memory / 16 / ike_layer_association_bytes();
    struct event_sink sink = {on_event, d, options->next_conversation != NULL ? options->next_conversation : &d->own_serial,
                              kept ? &d->ties : NULL};
    d->tls = tls_context_new(secrets, memory / 8);
    d->flows = flow_table_new((uint32_t)(flows > FLOWS_MAX ? FLOWS_MAX : flows));
    d->net = net_new(&(struct net_handler){on_packet, on_lost_fragments, d, kept ? on_piece : NULL});
    d->hint = options->without_hints ? NULL : hint_new();
    d->hosts = hosts_new();
    if (d->hosts == NULL || d->tls == NULL || d->flows == NULL || d->net == NULL)
        return false;
    flow_on_drop(d->flows, on_flow_drop, d);
    d->eapol = eapol_new(d->tls, &sink);
    d->radius = radius_layer_new(&(struct radius_layer_options){
        .secrets = secrets, .tls = d->tls, .sink = sink,
        .requests = (uint32_t)(requests > UINT32_MAX ? UINT32_MAX : requests),
        .conversations = (uint32_t)(logins > UINT32_MAX ? UINT32_MAX : logins)});
    d->ike = ike_layer_new(&(struct ike_layer_options){
        .secrets = secrets, .tls = d->tls, .sink = sink, .buffer_bytes = memory / 128, .lone_bytes = memory / 32,
        .associations = (uint32_t)(associations > UINT32_MAX ? UINT32_MAX : associations)});
    d->sstp = sstp_layer_new(&(struct sstp_layer_options){
        .secrets = secrets, .tls = d->tls, .sink = sink, .memory_bytes = memory / 12 /* with what waits: an eighth */});
    return make_ppp_carriers(d, memory / 64, &sink) && d->eapol != NULL && d->radius != NULL && d->ike != NULL && d->sstp != NULL;
}

struct dissector *dissect_new(const struct dissect_options *options)
{
    struct dissector *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->out = (struct event_sink){.fn = options->on_event, .ctx = options->ctx};
    d->on_frame = options->on_frame;
    d->frame_ctx = options->frame_ctx;
    d->side = options->side;
    if (options->secrets == NULL)
        d->no_secrets = secrets_new();
    const struct secrets *secrets = options->secrets != NULL ? options->secrets : d->no_secrets;
    if (secrets != NULL && make_parts(d, options, secrets))
        return d;
    dissect_free(d);
    return NULL;
}

/* The middle one of the latest three frames' times: one wrong time stamp among them is not the time. */
static inline int64_t sure_time(int64_t a, int64_t b, int64_t c)
{
    int64_t less = a < b ? a : b, more = a < b ? b : a;
    return c < less ? less : c > more ? more : c;
}

static inline bool within_tick(const struct dissector *d, int64_t ns)
{
    return (uint64_t)ns - (uint64_t)d->ticked_ns < (uint64_t)TICK_NS; /* an earlier time is far off, too */
}

/* What ends in a hole of the capture ended before it. */
RARELY_CALLED static void tell_hole(struct dissector *d)
{
    int64_t latest_ns = d->now_ns;
    d->now_ns = d->ticked_ns;
    radius_layer_hole(d->radius);
    d->now_ns = latest_ns;
}

static void tell_time(struct dissector *d, int64_t now_ns)
{
    if (d->ticked_ns != 0 && elapsed_ns(now_ns, d->ticked_ns) >= HOLE_NS)
        tell_hole(d);
    d->ticked_ns = now_ns;
    event_emit(&d->out, &(struct event){.kind = EVENT_TIME, .now_ns = now_ns});
    radius_layer_time(d->radius, now_ns);
    eapol_expire(d->eapol, now_ns);
    ike_layer_time(d->ike, now_ns);
    sstp_layer_time(d->sstp, now_ns);
    l2tp_layer_time(d->l2tp, now_ns);
    pptp_layer_time(d->pptp, now_ns);
}

/* f: the frame at hand, the first of `rest` that are known. */
RARELY_CALLED static void tick_surely(struct dissector *d, const struct frame *f, size_t rest)
{
    int64_t frame_ns = f->time_ns;
    if (!d->began)
        d->now_ns = d->previous_ns = frame_ns;
    if (rest > 1 && elapsed_ns(frame_ns, d->now_ns) >= HOLE_NS && elapsed_ns(f[1].time_ns, d->now_ns) >= HOLE_NS)
        tell_hole(d); /* two say so: before the first of them is taken for an answer to what was asked before it */
    int64_t now_ns = sure_time(d->previous_ns, d->now_ns, frame_ns);
    d->previous_ns = d->now_ns;
    d->now_ns = frame_ns;
    if (!d->began || !within_tick(d, now_ns)) {
        d->began = true;
        tell_time(d, now_ns);
    }
    d->was_within = within_tick(d, frame_ns);
}

/* Two of the latest three times within the tick: so is the middle one. */
static inline void tick(struct dissector *d, const struct frame *f, size_t rest)
{
    int64_t frame_ns = f->time_ns;
    if (d->was_within && within_tick(d, frame_ns)) {
        d->previous_ns = d->now_ns;
        d->now_ns = frame_ns;
    } else {
        tick_surely(d, f, rest);
    }
}

void dissect_silence(struct dissector *d, int64_t now_ns)
{
    if (!d->began || now_ns <= d->now_ns || within_tick(d, now_ns))
        return;
    d->previous_ns = d->now_ns = now_ns;
    tell_time(d, now_ns);
    d->was_within = true;
}

uint64_t dissect_state_bytes(const struct dissector *d)
{
    return tls_context_buffer_bytes(d->tls) + radius_layer_bytes(d->radius) + ike_layer_bytes(d->ike) +
           sstp_layer_bytes(d->sstp) + l2tp_layer_bytes(d->l2tp) + pptp_layer_bytes(d->pptp);
}

static void measure_state(struct dissector *d)
{
    uint64_t held = dissect_state_bytes(d);
    d->state_peak = held > d->state_peak ? held : d->state_peak;
}

static inline void take_frame(struct dissector *d, size_t i, const struct flow_ahead *ahead)
{
    const struct packet *p = net_take(d->net, i);
    if (p == NULL)
        return;
    d->ties.whole = true;
    on_flow_packet(d, p, ahead);
}

/* For who keeps packets: the frame, and what it belongs to, as far as that is known by now. */
RARELY_CALLED static void tell_frame(struct dissector *d, const struct frame *f, size_t i, const struct flow_ahead *ahead)
{
    d->ties = (struct frame_ties){.side = d->side};
    d->number = f->number;
    d->frame = f;
    d->told_for = 0;
    take_frame(d, i, ahead);
    d->number = 0;
    d->frame = NULL;
    bool bulk_of_nobody = d->ties.bulk && d->ties.conversation == 0, told = d->told_for != 0 && d->told_for == d->ties.conversation;
    if ((d->ties.conversation != 0 || d->ties.flow != 0 || d->ties.datagram != 0) && !bulk_of_nobody && !told)
        d->on_frame(d->frame_ctx, f, &d->ties);
}

/* Frames are looked at, then their flows, before their turn comes: what they need is near by then. */
static void take_batch(struct dissector *d, const struct frame *frames, size_t count)
{
    const struct packet_ends *ends[NET_AHEAD];
    struct flow_ahead ahead[NET_AHEAD];
    net_look(d->net, frames, count, ends);
    flow_look(d->flows, ends, count, ahead);
    for (size_t i = 0; i < count; i++) {
        frame_bring_next(&frames[i]);
        tick(d, &frames[i], count - i);
        if (d->on_frame != NULL)
            tell_frame(d, &frames[i], i, &ahead[i]);
        else
            take_frame(d, i, &ahead[i]);
    }
}

void dissect_frames(struct dissector *d, const struct frame *frames, size_t count)
{
    for (size_t done = 0; done < count; done += NET_AHEAD)
        take_batch(d, frames + done, count - done < NET_AHEAD ? count - done : NET_AHEAD);
    measure_state(d);
}

void dissect_finish(struct dissector *d)
{
    net_finish(d->net);
    radius_layer_finish(d->radius, d->now_ns);
    eapol_finish(d->eapol);
    ike_layer_finish(d->ike, d->now_ns);
    sstp_layer_finish(d->sstp, d->now_ns);
    l2tp_layer_finish(d->l2tp);
    pptp_layer_finish(d->pptp);
}

void dissect_free(struct dissector *d)
{
    if (d == NULL)
        return;
    radius_layer_free(d->radius);
    eapol_free(d->eapol);
    ike_layer_free(d->ike);
    sstp_layer_free(d->sstp);
    l2tp_layer_free(d->l2tp);
    pptp_layer_free(d->pptp);
    if (d->flows != NULL)
        flow_table_free(d->flows);
    if (d->hint != NULL)
        hint_free(d->hint);
    hosts_free(d->hosts);
    if (d->net != NULL)
        net_free(d->net);
    if (d->tls != NULL)
        tls_context_free(d->tls);
    secrets_free(d->no_secrets);
    free(d);
}

size_t dissect_protocols(struct dissector *d, const struct protocol_count **out)
{
    *out = d->protocols.sorted;
    return protocols_sort(&d->protocols, d->flows, d->hint);
}

static const char *name_of_hint(const void *hint, uint16_t protocol)
{
    return hint_name(hint, protocol);
}

size_t dissect_hosts(struct dissector *d, const struct host_deed **out)
{
    size_t count;
    hosts_name_hints(d->hosts, name_of_hint, d->hint);
    *out = hosts_all(d->hosts, &count);
    return count;
}

void dissect_get_counters(const struct dissector *d, struct dissect_counters *out)
{
    struct radius_layer_counters radius;
    radius_layer_get_counters(d->radius, &radius);
    *out = (struct dissect_counters){
        .net = *net_counters(d->net),
        .flows = flow_count(d->flows), .flows_evicted = flow_evicted(d->flows),
        .conversations = d->conversations, .conversations_evicted = d->conversations_evicted,
        .one_sided_flows = d->one_sided_flows, .judged_flows = d->judged_flows,
        .one_sided_radius = d->one_sided_radius, .judged_radius = d->judged_radius,
        .state_bytes_peak = d->state_peak,
        .malformed_radius = radius.malformed, .malformed_eap = d->eap_malformed, .malformed_tls = d->tls_malformed,
    };
    ike_layer_get_counters(d->ike, &out->ike);
    sstp_layer_get_counters(d->sstp, &out->sstp);
    l2tp_layer_get_counters(d->l2tp, &out->l2tp);
    pptp_layer_get_counters(d->pptp, &out->pptp);
}
