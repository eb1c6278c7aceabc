/* Sessions become records: to which backend, from whom, and how it ended. */
#include "analyze/balance/balance_internal.h"

#include <stdlib.h>

#include "analyze/nat/nat_hash.h"
#include "analyze/session/judge_sstp.h"
#include "capture/wire/hash.h"
#include "capture/wire/sort.h"

enum { VIRTUAL_PORT = 5 /* NAS-Port-Type */, SERVER_ERRORS = 500, NOT_FOUND = 404, RECORDS_AT_FIRST = 256 };

const char *balance_protocol_name(enum balance_protocol p)
{
    static const char *const names[] = {"all", "sstp", "ikev2", "radius", "other"};
    return names[p];
}

const char *balance_why_name(enum balance_why one)
{
    switch (one) {
    case BALANCE_WHY_STICKY:
        return "stickiness";
    case BALANCE_WHY_DEAD:
        return "dead-backend";
    case BALANCE_WHY_STEADY:
        return "steady-shares";
    case BALANCE_WHY_PROBES:
        return "probes-failing";
    case BALANCE_WHY_LATE:
        return "late-backend";
    case BALANCE_WHY_DNS:
        break;
    }
    return "dns-round-robin";
}

struct balance *balance_new(const struct balance_settings *settings)
{
    struct balance *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->settings = *settings;
    b->digests = digests_new();
    b->accounting = accounting_new();
    if (b->digests == NULL || b->accounting == NULL) {
        balance_free(b);
        return NULL;
    }
    for (size_t i = 0; i < settings->named_count; i++)
        (void)balance_server_of(b, &settings->named[i].address);
    return b;
}

void balance_free(struct balance *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->result_count; i++) {
        free((void *)(uintptr_t)b->results[i].backends);
        free((void *)(uintptr_t)b->results[i].windows);
    }
    digests_free(b->digests);
    accounting_free(b->accounting);
    free(b->records);
    free(b->by_client);
    free(b);
}

static bool among(const struct address *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&list[i], a))
            return true;
    return false;
}

static void know(struct address *list, size_t *count, const struct address *a)
{
    if (*count < BALANCE_KNOWN_MAX && a->family != FAMILY_NONE && !among(list, *count, a))
        list[(*count)++] = *a;
}

static void know_behind(struct balance *b, const struct endpoint *e)
{
    for (size_t i = 0; i < b->behind_count; i++)
        if (endpoint_equal(&b->behind[i], e))
            return;
    if (b->behind_count < BALANCE_KNOWN_MAX)
        b->behind[b->behind_count++] = *e;
}

static uint16_t named_of(const struct balance *b, const struct address *a)
{
    for (size_t i = 0; i < b->settings.named_count; i++)
        if (address_equal(&b->settings.named[i].address, a))
            return (uint16_t)i;
    return BALANCE_GROUP_NONE;
}

static bool is_vip(const struct balance *b, const struct address *a)
{
    return (among(b->vips, b->vip_count, a) || among(b->settings.vips, b->settings.vip_count, a)) &&
           named_of(b, a) == BALANCE_GROUP_NONE;
}

uint16_t balance_server_of(struct balance *b, const struct address *a)
{
    for (size_t i = 0; i < b->server_count; i++)
        if (address_equal(&b->servers[i].address, a))
            return (uint16_t)i;
    if (b->server_count == BALANCE_BACKENDS_MAX)
        return BALANCE_GROUP_NONE;
    b->servers[b->server_count] = (struct balance_server){.address = *a, .named = named_of(b, a), .vip = is_vip(b, a)};
    return (uint16_t)b->server_count++;
}

/* False when it does not fit. */
static bool keep(struct balance *b, const struct record *r)
{
    if (b->count == b->room && b->room < BALANCE_RECORDS_MAX) {
        size_t room = b->room == 0 ? RECORDS_AT_FIRST : b->room * 2;
        struct record *more = realloc(b->records, room * sizeof *more);
        if (more != NULL) {
            b->records = more;
            b->room = room;
        }
    }
    if (b->count == b->room || r->backend == BALANCE_GROUP_NONE) {
        b->left_out++;
        return false;
    }
    b->records[b->count++] = *r;
    return true;
}

static uint64_t hash_of(const void *bytes, size_t len, uint64_t seed)
{
    return hash_bytes(bytes, len, seed) | 1;
}

static uint64_t text_hash(const struct exchange *x, struct text t, uint64_t seed)
{
    struct span s = exchange_text(x, t);
    return s.len > 0 ? hash_of(s.data, s.len, seed) : 0;
}

static uint64_t hash_of_address(const struct address *a)
{
    return hash_of(a, sizeof *a, 1);
}

bool balance_is_vpn_login(const struct exchange *x)
{
    const struct radius_facts *r = &x->radius;
    return x->type == CONVERSATION_RADIUS && r->proxy_states == 0 &&
           (r->tunnel_type != UINT32_MAX || r->nas_port_type == VIRTUAL_PORT || r->tunnel_client_endpoint.len > 0);
}

/* strongSwan writes the port behind the address. */
static uint64_t station_hash(const struct exchange *x, struct text t)
{
    struct span s = exchange_text(x, t);
    const uint8_t *bracket = s.len > 0 ? memchr(s.data, '[', s.len) : NULL;
    size_t len = bracket != NULL ? (size_t)(bracket - s.data) : s.len;
    struct address a;
    if (len == 0)
        return 0;
    return address_parse(span_of(s.data, len), &a) ? hash_of_address(&a) : hash_of(s.data, len, 2);
}

static bool is_loopback(const struct address *a)
{
    return a->family == FAMILY_IPV4 && (a->bytes[0] == 127 || a->bytes[0] == 0);
}

static struct record login_record(struct balance *b, const struct exchange *x)
{
    const struct radius_facts *f = &x->radius;
    bool own = f->nas_address.family != FAMILY_NONE && !is_loopback(&f->nas_address);
    struct record r = {.start_ns = x->first.time_ns,
                       .end_ns = x->last.time_ns,
                       .frame = x->first.frame,
                       .id = x->id,
                       .capture = x->first.capture,
                       .protocol = BALANCE_RADIUS,
                       .outcome = x->outcome,
                       .flags = RECORD_REACHED};
    r.backend = balance_server_of(b, own ? &f->nas_address : &x->client.address);
    r.source = station_hash(x, f->tunnel_client_endpoint);
    if (r.source == 0)
        r.source = station_hash(x, f->calling_station);
    uint64_t user = text_hash(x, f->user, 3), computer = text_hash(x, f->client_name, 4);
    r.person = user != 0 || computer != 0 ? hash_mix(user, computer) | 1 : 0;
    if (r.source == 0)
        r.source = r.person != 0 ? r.person : hash_mix(x->id, 5) | 1;
    if (x->begun_before && x->outcome == OUTCOME_INCOMPLETE)
        r.flags |= RECORD_CARRIED;
    return r;
}

void balance_note(struct balance *b, const struct exchange *x)
{
    if (!balance_is_vpn_login(x))
        return;
    struct record r = login_record(b, x);
    (void)keep(b, &r);
}

/* NAS-IP-Address, else who asks. */
static struct address nas_of(const struct radius_event *e)
{
    struct span v4 = radius_span(e->packet, RADIUS_NAS_IP_ADDRESS), v6 = radius_span(e->packet, RADIUS_NAS_IPV6_ADDRESS);
    struct address a = e->client->address;
    if (v4.len == 4)
        a = address_ipv4(v4.data);
    else if (v6.len == 16)
        a = address_ipv6(v6.data);
    return is_loopback(&a) ? e->client->address : a;
}

void balance_account(struct balance *b, const struct radius_event *e)
{
    if (e->role != RADIUS_NEW_REQUEST || e->packet == NULL || e->client == NULL)
        return;
    if (radius_number(e->packet, RADIUS_NAS_PORT_TYPE) != VIRTUAL_PORT && radius_tunnel_type(e->packet) == UINT32_MAX)
        return;
    struct address nas = nas_of(e);
    accounting_add(b->accounting, &nas, radius_span(e->packet, RADIUS_ACCT_SESSION_ID),
                   radius_number(e->packet, RADIUS_ACCT_STATUS_TYPE));
}

static int by_id(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static uint64_t id_of(const void *record)
{
    return ((const struct record *)record)->id;
}

static void learn_from_nat(struct balance *b, const struct nat *nat)
{
    struct nat_verdict *v = malloc(sizeof *v);
    for (size_t i = 0; v != NULL && nat_verdict_at(nat, i, v); i++) {
        for (size_t k = 0; k < v->recovered_count; k++) {
            const struct nat_recovered *r = &v->recovered[k];
            if (!r->backend || address_equal(&r->seen.address, &r->real.address))
                continue;
            know(b->vips, &b->vip_count, &r->seen.address);
            know_behind(b, &r->real);
        }
        if (v->kind == NAT_SNAT)
            know(b->hiders, &b->hider_count, &v->source);
    }
    free(v);
    for (size_t i = 0; i < nat_proven_count(nat); i++) {
        const struct nat_proven *p = nat_proven_at(nat, i);
        if (p->destination_changed)
            know(b->vips, &b->vip_count, &p->first.destination[0].address);
        if (p->source_changed && nat_is_private(&p->first.source[1].address))
            know(b->hiders, &b->hider_count, &p->first.source[1].address);
    }
}

void balance_open(struct balance *b, const struct balance_others *others)
{
    size_t count;
    const struct probe_series *series = probes_all(others->probes, &count);
    b->others = *others;
    for (size_t i = 0; i < count; i++)
        if (series[i].sure && series[i].count >= PROBE_SAMPLES)
            know(b->hiders, &b->hider_count, &series[i].source);
    learn_from_nat(b, others->nat);
    for (size_t i = 0; i < b->settings.named_count; i++) {
        static const uint16_t ports[] = {500, 4500};
        for (size_t p = 0; p < 2; p++)
            know_behind(b, &(struct endpoint){b->settings.named[i].address, ports[p]});
    }
    for (size_t i = 0; i < b->server_count; i++)
        b->servers[i].vip = is_vip(b, &b->servers[i].address);
    b->noted = b->count;
    sort_by_key(b->records, b->count, sizeof *b->records, id_of, by_id);
}

void balance_noted(struct balance *b, uint32_t id)
{
    while (b->next_noted < b->noted && b->records[b->next_noted].id < id)
        b->next_noted++;
    if (b->next_noted < b->noted && b->records[b->next_noted].id == id)
        b->records[b->next_noted].flags |= RECORD_COUNTED;
}

/* The server that an association was begun with; where one capture saw both sides of a translator, behind it. */
static struct address called(const struct balance *b, const struct exchange *x)
{
    struct address a = x->server.address;
    if (x->type != CONVERSATION_IKE)
        return a;
    if (x->ike.init_responder.address.family != FAMILY_NONE)
        a = x->ike.init_responder.address;
    for (int i = 0; i < 2 && x->ike.translated > 0; i++)
        if (is_vip(b, &a) && !is_vip(b, &x->ike.sides_responder[i].address))
            a = x->ike.sides_responder[i].address;
    return a;
}

/* A virtual address answered: the hash of the answer's source is of the backend's own (RFC 7296 section 2.23). */
static bool backend_by_hash(struct balance *b, const struct exchange *x, struct address *out)
{
    const struct ike_nat_fact *n = &x->ike.nat_response;
    struct nat_question q;
    if (x->type != CONVERSATION_IKE || !n->present)
        return false;
    memcpy(q.initiator_spi, x->ike.initiator_spi, NAT_SPI);
    memcpy(q.responder_spi, n->responder_spi, NAT_SPI);
    for (unsigned k = 0; k < n->source_count; k++) {
        memcpy(q.hash, n->source[k], NAT_HASH);
        for (size_t i = 0; i < b->behind_count; i++)
            if (nat_hash_matches(b->digests, &q, &b->behind[i])) {
                *out = b->behind[i].address;
                return true;
            }
    }
    return false;
}

static enum balance_protocol protocol_of(const struct exchange *x)
{
    return x->type == CONVERSATION_SSTP ? BALANCE_SSTP : x->type == CONVERSATION_IKE ? BALANCE_IKEV2 : BALANCE_OTHER;
}

static bool is_tunnel(const struct exchange *x, const struct session *s)
{
    return s->tunnel != NULL && x->type == s->tunnel->type;
}

/* Of the copies the one that shows the backend: named, or behind the load balancer. *at is its server. */
static const struct exchange *nearest_copy(const struct balance *b, const struct session *s, struct exchange *const *all,
                                           size_t count, struct address *at)
{
    const struct exchange *best = NULL;
    int best_rank = -1;
    for (size_t i = 0; i < count; i++) {
        const struct exchange *x = all[i];
        if (!is_tunnel(x, s))
            continue;
        struct address a = called(b, x);
        bool named = named_of(b, &a) != BALANCE_GROUP_NONE, clear = x->type == CONVERSATION_SSTP &&
                                                                    x->sstp.carrier == SSTP_CARRIER_CLEAR;
        int rank = named ? 3 : is_vip(b, &a) ? 0 : clear ? 2 : 1;
        if (rank > best_rank) {
            best = x;
            best_rank = rank;
            *at = a;
        }
    }
    return best;
}

/* The client's address nearest to it: of the copy in front of the load balancer, or as the load balancer says. */
static uint64_t client_source(const struct balance *b, const struct session *s, struct exchange *const *all, size_t count,
                              bool *hidden)
{
    *hidden = false;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < count; i++) {
            const struct exchange *x = all[i];
            if (!is_tunnel(x, s))
                continue;
            if (x->type == CONVERSATION_SSTP && x->sstp.proxy_seen && !x->sstp.proxy_local &&
                x->sstp.proxy_source.address.family != FAMILY_NONE)
                return hash_of_address(&x->sstp.proxy_source.address);
            struct address to = called(b, x);
            if ((round == 1 || is_vip(b, &to)) && !among(b->hiders, b->hider_count, &x->client.address))
                return hash_of_address(&x->client.address);
        }
    *hidden = true;
    return 0;
}

static uint64_t person_of(const struct session *s)
{
    const struct exchange *t = s->tunnel, *l = s->login;
    uint64_t user = 0, computer = 0;
    if (l != NULL) {
        user = text_hash(l, l->radius.user, 3);
        computer = text_hash(l, l->radius.client_name, 4);
    }
    if (user == 0 && t->eap.identity.len > 0)
        user = text_hash(t, t->eap.identity, 3);
    if (exchange_is_ppp(t) && user == 0 && t->sstp.ppp.user_len > 0)
        user = hash_of(t->sstp.ppp.user, t->sstp.ppp.user_len, 3);
    if (exchange_is_ppp(t) && computer == 0 && t->sstp.ppp.computer_len > 0)
        computer = hash_of(t->sstp.ppp.computer, t->sstp.ppp.computer_len, 4);
    if (user == 0 && computer == 0 && t->type == CONVERSATION_IKE)
        user = text_hash(t, t->ike.initiator_id, 3);
    return user != 0 || computer != 0 ? hash_mix(user, computer) | 1 : 0;
}

static unsigned sstp_flags(const struct exchange *x)
{
    switch (judge_sstp(x).end) {
    case SSTP_END_NO_ANSWER:
    case SSTP_END_UNREACHABLE:
    case SSTP_END_REFUSED:
        return RECORD_SILENT;
    case SSTP_END_HELLO_SILENT:
    case SSTP_END_HELLO_HUNG_UP:
    case SSTP_END_HTTP_SILENT:
        return RECORD_HUNG;
    case SSTP_END_HTTP_ERROR:
        return x->sstp.http_status >= SERVER_ERRORS || x->sstp.http_status == NOT_FOUND ? RECORD_HUNG : RECORD_REACHED;
    default:
        return x->sstp.tcp.sent[TCP_SERVER].data_packets > 0 ? RECORD_REACHED : 0;
    }
}

/* A first request that nobody follows may be anybody's: it is not judged. */
static unsigned ike_flags(const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    bool went_on = k->auth_requests > 0 && (k->init_responses > 0 || k->auth_responses > 0);
    bool silent = k->init_requests > 0 && k->init_responses == 0 && k->auth_responses == 0 && x->outcome == OUTCOME_UNANSWERED;
    return went_on || (k->init_responses > 0 && x->outcome == OUTCOME_REJECTED) ? RECORD_REACHED : silent ? RECORD_SILENT : 0;
}

static uint64_t bytes_of(const struct exchange *x)
{
    if (x->type == CONVERSATION_IKE)
        return x->ike.state.esp_bytes[0] + x->ike.state.esp_bytes[1];
    return x->sstp.bytes[0] + x->sstp.bytes[1];
}

static int64_t end_of(const struct exchange *x)
{
    int64_t end = x->last.time_ns;
    for (int i = 0; i < 2; i++) {
        int64_t other = x->type == CONVERSATION_IKE ? x->ike.state.esp_last_ns[i] : x->sstp.last[i].time_ns;
        end = other > end ? other : end;
    }
    return end;
}

/* Within IKE's encryption the end shows with the keys only. */
static bool seen_to_end(const struct exchange *x)
{
    const struct tcp_sent *sent = x->sstp.tcp.sent;
    if (x->type == CONVERSATION_IKE)
        return x->ike.deleted;
    return x->type != CONVERSATION_SSTP || sent[TCP_CLIENT].fin.frame != 0 || sent[TCP_SERVER].fin.frame != 0 ||
           sent[TCP_CLIENT].reset.frame != 0 || sent[TCP_SERVER].reset.frame != 0;
}

static void add_tunnel(struct balance *b, const struct session *s, struct exchange *const *all, size_t count)
{
    struct address at;
    bool hidden;
    const struct exchange *x = nearest_copy(b, s, all, count, &at);
    if (x == NULL || s->tunnel->type == CONVERSATION_IKE1)
        return;
    if (is_vip(b, &at))
        (void)backend_by_hash(b, x, &at);
    const struct exchange *t = s->tunnel; /* how it went, all copies together */
    struct record r = {.start_ns = t->first.time_ns,
                       .end_ns = end_of(t),
                       .person = person_of(s),
                       .bytes = bytes_of(t),
                       .frame = t->first.frame,
                       .id = t->id,
                       .capture = t->first.capture,
                       .backend = balance_server_of(b, &at),
                       .protocol = (uint8_t)protocol_of(t),
                       .outcome = (uint8_t)s->outcome,
                       .flags = RECORD_COUNTED};
    r.source = client_source(b, s, all, count, &hidden);
    if (hidden) {
        r.flags |= RECORD_HIDDEN;
        r.source = r.person != 0 ? r.person : hash_mix(t->id, 6) | 1;
    }
    unsigned flags = t->type == CONVERSATION_SSTP  ? sstp_flags(t)
                     : t->type == CONVERSATION_IKE ? ike_flags(t)
                     : s->outcome != OUTCOME_UNANSWERED ? RECORD_REACHED
                                                        : RECORD_SILENT;
    if (s->outcome == OUTCOME_ESTABLISHED)
        flags = RECORD_REACHED;
    if (t->begun_before && s->outcome == OUTCOME_INCOMPLETE)
        flags |= RECORD_CARRIED;
    if (!seen_to_end(t))
        flags |= RECORD_OPEN;
    r.flags = (uint8_t)(r.flags | flags);
    (void)keep(b, &r);
}

void balance_session(struct balance *b, const struct session *s, struct exchange *const *all, size_t count)
{
    if (session_is_probes(s))
        return;
    if (s->tunnel != NULL)
        add_tunnel(b, s, all, count);
    if (s->login == NULL || !balance_is_vpn_login(s->login))
        return;
    struct record r = login_record(b, s->login);
    r.flags |= RECORD_COUNTED;
    (void)keep(b, &r);
}

void balance_settle(struct balance *b)
{
    size_t groups = balance_group(b);
    balance_find_outages(b);
    for (size_t g = 0; g < groups; g++)
        balance_count_group(b, (uint16_t)g, false);
    for (size_t g = 0; g < groups; g++)
        balance_count_group(b, (uint16_t)g, true);
}

size_t balance_kept(const struct balance *b)
{
    return b->count;
}

void balance_forget(struct balance *b, size_t left)
{
    if (b->count <= left)
        return;
    memmove(b->records, &b->records[b->count - left], left * sizeof *b->records);
    b->count = left;
}

const struct balance_result *balance_results(const struct balance *b, size_t *count)
{
    *count = b->result_count;
    return b->results;
}

const struct balance_outage *balance_outages(const struct balance *b, size_t *count)
{
    *count = b->outage_count;
    return b->outages;
}

uint64_t balance_left_out(const struct balance *b)
{
    return b->left_out;
}
