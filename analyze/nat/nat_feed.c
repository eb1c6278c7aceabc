#include "analyze/nat/nat_feed.h"

#include <stdlib.h>

#include "analyze/nat/nat_hash.h"
#include "capture/wire/hash.h"

#define CLOCKS_APART_NS (3600 * INT64_C(1000000000)) /* fixed SPIs of test programs come again much later */

enum { SEEN = 1 << 15, WAYS = 4, VIRTUAL_PORT = 5 /* NAS-Port-Type */ };

/* The first request of an association as it was seen at one vantage point; FAMILY_NONE: it was not. */
struct seen {
    uint64_t spi; /* 0: free */
    struct endpoint source, destination;
    struct place place;
};

struct nat_feed {
    struct nat *nat;
    struct digests *digests;
    struct seen *seen; /* SEEN entries with several captures, else NULL */
};

struct nat_feed *nat_feed_new(struct nat *nat, bool several_captures)
{
    struct nat_feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->nat = nat;
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

static uint8_t compare(struct nat_feed *f, const struct ike_facts *k, const struct ike_nat_fact *n, const uint8_t *hash,
                       const struct endpoint *e)
{
    struct nat_question q;
    memcpy(q.initiator_spi, k->initiator_spi, NAT_SPI);
    memcpy(q.responder_spi, n->responder_spi, NAT_SPI);
    memcpy(q.hash, hash, NAT_HASH);
    return nat_hash_matches(f->digests, &q, e) ? IKE_NAT_MATCH : IKE_NAT_DIFFERS;
}

/* A sender that does not know which of its addresses it will use sends several SOURCE hashes; one that fits is enough.
 */
static void compare_hashes(struct nat_feed *f, const struct ike_facts *k, struct ike_nat_fact *n)
{
    for (unsigned i = 0; i < n->source_count && n->source_result != IKE_NAT_MATCH; i++)
        n->source_result = compare(f, k, n, n->source[i], &n->from);
    if (n->has_destination)
        n->destination_result = compare(f, k, n, n->destination, &n->to);
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
    to->place = n->place;
}

static void add_ike(struct nat_feed *f, const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    struct nat_ike_observation o = {
        .established = x->outcome == OUTCOME_ESTABLISHED,
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

/*
 * The same association in an earlier capture, with other addresses: a translator stands between the two. True when it
 * was sent to the same server there, which has its session already.
 */
static bool seen_before(struct nat_feed *f, const struct exchange *x)
{
    struct seen mine = {spi_of(&x->ike), x->ike.init_initiator, x->ike.init_responder,
                        x->ike.init_request.frame != 0 ? x->ike.init_request : x->first};
    if (f->seen == NULL || mine.spi == 0)
        return false;
    struct seen *bucket = &f->seen[hash_mix(mine.spi, 1) % (SEEN / WAYS) * WAYS], *at = bucket;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].spi == mine.spi && bucket[i].place.capture != mine.place.capture) {
            const struct seen *old = &bucket[i];
            int64_t apart = old->place.time_ns - mine.place.time_ns;
            bool comparable = old->source.address.family != FAMILY_NONE && mine.source.address.family != FAMILY_NONE &&
                              apart < CLOCKS_APART_NS && apart > -CLOCKS_APART_NS;
            bool moved =
                !endpoint_equal(&old->source, &mine.source) || !endpoint_equal(&old->destination, &mine.destination);
            if (comparable && moved)
                nat_add_translation(f->nat,
                                    &(struct nat_translation){.source = {old->source, mine.source},
                                                              .destination = {old->destination, mine.destination},
                                                              .place = {old->place, mine.place}});
            return !comparable || address_equal(&old->destination.address, &mine.destination.address);
        }
        at = bucket[i].spi == 0 || bucket[i].place.time_ns < at->place.time_ns ? &bucket[i] : at;
    }
    *at = mine;
    return false;
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

void nat_feed_exchange(struct nat_feed *f, struct exchange *x, bool again)
{
    if (x->type == CONVERSATION_RADIUS && !again)
        add_radius(f, x);
    if (x->type != CONVERSATION_IKE)
        return;
    compare_hashes(f, &x->ike, &x->ike.nat_request);
    compare_hashes(f, &x->ike, &x->ike.nat_response);
    add_translation(f, x);
    if (!seen_before(f, x))
        add_ike(f, x);
}
