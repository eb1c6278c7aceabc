/* The automaton of RFC 1661 section 4 as an observer needs it: who asked, who agreed, who gave up. */
#include "dissect/ppp/ppp_internal.h"
#include "capture/wire/hash.h"

uint64_t ppp_packet_hash(const struct ppp_packet *p)
{
    uint64_t hash = hash_bytes(p->data.data, p->data.len, (uint64_t)p->code << 8 | p->identifier);
    return hash != 0 ? hash : 1;
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
    return change;
}

/* dir answers the other side's Request. */
static enum ppp_change answered(struct ppp_negotiation *n, struct ppp_memory *memory, enum direction dir,
                                const struct ppp_packet *p, const struct place *place)
{
    enum direction asker = ppp_other(dir);
    uint64_t hash = ppp_packet_hash(p);
    if (memory->said[dir].answer == hash)
        return PPP_CHANGE_REPEATED;
    if (memory->said[asker].requests[0] != 0 && memory->said[asker].identifier != p->identifier)
        return PPP_CHANGE_STALE;
    memory->said[dir].answer = hash;
    if (p->code == PPP_CONFIGURE_ACK) {
        n->acked[asker] = true;
        n->refused_in_row[asker] = 0;
        if (!n->acked[dir] || n->outcome != PPP_RUNNING)
            return PPP_CHANGE_ACCEPTED;
        n->outcome = PPP_OPENED;
        n->ended = *place;
        return PPP_CHANGE_OPENED;
    }
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
