/* The requests that wait for an answer, and for a while those that got one. */
#include "dissect/radius/radius_state.h"

enum { REBASES_PER_CALL = 8 };
#define SETTLED_NS (60 * INT64_C(1000000000)) /* how long repeated answers and late retransmissions are known */

bool requests_init(struct radius_layer *r, uint32_t room)
{
    r->request_room = room;
    r->request_links = calloc((size_t)room + 2, sizeof *r->request_links);
    r->requests = large_new(((size_t)room + 2) * sizeof *r->requests, &r->request_memory);
    r->asked = zeroed_new(((size_t)room + 2) * sizeof *r->asked, &r->asked_memory);
    r->pairs = calloc(PAIRS, sizeof *r->pairs);
    if (r->request_links == NULL || r->requests == NULL || r->asked == NULL || r->pairs == NULL)
        return false;
    r->request_links[room + 1] = (struct links){room + 1, room + 1};
    return index_init(&r->request_index, room);
}

void requests_free(struct radius_layer *r)
{
    free(r->request_memory);
    free(r->asked_memory);
    free(r->request_links);
    free(r->pairs);
    index_free(&r->request_index);
}

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    const struct radius_layer *r = owner;
    return address_hash(&r->asked[item].client.address, r->asked[item].rest);
}

struct request *request_find(const struct radius_layer *r, const struct request_key *key)
{
    uint64_t hash = request_hash(key);
    unsigned probe = 0;
    for (uint32_t item; (item = index_next(&r->request_index, hash, &probe)) != 0;) {
        const struct asked *k = &r->asked[item];
        if (k->rest == key->rest && endpoint_equal(&k->server, key->server) &&
            address_equal(&k->client.address, &key->client->address))
            return &r->requests[item];
    }
    return NULL;
}

/* Those of its packets from the client; a hash of 0 when it is of no pair. */
static struct packet_ends ends_of(const struct asked *k)
{
    bool plain = k->client.address.family == FAMILY_IPV4 && k->server.address.family == FAMILY_IPV4 && k->rest >> 32 == 0;
    return plain ? packet_ends_ipv4(IP_PROTO_UDP, &k->client, &k->server) : (struct packet_ends){0, 0, 0, false};
}

static void note_in_pair(struct radius_layer *r, uint32_t item)
{
    struct packet_ends ends = ends_of(&r->asked[item]);
    struct pair *pair = &r->pairs[ends.hash % PAIRS];
    if (ends.hash == 0)
        return;
    if (pair->used == 0) {
        pair->low = ends.low;
        pair->high = ends.high;
        pair->client_low = ends.from_low;
    }
    if (pair_of(r, &ends, ends.from_low) == NULL)
        return;
    pair->items[r->asked[item].rest % IDENTIFIERS] = item;
    pair->used++;
}

static void drop_from_pair(struct radius_layer *r, uint32_t item)
{
    struct packet_ends ends = ends_of(&r->asked[item]);
    struct pair *pair = pair_of(r, &ends, ends.from_low);
    uint32_t *noted = pair != NULL ? &pair->items[r->asked[item].rest % IDENTIFIERS] : NULL;
    if (noted == NULL || *noted != item)
        return;
    *noted = 0;
    if (--pair->used == 0)
        pair->low = pair->high = 0;
}

static void forget(struct radius_layer *r, struct request *q)
{
    uint32_t item = request_item(r, q);
    drop_from_pair(r, item);
    if (q->waiting && !q->told)
        r->counters.requests_evicted++;
    request_unlink(r, q);
    index_remove(&r->request_index, hash_of_item(r, item), item);
    r->request_links[item].next = r->request_free;
    r->request_free = item;
}

bool request_accepts_other(uint8_t request_code, uint8_t response_code)
{
    switch (request_code) {
    case RADIUS_ACCOUNTING_REQUEST:
        return response_code == RADIUS_ACCOUNTING_RESPONSE;
    case RADIUS_STATUS_SERVER:
    case RADIUS_STATUS_CLIENT:
        return response_code == RADIUS_ACCESS_ACCEPT || response_code == RADIUS_ACCOUNTING_RESPONSE;
    case RADIUS_DISCONNECT_REQUEST:
        return response_code == RADIUS_DISCONNECT_ACK || response_code == RADIUS_DISCONNECT_NAK;
    case RADIUS_COA_REQUEST:
        return response_code == RADIUS_COA_ACK || response_code == RADIUS_COA_NAK;
    default:
        return false;
    }
}

struct request *request_find_elsewhere(const struct radius_layer *r, const struct request_key *key, uint8_t code)
{
    uint64_t hash = request_hash(key);
    unsigned probe = 0;
    struct request *found = NULL;
    for (uint32_t item; (item = index_next(&r->request_index, hash, &probe)) != 0;) {
        struct request *q = &r->requests[item];
        const struct asked *k = &r->asked[item];
        if (q->waiting && k->rest == key->rest && address_equal(&k->client.address, &key->client->address) &&
            !endpoint_equal(&k->server, key->server) && request_accepts(q->code, code) &&
            (found == NULL || request_last(r, q)->time_ns >= request_last(r, found)->time_ns))
            found = q;
    }
    return found;
}

/* An entry that nothing refers to. */
static struct request *take_entry(struct radius_layer *r)
{
    struct request *settled = request_oldest(r, false);
    if (r->request_free == 0 && r->requests_used == r->request_room)
        forget(r, settled != NULL ? settled : request_oldest(r, true));
    if (r->request_free == 0)
        return &r->requests[++r->requests_used];
    struct request *q = &r->requests[r->request_free];
    r->request_free = r->request_links[r->request_free].next;
    return q;
}

struct request *request_new(struct radius_layer *r, const struct request_key *key, int64_t now_ns)
{
    struct request *q = take_entry(r);
    uint32_t item = request_item(r, q), victim;
    uint64_t hash = request_hash(key);
    *q = (struct request){.waiting = true, .since_ns = now_ns};
    r->asked[item] = (struct asked){.rest = key->rest, .client = *key->client, .server = *key->server};
    index_make_room(&r->request_index, hash_of_item, r);
    while ((victim = index_put(&r->request_index, hash, item)) != 0)
        forget(r, &r->requests[victim]);
    request_append(r, q);
    note_in_pair(r, item);
    return q;
}

void request_tell_unanswered(struct radius_layer *r, struct request *q, int64_t now_ns, const struct place *icmp,
                             bool capture_ended)
{
    struct login *login = login_of_request(r, q);
    int64_t waited = elapsed_ns(now_ns, q->first.time_ns);
    const struct asked *k = request_asked(r, q);
    struct radius_event about = {.role = RADIUS_UNANSWERED, .code = q->code, .client = &k->client, .server = &k->server,
                                 .request = &q->first, .request_last = request_last(r, q), .transmissions = q->transmissions,
                                 .elapsed_ns = waited > 0 ? waited : 0, .capture_ended = capture_ended,
                                 .icmp_unreachable = icmp != NULL, .request_code = q->code};
    q->told = true;
    tell_radius(r, TO_SERVER, icmp != NULL ? icmp : about.request_last, login, &about);
}

static void forget_settled(struct radius_layer *r, int64_t now_ns)
{
    for (struct request *q; (q = request_oldest(r, false)) != NULL;) {
        int64_t age = elapsed_ns(now_ns, q->since_ns);
        if (age < SETTLED_NS && age > -SETTLED_NS)
            return;
        forget(r, q);
    }
}

void requests_time(struct radius_layer *r, int64_t now_ns)
{
    unsigned rebases = 0;
    for (struct request *q; (q = request_oldest(r, true)) != NULL;) {
        int64_t waited = elapsed_ns(now_ns, q->since_ns);
        if (waited < -RADIUS_ANSWER_NS && rebases++ < REBASES_PER_CALL) {
            request_touch(r, q, now_ns, true); /* the clock was set back: its waiting begins anew */
            continue;
        }
        if (waited < RADIUS_ANSWER_NS)
            break;
        if (!q->told)
            request_tell_unanswered(r, q, now_ns, NULL, false);
        request_touch(r, q, now_ns, false);
    }
    forget_settled(r, now_ns);
}

void requests_finish(struct radius_layer *r, int64_t end_ns)
{
    for (struct request *q; (q = request_oldest(r, true)) != NULL;) {
        if (!q->told)
            request_tell_unanswered(r, q, end_ns, NULL, elapsed_ns(end_ns, request_last(r, q)->time_ns) < RADIUS_ANSWER_NS);
        forget(r, q);
    }
}
