#include "analyze/nat/nat_feed.h"

#include <stdlib.h>

#include "analyze/nat/nat_hash.h"
#include "analyze/nat/nat_sha1_few.h"
#include "capture/wire/hash.h"

#define CLOCKS_APART_NS (3600 * INT64_C(1000000000)) /* fixed SPIs of test programs come again much later */
#define PASSING_NS (5 * INT64_C(1000000000))         /* how long a translator holds a ClientHello, at most */

enum { SEEN = 1 << 15, WAYS = 4, VIRTUAL_PORT = 5 /* NAS-Port-Type */, HTTP_OK = 200 };

/* The first request of an association or connection as it was seen at one vantage point; FAMILY_NONE: it was not. */
struct seen {
    uint64_t key; /* what no translator changes; 0: free */
    struct endpoint source, destination;
    struct place place;
    bool sure; /* a VPN's */
};

struct nat_feed {
    struct nat *nat;
    struct digests *digests;
    bool several;      /* captures */
    struct seen *seen; /* SEEN entries with several captures or once SSTP comes, else NULL */
};

struct nat_feed *nat_feed_new(struct nat *nat, bool several_captures)
{
    struct nat_feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->nat = nat;
    f->several = several_captures;
    f->digests = digests_new();
    f->seen = several_captures ? calloc(SEEN, sizeof *f->seen) : NULL;
    if (f->digests != NULL && (f->seen != NULL || !several_captures))
        return f;
    nat_feed_free(f);
    return NULL;
}

void nat_feed_free(struct nat_feed *f)
{
    if (f == NULL)
        return;
    digests_free(f->digests);
    free(f->seen);
    free(f);
}

/* A hash that is wanted, and where it goes; the endpoint's address is IPv4 or IPv6. */
struct wanted {
    struct nat_few of[NAT_FEW];
    uint8_t hash[NAT_FEW][NAT_HASH];
    size_t count;
};

static void want(struct wanted *w, const struct ike_facts *k, const struct ike_nat_fact *n, const struct endpoint *e)
{
    w->of[w->count++] = (struct nat_few){k->initiator_spi, n->responder_spi, e};
}

static void hash_wanted(struct nat_feed *f, struct wanted *w)
{
    bool all_ipv4 = true;
    for (size_t i = 0; i < w->count; i++)
        all_ipv4 = all_ipv4 && w->of[i].endpoint->address.family == FAMILY_IPV4;
    if (all_ipv4) {
        nat_few_hash(w->of, w->count, w->hash);
        return;
    }
    for (size_t i = 0; i < w->count; i++)
        if (!nat_hash(f->digests, w->of[i].initiator_spi, w->of[i].responder_spi, w->of[i].endpoint, w->hash[i]))
            memset(w->hash[i], 0, NAT_HASH);
}

/* A sender that does not know which of its addresses it will use sends several SOURCE hashes; one that fits is enough.
 */
static void compare_source(struct ike_nat_fact *n, const uint8_t hash[static NAT_HASH])
{
    n->source_result = IKE_NAT_DIFFERS;
    for (unsigned i = 0; i < n->source_count; i++)
        if (memcmp(n->source[i], hash, NAT_HASH) == 0)
            n->source_result = IKE_NAT_MATCH;
}

static void compare_hashes(struct nat_feed *f, struct ike_facts *k)
{
    struct ike_nat_fact *messages[] = {&k->nat_request, &k->nat_response};
    struct wanted w = {.count = 0};
    for (int i = 0; i < 2; i++) {
        if (messages[i]->source_count > 0)
            want(&w, k, messages[i], &messages[i]->from);
        if (messages[i]->has_destination)
            want(&w, k, messages[i], &messages[i]->to);
    }
    hash_wanted(f, &w);
    for (size_t i = 0, at = 0; i < 2; i++) {
        struct ike_nat_fact *n = messages[i];
        if (n->source_count > 0)
            compare_source(n, w.hash[at++]);
        if (n->has_destination)
            n->destination_result = memcmp(n->destination, w.hash[at++], NAT_HASH) == 0 ? IKE_NAT_MATCH : IKE_NAT_DIFFERS;
    }
}

static enum nat_fit fit_of(uint8_t result)
{
    return result == IKE_NAT_MATCH ? NAT_FIT : result == IKE_NAT_DIFFERS ? NAT_FIT_NOT : NAT_FIT_NOT_COMPARED;
}

static enum nat_maker maker_of(bool windows, bool strongswan, bool other)
{
    return windows      ? NAT_MAKER_WINDOWS
           : strongswan ? NAT_MAKER_STRONGSWAN
           : other      ? NAT_MAKER_OTHER
                        : NAT_MAKER_UNKNOWN;
}

static void message_of(struct nat_message *to, const struct ike_nat_fact *n, enum nat_maker maker)
{
    to->seen = n->present;
    to->maker = maker;
    to->source = n->from;
    to->destination = n->to;
    memcpy(to->responder_spi, n->responder_spi, NAT_SPI);
    to->source_count = n->source_count;
    memcpy(to->sources, n->source, sizeof to->sources);
    to->has_destination = n->has_destination;
    memcpy(to->destination_hash, n->destination, NAT_HASH);
    to->source_fit = fit_of(n->source_result);
    to->destination_fit = fit_of(n->destination_result);
    to->place = n->place;
}

static void add_ike(struct nat_feed *f, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    struct nat_ike_observation o = {
        .established = x->outcome == OUTCOME_ESTABLISHED,
        .client_port = k->auth_initiator.port,
        .first_ns = x->first.time_ns,
        .last_ns = x->last.time_ns,
        .ttl = k->nat_request.ttl,
    };
    bool vendors = k->vendor_id_count > 0;
    memcpy(o.initiator_spi, k->initiator_spi, NAT_SPI);
    message_of(&o.request, &k->nat_request, maker_of(k->windows_initiator, k->strongswan_initiator, vendors));
    message_of(&o.response, &k->nat_response, maker_of(k->windows_responder, k->strongswan_responder, vendors));
    if (!o.request.seen && !o.response.seen) { /* who spoke to whom is known all the same */
        o.request.seen = true;
        o.request.source = x->client;
        o.request.destination = x->server;
        o.request.place = x->first;
    }
    for (int i = 0; i < 2; i++)
        if (k->state.esp_last_ns[i] > o.last_ns)
            o.last_ns = k->state.esp_last_ns[i];
    nat_add_ike(f->nat, &o);
}

/* Both sides of a translator in one capture: which came first, the frames tell. */
static void add_translation(struct nat_feed *f, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    if (k->translated == 0)
        return;
    nat_add_translation(f->nat, &(struct nat_translation){
                                    .source = {k->sides_initiator[0], k->sides_initiator[1]},
                                    .destination = {k->sides_responder[0], k->sides_responder[1]},
                                    .place = {k->sides_place[0], k->sides_place[1]},
                                    .ordered = true,
                                });
}

static uint64_t spi_of(const struct ike_facts *k)
{
    uint64_t spi;
    memcpy(&spi, k->initiator_spi, sizeof spi);
    return spi;
}

/* Whether two sights may be of one association: in different captures clocks may differ; in one capture the sides of a
 * translator are told apart by where public addresses end, and nothing else is believed. */
static bool comparable(const struct seen *a, const struct seen *b)
{
    int64_t apart = a->place.time_ns - b->place.time_ns;
    if (a->source.address.family == FAMILY_NONE || b->source.address.family == FAMILY_NONE)
        return false;
    if (a->place.capture != b->place.capture)
        return apart < CLOCKS_APART_NS && apart > -CLOCKS_APART_NS;
    return apart < PASSING_NS && apart > -PASSING_NS &&
           (nat_is_private(&a->source.address) != nat_is_private(&b->source.address) ||
            nat_is_private(&a->destination.address) != nat_is_private(&b->destination.address));
}

enum sight { SIGHT_FIRST, SIGHT_ELSEWHERE, /* and then it went to another server's address */ SIGHT_AGAIN };

/* Looks for the same association earlier, with other addresses: a translator stands between the two. within: also in the same
 * capture. */
static enum sight sight_of(struct nat_feed *f, const struct seen *mine, bool within)
{
    if (f->seen == NULL || mine->key == 0)
        return SIGHT_FIRST;
    struct seen *bucket = &f->seen[hash_mix(mine->key, 1) % (SEEN / WAYS) * WAYS], *at = bucket;
    for (int i = 0; i < WAYS; i++) {
        const struct seen *old = &bucket[i];
        if (old->key == mine->key && (within || old->place.capture != mine->place.capture)) {
            bool may = comparable(old, mine);
            bool moved =
                !endpoint_equal(&old->source, &mine->source) || !endpoint_equal(&old->destination, &mine->destination);
            if (may && moved && (old->sure || mine->sure))
                nat_add_translation(f->nat,
                                    &(struct nat_translation){.source = {old->source, mine->source},
                                                              .destination = {old->destination, mine->destination},
                                                              .place = {old->place, mine->place}});
            return !may || address_equal(&old->destination.address, &mine->destination.address) ? SIGHT_AGAIN
                                                                                                : SIGHT_ELSEWHERE;
        }
        at = bucket[i].key == 0 || bucket[i].place.time_ns < at->place.time_ns ? &bucket[i] : at;
    }
    *at = *mine;
    return SIGHT_FIRST;
}

static bool ike_seen_before(struct nat_feed *f, const struct exchange *x)
{
    const struct seen mine = {.key = spi_of(&x->ike),
                              .source = x->ike.init_initiator,
                              .destination = x->ike.init_responder,
                              .place = x->ike.init_request.frame != 0 ? x->ike.init_request : x->first,
                              .sure = true};
    return f->several && sight_of(f, &mine, false) == SIGHT_AGAIN;
}

static bool text_address(const struct exchange *x, struct text t, struct address *out)
{
    struct span s = exchange_text(x, t);
    const uint8_t *bracket = s.len > 0 ? memchr(s.data, '[', s.len) : NULL; /* strongSwan: 198.51.100.7[4500] */
    if (bracket != NULL && bracket > s.data)
        s.len = (size_t)(bracket - s.data);
    return s.len > 0 && address_parse(s, out);
}

static uint64_t hash_of_text(const struct exchange *x, struct text t)
{
    struct span s = exchange_text(x, t);
    return s.len > 0 ? hash_bytes(s.data, s.len, 1) | 1 : 0;
}

static void add_radius(struct nat_feed *f, const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    bool vpn = r->tunnel_type != UINT32_MAX || r->nas_port_type == VIRTUAL_PORT || r->tunnel_client_endpoint.len > 0;
    struct nat_radius_observation o = {
        .server = r->nas_address.family != FAMILY_NONE ? r->nas_address : x->client.address,
        .first_ns = x->first.time_ns,
        .last_ns = x->last.time_ns,
        .place = r->first_request.frame != 0 ? r->first_request : x->first,
    };
    if (!vpn || r->proxy_states > 0)
        return;
    if (!text_address(x, r->tunnel_client_endpoint, &o.client) && !text_address(x, r->calling_station, &o.client))
        o.client = (struct address){.family = FAMILY_NONE};
    o.user = hash_of_text(x, r->user);
    o.computer = hash_of_text(x, r->client_name);
    nat_add_radius(f->nat, &o);
}

/* TLS' client random, or what the client calls its connection, on the other side of a translator. */
static bool sstp_seen_before(struct nat_feed *f, const struct exchange *x)
{
    const struct sstp_facts *k = &x->sstp;
    struct seen mine = {.source = x->client,
                        .destination = x->server,
                        .place = k->tls.client_hello ? k->tls.hello : x->first,
                        .sure = k->kind == SSTP_KIND_TUNNEL};
    enum sight sight = SIGHT_FIRST;
    if (f->seen == NULL)
        f->seen = calloc(SEEN, sizeof *f->seen);
    if (k->tls.client_hello) {
        mine.key = hash_bytes(k->tls.random, sizeof k->tls.random, 1) | 1;
        sight = sight_of(f, &mine, true);
    }
    if (k->has_correlation && sight == SIGHT_FIRST) {
        mine.key = hash_bytes(k->correlation, sizeof k->correlation, 2) | 1;
        mine.place = k->request_place;
        sight = sight_of(f, &mine, true);
    }
    return sight == SIGHT_AGAIN;
}

static void add_tunnel(struct nat_feed *f, const struct exchange *x)
{
    const struct sstp_facts *k = &x->sstp;
    const struct tcp_syn *syn = &k->tcp.sent[TCP_CLIENT].syn;
    char layout[TCP_LAYOUT_TEXT];
    struct nat_sstp_observation o = {
        .client = x->client,
        .server = x->server,
        .attempt = k->kind == SSTP_KIND_TUNNEL,
        .established = x->outcome == OUTCOME_ESTABLISHED,
        .clear = k->carrier == SSTP_CARRIER_CLEAR && k->sstp_request && k->http_status == HTTP_OK,
        .first_ns = x->first.time_ns,
        .last_ns = x->last.time_ns,
        .place = x->first,
        .proxied = k->proxy_source,
        .proxied_to = k->proxy_destination,
        .proxied_place = k->proxy_place,
        .balancer = k->proxy_local,
        .forwarded = k->forwarded_client,
        .forwarded_place = k->request_place,
        .ttl = syn->seen ? syn->ttl : 0,
        .schannel = nat_is_schannel(k->tls.ja4),
    };
    o.linux_stack = o.schannel && syn->seen && strcmp(tcp_syn_layout(layout, syn), "mss,sok,ts,nop,ws") == 0;
    if (k->has_ppp && k->ppp.computer_len > 0)
        o.computer = hash_bytes(k->ppp.computer, k->ppp.computer_len, 1) | 1;
    if (k->has_ppp && k->ppp.user_len > 0)
        o.user = hash_bytes(k->ppp.user, k->ppp.user_len, 1) | 1;
    for (int i = 0; i < 2; i++)
        if (k->last[i].time_ns > o.last_ns)
            o.last_ns = k->last[i].time_ns;
    nat_add_sstp(f->nat, &o);
}

static void add_sstp(struct nat_feed *f, const struct exchange *x)
{
    bool may = x->sstp.kind == SSTP_KIND_TUNNEL || x->sstp.kind == SSTP_KIND_UNSURE;
    if (x->sstp.proxy_local || (may && !sstp_seen_before(f, x)))
        add_tunnel(f, x);
}

void nat_feed_exchange(struct nat_feed *f, struct exchange *x, bool again)
{
    if (x->type == CONVERSATION_RADIUS && !again)
        add_radius(f, x);
    if (x->type == CONVERSATION_SSTP)
        add_sstp(f, x);
    if (x->type != CONVERSATION_IKE)
        return;
    compare_hashes(f, &x->ike);
    add_translation(f, x);
    if (!ike_seen_before(f, x))
        add_ike(f, x);
}
