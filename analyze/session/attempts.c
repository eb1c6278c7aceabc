#include "analyze/session/attempts_internal.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

#define SECOND INT64_C(1000000000)
#define SOON_NS (2 * SECOND)    /* a login begins this soon after its client's authentication does (wire-facts 12.1) */
#define SAME_NS (SECOND / 10)   /* two interfaces of one capture differ by less */
#define NEAR_NS SECOND          /* clocks that are related agree this well */
#define FAR_NS (2 * SECOND)     /* clocks that are not are believed to */
#define HOUR_NS (3600 * SECOND) /* ... where the key itself leaves no doubt */
#define SPAN_NS (302 * SECOND)  /* a tunnel that began longer before a login is none of its candidates */
#define AGREE_NS SECOND         /* two votes on a clock */
enum { FIRST_ROOM = 256, LOOKED_AT_MAX = 1024, VOTES_LEAST = 3 };

/* STEP_APART: by address whatever the time, to see how far clocks are apart. */
enum step { STEP_CORRELATION, STEP_APART, STEP_ADDRESS, STEP_COMPUTER };

enum { NOBODY = UINT32_MAX, SEVERAL = UINT32_MAX - 1 };

/* A session, until it is joined with others: then their groups have one leader. */
struct group {
    uint32_t head, leader;
    bool tunnel, login; /* it has one */
    uint32_t candidate; /* of a login in this step: the group of the tunnel; of a tunnel: the attempt of the login */
    uint32_t attempt; /* of a login: the first group of those with its correlation id, which are tries of one attempt */
    uint32_t next_try;   /* of the same attempt; NOBODY */
    int64_t first, last; /* a tunnel's life, a login's beginning */
};

/* Where a tunnel is found. */
struct entry {
    uint64_t key;
    int64_t begin;
    uint32_t tunnel;
};

struct attempts {
    struct clocks *clocks;
    struct group *groups;
    struct tunnel *tunnels;
    struct login *logins;
    struct entry *entries;
    size_t group_count, group_room, tunnel_count, tunnel_room, login_count, login_room, entry_count;
    int64_t complete_until; /* before this nothing was forgotten, so that the only one is the only one */
    attempts_join_fn *join;
    void *ctx;
};

struct attempts *attempts_new(struct clocks *clocks)
{
    struct attempts *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->clocks = clocks;
    a->complete_until = INT64_MAX;
    return a;
}

void attempts_free(struct attempts *a)
{
    if (a == NULL)
        return;
    free(a->groups);
    free(a->tunnels);
    free(a->logins);
    free(a->entries);
    free(a);
}

/* Room for one more; *rows is replaced. False when there is none. */
static bool grow(void **rows, size_t count, size_t *room, size_t size, size_t most)
{
    if (count < *room)
        return true;
    size_t next = *room == 0 ? FIRST_ROOM : *room * 2;
    void *more = next <= most ? realloc(*rows, next * size) : NULL;
    if (more == NULL)
        return false;
    *rows = more;
    *room = next;
    return true;
}

static bool add_group(struct attempts *a, uint32_t head)
{
    void *rows = a->groups;
    if (!grow(&rows, a->group_count, &a->group_room, sizeof *a->groups, (size_t)2 * ATTEMPTS_MAX))
        return false;
    a->groups = rows;
    uint32_t index = (uint32_t)a->group_count++;
    a->groups[index] =
        (struct group){.head = head, .leader = index, .candidate = NOBODY, .attempt = index, .next_try = NOBODY};
    return true;
}

static bool add_tunnel(struct attempts *a, const struct tunnel *t)
{
    void *rows = a->tunnels;
    if (!grow(&rows, a->tunnel_count, &a->tunnel_room, sizeof *a->tunnels, ATTEMPTS_MAX))
        return false;
    a->tunnels = rows;
    a->tunnels[a->tunnel_count++] = *t;
    return true;
}

static bool add_login(struct attempts *a, const struct login *l)
{
    void *rows = a->logins;
    if (!grow(&rows, a->login_count, &a->login_room, sizeof *a->logins, ATTEMPTS_MAX))
        return false;
    a->logins = rows;
    a->logins[a->login_count++] = *l;
    return true;
}

/* The same handshake of TLS in two captures; false when it is not. */
static bool learn_from_handshake(struct clocks *c, const struct tls_facts *s, const struct tls_facts *t)
{
    if (!s->client_hello || !t->client_hello || memcmp(s->random, t->random, sizeof s->random) != 0 ||
        s->server_hello_place.frame == 0 || s->server_hello_place.capture != s->hello.capture ||
        t->server_hello_place.frame == 0 || t->server_hello_place.capture != t->hello.capture)
        return false;
    clocks_round_trip(c, s->hello.capture, s->hello.time_ns, s->server_hello_place.time_ns, t->hello.capture,
                      t->hello.time_ns, t->server_hello_place.time_ns);
    return true;
}

/* Both sides of one association, login or connection; and a tunnel that shows the very handshake of its login. */
static void learn_clocks(struct clocks *c, const struct exchange *x, const struct exchange *y)
{
    if (x->first.capture == y->first.capture || learn_from_handshake(c, &x->eap.tls, &y->eap.tls))
        return;
    if (x->type == CONVERSATION_SSTP && y->type == CONVERSATION_SSTP) /* TCP may be a proxy's own */
        (void)learn_from_handshake(c, &x->sstp.tls, &y->sstp.tls);
    else if (x->type == y->type && !x->begun_before && !y->begun_before && x->first_from_server.frame != 0 &&
             y->first_from_server.frame != 0 && x->first_from_server.capture == x->first.capture &&
             y->first_from_server.capture == y->first.capture)
        clocks_round_trip(c, x->first.capture, x->first.time_ns, x->first_from_server.time_ns, y->first.capture,
                          y->first.time_ns, y->first_from_server.time_ns);
}

static void forget(struct attempts *a, int64_t ns)
{
    if (ns - SPAN_NS < a->complete_until)
        a->complete_until = ns - SPAN_NS;
}

void attempts_add(struct attempts *a, uint32_t head, struct exchange *const *exchanges, size_t count)
{
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        struct tunnel t = {.group = 0};
        struct login l = {.group = 0};
        for (size_t k = 0; k < i; k++)
            learn_clocks(a->clocks, exchanges[k], exchanges[i]);
        bool tunnel = tunnel_read(exchanges[i], &t), login = !tunnel && login_read(exchanges[i], &l);
        if (!tunnel && !login)
            continue;
        known = known || add_group(a, head);
        if (known) {
            t.group = l.group = (uint32_t)a->group_count - 1;
            a->groups[t.group].tunnel |= tunnel;
            a->groups[t.group].login |= login;
        }
        if (!known || !(tunnel ? add_tunnel(a, &t) : add_login(a, &l)))
            forget(a, tunnel ? t.begin : l.first);
    }
}

static uint32_t leader_of(const struct attempts *a, uint32_t group)
{
    while (a->groups[group].leader != group)
        group = a->groups[group].leader;
    return group;
}

static void unite(struct attempts *a, uint32_t tunnel, uint32_t login)
{
    struct group *t = &a->groups[tunnel], *l = &a->groups[login];
    a->join(a->ctx, t->head, l->head);
    struct group *stays = t->head < l->head ? t : l, *goes = stays == t ? l : t;
    goes->leader = stays->leader;
    stays->tunnel = stays->login = true;
}

/* By this step's key; several of one tunnel are that many entries. */
static size_t keys_of(enum step step, const struct tunnel *t, uint64_t keys[static TUNNEL_ENDPOINTS])
{
    size_t count = 0;
    switch (step) {
    case STEP_CORRELATION:
        for (; count < t->correlation_count; count++)
            keys[count] = hash_bytes(t->correlations[count], CORRELATION, step);
        break;
    case STEP_APART:
    case STEP_ADDRESS:
        for (; t->dated && count < t->endpoint_count; count++)
            keys[count] = hash_bytes(&t->endpoints[count].address, sizeof t->endpoints[count].address, step);
        break;
    default:
        if (t->dated && t->computer != 0)
            keys[count++] = t->computer;
        break;
    }
    return count;
}

static uint64_t key_of(enum step step, const struct login *l)
{
    switch (step) {
    case STEP_CORRELATION:
        return l->has_correlation ? hash_bytes(l->correlation, CORRELATION, step) : 0;
    case STEP_APART:
    case STEP_ADDRESS:
        return l->client.address.family != FAMILY_NONE ? hash_bytes(&l->client.address, sizeof l->client.address, step)
                                                       : 0;
    default:
        return l->computer;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->tunnel < y->tunnel ? -1 : x->tunnel > y->tunnel;
}

static void sort_entries(struct attempts *a, enum step step)
{
    a->entry_count = 0;
    for (size_t i = 0; i < a->tunnel_count; i++) {
        uint64_t keys[TUNNEL_ENDPOINTS];
        size_t count = keys_of(step, &a->tunnels[i], keys);
        int64_t begin = step == STEP_CORRELATION ? a->tunnels[i].from : a->tunnels[i].begin;
        for (size_t k = 0; k < count; k++)
            a->entries[a->entry_count++] = (struct entry){keys[k], begin, (uint32_t)i};
    }
    qsort(a->entries, a->entry_count, sizeof *a->entries, by_key);
}

static bool says_address(const struct tunnel *t, const struct endpoint *client)
{
    for (unsigned i = 0; i < t->endpoint_count; i++) {
        const struct endpoint *e = &t->endpoints[i];
        if (address_equal(&e->address, &client->address) &&
            (client->port == 0 || e->port == 0 || e->port == client->port))
            return true;
    }
    return false;
}

/* The login begins when the tunnel's client authenticates, at least within the tunnel's life. */
static bool in_time(enum step step, const struct tunnel *t, const struct login *l)
{
    bool related = t->root == l->root;
    int64_t slack = t->capture == l->capture ? SAME_NS : related ? NEAR_NS : FAR_NS;
    if (step == STEP_APART)
        return !related;
    if (step == STEP_CORRELATION && !related)
        slack = HOUR_NS;
    int64_t begin = step == STEP_CORRELATION ? t->from : t->begin;
    int64_t end = step == STEP_CORRELATION ? t->until : t->end + SOON_NS;
    int64_t late = related || step == STEP_CORRELATION ? slack : 0;
    return l->first >= begin - slack && l->first <= end + late && l->first <= t->until + slack;
}

static bool differ(uint64_t x, uint64_t y)
{
    return x != 0 && y != 0 && x != y;
}

/* Keys are hashes: the values themselves are compared, and what both say must not differ. */
static bool fits(enum step step, const struct tunnel *t, const struct login *l)
{
    bool over_ipsec = l->wants == CONVERSATION_L2TP + 1 && t->type == CONVERSATION_IKE1;
    if (!in_time(step, t, l) || (l->wants != 0 && l->wants != t->type + 1 && !over_ipsec))
        return false;
    if (differ(t->user, l->user))
        return false;
    /* Tries of one attempt, which have one correlation id, differ in these. */
    if (step != STEP_CORRELATION && (differ(t->nonces.response, l->nonces.response) || differ(t->nonces.hello, l->nonces.hello)))
        return false;
    if (step == STEP_ADDRESS || step == STEP_APART)
        return says_address(t, &l->client) && !differ(t->computer, l->computer);
    if (step == STEP_COMPUTER)
        return t->computer == l->computer;
    for (unsigned i = 0; i < t->correlation_count; i++)
        if (memcmp(t->correlations[i], l->correlation, CORRELATION) == 0)
            return true;
    return false;
}

/* Index of the first entry of this key that begins at that time or later. */
static size_t lower_bound(const struct attempts *a, uint64_t key, int64_t begin)
{
    size_t low = 0, high = a->entry_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct entry *e = &a->entries[mid];
        if (e->key < key || (e->key == key && e->begin < begin))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void note(uint32_t *candidate, uint32_t group)
{
    *candidate = *candidate == NOBODY || *candidate == group ? group : SEVERAL;
}

/* Notes with each other all that fit; a tunnel that has its login already is none. */
static void look_for(struct attempts *a, enum step step, const struct login *l)
{
    uint64_t key = key_of(step, l);
    uint32_t mine = leader_of(a, l->group);
    struct group *g = &a->groups[mine];
    bool timeless = step == STEP_CORRELATION || step == STEP_APART;
    if (key == 0 || g->tunnel || (step != STEP_CORRELATION && l->first >= a->complete_until))
        return;
    int64_t latest = timeless ? INT64_MAX : l->first + FAR_NS;
    size_t begin = lower_bound(a, key, timeless ? INT64_MIN : l->first - SPAN_NS);
    for (size_t i = begin; i < a->entry_count; i++) {
        const struct entry *e = &a->entries[i];
        if (e->key != key || e->begin > latest)
            break;
        if (i - begin == LOOKED_AT_MAX) {
            g->candidate = SEVERAL;
            break;
        }
        uint32_t group = leader_of(a, a->tunnels[e->tunnel].group);
        if ((step != STEP_CORRELATION && a->groups[group].login) || !fits(step, &a->tunnels[e->tunnel], l))
            continue;
        note(&g->candidate, group);
        note(&a->groups[group].candidate, g->attempt);
    }
}

static void find_candidates(struct attempts *a, enum step step)
{
    sort_entries(a, step);
    for (size_t i = 0; i < a->group_count; i++)
        a->groups[i].candidate = NOBODY;
    for (size_t i = 0; i < a->login_count; i++)
        look_for(a, step, &a->logins[i]);
}

/* The only tunnel of a login; NOBODY when there is none, or several. */
static uint32_t only_tunnel(const struct attempts *a, uint32_t login)
{
    const struct group *g = &a->groups[login];
    bool one = g->leader == login && g->login && !g->tunnel && g->candidate != SEVERAL;
    return one ? g->candidate : NOBODY;
}

static void extend(struct group *g, int64_t first, int64_t last)
{
    g->first = first < g->first ? first : g->first;
    g->last = last > g->last ? last : g->last;
}

/* In common time. */
static void find_lives(struct attempts *a)
{
    for (size_t i = 0; i < a->group_count; i++) {
        a->groups[i].first = INT64_MAX;
        a->groups[i].last = INT64_MIN;
    }
    for (size_t i = 0; i < a->tunnel_count; i++)
        extend(&a->groups[a->tunnels[i].group], a->tunnels[i].begin, a->tunnels[i].until);
    for (size_t i = 0; i < a->login_count; i++)
        extend(&a->groups[a->logins[i].group], a->logins[i].first, a->logins[i].first);
}

/* A try that fits no other tunnel, later in the life of this one: a password typed anew. */
static bool again_within(const struct attempts *a, uint32_t tunnel, uint32_t try)
{
    const struct group *g = &a->groups[try], *t = &a->groups[tunnel];
    return g->leader == try && !g->tunnel && g->candidate == NOBODY && g->first >= t->first && g->first <= t->last;
}

static int by_correlation(const void *a, const void *b)
{
    const struct login *x = a, *y = b;
    int differ = memcmp(x->correlation, y->correlation, CORRELATION);
    return differ != 0 ? differ : x->group < y->group ? -1 : x->group > y->group;
}

/* Sorts the logins, so that those of one attempt come one after another. */
static void find_tries(struct attempts *a)
{
    qsort(a->logins, a->login_count, sizeof *a->logins, by_correlation);
    for (size_t i = 1; i < a->login_count; i++) {
        const struct login *before = &a->logins[i - 1], *l = &a->logins[i];
        if (!l->has_correlation || l->group == before->group ||
            memcmp(l->correlation, before->correlation, CORRELATION) != 0 || a->groups[l->group].attempt != l->group)
            continue;
        a->groups[l->group].attempt = a->groups[before->group].attempt;
        a->groups[before->group].next_try = l->group;
    }
}

/* The same attempt may be tried again under one correlation id; else each must be the other's only one. */
static void take_step(struct attempts *a, enum step step)
{
    find_candidates(a, step);
    for (uint32_t i = 0; i < a->group_count; i++) {
        uint32_t tunnel = only_tunnel(a, i);
        if (tunnel == NOBODY || (step != STEP_CORRELATION && a->groups[tunnel].candidate != a->groups[i].attempt))
            continue;
        uint32_t try = step != STEP_CORRELATION ? a->groups[i].attempt : NOBODY;
        unite(a, leader_of(a, tunnel), i);
        for (; try != NOBODY; try = a->groups[try].next_try)
            if (only_tunnel(a, try) == tunnel || again_within(a, tunnel, try))
                unite(a, leader_of(a, tunnel), try);
    }
}

/* An authentication behind a tunnel begins after its client's, and is over before the server tells that. */
static void learn_from(struct attempts *a, const struct tunnel *t, const struct login *l)
{
    if (t->capture == l->capture || t->answered == NEVER || !t->dated || l->last < l->first || t->answered < t->begin)
        return;
    clocks_round_trip(a->clocks, t->capture, t->begin, t->answered, l->capture, l->first, l->last);
}

static void learn_from_joined(struct attempts *a)
{
    for (size_t i = 0; i < a->login_count; i++) {
        const struct login *l = &a->logins[i];
        uint64_t key = key_of(STEP_CORRELATION, l);
        if (key == 0 || !a->groups[leader_of(a, l->group)].tunnel)
            continue;
        for (size_t k = lower_bound(a, key, INT64_MIN); k < a->entry_count && a->entries[k].key == key; k++) {
            const struct tunnel *t = &a->tunnels[a->entries[k].tunnel];
            if (leader_of(a, t->group) == leader_of(a, l->group))
                learn_from(a, t, l);
        }
    }
}

/* By how much a login's clock would be ahead if it stood behind that tunnel. */
struct vote {
    uint32_t tunnel_capture, login_capture;
    int64_t ahead_ns;
};

static int by_vote(const void *a, const void *b)
{
    const struct vote *x = a, *y = b;
    if (x->tunnel_capture != y->tunnel_capture)
        return x->tunnel_capture < y->tunnel_capture ? -1 : 1;
    if (x->login_capture != y->login_capture)
        return x->login_capture < y->login_capture ? -1 : 1;
    return x->ahead_ns < y->ahead_ns ? -1 : x->ahead_ns > y->ahead_ns;
}

/* Of the votes on two captures, in ascending order, most must agree. */
static void elect(struct attempts *a, const struct vote *votes, size_t count)
{
    size_t best = 0, best_count = 0;
    for (size_t i = 0, end = 0; i < count; i++) {
        while (end < count && votes[end].ahead_ns - votes[i].ahead_ns <= AGREE_NS)
            end++;
        if (end - i > best_count) {
            best = i;
            best_count = end - i;
        }
    }
    if (best_count < VOTES_LEAST || best_count * 2 <= count)
        return;
    for (size_t i = best; i < best + best_count; i++)
        clocks_sample(a->clocks, votes[i].tunnel_capture, votes[i].login_capture, votes[i].ahead_ns);
}

static size_t gather_votes(struct attempts *a, struct vote *votes)
{
    size_t count = 0;
    for (size_t i = 0; i < a->login_count; i++) {
        const struct login *l = &a->logins[i];
        uint32_t mine = leader_of(a, l->group), tunnel = only_tunnel(a, mine);
        if (tunnel == NOBODY || a->groups[tunnel].candidate != a->groups[mine].attempt)
            continue;
        uint64_t key = key_of(STEP_APART, l);
        for (size_t k = lower_bound(a, key, INT64_MIN); k < a->entry_count && a->entries[k].key == key; k++) {
            const struct tunnel *t = &a->tunnels[a->entries[k].tunnel];
            if (leader_of(a, t->group) != tunnel || !fits(STEP_APART, t, l))
                continue;
            int64_t there = l->first - t->begin, back = t->answered != NEVER ? l->last - t->answered : there;
            votes[count++] = (struct vote){t->capture, l->capture, back + (there - back) / 2};
            break;
        }
    }
    return count;
}

/*
 * Two captures that share nothing: each address that one tunnel and one login have says how far the clocks are apart,
 * and what several say is so. Times are the captures' own.
 */
static void vote_on_clocks(struct attempts *a)
{
    bool apart = false;
    for (size_t i = 0; i < a->tunnel_count && !apart; i++)
        apart = a->tunnels[i].root != a->logins[0].root;
    for (size_t i = 0; i < a->login_count && !apart; i++)
        apart = a->logins[i].root != a->logins[0].root;
    struct vote *votes = apart ? calloc(a->login_count, sizeof *votes) : NULL;
    if (votes == NULL)
        return;
    find_candidates(a, STEP_APART);
    size_t count = gather_votes(a, votes);
    qsort(votes, count, sizeof *votes, by_vote);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && votes[end].tunnel_capture == votes[i].tunnel_capture &&
                      votes[end].login_capture == votes[i].login_capture;)
            end++;
        elect(a, votes + i, end - i);
    }
    free(votes);
}

/* From the captures' own times to common ones, or back. */
static void shift(struct attempts *a, bool common)
{
    for (size_t i = 0; i < a->tunnel_count; i++) {
        struct tunnel *t = &a->tunnels[i];
        int64_t by = clocks_ahead(a->clocks, t->capture, &t->root) * (common ? 1 : -1);
        t->from -= by;
        t->until -= by;
        t->begin -= by;
        t->end -= by;
        t->answered -= t->answered != NEVER ? by : 0;
    }
    for (size_t i = 0; i < a->login_count; i++) {
        struct login *l = &a->logins[i];
        int64_t by = clocks_ahead(a->clocks, l->capture, &l->root) * (common ? 1 : -1);
        l->first -= by;
        l->last -= by;
    }
}

void attempts_join(struct attempts *a, attempts_join_fn *join, void *ctx)
{
    a->join = join;
    a->ctx = ctx;
    if (a->tunnel_count == 0 || a->login_count == 0)
        return;
    a->entries = calloc(a->tunnel_count * TUNNEL_ENDPOINTS, sizeof *a->entries);
    if (a->entries == NULL)
        return;
    find_tries(a);
    shift(a, true);
    take_step(a, STEP_CORRELATION);
    shift(a, false);
    learn_from_joined(a);
    vote_on_clocks(a);
    shift(a, true);
    find_lives(a);
    take_step(a, STEP_ADDRESS);
    take_step(a, STEP_COMPUTER);
}
