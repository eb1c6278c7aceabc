/* Logins in progress: one chain of requests and challenges, tied together by State. */
#include "dissect/radius/radius_state.h"

#include "capture/wire/hash.h"
#include "capture/wire/rarely.h"

enum { LOGIN_REBASES_PER_CALL = 8 };

bool logins_init(struct radius_layer *r, uint32_t room)
{
    r->login_room = room;
    r->logins = large_new(((size_t)room + 1) * sizeof *r->logins, &r->login_memory);
    r->stretches = zeroed_new(((size_t)room + 1) * sizeof *r->stretches, &r->stretch_memory);
    r->keyed = calloc(KEYED, sizeof *r->keyed);
    bool made = index_init(&r->login_index, room * LOGIN_KEYS);
    return index_init(&r->who_index, room) && made && r->logins != NULL && r->stretches != NULL && r->keyed != NULL;
}

void logins_free(struct radius_layer *r)
{
    for (uint32_t i = 1; r->logins != NULL && i <= r->logins_used; i++)
        eap_free(r->logins[i].eap);
    free(r->login_memory);
    free(r->stretch_memory);
    free(r->keyed);
    index_free(&r->login_index);
    index_free(&r->who_index);
}

static inline void unlink_login(struct radius_layer *r, struct login *l)
{
    uint32_t *before = l->links.prev != 0 ? &r->logins[l->links.prev].links.next : &r->open.head;
    uint32_t *after = l->links.next != 0 ? &r->logins[l->links.next].links.prev : &r->open.tail;
    *before = l->links.next;
    *after = l->links.prev;
}

static inline void append_login(struct radius_layer *r, struct login *l)
{
    l->links = (struct links){r->open.tail, 0};
    *(r->open.tail != 0 ? &r->logins[r->open.tail].links.next : &r->open.head) = login_item(r, l);
    r->open.tail = login_item(r, l);
}

void login_move_to_end(struct radius_layer *r, struct login *l, int64_t now_ns)
{
    l->since_ns = l->listed_ns = now_ns;
    if (r->open.tail == login_item(r, l))
        return;
    unlink_login(r, l);
    append_login(r, l);
}

static inline uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint64_t mix_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
    return hash ^ hash >> 32;
}

/* Where a State stands if it can; most differ in their beginning or their end. Its highest bits are the best. */
static inline uint64_t quick_of(struct span state)
{
    if (state.len < sizeof(uint64_t))
        return hash_bytes(state.data, state.len, 0) | 1;
    uint64_t first = word_at(state.data), last = word_at(state.data + state.len - sizeof last);
    return (first * 0x94d049bb133111ebu ^ last) * 0xbf58476d1ce4e5b9u | 1;
}

/* The server is not part of the hash: a State that comes back to another server must be found as well. Words are taken in
 * the machine's byte order, since the hash never leaves this table; the last one may hold bytes of that before. */
static RARELY_CALLED uint64_t hash_state(struct span state, const struct address *client, uint32_t tunnel)
{
    uint64_t hash = word_at(client->bytes) ^ (uint64_t)state.len << 32 ^ tunnel;
    hash = hash * 0x94d049bb133111ebu ^ word_at(client->bytes + sizeof hash);
    if (state.len < sizeof hash)
        return hash_bytes(state.data, state.len, hash) | 1;
    const uint8_t *last = state.data + state.len - sizeof hash;
    for (const uint8_t *at = state.data; at < last; at += sizeof hash)
        hash = mix_word(hash, word_at(at));
    return mix_word(hash, word_at(last)) | 1;
}

static inline uint64_t check_of_long(struct span state)
{
    return state.len > STATE_KEPT ? hash_bytes(state.data, state.len, ~UINT64_C(0)) : 0;
}

static inline size_t kept_of(struct span state)
{
    return state.len < STATE_KEPT ? state.len : STATE_KEPT;
}

/* Word by word, since a State is too short for a call to pay; the last one may hold bytes of that before. */
static inline bool kept_equal(const struct login_key *key, struct span state)
{
    enum { WORD = sizeof(uint64_t) };
    size_t kept = kept_of(state);
    if (kept < WORD)
        return memcmp(key->bytes, state.data, kept) == 0;
    for (size_t at = 0; at < kept - WORD; at += WORD)
        if (word_at(key->bytes + at) != word_at(state.data + at))
            return false;
    return word_at(key->bytes + kept - WORD) == word_at(state.data + kept - WORD);
}

static inline void keep(struct login_key *key, struct span state)
{
    enum { WORD = sizeof(uint64_t) };
    size_t kept = kept_of(state);
    if (kept < WORD) {
        memcpy(key->bytes, state.data, kept);
        return;
    }
    for (size_t at = 0; at < kept - WORD; at += WORD)
        memcpy(key->bytes + at, state.data + at, WORD);
    memcpy(key->bytes + kept - WORD, state.data + kept - WORD, WORD);
}

static inline bool is_state(const struct login_key *key, uint64_t quick, struct span state)
{
    return key->quick == quick && key->len == state.len && kept_equal(key, state) &&
           key->check == check_of_long(state);
}

static inline uint32_t *place_of(const struct radius_layer *r, uint64_t quick)
{
    return &r->keyed[quick >> (64 - KEYED_BITS)];
}

static inline uint32_t key_item(const struct radius_layer *r, const struct login *l, unsigned which)
{
    return login_item(r, l) * ITEMS_PER_LOGIN + which;
}

static RARELY_CALLED void drop_key_from_index(struct radius_layer *r, struct login *l, unsigned which)
{
    index_remove(&r->login_index, l->keys[which].hash, key_item(r, l, which));
    l->keys[which].hash = 0;
}

static inline void drop_key(struct radius_layer *r, struct login *l, unsigned which)
{
    struct login_key *key = &l->keys[which];
    if (key->quick == 0)
        return;
    if (key->hash == 0)
        *place_of(r, key->quick) = 0;
    else
        drop_key_from_index(r, l, which);
    key->quick = 0;
}

/* The keys that may be sought, one after the other. */
struct key_search {
    uint64_t quick, hash;
    bool began;
    unsigned probe;
};
static inline uint32_t next_key(const struct radius_layer *r, struct key_search *s)
{
    uint32_t item = s->began ? 0 : *place_of(r, s->quick);
    s->began = true;
    return item != 0 || r->login_index.used == 0 ? item : index_next(&r->login_index, s->hash, &s->probe);
}

static uint64_t hash_of_key(const void *owner, uint32_t item)
{
    const struct radius_layer *r = owner;
    return r->logins[item / ITEMS_PER_LOGIN].keys[item % ITEMS_PER_LOGIN].hash;
}

static uint64_t hash_of_who(const void *owner, uint32_t item)
{
    const struct radius_layer *r = owner;
    return r->logins[item].who;
}

/* When its two buckets are full of others, the one in the way loses its key and will be found begun before. */
static RARELY_CALLED void put_key_in_index(struct radius_layer *r, struct login *l, unsigned which, uint64_t hash)
{
    uint32_t victim;
    l->keys[which].hash = hash;
    index_make_room(&r->login_index, hash_of_key, r);
    while ((victim = index_put(&r->login_index, hash, key_item(r, l, which))) != 0)
        drop_key(r, &r->logins[victim / ITEMS_PER_LOGIN], victim % ITEMS_PER_LOGIN);
}

/* False when its place is taken: then the index is to have it. */
static inline bool put_key(struct radius_layer *r, struct login *l, unsigned which, uint64_t quick)
{
    drop_key(r, l, which);
    uint32_t *place = place_of(r, quick);
    l->keys[which].quick = quick;
    if (*place != 0)
        return false;
    *place = key_item(r, l, which);
    return true;
}

static inline bool is_wanted(const struct login *l, unsigned which, uint64_t quick, struct span state,
                             const struct address *client, uint32_t tunnel)
{
    return which != LOGIN_GUESS && is_state(&l->keys[which], quick, state) && l->tunnel == tunnel &&
           address_equal(&l->pub.client.address, client);
}

static RARELY_CALLED struct login *find_anywhere(const struct radius_layer *r, struct span state, const struct address *client,
                                                 const struct address *server, uint32_t tunnel,
                                                 const struct address **issuer)
{
    struct login *elsewhere = NULL;
    struct key_search search = {quick_of(state), hash_state(state, client, tunnel), false, 0};
    for (uint32_t item; (item = next_key(r, &search)) != 0;) {
        struct login *l = &r->logins[item / ITEMS_PER_LOGIN];
        const struct login_key *key = &l->keys[item % ITEMS_PER_LOGIN];
        if (!is_wanted(l, item % ITEMS_PER_LOGIN, search.quick, state, client, tunnel))
            continue;
        bool here = address_equal(&key->server, server);
        *issuer = here ? NULL : &key->server;
        if (here)
            return l;
        elsewhere = l;
    }
    return elsewhere;
}

struct login *login_find(const struct radius_layer *r, struct span state, const struct address *client,
                         const struct address *server, uint32_t tunnel, const struct address **issuer)
{
    if (state.len == 0 || state.len > RADIUS_STATE_MAX)
        return NULL;
    uint64_t quick = quick_of(state);
    uint32_t item = *place_of(r, quick);
    struct login *l = &r->logins[item / ITEMS_PER_LOGIN];
    unsigned which = item % ITEMS_PER_LOGIN;
    *issuer = NULL;
    bool usual = item != 0 && state.len <= STATE_KEPT && is_wanted(l, which, quick, state, client, tunnel) &&
                 address_equal(&l->keys[which].server, server);
    return usual ? l : find_anywhere(r, state, client, server, tunnel, issuer);
}

void login_remember(struct radius_layer *r, struct login *l, struct span state, const struct address *server)
{
    if (state.len == 0 || state.len > RADIUS_STATE_MAX)
        return;
    uint64_t quick = quick_of(state);
    for (unsigned i = 0; i < LOGIN_STATES; i++) {
        if (is_state(&l->keys[i], quick, state) && address_equal(&l->keys[i].server, server)) {
            l->newest = (uint8_t)i;
            return;
        }
    }
    unsigned which = l->newest ^ 1u;
    struct login_key *key = &l->keys[which];
    bool placed = put_key(r, l, which, quick);
    key->server = *server;
    key->len = (uint8_t)state.len;
    key->check = check_of_long(state);
    keep(key, state);
    l->newest = (uint8_t)which;
    if (!placed)
        put_key_in_index(r, l, which, hash_state(state, &l->pub.client.address, l->tunnel));
}

static uint64_t guess_hash(const struct endpoint *client, const struct endpoint *server, uint32_t tunnel,
                           uint8_t eap_identifier)
{
    uint64_t ports = (uint64_t)client->port << 24 | (uint64_t)server->port << 8 | eap_identifier;
    return hash_mix(address_hash(&client->address, ports), address_hash(&server->address, tunnel)) | 1;
}

static struct login *find_guess(const struct radius_layer *r, uint64_t hash)
{
    struct key_search search = {hash, hash, false, 0};
    for (uint32_t item; (item = next_key(r, &search)) != 0;) {
        struct login *l = &r->logins[item / ITEMS_PER_LOGIN];
        if (item % ITEMS_PER_LOGIN == LOGIN_GUESS && l->keys[LOGIN_GUESS].quick == hash)
            return l;
    }
    return NULL;
}

/* Two logins that would be continued by the same packet are both left alone: mixing is worse than losing. */
void login_expect(struct radius_layer *r, struct login *l, uint8_t eap_identifier)
{
    uint64_t hash = guess_hash(&l->pub.client, &l->pub.server, l->tunnel, eap_identifier);
    struct login *other = find_guess(r, hash);
    drop_key(r, l, LOGIN_GUESS);
    if (other != NULL && other != l)
        drop_key(r, other, LOGIN_GUESS);
    else if (!put_key(r, l, LOGIN_GUESS, hash))
        put_key_in_index(r, l, LOGIN_GUESS, hash);
}

struct login *login_find_expected(const struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                                  uint32_t tunnel, uint8_t eap_identifier)
{
    struct login *l = find_guess(r, guess_hash(client, server, tunnel, eap_identifier));
    bool same = l != NULL && l->tunnel == tunnel && endpoint_equal(&l->pub.client, client) &&
                endpoint_equal(&l->pub.server, server);
    return same ? l : NULL;
}

static uint64_t hash_who(const struct endpoint *client, const struct endpoint *server, uint32_t tunnel,
                         const struct radius_packet *rp)
{
    struct span user = radius_span(rp, RADIUS_USER_NAME), station = radius_span(rp, RADIUS_CALLING_STATION_ID);
    uint64_t who = hash_bytes(user.data, user.len, tunnel);
    who = hash_bytes(station.data, station.len, who);
    return hash_mix(address_hash(&client->address, who), address_hash(&server->address, 0)) | 1;
}

void login_name(struct radius_layer *r, struct login *l, const struct radius_packet *rp)
{
    uint64_t who = hash_who(&l->pub.client, &l->pub.server, l->tunnel, rp);
    l->named = true;
    index_make_room(&r->who_index, hash_of_who, r);
    if (index_put(&r->who_index, who, login_item(r, l)) == 0)
        l->who = who;
}

struct login *login_next_of_user(const struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                                 uint32_t tunnel, const struct radius_packet *rp, unsigned *probe)
{
    uint64_t who = hash_who(client, server, tunnel, rp);
    for (uint32_t item; (item = index_next(&r->who_index, who, probe)) != 0;) {
        struct login *l = &r->logins[item];
        if (l->who == who && l->tunnel == tunnel && address_equal(&l->pub.client.address, &client->address) &&
            address_equal(&l->pub.server.address, &server->address))
            return l;
    }
    return NULL;
}

void login_drop_key(struct radius_layer *r, struct login *l, unsigned which)
{
    drop_key(r, l, which);
}

bool login_has_state(const struct login *l)
{
    return l->keys[l->newest].quick != 0;
}

bool login_state_resembles(const struct login *l, struct span state)
{
    const struct login_key *key = &l->keys[l->newest];
    if (key->quick == 0 || key->len != state.len || state.len < 8)
        return false;
    size_t same = 0, kept = kept_of(state);
    for (size_t i = 0; i < kept; i++)
        same += key->bytes[i] == state.data[i];
    return same * 2 >= kept;
}

static void tell_how_it_stands(struct login *l, enum event_kind kind, enum close_reason reason, struct place place)
{
    struct eap_state state;
    struct event e = {.kind = kind, .dir = TO_CLIENT, .place = place, .conv = &l->pub};
    e.u.closed.reason = reason;
    if (l->has_eap) {
        eap_get_state(l->eap, &state);
        e.u.closed.eap = &state;
    }
    event_emit(&l->layer->sink, &e);
}

/* pub is the first member of a login. */
static void tell_state(struct conversation *conv)
{
    struct login *l = (struct login *)(void *)conv;
    tell_how_it_stands(l, EVENT_STATE, CLOSE_END, l->last);
}

void login_close(struct radius_layer *r, struct login *l, enum close_reason reason, struct place place)
{
    tell_how_it_stands(l, EVENT_CLOSED, reason, place);
    if (reason == CLOSE_EVICTED)
        r->counters.conversations_evicted++;
    if (l->has_eap)
        eap_restart(l->eap);
    for (unsigned i = 0; i < LOGIN_KEYS; i++)
        drop_key(r, l, i);
    if (l->who != 0)
        index_remove(&r->who_index, l->who, login_item(r, l));
    unlink_login(r, l);
    l->used = false;
    r->logins_open--;
    l->links.next = r->login_free;
    r->login_free = login_item(r, l);
}

/* How far it came: never challenged, once, or more often, as only who hears the server does. */
static unsigned advance_of(const struct login *l)
{
    return (l->keys[0].quick != 0 ? 1u : 0) + (l->keys[1].quick != 0 ? 1u : 0);
}

/* One of the oldest makes room, but a flood of requests must not drive out those that a server and a client talk in. */
static RARELY_CALLED void evict_one(struct radius_layer *r)
{
    enum { LOOKED_AT = 8 };
    struct login *victim = NULL;
    for (unsigned i = 0; i < LOOKED_AT; i++) {
        struct login *l = &r->logins[r->open.head];
        if (victim == NULL || advance_of(l) < advance_of(victim))
            victim = l;
        if (advance_of(l) == 0)
            break;
        login_move_to_end(r, l, r->active_ns);
    }
    login_close(r, victim, CLOSE_EVICTED, victim->last);
}

struct login *login_open(struct radius_layer *r, const struct endpoint *client, const struct endpoint *server,
                         uint32_t tunnel, bool begun_before)
{
    if (r->login_free == 0 && r->logins_used == r->login_room)
        evict_one(r);
    uint32_t item = r->login_free != 0 ? r->login_free : ++r->logins_used;
    struct login *l = &r->logins[item];
    if (r->login_free == item)
        r->login_free = l->links.next;
    struct eap *eap = l->eap;
    *l = (struct login){.layer = r, .eap = eap, .tunnel = tunnel, .used = true, .since_ns = r->active_ns,
                        .listed_ns = r->active_ns, .last = r->place,
                        .pub = {.id = ++*r->sink.next_conversation, .type = CONVERSATION_RADIUS, .client = *client,
                                .server = *server, .begun_before = begun_before, .tell_state = tell_state}};
    r->stretches[item].len = 0;
    append_login(r, l);
    r->counters.conversations++;
    r->logins_open++;
    event_emit(&r->sink, &(struct event){.kind = EVENT_OPENED, .dir = TO_SERVER, .place = r->place, .conv = &l->pub});
    return l;
}

static RARELY_CALLED void tell_eap(struct login *l, const struct eap_event *eap)
{
    event_emit(&l->layer->sink, &(struct event){.kind = EVENT_EAP, .dir = eap->dir, .place = eap->place, .conv = &l->pub,
                                                .u.eap = eap});
}

static bool is_malformed(const struct eap_event *eap)
{
    return (eap->kind == EAP_EVENT_PACKET && eap->u.packet->malformed) ||
           (eap->kind == EAP_EVENT_TLS && eap->u.tls->kind == TLS_EVENT_MALFORMED);
}

static void on_eap(void *ctx, const struct eap_event *eap)
{
    struct login *l = ctx;
    if (l->pub.on_eap != NULL && !is_malformed(eap))
        l->pub.on_eap(l->pub.user, eap);
    else
        tell_eap(l, eap);
}

bool login_begin_eap(const struct radius_layer *r, struct login *l)
{
    l->eap = eap_new(r->tls, on_eap, l);
    return l->eap != NULL;
}

void logins_time(struct radius_layer *r, int64_t now_ns)
{
    unsigned rebases = 0;
    while (r->open.head != 0) {
        struct login *l = &r->logins[r->open.head];
        int64_t idle = elapsed_ns(now_ns, l->since_ns);
        if (idle < -CONVERSATION_IDLE_NS && rebases++ < LOGIN_REBASES_PER_CALL) {
            login_move_to_end(r, l, now_ns); /* the clock was set back */
            continue;
        }
        if (idle < CONVERSATION_IDLE_NS)
            return;
        login_close(r, l, CLOSE_IDLE, l->last);
    }
}

void logins_finish(struct radius_layer *r)
{
    while (r->open.head != 0)
        login_close(r, &r->logins[r->open.head], CLOSE_END, r->logins[r->open.head].last);
}
