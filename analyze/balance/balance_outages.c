/* Backends that do not answer while others do. wire-facts 12.2. */
#include "analyze/balance/balance_internal.h"
#include "capture/wire/elapsed.h"

enum { LEAST_ATTEMPTS = 3, LEAST_CLIENTS = 2 };
#define MEANWHILE_NS (60 * INT64_C(1000000000))

/* Attempts in vain, one after the other, at one backend by one protocol. */
struct run {
    uint64_t attempts, hung, clients, first_client;
    struct place first, last, answered;
    int64_t end_ns;
};

static struct place place_of(const struct record *r)
{
    return (struct place){.frame = r->frame, .time_ns = r->start_ns, .capture = r->capture};
}

static bool is_good(const struct record *r)
{
    return (r->flags & (RECORD_REACHED | RECORD_HUNG)) == RECORD_REACHED;
}

/* Another backend of the group that answered meanwhile, in the same capture. */
static const struct record *witness_of(const struct balance *b, uint16_t server, uint8_t protocol, const struct run *run)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        if (elapsed_ns(r->start_ns, run->last.time_ns) > MEANWHILE_NS)
            break;
        if (r->backend != server && r->protocol == protocol && r->capture == run->last.capture && is_good(r) &&
            b->servers[r->backend].group[0] == b->servers[server].group[0] &&
            elapsed_ns(run->first.time_ns, r->start_ns) <= MEANWHILE_NS)
            return r;
    }
    return NULL;
}

/* The same backend, the same time, another protocol. */
static struct balance_outage *known(struct balance *b, const struct address *a, const struct run *run)
{
    for (size_t i = 0; i < b->outage_count; i++) {
        struct balance_outage *o = &b->outages[i];
        if (address_equal(&o->address, a) && o->first.time_ns <= run->last.time_ns && run->first.time_ns <= o->last.time_ns)
            return o;
    }
    return NULL;
}

/* True when the run was one. */
static bool tell(struct balance *b, uint16_t server, uint8_t protocol, const struct run *run, const struct record *back)
{
    const struct balance_server *s = &b->servers[server];
    const struct record *w = run->attempts >= LEAST_ATTEMPTS && run->clients >= LEAST_CLIENTS
                                 ? witness_of(b, server, protocol, run)
                                 : NULL;
    if (w == NULL)
        return false;
    struct balance_outage *o = known(b, &s->address, run);
    if (o != NULL) {
        o->protocols |= 1u << protocol;
        o->attempts += run->attempts;
        return true;
    }
    if (b->outage_count == BALANCE_OUTAGES_MAX)
        return true;
    o = &b->outages[b->outage_count++];
    *o = (struct balance_outage){.address = s->address,
                                 .protocols = 1u << protocol,
                                 .attempts = run->attempts,
                                 .clients = run->clients,
                                 .hung = run->hung == run->attempts,
                                 .first = run->first,
                                 .last = run->last,
                                 .answered = run->answered,
                                 .witness = b->servers[w->backend].address,
                                 .witness_place = place_of(w)};
    if (s->named != BALANCE_GROUP_NONE && b->settings.named[s->named].name[0] != '\0')
        o->name = b->settings.named[s->named].name;
    if (back != NULL)
        o->back = place_of(back);
    return true;
}

static void add(struct run *run, const struct record *r)
{
    if (run->attempts++ == 0) {
        run->first = place_of(r);
        run->first_client = record_client(r);
        run->clients = 1;
    } else if (record_client(r) != run->first_client) {
        run->clients = LEAST_CLIENTS;
    }
    run->hung += (r->flags & RECORD_HUNG) != 0;
    run->last = place_of(r);
}

static void look(struct balance *b, uint16_t server, uint8_t protocol)
{
    struct run run = {0};
    bool down = false;
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        if (r->backend != server || r->protocol != protocol || (r->flags & RECORD_CARRIED) != 0)
            continue;
        if (is_good(r)) {
            (void)tell(b, server, protocol, &run, r);
            run = (struct run){.answered = place_of(r)};
        } else if ((r->flags & (RECORD_SILENT | RECORD_HUNG)) != 0) {
            add(&run, r);
        }
    }
    down = tell(b, server, protocol, &run, NULL);
    b->servers[server].dead |= down;
}

static void sort(struct balance *b)
{
    for (size_t i = 1; i < b->outage_count; i++) {
        struct balance_outage o = b->outages[i];
        size_t at = i;
        for (; at > 0 && b->outages[at - 1].first.time_ns > o.first.time_ns; at--)
            b->outages[at] = b->outages[at - 1];
        b->outages[at] = o;
    }
}

void balance_find_outages(struct balance *b)
{
    bool failing[BALANCE_BACKENDS_MAX][BALANCE_OTHER + 1] = {{false}};
    for (size_t i = 0; i < b->count; i++) {
        const struct record *r = &b->records[i];
        failing[r->backend][r->protocol] |= (r->flags & (RECORD_SILENT | RECORD_HUNG)) != 0;
    }
    for (uint16_t s = 0; s < b->server_count; s++)
        for (uint8_t p = 0; p <= BALANCE_OTHER; p++)
            if (failing[s][p] && p != BALANCE_RADIUS && b->servers[s].group[0] != BALANCE_GROUP_NONE)
                look(b, s, p);
    sort(b);
}
