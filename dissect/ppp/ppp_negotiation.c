/* The automaton of RFC 1661 section 4 as an observer needs it: who asked, who agreed, who gave up. */
#include "dissect/ppp/ppp_internal.h"
#include "capture/wire/hash.h"

static uint64_t hash_as(const struct ppp_packet *p, uint8_t code)
{
    uint64_t hash = hash_bytes(p->data.data, p->data.len, (uint64_t)code << 8 | p->identifier);
    return hash != 0 ? hash : 1;
}

uint64_t ppp_packet_hash(const struct ppp_packet *p)
{
    return hash_as(p, p->code);
}

static bool asked_before(struct ppp_said *said, uint64_t hash)
{
    for (unsigned i = 0; i < REQUESTS_REMEMBERED; i++)
        if (said->requests[i] == hash)
            return true;
    memmove(said->requests + 1, said->requests, sizeof said->requests - sizeof said->requests[0]);
    said->requests[0] = hash;
    return false;
}

static void begin(struct ppp_negotiation *n, const struct place *place)
{
    n->outcome = PPP_RUNNING;
    n->began = *place;
    n->ended = (struct place){0};
    n->acked[0] = n->acked[1] = false;
    n->refused_in_row[0] = n->refused_in_row[1] = 0;
}

/* The side's last Request is acknowledged. */
static enum ppp_change accepted(struct ppp_negotiation *n, enum direction asker, const struct place *place)
{
    n->acked[asker] = true;
    n->refused_in_row[asker] = 0;
    if (!n->acked[ppp_other(asker)] || n->outcome != PPP_RUNNING)
        return PPP_CHANGE_ACCEPTED;
    n->outcome = PPP_OPENED;
    n->ended = *place;
    return PPP_CHANGE_OPENED;
}

static enum ppp_change requested(struct ppp_negotiation *n, struct ppp_memory *memory, enum direction dir,
                                 const struct ppp_packet *p, const struct place *place)
{
    struct ppp_said *said = &memory->said[dir];
    enum ppp_change change = PPP_CHANGE_NONE;
    if (asked_before(said, ppp_packet_hash(p)))
        return PPP_CHANGE_REPEATED;
    said->identifier = p->identifier;
    if (n->outcome > PPP_RUNNING) {
        change = PPP_CHANGE_RESTARTED;
        begin(n, place);
    }
    n->acked[dir] = false;
    ppp_count(&n->requests[dir]);
    uint64_t *early = &memory->said[ppp_other(dir)].early_ack;
    bool acked_before = *early == hash_as(p, PPP_CONFIGURE_ACK);
    *early = 0;
    return acked_before && change == PPP_CHANGE_NONE ? accepted(n, dir, place) : change;
}

/* dir answers the other side's Request. */
static enum ppp_change answered(struct ppp_negotiation *n, struct ppp_memory *memory, enum direction dir,
                                const struct ppp_packet *p, const struct place *place)
{
    enum direction asker = ppp_other(dir);
    uint64_t hash = ppp_packet_hash(p);
    if (memory->said[dir].answer == hash)
        return PPP_CHANGE_REPEATED;
    bool unasked = memory->said[asker].requests[0] == 0;
    bool stale = !unasked && memory->said[asker].identifier != p->identifier;
    if ((unasked || stale) && p->code == PPP_CONFIGURE_ACK)
        memory->said[dir].early_ack = hash;
    if (stale)
        return PPP_CHANGE_STALE;
    memory->said[dir].answer = hash;
    if (p->code == PPP_CONFIGURE_ACK)
        return accepted(n, asker, place);
    n->acked[asker] = false;
    ppp_count(p->code == PPP_CONFIGURE_NAK ? &n->naks[dir] : &n->rejects[dir]);
    ppp_count(&n->refused_in_row[asker]);
    return PPP_CHANGE_REFUSED;
}

static enum ppp_change closed(struct ppp_negotiation *n, enum direction by, const struct place *place)
{
    if (n->outcome == PPP_CLOSED)
        return PPP_CHANGE_NONE;
    n->outcome = PPP_CLOSED;
    n->ended_by = (uint8_t)by;
    n->ended = *place;
    return PPP_CHANGE_CLOSED;
}

enum ppp_change ppp_negotiate(struct ppp_negotiation *n, struct ppp_memory *memory, enum direction dir,
                              const struct ppp_packet *p, const struct place *place)
{
    if (n->outcome == PPP_UNTOUCHED)
        begin(n, place);
    switch (p->code) {
    case PPP_CONFIGURE_REQUEST:
        return requested(n, memory, dir, p, place);
    case PPP_CONFIGURE_ACK:
    case PPP_CONFIGURE_NAK:
    case PPP_CONFIGURE_REJECT:
        return answered(n, memory, dir, p, place);
    case PPP_TERMINATE_REQUEST:
        return n->outcome == PPP_CLOSED && n->ended_by == (uint8_t)dir ? PPP_CHANGE_REPEATED : closed(n, dir, place);
    case PPP_TERMINATE_ACK:
        /* Also the answer to a Configure-Request that comes too early (RFC 1661 section 4.1, state Closed), which ends
         * nothing. After the opening it tells of a Request that was not captured. */
        return n->outcome == PPP_OPENED ? closed(n, ppp_other(dir), place) : PPP_CHANGE_NONE;
    default:
        return PPP_CHANGE_NONE;
    }
}
