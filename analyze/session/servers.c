#include "analyze/session/servers.h"

#include <assert.h>
#include <stdlib.h>

#include "capture/wire/hash.h"

enum { SLOTS = 2 * SERVERS_MAX };

struct servers {
    struct server *last; /* found or made last: packets come in runs of one server */
    struct server *at[SERVERS_MAX];
    uint16_t slots[SLOTS]; /* index + 1, 0 empty */
    size_t count;
};

struct servers *servers_new(void)
{
    return calloc(1, sizeof(struct servers));
}

void servers_free(struct servers *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        free(s->at[i]);
    free(s);
}

struct server *servers_of(struct servers *s, const struct endpoint *e)
{
    if (s->last != NULL && endpoint_equal(&s->last->endpoint, e))
        return s->last;
    size_t slot = address_hash(&e->address, e->port) % SLOTS;
    for (; s->slots[slot] != 0; slot = (slot + 1) % SLOTS)
        if (endpoint_equal(&s->at[s->slots[slot] - 1]->endpoint, e))
            return s->last = s->at[s->slots[slot] - 1];
    if (s->count == SERVERS_MAX)
        return NULL;
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->endpoint = *e;
    server->index = (uint32_t)s->count;
    s->at[s->count++] = server;
    s->slots[slot] = (uint16_t)s->count;
    return s->last = server;
}

size_t servers_count(const struct servers *s)
{
    return s->count;
}

struct server *servers_at(const struct servers *s, size_t i)
{
    return i < s->count ? s->at[i] : NULL;
}

/* Lower bounds of the buckets in nanoseconds: 1 us times 2^(b/2). */
#define OCTAVE(n) (INT64_C(1000) << (n)), (INT64_C(1000) << (n)) + (INT64_C(1000) << (n)) * 414 / 1000
#define OCTAVES_4(n) OCTAVE(n), OCTAVE((n) + 1), OCTAVE((n) + 2), OCTAVE((n) + 3)
static const int64_t bucket_floors[] = {OCTAVES_4(0),  OCTAVES_4(4),  OCTAVES_4(8),
                                        OCTAVES_4(12), OCTAVES_4(16), OCTAVES_4(20)};
static_assert(sizeof bucket_floors / sizeof *bucket_floors == SERVER_TIME_BUCKETS, "a floor for each bucket");

/* Place of the highest bit; 0 for 0. */
static unsigned highest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return 63u - (unsigned)__builtin_clzll(word | 1);
#else
    unsigned bit = 0;
    while ((word >>= 1) != 0)
        bit++;
    return bit;
#endif
}

void server_add_silence(struct server *s, const struct radius_event *e, bool first)
{
    int64_t asked_ns = e->request->time_ns;
    bool known = s->responses == 0 || address_equal(&s->answered, &e->client->address); /* else it may be none of its clients */
    if (e->code != RADIUS_ACCESS_REQUEST || e->capture_ended || asked_ns <= s->last_answer_ns || asked_ns <= s->continued_ns || !known)
        return;
    s->silent++;
    s->silent_first += first;
}

static bool is_silent(const struct server *s)
{
    enum { REQUESTS_IN_VAIN = 3 };
    return s->silent >= REQUESTS_IN_VAIN && s->silent_first > 0;
}

bool server_gone(const struct server *s, int64_t request_ns)
{
    return is_silent(s) && request_ns > s->last_answer_ns && request_ns > s->continued_ns;
}

static void outage_is_over(struct server *s, int64_t until_ns)
{
    struct server_outage *least = s->outages;
    for (uint32_t i = 1; i < s->outage_count; i++)
        if (s->outages[i].requests < least->requests)
            least = &s->outages[i];
    if (s->outage_count < SERVER_OUTAGES)
        least = &s->outages[s->outage_count++];
    else if (least->requests >= s->silent)
        return;
    int64_t from_ns = s->last_answer_ns > s->continued_ns ? s->last_answer_ns : s->continued_ns;
    *least = (struct server_outage){from_ns, until_ns, s->silent};
}

void server_ends_silence(struct server *s, int64_t time_ns)
{
    if (is_silent(s) && s->responses > 0)
        outage_is_over(s, time_ns);
    s->silent = s->silent_first = 0;
}

const struct server_outage *server_was_gone(const struct server *s, int64_t request_ns)
{
    for (uint32_t i = 0; i < s->outage_count; i++)
        if (request_ns > s->outages[i].from_ns && request_ns < s->outages[i].until_ns)
            return &s->outages[i];
    return NULL;
}

void server_add_time(struct server *s, int64_t elapsed_ns)
{
    unsigned b = elapsed_ns >= 1000 ? 2 * highest_bit((uint64_t)elapsed_ns / 1000) : 0;
    if (b + 1 >= SERVER_TIME_BUCKETS)
        b = SERVER_TIME_BUCKETS - 1;
    else
        b += bucket_floors[b + 1] <= elapsed_ns; /* the half of its octave */
    s->times[b]++;
}

int64_t server_median_ns(const struct server *s)
{
    uint64_t all = 0, seen = 0;
    for (unsigned b = 0; b < SERVER_TIME_BUCKETS; b++)
        all += s->times[b];
    for (unsigned b = 0; all > 0 && b < SERVER_TIME_BUCKETS; b++) {
        seen += s->times[b];
        if (2 * seen >= all)
            return bucket_floors[b];
    }
    return 0;
}

bool accounting_in_vain(const struct radius_event *e)
{
    return e->role == RADIUS_UNANSWERED && e->code == RADIUS_ACCOUNTING_REQUEST &&
           (!e->capture_ended || e->transmissions >= 3);
}

void server_add_chain(struct server *s, uint32_t chain, bool accepted, bool refused, struct place where,
                      uint32_t exchange)
{
    size_t i = 0;
    while (i < s->chain_count && s->chains[i].chain != chain)
        i++;
    if (i == SERVER_CHAINS_MAX)
        return;
    if (i == s->chain_count) {
        s->chain_count++;
        s->chains[i].chain = chain;
        s->chains[i].first = where;
        s->chains[i].exchange = exchange;
    }
    s->chains[i].presented++;
    s->chains[i].last_ns = where.time_ns > s->chains[i].last_ns ? where.time_ns : s->chains[i].last_ns;
    s->chains[i].accepted += accepted;
    s->chains[i].refused += refused;
}

void server_forget_chains(struct server *s)
{
    memset(s->chains, 0, sizeof s->chains);
    s->chain_count = 0;
    s->resumed_ns = 0;
}
